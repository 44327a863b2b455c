-- Extra seats (加号): asked for by one member of staff, approved by another, so many a practitioner and half day.

CREATE TABLE extra_seat_quota (
    practitioner_id uuid PRIMARY KEY REFERENCES practitioner (id),
    per_half_day    smallint NOT NULL CHECK (per_half_day BETWEEN 0 AND 100),
    version         integer  NOT NULL DEFAULT 1
);
-- What counts for everybody without a quota of their own; one row, the hospital's.
CREATE TABLE extra_seat_rule (
    id           uuid PRIMARY KEY,
    per_half_day smallint NOT NULL CHECK (per_half_day BETWEEN 0 AND 100),
    version      integer  NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX extra_seat_rule_one ON extra_seat_rule ((true));
INSERT INTO extra_seat_rule (id, per_half_day) VALUES ('00000000-0000-7000-8000-000000000111', 5);

CREATE TABLE extra_seat (
    id              uuid PRIMARY KEY,
    slot_id         uuid        NOT NULL REFERENCES slot (id),
    schedule_id     uuid        NOT NULL REFERENCES schedule (id),
    practitioner_id uuid        NOT NULL REFERENCES practitioner (id),
    clinic_date     date        NOT NULL,
    half_day        text        NOT NULL CHECK (half_day IN ('am', 'pm')),   -- by the slot's start, Asia/Shanghai
    pool            text        NOT NULL REFERENCES pool (code),
    patient_id      uuid,                                  -- whom it is for; null: whoever may book the pool
    reason          text        NOT NULL CHECK (length(reason) BETWEEN 1 AND 200),
    status          text        NOT NULL CHECK (status IN ('requested', 'approved', 'refused')),
    requested_by    text        NOT NULL,                  -- staff codes
    decided_by      text,
    client_id       text        NOT NULL,
    seat_id         bigint REFERENCES seat (id),
    appointment_id  uuid,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CONSTRAINT extra_seat_four_eyes CHECK (decided_by <> requested_by),
    CHECK ((status = 'requested') = (decided_by IS NULL) AND (status = 'approved') = (seat_id IS NOT NULL)),
    CHECK (status = 'approved' OR appointment_id IS NULL)
);
CREATE INDEX extra_seat_quota_used ON extra_seat (practitioner_id, clinic_date, half_day) WHERE status <> 'refused';

-- Check-in (报到) and the queue before each consulting room (候诊). Positions are derived, never stored.

-- Rule data; a clinic's own row goes before the hospital's, null leaves the question to it.
ALTER TABLE booking_rule
    ADD COLUMN check_in_minutes_before integer CHECK (check_in_minutes_before BETWEEN 0 AND 1440),  -- slot's start
    ADD COLUMN check_in_minutes_after integer CHECK (check_in_minutes_after BETWEEN 0 AND 1440),    -- slot's start
    ADD COLUMN late_minutes_after integer CHECK (late_minutes_after BETWEEN 0 AND 1440),            -- slot's start
    ADD COLUMN check_in_radius_meters integer CHECK (check_in_radius_meters BETWEEN 10 AND 50000),
    ADD COLUMN fix_accuracy_meters_max integer CHECK (fix_accuracy_meters_max BETWEEN 5 AND 5000),
    ADD COLUMN fix_age_seconds_max integer CHECK (fix_age_seconds_max BETWEEN 5 AND 3600),
    ADD COLUMN pass_places integer CHECK (pass_places BETWEEN 0 AND 100),
    ADD COLUMN elderly_years smallint CHECK (elderly_years BETWEEN 50 AND 150),
    ADD COLUMN priority_minutes integer CHECK (priority_minutes BETWEEN 0 AND 1440),
    ADD COLUMN return_visit_minutes integer CHECK (return_visit_minutes BETWEEN 0 AND 1440);
UPDATE booking_rule SET check_in_minutes_before = 120, check_in_minutes_after = 240, late_minutes_after = 30,
    check_in_radius_meters = 500, fix_accuracy_meters_max = 200, fix_age_seconds_max = 120, pass_places = 3,
    elderly_years = 65, priority_minutes = 30, return_visit_minutes = 60
WHERE clinic_id IS NULL;
ALTER TABLE booking_rule ADD CONSTRAINT booking_rule_hospital_queue_complete CHECK (clinic_id IS NOT NULL OR num_nulls(
    check_in_minutes_before, check_in_minutes_after, late_minutes_after, check_in_radius_meters,
    fix_accuracy_meters_max, fix_age_seconds_max, pass_places, elderly_years, priority_minutes,
    return_visit_minutes) = 0);

-- One practitioner in one room on one clinic day. Whoever changes the queue locks this row first.
CREATE TABLE visit_queue (
    id               uuid PRIMARY KEY,
    clinic_date      date        NOT NULL,
    practitioner_id  uuid        NOT NULL,
    room_id          uuid        NOT NULL,
    clinic_id        uuid        NOT NULL,
    last_event       bigint      NOT NULL DEFAULT 0,        -- of visit_queue_event: what watchers have seen goes by it
    CONSTRAINT visit_queue_once UNIQUE (practitioner_id, clinic_date, room_id)
);
CREATE INDEX visit_queue_room ON visit_queue (room_id, clinic_date);

CREATE TABLE visit_queue_entry (
    id               uuid PRIMARY KEY,
    ticket           bigint GENERATED ALWAYS AS IDENTITY,   -- order of check-in, decides ties
    queue_id         uuid        NOT NULL REFERENCES visit_queue (id),
    clinic_date      date        NOT NULL,
    label            text        NOT NULL,                  -- what is called out and shown: A12
    patient_id       uuid        NOT NULL,
    client_id        text        NOT NULL,                  -- whose application may read it beside the hospital's own
    appointment_id   uuid UNIQUE,
    visit_number     text UNIQUE,                           -- the HIS's, of a walk-in
    schedule_id      uuid,
    class            text        NOT NULL CHECK (class IN ('emergency', 'return-visit', 'priority', 'on-time', 'late')),
    is_elderly       boolean     NOT NULL DEFAULT false,
    is_disabled      boolean     NOT NULL DEFAULT false,
    is_military      boolean     NOT NULL DEFAULT false,
    status           text        NOT NULL CHECK (status IN
                     ('waiting', 'called', 'in-consultation', 'passed', 'finished', 'left')),
    -- Seconds after midnight (Asia/Shanghai) at which the person is due: the smaller, the sooner.
    order_seconds    double precision NOT NULL,
    calls            smallint    NOT NULL DEFAULT 0,
    passes           smallint    NOT NULL DEFAULT 0,
    way              text        NOT NULL CHECK (way IN ('staff', 'kiosk', 'code', 'place', 'his')),
    checked_in_at    timestamptz NOT NULL,
    called_at        timestamptz,                           -- the last time
    first_called_at  timestamptz,                           -- the truth that the estimate is measured against
    started_at       timestamptz,
    finished_at      timestamptz,
    -- What the person was told at check-in: seconds until called, and the interval.
    estimate_seconds integer CHECK (estimate_seconds >= 0),
    estimate_low     integer CHECK (estimate_low BETWEEN 0 AND estimate_seconds),
    estimate_high    integer CHECK (estimate_high >= estimate_seconds),
    updated_at       timestamptz NOT NULL,
    CHECK (num_nonnulls(appointment_id, visit_number) = 1),
    CHECK (num_nulls(estimate_seconds, estimate_low, estimate_high) IN (0, 3))
);
CREATE INDEX visit_queue_entry_order ON visit_queue_entry (queue_id, order_seconds, ticket) WHERE status = 'waiting';
-- One person at a time is called to a door, whatever the code above believes.
CREATE UNIQUE INDEX visit_queue_entry_called_once ON visit_queue_entry (queue_id) WHERE status = 'called';
CREATE INDEX visit_queue_entry_queue ON visit_queue_entry (queue_id, status);
CREATE INDEX visit_queue_entry_day ON visit_queue_entry (clinic_date) WHERE estimate_seconds IS NOT NULL;
CREATE INDEX visit_queue_entry_patient ON visit_queue_entry (patient_id, clinic_date);

CREATE TABLE visit_queue_event (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    kind        text        NOT NULL,
    entry_id    uuid        NOT NULL,
    queue_id    uuid        NOT NULL,
    status      text        NOT NULL,                       -- what the entry became
    class       text        NOT NULL,
    client_id   text        NOT NULL,
    channel     text        NOT NULL,
    staff_code  text,
    request_id  text,
    details     jsonb       NOT NULL DEFAULT '{}'
);
CREATE INDEX visit_queue_event_entry ON visit_queue_event (entry_id, id);
CREATE INDEX visit_queue_event_queue ON visit_queue_event (queue_id, id);
CREATE TRIGGER visit_queue_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON visit_queue_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

-- Where phones said they were, to see through invented places: kept for a day, then forgotten.
CREATE TABLE check_in_fix (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patient_id       uuid        NOT NULL,
    client_id        text        NOT NULL,
    reported_at      timestamptz NOT NULL,
    fixed_at         timestamptz NOT NULL,
    latitude         double precision NOT NULL,
    longitude        double precision NOT NULL,
    accuracy_meters  double precision NOT NULL
);
CREATE INDEX check_in_fix_patient ON check_in_fix (patient_id, id);
CREATE INDEX check_in_fix_measured ON check_in_fix (fixed_at);
CREATE INDEX check_in_fix_age ON check_in_fix (reported_at);
COMMENT ON TABLE check_in_fix IS 'Where patients said they were: personal data, kept for a day.';

-- Who stays away too often may not book for a while; emergency clinics admit everyone at all times.

ALTER TABLE clinic ADD COLUMN is_emergency boolean NOT NULL DEFAULT false;
ALTER TABLE service_type ADD COLUMN counts_noshow boolean NOT NULL DEFAULT true;

-- Read with the facts by which a booking is decided, so that a ban costs a booking nothing (adr/0130).
ALTER TABLE patient ADD COLUMN banned_until timestamptz;

-- The hospital's one rule. Guangzhou's default: three no-shows within a year, then ninety days without booking.
CREATE TABLE noshow_rule (
    id             uuid PRIMARY KEY,
    noshow_count   smallint NOT NULL CHECK (noshow_count BETWEEN 1 AND 20),
    window_days    smallint NOT NULL CHECK (window_days BETWEEN 1 AND 1095),
    ban_days       smallint NOT NULL CHECK (ban_days BETWEEN 1 AND 365),
    grace_minutes  smallint NOT NULL CHECK (grace_minutes BETWEEN 0 AND 1440),   -- after the schedule's end
    active         boolean NOT NULL DEFAULT true,
    version        integer NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX noshow_rule_once ON noshow_rule ((true));
INSERT INTO noshow_rule (id, noshow_count, window_days, ban_days, grace_minutes)
VALUES ('00000000-0000-7000-8000-000000000130', 3, 365, 90, 120);

CREATE INDEX appointment_noshow ON appointment (patient_id, starts_at) WHERE status = 'noshow';

CREATE TABLE booking_ban (
    id            uuid PRIMARY KEY,
    patient_id    uuid        NOT NULL,
    status        text        NOT NULL CHECK (status IN ('active', 'lifted')),
    noshow_count  smallint    NOT NULL,                     -- how many it took, by the rule of its day
    starts_at     timestamptz NOT NULL,
    until         timestamptz NOT NULL,
    lifted_at     timestamptz,
    lifted_by     text        CHECK (lifted_by IN ('pardon', 'appeal', 'recount')),
    CHECK (starts_at < until),
    CHECK ((status = 'lifted') = (lifted_at IS NOT NULL) AND (lifted_at IS NULL) = (lifted_by IS NULL))
);
CREATE INDEX booking_ban_patient ON booking_ban (patient_id, id);

-- A no-show counts for one ban, whatever the code above believes.
CREATE TABLE booking_ban_evidence (
    appointment_id  uuid PRIMARY KEY,      -- no foreign key: its check would wait for a correction, and that for us
    ban_id          uuid NOT NULL REFERENCES booking_ban (id)
);
CREATE INDEX booking_ban_evidence_ban ON booking_ban_evidence (ban_id);

CREATE TABLE booking_ban_appeal (
    id          uuid PRIMARY KEY,
    ban_id      uuid        NOT NULL REFERENCES booking_ban (id),
    status      text        NOT NULL CHECK (status IN ('open', 'granted', 'rejected')),
    reason      text        NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    client_id   text        NOT NULL,
    created_at  timestamptz NOT NULL,
    decision    text        CHECK (length(decision) BETWEEN 1 AND 500),
    decided_at  timestamptz,
    CHECK ((status = 'open') = (decided_at IS NULL) AND (decided_at IS NULL) = (decision IS NULL))
);
CREATE UNIQUE INDEX booking_ban_appeal_open ON booking_ban_appeal (ban_id) WHERE status = 'open';
CREATE INDEX booking_ban_appeal_ban ON booking_ban_appeal (ban_id, id);

CREATE TABLE booking_ban_event (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at              timestamptz NOT NULL,
    kind            text   NOT NULL CHECK (kind IN
                    ('imposed', 'appealed', 'appeal_rejected', 'lifted', 'passed', 'corrected')),
    patient_id      uuid   NOT NULL,
    ban_id          uuid,
    appointment_id  uuid,
    reason          text,
    channel         text   NOT NULL,
    client_id       text   NOT NULL,
    staff_code      text,
    request_id      text
);
CREATE INDEX booking_ban_event_patient ON booking_ban_event (patient_id, id);
CREATE TRIGGER booking_ban_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON booking_ban_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

-- Nobody is offered a number by the waitlist whom the desk would turn away (booking/rules.py).
CREATE OR REPLACE FUNCTION person_may_attend(patient uuid, wanted_clinic uuid, day date, instant timestamptz)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT (c.sex_allowed IS NULL OR p.sex = c.sex_allowed)
       AND (c.age_years_min IS NULL OR completed_years(p.birth_date, day) >= c.age_years_min)
       AND (c.age_years_max IS NULL OR completed_years(p.birth_date, day) <= c.age_years_max)
       AND (c.is_emergency OR p.banned_until IS NULL OR p.banned_until <= instant)
    FROM patient p, clinic c WHERE p.id = patient AND c.id = wanted_clinic
$$;

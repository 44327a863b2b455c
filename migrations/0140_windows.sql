-- The emergency quota of the HIS's windows: numbers set aside so that they go on registering while the platform is down.

ALTER TABLE booking_rule
    ADD COLUMN emergency_numbers smallint CHECK (emergency_numbers BETWEEN 0 AND 20),       -- of a schedule
    ADD COLUMN emergency_return_minutes integer CHECK (emergency_return_minutes BETWEEN 5 AND 1440);  -- slot's start
UPDATE booking_rule SET emergency_numbers = 0, emergency_return_minutes = 60 WHERE clinic_id IS NULL;
ALTER TABLE booking_rule ADD CONSTRAINT booking_rule_hospital_emergency_complete CHECK (clinic_id IS NOT NULL OR
    num_nulls(emergency_numbers, emergency_return_minutes) = 0);

-- A number that was set aside. While it is the HIS's to sell (set_aside, confirmed, recalled) its seat is in the pool
-- `emergency`, of which no channel of ours may take any; it is ours again when the HIS has handed it back.
CREATE TABLE window_number (
    seat_id        bigint PRIMARY KEY REFERENCES seat (id),
    schedule_id    uuid        NOT NULL,
    slot_id        uuid        NOT NULL,
    seq            integer     NOT NULL,
    home_pool      text        NOT NULL CHECK (home_pool <> 'emergency'),  -- where it came from, and goes back to
    status         text        NOT NULL CHECK (status IN ('set_aside', 'confirmed', 'recalled', 'returned', 'used')),
    returns_at     timestamptz NOT NULL,                   -- from then on it is asked back
    letter_id      bigint,                                 -- the message that told the HIS of it
    recalled_version integer,                              -- of the schedule that asked for it back
    asked_at       timestamptz,                            -- when it was last asked back
    set_aside_at   timestamptz NOT NULL,
    confirmed_at   timestamptz,
    closed_at      timestamptz,
    CHECK (status <> 'confirmed' OR confirmed_at IS NOT NULL),
    CHECK ((status = 'recalled') <= (recalled_version IS NOT NULL AND asked_at IS NOT NULL)),
    CHECK ((status IN ('returned', 'used')) = (closed_at IS NOT NULL))
);
CREATE INDEX window_number_schedule ON window_number (schedule_id);
CREATE INDEX window_number_returning ON window_number (returns_at) WHERE status IN ('set_aside', 'confirmed');
CREATE INDEX window_number_asked ON window_number (asked_at) WHERE status = 'recalled';

-- What the window registered during an outage and no rule can merge: a member of staff decides.
CREATE TABLE window_case (
    id             uuid PRIMARY KEY,
    source         text        NOT NULL,                   -- which HIS
    his_id         text        NOT NULL,                   -- its number of the registration
    schedule_id    uuid        NOT NULL,
    seq            integer     NOT NULL,
    version        integer     NOT NULL,                   -- of the registration at the HIS
    his_number     text        NOT NULL,                   -- the person's record number there; may be empty
    patient_id     uuid,                                   -- null: who it is has to be found out
    clerk          text        NOT NULL,
    reason         text        NOT NULL,                   -- the refusal's code
    stands         boolean     NOT NULL,                   -- false: the HIS has been told to undo it
    status         text        NOT NULL CHECK (status IN ('open', 'accepted', 'refused', 'withdrawn')),
    appointment_id uuid,                                   -- what it became
    note           text,
    created_at     timestamptz NOT NULL,
    settled_at     timestamptz,
    settled_by     text,
    CONSTRAINT window_case_once UNIQUE (source, his_id),
    CHECK ((status = 'open') = (settled_at IS NULL)),
    CHECK ((status = 'accepted') = (appointment_id IS NOT NULL))
);
CREATE INDEX window_case_open ON window_case (created_at, id) WHERE status = 'open';

-- Decide what becomes of seats that this transaction has locked and freed: offered, kept back, or on sale. Gives the
-- number that were offered.
CREATE OR REPLACE FUNCTION return_seats(instant timestamptz, freed freed_seat[]) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    offered bigint[] := offer_seats(instant, freed);
BEGIN
    -- A seat that the HIS's own window sells from its copy is never kept back: its queue stands before the clerk. One of
    -- its emergency quota is the HIS's to sell: whether anybody is kept waiting is not decided here.
    WITH kept AS MATERIALIZED (
        SELECT s.id, s.slot_id, s.schedule_id, f.because, coalesce(f.since, instant) AS since, t.starts_at,
               CASE WHEN f.cools AND s.pool NOT IN ('window', 'emergency') AND sc.status = 'active' THEN
                   coalesce(o.return_delay_seconds_min, h.return_delay_seconds_min)
                   + floor(random() * (1 + coalesce(o.return_delay_seconds_max, h.return_delay_seconds_max)
                                       - coalesce(o.return_delay_seconds_min, h.return_delay_seconds_min)))
                   ELSE 0 END AS delay_seconds
        FROM unnest(freed) f
        JOIN seat s ON s.id = f.seat_id AND s.status = 'free'
        JOIN slot t ON t.id = s.slot_id
        JOIN schedule sc ON sc.id = s.schedule_id
        JOIN booking_rule h ON h.clinic_id IS NULL
        LEFT JOIN booking_rule o ON o.clinic_id = sc.clinic_id
        WHERE f.because NOT IN ('opened', 'reopened') AND s.id <> ALL (offered)),
    timed AS (
        SELECT k.*, k.since + make_interval(secs => k.delay_seconds) AS opens_at FROM kept k),
    decided AS MATERIALIZED (
        -- Kept back until the clinic has begun, it would be lost.
        SELECT d.*, CASE WHEN d.opens_at > instant AND d.opens_at < d.starts_at THEN time_ordered_id(instant) END AS hold_id
        FROM timed d),
    cooled AS (
        INSERT INTO hold (id, kind, seat_id, slot_id, schedule_id, status, until, channel, client_id, created_at)
        SELECT d.hold_id, 'cooling', d.id, d.slot_id, d.schedule_id, 'active', d.opens_at, 'system',
               'system:return-delay', instant
        FROM decided d WHERE d.hold_id IS NOT NULL),
    held AS (
        UPDATE seat s SET status = 'held', hold_id = d.hold_id, hold_until = d.opens_at
        FROM decided d WHERE s.id = d.id AND d.hold_id IS NOT NULL)
    INSERT INTO booking_event (at, kind, seat_id, schedule_id, hold_id, channel, client_id, details)
    SELECT instant, 'returned', d.id, d.schedule_id, d.hold_id, 'system', 'system:returns',
           jsonb_build_object('because', d.because, 'since', d.since,
                              'opens_at', CASE WHEN d.hold_id IS NULL THEN instant ELSE d.opens_at END)
    FROM decided d ORDER BY d.id;
    RETURN cardinality(offered);
END $$;

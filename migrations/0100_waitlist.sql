-- Waiting for a number (候补), and the one way in which a seat comes free.
--
-- Seats that come free are given to whoever waits, or kept back for a random while, or put on sale: in this order, in
-- the transaction that frees them, so that nobody sees them free in between. What comes free by time alone (a hold
-- that ends, a pool that opens) is given out by `settle_seats`, which runs before a claim and with the claim's instant.
-- Order of locks: holds and appointments, seats, entries (SKIP LOCKED: never waited for), places in the day.

-- --- rules

ALTER TABLE booking_rule
    ADD COLUMN waitlist_limit smallint CHECK (waitlist_limit BETWEEN 0 AND 20),      -- entries a person; 0: no waitlist
    ADD COLUMN waitlist_offer_minutes smallint CHECK (waitlist_offer_minutes BETWEEN 2 AND 1440),
    ADD COLUMN waitlist_cutoff_minutes integer CHECK (waitlist_cutoff_minutes BETWEEN 0 AND 43200),   -- before the clinic
    ADD COLUMN return_delay_seconds_min integer CHECK (return_delay_seconds_min BETWEEN 0 AND 86400),
    ADD COLUMN return_delay_seconds_max integer CHECK (return_delay_seconds_max BETWEEN 0 AND 86400),
    ADD CONSTRAINT booking_rule_return_delay CHECK (return_delay_seconds_min <= return_delay_seconds_max
        AND num_nulls(return_delay_seconds_min, return_delay_seconds_max) <> 1);
UPDATE booking_rule SET waitlist_limit = 3, waitlist_offer_minutes = 30, waitlist_cutoff_minutes = 60,
    return_delay_seconds_min = 0, return_delay_seconds_max = 0 WHERE clinic_id IS NULL;
ALTER TABLE booking_rule ADD CONSTRAINT booking_rule_hospital_waits CHECK (clinic_id IS NOT NULL OR num_nulls(
    waitlist_limit, waitlist_offer_minutes, waitlist_cutoff_minutes, return_delay_seconds_min,
    return_delay_seconds_max) = 0);

-- --- who waits

CREATE TABLE waitlist_entry (
    id             uuid PRIMARY KEY,
    patient_id     uuid        NOT NULL,
    target_kind    text        NOT NULL CHECK (target_kind IN ('schedule', 'practitioner', 'department')),
    target_id      uuid        NOT NULL,
    department_id  uuid        NOT NULL,               -- of the target; one number there closes the person's others
    date_from      date        NOT NULL,
    date_until     date        NOT NULL,
    periods        text[]      NOT NULL DEFAULT '{}',  -- empty: any
    priority       text        NOT NULL DEFAULT 'ordinary' CHECK (priority IN ('urgent', 'ordinary')),
    rank           smallint    NOT NULL GENERATED ALWAYS AS (CASE priority WHEN 'urgent' THEN 0 ELSE 1 END) STORED,
    channel        text        NOT NULL REFERENCES channel (code),
    client_id      text        NOT NULL,
    staff_code     text,
    status         text        NOT NULL CHECK (status IN ('waiting', 'taken', 'closed', 'expired', 'withdrawn')),
    ends_at        timestamptz NOT NULL,               -- waits no longer, whether anybody has written that down or not
    offer_id       uuid,                               -- the hold of the open offer
    offer_until    timestamptz,                        -- once it is past, the entry is over
    refused_slots  uuid[]      NOT NULL DEFAULT '{}',  -- declined: not offered again
    appointment_id uuid,                               -- what it was taken with
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    CHECK (date_from <= date_until),
    CHECK ((offer_id IS NULL) = (offer_until IS NULL)),
    CHECK ((status = 'taken') = (appointment_id IS NOT NULL))
);
-- The published order of a list; only those who can be offered something.
CREATE INDEX waitlist_entry_order ON waitlist_entry (target_id, rank, created_at, id)
    WHERE status = 'waiting' AND offer_id IS NULL;
CREATE UNIQUE INDEX waitlist_entry_once ON waitlist_entry (target_id, patient_id) WHERE status = 'waiting';
CREATE INDEX waitlist_entry_patient ON waitlist_entry (patient_id) WHERE status = 'waiting';
CREATE INDEX waitlist_entry_ending ON waitlist_entry (ends_at) WHERE status = 'waiting';
CREATE INDEX waitlist_entry_client ON waitlist_entry (client_id, id);

CREATE TABLE waitlist_event (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at              timestamptz NOT NULL,
    kind            text NOT NULL,
    entry_id        uuid NOT NULL,
    patient_id      uuid NOT NULL,
    hold_id         uuid,
    appointment_id  uuid,
    channel         text NOT NULL,
    client_id       text NOT NULL,
    staff_code      text,
    request_id      text
);
CREATE INDEX waitlist_event_entry ON waitlist_event (entry_id, id);
CREATE TRIGGER waitlist_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON waitlist_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

-- --- what a hold can be

-- An offer is a hold for somebody who waits; a cooling hold keeps a returned seat back and is nobody's.
ALTER TABLE hold
    ADD COLUMN kind text NOT NULL DEFAULT 'hold' CHECK (kind IN ('hold', 'offer', 'cooling')),
    ADD COLUMN entry_id uuid,
    ALTER COLUMN patient_id DROP NOT NULL,
    ADD CONSTRAINT hold_of_kind CHECK (
        (kind = 'cooling') = (patient_id IS NULL) AND (kind = 'offer') = (entry_id IS NOT NULL));
CREATE INDEX hold_entry ON hold (entry_id) WHERE entry_id IS NOT NULL;

-- The release log: what became of each seat when it came free.
CREATE INDEX booking_event_release ON booking_event (id) WHERE kind IN ('returned', 'offered');
CREATE INDEX booking_event_release_schedule ON booking_event (schedule_id, id) WHERE kind IN ('returned', 'offered');

-- --- what partners are told

CREATE TABLE booking_notice (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    client_id   text,                                  -- whom it concerns; null: everybody
    kind        text  NOT NULL,
    subject_id  uuid  NOT NULL,
    facts       jsonb NOT NULL
);
CREATE INDEX booking_notice_client ON booking_notice (client_id, id);

-- --- functions

-- A UUIDv7 (RFC 9562 section 5.7) made here: the milliseconds of an instant, then random bits.
CREATE FUNCTION time_ordered_id(instant timestamptz) RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send((extract(epoch FROM instant) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
        52, 1), 53, 1), 'hex')::uuid
$$;

-- Whether seats of a schedule must go through `settle_seats` before anybody counts or claims them: somebody waits, or
-- a hold of the slot (null: of the whole schedule) has ended whose seat the return delay still applies to. A function,
-- because it is asked in the busiest statements, and its own are planned once.
CREATE FUNCTION settles_first(schedule uuid, practitioner uuid, department uuid, clinic uuid, day date, slot uuid,
                              instant timestamptz)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF EXISTS (SELECT FROM waitlist_entry e WHERE e.status = 'waiting' AND e.offer_id IS NULL
               AND e.target_id = ANY (ARRAY[schedule, practitioner, department])
               AND day BETWEEN e.date_from AND e.date_until) THEN
        RETURN true;
    END IF;
    IF 0 = (SELECT coalesce(o.return_delay_seconds_max, h.return_delay_seconds_max) FROM booking_rule h
            LEFT JOIN booking_rule o ON o.clinic_id = clinic WHERE h.clinic_id IS NULL) THEN
        RETURN false;
    END IF;
    IF slot IS NULL THEN
        RETURN EXISTS (SELECT FROM seat t JOIN hold k ON k.id = t.hold_id WHERE t.schedule_id = schedule
                       AND t.status = 'held' AND t.hold_until <= instant AND k.kind <> 'cooling');
    END IF;
    RETURN EXISTS (SELECT FROM seat t JOIN hold k ON k.id = t.hold_id WHERE t.slot_id = slot
                   AND t.status = 'held' AND t.hold_until <= instant AND k.kind <> 'cooling');
END $$;

-- Whether a seat of these pools could be claimed in a coming slot of a schedule.
CREATE FUNCTION has_open_seat(schedule uuid, pools text[], instant timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM slot s JOIN seat t ON t.slot_id = s.id
                   WHERE s.schedule_id = schedule AND s.starts_at > instant AND t.status IN ('free', 'held')
                     AND (t.status = 'free' OR t.hold_until <= instant) AND t.pool = ANY (pools));
END $$;

-- Completed years on a day; who is born on 29 February turns older on 1 March in common years (booking/rules.py).
CREATE FUNCTION completed_years(birth_date date, day date) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT (extract(year FROM day) - extract(year FROM birth_date))::integer
        - ((extract(month FROM day), extract(day FROM day))
           < (extract(month FROM birth_date), extract(day FROM birth_date)))::integer
$$;

-- Whether a clinic's rules let a person come on a day: what booking/rules.py asks at the desk, for those who wait.
CREATE FUNCTION person_may_attend(patient uuid, wanted_clinic uuid, day date, instant timestamptz)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT (c.sex_allowed IS NULL OR p.sex = c.sex_allowed)
       AND (c.age_years_min IS NULL OR completed_years(p.birth_date, day) >= c.age_years_min)
       AND (c.age_years_max IS NULL OR completed_years(p.birth_date, day) <= c.age_years_max)
    FROM patient p, clinic c WHERE p.id = patient AND c.id = wanted_clinic
$$;

-- Take a person's place in a clinic day for an offer, if the day has one; nobody is waited for.
CREATE FUNCTION place_in_day(person uuid, day date, department uuid, day_limit smallint, owner uuid,
                             ends timestamptz, instant timestamptz)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    place smallint := 1;
BEGIN
    IF EXISTS (SELECT FROM visit_claim WHERE patient_id = person AND clinic_date = day) THEN
        DELETE FROM visit_claim c USING (
            SELECT patient_id, clinic_date, ordinal FROM visit_claim
            WHERE patient_id = person AND clinic_date = day AND until <= instant FOR UPDATE SKIP LOCKED) e
        WHERE c.patient_id = e.patient_id AND c.clinic_date = e.clinic_date AND c.ordinal = e.ordinal;
        SELECT min(n) INTO place FROM generate_series(1, day_limit) n WHERE NOT EXISTS (
            SELECT FROM visit_claim WHERE patient_id = person AND clinic_date = day AND ordinal = n);
        IF place IS NULL OR EXISTS (
            SELECT FROM visit_claim WHERE patient_id = person AND clinic_date = day AND department_id = department) THEN
            RETURN false;
        END IF;
    END IF;
    INSERT INTO visit_claim (patient_id, clinic_date, ordinal, department_id, owner_id, until)
    VALUES (person, day, place, department, owner, ends) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;

CREATE TYPE freed_seat AS (
    seat_id    bigint,
    patient_id uuid,         -- who gave it back: it is not offered to the same person
    because    text,         -- the kind of the event that freed it; `opened`: it is on sale by the clock, not returned
    since      timestamptz,  -- when it came free
    cools      boolean       -- a seat that nobody waits for is kept back for a random while
);

-- Offer seats that this transaction has locked and freed to those who wait, in the published order: the class first,
-- then who has waited longer. Gives the seats that somebody was offered. Whoever may not come or has no place left in
-- that day is passed over and goes on waiting. A seat on sale for the first time is not theirs (they have no claim on
-- a release), unless it was recycled or the pool was open when they came.
CREATE FUNCTION offer_seats(instant timestamptz, freed freed_seat[]) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    place   record;          -- seats of one schedule and pool, in order of time and number
    waiting record;
    given   boolean[];       -- parallel to the place's seats
    lowest  integer;         -- the first of them that is not given
    chosen  integer;
    ends    timestamptz;     -- of the offer
    offer   uuid;
    seats   bigint[] := '{}';
    offers  uuid[] := '{}';
    entries uuid[] := '{}';
BEGIN
    FOR place IN
        SELECT sc.id AS schedule_id, sc.practitioner_id, sc.department_id, sc.clinic_id, sc.clinic_date, sc.period,
               s.pool, f.because <> 'opened' AS returned,
               array_agg(s.id ORDER BY t.starts_at, s.seq) AS seats,
               array_agg(t.id ORDER BY t.starts_at, s.seq) AS slots,
               coalesce(array_agg(f.patient_id) FILTER (WHERE f.patient_id IS NOT NULL), '{}') AS givers,
               CASE WHEN coalesce(o.once_per_department_day, h.once_per_department_day)
                    THEN sc.department_id END AS once_in,
               coalesce(o.daily_limit, h.daily_limit) AS daily_limit,
               least(instant + make_interval(mins => coalesce(o.waitlist_offer_minutes, h.waitlist_offer_minutes)),
                     sc.starts_at - make_interval(mins => coalesce(o.waitlist_cutoff_minutes,
                                                                   h.waitlist_cutoff_minutes))) AS until
        FROM unnest(freed) f
        JOIN seat s ON s.id = f.seat_id AND s.status = 'free'
        JOIN slot t ON t.id = s.slot_id
        JOIN schedule sc ON sc.id = s.schedule_id AND sc.status = 'active'
        JOIN clinic c ON c.id = sc.clinic_id AND c.active
        JOIN booking_rule h ON h.clinic_id IS NULL
        LEFT JOIN booking_rule o ON o.clinic_id = sc.clinic_id
        GROUP BY sc.id, s.pool, f.because <> 'opened', h.id, o.id
        HAVING EXISTS (SELECT FROM waitlist_entry e
                       WHERE e.status = 'waiting' AND e.offer_id IS NULL
                         AND e.target_id = ANY (ARRAY[sc.id, sc.practitioner_id, sc.department_id]))
        ORDER BY sc.starts_at, sc.id, s.pool
    LOOP
        -- In the last minute before the cut-off nobody could still answer.
        CONTINUE WHEN place.until < instant + interval '1 minute';
        given := array_fill(false, ARRAY[cardinality(place.seats)]);
        lowest := 1;
        -- What is cheap to ask decides who is looked at; the rest is asked of one after the other, until seats run out.
        FOR waiting IN
            SELECT e.id, e.patient_id, e.ends_at, e.refused_slots FROM (
                SELECT * FROM waitlist_entry
                WHERE target_id = place.schedule_id AND status = 'waiting' AND offer_id IS NULL
                UNION ALL
                SELECT * FROM waitlist_entry
                WHERE target_id = place.practitioner_id AND status = 'waiting' AND offer_id IS NULL
                UNION ALL
                SELECT * FROM waitlist_entry
                WHERE target_id = place.department_id AND status = 'waiting' AND offer_id IS NULL) e
            WHERE place.clinic_date BETWEEN e.date_from AND e.date_until
              AND e.ends_at >= instant + interval '1 minute'
              AND (e.periods = '{}' OR place.period = ANY (e.periods))
              AND e.patient_id <> ALL (place.givers)
            ORDER BY e.rank, e.created_at, e.id
        LOOP
            PERFORM FROM waitlist_entry e
            WHERE e.id = waiting.id AND e.status = 'waiting' AND e.offer_id IS NULL
              AND EXISTS (SELECT FROM schedule_release l
                          WHERE l.schedule_id = place.schedule_id AND l.channel = e.channel AND l.pool = place.pool
                            AND l.opens_at <= instant
                            AND (place.returned OR l.via = 'recycled' OR l.opens_at <= e.created_at))
              AND person_may_attend(e.patient_id, place.clinic_id, place.clinic_date, instant)
            FOR UPDATE SKIP LOCKED;
            CONTINUE WHEN NOT FOUND;
            chosen := lowest;
            WHILE chosen <= cardinality(given) AND (given[chosen] OR place.slots[chosen] = ANY (waiting.refused_slots)) LOOP
                chosen := chosen + 1;
            END LOOP;
            CONTINUE WHEN chosen > cardinality(given);
            offer := time_ordered_id(instant);
            ends := least(place.until, waiting.ends_at);
            CONTINUE WHEN NOT place_in_day(waiting.patient_id, place.clinic_date, place.once_in, place.daily_limit,
                                           offer, ends, instant);
            UPDATE waitlist_entry SET offer_id = offer, offer_until = ends, updated_at = instant WHERE id = waiting.id;
            seats := seats || place.seats[chosen];
            offers := offers || offer;
            entries := entries || waiting.id;
            given[chosen] := true;
            WHILE lowest <= cardinality(given) AND given[lowest] LOOP
                lowest := lowest + 1;
            END LOOP;
            EXIT WHEN lowest > cardinality(given);
        END LOOP;
    END LOOP;
    IF cardinality(seats) > 0 THEN
        PERFORM record_offers(instant, freed, seats, offers, entries);
    END IF;
    RETURN seats;
END $$;

-- Write offers down: seat, hold, events of both, and the notice to whoever put the person on the list.
CREATE FUNCTION record_offers(instant timestamptz, freed freed_seat[], seats bigint[], offers uuid[], entries uuid[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE seat s SET status = 'held', hold_id = e.offer_id, hold_until = e.offer_until
    FROM unnest(seats, offers, entries) w(seat_id, offer_id, entry_id) JOIN waitlist_entry e ON e.id = w.entry_id
    WHERE s.id = w.seat_id AND s.status = 'free';
    INSERT INTO hold (id, kind, entry_id, seat_id, slot_id, schedule_id, patient_id, status, until, channel, client_id,
                      staff_code, created_at)
    SELECT e.offer_id, 'offer', e.id, s.id, s.slot_id, s.schedule_id, e.patient_id, 'active', e.offer_until, e.channel,
           e.client_id, e.staff_code, instant
    FROM unnest(seats, entries) w(seat_id, entry_id)
    JOIN waitlist_entry e ON e.id = w.entry_id JOIN seat s ON s.id = w.seat_id;
    INSERT INTO booking_event (at, kind, seat_id, schedule_id, patient_id, hold_id, channel, client_id, details)
    SELECT instant, 'offered', s.id, s.schedule_id, e.patient_id, e.offer_id, e.channel, 'system:waitlist',
           jsonb_build_object('because', f.because, 'since', coalesce(f.since, instant), 'entry_id', e.id,
                              'until', e.offer_until)
    FROM unnest(seats, entries) w(seat_id, entry_id)
    JOIN waitlist_entry e ON e.id = w.entry_id JOIN seat s ON s.id = w.seat_id
    JOIN unnest(freed) f ON f.seat_id = s.id
    ORDER BY s.id;
    INSERT INTO waitlist_event (at, kind, entry_id, patient_id, hold_id, channel, client_id)
    SELECT instant, 'offered', e.id, e.patient_id, e.offer_id, e.channel, 'system:waitlist'
    FROM unnest(entries) w(entry_id) JOIN waitlist_entry e ON e.id = w.entry_id;
    INSERT INTO booking_notice (at, client_id, kind, subject_id, facts)
    SELECT instant, e.client_id, 'waitlist.offered', e.id, jsonb_build_object(
               'offer_id', e.offer_id, 'patient_id', e.patient_id, 'schedule_id', s.schedule_id, 'slot_id', s.slot_id,
               'queue_number', s.seq, 'until', e.offer_until)
    FROM unnest(seats, entries) w(seat_id, entry_id)
    JOIN waitlist_entry e ON e.id = w.entry_id JOIN seat s ON s.id = w.seat_id;
END $$;

-- Decide what becomes of seats that this transaction has locked and freed: offered, kept back, or on sale. Gives the
-- number that were offered.
CREATE FUNCTION return_seats(instant timestamptz, freed freed_seat[]) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    offered bigint[] := offer_seats(instant, freed);
BEGIN
    -- A seat that the HIS's own window sells from its copy is never kept back: its queue stands before the clerk.
    WITH kept AS MATERIALIZED (
        SELECT s.id, s.slot_id, s.schedule_id, f.because, coalesce(f.since, instant) AS since, t.starts_at,
               CASE WHEN f.cools AND s.pool <> 'window' AND sc.status = 'active' THEN
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

-- Give out what has come free by the clock alone in some schedules: holds that have ended, and free seats that somebody
-- who waits may have. Run before a claim, with the claim's own instant, it leaves nothing that the claim may take
-- before them. Gives the number of seats that were offered.
CREATE FUNCTION settle_seats(instant timestamptz, schedules uuid[]) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    freed freed_seat[];
    ended bigint[];
BEGIN
    SELECT array_agg(ROW(d.id, NULL, CASE WHEN d.kind = 'cooling' THEN 'reopened' WHEN d.hold_id IS NULL THEN 'opened'
                         ELSE 'hold_expired' END, coalesce(d.hold_until, instant),
                         d.kind IS DISTINCT FROM 'cooling')::freed_seat),
           array_agg(d.id) FILTER (WHERE d.hold_id IS NOT NULL)
    INTO freed, ended
    FROM (
        SELECT s.id, s.hold_id, s.hold_until, k.kind
        FROM seat s
        JOIN slot t ON t.id = s.slot_id
        JOIN schedule sc ON sc.id = s.schedule_id
        LEFT JOIN hold k ON k.id = s.hold_id
        WHERE s.schedule_id = ANY (schedules) AND s.status IN ('free', 'held')
          AND (s.status = 'free' OR s.hold_until <= instant) AND t.starts_at > instant AND sc.status = 'active'
          AND (s.status = 'held' AND k.kind <> 'cooling' OR EXISTS (
              SELECT FROM waitlist_entry e
              JOIN schedule_release l ON l.schedule_id = s.schedule_id AND l.channel = e.channel AND l.pool = s.pool
              WHERE e.status = 'waiting' AND e.offer_id IS NULL
                AND e.target_id = ANY (ARRAY[sc.id, sc.practitioner_id, sc.department_id])
                AND sc.clinic_date BETWEEN e.date_from AND e.date_until AND e.ends_at > instant
                AND (e.periods = '{}' OR sc.period = ANY (e.periods))
                AND l.opens_at <= instant
                AND (s.status = 'held' OR l.via = 'recycled' OR l.opens_at <= e.created_at)))
        ORDER BY s.id FOR UPDATE OF s SKIP LOCKED) d;
    IF freed IS NULL THEN
        RETURN 0;
    END IF;
    -- The holds' own rows are left to the sweep: waiting for one here would turn the order of locks around.
    INSERT INTO booking_event (at, kind, seat_id, schedule_id, patient_id, hold_id, channel, client_id)
    SELECT instant, CASE k.kind WHEN 'cooling' THEN 'reopened' ELSE 'hold_expired' END, s.id, s.schedule_id,
           k.patient_id, k.id, k.channel, 'system:expiry'
    FROM seat s JOIN hold k ON k.id = s.hold_id WHERE s.id = ANY (ended) ORDER BY s.id;
    UPDATE seat SET status = 'free', hold_id = NULL, hold_until = NULL
    WHERE id = ANY (ended) AND status = 'held' AND hold_until <= instant;
    RETURN return_seats(instant, freed);
END $$;

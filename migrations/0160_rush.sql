-- The rush at release time: a waiting room with places in front of the few schedules that everybody wants.

-- The hospital's one rule. Nothing is hot until the slot office says so, or lets what was found count.
CREATE TABLE rush_rule (
    id                   uuid PRIMARY KEY,
    join_minutes_before  smallint NOT NULL CHECK (join_minutes_before BETWEEN 1 AND 120),
    turn_seconds         smallint NOT NULL CHECK (turn_seconds BETWEEN 30 AND 1800),
    presence_seconds     smallint NOT NULL CHECK (presence_seconds BETWEEN 30 AND 600),
    gate_minutes         smallint NOT NULL CHECK (gate_minutes BETWEEN 1 AND 60),
    closes_minutes_after smallint NOT NULL CHECK (closes_minutes_after BETWEEN 1 AND 240),
    tickets_per_person   smallint NOT NULL CHECK (tickets_per_person BETWEEN 1 AND 20),
    tickets_per_device   smallint NOT NULL CHECK (tickets_per_device BETWEEN 1 AND 1000),
    tickets_per_phone    smallint NOT NULL CHECK (tickets_per_phone BETWEEN 1 AND 1000),
    joins_per_second     smallint NOT NULL CHECK (joins_per_second BETWEEN 1 AND 10000),
    sold_out_minutes     smallint NOT NULL CHECK (sold_out_minutes BETWEEN 1 AND 240),
    follows_findings     boolean NOT NULL DEFAULT false,
    active               boolean NOT NULL DEFAULT true,
    version              integer NOT NULL DEFAULT 1,
    CHECK (gate_minutes <= closes_minutes_after)
);
CREATE UNIQUE INDEX rush_rule_once ON rush_rule ((true));
INSERT INTO rush_rule (id, join_minutes_before, turn_seconds, presence_seconds, gate_minutes, closes_minutes_after,
    tickets_per_person, tickets_per_device, tickets_per_phone, joins_per_second, sold_out_minutes)
VALUES ('00000000-0000-7000-8000-000000000160', 10, 180, 60, 3, 60, 3, 5, 5, 500, 10);

-- What the slot office says: this is hot, or is not, whatever a wider mark or the findings say.
CREATE TABLE rush_mark (
    id               uuid PRIMARY KEY,
    schedule_id      uuid REFERENCES schedule (id),
    practitioner_id  uuid REFERENCES practitioner (id),
    clinic_id        uuid REFERENCES clinic (id),
    is_hot           boolean NOT NULL DEFAULT true,
    active           boolean NOT NULL DEFAULT true,
    version          integer NOT NULL DEFAULT 1,
    CHECK (num_nonnulls(schedule_id, practitioner_id, clinic_id) = 1),
    CONSTRAINT rush_mark_schedule UNIQUE (schedule_id),
    CONSTRAINT rush_mark_practitioner UNIQUE (practitioner_id),
    CONSTRAINT rush_mark_clinic UNIQUE (clinic_id)
);

-- Whose last releases were sold out within minutes; the timetable writes it anew each day.
CREATE TABLE rush_finding (
    practitioner_id   uuid PRIMARY KEY,
    releases          smallint NOT NULL CHECK (releases > 0),
    slowest_seconds   integer NOT NULL CHECK (slowest_seconds >= 0),   -- of those releases
    found_at          timestamptz NOT NULL
);

-- One release of one hot schedule. The seed decides the order; its hash is shown before anybody has joined.
CREATE TABLE rush (
    id           uuid PRIMARY KEY,
    schedule_id  uuid        NOT NULL REFERENCES schedule (id),
    opens_at     timestamptz NOT NULL,
    seed         bytea       NOT NULL CHECK (length(seed) = 32),
    commitment   bytea       NOT NULL CHECK (commitment = sha256(seed)),
    places       integer     NOT NULL DEFAULT 0,     -- given so far: by the draw, then by arrival
    drawn        integer     NOT NULL DEFAULT 0,     -- of these by the draw
    drawn_at     timestamptz,
    CONSTRAINT rush_once UNIQUE (schedule_id, opens_at)
);

CREATE TABLE rush_ticket (
    id           uuid PRIMARY KEY,
    rush_id      uuid        NOT NULL REFERENCES rush (id),
    schedule_id  uuid        NOT NULL,
    opens_at     timestamptz NOT NULL,
    patient_id   uuid        NOT NULL,
    channel      text        NOT NULL,
    client_id    text        NOT NULL,
    device_hash  bytea,                              -- keyed hashes, as with claims' limits
    phone_hash   bytea,
    status       text        NOT NULL CHECK (status IN ('waiting', 'turn', 'used', 'passed', 'withdrawn')),
    is_behind    boolean     NOT NULL DEFAULT false, -- one too many of its device or telephone: drawn behind the others
    place        integer     CHECK (place > 0),      -- from the release on
    joined_at    timestamptz NOT NULL,
    seen_at      timestamptz NOT NULL,
    turn_at      timestamptz,
    turn_until   timestamptz,
    CONSTRAINT rush_ticket_person_once UNIQUE (rush_id, patient_id),
    CONSTRAINT rush_ticket_place_once UNIQUE (rush_id, place),
    CHECK ((turn_at IS NULL) = (turn_until IS NULL)),
    CHECK (status IN ('waiting', 'withdrawn') OR (turn_at IS NOT NULL AND place IS NOT NULL))
) WITH (fillfactor = 70);  -- room for `seen_at`, which is written every so often and is in no index
CREATE INDEX rush_ticket_live ON rush_ticket (rush_id, place) WHERE status IN ('waiting', 'turn');
CREATE INDEX rush_ticket_turned ON rush_ticket (rush_id) WHERE status NOT IN ('waiting');
CREATE INDEX rush_ticket_holder ON rush_ticket (patient_id, opens_at);
CREATE INDEX rush_ticket_device ON rush_ticket (opens_at, device_hash, id) WHERE device_hash IS NOT NULL;
CREATE INDEX rush_ticket_phone ON rush_ticket (opens_at, phone_hash, id) WHERE phone_hash IS NOT NULL;

-- Of the marks the narrowest counts: the schedule's, the practitioner's, the clinic's; else what was found.
CREATE FUNCTION is_hot(schedule uuid, practitioner uuid, clinic uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT r.active AND coalesce(
            (SELECT m.is_hot FROM rush_mark m WHERE m.schedule_id = schedule AND m.active),
            (SELECT m.is_hot FROM rush_mark m WHERE m.practitioner_id = practitioner AND m.active),
            (SELECT m.is_hot FROM rush_mark m WHERE m.clinic_id = clinic AND m.active),
            r.follows_findings AND EXISTS (SELECT FROM rush_finding f WHERE f.practitioner_id = practitioner))
        FROM rush_rule r), false)
$$;

-- Whether the channel's numbers of a hot schedule are given out by turns just now: from the release on for the rule's
-- first minutes, and on while somebody waits or has their turn, never beyond its close. Emergencies never queue here.
CREATE FUNCTION needs_turn(schedule uuid, practitioner uuid, wanted_clinic uuid, wanted_channel text, instant timestamptz)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM rush_rule r
        JOIN schedule_release l ON l.schedule_id = schedule AND l.channel = wanted_channel AND l.via = 'rule'
         AND l.opens_at <= instant AND l.opens_at > instant - make_interval(mins => r.closes_minutes_after)
        WHERE is_hot(schedule, practitioner, wanted_clinic)
          AND NOT (SELECT c.is_emergency FROM clinic c WHERE c.id = wanted_clinic)
          AND (l.opens_at > instant - make_interval(mins => r.gate_minutes) OR EXISTS (
              SELECT FROM rush u JOIN rush_ticket t ON t.rush_id = u.id
              WHERE u.schedule_id = schedule AND u.opens_at = l.opens_at AND t.status IN ('waiting', 'turn')
                AND (CASE t.status WHEN 'turn' THEN t.turn_until > instant
                     ELSE t.seen_at > instant - make_interval(secs => r.presence_seconds) END))))
$$;

-- One ticket a person and rush. Before the draw there is no place; afterwards the next one, in order of arrival.
-- outcome: joined | known | too_many | full
CREATE FUNCTION join_rush(
    ticket uuid, joined uuid, person uuid, wanted_channel text, client text, device bytea, phone bytea,
    instant timestamptz, person_max integer, rush_max integer)
RETURNS TABLE (outcome text, ticket_id uuid)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    known  record;
    line   record;
    given  integer;
BEGIN
    -- Nobody joins twice, or one line too many, by asking from two devices at once.
    PERFORM pg_advisory_xact_lock(hashtextextended(person::text, 160));
    -- The draw waits for those who are joining, and whoever comes after it knows of it.
    SELECT r.schedule_id, r.opens_at, r.places, r.drawn_at INTO line FROM rush r WHERE r.id = joined FOR KEY SHARE;
    SELECT t.id, t.status, t.place INTO known FROM rush_ticket t WHERE t.rush_id = joined AND t.patient_id = person;
    IF known.id IS NOT NULL THEN
        IF known.status = 'withdrawn' AND line.drawn_at IS NULL THEN
            UPDATE rush_ticket t SET status = 'waiting', seen_at = instant, channel = wanted_channel,
                client_id = client, device_hash = device, phone_hash = phone WHERE t.id = known.id;
        END IF;
        RETURN QUERY SELECT 'known', known.id;
        RETURN;
    END IF;
    IF (SELECT count(*) FROM rush_ticket t WHERE t.patient_id = person AND t.opens_at = line.opens_at
            AND t.status <> 'withdrawn') >= person_max THEN
        RETURN QUERY SELECT 'too_many', NULL::uuid;
        RETURN;
    END IF;
    IF line.drawn_at IS NOT NULL THEN
        UPDATE rush r SET places = r.places + 1 WHERE r.id = joined AND r.places < rush_max RETURNING r.places INTO given;
        IF given IS NULL THEN
            RETURN QUERY SELECT 'full', NULL::uuid;
            RETURN;
        END IF;
    END IF;
    INSERT INTO rush_ticket (id, rush_id, schedule_id, opens_at, patient_id, channel, client_id, device_hash,
                             phone_hash, status, place, joined_at, seen_at)
    VALUES (ticket, joined, line.schedule_id, line.opens_at, person, wanted_channel, client, device, phone, 'waiting',
            given, instant, instant);
    RETURN QUERY SELECT 'joined', ticket;
END $$;

-- As claim_seats, for a batch some of which (`gated`, by i) may only take a seat in their turn. The turn is taken in
-- the same statement as the seat, so that neither is without the other; who wins nothing keeps the turn.
-- outcome: as of claim_seats, or no_turn
CREATE FUNCTION claim_seats_by_turn(
    kind text, at timestamptz, asked seat_request[], handlers text[], gated integer[])
RETURNS TABLE (i integer, outcome text, seat_id bigint, seq integer, number bigint, detail jsonb)
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    tickets  uuid[];
    holders  integer[];    -- parallel to tickets: whose request
    winners  integer[] := '{}';
BEGIN
    WITH mine AS (
        SELECT t.id, a.i FROM unnest(asked) a
        JOIN rush_ticket t ON t.patient_id = a.patient_id AND t.schedule_id = a.schedule_id
        WHERE a.i = ANY (gated) AND t.status = 'turn' AND t.turn_until > at
        ORDER BY t.id FOR UPDATE OF t)
    SELECT coalesce(array_agg(m.id), '{}'), coalesce(array_agg(m.i), '{}') INTO tickets, holders FROM mine m;
    RETURN QUERY
        SELECT a.i, 'no_turn', NULL::bigint, NULL::integer, NULL::bigint, NULL::jsonb FROM unnest(asked) a
        WHERE a.i = ANY (gated) AND a.i <> ALL (holders);
    SELECT array_agg(a ORDER BY a.i) INTO asked FROM unnest(asked) a WHERE a.i <> ALL (gated) OR a.i = ANY (holders);
    IF asked IS NULL THEN
        RETURN;
    END IF;
    FOR i, outcome, seat_id, seq, number, detail IN SELECT c.* FROM claim_seats(kind, at, asked, handlers) c LOOP
        IF outcome = 'won' THEN
            winners := winners || i;
        END IF;
        RETURN NEXT;
    END LOOP;
    UPDATE rush_ticket t SET status = 'used' FROM unnest(tickets, holders) h (id, i)
    WHERE t.id = h.id AND h.i = ANY (winners) AND t.status = 'turn';
END $$;

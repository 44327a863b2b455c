-- How many holds an hour and bookings a day come from one telephone, one account and one device of a partner's.

-- Switched off until the slot office wants them: a family, a carer or a ward's telephone books for many.
CREATE TABLE claim_limit (
    id         uuid PRIMARY KEY,
    subject    text NOT NULL CHECK (subject IN ('phone', 'account', 'device')),
    claim      text NOT NULL CHECK (claim IN ('hold', 'appointment')),
    period     text NOT NULL CHECK (period IN ('hour', 'day')),
    count_max  smallint NOT NULL CHECK (count_max BETWEEN 1 AND 1000),
    active     boolean NOT NULL DEFAULT false,
    version    integer NOT NULL DEFAULT 1,
    CONSTRAINT claim_limit_once UNIQUE (subject, claim)
);
INSERT INTO claim_limit (id, subject, claim, period, count_max) VALUES
    ('00000000-0000-7000-8000-000000001321', 'phone', 'hold', 'hour', 10),
    ('00000000-0000-7000-8000-000000001322', 'phone', 'appointment', 'day', 10),
    ('00000000-0000-7000-8000-000000001323', 'account', 'hold', 'hour', 6),
    ('00000000-0000-7000-8000-000000001324', 'account', 'appointment', 'day', 6),
    ('00000000-0000-7000-8000-000000001325', 'device', 'hold', 'hour', 10),
    ('00000000-0000-7000-8000-000000001326', 'device', 'appointment', 'day', 10);

-- What was used in an hour or a clinic day. Keys are keyed hashes; rows of days gone by are purged.
CREATE TABLE claim_use (
    subject  text        NOT NULL,
    key      bytea       NOT NULL,
    claim    text        NOT NULL,
    period   text        NOT NULL,
    since    timestamptz NOT NULL,
    used     integer     NOT NULL CHECK (used >= 0),
    PRIMARY KEY (subject, key, claim, period, since)
);
CREATE INDEX claim_use_since ON claim_use (since);

-- Take one use of each subject for each request, all of a request's or none; give the requests that may not.
-- Rows are locked in the order of their keys, here and in give_claim_uses.
CREATE FUNCTION take_claim_uses(
    claimed text, hour timestamptz, day timestamptz, requests integer[], subjects text[], keys bytea[])
RETURNS TABLE (request integer, subject text, period text, count_max smallint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    one      record;
    refused  integer[] := '{}';
    taken    integer[] := '{}';   -- places in the three arrays
    place    integer;
BEGIN
    FOR one IN
        SELECT u.i, u.subject, u.key, u.place, l.period, l.count_max,
               CASE l.period WHEN 'hour' THEN hour ELSE day END AS since
        FROM unnest(requests, subjects, keys) WITH ORDINALITY AS u (i, subject, key, place)
        JOIN claim_limit l ON l.subject = u.subject AND l.claim = claimed AND l.active
        ORDER BY u.subject, u.key, l.period, u.i
    LOOP
        CONTINUE WHEN one.i = ANY (refused);
        INSERT INTO claim_use AS c (subject, key, claim, period, since, used)
        VALUES (one.subject, one.key, claimed, one.period, one.since, 1)
        ON CONFLICT (subject, key, claim, period, since)
            DO UPDATE SET used = c.used + 1 WHERE c.used < one.count_max;
        IF FOUND THEN
            taken := taken || one.place::integer;
        ELSE
            refused := refused || one.i;
            RETURN QUERY SELECT one.i, one.subject, one.period, one.count_max;
        END IF;
    END LOOP;
    -- Who is refused for one subject uses nothing of the others.
    PERFORM give_claim_uses(claimed, hour, day, array_agg(subjects[p]), array_agg(keys[p]))
    FROM unnest(taken) AS t (p) WHERE requests[p] = ANY (refused) HAVING count(*) > 0;
END $$;

CREATE FUNCTION give_claim_uses(
    claimed text, hour timestamptz, day timestamptz, subjects text[], keys bytea[])
RETURNS void LANGUAGE sql AS $$
    WITH given AS (
        SELECT subject, key, count(*) AS uses FROM unnest(subjects, keys) AS g (subject, key) GROUP BY subject, key),
    mine AS (
        SELECT c.subject, c.key, c.period, c.since, g.uses FROM claim_use c JOIN given g ON g.subject = c.subject AND g.key = c.key
        WHERE c.claim = claimed AND (c.period, c.since) IN (('hour', hour), ('day', day))
        ORDER BY c.subject, c.key, c.period FOR UPDATE OF c)
    -- By key: a row that somebody changed while we waited for it is not found by its new place.
    UPDATE claim_use c SET used = greatest(c.used - m.uses, 0) FROM mine m
    WHERE c.claim = claimed AND (c.subject, c.key, c.period, c.since) = (m.subject, m.key, m.period, m.since);
$$;

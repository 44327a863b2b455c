-- A claim's event names the device that the partner's application named. The function is that of 0006 but for that.

ALTER TYPE seat_request ADD ATTRIBUTE device_hash bytea;

CREATE OR REPLACE FUNCTION claim_seats(kind text, at timestamptz, asked seat_request[], handlers text[])
RETURNS TABLE (i integer, outcome text, seat_id bigint, seq integer, number bigint, detail jsonb)
LANGUAGE plpgsql
-- Every look-up is by key. Plans are kept, and one made while a table was small would read all of it later.
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    lucky    seat_request[];   -- those for whom a seat is locked
    placed   uuid[];           -- ids whose place in the person's day is taken
    seats    bigint[];         -- parallel to lucky
    numbers  integer[];
    stale    uuid[];           -- ended holds whose seats are taken over
BEGIN
    -- 1. One request per idempotency key at a time; an answer already given is given again.
    IF EXISTS (SELECT FROM unnest(asked) a WHERE a.idem_key IS NOT NULL) THEN
        RETURN QUERY
            SELECT asked[k.i].i, 'replay', NULL::bigint, NULL::integer, NULL::bigint, jsonb_build_object(
                'operation', k.operation, 'field_hashes', k.field_hashes, 'result', k.result)
            FROM (SELECT array_agg(a.client_id ORDER BY a.i) AS client_ids, array_agg(a.idem_key ORDER BY a.i) AS keys
                  FROM unnest(asked) a) q
            CROSS JOIN LATERAL stored_answers(q.client_ids, q.keys) k;
        IF FOUND THEN
            SELECT array_agg(a) INTO asked FROM unnest(asked) a WHERE a.idem_key IS NULL OR NOT EXISTS (
                SELECT FROM idempotency_key k WHERE k.client_id = a.client_id AND k.key = a.idem_key);
        END IF;
    END IF;

    -- 2. The lowest free seats of each slot; SKIP LOCKED lets rivals take different seats.
    WITH queue AS (
        SELECT a.slot_id, a.pools, row_number() OVER (PARTITION BY a.slot_id ORDER BY a.i) AS place, a
        FROM unnest(asked) a),
    wanted AS (SELECT q.slot_id, min(q.pools) AS pools, count(*) AS n FROM queue q GROUP BY q.slot_id),
    got AS (
        SELECT w.slot_id, f.id, f.seq, f.hold_id, row_number() OVER (PARTITION BY w.slot_id ORDER BY f.seq) AS place
        FROM wanted w CROSS JOIN LATERAL (
            SELECT s.id, s.seq, s.hold_id FROM seat s
            WHERE s.slot_id = w.slot_id AND s.status IN ('free', 'held')
              AND (s.status = 'free' OR s.hold_until <= at)
              AND s.pool = ANY (string_to_array(w.pools, ','))
            ORDER BY s.seq LIMIT w.n FOR UPDATE OF s SKIP LOCKED) f)
    SELECT array_agg(q.a ORDER BY (q.a).i), array_agg(g.id ORDER BY (q.a).i), array_agg(g.seq ORDER BY (q.a).i),
           array_agg(g.hold_id) FILTER (WHERE g.hold_id IS NOT NULL)
    INTO lucky, seats, numbers, stale
    FROM queue q JOIN got g ON g.slot_id = q.slot_id AND g.place = q.place;

    -- A seat that was skipped may come back when its holder rolls back: then the caller looks once more.
    IF coalesce(cardinality(lucky), 0) < coalesce(cardinality(asked), 0) THEN
        RETURN QUERY
            SELECT a.i, CASE WHEN EXISTS (
                       SELECT FROM seat s
                       WHERE s.slot_id = a.slot_id AND s.status IN ('free', 'held')
                         AND (s.status = 'free' OR s.hold_until <= at)
                         AND s.pool = ANY (string_to_array(a.pools, ','))
                         AND s.id <> ALL (coalesce(seats, '{}')))
                   THEN 'contended' ELSE 'sold_out' END,
                   NULL::bigint, NULL::integer, NULL::bigint, NULL::jsonb
            FROM unnest(asked) a
            WHERE NOT EXISTS (SELECT FROM unnest(lucky) l WHERE l.i = a.i);
    END IF;
    IF lucky IS NULL THEN
        RETURN;
    END IF;

    -- 3. The person's place in the day: once per department, so many a day. Ended holds give theirs back first.
    DELETE FROM visit_claim c USING (
        SELECT v.patient_id, v.clinic_date, v.ordinal FROM visit_claim v
        JOIN unnest(lucky) l ON v.patient_id = l.patient_id AND v.clinic_date = l.clinic_date
        WHERE v.until <= at ORDER BY v.patient_id, v.clinic_date, v.ordinal FOR UPDATE OF v) e
    WHERE c.patient_id = e.patient_id AND c.clinic_date = e.clinic_date AND c.ordinal = e.ordinal AND c.until <= at;
    WITH settled AS (
        INSERT INTO visit_claim (patient_id, clinic_date, ordinal, department_id, owner_id, until)
        SELECT l.patient_id, l.clinic_date, o.ordinal, CASE WHEN l.once THEN l.department_id END, l.id,
               CASE kind WHEN 'hold' THEN l.until ELSE 'infinity' END
        FROM unnest(lucky) l CROSS JOIN LATERAL (
            SELECT coalesce(array_agg(v.ordinal), '{}') AS ordinals FROM visit_claim v
            WHERE v.patient_id = l.patient_id AND v.clinic_date = l.clinic_date) taken
        CROSS JOIN LATERAL (
            -- Limits differ by clinic, so it is the number of places that counts, not the highest ordinal.
            SELECT CASE WHEN taken.ordinals = '{}' THEN 1
                   WHEN cardinality(taken.ordinals) < l.daily_limit THEN (
                       SELECT min(n) FROM generate_series(1, cardinality(taken.ordinals) + 1) n
                       WHERE n <> ALL (taken.ordinals))
                   END AS ordinal) o
        WHERE o.ordinal IS NOT NULL
        ORDER BY l.patient_id, l.clinic_date
        ON CONFLICT DO NOTHING
        RETURNING owner_id)
    SELECT array_agg(owner_id) INTO placed FROM settled;

    IF coalesce(cardinality(placed), 0) < cardinality(lucky) THEN
        RETURN QUERY
            SELECT l.i,
                   CASE WHEN own.owner_id IS NOT NULL THEN 'already'
                        WHEN (SELECT count(*) FROM visit_claim v WHERE v.patient_id = l.patient_id
                              AND v.clinic_date = l.clinic_date) >= l.daily_limit THEN 'daily_limit'
                        ELSE 'again' END,
                   NULL::bigint, NULL::integer, NULL::bigint,
                   jsonb_build_object(
                       'owner_id', own.owner_id, 'until', nullif(own.until, 'infinity'),
                       'client_id', (SELECT a.client_id FROM appointment a WHERE a.id = own.owner_id))
            FROM unnest(lucky) l
            LEFT JOIN visit_claim own ON own.patient_id = l.patient_id AND own.clinic_date = l.clinic_date
                 AND own.department_id = l.department_id AND l.once
            WHERE l.id <> ALL (coalesce(placed, '{}'));
        IF placed IS NULL THEN
            RETURN;
        END IF;
        SELECT array_agg(lucky[k] ORDER BY k), array_agg(seats[k] ORDER BY k), array_agg(numbers[k] ORDER BY k)
        INTO lucky, seats, numbers
        FROM generate_subscripts(lucky, 1) k WHERE (lucky[k]).id = ANY (placed);
    END IF;

    -- 4. The seats are theirs. Whoever takes a seat from an ended hold writes that end down; the hold's own row is
    -- left to the sweep, because waiting for it here would turn the order of locks around.
    IF stale IS NOT NULL THEN
        INSERT INTO booking_event (at, kind, seat_id, schedule_id, patient_id, hold_id, channel, client_id)
        SELECT at, CASE h.kind WHEN 'cooling' THEN 'reopened' ELSE 'hold_expired' END, s.id, s.schedule_id,
               h.patient_id, h.id, h.channel, 'system:expiry'
        FROM seat s JOIN hold h ON h.id = s.hold_id WHERE s.id = ANY (seats);
    END IF;

    -- 5. The hold or appointment, its event, its messages, and the answer for a repeated request.
    IF kind = 'hold' THEN
        UPDATE seat s SET status = 'held', hold_id = w.id, hold_until = w.until
        FROM unnest(seats, lucky) w(seat, i, id, slot_id, schedule_id, department_id, once, daily_limit, clinic_date,
             starts_at, fee_fen, pools, patient_id, until) WHERE s.id = w.seat;
        RETURN QUERY
        WITH won AS (SELECT w.* FROM unnest(seats, numbers, lucky) w(seat, seq, i, id, slot_id, schedule_id,
                department_id, once, daily_limit, clinic_date, starts_at, fee_fen, pools, patient_id, until, channel,
                client_id, staff_code, request_id, idem_key, operation, field_hashes, result,
                device_hash)),
        made AS (
            INSERT INTO hold (id, seat_id, slot_id, schedule_id, patient_id, status, until, channel, client_id,
                              staff_code, created_at)
            SELECT w.id, w.seat, w.slot_id, w.schedule_id, w.patient_id, 'active', w.until, w.channel, w.client_id,
                   w.staff_code, at FROM won w),
        told AS (
            INSERT INTO booking_event (at, kind, seat_id, schedule_id, patient_id, hold_id, channel, client_id,
                                       staff_code, request_id, device_hash)
            SELECT at, 'held', w.seat, w.schedule_id, w.patient_id, w.id, w.channel, w.client_id, w.staff_code,
                   w.request_id, w.device_hash FROM won w),
        kept AS (
            INSERT INTO idempotency_key (client_id, key, operation, field_hashes, result)
            SELECT w.client_id, w.idem_key, w.operation, w.field_hashes::json,
                   (w.result || ',"queue_number":' || w.seq || '}')::json
            FROM won w WHERE w.idem_key IS NOT NULL)
        SELECT w.i, 'won', w.seat, w.seq, NULL::bigint, NULL::jsonb FROM won w;
    ELSE
        UPDATE seat s SET status = 'booked', hold_id = NULL, hold_until = NULL WHERE s.id = ANY (seats);
        RETURN QUERY
        WITH won AS (SELECT w.*, nextval('appointment_number') AS number
            FROM unnest(seats, numbers, lucky) w(seat, seq, i, id, slot_id, schedule_id,
                department_id, once, daily_limit, clinic_date, starts_at, fee_fen, pools, patient_id, until, channel,
                client_id, staff_code, request_id, idem_key, operation, field_hashes, result,
                device_hash)),
        made AS (
            INSERT INTO appointment (id, number, seat_id, seq, slot_id, schedule_id, department_id, clinic_date,
                starts_at, patient_id, status, channel, client_id, staff_code, fee_fen, created_at, updated_at)
            SELECT w.id, w.number, w.seat, w.seq, w.slot_id, w.schedule_id, w.department_id, w.clinic_date,
                w.starts_at, w.patient_id, 'booked', w.channel, w.client_id, w.staff_code, w.fee_fen, at, at
            FROM won w),
        told AS (
            INSERT INTO booking_event (at, kind, seat_id, schedule_id, patient_id, appointment_id, channel, client_id,
                                       staff_code, request_id, device_hash)
            SELECT at, 'booked', w.seat, w.schedule_id, w.patient_id, w.id, w.channel, w.client_id, w.staff_code,
                   w.request_id, w.device_hash FROM won w),
        sent AS (
            INSERT INTO outbox (handler, event_type, aggregate, depends_on, payload)
            SELECT h.handler, 'appointment.booked', 'appointment:' || w.id, 'patient:' || w.patient_id,
                   jsonb_build_object('appointment_id', w.id, 'version', 1)
            FROM won w CROSS JOIN unnest(handlers) AS h(handler)),
        kept AS (
            INSERT INTO idempotency_key (client_id, key, operation, field_hashes, result)
            SELECT w.client_id, w.idem_key, w.operation, w.field_hashes::json,
                   (w.result || ',"queue_number":' || w.seq || ',"number":' || w.number || '}')::json
            FROM won w WHERE w.idem_key IS NOT NULL)
        SELECT w.i, 'won', w.seat, w.seq, w.number, NULL::jsonb FROM won w;
    END IF;
END $$;

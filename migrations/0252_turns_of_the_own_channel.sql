-- A turn is of the channel whose line it was waited for in: it opens no seat of another channel's pools, where others
-- have waited longer.
CREATE OR REPLACE FUNCTION claim_seats_by_turn(
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
        JOIN rush_ticket t ON t.patient_id = a.patient_id AND t.schedule_id = a.schedule_id AND t.channel = a.channel
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

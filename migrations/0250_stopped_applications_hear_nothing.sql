-- Whoever is stopped at the gateway, or whose application is suspended or retired, is told nothing by webhooks either.
-- What is due to them waits, as it does for a client that is not active, and goes out when they are let in again.
CREATE OR REPLACE FUNCTION lease_webhook_deliveries(lease uuid, instant timestamptz, until timestamptz, at_most integer,
                                         bound integer, slow_bound integer, failures_bound integer)
RETURNS SETOF bigint LANGUAGE plpgsql
-- Plans are kept, and one made while the table was small would read all of it later.
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(240);
    RETURN QUERY
        WITH busy AS (
            SELECT b.endpoint_id, count(*) AS n FROM webhook_delivery b
            WHERE b.status = 'pending' AND b.lease_id IS NOT NULL AND b.due_at > instant GROUP BY b.endpoint_id),
        room AS (
            SELECT e.id, greatest(0, CASE WHEN e.failures >= failures_bound THEN 1 WHEN e.is_slow THEN slow_bound
                                     ELSE bound END - coalesce(b.n, 0)) AS free
            FROM webhook_endpoint e
            JOIN oauth_client c ON c.id = e.client_id AND c.status = 'active'
            LEFT JOIN busy b ON b.endpoint_id = e.id
            WHERE e.status = 'active' AND e.rest_until <= instant
              AND NOT EXISTS (SELECT FROM application_gate g WHERE g.client_id = e.client_id AND g.stopped)
              AND NOT EXISTS (SELECT FROM partner_application a WHERE a.client_id = e.client_id
                              AND a.status IN ('suspended', 'retired'))),
        ready AS (
            SELECT f.position FROM room r CROSS JOIN LATERAL (
                SELECT d.position, d.due_at FROM webhook_delivery d
                WHERE d.endpoint_id = r.id AND d.status = 'pending' AND d.due_at <= instant
                  AND NOT EXISTS (
                      SELECT FROM webhook_delivery p
                      WHERE p.endpoint_id = d.endpoint_id AND p.subject_id = d.subject_id AND p.status = 'pending'
                        AND p.position < d.position)
                ORDER BY d.due_at, d.position LIMIT r.free) f
            ORDER BY f.due_at, f.position LIMIT at_most)
        UPDATE webhook_delivery d SET lease_id = lease, due_at = until, tries = d.tries + 1
        FROM ready WHERE d.position = ready.position
        RETURNING d.position;
END $$;

-- Webhooks: the addresses that partner applications have named, what is to be told to each, and every try.

CREATE TABLE webhook_endpoint (
    id             uuid PRIMARY KEY,
    client_id      text        NOT NULL,
    url            text        NOT NULL CHECK (length(url) <= 500),
    description    text        NOT NULL CHECK (length(description) <= 200),
    event_types    text[]      NOT NULL CHECK (cardinality(event_types) BETWEEN 1 AND 20),
    status         text        NOT NULL CHECK (status IN ('active', 'paused', 'disabled')),
    reason         text        CHECK (reason IN ('gone', 'failing')),   -- why it was disabled
    failures       integer     NOT NULL DEFAULT 0,          -- tries that failed since one was taken
    failing_since  timestamptz,                             -- the first of them
    is_slow        boolean     NOT NULL DEFAULT false,      -- it took long to answer last
    rest_until     timestamptz NOT NULL DEFAULT '-infinity',
    delivered_at   timestamptz,
    version        integer     NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    CHECK ((failures = 0) = (failing_since IS NULL)),
    CHECK ((status = 'disabled') = (reason IS NOT NULL))
);
CREATE INDEX webhook_endpoint_client ON webhook_endpoint (client_id, id);

-- Two of an endpoint are in force while one is being exchanged.
CREATE TABLE webhook_secret (
    id           uuid PRIMARY KEY,
    endpoint_id  uuid        NOT NULL REFERENCES webhook_endpoint (id) ON DELETE CASCADE,
    sealed       bytea       NOT NULL,
    expires_at   timestamptz NOT NULL DEFAULT 'infinity',
    created_at   timestamptz NOT NULL
);
CREATE INDEX webhook_secret_endpoint ON webhook_secret (endpoint_id, id);

CREATE TABLE webhook_delivery (
    position     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id           uuid        NOT NULL UNIQUE,               -- what the receiver tells repetitions by
    endpoint_id  uuid        NOT NULL REFERENCES webhook_endpoint (id) ON DELETE CASCADE,
    event_id     bigint,                                    -- the event's place in the feed; null: a test
    event_type   text        NOT NULL,
    subject_id   uuid        NOT NULL,                      -- deliveries about one subject go one after another
    body         text        NOT NULL,
    status       text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
    tries        integer     NOT NULL DEFAULT 0,            -- of this round; asking for it again begins a new one
    due_at       timestamptz NOT NULL,                      -- of a leased one: when the lease ends
    lease_id     uuid,
    created_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    CONSTRAINT webhook_delivery_once UNIQUE (endpoint_id, event_id),
    CHECK ((status = 'pending') = (finished_at IS NULL))
);
CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, due_at, position) WHERE status = 'pending';
CREATE INDEX webhook_delivery_subject ON webhook_delivery (endpoint_id, subject_id, position) WHERE status = 'pending';
CREATE INDEX webhook_delivery_leased ON webhook_delivery (lease_id, due_at) WHERE status = 'pending' AND lease_id IS NOT NULL;
CREATE INDEX webhook_delivery_listed ON webhook_delivery (endpoint_id, position);
CREATE INDEX webhook_delivery_failed ON webhook_delivery (endpoint_id, created_at) WHERE status = 'failed';
CREATE INDEX webhook_delivery_created ON webhook_delivery (created_at);

CREATE TABLE webhook_attempt (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id   uuid        NOT NULL REFERENCES webhook_delivery (id) ON DELETE CASCADE,
    at            timestamptz NOT NULL,
    milliseconds  integer     NOT NULL,
    outcome       text        NOT NULL,                     -- delivered, gone, refused, timeout, connection, ...
    status_code   smallint,
    answer        text                                      -- how it began
);
CREATE INDEX webhook_attempt_delivery ON webhook_attempt (delivery_id, id);
CREATE INDEX webhook_attempt_at ON webhook_attempt (at);

-- How far events have become deliveries: all of transactions before this one, and those of it up to this id.
CREATE TABLE webhook_feed (
    transaction_id  xid8   NOT NULL,
    event_id        bigint NOT NULL
);
CREATE UNIQUE INDEX webhook_feed_one ON webhook_feed ((true));
INSERT INTO webhook_feed VALUES ('0', 0);

-- The feed is read in the order of transactions: an early one may give its notices later ids than a late one.
CREATE INDEX booking_notice_transaction ON booking_notice (transaction_id, id);
CREATE INDEX booking_notice_order ON booking_notice (client_id, transaction_id, id);
DROP INDEX booking_notice_client;

-- Lease deliveries that may go now. One caller at a time, so that the bound of an endpoint holds across workers; a bound
-- is lower for an endpoint that takes long, and one try at a time goes to an endpoint that fails. A lease moves `due_at`
-- on: what nobody finishes is due again by itself.
CREATE FUNCTION lease_webhook_deliveries(lease uuid, instant timestamptz, until timestamptz, at_most integer,
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
            WHERE e.status = 'active' AND e.rest_until <= instant),
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

-- How an application may come in: how often, from where, and whether at all.

-- `covers` is `all`, a class of endpoint (care, bulk, sensitive) or one operation (`POST /holds`). A row of a client
-- takes the place of its kind's row with the same `covers` and period; every row that covers a request counts.
CREATE TABLE rate_policy (
    id              uuid PRIMARY KEY,
    client_id       text CHECK (length(client_id) BETWEEN 1 AND 80),
    client_kind     text CHECK (client_kind IN ('partner', 'internal')),
    covers          text    NOT NULL CHECK (length(covers) BETWEEN 1 AND 120),
    window_seconds  integer NOT NULL CHECK (window_seconds BETWEEN 1 AND 86400),
    requests        integer CHECK (requests BETWEEN 1 AND 1000000000),        -- null: without limit
    version         integer NOT NULL DEFAULT 1,
    CHECK (num_nonnulls(client_id, client_kind) = 1)
);
-- One rate and one daily quota for each thing covered.
CREATE UNIQUE INDEX rate_policy_client_once ON rate_policy (client_id, covers, (window_seconds = 86400))
    WHERE client_id IS NOT NULL;
CREATE UNIQUE INDEX rate_policy_kind_once ON rate_policy (client_kind, covers, (window_seconds = 86400))
    WHERE client_kind IS NOT NULL;

-- The hospital's own applications have no limit until it gives them one; partners' are meant to stop what runs away.
INSERT INTO rate_policy (id, client_kind, covers, window_seconds, requests) VALUES
    ('00000000-0000-7000-8000-000000000231', 'partner',  'care',      10,    50000),
    ('00000000-0000-7000-8000-000000000232', 'partner',  'bulk',      10,    1000),
    ('00000000-0000-7000-8000-000000000233', 'partner',  'sensitive', 60,    600),
    ('00000000-0000-7000-8000-000000000234', 'partner',  'all',       86400, 20000000),
    ('00000000-0000-7000-8000-000000000235', 'internal', 'all',       60,    NULL);

-- The door of one application; one without a row is open to it from anywhere.
CREATE TABLE application_gate (
    client_id           text PRIMARY KEY CHECK (length(client_id) BETWEEN 1 AND 80),
    stopped             boolean NOT NULL DEFAULT false,
    stop_reason         text    CHECK (length(stop_reason) BETWEEN 1 AND 500),
    stopped_at          timestamptz,
    networks            cidr[]  NOT NULL DEFAULT '{}' CHECK (cardinality(networks) <= 100),   -- empty: from anywhere
    sm2_public_key      bytea   CHECK (octet_length(sm2_public_key) = 64),
    signature_required  boolean NOT NULL DEFAULT false,
    version             integer NOT NULL DEFAULT 1,
    CHECK (stopped = (stop_reason IS NOT NULL) AND stopped = (stopped_at IS NOT NULL)),
    CHECK (NOT signature_required OR sm2_public_key IS NOT NULL)
);

-- A partner's application as the hospital knows it, from the first draft to its end.

CREATE TABLE partner_application (
    id            uuid PRIMARY KEY,
    name          text        NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    organisation  text        NOT NULL CHECK (length(organisation) BETWEEN 1 AND 200),
    purpose       text        NOT NULL CHECK (length(purpose) BETWEEN 1 AND 2000),
    contacts      bytea       NOT NULL,                  -- names, e-mail addresses and telephones: sealed
    scopes        text[]      NOT NULL CHECK (cardinality(scopes) BETWEEN 1 AND 50),
    status        text        NOT NULL CHECK (status IN
                  ('draft', 'submitted', 'approved', 'refused', 'live', 'suspended', 'retired')),
    reason        text        CHECK (length(reason) BETWEEN 1 AND 500),     -- of its present status
    client_id     text        UNIQUE,                    -- of oauth_client, from going live on
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    version       integer     NOT NULL DEFAULT 1,
    CHECK (status NOT IN ('live', 'suspended') OR client_id IS NOT NULL)
);
CREATE INDEX partner_application_status ON partner_application (status, id);

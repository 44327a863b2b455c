-- Who may call: client applications and the staff they act for.

CREATE TABLE oauth_client (
    id           text        PRIMARY KEY CHECK (id ~ '^[a-z0-9][a-z0-9-]{2,62}$'),
    name         text        NOT NULL,
    kind         text        NOT NULL CHECK (kind IN ('partner', 'internal')),
    channel      text        NOT NULL,
    secret_hash  bytea       NOT NULL,
    scopes       text[]      NOT NULL,
    status       text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
    created_at   timestamptz NOT NULL DEFAULT now(),
    version      integer     NOT NULL DEFAULT 1
);

CREATE TABLE staff (
    id          uuid PRIMARY KEY,
    code        text        NOT NULL UNIQUE CHECK (code ~ '^[A-Z][0-9]{3,9}$'),
    name        text        NOT NULL,
    status      text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'left')),
    created_at  timestamptz NOT NULL DEFAULT now()
);

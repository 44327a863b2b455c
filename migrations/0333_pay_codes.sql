-- Pay codes: what a patient sends to a relative, so that they pay one order and see no more than they need (adr/0333).

CREATE TABLE pay_code (
    id               uuid PRIMARY KEY,
    order_id         uuid        NOT NULL REFERENCES payment_order (id),
    code_hash        bytea       NOT NULL UNIQUE CHECK (length(code_hash) = 32),   -- keyed; the code itself is nowhere
    client_id        text        NOT NULL,
    account_id       uuid,                                 -- the person who made it, where the application names one
    created_at       timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL CHECK (expires_at > created_at),
    revoked_at       timestamptz,
    asks             integer     NOT NULL DEFAULT 0,       -- in the minute that began at asks_since
    asks_since       timestamptz NOT NULL
);
CREATE INDEX pay_code_order ON pay_code (order_id);

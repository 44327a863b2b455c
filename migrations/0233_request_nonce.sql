-- Nonces of signed requests, each good once. Here and not in Valkey: a restart of that would let requests be replayed.
CREATE TABLE request_nonce (
    client_id   text        NOT NULL,
    nonce       text        NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (client_id, nonce)
);
CREATE INDEX request_nonce_expiry ON request_nonce (expires_at);

-- Signing in: what people prove themselves with, how often it may be tried, and the sessions that come of it.
-- A subject is a member of staff (`staff.id`) or a patient's account (`patient_account.id`).

CREATE TABLE sign_in_session (
    id            uuid        PRIMARY KEY,
    token_hash    bytea       NOT NULL UNIQUE,
    subject_kind  text        NOT NULL CHECK (subject_kind IN ('staff', 'account')),
    subject_id    uuid        NOT NULL,
    methods       text[]      NOT NULL CHECK (cardinality(methods) > 0),   -- amr, RFC 8176
    acr           text        NOT NULL CHECK (acr IN ('aal1', 'aal2')),
    auth_time     timestamptz NOT NULL,
    device        text        NOT NULL CHECK (length(device) <= 80),
    created_at    timestamptz NOT NULL,
    seen_at       timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    ended_at      timestamptz,
    ended_by      text        CHECK (ended_by IN ('signed_out', 'revoked', 'replaced', 'left', 'closed')),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE INDEX sign_in_session_subject ON sign_in_session (subject_kind, subject_id) WHERE ended_at IS NULL;
CREATE INDEX sign_in_session_expires ON sign_in_session (expires_at);
COMMENT ON TABLE sign_in_session IS 'The cookie itself is kept nowhere; token_hash is its keyed hash.';

CREATE TABLE sign_in_phone_code (
    id            uuid        PRIMARY KEY,
    visit_hash    bytea       NOT NULL,   -- the browser that asked for it
    phone_cipher  bytea       NOT NULL,
    code_hash     bytea       NOT NULL,
    tries_left    smallint    NOT NULL CHECK (tries_left >= 0),
    expires_at    timestamptz NOT NULL,
    used_at       timestamptz
);
CREATE INDEX sign_in_phone_code_expires ON sign_in_phone_code (expires_at);

CREATE TABLE sign_in_password (
    subject_kind  text        NOT NULL CHECK (subject_kind = 'staff'),
    subject_id    uuid        NOT NULL,
    hash          text        NOT NULL CHECK (hash LIKE '$argon2id$%'),
    changed_at    timestamptz NOT NULL,
    PRIMARY KEY (subject_kind, subject_id)
);

CREATE TABLE sign_in_totp (
    subject_kind   text        NOT NULL CHECK (subject_kind = 'staff'),
    subject_id     uuid        NOT NULL,
    secret_cipher  bytea       NOT NULL,
    last_step      bigint      NOT NULL,   -- RFC 6238 section 5.2: a step's code is taken once
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (subject_kind, subject_id)
);

CREATE TABLE sign_in_recovery_code (
    subject_kind  text        NOT NULL CHECK (subject_kind = 'staff'),
    subject_id    uuid        NOT NULL,
    code_hash     bytea       NOT NULL,
    used_at       timestamptz,
    PRIMARY KEY (subject_kind, subject_id, code_hash)
);

CREATE TABLE sign_in_passkey (
    id             uuid        PRIMARY KEY,
    subject_kind   text        NOT NULL CHECK (subject_kind IN ('staff', 'account')),
    subject_id     uuid        NOT NULL,
    credential_id  bytea       NOT NULL UNIQUE CHECK (length(credential_id) BETWEEN 1 AND 1023),
    public_key     bytea       NOT NULL,
    sign_count     bigint      NOT NULL,
    name           text        NOT NULL CHECK (length(name) <= 80),
    created_at     timestamptz NOT NULL,
    used_at        timestamptz
);
CREATE INDEX sign_in_passkey_subject ON sign_in_passkey (subject_kind, subject_id);

CREATE TABLE sign_in_challenge (
    id            uuid        PRIMARY KEY,
    purpose       text        NOT NULL CHECK (purpose IN ('register', 'authenticate')),
    visit_hash    bytea       NOT NULL,
    subject_kind  text        CHECK (subject_kind IN ('staff', 'account')),
    subject_id    uuid,
    challenge     bytea       NOT NULL,
    expires_at    timestamptz NOT NULL,
    used_at       timestamptz,
    CHECK ((purpose = 'register') = (subject_id IS NOT NULL))
);
CREATE INDEX sign_in_challenge_expires ON sign_in_challenge (expires_at);

-- Right across processes and after a restart of the cache: limits on guessing live here.
CREATE TABLE sign_in_throttle (
    key            bytea       PRIMARY KEY,
    count          integer     NOT NULL CHECK (count >= 0),
    ends_at        timestamptz NOT NULL,
    blocked_until  timestamptz NOT NULL DEFAULT '-infinity'
);
CREATE INDEX sign_in_throttle_ends ON sign_in_throttle (ends_at);

-- Where a subject has signed in before; strangers' guesses elsewhere never shut it out from there.
CREATE TABLE sign_in_known_address (
    subject_hash  bytea       NOT NULL,
    address_hash  bytea       NOT NULL,
    used_at       timestamptz NOT NULL,
    PRIMARY KEY (subject_hash, address_hash)
);

CREATE TABLE sign_in_event (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at            timestamptz NOT NULL,
    kind          text        NOT NULL,
    subject_kind  text,
    subject_id    uuid,
    method        text,
    session_id    uuid,
    address_hash  bytea,
    request_id    text
);
CREATE INDEX sign_in_event_subject ON sign_in_event (subject_kind, subject_id, id);
CREATE TRIGGER sign_in_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sign_in_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();
COMMENT ON TABLE sign_in_event IS 'Every attempt, by ids and keyed hashes alone; no number, name, code or address.';

-- What the sandbox's message port has "sent"; empty in production, where nothing writes to it.
CREATE TABLE sandbox_message (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL,
    phone_hash   bytea       NOT NULL,
    text_cipher  bytea       NOT NULL
);
CREATE INDEX sandbox_message_phone ON sandbox_message (phone_hash, id);

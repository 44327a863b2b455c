-- The authorization server: clients with profiles and keys, grants of persons, and what hangs on them.
-- Tokens, codes and secrets are kept as hashes alone.

ALTER TABLE oauth_client
    -- Whose rules the client keeps: the specifications disagree, so a client follows one of them.
    ADD COLUMN profile          text    NOT NULL DEFAULT 'plain' CHECK (profile IN ('plain', 'smart', 'fapi2')),
    ADD COLUMN application_type text    NOT NULL DEFAULT 'service'
               CHECK (application_type IN ('service', 'web', 'native', 'browser')),
    ADD COLUMN auth_method      text    NOT NULL DEFAULT 'client_secret_basic'
               CHECK (auth_method IN ('private_key_jwt', 'client_secret_basic', 'client_secret_post', 'none')),
    ADD COLUMN jwks             jsonb,
    ADD COLUMN jwks_uri         text,
    ADD COLUMN grant_types      text[]  NOT NULL DEFAULT '{client_credentials}',
    ADD COLUMN redirect_uris    text[]  NOT NULL DEFAULT '{}',
    ADD COLUMN post_logout_redirect_uris text[] NOT NULL DEFAULT '{}',
    ADD COLUMN dpop_required    boolean NOT NULL DEFAULT false,   -- tokens are bound to a key (RFC 9449)
    ADD COLUMN par_required     boolean NOT NULL DEFAULT false,   -- authorization requests are pushed first (RFC 9126)
    ADD COLUMN contacts         text[]  NOT NULL DEFAULT '{}',
    ADD COLUMN registration_token_hash bytea,                     -- lets the client read its registration (RFC 7592)
    DROP CONSTRAINT oauth_client_status_check,
    ADD CONSTRAINT oauth_client_status_check CHECK (status IN ('pending', 'active', 'suspended', 'refused')),
    ADD CONSTRAINT oauth_client_one_key_set CHECK (jwks IS NULL OR jwks_uri IS NULL),
    ADD CONSTRAINT oauth_client_has_keys
        CHECK (auth_method <> 'private_key_jwt' OR jwks IS NOT NULL OR jwks_uri IS NOT NULL),
    -- FAPI 2.0: confidential clients with keys, sender-constrained tokens, pushed requests.
    ADD CONSTRAINT oauth_client_fapi2
        CHECK (profile <> 'fapi2' OR auth_method = 'private_key_jwt' AND dpop_required AND par_required),
    -- Who can keep no secret can prove nothing, so it acts for nobody but the person before it.
    ADD CONSTRAINT oauth_client_public CHECK (auth_method <> 'none' OR application_type IN ('native', 'browser')
        AND NOT grant_types && '{client_credentials,urn:ietf:params:oauth:grant-type:token-exchange}');
CREATE UNIQUE INDEX oauth_client_registration_token ON oauth_client (registration_token_hash)
    WHERE registration_token_hash IS NOT NULL;

-- Two secrets overlap while a client changes from one to the next.
CREATE TABLE oauth_client_secret (
    id          uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    client_id   text        NOT NULL REFERENCES oauth_client (id),
    hash        bytea       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz                                       -- null: until it is changed
);
CREATE INDEX oauth_client_secret_client ON oauth_client_secret (client_id);
INSERT INTO oauth_client_secret (client_id, hash, created_at) SELECT id, secret_hash, created_at FROM oauth_client;
-- No release has gone out that would still read it.
ALTER TABLE oauth_client DROP COLUMN secret_hash;

-- What a person has allowed a client: codes, refresh tokens and access tokens hang on it and end with it.
CREATE TABLE oauth_grant (
    id             uuid        PRIMARY KEY,
    client_id      text        NOT NULL REFERENCES oauth_client (id),
    subject_kind   text        NOT NULL CHECK (subject_kind IN ('staff', 'account')),
    subject_id     uuid        NOT NULL,
    patient_id     uuid,                                          -- the one patient whose data it opens
    consent_id     uuid,                                          -- the consent it rests on, of `patients`
    scopes         text[]      NOT NULL,
    resources      text[]      NOT NULL CHECK (cardinality(resources) > 0),   -- RFC 8707; the first is the usual one
    auth_time      timestamptz NOT NULL,                          -- when the person signed in
    acr            text,                                          -- and how strongly
    fhir_user      text,                                          -- SMART: who that is, as a FHIR resource's address
    status         text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'revoked')),
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    revoked_at     timestamptz,
    revoked_because text,
    CHECK ((status = 'revoked') = (revoked_at IS NOT NULL))
);
CREATE INDEX oauth_grant_client ON oauth_grant (client_id);
CREATE INDEX oauth_grant_subject ON oauth_grant (subject_kind, subject_id);
CREATE INDEX oauth_grant_consent ON oauth_grant (consent_id) WHERE consent_id IS NOT NULL;
CREATE INDEX oauth_grant_expiry ON oauth_grant (expires_at);

CREATE TABLE oauth_authorization_code (
    hash            bytea       PRIMARY KEY,
    grant_id        uuid        NOT NULL REFERENCES oauth_grant (id) ON DELETE CASCADE,
    redirect_uri    text        NOT NULL,
    code_challenge  text        NOT NULL CHECK (length(code_challenge) = 43),   -- S256 (RFC 7636); there is no other
    nonce           text,                                         -- goes into the ID token
    jkt             text,                                         -- the DPoP key the code is bound to, if to one
    used            boolean     NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL CHECK (expires_at <= created_at + interval '60 seconds')
);
CREATE INDEX oauth_authorization_code_grant ON oauth_authorization_code (grant_id);

-- The refresh tokens of a grant are one family: each is used once, and a second use ends the grant.
CREATE TABLE oauth_refresh_token (
    hash          bytea       PRIMARY KEY,
    grant_id      uuid        NOT NULL REFERENCES oauth_grant (id) ON DELETE CASCADE,
    jkt           text,
    used          boolean     NOT NULL DEFAULT false,
    used_at       timestamptz,
    request_hash  bytea,                                          -- of the request that used it
    answer        bytea,                                          -- sealed: what that request got, for its own retry
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    CHECK (used = (used_at IS NOT NULL))
);
CREATE INDEX oauth_refresh_token_grant ON oauth_refresh_token (grant_id);
CREATE INDEX oauth_refresh_token_answer ON oauth_refresh_token (used_at) WHERE answer IS NOT NULL;

-- What every process must know within a second: a token (by jti) or a grant that is worth nothing any more.
CREATE TABLE oauth_revocation (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind            text        NOT NULL CHECK (kind IN ('token', 'grant')),
    value           text        NOT NULL,
    expires_at      timestamptz NOT NULL,                         -- when no token is left that it could stop
    created_at      timestamptz NOT NULL DEFAULT now(),
    -- Numbers of an identity are given out before the commit; a reader who goes by transactions misses none.
    transaction_id  xid8        NOT NULL DEFAULT pg_current_xact_id(),
    UNIQUE (kind, value)
);
CREATE INDEX oauth_revocation_transaction ON oauth_revocation (transaction_id);
CREATE INDEX oauth_revocation_expiry ON oauth_revocation (expires_at);

-- Identifiers of assertions and proofs, each good once (RFC 7523 section 3, RFC 9449 section 11.1).
CREATE TABLE oauth_jti (
    hash        bytea       PRIMARY KEY,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX oauth_jti_expiry ON oauth_jti (expires_at);

CREATE TABLE oauth_pushed_request (
    hash        bytea       PRIMARY KEY,                          -- of the request_uri
    client_id   text        NOT NULL REFERENCES oauth_client (id),
    parameters  jsonb       NOT NULL,
    jkt         text,
    used        boolean     NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL CHECK (expires_at <= created_at + interval '600 seconds')
);
CREATE INDEX oauth_pushed_request_expiry ON oauth_pushed_request (expires_at);

-- What the hospital hands to a partner so that it may register one application itself (RFC 7591 section 3).
CREATE TABLE oauth_initial_access_token (
    id           uuid        PRIMARY KEY,
    hash         bytea       NOT NULL UNIQUE,
    note         text        NOT NULL CHECK (length(note) BETWEEN 1 AND 200),
    channel      text        NOT NULL REFERENCES channel (code),
    scopes       text[]      NOT NULL,                            -- the most that the application can ask for
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    used         boolean     NOT NULL DEFAULT false,
    client_id    text        REFERENCES oauth_client (id)         -- what was registered with it
);

-- Failed proofs by client and address, so that guessing ends and nobody else is locked out by it.
CREATE TABLE oauth_failed_attempt (
    key            bytea       PRIMARY KEY,                       -- keyed hash
    failures       integer     NOT NULL,
    window_ends_at timestamptz NOT NULL,
    locked_until   timestamptz
);
CREATE INDEX oauth_failed_attempt_lock ON oauth_failed_attempt (locked_until) WHERE locked_until IS NOT NULL;
CREATE INDEX oauth_failed_attempt_window ON oauth_failed_attempt (window_ends_at);

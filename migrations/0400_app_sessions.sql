-- Sessions of the patients' mini-program and of its pages in a browser. They are kept and listed with the others, but no
-- cookie of the sign-in pages opens them: their tokens do (docs/adr/0401).
ALTER TABLE sign_in_session
    ADD COLUMN transport text NOT NULL DEFAULT 'page' CHECK (transport IN ('page', 'cookie', 'body')),
    ADD CONSTRAINT sign_in_session_app_is_an_accounts CHECK (transport = 'page' OR subject_kind = 'account'),
    DROP CONSTRAINT sign_in_session_ended_by_check,
    ADD CONSTRAINT sign_in_session_ended_by_check
        CHECK (ended_by IN ('signed_out', 'revoked', 'replaced', 'left', 'closed', 'token_reused'));
COMMENT ON COLUMN sign_in_session.transport IS
    'page: a cookie of our own pages; of the app, how its refresh token travels: cookie (a browser), body (a mini-program).';

CREATE TABLE sign_in_access_token (
    hash        bytea       PRIMARY KEY,
    session_id  uuid        NOT NULL REFERENCES sign_in_session (id) ON DELETE CASCADE,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX sign_in_access_token_session ON sign_in_access_token (session_id);
CREATE INDEX sign_in_access_token_expires ON sign_in_access_token (expires_at);

CREATE TABLE sign_in_refresh_token (
    hash           bytea       PRIMARY KEY,
    session_id     uuid        NOT NULL REFERENCES sign_in_session (id) ON DELETE CASCADE,
    expires_at     timestamptz NOT NULL,
    used_at        timestamptz,
    answer_cipher  bytea,      -- what its first use was answered, for a retry; taken away soon afterwards
    CHECK (answer_cipher IS NULL OR used_at IS NOT NULL)
);
CREATE INDEX sign_in_refresh_token_session ON sign_in_refresh_token (session_id);
CREATE INDEX sign_in_refresh_token_answered ON sign_in_refresh_token (used_at) WHERE answer_cipher IS NOT NULL;
COMMENT ON TABLE sign_in_refresh_token IS
    'A used token stays for as long as its session: whoever shows it again ends that. No token is kept, only keyed hashes.';

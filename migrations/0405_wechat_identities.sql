-- Who an account is to the hospital's mini-program at WeChat, and tickets of those who have logged in there and have yet
-- to show their number (docs/adr/0408). Openids are sealed and found by keyed hashes; nothing else of WeChat's is kept.
CREATE TABLE wechat_identity (
    id             uuid        PRIMARY KEY,
    app_id         text        NOT NULL,
    openid_hash    bytea       NOT NULL,
    openid_cipher  bytea       NOT NULL,
    account_id     uuid        NOT NULL,
    bound_at       timestamptz NOT NULL,
    used_at        timestamptz NOT NULL,
    UNIQUE (app_id, openid_hash)
);
CREATE INDEX wechat_identity_account ON wechat_identity (account_id, used_at);
COMMENT ON TABLE wechat_identity IS
    'One account for each openid; an account may have several. Unbinding deletes the row, sign_in_event keeps that it was.';

ALTER TABLE sign_in_session
    ADD COLUMN wechat_identity_id uuid REFERENCES wechat_identity (id) ON DELETE SET NULL;
CREATE INDEX sign_in_session_wechat ON sign_in_session (wechat_identity_id) WHERE wechat_identity_id IS NOT NULL;
COMMENT ON COLUMN sign_in_session.wechat_identity_id IS 'By which openid the session was opened: the one that pays there.';

CREATE TABLE wechat_ticket (
    hash           bytea       PRIMARY KEY,
    visit_hash     bytea       NOT NULL,
    app_id         text        NOT NULL,
    openid_hash    bytea       NOT NULL,
    openid_cipher  bytea       NOT NULL,
    tries_left     smallint    NOT NULL CHECK (tries_left >= 0),
    expires_at     timestamptz NOT NULL,
    used_at        timestamptz
);
CREATE INDEX wechat_ticket_expires ON wechat_ticket (expires_at);

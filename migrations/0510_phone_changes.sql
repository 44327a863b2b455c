-- An account's number can be changed, and can be gone: its next owner has begun an account of their own with it
-- (docs/adr/0491, 0492).
ALTER TABLE patient_account
    ALTER COLUMN phone_cipher DROP NOT NULL,
    ALTER COLUMN phone_hash DROP NOT NULL,
    ADD COLUMN phone_proved_at timestamptz,
    ADD CONSTRAINT patient_account_phone_is_whole CHECK ((phone_cipher IS NULL) = (phone_hash IS NULL));
COMMENT ON COLUMN patient_account.phone_proved_at IS
    'When somebody showed last that the number is theirs. Null: not since the account was opened.';

-- Somebody has proved a number that was proved long ago, and is asked whether the account is theirs. It is answered
-- once, by whoever has the token; only a keyed hash of that is kept.
CREATE TABLE sign_in_question (
    hash                bytea       PRIMARY KEY,
    account_id          uuid        NOT NULL,
    phone_cipher        bytea       NOT NULL,
    wechat_ticket_hash  bytea,                  -- the ticket of who showed the number by WeChat
    expires_at          timestamptz NOT NULL,
    used_at             timestamptz
);
CREATE INDEX sign_in_question_expires ON sign_in_question (expires_at);

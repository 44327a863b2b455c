-- Payments over the open API: whose word was taken once, whose was not taken, when a reader last had a channel asked,
-- and what cashiers and the finance office may do.

-- A signed notification is believed once: its nonce is kept for longer than its time stamp is believed.
CREATE TABLE payment_notification_nonce (
    merchant_code  text        NOT NULL,
    nonce          text        NOT NULL CHECK (length(nonce) BETWEEN 1 AND 128),
    seen_at        timestamptz NOT NULL,
    PRIMARY KEY (merchant_code, nonce)
);
CREATE INDEX payment_notification_nonce_seen ON payment_notification_nonce (seen_at);

-- What came in a channel's name and was not believed, counted by the minute: nothing of its content is kept, and
-- whoever sends many makes few rows.
CREATE TABLE payment_notification_refusal (
    id               uuid PRIMARY KEY,
    minute           timestamptz NOT NULL,
    merchant_code    text,                                  -- null: of no account of ours
    reason           text        NOT NULL CHECK (length(reason) BETWEEN 1 AND 40),
    message_count    bigint      NOT NULL CHECK (message_count > 0),
    last_at          timestamptz NOT NULL,
    last_network     text,                                  -- the sender's address without its last part
    last_request_id  text        NOT NULL,
    CONSTRAINT payment_notification_refusal_once UNIQUE NULLS NOT DISTINCT (minute, merchant_code, reason)
);

ALTER TABLE payment_attempt ADD COLUMN asked_at timestamptz;
COMMENT ON COLUMN payment_attempt.asked_at IS 'When a reader last had the channel asked; the timetable asks by itself.';

CREATE INDEX payment_refund_listed ON payment_refund (client_id, id);
CREATE INDEX payment_refund_waiting ON payment_refund (id) WHERE status = 'requested';

INSERT INTO staff_role (code, name_zh, name_en, scopes) VALUES
    ('cashier', '收费员', 'Cashier',
     '{patients.read,appointments.read,payments.read,payments.write,refunds.write,cashier.write}'),
    ('finance', '财务', 'Finance office', '{payments.read,refunds.write,finance.read,finance.write}');
UPDATE staff_role SET scopes = scopes || '{finance.read}' WHERE code = 'auditor';

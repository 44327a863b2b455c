-- Payments: what is to be paid (order), each try to pay it (attempt), what a channel took (transaction), what the HIS
-- made of it (settlement), what goes back (refund), and whatever a person has to decide (exception). Amounts are fen.

CREATE TABLE payment_rule (
    id                     uuid    PRIMARY KEY,
    approval_above_fen     bigint  NOT NULL CHECK (approval_above_fen >= 0),   -- refunds above want a second person
    settlement_asks_max    integer NOT NULL CHECK (settlement_asks_max BETWEEN 1 AND 100),
    close_tries_max        integer NOT NULL CHECK (close_tries_max BETWEEN 1 AND 100),
    version                integer NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX payment_rule_one ON payment_rule ((true));
INSERT INTO payment_rule (id, approval_above_fen, settlement_asks_max, close_tries_max)
VALUES ('00000000-0000-7000-8000-000000000300', 50000, 8, 10);

CREATE TABLE payment_merchant (
    code            text PRIMARY KEY CHECK (code ~ '^[a-z0-9][a-z0-9_-]{0,39}$'),
    channel         text        NOT NULL CHECK (channel IN ('wechatpay', 'alipay', 'insurance', 'cash', 'card')),
    campus_id       uuid,                                  -- null: of the whole group
    merchant_no     text        NOT NULL CHECK (length(merchant_no) BETWEEN 1 AND 64),
    app_id          text        NOT NULL DEFAULT '' CHECK (length(app_id) <= 64),
    key_references  jsonb       NOT NULL DEFAULT '{}',     -- what for -> `file:NAME` or `env:NAME`; never a key itself
    status          text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'stopped')),
    version         integer     NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (channel, merchant_no, app_id)
);
CREATE UNIQUE INDEX payment_merchant_campus ON payment_merchant (channel, campus_id) NULLS NOT DISTINCT
    WHERE status = 'active';
COMMENT ON INDEX payment_merchant_campus IS 'A campus has one account with a channel at a time.';

CREATE SEQUENCE payment_order_number;

CREATE TABLE payment_order (
    id            uuid PRIMARY KEY,
    order_no      text        NOT NULL UNIQUE CHECK (length(order_no) <= 24),
    kind          text        NOT NULL CHECK (kind IN ('registration', 'outpatient_bill', 'deposit', 'discharge')),
    subject_kind  text        NOT NULL CHECK (length(subject_kind) <= 40),
    subject_id    text        NOT NULL CHECK (length(subject_id) <= 100),
    is_exclusive  boolean     NOT NULL,                    -- the subject is paid for once
    patient_id    uuid        NOT NULL,
    campus_id     uuid,
    amount_fen    bigint      NOT NULL CHECK (amount_fen BETWEEN 1 AND 100000000),
    title         text        NOT NULL CHECK (length(title) BETWEEN 1 AND 60),
    status        text        NOT NULL CHECK (status IN
                  ('open', 'closing', 'closed', 'paid', 'settled', 'rejected', 'refunded')),
    close_reason  text,
    refunded_fen  bigint      NOT NULL DEFAULT 0,          -- gone back of what was paid for it
    client_id     text        NOT NULL,
    staff_code    text,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    paid_at       timestamptz,
    settled_at    timestamptz,
    closed_at     timestamptz,
    updated_at    timestamptz NOT NULL,
    version       integer     NOT NULL DEFAULT 1,
    CHECK (refunded_fen BETWEEN 0 AND amount_fen),
    CHECK (expires_at > created_at),
    CHECK ((status IN ('open', 'closing', 'closed')) = (paid_at IS NULL)),
    CHECK ((status = 'refunded') <= (refunded_fen = amount_fen)),
    CHECK ((status IN ('closing', 'closed')) <= (close_reason IS NOT NULL))
);
CREATE UNIQUE INDEX payment_order_subject_once ON payment_order (kind, subject_kind, subject_id)
    WHERE is_exclusive AND status IN ('open', 'closing', 'paid', 'settled');
CREATE INDEX payment_order_subject ON payment_order (subject_kind, subject_id);
CREATE INDEX payment_order_patient ON payment_order (patient_id, created_at);
CREATE INDEX payment_order_expiry ON payment_order (expires_at) WHERE status = 'open';
CREATE INDEX payment_order_listed ON payment_order (client_id, created_at);

CREATE TABLE payment_attempt (
    id             uuid PRIMARY KEY,
    attempt_no     text        NOT NULL UNIQUE CHECK (attempt_no ~ '^[A-Za-z0-9]{1,32}$'),   -- out_trade_no
    order_id       uuid        NOT NULL REFERENCES payment_order (id),
    ordinal        smallint    NOT NULL CHECK (ordinal BETWEEN 1 AND 20),
    merchant_code  text        NOT NULL REFERENCES payment_merchant (code),
    channel        text        NOT NULL,
    scene          text        NOT NULL CHECK (scene IN ('mini_program', 'native_code', 'window')),
    payer          text        CHECK (length(payer) <= 128),
    amount_fen     bigint      NOT NULL CHECK (amount_fen > 0),
    status         text        NOT NULL CHECK (status IN
                   ('created', 'prepared', 'paid', 'closed', 'failed', 'disputed')),
    prepared       jsonb,                                  -- what the phone or kiosk was given
    fault          text        CHECK (length(fault) <= 64),
    checks         integer     NOT NULL DEFAULT 0,
    next_check_at  timestamptz,                            -- when to ask the channel, should nobody have told us
    client_id      text        NOT NULL,
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    UNIQUE (order_id, ordinal),
    CHECK ((status IN ('created', 'prepared')) >= (next_check_at IS NOT NULL))
);
CREATE INDEX payment_attempt_due ON payment_attempt (next_check_at) WHERE next_check_at IS NOT NULL;

CREATE TABLE payment_transaction (
    id              uuid PRIMARY KEY,
    channel         text        NOT NULL,
    transaction_no  text        NOT NULL CHECK (length(transaction_no) BETWEEN 1 AND 64),
    merchant_code   text        NOT NULL REFERENCES payment_merchant (code),
    attempt_id      uuid        NOT NULL REFERENCES payment_attempt (id),
    order_id        uuid        NOT NULL REFERENCES payment_order (id),
    role            text        NOT NULL CHECK (role IN ('accepted', 'surplus', 'disputed')),
    amount_fen      bigint      NOT NULL CHECK (amount_fen > 0),
    payer           text        CHECK (length(payer) <= 128),
    source          text        NOT NULL CHECK (source IN ('answer', 'notification', 'query', 'bill')),
    paid_at         timestamptz NOT NULL,
    recorded_at     timestamptz NOT NULL,
    reserved_fen    bigint      NOT NULL DEFAULT 0,        -- for refunds that were not given up
    refunds_count   integer     NOT NULL DEFAULT 0,
    refund_sent_at  timestamptz,                           -- a channel wants a pause between two of them
    refund_sent_id  uuid,
    UNIQUE (channel, transaction_no),
    CHECK (reserved_fen BETWEEN 0 AND amount_fen)
);
CREATE UNIQUE INDEX payment_transaction_accepted_once ON payment_transaction (order_id) WHERE role = 'accepted';
CREATE UNIQUE INDEX payment_transaction_attempt_once ON payment_transaction (attempt_id) WHERE role <> 'disputed';
CREATE INDEX payment_transaction_order ON payment_transaction (order_id);
CREATE INDEX payment_transaction_paid ON payment_transaction (merchant_code, paid_at);

CREATE TABLE payment_settlement (
    id              uuid PRIMARY KEY,
    settlement_no   text        NOT NULL UNIQUE,
    order_id        uuid        NOT NULL UNIQUE REFERENCES payment_order (id),
    transaction_id  uuid        NOT NULL UNIQUE REFERENCES payment_transaction (id),
    status          text        NOT NULL CHECK (status IN ('accepting', 'pending', 'unknown', 'settled', 'rejected')),
    is_late         boolean     NOT NULL,                  -- the money came after the order's time
    his_no          text        CHECK (length(his_no) <= 64),
    receipt         jsonb,
    reason          text        CHECK (length(reason) <= 200),
    decided_by      text        CHECK (decided_by IN ('feature', 'his', 'person')),
    asks            integer     NOT NULL DEFAULT 0,
    next_ask_at     timestamptz,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    CHECK ((status IN ('settled', 'rejected')) = (decided_by IS NOT NULL)),
    CHECK ((status IN ('settled', 'rejected')) = (ended_at IS NOT NULL)),
    CHECK ((status IN ('settled', 'rejected')) = (next_ask_at IS NULL))
);
CREATE INDEX payment_settlement_due ON payment_settlement (next_ask_at) WHERE next_ask_at IS NOT NULL;

CREATE TABLE payment_refund (
    id                 uuid PRIMARY KEY,
    refund_no          text        NOT NULL UNIQUE CHECK (refund_no ~ '^[A-Za-z0-9]{1,32}$'),
    order_id           uuid        NOT NULL REFERENCES payment_order (id),
    transaction_id     uuid        NOT NULL REFERENCES payment_transaction (id),
    attempt_id         uuid        NOT NULL REFERENCES payment_attempt (id),
    merchant_code      text        NOT NULL REFERENCES payment_merchant (code),
    amount_fen         bigint      NOT NULL CHECK (amount_fen > 0),
    cause              text        NOT NULL CHECK (cause IN
                       ('requested', 'cancelled', 'his_rejected', 'surplus', 'disputed', 'decided')),
    reason             text        NOT NULL CHECK (length(reason) BETWEEN 1 AND 80),
    items              jsonb       NOT NULL DEFAULT '[]',  -- which items of a bill, for the HIS
    status             text        NOT NULL CHECK (status IN
                       ('requested', 'reversing', 'ready', 'processing', 'succeeded', 'abnormal', 'paid_offline',
                        'cancelled', 'declined')),
    tells_his          boolean     NOT NULL,               -- the HIS undoes its settlement before the money goes
    source_account     text        NOT NULL,               -- the ledger account that it comes out of
    requested_by       text        NOT NULL,
    approved_by        text,
    fault              text        CHECK (length(fault) <= 64),
    channel_refund_no  text        CHECK (length(channel_refund_no) <= 64),
    reversal_no        text        CHECK (length(reversal_no) <= 64),
    tries              integer     NOT NULL DEFAULT 0,
    next_try_at        timestamptz,
    sent_at            timestamptz,                        -- first put to the channel
    channel_paid_at    timestamptz,                        -- the channel says that the money has gone back
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    ended_at           timestamptz,
    client_id          text        NOT NULL,
    CHECK (approved_by IS DISTINCT FROM requested_by OR approved_by IS NULL),
    CHECK ((status IN ('succeeded', 'paid_offline', 'cancelled', 'declined')) = (ended_at IS NOT NULL)),
    CHECK ((status = 'succeeded') <= (channel_paid_at IS NOT NULL)),
    CHECK ((next_try_at IS NOT NULL) <= (status IN ('reversing', 'ready', 'processing')))
);
CREATE INDEX payment_refund_due ON payment_refund (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX payment_refund_order ON payment_refund (order_id);
CREATE INDEX payment_refund_transaction ON payment_refund (transaction_id);
CREATE UNIQUE INDEX payment_refund_surplus_once ON payment_refund (transaction_id)
    WHERE cause = 'surplus' AND status NOT IN ('cancelled', 'declined');

CREATE TABLE payment_notification (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel        text        NOT NULL,
    merchant_code  text        NOT NULL,
    event_id       text        NOT NULL CHECK (length(event_id) BETWEEN 1 AND 128),
    event_type     text        NOT NULL CHECK (length(event_type) <= 64),
    fact           jsonb,                                  -- as the gateway opened it; null: nothing to act on
    received_at    timestamptz NOT NULL,
    status         text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'applied', 'ignored', 'dead')),
    outcome        text        CHECK (length(outcome) <= 200),
    tries          integer     NOT NULL DEFAULT 0,
    due_at         timestamptz NOT NULL,                   -- of a leased one: when the lease ends
    lease_id       uuid,
    finished_at    timestamptz,
    CONSTRAINT payment_notification_once UNIQUE (channel, event_id),
    CHECK ((status IN ('applied', 'ignored')) = (finished_at IS NOT NULL))
);
CREATE INDEX payment_notification_due ON payment_notification (due_at, id) WHERE status = 'pending';
CREATE INDEX payment_notification_leased ON payment_notification (lease_id)
    WHERE status = 'pending' AND lease_id IS NOT NULL;

CREATE TABLE payment_exception (
    id              uuid PRIMARY KEY,
    cause           text        NOT NULL CHECK (length(cause) <= 40),
    subject         text        NOT NULL CHECK (length(subject) <= 140),
    order_id        uuid REFERENCES payment_order (id),
    attempt_id      uuid REFERENCES payment_attempt (id),
    transaction_id  uuid REFERENCES payment_transaction (id),
    settlement_id   uuid REFERENCES payment_settlement (id),
    refund_id       uuid REFERENCES payment_refund (id),
    facts           jsonb       NOT NULL DEFAULT '{}',     -- ids, amounts and codes
    status          text        NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'resolved')),
    action          text,
    reason          text        CHECK (length(reason) BETWEEN 1 AND 200),
    resolved_by     text,                                  -- a member of staff, or `system:...` when facts settled it
    opened_at       timestamptz NOT NULL,
    resolved_at     timestamptz,
    CHECK ((status = 'resolved') = (resolved_at IS NOT NULL)),
    CHECK ((status = 'resolved') = (action IS NOT NULL AND resolved_by IS NOT NULL AND reason IS NOT NULL))
);
CREATE UNIQUE INDEX payment_exception_open_once ON payment_exception (cause, subject) WHERE status = 'open';
CREATE INDEX payment_exception_listed ON payment_exception (status, opened_at);
CREATE INDEX payment_exception_order ON payment_exception (order_id);

-- What the checks of money found last; web processes show it to whoever watches.
CREATE TABLE payment_check (
    invariant   text PRIMARY KEY,
    findings    integer     NOT NULL,
    checked_at  timestamptz NOT NULL
);

CREATE TABLE payment_event (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    order_id    uuid        NOT NULL REFERENCES payment_order (id),
    kind        text        NOT NULL,
    facts       jsonb       NOT NULL,                      -- ids, amounts and codes
    client_id   text        NOT NULL,
    staff_code  text,
    request_id  text
);
CREATE INDEX payment_event_order ON payment_event (order_id, id);
CREATE TRIGGER payment_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

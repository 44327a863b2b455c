-- The books of a day: what each channel, the platform and the HIS have of it, and what differs (adr/0340).

CREATE TABLE book_closing (
    id           uuid PRIMARY KEY,
    day          date        NOT NULL,              -- a clinic day, Asia/Shanghai
    run          integer     NOT NULL CHECK (run > 0),
    status       text        NOT NULL CHECK (status IN ('collecting', 'matched', 'closed', 'superseded')),
    started_at   timestamptz NOT NULL,
    matched_at   timestamptz,
    closed_at    timestamptz,
    closed_by    text,
    report       jsonb,                             -- totals in fen, as they were when it was closed
    CONSTRAINT book_closing_run UNIQUE (day, run),
    CHECK ((status = 'closed') = (closed_at IS NOT NULL) AND (closed_at IS NULL) = (closed_by IS NULL)),
    CHECK (status <> 'closed' OR report IS NOT NULL)
);
-- A day has one set of books that counts.
CREATE UNIQUE INDEX book_closing_standing ON book_closing (day) WHERE status <> 'superseded';

-- Whose record of the day was taken over, and by which content it can be proven.
CREATE TABLE book_source (
    closing_id    uuid     NOT NULL REFERENCES book_closing (id),
    side          text     NOT NULL CHECK (side IN ('channel', 'platform', 'reversal', 'his')),
    merchant      text     NOT NULL,                -- its code; the HIS's lines are under its own name
    line_count    integer  NOT NULL CHECK (line_count >= 0),
    paid_fen      bigint   NOT NULL CHECK (paid_fen >= 0),
    refunded_fen  bigint   NOT NULL CHECK (refunded_fen >= 0),
    fee_fen       bigint   NOT NULL,
    content_hash  bytea,                            -- SHA-256 of a bill as it was fetched
    PRIMARY KEY (closing_id, side, merchant)
);

-- One movement of money as one side has it. Lines of a superseded run are purged, those of closed books kept.
CREATE TABLE book_line (
    closing_id     uuid        NOT NULL,
    side           text        NOT NULL,
    merchant       text        NOT NULL,
    kind           text        NOT NULL,
    number         text        NOT NULL,
    amount_fen     bigint      NOT NULL CHECK (amount_fen >= 0),
    occurred_at    timestamptz NOT NULL,
    channel_no     text,
    fee_fen        bigint,
    settlement_no  text,
    is_of_day      boolean     NOT NULL,
    CHECK (side IN ('channel', 'platform', 'reversal', 'his')),
    CHECK (kind IN ('payment', 'refund'))
);
CREATE INDEX book_line_closing ON book_line USING brin (closing_id);
CREATE INDEX book_line_number ON book_line USING hash (number);

CREATE TABLE book_difference (
    id              uuid PRIMARY KEY,
    day             date        NOT NULL,
    kind            text        NOT NULL CHECK (kind IN (
        'surplus', 'shortage', 'amount', 'duplicate', 'refund-only', 'cross-midnight', 'fee',
        'his-missing', 'his-surplus', 'his-amount')),
    line_kind       text        NOT NULL CHECK (line_kind IN ('payment', 'refund')),
    merchant        text        NOT NULL,
    number          text        NOT NULL,
    channel_fen     bigint,
    platform_fen    bigint,
    his_fen         bigint,
    cause           text        NOT NULL,           -- a stable word, said in a sentence by the surface
    proposal        text        NOT NULL,
    status          text        NOT NULL CHECK (status IN ('open', 'explained', 'resolved', 'vanished')),
    found_by        uuid        NOT NULL REFERENCES book_closing (id),
    decided_at      timestamptz,
    decided_by      text,
    decision        text        CHECK (length(decision) BETWEEN 1 AND 500),
    CONSTRAINT book_difference_once UNIQUE (day, kind, line_kind, merchant, number),
    CHECK ((status = 'resolved') = (decided_by IS NOT NULL)),
    CHECK ((decided_by IS NULL) = (decision IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL))
);
CREATE INDEX book_difference_open ON book_difference (day, id) WHERE status = 'open';
CREATE INDEX book_difference_number ON book_difference (number);

CREATE TABLE book_event (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at             timestamptz NOT NULL,
    kind           text        NOT NULL CHECK (kind IN (
        'started', 'matched', 'closed', 'superseded', 'found', 'found-again', 'explained', 'vanished', 'resolved')),
    closing_id     uuid,
    difference_id  uuid,
    by             text,
    note           text,
    CHECK (closing_id IS NOT NULL OR difference_id IS NOT NULL)
);
CREATE INDEX book_event_difference ON book_event (difference_id, id) WHERE difference_id IS NOT NULL;
CREATE TRIGGER book_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON book_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

-- When the HIS took a settlement back: before the money goes, and perhaps on another day.
ALTER TABLE payment_refund ADD COLUMN reversed_at timestamptz;
CREATE INDEX payment_refund_paid ON payment_refund (merchant_code, channel_paid_at) WHERE channel_paid_at IS NOT NULL;
CREATE INDEX payment_refund_reversed ON payment_refund (reversed_at) WHERE reversed_at IS NOT NULL;
CREATE INDEX ledger_entry_occurred ON ledger_entry (occurred_at);
-- What was agreed with the channel, in millionths of the amount; null: its fees are not checked.
ALTER TABLE payment_merchant ADD COLUMN fee_rate_millionths integer CHECK (fee_rate_millionths BETWEEN 0 AND 1000000);

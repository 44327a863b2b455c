-- Fiscal e-receipts of orders. An order has a chain of them: one stands at a time, a refund has it written off and, where
-- something stays paid, the next one issued. The rows say what is meant; the worker makes it so at the fiscal platform.

CREATE TABLE fiscal_receipt (
    id             uuid PRIMARY KEY,
    order_id       uuid NOT NULL,
    sequence       integer NOT NULL CHECK (sequence >= 1),
    -- Known to the fiscal platform: a repetition of it is the same receipt.
    business_no    text NOT NULL UNIQUE CHECK (business_no ~ '^[0-9A-Za-z]{1,50}$'),
    kind           text NOT NULL CHECK (kind IN ('registration', 'outpatient', 'inpatient')),
    patient_id     uuid NOT NULL,
    channel        text NOT NULL,
    amount_fen     bigint NOT NULL CHECK (amount_fen > 0),
    items          jsonb NOT NULL CHECK (jsonb_typeof(items) = 'array' AND jsonb_array_length(items) BETWEEN 1 AND 500),
    status         text NOT NULL DEFAULT 'issuing'
                   CHECK (status IN ('issuing', 'issued', 'refused', 'written-off', 'void')),
    -- The refund (or its failure) that this one was issued for, and the one that ends it.
    issued_for     uuid UNIQUE,
    written_off_for uuid UNIQUE,
    code           text,
    number         text,
    check_code     text,
    page_url       text,
    issued_at      timestamptz,
    red_code       text,
    red_number     text,
    written_off_at timestamptz,
    fault          text CHECK (length(fault) <= 200),
    occurred_at    timestamptz NOT NULL,
    created_at     timestamptz NOT NULL,
    UNIQUE (order_id, sequence),
    UNIQUE (code, number),
    CHECK ((status IN ('issued', 'written-off')) = (number IS NOT NULL)),
    CHECK ((number IS NULL) = (code IS NULL) AND (number IS NULL) = (issued_at IS NULL)),
    CHECK ((status = 'written-off') = (red_number IS NOT NULL)),
    CHECK (status NOT IN ('written-off', 'void') OR written_off_for IS NOT NULL),
    CHECK ((sequence = 1) = (issued_for IS NULL))
);

-- One receipt of an order stands.
CREATE UNIQUE INDEX fiscal_receipt_standing ON fiscal_receipt (order_id) WHERE written_off_for IS NULL;
-- What a person has to look at, and what is under way.
CREATE INDEX fiscal_receipt_open ON fiscal_receipt (created_at)
    WHERE status IN ('issuing', 'refused') OR (status = 'issued' AND written_off_for IS NOT NULL);

-- What a receipt says is never rewritten: a change is the next receipt.
CREATE FUNCTION fiscal_receipt_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' THEN
        RAISE EXCEPTION 'a fiscal receipt is never removed';
    END IF;
    IF (NEW.id, NEW.order_id, NEW.sequence, NEW.business_no, NEW.kind, NEW.patient_id, NEW.amount_fen, NEW.items,
        NEW.issued_for, NEW.occurred_at)
       IS DISTINCT FROM
       (OLD.id, OLD.order_id, OLD.sequence, OLD.business_no, OLD.kind, OLD.patient_id, OLD.amount_fen, OLD.items,
        OLD.issued_for, OLD.occurred_at)
       OR (OLD.number IS NOT NULL AND (NEW.code, NEW.number) IS DISTINCT FROM (OLD.code, OLD.number))
       OR (OLD.written_off_for IS NOT NULL AND NEW.written_off_for IS DISTINCT FROM OLD.written_off_for) THEN
        RAISE EXCEPTION 'a fiscal receipt is never rewritten';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER fiscal_receipt_stays BEFORE UPDATE OR DELETE ON fiscal_receipt
    FOR EACH ROW EXECUTE FUNCTION fiscal_receipt_stays();
CREATE TRIGGER fiscal_receipt_append_only BEFORE TRUNCATE ON fiscal_receipt
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

-- What is receipted of each order: as it is meant, and as the fiscal platform has it. Once nothing is under way the two
-- are one, and equal to what the ledger says stays paid.
CREATE VIEW fiscal_receipt_net AS
SELECT order_id,
       coalesce(sum(amount_fen) FILTER (WHERE written_off_for IS NULL), 0)::bigint AS meant_fen,
       coalesce(sum(amount_fen) FILTER (WHERE status = 'issued'), 0)::bigint AS issued_fen,
       bool_and(status IN ('written-off', 'void') OR (status = 'issued' AND written_off_for IS NULL)) AS is_settled
FROM fiscal_receipt GROUP BY order_id;

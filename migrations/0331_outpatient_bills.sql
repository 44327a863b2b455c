-- Outpatient bills: what a payer saw of each bill when it was ordered, and who may pay a bill now (adr/0331).

CREATE TABLE bill_snapshot (
    order_id      uuid PRIMARY KEY REFERENCES payment_order (id),
    patient_id    uuid        NOT NULL,
    his_number    text        NOT NULL CHECK (length(his_number) BETWEEN 1 AND 40),
    content_hash  bytea       NOT NULL CHECK (length(content_hash) = 32),   -- of all that the payer saw
    total_fen     bigint      NOT NULL CHECK (total_fen > 0),
    taken_at      timestamptz NOT NULL
);

CREATE TABLE bill_snapshot_bill (
    order_id         uuid        NOT NULL REFERENCES bill_snapshot (order_id),
    bill_no          text        NOT NULL CHECK (length(bill_no) BETWEEN 1 AND 64),
    hash             text        NOT NULL CHECK (length(hash) BETWEEN 1 AND 128),   -- the HIS's, by which it knows a change
    version          integer     NOT NULL,
    kind             text        NOT NULL,
    department_code  text        NOT NULL,
    ordered_by       text        NOT NULL,
    ordered_at       timestamptz NOT NULL,
    total_fen        bigint      NOT NULL CHECK (total_fen >= 0),
    insurance_fen    bigint      NOT NULL CHECK (insurance_fen BETWEEN 0 AND total_fen),
    is_claimed       boolean     NOT NULL,          -- this order, and no other, may pay the bill
    PRIMARY KEY (order_id, bill_no)
);
CREATE UNIQUE INDEX bill_claimed_once ON bill_snapshot_bill (bill_no) WHERE is_claimed;

CREATE TABLE bill_snapshot_item (
    order_id              uuid    NOT NULL,
    bill_no               text    NOT NULL,
    item_no               text    NOT NULL CHECK (length(item_no) BETWEEN 1 AND 64),
    code                  text    NOT NULL,
    name                  text    NOT NULL,
    specification         text    NOT NULL,
    unit                  text    NOT NULL,
    quantity              integer NOT NULL,
    unit_price_fen        bigint  NOT NULL,
    amount_fen            bigint  NOT NULL CHECK (amount_fen >= 0),
    insurance_fen         bigint  NOT NULL,
    executing_department  text    NOT NULL,
    PRIMARY KEY (order_id, item_no),
    FOREIGN KEY (order_id, bill_no) REFERENCES bill_snapshot_bill (order_id, bill_no)
);

-- An order claims its bills while it may be paid or is; the claim ends, and comes back, in the statement that moves the
-- order. Money that comes late for an order whose bill somebody else has ordered meanwhile breaks the index, and the
-- core takes it for a surplus that goes back.
CREATE FUNCTION follow_order_with_bill_claims() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE bill_snapshot_bill SET is_claimed = NEW.status IN ('open', 'paid', 'settled')
    WHERE order_id = NEW.id AND is_claimed <> (NEW.status IN ('open', 'paid', 'settled'));
    RETURN NULL;
END
$$;
CREATE TRIGGER payment_order_bill_claims AFTER UPDATE OF status ON payment_order
    FOR EACH ROW WHEN (NEW.kind = 'outpatient_bill' AND NEW.status <> OLD.status)
    EXECUTE FUNCTION follow_order_with_bill_claims();

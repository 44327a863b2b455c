-- An order that the medical insurance shares: the order is the part in cash, this is the rest of the bill.

CREATE TABLE insurance_share (
    order_id            uuid PRIMARY KEY REFERENCES payment_order (id),
    merchant_code       text        NOT NULL REFERENCES payment_merchant (code),   -- the account with the centre
    bill_no             text        NOT NULL CHECK (length(bill_no) BETWEEN 1 AND 64),
    pay_order_id        text        NOT NULL UNIQUE CHECK (length(pay_order_id) BETWEEN 1 AND 128),
    pay_auth_no         text        NOT NULL CHECK (length(pay_auth_no) BETWEEN 1 AND 128),
    credential_cipher   bytea       NOT NULL,              -- sealed: the centre's token, and who is insured
    visit_id            text        NOT NULL CHECK (length(visit_id) <= 128),
    total_fen           bigint      NOT NULL,
    pooled_fen          bigint      NOT NULL CHECK (pooled_fen >= 0),
    account_fen         bigint      NOT NULL CHECK (account_fen >= 0),
    cash_fen            bigint      NOT NULL CHECK (cash_fen > 0),
    reduced_fen         bigint      NOT NULL CHECK (reduced_fen >= 0),       -- what the hospital takes off
    insurance_back_fen  bigint      NOT NULL DEFAULT 0,
    status              text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'paid', 'taken_back')),
    declined            text        CHECK (length(declined) <= 200),         -- why the order cannot be had
    tries               integer     NOT NULL DEFAULT 0,
    next_try_at         timestamptz NOT NULL,                                -- of taking back what nobody wants any more
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    UNIQUE (merchant_code, bill_no),
    CHECK (pooled_fen + account_fen > 0),
    CONSTRAINT insurance_share_adds_up CHECK (pooled_fen + account_fen + cash_fen + reduced_fen = total_fen),
    -- The insurance's part goes back whole or not at all.
    CONSTRAINT insurance_share_back_whole CHECK (insurance_back_fen IN (0, pooled_fen + account_fen)),
    CHECK (insurance_back_fen = 0 OR status = 'taken_back')
);
CREATE INDEX insurance_share_standing ON insurance_share (next_try_at) WHERE status <> 'taken_back';

CREATE FUNCTION insurance_share_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.order_id, NEW.bill_no, NEW.pay_order_id, NEW.total_fen, NEW.pooled_fen, NEW.account_fen, NEW.cash_fen,
        NEW.reduced_fen)
       IS DISTINCT FROM
       (OLD.order_id, OLD.bill_no, OLD.pay_order_id, OLD.total_fen, OLD.pooled_fen, OLD.account_fen, OLD.cash_fen,
        OLD.reduced_fen) THEN
        RAISE EXCEPTION 'what an insurance pays of a bill is decided once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER insurance_share_stays BEFORE UPDATE ON insurance_share
    FOR EACH ROW EXECUTE FUNCTION insurance_share_stays();
CREATE TRIGGER insurance_share_append_only BEFORE DELETE OR TRUNCATE ON insurance_share
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

-- Bills that the medical insurance shares, from the asking on: what is put to its centre is written down before, what it
-- pays stands in the ledger, and it may pay all of a bill.

ALTER TABLE insurance_share DROP CONSTRAINT insurance_share_cash_fen_check;
ALTER TABLE insurance_share
    ADD CONSTRAINT insurance_share_cash_fen_check CHECK (cash_fen >= 0),
    ADD COLUMN paid_at    timestamptz,     -- posted as owed by the insurance
    ADD COLUMN earned_at  timestamptz,     -- posted as revenue: the HIS has the bill
    ADD COLUMN back_at    timestamptz,     -- posted as gone back
    ADD COLUMN mix_trade_no  text CHECK (length(mix_trade_no) BETWEEN 1 AND 64),   -- WeChat's number of a mixed order ...
    ADD COLUMN mix_attempt_no text CHECK (length(mix_attempt_no) <= 32),          -- ... and the attempt that it is over
    ADD COLUMN mix_told_at   timestamptz,  -- WeChat knows that the insurance's part went back
    ADD CONSTRAINT insurance_share_earned_is_paid CHECK (earned_at IS NULL OR paid_at IS NOT NULL),
    ADD CONSTRAINT insurance_share_back_was_paid CHECK (back_at IS NULL OR paid_at IS NOT NULL),
    ADD CONSTRAINT insurance_share_back_is_posted CHECK ((back_at IS NOT NULL) <= (insurance_back_fen > 0)),
    ADD CONSTRAINT insurance_share_mixed CHECK ((mix_trade_no IS NULL) = (mix_attempt_no IS NULL));
CREATE INDEX insurance_share_mix_untold ON insurance_share (next_try_at)
    WHERE mix_trade_no IS NOT NULL AND mix_told_at IS NULL AND insurance_back_fen > 0;

-- What was, or is about to be, put to the centre. One that becomes no order is taken back by the timetable.
CREATE TABLE insurance_claim (
    bill_no        text PRIMARY KEY CHECK (length(bill_no) BETWEEN 1 AND 64),      -- medOrgOrd
    merchant_code  text        NOT NULL REFERENCES payment_merchant (code),
    fees_cipher    bytea       NOT NULL,              -- sealed: what is put to the centre, with who is insured
    status         text        NOT NULL CHECK (status IN ('deciding', 'ordered', 'dropping', 'dropped')),
    tries          integer     NOT NULL DEFAULT 0,
    next_try_at    timestamptz NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL
);
CREATE INDEX insurance_claim_open ON insurance_claim (next_try_at) WHERE status IN ('deciding', 'dropping');

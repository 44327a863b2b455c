-- What the platform and a patient have agreed on for a number; null: its schedule's fee.
ALTER TABLE appointment ADD COLUMN agreed_fee_fen bigint CHECK (agreed_fee_fen >= 0);

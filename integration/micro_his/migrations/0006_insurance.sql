-- Medical insurance: who is insured where, and what of a receipt the insurance's centre has decided.

-- What the window has read from somebody's insurance card.
CREATE TABLE insured_person (
    mr          text PRIMARY KEY REFERENCES patient (mr),
    person_no   text        NOT NULL CHECK (length(person_no) BETWEEN 1 AND 40),       -- psnNo
    kind        text        NOT NULL CHECK (kind IN ('310', '390')),                   -- insutype: employed, resident
    place       text        NOT NULL CHECK (place ~ '^[0-9]{6}$'),                     -- insuCode
    updated_at  timestamptz NOT NULL
);

-- insurance_no: the centre's number of its order; null where the insurance's part is the one that we count ourselves.
-- account_fen: of insurance_fen, what came out of the person's own account; the rest is the fund's.
ALTER TABLE receipt
    ADD COLUMN insurance_no text CHECK (length(insurance_no) BETWEEN 1 AND 64),
    ADD COLUMN account_fen  bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT receipt_account_is_a_part
        CHECK (CASE WHEN insurance_fen >= 0 THEN account_fen BETWEEN 0 AND insurance_fen
                    ELSE account_fen BETWEEN insurance_fen AND 0 END),
    ADD CONSTRAINT receipt_account_is_the_centres CHECK (account_fen = 0 OR insurance_no IS NOT NULL);

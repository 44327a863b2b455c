-- Inpatient deposits, the rule that caps them, and the settlement of a stay that has ended (adr/0332).

-- One row for the hospital (department_code null), and one for each department whose patients typically pay otherwise.
-- cap_fen: what a stay may have deposited altogether; Guangdong: at most the average self-pay of the same condition.
CREATE TABLE deposit_rule (
    id               uuid PRIMARY KEY,
    department_code  text    UNIQUE NULLS NOT DISTINCT CHECK (length(department_code) BETWEEN 1 AND 40),
    minimum_fen      bigint  NOT NULL CHECK (minimum_fen > 0),
    maximum_fen      bigint  NOT NULL CHECK (maximum_fen >= minimum_fen AND maximum_fen <= 100000000),   -- of one payment
    cap_fen          bigint  NOT NULL CHECK (cap_fen >= minimum_fen),
    version          integer NOT NULL DEFAULT 1
);
INSERT INTO deposit_rule (id, department_code, minimum_fen, maximum_fen, cap_fen)
VALUES ('00000000-0000-7000-8000-000000000332', NULL, 100, 1000000, 2000000);

-- Locked by whoever orders a deposit for a stay, so that two phones do not pass the cap together.
CREATE TABLE inpatient_account (
    admission_no  text PRIMARY KEY CHECK (length(admission_no) BETWEEN 1 AND 64),
    patient_id    uuid NOT NULL,
    his_number    text NOT NULL
);

CREATE TABLE inpatient_deposit (
    order_id      uuid PRIMARY KEY REFERENCES payment_order (id),
    admission_no  text NOT NULL REFERENCES inpatient_account (admission_no)
);
CREATE INDEX inpatient_deposit_admission ON inpatient_deposit (admission_no);

-- asking: the HIS is being asked, or told that nothing is owed; owing: an order pays the balance; refused: the HIS said
-- no (settled at its window, say), and a person looks.
CREATE TABLE payment_discharge (
    id             uuid PRIMARY KEY,
    admission_no   text        NOT NULL UNIQUE REFERENCES inpatient_account (admission_no),
    settlement_no  text        NOT NULL UNIQUE CHECK (settlement_no ~ '^[A-Za-z0-9]{6,64}$'),
    status         text        NOT NULL CHECK (status IN ('asking', 'owing', 'settled', 'refused')),
    reason         text        CHECK (length(reason) <= 200),
    balance_fen    bigint,                              -- as the HIS said last; below zero a surplus
    his_no         text        CHECK (length(his_no) <= 64),
    surplus_fen    bigint      NOT NULL DEFAULT 0 CHECK (surplus_fen >= 0),
    returned_fen   bigint      NOT NULL DEFAULT 0,      -- of the surplus: by refunds of the stay's deposits
    payout_fen     bigint      NOT NULL DEFAULT 0,      -- of the surplus: what only a cashier can give back
    used_fen       bigint      NOT NULL DEFAULT 0 CHECK (used_fen >= 0),   -- of our deposits: what the stay has cost
    receipt_for    uuid,                                -- under which the fiscal receipt of used_fen stands
    round          integer     NOT NULL DEFAULT 1,      -- one more whenever a settlement was undone
    payout_proof   text        CHECK (length(payout_proof) BETWEEN 1 AND 64),
    payout_by      text,
    payout_at      timestamptz,
    tries          integer     NOT NULL DEFAULT 0,
    next_try_at    timestamptz,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    settled_at     timestamptz,
    CHECK (returned_fen >= 0 AND payout_fen >= 0),
    CHECK ((used_fen > 0) = (receipt_for IS NOT NULL)),
    CHECK (status <> 'settled' OR returned_fen + payout_fen = surplus_fen),
    CHECK ((status = 'settled') = (settled_at IS NOT NULL)),
    CHECK ((status = 'asking') = (next_try_at IS NOT NULL)),
    CHECK ((payout_proof IS NULL) = (payout_at IS NULL) AND (payout_by IS NULL) = (payout_at IS NULL)),
    CHECK (payout_at IS NULL OR payout_fen > 0)
);
CREATE INDEX payment_discharge_due ON payment_discharge (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX payment_discharge_owed ON payment_discharge (settled_at) WHERE payout_fen > 0 AND payout_at IS NULL;

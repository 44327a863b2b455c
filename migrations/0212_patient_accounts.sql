-- A patient's account: a telephone number that was verified, and the people it may act for.

CREATE TABLE patient_account (
    id            uuid        PRIMARY KEY,
    phone_cipher  bytea       NOT NULL,
    phone_hash    bytea       NOT NULL,
    status        text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'closed')),
    created_at    timestamptz NOT NULL,
    closed_at     timestamptz,
    CHECK ((status = 'closed') = (closed_at IS NOT NULL))
);
CREATE UNIQUE INDEX patient_account_phone ON patient_account (phone_hash) WHERE status = 'active';

CREATE TABLE patient_account_member (
    id            uuid        PRIMARY KEY,
    account_id    uuid        NOT NULL REFERENCES patient_account (id),
    patient_id    uuid        NOT NULL REFERENCES patient (id),
    relationship  text        NOT NULL CHECK (relationship IN ('self', 'child', 'parent', 'spouse', 'other')),
    is_default    boolean     NOT NULL DEFAULT false,
    consent_note  text        CHECK (length(consent_note) BETWEEN 1 AND 200),
    bound_at      timestamptz NOT NULL,
    ended_at      timestamptz,
    CHECK (NOT is_default OR ended_at IS NULL)
);
CREATE UNIQUE INDEX patient_account_member_once
    ON patient_account_member (account_id, patient_id) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX patient_account_member_self
    ON patient_account_member (account_id) WHERE ended_at IS NULL AND relationship = 'self';
CREATE UNIQUE INDEX patient_account_member_default
    ON patient_account_member (account_id) WHERE is_default;
CREATE INDEX patient_account_member_patient ON patient_account_member (patient_id) WHERE ended_at IS NULL;

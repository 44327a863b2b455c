-- Which version of which of the hospital's texts an account has agreed to, and when first.
CREATE TABLE patient_account_agreement (
    account_id  uuid        NOT NULL REFERENCES patient_account (id),
    text        text        NOT NULL CHECK (text IN ('privacy')),
    version     text        NOT NULL CHECK (version ~ '^[0-9A-Za-z.-]{1,20}$'),
    agreed_at   timestamptz NOT NULL,
    PRIMARY KEY (account_id, text, version)
);
CREATE TRIGGER patient_account_agreement_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON patient_account_agreement
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

-- What a person has allowed a partner's application to do with one patient's data, and when they took it back.

CREATE TABLE patient_consent (
    id            uuid        PRIMARY KEY,
    account_id    uuid        NOT NULL REFERENCES patient_account (id),
    patient_id    uuid        NOT NULL REFERENCES patient (id),
    client_id     text        NOT NULL REFERENCES oauth_client (id),
    scopes        text[]      NOT NULL CHECK (cardinality(scopes) BETWEEN 1 AND 50),
    status        text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'withdrawn', 'replaced')),
    given_at      timestamptz NOT NULL,
    until         timestamptz NOT NULL CHECK (until > given_at AND until <= given_at + interval '366 days'),
    ended_at      timestamptz,
    ended_because text        CHECK (ended_because IN ('withdrawn', 'replaced', 'unbound', 'account_closed', 'hospital')),
    CHECK ((status = 'active') = (ended_at IS NULL)),
    CHECK ((ended_at IS NULL) = (ended_because IS NULL))
);
-- The latest word counts: one consent at a time, of one person, for one patient, to one application.
CREATE UNIQUE INDEX patient_consent_once ON patient_consent (account_id, patient_id, client_id)
    WHERE status = 'active';
CREATE INDEX patient_consent_patient ON patient_consent (patient_id, id);
CREATE INDEX patient_consent_client ON patient_consent (client_id) WHERE status = 'active';

-- Who consented to what, and took it back: appended, never changed.
CREATE TABLE patient_consent_event (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consent_id  uuid        NOT NULL REFERENCES patient_consent (id),
    kind        text        NOT NULL CHECK (kind IN ('given', 'withdrawn', 'replaced', 'unbound', 'account_closed', 'hospital')),
    at          timestamptz NOT NULL,
    account_id  uuid        NOT NULL,
    staff_code  text,
    request_id  text,
    details     jsonb       NOT NULL
);
CREATE INDEX patient_consent_event_consent ON patient_consent_event (consent_id, id);
CREATE TRIGGER patient_consent_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON patient_consent_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

-- Who is treated. Identity numbers and telephone numbers are sealed; look-up goes by keyed hash.

CREATE TABLE patient (
    id               uuid PRIMARY KEY,
    name             text        NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    sex              smallint    NOT NULL CHECK (sex IN (0, 1, 2, 9)),   -- GB/T 2261.1
    birth_date       date        NOT NULL,
    document_type    text        NOT NULL,
    document_cipher  bytea       NOT NULL,
    document_hash    bytea       NOT NULL,
    phone_cipher     bytea,
    phone_hash       bytea,
    origin           text        NOT NULL DEFAULT 'platform' CHECK (origin IN ('platform', 'his')),
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    version          integer     NOT NULL DEFAULT 1,
    CONSTRAINT patient_document UNIQUE (document_type, document_hash)
);

-- A partner sees the patients that it has registered by real name, and no others.
CREATE TABLE patient_access (
    client_id   text        NOT NULL,
    patient_id  uuid        NOT NULL REFERENCES patient (id),
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (patient_id, client_id)
);

CREATE TABLE patient_identifier (
    patient_id  uuid NOT NULL REFERENCES patient (id),
    system      text NOT NULL,
    value       text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (system, value),
    CONSTRAINT patient_identifier_once UNIQUE (patient_id, system)
);

CREATE TABLE patient_event (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now(),
    kind        text        NOT NULL,
    patient_id  uuid        NOT NULL,
    client_id   text        NOT NULL,
    channel     text        NOT NULL,
    staff_code  text,
    request_id  text,
    details     jsonb       NOT NULL DEFAULT '{}'
);
CREATE INDEX patient_event_patient ON patient_event (patient_id, id);
CREATE TRIGGER patient_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON patient_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

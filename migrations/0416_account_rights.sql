-- What an account may ask of the hospital: a copy of its data, and that it be deleted (adr/0417).

CREATE TABLE account_export (
    id              uuid        PRIMARY KEY,
    account_id      uuid        NOT NULL REFERENCES patient_account (id),
    status          text        NOT NULL CHECK (status IN ('requested', 'ready', 'expired')),
    content_cipher  bytea,                              -- sealed; taken away when its time is over
    size_bytes      bigint,
    requested_at    timestamptz NOT NULL,
    made_at         timestamptz,
    expires_at      timestamptz,
    CHECK ((status = 'ready') = (content_cipher IS NOT NULL)),
    CHECK ((status = 'requested') = (made_at IS NULL)),
    CHECK ((made_at IS NULL) = (expires_at IS NULL))
);
CREATE INDEX account_export_account ON account_export (account_id, id);
CREATE UNIQUE INDEX account_export_once ON account_export (account_id) WHERE status = 'requested';
CREATE INDEX account_export_expires ON account_export (expires_at) WHERE status = 'ready';

CREATE TABLE account_deletion (
    id            uuid        PRIMARY KEY,
    account_id    uuid        NOT NULL REFERENCES patient_account (id),
    status        text        NOT NULL CHECK (status IN ('waiting', 'withdrawn', 'done')),
    requested_at  timestamptz NOT NULL,
    due_at        timestamptz NOT NULL,
    settled_at    timestamptz,
    CHECK ((status = 'waiting') = (settled_at IS NULL))
);
CREATE UNIQUE INDEX account_deletion_once ON account_deletion (account_id) WHERE status = 'waiting';
CREATE INDEX account_deletion_due ON account_deletion (due_at) WHERE status = 'waiting';

-- Who asked for what when, and what became of it.
CREATE TABLE account_right_event (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id  uuid        NOT NULL,
    subject_id  uuid        NOT NULL,                   -- the export or deletion
    at          timestamptz NOT NULL,
    action      text        NOT NULL CHECK (action IN
        ('export_requested', 'export_made', 'export_downloaded', 'export_expired',
         'deletion_requested', 'deletion_withdrawn', 'deletion_postponed', 'deletion_done')),
    request_id  text
);
CREATE INDEX account_right_event_account ON account_right_event (account_id, id);
CREATE TRIGGER account_right_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON account_right_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

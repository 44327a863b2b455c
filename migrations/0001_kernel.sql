-- What every room stands on: the outbox, idempotency keys, and who changed which rule when.

CREATE TABLE outbox (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    handler      text        NOT NULL,
    event_type   text        NOT NULL,
    aggregate    text        NOT NULL,
    depends_on   text,
    message_id   uuid        NOT NULL DEFAULT gen_random_uuid(),
    payload      jsonb       NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    due_at       timestamptz NOT NULL DEFAULT now(),
    lease_until  timestamptz NOT NULL DEFAULT '-infinity',
    attempts     integer     NOT NULL DEFAULT 0,
    status       text        NOT NULL DEFAULT 'pending'
                 CHECK (status IN ('pending', 'done', 'dead', 'skipped')),
    last_error   text,
    finished_at  timestamptz,
    CHECK ((status IN ('done', 'skipped')) = (finished_at IS NOT NULL))
);
-- One index serves both questions: what is open for a handler, and what of this aggregate is earlier.
CREATE INDEX outbox_open ON outbox (handler, aggregate, id) WHERE status IN ('pending', 'dead');
COMMENT ON TABLE outbox IS 'Intents for the outside world, written in the transaction of the change they tell of.';
COMMENT ON COLUMN outbox.payload IS 'Ids only; personal data is loaded when the message is sent.';

CREATE TABLE idempotency_key (
    client_id    text        NOT NULL,
    key          text        NOT NULL,
    operation    text        NOT NULL,
    field_hashes jsonb       NOT NULL,
    result       jsonb       NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (client_id, key)
);
COMMENT ON TABLE idempotency_key IS 'Answers that had effects, replayed for the same key; refusals are not stored.';

CREATE TABLE change_log (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now(),
    entity      text        NOT NULL,
    entity_id   text        NOT NULL,
    action      text        NOT NULL CHECK (action IN ('created', 'updated', 'deleted')),
    before      jsonb,
    after       jsonb,
    client_id   text        NOT NULL,
    staff_code  text,
    request_id  text
);
CREATE INDEX change_log_entity ON change_log (entity, entity_id, id);

CREATE FUNCTION refuse_rewriting_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER change_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON change_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

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
    field_hashes json        NOT NULL,  -- as written: nobody searches in it
    result       json        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (client_id, key)
);
COMMENT ON TABLE idempotency_key IS 'Answers that had effects, replayed for the same key; refusals are not stored.';

-- Lock many keys, sorted so that two callers cannot wait for each other, and give the answers that some of them have.
-- A function, because a single statement would not see what was committed while it waited for a lock.
CREATE FUNCTION stored_answers(client_ids text[], keys text[])
RETURNS TABLE (i integer, operation text, field_hashes json, result json)
LANGUAGE plpgsql
-- Plans are kept, and one made while the table was small would read all of it later.
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(k.h) FROM (
        SELECT hashtextextended(a.client_id || E'\n' || a.key, 1) AS h
        FROM unnest(client_ids, keys) a (client_id, key) WHERE a.key IS NOT NULL ORDER BY 1) k;
    RETURN QUERY
        SELECT a.i::integer, k.operation, k.field_hashes, k.result
        FROM unnest(client_ids, keys) WITH ORDINALITY a (client_id, key, i)
        JOIN idempotency_key k ON k.client_id = a.client_id AND k.key = a.key;
END $$;

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

-- In step with the core HIS: leases of the outbox, the inbox, the link, cursors, differences, timed jobs.

ALTER TABLE outbox
    ADD COLUMN lease_id uuid,                              -- who may finish the row: a fencing token
    ADD COLUMN refusals integer NOT NULL DEFAULT 0;        -- answers of "no" so far; being unreachable is none
-- Oldest first, whatever the backlog; outbox_open answers "is there an earlier one of this aggregate".
CREATE INDEX outbox_ready ON outbox (handler, id) WHERE status = 'pending';
CREATE INDEX outbox_finished ON outbox (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE inbox (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    handler      text        NOT NULL,
    source       text        NOT NULL,                     -- which HIS
    control_id   text        NOT NULL,                     -- its own number of the message
    part         integer     NOT NULL DEFAULT 0,           -- a message may tell several changes
    event_type   text        NOT NULL,
    aggregate    text        NOT NULL,
    depends_on   text,
    occurred_at  timestamptz NOT NULL,
    facts_cipher bytea       NOT NULL,                     -- sealed: it names patients
    answer       jsonb       NOT NULL,                     -- what the HIS was answered; repeats get it again
    created_at   timestamptz NOT NULL DEFAULT now(),
    due_at       timestamptz NOT NULL DEFAULT now(),
    lease_until  timestamptz NOT NULL DEFAULT '-infinity',
    lease_id     uuid,
    attempts     integer     NOT NULL DEFAULT 0,
    refusals     integer     NOT NULL DEFAULT 0,
    status       text        NOT NULL DEFAULT 'pending'
                 CHECK (status IN ('pending', 'done', 'dead', 'skipped')),
    last_error   text,
    finished_at  timestamptz,
    CHECK ((status IN ('done', 'skipped')) = (finished_at IS NOT NULL)),
    CONSTRAINT inbox_message_once UNIQUE (source, control_id, part)
);
CREATE INDEX inbox_open ON inbox (handler, aggregate, id) WHERE status IN ('pending', 'dead');
CREATE INDEX inbox_ready ON inbox (handler, id) WHERE status = 'pending';
CREATE INDEX inbox_finished ON inbox (finished_at) WHERE finished_at IS NOT NULL;
COMMENT ON TABLE inbox IS 'What the HIS has told us; it is acknowledged when this row is committed.';

CREATE TABLE dead_letter_action (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL,
    box       text        NOT NULL CHECK (box IN ('outbox', 'inbox')),
    row_id    bigint      NOT NULL,
    action    text        NOT NULL CHECK (action IN ('replay', 'skip')),
    person    text        NOT NULL,
    reason    text        NOT NULL CHECK (length(reason) BETWEEN 1 AND 500)
);
CREATE INDEX dead_letter_action_row ON dead_letter_action (box, row_id);
CREATE TRIGGER dead_letter_action_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dead_letter_action
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

-- Whether the HIS answers. While it does not, one message at a time tries, with a growing and capped delay.
CREATE TABLE his_link (
    handler         text PRIMARY KEY,
    failures        integer     NOT NULL DEFAULT 0,
    down_since      timestamptz,
    next_try_at     timestamptz NOT NULL DEFAULT '-infinity',
    last_contact_at timestamptz,
    CHECK ((failures = 0) = (down_since IS NULL))
);

CREATE TABLE his_cursor (
    name       text PRIMARY KEY,
    position   bigint      NOT NULL,
    updated_at timestamptz NOT NULL
);

-- What the two sides hold differently and no rule may repair: a person decides. Ids and states only.
CREATE TABLE his_divergence (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    comparer    text        NOT NULL,
    day         date        NOT NULL,
    key         text        NOT NULL,
    kind        text        NOT NULL,
    here        jsonb,
    there       jsonb,
    note        text        NOT NULL DEFAULT '',
    found_at    timestamptz NOT NULL,
    seen_at     timestamptz NOT NULL,
    closed_at   timestamptz
);
CREATE UNIQUE INDEX his_divergence_open ON his_divergence (comparer, day, key, kind) WHERE closed_at IS NULL;

CREATE TABLE his_reconciliation (
    comparer     text        NOT NULL,
    day          date        NOT NULL,
    finished_at  timestamptz NOT NULL,
    compared     integer     NOT NULL,
    under_way    integer     NOT NULL,                     -- differences that queued messages explain
    differences  integer     NOT NULL,
    repaired     integer     NOT NULL,
    PRIMARY KEY (comparer, day)
);

CREATE TABLE timed_job (
    name        text PRIMARY KEY,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    last_error  text
);

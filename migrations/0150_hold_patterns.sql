-- Who keeps numbers without wanting them: patterns in what was held, let go and taken again (adr/0150).

-- What a partner's application named as its device, as a keyed hash; null where it named none.
ALTER TABLE booking_event ADD COLUMN device_hash bytea;
-- Patterns are looked for over hours and days. Events come in the order of time, so a summary of page ranges finds
-- them, and a booking pays next to nothing for it.
CREATE INDEX booking_event_at ON booking_event USING brin (at) WITH (pages_per_range = 16, autosummarize = on);

CREATE TABLE hold_pattern_rule (
    id                 uuid PRIMARY KEY,
    pattern            text     NOT NULL CHECK (pattern IN ('unbooked-holds', 'same-number', 'hand-over')),
    subject            text     NOT NULL CHECK (subject IN ('person', 'phone', 'account', 'device')),
    count_min          smallint NOT NULL CHECK (count_min BETWEEN 2 AND 1000),
    window_minutes     integer  NOT NULL CHECK (window_minutes BETWEEN 10 AND 43200),
    gap_minutes        smallint CHECK (gap_minutes BETWEEN 1 AND 1440),       -- of a hand-over
    cool_down_minutes  integer  NOT NULL CHECK (cool_down_minutes BETWEEN 10 AND 129600),
    automatic          boolean  NOT NULL DEFAULT false,                       -- cools down before anybody has looked
    active             boolean  NOT NULL DEFAULT true,
    version            integer  NOT NULL DEFAULT 1,
    CONSTRAINT hold_pattern_rule_once UNIQUE (pattern, subject),
    CONSTRAINT hold_pattern_rule_gap CHECK ((pattern = 'hand-over') = (gap_minutes IS NOT NULL)),
    CONSTRAINT hold_pattern_rule_two CHECK (pattern <> 'hand-over' OR subject <> 'person')
);
INSERT INTO hold_pattern_rule (id, pattern, subject, count_min, window_minutes, gap_minutes, cool_down_minutes) VALUES
    ('00000000-0000-7000-8000-000000001501', 'unbooked-holds', 'person',   8,  1440, NULL,  4320),
    ('00000000-0000-7000-8000-000000001502', 'unbooked-holds', 'phone',   12,  1440, NULL,  4320),
    ('00000000-0000-7000-8000-000000001503', 'unbooked-holds', 'account', 10,  1440, NULL,  4320),
    ('00000000-0000-7000-8000-000000001504', 'unbooked-holds', 'device',  12,  1440, NULL,  4320),
    ('00000000-0000-7000-8000-000000001505', 'same-number',    'person',   5,  1440, NULL,  4320),
    ('00000000-0000-7000-8000-000000001506', 'same-number',    'phone',    5,  1440, NULL,  4320),
    ('00000000-0000-7000-8000-000000001507', 'same-number',    'account',  5,  1440, NULL,  4320),
    ('00000000-0000-7000-8000-000000001508', 'same-number',    'device',   5,  1440, NULL,  4320),
    ('00000000-0000-7000-8000-000000001509', 'hand-over',      'phone',    3, 10080,   30, 20160),
    ('00000000-0000-7000-8000-000000001510', 'hand-over',      'account',  3, 10080,   30, 20160),
    ('00000000-0000-7000-8000-000000001511', 'hand-over',      'device',   3, 10080,   30, 20160);

-- One finding about one subject, for a person to decide. The key is a patient's id, or a keyed hash.
CREATE TABLE hold_pattern_flag (
    id               uuid PRIMARY KEY,
    rule_id          uuid        NOT NULL REFERENCES hold_pattern_rule (id),
    subject          text        NOT NULL,
    key              bytea       NOT NULL,
    status           text        NOT NULL CHECK (status IN ('open', 'confirmed', 'dismissed', 'lifted')),
    event_count      integer     NOT NULL CHECK (event_count > 0),
    window_minutes   integer     NOT NULL,                  -- by the rule of its day
    first_at         timestamptz NOT NULL,
    last_at          timestamptz NOT NULL,
    raised_at        timestamptz NOT NULL,
    decided_at       timestamptz,
    decided_by       text,                                  -- null where the rule itself has decided, or nobody was named
    reason           text        CHECK (length(reason) BETWEEN 1 AND 500),
    cool_down_until  timestamptz,
    CHECK ((status = 'open') = (decided_at IS NULL)),
    CHECK ((status IN ('confirmed', 'lifted')) = (cool_down_until IS NOT NULL))
);
CREATE UNIQUE INDEX hold_pattern_flag_open ON hold_pattern_flag (rule_id, key) WHERE status = 'open';
CREATE INDEX hold_pattern_flag_running ON hold_pattern_flag (cool_down_until) WHERE status = 'confirmed';
CREATE INDEX hold_pattern_flag_key ON hold_pattern_flag (key, subject) WHERE status = 'confirmed';

-- An event counts once for a rule, so what somebody has decided about is not raised again.
CREATE TABLE hold_pattern_evidence (
    rule_id      uuid   NOT NULL,
    event_id     bigint NOT NULL,       -- the hold, or the number given away
    followed_by  bigint NOT NULL,       -- its end, or the booking by somebody else
    flag_id      uuid   NOT NULL REFERENCES hold_pattern_flag (id),
    PRIMARY KEY (rule_id, event_id)
);
CREATE INDEX hold_pattern_evidence_flag ON hold_pattern_evidence (flag_id, event_id);

CREATE TABLE hold_pattern_event (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('raised', 'extended', 'confirmed', 'dismissed', 'lifted')),
    flag_id     uuid NOT NULL,
    event_count integer NOT NULL,
    reason      text,
    channel     text NOT NULL,
    client_id   text NOT NULL,
    staff_code  text,
    request_id  text
);
CREATE INDEX hold_pattern_event_flag ON hold_pattern_event (flag_id, id);
CREATE TRIGGER hold_pattern_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON hold_pattern_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

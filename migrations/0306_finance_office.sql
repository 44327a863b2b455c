-- The finance office's hand on money: a day's books closed on request, days that cannot be closed, accounts that rest,
-- rules of money that two persons change (adr/0327, adr/0329).

-- A person asks for a day to be closed; whoever runs the timetable does it. One at a time waits for a day.
CREATE TABLE book_request (
    id            uuid PRIMARY KEY,
    day           date        NOT NULL,
    status        text        NOT NULL CHECK (status IN ('waiting', 'working', 'closed', 'failed')),
    requested_by  text        NOT NULL,
    requested_at  timestamptz NOT NULL,
    started_at    timestamptz,                          -- begun anew when whoever had begun is gone
    ended_at      timestamptz,
    reason        text,                                 -- why it failed: the code of an error
    facts         jsonb       NOT NULL DEFAULT '{}',    -- what that error names
    CHECK ((status IN ('closed', 'failed')) = (ended_at IS NOT NULL)),
    CHECK ((status = 'failed') = (reason IS NOT NULL)),
    CHECK (status <> 'working' OR started_at IS NOT NULL)
);
CREATE UNIQUE INDEX book_request_standing ON book_request (day) WHERE status IN ('waiting', 'working');
CREATE INDEX book_request_day ON book_request (day, id);

-- A day that could not be closed, and why; gone once it is closed.
CREATE TABLE book_obstacle (
    day      date PRIMARY KEY,
    reason   text        NOT NULL,                      -- the code of an error
    facts    jsonb       NOT NULL DEFAULT '{}',
    since    timestamptz NOT NULL,
    last_at  timestamptz NOT NULL
);

-- An account that rests: it takes no new money, and its books are still closed for what it took.
ALTER TABLE payment_merchant ADD COLUMN stopped_at timestamptz;
UPDATE payment_merchant SET stopped_at = updated_at WHERE status = 'stopped';
ALTER TABLE payment_merchant ADD CONSTRAINT payment_merchant_stopped
    CHECK ((status = 'stopped') = (stopped_at IS NOT NULL));

-- A change of a rule of money: one person proposes it, another one puts it in force.
CREATE TABLE money_rule_change (
    id            uuid PRIMARY KEY,
    rule          text        NOT NULL CHECK (rule IN ('payment', 'deposit')),
    subject       text        NOT NULL CHECK (length(subject) BETWEEN 1 AND 40),   -- a department's code; `*`: all others
    from_version  integer     NOT NULL CHECK (from_version >= 0),                  -- 0: there is none so far
    terms         jsonb       NOT NULL,                                            -- what changes
    reason        text        NOT NULL CHECK (length(reason) BETWEEN 1 AND 200),
    status        text        NOT NULL CHECK (status IN ('proposed', 'approved', 'declined')),
    proposed_by   text        NOT NULL,
    proposed_at   timestamptz NOT NULL,
    decided_by    text,
    decided_at    timestamptz,
    CHECK (decided_by IS DISTINCT FROM proposed_by),
    CHECK ((status = 'proposed') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL))
);
CREATE UNIQUE INDEX money_rule_change_waiting ON money_rule_change (rule, subject) WHERE status = 'proposed';

CREATE INDEX payment_notification_dead ON payment_notification (id) WHERE status = 'dead';
CREATE INDEX outbox_dead ON outbox (id) WHERE status = 'dead';

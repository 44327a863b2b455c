-- Stopped clinics (停诊 替诊 改诊): orders of the slot office, one case an appointment, and the rules they start from.

-- What the slot office does when it says nothing else; one row, the hospital's.
CREATE TABLE stop_rule (
    id             uuid PRIMARY KEY,
    steps          text[]   NOT NULL,                -- in order; the last one settles a case whatever came before
    offer_minutes  integer  NOT NULL CHECK (offer_minutes BETWEEN 5 AND 10080),
    within_days    smallint NOT NULL CHECK (within_days BETWEEN 0 AND 30),
    version        integer  NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX stop_rule_one ON stop_rule ((true));
INSERT INTO stop_rule (id, steps, offer_minutes, within_days)
VALUES ('00000000-0000-7000-8000-000000000110', '{substitute,move,offer,cancel}', 1440, 7);

CREATE TABLE stop_order (
    id             uuid PRIMARY KEY,
    schedule_id    uuid        NOT NULL REFERENCES schedule (id),
    level          text        NOT NULL CHECK (level IN ('schedule', 'slot', 'seat')),
    slot_ids       uuid[],                           -- level slot
    queue_numbers  integer[],                        -- level seat
    effective_at   timestamptz NOT NULL,             -- slots that begin at this instant or later are stopped
    reason         text        NOT NULL CHECK (length(reason) BETWEEN 1 AND 200),
    steps          text[]      NOT NULL CHECK (cardinality(steps) BETWEEN 1 AND 5),
    offer_minutes  integer     NOT NULL,
    within_days    smallint    NOT NULL,
    substitute_id  uuid REFERENCES practitioner (id),
    substitution   text CHECK (substitution IN ('done', 'impossible')),
    blocked_before integer[]   NOT NULL DEFAULT '{}',   -- numbers that the slot office had blocked already
    status         text        NOT NULL
                   CHECK (status IN ('freezing', 'resolving', 'paused', 'finished', 'aborted', 'restarted')),
    version        integer     NOT NULL DEFAULT 1,
    client_id      text        NOT NULL,
    staff_code     text,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    finished_at    timestamptz,
    CHECK ((level = 'slot') = (slot_ids IS NOT NULL) AND (level = 'seat') = (queue_numbers IS NOT NULL))
);
CREATE INDEX stop_order_schedule ON stop_order (schedule_id);
CREATE INDEX stop_order_open ON stop_order (created_at) WHERE status IN ('freezing', 'resolving', 'restarted');

CREATE TABLE stop_case (
    order_id       uuid        NOT NULL REFERENCES stop_order (id),
    appointment_id uuid        NOT NULL,
    position       bigint      GENERATED ALWAYS AS IDENTITY,
    status         text        NOT NULL DEFAULT 'pending' CHECK (status IN
                   ('pending', 'offered', 'substituted', 'moved', 'chosen', 'cancelled', 'kept', 'gone')),
    step           smallint    NOT NULL DEFAULT 0,   -- of the order's steps: the one to try next, or being tried
    deadline_at    timestamptz,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (order_id, appointment_id),
    CHECK ((status = 'offered') = (deadline_at IS NOT NULL))
);
CREATE INDEX stop_case_open ON stop_case (order_id, position) WHERE status IN ('pending', 'offered');
CREATE INDEX stop_case_appointment ON stop_case (appointment_id, position);

-- A seat that an order has taken out of use. Set under the seat's row lock; whoever frees a seat that has it blocks it.
ALTER TABLE seat ADD COLUMN stop_id uuid REFERENCES stop_order (id);
CREATE INDEX seat_stopped ON seat (stop_id) WHERE stop_id IS NOT NULL;

-- Numbers of an identity are given out before the commit, so a reader who goes by them could miss a late one: the feed
-- shows only what is older than every transaction still running.
ALTER TABLE booking_notice ADD COLUMN transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX booking_notice_at ON booking_notice (at);

-- Faults that an application has asked for, so that its developers see how it behaves. A production never reads this.

CREATE TABLE sandbox_fault (
    id              uuid PRIMARY KEY,
    client_id       text        NOT NULL,
    kind            text        NOT NULL CHECK (kind IN ('slow_answer', 'internal_error', 'error_after_effect',
                                'rate_limited', 'webhook_lost', 'webhook_doubled', 'clinic_stopped')),
    operation       text        CHECK (length(operation) <= 100),   -- only its calls; null: of any
    event_type      text        CHECK (length(event_type) <= 100),  -- only deliveries of this; null: of any
    seconds         integer     CHECK (seconds BETWEEN 1 AND 30),
    calls           integer     CHECK (calls BETWEEN 1 AND 50),      -- how many calls or deliveries it hits at most
    struck          integer     NOT NULL DEFAULT 0,
    appointment_id  uuid,
    stop_id         uuid,
    stop_level      text        CHECK (stop_level IN ('schedule', 'seat')),
    status          text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'used_up', 'cancelled')),
    ends_at         timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    CHECK (struck <= calls),
    CHECK ((kind = 'clinic_stopped') = (calls IS NULL)),
    CHECK (num_nulls(appointment_id, stop_id, stop_level) = CASE WHEN kind = 'clinic_stopped' THEN 0 ELSE 3 END)
);
CREATE INDEX sandbox_fault_active ON sandbox_fault (client_id, id) WHERE status = 'active';
CREATE INDEX sandbox_fault_listed ON sandbox_fault (client_id, id);
CREATE INDEX sandbox_fault_ended ON sandbox_fault (ends_at);

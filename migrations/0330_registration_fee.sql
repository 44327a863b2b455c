-- The registration fee: when it is paid, which order pays for which hold or appointment, and how that stands.

-- The most specific rule counts: of the service type and channel, then of the type, then of the channel.
CREATE TABLE registration_payment_rule (
    id            uuid PRIMARY KEY,
    service_type  text REFERENCES service_type (code),     -- null: any
    channel       text REFERENCES channel (code),          -- null: any
    policy        text    NOT NULL CHECK (policy IN ('at-booking', 'later', 'at-window', 'none')),
    active        boolean NOT NULL DEFAULT true,
    version       integer NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX registration_payment_rule_scope ON registration_payment_rule (service_type, channel)
    NULLS NOT DISTINCT WHERE active;
INSERT INTO registration_payment_rule (id, policy) VALUES ('00000000-0000-7000-8000-000000000330', 'later');

CREATE FUNCTION registration_policy(wanted_type text, wanted_channel text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce((
        SELECT policy FROM registration_payment_rule
        WHERE active AND (service_type IS NULL OR service_type = wanted_type)
          AND (channel IS NULL OR channel = wanted_channel)
        ORDER BY service_type NULLS LAST, channel NULLS LAST LIMIT 1), 'later');
END $$;

CREATE TABLE registration_payment_terms (
    id                       uuid PRIMARY KEY,
    pay_seconds              integer NOT NULL CHECK (pay_seconds BETWEEN 120 AND 1800),  -- a hold lasts from its order on
    reschedule               text    NOT NULL CHECK (reschedule IN ('same-fee', 'refund-difference')),
    follow_up_wants_payment  boolean NOT NULL,              -- a visit gives a follow-up once its fee was paid here
    version                  integer NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX registration_payment_terms_once ON registration_payment_terms ((true));
INSERT INTO registration_payment_terms (id, pay_seconds, reschedule, follow_up_wants_payment)
VALUES ('00000000-0000-7000-8000-000000000331', 900, 'refund-difference', false);

-- Which order of payments pays for what: a hold until it is an appointment, then the appointment.
CREATE TABLE registration_order (
    order_id        uuid PRIMARY KEY,
    hold_id         uuid,
    appointment_id  uuid,
    hold_until      timestamptz,                           -- how long the hold was to last before it was ordered
    created_at      timestamptz NOT NULL,
    settled_at      timestamptz,                           -- the HIS has the payment
    CHECK (num_nulls(hold_id, appointment_id) < 2),
    CHECK ((hold_id IS NULL) = (hold_until IS NULL))
);
CREATE INDEX registration_order_hold ON registration_order (hold_id) WHERE hold_id IS NOT NULL;
CREATE INDEX registration_order_appointment ON registration_order (appointment_id) WHERE appointment_id IS NOT NULL;

-- How the fee stands, as its readers see it; kept with every change of its orders.
ALTER TABLE appointment ADD COLUMN payment text NOT NULL DEFAULT 'none'
    CHECK (payment IN ('none', 'open', 'paid', 'refunding', 'refunded'));

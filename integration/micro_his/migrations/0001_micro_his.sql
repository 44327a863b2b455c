-- The micro-HIS: charts, master files, schedules, numbers, visits, and both ends of its wire.

CREATE SEQUENCE chart_number MAXVALUE 99999999;
CREATE TABLE patient (
    mr               text PRIMARY KEY DEFAULT 'MR' || lpad(nextval('chart_number')::text, 8, '0'),  -- 病历号
    platform_id      uuid UNIQUE,
    name             text        NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    birth_date       date,
    sex              text        NOT NULL CHECK (sex IN ('M', 'F', 'U')),                           -- HL7 table 0001
    document_type    text,
    document_number  text,
    phone            text,
    platform_version integer     NOT NULL DEFAULT 0,        -- the newest that the platform has told
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    CONSTRAINT patient_document_once UNIQUE (document_type, document_number),
    CHECK ((document_type IS NULL) = (document_number IS NULL))
);

CREATE TABLE practitioner (
    code            text PRIMARY KEY,
    name            text    NOT NULL,
    title           text    NOT NULL,
    department_code text    NOT NULL,
    active          boolean NOT NULL
);

CREATE TABLE location (
    kind        text    NOT NULL CHECK (kind IN ('clinic', 'room')),
    code        text    NOT NULL,
    name        text    NOT NULL,
    part_of     text    NOT NULL,
    campus_code text    NOT NULL,
    active      boolean NOT NULL,
    PRIMARY KEY (kind, code)
);

CREATE TABLE schedule (
    id                uuid PRIMARY KEY,                     -- the platform's, which makes the schedules
    clinic_code       text        NOT NULL,
    room_code         text        NOT NULL,
    practitioner_code text        NOT NULL,
    service_type      text        NOT NULL,
    clinic_date       date        NOT NULL,
    period            text        NOT NULL,
    status            text        NOT NULL CHECK (status IN ('active', 'withdrawn')),
    fee_fen           bigint      NOT NULL CHECK (fee_fen >= 0),
    version           integer     NOT NULL,
    updated_at        timestamptz NOT NULL
);
CREATE INDEX schedule_day ON schedule (clinic_date, id);

CREATE TABLE slot (
    schedule_id      uuid        NOT NULL REFERENCES schedule (id),
    first_sequence   integer     NOT NULL CHECK (first_sequence > 0),
    last_sequence    integer     NOT NULL CHECK (last_sequence >= first_sequence),
    starts_at        timestamptz NOT NULL,
    ends_at          timestamptz NOT NULL,
    window_sequences integer[]   NOT NULL,                  -- what this window may sell by itself ...
    window_until     timestamptz,                           -- ... and until when
    PRIMARY KEY (schedule_id, first_sequence)
);

CREATE TABLE appointment (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    his_id            text GENERATED ALWAYS AS ('H' || lpad(id::text, greatest(8, length(id::text)), '0')) STORED UNIQUE,
    platform_id       uuid UNIQUE,
    source            text        NOT NULL CHECK (source IN ('platform', 'window')),
    schedule_id       uuid        NOT NULL REFERENCES schedule (id),
    sequence          integer     NOT NULL CHECK (sequence > 0),
    mr                text        NOT NULL REFERENCES patient (mr),
    status            text        NOT NULL CHECK (status IN ('booked', 'arrived', 'fulfilled', 'cancelled', 'noshow')),
    version           integer     NOT NULL CHECK (version > 0),
    starts_at         timestamptz NOT NULL,
    ends_at           timestamptz NOT NULL,
    clinic_date       date        NOT NULL,
    made_by           text        NOT NULL,
    channel           text        NOT NULL,
    reason            text        NOT NULL DEFAULT '',
    -- What the platform makes of a number that this window sold: it is asked, and may refuse.
    platform_state    text        NOT NULL CHECK (platform_state IN ('pending', 'confirmed', 'refused')),
    refusal_code      text        NOT NULL DEFAULT '',
    refusal_text      text        NOT NULL DEFAULT '',
    request_id        text UNIQUE,                          -- the clerk's own, so that a repeated request sells once
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL
);
-- A number is sold once, and a person stands once in a schedule.
CREATE UNIQUE INDEX appointment_seat_once ON appointment (schedule_id, sequence)
    WHERE status IN ('booked', 'arrived', 'fulfilled', 'noshow');
CREATE INDEX appointment_day ON appointment (clinic_date, id);
CREATE INDEX appointment_patient ON appointment (mr, schedule_id);

-- Numbers that the platform has refused to let us sell: not offered again until the schedule is told anew.
CREATE TABLE refused_number (
    schedule_id uuid    NOT NULL REFERENCES schedule (id),
    sequence    integer NOT NULL,
    PRIMARY KEY (schedule_id, sequence)
);

CREATE SEQUENCE visit_number MAXVALUE 99999999;
CREATE TABLE visit (
    number            text PRIMARY KEY DEFAULT 'V' || lpad(nextval('visit_number')::text, 8, '0'),
    mr                text        NOT NULL REFERENCES patient (mr),
    appointment_id    bigint UNIQUE REFERENCES appointment (id),
    clinic_code       text        NOT NULL,
    practitioner_code text        NOT NULL,
    clerk             text        NOT NULL,
    registered_at     timestamptz NOT NULL
);

-- What we tell, in order: the queue of the sender and the change feed in one. Numbers follow the order of commits.
CREATE TABLE message (
    seq            bigint PRIMARY KEY,
    control_id     uuid        NOT NULL UNIQUE,
    lane           smallint    NOT NULL,                    -- order is kept within a lane, and a person stays in one
    event          text        NOT NULL,
    mr             text        NOT NULL,
    appointment_id bigint REFERENCES appointment (id),
    body           text        NOT NULL,
    created_at     timestamptz NOT NULL,
    status         text        NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'sent', 'refused', 'void')),
    answer         text        NOT NULL DEFAULT '',
    finished_at    timestamptz,
    CHECK ((status = 'waiting') = (finished_at IS NULL))
);
CREATE INDEX message_waiting ON message (lane, seq) WHERE status = 'waiting';
CREATE INDEX message_of_appointment ON message (appointment_id) WHERE status = 'waiting';
CREATE TABLE message_counter (one boolean PRIMARY KEY DEFAULT true CHECK (one), last bigint NOT NULL);
INSERT INTO message_counter (last) VALUES (0);

-- Accepted messages by the sender's control id: a repeat gets the same answer, and nothing is done twice.
CREATE TABLE answered (
    sender      text        NOT NULL,
    control_id  text        NOT NULL,
    answer      text        NOT NULL,
    answered_at timestamptz NOT NULL,
    PRIMARY KEY (sender, control_id)
);
CREATE INDEX answered_age ON answered (answered_at);

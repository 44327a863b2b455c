-- What members of staff may do, where, since when and through whom; how they come, move and leave.

ALTER TABLE staff ADD COLUMN left_at timestamptz;
ALTER TABLE staff ADD COLUMN reviewed_at timestamptz;
ALTER TABLE staff ADD COLUMN reviewed_by text;
ALTER TABLE staff ADD COLUMN version integer NOT NULL DEFAULT 1;

CREATE TABLE staff_role (
    code     text   PRIMARY KEY CHECK (code ~ '^[a-z][a-z_]{2,40}$'),
    name_zh  text   NOT NULL,
    name_en  text   NOT NULL,
    scopes   text[] NOT NULL
);
INSERT INTO staff_role (code, name_zh, name_en, scopes) VALUES
    ('administrator', '系统管理员', 'Administrator', '{staff.read,staff.write}'),
    ('slot_office', '号源办', 'Slot office',
     '{catalogue.read,slots.read,appointments.read,administration.read,administration.write}'),
    ('service_desk', '导诊台', 'Service desk',
     '{catalogue.read,slots.read,patients.read,patients.write,appointments.read,appointments.write,waitlist.read,waitlist.write,checkin.write,queue.read}'),
    ('nurse', '分诊护士', 'Triage nurse',
     '{catalogue.read,slots.read,patients.read,appointments.read,checkin.write,queue.read,queue.write}'),
    ('physician', '医师', 'Physician',
     '{catalogue.read,slots.read,patients.read,appointments.read,queue.read,queue.write}'),
    ('auditor', '审计员', 'Auditor', '{staff.read,administration.read}');

-- A role somebody has, everywhere or at one campus or department.
CREATE TABLE staff_assignment (
    id             uuid        PRIMARY KEY,
    staff_id       uuid        NOT NULL REFERENCES staff (id),
    role           text        NOT NULL REFERENCES staff_role (code),
    campus_id      uuid,
    department_id  uuid,
    given_at       timestamptz NOT NULL,
    CHECK (num_nonnulls(campus_id, department_id) <= 1),
    CONSTRAINT staff_assignment_once UNIQUE NULLS NOT DISTINCT (staff_id, role, campus_id, department_id)
);

CREATE TABLE staff_invitation (
    id            uuid        PRIMARY KEY,
    staff_id      uuid        NOT NULL REFERENCES staff (id),
    tries_left    smallint    NOT NULL CHECK (tries_left >= 0),
    expires_at    timestamptz NOT NULL,
    opened_hash   bytea,               -- the browser that gave the right code
    totp_cipher   bytea,               -- offered for scanning; counts once it has been confirmed
    ended_at      timestamptz,
    ended_by      text        CHECK (ended_by IN ('used', 'replaced', 'left')),
    created_at    timestamptz NOT NULL,
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE UNIQUE INDEX staff_invitation_open ON staff_invitation (staff_id) WHERE ended_at IS NULL;
COMMENT ON TABLE staff_invitation IS 'The code of an invitation is a keyed hash of its id, and kept nowhere.';

-- While A is away B acts for A in one of A's roles; what B does names both.
CREATE TABLE staff_delegation (
    id             uuid        PRIMARY KEY,
    from_staff_id  uuid        NOT NULL REFERENCES staff (id),
    to_staff_id    uuid        NOT NULL REFERENCES staff (id),
    assignment_id  uuid        NOT NULL REFERENCES staff_assignment (id) ON DELETE CASCADE,
    starts_at      timestamptz NOT NULL,
    ends_at        timestamptz NOT NULL,
    ended_at       timestamptz,
    created_at     timestamptz NOT NULL,
    CHECK (from_staff_id <> to_staff_id),
    CHECK (starts_at < ends_at),
    CONSTRAINT staff_delegation_once EXCLUDE USING gist (
        from_staff_id WITH =, to_staff_id WITH =, assignment_id WITH =, tstzrange(starts_at, ends_at) WITH &&)
        WHERE (ended_at IS NULL)
);
CREATE INDEX staff_delegation_to ON staff_delegation (to_staff_id) WHERE ended_at IS NULL;
CREATE INDEX staff_delegation_assignment ON staff_delegation (assignment_id);

ALTER TABLE change_log ADD COLUMN on_behalf_of text;
COMMENT ON COLUMN change_log.on_behalf_of IS 'The member of staff whose delegate (staff_code) made the change.';

-- What can be booked and by whose rule: the hospital's places, people, calendar, schedules and release rules.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE campus (
    id uuid PRIMARY KEY, code text NOT NULL UNIQUE, name_zh text NOT NULL, name_en text NOT NULL,
    address text NOT NULL, latitude double precision NOT NULL, longitude double precision NOT NULL,
    active boolean NOT NULL DEFAULT true, version integer NOT NULL DEFAULT 1
);

CREATE TABLE department (
    id uuid PRIMARY KEY,
    code text NOT NULL UNIQUE,                     -- official subject code (诊疗科目), e.g. 03.01
    name_zh text NOT NULL, name_en text NOT NULL,
    pinyin text NOT NULL, initials text NOT NULL,
    parent_id uuid REFERENCES department (id),
    active boolean NOT NULL DEFAULT true, version integer NOT NULL DEFAULT 1
);

CREATE TABLE service_type (
    code text PRIMARY KEY, name_zh text NOT NULL, name_en text NOT NULL,
    active boolean NOT NULL DEFAULT true, version integer NOT NULL DEFAULT 1
);

CREATE TABLE clinic (
    id uuid PRIMARY KEY, code text NOT NULL UNIQUE, name_zh text NOT NULL, name_en text NOT NULL,
    department_id uuid NOT NULL REFERENCES department (id),
    campus_id uuid NOT NULL REFERENCES campus (id),
    sex_allowed smallint CHECK (sex_allowed IN (1, 2)),        -- null: everyone (GB/T 2261.1)
    age_years_min smallint CHECK (age_years_min BETWEEN 0 AND 150),
    age_years_max smallint CHECK (age_years_max BETWEEN 0 AND 150),   -- inclusive, on the clinic day
    active boolean NOT NULL DEFAULT true, version integer NOT NULL DEFAULT 1,
    CHECK (age_years_min <= age_years_max)
);

CREATE TABLE room (
    id uuid PRIMARY KEY, code text NOT NULL UNIQUE, name_zh text NOT NULL, name_en text NOT NULL,
    clinic_id uuid NOT NULL REFERENCES clinic (id), floor text NOT NULL DEFAULT '',
    active boolean NOT NULL DEFAULT true, version integer NOT NULL DEFAULT 1
);

CREATE TABLE practitioner (
    id uuid PRIMARY KEY, code text NOT NULL UNIQUE,
    name text NOT NULL, pinyin text NOT NULL, initials text NOT NULL,
    title text NOT NULL,                           -- title code: chief, associate_chief, attending, resident
    sex smallint NOT NULL DEFAULT 0,
    department_id uuid NOT NULL REFERENCES department (id),
    keywords text NOT NULL DEFAULT '',             -- diseases and specialties, for search
    introduction text NOT NULL DEFAULT '',
    active boolean NOT NULL DEFAULT true, version integer NOT NULL DEFAULT 1
);
CREATE INDEX practitioner_department ON practitioner (department_id);
CREATE INDEX practitioner_search ON practitioner USING gin ((name || ' ' || pinyin || ' ' || initials || ' ' || keywords) gin_trgm_ops);

-- The registration fee by service type and title; a practitioner's own fee comes first.
CREATE TABLE fee (
    id uuid PRIMARY KEY,
    service_type text NOT NULL REFERENCES service_type (code),
    title text, practitioner_id uuid REFERENCES practitioner (id),
    amount_fen bigint NOT NULL CHECK (amount_fen >= 0),
    version integer NOT NULL DEFAULT 1,
    CHECK (num_nonnulls(title, practitioner_id) = 1)
);
CREATE UNIQUE INDEX fee_by_title ON fee (service_type, title) WHERE title IS NOT NULL;
CREATE UNIQUE INDEX fee_by_practitioner ON fee (service_type, practitioner_id) WHERE practitioner_id IS NOT NULL;

CREATE TABLE calendar_day (
    date date PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('workday', 'holiday')),
    name_zh text NOT NULL DEFAULT '', name_en text NOT NULL DEFAULT '',
    source text NOT NULL CHECK (source IN ('state', 'hospital')),
    version integer NOT NULL DEFAULT 1
);

CREATE TABLE channel (
    code text PRIMARY KEY, name_zh text NOT NULL, name_en text NOT NULL,
    active boolean NOT NULL DEFAULT true, version integer NOT NULL DEFAULT 1
);
ALTER TABLE oauth_client ADD CONSTRAINT oauth_client_channel FOREIGN KEY (channel) REFERENCES channel (code);

CREATE TABLE pool (
    code text PRIMARY KEY, name_zh text NOT NULL, name_en text NOT NULL,
    -- Unused seats open to the common pool's channels so long before the schedule starts; null: never.
    recycle_minutes_before integer CHECK (recycle_minutes_before >= 0),
    active boolean NOT NULL DEFAULT true, version integer NOT NULL DEFAULT 1
);

-- When a channel may take seats of a pool. The narrowest matching scope counts: clinic, service type, hospital.
CREATE TABLE release_rule (
    id uuid PRIMARY KEY,
    channel text NOT NULL REFERENCES channel (code),
    pool text NOT NULL REFERENCES pool (code),
    clinic_id uuid REFERENCES clinic (id),
    service_type text REFERENCES service_type (code),
    kind text NOT NULL CHECK (kind IN ('days_ahead', 'fixed')),
    days_ahead smallint CHECK (days_ahead BETWEEN 0 AND 365),
    at_time time,                                  -- Asia/Shanghai
    fixed_at timestamptz,
    holiday_aware boolean NOT NULL DEFAULT false,  -- a release falling on a holiday moves to the last workday before
    active boolean NOT NULL DEFAULT true, version integer NOT NULL DEFAULT 1,
    CHECK (kind <> 'days_ahead' OR (days_ahead IS NOT NULL AND at_time IS NOT NULL)),
    CHECK (kind <> 'fixed' OR fixed_at IS NOT NULL),
    CHECK (num_nonnulls(clinic_id, service_type) <= 1)
);
CREATE UNIQUE INDEX release_rule_scope ON release_rule
    (channel, pool, coalesce(clinic_id, '00000000-0000-0000-0000-000000000000'), coalesce(service_type, ''))
    WHERE active;

-- Rules of booking; the clinic's own row goes before the hospital's (clinic_id null).
CREATE TABLE booking_rule (
    id uuid PRIMARY KEY,
    clinic_id uuid REFERENCES clinic (id),
    hold_seconds integer CHECK (hold_seconds BETWEEN 30 AND 7200),
    once_per_department_day boolean,
    daily_limit smallint CHECK (daily_limit BETWEEN 1 AND 20),            -- per person and clinic day, hospital-wide
    cancel_minutes_before integer CHECK (cancel_minutes_before >= 0),     -- before the slot starts
    reschedule_limit smallint CHECK (reschedule_limit BETWEEN 0 AND 20),  -- moves of one appointment
    version integer NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX booking_rule_scope ON booking_rule (coalesce(clinic_id, '00000000-0000-0000-0000-000000000000'));
INSERT INTO booking_rule (id, hold_seconds, once_per_department_day, daily_limit, cancel_minutes_before, reschedule_limit)
VALUES ('00000000-0000-7000-8000-000000000001', 900, true, 3, 30, 2);

CREATE TABLE schedule_template (
    id uuid PRIMARY KEY,
    practitioner_id uuid NOT NULL REFERENCES practitioner (id),
    clinic_id uuid NOT NULL REFERENCES clinic (id),
    room_id uuid NOT NULL REFERENCES room (id),
    service_type text NOT NULL REFERENCES service_type (code),
    weekday smallint NOT NULL CHECK (weekday BETWEEN 1 AND 7),     -- ISO: Monday is 1
    period text NOT NULL CHECK (period IN ('morning', 'afternoon', 'evening', 'night')),
    starts time NOT NULL, ends time NOT NULL,                      -- Asia/Shanghai
    slot_minutes smallint NOT NULL CHECK (slot_minutes BETWEEN 5 AND 30),
    seats_per_slot smallint NOT NULL CHECK (seats_per_slot BETWEEN 1 AND 200),
    quotas jsonb NOT NULL DEFAULT '{}',            -- pool code -> percent of seats; the rest is common
    works_on_holidays boolean NOT NULL DEFAULT false,
    valid_from date NOT NULL, valid_until date,
    active boolean NOT NULL DEFAULT true, version integer NOT NULL DEFAULT 1,
    CHECK (starts < ends)
);
CREATE INDEX schedule_template_practitioner ON schedule_template (practitioner_id);

CREATE TABLE schedule (
    id uuid PRIMARY KEY,
    template_id uuid REFERENCES schedule_template (id),
    practitioner_id uuid NOT NULL REFERENCES practitioner (id),
    clinic_id uuid NOT NULL REFERENCES clinic (id),
    department_id uuid NOT NULL REFERENCES department (id),
    campus_id uuid NOT NULL REFERENCES campus (id),
    room_id uuid NOT NULL REFERENCES room (id),
    service_type text NOT NULL REFERENCES service_type (code),
    clinic_date date NOT NULL,
    period text NOT NULL CHECK (period IN ('morning', 'afternoon', 'evening', 'night')),
    starts_at timestamptz NOT NULL, ends_at timestamptz NOT NULL,
    fee_fen bigint NOT NULL CHECK (fee_fen >= 0),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'withdrawn')),
    version integer NOT NULL DEFAULT 1,
    CHECK (starts_at < ends_at)
);
CREATE UNIQUE INDEX schedule_once ON schedule (practitioner_id, clinic_date, period) WHERE status = 'active';
CREATE INDEX schedule_department_day ON schedule (department_id, clinic_date);
CREATE INDEX schedule_clinic_day ON schedule (clinic_date, clinic_id);

CREATE TABLE slot (
    id uuid PRIMARY KEY,
    schedule_id uuid NOT NULL REFERENCES schedule (id),
    starts_at timestamptz NOT NULL, ends_at timestamptz NOT NULL,
    CHECK (starts_at < ends_at),
    CONSTRAINT slot_half_hour_at_most CHECK (ends_at - starts_at <= interval '30 minutes'),
    CONSTRAINT slot_once UNIQUE (schedule_id, starts_at)
);

-- Which channel may take which pool's seats of a schedule from when; written from the release and recycle rules.
CREATE TABLE schedule_release (
    schedule_id uuid NOT NULL REFERENCES schedule (id) ON DELETE CASCADE,
    channel text NOT NULL REFERENCES channel (code),
    pool text NOT NULL REFERENCES pool (code),
    opens_at timestamptz NOT NULL,
    via text NOT NULL CHECK (via IN ('rule', 'recycled')),
    PRIMARY KEY (schedule_id, channel, pool)
);

-- Complaints, suggestions and praise of patients, and what they thought of a visit (adr/0415, adr/0416).

-- Who answers: an office is the holders of a role (staff_assignment), everywhere or at their campus or department.
-- oversees: it may take any case in hand, whichever office has it.
CREATE TABLE feedback_office (
    id        uuid    PRIMARY KEY,
    code      text    NOT NULL CONSTRAINT feedback_office_code_key UNIQUE CHECK (code ~ '^[a-z][a-z_]{2,39}$'),
    name_zh   text    NOT NULL CHECK (length(name_zh) BETWEEN 1 AND 40),
    name_en   text    NOT NULL CHECK (length(name_en) BETWEEN 1 AND 80),
    role      text    NOT NULL REFERENCES staff_role (code),
    oversees  boolean NOT NULL DEFAULT false,
    active    boolean NOT NULL DEFAULT true,
    version   integer NOT NULL DEFAULT 1
);

-- Which office a category goes to; the most particular row counts: department before campus before neither.
CREATE TABLE feedback_route (
    id             uuid    PRIMARY KEY,
    category       text    NOT NULL CHECK (category IN
        ('medical', 'nursing', 'outpatient', 'charges', 'information', 'conduct', 'environment', 'other')),
    campus_id      uuid,
    department_id  uuid,
    office_id      uuid    NOT NULL REFERENCES feedback_office (id),
    version        integer NOT NULL DEFAULT 1,
    CONSTRAINT feedback_route_once UNIQUE NULLS NOT DISTINCT (category, campus_id, department_id)
);

-- One row: how long offices have, in workdays of the hospital's calendar, and what patients may do for how long.
CREATE TABLE feedback_rule (
    id                      uuid     PRIMARY KEY,
    acknowledge_workdays    smallint NOT NULL CHECK (acknowledge_workdays BETWEEN 1 AND 10),
    answer_workdays         smallint NOT NULL CHECK (answer_workdays BETWEEN 1 AND 60),
    reopen_days             smallint NOT NULL CHECK (reopen_days BETWEEN 1 AND 90),
    cases_a_day             smallint NOT NULL CHECK (cases_a_day BETWEEN 1 AND 50),           -- of one account
    rate_days               smallint NOT NULL CHECK (rate_days BETWEEN 1 AND 180),            -- after the visit
    amend_days              smallint NOT NULL CHECK (amend_days BETWEEN 0 AND 30),            -- after the rating
    statistics_ratings_min  smallint NOT NULL CHECK (statistics_ratings_min BETWEEN 5 AND 100),
    version                 integer  NOT NULL DEFAULT 1,
    CHECK (answer_workdays >= acknowledge_workdays)
);

CREATE TABLE feedback_case (
    id               uuid        PRIMARY KEY,
    kind             text        NOT NULL CHECK (kind IN ('complaint', 'suggestion', 'praise')),
    category         text        NOT NULL,
    status           text        NOT NULL CHECK (status IN
        ('submitted', 'transferred', 'acknowledged', 'answered', 'reopened', 'closed')),
    anonymous        boolean     NOT NULL,
    account_id       uuid        NOT NULL,
    patient_id       uuid        NOT NULL,
    appointment_id   uuid,
    campus_id        uuid,
    department_id    uuid,
    office_id        uuid        NOT NULL REFERENCES feedback_office (id),
    acknowledge_by   timestamptz NOT NULL,
    answer_by        timestamptz NOT NULL,
    acknowledged_at  timestamptz,
    answered_at      timestamptz,
    reopened_at      timestamptz,
    closed_at        timestamptz,
    escalated_at     timestamptz,                    -- when the present deadline was found to have passed
    transfers        smallint    NOT NULL DEFAULT 0,
    version          integer     NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    CHECK ((status = 'closed') = (closed_at IS NOT NULL)),
    CHECK (status NOT IN ('answered', 'reopened', 'closed') OR answered_at IS NOT NULL)
);
CREATE INDEX feedback_case_own ON feedback_case (account_id, patient_id, id);
CREATE INDEX feedback_case_office ON feedback_case (office_id, id);
CREATE INDEX feedback_case_waiting ON feedback_case (answer_by) WHERE status NOT IN ('answered', 'closed');
CREATE INDEX feedback_case_answered ON feedback_case (answered_at) WHERE status = 'answered';

-- The conversation. It holds personal data, so it is sealed.
CREATE TABLE feedback_message (
    id           uuid        PRIMARY KEY,
    case_id      uuid        NOT NULL REFERENCES feedback_case (id),
    at           timestamptz NOT NULL,
    author       text        NOT NULL CHECK (author IN ('patient', 'office')),
    office_id    uuid        REFERENCES feedback_office (id),
    staff_code   text,
    body_cipher  bytea       NOT NULL,
    CHECK ((author = 'office') = (office_id IS NOT NULL) AND (author = 'office') = (staff_code IS NOT NULL))
);
CREATE INDEX feedback_message_case ON feedback_message (case_id, id);
CREATE TRIGGER feedback_message_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON feedback_message
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

-- Who did what. reason: sealed, of a transfer or of a second look.
CREATE TABLE feedback_event (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id        uuid        NOT NULL REFERENCES feedback_case (id),
    at             timestamptz NOT NULL,
    action         text        NOT NULL CHECK (action IN
        ('submitted', 'acknowledged', 'answered', 'reopened', 'transferred', 'closed', 'message', 'escalated')),
    status         text        NOT NULL,
    office_id      uuid        NOT NULL,
    client_id      text        NOT NULL,
    staff_code     text,
    on_behalf_of   text,
    request_id     text,
    reason_cipher  bytea
);
CREATE INDEX feedback_event_case ON feedback_event (case_id, id);
CREATE TRIGGER feedback_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON feedback_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

-- What is asked after a visit. A version is never changed; the newest that has begun is asked.
CREATE TABLE satisfaction_questionnaire (
    version     integer     PRIMARY KEY CHECK (version > 0),
    begins_at   timestamptz NOT NULL,
    questions   jsonb       NOT NULL,      -- [{code, zh, en, required}], marks of one to five; `overall` is among them
    created_at  timestamptz NOT NULL
);
CREATE TRIGGER satisfaction_questionnaire_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON satisfaction_questionnaire
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

-- One rating of a visit.
CREATE TABLE satisfaction_rating (
    appointment_id         uuid        PRIMARY KEY,
    account_id             uuid        NOT NULL,
    patient_id             uuid        NOT NULL,
    department_id          uuid        NOT NULL,
    campus_id              uuid        NOT NULL,
    month                  date        NOT NULL CHECK (extract(day FROM month) = 1),   -- in which it was given
    questionnaire_version  integer     NOT NULL REFERENCES satisfaction_questionnaire (version),
    marks                  jsonb       NOT NULL,
    comment_cipher         bytea,
    version                integer     NOT NULL DEFAULT 1,
    created_at             timestamptz NOT NULL,
    updated_at             timestamptz NOT NULL
);
CREATE INDEX satisfaction_rating_month ON satisfaction_rating (month, department_id);
CREATE INDEX satisfaction_rating_account ON satisfaction_rating (account_id);

CREATE TABLE satisfaction_rating_event (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    appointment_id  uuid        NOT NULL,
    at              timestamptz NOT NULL,
    version         integer     NOT NULL,
    client_id       text        NOT NULL,
    request_id      text
);
CREATE TRIGGER satisfaction_rating_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON satisfaction_rating_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

INSERT INTO staff_role (code, name_zh, name_en, scopes) VALUES
    ('complaints_office', '投诉管理办公室', 'Complaints office', '{feedback.read,feedback.write}'),
    ('medical_affairs', '医务科', 'Medical affairs', '{feedback.read,feedback.write}'),
    ('nursing_department', '护理部', 'Nursing department', '{feedback.read,feedback.write}'),
    ('outpatient_office', '门诊部', 'Outpatient office', '{feedback.read,feedback.write}'),
    ('charges_office', '收费处', 'Charges office', '{feedback.read,feedback.write}'),
    ('information_department', '信息科', 'Information department', '{feedback.read,feedback.write}'),
    ('conduct_office', '行风办', 'Office of professional conduct', '{feedback.read,feedback.write}'),
    ('general_services', '总务科', 'General services', '{feedback.read,feedback.write}');

INSERT INTO feedback_office (id, code, name_zh, name_en, role, oversees)
SELECT ('00000000-0000-7000-8000-0000000415' || lpad(n::text, 2, '0'))::uuid, r.code, r.name_zh, r.name_en, r.code,
       r.code = 'complaints_office'
FROM unnest(ARRAY['complaints_office', 'medical_affairs', 'nursing_department', 'outpatient_office', 'charges_office',
                  'information_department', 'conduct_office', 'general_services']) WITH ORDINALITY AS given (code, n)
JOIN staff_role r USING (code);

INSERT INTO feedback_route (id, category, office_id)
SELECT ('00000000-0000-7000-8000-0000000415' || (50 + n)::text)::uuid, given.category, o.id
FROM (VALUES (1, 'medical', 'medical_affairs'), (2, 'nursing', 'nursing_department'),
             (3, 'outpatient', 'outpatient_office'), (4, 'charges', 'charges_office'),
             (5, 'information', 'information_department'), (6, 'conduct', 'conduct_office'),
             (7, 'environment', 'general_services'), (8, 'other', 'complaints_office')) AS given (n, category, office)
JOIN feedback_office o ON o.code = given.office;

INSERT INTO feedback_rule (id, acknowledge_workdays, answer_workdays, reopen_days, cases_a_day, rate_days, amend_days,
                           statistics_ratings_min)
VALUES ('00000000-0000-7000-8000-000000041599', 1, 7, 15, 5, 30, 7, 10);

INSERT INTO satisfaction_questionnaire (version, begins_at, questions, created_at) VALUES (1, '2020-01-01 00:00+08', '[
    {"code": "overall", "zh": "这次就诊总体满意吗？", "en": "How was your visit altogether?", "required": true},
    {"code": "waiting", "zh": "候诊时间能接受吗？", "en": "Was the wait acceptable?", "required": false},
    {"code": "doctor", "zh": "医生是否耐心、讲清楚了病情？", "en": "Was the doctor patient and clear?", "required": false},
    {"code": "cleanliness", "zh": "环境是否干净整洁？", "en": "Was the place clean?", "required": false}]', now());

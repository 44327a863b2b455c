-- What applications asked for, day by day; and which of them saw or changed what of whom.

CREATE SEQUENCE request_record_id;
CREATE TABLE request_record (
    at                    timestamptz NOT NULL,
    id                    bigint      NOT NULL DEFAULT nextval('request_record_id'),
    client_id             text        NOT NULL,
    staff_code            text,
    operation             text        NOT NULL,
    status                smallint    NOT NULL,
    code                  text,                             -- of a refusal
    latency_microseconds  bigint      NOT NULL,
    request_id            text        NOT NULL,
    network               text,                             -- the address without its last part
    agent                 text        NOT NULL,             -- its kind alone
    patient_ids           uuid[]      NOT NULL,
    PRIMARY KEY (at, id)
) PARTITION BY RANGE (at);
CREATE INDEX request_record_client ON request_record (client_id, at, id);
CREATE INDEX request_record_request ON request_record (request_id);
CREATE INDEX request_record_patient ON request_record USING gin (patient_ids);
-- Takes what has no day of its own, so that a timetable that stood still costs no record.
CREATE TABLE request_record_default PARTITION OF request_record DEFAULT;

-- Makes the days (Asia/Shanghai) that are missing, moves into them what the default partition has taken, and drops the
-- days before `oldest`. Gives the number of partitions made and dropped.
CREATE FUNCTION keep_request_record_days(first_day date, last_day date, oldest date)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    day date;
    name text;
    begins timestamptz;
    ends timestamptz;
    changed integer := 0;
BEGIN
    -- Whoever reads or writes goes first; the next turn of the timetable tries again.
    SET LOCAL lock_timeout = '2s';
    FOR day IN SELECT generate_series(first_day, last_day, interval '1 day')::date LOOP
        name := 'request_record_' || to_char(day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        begins := day::timestamp AT TIME ZONE 'Asia/Shanghai';
        ends := (day + 1)::timestamp AT TIME ZONE 'Asia/Shanghai';
        LOCK TABLE request_record IN SHARE UPDATE EXCLUSIVE MODE;
        LOCK TABLE request_record_default IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('CREATE TABLE %I (LIKE request_record INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
        EXECUTE format('WITH moved AS (DELETE FROM request_record_default WHERE at >= $1 AND at < $2 RETURNING *)'
                       ' INSERT INTO %I SELECT * FROM moved', name) USING begins, ends;
        EXECUTE format('ALTER TABLE request_record ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                       name, begins, ends);
        changed := changed + 1;
    END LOOP;
    FOR name IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                WHERE i.inhparent = 'request_record'::regclass AND c.relname ~ '^request_record_[0-9]{8}$'
                  AND c.relname < 'request_record_' || to_char(oldest, 'YYYYMMDD') LOOP
        EXECUTE format('DROP TABLE %I', name);
        changed := changed + 1;
    END LOOP;
    DELETE FROM request_record_default WHERE at < oldest::timestamp AT TIME ZONE 'Asia/Shanghai';
    RETURN changed;
END $$;
SELECT keep_request_record_days((now() AT TIME ZONE 'Asia/Shanghai')::date,
                                (now() AT TIME ZONE 'Asia/Shanghai')::date + 7, '2026-01-01');

-- Every access of a partner to a patient's data that no event of its own tells. On disk before the answer is sent.
CREATE TABLE patient_access_log (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    patient_id  uuid        NOT NULL,
    client_id   text        NOT NULL,
    operation   text        NOT NULL,
    action      text        NOT NULL CHECK (action IN ('read', 'change')),
    request_id  text        NOT NULL
);
CREATE INDEX patient_access_log_patient ON patient_access_log (patient_id, id);
CREATE INDEX patient_access_log_client ON patient_access_log (client_id, id);
CREATE TRIGGER patient_access_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON patient_access_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

-- Holding, booking, moving and cancelling leave an event in their own transaction, which is their entry in the log.
CREATE INDEX booking_event_patient ON booking_event (patient_id, id) WHERE patient_id IS NOT NULL;
CREATE VIEW patient_access_told AS
    SELECT 'access' AS source, id, at, patient_id, client_id, operation, action, request_id FROM patient_access_log
    UNION ALL
    SELECT 'booking', e.id, e.at, e.patient_id, e.client_id, e.kind, 'change', e.request_id
    FROM booking_event e JOIN oauth_client c ON c.id = e.client_id AND c.kind = 'partner'
    WHERE e.patient_id IS NOT NULL;

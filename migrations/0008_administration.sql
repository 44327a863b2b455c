-- What the slot office may change over the API, held together by the database whatever the code above believes.

CREATE EXTENSION IF NOT EXISTS btree_gist;

-- Professional titles (职称). Registration fees go by them.
CREATE TABLE title (
    code text PRIMARY KEY, name_zh text NOT NULL, name_en text NOT NULL,
    active boolean NOT NULL DEFAULT true, version integer NOT NULL DEFAULT 1
);
INSERT INTO title (code, name_zh, name_en) VALUES
    ('chief', '主任医师', 'Chief physician'),
    ('associate_chief', '副主任医师', 'Associate chief physician'),
    ('attending', '主治医师', 'Attending physician'),
    ('resident', '住院医师', 'Resident physician');
ALTER TABLE practitioner ADD CONSTRAINT practitioner_title FOREIGN KEY (title) REFERENCES title (code);
ALTER TABLE fee ADD CONSTRAINT fee_title FOREIGN KEY (title) REFERENCES title (code);

-- A clinic's rule may leave questions to the hospital's; the hospital's own answers all of them.
ALTER TABLE booking_rule ADD CONSTRAINT booking_rule_hospital_complete CHECK (clinic_id IS NOT NULL OR num_nulls(
    hold_seconds, once_per_department_day, daily_limit, cancel_minutes_before, reschedule_limit) = 0);

-- Nobody works on a holiday as if it were another day.
ALTER TABLE calendar_day ADD CONSTRAINT calendar_day_follows CHECK (follows_weekday IS NULL OR kind = 'workday');

-- A rule has what its kind needs and nothing of the other kind's.
ALTER TABLE release_rule ADD CONSTRAINT release_rule_days_ahead
    CHECK (kind = 'days_ahead' OR (num_nonnulls(days_ahead, at_time) = 0 AND NOT holiday_aware));
ALTER TABLE release_rule ADD CONSTRAINT release_rule_fixed CHECK (kind = 'fixed' OR fixed_at IS NULL);

-- A practitioner has one clinic at a time: one template per weekday and period, and none that overlap in hours.
ALTER TABLE schedule_template ADD CONSTRAINT schedule_template_validity CHECK (valid_from <= valid_until);
ALTER TABLE schedule_template ADD CONSTRAINT schedule_template_period_once EXCLUDE USING gist (
    practitioner_id WITH =, weekday WITH =, period WITH =, daterange(valid_from, valid_until, '[]') WITH &&)
    WHERE (active);
ALTER TABLE schedule_template ADD CONSTRAINT schedule_template_hours_once EXCLUDE USING gist (
    practitioner_id WITH =, weekday WITH =, daterange(valid_from, valid_until, '[]') WITH &&,
    int4range(extract(epoch FROM starts)::integer, extract(epoch FROM ends)::integer) WITH &&)
    WHERE (active);

-- "What has this member of staff changed?"
CREATE INDEX change_log_staff ON change_log (staff_code, id);

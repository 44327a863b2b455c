-- 一次挂号管三天: after a paid visit, one free number within some days, tied to that visit.

CREATE TABLE followup_rule (
    id               uuid PRIMARY KEY,
    days             smallint NOT NULL CHECK (days BETWEEN 0 AND 30),   -- after the clinic day of the first visit
    accepts_arrived  boolean NOT NULL,      -- whether an arrival is enough, or the visit must be over
    active           boolean NOT NULL DEFAULT true,
    version          integer NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX followup_rule_once ON followup_rule ((true));
INSERT INTO followup_rule (id, days, accepts_arrived) VALUES ('00000000-0000-7000-8000-000000000131', 3, true);

-- Departments of one group take each other's follow-ups; without a group each takes its own.
ALTER TABLE department ADD COLUMN followup_group text CHECK (length(followup_group) BETWEEN 1 AND 32);
ALTER TABLE service_type
    ADD COLUMN gives_followup boolean NOT NULL DEFAULT true,
    ADD COLUMN takes_followup boolean NOT NULL DEFAULT true;

ALTER TABLE appointment ADD COLUMN follow_up_of uuid;
-- One that was cancelled, or entered in error, gives the right back; one that was missed has used it.
CREATE UNIQUE INDEX appointment_followup_once ON appointment (follow_up_of)
    WHERE follow_up_of IS NOT NULL AND status IN ('booked', 'arrived', 'fulfilled', 'noshow');
ALTER TABLE appointment ADD CONSTRAINT appointment_followup_free CHECK (follow_up_of IS NULL OR fee_fen = 0);

-- A hold for a follow-up, which like the follow-up itself needs no place of its own in the department's day.

ALTER TABLE hold ADD COLUMN follow_up_of uuid;
CREATE INDEX hold_followup ON hold (follow_up_of) WHERE follow_up_of IS NOT NULL AND status = 'active';

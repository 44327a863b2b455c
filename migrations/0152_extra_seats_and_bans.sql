-- An extra seat for a named patient is a new booking, so a ban counts unless a member of staff says why it shall not.

ALTER TABLE extra_seat ADD COLUMN ban_pass_reason text CHECK (length(ban_pass_reason) BETWEEN 1 AND 500),
    ADD CONSTRAINT extra_seat_pass CHECK (ban_pass_reason IS NULL OR patient_id IS NOT NULL);

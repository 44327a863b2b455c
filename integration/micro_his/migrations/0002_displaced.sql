-- The platform's inventory decides who has a number. When it gives somebody a number whose present holder it knows too,
-- that holder has left it, and the message which says so is on its way: until then the holder is displaced.
ALTER TABLE appointment ADD COLUMN displaced boolean NOT NULL DEFAULT false;
DROP INDEX appointment_seat_once;
CREATE UNIQUE INDEX appointment_seat_once ON appointment (schedule_id, sequence)
    WHERE status IN ('booked', 'arrived', 'fulfilled', 'noshow') AND NOT displaced;

-- Slots and schedules are searched by when they start, and read on in that order.

CREATE INDEX slot_starts ON slot (starts_at, id);
CREATE INDEX schedule_starts ON schedule (starts_at, id);

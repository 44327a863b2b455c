-- The feed of availability: of each schedule and channel, when its free seats were last seen to be others.

CREATE TABLE availability_change (
    schedule_id  uuid        NOT NULL REFERENCES schedule (id) ON DELETE CASCADE,
    channel      text        NOT NULL,
    seen         bigint      NOT NULL,       -- a hash of the free seats, slot by slot
    place        bigint      NOT NULL,       -- in the feed; a later change moves the row to the end
    clinic_date  date        NOT NULL,
    at           timestamptz NOT NULL,
    PRIMARY KEY (schedule_id, channel)
);
CREATE UNIQUE INDEX availability_change_place ON availability_change (channel, place);
CREATE INDEX availability_change_day ON availability_change (clinic_date);
CREATE SEQUENCE availability_place;

-- How far the watch has come: in the events of seats, in time, and in its walk through all schedules.
CREATE TABLE availability_watch (
    event_id     bigint      NOT NULL,
    looked_at    timestamptz NOT NULL,
    schedule_id  uuid        NOT NULL
);
CREATE UNIQUE INDEX availability_watch_one ON availability_watch ((true));
INSERT INTO availability_watch VALUES (0, '2000-01-01T00:00:00Z', '00000000-0000-0000-0000-000000000000');
CREATE INDEX schedule_release_opening ON schedule_release (opens_at);

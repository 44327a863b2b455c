-- A make-up workday runs the templates of the weekday it makes up for; the slot office may say which.
ALTER TABLE calendar_day ADD COLUMN follows_weekday smallint CHECK (follows_weekday BETWEEN 1 AND 7);
COMMENT ON COLUMN calendar_day.follows_weekday IS 'ISO weekday whose templates run that day; null: its own.';
-- The slot office reads the newest changes first, whatever they touched.
CREATE INDEX change_log_at ON change_log (at DESC, id DESC);

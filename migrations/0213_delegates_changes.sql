-- "What was done on this person's behalf while they were away?"
CREATE INDEX change_log_on_behalf_of ON change_log (on_behalf_of, id) WHERE on_behalf_of IS NOT NULL;

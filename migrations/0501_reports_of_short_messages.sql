-- A network's report names a message by the number that the gateway gave it when it was handed over.

CREATE INDEX notification_attempt_taken ON notification_attempt (code) WHERE outcome = 'accepted';

-- A payer in a phone's browser goes to the channel's own page and comes back.

ALTER TABLE payment_attempt
    DROP CONSTRAINT payment_attempt_scene_check,
    ADD CONSTRAINT payment_attempt_scene_check CHECK (scene IN ('mini_program', 'native_code', 'browser', 'window'));

-- Gateways for short messages in China send templates that the hospital has registered with them, and no other text.
-- The words in `sms` are what is registered, with {1}, {2}, ... for its placeholders in the order of the text.

ALTER TABLE notification_kind
    ADD COLUMN sms_template_id text CHECK (sms_template_id ~ '^[0-9]{1,20}$');  -- null: not by a gateway
ALTER TABLE notification_kind
    ADD CONSTRAINT notification_kind_sms_template CHECK (sms IS NOT NULL OR sms_template_id IS NULL) NOT VALID;
ALTER TABLE notification_kind VALIDATE CONSTRAINT notification_kind_sms_template;

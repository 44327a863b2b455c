-- The certificates by which a channel signs (WeChat Pay's certificate mode), as a process that speaks to the channel has
-- fetched and opened them. They are public; processes that only take notifications read them here and fetch nothing.
CREATE TABLE channel_certificate (
    merchant_code  text        NOT NULL REFERENCES payment_merchant (code),
    serial         text        NOT NULL CHECK (serial ~ '^[0-9A-F]{1,64}$'),
    pem            text        NOT NULL CHECK (length(pem) <= 16384),
    expires_at     timestamptz NOT NULL,
    fetched_at     timestamptz NOT NULL,
    PRIMARY KEY (merchant_code, serial)
);

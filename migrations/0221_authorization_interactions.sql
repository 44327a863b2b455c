-- An authorization request while a person signs in and makes up their mind. It belongs to one browser, and ends once.

CREATE TABLE oauth_interaction (
    id           uuid        PRIMARY KEY,
    client_id    text        NOT NULL REFERENCES oauth_client (id),
    visit_hash   bytea       NOT NULL,
    parameters   jsonb       NOT NULL,
    status       text        NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'allowed', 'denied')),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    decided_at   timestamptz,
    CHECK ((status = 'open') = (decided_at IS NULL))
);
CREATE INDEX oauth_interaction_expiry ON oauth_interaction (expires_at);
CREATE INDEX oauth_interaction_client ON oauth_interaction (client_id);

-- Who signs in at an application: patients with their accounts, or the hospital's staff.
ALTER TABLE oauth_client ADD COLUMN subject_kind text NOT NULL DEFAULT 'account'
    CHECK (subject_kind IN ('account', 'staff')),
    ADD CONSTRAINT oauth_client_staff_are_ours CHECK (subject_kind = 'account' OR kind = 'internal');

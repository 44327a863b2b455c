-- Who makes applications for the open API: organisations, the people in them, and what each application is to be.

CREATE TABLE developer_organisation (
    id              uuid PRIMARY KEY,
    name            text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    contact         bytea       NOT NULL,                 -- a name and an e-mail address: sealed
    terms_version   text        NOT NULL CHECK (length(terms_version) BETWEEN 1 AND 20),
    terms_by        uuid        NOT NULL,                 -- the account that accepted them
    terms_at        timestamptz NOT NULL,
    created_at      timestamptz NOT NULL
);

-- An account belongs to one organisation at a time.
CREATE TABLE developer_member (
    id               uuid PRIMARY KEY,
    organisation_id  uuid        NOT NULL REFERENCES developer_organisation (id),
    account_id       uuid        NOT NULL,
    name             bytea       NOT NULL,                -- as their colleagues know them: sealed
    role             text        NOT NULL CHECK (role IN ('owner', 'member')),
    joined_at        timestamptz NOT NULL,
    ended_at         timestamptz
);
CREATE UNIQUE INDEX developer_member_account ON developer_member (account_id) WHERE ended_at IS NULL;
CREATE INDEX developer_member_organisation ON developer_member (organisation_id) WHERE ended_at IS NULL;

-- An invitation is for a telephone number, whether that has an account yet or not: asking tells nobody which have.
CREATE TABLE developer_invitation (
    id               uuid PRIMARY KEY,
    organisation_id  uuid        NOT NULL REFERENCES developer_organisation (id),
    phone_hash       bytea       NOT NULL,
    name             bytea       NOT NULL,                -- as above
    invited_by       uuid        NOT NULL,
    status           text        NOT NULL CHECK (status IN ('open', 'taken', 'declined', 'withdrawn')),
    created_at       timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL
);
CREATE UNIQUE INDEX developer_invitation_open ON developer_invitation (organisation_id, phone_hash)
    WHERE status = 'open';
CREATE INDEX developer_invitation_phone ON developer_invitation (phone_hash) WHERE status = 'open';

-- An application made at the portal belongs to an organisation, and says beforehand how its client is to be registered.
ALTER TABLE partner_application
    ADD COLUMN organisation_id uuid REFERENCES developer_organisation (id),
    ADD COLUMN registration    jsonb;                     -- type, way of proving itself, addresses, public keys
CREATE INDEX partner_application_organisation ON partner_application (organisation_id, id)
    WHERE organisation_id IS NOT NULL;

-- The ledger: double entry in fen, append-only, hash-chained by a sealer behind it.

CREATE TABLE ledger_account (
    code        text PRIMARY KEY CHECK (code ~ '^[a-z_]+(:[a-z0-9_-]+)?$'),
    kind        text NOT NULL CHECK (kind IN ('asset', 'liability', 'revenue')),
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE ledger_entry (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    business_key    text        NOT NULL UNIQUE CHECK (length(business_key) <= 100),   -- a fact posts once
    kind            text        NOT NULL,
    order_id        uuid,
    occurred_at     timestamptz NOT NULL,
    recorded_at     timestamptz NOT NULL,
    content_hash    bytea       NOT NULL CHECK (length(content_hash) = 32),
    transaction_id  xid8        NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX ledger_entry_order ON ledger_entry (order_id);
CREATE INDEX ledger_entry_recorded ON ledger_entry (recorded_at);
CREATE INDEX ledger_entry_transaction ON ledger_entry (transaction_id, id);

CREATE TABLE ledger_posting (
    entry_id    bigint   NOT NULL REFERENCES ledger_entry (id),
    position    smallint NOT NULL,
    account     text     NOT NULL REFERENCES ledger_account (code),
    amount_fen  bigint   NOT NULL CHECK (amount_fen <> 0),     -- a debit is positive, a credit negative
    PRIMARY KEY (entry_id, position)
);
CREATE INDEX ledger_posting_account ON ledger_posting (account, entry_id);

-- What an entry says, in one form that never changes: whoever knows it can compute the hash again.
CREATE FUNCTION ledger_content(business_key text, kind text, order_id uuid, occurred_at timestamptz,
                               accounts text[], amounts bigint[])
RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(convert_to(
        business_key || E'\n' || kind || E'\n' || coalesce(order_id::text, '') || E'\n'
        || (extract(epoch FROM occurred_at) * 1000000)::bigint
        || coalesce((SELECT string_agg(E'\n' || a || ' ' || f, '' ORDER BY n)
                     FROM unnest(accounts, amounts) WITH ORDINALITY AS p (a, f, n)), ''), 'UTF8'))
$$;

-- Post an entry; null when its business key was posted before.
CREATE FUNCTION post_ledger_entry(key text, what text, whose uuid, happened timestamptz, recorded timestamptz,
                                  accounts text[], amounts bigint[])
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    posted bigint;
BEGIN
    INSERT INTO ledger_entry (business_key, kind, order_id, occurred_at, recorded_at, content_hash)
    VALUES (key, what, whose, happened, recorded, ledger_content(key, what, whose, happened, accounts, amounts))
    ON CONFLICT (business_key) DO NOTHING RETURNING id INTO posted;
    IF posted IS NOT NULL THEN
        INSERT INTO ledger_posting (entry_id, position, account, amount_fen)
        SELECT posted, n, a, f FROM unnest(accounts, amounts) WITH ORDINALITY AS p (a, f, n);
    END IF;
    RETURN posted;
END $$;

CREATE FUNCTION require_balanced_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    entry bigint := (to_jsonb(NEW) ->> TG_ARGV[0])::bigint;
    lines bigint;
    total numeric;
BEGIN
    SELECT count(*), coalesce(sum(amount_fen), 0) INTO lines, total FROM ledger_posting WHERE entry_id = entry;
    IF lines < 2 OR total <> 0 THEN
        RAISE EXCEPTION 'ledger entry % does not balance: % postings, sum %', entry, lines, total
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_entry_balances AFTER INSERT ON ledger_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_balanced_entry('id');
CREATE CONSTRAINT TRIGGER ledger_posting_balances AFTER INSERT ON ledger_posting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_balanced_entry('entry_id');

-- The chain. A seal closes a batch; each link's hash covers the one before it and its entry's content.
CREATE TABLE ledger_seal (
    id              bigint PRIMARY KEY CHECK (id > 0),
    first_position  bigint      NOT NULL UNIQUE,
    last_position   bigint      NOT NULL UNIQUE,
    hash            bytea       NOT NULL CHECK (length(hash) = 32),
    up_to           xid8        NOT NULL,                  -- the last transaction that it covers, perhaps in part
    sealed_at       timestamptz NOT NULL,
    CHECK (last_position >= first_position)
);
CREATE TABLE ledger_link (
    position   bigint PRIMARY KEY CHECK (position > 0),
    entry_id   bigint NOT NULL UNIQUE REFERENCES ledger_entry (id),
    seal_id    bigint NOT NULL REFERENCES ledger_seal (id),
    hash       bytea  NOT NULL CHECK (length(hash) = 32)
);
CREATE INDEX ledger_link_seal ON ledger_link (seal_id);

CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();
CREATE TRIGGER ledger_posting_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_posting
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();
CREATE TRIGGER ledger_seal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_seal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();
CREATE TRIGGER ledger_link_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_link
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

INSERT INTO ledger_account (code, kind) VALUES
    ('orders_unsettled', 'liability'),      -- paid, and not yet taken by the HIS
    ('revenue:registration', 'revenue'),
    ('revenue:outpatient_bill', 'revenue'),
    ('revenue:discharge', 'revenue'),
    ('deposits', 'liability'),              -- of patients in hospital
    ('surplus', 'liability'),               -- paid a second time
    ('suspense', 'liability'),              -- came in a way that nobody asked for
    ('refunds_payable', 'liability'),       -- decided, and not yet gone
    ('offline_payouts', 'asset');           -- refunds that a person paid by other means

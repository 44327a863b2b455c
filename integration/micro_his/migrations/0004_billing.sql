-- Charges, settlement, approvals and a minimal inpatient account. Money is integer fen; totals are computed here.

-- What a doctor has ordered and what is paid together (处方、检验单、检查单、治疗单).
CREATE TABLE bill (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bill_no         text GENERATED ALWAYS AS ('B' || lpad(id::text, greatest(8, length(id::text)), '0')) STORED UNIQUE,
    mr              text        NOT NULL REFERENCES patient (mr),
    kind            text        NOT NULL CHECK (kind IN ('prescription', 'laboratory', 'examination', 'treatment')),
    department_code text        NOT NULL,
    ordered_by      text        NOT NULL,
    status          text        NOT NULL CHECK (status IN ('unpaid', 'paid', 'cancelled', 'reversed')),
    version         integer     NOT NULL CHECK (version > 0),
    request_id      text UNIQUE,                            -- the doctor's program's own: a repeated request orders once
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
);
CREATE INDEX bill_of_patient ON bill (mr, id);

CREATE TABLE admission (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    admission_no      text GENERATED ALWAYS AS ('Z' || lpad(id::text, greatest(8, length(id::text)), '0')) STORED UNIQUE,
    mr                text        NOT NULL REFERENCES patient (mr),
    department_code   text        NOT NULL,
    ward              text        NOT NULL,
    bed               text        NOT NULL,
    insurance_percent smallint    NOT NULL CHECK (insurance_percent BETWEEN 0 AND 100),
    status            text        NOT NULL CHECK (status IN ('admitted', 'discharged', 'settled')),
    version           integer     NOT NULL CHECK (version > 0),
    request_id        text UNIQUE,
    admitted_at       timestamptz NOT NULL,
    discharged_at     timestamptz,
    CHECK ((status = 'admitted') = (discharged_at IS NULL))
);
CREATE UNIQUE INDEX admission_one_at_a_time ON admission (mr) WHERE status = 'admitted';
CREATE INDEX admission_of_patient ON admission (mr, id);

-- Every movement of money that we know of, ours and the platform's: one row each, never changed.
CREATE TABLE receipt (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    receipt_no     text GENERATED ALWAYS AS ('R' || lpad(id::text, greatest(8, length(id::text)), '0')) STORED UNIQUE,
    kind           text        NOT NULL CHECK (kind IN
                       ('registration', 'outpatient', 'deposit', 'discharge', 'reversal', 'deposit_return')),
    source         text        NOT NULL CHECK (source IN ('platform', 'window')),
    number         text UNIQUE,                             -- the platform's settlement, deposit or refund number
    request        jsonb       NOT NULL,                    -- what was asked under it, to know a repeat
    reverses       bigint REFERENCES receipt (id),
    mr             text        NOT NULL REFERENCES patient (mr),
    appointment_id bigint REFERENCES appointment (id),
    admission_id   bigint REFERENCES admission (id),
    channel        text        NOT NULL,
    transaction_no text        NOT NULL,
    cash_fen       bigint      NOT NULL,
    insurance_fen  bigint      NOT NULL,
    total_fen      bigint      NOT NULL,
    made_by        text        NOT NULL,
    business_day   date        NOT NULL,                    -- Asia/Shanghai
    made_at        timestamptz NOT NULL,
    CHECK (total_fen = cash_fen + insurance_fen),
    CHECK ((reverses IS NOT NULL) = (kind IN ('reversal', 'deposit_return'))),
    CHECK (CASE WHEN reverses IS NULL THEN cash_fen >= 0 AND insurance_fen >= 0
                ELSE cash_fen <= 0 AND insurance_fen <= 0 END),
    CHECK (total_fen <> 0 OR kind = 'discharge'),
    CHECK ((kind = 'registration') = (appointment_id IS NOT NULL) OR reverses IS NOT NULL),
    CHECK ((kind IN ('deposit', 'discharge')) = (admission_id IS NOT NULL) OR reverses IS NOT NULL),
    CHECK (source = 'window' OR number IS NOT NULL)
);
CREATE INDEX receipt_day ON receipt (business_day, id);
CREATE INDEX receipt_reversals ON receipt (reverses) WHERE reverses IS NOT NULL;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER receipt_stays BEFORE UPDATE OR DELETE ON receipt FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER receipt_is_kept BEFORE TRUNCATE ON receipt FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE bill_item (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    item_no              text GENERATED ALWAYS AS ('I' || lpad(id::text, greatest(8, length(id::text)), '0')) STORED UNIQUE,
    bill_id              bigint   NOT NULL REFERENCES bill (id),
    code                 text     NOT NULL,
    name                 text     NOT NULL,
    specification        text     NOT NULL,
    unit                 text     NOT NULL,
    quantity             integer  NOT NULL CHECK (quantity > 0),
    unit_price_fen       bigint   NOT NULL CHECK (unit_price_fen > 0),
    insurance_percent    smallint NOT NULL CHECK (insurance_percent BETWEEN 0 AND 100),
    amount_fen           bigint GENERATED ALWAYS AS (unit_price_fen * quantity) STORED,
    insurance_fen        bigint GENERATED ALWAYS AS (unit_price_fen * quantity * insurance_percent / 100) STORED,
    executing_department text     NOT NULL,
    status               text     NOT NULL CHECK (status IN ('unpaid', 'paid', 'done', 'cancelled', 'reversed')),
    paid_by              bigint REFERENCES receipt (id),
    reversed_by          bigint REFERENCES receipt (id),
    done_by              text     NOT NULL DEFAULT '',
    done_at              timestamptz,
    CHECK ((status IN ('paid', 'done', 'reversed')) = (paid_by IS NOT NULL)),
    CHECK ((status = 'reversed') = (reversed_by IS NOT NULL)),
    CHECK ((status = 'done') = (done_at IS NOT NULL))
);
CREATE INDEX bill_item_of_bill ON bill_item (bill_id, id);
CREATE INDEX bill_item_paid_by ON bill_item (paid_by) WHERE paid_by IS NOT NULL;
CREATE INDEX bill_item_reversed_by ON bill_item (reversed_by) WHERE reversed_by IS NOT NULL;

-- A receipt is the sum of its items, whatever a program has counted.
CREATE FUNCTION require_sum_of_items() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    items bigint;
BEGIN
    IF NEW.kind = 'outpatient' THEN
        SELECT coalesce(sum(amount_fen), 0) INTO items FROM bill_item WHERE paid_by = NEW.id;
    ELSIF NEW.kind = 'reversal' AND EXISTS (SELECT FROM receipt WHERE id = NEW.reverses AND kind = 'outpatient') THEN
        SELECT -coalesce(sum(amount_fen), 0) INTO items FROM bill_item WHERE reversed_by = NEW.id;
    ELSE
        RETURN NULL;
    END IF;
    IF items <> NEW.total_fen THEN
        RAISE EXCEPTION 'receipt % says %, its items say %', NEW.receipt_no, NEW.total_fen, items;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER receipt_is_its_items AFTER INSERT ON receipt
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_sum_of_items();

-- The fee of a number: paid once at a time.
CREATE TABLE registration_charge (
    receipt_id     bigint PRIMARY KEY REFERENCES receipt (id),
    appointment_id bigint NOT NULL REFERENCES appointment (id),
    reversed_by    bigint UNIQUE REFERENCES receipt (id)
);
CREATE UNIQUE INDEX registration_charge_once ON registration_charge (appointment_id) WHERE reversed_by IS NULL;

-- Whether items of a settlement may be refunded: asked by the platform, answered by those who would have carried them out.
CREATE TABLE refund_request (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    approval_no text GENERATED ALWAYS AS ('A' || lpad(id::text, greatest(8, length(id::text)), '0')) STORED UNIQUE,
    refund_no   text        NOT NULL UNIQUE,
    receipt_id  bigint      NOT NULL REFERENCES receipt (id),
    status      text        NOT NULL CHECK (status IN ('pending', 'approved', 'refused', 'used')),
    reason      text        NOT NULL DEFAULT '',
    decided_by  text        NOT NULL DEFAULT '',
    version     integer     NOT NULL CHECK (version > 0),
    created_at  timestamptz NOT NULL,
    decided_at  timestamptz,
    CHECK ((status = 'pending') = (decided_at IS NULL)),
    CHECK (status <> 'refused' OR reason <> '')
);
CREATE INDEX refund_request_pending ON refund_request (id) WHERE status = 'pending';
CREATE TABLE refund_request_item (
    request_id bigint  NOT NULL REFERENCES refund_request (id),
    item_id    bigint  NOT NULL REFERENCES bill_item (id),
    is_active  boolean NOT NULL,                            -- while it is, the item is not carried out
    PRIMARY KEY (request_id, item_id)
);
CREATE UNIQUE INDEX refund_request_item_once ON refund_request_item (item_id) WHERE is_active;

CREATE TABLE inpatient_charge (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    admission_id      bigint      NOT NULL REFERENCES admission (id),
    charge_day        date        NOT NULL,                 -- Asia/Shanghai
    code              text        NOT NULL,
    name              text        NOT NULL,
    specification     text        NOT NULL,
    unit              text        NOT NULL,
    quantity          integer     NOT NULL CHECK (quantity > 0),
    unit_price_fen    bigint      NOT NULL CHECK (unit_price_fen > 0),
    insurance_percent smallint    NOT NULL CHECK (insurance_percent BETWEEN 0 AND 100),
    amount_fen        bigint GENERATED ALWAYS AS (unit_price_fen * quantity) STORED,
    insurance_fen     bigint GENERATED ALWAYS AS (unit_price_fen * quantity * insurance_percent / 100) STORED,
    department_code   text        NOT NULL,
    request_id        text        NOT NULL,                 -- a repeated run, or a repeated request, charges once
    charged_at        timestamptz NOT NULL,
    UNIQUE (admission_id, request_id, code)
);
CREATE INDEX inpatient_charge_day ON inpatient_charge (admission_id, charge_day, id);

CREATE TABLE deposit (
    receipt_id   bigint PRIMARY KEY REFERENCES receipt (id),
    admission_id bigint NOT NULL REFERENCES admission (id),
    amount_fen   bigint NOT NULL CHECK (amount_fen > 0),
    returned_fen bigint NOT NULL DEFAULT 0 CHECK (returned_fen BETWEEN 0 AND amount_fen)
);
CREATE INDEX deposit_of_admission ON deposit (admission_id, receipt_id);

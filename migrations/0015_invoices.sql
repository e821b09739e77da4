-- The ledger between the host and its partners: invoices and credit memos with their lines, payments, and what settled what.
-- What a partner owes is positive: an invoice's total is, a credit memo's is not. A payment's amount is positive, and lowers what is owed.

-- +goose Up
CREATE TABLE invoices (
  partner_id   bigint NOT NULL REFERENCES partners,
  number       text NOT NULL,
  kind         text NOT NULL CONSTRAINT invoices_have_a_known_kind CHECK (kind IN ('invoice', 'credit_memo')),
  site         text,
  order_number text,
  shipment     text,
  po_number    text,
  currency     text NOT NULL,
  invoiced_on  date NOT NULL,
  due_on       date NOT NULL,
  net          numeric NOT NULL,
  tax          numeric NOT NULL,
  total        numeric NOT NULL,
  open         numeric NOT NULL,
  credits      text,
  claim        text,
  comment      text,
  changed_at   timestamptz NOT NULL,
  -- Under row security an index is entered only through leakproof operators; those of numeric are not.
  is_open       boolean NOT NULL GENERATED ALWAYS AS (open <> 0) STORED,
  number_search text GENERATED ALWAYS AS (upper(number)) STORED,
  po_search     text GENERATED ALWAYS AS (upper(po_number)) STORED,
  PRIMARY KEY (partner_id, number)
);
CREATE INDEX invoices_by_key ON invoices (number);
CREATE INDEX invoices_by_day ON invoices (partner_id, invoiced_on DESC, number DESC);
CREATE INDEX invoices_by_due_day ON invoices (partner_id, due_on, number);
CREATE INDEX invoices_by_kind ON invoices (partner_id, kind, invoiced_on DESC, number DESC);
CREATE INDEX invoices_by_site ON invoices (partner_id, site, invoiced_on DESC, number DESC);
CREATE INDEX invoices_open_by_day ON invoices (partner_id, is_open, invoiced_on DESC, number DESC);
CREATE INDEX invoices_open_by_due_day ON invoices (partner_id, is_open, due_on, number);
CREATE INDEX invoices_by_order ON invoices (partner_id, order_number) WHERE order_number IS NOT NULL;
CREATE INDEX invoices_by_claim ON invoices (partner_id, claim) WHERE claim IS NOT NULL;
CREATE INDEX invoices_by_number_prefix ON invoices (partner_id, number_search text_pattern_ops);
CREATE INDEX invoices_by_po_prefix ON invoices (partner_id, po_search text_pattern_ops);
ALTER TABLE invoices ENABLE ROW LEVEL SECURITY;
ALTER TABLE invoices FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON invoices TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON invoices FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON invoices TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON invoices TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON invoices TO extranet_worker;

CREATE TABLE invoice_lines (
  partner_id   bigint NOT NULL REFERENCES partners,
  invoice      text NOT NULL,
  line         bigint NOT NULL,
  order_number text,
  order_line   bigint,
  product      text,
  description  text NOT NULL,
  unit         text,
  quantity     numeric NOT NULL,
  price        numeric NOT NULL,
  net          numeric NOT NULL,
  tax          numeric NOT NULL,
  changed_at   timestamptz NOT NULL,
  PRIMARY KEY (partner_id, invoice, line)
);
CREATE INDEX invoice_lines_by_key ON invoice_lines (invoice, line);
ALTER TABLE invoice_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE invoice_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON invoice_lines TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON invoice_lines FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON invoice_lines TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON invoice_lines TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON invoice_lines TO extranet_worker;

CREATE TABLE payments (
  partner_id bigint NOT NULL REFERENCES partners,
  payment    text NOT NULL,
  site       text,
  paid_on    date NOT NULL,
  method     text,
  reference  text,
  currency   text NOT NULL,
  amount     numeric NOT NULL,
  open       numeric NOT NULL,
  changed_at timestamptz NOT NULL,
  is_open    boolean NOT NULL GENERATED ALWAYS AS (open <> 0) STORED,
  PRIMARY KEY (partner_id, payment)
);
CREATE INDEX payments_by_key ON payments (payment);
CREATE INDEX payments_by_day ON payments (partner_id, paid_on DESC, payment DESC);
CREATE INDEX payments_open ON payments (partner_id, is_open, paid_on, payment);
ALTER TABLE payments ENABLE ROW LEVEL SECURITY;
ALTER TABLE payments FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON payments TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON payments FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON payments TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON payments TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON payments TO extranet_worker;

-- A part of a payment, or of a credit memo, that settled a part of an invoice.
CREATE TABLE settlements (
  partner_id  bigint NOT NULL REFERENCES partners,
  settlement  text NOT NULL,
  payment     text,
  credit_memo text,
  invoice     text NOT NULL,
  amount      numeric NOT NULL,
  settled_on  date NOT NULL,
  changed_at  timestamptz NOT NULL,
  PRIMARY KEY (partner_id, settlement)
);
CREATE INDEX settlements_by_key ON settlements (settlement);
CREATE INDEX settlements_by_invoice ON settlements (partner_id, invoice);
CREATE INDEX settlements_by_payment ON settlements (partner_id, payment) WHERE payment IS NOT NULL;
CREATE INDEX settlements_by_credit_memo ON settlements (partner_id, credit_memo) WHERE credit_memo IS NOT NULL;
ALTER TABLE settlements ENABLE ROW LEVEL SECURITY;
ALTER TABLE settlements FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON settlements TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON settlements FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON settlements TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON settlements TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON settlements TO extranet_worker;

-- +goose Down
DROP TABLE settlements, payments, invoice_lines, invoices;

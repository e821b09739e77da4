-- Suppliers' invoices as the core has them, their lines, and what was paid for them.

-- +goose Up
CREATE TABLE supplier_invoices (
  partner_id   bigint NOT NULL REFERENCES partners,
  invoice      text NOT NULL,
  number       text NOT NULL,
  site         text,
  order_number text,
  status       text NOT NULL CONSTRAINT supplier_invoices_have_a_known_status CHECK (status IN ('received', 'blocked', 'approved', 'paid', 'refused')),
  why          text,
  currency     text NOT NULL,
  invoiced_on  date NOT NULL,
  due_on       date,
  net          numeric NOT NULL,
  tax          numeric NOT NULL,
  total        numeric NOT NULL,
  open         numeric NOT NULL,
  changed_at   timestamptz NOT NULL,
  number_search text GENERATED ALWAYS AS (upper(number)) STORED,
  PRIMARY KEY (partner_id, invoice)
);
CREATE INDEX supplier_invoices_by_key ON supplier_invoices (invoice);
CREATE INDEX supplier_invoices_by_number ON supplier_invoices (partner_id, number_search);
CREATE INDEX supplier_invoices_by_number_prefix ON supplier_invoices (partner_id, number_search text_pattern_ops);
CREATE INDEX supplier_invoices_by_day ON supplier_invoices (partner_id, invoiced_on DESC, invoice DESC);
CREATE INDEX supplier_invoices_by_status ON supplier_invoices (partner_id, status, invoiced_on DESC, invoice DESC);
CREATE INDEX supplier_invoices_by_order ON supplier_invoices (partner_id, order_number);
ALTER TABLE supplier_invoices ENABLE ROW LEVEL SECURITY;
ALTER TABLE supplier_invoices FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON supplier_invoices TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON supplier_invoices FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON supplier_invoices TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON supplier_invoices TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON supplier_invoices TO extranet_worker;

CREATE TABLE supplier_invoice_lines (
  partner_id   bigint NOT NULL REFERENCES partners,
  invoice      text NOT NULL,
  line         bigint NOT NULL,
  order_number text,
  order_line   bigint,
  product      text,
  quantity     numeric NOT NULL,
  price        numeric NOT NULL,
  net          numeric NOT NULL,
  changed_at   timestamptz NOT NULL,
  PRIMARY KEY (partner_id, invoice, line)
);
CREATE INDEX supplier_invoice_lines_by_key ON supplier_invoice_lines (invoice, line);
CREATE INDEX supplier_invoice_lines_by_order ON supplier_invoice_lines (partner_id, order_number, order_line);
ALTER TABLE supplier_invoice_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE supplier_invoice_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON supplier_invoice_lines TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON supplier_invoice_lines FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON supplier_invoice_lines TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON supplier_invoice_lines TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON supplier_invoice_lines TO extranet_worker;

CREATE TABLE supplier_payments (
  partner_id   bigint NOT NULL REFERENCES partners,
  payment      text NOT NULL,
  paid_on      date NOT NULL,
  currency     text NOT NULL,
  amount       numeric NOT NULL,
  method       text,
  reference    text,
  changed_at   timestamptz NOT NULL,
  PRIMARY KEY (partner_id, payment)
);
CREATE INDEX supplier_payments_by_key ON supplier_payments (payment);
CREATE INDEX supplier_payments_by_day ON supplier_payments (partner_id, paid_on DESC, payment DESC);
ALTER TABLE supplier_payments ENABLE ROW LEVEL SECURITY;
ALTER TABLE supplier_payments FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON supplier_payments TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON supplier_payments FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON supplier_payments TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON supplier_payments TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON supplier_payments TO extranet_worker;

-- What each payment was for: amount + discount settles so much of the invoice.
CREATE TABLE remittance_lines (
  partner_id   bigint NOT NULL REFERENCES partners,
  payment      text NOT NULL,
  invoice      text NOT NULL,
  amount       numeric NOT NULL,
  discount     numeric,
  changed_at   timestamptz NOT NULL,
  PRIMARY KEY (partner_id, payment, invoice)
);
CREATE INDEX remittance_lines_by_key ON remittance_lines (payment, invoice);
CREATE INDEX remittance_lines_by_invoice ON remittance_lines (partner_id, invoice);
ALTER TABLE remittance_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE remittance_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON remittance_lines TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON remittance_lines FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON remittance_lines TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON remittance_lines TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON remittance_lines TO extranet_worker;

-- +goose Down
DROP TABLE remittance_lines, supplier_payments, supplier_invoice_lines, supplier_invoices;

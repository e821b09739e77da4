-- The invoices that suppliers send through the portal.

-- +goose Up
CREATE TABLE bills (
  partner_id  bigint NOT NULL REFERENCES partners,
  number_key  text NOT NULL,
  number      text NOT NULL,
  site        text,
  currency    text NOT NULL,
  invoiced_on date NOT NULL,
  net         numeric NOT NULL,
  tax         numeric NOT NULL,
  total       numeric NOT NULL,
  note        text NOT NULL,
  state       text NOT NULL DEFAULT 'sent' CONSTRAINT bills_have_a_known_state CHECK (state IN ('sent', 'taken', 'refused')),
  why         text,
  command_id  uuid NOT NULL,
  at          timestamptz NOT NULL,
  by_whom     text NOT NULL,
  CONSTRAINT bills_once_per_number PRIMARY KEY (partner_id, number_key),
  CONSTRAINT bills_add_up CHECK (total = net + tax)
);
CREATE INDEX bills_by_time ON bills (partner_id, at DESC);
ALTER TABLE bills ENABLE ROW LEVEL SECURITY;
ALTER TABLE bills FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON bills TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON bills FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON bills TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON bills TO extranet_partner;
GRANT SELECT ON bills TO extranet_host;
GRANT SELECT, UPDATE ON bills TO extranet_worker;

CREATE TABLE bill_lines (
  partner_id   bigint NOT NULL REFERENCES partners,
  number_key   text NOT NULL,
  line         integer NOT NULL,
  order_number text NOT NULL,
  order_line   bigint NOT NULL,
  product      text NOT NULL,
  description  text NOT NULL,
  unit         text NOT NULL,
  quantity     numeric NOT NULL CONSTRAINT bill_lines_are_of_something CHECK (quantity > 0),
  price        numeric NOT NULL CONSTRAINT bill_lines_cost_nothing_negative CHECK (price >= 0),
  net          numeric NOT NULL,
  tax_rate     numeric NOT NULL,
  PRIMARY KEY (partner_id, number_key, line)
);
CREATE INDEX bill_lines_by_order ON bill_lines (partner_id, order_number, order_line);
ALTER TABLE bill_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE bill_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON bill_lines TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON bill_lines FOR SELECT TO extranet_host USING (true);
GRANT SELECT, INSERT ON bill_lines TO extranet_partner;
GRANT SELECT ON bill_lines TO extranet_host;

-- +goose Down
DROP TABLE bill_lines, bills;

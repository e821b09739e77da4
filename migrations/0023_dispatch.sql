-- What suppliers announced to have sent: shipment notices with their packages, and the numbers that packages may bear.

-- +goose Up
-- Serials of packages are given out in order, never twice, within the supplier's own GS1 company prefix.
CREATE TABLE sscc_ranges (
  partner_id bigint NOT NULL REFERENCES partners,
  prefix     text NOT NULL CONSTRAINT sscc_ranges_have_a_company_prefix CHECK (prefix ~ '^[0-9]{7,12}$'),
  next       bigint NOT NULL,
  PRIMARY KEY (partner_id, prefix)
);
ALTER TABLE sscc_ranges ENABLE ROW LEVEL SECURITY;
ALTER TABLE sscc_ranges FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON sscc_ranges TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
GRANT SELECT, INSERT, UPDATE ON sscc_ranges TO extranet_partner;

CREATE TABLE dispatches (
  partner_id  bigint NOT NULL REFERENCES partners,
  number      text NOT NULL,
  site        text,
  carrier     text NOT NULL,
  tracking    text NOT NULL,
  ships_on    date NOT NULL,
  arrives_on  date NOT NULL,
  note        text NOT NULL,
  warnings    text NOT NULL,
  state       text NOT NULL DEFAULT 'sent' CONSTRAINT dispatches_have_a_known_state CHECK (state IN ('sent', 'taken', 'refused')),
  why         text,
  command_id  uuid NOT NULL,
  at          timestamptz NOT NULL,
  by_whom     text NOT NULL,
  CONSTRAINT dispatches_once_per_number PRIMARY KEY (partner_id, number)
);
CREATE INDEX dispatches_by_day ON dispatches (partner_id, ships_on DESC, number DESC);
ALTER TABLE dispatches ENABLE ROW LEVEL SECURITY;
ALTER TABLE dispatches FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON dispatches TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON dispatches FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON dispatches TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON dispatches TO extranet_partner;
GRANT SELECT ON dispatches TO extranet_host;
GRANT SELECT, UPDATE ON dispatches TO extranet_worker;

CREATE TABLE dispatch_packages (
  partner_id bigint NOT NULL REFERENCES partners,
  number     text NOT NULL,
  package    integer NOT NULL,
  sscc       text NOT NULL CONSTRAINT dispatch_packages_have_an_sscc CHECK (sscc ~ '^[0-9]{18}$'),
  weight_kg  numeric,
  PRIMARY KEY (partner_id, number, package),
  CONSTRAINT dispatch_packages_once_per_sscc UNIQUE (partner_id, sscc)
);
ALTER TABLE dispatch_packages ENABLE ROW LEVEL SECURITY;
ALTER TABLE dispatch_packages FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON dispatch_packages TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON dispatch_packages FOR SELECT TO extranet_host USING (true);
GRANT SELECT, INSERT ON dispatch_packages TO extranet_partner;
GRANT SELECT ON dispatch_packages TO extranet_host;

CREATE TABLE dispatch_lines (
  partner_id   bigint NOT NULL REFERENCES partners,
  number       text NOT NULL,
  line         integer NOT NULL,
  package      integer NOT NULL,
  order_number text NOT NULL,
  order_line   bigint NOT NULL,
  product      text NOT NULL,
  description  text NOT NULL,
  unit         text NOT NULL,
  quantity     numeric NOT NULL CONSTRAINT dispatch_lines_are_of_something CHECK (quantity > 0),
  lot          text NOT NULL,
  serials      text NOT NULL,
  PRIMARY KEY (partner_id, number, line)
);
CREATE INDEX dispatch_lines_by_order ON dispatch_lines (partner_id, order_number, order_line);
ALTER TABLE dispatch_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE dispatch_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON dispatch_lines TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON dispatch_lines FOR SELECT TO extranet_host USING (true);
GRANT SELECT, INSERT ON dispatch_lines TO extranet_partner;
GRANT SELECT ON dispatch_lines TO extranet_host;

-- +goose Down
DROP TABLE dispatch_lines, dispatch_packages, dispatches, sscc_ranges;

-- Shipments to partners, what is in them, and the packages they travel in.

-- +goose Up
CREATE TABLE shipments (
  partner_id   bigint NOT NULL REFERENCES partners,
  shipment     text NOT NULL,
  site         text,
  carrier      text,
  service      text,
  tracking     text,
  shipped_on   date NOT NULL,
  delivered_at timestamptz,
  received_by  text,
  changed_at   timestamptz NOT NULL,
  PRIMARY KEY (partner_id, shipment)
);
CREATE INDEX shipments_by_key ON shipments (shipment);
ALTER TABLE shipments ENABLE ROW LEVEL SECURITY;
ALTER TABLE shipments FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON shipments TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON shipments FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON shipments TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON shipments TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON shipments TO extranet_worker;

CREATE TABLE shipment_lines (
  partner_id   bigint NOT NULL REFERENCES partners,
  shipment     text NOT NULL,
  line         bigint NOT NULL,
  order_number text NOT NULL,
  order_line   bigint,
  product      text,
  quantity     numeric NOT NULL,
  changed_at   timestamptz NOT NULL,
  PRIMARY KEY (partner_id, shipment, line)
);
CREATE INDEX shipment_lines_by_key ON shipment_lines (shipment, line);
CREATE INDEX shipment_lines_by_order ON shipment_lines (partner_id, order_number);
ALTER TABLE shipment_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE shipment_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON shipment_lines TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON shipment_lines FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON shipment_lines TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON shipment_lines TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON shipment_lines TO extranet_worker;

CREATE TABLE packages (
  partner_id bigint NOT NULL REFERENCES partners,
  shipment   text NOT NULL,
  package    text NOT NULL,
  carrier    text,
  tracking   text,
  weight_kg  numeric,
  sscc       text,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (partner_id, shipment, package)
);
CREATE INDEX packages_by_key ON packages (shipment, package);
ALTER TABLE packages ENABLE ROW LEVEL SECURITY;
ALTER TABLE packages FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON packages TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON packages FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON packages TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON packages TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON packages TO extranet_worker;

-- +goose Down
DROP TABLE packages, shipment_lines, shipments;

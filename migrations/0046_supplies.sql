-- What suppliers report: what they have of what the host buys, and how much they can make of it.

-- +goose Up
-- state says what the core made of a report.
CREATE TABLE supply_reports (
  partner_id bigint NOT NULL REFERENCES partners,
  report     bigint NOT NULL,
  how        text NOT NULL CONSTRAINT supply_reports_came_some_way CHECK (how IN ('form', 'file', 'api')),
  stocks     integer NOT NULL,
  capacities integer NOT NULL,
  refused    integer NOT NULL,
  state      text NOT NULL DEFAULT 'sent' CONSTRAINT supply_reports_have_a_known_state CHECK (state IN ('sent', 'taken', 'refused')),
  why        text,
  command_id uuid NOT NULL,
  at         timestamptz NOT NULL,
  by_whom    text NOT NULL,
  PRIMARY KEY (partner_id, report)
);
ALTER TABLE supply_reports ENABLE ROW LEVEL SECURITY;
ALTER TABLE supply_reports FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON supply_reports TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON supply_reports FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON supply_reports TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON supply_reports TO extranet_partner;
GRANT SELECT ON supply_reports TO extranet_host;
GRANT SELECT, UPDATE ON supply_reports TO extranet_worker;

-- The newest count of each product at each of the supplier's sites; site is '' where it has none.
CREATE TABLE supply_stocks (
  partner_id bigint NOT NULL REFERENCES partners,
  product    text NOT NULL,
  site       text NOT NULL,
  on_hand    numeric NOT NULL CONSTRAINT supply_stocks_are_not_negative CHECK (on_hand >= 0),
  in_process numeric NOT NULL CHECK (in_process >= 0),
  counted_on date NOT NULL,
  report     bigint NOT NULL,
  at         timestamptz NOT NULL,
  by_whom    text NOT NULL,
  product_search text GENERATED ALWAYS AS (upper(product)) STORED,
  PRIMARY KEY (partner_id, product, site)
);
CREATE INDEX supply_stocks_by_prefix ON supply_stocks (partner_id, product_search text_pattern_ops);
CREATE INDEX supply_stocks_across ON supply_stocks (product, partner_id, site);
ALTER TABLE supply_stocks ENABLE ROW LEVEL SECURITY;
ALTER TABLE supply_stocks FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON supply_stocks TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON supply_stocks FOR SELECT TO extranet_host, extranet_worker USING (true);
GRANT SELECT, INSERT, UPDATE ON supply_stocks TO extranet_partner;
GRANT SELECT ON supply_stocks TO extranet_host, extranet_worker;

-- How much of a product a site can make in a week, named by its Monday.
CREATE TABLE supply_capacities (
  partner_id bigint NOT NULL REFERENCES partners,
  product    text NOT NULL,
  site       text NOT NULL,
  week_of    date NOT NULL,
  quantity   numeric NOT NULL CONSTRAINT supply_capacities_are_not_negative CHECK (quantity >= 0),
  report     bigint NOT NULL,
  at         timestamptz NOT NULL,
  by_whom    text NOT NULL,
  product_search text GENERATED ALWAYS AS (upper(product)) STORED,
  PRIMARY KEY (partner_id, product, site, week_of)
);
CREATE INDEX supply_capacities_by_prefix ON supply_capacities (partner_id, product_search text_pattern_ops);
CREATE INDEX supply_capacities_across ON supply_capacities (product, partner_id, site, week_of);
ALTER TABLE supply_capacities ENABLE ROW LEVEL SECURITY;
ALTER TABLE supply_capacities FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON supply_capacities TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON supply_capacities FOR SELECT TO extranet_host, extranet_worker USING (true);
GRANT SELECT, INSERT, UPDATE ON supply_capacities TO extranet_partner;
GRANT SELECT ON supply_capacities TO extranet_host, extranet_worker;

-- Which products a supplier is asked for.
CREATE INDEX purchase_order_lines_by_product ON purchase_order_lines (partner_id, product);

-- +goose Down
DROP INDEX purchase_order_lines_by_product;
DROP TABLE supply_capacities, supply_stocks, supply_reports;

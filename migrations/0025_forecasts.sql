-- What the host expects to need of its suppliers, what it needed, and what it has of theirs.

-- +goose Up
-- One row is one product at one location in one published version; starts_on and quantity are lists over its buckets, of one length, by day.
-- A bucket begins on its day, and lasts a day, a week or a month, or until the next begins. Quantities are in unit; price is of one, in currency.
CREATE TABLE forecasts (
  partner_id   bigint NOT NULL REFERENCES partners,
  version      text NOT NULL,
  product      text NOT NULL,
  location     text NOT NULL,
  supplier     text NOT NULL,
  published_at timestamptz NOT NULL,
  plan_run     text,
  site         text,
  kind         text NOT NULL CONSTRAINT forecasts_are_by_day_week_or_month CHECK (kind IN ('day', 'week', 'month')),
  unit         text,
  price        numeric,
  currency     text,
  starts_on    date[] NOT NULL,
  quantity     numeric[] NOT NULL,
  changed_at   timestamptz NOT NULL,
  PRIMARY KEY (partner_id, version, product, location, supplier),
  CONSTRAINT forecasts_have_a_quantity_for_each_bucket CHECK (cardinality(starts_on) = cardinality(quantity))
);
CREATE INDEX forecasts_by_key ON forecasts (version, product, location, supplier);
CREATE INDEX forecasts_by_publication ON forecasts (partner_id, published_at DESC, version DESC);
CREATE INDEX forecasts_by_product ON forecasts (partner_id, product, location, published_at DESC);
ALTER TABLE forecasts ENABLE ROW LEVEL SECURITY;
ALTER TABLE forecasts FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON forecasts TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON forecasts FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON forecasts TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON forecasts TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON forecasts TO extranet_worker;

-- What was called off or used in each bucket that is over, and what arrived in it.
CREATE TABLE demand_history (
  partner_id bigint NOT NULL REFERENCES partners,
  product    text NOT NULL,
  location   text NOT NULL,
  kind       text NOT NULL CONSTRAINT demand_history_is_by_day_week_or_month CHECK (kind IN ('day', 'week', 'month')),
  supplier   text NOT NULL,
  starts_on  date[] NOT NULL,
  quantity   numeric[] NOT NULL,
  received   numeric[] NOT NULL,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (partner_id, product, location, kind, supplier)
);
CREATE INDEX demand_history_by_key ON demand_history (product, location, kind, supplier);
ALTER TABLE demand_history ENABLE ROW LEVEL SECURITY;
ALTER TABLE demand_history FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON demand_history TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON demand_history FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON demand_history TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON demand_history TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON demand_history TO extranet_worker;

-- What the host has of a supplier's product at a location, and what is on its way there.
CREATE TABLE supplier_inventory (
  partner_id bigint NOT NULL REFERENCES partners,
  product    text NOT NULL,
  location   text NOT NULL,
  supplier   text NOT NULL,
  on_hand    numeric NOT NULL,
  in_transit numeric NOT NULL,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (partner_id, product, location, supplier)
);
CREATE INDEX supplier_inventory_by_key ON supplier_inventory (product, location, supplier);
ALTER TABLE supplier_inventory ENABLE ROW LEVEL SECURITY;
ALTER TABLE supplier_inventory FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON supplier_inventory TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON supplier_inventory FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON supplier_inventory TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON supplier_inventory TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON supplier_inventory TO extranet_worker;

-- +goose Down
DROP TABLE supplier_inventory, demand_history, forecasts;

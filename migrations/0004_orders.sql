-- Orders and their lines, as the core has them. Days are days; amounts are in the order's currency.

-- +goose Up
CREATE TABLE orders (
  partner_id   bigint NOT NULL REFERENCES partners,
  number       text NOT NULL,
  site         text,
  po_number    text,
  contact      text,
  status       text NOT NULL CONSTRAINT orders_have_a_known_status CHECK (status IN ('open', 'held', 'picking', 'part_shipped', 'shipped', 'delivered', 'cancelled')),
  currency     text NOT NULL,
  ordered_on   date NOT NULL,
  requested_on date,
  promised_on  date,
  net          numeric NOT NULL,
  tax          numeric NOT NULL,
  total        numeric NOT NULL,
  continued_by text,
  comment      text,
  changed_at   timestamptz NOT NULL,
  -- What lists search and sort by. Under row security an index is entered only through operators
  -- that are leakproof: those of text, day and float are, those of numeric are not, and upper() is not.
  number_search text GENERATED ALWAYS AS (upper(number)) STORED,
  po_search     text GENERATED ALWAYS AS (upper(po_number)) STORED,
  promise_sort  date NOT NULL GENERATED ALWAYS AS (coalesce(promised_on, '9999-12-31')) STORED,
  total_sort    double precision NOT NULL GENERATED ALWAYS AS (total::double precision) STORED,
  PRIMARY KEY (partner_id, number)
);
CREATE INDEX orders_by_key ON orders (number);
CREATE INDEX orders_by_day ON orders (partner_id, ordered_on DESC, number DESC);
CREATE INDEX orders_by_status ON orders (partner_id, status, ordered_on DESC, number DESC);
CREATE INDEX orders_by_site ON orders (partner_id, site, ordered_on DESC, number DESC);
CREATE INDEX orders_by_promise ON orders (partner_id, promise_sort DESC, number DESC);
CREATE INDEX orders_by_total ON orders (partner_id, total_sort DESC, number DESC);
CREATE INDEX orders_by_number_prefix ON orders (partner_id, number_search text_pattern_ops);
CREATE INDEX orders_by_po_prefix ON orders (partner_id, po_search text_pattern_ops);
CREATE INDEX orders_by_continuation ON orders (partner_id, continued_by) WHERE continued_by IS NOT NULL;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE orders FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON orders TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON orders FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON orders TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON orders TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON orders TO extranet_worker;

-- ordered = shipped + backordered + cancelled + what is still open; a negative rest is an over-shipment.
CREATE TABLE order_lines (
  partner_id   bigint NOT NULL REFERENCES partners,
  order_number text NOT NULL,
  line         bigint NOT NULL,
  product      text,
  description  text NOT NULL,
  unit         text,
  ordered      numeric NOT NULL,
  shipped      numeric NOT NULL,
  backordered  numeric NOT NULL,
  cancelled    numeric NOT NULL,
  rest         numeric GENERATED ALWAYS AS (ordered - shipped - backordered - cancelled) STORED,
  price        numeric NOT NULL,
  net          numeric NOT NULL,
  requested_on date,
  promised_on  date,
  changed_at   timestamptz NOT NULL,
  PRIMARY KEY (partner_id, order_number, line)
);
CREATE INDEX order_lines_by_key ON order_lines (order_number, line);
ALTER TABLE order_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE order_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON order_lines TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON order_lines FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON order_lines TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON order_lines TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON order_lines TO extranet_worker;

-- +goose Down
DROP TABLE order_lines, orders;

-- What the host buys from its suppliers, as the core has it: purchase orders with their lines and schedule lines, and what was received.
-- Days are days; amounts are in the order's currency. The columns after changed_at are kept by the portal: merges do not touch them.

-- +goose Up
CREATE TABLE purchase_orders (
  partner_id   bigint NOT NULL REFERENCES partners,
  number       text NOT NULL,
  site         text,
  status       text NOT NULL CONSTRAINT purchase_orders_have_a_known_status CHECK (status IN ('open', 'closed', 'cancelled')),
  currency     text NOT NULL,
  ordered_on   date NOT NULL,
  buyer        text,
  ship_to      text,
  terms        text,
  net          numeric NOT NULL,
  comment      text,
  changed_at   timestamptz NOT NULL,
  state        text NOT NULL DEFAULT 'review' CONSTRAINT purchase_orders_have_a_known_state CHECK (state IN ('review', 'waiting', 'confirmed', 'closed')),
  version      integer NOT NULL DEFAULT 0,
  lines        integer NOT NULL DEFAULT 0,
  to_answer    integer NOT NULL DEFAULT 0,
  answer_by    date NOT NULL DEFAULT '9999-12-31',
  next_due_on  date NOT NULL DEFAULT '9999-12-31',
  reminded_at  timestamptz,
  -- What lists search and sort by, through operators that are leakproof.
  number_search text GENERATED ALWAYS AS (upper(number)) STORED,
  net_sort      double precision NOT NULL GENERATED ALWAYS AS (net::double precision) STORED,
  PRIMARY KEY (partner_id, number)
);
CREATE INDEX purchase_orders_by_key ON purchase_orders (number);
CREATE INDEX purchase_orders_by_change ON purchase_orders (changed_at);
CREATE INDEX purchase_orders_by_day ON purchase_orders (partner_id, ordered_on DESC, number DESC);
CREATE INDEX purchase_orders_by_state ON purchase_orders (partner_id, state, ordered_on DESC, number DESC);
CREATE INDEX purchase_orders_by_answer ON purchase_orders (partner_id, state, answer_by, number);
CREATE INDEX purchase_orders_by_due ON purchase_orders (partner_id, next_due_on, number);
CREATE INDEX purchase_orders_by_net ON purchase_orders (partner_id, net_sort DESC, number DESC);
CREATE INDEX purchase_orders_by_number_prefix ON purchase_orders (partner_id, number_search text_pattern_ops);
CREATE INDEX purchase_orders_to_remind ON purchase_orders (answer_by) WHERE state = 'review' AND reminded_at IS NULL;
ALTER TABLE purchase_orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE purchase_orders FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON purchase_orders TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON purchase_orders FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON purchase_orders TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT, UPDATE (state, lines, to_answer, answer_by, next_due_on) ON purchase_orders TO extranet_partner;
GRANT SELECT ON purchase_orders TO extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON purchase_orders TO extranet_worker;

-- quantity = promised + refused + what is still to be answered.
CREATE TABLE purchase_order_lines (
  partner_id       bigint NOT NULL REFERENCES partners,
  order_number     text NOT NULL,
  line             bigint NOT NULL,
  product          text,
  supplier_product text,
  description      text NOT NULL,
  unit             text,
  quantity         numeric NOT NULL,
  received         numeric NOT NULL,
  price            numeric NOT NULL,
  net              numeric NOT NULL,
  requested_on     date,
  status           text NOT NULL CONSTRAINT purchase_order_lines_have_a_known_status CHECK (status IN ('open', 'closed', 'cancelled')),
  changed_at       timestamptz NOT NULL,
  state            text NOT NULL DEFAULT 'review' CONSTRAINT purchase_order_lines_have_a_known_state CHECK (state IN ('review', 'waiting', 'confirmed', 'closed')),
  answered         boolean NOT NULL DEFAULT false,
  revised          boolean NOT NULL DEFAULT true,
  refused          numeric NOT NULL DEFAULT 0,
  next_due_on      date,
  PRIMARY KEY (partner_id, order_number, line)
);
CREATE INDEX purchase_order_lines_by_key ON purchase_order_lines (order_number, line);
CREATE INDEX purchase_order_lines_by_change ON purchase_order_lines (changed_at);
ALTER TABLE purchase_order_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE purchase_order_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON purchase_order_lines TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON purchase_order_lines FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON purchase_order_lines TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT, UPDATE (state, answered, revised, refused, next_due_on) ON purchase_order_lines TO extranet_partner;
GRANT SELECT ON purchase_order_lines TO extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON purchase_order_lines TO extranet_worker;

-- When how much of a line is asked for, and what the core has as confirmed.
CREATE TABLE schedule_lines (
  partner_id         bigint NOT NULL REFERENCES partners,
  order_number       text NOT NULL,
  line               bigint NOT NULL,
  schedule           bigint NOT NULL,
  requested_on       date NOT NULL,
  quantity           numeric NOT NULL,
  confirmed_on       date,
  confirmed_quantity numeric,
  changed_at         timestamptz NOT NULL,
  PRIMARY KEY (partner_id, order_number, line, schedule)
);
CREATE INDEX schedule_lines_by_key ON schedule_lines (order_number, line, schedule);
CREATE INDEX schedule_lines_by_change ON schedule_lines (changed_at);
ALTER TABLE schedule_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE schedule_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON schedule_lines TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON schedule_lines FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON schedule_lines TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON schedule_lines TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON schedule_lines TO extranet_worker;

-- What arrived, and what of it was rejected; kind 'return' is what went back.
CREATE TABLE receipts (
  partner_id   bigint NOT NULL REFERENCES partners,
  receipt      text NOT NULL,
  kind         text CONSTRAINT receipts_are_receipts_or_returns CHECK (kind IN ('receipt', 'return')),
  site         text,
  order_number text NOT NULL,
  order_line   bigint,
  product      text,
  received_at  timestamptz NOT NULL,
  quantity     numeric NOT NULL,
  rejected     numeric,
  reason       text,
  dispatch     text,
  changed_at   timestamptz NOT NULL,
  day          date NOT NULL GENERATED ALWAYS AS ((received_at AT TIME ZONE 'UTC')::date) STORED,
  defects      boolean NOT NULL GENERATED ALWAYS AS (coalesce(rejected, 0) > 0 OR coalesce(kind, '') = 'return') STORED,
  PRIMARY KEY (partner_id, receipt)
);
CREATE INDEX receipts_by_key ON receipts (receipt);
CREATE INDEX receipts_by_order ON receipts (partner_id, order_number, order_line);
CREATE INDEX receipts_by_day ON receipts (partner_id, day DESC, receipt DESC);
CREATE INDEX receipts_with_defects ON receipts (partner_id, defects, day DESC, receipt DESC);
CREATE INDEX receipts_by_dispatch ON receipts (partner_id, dispatch) WHERE dispatch IS NOT NULL;
ALTER TABLE receipts ENABLE ROW LEVEL SECURITY;
ALTER TABLE receipts FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON receipts TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON receipts FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON receipts TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON receipts TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON receipts TO extranet_worker;

-- +goose Down
DROP TABLE receipts, schedule_lines, purchase_order_lines, purchase_orders;

-- Ordering: where a product was bought before, carts, uploads, templates, orders on their way to the core, and who may spend how much.

-- +goose Up
CREATE INDEX order_lines_by_product ON order_lines (partner_id, product, order_number DESC);

-- A cart is one person's, or one machine's, by the name that its keys are kept under.
CREATE TABLE cart_lines (
  partner_id   bigint NOT NULL REFERENCES partners,
  owner        text NOT NULL,
  line         bigint NOT NULL,
  product      text NOT NULL,
  quantity     numeric NOT NULL CONSTRAINT cart_lines_are_of_something CHECK (quantity > 0),
  site         text NOT NULL,
  requested_on date,
  added_at     timestamptz NOT NULL,
  PRIMARY KEY (partner_id, owner, line)
);
ALTER TABLE cart_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE cart_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON cart_lines TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
GRANT SELECT, INSERT, UPDATE, DELETE ON cart_lines TO extranet_partner;

-- What became of each row of an uploaded list; rows are JSON.
CREATE TABLE cart_uploads (
  partner_id bigint NOT NULL REFERENCES partners,
  owner      text NOT NULL,
  upload_id  uuid NOT NULL,
  at         timestamptz NOT NULL,
  rows       text NOT NULL,
  PRIMARY KEY (partner_id, owner, upload_id)
);
ALTER TABLE cart_uploads ENABLE ROW LEVEL SECURITY;
ALTER TABLE cart_uploads FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON cart_uploads TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
GRANT SELECT, INSERT, DELETE ON cart_uploads TO extranet_partner;

-- Lists that a partner orders again and again; lines are JSON.
CREATE TABLE order_templates (
  partner_id  bigint NOT NULL REFERENCES partners,
  template_id uuid NOT NULL,
  name        text NOT NULL,
  lines       text NOT NULL,
  made_by     text NOT NULL,
  made_at     timestamptz NOT NULL,
  PRIMARY KEY (partner_id, template_id)
);
CREATE UNIQUE INDEX order_templates_once_per_name ON order_templates (partner_id, lower(name));
ALTER TABLE order_templates ENABLE ROW LEVEL SECURITY;
ALTER TABLE order_templates FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON order_templates TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
GRANT SELECT, INSERT, DELETE ON order_templates TO extranet_partner;

-- What a partner wishes of its own orders.
CREATE TABLE ordering_rules (
  partner_id bigint PRIMARY KEY REFERENCES partners,
  po_once    boolean NOT NULL,
  po_needed  boolean NOT NULL
);
ALTER TABLE ordering_rules ENABLE ROW LEVEL SECURITY;
ALTER TABLE ordering_rules FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON ordering_rules TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
GRANT SELECT, INSERT, UPDATE ON ordering_rules TO extranet_partner;

-- Up to how much a person orders without a colleague's approval, net, in the partner's currency. Who has no row has no limit.
CREATE TABLE order_limits (
  partner_id bigint NOT NULL REFERENCES partners,
  person_id  uuid NOT NULL REFERENCES people,
  most       numeric NOT NULL CONSTRAINT order_limits_are_amounts CHECK (most >= 0),
  PRIMARY KEY (partner_id, person_id)
);
ALTER TABLE order_limits ENABLE ROW LEVEL SECURITY;
ALTER TABLE order_limits FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON order_limits TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
GRANT SELECT, INSERT, UPDATE, DELETE ON order_limits TO extranet_partner;

-- An order that was placed here. The core gives it its number; from then on it is found under orders too.
CREATE TABLE placed_orders (
  partner_id   bigint NOT NULL REFERENCES partners,
  placed_id    uuid NOT NULL,
  state        text NOT NULL CONSTRAINT placed_orders_have_a_known_state CHECK (state IN ('awaiting', 'returned', 'sent', 'acknowledged', 'refused', 'withdrawn')),
  site         text NOT NULL,
  po_number    text,
  comment      text,
  currency     text NOT NULL,
  net          numeric NOT NULL,
  owner        text NOT NULL,
  placed_by    text NOT NULL,
  email        text,
  placed_at    timestamptz NOT NULL,
  decided_by   text,
  decided_at   timestamptz,
  words        text,
  number       text,
  answered_at  timestamptz,
  po_search    text GENERATED ALWAYS AS (upper(po_number)) STORED,
  PRIMARY KEY (partner_id, placed_id)
);
CREATE INDEX placed_orders_by_state ON placed_orders (partner_id, state, placed_id DESC);
CREATE INDEX placed_orders_by_po ON placed_orders (partner_id, po_search) WHERE po_search IS NOT NULL;
CREATE INDEX placed_orders_by_number ON placed_orders (partner_id, number) WHERE number IS NOT NULL;
ALTER TABLE placed_orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE placed_orders FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON placed_orders TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON placed_orders FOR SELECT TO extranet_host USING (true);
CREATE POLICY answer ON placed_orders TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE (state, decided_by, decided_at, words) ON placed_orders TO extranet_partner;
GRANT SELECT ON placed_orders TO extranet_host;
GRANT SELECT, UPDATE (state, words, number, answered_at) ON placed_orders TO extranet_worker;

CREATE TABLE placed_lines (
  partner_id   bigint NOT NULL REFERENCES partners,
  placed_id    uuid NOT NULL,
  line         bigint NOT NULL,
  product      text NOT NULL,
  description  text NOT NULL,
  unit         text NOT NULL,
  quantity     numeric NOT NULL,
  price        numeric NOT NULL,
  net          numeric NOT NULL,
  requested_on date,
  PRIMARY KEY (partner_id, placed_id, line),
  FOREIGN KEY (partner_id, placed_id) REFERENCES placed_orders
);
ALTER TABLE placed_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE placed_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON placed_lines TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON placed_lines FOR SELECT TO extranet_host USING (true);
GRANT SELECT, INSERT ON placed_lines TO extranet_partner;
GRANT SELECT ON placed_lines TO extranet_host;

-- +goose Down
DROP TABLE placed_lines, placed_orders, order_limits, ordering_rules, order_templates, cart_uploads, cart_lines;
DROP INDEX order_lines_by_product;

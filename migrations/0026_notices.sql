-- Engineering changes: what the host tells a partner of changes to products.

-- +goose Up
-- One row is one notice to one partner. revision counts up each time the host issues it anew.
CREATE TABLE notices (
  partner_id    bigint NOT NULL REFERENCES partners,
  notice        text NOT NULL,
  supplier      text NOT NULL,
  kind          text NOT NULL CONSTRAINT notices_are_of_a_known_kind CHECK (kind IN ('pcn', 'ecn', 'eol')),
  revision      text NOT NULL,
  title         text NOT NULL,
  description   text,
  reason        text,
  issued_on     date NOT NULL,
  effective_on  date,
  first_ship_on date,
  last_buy_on   date,
  last_ship_on  date,
  withdrawn     boolean NOT NULL,
  changed_at    timestamptz NOT NULL,
  PRIMARY KEY (partner_id, notice, supplier)
);
CREATE INDEX notices_by_key ON notices (notice, supplier);
CREATE INDEX notices_by_day ON notices (partner_id, issued_on DESC, notice DESC);
ALTER TABLE notices ENABLE ROW LEVEL SECURITY;
ALTER TABLE notices FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON notices TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON notices FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON notices TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON notices TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON notices TO extranet_worker;

-- What a notice is about: a product, from which revision to which, and from when: a day, a lot or a serial number.
CREATE TABLE notice_items (
  partner_id       bigint NOT NULL REFERENCES partners,
  notice           text NOT NULL,
  line             bigint NOT NULL,
  supplier         text NOT NULL,
  product          text NOT NULL,
  revision_from    text,
  revision_to      text,
  effective_on     date,
  effective_lot    text,
  effective_serial text,
  replacement      text,
  description      text,
  changed_at       timestamptz NOT NULL,
  PRIMARY KEY (partner_id, notice, line, supplier)
);
CREATE INDEX notice_items_by_key ON notice_items (notice, line, supplier);
CREATE INDEX notice_items_by_product ON notice_items (partner_id, product);
ALTER TABLE notice_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE notice_items FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON notice_items TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON notice_items FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON notice_items TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON notice_items TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON notice_items TO extranet_worker;

-- +goose Down
DROP TABLE notice_items, notices;

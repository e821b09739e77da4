-- What the host sells: how products are found, what they cost whom, where they lie, what goes with them.

-- +goose Up
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

ALTER TABLE products ADD COLUMN min_quantity numeric;
-- What a product is found by: its number with and without signs, name, brand, barcode, size, and the size's digits, so that 205/55 R16,
-- 205 55 16 and 2055516 find the same. Words are looked for first, pieces of words after. Products are everybody's and have no row
-- security, so operators that are not leakproof may use the indexes.
ALTER TABLE products ADD COLUMN search text NOT NULL GENERATED ALWAYS AS (lower(product || ' ' || regexp_replace(product, '[^[:alnum:]]', '', 'g') || ' ' || name || ' ' || coalesce(brand, '') || ' ' ||
  coalesce(barcode, '') || ' ' || coalesce(size, '') || ' ' || regexp_replace(coalesce(size, ''), '[^0-9]', '', 'g'))) STORED;
ALTER TABLE products ADD COLUMN words tsvector NOT NULL GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, regexp_replace(lower(product || ' ' || regexp_replace(product, '[^[:alnum:]]', '', 'g') || ' ' ||
  name || ' ' || coalesce(brand, '') || ' ' || coalesce(barcode, '') || ' ' || coalesce(size, '') || ' ' || regexp_replace(coalesce(size, ''), '[^0-9]', '', 'g')), '[^[:alnum:]]+', ' ', 'g'))) STORED;
ALTER TABLE products ADD COLUMN number_search text NOT NULL GENERATED ALWAYS AS (lower(regexp_replace(product, '[^[:alnum:]]', '', 'g'))) STORED;
CREATE INDEX products_by_word ON products USING gin (words);
CREATE INDEX products_by_piece ON products USING gin (search gin_trgm_ops);
CREATE INDEX products_by_number ON products (number_search);
CREATE INDEX products_by_barcode ON products (barcode) WHERE barcode IS NOT NULL;
CREATE INDEX products_by_brand ON products (brand, product);
CREATE INDEX products_by_category ON products (category, product);
CREATE INDEX products_by_lifecycle ON products (lifecycle, product);

-- How many products there are of each brand, category and state of life; counted anew whenever products change.
CREATE TABLE product_facets (
  facet    text NOT NULL,
  value    text NOT NULL,
  products bigint NOT NULL,
  PRIMARY KEY (facet, value)
);
GRANT SELECT ON product_facets TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON product_facets TO extranet_worker;

-- The words of products' names, by which what was mistyped is found.
CREATE TABLE product_words (
  word text PRIMARY KEY
);
CREATE INDEX product_words_by_trigram ON product_words USING gin (word gin_trgm_ops);
GRANT SELECT ON product_words TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, DELETE ON product_words TO extranet_worker;

-- Prices that everybody may see. Days are inclusive; a price holds from its quantity on.
CREATE TABLE list_prices (
  entry         text PRIMARY KEY,
  product       text NOT NULL,
  kind          text NOT NULL CONSTRAINT list_prices_are_list_or_promotion CHECK (kind IN ('list', 'promotion')),
  currency      text NOT NULL,
  from_quantity numeric NOT NULL,
  unit_price    numeric NOT NULL,
  valid_from    date,
  valid_to      date,
  name          text,
  changed_at    timestamptz NOT NULL
);
CREATE INDEX list_prices_by_product ON list_prices (product);
GRANT SELECT ON list_prices TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON list_prices TO extranet_worker;

-- Prices of one segment: partners of this category, and nobody else. A transaction of a partner's sees those of the segment that it has said.
CREATE TABLE segment_prices (
  entry         text PRIMARY KEY,
  segment       text NOT NULL,
  product       text NOT NULL,
  kind          text NOT NULL CONSTRAINT segment_prices_are_segment_or_promotion CHECK (kind IN ('segment', 'promotion')),
  currency      text NOT NULL,
  from_quantity numeric NOT NULL,
  unit_price    numeric NOT NULL,
  valid_from    date,
  valid_to      date,
  name          text,
  changed_at    timestamptz NOT NULL
);
CREATE INDEX segment_prices_by_product ON segment_prices (segment, product);
ALTER TABLE segment_prices ENABLE ROW LEVEL SECURITY;
ALTER TABLE segment_prices FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON segment_prices FOR SELECT TO extranet_partner USING (segment = current_setting('app.segment', true));
CREATE POLICY across ON segment_prices FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON segment_prices TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON segment_prices TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON segment_prices TO extranet_worker;

-- Prices agreed with one partner.
CREATE TABLE prices (
  partner_id    bigint NOT NULL REFERENCES partners,
  entry         text NOT NULL,
  product       text NOT NULL,
  kind          text NOT NULL CONSTRAINT prices_are_contract_or_promotion CHECK (kind IN ('contract', 'promotion')),
  currency      text NOT NULL,
  from_quantity numeric NOT NULL,
  unit_price    numeric NOT NULL,
  valid_from    date,
  valid_to      date,
  name          text,
  changed_at    timestamptz NOT NULL,
  PRIMARY KEY (partner_id, entry)
);
CREATE INDEX prices_by_key ON prices (entry);
CREATE INDEX prices_by_product ON prices (partner_id, product);
ALTER TABLE prices ENABLE ROW LEVEL SECURITY;
ALTER TABLE prices FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON prices TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON prices FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON prices TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON prices TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON prices TO extranet_worker;

-- What lies where, and what comes next. available is what may still be sold.
CREATE TABLE availability (
  product       text NOT NULL,
  warehouse     text NOT NULL,
  name          text,
  available     numeric NOT NULL,
  on_hand       numeric,
  next_on       date,
  next_quantity numeric,
  changed_at    timestamptz NOT NULL,
  PRIMARY KEY (product, warehouse)
);
GRANT SELECT ON availability TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON availability TO extranet_worker;

-- Documents of products, each for an article and a version. file is a path within the host's folder of documents. segment: partners of this category alone.
CREATE TABLE documents (
  document   text PRIMARY KEY,
  product    text NOT NULL,
  kind       text NOT NULL,
  title      text NOT NULL,
  version    text,
  language   text,
  issued_on  date,
  file       text NOT NULL,
  segment    text,
  changed_at timestamptz NOT NULL
);
CREATE INDEX documents_by_product ON documents (product);
ALTER TABLE documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE documents FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON documents FOR SELECT TO extranet_partner USING (segment IS NULL OR segment = current_setting('app.segment', true));
CREATE POLICY across ON documents FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON documents TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON documents TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON documents TO extranet_worker;

-- What can be had instead of a product.
CREATE TABLE product_links (
  product    text NOT NULL,
  other      text NOT NULL,
  kind       text NOT NULL CONSTRAINT product_links_are_drop_in_functional_or_upgrade CHECK (kind IN ('drop_in', 'functional', 'upgrade')),
  note       text,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (product, other, kind)
);
GRANT SELECT ON product_links TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON product_links TO extranet_worker;

-- A partner's own numbers for the host's products.
CREATE TABLE part_numbers (
  partner_id  bigint NOT NULL REFERENCES partners,
  entry       text NOT NULL,
  part_number text NOT NULL,
  product     text NOT NULL,
  changed_at  timestamptz NOT NULL,
  number_search text NOT NULL GENERATED ALWAYS AS (lower(regexp_replace(part_number, '[^[:alnum:]]', '', 'g'))) STORED,
  PRIMARY KEY (partner_id, entry)
);
CREATE INDEX part_numbers_by_key ON part_numbers (entry);
CREATE INDEX part_numbers_by_number ON part_numbers (partner_id, number_search text_pattern_ops);
CREATE INDEX part_numbers_by_product ON part_numbers (partner_id, product);
ALTER TABLE part_numbers ENABLE ROW LEVEL SECURITY;
ALTER TABLE part_numbers FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON part_numbers TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON part_numbers FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON part_numbers TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON part_numbers TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON part_numbers TO extranet_worker;

-- Products that a person wants to hear of, and what was last known of them.
CREATE TABLE watches (
  partner_id bigint NOT NULL REFERENCES partners,
  person_id  uuid NOT NULL REFERENCES people,
  product    text NOT NULL,
  since      timestamptz NOT NULL,
  in_stock   boolean,
  unit_price numeric,
  lifecycle  text,
  PRIMARY KEY (partner_id, person_id, product)
);
ALTER TABLE watches ENABLE ROW LEVEL SECURITY;
ALTER TABLE watches FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON watches TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON watches FOR SELECT TO extranet_host USING (true);
CREATE POLICY tell ON watches TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON watches TO extranet_partner;
GRANT SELECT ON watches TO extranet_host;
GRANT SELECT, DELETE, UPDATE (in_stock, unit_price, lifecycle) ON watches TO extranet_worker;

-- +goose Down
DROP TABLE watches, part_numbers, product_links, documents, availability, prices, segment_prices, list_prices, product_words, product_facets;
ALTER TABLE products DROP COLUMN number_search, DROP COLUMN words, DROP COLUMN search, DROP COLUMN min_quantity;
DROP EXTENSION pg_trgm;

-- The host's products, the same for every partner.

-- +goose Up
CREATE TABLE products (
  product        text PRIMARY KEY,
  name           text NOT NULL,
  barcode        text,
  brand          text,
  size           text,
  unit           text,
  pack_size      numeric,
  pack_unit      text,
  category       text,
  lifecycle      text,
  lead_time_days integer,
  weight_kg      numeric,
  changed_at     timestamptz NOT NULL
);
GRANT SELECT ON products TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON products TO extranet_worker;

-- +goose Down
DROP TABLE products;

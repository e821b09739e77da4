-- What stands beside the lines of a cart and was typed on its page: kept as long as the cart is.

-- +goose Up
CREATE TABLE carts (
  partner_id bigint NOT NULL REFERENCES partners,
  owner      text NOT NULL,
  po_number  text NOT NULL,
  comment    text NOT NULL,
  template   text NOT NULL,
  PRIMARY KEY (partner_id, owner)
);
ALTER TABLE carts ENABLE ROW LEVEL SECURITY;
ALTER TABLE carts FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON carts TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
GRANT SELECT, INSERT, UPDATE, DELETE ON carts TO extranet_partner;

-- +goose Down
DROP TABLE carts;

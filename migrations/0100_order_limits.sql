-- +goose Up
-- Up to how much a member orders without approval is part of their access; where it was set for orders too, the lower counted.
UPDATE memberships m SET order_limit = least(m.order_limit, l.most) FROM order_limits l WHERE l.partner_id = m.partner_id AND l.person_id = m.person_id;
DROP TABLE order_limits;

-- +goose Down
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

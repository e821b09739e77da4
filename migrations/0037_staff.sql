-- Who at the host is there for a partner, and for what.

-- +goose Up
CREATE TABLE staff (
  partner_id bigint NOT NULL REFERENCES partners,
  staff      text NOT NULL,
  duty       text NOT NULL,
  supplier   text NOT NULL,
  name       text NOT NULL,
  title      text,
  email      text,
  phone      text,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (partner_id, staff, duty)
);
CREATE INDEX staff_by_key ON staff (staff, duty, supplier);
ALTER TABLE staff ENABLE ROW LEVEL SECURITY;
ALTER TABLE staff FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON staff TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON staff FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON staff TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON staff TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON staff TO extranet_worker;

-- +goose Down
DROP TABLE staff;

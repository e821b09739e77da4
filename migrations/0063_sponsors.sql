-- Who looks after a partner at the host, and how to reach them.

-- +goose Up
CREATE TABLE sponsors (
  partner_id bigint NOT NULL REFERENCES partners,
  part       text NOT NULL CONSTRAINT sponsors_have_a_known_part CHECK (part IN ('sponsor', 'sales', 'buying')),
  name       text NOT NULL,
  title      text NOT NULL,
  email      text NOT NULL,
  phone      text NOT NULL,
  changed_by text NOT NULL,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (partner_id, part)
);
ALTER TABLE sponsors ENABLE ROW LEVEL SECURITY;
ALTER TABLE sponsors FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON sponsors FOR SELECT TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON sponsors TO extranet_host USING (true) WITH CHECK (true);
GRANT SELECT ON sponsors TO extranet_partner, extranet_host;
GRANT INSERT, UPDATE, DELETE ON sponsors TO extranet_host;
CREATE INDEX sponsors_by_mail ON sponsors (email, partner_id);

-- +goose Down
DROP TABLE sponsors;

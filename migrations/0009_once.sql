-- What a caller asked to be done once, and what it was answered: the same key brings the same answer, and no second deed.

-- +goose Up
CREATE TABLE once (
  partner_id   bigint NOT NULL REFERENCES partners,
  caller       text NOT NULL,
  key          text NOT NULL,
  request_hash bytea NOT NULL,
  answer       bytea NOT NULL,
  at           timestamptz NOT NULL,
  PRIMARY KEY (partner_id, caller, key)
);
CREATE INDEX once_by_age ON once (partner_id, at);
ALTER TABLE once ENABLE ROW LEVEL SECURITY;
ALTER TABLE once FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON once TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY staff ON once TO extranet_host USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE (answer), DELETE ON once TO extranet_partner, extranet_host;

-- +goose Down
DROP TABLE once;

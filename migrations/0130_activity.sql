-- Who uses what: for each partner, day, area of the portal and person or machine, what was asked for and what was done.

-- +goose Up
-- asked: pages and answers of the API; done: acts in the partner's log, signing in and refusals left out. Both by the partner's own people
-- and machines alone, never by the host's staff.
CREATE TABLE activity (
  partner_id bigint NOT NULL REFERENCES partners,
  day        date NOT NULL,
  area       text NOT NULL,
  subject    text NOT NULL,
  asked      integer NOT NULL DEFAULT 0,
  done       integer NOT NULL DEFAULT 0,
  PRIMARY KEY (partner_id, day, area, subject)
);
CREATE INDEX activity_across ON activity (day, partner_id);
ALTER TABLE activity ENABLE ROW LEVEL SECURITY;
ALTER TABLE activity FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON activity TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON activity FOR SELECT TO extranet_host USING (true);
CREATE POLICY door ON activity TO extranet_door USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON activity TO extranet_partner, extranet_door;
GRANT SELECT ON activity TO extranet_host;

-- +goose Down
DROP TABLE activity;

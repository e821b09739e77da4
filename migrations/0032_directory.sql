-- The host's directory of partners, and what the audit is searched by.

-- +goose Up
CREATE INDEX partners_by_name ON partners (name, partner_id);
CREATE INDEX partners_by_words ON partners USING gin (to_tsvector('simple', regexp_replace(number || ' ' || name || ' ' || coalesce(city, ''), '[^[:alnum:]]+', ' ', 'g')));
CREATE INDEX audit_by_action ON audit (partner_id, action, seq DESC);
CREATE INDEX audit_by_target ON audit (partner_id, target, seq DESC);
CREATE INDEX audit_by_actor ON audit (partner_id, actor, seq DESC);
CREATE INDEX audit_by_time ON audit (partner_id, at DESC, seq DESC);

-- Who opened which document, by day: the first time, the last, and how often. It is written a few seconds after the fact.
CREATE TABLE sightings (
  partner_id bigint NOT NULL REFERENCES partners,
  document   text NOT NULL,
  day        date NOT NULL,
  subject    text NOT NULL,
  first_at   timestamptz NOT NULL,
  last_at    timestamptz NOT NULL,
  times      integer NOT NULL,
  PRIMARY KEY (partner_id, document, day, subject)
);
ALTER TABLE sightings ENABLE ROW LEVEL SECURITY;
ALTER TABLE sightings FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON sightings TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON sightings FOR SELECT TO extranet_host USING (true);
CREATE POLICY door ON sightings TO extranet_door USING (true) WITH CHECK (true);
GRANT SELECT ON sightings TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE ON sightings TO extranet_door;

-- +goose Down
DROP TABLE sightings;
DROP INDEX audit_by_time, audit_by_actor, audit_by_target, audit_by_action, partners_by_words, partners_by_name;

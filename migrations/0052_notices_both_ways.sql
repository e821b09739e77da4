-- Notices that partners give are answered by the host, and every revision of the host's own is kept.

-- +goose Up
ALTER TABLE notices_given ADD COLUMN first_ship_on date;
ALTER TABLE notices_given ADD COLUMN withdrawn boolean NOT NULL DEFAULT false;
CREATE INDEX notices_given_by_time ON notices_given (given_at DESC, partner_id DESC, number DESC);
CREATE POLICY tend ON notices_given FOR SELECT TO extranet_worker USING (true);
GRANT SELECT ON notices_given TO extranet_worker;
CREATE INDEX notices_by_issue ON notices (issued_on DESC, partner_id DESC, notice DESC);

-- What the host answered to a partner's notice, each answer beside those before it. Silence is one too: nobody answered until it was due.
CREATE TABLE given_answers (
  partner_id     bigint NOT NULL REFERENCES partners,
  number         bigint NOT NULL,
  answer         bigint NOT NULL,
  revision       text NOT NULL,
  verdict        text NOT NULL CONSTRAINT given_answers_have_a_known_verdict CHECK (verdict IN ('acknowledged', 'accepted', 'objected', 'silence')),
  disposition    text CONSTRAINT given_answers_have_a_known_disposition CHECK (disposition IN ('use_up', 'rework', 'return', 'scrap', 'none')),
  cost           numeric,
  currency       text,
  lead_time_days integer,
  samples        numeric,
  note           text,
  answered_at    timestamptz NOT NULL,
  answered_by    text NOT NULL,
  PRIMARY KEY (partner_id, number, answer)
);
ALTER TABLE given_answers ENABLE ROW LEVEL SECURITY;
ALTER TABLE given_answers FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON given_answers TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON given_answers TO extranet_host USING (true) WITH CHECK (true);
CREATE POLICY tend ON given_answers TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON given_answers TO extranet_partner;
GRANT SELECT, INSERT ON given_answers TO extranet_host, extranet_worker;

-- The host's notices as the portal saw them, each whole: content is JSON, with the items. number counts up.
CREATE TABLE notice_revisions (
  partner_id bigint NOT NULL REFERENCES partners,
  notice     text NOT NULL,
  number     bigint NOT NULL,
  revision   text NOT NULL,
  at         timestamptz NOT NULL,
  content    text NOT NULL,
  PRIMARY KEY (partner_id, notice, number)
);
ALTER TABLE notice_revisions ENABLE ROW LEVEL SECURITY;
ALTER TABLE notice_revisions FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON notice_revisions TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON notice_revisions FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON notice_revisions TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON notice_revisions TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE ON notice_revisions TO extranet_worker;

-- +goose Down
DROP TABLE notice_revisions, given_answers;
DROP INDEX notices_by_issue, notices_given_by_time;
DROP POLICY tend ON notices_given;
REVOKE SELECT ON notices_given FROM extranet_worker;
ALTER TABLE notices_given DROP COLUMN withdrawn, DROP COLUMN first_ship_on;

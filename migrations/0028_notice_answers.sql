-- What partners answered to engineering changes, what they gave notice of themselves, and how long each may take.

-- +goose Up
-- The clocks of a partner, in days: until receipt is acknowledged, and from issue to the first changed shipment. Where there is no row, 30 and 90.
CREATE TABLE notice_policies (
  partner_id       bigint PRIMARY KEY REFERENCES partners,
  acknowledge_days integer NOT NULL CONSTRAINT notices_are_acknowledged_within_a_year CHECK (acknowledge_days BETWEEN 0 AND 366),
  notice_days      integer NOT NULL CONSTRAINT notices_come_within_two_years CHECK (notice_days BETWEEN 0 AND 731),
  set_at           timestamptz NOT NULL,
  set_by           text NOT NULL
);
ALTER TABLE notice_policies ENABLE ROW LEVEL SECURITY;
ALTER TABLE notice_policies FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON notice_policies TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON notice_policies TO extranet_host USING (true) WITH CHECK (true);
CREATE POLICY tend ON notice_policies FOR SELECT TO extranet_worker USING (true);
GRANT SELECT ON notice_policies TO extranet_partner, extranet_worker;
GRANT SELECT, INSERT, UPDATE ON notice_policies TO extranet_host;

-- Each answer stands beside those before it. Silence is one too: nobody answered until it was due.
CREATE TABLE notice_answers (
  partner_id     bigint NOT NULL REFERENCES partners,
  notice         text NOT NULL,
  answer         bigint NOT NULL,
  revision       text NOT NULL,
  verdict        text NOT NULL CONSTRAINT notice_answers_have_a_known_verdict CHECK (verdict IN ('acknowledged', 'accepted', 'objected', 'silence')),
  disposition    text CONSTRAINT notice_answers_have_a_known_disposition CHECK (disposition IN ('use_up', 'rework', 'return', 'scrap', 'none')),
  cost           numeric,
  currency       text,
  lead_time_days integer,
  samples        numeric,
  note           text,
  answered_at    timestamptz NOT NULL,
  answered_by    text NOT NULL,
  PRIMARY KEY (partner_id, notice, answer)
);
ALTER TABLE notice_answers ENABLE ROW LEVEL SECURITY;
ALTER TABLE notice_answers FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON notice_answers TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON notice_answers FOR SELECT TO extranet_host USING (true);
CREATE POLICY tend ON notice_answers TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON notice_answers TO extranet_partner, extranet_worker;
GRANT SELECT ON notice_answers TO extranet_host;

-- What a partner tells the host of changes to its own products. Each revision is a row; items is a JSON list.
CREATE TABLE notices_given (
  partner_id    bigint NOT NULL REFERENCES partners,
  number        bigint NOT NULL,
  revision      bigint NOT NULL,
  kind          text NOT NULL CONSTRAINT notices_given_are_of_a_known_kind CHECK (kind IN ('pcn', 'ecn', 'eol')),
  title         text NOT NULL,
  description   text NOT NULL,
  effective_on  date NOT NULL,
  last_buy_on   date,
  last_ship_on  date,
  items         text NOT NULL,
  given_at      timestamptz NOT NULL,
  given_by      text NOT NULL,
  PRIMARY KEY (partner_id, number, revision)
);
ALTER TABLE notices_given ENABLE ROW LEVEL SECURITY;
ALTER TABLE notices_given FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON notices_given TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON notices_given FOR SELECT TO extranet_host USING (true);
GRANT SELECT, INSERT ON notices_given TO extranet_partner;
GRANT SELECT ON notices_given TO extranet_host;

-- +goose Down
DROP TABLE notices_given, notice_answers, notice_policies;

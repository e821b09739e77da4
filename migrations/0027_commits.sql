-- What host and supplier agreed about forecasts, and what the supplier said it can deliver.

-- +goose Up
-- Terms are added to, never changed: those that held when a version was published are those that it is reckoned by.
-- tolerance, make_share and buy_share are per cent: of the forecast, and of the price of what the host pays for when it no longer wants what was made, or bought to be made.
CREATE TABLE forecast_terms (
  partner_id    bigint NOT NULL REFERENCES partners,
  since         timestamptz NOT NULL,
  firm_days     integer NOT NULL,
  tradeoff_days integer NOT NULL,
  commit_days   integer NOT NULL,
  tolerance     numeric NOT NULL,
  make_share    numeric NOT NULL,
  buy_share     numeric NOT NULL,
  time_zone     text NOT NULL,
  calendar      text NOT NULL CONSTRAINT forecast_terms_have_a_known_calendar CHECK (calendar IN ('iso', '4-4-5', '4-5-4', '5-4-4')),
  year_begins   text NOT NULL,
  set_by        text NOT NULL,
  PRIMARY KEY (partner_id, since),
  CONSTRAINT forecast_terms_are_within_reason CHECK (firm_days BETWEEN 0 AND 730 AND tradeoff_days BETWEEN 0 AND 730 AND commit_days BETWEEN 0 AND 90
    AND tolerance BETWEEN 0 AND 100 AND make_share BETWEEN 0 AND 100 AND buy_share BETWEEN 0 AND 100)
);
ALTER TABLE forecast_terms ENABLE ROW LEVEL SECURITY;
ALTER TABLE forecast_terms FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON forecast_terms TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON forecast_terms TO extranet_host USING (true) WITH CHECK (true);
CREATE POLICY tend ON forecast_terms FOR SELECT TO extranet_worker USING (true);
GRANT SELECT ON forecast_terms TO extranet_partner, extranet_worker;
GRANT SELECT, INSERT ON forecast_terms TO extranet_host;

-- What the supplier lets the portal commit by itself when a version is published, for whoever said so.
CREATE TABLE commit_rules (
  partner_id bigint PRIMARY KEY REFERENCES partners,
  rule       text NOT NULL CONSTRAINT commit_rules_are_known CHECK (rule IN ('none', 'unchanged', 'tolerance', 'all')),
  set_at     timestamptz NOT NULL,
  set_by     text NOT NULL
);
ALTER TABLE commit_rules ENABLE ROW LEVEL SECURITY;
ALTER TABLE commit_rules FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON commit_rules TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON commit_rules FOR SELECT TO extranet_host, extranet_worker USING (true);
GRANT SELECT, INSERT, UPDATE ON commit_rules TO extranet_partner;
GRANT SELECT ON commit_rules TO extranet_host, extranet_worker;

-- One row is all that was committed for a product at a location, up to its revision; each commit adds one. The lists are over buckets, by
-- day: asked is the forecast that the quantity answers. version is the one committed to last; short and over are against it, value is what is
-- short in money.
CREATE TABLE commits (
  partner_id   bigint NOT NULL REFERENCES partners,
  product      text NOT NULL,
  location     text NOT NULL,
  revision     bigint NOT NULL,
  latest       boolean NOT NULL,
  version      text NOT NULL,
  starts_on    date[] NOT NULL,
  quantity     numeric[] NOT NULL,
  asked        numeric[] NOT NULL,
  reason       text[] NOT NULL,
  note         text[] NOT NULL,
  short        numeric NOT NULL,
  over         numeric NOT NULL,
  value        numeric NOT NULL,
  how          text NOT NULL CONSTRAINT commits_are_made_somehow CHECK (how IN ('grid', 'file', 'as is', 'api', 'rule')),
  committed_at timestamptz NOT NULL,
  committed_by text NOT NULL,
  PRIMARY KEY (partner_id, product, location, revision)
);
CREATE UNIQUE INDEX commits_latest ON commits (partner_id, product, location) WHERE latest;
ALTER TABLE commits ENABLE ROW LEVEL SECURITY;
ALTER TABLE commits FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON commits TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON commits FOR SELECT TO extranet_host USING (true);
CREATE POLICY tend ON commits TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE (latest) ON commits TO extranet_partner, extranet_worker;
GRANT SELECT ON commits TO extranet_host;

-- What the portal did by itself about a version: applied the supplier's rule, reminded it, and wrote down that it had not answered when it was due.
CREATE TABLE forecast_rounds (
  partner_id   bigint NOT NULL REFERENCES partners,
  version      text NOT NULL,
  published_at timestamptz NOT NULL,
  due_on       date NOT NULL,
  ruled_at     timestamptz,
  reminded_at  timestamptz,
  lapsed_at    timestamptz,
  unanswered   bigint,
  PRIMARY KEY (partner_id, version)
);
ALTER TABLE forecast_rounds ENABLE ROW LEVEL SECURITY;
ALTER TABLE forecast_rounds FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON forecast_rounds TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON forecast_rounds FOR SELECT TO extranet_host USING (true);
CREATE POLICY tend ON forecast_rounds TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON forecast_rounds TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE ON forecast_rounds TO extranet_worker;

-- +goose Down
DROP TABLE forecast_rounds, commits, commit_rules, forecast_terms;

-- Reviews of access: campaigns of the host's, what each asks at each partner, and the answers.

-- +goose Up
-- A campaign is the host's own. reviewers: who answers, the partner's administrators or the host's staff alone. Its scope is kept as it was chosen.
CREATE TABLE campaigns (
  campaign_id uuid PRIMARY KEY,
  title       text NOT NULL,
  words       text NOT NULL,
  reviewers   text NOT NULL CONSTRAINT campaigns_are_answered_on_a_side CHECK (reviewers IN ('partner', 'host')),
  kind        text,
  programme   text,
  roles       text[],
  numbers     text[],
  remind_days integer[] NOT NULL,
  due_at      timestamptz NOT NULL,
  started_by  text NOT NULL,
  started_at  timestamptz NOT NULL,
  closed_at   timestamptz
);
CREATE INDEX campaigns_open ON campaigns (due_at) WHERE closed_at IS NULL;
GRANT SELECT, INSERT ON campaigns TO extranet_host;
GRANT SELECT, UPDATE (closed_at) ON campaigns TO extranet_worker;

-- What a campaign asks at one partner. remind_at is when its reviewers hear next that something is not answered.
CREATE TABLE reviews (
  partner_id  bigint NOT NULL REFERENCES partners,
  campaign_id uuid NOT NULL REFERENCES campaigns,
  title       text NOT NULL,
  words       text NOT NULL,
  reviewers   text NOT NULL,
  started_at  timestamptz NOT NULL,
  due_at      timestamptz NOT NULL,
  remind_at   timestamptz,
  closed_at   timestamptz,
  PRIMARY KEY (partner_id, campaign_id)
);
CREATE INDEX reviews_by_campaign ON reviews (campaign_id, partner_id);
CREATE INDEX reviews_to_remind ON reviews (remind_at) WHERE closed_at IS NULL;
ALTER TABLE reviews ENABLE ROW LEVEL SECURITY;
ALTER TABLE reviews FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON reviews FOR SELECT TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON reviews TO extranet_host, extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON reviews TO extranet_partner;
GRANT SELECT, INSERT ON reviews TO extranet_host;
GRANT SELECT, UPDATE (remind_at, closed_at) ON reviews TO extranet_worker;

-- One person's access as it was when the campaign began, and what was answered. gone: it ended otherwise meanwhile.
CREATE TABLE review_items (
  partner_id    bigint NOT NULL REFERENCES partners,
  campaign_id   uuid NOT NULL REFERENCES campaigns,
  person_id     uuid NOT NULL REFERENCES people,
  name          text NOT NULL,
  email         text NOT NULL,
  roles         text[] NOT NULL,
  sites         text[],
  granted_by    text NOT NULL,
  granted_at    timestamptz NOT NULL,
  verdict       text CONSTRAINT review_items_have_a_known_verdict CHECK (verdict IN ('keep', 'change', 'end', 'lapse', 'gone')),
  words         text,
  roles_after   text[],
  sites_after   text[],
  answered_by   text,
  answered_at   timestamptz,
  PRIMARY KEY (partner_id, campaign_id, person_id),
  FOREIGN KEY (partner_id, campaign_id) REFERENCES reviews
);
CREATE INDEX review_items_of_campaign ON review_items (campaign_id, partner_id, name, person_id);
CREATE INDEX review_items_open ON review_items (partner_id, person_id) WHERE verdict IS NULL;
ALTER TABLE review_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE review_items FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON review_items TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON review_items TO extranet_host, extranet_worker, extranet_door USING (true) WITH CHECK (true);
GRANT SELECT, UPDATE (verdict, words, roles_after, sites_after, answered_by, answered_at) ON review_items TO extranet_partner, extranet_host, extranet_worker;
GRANT SELECT (partner_id, person_id, verdict), UPDATE (verdict, answered_by, answered_at) ON review_items TO extranet_door;
GRANT INSERT ON review_items TO extranet_host;

-- +goose Down
DROP TABLE review_items, reviews, campaigns;

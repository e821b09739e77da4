-- Claims: what partners complain of, line by line, and what the host decided by which rules. Born in the portal; decisions go to the core.

-- +goose Up
-- The rules of each kind of claim are data: a version is never changed, only followed by another.
CREATE TABLE claim_policies (
  kind       text NOT NULL CONSTRAINT claim_policies_have_a_known_kind CHECK (kind IN ('warranty', 'transit', 'shortage', 'price', 'return')),
  version    integer NOT NULL,
  name       text NOT NULL,
  valid_from date NOT NULL,
  valid_to   date,
  rules      text NOT NULL,
  made_at    timestamptz NOT NULL,
  made_by    text NOT NULL,
  PRIMARY KEY (kind, version)
);
GRANT SELECT ON claim_policies TO extranet_partner, extranet_host, extranet_worker;
GRANT INSERT ON claim_policies TO extranet_host;

CREATE TABLE claims (
  partner_id    bigint NOT NULL REFERENCES partners,
  number        text NOT NULL,
  kind          text NOT NULL CONSTRAINT claims_have_a_known_kind CHECK (kind IN ('warranty', 'transit', 'shortage', 'price', 'return')),
  site          text NOT NULL,
  currency      text NOT NULL,
  reference     text NOT NULL,
  contact_email text NOT NULL,
  created_at    timestamptz NOT NULL,
  created_by    text NOT NULL,
  submitted_at  timestamptz,
  changed_at    timestamptz NOT NULL,
  -- The least advanced of its open lines, and when which side has to do what; 'closed' when none is open.
  state         text NOT NULL,
  owner         text,
  due_at        timestamptz,
  PRIMARY KEY (partner_id, number),
  CONSTRAINT claims_have_no_dead_end CHECK (state = 'closed' OR owner IN ('dealer', 'host') AND due_at IS NOT NULL)
);
CREATE INDEX claims_by_time ON claims (partner_id, created_at DESC, number DESC);
CREATE INDEX claims_by_state ON claims (partner_id, state, created_at DESC, number DESC);
CREATE INDEX claims_of_owner ON claims (owner, due_at, partner_id, number) WHERE owner IS NOT NULL;
ALTER TABLE claims ENABLE ROW LEVEL SECURITY;
ALTER TABLE claims FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON claims TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY desk ON claims TO extranet_host, extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON claims TO extranet_partner;
GRANT SELECT, UPDATE ON claims TO extranet_host, extranet_worker;

CREATE TABLE claim_lines (
  partner_id   bigint NOT NULL REFERENCES partners,
  claim        text NOT NULL,
  line         bigint NOT NULL,
  state        text NOT NULL CONSTRAINT claim_lines_have_a_known_state CHECK (state IN ('draft', 'submitted', 'in_review', 'asked', 'proposed', 'appealed', 'approved', 'in_part', 'refused', 'credited', 'withdrawn')),
  owner        text,
  due_at       timestamptz,
  next_action  text,
  facts        text NOT NULL,
  -- What was decided, or would be: the version of the rules, what they were given, what they gave.
  version      integer,
  inputs       text,
  result       text,
  preflight    text,
  amount       numeric,
  words        text,
  decided_at   timestamptz,
  decided_by   text,
  decider      text,
  approved_by  text,
  credit_memo  text,
  PRIMARY KEY (partner_id, claim, line),
  FOREIGN KEY (partner_id, claim) REFERENCES claims,
  CONSTRAINT claim_lines_have_no_dead_end CHECK (state IN ('refused', 'credited', 'withdrawn') OR owner IN ('dealer', 'host') AND due_at IS NOT NULL AND next_action IS NOT NULL),
  CONSTRAINT claim_lines_are_decided_by_rules CHECK (state NOT IN ('proposed', 'approved', 'in_part', 'refused', 'credited') OR decided_at IS NOT NULL)
);
CREATE INDEX claim_lines_uncredited ON claim_lines (partner_id, claim) WHERE state IN ('approved', 'in_part');
ALTER TABLE claim_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE claim_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON claim_lines TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY desk ON claim_lines TO extranet_host, extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON claim_lines TO extranet_partner, extranet_host;
GRANT SELECT, UPDATE ON claim_lines TO extranet_worker;

-- Who did what to a claim, when and why.
CREATE TABLE claim_events (
  partner_id bigint NOT NULL REFERENCES partners,
  claim      text NOT NULL,
  seq        bigint NOT NULL,
  line       bigint,
  at         timestamptz NOT NULL,
  side       text NOT NULL,
  by_name    text NOT NULL,
  what       text NOT NULL,
  words      text NOT NULL,
  PRIMARY KEY (partner_id, claim, seq),
  FOREIGN KEY (partner_id, claim) REFERENCES claims
);
ALTER TABLE claim_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE claim_events FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON claim_events TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY desk ON claim_events TO extranet_host, extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON claim_events TO extranet_partner, extranet_host, extranet_worker;

-- What the core decided by itself about claims that it was told of.
CREATE TABLE claim_decisions (
  partner_id  bigint NOT NULL REFERENCES partners,
  decision    text NOT NULL,
  claim       text NOT NULL,
  line        bigint NOT NULL,
  outcome     text NOT NULL CONSTRAINT claim_decisions_have_a_known_outcome CHECK (outcome IN ('approved', 'in_part', 'refused')),
  amount      numeric NOT NULL,
  currency    text NOT NULL,
  code        text,
  words       text,
  decided_on  date NOT NULL,
  credit_memo text,
  changed_at  timestamptz NOT NULL,
  PRIMARY KEY (partner_id, decision)
);
CREATE INDEX claim_decisions_by_key ON claim_decisions (decision);
CREATE INDEX claim_decisions_by_claim ON claim_decisions (partner_id, claim, line);
ALTER TABLE claim_decisions ENABLE ROW LEVEL SECURITY;
ALTER TABLE claim_decisions FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON claim_decisions TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON claim_decisions FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON claim_decisions TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON claim_decisions TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON claim_decisions TO extranet_worker;

-- The rules that a new portal begins with; the host follows them with its own.
INSERT INTO claim_policies (kind, version, name, valid_from, rules, made_at, made_by) VALUES
  ('warranty', 1, 'Tyres: workmanship and material, six years', '2000-01-01', '{
    "require": ["product", "serial", "quantity", "purchased_on", "failed_on", "new_tread", "tread", "condition", "cause", "price"], "photos": 1,
    "within": {"field": "failed_on", "days": 90}, "max_age_months": 72, "free_months": 12, "free_worn": "0.25", "pro_rata": true, "legal_tread": "1.6",
    "warranted_usage": "80000", "labour_rate": "60", "labour_most": "2", "goodwill_most": "0.5", "second_above": "1500",
    "causes": [{"code": "separation", "says": "Belt or tread separation"}, {"code": "bead", "says": "Bead damage from manufacture"}, {"code": "vibration", "says": "Vibration, out of round"}, {"code": "early_wear", "says": "Worn out before the warranted usage", "usage": true}, {"code": "other", "says": "Another fault of material or work"}],
    "conditions": [{"code": "sound", "says": "No damage from use found"}, {"code": "puncture", "says": "Puncture or cut", "excluded": true, "cure": "Road hazards are not a fault of the tyre; ask your insurer or a road hazard programme"}, {"code": "run_low", "says": "Run flat or at low pressure", "excluded": true, "cure": "If the pressure was checked, send the monitoring log and appeal"}, {"code": "impact", "says": "Impact or kerb damage", "excluded": true, "cure": "Send photos of the inner side that show no impact and appeal"}, {"code": "alignment", "says": "Uneven wear from alignment", "excluded": true, "cure": "Send the alignment record from before the failure and appeal"}, {"code": "repair", "says": "Improper repair", "excluded": true, "cure": "Send the repair record of an approved workshop and appeal"}],
    "texts": [{"title": "Inner side", "words": "Please add a photo of the inner side of the tyre at the damage, and one of the serial on the side wall."}, {"title": "Pressure log", "words": "Please add the log of the pressure monitoring for the last 1,000 km."}, {"title": "Proof of purchase", "words": "Please add the proof of purchase of the end customer."}]}', now(), 'extranet'),
  ('transit', 1, 'Damage in transit', '2000-01-01', '{
    "require": ["product", "quantity", "shipment", "delivered_on", "price", "words"], "photos": 1, "within": {"field": "delivered_on", "days": 7}, "second_above": "2500",
    "conditions": [{"code": "package", "says": "Package and goods damaged"}, {"code": "hidden", "says": "Package sound, goods damaged"}],
    "texts": [{"title": "Package", "words": "Please add a photo of the package with its label, and the delivery note with the driver''s remark."}]}', now(), 'extranet'),
  ('shortage', 1, 'Short or wrong delivery', '2000-01-01', '{
    "require": ["product", "quantity", "shipment", "delivered_on", "received", "price"], "within": {"field": "delivered_on", "days": 10}, "pays": "missing", "second_above": "2500",
    "conditions": [{"code": "missing", "says": "Less than on the delivery note"}, {"code": "wrong", "says": "Another article than ordered"}],
    "texts": [{"title": "Count", "words": "Please confirm the count, and add a photo of the goods beside the delivery note."}]}', now(), 'extranet'),
  ('price', 1, 'Billed at another price than agreed', '2000-01-01', '{
    "require": ["product", "quantity", "invoice", "price", "agreed_price", "words"], "within": {"field": "invoiced_on", "days": 90}, "pays": "difference", "second_above": "2500",
    "texts": [{"title": "Agreement", "words": "Please add the offer, contract or confirmation that names the agreed price."}]}', now(), 'extranet'),
  ('return', 1, 'Return of unused goods', '2000-01-01', '{
    "require": ["product", "quantity", "delivered_on", "condition", "price", "words"], "within": {"field": "delivered_on", "days": 30}, "share": "0.9", "second_above": "2500",
    "conditions": [{"code": "unopened", "says": "Unopened, as delivered"}, {"code": "opened", "says": "Opened, unused"}, {"code": "used", "says": "Used or mounted", "excluded": true, "cure": "Used goods are not taken back; where they are faulty, file a warranty claim"}],
    "texts": [{"title": "Address", "words": "Please send the goods freight paid to the warehouse on the delivery note, with the claim''s number on the package."}]}', now(), 'extranet');

-- +goose Down
DROP TABLE claim_decisions, claim_events, claim_lines, claims, claim_policies;

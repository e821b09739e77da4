-- The versions of a purchase order that the portal saw, what the supplier answered, and what it has promised.

-- +goose Up
-- content is the terms that the host asked for, as JSON; answer_by is the day the answer is due.
CREATE TABLE purchase_versions (
  partner_id   bigint NOT NULL REFERENCES partners,
  order_number text NOT NULL,
  version      integer NOT NULL,
  at           timestamptz NOT NULL,
  answer_by    date NOT NULL,
  content      text NOT NULL,
  PRIMARY KEY (partner_id, order_number, version)
);
ALTER TABLE purchase_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE purchase_versions FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON purchase_versions TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON purchase_versions FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON purchase_versions TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON purchase_versions TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON purchase_versions TO extranet_worker;

CREATE TABLE purchase_answers (
  partner_id   bigint NOT NULL REFERENCES partners,
  order_number text NOT NULL,
  answer       integer NOT NULL,
  version      integer NOT NULL,
  command_id   uuid NOT NULL,
  at           timestamptz NOT NULL,
  by_whom      text NOT NULL,
  note         text NOT NULL,
  PRIMARY KEY (partner_id, order_number, answer)
);
CREATE INDEX purchase_answers_by_time ON purchase_answers (partner_id, at DESC);
ALTER TABLE purchase_answers ENABLE ROW LEVEL SECURITY;
ALTER TABLE purchase_answers FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON purchase_answers TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON purchase_answers FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON purchase_answers TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON purchase_answers TO extranet_partner;
GRANT SELECT ON purchase_answers TO extranet_host, extranet_worker;

-- state: settled needs no decision; waiting is the host's to decide; overtaken by a later answer or version.
CREATE TABLE purchase_answer_lines (
  partner_id   bigint NOT NULL REFERENCES partners,
  order_number text NOT NULL,
  answer       integer NOT NULL,
  line         bigint NOT NULL,
  content      text NOT NULL,
  state        text NOT NULL CONSTRAINT purchase_answers_wait_or_end CHECK (state IN ('settled', 'waiting', 'accepted', 'refused', 'overtaken')),
  why          text,
  decided_at   timestamptz,
  PRIMARY KEY (partner_id, order_number, answer, line)
);
CREATE INDEX purchase_answer_lines_waiting ON purchase_answer_lines (partner_id, order_number, line) WHERE state = 'waiting';
ALTER TABLE purchase_answer_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE purchase_answer_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON purchase_answer_lines TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON purchase_answer_lines FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON purchase_answer_lines TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE (state) ON purchase_answer_lines TO extranet_partner;
GRANT SELECT ON purchase_answer_lines TO extranet_host;
GRANT SELECT, UPDATE ON purchase_answer_lines TO extranet_worker;

-- What stands: how much of a line the supplier delivers on which day.
CREATE TABLE purchase_promises (
  partner_id   bigint NOT NULL REFERENCES partners,
  order_number text NOT NULL,
  line         bigint NOT NULL,
  part         integer NOT NULL,
  promised_on  date NOT NULL,
  quantity     numeric NOT NULL CONSTRAINT purchase_promises_are_of_something CHECK (quantity > 0),
  PRIMARY KEY (partner_id, order_number, line, part)
);
ALTER TABLE purchase_promises ENABLE ROW LEVEL SECURITY;
ALTER TABLE purchase_promises FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON purchase_promises TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON purchase_promises FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON purchase_promises TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON purchase_promises TO extranet_partner;
GRANT SELECT ON purchase_promises TO extranet_host;
GRANT SELECT, INSERT, DELETE ON purchase_promises TO extranet_worker;

-- What the host decided about answers that differ from what it asked for, as the core has it.
CREATE TABLE purchase_decisions (
  partner_id   bigint NOT NULL REFERENCES partners,
  order_number text NOT NULL,
  answer       bigint NOT NULL,
  line         bigint NOT NULL,
  accepted     boolean NOT NULL,
  why          text,
  decided_at   timestamptz NOT NULL,
  changed_at   timestamptz NOT NULL,
  PRIMARY KEY (partner_id, order_number, answer, line)
);
CREATE INDEX purchase_decisions_by_key ON purchase_decisions (order_number, answer, line);
CREATE INDEX purchase_decisions_by_change ON purchase_decisions (changed_at);
ALTER TABLE purchase_decisions ENABLE ROW LEVEL SECURITY;
ALTER TABLE purchase_decisions FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON purchase_decisions TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON purchase_decisions FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON purchase_decisions TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON purchase_decisions TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON purchase_decisions TO extranet_worker;

-- What the host asks of every supplier alike.
CREATE TABLE purchasing_policy (
  one         boolean PRIMARY KEY DEFAULT true CONSTRAINT purchasing_policy_is_one CHECK (one),
  answer_days integer NOT NULL CHECK (answer_days BETWEEN 0 AND 60),
  claim_days  integer NOT NULL CHECK (claim_days BETWEEN 0 AND 365),
  over_warn   numeric NOT NULL CHECK (over_warn >= 0),
  over_stop   numeric NOT NULL CHECK (over_stop >= over_warn),
  early_warn  integer NOT NULL CHECK (early_warn >= 0),
  early_stop  integer NOT NULL CHECK (early_stop >= early_warn)
);
INSERT INTO purchasing_policy (answer_days, claim_days, over_warn, over_stop, early_warn, early_stop) VALUES (2, 14, 0, 5, 2, 10);
GRANT SELECT ON purchasing_policy TO extranet_partner, extranet_host, extranet_worker;
GRANT UPDATE ON purchasing_policy TO extranet_host;

-- +goose Down
DROP TABLE purchasing_policy, purchase_decisions, purchase_promises, purchase_answer_lines, purchase_answers, purchase_versions;

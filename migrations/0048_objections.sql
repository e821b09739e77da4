-- What suppliers object to: that something of theirs was rejected or sent back.

-- +goose Up
-- state: waiting for the host; accepted = the rejection is taken back; upheld = it stands; not_taken by the core.
CREATE TABLE receipt_objections (
  partner_id  bigint NOT NULL REFERENCES partners,
  receipt     text NOT NULL,
  words       text NOT NULL,
  state       text NOT NULL DEFAULT 'waiting' CONSTRAINT receipt_objections_wait_or_end CHECK (state IN ('waiting', 'accepted', 'upheld', 'not_taken')),
  command_id  uuid NOT NULL,
  at          timestamptz NOT NULL,
  by_whom     text NOT NULL,
  answer      text NOT NULL DEFAULT '',
  answered_at timestamptz,
  answered_by text NOT NULL DEFAULT '',
  CONSTRAINT receipt_objections_once_per_receipt PRIMARY KEY (partner_id, receipt)
);
CREATE INDEX receipt_objections_waiting ON receipt_objections (at) WHERE state = 'waiting';
CREATE INDEX receipt_objections_by_state ON receipt_objections (partner_id, state, receipt);
CREATE INDEX receipts_across ON receipts (day, partner_id, receipt);
CREATE INDEX receipts_across_with_defects ON receipts (day, partner_id, receipt) WHERE defects;
ALTER TABLE receipt_objections ENABLE ROW LEVEL SECURITY;
ALTER TABLE receipt_objections FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON receipt_objections TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY decide ON receipt_objections TO extranet_host, extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON receipt_objections TO extranet_partner;
GRANT SELECT, UPDATE ON receipt_objections TO extranet_host, extranet_worker;

-- +goose Down
DROP INDEX receipts_across_with_defects, receipts_across;
DROP TABLE receipt_objections;

-- Mail on its way. It is written in the transaction of what it tells of, and sent afterwards; what it says is forgotten
-- once it is sent, for an invitation's link lets somebody in. A partner writes mail and reads none.

-- +goose Up
CREATE TABLE mails (
  partner_id  bigint NOT NULL REFERENCES partners,
  mail_id     uuid NOT NULL,
  recipient   text NOT NULL,
  subject     text NOT NULL,
  content     text NOT NULL,
  path        text NOT NULL,
  posted_at   timestamptz NOT NULL,
  state       text NOT NULL DEFAULT 'waiting' CONSTRAINT mails_wait_or_end CHECK (state IN ('waiting', 'sent', 'given_up')),
  tries       integer NOT NULL DEFAULT 0,
  next_try_at timestamptz NOT NULL,
  fault       text,
  ended_at    timestamptz,
  PRIMARY KEY (partner_id, mail_id)
);
CREATE INDEX mails_waiting ON mails (next_try_at, mail_id) WHERE state = 'waiting';
CREATE INDEX mails_ended ON mails (ended_at) WHERE ended_at IS NOT NULL;
ALTER TABLE mails ENABLE ROW LEVEL SECURITY;
ALTER TABLE mails FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON mails TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY staff ON mails FOR INSERT TO extranet_host, extranet_door WITH CHECK (true);
CREATE POLICY post ON mails TO extranet_worker USING (true) WITH CHECK (true);
GRANT INSERT ON mails TO extranet_partner, extranet_host, extranet_door;
GRANT SELECT, INSERT, UPDATE, DELETE ON mails TO extranet_worker;

-- +goose Down
DROP TABLE mails;

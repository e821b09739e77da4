-- What a partner may still buy, as the core has it: one account for each currency it trades in.

-- +goose Up
CREATE TABLE account_status (
  partner_id   bigint NOT NULL REFERENCES partners,
  account      text NOT NULL,
  currency     text NOT NULL,
  credit_limit numeric,
  balance      numeric NOT NULL,
  on_hold      boolean NOT NULL,
  hold_reason  text,
  terms        text,
  changed_at   timestamptz NOT NULL,
  PRIMARY KEY (partner_id, account)
);
CREATE INDEX account_status_by_key ON account_status (account);
ALTER TABLE account_status ENABLE ROW LEVEL SECURITY;
ALTER TABLE account_status FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON account_status TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON account_status FOR SELECT TO extranet_host USING (true);
CREATE POLICY mirror ON account_status TO extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT ON account_status TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE, DELETE ON account_status TO extranet_worker;

-- +goose Down
DROP TABLE account_status;

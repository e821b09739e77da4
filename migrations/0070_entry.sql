-- How people must sign in to act for a partner, as the host decides it.

-- +goose Up
-- domains are the mail domains that people may have, '{}' any; issuer is the address of the one issuer that counts, '' any.
-- A second factor is demanded where acr or amr name something: the issuer must have said one of these of the sign-in.
-- groups_decide: who signs in at the issuer is what entry_groups make of the groups that the issuer says they are in.
CREATE TABLE entry_rules (
  partner_id    bigint PRIMARY KEY REFERENCES partners,
  domains       text[] NOT NULL,
  issuer        text NOT NULL,
  acr           text[] NOT NULL,
  amr           text[] NOT NULL,
  groups_decide boolean NOT NULL,
  changed_by    text NOT NULL,
  changed_at    timestamptz NOT NULL,
  CONSTRAINT entry_rules_groups_are_an_issuers CHECK (NOT groups_decide OR issuer <> '' AND domains <> '{}')
);
ALTER TABLE entry_rules ENABLE ROW LEVEL SECURITY;
ALTER TABLE entry_rules FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON entry_rules TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON entry_rules TO extranet_host USING (true) WITH CHECK (true);
CREATE POLICY door ON entry_rules FOR SELECT TO extranet_door USING (true);
GRANT SELECT ON entry_rules TO extranet_partner, extranet_host, extranet_door;
GRANT INSERT, UPDATE ON entry_rules TO extranet_host;
CREATE INDEX entry_rules_by_issuer ON entry_rules (issuer) WHERE groups_decide;

-- What a group of the partner's issuer makes its members at the partner.
CREATE TABLE entry_groups (
  partner_id bigint NOT NULL REFERENCES partners,
  name       text NOT NULL,
  roles      text[] NOT NULL,
  PRIMARY KEY (partner_id, name)
);
ALTER TABLE entry_groups ENABLE ROW LEVEL SECURITY;
ALTER TABLE entry_groups FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON entry_groups TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON entry_groups TO extranet_host USING (true) WITH CHECK (true);
CREATE POLICY door ON entry_groups FOR SELECT TO extranet_door USING (true);
GRANT SELECT ON entry_groups TO extranet_partner, extranet_host, extranet_door;
GRANT INSERT, DELETE ON entry_groups TO extranet_host;

-- How the issuer says that somebody signed in.
ALTER TABLE sessions ADD COLUMN acr text NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN amr text[] NOT NULL DEFAULT '{}';

ALTER TABLE memberships DROP CONSTRAINT memberships_come_from;
ALTER TABLE memberships ADD CONSTRAINT memberships_come_from CHECK (origin IN ('invitation', 'contact', 'operator', 'groups', 'directory'));
GRANT UPDATE (origin) ON memberships TO extranet_partner;

-- +goose Down
REVOKE UPDATE (origin) ON memberships FROM extranet_partner;
ALTER TABLE memberships DROP CONSTRAINT memberships_come_from;
ALTER TABLE memberships ADD CONSTRAINT memberships_come_from CHECK (origin IN ('invitation', 'contact', 'operator'));
ALTER TABLE sessions DROP COLUMN acr, DROP COLUMN amr;
DROP TABLE entry_groups, entry_rules;

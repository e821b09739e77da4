-- What decides who may see what: roles of the host's own, programmes of partners, what the host granted a partner's
-- administrators, limits of a member, and the history of all of it.

-- +goose Up
-- A role that the host defined, beside those the portal brings. side is whose people can hold it.
CREATE TABLE roles (
  name        text PRIMARY KEY,
  side        text NOT NULL CONSTRAINT roles_are_held_on_a_side CHECK (side IN ('host', 'dealer', 'supplier', 'partner')),
  title       text NOT NULL,
  permissions text[] NOT NULL,
  changed_by  text NOT NULL,
  changed_at  timestamptz NOT NULL
);
GRANT SELECT ON roles TO extranet_partner, extranet_host, extranet_door, extranet_worker;
GRANT INSERT, UPDATE, DELETE ON roles TO extranet_host;

-- A programme, or segment, that partners belong to; modules are what it opens to them.
CREATE TABLE programmes (
  name       text PRIMARY KEY,
  title      text NOT NULL,
  modules    text[] NOT NULL,
  changed_by text NOT NULL,
  changed_at timestamptz NOT NULL
);
GRANT SELECT ON programmes TO extranet_partner, extranet_host, extranet_door, extranet_worker;
GRANT INSERT, UPDATE, DELETE ON programmes TO extranet_host;

CREATE TABLE partner_programmes (
  partner_id bigint NOT NULL REFERENCES partners,
  programme  text NOT NULL REFERENCES programmes,
  since      timestamptz NOT NULL,
  PRIMARY KEY (partner_id, programme)
);
CREATE INDEX partner_programmes_by_programme ON partner_programmes (programme, partner_id);
ALTER TABLE partner_programmes ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_programmes FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON partner_programmes TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON partner_programmes TO extranet_host USING (true) WITH CHECK (true);
CREATE POLICY door ON partner_programmes FOR SELECT TO extranet_door, extranet_worker USING (true);
GRANT SELECT ON partner_programmes TO extranet_partner, extranet_host, extranet_door, extranet_worker;
GRANT INSERT, DELETE ON partner_programmes TO extranet_host;

-- What the host lets a partner's own administrators grant: delegable NULL is every role of the partner's kind.
-- sponsor is who looks after the partner at the host, by the number the core knows them by.
CREATE TABLE partner_settings (
  partner_id bigint PRIMARY KEY REFERENCES partners,
  delegable  text[],
  sponsor    text,
  changed_by text NOT NULL,
  changed_at timestamptz NOT NULL
);
ALTER TABLE partner_settings ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_settings FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON partner_settings TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON partner_settings TO extranet_host USING (true) WITH CHECK (true);
CREATE POLICY door ON partner_settings FOR SELECT TO extranet_door USING (true);
GRANT SELECT ON partner_settings TO extranet_partner, extranet_host, extranet_door;
GRANT INSERT, UPDATE ON partner_settings TO extranet_host;
CREATE INDEX partner_settings_by_sponsor ON partner_settings (sponsor, partner_id);

-- A member who is suspended stays one, and is let in nowhere. order_limit is the most an order of theirs may come to
-- without a colleague's approval, in the partner's currency; NULL is no limit.
ALTER TABLE memberships ADD COLUMN suspended_at timestamptz;
ALTER TABLE memberships ADD COLUMN suspended_by text;
ALTER TABLE memberships ADD COLUMN order_limit numeric;
ALTER TABLE memberships ADD CONSTRAINT memberships_have_no_negative_limit CHECK (order_limit >= 0);
GRANT UPDATE (roles, sites, order_limit, granted_by, granted_at, suspended_at, suspended_by) ON memberships TO extranet_partner, extranet_host;
GRANT INSERT, UPDATE (name, email, origin) ON memberships TO extranet_host;
CREATE INDEX memberships_by_name ON memberships (partner_id, name, person_id);
CREATE INDEX memberships_by_email ON memberships ((lower(email)) text_pattern_ops);

ALTER TABLE invitations ADD COLUMN order_limit numeric;
ALTER TABLE invitations ADD COLUMN sent integer NOT NULL DEFAULT 0;
GRANT UPDATE (secret_hash, expires_at, sent) ON invitations TO extranet_partner, extranet_host;

GRANT UPDATE (expires_at, name) ON tokens TO extranet_partner, extranet_host;
GRANT SELECT (name, permissions, sites, expires_at) ON tokens TO extranet_worker;

-- What somebody, or a token, could do from a time on, as it was written in the transaction that made it so. Rows are
-- added and never changed. state ended and suspended mean nothing from then on. permissions are those that the roles
-- allowed then, whatever the roles mean now.
CREATE TABLE grants (
  partner_id  bigint NOT NULL REFERENCES partners,
  grant_id    uuid NOT NULL,
  at          timestamptz NOT NULL,
  subject_id  uuid NOT NULL,
  kind        text NOT NULL CONSTRAINT grants_are_a_persons_or_a_tokens CHECK (kind IN ('person', 'token')),
  name        text NOT NULL,
  email       text NOT NULL,
  state       text NOT NULL CONSTRAINT grants_hold_or_not CHECK (state IN ('active', 'suspended', 'ended')),
  roles       text[] NOT NULL,
  sites       text[],
  permissions text[] NOT NULL,
  expires_at  timestamptz,
  changed_by  text NOT NULL,
  why         text NOT NULL,
  PRIMARY KEY (partner_id, grant_id)
);
CREATE INDEX grants_by_subject ON grants (partner_id, subject_id, at DESC, grant_id DESC);
ALTER TABLE grants ENABLE ROW LEVEL SECURITY;
ALTER TABLE grants FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON grants TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON grants TO extranet_host, extranet_door, extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON grants TO extranet_partner, extranet_host, extranet_door, extranet_worker;
-- History begins with those who have access now.
INSERT INTO grants (partner_id, grant_id, at, subject_id, kind, name, email, state, roles, sites, permissions, changed_by, why)
SELECT partner_id, gen_random_uuid(), granted_at, person_id, 'person', name, email, 'active', roles, sites, '{}', granted_by, origin
FROM memberships WHERE ended_at IS NULL;

-- +goose Down
DROP TABLE grants, partner_settings, partner_programmes, programmes, roles;
ALTER TABLE invitations DROP COLUMN sent, DROP COLUMN order_limit;
ALTER TABLE memberships DROP COLUMN suspended_at, DROP COLUMN suspended_by, DROP COLUMN order_limit;

-- What a partner's own directory says of its people and groups (SCIM 2.0, RFC 7643).

-- +goose Up
-- person_id is who signed in with the mail address; NULL until they do.
CREATE TABLE scim_users (
  partner_id   bigint NOT NULL REFERENCES partners,
  user_id      uuid NOT NULL,
  user_name    text NOT NULL,
  external_id  text NOT NULL,
  email        text NOT NULL,
  given_name   text NOT NULL,
  family_name  text NOT NULL,
  display_name text NOT NULL,
  active       boolean NOT NULL,
  person_id    uuid REFERENCES people,
  created_at   timestamptz NOT NULL,
  changed_at   timestamptz NOT NULL,
  PRIMARY KEY (partner_id, user_id)
);
CREATE UNIQUE INDEX scim_users_once_per_name ON scim_users (partner_id, lower(user_name));
CREATE UNIQUE INDEX scim_users_once_per_email ON scim_users (partner_id, lower(email));
CREATE INDEX scim_users_by_email ON scim_users (lower(email));
ALTER TABLE scim_users ENABLE ROW LEVEL SECURITY;
ALTER TABLE scim_users FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON scim_users TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY door ON scim_users TO extranet_door USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON scim_users TO extranet_partner;
GRANT SELECT, UPDATE (person_id) ON scim_users TO extranet_door;

CREATE TABLE scim_groups (
  partner_id  bigint NOT NULL REFERENCES partners,
  group_id    uuid NOT NULL,
  name        text NOT NULL,
  external_id text NOT NULL,
  created_at  timestamptz NOT NULL,
  changed_at  timestamptz NOT NULL,
  PRIMARY KEY (partner_id, group_id)
);
CREATE UNIQUE INDEX scim_groups_once_per_name ON scim_groups (partner_id, lower(name));
ALTER TABLE scim_groups ENABLE ROW LEVEL SECURITY;
ALTER TABLE scim_groups FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON scim_groups TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY door ON scim_groups FOR SELECT TO extranet_door USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON scim_groups TO extranet_partner;
GRANT SELECT ON scim_groups TO extranet_door;

CREATE TABLE scim_members (
  partner_id bigint NOT NULL REFERENCES partners,
  group_id   uuid NOT NULL,
  user_id    uuid NOT NULL,
  PRIMARY KEY (partner_id, group_id, user_id),
  FOREIGN KEY (partner_id, group_id) REFERENCES scim_groups ON DELETE CASCADE,
  FOREIGN KEY (partner_id, user_id) REFERENCES scim_users ON DELETE CASCADE
);
CREATE INDEX scim_members_by_user ON scim_members (partner_id, user_id);
ALTER TABLE scim_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE scim_members FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON scim_members TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY door ON scim_members FOR SELECT TO extranet_door USING (true);
GRANT SELECT, INSERT, DELETE ON scim_members TO extranet_partner;
GRANT SELECT ON scim_members TO extranet_door;

-- +goose Down
DROP TABLE scim_members, scim_groups, scim_users;

-- People, how they sign in, what they are members of. Only the door reads these across partners.

-- +goose Up
CREATE TABLE people (
  person_id  uuid PRIMARY KEY,
  name       text NOT NULL,
  email      text NOT NULL,
  generation bigint NOT NULL DEFAULT 0,
  seen_at    timestamptz,
  created_at timestamptz NOT NULL
);
-- One mail address is one person, however it is written.
CREATE UNIQUE INDEX people_once_per_email ON people (lower(email));
GRANT SELECT, INSERT, UPDATE ON people TO extranet_door;
GRANT SELECT ON people TO extranet_host;
GRANT UPDATE (generation) ON people TO extranet_host;
GRANT SELECT, UPDATE (generation) ON people TO extranet_worker;
-- Whoever ends a membership counts the person's access up, and reads nobody's name.
GRANT SELECT (person_id, generation), UPDATE (generation) ON people TO extranet_partner;

-- Who somebody is: the issuer and its subject, never the mail address.
CREATE TABLE identities (
  issuer     text NOT NULL,
  subject    text NOT NULL,
  person_id  uuid NOT NULL REFERENCES people,
  linked_at  timestamptz NOT NULL,
  PRIMARY KEY (issuer, subject)
);
CREATE INDEX identities_by_person ON identities (person_id);
GRANT SELECT, INSERT ON identities TO extranet_door;

-- What a person is at a partner. sites NULL means all of them. name and email are the person's, as of the last sign-in,
-- so that a partner can be shown its own members and no other people. ended_by 'core' is the one end that may be undone
-- by itself: the core closed the partner, or took the contact's leave to log on.
CREATE TABLE memberships (
  partner_id bigint NOT NULL REFERENCES partners,
  person_id  uuid NOT NULL REFERENCES people,
  name       text NOT NULL,
  email      text NOT NULL,
  roles      text[] NOT NULL,
  sites      text[],
  origin     text NOT NULL CONSTRAINT memberships_come_from CHECK (origin IN ('invitation', 'contact', 'operator')),
  granted_by text NOT NULL,
  granted_at timestamptz NOT NULL,
  ended_at   timestamptz,
  ended_by   text,
  PRIMARY KEY (partner_id, person_id)
);
CREATE INDEX memberships_by_person ON memberships (person_id);
ALTER TABLE memberships ENABLE ROW LEVEL SECURITY;
ALTER TABLE memberships FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON memberships TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON memberships TO extranet_host USING (true) WITH CHECK (true);
CREATE POLICY door ON memberships TO extranet_door, extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT, UPDATE (ended_at, ended_by) ON memberships TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE ON memberships TO extranet_door, extranet_worker;

-- An invitation is good once, for whoever opens it with a mail address that the issuer verified.
CREATE TABLE invitations (
  partner_id    bigint NOT NULL REFERENCES partners,
  invitation_id uuid NOT NULL,
  email         text NOT NULL,
  roles         text[] NOT NULL,
  sites         text[],
  secret_hash   bytea NOT NULL,
  invited_by    text NOT NULL,
  invited_at    timestamptz NOT NULL,
  expires_at    timestamptz NOT NULL,
  accepted_at   timestamptz,
  accepted_by   uuid REFERENCES people,
  revoked_at    timestamptz,
  PRIMARY KEY (partner_id, invitation_id)
);
CREATE INDEX invitations_by_secret ON invitations (secret_hash);
ALTER TABLE invitations ENABLE ROW LEVEL SECURITY;
ALTER TABLE invitations FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON invitations TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY door ON invitations TO extranet_door, extranet_host USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON invitations TO extranet_partner, extranet_host;
GRANT UPDATE (revoked_at) ON invitations TO extranet_partner, extranet_host;
GRANT SELECT, UPDATE (accepted_at, accepted_by) ON invitations TO extranet_door;

-- A sign-in under way: kept on our side, good once, for ten minutes.
CREATE TABLE logins (
  state_hash   bytea PRIMARY KEY,
  browser_hash bytea NOT NULL,
  issuer       text NOT NULL,
  nonce        text NOT NULL,
  verifier     text NOT NULL,
  return_to    text NOT NULL,
  invitation   bytea,
  expires_at   timestamptz NOT NULL
);
CREATE INDEX logins_by_expiry ON logins (expires_at);
GRANT SELECT, INSERT, DELETE ON logins TO extranet_door;

-- A session is known by the hash of its secret. It outlives Redis and the process, not its limits.
CREATE TABLE sessions (
  session_hash bytea PRIMARY KEY,
  session_id   uuid NOT NULL UNIQUE,
  person_id    uuid NOT NULL REFERENCES people,
  partner_id   bigint NOT NULL REFERENCES partners,
  issuer       text NOT NULL,
  subject      text NOT NULL,
  sid          text NOT NULL,
  id_token     text NOT NULL,
  device       text NOT NULL,
  created_at   timestamptz NOT NULL,
  seen_at      timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  ended_at     timestamptz,
  ended_by     text
);
CREATE INDEX sessions_by_person ON sessions (person_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_subject ON sessions (issuer, subject) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_sid ON sessions (issuer, sid) WHERE ended_at IS NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO extranet_door;

-- Back-channel logout tokens already carried out, so that none works twice.
CREATE TABLE logout_tokens (
  issuer     text NOT NULL,
  jti        text NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (issuer, jti)
);
GRANT SELECT, INSERT, DELETE ON logout_tokens TO extranet_door;

-- A token lets a machine act for one partner, within the permissions it names. One that a person made holds no more than
-- the person does, and ends with their membership; person_id NULL is the operator's.
CREATE TABLE tokens (
  partner_id   bigint NOT NULL REFERENCES partners,
  token_id     uuid NOT NULL,
  name         text NOT NULL,
  secret_hash  bytea NOT NULL,
  permissions  text[] NOT NULL,
  sites        text[],
  person_id    uuid REFERENCES people,
  created_by   text NOT NULL,
  created_at   timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  last_used_at timestamptz,
  revoked_at   timestamptz,
  PRIMARY KEY (partner_id, token_id)
);
CREATE UNIQUE INDEX tokens_once_per_name ON tokens (partner_id, lower(name)) WHERE revoked_at IS NULL;
ALTER TABLE tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON tokens TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY door ON tokens TO extranet_door, extranet_host, extranet_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON tokens TO extranet_partner, extranet_host;
GRANT UPDATE (revoked_at) ON tokens TO extranet_partner, extranet_host;
GRANT SELECT, INSERT, UPDATE (last_used_at, revoked_at) ON tokens TO extranet_door;
GRANT SELECT (partner_id, token_id, person_id, revoked_at), UPDATE (revoked_at) ON tokens TO extranet_worker;

-- Whoever is entered or let in for some sites is let in for those that there are.
CREATE POLICY door ON sites FOR SELECT TO extranet_door USING (true);
GRANT SELECT ON sites TO extranet_door;

-- +goose Down
DROP POLICY door ON sites;
REVOKE SELECT ON sites FROM extranet_door;
DROP TABLE tokens, logout_tokens, sessions, logins, invitations, memberships, identities, people;

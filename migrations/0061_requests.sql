-- What people ask to be let do, and what came of it.

-- +goose Up
-- roles and sites are what is asked for beside what there is; sites NULL is all of them. added_roles and sites_before say what a grant
-- changed, so that it can be taken back. by_host: the host's staff decided, and nobody but they decides anew.
CREATE TABLE access_requests (
  partner_id   bigint NOT NULL REFERENCES partners,
  request_id   uuid NOT NULL,
  person_id    uuid NOT NULL REFERENCES people,
  roles        text[] NOT NULL,
  sites        text[],
  why          text NOT NULL,
  asked_by     text NOT NULL,
  asked_at     timestamptz NOT NULL,
  state        text NOT NULL CONSTRAINT access_requests_have_a_known_state CHECK (state IN ('open', 'granted', 'refused', 'withdrawn')),
  decided_by   text,
  decided_at   timestamptz,
  words        text,
  by_host      boolean NOT NULL DEFAULT false,
  added_roles  text[],
  sites_before text[],
  PRIMARY KEY (partner_id, request_id),
  CONSTRAINT access_requests_are_decided_by_somebody CHECK (state = 'open' OR decided_by IS NOT NULL AND decided_at IS NOT NULL)
);
CREATE UNIQUE INDEX access_requests_open_once ON access_requests (partner_id, person_id) WHERE state = 'open';
CREATE INDEX access_requests_by_time ON access_requests (partner_id, asked_at DESC, request_id DESC);
CREATE INDEX access_requests_by_person ON access_requests (partner_id, person_id, asked_at DESC);
ALTER TABLE access_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE access_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON access_requests TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON access_requests TO extranet_host USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON access_requests TO extranet_partner, extranet_host;
GRANT UPDATE (state, decided_by, decided_at, words, by_host, added_roles, sites_before) ON access_requests TO extranet_partner, extranet_host;

-- +goose Down
DROP TABLE access_requests;

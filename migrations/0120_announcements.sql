-- What the host tells its partners: news, and when the portal is worked on; and who has read it.

-- +goose Up
-- An announcement is the host's own, shown from from_at until to_at. kind: maintenance stands on every page. side, programmes: whose people it is for; NULL is all.
CREATE TABLE announcements (
  announcement_id uuid PRIMARY KEY,
  kind            text NOT NULL CONSTRAINT announcements_are_of_a_known_kind CHECK (kind IN ('news', 'maintenance')),
  title           text NOT NULL,
  words           text NOT NULL,
  side            text CONSTRAINT announcements_are_for_a_known_side CHECK (side IN ('dealer', 'supplier')),
  programmes      text[],
  from_at         timestamptz NOT NULL,
  to_at           timestamptz NOT NULL CONSTRAINT announcements_end_after_they_begin CHECK (to_at > from_at),
  made_by         text NOT NULL,
  made_at         timestamptz NOT NULL,
  withdrawn_at    timestamptz
);
CREATE INDEX announcements_by_begin ON announcements (from_at DESC, announcement_id DESC);
GRANT SELECT ON announcements TO extranet_door, extranet_host;
GRANT INSERT, UPDATE (withdrawn_at) ON announcements TO extranet_host;

CREATE TABLE announcement_reads (
  partner_id      bigint NOT NULL REFERENCES partners,
  announcement_id uuid NOT NULL REFERENCES announcements,
  person_id       uuid NOT NULL REFERENCES people,
  name            text NOT NULL,
  read_at         timestamptz NOT NULL,
  PRIMARY KEY (partner_id, announcement_id, person_id)
);
CREATE INDEX announcement_reads_by_announcement ON announcement_reads (announcement_id, read_at, person_id);
ALTER TABLE announcement_reads ENABLE ROW LEVEL SECURITY;
ALTER TABLE announcement_reads FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON announcement_reads TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON announcement_reads FOR SELECT TO extranet_host USING (true);
GRANT SELECT, INSERT ON announcement_reads TO extranet_partner;
GRANT SELECT ON announcement_reads TO extranet_host;

-- +goose Down
DROP TABLE announcement_reads, announcements;

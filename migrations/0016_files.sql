-- Files that partners add to documents. What they hold lies outside of the database, under a name that nobody chose;
-- it was checked, and rid of what it need not tell, before it was kept.

-- +goose Up
CREATE TABLE files (
  partner_id  bigint NOT NULL REFERENCES partners,
  file_id     uuid NOT NULL,
  document    text NOT NULL,
  name        text NOT NULL,
  kind        text NOT NULL,
  size        bigint NOT NULL,
  sha256      bytea NOT NULL,
  uploaded_at timestamptz NOT NULL,
  uploaded_by text NOT NULL,
  PRIMARY KEY (partner_id, file_id)
);
CREATE INDEX files_by_document ON files (partner_id, document, uploaded_at);
ALTER TABLE files ENABLE ROW LEVEL SECURITY;
ALTER TABLE files FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON files TO extranet_partner USING (partner_id = current_setting('app.partner')::bigint);
CREATE POLICY across ON files TO extranet_host USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON files TO extranet_partner;
GRANT SELECT, INSERT ON files TO extranet_host;

-- +goose Down
DROP TABLE files;

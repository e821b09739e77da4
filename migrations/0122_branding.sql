-- How the portal looks, and whom partners can reach: the host's own.

-- +goose Up
CREATE TABLE branding (
  one           boolean PRIMARY KEY DEFAULT true CONSTRAINT branding_is_one CHECK (one),
  name          text NOT NULL,
  colour        text NOT NULL,
  contact_name  text NOT NULL,
  contact_email text NOT NULL,
  contact_phone text NOT NULL,
  logo_type     text,
  logo          bytea,
  logo_sum      text,
  changed_by    text NOT NULL,
  changed_at    timestamptz NOT NULL
);
GRANT SELECT ON branding TO extranet_door, extranet_host;
GRANT INSERT, UPDATE ON branding TO extranet_host;

-- +goose Down
DROP TABLE branding;

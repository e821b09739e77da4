-- The language that a person chose for the pages and for mail to them; '' = none.

-- +goose Up
ALTER TABLE people ADD COLUMN language text NOT NULL DEFAULT '' CONSTRAINT people_speak_a_known_language CHECK (language IN ('', 'en', 'de', 'fr', 'es'));
-- Everybody chooses for themselves.
GRANT SELECT (language), UPDATE (language) ON people TO extranet_partner;
GRANT UPDATE (language) ON people TO extranet_host;

-- +goose Down
ALTER TABLE people DROP COLUMN language;

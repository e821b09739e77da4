-- A session of the host's staff in which they look at the portal as a partner sees it, for a while and for a reason.

-- +goose Up
ALTER TABLE sessions ADD COLUMN viewing bigint REFERENCES partners;
ALTER TABLE sessions ADD COLUMN viewing_until timestamptz;
ALTER TABLE sessions ADD COLUMN viewing_acts boolean NOT NULL DEFAULT false;

-- +goose Down
ALTER TABLE sessions DROP COLUMN viewing, DROP COLUMN viewing_until, DROP COLUMN viewing_acts;

-- The directory of a host with tens of thousands of partners: each of its filters walks an index in the order of names.

-- +goose Up
CREATE INDEX partners_open_by_kind ON partners (kind, name, partner_id) WHERE closed_at IS NULL;
CREATE INDEX partners_open_by_category ON partners (category, name, partner_id) WHERE closed_at IS NULL;
CREATE INDEX partners_open_by_both ON partners (kind, category, name, partner_id) WHERE closed_at IS NULL;
CREATE INDEX partners_closed_by_name ON partners (name, partner_id) WHERE closed_at IS NOT NULL;

-- +goose Down
DROP INDEX partners_open_by_kind, partners_open_by_category, partners_open_by_both, partners_closed_by_name;

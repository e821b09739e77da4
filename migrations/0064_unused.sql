-- Tokens that nobody uses are found without reading those that are used.

-- +goose Up
CREATE INDEX tokens_by_last_use ON tokens ((coalesce(last_used_at, created_at))) WHERE revoked_at IS NULL;
CREATE INDEX sessions_by_partner ON sessions (partner_id, seen_at DESC) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_issuer ON sessions (issuer, seen_at DESC) WHERE ended_at IS NULL;

-- +goose Down
DROP INDEX sessions_by_issuer, sessions_by_partner, tokens_by_last_use;

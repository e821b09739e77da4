-- An invoice names the credit memos about it.

-- +goose Up
CREATE INDEX invoices_by_credited ON invoices (partner_id, credits) WHERE credits IS NOT NULL;

-- +goose Down
DROP INDEX invoices_by_credited;

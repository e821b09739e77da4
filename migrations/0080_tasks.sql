-- What waits for a side of the claims desk is counted for each partner.

-- +goose Up
CREATE INDEX claims_of_side ON claims (partner_id, owner, due_at) WHERE owner IS NOT NULL;

-- +goose Down
DROP INDEX claims_of_side;

-- Each list of claims walks an index of its own, however many there are: a partner's by kind, by site, or those that are open; the desk's by state, and what is over by when it ended.

-- +goose Up
CREATE INDEX claims_by_kind ON claims (partner_id, kind, created_at DESC, number DESC);
CREATE INDEX claims_by_site ON claims (partner_id, site, created_at DESC, number DESC);
CREATE INDEX claims_open ON claims (partner_id, created_at DESC, number DESC) WHERE owner IS NOT NULL;
CREATE INDEX claims_of_state ON claims (state, due_at, partner_id, number) WHERE owner IS NOT NULL;
CREATE INDEX claims_over ON claims (changed_at DESC, partner_id, number) WHERE state = 'closed';

-- +goose Down
DROP INDEX claims_over, claims_of_state, claims_open, claims_by_site, claims_by_kind;

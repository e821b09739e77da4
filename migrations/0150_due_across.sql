-- Lines of all suppliers' purchase orders by the day on which something of them is to arrive; state and product are what the host's buyers narrow the list by.

-- +goose Up
CREATE INDEX purchase_order_lines_due_across ON purchase_order_lines (next_due_on, partner_id, order_number, line, state, product) WHERE next_due_on IS NOT NULL;

-- +goose Down
DROP INDEX purchase_order_lines_due_across;

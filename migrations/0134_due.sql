-- Lines of a supplier's purchase orders by the day on which something of them is to arrive.

-- +goose Up
CREATE INDEX purchase_order_lines_due ON purchase_order_lines (partner_id, next_due_on, order_number, line) WHERE next_due_on IS NOT NULL;

-- +goose Down
DROP INDEX purchase_order_lines_due;

-- What was placed lately and is not among the mirrored orders yet is looked for on every order page and before every order.

-- +goose Up
CREATE INDEX placed_orders_by_time ON placed_orders (partner_id, placed_at DESC);

-- +goose Down
DROP INDEX placed_orders_by_time;

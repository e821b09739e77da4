-- Ordering: where a product was bought before, carts, templates, orders on their way to the core, who may spend how much.

-- +goose Up
CREATE INDEX order_lines_by_product ON order_lines (partner_id, product, order_number DESC);

-- +goose Down
DROP INDEX order_lines_by_product;

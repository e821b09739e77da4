-- Rows whose updates touch no indexed column stay on their page, and in no index anew, where the page has room for the next version.

-- +goose Up
ALTER TABLE order_lines SET (fillfactor = 85);
ALTER TABLE shipments SET (fillfactor = 85);
ALTER TABLE availability SET (fillfactor = 85);
ALTER TABLE account_status SET (fillfactor = 85);

-- +goose Down
ALTER TABLE order_lines RESET (fillfactor);
ALTER TABLE shipments RESET (fillfactor);
ALTER TABLE availability RESET (fillfactor);
ALTER TABLE account_status RESET (fillfactor);

-- How much of the core's log is kept for a feed that goes by its logical slot.

-- +goose Up
ALTER TABLE feeds ADD slot_bytes bigint NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE feeds DROP slot_bytes;

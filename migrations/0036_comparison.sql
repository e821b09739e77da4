-- What comparing an entity with the whole of the core found, and what of its mapping a feed was read by: so a change of it can say what it has read anew.

-- +goose Up
ALTER TABLE feeds ADD partners_compared bigint NOT NULL DEFAULT 0, ADD partners_repaired bigint NOT NULL DEFAULT 0,
  ADD mapped_by jsonb, ADD columns text[], ADD reread_rows bigint NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE feeds DROP partners_compared, DROP partners_repaired, DROP mapped_by, DROP columns, DROP reread_rows;

-- What else a role of the host's own says, and what a programme opens of the catalogue.

-- +goose Up
-- order_limit is the most an order may come to unapproved for whoever places orders by this role alone; NULL is no limit.
-- named_sites: it is held for sites that are named, never for all of a partner's.
ALTER TABLE roles ADD COLUMN order_limit numeric CONSTRAINT roles_have_no_negative_limit CHECK (order_limit >= 0);
ALTER TABLE roles ADD COLUMN named_sites boolean NOT NULL DEFAULT false;
-- A role that ends is taken out of what is offered, too.
GRANT UPDATE (roles) ON invitations TO extranet_host;

-- What a programme opens of the catalogue: products of these categories, documents of these kinds; NULL is all of them.
ALTER TABLE programmes ADD COLUMN categories text[];
ALTER TABLE programmes ADD COLUMN document_kinds text[];

CREATE INDEX memberships_by_roles ON memberships USING gin (roles) WHERE ended_at IS NULL;

-- +goose Down
DROP INDEX memberships_by_roles;
ALTER TABLE programmes DROP COLUMN document_kinds, DROP COLUMN categories;
REVOKE UPDATE (roles) ON invitations FROM extranet_host;
ALTER TABLE roles DROP COLUMN named_sites, DROP COLUMN order_limit;

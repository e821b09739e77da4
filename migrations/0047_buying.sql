-- What the host's buyers do in the portal: decide about answers, and ask once more for those that are due.

-- +goose Up
-- remind_days: how many days before an answer is due it is asked for once more.
ALTER TABLE purchasing_policy ADD COLUMN remind_days integer NOT NULL DEFAULT 1 CHECK (remind_days BETWEEN 0 AND 30);
ALTER TABLE purchasing_policy ADD COLUMN changed_at timestamptz;
ALTER TABLE purchasing_policy ADD COLUMN changed_by text;

CREATE INDEX purchase_orders_due ON purchase_orders (answer_by) WHERE state = 'review';
DROP INDEX purchase_orders_to_remind;

-- Lists across suppliers.
CREATE INDEX purchase_orders_across_by_day ON purchase_orders (ordered_on, partner_id, number);
CREATE INDEX purchase_orders_across_by_state ON purchase_orders (state, ordered_on, partner_id, number);
CREATE INDEX purchase_orders_across_by_answer ON purchase_orders (state, answer_by, partner_id, number);
CREATE INDEX purchase_orders_across_by_due ON purchase_orders (next_due_on, partner_id, number);
CREATE INDEX dispatches_across ON dispatches (ships_on, partner_id, number);
CREATE INDEX dispatches_by_arrival ON dispatches (partner_id, arrives_on, number);
CREATE INDEX supplier_invoices_across ON supplier_invoices (invoiced_on, partner_id, invoice);
CREATE INDEX supplier_invoices_across_by_status ON supplier_invoices (status, invoiced_on, partner_id, invoice);

-- A decision about an answer moves what stands.
CREATE POLICY decide ON purchase_answer_lines FOR UPDATE TO extranet_host USING (true) WITH CHECK (true);
GRANT UPDATE (state, why, decided_at) ON purchase_answer_lines TO extranet_host;
CREATE POLICY decide ON purchase_promises TO extranet_host USING (true) WITH CHECK (true);
GRANT INSERT, DELETE ON purchase_promises TO extranet_host;
CREATE POLICY decide ON purchase_order_lines FOR UPDATE TO extranet_host USING (true) WITH CHECK (true);
GRANT UPDATE (state, answered, revised, refused, next_due_on) ON purchase_order_lines TO extranet_host;
CREATE POLICY decide ON purchase_orders FOR UPDATE TO extranet_host USING (true) WITH CHECK (true);
GRANT UPDATE (state, lines, to_answer, answer_by, next_due_on, reminded_at) ON purchase_orders TO extranet_host;
CREATE POLICY decide ON purchase_versions FOR UPDATE TO extranet_host USING (true) WITH CHECK (true);
GRANT UPDATE (answer_by) ON purchase_versions TO extranet_host;

-- +goose Down
REVOKE UPDATE (answer_by) ON purchase_versions FROM extranet_host;
DROP POLICY decide ON purchase_versions;
REVOKE UPDATE (state, lines, to_answer, answer_by, next_due_on, reminded_at) ON purchase_orders FROM extranet_host;
DROP POLICY decide ON purchase_orders;
REVOKE UPDATE (state, answered, revised, refused, next_due_on) ON purchase_order_lines FROM extranet_host;
DROP POLICY decide ON purchase_order_lines;
REVOKE INSERT, DELETE ON purchase_promises FROM extranet_host;
DROP POLICY decide ON purchase_promises;
REVOKE UPDATE (state, why, decided_at) ON purchase_answer_lines FROM extranet_host;
DROP POLICY decide ON purchase_answer_lines;
DROP INDEX supplier_invoices_across_by_status, supplier_invoices_across, dispatches_by_arrival, dispatches_across,
  purchase_orders_across_by_due, purchase_orders_across_by_answer, purchase_orders_across_by_state, purchase_orders_across_by_day;
CREATE INDEX purchase_orders_to_remind ON purchase_orders (answer_by) WHERE state = 'review' AND reminded_at IS NULL;
DROP INDEX purchase_orders_due;
ALTER TABLE purchasing_policy DROP COLUMN changed_by;
ALTER TABLE purchasing_policy DROP COLUMN changed_at;
ALTER TABLE purchasing_policy DROP COLUMN remind_days;

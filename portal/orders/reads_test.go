package orders_test

import (
	"testing"

	"extranet/portal"
	"extranet/portal/orders"
	"extranet/portal/portaltest"
)

// TestOrdering_reads shows that carts, lists, templates and orders placed here cost what they show, however much others keep and however much was placed before.
func TestOrdering_reads(t *testing.T) {
	t.Parallel()
	p, ctx := portaltest.New(t), t.Context()
	p.Arrange(t, shop)
	for _, s := range []string{
		`INSERT INTO cart_lines (partner_id, owner, line, product, quantity, site, added_at) SELECT 2 + i % 3, '00000000-0000-4000-8000-' || lpad(to_hex(i / 3 % 500), 12, '0'), i, 'T1', 4, 'D100', now() FROM generate_series(1, 30000) i`,
		`INSERT INTO cart_uploads (partner_id, owner, upload_id, at, rows) SELECT 2 + i % 3, '00000000-0000-4000-8000-' || lpad(to_hex(i / 3 % 500), 12, '0'), ('00000000-0000-4000-9000-' || lpad(i::text, 12, '0'))::uuid, now(), '[]' FROM generate_series(1, 30000) i`,
		`INSERT INTO order_templates (partner_id, template_id, name, lines, made_by, made_at) SELECT p.partner_id, gen_random_uuid(), 'Weekly ' || i, '[{"number":"T1","quantity":"4"}]', 'x', now() FROM (SELECT 2 AS partner_id, 200 AS n UNION SELECT 3, 9000) p, LATERAL generate_series(1, p.n) i`,
		`INSERT INTO placed_orders (partner_id, placed_id, state, site, po_number, currency, net, owner, placed_by, placed_at, number)
			SELECT 2 + i % 3, ('01900000-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid, CASE i / 3 % 1000 WHEN 1 THEN 'awaiting' WHEN 2 THEN 'sent' WHEN 3 THEN 'refused' ELSE 'acknowledged' END, 'D10' || i % 2, 'P' || i, 'EUR', 10, 'x', 'x',
			timestamptz '2026-03-01Z' - (30000 - i) * interval '20 minutes', CASE WHEN i / 3 % 1000 > 3 THEN 'N' || i END FROM generate_series(1, 30000) i`,
		`INSERT INTO placed_lines (partner_id, placed_id, line, product, description, unit, quantity, price, net) SELECT partner_id, placed_id, l, 'T1', 'x', 'PC', 1, 10, 10 FROM placed_orders, generate_series(1, 2) l`,
		`INSERT INTO orders (partner_id, number, site, status, currency, ordered_on, net, tax, total, changed_at) SELECT partner_id, number, site, 'delivered', 'EUR', placed_at::date, 10, 0, 10, now() FROM placed_orders WHERE number IS NOT NULL`,
		`INSERT INTO order_lines (partner_id, order_number, line, product, description, ordered, shipped, backordered, cancelled, price, net, changed_at) SELECT partner_id, number, 1, 'T' || right(number, 2), 'x', 1, 1, 0, 0, 10, 10, now() FROM orders WHERE number LIKE 'N%'`,
		`INSERT INTO account_status (partner_id, account, currency, credit_limit, on_hold, balance, changed_at) VALUES (2, 'A', 'EUR', 90000000, false, 0, now())`,
	} {
		p.Arrange(t, s)
	}
	for _, table := range []string{"cart_lines", "cart_uploads", "order_templates", "placed_orders", "placed_lines", "orders", "order_lines"} {
		p.Arrange(t, `ANALYZE `+table)
	}
	cart := func(tx *portal.Tx) error { _, err := orders.ShowCart(ctx, tx); return err }
	placed := func(states ...string) func(tx *portal.Tx) error {
		return func(tx *portal.Tx) error { _, err := orders.ListPlaced(ctx, tx, states...); return err }
	}
	underway := func(tx *portal.Tx) error { _, err := orders.Underway(ctx, tx); return err }
	for name, c := range map[string]struct {
		read  func(tx *portal.Tx) error
		table string
		most  int
	}{
		"a cart":               {cart, "cart_lines", 25},
		"a cart's credit":      {cart, "placed_orders", 800}, // what was placed in 30 days: one in 20 minutes, of three partners
		"a cart's open orders": {cart, "order_lines", 10},
		"a cart beside orders": {cart, "orders", 800},
		"templates":            {func(tx *portal.Tx) error { _, err := orders.Templates(ctx, tx); return err }, "order_templates", 200},
		"a list that was taken": {func(tx *portal.Tx) error {
			_, err := orders.GetUpload(ctx, tx, "00000000-0000-4000-9000-000000000030")
			return err
		}, "cart_uploads", 1},
		"all that was placed": {placed(orders.PlacedStates...), "placed_orders", 600},
		"what awaits":         {placed("awaiting"), "placed_orders", 15},
		"what is under way":   {underway, "placed_orders", 400}, // of 14 days
		"… beside the orders": {underway, "orders", 400},
		"one that was placed": {func(tx *portal.Tx) error {
			_, err := orders.GetPlaced(ctx, tx, "01900000-0000-7000-8000-000000000030")
			return err
		}, "placed_lines", 2},
		"where it was bought": {func(tx *portal.Tx) error { _, err := orders.BoughtBefore(ctx, tx, "T30"); return err }, "order_lines", 500},
	} {
		must(t, do(t, p, person("a"), func(tx *portal.Tx) error {
			for range 6 { // from then on the statement may have a plan for whatever it is asked
				must(t, c.read(tx))
			}
			rows, whole := portaltest.Reads(t, tx, c.table, func() { must(t, c.read(tx)) })
			if whole || rows > c.most {
				t.Errorf("%s: reads %d rows of %s, all of it: %v; at most %d are needed", name, rows, c.table, whole, c.most)
			}
			return nil
		}))
	}
}

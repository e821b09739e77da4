package jobs_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"extranet/jobs"
	"extranet/portal/portaltest"
)

func exampleMapping(t testing.TB, c core) *jobs.Mapping {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "examples", "wide-world-importers.yaml"))
	must(t, err)
	return c.mapping(t, string(text))
}

// rowVersions tells every row of the mirrored tables, and which transaction wrote it.
func rowVersions(t testing.TB, p *portaltest.Portal) string {
	return strings.Join(table(t, p.Owner, `
		SELECT 'partners', count(*), sum(xmin::text::bigint), max(changed_at) FROM partners UNION ALL
		SELECT 'purchase_orders', count(*), sum(xmin::text::bigint), max(changed_at) FROM purchase_orders UNION ALL
		SELECT 'purchase_order_lines', count(*), sum(xmin::text::bigint), max(changed_at) FROM purchase_order_lines UNION ALL
		SELECT 'receipts', count(*), sum(xmin::text::bigint), max(changed_at) FROM receipts UNION ALL
		SELECT 'supplier_invoices', count(*), sum(xmin::text::bigint), max(changed_at) FROM supplier_invoices UNION ALL
		SELECT 'supplier_payments', count(*), sum(xmin::text::bigint), max(changed_at) FROM supplier_payments UNION ALL
		SELECT 'sites', count(*), sum(xmin::text::bigint), max(changed_at) FROM sites UNION ALL
		SELECT 'contacts', count(*), sum(xmin::text::bigint), max(changed_at) FROM contacts UNION ALL
		SELECT 'products', count(*), sum(xmin::text::bigint), max(changed_at) FROM products UNION ALL
		SELECT 'orders', count(*), sum(xmin::text::bigint), max(changed_at) FROM orders UNION ALL
		SELECT 'order_lines', count(*), sum(xmin::text::bigint), max(changed_at) FROM order_lines UNION ALL
		SELECT 'shipments', count(*), sum(xmin::text::bigint), max(changed_at) FROM shipments UNION ALL
		SELECT 'shipment_lines', count(*), sum(xmin::text::bigint), max(changed_at) FROM shipment_lines UNION ALL
		SELECT 'packages', count(*), sum(xmin::text::bigint), max(changed_at) FROM packages UNION ALL
		SELECT 'invoices', count(*), sum(xmin::text::bigint), max(changed_at) FROM invoices UNION ALL
		SELECT 'invoice_lines', count(*), sum(xmin::text::bigint), max(changed_at) FROM invoice_lines UNION ALL
		SELECT 'payments', count(*), sum(xmin::text::bigint), max(changed_at) FROM payments UNION ALL
		SELECT 'settlements', count(*), sum(xmin::text::bigint), max(changed_at) FROM settlements UNION ALL
		SELECT 'account_status', count(*), sum(xmin::text::bigint), max(changed_at) FROM account_status UNION ALL
		SELECT 'generations', count(*), sum(generation), NULL FROM generations ORDER BY 1`), "\n")
}

// TestWideWorldImporters mirrors a database that nobody here wrote, by the example file alone.
func TestWideWorldImporters(t *testing.T) {
	t.Parallel()
	c := wideWorldImporters(t)
	p := newPortal(t)
	p.Arrange(t, `TRUNCATE partners CASCADE; INSERT INTO partners (partner_id, number, kind, name, changed_at) VALUES (1, 'HOST', 'host', 'Wide World Importers', now())`)
	m := exampleMapping(t, c)

	var shown strings.Builder
	results, err := jobs.Sync(t.Context(), p.DB, m, jobs.Options{Progress: jobs.Bar(&shown, false)})
	must(t, err)
	if n := strings.Count(shown.String(), "done\n"); n != len(m.Feeds) {
		t.Errorf("the progress shows %d entities done, want %d:\n%s", n, len(m.Feeds), &shown)
	}
	shown.Reset()
	must(t, jobs.PrintResults(&shown, results))
	t.Logf("\n%s", &shown)
	expect(t, "quarantine", quarantined(t, p), "")

	// Row counts are those that expected.tsv of the data set tells.
	known := map[string]int64{}
	tsv, err := os.ReadFile(filepath.Join("..", "..", "shared", "coredb", "expected.tsv"))
	must(t, err)
	for line := range strings.Lines(string(tsv)) {
		if f := strings.Split(line, "\t"); len(f) == 3 {
			known[f[0]], _ = strconv.ParseInt(f[1], 10, 64)
		}
	}
	rows := map[string]int64{}
	for _, r := range results {
		rows[r.Entity] = one[int64](t, p.Owner, `SELECT count(*) FROM `+r.Entity)
		if r.Way != "full" || r.Rows != r.Inserted && r.Entity != "forecasts" && r.Entity != "demand_history" || r.Quarantined != 0 {
			t.Errorf("first load: %+v", r)
		}
	}
	for entity, want := range map[string]int64{"purchase_orders": known["purchase_order"], "purchase_order_lines": known["purchase_order_line"], "receipts": known["receipt"],
		"supplier_invoices": known["supplier_invoice"], "supplier_payments": known["supplier_payment"], "staff": one[int64](t, c.DB, `SELECT (SELECT count(DISTINCT bill_to_customer_id) FROM sales.orders JOIN sales.customers USING (customer_id)) + (SELECT count(DISTINCT supplier_id) FROM purchasing.purchase_orders)`), "sites": known["partner"], "contacts": known["contact"], "products": known["product"], "orders": known["sales_order"],
		"order_lines": known["sales_order_line"], "shipments": known["shipment"], "shipment_lines": known["shipment_line"], "partners": 263 + 13 + 1, "packages": 1948,
		"list_prices": known["product"], "prices": known["price"] - known["product"], "availability": known["inventory"],
		"invoices": known["invoice"], "invoice_lines": known["invoice_line"], "payments": known["payment"], "settlements": 11053 - 84, "account_status": known["account_status"],
		"forecasts": 1136, "demand_history": known["product"], "supplier_inventory": known["product"]} {
		if rows[entity] != want || want == 0 {
			t.Errorf("%d %s, want %d", rows[entity], entity, want)
		}
	}

	// Sums and single values are the core's, asked for in the core's own words.
	sums := func(what string) {
		t.Helper()
		for name, q := range map[string][2]string{
			"purchased":     {`SELECT sum(ordered_outers * expected_unit_price_per_outer) FROM purchasing.purchase_order_lines`, `SELECT sum(net) FROM purchase_orders`},
			"purchase line": {`SELECT sum(ordered_outers * expected_unit_price_per_outer) FROM purchasing.purchase_order_lines`, `SELECT sum(net) FROM purchase_order_lines`},
			"bought":        {`SELECT sum(ordered_outers) FROM purchasing.purchase_order_lines`, `SELECT sum(quantity) FROM purchase_order_lines`},
			"received":      {`SELECT sum(received_outers) FROM purchasing.purchase_order_lines`, `SELECT sum(received) FROM purchase_order_lines`},
			"taken in":      {`SELECT sum(quantity) FROM warehouse.stock_item_transactions WHERE purchase_order_id IS NOT NULL`, `SELECT sum(quantity) FROM receipts`},
			"of its lines":  {`SELECT count(*) FROM warehouse.stock_item_transactions WHERE purchase_order_id IS NOT NULL`, `SELECT count(*) FROM receipts r JOIN purchase_order_lines l ON l.partner_id = r.partner_id AND l.order_number = r.order_number AND l.line = r.order_line AND l.product = r.product`},
			"invoiced":      {`SELECT sum(transaction_amount) FROM purchasing.supplier_transactions WHERE transaction_amount > 0`, `SELECT sum(total) FROM supplier_invoices`},
			"payable":       {`SELECT sum(outstanding_balance) FROM purchasing.supplier_transactions WHERE transaction_amount > 0`, `SELECT sum(open) FROM supplier_invoices`},
			"remitted":      {`SELECT -sum(transaction_amount) FROM purchasing.supplier_transactions WHERE transaction_amount < 0`, `SELECT sum(amount) FROM supplier_payments`},
			"net":           {`SELECT sum(quantity * unit_price) FROM sales.order_lines`, `SELECT sum(net) FROM orders`},
			"line net":      {`SELECT sum(quantity * unit_price) FROM sales.order_lines`, `SELECT sum(net) FROM order_lines`},
			"total":         {`SELECT sum(n) FROM (SELECT sum(quantity * unit_price) + round(sum(quantity * unit_price * tax_rate / 100), 2) AS n FROM sales.order_lines GROUP BY order_id) x`, `SELECT sum(total) FROM orders`},
			"ordered":       {`SELECT sum(quantity) FROM sales.order_lines`, `SELECT sum(ordered) FROM order_lines`},
			"shipped":       {`SELECT sum(quantity) FROM sales.invoice_lines`, `SELECT sum(shipped) FROM order_lines`},
			"moved":         {`SELECT sum(-quantity) FROM warehouse.stock_item_transactions WHERE invoice_id IS NOT NULL`, `SELECT sum(quantity) FROM shipment_lines`},
			"identity":      {`SELECT count(*) FROM sales.order_lines`, `SELECT count(*) FROM order_lines WHERE ordered = shipped + backordered + cancelled + rest AND rest >= 0`},
			"continued":     {`SELECT count(backorder_order_id) FROM sales.orders`, `SELECT count(continued_by) FROM orders`},
			"delivered":     {`SELECT count(confirmed_delivery_time) FROM sales.invoices`, `SELECT count(*) FROM orders WHERE status = 'delivered'`},
			"open":          {`SELECT count(*) FROM sales.orders o WHERE NOT EXISTS (SELECT 1 FROM sales.invoices i WHERE i.order_id = o.order_id)`, `SELECT count(*) FROM orders WHERE status IN ('open', 'picking')`},
			"may log on":    {`SELECT count(*) FROM sales.customers c JOIN application.people p ON person_id IN (primary_contact_person_id, alternate_contact_person_id) WHERE is_permitted_to_logon`, `SELECT count(*) FROM contacts JOIN partners USING (partner_id) WHERE may_log_on AND kind = 'dealer'`},
			"lines matched": {`SELECT count(*) FROM sales.invoice_lines`, `SELECT count(*) FROM shipment_lines s JOIN order_lines l ON l.partner_id = s.partner_id AND l.order_number = s.order_number AND l.line = s.order_line AND l.product = s.product`},
			"of the biller": {`SELECT count(*) FROM sales.orders JOIN sales.customers USING (customer_id) WHERE bill_to_customer_id = 401`, `SELECT count(*) FROM orders JOIN partners USING (partner_id) WHERE partners.number = 'C401'`},
			"weekdays":      {`SELECT sum(extract(doy FROM order_date) + extract(doy FROM expected_delivery_date)) FROM sales.orders`, `SELECT sum(extract(doy FROM ordered_on) + extract(doy FROM promised_on)) FROM orders`},
			"signed for at": {`SELECT sum(extract(epoch FROM confirmed_delivery_time)) FROM sales.invoices`, `SELECT sum(extract(epoch FROM delivered_at)) FROM shipments`},
			"available":     {`SELECT sum(quantity_on_hand) - (SELECT sum(quantity - picked_quantity) FROM sales.order_lines WHERE picking_completed_when IS NULL) FROM warehouse.stock_item_holdings`, `SELECT sum(available) FROM availability`},
			"list":          {`SELECT sum(unit_price) FROM warehouse.stock_items`, `SELECT sum(unit_price) FROM list_prices`},
			"billed":        {`SELECT sum(transaction_amount) FROM sales.customer_transactions WHERE invoice_id IS NOT NULL`, `SELECT sum(total) FROM invoices WHERE total = net + tax`},
			"billed lines":  {`SELECT sum(extended_price) FROM sales.invoice_lines`, `SELECT sum(net + tax) FROM invoice_lines`},
			"lines are due": {`SELECT count(*) FROM sales.invoices`, `SELECT count(*) FROM invoices i WHERE total = (SELECT sum(net + tax) FROM invoice_lines l WHERE l.partner_id = i.partner_id AND l.invoice = i.number)`},
			"due":           {`SELECT sum(extract(epoch FROM i.invoice_date + b.payment_days)) FROM sales.invoices i JOIN sales.customers b ON b.customer_id = i.bill_to_customer_id`, `SELECT sum(extract(epoch FROM due_on)) FROM invoices`},
			"owed":          {`SELECT sum(outstanding_balance) FROM sales.customer_transactions`, `SELECT sum(open) FROM invoices WHERE is_open`},
			"balances":      {`SELECT sum(outstanding_balance) FROM sales.customer_transactions`, `SELECT sum(balance) FROM account_status`},
			"limits":        {`SELECT sum(credit_limit) FROM sales.customers WHERE customer_id = bill_to_customer_id`, `SELECT sum(credit_limit) FROM account_status`},
			"paid":          {`SELECT -sum(transaction_amount) FROM sales.customer_transactions WHERE invoice_id IS NULL`, `SELECT sum(amount) FROM payments`},
			"settled":       {`SELECT sum(transaction_amount - outstanding_balance) FROM sales.customer_transactions WHERE invoice_id IS NOT NULL`, `SELECT sum(amount) FROM settlements`},
			"used up":       {`SELECT 0`, `SELECT count(*) FROM payments p JOIN (SELECT partner_id, payment, sum(amount) AS settled FROM settlements GROUP BY 1, 2) s USING (partner_id, payment) WHERE s.settled <> p.amount`},
			"used":          {`SELECT sum(quantity) FROM sales.order_lines JOIN sales.orders USING (order_id) WHERE order_date < '2016-05-01'`, `SELECT sum(q) FROM demand_history, unnest(quantity) q`},
			"weight":        {`SELECT sum(typical_weight_per_unit) FROM warehouse.stock_items`, `SELECT sum(weight_kg) FROM products`},
		} {
			want, got := one[string](t, c.DB, `SELECT trim_scale((`+q[0]+`)::numeric)`), one[string](t, p.Owner, `SELECT trim_scale((`+q[1]+`)::numeric)`)
			if got != want {
				t.Errorf("%s: %s is %s, in the core %s", what, name, got, want)
			}
		}
	}
	sums("first load")

	// A pass over what has not changed writes nothing: incremental or whole.
	before := rowVersions(t, p)
	for _, full := range []bool{false, true} {
		for entity, r := range sync(t, p, m, jobs.Options{Full: full}) {
			if r.Inserted+r.Updated+r.Deleted+r.Quarantined != 0 {
				t.Errorf("unchanged, full %t: %s %+v", full, entity, r)
			}
		}
		expect(t, "row versions", rowVersions(t, p), before)
	}

	// The core moves on: an order with two lines is new, one is picked, one line is dearer, a customer is renamed, another bills elsewhere.
	const stamp = `(SELECT max(last_edited_when) FROM sales.orders)`
	moved := one[int](t, c.DB, `SELECT customer_id FROM sales.orders JOIN sales.customers USING (customer_id) WHERE bill_to_customer_id = 1 AND customer_id <> 1 ORDER BY order_id LIMIT 1`)
	c.exec(t, `INSERT INTO sales.orders SELECT 80001, customer_id, salesperson_person_id, NULL, contact_person_id, NULL, '2016-05-31', '2016-06-01', 'PO-1', true, NULL, NULL, NULL, NULL, 1, `+stamp+` FROM sales.orders WHERE order_id = 73595`)
	c.exec(t, `INSERT INTO sales.order_lines SELECT 900000 + n, 80001, n, 'Thing ' || n, 7, 10 * n, 0.35, 15, 0, NULL, 1, `+stamp+` FROM generate_series(1, 2) n`)
	c.exec(t, `UPDATE sales.orders SET picking_completed_when = '2016-05-31 12:30', last_edited_when = `+stamp+` + interval '1 hour' WHERE order_id = 73595`)
	c.exec(t, `UPDATE sales.order_lines SET unit_price = unit_price + 0.01, last_edited_when = `+stamp+` - interval '50 s' WHERE order_line_id = (SELECT max(order_line_id) FROM sales.order_lines WHERE order_id = 73594)`)
	c.exec(t, `UPDATE sales.customers SET customer_name = 'Renamed', valid_from = '2016-06-01' WHERE customer_id = 801`)
	c.exec(t, `UPDATE sales.customers SET bill_to_customer_id = 401, valid_from = '2016-06-01' WHERE customer_id = $1`, moved)
	by := sync(t, p, m, jobs.Options{})
	for _, entity := range []string{"orders", "order_lines", "shipments", "shipment_lines"} {
		if r := by[entity]; r.Way != "incremental" || r.Inserted+r.Updated == 0 || r.Rows > rows[entity]/4 {
			t.Errorf("after changes: %s %+v, want incremental, and few rows", entity, r)
		}
	}
	expect(t, "new order", strings.Join(table(t, p.Owner, `SELECT status, ordered_on::text, net, tax, total, po_number FROM orders WHERE number = '80001'`), ""), "open|2016-05-31|10.50|1.58|12.08|PO-1")
	expect(t, "picked order", one[string](t, p.Owner, `SELECT status FROM orders WHERE number = '73595'`), "picking")
	expect(t, "what changed", strings.Join(table(t, p.Owner, `SELECT field, was, became FROM changes WHERE key = '73595'`), ""), "status|open|picking")
	expect(t, "renamed site", one[string](t, p.Owner, `SELECT name FROM sites WHERE site = 'C801'`), "Renamed")
	expect(t, "owners of the moved site's orders", strings.Join(table(t, p.Owner, `SELECT DISTINCT p.number FROM orders o JOIN partners p USING (partner_id) WHERE o.site = 'C`+strconv.Itoa(moved)+`'`), " "), "C401")
	expect(t, "owners of its shipments", strings.Join(table(t, p.Owner, `SELECT DISTINCT p.number FROM shipments o JOIN partners p USING (partner_id) WHERE o.site = 'C`+strconv.Itoa(moved)+`'`), " "), "C401")
	sums("after changes")

	// An order goes with its lines; another loses a line and its total follows.
	c.exec(t, `DELETE FROM sales.order_lines WHERE order_id = 80001`)
	c.exec(t, `DELETE FROM sales.orders WHERE order_id = 80001`)
	c.exec(t, `DELETE FROM sales.order_lines WHERE order_line_id = (SELECT max(order_line_id) FROM sales.order_lines WHERE order_id = 73594 AND EXISTS (SELECT 1 FROM sales.order_lines o WHERE o.order_id = 73594 AND o.order_line_id < order_lines.order_line_id) OR order_id = 73590)`)
	by = sync(t, p, m, jobs.Options{})
	if r := by["orders"]; r.Deleted != 0 {
		t.Errorf("an incremental pass cannot know what is gone: %+v", r)
	}
	p.Now = func() time.Time { return time.Now().Add(25 * time.Hour) }
	by = sync(t, p, m, jobs.Options{})
	if r := by["orders"]; r.Way != "full" || r.Deleted != 1 || r.Updated != 1 {
		t.Errorf("a day later: orders %+v, want full, 1 gone, 1 changed", r)
	}
	if r := by["order_lines"]; r.Way != "full" || r.Deleted != 3 {
		t.Errorf("a day later: order_lines %+v, want full, 3 gone", r)
	}
	sums("after removals")
	expect(t, "quarantine", quarantined(t, p), "")
}

// TestWideWorldImporters_ways follows orders and their lines in each way that a Postgres core allows: what is new, changed, moved and gone
// in the core is so in the portal, and sums are equal, after one pass of what changed (by snapshot, of everything).
func TestWideWorldImporters_ways(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "examples", "wide-world-importers.yaml"))
	must(t, err)
	const leads = `
    tables:
      sales.orders: {number: order_id}
      sales.order_lines: {number: order_id}
      sales.invoices: {number: order_id}
      sales.customers: SELECT order_id FROM sales.orders WHERE customer_id = :customer_id
`
	const lineLeads = `
    tables:
      sales.order_lines: {order_number: order_id, line: order_line_id}
      sales.orders: SELECT order_id, order_line_id FROM sales.order_lines WHERE order_id = :order_id
      sales.invoices: SELECT order_id, order_line_id FROM sales.order_lines WHERE order_id = :order_id
      sales.customers: SELECT order_id, order_line_id FROM sales.order_lines JOIN sales.orders USING (order_id) WHERE customer_id = :customer_id
`
	// The example goes by watermark; the selects stay as they are.
	mappingOf := func(way string) string {
		var b strings.Builder
		entity := ""
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "  ") && !strings.HasPrefix(line, "   ") && strings.HasSuffix(strings.TrimSpace(line), ":") {
				entity = strings.TrimSuffix(strings.TrimSpace(line), ":")
			}
			key, _, _ := strings.Cut(strings.TrimSpace(line), ":")
			switch {
			case strings.HasPrefix(line, "  ") && !slices.Contains([]string{"core", "partners", "orders", "order_lines"}, entity):
			case way != jobs.Watermark && strings.HasPrefix(entity, "order") && slices.Contains([]string{"way", "watermark", "overlap", "full_every"}, key):
				if key == "way" {
					b.WriteString("    way: " + way)
					switch {
					case way == jobs.Snapshot:
						b.WriteString("\n")
					case entity == "orders":
						b.WriteString(leads)
					default:
						b.WriteString(lineLeads)
					}
				}
			default:
				b.WriteString(line)
			}
		}
		return b.String()
	}
	for _, way := range []string{jobs.Snapshot, jobs.Watermark, jobs.Marks, jobs.Logical} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			c := wideWorldImporters(t)
			if way == jobs.Logical {
				c = c.onLogicalServer(t)
			}
			p := newPortal(t)
			m := c.mapping(t, mappingOf(way))
			if way == jobs.Marks || way == jobs.Logical {
				var printed strings.Builder
				must(t, m.PrintMarks(&printed))
				runPrinted(t, c.DB, false, printed.String())
				if way == jobs.Logical {
					_, err := jobs.Sync(t.Context(), p.DB, m, jobs.Options{})
					if err == nil || !strings.Contains(err.Error(), "a changed row of sales.invoices does not tell what its order_id was") {
						t.Errorf("tables that do not tell what a row was are followed: %v", err)
					}
					runPrinted(t, c.DB, false, strings.ReplaceAll(strings.Join(slices.DeleteFunc(strings.Split(printed.String(), "\n"), func(l string) bool { return !strings.Contains(l, "REPLICA IDENTITY") }), "\n"), "-- ALTER", "ALTER"))
				}
			}
			same := func(when string) {
				t.Helper()
				expect(t, when+": orders", strings.Join(table(t, p.Owner, `SELECT count(*), trim_scale(sum(net)), trim_scale(sum(total)), count(continued_by), count(DISTINCT partner_id), sum(hashtext(number || '/' || site)) FROM orders`), ""),
					strings.Join(table(t, c.DB, `SELECT count(*), trim_scale(sum(l.net)), trim_scale(sum(l.net + l.tax)), count(o.backorder_order_id), count(DISTINCT bill_to_customer_id), sum(hashtext(o.order_id || '/C' || o.customer_id)) FROM sales.orders o JOIN sales.customers USING (customer_id)
						LEFT JOIN (SELECT order_id, sum(quantity * unit_price) AS net, round(sum(quantity * unit_price * tax_rate / 100), 2) AS tax FROM sales.order_lines GROUP BY 1) l USING (order_id)`), ""))
				expect(t, when+": lines", strings.Join(table(t, p.Owner, `SELECT count(*), trim_scale(sum(net)), sum(ordered), sum(hashtext(order_number || '/' || line || '/' || p.number)) FROM order_lines JOIN partners p USING (partner_id)`), ""),
					strings.Join(table(t, c.DB, `SELECT count(*), trim_scale(sum(quantity * unit_price)), sum(quantity), sum(hashtext(order_id || '/' || order_line_id || '/C' || bill_to_customer_id)) FROM sales.order_lines JOIN sales.orders USING (order_id) JOIN sales.customers USING (customer_id)`), ""))
			}
			sync(t, p, m, jobs.Options{})
			same("first load")
			const stamp = `(SELECT max(last_edited_when) FROM sales.orders)`
			for _, statement := range []string{
				`INSERT INTO sales.orders SELECT 80001, customer_id, salesperson_person_id, NULL, contact_person_id, NULL, '2016-05-31', '2016-06-01', 'PO-1', true, NULL, NULL, NULL, NULL, 1, ` + stamp + ` FROM sales.orders WHERE order_id = 73595`,
				`INSERT INTO sales.order_lines SELECT 900000 + n, 80001, n, 'Thing ' || n, 7, 10 * n, 0.35, 15, 0, NULL, 1, ` + stamp + ` FROM generate_series(1, 2) n`,
				`UPDATE sales.orders SET picking_completed_when = '2016-05-31 12:30', last_edited_when = ` + stamp + ` WHERE order_id = 73595`,
				`UPDATE sales.order_lines SET unit_price = unit_price + 0.01, last_edited_when = ` + stamp + ` WHERE order_line_id = (SELECT max(order_line_id) FROM sales.order_lines WHERE order_id = 73594)`,
				`UPDATE sales.customers SET bill_to_customer_id = 401, valid_from = '2016-06-01' WHERE customer_id = (SELECT customer_id FROM sales.orders JOIN sales.customers USING (customer_id) WHERE bill_to_customer_id = 1 AND customer_id <> 1 ORDER BY order_id LIMIT 1)`,
			} {
				c.exec(t, statement)
			}
			by := sync(t, p, m, jobs.Options{})
			if want := map[bool]string{true: "full", false: "incremental"}[way == jobs.Snapshot]; by["orders"].Way != want || by["order_lines"].Way != want || want == "incremental" && by["orders"].Rows > 3000 {
				t.Errorf("%+v", by)
			}
			same("after changes")
			c.exec(t, `DELETE FROM sales.order_lines WHERE order_id = 80001 OR order_line_id = (SELECT max(order_line_id) FROM sales.order_lines WHERE order_id = 73594)`)
			c.exec(t, `DELETE FROM sales.orders WHERE order_id = 80001`)
			by = sync(t, p, m, jobs.Options{Full: way == jobs.Watermark}) // which leaves nothing that a stamp could tell
			same("after deletions")
			if way != jobs.Watermark && by["orders"].Deleted != 1 {
				t.Errorf("%+v", by["orders"])
			}
			if follows := way == jobs.Marks || way == jobs.Logical; follows && by["orders"].Way != "incremental" {
				t.Errorf("%+v", by["orders"])
			}
		})
	}
}

// onLogicalServer is a copy of the core's tables for sales on a server that has logical slots.
func (c core) onLogicalServer(t testing.TB) core {
	t.Helper()
	port, err := chaosCore()
	must(t, err)
	name := fmt.Sprintf("core_%d", coresMade.Add(1))
	admin, err := sql.Open("postgres", "postgres://postgres@127.0.0.1:"+port+"/postgres?sslmode=disable")
	must(t, err)
	defer admin.Close()
	_, err = admin.Exec(`CREATE DATABASE ` + name)
	must(t, err)
	_, err = admin.Exec(`ALTER DATABASE ` + name + ` SET synchronous_commit = on`) // a slot tells of what is on disk
	must(t, err)
	copied := core{url: "postgres://postgres@127.0.0.1:" + port + "/" + name + "?sslmode=disable"}
	copied.DB, err = sql.Open("postgres", copied.url)
	must(t, err)
	t.Cleanup(func() { copied.Close() })
	load(t, copied.DB, filepath.Join("..", "..", "shared", "coredb"))
	return copied
}

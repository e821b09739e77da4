package claims

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"extranet/portal"
	"extranet/portal/accounts"
	"extranet/portal/orders"
	"extranet/portal/portaltest"
	"extranet/portal/sheet"
)

// big gives Acme 100,000 orders of three lines, two in a hundred of them open; as many invoices, five in a hundred open; 95,000 payments; 20,000 claims.
func big(b *testing.B, p *portaltest.Portal) {
	b.Helper()
	for _, s := range []string{
		`INSERT INTO orders (partner_id, number, site, po_number, status, currency, ordered_on, requested_on, promised_on, net, tax, total, changed_at)
			SELECT 2, 'Z' || i, 'D10' || i % 5, 'PO-' || i, CASE WHEN i % 100 < 2 THEN 'open' ELSE 'delivered' END, 'EUR', date '2024-01-01' + i % 800, date '2024-01-08' + i % 800, date '2024-01-10' + i % 800, 999, 190, 1189, now() FROM generate_series(1, 100000) i`,
		`INSERT INTO order_lines (partner_id, order_number, line, product, description, unit, ordered, shipped, backordered, cancelled, price, net, changed_at)
			SELECT 2, number, l, 'T' || l, 'Tyre 205/55 R16 91V', 'PC', 4, CASE status WHEN 'open' THEN 0 ELSE 4 END, 0, 0, 83.25, 333, now() FROM orders, generate_series(1, 3) l WHERE number LIKE 'Z%'`,
		`INSERT INTO invoices (partner_id, number, kind, site, order_number, currency, invoiced_on, due_on, net, tax, total, open, changed_at)
			SELECT 2, 'I' || i, 'invoice', 'D10' || i % 5, 'Z' || i, 'EUR', date '2024-01-11' + i % 800, date '2024-02-11' + i % 800, 999, 190, 1189, CASE WHEN i % 100 < 5 THEN 1189 ELSE 0 END, now() FROM generate_series(1, 100000) i`,
		`INSERT INTO payments (partner_id, payment, paid_on, method, currency, amount, open, changed_at) SELECT 2, 'P' || i, date '2024-02-11' + i % 800, 'transfer', 'EUR', 1189, CASE WHEN i % 1000 = 0 THEN 100 ELSE 0 END, now() FROM generate_series(1, 95000) i`,
		`INSERT INTO account_status (partner_id, account, currency, credit_limit, on_hold, balance, changed_at) VALUES (2, 'A', 'EUR', 90000000, false, 0, now())`,
		`INSERT INTO claims (partner_id, number, kind, site, currency, reference, contact_email, created_at, created_by, submitted_at, changed_at, state, owner, due_at)
			SELECT 2, 'C' || lpad(i::text, 6, '0'), (ARRAY['warranty', 'transit', 'shortage', 'price', 'return'])[1 + i % 5], 'D10' || i % 5, 'EUR', 'R', '', now() - i * interval '1 hour', 'x', now(), now(), s, CASE s WHEN 'closed' THEN NULL ELSE 'host' END, CASE s WHEN 'closed' THEN NULL ELSE now() END
			FROM generate_series(1, 20000) i, LATERAL (SELECT CASE WHEN i % 20 = 0 THEN 'submitted' ELSE 'closed' END AS s) x`,
		`INSERT INTO products (product, name, unit, pack_size, lifecycle, changed_at) SELECT 'B' || lpad(i::text, 6, '0'), 'Tyre ' || i, 'PC', 1 + i % 3, 'active', now() FROM generate_series(1, 20000) i`,
		`INSERT INTO list_prices (entry, product, kind, currency, from_quantity, unit_price, changed_at) SELECT product, product, 'list', 'EUR', 1, 70, now() FROM products WHERE product LIKE 'B%'`,
		`INSERT INTO availability (product, warehouse, available, changed_at) SELECT product, 'W1', 100, now() FROM products WHERE product LIKE 'B%'`,
	} {
		p.Arrange(b, s)
	}
	for _, t := range []string{"orders", "order_lines", "invoices", "payments", "claims", "products", "list_prices", "availability"} {
		p.Arrange(b, `VACUUM ANALYZE `+t)
	}
}

// BenchmarkDealer measures what such a dealer opens most, in milliseconds of one caller: read anew, from memory, and as one bare prepared statement over
// lib/pq that reads the same rows with no row security and no rights.
func BenchmarkDealer(b *testing.B) {
	p := portaltest.New(b)
	big(b, p)
	ctx := b.Context()
	by := portaltest.As(portaltest.Acme, portal.OrdersRead, portal.ClaimsRead, portal.AccountRead, portal.CatalogRead, portal.PricesRead, portal.OrdersPlace)
	by.PartnerKind, by.PartnerNumber = "dealer", "D100"
	list := func(query string, args ...any) func() {
		s, err := p.Owner.Prepare(`SELECT coalesce(json_agg(r), '[]') FROM (` + query + `) r`)
		must(b, err)
		return func() { var text string; must(b, s.QueryRow(args...).Scan(&text)) }
	}
	standing := list(`SELECT (SELECT sum(open) FROM invoices WHERE partner_id = $1 AND is_open), (SELECT sum(open) FROM payments WHERE partner_id = $1 AND is_open),
		(SELECT sum(l.rest * l.price) FROM orders o JOIN order_lines l ON l.partner_id = o.partner_id AND l.order_number = o.number WHERE o.partner_id = $1 AND o.status = ANY('{open,held,picking,part_shipped}') AND l.rest > 0),
		(SELECT json_agg(a) FROM (SELECT due_on, sum(open) FROM invoices WHERE partner_id = $1 AND is_open GROUP BY 1) a)`, portaltest.Acme)
	for _, c := range []struct {
		name string
		bare func()
		read func(tx *portal.Tx) (any, error)
	}{
		{"orders", list(`SELECT number, po_number, site, contact, status, currency, ordered_on, requested_on, promised_on, net, tax, total, continued_by, changed_at FROM orders WHERE partner_id = $1 ORDER BY ordered_on DESC, number DESC LIMIT 51`, portaltest.Acme),
			func(tx *portal.Tx) (any, error) { return orders.List(ctx, tx, orders.Filter{}) }},
		{"claims", list(`SELECT number, kind, site, currency, reference, created_at, created_by, submitted_at, changed_at, state, owner, due_at FROM claims WHERE partner_id = $1 ORDER BY created_at DESC, number DESC LIMIT 51`, portaltest.Acme),
			func(tx *portal.Tx) (any, error) { return List(ctx, tx, Filter{}) }},
		{"account", standing, func(tx *portal.Tx) (any, error) { return accounts.Look(ctx, tx) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			var bare, fresh, kept []float64
			read := func(context.Context) (v any, err error) {
				err = p.Do(ctx, by, func(tx *portal.Tx) error { v, err = c.read(tx); return err })
				return v, err
			}
			for range 5 {
				bare = append(bare, portaltest.Each(20, c.bare))
				fresh = append(fresh, portaltest.Each(20, func() { _, err := read(ctx); must(b, err) }))
				kept = append(kept, portaltest.Each(2000, func() { _, err := portal.Cached(ctx, p.DB, by, Noun, c.name, read); must(b, err) }))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(portaltest.Middle(bare), "bare-ms")
			b.ReportMetric(portaltest.Middle(fresh), "uncached-ms")
			b.ReportMetric(portaltest.Middle(fresh)/portaltest.Middle(bare), "uncached/bare")
			b.ReportMetric(portaltest.Middle(kept), "cached-ms")
			b.ReportMetric(portaltest.Middle(bare)/portaltest.Middle(kept), "bare/cached")
		})
	}
	b.Run("upload", func(b *testing.B) {
		var text strings.Builder
		for i := range 5000 {
			fmt.Fprintf(&text, "B%06d,%d\n", 1+i*3%20000, 6)
		}
		var bare, ours []float64
		var most uint64
		for range 3 {
			bare = append(bare, portaltest.Each(1, func() { must(b, pour(p.Owner, text.String())) }))
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			ours = append(ours, portaltest.Each(1, func() {
				table, err := sheet.Text(text.String(), orders.ListLimits)
				must(b, err)
				must(b, p.Do(ctx, by, func(tx *portal.Tx) error {
					if err := orders.EmptyCart(ctx, tx); err != nil {
						return err
					}
					u, err := orders.TakeList(ctx, tx, table)
					if err == nil && u.Taken+u.Corrected != 5000 {
						b.Fatalf("%d taken, %d corrected, %d refused", u.Taken, u.Corrected, u.Refused)
					}
					return err
				}))
			}))
			runtime.ReadMemStats(&after)
			most = max(most, after.TotalAlloc-before.TotalAlloc)
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(portaltest.Middle(bare), "bare-ms")
		b.ReportMetric(portaltest.Middle(ours), "ours-ms")
		b.ReportMetric(portaltest.Middle(ours)/portaltest.Middle(bare), "ours/bare")
		b.ReportMetric(float64(most)/(1<<20), "MiB-made")
	})
}

// pour reads 5,000 lines, finds the product of each, and stores them: the least that an upload is.
func pour(db *sql.DB, text string) error {
	var numbers, quantities []string
	for line := range strings.Lines(text) {
		number, quantity, _ := strings.Cut(strings.TrimSpace(line), ",")
		numbers, quantities = append(numbers, number), append(quantities, quantity)
	}
	a, _ := json.Marshal(numbers)
	q, _ := json.Marshal(quantities)
	if _, err := db.Exec(`DROP TABLE IF EXISTS poured`); err != nil {
		return err
	}
	_, err := db.Exec(`CREATE TABLE poured AS SELECT p.product, q.quantity::numeric, l.unit_price, s.available
		FROM ROWS FROM (json_array_elements_text($1::json), json_array_elements_text($2::json)) AS q (number, quantity)
		JOIN products p ON p.number_search = lower(q.number) JOIN list_prices l USING (product) JOIN availability s USING (product)`, string(a), string(q))
	return err
}

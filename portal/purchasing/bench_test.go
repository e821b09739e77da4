package purchasing

import (
	"context"
	"testing"

	"extranet/portal"
	"extranet/portal/portaltest"
)

// million gives 200 suppliers 1,000,000 lines in 250,000 orders, a fifth of them Cord's. Four orders in a hundred are open: half of those are promised, a quarter is to be
// answered, and of a quarter a line waits for the host. Versions, promises and answers stand beside what is open and beside each hundredth of what is closed; what lists do not read,
// as indexes of merges, is left out.
func million(b *testing.B, p *portaltest.Portal) {
	b.Helper()
	for _, s := range []string{
		`DROP INDEX purchase_orders_by_key, purchase_orders_by_change, purchase_order_lines_by_key, purchase_order_lines_by_change, schedule_lines_by_key, schedule_lines_by_change`,
		`INSERT INTO partners (partner_id, number, name, kind, changed_at) SELECT 1000 + i, 'S' || 1000 + i, 'Supplier ' || i, 'supplier', now() FROM generate_series(0, 198) i`,
		`CREATE TABLE made AS SELECT i, CASE WHEN i % 5 = 0 THEN 4 ELSE 1000 + i % 199 END AS partner_id,
			CASE i / 5 % 100 WHEN 0 THEN 'confirmed' WHEN 1 THEN 'confirmed' WHEN 2 THEN 'review' WHEN 3 THEN 'waiting' ELSE 'closed' END AS state, date '2022-01-01' + i % 1500 AS day, i / 5 % 100 < 5 AS told FROM generate_series(1, 250000) i`,
		`INSERT INTO purchase_orders (partner_id, number, site, status, currency, ordered_on, buyer, ship_to, terms, net, changed_at, state, version, lines, to_answer, answer_by, next_due_on)
			SELECT partner_id, 'P' || i, 'S300', CASE state WHEN 'closed' THEN 'closed' ELSE 'open' END, 'EUR', day, 'Ilse', 'W1', '30 days net', 1000, now(), state, 1, 4, CASE state WHEN 'review' THEN 4 ELSE 0 END,
				CASE state WHEN 'review' THEN date '2026-03-01' + i % 9 ELSE '9999-12-31' END, CASE state WHEN 'closed' THEN '9999-12-31' ELSE date '2026-02-25' + i % 90 END FROM made`,
		`INSERT INTO purchase_order_lines (partner_id, order_number, line, product, supplier_product, description, unit, quantity, received, price, net, requested_on, status, changed_at, state, answered, revised, next_due_on)
			SELECT partner_id, 'P' || i, 10 * l, 'T' || (i + l) % 5000, 'X' || (i + l) % 5000, 'Tyre 205/55 R16 91V', 'PC', 100, CASE state WHEN 'closed' THEN 100 ELSE 0 END, 2.5, 250, day + 14,
				CASE state WHEN 'closed' THEN 'closed' ELSE 'open' END, now(), CASE WHEN state = 'waiting' AND l > 1 THEN 'confirmed' ELSE state END, state <> 'review', state = 'review', CASE state WHEN 'closed' THEN NULL ELSE date '2026-02-25' + i % 90 END
			FROM made, generate_series(1, 4) l`,
		`INSERT INTO schedule_lines (partner_id, order_number, line, schedule, requested_on, quantity, changed_at) SELECT partner_id, 'P' || i, 10 * l, 1, day + 14, 100, now() FROM made, generate_series(1, 4) l WHERE told`,
		`INSERT INTO purchase_versions (partner_id, order_number, version, at, answer_by, content) SELECT partner_id, 'P' || i, 1, now(), day + 2, '{"lines":[]}' FROM made WHERE told`,
		`INSERT INTO purchase_promises (partner_id, order_number, line, part, promised_on, quantity) SELECT partner_id, 'P' || i, 10 * l, 1, day + 14, 100 FROM made, generate_series(1, 4) l WHERE told AND state <> 'review'`,
		`INSERT INTO purchase_answers (partner_id, order_number, answer, version, command_id, at, by_whom, note) SELECT partner_id, 'P' || i, 1, 1, gen_random_uuid(), now(), 'x', '' FROM made WHERE told AND state <> 'review'`,
		`INSERT INTO purchase_answer_lines (partner_id, order_number, answer, line, content, state)
			SELECT partner_id, 'P' || i, 1, 10 * l, CASE WHEN state = 'waiting' AND l = 1 THEN '{"line":10,"verdict":"change","parts":[{"on":"2026-04-01","quantity":"100"}]}' ELSE '{"line":' || 10 * l || ',"verdict":"accept"}' END,
				CASE WHEN state = 'waiting' AND l = 1 THEN 'waiting' ELSE 'settled' END FROM made, generate_series(1, 4) l WHERE told AND state <> 'review'`,
		`INSERT INTO receipts (partner_id, receipt, kind, site, order_number, order_line, product, received_at, quantity, rejected, changed_at)
			SELECT partner_id, 'R' || i, 'receipt', 'S300', 'P' || i, 10, 'T1', day + interval '14 days', 100, 0, now() FROM made WHERE told AND state = 'closed'`,
	} {
		p.Arrange(b, `SET session_replication_role = replica; `+s)
	}
	for _, t := range []string{"purchase_orders", "purchase_order_lines", "schedule_lines", "purchase_versions", "purchase_promises", "purchase_answers", "purchase_answer_lines", "receipts"} {
		p.Arrange(b, `ANALYZE `+t)
	}
}

// BenchmarkOrders measures the lists of a supplier that has 200,000 of 1,000,000 lines, one of its orders, and the lists of the host's buyers, in milliseconds of one caller: read
// anew, from memory where suppliers read, and as one bare prepared statement over lib/pq that reads the same rows with no row security and no rights.
func BenchmarkOrders(b *testing.B) {
	p := portaltest.New(b)
	million(b, p)
	ctx := b.Context()
	const rounds, calls = 5, 30
	bare := func(query string, args ...any) func() {
		s, err := p.Owner.Prepare(`SELECT coalesce(json_agg(r), '[]') FROM (` + query + `) r`)
		must(b, err)
		return func() { var text string; must(b, s.QueryRow(args...).Scan(&text)) }
	}
	const order = `SELECT partner_id, number, site, status, state, version, currency, ordered_on, buyer, ship_to, terms, net, lines, to_answer, answer_by, next_due_on, changed_at FROM purchase_orders`
	const line = `SELECT l.order_number, l.line, o.site, o.ship_to, l.product, l.supplier_product, l.description, l.unit, l.state, l.next_due_on, l.quantity, l.received,
		(SELECT json_agg(json_build_array(s.requested_on, s.quantity)) FROM schedule_lines s WHERE s.partner_id = l.partner_id AND s.order_number = l.order_number AND s.line = l.line) AS asked,
		(SELECT json_agg(json_build_array(p.promised_on, p.quantity)) FROM purchase_promises p WHERE p.partner_id = l.partner_id AND p.order_number = l.order_number AND p.line = l.line) AS promised`
	own := func(f func(tx *portal.Tx) (any, error)) func(context.Context) (any, error) {
		return func(ctx context.Context) (v any, err error) {
			err = p.Do(ctx, cord, func(tx *portal.Tx) error { v, err = f(tx); return err })
			return v, err
		}
	}
	desk := func(f func(tx *portal.Tx) (any, error)) func(context.Context) (any, error) {
		return func(ctx context.Context) (v any, err error) {
			err = p.AcrossPartners(ctx, buyer, portal.PurchasesRead, func(tx *portal.Tx) error { v, err = f(tx); return err })
			return v, err
		}
	}
	for _, c := range []struct {
		name string
		bare func()
		read func(context.Context) (any, error)
		kept bool
	}{
		{"list", bare(order + ` WHERE partner_id = 4 ORDER BY ordered_on DESC, number DESC LIMIT 51`), own(func(tx *portal.Tx) (any, error) { return List(ctx, tx, Filter{}) }), true},
		{"review", bare(order + ` WHERE partner_id = 4 AND state = 'review' ORDER BY answer_by, number LIMIT 51`), own(func(tx *portal.Tx) (any, error) { return List(ctx, tx, Filter{List: Review}) }), true},
		{"lines", bare(line + ` FROM purchase_order_lines l JOIN purchase_orders o ON o.partner_id = l.partner_id AND o.number = l.order_number WHERE l.partner_id = 4 AND l.next_due_on IS NOT NULL ORDER BY l.next_due_on, l.order_number, l.line LIMIT 51`),
			own(func(tx *portal.Tx) (any, error) { list, _, err := DueLines(ctx, tx, DueFilter{}); return list, err }), true},
		{"order", bare(order + ` o CROSS JOIN LATERAL (SELECT json_agg(x) AS all_lines FROM (` + line + ` FROM purchase_order_lines l WHERE l.partner_id = 4 AND l.order_number = o.number) x) x
			CROSS JOIN LATERAL (SELECT json_agg(v) AS versions FROM purchase_versions v WHERE v.partner_id = 4 AND v.order_number = o.number) v
			CROSS JOIN LATERAL (SELECT json_agg(a) AS answers FROM purchase_answers a JOIN purchase_answer_lines s USING (partner_id, order_number, answer) WHERE a.partner_id = 4 AND a.order_number = o.number) a
			CROSS JOIN LATERAL (SELECT json_agg(r) AS receipts FROM receipts r WHERE r.partner_id = 4 AND r.order_number = o.number) r WHERE o.partner_id = 4 AND o.number = 'P20'`),
			own(func(tx *portal.Tx) (any, error) { return Get(ctx, tx, "P20") }), true},
		{"across", bare(`SELECT o.*, p.name FROM (` + order + ` ORDER BY ordered_on DESC, partner_id DESC, number DESC LIMIT 51) o JOIN partners p USING (partner_id)`), desk(func(tx *portal.Tx) (any, error) { return Across(ctx, tx, Filter{}) }), false},
		{"across-waiting", bare(`SELECT o.*, p.name FROM (` + order + ` WHERE state = 'waiting' ORDER BY ordered_on DESC, partner_id DESC, number DESC LIMIT 51) o JOIN partners p USING (partner_id)`), desk(func(tx *portal.Tx) (any, error) { return Across(ctx, tx, Filter{List: Waiting}) }), false},
		{"due-across", bare(line + `, p.number, p.name FROM (SELECT * FROM purchase_order_lines WHERE next_due_on IS NOT NULL ORDER BY next_due_on, partner_id, order_number, line LIMIT 51) l
			JOIN purchase_orders o ON o.partner_id = l.partner_id AND o.number = l.order_number JOIN partners p ON p.partner_id = l.partner_id`), desk(func(tx *portal.Tx) (any, error) {
			list, _, err := DueAcross(ctx, tx, DueAcrossFilter{})
			return list, err
		}), false},
		{"answers", bare(line + `, a.content FROM (SELECT * FROM purchase_answer_lines WHERE state = 'waiting' ORDER BY partner_id, order_number, line LIMIT 51) a
			JOIN purchase_order_lines l ON l.partner_id = a.partner_id AND l.order_number = a.order_number AND l.line = a.line JOIN purchase_orders o ON o.partner_id = l.partner_id AND o.number = l.order_number`), desk(func(tx *portal.Tx) (any, error) {
			list, _, err := WaitingAnswers(ctx, tx, AnswerFilter{})
			return list, err
		}), false},
	} {
		b.Run(c.name, func(b *testing.B) {
			var limit, fresh, kept []float64
			for range rounds {
				limit = append(limit, portaltest.Each(calls, c.bare))
				fresh = append(fresh, portaltest.Each(calls, func() { _, err := c.read(ctx); must(b, err) }))
				if c.kept {
					kept = append(kept, portaltest.Each(2000, func() { _, err := portal.Cached(ctx, p.DB, cord, "purchasing", c.name, c.read); must(b, err) }))
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(portaltest.Middle(limit), "bare-ms")
			b.ReportMetric(portaltest.Middle(fresh), "uncached-ms")
			b.ReportMetric(portaltest.Middle(fresh)/portaltest.Middle(limit), "uncached/bare")
			if c.kept {
				b.ReportMetric(portaltest.Middle(kept), "cached-ms")
				b.ReportMetric(portaltest.Middle(limit)/portaltest.Middle(kept), "bare/cached")
			}
		})
	}
}

package main

import (
	"maps"

	"extranet/portal"
)

// Cord and Dart are sold to by twins, each marked with words that may be seen by nobody else, and some under the other's numbers.
func init() {
	seeds = append(seeds, `
	INSERT INTO purchase_orders (partner_id, number, site, status, currency, ordered_on, buyer, ship_to, terms, net, comment, version, lines, to_answer, answer_by, next_due_on, changed_at)
	SELECT p.id, p.l || '-1', p.site, 'open', 'EUR', '2026-03-01', p.word, p.word, p.word, 400, p.word, 1, 1, 1, '2026-03-04', '2026-03-10', '2026-03-01Z'
	FROM (VALUES (4, 'A', 'CORDONLY', 'S300'), (5, 'B', 'DARTONLY', 'S400')) p (id, l, word, site);
	INSERT INTO purchase_order_lines (partner_id, order_number, line, product, description, unit, quantity, received, price, net, requested_on, status, changed_at)
	SELECT p.id, n, p.line, 'T1', p.word, 'PC', 100, 0, 4, 400, '2026-03-10', 'open', '2026-03-01Z'
	FROM (VALUES (4, 'CORDONLY', 10), (5, 'DARTONLY', 20)) p (id, word, line), unnest(ARRAY['A-1', 'B-1']) n WHERE (id, n) <> (4, 'B-1');
	INSERT INTO purchase_order_lines (partner_id, order_number, line, description, quantity, received, price, net, status, changed_at) VALUES (5, 'B-1', 10, 'DARTONLY', 1, 0, 1, 1, 'open', '2026-03-01Z');
	INSERT INTO schedule_lines (partner_id, order_number, line, schedule, requested_on, quantity, changed_at) VALUES (4, 'A-1', 10, 1, '2026-03-10', 100, '2026-03-01Z'), (5, 'A-1', 10, 2, '2026-12-24', 777, '2026-03-01Z');
	INSERT INTO purchase_versions (partner_id, order_number, version, at, answer_by, content)
	SELECT id, n, v, '2026-03-01Z', '2026-03-04', json_build_object('comment', word || v, 'lines', '[]'::json) FROM (VALUES (4, 'CORDONLY', 'A-1'), (5, 'DARTONLY', 'A-1'), (5, 'DARTONLY', 'B-1')) p (id, word, n), generate_series(1, 2) v WHERE id <> 4 OR v = 1;
	INSERT INTO purchase_answers (partner_id, order_number, answer, version, command_id, at, by_whom, note) VALUES (5, 'A-1', 1, 1, gen_random_uuid(), '2026-03-01Z', 'DARTONLY', 'DARTONLY');
	INSERT INTO purchase_answer_lines (partner_id, order_number, answer, line, content, state) VALUES (5, 'A-1', 1, 10, '{"line":10,"verdict":"accept","note":"DARTONLY"}', 'waiting');
	INSERT INTO purchase_promises (partner_id, order_number, line, part, promised_on, quantity) VALUES (5, 'A-1', 10, 1, '2026-12-24', 777);
	INSERT INTO purchase_decisions (partner_id, order_number, answer, line, accepted, why, decided_at, changed_at) VALUES (4, 'A-9', 1, 10, true, 'CORDONLY', now(), now()), (5, 'A-1', 1, 10, false, 'DARTONLY', now(), now());
	INSERT INTO receipts (partner_id, receipt, kind, site, order_number, order_line, product, received_at, quantity, rejected, reason, changed_at)
	SELECT id, 'R-' || word, 'receipt', site, n, 10, 'T1', '2026-02-20Z', 10, 1, word, now() FROM (VALUES (4, 'CORDONLY', 'A-1', 'S300'), (5, 'DARTONLY', 'A-1', 'S400')) p (id, word, n, site);
	INSERT INTO feeds (entity, source, way, every_s, stale_after_s, offered, as_of) SELECT e, 'core', 'snapshot', 5, 60, true, '2026-03-02T08:59:30Z'
	FROM unnest(ARRAY['purchase_orders', 'purchase_order_lines', 'schedule_lines', 'receipts', 'purchase_decisions']) e;`)

	const accept = `{"version":1,"lines":[{"line":10,"verdict":"accept"}]}`
	maps.Copy(probes, map[string]probe{
		"GET /api/v1/purchase-orders":                  {as: "cord", need: portal.PurchasingRead, says: "CORDONLY"},
		"GET /api/v1/purchase-orders/:number":          {as: "cord", need: portal.PurchasingRead, path: "/api/v1/purchase-orders/A-1", says: "CORDONLY", foreign: "/api/v1/purchase-orders/B-1", missing: "/api/v1/purchase-orders/X-1"},
		"POST /api/v1/purchase-orders/:number/answers": {as: "cord", need: portal.PurchasingAnswer, path: "/api/v1/purchase-orders/A-1/answers", form: accept, foreign: "/api/v1/purchase-orders/B-1/answers", missing: "/api/v1/purchase-orders/X-1/answers"},
		"POST /api/v1/purchase-orders/accept":          {as: "cord", need: portal.PurchasingAnswer, form: `{"orders":["A-1"]}`, foreign: `{"orders":["B-1"]}`, missing: `{"orders":["X-1"]}`},
		"GET /purchasing":                              {as: "cord", need: portal.PurchasingRead, says: "CORDONLY"},
		"GET /purchasing/export.csv":                   {as: "cord", need: portal.PurchasingRead, says: "CORDONLY"},
		"GET /purchasing/export.xlsx":                  {as: "cord", need: portal.PurchasingRead},
		"GET /purchasing/:number":                      {as: "cord", need: portal.PurchasingRead, path: "/purchasing/A-1", says: "CORDONLY", foreign: "/purchasing/B-1", missing: "/purchasing/X-1"},
		"POST /purchasing/accept":                      {as: "cord", need: portal.PurchasingAnswer, form: "order=A-1", foreign: "order=B-1", missing: "order=X-1"},
		"POST /purchasing/:number/answer":              {as: "cord", need: portal.PurchasingAnswer, path: "/purchasing/A-1/answer", form: "version=1&verdict-10=accept", foreign: "/purchasing/B-1/answer", missing: "/purchasing/X-1/answer"},
	})
}

package main

// Cord and Dart are forecast twins, each marked with words that may be seen by nobody else.
func init() {
	seeds = append(seeds, `
	INSERT INTO sites (partner_id, site, name, changed_at) VALUES (4, 'S300-P1', 'CORDONLY plant', now()), (5, 'S400-P1', 'DARTONLY plant', now());
	INSERT INTO products (product, name, unit, changed_at) VALUES ('T9', 'Tyre 205/55 R16', 'PC', now());
	INSERT INTO forecasts (partner_id, version, product, location, supplier, published_at, plan_run, site, kind, unit, price, currency, starts_on, quantity, changed_at)
	SELECT p.id, 'V' || v, 'T9', l, p.number, timestamptz '2026-02-23 05:00Z' + (v - 1) * interval '7 days', p.word, p.number || '-P1', 'week', 'PC', 10, 'EUR',
		(SELECT array_agg(date '2026-02-23' + 7 * (v - 1 + b) ORDER BY b) FROM generate_series(0, 11) b), (SELECT array_agg(100 + 10 * b + v) FROM generate_series(0, 11) b), now()
	FROM (VALUES (4, 'S300', 'CORDONLY'), (5, 'S400', 'DARTONLY')) p (id, number, word), generate_series(1, 2) v, unnest(ARRAY['W1', p.word]) l;
	INSERT INTO demand_history (partner_id, product, location, kind, supplier, starts_on, quantity, received, changed_at)
	SELECT id, 'T9', 'W1', 'week', number, '{2026-02-16,2026-02-23}', '{90,95}', '{90,80}', now() FROM (VALUES (4, 'S300'), (5, 'S400')) p (id, number);
	INSERT INTO supplier_inventory (partner_id, product, location, supplier, on_hand, in_transit, changed_at) VALUES (4, 'T9', 'W1', 'S300', 40, 20, now()), (5, 'T9', 'W1', 'S400', 41, 21, now());
	INSERT INTO notices (partner_id, notice, supplier, kind, revision, title, issued_on, effective_on, withdrawn, changed_at)
	VALUES (4, 'N1', 'S300', 'pcn', '1', 'CORDONLY', '2026-02-20', '2026-06-01', false, now()), (5, 'N1', 'S400', 'pcn', '1', 'DARTONLY', '2026-02-20', '2026-06-01', false, now()),
		(5, 'N2', 'S400', 'ecn', '1', 'DARTONLY', '2026-02-20', '2026-06-01', false, now());
	INSERT INTO notice_items (partner_id, notice, line, supplier, product, description, changed_at) VALUES (4, 'N1', 1, 'S300', 'T9', 'CORDONLY', now()), (5, 'N1', 1, 'S400', 'T9', 'DARTONLY', now()), (5, 'N2', 1, 'S400', 'T9', 'DARTONLY', now());
	INSERT INTO feeds (entity, source, way, every_s, stale_after_s, offered, as_of) SELECT e, 'core', 'snapshot', 5, 60, true, '2026-03-02T08:59:30Z'
	FROM unnest(ARRAY['forecasts', 'demand_history', 'supplier_inventory', 'notices', 'notice_items']) e;`)
}

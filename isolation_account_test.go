package main

import "extranet/portal"

func init() {
	seeds = append(seeds, `
		INSERT INTO invoices (partner_id, number, kind, site, order_number, po_number, currency, invoiced_on, due_on, net, tax, total, open, comment, changed_at)
		SELECT p.id, p.l || '-' || i, 'invoice', p.site, p.l || '-1', p.word || '-' || i, 'EUR', '2026-01-05', '2026-02-04', 100, 20, 120, 120, p.word, now()
		FROM (VALUES (2, 'A', 'ACMEONLY', 'D100'), (3, 'B', 'BROCKONLY', 'D200')) p (id, l, word, site), generate_series(1, 2) i;
		INSERT INTO invoices (partner_id, number, kind, site, currency, invoiced_on, due_on, net, tax, total, open, credits, claim, changed_at)
		VALUES (2, 'A-9', 'credit_memo', 'D100', 'EUR', '2026-01-06', '2026-01-06', -10, -2, -12, 0, 'A-1', 'ACMEONLY', now()), (3, 'BROCKONLY-9', 'credit_memo', 'D200', 'EUR', '2026-01-06', '2026-01-06', -10, -2, -12, 0, 'A-1', 'BROCKONLY', now()),
			(2, 'N-1', 'invoice', 'D101', 'EUR', '2026-01-05', '2026-02-04', 7, 0, 7, 7, NULL, NULL, now());
		-- Under the other's number as well: a query that joins without the partner shows it.
		INSERT INTO invoice_lines (partner_id, invoice, line, description, quantity, price, net, tax, changed_at)
		VALUES (2, 'A-1', 1, 'ACMEONLY', 1, 100, 100, 20, now()), (3, 'B-1', 1, 'BROCKONLY', 1, 100, 100, 20, now()), (3, 'A-1', 2, 'BROCKONLY', 1, 1, 1, 0, now());
		INSERT INTO payments (partner_id, payment, paid_on, reference, currency, amount, open, changed_at)
		VALUES (2, 'A-1', '2026-02-01', 'ACMEONLY', 'EUR', 50, 10, now()), (3, 'B-1', '2026-02-01', 'BROCKONLY', 'EUR', 50, 10, now());
		INSERT INTO settlements (partner_id, settlement, payment, invoice, amount, settled_on, changed_at)
		VALUES (2, '1', 'A-1', 'A-1', 40, '2026-02-01', now()), (3, '2', 'B-1', 'B-1', 40, '2026-02-01', now()), (3, '3', 'A-1', 'A-1', 77.77, '2026-02-01', now());
		INSERT INTO account_status (partner_id, account, currency, credit_limit, balance, on_hold, hold_reason, changed_at)
		VALUES (2, 'D100', 'EUR', 5000, 230, true, 'ACMEONLY', now()), (3, 'D200', 'EUR', 6000, 230, true, 'BROCKONLY', now());
		INSERT INTO feeds (entity, source, way, every_s, stale_after_s, offered, as_of) SELECT e, 'core', 'snapshot', 5, 60, true, '2026-03-02T08:59:30Z'
		FROM unnest(ARRAY['invoices', 'invoice_lines', 'payments', 'settlements', 'account_status']) e;`)
	read, take := portal.AccountRead, portal.AccountExport
	for route, p := range map[string]probe{
		"GET /api/v1/account":                    {need: read, says: "ACMEONLY"},
		"GET /api/v1/account/statement":          {need: read, path: "/api/v1/account/statement?currency=EUR&from=2026-01-01&to=2026-03-02", says: "ACMEONLY"},
		"GET /api/v1/invoices":                   {need: read, says: "ACMEONLY"},
		"GET /api/v1/invoices/:number":           {need: read, path: "/api/v1/invoices/A-1", says: "ACMEONLY", foreign: "/api/v1/invoices/B-1", beyond: "/api/v1/invoices/A-1", missing: "/api/v1/invoices/X-1"},
		"GET /api/v1/payments":                   {need: read, says: "ACMEONLY"},
		"GET /api/v1/payments/:number":           {need: read, path: "/api/v1/payments/A-1", says: "ACMEONLY", foreign: "/api/v1/payments/B-1", beyond: "/api/v1/payments/A-1", missing: "/api/v1/payments/X-1"},
		"GET /api/v1/invoices/:number/pdf":       {need: take, path: "/api/v1/invoices/A-1/pdf", says: "%PDF", foreign: "/api/v1/invoices/B-1/pdf", beyond: "/api/v1/invoices/A-1/pdf", missing: "/api/v1/invoices/X-1/pdf"},
		"GET /api/v1/account/statement/:format":  {need: take, path: "/api/v1/account/statement/csv?currency=EUR&from=2026-01-01&to=2026-03-31", says: "ACMEONLY"},
		"GET /finance":                           {need: read, says: "ACMEONLY"},
		"GET /finance/invoices":                  {need: read, says: "ACMEONLY"},
		"GET /exports/invoices.csv":              {need: take, says: "ACMEONLY"},
		"GET /exports/invoices.xlsx":             {need: take},
		"GET /finance/invoices/:number":          {need: read, path: "/finance/invoices/A-1", says: "ACMEONLY", foreign: "/finance/invoices/B-1", beyond: "/finance/invoices/A-1", missing: "/finance/invoices/X-1"},
		"GET /finance/invoices/:number/file.pdf": {need: take, path: "/finance/invoices/A-1/file.pdf", says: "%PDF", foreign: "/finance/invoices/B-1/file.pdf", beyond: "/finance/invoices/A-1/file.pdf", missing: "/finance/invoices/X-1/file.pdf"},
		"GET /finance/payments":                  {need: read, says: "ACMEONLY"},
		"GET /finance/payments/:number":          {need: read, path: "/finance/payments/A-1", says: "ACMEONLY", foreign: "/finance/payments/B-1", beyond: "/finance/payments/A-1", missing: "/finance/payments/X-1"},
		"GET /finance/statement":                 {need: read, path: "/finance/statement?from=2026-01-01", says: "ACMEONLY"},
		"GET /finance/statement/file.pdf":        {need: take, says: "%PDF"},
		"GET /finance/statement/file.xlsx":       {need: take},
		"GET /finance/statement/file.csv":        {need: take, path: "/finance/statement/file.csv?from=2026-01-01", says: "ACMEONLY"},
	} {
		probes[route] = p
	}
}

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
	INSERT INTO dispatches (partner_id, number, site, carrier, tracking, ships_on, arrives_on, note, warnings, command_id, at, by_whom)
	SELECT id, n, site, word, word, '2026-03-01', '2026-03-02', word, '[]', gen_random_uuid(), now(), word FROM (VALUES (4, 'CORDONLY', 'A-1', 'S300'), (5, 'DARTONLY', 'B-1', 'S400')) p (id, word, n, site);
	INSERT INTO files (partner_id, file_id, document, name, kind, size, sha256, uploaded_at, uploaded_by)
	SELECT id, ('00000000-0000-4000-8000-00000000003' || id)::uuid, 'dispatches/' || n, word || '.txt', 'text/plain', 8, '', now(), word FROM (VALUES (4, 'CORDONLY', 'A-1'), (5, 'DARTONLY', 'B-1')) p (id, word, n);
	INSERT INTO dispatch_packages (partner_id, number, package, sscc) SELECT id, n, 1, '040123450000000' || id || '05' FROM (VALUES (4, 'A-1'), (5, 'B-1'), (5, 'A-1')) p (id, n) WHERE (id, n) <> (5, 'A-1');
	INSERT INTO dispatch_lines (partner_id, number, line, package, order_number, order_line, product, description, unit, quantity, lot, serials)
	SELECT id, n, 1, 1, n, 10, 'T1', word, 'PC', 1, word, '[]' FROM (VALUES (4, 'A-1', 'CORDONLY'), (5, 'A-1', 'DARTONLY'), (5, 'B-1', 'DARTONLY')) p (id, n, word);
	INSERT INTO sscc_ranges (partner_id, prefix, next) VALUES (4, '4012345', 7), (5, '4054321', 7);
	INSERT INTO supplier_invoices (partner_id, invoice, number, site, order_number, status, why, currency, invoiced_on, net, tax, total, open, changed_at)
	SELECT id, n, 'N-' || word, site, n, 'blocked', word, 'EUR', '2026-02-01', 10, 2, 12, 12, now() FROM (VALUES (4, 'CORDONLY', 'A-1', 'S300'), (5, 'DARTONLY', 'B-1', 'S400')) p (id, word, n, site);
	INSERT INTO supplier_invoice_lines (partner_id, invoice, line, order_number, order_line, product, quantity, price, net, changed_at)
	SELECT id, n, id, 'A-1', 10, word, 1, 10, 10, now() FROM (VALUES (4, 'A-1', 'CORDONLY'), (5, 'A-1', 'DARTONLY'), (5, 'B-1', 'DARTONLY')) p (id, n, word);
	INSERT INTO supplier_payments (partner_id, payment, paid_on, currency, amount, reference, changed_at) VALUES (4, 'A-1', '2026-02-20', 'EUR', 5, 'CORDONLY', now()), (5, 'B-1', '2026-02-20', 'EUR', 5, 'DARTONLY', now());
	INSERT INTO remittance_lines (partner_id, payment, invoice, amount, changed_at) VALUES (4, 'A-1', 'A-1', 5, now()), (5, 'A-1', 'B-1', 777, now()), (5, 'B-1', 'B-1', 5, now());
	INSERT INTO bills (partner_id, number_key, number, site, currency, invoiced_on, net, tax, total, note, command_id, at, by_whom)
	SELECT id, n, n, site, 'EUR', '2026-02-01', 10, 0, 10, word, gen_random_uuid(), now(), word FROM (VALUES (4, 'CORDONLY', 'A-1', 'S300'), (5, 'DARTONLY', 'B-1', 'S400')) p (id, word, n, site);
	INSERT INTO bill_lines (partner_id, number_key, line, order_number, order_line, product, description, unit, quantity, price, net, tax_rate)
	SELECT id, n, id, 'A-1', 10, 'T1', word, 'PC', 1, 10, 10, 0 FROM (VALUES (4, 'A-1', 'CORDONLY'), (5, 'A-1', 'DARTONLY'), (5, 'B-1', 'DARTONLY')) p (id, n, word);
	INSERT INTO feeds (entity, source, way, every_s, stale_after_s, offered, as_of) SELECT e, 'core', 'snapshot', 5, 60, true, '2026-03-02T08:59:30Z'
	FROM unnest(ARRAY['purchase_orders', 'purchase_order_lines', 'schedule_lines', 'receipts', 'purchase_decisions', 'supplier_invoices', 'supplier_invoice_lines', 'supplier_payments', 'remittance_lines']) e;`)

	// What is sent of an order, under the same number as before, which is forgotten first.
	const again = `DELETE FROM dispatch_lines WHERE number = 'LS'; DELETE FROM dispatch_packages WHERE number = 'LS'; DELETE FROM dispatches WHERE number = 'LS'`
	sent := func(order string) string {
		return `{"number":"LS","ships_on":"2026-03-09","arrives_on":"2026-03-10","gs1_prefix":"4012345","packages":[{}],"lines":[{"order":"` + order + `","line":10,"package":1,"quantity":"1"}]}`
	}
	sentForm := func(order string) string {
		return "number=LS&ships_on=2026-03-09&arrives_on=2026-03-10&gs1_prefix=4012345&order=" + order + "&line-1=10&package-1=1&quantity-1=1"
	}
	// What is invoiced of an order of which something came in, under the same number as before, which is forgotten first.
	const unbilled = `DELETE FROM bill_lines WHERE number_key = 'RE'; DELETE FROM bills WHERE number_key = 'RE'; UPDATE purchase_order_lines SET received = 50`
	billed := func(order string) string {
		return `{"number":"RE","invoiced_on":"2026-03-01","currency":"EUR","lines":[{"order":"` + order + `","line":10,"quantity":"1","price":"4","tax_rate":"19"}]}`
	}
	billedForm := func(order string) string {
		return "number=RE&invoiced_on=2026-03-01&currency=EUR&order=" + order + "&line-1=10&quantity-1=1&price-1=4&tax_rate-1=19"
	}
	// A rejection that may still be objected to, and an answer of Cord's that waits; what was said of them before is forgotten.
	const rejected = `DELETE FROM receipt_objections; INSERT INTO receipts (partner_id, receipt, kind, site, order_number, order_line, product, received_at, quantity, rejected, reason, changed_at)
		VALUES (4, 'A-1', 'receipt', 'S300', 'A-1', 10, 'T1', '2026-02-27Z', 10, 1, 'CORDONLY', now()), (5, 'B-1', 'receipt', 'S400', 'B-1', 10, 'T1', '2026-02-27Z', 10, 1, 'DARTONLY', now()) ON CONFLICT DO NOTHING`
	const objected = rejected + `; INSERT INTO receipt_objections (partner_id, receipt, words, command_id, at, by_whom) VALUES (4, 'A-1', 'CORDONLY', gen_random_uuid(), now(), 'x'), (5, 'B-1', 'DARTONLY', gen_random_uuid(), now(), 'x')`
	const offered = `INSERT INTO purchase_answers (partner_id, order_number, answer, version, command_id, at, by_whom, note) VALUES (4, 'A-1', 90, 1, gen_random_uuid(), now(), 'x', '') ON CONFLICT DO NOTHING;
		INSERT INTO purchase_answer_lines (partner_id, order_number, answer, line, content, state) VALUES (4, 'A-1', 90, 10, '{"line":10,"verdict":"refuse","reason":"capacity"}', 'waiting') ON CONFLICT (partner_id, order_number, answer, line) DO UPDATE SET state = 'waiting'`
	const due = `UPDATE purchase_order_lines SET next_due_on = '2026-03-10'`
	const rules = `{"answer_days":2,"remind_days":1,"claim_days":14,"over_warn":"0","over_stop":"5","early_warn":2,"early_stop":10}`
	const paper = "00000000-0000-4000-8000-000000000034" // of Cord's shipment A-1
	const accept = `{"version":1,"lines":[{"line":10,"verdict":"accept"}]}`
	maps.Copy(probes, map[string]probe{
		"GET /api/v1/purchase-orders":                               {as: "cord", need: portal.PurchasingRead, says: "CORDONLY"},
		"GET /api/v1/purchase-orders/:number":                       {as: "cord", need: portal.PurchasingRead, path: "/api/v1/purchase-orders/A-1", says: "CORDONLY", foreign: "/api/v1/purchase-orders/B-1", missing: "/api/v1/purchase-orders/X-1"},
		"POST /api/v1/purchase-orders/:number/answers":              {as: "cord", need: portal.PurchasingAnswer, path: "/api/v1/purchase-orders/A-1/answers", form: accept, foreign: "/api/v1/purchase-orders/B-1/answers", missing: "/api/v1/purchase-orders/X-1/answers"},
		"POST /api/v1/purchase-order-acceptances":                   {as: "cord", need: portal.PurchasingAnswer, form: `{"orders":["A-1"]}`, foreign: `{"orders":["B-1"]}`, missing: `{"orders":["X-1"]}`},
		"GET /api/v1/dispatches":                                    {as: "cord", need: portal.PurchasingRead, says: "CORDONLY"},
		"GET /api/v1/dispatches/:number":                            {as: "cord", need: portal.PurchasingRead, path: "/api/v1/dispatches/A-1", says: "CORDONLY", foreign: "/api/v1/dispatches/B-1", missing: "/api/v1/dispatches/X-1"},
		"POST /api/v1/dispatches":                                   {as: "cord", need: portal.DispatchSend, before: again, form: sent("A-1"), foreign: sent("B-1"), missing: sent("X-1")},
		"GET /api/v1/receipts":                                      {as: "cord", need: portal.PurchasingRead, says: "CORDONLY"},
		"GET /receipts":                                             {as: "cord", need: portal.PurchasingRead, says: "CORDONLY"},
		"GET /dispatches":                                           {as: "cord", need: portal.PurchasingRead, says: "CORDONLY"},
		"GET /new/dispatches":                                       {as: "cord", need: portal.DispatchSend, path: "/new/dispatches?order=A-1", says: "CORDONLY", foreign: "/new/dispatches?order=B-1", missing: "/new/dispatches?order=X-1"},
		"GET /dispatches/:number":                                   {as: "cord", need: portal.PurchasingRead, path: "/dispatches/A-1", says: "CORDONLY", foreign: "/dispatches/B-1", missing: "/dispatches/X-1"},
		"GET /api/v1/dispatches/:number/labels":                     {as: "cord", need: portal.PurchasingRead, path: "/api/v1/dispatches/A-1/labels", says: "%PDF", foreign: "/api/v1/dispatches/B-1/labels", missing: "/api/v1/dispatches/X-1/labels"},
		"GET /dispatches/:number/labels.pdf":                        {as: "cord", need: portal.PurchasingRead, path: "/dispatches/A-1/labels.pdf", foreign: "/dispatches/B-1/labels.pdf", missing: "/dispatches/X-1/labels.pdf"},
		"POST /dispatches":                                          {as: "cord", need: portal.DispatchSend, before: again, form: sentForm("A-1"), foreign: sentForm("B-1"), missing: sentForm("X-1")},
		"GET /api/v1/supplier-invoices":                             {as: "cord", need: portal.BillingRead, says: "CORDONLY"},
		"GET /api/v1/supplier-invoices/:invoice":                    {as: "cord", need: portal.BillingRead, path: "/api/v1/supplier-invoices/A-1", says: "CORDONLY", foreign: "/api/v1/supplier-invoices/B-1", missing: "/api/v1/supplier-invoices/X-1"},
		"POST /api/v1/supplier-invoices":                            {as: "cord", need: portal.BillingSend, before: unbilled, form: billed("A-1"), foreign: billed("B-1"), missing: billed("X-1")},
		"GET /api/v1/sent-invoices/:number":                         {as: "cord", need: portal.BillingRead, path: "/api/v1/sent-invoices/A-1", says: "CORDONLY", foreign: "/api/v1/sent-invoices/B-1", missing: "/api/v1/sent-invoices/X-1"},
		"GET /api/v1/supplier-payments":                             {as: "cord", need: portal.BillingRead, says: "CORDONLY"},
		"GET /api/v1/supplier-payments/:payment":                    {as: "cord", need: portal.BillingRead, path: "/api/v1/supplier-payments/A-1", says: "CORDONLY", foreign: "/api/v1/supplier-payments/B-1", missing: "/api/v1/supplier-payments/X-1"},
		"GET /billing":                                              {as: "cord", need: portal.BillingRead, says: "CORDONLY"},
		"POST /billing":                                             {as: "cord", need: portal.BillingSend, before: unbilled, form: billedForm("A-1"), foreign: billedForm("B-1"), missing: billedForm("X-1")},
		"GET /exports/billing.csv":                                  {as: "cord", need: portal.BillingRead, says: "CORDONLY"},
		"GET /exports/billing.xlsx":                                 {as: "cord", need: portal.BillingRead},
		"GET /buying/export.csv":                                    {as: "cord", host: true, need: portal.PurchasesRead, path: "/buying/export.csv?list=all", says: "CORDONLY"},
		"GET /buying/export.xlsx":                                   {as: "cord", host: true, need: portal.PurchasesRead},
		"GET /buying/dispatches/export.csv":                         {as: "cord", host: true, need: portal.PurchasesRead, says: "CORDONLY"},
		"GET /buying/dispatches/export.xlsx":                        {as: "cord", host: true, need: portal.PurchasesRead},
		"GET /buying/receipts/export.csv":                           {as: "cord", host: true, need: portal.PurchasesRead, says: "CORDONLY"},
		"GET /buying/receipts/export.xlsx":                          {as: "cord", host: true, need: portal.PurchasesRead},
		"GET /buying/invoices/export.csv":                           {as: "cord", host: true, need: portal.PurchasesRead, says: "CORDONLY"},
		"GET /buying/invoices/export.xlsx":                          {as: "cord", host: true, need: portal.PurchasesRead},
		"POST /api/v1/answer-tables":                                {as: "cord", need: portal.PurchasingAnswer, form: "order\tline\tanswer\nA-1\t10\taccept", says: `"lines":1`},
		"POST /api/v1/invoice-tables":                               {as: "cord", need: portal.BillingSend, before: unbilled, form: "number\tinvoiced on\tcurrency\torder\tline\tquantity\tprice\ttax rate\nRE\t2026-03-01\tEUR\tA-1\t10\t1\t4\t19", says: `"invoices":1`},
		"GET /new/billing":                                          {as: "cord", need: portal.BillingSend, before: unbilled, path: "/new/billing?order=A-1", says: "CORDONLY", foreign: "/new/billing?order=B-1", missing: "/new/billing?order=X-1"},
		"GET /remittances":                                          {as: "cord", need: portal.BillingRead, says: "CORDONLY"},
		"GET /remittances/:payment":                                 {as: "cord", need: portal.BillingRead, path: "/remittances/A-1", says: "CORDONLY", foreign: "/remittances/B-1", missing: "/remittances/X-1"},
		"GET /billing/sent/:number":                                 {as: "cord", need: portal.BillingRead, path: "/billing/sent/A-1", says: "CORDONLY", foreign: "/billing/sent/B-1", missing: "/billing/sent/X-1"},
		"GET /billing/:invoice":                                     {as: "cord", need: portal.BillingRead, path: "/billing/A-1", says: "CORDONLY", foreign: "/billing/B-1", missing: "/billing/X-1"},
		"GET /purchasing":                                           {as: "cord", need: portal.PurchasingRead, says: "CORDONLY"},
		"GET /api/v1/purchase-order-lines":                          {as: "cord", need: portal.PurchasingRead, before: due, says: "CORDONLY"},
		"GET /due":                                                  {as: "cord", need: portal.PurchasingRead, before: due, says: "CORDONLY"},
		"GET /exports/due.csv":                                      {as: "cord", need: portal.PurchasingRead, before: due, says: "CORDONLY"},
		"GET /exports/due.xlsx":                                     {as: "cord", need: portal.PurchasingRead},
		"GET /exports/purchasing.csv":                               {as: "cord", need: portal.PurchasingRead, says: "CORDONLY"},
		"GET /exports/purchasing.xlsx":                              {as: "cord", need: portal.PurchasingRead},
		"GET /purchasing/:number":                                   {as: "cord", need: portal.PurchasingRead, path: "/purchasing/A-1", says: "CORDONLY", foreign: "/purchasing/B-1", missing: "/purchasing/X-1"},
		"POST /purchasing/accept":                                   {as: "cord", need: portal.PurchasingAnswer, form: "order=A-1", foreign: "order=B-1", missing: "order=X-1"},
		"GET /api/v1/scorecard":                                     {as: "cord", need: portal.PurchasingRead, says: "S300"},
		"GET /api/v1/scorecard/:figure":                             {as: "cord", need: portal.PurchasingRead, path: "/api/v1/scorecard/rejects", says: "CORDONLY"},
		"GET /api/v1/buying/scorecards":                             {as: "cord", host: true, need: portal.PurchasesRead, says: "S300"},
		"GET /api/v1/buying/scorecards/:partner":                    {as: "cord", host: true, need: portal.PurchasesRead, path: "/api/v1/buying/scorecards/S300", says: "S300", missing: "/api/v1/buying/scorecards/X-1"},
		"GET /api/v1/buying/scorecards/:partner/:figure":            {as: "cord", host: true, need: portal.PurchasesRead, path: "/api/v1/buying/scorecards/S300/rejects", says: "CORDONLY", missing: "/api/v1/buying/scorecards/X-1/rejects"},
		"GET /scorecard":                                            {as: "cord", need: portal.PurchasingRead, says: "On time in full"},
		"GET /scorecard/:figure":                                    {as: "cord", need: portal.PurchasingRead, path: "/scorecard/rejects", says: "CORDONLY"},
		"GET /scorecard/:figure/export.csv":                         {as: "cord", need: portal.PurchasingRead, path: "/scorecard/rejects/export.csv", says: "CORDONLY"},
		"GET /scorecard/:figure/export.xlsx":                        {as: "cord", need: portal.PurchasingRead, path: "/scorecard/rejects/export.xlsx"},
		"GET /buying/scorecards":                                    {as: "cord", host: true, need: portal.PurchasesRead, says: "S300"},
		"GET /exports/scorecards.csv":                               {as: "cord", host: true, need: portal.PurchasesRead, says: "S300"},
		"GET /exports/scorecards.xlsx":                              {as: "cord", host: true, need: portal.PurchasesRead},
		"GET /buying/scorecards/:partner":                           {as: "cord", host: true, need: portal.PurchasesRead, path: "/buying/scorecards/S300", says: "S300", missing: "/buying/scorecards/X-1"},
		"GET /buying/scorecards/:partner/:figure":                   {as: "cord", host: true, need: portal.PurchasesRead, path: "/buying/scorecards/S300/rejects", says: "CORDONLY", missing: "/buying/scorecards/X-1/rejects"},
		"GET /tables/purchasing":                                    {as: "cord", need: portal.PurchasingAnswer, says: "Answer by spreadsheet"},
		"POST /tables/purchasing":                                   {as: "cord", need: portal.PurchasingAnswer, form: "table=order%09line%09answer%0AA-1%0910%09accept"},
		"GET /tables/purchasing/form.csv":                           {as: "cord", need: portal.PurchasingAnswer, before: `UPDATE purchase_orders SET state = 'review'; UPDATE purchase_order_lines SET state = 'review'`, says: "CORDONLY"},
		"GET /tables/purchasing/form.xlsx":                          {as: "cord", need: portal.PurchasingAnswer},
		"GET /tables/billing":                                       {as: "cord", need: portal.BillingSend, says: "Invoices by spreadsheet"},
		"POST /tables/billing":                                      {as: "cord", need: portal.BillingSend, before: unbilled, form: "table=number%09invoiced+on%09currency%09order%09line%09quantity%09price%09tax+rate%0ARE%092026-03-01%09EUR%09A-1%0910%091%094%0919"},
		"GET /tables/billing/form.csv":                              {as: "cord", need: portal.BillingSend, before: unbilled, says: "CORDONLY"},
		"GET /tables/billing/form.xlsx":                             {as: "cord", need: portal.BillingSend},
		"POST /dispatches/:number/files":                            {as: "cord", need: portal.DispatchSend, path: "/dispatches/A-1/files", form: "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nwords\r\n--x--\r\n", foreign: "/dispatches/B-1/files", missing: "/dispatches/X-1/files"},
		"GET /dispatches/:number/files/:id":                         {as: "cord", need: portal.PurchasingRead, says: "CORDONLY", path: "/dispatches/A-1/files/" + paper, foreign: "/dispatches/A-1/files/00000000-0000-4000-8000-000000000035", missing: "/dispatches/A-1/files/00000000-0000-4000-8000-000000000039"},
		"POST /api/v1/dispatches/:number/files":                     {as: "cord", need: portal.DispatchSend, path: "/api/v1/dispatches/A-1/files?name=a.txt", form: "words", foreign: "/api/v1/dispatches/B-1/files?name=a.txt", missing: "/api/v1/dispatches/X-1/files?name=a.txt"},
		"GET /api/v1/dispatches/:number/files/:id":                  {as: "cord", need: portal.PurchasingRead, says: "CORDONLY", path: "/api/v1/dispatches/A-1/files/" + paper, foreign: "/api/v1/dispatches/A-1/files/00000000-0000-4000-8000-000000000035", missing: "/api/v1/dispatches/A-1/files/00000000-0000-4000-8000-000000000039"},
		"GET /api/v1/buying/dispatches/:partner/:number/files/:id":  {as: "cord", host: true, need: portal.PurchasesRead, says: "CORDONLY", path: "/api/v1/buying/dispatches/S300/A-1/files/" + paper, missing: "/api/v1/buying/dispatches/S300/A-1/files/00000000-0000-4000-8000-000000000039"},
		"GET /buying/dispatches/:partner/:number/files/:id":         {as: "cord", host: true, need: portal.PurchasesRead, says: "CORDONLY", path: "/buying/dispatches/S300/A-1/files/" + paper, missing: "/buying/dispatches/S300/A-1/files/00000000-0000-4000-8000-000000000039"},
		"GET /receipts/export.csv":                                  {as: "cord", need: portal.PurchasingRead, says: "CORDONLY"},
		"GET /receipts/export.xlsx":                                 {as: "cord", need: portal.PurchasingRead},
		"GET /exports/dispatches.csv":                               {as: "cord", need: portal.PurchasingRead, says: "A-1"},
		"GET /exports/dispatches.xlsx":                              {as: "cord", need: portal.PurchasingRead},
		"POST /receipts/:receipt/object":                            {as: "cord", need: portal.PurchasingAnswer, before: rejected, path: "/receipts/A-1/object", form: "words=no", foreign: "/receipts/B-1/object", missing: "/receipts/X-1/object"},
		"POST /api/v1/receipts/:receipt/objection":                  {as: "cord", need: portal.PurchasingAnswer, before: rejected, path: "/api/v1/receipts/A-1/objection", form: `{"words":"no"}`, foreign: "/api/v1/receipts/B-1/objection", missing: "/api/v1/receipts/X-1/objection"},
		"GET /api/v1/purchasing-policy":                             {as: "cord", need: portal.PurchasingRead, says: "answer_days"},
		"GET /api/v1/buying/orders":                                 {as: "cord", host: true, need: portal.PurchasesRead, says: "CORDONLY"},
		"GET /api/v1/buying/orders/:partner/:number":                {as: "cord", host: true, need: portal.PurchasesRead, path: "/api/v1/buying/orders/S300/A-1", says: "CORDONLY", missing: "/api/v1/buying/orders/S300/X-1"},
		"POST /api/v1/buying/orders/:partner/:number/decisions":     {as: "cord", host: true, need: portal.PurchasesManage, before: offered, path: "/api/v1/buying/orders/S300/A-1/decisions", form: `{"decisions":[{"answer":90,"line":10,"accepted":true}]}`, missing: "/api/v1/buying/orders/S300/X-1/decisions"},
		"GET /api/v1/buying/answers":                                {as: "cord", host: true, need: portal.PurchasesRead, before: offered, says: "CORDONLY"},
		"POST /api/v1/buying/decisions":                             {as: "cord", host: true, need: portal.PurchasesManage, before: offered, form: `{"decisions":[{"partner":"S300","order":"A-1","answer":90,"line":10,"accepted":true}]}`, says: "CORDONLY"},
		"GET /buying/answers":                                       {as: "cord", host: true, need: portal.PurchasesRead, before: offered, says: "CORDONLY"},
		"POST /buying/answers":                                      {as: "cord", host: true, need: portal.PurchasesManage, before: offered, form: "pick=S300%2FA-1%2F90%2F10&decision=accept&sure=yes"},
		"GET /api/v1/buying/order-lines":                            {as: "cord", host: true, need: portal.PurchasesRead, before: due, says: "CORDONLY"},
		"GET /buying/due":                                           {as: "cord", host: true, need: portal.PurchasesRead, before: due, says: "CORDONLY"},
		"GET /buying/due/export.csv":                                {as: "cord", host: true, need: portal.PurchasesRead, before: due, says: "CORDONLY"},
		"GET /buying/due/export.xlsx":                               {as: "cord", host: true, need: portal.PurchasesRead},
		"GET /api/v1/buying/dispatches":                             {as: "cord", host: true, need: portal.PurchasesRead, says: "CORDONLY"},
		"GET /api/v1/buying/dispatches/:partner/:number":            {as: "cord", host: true, need: portal.PurchasesRead, path: "/api/v1/buying/dispatches/S300/A-1", says: "CORDONLY", missing: "/api/v1/buying/dispatches/S300/X-1"},
		"GET /api/v1/buying/receipts":                               {as: "cord", host: true, need: portal.PurchasesRead, says: "CORDONLY"},
		"POST /api/v1/buying/receipts/:partner/:receipt/settlement": {as: "cord", host: true, need: portal.PurchasesManage, before: objected, path: "/api/v1/buying/receipts/S300/A-1/settlement", form: `{"accepted":true,"words":"yes"}`, missing: "/api/v1/buying/receipts/S300/X-1/settlement"},
		"GET /api/v1/buying/invoices":                               {as: "cord", host: true, need: portal.PurchasesRead, says: "CORDONLY"},
		"GET /api/v1/buying/invoices/:partner/:invoice":             {as: "cord", host: true, need: portal.PurchasesRead, path: "/api/v1/buying/invoices/S300/A-1", says: "CORDONLY", missing: "/api/v1/buying/invoices/S300/X-1"},
		"GET /api/v1/buying/policy":                                 {as: "cord", host: true, need: portal.PurchasesRead, says: "answer_days"},
		"POST /api/v1/buying/policy":                                {as: "cord", host: true, need: portal.PurchasesManage, form: rules, says: "answer_days"},
		"GET /buying":                                               {as: "cord", host: true, need: portal.PurchasesRead, path: "/buying?list=all", says: "S300"},
		"GET /buying/orders/:partner/:number":                       {as: "cord", host: true, need: portal.PurchasesRead, path: "/buying/orders/S300/A-1", says: "CORDONLY", missing: "/buying/orders/S300/X-1"},
		"POST /buying/orders/:partner/:number/decide":               {as: "cord", host: true, need: portal.PurchasesManage, before: offered, path: "/buying/orders/S300/A-1/decide", form: "decision-10=accept&answer-10=90", missing: "/buying/orders/S300/X-1/decide"},
		"GET /buying/dispatches":                                    {as: "cord", host: true, need: portal.PurchasesRead, says: "CORDONLY"},
		"GET /buying/dispatches/:partner/:number":                   {as: "cord", host: true, need: portal.PurchasesRead, path: "/buying/dispatches/S300/A-1", says: "CORDONLY", missing: "/buying/dispatches/S300/X-1"},
		"GET /buying/receipts":                                      {as: "cord", host: true, need: portal.PurchasesRead, says: "CORDONLY"},
		"POST /buying/receipts/:partner/:receipt/settle":            {as: "cord", host: true, need: portal.PurchasesManage, before: objected, path: "/buying/receipts/S300/A-1/settle", form: "decision=accept&words=yes", missing: "/buying/receipts/S300/X-1/settle"},
		"GET /buying/invoices":                                      {as: "cord", host: true, need: portal.PurchasesRead, says: "CORDONLY"},
		"GET /buying/invoices/:partner/:invoice":                    {as: "cord", host: true, need: portal.PurchasesRead, path: "/buying/invoices/S300/A-1", says: "CORDONLY", missing: "/buying/invoices/S300/X-1"},
		"GET /buying/policy":                                        {as: "cord", host: true, need: portal.PurchasesRead, says: "Days to answer"},
		"POST /buying/policy":                                       {as: "cord", host: true, need: portal.PurchasesManage, form: "answer_days=2&remind_days=1&claim_days=14&over_warn=0&over_stop=5&early_warn=2&early_stop=10"},
		"POST /purchasing/:number/answer":                           {as: "cord", need: portal.PurchasingAnswer, path: "/purchasing/A-1/answer", form: "version=1&verdict-10=accept", foreign: "/purchasing/B-1/answer", missing: "/purchasing/X-1/answer"},
	})
}

package main

import (
	"maps"

	"extranet/portal"
)

const (
	placedHere   = "00000000-0000-4000-8000-0000000000a1"
	placedThere  = "00000000-0000-4000-8000-0000000000b1"
	placedNever  = "00000000-0000-4000-8000-0000000000c1"
	released     = `UPDATE account_status SET on_hold = false, credit_limit = 1000000 WHERE partner_id = 2;`
	awaitingHere = released + `UPDATE placed_orders SET state = 'awaiting' WHERE partner_id = 2`
)

func init() {
	maps.Copy(probes, map[string]probe{
		"GET /cart":                               {need: portal.OrdersPlace},
		"POST /cart/add":                          {need: portal.OrdersPlace, form: "number=T1&quantity=4&at=%2Fcart&po_number=P"},
		"POST /cart/lines":                        {need: portal.OrdersPlace, form: "empty=1&at=%2Fcart&po_number=P&comment=C&name=N"},
		"POST /cart/place":                        {need: portal.OrdersPlace, form: "at=%2Fcart&po_number=P", before: released + `INSERT INTO cart_lines (partner_id, owner, line, product, quantity, site, added_at) SELECT partner_id, person_id::text, 1, 'T1', 1, 'D100', now() FROM memberships WHERE partner_id = 2 AND name = 'acme' ON CONFLICT DO NOTHING`},
		"POST /cart/template":                     {need: portal.OrdersPlace, form: "at=%2Fcart&name=Daily", before: released + `INSERT INTO cart_lines (partner_id, owner, line, product, quantity, site, added_at) SELECT partner_id, person_id::text, 1, 'T1', 1, 'D100', now() FROM memberships WHERE partner_id = 2 AND name = 'acme' ON CONFLICT DO NOTHING`},
		"GET /cart/upload":                        {need: portal.OrdersPlace},
		"POST /cart/upload":                       {need: portal.OrdersPlace, form: "lines=T1%2C4"},
		"GET /cart/uploads/:id":                   {need: portal.OrdersPlace, path: "/cart/uploads/" + placedHere, before: uploaded, says: "ACMEONLY", foreign: "/cart/uploads/" + placedThere, missing: "/cart/uploads/" + placedNever},
		"GET /cart/uploads/:id/refused.csv":       {need: portal.OrdersPlace, path: "/cart/uploads/" + placedHere + "/refused.csv", before: uploaded, says: "ACMEONLY", foreign: "/cart/uploads/" + placedThere + "/refused.csv", missing: "/cart/uploads/" + placedNever + "/refused.csv"},
		"GET /cart/uploads/:id/refused.xlsx":      {need: portal.OrdersPlace, path: "/cart/uploads/" + placedHere + "/refused.xlsx", before: uploaded, foreign: "/cart/uploads/" + placedThere + "/refused.xlsx", missing: "/cart/uploads/" + placedNever + "/refused.xlsx"},
		"GET /templates":                          {need: portal.OrdersPlace, says: "ACMEONLY"},
		"POST /templates/:id/use":                 {need: portal.OrdersPlace, path: "/templates/" + placedHere + "/use", before: kept, foreign: "/templates/" + placedThere + "/use", missing: "/templates/" + placedNever + "/use"},
		"POST /templates/:id/delete":              {need: portal.OrdersPlace, path: "/templates/" + placedHere + "/delete", foreign: "/templates/" + placedThere + "/delete", missing: "/templates/" + placedNever + "/delete"},
		"POST /orders/:number/reorder":            {need: portal.OrdersPlace, path: "/orders/A-1/reorder", foreign: "/orders/B-1/reorder", beyond: "/orders/A-1/reorder", missing: "/orders/X-1/reorder"},
		"POST /orders/:number/cancel":             {need: portal.OrdersPlace, path: "/orders/A-1/cancel", foreign: "/orders/B-1/cancel", beyond: "/orders/A-1/cancel", missing: "/orders/X-1/cancel"},
		"POST /orders/:number/lines/:line":        {need: portal.OrdersPlace, path: "/orders/A-3/lines/1", form: "quantity-1=2", before: `DELETE FROM outbox WHERE document = 'orders/A-3'`, foreign: "/orders/B-1/lines/1", beyond: "/orders/A-3/lines/1", missing: "/orders/X-1/lines/1"},
		"GET /placed/:id":                         {need: portal.OrdersRead, path: "/placed/" + placedHere, says: "ACMEONLY", foreign: "/placed/" + placedThere, beyond: "/placed/" + placedHere, missing: "/placed/" + placedNever},
		"POST /placed/:id/:what":                  {need: portal.OrdersApprove, path: "/placed/" + placedHere + "/approve", before: awaitingHere, foreign: "/placed/" + placedThere + "/approve", beyond: "/placed/" + placedHere + "/approve", missing: "/placed/" + placedNever + "/approve"},
		"GET /approvals":                          {need: portal.OrdersApprove},
		"GET /ordering":                           {need: portal.PeopleManage},
		"POST /ordering":                          {need: portal.PeopleManage, form: "po_unique=on"},
		"POST /api/v1/orders":                     {need: portal.OrdersPlace, before: released, form: `{"lines":[{"number":"T1","quantity":"4"}]}`, says: "placed"},
		"GET /api/v1/cart":                        {need: portal.OrdersPlace},
		"POST /api/v1/cart/lines":                 {need: portal.OrdersPlace, form: `{"lines":[{"number":"T1","quantity":"4"}]}`},
		"POST /api/v1/cart/lines/:line":           {need: portal.OrdersPlace, path: "/api/v1/cart/lines/1", before: inMachineCart, form: `{"quantity":"4","site":"D100"}`, missing: "/api/v1/cart/lines/99"},
		"POST /api/v1/cart/empty":                 {need: portal.OrdersPlace},
		"POST /api/v1/cart/place":                 {need: portal.OrdersPlace, before: released + inMachineCart, form: `{}`},
		"POST /api/v1/cart/lists":                 {need: portal.OrdersPlace, form: "T1,4"},
		"GET /api/v1/cart/lists/:id":              {need: portal.OrdersPlace, path: "/api/v1/cart/lists/" + placedHere, before: uploadedByMachine, says: "ACMEONLY", foreign: "/api/v1/cart/lists/" + placedThere, missing: "/api/v1/cart/lists/" + placedNever},
		"GET /api/v1/templates":                   {need: portal.OrdersPlace, says: "ACMEONLY"},
		"POST /api/v1/templates":                  {need: portal.OrdersPlace, form: `{"name":"Weekly"}`, before: inMachineCart + `;DELETE FROM order_templates WHERE name = 'Weekly'`},
		"POST /api/v1/templates/:id/use":          {need: portal.OrdersPlace, path: "/api/v1/templates/" + placedHere + "/use", before: kept, foreign: "/api/v1/templates/" + placedThere + "/use", missing: "/api/v1/templates/" + placedNever + "/use"},
		"POST /api/v1/templates/:id/delete":       {need: portal.OrdersPlace, path: "/api/v1/templates/" + placedHere + "/delete", before: kept, foreign: "/api/v1/templates/" + placedThere + "/delete", missing: "/api/v1/templates/" + placedNever + "/delete"},
		"POST /api/v1/orders/:number/reorder":     {need: portal.OrdersPlace, path: "/api/v1/orders/A-1/reorder", form: `{}`, foreign: "/api/v1/orders/B-1/reorder", beyond: "/api/v1/orders/A-1/reorder", missing: "/api/v1/orders/X-1/reorder"},
		"POST /api/v1/placed/:id/again":           {need: portal.OrdersPlace, path: "/api/v1/placed/" + placedHere + "/again", foreign: "/api/v1/placed/" + placedThere + "/again", beyond: "/api/v1/placed/" + placedHere + "/again", missing: "/api/v1/placed/" + placedNever + "/again"},
		"POST /api/v1/placed/:id/withdraw":        {need: portal.OrdersPlace, path: "/api/v1/placed/" + placedHere + "/withdraw", before: awaitingMachine, foreign: "/api/v1/placed/" + placedThere + "/withdraw", beyond: "/api/v1/placed/" + placedHere + "/withdraw", missing: "/api/v1/placed/" + placedNever + "/withdraw"},
		"GET /api/v1/ordering":                    {need: portal.PeopleManage},
		"POST /api/v1/ordering":                   {need: portal.PeopleManage, form: `{"po_once":true,"po_needed":false}`},
		"GET /api/v1/placed":                      {need: portal.OrdersRead, says: "ACMEONLY"},
		"GET /api/v1/placed/:id":                  {need: portal.OrdersRead, path: "/api/v1/placed/" + placedHere, says: "ACMEONLY", foreign: "/api/v1/placed/" + placedThere, beyond: "/api/v1/placed/" + placedHere, missing: "/api/v1/placed/" + placedNever},
		"POST /api/v1/placed/:id/approve":         {need: portal.OrdersApprove, path: "/api/v1/placed/" + placedHere + "/approve", before: awaitingHere, foreign: "/api/v1/placed/" + placedThere + "/approve", beyond: "/api/v1/placed/" + placedHere + "/approve", missing: "/api/v1/placed/" + placedNever + "/approve"},
		"POST /api/v1/placed/:id/return":          {need: portal.OrdersApprove, path: "/api/v1/placed/" + placedHere + "/return", form: `{"words":"No"}`, before: awaitingHere, foreign: "/api/v1/placed/" + placedThere + "/return", beyond: "/api/v1/placed/" + placedHere + "/return", missing: "/api/v1/placed/" + placedNever + "/return"},
		"POST /api/v1/orders/:number/cancel":      {need: portal.OrdersPlace, path: "/api/v1/orders/A-2/cancel", foreign: "/api/v1/orders/B-1/cancel", beyond: "/api/v1/orders/A-2/cancel", missing: "/api/v1/orders/X-1/cancel"},
		"POST /api/v1/orders/:number/lines/:line": {need: portal.OrdersPlace, path: "/api/v1/orders/A-3/lines/1", form: `{"quantity":"2"}`, foreign: "/api/v1/orders/B-1/lines/1", beyond: "/api/v1/orders/A-3/lines/1", missing: "/api/v1/orders/X-1/lines/1"},
	})
	seeds = append(seeds, `
	INSERT INTO placed_orders (partner_id, placed_id, state, site, po_number, comment, currency, net, owner, placed_by, placed_at)
	VALUES (2, '`+placedHere+`', 'awaiting', 'D100', 'ACMEONLY-P', 'ACMEONLY', 'EUR', 62, 'machine x', 'ACMEONLY', '2026-03-01Z'), (3, '`+placedThere+`', 'awaiting', 'D200', 'BROCKONLY-P', 'BROCKONLY', 'EUR', 49, 'machine x', 'BROCKONLY', '2026-03-01Z');
	INSERT INTO placed_lines (partner_id, placed_id, line, product, description, unit, quantity, price, net)
	VALUES (2, '`+placedHere+`', 10, 'T1', 'ACMEONLY', 'PC', 1, 62, 62), (3, '`+placedThere+`', 10, 'T1', 'BROCKONLY', 'PC', 1, 49, 49), (3, '`+placedThere+`', 20, 'T1', 'BROCKONLY', 'PC', 1, 49, 49);
	UPDATE account_status SET on_hold = false, credit_limit = 1000000 WHERE partner_id = 3;
	`+kept)
}

// uploaded gives Acme's and Brock's people an upload each, once they are enrolled.
const uploaded = `
	INSERT INTO cart_uploads (partner_id, owner, upload_id, at, rows)
	SELECT partner_id, person_id::text, CASE partner_id WHEN 2 THEN '` + placedHere + `' ELSE '` + placedThere + `' END::uuid, '2026-03-02T08:00:00Z',
		'[{"row":1,"asked":{"number":"' || CASE partner_id WHEN 2 THEN 'ACMEONLY' ELSE 'BROCKONLY' END || '","quantity":"1"},"state":"refused","column":"number","reason":"none","product":"","quantity":""}]'
	FROM memberships WHERE name IN ('acme', 'brock') ON CONFLICT DO NOTHING`

// kept gives Acme and Brock a template each.
const kept = `
	INSERT INTO order_templates (partner_id, template_id, name, lines, made_by, made_at)
	VALUES (2, '` + placedHere + `', 'ACMEONLY', '[{"number":"T1","quantity":"4"}]', 'ACMEONLY', '2026-03-01Z'), (3, '` + placedThere + `', 'BROCKONLY', '[{"number":"T1","quantity":"4"}]', 'BROCKONLY', '2026-03-01Z') ON CONFLICT DO NOTHING`

const (
	// inMachineCart gives Acme's machine a line in its cart.
	inMachineCart = `INSERT INTO cart_lines (partner_id, owner, line, product, quantity, site, added_at) VALUES (2, 'machine token acme', 1, 'T1', 1, 'D100', now()) ON CONFLICT DO NOTHING;`
	// awaitingMachine has Acme's machine await a decision on the order it placed.
	awaitingMachine = `UPDATE placed_orders SET state = 'awaiting', owner = 'machine token acme' WHERE placed_id = '` + placedHere + `'`
	// uploadedByMachine gives Acme's and Brock's machines a list each.
	uploadedByMachine = `
	INSERT INTO cart_uploads (partner_id, owner, upload_id, at, rows)
	VALUES (2, 'machine token acme', '` + placedHere + `', '2026-03-02T08:00:00Z', '[{"row":1,"asked":{"number":"ACMEONLY","quantity":"1"},"state":"refused","column":"number","reason":"none","product":"","quantity":""}]'),
		(3, 'machine token brock', '` + placedThere + `', '2026-03-02T08:00:00Z', '[{"row":1,"asked":{"number":"BROCKONLY","quantity":"1"},"state":"refused","column":"number","reason":"none","product":"","quantity":""}]') ON CONFLICT DO NOTHING`
)

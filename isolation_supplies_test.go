package main

import (
	"maps"

	"extranet/portal"
)

// Cord and Dart have reported what they have, each at a site and by a person that may be seen by nobody else.
func init() {
	seeds = append(seeds, `
	INSERT INTO supply_reports (partner_id, report, how, stocks, capacities, refused, command_id, at, by_whom) SELECT id, 1, 'form', 1, 1, 0, gen_random_uuid(), '2026-03-01Z', word FROM (VALUES (4, 'CORDONLY'), (5, 'DARTONLY')) p (id, word);
	INSERT INTO supply_stocks (partner_id, product, site, on_hand, in_process, counted_on, report, at, by_whom) SELECT id, product, '', 7, 3, '2026-03-01', 1, '2026-03-01Z', word FROM (VALUES (4, 'CORDONLY'), (5, 'DARTONLY')) p (id, word), unnest(ARRAY['T1', 'T9']) product;
	INSERT INTO supply_capacities (partner_id, product, site, week_of, quantity, report, at, by_whom) SELECT id, 'T1', '', '2026-03-02', 70, 1, '2026-03-01Z', word FROM (VALUES (4, 'CORDONLY'), (5, 'DARTONLY')) p (id, word);`)
	maps.Copy(probes, map[string]probe{
		"GET /api/v1/supplies/stocks":      {as: "cord", need: portal.PurchasingRead, says: "CORDONLY"},
		"GET /api/v1/supplies/capacities":  {as: "cord", need: portal.PurchasingRead, says: "CORDONLY"},
		"GET /api/v1/supplies/reports":     {as: "cord", need: portal.PurchasingRead, says: "CORDONLY"},
		"POST /api/v1/supplies/reports":    {as: "cord", need: portal.StockReport, form: `{"stocks":[{"product":"T1","on_hand":"9"}]}`, says: `"stocks":1`},
		"POST /api/v1/supply-tables":       {as: "cord", need: portal.StockReport, form: "product\ton hand\nT1\t9", says: `"stocks":1`},
		"GET /api/v1/buying/stocks":        {as: "cord", host: true, need: portal.PurchasesRead, says: "CORDONLY"},
		"GET /api/v1/buying/capacities":    {as: "cord", host: true, need: portal.PurchasesRead, says: "CORDONLY"},
		"GET /supplies":                    {as: "cord", need: portal.PurchasingRead, says: "CORDONLY"},
		"POST /supplies":                   {as: "cord", need: portal.StockReport, form: "counted_on=2026-03-02&product-1=T1&on_hand-1=11"},
		"GET /supplies/report":             {as: "cord", need: portal.StockReport, says: "T1"},
		"GET /supplies/form.csv":           {as: "cord", need: portal.StockReport, says: "T1"},
		"GET /supplies/form.xlsx":          {as: "cord", need: portal.StockReport},
		"GET /supplies/export.csv":         {as: "cord", need: portal.PurchasingRead, says: "T1"},
		"GET /supplies/export.xlsx":        {as: "cord", need: portal.PurchasingRead},
		"GET /buying/supplies":             {as: "cord", host: true, need: portal.PurchasesRead, says: "CORDONLY"},
		"GET /buying/supplies/export.csv":  {as: "cord", host: true, need: portal.PurchasesRead, says: "S300"},
		"GET /buying/supplies/export.xlsx": {as: "cord", host: true, need: portal.PurchasesRead},
	})
}

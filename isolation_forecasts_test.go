package main

import "extranet/portal"

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
	INSERT INTO feeds (entity, source, way, every_s, stale_after_s, offered, as_of) SELECT e, 'core', 'snapshot', 5, 60, true, '2026-03-02T08:59:30Z'
	FROM unnest(ARRAY['forecasts', 'demand_history', 'supplier_inventory']) e;`)
	for route, p := range map[string]probe{
		"GET /api/v1/forecasts":                 {as: "cord", need: portal.ForecastsRead, says: "CORDONLY"},
		"GET /api/v1/forecasts/item":            {as: "cord", need: portal.ForecastsRead, path: "/api/v1/forecasts/item?product=T9&location=CORDONLY", says: "CORDONLY", missing: "/api/v1/forecasts/item?product=T9&location=NOWHERE", foreign: "/api/v1/forecasts/item?product=T9&location=DARTONLY"},
		"GET /api/v1/forecasts/exceptions":      {as: "cord", need: portal.ForecastsRead, says: "CORDONLY"},
		"GET /api/v1/forecasts/ledger":          {as: "cord", need: portal.ForecastsRead, says: "V1"},
		"POST /api/v1/forecasts/commitments":    {as: "cord", need: portal.ForecastsCommit, form: `{"version":"V2","cells":[{"product":"T9","location":"W1","starts_on":"2026-03-09","quantity":"500"}]}`, says: `"committed":1`},
		"GET /api/v1/plans":                     {as: "cord", host: true, need: portal.PlansManage, says: "S300"},
		"GET /api/v1/plans/:partner/exceptions": {as: "cord", host: true, need: portal.PlansManage, path: "/api/v1/plans/S300/exceptions", says: "CORDONLY"},
		"GET /api/v1/plans/:partner/ledger":     {as: "cord", host: true, need: portal.PlansManage, path: "/api/v1/plans/S300/ledger", says: "V1"},
		"GET /forecasts":                        {as: "cord", need: portal.ForecastsRead, says: "CORDONLY"},
		"POST /forecasts":                       {as: "cord", need: portal.ForecastsCommit, form: "version=V2&c:T9:W1:2026-03-16=500"},
		"POST /forecasts/as-is":                 {as: "cord", need: portal.ForecastsCommit, form: "version=V2"},
		"POST /forecasts/rule":                  {as: "cord", need: portal.ForecastsCommit, form: "rule=unchanged"},
		"GET /forecasts/exceptions":             {as: "cord", need: portal.ForecastsRead, says: "CORDONLY"},
		"GET /forecasts/ledger":                 {as: "cord", need: portal.ForecastsRead, says: "V1"},
		"GET /forecasts/item":                   {as: "cord", need: portal.ForecastsRead, path: "/forecasts/item?product=T9&location=CORDONLY", says: "CORDONLY", missing: "/forecasts/item?product=T9&location=NOWHERE", foreign: "/forecasts/item?product=T9&location=DARTONLY"},
		"GET /forecasts/paste":                  {as: "cord", need: portal.ForecastsCommit},
		"POST /forecasts/paste":                 {as: "cord", need: portal.ForecastsCommit, form: "version=V2&table=product%09location%09bucket%09quantity%0AT9%09W1%092026-03-23%09600"},
		"GET /forecasts/export.csv":             {as: "cord", need: portal.ForecastsRead, says: "CORDONLY"},
		"GET /forecasts/export.xlsx":            {as: "cord", need: portal.ForecastsRead},
		"GET /api/v1/forecasts/rule":            {as: "cord", need: portal.ForecastsRead, says: "rule"},
		"PUT /api/v1/forecasts/rule":            {as: "cord", need: portal.ForecastsCommit, form: `{"rule":"unchanged"}`, says: "unchanged"},
		"GET /api/v1/plans/:partner/forecast":   {as: "cord", host: true, need: portal.PlansManage, path: "/api/v1/plans/S300/forecast", says: "CORDONLY", missing: "/api/v1/plans/NOBODY/forecast"},
		"GET /api/v1/plans/:partner/item":       {as: "cord", host: true, need: portal.PlansManage, path: "/api/v1/plans/S300/item?product=T9&location=CORDONLY", says: "CORDONLY", missing: "/api/v1/plans/S300/item?product=T9&location=NOWHERE", foreign: "/api/v1/plans/S300/item?product=T9&location=DARTONLY"},
		"GET /api/v1/plans/:partner/terms":      {as: "cord", host: true, need: portal.PlansManage, path: "/api/v1/plans/S300/terms", says: "firm_days", missing: "/api/v1/plans/NOBODY/terms"},
		"PUT /api/v1/plans/:partner/terms":      {as: "cord", host: true, need: portal.PlansManage, path: "/api/v1/plans/S300/terms", form: `{"firm_days":28,"tradeoff_days":56,"commit_days":3,"tolerance":"0","make_share":"100","buy_share":"50","time_zone":"UTC","calendar":"iso","year_begins":"01-01"}`, says: "firm_days", missing: "/api/v1/plans/NOBODY/terms"},
		"GET /plans":                            {as: "cord", host: true, need: portal.PlansManage, says: "S300"},
		"GET /plans/:partner/item":              {as: "cord", host: true, need: portal.PlansManage, path: "/plans/S300/item?product=T9&location=CORDONLY", says: "CORDONLY", missing: "/plans/S300/item?product=T9&location=NOWHERE", foreign: "/plans/S300/item?product=T9&location=DARTONLY"},
		"GET /plans/:partner":                   {as: "cord", host: true, need: portal.PlansManage, path: "/plans/S300", says: "CORDONLY"},
		"POST /plans/:partner/terms":            {as: "cord", host: true, need: portal.PlansManage, path: "/plans/S300/terms", form: "firm_days=28&tradeoff_days=56&commit_days=3&tolerance=0&make_share=100&buy_share=50&time_zone=UTC&calendar=iso&year_begins=01-01", missing: "/plans/NOBODY/terms"},
	} {
		probes[route] = p
	}
}

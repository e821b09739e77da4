package main

import (
	"maps"

	"extranet/portal"
)

func init() {
	seeds = append(seeds, `INSERT INTO activity (partner_id, day, area, subject, asked, done) SELECT id, d, 'orders', word, 1, 1 FROM (VALUES (2, 'ACMEONLY'), (3, 'BROCKONLY'), (4, 'CORDONLY'), (5, 'DARTONLY')) p (id, word), (VALUES ('2026-03-01'::date), ('2026-01-20')) v (d);`)
	maps.Copy(probes, map[string]probe{
		"GET /api/v1/analytics":              {host: true, need: portal.FiguresRead, says: `"month":"2026-01"`},
		"GET /analytics":                     {host: true, need: portal.FiguresRead, says: "2026-01"},
		"GET /analytics/:figure/export.csv":  {host: true, need: portal.FiguresRead, path: "/analytics/retention/export.csv", says: "2026-01", missing: "/analytics/x/export.csv"},
		"GET /analytics/:figure/export.xlsx": {host: true, need: portal.FiguresRead, path: "/analytics/use/export.xlsx", missing: "/analytics/x/export.xlsx"},
	})
}

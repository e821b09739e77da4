package main

import (
	"maps"

	"extranet/portal"
)

func init() {
	maps.Copy(probes, map[string]probe{
		"GET /api/v1/company/staff": {need: portal.CompanyRead, says: "ACMEONLY"},
	})
	seeds = append(seeds, `
	INSERT INTO feeds (entity, source, way, every_s, stale_after_s, offered, as_of) VALUES ('staff', 'core', 'snapshot', 5, 60, true, '2026-03-02T08:59:30Z');
	INSERT INTO staff (partner_id, staff, duty, supplier, name, email, changed_at) VALUES (2, 'E1', 'sales', 'D100', 'ACMEONLY', 'a@host.example', '2026-03-01Z'), (3, 'E2', 'sales', 'D200', 'BROCKONLY', NULL, '2026-03-01Z');`)
}

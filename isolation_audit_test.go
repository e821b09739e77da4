package main

import (
	"maps"

	"extranet/portal"
)

func init() {
	seeds = append(seeds, `
		INSERT INTO sightings (partner_id, document, day, subject, first_at, last_at, times) VALUES
			(2, 'orders/A-1', '2026-03-02', 'ACMEONLY', '2026-03-02T08:00:00Z', '2026-03-02T08:00:00Z', 1), (3, 'orders/A-1', '2026-03-02', 'BROCKONLY', '2026-03-02T08:00:00Z', '2026-03-02T08:00:00Z', 1);`)
	const at, api = "&day=2026-03-02&time=12:00", "/api/v1/audit/who?at=2026-03-02T12:00:00Z&document=orders/"
	maps.Copy(probes, map[string]probe{
		"GET /audit":                            {need: portal.AuditRead, says: "membership.grant"},
		"GET /audit/export.csv":                 {need: portal.AuditRead, says: "membership.grant"},
		"GET /audit/export.xlsx":                {need: portal.AuditRead},
		"GET /audit/who":                        {need: portal.AuditRead, path: "/audit/who?document=A-1" + at, says: "ACMEONLY", foreign: "/audit/who?document=B-1" + at, missing: "/audit/who?document=X-1" + at},
		"POST /audit/verify":                    {need: portal.AuditRead},
		"GET /partners":                         {host: true, any: true, need: portal.PartnersRead, says: "Acme Tyres"},
		"GET /partners/:number":                 {host: true, any: true, need: portal.PartnersRead, path: "/partners/D100", says: "Acme Tyres"},
		"POST /partners/:number/decide":         {host: true, need: portal.PartnersManage, path: "/partners/D100/decide", form: "delegate=all&programmes=all", missing: "/partners/X999/decide"},
		"POST /partners/:number/view":           {door: true}, // it changes what the host's session sees: testdata/view.txt and TestBeginView hold it
		"POST /view-as/stop":                    {any: true},
		"GET /api/v1/audit":                     {need: portal.AuditRead, says: "membership.grant"},
		"GET /api/v1/audit/who":                 {need: portal.AuditRead, path: api + "A-1", says: "ACMEONLY", foreign: api + "B-1", missing: api + "X-1"},
		"POST /api/v1/audit/verify":             {need: portal.AuditRead, says: "rows"},
		"GET /api/v1/directory":                 {host: true, any: true, need: portal.PartnersRead, says: "Acme Tyres"},
		"GET /api/v1/directory/:number":         {host: true, any: true, need: portal.PartnersRead, path: "/api/v1/directory/D100", says: "Acme Tyres"},
		"POST /api/v1/directory/:number/decide": {host: true, need: portal.PartnersManage, path: "/api/v1/directory/D100/decide", form: `{"programmes":["all"]}`, missing: "/api/v1/directory/X999/decide", says: "D100"},
	})
}

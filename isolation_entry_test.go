package main

import (
	"maps"

	"extranet/portal"
)

func init() {
	seeds = append(seeds, `
		INSERT INTO entry_rules (partner_id, domains, issuer, acr, amr, groups_decide, changed_by, changed_at) VALUES
			(2, '{x.example,acme.example}', '', '{}', '{}', false, 'ACMEONLY', now()), (3, '{x.example,b.example}', '', '{}', '{}', false, 'BROCKONLY', now());
		INSERT INTO entry_groups (partner_id, name, roles) VALUES (2, 'ACMEONLY', '{viewer}'), (3, 'BROCKONLY', '{viewer}');`)
	const api = `{"domains":["x.example"],"issuer":"","acr":[],"amr":[],"groups_decide":false,"groups":[{"name":"ACMEONLY","roles":["viewer"]}]}`
	maps.Copy(probes, map[string]probe{
		"GET /partners/:number/entry":          {host: true, need: portal.PartnersManage, path: "/partners/D100/entry", says: "ACMEONLY", missing: "/partners/X999/entry"},
		"POST /partners/:number/entry":         {host: true, need: portal.PartnersManage, path: "/partners/D100/entry", form: "domains=x.example&issuer=&acr=&amr=&groups=ACMEONLY+%3D+viewer", missing: "/partners/X999/entry"},
		"GET /api/v1/directory/:number/entry":  {host: true, need: portal.PartnersManage, path: "/api/v1/directory/D100/entry", says: "ACMEONLY", missing: "/api/v1/directory/X999/entry"},
		"POST /api/v1/directory/:number/entry": {host: true, need: portal.PartnersManage, path: "/api/v1/directory/D100/entry", form: api, missing: "/api/v1/directory/X999/entry", says: "D100"},
	})
}

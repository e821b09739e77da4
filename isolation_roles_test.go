package main

import (
	"maps"

	"extranet/portal"
)

func init() {
	seeds = append(seeds, `
		INSERT INTO roles (name, side, title, permissions, changed_by, changed_at) VALUES ('seeded', 'partner', 'Seeded', '{orders:read}', 'x', now());
		INSERT INTO programmes (name, title, modules, changed_by, changed_at) VALUES ('seeded', 'Seeded', '{orders}', 'x', now());`)
	const again = `DELETE FROM roles WHERE name = 'made'; DELETE FROM programmes WHERE name = 'made';
		INSERT INTO roles (name, side, title, permissions, changed_by, changed_at) VALUES ('seeded', 'partner', 'Seeded', '{orders:read}', 'x', now()) ON CONFLICT DO NOTHING;
		INSERT INTO programmes (name, title, modules, changed_by, changed_at) VALUES ('seeded', 'Seeded', '{orders}', 'x', now()) ON CONFLICT DO NOTHING;`
	host := func(p probe) probe { p.host, p.before = true, again; return p }
	maps.Copy(probes, map[string]probe{
		"GET /roles":                           host(probe{any: true, need: portal.PartnersRead, says: "Seeded"}),
		"GET /new/roles":                       host(probe{need: portal.RolesManage, says: "orders:read"}),
		"POST /roles":                          host(probe{need: portal.RolesManage, form: "name=made&side=partner&title=Made&permissions=orders:read"}),
		"GET /roles/:name":                     host(probe{need: portal.RolesManage, path: "/roles/seeded", says: "Seeded"}),
		"POST /roles/:name":                    host(probe{need: portal.RolesManage, path: "/roles/seeded", form: "title=Seeded&permissions=orders:read", missing: "/roles/never"}),
		"POST /roles/:name/end":                host(probe{need: portal.RolesManage, path: "/roles/seeded/end", missing: "/roles/never/end"}),
		"GET /new/programmes":                  host(probe{need: portal.RolesManage, says: "Claims"}),
		"POST /programmes":                     host(probe{need: portal.RolesManage, form: "name=made&title=Made&modules=orders"}),
		"GET /programmes/:name":                host(probe{need: portal.RolesManage, path: "/programmes/seeded", says: "Seeded"}),
		"POST /programmes/:name":               host(probe{need: portal.RolesManage, path: "/programmes/seeded", form: "title=Seeded&modules=orders", missing: "/programmes/never"}),
		"POST /programmes/:name/end":           host(probe{need: portal.RolesManage, path: "/programmes/seeded/end", missing: "/programmes/never/end"}),
		"POST /partners/bulk":                  host(probe{need: portal.PartnersManage, form: "do=try&numbers=D100&join=all", says: "Before you decide"}),
		"GET /people/:person/explain":          {need: portal.PeopleRead, path: "/people/" + aMember + "/explain", foreign: "/people/" + bMember + "/explain", beyond: "/people/" + aMember + "/explain", missing: "/people/" + neverWas + "/explain", says: "ACMEONLY"},
		"GET /who":                             {need: portal.PeopleRead, path: "/who?document=orders/A-1", foreign: "/who?document=orders/B-1", missing: "/who?document=orders/X-1", says: "acme"},
		"GET /api/v1/roles":                    host(probe{any: true, need: portal.PartnersRead, says: "seeded"}),
		"POST /api/v1/roles":                   host(probe{need: portal.RolesManage, form: `{"name":"made","side":"partner","title":"Made","permissions":["orders:read"]}`, says: "made"}),
		"POST /api/v1/roles/:name/change":      host(probe{need: portal.RolesManage, path: "/api/v1/roles/seeded/change", form: `{"title":"Seeded","permissions":["orders:read"]}`, missing: "/api/v1/roles/never/change", says: "compared"}),
		"POST /api/v1/roles/:name/end":         host(probe{need: portal.RolesManage, path: "/api/v1/roles/seeded/end", missing: "/api/v1/roles/never/end", says: "compared"}),
		"GET /api/v1/programmes":               host(probe{any: true, need: portal.PartnersRead, says: "seeded"}),
		"POST /api/v1/programmes":              host(probe{need: portal.RolesManage, form: `{"name":"made","title":"Made","modules":["orders"]}`, says: "made"}),
		"POST /api/v1/programmes/:name/change": host(probe{need: portal.RolesManage, path: "/api/v1/programmes/seeded/change", form: `{"title":"Seeded","modules":["orders"]}`, missing: "/api/v1/programmes/never/change", says: "compared"}),
		"POST /api/v1/programmes/:name/end":    host(probe{need: portal.RolesManage, path: "/api/v1/programmes/seeded/end", missing: "/api/v1/programmes/never/end", says: "seeded"}),
		"POST /api/v1/directory/decide":        host(probe{need: portal.PartnersManage, form: `{"partners":["D100"],"join":["all"]}`, says: "compared"}),
		"POST /api/v1/people/:person/try":      {need: portal.PeopleManage, path: peopleAPI + aMember + "/try", form: `{"roles":["viewer"],"sites":["D100"]}`, foreign: peopleAPI + bMember + "/try", beyond: peopleAPI + aMember + "/try", missing: peopleAPI + neverWas + "/try", says: "compared", before: `UPDATE memberships SET suspended_at = NULL, ended_at = NULL, roles = '{viewer}' WHERE person_id IN ('` + aMember + `', '` + bMember + `')`},
		"GET /api/v1/people/:person/explain":   {need: portal.PeopleRead, path: peopleAPI + aMember + "/explain", foreign: peopleAPI + bMember + "/explain", beyond: peopleAPI + aMember + "/explain", missing: peopleAPI + neverWas + "/explain", says: "ACMEONLY"},
		"GET /api/v1/readers":                  {need: portal.PeopleRead, path: "/api/v1/readers?document=orders/A-1", foreign: "/api/v1/readers?document=orders/B-1", missing: "/api/v1/readers?document=orders/X-1", says: "acme"},
	})
}

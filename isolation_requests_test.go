package main

import (
	"maps"

	"extranet/portal"
)

const (
	aRequest = "33000000-0000-4000-8000-000000000002"
	bRequest = "33000000-0000-4000-8000-000000000003"
)

func init() {
	seeds = append(seeds, `INSERT INTO access_requests (partner_id, request_id, person_id, roles, why, asked_by, asked_at, state) VALUES
		(2, '`+aRequest+`', '`+aMember+`', '{buyer}', 'ACMEONLY', 'x', now(), 'open'), (3, '`+bRequest+`', '`+bMember+`', '{buyer}', 'BROCKONLY', 'x', now(), 'open');`)
	const open = `UPDATE memberships SET suspended_at = NULL, ended_at = NULL, roles = '{viewer}', sites = CASE partner_id WHEN 2 THEN '{D100}'::text[] ELSE '{D200}' END WHERE person_id IN ('` + aMember + `', '` + bMember + `');
		DELETE FROM access_requests WHERE request_id NOT IN ('` + aRequest + `', '` + bRequest + `');
		UPDATE access_requests SET state = 'open', sites = '{}', by_host = false, person_id = CASE partner_id WHEN 2 THEN '` + aMember + `'::uuid ELSE '` + bMember + `' END`
	decide := func(prefix, after string, p probe) probe {
		p.need, p.before = portal.PeopleManage, open
		p.path, p.foreign, p.beyond, p.missing = prefix+aRequest+after, prefix+bRequest+after, prefix+aRequest+after, prefix+neverWas+after
		return p
	}
	maps.Copy(probes, map[string]probe{
		"GET /access":                             {any: true, says: "My access"},
		"POST /access":                            {any: true, form: "roles=planner&why=to see what comes", before: `DELETE FROM access_requests WHERE request_id NOT IN ('` + aRequest + `', '` + bRequest + `')`},
		"POST /access/:id/withdraw":               {any: true, path: "/access/" + aRequest + "/withdraw", foreign: "/access/" + bRequest + "/withdraw", missing: "/access/" + neverWas + "/withdraw", before: open + `; UPDATE access_requests SET person_id = (SELECT person_id FROM people WHERE name = 'acme') WHERE partner_id = 2`},
		"GET /people/requests":                    {need: portal.PeopleManage, says: "ACMEONLY", before: open},
		"POST /people/requests/:id/decide":        decide("/people/requests/", "/decide", probe{form: "do=grant"}),
		"GET /api/v1/access-requests":             {need: portal.PeopleManage, says: "ACMEONLY", before: open},
		"POST /api/v1/access-requests":            {need: portal.PeopleInvite, form: `{"person":"` + aMember + `","roles":["buyer"],"why":"to order"}`, says: "ACMEONLY", before: open + `; UPDATE access_requests SET state = 'refused', decided_by = 'x', decided_at = now()`},
		"POST /api/v1/access-requests/:id/grant":  decide("/api/v1/access-requests/", "/grant", probe{form: `{}`, says: "granted"}),
		"POST /api/v1/access-requests/:id/refuse": decide("/api/v1/access-requests/", "/refuse", probe{form: `{"words":"not now"}`, says: "refused"}),
	})
}

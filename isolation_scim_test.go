package main

import (
	"maps"

	"extranet/portal"
)

const (
	aUser, bUser   = "33000000-0000-4000-8000-000000000002", "33000000-0000-4000-8000-000000000003"
	aGroup, bGroup = "34000000-0000-4000-8000-000000000002", "34000000-0000-4000-8000-000000000003"
)

func init() {
	const users = `
		INSERT INTO scim_users (partner_id, user_id, user_name, external_id, email, given_name, family_name, display_name, active, created_at, changed_at) VALUES
			(2, '` + aUser + `', 'ACMEONLY', '', 'acmescim@x.example', '', '', 'ACMEONLY', true, '2026-03-01Z', '2026-03-01Z'), (3, '` + bUser + `', 'BROCKONLY', '', 'brockscim@x.example', '', '', 'BROCKONLY', true, '2026-03-01Z', '2026-03-01Z');
		INSERT INTO scim_groups (partner_id, group_id, name, external_id, created_at, changed_at) VALUES (2, '` + aGroup + `', 'ACMEONLY', '', '2026-03-01Z', '2026-03-01Z'), (3, '` + bGroup + `', 'BROCKONLY', '', '2026-03-01Z', '2026-03-01Z');
		INSERT INTO scim_members (partner_id, group_id, user_id) VALUES (2, '` + aGroup + `', '` + aUser + `'), (3, '` + bGroup + `', '` + bUser + `');`
	seeds = append(seeds, users)
	const back = `DELETE FROM scim_members; DELETE FROM scim_groups; DELETE FROM scim_users;` + users
	about := func(noun, a, b string, p probe) probe {
		p.need, p.before = portal.PeopleProvision, back
		p.path, p.foreign, p.missing = "/scim/v2/"+noun+"/"+a, "/scim/v2/"+noun+"/"+b, "/scim/v2/"+noun+"/"+neverWas
		return p
	}
	const user, group = `{"userName":"ACMEONLY","emails":[{"value":"acmescim@x.example"}]}`, `{"displayName":"ACMEONLY"}`
	const off, out = `{"Operations":[{"op":"replace","path":"active","value":false}]}`, `{"Operations":[{"op":"remove","path":"members"}]}`
	need := portal.PeopleProvision
	maps.Copy(probes, map[string]probe{
		"GET /scim/v2/ServiceProviderConfig": {need: need, says: "oauthbearertoken"},
		"GET /scim/v2/ResourceTypes":         {need: need, says: "/Users"},
		"GET /scim/v2/ResourceTypes/:id":     {need: need, path: "/scim/v2/ResourceTypes/User", says: "/Users"},
		"GET /scim/v2/Schemas":               {need: need, says: "userName"},
		"GET /scim/v2/Schemas/:id":           {need: need, path: "/scim/v2/Schemas/urn:ietf:params:scim:schemas:core:2.0:User", says: "userName"},
		"GET /scim/v2/Users":                 {need: need, says: "ACMEONLY", before: back},
		"POST /scim/v2/Users":                {need: need, form: `{"userName":"new@x.example"}`, says: "new@x.example", before: back},
		"GET /scim/v2/Users/:id":             about("Users", aUser, bUser, probe{says: "ACMEONLY"}),
		"PUT /scim/v2/Users/:id":             about("Users", aUser, bUser, probe{form: user, says: "ACMEONLY"}),
		"PATCH /scim/v2/Users/:id":           about("Users", aUser, bUser, probe{form: off, says: "ACMEONLY"}),
		"DELETE /scim/v2/Users/:id":          about("Users", aUser, bUser, probe{}),
		"GET /scim/v2/Groups":                {need: need, says: "ACMEONLY", before: back},
		"POST /scim/v2/Groups":               {need: need, form: `{"displayName":"buyers"}`, says: "buyers", before: back},
		"GET /scim/v2/Groups/:id":            about("Groups", aGroup, bGroup, probe{says: "ACMEONLY"}),
		"PUT /scim/v2/Groups/:id":            about("Groups", aGroup, bGroup, probe{form: group, says: "ACMEONLY"}),
		"PATCH /scim/v2/Groups/:id":          about("Groups", aGroup, bGroup, probe{form: out, says: "ACMEONLY"}),
		"DELETE /scim/v2/Groups/:id":         about("Groups", aGroup, bGroup, probe{}),
	})
}

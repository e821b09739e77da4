package main

import (
	"maps"

	"extranet/portal"
)

func init() {
	seeds = append(seeds, `
		INSERT INTO sponsors (partner_id, part, name, title, email, phone, changed_by, changed_at) VALUES (2, 'sponsor', 'ACMEONLY', '', 'x@host.example', '', 'x', now()), (3, 'sponsor', 'BROCKONLY', '', 'x@host.example', '', 'x', now());
		INSERT INTO sessions (session_hash, session_id, person_id, partner_id, issuer, subject, sid, id_token, device, created_at, seen_at, expires_at)
		SELECT decode(md5(word), 'hex'), gen_random_uuid(), member, id, 'x', word, '', '', word, '2026-03-02T08:59:00Z', '2026-03-02T08:59:00Z', '2026-03-02T20:00:00Z'
		FROM (VALUES (2, '`+aMember+`'::uuid, 'ACMEONLY'), (3, '`+bMember+`'::uuid, 'BROCKONLY')) s (id, member, word);
		INSERT INTO tokens (partner_id, token_id, name, secret_hash, permissions, created_by, created_at, expires_at) VALUES (2, gen_random_uuid(), 'Forgotten', 'f', '{orders:read}', 'x', '2025-10-01Z', '2026-09-01Z');`)
	const signedIn = `UPDATE sessions SET ended_at = NULL, ended_by = NULL WHERE device IN ('ACMEONLY', 'BROCKONLY')`
	maps.Copy(probes, map[string]probe{
		"GET /sessions":                           {need: portal.PeopleManage, says: "ACMEONLY", before: signedIn},
		"POST /sessions/end":                      {need: portal.PeopleManage, form: "person=" + aMember, before: signedIn},
		"GET /tokens/unused":                      {host: true, need: portal.PeopleRead, says: "Forgotten"},
		"POST /partners/:number/sponsors":         {host: true, need: portal.PartnersManage, path: "/partners/D100/sponsors", form: "sponsor_name=ACMEONLY&sponsor_phone=1", missing: "/partners/X999/sponsors"},
		"GET /api/v1/sessions":                    {need: portal.PeopleManage, says: "ACMEONLY", before: signedIn},
		"POST /api/v1/sessions/end":               {need: portal.PeopleManage, form: `{"person":"` + aMember + `"}`, says: "ended", before: signedIn},
		"GET /api/v1/tokens/unused":               {host: true, need: portal.PeopleRead, says: "Forgotten"},
		"GET /api/v1/sponsors":                    {need: portal.CompanyRead, says: "ACMEONLY"},
		"POST /api/v1/directory/:number/sponsors": {host: true, need: portal.PartnersManage, path: "/api/v1/directory/D100/sponsors", form: `{"items":[{"part":"sponsor","name":"ACMEONLY","phone":"1"}]}`, says: "ACMEONLY", missing: "/api/v1/directory/X999/sponsors"},
	})
}

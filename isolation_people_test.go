package main

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"extranet/portal"
	"extranet/portal/portaltest"
)

const (
	aMember   = "30000000-0000-4000-8000-000000000002" // of Acme, for the site D100
	bMember   = "30000000-0000-4000-8000-000000000003" // of Brock
	aInvited  = "31000000-0000-4000-8000-000000000002"
	bInvited  = "31000000-0000-4000-8000-000000000003"
	aToken    = "32000000-0000-4000-8000-000000000002"
	bToken    = "32000000-0000-4000-8000-000000000003"
	neverWas  = "39000000-0000-4000-8000-000000000009"
	asViewer  = "roles=viewer&scope=some&sites=D100"
	peopleAPI = "/api/v1/people/"
)

func init() {
	seeds = append(seeds, `
		INSERT INTO people (person_id, name, email, created_at) VALUES ('`+aMember+`', 'ACMEONLY', 'acmeonly@x.example', now()), ('`+bMember+`', 'BROCKONLY', 'brockonly@x.example', now());
		INSERT INTO memberships (partner_id, person_id, name, email, roles, sites, origin, granted_by, granted_at) VALUES
			(2, '`+aMember+`', 'ACMEONLY', 'acmeonly@x.example', '{viewer}', '{D100}', 'invitation', 'x', now()),
			(3, '`+bMember+`', 'BROCKONLY', 'brockonly@x.example', '{viewer}', '{D200}', 'invitation', 'x', now());
		INSERT INTO grants (partner_id, grant_id, at, subject_id, kind, name, email, state, roles, sites, permissions, changed_by, why) VALUES
			(2, gen_random_uuid(), now(), '`+aMember+`', 'person', 'ACMEONLY', '', 'active', '{viewer}', '{D100}', '{}', 'x', 'ACMEONLY'), (3, gen_random_uuid(), now(), '`+aMember+`', 'person', 'BROCKONLY', '', 'active', '{viewer}', '{D200}', '{}', 'x', 'BROCKONLY');
		INSERT INTO invitations (partner_id, invitation_id, email, roles, sites, secret_hash, invited_by, invited_at, expires_at) VALUES
			(2, '`+aInvited+`', 'ACMEONLY@x.example', '{viewer}', '{D100}', 'a', 'x', now(), '2026-04-01Z'), (3, '`+bInvited+`', 'BROCKONLY@x.example', '{viewer}', '{D200}', 'b', 'x', now(), '2026-04-01Z');
		INSERT INTO tokens (partner_id, token_id, name, secret_hash, permissions, sites, created_by, created_at, expires_at) VALUES
			(2, '`+aToken+`', 'ACMEONLY', 'a', '{orders:read}', '{D100}', 'x', '2026-02-01Z', '2026-04-01Z'), (3, '`+bToken+`', 'BROCKONLY', 'b', '{orders:read}', '{D200}', 'x', '2026-02-01Z', '2026-04-01Z');
		INSERT INTO partner_settings (partner_id, changed_by, changed_at) VALUES (2, 'ACMEONLY', now()), (3, 'BROCKONLY', now());
		INSERT INTO programmes (name, title, modules, changed_by, changed_at) VALUES ('all', 'Everything', '{catalogue,prices,orders,ordering,account,claims,forecasts,purchasing,billing,stock,notices}', 'x', now());
		INSERT INTO partner_programmes (partner_id, programme, since) VALUES (2, 'all', now()), (3, 'all', now());`)

	const back = `DELETE FROM memberships WHERE partner_id = 3 AND person_id = '` + aMember + `'; UPDATE memberships SET suspended_at = NULL, ended_at = NULL, roles = '{viewer}' WHERE person_id IN ('` + aMember + `', '` + bMember + `');
		UPDATE invitations SET revoked_at = NULL; DELETE FROM tokens WHERE name IN ('ACMEONLY', 'BROCKONLY') AND token_id NOT IN ('` + aToken + `', '` + bToken + `'); UPDATE tokens SET revoked_at = NULL, expires_at = '2026-04-01Z', name = CASE partner_id WHEN 2 THEN 'ACMEONLY' ELSE 'BROCKONLY' END WHERE token_id IN ('` + aToken + `', '` + bToken + `'); `
	const suspended = back + `UPDATE memberships SET suspended_at = now(), suspended_by = 'x' WHERE person_id IN ('` + aMember + `', '` + bMember + `')`
	about := func(prefix, after, a, b string, p probe) probe {
		p.path, p.foreign, p.beyond, p.missing = prefix+a+after, prefix+b+after, prefix+a+after, prefix+neverWas+after
		if p.before == "" {
			p.before = back
		}
		return p
	}
	maps.Copy(probes, map[string]probe{
		"GET /people":                         {need: portal.PeopleRead, says: "ACMEONLY"},
		"GET /people/invite":                  {need: portal.PeopleInvite, says: "Acme North"},
		"POST /people/invite":                 {need: portal.PeopleInvite, form: "email=new@x.example&" + asViewer},
		"GET /people/:person":                 about("/people/", "", aMember, bMember, probe{need: portal.PeopleRead, says: "ACMEONLY"}),
		"POST /people/:person/change":         about("/people/", "/change", aMember, bMember, probe{need: portal.PeopleManage, form: asViewer}),
		"POST /people/:person/suspend":        about("/people/", "/suspend", aMember, bMember, probe{need: portal.PeopleManage}),
		"POST /people/:person/resume":         about("/people/", "/resume", aMember, bMember, probe{need: portal.PeopleManage, before: suspended}),
		"POST /people/:person/end":            about("/people/", "/end", aMember, bMember, probe{need: portal.PeopleManage}),
		"POST /people/:person/move":           {host: true, need: portal.PeopleManage, path: "/people/" + aMember + "/move?partner=D100", form: "account_number=D200", missing: "/people/" + neverWas + "/move?partner=D100", before: back},
		"POST /people/:person/end-sessions":   about("/people/", "/end-sessions", aMember, bMember, probe{need: portal.PeopleManage}),
		"POST /people/invitations/:id/resend": about("/people/invitations/", "/resend", aInvited, bInvited, probe{need: portal.PeopleInvite}),
		"POST /people/invitations/:id/revoke": about("/people/invitations/", "/revoke", aInvited, bInvited, probe{need: portal.PeopleInvite}),
		"GET /tokens":                         {need: portal.PeopleRead, says: "ACMEONLY"},
		"GET /tokens/new":                     {need: portal.TokensManage, says: "orders:read"},
		"POST /tokens/new":                    {need: portal.TokensManage, form: "name=machine&permissions=company:read&days=9&scope=some&sites=D100", says: "ext_"},
		"POST /tokens/:id/rotate":             about("/tokens/", "/rotate", aToken, bToken, probe{need: portal.TokensManage, says: "ext_"}),
		"POST /tokens/:id/revoke":             about("/tokens/", "/revoke", aToken, bToken, probe{need: portal.TokensManage}),
		"GET /api/v1/people":                  {need: portal.PeopleRead, says: "ACMEONLY"},
		"GET /api/v1/people/:person":          about(peopleAPI, "", aMember, bMember, probe{need: portal.PeopleRead, says: "ACMEONLY"}),
		"POST /api/v1/people/:person/change":  about(peopleAPI, "/change", aMember, bMember, probe{need: portal.PeopleManage, form: `{"roles":["viewer"],"sites":["D100"]}`, says: "ACMEONLY"}),
		"POST /api/v1/people/:person/suspend": about(peopleAPI, "/suspend", aMember, bMember, probe{need: portal.PeopleManage, says: "ACMEONLY"}),
		"POST /api/v1/people/:person/resume":  about(peopleAPI, "/resume", aMember, bMember, probe{need: portal.PeopleManage, before: suspended, says: "ACMEONLY"}),
		"POST /api/v1/people/:person/end":     about(peopleAPI, "/end", aMember, bMember, probe{need: portal.PeopleManage}),
		"POST /api/v1/people/:person/move":    {host: true, need: portal.PeopleManage, path: peopleAPI + aMember + "/move?partner=D100", form: `{"to":"D200","roles":["viewer"]}`, missing: peopleAPI + neverWas + "/move?partner=D100", before: back},
		"GET /api/v1/invitations":             {need: portal.PeopleRead, says: "ACMEONLY"},
		"POST /api/v1/invitations":            {need: portal.PeopleInvite, form: `{"email":"new@x.example","roles":["viewer"],"sites":["D100"]}`, says: "new@x.example"},
		"POST /api/v1/invitations/:id/resend": about("/api/v1/invitations/", "/resend", aInvited, bInvited, probe{need: portal.PeopleInvite, form: `{}`, says: "ACMEONLY"}),
		"POST /api/v1/invitations/:id/revoke": about("/api/v1/invitations/", "/revoke", aInvited, bInvited, probe{need: portal.PeopleInvite}),
		"GET /api/v1/tokens":                  {need: portal.PeopleRead, says: "ACMEONLY"},
		"POST /api/v1/tokens":                 {need: portal.TokensManage, form: `{"name":"own machine","permissions":["company:read"],"expires_in_days":9,"sites":["D100"]}`, says: "ext_"},
		"POST /api/v1/tokens/:id/rotate":      about("/api/v1/tokens/", "/rotate", aToken, bToken, probe{need: portal.TokensManage, form: `{"overlap_hours":1}`, says: "ext_"}),
		"POST /api/v1/tokens/:id/revoke":      about("/api/v1/tokens/", "/revoke", aToken, bToken, probe{need: portal.TokensManage}),
	})
}

// TestIsolation_partnerNamed: to everybody but the host's staff, another partner named in the address is one that never was, and is left as it is.
func TestIsolation_partnerNamed(t *testing.T) {
	t.Parallel()
	s := newSuite(t, portaltest.New(t))
	asked := 0
	for route, p := range probes {
		method, path, _ := strings.Cut(route, " ")
		if p.host || !strings.Contains(path, "/people") && !strings.Contains(path, "/tokens") && !strings.Contains(path, "/invitations") {
			continue
		}
		asked++
		if p.foreign != "" {
			path = p.foreign
		}
		other, none := s.ask(s.visitors["acme"], method, path+"?partner=D200", p.form), s.ask(s.visitors["acme"], method, path+"?partner=X999", p.form)
		if other.code != http.StatusNotFound || !(answer{other.code, other.to, strings.ReplaceAll(other.body, "D200", "X999")}).sameAs(none) {
			t.Errorf("%s of another partner: %d %.200s; of none: %d %.200s", route, other.code, other.body, none.code, none.body)
		}
		if strings.Contains(route, "/reviews/") && method == http.MethodPost {
			continue // it names somebody of Acme's, whom Brock's review does not ask about
		}
		if a := s.ask(s.visitors["host"], method, path+"?partner=D200", p.form); a.code >= 400 && a.code != http.StatusConflict && a.code != http.StatusUnprocessableEntity {
			t.Errorf("%s refuses the host's staff: %d %.300s", route, a.code, a.body)
		}
		if p.foreign != "" || method == http.MethodPost {
			s.p.Arrange(t, probes["POST /people/:person/end"].before)
		}
	}
	if asked < 20 {
		t.Errorf("only %d routes were asked", asked)
	}
}

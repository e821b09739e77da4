package main

import (
	"maps"

	"extranet/portal"
)

const aCampaign = "34000000-0000-4000-8000-000000000002" // reviews Acme's members
const bCampaign = "34000000-0000-4000-8000-000000000003" // reviews Brock's

func init() {
	seeds = append(seeds, `
		INSERT INTO campaigns (campaign_id, title, words, reviewers, remind_days, due_at, started_by, started_at) VALUES
			('`+aCampaign+`', 'Acme review', '', 'partner', '{}', '2026-04-01Z', 'x', now()), ('`+bCampaign+`', 'Brock review', '', 'partner', '{}', '2026-04-01Z', 'x', now());
		INSERT INTO reviews (partner_id, campaign_id, title, words, reviewers, started_at, due_at) VALUES (2, '`+aCampaign+`', 'ACMEONLY', '', 'partner', now(), '2026-04-01Z'), (3, '`+bCampaign+`', 'BROCKONLY', '', 'partner', now(), '2026-04-01Z');
		INSERT INTO review_items (partner_id, campaign_id, person_id, name, email, roles, sites, granted_by, granted_at) VALUES
			(2, '`+aCampaign+`', '`+aMember+`', 'ACMEONLY', 'x', '{viewer}', '{D100}', 'x', now()), (3, '`+bCampaign+`', '`+bMember+`', 'BROCKONLY', 'x', '{viewer}', '{D200}', 'x', now());`)
	const open = `UPDATE memberships SET suspended_at = NULL, ended_at = NULL, roles = '{viewer}' WHERE person_id IN ('` + aMember + `', '` + bMember + `'); UPDATE review_items SET verdict = NULL`
	about := func(prefix, after string, p probe) probe {
		p.need, p.before = portal.PeopleManage, open
		p.path, p.foreign, p.missing = prefix+aCampaign+after, prefix+bCampaign+after, prefix+neverWas+after
		return p
	}
	maps.Copy(probes, map[string]probe{
		"GET /reviews":                             {host: true, need: portal.ReviewsManage, says: "Acme review"},
		"GET /reviews/new":                         {host: true, need: portal.ReviewsManage, says: "Who answers"},
		"POST /reviews":                            {host: true, need: portal.ReviewsManage, form: "title=Another&reviewers=partner&due=2026-05-01&kind=dealer"},
		"GET /reviews/:id":                         {host: true, need: portal.ReviewsManage, path: "/reviews/" + aCampaign, says: "Acme"},
		"GET /reviews/:id/evidence.pdf":            {host: true, need: portal.ReviewsManage, path: "/reviews/" + aCampaign + "/evidence.pdf"},
		"GET /reviews/:id/evidence.xlsx":           {host: true, need: portal.ReviewsManage, path: "/reviews/" + aCampaign + "/evidence.xlsx"},
		"GET /api/v1/reviews/:id/evidence/:format": {host: true, need: portal.ReviewsManage, path: "/api/v1/reviews/" + aCampaign + "/evidence/csv", missing: "/api/v1/reviews/" + neverWas + "/evidence/csv", says: "ACMEONLY"},
		"GET /people/reviews":                      {need: portal.PeopleManage, says: "ACMEONLY"},
		"GET /people/reviews/:id":                  about("/people/reviews/", "", probe{says: "ACMEONLY"}),
		"POST /people/reviews/:id":                 about("/people/reviews/", "", probe{form: "verdict-" + aMember + "=keep"}),
		"GET /api/v1/reviews":                      {host: true, need: portal.ReviewsManage, says: "Acme review"},
		"POST /api/v1/reviews":                     {host: true, need: portal.ReviewsManage, form: `{"title":"Another","reviewers":"partner","due_at":"2026-05-01T00:00:00Z"}`, says: "Another"},
		"GET /api/v1/people/reviews":               {need: portal.PeopleManage, says: "ACMEONLY"},
		"GET /api/v1/people/reviews/:id":           about("/api/v1/people/reviews/", "", probe{says: "ACMEONLY"}),
		"POST /api/v1/people/reviews/:id/answer":   about("/api/v1/people/reviews/", "/answer", probe{form: `{"verdicts":[{"person":"` + aMember + `","verdict":"keep"}]}`, says: "ACMEONLY"}),
	})
}

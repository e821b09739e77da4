package main

import "extranet/portal"

// Cord and Dart have notices of the host's, and gave some; each marked with words that may be seen by nobody else.
func init() {
	seeds = append(seeds, `
	INSERT INTO notices (partner_id, notice, supplier, kind, revision, title, issued_on, effective_on, withdrawn, changed_at)
	VALUES (4, 'N1', 'S300', 'pcn', '1', 'CORDONLY', '2026-02-20', '2026-06-01', false, now()), (5, 'N1', 'S400', 'pcn', '1', 'DARTONLY', '2026-02-20', '2026-06-01', false, now()),
		(4, 'N3', 'S300', 'ecn', '1', 'CORDONLY', '2026-02-20', '2026-06-01', false, now()), (5, 'N2', 'S400', 'ecn', '1', 'DARTONLY', '2026-02-20', '2026-06-01', false, now());
	INSERT INTO notice_items (partner_id, notice, line, supplier, product, description, changed_at) VALUES (4, 'N1', 1, 'S300', 'T9', 'CORDONLY', now()), (5, 'N1', 1, 'S400', 'T9', 'DARTONLY', now()), (5, 'N2', 1, 'S400', 'T9', 'DARTONLY', now());
	INSERT INTO notices_given (partner_id, number, revision, kind, title, description, effective_on, items, given_at, given_by)
	VALUES (4, 1, 1, 'pcn', 'CORDONLY', 'CORDONLY', '2026-09-01', '[{"product":"T9","lot":"CORDONLY"}]', '2026-02-20Z', 'CORDONLY'), (5, 7, 1, 'pcn', 'DARTONLY', 'DARTONLY', '2026-09-01', '[{"product":"T9","lot":"DARTONLY"}]', '2026-02-20Z', 'DARTONLY');
	INSERT INTO given_answers (partner_id, number, answer, revision, verdict, note, answered_at, answered_by) SELECT partner_id, n, 1, '1', 'acknowledged', title, '2026-02-21Z', 'x' FROM notices_given, unnest(ARRAY[1, 7]) n;
	INSERT INTO notice_answers (partner_id, notice, answer, revision, verdict, note, answered_at, answered_by) SELECT partner_id, 'N2', 1, '1', 'acknowledged', title, '2026-02-21Z', 'x' FROM notices_given;
	INSERT INTO notice_revisions (partner_id, notice, number, revision, at, content) SELECT partner_id, n, 1, '1', '2026-02-20Z', '{"title":"' || title || '"}' FROM notices_given, unnest(ARRAY['N1', 'N2', 'N3']) n;
	INSERT INTO files (partner_id, file_id, document, name, kind, size, sha256, uploaded_at, uploaded_by)
	SELECT partner_id, ('00000000-0000-4000-8000-0000000000' || f || partner_id)::uuid, d, title || '.pdf', 'application/pdf', 3, '', now(), 'x' FROM notices_given, LATERAL (VALUES ('0', 'notices/N1'), ('1', 'given-notices/' || CASE partner_id WHEN 4 THEN 1 ELSE 7 END)) f (f, d);
	INSERT INTO feeds (entity, source, way, every_s, stale_after_s, offered, as_of) SELECT e, 'core', 'snapshot', 5, 60, true, '2026-03-02T08:59:30Z' FROM unnest(ARRAY['notices', 'notice_items']) e;`)
	const file = "00000000-0000-4000-8000-000000000004"
	read, answer, manage := portal.NoticesRead, portal.NoticesAnswer, portal.NoticesManage
	// of names the probe of a route about a notice of Cord's: the host's N3, or its own number 1.
	of := func(path, more, form string, need portal.Permission) probe {
		own, foreign, missing := "N3", "N2", "X9"
		if path != "/api/v1/notices/" && path != "/notices/" {
			own, foreign, missing = "1", "7", "9999"
		}
		return probe{as: "cord", need: need, path: path + own + more, form: form, foreign: path + foreign + more, missing: path + missing + more}
	}
	// at names that of the host's staff about one of Cord's.
	at := func(path, own, missing, more, form string) probe {
		return probe{as: "cord", host: true, need: manage, path: path + "S300/" + own + more, form: form, missing: path + "S300/" + missing + more, foreign: path + "NOBODY/" + own + more}
	}
	said := func(p probe, says string) probe { p.says = says; return p }
	give := `{"kind":"pcn","title":"Marking moves","effective_on":"2026-09-01","items":[{"product":"T9"}]}`
	for route, p := range map[string]probe{
		"GET /api/v1/notices":                                     {as: "cord", need: read, says: "CORDONLY"},
		"GET /api/v1/notices/:notice":                             said(of("/api/v1/notices/", "", "", read), "CORDONLY"),
		"POST /api/v1/notices/:notice/answers":                    said(of("/api/v1/notices/", "/answers", `{"verdict":"accepted"}`, answer), `"answer":1`),
		"POST /api/v1/notices/:notice/files":                      of("/api/v1/notices/", "/files?name=a.txt", "words", answer),
		"GET /api/v1/notices/:notice/files/:id":                   {as: "cord", need: read, says: "CORDONLY", path: "/api/v1/notices/N1/files/" + file, foreign: "/api/v1/notices/N1/files/00000000-0000-4000-8000-000000000005", missing: "/api/v1/notices/N1/files/00000000-0000-4000-8000-000000000009"},
		"GET /api/v1/given-notices":                               {as: "cord", need: read, says: "CORDONLY"},
		"POST /api/v1/given-notices":                              {as: "cord", need: answer, form: give, says: `"revision":1`},
		"GET /api/v1/given-notices/:number":                       said(of("/api/v1/given-notices/", "", "", read), "CORDONLY"),
		"POST /api/v1/given-notices/:number/files":                of("/api/v1/given-notices/", "/files?name=a.txt", "words", answer),
		"GET /api/v1/given-notices/:number/files/:id":             {as: "cord", need: read, says: "CORDONLY", path: "/api/v1/given-notices/1/files/00000000-0000-4000-8000-000000000014", foreign: "/api/v1/given-notices/1/files/00000000-0000-4000-8000-000000000015", missing: "/api/v1/given-notices/1/files/00000000-0000-4000-8000-000000000009"},
		"GET /notices":                                            {as: "cord", need: read, says: "CORDONLY"},
		"GET /notices/:notice":                                    said(of("/notices/", "", "", read), "CORDONLY"),
		"POST /notices/:notice/answers":                           of("/notices/", "/answers", "verdict=acknowledged", answer),
		"POST /notices/:notice/files":                             of("/notices/", "/files", upload, answer),
		"GET /notices/:notice/files/:id":                          {as: "cord", need: read, says: "CORDONLY", path: "/notices/N1/files/" + file, foreign: "/notices/N1/files/00000000-0000-4000-8000-000000000005", missing: "/notices/N1/files/00000000-0000-4000-8000-000000000009"},
		"GET /given-notices":                                      {as: "cord", need: read, says: "CORDONLY"},
		"GET /new/given-notices":                                  {as: "cord", need: answer},
		"POST /given-notices":                                     {as: "cord", need: answer, form: "kind=pcn&title=Marking&effective_on=2026-09-01&items=T9"},
		"GET /given-notices/:number":                              said(of("/given-notices/", "", "", read), "CORDONLY"),
		"POST /given-notices/:number":                             of("/given-notices/", "", "kind=pcn&title=Marking&effective_on=2026-09-01&items=T9", answer),
		"POST /given-notices/:number/files":                       of("/given-notices/", "/files", upload, answer),
		"GET /given-notices/:number/files/:id":                    {as: "cord", need: read, says: "CORDONLY", path: "/given-notices/1/files/00000000-0000-4000-8000-000000000014", foreign: "/given-notices/1/files/00000000-0000-4000-8000-000000000015", missing: "/given-notices/1/files/00000000-0000-4000-8000-000000000009"},
		"GET /api/v1/partner-notices":                             {as: "cord", host: true, need: manage, says: "CORDONLY"},
		"GET /api/v1/partner-notices/:partner/:notice":            said(at("/api/v1/partner-notices/", "N1", "X9", "", ""), "CORDONLY"),
		"POST /api/v1/partner-notices/:partner/:notice/files":     at("/api/v1/partner-notices/", "N1", "X9", "/files?name=a.txt", "words"),
		"GET /api/v1/partner-notices/:partner/:notice/files/:id":  said(at("/api/v1/partner-notices/", "N1", "X9", "/files/"+file, ""), "CORDONLY"),
		"GET /api/v1/received-notices":                            {as: "cord", host: true, need: manage, says: "CORDONLY"},
		"GET /api/v1/received-notices/:partner/:number":           said(at("/api/v1/received-notices/", "1", "9", "", ""), "CORDONLY"),
		"POST /api/v1/received-notices/:partner/:number/answers":  said(at("/api/v1/received-notices/", "1", "9", "/answers", `{"verdict":"accepted"}`), `"answer":`),
		"POST /api/v1/received-notices/:partner/:number/files":    at("/api/v1/received-notices/", "1", "9", "/files?name=a.txt", "words"),
		"GET /api/v1/received-notices/:partner/:number/files/:id": said(at("/api/v1/received-notices/", "1", "9", "/files/00000000-0000-4000-8000-000000000014", ""), "CORDONLY"),
		"GET /api/v1/notice-policies/:partner":                    {as: "cord", host: true, need: manage, path: "/api/v1/notice-policies/S300", says: "S300", missing: "/api/v1/notice-policies/NOBODY"},
		"PUT /api/v1/notice-policies/:partner":                    {as: "cord", host: true, need: manage, path: "/api/v1/notice-policies/S300", form: `{"acknowledge_days":30,"notice_days":90}`, says: "S300", missing: "/api/v1/notice-policies/NOBODY"},
		"GET /partner-notices":                                    {as: "cord", host: true, need: manage, says: "CORDONLY"},
		"GET /partner-notices/:partner/:notice":                   said(at("/partner-notices/", "N1", "X9", "", ""), "CORDONLY"),
		"POST /partner-notices/:partner/:notice/files":            at("/partner-notices/", "N1", "X9", "/files", upload),
		"GET /partner-notices/:partner/:notice/files/:id":         said(at("/partner-notices/", "N1", "X9", "/files/"+file, ""), "CORDONLY"),
		"GET /received-notices":                                   {as: "cord", host: true, need: manage, says: "CORDONLY"},
		"GET /received-notices/:partner/:number":                  said(at("/received-notices/", "1", "9", "", ""), "CORDONLY"),
		"POST /received-notices/:partner/:number/answers":         at("/received-notices/", "1", "9", "/answers", "verdict=acknowledged"),
		"POST /received-notices/:partner/:number/files":           at("/received-notices/", "1", "9", "/files", upload),
		"GET /received-notices/:partner/:number/files/:id":        said(at("/received-notices/", "1", "9", "/files/00000000-0000-4000-8000-000000000014", ""), "CORDONLY"),
		"GET /notice-policies/:partner":                           {as: "cord", host: true, need: manage, path: "/notice-policies/S300", says: "S300", missing: "/notice-policies/NOBODY"},
		"POST /notice-policies/:partner":                          {as: "cord", host: true, need: manage, path: "/notice-policies/S300", form: "acknowledge_days=30&notice_days=90", missing: "/notice-policies/NOBODY"},
	} {
		probes[route] = p
	}
}

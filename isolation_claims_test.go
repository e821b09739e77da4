package main

import "extranet/portal"

func init() {
	// Acme's C-1 is a draft, C-2 is at the desk, C-3 was asked about, C-4 refused and C-5 proposed; Brock has the same under D-….
	// Each has a file, whose content is nowhere: it is there, and cannot be read.
	seeds = append(seeds, `
		INSERT INTO claims (partner_id, number, kind, site, currency, reference, contact_email, created_at, created_by, submitted_at, changed_at, state, owner, due_at)
		SELECT p.id, p.l || '-' || s.i, 'transit', p.site, 'EUR', p.word, p.word || '@x.example', '2026-03-01Z', p.word, CASE WHEN s.i > 1 THEN timestamptz '2026-03-01Z' END, '2026-03-01Z',
			CASE s.state WHEN 'refused' THEN 'closed' ELSE s.state END, s.owner, CASE WHEN s.owner IS NOT NULL THEN timestamptz '2026-03-09Z' END
		FROM (VALUES (2, 'C', 'ACMEONLY', 'D100'), (3, 'D', 'BROCKONLY', 'D200')) p (id, l, word, site),
			(VALUES (1, 'draft', 'dealer'), (2, 'submitted', 'host'), (3, 'asked', 'dealer'), (4, 'refused', NULL), (5, 'proposed', 'host'), (6, 'submitted', 'host')) s (i, state, owner);
		INSERT INTO claim_lines (partner_id, claim, line, state, owner, due_at, next_action, facts, version, inputs, result, amount, decided_at, decider)
		SELECT c.partner_id, c.number, 1, CASE WHEN c.owner IS NULL THEN 'refused' ELSE c.state END, c.owner, c.due_at, CASE WHEN c.owner IS NOT NULL THEN c.reference END, f.facts,
			1, '{"facts": ' || f.facts || ', "filed_on": "2026-03-01", "photos": 1, "currency": "EUR"}', '{"outcome": "approved", "amount": "10", "claimed": "10", "currency": "EUR", "steps": []}', 10,
			CASE WHEN c.owner IS NULL OR c.state = 'proposed' THEN timestamptz '2026-03-01Z' END, 'another'
		FROM claims c, LATERAL (SELECT '{"product": "' || c.reference || '", "quantity": "2", "shipment": "S1", "delivered_on": "2026-02-27", "price": "5", "words": "' || c.reference || '"}' AS facts) f;
		-- Under the other's number as well: a query that joins without the partner shows it.
		INSERT INTO claims (partner_id, number, kind, site, currency, reference, contact_email, created_at, created_by, submitted_at, changed_at, state) VALUES (3, 'C-9', 'transit', 'D200', 'EUR', 'BROCKONLY', '', '2026-03-01Z', 'x', '2026-03-01Z', '2026-03-01Z', 'closed');
		INSERT INTO claim_events (partner_id, claim, seq, line, at, side, by_name, what, words) SELECT partner_id, number, 1, 1, '2026-03-01Z', 'dealer', 'x', 'submitted', reference FROM claims;
		INSERT INTO claim_decisions (partner_id, decision, claim, line, outcome, amount, currency, decided_on, changed_at) VALUES (2, 'a', 'C-2', 1, 'approved', 1, 'EUR', '2026-03-01', now()), (3, 'b', 'D-2', 1, 'approved', 1, 'EUR', '2026-03-01', now());
		INSERT INTO files (partner_id, file_id, document, name, kind, size, sha256, uploaded_at, uploaded_by)
		SELECT partner_id, ('00000000-0000-4000-8000-00000000000' || partner_id)::uuid, 'claims/' || number, reference || '.jpg', 'image/jpeg', 3, '', now(), 'x' FROM claims WHERE number IN ('C-2', 'D-2');
		INSERT INTO files (partner_id, file_id, document, name, kind, size, sha256, uploaded_at, uploaded_by)
		SELECT partner_id, gen_random_uuid(), 'claims/' || number, reference || '.jpg', 'image/jpeg', 3, '', now(), 'x' FROM claims WHERE number <> 'C-2';`)
	read, file, decide, approve := portal.ClaimsRead, portal.ClaimsFile, portal.ClaimsDecide, portal.ClaimsApprove
	// again brings the claims that a probe changes back to where they were.
	again := `DELETE FROM claim_lines WHERE line > 1; UPDATE claim_lines SET facts = replace(facts, '"quantity":"1"', '"quantity":"2"'); UPDATE claim_lines l SET state = CASE substr(claim, 3) WHEN '1' THEN 'draft' WHEN '3' THEN 'asked' WHEN '4' THEN 'refused' WHEN '5' THEN 'proposed' ELSE 'submitted' END,
			owner = CASE substr(claim, 3) WHEN '1' THEN 'dealer' WHEN '3' THEN 'dealer' WHEN '4' THEN NULL ELSE 'host' END, due_at = '2026-03-09Z', next_action = 'x', decider = 'another' WHERE line = 1;
		UPDATE claims SET submitted_at = NULL, state = 'draft', owner = 'dealer', due_at = '2026-03-09Z' WHERE number IN ('C-1', 'D-1')`
	// of names the probe of a route that is about one claim of the caller's own.
	of := func(path, more, form string, need portal.Permission, n string) probe {
		return probe{need: need, path: path + "C-" + n + more, form: form, before: again, foreign: path + "D-" + n + more, beyond: path + "C-" + n + more, missing: path + "C-0" + more}
	}
	desk := func(path, more, form string, need portal.Permission, n string) probe {
		return probe{host: true, need: need, path: path + "D100/C-" + n + more, form: form, before: again, missing: path + "D100/C-0" + more}
	}
	api, web := "/api/v1/claims/", "/claims/"
	for route, p := range map[string]probe{
		"GET /api/v1/claims":                                 {need: read, says: "ACMEONLY"},
		"POST /api/v1/claims":                                {need: file, form: `{"kind":"transit","order":"A-1","order_line":1}`, foreign: `{"kind":"transit","order":"B-1","order_line":1}`, beyond: `{"kind":"transit","order":"A-1","order_line":1}`, missing: `{"kind":"transit","order":"X-1","order_line":1}`},
		"GET /api/v1/claims/:number":                         of(api, "", "", read, "2"),
		"POST /api/v1/claims/:number/lines":                  of(api, "/lines", `{}`, file, "1"),
		"POST /api/v1/claims/:number/lines/:line":            of(api, "/lines/1", `{"product":"ACMEONLY","quantity":"2","shipment":"S1","delivered_on":"2026-02-27","price":"5","words":"ACMEONLY"}`, file, "1"),
		"POST /api/v1/claims/:number/submit":                 of(api, "/submit", "", file, "1"),
		"POST /api/v1/claims/:number/lines/:line/answer":     of(api, "/lines/1/answer", `{"words":"w"}`, file, "3"),
		"POST /api/v1/claims/:number/lines/:line/appeal":     of(api, "/lines/1/appeal", `{"words":"w"}`, file, "4"),
		"POST /api/v1/claims/:number/lines/:line/withdraw":   of(api, "/lines/1/withdraw", `{"words":"w"}`, file, "3"),
		"POST /api/v1/claims/:number/files":                  of(api, "/files?name=a.txt", `words`, file, "1"),
		"GET /api/v1/claims/:number/files/:id":               {need: read, says: "ACMEONLY", path: "/api/v1/claims/C-2/files/00000000-0000-4000-8000-000000000002", before: again, foreign: "/api/v1/claims/D-2/files/00000000-0000-4000-8000-000000000003", beyond: "/api/v1/claims/C-2/files/00000000-0000-4000-8000-000000000002", missing: "/api/v1/claims/C-0/files/00000000-0000-4000-8000-000000000009"},
		"GET /api/v1/desk/claims":                            {host: true, need: decide, says: "ACMEONLY"},
		"GET /api/v1/desk/claims/:partner/:number":           desk("/api/v1/desk/claims/", "", "", decide, "2"),
		"GET /api/v1/desk/claims/:partner/:number/files/:id": {host: true, need: decide, says: "ACMEONLY", path: "/api/v1/desk/claims/D100/C-2/files/00000000-0000-4000-8000-000000000002", foreign: "/api/v1/desk/claims/D100/C-2/files/00000000-0000-4000-8000-000000000003", missing: "/api/v1/desk/claims/D100/C-2/files/00000000-0000-4000-8000-000000000009"},
		"GET /claims":                                 {need: read, says: "ACMEONLY"},
		"GET /exports/claims.csv":                     {need: read, says: "ACMEONLY"},
		"GET /exports/claims.xlsx":                    {need: read},
		"GET /desk/rules":                             {host: true, need: decide, says: "Damage in transit"},
		"GET /desk/rules/:kind/new":                   {host: true, need: approve, path: "/desk/rules/transit/new?after=1", missing: "/desk/rules/transit/new?after=999"},
		"GET /desk/rules/:kind/version/:version":      {host: true, need: decide, path: "/desk/rules/transit/version/1", missing: "/desk/rules/transit/version/999"},
		"POST /desk/rules/:kind":                      {host: true, need: approve, path: "/desk/rules/price", form: "name=Price&valid_from=2026-03-02&require=product&require=quantity&require=price", missing: "/desk/rules/nothing"},
		"GET /api/v1/desk/rules":                      {host: true, need: decide, says: "Damage in transit"},
		"GET /api/v1/desk/rules/:kind/:version":       {host: true, need: decide, path: "/api/v1/desk/rules/transit/1", missing: "/api/v1/desk/rules/transit/999"},
		"POST /api/v1/desk/rules/:kind":               {host: true, need: approve, path: "/api/v1/desk/rules/price", form: `{"name":"Price","valid_from":"2026-03-02","rules":{"require":["product","quantity","price"]}}`},
		"POST /api/v1/desk/claims":                    {host: true, need: decide, form: `{"claims":[{"partner":"D100","number":"C-2"}],"words":"w"}`, before: again},
		"GET /new/claims":                             {need: file},
		"POST /new/claims":                            {need: file, form: "kind=transit&order=A-1&order_line=1", foreign: "kind=transit&order=B-1&order_line=1", beyond: "kind=transit&order=A-1&order_line=1", missing: "kind=transit&order=X-1&order_line=1"},
		"GET /claims/:number":                         of(web, "", "", read, "2"),
		"POST /claims/:number/lines":                  of(web, "/lines", "x=y", file, "1"),
		"POST /claims/:number/lines/:line":            of(web, "/lines/1", "l1-product=ACMEONLY&l1-quantity=2&l1-shipment=S1&l1-delivered_on=2026-02-27&l1-price=5&l1-words=w", file, "1"),
		"POST /claims/:number/submit":                 of(web, "/submit", "x=y", file, "1"),
		"POST /claims/:number/lines/:line/answer":     of(web, "/lines/1/answer", "words=w", file, "3"),
		"POST /claims/:number/lines/:line/appeal":     of(web, "/lines/1/appeal", "words=w", file, "4"),
		"POST /claims/:number/lines/:line/withdraw":   of(web, "/lines/1/withdraw", "words=w", file, "3"),
		"POST /claims/:number/files":                  {need: file, path: "/claims/C-1/files", form: upload, before: again, foreign: "/claims/D-1/files", beyond: "/claims/C-1/files", missing: "/claims/C-0/files"},
		"GET /claims/:number/files/:id":               {need: read, says: "ACMEONLY", path: "/claims/C-2/files/00000000-0000-4000-8000-000000000002", before: again, foreign: "/claims/D-2/files/00000000-0000-4000-8000-000000000003", beyond: "/claims/C-2/files/00000000-0000-4000-8000-000000000002", missing: "/claims/C-0/files/00000000-0000-4000-8000-000000000009"},
		"GET /desk/claims":                            {host: true, need: decide, says: "C-2"},
		"POST /desk/claims":                           {host: true, need: decide, form: "pick=D100+C-2&words=w", before: again},
		"GET /desk/claims/:partner/:number":           desk("/desk/claims/", "", "", decide, "2"),
		"GET /desk/claims/:partner/:number/files/:id": {host: true, need: decide, says: "ACMEONLY", path: "/desk/claims/D100/C-2/files/00000000-0000-4000-8000-000000000002", foreign: "/desk/claims/D100/C-2/files/00000000-0000-4000-8000-000000000003", missing: "/desk/claims/D100/C-2/files/00000000-0000-4000-8000-000000000009"},
	} {
		probes[route] = p
	}
	for what, c := range map[string]struct {
		need portal.Permission
		n    string
		body string
		form string
	}{
		"preview": {decide, "2", `{"words":"w"}`, ""}, "decide": {decide, "2", `{"words":"w"}`, "words=w"}, "ask": {decide, "2", `{"words":"w"}`, "words=w"}, "review": {decide, "2", `{}`, "x=y"},
		"approve": {approve, "5", `{}`, "x=y"}, "return": {approve, "5", `{"words":"w"}`, "words=w"}, "split": {decide, "6", `{"quantity":"1"}`, "quantity=1"},
	} {
		more := "/lines/1/" + what
		probes["POST /api/v1/desk/claims/:partner/:number/lines/:line/"+what] = desk("/api/v1/desk/claims/", more, c.body, c.need, c.n)
		if c.form == "" { // the page tries by the button beside
			continue
		}
		probes["POST /desk/claims/:partner/:number/lines/:line/"+what] = desk("/desk/claims/", more, c.form, c.need, c.n)
	}
}

// upload is a form that holds a file.
const upload = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nwords\r\n--x--\r\n"

package jobs_test

import (
	"strings"
	"testing"

	"extranet/jobs"
)

// TestOptions brings a Postgres core's codes, floats, blanks and soft deletes into the portal's terms.
func TestOptions(t *testing.T) {
	t.Parallel()
	c, p := newCore(t, ""), newPortal(t)
	c.exec(t, `CREATE TABLE parties ("partyNo" int PRIMARY KEY, "legalName" text, country char(2))`)
	c.exec(t, `CREATE TABLE docs (no text PRIMARY KEY, party int, state int, amount float8, note text, gone bool, changed timestamptz DEFAULT clock_timestamp())`)
	c.exec(t, `INSERT INTO parties VALUES (1, 'A', 'FR'), (2, 'B', '  ')`)
	c.exec(t, `INSERT INTO docs VALUES ('x', 1, 10, 0.1::float8 + 0.2::float8, '', false), ('y', 2, 77, 2.005, ' ', false), ('z', 1, NULL, NULL, 'z', true), ('ü', 1, 20, 1e-9, 'ü', NULL)`)
	text := `
sources:
  core:
    driver: postgres
    url: ${EXTRANET_CORE_URL}
    empty_as_null: true
entities:
  partners:
    defaults: {country: XX}
    select: SELECT "partyNo" AS "Partner", 'dealer' AS kind, "legalName" AS "Name", country FROM parties
  orders:
    way: watermark
    watermark: changed
    overlap: 0s
    where: gone IS NOT TRUE
    defaults: {net: 0, status: held, currency: EUR}
    translate: {status: {10: open, 20: picking, "*": delivered}}
    round: {net: 2}
    select: SELECT no AS number, party AS partner, state AS status, '2026-01-01'::date AS ordered_on, amount AS net, 0 AS tax, 0 AS total, note AS comment, gone, changed FROM docs
`
	m := c.mapping(t, text)
	see := func(want string) {
		t.Helper()
		expect(t, "orders", strings.Join(table(t, p.Owner, `SELECT p.number, country, o.number, status, o.currency, trim_scale(net), comment FROM orders o JOIN partners p USING (partner_id) ORDER BY o.number COLLATE "C"`), "\n"), want)
		expect(t, "quarantine", quarantined(t, p), "")
	}
	sync(t, p, m, jobs.Options{})
	see("1|FR|x|open|EUR|0.3|\n2|XX|y|delivered|EUR|2.01|\n1|FR|ü|picking|EUR|0|ü")

	c.exec(t, `UPDATE docs SET gone = NOT coalesce(gone, false), changed = clock_timestamp()`)
	if r := sync(t, p, m, jobs.Options{})["orders"]; r.Way != "incremental" || r.Deleted != 3 || r.Inserted != 1 {
		t.Errorf("%+v, want 3 gone and 1 new", r)
	}
	see("1|FR|z|held|EUR|0|z")

	// What the mapping says of values is part of what it says: other words, other rows.
	for _, change := range []string{"open", "country: XX", "net: 2}", "gone IS NOT TRUE", "empty_as_null: true"} {
		other := c.mapping(t, strings.Replace(text, change, map[string]string{"open": "shipped", "country: XX": "country: YY", "net: 2}": "net: 3}", "gone IS NOT TRUE": "NOT gone", "empty_as_null: true": "empty_as_null: false"}[change], 1))
		if other.Feed("orders").Hash == m.Feed("orders").Hash && other.Feed("partners").Hash == m.Feed("partners").Hash {
			t.Errorf("without %q the mapping has the same hash", change)
		}
	}

	// What the select returns and nobody asked for is told, and reaches nobody; what the condition needs is asked for.
	r, err := jobs.Check(t.Context(), c.mapping(t, strings.Replace(text, "note AS comment", "note AS comment, 'secret' AS margin", 1)))
	must(t, err)
	for _, e := range r.Entities {
		if e.Entity == "orders" && strings.Join(e.Ignored, " ") != "margin" {
			t.Errorf("ignored %q", e.Ignored)
		}
	}
}

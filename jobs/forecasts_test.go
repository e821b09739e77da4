package jobs_test

import (
	"strings"
	"testing"

	"extranet/jobs"
)

const plannerMapping = `
sources:
  core:
    driver: postgres
    url: ${EXTRANET_CORE_URL}
entities:
  partners:
    select: SELECT id AS partner, 'supplier' AS kind, id AS name FROM vendors
  forecasts:
    select: SELECT vendor AS partner, run AS version, item AS product, 'W1' AS location, at AS published_at, kind, day AS starts_on, qty AS quantity FROM plan
  demand_history:
    select: SELECT vendor AS partner, item AS product, 'W1' AS location, 'week' AS kind, day AS starts_on, qty AS quantity, arrived AS received FROM used
`

// TestPass_series shows that the rows of a series become one, whole or not at all, and that what is published stays.
func TestPass_series(t *testing.T) {
	t.Parallel()
	c, p := newCore(t, ""), newPortal(t)
	c.exec(t, `CREATE TABLE vendors (id text); INSERT INTO vendors VALUES ('V1'), ('V2');
		CREATE TABLE plan (vendor text, run text, item text, at timestamptz DEFAULT '2026-03-01Z', kind text DEFAULT 'week', day date, qty text);
		CREATE TABLE used (vendor text, item text, day date, qty numeric, arrived numeric);
		INSERT INTO plan (vendor, run, item, day, qty) VALUES ('V1', 'R1', 'T1', '2026-03-09', '20'), ('V1', 'R1', 'T1', '2026-03-02', '10.50'), ('V2', 'R1', 'T1', '2026-03-02', '7'),
			('V1', 'R1', 'T2', '2026-03-02', '1'), ('V1', 'R1', 'T2', '2026-03-09', 'many'), ('V1', 'R1', 'T3', '2026-03-02', '1'), ('V1', 'R1', 'T3', '2026-03-02', '2'),
			('V1', 'R1', 'T4', '2026-03-02', '1');
		INSERT INTO plan VALUES ('V1', 'R1', 'T4', '2026-03-02Z', 'week', '2026-03-09', '1'), ('X9', 'R1', 'T5', '2026-03-02Z', 'week', '2026-03-09', '1');
		INSERT INTO used VALUES ('V1', 'T1', '2026-02-23', 8, NULL), ('V1', 'T1', '2026-02-16', 9, 9)`)
	m := c.mapping(t, plannerMapping)
	r := sync(t, p, m, jobs.Options{})["forecasts"]
	if r.Rows != 10 || r.Inserted != 2 || r.Quarantined != 4 {
		t.Errorf("first pass %+v, want 10 rows, 2 inserted, 4 quarantined", r)
	}
	shown := func() string {
		return strings.Join(table(t, p.Owner, `SELECT supplier, version, product, starts_on::text, quantity::text FROM forecasts ORDER BY 1, 2, 3`), "\n")
	}
	const first = "V1|R1|T1|{2026-03-02,2026-03-09}|{10.50,20}\nV2|R1|T1|{2026-03-02}|{7}"
	expect(t, "forecasts", shown(), first)
	expect(t, "history", strings.Join(table(t, p.Owner, `SELECT starts_on::text, quantity::text, received::text FROM demand_history`), ""), "{2026-02-16,2026-02-23}|{9,8}|{9,NULL}")
	expect(t, "quarantine", quarantined(t, p), `["R1","T2","W1","V1"] quantity: "many" is not a decimal number
["R1","T3","W1","V1"] it has one starts_on more than once
["R1","T4","W1","V1"] its rows do not agree in what they share
["R1","T5","W1","X9"] there is no partner "X9"`)

	// The core forgets one, rewrites another, mends a third and publishes anew.
	c.exec(t, `DELETE FROM plan WHERE vendor = 'V2'`)
	c.exec(t, `UPDATE plan SET qty = '21' WHERE item = 'T1' AND day = '2026-03-09'`)
	c.exec(t, `UPDATE plan SET qty = '2' WHERE qty = 'many'`)
	c.exec(t, `INSERT INTO plan (vendor, run, item, day, qty) VALUES ('V1', 'R2', 'T1', '2026-03-09', '30')`)
	c.exec(t, `UPDATE used SET arrived = 7 WHERE arrived IS NULL`)
	r = sync(t, p, m, jobs.Options{})["forecasts"]
	if r.Inserted != 2 || r.Updated != 0 || r.Deleted != 0 {
		t.Errorf("second pass %+v, want 2 inserted and nothing else", r)
	}
	expect(t, "forecasts", shown(), strings.Replace(first, "\nV2", "\nV1|R1|T2|{2026-03-02,2026-03-09}|{1,2}\nV1|R2|T1|{2026-03-09}|{30}\nV2", 1))
	expect(t, "history", strings.Join(table(t, p.Owner, `SELECT received::text FROM demand_history`), ""), "{9,7}")
	if q := quarantined(t, p); !strings.Contains(q, `["R1","T1","W1","V1"] it was published before with other values`) || strings.Contains(q, "T2") {
		t.Errorf("quarantine:\n%s", q)
	}
}

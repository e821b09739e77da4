package jobs_test

import (
	"encoding/json"
	"strings"
	"testing"

	"extranet/jobs"
)

func TestCheck_wideWorldImporters(t *testing.T) {
	t.Parallel()
	c := wideWorldImporters(t)
	r, err := jobs.Check(t.Context(), exampleMapping(t, c))
	must(t, err)
	var shown strings.Builder
	must(t, r.Print(&shown))
	t.Logf("\n%s", &shown)
	if !r.OK() {
		t.Error("not OK")
	}
	for _, e := range r.Entities {
		if want := map[string]string{"orders": "watermark", "partners": "snapshot"}[e.Entity]; want != "" && (e.Recommended != want || len(e.Ways) != 4 || e.Ways[3].Why != "wal_level is replica; it must be logical, which takes a restart of the core") {
			t.Errorf("%s is advised because %s: %+v", e.Recommended, e.Because, e.Ways)
		}
		if e.Entity == "orders" && (e.Rows != 11847 || e.GreatestStamp != "2016-05-31T12:00:00Z" || e.IncrementalMS <= 0) {
			t.Errorf("%+v", e)
		}
		if e.Mapped && (len(e.Faults)+len(e.Warnings) > 0 || e.Rows == 0 || e.Sampled != min(e.Rows, 10_000) || e.FullSeconds <= 0) {
			t.Errorf("%+v", e)
		}
	}
}

func TestCheck_faults(t *testing.T) {
	t.Parallel()
	c := newShop(t)
	c.exec(t, `INSERT INTO orders VALUES ('O1', 'A', 'open', '1'), ('O2', 'A', 'open', '12,5x'), ('O3', 'C', 'open', '1'), ('O4', 'A', 'open', '1'), ('O4', 'A', 'open', '1'), (NULL, 'A', 'open', '1')`)
	c.exec(t, `INSERT INTO orders VALUES ('O6', 'A', 'open', '1', '2026-03-01', NULL), ('O7', 'A', 'open', '1', '2026-03-01', now() + interval '2 hours')`)
	m := c.mapping(t, strings.NewReplacer(
		"total, changed_at FROM", "total, changed_at, 'Z' AS site, 'x' AS margin FROM").Replace(shopMapping)+`
  sites:
    select: SELECT id AS site, id AS partner FROM customers
  contacts:
    select: SELECT nothing FROM customers
  shipments:
    select: SELECT number AS shipment, customer AS partner, ordered::text AS shipped_on FROM orders WHERE number = 'O1'
`)
	r, err := jobs.Check(t.Context(), m)
	must(t, err)
	if r.OK() {
		t.Error("OK")
	}
	by := map[string]jobs.EntityReport{}
	for _, e := range r.Entities {
		by[e.Entity] = e
	}
	expect(t, "orders", strings.Join(append(by["orders"].Faults, append(by["orders"].Warnings, by["orders"].Examples...)...), "\n"),
		`net is of type text, and a decimal number is wanted; rows in which it is none are refused
total is of type text, and a decimal number is wanted; rows in which it is none are refused
the select returns columns that the portal does not know, and does not show: margin
2 of the first 8 rows would be refused, and lie in quarantine
1 rows have no key (number); they would be refused
the key (number) is not unique: 1 keys occur more than once, in 2 rows that would be refused
1 rows have no changed_at; they are read only by full passes, every 24h0m0s
the greatest changed_at is 2h0m0s ahead of the core's clock; is the time zone UTC right?
1 rows are of partners that the select of partners does not return; they would be refused
8 rows name a site that the select of sites does not return; they are taken, and the site is shown by its number alone
["O2"] net: "12,5x" is not a decimal number; total: "12,5x" is not a decimal number
 number is empty and must not be`)
	expect(t, "sites", strings.Join(by["sites"].Faults, "\n"), "the select of sites returns no column name")
	if f := by["contacts"].Faults; len(f) != 1 || !strings.HasPrefix(f[0], `the select of contacts fails: pq: column "nothing" does not exist`) {
		t.Errorf("contacts: %q", f)
	}
	expect(t, "shipments", strings.Join(append(by["shipments"].Faults, by["shipments"].Warnings...), "\n"), `shipment_lines is not mapped; without it shipments are not shown
shipped_on is of type text, and a day is wanted; rows in which it is none are refused`)
	if by["products"].Mapped || by["partners"].Faults != nil {
		t.Errorf("products %+v, partners %+v", by["products"], by["partners"])
	}
	var shown strings.Builder
	must(t, r.Print(&shown))
	for _, want := range []string{"products                        –  not mapped: not offered", "FAULT    the select of sites returns no column name", "There are faults"} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, &shown)
		}
	}
}

func TestCheck_coreDown(t *testing.T) {
	t.Parallel()
	c := core{url: "postgres://reader:secret@127.0.0.1:1/core?sslmode=disable"}
	m := c.mapping(t, shopMapping)
	r, err := jobs.Check(t.Context(), m)
	must(t, err)
	b, err := json.Marshal(r)
	must(t, err)
	var shown strings.Builder
	must(t, r.Print(&shown))
	if r.OK() || !strings.Contains(r.Sources[0].Fault, "connection refused") || strings.Contains(string(b)+shown.String(), "secret") {
		t.Errorf("%s\n%s", b, &shown)
	}
}

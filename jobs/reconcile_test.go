package jobs_test

import (
	"strings"
	"testing"

	"extranet/jobs"
	"extranet/portal"
	"extranet/portal/portaltest"
)

// ledger is a core whose orders say when they changed, and may not.
const ledger = `
CREATE TABLE customers (id text PRIMARY KEY);
CREATE TABLE heads (so_no bigint PRIMARY KEY, customer text NOT NULL, note text, changed timestamptz NOT NULL DEFAULT now());
INSERT INTO customers VALUES ('A'), ('B'), ('C');
INSERT INTO heads SELECT i, (ARRAY['A', 'B', 'C'])[1 + i % 3], 'n' || i, now() - interval '1 day' FROM generate_series(1, 60) i;
INSERT INTO heads VALUES (500, 'Z', 'of nobody', now() - interval '1 day'), (501, 'A', 'the latest', now());
`

const ledgerMapping = `
sources:
  core:
    driver: postgres
    url: ${EXTRANET_CORE_URL}
entities:
  partners:
    every: 1s
    select: SELECT id AS partner, 'dealer' AS kind, id AS name FROM customers
  orders:
    way: watermark
    watermark: changed
    overlap: 5s
    select: |
      SELECT so_no AS number, customer AS partner, 'open' AS status, 'EUR' AS currency, date '2026-03-01' AS ordered_on, 1 AS net, 0 AS tax, 1 AS total, changed
      FROM heads
`

// TestReconcile: comparing with the whole of the core counts what should not have been other, and makes it right; what was on its way,
// what lay in quarantine, and what a stamp cannot tell is not of it.
func TestReconcile(t *testing.T) {
	t.Parallel()
	for _, way := range []string{jobs.Watermark, jobs.Marks, jobs.Logical} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			var c core
			var text string
			p := newPortal(t)
			if way == jobs.Watermark {
				c, text = newCore(t, ""), ledgerMapping
				c.exec(t, ledger)
			} else {
				c, text = newOffice(t, way)
				c.exec(t, `INSERT INTO heads VALUES (500, 'Z', 'open', 1)`)
			}
			m := c.mapping(t, text)
			sync(t, p, m, jobs.Options{})
			if f := feed(t, p, "orders"); f.RepairedAt.Valid || f.Quarantined != 1 {
				t.Errorf("a first load is no comparison: %+v", f)
			}
			found := func(when string, rows, partners int64) {
				t.Helper()
				sync(t, p, m, jobs.Options{Full: true})
				if f := feed(t, p, "orders"); !f.RepairedAt.Valid || f.RowsRepaired != rows || f.PartnersRepaired != partners || f.PartnersCompared != 3 {
					t.Errorf("%s: %d rows of %d partners repaired, %d compared; want %d of %d, and 3", when, f.RowsRepaired, f.PartnersRepaired, f.PartnersCompared, rows, partners)
				}
			}
			same := func(when string) {
				t.Helper()
				expect(t, when, strings.Join(table(t, p.Owner, `SELECT o.number, p.number FROM orders o JOIN partners p USING (partner_id) ORDER BY 1`), " "), strings.Join(table(t, c.DB, `SELECT so_no::text, customer FROM heads WHERE customer <> 'Z' ORDER BY 1`), " "))
			}
			found("nothing happened", 0, 0)

			c.exec(t, `INSERT INTO heads (so_no, customer`+map[bool]string{true: "", false: ", status"}[way == jobs.Watermark]+`) SELECT i, 'B'`+map[bool]string{true: "", false: ", 'open'"}[way == jobs.Watermark]+` FROM generate_series(100, 104) i`)
			c.exec(t, `UPDATE heads SET customer = 'C'`+map[bool]string{true: ", changed = now()", false: ""}[way == jobs.Watermark]+` WHERE so_no IN (3, 6)`)
			c.exec(t, `DELETE FROM heads WHERE so_no = 9`)
			found("what the core has just done", 0, 0)
			same("after what the core did")

			c.exec(t, `INSERT INTO customers VALUES ('Z')`)
			sync(t, p, m, jobs.Options{}) // the partner comes, and the row out of quarantine
			p.Arrange(t, `UPDATE orders SET comment = 'altered' WHERE number IN ('10', '13', '11'); DELETE FROM orders WHERE number = '12'`)
			sync(t, p, m, jobs.Options{}) // which no way notices
			c.exec(t, `DELETE FROM heads WHERE customer = 'Z'; DELETE FROM customers WHERE id = 'Z'`)
			sync(t, p, m, jobs.Options{Full: true})
			if f := feed(t, p, "orders"); f.RowsRepaired != 4 || f.PartnersRepaired < 2 {
				t.Errorf("rows altered here: %d of %d partners repaired, want 4 of 2 or more", f.RowsRepaired, f.PartnersRepaired)
			}
			same("after the repair")
			if n := one[int](t, p.Owner, `SELECT count(*) FROM orders WHERE comment = 'altered'`); n != 0 {
				t.Errorf("%d rows are still altered", n)
			}
			found("once more", 0, 0)

			switch way { // what the core does behind the back of the way
			case jobs.Watermark:
				c.exec(t, `UPDATE heads SET customer = 'A' WHERE so_no = 4`)
			case jobs.Marks:
				c.exec(t, `SET session_replication_role = replica; UPDATE heads SET customer = 'A' WHERE so_no = 4; RESET session_replication_role`)
			case jobs.Logical:
				return // there is no such thing
			}
			found("a change that left no trace", 1, 1)
			same("after that")
		})
	}
}

// TestMappingChange: another mapping says beforehand what it reads anew, and does: a new column, another key; but it takes nothing away without asking.
func TestMappingChange(t *testing.T) {
	t.Parallel()
	c, p := newCore(t, ""), newPortal(t)
	c.exec(t, ledger)
	c.exec(t, `DELETE FROM heads WHERE customer = 'Z'`)
	against := func(m *jobs.Mapping) (*jobs.RereadReport, string) {
		t.Helper()
		r, err := jobs.Check(t.Context(), m)
		must(t, err)
		must(t, r.Against(t.Context(), p.DB, m))
		var shown strings.Builder
		must(t, r.Print(&shown))
		for _, e := range r.Entities {
			if e.Entity == "orders" {
				return e.Reread, shown.String()
			}
		}
		return nil, ""
	}
	read := func(m *jobs.Mapping) (told []string, err error) {
		_, err = jobs.Sync(t.Context(), p.DB, m, jobs.Options{Tell: func(s string) { told = append(told, s) }})
		return told, err
	}
	first := c.mapping(t, ledgerMapping)
	if r, _ := against(first); r != nil {
		t.Errorf("before anything was read: %+v", r)
	}
	_, err := read(first)
	must(t, err)
	if r, _ := against(first); r != nil {
		t.Errorf("the same mapping: %+v", r)
	}

	more := c.mapping(t, strings.Replace(ledgerMapping, "1 AS total,", "1 AS total, note AS comment,", 1))
	r, shown := against(more)
	if r == nil || r.Stand != 61 || strings.Join(r.Changed, "") != "its select" || strings.Join(r.New, "") != "comment" || r.Known != 61 {
		t.Errorf("%+v", r)
	}
	if want := "the mapping changed: its select; at the next start 61 rows are read anew, where 61 stand; new: comment\n"; !strings.Contains(shown, want) {
		t.Errorf("no %q in\n%s", want, shown)
	}
	if f := feed(t, p, "orders"); f.Reread != "" {
		t.Errorf("checking a mapping is not running it: %+v", f)
	}
	told, err := read(more)
	must(t, err)
	expect(t, "told", strings.Join(told, "\n"), "orders: the mapping changed: its select; everything is read anew, where 61 rows stand")
	if n := one[int](t, p.Owner, `SELECT count(comment) FROM orders`); n != 61 || feed(t, p, "orders").Reread != "" {
		t.Errorf("%d comments came; the feed %+v", n, feed(t, p, "orders"))
	}

	other := c.mapping(t, strings.Replace(ledgerMapping, "so_no AS number", "'SO-' || so_no AS number", 1))
	if r, shown := against(other); r == nil || r.Known != 0 || r.Looked != 61 || strings.Join(r.Gone, "") != "comment" || !strings.Contains(shown, "no longer: comment; none of the first 61 keys is one that stands: the key is another") {
		t.Errorf("%+v\n%s", r, shown)
	}
	_, err = read(other)
	must(t, err)
	expect(t, "keys", one[string](t, p.Owner, `SELECT count(*) FILTER (WHERE number LIKE 'SO-%') || ' of ' || count(*) FROM orders`), "61 of 61")

	fewer := c.mapping(t, strings.Replace(ledgerMapping, "FROM heads", "FROM heads WHERE customer <> 'A'", 1))
	_, err = read(fewer)
	if err == nil || !strings.Contains(err.Error(), "refuses to delete 21 of 61 orders") || one[int](t, p.Owner, `SELECT count(*) FROM orders`) != 61 {
		t.Errorf("a select that lost a third: %v", err)
	}
	must(t, p.AcrossPartners(t.Context(), portaltest.As(portaltest.Host, portal.FeedsManage), portal.FeedsManage, func(tx *portal.Tx) error {
		return portal.AllowLoss(t.Context(), tx, "orders")
	}))
	_, err = read(fewer)
	must(t, err)
	if f := feed(t, p, "orders"); f.AllowLoss || f.StoppedAt.Valid || f.Error != "" || one[int](t, p.Owner, `SELECT count(*) FROM orders`) != 40 {
		t.Errorf("after the loss was allowed: %+v", f)
	}
}

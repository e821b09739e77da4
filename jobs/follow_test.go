package jobs_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"extranet/jobs"
	"extranet/portal"
	"extranet/portal/portaltest"
	"extranet/sandbox/postgres"
)

// office is a core whose rows lead to keys in every way: by their own columns, by those of a joined table, and by a statement.
const office = `
CREATE TABLE customers (id text PRIMARY KEY, name text);
CREATE TABLE heads (so_no bigint PRIMARY KEY, customer text NOT NULL, status text NOT NULL, clerk int);
CREATE TABLE items (so_no bigint, line_no int, item char(8) NOT NULL, qty numeric NOT NULL, PRIMARY KEY (so_no, line_no));
CREATE TABLE clerks (id int PRIMARY KEY, name text NOT NULL);
CREATE INDEX ON heads (clerk);
INSERT INTO customers VALUES ('A', 'Able'), ('B', 'Baker'), ('C', 'Charlie');
INSERT INTO clerks SELECT i, 'Clerk ' || i FROM generate_series(1, 5) i;
INSERT INTO heads SELECT i, (ARRAY['A', 'B', 'C'])[1 + i % 3], 'open', 1 + i % 5 FROM generate_series(1, 60) i;
INSERT INTO items SELECT i, j, 'P' || j, j FROM generate_series(1, 60) i, generate_series(1, 3) j;
`

const officeMapping = `
sources:
  core:
    driver: postgres
    url: ${EXTRANET_CORE_URL}
entities:
  partners:
    every: 1s
    select: SELECT id AS partner, 'dealer' AS kind, name FROM customers
  orders:
    way: WAY
    every: 1s
    select: |
      SELECT h.so_no AS number, h.customer AS partner, h.status, 'EUR' AS currency, date '2026-03-01' AS ordered_on, c.name AS contact,
             coalesce(s.qty, 0) AS net, 0 AS tax, coalesce(s.qty, 0) AS total
      FROM heads h LEFT JOIN clerks c ON c.id = h.clerk LEFT JOIN (SELECT so_no, sum(qty) AS qty FROM items GROUP BY so_no) s USING (so_no)
      WHERE h.status <> 'draft'
    tables:
      heads: {number: so_no}
      items: {number: so_no}
      clerks: SELECT so_no FROM heads WHERE clerk = :id
  order_lines:
    way: WAY
    every: 1s
    select: |
      SELECT i.so_no AS order_number, i.line_no AS line, h.customer AS partner, i.item AS product, 'thing' AS description,
             i.qty AS ordered, 0 AS shipped, 0 AS backordered, 0 AS cancelled, 1 AS price, i.qty AS net
      FROM items i JOIN heads h USING (so_no) WHERE h.status <> 'draft'
    tables:
      items: {order_number: so_no, line: line_no}
      heads: SELECT so_no, line_no FROM items WHERE so_no = :so_no
`

// Both sides as text, row by row.
const (
	officeTruth = `
		SELECT 'order ' || h.so_no || ' ' || h.customer || ' ' || h.status || ' ' || coalesce(c.name, '') || ' ' || coalesce((SELECT sum(qty) FROM items i WHERE i.so_no = h.so_no), 0)
		FROM heads h LEFT JOIN clerks c ON c.id = h.clerk WHERE h.status <> 'draft'
		UNION ALL SELECT 'line ' || so_no || '/' || line_no || ' ' || customer || ' ' || rtrim(item) || ' ' || qty FROM items JOIN heads USING (so_no) WHERE status <> 'draft' ORDER BY 1`
	officeMirror = `
		SELECT 'order ' || o.number || ' ' || p.number || ' ' || o.status || ' ' || coalesce(o.contact, '') || ' ' || o.total FROM orders o JOIN partners p USING (partner_id)
		UNION ALL SELECT 'line ' || l.order_number || '/' || l.line || ' ' || p.number || ' ' || l.product || ' ' || l.ordered FROM order_lines l JOIN partners p USING (partner_id) ORDER BY 1`
)

// newOffice is a core in which the portal may look for changes in the way.
func newOffice(t testing.TB, way string) (core, string) {
	t.Helper()
	var c core
	if way == jobs.Logical {
		s, err := postgres.Start(t.Context(), postgres.Options{Throwaway: true, Settings: map[string]string{"wal_level": "logical", "synchronous_commit": "on"}})
		must(t, err)
		t.Cleanup(func() { s.Stop() })
		c.url = s.URL("postgres", "postgres")
		c.DB, err = sql.Open("postgres", c.url)
		must(t, err)
		t.Cleanup(func() { c.Close() })
	} else {
		c = newCore(t, "")
	}
	c.exec(t, office)
	text := strings.ReplaceAll(officeMapping, "WAY", way)
	var b strings.Builder
	must(t, c.mapping(t, text).PrintMarks(&b))
	c.exec(t, strings.ReplaceAll(b.String(), "TO extranet_reader;", "TO postgres;"))
	return c, text
}

// scramble changes a few rows of the office at random, in one transaction.
func scramble(t testing.TB, c core, r *rand.Rand) {
	t.Helper()
	tx, err := c.Begin()
	must(t, err)
	defer tx.Rollback()
	exec := func(q string, args ...any) {
		t.Helper()
		if _, err := tx.Exec(q, args...); err != nil {
			t.Fatal(err)
		}
	}
	one := func() int { return 1 + r.IntN(70) }
	for range 1 + r.IntN(4) {
		switch r.IntN(10) {
		case 0:
			exec(`INSERT INTO heads VALUES ($1, 'A', 'open', 1) ON CONFLICT DO NOTHING`, one())
		case 1:
			exec(`INSERT INTO items SELECT so_no, $2, 'N', $3 FROM heads WHERE so_no = $1 ON CONFLICT DO NOTHING`, one(), r.IntN(5), r.IntN(100))
		case 2:
			exec(`UPDATE heads SET customer = $2 WHERE so_no = $1`, one(), string(rune('A'+r.IntN(3)))) // moves between partners
		case 3:
			exec(`UPDATE items SET qty = qty + 1.5 WHERE so_no = $1`, one())
		case 4:
			n := one()
			exec(`DELETE FROM items WHERE so_no = $1`, n)
			exec(`DELETE FROM heads WHERE so_no = $1`, n)
		case 5:
			exec(`DELETE FROM items WHERE so_no = $1 AND line_no = $2`, one(), r.IntN(4))
		case 6:
			exec(`UPDATE heads SET status = CASE status WHEN 'draft' THEN 'held' ELSE 'draft' END WHERE so_no = $1`, one()) // leaves the filter, or comes in
		case 7:
			exec(`UPDATE clerks SET name = $2 WHERE id = $1`, 1+r.IntN(5), fmt.Sprint("Clerk ", r.IntN(1000)))
		case 8:
			n := 1000 + r.IntN(1000)
			exec(`UPDATE heads SET so_no = $2 WHERE so_no = $1 AND NOT EXISTS (SELECT 1 FROM heads WHERE so_no = $2)`, one(), n) // another key
		case 9:
			exec(`UPDATE items SET line_no = line_no + 10 WHERE so_no = $1 AND line_no = 2`, one())
		}
	}
	must(t, tx.Commit())
}

func compare(t testing.TB, c core, p *portaltest.Portal, when string) bool {
	t.Helper()
	want, got := table(t, c.DB, officeTruth), table(t, p.Owner, officeMirror)
	if w, g := strings.Join(want, "\n"), strings.Join(got, "\n"); w != g {
		for i := range want {
			if i >= len(got) || want[i] != got[i] {
				t.Errorf("%s: the core has %d rows and the portal %d; the first that differs is %q", when, len(want), len(got), want[i])
				return false
			}
		}
		t.Errorf("%s: the portal has %q, which the core does not", when, got[len(want)])
		return false
	}
	return true
}

// TestFollow: whatever changes in the core, the portal is the same after a round, and reads no more than was touched.
func TestFollow(t *testing.T) {
	t.Parallel()
	for _, way := range []string{jobs.Marks, jobs.Logical} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			c, text := newOffice(t, way)
			p := newPortal(t)
			m := c.mapping(t, text)
			r := rand.New(rand.NewPCG(1, uint64(len(way))))
			scramble(t, c, r) // before the first pass
			first := sync(t, p, m, jobs.Options{})
			if first["orders"].Way != "full" || !compare(t, c, p, "first pass") {
				t.Fatalf("%+v", first)
			}
			for i := range 40 {
				scramble(t, c, r)
				now := sync(t, p, m, jobs.Options{})
				if now["orders"].Way != "incremental" || now["order_lines"].Way != "incremental" {
					t.Fatalf("round %d: %+v", i, now)
				}
				if !compare(t, c, p, fmt.Sprint("round ", i)) {
					return
				}
			}
			quiet := sync(t, p, m, jobs.Options{})
			if quiet["orders"].Rows+quiet["order_lines"].Rows != 0 {
				t.Errorf("with nothing touched %+v was read", quiet)
			}
			if f := feed(t, p, "orders"); f.BehindSince.Valid || f.AsOf.Time.Before(time.Now().Add(-time.Minute)) {
				t.Errorf("the feed is as of %v, behind since %v", f.AsOf, f.BehindSince)
			}

			// What is emptied, or cannot be followed, is read whole; and what is gone with it is asked about.
			c.exec(t, `TRUNCATE items`)
			_, err := jobs.Sync(t.Context(), p.DB, m, jobs.Options{})
			if err == nil || !strings.Contains(err.Error(), "refuses to delete") || !feed(t, p, "order_lines").StoppedAt.Valid {
				t.Errorf("after TRUNCATE: %v", err)
			}
			must(t, p.AsWorker(t.Context(), "test", func(tx *portal.Tx) error {
				_, err := tx.Exec(t.Context(), `UPDATE feeds SET allow_loss = true WHERE entity = 'order_lines'`)
				return err
			}))
			sync(t, p, m, jobs.Options{})
			compare(t, c, p, "after the loss was allowed")
			scramble(t, c, r)
			sync(t, p, m, jobs.Options{})
			compare(t, c, p, "after that")

			if way == jobs.Logical { // a slot that is lost heals by itself
				c.exec(t, `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots`)
				scramble(t, c, r)
				if now := sync(t, p, m, jobs.Options{}); now["orders"].Way != "full" || !compare(t, c, p, "after the slot was lost") {
					t.Errorf("%+v", now)
				}
				scramble(t, c, r)
				sync(t, p, m, jobs.Options{})
				compare(t, c, p, "with the new slot")

				c.exec(t, `CREATE TABLE noise AS SELECT repeat(md5(i::text), 30) AS x FROM generate_series(1, 80000) i`)
				m = c.mapping(t, strings.Replace(text, "driver: postgres", "driver: postgres\n    slot_limit: 64MB", 1))
				scramble(t, c, r)
				if now := sync(t, p, m, jobs.Options{}); now["orders"].Way != "full" || !compare(t, c, p, "after the slot kept too much") {
					t.Errorf("%+v", now)
				}
				said := strings.Join(table(t, p.Owner, `SELECT error FROM passes WHERE entity = 'orders' AND error IS NOT NULL`), "\n")
				for _, want := range []string{"_postgres is not there; everything is read anew", "MB of the core's log, more than slot_limit: 64MB, and was given up; everything is read anew"} {
					if !strings.Contains(said, want) {
						t.Errorf("no %q in the history:\n%s", want, said)
					}
				}
			} else if n := one[int](t, c.DB, `SELECT count(*) FROM extranet_marks`); n != 0 {
				t.Errorf("%d marks are left", n)
			}
		})
	}
}

// TestFollow_much: more rows than one statement asks for are all taken.
func TestFollow_much(t *testing.T) {
	t.Parallel()
	c, text := newOffice(t, jobs.Marks)
	p := newPortal(t)
	m := c.mapping(t, text)
	sync(t, p, m, jobs.Options{})
	for _, change := range []string{
		`INSERT INTO heads SELECT i, 'A', 'open', 1 FROM generate_series(2001, 3000) i; INSERT INTO items SELECT i, j, 'P' || j, j FROM generate_series(2001, 3000) i, generate_series(1, 3) j`,
		`UPDATE items SET qty = qty + 1 WHERE so_no > 2000`,
	} {
		c.exec(t, change)
		sync(t, p, m, jobs.Options{})
		compare(t, c, p, change)
		if why := table(t, p.Owner, `SELECT DISTINCT reason FROM quarantine`); len(why) > 0 {
			t.Errorf("%s: in quarantine: %q", change, why)
		}
	}
}

// TestFollow_worker: a change is seen within seconds, by one of two workers, and a select that fails stops no other.
func TestFollow_worker(t *testing.T) {
	t.Parallel()
	c, text := newOffice(t, jobs.Marks)
	p := newPortal(t)
	startWorker(t, p, c.mapping(t, text))
	startWorker(t, p, c.mapping(t, text))
	same := func() bool {
		return strings.Join(table(t, c.DB, officeTruth), "\n") == strings.Join(table(t, p.Owner, officeMirror), "\n")
	}
	within(t, 20*time.Second, "first load", same)
	r := rand.New(rand.NewPCG(2, 3))
	for range 10 {
		scramble(t, c, r)
		within(t, 10*time.Second, "a change is seen", same)
	}
	c.exec(t, `ALTER TABLE clerks RENAME name TO called; UPDATE heads SET status = 'held' WHERE so_no = 50; UPDATE items SET qty = 77 WHERE so_no = 40 AND line_no = 1`)
	within(t, 10*time.Second, "lines go on", func() bool {
		return one[bool](t, p.Owner, `SELECT EXISTS (SELECT 1 FROM order_lines WHERE order_number = '40' AND ordered = 77)`) || one[int](t, c.DB, `SELECT count(*) FROM items WHERE so_no = 40 AND line_no = 1`) == 0
	})
	within(t, 10*time.Second, "orders say what ails them", func() bool { return strings.Contains(feed(t, p, "orders").Error, "does not exist") })
	c.exec(t, `ALTER TABLE clerks RENAME called TO name`)
	within(t, 10*time.Second, "orders are mended", same)
}

// TestFollow_broken: the tests above would see a mark that is forgotten too early, and what is gone and stays.
func TestFollow_broken(t *testing.T) {
	for _, fault := range []string{"no-deletes", "mark-forgotten-first"} {
		c, text := newOffice(t, jobs.Marks)
		p := newPortal(t)
		m := c.mapping(t, text)
		sync(t, p, m, jobs.Options{})
		c.exec(t, `DELETE FROM items WHERE so_no = 7 AND line_no = 1; UPDATE heads SET status = 'held' WHERE so_no = 8`)
		undo := jobs.Break(fault, m)
		if fault == "mark-forgotten-first" { // the process ends in between
			ctx, cancel := context.WithCancel(t.Context())
			p.Arrange(t, `ALTER TABLE order_lines RENAME TO away`)
			_, err := jobs.Pass(ctx, p.DB, m, "orders", jobs.Options{})
			cancel()
			p.Arrange(t, `ALTER TABLE away RENAME TO order_lines`)
			if err == nil || errors.Is(err, context.Canceled) {
				t.Errorf("the pass was to fail: %v", err)
			}
		}
		sync(t, p, m, jobs.Options{})
		undo()
		if w, g := strings.Join(table(t, c.DB, officeTruth), "\n"), strings.Join(table(t, p.Owner, officeMirror), "\n"); w == g {
			t.Errorf("an engine with the fault %s is not seen", fault)
		}
	}
}

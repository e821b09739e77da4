package jobs

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"extranet/portal"
	"extranet/sandbox/postgres"
)

// TestSlot follows tables through a real slot: every change in the order of commits, again until it is let go, and never after.
func TestSlot(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server, err := postgres.Start(ctx, postgres.Options{Throwaway: true, Settings: map[string]string{"wal_level": "logical", "max_replication_slots": "4", "max_wal_senders": "2", "max_slot_wal_keep_size": "32MB", "wal_keep_size": "0", "synchronous_commit": "on", // a slot tells of what is on disk
		"max_wal_size": "32MB", "min_wal_size": "32MB"}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	db, err := sql.Open("postgres", server.URL("postgres", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(statements ...string) {
		t.Helper()
		for _, s := range statements {
			if _, err := db.Exec(s); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := slot{"extranet", "extranet"}
	if _, _, err := s.behind(ctx, db); portal.Says(err).Kind != portal.NotFound {
		t.Errorf("a slot that is not there: %v", err)
	}
	exec(`CREATE SCHEMA sales`, `CREATE TABLE sales.orders (id int, "camelCase" text, note text, PRIMARY KEY (id))`, `CREATE TABLE lines (order_id int, line int, qty numeric, PRIMARY KEY (order_id, line))`,
		`ALTER TABLE lines REPLICA IDENTITY FULL`, `CREATE TABLE other (a int)`, `CREATE PUBLICATION extranet FOR TABLE sales.orders, lines`, `SELECT pg_create_logical_replication_slot('extranet', 'pgoutput')`)

	describe := func(c slotChange) string {
		if c.Truncated {
			return c.Table + " emptied"
		}
		var b strings.Builder
		b.WriteString(c.Table)
		for name, i := range map[string]image{"old": c.Old, "new": c.New} {
			if !i.There() {
				continue
			}
			part := " " + name
			for _, col := range i.columns {
				switch text, null, known := i.Get(col.name); {
				case !known:
				case null:
					part += " " + col.name + "=NULL"
				default:
					part += " " + col.name + "=" + strconv.Quote(text)
				}
			}
			if name == "old" { // before new, whatever the order of the map
				rest := b.String()[len(c.Table):]
				b.Reset()
				b.WriteString(c.Table + part + rest)
			} else {
				b.WriteString(part)
			}
		}
		return b.String()
	}
	peek := func(atMost int) (all []string, upto string) {
		t.Helper()
		upto, err := s.peek(ctx, db, atMost, func(c slotChange) error { all = append(all, describe(c)); return nil })
		if err != nil {
			t.Fatal(err)
		}
		return all, upto
	}
	same := func(got []string, want ...string) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}

	late, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := late.Exec(`INSERT INTO sales.orders VALUES (1, 'first written', NULL)`); err != nil {
		t.Fatal(err)
	}
	exec(`INSERT INTO sales.orders VALUES (2, 'first committed', 'x')`, `INSERT INTO other VALUES (1)`)
	all, _ := peek(100)
	same(all, `sales.orders new id="2" camelCase="first committed" note="x"`)
	if err := late.Commit(); err != nil {
		t.Fatal(err)
	}
	all, upto := peek(100)
	same(all, `sales.orders new id="2" camelCase="first committed" note="x"`, `sales.orders new id="1" camelCase="first written" note=NULL`)
	if again, _ := peek(100); fmt.Sprint(again) != fmt.Sprint(all) {
		t.Errorf("a second look shows %q", again)
	}
	if one, _ := peek(1); len(one) != 1 {
		t.Errorf("a look at one transaction shows %q", one)
	}
	if err := s.release(ctx, db, upto); err != nil {
		t.Fatal(err)
	}
	if all, upto := peek(100); len(all) > 0 || upto != "" {
		t.Errorf("what was let go is there again: %q, %s", all, upto)
	}

	exec(`UPDATE sales.orders SET note = 'y' WHERE id = 1`, `UPDATE sales.orders SET id = 3 WHERE id = 1`, `DELETE FROM sales.orders WHERE id = 2`,
		`INSERT INTO lines VALUES (3, 1, 2.50)`, `UPDATE lines SET qty = 3 WHERE order_id = 3`, `DELETE FROM lines`, `BEGIN; INSERT INTO lines VALUES (9, 9, 9); ROLLBACK`, `TRUNCATE lines, sales.orders`)
	all, upto = peek(100)
	same(all, `sales.orders new id="1" camelCase="first written" note="y"`, `sales.orders old id="1" new id="3" camelCase="first written" note="y"`, `sales.orders old id="2"`,
		`public.lines new order_id="3" line="1" qty="2.50"`, `public.lines old order_id="3" line="1" qty="2.50" new order_id="3" line="1" qty="3"`, `public.lines old order_id="3" line="1" qty="3"`,
		`public.lines emptied`, `sales.orders emptied`)
	if err := s.release(ctx, db, upto); err != nil {
		t.Fatal(err)
	}

	if bytes, lost, err := s.behind(ctx, db); err != nil || lost || bytes < 0 {
		t.Errorf("behind %d bytes, lost %v, %v", bytes, lost, err)
	}
	exec(`INSERT INTO sales.orders SELECT i, repeat('x', 900), 'n' FROM generate_series(1, 90000) i`, `CHECKPOINT`)
	bytes, lost, err := s.behind(ctx, db)
	if err != nil || !lost && bytes < 32<<20 {
		t.Errorf("after much: behind %d bytes, lost %v, %v", bytes, lost, err)
	}
	for range 10 {
		exec(`SELECT pg_switch_wal()`, `CHECKPOINT`)
	}
	if _, lost, err := s.behind(ctx, db); err != nil || !lost {
		t.Errorf("a slot past its limit is not lost: %v", err)
	}
	if _, err := s.peek(ctx, db, 10, func(slotChange) error { return nil }); portal.Says(err).Kind != portal.NotFound {
		t.Errorf("a lost slot is read: %v", err)
	}
}

// FuzzSlot holds that no message, however cut or made up, does more than be refused.
func FuzzSlot(f *testing.F) {
	f.Add([]byte("R\x00\x00\x00\x01public\x00t\x00d\x00\x01\x01id\x00\x00\x00\x00\x17\xff\xff\xff\xff"), []byte("I\x00\x00\x00\x01N\x00\x01t\x00\x00\x00\x011"))
	f.Add([]byte("T\x00\x00\x00\x01\x00\x00\x00\x00\x01"), []byte("C\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x03"))
	f.Fuzz(func(_ *testing.T, a, b []byte) {
		d := decoder{relations: map[uint32]*relation{}}
		for _, message := range [][]byte{a, b, a} {
			changes, _, _ := d.decode(message)
			for _, c := range changes {
				c.Old.Get("id")
				c.New.Get("id")
			}
		}
	})
}

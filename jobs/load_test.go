package jobs_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"extranet/jobs"
	"extranet/migrations"
	"extranet/portal"
	"extranet/portal/portaltest"
)

// catalog is all that Postgres knows of a table but its number.
const catalog = `
SELECT 'column ' || a.attnum || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' ' || a.attgenerated::text || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '') || ' ' || coalesce(a.attacl::text, '')
	FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = $1::text::regclass AND a.attnum > 0
UNION ALL SELECT 'constraint ' || conname || ' ' || contype::text || ' ' || convalidated || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = $1::text::regclass
UNION ALL SELECT 'index ' || pg_get_indexdef(indexrelid) || ' ' || indisprimary || ' ' || indisvalid FROM pg_index WHERE indrelid = $1::text::regclass
UNION ALL SELECT 'policy ' || policyname || ' ' || permissive || ' ' || roles::text || ' ' || cmd || ' ' || coalesce(qual, '') || ' ' || coalesce(with_check, '') FROM pg_policies WHERE tablename = $1::text::text
UNION ALL SELECT 'table ' || relname || ' ' || pg_get_userbyid(relowner) || ' ' || relrowsecurity::text || relforcerowsecurity || relpersistence::text || relreplident::text || coalesce(reloptions::text, '') FROM pg_class WHERE oid = $1::text::regclass
UNION ALL SELECT 'grant ' || a::text FROM pg_class, unnest(relacl) AS a WHERE oid = $1::text::regclass
ORDER BY 1`

// TestLoad: a table that was loaded bare is what it was, to the last grant; nothing that lies wrong in the core gets in; and the schema's
// owner, to whom row security is forced too, may do no more than at most hosts.
func TestLoad(t *testing.T) {
	t.Parallel()
	s := portaltest.Server(t)
	admin, err := sql.Open("postgres", s.URL("postgres", "postgres"))
	must(t, err)
	defer admin.Close()
	_, err = admin.Exec(`CREATE ROLE load_owner LOGIN CREATEROLE`)
	must(t, err)
	name := portaltest.Database(t, "OWNER load_owner")
	super, err := sql.Open("postgres", s.URL("postgres", name))
	must(t, err)
	t.Cleanup(func() { super.Close() })
	_, err = super.Exec(`ALTER SCHEMA public OWNER TO load_owner`)
	must(t, err)
	owner, err := sql.Open("postgres", s.URL("load_owner", name))
	must(t, err)
	t.Cleanup(func() { owner.Close() })
	_, err = migrations.Up(t.Context(), owner, s.URL("load_login", name))
	must(t, err)
	_, err = super.Exec(`GRANT SELECT (number, total) ON orders TO extranet_door WITH GRANT OPTION; ALTER TABLE orders SET (fillfactor = 90)`)
	must(t, err)
	db, err := portal.Open(t.Context(), portal.Options{URL: s.URL("load_login", name)})
	must(t, err)
	t.Cleanup(func() { db.Close() })
	p := &portaltest.Portal{DB: db, Owner: super}

	c := newShop(t)
	c.exec(t, `INSERT INTO orders SELECT 'O' || i, CASE WHEN i % 3 = 0 THEN 'A' ELSE 'B' END, 'open', i || '.50' FROM generate_series(1, 20000) i;
		INSERT INTO orders VALUES ('X1', 'C', 'open', '1'), ('O7', 'A', 'open', '9'), ('O9', 'A', 'open', '9'), ('X2', 'A', 'open', E'1\t2\\'), ('X3', E'A\t', 'open', '1')`)
	before := table(t, super, catalog, "orders")
	for _, name := range []string{"partners", "feeds", "quarantine", "changes", "pg_class", "nothing"} {
		must(t, db.AsWorker(t.Context(), "test", func(tx *portal.Tx) error {
			var indexes []string
			if err := tx.Select(t.Context(), &indexes, `SELECT load_begin($1)`, name); err != nil || len(indexes) > 0 {
				t.Errorf("the worker may load %s: %v, %v", name, indexes, err)
			}
			return nil
		}))
	}
	var steps []string
	m := c.mapping(t, shopMapping)
	r := sync(t, p, m, jobs.Options{Progress: func(now jobs.Progress) {
		if now.Entity == "orders" && now.Phase != jobs.Reading && now.Phase != jobs.Done {
			steps = append(steps, now.Phase)
		}
	}})["orders"]
	if r.Inserted != 19998 || r.Quarantined != 5 {
		t.Errorf("%+v, want 19998 inserted, 5 quarantined", r)
	}
	if got, want := strings.Join(table(t, super, catalog, "orders"), "\n"), strings.Join(before, "\n"); got != want {
		t.Errorf("after the load the table is\n%s\nand was\n%s", got, want)
	}
	if len(before) < 40 || !strings.Contains(strings.Join(steps, " "), "building orders_pkey") {
		t.Errorf("%d lines in the catalog, steps %v", len(before), steps)
	}
	expect(t, "quarantine", quarantined(t, p), `["O7"] the select returns this key 2 times
["O9"] the select returns this key 2 times
["X1"] there is no partner "C"
["X2"] net: "1\t2\\" is not a decimal number; total: "1\t2\\" is not a decimal number
["X3"] there is no partner "A	"`)
	expect(t, "row data", table(t, super, `SELECT row_data::jsonb->>'partner', row_data::jsonb->>'net' FROM quarantine WHERE key = '["X1"]'`)[0], "C|1")
	expect(t, "sums", table(t, super, `SELECT p.number, count(*), sum(total) FROM orders o JOIN partners p USING (partner_id) GROUP BY 1 ORDER BY 1`)[0],
		one[string](t, c.DB, `SELECT 'A|' || count(*) || '|' || sum(total::numeric) FROM orders WHERE customer = 'A' AND number NOT IN ('O7', 'O9', 'X2')`))
	if n := one[int](t, super, `SELECT count(*) FROM generations WHERE noun = 'orders'`); n != 2 {
		t.Errorf("%d partners were told, want 2", n)
	}
	if n := one[int](t, super, `SELECT count(*) FROM pg_class WHERE relname LIKE 'loading%'`); n != 0 {
		t.Errorf("%d relations are left of the load", n)
	}

	// What was loaded is merged from now on, and a statement that was prepared before goes on.
	c.exec(t, `UPDATE orders SET total = '5', changed_at = now() WHERE number = 'O3'; DELETE FROM orders WHERE number = 'O9' AND total = '9'`)
	sync(t, p, m, jobs.Options{Full: true})
	expect(t, "O3 and O9", strings.Join(table(t, super, `SELECT number, total FROM orders WHERE number IN ('O3', 'O9') ORDER BY 1`), " "), "O3|5 O9|9.50")
}

// TestLoad_readers: while a table is loaded it can be read, and it is empty until it is full.
func TestLoad_readers(t *testing.T) {
	t.Parallel()
	c, p := newShop(t), newPortal(t)
	c.exec(t, `INSERT INTO orders SELECT 'O' || i, 'A', 'open', i FROM generate_series(1, 20000) i`)
	m := c.mapping(t, shopMapping)
	seen := map[int]int{}
	look := func() {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		must(t, p.Do(ctx, portal.Caller{PartnerID: one[int64](t, p.Owner, `SELECT coalesce((SELECT partner_id FROM partners WHERE number = 'A'), 1)`)}, func(tx *portal.Tx) error {
			var n int
			err := tx.Get(ctx, &n, `SELECT count(*) FROM orders WHERE number > $1`, "")
			seen[n]++
			return err
		}))
	}
	_, err := jobs.Sync(t.Context(), p.DB, m, jobs.Options{Progress: func(now jobs.Progress) {
		if now.Entity == "orders" && now.Phase != jobs.Done {
			look()
		}
	}})
	must(t, err)
	look()
	if seen[0] < 5 || seen[20000] != 1 || len(seen) != 2 {
		t.Errorf("readers saw %s orders", fmt.Sprint(seen))
	}
}

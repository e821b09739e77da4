package jobs_test

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"extranet/jobs"
	"extranet/portal/portaltest"
	"extranet/sandbox/postgres"
)

// benchOrders is how many orders the generated core has, each with three lines, over 2,000 partners by Zipf's law. EXTRANET_BENCH_ORDERS sets it.
func benchOrders(b *testing.B) int {
	b.Helper()
	if s := os.Getenv("EXTRANET_BENCH_ORDERS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			b.Fatalf("EXTRANET_BENCH_ORDERS: %v", err)
		}
		return n
	}
	return 1_000_000
}

const benchRounds = 3 // of each way to do a thing, taking turns

// A mill is a generated core: dealers' orders with their lines, in a database of a server that keeps a logical log.
type mill struct {
	core
	orders int
	batch  int // how often touched
}

const millTables = `
CREATE TABLE customers (id text PRIMARY KEY, name text NOT NULL);
CREATE TABLE so_head (so_no bigint PRIMARY KEY, customer text NOT NULL, ship_to text NOT NULL, po text, buyer text, status text NOT NULL, ordered date NOT NULL, requested date, promised date,
	net numeric(12,2) NOT NULL, tax numeric(12,2) NOT NULL, changed timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE TABLE so_line (so_no bigint NOT NULL, line_no int NOT NULL, item text NOT NULL, text text NOT NULL, unit text NOT NULL, qty numeric(9,2) NOT NULL, shipped numeric(9,2) NOT NULL,
	price numeric(12,2) NOT NULL, requested date, promised date, changed timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (so_no, line_no));`

// Orders by the core's own words, and the rest of the mapping by the way.
const (
	millHeads = `SELECT so_no AS number, customer AS partner, ship_to AS site, po AS po_number, buyer AS contact, status, 'EUR' AS currency, ordered AS ordered_on, requested AS requested_on, promised AS promised_on,
             net, tax, net + tax AS total, changed FROM so_head`
	millLines = `SELECT l.so_no AS order_number, l.line_no AS line, h.customer AS partner, l.item AS product, l.text AS description, l.unit, l.qty AS ordered, l.shipped, l.qty - l.shipped AS backordered, 0 AS cancelled,
             l.price, l.price * l.qty AS net, l.requested AS requested_on, l.promised AS promised_on, l.changed FROM so_line l JOIN so_head h USING (so_no)`
	millPartners = `
sources:
  core:
    driver: postgres
    url: ${EXTRANET_CORE_URL}
entities:
  partners:
    every: 10m
    select: SELECT id AS partner, 'dealer' AS kind, name FROM customers
`
)

// mapping has the orders go by one way and the lines by another.
func (m *mill) mapping(b *testing.B, orders, lines string) *jobs.Mapping {
	b.Helper()
	return m.core.mapping(b, millMapping(orders, lines))
}

func millMapping(orders, lines string) string {
	entity := func(name, way, query, tables string) string {
		how := "    watermark: changed\n    overlap: 1s\n"
		if way != jobs.Watermark {
			how = "    tables: " + tables + "\n"
		}
		return "  " + name + ":\n    way: " + way + "\n    every: 1s\n" + how + "    select: |\n      " + query + "\n"
	}
	return millPartners + entity("orders", orders, millHeads, "{so_head: {number: so_no}}") +
		entity("order_lines", lines, millLines, "{so_line: {order_number: so_no, line: line_no}, so_head: 'SELECT so_no, line_no FROM so_line WHERE so_no = :so_no'}")
}

// newMill generates a core of so many orders.
func newMill(b *testing.B, orders int) *mill {
	b.Helper()
	began := time.Now()
	s, err := postgres.Start(b.Context(), postgres.Options{Throwaway: true, OnDisk: true, Settings: map[string]string{"wal_level": "logical", "synchronous_commit": "on", "max_wal_size": "4GB"}})
	must(b, err)
	b.Cleanup(func() { s.Stop() })
	m := &mill{}
	m.url = s.URL("postgres", "postgres")
	m.DB, err = sql.Open("postgres", m.url)
	must(b, err)
	b.Cleanup(func() { m.Close() })
	for _, statement := range []string{
		millTables,
		`INSERT INTO customers SELECT 'Z' || r, 'Dealer ' || r FROM generate_series(1, 2000) r`,
		// The r-th dealer has a share of 1/r, and orders of all are mixed, as time mixes them; one comes each second.
		fmt.Sprintf(`INSERT INTO so_head SELECT row_number() OVER mixed, 'Z' || r, 'S' || i %% 5, 'PO-' || lpad((i * 7919 %% 1000000)::text, 6, '0'), 'Dana Keller',
			(ARRAY['open', 'picking', 'shipped', 'delivered', 'delivered'])[1 + i %% 5], date '2024-01-01' + i %% 800, date '2024-01-08' + i %% 800, date '2024-01-10' + i %% 800, i %% 10000 + 0.5, 1.9, timestamptz '2025-06-01' + row_number() OVER mixed * interval '1 s'
			FROM generate_series(1, 2000) r, generate_series(1, ceil(%d / 8.178 / r)::int) i WINDOW mixed AS (ORDER BY hashint8(r * 1000003::bigint + i)) LIMIT %[1]d`, orders),
		`INSERT INTO so_line SELECT so_no, l, 'T' || l, 'Tyre 205/55 R16 91V', 'PC', 4 * l, l, 83.25, requested, promised, changed FROM so_head, generate_series(1, 3) l`,
		`CREATE INDEX so_head_changed ON so_head (changed)`, `CREATE INDEX so_line_changed ON so_line (changed)`,
		`VACUUM ANALYZE`,
	} {
		m.exec(b, statement)
	}
	m.orders = one[int](b, m.DB, `SELECT count(*) FROM so_head`)
	b.Logf("a core of %d orders and %d lines, generated in %.0f s", m.orders, one[int](b, m.DB, `SELECT count(*) FROM so_line`), time.Since(began).Seconds())
	return m
}

// marked lets the core say by its triggers and by its log what changes.
func (m *mill) marked(b *testing.B) {
	b.Helper()
	for _, way := range []string{jobs.Marks, jobs.Logical} {
		var said strings.Builder
		must(b, m.mapping(b, way, way).PrintMarks(&said))
		m.exec(b, strings.ReplaceAll(said.String(), "TO extranet_reader;", "TO postgres;"))
	}
}

// A mirrored mill has a portal.
type mirrored struct {
	*mill
	b       *testing.B // of which it is, and which outlasts its parts
	p       *portaltest.Portal
	mapping *jobs.Mapping // of the way it goes by now
}

// mirror loads the core into a new portal.
func (m *mill) mirror(b *testing.B) *mirrored {
	b.Helper()
	r := &mirrored{mill: m, b: b, p: newPortal(b)}
	r.mapping = m.mapping(b, jobs.Watermark, jobs.Watermark)
	began := time.Now()
	_, err := jobs.Sync(b.Context(), r.p.DB, r.mapping, jobs.Options{})
	must(b, err)
	b.Logf("%d orders loaded in %.0f s", m.orders, time.Since(began).Seconds())
	r.p.Arrange(b, `VACUUM ANALYZE`)
	return r
}

// goBy brings the portal up to the core, and has it follow by these ways from now on.
func (r *mirrored) goBy(b *testing.B, orders, lines string) {
	b.Helper()
	r.pass(b, false, "orders", "order_lines")
	r.mapping = r.mill.mapping(r.b, orders, lines)
	r.exec(b, `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE plugin = 'pgoutput' AND slot_name LIKE 'extranet%'`)
	r.exec(b, `TRUNCATE extranet_marks`)
	if orders == jobs.Logical {
		r.exec(b, `SELECT pg_create_logical_replication_slot('extranet_postgres', 'pgoutput')`)
	}
	must(b, jobs.Offer(b.Context(), r.p.DB, r.mapping))
	r.p.Arrange(b, `UPDATE feeds SET watermark = $1, full_at = now(), as_of = now(), reread = NULL, asked_at = NULL`, one[time.Time](b, r.DB, `SELECT greatest((SELECT max(changed) FROM so_head), (SELECT max(changed) FROM so_line))`).UTC().Format(time.RFC3339Nano))
}

// pass brings the entities up to the core, and says how long that took and how many rows were other.
func (r *mirrored) pass(b *testing.B, full bool, entities ...string) (took time.Duration, changed int64) {
	b.Helper()
	began := time.Now()
	for _, e := range entities {
		done, err := jobs.Pass(b.Context(), r.p.DB, r.mapping, e, jobs.Options{Full: full})
		must(b, err)
		changed += done.Inserted + done.Updated + done.Deleted
	}
	return time.Since(began), changed
}

// touch changes so many orders of every age, and their lines with them where lines says so, at a time of its own.
func (m *mill) touch(b *testing.B, orders int, lines bool) (at time.Time) {
	b.Helper()
	m.batch++
	every := m.orders / orders
	_, at = m.touched(orders)
	tx, err := m.Begin()
	must(b, err)
	defer tx.Rollback()
	_, err = tx.Exec(`UPDATE so_head SET status = CASE status WHEN 'open' THEN 'picking' ELSE 'open' END, changed = $1 WHERE so_no % $2 = $3`, at, every, m.batch%every)
	must(b, err)
	if lines {
		_, err = tx.Exec(`UPDATE so_line SET shipped = shipped + 0.25, changed = $1 WHERE so_no % $2 = $3`, at, every, m.batch%every)
		must(b, err)
	}
	must(b, tx.Commit())
	return at
}

// touched is one order of the last touch, and when that was.
func (m *mill) touched(orders int) (number int, at time.Time) {
	every := m.orders / orders
	number = m.batch % every
	if number == 0 {
		number = every
	}
	return number, time.Date(2026, 1, 2, 0, 0, 10*m.batch, 0, time.UTC)
}

// A yardstick is a bare table: the columns that the select returns, of the types that the portal's have, and what is built on it once it is full.
type yardstick struct {
	name, query, since string // since narrows the query to what changed
	key                string
	columns            []string // each with its type, in the order of the query
	indexes            []string // the first is the key; the portal's table has as many
}

var yardsticks = []yardstick{
	{"bare_orders", millHeads, " WHERE changed >= ", "number",
		[]string{"number text NOT NULL", "partner text NOT NULL", "site text", "po_number text", "contact text", "status text NOT NULL", "currency text NOT NULL", "ordered_on date NOT NULL", "requested_on date",
			"promised_on date", "net numeric NOT NULL", "tax numeric NOT NULL", "total numeric NOT NULL", "changed timestamptz NOT NULL"},
		[]string{`ALTER TABLE bare_orders ADD PRIMARY KEY (number)`, `CREATE INDEX ON bare_orders (partner, number)`,
			`CREATE INDEX ON bare_orders (partner, ordered_on DESC, number DESC)`, `CREATE INDEX ON bare_orders (partner, status, ordered_on DESC, number DESC)`, `CREATE INDEX ON bare_orders (partner, site, ordered_on DESC, number DESC)`,
			`CREATE INDEX ON bare_orders (partner, promised_on DESC, number DESC)`, `CREATE INDEX ON bare_orders (partner, total DESC, number DESC)`,
			`CREATE INDEX ON bare_orders (partner, number text_pattern_ops)`, `CREATE INDEX ON bare_orders (partner, po_number text_pattern_ops)`}},
	{"bare_lines", millLines, " WHERE l.changed >= ", "order_number, line",
		[]string{"order_number text NOT NULL", "line bigint NOT NULL", "partner text NOT NULL", "product text", "description text NOT NULL", "unit text", "ordered numeric NOT NULL", "shipped numeric NOT NULL", "backordered numeric NOT NULL",
			"cancelled numeric NOT NULL", "price numeric NOT NULL", "net numeric NOT NULL", "requested_on date", "promised_on date", "changed timestamptz NOT NULL"},
		[]string{`ALTER TABLE bare_lines ADD PRIMARY KEY (order_number, line)`, `CREATE INDEX ON bare_lines (partner, order_number, line)`, `CREATE INDEX ON bare_lines (partner, product, order_number DESC)`}},
}

// upsert is SQL that brings the table to what lies in the stage.
func (y yardstick) upsert() string {
	var set []string
	for _, c := range y.columns {
		name, _, _ := strings.Cut(c, " ")
		set = append(set, name+" = excluded."+name)
	}
	return `INSERT INTO ` + y.name + ` SELECT * FROM stage ON CONFLICT (` + y.key + `) DO UPDATE SET ` + strings.Join(set, ", ")
}

// A bare database holds the same rows as the portal, put there by a pipe of two psql.
type bare struct {
	*sql.DB
	psql string
	url  string
	m    *mill
}

func newBare(b *testing.B, psql string, m *mill) *bare {
	b.Helper()
	url := portaltest.Server(b).URL("postgres", portaltest.Database(b, ""))
	db, err := sql.Open("postgres", url)
	must(b, err)
	b.Cleanup(func() { db.Close() })
	return &bare{db, psql, url, m}
}

// pipe copies what the query returns into the table, and does the rest in the same session.
func (d *bare) pipe(b *testing.B, query, before, table, after string) {
	b.Helper()
	out := exec.Command(d.psql, "-qX", "-d", d.m.url, "-c", `COPY (`+query+`) TO STDOUT`)
	in := exec.Command(d.psql, "-qX", "-v", "ON_ERROR_STOP=1", "-d", d.url, "-c", before, "-c", `COPY `+table+` FROM STDIN`, "-c", after)
	out.Stderr, in.Stderr = os.Stderr, os.Stderr
	var err error
	in.Stdin, err = out.StdoutPipe()
	must(b, err)
	must(b, in.Start())
	must(b, out.Run())
	must(b, in.Wait())
}

// load fills the tables anew and builds their indexes; key is how long it takes with the primary keys alone.
func (d *bare) load(b *testing.B) (took, key time.Duration) {
	b.Helper()
	for _, y := range yardsticks {
		_, err := d.Exec(`DROP TABLE IF EXISTS ` + y.name + `; CREATE TABLE ` + y.name + ` (` + strings.Join(y.columns, ", ") + `)`)
		must(b, err)
		began := time.Now()
		d.pipe(b, y.query, `SELECT`, y.name, `SELECT`)
		for i, index := range y.indexes {
			_, err := d.Exec(`SET maintenance_work_mem = '128MB'; ` + index)
			must(b, err)
			if i == 0 {
				key += time.Since(began)
			}
		}
		took += time.Since(began)
	}
	return took, key
}

// upsert brings the tables to what changed since then, through a stage.
func (d *bare) upsert(b *testing.B, since time.Time) time.Duration {
	b.Helper()
	began := time.Now()
	for _, y := range yardsticks {
		d.pipe(b, y.query+y.since+"'"+since.Format(time.RFC3339)+"'", `CREATE TEMP TABLE stage (LIKE `+y.name+`)`, "stage", y.upsert())
	}
	return time.Since(began)
}

// quantile is the value that a share of all is not above.
func quantile[T float64 | time.Duration](all []T, share float64) T {
	s := slices.Sorted(slices.Values(all))
	return s[min(len(s)-1, int(share*float64(len(s))))]
}

func median(all []float64) float64 { return quantile(all, 0.5) }

// loadAverage is how busy the machine is with everything on it.
func loadAverage(b *testing.B) string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:1], " ")
}

package jobs_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"extranet/jobs"
	"extranet/portal"
	"extranet/portal/portaltest"
)

// shop is a small core in which anything can be wrong: most of its columns are text.
const shop = `
CREATE TABLE customers (id text, name text);
CREATE TABLE orders (number text, customer text, status text, total text, ordered date DEFAULT '2026-03-01', changed_at timestamptz DEFAULT now());
INSERT INTO customers VALUES ('A', 'Able'), ('B', 'Baker');
`

const shopMapping = `
sources:
  core:
    driver: postgres
    url: ${EXTRANET_CORE_URL}
entities:
  partners:
    every: 1s
    select: SELECT id AS partner, 'dealer' AS kind, name FROM customers
  orders:
    way: watermark
    watermark: changed_at
    every: 1s
    select: SELECT number, customer AS partner, status, 'EUR' AS currency, ordered AS ordered_on, total AS net, 0 AS tax, total, changed_at FROM orders
`

func newShop(t testing.TB) core {
	c := newCore(t, "")
	c.exec(t, shop)
	return c
}

func totals(t testing.TB, p *portaltest.Portal) string {
	t.Helper()
	return strings.Join(table(t, p.Owner, `SELECT p.number || ' ' || o.number || ' ' || o.total FROM orders o JOIN partners p USING (partner_id) ORDER BY o.number`), ", ")
}

func quarantined(t testing.TB, p *portaltest.Portal) string {
	t.Helper()
	return strings.Join(table(t, p.Owner, `SELECT key || ' ' || reason FROM quarantine ORDER BY key`), "\n")
}

func expect(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

func TestPass_quarantine(t *testing.T) {
	t.Parallel()
	c, p := newShop(t), newPortal(t)
	m := c.mapping(t, shopMapping)
	c.exec(t, `INSERT INTO orders VALUES ('O1', 'A', 'open', '10.50'), ('O2', 'A', 'open', '12,5x'), ('O3', 'C', 'open', '1'), ('O4', 'A', 'lost', '1'),
		('O5', 'A', 'open', '5'), ('O5', 'A', 'open', '6'), ('O6', 'A', 'open', NULL), ('O7', '', 'open', '7'), (NULL, 'A', 'open', '8'),
		('O9', 'B', 'open', '9'), ('<O&>', 'B', 'open', 'NaN')`)
	r := sync(t, p, m, jobs.Options{})["orders"]
	if r.Inserted != 2 || r.Quarantined != 8 || r.Way != "full" {
		t.Errorf("first pass %+v, want 2 inserted, 8 quarantined, full", r)
	}
	expect(t, "orders", totals(t, p), "A O1 10.50, B O9 9")
	const one = `["<O&>"] net: "NaN" is not a decimal number; total: "NaN" is not a decimal number
["O2"] net: "12,5x" is not a decimal number; total: "12,5x" is not a decimal number
["O3"] there is no partner "C"
["O4"] status: "lost" is none of open, held, picking, part_shipped, shipped, delivered, cancelled
["O5"] the select returns this key 2 times
["O6"] net is empty and must not be; total is empty and must not be
["O7"] partner is empty and must not be
[null] number is empty and must not be`
	expect(t, "quarantine", quarantined(t, p), one)
	expect(t, "what the source said", table(t, p.Owner, `SELECT row_data::jsonb->>'total' FROM quarantine WHERE key = '["O2"]'`)[0], "12,5x")

	// A good row that turns bad stays as it was.
	c.exec(t, `UPDATE orders SET total = 'x', changed_at = now() WHERE number = 'O1'`)
	r = sync(t, p, m, jobs.Options{})["orders"]
	if r.Way != "incremental" || r.Inserted+r.Updated+r.Deleted != 0 {
		t.Errorf("second pass %+v, want incremental, no change", r)
	}
	expect(t, "orders", totals(t, p), "A O1 10.50, B O9 9")

	// What is mended is taken at the next incremental pass: by its stamp, or because it lies in quarantine, whatever its stamp.
	c.exec(t, `UPDATE orders SET changed_at = now() - interval '1 day'`)
	c.exec(t, `UPDATE orders SET total = '12.5', changed_at = now() WHERE number = 'O2'`)
	c.exec(t, `UPDATE orders SET total = '11' WHERE number = 'O1'`)
	c.exec(t, `UPDATE orders SET total = '13' WHERE number = '<O&>'`)
	c.exec(t, `INSERT INTO customers VALUES ('C', 'Charlie')`)
	c.exec(t, `DELETE FROM orders WHERE number = 'O4' OR number = 'O5' AND total = '6'`)
	r = sync(t, p, m, jobs.Options{})["orders"]
	if r.Way != "incremental" {
		t.Errorf("third pass is %s", r.Way)
	}
	expect(t, "orders", totals(t, p), "B <O&> 13, A O1 11, A O2 12.5, C O3 1, A O5 5, B O9 9")
	expect(t, "quarantine", quarantined(t, p), `["O6"] net is empty and must not be; total is empty and must not be
["O7"] partner is empty and must not be
[null] number is empty and must not be`)

	// What has no key is found again by a full pass alone.
	c.exec(t, `DELETE FROM orders WHERE number IS NULL OR number IN ('O6', 'O7')`)
	sync(t, p, m, jobs.Options{})
	expect(t, "quarantine", quarantined(t, p), `[null] number is empty and must not be`)
	sync(t, p, m, jobs.Options{Full: true})
	expect(t, "quarantine", quarantined(t, p), ``)
}

func TestPass_quarantinedKeysWithTrailingSpaces(t *testing.T) {
	t.Parallel()
	c, p := newShop(t), newPortal(t)
	m := c.mapping(t, shopMapping)
	c.exec(t, `ALTER TABLE orders ALTER number TYPE varchar(9); INSERT INTO orders VALUES ('O1   ', 'A', 'open', 'x'), ('O2', 'A', 'open', '2')`)
	sync(t, p, m, jobs.Options{})
	c.exec(t, `UPDATE orders SET changed_at = now() - interval '1 day'`)
	sync(t, p, m, jobs.Options{})
	expect(t, "still refused", quarantined(t, p), `["O1"] net: "x" is not a decimal number; total: "x" is not a decimal number`)
	c.exec(t, `UPDATE orders SET total = '1' WHERE number = 'O1   '`)
	sync(t, p, m, jobs.Options{})
	expect(t, "quarantine", quarantined(t, p), ``)
	expect(t, "orders", totals(t, p), "A O1 1, A O2 2")
}

// TestPass_host: the core cannot make the host one of its own partners.
func TestPass_host(t *testing.T) {
	t.Parallel()
	c, p := newShop(t), newPortal(t)
	c.exec(t, `INSERT INTO customers VALUES ('HOST', 'Intruder')`)
	m := c.mapping(t, shopMapping)
	sync(t, p, m, jobs.Options{})
	expect(t, "quarantine", quarantined(t, p), `["HOST"] the number "HOST" is the host's own`)
	expect(t, "the host", table(t, p.Owner, `SELECT kind, name, closed_at IS NULL FROM partners WHERE number = 'HOST'`)[0], "host|Hosting Tyres|true")
}

// TestPass_settled: what all got one stamp is read again for an hour, in which more may come with it, and then no more; of a day's stamp more may always come.
func TestPass_settled(t *testing.T) {
	t.Parallel()
	c, p := newShop(t), newPortal(t)
	m := c.mapping(t, shopMapping)
	later := func() {
		p.Arrange(t, `UPDATE feeds SET watermark_at = watermark_at - interval '70 minutes' WHERE entity = 'orders'`)
	}
	reads := func(when string, want int64) {
		t.Helper()
		if got := sync(t, p, m, jobs.Options{})["orders"].Rows; got != want {
			t.Errorf("%s: %d rows were read, want %d", when, got, want)
		}
	}
	c.exec(t, `INSERT INTO orders SELECT 'O' || i, 'A', 'open', '1', date '2026-03-01', timestamptz '2026-02-03 12:34:56Z' FROM generate_series(1, 50) i`)
	reads("at first", 50)
	reads("a moment later", 50)
	c.exec(t, `INSERT INTO orders VALUES ('late', 'A', 'open', '2', DEFAULT, '2026-02-03 12:34:56Z')`)
	reads("one that came late", 51)
	later()
	reads("an hour later", 0)
	reads("and ever after", 0)
	c.exec(t, `INSERT INTO orders VALUES ('next', 'A', 'open', '3', DEFAULT, '2026-02-03 12:34:56.5Z')`)
	reads("the next", 1)
	reads("a moment after the next", 52)
	later()
	c.exec(t, `INSERT INTO orders SELECT 'D' || i, 'A', 'open', '1', date '2026-03-01', timestamptz '2026-02-04 00:00Z' FROM generate_series(1, 3) i`)
	reads("a day's", 3)
	later()
	c.exec(t, `INSERT INTO orders VALUES ('evening', 'A', 'open', '1', DEFAULT, '2026-02-04 00:00Z')`)
	reads("later that day", 4)
}

func TestPass_watermark(t *testing.T) {
	t.Parallel()
	c, p := newShop(t), newPortal(t)
	m := c.mapping(t, shopMapping)
	stamp := func(number, at string) {
		t.Helper()
		c.exec(t, `INSERT INTO orders VALUES ($1, 'A', 'open', '1', '2026-03-01', `+at+`)`, number)
	}
	pass := func(way, want string) {
		t.Helper()
		if r := sync(t, p, m, jobs.Options{})["orders"]; r.Way != way {
			t.Errorf("the pass is %s, want %s", r.Way, way)
		}
		expect(t, "orders", strings.Join(table(t, p.Owner, `SELECT number FROM orders ORDER BY number`), " "), want)
	}
	const base = `timestamptz '2026-02-01 10:00:00.123456+00'`
	stamp("a", base)
	pass("full", "a")
	expect(t, "watermark", feed(t, p, "orders").Watermark, "2026-02-01T10:00:00.123456Z")

	stamp("b", base)                               // equal to the watermark
	stamp("c", base+` - interval '59 s'`)          // committed late, within the overlap
	stamp("d", base+` - interval '61 s'`)          // later than the overlap allows
	stamp("e", base+` + interval '1 microsecond'`) // just after
	pass("incremental", "a b c e")
	expect(t, "watermark", feed(t, p, "orders").Watermark, "2026-02-01T10:00:00.123457Z")

	stamp("f", `now() + interval '1 day'`) // a clock that is wrong
	pass("incremental", "a b c e f")
	stamp("g", `now()`) // must not hide the rest of the day
	pass("incremental", "a b c e f g")
	if mark, err := time.Parse(time.RFC3339Nano, feed(t, p, "orders").Watermark); err != nil || mark.After(time.Now()) {
		t.Errorf("the watermark is %v, %v: past the core's clock", mark, err)
	}

	c.exec(t, `DELETE FROM orders WHERE number IN ('a', 'f')`)
	pass("incremental", "a b c e f g") // what is gone leaves no stamp
	p.Now = func() time.Time { return time.Now().Add(24*time.Hour - time.Minute) }
	pass("incremental", "a b c e f g")
	p.Now = func() time.Time { return time.Now().Add(24 * time.Hour) }
	pass("full", "b c d e g")
	pass("incremental", "b c d e g")

	// Another select reads everything anew.
	m = c.mapping(t, strings.Replace(shopMapping, "FROM orders", "FROM orders WHERE number > 'c'", 1))
	pass("full", "d e g")
	pass("incremental", "d e g")
}

// TestPass_wallClock: stamps without a zone, in a zone whose clock was put back.
func TestPass_wallClock(t *testing.T) {
	t.Parallel()
	c, p := newShop(t), newPortal(t)
	c.exec(t, `ALTER TABLE orders ALTER changed_at TYPE timestamp, ADD delivered timestamp;
		CREATE TABLE shipments (id int, customer text, delivered timestamp, packed timestamptz);
		INSERT INTO shipments VALUES (1, 'A', '2026-07-01 12:00', '2026-06-30 22:30Z'), (2, 'A', '2026-12-01 12:00:00.5', '2026-06-30 21:30Z'), (3, 'A', '2026-03-29 02:30', '2026-01-01Z'),
			(4, 'A', 'infinity', '2026-01-01Z')`)
	m := c.mapping(t, strings.Replace(shopMapping, "driver: postgres", "driver: postgres\n    time_zone: Europe/Berlin", 1)+`
  shipments:
    select: SELECT id AS shipment, customer AS partner, packed AS shipped_on, delivered AS delivered_at FROM shipments
`)
	insert := func(number, at string) {
		t.Helper()
		c.exec(t, `INSERT INTO orders VALUES ($1, 'A', 'open', '1', '2026-03-01', $2)`, number, at)
	}
	pass := func(want string) {
		t.Helper()
		sync(t, p, m, jobs.Options{})
		expect(t, "orders", strings.Join(table(t, p.Owner, `SELECT number FROM orders ORDER BY number`), " "), want)
	}
	insert("a", "2025-10-26 02:59") // summer time
	pass("a")
	expect(t, "watermark", feed(t, p, "orders").Watermark, "2025-10-26T00:59:00Z")
	insert("b", "2025-10-26 02:01") // written two minutes later, when it is winter time
	insert("c", "2025-10-26 01:59")
	pass("a b")
	insert("d", "2025-10-26 03:30")
	pass("a b d")
	expect(t, "watermark", feed(t, p, "orders").Watermark, "2025-10-26T02:30:00Z")
	insert("e", "2025-10-26 02:30") // an hour before the watermark
	pass("a b d")
	expect(t, "shipments", strings.Join(table(t, p.Owner, `SELECT shipment, shipped_on, delivered_at AT TIME ZONE 'UTC' FROM shipments ORDER BY shipment`), "\n"),
		"1|2026-07-01T00:00:00Z|2026-07-01T10:00:00Z\n2|2026-06-30T00:00:00Z|2026-12-01T11:00:00.5Z\n3|2026-01-01T00:00:00Z|2026-03-29T01:30:00Z")
	expect(t, "quarantine", quarantined(t, p), `["4"] delivered_at: "infinity" is not a point in time of the years 1 to 9999`)
}

// TestPass_day: a change stamp that is a day says the same for all that changes on it.
func TestPass_day(t *testing.T) {
	t.Parallel()
	c, p := newShop(t), newPortal(t)
	c.exec(t, `ALTER TABLE orders ALTER changed_at TYPE date`)
	m := c.mapping(t, strings.Replace(shopMapping, "way: watermark", "way: watermark\n    overlap: 0s", 1))
	c.exec(t, `INSERT INTO orders VALUES ('a', 'A', 'open', '1', '2026-03-01', '2026-03-01')`)
	sync(t, p, m, jobs.Options{})
	c.exec(t, `INSERT INTO orders VALUES ('b', 'A', 'open', '1', '2026-03-01', '2026-03-01')`)
	if r := sync(t, p, m, jobs.Options{})["orders"]; r.Way != "incremental" || r.Inserted != 1 {
		t.Errorf("%+v, want b inserted incrementally", r)
	}
}

func TestPass_values(t *testing.T) {
	t.Parallel()
	c, p := newShop(t), newPortal(t)
	c.exec(t, `CREATE TABLE goods (code char(6), name text, size bytea, pack numeric, days text, weight float4, life text);
		INSERT INTO goods VALUES ('P1', 'Häkel  ', 'XL', 12.500, '7', 0.1, NULL), ('P2', 'x', '\xff00', NULL, '7.0', 1e20, ''),
			('P3', 'x', NULL, NULL, '7.5', NULL, NULL), ('P4', 'x', NULL, 'NaN', 'many', 'infinity', NULL), ('P5', repeat('x', 2001), NULL, 1, NULL, -0.25, NULL)`)
	text := shopMapping + `
  products:
    select: SELECT code AS "Product", name, size, pack AS pack_size, days AS lead_time_days, weight AS weight_kg, life AS lifecycle, 1 AS secret FROM goods
`
	sync(t, p, c.mapping(t, text), jobs.Options{})
	expect(t, "products", strings.Join(table(t, p.Owner, `SELECT product, name, size, pack_size, lead_time_days, weight_kg, lifecycle IS NULL FROM products ORDER BY 1`), "\n"),
		"P1|Häkel|XL|12.500|7|0.1|true")
	expect(t, "quarantine", quarantined(t, p), `["P2"] size: "�\x00" is not UTF-8 text
["P3"] lead_time_days: "7.5" is not a whole number of at most 18 digits
["P4"] pack_size: "NaN" is not a decimal number; lead_time_days: "many" is not a whole number of at most 18 digits; weight_kg: "+Inf" is not a decimal number
["P5"] name: "`+strings.Repeat("x", 60)+`…" is longer than 2000 bytes`)
	c.exec(t, `UPDATE goods SET size = NULL WHERE code = 'P2'`)
	sync(t, p, c.mapping(t, strings.Replace(text, "driver: postgres", "driver: postgres\n    trim: false", 1)), jobs.Options{})
	expect(t, "products, not trimmed", strings.Join(table(t, p.Owner, `SELECT product || '.', name || '.', lead_time_days, weight_kg, lifecycle FROM products ORDER BY 1`), "\n"),
		"P1    .|Häkel  .|7|0.1|\nP2    .|x.|7|100000000000000000000|")
}

func TestPass_selectFails(t *testing.T) {
	t.Parallel()
	c, p := newShop(t), newPortal(t)
	c.exec(t, `INSERT INTO orders VALUES ('a', 'A', 'open', '1')`)
	sync(t, p, c.mapping(t, shopMapping), jobs.Options{})
	for name, x := range map[string]struct{ was, is, want string }{
		"no such column":   {"customer AS partner", "kunde AS partner", `the select of orders fails: pq: column "kunde" does not exist`},
		"no such name":     {"total AS net", "total AS netto", `the select of orders returns no column net`},
		"no watermark":     {"watermark: changed_at", "watermark: changed_on", `the select of orders returns no column changed_on`},
		"doubled":          {"status,", "status, 'x' AS status,", `the select of orders returns the column status twice`},
		"not a time":       {"total, changed_at", "total, 'x' AS changed_at", `the watermark column changed_at of orders is of type text and tells no time`},
		"writes":           {"FROM orders", "FROM orders FOR UPDATE", `the select of orders fails: pq: cannot execute SELECT FOR UPDATE in a read-only transaction`},
		"while it is read": {"total AS net", "(1/(number <> 'a')::int)::text AS net", `the select of orders fails: pq: division by zero`},
	} {
		results, err := jobs.Sync(t.Context(), p.DB, c.mapping(t, strings.Replace(shopMapping, x.was, x.is, 1)), jobs.Options{})
		if err == nil || !strings.Contains(err.Error(), x.want) || len(results) != 2 || results[0].Error != "" {
			t.Errorf("%s: %v, want %s, and the partners taken", name, err, x.want)
		}
		f := feed(t, p, "orders")
		if !strings.Contains(f.Error, x.want) || !f.BehindSince.Valid {
			t.Errorf("%s: the feed says %q, behind since %v", name, f.Error, f.BehindSince)
		}
		expect(t, "orders", totals(t, p), "A a 1")
	}
	sync(t, p, c.mapping(t, shopMapping), jobs.Options{})
	if f := feed(t, p, "orders"); f.Error != "" || f.BehindSince.Valid {
		t.Errorf("after a good pass the feed says %q, behind since %v", f.Error, f.BehindSince)
	}
}

// shut closes the core to everybody and returns how to open it again.
func (c core) shut(t testing.TB) (open func()) {
	t.Helper()
	name := one[string](t, c.DB, `SELECT current_database()`)
	admin, err := sql.Open("postgres", portaltest.Server(t).URL("postgres", "postgres"))
	must(t, err)
	t.Cleanup(func() { admin.Close() })
	_, err = admin.Exec(`ALTER DATABASE ` + name + ` ALLOW_CONNECTIONS false`)
	must(t, err)
	_, err = admin.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, name)
	must(t, err)
	return func() {
		_, err := admin.Exec(`ALTER DATABASE ` + name + ` ALLOW_CONNECTIONS true`)
		must(t, err)
	}
}

func TestSync_coreDown(t *testing.T) {
	t.Parallel()
	c, p := newShop(t), newPortal(t)
	c.exec(t, `INSERT INTO orders VALUES ('a', 'A', 'open', '1')`)
	m := c.mapping(t, shopMapping)
	sync(t, p, m, jobs.Options{})
	asOf := feed(t, p, "orders").AsOf.Time
	open := c.shut(t)
	results, err := jobs.Sync(t.Context(), p.DB, m, jobs.Options{})
	if err == nil || portal.Says(err).Kind != portal.Unavailable || len(results) != 2 {
		t.Errorf("with the core down: %v, %d results; want Unavailable, 2", err, len(results))
	}
	f := feed(t, p, "orders")
	if !strings.HasPrefix(f.Error, "the core database does not answer (source core, ") || !f.BehindSince.Valid || !f.AsOf.Time.Equal(asOf) {
		t.Errorf("the feed says %q, behind since %v, as of %v", f.Error, f.BehindSince, f.AsOf)
	}
	since := f.BehindSince.Time
	jobs.Sync(t.Context(), p.DB, m, jobs.Options{})
	if f := feed(t, p, "orders"); !f.BehindSince.Time.Equal(since) {
		t.Errorf("behind since %v, want since the first failure, %v", f.BehindSince.Time, since)
	}
	expect(t, "orders", totals(t, p), "A a 1")

	open()
	c.exec(t, `INSERT INTO orders VALUES ('b', 'A', 'open', '1')`)
	sync(t, p, m, jobs.Options{})
	expect(t, "orders", totals(t, p), "A a 1, A b 1")
	if f := feed(t, p, "orders"); f.Error != "" || f.BehindSince.Valid || !f.AsOf.Time.After(asOf) {
		t.Errorf("after recovery the feed says %q, behind since %v, as of %v", f.Error, f.BehindSince, f.AsOf)
	}
}

// TestPass_cutOff: a pass that is called off anywhere has not happened.
func TestPass_cutOff(t *testing.T) {
	t.Parallel()
	c, p := newShop(t), newPortal(t)
	m := c.mapping(t, shopMapping)
	sync(t, p, m, jobs.Options{})
	c.exec(t, `INSERT INTO orders SELECT 'O' || i, 'A', 'open', i FROM generate_series(1, 20000) i`)
	phases := map[string]bool{}
	check := func(when string, err error) {
		t.Helper()
		rows := one[int](t, p.Owner, `SELECT count(*) FROM orders`)
		mark := feed(t, p, "orders").Watermark
		if err == nil && (rows != 20000 || mark == "") || err != nil && (rows != 0 || mark != "") {
			t.Fatalf("%s: %v leaves %d rows and the watermark %q", when, err, rows, mark)
		}
		if f := feed(t, p, "orders"); f.Error != "" {
			t.Errorf("%s: the feed says %q; being called off is no failure", when, f.Error)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := jobs.Pass(ctx, p.DB, m, "orders", jobs.Options{Progress: func(now jobs.Progress) {
		phases[now.Phase] = true
		if now.Phase == jobs.Merging {
			cancel()
		}
	}})
	if err == nil {
		t.Fatal("called off before merging, and yet done")
	}
	check("before merging", err)
	cut := 0
	for after := 5 * time.Millisecond; ; {
		ctx, cancel := context.WithTimeout(t.Context(), after)
		_, err := jobs.Pass(ctx, p.DB, m, "orders", jobs.Options{})
		cancel()
		if err != nil && portal.Says(err).Kind == portal.Conflict { // the last one is still being undone
			time.Sleep(5 * time.Millisecond)
			continue
		}
		check("after "+after.String(), err)
		if err == nil {
			break
		}
		cut++
		after = after * 5 / 3
	}
	if cut < 3 {
		t.Errorf("only %d passes were cut off", cut)
	}
	if !phases[jobs.Merging] || !phases[jobs.Done] {
		t.Errorf("phases %v", phases)
	}
}

// TestPass_oneAtATime: a second pass gives way, one of another mapping too, and neither is a failure.
func TestPass_oneAtATime(t *testing.T) {
	t.Parallel()
	c, p := newShop(t), newPortal(t)
	m := c.mapping(t, shopMapping)
	sync(t, p, m, jobs.Options{})
	c.exec(t, `INSERT INTO orders VALUES ('a', 'A', 'open', '1')`)
	_, err := jobs.Pass(t.Context(), p.DB, m, "orders", jobs.Options{Progress: func(now jobs.Progress) {
		if now.Phase != jobs.Merging {
			return
		}
		if _, err := jobs.Pass(t.Context(), p.DB, m, "orders", jobs.Options{}); err == nil || portal.Says(err).Kind != portal.Conflict {
			t.Errorf("a second pass at once: %v, want Conflict", err)
		}
	}})
	must(t, err)
	other := c.mapping(t, strings.Replace(shopMapping, "FROM orders", "FROM orders WHERE true", 1))
	if _, err := jobs.Pass(t.Context(), p.DB, other, "orders", jobs.Options{}); err == nil || portal.Says(err).Kind != portal.Conflict {
		t.Errorf("a pass of another mapping: %v, want Conflict", err)
	}
	if _, err := jobs.Pass(t.Context(), p.DB, m, "sites", jobs.Options{}); err == nil || portal.Says(err).Kind != portal.NotFound {
		t.Errorf("a pass of what is not mapped: %v, want NotFound", err)
	}
	if f := feed(t, p, "orders"); f.Error != "" || f.BehindSince.Valid {
		t.Errorf("the feed says %q", f.Error)
	}

	// A mapping that changes while a pass of the old one runs is read from the beginning.
	_, err = jobs.Pass(t.Context(), p.DB, m, "orders", jobs.Options{Progress: func(now jobs.Progress) {
		if now.Phase == jobs.Merging {
			p.Arrange(t, `UPDATE feeds SET mapping_hash = 'other', watermark = NULL WHERE entity = 'orders'`)
		}
	}})
	must(t, err)
	if f := feed(t, p, "orders"); f.Watermark != "" {
		t.Errorf("a pass of the old mapping left the watermark %s to the new one", f.Watermark)
	}
}

// TestPass_nothingToDo: a pass with nothing to do reads no row and writes none. How long it takes is measured by BenchmarkSync.
func TestPass_nothingToDo(t *testing.T) {
	t.Parallel()
	c, p := newShop(t), newPortal(t)
	c.exec(t, `INSERT INTO orders SELECT 'O' || i, 'A', 'open', i, '2026-03-01', now() - interval '1 day' FROM generate_series(1, 1000) i`)
	m := c.mapping(t, shopMapping)
	sync(t, p, m, jobs.Options{})
	c.exec(t, `UPDATE orders SET changed_at = now() - interval '2 days'`)
	written := func() string {
		return strings.Join(table(t, p.Owner, `SELECT xmin, ctid FROM orders ORDER BY number`), " ")
	}
	before, told := written(), one[int64](t, p.Owner, `SELECT sum(generation) FROM generations`)
	for range 3 {
		if r, err := jobs.Pass(t.Context(), p.DB, m, "orders", jobs.Options{}); err != nil || r.Rows != 0 {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	if written() != before || one[int64](t, p.Owner, `SELECT sum(generation) FROM generations`) != told {
		t.Error("with nothing to do, rows were written or partners told")
	}
}

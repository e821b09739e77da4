package jobs_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	gosync "sync"
	"sync/atomic"
	"testing"
	"time"

	"extranet/jobs"
	"extranet/portal/portaltest"
	"extranet/sandbox/mariadb"
)

var (
	mariadbOnce    gosync.Once
	mariadbServer  *mariadb.Server
	mariadbErr     error
	mariadbClients atomic.Int64
)

func stopMariaDB() {
	if mariadbServer != nil {
		mariadbServer.Stop()
	}
}

// newMariaDB is an empty database of the host's, on a private MariaDB.
func newMariaDB(t testing.TB, statements ...string) core {
	t.Helper()
	mariadbOnce.Do(func() { mariadbServer, mariadbErr = mariadb.Start(t.Context()) })
	if errors.Is(mariadbErr, mariadb.ErrMissing) && os.Getenv("CI") != "true" {
		t.Skipf("SKIPPED: %v", mariadbErr)
	}
	must(t, mariadbErr)
	admin, err := sql.Open("mysql", mariadbServer.DSN("root", ""))
	must(t, err)
	name := fmt.Sprintf("core_%d", mariadbClients.Add(1))
	_, err = admin.Exec("CREATE DATABASE " + name)
	must(t, err)
	t.Cleanup(func() { admin.Exec("DROP DATABASE " + name); admin.Close() })
	c := core{url: mariadbServer.DSN("root", name)}
	// A host's own programs write zero dates, and in its own time.
	c.DB, err = sql.Open("mysql", c.url+"?sql_mode=''&time_zone='%2B00:00'")
	must(t, err)
	t.Cleanup(func() { c.DB.Close() })
	for _, s := range statements {
		c.exec(t, s)
	}
	return c
}

// The works: names in camelCase, texts in latin1, keys of two columns, codes for states, floats for prices, no column that says when a row changed.
var worksTables = []string{
	`CREATE TABLE kunde (kundenNr int unsigned PRIMARY KEY, firmenName varchar(60) NOT NULL, waehrung char(5) NOT NULL, landCode varchar(2) NOT NULL DEFAULT '', istLieferant bit(1) NOT NULL DEFAULT b'0') CHARACTER SET latin1`,
	`CREATE TABLE auftrag (werk smallint NOT NULL, auftragNr int NOT NULL, kundenNr int unsigned NOT NULL, statusCode tinyint NOT NULL, bestelltAm date NOT NULL, zugesagtAm date NOT NULL DEFAULT '0000-00-00',
		entwurf tinyint(1) NOT NULL DEFAULT 0, geaendert timestamp(3) NOT NULL DEFAULT current_timestamp(3) ON UPDATE current_timestamp(3), bemerkung text, PRIMARY KEY (werk, auftragNr)) CHARACTER SET latin1`,
	`CREATE TABLE auftragPosition (werk smallint NOT NULL, auftragNr int NOT NULL, posNr smallint NOT NULL, artikelText varchar(80) NOT NULL, menge decimal(12,3) NOT NULL, preis double NOT NULL,
		PRIMARY KEY (werk, auftragNr, posNr)) CHARACTER SET utf8mb4`,
	`INSERT INTO kunde VALUES (4294967295, _utf8mb4'Müller & Söhne €', 'EUR', 'DE', b'0'), (7, 'Dupont', 'EUR', '', b'0'), (8, 'Acier', 'EUR', 'FR', b'1')`,
	`INSERT INTO auftrag (werk, auftragNr, kundenNr, statusCode, bestelltAm, zugesagtAm, entwurf, geaendert, bemerkung) VALUES
		(1, 100, 4294967295, 10, '2026-03-01', '0000-00-00', 0, '2026-03-01 10:00:00.125', _utf8mb4'süß'), (2, 100, 7, 20, '2026-03-02', '2026-04-01', 0, '2026-03-02 10:00:00', NULL),
		(1, 101, 7, 10, '2026-03-03', '0000-00-00', 1, '2026-03-03 10:00:00', NULL), (1, 102, 7, 99, '2026-03-03', '2026-03-00', 0, '2026-03-03 10:00:00', NULL)`,
	`INSERT INTO auftragPosition VALUES (1, 100, 1, 'Blech Ω', 2.5, 0.1 + 0.2), (1, 100, 2, 'Rohr', 1, 19.99), (2, 100, 1, 'Draht', 3, 1)`,
}

const worksMapping = `
sources:
  works:
    driver: mysql
    url: ${EXTRANET_CORE_URL}
    time_zone: Europe/Berlin
    empty_as_null: true
entities:
  partners:
    defaults: {country: DE}
    select: SELECT concat('K', kundenNr) AS Partner, CASE WHEN istLieferant THEN 'supplier' ELSE 'dealer' END AS kind, firmenName AS name, waehrung AS currency, landCode AS country FROM kunde
  orders:
    WAY
    translate:
      status: {10: open, 20: picking, 30: shipped}
    round: {net: 2, total: 2}
    where: draft = 0
    select: |
      SELECT concat(a.werk, '-', a.auftragNr) AS number, concat('K', a.kundenNr) AS partner, a.statusCode AS status, 'EUR' AS currency, a.bestelltAm AS ordered_on,
             a.zugesagtAm AS promised_on, p.summe AS net, 0 AS tax, p.summe AS total, a.bemerkung AS comment, a.entwurf AS draft, a.geaendert AS changedAt
      FROM auftrag a LEFT JOIN (SELECT werk, auftragNr, sum(menge * preis) AS summe FROM auftragPosition GROUP BY werk, auftragNr) p ON p.werk = a.werk AND p.auftragNr = a.auftragNr
    defaults: {net: 0, total: 0}
  order_lines:
    round: {price: 2, net: 2}
    select: |
      SELECT concat(werk, '-', auftragNr) AS order_number, posNr AS line, concat('K', (SELECT kundenNr FROM auftrag a WHERE a.werk = p.werk AND a.auftragNr = p.auftragNr)) AS partner,
             artikelText AS description, menge AS ordered, 0 AS shipped, 0 AS backordered, 0 AS cancelled, preis AS price, menge * preis AS net
      FROM auftragPosition p
`

func worksOrders(t testing.TB, p *portaltest.Portal) string {
	return strings.Join(table(t, p.Owner, `SELECT p.number, o.number, status, ordered_on::text, promised_on::text, trim_scale(net), comment FROM orders o JOIN partners p USING (partner_id) ORDER BY o.number`), "\n")
}

func TestMariaDB(t *testing.T) {
	t.Parallel()
	for way, keys := range map[string]string{
		"snapshot":  "way: snapshot",
		"watermark": "way: watermark\n    watermark: changedAt\n    overlap: 0s",
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			c, p := newMariaDB(t, worksTables...), newPortal(t)
			m := c.mapping(t, strings.Replace(worksMapping, "WAY", keys, 1))
			sync(t, p, m, jobs.Options{})
			expect(t, "partners", strings.Join(table(t, p.Owner, `SELECT number, kind, name, currency, country FROM partners WHERE number LIKE 'K%' ORDER BY number`), "\n"),
				"K4294967295|dealer|Müller & Söhne €|EUR|DE\nK7|dealer|Dupont|EUR|DE\nK8|supplier|Acier|EUR|FR")
			expect(t, "orders", worksOrders(t, p), "K4294967295|1-100|open|2026-03-01||20.74|süß\nK7|2-100|picking|2026-03-02|2026-04-01|3|")
			expect(t, "lines", strings.Join(table(t, p.Owner, `SELECT order_number, line, description, trim_scale(ordered), trim_scale(price), trim_scale(net) FROM order_lines ORDER BY 1, 2`), "\n"),
				"1-100|1|Blech Ω|2.5|0.3|0.75\n1-100|2|Rohr|1|19.99|19.99\n2-100|1|Draht|3|1|3")
			expect(t, "quarantine", strings.Join(table(t, p.Owner, `SELECT key, reason FROM quarantine`), "\n"),
				`["1-102"]|status: "99" is none of the codes that translate knows: 10, 20, 30; promised_on: "2026-03-00" is not a day of the years 1 to 9999`)

			// One is picked, one comes to the portal, one leaves it as a draft, one is mended.
			c.exec(t, `UPDATE auftrag SET statusCode = 30, zugesagtAm = '2026-05-01' WHERE werk = 1 AND auftragNr = 100`)
			c.exec(t, `UPDATE auftrag SET entwurf = 0 WHERE werk = 1 AND auftragNr = 101`)
			c.exec(t, `UPDATE auftrag SET entwurf = 1 WHERE werk = 2 AND auftragNr = 100`)
			c.exec(t, `UPDATE auftrag SET statusCode = 20, zugesagtAm = '2026-03-09' WHERE werk = 1 AND auftragNr = 102`)
			r := sync(t, p, m, jobs.Options{})["orders"]
			expect(t, "orders after changes", worksOrders(t, p), "K4294967295|1-100|shipped|2026-03-01|2026-05-01|20.74|süß\nK7|1-101|open|2026-03-03||0|\nK7|1-102|picking|2026-03-03|2026-03-09|0|")
			if incremental := way == "watermark"; incremental != (r.Way == "incremental") || r.Deleted != 1 {
				t.Errorf("%+v", r)
			}
			expect(t, "quarantine", quarantined(t, p), "")

			// What is deleted leaves no stamp.
			c.exec(t, `DELETE FROM auftrag WHERE werk = 1 AND auftragNr = 101`)
			sync(t, p, m, jobs.Options{Full: true})
			expect(t, "orders after a deletion", worksOrders(t, p), "K4294967295|1-100|shipped|2026-03-01|2026-05-01|20.74|süß\nK7|1-102|picking|2026-03-03|2026-03-09|0|")
		})
	}
}

// TestMariaDB_stamps reads one instant from every kind of stamp, on both sides of the night when clocks go back.
func TestMariaDB_stamps(t *testing.T) {
	t.Parallel()
	c := newMariaDB(t, worksTables[0], `INSERT INTO kunde VALUES (1, 'A', 'EUR', '', b'0')`,
		`CREATE TABLE lieferung (nr int PRIMARY KEY, am date, ts timestamp(6) NULL, dt datetime(6))`,
		// In Berlin 02:30 comes twice that night: as 00:30 and as 01:30 in UTC.
		`INSERT INTO lieferung VALUES (1, '2026-10-25', '2026-10-25 00:30:00.123456', NULL), (2, '2026-10-25', '2026-10-25 01:30:00', NULL), (3, '2026-06-01', NULL, '2026-06-01 12:00:00.5'), (4, '2026-06-01', NULL, '0000-00-00 00:00:00'), (5, '2026-06-02', '2026-06-01 23:00:00', NULL)`)
	p := newPortal(t)
	m := c.mapping(t, strings.Split(worksMapping, "  orders:")[0]+`
  shipments:
    select: SELECT nr AS shipment, 'K1' AS partner, ts AS shipped_on, coalesce(ts, NULL) AS delivered_at FROM lieferung WHERE ts IS NOT NULL
  packages:
    select: SELECT nr AS shipment, nr AS package, 'K1' AS partner FROM lieferung
`)
	sync(t, p, m, jobs.Options{})
	got := table(t, p.Owner, `SELECT shipment, shipped_on, delivered_at AT TIME ZONE 'UTC' FROM shipments ORDER BY shipment`)
	expect(t, "stamps", strings.Join(got, "\n"), "1|2026-10-25T00:00:00Z|2026-10-25T00:30:00.123456Z\n2|2026-10-25T00:00:00Z|2026-10-25T01:30:00Z\n5|2026-06-02T00:00:00Z|2026-06-01T23:00:00Z")
	m = c.mapping(t, strings.Split(worksMapping, "  orders:")[0]+`
  shipments:
    select: SELECT nr AS shipment, 'K1' AS partner, am AS shipped_on, dt AS delivered_at FROM lieferung WHERE ts IS NULL
`)
	sync(t, p, m, jobs.Options{})
	got = table(t, p.Owner, `SELECT shipment, delivered_at AT TIME ZONE 'UTC' FROM shipments ORDER BY shipment`)
	expect(t, "naive stamps", strings.Join(got, "\n"), "3|2026-06-01T10:00:00.5Z\n4|")
}

// TestMariaDB_check says what the works' mapping would do, and that a zone which the server does not know is one.
func TestMariaDB_check(t *testing.T) {
	t.Parallel()
	c := newMariaDB(t, worksTables...)
	r, err := jobs.Check(t.Context(), c.mapping(t, strings.Replace(worksMapping, "WAY", "way: watermark\n    watermark: changedAt", 1)))
	must(t, err)
	var shown strings.Builder
	must(t, r.Print(&shown))
	if !r.OK() || time.Until(r.Sources[0].Clock).Abs() > time.Minute {
		t.Errorf("%v\n%s", r.Sources, &shown)
	}
	for _, e := range r.Entities {
		if e.Entity == "orders" && (e.Recommended != "snapshot" || !e.Ways[1].Allowed || !e.Ways[2].Allowed || e.Ways[3].Allowed) {
			t.Errorf("%s: %+v", e.Recommended, e.Ways)
		}
		if e.Entity == "orders" && (e.Rows != 3 || e.GreatestStamp != "2026-03-03T10:00:00Z" || e.Refused != 1 || len(e.Ignored)+len(e.Warnings) != 1) {
			t.Errorf("%+v", e)
		}
	}
}

// TestMariaDB_marks runs what extranet mapping marks prints, follows what its triggers tell, and takes it away again.
func TestMariaDB_marks(t *testing.T) {
	t.Parallel()
	c, p := newMariaDB(t, worksTables...), newPortal(t)
	c.exec(t, `UPDATE auftrag SET zugesagtAm = '2026-03-09', statusCode = 20 WHERE auftragNr = 102`)
	m := c.mapping(t, strings.Replace(worksMapping, "    WAY\n", `    way: marks
    every: 1s
    tables:
      auftrag: SELECT concat(werk, '-', auftragNr) FROM (SELECT :werk AS werk, :auftragNr AS auftragNr) k
      auftragPosition: SELECT concat(werk, '-', auftragNr) FROM (SELECT :werk AS werk, :auftragNr AS auftragNr) k
`, 1))
	var printed strings.Builder
	must(t, m.PrintMarks(&printed))
	if want := "GRANT SELECT, DELETE ON extranet_marks TO the account"; !strings.Contains(printed.String(), want) {
		t.Errorf("no %q in\n%s", want, &printed)
	}
	runPrinted(t, c.DB, true, printed.String())
	worksTruth := func(when string) {
		t.Helper()
		expect(t, when, strings.Join(table(t, p.Owner, `SELECT o.number, p.number, status, trim_scale(total) FROM orders o JOIN partners p USING (partner_id) ORDER BY 1`), "\n"),
			strings.Join(table(t, c.DB, `SELECT concat(a.werk, '-', a.auftragNr), concat('K', kundenNr), CASE statusCode WHEN 10 THEN 'open' WHEN 20 THEN 'picking' ELSE 'shipped' END,
				coalesce((SELECT trim(trailing '.' FROM trim(trailing '0' FROM cast(sum(menge * preis) AS decimal(12,2)))) FROM auftragPosition p WHERE p.werk = a.werk AND p.auftragNr = a.auftragNr), '0') FROM auftrag a WHERE entwurf = 0 ORDER BY 1`), "\n"))
	}
	sync(t, p, m, jobs.Options{})
	worksTruth("first load")
	for what, statement := range map[string]string{
		"an insert":                       `INSERT INTO auftrag (werk, auftragNr, kundenNr, statusCode, bestelltAm) VALUES (3, 1, 7, 10, '2026-05-01')`,
		"a change":                        `UPDATE auftrag SET statusCode = 30 WHERE werk = 1 AND auftragNr = 100`,
		"a line":                          `INSERT INTO auftragPosition VALUES (2, 100, 9, 'Stab', 4, 2.5)`,
		"a move to another partner":       `UPDATE auftrag SET kundenNr = 4294967295 WHERE werk = 2`,
		"a line that goes to another one": `UPDATE auftragPosition SET werk = 2, posNr = 8 WHERE werk = 1 AND posNr = 2`,
		"another key":                     `UPDATE auftrag SET auftragNr = 7000 WHERE werk = 1 AND auftragNr = 102`,
		"one that leaves the filter":      `UPDATE auftrag SET entwurf = 1 - entwurf WHERE werk = 1 AND auftragNr = 101`,
		"a deletion":                      `DELETE FROM auftrag WHERE werk = 3`,
	} {
		c.exec(t, statement)
		if r := sync(t, p, m, jobs.Options{})["orders"]; r.Way != "incremental" || r.Rows > 3 {
			t.Errorf("%s: %+v", what, r)
		}
		worksTruth(what)
	}
	tx, err := c.Begin() // what is undone leaves no mark
	must(t, err)
	_, err = tx.Exec(`UPDATE auftrag SET statusCode = 10`)
	must(t, err)
	must(t, tx.Rollback())
	if r := sync(t, p, m, jobs.Options{})["orders"]; r.Rows != 0 {
		t.Errorf("after what was undone: %+v", r)
	}
	if n := one[int](t, c.DB, `SELECT count(*) FROM extranet_marks`); n != 0 {
		t.Errorf("%d marks are left", n)
	}

	_, drop, _ := strings.Cut(printed.String(), "-- To take it away again:\n")
	runPrinted(t, c.DB, true, strings.ReplaceAll(drop, "-- ", ""))
	if n := one[int](t, c.DB, `SELECT (SELECT count(*) FROM information_schema.triggers WHERE trigger_schema = database()) + (SELECT count(*) FROM information_schema.tables WHERE table_schema = database() AND table_name LIKE 'extranet%')`); n != 0 {
		t.Errorf("%d triggers and tables are left", n)
	}
	c.exec(t, `DELETE FROM auftragPosition`) // and nothing of ours is in the way
	_, err = jobs.Pass(t.Context(), p.DB, m, "orders", jobs.Options{})
	if err == nil || !strings.Contains(err.Error(), "the marks of source works cannot be read; let the core's administrator run what extranet mapping marks prints") {
		t.Errorf("without the marks: %v", err)
	}
}

// Package portaltest gives each test its own portal database, on a private Postgres.
package portaltest

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/lib/pq"

	"extranet/migrations"
	"extranet/portal"
	"extranet/sandbox/postgres"
)

// Now is the time in a portal under test.
var Now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// Partners of every portal under test.
const (
	Host  int64 = 1 // number HOST
	Acme  int64 = 2 // number D100, a dealer with the sites D100 and D101
	Brock int64 = 3 // number D200, a dealer with the site D200
	Cord  int64 = 4 // number S300, a supplier
	Dart  int64 = 5 // number S400, a supplier
)

const seed = `
INSERT INTO partners (partner_id, number, kind, name, currency, changed_at) VALUES
	(1, 'HOST', 'host', 'Hosting Tyres', 'EUR', '2026-03-01Z'), (2, 'D100', 'dealer', 'Acme Tyres', 'EUR', '2026-03-01Z'),
	(3, 'D200', 'dealer', 'Brock Wheels', 'EUR', '2026-03-01Z'), (4, 'S300', 'supplier', 'Cord & Bead', 'USD', '2026-03-01Z'),
	(5, 'S400', 'supplier', 'Dart Rubber', 'USD', '2026-03-01Z');
SELECT setval('partners_partner_id_seq', 100);
INSERT INTO sites (partner_id, site, name, city, changed_at) VALUES
	(2, 'D100', 'Acme Head Office', 'Lyon', '2026-03-01Z'), (2, 'D101', 'Acme North', 'Lille', '2026-03-01Z'), (3, 'D200', 'Brock Yard', 'Ghent', '2026-03-01Z');
`

var server = sync.OnceValues(func() (*postgres.Server, error) {
	measuring := flag.Lookup("test.bench").Value.String() != ""
	return postgres.Start(context.Background(), postgres.Options{Throwaway: true, OnDisk: measuring})
})

// Main runs the package's tests and stops what they started. Call it from TestMain.
func Main(m *testing.M) int {
	code := m.Run()
	if started.Load() {
		if s, err := server(); err == nil {
			s.Stop()
		}
	}
	return code
}

var (
	started atomic.Bool
	clones  atomic.Int64
	cloning sync.Mutex // Postgres copies a template one at a time
)

func owner(t testing.TB, database string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", Server(t).URL("postgres", database))
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// Server is the private Postgres of this test process; tests may make databases of their own on it.
func Server(t testing.TB) *postgres.Server {
	t.Helper()
	started.Store(true)
	s, err := server()
	if err != nil {
		t.Fatalf("starting Postgres: %v", err)
	}
	return s
}

// template is migrated and seeded once per process.
var template = sync.OnceValue(func() error {
	s, err := server()
	if err != nil {
		return err
	}
	admin, err := sql.Open("postgres", s.URL("postgres", "postgres"))
	if err != nil {
		return err
	}
	defer admin.Close()
	if _, err := admin.Exec(`CREATE DATABASE portal_template`); err != nil {
		return err
	}
	db, err := sql.Open("postgres", s.URL("postgres", "portal_template"))
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := migrations.Up(context.Background(), db, s.URL("portal", "portal_template")); err != nil {
		return err
	}
	_, err = db.Exec(seed)
	return err
})

// A Portal is one portal database under test.
type Portal struct {
	*portal.DB
	Owner *sql.DB // superuser: sees everything, for arranging and for looking
	URL   string  // of the login role

	name string

	clock atomic.Int64 // nanoseconds after Now
}

// Pass moves the portal's clock; what runs beside the test may be reading it.
func (p *Portal) Pass(d time.Duration) { p.clock.Add(int64(d)) }

// New returns a portal with the partners above and nothing else. Its clock stands at Now.
func New(t testing.TB) *Portal {
	t.Helper()
	return open(t, portal.Options{}, nil)
}

// NewWith is New with options of the test's own; URL is filled in.
func NewWith(t testing.TB, o portal.Options) *Portal {
	t.Helper()
	return open(t, o, nil)
}

// NewWithoutRowSecurity returns a portal whose database shows every row to everybody:
// what keeps partners apart in it is the SQL alone.
func NewWithoutRowSecurity(t testing.TB) *Portal {
	t.Helper()
	return open(t, portal.Options{}, func(owner *sql.DB) error {
		_, err := owner.Exec(`DO $$ DECLARE r record; BEGIN FOR r IN SELECT oid::regclass AS t FROM pg_class WHERE relrowsecurity LOOP
			EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', r.t); END LOOP; END $$`)
		return err
	})
}

func open(t testing.TB, o portal.Options, arrange func(*sql.DB) error) *Portal {
	t.Helper()
	if err := template(); err != nil {
		t.Fatalf("preparing the template database: %v", err)
	}
	return openOn(t, Database(t, "TEMPLATE portal_template STRATEGY FILE_COPY"), o, arrange)
}

// Copy closes the portal and returns one with the same data; it may be copied again.
func (p *Portal) Copy(t testing.TB) *Portal {
	t.Helper()
	p.DB.Close()
	p.Owner.Close()
	return openOn(t, Database(t, "TEMPLATE "+p.name+" STRATEGY FILE_COPY"), portal.Options{}, nil)
}

func openOn(t testing.TB, name string, o portal.Options, arrange func(*sql.DB) error) *Portal {
	t.Helper()
	s := Server(t)
	p := &Portal{Owner: owner(t, name), URL: s.URL("portal", name), name: name}
	t.Cleanup(func() { p.Owner.Close() })
	if arrange != nil {
		if err := arrange(p.Owner); err != nil {
			t.Fatal(err)
		}
	}
	o.URL = p.URL
	db, err := portal.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	db.Now = func() time.Time { return Now.Add(time.Duration(p.clock.Load())) }
	p.DB = db
	t.Cleanup(func() { db.Close() })
	return p
}

// Database makes an empty database, dropped after the test, and returns its name.
// with is what follows CREATE DATABASE name.
func Database(t testing.TB, with string) string {
	t.Helper()
	s := Server(t)
	admin, err := sql.Open("postgres", s.URL("postgres", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("test_%d", clones.Add(1))
	cloning.Lock()
	_, err = admin.Exec(`CREATE DATABASE ` + name + ` ` + with)
	cloning.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		admin.Exec(`DROP DATABASE ` + name + ` WITH (FORCE)`)
		admin.Close()
	})
	return name
}

// Arrange runs SQL as the owner.
func (p *Portal) Arrange(t testing.TB, sql string, args ...any) {
	t.Helper()
	if _, err := p.Owner.Exec(sql, args...); err != nil {
		t.Fatalf("arranging: %v", err)
	}
}

// As returns a caller of the partner who may do perms.
func As(partner int64, perms ...portal.Permission) portal.Caller {
	return portal.Caller{PartnerID: partner, Host: partner == Host, Name: fmt.Sprintf("caller of %d", partner), Perms: portal.Allow(perms...)}
}

// Reads says how many rows of the table f has Postgres read, by whatever plan, and whether it went through all of the table.
func Reads(t testing.TB, tx *portal.Tx, table string, f func()) (rows int, whole bool) {
	t.Helper()
	type count struct {
		Rows  int `db:"rows"`
		Whole int `db:"whole"`
	}
	now := func() (c count) {
		t.Helper()
		if err := tx.Get(t.Context(), &c, `SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) AS rows, seq_scan AS whole FROM pg_stat_xact_user_tables WHERE relname = $1`, table); err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := now()
	f()
	after := now()
	return after.Rows - before.Rows, after.Whole > before.Whole
}

// Each is how many milliseconds one of n calls takes.
func Each(n int, f func()) float64 {
	began := time.Now()
	for range n {
		f()
	}
	return float64(time.Since(began).Microseconds()) / 1000 / float64(n)
}

// Middle is the median.
func Middle(all []float64) float64 { return slices.Sorted(slices.Values(all))[len(all)/2] }

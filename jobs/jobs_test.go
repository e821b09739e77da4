package jobs_test

import (
	"bufio"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"extranet/jobs"
	"extranet/portal"
	"extranet/portal/portaltest"
)

func TestMain(m *testing.M) {
	if mapping := os.Getenv("EXTRANET_TEST_DELIVER"); mapping != "" {
		if err := deliverAndDie(mapping); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if os.Getenv(workerMapping) != "" {
		os.Exit(beWorker())
	}
	if os.Getenv(benchSync) != "" {
		os.Exit(beSync())
	}
	code := portaltest.Main(m)
	stopMariaDB()
	for _, stop := range stops {
		stop()
	}
	os.Exit(code)
}

// stops end what whole test processes share.
var (
	stops    []func() error
	stopping gosync.Mutex
)

func stopAfterwards(stop func() error) {
	stopping.Lock()
	defer stopping.Unlock()
	stops = append(stops, stop)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newPortal is a portal whose clock runs.
func newPortal(t testing.TB) *portaltest.Portal {
	p := portaltest.New(t)
	p.Now = time.Now
	return p
}

// A core is a database of the host's, under test.
type core struct {
	*sql.DB
	url string
}

func newCore(t testing.TB, with string) core {
	t.Helper()
	url := portaltest.Server(t).URL("postgres", portaltest.Database(t, with))
	db, err := sql.Open("postgres", url)
	must(t, err)
	t.Cleanup(func() { db.Close() })
	return core{db, url}
}

func (c core) exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	if _, err := c.Exec(statement, args...); err != nil {
		t.Fatalf("in the core: %v", err)
	}
}

// env gives the core's URL as EXTRANET_CORE_URL.
func (c core) env(name string) (string, bool) {
	return c.url, name == "EXTRANET_CORE_URL"
}

func (c core) mapping(t testing.TB, text string) *jobs.Mapping {
	t.Helper()
	m, err := jobs.ParseMapping("mapping.yaml", []byte(text), c.env)
	must(t, err)
	t.Cleanup(func() { m.Close() })
	return m
}

// one scans the one value of a query.
func one[T any](t testing.TB, db *sql.DB, query string, args ...any) (v T) {
	t.Helper()
	if err := db.QueryRow(query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

// table returns the rows of a query, each as its values joined by |.
func table(t testing.TB, db *sql.DB, query string, args ...any) (out []string) {
	t.Helper()
	rows, err := db.Query(query, args...)
	must(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	must(t, err)
	for rows.Next() {
		values, targets := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		must(t, rows.Scan(targets...))
		cells := make([]string, len(columns))
		for i, v := range values {
			cells[i] = v.String
		}
		out = append(out, strings.Join(cells, "|"))
	}
	must(t, rows.Err())
	return out
}

func sync(t testing.TB, p *portaltest.Portal, m *jobs.Mapping, o jobs.Options) map[string]jobs.Result {
	t.Helper()
	results, err := jobs.Sync(t.Context(), p.DB, m, o)
	must(t, err)
	by := map[string]jobs.Result{}
	for _, r := range results {
		by[r.Entity] = r
	}
	return by
}

// feed returns where the entity's feed stands.
func feed(t testing.TB, p *portaltest.Portal, entity string) (found portal.Feed) {
	t.Helper()
	must(t, p.AsWorker(t.Context(), "test", func(tx *portal.Tx) error {
		all, err := portal.Feeds(t.Context(), tx)
		for _, f := range all {
			if f.Entity == entity {
				found = f
			}
		}
		return err
	}))
	return found
}

// wideWorldImporters is the core company in a database of its own.
func wideWorldImporters(t testing.TB) core {
	t.Helper()
	dir := filepath.Join("..", "..", "shared", "coredb")
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("Wide World Importers is not at hand: %v", err)
		}
		t.Skipf("SKIPPED: Wide World Importers is not at hand: %v", err)
	}
	loading.Do(func() { loadWideWorldImporters(t, dir) })
	return newCore(t, "TEMPLATE wide_world_importers STRATEGY FILE_COPY")
}

var loading gosync.Once

func loadWideWorldImporters(t testing.TB, dir string) {
	s := portaltest.Server(t)
	admin, err := sql.Open("postgres", s.URL("postgres", "postgres"))
	must(t, err)
	defer admin.Close()
	_, err = admin.Exec(`CREATE DATABASE wide_world_importers`)
	must(t, err)
	db, err := sql.Open("postgres", s.URL("postgres", "wide_world_importers"))
	must(t, err)
	defer db.Close()
	load(t, db, dir)
}

// load fills an empty database with the core company.
func load(t testing.TB, db *sql.DB, dir string) {
	t.Helper()
	c := core{DB: db}
	schema, err := os.ReadFile(filepath.Join(dir, "schema.sql"))
	must(t, err)
	c.exec(t, string(schema))
	load, err := os.ReadFile(filepath.Join(dir, "load.sql"))
	must(t, err)
	for line := range strings.Lines(string(load)) {
		rest, ok := strings.CutPrefix(line, `\copy `)
		if !ok {
			continue
		}
		table, rest, _ := strings.Cut(rest, " from '")
		file, _, _ := strings.Cut(rest, "'")
		copyCSV(t, db, table, filepath.Join(dir, file))
	}
	c.exec(t, `ANALYZE`)
}

func copyCSV(t testing.TB, db *sql.DB, table, path string) {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	conn, err := db.Conn(t.Context())
	must(t, err)
	defer conn.Close()
	must(t, conn.Raw(func(d any) error {
		tx, err := d.(interface {
			BeginTx(context.Context, driver.TxOptions) (driver.Tx, error)
		}).BeginTx(context.Background(), driver.TxOptions{})
		if err != nil {
			return err
		}
		defer tx.Rollback()
		stmt, err := d.(driver.Conn).Prepare("COPY " + table + " FROM STDIN WITH (FORMAT csv, HEADER true)")
		if err != nil {
			return err
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if _, err := stmt.(interface {
				CopyData(context.Context, string) (driver.Result, error)
			}).CopyData(context.Background(), lines.Text()); err != nil {
				return err
			}
		}
		if err := lines.Err(); err != nil {
			return err
		}
		//lint:ignore SA1019 lib/pq ends a COPY so
		if _, err := stmt.Exec(nil); err != nil {
			return err
		}
		if err := stmt.Close(); err != nil {
			return err
		}
		return tx.Commit()
	}))
}

package jobs_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"

	"extranet/jobs"
	"extranet/portal/portaltest"
)

// BenchmarkWWIFirstLoad compares the first load of Wide World Importers with the barest way to move the same rows: for each entity a pipe
// COPY (SELECT …) TO STDOUT | COPY … FROM STDIN of two psql, into a table without keys or indexes. Both run in each round, one after the other.
func BenchmarkWWIFirstLoad(b *testing.B) {
	psql, err := exec.LookPath("psql")
	if err != nil {
		b.Skip("SKIPPED: there is no psql on the PATH, and the yardstick is a pipe of two of them")
	}
	c := wideWorldImporters(b)
	var ours, pipe time.Duration
	var rows int64
	for b.Loop() {
		p := newPortal(b)
		m := exampleMapping(b, c)
		began := time.Now()
		results, err := jobs.Sync(b.Context(), p.DB, m, jobs.Options{})
		ours += time.Since(began)
		must(b, err)
		for _, r := range results {
			rows += r.Rows
		}
		url := portaltest.Server(b).URL("postgres", one[string](b, p.Owner, `SELECT current_database()`))
		for _, f := range m.Feeds {
			pipe += copyPipe(b, psql, c.url, f.Select, url, f.Entity)
			if got, want := one[int64](b, p.Owner, `SELECT count(*) FROM bare_`+f.Entity), one[int64](b, c.DB, `SELECT count(*) FROM (`+f.Select+`) e`); got != want {
				b.Fatalf("the pipe moved %d %s, want %d", got, f.Entity, want)
			}
		}
	}
	b.ReportMetric(float64(rows)/ours.Seconds(), "rows/s")
	b.ReportMetric(float64(rows)/pipe.Seconds(), "pipe-rows/s")
	b.ReportMetric(pipe.Seconds()/ours.Seconds(), "ratio")
	b.ReportMetric(0, "ns/op")
}

// copyPipe makes the table bare_ENTITY, which has the columns that the query returns, fills it, and says how long the filling took.
func copyPipe(b *testing.B, psql, from, query, to, entity string) time.Duration {
	b.Helper()
	core, err := sql.Open("postgres", from)
	must(b, err)
	defer core.Close()
	rows, err := core.Query(`SELECT * FROM (` + query + `) e WHERE false`)
	must(b, err)
	types, err := rows.ColumnTypes()
	must(b, err)
	rows.Close()
	var columns []string
	for _, t := range types {
		columns = append(columns, pq.QuoteIdentifier(t.Name())+" "+t.DatabaseTypeName())
	}
	_, err = exec.Command(psql, "-qX", "-d", to, "-c", fmt.Sprintf(`CREATE TABLE bare_%s (%s)`, entity, strings.Join(columns, ", "))).CombinedOutput()
	must(b, err)
	began := time.Now()
	var said bytes.Buffer
	out := exec.Command(psql, "-qX", "-d", from, "-c", fmt.Sprintf(`COPY (%s) TO STDOUT`, query))
	in := exec.Command(psql, "-qX", "-d", to, "-c", fmt.Sprintf(`COPY bare_%s FROM STDIN`, entity))
	out.Stderr, in.Stderr = &said, &said
	in.Stdin, err = out.StdoutPipe()
	must(b, err)
	must(b, in.Start())
	must(b, out.Run())
	if err := in.Wait(); err != nil {
		b.Fatalf("%v: %s", err, &said)
	}
	return time.Since(began)
}

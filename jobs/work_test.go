package jobs_test

import (
	"bytes"
	"context"
	"database/sql"
	"log/slog"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"extranet/jobs"
	"extranet/portal"
	"extranet/portal/portaltest"
)

// logged collects a log.
type logged struct {
	mu gosync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startWorker starts a worker as a process of its own would be: with its own connections to the portal's database.
func startWorker(t testing.TB, p *portaltest.Portal, m *jobs.Mapping) (w *jobs.Worker, crash func(), log *logged) {
	t.Helper()
	db, err := portal.Open(t.Context(), portal.Options{URL: p.URL})
	must(t, err)
	queue, err := sql.Open("postgres", p.URL)
	must(t, err)
	log = &logged{}
	w, err = jobs.NewWorker(db, queue, m, slog.New(slog.NewTextHandler(log, nil)))
	must(t, err)
	must(t, w.Start(context.WithoutCancel(t.Context())))
	crashed := false
	crash = gosync.OnceFunc(func() { // nothing it holds reaches a database any more
		crashed = true
		queue.Close()
		db.Close()
	})
	t.Cleanup(func() {
		if crashed {
			return // what has crashed does not stop in order
		}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := w.Stop(ctx); err != nil {
			t.Errorf("stopping: %v", err)
		}
		crash()
	})
	return w, crash, log
}

// within waits until f is true.
func within(t testing.TB, limit time.Duration, what string, f func() bool) {
	t.Helper()
	for began := time.Now(); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > limit {
			t.Fatalf("after %v still not: %s", limit, what)
		}
	}
}

func has(t testing.TB, p *portaltest.Portal, order string) func() bool {
	return func() bool {
		return one[bool](t, p.Owner, `SELECT EXISTS (SELECT 1 FROM orders WHERE number = $1)`, order)
	}
}

func TestWorker_two(t *testing.T) {
	t.Parallel()
	c, p := newShop(t), newPortal(t)
	c.exec(t, `INSERT INTO orders SELECT 'O' || i, 'A', 'open', i FROM generate_series(1, 500) i`)
	slow := strings.Replace(shopMapping, "name FROM", "name, pg_sleep(0.2) FROM", 1) // partners, so that orders would come before them
	_, crash, first := startWorker(t, p, c.mapping(t, slow))
	_, _, second := startWorker(t, p, c.mapping(t, slow))
	within(t, 10*time.Second, "first load", has(t, p, "O500"))
	within(t, 10*time.Second, "orders are read after their partners", func() bool {
		return strings.Contains(first.String()+second.String(), "entity=orders way=full rows=500 inserted=500")
	})
	c.exec(t, `INSERT INTO orders VALUES ('a', 'A', 'open', '1')`)
	within(t, 4*time.Second, "a change is taken", has(t, p, "a"))

	crash()
	c.exec(t, `INSERT INTO orders VALUES ('b', 'B', 'open', '1')`)
	within(t, 4*time.Second, "a change is taken by the other worker", has(t, p, "b"))
	c.exec(t, `INSERT INTO orders VALUES ('c', 'B', 'open', 'x')`)
	within(t, 4*time.Second, "a row lies in quarantine", func() bool { return quarantined(t, p) != "" })

	if n := strings.Count(second.String(), "msg=pass entity=orders"); n == 0 || n > 4 {
		t.Errorf("%d lines on passes of orders, want one for each that changed something:\n%s", n, second)
	}
	if strings.Contains(second.String(), "level=ERROR") || strings.Contains(second.String(), "level=WARN") {
		t.Errorf("the log complains:\n%s", second)
	}
	if n := one[int](t, p.Owner, `SELECT count(*) FROM river.river_job WHERE state NOT IN ('completed', 'running', 'available', 'scheduled')`); n != 0 {
		t.Errorf("%d jobs were neither done nor are waiting: %v", n, table(t, p.Owner, `SELECT state, count(*), max(errors::text) FROM river.river_job GROUP BY 1`))
	}
}

func TestWorker_coreDown(t *testing.T) {
	t.Parallel()
	c, p := newShop(t), newPortal(t)
	c.exec(t, `INSERT INTO orders VALUES ('a', 'A', 'open', '1')`)
	_, _, log := startWorker(t, p, c.mapping(t, shopMapping))
	within(t, 10*time.Second, "first load", has(t, p, "a"))
	open := c.shut(t)
	within(t, 5*time.Second, "the feed is behind", func() bool { return feed(t, p, "orders").BehindSince.Valid })
	time.Sleep(2500 * time.Millisecond)
	if n := strings.Count(log.String(), `msg="pass failed" entity=orders`); n < 1 || n > 2 { // cut off, then refused
		t.Errorf("%d lines on the same failure:\n%s", n, log)
	}
	open()
	within(t, 5*time.Second, "the feed has caught up", func() bool { return !feed(t, p, "orders").BehindSince.Valid })
}

// TestWorker_Stop: it waits for the pass that runs, and calls it off when it may wait no longer.
func TestWorker_Stop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		patient time.Duration
		rows    int
	}{{"drains", 20 * time.Second, 1}, {"calls off", 100 * time.Millisecond, 0}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			shop, p := newShop(t), newPortal(t)
			const reads = `SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'extranet' AND wait_event = 'PgSleep')`
			shop.exec(t, `INSERT INTO orders VALUES ('a', 'A', 'open', '1')`)
			w, _, _ := startWorker(t, p, shop.mapping(t, strings.Replace(shopMapping, "total, changed_at FROM", "total, changed_at, pg_sleep(2) FROM", 1)))
			within(t, 10*time.Second, "the pass of orders reads", func() bool {
				return one[bool](t, shop.DB, reads)
			})
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), c.patient)
			defer cancel()
			must(t, w.Stop(ctx))
			if took := time.Since(began); c.rows == 0 && took > 1500*time.Millisecond {
				t.Errorf("it took %v to stop", took)
			}
			if one[bool](t, shop.DB, reads) {
				t.Error("the pass goes on after the worker has stopped")
			}
			if n := one[int](t, p.Owner, `SELECT count(*) FROM orders`); n != c.rows {
				t.Errorf("%d rows, want %d", n, c.rows)
			}
			if f := feed(t, p, "orders"); f.Error != "" {
				t.Errorf("the feed says %q", f.Error)
			}
		})
	}
}

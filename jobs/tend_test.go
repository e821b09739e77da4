package jobs_test

import (
	"strings"
	"testing"
	"time"

	"extranet/jobs"
	"extranet/portal"
	"extranet/portal/portaltest"
)

// asStaff acts as the host's staff do.
func asStaff(t testing.TB, p *portaltest.Portal, f func(tx *portal.Tx) error) {
	t.Helper()
	must(t, p.AcrossPartners(t.Context(), portaltest.As(portaltest.Host, portal.FeedsManage), portal.FeedsManage, f))
}

// TestWorker_asked: what the host's staff say to a feed reaches the worker that runs, through the database.
func TestWorker_asked(t *testing.T) {
	t.Parallel()
	c, p := newShop(t), newPortal(t)
	c.exec(t, `INSERT INTO orders VALUES ('a', 'A', 'open', '1'), ('bad', 'A', 'open', 'x')`)
	// Once loaded, nothing is read again by itself while the test runs.
	startWorker(t, p, c.mapping(t, strings.ReplaceAll(shopMapping, "every: 1s", "every: 1h")))
	within(t, 10*time.Second, "first load", has(t, p, "a"))

	asStaff(t, p, func(tx *portal.Tx) error { return portal.PauseFeed(t.Context(), tx, "orders") })
	if f := feed(t, p, "orders"); !f.PausedAt.Valid || f.PausedBy == "" {
		t.Errorf("the feed is not paused: %+v", f)
	}
	c.exec(t, `INSERT INTO orders VALUES ('b', 'A', 'open', '1')`)
	asStaff(t, p, func(tx *portal.Tx) error { return portal.AskForPass(t.Context(), tx, "orders", false) })
	within(t, 5*time.Second, "a pass is made that was asked for", has(t, p, "b"))
	within(t, 5*time.Second, "the asking is over", func() bool { return !feed(t, p, "orders").AskedAt.Valid })

	c.exec(t, `DELETE FROM orders WHERE number = 'b'; INSERT INTO orders VALUES ('c', 'A', 'open', '1')`)
	asStaff(t, p, func(tx *portal.Tx) error { return portal.AskForPass(t.Context(), tx, portal.AllFeeds, true) })
	within(t, 5*time.Second, "everything is read", has(t, p, "c"))
	if has(t, p, "b")() {
		t.Error("a pass that reads everything leaves what is gone")
	}
	asStaff(t, p, func(tx *portal.Tx) error { return portal.ResumeFeed(t.Context(), tx, "orders") })
	if feed(t, p, "orders").PausedAt.Valid {
		t.Error("the feed is still paused")
	}

	within(t, 5*time.Second, "what was asked is done", func() bool { return !feed(t, p, "orders").AskedAt.Valid })
	c.exec(t, `UPDATE orders SET total = '7' WHERE number = 'bad'`)
	asStaff(t, p, func(tx *portal.Tx) error { return portal.RetryRow(t.Context(), tx, "orders", `["bad"]`) })
	within(t, 5*time.Second, "the row is taken", has(t, p, "bad"))

	err := p.AcrossPartners(t.Context(), portaltest.As(portaltest.Host, portal.FeedsManage), portal.FeedsManage, func(tx *portal.Tx) error {
		return portal.RetryRow(t.Context(), tx, "orders", `["bad"]`)
	})
	if portal.Says(err).Kind != portal.NotFound {
		t.Errorf("trying a row again that is not there: %v, want NotFound", err)
	}
	if got := table(t, p.Owner, `SELECT action, target FROM audit WHERE partner_id = 1 ORDER BY seq`); strings.Join(got, " ") != "feed.pause|feeds/orders feed.run|feeds/orders feed.run|feeds/all feed.resume|feeds/orders feed.retry|feeds/orders" {
		t.Errorf("the audit has %v", got)
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	c, p := newShop(t), newPortal(t)
	c.exec(t, `INSERT INTO orders VALUES ('a', 'A', 'open', '1')`)
	m := c.mapping(t, shopMapping)
	made := func() (all []string) {
		return table(t, p.Owner, `SELECT way, times, rows_read, inserted, updated, deleted, quarantined, error FROM passes WHERE entity = 'orders' ORDER BY pass_id`)
	}
	for range 3 {
		sync(t, p, m, jobs.Options{Full: true})
	}
	c.exec(t, `UPDATE orders SET status = 'held'`)
	sync(t, p, m, jobs.Options{Full: true})
	if got := strings.Join(made(), " "); got != "full|1|1|1|0|0|0| full|2|1|0|0|0|0| full|1|1|0|1|0|0|" {
		t.Errorf("the history is %v", got)
	}
	// Of old passes one in an hour stays, and those that tell something.
	p.Arrange(t, `INSERT INTO passes (entity, way, began_at, ended_at, took_ms, rows_read, inserted, updated, deleted, quarantined, error)
		SELECT 'orders', 'incremental', at, at, 1, 1, 0, 1, i % 10 / 9, 0, CASE WHEN i % 10 = 8 THEN 'x' END FROM generate_series(1, 60) i, LATERAL (SELECT date_trunc('hour', now()) - interval '2 days' + i * interval '59 s' AS at) a;
		INSERT INTO passes (entity, way, began_at, ended_at, took_ms, rows_read, inserted, updated, deleted, quarantined) VALUES ('orders', 'full', now() - interval '40 days', now() - interval '40 days', 1, 1, 1, 1, 1, 1)`)
	must(t, p.AsWorker(t.Context(), "test", func(tx *portal.Tx) error { return portal.ThinHistory(t.Context(), tx) }))
	if got := strings.Join(table(t, p.Owner, `SELECT count(*), count(*) FILTER (WHERE deleted > 0), count(error), count(*) FILTER (WHERE way = 'full') FROM passes WHERE ended_at < now() - interval '1 day'`), " "); got != "13|6|6|0" {
		t.Errorf("after thinning: %s (rows, deleting, failed, of last month), want 13|6|6|0", got)
	}
}

// TestPass_watched: a pass that takes its time is seen to go on.
func TestPass_watched(t *testing.T) {
	t.Parallel()
	c, p := newShop(t), newPortal(t)
	c.exec(t, `INSERT INTO orders SELECT 'O' || i, 'A', 'open', '1' FROM generate_series(1, 2000) i`)
	m := c.mapping(t, strings.Replace(shopMapping, "total, changed_at FROM", "total, changed_at, pg_sleep(0.002) FROM", 1))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		sync(t, p, m, jobs.Options{Full: true})
	}()
	var seen portal.Running
	within(t, 20*time.Second, "orders are being read", func() bool {
		asStaff(t, p, func(tx *portal.Tx) error {
			all, err := portal.RunningPasses(t.Context(), tx)
			if len(all) > 0 {
				seen = all[0]
			}
			return err
		})
		return seen.Entity == "orders" && seen.Phase == "reading" && seen.Rows > 0
	})
	if seen.Rows > 2000 {
		t.Errorf("the pass is seen as %+v", seen)
	}
	<-ended
	if n := one[int](t, p.Owner, `SELECT count(*) FROM running_passes`); n != 0 {
		t.Errorf("%d passes are under way after the last", n)
	}
}

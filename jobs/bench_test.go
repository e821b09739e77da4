package jobs_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	gosync "sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"extranet/jobs"
	"extranet/portal"
	"extranet/portal/orders"
)

// benchSync names the mapping by which a process of its own makes one sync, so that its memory can be told.
const benchSync = "EXTRANET_BENCH_SYNC"

func beSync() int {
	ctx := context.Background()
	m, err := jobs.LoadMapping(os.Getenv(benchSync))
	if err == nil {
		var db *portal.DB
		if db, err = portal.Open(ctx, portal.Options{URL: os.Getenv(workerDatabase)}); err == nil {
			_, err = jobs.Sync(ctx, db, m, jobs.Options{})
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// BenchmarkSync measures the mirror on a generated core, each figure beside the bare way to do the same in the same run. All of it wants half an hour with 1,000,000 orders, a part of it
// (-bench Sync/load) a few minutes; EXTRANET_BENCH_ORDERS=100000 is a quick look.
func BenchmarkSync(b *testing.B) {
	psql, err := exec.LookPath("psql")
	if err != nil {
		b.Skip("SKIPPED: there is no psql on the PATH, and the yardstick is a pipe of two of them")
	}
	m := newMill(b, benchOrders(b))
	b.Run("load", func(b *testing.B) { benchLoad(b, psql, m) })
	m.marked(b)
	full := gosync.OnceValue(func() *mirrored { return m.mirror(b) })
	b.Run("changes", func(b *testing.B) { benchChanges(b, psql, full()) })
	b.Run("lines", func(b *testing.B) { benchLines(b, psql, full()) })
	b.Run("growth", func(b *testing.B) { benchGrowth(b, full()) })
	b.Run("quiet", func(b *testing.B) { benchQuiet(b, full()) })
	b.Run("delay", func(b *testing.B) { benchDelay(b, full()) })
	b.Run("lists", func(b *testing.B) { benchLists(b, full()) })
	b.Run("day", func(b *testing.B) { benchDay(b, full()) })
}

// benchLoad: orders and lines into an empty portal by a sync in a process of its own, beside a bare pipe of the same rows.
func benchLoad(b *testing.B, psql string, m *mill) {
	rows := float64(4 * m.orders)
	d := newBare(b, psql, m)
	var pipe, key, ours, ratio, ratioKey, memory []float64
	for range benchRounds {
		t, k := d.load(b)
		o, mib := processLoad(b, m)
		b.Logf("load %s: pipe %.1f s, with the primary keys alone %.1f s, ours %.1f s in %.0f MiB", loadAverage(b), t.Seconds(), k.Seconds(), o.Seconds(), mib)
		pipe, key, ours, memory = append(pipe, rows/t.Seconds()), append(key, rows/k.Seconds()), append(ours, rows/o.Seconds()), append(memory, mib)
		ratio, ratioKey = append(ratio, t.Seconds()/o.Seconds()), append(ratioKey, k.Seconds()/o.Seconds())
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(pipe), "pipe-rows/s")
	b.ReportMetric(median(key), "pipe-keys-rows/s")
	b.ReportMetric(median(ours), "rows/s")
	b.ReportMetric(median(ratio), "ours/pipe")
	b.ReportMetric(median(ratioKey), "ours/pipe-keys")
	b.ReportMetric(median(memory), "MiB")
}

// processLoad mirrors the core into a new portal and says how long that took, and how much memory the process had at most.
func processLoad(b *testing.B, m *mill) (took time.Duration, mib float64) {
	b.Helper()
	p := newPortal(b)
	defer p.Arrange(b, `TRUNCATE orders, order_lines`)
	file := filepath.Join(b.TempDir(), "mapping.yaml")
	must(b, os.WriteFile(file, []byte(millMapping(jobs.Watermark, jobs.Watermark)), 0o600))
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), benchSync+"="+file, workerDatabase+"="+p.URL, "EXTRANET_CORE_URL="+m.url)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	began := time.Now()
	must(b, cmd.Run())
	took = time.Since(began)
	if got := one[int](b, p.Owner, `SELECT (SELECT count(*) FROM orders) + (SELECT count(*) FROM order_lines)`); got != 4*m.orders {
		b.Fatalf("%d rows were mirrored, want %d", got, 4*m.orders)
	}
	return took, float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1024
}

// A native subscriber is a table that Postgres's own logical replication keeps as the core's orders are.
type native struct {
	*sql.DB
	m    *mill
	name string
}

// subscribe fills the table, with the primary key and, where it says so, as many indexes as the portal's orders have.
func (m *mill) subscribe(b *testing.B, psql, name string, indexes bool) *native {
	b.Helper()
	d := newBare(b, psql, m)
	n := &native{d.DB, m, name}
	n.exec(b, millTables)
	d.pipe(b, `SELECT * FROM so_head`, `SELECT`, `so_head`, `SELECT`)
	if indexes {
		for _, on := range []string{`customer, so_no`, `customer, ordered DESC, so_no DESC`, `customer, status, ordered DESC, so_no DESC`, `customer, ship_to, ordered DESC, so_no DESC`, `customer, promised DESC, so_no DESC`,
			`customer, net DESC, so_no DESC`, `customer, (so_no::text) text_pattern_ops`, `customer, po text_pattern_ops`} {
			n.exec(b, `CREATE INDEX ON so_head (`+on+`)`)
		}
	}
	n.exec(b, `VACUUM ANALYZE`)
	n.exec(b, fmt.Sprintf(`CREATE SUBSCRIPTION %s CONNECTION '%s' PUBLICATION native WITH (copy_data = false)`, name, m.url))
	b.Cleanup(func() {
		n.exec(b, `ALTER SUBSCRIPTION `+name+` DISABLE`)
		n.exec(b, `DROP SUBSCRIPTION `+name)
	})
	return n
}

func (n *native) exec(b *testing.B, statement string) {
	b.Helper()
	if _, err := n.Exec(statement); err != nil {
		b.Fatalf("at the subscriber: %v", err)
	}
}

// catchUp waits until the last batch can be seen at the subscriber.
func (n *native) catchUp(b *testing.B, orders int) {
	b.Helper()
	no, at := n.m.touched(orders)
	for !one[bool](b, n.DB, `SELECT changed >= $2 FROM so_head WHERE so_no = $1`, no, at) {
		time.Sleep(time.Millisecond)
	}
}

const (
	batchOrders = 10_000
	batches     = 3 // a round
)

// apply has the subscriber take batches, and says how many rows a second it applied.
func (n *native) apply(b *testing.B) float64 {
	b.Helper()
	n.m.touch(b, batchOrders, false)
	n.exec(b, `ALTER SUBSCRIPTION `+n.name+` ENABLE`)
	n.catchUp(b, batchOrders)
	var took time.Duration
	for range batches {
		n.m.touch(b, batchOrders, false)
		began := time.Now()
		n.catchUp(b, batchOrders)
		took += time.Since(began)
	}
	n.exec(b, `ALTER SUBSCRIPTION `+n.name+` DISABLE`)
	return batches * batchOrders / took.Seconds()
}

// benchChanges: batches of 10,000 changed orders, by each way, beside native logical replication of the same; and the whole of the core, when nothing changed.
func benchChanges(b *testing.B, psql string, r *mirrored) {
	r.exec(b, `CREATE PUBLICATION native FOR TABLE so_head`)
	same, key := r.subscribe(b, psql, "same", true), r.subscribe(b, psql, "key", false)
	rates := map[string][]float64{}
	for range benchRounds {
		now := map[string]float64{"native": same.apply(b), "native-key": key.apply(b)}
		for _, way := range followed {
			r.goBy(b, way, jobs.Watermark)
			var took time.Duration
			for range batches {
				r.touch(b, batchOrders, false)
				t, n := r.pass(b, false, "orders")
				if n != batchOrders {
					b.Fatalf("by %s %d orders were other, want %d", way, n, batchOrders)
				}
				took += t
			}
			now[way] = batches * batchOrders / took.Seconds()
			rates[way+"/native"] = append(rates[way+"/native"], now[way]/now["native"])
		}
		t, n := r.pass(b, true, "orders", "order_lines")
		if n != 0 {
			b.Fatalf("%d rows were other, and nothing was", n)
		}
		now["unchanged"] = 4 * float64(r.orders) / t.Seconds()
		rates["unchanged/native"] = append(rates["unchanged/native"], now["unchanged"]/now["native"])
		b.Logf("load %s, rows/s: %v", loadAverage(b), now)
		for name, rate := range now {
			rates[name+"-rows/s"] = append(rates[name+"-rows/s"], rate)
		}
	}
	b.ReportMetric(0, "ns/op")
	for name, all := range rates {
		b.ReportMetric(median(all), name)
	}
}

var followed = []string{jobs.Watermark, jobs.Marks, jobs.Logical}

// benchLines: 10,000 changed orders with their lines, beside one bare staging upsert of the same rows.
func benchLines(b *testing.B, psql string, r *mirrored) {
	d := newBare(b, psql, r.mill)
	d.load(b)
	_, err := d.Exec(`VACUUM ANALYZE`)
	must(b, err)
	ratios := map[string][]float64{}
	for range benchRounds {
		for _, way := range followed {
			r.goBy(b, way, way)
			at := r.touch(b, batchOrders, true)
			bare := d.upsert(b, at)
			t, n := r.pass(b, false, "orders", "order_lines")
			if n < 4*batchOrders && way == jobs.Watermark {
				b.Fatalf("by %s %d rows were other, want %d", way, n, 4*batchOrders)
			}
			b.Logf("load %s: %s %.2f s, bare upsert %.2f s", loadAverage(b), way, t.Seconds(), bare.Seconds())
			ratios[way+"/bare"] = append(ratios[way+"/bare"], t.Seconds()/bare.Seconds())
		}
	}
	b.ReportMetric(0, "ns/op")
	for name, all := range ratios {
		b.ReportMetric(median(all), name)
	}
}

// benchGrowth: as many changed orders in a core of half as many orders.
func benchGrowth(b *testing.B, r *mirrored) {
	half := newMill(b, r.orders/2)
	half.marked(b)
	small := half.mirror(b)
	changed := small.orders / 100
	ratios := map[string][]float64{}
	for range benchRounds {
		for _, way := range followed {
			var took [2]time.Duration
			for range batches {
				for i, of := range []*mirrored{small, r} {
					of.goBy(b, way, jobs.Watermark)
					of.touch(b, changed, false)
					t, _ := of.pass(b, false, "orders")
					took[i] += t
				}
			}
			b.Logf("load %s: by %s %d of %d orders in %.2f s, of %d in %.2f s", loadAverage(b), way, changed, small.orders, took[0].Seconds()/batches, r.orders, took[1].Seconds()/batches)
			ratios[way+"-twice/once"] = append(ratios[way+"-twice/once"], took[1].Seconds()/took[0].Seconds())
		}
	}
	b.ReportMetric(0, "ns/op")
	for name, all := range ratios {
		b.ReportMetric(median(all), name)
	}
}

// benchQuiet: a pass with nothing to do.
func benchQuiet(b *testing.B, r *mirrored) {
	for _, way := range followed {
		r.goBy(b, way, way)
		var took []float64
		for range 100 {
			t, n := r.pass(b, false, "orders", "order_lines")
			if n != 0 {
				b.Fatalf("%d rows were other", n)
			}
			took = append(took, float64(t.Microseconds())/2000)
		}
		b.ReportMetric(median(took), way+"-ms/pass")
	}
	b.Logf("load %s", loadAverage(b))
	b.ReportMetric(0, "ns/op")
}

const (
	delayOrders = 100 // changed a second
	delayLasts  = 20 * time.Second
)

// benchDelay: one order after the other changes, and is waited for in the portal.
func benchDelay(b *testing.B, r *mirrored) {
	for _, way := range []string{jobs.Marks, jobs.Logical} {
		b.Run(way, func(b *testing.B) {
			r.goBy(b, way, way)
			startWorker(b, r.p, r.mapping)
			type change struct {
				number int
				po     string
				at     time.Time
			}
			changes := make(chan change, delayOrders*100)
			go func() {
				defer close(changes)
				tick := time.NewTicker(time.Second / delayOrders)
				defer tick.Stop()
				for i := range int(delayLasts.Seconds()) * delayOrders {
					<-tick.C
					c := change{number: 1 + i*7919%r.orders, po: fmt.Sprint(way, "-", i)}
					if _, err := r.Exec(`UPDATE so_head SET po = $2 WHERE so_no = $1`, c.number, c.po); err != nil {
						b.Errorf("changing an order: %v", err)
						return
					}
					c.at = time.Now()
					changes <- c
				}
			}()
			var delays []time.Duration
			for c := range changes {
				for one[string](b, r.p.Owner, `SELECT coalesce(po_number, '') FROM orders WHERE number = $1::int::text`, c.number) != c.po {
					if time.Since(c.at) > time.Minute {
						b.Fatalf("order %d has not come in a minute", c.number)
					}
					time.Sleep(2 * time.Millisecond)
				}
				delays = append(delays, time.Since(c.at))
			}
			b.Logf("load %s", loadAverage(b))
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(quantile(delays, 0.5).Seconds()*1000, "p50-ms")
			b.ReportMetric(quantile(delays, 0.99).Seconds()*1000, "p99-ms")
			b.ReportMetric(quantile(delays, 1).Seconds()*1000, "max-ms")
		})
	}
}

// benchLists: order lists of the biggest partner, 50 a second, alone and while everything is read anew and a tenth of it is other.
func benchLists(b *testing.B, r *mirrored) {
	r.goBy(b, jobs.Watermark, jobs.Watermark)
	partner := one[int64](b, r.p.Owner, `SELECT partner_id FROM partners WHERE number = 'Z1'`)
	asked := 0
	lists := func(until func() bool) (took []time.Duration) {
		var mu gosync.Mutex
		var all gosync.WaitGroup
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for !until() {
			asked++
			day := portal.Date(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, -asked%700).Format(time.DateOnly))
			began := <-tick.C
			all.Go(func() {
				err := r.p.Do(b.Context(), portal.Caller{PartnerID: partner, Perms: 1 << portal.OrdersRead}, func(tx *portal.Tx) error {
					_, err := orders.ListJSON(b.Context(), tx, orders.Filter{To: day})
					return err
				})
				if err != nil {
					b.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				took = append(took, time.Since(began))
			})
		}
		all.Wait()
		return took
	}
	lists(func() bool { return asked > 100 })
	var ratios, alone, beside []float64
	for range benchRounds {
		began := time.Now()
		quiet := quantile(lists(func() bool { return time.Since(began) > 10*time.Second }), 0.99)
		r.touch(b, r.orders/10, true)
		var over atomic.Bool
		var ended gosync.WaitGroup
		ended.Go(func() {
			defer over.Store(true)
			if _, err := jobs.Sync(b.Context(), r.p.DB, r.mapping, jobs.Options{Full: true}); err != nil {
				b.Error(err)
			}
		})
		busy := quantile(lists(over.Load), 0.99)
		ended.Wait()
		b.Logf("load %s: p99 %.1f ms alone, %.1f ms beside a sync", loadAverage(b), quiet.Seconds()*1000, busy.Seconds()*1000)
		alone, beside, ratios = append(alone, quiet.Seconds()*1000), append(beside, busy.Seconds()*1000), append(ratios, busy.Seconds()/quiet.Seconds())
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(alone), "alone-p99-ms")
	b.ReportMetric(median(beside), "beside-p99-ms")
	b.ReportMetric(median(ratios), "beside/alone")
}

const (
	dayOrders = 90_000
	dayTakes  = 150 * time.Second
	dayTick   = 100 * time.Millisecond
)

// dayHour is how busy each hour is: the peaks have ten times the orders of the night.
var dayHour = [24]float64{1, 1, 1, 1, 1, 1, 2, 4, 7, 10, 8, 6, 5, 6, 8, 10, 7, 5, 4, 3, 2, 1, 1, 1}

// benchDay: the orders of a big distributor's day with their lines, in dayTakes, and how far the portal is behind at most.
func benchDay(b *testing.B, r *mirrored) {
	for _, way := range []string{jobs.Marks, jobs.Logical} {
		b.Run(way, func(b *testing.B) {
			r.goBy(b, way, way)
			_, _, log := startWorker(b, r.p, r.mapping)
			weights := 0.0
			for _, w := range dayHour {
				weights += w
			}
			first := one[int](b, r.DB, `SELECT max(so_no) FROM so_head`) + 1
			type arrival struct {
				last int
				at   time.Time
			}
			arrivals := make(chan arrival, 100_000)
			go func() {
				defer close(arrivals)
				began, arrived, due := time.Now(), 0, 0.0
				for i := range int(dayTakes / dayTick) {
					time.Sleep(time.Until(began.Add(time.Duration(i) * dayTick)))
					due += dayOrders * dayHour[i*24/int(dayTakes/dayTick)] / weights * 24 / float64(dayTakes/dayTick)
					n := int(due) - arrived
					if n == 0 {
						continue
					}
					from := first + arrived
					arrived += n
					_, err := r.Exec(fmt.Sprintf(`
						WITH heads AS (INSERT INTO so_head SELECT i, 'Z' || 1 + abs(hashint4(i)) %% 2000 %% (1 + abs(hashint4(i + 1)) %% 2000), 'S1', 'PO-' || i, 'Dana Keller', 'open', date '2026-03-01', date '2026-03-08', NULL, 1000, 1.9 FROM generate_series(%d, %d) i RETURNING so_no)
						INSERT INTO so_line SELECT so_no, l, 'T' || l, 'Tyre 205/55 R16 91V', 'PC', 4 * l, 0, 83.25, date '2026-03-08', NULL FROM heads, generate_series(1, 3) l`, from, from+n-1))
					if err != nil {
						b.Errorf("ordering: %v", err)
						return
					}
					arrivals <- arrival{first + arrived - 1, time.Now()}
				}
			}()
			var behind []time.Duration
			n := 0
			for a := range arrivals {
				for one[int](b, r.p.Owner, `SELECT count(*) FROM orders o JOIN order_lines l ON l.partner_id = o.partner_id AND l.order_number = o.number WHERE o.number = $1::int::text`, a.last) < 3 {
					if time.Since(a.at) > time.Minute {
						b.Fatalf("order %d has not come in a minute: %s", a.last, log)
					}
					time.Sleep(5 * time.Millisecond)
				}
				behind = append(behind, time.Since(a.at))
				n = a.last - first + 1
			}
			b.Logf("load %s: %d orders and %d lines in %v, %.0f orders/s in the busiest hour", loadAverage(b), n, 3*n, dayTakes, dayOrders*10/weights*24/dayTakes.Seconds())
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(quantile(behind, 0.5).Seconds(), "p50-s")
			b.ReportMetric(quantile(behind, 1).Seconds(), "max-s")
		})
	}
}

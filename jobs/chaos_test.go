package jobs_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	gosync "sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	goredis "github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"extranet/jobs"
	"extranet/migrations"
	"extranet/portal"
	"extranet/portal/orders"
	"extranet/portal/portaltest"
	"extranet/sandbox/postgres"
	"extranet/sandbox/redis"
)

// Chaos is how long the core changes under each way of noticing it; EXTRANET_CHAOS sets it, for instance to 60s.
func chaos(t testing.TB) time.Duration {
	d, err := time.ParseDuration(os.Getenv("EXTRANET_CHAOS"))
	if err != nil {
		if os.Getenv("EXTRANET_CHAOS") != "" {
			t.Fatalf("EXTRANET_CHAOS: %v", err)
		}
		return 8 * time.Second
	}
	return d
}

// Where a process of this test finds what it works on.
const (
	workerMapping  = "EXTRANET_TEST_MAPPING"
	workerDatabase = "EXTRANET_TEST_DATABASE"
	workerFault    = "EXTRANET_TEST_FAULT"
)

// beWorker is the process that is killed: a worker as the operator starts it, but for the name of a fault to have.
func beWorker() int {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	fail := func(err error) int { log.Error("the worker does not start", "err", err); return 1 }
	ctx := context.Background()
	m, err := jobs.LoadMapping(os.Getenv(workerMapping))
	if err != nil {
		return fail(err)
	}
	for _, f := range m.Feeds {
		if f.FullEvery == time.Minute { // the least that a mapping may say is long for a test
			f.FullEvery = 3 * time.Second
		}
		if os.Getenv(workerFault) == "no-overlap" {
			f.Overlap = 0
		}
	}
	var db *portal.DB
	for range 100 { // the portal's database may be starting
		if db, err = portal.Open(ctx, portal.Options{URL: os.Getenv(workerDatabase), MaxConns: 8}); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		return fail(err)
	}
	queue, err := sql.Open("postgres", os.Getenv(workerDatabase))
	if err != nil {
		return fail(err)
	}
	w, err := jobs.NewWorker(db, queue, m, log)
	if err != nil {
		return fail(err)
	}
	for range 100 {
		if err = w.Start(ctx); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		return fail(err)
	}
	select {}
}

// A wilderness is where a worker has to do its work.
type wilderness struct {
	t        testing.TB
	core     *turmoil
	line     *toxiproxy.Proxy // between the worker and its core
	portal   string           // URL of the login role
	owner    *sql.DB          // of the portal's database
	restart  func()           // of the portal's database
	mapping  string           // file
	fault    string
	mu       gosync.Mutex
	workers  []*exec.Cmd
	log      io.Writer
	backward atomic.Int64 // versions that were seen to go back
	twice    atomic.Int64 // orders seen in two places at once
}

// spawn starts a worker in a process of its own, in place n.
func (w *wilderness) spawn(n int) {
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), workerMapping+"="+w.mapping, workerDatabase+"="+w.portal, workerFault+"="+w.fault)
	cmd.Stdout, cmd.Stderr = w.log, w.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(w.t, cmd.Start())
	w.mu.Lock()
	defer w.mu.Unlock()
	w.workers[n] = cmd
}

// kill ends the worker in place n as kill -9 does.
func (w *wilderness) kill(n int) {
	w.mu.Lock()
	cmd := w.workers[n]
	w.mu.Unlock()
	cmd.Process.Kill()
	cmd.Wait()
}

// watch reads the orders of the portal over and over, as read says, until ctx ends: no order's version ever goes back, and none is in two places.
func (w *wilderness) watch(ctx context.Context, read func(context.Context) (map[string]int64, int, error)) {
	newest := map[string]int64{}
	for ctx.Err() == nil {
		now, twice, err := read(ctx)
		if err == nil {
			w.twice.Add(int64(twice))
			for number, version := range now {
				if version < newest[number] {
					w.backward.Add(1)
				}
				newest[number] = version
			}
		}
		time.Sleep(15 * time.Millisecond)
	}
}

// fromTable reads what the database holds.
func (w *wilderness) fromTable(ctx context.Context) (map[string]int64, int, error) {
	by, twice, err := keyed(ctx, w.owner, 1, `SELECT number, comment FROM orders`)
	versions := make(map[string]int64, len(by))
	for number, version := range by {
		versions[number], _ = strconv.ParseInt(version, 10, 64)
	}
	return versions, twice, err
}

// A trial is one way of noticing change, on one database.
type trial struct {
	name    string
	mysql   bool
	way     string                                   // as the mapping says it for orders and lines, with what belongs to it
	lines   string                                   // the same for lines; "" = as for orders
	prepare func(testing.TB, *sql.DB, *jobs.Mapping) // makes what the way needs in the core
	arrange string                                   // SQL for the portal's database
	spell   spell
	fault   string
	sees    func(difference) bool // what a fault must do
}

// TestWorker_nothingLost lets a core change at random while workers are killed, two at a time, the line to the core is cut, the
// portal's database restarts and Redis goes: afterwards the portal says what the core says, row by row, and nobody ever saw a version go back.
func TestWorker_nothingLost(t *testing.T) {
	t.Parallel()
	for _, trial := range trials(t) {
		t.Run(trial.name, func(t *testing.T) {
			t.Parallel()
			w := newWilderness(t, trial)
			d, err := w.survive(trial, 60*time.Second)
			if err != nil {
				t.Errorf("after %v: %v: %v", trial.spell.lasts, err, d)
			}
			if b, d := w.backward.Load(), w.twice.Load(); b+d > 0 {
				t.Errorf("%d versions went back, %d orders were in two places at once", b, d)
			}
		})
	}
}

// TestWorker_brokenEnginesLose breaks the engine in each of the ways in which such engines are broken: the checks above see it.
func TestWorker_brokenEnginesLose(t *testing.T) {
	t.Parallel()
	for _, trial := range brokenTrials(t) {
		t.Run(trial.name, func(t *testing.T) {
			t.Parallel()
			w := newWilderness(t, trial)
			d, err := w.survive(trial, 4*time.Second)
			if err == nil || !trial.sees(d) {
				t.Errorf("an engine with %s passes: %v", trial.name, d)
			}
		})
	}
}

// chaosCore is the Postgres of every core here, reached over the network.
var chaosCore = gosync.OnceValues(func() (port string, err error) {
	port = freePort()
	core, err := postgres.Start(context.Background(), postgres.Options{Throwaway: true, Settings: map[string]string{"listen_addresses": "127.0.0.1", "port": port, "max_connections": "300",
		"wal_level": "logical", "max_replication_slots": "20", "max_wal_senders": "5"}})
	if err == nil {
		stopAfterwards(core.Stop)
	}
	return port, err
})

// chaosPortal is the Postgres of every portal here; it restarts while they work.
var chaosPortal = gosync.OnceValues(func() (*restarting, error) {
	dir, err := os.MkdirTemp("/tmp", "extranet-chaos-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	r := &restarting{options: postgres.Options{Dir: filepath.Join(dir, "portal"), Settings: map[string]string{"fsync": "off", "max_connections": "300"}}}
	if r.server, err = postgres.Start(context.Background(), r.options); err != nil {
		return nil, err
	}
	stopAfterwards(func() error {
		r.server.Stop()
		return os.RemoveAll(dir)
	})
	owner, err := sql.Open("postgres", r.server.URL("postgres", "postgres"))
	if err != nil {
		return nil, err
	}
	defer owner.Close()
	if _, err := owner.Exec(`CREATE DATABASE template`); err != nil {
		return nil, err
	}
	template, err := sql.Open("postgres", r.server.URL("postgres", "template"))
	if err != nil {
		return nil, err
	}
	defer template.Close()
	_, err = migrations.Up(context.Background(), template, r.server.URL("portal", "template"))
	return r, err
})

// A restarting server is one that goes away in between, once for all who work on it.
type restarting struct {
	options postgres.Options
	server  *postgres.Server
	once    gosync.Once
	cloning gosync.Mutex
	clones  int
	err     error
}

func (r *restarting) restart() error {
	r.once.Do(func() {
		if r.err = r.server.Stop(); r.err == nil {
			time.Sleep(300 * time.Millisecond)
			r.server, r.err = postgres.Start(context.Background(), r.options)
		}
	})
	return r.err
}

func (r *restarting) clone(t testing.TB) (name string) {
	r.cloning.Lock()
	defer r.cloning.Unlock()
	r.clones++
	name = fmt.Sprintf("portal_%d", r.clones)
	owner, err := sql.Open("postgres", r.server.URL("postgres", "postgres"))
	must(t, err)
	defer owner.Close()
	_, err = owner.Exec(`CREATE DATABASE ` + name + ` TEMPLATE template`)
	must(t, err)
	return name
}

func freePort() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

var proxies = gosync.OnceValue(func() *toxiproxy.ApiServer {
	return toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
})

var coresMade atomic.Int64

func newWilderness(t *testing.T, trial trial) *wilderness {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "workers.log"))
	must(t, err)
	w := &wilderness{t: t, fault: trial.fault, log: log, workers: make([]*exec.Cmd, 2), core: &turmoil{mysql: trial.mysql, customer: []string{"C1", "C2", "C3", "C4"}}}
	t.Cleanup(func() {
		log.Close()
		if t.Failed() {
			if said, err := os.ReadFile(log.Name()); err == nil {
				t.Logf("the workers said:\n%s", said[max(0, len(said)-4000):])
			}
		}
	})
	port, direct, through := "", "", ""
	name := fmt.Sprintf("core_%d", coresMade.Add(1))
	if trial.mysql {
		t.Skip("no MariaDB")
	} else {
		port, err = chaosCore()
		must(t, err)
		direct = "postgres://postgres@127.0.0.1:" + port + "/" + name + "?sslmode=disable&timezone=UTC"
		through = "postgres://postgres@127.0.0.1:PORT/" + name + "?sslmode=disable"
		admin, err := sql.Open("postgres", strings.Replace(direct, "/"+name, "/postgres", 1))
		must(t, err)
		_, err = admin.Exec(`CREATE DATABASE ` + name)
		must(t, err)
		admin.Close()
	}
	w.core.db, err = sql.Open(map[bool]string{false: "postgres", true: "mysql"}[trial.mysql], direct)
	must(t, err)
	t.Cleanup(func() { w.core.db.Close() })
	w.core.create(t)

	listen := "127.0.0.1:" + freePort()
	w.line = toxiproxy.NewProxy(proxies(), name, listen, "127.0.0.1:"+port)
	must(t, w.line.Start())
	t.Cleanup(w.line.Stop)
	t.Cleanup(func() { // before the line is taken away
		for n, cmd := range w.workers {
			if cmd != nil {
				w.kill(n)
			}
		}
	})

	_, port, _ = net.SplitHostPort(listen)
	lines := trial.lines
	if lines == "" {
		lines = trial.way
	}
	text := `sources:
  core:
    driver: ` + map[bool]string{false: "postgres", true: "mysql"}[trial.mysql] + `
    url: ` + strings.Replace(through, "PORT", port, 1) + `
entities:
  partners:
    every: 60s
    select: SELECT no AS partner, 'dealer' AS kind, no AS name FROM customers
  orders:
    every: 1s
` + trial.way + `
    select: |
      ` + w.core.orders() + `
  order_lines:
    every: 1s
` + lines + `
    select: |
      ` + w.core.lines() + "\n"
	w.mapping = filepath.Join(t.TempDir(), "mapping.yaml")
	must(t, os.WriteFile(w.mapping, []byte(text), 0o644))
	m, err := jobs.LoadMapping(w.mapping)
	must(t, err)
	t.Cleanup(func() { m.Close() })
	if trial.prepare != nil {
		trial.prepare(t, w.core.db, m)
	}

	portal, err := chaosPortal()
	must(t, err)
	database := portal.clone(t)
	w.portal = portal.server.URL("portal", database)
	w.owner, err = sql.Open("postgres", portal.server.URL("postgres", database))
	must(t, err)
	t.Cleanup(func() { w.owner.Close() })
	if trial.arrange != "" {
		_, err := w.owner.Exec(trial.arrange)
		must(t, err)
	}
	w.restart = func() {
		if err := portal.restart(); err != nil {
			t.Errorf("restarting the portal's database: %v", err)
		}
	}
	return w
}

// survive lets the trial's spell pass over the wilderness, then waits until the portal says what the core says, at most for patience.
func (w *wilderness) survive(trial trial, patience time.Duration) (d difference, err error) {
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	var all gosync.WaitGroup
	for n := range w.workers {
		w.spawn(n)
	}
	all.Go(func() { w.watch(ctx, w.fromTable) })
	all.Go(func() { w.watchByCache(ctx) })
	raging, calm := context.WithTimeout(ctx, trial.spell.lasts)
	defer calm()
	all.Go(func() { // one worker after the other is killed, every two seconds
		for n := 0; pause(raging, 2*time.Second); n++ {
			w.kill(n % len(w.workers))
			w.spawn(n % len(w.workers))
		}
	})
	all.Go(func() { // the line hangs for a while, in the middle of whatever is read
		for pause(raging, trial.spell.lasts/4) {
			_, err := w.line.Toxics.AddToxicJson(strings.NewReader(`{"name": "hang", "type": "timeout", "stream": "downstream", "attributes": {"timeout": 0}}`))
			if err != nil {
				w.t.Errorf("hanging the line: %v", err)
			}
			pause(ctx, time.Second)
			if err := w.line.Toxics.RemoveToxic(ctx, "hang"); err != nil && ctx.Err() == nil {
				w.t.Errorf("healing the line: %v", err)
			}
		}
	})
	all.Go(func() {
		if pause(raging, trial.spell.lasts/2) {
			w.restart()
		}
	})
	w.core.write(w.t, trial.spell)
	for began := time.Now(); ; {
		if d, err = w.core.compare(ctx, w.owner); err == nil && d == (difference{}) {
			break
		}
		if time.Since(began) > patience {
			err = errLate
			break
		}
		pause(ctx, 200*time.Millisecond)
	}
	cancel()
	all.Wait()
	return d, err
}

// pause waits; false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// watchByCache watches as a dealer's page reads: through the caches, while Redis comes and goes.
func (w *wilderness) watchByCache(ctx context.Context) {
	far, err := redis.Start(ctx)
	if err != nil {
		w.t.Errorf("starting Redis: %v", err)
		return
	}
	defer far.Stop()
	client := goredis.NewClient(&goredis.Options{Addr: far.Addr(), DialTimeout: 200 * time.Millisecond, ReadTimeout: 150 * time.Millisecond, MaxRetries: -1, ContextTimeoutEnabled: true})
	defer client.Close()
	db, err := portal.Open(ctx, portal.Options{URL: w.portal, MaxConns: 4, Redis: client})
	if err != nil {
		w.t.Errorf("opening the portal: %v", err)
		return
	}
	defer db.Close()
	gone := time.AfterFunc(3*time.Second, far.Stop)
	defer gone.Stop()
	newest := map[string]int64{}
	for ctx.Err() == nil {
		for n, customer := range w.core.customer {
			var id int64
			if w.owner.QueryRowContext(ctx, `SELECT partner_id FROM partners WHERE number = $1`, customer).Scan(&id) != nil {
				continue
			}
			by := portaltest.As(id, portal.OrdersRead)
			list, err := portal.Cached(ctx, db, by, "orders", "watch", func(ctx context.Context) (list []orders.Order, err error) {
				err = db.Do(ctx, by, func(tx *portal.Tx) error {
					page, err := orders.List(ctx, tx, orders.Filter{Limit: 200, Sort: "number"})
					list = page.Items
					return err
				})
				return list, err
			})
			if err != nil {
				continue
			}
			for _, o := range list {
				key := fmt.Sprintf("%d %s", n, o.Number)
				seen := o.ChangedAt.UnixMicro()
				if seen < newest[key] {
					w.backward.Add(1)
				}
				newest[key] = seen
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// The ways of noticing change, as a mapping says them.
const (
	bySnapshot  = "    way: snapshot"
	byWatermark = "    way: watermark\n    watermark: changed_at\n    overlap: 6s\n    full_every: 1m"
)

// neverDeletes keeps every row of the portal that is taken out.
const neverDeletes = `
	CREATE FUNCTION kept() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
	CREATE TRIGGER kept BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION kept();
	CREATE TRIGGER kept BEFORE DELETE ON order_lines FOR EACH ROW EXECUTE FUNCTION kept()`

func trials(t testing.TB) []trial {
	all := spell{orders: 240, writers: 4, lasts: chaos(t), late: 3 * time.Second, deletes: true}
	return []trial{
		{name: "snapshot", way: bySnapshot, spell: all},
		{name: "watermark", way: byWatermark, spell: all},
	}
}

func brokenTrials(t testing.TB) []trial {
	calm := spell{orders: 240, writers: 4, lasts: 5 * time.Second, late: 3 * time.Second}
	rough := calm
	rough.deletes = true
	return []trial{
		{name: "no overlap", fault: "no-overlap", way: strings.Replace(byWatermark, "full_every: 1m", "full_every: 24h", 1), spell: calm, sees: func(d difference) bool { return d.lost+d.stale > 0 }},
		{name: "no deletes", arrange: neverDeletes, way: bySnapshot, spell: rough, sees: func(d difference) bool { return d.extra > 0 }},
	}
}

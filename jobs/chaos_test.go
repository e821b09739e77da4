package jobs_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	gosync "sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/go-sql-driver/mysql"
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

// beWorker is the process that is killed: a worker as the operator starts it, but for the names of faults to have.
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
	}
	for _, fault := range strings.Fields(os.Getenv(workerFault)) {
		jobs.Break(fault, m)
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
	trial    trial
	core     *turmoil
	line     *toxiproxy.Proxy // between the worker and its core
	portal   string           // URL of the login role
	owner    *sql.DB          // of the portal's database
	restart  func()           // of the portal's database
	mapping  string           // file
	mu       gosync.Mutex
	workers  []*exec.Cmd
	log      io.Writer
	killed   atomic.Int64
	backward atomic.Int64 // versions that were seen to go back
	twice    atomic.Int64 // rows seen in two places at once
}

// spawn starts a worker in a process of its own, in place n.
func (w *wilderness) spawn(n int) {
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), workerMapping+"="+w.mapping, workerDatabase+"="+w.portal, workerFault+"="+w.trial.faults)
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

// fromTable reads what the database holds of a likeness.
func (w *wilderness) fromTable(l likeness) func(context.Context) (map[string]int64, int, error) {
	return func(ctx context.Context) (map[string]int64, int, error) {
		by, twice, err := keyed(ctx, w.owner, 1, `SELECT `+l.headKey+`, `+l.version+` FROM `+l.head)
		versions := make(map[string]int64, len(by))
		for number, version := range by {
			versions[number], _ = strconv.ParseInt(version, 10, 64)
		}
		return versions, twice, err
	}
}

// A trial is one core that is followed in several ways at once, each likeness of it in one.
type trial struct {
	mysql   bool
	ways    []string // as the mapping says them, of the likenesses; "" = this one is not mapped
	spell   spell
	kills   time.Duration // between two workers' ends
	faults  string        // that the engine has
	arrange string        // SQL for the portal's database
}

// TestWorker_nothingLost lets a core change at random while workers are killed, two at a time, the line to the core hangs and breaks, the
// portal's database restarts and Redis goes: afterwards the portal says what the core says, row by row, in each way of noticing
// change, and nobody ever saw a version go back.
func TestWorker_nothingLost(t *testing.T) {
	t.Parallel()
	all := spell{orders: 240, writers: 4, lasts: chaos(t), late: 3 * time.Second, deletes: true}
	for name, trial := range map[string]trial{
		"Postgres": {ways: []string{byLogical, byWatermark, byMarks, bySnapshot}, spell: all, kills: 2 * time.Second},
		"MariaDB":  {mysql: true, ways: []string{byMarks, byWatermark, bySnapshot}, spell: all, kills: 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWilderness(t, trial)
			over := w.inhabit()
			w.rage(trial.spell)
			began := time.Now()
			by, err := w.until(90*time.Second, func(all []difference) bool {
				return !slices.ContainsFunc(all, func(d difference) bool { return d != difference{} })
			})
			over()
			for i, d := range by {
				if d != (difference{}) {
					t.Errorf("%s,%s: %v: %v", likenesses[i].head, trial.ways[i], err, d)
				}
			}
			must(t, err)
			if b, d := w.backward.Load(), w.twice.Load(); b+d > 0 {
				t.Errorf("%d versions went back, %d rows were in two places at once", b, d)
			}
			t.Logf("%d versions, %d workers killed, the same after %v", w.core.versions.Load(), w.killed.Load(), time.Since(began).Round(100*time.Millisecond))
		})
	}
}

// TestWorker_brokenEnginesLose breaks the engine in each of the ways in which such engines are broken, each at one likeness of the
// core: what the trials above compare differs in just the way that the fault makes it.
func TestWorker_brokenEnginesLose(t *testing.T) {
	t.Parallel()
	trial := trial{
		ways:  []string{bySnapshot, strings.Replace(byWatermark, "full_every: 1m", "full_every: 24h", 1), byMarks, strings.Replace(byWatermark, "full_every: 1m", "full_every: 24h", 1)},
		spell: spell{orders: 240, writers: 4, lasts: 4 * time.Second, late: 3 * time.Second, deletes: true}, kills: 1500 * time.Millisecond,
		faults: "no-overlap mark-forgotten-first insert-without-key",
		// What is taken out of orders stays; the keys that an engine without them would not have; between forgetting a mark and the commit there is time to be killed.
		arrange: `
			CREATE FUNCTION kept() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
			CREATE TRIGGER kept BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION kept();
			CREATE TRIGGER kept BEFORE DELETE ON order_lines FOR EACH ROW EXECUTE FUNCTION kept();
			ALTER TABLE supplier_invoice_lines DROP CONSTRAINT supplier_invoice_lines_pkey;
			CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END';
			CREATE TRIGGER slow AFTER INSERT OR UPDATE ON invoices FOR EACH STATEMENT EXECUTE FUNCTION slow()`,
	}
	w := newWilderness(t, trial)
	over := w.inhabit()
	defer over()
	faults := []string{"no deletes", "a timestamp cursor without overlap", "marks that are forgotten first", "an insert without a key"}
	seen := make([]bool, len(faults))
	for try := 0; try < 8 && (try == 0 || slices.Contains(seen, false)); try++ {
		w.rage(trial.spell)
		by, err := w.settled(60 * time.Second)
		must(t, err)
		for i, now := range []bool{by[0].extra > 0, by[1].lost+by[1].stale > 0, by[2].lost+by[2].extra+by[2].stale > 0, by[3].doubled > 0} {
			seen[i] = seen[i] || now
		}
		t.Logf("%v", by)
	}
	for i, fault := range faults {
		if !seen[i] {
			t.Errorf("an engine with %s passes", fault)
		}
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
	w := &wilderness{t: t, trial: trial, log: log, workers: make([]*exec.Cmd, 2), core: &turmoil{mysql: trial.mysql, customer: []string{"C1", "C2", "C3", "C4"}}}
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
		c := newMariaDB(t)
		at, err := mysql.ParseDSN(c.url)
		must(t, err)
		port = overNetwork(t, at.Addr)
		direct = c.url + "?parseTime=true"
		at.Net, at.Addr = "tcp", "127.0.0.1:PORT"
		through = at.FormatDSN()
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
	text := `sources:
  core:
    driver: ` + map[bool]string{false: "postgres", true: "mysql"}[trial.mysql] + `
    url: ` + strings.Replace(through, "PORT", port, 1) + `
entities:
  partners:
    every: 60s
    select: SELECT no AS partner, 'dealer' AS kind, no AS name FROM customers`
	follows := false
	for i, way := range trial.ways {
		text += w.core.mapped(likenesses[i], way)
		follows = follows || way == byMarks || way == byLogical
	}
	w.mapping = filepath.Join(t.TempDir(), "mapping.yaml")
	must(t, os.WriteFile(w.mapping, []byte(text), 0o644))
	m, err := jobs.LoadMapping(w.mapping)
	must(t, err)
	t.Cleanup(func() { m.Close() })
	if follows {
		var printed strings.Builder
		must(t, m.PrintMarks(&printed))
		runPrinted(t, w.core.db, trial.mysql, printed.String())
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

// inhabit starts workers and watchers, and returns when the portal has everything for the first time.
func (w *wilderness) inhabit() (over func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	var all gosync.WaitGroup
	for n := range w.workers {
		w.spawn(n)
	}
	for i := range w.trial.ways {
		all.Go(func() { w.watch(ctx, w.fromTable(likenesses[i])) })
	}
	all.Go(func() { w.watchByCache(ctx) })
	all.Go(func() { // somebody allows what a feed asks: of so few rows a fifth may go between two passes
		for pause(ctx, 500*time.Millisecond) {
			w.owner.ExecContext(ctx, `UPDATE feeds SET allow_loss = true, asked_at = now(), asked_full = true WHERE stopped_at IS NOT NULL AND NOT allow_loss`) //nolint:errcheck // the database may be away; later then
		}
	})
	for began := time.Now(); !w.readSince(ctx, time.Time{}); pause(ctx, 100*time.Millisecond) {
		if time.Since(began) > 90*time.Second {
			w.t.Fatal("there is no first load")
		}
	}
	return func() {
		cancel()
		all.Wait()
	}
}

// readSince reports that every feed has been read after t.
func (w *wilderness) readSince(ctx context.Context, t time.Time) (read bool) {
	err := w.owner.QueryRowContext(ctx, `SELECT count(*) = $2 AND coalesce(bool_and(coalesce(as_of > $1, false)), false) FROM feeds WHERE offered AND entity <> 'partners'`, t, 2*len(w.trial.ways)).Scan(&read)
	return err == nil && read
}

// rage lets a spell pass: the core changes, workers are killed, the line to the core hangs and breaks, the portal's database restarts.
func (w *wilderness) rage(s spell) {
	ctx, calm := context.WithTimeout(w.t.Context(), s.lasts)
	defer calm()
	var all gosync.WaitGroup
	all.Go(func() { // one worker after the other is killed
		for n := 0; pause(ctx, w.trial.kills); n++ {
			w.kill(n % len(w.workers))
			w.spawn(n % len(w.workers))
			w.killed.Add(1)
		}
	})
	all.Go(func() { // in the middle of whatever is read
		for n := 0; pause(ctx, s.lasts/4); n++ {
			how := `{"name": "harm", "type": "timeout", "stream": "downstream", "attributes": {"timeout": 0}}`
			if n%2 == 1 {
				how = `{"name": "harm", "type": "limit_data", "stream": "downstream", "attributes": {"bytes": 3000}}`
			}
			if _, err := w.line.Toxics.AddToxicJson(strings.NewReader(how)); err != nil {
				w.t.Errorf("harming the line: %v", err)
			}
			pause(w.t.Context(), time.Second)
			if err := w.line.Toxics.RemoveToxic(w.t.Context(), "harm"); err != nil && w.t.Context().Err() == nil {
				w.t.Errorf("healing the line: %v", err)
			}
		}
	})
	all.Go(func() {
		if pause(ctx, s.lasts/2) {
			w.restart()
		}
	})
	w.core.write(w.t, s)
	all.Wait()
}

// until waits until the differences are as wanted, at most for patience.
func (w *wilderness) until(patience time.Duration, wanted func([]difference) bool) (by []difference, err error) {
	for began := time.Now(); ; pause(w.t.Context(), 200*time.Millisecond) {
		if by, err = w.compare(w.t.Context()); err == nil && wanted(by) {
			return by, nil
		}
		if time.Since(began) > patience {
			return by, errors.Join(errLate, err)
		}
	}
}

// settled returns what differs after every feed has been read once more.
func (w *wilderness) settled(patience time.Duration) ([]difference, error) {
	ended := time.Now().Add(time.Second)
	return w.until(patience, func([]difference) bool { return w.readSince(w.t.Context(), ended) })
}

func (w *wilderness) compare(ctx context.Context) (by []difference, err error) {
	by = make([]difference, len(w.trial.ways))
	for i := range by {
		d, e := w.core.compare(ctx, w.owner, likenesses[i])
		by[i], err = d, errors.Join(err, e)
	}
	return by, err
}

// overNetwork lets a server that listens on a socket of the file system be reached over the network.
func overNetwork(t testing.TB, socket string) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("unix", socket)
			if err != nil {
				near.Close()
				continue
			}
			go func() { io.Copy(far, near); far.Close() }()  //nolint:errcheck // either end may go
			go func() { io.Copy(near, far); near.Close() }() //nolint:errcheck // either end may go
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// runPrinted runs what extranet mapping marks prints, as the core's administrator does.
func runPrinted(t testing.TB, core *sql.DB, isMySQL bool, printed string) {
	t.Helper()
	if !isMySQL {
		_, err := core.Exec(strings.ReplaceAll(printed, "TO extranet_reader;", "TO postgres;"))
		must(t, err)
		return
	}
	for _, statement := range mysqlStatements(printed) {
		if _, err := core.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// mysqlStatements cuts a script as the mysql client does.
func mysqlStatements(script string) (list []string) {
	end, statement := ";", ""
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if to, ok := strings.CutPrefix(line, "DELIMITER "); ok {
			end = to
			continue
		}
		if line == "" || strings.HasPrefix(line, "--") {
			continue
		}
		statement += line + "\n"
		if whole, ok := strings.CutSuffix(strings.TrimSpace(statement), end); ok {
			list, statement = append(list, whole), ""
		}
	}
	return list
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
	byMarks     = "    way: marks"
	byLogical   = "    way: logical"
)

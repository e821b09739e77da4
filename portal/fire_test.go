package portal_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"extranet/portal"
	"extranet/portal/portaltest"
	sandboxredis "extranet/sandbox/redis"
)

// patient is a client of Redis as the portal's server makes it.
func patient(t *testing.T, addr string) *redis.Client {
	c := redis.NewClient(&redis.Options{
		Addr: addr, DialTimeout: 300 * time.Millisecond, ReadTimeout: 150 * time.Millisecond, WriteTimeout: 150 * time.Millisecond, PoolTimeout: 100 * time.Millisecond,
		MaxRetries: -1, ContextTimeoutEnabled: true,
	})
	t.Cleanup(func() { c.Close() })
	return c
}

var names = map[int64]string{portaltest.Acme: "Acme Tyres", portaltest.Brock: "Brock Wheels"}

// ownName reads the caller's company in a transaction of their own, and fails when Postgres takes them for somebody else.
func ownName(ctx context.Context, db *portal.DB, by portal.Caller, sleep string) (name string, err error) {
	err = db.Do(ctx, by, func(tx *portal.Tx) error {
		var r struct {
			Role, Partner, Name string
			Seen                int
		}
		err := tx.Get(ctx, &r, `
			SELECT current_user AS role, current_setting('app.partner') AS partner, (SELECT count(*) FROM partners) AS seen, name
			FROM partners, pg_sleep($2::float8) WHERE partner_id = $1`, by.PartnerID, sleep)
		if err != nil {
			return err
		}
		if r.Role != "extranet_partner" || r.Partner != fmt.Sprint(by.PartnerID) || r.Seen != 1 {
			return fmt.Errorf("CROSSED: %s is %s of %s and sees %d partners", by.Name, r.Role, r.Partner, r.Seen)
		}
		name = r.Name
		return nil
	})
	return name, err
}

// TestUnderFire: requests that are cut off midway, connections that are killed, and a Redis that comes and goes mix nothing up
// and leave nothing behind. Whom nobody cut off is answered.
func TestUnderFire(t *testing.T) {
	for name, killing := range map[string]bool{"cut off": false, "cut off and killed": true} {
		t.Run(name, func(t *testing.T) {
			far, err := sandboxredis.Start(t.Context())
			must(t, err)
			t.Cleanup(func() { far.Stop() })
			p := portaltest.NewWith(t, portal.Options{MaxConns: 8, Redis: patient(t, far.Addr())})
			settle(t, p)
			var asked, answered, cut, unavailable, killed atomic.Int64
			var asking, firing sync.WaitGroup
			over := make(chan struct{})
			every := func(d time.Duration, f func()) {
				firing.Go(func() {
					for tick := time.NewTicker(d); ; {
						select {
						case <-over:
							tick.Stop()
							return
						case <-tick.C:
							f()
						}
					}
				})
			}
			every(10*time.Millisecond, func() {
				err := p.AsWorker(context.Background(), "test", func(tx *portal.Tx) error { tx.Changed("orders", portaltest.Acme, portaltest.Brock); return nil })
				if err != nil && (!killing || kind(err) != portal.Unavailable) {
					t.Error(err)
				}
			})
			if killing {
				every(25*time.Millisecond, func() {
					kill, err := p.Owner.Exec(`SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = 'portal' ORDER BY random() LIMIT 1) a`)
					if err != nil {
						t.Error(err)
						return
					}
					n, _ := kill.RowsAffected()
					killed.Add(n)
				})
			}
			const want = 20_000
			for range 16 {
				asking.Go(func() {
					for asked.Add(1) <= want {
						by := portaltest.As(portaltest.Acme)
						if rand.IntN(2) == 0 {
							by = portaltest.As(portaltest.Brock)
						}
						ctx, cancel, cutting := t.Context(), func() {}, rand.IntN(5) == 0
						if cutting {
							c, stop := context.WithCancel(ctx)
							ctx, cancel = c, stop
							time.AfterFunc(time.Duration(rand.IntN(1500))*time.Microsecond, stop)
						}
						sleep := "0"
						if rand.IntN(20) == 0 {
							sleep = "0.002"
						}
						var got string
						var err error
						if rand.IntN(4) == 0 {
							got, err = ownName(ctx, p.DB, by, sleep)
						} else {
							got, err = portal.Cached(ctx, p.DB, by, "orders", fmt.Sprint("key ", rand.IntN(20)), func(ctx context.Context) (string, error) { return ownName(ctx, p.DB, by, sleep) })
						}
						cancel()
						switch {
						case err == nil && got == names[by.PartnerID]:
							answered.Add(1)
						case err == nil:
							t.Errorf("CROSSED: %s was told %q", by.Name, got)
						case strings.Contains(err.Error(), "CROSSED"):
							t.Error(err)
						case cutting:
							cut.Add(1)
						case killing && kind(err) == portal.Unavailable:
							unavailable.Add(1)
						default:
							t.Errorf("whom nobody cut off was told %v", err)
						}
					}
				})
			}
			asking.Wait()
			close(over)
			firing.Wait()
			t.Logf("%d answered, %d cut off, %d told to come back, %d connections killed", answered.Load(), cut.Load(), unavailable.Load(), killed.Load())
			// A killed connection costs the one request that was using it, and no other.
			if answered.Load() < want*7/10 || unavailable.Load() > killed.Load() {
				t.Errorf("of %d only %d were answered, and %d were told to come back after %d kills", want, answered.Load(), unavailable.Load(), killed.Load())
			}
			// Nothing is left over: no transaction, no role, no partner.
			for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
				var open, connections int
				must(t, p.Owner.QueryRow(`SELECT count(*) FILTER (WHERE state <> 'idle'), count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'portal'`).Scan(&open, &connections))
				if open == 0 && connections <= 9 {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%d of %d connections are at work still", open, connections)
				}
			}
			for left := 8; left > 0; {
				c, err := p.Pool().Conn(t.Context())
				must(t, err)
				defer c.Close()
				var role, partner string
				err = c.QueryRowContext(t.Context(), `SELECT current_user, coalesce(current_setting('app.partner', true), '')`).Scan(&role, &partner)
				if killing && err != nil { // it was killed after its last use
					c.Close()
					continue
				}
				must(t, err)
				if left--; role != "portal" || partner != "" {
					t.Errorf("a connection is left as %s of partner %q", role, partner)
				}
			}
		})
	}
}

// TestKilledIdle: connections that died while nobody used them are no caller's business.
func TestKilledIdle(t *testing.T) {
	t.Parallel()
	p := portaltest.NewWith(t, portal.Options{MaxConns: 8})
	for range 5 {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if _, err := ownName(t.Context(), p.DB, portaltest.As(portaltest.Acme), "0.005"); err != nil {
					t.Errorf("after the connections were killed: %v", err)
				}
			})
		}
		all.Wait()
		p.Arrange(t, `SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'portal'`)
	}
}

// readThrough asks as both partners, with many keys, from many goroutines, and returns how long each took, in order.
func readThrough(t *testing.T, db *portal.DB, requests int) (first, p99 time.Duration) {
	t.Helper()
	var mu sync.Mutex
	var took []time.Duration
	ask := func(n int) {
		by := portaltest.As(portaltest.Acme)
		if n%2 == 0 {
			by = portaltest.As(portaltest.Brock)
		}
		began := time.Now()
		got, err := portal.Cached(t.Context(), db, by, "orders", fmt.Sprint("key ", n), func(ctx context.Context) (string, error) { return ownName(ctx, db, by, "0") })
		if err != nil || got != names[by.PartnerID] {
			t.Errorf("%s was told %q, %v", by.Name, got, err)
		}
		mu.Lock()
		defer mu.Unlock()
		took = append(took, time.Since(began))
	}
	ask(0)
	first = took[0]
	var next atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for n := next.Add(1); n < int64(requests); n = next.Add(1) {
				ask(int(n))
			}
		})
	}
	all.Wait()
	slices.Sort(took)
	return first, took[len(took)*99/100]
}

// TestRedis_silent: a Redis that takes the connection and says nothing costs the first who ask a moment, and the others nothing.
func TestRedis_silent(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	var connections atomic.Int64
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			t.Cleanup(func() { c.Close() })
		}
	}()
	p := portaltest.NewWith(t, portal.Options{Redis: patient(t, listener.Addr().String())})
	settle(t, p)
	// For long enough that Redis is tried again several times.
	for began, n := time.Now(), 0; time.Since(began) < 5*time.Second; n++ {
		change(t, p, portaltest.Acme)
		change(t, p, portaltest.Brock)
		first, p99 := readThrough(t, p.DB, 1000)
		if first > 500*time.Millisecond || p99 > 100*time.Millisecond {
			t.Errorf("round %d: the first answer took %s, 99 of 100 took up to %s", n, first, p99)
		}
	}
	if n := connections.Load(); n == 0 || n > 8 {
		t.Errorf("a silent Redis was tried %d times", n)
	}
}

// TestRedis_lies: what Redis gives under a key that is not its own is nobody's answer.
func TestRedis_lies(t *testing.T) {
	t.Parallel()
	mini := miniredis.RunT(t)
	var lies atomic.Int64
	mini.Server().SetPreHook(func(c *server.Peer, cmd string, args ...string) bool {
		if !strings.EqualFold(cmd, "GET") {
			return false
		}
		for _, key := range mini.Keys() {
			if key != args[0] && key[:3] != args[0][:3] { // another partner's
				body, _ := mini.Get(key)
				lies.Add(1)
				c.WriteBulk(body)
				return true
			}
		}
		return false
	})
	p := portaltest.NewWith(t, portal.Options{Redis: patient(t, mini.Addr())})
	settle(t, p)
	readThrough(t, p.DB, 500)
	if lies.Load() < 400 {
		t.Errorf("Redis lied %d times", lies.Load())
	}
}

// TestRedis_refusesWrites: a Redis that takes nothing down is as good as none.
func TestRedis_refusesWrites(t *testing.T) {
	t.Parallel()
	mini := miniredis.RunT(t)
	refuses := atomic.Bool{}
	refuses.Store(true)
	mini.Server().SetPreHook(func(c *server.Peer, cmd string, _ ...string) bool {
		if refuses.Load() && strings.EqualFold(cmd, "SET") {
			c.WriteError("READONLY You can't write against a read only replica.")
			return true
		}
		return false
	})
	p := portaltest.NewWith(t, portal.Options{Redis: patient(t, mini.Addr())})
	settle(t, p)
	if first, p99 := readThrough(t, p.DB, 2000); first > 500*time.Millisecond || p99 > 100*time.Millisecond {
		t.Errorf("the first answer took %s, 99 of 100 took up to %s", first, p99)
	}
	if n := len(mini.Keys()); n != 0 {
		t.Errorf("%d keys were written", n)
	}
	refuses.Store(false)
	for deadline := time.Now().Add(30 * time.Second); len(mini.Keys()) == 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("Redis works again and is not used")
		}
		change(t, p, portaltest.Acme)
		readThrough(t, p.DB, 10)
	}
}

// A wire lies between the portal and its database, and can stop carrying without a word.
type wire struct {
	url   string
	mu    sync.Mutex
	deaf  []*atomic.Bool // of each connection that carries the news
	every atomic.Bool    // nothing is carried on any connection
}

func newWire(t *testing.T, p *portaltest.Portal) *wire {
	t.Helper()
	u, err := url.Parse(p.URL)
	must(t, err)
	socket := u.Query().Get("host") + "/.s.PGSQL." + u.Query().Get("port")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	host, port, _ := net.SplitHostPort(listener.Addr().String())
	u.RawQuery = url.Values{"host": {host}, "port": {port}, "sslmode": {"disable"}}.Encode()
	w := &wire{url: u.String()}
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("unix", socket)
			if err != nil {
				near.Close()
				continue
			}
			t.Cleanup(func() { near.Close(); far.Close() })
			deaf := &atomic.Bool{}
			carry := func(to, from net.Conn) {
				b := make([]byte, 64<<10)
				for {
					n, err := from.Read(b)
					if deaf.Load() || w.every.Load() {
						io.Copy(io.Discard, from)
						return
					}
					if strings.Contains(string(b[:n]), "LISTEN") {
						w.mu.Lock()
						w.deaf = append(w.deaf, deaf)
						w.mu.Unlock()
					}
					if _, w := to.Write(b[:n]); err != nil || w != nil {
						to.Close()
						return
					}
				}
			}
			go carry(far, near)
			go carry(near, far)
		}
	}()
	return w
}

// cut stops what carries the news now, and lets new connections work.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.deaf {
		d.Store(true)
	}
}

func (w *wire) open(t *testing.T) *portal.DB {
	t.Helper()
	db, err := portal.Open(t.Context(), portal.Options{URL: w.url})
	must(t, err)
	hear(t, db)
	return db
}

func hear(t *testing.T, db *portal.DB) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !db.Hears(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no news")
		}
	}
}

// TestNews_halfOpen: when the connection that carries the news is dead and nobody says so, what is in memory is given for no longer
// than three seconds, and a new connection brings the news back.
func TestNews_halfOpen(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	w := newWire(t, p)
	db := w.open(t)
	defer db.Close()
	acme := portaltest.As(portaltest.Acme)
	var version atomic.Value
	version.Store("old")
	loads := 0
	ask := func() string {
		v, err := portal.Cached(t.Context(), db, acme, "orders", "k", func(context.Context) (string, error) { loads++; return version.Load().(string), nil })
		must(t, err)
		return v
	}
	ask()
	if ask(); loads != 1 {
		t.Fatalf("%d loads, want 1: nothing is kept", loads)
	}
	w.cut()
	version.Store("new")
	change(t, p, portaltest.Acme)
	began := time.Now()
	for ask() != "new" {
		time.Sleep(10 * time.Millisecond)
		if time.Since(began) > 10*time.Second {
			t.Fatal("a process that hears nothing still answers from memory")
		}
	}
	if took := time.Since(began); took > 3300*time.Millisecond {
		t.Errorf("it answered from memory for %s more, want 3 s at most", took)
	}
	hear(t, db)
	ask()
	loads = 0
	if ask(); loads != 0 {
		t.Error("the news is back, and nothing is kept")
	}
	version.Store("newer")
	change(t, p, portaltest.Acme)
	for began = time.Now(); ask() != "newer"; {
		if time.Since(began) > time.Second {
			t.Fatal("the new connection carries no news")
		}
	}
}

// TestClose_halfOpen: a portal closes promptly, whatever its connections do.
func TestClose_halfOpen(t *testing.T) {
	t.Parallel()
	for what, after := range map[string]time.Duration{"at once": 0, "in the middle of a ping": 1500 * time.Millisecond, "while it connects anew": 7 * time.Second} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, portaltest.New(t))
			db := w.open(t)
			w.every.Store(true)
			time.Sleep(after)
			began := time.Now()
			db.Close()
			if took := time.Since(began); took > time.Second {
				t.Errorf("closing took %s", took)
			}
		})
	}
}

// TestNews_manyAtOnce: however much news comes, the proof that it comes gets through, and the portal closes promptly.
func TestNews_manyAtOnce(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	hear(t, p.DB)
	for range 20 {
		p.Arrange(t, `SELECT pg_notify('extranet', '{"n":"orders","p":{"2":' || n || '}}') FROM generate_series(1, 5000) n`)
	}
	time.Sleep(3 * time.Second) // what was proved before counts no more
	hear(t, p.DB)
	for range 5 {
		db, err := portal.Open(t.Context(), portal.Options{URL: p.URL})
		must(t, err)
		hear(t, db)
		p.Arrange(t, `SELECT pg_notify('extranet', '{"n":"orders","p":{"2":' || n || '}}') FROM generate_series(1, 20000) n`)
		began := time.Now()
		db.Close()
		if took := time.Since(began); took > time.Second {
			t.Errorf("closing took %s", took)
		}
	}
}

// TestMadeUpIDs_areNotRemembered: who does not exist is not there at every time of asking, and leaves nothing in memory.
func TestMadeUpIDs_areNotRemembered(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	hear(t, p.DB)
	_, err := portal.Cached(t.Context(), p.DB, portaltest.As(portaltest.Acme), "orders", "k", func(context.Context) (string, error) { return "", nil })
	must(t, err)
	before := p.Remembered()
	if before == 0 {
		t.Error("a partner without a generation is not remembered")
	}
	load := func(context.Context) (string, error) { t.Error("nobody was asked for"); return "", nil }
	for n := range int64(100) {
		_, err := portal.Cached(t.Context(), p.DB, portaltest.As(1000+n), "access", "token", load)
		if kind(err) != portal.NotFound {
			t.Fatalf("no such partner: %v", err)
		}
		_, err = portal.CachedAccess(t.Context(), p.DB, uuid.New(), "session", load)
		if kind(err) != portal.NotFound {
			t.Fatalf("no such person: %v", err)
		}
	}
	if after := p.Remembered(); after != before {
		t.Errorf("%d generations are remembered after made-up ids, %d before", after, before)
	}
}

package portal_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"context"

	"extranet/portal"
	"extranet/portal/portaltest"
)

func TestMain(m *testing.M) { os.Exit(portaltest.Main(m)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func kind(err error) portal.Kind { return portal.Says(err).Kind }

// TestDo_seesOnePartner shows the fence itself: a query without a predicate returns the caller's rows alone.
func TestDo_seesOnePartner(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	for partner, want := range map[int64]int{portaltest.Acme: 2, portaltest.Brock: 1, portaltest.Cord: 0} {
		must(t, p.Do(t.Context(), portaltest.As(partner), func(tx *portal.Tx) error {
			var n int
			err := tx.Get(t.Context(), &n, `SELECT count(*) FROM sites`)
			if n != want {
				t.Errorf("partner %d sees %d sites, want %d", partner, n, want)
			}
			return err
		}))
	}
	err := p.Do(t.Context(), portal.Caller{}, func(*portal.Tx) error { t.Error("nobody got in"); return nil })
	if kind(err) != portal.Unauthenticated {
		t.Errorf("nobody: %v, want Unauthenticated", err)
	}
	err = p.AcrossPartners(t.Context(), portaltest.As(portaltest.Acme, portal.PartnersRead), portal.PartnersRead, func(*portal.Tx) error { t.Error("a dealer reached across"); return nil })
	if kind(err) != portal.Forbidden {
		t.Errorf("dealer across partners: %v, want Forbidden", err)
	}
	must(t, p.AcrossPartners(t.Context(), portaltest.As(portaltest.Host, portal.PartnersRead), portal.PartnersRead, func(tx *portal.Tx) error {
		var n int
		err := tx.Get(t.Context(), &n, `SELECT count(*) FROM sites`)
		if n != 3 {
			t.Errorf("the host sees %d sites, want 3", n)
		}
		return err
	}))
}

// TestLoginRole_canDoNothing: a connection that has not become a role reads nothing.
func TestLoginRole_canDoNothing(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	for _, table := range []string{"partners", "sites", "people", "sessions", "audit", "orders", "feeds", "quarantine"} {
		var denied bool
		must(t, p.Owner.QueryRow(`SELECT NOT has_table_privilege('portal', $1, 'SELECT')`, table).Scan(&denied))
		if !denied {
			t.Errorf("the login role itself may read %s", table)
		}
	}
}

func TestDo_errorUndoes(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	boom := errors.New("boom")
	err := p.Do(t.Context(), portaltest.As(portaltest.Acme), func(tx *portal.Tx) error {
		must(t, tx.Audit(t.Context(), "test", "thing", nil))
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	var n int
	must(t, p.Owner.QueryRow(`SELECT count(*) FROM audit`).Scan(&n))
	if n != 0 {
		t.Errorf("%d audit rows after an error, want 0", n)
	}
}

func TestAudit_chain(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	acme := portaltest.As(portaltest.Acme)
	for range 5 {
		must(t, p.Do(t.Context(), acme, func(tx *portal.Tx) error {
			return tx.Audit(t.Context(), "orders.export", "orders", map[string]string{"format": "csv"})
		}))
	}
	verify := func() (n int64, err error) {
		err = p.Do(t.Context(), acme, func(tx *portal.Tx) (err error) {
			n, err = portal.VerifyAudit(t.Context(), tx, portaltest.Acme)
			return err
		})
		return n, err
	}
	if n, err := verify(); n != 5 || err != nil {
		t.Fatalf("verify = %d, %v, want 5 rows", n, err)
	}
	for _, statement := range []string{`UPDATE audit SET actor = 'x'`, `DELETE FROM audit`, `TRUNCATE audit`} {
		err := p.Do(t.Context(), acme, func(tx *portal.Tx) error { _, err := tx.Exec(t.Context(), statement); return err })
		if err == nil {
			t.Errorf("%s went through", statement)
		}
	}
	for name, c := range map[string]struct{ statement, want string }{
		"altered": {`UPDATE audit SET detail = '{"format":"xlsx"}' WHERE seq = 3`, "audit row 3 was altered"},
		"removed": {`DELETE FROM audit WHERE seq = 3`, "audit row 3 is missing"},
		"tail":    {`DELETE FROM audit WHERE seq >= 4`, "audit row 4 is missing"},
	} {
		p.Arrange(t, `BEGIN; CREATE TABLE kept AS SELECT * FROM audit; `+c.statement+`; COMMIT`)
		_, err := verify()
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: verify says %v, want %q", name, err, c.want)
		}
		p.Arrange(t, `BEGIN; DELETE FROM audit; INSERT INTO audit SELECT * FROM kept; DROP TABLE kept; COMMIT`)
	}
}

func TestCached(t *testing.T) {
	t.Parallel()
	mini := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: mini.Addr(), MaxRetries: -1})
	t.Cleanup(func() { client.Close() })
	p := portaltest.NewWith(t, portal.Options{Redis: client})
	acme, brock := portaltest.As(portaltest.Acme, portal.OrdersRead), portaltest.As(portaltest.Brock, portal.OrdersRead)
	loads := 0
	ask := func(by portal.Caller) string {
		t.Helper()
		v, err := portal.Cached(t.Context(), p.DB, by, "orders", "list", func(context.Context) (string, error) {
			loads++
			return by.Name, nil
		})
		must(t, err)
		if v != by.Name {
			t.Fatalf("%s was told %q", by.Name, v)
		}
		return v
	}
	steps := []struct {
		what  string
		do    func()
		by    portal.Caller
		loads int
	}{
		{"first", func() {}, acme, 1},
		{"again", func() {}, acme, 1},
		{"another partner", func() {}, brock, 2},
		{"another scope", func() {}, portal.Caller{PartnerID: acme.PartnerID, Name: "narrow", Perms: acme.Perms, Sites: []string{"D101"}}, 3},
		{"after a change", func() { change(t, p, portaltest.Acme) }, acme, 4},
		{"the other is untouched", func() {}, brock, 4},
		{"Redis gone", mini.Close, acme, 4},
		{"Redis gone, after a change", func() { change(t, p, portaltest.Acme) }, acme, 5},
	}
	settle(t, p)
	for _, s := range steps {
		s.do()
		ask(s.by)
		if loads != s.loads {
			t.Errorf("%s: %d loads, want %d", s.what, loads, s.loads)
		}
	}
}

// TestCached_acrossProcesses: what one process changes, another does not answer from memory.
func TestCached_acrossProcesses(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	other, err := portal.Open(t.Context(), portal.Options{URL: p.URL})
	must(t, err)
	defer other.Close()
	acme := portaltest.As(portaltest.Acme)
	version := "old"
	ask := func() string {
		v, err := portal.Cached(t.Context(), other, acme, "orders", "k", func(context.Context) (string, error) { return version, nil })
		must(t, err)
		return v
	}
	settle(t, p)
	ask()
	version = "new"
	change(t, p, portaltest.Acme)
	for deadline := time.Now().Add(2 * time.Second); ask() != "new"; {
		if time.Now().After(deadline) {
			t.Fatal("the other process still answers from before the change")
		}
	}
	// An answer that was loaded before the listener was cut off is not given after it.
	version = "newer"
	p.Arrange(t, `UPDATE generations SET generation = generation + 1; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = '' AND usename = 'portal' AND datname = current_database()`)
	for deadline := time.Now().Add(5 * time.Second); ask() != "newer"; {
		if time.Now().After(deadline) {
			t.Fatal("a process that lost the news still answers from memory")
		}
	}
}

// settle waits until the news arrives.
func settle(t *testing.T, p *portaltest.Portal) {
	t.Helper()
	hear(t, p.DB)
}

func change(t *testing.T, p *portaltest.Portal, partner int64) {
	t.Helper()
	must(t, p.AsWorker(t.Context(), "test", func(tx *portal.Tx) error { tx.Changed("orders", partner); return nil }))
}

func TestAccessChanged(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	id := uuid.New()
	p.Arrange(t, `INSERT INTO people (person_id, name, email, created_at) VALUES ($1, 'Dana', 'dana@acme.example', now())`, id)
	settle(t, p)
	version := "in"
	ask := func() string {
		v, err := portal.CachedAccess(t.Context(), p.DB, id, "session", func(context.Context) (string, error) { return version, nil })
		must(t, err)
		return v
	}
	ask()
	version = "out"
	if got := ask(); got != "in" {
		t.Errorf("before the change: %q, want the kept answer", got)
	}
	must(t, p.AtTheDoor(t.Context(), func(tx *portal.Tx) error { tx.AccessChanged(id); return nil }))
	if got := ask(); got != "out" {
		t.Errorf("right after the change: %q, want out", got)
	}
}

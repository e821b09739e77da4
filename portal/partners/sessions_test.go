package partners_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"extranet/portal"
	"extranet/portal/partners"
	"extranet/portal/portaltest"
)

// TestSessions_twoProcesses: what one process sees, and what one ends, holds for the other.
func TestSessions_twoProcesses(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	var passed atomic.Int64
	now := func() time.Time { return portaltest.Now.Add(time.Duration(passed.Load())) }
	p.DB.Now = now
	second, err := portal.Open(t.Context(), portal.Options{URL: p.URL})
	must(t, err)
	second.Now = now
	t.Cleanup(func() { second.Close() })
	here, there := partners.NewSessions(p.DB, partners.Limits{Idle: time.Minute}, nil), partners.NewSessions(second, partners.Limits{Idle: time.Minute}, nil)
	t.Cleanup(there.Close)
	by := member(t, p, portaltest.Acme, "dana", "viewer")
	cookie := start(t, p, here, by)
	ask := func(s *partners.Sessions, what string, want portal.Kind) {
		t.Helper()
		_, err := s.Resolve(t.Context(), cookie)
		wants(t, what, err, want)
	}
	ask(here, "here", -1)
	ask(there, "there", -1)
	// Used here alone, past the limit as the other process knows it.
	for range 4 {
		passed.Add(int64(40 * time.Second))
		ask(here, "used here", -1)
	}
	time.Sleep(300 * time.Millisecond) // a session that had been quiet is written at once
	passed.Add(int64(58 * time.Second))
	ask(there, "used there, 58 s later", -1)
	passed.Add(int64(59 * time.Second))
	here.Close() // writes what is not written
	ask(there, "59 s later", -1)
	passed.Add(int64(60 * time.Second))
	ask(there, "60 s later", portal.Unauthenticated)
	ask(there, "and after that", portal.Unauthenticated)

	// A peek is no use.
	cookie = start(t, p, there, by)
	passed.Add(int64(50 * time.Second))
	if _, err := there.Peek(t.Context(), cookie); err != nil {
		t.Error(err)
	}
	passed.Add(int64(10 * time.Second))
	ask(there, "idle but for a peek", portal.Unauthenticated)

	// Ended in one process, refused in the other on the next request it hears of.
	third := partners.NewSessions(p.DB, partners.Limits{Idle: time.Minute}, nil)
	t.Cleanup(third.Close)
	cookie = start(t, p, third, by)
	ask(third, "before", -1)
	ask(there, "before", -1)
	caller, err := third.Resolve(t.Context(), cookie)
	must(t, err)
	if _, err := third.Logout(t.Context(), caller); err != nil {
		t.Fatal(err)
	}
	ask(third, "ended here", portal.Unauthenticated)
	for deadline := time.Now().Add(2 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := there.Resolve(t.Context(), cookie); err != nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("ended in one process, and good in the other")
		}
	}
	_, err = third.Logout(t.Context(), caller)
	wants(t, "a second logout", err, portal.Unauthenticated)
}

// TestSessions_outliveRedis: losing Redis logs nobody out, and nobody back in.
func TestSessions_outliveRedis(t *testing.T) {
	t.Parallel()
	mini := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: mini.Addr(), MaxRetries: -1})
	t.Cleanup(func() { client.Close() })
	p := portaltest.NewWith(t, portal.Options{Redis: client})
	s := partners.NewSessions(p.DB, partners.Limits{}, nil)
	t.Cleanup(s.Close)
	by := member(t, p, portaltest.Acme, "dana", "viewer", "partner-admin")
	one, two := start(t, p, s, by), start(t, p, s, by)
	for range 2 {
		for _, c := range []string{one, two} {
			got, err := s.Resolve(t.Context(), c)
			must(t, err)
			if got.PersonID != by.PersonID || got.PartnerID != by.PartnerID || got.Name != "dana" || got.Perms != by.Perms || got.Sites != nil || got.PartnerName != "Acme Tyres" || got.PartnerKind != "dealer" {
				t.Errorf("resolved %+v", got)
			}
		}
	}
	mini.Close()
	caller, err := s.Resolve(t.Context(), one)
	must(t, err)
	if n, err := s.EndOthers(t.Context(), caller); n != 1 || err != nil {
		t.Errorf("ended %d, %v", n, err)
	}
	_, err = s.Resolve(t.Context(), two)
	wants(t, "ended while Redis is gone", err, portal.Unauthenticated)
	_, err = s.Resolve(t.Context(), one)
	wants(t, "this one stays", err, -1)
}

func TestSweep(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	s := partners.NewSessions(p.DB, partners.Limits{}, nil)
	t.Cleanup(s.Close)
	by := member(t, p, portaltest.Acme, "dana", "viewer")
	start(t, p, s, by)
	start(t, p, s, by)
	must(t, p.AtTheDoor(t.Context(), func(tx *portal.Tx) error {
		for i, expires := range []time.Time{tx.Now.Add(-time.Second), tx.Now.Add(time.Minute)} {
			if err := partners.BeginLogin(t.Context(), tx, partners.Login{StateHash: []byte{byte(i)}, BrowserHash: []byte{1}, ExpiresAt: expires}); err != nil {
				return err
			}
		}
		return nil
	}))
	p.Arrange(t, `UPDATE sessions SET id_token = 'x', expires_at = expires_at - CASE WHEN session_hash = (SELECT min(session_hash::text)::bytea FROM sessions) THEN interval '100 days' ELSE interval '0' END`)
	must(t, p.AtTheDoor(t.Context(), func(tx *portal.Tx) error { return partners.Sweep(t.Context(), tx) }))
	for query, want := range map[string]int{`SELECT count(*) FROM logins`: 1, `SELECT count(*) FROM sessions`: 1, `SELECT count(*) FROM sessions WHERE id_token = 'x'`: 1} {
		var n int
		must(t, p.Owner.QueryRow(query).Scan(&n))
		if n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	p := portaltest.New(b)
	s := partners.NewSessions(p.DB, partners.Limits{}, nil)
	b.Cleanup(s.Close)
	by := member(b, p, portaltest.Acme, "dana", "viewer")
	cookie := start(b, p, s, by)
	time.Sleep(300 * time.Millisecond) // the news arrives
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Resolve(context.Background(), cookie); err != nil {
			b.Fatal(err)
		}
	}
}

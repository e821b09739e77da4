package main

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"
)

// get asks the API as the person's token and decodes the answer.
func (r *running) get(t *testing.T, email, path string, into any) int {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.base+path, nil)
	must(t, err)
	q.Header.Set("Authorization", "Bearer "+r.tokens[email])
	a, err := http.DefaultClient.Do(q)
	must(t, err)
	defer a.Body.Close()
	if into != nil && a.StatusCode == http.StatusOK {
		must(t, json.NewDecoder(a.Body).Decode(into))
	}
	return a.StatusCode
}

// TestGone takes Redis, then the issuer, then the core away: who is in works on, and is told how old the figures are.
func TestGone(t *testing.T) {
	r := start(t)
	const dana = "dana@veldhorst.example"
	type list struct {
		Items     []struct{ Number, Status string }
		Freshness struct {
			BehindSince *time.Time `json:"behind_since"`
		}
	}
	ask := func(what string) (l list) {
		t.Helper()
		began := time.Now()
		if code := r.get(t, dana, "/api/v1/orders", &l); code != http.StatusOK || len(l.Items) == 0 {
			t.Fatalf("%s: %d with %d orders, want 200 with some", what, code, len(l.Items))
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s: answered in %s", what, took)
		}
		return l
	}
	ask("all there")
	r.redis.Stop()
	ask("Redis gone")
	must(t, r.issuer.Stop())
	ask("the issuer gone")
	// The core refuses connections from now on, and cuts those it has.
	var name string
	must(t, r.core.QueryRow(`SELECT current_database()`).Scan(&name))
	admin := r.admin(t)
	for _, s := range []string{`ALTER DATABASE ` + name + ` ALLOW_CONNECTIONS false`, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '` + name + `'`} {
		_, err := admin.Exec(s)
		must(t, err)
	}
	for end := time.Now().Add(30 * time.Second); ask("the core gone").Freshness.BehindSince == nil; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the core is gone, and the orders do not say since when they are behind")
		}
	}
	_, err := admin.Exec(`ALTER DATABASE ` + name + ` ALLOW_CONNECTIONS true`)
	must(t, err)
	for end := time.Now().Add(30 * time.Second); ask("the core back").Freshness.BehindSince != nil; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the core is back, and the orders still say that they are behind")
		}
	}
}

//go:build mutants

package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"extranet/portal"
	"extranet/portal/portaltest"
)

// TestMutants takes out the checks that MUTANTS numbers, one at a time, and asks with row security bypassed every route that passes
// by the check. It says of each by which route it was caught, if by any. It runs under the overlay of sandbox/mutants alone.
func TestMutants(t *testing.T) {
	var table []struct {
		Number      int
		Where, Text string
	}
	b, err := os.ReadFile(os.Getenv("MUTANTS_TABLE"))
	must(t, err)
	must(t, json.Unmarshal(b, &table))
	origin := newSuite(t, portaltest.NewWithoutRowSecurity(t))
	origin.dismiss()
	routes := slices.Sorted(slices.Values(origin.routes))
	copied := func(tb testing.TB, log *slog.Logger) *suite {
		s := openSuite(tb, origin.p.Copy(tb), log)
		s.visitors = maps.Clone(origin.visitors)
		return s
	}

	// What passes by few checks says the most about each; what only reads needs no fresh copy afterwards.
	passes := map[string]map[int]bool{}
	kept := os.Getenv("MUTANTS_TABLE") + ".passes"
	if b, err := os.ReadFile(kept); err != nil || json.Unmarshal(b, &passes) != nil {
		first := copied(t, slog.New(slog.DiscardHandler))
		for _, route := range routes {
			passes[route] = portal.MutantsPassed(func() { first.probe(route) })
		}
		if t.Failed() {
			t.Fatal("the suite is red without a mutant")
		}
		b, err := json.Marshal(passes)
		must(t, err)
		must(t, os.WriteFile(kept, b, 0o644))
	}
	reads := func(route string) int {
		if strings.HasPrefix(route, "GET") {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(routes, func(a, b string) int {
		return cmp.Or(reads(a)-reads(b), len(passes[a])-len(passes[b]))
	})
	green := map[string]bool{} // by itself, on a fresh copy
	ask := func(route string, s *suite) {
		r := s.t.(*recorder)
		r.failed = ""
		r.run(func() { s.probe(route) })
	}
	var log bytes.Buffer
	faults := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))
	within, err := time.ParseDuration(cmp.Or(os.Getenv("MUTANTS_WITHIN"), "3h"))
	must(t, err)
	end := time.Now().Add(within)
	r := &recorder{TB: t}
	s := copied(r, faults)
	for _, word := range strings.Fields(os.Getenv("MUTANTS")) {
		n, err := strconv.Atoi(word)
		must(t, err)
		if time.Now().After(end) {
			break
		}
		log.Reset()
		by, spoiled := "", false
		for _, route := range routes {
			if !passes[route][n] {
				continue
			}
			spoiled = spoiled || reads(route) > 0
			portal.SetMutant(n)
			ask(route, s)
			portal.SetMutant(0)
			if r.failed == "" {
				continue
			}
			if _, known := green[route]; !known {
				alone := &recorder{TB: t}
				ask(route, copied(alone, slog.New(slog.DiscardHandler)))
				green[route] = alone.failed == ""
				alone.end()
			}
			if green[route] {
				by = route
				break
			}
		}
		if spoiled {
			r.end()
			s = copied(r, faults)
		}
		if by != "" {
			fmt.Printf("CAUGHT %d %s\n", n, by)
		} else {
			fmt.Printf("LIVES %d\n", n)
		}
		if bytes.Contains(log.Bytes(), []byte("pq: ")) {
			fmt.Printf("FAULT %d %.600s\n", n, bytes.ReplaceAll(log.Bytes(), []byte("\n"), []byte(" ")))
		}
	}
}

// A recorder takes what a test says against a route, and lets the next be asked.
type recorder struct {
	testing.TB
	failed string
	ends   []func()
}

type given struct{}

func (r *recorder) Helper()                   {}
func (r *recorder) Cleanup(f func())          { r.ends = append(r.ends, f) }
func (r *recorder) Error(a ...any)            { r.note(fmt.Sprint(a...)) }
func (r *recorder) Errorf(f string, a ...any) { r.note(fmt.Sprintf(f, a...)) }
func (r *recorder) Fatal(a ...any)            { r.note(fmt.Sprint(a...)); panic(given{}) }
func (r *recorder) Fatalf(f string, a ...any) { r.note(fmt.Sprintf(f, a...)); panic(given{}) }
func (r *recorder) FailNow()                  { r.note("failed"); panic(given{}) }
func (r *recorder) Failed() bool              { return r.failed != "" }
func (r *recorder) note(what string)          { r.failed = r.failed + what + "\n" }

func (r *recorder) run(f func()) {
	defer func() {
		if v := recover(); v != nil {
			if _, ok := v.(given); !ok {
				r.note(fmt.Sprint("panicked: ", v))
			}
		}
	}()
	f()
}

// end undoes what was begun, the last first.
func (r *recorder) end() {
	for _, f := range slices.Backward(r.ends) {
		f()
	}
	r.ends = nil
}

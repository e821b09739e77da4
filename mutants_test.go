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
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"extranet/portal"
	"extranet/portal/portaltest"
	"extranet/sandbox/httptext"
)

// TestMutants takes out the checks that MUTANTS numbers, one at a time, and asks with row security bypassed every route that passes
// by the check. It says of each by which route or story it was caught, if by any; of a check that another makes good, that both
// together are missed. It runs under the overlay of sandbox/mutants alone.
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

	// What can be asked: routes, those that only read first and what passes by few checks before what passes by many; then stories.
	var questions []question
	for _, route := range routes {
		questions = append(questions, question{name: route, reads: strings.HasPrefix(route, "GET"), ask: func(s *suite) { s.probe(route) }})
	}
	stories, err := filepath.Glob("testdata/*.txt")
	must(t, err)
	for _, story := range stories {
		questions = append(questions, question{name: story, story: true, ask: func(s *suite) { httptext.Tell(s.t, story, s.told()) }})
	}
	passes := map[string]map[int]bool{}
	kept := os.Getenv("MUTANTS_TABLE") + ".passes"
	quiet := slog.New(slog.DiscardHandler)
	if b, err := os.ReadFile(kept); err != nil || json.Unmarshal(b, &passes) != nil {
		s := copied(t, quiet)
		for _, q := range questions {
			if q.story {
				s = copied(t, quiet)
			}
			passes[q.name] = portal.MutantsPassed(func() { q.ask(s) })
		}
		if t.Failed() {
			t.Fatal("the suite is red without a mutant")
		}
		b, err := json.Marshal(passes)
		must(t, err)
		must(t, os.WriteFile(kept, b, 0o644))
	}
	slices.SortStableFunc(questions, func(a, b question) int {
		return cmp.Or(cmp.Compare(a.cost(), b.cost()), len(passes[a.name])-len(passes[b.name]))
	})

	var log bytes.Buffer
	r := &recorder{TB: t}
	var s *suite
	fresh := func() {
		r.end()
		s = copied(r, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError})))
	}
	fresh()
	red := func(q question, set func(), unset func()) bool {
		r.failed = ""
		set()
		r.run(func() { q.ask(s) })
		unset()
		return r.failed != ""
	}
	off, green := func() {}, map[string]bool{}
	// noticed reports whether the question turns red when the check is off, and is green when it is on.
	noticed := func(q question, set, unset func()) bool {
		if q.story {
			fresh()
		}
		if !red(q, set, unset) {
			return false
		}
		if q.reads && !red(q, off, off) {
			return true
		}
		// Something else may have been left behind: it is asked once more, on fresh ground.
		if _, known := green[q.name]; !known {
			fresh()
			green[q.name] = !red(q, off, off)
		}
		fresh()
		is := green[q.name] && red(q, set, unset)
		fresh()
		return is
	}
	within, err := time.ParseDuration(cmp.Or(os.Getenv("MUTANTS_WITHIN"), "3h"))
	must(t, err)
	end := time.Now().Add(within)
	for _, word := range strings.Fields(os.Getenv("MUTANTS")) {
		n, err := strconv.Atoi(word)
		must(t, err)
		if time.Now().After(end) {
			break
		}
		log.Reset()
		said := "LIVES"
		for _, way := range []struct {
			word string
			set  func()
		}{{"CAUGHT", func() { portal.SetMutant(n) }}, {"DOUBLED", func() { portal.SetMutantAlike(n) }}} {
			for _, q := range questions {
				if passes[q.name][n] && !(way.word == "DOUBLED" && q.story) && noticed(q, way.set, func() { portal.SetMutant(0) }) {
					said = way.word + " " + q.name
					break
				}
			}
			if said != "LIVES" || !portal.MutantHasAlike(n) {
				break
			}
		}
		word, by, _ := strings.Cut(said, " ")
		fmt.Printf("%s %d %s\n", word, n, by)
		if bytes.Contains(log.Bytes(), []byte("pq: ")) {
			fmt.Printf("FAULT %d %.600s\n", n, bytes.ReplaceAll(log.Bytes(), []byte("\n"), []byte(" ")))
		}
	}
}

// A question is a route asked as everybody, or a story.
type question struct {
	name         string
	reads, story bool
	ask          func(s *suite)
}

func (q question) cost() int {
	switch {
	case q.story:
		return 2
	case q.reads:
		return 0
	}
	return 1
}

// A recorder takes what a test says against a route, and lets the next be asked.
type recorder struct {
	testing.TB
	failed string
	ends   []func()
}

// givenUp is what a test that gives up panics with.
type givenUp struct{}

func (r *recorder) Helper()                   {}
func (r *recorder) Cleanup(f func())          { r.ends = append(r.ends, f) }
func (r *recorder) Error(a ...any)            { r.note(fmt.Sprint(a...)) }
func (r *recorder) Errorf(f string, a ...any) { r.note(fmt.Sprintf(f, a...)) }
func (r *recorder) Fatal(a ...any)            { r.note(fmt.Sprint(a...)); panic(givenUp{}) }
func (r *recorder) Fatalf(f string, a ...any) { r.note(fmt.Sprintf(f, a...)); panic(givenUp{}) }
func (r *recorder) FailNow()                  { r.note("failed"); panic(givenUp{}) }
func (r *recorder) Failed() bool              { return r.failed != "" }
func (r *recorder) note(what string)          { r.failed = r.failed + what + "\n" }

func (r *recorder) run(f func()) {
	defer func() {
		if v := recover(); v != nil {
			if _, ok := v.(givenUp); !ok {
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

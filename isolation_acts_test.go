package main

import (
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"extranet/portal/portaltest"
)

// acts says which rows a request that is answered leaves in the audit, by route, as docs/acts.tsv does for whoever reads the log: verbs, each one row, unless * says
// one for each thing that was named, ? that there is none where nothing was different, and a|b that it is one of them. A route that is not there leaves none.
var acts = func() map[string][]string {
	table := map[string][]string{}
	b, err := os.ReadFile("docs/acts.tsv")
	if err != nil {
		panic(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n")[1:] {
		cells := strings.Split(line, "\t")
		table[cells[0]] = strings.Fields(cells[1])
	}
	return table
}()

// An act is a row of the audit.
type act struct {
	partner               int64
	actor, action, target string
}

// heads are how far the audit of each partner is.
func (s *suite) heads() map[int64]int64 {
	s.t.Helper()
	rows, err := s.p.Owner.Query(`SELECT partner_id, seq FROM audit_heads`)
	must(s.t, err)
	defer rows.Close()
	heads := map[int64]int64{}
	for rows.Next() {
		var partner, seq int64
		must(s.t, rows.Scan(&partner, &seq))
		heads[partner] = seq
	}
	must(s.t, rows.Err())
	return heads
}

// since lists what was written since the heads were these.
func (s *suite) since(heads map[int64]int64) (list []act) {
	s.t.Helper()
	for partner, now := range s.heads() {
		if now == heads[partner] {
			continue
		}
		rows, err := s.p.Owner.Query(`SELECT partner_id, actor, action, target FROM audit WHERE partner_id = $1 AND seq > $2 ORDER BY seq`, partner, heads[partner])
		must(s.t, err)
		for rows.Next() {
			var a act
			must(s.t, rows.Scan(&a.partner, &a.actor, &a.action, &a.target))
			list = append(list, a)
		}
		must(s.t, rows.Err())
		rows.Close()
	}
	return list
}

// routeOf is the route that answers the request; "" = none does.
func (s *suite) routeOf(method, path string) (best string) {
	asked, least := strings.Split(path, "/"), 99
	for _, route := range s.routes {
		m, pattern, _ := strings.Cut(route, " ")
		parts := strings.Split(pattern, "/")
		if m != method || len(parts) != len(asked) {
			continue
		}
		open := 0
		for i, p := range parts {
			if strings.HasPrefix(p, ":") {
				open++
			} else if p != asked[i] {
				open = 99
				break
			}
		}
		if open < least {
			best, least = route, open
		}
	}
	return best
}

var partnersNamed = map[string]int64{"D100": portaltest.Acme, "D200": portaltest.Brock, "S300": portaltest.Cord, "S400": portaltest.Dart}

// acted holds a request to the audit: what was done, taken away or refused has left its row, no other has, and each names who asked and lies with the partner it
// concerns. It counts on the asker's side, by what was answered.
func (s *suite) acted(who visitor, method, address, form string, code int, said http.Header, before map[int64]int64) {
	s.t.Helper()
	path, query, _ := strings.Cut(address, "?")
	route, written := s.routeOf(method, path), s.since(before)
	to, elsewhere := said.Get("Location"), false
	for _, door := range []string{"/login", "/terms?"} {
		elsewhere = elsewhere || strings.HasPrefix(to, door) && route != "POST /logout"
	}
	var want []string
	switch {
	case code == http.StatusForbidden:
		want = []string{"denied"}
	case code == http.StatusUnprocessableEntity: // of many things some may be taken, and the others shown again
		for _, verb := range acts[route] {
			if strings.HasSuffix(verb, "*") {
				want = append(want, verb)
			}
		}
	case code >= 400 || elsewhere || said.Get("Idempotency-Replayed") != "":
	default:
		want = slices.Clone(acts[route])
	}
	if code != http.StatusForbidden && who.partner == portaltest.Host && strings.Contains(query, "partner=") { // a page of the partner's may be shown
		want = append(want, "host.look?")
	}
	left := slices.Clone(written)
	for _, verb := range want {
		name := strings.TrimRight(verb, "*?")
		is := func(a act) bool { return slices.Contains(strings.Split(name, "|"), a.action) }
		found := false
		for i := slices.IndexFunc(left, is); i >= 0; i = slices.IndexFunc(left, is) {
			s.seen[left[i].action]++
			left, found = slices.Delete(left, i, i+1), true
			if !strings.HasSuffix(verb, "*") {
				break
			}
		}
		if !found && name == verb && name != "-" {
			s.t.Errorf("%s as %s (%d) left no %q in the audit, but %v", route, who.name, code, verb, written)
		}
	}
	if len(left) > 0 {
		s.t.Errorf("%s as %s (%d) left more in the audit than %v: %v", route, who.name, code, want, left)
	}
	named := map[int64]bool{}
	for number, id := range partnersNamed {
		named[id] = strings.Contains(address+form, number)
	}
	about := false // what the host's staff do is with the partner it concerns
	for _, a := range written {
		about = about || named[a.partner]
		if !strings.Contains(a.actor, who.name) {
			s.t.Errorf("%s as %s is %q of %q in the audit", route, who.name, a.action, a.actor)
		}
		if a.partner != who.partner && who.name != "" && who.partner != portaltest.Host && a.action != "partner.switch" {
			s.t.Errorf("%s as %s is in the audit of the partner %d: %v", route, who.name, a.partner, a)
		}
		if a.action == "denied" && !strings.Contains(a.target, path) && !strings.Contains(a.target, strings.TrimPrefix(route, method+" ")) {
			s.t.Errorf("%s as %s is refused at %q in the audit", route, who.name, a.target)
		}
	}
	if who.partner == portaltest.Host && code < 400 && len(written) > 0 && !about && slices.Contains(slices.Collect(maps.Values(named)), true) {
		s.t.Errorf("%s as %s is not in the audit of the partner it concerns: %v", route, who.name, written)
	}
}

// status remembers how a request was answered.
type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

func (s *status) Write(b []byte) (int, error) {
	if s.code == 0 {
		s.code = http.StatusOK
	}
	return s.ResponseWriter.Write(b)
}

// TestActs: docs/acts.tsv speaks of each route that changes something or gives a file away, and of none that there is not.
func TestActs(t *testing.T) {
	t.Parallel()
	s := newSuite(t, portaltest.New(t))
	gives := regexp.MustCompile(`/(export|form|file|refused|labels|evidence)\.|/exports/|/files/:id$|/documents/:|/pdf$|/:format$`)
	for _, route := range s.routes {
		changes := !strings.HasPrefix(route, "GET") && !strings.HasPrefix(route, "HEAD")
		if _, said := acts[route]; !said && (changes || gives.MatchString(route)) {
			t.Errorf("docs/acts.tsv does not say what %s leaves in the audit", route)
		}
	}
	for route := range acts {
		if !slices.Contains(s.routes, route) {
			t.Errorf("docs/acts.tsv speaks of %s, and there is no such route", route)
		}
	}
	// The doors, which the suite does not knock at: one's sessions, and looking as a partner.
	acme, host := s.visitors["acme"], s.visitors["host"]
	s.enrol("another", portaltest.Acme, nil, "viewer")
	for _, a := range []struct {
		who              visitor
		path, form, left string
	}{
		{host, "/partners/D100/view", "reason=a+call+about+an+order", "view.begin"},
		{host, "/view-as/stop", "", "view.end"},
		{acme, "/partner", "partner=2", "partner.switch"},
		{s.visitors["another"], "/logout", "", "logout"},
		{acme, "/logout", "", "logout"},
	} {
		before := s.heads()
		if got := s.ask(a.who, http.MethodPost, a.path, a.form); got.code != http.StatusSeeOther {
			t.Errorf("%s: %d %.200s", a.path, got.code, got.body)
		}
		if written := s.since(before); len(written) == 0 || written[0].action != a.left {
			t.Errorf("%s left %v, want %q", a.path, written, a.left)
		}
	}
}

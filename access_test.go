package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"extranet/portal"
	"extranet/portal/portaltest"
)

var publish = flag.Bool("publish", false, "write docs/access.tsv as the server answers now")

// TestAccess: docs/access.tsv says who is answered what, route by route and field by field, as the server does answer each role.
// A cell holds d for dealers' people of the role, s for suppliers', h for the host's staff.
func TestAccess(t *testing.T) {
	t.Parallel()
	s := newSuite(t, portaltest.New(t))
	type column struct {
		role string
		asks map[string]visitor // by letter
	}
	var columns []column
	for _, r := range portal.Roles {
		c := column{r.Name, map[string]visitor{}}
		sides := map[string]int64{"d": portaltest.Acme, "s": portaltest.Cord}
		if r.Host {
			sides = map[string]int64{"h": portaltest.Host}
		}
		for letter, partner := range sides {
			name := r.Name + "-" + letter
			s.enrolOnce(name, partner, r.Name)
			c.asks[letter] = s.visitors[name]
		}
		columns = append(columns, c)
	}
	var table strings.Builder
	table.WriteString("route\tfield")
	for _, c := range columns {
		table.WriteString("\t" + c.role)
	}
	table.WriteByte('\n')
	slices.Sort(s.routes)
	for _, route := range s.routes {
		method, path, _ := strings.Cut(route, " ")
		p, ok := probes[route]
		if !ok || p.public || !strings.HasPrefix(path, "/api/v1/") {
			continue
		}
		if p.path != "" {
			path = p.path
		}
		cells := map[string]map[string]string{} // by field, by role
		for _, c := range columns {
			for _, letter := range []string{"d", "s", "h"} {
				who, ok := c.asks[letter]
				if !ok {
					continue
				}
				if p.before != "" {
					s.p.Arrange(t, p.before)
				}
				a := s.ask(who, method, path, p.form)
				switch {
				case a.code == http.StatusForbidden || a.code == http.StatusNotFound:
					continue
				case a.code >= 500 || a.turnedAway():
					t.Errorf("%s answers %s at %s %d", route, c.role, letter, a.code)
					continue
				}
				fields := map[string]bool{"": true} // what may be done, whatever comes of it
				if method == http.MethodGet && a.code == http.StatusOK {
					var v any
					if err := json.Unmarshal([]byte(a.body), &v); err == nil {
						seenFields(v, "", fields)
					}
				}
				for f := range fields {
					if cells[f] == nil {
						cells[f] = map[string]string{}
					}
					cells[f][c.role] += letter
				}
			}
		}
		for _, f := range slices.Sorted(maps.Keys(cells)) {
			fmt.Fprintf(&table, "%s\t%s", strings.Replace(route, "/api/v1", "", 1), f)
			for _, c := range columns {
				table.WriteString("\t" + cells[f][c.role])
			}
			table.WriteByte('\n')
		}
	}
	const file = "docs/access.tsv"
	if *publish {
		must(t, os.WriteFile(file, []byte(table.String()), 0o644))
	}
	b, err := os.ReadFile(file)
	must(t, err)
	written, now := strings.Split(string(b), "\n"), strings.Split(table.String(), "\n")
	for _, l := range now {
		if !slices.Contains(written, l) {
			t.Errorf("is so, and not in %s: %s", file, l)
		}
	}
	for _, l := range written {
		if !slices.Contains(now, l) {
			t.Errorf("is in %s, and not so: %s", file, l)
		}
	}
	if t.Failed() {
		t.Logf("look at each; if all of it is meant: go test -tags sandbox -run TestAccess . -publish")
	}
}

// seenFields notes every field that holds something.
func seenFields(v any, path string, fields map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			at := name
			if path != "" {
				at = path + "." + name
			}
			if inner == nil {
				continue
			}
			if _, parts := inner.(map[string]any); !parts {
				if list, many := inner.([]any); !many {
					fields[at] = true
				} else if len(list) > 0 {
					if _, parts := list[0].(map[string]any); !parts {
						fields[at+"[]"] = true
					}
				}
			}
			seenFields(inner, at, fields)
		}
	case []any:
		for _, inner := range v {
			seenFields(inner, path+"[]", fields)
		}
	}
}

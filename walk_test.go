package main

import (
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"extranet/portal"
	hosts "extranet/portal/host"
	"extranet/portal/partners"
	"extranet/portal/portaltest"
)

var walksAtMost = flag.Int("walks", 20, "random walks of TestWalk; -rapid.checks bounds them too")

// A walker is somebody as the model knows them: what they were given, where they are signed in, and as whom they look.
type walker struct {
	name    string
	id      uuid.UUID
	visitor visitor
	at      map[int64]*given // by partner
	acting  int64            // the partner of the session; 0 = signed in nowhere
	viewing int64            // of the host's staff: the partner they look as; 0 = none
	until   time.Time
	signed  time.Time

	accepted map[int64]int64 // by partner: the version of the terms
}

// given is what somebody is at a partner.
type given struct {
	roles     []string
	sites     []string
	suspended bool
}

// What the model knows of the portal, said once more and by hand: which roles see orders, and whose orders are where.
var (
	seesOrders = []string{"viewer", "buyer", "approver", "claims", "finance"}
	documents  = map[string]struct {
		partner int64
		site    string
	}{"A-1": {portaltest.Acme, "D100"}, "N-1": {portaltest.Acme, "D101"}, "B-1": {portaltest.Brock, "D200"}}
)

// wants is how the page of an order must answer while these terms are in force, and where it must send them.
func (w *walker) wants(number string, terms int64) (code int, to string) {
	d := documents[number]
	if w.acting == 0 {
		return http.StatusSeeOther, "/login"
	}
	if w.viewing != 0 {
		if d.partner != w.viewing {
			return http.StatusNotFound, ""
		}
		return http.StatusOK, ""
	}
	g := w.at[w.acting]
	if w.acting != portaltest.Host && w.accepted[w.acting] != terms {
		return http.StatusSeeOther, "/terms?"
	}
	if w.acting == portaltest.Host || !slices.ContainsFunc(g.roles, func(r string) bool { return slices.Contains(seesOrders, r) }) {
		return http.StatusForbidden, ""
	}
	if d.partner != w.acting || g.sites != nil && !slices.Contains(g.sites, d.site) {
		return http.StatusNotFound, ""
	}
	return http.StatusOK, ""
}

// TestWalk walks at random over grants, changes, suspensions, moves, ends, switches, views, new terms and the passing of time, and compares after each
// step what everybody is answered with a model that knows nothing of the portal's rights. What is taken away is gone on the next request.
func TestWalk(t *testing.T) {
	t.Parallel()
	s := newSuite(t, portaltest.New(t))
	ctx := t.Context()
	operator, err := partners.Operator(ctx, s.p.DB, "walk")
	must(t, err)
	host := func(need portal.Permission, f func(tx *portal.Tx) error) {
		t.Helper()
		must(t, s.p.AcrossPartners(ctx, operator, need, f))
	}
	walks, terms := 0, int64(0) // the version in force; 0 = none yet
	rapid.Check(t, func(r *rapid.T) {
		if walks++; walks > *walksAtMost {
			return
		}
		var all []*walker
		enrol := func(w *walker, partner int64, g given) {
			must(t, s.p.AtTheDoor(ctx, func(tx *portal.Tx) (err error) {
				tx.By = operator
				w.id, err = partners.Enrol(ctx, tx, partners.Enrolment{Issuer: "http://127.0.0.1:1", Subject: w.name, Name: w.name, Email: w.name + "@x.example", PartnerID: partner, Roles: g.roles, Sites: g.sites})
				return err
			}))
			w.at[partner] = &g
		}
		signIn := func(w *walker, partner int64) {
			must(t, s.p.AtTheDoor(ctx, func(tx *portal.Tx) error {
				cookie, _, err := s.sessions.Start(ctx, tx, partners.Proof{Issuer: "http://127.0.0.1:1", Subject: w.name}, partners.Person{ID: w.id, Name: w.name}, partner, "walk", "")
				w.visitor.cookie = cookie
				return err
			}))
			w.acting, w.viewing, w.signed = partner, 0, s.p.Now()
		}
		accept := func(w *walker) {
			if terms == 0 || w.acting == 0 {
				return
			}
			if a := s.ask(w.visitor, http.MethodPost, fmt.Sprintf("/terms/%d/accept", terms), "next=/"); a.code != http.StatusSeeOther {
				r.Fatalf("%s cannot accept: %d %.300s", w.name, a.code, a.body)
			}
			w.accepted[w.acting] = terms
		}
		roles := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"viewer", "buyer", "claims", "planner", "partner-admin", "finance"}), 1, 2, rapid.ID[string])
		some := func(partner int64) given {
			g := given{roles: roles.Draw(r, "roles")}
			if partner == portaltest.Acme {
				g.sites = rapid.SampledFrom([][]string{nil, nil, {"D100"}, {"D101"}}).Draw(r, "sites")
			}
			return g
		}
		for i := range 2 {
			w := &walker{name: fmt.Sprintf("walker-%d-%d", walks, i), at: map[int64]*given{}, accepted: map[int64]int64{}}
			partner := rapid.SampledFrom([]int64{portaltest.Acme, portaltest.Brock}).Draw(r, "partner")
			enrol(w, partner, some(partner))
			signIn(w, partner)
			accept(w)
			all = append(all, w)
		}
		boss := &walker{name: fmt.Sprintf("boss-%d", walks), at: map[int64]*given{}}
		enrol(boss, portaltest.Host, given{roles: []string{"administrator"}})
		signIn(boss, portaltest.Host)
		all = append(all, boss)

		for range rapid.IntRange(3, 7).Draw(r, "steps") {
			w := all[rapid.IntRange(0, 1).Draw(r, "who")]
			var at []int64
			for p := range w.at {
				at = append(at, p)
			}
			slices.Sort(at)
			deed := rapid.SampledFrom([]string{"grant", "change", "suspend", "resume", "end", "move", "switch", "sign in", "view", "stop", "time", "publish", "accept", "accept"}).Draw(r, "deed")
			if len(at) == 0 && deed != "view" && deed != "stop" && deed != "time" && deed != "publish" {
				deed = "grant"
			}
			var partner int64
			if len(at) > 0 {
				partner = rapid.SampledFrom(at).Draw(r, "at")
			}
			other := portaltest.Acme + portaltest.Brock - partner
			switch deed {
			case "grant":
				partner = rapid.SampledFrom([]int64{portaltest.Acme, portaltest.Brock}).Draw(r, "to")
				enrol(w, partner, some(partner))
			case "change":
				g := some(partner)
				g.suspended = w.at[partner].suspended
				host(portal.PeopleManage, func(tx *portal.Tx) error {
					return partners.ChangeMember(ctx, tx, partner, w.id, partners.Change{Roles: g.roles, Sites: g.sites})
				})
				w.at[partner] = &g
			case "suspend", "resume":
				if w.at[partner].suspended == (deed == "suspend") {
					continue
				}
				host(portal.PeopleManage, func(tx *portal.Tx) error {
					if deed == "suspend" {
						return partners.SuspendMember(ctx, tx, partner, w.id)
					}
					return partners.ResumeMember(ctx, tx, partner, w.id)
				})
				w.at[partner].suspended = deed == "suspend"
			case "end":
				host(portal.PeopleManage, func(tx *portal.Tx) error { return partners.EndMember(ctx, tx, partner, w.id) })
				delete(w.at, partner)
			case "move":
				g := some(other)
				host(portal.PeopleManage, func(tx *portal.Tx) error {
					return partners.MoveMember(ctx, tx, partner, w.id, other, partners.Change{Roles: g.roles, Sites: g.sites})
				})
				delete(w.at, partner)
				w.at[other] = &g
			case "switch":
				a := s.ask(w.visitor, http.MethodPost, "/partner", fmt.Sprintf("partner=%d&back=/", other))
				switch g := w.at[other]; {
				case w.acting == 0:
				case g == nil || g.suspended:
					if a.code != http.StatusNotFound {
						r.Fatalf("%s switches to where they are nobody: %d", w.name, a.code)
					}
				default:
					w.acting = other
				}
			case "sign in":
				if !w.at[partner].suspended {
					signIn(w, partner)
				}
			case "view":
				if boss.acting == 0 || boss.viewing != 0 {
					continue
				}
				number := rapid.SampledFrom([]string{"D100", "D200"}).Draw(r, "view")
				if a := s.ask(boss.visitor, http.MethodPost, "/partners/"+number+"/view", "reason=a+walk+at+random"); a.code != http.StatusSeeOther {
					r.Fatalf("the host's staff cannot look: %d %.300s", a.code, a.body)
				}
				boss.viewing, boss.until = map[string]int64{"D100": portaltest.Acme, "D200": portaltest.Brock}[number], s.p.Now().Add(30*time.Minute)
			case "stop":
				s.ask(boss.visitor, http.MethodPost, "/view-as/stop", "")
				boss.viewing = 0
			case "publish":
				host(portal.NewsManage, func(tx *portal.Tx) error {
					t, err := hosts.Publish(ctx, tx, hosts.Terms{Title: "Terms", Words: "Be fair."})
					terms = t.Version
					return err
				})
			case "accept":
				accept(w)
			case "time":
				s.p.Pass(16 * time.Minute)
			}
			for _, w := range all {
				if w.viewing != 0 && !s.p.Now().Before(w.until) {
					w.viewing = 0
				}
				g := w.at[w.acting]
				if w.acting != 0 && (g == nil || g.suspended || s.p.Now().Sub(w.signed) >= 12*time.Hour) {
					w.acting, w.viewing = 0, 0 // and no way back but to sign in
				}
				for number := range documents {
					want, to := w.wants(number, terms)
					a := s.ask(w.visitor, http.MethodGet, "/orders/"+number, "")
					if a.code != want || !strings.HasPrefix(a.to, to) {
						r.Fatalf("after %s at %d: %s (acting for %d, viewing %d, %+v, terms %v of %d) is answered %d %s for %s, the model says %d %s", deed, partner, w.name, w.acting, w.viewing, g, w.accepted, terms, a.code, a.to, number, want, to)
					}
				}
			}
			if boss.viewing != 0 {
				if a := s.ask(boss.visitor, http.MethodPost, "/people/invite", "email=x@x.example&roles=viewer&scope=all&days=7"); a.code != http.StatusForbidden {
					r.Fatalf("whoever looks as a partner changes something: %d", a.code)
				}
			}
		}
	})
}

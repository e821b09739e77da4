package partners_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"extranet/portal"
	"extranet/portal/catalog"
	"extranet/portal/partners"
	"extranet/portal/portaltest"
)

// across runs f as one of the host's staff.
func across(t testing.TB, p *portaltest.Portal, by portal.Caller, f func(ctx context.Context, tx *portal.Tx) error) error {
	return p.AcrossPartners(t.Context(), by, portal.PartnersRead, func(tx *portal.Tx) error { return f(t.Context(), tx) })
}

// TestRoles: a role of the host's own is what it says from the next request on, cannot give what its side cannot hold, and leaves nothing behind when it ends.
func TestRoles(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	host := member(t, p, portaltest.Host, "ada", "administrator")
	junior := partners.DefinedRole{Name: "junior-buyer", Side: "dealer", Title: "Junior buyer", Permissions: []string{"orders:read", "orders:place", "catalog:read"}, OrderLimit: "500", NamedSites: true}
	define := func(r partners.DefinedRole) error {
		return across(t, p, host, func(ctx context.Context, tx *portal.Tx) error { return partners.DefineRole(ctx, tx, r) })
	}
	with := func(f func(r *partners.DefinedRole)) partners.DefinedRole { r := junior; f(&r); return r }
	for what, r := range map[string]partners.DefinedRole{
		"the portal's own name": with(func(r *partners.DefinedRole) { r.Name = "buyer" }), "no name": with(func(r *partners.DefinedRole) { r.Name = "A b" }),
		"a supplier's right": with(func(r *partners.DefinedRole) { r.Permissions = []string{"forecasts:read"} }), "the host's right": with(func(r *partners.DefinedRole) { r.Permissions = []string{"partners:read"} }),
		"nothing": with(func(r *partners.DefinedRole) { r.Permissions = nil }), "what is no right": with(func(r *partners.DefinedRole) { r.Permissions = []string{"x"} }),
		"a limit on nothing": with(func(r *partners.DefinedRole) { r.Permissions = []string{"orders:read"} }), "no side": with(func(r *partners.DefinedRole) { r.Side = "x" }), "no limit at all": with(func(r *partners.DefinedRole) { r.OrderLimit = "-1" }),
	} {
		wants(t, what, define(r), portal.Invalid)
	}
	wants(t, "by a partner manager", across(t, p, member(t, p, portaltest.Host, "hal", "partner-manager"), func(ctx context.Context, tx *portal.Tx) error { return partners.DefineRole(ctx, tx, junior) }), portal.Forbidden)
	wants(t, "good", define(junior), -1)
	wants(t, "twice", define(junior), portal.Conflict)

	zoe := member(t, p, portaltest.Acme, "zoe", "partner-admin", "buyer")
	vic := member(t, p, portaltest.Acme, "vic", "viewer")
	s := partners.NewSessions(p.DB, partners.Limits{}, nil)
	defer s.Close()
	cookie := start(t, p, s, vic)
	wants(t, "for all sites", change(t, p, zoe, vic.PersonID, partners.Change{Roles: []string{"junior-buyer"}}), portal.Invalid)
	wants(t, "for a site", change(t, p, zoe, vic.PersonID, partners.Change{Roles: []string{"junior-buyer"}, Sites: []string{"D101"}}), -1)
	resolve := func() portal.Caller {
		t.Helper()
		c, err := s.Resolve(t.Context(), cookie)
		must(t, err)
		return c
	}
	if c := resolve(); !c.Perms.Has(portal.OrdersPlace) || c.OrderLimit != "500" {
		t.Errorf("as a junior buyer: %v, limit %q", c.Perms.Names(), c.OrderLimit)
	}
	wants(t, "changed", across(t, p, host, func(ctx context.Context, tx *portal.Tx) error {
		return partners.ChangeRole(ctx, tx, with(func(r *partners.DefinedRole) { r.OrderLimit = "250"; r.Permissions = []string{"orders:place"} }))
	}), -1)
	if c := resolve(); c.Perms != portal.Allow(portal.OrdersPlace) || c.OrderLimit != "250" {
		t.Errorf("after the change: %v, limit %q", c.Perms.Names(), c.OrderLimit)
	}
	wants(t, "with the limit of a better role", change(t, p, zoe, vic.PersonID, partners.Change{Roles: []string{"junior-buyer", "buyer"}, Sites: []string{"D101"}, OrderLimit: "900"}), -1)
	if c := resolve(); c.OrderLimit != "900" {
		t.Errorf("who is a buyer too is limited to %q, want their own 900", c.OrderLimit)
	}
	wants(t, "back", change(t, p, zoe, vic.PersonID, partners.Change{Roles: []string{"junior-buyer"}, Sites: []string{"D101"}}), -1)
	wants(t, "ended", across(t, p, host, func(ctx context.Context, tx *portal.Tx) error { return partners.EndRole(ctx, tx, "junior-buyer") }), -1)
	wants(t, "made anew under the same name", define(junior), -1)
	if c := resolve(); c.Perms != 0 {
		t.Errorf("the old holders of an ended role hold the new one: %v", c.Perms.Names())
	}
}

// TestProgrammes: what a programme does not open of the catalogue is not there, whichever way it is asked for.
func TestProgrammes(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, `INSERT INTO products (product, name, category, barcode, changed_at) VALUES ('T1', 'Road tyre', 'Tyres', '111', now()), ('W1', 'Steel wheel', 'Wheels', '222', now()), ('X1', 'Thing of no category', NULL, '333', now());
		INSERT INTO product_facets (facet, value, products) VALUES ('category', 'Tyres', 1), ('category', 'Wheels', 1);
		INSERT INTO documents (document, product, kind, title, file, changed_at) VALUES ('d1', 'T1', 'manual', 'M', 'm.pdf', now()), ('d2', 'T1', 'price list', 'P', 'p.pdf', now());
		INSERT INTO product_links (product, other, kind, changed_at) VALUES ('T1', 'W1', 'functional', now())`)
	host := member(t, p, portaltest.Host, "ada", "administrator")
	do := func(f func(ctx context.Context, tx *portal.Tx) error) error { return across(t, p, host, f) }
	tyres := partners.Programme{Name: "tyres", Title: "Tyres only", Modules: []string{"catalogue", "orders"}, Categories: []string{"Tyres"}, DocumentKinds: []string{"manual"}}
	wants(t, "an unknown category", do(func(ctx context.Context, tx *portal.Tx) error {
		bad := tyres
		bad.Categories = []string{"Boats"}
		return partners.DefineProgramme(ctx, tx, bad)
	}), portal.Invalid)
	must(t, do(func(ctx context.Context, tx *portal.Tx) error { return partners.DefineProgramme(ctx, tx, tyres) }))
	vic := member(t, p, portaltest.Acme, "vic", "buyer")
	s := partners.NewSessions(p.DB, partners.Limits{}, nil)
	defer s.Close()
	cookie := start(t, p, s, vic)
	sees := func() string {
		t.Helper()
		c, err := s.Resolve(t.Context(), cookie)
		must(t, err)
		var said []string
		must(t, p.Do(t.Context(), c, func(tx *portal.Tx) error {
			for _, text := range []string{"", "wheel", "tyre", "222", "W1"} {
				found, err := catalog.Search(t.Context(), tx, catalog.Filter{Text: text})
				if err != nil {
					return err
				}
				for _, i := range slices.Concat(found.Exact, found.Items) {
					said = append(said, text+":"+i.Product)
				}
			}
			answers, err := catalog.Lookup(t.Context(), tx, []catalog.Asked{{Number: "W1"}, {Number: "222"}, {Number: "T1"}})
			if err != nil {
				return err
			}
			for _, a := range answers {
				said = append(said, a.State)
			}
			if _, err := catalog.Get(t.Context(), tx, "W1"); portal.Says(err).Kind != portal.NotFound {
				said = append(said, fmt.Sprint("W1 ", err))
			}
			d, err := catalog.Get(t.Context(), tx, "T1")
			said = append(said, fmt.Sprint(len(d.Alternates), " alternates ", len(d.Documents), " documents"))
			return err
		}))
		return strings.Join(said, " ")
	}
	const all, only = ":T1 :W1 :X1 wheel:W1 tyre:T1 222:W1 W1:W1 found found found W1 <nil> 1 alternates 2 documents", ":T1 tyre:T1 none none found 0 alternates 1 documents"
	if got := sees(); got != all {
		t.Errorf("of no programme: %s", got)
	}
	join := partners.OfPartners([]string{"D100"}, func(ctx context.Context, tx *portal.Tx) error {
		return partners.DecideMany(ctx, tx, partners.Batch{Numbers: []string{"D100"}, Join: []string{"tyres"}})
	})
	w, err := join.Try(t.Context(), func(g func(tx *portal.Tx) error) error {
		return p.AcrossPartners(t.Context(), host, portal.PartnersManage, g)
	})
	must(t, err)
	if len(w.Items) != 1 || !slices.Contains(w.Items[0].Losses, "products of other than Tyres") || !slices.Contains(w.Items[0].Losses, "place orders") || len(w.Items[0].Gains) != 0 {
		t.Errorf("tried: %+v", w)
	}
	if got := sees(); got != all {
		t.Errorf("what was tried has changed something: %s", got)
	}
	must(t, do(func(ctx context.Context, tx *portal.Tx) error { _, err := join(ctx, tx); return err }))
	if got := sees(); got != only {
		t.Errorf("of the programme: %s", got)
	}
	wants(t, "ended with partners in it", do(func(ctx context.Context, tx *portal.Tx) error { return partners.EndProgramme(ctx, tx, "tyres") }), portal.Conflict)
	must(t, do(func(ctx context.Context, tx *portal.Tx) error {
		return partners.DecideMany(ctx, tx, partners.Batch{Numbers: []string{"D100"}, Leave: []string{"tyres"}})
	}))
	wants(t, "ended", do(func(ctx context.Context, tx *portal.Tx) error { return partners.EndProgramme(ctx, tx, "tyres") }), -1)
}

// TestTry: whatever is decided, what was said beforehand of who gains and loses which rights is what their next requests show.
func TestTry(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	host := member(t, p, portaltest.Host, "ada", "administrator")
	do := func(f func(ctx context.Context, tx *portal.Tx) error) error { return across(t, p, host, f) }
	modules := make([]string, 0, len(portal.Modules))
	for _, m := range portal.Modules {
		modules = append(modules, m.Name)
	}
	must(t, do(func(ctx context.Context, tx *portal.Tx) error {
		if err := partners.DefineRole(ctx, tx, partners.DefinedRole{Name: "own", Side: "partner", Title: "Own", Permissions: []string{"orders:read"}}); err != nil {
			return err
		}
		for _, name := range []string{"gold", "silver"} {
			if err := partners.DefineProgramme(ctx, tx, partners.Programme{Name: name, Title: name, Modules: modules[:4]}); err != nil {
				return err
			}
		}
		return nil
	}))
	s := partners.NewSessions(p.DB, partners.Limits{}, nil)
	defer s.Close()
	cookies := map[uuid.UUID]string{}
	for i, roles := range [][]string{{"buyer"}, {"viewer", "own"}, {"own"}, {"planner", "seller"}, {"finance", "own"}} {
		partner := []int64{portaltest.Acme, portaltest.Acme, portaltest.Brock, portaltest.Cord, portaltest.Cord}[i]
		m := member(t, p, partner, fmt.Sprintf("p%d", i), roles...)
		cookies[m.PersonID] = start(t, p, s, m)
	}
	stand := func() map[uuid.UUID]portal.Permissions {
		all := map[uuid.UUID]portal.Permissions{}
		for id, cookie := range cookies {
			c, err := s.Resolve(t.Context(), cookie)
			must(t, err)
			all[id] = c.Perms
		}
		return all
	}
	numbers := []string{"D100", "D200", "S300"}
	rapid.Check(t, func(r *rapid.T) {
		names := func(label string) []string {
			return rapid.SliceOfNDistinct(rapid.SampledFrom(modules), 0, 6, rapid.ID).Draw(r, label)
		}
		var c partners.Weighed
		switch rapid.IntRange(0, 2).Draw(r, "what") {
		case 0:
			perms := rapid.SliceOfNDistinct(rapid.SampledFrom(partners.Holdable("partner").Names()), 1, 8, rapid.ID).Draw(r, "permissions")
			c = partners.OfRole("own", func(ctx context.Context, tx *portal.Tx) error {
				return partners.ChangeRole(ctx, tx, partners.DefinedRole{Name: "own", Title: "Own", Permissions: perms})
			})
		case 1:
			name, m := rapid.SampledFrom([]string{"gold", "silver"}).Draw(r, "programme"), names("modules")
			c = partners.OfProgramme(name, func(ctx context.Context, tx *portal.Tx) error {
				return partners.ChangeProgramme(ctx, tx, partners.Programme{Name: name, Title: name, Modules: m})
			})
		case 2:
			at := rapid.SliceOfNDistinct(rapid.SampledFrom(numbers), 1, 3, rapid.ID).Draw(r, "partners")
			b := partners.Batch{Numbers: at, Join: []string{"gold"}, Leave: []string{"silver"}}
			if rapid.Bool().Draw(r, "the other way") {
				b.Join, b.Leave = b.Leave, b.Join
			}
			c = partners.OfPartners(at, func(ctx context.Context, tx *portal.Tx) error { return partners.DecideMany(ctx, tx, b) })
		}
		w, err := c.Try(t.Context(), func(g func(tx *portal.Tx) error) error {
			return p.AcrossPartners(t.Context(), host, portal.PartnersManage, g)
		})
		must(t, err)
		before := stand()
		must(t, do(func(ctx context.Context, tx *portal.Tx) error { _, err := c(ctx, tx); return err }))
		said := map[uuid.UUID]partners.Difference{}
		for _, d := range w.Items {
			said[d.Subject] = d
		}
		for id, is := range stand() {
			var gains, losses []string
			for perm := range portal.AllPermissions() {
				if is.Has(perm) && !before[id].Has(perm) {
					gains = append(gains, perm.Words())
				}
				if !is.Has(perm) && before[id].Has(perm) {
					losses = append(losses, perm.Words())
				}
			}
			if d := said[id]; !slices.Equal(d.Gains, gains) || !slices.Equal(d.Losses, losses) {
				r.Fatalf("it was said %v %v, and is %v %v", d.Gains, d.Losses, gains, losses)
			}
		}
	})
}

// TestExplain: each right has its source; what a programme keeps from somebody is said. Who sees a document is who could open it.
func TestExplain(t *testing.T) {
	t.Parallel()
	for fence, p := range map[string]*portaltest.Portal{"row security": portaltest.New(t), "the predicates alone": portaltest.NewWithoutRowSecurity(t)} {
		host := member(t, p, portaltest.Host, "ada", "administrator")
		member(t, p, portaltest.Host, "cleo", "claims-desk")
		zoe := member(t, p, portaltest.Acme, "zoe", "partner-admin")
		vic := member(t, p, portaltest.Acme, "vic", "viewer", "buyer")
		north := member(t, p, portaltest.Acme, "north", "viewer")
		member(t, p, portaltest.Brock, "bo", "viewer")
		p.Arrange(t, `UPDATE memberships SET sites = '{D101}' WHERE name = 'north';
			INSERT INTO programmes (name, title, modules, changed_by, changed_at) VALUES ('basic', 'Basic', '{orders,catalogue}', 'x', now()); INSERT INTO partner_programmes (partner_id, programme, since) VALUES (2, 'basic', now());
			INSERT INTO orders (partner_id, number, site, status, currency, ordered_on, net, tax, total, changed_at) VALUES (2, 'N1', 'D101', 'open', 'EUR', '2026-02-01', 1, 0, 1, now()), (2, 'H1', 'D100', 'open', 'EUR', '2026-02-01', 1, 0, 1, now())`)
		var e partners.Explanation
		must(t, p.Do(t.Context(), zoe, func(tx *portal.Tx) (err error) {
			e, err = partners.Explain(t.Context(), tx, portaltest.Acme, vic.PersonID)
			return err
		}))
		said := map[string]string{}
		for _, r := range e.Rights {
			var from []string
			for _, s := range r.Sources {
				from = append(from, s.Role+" "+s.How)
			}
			said[r.Permission] = fmt.Sprint(r.Held, " ", strings.Join(from, "; "), " ", r.Kept)
		}
		for perm, want := range map[string]string{"orders:read": "true viewer entered by the portal's operator; buyer entered by the portal's operator ", "prices:read": "false buyer entered by the portal's operator none of the partner's programmes opens it: basic", "people:read": "",
			"forecasts:read": "false viewer entered by the portal's operator there is nothing of that for dealers"} {
			if said[perm] != want {
				t.Errorf("%s: %s is said to be %q, want %q", fence, perm, said[perm], want)
			}
		}
		wants(t, fence+": of another partner", p.Do(t.Context(), member(t, p, portaltest.Brock, "bea", "partner-admin"), func(tx *portal.Tx) error {
			_, err := partners.Explain(t.Context(), tx, portaltest.Brock, vic.PersonID)
			return err
		}), portal.NotFound)
		sees := func(by portal.Caller, document string) string {
			var names []string
			do := func(tx *portal.Tx) error {
				r, err := partners.WhoSees(t.Context(), tx, portaltest.Acme, document)
				for _, one := range r.Readers {
					names = append(names, one.Name)
				}
				return err
			}
			if by.Host {
				must(t, p.AcrossPartners(t.Context(), by, portal.PeopleRead, do))
			} else {
				must(t, p.Do(t.Context(), by, do))
			}
			return strings.Join(names, " ")
		}
		if got := sees(host, "orders/N1") + ", " + sees(host, "orders/H1") + ", " + sees(zoe, "orders/H1"); got != "north vic ada, vic ada, vic" {
			t.Errorf("%s: seen by %s", fence, got)
		}
		wants(t, fence+": beyond one's sites", p.Do(t.Context(), func() portal.Caller { c := zoe; c.Sites = []string{"D101"}; return c }(), func(tx *portal.Tx) error {
			_, err := partners.WhoSees(t.Context(), tx, portaltest.Acme, "orders/N1")
			return err
		}), portal.Forbidden)
		_ = north
	}
}

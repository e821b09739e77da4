package partners_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"extranet/portal"
	"extranet/portal/partners"
	"extranet/portal/portaltest"
)

// crowd adds n partners with a few members each.
func crowd(t testing.TB, p *portaltest.Portal, n, members int) {
	p.Arrange(t, `INSERT INTO partners (partner_id, number, kind, name, category, city, changed_at)
		SELECT 1000 + i, 'P' || i, CASE WHEN i % 30 = 0 THEN 'supplier' ELSE 'dealer' END, (ARRAY['North', 'South', 'Upper', 'Lower', 'Great'])[1 + i % 5] || ' Wheel ' || md5(i::text), 'C' || i % 7, 'Town' || i % 500, now() FROM generate_series(1, $1::int) i`, n)
	p.Arrange(t, `INSERT INTO people (person_id, name, email, created_at) SELECT ('40000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, 'Person ' || i, 'p' || i || '@x.example', now() FROM generate_series(1, $1::int) i`, members)
	p.Arrange(t, `INSERT INTO memberships (partner_id, person_id, name, email, roles, origin, granted_by, granted_at)
		SELECT 1001 + i % $1, ('40000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, 'Person ' || i, 'p' || i || '@x.example', '{viewer}', 'invitation', 'x', now() FROM generate_series(1, $2::int) i`, n, members)
	p.Arrange(t, `ANALYZE partners, memberships, people`)
}

func directory(t testing.TB, p *portaltest.Portal, f partners.DirectoryFilter) (page partners.DirectoryPage) {
	t.Helper()
	must(t, p.AcrossPartners(t.Context(), portaltest.As(portaltest.Host, portal.PartnersRead), portal.PartnersRead, func(tx *portal.Tx) (err error) {
		page, err = partners.Directory(t.Context(), tx, f)
		return err
	}))
	return page
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	crowd(t, p, 120, 240)
	var numbers []string
	f := partners.DirectoryFilter{}
	for {
		page := directory(t, p, f)
		for _, l := range page.Items {
			numbers = append(numbers, l.Number)
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			break
		}
	}
	unique := slices.Compact(slices.Sorted(slices.Values(numbers)))
	if len(numbers) != 124 || len(unique) != 124 {
		t.Errorf("%d partners on all pages, %d different; want 124", len(numbers), len(unique))
	}
	for _, c := range []struct {
		f    partners.DirectoryFilter
		want int
	}{
		{partners.DirectoryFilter{Text: "acm"}, 1}, {partners.DirectoryFilter{Text: "D100"}, 1}, {partners.DirectoryFilter{Text: "  tyr ACME'); --"}, 1}, {partners.DirectoryFilter{Text: "yres"}, 0},
		{partners.DirectoryFilter{Text: "town12"}, 2}, {partners.DirectoryFilter{Kind: "supplier"}, 6}, {partners.DirectoryFilter{State: "closed"}, 0}, {partners.DirectoryFilter{Text: "!*&|:"}, 50},
		{partners.DirectoryFilter{Category: "C3"}, 17}, {partners.DirectoryFilter{Programme: "none"}, 0},
	} {
		if got := len(directory(t, p, c.f).Items); got != c.want {
			t.Errorf("%+v finds %d, want %d", c.f, got, c.want)
		}
	}
	wants(t, "a dealer", p.Do(t.Context(), portaltest.As(portaltest.Acme, portal.PartnersRead), func(tx *portal.Tx) error {
		_, err := partners.Directory(t.Context(), tx, partners.DirectoryFilter{})
		return err
	}), portal.Forbidden)
}

// TestDecide: what a programme does not open is closed to the partner's people on their next request, and the history knows.
func TestDecide(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, `INSERT INTO programmes (name, title, modules, changed_by, changed_at) VALUES ('basic', 'Basic', '{catalogue,orders}', 'x', now())`)
	dana := member(t, p, portaltest.Acme, "dana", "buyer", "partner-admin")
	s := partners.NewSessions(p.DB, partners.Limits{}, nil)
	defer s.Close()
	cookie := start(t, p, s, dana)
	host := member(t, p, portaltest.Host, "hal", "partner-manager")
	decide := func(programmes, delegable []string) error {
		return p.AcrossPartners(t.Context(), host, portal.PartnersManage, func(tx *portal.Tx) error { return partners.Decide(t.Context(), tx, "D100", programmes, delegable) })
	}
	wants(t, "an unknown programme", decide([]string{"x"}, nil), portal.Invalid)
	wants(t, "a host's role", decide(nil, []string{"auditor"}), portal.Invalid)
	before := p.DB.Now()
	p.Pass(10 * time.Minute)
	wants(t, "decided", decide([]string{"basic"}, []string{"viewer"}), -1)
	c, err := s.Resolve(t.Context(), cookie)
	must(t, err)
	if c.Perms.Has(portal.OrdersPlace) || c.Perms.Has(portal.PricesRead) || !c.Perms.Has(portal.OrdersRead) || !c.Perms.Has(portal.PeopleInvite) || !c.In("basic") {
		t.Errorf("within the programme: %v %v", c.Perms.Names(), c.Programmes)
	}
	wants(t, "beyond what the host lets them", p.Do(t.Context(), c, func(tx *portal.Tx) error {
		_, _, err := partners.Invite(t.Context(), tx, partners.New{Email: "k@acme.example", Roles: []string{"partner-admin"}})
		return err
	}), portal.Forbidden)

	// Who could see an order then, and now; who opened it.
	p.Arrange(t, `INSERT INTO orders (partner_id, number, site, status, currency, ordered_on, net, tax, total, changed_at) VALUES (2, '4711', 'D101', 'open', 'EUR', '2026-02-01', 1, 0, 1, now())`)
	vic := member(t, p, portaltest.Acme, "vic", "viewer")
	must(t, p.Do(t.Context(), portal.Caller{PartnerID: portaltest.Acme, Name: "zoe", Perms: portal.Allow(portal.PeopleManage, portal.OrdersRead, portal.CatalogRead, portal.ClaimsRead, portal.NoticesRead, portal.CompanyRead)}, func(tx *portal.Tx) error {
		return partners.EndMembership(t.Context(), tx, vic.PersonID)
	}))
	who := func(at time.Time) string {
		var a partners.Access
		auditor := portaltest.As(portaltest.Acme, portal.AuditRead)
		must(t, p.Do(t.Context(), auditor, func(tx *portal.Tx) (err error) {
			a, err = partners.CouldSee(t.Context(), tx, portaltest.Acme, "orders/4711", at)
			return err
		}))
		var names []string
		for _, g := range a.Could {
			names = append(names, g.Name)
		}
		return fmt.Sprint(strings.Join(names, " "), len(a.Opened))
	}
	if got := who(before.Add(-time.Second)); got != "0" {
		t.Errorf("before anything was granted: %s", got)
	}
	if got := who(before.Add(5 * time.Minute)); got != "dana0" {
		t.Errorf("then: %s", got)
	}
	p.DB.Opened(dana, "orders/4711")
	p.DB.Opened(dana, "orders/4711")
	must(t, p.DB.Close()) // writes what is not yet written
	var times int
	must(t, p.Owner.QueryRow(`SELECT times FROM sightings WHERE partner_id = 2 AND document = 'orders/4711' AND subject LIKE 'dana <%'`).Scan(&times))
	if times != 2 {
		t.Errorf("opened %d times, want 2", times)
	}
}

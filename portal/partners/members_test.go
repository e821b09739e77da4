package partners_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"extranet/portal"
	"extranet/portal/partners"
	"extranet/portal/portaltest"
)

func change(t testing.TB, p *portaltest.Portal, by portal.Caller, person uuid.UUID, c partners.Change) error {
	return p.Do(t.Context(), by, func(tx *portal.Tx) error { return partners.ChangeMember(t.Context(), tx, by.PartnerID, person, c) })
}

// TestChangeMember: a change holds on the next request, at this partner alone, and is remembered with what it allowed.
func TestChangeMember(t *testing.T) {
	t.Parallel()
	for fence, p := range map[string]*portaltest.Portal{"row security": portaltest.New(t), "the predicates alone": portaltest.NewWithoutRowSecurity(t)} {
		admin := member(t, p, portaltest.Acme, "zoe", "partner-admin", "buyer")
		vic := member(t, p, portaltest.Acme, "vic", "viewer")
		twice := member(t, p, portaltest.Brock, "vic", "viewer") // the same person at another partner
		other := member(t, p, portaltest.Brock, "bo", "partner-admin", "buyer", "viewer")
		host := member(t, p, portaltest.Host, "hal", "partner-manager")
		if vic.PersonID != twice.PersonID {
			t.Fatal("one person, two partners")
		}
		s := partners.NewSessions(p.DB, partners.Limits{}, nil)
		cookie, there := start(t, p, s, vic), start(t, p, s, twice)
		buyer := partners.Change{Roles: []string{"buyer"}, Sites: []string{"D101"}, OrderLimit: "2500.50"}
		wants(t, fence+": another partner's", change(t, p, other, vic.PersonID, partners.Change{Roles: []string{"viewer"}}), -1) // of Brock, where vic is too
		wants(t, fence+": nobody", change(t, p, admin, uuid.New(), buyer), portal.NotFound)
		wants(t, fence+": oneself", change(t, p, admin, admin.PersonID, buyer), portal.Forbidden)
		wants(t, fence+": by a viewer", change(t, p, vic, admin.PersonID, buyer), portal.Forbidden)
		wants(t, fence+": above oneself", change(t, p, admin, vic.PersonID, partners.Change{Roles: []string{"finance"}}), portal.Forbidden)
		wants(t, fence+": no role", change(t, p, admin, vic.PersonID, partners.Change{}), portal.Invalid)
		wants(t, fence+": another's site", change(t, p, admin, vic.PersonID, partners.Change{Roles: []string{"viewer"}, Sites: []string{"D200"}}), portal.Invalid)
		wants(t, fence+": no limit at all", change(t, p, admin, vic.PersonID, partners.Change{Roles: []string{"viewer"}, OrderLimit: "-1"}), portal.Invalid)
		wants(t, fence+": good", change(t, p, admin, vic.PersonID, buyer), -1)
		c, err := s.Resolve(t.Context(), cookie)
		must(t, err)
		if !c.Perms.Has(portal.OrdersPlace) || !slices.Equal(c.Sites, []string{"D101"}) || c.OrderLimit != "2500.50" {
			t.Errorf("%s: on the next request: %+v", fence, c)
		}
		if c, err = s.Resolve(t.Context(), there); err != nil || c.Perms.Has(portal.OrdersPlace) || c.Sites != nil {
			t.Errorf("%s: at the other partner: %+v %v", fence, c, err)
		}
		wants(t, fence+": somebody above oneself", func() error {
			must(t, p.AcrossPartners(t.Context(), host, portal.PeopleManage, func(tx *portal.Tx) error {
				return partners.ChangeMember(t.Context(), tx, portaltest.Acme, vic.PersonID, partners.Change{Roles: []string{"finance"}})
			}))
			return change(t, p, admin, vic.PersonID, partners.Change{Roles: []string{"viewer"}})
		}(), portal.Forbidden)

		// The host suspends, and the partner's own administrator cannot undo it.
		wants(t, fence+": suspended", p.AcrossPartners(t.Context(), host, portal.PeopleManage, func(tx *portal.Tx) error {
			must(t, partners.ChangeMember(t.Context(), tx, portaltest.Acme, vic.PersonID, partners.Change{Roles: []string{"buyer"}}))
			return partners.SuspendMember(t.Context(), tx, portaltest.Acme, vic.PersonID)
		}), -1)
		_, err = s.Resolve(t.Context(), cookie)
		wants(t, fence+": a suspended member's next request", err, portal.Unauthenticated)
		resume := func(by portal.Caller) error {
			return p.Do(t.Context(), by, func(tx *portal.Tx) error {
				return partners.ResumeMember(t.Context(), tx, portaltest.Acme, vic.PersonID)
			})
		}
		wants(t, fence+": resumed by the partner", resume(admin), portal.Forbidden)
		wants(t, fence+": resumed by another", resume(other), portal.Forbidden)
		wants(t, fence+": resumed", p.AcrossPartners(t.Context(), host, portal.PeopleManage, func(tx *portal.Tx) error {
			return partners.ResumeMember(t.Context(), tx, portaltest.Acme, vic.PersonID)
		}), -1)
		// And moves.
		wants(t, fence+": moved", p.AcrossPartners(t.Context(), host, portal.PeopleManage, func(tx *portal.Tx) error {
			return partners.MoveMember(t.Context(), tx, portaltest.Acme, vic.PersonID, portaltest.Cord, partners.Change{Roles: []string{"planner"}})
		}), -1)
		var history []string
		must(t, p.AcrossPartners(t.Context(), host, portal.PeopleManage, func(tx *portal.Tx) error {
			return tx.Select(t.Context(), &history, `SELECT partner_id || ' ' || state || ' ' || array_to_string(roles, ' ') || ' ' || (permissions @> '{orders:place}') FROM grants WHERE subject_id = $1 AND partner_id <> $2 ORDER BY grant_id`,
				vic.PersonID, portaltest.Brock)
		}))
		want := []string{"2 active viewer false", "2 active buyer true", "2 active finance false", "2 active buyer true", "2 suspended buyer true", "2 active buyer true", "2 ended buyer true", "4 active planner false"}
		if !slices.Equal(history, want) {
			t.Errorf("%s: history %q, want %q", fence, history, want)
		}
		s.Close()
	}
}

// TestAsk: an invitation goes by mail alone; sent again, the old link is worthless.
func TestAsk(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	admin := member(t, p, portaltest.Acme, "zoe", "partner-admin", "viewer")
	narrow := admin
	narrow.Sites = []string{"D101"}
	acme := partners.Partner{ID: portaltest.Acme, Number: "D100", Name: "Acme Tyres", Kind: "dealer"}
	var i partners.Invitation
	must(t, p.Do(t.Context(), admin, func(tx *portal.Tx) (err error) {
		i, err = partners.Ask(t.Context(), tx, acme, partners.New{Email: "kim@acme.example", Roles: []string{"viewer"}, Sites: []string{"D100"}, OrderLimit: "10"})
		return err
	}))
	again := func(by portal.Caller) error {
		return p.Do(t.Context(), by, func(tx *portal.Tx) error {
			_, err := partners.AskAgain(t.Context(), tx, acme, i.ID, time.Hour)
			return err
		})
	}
	wants(t, "by one who does not see that site", again(narrow), portal.NotFound)
	wants(t, "again", again(admin), -1)
	var paths []string
	rows, err := p.Owner.Query(`SELECT path FROM mails WHERE recipient = 'kim@acme.example' ORDER BY mail_id`)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var path string
		must(t, rows.Scan(&path))
		paths = append(paths, path)
	}
	if len(paths) != 2 || paths[0] == paths[1] {
		t.Fatalf("mailed %q", paths)
	}
	for n, want := range []portal.Kind{portal.NotFound, -1} {
		secret := strings.TrimPrefix(paths[n], "/invitation/")
		err := p.AtTheDoor(t.Context(), func(tx *portal.Tx) error {
			return partners.OpenInvitation(t.Context(), tx, partners.HashOf(secret))
		})
		wants(t, "link "+paths[n], err, want)
	}
}

// TestDelegation_neverAboveOneself lets random administrators of random rights, sites and limits, under random ceilings of the host's, invite and
// change at random: nobody ends up with more than who gave it had, and nothing that the host did not let them give.
func TestDelegation_neverAboveOneself(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	names := []string{"viewer", "buyer", "approver", "claims", "finance", "partner-admin", "stock-only"}
	p.Arrange(t, `INSERT INTO roles (name, side, title, permissions, changed_by, changed_at) VALUES ('stock-only', 'dealer', 'Stock', '{catalog:read}', 'x', now())`)
	target := member(t, p, portaltest.Acme, "target", "viewer")
	acme := partners.Partner{ID: portaltest.Acme, Number: "D100", Name: "Acme Tyres", Kind: "dealer"}
	allow := func(roles []string) portal.Permissions {
		perms := portal.PermissionsOf(roles, false)
		if slices.Contains(roles, "stock-only") {
			perms |= portal.Allow(portal.CatalogRead)
		}
		return perms &^ portal.OfSuppliers
	}
	roles := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 3, rapid.ID[string])
	sites := rapid.SampledFrom([][]string{nil, {"D100"}, {"D101"}, {"D100", "D101"}})
	limits := rapid.SampledFrom([]portal.Amount{"", "100", "5000"})
	within := func(inner, outer []string) bool {
		return outer == nil || inner != nil && !slices.ContainsFunc(inner, func(s string) bool { return !slices.Contains(outer, s) })
	}
	rapid.Check(t, func(r *rapid.T) {
		own := append(roles.Draw(r, "own"), "partner-admin")
		admin := portal.Caller{PartnerID: portaltest.Acme, PartnerNumber: "D100", PartnerName: "Acme", Name: "admin", PersonID: uuid.New(), Perms: allow(own), Sites: sites.Draw(r, "own sites"), OrderLimit: limits.Draw(r, "own limit")}
		ceiling := rapid.OneOf(rapid.Just[[]string](nil), roles).Draw(r, "ceiling")
		was := partners.Change{Roles: roles.Draw(r, "was"), Sites: sites.Draw(r, "was at"), OrderLimit: ""}
		give := partners.Change{Roles: roles.Draw(r, "give"), Sites: sites.Draw(r, "give at"), OrderLimit: limits.Draw(r, "give limit")}
		p.Arrange(t, `INSERT INTO partner_settings (partner_id, delegable, changed_by, changed_at) VALUES (2, $1, 'x', now()) ON CONFLICT (partner_id) DO UPDATE SET delegable = $1`, portal.Limit(ceiling))
		p.Arrange(t, `UPDATE memberships SET roles = $2, sites = $3, order_limit = NULL WHERE person_id = $1`, target.PersonID, portal.Limit(was.Roles), portal.Limit(was.Sites))
		canGive := allow(give.Roles)&^admin.Perms == 0 && within(give.Sites, admin.Sites) && (ceiling == nil || within(give.Roles, ceiling)) &&
			(admin.OrderLimit == "" || give.OrderLimit != "" && !give.OrderLimit.Number().GreaterThan(admin.OrderLimit.Number()))
		err := p.Do(t.Context(), admin, func(tx *portal.Tx) error {
			_, err := partners.Ask(t.Context(), tx, acme, partners.New{Email: "new@acme.example", Roles: give.Roles, Sites: give.Sites, OrderLimit: give.OrderLimit})
			return err
		})
		if (err == nil) != canGive {
			r.Fatalf("inviting: %v, want allowed = %v", err, canGive)
		}
		touches := admin.Sites == nil || was.Sites == nil || slices.ContainsFunc(was.Sites, func(s string) bool { return slices.Contains(admin.Sites, s) })
		canManage := touches && allow(was.Roles)&^admin.Perms == 0 && within(was.Sites, admin.Sites)
		err = change(t, p, admin, target.PersonID, give)
		if (err == nil) != (canGive && canManage) {
			r.Fatalf("changing: %v, want allowed = %v", err, canGive && canManage)
		}
		if err != nil && (portal.Says(err).Kind == portal.NotFound) == touches {
			r.Fatalf("somebody beyond one's sites: %v", err)
		}
	})
}

package auth_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/partners"
	"extranet/portal/portaltest"
)

func (d *door) decide(number string, e partners.Entry) {
	d.t.Helper()
	must(d.t, d.p.AcrossPartners(d.t.Context(), portaltest.As(portaltest.Host, portal.PartnersManage), portal.PartnersManage, func(tx *portal.Tx) error {
		return partners.DecideEntry(d.t.Context(), tx, number, e)
	}))
}

// claims has the issuer say more of whoever signs in.
func (d *door) claims(more map[string]any) {
	d.iss.set(script{token: func(_, claims map[string]any) {
		for k, v := range more {
			claims[k] = v
		}
	}})
}

func (b browser) turnedAway(what, text string) {
	b.d.t.Helper()
	if p := b.login("dana@acme.example"); p.status != 403 || !strings.Contains(p.body, text) {
		b.d.t.Errorf("%s: %d %s, want 403 %s", what, p.status, p.body, text)
	}
}

// TestEntry: whoever does not sign in as the host decided is let in nowhere at that partner, from the next request on, and is told what to do.
func TestEntry(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	d.contact("c2", portaltest.Cord, "dana@acme.example")
	dana := d.browser().in("dana@acme.example")
	dana.says("no rules", "Dana Ruiz|D100")

	d.decide("D100", partners.Entry{AMR: []string{"mfa", "otp"}, ACR: []string{"gold"}})
	if p := dana.get("/"); p.status != 401 || !strings.Contains(p.body, "Acme Tyres asks for a second factor") {
		t.Errorf("the request after the rule: %d %s", p.status, p.body)
	}
	dana.in("dana@acme.example")
	dana.says("the other partner lets in", "Dana Ruiz|S300")
	if p := dana.post("/partner", map[string][]string{"partner": {"2"}}); p.status != 403 || !strings.Contains(p.body, "second factor") {
		t.Errorf("switching there: %d %s", p.status, p.body)
	}
	for what, said := range map[string]map[string]any{"by amr": {"amr": []string{"pwd", "otp"}}, "by acr": {"acr": "gold"}} {
		d.claims(said)
		d.p.Arrange(t, `DELETE FROM sessions WHERE partner_id = 4`)
		d.browser().in("dana@acme.example").says(what, "Dana Ruiz|D100")
	}
	d.claims(map[string]any{"amr": []string{"pwd"}, "acr": "silver"})
	d.decide("S300", partners.Entry{Issuer: "https://login.elsewhere.example"})
	d.browser().turnedAway("neither", "sign in")
	d.claims(map[string]any{"amr": "mfa"})
	if p := d.browser().login("dana@acme.example"); p.status != 400 {
		t.Errorf("amr that is no list: %d %s", p.status, p.body)
	}
	d.claims(nil)
	d.decide("D100", partners.Entry{Issuer: "https://login.elsewhere.example"})
	d.browser().turnedAway("another issuer", "by signing in at https://login.elsewhere.example; sign out, and choose that sign-in")
	d.decide("D100", partners.Entry{Domains: []string{"tyres.example"}})
	d.decide("S300", partners.Entry{Domains: []string{"tyres.example"}})
	d.browser().turnedAway("another domain", "with a mail address of tyres.example")
	d.decide("D100", partners.Entry{Domains: []string{"tyres.example", "ACME.example"}, Issuer: d.iss.URL})
	d.browser().in("dana@acme.example").says("as decided", "Dana Ruiz|D100")
	for field, e := range map[string]partners.Entry{"domains": {Domains: []string{"acme"}}, "issuer": {Issuer: "acme"}, "amr": {AMR: []string{"m fa"}}, "groups_decide": {GroupsDecide: true}, "groups": {Groups: []partners.Group{{Name: "x", Roles: []string{"auditor"}}}}} {
		err := d.p.AcrossPartners(t.Context(), portaltest.As(portaltest.Host, portal.PartnersManage), portal.PartnersManage, func(tx *portal.Tx) error {
			return partners.DecideEntry(t.Context(), tx, "D100", e)
		})
		if portal.Says(err).Fields[field] == "" {
			t.Errorf("a rule that cannot be meant: %v, want the field %s named", err, field)
		}
	}
}

// TestEntry_groups: whoever signs in becomes what the issuer's groups make them, and never what the host lets the partner not grant.
func TestEntry_groups(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	d.p.Arrange(t, `DELETE FROM contacts`)
	rules := partners.Entry{Domains: []string{"acme.example"}, Issuer: d.iss.URL, GroupsDecide: true, Groups: []partners.Group{{Name: "Buyers", Roles: []string{"buyer"}}, {Name: "Money", Roles: []string{"finance"}}}}
	d.decide("D100", rules)
	in := func(what, want string, groups ...string) browser {
		t.Helper()
		d.claims(map[string]any{"groups": groups})
		b := d.browser()
		p := b.login("dana@acme.example")
		if want == "" {
			if p.status != 403 {
				t.Errorf("%s: %d %s, want 403", what, p.status, p.body)
			}
			return b
		}
		b.says(what, want)
		return b
	}
	in("of no group", "", "Somebody")
	if n := d.count(`SELECT count(*) FROM people`); n != 0 {
		t.Errorf("%d people came of it", n)
	}
	first := in("a joiner", "Dana Ruiz|D100|buyer|", "Buyers", "Somebody")
	in("a mover", "Dana Ruiz|D100|buyer,finance|", "Buyers", "Money")
	first.says("where they were signed in already", "Dana Ruiz|D100|buyer,finance|")
	in("a leaver", "", "Somebody")
	if p := first.get("/"); p.status != 401 {
		t.Errorf("a leaver's session: %d %s", p.status, p.body)
	}
	d.p.Arrange(t, `INSERT INTO partner_settings (partner_id, delegable, changed_by, changed_at) VALUES (2, '{viewer,buyer}', 'x', now())`)
	in("beyond what the host lets the partner grant", "Dana Ruiz|D100|buyer|", "Buyers", "Money")
	d.p.Arrange(t, `UPDATE memberships SET origin = 'invitation', roles = '{claims}'`)
	in("whom people let in", "Dana Ruiz|D100|claims|", "Somebody")
	d.claims(map[string]any{"groups": []string{"Buyers"}})
	if p := d.browser().login("bo@brock.example"); p.status != 403 {
		t.Errorf("a mail address of another domain: %d %s", p.status, p.body)
	}
	if d.count(`SELECT count(*) FROM audit WHERE partner_id = 2 AND action IN ('membership.grant', 'membership.end')`) != 4 {
		t.Error("joining, moving and leaving are not in the partner's log")
	}
}

// TestScim_joinsMovesLeaves: what a partner's own directory says holds from the next request on.
func TestScim_joinsMovesLeaves(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	d.p.Arrange(t, `DELETE FROM contacts`)
	ctx := t.Context()
	d.decide("D100", partners.Entry{Domains: []string{"acme.example"}, Groups: []partners.Group{{Name: "Einkauf", Roles: []string{"buyer"}}, {Name: "All", Roles: []string{"viewer"}}}})
	acme := portaltest.As(portaltest.Acme, portal.PeopleProvision)
	acme.PartnerKind = "dealer"
	tell := func(f func(tx *portal.Tx) error) {
		t.Helper()
		must(t, d.p.Do(ctx, acme, f))
	}
	user := partners.ScimUser{UserName: "dana@acme.example", Active: true}
	groups := map[string]*partners.ScimGroup{"All": {Name: "All"}, "Einkauf": {Name: "Einkauf"}, "partner-admin": {Name: "partner-admin"}}
	tell(func(tx *portal.Tx) error { return partners.SaveScimUser(ctx, tx, &user) })
	group := func(name string, members ...uuid.UUID) {
		t.Helper()
		g := groups[name]
		g.Members = nil
		for _, m := range members {
			g.Members = append(g.Members, partners.ScimRef{ID: m})
		}
		tell(func(tx *portal.Tx) error { return partners.SaveScimGroup(ctx, tx, g) })
	}
	active := func(yes bool) {
		t.Helper()
		tell(func(tx *portal.Tx) error {
			u, err := partners.ScimUserByID(ctx, tx, user.ID)
			if err != nil {
				return err
			}
			u.Active = yes
			return partners.SaveScimUser(ctx, tx, &u)
		})
	}
	if p := d.browser().login("dana@acme.example"); p.status != 403 {
		t.Errorf("of no group: %d %s", p.status, p.body)
	}
	group("All", user.ID)
	dana := d.browser().in("dana@acme.example")
	dana.says("a joiner", "Dana Ruiz|D100|viewer|")
	group("Einkauf", user.ID)
	dana.says("a mover", "Dana Ruiz|D100|buyer,viewer|")
	group("All")
	dana.says("a mover", "Dana Ruiz|D100|buyer|")
	group("partner-admin", user.ID)
	dana.says("a group of a role's name", "Dana Ruiz|D100|buyer,partner-admin|")
	d.p.Arrange(t, `INSERT INTO partner_settings (partner_id, delegable, changed_by, changed_at) VALUES (2, '{viewer,buyer}', 'x', now())`)
	group("All", user.ID)
	if got := d.count(`SELECT count(*) FROM memberships WHERE partner_id = 2 AND 'viewer' = ANY(roles)`); got != 0 {
		t.Error("a member who may do more than the host lets the partner grant was changed")
	}
	d.p.Arrange(t, `UPDATE memberships SET roles = '{buyer}' WHERE partner_id = 2`)
	group("partner-admin", user.ID)
	dana.says("never above what the host lets the partner grant", "Dana Ruiz|D100|buyer,viewer|")
	active(false)
	if p := dana.get("/"); p.status != 401 {
		t.Errorf("the request after the directory let them go: %d %s", p.status, p.body)
	}
	if p := d.browser().login("dana@acme.example"); p.status != 403 {
		t.Errorf("signing in when not active: %d %s", p.status, p.body)
	}
	active(true)
	if p := dana.get("/"); p.status != 401 {
		t.Errorf("the session of before came back: %d %s", p.status, p.body)
	}
	d.browser().in("dana@acme.example").says("back", "Dana Ruiz|D100|buyer,viewer|")
	d.p.Arrange(t, `UPDATE memberships SET ended_at = now(), ended_by = 'the host' WHERE partner_id = 2`)
	active(false)
	active(true)
	if p := d.browser().login("dana@acme.example"); p.status != 403 {
		t.Errorf("whom people ended: %d %s", p.status, p.body)
	}
	// Somebody else's directory says nothing of Acme, and nobody without the right says anything.
	brock := portaltest.As(portaltest.Brock, portal.PeopleProvision)
	if err := d.p.Do(ctx, brock, func(tx *portal.Tx) error { _, err := partners.ScimUserByID(ctx, tx, user.ID); return err }); portal.Says(err).Kind != portal.NotFound {
		t.Errorf("another partner's user: %v", err)
	}
	for what, f := range map[string]func(tx *portal.Tx) error{
		"list users": func(tx *portal.Tx) error { _, err := partners.ScimUsers(ctx, tx, ""); return err }, "a user": func(tx *portal.Tx) error { _, err := partners.ScimUserByID(ctx, tx, user.ID); return err },
		"save a user": func(tx *portal.Tx) error { return partners.SaveScimUser(ctx, tx, &user) }, "delete a user": func(tx *portal.Tx) error { return partners.DeleteScimUser(ctx, tx, user.ID) },
		"list groups": func(tx *portal.Tx) error { _, err := partners.ScimGroups(ctx, tx); return err }, "a group": func(tx *portal.Tx) error { _, err := partners.ScimGroupByID(ctx, tx, groups["All"].ID); return err },
		"save a group": func(tx *portal.Tx) error { return partners.SaveScimGroup(ctx, tx, groups["All"]) }, "delete a group": func(tx *portal.Tx) error { return partners.DeleteScimGroup(ctx, tx, groups["All"].ID) },
	} {
		if err := d.p.Do(ctx, portaltest.As(portaltest.Acme, portal.PeopleManage), f); portal.Says(err).Kind != portal.Forbidden {
			t.Errorf("%s without the right: %v, want Forbidden", what, err)
		}
	}
	tell(func(tx *portal.Tx) error { return partners.DeleteScimGroup(ctx, tx, groups["All"].ID) })
	tell(func(tx *portal.Tx) error { return partners.DeleteScimUser(ctx, tx, user.ID) })
	if d.count(`SELECT count(*) FROM scim_members`) != 0 {
		t.Error("members are left of whom there is no more")
	}
}

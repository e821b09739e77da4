package partners_test

import (
	"testing"
	"time"

	"extranet/portal"
	"extranet/portal/partners"
	"extranet/portal/portaltest"
)

// TestBeginView: who looks as a partner sees what it sees and no more, changes nothing unless they may act for it, and is the host's again
// when the time is over, when they stop, and when the right to look is taken away.
func TestBeginView(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	s := partners.NewSessions(p.DB, partners.Limits{}, nil)
	defer s.Close()
	resolve := func(cookie string) portal.Caller {
		t.Helper()
		c, err := s.Resolve(t.Context(), cookie)
		must(t, err)
		return c
	}
	dealer, clerk := resolve(start(t, p, s, member(t, p, portaltest.Acme, "dana", "partner-admin"))), resolve(start(t, p, s, member(t, p, portaltest.Host, "claus", "claims-desk")))
	manager, boss := start(t, p, s, member(t, p, portaltest.Host, "maren", "partner-manager")), start(t, p, s, member(t, p, portaltest.Host, "ada", "administrator"))
	begin := func(by portal.Caller, number, reason string, acts bool) error {
		return s.BeginView(t.Context(), by, number, reason, acts)
	}
	wants(t, "a dealer", begin(dealer, "D200", "because I can", false), portal.Forbidden)
	wants(t, "without the right", begin(clerk, "D100", "a call of theirs", false), portal.Forbidden)
	wants(t, "to act, without that right", begin(resolve(manager), "D100", "a call of theirs", true), portal.Forbidden)
	wants(t, "no reason", begin(resolve(manager), "D100", "  x ", false), portal.Invalid)
	wants(t, "nobody", begin(resolve(manager), "D999", "a call of theirs", false), portal.NotFound)
	wants(t, "the host itself", begin(resolve(manager), "HOST", "a call of theirs", false), portal.NotFound)
	wants(t, "good", begin(resolve(manager), "D100", "a call of theirs", false), -1)

	c := resolve(manager)
	if c.PartnerID != portaltest.Acme || c.Host || !c.Viewing || !c.ReadOnly || !c.Perms.Has(portal.OrdersRead) || c.Perms.Has(portal.PartnersRead) || c.Perms.Has(portal.OrdersPlace) || c.Perms.Has(portal.PeopleManage) {
		t.Errorf("looks as %+v", c)
	}
	wants(t, "again while looking", begin(c, "D200", "and another one", false), portal.Forbidden)
	wants(t, "a deed", p.Do(t.Context(), c, func(tx *portal.Tx) error {
		_, _, err := tx.Once(t.Context(), "a key of mine", nil, func() ([]byte, error) { t.Error("it was done"); return nil, nil })
		return err
	}), portal.Forbidden)
	p.Pass(29 * time.Minute)
	resolve(boss)
	if c = resolve(manager); !c.Viewing {
		t.Error("over too early")
	}
	p.Pass(time.Minute)
	if c = resolve(manager); c.Viewing || !c.Host || c.PartnerID != portaltest.Host {
		t.Errorf("after half an hour: %+v", c)
	}
	wants(t, "to act", begin(resolve(boss), "S300", "they asked us to", true), -1)
	if c = resolve(boss); c.ReadOnly || !c.Perms.Has(portal.ForecastsCommit) || c.Perms.Has(portal.PeopleInvite) || c.Perms.Has(portal.TokensManage) || c.Name != "ada of Hosting Tyres" {
		t.Errorf("acts as %+v", c)
	}
	must(t, s.EndView(t.Context(), c))
	if c = resolve(boss); !c.Host {
		t.Errorf("after stopping: %+v", c)
	}
	// The right to look is taken away while looking.
	wants(t, "once more", begin(resolve(manager), "D100", "a call of theirs", false), -1)
	maren := resolve(manager).PersonID
	must(t, p.Do(t.Context(), resolve(boss), func(tx *portal.Tx) error {
		return partners.ChangeMember(t.Context(), tx, portaltest.Host, maren, partners.Change{Roles: []string{"claims-desk"}})
	}))
	if c = resolve(manager); c.Viewing || c.Perms.Has(portal.OrdersRead) {
		t.Errorf("without the right: %+v", c)
	}
	var acts int
	must(t, p.Owner.QueryRow(`SELECT count(*) FROM audit WHERE partner_id = 2 AND action IN ('view.begin', 'view.end')`).Scan(&acts))
	if acts != 3 {
		t.Errorf("%d acts in Acme's own audit, want 3: two beginnings and an end", acts)
	}
}

package partners_test

import (
	"testing"

	"extranet/portal"
	"extranet/portal/partners"
	"extranet/portal/portaltest"
)

// TestDirectory_reads shows that no list of the host's goes through the partners or the memberships, and how much of them each reads at most.
func TestDirectory_reads(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	crowd(t, p, 20_000, 40_000)
	p.Arrange(t, `INSERT INTO programmes (name, title, modules, changed_by, changed_at) VALUES ('all', 'All', '{orders}', 'x', now()), ('rare', 'Rare', '{orders}', 'x', now()), ('none', 'None', '{orders}', 'x', now())`)
	p.Arrange(t, `INSERT INTO partner_programmes (partner_id, programme, since) SELECT partner_id, 'all', now() FROM partners WHERE kind <> 'host' UNION ALL SELECT 1000 + 700 * i, 'rare', now() FROM generate_series(1, 20) i`)
	p.Arrange(t, `VACUUM ANALYZE partners, memberships, people, partner_programmes`) // as it is in service
	reads := func(name, table string, most int, f func(tx *portal.Tx) error) {
		t.Helper()
		must(t, p.AcrossPartners(t.Context(), portaltest.As(portaltest.Host, portal.PartnersRead, portal.PeopleRead, portal.PeopleManage), portal.PartnersRead, func(tx *portal.Tx) error {
			rows, whole := portaltest.Reads(t, tx, table, func() { must(t, f(tx)) })
			if whole || rows > most {
				t.Errorf("%s reads %d rows of %s, all of it: %v; at most %d are needed", name, rows, table, whole, most)
			}
			return nil
		}))
	}
	deep := directory(t, p, partners.DirectoryFilter{Programme: "rare"}).Items[10]
	for name, c := range map[string]struct {
		f    partners.DirectoryFilter
		most int
	}{
		"everything":          {partners.DirectoryFilter{}, 60},
		"a number":            {partners.DirectoryFilter{Text: deep.Number}, 60},
		"a word of a fifth":   {partners.DirectoryFilter{Text: "upper"}, 4100},
		"a word and a town":   {partners.DirectoryFilter{Text: "upper town77"}, 500},
		"nobody":              {partners.DirectoryFilter{Text: "nosuchword"}, 10},
		"a kind":              {partners.DirectoryFilter{Kind: "supplier"}, 3000},
		"a kind, a category":  {partners.DirectoryFilter{Kind: "supplier", Category: "C3"}, 60},
		"a programme of all":  {partners.DirectoryFilter{Programme: "all"}, 200},
		"a rare programme":    {partners.DirectoryFilter{Programme: "rare"}, 100},
		"a programme of none": {partners.DirectoryFilter{Programme: "none"}, 10},
		"closed ones":         {partners.DirectoryFilter{State: "closed"}, 10},
	} {
		for _, table := range []string{"partners", "memberships"} {
			reads(name, table, max(c.most, map[string]int{"memberships": 200}[table]), func(tx *portal.Tx) error {
				_, err := partners.Directory(t.Context(), tx, c.f)
				return err
			})
		}
	}
	reads("the people of a partner", "memberships", 10, func(tx *portal.Tx) error {
		_, err := partners.Members(t.Context(), tx, 1500, partners.MemberFilter{})
		return err
	})
	reads("who sees an order", "memberships", 10, func(tx *portal.Tx) error {
		_, err := partners.WhoSees(t.Context(), tx, 1500, "orders/none")
		if portal.Says(err).Kind == portal.NotFound {
			return nil
		}
		return err
	})
}

package partners_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/partners"
	"extranet/portal/portaltest"
)

// A big host is one portal of BenchmarkDirectory, with some of its people signed in.
type bigHost struct {
	*portaltest.Portal
	sessions *partners.Sessions
	cookies  []string // each resolved once: the next has never been asked for
	switches []portal.Caller
	asked    int
}

func hostOf(b *testing.B, n, members int) *bigHost {
	b.Helper()
	h := &bigHost{Portal: portaltest.New(b)}
	crowd(b, h.Portal, n, members)
	h.Arrange(b, `INSERT INTO programmes (name, title, modules, changed_by, changed_at) VALUES ('full', 'Full', '{catalogue,prices,orders,ordering,account,claims}', 'x', now()), ('less', 'Less', '{catalogue,orders}', 'x', now())`)
	h.Arrange(b, `INSERT INTO partner_programmes (partner_id, programme, since) SELECT partner_id, 'full', now() FROM partners WHERE kind <> 'host'`)
	h.Arrange(b, `INSERT INTO claims (partner_id, number, kind, site, currency, reference, contact_email, created_at, created_by, submitted_at, changed_at, state)
		SELECT partner_id, 'C-' || partner_id, 'transit', number, 'EUR', '', '', now(), 'x', now(), now(), 'closed' FROM partners WHERE partner_id >= 1000`)
	// A second membership for those whose session switches.
	h.Arrange(b, `INSERT INTO memberships (partner_id, person_id, name, email, roles, origin, granted_by, granted_at)
		SELECT 1001 + (partner_id - 1001 + 1) % $1, person_id, name, email, '{buyer}', 'invitation', 'x', now() FROM memberships WHERE partner_id >= 1000 ORDER BY person_id LIMIT 3000`, n)
	h.Arrange(b, `VACUUM ANALYZE`) // as it is in service
	h.sessions = partners.NewSessions(h.DB, partners.Limits{}, nil)
	b.Cleanup(h.sessions.Close)
	must(b, h.AtTheDoor(b.Context(), func(tx *portal.Tx) error {
		for i := 1; i <= 3000; i++ {
			id, partner := uuid.MustParse(fmt.Sprintf("40000000-0000-4000-8000-%012d", i)), int64(1001+i%n)
			cookie, session, err := h.sessions.Start(b.Context(), tx, partners.Proof{Issuer: issuer, Subject: fmt.Sprint(i)}, partners.Person{ID: id, Name: fmt.Sprint("Person ", i)}, partner, "bench", "")
			if err != nil {
				return err
			}
			h.cookies = append(h.cookies, cookie)
			h.switches = append(h.switches, portal.Caller{PartnerID: partner, PersonID: id, Name: fmt.Sprint("Person ", i), SessionID: session})
		}
		return nil
	}))
	return h
}

// BenchmarkDirectory measures what partner managers and their people wait for at a host of 1,000 partners and at one of 50,000 partners and 584,000 memberships, in
// rounds that take turns, and reports the p95 at full size and its ratio to the other's: the directory, whether a session may do something (read for the first time, and
// again), acting for another partner, a grant tried and made, who can see a claim, and programmes of 100 partners tried.
func BenchmarkDirectory(b *testing.B) {
	small, large := hostOf(b, 1000, 11_680), hostOf(b, 50_000, 584_000)
	by := portaltest.As(portaltest.Host, portal.PartnersRead, portal.PartnersManage, portal.PeopleRead, portal.PeopleManage)
	across := func(h *bigHost, f func(ctx context.Context, tx *portal.Tx) error) {
		must(b, h.AcrossPartners(b.Context(), by, portal.PartnersRead, func(tx *portal.Tx) error { return f(b.Context(), tx) }))
	}
	try := func(h *bigHost, w partners.Weighed) {
		weighing, err := w.Try(b.Context(), func(f func(tx *portal.Tx) error) error {
			return h.AcrossPartners(b.Context(), by, portal.PartnersRead, f)
		})
		must(b, err)
		if len(weighing.Items) == 0 {
			b.Fatal("nobody gains or loses anything: nothing is measured")
		}
	}
	hundred := make([]string, 100)
	for i := range hundred {
		hundred[i] = fmt.Sprint("P", 300+i)
	}
	// somebody is another member each time, with the partner and what they are to become.
	somebody := func(h *bigHost, n int) (partner int64, person uuid.UUID, c partners.Change) {
		s := h.switches[n%len(h.switches)]
		return s.PartnerID, s.PersonID, partners.Change{Roles: []string{"viewer", []string{"claims", "finance"}[n/len(h.switches)%2]}}
	}
	for _, c := range []struct {
		name  string
		times int // of each round
		do    func(h *bigHost, n int)
	}{
		{"first page", 100, func(h *bigHost, _ int) { directory(b, h.Portal, partners.DirectoryFilter{}) }},
		{"search", 100, func(h *bigHost, n int) {
			directory(b, h.Portal, partners.DirectoryFilter{Text: fmt.Sprint("P7", n%10)})
		}},
		{"search, many found", 100, func(h *bigHost, n int) {
			directory(b, h.Portal, partners.DirectoryFilter{Text: []string{"upper wheel", "lower wheel", "north wheel"}[n%3]})
		}},
		{"filter", 100, func(h *bigHost, n int) {
			directory(b, h.Portal, partners.DirectoryFilter{Kind: "dealer", Category: fmt.Sprint("C", n%7)})
		}},
		{"programme", 100, func(h *bigHost, _ int) { directory(b, h.Portal, partners.DirectoryFilter{Programme: "full"}) }},
		{"nothing found", 100, func(h *bigHost, _ int) {
			directory(b, h.Portal, partners.DirectoryFilter{Programme: "less", Kind: "supplier"})
		}},
		{"members", 100, func(h *bigHost, n int) {
			across(h, func(ctx context.Context, tx *portal.Tx) error {
				_, err := partners.Members(ctx, tx, int64(1001+n%1000), partners.MemberFilter{})
				return err
			})
		}},
		{"session, first time", 300, func(h *bigHost, n int) {
			c, err := h.sessions.Resolve(b.Context(), h.cookies[h.asked%len(h.cookies)])
			h.asked++
			must(b, err)
			must(b, c.Need(portal.OrdersRead))
		}},
		{"session, again", 300, func(h *bigHost, _ int) {
			c, err := h.sessions.Resolve(b.Context(), h.cookies[0])
			must(b, err)
			must(b, c.Need(portal.OrdersRead))
		}},
		{"switch", 100, func(h *bigHost, n int) {
			s := h.switches[n%len(h.switches)]
			to := 1001 + (s.PartnerID-1001+1)%int64(map[bool]int{true: 1000, false: 50_000}[h == small])
			if n/len(h.switches)%2 == 1 {
				to = s.PartnerID
			}
			must(b, h.sessions.SwitchPartner(b.Context(), s, to))
		}},
		{"grant, tried", 100, func(h *bigHost, n int) {
			partner, person, change := somebody(h, n)
			try(h, partners.OfMember(partner, person, func(ctx context.Context, tx *portal.Tx) error {
				return partners.ChangeMember(ctx, tx, partner, person, change)
			}))
		}},
		{"grant", 100, func(h *bigHost, n int) {
			partner, person, change := somebody(h, n)
			across(h, func(ctx context.Context, tx *portal.Tx) error {
				return partners.ChangeMember(ctx, tx, partner, person, change)
			})
		}},
		{"who sees a claim", 100, func(h *bigHost, n int) {
			partner := int64(1001 + n%1000)
			across(h, func(ctx context.Context, tx *portal.Tx) error {
				r, err := partners.WhoSees(ctx, tx, partner, fmt.Sprint("claims/C-", partner))
				if err == nil && len(r.Readers) == 0 {
					b.Fatal("nobody sees the claim: nothing is measured")
				}
				return err
			})
		}},
		{"100 partners, tried", 20, func(h *bigHost, _ int) {
			try(h, partners.OfPartners(hundred, func(ctx context.Context, tx *portal.Tx) error {
				return partners.DecideMany(ctx, tx, partners.Batch{Numbers: slices.Clone(hundred), Join: []string{"less"}, Leave: []string{"full"}})
			}))
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			n := map[*bigHost]int{}
			p95 := func(h *bigHost) time.Duration {
				took := make([]time.Duration, c.times)
				for i := range took {
					began := time.Now()
					c.do(h, n[h])
					took[i] = time.Since(began)
					n[h]++
				}
				slices.Sort(took)
				return took[len(took)*95/100]
			}
			p95(small)
			p95(large)
			var ratios, at []float64
			for range 3 {
				s, l := p95(small), p95(large)
				ratios, at = append(ratios, float64(l)/float64(s)), append(at, float64(l.Nanoseconds())/1e6)
			}
			slices.Sort(ratios)
			slices.Sort(at)
			b.ReportMetric(at[1], "p95-ms")
			b.ReportMetric(ratios[1], "ratio")
			b.ReportMetric(0, "ns/op")
		})
	}
}

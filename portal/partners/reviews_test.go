package partners_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/partners"
	"extranet/portal/portaltest"
)

// TestReviews: what is answered holds, what is not lapses at the date and throws out who is signed in; nobody answers for themselves or another partner.
func TestReviews(t *testing.T) {
	t.Parallel()
	for fence, p := range map[string]*portaltest.Portal{"row security": portaltest.New(t), "the predicates alone": portaltest.NewWithoutRowSecurity(t)} {
		hal := member(t, p, portaltest.Host, "hal", "partner-manager")
		zoe := member(t, p, portaltest.Acme, "zoe", "partner-admin", "buyer", "viewer", "claims")
		kept, changed, ended, lapsed := member(t, p, portaltest.Acme, "kim", "viewer"), member(t, p, portaltest.Acme, "che", "viewer", "claims"), member(t, p, portaltest.Acme, "eve", "buyer"), member(t, p, portaltest.Acme, "lou", "buyer")
		bea := member(t, p, portaltest.Brock, "bea", "partner-admin", "buyer")
		member(t, p, portaltest.Cord, "cor", "planner")
		s := partners.NewSessions(p.DB, partners.Limits{Idle: 30 * 24 * time.Hour, Absolute: 60 * 24 * time.Hour}, nil)
		defer s.Close()
		cookies := map[string]string{}
		for _, m := range []portal.Caller{zoe, kept, changed, ended, lapsed, bea} {
			cookies[m.Name] = start(t, p, s, m)
		}
		tend := func() {
			must(t, p.AsWorker(t.Context(), "clock", func(tx *portal.Tx) error { return partners.TendReviews(t.Context(), tx) }))
		}
		begin := func(c partners.Campaign) (id uuid.UUID, err error) {
			err = across(t, p, hal, func(ctx context.Context, tx *portal.Tx) error {
				made, err := partners.StartCampaign(ctx, tx, c)
				id = made.ID
				return err
			})
			return id, err
		}
		due := p.DB.Now().Add(14 * 24 * time.Hour)
		good := partners.Campaign{Title: "Spring", Reviewers: "partner", Kind: "dealer", RemindDays: []int64{7, 1}, DueAt: due}
		for what, spoil := range map[string]func(*partners.Campaign){"due today": func(c *partners.Campaign) { c.DueAt = p.DB.Now() }, "no reviewer": func(c *partners.Campaign) { c.Reviewers = "x" }, "no title": func(c *partners.Campaign) { c.Title = "" },
			"nobody in it": func(c *partners.Campaign) { c.Roles = []string{"seller"} }, "no such partner": func(c *partners.Campaign) { c.Numbers = []string{"X"} }} {
			bad := good
			spoil(&bad)
			_, err := begin(bad)
			wants(t, fence+": "+what, err, portal.Invalid)
		}
		id, err := begin(good)
		must(t, err)
		answer := func(by portal.Caller, vs ...partners.Verdict) error {
			by.PartnerNumber = map[int64]string{portaltest.Host: "HOST", portaltest.Acme: "D100", portaltest.Brock: "D200"}[by.PartnerID]
			return partners.At(t.Context(), p.DB, by, map[int64]string{portaltest.Host: "D100", portaltest.Acme: "D100", portaltest.Brock: "D200"}[by.PartnerID], portal.PeopleManage, func(tx *portal.Tx, at partners.Partner) error {
				return partners.Answer(t.Context(), tx, at.ID, id, vs)
			})
		}
		mails := func() (n int) {
			must(t, p.Owner.QueryRow(`SELECT count(*) FROM mails WHERE recipient = 'zoe@x.example'`).Scan(&n))
			return n
		}
		if mails() != 1 {
			t.Errorf("%s: told %d times that it has begun", fence, mails())
		}
		wants(t, fence+": by another partner", answer(bea, partners.Verdict{Person: kept.PersonID, What: "end"}), portal.NotFound)
		wants(t, fence+": for oneself", answer(zoe, partners.Verdict{Person: zoe.PersonID, What: "keep"}), portal.Forbidden)
		wants(t, fence+": no answer", answer(zoe, partners.Verdict{Person: kept.PersonID, What: "x"}), portal.Invalid)
		wants(t, fence+": above oneself", answer(zoe, partners.Verdict{Person: changed.PersonID, What: "change", Change: partners.Change{Roles: []string{"finance"}}}), portal.Forbidden)
		wants(t, fence+": answered", answer(zoe, partners.Verdict{Person: kept.PersonID, What: "keep", Words: "still here"}, partners.Verdict{Person: changed.PersonID, What: "change", Change: partners.Change{Roles: []string{"viewer"}}},
			partners.Verdict{Person: ended.PersonID, What: "end"}), -1)
		wants(t, fence+": ended, and kept after all", answer(zoe, partners.Verdict{Person: ended.PersonID, What: "keep"}), portal.Conflict)
		wants(t, fence+": the host for the administrator", answer(hal, partners.Verdict{Person: zoe.PersonID, What: "keep"}), -1)
		tend()
		p.Pass(8 * 24 * time.Hour)
		tend()
		tend()
		if mails() != 2 {
			t.Errorf("%s: a week before, told %d times", fence, mails())
		}
		in := func() string {
			var names []string
			for _, name := range []string{"zoe", "kim", "che", "eve", "lou", "bea"} {
				if c, err := s.Resolve(t.Context(), cookies[name]); err == nil {
					names = append(names, name+":"+strings.Join(c.Roles, "+"))
				} else if portal.Says(err).Kind != portal.Unauthenticated {
					t.Errorf("%s: %s: %v", fence, name, err)
				}
			}
			return strings.Join(names, " ")
		}
		if got := in(); got != "zoe:buyer+claims+partner-admin+viewer kim:viewer che:viewer lou:buyer bea:partner-admin+buyer" && got != "zoe:partner-admin+buyer+viewer+claims kim:viewer che:viewer lou:buyer bea:partner-admin+buyer" {
			t.Errorf("%s: before the date: %s", fence, got)
		}
		p.Pass(7 * 24 * time.Hour)
		wants(t, fence+": after the date", answer(zoe, partners.Verdict{Person: lapsed.PersonID, What: "keep"}), portal.Conflict)
		tend()
		if got := in(); got != "zoe:partner-admin+buyer+viewer+claims kim:viewer che:viewer" {
			t.Errorf("%s: after the date: %s", fence, got)
		}
		var said []string
		must(t, across(t, p, hal, func(ctx context.Context, tx *portal.Tx) error {
			c, err := partners.Evidence(ctx, tx, id, "xlsx", func(i partners.ReviewItem) error {
				said = append(said, i.Name+" "+i.Verdict)
				return nil
			})
			if c.ClosedAt == nil || c.Open() != 0 || c.Lapsed != 2 || c.All != 6 {
				t.Errorf("%s: the campaign stands at %+v", fence, c)
			}
			return err
		}))
		if got := strings.Join(said, ", "); got != "che change, eve end, kim keep, lou lapse, zoe keep, bea lapse" {
			t.Errorf("%s: evidence: %s", fence, got)
		}
		var why string
		must(t, p.Owner.QueryRow(`SELECT ended_by FROM memberships WHERE name = 'lou'`).Scan(&why))
		if why != partners.LapsedBy {
			t.Errorf("%s: lou's access ended by %q", fence, why)
		}
	}
}

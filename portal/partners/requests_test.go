package partners_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/partners"
	"extranet/portal/portaltest"
)

// TestRequests: what is asked for is granted within the approver's own rights, decided once, and overruled by the host alone, who takes back what was given.
func TestRequests(t *testing.T) {
	t.Parallel()
	for fence, p := range map[string]*portaltest.Portal{"row security": portaltest.New(t), "the predicates alone": portaltest.NewWithoutRowSecurity(t)} {
		zoe := member(t, p, portaltest.Acme, "zoe", "partner-admin", "buyer")
		vic := member(t, p, portaltest.Acme, "vic", "viewer")
		bea := member(t, p, portaltest.Brock, "bea", "partner-admin", "buyer")
		hal := member(t, p, portaltest.Host, "hal", "partner-manager")
		p.Arrange(t, `UPDATE memberships SET sites = '{D101}' WHERE name = 'vic'`)
		do := func(by portal.Caller, f func(ctx context.Context, tx *portal.Tx, at partners.Partner) error) error {
			by.PartnerNumber = map[int64]string{portaltest.Host: "HOST", portaltest.Acme: "D100", portaltest.Brock: "D200"}[by.PartnerID]
			return partners.At(t.Context(), p.DB, by, map[int64]string{portaltest.Host: "D100", portaltest.Acme: "D100", portaltest.Brock: "D200"}[by.PartnerID], portal.PeopleManage, func(tx *portal.Tx, at partners.Partner) error { return f(t.Context(), tx, at) })
		}
		ask := func(by portal.Caller, roles, sites []string, why string) (id uuid.UUID, err error) {
			err = p.Do(t.Context(), by, func(tx *portal.Tx) error {
				at := partners.Partner{ID: by.PartnerID, Kind: "dealer", Name: "Acme"}
				r, err := partners.RequestAccess(t.Context(), tx, at, by.PersonID, roles, sites, why)
				id = r.ID
				return err
			})
			return id, err
		}
		decide := func(by portal.Caller, id uuid.UUID, grant bool, words string) error {
			return do(by, func(ctx context.Context, tx *portal.Tx, at partners.Partner) error {
				f := partners.RefuseRequest
				if grant {
					f = partners.GrantRequest
				}
				_, err := f(ctx, tx, at, id, words)
				return err
			})
		}
		holds := func() (said string) {
			must(t, p.Owner.QueryRow(`SELECT array_to_string(roles, ' ') || ' at ' || coalesce(array_to_string(sites, ' '), 'all') FROM memberships WHERE name = 'vic' AND partner_id = 2`).Scan(&said))
			return said
		}
		for what, c := range map[string]struct {
			roles, sites []string
			why          string
			want         portal.Kind
		}{
			"no reason": {[]string{"buyer"}, []string{}, " ", portal.Invalid}, "what is there": {[]string{"viewer"}, []string{"D101"}, "because", portal.Invalid}, "a host's role": {[]string{"auditor"}, []string{}, "because", portal.Invalid},
			"another's site": {nil, []string{"D200"}, "because", portal.Invalid},
		} {
			_, err := ask(vic, c.roles, c.sites, c.why)
			wants(t, fence+": "+what, err, c.want)
		}
		id, err := ask(vic, []string{"buyer"}, []string{"D100"}, "I order for the head office now")
		wants(t, fence+": asked", err, -1)
		_, err = ask(vic, []string{"claims"}, []string{}, "and claims")
		wants(t, fence+": a second", err, portal.Conflict)
		var told int
		must(t, p.Owner.QueryRow(`SELECT count(*) FROM mails WHERE partner_id = 2 AND recipient = 'zoe@x.example'`).Scan(&told))
		if told != 1 {
			t.Errorf("%s: the administrator was mailed %d times", fence, told)
		}
		wants(t, fence+": of another partner", decide(bea, id, true, ""), portal.NotFound)
		wants(t, fence+": one's own", decide(vic, id, true, ""), portal.Forbidden)
		wants(t, fence+": refused without words", decide(zoe, id, false, ""), portal.Invalid)
		wants(t, fence+": granted", decide(zoe, id, true, "fine"), -1)
		if got := holds(); got != "buyer viewer at D100 D101" {
			t.Errorf("%s: granted, they are %s", fence, got)
		}
		wants(t, fence+": twice", decide(zoe, id, true, ""), portal.Conflict)
		wants(t, fence+": the other way by the partner", decide(zoe, id, false, "on second thoughts"), portal.Conflict)
		wants(t, fence+": the other way by the host", decide(hal, id, false, "not this year"), -1)
		if got := holds(); got != "viewer at D101" {
			t.Errorf("%s: overruled, they are %s", fence, got)
		}
		wants(t, fence+": against the host", decide(zoe, id, true, ""), portal.Conflict)
		id, err = ask(vic, []string{"finance"}, []string{}, "the year's end")
		wants(t, fence+": asked anew", err, -1)
		wants(t, fence+": above the approver", decide(zoe, id, true, ""), portal.Forbidden)
		wants(t, fence+": the host may", decide(hal, id, true, ""), -1)
		if got := holds(); got != "finance viewer at D101" {
			t.Errorf("%s: granted by the host, they are %s", fence, got)
		}
	}
}

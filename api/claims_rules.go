package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/claims"
)

func (d door) claimRules(h huma.API) {
	huma.Register(h, operation("list-claim-rules", http.MethodGet, "/desk/rules", "Claims desk", "List the rules of claims", "Every version of each kind, the latest first, with those in force today."), d.listRules)
	huma.Register(h, operation("get-claim-rules", http.MethodGet, "/desk/rules/{kind}/{version}", "Claims desk", "Read a version of the rules", "A version never changes: what was decided by it can be decided again."), d.getRules)
	huma.Register(h, deed("set-claim-rules", http.MethodPost, "/desk/rules/{kind}", "Claims desk", "Set a new version of the rules",
		"From today or a later day on. What is submitted from then on is decided by it; what was submitted before stays under its own version.", true), d.setRules)
}

type ruleVersions struct {
	Items []claims.Version `json:"items"`
}

func (d door) listRules(ctx context.Context, in *struct{ Conditional }) (*plain[ruleVersions], error) {
	return atDesk(ctx, d, in.Conditional, func(tx *portal.Tx) (l ruleVersions, err error) {
		l.Items, err = claims.Versions(ctx, tx)
		return l, err
	})
}

// atDesk reads across partners for who decides claims.
func atDesk[T any](ctx context.Context, d door, c Conditional, load func(tx *portal.Tx) (T, error)) (*plain[T], error) {
	by := callerOf(ctx)
	var v T
	if err := d.db.AcrossPartners(ctx, by, portal.ClaimsDecide, func(tx *portal.Tx) (err error) { v, err = load(tx); return err }); err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	return now(c, v)
}

type getRulesInput struct {
	Conditional
	Kind    string `path:"kind" enum:"warranty,transit,shortage,price,return"`
	Version int    `path:"version" minimum:"1" maximum:"1000000"`
}

func (d door) getRules(ctx context.Context, in *getRulesInput) (*plain[claims.Policy], error) {
	return atDesk(ctx, d, in.Conditional, func(tx *portal.Tx) (claims.Policy, error) { return claims.ReadPolicy(ctx, tx, in.Kind, in.Version) })
}

type setRulesInput struct {
	Keyed
	Kind string `path:"kind" enum:"warranty,transit,shortage,price,return"`
	Body claims.Draw
}

func (d door) setRules(ctx context.Context, in *setRulesInput) (*done[claims.Policy], error) {
	across := func(by portal.Caller, f func(tx *portal.Tx) error) error {
		return d.db.AcrossPartners(ctx, by, portal.ClaimsApprove, f)
	}
	at := func(p claims.Policy) string { return fmt.Sprintf("desk/rules/%s/%d", p.Kind, p.Version) }
	return commandIn(ctx, d, portal.ClaimsApprove, in.Keyed, "claim rules "+in.Kind, in.Body, at, across, func(tx *portal.Tx) (claims.Policy, error) {
		return claims.MakePolicy(ctx, tx, in.Kind, in.Body)
	})
}

type decideSeveralInput struct {
	Keyed
	Body struct {
		Claims []claims.Pick `json:"claims" minItems:"1" maxItems:"200"`
		Words  string        `json:"words,omitempty" doc:"For the partners; needed for what is not approved in full" maxLength:"4000"`
	}
}

type decidedSeveral struct {
	Results []claims.Picked `json:"results" doc:"One for each claim"`
}

func (d door) decideSeveral(ctx context.Context, in *decideSeveralInput) (*done[decidedSeveral], error) {
	across := func(by portal.Caller, f func(tx *portal.Tx) error) error {
		return d.db.AcrossPartners(ctx, by, portal.ClaimsDecide, f)
	}
	return commandIn(ctx, d, portal.ClaimsDecide, in.Keyed, "desk decide several", in.Body, nil, across, func(tx *portal.Tx) (a decidedSeveral, err error) {
		a.Results, err = claims.DecideAll(ctx, tx, in.Body.Claims, in.Body.Words)
		return a, err
	})
}

package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/partners"
)

func (d door) entry(h huma.API) {
	const tag = "Directory"
	huma.Register(h, operation("get-entry", http.MethodGet, "/directory/{number}/entry", tag, "See how a partner's people must sign in", "For the host's staff: mail domains, issuer, second factor, and what the issuer's groups make somebody."), d.getEntry)
	huma.Register(h, deed("decide-entry", http.MethodPost, "/directory/{number}/entry", tag, "Say how a partner's people must sign in",
		"For the host's staff. Whoever is signed in otherwise is asked to sign in again on their next request, and is told how.", false), d.decideEntry)
}

// Entry is how people must sign in to act for a partner.
type Entry struct {
	Domains      []string     `json:"domains" maxItems:"50" doc:"Mail domains that its people may have; empty = any. Only these can be invited"`
	Issuer       string       `json:"issuer" maxLength:"500" doc:"The address of the one issuer that counts, as its tokens have it; empty = any"`
	ACR          []string     `json:"acr" maxItems:"20" doc:"A second factor is demanded where acr or amr name something: the issuer must have said one of these acr …"`
	AMR          []string     `json:"amr" maxItems:"20" doc:"… or one of these amr (RFC 8176), like mfa or otp"`
	GroupsDecide bool         `json:"groups_decide" doc:"At each sign-in its people become what the groups in the issuer's claim groups make them"`
	Groups       []EntryGroup `json:"groups" maxItems:"200" doc:"What the issuer's groups, at sign-in or over SCIM, make their members"`
}

// EntryGroup is a group of the partner's issuer.
type EntryGroup struct {
	Name  string   `json:"name" minLength:"1" maxLength:"200" doc:"As the issuer has it"`
	Roles []string `json:"roles" minItems:"1" maxItems:"20" doc:"Roles that the host lets the partner grant"`
}

type entryAnswer struct {
	Number string `json:"number"`
	Entry
	ChangedBy string     `json:"changed_by" doc:"Who decided; empty = nobody yet"`
	ChangedAt *time.Time `json:"changed_at" doc:"null = never decided"`
}

func entryAnswerOf(p partners.Partner, e partners.Entry) entryAnswer {
	a := entryAnswer{Number: p.Number, ChangedBy: e.ChangedBy,
		Entry: Entry{Domains: orEmpty(e.Domains), Issuer: e.Issuer, ACR: orEmpty(e.ACR), AMR: orEmpty(e.AMR), GroupsDecide: e.GroupsDecide, Groups: []EntryGroup{}}}
	if !e.ChangedAt.IsZero() {
		a.ChangedAt = &e.ChangedAt
	}
	for _, g := range e.Groups {
		a.Groups = append(a.Groups, EntryGroup{g.Name, g.Roles})
	}
	return a
}

func (d door) getEntry(ctx context.Context, in *getPartnerInput) (*plain[entryAnswer], error) {
	return forHost(ctx, d, portal.PartnersManage, in.Conditional, func(tx *portal.Tx) (entryAnswer, error) {
		p, e, err := partners.EntryOf(ctx, tx, in.Number.Number)
		return entryAnswerOf(p, e), err
	})
}

type decideEntryInput struct {
	Keyed
	Number
	Body Entry
}

func (d door) decideEntry(ctx context.Context, in *decideEntryInput) (*done[entryAnswer], error) {
	do := func(by portal.Caller, g func(tx *portal.Tx) error) error {
		return d.db.AcrossPartners(ctx, by, portal.PartnersManage, g)
	}
	return commandIn(ctx, d, portal.PartnersManage, in.Keyed, "decide entry "+in.Number.Number, in.Body, nil, do, func(tx *portal.Tx) (entryAnswer, error) {
		e := partners.Entry{Domains: in.Body.Domains, Issuer: in.Body.Issuer, ACR: in.Body.ACR, AMR: in.Body.AMR, GroupsDecide: in.Body.GroupsDecide}
		for _, g := range in.Body.Groups {
			e.Groups = append(e.Groups, partners.Group{Name: g.Name, Roles: g.Roles})
		}
		if err := partners.DecideEntry(ctx, tx, in.Number.Number, e); err != nil {
			return entryAnswer{}, err
		}
		p, now, err := partners.EntryOf(ctx, tx, in.Number.Number)
		return entryAnswerOf(p, now), err
	})
}

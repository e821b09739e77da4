package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/partners"
)

func (d door) directory(h huma.API) {
	const tag = "Directory"
	huma.Register(h, operation("list-directory", http.MethodGet, "/directory", tag, "Find partners", "For the host's staff: every partner, by name, fifty a page. Follow `next` until it is empty."), d.listDirectory)
	huma.Register(h, operation("get-partner", http.MethodGet, "/directory/{number}", tag, "Look at a partner", "For the host's staff. The partner sees in its log that somebody looked."), d.getPartner)
	huma.Register(h, deed("decide-partner", http.MethodPost, "/directory/{number}/decide", tag, "Say what a partner may see",
		"For the host's staff: its programmes, and which roles its administrators may grant. Its people have what that leaves from their next request on.", false), d.decidePartner)
}

// Listed is a partner as the directory shows it.
type Listed struct {
	Number     string     `json:"number"`
	Kind       string     `json:"kind" enum:"dealer,supplier"`
	Name       string     `json:"name"`
	Category   string     `json:"category"`
	City       string     `json:"city"`
	Country    string     `json:"country"`
	Programmes []string   `json:"programmes" doc:"What it belongs to; empty = no limits by programme"`
	Sites      int        `json:"sites" doc:"1000 = a thousand or more"`
	People     int        `json:"people" doc:"Who have access; 1000 = a thousand or more"`
	ClosedAt   *time.Time `json:"closed_at" doc:"When it left the core; null = open"`
}

func listedOf(l partners.Listed) Listed {
	return Listed{l.Number, l.Kind, l.Name, l.Category, l.City, l.Country, orEmpty(l.Programmes), l.Sites, l.People, l.ClosedAt}
}

type directoryList struct {
	Items []Listed `json:"items"`
	Next  string   `json:"next" doc:"Cursor of the next page; empty = this is the last"`
}

type listDirectoryInput struct {
	Conditional
	Q         string `query:"q" doc:"Beginnings of words of the number, the name or the city" minLength:"1" maxLength:"100"`
	Kind      string `query:"kind" enum:"dealer,supplier"`
	Category  string `query:"category" minLength:"1" maxLength:"100"`
	Programme string `query:"programme" minLength:"1" maxLength:"60"`
	State     string `query:"state" enum:"open,closed" default:"open"`
	Cursor    string `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"1000"`
}

// forHost reads in a transaction of the host's staff, who hold need.
func forHost[T any](ctx context.Context, d door, need portal.Permission, c Conditional, f func(tx *portal.Tx) (T, error)) (*plain[T], error) {
	var v T
	by := callerOf(ctx)
	err := d.db.AcrossPartners(ctx, by, need, func(tx *portal.Tx) (err error) { v, err = f(tx); return err })
	if err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	return now(c, v)
}

func (d door) listDirectory(ctx context.Context, in *listDirectoryInput) (*plain[directoryList], error) {
	return forHost(ctx, d, portal.PartnersRead, in.Conditional, func(tx *portal.Tx) (directoryList, error) {
		page, err := partners.Directory(ctx, tx, partners.DirectoryFilter{Text: in.Q, Kind: in.Kind, Category: in.Category, Programme: in.Programme, State: in.State, Cursor: in.Cursor})
		out := directoryList{Items: []Listed{}, Next: page.Next}
		for _, l := range page.Items {
			out.Items = append(out.Items, listedOf(l))
		}
		return out, err
	})
}

type overview struct {
	Listed
	Delegable []string `json:"delegable" nullable:"true" doc:"Roles that its administrators may grant; null = all of theirs"`
}

// Number names a partner.
type Number struct {
	Number string `path:"number" doc:"The partner's account number" minLength:"1" maxLength:"100"`
}

type getPartnerInput struct {
	Conditional
	Number
}

func (d door) getPartner(ctx context.Context, in *getPartnerInput) (*plain[overview], error) {
	return forHost(ctx, d, portal.PartnersRead, in.Conditional, func(tx *portal.Tx) (overview, error) {
		o, err := partners.OverviewOf(ctx, tx, in.Number.Number)
		return overview{listedOf(o.Listed), o.Delegable}, err
	})
}

type decideInput struct {
	Keyed
	Number
	Body struct {
		Programmes []string `json:"programmes" maxItems:"50" doc:"All that it shall belong to; empty = no limits by programme"`
		Delegable  []string `json:"delegable,omitempty" maxItems:"50" doc:"All roles that its administrators may grant; all of theirs when left out"`
	}
}

func (d door) decidePartner(ctx context.Context, in *decideInput) (*done[overview], error) {
	do := func(by portal.Caller, g func(tx *portal.Tx) error) error {
		return d.db.AcrossPartners(ctx, by, portal.PartnersManage, g)
	}
	return commandIn(ctx, d, portal.PartnersManage, in.Keyed, "decide partner "+in.Number.Number, in.Body, nil, do, func(tx *portal.Tx) (overview, error) {
		if err := partners.Decide(ctx, tx, in.Number.Number, in.Body.Programmes, in.Body.Delegable); err != nil {
			return overview{}, err
		}
		o, err := partners.OverviewOf(ctx, tx, in.Number.Number)
		return overview{listedOf(o.Listed), o.Delegable}, err
	})
}

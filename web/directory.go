package web

import (
	"context"
	"net/url"
	"strings"

	"extranet/portal"
	"extranet/portal/partners"
)

// A directoryView is the host's list of partners.
type directoryView struct {
	filter     partners.DirectoryFilter
	address    Address
	page       partners.DirectoryPage
	programmes []partners.Programme
	categories []string
	fresh      Freshness
	manages    bool
}

// bulk reports whether something can be decided about many at once.
func (v directoryView) bulk() bool {
	return v.manages && len(v.programmes) > 0 && v.filter.State != "closed"
}

func (w *Web) listPartners(ctx context.Context, r request) (reply, error) {
	kept := url.Values{}
	for _, name := range []string{"q", "kind", "category", "programme", "state"} {
		if v := strings.TrimSpace(r.query.Get(name)); v != "" {
			kept.Set(name, v)
		}
	}
	v := directoryView{manages: r.by.Perms.Has(portal.PartnersManage), address: Address{Path: "/partners", Query: kept}, filter: partners.DirectoryFilter{Text: kept.Get("q"), Kind: kept.Get("kind"), Category: kept.Get("category"),
		Programme: kept.Get("programme"), State: kept.Get("state"), Cursor: r.query.Get("cursor")}}
	err := w.db.AcrossPartners(ctx, r.by, portal.PartnersRead, func(tx *portal.Tx) (err error) {
		if v.page, err = partners.Directory(ctx, tx, v.filter); err != nil {
			return err
		}
		if v.programmes, err = partners.Programmes(ctx, tx); err != nil {
			return err
		}
		v.categories, err = partners.Categories(ctx, tx)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	if v.fresh, err = w.fresh(ctx, partners.Mirror.Entity); err != nil {
		return reply{}, err
	}
	r.shell.Title = "Partners"
	return reply{page: DirectoryPage(r.shell, v)}, nil
}

func (v directoryView) pager() Pager {
	p := Pager{Shown: len(v.page.Items), Noun: "%d partners"}
	if v.filter.Cursor != "" {
		p.First = v.address.With()
	}
	if v.page.Next != "" {
		p.Next = v.address.With("cursor", v.page.Next)
	}
	return p
}

func (v directoryView) categoryOptions() []Option {
	options := []Option{{Value: "", Label: "Any category"}}
	for _, c := range v.categories {
		options = append(options, Option{Value: c, Label: Verbatim(c)})
	}
	return options
}

func (v directoryView) programmeOptions() []Option {
	return v.programmeChoices("Any programme")
}

func (v directoryView) programmeChoices(none Words) []Option {
	options := []Option{{Value: "", Label: none}}
	for _, p := range v.programmes {
		options = append(options, Option{Value: p.Name, Label: Verbatim(p.Title)})
	}
	return options
}

// many writes a count that is not counted beyond a thousand.
func many(ctx context.Context, n int) string {
	if n >= 1000 {
		return T(ctx, "%d or more", 1000)
	}
	return Count(ctx, n)
}

// A partnerView is a partner as the host's staff see it.
type partnerView struct {
	partners.Overview
	programmes []partners.Programme
	by         portal.Caller
	sponsors   []partners.Sponsor
	fault      *portal.Error // of what was typed
}

func partnerPath(number string) string { return "/partners/" + url.PathEscape(number) }

func (v partnerView) path(page string) string {
	return page + "?" + url.Values{"partner": {v.Number}}.Encode()
}

func (w *Web) showPartner(ctx context.Context, r request) (reply, error) {
	return w.partnerPage(ctx, r, nil, nil)
}

// partnerPage shows the partner; with what was typed of who looks after it, where that could not be taken.
func (w *Web) partnerPage(ctx context.Context, r request, typed []partners.Sponsor, fault *portal.Error) (reply, error) {
	v := partnerView{by: r.by, fault: fault}
	err := w.db.AcrossPartners(ctx, r.by, portal.PartnersRead, func(tx *portal.Tx) (err error) {
		if v.Overview, err = partners.OverviewOf(ctx, tx, r.param("number")); err != nil {
			return err
		}
		if v.sponsors, err = partners.SponsorsOf(ctx, tx, v.ID); err != nil {
			return err
		}
		v.programmes, err = partners.Programmes(ctx, tx)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title, r.shell.Error = Verbatim(v.Name), faulty(ctx, fault)
	a := reply{page: PartnerPage(r.shell, v)}
	if fault != nil {
		v.sponsors = typed
		a = reply{status: statuses[fault.Kind], page: PartnerPage(r.shell, v)}
	}
	return a, nil
}

func (w *Web) decidePartner(ctx context.Context, r request) (reply, error) {
	number := r.param("number")
	do := func(g func(tx *portal.Tx) error) error {
		return w.db.AcrossPartners(ctx, r.by, portal.PartnersManage, g)
	}
	to, err := w.onceIn(ctx, r, do, func(tx *portal.Tx) (string, error) {
		delegable := r.form["delegable"]
		if r.form.Get("delegate") != "some" {
			delegable = nil
		} else if delegable == nil {
			delegable = []string{}
		}
		return partnerPath(number), partners.Decide(ctx, tx, number, r.form["programmes"], delegable)
	})
	return reply{to: to, flash: &Flash{Good, "Decided", "Its people have what that leaves, from their next click on."}}, err
}

// stopViewing is where the banner's button posts to.
const stopViewing = "/view-as/stop"

// viewAs lets the host's staff look at the portal as the partner sees it.
func (w *Web) viewAs(ctx context.Context, r request) (reply, error) {
	err := w.auth.ViewAs(ctx, r.by, r.param("number"), r.form.Get("reason"), r.form.Get("act") == "on")
	return reply{to: "/"}, err
}

// stopViewing ends it, and goes back to the partner.
func (w *Web) stopViewing(ctx context.Context, r request) (reply, error) {
	to := "/"
	if r.by.Viewing {
		to = partnerPath(r.by.PartnerNumber)
	}
	return reply{to: to}, w.auth.StopViewing(ctx, r.by)
}

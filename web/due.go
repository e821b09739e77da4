package web

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"extranet/portal"
	"extranet/portal/partners"
	"extranet/portal/purchasing"
)

// A dueList is what the page of what is due shows.
type dueList struct {
	filter  purchasing.DueFilter
	address Address
	page    duePage
	sites   sites
	places  []partners.Site
	fresh   Freshness
	today   portal.Date
	fault   *portal.Error
}

type duePage struct {
	Items []purchasing.DueLine
	Next  string
}

func dueFilter(q url.Values) (purchasing.DueFilter, Address) {
	kept := url.Values{}
	for _, name := range []string{"list", "site", "product"} {
		if v := strings.TrimSpace(q.Get(name)); v != "" {
			kept.Set(name, v)
		}
	}
	return purchasing.DueFilter{List: kept.Get("list"), Site: kept.Get("site"), Product: kept.Get("product"), Cursor: q.Get("cursor")}, Address{Path: "/due", Query: kept}
}

func (w *Web) listDue(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.PurchasingRead); err != nil {
		return reply{}, err
	}
	v := dueList{today: portal.DateOf(w.db.Now())}
	v.filter, v.address = dueFilter(r.query)
	var err error
	if v.sites, v.places, err = w.sites(ctx, r.by); err != nil {
		return reply{}, err
	}
	if v.fresh, err = w.fresh(ctx, purchasing.Mirror.Entity, purchasing.Lines.Entity, purchasing.Schedules.Entity, purchasing.Received.Entity); err != nil {
		return reply{}, err
	}
	r.shell.Title = "What is due"
	if err := v.filter.Check(); err != nil {
		if !errors.As(err, &v.fault) {
			return reply{}, err
		}
		r.shell.Error = &ShownError{Status: statuses[portal.Invalid], Msg: "This list cannot be made", Fields: v.fault.Fields}
		return reply{status: statuses[portal.Invalid], page: DuePage(r.shell, v)}, nil
	}
	v.page, err = read(ctx, w, r.by, "purchasing", "due"+v.filter.Key()+string(v.today), func(ctx context.Context, tx *portal.Tx) (p duePage, err error) {
		p.Items, p.Next, err = purchasing.DueLines(ctx, tx, v.filter)
		return p, err
	})
	return reply{page: DuePage(r.shell, v)}, err
}

func (v dueList) tabs() (links []Link) {
	for _, l := range []struct {
		list  string
		label Words
	}{{"", "All"}, {"late", "Late"}, {purchasing.Review, purchaseState(purchasing.Review).text}, {purchasing.Waiting, purchaseState(purchasing.Waiting).text}, {purchasing.Confirmed, purchaseState(purchasing.Confirmed).text}} {
		q := url.Values{}
		if l.list != "" {
			q.Set("list", l.list)
		}
		links = append(links, Link{Label: l.label, Href: Address{Path: "/due", Query: q}.With(), Current: v.filter.List == l.list})
	}
	return links
}

func (v dueList) bar(ctx context.Context) Filter {
	f := Filter{Address: v.address, Clear: v.address.With("product", "", "site", "")}
	if v.filter.Site != "" {
		f.Active = append(f.Active, Link{Label: Said(ctx, "Site: %s", v.sites.label(v.filter.Site)), Href: v.address.With("site", "")})
	}
	if v.filter.Product != "" {
		f.Active = append(f.Active, Link{Label: Said(ctx, "Product %s", v.filter.Product), Href: v.address.With("product", "")})
	}
	return f
}

func (v dueList) siteOptions() []Option {
	return purchaseList{sites: v.sites, places: v.places}.siteOptions()
}

func (v dueList) file(kind string) string {
	return Address{Path: "/exports/due." + kind, Query: v.address.Query}.With()
}

var dueHeader = []Words{"Order", "Line", "Site", "Ship to", "Product", "Your product", "Description", "State", "Due on", "Due", "Left", "Quantity", "Received", "Unit"}

func (w *Web) exportDue(kind string) handler {
	return func(ctx context.Context, r request) (reply, error) {
		if err := r.by.Need(portal.PurchasingRead); err != nil {
			return reply{}, err
		}
		filter, _ := dueFilter(r.query)
		if err := filter.Check(); err != nil {
			return reply{}, err
		}
		f, err := w.fresh(ctx, purchasing.Mirror.Entity, purchasing.Lines.Entity, purchasing.Schedules.Entity, purchasing.Received.Entity)
		if err != nil {
			return reply{}, err
		}
		about := []fact{{"List", filter.List}, {"Site", filter.Site}, {"Product", filter.Product}}
		return w.sheet(ctx, r, sheetFile{name: "due", title: "What is due", kind: kind, header: dueHeader, fresh: f, about: about}, func(tx *portal.Tx, row func(...any) error) error {
			return purchasing.ExportDue(ctx, tx, filter, kind, func(l purchasing.DueLine) error {
				return row(l.Order, strconv.FormatInt(l.Line, 10), l.Site, l.ShipTo, l.Product, l.SupplierProduct, l.Description, T(ctx, purchaseState(l.State).text), l.DueOn, l.Due, l.Left, l.Quantity, l.Received, l.Unit)
			})
		})
	}
}

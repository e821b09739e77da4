package web

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"extranet/portal"
	"extranet/portal/purchasing"
)

// A deskDue is what the buyers' page of what is due shows.
type deskDue struct {
	deskPage
	filter purchasing.DueAcrossFilter
	lines  []purchasing.DeskDueLine
}

func dueAcrossFilter(q url.Values) (purchasing.DueAcrossFilter, Address) {
	kept := url.Values{}
	for _, name := range []string{"days", "state", "partner", "product"} {
		if v := strings.TrimSpace(q.Get(name)); v != "" {
			kept.Set(name, v)
		}
	}
	return purchasing.DueAcrossFilter{Days: kept.Get("days"), State: kept.Get("state"), Partner: kept.Get("partner"), Product: kept.Get("product"), Cursor: q.Get("cursor")}, Address{Path: "/buying/due", Query: kept}
}

func (w *Web) listDueAcross(ctx context.Context, r request) (reply, error) {
	v := deskDue{deskPage: deskPage{cursor: r.query.Get("cursor"), today: portal.DateOf(w.db.Now())}}
	v.filter, v.address = dueAcrossFilter(r.query)
	r.shell.Title = "What is due"
	err := w.db.AcrossPartners(ctx, r.by, portal.PurchasesRead, func(tx *portal.Tx) (err error) {
		v.lines, v.next, err = purchasing.DueAcross(ctx, tx, v.filter)
		return err
	})
	if err != nil && portal.Says(err).Kind != portal.Invalid {
		return reply{}, err
	}
	var gone error
	if v.fresh, gone = w.fresh(ctx, purchasing.Mirror.Entity, purchasing.Lines.Entity, purchasing.Schedules.Entity, purchasing.Received.Entity); gone != nil {
		return reply{}, gone
	}
	return deskReply(r, v.deskPage, err, func(s Shell, list deskPage) reply {
		v.deskPage = list
		return reply{page: DueAcrossPage(s, v)}
	})
}

// tabs narrow by days and leave what else was chosen as it is.
func (v deskDue) tabs() (links []Link) {
	for _, days := range append([]string{""}, purchasing.DueDays...) {
		links = append(links, Link{Label: dueDays[days], Href: v.address.With("days", days), Current: v.filter.Days == days})
	}
	return links
}

var (
	dueDays   = map[string]Words{"": "All", "late": "Late", "week": "Due this week"}
	dueStates = map[string]Words{"": "Any state", purchasing.Unconfirmed: "Not confirmed", purchasing.Review: "With the supplier", purchasing.Waiting: "To decide", purchasing.Confirmed: "Confirmed"}
)

func dueStateOptions() (options []Option) {
	for _, state := range append([]string{""}, purchasing.DueStates...) {
		options = append(options, Option{Value: state, Label: dueStates[state]})
	}
	return options
}

func (v deskDue) bar(ctx context.Context) Filter {
	f := Filter{Address: v.address, Clear: v.address.With("partner", "", "product", "", "state", "")}
	if label, ok := dueStates[v.filter.State]; ok && v.filter.State != "" {
		f.Active = append(f.Active, Link{Label: label, Href: v.address.With("state", "")})
	}
	if p := v.filter.Partner; p != "" {
		f.Active = append(f.Active, Link{Label: Said(ctx, "Supplier %s", p), Href: v.address.With("partner", "")})
	}
	if p := v.filter.Product; p != "" {
		f.Active = append(f.Active, Link{Label: Said(ctx, "Product %s", p), Href: v.address.With("product", "")})
	}
	return f
}

var deskDueHeader = []Words{"Supplier", "Name", "Order", "Line", "Site", "Ship to", "Buyer", "Product", "Supplier's product", "Description", "State", "Due on", "Due", "Left", "Quantity", "Received", "Unit"}

func (w *Web) exportDueAcross(kind string) handler {
	return func(ctx context.Context, r request) (reply, error) {
		filter, _ := dueAcrossFilter(r.query)
		f, err := w.fresh(ctx, purchasing.Mirror.Entity, purchasing.Lines.Entity, purchasing.Schedules.Entity, purchasing.Received.Entity)
		if err != nil {
			return reply{}, err
		}
		about := []fact{{"List", T(ctx, dueDays[filter.Days])}, {"State", T(ctx, dueStates[filter.State])}, {"Supplier", filter.Partner}, {"Product", filter.Product}}
		return w.sheetAcross(ctx, r, portal.PurchasesRead, sheetFile{name: "suppliers-due", title: "What is due", kind: kind, header: deskDueHeader, fresh: f, about: about}, func(tx *portal.Tx, row func(...any) error) error {
			return purchasing.ExportDueAcross(ctx, tx, filter, kind, func(l purchasing.DeskDueLine) error {
				return row(l.Partner, l.PartnerName, l.Order, strconv.FormatInt(l.Line, 10), l.Site, l.ShipTo, l.Buyer, l.Product, l.SupplierProduct, l.Description, T(ctx, deskStates[l.State].text), l.DueOn, l.Due, l.Left, l.Quantity, l.Received, l.Unit)
			})
		})
	}
}

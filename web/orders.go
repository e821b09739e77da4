package web

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"extranet/portal"
	"extranet/portal/orders"
	"extranet/portal/partners"
	"extranet/portal/shipments"
)

// A statusWord is how a status of an order is said.
type statusWord struct {
	text Words
	tone Tone
	icon Icon
}

var orderStatuses = map[string]statusWord{
	"open":         {"Open", Info, IconClock},
	"held":         {"On hold", Warn, IconLock},
	"picking":      {"Being picked", Info, IconChecklist},
	"part_shipped": {"Partly shipped", Info, IconShipments},
	"shipped":      {"Shipped", Good, IconShipments},
	"delivered":    {"Delivered", Good, IconOK},
	"cancelled":    {"Cancelled", Neutral, IconCancelled},
}

func orderStatus(status string) statusWord {
	if w, ok := orderStatuses[status]; ok {
		return w
	}
	return statusWord{Verbatim(status), Neutral, IconInfo}
}

// A orderList is what the page of the list shows.
type orderList struct {
	filter  orders.Filter
	address Address
	page    orders.Page
	sites   sites
	places  []partners.Site
	fresh   Freshness
	today   portal.Date
	export  bool
	placed  []orders.Placed // here, and not among the host's yet
	fault   *portal.Error   // the filter cannot be meant
}

// orderParams are what a list may be asked for, besides its cursor.
var orderParams = []string{"status", "site", "ordered_from", "ordered_to", "q", "sort"}

// orderFilter reads the filter as the address has it, and the address without what is empty or unknown.
func orderFilter(q url.Values) (orders.Filter, Address) {
	kept := url.Values{}
	for _, name := range orderParams {
		for _, v := range q[name] {
			if v = strings.TrimSpace(v); v != "" && (name == "status" || !kept.Has(name)) && !slices.Contains(kept[name], v) {
				kept.Add(name, v)
			}
		}
	}
	f := orders.Filter{Statuses: slices.Sorted(slices.Values(kept["status"])), Site: kept.Get("site"), Text: kept.Get("q"), Sort: kept.Get("sort"), Cursor: q.Get("cursor"),
		From: portal.Date(kept.Get("ordered_from")), To: portal.Date(kept.Get("ordered_to"))}
	return f, Address{Path: "/orders", Query: kept}
}

func (w *Web) listOrders(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.OrdersRead); err != nil {
		return reply{}, err
	}
	v := orderList{today: portal.DateOf(w.db.Now()), export: r.by.Perms.Has(portal.OrdersExport)}
	v.filter, v.address = orderFilter(r.query)
	v.filter.Limit = r.rows
	var err error
	if v.sites, v.places, err = w.sites(ctx, r.by); err != nil {
		return reply{}, err
	}
	if v.fresh, err = w.fresh(ctx, orders.Mirror.Entity); err != nil {
		return reply{}, err
	}
	r.shell.Title, r.shell.Query = "Orders", v.filter.Text
	if err := v.filter.Check(); err != nil {
		if !errors.As(err, &v.fault) {
			return reply{}, err
		}
		r.shell.Error = &ShownError{Status: statuses[portal.Invalid], Msg: "This list cannot be made", Fields: v.faults(ctx)}
		return reply{status: statuses[portal.Invalid], page: OrdersPage(r.shell, v)}, nil
	}
	if v.page, err = w.orders(ctx, r.by, v.filter); err != nil {
		return reply{}, err
	}
	if len(v.address.Query) == 0 && v.filter.Cursor == "" {
		v.placed, err = read(ctx, w, r.by, "orders", "underway", func(ctx context.Context, tx *portal.Tx) ([]orders.Placed, error) { return orders.Underway(ctx, tx) })
		if err != nil {
			return reply{}, err
		}
	}
	return reply{page: OrdersPage(r.shell, v)}, nil
}

func (w *Web) orders(ctx context.Context, by portal.Caller, f orders.Filter) (orders.Page, error) {
	return read(ctx, w, by, "orders", "list"+f.Key(), func(ctx context.Context, tx *portal.Tx) (orders.Page, error) { return orders.List(ctx, tx, f) })
}

var orderFields = map[string]Words{"status": "Status", "site": "Site", "ordered_from": "Ordered from", "ordered_to": "Ordered to", "q": "Text", "sort": "Sort", "cursor": "Page"}

// faults says of each field what is wrong with it, with its name.
func (v orderList) faults(ctx context.Context) map[string]string {
	said := map[string]string{}
	for field, what := range v.fault.Fields {
		said[field] = T(ctx, orderFields[field]) + ": " + what
	}
	return said
}

// lost are the faults of what has no field on the page.
func (v orderList) lost() (names []string) {
	for _, name := range []string{"sort", "cursor"} {
		if v.fault.On(name) != "" {
			names = append(names, name)
		}
	}
	return names
}

// active is what the list is filtered by, each with the list without it.
func (v orderList) active(ctx context.Context) (links []Link) {
	for _, s := range v.address.Query["status"] {
		links = append(links, Link{Label: Said(ctx, "Status: %s", orderStatus(s).text), Href: v.address.Without("status", s)})
	}
	for _, f := range []struct {
		name  string
		label Words
	}{{"site", Said(ctx, "Site: %s", v.sites.label(v.filter.Site))}, {"ordered_from", Said(ctx, "Ordered from %s", v.day(ctx, v.filter.From))},
		{"ordered_to", Said(ctx, "Ordered to %s", v.day(ctx, v.filter.To))}, {"q", Said(ctx, "Number begins with %s", v.filter.Text)}} {
		if value := v.address.Query.Get(f.name); value != "" {
			links = append(links, Link{Label: f.label, Href: v.address.Without(f.name, value)})
		}
	}
	return links
}

func (orderList) day(ctx context.Context, d portal.Date) string {
	if t := d.Time(); !t.IsZero() {
		return DayText(ctx, t)
	}
	return string(d)
}

// dayValue is what a field for a day can hold.
func dayValue(d portal.Date) string {
	if d.Time().IsZero() {
		return ""
	}
	return string(d)
}

func (v orderList) bar(ctx context.Context) Filter {
	clear := Address{Path: v.address.Path}
	if sort := v.address.Query.Get("sort"); sort != "" {
		clear.Query = url.Values{"sort": {sort}}
	}
	return Filter{Address: v.address, Clear: clear.With(), Active: v.active(ctx)}
}

func (v orderList) pager() Pager {
	p := Pager{Shown: len(v.page.Items), Noun: "%d orders"}
	if v.filter.Cursor != "" {
		p.First = v.address.With()
	}
	if v.page.Prev != "" {
		p.Previous = v.address.With("cursor", v.page.Prev)
	}
	if v.page.Next != "" {
		p.Next = v.address.With("cursor", v.page.Next)
	}
	return p
}

// file is where the list is had as a file.
func (v orderList) file(kind string) string {
	return Address{Path: "/exports/orders." + kind, Query: v.address.Query}.With()
}

func (v orderList) siteOptions() []Option {
	options := []Option{{Value: "", Label: "Any site"}}
	for _, s := range v.places {
		options = append(options, Option{Value: s.Site, Label: Verbatim(v.sites.label(s.Site))})
	}
	if s := v.filter.Site; s != "" && v.sites[s].Site == "" {
		options = append(options, Option{Value: s, Label: Verbatim(s)})
	}
	return options
}

// overdue reports whether the order was promised for a day that is over, and is not shipped.
func overdue(o orders.Order, today portal.Date) bool {
	return o.PromisedOn != "" && o.PromisedOn < today && slices.Contains(orders.Unshipped, o.Status)
}

func orderPath(number string) string { return "/orders/" + url.PathEscape(number) }

// followed is what the page of one order shows.
type followed struct {
	shipments.Followed
	sites    sites
	fresh    Freshness       // of the order and its lines
	way      Freshness       // of its shipments
	hasLines bool            // the host offers lines
	order    bool            // the caller may order
	sent     []portal.Posted // what the host was asked about it
	today    portal.Date
	claim    bool // the caller may claim about a line
	readers  bool // the caller may ask who can see it
	catalog  bool // the caller sees products
	changing int64
	form     url.Values // what was typed to change that line, and why it cannot be
	fault    *portal.Error
}

// changeable reports whether the caller may ask the host for a change.
func (v followed) changeable() bool {
	return v.order && slices.Contains(orders.Changeable, v.Status) && !slices.ContainsFunc(v.sent, func(c portal.Posted) bool {
		return c.State == portal.CommandWaiting || c.State == portal.CommandNotCarried
	})
}

// typed gives a field of a line's change its name, and what was typed where it could not be taken.
func (v followed) typed(l orders.Line, field string, f Field) Field {
	f.Name = fmt.Sprintf("%s-%d", field, l.Line)
	if v.changing == l.Line && v.form != nil {
		f.Value, f.Error = v.form.Get(f.Name), Words(v.fault.On(field))
	}
	return f
}

// summary names each fault by the field's id on the page.
func (v followed) summary() map[string]string {
	named := map[string]string{}
	for field, what := range v.fault.Fields {
		named[fmt.Sprintf("%s-%d", field, v.changing)] = what
	}
	return named
}

func (w *Web) follow(ctx context.Context, by portal.Caller, number string) (shipments.Followed, error) {
	return read(ctx, w, by, "orders", "order"+strconv.Quote(number), func(ctx context.Context, tx *portal.Tx) (shipments.Followed, error) {
		return shipments.Follow(ctx, tx, number)
	})
}

func (w *Web) showOrder(ctx context.Context, r request) (reply, error) {
	return w.orderPage(ctx, r, followed{})
}

func (w *Web) orderPage(ctx context.Context, r request, v followed) (reply, error) {
	f, err := w.follow(ctx, r.by, r.param("number"))
	if err != nil {
		return reply{}, err
	}
	w.db.Opened(r.by, "orders/"+f.Number)
	v.Followed, v.today, v.claim = f, portal.DateOf(w.db.Now()), r.by.PartnerKind == "dealer" && r.by.Perms.Has(portal.ClaimsFile)
	v.catalog = r.by.Perms.Has(portal.CatalogRead) && r.by.PartnerKind != "supplier"
	v.readers = r.by.Perms.Has(portal.PeopleRead) && r.by.Sites == nil
	if v.sites, _, err = w.sites(ctx, r.by); err != nil {
		return reply{}, err
	}
	if v.fresh, err = w.fresh(ctx, orders.Mirror.Entity, orders.Lines.Entity); err != nil {
		return reply{}, err
	}
	if v.way, err = w.fresh(ctx, shipments.Mirror.Entity, shipments.Lines.Entity, shipments.Packages.Entity); err != nil {
		return reply{}, err
	}
	lines, err := w.db.Freshness(ctx, orders.Lines.Entity)
	if err != nil {
		return reply{}, err
	}
	v.hasLines, v.order = lines.Offered, r.by.Perms.Has(portal.OrdersPlace)
	if err := w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) {
		v.sent, err = portal.Outgoing(ctx, tx, "orders/"+f.Number)
		return err
	}); err != nil {
		return reply{}, err
	}
	r.shell.Title = Said(ctx, "Order %s", f.Number)
	a := reply{page: OrderPage(r.shell, v)}
	if v.fault != nil {
		a.status = statuses[v.fault.Kind]
	}
	return a, nil
}

// parts are what a line's quantity is made up of: together they are what was ordered.
func parts(l orders.Line) (all []Part) {
	for _, p := range []Part{{"shipped", l.Shipped.Number(), Good, ""}, {"back-ordered", l.Backordered.Number(), Warn, ""}, {"cancelled", l.Cancelled.Number(), Neutral, ""}, {"open", l.Open.Number(), Info, ""}} {
		if !p.Amount.IsZero() {
			all = append(all, p)
		}
	}
	return all
}

// sum says in words how the line adds up.
func sum(ctx context.Context, l orders.Line) string {
	return fmt.Sprintf("%s ordered = %s shipped + %s back-ordered + %s cancelled + %s open", Quantity(ctx, l.Ordered.Number(), ""), Quantity(ctx, l.Shipped.Number(), ""),
		Quantity(ctx, l.Backordered.Number(), ""), Quantity(ctx, l.Cancelled.Number(), ""), Quantity(ctx, l.Open.Number(), ""))
}

// line returns the order's line that a shipment's line speaks of.
func (v followed) line(l shipments.Line) orders.Line {
	for _, o := range v.Lines {
		if l.OrderLine != nil && o.Line == *l.OrderLine {
			return o
		}
	}
	return orders.Line{Product: l.Product, Description: l.Product}
}

// moments are what happened, the latest first.
func (v followed) moments(ctx context.Context) (all []Event) {
	for _, e := range slices.Backward(v.Timeline()) {
		m := Event{At: e.At, DayOnly: e.DayOnly}
		switch e.What {
		case "ordered":
			m.Title, m.Icon, m.Tone = "Ordered", IconOrders, Neutral
			if v.Contact != "" {
				m.By = v.Contact
			}
		case "shipped":
			m.Title, m.Icon, m.Tone = Said(ctx, "Shipment %s left the host", e.Ref), IconShipments, Info
		case "delivered":
			m.Title, m.Icon, m.Tone = Said(ctx, "Shipment %s arrived", e.Ref), IconOK, Good
		default:
			m.Title, m.Icon, m.Tone = Verbatim(upperFirst(T(ctx, changeText(ctx, orders.Change{Field: e.Field, Was: e.Was, Became: e.Became}, v.Currency)))), IconChanges, Info
			if e.Field == "status" {
				m.Icon, m.Tone = orderStatus(e.Became).icon, orderStatus(e.Became).tone
			}
		}
		all = append(all, m)
	}
	return all
}

// changeText says what changed: "promised 12 Mar 2026 → 19 Mar 2026".
func changeText(ctx context.Context, c orders.Change, currency string) Words {
	word := func(s string) string { return s }
	what := c.Field
	switch c.Field {
	case "status":
		what = T(ctx, "status")
		word = func(s string) string { return T(ctx, orderStatus(s).text) }
	case "promised_on":
		what = T(ctx, "promised")
		word = func(s string) string {
			if t := portal.Date(s).Time(); !t.IsZero() {
				return DayText(ctx, t)
			}
			return s
		}
		switch {
		case c.Was == "":
			return Said(ctx, "promised for %s", word(c.Became))
		case c.Became == "":
			return Said(ctx, "no longer promised for %s", word(c.Was))
		}
	case "total":
		what = T(ctx, "total")
		word = func(s string) string { return Amount(ctx, portal.Amount(s).Number(), currency) }
	}
	switch {
	case c.Was == "":
		return Verbatim(what + " " + word(c.Became))
	case c.Became == "":
		return Said(ctx, "%s %s → none", what, word(c.Was))
	}
	return Verbatim(what + " " + word(c.Was) + " → " + word(c.Became))
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}

// Without is the address with one value of the name taken away.
func (a Address) Without(name, value string) string {
	q := maps.Clone(a.Query)
	q[name] = slices.DeleteFunc(slices.Clone(q[name]), func(v string) bool { return v == value })
	return Address{Path: a.Path, Query: q}.With()
}

package web

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"extranet/portal"
	"extranet/portal/catalog"
	"extranet/portal/orders"
	"extranet/portal/sheet"
)

// lifecycles are how the usual states of a product's life are said; others as the host says them.
var lifecycles = map[string]statusWord{
	"active":       {"On sale", Good, IconOK},
	"phase_out":    {"While stock lasts", Warn, IconWarning},
	"discontinued": {"Discontinued", Neutral, IconCancelled},
}

func lifecycle(state string) statusWord {
	if w, ok := lifecycles[state]; ok {
		return w
	}
	return statusWord{Verbatim(upperFirst(strings.ReplaceAll(state, "_", " "))), Neutral, IconInfo}
}

var offerKinds = map[string]Words{"contract": "Your contract", "segment": "Your segment", "promotion": "Promotion", "list": "List price"}

// offerName says what an offer is, with the host's own name for it.
func offerName(ctx context.Context, o catalog.Offer) string {
	if o.Name != "" {
		return T(ctx, offerKinds[o.Kind]) + ": " + o.Name
	}
	return T(ctx, offerKinds[o.Kind])
}

var linkKinds = map[string]Words{"drop_in": "Drop-in: fits as it is", "functional": "Functional: does the same", "upgrade": "Upgrade: the better one"}

// A productList is what the page of the catalogue shows.
type productList struct {
	filter  catalog.Filter
	address Address
	found   catalog.Found
	fresh   Freshness // of the products
	stock   Freshness
	prices  bool // the caller may see them
	order   bool // the caller may order
	fault   *portal.Error
}

var catalogFields = map[string]Words{"q": "Search", "brand": "Brand", "category": "Category", "lifecycle": "State", "cursor": "Page"}

func (w *Web) searchCatalog(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.CatalogRead); err != nil {
		return reply{}, err
	}
	kept := url.Values{}
	for _, name := range []string{"q", "brand", "category", "lifecycle", "in_stock"} {
		if v := strings.TrimSpace(r.query.Get(name)); v != "" {
			kept.Set(name, v)
		}
	}
	one := func(name string) []string {
		if v := kept.Get(name); v != "" {
			return []string{v}
		}
		return nil
	}
	v := productList{address: Address{Path: "/catalog", Query: kept}, prices: r.by.Perms.Has(portal.PricesRead), order: r.by.Perms.Has(portal.OrdersPlace)}
	v.filter = catalog.Filter{Text: kept.Get("q"), Brands: one("brand"), Categories: one("category"), Lifecycles: one("lifecycle"), InStock: kept.Get("in_stock") != "", Limit: r.rows, Cursor: r.query.Get("cursor")}
	r.shell.Title = "Catalog"
	var err error
	if v.fresh, err = w.fresh(ctx, catalog.Mirror.Entity); err != nil {
		return reply{}, err
	}
	if v.stock, err = w.fresh(ctx, catalog.Stock.Entity); err != nil {
		return reply{}, err
	}
	err = w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) { v.found, err = catalog.Search(ctx, tx, v.filter); return err })
	if e, ok := errors.AsType[*portal.Error](err); ok && e.Kind == portal.Invalid {
		v.fault = e
		said := map[string]string{}
		for field, what := range e.Fields {
			said[field] = T(ctx, catalogFields[field]) + ": " + what
		}
		r.shell.Error = &ShownError{Status: statuses[portal.Invalid], Msg: "This cannot be searched for", Fields: said}
		return reply{status: statuses[portal.Invalid], page: CatalogPage(r.shell, v)}, nil
	} else if err != nil {
		return reply{}, err
	}
	return reply{page: CatalogPage(r.shell, v)}, nil
}

func (v productList) bar(ctx context.Context) Filter {
	f := Filter{Address: v.address, Clear: "/catalog"}
	for _, name := range []string{"q", "brand", "category", "lifecycle"} {
		if value := v.address.Query.Get(name); value != "" {
			shown := value
			if name == "lifecycle" {
				shown = T(ctx, lifecycle(value).text)
			}
			f.Active = append(f.Active, Link{Label: Verbatim(T(ctx, catalogFields[name]) + ": " + shown), Href: v.address.With(name, "")})
		}
	}
	if v.filter.InStock {
		f.Active = append(f.Active, Link{Label: "In stock", Href: v.address.With("in_stock", "")})
	}
	return f
}

// options are the values of a facet, with how many there are of each.
func (v productList) options(ctx context.Context, facet string, any Words) []Option {
	options, chosen, seen := []Option{{Label: any}}, v.address.Query.Get(facet), false
	for _, f := range v.found.Facets {
		if f.Facet != facet {
			continue
		}
		label := f.Value
		if facet == "lifecycle" {
			label = T(ctx, lifecycle(f.Value).text)
		}
		if f.Products > 0 {
			label += " (" + Count(ctx, f.Products) + ")"
		}
		options, seen = append(options, Option{Value: f.Value, Label: Verbatim(label)}), seen || f.Value == chosen
	}
	if chosen != "" && !seen {
		options = append(options, Option{Value: chosen, Label: Verbatim(chosen)})
	}
	return options
}

func (v productList) items() []catalog.Item { return slices.Concat(v.found.Exact, v.found.Items) }

func (v productList) pager() Pager {
	p := Pager{Shown: len(v.items()), Noun: "%d products"}
	if v.filter.Cursor != "" {
		p.First = v.address.With()
	}
	if v.found.Next != "" {
		p.Next = v.address.With("cursor", v.found.Next)
	}
	return p
}

func productPath(product string) string { return "/catalog/" + url.PathEscape(product) }

// stockWord says in a word whether it may be had.
func stockWord(ctx context.Context, i catalog.Item) (t Tone, icon Icon, text Words) {
	switch {
	case i.Available == "":
		return Neutral, IconInfo, "Stock not known"
	case i.Available.Number().IsPositive():
		return Good, IconOK, Said(ctx, "%s available", Quantity(ctx, i.Available.Number(), i.Unit))
	case i.NextOn != "":
		return Warn, IconClock, Said(ctx, "From %s", DayText(ctx, i.NextOn.Time()))
	}
	return Neutral, IconNothing, "Out of stock"
}

// soldIn says in what quantities it is sold, or nothing where in any.
func soldIn(ctx context.Context, i catalog.Item) (text string) {
	if n := i.PackSize.Number(); n.GreaterThan(decimal.NewFromInt(1)) {
		text = T(ctx, "in packs of %s", Quantity(ctx, n, i.Unit))
	}
	if n := i.Minimum.Number(); n.GreaterThan(decimal.NewFromInt(1)) {
		text = join(", ", text, T(ctx, "at least %s", Quantity(ctx, n, i.Unit)))
	}
	return text
}

// A productView is what the page of one product shows.
type productView struct {
	catalog.Detail
	bought       []orders.Bought
	fresh, stock Freshness
	price        Freshness
	prices       bool
	order        bool
	sites        sites
	has          map[string]bool // entities that the host offers
}

func (w *Web) showProduct(ctx context.Context, r request) (reply, error) {
	v := productView{prices: r.by.Perms.Has(portal.PricesRead), order: r.by.Perms.Has(portal.OrdersPlace), has: map[string]bool{}}
	err := w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) {
		if v.Detail, err = catalog.Get(ctx, tx, r.param("product")); err != nil {
			return err
		}
		v.bought, err = orders.BoughtBefore(ctx, tx, v.Product)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	for _, f := range []struct {
		into     *Freshness
		entities []string
	}{{&v.fresh, []string{catalog.Mirror.Entity, catalog.Links.Entity, catalog.Documents.Entity}}, {&v.stock, []string{catalog.Stock.Entity}},
		{&v.price, []string{catalog.ListPrices.Entity, catalog.SegmentPrices.Entity, catalog.Prices.Entity}}} {
		if *f.into, err = w.fresh(ctx, f.entities...); err != nil {
			return reply{}, err
		}
	}
	for _, e := range []string{catalog.Links.Entity, catalog.Documents.Entity} {
		f, err := w.db.Freshness(ctx, e)
		if err != nil {
			return reply{}, err
		}
		v.has[e] = f.Offered
	}
	if v.sites, _, err = w.sites(ctx, r.by); err != nil {
		return reply{}, err
	}
	r.shell.Title = Verbatim(v.Name)
	return reply{page: ProductPage(r.shell, v)}, nil
}

func (v productView) lead(ctx context.Context) Words {
	if v.LeadDays == nil {
		return "Not known"
	}
	return Said(ctx, "%d days", *v.LeadDays)
}

func (v productView) priceNote(ctx context.Context) Words {
	if v.Price == nil {
		return "ask your contact at the host"
	}
	return Said(ctx, "%s, per %s", offerKinds[v.Price.Kind], orUnit(v.Unit))
}

func orUnit(unit string) Words {
	if unit == "" {
		return "unit"
	}
	return Verbatim(unit)
}

func (w *Web) takeDocument(ctx context.Context, r request) (reply, error) {
	var d catalog.Document
	err := w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) {
		d, err = catalog.TakeDocument(ctx, tx, r.param("product"), r.param("document"))
		return err
	})
	if err != nil {
		return reply{}, err
	}
	f, err := w.library.Open(d)
	if err != nil {
		return reply{}, err
	}
	return reply{file: &file{name: d.Name(r.param("product")), kind: d.MediaType(), spool: f}}, nil
}

func (w *Web) watchProduct(ctx context.Context, r request) (reply, error) {
	product, on := r.param("product"), r.form.Get("watch") == "on"
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		return productPath(product), catalog.Watch(ctx, tx, r.by.PersonID, product, on)
	})
	if err != nil {
		return reply{}, err
	}
	said := &Flash{Tone: Good, Title: "You hear of it", Text: "You get mail when it comes into stock or is sold out, and when its price or its state changes."}
	if !on {
		said = &Flash{Tone: Info, Title: "You no longer watch this product"}
	}
	return reply{to: to, flash: said}, nil
}

// A watchList is what the page of watched products shows.
type watchList struct {
	items  []catalog.Item
	fresh  Freshness
	prices bool
}

func (w *Web) showWatched(ctx context.Context, r request) (_ reply, err error) {
	v := watchList{prices: r.by.Perms.Has(portal.PricesRead)}
	if v.fresh, err = w.fresh(ctx, catalog.Mirror.Entity, catalog.Stock.Entity); err != nil {
		return reply{}, err
	}
	if err := w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) { v.items, err = catalog.Watched(ctx, tx, r.by.PersonID); return err }); err != nil {
		return reply{}, err
	}
	r.shell.Title = "Watched products"
	return reply{page: WatchedPage(r.shell, v)}, nil
}

// A lookup is what the page that looks many numbers up shows.
type lookup struct {
	text    string
	answers []catalog.Answer
	bad     []string // lines that could not be read, each with why
	fresh   Freshness
	prices  bool
	order   bool
	fault   *portal.Error
}

func (w *Web) showLookup(ctx context.Context, r request) (_ reply, err error) {
	if err := r.by.Need(portal.CatalogRead); err != nil {
		return reply{}, err
	}
	v := lookup{text: r.form.Get("numbers"), prices: r.by.Perms.Has(portal.PricesRead), order: r.by.Perms.Has(portal.OrdersPlace)}
	r.shell.Title = "Look numbers up"
	if v.fresh, err = w.fresh(ctx, catalog.Mirror.Entity, catalog.Stock.Entity); err != nil {
		return reply{}, err
	}
	status := 0
	if r.form != nil {
		var asked []catalog.Asked
		var table sheet.Table
		limits := sheet.Limits{Rows: catalog.AskedAtMost, Columns: 20}
		if f := r.form.Get("file"); f != "" {
			table, err = sheet.Text(f, limits)
		} else {
			table, err = sheet.Text(v.text, limits)
		}
		if err == nil {
			asked, v.bad = askedIn(inEnglish(table, orders.RefusedHeader))
			err = w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) { v.answers, err = catalog.Lookup(ctx, tx, asked); return err })
		}
		if e, ok := errors.AsType[*portal.Error](err); ok && e.Kind == portal.Invalid {
			v.fault, status = e, statuses[portal.Invalid]
			r.shell.Error = &ShownError{Status: status, Msg: sayError(ctx, e), Fields: e.Fields}
		} else if err != nil {
			return reply{}, err
		}
	}
	return reply{status: status, page: LookupPage(r.shell, v)}, nil
}

// askedIn reads numbers, each with a quantity if the table has one beside it.
func askedIn(t sheet.Table) (asked []catalog.Asked, bad []string) {
	number, quantity := t.Find("number", "product", "article", "part number", "part", "sku"), t.Find("quantity", "qty", "pieces")
	if number < 0 {
		t, number, quantity = t.Headed("number", "quantity"), 0, 1
	}
	for _, row := range t.Rows {
		a := catalog.Asked{Number: row.Cell(number)}
		if cell := row.Cell(quantity); cell != "" {
			n, err := t.Number(cell)
			if err != nil || !n.IsPositive() || n.GreaterThan(decimal.NewFromInt(999_999_999)) {
				bad = append(bad, fmt.Sprintf("Row %d: %q is no quantity; the price shown is that of the least quantity", row.Number, cell))
			} else {
				a.Quantity = portal.Amount(n.String())
			}
		}
		asked = append(asked, a)
	}
	return asked, bad
}

package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"extranet/portal"
	"extranet/portal/partners"
	"extranet/portal/sheet"
	"extranet/portal/supplies"
)

var supplyStates = map[string]statusWord{
	"sent":    {"On its way to the host", Info, IconSend},
	"taken":   {"The host has it", Good, IconOK},
	"refused": {"Not taken by the host", Bad, IconRefused},
}

var supplyWays = map[string]Words{"form": "form", "file": "file", "api": "API"}

// supplyList is what the pages of reported stock and capacity show, to the supplier and to the host's staff.
type supplyList struct {
	base       string
	what       string // stock or capacity
	address    Address
	filter     supplies.Filter
	stocks     []supplies.Stock
	capacities []supplies.Capacity
	next       string
	sites      sites
	places     []partners.Site
	reports    []supplies.Sent
	today      portal.Date
	may        bool // report
	host       bool
	fault      *portal.Error
}

func supplyFilter(q url.Values, base string) (supplies.Filter, string, Address) {
	kept := url.Values{}
	for _, name := range []string{"show", "q", "site", "partner", "product"} {
		if v := strings.TrimSpace(q.Get(name)); v != "" {
			kept.Set(name, v)
		}
	}
	what := "stock"
	if kept.Get("show") == "capacity" {
		what = "capacity"
	}
	return supplies.Filter{Text: kept.Get("q"), Site: kept.Get("site"), Partner: kept.Get("partner"), Product: kept.Get("product"), Cursor: q.Get("cursor")}, what, Address{Path: base, Query: kept}
}

func (v supplyList) tabs() []Link {
	return []Link{{Label: "Stock", Href: v.base, Current: v.what == "stock"}, {Label: "Capacity", Href: v.base + "?show=capacity", Current: v.what == "capacity"}}
}

func (v supplyList) bar(ctx context.Context) Filter {
	f := Filter{Address: v.address, Clear: v.address.With("q", "", "site", "", "partner", "", "product", "")}
	for _, x := range []struct {
		name  string
		label Words
		value string
	}{{"q", "Product begins with %s", v.filter.Text}, {"site", "Site: %s", v.sites.label(v.filter.Site)}, {"partner", "Supplier %s", v.filter.Partner}, {"product", "Product %s", v.filter.Product}} {
		if x.value != "" {
			f.Active = append(f.Active, Link{Label: Said(ctx, x.label, x.value), Href: v.address.With(x.name, "")})
		}
	}
	return f
}

func (v supplyList) pager() Pager {
	p := Pager{Shown: len(v.stocks) + len(v.capacities), Noun: "%d lines"}
	if v.filter.Cursor != "" {
		p.First = v.address.With()
	}
	if v.next != "" {
		p.Next = v.address.With("cursor", v.next)
	}
	return p
}

func (v supplyList) siteOptions() []Option {
	options := []Option{{Value: "", Label: "Any site"}}
	for _, s := range v.places {
		options = append(options, Option{Value: s.Site, Label: Verbatim(v.sites.label(s.Site))})
	}
	return options
}

// old reports whether a count is too old to plan by.
func (v supplyList) old(counted portal.Date) bool {
	return counted < portal.DateOf(v.today.Time().AddDate(0, 0, -14))
}

func (v supplyList) file(kind string) string {
	return Address{Path: v.base + "/export." + kind, Query: v.address.Query}.With()
}

func (w *Web) listSupplies(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.PurchasingRead); err != nil {
		return reply{}, err
	}
	v := supplyList{base: "/supplies", today: portal.DateOf(w.db.Now()), may: r.by.Perms.Has(portal.StockReport)}
	v.filter, v.what, v.address = supplyFilter(r.query, v.base)
	var err error
	if v.sites, v.places, err = w.sites(ctx, r.by); err != nil {
		return reply{}, err
	}
	r.shell.Title = "Stock and capacity"
	err = w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) {
		if v.reports, err = supplies.Reports(ctx, tx); err != nil {
			return err
		}
		if v.what == "capacity" {
			v.capacities, v.next, err = supplies.Capacities(ctx, tx, v.filter)
		} else {
			v.stocks, v.next, err = supplies.Stocks(ctx, tx, v.filter)
		}
		return err
	})
	return suppliesReply(r, v, err)
}

// suppliesReply is the page of the list; of one that cannot be made, with what is wrong with it.
func suppliesReply(r request, v supplyList, err error) (reply, error) {
	if errors.As(err, &v.fault) && v.fault.Kind == portal.Invalid {
		r.shell.Error = &ShownError{Status: statuses[portal.Invalid], Msg: "This list cannot be made", Fields: v.fault.Fields}
		return reply{status: statuses[portal.Invalid], page: SuppliesPage(r.shell, v)}, nil
	}
	return reply{page: SuppliesPage(r.shell, v)}, err
}

func (w *Web) listSuppliesAcross(ctx context.Context, r request) (reply, error) {
	v := supplyList{base: "/buying/supplies", today: portal.DateOf(w.db.Now()), host: true}
	v.filter, v.what, v.address = supplyFilter(r.query, v.base)
	r.shell.Title = "Suppliers' stock and capacity"
	err := w.db.AcrossPartners(ctx, r.by, portal.PurchasesRead, func(tx *portal.Tx) (err error) {
		if v.what == "capacity" {
			v.capacities, v.next, err = supplies.CapacitiesAcross(ctx, tx, v.filter)
		} else {
			v.stocks, v.next, err = supplies.StocksAcross(ctx, tx, v.filter)
		}
		return err
	})
	return suppliesReply(r, v, err)
}

var stockHeader = []Words{"Product", "Site", "On hand", "In process", "Counted on", "Reported at", "Reported by"}

func (w *Web) exportSupplies(kind string) handler {
	return func(ctx context.Context, r request) (reply, error) {
		if err := r.by.Need(portal.PurchasingRead); err != nil {
			return reply{}, err
		}
		filter, _, _ := supplyFilter(r.query, "/supplies")
		if err := filter.Check(); err != nil {
			return reply{}, err
		}
		f := Freshness{AsOf: w.db.Now(), Offered: true}
		return w.sheet(ctx, r, sheetFile{name: "stock", title: "Stock", kind: kind, header: stockHeader, fresh: f, about: []fact{{"Site", filter.Site}, {"Product begins with", filter.Text}}}, func(tx *portal.Tx, row func(...any) error) error {
			return supplies.ExportStocks(ctx, tx, filter, kind, func(s supplies.Stock) error {
				return row(s.Product, s.Site, s.OnHand, s.InProcess, s.CountedOn, TimeText(ctx, s.At), s.By)
			})
		})
	}
}

func (w *Web) exportSuppliesAcross(kind string) handler {
	return func(ctx context.Context, r request) (reply, error) {
		filter, _, _ := supplyFilter(r.query, "/buying/supplies")
		if err := filter.Check(); err != nil {
			return reply{}, err
		}
		about := []fact{{"Supplier", filter.Partner}, {"Product begins with", filter.Text}}
		return w.sheetAcross(ctx, r, portal.PurchasesRead, sheetFile{name: "suppliers-stock", title: "Suppliers' stock", kind: kind, header: append([]Words{"Supplier", "Name"}, stockHeader...), fresh: Freshness{AsOf: w.db.Now(), Offered: true}, about: about}, func(tx *portal.Tx, row func(...any) error) error {
			return supplies.ExportAcross(ctx, tx, filter, kind, func(s supplies.Stock) error {
				return row(s.Partner, s.PartnerName, s.Product, s.Site, s.OnHand, s.InProcess, s.CountedOn, TimeText(ctx, s.At), s.By)
			})
		})
	}
}

// supplyForm is the form by which a supplier reports.
type supplyForm struct {
	known  []supplies.Known
	sites  sites
	places []partners.Site
	today  portal.Date
	form   url.Values
	text   string
	fault  *portal.Error
	report *supplies.Accounted
}

// formProducts is how many products the form has room for.
const formProducts = 100

func (v supplyForm) value(name, begin string) string {
	if v.form.Has(name) {
		return v.form.Get(name)
	}
	return begin
}

func (v supplyForm) siteOptions() []Option {
	options := []Option{{Value: "", Label: "None"}}
	for _, s := range v.places {
		options = append(options, Option{Value: s.Site, Label: Verbatim(v.sites.label(s.Site))})
	}
	return options
}

func (w *Web) supplyForm(ctx context.Context, r request) (v supplyForm, err error) {
	if err := r.by.Need(portal.StockReport); err != nil {
		return v, err
	}
	v.today = portal.DateOf(w.db.Now())
	if v.sites, v.places, err = w.sites(ctx, r.by); err != nil {
		return v, err
	}
	err = w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) { v.known, err = supplies.Ask(ctx, tx, formProducts); return err })
	return v, err
}

func (w *Web) newSupplies(ctx context.Context, r request) (reply, error) {
	v, err := w.supplyForm(ctx, r)
	r.shell.Title = "Report stock and capacity"
	return reply{page: SupplyFormPage(r.shell, v)}, err
}

// readSupplies reads what was entered: counts that differ from what the form began with, and a run of weeks.
func readSupplies(form url.Values) (p supplies.Report) {
	at := func(name string) string { return strings.TrimSpace(form.Get(name)) }
	for i := 1; i <= formProducts*4 && form.Has(fmt.Sprintf("product-%d", i)); i++ {
		f := func(name string) string { return at(fmt.Sprintf("%s-%d", name, i)) }
		if f("on_hand") == "" && f("in_process") == "" || f("on_hand") == f("was_on_hand") && f("in_process") == f("was_in_process") && at("all") == "" {
			continue
		}
		p.Stocks = append(p.Stocks, supplies.Count{Product: f("product"), Site: f("site"), OnHand: portal.Amount(f("on_hand")), InProcess: portal.Amount(f("in_process")), CountedOn: portal.Date(at("counted_on"))})
	}
	if at("capacity_product") != "" || at("capacity") != "" {
		weeks, err := strconv.Atoi(at("weeks"))
		if err != nil || weeks < 1 || weeks > 52 {
			weeks = 1
		}
		day := portal.Date(at("week"))
		for i := range weeks {
			on := day
			if d, err := portal.ParseDate(string(day)); err == nil && day != "" {
				on = portal.DateOf(d.Time().AddDate(0, 0, 7*i))
			}
			p.Capacities = append(p.Capacities, supplies.Week{Product: at("capacity_product"), Site: at("capacity_site"), WeekOf: on, Quantity: portal.Amount(at("capacity"))})
		}
	}
	return p
}

// supplyLimits bound a table of stock and capacity.
var supplyLimits = sheet.Limits{Rows: supplies.MostLines}

// reportSupplies takes what was entered, pasted or sent as a file, and accounts for every line of it.
func (w *Web) reportSupplies(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.StockReport); err != nil {
		return reply{}, err
	}
	text, file := r.form.Get("table"), r.form.Get("file")
	var a supplies.Accounted
	err := w.accounted(ctx, r, &a, func(tx *portal.Tx) (err error) {
		if file == "" && strings.TrimSpace(text) == "" {
			a, err = supplies.MakeByForm(ctx, tx, readSupplies(r.form))
			return err
		}
		t, err := readTable(text, file, supplyLimits)
		if err != nil {
			return err
		}
		a, err = supplies.MakeFromTable(ctx, tx, inEnglish(t, supplies.TableHeader))
		return err
	})
	if says := portal.Says(err); err != nil && says.Kind != portal.Invalid {
		return reply{}, err
	} else if err == nil && len(a.Refused) == 0 {
		return reply{to: "/supplies", flash: &Flash{Tone: Good, Title: "Your report is kept", Text: saySupplies(ctx, a)}}, nil
	}
	v, formErr := w.supplyForm(ctx, r)
	if formErr != nil {
		return reply{}, formErr
	}
	r.shell.Title = "Report stock and capacity"
	v.form, v.text = r.form, text
	if err != nil {
		v.fault = portal.Says(err)
		r.shell.Error = &ShownError{Status: statuses[portal.Invalid], Msg: sayError(ctx, v.fault), Fields: v.fault.Fields}
	} else {
		v.report = &a
	}
	return reply{status: statuses[portal.Invalid], page: SupplyFormPage(r.shell, v)}, nil
}

func saySupplies(ctx context.Context, a supplies.Accounted) Words {
	return Said(ctx, "%s and %s. The host sees them now.", T(ctx, "%d counts", a.Stocks), T(ctx, "%d weeks of capacity", a.Capacities))
}

// readTable reads what was sent as a file, or otherwise pasted.
func readTable(text, file string, limits sheet.Limits) (sheet.Table, error) {
	if file != "" {
		return sheet.Read(strings.NewReader(file), limits)
	}
	return sheet.Text(text, limits)
}

// accounted does f once for the form, in one transaction of the caller's. f leaves its answer in a; a form that is sent again gets the same answer.
func (w *Web) accounted(ctx context.Context, r request, a any, f func(tx *portal.Tx) error) error {
	said, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		if err := f(tx); err != nil {
			return "", err
		}
		b, err := json.Marshal(a)
		return string(b), err
	})
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(said), a)
}

// takeSupplyForm is the table of what the host buys, to be filled in and sent back.
func (w *Web) takeSupplyForm(kind string) handler {
	return func(ctx context.Context, r request) (reply, error) {
		if err := r.by.Need(portal.StockReport); err != nil {
			return reply{}, err
		}
		leave, err := w.exports.take(r.by)
		if err != nil {
			return reply{}, err
		}
		defer leave()
		made, err := newFile("report-"+plain(r.by.PartnerNumber)+"."+kind, sheet.Kinds[kind], func(out io.Writer) error {
			book, err := sheet.NewWriter(out, kind, sheetName(T(ctx, "Report")), sayAll(ctx, asWords(supplies.TableHeader)))
			if err != nil {
				return err
			}
			err = w.db.Do(ctx, r.by, func(tx *portal.Tx) error {
				known, err := supplies.Ask(ctx, tx, supplies.KnownShown)
				if err != nil {
					return err
				}
				for _, k := range known {
					if err := book.Row(k.Product, k.Description, k.Site, k.OnHand, k.InProcess, nil, nil, nil); err != nil {
						return err
					}
				}
				return tx.Audit(ctx, "supplies.export", "supplies", map[string]string{"format": kind, "what": "form"})
			})
			return errors.Join(err, book.Close())
		})
		return reply{file: made}, err
	}
}

package web

import (
	"context"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"extranet/portal"
	"extranet/portal/accounts"
	"extranet/portal/invoices"
	"extranet/portal/orders"
	"extranet/portal/paper"
	"extranet/portal/partners"
)

// A finance is what the page of the account shows.
type finance struct {
	look       accounts.Overview
	overdue    []invoices.Document // longest due first, at most 10
	memos      []invoices.Document // credit memos that nothing was settled with yet, at most 10
	unused     []accounts.Payment  // … and payments
	limited    bool                // the caller sees some sites only
	export     bool
	remittance string
	fresh      Freshness
	sites      sites
	today      portal.Date
}

// account is the one of the currency, if there is one.
func (v finance) account(currency string) (accounts.Account, bool) {
	i := slices.IndexFunc(v.look.Accounts, func(a accounts.Account) bool { return a.Currency == currency })
	if i < 0 {
		return accounts.Account{Currency: currency}, false
	}
	return v.look.Accounts[i], true
}

func (v finance) aging(currency string) accounts.Aging {
	for _, a := range v.look.Aging {
		if a.Currency == currency {
			return a
		}
	}
	return accounts.Aging{Currency: currency, NotDue: "0", To30: "0", To60: "0", To90: "0", Over90: "0", Credits: "0", Total: "0"}
}

// ages are the parts of an aging, the freshest first.
func ages(ctx context.Context, a accounts.Aging) []Part {
	parts := []Part{{Label: "Not due", Amount: a.NotDue.Number(), Tone: Good}, {Label: "1–30 days", Amount: a.To30.Number(), Tone: Warn}, {Label: "31–60 days", Amount: a.To60.Number(), Tone: Warn},
		{Label: "61–90 days", Amount: a.To90.Number(), Tone: Bad}, {Label: "Over 90 days", Amount: a.Over90.Number(), Tone: Bad}}
	for i := range parts {
		parts[i].Text = Amount(ctx, parts[i].Amount, a.Currency)
	}
	return parts
}

func (w *Web) financeFresh(ctx context.Context) (Freshness, error) {
	return w.fresh(ctx, invoices.Mirror.Entity, accounts.Payments.Entity, accounts.Status.Entity, orders.Mirror.Entity)
}

func (w *Web) showFinance(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.AccountRead); err != nil {
		return reply{}, err
	}
	v := finance{limited: r.by.Sites != nil, export: r.by.Perms.Has(portal.AccountExport), remittance: w.remittance, today: portal.DateOf(w.db.Now())}
	var err error
	// What is overdue is another every day.
	if v.look, err = read(ctx, w, r.by, accounts.Noun, "look"+string(v.today), accounts.Look); err != nil {
		return reply{}, err
	}
	page, err := w.invoices(ctx, r.by, invoices.Filter{State: "overdue", Sort: "due_on", Limit: 10})
	if err != nil {
		return reply{}, err
	}
	v.overdue = page.Items
	if page, err = w.invoices(ctx, r.by, invoices.Filter{State: "open", Kind: invoices.CreditMemo, Limit: 10}); err != nil {
		return reply{}, err
	}
	v.memos = page.Items
	if v.unused, err = read(ctx, w, r.by, accounts.Noun, "unused", accounts.Unused); err != nil {
		return reply{}, err
	}
	if v.fresh, err = w.financeFresh(ctx); err != nil {
		return reply{}, err
	}
	if v.sites, _, err = w.sites(ctx, r.by); err != nil {
		return reply{}, err
	}
	r.shell.Title = "Account"
	return reply{page: FinancePage(r.shell, v)}, nil
}

func (w *Web) invoices(ctx context.Context, by portal.Caller, f invoices.Filter) (invoices.Page, error) {
	return read(ctx, w, by, accounts.Noun, "invoices"+string(portal.DateOf(w.db.Now()))+f.Key(), func(ctx context.Context, tx *portal.Tx) (invoices.Page, error) { return invoices.List(ctx, tx, f) })
}

// An invoiceList is what the page of the list shows.
type invoiceList struct {
	filter  invoices.Filter
	address Address
	page    invoices.Page
	sites   sites
	places  []partners.Site
	fresh   Freshness
	export  bool
	fault   *portal.Error // the filter cannot be meant
}

var invoiceParams = []string{"state", "kind", "site", "invoiced_from", "invoiced_to", "q", "sort"}

// invoiceFilter reads the filter as the address has it, and the address without what is empty or unknown.
func invoiceFilter(q url.Values) (invoices.Filter, Address) {
	kept := url.Values{}
	for _, name := range invoiceParams {
		if v := strings.TrimSpace(q.Get(name)); v != "" {
			kept.Set(name, v)
		}
	}
	return invoices.Filter{State: kept.Get("state"), Kind: kept.Get("kind"), Site: kept.Get("site"), From: portal.Date(kept.Get("invoiced_from")), To: portal.Date(kept.Get("invoiced_to")),
		Text: kept.Get("q"), Sort: kept.Get("sort"), Cursor: q.Get("cursor")}, Address{Path: "/finance/invoices", Query: kept}
}

func (w *Web) listInvoices(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.AccountRead); err != nil {
		return reply{}, err
	}
	v := invoiceList{export: r.by.Perms.Has(portal.AccountExport)}
	v.filter, v.address = invoiceFilter(r.query)
	v.filter.Limit = r.rows
	var err error
	if v.sites, v.places, err = w.sites(ctx, r.by); err != nil {
		return reply{}, err
	}
	if v.fresh, err = w.fresh(ctx, invoices.Mirror.Entity); err != nil {
		return reply{}, err
	}
	r.shell.Title = "Invoices"
	if err := v.filter.Check(); err != nil {
		if !errors.As(err, &v.fault) {
			return reply{}, err
		}
		r.shell.Error = &ShownError{Status: statuses[portal.Invalid], Msg: "This list cannot be made", Fields: v.fault.Fields}
		return reply{status: statuses[portal.Invalid], page: InvoicesPage(r.shell, v)}, nil
	}
	if v.page, err = w.invoices(ctx, r.by, v.filter); err != nil {
		return reply{}, err
	}
	return reply{page: InvoicesPage(r.shell, v)}, nil
}

var (
	invoiceStates = map[string]statusWord{"open": {"Open", Info, IconClock}, "overdue": {"Overdue", Warn, IconOverdue}, "settled": {"Settled", Good, IconOK}}
	invoiceKinds  = map[string]Words{invoices.Invoice: "Invoice", invoices.CreditMemo: "Credit memo"}
)

func (v invoiceList) active(ctx context.Context) (links []Link) {
	for _, f := range []struct {
		name  string
		label Words
	}{{"state", Said(ctx, "State: %s", invoiceStates[v.filter.State].text)}, {"kind", Said(ctx, "%ss", invoiceKinds[v.filter.Kind])}, {"site", Said(ctx, "Site: %s", v.sites.label(v.filter.Site))},
		{"invoiced_from", Said(ctx, "From %s", dayOr(ctx, v.filter.From, string(v.filter.From)))}, {"invoiced_to", Said(ctx, "To %s", dayOr(ctx, v.filter.To, string(v.filter.To)))}, {"q", Said(ctx, "Number begins with %s", v.filter.Text)}} {
		if v.address.Query.Has(f.name) {
			links = append(links, Link{Label: f.label, Href: v.address.With(f.name, "")})
		}
	}
	return links
}

func (v invoiceList) bar(ctx context.Context) Filter {
	clear := Address{Path: v.address.Path}
	if sort := v.address.Query.Get("sort"); sort != "" {
		clear.Query = url.Values{"sort": {sort}}
	}
	return Filter{Address: v.address, Clear: clear.With(), Active: v.active(ctx)}
}

func (v invoiceList) pager() Pager {
	p := Pager{Shown: len(v.page.Items), Noun: "%d documents"}
	if v.page.Prev != "" {
		p.First, p.Previous = v.address.With(), v.address.With("cursor", v.page.Prev)
	}
	if v.page.Next != "" {
		p.Next = v.address.With("cursor", v.page.Next)
	}
	return p
}

func (v invoiceList) file(kind string) string {
	return Address{Path: "/exports/invoices." + kind, Query: v.address.Query}.With()
}

// siteChoice lists the sites for a field.
func siteChoice(places []partners.Site, all sites) []Option {
	options := []Option{{Value: "", Label: "All"}}
	for _, p := range places {
		options = append(options, Option{Value: p.Site, Label: Verbatim(all.label(p.Site))})
	}
	return options
}

func invoicePath(number string) string { return "/finance/invoices/" + url.PathEscape(number) }
func paymentPath(number string) string { return "/finance/payments/" + url.PathEscape(number) }

// An invoiceView is what the page of one document shows.
type invoiceView struct {
	invoices.Detail
	sites    sites
	fresh    Freshness
	settled  bool // the host says what settled what
	hasLines bool
	export   bool
	claim    bool // the caller may claim about a line
}

// claimOf is the number of the claim that a credit memo answers a line of.
func claimOf(reference string) string {
	number, _, _ := strings.Cut(reference, "/")
	return number
}

func (v invoiceView) word() Words { return invoiceKinds[v.Kind] }

func (w *Web) showInvoice(ctx context.Context, r request) (reply, error) {
	number := r.param("number")
	d, err := read(ctx, w, r.by, accounts.Noun, "invoice"+string(portal.DateOf(w.db.Now()))+number, func(ctx context.Context, tx *portal.Tx) (invoices.Detail, error) {
		return invoices.Get(ctx, tx, number)
	})
	if err != nil {
		return reply{}, err
	}
	v := invoiceView{Detail: d, export: r.by.Perms.Has(portal.AccountExport), claim: d.Kind == invoices.Invoice && r.by.Perms.Has(portal.ClaimsFile)}
	if v.fresh, err = w.fresh(ctx, invoices.Mirror.Entity, invoices.Lines.Entity, accounts.Settlements.Entity); err != nil {
		return reply{}, err
	}
	for entity, offered := range map[string]*bool{invoices.Lines.Entity: &v.hasLines, accounts.Settlements.Entity: &v.settled} {
		f, err := w.fresh(ctx, entity)
		if err != nil {
			return reply{}, err
		}
		*offered = f.Offered
	}
	if v.sites, _, err = w.sites(ctx, r.by); err != nil {
		return reply{}, err
	}
	r.shell.Title = Verbatim(T(ctx, v.word()) + " " + v.Number)
	return reply{page: InvoicePage(r.shell, v)}, nil
}

// takeInvoice gives an invoice as PDF.
func (w *Web) takeInvoice(ctx context.Context, r request) (reply, error) {
	f, err := w.invoiceFile(ctx, r.by, r.param("number"))
	return reply{file: f}, err
}

func (w *Web) invoiceFile(ctx context.Context, by portal.Caller, number string) (*file, error) {
	f, err := w.fresh(ctx, invoices.Mirror.Entity)
	if err != nil {
		return nil, err
	}
	all, _, err := w.sites(ctx, by)
	if err != nil {
		return nil, err
	}
	return newFile("invoice-"+plain(number)+".pdf", "application/pdf", func(out io.Writer) error {
		return w.db.Do(ctx, by, func(tx *portal.Tx) error {
			d, err := invoices.Take(ctx, tx, number, "pdf")
			if err != nil {
				return err
			}
			return w.invoicePaper(ctx, out, by, d, all, f, tx.Now)
		})
	})
}

// Invoice makes the same file for the machines' door.
func (w *Web) Invoice(ctx context.Context, by portal.Caller, number string) (paper.File, error) {
	f, err := w.invoiceFile(w.inTheirs(ctx, by), by, number)
	return f.paper(err)
}

// Statement makes the file of a statement for the machines' door: pdf, xlsx or csv.
func (w *Web) Statement(ctx context.Context, by portal.Caller, p accounts.Period, format string) (paper.File, error) {
	f, err := w.statementFile(w.inTheirs(ctx, by), request{by: by}, p, format)
	return f.paper(err)
}

func (w *Web) invoicePaper(ctx context.Context, out io.Writer, by portal.Caller, d invoices.Detail, all sites, f Freshness, now time.Time) error {
	doc := paper.A4(paper.Head{Title: T(ctx, invoiceKinds[d.Kind]) + " " + d.Number, From: w.host(ctx), At: now,
		Language: localeOf(ctx).Code, Footer: T(ctx, "%s · copy for %s · core system as of %s", w.host(ctx), by.PartnerName, f.AsOf)})
	doc.Facts(spell(ctx, []fact{{"Account", by.PartnerName + " (" + by.PartnerNumber + ")"}, {"Delivered to", all.label(d.Site)}, {"Date", DayText(ctx, d.InvoicedOn.Time())},
		{"Due", DayText(ctx, d.DueOn.Time())}, {"Your PO", d.PONumber}, {"Order (of the host)", d.OrderNumber}, {"Shipment", d.Shipment}, {"Credits invoice", d.Credits},
		{"Claim", d.Claim}, {"Comment", d.Comment}})...)
	doc.Gap(4)
	err := doc.Table([]paper.Column{{Title: T(ctx, "Line"), Width: 1}, {Title: T(ctx, "Product"), Width: 2.4}, {Title: T(ctx, "Description"), Width: 6}, {Title: T(ctx, "Quantity"), Width: 2, Right: true}, {Title: T(ctx, "Price"), Width: 2.4, Right: true}, {Title: T(ctx, "Net"), Width: 2.6, Right: true}},
		func(add func(...string)) error {
			for _, l := range d.Lines {
				add(Count(ctx, int(l.Line)), l.Product, l.Description, Quantity(ctx, l.Quantity.Number(), l.Unit), Amount(ctx, l.Price.Number(), ""), Amount(ctx, l.Net.Number(), ""))
			}
			return nil
		})
	if err != nil {
		return err
	}
	doc.Gap(3)
	doc.Facts(spell(ctx, []fact{{"Net", Amount(ctx, d.Net.Number(), d.Currency)}, {"Tax", Amount(ctx, d.Tax.Number(), d.Currency)}, {"Total", Amount(ctx, d.Total.Number(), d.Currency)}, {"Open", Amount(ctx, d.Open.Number(), d.Currency)}})...)
	if w.remittance != "" && d.Open.Number().IsPositive() {
		doc.Heading(T(ctx, "How to pay"))
		doc.Text(w.remittance)
	}
	return doc.Write(out)
}

var invoiceHeader = []Words{"Number", "Kind", "State", "Site", "Site name", "Your PO", "Order (of the host)", "Date", "Due", "Net", "Tax", "Total", "Open", "Currency", "Credits", "Claim"}

func (w *Web) exportInvoices(format string) handler {
	return func(ctx context.Context, r request) (reply, error) {
		filter, _ := invoiceFilter(r.query)
		if err := filter.Check(); err != nil {
			return reply{}, err
		}
		f, err := w.fresh(ctx, invoices.Mirror.Entity)
		if err != nil {
			return reply{}, err
		}
		places, _, err := w.sites(ctx, r.by)
		if err != nil {
			return reply{}, err
		}
		about := []fact{{"State", filter.State}, {"Kind", filter.Kind}, {"Site", filter.Site}, {"From", string(filter.From)}, {"To", string(filter.To)}, {"Number begins with", filter.Text}, {"Sorted by", filter.Sort}}
		return w.sheet(ctx, r, sheetFile{name: "invoices", title: "Invoices", kind: format, header: invoiceHeader, fresh: f, about: about}, func(tx *portal.Tx, row func(...any) error) error {
			return invoices.Export(ctx, tx, filter, format, func(d invoices.Document) error {
				return row(d.Number, T(ctx, invoiceKinds[d.Kind]), T(ctx, invoiceStates[d.State].text), d.Site, places[d.Site].Name, d.PONumber, d.OrderNumber, d.InvoicedOn, d.DueOn, d.Net, d.Tax, d.Total, d.Open, d.Currency, d.Credits, d.Claim)
			})
		})
	}
}

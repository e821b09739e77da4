package web

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"extranet/portal"
	"extranet/portal/billing"
)

var billStates = map[string]statusWord{
	"sent":     {"On its way to the host", Info, IconSend},
	"taken":    {"The host has it", Info, IconClock},
	"received": {"Being checked by the host", Info, IconClock},
	"blocked":  {"Blocked", Bad, IconWarning},
	"approved": {"Approved for payment", Good, IconTick},
	"paid":     {"Paid", Good, IconOK},
	"refused":  {"Refused", Bad, IconRefused},
}

func billPath(invoice string) string       { return "/billing/" + url.PathEscape(invoice) }
func sentBillPath(number string) string    { return "/billing/sent/" + url.PathEscape(number) }
func remittancePath(payment string) string { return "/remittances/" + url.PathEscape(payment) }

// sayBill says where an invoice stands, in words.
func sayBill(ctx context.Context, i billing.Invoice, paid []billing.Remittance) Words {
	switch i.Status {
	case "received":
		return "The host has it and holds it against order and receipts."
	case "blocked":
		return Said(ctx, "It is not paid until this is settled: %s", i.Why)
	case "approved":
		if i.DueOn != "" {
			return Said(ctx, "It is paid by %s.", DayText(ctx, i.DueOn.Time()))
		}
		return "It is paid when it is due."
	case "refused":
		return Said(ctx, "The host does not pay it: %s", i.Why)
	}
	var words []string
	for _, p := range paid {
		words = append(words, "on "+DayText(ctx, p.PaidOn.Time())+" with payment "+p.Payment)
	}
	if len(words) > 0 {
		return Said(ctx, "It was paid %s.", strings.Join(words, " and "))
	}
	return "It is paid."
}

type billList struct {
	filter   billing.Filter
	address  Address
	page     billing.Page
	underway []billing.Sent
	fresh    Freshness
	payments bool // may be seen
	send     bool // invoices
	fault    *portal.Error
}

func (v billList) statusOptions() []Option {
	options := []Option{{Value: "", Label: "Any state"}}
	for _, s := range billing.Statuses {
		options = append(options, Option{Value: s, Label: billStates[s].text})
	}
	return options
}

func (v billList) bar(ctx context.Context) Filter {
	f := Filter{Address: v.address, Clear: "/billing"}
	if v.filter.Status != "" {
		f.Active = append(f.Active, Link{Label: Said(ctx, "State: %s", billStates[v.filter.Status].text), Href: v.address.With("status", "")})
	}
	if v.filter.Text != "" {
		f.Active = append(f.Active, Link{Label: Said(ctx, "Number begins with %s", v.filter.Text), Href: v.address.With("q", "")})
	}
	return f
}

func (v billList) pager() Pager {
	p := Pager{Shown: len(v.page.Items), Noun: "%d invoices"}
	if v.filter.Cursor != "" {
		p.First = v.address.With()
	}
	if v.page.Next != "" {
		p.Next = v.address.With("cursor", v.page.Next)
	}
	return p
}

func billFilter(q url.Values) (billing.Filter, Address) {
	kept := url.Values{}
	for _, name := range []string{"status", "q"} {
		if s := strings.TrimSpace(q.Get(name)); s != "" {
			kept.Set(name, s)
		}
	}
	return billing.Filter{Status: kept.Get("status"), Text: kept.Get("q"), Cursor: q.Get("cursor")}, Address{Path: "/billing", Query: kept}
}

func (v billList) file(kind string) string {
	return Address{Path: "/exports/billing." + kind, Query: v.address.Query}.With()
}

var billHeader = []Words{"Your number", "The host's number", "Order", "State", "Why", "Invoiced", "Due", "Net", "Tax", "Total", "Open", "Currency"}

func billCells(i billing.Invoice, state statusWord) []any {
	return []any{i.Number, i.Invoice, i.Order, state.text, i.Why, i.InvoicedOn, i.DueOn, i.Net, i.Tax, i.Total, i.Open, i.Currency}
}

// openNote says what an open amount is.
func openNote(open portal.Amount) Words {
	if open.Number().IsZero() {
		return "nothing is left to pay"
	}
	return "not paid yet"
}

func (w *Web) exportBills(kind string) handler {
	return func(ctx context.Context, r request) (reply, error) {
		if err := r.by.Need(portal.BillingRead); err != nil {
			return reply{}, err
		}
		filter, _ := billFilter(r.query)
		if err := filter.Check(); err != nil {
			return reply{}, err
		}
		f, err := w.fresh(ctx, billing.Mirror.Entity)
		if err != nil {
			return reply{}, err
		}
		about := []fact{{"State", T(ctx, billStates[filter.Status].text)}, {"Number begins with", filter.Text}}
		return w.sheet(ctx, r, sheetFile{name: "invoices", title: "Invoices", kind: kind, header: billHeader, fresh: f, about: about}, func(tx *portal.Tx, row func(...any) error) error {
			return billing.Export(ctx, tx, filter, kind, func(i billing.Invoice) error { return row(billCells(i, billStates[i.Status])...) })
		})
	}
}

func (w *Web) listBills(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.BillingRead); err != nil {
		return reply{}, err
	}
	v := billList{payments: r.by.Sites == nil, send: r.by.Perms.Has(portal.BillingSend)}
	v.filter, v.address = billFilter(r.query)
	var err error
	if v.fresh, err = w.fresh(ctx, billing.Mirror.Entity); err != nil {
		return reply{}, err
	}
	r.shell.Title = "Invoices"
	if err := v.filter.Check(); err != nil {
		if !errors.As(err, &v.fault) {
			return reply{}, err
		}
		r.shell.Error = &ShownError{Status: statuses[portal.Invalid], Msg: "This list cannot be made", Fields: v.fault.Fields}
		return reply{status: statuses[portal.Invalid], page: BillsPage(r.shell, v)}, nil
	}
	v.page, err = read(ctx, w, r.by, "billing", "list"+v.filter.Key(), func(ctx context.Context, tx *portal.Tx) (billing.Page, error) { return billing.List(ctx, tx, v.filter) })
	if err != nil {
		return reply{}, err
	}
	v.underway, err = read(ctx, w, r.by, "billing", "underway", billing.Underway)
	return reply{page: BillsPage(r.shell, v)}, err
}

type billView struct {
	billing.Detail
	fresh Freshness
}

func (w *Web) showBill(ctx context.Context, r request) (reply, error) {
	var v billView
	err := w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) { v.Detail, err = billing.Get(ctx, tx, r.param("invoice")); return err })
	if err != nil {
		return reply{}, err
	}
	if v.fresh, err = w.fresh(ctx, billing.Mirror.Entity, billing.Lines.Entity); err != nil {
		return reply{}, err
	}
	r.shell.Title = Said(ctx, "Invoice %s", v.Number)
	return reply{page: BillPage(r.shell, v)}, nil
}

func (w *Web) showSentBill(ctx context.Context, r request) (reply, error) {
	var s billing.Sent
	err := w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) { s, err = billing.GetSent(ctx, tx, r.param("number")); return err })
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = Said(ctx, "Invoice %s", s.Number)
	return reply{page: SentBillPage(r.shell, s)}, nil
}

// matched is a line of either kind of invoice, for the table of the match.
type matched struct {
	what            string
	order, path     string
	line            int64
	unit            string
	quantity, price portal.Amount
	net             portal.Amount
	match           []billing.Matching
}

// matchedLines are the lines of an invoice, each with the address of its order.
func matchedLines(lines []billing.Line, path func(order string) string) (list []matched) {
	for _, l := range lines {
		list = append(list, matched{l.Product, l.Order, path(l.Order), l.Ordered, "", l.Quantity, l.Price, l.Net, l.Match})
	}
	return list
}

func matchedSent(lines []billing.SentLine) (list []matched) {
	for _, l := range lines {
		list = append(list, matched{join(" · ", l.Description, l.Product), l.Order, purchasePath(l.Order), l.OrderLine, l.Unit, l.Quantity, l.Price, l.Net, []billing.Matching{l.Match}})
	}
	return list
}

// sayMatching says what a line was matched with.
func sayMatching(ctx context.Context, m billing.Matching, unit string) string {
	return T(ctx, "%s ordered, %s received, %s invoiced before", Quantity(ctx, m.Ordered.Number(), unit), Quantity(ctx, m.Received.Number(), unit), Quantity(ctx, m.Before.Number(), unit))
}

func sayBillDifference(ctx context.Context, d billing.Difference, unit, currency string) Words {
	said := map[string]Words{billing.NotReceived: "not received yet", billing.BeyondOrder: "more than was ordered", billing.PriceAbove: "priced above the order"}[d.Reason]
	return Said(ctx, "%s %s: %s", Quantity(ctx, d.Quantity.Number(), unit), said, Amount(ctx, d.Amount.Number(), currency))
}

// billForm is the form of an invoice for one order.
type billForm struct {
	order, currency string
	lines           []billing.SentLine
	form            url.Values
	today           portal.Date
	fault           *portal.Error
}

func (v billForm) value(name, begin string) string {
	if v.form.Has(name) {
		return v.form.Get(name)
	}
	return begin
}

func (w *Web) billForm(ctx context.Context, r request, order string) (v billForm, err error) {
	v = billForm{order: order, today: portal.DateOf(w.db.Now())}
	err = w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) {
		v.lines, v.currency, err = billing.Billable(ctx, tx, order)
		return err
	})
	return v, err
}

func (w *Web) newBill(ctx context.Context, r request) (reply, error) {
	v, err := w.billForm(ctx, r, r.query.Get("order"))
	r.shell.Title = "Send an invoice"
	return reply{page: BillFormPage(r.shell, v)}, err
}

func (w *Web) sendBill(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.BillingSend); err != nil {
		return reply{}, err
	}
	at := func(name string) string { return strings.TrimSpace(r.form.Get(name)) }
	order := at("order")
	n := billing.NewInvoice{Number: at("number"), InvoicedOn: portal.Date(at("invoiced_on")), Currency: at("currency"), Total: portal.Amount(at("total")), Note: at("note")}
	var places []int
	for i := 1; i <= 500 && r.form.Has(fmt.Sprintf("line-%d", i)); i++ {
		f := func(name string) string { return at(fmt.Sprintf("%s-%d", name, i)) }
		if q := f("quantity"); q == "" || q == "0" {
			continue
		}
		line, _ := strconv.ParseInt(f("line"), 10, 64)
		n.Lines, places = append(n.Lines, billing.NewLine{Order: order, Line: line, Quantity: portal.Amount(f("quantity")), Price: portal.Amount(f("price")), TaxRate: portal.Amount(f("tax_rate"))}), append(places, i)
	}
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		s, err := billing.Send(ctx, tx, n)
		return sentBillPath(s.Number), err
	})
	if says := portal.Says(err); err != nil && says.Kind == portal.Invalid {
		v, readErr := w.billForm(ctx, r, order)
		if readErr != nil {
			return reply{}, readErr
		}
		v.form, v.fault = r.form, inForm(says, places)
		r.shell.Title = "Send an invoice"
		r.shell.Error = &ShownError{Status: statuses[portal.Invalid], Msg: sayError(ctx, says), Fields: v.fault.Fields}
		return reply{status: statuses[portal.Invalid], page: BillFormPage(r.shell, v)}, nil
	}
	return reply{to: to, flash: &Flash{Tone: Good, Title: Said(ctx, "Invoice %s is sent", n.Number), Text: "Its state is told here until it is paid."}}, err
}

type remittanceList struct {
	page   billing.PaymentPage
	cursor string
	fresh  Freshness
}

func (v remittanceList) pager() Pager {
	at, p := Address{Path: "/remittances"}, Pager{Shown: len(v.page.Items), Noun: "%d payments"}
	if v.cursor != "" {
		p.First = at.With()
	}
	if v.page.Next != "" {
		p.Next = at.With("cursor", v.page.Next)
	}
	return p
}

func (w *Web) listRemittances(ctx context.Context, r request) (reply, error) {
	v := remittanceList{cursor: r.query.Get("cursor")}
	var err error
	if v.page, err = read(ctx, w, r.by, "billing", "payments"+strconv.Quote(v.cursor), func(ctx context.Context, tx *portal.Tx) (billing.PaymentPage, error) {
		return billing.ListPayments(ctx, tx, v.cursor, 50)
	}); err != nil {
		return reply{}, err
	}
	v.fresh, err = w.fresh(ctx, billing.Payments.Entity)
	r.shell.Title = "Payments by the host"
	return reply{page: RemittancesPage(r.shell, v)}, err
}

func (w *Web) showRemittance(ctx context.Context, r request) (reply, error) {
	payment := r.param("payment")
	p, err := read(ctx, w, r.by, "billing", "payment"+strconv.Quote(payment), func(ctx context.Context, tx *portal.Tx) (billing.PaymentDetail, error) {
		return billing.GetPayment(ctx, tx, payment)
	})
	if err != nil {
		return reply{}, err
	}
	f, err := w.fresh(ctx, billing.Payments.Entity, billing.Remittances.Entity)
	r.shell.Title = Said(ctx, "Payment %s", p.Payment.Payment)
	return reply{page: RemittancePage(r.shell, p, f)}, err
}

package web

import (
	"context"
	"errors"
	"io"
	"net/url"
	"strings"

	"extranet/portal"
	"extranet/portal/accounts"
	"extranet/portal/invoices"
	"extranet/portal/paper"
	"extranet/portal/partners"
)

// A paymentList is what the page of payments shows.
type paymentList struct {
	page  accounts.PaymentPage
	fresh Freshness
}

func (v paymentList) pager() Pager {
	at, p := Address{Path: "/finance/payments"}, Pager{Shown: len(v.page.Items), Noun: "%d payments"}
	if v.page.Prev != "" {
		p.First, p.Previous = at.With(), at.With("cursor", v.page.Prev)
	}
	if v.page.Next != "" {
		p.Next = at.With("cursor", v.page.Next)
	}
	return p
}

func (w *Web) listPayments(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.AccountRead); err != nil {
		return reply{}, err
	}
	cursor := r.query.Get("cursor")
	page, err := read(ctx, w, r.by, accounts.Noun, "payments"+itoa(r.rows)+cursor, func(ctx context.Context, tx *portal.Tx) (accounts.PaymentPage, error) {
		return accounts.Paid(ctx, tx, cursor, r.rows)
	})
	if err != nil {
		return reply{}, err
	}
	v := paymentList{page: page}
	if v.fresh, err = w.fresh(ctx, accounts.Payments.Entity); err != nil {
		return reply{}, err
	}
	r.shell.Title = "Payments"
	return reply{page: PaymentsPage(r.shell, v)}, nil
}

// A paymentView is what the page of one payment shows.
type paymentView struct {
	accounts.PaymentDetail
	fresh   Freshness
	settled bool // the host says what settled what
}

func (w *Web) showPayment(ctx context.Context, r request) (reply, error) {
	number := r.param("number")
	d, err := read(ctx, w, r.by, accounts.Noun, "payment"+number, func(ctx context.Context, tx *portal.Tx) (accounts.PaymentDetail, error) {
		return accounts.GetPayment(ctx, tx, number)
	})
	if err != nil {
		return reply{}, err
	}
	v := paymentView{PaymentDetail: d}
	if v.fresh, err = w.fresh(ctx, accounts.Payments.Entity, accounts.Settlements.Entity); err != nil {
		return reply{}, err
	}
	f, err := w.fresh(ctx, accounts.Settlements.Entity)
	if err != nil {
		return reply{}, err
	}
	v.settled = f.Offered
	r.shell.Title = Said(ctx, "Payment %s", number)
	return reply{page: PaymentPage(r.shell, v)}, nil
}

// A statementView is what the page of a statement shows.
type statementView struct {
	period     accounts.Period
	statement  accounts.Statement
	currencies []string
	sites      sites
	places     []partners.Site
	fresh      Freshness
	export     bool
	fault      *portal.Error // the period cannot be meant
}

// period reads what is asked for; what is left out is the three months up to today, in the currency with most open.
func (w *Web) period(ctx context.Context, r request) (p accounts.Period, currencies []string, err error) {
	today := portal.DateOf(w.db.Now())
	look, err := read(ctx, w, r.by, accounts.Noun, "look"+string(today), accounts.Look)
	if err != nil {
		return p, nil, err
	}
	currencies = look.Currencies()
	p = accounts.Period{Currency: strings.TrimSpace(r.query.Get("currency")), From: portal.Date(strings.TrimSpace(r.query.Get("from"))), To: portal.Date(strings.TrimSpace(r.query.Get("to"))), Site: strings.TrimSpace(r.query.Get("site"))}
	if p.Currency == "" {
		p.Currency = "EUR"
		if len(currencies) > 0 {
			p.Currency = currencies[0]
		}
	}
	if p.To == "" {
		p.To = today
	}
	if p.From == "" {
		if t := p.To.Time(); !t.IsZero() {
			p.From = portal.DateOf(t.AddDate(0, -3, 1))
		}
	}
	return p, currencies, nil
}

func (w *Web) showStatement(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.AccountRead); err != nil {
		return reply{}, err
	}
	v := statementView{export: r.by.Perms.Has(portal.AccountExport)}
	var err error
	if v.period, v.currencies, err = w.period(ctx, r); err != nil {
		return reply{}, err
	}
	if v.fresh, err = w.fresh(ctx, invoices.Mirror.Entity, accounts.Payments.Entity, accounts.Settlements.Entity); err != nil {
		return reply{}, err
	}
	if v.sites, v.places, err = w.sites(ctx, r.by); err != nil {
		return reply{}, err
	}
	r.shell.Title = "Statement"
	key := strings.Join([]string{"statement", v.period.Currency, string(v.period.From), string(v.period.To), v.period.Site}, "\x00")
	v.statement, err = read(ctx, w, r.by, accounts.Noun, key, func(ctx context.Context, tx *portal.Tx) (accounts.Statement, error) {
		return accounts.Summarise(ctx, tx, v.period)
	})
	if errors.As(err, &v.fault) && v.fault.Kind == portal.Invalid {
		r.shell.Error = &ShownError{Status: statuses[portal.Invalid], Msg: "This statement cannot be made", Fields: v.fault.Fields}
		return reply{status: statuses[portal.Invalid], page: StatementPage(r.shell, v)}, nil
	} else if err != nil {
		return reply{}, err
	}
	return reply{page: StatementPage(r.shell, v)}, nil
}

func (v statementView) currencyOptions() (options []Option) {
	for _, c := range v.currencies {
		options = append(options, Option{Value: c, Label: Verbatim(c)})
	}
	if len(options) == 0 {
		options = []Option{{Value: v.period.Currency, Label: Verbatim(v.period.Currency)}}
	}
	return options
}

func (v statementView) address() Address {
	q := url.Values{"currency": {v.period.Currency}, "from": {string(v.period.From)}, "to": {string(v.period.To)}}
	if v.period.Site != "" {
		q.Set("site", v.period.Site)
	}
	return Address{Path: "/finance/statement", Query: q}
}

func (v statementView) file(kind string) string {
	return Address{Path: "/finance/statement/file." + kind, Query: v.address().Query}.With()
}

var entryKinds = map[string]Words{"invoice": "Invoice", "credit_memo": "Credit memo", "payment": "Payment", "settlement": "Settlement"}

// entryWords says what an entry is; a settlement names the document it was for.
func entryWords(ctx context.Context, e accounts.Entry) Words {
	if e.Kind == "settlement" {
		return Said(ctx, "Part of %s for %s", e.Number, e.About)
	}
	return Verbatim(join(" · ", T(ctx, entryKinds[e.Kind])+" "+e.Number, e.About))
}

func (w *Web) takeStatement(format string) handler {
	return func(ctx context.Context, r request) (reply, error) {
		p, _, err := w.period(ctx, r)
		if err != nil {
			return reply{}, err
		}
		f, err := w.statementFile(ctx, r, p, format)
		return reply{file: f}, err
	}
}

func (w *Web) statementFile(ctx context.Context, r request, p accounts.Period, format string) (*file, error) {
	f, err := w.fresh(ctx, invoices.Mirror.Entity, accounts.Payments.Entity)
	if err != nil {
		return nil, err
	}
	if format == "pdf" {
		leave, err := w.exports.take(r.by)
		if err != nil {
			return nil, err
		}
		defer leave()
		name := "statement-" + plain(r.by.PartnerNumber) + "-" + plain(p.Currency) + "-" + plain(string(p.From)) + "-" + plain(string(p.To)) + ".pdf"
		return newFile(name, "application/pdf", func(out io.Writer) error {
			return w.db.Do(ctx, r.by, func(tx *portal.Tx) error { return w.statementPaper(ctx, out, r, tx, p, f) })
		})
	}
	about := []fact{{"From", string(p.From)}, {"To", string(p.To)}, {"Currency", p.Currency}, {"Site", p.Site}}
	header := []Words{"Day", "Kind", "Number", "About", "Site", "Due", "Amount", "Balance", "Currency"}
	made, err := w.sheet(ctx, r, sheetFile{name: "statement", title: "Statement", kind: format, header: header, fresh: f, about: about}, func(tx *portal.Tx, row func(...any) error) error {
		var s accounts.Statement
		err := accounts.Take(ctx, tx, p, format, func(of accounts.Statement) error {
			s = of
			return row(p.From, T(ctx, "Opening balance"), nil, nil, p.Site, nil, nil, s.Opening, p.Currency)
		}, func(e accounts.Entry) error {
			return row(e.On, T(ctx, entryKinds[e.Kind]), e.Number, e.About, e.Site, e.DueOn, e.Amount, e.Balance, p.Currency)
		})
		if err != nil {
			return err
		}
		return row(p.To, T(ctx, "Closing balance"), nil, nil, p.Site, nil, nil, s.Closing, p.Currency)
	})
	return made.file, err
}

func (w *Web) statementPaper(ctx context.Context, out io.Writer, r request, tx *portal.Tx, p accounts.Period, f Freshness) error {
	doc := paper.A4(paper.Head{Title: T(ctx, "Statement of account"), Language: localeOf(ctx).Code, From: w.host(ctx), At: tx.Now,
		Footer: T(ctx, "%s · for %s · core system as of %s", w.host(ctx), r.by.PartnerName, f.AsOf)})
	columns := []paper.Column{{Title: T(ctx, "Day"), Width: 2}, {Title: T(ctx, "What"), Width: 6}, {Title: T(ctx, "Due"), Width: 2}, {Title: T(ctx, "Amount"), Width: 2.4, Right: true}, {Title: T(ctx, "Balance"), Width: 2.4, Right: true}}
	var s accounts.Statement
	err := doc.Table(columns, func(add func(...string)) error {
		return accounts.Take(ctx, tx, p, "pdf", func(of accounts.Statement) error {
			s = of
			add(DayText(ctx, p.From.Time()), T(ctx, "Opening balance"), "", "", Amount(ctx, s.Opening.Number(), p.Currency))
			return nil
		}, func(e accounts.Entry) error {
			add(DayText(ctx, e.On.Time()), T(ctx, entryWords(ctx, e)), dayOr(ctx, e.DueOn, ""), Amount(ctx, e.Amount.Number(), ""), Amount(ctx, e.Balance.Number(), ""))
			return nil
		})
	})
	if err != nil {
		return err
	}
	doc.Gap(3)
	doc.Facts(spell(ctx, []fact{{"Account", r.by.PartnerName + " (" + r.by.PartnerNumber + ")"}, {"Period", T(ctx, "%s to %s", p.From, p.To)}, {"Site", p.Site},
		{"Closing balance", Amount(ctx, s.Closing.Number(), p.Currency)}})...)
	if w.remittance != "" {
		doc.Heading(T(ctx, "How to pay"))
		doc.Text(w.remittance)
	}
	return doc.Write(out)
}

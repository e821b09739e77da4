package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/accounts"
	"extranet/portal/invoices"
	"extranet/portal/paper"
	"extranet/portal/sheet"
)

func (d door) account(h huma.API) {
	huma.Register(h, operation("get-account", http.MethodGet, "/account", "Account", "See the account",
		"What is owed by age, and what may still be bought: a credit limit, its use and an aging for each currency. Currencies are never added up."), d.getAccount)
	huma.Register(h, operation("get-statement", http.MethodGet, "/account/statement", "Account", "Take a statement",
		"How what is owed came about: opening + entries = closing. At most 500 entries; take a shorter period where `more` is true."), d.getStatement)
	huma.Register(h, operation("list-invoices", http.MethodGet, "/invoices", "Account", "List invoices and credit memos",
		"The partner's documents, newest first unless sorted otherwise. Follow `next` until it is empty; a cursor belongs to its sort."), d.listInvoices)
	huma.Register(h, operation("get-invoice", http.MethodGet, "/invoices/{number}", "Account", "Read an invoice",
		"One invoice or credit memo with its lines and what settled it."), d.getInvoice)
	huma.Register(h, paperOperation("get-invoice-pdf", "/invoices/{number}/pdf", "Account", "Take an invoice", "One invoice or credit memo as PDF.", "pdf"), d.getInvoicePDF)
	huma.Register(h, paperOperation("get-statement-file", "/account/statement/{format}", "Account", "Take a statement as a file", "Of any period, with all its entries: opening + entries = closing.", "pdf", "xlsx", "csv"), d.getStatementFile)
	huma.Register(h, operation("list-payments", http.MethodGet, "/payments", "Account", "List payments", "The partner's payments, newest first."), d.listPayments)
	huma.Register(h, operation("get-payment", http.MethodGet, "/payments/{number}", "Account", "Read a payment", "One payment and what it settled."), d.getPayment)
}

// today begins the keys of reads in which something becomes overdue by itself.
func (d door) today() string { return string(portal.DateOf(d.db.Now())) }

// encoded is load's value as JSON.
func encodedAs[T any](load func(tx *portal.Tx) (T, error)) func(tx *portal.Tx) ([]byte, error) {
	return func(tx *portal.Tx) ([]byte, error) {
		v, err := load(tx)
		if err != nil {
			return nil, err
		}
		b, err := json.Marshal(v)
		return bytes.TrimSpace(b), err
	}
}

func (d door) getAccount(ctx context.Context, in *Conditional) (*answer[accounts.Overview], error) {
	return read[accounts.Overview](ctx, d, accounts.Noun, "account"+d.today(), *in, []string{"account_status", "invoices", "payments", "orders"},
		encodedAs(func(tx *portal.Tx) (accounts.Overview, error) { return accounts.Look(ctx, tx) }))
}

type getStatementInput struct {
	Conditional
	Currency string `query:"currency" required:"true" doc:"ISO 4217" minLength:"3" maxLength:"3"`
	From     string `query:"from" required:"true" doc:"The first day" format:"date" maxLength:"10"`
	To       string `query:"to" required:"true" doc:"The last day" format:"date" maxLength:"10"`
	Site     string `query:"site" doc:"Of one site alone" minLength:"1" maxLength:"100"`
}

func (d door) getStatement(ctx context.Context, in *getStatementInput) (*answer[accounts.Statement], error) {
	p := accounts.Period{Currency: in.Currency, From: portal.Date(in.From), To: portal.Date(in.To), Site: in.Site}
	key, err := json.Marshal(p)
	if err != nil {
		return nil, problemOf(err)
	}
	return read[accounts.Statement](ctx, d, accounts.Noun, "statement"+string(key), in.Conditional, []string{"invoices", "payments", "settlements"},
		encodedAs(func(tx *portal.Tx) (accounts.Statement, error) { return accounts.Summarise(ctx, tx, p) }))
}

type listInvoicesInput struct {
	Conditional
	State        string `query:"state" doc:"open holds the overdue too" enum:"open,overdue,settled"`
	Kind         string `query:"kind" enum:"invoice,credit_memo"`
	Site         string `query:"site" doc:"The number of a site" minLength:"1" maxLength:"100"`
	InvoicedFrom string `query:"invoiced_from" doc:"Of this day or later" format:"date" maxLength:"10"`
	InvoicedTo   string `query:"invoiced_to" doc:"Of this day or earlier" format:"date" maxLength:"10"`
	Q            string `query:"q" doc:"The beginning of an invoice's number or of the partner's own, in any case" minLength:"1" maxLength:"100"`
	Sort         string `query:"sort" doc:"A minus puts the latest first" enum:"-invoiced_on,invoiced_on,due_on,-due_on" default:"-invoiced_on"`
	Limit        int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor       string `query:"cursor" doc:"next or prev of an earlier page" minLength:"1" maxLength:"1000"`
}

func (d door) listInvoices(ctx context.Context, in *listInvoicesInput) (*answer[invoices.Page], error) {
	f := invoices.Filter{State: in.State, Kind: in.Kind, Site: in.Site, From: portal.Date(in.InvoicedFrom), To: portal.Date(in.InvoicedTo), Text: in.Q, Sort: in.Sort, Limit: in.Limit, Cursor: in.Cursor}
	return read[invoices.Page](ctx, d, accounts.Noun, "invoices"+d.today()+f.Key(), in.Conditional, []string{"invoices"},
		encodedAs(func(tx *portal.Tx) (invoices.Page, error) { return invoices.List(ctx, tx, f) }))
}

type getInvoiceInput struct {
	Conditional
	Number string `path:"number" doc:"The host's number of the document" maxLength:"100"`
}

func (d door) getInvoice(ctx context.Context, in *getInvoiceInput) (*answer[invoices.Detail], error) {
	return read[invoices.Detail](ctx, d, accounts.Noun, "invoice"+d.today()+strconv.Quote(in.Number), in.Conditional, []string{"invoices", "invoice_lines", "settlements"},
		encodedAs(func(tx *portal.Tx) (invoices.Detail, error) { return invoices.Get(ctx, tx, in.Number) }))
}

type listPaymentsInput struct {
	Conditional
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string `query:"cursor" doc:"next or prev of an earlier page" minLength:"1" maxLength:"1000"`
}

type paymentList struct {
	Items []accounts.Payment `json:"items"`
	Next  string             `json:"next" doc:"Cursor of the next page; empty = this is the last"`
	Prev  string             `json:"prev" doc:"Cursor of the page before; empty = this is the first"`
}

func (d door) listPayments(ctx context.Context, in *listPaymentsInput) (*answer[paymentList], error) {
	return read[paymentList](ctx, d, accounts.Noun, "payments"+strconv.Itoa(in.Limit)+" "+in.Cursor, in.Conditional, []string{"payments"},
		encodedAs(func(tx *portal.Tx) (paymentList, error) {
			p, err := accounts.Paid(ctx, tx, in.Cursor, in.Limit)
			return paymentList{p.Items, p.Next, p.Prev}, err
		}))
}

type getPaymentInput struct {
	Conditional
	Number string `path:"number" doc:"The host's number of the payment" maxLength:"100"`
}

func (d door) getPayment(ctx context.Context, in *getPaymentInput) (*answer[accounts.PaymentDetail], error) {
	return read[accounts.PaymentDetail](ctx, d, accounts.Noun, "payment"+strconv.Quote(in.Number), in.Conditional, []string{"payments", "settlements"},
		encodedAs(func(tx *portal.Tx) (accounts.PaymentDetail, error) { return accounts.GetPayment(ctx, tx, in.Number) }))
}

// paperOperation describes a route that gives a made file away, of these formats.
func paperOperation(id, path, tag, summary, description string, formats ...string) huma.Operation {
	op := fileOperation(id, path, tag)
	op.Summary, op.Description = summary, description+" "+op.Description
	content, largest := map[string]*huma.MediaType{}, 1<<30
	for _, f := range formats {
		kind, _, _ := strings.Cut(cmp.Or(sheet.Kinds[f], "application/"+f), ";")
		content[kind] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary", MaxLength: &largest}}
	}
	op.Responses["200"].Content = content
	return op
}

type invoicePDFInput struct {
	Number string `path:"number" doc:"The host's number of the document" maxLength:"100"`
}

func (d door) getInvoicePDF(ctx context.Context, in *invoicePDFInput) (*huma.StreamResponse, error) {
	f, err := d.papers.Invoice(ctx, callerOf(ctx), in.Number)
	return d.givePaper(ctx, f, err)
}

type statementFileInput struct {
	Format   string `path:"format" enum:"pdf,xlsx,csv"`
	Currency string `query:"currency" required:"true" doc:"ISO 4217" minLength:"3" maxLength:"3"`
	From     string `query:"from" required:"true" doc:"The first day" format:"date" maxLength:"10"`
	To       string `query:"to" required:"true" doc:"The last day" format:"date" maxLength:"10"`
	Site     string `query:"site" doc:"Of one site alone" minLength:"1" maxLength:"100"`
}

func (d door) getStatementFile(ctx context.Context, in *statementFileInput) (*huma.StreamResponse, error) {
	f, err := d.papers.Statement(ctx, callerOf(ctx), accounts.Period{Currency: in.Currency, From: portal.Date(in.From), To: portal.Date(in.To), Site: in.Site}, in.Format)
	return d.givePaper(ctx, f, err)
}

func (d door) givePaper(ctx context.Context, f paper.File, err error) (*huma.StreamResponse, error) {
	if err != nil {
		return nil, refuse(ctx, d, callerOf(ctx), err)
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		defer f.Content.Close()
		c.SetHeader("Content-Type", f.Kind)
		c.SetHeader("Content-Disposition", fmt.Sprintf("attachment; filename=%q", f.Name))
		c.SetHeader("Cache-Control", "private, no-store")
		_, _ = io.Copy(c.BodyWriter(), f.Content)
	}}, nil
}

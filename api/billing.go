package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/billing"
)

func (d door) billing(h huma.API) {
	huma.Register(h, operation("list-supplier-invoices", http.MethodGet, "/supplier-invoices", "Billing", "List own invoices",
		"The supplier's invoices that the host has, newest first, and those under way to it. Follow `next` until it is empty."), d.listBills)
	huma.Register(h, operation("get-supplier-invoice", http.MethodGet, "/supplier-invoices/{invoice}", "Billing", "Read an own invoice",
		"One invoice by the host's number, each line matched with its order and receipts, and what was paid for it."), d.getBill)
	huma.Register(h, deed("send-supplier-invoice", http.MethodPost, "/supplier-invoices", "Billing", "Send an invoice",
		"From lines of purchase orders. The sums are reckoned here; a number that was used is refused. That more is invoiced than order and receipts bear out is no fault: the match of each line says so.", true), d.sendBill)
	huma.Register(h, operation("get-sent-invoice", http.MethodGet, "/sent-invoices/{number}", "Billing", "Read a sent invoice",
		"One invoice that was sent through the portal, by the supplier's own number, matched as order and receipts stand now."), d.getSentBill)
	huma.Register(h, operation("list-supplier-payments", http.MethodGet, "/supplier-payments", "Billing", "List payments by the host", "Newest first. Follow `next` until it is empty."), d.listRemittances)
	huma.Register(h, operation("get-supplier-payment", http.MethodGet, "/supplier-payments/{payment}", "Billing", "Read a payment by the host", "One payment with the invoices that it settled."), d.getRemittance)
}

type listBillsInput struct {
	Conditional
	Status string `query:"status" enum:"received,blocked,approved,paid,refused"`
	Q      string `query:"q" doc:"The beginning of the supplier's own number, in any case" minLength:"1" maxLength:"100"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"1000"`
}

type billList struct {
	Items    []billing.Invoice `json:"items"`
	Next     string            `json:"next" doc:"Cursor of the next page; empty = this is the last"`
	Underway []billing.Sent    `json:"underway" doc:"Sent through the portal, and not shown by the host's system yet; without their lines"`
}

func (d door) listBills(ctx context.Context, in *listBillsInput) (*answer[billList], error) {
	f := billing.Filter{Status: in.Status, Text: in.Q, Limit: in.Limit, Cursor: in.Cursor}
	return read[billList](ctx, d, "billing", "list"+f.Key(), in.Conditional, []string{"supplier_invoices"}, func(tx *portal.Tx) ([]byte, error) {
		p, err := billing.List(ctx, tx, f)
		if err != nil {
			return nil, err
		}
		under, err := billing.Underway(ctx, tx)
		if err != nil {
			return nil, err
		}
		return json.Marshal(billList{p.Items, p.Next, under})
	})
}

// What an invoice is matched with changes with orders and receipts, so these are read as they are now.

type getBillInput struct {
	Invoice string `path:"invoice" doc:"The host's number" maxLength:"100"`
	Conditional
}

func (d door) getBill(ctx context.Context, in *getBillInput) (*plain[billing.Detail], error) {
	return current(ctx, d, in.Conditional, "supplier invoice", func(tx *portal.Tx) (billing.Detail, error) { return billing.Get(ctx, tx, in.Invoice) })
}

// current answers what load reads now, in the caller's transaction.
func current[T any](ctx context.Context, d door, c Conditional, what string, load func(tx *portal.Tx) (T, error)) (*plain[T], error) {
	by := callerOf(ctx)
	var v T
	if err := d.db.Do(ctx, by, func(tx *portal.Tx) (err error) { v, err = load(tx); return err }); err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	return now(c, v)
}

type sendBillInput struct {
	Keyed
	Body billing.NewInvoice
}

func (d door) sendBill(ctx context.Context, in *sendBillInput) (*done[billing.Sent], error) {
	location := func(s billing.Sent) string { return "sent-invoices/" + url.PathEscape(s.Number) }
	return command(ctx, d, portal.BillingSend, in.Keyed, "send invoice", in.Body, location, func(tx *portal.Tx) (billing.Sent, error) { return billing.Send(ctx, tx, in.Body) })
}

type getSentBillInput struct {
	Number string `path:"number" doc:"The supplier's own number" maxLength:"100"`
	Conditional
}

func (d door) getSentBill(ctx context.Context, in *getSentBillInput) (*plain[billing.Sent], error) {
	return current(ctx, d, in.Conditional, "sent invoice", func(tx *portal.Tx) (billing.Sent, error) { return billing.GetSent(ctx, tx, in.Number) })
}

type listRemittancesInput struct {
	Conditional
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"1000"`
}

type remittanceList struct {
	Items []billing.Payment `json:"items"`
	Next  string            `json:"next" doc:"Cursor of the next page; empty = this is the last"`
}

func (d door) listRemittances(ctx context.Context, in *listRemittancesInput) (*answer[remittanceList], error) {
	return read[remittanceList](ctx, d, "billing", fmt.Sprintf("payments %d %q", in.Limit, in.Cursor), in.Conditional, []string{"supplier_payments"}, func(tx *portal.Tx) ([]byte, error) {
		p, err := billing.ListPayments(ctx, tx, in.Cursor, in.Limit)
		if err != nil {
			return nil, err
		}
		return json.Marshal(remittanceList{p.Items, p.Next})
	})
}

type getRemittanceInput struct {
	Conditional
	Payment string `path:"payment" doc:"The host's number" maxLength:"100"`
}

func (d door) getRemittance(ctx context.Context, in *getRemittanceInput) (*answer[billing.PaymentDetail], error) {
	return read[billing.PaymentDetail](ctx, d, "billing", "payment"+strconv.Quote(in.Payment), in.Conditional, []string{"supplier_payments", "remittance_lines"}, func(tx *portal.Tx) ([]byte, error) {
		p, err := billing.GetPayment(ctx, tx, in.Payment)
		if err != nil {
			return nil, err
		}
		return json.Marshal(p)
	})
}

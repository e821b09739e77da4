package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/billing"
	"extranet/portal/purchasing"
	"extranet/portal/sheet"
	"extranet/portal/supplies"
)

// tables are what a supplier sends as one file: the same forms that its pages give to be filled in.
func (d door) tables(h huma.API) {
	huma.Register(h, deed("send-answer-table", http.MethodPost, "/answer-tables", "Purchasing", "Answer purchase orders by a file",
		"A spreadsheet (XLSX) or CSV with the columns order, version, line, answer (`accept`, `change`, `refuse` or `question`), day, promised quantity, rest, reason, substitute, asked price and note; rows of one line are its parts. "+
			"Every row is accounted for: what cannot be taken is in `refused` with the reason, and spoils no other line.", false), d.sendAnswerTable)
	huma.Register(h, deed("send-invoice-table", http.MethodPost, "/invoice-tables", "Billing", "Send invoices by a file",
		"A spreadsheet (XLSX) or CSV with the columns number, invoiced on, currency, order, line, quantity, price, tax rate, total and note; rows of one number are the lines of one invoice. "+
			"Every row is accounted for: an invoice that cannot be sent is refused whole, with the reason, and spoils no other.", false), d.sendInvoiceTable)
	huma.Register(h, deed("send-supply-table", http.MethodPost, "/supply-tables", "Supplies", "Report stock and capacity by a file",
		"A spreadsheet (XLSX) or CSV with the columns product, site, on hand, in process and counted on, or product, site, week and capacity, or all of them. "+
			"Every row is accounted for: one that cannot be meant is in `refused` with the reason, and spoils no other. What is not named stays as it was reported before.", false), d.sendSupplyTable)
}

type tableInput struct {
	Keyed
	RawBody []byte `contentType:"application/octet-stream"`
}

func (d door) sendAnswerTable(ctx context.Context, in *tableInput) (*done[purchasing.AnswersTaken], error) {
	return byTable(ctx, d, portal.PurchasingAnswer, in, "answer table", purchasing.AnswerTable)
}

func (d door) sendInvoiceTable(ctx context.Context, in *tableInput) (*done[billing.Accounted], error) {
	return byTable(ctx, d, portal.BillingSend, in, "invoice table", billing.SendTable)
}

func (d door) sendSupplyTable(ctx context.Context, in *tableInput) (*done[supplies.Accounted], error) {
	return byTable(ctx, d, portal.StockReport, in, "supply table", supplies.MakeFromTable)
}

func byTable[T any](ctx context.Context, d door, need portal.Permission, in *tableInput, what string, f func(ctx context.Context, tx *portal.Tx, t sheet.Table) (T, error)) (*done[T], error) {
	by := callerOf(ctx)
	if err := by.Need(need); err != nil { // before anything of it is read
		return nil, refuse(ctx, d, by, err)
	}
	table, err := sheet.Text(string(in.RawBody), purchasing.TableLimits)
	if err != nil {
		return nil, problemOf(err)
	}
	return command(ctx, d, need, in.Keyed, what, in.RawBody, nil, func(tx *portal.Tx) (T, error) { return f(ctx, tx, table) })
}

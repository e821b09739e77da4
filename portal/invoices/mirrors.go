// Package invoices lets a partner read what the host billed it, and what it credited.
package invoices

import (
	"extranet/portal"
	"extranet/portal/accounts"
)

// Kinds of documents. A credit memo's amounts are negative.
const (
	Invoice    = "invoice"
	CreditMemo = "credit_memo"
)

// Mirror and Lines say how the core's invoices lie in the portal's database.
var (
	Mirror = portal.Mirror{
		Entity: "invoices", Table: "invoices", Key: []string{"number"}, Owned: true, Nouns: []string{accounts.Noun},
		Columns: []portal.Column{
			{Name: "number", Required: true}, {Name: "kind", Required: true, OneOf: []string{Invoice, CreditMemo}}, {Name: "site"}, {Name: "order_number"}, {Name: "shipment"},
			{Name: "po_number"}, {Name: "currency", Required: true}, {Name: "invoiced_on", Type: portal.Day, Required: true}, {Name: "due_on", Type: portal.Day, Required: true},
			{Name: "net", Type: portal.Decimal, Required: true}, {Name: "tax", Type: portal.Decimal, Required: true}, {Name: "total", Type: portal.Decimal, Required: true},
			{Name: "open", Type: portal.Decimal, Required: true}, {Name: "credits"}, {Name: "claim"}, {Name: "comment"},
		},
	}
	Lines = portal.Mirror{
		Entity: "invoice_lines", Table: "invoice_lines", Key: []string{"invoice", "line"}, Owned: true, Nouns: []string{accounts.Noun},
		Columns: []portal.Column{
			{Name: "invoice", Required: true}, {Name: "line", Type: portal.Int, Required: true}, {Name: "order_number"}, {Name: "order_line", Type: portal.Int}, {Name: "product"},
			{Name: "description", Required: true}, {Name: "unit"}, {Name: "quantity", Type: portal.Decimal, Required: true}, {Name: "price", Type: portal.Decimal, Required: true},
			{Name: "net", Type: portal.Decimal, Required: true}, {Name: "tax", Type: portal.Decimal, Required: true},
		},
	}
)

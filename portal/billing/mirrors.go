package billing

import "extranet/portal"

// The states that the core has a supplier's invoice in.
var Statuses = []string{"received", "blocked", "approved", "paid", "refused"}

// Mirror, Lines, Payments and Remittances say how the core's supplier invoices and payments lie in the portal's database.
var (
	Mirror = portal.Mirror{
		Entity: "supplier_invoices", Table: "supplier_invoices", Key: []string{"invoice"}, Owned: true, Nouns: []string{"billing"},
		Track: []string{"status"}, Noun: "billing", Doc: "number",
		Columns: []portal.Column{
			{Name: "invoice", Required: true}, {Name: "number", Required: true}, {Name: "site"}, {Name: "order_number"},
			{Name: "status", Required: true, OneOf: Statuses}, {Name: "why"}, {Name: "currency", Required: true},
			{Name: "invoiced_on", Type: portal.Day, Required: true}, {Name: "due_on", Type: portal.Day}, {Name: "net", Type: portal.Decimal, Required: true},
			{Name: "tax", Type: portal.Decimal, Required: true}, {Name: "total", Type: portal.Decimal, Required: true}, {Name: "open", Type: portal.Decimal, Required: true},
		},
	}
	Lines = portal.Mirror{
		Entity: "supplier_invoice_lines", Table: "supplier_invoice_lines", Key: []string{"invoice", "line"}, Owned: true, Nouns: []string{"billing"},
		Columns: []portal.Column{
			{Name: "invoice", Required: true}, {Name: "line", Type: portal.Int, Required: true}, {Name: "order_number"}, {Name: "order_line", Type: portal.Int}, {Name: "product"},
			{Name: "quantity", Type: portal.Decimal, Required: true}, {Name: "price", Type: portal.Decimal, Required: true}, {Name: "net", Type: portal.Decimal, Required: true},
		},
	}
	Payments = portal.Mirror{
		Entity: "supplier_payments", Table: "supplier_payments", Key: []string{"payment"}, Owned: true, Nouns: []string{"billing"},
		Columns: []portal.Column{
			{Name: "payment", Required: true}, {Name: "paid_on", Type: portal.Day, Required: true}, {Name: "currency", Required: true},
			{Name: "amount", Type: portal.Decimal, Required: true}, {Name: "method"}, {Name: "reference"},
		},
	}
	Remittances = portal.Mirror{
		Entity: "remittance_lines", Table: "remittance_lines", Key: []string{"payment", "invoice"}, Owned: true, Nouns: []string{"billing"},
		Columns: []portal.Column{
			{Name: "payment", Required: true}, {Name: "invoice", Required: true}, {Name: "amount", Type: portal.Decimal, Required: true}, {Name: "discount", Type: portal.Decimal},
		},
	}
)

package jobs

import (
	"context"

	"extranet/portal"
	"extranet/portal/billing"
)

var billingEntities = []entity{
	{mirror: billing.Mirror},
	{mirror: billing.Lines, with: "supplier_invoices"},
	{mirror: billing.Payments},
	{mirror: billing.Remittances, with: "supplier_payments"},
}

var billingCommands = []commandHandler{{
	name: billing.CommandInvoice, values: []string{"number", "currency", "invoiced_on", "net", "tax", "total", "note", "by", "order", "lines"},
	lists: map[string][]string{"lines": {"position", "order", "line", "quantity", "price", "net", "tax_rate"}},
	done: func(ctx context.Context, tx *portal.Tx, c portal.Sent, _ map[string]string) error {
		return billing.Became(ctx, tx, c.PartnerID, c.Values["number"], "")
	},
	refused: func(ctx context.Context, tx *portal.Tx, c portal.Sent, why string) error {
		return billing.Became(ctx, tx, c.PartnerID, c.Values["number"], why)
	},
}}

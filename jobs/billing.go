package jobs

import "extranet/portal/billing"

var billingEntities = []entity{
	{mirror: billing.Mirror},
	{mirror: billing.Lines, with: "supplier_invoices"},
	{mirror: billing.Payments},
	{mirror: billing.Remittances, with: "supplier_payments"},
}

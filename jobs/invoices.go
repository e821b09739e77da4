package jobs

import "extranet/portal/invoices"

var invoiceEntities = []entity{
	{mirror: invoices.Mirror},
	{mirror: invoices.Lines, with: "invoices"},
}

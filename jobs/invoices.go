package jobs

import "extranet/portal/invoices"

var invoiceEntities = []entity{
	{mirror: invoices.Mirror, after: followClaims}, // a credit memo may answer a claim
	{mirror: invoices.Lines, with: "invoices"},
}

package jobs

import "extranet/portal/accounts"

var accountEntities = []entity{
	{mirror: accounts.Status},
	{mirror: accounts.Payments, with: "invoices"},
	{mirror: accounts.Settlements, with: "invoices"},
}

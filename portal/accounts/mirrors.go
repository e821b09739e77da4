// Package accounts tells a partner what it owes the host and what it may still buy: the credit limit and what uses it, open items by
// age, payments and what they settled, statements. Amounts of different currencies stand apart and are never added.
package accounts

import "extranet/portal"

// Noun is that of the account's caches and news.
const Noun = "account"

// Status, Payments and Settlements say how the core's accounts lie in the portal's database.
var (
	Status = portal.Mirror{
		Entity: "account_status", Table: "account_status", Key: []string{"account"}, Owned: true, Nouns: []string{Noun},
		Columns: []portal.Column{
			{Name: "account", Required: true}, {Name: "currency", Required: true}, {Name: "credit_limit", Type: portal.Decimal}, {Name: "balance", Type: portal.Decimal, Required: true},
			{Name: "on_hold", Type: portal.Bool, Required: true}, {Name: "hold_reason"}, {Name: "terms"},
		},
	}
	Payments = portal.Mirror{
		Entity: "payments", Table: "payments", Key: []string{"payment"}, Owned: true, Nouns: []string{Noun},
		Columns: []portal.Column{
			{Name: "payment", Required: true}, {Name: "site"}, {Name: "paid_on", Type: portal.Day, Required: true}, {Name: "method"}, {Name: "reference"},
			{Name: "currency", Required: true}, {Name: "amount", Type: portal.Decimal, Required: true}, {Name: "open", Type: portal.Decimal, Required: true},
		},
	}
	Settlements = portal.Mirror{
		Entity: "settlements", Table: "settlements", Key: []string{"settlement"}, Owned: true, Nouns: []string{Noun},
		Columns: []portal.Column{
			{Name: "settlement", Required: true}, {Name: "payment"}, {Name: "credit_memo"}, {Name: "invoice", Required: true},
			{Name: "amount", Type: portal.Decimal, Required: true}, {Name: "settled_on", Type: portal.Day, Required: true},
		},
	}
)

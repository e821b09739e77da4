package billing

import (
	"github.com/shopspring/decimal"

	"extranet/portal"
)

// Why an invoice's line differs from what will be paid for it.
const (
	NotReceived = "not received"      // and so not to be paid yet
	BeyondOrder = "more than ordered" // and so not to be paid at all
	PriceAbove  = "price above order"
)

// Facts are what an invoice's line is matched with: the order, what was received and taken, and what was invoiced of it before.
type Facts struct {
	Ordered  decimal.Decimal `db:"ordered"`
	Price    decimal.Decimal `db:"order_price"` // per unit, of the order
	Received decimal.Decimal `db:"received"`
	Before   decimal.Decimal `db:"before"` // invoiced on other invoices
}

// A Difference is a part of an invoice's line that is not to be paid now, and why.
type Difference struct {
	Reason   string        `json:"reason" enum:"not received,more than ordered,price above order"`
	Quantity portal.Amount `json:"quantity" doc:"That it is about"`
	Amount   portal.Amount `json:"amount" doc:"Without tax"`
}

// A Matching is what a three-way match found: net = payable + what the differences amount to, always.
type Matching struct {
	Ordered     portal.Amount `json:"ordered"`
	OrderPrice  portal.Amount `json:"order_price"`
	Received    portal.Amount `json:"received" doc:"And taken"`
	Before      portal.Amount `json:"invoiced_before"`
	Payable     portal.Amount `json:"payable" doc:"Of the line's net, what order and receipts bear out"`
	Differences []Difference  `json:"differences"`
}

// Match holds a quantity at a price against the order, the receipts and the other invoices. What is received and not invoiced before is payable, at no more than the order's price.
func Match(f Facts, quantity, price decimal.Decimal) Matching {
	m := Matching{Ordered: text(f.Ordered), OrderPrice: text(f.Price), Received: text(f.Received), Before: text(f.Before), Differences: []Difference{}}
	bear := decimal.Min(quantity, decimal.Max(f.Received.Sub(f.Before), decimal.Zero))
	m.Payable = text(bear.Mul(decimal.Min(price, f.Price)))
	differ := func(reason string, quantity, each decimal.Decimal) {
		if quantity.IsPositive() && !each.IsZero() {
			m.Differences = append(m.Differences, Difference{reason, text(quantity), text(quantity.Mul(each))})
		}
	}
	missing := quantity.Sub(bear)
	beyond := decimal.Min(missing, decimal.Max(f.Before.Add(quantity).Sub(decimal.Max(f.Ordered, f.Received)), decimal.Zero))
	differ(NotReceived, missing.Sub(beyond), price)
	differ(BeyondOrder, beyond, price)
	differ(PriceAbove, bear, decimal.Max(price.Sub(f.Price), decimal.Zero))
	return m
}

func text(d decimal.Decimal) portal.Amount { return portal.Amount(d.String()) }

package orders

import (
	"context"
	"fmt"

	"extranet/portal"
)

// Bought is a line of an earlier order.
type Bought struct {
	Number    string        `json:"order" db:"number"`
	Site      string        `json:"site" db:"site"`
	OrderedOn portal.Date   `json:"ordered_on" db:"ordered_on" format:"date"`
	Quantity  portal.Amount `json:"quantity" db:"ordered"`
	Unit      string        `json:"unit" db:"unit"`
	Price     portal.Amount `json:"price" db:"price" doc:"Per unit, without tax"`
	Currency  string        `json:"currency" db:"currency"`
}

// BoughtBefore returns where the caller's sites bought the product, the latest first, at most 10; nothing for who may not see orders.
func BoughtBefore(ctx context.Context, tx *portal.Tx, product string) (list []Bought, err error) {
	list = []Bought{}
	if !tx.By.Perms.Has(portal.OrdersRead) {
		return list, nil
	}
	err = tx.Select(ctx, &list, `
		SELECT o.number, coalesce(o.site, '') AS site, o.ordered_on, l.ordered, coalesce(l.unit, '') AS unit, l.price, o.currency
		FROM (SELECT order_number, ordered, unit, price FROM order_lines WHERE partner_id = $1 AND product = $2 ORDER BY order_number DESC LIMIT 500) l
		JOIN orders o ON o.partner_id = $1 AND o.number = l.order_number
		WHERE $3::text[] IS NULL OR o.site = ANY($3)
		ORDER BY o.ordered_on DESC, o.number DESC LIMIT 10`, tx.By.PartnerID, product, portal.Limit(tx.By.Sites))
	if err != nil {
		return nil, fmt.Errorf("looking for earlier orders: %w", err)
	}
	return list, nil
}

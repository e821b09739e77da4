package orders

import (
	"context"

	"extranet/portal"
)

// Find returns orders whose number, or the partner's own number, begins with the text. Whoever may not see them finds none.
func Find(ctx context.Context, tx *portal.Tx, text string) (hits []portal.Hit, err error) {
	if !tx.By.Perms.Has(portal.OrdersRead) {
		return nil, nil
	}
	p, err := List(ctx, tx, Filter{Text: text, Limit: portal.HitsShown})
	for _, o := range p.Items {
		hits = append(hits, portal.Hit{Kind: "orders", Number: o.Number, Title: o.PONumber, On: o.OrderedOn})
	}
	return hits, err
}

package purchasing

import (
	"context"

	"extranet/portal"
)

// Find returns purchase orders whose number begins with the text. Whoever may not see them finds none.
func Find(ctx context.Context, tx *portal.Tx, text string) (hits []portal.Hit, err error) {
	if !tx.By.Perms.Has(portal.PurchasingRead) {
		return nil, nil
	}
	p, err := List(ctx, tx, Filter{Text: text, Limit: portal.HitsShown})
	for _, o := range p.Items {
		hits = append(hits, portal.Hit{Kind: "purchase_orders", Number: o.Number, On: o.OrderedOn})
	}
	return hits, err
}

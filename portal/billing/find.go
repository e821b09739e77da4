package billing

import (
	"context"

	"extranet/portal"
)

// Find returns invoices that the supplier sent whose own number begins with the text. Whoever may not see them finds none.
func Find(ctx context.Context, tx *portal.Tx, text string) (hits []portal.Hit, err error) {
	if !tx.By.Perms.Has(portal.BillingRead) {
		return nil, nil
	}
	p, err := List(ctx, tx, Filter{Text: text, Limit: portal.HitsShown})
	for _, i := range p.Items {
		hits = append(hits, portal.Hit{Kind: "bills", Number: i.Invoice, Title: i.Number, On: i.InvoicedOn})
	}
	return hits, err
}

package invoices

import (
	"context"

	"extranet/portal"
)

// Find returns invoices and credit memos whose number, or PO number, begins with the text. Whoever may not see them finds none.
func Find(ctx context.Context, tx *portal.Tx, text string) (hits []portal.Hit, err error) {
	if !tx.By.Perms.Has(portal.AccountRead) {
		return nil, nil
	}
	p, err := List(ctx, tx, Filter{Text: text, Limit: portal.HitsShown})
	for _, d := range p.Items {
		hits = append(hits, portal.Hit{Kind: "invoices", Number: d.Number, Title: d.PONumber, On: d.InvoicedOn})
	}
	return hits, err
}

package catalog

import (
	"context"

	"extranet/portal"
)

// Find returns products by number, barcode, own number, size or words of the name. Whoever may not see them finds none.
func Find(ctx context.Context, tx *portal.Tx, text string) (hits []portal.Hit, err error) {
	if !tx.By.Perms.Has(portal.CatalogRead) {
		return nil, nil
	}
	f, err := Search(ctx, tx, Filter{Text: text, Limit: portal.HitsShown})
	for _, i := range append(f.Exact, f.Items...)[:min(len(f.Exact)+len(f.Items), portal.HitsShown)] {
		hits = append(hits, portal.Hit{Kind: "products", Number: i.Product, Title: i.Name})
	}
	return hits, err
}

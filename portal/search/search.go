// Package search finds what the caller may see by its number or name, over all capabilities.
package search

import (
	"context"
	"strings"

	"extranet/portal"
	"extranet/portal/billing"
	"extranet/portal/catalog"
	"extranet/portal/claims"
	"extranet/portal/invoices"
	"extranet/portal/notices"
	"extranet/portal/orders"
	"extranet/portal/partners"
	"extranet/portal/purchasing"
)

var finders = []func(context.Context, *portal.Tx, string) ([]portal.Hit, error){
	orders.Find, invoices.Find, claims.Find, purchasing.Find, billing.Find, notices.Find, catalog.Find,
}

// May reports whether there is anything that the caller may search.
func May(by portal.Caller) bool {
	for _, p := range []portal.Permission{portal.OrdersRead, portal.AccountRead, portal.ClaimsRead, portal.PurchasingRead, portal.BillingRead, portal.NoticesRead, portal.CatalogRead} {
		if by.Perms.Has(p) {
			return true
		}
	}
	return by.Host && by.Perms.Has(portal.PartnersRead)
}

// For finds documents whose number, or the partner's own number, begins with the text, and products and partners by their names: of
// each kind portal.HitsShown at most, in a fixed order of kinds. A text that is empty, too long or not readable is Invalid.
func For(ctx context.Context, db *portal.DB, by portal.Caller, text string) ([]portal.Hit, error) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > 100 || !portal.Readable(text) {
		return nil, &portal.Error{Kind: portal.Invalid, Msg: "this cannot be searched for", Fields: map[string]string{"q": "a number, or the beginning of one, or words of a name: 100 characters at most"}}
	}
	all := []portal.Hit{}
	if by.Host {
		if by.Perms.Has(portal.PartnersRead) {
			err := db.AcrossPartners(ctx, by, portal.PartnersRead, func(tx *portal.Tx) error {
				hits, err := partners.Find(ctx, tx, text)
				all = append(all, hits...)
				return err
			})
			if err != nil {
				return nil, err
			}
		}
		return all, nil
	}
	err := db.Do(ctx, by, func(tx *portal.Tx) error {
		for _, find := range finders {
			hits, err := find(ctx, tx, text)
			if err != nil {
				return err
			}
			all = append(all, hits...)
		}
		return nil
	})
	return all, err
}

package web

import (
	"context"
	"net/url"
	"strings"

	"extranet/portal"
	"extranet/portal/search"
)

// hitKinds say what each kind of hit is called, where one is, and where the list of them is searched; "" = nowhere.
var hitKinds = map[string]struct {
	name Words
	icon Icon
	path func(string) string
	list string
}{
	"orders":          {"Orders", IconOrders, orderPath, "/orders"},
	"invoices":        {"Invoices", IconInvoices, invoicePath, "/finance/invoices"},
	"claims":          {"Claims", IconClaims, claimPath, ""},
	"purchase_orders": {"Purchase orders", IconPurchases, purchasePath, "/purchasing"},
	"bills":           {"Invoices", IconInvoices, billPath, "/billing"},
	"notices":         {"Changes", IconChanges, noticePath, ""},
	"products":        {"Products", IconProducts, productPath, "/catalog"},
	"partners":        {"Partners", IconPartners, partnerPath, "/partners"},
}

func searchHint(by portal.Caller) Words {
	switch {
	case by.Host:
		return "Account number, name or city"
	case by.Perms.Has(portal.CatalogRead) && by.PartnerKind == "dealer":
		return "Number, product or size"
	}
	return "Number of a document"
}

// found is what a search found, by kind.
type found struct {
	text string
	hits []portal.Hit
}

func (f found) kinds() (groups [][]portal.Hit) {
	for _, h := range f.hits {
		if n := len(groups); n > 0 && groups[n-1][0].Kind == h.Kind {
			groups[n-1] = append(groups[n-1], h)
		} else {
			groups = append(groups, []portal.Hit{h})
		}
	}
	return groups
}

func listPath(kind, text string) string {
	return Address{Path: hitKinds[kind].list, Query: url.Values{"q": {text}}}.With()
}

// find goes straight to the one thing whose number is asked for, and otherwise shows what begins with it.
func (w *Web) find(ctx context.Context, r request) (reply, error) {
	v := found{text: strings.TrimSpace(r.query.Get("q"))}
	r.shell.Title, r.shell.Query = "Search", v.text
	if !r.shell.Search || v.text == "" {
		return reply{page: SearchPage(r.shell, v)}, nil
	}
	if r.by.Perms.Has(portal.OrdersRead) && !r.by.Host { // what the portal placed is found by its number of before, too
		if _, err := w.follow(ctx, r.by, v.text); err == nil {
			return reply{to: orderPath(v.text)}, nil
		} else if portal.Says(err).Kind != portal.NotFound {
			return reply{}, err
		}
	}
	hits, err := search.For(ctx, w.db, r.by, v.text)
	if e := portal.Says(err); err != nil && e.Kind == portal.Invalid {
		r.shell.Error = &ShownError{Status: statuses[portal.Invalid], Msg: "This cannot be searched for", Fields: map[string]string{"q": "Search: " + e.Fields["q"]}}
		return reply{status: statuses[portal.Invalid], page: SearchPage(r.shell, v)}, nil
	} else if err != nil {
		return reply{}, err
	}
	v.hits = hits
	var exact []portal.Hit
	for _, h := range hits {
		if h.Is(v.text) {
			exact = append(exact, h)
		}
	}
	if len(exact) == 1 {
		return reply{to: hitKinds[exact[0].Kind].path(exact[0].Number)}, nil
	}
	return reply{page: SearchPage(r.shell, v)}, nil
}

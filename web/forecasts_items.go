package web

import (
	"context"
	"net/url"

	"extranet/portal"
	"extranet/portal/forecasts"
)

// exceptionsPage is what the page of exceptions shows.
type exceptionsPage struct {
	list  forecasts.Exceptions
	kinds []string
	fresh Freshness
	base  string // the path of the list
	item  func(product, location string) string
	trail []Link
	title Words
	lead  Words
}

func (w *Web) showExceptions(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.ForecastsRead); err != nil {
		return reply{}, err
	}
	v := exceptionsPage{base: "/forecasts/exceptions", item: itemPath, trail: []Link{{Label: "Forecasts", Href: "/forecasts"}}, title: "Exceptions", lead: "What of the current forecast needs your eye, the heaviest first."}
	for _, k := range r.query["kind"] {
		if _, known := troubleWords[k]; known {
			v.kinds = append(v.kinds, k)
		}
	}
	var err error
	if v.fresh, err = w.fresh(ctx, "forecasts"); err != nil {
		return reply{}, err
	}
	if v.list, err = w.watch(ctx, r.by, v.kinds); err != nil {
		return reply{}, err
	}
	r.shell.Title = v.title
	return reply{page: ExceptionsPage(r.shell, v)}, nil
}

func itemPath(product, location string) string {
	return "/forecasts/item?" + url.Values{"product": {product}, "location": {location}}.Encode()
}

// ledgerPage is what the page of the ledger shows.
type ledgerPage struct {
	balances forecasts.Balances
	terms    forecasts.Terms
	fresh    Freshness
}

func (w *Web) showLedger(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.ForecastsRead); err != nil {
		return reply{}, err
	}
	var v ledgerPage
	var err error
	if v.fresh, err = w.fresh(ctx, "forecasts", "demand_history"); err != nil {
		return reply{}, err
	}
	hour := w.db.Now().UTC().Format("2006010215")
	v.balances, err = read(ctx, w, r.by, "forecasts", "ledger"+hour, func(ctx context.Context, tx *portal.Tx) (forecasts.Balances, error) {
		return forecasts.Account(ctx, tx)
	})
	if err != nil {
		return reply{}, err
	}
	if err = w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) {
		v.terms, err = forecasts.TermsOf(ctx, tx, r.by.PartnerID, tx.Now)
		return err
	}); err != nil {
		return reply{}, err
	}
	r.shell.Title = "Ledger"
	return reply{page: LedgerPage(r.shell, v)}, nil
}

// itemPage is what the page of one item shows.
type itemPage struct {
	forecasts.Sheet
	fresh Freshness
	trail []Link
}

func (v itemPage) item() forecasts.Item {
	if len(v.Grid.Items) == 0 {
		return forecasts.Item{}
	}
	return v.Grid.Items[0]
}

// lead says what the item is, and what there is of it.
func (v itemPage) lead(ctx context.Context) Words {
	o := v.item()
	return Said(ctx, "%s, at %s%s", o.Name, o.Location, stockNote(ctx, o))
}

func (w *Web) showForecastItem(ctx context.Context, r request) (reply, error) {
	v := itemPage{trail: []Link{{Label: "Forecasts", Href: "/forecasts"}}}
	product, location := r.query.Get("product"), r.query.Get("location")
	hour := w.db.Now().UTC().Format("2006010215")
	var err error
	v.Sheet, err = read(ctx, w, r.by, "forecasts", "item"+hour+url.QueryEscape(product)+":"+url.QueryEscape(location), func(ctx context.Context, tx *portal.Tx) (forecasts.Sheet, error) {
		return forecasts.Look(ctx, tx, product, location)
	})
	if err != nil {
		return reply{}, err
	}
	if v.fresh, err = w.fresh(ctx, "forecasts", "demand_history", "supplier_inventory"); err != nil {
		return reply{}, err
	}
	r.shell.Title = Verbatim(v.item().Product)
	return reply{page: ForecastItemPage(r.shell, v)}, nil
}

// percent says a share; there is none of nothing.
func percent(ctx context.Context, a portal.Amount) string {
	if a == "" {
		return "–"
	}
	return Quantity(ctx, a.Number(), "%")
}

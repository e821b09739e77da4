package web

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"extranet/portal"
	"extranet/portal/forecasts"
)

// A planList is what the page of the host's planners shows.
type planList struct {
	list  []forecasts.Standing
	fresh Freshness
}

func (w *Web) listPlans(ctx context.Context, r request) (reply, error) {
	var v planList
	err := w.db.AcrossPartners(ctx, r.by, portal.PlansManage, func(tx *portal.Tx) (err error) { v.list, err = forecasts.Standings(ctx, tx); return err })
	if err != nil {
		return reply{}, err
	}
	if v.fresh, err = w.fresh(ctx, "forecasts"); err != nil {
		return reply{}, err
	}
	r.shell.Title = "Suppliers' plans"
	return reply{page: PlansPage(r.shell, v)}, nil
}

// A supplierPlan is what the page of one supplier shows to the host's planners.
type supplierPlan struct {
	supplier forecasts.Supplier
	watch    exceptionsPage
	ledger   ledgerPage
	terms    forecasts.Terms
	fault    *ShownError
}

func (w *Web) showPlan(ctx context.Context, r request) (reply, error) {
	v, err := w.supplierPlan(ctx, r)
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = Verbatim(v.supplier.Name)
	return reply{page: SupplierPlanPage(r.shell, v)}, nil
}

func (w *Web) supplierPlan(ctx context.Context, r request) (v supplierPlan, err error) {
	number := r.param("partner")
	v.watch.base = "/plans/" + url.PathEscape(number)
	for _, k := range r.query["kind"] {
		if _, known := troubleWords[k]; known {
			v.watch.kinds = append(v.watch.kinds, k)
		}
	}
	err = w.db.AcrossPartners(ctx, r.by, portal.PlansManage, func(tx *portal.Tx) (err error) {
		if v.supplier, err = forecasts.SupplierOf(ctx, tx, number); err != nil {
			return err
		}
		if v.watch.list, err = forecasts.WatchOf(ctx, tx, v.supplier.ID, v.watch.kinds); err != nil {
			return err
		}
		if v.ledger.balances, err = forecasts.AccountOf(ctx, tx, v.supplier.ID); err != nil {
			return err
		}
		v.terms, err = forecasts.TermsOf(ctx, tx, v.supplier.ID, tx.Now)
		return err
	})
	if err != nil {
		return v, err
	}
	v.ledger.terms = v.terms
	v.watch.item = func(product, location string) string {
		return "/plans/" + url.PathEscape(number) + "/item?" + url.Values{"product": {product}, "location": {location}}.Encode()
	}
	v.ledger.fresh, err = w.fresh(ctx, "forecasts", "demand_history")
	v.watch.fresh = v.ledger.fresh
	return v, err
}

// showPlanItem is one item of a supplier's as the host's planners see it: as the supplier does.
func (w *Web) showPlanItem(ctx context.Context, r request) (reply, error) {
	var v itemPage
	err := w.db.AcrossPartners(ctx, r.by, portal.PlansManage, func(tx *portal.Tx) error {
		s, err := forecasts.SupplierOf(ctx, tx, r.param("partner"))
		if err != nil {
			return err
		}
		v.trail = []Link{{Label: "Suppliers' plans", Href: "/plans"}, {Label: Verbatim(s.Name), Href: "/plans/" + url.PathEscape(s.Number)}}
		v.Sheet, err = forecasts.LookOf(ctx, tx, s.ID, r.query.Get("product"), r.query.Get("location"))
		return err
	})
	if err != nil {
		return reply{}, err
	}
	v.fresh, err = w.fresh(ctx, "forecasts", "demand_history", "supplier_inventory")
	r.shell.Title = Verbatim(v.item().Product)
	return reply{page: ForecastItemPage(r.shell, v)}, err
}

func (w *Web) setTerms(ctx context.Context, r request) (reply, error) {
	number := func(name string) int {
		n := -1
		if s := strings.TrimSpace(r.form.Get(name)); s != "" && len(s) < 6 {
			if _, err := fmt.Sscanf(s, "%d", &n); err != nil {
				return -1
			}
		}
		return n
	}
	terms := forecasts.Terms{FirmDays: number("firm_days"), TradeOffDays: number("tradeoff_days"), CommitDays: number("commit_days"), Tolerance: portal.Amount(r.form.Get("tolerance")),
		MakeShare: portal.Amount(r.form.Get("make_share")), BuyShare: portal.Amount(r.form.Get("buy_share")), TimeZone: r.form.Get("time_zone"), Calendar: r.form.Get("calendar"), YearBegins: r.form.Get("year_begins")}
	path := "/plans/" + url.PathEscape(r.param("partner"))
	err := w.db.AcrossPartners(ctx, r.by, portal.PlansManage, func(tx *portal.Tx) error {
		s, err := forecasts.SupplierOf(ctx, tx, r.param("partner"))
		if err != nil {
			return err
		}
		_, _, err = tx.Once(ctx, "web "+r.form.Get("once"), []byte(r.shell.Path+" "+r.form.Encode()), func() ([]byte, error) { return nil, forecasts.SetTerms(ctx, tx, s.ID, terms) })
		return err
	})
	if says := portal.Says(err); err != nil && says.Kind == portal.Invalid && says.On("Idempotency-Key") == "" {
		v, err := w.supplierPlan(ctx, r)
		if err != nil {
			return reply{}, err
		}
		v.terms, v.fault = terms, &ShownError{Status: statuses[portal.Invalid], Msg: "These terms cannot hold", Fields: says.Fields}
		r.shell.Title, r.shell.Error = Verbatim(v.supplier.Name), v.fault
		return reply{status: statuses[portal.Invalid], page: SupplierPlanPage(r.shell, v)}, nil
	}
	return reply{to: path, flash: &Flash{Tone: Good, Title: "The terms hold from now on", Text: "Versions that were published before are reckoned by the terms of their day."}}, err
}

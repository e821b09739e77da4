package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/supplies"
)

func (d door) supplies(h huma.API) {
	huma.Register(h, operation("list-supply-stocks", http.MethodGet, "/supplies/stocks", "Supplies", "List reported stock", "The newest count of each product at each of the supplier's sites. Follow `next` until it is empty."), d.listStocks)
	huma.Register(h, operation("list-supply-capacities", http.MethodGet, "/supplies/capacities", "Supplies", "List reported capacity", "How much of each product can be made in each week from this one on. Follow `next` until it is empty."), d.listCapacities)
	huma.Register(h, operation("list-supply-reports", http.MethodGet, "/supplies/reports", "Supplies", "List reports", "The newest 50, with what the host's system made of each."), d.listSupplyReports)
	huma.Register(h, deed("report-supply", http.MethodPost, "/supplies/reports", "Supplies", "Report stock and capacity",
		"Every line is accounted for: one that cannot be meant is in `refused` with the reason, and spoils no other. What is not named stays as it was reported before. 422 where there is no line at all.", false), d.reportSupply)
	huma.Register(h, operation("list-suppliers-stocks", http.MethodGet, "/buying/stocks", "Buying desk", "List suppliers' stock", "For the host's staff: what suppliers have reported to have, by product."), d.listStocksAcross)
	huma.Register(h, operation("list-suppliers-capacities", http.MethodGet, "/buying/capacities", "Buying desk", "List suppliers' capacity", "For the host's staff: what suppliers have reported that they can make from this week on, by product."), d.listCapacitiesAcross)
}

type listSuppliesInput struct {
	Conditional
	Q       string `query:"q" doc:"The beginning of a product's number, in any case" minLength:"1" maxLength:"100"`
	Site    string `query:"site" doc:"The number of a site" minLength:"1" maxLength:"100"`
	Product string `query:"product" doc:"One product's number" minLength:"1" maxLength:"100"`
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor  string `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"1000"`
}

func (in listSuppliesInput) filter() supplies.Filter {
	return supplies.Filter{Text: in.Q, Site: in.Site, Product: in.Product, Limit: in.Limit, Cursor: in.Cursor}
}

type stockList struct {
	Items []supplies.Stock `json:"items"`
	Next  string           `json:"next" doc:"Cursor of the next page; empty = this is the last"`
}

type capacityList struct {
	Items []supplies.Capacity `json:"items"`
	Next  string              `json:"next" doc:"Cursor of the next page; empty = this is the last"`
}

func (d door) listStocks(ctx context.Context, in *listSuppliesInput) (*plain[stockList], error) {
	return current(ctx, d, in.Conditional, "supplies", func(tx *portal.Tx) (l stockList, err error) {
		l.Items, l.Next, err = supplies.Stocks(ctx, tx, in.filter())
		return l, err
	})
}

func (d door) listCapacities(ctx context.Context, in *listSuppliesInput) (*plain[capacityList], error) {
	return current(ctx, d, in.Conditional, "supplies", func(tx *portal.Tx) (l capacityList, err error) {
		l.Items, l.Next, err = supplies.Capacities(ctx, tx, in.filter())
		return l, err
	})
}

type supplyReports struct {
	Items []supplies.Sent `json:"items"`
}

func (d door) listSupplyReports(ctx context.Context, in *Conditional) (*plain[supplyReports], error) {
	return current(ctx, d, *in, "supplies", func(tx *portal.Tx) (l supplyReports, err error) {
		l.Items, err = supplies.Reports(ctx, tx)
		return l, err
	})
}

type reportSupplyInput struct {
	Keyed
	Body supplies.Report
}

func (d door) reportSupply(ctx context.Context, in *reportSupplyInput) (*done[supplies.Accounted], error) {
	return command(ctx, d, portal.StockReport, in.Keyed, "report supply", in.Body, nil, func(tx *portal.Tx) (supplies.Accounted, error) { return supplies.Make(ctx, tx, in.Body) })
}

type listSuppliesAcrossInput struct {
	Partner string `query:"partner" doc:"A supplier's account number" minLength:"1" maxLength:"100"`
	Q       string `query:"q" doc:"The beginning of a product's number, in any case" minLength:"1" maxLength:"100"`
	Product string `query:"product" doc:"One product's number" minLength:"1" maxLength:"100"`
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor  string `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"1000"`
}

func (in listSuppliesAcrossInput) filter() supplies.Filter {
	return supplies.Filter{Partner: in.Partner, Text: in.Q, Product: in.Product, Limit: in.Limit, Cursor: in.Cursor}
}

// A told answer is one to the host's staff, across partners. It is kept nowhere.
type told[T any] struct {
	CacheControl string `header:"Cache-Control"`
	Body         T
}

// ofAll reads for the host's staff, across partners.
func ofAll[T any](ctx context.Context, d door, need portal.Permission, load func(tx *portal.Tx) (T, error)) (*told[T], error) {
	a := &told[T]{CacheControl: "private, no-store"}
	by := callerOf(ctx)
	err := d.db.AcrossPartners(ctx, by, need, func(tx *portal.Tx) (err error) {
		a.Body, err = load(tx)
		return err
	})
	if err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	return a, nil
}

func (d door) listStocksAcross(ctx context.Context, in *listSuppliesAcrossInput) (*told[stockList], error) {
	return ofAll(ctx, d, portal.PurchasesRead, func(tx *portal.Tx) (l stockList, err error) {
		l.Items, l.Next, err = supplies.StocksAcross(ctx, tx, in.filter())
		return l, err
	})
}

func (d door) listCapacitiesAcross(ctx context.Context, in *listSuppliesAcrossInput) (*told[capacityList], error) {
	return ofAll(ctx, d, portal.PurchasesRead, func(tx *portal.Tx) (l capacityList, err error) {
		l.Items, l.Next, err = supplies.CapacitiesAcross(ctx, tx, in.filter())
		return l, err
	})
}

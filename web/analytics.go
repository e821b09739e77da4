package web

import (
	"context"
	"errors"

	"extranet/portal"
	"extranet/portal/analytics"
	"extranet/portal/orders"
)

var areaNames = map[string]Words{
	"catalog": "Catalog", "orders": "Orders", "claims": "Claims", "account": "Account", "forecasts": "Forecasts", "purchasing": "Purchase orders", "shipments": "Shipments and receipts",
	"billing": "Own invoices to the host", "supplies": "Stock and capacity", "scorecard": "Scorecard", "changes": "Engineering changes", "people": "People and access", "log": "Log", "company": "Company",
}

var segmentNames = map[string]Words{"dealer": "Dealers", "supplier": "Suppliers"}

var deskNames = map[string]Words{
	"claims": "Claims", "purchase_answers": "Answers to purchase orders", "objections": "Objections to rejections", "changes": "Changes that partners give notice of", "access_requests": "Requests for access",
}

// An analyticsView is what /analytics shows.
type analyticsView struct {
	analytics.Report
	address Address
	fresh   Freshness // of the orders that the volume is made of
	fault   *portal.Error
}

func (w *Web) showAnalytics(ctx context.Context, r request) (reply, error) {
	p, _, a := periodOf(r.query, "/analytics")
	v := analyticsView{address: a}
	r.shell.Title = "Analytics"
	err := w.db.AcrossPartners(ctx, r.by, portal.FiguresRead, func(tx *portal.Tx) (err error) { v.Report, err = analytics.Read(ctx, tx, p); return err })
	if errors.As(err, &v.fault) && v.fault.Kind == portal.Invalid {
		v.From, v.To = p.From, p.To
		r.shell.Error = faulty(ctx, v.fault)
		return reply{status: statuses[portal.Invalid], page: AnalyticsPage(r.shell, v)}, nil
	}
	v.fault = nil
	if err != nil {
		return reply{}, err
	}
	v.fresh, err = w.fresh(ctx, orders.Mirror.Entity)
	return reply{page: AnalyticsPage(r.shell, v)}, err
}

// file is the address of a figure as a file, over the same period.
func (v analyticsView) file(figure, kind string) string {
	a := v.address
	a.Path = "/analytics/" + figure + "/export." + kind
	return a.With()
}

func (w *Web) exportAnalytics(kind string) handler {
	return func(ctx context.Context, r request) (reply, error) {
		figure := r.param("figure")
		header := analytics.Exports[figure]
		if header == nil {
			return reply{}, portal.Errorf(portal.NotFound, "there is no such figure")
		}
		p, _, _ := periodOf(r.query, "")
		f, err := w.fresh(ctx, orders.Mirror.Entity)
		if err != nil {
			return reply{}, err
		}
		about := []fact{{"Reckoned", T(ctx, Words(analytics.Definitions[figure]))}, {"From", string(p.From)}, {"To", string(p.To)}}
		return w.sheetAcross(ctx, r, portal.FiguresRead, sheetFile{name: "analytics-" + figure, title: "Analytics", kind: kind, header: asWords(header), fresh: f, about: about}, func(tx *portal.Tx, row func(...any) error) error {
			return analytics.Export(ctx, tx, figure, p, row)
		})
	}
}

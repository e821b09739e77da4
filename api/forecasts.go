package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/forecasts"
)

// forecastsAtMost bounds the body of a commitment: 10,000 cells and more.
const forecastsAtMost = 8 << 20

func (d door) forecasts(h huma.API) {
	h.OpenAPI().Tags = append(h.OpenAPI().Tags, &huma.Tag{Name: "Forecasts", Description: "What the host expects to need of a supplier, and what the supplier commits to."})
	huma.Register(h, operation("get-forecast", http.MethodGet, "/forecasts", "Forecasts", "See the forecast",
		"The current version item by item, with the two before it, what changed, what was committed, and how binding each bucket is today. Lists of an item are over its `starts_on`."), d.getForecast)
	huma.Register(h, operation("get-forecast-item", http.MethodGet, "/forecasts/item", "Forecasts", "See an item's ledger",
		"One item: what every version said of it, what became of it, what is authorised to be made and bought, and what cuts cost. Host and supplier see the same numbers."), d.getForecastItem)
	huma.Register(h, operation("list-forecast-exceptions", http.MethodGet, "/forecasts/exceptions", "Forecasts", "List exceptions",
		"What needs somebody's eye: short, over, late, changed inside the firm zone, dropped. The heaviest first."), d.listExceptions)
	huma.Register(h, operation("get-forecast-ledger", http.MethodGet, "/forecasts/ledger", "Forecasts", "See the ledger",
		"Churn in the firm zone, forecast error and bias by horizon, reliability of commitments, cumulative authorisations and liability, of all items and the latest 26 versions."), d.getLedger)
	op := deed("commit-forecast", http.MethodPost, "/forecasts/commitments", "Forecasts", "Commit to a forecast",
		"Each cell stands for itself: the report accounts for every one. Where a newer version asks for something else than the one you answer, the cell is a conflict and nothing is written over.", false)
	op.MaxBodyBytes = forecastsAtMost
	huma.Register(h, op, d.commitForecast)
	huma.Register(h, operation("list-plans", http.MethodGet, "/plans", "Forecasts", "List suppliers' answers",
		"For the host's planners: where each supplier's answer to its current version stands, those with the most that is short first."), d.listPlans)
	huma.Register(h, operation("list-plan-exceptions", http.MethodGet, "/plans/{partner}/exceptions", "Forecasts", "List a supplier's exceptions", "For the host's planners: as the supplier sees them."), d.listPlanExceptions)
	huma.Register(h, operation("get-plan-ledger", http.MethodGet, "/plans/{partner}/ledger", "Forecasts", "See a supplier's ledger", "For the host's planners: the numbers that the supplier sees."), d.getPlanLedger)
}

var forecastEntities = []string{"forecasts", "demand_history", "supplier_inventory"}

type getForecastInput struct {
	Conditional
	Q        string `query:"q" doc:"The beginning of a product's number" minLength:"1" maxLength:"100"`
	Location string `query:"location" minLength:"1" maxLength:"100"`
	Limit    int    `query:"limit" minimum:"1" maximum:"2000" default:"50"`
	Cursor   string `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"2000"`
	History  int    `query:"history" doc:"How many buckets that are over are shown" minimum:"0" maximum:"120" default:"6"`
}

// hour begins the keys of reads that depend on the day it is somewhere.
func (d door) hour() string { return d.db.Now().UTC().Format("2006010215") }

func (d door) getForecast(ctx context.Context, in *getForecastInput) (*answer[forecasts.Grid], error) {
	f := forecasts.Filter{Text: in.Q, Location: in.Location, Limit: in.Limit, Cursor: in.Cursor, History: in.History}
	return read[forecasts.Grid](ctx, d, "forecasts", "grid"+d.hour()+f.Key(), in.Conditional, forecastEntities,
		encodedAs(func(tx *portal.Tx) (forecasts.Grid, error) { return forecasts.Show(ctx, tx, f) }))
}

type getForecastItemInput struct {
	Conditional
	Product  string `query:"product" required:"true" minLength:"1" maxLength:"500"`
	Location string `query:"location" required:"true" minLength:"1" maxLength:"500"`
}

func (d door) getForecastItem(ctx context.Context, in *getForecastItemInput) (*answer[forecasts.Sheet], error) {
	key, err := json.Marshal([]string{in.Product, in.Location})
	if err != nil {
		return nil, problemOf(err)
	}
	return read[forecasts.Sheet](ctx, d, "forecasts", "item"+d.hour()+string(key), in.Conditional, forecastEntities,
		encodedAs(func(tx *portal.Tx) (forecasts.Sheet, error) {
			return forecasts.Look(ctx, tx, in.Product, in.Location)
		}))
}

type listExceptionsInput struct {
	Conditional
	Kind []string `query:"kind,explode" doc:"Any of these; may be repeated" enum:"short,over,late,changed,dropped" maxItems:"5"`
}

func (d door) listExceptions(ctx context.Context, in *listExceptionsInput) (*answer[forecasts.Exceptions], error) {
	return read[forecasts.Exceptions](ctx, d, "forecasts", "exceptions"+d.hour()+strings.Join(in.Kind, ","), in.Conditional, forecastEntities,
		encodedAs(func(tx *portal.Tx) (forecasts.Exceptions, error) { return forecasts.Watch(ctx, tx, in.Kind) }))
}

func (d door) getLedger(ctx context.Context, in *Conditional) (*answer[forecasts.Balances], error) {
	return read[forecasts.Balances](ctx, d, "forecasts", "ledger"+d.hour(), *in, forecastEntities,
		encodedAs(func(tx *portal.Tx) (forecasts.Balances, error) { return forecasts.Account(ctx, tx) }))
}

type commitForecastInput struct {
	Keyed
	Body struct {
		Version string           `json:"version" doc:"The version that is answered" minLength:"1" maxLength:"500"`
		Cells   []forecasts.Cell `json:"cells" minItems:"1" maxItems:"50000"`
	}
}

func (d door) commitForecast(ctx context.Context, in *commitForecastInput) (*done[forecasts.Report], error) {
	return command(ctx, d, portal.ForecastsCommit, in.Keyed, "commit-forecast", in.Body, nil, func(tx *portal.Tx) (forecasts.Report, error) {
		return forecasts.Commit(ctx, tx, forecasts.Commitment{Version: in.Body.Version, Cells: in.Body.Cells, How: "api"})
	})
}

// A told answer is one to the host's staff, across partners. It is kept nowhere.
type told[T any] struct {
	CacheControl string `header:"Cache-Control"`
	Body         T
}

// ofPlans reads for the host's planners.
func ofPlans[T any](ctx context.Context, d door, load func(tx *portal.Tx) (T, error)) (*told[T], error) {
	return ofAll(ctx, d, portal.PlansManage, load)
}

type standings struct {
	Items []forecasts.Standing `json:"items" doc:"At most 2,000"`
}

func (d door) listPlans(ctx context.Context, _ *struct{}) (*told[standings], error) {
	return ofPlans(ctx, d, func(tx *portal.Tx) (s standings, err error) {
		s.Items, err = forecasts.Standings(ctx, tx)
		return s, err
	})
}

type planInput struct {
	Partner string `path:"partner" doc:"The supplier's account number" maxLength:"100"`
}

type listPlanExceptionsInput struct {
	Partner string   `path:"partner" doc:"The supplier's account number" maxLength:"100"`
	Kind    []string `query:"kind,explode" doc:"Any of these; may be repeated" enum:"short,over,late,changed,dropped" maxItems:"5"`
}

func (d door) listPlanExceptions(ctx context.Context, in *listPlanExceptionsInput) (*told[forecasts.Exceptions], error) {
	return ofPlans(ctx, d, func(tx *portal.Tx) (e forecasts.Exceptions, err error) {
		s, err := forecasts.SupplierOf(ctx, tx, in.Partner)
		if err != nil {
			return e, err
		}
		return forecasts.WatchOf(ctx, tx, s.ID, in.Kind)
	})
}

func (d door) getPlanLedger(ctx context.Context, in *planInput) (*told[forecasts.Balances], error) {
	return ofPlans(ctx, d, func(tx *portal.Tx) (b forecasts.Balances, err error) {
		s, err := forecasts.SupplierOf(ctx, tx, in.Partner)
		if err != nil {
			return b, err
		}
		return forecasts.AccountOf(ctx, tx, s.ID)
	})
}

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
	huma.Register(h, operation("get-commit-rule", http.MethodGet, "/forecasts/rule", "Forecasts", "See the commit rule", "What the portal commits by itself for the partner when a version is published."), d.getRule)
	huma.Register(h, deed("set-commit-rule", http.MethodPut, "/forecasts/rule", "Forecasts", "Set the commit rule", "It holds from the next version on.", false), d.setRule)
}

var forecastEntities = []string{"forecasts", "demand_history", "supplier_inventory"}

// GetForecastInput narrows a grid.
type GetForecastInput struct {
	Conditional
	Q        string `query:"q" doc:"The beginning of a product's number" minLength:"1" maxLength:"100"`
	Location string `query:"location" minLength:"1" maxLength:"100"`
	Limit    int    `query:"limit" minimum:"1" maximum:"2000" default:"50"`
	Cursor   string `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"2000"`
	History  int    `query:"history" doc:"How many buckets that are over are shown" minimum:"0" maximum:"120" default:"6"`
}

func (in GetForecastInput) filter() forecasts.Filter {
	return forecasts.Filter{Text: in.Q, Location: in.Location, Limit: in.Limit, Cursor: in.Cursor, History: in.History}
}

// hour begins the keys of reads that depend on the day it is somewhere.
func (d door) hour() string { return d.db.Now().UTC().Format("2006010215") }

func (d door) getForecast(ctx context.Context, in *GetForecastInput) (*answer[forecasts.Grid], error) {
	f := in.filter()
	return read[forecasts.Grid](ctx, d, "forecasts", "grid"+d.hour()+f.Key(), in.Conditional, forecastEntities,
		encodedAs(func(tx *portal.Tx) (forecasts.Grid, error) { return forecasts.Show(ctx, tx, f) }))
}

// GetForecastItemInput names an item.
type GetForecastItemInput struct {
	Conditional
	Product  string `query:"product" required:"true" minLength:"1" maxLength:"500"`
	Location string `query:"location" required:"true" minLength:"1" maxLength:"500"`
}

func (d door) getForecastItem(ctx context.Context, in *GetForecastItemInput) (*answer[forecasts.Sheet], error) {
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

type commitRule struct {
	Rule string `json:"rule" doc:"none; unchanged: what is asked for as before; tolerance: what the last commitment meets within the tolerance; all: everything as it is asked for" enum:"none,unchanged,tolerance,all"`
}

func (d door) getRule(ctx context.Context, in *Conditional) (*plain[commitRule], error) {
	return own(ctx, d, *in, "forecasts/rule", func(tx *portal.Tx) (r commitRule, err error) {
		if err := tx.Need(portal.ForecastsRead); err != nil {
			return r, err
		}
		r.Rule, err = forecasts.RuleOf(ctx, tx, tx.By.PartnerID)
		return r, err
	})
}

type setRuleInput struct {
	Keyed
	Body commitRule
}

func (d door) setRule(ctx context.Context, in *setRuleInput) (*done[commitRule], error) {
	return command(ctx, d, portal.ForecastsCommit, in.Keyed, "set-commit-rule", in.Body, nil, func(tx *portal.Tx) (commitRule, error) {
		return in.Body, forecasts.SetRule(ctx, tx, in.Body.Rule)
	})
}

package api

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/forecasts"
)

func (d door) plans(h huma.API) {
	huma.Register(h, operation("list-plans", http.MethodGet, "/plans", "Forecasts", "List suppliers' answers",
		"For the host's planners: where each supplier's answer to its current version stands, those with the most that is short first."), d.listPlans)
	huma.Register(h, operation("list-plan-exceptions", http.MethodGet, "/plans/{partner}/exceptions", "Forecasts", "List a supplier's exceptions", "For the host's planners: as the supplier sees them."), d.listPlanExceptions)
	huma.Register(h, operation("get-plan-ledger", http.MethodGet, "/plans/{partner}/ledger", "Forecasts", "See a supplier's ledger", "For the host's planners: the numbers that the supplier sees."), d.getPlanLedger)
	huma.Register(h, operation("get-plan-forecast", http.MethodGet, "/plans/{partner}/forecast", "Forecasts", "See a supplier's forecast", "For the host's planners: the grid that the supplier sees."), d.getPlanForecast)
	huma.Register(h, operation("get-plan-item", http.MethodGet, "/plans/{partner}/item", "Forecasts", "See an item's ledger at a supplier", "For the host's planners: what the supplier sees of it."), d.getPlanItem)
	huma.Register(h, operation("get-plan-terms", http.MethodGet, "/plans/{partner}/terms", "Forecasts", "See the terms with a supplier", "For the host's planners: zones, due time, tolerance, shares, calendar. Where nothing was agreed, the usual ones."), d.getTerms)
	huma.Register(h, deed("set-plan-terms", http.MethodPut, "/plans/{partner}/terms", "Forecasts", "Agree terms with a supplier", "For the host's planners. They hold from now on; versions that were published before keep theirs.", false), d.setTerms)
}

// ofPartners answers the host's staff, who hold need, about partners' mirrored documents: as they are now, and how fresh that is.
func ofPartners[T any](ctx context.Context, d door, need portal.Permission, c Conditional, entities []string, load func(tx *portal.Tx) (T, error)) (*answer[T], error) {
	by := callerOf(ctx)
	var k kept
	err := d.db.AcrossPartners(ctx, by, need, func(tx *portal.Tx) error {
		v, err := load(tx)
		if err != nil {
			return err
		}
		k.body, err = json.Marshal(v)
		return err
	})
	if err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	h := fnv.New64a()
	h.Write(k.body)
	k.hash = strconv.AppendUint(nil, h.Sum64(), 36)
	return answered[T](ctx, d, k, c, entities)
}

// ofSupplier is ofPartners about one supplier's forecast.
func ofSupplier[T any](ctx context.Context, d door, number string, c Conditional, load func(tx *portal.Tx, s forecasts.Supplier) (T, error)) (*answer[T], error) {
	return ofPartners(ctx, d, portal.PlansManage, c, forecastEntities, func(tx *portal.Tx) (v T, err error) {
		s, err := forecasts.SupplierOf(ctx, tx, number)
		if err != nil {
			return v, err
		}
		return load(tx, s)
	})
}

type standings struct {
	Items []forecasts.Standing `json:"items" doc:"At most 2,000"`
}

func (d door) listPlans(ctx context.Context, in *Conditional) (*answer[standings], error) {
	return ofPartners(ctx, d, portal.PlansManage, *in, forecastEntities, func(tx *portal.Tx) (s standings, err error) {
		s.Items, err = forecasts.Standings(ctx, tx)
		return s, err
	})
}

// PlanOf names a supplier.
type PlanOf struct {
	Conditional
	Partner string `path:"partner" doc:"The supplier's account number" maxLength:"100"`
}

type listPlanExceptionsInput struct {
	PlanOf
	Kind []string `query:"kind,explode" doc:"Any of these; may be repeated" enum:"short,over,late,changed,dropped" maxItems:"5"`
}

func (d door) listPlanExceptions(ctx context.Context, in *listPlanExceptionsInput) (*answer[forecasts.Exceptions], error) {
	return ofSupplier(ctx, d, in.Partner, in.Conditional, func(tx *portal.Tx, s forecasts.Supplier) (forecasts.Exceptions, error) {
		return forecasts.WatchOf(ctx, tx, s.ID, in.Kind)
	})
}

func (d door) getPlanLedger(ctx context.Context, in *PlanOf) (*answer[forecasts.Balances], error) {
	return ofSupplier(ctx, d, in.Partner, in.Conditional, func(tx *portal.Tx, s forecasts.Supplier) (forecasts.Balances, error) {
		return forecasts.AccountOf(ctx, tx, s.ID)
	})
}

type getPlanForecastInput struct {
	GetForecastInput
	Partner string `path:"partner" doc:"The supplier's account number" maxLength:"100"`
}

func (d door) getPlanForecast(ctx context.Context, in *getPlanForecastInput) (*answer[forecasts.Grid], error) {
	return ofSupplier(ctx, d, in.Partner, in.Conditional, func(tx *portal.Tx, s forecasts.Supplier) (forecasts.Grid, error) {
		return forecasts.ShowOf(ctx, tx, s.ID, in.filter())
	})
}

type getPlanItemInput struct {
	GetForecastItemInput
	Partner string `path:"partner" doc:"The supplier's account number" maxLength:"100"`
}

func (d door) getPlanItem(ctx context.Context, in *getPlanItemInput) (*answer[forecasts.Sheet], error) {
	return ofSupplier(ctx, d, in.Partner, in.Conditional, func(tx *portal.Tx, s forecasts.Supplier) (forecasts.Sheet, error) {
		return forecasts.LookOf(ctx, tx, s.ID, in.Product, in.Location)
	})
}

func (d door) getTerms(ctx context.Context, in *PlanOf) (*plain[forecasts.Terms], error) {
	return forHost(ctx, d, portal.PlansManage, in.Conditional, func(tx *portal.Tx) (t forecasts.Terms, err error) {
		s, err := forecasts.SupplierOf(ctx, tx, in.Partner)
		if err != nil {
			return t, err
		}
		return forecasts.TermsOf(ctx, tx, s.ID, tx.Now)
	})
}

type setTermsInput struct {
	Keyed
	Partner string `path:"partner" doc:"The supplier's account number" maxLength:"100"`
	Body    struct {
		FirmDays     int           `json:"firm_days" doc:"A bucket that begins before this many days from now is firm" minimum:"0" maximum:"730"`
		TradeOffDays int           `json:"tradeoff_days" doc:"How many days follow in which material may be bought" minimum:"0" maximum:"730"`
		CommitDays   int           `json:"commit_days" doc:"Days after publication in which an answer is due" minimum:"0" maximum:"90"`
		Tolerance    portal.Amount `json:"tolerance" doc:"Per cent of the forecast by which a commitment may differ without being an exception" minLength:"1" maxLength:"20"`
		MakeShare    portal.Amount `json:"make_share" doc:"Per cent of the price that the host pays for what was authorised to be made and is no longer wanted" minLength:"1" maxLength:"20"`
		BuyShare     portal.Amount `json:"buy_share" doc:"Per cent of the price that the host pays for material that is no longer wanted" minLength:"1" maxLength:"20"`
		TimeZone     string        `json:"time_zone" doc:"IANA name of the zone in which days begin" minLength:"1" maxLength:"60"`
		Calendar     string        `json:"calendar" doc:"How weeks are numbered" enum:"iso,4-4-5,4-5-4,5-4-4"`
		YearBegins   string        `json:"year_begins" doc:"For fiscal calendars: the year begins on the Monday nearest to this day, as MM-DD" pattern:"^[01][0-9]-[0-3][0-9]$" maxLength:"5"`
	}
}

func (d door) setTerms(ctx context.Context, in *setTermsInput) (*done[forecasts.Terms], error) {
	do := func(by portal.Caller, g func(tx *portal.Tx) error) error {
		return d.db.AcrossPartners(ctx, by, portal.PlansManage, g)
	}
	return commandIn(ctx, d, portal.PlansManage, in.Keyed, "set-plan-terms "+in.Partner, in.Body, nil, do, func(tx *portal.Tx) (t forecasts.Terms, err error) {
		s, err := forecasts.SupplierOf(ctx, tx, in.Partner)
		if err != nil {
			return t, err
		}
		b := in.Body
		t = forecasts.Terms{FirmDays: b.FirmDays, TradeOffDays: b.TradeOffDays, CommitDays: b.CommitDays, Tolerance: b.Tolerance, MakeShare: b.MakeShare, BuyShare: b.BuyShare, TimeZone: b.TimeZone, Calendar: b.Calendar, YearBegins: b.YearBegins}
		if err := forecasts.SetTerms(ctx, tx, s.ID, t); err != nil {
			return t, err
		}
		t.Since, t.SetBy = tx.Now, tx.By.Name
		return t, nil
	})
}

package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/scorecard"
)

func (d door) scorecard(h huma.API) {
	const about = "On time in full, acknowledgement time, rejects and commit reliability over a period; `definition` of each figure says how it is reckoned."
	huma.Register(h, operation("get-scorecard", http.MethodGet, "/scorecard", "Scorecard", "Read the own scorecard", about), d.getScorecard)
	huma.Register(h, operation("open-scorecard-figure", http.MethodGet, "/scorecard/{figure}", "Scorecard", "Open a figure", "The lines that it is reckoned from, the newest 500."), d.openFigure)
	huma.Register(h, operation("list-scorecards", http.MethodGet, "/buying/scorecards", desk, "List suppliers' scorecards", "Of all suppliers with something to reckon in the period, by name. The same numbers as the supplier sees."), d.listScorecards)
	huma.Register(h, operation("get-suppliers-scorecard", http.MethodGet, "/buying/scorecards/{partner}", desk, "Read a supplier's scorecard", about), d.getScorecardOf)
	huma.Register(h, operation("open-suppliers-figure", http.MethodGet, "/buying/scorecards/{partner}/{figure}", desk, "Open a supplier's figure", "The lines that it is reckoned from, the newest 500."), d.openFigureOf)
}

type scorePeriod struct {
	From string `query:"from" doc:"The first day; 89 days before the last where it is left out" format:"date" maxLength:"10"`
	To   string `query:"to" doc:"The last day; today where it is left out" format:"date" maxLength:"10"`
}

func (in scorePeriod) period() portal.Period {
	return portal.Period{From: portal.Date(in.From), To: portal.Date(in.To)}
}

type getScorecardInput struct {
	Conditional
	scorePeriod
}

func (d door) getScorecard(ctx context.Context, in *getScorecardInput) (*plain[scorecard.Card], error) {
	return current(ctx, d, in.Conditional, "scorecard", func(tx *portal.Tx) (scorecard.Card, error) { return scorecard.Own(ctx, tx, in.period()) })
}

type openFigureInput struct {
	Conditional
	scorePeriod
	Figure string `path:"figure" doc:"asked, promised, answers, rejects or commits" maxLength:"20"`
	Missed bool   `query:"missed" doc:"true: only lines that miss"`
}

func (d door) openFigure(ctx context.Context, in *openFigureInput) (*plain[scorecard.Opened], error) {
	return current(ctx, d, in.Conditional, "scorecard", func(tx *portal.Tx) (scorecard.Opened, error) {
		return scorecard.Open(ctx, tx, in.Figure, in.period(), in.Missed)
	})
}

type scorecards struct {
	Items []scorecard.Card `json:"items"`
}

func (d door) listScorecards(ctx context.Context, in *scorePeriod) (*told[scorecards], error) {
	return ofAll(ctx, d, portal.PurchasesRead, func(tx *portal.Tx) (l scorecards, err error) {
		l.Items, err = scorecard.OfAll(ctx, tx, in.period())
		return l, err
	})
}

type getScorecardOfInput struct {
	scorePeriod
	Partner string `path:"partner" doc:"The supplier's account number" maxLength:"100"`
}

func (d door) getScorecardOf(ctx context.Context, in *getScorecardOfInput) (*told[scorecard.Card], error) {
	return ofAll(ctx, d, portal.PurchasesRead, func(tx *portal.Tx) (scorecard.Card, error) {
		return scorecard.OfSupplier(ctx, tx, in.Partner, in.period())
	})
}

type openFigureOfInput struct {
	scorePeriod
	Partner string `path:"partner" doc:"The supplier's account number" maxLength:"100"`
	Figure  string `path:"figure" doc:"asked, promised, answers, rejects or commits" maxLength:"20"`
	Missed  bool   `query:"missed" doc:"true: only lines that miss"`
}

func (d door) openFigureOf(ctx context.Context, in *openFigureOfInput) (*told[scorecard.Opened], error) {
	return ofAll(ctx, d, portal.PurchasesRead, func(tx *portal.Tx) (scorecard.Opened, error) {
		return scorecard.OpenOf(ctx, tx, in.Partner, in.Figure, in.period(), in.Missed)
	})
}

package web

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"extranet/portal"
	"extranet/portal/purchasing"
	"extranet/portal/scorecard"
)

var figureNames = map[string]Words{
	scorecard.Asked: "On time in full, as asked", scorecard.Promised: "On time in full, as promised", scorecard.Answers: "Answered in time", scorecard.Rejects: "Rejected, PPM", scorecard.Commits: "Commitments kept",
}

// A scoreView is what the pages of the scorecard show: one card, all of them, or one figure opened.
type scoreView struct {
	scorecard.Opened
	cards   []scorecard.Card
	base    string // the address of the card
	address Address
	order   func(number string) string
	missed  bool
	host    bool
	fresh   Freshness
	fault   *portal.Error
}

// periodOf is the period that was asked for, whether only what misses is, and the address of it.
func periodOf(q url.Values, path string) (p portal.Period, missed bool, a Address) {
	kept := url.Values{}
	for _, name := range []string{"from", "to", "missed"} {
		if v := strings.TrimSpace(q.Get(name)); v != "" {
			kept.Set(name, v)
		}
	}
	return portal.Period{From: portal.Date(kept.Get("from")), To: portal.Date(kept.Get("to"))}, kept.Get("missed") != "", Address{Path: path, Query: kept}
}

// at is the address of a figure, or of its lines as a file, over the same period.
func (v scoreView) at(path string) string {
	q := url.Values{}
	for _, name := range []string{"from", "to"} {
		if s := v.address.Query.Get(name); s != "" {
			q.Set(name, s)
		}
	}
	return Address{Path: path, Query: q}.With()
}

// score says a figure, and what it is made of.
func score(ctx context.Context, figure string, s scorecard.Score) (value, note string) {
	if s.Value == "" {
		return "–", T(ctx, "nothing to reckon in this period")
	}
	switch figure {
	case scorecard.Rejects:
		return Quantity(ctx, s.Value.Number(), ""), T(ctx, "%s of %s received", s.Got, s.Of)
	case scorecard.Commits:
		return share(ctx, s.Value), T(ctx, "%s of %s committed", s.Got, s.Of)
	case scorecard.Answers:
		note = T(ctx, "%d of %d versions", s.Good, s.Lines)
		if s.Got != "" {
			note += "; " + T(ctx, "%s hours on average", s.Got)
		}
		return share(ctx, s.Value), note
	}
	return share(ctx, s.Value), T(ctx, "%d of %d deliveries", s.Good, s.Lines)
}

func share(ctx context.Context, a portal.Amount) string { return Quantity(ctx, a.Number(), "%") }

func (w *Web) scoreReply(ctx context.Context, r request, v scoreView, title Words, err error) (reply, error) {
	r.shell.Title = title
	if errors.As(err, &v.fault) && v.fault.Kind == portal.Invalid {
		r.shell.Error = &ShownError{Status: statuses[portal.Invalid], Msg: sayError(ctx, v.fault), Fields: v.fault.Fields}
		return reply{status: statuses[portal.Invalid], page: ScorecardPage(r.shell, v)}, nil
	}
	v.fault = nil
	if err != nil {
		return reply{}, err
	}
	v.fresh, err = w.fresh(ctx, purchasing.Lines.Entity, purchasing.Schedules.Entity, purchasing.Received.Entity)
	return reply{page: ScorecardPage(r.shell, v)}, err
}

func (w *Web) showScorecard(ctx context.Context, r request) (reply, error) {
	p, _, a := periodOf(r.query, "/scorecard")
	v := scoreView{base: "/scorecard", address: a}
	err := w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) { v.Card, err = scorecard.Own(ctx, tx, p); return err })
	return w.scoreReply(ctx, r, v, "Scorecard", err)
}

func (w *Web) openScorecard(ctx context.Context, r request) (reply, error) {
	figure := r.param("figure")
	p, missed, a := periodOf(r.query, "/scorecard/"+url.PathEscape(figure))
	v := scoreView{base: "/scorecard", address: a, missed: missed, order: purchasePath}
	err := w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) {
		v.Opened, err = scorecard.Open(ctx, tx, figure, p, missed)
		return err
	})
	return w.scoreReply(ctx, r, v, "Scorecard", err)
}

var scoreHeader = []Words{"Order", "Line", "Product", "Day", "Wanted", "Got", "Good", "What"}

func (w *Web) exportScorecard(kind string) handler {
	return func(ctx context.Context, r request) (reply, error) {
		figure := r.param("figure")
		p, missed, _ := periodOf(r.query, "")
		if err := r.by.Need(portal.PurchasingRead); err != nil {
			return reply{}, err
		}
		f, err := w.fresh(ctx, purchasing.Lines.Entity, purchasing.Schedules.Entity, purchasing.Received.Entity)
		if err != nil {
			return reply{}, err
		}
		about := []fact{{"Figure", T(ctx, figureNames[figure])}, {"Reckoned", T(ctx, Words(scorecard.Definitions[figure]))}, {"From", string(p.From)}, {"To", string(p.To)}}
		return w.sheet(ctx, r, sheetFile{name: "scorecard-" + plain(figure), title: "Scorecard", kind: kind, header: scoreHeader, fresh: f, about: about}, func(tx *portal.Tx, row func(...any) error) error {
			return scorecard.Export(ctx, tx, figure, p, missed, kind, func(l scorecard.Line) error {
				return row(l.Order, strconv.FormatInt(l.Line, 10), l.Product, l.Day, l.Wanted, l.Got, strconv.FormatBool(l.Good), l.What)
			})
		})
	}
}

func (w *Web) listScorecards(ctx context.Context, r request) (reply, error) {
	p, _, a := periodOf(r.query, "/buying/scorecards")
	v := scoreView{base: "/buying/scorecards", address: a, host: true}
	err := w.db.AcrossPartners(ctx, r.by, portal.PurchasesRead, func(tx *portal.Tx) (err error) {
		if err := scorecard.Check(tx, &p); err != nil {
			return err
		}
		v.From, v.To = p.From, p.To
		v.cards, err = scorecard.OfAll(ctx, tx, p)
		return err
	})
	return w.scoreReply(ctx, r, v, "Suppliers' scorecards", err)
}

func (w *Web) showScorecardOf(ctx context.Context, r request) (reply, error) {
	partner := r.param("partner")
	base := "/buying/scorecards/" + url.PathEscape(partner)
	p, _, a := periodOf(r.query, base)
	v := scoreView{base: base, address: a, host: true}
	err := w.db.AcrossPartners(ctx, r.by, portal.PurchasesRead, func(tx *portal.Tx) (err error) { v.Card, err = scorecard.OfSupplier(ctx, tx, partner, p); return err })
	return w.scoreReply(ctx, r, v, "Scorecard", err)
}

func (w *Web) openScorecardOf(ctx context.Context, r request) (reply, error) {
	partner, figure := r.param("partner"), r.param("figure")
	base := "/buying/scorecards/" + url.PathEscape(partner)
	p, missed, a := periodOf(r.query, base+"/"+url.PathEscape(figure))
	v := scoreView{base: base, address: a, missed: missed, host: true, order: func(number string) string { return buyingPath("orders", partner, number) }}
	err := w.db.AcrossPartners(ctx, r.by, portal.PurchasesRead, func(tx *portal.Tx) (err error) {
		v.Opened, err = scorecard.OpenOf(ctx, tx, partner, figure, p, missed)
		return err
	})
	return w.scoreReply(ctx, r, v, "Scorecard", err)
}

func (w *Web) exportScorecards(kind string) handler {
	return func(ctx context.Context, r request) (reply, error) {
		p, _, _ := periodOf(r.query, "")
		header := []Words{"Supplier", "Name", "From", "To", "On time as asked %", "Deliveries", "On time as promised %", "Deliveries", "Answered in time %", "Hours to answer", "Rejected PPM", "Received", "Commitments kept %", "Committed"}
		return w.sheetAcross(ctx, r, portal.PurchasesRead, sheetFile{name: "scorecards", title: "Suppliers' scorecards", kind: kind, header: header, fresh: Freshness{AsOf: w.db.Now(), Offered: true}}, func(tx *portal.Tx, row func(...any) error) error {
			cards, err := scorecard.OfAll(ctx, tx, p)
			if err != nil {
				return err
			}
			for _, c := range cards {
				if err := row(c.Partner, c.PartnerName, c.From, c.To, c.Asked.Value, strconv.Itoa(c.Asked.Lines), c.Promised.Value, strconv.Itoa(c.Promised.Lines), c.Answers.Value, c.Answers.Got, c.Rejects.Value, c.Rejects.Of, c.Commits.Value, c.Commits.Of); err != nil {
					return err
				}
			}
			return tx.Audit(ctx, "scorecard.export", "scorecards", map[string]string{"format": kind})
		})
	}
}

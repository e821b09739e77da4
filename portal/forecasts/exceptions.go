package forecasts

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"extranet/portal"
)

// Troubles are what an exception can be: less or more committed than asked for, no answer when it was due, another quantity in the firm zone,
// an item that the current version no longer has.
var Troubles = []string{"short", "over", "late", "changed", "dropped"}

// An Exception is a bucket, or an item, that somebody should look at.
type Exception struct {
	Kind      string        `json:"kind" enum:"short,over,late,changed,dropped"`
	Product   string        `json:"product"`
	Name      string        `json:"name"`
	Location  string        `json:"location"`
	StartsOn  portal.Date   `json:"starts_on" format:"date" nullable:"true" doc:"The bucket; null where it is the item"`
	Zone      Zone          `json:"zone"`
	Forecast  portal.Amount `json:"forecast"`
	Previous  portal.Amount `json:"previous"`
	Committed portal.Amount `json:"committed"`
	Unit      string        `json:"unit"`
	By        portal.Amount `json:"by" doc:"How much: short, over, changed by, or not answered"`
	Value     portal.Amount `json:"value" doc:"By in money, without sign; 0 where there is no price"`
	Currency  string        `json:"currency"`
	Reason    string        `json:"reason"`

	weight decimal.Decimal
}

// Exceptions of a forecast.
type Exceptions struct {
	Version Version        `json:"version"`
	Today   portal.Date    `json:"today" format:"date"`
	Counts  map[string]int `json:"counts" doc:"Of each kind"`
	Items   []Exception    `json:"items" doc:"The heaviest first, at most 500"`

	Unanswered int   `json:"unanswered" doc:"Items of which nothing was committed to the current version"`
	Of         int   `json:"of" doc:"Items of the current version"`
	Terms      Terms `json:"-"`
}

// exceptionsAtMost bounds a list of them; the counts are whole.
const exceptionsAtMost = 500

// Watch lists what of the caller's own forecast needs somebody's eye; kinds narrows it, none is all.
func Watch(ctx context.Context, tx *portal.Tx, kinds []string) (e Exceptions, err error) {
	if err := tx.Need(portal.ForecastsRead); err != nil {
		return e, err
	}
	return watch(ctx, tx, tx.By.PartnerID, kinds)
}

// WatchOf is Watch of any supplier's, for the host's staff.
func WatchOf(ctx context.Context, tx *portal.Tx, partner int64, kinds []string) (e Exceptions, err error) {
	if err := tx.Need(portal.PlansManage); err != nil {
		return e, err
	}
	return watch(ctx, tx, partner, kinds)
}

func watch(ctx context.Context, tx *portal.Tx, partner int64, kinds []string) (e Exceptions, err error) {
	for _, k := range kinds {
		if !slices.Contains(Troubles, k) {
			return e, &portal.Error{Kind: portal.Invalid, Msg: "there are no such exceptions", Fields: map[string]string{"kind": "choose from " + strings.Join(Troubles, ", ")}}
		}
	}
	g, err := all(ctx, tx, partner)
	if err != nil {
		return e, err
	}
	return Find(g, kinds), nil
}

// Find looks through a grid. It is a pure function.
func Find(g Grid, kinds []string) (e Exceptions) {
	e = Exceptions{Version: g.Current(), Today: g.Today, Counts: map[string]int{}, Items: []Exception{}, Terms: g.Terms}
	for _, k := range Troubles {
		e.Counts[k] = 0
	}
	due := g.Current().DueOn
	tolerance := g.Terms.Tolerance.Number()
	for _, o := range g.Items {
		found := func(kind string, i int, by decimal.Decimal) {
			e.Counts[kind]++
			if len(kinds) > 0 && !slices.Contains(kinds, kind) {
				return
			}
			x := Exception{Kind: kind, Product: o.Product, Name: o.Name, Location: o.Location, Unit: o.Unit, Currency: o.Currency, By: amount(by), weight: by.Abs()}
			if i >= 0 {
				x.StartsOn, x.Zone, x.Forecast, x.Previous, x.Committed, x.Reason = o.StartsOn[i], o.Zone[i], o.Forecast[i], o.Previous[i], o.Committed[i], o.Reason[i]
			}
			if o.Price != "" {
				x.weight = x.weight.Mul(o.Price.Number())
				x.Value = amount(x.weight)
			} else {
				x.Value = "0"
			}
			e.Items = append(e.Items, x)
		}
		if o.Dropped {
			sum := decimal.Zero
			for _, was := range o.Previous {
				sum = sum.Add(was.Number())
			}
			found("dropped", -1, sum)
			continue
		}
		e.Of++
		if !o.Answered {
			e.Unanswered++
		}
		for i, z := range o.Zone {
			if z == Firm && o.Change[i] != "" && o.Change[i] != "0" {
				found("changed", i, o.Change[i].Number())
			}
			if o.Committed[i] == "" && (z == Planning || g.Today <= due) || o.Gap[i] == "0" {
				continue // as it should be: most are
			}
			forecast := o.Forecast[i].Number()
			switch committed := o.Committed[i].Number(); {
			case o.Committed[i] == "":
				if !forecast.IsZero() {
					found("late", i, forecast)
				}
			case isShort(committed, forecast, tolerance):
				found("short", i, forecast.Sub(committed))
			case isOver(committed, forecast, tolerance):
				found("over", i, committed.Sub(forecast))
			}
		}
	}
	slices.SortStableFunc(e.Items, func(a, b Exception) int {
		return cmp.Or(b.weight.Cmp(a.weight), cmp.Compare(a.Product, b.Product), cmp.Compare(a.Location, b.Location), cmp.Compare(a.StartsOn, b.StartsOn))
	})
	e.Items = e.Items[:min(len(e.Items), exceptionsAtMost)]
	return e
}

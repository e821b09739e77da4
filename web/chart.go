package web

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"extranet/portal"
	"extranet/portal/forecasts"
)

// An itemChart is an item drawn: places are the picture's, as text.
type itemChart struct {
	words     string
	zones     []chartZone
	scale     []struct{ y, text string }
	past      []string // earlier versions, oldest first
	band      string   // from the least to the most that any version said
	used, now string
	committed []struct{ x, y string }
	days      []struct{ x, text string }
}

// band is the outline of what the versions said of each bucket, from the least to the most: along the one and back along the other.
func band(drawn []forecasts.Drawn, within func(portal.Date) bool, x func(portal.Date) float64, y func(portal.Amount) float64) string {
	type span struct{ low, high portal.Amount }
	spans := map[portal.Date]span{}
	for _, d := range drawn {
		for i, s := range d.StartsOn {
			q := d.Quantity[i]
			at, known := spans[s]
			if !known {
				at = span{q, q}
			}
			if q.Number().LessThan(at.low.Number()) {
				at.low = q
			}
			if q.Number().GreaterThan(at.high.Number()) {
				at.high = q
			}
			spans[s] = at
		}
	}
	var days []portal.Date
	for d := range spans {
		if within(d) {
			days = append(days, d)
		}
	}
	slices.Sort(days)
	var b strings.Builder
	for _, d := range days {
		fmt.Fprintf(&b, "%.1f,%.1f ", x(d), y(spans[d].high))
	}
	for _, d := range slices.Backward(days) {
		fmt.Fprintf(&b, "%.1f,%.1f ", x(d), y(spans[d].low))
	}
	return strings.TrimSpace(b.String())
}

// drawItem lays out what was used, what the versions said and what is committed, over time.
func drawItem(ctx context.Context, v itemPage) (c itemChart) {
	o := v.item()
	var days []portal.Date
	most := decimal.NewFromInt(1)
	see := func(starts []portal.Date, quantities []portal.Amount) {
		days = append(days, starts...)
		for _, q := range quantities {
			most = decimal.Max(most, q.Number())
		}
	}
	var usedOn []portal.Date
	var used []portal.Amount
	for _, u := range o.History[max(0, len(o.History)-26):] {
		usedOn, used = append(usedOn, u.StartsOn), append(used, u.Quantity)
	}
	see(usedOn, used)
	see(o.StartsOn, o.Forecast)
	see(nil, o.Committed)
	drawn := v.Drawn[max(0, len(v.Drawn)-6):]
	for _, d := range v.Drawn {
		see(nil, d.Quantity)
	}
	if len(days) == 0 {
		return c
	}
	first, last := slices.Min(days).Time(), slices.Max(days).Time()
	span := max(last.Sub(first).Hours(), 1)
	x := func(d portal.Date) float64 { return 55 + 650*d.Time().Sub(first).Hours()/span }
	y := func(q portal.Amount) float64 { return 220 - 205*q.Number().Div(most).InexactFloat64() }
	line := func(starts []portal.Date, quantities []portal.Amount) string {
		var b strings.Builder
		for i, s := range starts {
			if at := s.Time(); quantities[i] != "" && !at.Before(first) && !at.After(last) {
				fmt.Fprintf(&b, "%.1f,%.1f ", x(s), y(quantities[i]))
			}
		}
		return strings.TrimSpace(b.String())
	}
	for _, d := range drawn {
		if d.Version != v.Grid.Current().Version {
			c.past = append(c.past, line(d.StartsOn, d.Quantity))
		}
	}
	c.band = band(v.Drawn, func(d portal.Date) bool { at := d.Time(); return !at.Before(first) && !at.After(last) }, x, y)
	c.used, c.now = line(usedOn, used), line(o.StartsOn, o.Forecast)
	for i, s := range o.StartsOn {
		if o.Committed[i] != "" {
			c.committed = append(c.committed, struct{ x, y string }{fmt.Sprintf("%.1f", x(s)), fmt.Sprintf("%.1f", y(o.Committed[i]))})
		}
	}
	for _, z := range []forecasts.Zone{forecasts.Firm, forecasts.TradeOff} {
		if i := slices.Index(o.Zone, z); i >= 0 {
			j := i
			for j < len(o.Zone) && o.Zone[j] == z {
				j++
			}
			to := x(o.StartsOn[len(o.StartsOn)-1])
			if j < len(o.StartsOn) {
				to = x(o.StartsOn[j])
			}
			c.zones = append(c.zones, chartZone{fmt.Sprintf("%.1f", x(o.StartsOn[i])), fmt.Sprintf("%.1f", max(to-x(o.StartsOn[i]), 1)), z})
		}
	}
	for n := range 3 {
		q := most.Mul(decimal.NewFromInt(int64(n))).Div(decimal.NewFromInt(2)).Round(0)
		c.scale = append(c.scale, struct{ y, text string }{fmt.Sprintf("%.1f", y(portal.Amount(q.String()))), Quantity(ctx, q, "")})
	}
	for n := range 5 {
		at := portal.DateOf(first.Add(time.Duration(n) * (last.Sub(first) / 4)))
		c.days = append(c.days, struct{ x, text string }{fmt.Sprintf("%.1f", 55+650*float64(n)/4*0.97+8), at.Time().Format("Jan 2006")})
	}
	c.words = T(ctx, "Chart of %s: %s used so far, %s forecast, %s committed", o.Product, T(ctx, "%d buckets", len(used)), T(ctx, "%d buckets", len(o.StartsOn)), T(ctx, "%d buckets", len(c.committed)))
	return c
}

// A chartZone is a stretch of the chart's width.
type chartZone struct {
	x, width string
	zone     forecasts.Zone
}

// zoneClass marks what is firm or trade-off; what is neither has no mark.
func zoneClass(z forecasts.Zone) string {
	switch z {
	case forecasts.Firm:
		return "zone-firm"
	case forecasts.TradeOff:
		return "zone-trade-off"
	}
	return ""
}

//go:build sandbox

package main

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"

	"extranet/portal"
	"extranet/portal/forecasts"
	"extranet/portal/supplies"
)

// stockUp lets a supplier report the stock and the capacity that the demo begins with, of what is forecast, unless it has reported already.
func stockUp(ctx context.Context, db *portal.DB, supplier portal.Caller) error {
	err := db.Do(ctx, supplier, func(tx *portal.Tx) error {
		earlier, err := supplies.Reports(ctx, tx)
		if err != nil || len(earlier) > 0 {
			return err
		}
		g, err := forecasts.Show(ctx, tx, forecasts.Filter{Limit: 200})
		if err != nil || len(g.Items) == 0 {
			return err
		}
		var r supplies.Report
		said := map[string]bool{}
		for i, item := range g.Items {
			weeks := min(8, len(item.Forecast))
			if said[item.Product] || weeks == 0 || item.Kind != "week" {
				continue
			}
			said[item.Product] = true
			most := decimal.Zero
			for _, q := range item.Forecast[:weeks] {
				most = decimal.Max(most, q.Number())
			}
			// A third has half a week in stock, a third a whole one, a third one and a half; what can be made in a week is a little more than is asked for at most.
			have := most.Mul(decimal.NewFromInt(int64(1 + i%3))).Div(decimal.NewFromInt(2)).Floor()
			r.Stocks = append(r.Stocks, supplies.Count{Product: item.Product, OnHand: portal.Amount(have.String()), InProcess: portal.Amount(most.Floor().String()), CountedOn: portal.DateOf(tx.Now.AddDate(0, 0, -(i % 5)))})
			able := most.Mul(decimal.RequireFromString("1.15")).Shift(-1).Ceil().Shift(1)
			for w := range weeks {
				r.Capacities = append(r.Capacities, supplies.Week{Product: item.Product, WeekOf: portal.DateOf(tx.Now.AddDate(0, 0, 7*w)), Quantity: portal.Amount(able.String())})
			}
		}
		a, err := supplies.MakeByForm(ctx, tx, r)
		if err == nil && len(a.Refused) > 0 {
			err = fmt.Errorf("line %d is refused: %s", a.Refused[0].Row, a.Refused[0].Why)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("the stock of %s: %w", supplier.PartnerName, err)
	}
	return nil
}

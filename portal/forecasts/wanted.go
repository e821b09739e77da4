package forecasts

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"extranet/portal"
)

// A Want is a bucket that the current version asks for and that is firm or trade-off today.
type Want struct {
	Version, Product, Location, Currency string
	Zone                                 Zone
	StartsOn                             portal.Date
	Until                                portal.Date // the day after its last
	Quantity, Price                      portal.Amount
}

// Wanted gives f every firm and trade-off bucket of the products in the partner's current version, as far as the caller's sites go. Whoever may see
// what the products are asked about may see it.
func Wanted(ctx context.Context, tx *portal.Tx, partner int64, products []string, f func(Want)) error {
	terms, err := TermsOf(ctx, tx, partner, tx.Now)
	if err != nil {
		return err
	}
	versions, err := Versions(ctx, tx, partner, 1)
	if err != nil || len(versions) == 0 {
		return err
	}
	today := terms.Today(tx.Now)
	err = tx.Each(ctx, func(row *sqlx.Rows) error {
		w := Want{Version: versions[0].Version}
		var kind, starts, quantity string
		if err := row.Scan(&w.Product, &w.Location, &kind, &w.Price, &w.Currency, &starts, &quantity); err != nil {
			return err
		}
		days, quantities := split[portal.Date](starts), split[portal.Amount](quantity)
		last := ends(days, kind)
		for i, z := range terms.Zones(days, kind, today) {
			if (z == Firm || z == TradeOff) && !quantities[i].Number().IsZero() {
				w.Zone, w.StartsOn, w.Until, w.Quantity = z, days[i], last[i], quantities[i]
				f(w)
			}
		}
		return nil
	}, `SELECT product, location, kind, price, coalesce(currency, ''), starts_on::text, quantity::text FROM forecasts
		WHERE partner_id = $1 AND version = $2 AND product = ANY($3) AND ($4::text[] IS NULL OR site = ANY($4)) ORDER BY product, location`,
		partner, versions[0].Version, pq.StringArray(products), portal.Limit(tx.By.Sites))
	if err != nil {
		return fmt.Errorf("reading what is wanted: %w", err)
	}
	return nil
}

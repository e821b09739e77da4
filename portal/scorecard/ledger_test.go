package scorecard

import (
	"testing"

	"github.com/shopspring/decimal"

	"extranet/portal"
	"extranet/portal/forecasts"
	"extranet/portal/portaltest"
)

// committed are 40 items of Cord's: what was committed to 12 weeks and what arrived in them, less, as much, more, nothing, or not known yet; one is forecast by months now, one is
// committed to and was never forecast, and Dart has the same items with other numbers.
const committed = `
	INSERT INTO forecasts (partner_id, version, product, location, supplier, published_at, site, kind, price, currency, starts_on, quantity, changed_at)
	SELECT p, 'V' || v, 'T' || i, 'W1', 'x', timestamptz '2025-11-01Z' + v * interval '7 days', CASE WHEN i % 2 = 0 THEN 'S300' ELSE 'S301' END, CASE WHEN i = 7 AND v = 2 THEN 'month' ELSE 'week' END, 2, 'EUR', ARRAY[date '2025-12-01'], ARRAY[10], now()
	FROM generate_series(4, 5) p, generate_series(1, 2) v, generate_series(1, 40) i;
	INSERT INTO demand_history (partner_id, product, location, kind, supplier, starts_on, quantity, received, changed_at)
	SELECT p, 'T' || i, 'W1', kind, 'x', (SELECT array_agg(date '2025-12-01' + 7 * b ORDER BY b) FROM generate_series(0, 11) b),
		(SELECT array_agg(50 + b ORDER BY b) FROM generate_series(0, 11) b), (SELECT array_agg(CASE WHEN (b + i) % 7 = 0 THEN NULL ELSE ((b * 37 + i * 11 * p) % 100) / 4.0 END ORDER BY b) FROM generate_series(0, 11) b), now()
	FROM generate_series(4, 5) p, generate_series(1, 40) i, unnest(ARRAY['week', 'month']) kind WHERE kind = 'week' OR i = 7;
	INSERT INTO commits (partner_id, product, location, revision, latest, version, starts_on, quantity, asked, reason, note, short, over, value, how, committed_at, committed_by)
	SELECT p, 'T' || i, 'W1', r, r = 2, 'V2', (SELECT array_agg(date '2025-12-01' + 7 * b ORDER BY b) FROM generate_series(1, 12) b), (SELECT array_agg(r * ((b * 13 + i) % 20) / 2.0 ORDER BY b) FROM generate_series(1, 12) b),
		array_fill(10::numeric, ARRAY[12]), array_fill(''::text, ARRAY[12]), array_fill(''::text, ARRAY[12]), 0, 0, 0, 'grid', now(), 'x'
	FROM generate_series(4, 5) p, generate_series(1, 40) i, generate_series(1, 2) r`

// TestCommits_isTheLedgers holds the scorecard's reliability of commitments to that of the forecasts' ledger, which reckons it otherwise: bucket by bucket, in Go.
func TestCommits_isTheLedgers(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, committed)
	for name, sites := range map[string][]string{"the whole supplier": nil, "one site": {"S301"}} {
		by := portaltest.As(portaltest.Cord, portal.PurchasingRead, portal.ForecastsRead)
		by.Sites = sites
		must(t, p.Do(t.Context(), by, func(tx *portal.Tx) error {
			card, err := Own(t.Context(), tx, portal.Period{From: "2025-11-01", To: "2026-03-31"})
			if err != nil {
				return err
			}
			ledgers, err := forecasts.Account(t.Context(), tx)
			if err != nil {
				return err
			}
			buckets, committed, kept := 0, decimal.Zero, decimal.Zero
			for _, b := range ledgers.Balances {
				buckets += b.Kept.Buckets
				committed, kept = committed.Add(b.Kept.Committed.Number()), kept.Add(b.Kept.Kept.Number())
			}
			c := card.Commits
			if buckets == 0 || c.Lines != buckets || !c.Of.Number().Equal(committed) || !c.Got.Number().Equal(kept) || !c.Value.Number().Equal(kept.Shift(2).DivRound(committed, 1)) {
				t.Errorf("%s: the scorecard has %s of %s in %d buckets, %s %%; the ledger %s of %s in %d", name, c.Got, c.Of, c.Lines, c.Value, kept, committed, buckets)
			}
			if len(ledgers.Balances) == 1 && ledgers.Balances[0].Kept.Reliability != c.Value {
				t.Errorf("%s: %s %% and %s %%", name, c.Value, ledgers.Balances[0].Kept.Reliability)
			}
			return nil
		}))
	}
}

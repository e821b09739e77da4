package forecasts_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lib/pq"

	"extranet/portal"
	"extranet/portal/forecasts"
	"extranet/portal/portaltest"
)

// large is a plan of 2,000 items over 78 weeks in three versions, half of it answered to the one before.
const large = `
	INSERT INTO forecasts (partner_id, version, product, location, supplier, published_at, site, kind, unit, price, currency, starts_on, quantity, changed_at)
	SELECT 4, 'V' || v, 'T' || lpad(p::text, 5, '0'), 'W1', 'S300', timestamptz '2026-02-16 05:00Z' + (v - 1) * interval '7 days', 'S300-P1', 'week', 'PC', 10 + p % 90, 'EUR',
		(SELECT array_agg(date '2026-02-16' + 7 * (v - 1 + b) ORDER BY b) FROM generate_series(0, 77) b), (SELECT array_agg(100 + (p * 31 + (b + v) * 17 + CASE WHEN (p + b) % 3 = 0 THEN v * 7 ELSE 0 END) % 900 ORDER BY b) FROM generate_series(0, 77) b), now()
	FROM generate_series(1, 3) v, generate_series(1, 2000) p;
	INSERT INTO commits (partner_id, product, location, revision, latest, version, starts_on, quantity, asked, reason, note, short, over, value, how, committed_at, committed_by)
	SELECT 4, product, location, 1, true, version, starts_on[1:26], quantity[1:26], quantity[1:26], array_fill(''::text, ARRAY[26]), array_fill(''::text, ARRAY[26]), 0, 0, 0, 'api', now(), 'x'
	FROM forecasts WHERE version = 'V2' AND product < 'T01001';
	ANALYZE forecasts;
	ANALYZE commits`

const rounds = 5

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// BenchmarkGrid opens the whole grid of 2,000 items, 78 buckets and three versions, beside its bare query: the same rows over lib/pq with no tenancy, no reckoning.
func BenchmarkGrid(b *testing.B) {
	p := portaltest.New(b)
	p.Arrange(b, large)
	reader := portaltest.As(portaltest.Cord, portal.ForecastsRead)
	query, err := p.Owner.Prepare(`SELECT product, location, version, site, kind, unit, price, currency, starts_on::text, quantity::text FROM forecasts WHERE partner_id = 4 AND version = ANY($1) ORDER BY product, location, version`)
	if err != nil {
		b.Fatal(err)
	}
	defer query.Close()
	var bare, shown, written, watched []time.Duration
	for b.Loop() {
		for range rounds {
			at := time.Now()
			rows, err := query.Query(pq.StringArray{"V1", "V2", "V3"})
			if err != nil {
				b.Fatal(err)
			}
			n := 0
			for rows.Next() {
				var cells [10]string
				if err := rows.Scan(&cells[0], &cells[1], &cells[2], &cells[3], &cells[4], &cells[5], &cells[6], &cells[7], &cells[8], &cells[9]); err != nil {
					b.Fatal(err)
				}
				n++
			}
			if err := rows.Err(); err != nil || n != 6000 {
				b.Fatalf("%d rows, %v", n, err)
			}
			bare = append(bare, time.Since(at))
			at = time.Now()
			var g forecasts.Grid
			if err := p.Do(b.Context(), reader, func(tx *portal.Tx) (err error) {
				g, err = forecasts.Show(b.Context(), tx, forecasts.Filter{Limit: 2000})
				return err
			}); err != nil || len(g.Items) != 2000 || len(g.Items[7].StartsOn) != 78 || len(g.Versions) != 3 {
				b.Fatalf("%d items, %v", len(g.Items), err)
			}
			shown = append(shown, time.Since(at))
			if _, err := json.Marshal(g); err != nil {
				b.Fatal(err)
			}
			written = append(written, time.Since(at))
			at = time.Now()
			if err := p.Do(b.Context(), reader, func(tx *portal.Tx) (err error) { _, err = forecasts.Watch(b.Context(), tx, nil); return err }); err != nil {
				b.Fatal(err)
			}
			watched = append(watched, time.Since(at))
		}
	}
	m := median(bare)
	b.ReportMetric(float64(m.Milliseconds()), "bare-ms")
	for name, all := range map[string][]time.Duration{"open": shown, "open+json": written, "exceptions": watched} {
		b.ReportMetric(float64(median(all).Milliseconds()), name+"-ms")
		b.ReportMetric(float64(median(all))/float64(m), name+"/bare")
	}
}

// BenchmarkCommit pastes 10,000 cells of 200 items, each time others than before.
func BenchmarkCommit(b *testing.B) {
	p := portaltest.New(b)
	p.Arrange(b, large)
	planner := portaltest.As(portaltest.Cord, portal.ForecastsRead, portal.ForecastsCommit)
	var all []time.Duration
	round := 0
	for b.Loop() {
		for range 3 {
			round++
			c := forecasts.Commitment{Version: "V3", How: "file"}
			for i := range 200 {
				for w := range 50 {
					c.Cells = append(c.Cells, forecasts.Cell{Product: fmt.Sprintf("T%05d", i+1), Location: "W1", StartsOn: portal.DateOf(time.Date(2026, 3, 2+7*w, 0, 0, 0, 0, time.UTC)), Quantity: portal.Amount(fmt.Sprint(2000 + round))})
				}
			}
			at := time.Now()
			var r forecasts.Report
			if err := p.Do(b.Context(), planner, func(tx *portal.Tx) (err error) { r, err = forecasts.Commit(b.Context(), tx, c); return err }); err != nil || r.Committed != 10_000 {
				b.Fatalf("%d committed, %d refused, %v", r.Committed, len(r.Refused), err)
			}
			all = append(all, time.Since(at))
		}
	}
	b.ReportMetric(float64(median(all).Milliseconds()), "10000-cells-ms")
	b.ReportMetric(float64(slices.Max(all).Milliseconds()), "slowest-ms")
}

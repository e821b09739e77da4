package forecasts_test

import (
	"encoding/csv"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"extranet/portal"
	"extranet/portal/forecasts"
	"extranet/portal/portaltest"
)

// A month is counted from that of the first real figures, which are told as of January 2025 on: the clock of a test begins in March 2026.
func day(month int) time.Time { return time.Date(2025, time.Month(1+month), 1, 0, 0, 0, 0, time.UTC) }

// demand reads real series, by product: what each of 41 months needed.
func demand(t *testing.T) (products []string, series map[string][]int64) {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "shared", "coredb", "supplement", "demand_history_monthly.csv"))
	if err != nil {
		t.Skip("SKIPPED: the real demand series are not on this machine")
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	series = map[string][]int64{}
	for _, r := range rows[1:] {
		at, err := time.Parse(time.DateOnly, r[1])
		n, err2 := strconv.ParseInt(r[2], 10, 64)
		if err != nil || err2 != nil {
			t.Fatal(r)
		}
		if series[r[0]] == nil {
			products, series[r[0]] = append(products, r[0]), make([]int64, 41)
		}
		series[r[0]][12*(at.Year()-2013)+int(at.Month())-1] += n
	}
	return products, series
}

// baseline is what the months before lead one to expect of each to come: the mean of the last three.
func baseline(series []int64, month int) int64 {
	return (series[month-3] + series[month-2] + series[month-1] + 1) / 3
}

// TestReplay publishes forecasts of real demand month by month, commits to each as it is, and holds every figure of the ledger to a
// calculation of its own, in whole numbers and by other means. It says what they come to.
func TestReplay(t *testing.T) {
	t.Parallel()
	products, series := demand(t)
	const first, last, ahead = 15, 40, 6
	p := portaltest.New(t)
	p.Arrange(t, `INSERT INTO forecast_terms (partner_id, since, firm_days, tradeoff_days, commit_days, tolerance, make_share, buy_share, time_zone, calendar, year_begins, set_by)
		VALUES (4, '2026-01-01Z', 31, 61, 3, 0, 100, 50, 'UTC', 'iso', '01-01', 'x')`)
	planner := portaltest.As(portaltest.Cord, portal.ForecastsRead, portal.ForecastsCommit)
	list := func(days []string) string { return "{" + strings.Join(days, ",") + "}" }
	var all []string
	for month := first; month <= last+1; month++ {
		p.Pass(day(month).Add(6 * time.Hour).Sub(p.Now()))
		var history, plan strings.Builder
		for i, product := range products {
			var starts, used, to, wanted []string
			for m := 0; m < month; m++ {
				starts, used = append(starts, day(m).Format(time.DateOnly)), append(used, fmt.Sprint(series[product][m]))
			}
			for m := month; m < month+ahead && month <= last; m++ {
				to, wanted = append(to, day(m).Format(time.DateOnly)), append(wanted, fmt.Sprint(baseline(series[product], month)))
			}
			fmt.Fprintf(&history, "(4, 'P%s', 'W1', 'month', 'S300', '%s', '%s', '%s', now()),", product, list(starts), list(used), list(used))
			if month <= last {
				fmt.Fprintf(&plan, "(4, 'M%d', 'P%s', 'W1', 'S300', '%s', 'month', %d.25, 'EUR', '%s', '%s', now()),", month, product, day(month).Add(5*time.Hour).Format(time.RFC3339), 1+i%7, list(to), list(wanted))
			}
		}
		p.Arrange(t, `DELETE FROM demand_history; INSERT INTO demand_history (partner_id, product, location, kind, supplier, starts_on, quantity, received, changed_at) VALUES `+strings.TrimSuffix(history.String(), ","))
		if month > last {
			break
		}
		p.Arrange(t, `INSERT INTO forecasts (partner_id, version, product, location, supplier, published_at, kind, price, currency, starts_on, quantity, changed_at) VALUES `+strings.TrimSuffix(plan.String(), ","))
		all = append(all, fmt.Sprintf("M%d", month))
		var r forecasts.Report
		if err := p.Do(t.Context(), planner, func(tx *portal.Tx) (err error) {
			r, err = forecasts.CommitAsIs(t.Context(), tx, all[len(all)-1], forecasts.Filter{}, true)
			return err
		}); err != nil || len(r.Refused) > 0 || r.Committed != ahead*len(products) {
			t.Fatalf("month %d: %d committed, %d refused, %v", month, r.Committed, len(r.Refused), err)
		}
	}
	var b forecasts.Balances
	if err := p.Do(t.Context(), planner, func(tx *portal.Tx) (err error) { b, err = forecasts.Account(t.Context(), tx); return err }); err != nil {
		t.Fatal(err)
	}
	if len(b.Balances) != 1 || b.Balances[0].Items != len(products) || len(b.Balances[0].Rounds) != len(all) {
		t.Fatalf("%d balances", len(b.Balances))
	}
	got := b.Balances[0]

	// The same once more: a month is firm when it begins within 31 days of the first of the publishing month, and trade-off within 61 more.
	within := func(from, m int) int { return int(day(m).Sub(day(from)).Hours() / 24) }
	type sums struct{ was, churn, make, buy, authMake, authBuy, finished, material, owed int64 } // owed in half cents
	totals := make([]sums, len(all))
	errors, asked, used := map[int]int64{}, map[int]int64{}, map[int]int64{}
	var promised, kept int64
	for i, product := range products {
		s := series[product]
		var authMake, authBuy, spent int64
		for n := range all {
			month, t := first+n, &totals[n]
			if n > 0 {
				spent += s[month-1]
			}
			now, before := baseline(s, month), int64(0)
			var firm, tradeOff int64
			for m := month; m < month+ahead; m++ {
				switch d := within(month, m); {
				case d < 31:
					firm += now
					if n > 0 && m < month-1+ahead {
						before = baseline(s, month-1)
						t.was += before
						t.churn += max(now-before, before-now)
					}
				case d < 92:
					tradeOff += now
				}
				if h := m - month; m <= last && h != 4 && h != 5 {
					errors[h] += max(now-s[m], s[m]-now)
					asked[h] += now
					used[h] += s[m]
				}
			}
			authMake = max(authMake, spent+firm)
			authBuy = max(authBuy, authMake, spent+firm+tradeOff)
			finished := max(0, authMake-spent-firm-tradeOff)
			material := authBuy - (spent + firm + tradeOff) - finished
			t.make, t.buy, t.authMake, t.authBuy, t.finished, t.material = t.make+spent+firm, t.buy+spent+firm+tradeOff, t.authMake+authMake, t.authBuy+authBuy, t.finished+finished, t.material+material
			t.owed += (2*finished + material) * int64(100*(1+i%7)+25)
			promised += now // for the month under way, before it is over
			kept += min(now, s[month])
		}
	}
	same := func(what string, got portal.Amount, want *big.Rat) {
		t.Helper()
		if g, ok := new(big.Rat).SetString(string(got)); !ok || g.Cmp(want) != 0 {
			t.Errorf("%s is %s, want %s", what, got, want.FloatString(4))
		}
	}
	whole := func(n int64) *big.Rat { return big.NewRat(n, 1) }
	owedBefore := whole(0)
	for n, r := range got.Rounds {
		w := totals[n]
		owed := big.NewRat(w.owed, 200)
		for what, pair := range map[string]struct {
			got  portal.Amount
			want *big.Rat
		}{
			"firm before": {r.FirmBefore, whole(w.was)}, "churn": {r.Churn, whole(w.churn)}, "wanted to make": {r.WantedMake, whole(w.make)}, "wanted to buy": {r.WantedBuy, whole(w.buy)},
			"authorised to make": {r.AuthorisedMake, whole(w.authMake)}, "authorised to buy": {r.AuthorisedBuy, whole(w.authBuy)}, "finished": {r.Finished, whole(w.finished)}, "material": {r.Material, whole(w.material)},
			"liability": {r.Liability, owed}, "what the cut cost": {r.CutCost, new(big.Rat).Sub(owed, owedBefore)}, "nothing counted twice": {r.AuthorisedBuy, whole(w.buy + w.finished + w.material)},
		} {
			same(fmt.Sprintf("%s: %s", r.Version, what), pair.got, pair.want)
		}
		owedBefore = owed
	}
	if len(got.Horizons) != 4 {
		t.Errorf("%d horizons", len(got.Horizons))
	}
	for _, h := range got.Horizons {
		same(fmt.Sprintf("error %d ahead", h.Ahead), h.Error, whole(errors[h.Ahead]))
		same(fmt.Sprintf("forecast %d ahead", h.Ahead), h.Forecast, whole(asked[h.Ahead]))
		same(fmt.Sprintf("used %d ahead", h.Ahead), h.Used, whole(used[h.Ahead]))
		t.Logf("%d months ahead, %d buckets: WAPE %s %%, bias %s %%", h.Ahead, h.Buckets, h.WAPE, h.Bias)
	}
	same("promised", got.Kept.Committed, whole(promised))
	same("kept", got.Kept.Kept, whole(kept))
	end := got.Rounds[len(got.Rounds)-1]
	var was, churn int64
	for _, w := range totals {
		was, churn = was+w.was, churn+w.churn
	}
	t.Logf("%d items, %d versions: churn in the firm zone %s %%, commitments kept %s %%, authorised to make %s of %s wanted, to buy material %s of %s, liability %s EUR", got.Items, len(got.Rounds),
		big.NewRat(100*churn, was).FloatString(1), got.Kept.Reliability, end.AuthorisedMake, end.WantedMake, end.AuthorisedBuy, end.WantedBuy, end.Liability)
}

package forecasts

import (
	"math/big"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"extranet/portal"
)

func rat(a portal.Amount) *big.Rat {
	r, _ := new(big.Rat).SetString(string(a))
	if r == nil {
		r = new(big.Rat)
	}
	return r
}

// TestReckon replays drawn publications against a calculation of its own, day by day in whole numbers, and holds the ledger's identities.
func TestReckon(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		terms := Usual
		terms.FirmDays, terms.TradeOffDays = 7*rapid.IntRange(0, 5).Draw(t, "firm weeks")+rapid.IntRange(0, 6).Draw(t, "days"), 7*rapid.IntRange(0, 5).Draw(t, "trade-off weeks")
		terms.MakeShare, terms.BuyShare = "80", "25"
		const first = portal.Date("2025-12-01") // a Monday; the year has its end within
		start := func(week int) portal.Date { return plus(first, 7*week) }
		drawn := make([]map[int]int, rapid.IntRange(1, 7).Draw(t, "publications")) // week → quantity
		var publications []Publication
		for v := range drawn {
			drawn[v] = map[int]int{}
			p := Publication{Version: string(rune('A' + v)), On: start(v), Terms: terms, Price: "2.50"}
			for w := v; w < v+rapid.IntRange(0, 12).Draw(t, "horizon"); w++ {
				if rapid.IntRange(0, 9).Draw(t, "gap") == 0 {
					continue
				}
				drawn[v][w] = rapid.IntRange(0, 50).Draw(t, "quantity")
				p.StartsOn, p.Quantity = append(p.StartsOn, start(w)), append(p.Quantity, amount(decimal.NewFromInt(int64(drawn[v][w]))))
			}
			publications = append(publications, p)
		}
		actual := map[int]int{}
		var used []Used
		for w := range len(drawn) {
			if rapid.Bool().Draw(t, "known") {
				actual[w] = rapid.IntRange(0, 50).Draw(t, "used")
				used = append(used, Used{start(w), amount(decimal.NewFromInt(int64(actual[w]))), ""})
			}
		}
		l := Reckon("week", publications, used, nil, nil)
		if len(l.Rounds) != len(drawn) {
			t.Fatalf("%d rounds of %d publications", len(l.Rounds), len(drawn))
		}
		authMake, authBuy, owedBefore := 0, 0, new(big.Rat)
		for v, r := range l.Rounds {
			// Used: each week that is over, once: as used, or as the last version before its end said.
			spent := 0
			for w := range v {
				if q, known := actual[w]; known {
					spent += q
					continue
				}
				for _, before := range []int{w} { // only versions published until the week began still speak of it
					if q, said := drawn[before][w]; said {
						spent += q
					}
				}
			}
			firm, tradeOff, was, churn := 0, 0, 0, 0
			for w, q := range drawn[v] {
				switch days := 7 * (w - v); {
				case days < terms.FirmDays || days == 0 && terms.FirmDays > 0:
					firm += q
					if v > 0 {
						if b, both := drawn[v-1][w]; both {
							was += b
							churn += max(b-q, q-b)
						}
					}
				case days < terms.FirmDays+terms.TradeOffDays:
					tradeOff += q
				}
			}
			wantedMake, wantedBuy := spent+firm, spent+firm+tradeOff
			authMake = max(authMake, wantedMake)
			authBuy = max(authBuy, authMake, wantedBuy)
			finished := max(0, authMake-wantedBuy)
			material := authBuy - wantedBuy - finished
			owed := new(big.Rat).Add(big.NewRat(int64(finished)*80*250, 10000), big.NewRat(int64(material)*25*250, 10000))
			for what, pair := range map[string][2]*big.Rat{
				"wanted make": {rat(r.WantedMake), big.NewRat(int64(wantedMake), 1)}, "wanted buy": {rat(r.WantedBuy), big.NewRat(int64(wantedBuy), 1)},
				"authorised make": {rat(r.AuthorisedMake), big.NewRat(int64(authMake), 1)}, "authorised buy": {rat(r.AuthorisedBuy), big.NewRat(int64(authBuy), 1)},
				"finished": {rat(r.Finished), big.NewRat(int64(finished), 1)}, "material": {rat(r.Material), big.NewRat(int64(material), 1)},
				"firm before": {rat(r.FirmBefore), big.NewRat(int64(was), 1)}, "churn": {rat(r.Churn), big.NewRat(int64(churn), 1)},
				"liability": {rat(r.Liability), owed}, "cut cost": {rat(r.CutCost), new(big.Rat).Sub(owed, owedBefore)},
				"nothing twice": {rat(r.AuthorisedBuy), new(big.Rat).Add(rat(r.WantedBuy), new(big.Rat).Add(rat(r.Finished), rat(r.Material)))},
				"made":          {rat(r.AuthorisedMake), new(big.Rat).Add(rat(r.WantedMake), new(big.Rat).Add(rat(r.Finished), rat(r.Early)))},
			} {
				if pair[0].Cmp(pair[1]) != 0 {
					t.Fatalf("round %d: %s is %s, want %s", v, what, pair[0].FloatString(4), pair[1].FloatString(4))
				}
			}
			owedBefore = owed
		}
		// Sums of sums: two items together are the one and the other.
		both := Ledger{}
		both.add(l)
		both.add(l)
		for i, r := range both.Rounds {
			if rat(r.Liability).Cmp(new(big.Rat).Mul(rat(l.Rounds[i].Liability), big.NewRat(2, 1))) != 0 {
				t.Fatalf("twice %s is %s", l.Rounds[i].Liability, r.Liability)
			}
		}
	})
}

func TestReckon_errors(t *testing.T) {
	t.Parallel()
	weeks := func(from portal.Date, n int) (all []portal.Date) {
		for i := range n {
			all = append(all, plus(from, 7*i))
		}
		return all
	}
	l := Reckon("week", []Publication{
		{Version: "A", On: "2026-01-05", Terms: Usual, StartsOn: weeks("2026-01-05", 4), Quantity: []portal.Amount{"10", "20", "30", "40"}},
		{Version: "B", On: "2026-01-12", Terms: Usual, StartsOn: weeks("2026-01-12", 3), Quantity: []portal.Amount{"24", "33", "44"}},
	}, []Used{{"2026-01-05", "12", "11"}, {"2026-01-12", "20", "22"}, {"2026-01-19", "30", ""}}, weeks("2026-01-05", 3), []portal.Amount{"10", "25", "30"})
	want := []Horizon{{0, 2, "34", "32", "6", "18.8", "6.3"}, {1, 2, "53", "50", "3", "6", "6"}, {2, 1, "30", "30", "0", "0", "0"}}
	if len(l.Horizons) != len(want) {
		t.Fatalf("%+v", l.Horizons)
	}
	for i, h := range l.Horizons {
		if h != want[i] {
			t.Errorf("%+v, want %+v", h, want[i])
		}
	}
	if k := (Kept{2, "35", "33", "32", "91.4"}); l.Kept != k {
		t.Errorf("%+v, want %+v", l.Kept, k)
	}
}

package forecasts

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"extranet/portal"
)

// reckoned is how many versions a ledger goes back, the same for both sides.
const reckoned = 26

// A Publication is what one version said of an item, under the terms of its day.
type Publication struct {
	Version  string
	On       portal.Date // published, in the terms' time zone
	Terms    Terms
	StartsOn []portal.Date
	Quantity []portal.Amount
	Price    portal.Amount
}

// A Round is what one publication did to an item. Quantities are cumulative since the first day of the first publication reckoned.
//
// Wanted is what was used in buckets that are over (called off where the host says so, else what was last forecast), plus the firm zone, plus,
// for material, the trade-off zone. Authorised is the greatest that was ever wanted: what was once authorised stays so. Of what is authorised,
// the part beyond everything that is wanted is surplus: finished, as far as it was authorised to be made, otherwise material. So
// wanted_buy + finished + material = authorised_buy: no piece is counted twice.
type Round struct {
	Version        string        `json:"version"`
	On             portal.Date   `json:"published_on" format:"date"`
	FirmBefore     portal.Amount `json:"firm_before" doc:"What the version before asked for, in the buckets that both have and that were firm on the day"`
	Churn          portal.Amount `json:"churn" doc:"By how much those buckets changed, up or down, added up"`
	WantedMake     portal.Amount `json:"wanted_make" doc:"Used so far, and the firm zone"`
	WantedBuy      portal.Amount `json:"wanted_buy" doc:"wanted_make and the trade-off zone"`
	AuthorisedMake portal.Amount `json:"authorised_make" doc:"Cumulative quantity authorised to be made"`
	AuthorisedBuy  portal.Amount `json:"authorised_buy" doc:"Cumulative quantity for which material was authorised to be bought"`
	Early          portal.Amount `json:"early" doc:"Authorised to be made, and now wanted only in the trade-off zone"`
	Finished       portal.Amount `json:"finished" doc:"Authorised to be made, and no longer wanted"`
	Material       portal.Amount `json:"material" doc:"Authorised as material only, and no longer wanted"`
	Liability      portal.Amount `json:"liability" doc:"Money for finished and material, at the terms' shares of the price"`
	CutCost        portal.Amount `json:"cut_cost" doc:"By how much this publication raised the liability; below 0 where it wants again what was cut"`
}

// A Horizon is how right forecasts were that many buckets ahead.
type Horizon struct {
	Ahead    int           `json:"ahead" doc:"Buckets between publication and the bucket; 0 is the one under way"`
	Buckets  int           `json:"buckets" doc:"That are over and were forecast then"`
	Forecast portal.Amount `json:"forecast" doc:"Their sum"`
	Used     portal.Amount `json:"used"`
	Error    portal.Amount `json:"error" doc:"Sum of the differences, up or down"`
	WAPE     portal.Amount `json:"wape" doc:"error in per cent of used, to one place; empty where nothing was used"`
	Bias     portal.Amount `json:"bias" doc:"forecast - used in per cent of used: above 0 the host asks for too much"`
}

// Kept is how reliable commitments were.
type Kept struct {
	Buckets     int           `json:"buckets" doc:"That are over, were committed to, and of which it is known what arrived"`
	Committed   portal.Amount `json:"committed"`
	Received    portal.Amount `json:"received"`
	Kept        portal.Amount `json:"kept" doc:"Of what was committed, what arrived in its bucket"`
	Reliability portal.Amount `json:"reliability" doc:"kept in per cent of committed, to one place; empty where nothing was committed"`
}

// A Ledger is what a run of publications did to an item, or to many.
type Ledger struct {
	Rounds   []Round   `json:"rounds" doc:"Oldest first"`
	Horizons []Horizon `json:"horizons"`
	Kept     Kept      `json:"kept"`
}

// ahead are the horizons told of.
var ahead = map[string][]int{"day": {0, 1, 7, 14, 28}, "week": {0, 1, 2, 4, 8, 12}, "month": {0, 1, 2, 3, 6}}

// Reckon is the ledger of one item: of its publications, oldest first, of what was used and arrived, and of what was committed. It is a pure
// function: the same to both sides, and again whenever it is asked for.
func Reckon(kind string, publications []Publication, used []Used, committedOn []portal.Date, committed []portal.Amount) (l Ledger) {
	l.Rounds = []Round{}
	actual := map[portal.Date]decimal.Decimal{}
	for _, u := range used {
		actual[u.StartsOn] = u.Quantity.Number()
	}
	l.Horizons = horizons(kind, publications, actual)
	l.Kept = kept(used, committedOn, committed)
	if len(publications) == 0 {
		return l
	}
	type bucket struct {
		end      portal.Date
		quantity decimal.Decimal
	}
	last := map[portal.Date]bucket{}            // as last forecast
	before := map[portal.Date]decimal.Decimal{} // in the version before
	origin := publications[0].On
	if s := publications[0].StartsOn; len(s) > 0 && s[0] < origin {
		origin = s[0]
	}
	var made, buy, liability decimal.Decimal
	for _, p := range publications {
		zones, over := p.Terms.Zones(p.StartsOn, kind, p.On), ends(p.StartsOn, kind)
		firm, tradeOff, was, churn := decimal.Zero, decimal.Zero, decimal.Zero, decimal.Zero
		now := make(map[portal.Date]decimal.Decimal, len(zones))
		for i, z := range zones {
			s, quantity := p.StartsOn[i], p.Quantity[i].Number()
			if z == Past {
				continue
			}
			now[s] = quantity
			last[s] = bucket{over[i], quantity}
			switch z {
			case Firm:
				firm = firm.Add(quantity)
				if q, both := before[s]; both {
					was, churn = was.Add(q), churn.Add(quantity.Sub(q).Abs())
				}
			case TradeOff:
				tradeOff = tradeOff.Add(quantity)
			}
		}
		before = now
		spent := decimal.Zero
		for s, quantity := range actual {
			if s >= origin && end(s, kind) <= p.On {
				spent = spent.Add(quantity)
			}
		}
		for s, b := range last {
			_, wanted := now[s]
			_, known := actual[s]
			switch {
			case b.end > p.On && !wanted: // what the version leaves out is wanted no more
				delete(last, s)
			case b.end <= p.On && s >= origin && !known:
				spent = spent.Add(b.quantity)
			}
		}
		wantedMake := spent.Add(firm)
		wantedBuy := wantedMake.Add(tradeOff)
		made = decimal.Max(made, wantedMake)
		buy = decimal.Max(buy, made, wantedBuy)
		finished := decimal.Max(decimal.Zero, made.Sub(wantedBuy))
		early := made.Sub(wantedMake).Sub(finished)
		material := buy.Sub(wantedBuy).Sub(finished)
		owed := finished.Mul(p.Terms.MakeShare.Number()).Add(material.Mul(p.Terms.BuyShare.Number())).Mul(p.Price.Number()).Shift(-2)
		l.Rounds = append(l.Rounds, Round{Version: p.Version, On: p.On, FirmBefore: amount(was), Churn: amount(churn), WantedMake: amount(wantedMake), WantedBuy: amount(wantedBuy),
			AuthorisedMake: amount(made), AuthorisedBuy: amount(buy), Early: amount(early), Finished: amount(finished), Material: amount(material),
			Liability: amount(owed), CutCost: amount(owed.Sub(liability))})
		liability = owed
	}
	return l
}

func amount(d decimal.Decimal) portal.Amount { return portal.Amount(d.String()) }

// share is part in per cent of whole, to one place; "" of nothing.
func share(part, whole decimal.Decimal) portal.Amount {
	if whole.IsZero() {
		return ""
	}
	return portal.Amount(part.Shift(2).DivRound(whole, 1).String())
}

// horizons compares what is over with what was forecast of it, so many buckets ahead. Of several publications as far ahead, the last counts.
func horizons(kind string, publications []Publication, actual map[portal.Date]decimal.Decimal) []Horizon {
	forecast := map[int]map[portal.Date]decimal.Decimal{}
	for _, h := range ahead[kind] {
		forecast[h] = map[portal.Date]decimal.Decimal{}
	}
	for _, p := range publications {
		first := 0
		for last := ends(p.StartsOn, kind); first < len(last) && last[first] <= p.On; first++ {
		}
		for h, at := range forecast {
			if i := first + h; i < len(p.StartsOn) {
				at[p.StartsOn[i]] = p.Quantity[i].Number()
			}
		}
	}
	list := []Horizon{}
	for _, h := range ahead[kind] {
		n, asked, used, wrong := 0, decimal.Zero, decimal.Zero, decimal.Zero
		for s, quantity := range forecast[h] {
			if a, over := actual[s]; over {
				n, asked, used, wrong = n+1, asked.Add(quantity), used.Add(a), wrong.Add(quantity.Sub(a).Abs())
			}
		}
		if n > 0 {
			list = append(list, Horizon{h, n, amount(asked), amount(used), amount(wrong), share(wrong, used), share(asked.Sub(used), used)})
		}
	}
	return list
}

func kept(used []Used, committedOn []portal.Date, committed []portal.Amount) Kept {
	said := make(map[portal.Date]decimal.Decimal, len(committedOn))
	for i, s := range committedOn {
		said[s] = committed[i].Number()
	}
	n, promised, arrived, held := 0, decimal.Zero, decimal.Zero, decimal.Zero
	for _, u := range used {
		c, known := said[u.StartsOn]
		if !known || u.Received == "" {
			continue
		}
		r := u.Received.Number()
		n, promised, arrived, held = n+1, promised.Add(c), arrived.Add(r), held.Add(decimal.Min(c, r))
	}
	return Kept{n, amount(promised), amount(arrived), amount(held), share(held, promised)}
}

// add sums ledgers up, round by round. Liabilities are of one currency.
func (l *Ledger) add(other Ledger) {
	plus := func(a *portal.Amount, b portal.Amount) { *a = amount(a.Number().Add(b.Number())) }
	for _, r := range other.Rounds {
		i := slices.IndexFunc(l.Rounds, func(have Round) bool { return have.Version == r.Version })
		if i < 0 {
			l.Rounds = append(l.Rounds, r)
			continue
		}
		have := &l.Rounds[i]
		for _, f := range []struct {
			a *portal.Amount
			b portal.Amount
		}{{&have.FirmBefore, r.FirmBefore}, {&have.Churn, r.Churn}, {&have.WantedMake, r.WantedMake}, {&have.WantedBuy, r.WantedBuy}, {&have.AuthorisedMake, r.AuthorisedMake},
			{&have.AuthorisedBuy, r.AuthorisedBuy}, {&have.Early, r.Early}, {&have.Finished, r.Finished}, {&have.Material, r.Material}, {&have.Liability, r.Liability}, {&have.CutCost, r.CutCost}} {
			plus(f.a, f.b)
		}
	}
	for _, h := range other.Horizons {
		i := slices.IndexFunc(l.Horizons, func(have Horizon) bool { return have.Ahead == h.Ahead })
		if i < 0 {
			l.Horizons = append(l.Horizons, h)
			continue
		}
		have := &l.Horizons[i]
		have.Buckets += h.Buckets
		plus(&have.Forecast, h.Forecast)
		plus(&have.Used, h.Used)
		plus(&have.Error, h.Error)
		have.WAPE, have.Bias = share(have.Error.Number(), have.Used.Number()), share(have.Forecast.Number().Sub(have.Used.Number()), have.Used.Number())
	}
	l.Kept.Buckets += other.Kept.Buckets
	plus(&l.Kept.Committed, other.Kept.Committed)
	plus(&l.Kept.Received, other.Kept.Received)
	plus(&l.Kept.Kept, other.Kept.Kept)
	l.Kept.Reliability = share(l.Kept.Kept.Number(), l.Kept.Committed.Number())
}

// Balances are ledgers of all items, by the currency of their prices and by the kind of their buckets.
type Balances struct {
	Balances []Balance `json:"balances"`
	Since    string    `json:"since" doc:"The first version that is reckoned; empty where nothing was published"`
}

// A Balance is the ledger of all items of one currency and one kind.
type Balance struct {
	Currency string `json:"currency"`
	Kind     string `json:"kind" enum:"day,week,month"`
	Items    int    `json:"items"`
	Ledger
}

// Account is the ledger of all that the caller's sites let it see, of the latest 26 versions.
func Account(ctx context.Context, tx *portal.Tx) (Balances, error) {
	if err := tx.Need(portal.ForecastsRead); err != nil {
		return Balances{}, err
	}
	return account(ctx, tx, tx.By.PartnerID)
}

// AccountOf is Account of any supplier's, for the host's staff: the same numbers.
func AccountOf(ctx context.Context, tx *portal.Tx, partner int64) (Balances, error) {
	if err := tx.Need(portal.PlansManage); err != nil {
		return Balances{}, err
	}
	return account(ctx, tx, partner)
}

func account(ctx context.Context, tx *portal.Tx, partner int64) (b Balances, err error) {
	b.Balances = []Balance{}
	by := map[[2]string]*Balance{}
	b.Since, err = eachLedger(ctx, tx, partner, "", "", func(i ledgerItem) {
		k := [2]string{i.currency, i.kind}
		if by[k] == nil {
			by[k] = &Balance{Currency: i.currency, Kind: i.kind, Ledger: Ledger{Rounds: []Round{}, Horizons: []Horizon{}}}
		}
		by[k].Items++
		by[k].add(i.reckon())
	})
	if err != nil {
		return b, err
	}
	for _, k := range slices.SortedFunc(maps.Keys(by), func(a, c [2]string) int { return slices.Compare(a[:], c[:]) }) {
		slices.SortFunc(by[k].Rounds, func(a, c Round) int {
			return slices.Compare([]string{string(a.On), a.Version}, []string{string(c.On), c.Version})
		})
		slices.SortFunc(by[k].Horizons, func(a, c Horizon) int { return a.Ahead - c.Ahead })
		b.Balances = append(b.Balances, *by[k])
	}
	return b, nil
}

// ledgerItem is what a ledger is reckoned of.
type ledgerItem struct {
	product, location, kind, currency, unit string
	publications                            []Publication
	used                                    []Used
	committedOn                             []portal.Date
	committed                               []portal.Amount
}

func (i ledgerItem) reckon() Ledger {
	return Reckon(i.kind, i.publications, i.used, i.committedOn, i.committed)
}

// eachLedger gives f every item of the partner, or one alone, and returns the first version that is reckoned.
func eachLedger(ctx context.Context, tx *portal.Tx, partner int64, product, location string, f func(ledgerItem)) (since string, err error) {
	versions, err := Versions(ctx, tx, partner, reckoned)
	if err != nil || len(versions) == 0 {
		return "", err
	}
	first := versions[len(versions)-1]
	var terms []Terms
	if err := tx.Select(ctx, &terms, `SELECT since, firm_days, tradeoff_days, commit_days, tolerance, make_share, buy_share, time_zone, calendar, year_begins, set_by
		FROM forecast_terms WHERE partner_id = $1 ORDER BY since DESC`, partner); err != nil {
		return "", fmt.Errorf("looking up terms: %w", err)
	}
	termsAt := func(t time.Time) Terms {
		for _, terms := range terms {
			if !terms.Since.After(t) {
				return terms
			}
		}
		return Usual
	}
	used, committed := map[[3]string][]Used{}, map[[2]string]answer{}
	err = tx.Each(ctx, func(row *sqlx.Rows) error {
		var k [3]string
		var starts, quantity, received string
		if err := row.Scan(&k[0], &k[1], &k[2], &starts, &quantity, &received); err != nil {
			return err
		}
		s, q, r := split[portal.Date](starts), split[portal.Amount](quantity), split[portal.Amount](received)
		for i := range s {
			used[k] = append(used[k], Used{s[i], q[i], r[i]})
		}
		return nil
	}, `SELECT product, location, kind, starts_on::text, quantity::text, received::text FROM demand_history WHERE partner_id = $1 AND ($2 = '' OR product = $2 AND location = $3)`, partner, product, location)
	if err != nil {
		return "", fmt.Errorf("reading the history of demand: %w", err)
	}
	committed, err = readAnswers(ctx, tx, `SELECT `+answerColumns+` FROM commits c WHERE c.partner_id = $1 AND latest AND ($2 = '' OR product = $2 AND location = $3)`, partner, product, location)
	if err != nil {
		return "", err
	}
	var now ledgerItem
	done := func() {
		if now.product == "" {
			return
		}
		a := committed[[2]string{now.product, now.location}]
		now.used, now.committedOn, now.committed = used[[3]string{now.product, now.location, now.kind}], a.starts, a.quantity
		f(now)
	}
	err = tx.Each(ctx, func(row *sqlx.Rows) error {
		var k [2]string
		var version, kind, currency, unit, starts, quantity string
		var at time.Time
		var price portal.Amount
		if err := row.Scan(&k[0], &k[1], &version, &at, &kind, &price, &currency, &unit, &starts, &quantity); err != nil {
			return err
		}
		if k != [2]string{now.product, now.location} {
			done()
			now = ledgerItem{product: k[0], location: k[1]}
		}
		now.kind, now.currency, now.unit = kind, currency, unit // the latest's
		t := termsAt(at)
		now.publications = append(now.publications, Publication{version, t.Today(at), t, split[portal.Date](starts), split[portal.Amount](quantity), price})
		return nil
	}, `SELECT product, location, version, published_at, kind, price, coalesce(currency, ''), coalesce(unit, ''), starts_on::text, quantity::text FROM forecasts
		WHERE partner_id = $1 AND (published_at, version) >= ($2, $3) AND ($4 = '' OR product = $4 AND location = $5) AND ($6::text[] IS NULL OR site = ANY($6))
		ORDER BY product, location, published_at, version`, partner, first.PublishedAt, first.Version, product, location, portal.Limit(tx.By.Sites))
	if err != nil {
		return "", fmt.Errorf("reading forecasts: %w", err)
	}
	done()
	return first.Version, nil
}

// A Sheet is one item with its ledger and with what every reckoned version said of it.
type Sheet struct {
	Grid     Grid     `json:"grid" doc:"With this one item"`
	Ledger   Ledger   `json:"ledger"`
	Drawn    []Drawn  `json:"versions" doc:"Oldest first"`
	Promises []Pledge `json:"revisions" doc:"What was committed, the latest first, at most 50"`
}

// Drawn is what one version said of an item.
type Drawn struct {
	Version  string          `json:"version"`
	On       portal.Date     `json:"published_on" format:"date"`
	StartsOn []portal.Date   `json:"starts_on"`
	Quantity []portal.Amount `json:"quantity"`
}

// A Pledge is one revision of what was committed for an item.
type Pledge struct {
	Revision int64         `db:"revision" json:"revision"`
	Version  string        `db:"version" json:"version" doc:"That it answers"`
	Short    portal.Amount `db:"short" json:"short" doc:"How much less than was asked, beyond the tolerance"`
	Over     portal.Amount `db:"over" json:"over"`
	How      string        `db:"how" json:"how" enum:"grid,file,as is,api,rule"`
	At       time.Time     `db:"committed_at" json:"committed_at"`
	By       string        `db:"committed_by" json:"committed_by"`
}

// Look returns one item of the caller's own. One that was never forecast, or is beyond the caller's sites, is NotFound.
func Look(ctx context.Context, tx *portal.Tx, product, location string) (Sheet, error) {
	if err := tx.Need(portal.ForecastsRead); err != nil {
		return Sheet{}, err
	}
	return look(ctx, tx, tx.By.PartnerID, product, location)
}

// LookOf is Look at any supplier's, for the host's staff.
func LookOf(ctx context.Context, tx *portal.Tx, partner int64, product, location string) (Sheet, error) {
	if err := tx.Need(portal.PlansManage); err != nil {
		return Sheet{}, err
	}
	return look(ctx, tx, partner, product, location)
}

func look(ctx context.Context, tx *portal.Tx, partner int64, product, location string) (s Sheet, err error) {
	found := false
	if product != "" && location != "" {
		_, err = eachLedger(ctx, tx, partner, product, location, func(i ledgerItem) {
			found = true
			s.Ledger = i.reckon()
			for _, p := range i.publications {
				s.Drawn = append(s.Drawn, Drawn{p.Version, p.On, p.StartsOn, p.Quantity})
			}
		})
		if err != nil {
			return s, err
		}
	}
	if !found {
		return s, portal.Errorf(portal.NotFound, "there is no forecast of this product at this location")
	}
	if s.Grid, err = show(ctx, tx, partner, Filter{Limit: 1, Text: product}); err != nil {
		return s, err
	}
	s.Grid.Next, s.Grid.Items = "", []Item{}
	if len(s.Grid.Versions) > 0 {
		if s.Grid.Items, err = fill(ctx, tx, partner, s.Grid, [][2]string{{product, location}}, 60); err != nil {
			return s, err
		}
	}
	s.Promises = []Pledge{}
	if err := tx.Select(ctx, &s.Promises, `SELECT revision, version, short, over, how, committed_at, committed_by FROM commits
		WHERE partner_id = $1 AND product = $2 AND location = $3 ORDER BY revision DESC LIMIT 50`, partner, product, location); err != nil {
		return s, fmt.Errorf("reading commits: %w", err)
	}
	return s, nil
}

package forecasts

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"extranet/portal"
	"extranet/portal/supplies"
)

// A Version is one publication of the host's forecast.
type Version struct {
	Version     string      `db:"version" json:"version" doc:"The host's name for it"`
	PublishedAt time.Time   `db:"published_at" json:"published_at" doc:"UTC"`
	PlanRun     string      `db:"plan_run" json:"plan_run" doc:"The plan run it comes from"`
	DueOn       portal.Date `db:"-" json:"due_on" format:"date" nullable:"true" doc:"Until the end of this day it is to be answered"`
}

// An Item is one product at one location: what the host expects to need, bucket by bucket, beside what it expected before, and what was
// committed. All lists are over the buckets of StartsOn and as long; "" in one is none.
type Item struct {
	Product     string        `json:"product"`
	Name        string        `json:"name"`
	Location    string        `json:"location" doc:"Where the host needs it"`
	Site        string        `json:"site" doc:"The supplier's site that delivers it"`
	Kind        string        `json:"kind" doc:"How long a bucket lasts" enum:"day,week,month"`
	Unit        string        `json:"unit"`
	Price       portal.Amount `json:"price" doc:"Of one unit; empty where the host does not say"`
	Currency    string        `json:"currency"`
	Dropped     bool          `json:"dropped" doc:"The current version no longer has it: every quantity is 0"`
	OnHand      portal.Amount `json:"on_hand" doc:"At the location; empty where the host does not say"`
	InTransit   portal.Amount `json:"in_transit" doc:"On its way there"`
	AtSupplier  portal.Amount `json:"at_supplier" doc:"Finished at the supplier, of the product for all locations, as it reported last; empty where it reported none"`
	InProcess   portal.Amount `json:"in_process" doc:"Being made at the supplier, likewise"`
	CountedOn   portal.Date   `json:"counted_on" format:"date" nullable:"true" doc:"The day of the supplier's oldest count in at_supplier"`
	Answered    bool          `json:"answered" doc:"Something was committed to the current version"`
	CommittedAt *time.Time    `json:"committed_at" doc:"When last, UTC"`
	CommittedBy string        `json:"committed_by"`

	StartsOn   []portal.Date   `json:"starts_on" doc:"First day of each bucket that is not over"`
	Zone       []Zone          `json:"zone" doc:"firm, trade_off or planning"`
	Forecast   []portal.Amount `json:"forecast"`
	Previous   []portal.Amount `json:"previous" doc:"In the version before; empty where it had no such bucket"`
	Earlier    []portal.Amount `json:"earlier" doc:"In the version before that"`
	Change     []portal.Amount `json:"change" doc:"forecast - previous; empty where there is no previous"`
	ChangePct  []portal.Amount `json:"change_pct" doc:"Per cent of previous, to one place; empty where previous is none or 0"`
	Committed  []portal.Amount `json:"committed" doc:"Empty where nothing was"`
	Asked      []portal.Amount `json:"asked" doc:"The forecast that the commitment answered; other than forecast: it has moved since"`
	Gap        []portal.Amount `json:"gap" doc:"committed - forecast; empty where nothing was committed"`
	Cumulative []portal.Amount `json:"cumulative" doc:"Sum of forecast up to the bucket"`
	Reason     []string        `json:"reason"`
	Note       []string        `json:"note"`
	History    []Used          `json:"history" doc:"The latest buckets that are over, oldest first"`
}

// Used is a bucket that is over.
type Used struct {
	StartsOn portal.Date   `json:"starts_on" format:"date"`
	Quantity portal.Amount `json:"quantity" doc:"What was called off or used"`
	Received portal.Amount `json:"received" doc:"What arrived; empty where the host does not say"`
}

// A Grid is a stretch of the items of a forecast.
type Grid struct {
	Versions []Version   `json:"versions" doc:"The current one and the two before it"`
	Terms    Terms       `json:"terms"`
	Today    portal.Date `json:"today" format:"date" doc:"The day by which zones are reckoned"`
	Items    []Item      `json:"items"`
	Next     string      `json:"next" doc:"Cursor of the next page; empty = this is the last"`
}

// Current is the version that is to be answered; the zero Version where nothing was published.
func (g Grid) Current() Version {
	if len(g.Versions) == 0 {
		return Version{}
	}
	return g.Versions[0]
}

// A Filter narrows a Grid; the zero Filter shows its first items.
type Filter struct {
	Text     string // the beginning of a product's number
	Location string
	Limit    int    // 1 to 2000; 0 = 20
	Cursor   string // from Grid.Next
	History  int    // buckets that are over, at most
	all      bool
}

// Check returns an Invalid error naming every field that cannot be meant, and fills in the defaults.
func (f *Filter) Check() error {
	bad := map[string]string{}
	if f.Limit == 0 {
		f.Limit = 20
	}
	if f.Limit < 1 || f.Limit > 2000 {
		bad["limit"] = "must be from 1 to 2000"
	}
	for field, s := range map[string]string{"q": f.Text, "location": f.Location} {
		if len(s) > 100 || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' }) {
			bad[field] = "must be at most 100 readable characters"
		}
	}
	if _, err := f.after(); err != nil {
		bad["cursor"] = "is not one that this list gave; begin again without it"
	}
	if len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this forecast cannot be shown so", Fields: bad}
	}
	return nil
}

// Key tells one filter from every other.
func (f Filter) Key() string {
	b, _ := json.Marshal(f) // strings and numbers: it cannot fail
	return string(b)
}

func (f Filter) after() (last [2]string, err error) {
	if f.Cursor == "" {
		return last, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(f.Cursor)
	if err == nil {
		err = json.Unmarshal(b, &last)
	}
	if err == nil && strings.ContainsRune(last[0]+last[1], 0) {
		err = errors.New("not a cursor")
	}
	return last, err
}

// TermsOf are those that hold for the partner at t, or the usual ones.
func TermsOf(ctx context.Context, tx *portal.Tx, partner int64, at time.Time) (t Terms, err error) {
	err = tx.Get(ctx, &t, `SELECT since, firm_days, tradeoff_days, commit_days, tolerance, make_share, buy_share, time_zone, calendar, year_begins, set_by
		FROM forecast_terms WHERE partner_id = $1 AND since <= $2 ORDER BY since DESC LIMIT 1`, partner, at)
	if errors.Is(err, sql.ErrNoRows) {
		return Usual, nil
	}
	if err != nil {
		return t, fmt.Errorf("looking up terms: %w", err)
	}
	return t, nil
}

// versionsOf is a walk from one publication to the one before: the index is entered once for each, however many items it has.
const versionsOf = `
		WITH RECURSIVE v AS (
			(SELECT version, published_at, plan_run, 1 AS n FROM forecasts WHERE partner_id = $1 ORDER BY published_at DESC, version DESC LIMIT 1)
			UNION ALL
			SELECT n.version, n.published_at, n.plan_run, v.n + 1 FROM v CROSS JOIN LATERAL (SELECT version, published_at, plan_run FROM forecasts
				WHERE partner_id = $1 AND (published_at, version) < (v.published_at, v.version) ORDER BY published_at DESC, version DESC LIMIT 1) n
			WHERE v.n < $2)
		SELECT version, published_at, coalesce(plan_run, '') AS plan_run FROM v ORDER BY n`

// Versions lists what was published for the partner, the latest first.
func Versions(ctx context.Context, tx *portal.Tx, partner int64, limit int) (list []Version, err error) {
	err = tx.Select(ctx, &list, versionsOf, partner, limit)
	if err != nil {
		return nil, fmt.Errorf("listing versions: %w", err)
	}
	return list, nil
}

// Show returns a stretch of the caller's own current forecast, as far as its sites go. Without the right to it: Forbidden.
func Show(ctx context.Context, tx *portal.Tx, f Filter) (g Grid, err error) {
	if err := tx.Need(portal.ForecastsRead); err != nil {
		return g, err
	}
	return show(ctx, tx, tx.By.PartnerID, f)
}

// ShowOf is Show of any supplier's, for the host's staff.
func ShowOf(ctx context.Context, tx *portal.Tx, partner int64, f Filter) (g Grid, err error) {
	if err := tx.Need(portal.PlansManage); err != nil {
		return g, err
	}
	return show(ctx, tx, partner, f)
}

// All is the whole of a partner's grid, with the whole of its history.
func all(ctx context.Context, tx *portal.Tx, partner int64) (Grid, error) {
	return show(ctx, tx, partner, Filter{all: true, Limit: 1, History: 6})
}

func show(ctx context.Context, tx *portal.Tx, partner int64, f Filter) (g Grid, err error) {
	if err := f.Check(); err != nil {
		return g, err
	}
	if g.Terms, err = TermsOf(ctx, tx, partner, tx.Now); err != nil {
		return g, err
	}
	g.Today, g.Items = g.Terms.Today(tx.Now), []Item{}
	if g.Versions, err = Versions(ctx, tx, partner, 3); err != nil {
		return g, err
	}
	if len(g.Versions) == 0 {
		g.Versions = []Version{}
		return g, nil
	}
	for i := range g.Versions {
		g.Versions[i].DueOn = g.Terms.Due(g.Versions[i].PublishedAt)
	}
	keys, more, err := items(ctx, tx, partner, f, g.Versions)
	if err != nil || len(keys) == 0 {
		return g, err
	}
	if more {
		b, _ := json.Marshal(keys[len(keys)-1]) // text: it cannot fail
		g.Next = base64.RawURLEncoding.EncodeToString(b)
	}
	g.Items, err = fill(ctx, tx, partner, g, keys, f.History)
	return g, err
}

const itemsOf = `SELECT DISTINCT product, location FROM forecasts
		WHERE partner_id = $1 AND version = ANY($2) AND (product, location) > ($3, $4) AND ($5::text[] IS NULL OR site = ANY($5))
			AND ($6 = '' OR product ~>=~ $6 AND product ~<~ ($6 || chr(1114111))) AND ($7 = '' OR location = $7)
		ORDER BY product, location LIMIT $8`

// items are the products and locations of a page.
func items(ctx context.Context, tx *portal.Tx, partner int64, f Filter, versions []Version) (keys [][2]string, more bool, err error) {
	last, _ := f.after()
	limit := any(f.Limit + 1)
	if f.all {
		limit = nil
	}
	err = tx.Each(ctx, func(row *sqlx.Rows) error {
		var k [2]string
		err := row.Scan(&k[0], &k[1])
		keys = append(keys, k)
		return err
	}, itemsOf, partner, names(versions[:min(2, len(versions))]), last[0], last[1], portal.Limit(tx.By.Sites), strings.TrimSpace(f.Text), f.Location, limit)
	if err != nil {
		return nil, false, fmt.Errorf("finding the items of a forecast: %w", err)
	}
	if !f.all && len(keys) > f.Limit {
		return keys[:f.Limit], true, nil
	}
	return keys, false, nil
}

func names(versions []Version) pq.StringArray {
	list := make(pq.StringArray, len(versions))
	for i, v := range versions {
		list[i] = v.Version
	}
	return list
}

// split reads a list as Postgres writes it.
func split[T ~string](s string) []T {
	s = s[1 : len(s)-1]
	if s == "" {
		return nil
	}
	list := make([]T, 0, strings.Count(s, ",")+1)
	for part := range strings.SplitSeq(s, ",") {
		if part == "NULL" {
			part = ""
		}
		list = append(list, T(part))
	}
	return list
}

// fill reads what there is about the items of keys, which are in order.
func fill(ctx context.Context, tx *portal.Tx, partner int64, g Grid, keys [][2]string, history int) ([]Item, error) {
	list := make([]Item, len(keys))
	at := make(map[[2]string]int, len(keys))
	for i, k := range keys {
		list[i] = Item{Product: k[0], Location: k[1], Name: k[0], Dropped: true, History: []Used{}}
		at[k] = i
	}
	first, last := keys[0], keys[len(keys)-1]
	drawn := make([][3]series, len(keys))
	days := calendar{terms: g.Terms, today: g.Today}
	version := map[string]int{}
	for i, v := range g.Versions {
		version[v.Version] = i
	}
	err := tx.Each(ctx, func(row *sqlx.Rows) error {
		var k [2]string
		var v, site, kind, unit, currency, starts, quantities string
		var price portal.Amount
		if err := row.Scan(&k[0], &k[1], &v, &site, &kind, &unit, &price, &currency, &starts, &quantities); err != nil {
			return err
		}
		i, ok := at[k]
		if !ok {
			return nil
		}
		n, o := version[v], &list[i]
		drawn[i][n] = series{days.read(starts, kind), split[portal.Amount](quantities)}
		if n == 0 || o.Kind == "" || o.Dropped && n == 1 {
			o.Site, o.Kind, o.Unit, o.Price, o.Currency = site, kind, unit, price, currency
		}
		if n == 0 {
			o.Dropped = false
		}
		return nil
	}, `SELECT product, location, version, coalesce(site, ''), kind, coalesce(unit, ''), price, coalesce(currency, ''), starts_on::text, quantity::text
		FROM forecasts WHERE partner_id = $1 AND version = ANY($2) AND (product, location) BETWEEN ($3, $4) AND ($5, $6)`,
		partner, names(g.Versions), first[0], first[1], last[0], last[1])
	if err != nil {
		return nil, fmt.Errorf("reading forecasts: %w", err)
	}
	answers, err := answersOf(ctx, tx, partner, first, last)
	if err != nil {
		return nil, err
	}
	var t tally
	for i := range list {
		now := drawn[i][0]
		if list[i].Dropped { // what was planned before is now 0
			now = drawn[i][1]
			now.quantities = make([]portal.Amount, len(now.days.starts))
			for j := range now.quantities {
				now.quantities[j] = "0"
			}
		}
		list[i].lay(&t, now, drawn[i][1], drawn[i][2], answers[keys[i]], g)
	}
	if err := describe(ctx, tx, partner, list, at, first, last, history); err != nil {
		return nil, err
	}
	return list, nil
}

// A series is what one version says of an item.
type series struct {
	days       days
	quantities []portal.Amount
}

// days are the first days of buckets, and where those lie that are not over: from is the first of them.
type days struct {
	text, kind string
	starts     []portal.Date
	zones      []Zone
	from       int
}

// A calendar reads lists of days. Items mostly have the same ones, so each list is read and laid out once as long as it comes again.
type calendar struct {
	terms Terms
	today portal.Date
	last  [4]days // that were read, by turns
	next  int
}

func (c *calendar) read(text, kind string) days {
	for _, d := range c.last {
		if d.text == text && d.kind == kind {
			return d
		}
	}
	d := days{text: text, kind: kind, starts: split[portal.Date](text)}
	d.zones = c.terms.Zones(d.starts, kind, c.today)
	for d.from < len(d.zones) && d.zones[d.from] == Past {
		d.from++
	}
	c.last[c.next%len(c.last)] = d
	c.next++
	return d
}

// lay sets the lists side by side, bucket by bucket, without those that are over.
func (o *Item) lay(t *tally, now, before, earlier series, a answer, g Grid) {
	from := now.days.from
	n := len(now.days.starts) - from
	o.StartsOn, o.Zone, o.Forecast = now.days.starts[from:], now.days.zones[from:], now.quantities[from:]
	cells := make([]portal.Amount, 8*n) // one piece of memory for all
	part := func() []portal.Amount { p := cells[:n:n]; cells = cells[n:]; return p }
	o.Previous, o.Earlier, o.Change, o.ChangePct, o.Committed, o.Asked, o.Gap, o.Cumulative = part(), part(), part(), part(), part(), part(), part(), part()
	words := make([]string, 2*n)
	o.Reason, o.Note = words[:n:n], words[n:]
	if a.version != "" {
		o.Answered, o.CommittedBy, o.CommittedAt = a.version == g.Current().Version, a.by, &a.at
	}
	var sum number
	var p, e, c int // where in the others
	for i, s := range o.StartsOn {
		forecast := numberOf(o.Forecast[i])
		sum = sum.plus(forecast)
		t.add(&o.Cumulative[i], sum)
		if p = seek(before.days.starts, p, s); p < len(before.days.starts) && before.days.starts[p] == s {
			o.Previous[i] = before.quantities[p]
			previous := numberOf(o.Previous[i])
			change := forecast.minus(previous)
			t.add(&o.Change[i], change)
			if !previous.isZero() {
				t.add(&o.ChangePct[i], change.share(previous))
			}
		}
		if e = seek(earlier.days.starts, e, s); e < len(earlier.days.starts) && earlier.days.starts[e] == s {
			o.Earlier[i] = earlier.quantities[e]
		}
		if c = seek(a.starts, c, s); c < len(a.starts) && a.starts[c] == s {
			o.Committed[i], o.Asked[i], o.Reason[i], o.Note[i] = a.quantity[c], a.asked[c], a.reason[c], a.note[c]
			t.add(&o.Gap[i], numberOf(a.quantity[c]).minus(forecast))
		}
	}
	t.done()
}

// seek is the first place from at on whose day is not before s.
func seek(days []portal.Date, at int, s portal.Date) int {
	for at < len(days) && days[at] < s {
		at++
	}
	return at
}

// An answer is what was committed for an item so far.
type answer struct {
	revision int64
	version  string
	starts   []portal.Date
	quantity []portal.Amount
	asked    []portal.Amount
	reason   []string
	note     []string
	by       string
	at       time.Time
}

const answerColumns = `c.product, c.location, revision, version, starts_on::text, quantity::text, asked::text, reason, note, committed_by, committed_at`

const answersBetween = `SELECT ` + answerColumns + ` FROM commits c WHERE c.partner_id = $1 AND latest AND (product, location) BETWEEN ($2, $3) AND ($4, $5)`

// answersOf reads the latest commits of the items from first to last.
func answersOf(ctx context.Context, tx *portal.Tx, partner int64, first, last [2]string) (map[[2]string]answer, error) {
	return readAnswers(ctx, tx, answersBetween,
		partner, first[0], first[1], last[0], last[1])
}

func readAnswers(ctx context.Context, tx *portal.Tx, query string, args ...any) (map[[2]string]answer, error) {
	all := map[[2]string]answer{}
	err := tx.Each(ctx, func(row *sqlx.Rows) error {
		var k [2]string
		var a answer
		var starts, quantity, asked string
		var reason, note pq.StringArray
		if err := row.Scan(&k[0], &k[1], &a.revision, &a.version, &starts, &quantity, &asked, &reason, &note, &a.by, &a.at); err != nil {
			return err
		}
		a.starts, a.quantity, a.asked, a.reason, a.note = split[portal.Date](starts), split[portal.Amount](quantity), split[portal.Amount](asked), reason, note
		a.at = a.at.UTC()
		all[k] = a
		return nil
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("reading commits: %w", err)
	}
	return all, nil
}

// describe adds what is known of the items beside their forecast.
func describe(ctx context.Context, tx *portal.Tx, partner int64, list []Item, at map[[2]string]int, first, last [2]string, history int) error {
	each := func(f func(row *sqlx.Rows) error, query string) error {
		return tx.Each(ctx, f, query, partner, first[0], first[1], last[0], last[1])
	}
	var products pq.StringArray
	for i := range list {
		if i == 0 || list[i].Product != list[i-1].Product {
			products = append(products, list[i].Product)
		}
	}
	named := map[string]string{}
	err := tx.Each(ctx, func(row *sqlx.Rows) error {
		var product, name string
		err := row.Scan(&product, &name)
		named[product] = name
		return err
	}, `SELECT product, name FROM products WHERE product = ANY($1)`, products)
	if err != nil {
		return fmt.Errorf("naming products: %w", err)
	}
	for i := range list {
		if name := named[list[i].Product]; name != "" {
			list[i].Name = name
		}
	}
	if err := report(ctx, tx, partner, list, products); err != nil {
		return err
	}
	err = each(func(row *sqlx.Rows) error {
		var k [2]string
		var onHand, inTransit portal.Amount
		if err := row.Scan(&k[0], &k[1], &onHand, &inTransit); err != nil {
			return err
		}
		if i, ok := at[k]; ok {
			list[i].OnHand, list[i].InTransit = onHand, inTransit
		}
		return nil
	}, `SELECT product, location, on_hand, in_transit FROM supplier_inventory WHERE partner_id = $1 AND (product, location) BETWEEN ($2, $3) AND ($4, $5)`)
	if err != nil {
		return fmt.Errorf("reading inventory: %w", err)
	}
	if history == 0 {
		return nil
	}
	err = each(func(row *sqlx.Rows) error {
		var k [2]string
		var kind, starts, quantity, received string
		if err := row.Scan(&k[0], &k[1], &kind, &starts, &quantity, &received); err != nil {
			return err
		}
		i, ok := at[k]
		if !ok || kind != list[i].Kind {
			return nil
		}
		s, q, r := split[portal.Date](starts), split[portal.Amount](quantity), split[portal.Amount](received)
		for j := max(0, len(s)-history); j < len(s); j++ {
			list[i].History = append(list[i].History, Used{s[j], q[j], r[j]})
		}
		return nil
	}, `SELECT product, location, kind, starts_on::text, quantity::text, received::text FROM demand_history WHERE partner_id = $1 AND (product, location) BETWEEN ($2, $3) AND ($4, $5)`)
	if err != nil {
		return fmt.Errorf("reading the history of demand: %w", err)
	}
	return nil
}

// report adds what the supplier said to have of the products, at all its sites that the caller sees.
func report(ctx context.Context, tx *portal.Tx, partner int64, list []Item, products []string) error {
	stock, err := supplies.OnHand(ctx, tx, partner, products)
	if err != nil {
		return err
	}
	i := 0
	for _, s := range stock { // both are by product
		for i < len(list) && list[i].Product < s.Product {
			i++
		}
		for j := i; j < len(list) && list[j].Product == s.Product; j++ {
			o := &list[j]
			o.AtSupplier = portal.Amount(o.AtSupplier.Number().Add(s.OnHand.Number()).String())
			o.InProcess = portal.Amount(o.InProcess.Number().Add(s.InProcess.Number()).String())
			if o.CountedOn == "" || s.CountedOn < o.CountedOn {
				o.CountedOn = s.CountedOn
			}
		}
	}
	return nil
}

// Take is the caller's whole current forecast, to be taken away as a file of the kind; that is audited.
func Take(ctx context.Context, tx *portal.Tx, kind string) (g Grid, err error) {
	if err := tx.Need(portal.ForecastsRead); err != nil {
		return g, err
	}
	if err := tx.Audit(ctx, "forecasts.export", "forecasts", map[string]string{"format": kind}); err != nil {
		return g, err
	}
	return show(ctx, tx, tx.By.PartnerID, Filter{all: true, Limit: 1})
}

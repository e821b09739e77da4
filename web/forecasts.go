package web

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/forecasts"
)

// A zoneWord is how a zone is said.
var zoneWords = map[forecasts.Zone]statusWord{
	forecasts.Past: {"Past", Neutral, IconTick}, forecasts.Firm: {"Firm", Bad, IconLock}, forecasts.TradeOff: {"Trade-off", Warn, IconWarning}, forecasts.Planning: {"Planning", Info, IconInfo},
}

var troubleWords = map[string]statusWord{
	"short": {"Short", Bad, IconProblem}, "over": {"Over", Info, IconInfo}, "late": {"Late", Warn, IconOverdue}, "changed": {"Changed while firm", Warn, IconChanges}, "dropped": {"Dropped", Neutral, IconCancelled},
}

var reasonWords = map[string]Words{
	"capacity": "Capacity", "material": "Material", "tooling": "Tooling", "quality": "Quality", "transport": "Transport", "holiday": "Holiday", "phase_out": "Phase-out", "other": "Other",
}

var ruleWords = map[string]Words{
	"none": "Nothing: we answer each version ourselves", "unchanged": "What is the same as we committed to before", "tolerance": "What our last commitment meets within the tolerance", "all": "Everything as it is asked for",
}

// measures are the rows that a grid can show for each item.
type measure struct {
	key   string
	label Words
}

var measures = []measure{
	{"forecast", "Forecast"}, {"previous", "Previous version"}, {"change", "Change"}, {"commit", "Commit"}, {"gap", "Gap"}, {"cumulative", "Cumulative"},
}

// A gridColumn is one bucket.
type gridColumn struct {
	day   portal.Date
	label Words
	zone  forecasts.Zone
}

// forecastPage is what the page of the grid shows.
type forecastPage struct {
	grid    forecasts.Grid
	filter  forecasts.Filter
	address Address
	shown   []string
	columns []gridColumn
	wide    bool // all buckets
	fresh   Freshness
	watch   forecasts.Exceptions
	rule    string
	may     bool // commit
	whole   bool // of all sites
	typed   url.Values
	refused map[string]forecasts.Refused
	report  *forecasts.Report
	fault   *portal.Error
}

const (
	itemsOnPage = 20
	near        = 13 // buckets shown unless all are asked for
)

func forecastFilter(q url.Values) (forecasts.Filter, Address) {
	kept := url.Values{}
	for _, name := range []string{"q", "location", "wide"} {
		if v := strings.TrimSpace(q.Get(name)); v != "" {
			kept.Set(name, v)
		}
	}
	for _, m := range q["show"] {
		if slices.ContainsFunc(measures, func(k measure) bool {
			return k.key == m
		}) && !slices.Contains(kept["show"], m) {
			kept.Add("show", m)
		}
	}
	return forecasts.Filter{Text: strings.ToUpper(kept.Get("q")), Location: kept.Get("location"), Limit: itemsOnPage, Cursor: q.Get("cursor"), History: 4}, Address{Path: "/forecasts", Query: kept}
}

func (w *Web) showForecasts(ctx context.Context, r request) (reply, error) {
	v, err := w.forecastPage(ctx, r, r.query)
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "Forecasts"
	status := 0
	if v.fault != nil {
		status = statuses[v.fault.Kind]
		r.shell.Error = &ShownError{Status: status, Msg: "This forecast cannot be shown so", Fields: v.fault.Fields}
	}
	return reply{status: status, page: ForecastsPage(r.shell, v)}, nil
}

func (w *Web) forecastPage(ctx context.Context, r request, query url.Values) (v forecastPage, err error) {
	if err := r.by.Need(portal.ForecastsRead); err != nil {
		return v, err
	}
	v.filter, v.address = forecastFilter(query)
	v.may, v.whole = r.by.Perms.Has(portal.ForecastsCommit), r.by.Sites == nil
	if v.shown = v.address.Query["show"]; len(v.shown) == 0 {
		v.shown = []string{"forecast", "change", "commit", "gap"}
	}
	v.wide = v.address.Query.Get("wide") != ""
	if v.fresh, err = w.fresh(ctx, "forecasts", "demand_history", "supplier_inventory"); err != nil {
		return v, err
	}
	if v.fresh.Offered, err = w.offered(ctx, "forecasts"); err != nil || !v.fresh.Offered {
		return v, err
	}
	if err := v.filter.Check(); err != nil {
		if errors.As(err, &v.fault) {
			return v, nil
		}
		return v, err
	}
	hour := w.db.Now().UTC().Format("2006010215")
	v.grid, err = read(ctx, w, r.by, "forecasts", "grid"+hour+v.filter.Key(), func(ctx context.Context, tx *portal.Tx) (forecasts.Grid, error) {
		return forecasts.Show(ctx, tx, v.filter)
	})
	if err != nil {
		return v, err
	}
	if v.watch, err = w.watch(ctx, r.by, nil); err != nil {
		return v, err
	}
	err = w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) { v.rule, err = forecasts.RuleOf(ctx, tx, r.by.PartnerID); return err })
	v.columns = columnsOf(v.grid, v.wide)
	return v, err
}

// offered reports whether the host offers the entity.
func (w *Web) offered(ctx context.Context, entity string) (bool, error) {
	f, err := w.db.Freshness(ctx, entity)
	return f.Offered, err
}

func (w *Web) watch(ctx context.Context, by portal.Caller, kinds []string) (forecasts.Exceptions, error) {
	hour := w.db.Now().UTC().Format("2006010215")
	return read(ctx, w, by, "forecasts", "watch"+hour+strings.Join(kinds, ","), func(ctx context.Context, tx *portal.Tx) (forecasts.Exceptions, error) {
		return forecasts.Watch(ctx, tx, kinds)
	})
}

// columnsOf are the buckets of a page's items, by day.
func columnsOf(g forecasts.Grid, wide bool) (list []gridColumn) {
	days := map[portal.Date]gridColumn{}
	for _, o := range g.Items {
		for i, s := range o.StartsOn {
			if wide || i < near {
				days[s] = gridColumn{s, Verbatim(g.Terms.Label(s, o.Kind)), o.Zone[i]}
			}
		}
		for _, u := range o.History {
			if _, known := days[u.StartsOn]; !known {
				days[u.StartsOn] = gridColumn{u.StartsOn, Verbatim(g.Terms.Label(u.StartsOn, o.Kind)), forecasts.Past}
			}
		}
	}
	for _, d := range slices.Sorted(maps.Keys(days)) {
		list = append(list, days[d])
	}
	return list
}

// cell is the place of a column's day in an item; -1 where it has no such bucket.
func cellAt(o forecasts.Item, day portal.Date) int {
	i, found := slices.BinarySearch(o.StartsOn, day)
	if !found {
		return -1
	}
	return i
}

func usedOn(o forecasts.Item, day portal.Date) portal.Amount {
	for _, u := range o.History {
		if u.StartsOn == day {
			return u.Quantity
		}
	}
	return ""
}

// cellName is the name of a field that commits to one bucket.
func cellName(product, location string, day portal.Date) string {
	return "c:" + url.QueryEscape(product) + ":" + url.QueryEscape(location) + ":" + string(day)
}

func readCellName(name string) (product, location string, day portal.Date, ok bool) {
	parts := strings.Split(name, ":")
	if len(parts) != 4 || parts[0] != "c" {
		return "", "", "", false
	}
	product, err := url.QueryUnescape(parts[1])
	location, err2 := url.QueryUnescape(parts[2])
	day, err3 := portal.ParseDate(parts[3])
	return product, location, day, err == nil && err2 == nil && err3 == nil && day != ""
}

// value is what stands in the field of a bucket.
func (v forecastPage) value(o forecasts.Item, i int) string {
	if name := cellName(o.Product, o.Location, o.StartsOn[i]); v.typed.Has(name) {
		return v.typed.Get(name)
	}
	return string(o.Committed[i])
}

func (v forecastPage) refusal(ctx context.Context, o forecasts.Item, i int) string {
	name := cellName(o.Product, o.Location, o.StartsOn[i])
	return T(ctx, cmp.Or(doubtful(ctx, v.typed.Get(name)), Words(v.refused[name].Why)))
}

func (v forecastPage) shows(measure string) bool { return slices.Contains(v.shown, measure) }

// rows is how many an item has.
func (v forecastPage) rows() string { return itoa(len(v.shown)) }

func (v forecastPage) bar(ctx context.Context) Filter {
	var active []Link
	if q := v.address.Query.Get("q"); q != "" {
		active = append(active, Link{Label: Said(ctx, "Product begins with %s", q), Href: v.address.With("q", "")})
	}
	if l := v.address.Query.Get("location"); l != "" {
		active = append(active, Link{Label: Said(ctx, "Location: %s", l), Href: v.address.With("location", "")})
	}
	return Filter{Address: v.address, Clear: "/forecasts", Active: active}
}

func (v forecastPage) pager() Pager {
	p := Pager{Shown: len(v.grid.Items), Noun: "%d items"}
	if v.filter.Cursor != "" {
		p.First = v.address.With()
	}
	if v.grid.Next != "" {
		p.Next = v.address.With("cursor", v.grid.Next)
	}
	return p
}

// here is where the page's form is posted, and comes back to.
func (v forecastPage) here() string { return v.address.With("cursor", v.filter.Cursor) }

func (v forecastPage) asIs(ctx context.Context) Question {
	n := v.watch.Unanswered
	return Question{ID: "as-is", Button: Said(ctx, "Commit %s unanswered as they are", T(ctx, "%d items", n)), Icon: IconTick, Ask: Said(ctx, "Commit to %s as the host asks for them?", T(ctx, "%d items", n)),
		Effect: Said(ctx, "Every bucket of version %s of items that you have not answered yet is committed with the quantity that is asked for. The host sees it at once.", v.grid.Current().Version),
		Yes:    "Yes, commit", Action: "/forecasts/as-is", Hidden: map[string]string{"version": v.grid.Current().Version, "once": uuid.NewString()}}
}

func said(ctx context.Context, r forecasts.Report) (title, text Words) {
	var all []string
	if r.Unchanged > 0 {
		all = append(all, T(ctx, "%d were committed so before.", r.Unchanged))
	}
	if n := len(r.Refused); n > 0 {
		all = append(all, T(ctx, "%d are not committed: each is named with its reason.", n))
	}
	return Said(ctx, "%d buckets committed", r.Committed), Verbatim(strings.Join(all, " "))
}

// commitGrid takes what stands in the commit rows of a page.
func (w *Web) commitGrid(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.ForecastsCommit); err != nil {
		return reply{}, err
	}
	c := forecasts.Commitment{Version: r.form.Get("version"), How: "grid", Reason: r.form.Get("reason"), Note: strings.TrimSpace(r.form.Get("note"))}
	for _, name := range slices.Sorted(maps.Keys(r.form)) {
		product, location, day, ok := readCellName(name)
		if quantity := strings.TrimSpace(r.form.Get(name)); ok && quantity != "" {
			c.Cells = append(c.Cells, forecasts.Cell{Product: product, Location: location, StartsOn: day, Quantity: portal.Amount(quantity), Place: name})
		}
	}
	var report *forecasts.Report
	back, address := forecastFilter(r.query)
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		done, err := forecasts.Commit(ctx, tx, c)
		report = &done
		return address.With("cursor", back.Cursor), err
	})
	if err != nil {
		return reply{}, err
	}
	if report == nil || len(report.Refused) == 0 {
		title, text := Words("These buckets are committed"), Words("")
		if report != nil {
			title, text = said(ctx, *report)
		}
		return reply{to: to, flash: &Flash{Tone: Good, Title: title, Text: text}}, nil
	}
	v, err := w.forecastPage(ctx, r, r.query)
	if err != nil {
		return reply{}, err
	}
	v.typed, v.report, v.refused = r.form, report, map[string]forecasts.Refused{}
	for _, x := range report.Refused {
		v.refused[x.Place] = x
	}
	r.shell.Title = "Forecasts"
	return reply{status: statuses[portal.Invalid], page: ForecastsPage(r.shell, v)}, nil
}

func (w *Web) commitAsIs(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.ForecastsCommit); err != nil {
		return reply{}, err
	}
	flash := Flash{Tone: Good, Title: "These items are committed as they are"}
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		done, err := forecasts.CommitAsIs(ctx, tx, r.form.Get("version"), forecasts.Filter{}, true)
		flash.Title, flash.Text = said(ctx, done)
		if len(done.Refused) > 0 {
			flash.Tone, flash.Text = Warn, "A newer version was published meanwhile: look at what changed and commit again."
		}
		return "/forecasts", err
	})
	return reply{to: to, flash: &flash}, err
}

func (w *Web) setRule(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.ForecastsCommit); err != nil {
		return reply{}, err
	}
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		return "/forecasts", forecasts.SetRule(ctx, tx, r.form.Get("rule"))
	})
	return reply{to: to, flash: &Flash{Tone: Good, Title: "The rule holds from the next version on"}}, err
}

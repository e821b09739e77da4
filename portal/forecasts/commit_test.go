package forecasts_test

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"extranet/portal"
	"extranet/portal/forecasts"
	"extranet/portal/portaltest"
)

func TestMain(m *testing.M) { os.Exit(portaltest.Main(m)) }

// plan publishes two versions of two products to Cord, each of twelve weeks: 100 + 10 for each week further, and 1 more in the second.
const plan = `
	INSERT INTO forecasts (partner_id, version, product, location, supplier, published_at, site, kind, unit, price, currency, starts_on, quantity, changed_at)
	SELECT 4, 'V' || v, p, 'W1', 'S300', timestamptz '2026-02-23 05:00Z' + (v - 1) * interval '7 days', 'S300-' || p, 'week', 'PC', 10, 'EUR',
		(SELECT array_agg(date '2026-02-23' + 7 * (v - 1 + b) ORDER BY b) FROM generate_series(0, 11) b), (SELECT array_agg(100 + 10 * (b + v - 1) + CASE WHEN b < 3 THEN v ELSE 0 END ORDER BY b) FROM generate_series(0, 11) b), now()
	FROM generate_series(1, 2) v, unnest(ARRAY['T1', 'T2']) p`

func do(t testing.TB, p *portaltest.Portal, by portal.Caller, f func(tx *portal.Tx) error) error {
	t.Helper()
	return p.Do(t.Context(), by, f)
}

// refusals are a report's, in a few words.
func refusals(r forecasts.Report) string {
	var all []string
	for _, x := range r.Refused {
		all = append(all, x.Place+" "+x.Code)
	}
	return strings.Join(all, ", ")
}

func TestCommit(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, plan)
	planner := portaltest.As(portaltest.Cord, portal.ForecastsRead, portal.ForecastsCommit)
	commit := func(by portal.Caller, version string, cells ...forecasts.Cell) (r forecasts.Report) {
		t.Helper()
		if err := do(t, p, by, func(tx *portal.Tx) (err error) {
			r, err = forecasts.Commit(t.Context(), tx, forecasts.Commitment{Version: version, Cells: cells, How: "grid"})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return r
	}
	cell := func(product string, day portal.Date, quantity portal.Amount, reason string) forecasts.Cell {
		return forecasts.Cell{Product: product, Location: "W1", StartsOn: day, Quantity: quantity, Reason: reason}
	}
	// Version 2, published on 2 March, begins with 112; from its fourth week on it asks for what version 1 did.
	r := commit(planner, "V2", cell("T1", "2026-03-02", "112", ""), cell("T1", "2026-03-09", "100", "capacity"), cell("T1", "2026-03-16", "100", ""), cell("T1", "2026-03-16", "140.5", ""),
		cell("T1", "2026-03-16", "140", ""), cell("T1", "2026-02-23", "1", ""), cell("T1", "2026-03-03", "1", ""), cell("T9", "2026-03-02", "1", ""), cell("T2", "2026-03-02", "-5", ""),
		cell("T2", "2026-03-02", "1,200", ""), cell("T2", "2026-03-02", "5", "sloth"))
	if r.Committed != 3 || r.Unchanged != 0 || refusals(r) != "3 reason, 5 twice, 6 no_bucket, 7 no_bucket, 8 no_item, 9 quantity, 10 quantity, 11 reason" {
		t.Errorf("%+v", r)
	}
	// The same again changes nothing; a version that is over conflicts where the present one asks for something else.
	if r = commit(planner, "V2", cell("T1", "2026-03-02", "112.0", "")); r.Committed != 0 || r.Unchanged != 1 {
		t.Errorf("again: %+v", r)
	}
	if r = commit(planner, "V1", cell("T1", "2026-03-02", "1000", ""), cell("T1", "2026-03-23", "140", "")); r.Committed != 1 || refusals(r) != "1 conflict" || r.Refused[0].Forecast != "112" {
		t.Errorf("an older version: %+v", r)
	}
	err := do(t, p, planner, func(tx *portal.Tx) error {
		_, err := forecasts.Commit(t.Context(), tx, forecasts.Commitment{Version: "V0", Cells: []forecasts.Cell{cell("T1", "2026-03-02", "1", "")}})
		return err
	})
	if portal.Says(err).Kind != portal.Invalid || portal.Says(err).On("version") == "" {
		t.Errorf("an unknown version: %v", err)
	}
	// Another supplier has no such item, nobody without the right commits, and a person of one site commits for that site.
	if err = do(t, p, portaltest.As(portaltest.Dart, portal.ForecastsCommit), func(tx *portal.Tx) error {
		_, err := forecasts.Commit(t.Context(), tx, forecasts.Commitment{Version: "V2", Cells: []forecasts.Cell{cell("T1", "2026-03-02", "1", "")}})
		return err
	}); portal.Says(err).Kind != portal.NotFound {
		t.Errorf("another supplier: %v", err)
	}
	if err = do(t, p, portaltest.As(portaltest.Cord, portal.ForecastsRead), func(tx *portal.Tx) error {
		_, err := forecasts.Commit(t.Context(), tx, forecasts.Commitment{Version: "V2"})
		return err
	}); portal.Says(err).Kind != portal.Forbidden {
		t.Errorf("without the right: %v", err)
	}
	narrow := planner
	narrow.Sites = []string{"S300-T2"}
	if r = commit(narrow, "V2", cell("T1", "2026-03-09", "110", "material"), cell("T2", "2026-03-09", "110", "material")); r.Committed != 1 || refusals(r) != "1 no_item" {
		t.Errorf("of one site: %+v", r)
	}
	var g forecasts.Grid
	var e forecasts.Exceptions
	if err = do(t, p, planner, func(tx *portal.Tx) (err error) {
		if g, err = forecasts.Show(t.Context(), tx, forecasts.Filter{}); err != nil {
			return err
		}
		e, err = forecasts.Watch(t.Context(), tx, nil)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	first := g.Items[0]
	if got := fmt.Sprintln(len(g.Items), first.Product, first.StartsOn[:2], first.Zone[3:5], first.Forecast[:4], first.Previous[:4], first.Change[:4], first.ChangePct[0], first.Committed[:5], first.Gap[:4], first.Cumulative[:2]); got !=
		"2 T1 [2026-03-02 2026-03-09] [firm trade_off] [112 122 132 140] [111 121 130 140] [1 1 2 0] 0.9 [112 100 140.5 140 ] [0 -22 8.5 0] [112 234]\n" {
		t.Error(got)
	}
	if got := fmt.Sprint(e.Counts, e.Unanswered, e.Of); got != "map[changed:6 dropped:0 late:0 over:1 short:2] 0 2" {
		t.Error(got)
	}
	if e.Items[0].Kind != "short" || e.Items[0].Value != "220" {
		t.Errorf("the heaviest is %+v", e.Items[0])
	}
	var posts, revisions, audits int
	for query, n := range map[string]*int{
		`SELECT count(*) FROM outbox WHERE name = 'commit_forecast' AND partner_id = 4 AND document = 'forecasts/V2'`: &posts,
		`SELECT count(*) FROM commits WHERE product = 'T1'`:                                                           &revisions,
		`SELECT count(*) FROM audit WHERE action = 'forecasts.commit'`:                                                &audits,
	} {
		if err := p.Owner.QueryRow(query).Scan(n); err != nil {
			t.Fatal(err)
		}
	}
	if posts != 3 || revisions != 2 || audits != 3 {
		t.Errorf("%d posts, %d revisions, %d audits", posts, revisions, audits)
	}
	// The host sees the same gap, and without the right nothing.
	planning := portaltest.As(portaltest.Host, portal.PlansManage)
	if err := p.AcrossPartners(t.Context(), planning, portal.PlansManage, func(tx *portal.Tx) error {
		list, err := forecasts.Standings(t.Context(), tx)
		if err != nil {
			return err
		}
		if len(list) != 1 || list[0].Partner != "S300" || list[0].Items != 2 || list[0].Answered != 2 || list[0].Short != 2 || list[0].Value != "340" {
			t.Errorf("%+v", list)
		}
		theirs, err := forecasts.WatchOf(t.Context(), tx, portaltest.Cord, nil)
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(theirs.Counts, e.Counts) || len(theirs.Items) != len(e.Items) || theirs.Items[0].Value != e.Items[0].Value {
			t.Errorf("the host sees %v,\nthe supplier %v", theirs, e)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	// The answer is due on 5 March. From the 6th, what is firm or trade-off and not answered is late.
	p.Pass(4 * 24 * time.Hour)
	if err = do(t, p, planner, func(tx *portal.Tx) (err error) {
		e, err = forecasts.Watch(t.Context(), tx, []string{"late"})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if e.Counts["late"] != 2*12-5 || len(e.Items) != 19 {
		t.Errorf("late: %v, %d listed", e.Counts, len(e.Items))
	}
}

// TestCommitAsIs commits to everything at once, and to what is left when a new version comes.
func TestCommitAsIs(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, plan)
	planner := portaltest.As(portaltest.Cord, portal.ForecastsRead, portal.ForecastsCommit)
	for _, want := range []struct{ committed, unchanged int }{{24, 0}, {0, 0}} {
		var r forecasts.Report
		if err := do(t, p, planner, func(tx *portal.Tx) (err error) {
			r, err = forecasts.CommitAsIs(t.Context(), tx, "V2", forecasts.Filter{}, true)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if r.Committed != want.committed || r.Unchanged != want.unchanged || len(r.Refused) > 0 {
			t.Errorf("%+v, want %+v", r, want)
		}
	}
}

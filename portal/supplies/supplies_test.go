package supplies

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"extranet/portal"
	"extranet/portal/portaltest"
	"extranet/portal/sheet"
)

func TestMain(m *testing.M) { os.Exit(portaltest.Main(m)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const bought = `
	INSERT INTO sites (partner_id, site, name, changed_at) VALUES (4, 'P1', 'Plant 1', now()), (4, 'P2', 'Plant 2', now());
	INSERT INTO purchase_orders (partner_id, number, site, status, currency, ordered_on, net, changed_at) VALUES (4, 'P1', 'P1', 'open', 'EUR', '2026-02-01', 500, now()), (5, 'P1', 'P1', 'open', 'EUR', '2026-02-01', 500, now());
	INSERT INTO purchase_order_lines (partner_id, order_number, line, product, description, unit, quantity, received, price, net, status, changed_at)
	VALUES (4, 'P1', 10, 'T1', 'Tyre', 'PC', 100, 60, 4.5, 450, 'open', now()), (4, 'P1', 20, 'T2', 'Tube', 'PC', 50, 0, 2, 100, 'open', now()), (5, 'P1', 10, 'T9', 'Rim', 'PC', 50, 0, 2, 100, 'open', now());`

var (
	cord  = portaltest.As(portaltest.Cord, portal.PurchasingRead, portal.StockReport)
	plant = func() portal.Caller { c := cord; c.Sites = []string{"P2"}; return c }()
	buyer = portaltest.As(portaltest.Host, portal.PurchasesRead)
)

// TestMake_accounts holds that every line of a report, by API or as a file, is kept or refused with its reason, and that the newest count stays.
func TestMake_accounts(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, bought)
	make := func(by portal.Caller, r Report) (a Accounted, err error) {
		err = p.Do(t.Context(), by, func(tx *portal.Tx) (err error) { a, err = Make(t.Context(), tx, r); return err })
		return a, err
	}
	a, err := make(cord, Report{
		Stocks:     []Count{{"T1", "P1", "40", "5", "2026-03-01"}, {"T9", "", "1", "", ""}, {"T1", "P9", "1", "", ""}, {"T1", "P1", "3", "", ""}, {"T2", "", "-1", "", ""}, {"T2", "", "1", "", "2026-03-03"}, {"T2", "P2", "12", "", ""}},
		Capacities: []Week{{"T1", "P1", "2026-03-04", "400"}, {"T1", "P1", "2026-03-08", "1"}, {"T1", "P1", "2026-02-20", "1"}, {"T2", "P2", "2026-03-16", "90"}}})
	must(t, err)
	var said []string
	for _, f := range a.Refused {
		said = append(said, fmt.Sprintf("%d %s", f.Row, f.Why))
	}
	want := []string{"2 the host buys no product of this number from you", `3 you have no site "P9"`, "4 is said twice for the same site", "5 on hand must be a number from 0 on, such as 40", "6 counted on must not be after today",
		"9 is said twice for the same week and site", "10 that week is over"}
	if a.Stocks != 2 || a.Capacities != 2 || strings.Join(said, "\n") != strings.Join(want, "\n") {
		t.Errorf("%+v\n%s", a, strings.Join(said, "\n"))
	}
	// An older count never takes a newer one's place; those limited to a site speak of it alone.
	if a, err = make(cord, Report{Stocks: []Count{{"T1", "P1", "1", "", "2026-02-28"}}}); err != nil || a.Report != 0 || len(a.Refused) != 1 {
		t.Errorf("an older count: %+v %v", a, err)
	}
	if a, err = make(plant, Report{Stocks: []Count{{"T1", "P1", "1", "", ""}, {"T1", "", "1", "", ""}, {"T2", "P2", "13", "", ""}}}); err != nil || a.Stocks != 1 || len(a.Refused) != 2 {
		t.Errorf("by one of a plant: %+v %v", a, err)
	}
	if _, err := make(cord, Report{}); portal.Says(err).Kind != portal.Invalid {
		t.Errorf("nothing: %v", err)
	}
	// As a file, by the row as the spreadsheet counts.
	table, err := sheet.Text("Product;Site;On hand;In process;Counted on;Week;Capacity\n\nT1;P1;1.234,5;7;2.3.2026;;\nT1;P1;;;;9.3.2026;380\nT2;P2;x;;;;\nT2;P2;;;;;\n", sheet.Limits{})
	must(t, err)
	must(t, p.Do(t.Context(), cord, func(tx *portal.Tx) (err error) { a, err = MakeFromTable(t.Context(), tx, table); return err }))
	if a.Stocks != 1 || a.Capacities != 1 || len(a.Refused) != 2 || a.Refused[0].Row != 5 || a.Refused[1].Row != 6 {
		t.Errorf("a file: %+v", a)
	}
	var stocks []Stock
	must(t, p.Do(t.Context(), cord, func(tx *portal.Tx) (err error) { stocks, _, err = Stocks(t.Context(), tx, Filter{}); return err }))
	if len(stocks) != 2 || stocks[0].OnHand != "1234.5" || stocks[0].CountedOn != "2026-03-02" || stocks[1].OnHand != "13" {
		t.Errorf("what is known: %+v", stocks)
	}
	must(t, p.Do(t.Context(), plant, func(tx *portal.Tx) (err error) { stocks, _, err = Stocks(t.Context(), tx, Filter{}); return err }))
	if len(stocks) != 1 || stocks[0].Site != "P2" {
		t.Errorf("one of a plant sees %+v", stocks)
	}
	// The core is told of what was kept alone, and the host reads all of it page by page.
	var told []string
	must(t, p.AsWorker(t.Context(), "test", func(tx *portal.Tx) error {
		return tx.Select(t.Context(), &told, `SELECT content::json->>'stocks' FROM outbox WHERE name = 'report_supply' ORDER BY place`)
	}))
	if len(told) != 3 || strings.Contains(told[0], "T9") || !strings.Contains(told[0], `"on_hand":"40"`) {
		t.Errorf("the core is told %q", told)
	}
	var seen []string
	for f, more := (Filter{Limit: 1}), true; more; more = f.Cursor != "" {
		must(t, p.AcrossPartners(t.Context(), buyer, portal.PurchasesRead, func(tx *portal.Tx) error {
			list, next, err := CapacitiesAcross(t.Context(), tx, f)
			for _, c := range list {
				seen = append(seen, c.Partner+" "+c.Product+" "+string(c.WeekOf))
			}
			f.Cursor = next
			return err
		}))
	}
	if strings.Join(seen, ", ") != "S300 T1 2026-03-02, S300 T1 2026-03-09, S300 T2 2026-03-16" {
		t.Errorf("the host sees %q", seen)
	}
}

// TestPlans shows that the lists walk an index of the partner's, enter it at the cursor, and sort nothing.
func TestPlans(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, `
		INSERT INTO supply_stocks (partner_id, product, site, on_hand, in_process, counted_on, report, at, by_whom) SELECT 4 + i % 2, 'T' || i / 4, 'P' || i % 4, i, 0, '2026-03-01', 1, now(), 'x' FROM generate_series(1, 40000) i;
		INSERT INTO supply_capacities (partner_id, product, site, week_of, quantity, report, at, by_whom) SELECT 4 + i % 2, 'T' || i / 40, 'P' || i % 4, date '2026-03-02' + 7 * (i / 4 % 10), i, 1, now(), 'x' FROM generate_series(1, 40000) i;`)
	p.Arrange(t, `ANALYZE supply_stocks; ANALYZE supply_capacities`)
	deep := cursor{Product: "T5", Site: "P1", Week: "2026-03-09"}.String()
	for name, c := range map[string]struct {
		query func(f Filter, tx *portal.Tx) (string, []any)
		f     Filter
		enter string
		sorts bool
	}{
		"stocks":            {Filter.stocks, Filter{Cursor: deep}, "ROW(product, site) >", false},
		"stocks, prefix":    {Filter.stocks, Filter{Text: "t77"}, "product_search ~>=~", true},
		"capacities":        {Filter.capacities, Filter{Cursor: deep}, "ROW(product, site, week_of) >", false},
		"capacities, begin": {Filter.capacities, Filter{}, "partner_id =", false},
	} {
		must(t, c.f.Check())
		var plan []string
		must(t, p.Do(t.Context(), cord, func(tx *portal.Tx) error {
			query, args := c.query(c.f, tx)
			return tx.Select(t.Context(), &plan, `EXPLAIN `+query, args...)
		}))
		if text := strings.Join(plan, "\n"); !strings.Contains(text, "Index Cond") || !strings.Contains(text, c.enter) || strings.Contains(text, "Sort") && !c.sorts {
			t.Errorf("%s is not entered by %q:\n%s", name, c.enter, text)
		}
	}
}

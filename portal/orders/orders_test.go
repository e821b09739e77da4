package orders_test

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"extranet/portal"
	"extranet/portal/orders"
	"extranet/portal/portaltest"
)

func TestMain(m *testing.M) { os.Exit(portaltest.Main(m)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fill gives Acme and Brock n orders each, with equal days, missing promises and equal totals among them.
func fill(t testing.TB, p *portaltest.Portal, n int) {
	t.Helper()
	p.Arrange(t, `
		INSERT INTO orders (partner_id, number, site, po_number, status, currency, ordered_on, promised_on, net, tax, total, changed_at)
		SELECT partner, CASE partner WHEN 2 THEN 'A' ELSE 'B' END || i, (ARRAY['D100', 'D101', NULL])[1 + i % 3], 'po-' || i % 40, (ARRAY['open', 'shipped', 'held'])[1 + i % 3], 'EUR',
			date '2026-01-01' + (i * 7) % 20, CASE WHEN i % 4 > 0 THEN date '2026-02-01' + (i * 3) % 10 END, i % 13, 0, i % 13, now()
		FROM generate_series(1, $1::int) i, unnest(ARRAY[2, 3]) partner`, n)
	p.Arrange(t, `ANALYZE orders`)
}

func list(t testing.TB, p *portaltest.Portal, by portal.Caller, f orders.Filter) (page orders.Page, err error) {
	t.Helper()
	err = p.Do(t.Context(), by, func(tx *portal.Tx) (err error) {
		page, err = orders.List(t.Context(), tx, f)
		return err
	})
	return page, err
}

func numbers(items []orders.Order) []string {
	out := []string{}
	for _, o := range items {
		out = append(out, o.Number)
	}
	return out
}

// TestList_paging walks every sort forward and back and compares with a sort of its own.
func TestList_paging(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	fill(t, p, 95)
	acme := portaltest.As(portaltest.Acme, portal.OrdersRead)
	all, err := list(t, p, acme, orders.Filter{Limit: 200})
	must(t, err)
	if len(all.Items) != 95 {
		t.Fatalf("%d orders, want 95", len(all.Items))
	}
	keys := map[string]func(a, b orders.Order) int{
		"ordered_on": func(a, b orders.Order) int { return cmp.Compare(a.OrderedOn, b.OrderedOn) },
		"promised_on": func(a, b orders.Order) int {
			return cmp.Compare(cmp.Or(a.PromisedOn, "9999"), cmp.Or(b.PromisedOn, "9999"))
		},
		"total":  func(a, b orders.Order) int { return a.Total.Number().Cmp(b.Total.Number()) },
		"number": func(a, b orders.Order) int { return 0 },
	}
	for _, sort := range orders.Sorts {
		want := slices.Clone(all.Items)
		name, down := strings.CutPrefix(sort, "-")
		slices.SortFunc(want, func(a, b orders.Order) int {
			c := cmp.Or(keys[name](a, b), cmp.Compare(a.Number, b.Number))
			if down {
				return -c
			}
			return c
		})
		var got, back []orders.Order
		f := orders.Filter{Sort: sort, Limit: 10}
		var last orders.Page
		for {
			page, err := list(t, p, acme, f)
			must(t, err)
			got = append(got, page.Items...)
			last = page
			if f.Cursor = page.Next; f.Cursor == "" {
				break
			}
		}
		if !slices.Equal(numbers(got), numbers(want)) {
			t.Errorf("%s forward: %v\nwant %v", sort, numbers(got), numbers(want))
		}
		back = last.Items
		for f.Cursor = last.Prev; f.Cursor != ""; {
			page, err := list(t, p, acme, f)
			must(t, err)
			back = append(slices.Clone(page.Items), back...)
			f.Cursor = page.Prev
		}
		if !slices.Equal(numbers(back), numbers(want)) {
			t.Errorf("%s back: %v\nwant %v", sort, numbers(back), numbers(want))
		}
	}
}

func TestList_filters(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	fill(t, p, 60)
	acme := portaltest.As(portaltest.Acme, portal.OrdersRead)
	north := acme
	north.Sites = []string{"D101"}
	for name, c := range map[string]struct {
		by   portal.Caller
		f    orders.Filter
		keep func(i int) bool
	}{
		"status":        {acme, orders.Filter{Statuses: []string{"open"}}, func(i int) bool { return i%3 == 0 }},
		"two statuses":  {acme, orders.Filter{Statuses: []string{"open", "held"}}, func(i int) bool { return i%3 != 1 }},
		"site":          {acme, orders.Filter{Site: "D101"}, func(i int) bool { return i%3 == 1 }},
		"from to":       {acme, orders.Filter{From: "2026-01-03", To: "2026-01-05"}, func(i int) bool { d := i * 7 % 20; return d >= 2 && d <= 4 }},
		"number":        {acme, orders.Filter{Text: "a1"}, func(i int) bool { return strings.HasPrefix(fmt.Sprint(i), "1") }},
		"PO number":     {acme, orders.Filter{Text: "Po-3"}, func(i int) bool { return strings.HasPrefix(fmt.Sprint(i%40), "3") }},
		"a % finds %":   {acme, orders.Filter{Text: "%"}, func(int) bool { return false }},
		"site limit":    {north, orders.Filter{}, func(i int) bool { return i%3 == 1 }},
		"beyond limits": {north, orders.Filter{Site: "D100"}, func(int) bool { return false }},
	} {
		c.f.Sort, c.f.Limit = "number", 200
		page, err := list(t, p, c.by, c.f)
		must(t, err)
		want := []string{}
		for i := 1; i <= 60; i++ {
			if c.keep(i) {
				want = append(want, fmt.Sprintf("A%d", i))
			}
		}
		slices.Sort(want)
		if !slices.Equal(numbers(page.Items), want) {
			t.Errorf("%s: %v\nwant %v", name, numbers(page.Items), want)
		}
	}
}

func TestList_badInput(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	acme := portaltest.As(portaltest.Acme, portal.OrdersRead)
	for field, f := range map[string]orders.Filter{
		"status":       {Statuses: []string{"lost"}},
		"ordered_from": {From: "31.03.2026"},
		"ordered_to":   {From: "2026-03-02", To: "2026-03-01"},
		"sort":         {Sort: "price"},
		"limit":        {Limit: 201},
		"q":            {Text: "\x00"},
		"site":         {Site: strings.Repeat("x", 101)},
		"cursor":       {Cursor: "eyJzIjoiLXRvdGFsIn0"},
	} {
		_, err := list(t, p, acme, f)
		if e := portal.Says(err); e.Kind != portal.Invalid || e.On(field) == "" {
			t.Errorf("%s: %v, want Invalid naming it", field, err)
		}
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	fill(t, p, 9)
	p.Arrange(t, `
		UPDATE orders SET continued_by = 'A9' WHERE partner_id = 2 AND number = 'A3';
		INSERT INTO order_lines (partner_id, order_number, line, product, description, ordered, shipped, backordered, cancelled, price, net, changed_at) VALUES
			(2, 'A3', 1, 'T1', 'Tyre', 10, 6, 3, 1, 5, 50, now()), (2, 'A3', 2, 'T2', 'Tyre', 4.5, 0, 0, 0, 2, 9, now()), (3, 'A3', 1, 'X', 'Foreign', 1, 0, 0, 0, 1, 1, now())`)
	get := func(by portal.Caller, number string) (d orders.Detail, err error) {
		err = p.Do(t.Context(), by, func(tx *portal.Tx) (err error) { d, err = orders.Get(t.Context(), tx, number); return err })
		return d, err
	}
	acme := portaltest.As(portaltest.Acme, portal.OrdersRead)
	d, err := get(acme, "A3")
	must(t, err)
	if len(d.Lines) != 2 || d.ContinuedBy != "A9" {
		t.Errorf("%d lines, continued by %q; want 2, A9", len(d.Lines), d.ContinuedBy)
	}
	for _, l := range d.Lines {
		if sum := decimal.Sum(l.Shipped.Number(), l.Backordered.Number(), l.Cancelled.Number(), l.Open.Number()); !sum.Equal(l.Ordered.Number()) {
			t.Errorf("line %d: ordered %s, accounted for %s", l.Line, l.Ordered, sum)
		}
	}
	if d, err := get(acme, "A9"); err != nil || d.Continues != "A3" {
		t.Errorf("A9 continues %q, %v; want A3", d.Continues, err)
	}
	north := acme
	north.Sites = []string{"D101"}
	for name, c := range map[string]struct {
		by     portal.Caller
		number string
		want   portal.Kind
	}{
		"another partner's": {acme, "B1", portal.NotFound},
		"none at all":       {acme, "Z1", portal.NotFound},
		"beyond the sites":  {north, "A3", portal.NotFound},
		"without the right": {portaltest.As(portaltest.Acme, portal.CompanyRead), "A3", portal.Forbidden},
	} {
		if _, err := get(c.by, c.number); portal.Says(err).Kind != c.want {
			t.Errorf("%s: %v, want kind %d", name, err, c.want)
		}
	}
}

func TestExport_isAudited(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	fill(t, p, 300)
	n := 0
	must(t, p.Do(t.Context(), portaltest.As(portaltest.Acme, portal.OrdersRead, portal.OrdersExport), func(tx *portal.Tx) error {
		return orders.Export(t.Context(), tx, orders.Filter{}, "csv", func(orders.Order) error { n++; return nil })
	}))
	var audited int
	must(t, p.Owner.QueryRow(`SELECT count(*) FROM audit WHERE partner_id = 2 AND action = 'orders.export' AND detail LIKE '%"format":"csv"%'`).Scan(&audited))
	if n != 300 || audited != 1 {
		t.Errorf("%d orders, %d audit rows; want 300, 1", n, audited)
	}
	err := p.Do(t.Context(), portaltest.As(portaltest.Acme, portal.OrdersRead), func(tx *portal.Tx) error {
		return orders.Export(t.Context(), tx, orders.Filter{}, "csv", func(orders.Order) error { t.Error("exported without the right"); return nil })
	})
	if portal.Says(err).Kind != portal.Forbidden {
		t.Errorf("without the right: %v, want Forbidden", err)
	}
}

func TestLook(t *testing.T) {
	t.Parallel()
	p := portaltest.NewWithoutRowSecurity(t) // the counts are the predicates' alone
	fill(t, p, 30)
	p.Arrange(t, `INSERT INTO changes (partner_id, noun, key, at, field, was, became) VALUES (2, 'orders', 'A3', '2026-03-01Z', 'status', 'held', 'open'), (3, 'orders', 'B3', '2026-03-01Z', 'status', 'held', 'open')`)
	var v orders.Overview
	must(t, p.Do(t.Context(), portaltest.As(portaltest.Acme, portal.OrdersRead), func(tx *portal.Tx) (err error) { v, err = orders.Look(t.Context(), tx); return err }))
	if v.Open[0].Status != "open" || v.Open[0].Orders != 10 || v.Open[0].Overdue == 0 {
		t.Errorf("open: %+v, want 10 with some overdue", v.Open[0])
	}
	if len(v.Recent) != 1 || v.Recent[0].Number != "A3" {
		t.Errorf("recent: %+v, want the one change of A3", v.Recent)
	}
	if len(v.Newest) != 5 || len(v.Overdue) != 5 {
		t.Errorf("%d newest, %d overdue; want 5, 5", len(v.Newest), len(v.Overdue))
	}
}

// BenchmarkList is the page of 50 through the fences, beside the same SQL without them.
func BenchmarkList(b *testing.B) {
	p := portaltest.New(b)
	fill(b, p, 20000)
	acme := portaltest.As(portaltest.Acme, portal.OrdersRead)
	for b.Loop() {
		if _, err := list(b, p, acme, orders.Filter{}); err != nil {
			b.Fatal(err)
		}
	}
}

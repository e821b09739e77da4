package accounts_test

import (
	"fmt"
	"strings"
	"testing"

	"extranet/portal"
	"extranet/portal/accounts"
	"extranet/portal/portaltest"
)

// TestLists_read shows that the lists of an account read what they show, however much was paid before, and the account what is open.
func TestLists_read(t *testing.T) {
	t.Parallel()
	p, ctx := portaltest.New(t), t.Context()
	p.Arrange(t, `INSERT INTO payments (partner_id, payment, paid_on, site, currency, amount, open, changed_at) SELECT 2 + i % 3, 'P' || i, date '2020-01-01' + i % 2000, 'D10' || i % 4, 'EUR', 100, CASE WHEN i % 200 < 3 THEN 5 ELSE 0 END, now() FROM generate_series(1, 30000) i`)
	p.Arrange(t, `INSERT INTO invoices (partner_id, number, kind, site, currency, invoiced_on, due_on, net, tax, total, open, changed_at)
		SELECT 2 + i % 3, 'I' || i, 'invoice', 'D10' || i % 4, 'EUR', date '2020-01-01' + i % 2000, date '2020-02-01' + i % 2000, 100, 0, 100, CASE WHEN i % 100 < 3 THEN 100 ELSE 0 END, now() FROM generate_series(1, 30000) i`)
	p.Arrange(t, `INSERT INTO settlements (partner_id, settlement, payment, invoice, amount, settled_on, changed_at) SELECT 2 + i % 3, 'S' || i, 'P' || i, 'I' || i, 100, date '2020-01-01' + i % 2000, now() FROM generate_series(1, 30000) i`)
	p.Arrange(t, `INSERT INTO orders (partner_id, number, site, status, currency, ordered_on, net, tax, total, changed_at) SELECT 2 + i % 3, 'N' || i, 'D10' || i % 4, CASE WHEN i % 100 < 3 THEN 'open' ELSE 'delivered' END, 'EUR', date '2020-01-01' + i % 2000, 100, 0, 100, now() FROM generate_series(1, 30000) i`)
	p.Arrange(t, `INSERT INTO order_lines (partner_id, order_number, line, description, ordered, shipped, backordered, cancelled, price, net, changed_at)
		SELECT partner_id, number, 1, 'x', 10, CASE WHEN status = 'open' THEN 0 ELSE 10 END, 0, 0, 10, 100, now() FROM orders WHERE number LIKE 'N%'`)
	for _, table := range []string{"payments", "invoices", "settlements", "orders", "order_lines"} {
		p.Arrange(t, `ANALYZE `+table)
	}
	all := portaltest.As(portaltest.Acme, portal.AccountRead)
	one := all
	one.Sites = []string{"D101"}
	page := func(cursor string) func(tx *portal.Tx) error {
		return func(tx *portal.Tx) error { _, err := accounts.Paid(ctx, tx, cursor, 50); return err }
	}
	deep := "eyJkIjoiMjAyMS0wMS0wMSIsIm4iOiJQOSJ9"             // {"d":"2021-01-01","n":"P9"}
	back := "eyJiIjp0cnVlLCJkIjoiMjAyMS0wMS0wMSIsIm4iOiJQOSJ9" // {"b":true,"d":"2021-01-01","n":"P9"}
	for name, c := range map[string]struct {
		by    portal.Caller
		read  func(tx *portal.Tx) error
		table string
		most  int
	}{
		"payments":         {all, page(""), "payments", 51},
		"payments, deep":   {all, page(deep), "payments", 51},
		"payments, back":   {all, page(back), "payments", 51},
		"one site's":       {one, page(""), "payments", 400},
		"not used yet":     {all, func(tx *portal.Tx) error { _, err := accounts.Unused(ctx, tx); return err }, "payments", 11},
		"a payment":        {all, func(tx *portal.Tx) error { _, err := accounts.GetPayment(ctx, tx, "P9"); return err }, "settlements", 10},
		"what settled":     {all, func(tx *portal.Tx) error { _, err := accounts.SettledBy(ctx, tx, "I9"); return err }, "settlements", 10},
		"ages":             {all, func(tx *portal.Tx) error { _, err := accounts.Ages(ctx, tx); return err }, "invoices", 310},
		"credit: invoices": {all, func(tx *portal.Tx) error { _, err := accounts.Standing(ctx, tx); return err }, "invoices", 310},
		"credit: payments": {all, func(tx *portal.Tx) error { _, err := accounts.Standing(ctx, tx); return err }, "payments", 160},
		"credit: orders":   {all, func(tx *portal.Tx) error { _, err := accounts.Standing(ctx, tx); return err }, "orders", 310},
		"credit: lines":    {all, func(tx *portal.Tx) error { _, err := accounts.Standing(ctx, tx); return err }, "order_lines", 310},
		"a month's entries": {all, func(tx *portal.Tx) error {
			_, err := accounts.Summarise(ctx, tx, accounts.Period{Currency: "EUR", From: "2025-06-01", To: "2025-06-20"})
			return err
		}, "invoices", 800},
	} {
		must(t, p.Do(ctx, c.by, func(tx *portal.Tx) error {
			for range 6 { // from then on the statement may have a plan for whatever it is asked
				must(t, c.read(tx))
			}
			rows, whole := portaltest.Reads(t, tx, c.table, func() { must(t, c.read(tx)) })
			if whole || rows > c.most {
				t.Errorf("%s: reads %d rows of %s, all of it: %v; at most %d are needed", name, rows, c.table, whole, c.most)
			}
			return nil
		}))
	}
	// Postgres reckons with as many currencies as there are open items, so what is done for each currency must cost nothing: else the statement looks
	// dear enough to be compiled first, which takes seconds. Of the 300 open orders each costs its lines' key, and the open items a few pages.
	must(t, p.Do(ctx, all, func(tx *portal.Tx) error {
		var compiles string
		must(t, tx.Get(ctx, &compiles, `SELECT current_setting('jit')`))
		if compiles != "off" {
			t.Errorf("jit is %s", compiles)
		}
		var plan []string
		must(t, tx.Select(ctx, &plan, `EXPLAIN `+accounts.StandingQuery, tx.By.PartnerID))
		var cost float64
		if _, after, ok := strings.Cut(plan[0], ".."); !ok {
			t.Fatalf("no cost in %q", plan[0])
		} else if _, err := fmt.Sscanf(after, "%f", &cost); err != nil || cost > 9000 {
			t.Errorf("the account is reckoned to cost %.0f, want at most 9000: %v\n%s", cost, err, strings.Join(plan, "\n"))
		}
		return nil
	}))
}

package orders

import (
	"strings"
	"testing"

	"extranet/portal"
	"extranet/portal/portaltest"
)

// TestList_plans shows that every list walks an index of the partner's, enters it at the cursor, and sorts nothing.
func TestList_plans(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, `
		INSERT INTO orders (partner_id, number, site, po_number, status, currency, ordered_on, promised_on, net, tax, total, changed_at)
		SELECT 2 + i % 3, 'N' || i, 'D10' || i % 10, 'po-' || i, (ARRAY['open', 'shipped', 'held'])[1 + i / 3 % 3], 'EUR', date '2020-01-01' + i % 2000, date '2020-02-01' + i % 2000, i, 0, i, now()
		FROM generate_series(1, 30000) i`)
	p.Arrange(t, `ANALYZE orders`)
	for name, c := range map[string]struct {
		f     Filter
		index string
		enter string // what the index is entered by; "" = the partner alone
	}{
		"all":      {Filter{}, "orders_by_day", ""},
		"deep":     {Filter{Cursor: cursor{"-ordered_on", false, "2021-01-01", "N9"}.String()}, "orders_by_day", "ROW(ordered_on, number) <"},
		"back":     {Filter{Cursor: cursor{"-ordered_on", true, "2021-01-01", "N9"}.String()}, "orders_by_day", "ROW(ordered_on, number) >"},
		"status":   {Filter{Statuses: []string{"held"}}, "orders_by_status", "status ="},
		"site":     {Filter{Site: "D101"}, "orders_by_site", "site ="},
		"promise":  {Filter{Sort: "-promised_on", Cursor: cursor{"-promised_on", false, "2021-01-01", "N9"}.String()}, "orders_by_promise", "ROW(promise_sort, number) <"},
		"total":    {Filter{Sort: "total", Cursor: cursor{"total", false, "9000.5", "N9"}.String()}, "orders_by_total", "ROW(total_sort, number) >"},
		"number":   {Filter{Sort: "number", Cursor: cursor{"number", false, "N9", "N9"}.String()}, "orders_", "number"},
		"prefix":   {Filter{Text: "n123"}, "orders_by_number_prefix", "number_search ~>=~"},
		"prefixPO": {Filter{Text: "po-1234"}, "orders_by_po_prefix", "po_search ~>=~"},
	} {
		if err := c.f.Check(); err != nil {
			t.Fatal(name, err)
		}
		var plan []string
		err := p.Do(t.Context(), portaltest.As(portaltest.Acme), func(tx *portal.Tx) error {
			query, args, _ := c.f.query(tx)
			return tx.Select(t.Context(), &plan, `EXPLAIN `+query, args...)
		})
		if err != nil {
			t.Fatal(name, err)
		}
		text := strings.Join(plan, "\n")
		cond := ""
		for _, line := range plan {
			if strings.Contains(line, "Index Cond") {
				cond += line
			}
		}
		if !strings.Contains(text, c.index) || !strings.Contains(cond, c.enter) || strings.Contains(text, "Sort") && c.f.Text == "" {
			t.Errorf("%s: want %s entered by %q:\n%s", name, c.index, c.enter, text)
		}
	}
}

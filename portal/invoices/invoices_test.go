package invoices

import (
	"os"
	"slices"
	"strings"
	"testing"

	"extranet/portal"
	"extranet/portal/portaltest"
)

func TestMain(m *testing.M) { os.Exit(portaltest.Main(m)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fill gives Acme 300 documents, of which few are open, and Brock as many under the same numbers.
func fill(t testing.TB, p *portaltest.Portal, n string) {
	t.Helper()
	p.Arrange(t, `
		INSERT INTO invoices (partner_id, number, kind, site, po_number, currency, invoiced_on, due_on, net, tax, total, open, changed_at)
		SELECT p, 'I' || i, CASE WHEN i % 40 = 0 THEN 'credit_memo' ELSE 'invoice' END, CASE WHEN i % 3 = 1 THEN 'D101' ELSE 'D100' END, 'po-' || i, 'EUR', date '2025-06-01' + i % 270, date '2025-07-01' + i % 270,
			i, 0, i, CASE WHEN i % 25 = 0 THEN i ELSE 0 END, now()
		FROM generate_series(1, `+n+`) i, (VALUES (2), (3)) x (p)`)
}

// TestList walks every list both ways: each document once, in order, and none of another's.
func TestList(t *testing.T) {
	t.Parallel()
	p := portaltest.NewWithoutRowSecurity(t) // the lists are the predicates' alone
	fill(t, p, "300")
	north := portaltest.As(portaltest.Acme, portal.AccountRead)
	north.Sites = []string{"D101"}
	for name, c := range map[string]struct {
		by   portal.Caller
		f    Filter
		want int
	}{
		"all":       {portaltest.As(portaltest.Acme, portal.AccountRead), Filter{}, 300},
		"by due":    {portaltest.As(portaltest.Acme, portal.AccountRead), Filter{Sort: "due_on"}, 300},
		"open":      {portaltest.As(portaltest.Acme, portal.AccountRead), Filter{State: "open", Sort: "-due_on"}, 12},
		"overdue":   {portaltest.As(portaltest.Acme, portal.AccountRead), Filter{State: "overdue"}, 10},
		"settled":   {portaltest.As(portaltest.Acme, portal.AccountRead), Filter{State: "settled"}, 288},
		"memos":     {portaltest.As(portaltest.Acme, portal.AccountRead), Filter{Kind: CreditMemo}, 7},
		"limited":   {north, Filter{}, 100},
		"beyond":    {north, Filter{Site: "D100"}, 0},
		"prefix":    {portaltest.As(portaltest.Acme, portal.AccountRead), Filter{Text: "i30"}, 2},
		"PO prefix": {portaltest.As(portaltest.Acme, portal.AccountRead), Filter{Text: "PO-30"}, 2},
		"days":      {portaltest.As(portaltest.Acme, portal.AccountRead), Filter{From: "2025-06-02", To: "2025-06-03"}, 4},
	} {
		list := func(f Filter) (page Page) {
			must(t, p.Do(t.Context(), c.by, func(tx *portal.Tx) (err error) { page, err = List(t.Context(), tx, f); return err }))
			return page
		}
		var forth, back []string
		f := c.f
		f.Limit = 7
		for {
			page := list(f)
			for _, d := range page.Items {
				forth = append(forth, d.Number)
			}
			if page.Next == "" {
				break
			}
			f.Cursor = page.Next
		}
		sorted := slices.Clone(forth)
		slices.Sort(sorted)
		if len(forth) != c.want || len(slices.Compact(sorted)) != c.want {
			t.Errorf("%s: %d documents, %d different, want %d", name, len(forth), len(slices.Compact(sorted)), c.want)
		}
		for page := list(f); f.Cursor != ""; page = list(f) {
			for _, d := range slices.Backward(page.Items) {
				back = append(back, d.Number)
			}
			if f.Cursor = page.Prev; page.Prev == "" {
				break
			}
		}
		slices.Reverse(back)
		if f.Limit < c.want && !slices.Equal(back, forth) {
			t.Errorf("%s: back %v\nforth %v", name, back, forth)
		}
	}
}

// TestList_plans shows that every list walks an index of the partner's, enters it at the cursor, and sorts nothing.
func TestList_plans(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	fill(t, p, "20000")
	p.Arrange(t, `ANALYZE invoices`)
	for name, c := range map[string]struct {
		f     Filter
		index string
		enter string
	}{
		"all":     {Filter{}, "invoices_by_day", "partner_id ="},
		"deep":    {Filter{Cursor: cursor{"-invoiced_on", false, "2025-08-01", "I9"}.String()}, "invoices_by_day", "ROW(invoiced_on, number) <"},
		"back":    {Filter{Cursor: cursor{"-invoiced_on", true, "2025-08-01", "I9"}.String()}, "invoices_by_day", "ROW(invoiced_on, number) >"},
		"due":     {Filter{Sort: "due_on", Cursor: cursor{"due_on", false, "2025-08-01", "I9"}.String()}, "invoices_by_due_day", "ROW(due_on, number) >"},
		"open":    {Filter{State: "open", Sort: "due_on"}, "invoices_open_by_due_day", "is_open = true"},
		"open by": {Filter{State: "open"}, "invoices_open_by_day", "is_open = true"},
		"overdue": {Filter{State: "overdue", Sort: "due_on"}, "invoices_open_by_due_day", "due_on <"},
		"site":    {Filter{Site: "D101"}, "invoices_by_site", "site ="},
		"prefix":  {Filter{Text: "i123"}, "invoices_by_number_prefix", "number_search ~>=~"},
	} {
		must(t, c.f.Check())
		var plan []string
		must(t, p.Do(t.Context(), portaltest.As(portaltest.Acme), func(tx *portal.Tx) error {
			query, args, _ := c.f.query(tx)
			return tx.Select(t.Context(), &plan, `EXPLAIN `+query, args...)
		}))
		text, cond := strings.Join(plan, "\n"), ""
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

func TestGet(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	fill(t, p, "30")
	p.Arrange(t, `
		INSERT INTO invoice_lines (partner_id, invoice, line, description, quantity, price, net, tax, changed_at) VALUES (2, 'I2', 1, 'Tyre', 2, 1, 2, 0, now()), (3, 'I2', 2, 'Foreign', 1, 1, 1, 0, now());
		INSERT INTO settlements (partner_id, settlement, payment, invoice, amount, settled_on, changed_at) VALUES (2, 's', 'P', 'I2', 2, '2026-01-01', now());
		UPDATE invoices SET credits = 'I2' WHERE number = 'I3'; UPDATE invoices SET kind = 'credit_memo' WHERE number = 'I3'`)
	north := portaltest.As(portaltest.Acme, portal.AccountRead, portal.AccountExport)
	north.Sites = []string{"D101"}
	for name, c := range map[string]struct {
		by     portal.Caller
		number string
		want   portal.Kind
	}{
		"beyond the sites":  {north, "I2", portal.NotFound},
		"none at all":       {portaltest.As(portaltest.Acme, portal.AccountRead, portal.AccountExport), "Z", portal.NotFound},
		"no text":           {portaltest.As(portaltest.Acme, portal.AccountRead, portal.AccountExport), "\xff", portal.NotFound},
		"without the right": {portaltest.As(portaltest.Acme, portal.AccountRead), "I2", portal.Forbidden},
	} {
		if err := p.Do(t.Context(), c.by, func(tx *portal.Tx) error { _, err := Take(t.Context(), tx, c.number, "pdf"); return err }); portal.Says(err).Kind != c.want {
			t.Errorf("%s: %v, want kind %d", name, err, c.want)
		}
	}
	must(t, p.Do(t.Context(), portaltest.As(portaltest.Acme, portal.AccountRead, portal.AccountExport), func(tx *portal.Tx) error {
		d, err := Take(t.Context(), tx, "I2", "pdf")
		if len(d.Lines) != 1 || d.Lines[0].Description != "Tyre" || len(d.Settled) != 1 || !slices.Equal(d.Memos, []string{"I3"}) {
			t.Errorf("%+v", d)
		}
		return err
	}))
}

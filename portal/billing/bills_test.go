package billing

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

var cord = portaltest.As(portaltest.Cord, portal.BillingRead, portal.BillingSend)

const oneOrder = `
	INSERT INTO purchase_orders (partner_id, number, site, status, currency, ordered_on, net, changed_at) VALUES (4, 'P1', 'S300', 'open', 'EUR', '2026-02-01', 500, now());
	INSERT INTO purchase_order_lines (partner_id, order_number, line, product, description, unit, quantity, received, price, net, status, changed_at)
	VALUES (4, 'P1', 10, 'T1', 'Tyre', 'PC', 100, 60, 4.5, 450, 'open', now()), (4, 'P1', 20, 'T2', 'Tube', 'PC', 50, 0, 2, 100, 'open', now());
	INSERT INTO supplier_invoices (partner_id, invoice, number, site, order_number, status, currency, invoiced_on, due_on, net, tax, total, open, changed_at) VALUES (4, 'H1', 'Old-1', 'S300', 'P1', 'approved', 'EUR', '2026-02-20', '2026-03-20', 90, 17.1, 107.1, 107.1, now());
	INSERT INTO supplier_invoice_lines (partner_id, invoice, line, order_number, order_line, product, quantity, price, net, changed_at) VALUES (4, 'H1', 1, 'P1', 10, 'T1', 20, 4.5, 90, now());`

func send(t *testing.T, p *portaltest.Portal, by portal.Caller, n NewInvoice) (s Sent, err error) {
	t.Helper()
	err = p.Do(t.Context(), by, func(tx *portal.Tx) (err error) { s, err = Send(t.Context(), tx, n); return err })
	return s, err
}

func invoice() NewInvoice {
	return NewInvoice{Number: "RE-7", InvoicedOn: "2026-03-01", Currency: "EUR", Lines: []NewLine{{Order: "P1", Line: 10, Quantity: "40", Price: "4.5", TaxRate: "19"}}}
}

// TestSend follows an invoice from what can be invoiced to what the host pays.
func TestSend(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, oneOrder)
	var lines []SentLine
	must(t, p.Do(t.Context(), cord, func(tx *portal.Tx) (err error) { lines, _, err = Billable(t.Context(), tx, "P1"); return err }))
	if len(lines) != 1 || lines[0].Quantity != "40" || lines[0].Price != "4.5" {
		t.Fatalf("60 are received and 20 invoiced: %+v", lines)
	}
	s, err := send(t, p, cord, invoice())
	must(t, err)
	if s.Net != "180" || s.Tax != "34.2" || s.Total != "214.2" || len(s.Lines[0].Match.Differences) != 0 {
		t.Errorf("%+v", s)
	}
	// The number is used, however it is written; that of an invoice which came another way too.
	for _, number := range []string{"RE-7", " re-7 ", "OLD-1"} {
		n := invoice()
		n.Number = number
		if _, err := send(t, p, cord, n); portal.Says(err).On("number") == "" {
			t.Errorf("%q is taken again: %v", number, err)
		}
	}
	// More of the same is not received yet, and costs more than was ordered.
	n := invoice()
	n.Number, n.Lines[0].Quantity, n.Lines[0].Price = "RE-8", "30", "5"
	s, err = send(t, p, cord, n)
	must(t, err)
	if m := s.Lines[0].Match; m.Before != "60" || m.Payable != "0" || len(m.Differences) != 1 || m.Differences[0].Reason != NotReceived || m.Differences[0].Amount != "150" {
		t.Errorf("%+v", m)
	}
	// What comes in bears it out, as far as the price goes.
	p.Arrange(t, `UPDATE purchase_order_lines SET received = 90 WHERE line = 10`)
	must(t, p.Do(t.Context(), cord, func(tx *portal.Tx) (err error) { s, err = GetSent(t.Context(), tx, "re-8"); return err }))
	if m := s.Lines[0].Match; m.Payable != "135" || len(m.Differences) != 1 || m.Differences[0].Reason != PriceAbove || m.Differences[0].Amount != "15" {
		t.Errorf("%+v", m)
	}
	must(t, p.AsWorker(t.Context(), "test", func(tx *portal.Tx) error { return Became(t.Context(), tx, portaltest.Cord, "RE-8", "closed period") }))
	var under []Sent
	must(t, p.Do(t.Context(), cord, func(tx *portal.Tx) (err error) { under, err = Underway(t.Context(), tx); return err }))
	if len(under) != 2 || !slices.ContainsFunc(under, func(s Sent) bool { return s.Number == "RE-8" && s.State == "refused" && s.Why == "closed period" }) {
		t.Errorf("under way: %+v", under)
	}
	// The host's system shows the first, and pays it.
	p.Arrange(t, `INSERT INTO supplier_invoices (partner_id, invoice, number, site, order_number, status, currency, invoiced_on, net, tax, total, open, changed_at) VALUES (4, 'H2', 'RE-7', 'S300', 'P1', 'paid', 'EUR', '2026-03-01', 180, 34.2, 214.2, 0, now());
		INSERT INTO supplier_invoice_lines (partner_id, invoice, line, order_number, order_line, product, quantity, price, net, changed_at) VALUES (4, 'H2', 1, 'P1', 10, 'T1', 40, 4.5, 180, now());
		INSERT INTO supplier_payments (partner_id, payment, paid_on, currency, amount, changed_at) VALUES (4, 'Y1', '2026-03-02', 'EUR', 210, now());
		INSERT INTO remittance_lines (partner_id, payment, invoice, amount, discount, changed_at) VALUES (4, 'Y1', 'H2', 210, 4.2, now())`)
	var d Detail
	var y PaymentDetail
	must(t, p.Do(t.Context(), cord, func(tx *portal.Tx) (err error) {
		if d, err = Get(t.Context(), tx, "H2"); err != nil {
			return err
		}
		if y, err = GetPayment(t.Context(), tx, "Y1"); err != nil {
			return err
		}
		under, err = Underway(t.Context(), tx)
		return err
	}))
	if len(under) != 1 || len(d.Lines) != 1 || d.Lines[0].Match[0].Before != "20" || len(d.Lines[0].Match[0].Differences) != 0 || d.Remittances[0].Discount != "4.2" || y.Remittances[0].Number != "RE-7" {
		t.Errorf("%+v\n%+v\n%+v", under, d, y)
	}
}

func TestSend_faults(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, oneOrder)
	for field, spoil := range map[string]func(*NewInvoice){
		"number":      func(n *NewInvoice) { n.Number = " " },
		"invoiced_on": func(n *NewInvoice) { n.InvoicedOn = "2026-03-03" },
		"currency":    func(n *NewInvoice) { n.Currency = "USD" },
		"lines":       func(n *NewInvoice) { n.Lines = nil },
		"line-2":      func(n *NewInvoice) { n.Lines = append(n.Lines, n.Lines[0]) },
		"line-1": func(n *NewInvoice) {
			n.Lines = append([]NewLine{{Order: "P1", Line: 99, Quantity: "1", Price: "1", TaxRate: "0"}}, n.Lines...)
		},
		"quantity-1": func(n *NewInvoice) { n.Lines[0].Quantity = "0" },
		"price-1":    func(n *NewInvoice) { n.Lines[0].Price = "1e400000000" },
		"tax_rate-1": func(n *NewInvoice) { n.Lines[0].TaxRate = "101" },
		"total":      func(n *NewInvoice) { n.Total = "214.21" },
		"note":       func(n *NewInvoice) { n.Note = strings.Repeat("x", 501) },
	} {
		n := invoice()
		spoil(&n)
		if _, err := send(t, p, cord, n); portal.Says(err).Kind != portal.Invalid || portal.Says(err).On(field) == "" || len(portal.Says(err).Fields) != 1 {
			t.Errorf("%s: %v %v", field, err, portal.Says(err).Fields)
		}
	}
	for by, want := range map[*portal.Caller]portal.Kind{
		new(portaltest.As(portaltest.Dart, portal.BillingSend)):                             portal.NotFound,
		{PartnerID: portaltest.Cord, Name: "x", Perms: cord.Perms, Sites: []string{"S301"}}: portal.NotFound,
		new(portaltest.As(portaltest.Cord, portal.BillingRead)):                             portal.Forbidden,
	} {
		if _, err := send(t, p, *by, invoice()); portal.Says(err).Kind != want {
			t.Errorf("%s: %v", by.Name, err)
		}
	}
}

// planOf returns a plan's lines and what its indexes are entered by.
func planOf(plan []string) (text, cond string) {
	for _, line := range plan {
		if strings.Contains(line, "Index Cond") {
			cond += line
		}
	}
	return strings.Join(plan, "\n"), cond
}

// TestLists_acrossPlans shows that invoices of all suppliers, and payments, are found by an index in their order, entered at the cursor.
func TestLists_acrossPlans(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, `INSERT INTO supplier_invoices (partner_id, invoice, number, status, currency, invoiced_on, net, tax, total, open, changed_at)
		SELECT 4 + i % 2, 'H' || i, 'RE' || i, (ARRAY['paid', 'approved', 'blocked'])[1 + i / 2 % 3], 'EUR', date '2020-01-01' + i % 2000, i, 0, i, 0, now() FROM generate_series(1, 30000) i;
		INSERT INTO supplier_payments (partner_id, payment, paid_on, currency, amount, changed_at) SELECT 4 + i % 2, 'Z' || i, date '2020-01-01' + i % 2000, 'EUR', i, now() FROM generate_series(1, 30000) i`)
	p.Arrange(t, `ANALYZE supplier_invoices`)
	p.Arrange(t, `ANALYZE supplier_payments`)
	deep := cursor{Day: "2022-01-01", Partner: 4, Key: "H9"}.String()
	for name, x := range map[string]struct {
		f            Filter
		index, enter string
	}{
		"all":    {Filter{}, "supplier_invoices_across", ""},
		"deep":   {Filter{Cursor: deep}, "supplier_invoices_across", "ROW(invoiced_on, partner_id, invoice) <"},
		"status": {Filter{Status: "blocked", Cursor: deep}, "supplier_invoices_across_by_status", "status ="},
	} {
		must(t, x.f.Check())
		var plan []string
		must(t, p.AcrossPartners(t.Context(), portaltest.As(portaltest.Host, portal.PurchasesRead), portal.PurchasesRead, func(tx *portal.Tx) error {
			query, args := x.f.acrossQuery(0)
			return tx.Select(t.Context(), &plan, `EXPLAIN `+query, args...)
		}))
		if text, cond := planOf(plan); !strings.Contains(text, x.index) || !strings.Contains(cond, x.enter) || strings.Contains(text, "Seq Scan on supplier_invoices") {
			t.Errorf("%s: want %s entered by %q:\n%s", name, x.index, x.enter, text)
		}
	}
	var plan []string
	must(t, p.Do(t.Context(), cord, func(tx *portal.Tx) error {
		return tx.Select(t.Context(), &plan, `EXPLAIN `+paymentsOf, portaltest.Cord, "2022-01-01", "Z9", 51)
	}))
	if text, cond := planOf(plan); !strings.Contains(text, "supplier_payments_by_day") || !strings.Contains(cond, "ROW(paid_on, payment) <") || strings.Contains(text, "Sort") {
		t.Errorf("payments:\n%s", text)
	}
	// Page by page, every payment is seen once, the newest first.
	seen, last := map[string]bool{}, portal.Date("9999-12-31")
	for from, more := "", true; more; more = from != "" {
		must(t, p.Do(t.Context(), cord, func(tx *portal.Tx) error {
			pg, err := ListPayments(t.Context(), tx, from, 200)
			for _, x := range pg.Items {
				if seen[x.Payment] || x.PaidOn > last {
					t.Fatalf("%s of %s after %s, seen %t", x.Payment, x.PaidOn, last, seen[x.Payment])
				}
				seen[x.Payment], last = true, x.PaidOn
			}
			from = pg.Next
			return err
		}))
	}
	if len(seen) != 15000 {
		t.Errorf("%d payments are seen, want 15,000", len(seen))
	}
	must(t, p.Do(t.Context(), cord, func(tx *portal.Tx) error {
		if _, err := ListPayments(t.Context(), tx, "x", 0); portal.Says(err).On("cursor") == "" {
			t.Errorf("another list's cursor: %v", err)
		}
		return nil
	}))
}

// TestList_plans shows that lists walk an index of the supplier's, enter it at the cursor, and sort nothing.
func TestList_plans(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, `INSERT INTO supplier_invoices (partner_id, invoice, number, status, currency, invoiced_on, net, tax, total, open, changed_at)
		SELECT 4 + i % 2, 'H' || i, 'RE' || i, (ARRAY['paid', 'approved', 'blocked'])[1 + i / 2 % 3], 'EUR', date '2020-01-01' + i % 2000, i, 0, i, 0, now() FROM generate_series(1, 30000) i`)
	p.Arrange(t, `ANALYZE supplier_invoices`)
	next := ""
	must(t, p.Do(t.Context(), cord, func(tx *portal.Tx) error { pg, err := List(t.Context(), tx, Filter{}); next = pg.Next; return err }))
	for name, x := range map[string]struct {
		f            Filter
		index, enter string
	}{
		"all":    {Filter{}, "supplier_invoices_by_day", ""},
		"deep":   {Filter{Cursor: next}, "supplier_invoices_by_day", "ROW(invoiced_on, invoice) <"},
		"status": {Filter{Status: "blocked", Cursor: next}, "supplier_invoices_by_status", "status ="},
		"prefix": {Filter{Text: "re123"}, "supplier_invoices_by_number_prefix", "number_search ~>=~"},
	} {
		must(t, x.f.Check())
		var plan []string
		must(t, p.Do(t.Context(), cord, func(tx *portal.Tx) error {
			query, args := x.f.query(tx)
			return tx.Select(t.Context(), &plan, `EXPLAIN `+query, args...)
		}))
		text, cond := planOf(plan)
		if !strings.Contains(text, x.index) || !strings.Contains(cond, x.enter) || strings.Contains(text, "Sort") && x.f.Text == "" {
			t.Errorf("%s: want %s entered by %q:\n%s", name, x.index, x.enter, text)
		}
	}
}

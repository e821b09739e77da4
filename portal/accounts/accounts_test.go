package accounts_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"extranet/portal"
	"extranet/portal/accounts"
	"extranet/portal/portaltest"
)

func TestMain(m *testing.M) { os.Exit(portaltest.Main(m)) }

func must(t interface {
	Helper()
	Fatal(...any)
}, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A book is a ledger kept beside the portal's, in cents.
type book struct {
	documents []document
	payments  []payment
}

type document struct {
	site, currency string
	day, due       int // days before today
	total, open    int64
}

type payment struct {
	site, currency string
	day            int
	amount, open   int64
}

var today = portaltest.Now.Truncate(24 * time.Hour)

func date(before int) string        { return today.AddDate(0, 0, -before).Format(time.DateOnly) }
func cents(n int64) decimal.Decimal { return decimal.New(n, -2) }

// draw makes up a ledger and writes it into the portal; another partner's lies beside it.
func draw(t *rapid.T, p *portaltest.Portal) book {
	var b book
	sites, currencies := rapid.SampledFrom([]string{"D100", "D101"}), rapid.SampledFrom([]string{"EUR", "EUR", "USD"})
	sql := `DELETE FROM settlements; DELETE FROM payments; DELETE FROM invoices; DELETE FROM order_lines; DELETE FROM orders; DELETE FROM account_status;
		INSERT INTO invoices (partner_id, number, kind, site, currency, invoiced_on, due_on, net, tax, total, open, changed_at) VALUES (3, 'I0', 'invoice', 'D100', 'EUR', '2026-01-01', '2026-01-02', 7777, 0, 7777, 7777, now());
		INSERT INTO payments (partner_id, payment, paid_on, currency, amount, open, changed_at) VALUES (3, 'P0', '2026-01-01', 'EUR', 555, 555, now());
		INSERT INTO settlements (partner_id, settlement, payment, invoice, amount, settled_on, changed_at) VALUES (3, 'x', 'P0', 'I0', 3.33, '2026-02-01', now());`
	for i := range rapid.IntRange(0, 12).Draw(t, "documents") {
		d := document{site: sites.Draw(t, "site"), currency: currencies.Draw(t, "currency"), day: rapid.IntRange(0, 200).Draw(t, "day"), total: rapid.Int64Range(-5000, 100000).Draw(t, "total")}
		d.due, d.open = d.day-rapid.IntRange(0, 60).Draw(t, "terms"), d.total
		b.documents = append(b.documents, d)
		_ = i
	}
	n := 0
	settle := func(payment, memo string, i int, amount int64, day int) {
		n++
		quote := func(s string) string {
			if s == "" {
				return "NULL"
			}
			return "'" + s + "'"
		}
		sql += fmt.Sprintf(`INSERT INTO settlements (partner_id, settlement, payment, credit_memo, invoice, amount, settled_on, changed_at) VALUES (2, 's%d', %s, %s, 'I%d', %s, '%s', now());`, n, quote(payment), quote(memo), i, cents(amount), date(day))
		b.documents[i].open -= amount
	}
	for k := range rapid.IntRange(0, 8).Draw(t, "payments") {
		p := payment{currency: currencies.Draw(t, "currency"), day: rapid.IntRange(0, 200).Draw(t, "day"), amount: rapid.Int64Range(-500, 60000).Draw(t, "amount")}
		if rapid.IntRange(0, 3).Draw(t, "names a site") == 0 {
			p.site = sites.Draw(t, "site")
		}
		p.open = p.amount
		for i, d := range b.documents {
			if d.currency == p.currency && d.open > 0 && p.open > 0 && rapid.Bool().Draw(t, "settles") {
				part := min(d.open, rapid.Int64Range(1, p.open).Draw(t, "part"))
				settle(fmt.Sprintf("P%d", k), "", i, part, p.day)
				p.open -= part
			}
		}
		b.payments = append(b.payments, p)
	}
	for m := range b.documents {
		for i := range b.documents {
			memo, d := &b.documents[m], &b.documents[i]
			if memo.open < 0 && d.open > 0 && memo.currency == d.currency && rapid.Bool().Draw(t, "is used") {
				part := min(d.open, -memo.open)
				settle("", fmt.Sprintf("I%d", m), i, part, rapid.IntRange(0, 30).Draw(t, "used"))
				memo.open += part
			}
		}
	}
	for i, d := range b.documents {
		kind := "invoice"
		if d.total < 0 {
			kind = "credit_memo"
		}
		sql += fmt.Sprintf(`INSERT INTO invoices (partner_id, number, kind, site, currency, invoiced_on, due_on, net, tax, total, open, changed_at) VALUES (2, 'I%d', '%s', '%s', '%s', '%s', '%s', %[7]s, 0, %[7]s, %[8]s, now());`,
			i, kind, d.site, d.currency, date(d.day), date(d.due), cents(d.total), cents(d.open))
	}
	for k, p := range b.payments {
		site := "NULL"
		if p.site != "" {
			site = "'" + p.site + "'"
		}
		sql += fmt.Sprintf(`INSERT INTO payments (partner_id, payment, site, paid_on, currency, amount, open, changed_at) VALUES (2, 'P%d', %s, '%s', '%s', %s, %s, now());`, k, site, date(p.day), p.currency, cents(p.amount), cents(p.open))
	}
	_, err := p.Owner.Exec(sql)
	must(t, err)
	return b
}

// open is what the book has as open, of one site or of all.
func (b book) open(currency, site string) (sum int64) {
	for _, d := range b.documents {
		if d.currency == currency && (site == "" || d.site == site) {
			sum += d.open
		}
	}
	for _, p := range b.payments {
		if p.currency == currency && (site == "" || p.site == site) {
			sum -= p.open
		}
	}
	return sum
}

// TestAges_addUp holds agings, accounts and statements to a ledger that is kept beside, to the cent: for the whole partner, for
// one limited to a site, with row security and without.
func TestAges_addUp(t *testing.T) {
	t.Parallel()
	for _, open := range []func(testing.TB) *portaltest.Portal{portaltest.New, portaltest.NewWithoutRowSecurity} {
		p := open(t)
		rapid.Check(t, func(t *rapid.T) {
			b := draw(t, p)
			for _, site := range []string{"", "D100", "D101"} {
				by := portaltest.As(portaltest.Acme, portal.AccountRead, portal.AccountExport)
				if site != "" {
					by.Sites = []string{site}
				}
				must(t, p.Do(context.Background(), by, func(tx *portal.Tx) error {
					ages, err := accounts.Ages(context.Background(), tx)
					if err != nil {
						return err
					}
					seen := map[string]bool{}
					for _, a := range ages {
						seen[a.Currency] = true
						parts := decimal.Sum(a.NotDue.Number(), a.To30.Number(), a.To60.Number(), a.To90.Number(), a.Over90.Number(), a.Credits.Number())
						if want := cents(b.open(a.Currency, site)); !parts.Equal(want) || !a.Total.Number().Equal(want) {
							t.Fatalf("%s at %q: parts %s, total %s, want %s", a.Currency, site, parts, a.Total, want)
						}
						var late int64
						for _, d := range b.documents {
							if d.currency == a.Currency && (site == "" || d.site == site) && d.open > 0 && d.due > 30 && d.due <= 60 {
								late += d.open
							}
						}
						if !a.To60.Number().Equal(cents(late)) {
							t.Fatalf("31 to 60 days: %s, want %s", a.To60, cents(late))
						}
					}
					for _, currency := range []string{"EUR", "USD"} {
						if want := b.open(currency, site); want != 0 && !seen[currency] {
							t.Fatalf("%s is missing", currency)
						}
						from, to := rapid.IntRange(0, 220).Draw(t, "from"), 0
						if from > 0 {
							to = rapid.IntRange(0, from).Draw(t, "to")
						}
						s, err := accounts.Summarise(context.Background(), tx, accounts.Period{Currency: currency, From: portal.Date(date(from)), To: portal.Date(date(to))})
						if err != nil {
							return err
						}
						balance := s.Opening.Number()
						for _, e := range s.Entries {
							if balance = balance.Add(e.Amount.Number()); !balance.Equal(e.Balance.Number()) {
								t.Fatalf("the balance after %+v is %s", e, balance)
							}
						}
						if !balance.Equal(s.Closing.Number()) {
							t.Fatalf("opening and entries make %s, closing is %s", balance, s.Closing)
						}
						whole, err := accounts.Summarise(context.Background(), tx, accounts.Period{Currency: currency, From: portal.Date(date(400)), To: portal.Date(date(0))})
						if err != nil {
							return err
						}
						if !whole.Opening.Number().IsZero() || !whole.Closing.Number().Equal(cents(b.open(currency, site))) {
							t.Fatalf("%s at %q: from the beginning %s to %s, want 0 to %s", currency, site, whole.Opening, whole.Closing, cents(b.open(currency, site)))
						}
					}
					return nil
				}))
			}
			must(t, p.Do(context.Background(), portaltest.As(portaltest.Acme), func(tx *portal.Tx) error {
				all, err := accounts.Standing(context.Background(), tx)
				for _, a := range all {
					if !a.OpenItems.Number().Equal(cents(b.open(a.Currency, ""))) {
						t.Fatalf("open items %s, want %s", a.OpenItems, cents(b.open(a.Currency, "")))
					}
				}
				return err
			}))
		})
	}
}

func TestStanding(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, `
		INSERT INTO account_status (partner_id, account, currency, credit_limit, balance, on_hold, hold_reason, changed_at) VALUES (2, 'D100', 'EUR', 1000, 120, true, 'late', now()), (3, 'D200', 'EUR', 9999, 1, false, NULL, now());
		INSERT INTO invoices (partner_id, number, kind, site, currency, invoiced_on, due_on, net, tax, total, open, changed_at) VALUES
			(2, 'I1', 'invoice', 'D100', 'EUR', '2026-01-01', '2026-01-02', 100, 20, 120, 120, now()), (2, 'I2', 'invoice', 'D100', 'USD', '2026-01-01', '2026-01-02', 5, 0, 5, 5, now());
		INSERT INTO orders (partner_id, number, site, status, currency, ordered_on, net, tax, total, changed_at) VALUES
			(2, 'O1', 'D100', 'part_shipped', 'EUR', '2026-01-01', 300, 60, 360, now()), (2, 'O2', 'D100', 'delivered', 'EUR', '2026-01-01', 900, 0, 900, now());
		INSERT INTO order_lines (partner_id, order_number, line, description, ordered, shipped, backordered, cancelled, price, net, changed_at) VALUES
			(2, 'O1', 1, 'x', 30, 10, 0, 0, 10, 300, now()), (2, 'O2', 1, 'x', 90, 0, 0, 0, 10, 900, now()), (3, 'O1', 2, 'x', 90, 0, 0, 0, 10, 900, now())`)
	must(t, p.Do(t.Context(), portaltest.As(portaltest.Acme, portal.AccountRead), func(tx *portal.Tx) error {
		v, err := accounts.Look(t.Context(), tx)
		if err != nil {
			return err
		}
		if len(v.Accounts) != 2 || !slices.Equal(v.Currencies(), []string{"EUR", "USD"}) {
			t.Fatalf("%+v", v)
		}
		e := v.Accounts[0]
		if !e.OpenOrders.Number().Equal(decimal.NewFromInt(240)) || !e.Exposure.Number().Equal(decimal.NewFromInt(360)) || !e.Available.Number().Equal(decimal.NewFromInt(640)) || !e.OnHold || e.HoldReason != "late" || !e.Differs().IsZero() {
			t.Errorf("EUR: %+v", e)
		}
		if u := v.Accounts[1]; u.Limit != "" || u.Available != "" || u.OpenItems.Number().String() != "5" {
			t.Errorf("USD: %+v", u)
		}
		return nil
	}))
	north := portaltest.As(portaltest.Acme, portal.AccountRead)
	north.Sites = []string{"D101"}
	must(t, p.Do(t.Context(), north, func(tx *portal.Tx) error {
		v, err := accounts.Look(t.Context(), tx)
		if len(v.Accounts) != 0 || len(v.Aging) != 0 {
			t.Errorf("one who sees a site is shown %+v", v)
		}
		return err
	}))
}

func TestSummarise_badInput(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	for field, period := range map[string]accounts.Period{
		"currency": {Currency: "eur", From: "2026-01-01", To: "2026-01-02"},
		"from":     {Currency: "EUR", From: "1.1.2026", To: "2026-01-02"},
		"to":       {Currency: "EUR", From: "2026-01-03", To: "2026-01-02"},
		"site":     {Currency: "EUR", From: "2026-01-01", To: "2026-01-02", Site: "\x00"},
	} {
		err := p.Do(t.Context(), portaltest.As(portaltest.Acme, portal.AccountRead), func(tx *portal.Tx) error { _, err := accounts.Summarise(t.Context(), tx, period); return err })
		if e := portal.Says(err); e.Kind != portal.Invalid || e.On(field) == "" {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestTake_isAudited(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	take := func(by portal.Caller) error {
		return p.Do(t.Context(), by, func(tx *portal.Tx) error {
			return accounts.Take(t.Context(), tx, accounts.Period{Currency: "EUR", From: "2026-01-01", To: "2026-03-01"}, "pdf", func(accounts.Statement) error { return nil }, func(accounts.Entry) error { return nil })
		})
	}
	must(t, take(portaltest.As(portaltest.Acme, portal.AccountRead, portal.AccountExport)))
	if err := take(portaltest.As(portaltest.Acme, portal.AccountRead)); portal.Says(err).Kind != portal.Forbidden {
		t.Errorf("without the right: %v", err)
	}
	var n int
	must(t, p.Owner.QueryRow(`SELECT count(*) FROM audit WHERE partner_id = 2 AND action = 'account.statement' AND detail LIKE '%"format":"pdf"%'`).Scan(&n))
	if n != 1 {
		t.Errorf("%d audit rows", n)
	}
}

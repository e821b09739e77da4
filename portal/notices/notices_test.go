package notices_test

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"extranet/portal"
	"extranet/portal/forecasts"
	"extranet/portal/notices"
	"extranet/portal/portaltest"
)

func TestMain(m *testing.M) { os.Exit(portaltest.Main(m)) }

// touching are twins: what a notice on T1 from 16 March on touches of Cord's, what it does not, and the same of Dart's. Today is 2 March.
const touching = `
	INSERT INTO notices (partner_id, notice, supplier, kind, revision, title, issued_on, effective_on, first_ship_on, withdrawn, changed_at)
	SELECT id, n, number, 'pcn', '1', 'Compound', d, '2026-03-16', '2026-03-16', n = 'GONE', now() FROM (VALUES (4, 'S300'), (5, 'S400')) p (id, number), (VALUES ('N1', date '2026-02-20'), ('OLD', '2026-01-10'), ('GONE', '2026-01-10')) n (n, d);
	INSERT INTO notice_items (partner_id, notice, line, supplier, product, effective_on, changed_at)
	VALUES (4, 'N1', 1, 'S300', 'T1', NULL, now()), (4, 'N1', 2, 'S300', 'T1', '2026-06-01', now()), (4, 'N1', 3, 'S300', 'T2', '2026-12-01', now()), (5, 'N1', 1, 'S400', 'T1', NULL, now());
	INSERT INTO purchase_orders (partner_id, number, site, status, currency, ordered_on, ship_to, net, changed_at)
	SELECT id, 'PO' || i || id, 'P' || id, CASE i WHEN 3 THEN 'closed' ELSE 'open' END, CASE i WHEN 2 THEN 'USD' ELSE 'EUR' END, '2026-01-01', 'W1', 1, now() FROM (VALUES (4), (5)) p (id), generate_series(1, 3) i;
	INSERT INTO purchase_order_lines (partner_id, order_number, line, product, description, quantity, received, price, net, requested_on, status, changed_at)
	SELECT id, 'PO' || o || id, l, product, 'x', quantity, received, 2.5, 1, day::date, status, now() FROM (VALUES (4), (5)) p (id), (VALUES
		(1, 1, 'T1', 100, 40, '2026-03-16', 'open'), (1, 2, 'T1', 100, 0, '2026-03-15', 'open'), (1, 3, 'T1', 50, 50, '2026-04-01', 'open'), (1, 4, 'T1', 9, 0, '2026-04-01', 'closed'),
		(1, 5, 'T2', 7, 0, '2026-04-01', 'open'), (1, 6, 'T3', 7, 0, '2026-04-01', 'open'), (2, 1, 'T1', 10, 0, NULL, 'open'), (3, 1, 'T1', 10, 0, '2026-04-01', 'open')) l (o, l, product, quantity, received, day, status);
	INSERT INTO forecasts (partner_id, version, product, location, supplier, published_at, site, kind, price, currency, starts_on, quantity, changed_at)
	SELECT id, v, 'T1', 'W1', number, ('2026-0' || 2 + m || '-01Z')::timestamptz, 'P' || id, 'week', 3, 'EUR', ARRAY['2026-03-02', '2026-03-09', '2026-03-16', '2026-03-23', '2026-03-30', '2026-06-29']::date[], ARRAY[1, 2, 10 * m, 20, 30, 99], now()
	FROM (VALUES (4, 'S300'), (5, 'S400')) p (id, number), (VALUES ('V1', 0), ('V2', 1)) v (v, m);
	INSERT INTO supplier_inventory (partner_id, product, location, supplier, on_hand, in_transit, changed_at) VALUES (4, 'T1', 'W1', 'S300', 11, 0, now()), (4, 'T1', 'W2', 'S300', 0, 5, now()), (4, 'T3', 'W1', 'S300', 8, 8, now()), (5, 'T1', 'W1', 'S400', 77, 77, now())`

func TestTouched(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, touching)
	p.Arrange(t, `INSERT INTO supply_stocks (partner_id, product, site, on_hand, in_process, counted_on, report, at, by_whom)
		VALUES (4, 'T1', 'P4', 9, 4, '2026-02-20', 1, now(), 'x'), (4, 'T1', 'P9', 1, 0, '2026-02-20', 1, now(), 'x'), (4, 'T3', 'P4', 8, 8, '2026-02-20', 1, now(), 'x'), (5, 'T1', 'P5', 77, 77, '2026-02-20', 1, now(), 'x')`)
	get := func(by portal.Caller, notice string) (d notices.Detail, err error) {
		err = p.Do(t.Context(), by, func(tx *portal.Tx) (err error) { d, err = notices.Get(t.Context(), tx, notice); return err })
		return d, err
	}
	reader := portaltest.As(portaltest.Cord, portal.NoticesRead)
	d, err := get(reader, "N1")
	if err != nil {
		t.Fatal(err)
	}
	words := func(list []notices.Touch) string {
		var all []string
		for _, x := range list {
			all = append(all, strings.Join([]string{x.What, x.Product, x.Document, string(x.DueOn), string(x.Quantity), string(x.Value), x.Currency}, " "))
		}
		return strings.Join(all, "\n")
	}
	// The order line due on 15 March, the two weeks that end before the day, and every other product are not touched.
	const want = `order T1 PO14/1 2026-03-16 60 150.0 EUR
order T1 PO24/1  10 25.0 USD
firm T1 V2 2026-03-16 10 30 EUR
firm T1 V2 2026-03-23 20 60 EUR
trade_off T1 V2 2026-03-30 30 90 EUR
on_hand T1   11 33 EUR
in_transit T1   5 15 EUR
at_supplier T1   9 27 EUR
in_process T1   4 12 EUR
at_supplier T1   1 3 EUR`
	if got := words(d.Touched); got != want {
		t.Errorf("touched:\n%s\nwant:\n%s", got, want)
	}
	if len(d.Sums) != 8 || d.Sums[6].Quantity != "10" || d.Sums[2].What != "firm" || d.Sums[2].Quantity != "30" || d.Sums[2].Value != "90" {
		t.Errorf("%+v", d.Sums)
	}
	if !d.TooSoon() || d.ShipsFrom != "2026-05-21" || d.AcknowledgeBy != "2026-03-22" {
		t.Errorf("%+v", d.Head)
	}
	// Somebody of a site sees what touches it, and the stock reported of it; the host's is of no site.
	reader.Sites = []string{"P9"}
	if d, err = get(reader, "N1"); err != nil || words(d.Touched) != "at_supplier T1   1  " {
		t.Errorf("%v, %v", d.Touched, err)
	}
	reader.Sites = []string{"elsewhere"}
	if d, err = get(reader, "N1"); err != nil || len(d.Touched) != 0 {
		t.Errorf("%v, %v", d.Touched, err)
	}
	if _, err = get(reader, "N9"); portal.Says(err).Kind != portal.NotFound {
		t.Error(err)
	}
}

func TestReply(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, touching)
	answerer := portaltest.As(portaltest.Cord, portal.NoticesRead, portal.NoticesAnswer)
	reply := func(notice string, s notices.Said) (a notices.Answer, err error) {
		err = p.Do(t.Context(), answerer, func(tx *portal.Tx) (err error) { a, err = notices.Reply(t.Context(), tx, notice, s); return err })
		return a, err
	}
	if _, err := reply("N1", notices.Said{Verdict: "objected", Cost: "12"}); portal.Says(err).On("note") == "" || portal.Says(err).On("currency") == "" {
		t.Error(err)
	}
	if _, err := reply("GONE", notices.Said{Verdict: "accepted"}); portal.Says(err).Kind != portal.Conflict {
		t.Error(err)
	}
	for i, s := range []notices.Said{{Verdict: "acknowledged"}, {Verdict: "objected", Note: "Wear", Cost: "1250.50", Currency: "EUR", LeadTimeDays: "14", Samples: "20", Disposition: "use_up"}} {
		if a, err := reply("N1", s); err != nil || a.Answer != int64(i+1) || a.Revision != "1" || a.Verdict != s.Verdict {
			t.Errorf("%+v, %v", a, err)
		}
	}
	// Silence is written down once, of what was due and of nobody who answered; what is withdrawn asks for nothing.
	for i, want := range []int{2, 0} {
		if err := p.AsWorker(t.Context(), "clock", func(tx *portal.Tx) error {
			n, err := notices.Silence(t.Context(), tx)
			if n != want {
				t.Errorf("look %d: %d silent, want %d", i, n, want)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	var posted, silent int
	if err := p.Owner.QueryRow(`SELECT (SELECT count(*) FROM outbox WHERE name = 'answer_notice'), (SELECT count(*) FROM notice_answers WHERE verdict = 'silence' AND notice = 'OLD')`).Scan(&posted, &silent); err != nil || posted != 2 || silent != 2 {
		t.Errorf("%d posted, %d silent, %v", posted, silent, err)
	}
}

// TestGive tells a partner's own notice from its first revision to its withdrawal, with what the host answers and what it lets pass.
func TestGive(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, touching)
	partner, host := portaltest.As(portaltest.Cord, portal.NoticesRead, portal.NoticesAnswer), portaltest.As(portaltest.Host, portal.NoticesManage)
	give := func(n notices.Notice) (g notices.Given, err error) {
		err = p.Do(t.Context(), partner, func(tx *portal.Tx) error { g, err = notices.Give(t.Context(), tx, n); return err })
		return g, err
	}
	across := func(f func(tx *portal.Tx) error) error {
		return p.AcrossPartners(t.Context(), host, portal.NoticesManage, f)
	}
	n := notices.Notice{Kind: "eol", Title: "The range ends", EffectiveOn: "2026-04-01", Items: []notices.GivenItem{{Product: "T1"}, {Product: "T1"}}}
	if _, err := give(n); portal.Says(err).On("last_buy_on") == "" || portal.Says(err).On("items") == "" {
		t.Error(err)
	}
	n.LastBuyOn, n.LastShipOn, n.Items[1] = "2026-09-01", "2026-12-01", notices.GivenItem{Product: "T3", Lot: "L7", EffectiveOn: "2026-05-01"}
	g, err := give(n)
	if err != nil || g.Number != 1 || g.Revision != 1 || !g.TooSoon || g.AcknowledgeBy != "2026-04-01" || g.ShipsFrom != "2026-05-31" {
		t.Errorf("%+v, %v", g, err)
	}
	// The host reads it, with what of the partner's business it touches, and answers.
	var d notices.GivenDetail
	if err := across(func(tx *portal.Tx) (err error) {
		d, err = notices.GetReceived(t.Context(), tx, "S300", "1")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(d.Touched) != 6 || d.Touched[0].Document != "PO24/1" || d.Sums[2].What != "on_hand" || d.Sums[2].Value != "53" {
		t.Errorf("touched %+v, sums %+v", d.Touched, d.Sums)
	}
	answer := func(s notices.Said) (a notices.Answer, err error) {
		err = across(func(tx *portal.Tx) error { a, err = notices.ReplyToGiven(t.Context(), tx, "S300", "1", s); return err })
		return a, err
	}
	if _, err := answer(notices.Said{Verdict: "objected"}); portal.Says(err).On("note") == "" {
		t.Error(err)
	}
	if a, err := answer(notices.Said{Verdict: "objected", Note: "We need it until 2027", Samples: "5"}); err != nil || a.Answer != 1 || a.Revision != "1" {
		t.Errorf("%+v, %v", a, err)
	}
	// Given anew it is to be answered anew, within the time that was agreed; that nobody did is written down, once.
	if err := across(func(tx *portal.Tx) error {
		return notices.SetPolicy(t.Context(), tx, "S300", notices.Policy{AcknowledgeDays: 5, NoticeDays: 10})
	}); err != nil {
		t.Fatal(err)
	}
	n.Number, n.EffectiveOn = 1, "2026-09-01"
	if g, err = give(n); err != nil || g.Number != 1 || g.Revision != 2 || g.TooSoon || g.Verdict != "" || g.AcknowledgeBy != "2026-03-07" {
		t.Errorf("%+v, %v", g, err)
	}
	p.Pass(6 * 24 * time.Hour)
	silence := func() (n int) {
		if err := p.AsWorker(t.Context(), "clock", func(tx *portal.Tx) (err error) { n, err = notices.Silence(t.Context(), tx); return err }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if first, second := silence(), silence(); first != 4 || second != 0 { // with Cord's N1 and OLD, and Dart's OLD
		t.Errorf("%d silent, then %d", first, second)
	}
	if err := p.Do(t.Context(), partner, func(tx *portal.Tx) (err error) { d, err = notices.GetGiven(t.Context(), tx, "1"); return err }); err != nil {
		t.Fatal(err)
	}
	if d.Verdict != "silence" || len(d.Answers) != 2 || d.Answers[1].Note != "We need it until 2027" || len(d.Revisions) != 2 || len(d.Revisions[0].Changes) != 2 ||
		d.Revisions[0].Changes[0] != (notices.Difference{Field: "effective_on", Was: "2026-04-01", Became: "2026-09-01"}) {
		t.Errorf("%+v", d)
	}
	n.Withdrawn = true
	if g, err = give(n); err != nil || !g.Withdrawn {
		t.Errorf("%+v, %v", g, err)
	}
	if _, err = give(n); portal.Says(err).Kind != portal.Conflict {
		t.Error(err)
	}
	if _, err = answer(notices.Said{Verdict: "accepted"}); portal.Says(err).Kind != portal.Conflict {
		t.Error(err)
	}
	n.Number = 7
	if _, err = give(n); portal.Says(err).Kind != portal.NotFound {
		t.Error(err)
	}
	// Another partner has no such notice; the core is told of every revision and answer.
	if err := p.Do(t.Context(), portaltest.As(portaltest.Dart, portal.NoticesRead), func(tx *portal.Tx) error { _, err := notices.GetGiven(t.Context(), tx, "1"); return err }); portal.Says(err).Kind != portal.NotFound {
		t.Error(err)
	}
	var given, answered int
	if err := p.Owner.QueryRow(`SELECT count(*) FILTER (WHERE name = 'give_notice'), count(*) FILTER (WHERE name = 'answer_given_notice') FROM outbox WHERE document = 'given-notices/1'`).Scan(&given, &answered); err != nil || given != 3 || answered != 1 {
		t.Errorf("%d given, %d answered, %v", given, answered, err)
	}
}

// TestRevise keeps every revision of the host's notices whole, starts their clocks anew, and marks what changed.
func TestRevise(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, touching)
	get := func() (d notices.Detail) {
		t.Helper()
		if err := p.AsWorker(t.Context(), "merge", func(tx *portal.Tx) error { return notices.Revise(t.Context(), tx) }); err != nil {
			t.Fatal(err)
		}
		if err := p.Do(t.Context(), portaltest.As(portaltest.Cord, portal.NoticesRead), func(tx *portal.Tx) (err error) { d, err = notices.Get(t.Context(), tx, "N1"); return err }); err != nil {
			t.Fatal(err)
		}
		return d
	}
	if d := get(); len(d.Revisions) != 1 || len(d.Revisions[0].Changes) != 0 || d.AcknowledgeBy != "2026-03-22" {
		t.Errorf("first: %+v, by %s", d.Revisions, d.AcknowledgeBy)
	}
	// What still comes in within the minute belongs to the first.
	p.Arrange(t, `INSERT INTO notice_items (partner_id, notice, line, supplier, product, changed_at) VALUES (4, 'N1', 9, 'S300', 'T9', now())`)
	if d := get(); len(d.Revisions) != 1 || len(d.Items) != 4 {
		t.Errorf("still coming in: %+v", d.Revisions)
	}
	p.Pass(10 * 24 * time.Hour)
	p.Arrange(t, `UPDATE notices SET revision = '2', effective_on = '2026-07-01' WHERE notice = 'N1' AND partner_id = 4;
		UPDATE notice_items SET effective_lot = 'L9' WHERE line = 2; DELETE FROM notice_items WHERE line = 9`)
	d := get()
	if d = get(); len(d.Revisions) != 2 || d.Revisions[0].Revision != "2" || d.AcknowledgeBy != "2026-04-11" || d.ShipsFrom != "2026-06-10" {
		t.Fatalf("second: %+v, by %s", d.Revisions, d.AcknowledgeBy)
	}
	want := []notices.Difference{{Field: "effective_on", Was: "2026-03-16", Became: "2026-07-01"}, {Line: 2, Field: "effective_lot", Was: "", Became: "L9"}, {Line: 9, Field: "product", Was: "T9", Became: ""}}
	if got := d.Revisions[0].Changes; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestTend follows a supplier's rule when a version comes, and writes down what lapses.
func TestTend(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, touching)
	p.Arrange(t, `INSERT INTO commit_rules (partner_id, rule, set_at, set_by) VALUES (4, 'all', now(), 'x')`)
	tend := func() {
		t.Helper()
		if err := p.AsWorker(t.Context(), "clock", func(tx *portal.Tx) error { return forecasts.Tend(t.Context(), tx) }); err != nil {
			t.Fatal(err)
		}
	}
	tend()
	p.Pass(9 * 24 * time.Hour)
	tend()
	tend()
	var committed, lapsed int
	var how string
	if err := p.Owner.QueryRow(`SELECT (SELECT count(*) FROM commits), (SELECT min(how) FROM commits), (SELECT count(*) FROM audit WHERE action = 'forecasts.lapse')`).Scan(&committed, &how, &lapsed); err != nil || committed != 1 || how != "rule" || lapsed != 1 {
		t.Errorf("%d committed by %s, %d lapsed, %v", committed, how, lapsed, err)
	}
}

package purchasing

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"extranet/portal"
	"extranet/portal/portaltest"
)

var buyer = portaltest.As(portaltest.Host, portal.PurchasesRead, portal.PurchasesManage)

func (c *core) rule(t *testing.T, r ...Ruling) (err error) {
	t.Helper()
	return c.AcrossPartners(t.Context(), buyer, portal.PurchasesManage, func(tx *portal.Tx) error { _, err := Rule(t.Context(), tx, "S300", "P1", r); return err })
}

const enrolled = `
	INSERT INTO people (person_id, name, email, created_at) SELECT id::uuid, name, name || '@cord.example', now() FROM (VALUES ('00000000-0000-4000-8000-00000000000a', 'sela'), ('00000000-0000-4000-8000-00000000000b', 'vera'), ('00000000-0000-4000-8000-00000000000c', 'nora')) p (id, name);
	INSERT INTO memberships (partner_id, person_id, name, email, roles, sites, origin, granted_by, granted_at)
	SELECT 4, person_id, name, email, CASE name WHEN 'vera' THEN '{viewer}'::text[] ELSE '{seller}' END, CASE name WHEN 'nora' THEN '{S301}'::text[] END, 'operator', 'test', now() FROM people;`

// mails are those that were queued since the last look: to whom, and what about.
func (c *core) mails(t *testing.T) string {
	t.Helper()
	var all []string
	must(t, c.AsWorker(t.Context(), "test", func(tx *portal.Tx) error {
		return tx.Select(t.Context(), &all, `UPDATE mails SET state = 'sent' WHERE state = 'waiting' RETURNING recipient || ': ' || subject`)
	}))
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// TestRule follows answers to a buyer's decisions: what is accepted stands, what is not is asked again in words, and the core learns of both.
func TestRule(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	c.Arrange(t, enrolled)
	c.does(t, twoLines)
	must(t, c.give(t, "P1", Answer{Version: 1, Lines: []LineAnswer{{Line: 10, Verdict: Change, Parts: []Part{{"2026-03-20", "100"}}}, {Line: 20, Verdict: Refuse, Reason: "capacity"}}}))
	if err := c.rule(t, Ruling{Answer: 1, Line: 10, Accepted: true}, Ruling{Answer: 1, Line: 20}); portal.Says(err).On("why-20") == "" {
		t.Errorf("refused without words: %v", err)
	}
	expect(t, "nothing of it was kept", c.get(t, "P1").line(10), "waiting: promised , refused 0, open 100")
	must(t, c.rule(t, Ruling{Answer: 1, Line: 10, Accepted: true}, Ruling{Answer: 1, Line: 20, Why: "We need them"}))
	d := c.get(t, "P1")
	expect(t, "accepted", d.line(10), "confirmed: promised 100 on 2026-03-20, refused 0, open 0")
	expect(t, "insisted on", d.line(20), "review: promised , refused 0, open 50")
	expect(t, "in words", d.Answers[0].Lines[1].Why, "We need them")
	expect(t, "told", c.mails(t), "sela@cord.example: Purchase order P1: the host insists on what it asked for")
	if err := c.rule(t, Ruling{Answer: 1, Line: 10, Accepted: true}); portal.Says(err).Kind != portal.Conflict {
		t.Errorf("decided twice: %v", err)
	}
	var posted string
	must(t, c.AsWorker(t.Context(), "test", func(tx *portal.Tx) error {
		return tx.Get(t.Context(), &posted, `SELECT content::json->>'lines' FROM outbox WHERE name = 'decide_purchase_answer'`)
	}))
	expect(t, "posted", posted, `[{"answer":1,"line":10,"accepted":true,"why":""},{"answer":1,"line":20,"accepted":false,"why":"We need them"}]`)
	// The core says the same later: nothing changes. What it does not take is answered anew.
	c.does(t, `INSERT INTO purchase_decisions (partner_id, order_number, answer, line, accepted, decided_at, changed_at) VALUES (4, 'P1', 1, 10, true, $1, $1)`)
	expect(t, "the core's own", c.get(t, "P1").line(10), "confirmed: promised 100 on 2026-03-20, refused 0, open 0")
	must(t, c.AsWorker(t.Context(), "test", func(tx *portal.Tx) error {
		return RulingRefused(t.Context(), tx, portaltest.Cord, "P1", posted, "The period is closed")
	}))
	expect(t, "not taken", c.get(t, "P1").line(10), "review: promised 100 on 2026-03-20, refused 0, open 0")
	// Who may look may not decide, and a supplier is never across.
	reader := portaltest.As(portaltest.Host, portal.PurchasesRead)
	if err := c.AcrossPartners(t.Context(), reader, portal.PurchasesRead, func(tx *portal.Tx) error { _, err := Rule(t.Context(), tx, "S300", "P1", nil); return err }); portal.Says(err).Kind != portal.Forbidden {
		t.Errorf("a reader decides: %v", err)
	}
}

// TestRemind holds that whoever answers is written to once before and once after the day, in one mail for all orders of theirs.
func TestRemind(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	c.Arrange(t, enrolled)
	c.does(t, twoLines, `INSERT INTO purchase_orders (partner_id, number, site, status, currency, ordered_on, net, changed_at) VALUES (4, 'P2', 'S301', 'open', 'EUR', '2026-03-01', 500, $1)`,
		`INSERT INTO purchase_order_lines (partner_id, order_number, line, product, description, unit, quantity, received, price, net, requested_on, status, changed_at) VALUES (4, 'P2', 10, 'T1', 'Tyre', 'PC', 100, 0, 4, 400, '2026-03-10', 'open', $1)`)
	look := func() string {
		must(t, c.AsWorker(t.Context(), "clock", func(tx *portal.Tx) error { return Remind(t.Context(), tx) }))
		return c.mails(t)
	}
	expect(t, "two days before", look(), "")
	c.Pass(24 * time.Hour)
	expect(t, "a day before", look(), "nora@cord.example: Purchase orders wait for your answer: 1\nsela@cord.example: Purchase orders wait for your answer: 2")
	expect(t, "once", look(), "")
	must(t, c.give(t, "P1", Answer{Version: 1, Lines: []LineAnswer{{Line: 10, Verdict: Accept}, {Line: 20, Verdict: Accept}}}))
	c.Pass(24 * time.Hour)
	expect(t, "on the day", look(), "")
	c.Pass(24 * time.Hour)
	expect(t, "the day is over", look(), "nora@cord.example: Purchase orders wait for your answer: 1, of which 1 are overdue\nsela@cord.example: Purchase orders wait for your answer: 1, of which 1 are overdue")
	c.Pass(24 * time.Hour)
	expect(t, "no more", look(), "")
}

// TestObject follows a rejection: objected to in words within the days, answered by the host, once.
func TestObject(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	c.Arrange(t, enrolled)
	c.does(t, twoLines, `INSERT INTO receipts (partner_id, receipt, kind, site, order_number, order_line, product, received_at, quantity, rejected, reason, changed_at) VALUES
		(4, 'R1', 'receipt', 'S300', 'P1', 10, 'T1', '2026-03-01Z', 60, 4, 'tread defect', $1), (4, 'R2', 'receipt', 'S300', 'P1', 10, 'T1', '2026-03-01Z', 10, 0, NULL, $1),
		(4, 'R3', 'return', 'S300', 'P1', 10, 'T1', '2026-02-01Z', 2, NULL, 'wrong item', $1), (5, 'R9', 'receipt', 'S400', 'P9', 10, 'T1', '2026-03-01Z', 60, 4, 'x', $1)`)
	object := func(receipt, words string) (r Receipt, err error) {
		err = c.Do(t.Context(), cord, func(tx *portal.Tx) (err error) { r, err = Object(t.Context(), tx, receipt, words); return err })
		return r, err
	}
	for receipt, want := range map[string]portal.Kind{"R2": portal.Conflict, "R3": portal.Conflict, "R9": portal.NotFound, "RX": portal.NotFound} {
		if _, err := object(receipt, "No"); portal.Says(err).Kind != want {
			t.Errorf("%s: %v", receipt, err)
		}
	}
	if _, err := object("R1", " "); portal.Says(err).On("words") == "" {
		t.Errorf("without words: %v", err)
	}
	r, err := object("R1", "The tread is as drawn.\nSee the report.")
	must(t, err)
	expect(t, "objected", fmt.Sprint(r.Objection, r.AnswerBy), "waiting2026-03-15")
	if _, err := object("R1", "Again"); portal.Says(err).Kind != portal.Conflict {
		t.Errorf("twice: %v", err)
	}
	var waiting []DeskReceipt
	must(t, c.AcrossPartners(t.Context(), buyer, portal.PurchasesRead, func(tx *portal.Tx) (err error) {
		waiting, _, err = ReceiptsAcross(t.Context(), tx, ReceiptFilter{Show: "objected"})
		return err
	}))
	if len(waiting) != 1 || waiting[0].Partner != "S300" || waiting[0].Receipt.Receipt != "R1" {
		t.Errorf("the buyers see %+v", waiting)
	}
	settle := func(accepted bool, words string) error {
		return c.AcrossPartners(t.Context(), buyer, portal.PurchasesManage, func(tx *portal.Tx) error {
			_, err := Settle(t.Context(), tx, "S300", "R1", accepted, words)
			return err
		})
	}
	if err := settle(true, ""); portal.Says(err).On("words") == "" {
		t.Errorf("answered without words: %v", err)
	}
	must(t, settle(true, "You are right"))
	if err := settle(false, "No"); portal.Says(err).Kind != portal.Conflict {
		t.Errorf("answered twice: %v", err)
	}
	expect(t, "told", c.mails(t), "sela@cord.example: Receipt R1: the rejection is taken back")
	// The list is gone through page by page, with nothing seen twice.
	var seen []string
	for f, more := (ReceiptFilter{Limit: 1}), true; more; more = f.Cursor != "" {
		must(t, c.Do(t.Context(), cord, func(tx *portal.Tx) error {
			list, next, err := Receipts(t.Context(), tx, f)
			for _, r := range list {
				seen = append(seen, r.Receipt+" "+r.Objection)
			}
			f.Cursor = next
			return err
		}))
	}
	expect(t, "all", strings.Join(seen, ", "), "R2 none, R1 accepted, R3 none")
}

// TestAcross_plans shows that lists across suppliers walk an index in their order, and are entered at the cursor.
func TestAcross_plans(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, `
		INSERT INTO purchase_orders (partner_id, number, site, status, currency, ordered_on, net, state, answer_by, next_due_on, changed_at)
		SELECT 4 + i % 2, 'P' || i, 'S1', 'open', 'EUR', date '2020-01-01' + i % 2000, i, (ARRAY['review', 'waiting', 'confirmed', 'closed', 'closed', 'closed'])[1 + i / 2 % 6], date '2026-01-01' + i % 300, date '2026-01-01' + i % 500, now() FROM generate_series(1, 40000) i;
		INSERT INTO receipts (partner_id, receipt, order_number, received_at, quantity, rejected, changed_at) SELECT 4 + i % 2, 'R' || i, 'P' || i, timestamptz '2020-01-01Z' + i * interval '1 hour', 1, i % 10 / 9, now() FROM generate_series(1, 40000) i;
		INSERT INTO dispatches (partner_id, number, carrier, tracking, ships_on, arrives_on, note, warnings, command_id, at, by_whom) SELECT 4 + i % 2, 'D' || i, '', '', date '2020-01-01' + i % 2000, '2026-01-01', '', '[]', gen_random_uuid(), now(), 'x' FROM generate_series(1, 40000) i;`)
	p.Arrange(t, `ANALYZE purchase_orders; ANALYZE receipts; ANALYZE dispatches`)
	orders := func(f Filter) func(tx *portal.Tx) (string, []any) {
		must(t, f.Check())
		return func(tx *portal.Tx) (string, []any) { return f.acrossQuery(tx, 0) }
	}
	receipts := func(f ReceiptFilter, partner int64) func(tx *portal.Tx) (string, []any) {
		must(t, f.Check())
		return func(tx *portal.Tx) (string, []any) { return receiptQuery(tx, f, partner) }
	}
	dispatches := func(f DispatchFilter, partner int64) func(tx *portal.Tx) (string, []any) {
		must(t, f.Check())
		return func(tx *portal.Tx) (string, []any) { return f.query(tx, partner) }
	}
	deep := dayCursor{"2021-01-01", 4, "R9"}.String()
	for name, c := range map[string]struct {
		query        func(tx *portal.Tx) (string, []any)
		index, enter string
		own          bool
	}{
		"all":             {orders(Filter{Cursor: cursor{Sort: "-ordered_on", Value: "2021-01-01", Partner: 4, Key: "P9"}.String()}), "purchase_orders_across_by_day", "ROW(ordered_on, partner_id, number) <", false},
		"waiting":         {orders(Filter{List: Waiting, Cursor: cursor{Sort: "-ordered_on", Value: "2021-01-01", Partner: 4, Key: "P9"}.String()}), "purchase_orders_across_by_state", "state =", false},
		"review":          {orders(Filter{List: Review, Cursor: cursor{Sort: "answer_by", Value: "2026-02-01", Partner: 4, Key: "P9"}.String()}), "purchase_orders_across_by_answer", "ROW(answer_by, partner_id, number) >", false},
		"late":            {orders(Filter{List: "late"}), "purchase_orders_across_by_due", "next_due_on <", false},
		"receipts across": {receipts(ReceiptFilter{Cursor: deep}, 0), "receipts_across", "ROW(day, partner_id, receipt) <", false},
		"rejected across": {receipts(ReceiptFilter{Show: "defects", Cursor: deep}, 0), "receipts_across", "ROW(day, partner_id, receipt) <", false},
		"receipts":        {receipts(ReceiptFilter{Cursor: deep}, 4), "receipts_", "ROW(day, receipt) <", true},
		"rejected":        {receipts(ReceiptFilter{Show: "defects", Cursor: deep}, 4), "receipts_", "ROW(day, receipt) <", true},
		"shipments":       {dispatches(DispatchFilter{Cursor: deep}, 4), "dispatches_by_day", "ROW(ships_on, number) <", true},
		"across":          {dispatches(DispatchFilter{Cursor: deep}, 0), "dispatches_across", "ROW(ships_on, partner_id, number) <", false},
	} {
		var plan []string
		explain := func(tx *portal.Tx) error {
			query, args := c.query(tx)
			return tx.Select(t.Context(), &plan, `EXPLAIN `+query, args...)
		}
		if c.own {
			must(t, p.Do(t.Context(), cord, explain))
		} else {
			must(t, p.AcrossPartners(t.Context(), buyer, portal.PurchasesRead, explain))
		}
		text, cond := strings.Join(plan, "\n"), ""
		for _, line := range plan {
			if strings.Contains(line, "Index Cond") {
				cond += line
			}
		}
		if !strings.Contains(text, c.index) || !strings.Contains(cond, c.enter) {
			t.Errorf("%s: want %s entered by %q:\n%s", name, c.index, c.enter, text)
		}
	}
}

func (c *core) decide(t *testing.T, look bool, all ...Decision) (list []Decided) {
	t.Helper()
	must(t, c.AcrossPartners(t.Context(), buyer, portal.PurchasesManage, func(tx *portal.Tx) (err error) {
		list, err = DecideAll(t.Context(), tx, all, look)
		return err
	}))
	return list
}

// TestDecideAll decides over answers to several orders at once: what it says beforehand is what becomes of each, what cannot be decided spoils no other, and a
// supplier is written to once.
func TestDecideAll(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	c.Arrange(t, enrolled)
	c.does(t, twoLines, strings.ReplaceAll(twoLines, "'P1'", "'P2'"))
	for _, order := range []string{"P1", "P2"} {
		must(t, c.give(t, order, Answer{Version: 1, Lines: []LineAnswer{{Line: 10, Verdict: Change, Parts: []Part{{"2026-03-20", "70"}}}, {Line: 20, Verdict: Refuse, Reason: "capacity"}}}))
	}
	var waits []WaitingAnswer
	next := ""
	for range 5 {
		must(t, c.AcrossPartners(t.Context(), buyer, portal.PurchasesRead, func(tx *portal.Tx) error {
			list, to, err := WaitingAnswers(t.Context(), tx, AnswerFilter{Limit: 3, Cursor: next})
			waits, next = append(waits, list...), to
			return err
		}))
		if next == "" {
			break
		}
	}
	var all []Decision
	for _, w := range waits {
		all = append(all, Decision{w.Partner, w.Order, Ruling{w.Answer, w.Line, w.Said.Verdict == Change, "We need them"}})
	}
	expect(t, "what waits", all, []Decision{{"S300", "P1", Ruling{1, 10, true, "We need them"}}, {"S300", "P1", Ruling{1, 20, false, "We need them"}}, {"S300", "P2", Ruling{1, 10, true, "We need them"}}, {"S300", "P2", Ruling{1, 20, false, "We need them"}}})
	all = append(all, all[0], Decision{"S300", "P2", Ruling{9, 10, true, ""}}, Decision{"S300", "P9", Ruling{1, 10, true, ""}}, Decision{"S300", "P1", Ruling{1, 20, false, " "}})
	before := c.decide(t, true, all...)
	expect(t, "only looked", c.get(t, "P1").line(10), "waiting: promised , refused 0, open 100")
	after := c.decide(t, false, all...)
	expect(t, "said beforehand", before, after)
	var faults []string
	for _, d := range after {
		faults = append(faults, d.Fault)
	}
	expect(t, "every one is accounted for", faults, []string{"", "", "", "", "is decided about already, further up", "this answer does not wait any more; look again", NoOrder, "say why, in words that the supplier reads"})
	for i, order := range []string{"P1", "P2"} {
		d := c.get(t, order)
		expect(t, "accepted", d.line(10), "review: promised 70 on 2026-03-20, refused 0, open 30")
		expect(t, "as was said", after[2*i].After, d.Lines[0].Promised)
		expect(t, "as was said", after[2*i].Open, d.Lines[0].Open)
		expect(t, "insisted on", d.line(20), "review: promised , refused 0, open 50")
		expect(t, "in words", d.Answers[0].Lines[1].Why, "We need them")
	}
	expect(t, "told once", c.mails(t), "sela@cord.example: Purchase orders of which the host insists on what it asked for: 2")
	var posted int
	must(t, c.AsWorker(t.Context(), "test", func(tx *portal.Tx) error {
		return tx.Get(t.Context(), &posted, `SELECT count(*) FROM outbox WHERE name = 'decide_purchase_answer'`)
	}))
	expect(t, "posted for each order", posted, 2)
	for i, d := range c.decide(t, false, all...) {
		if d.Fault == "" {
			t.Errorf("%d is decided twice", i)
		}
	}
	if err := c.AcrossPartners(t.Context(), portaltest.As(portaltest.Host, portal.PurchasesRead), portal.PurchasesRead, func(tx *portal.Tx) error {
		_, err := DecideAll(t.Context(), tx, all, true)
		return err
	}); portal.Says(err).Kind != portal.Forbidden {
		t.Errorf("a reader decides: %v", err)
	}
}

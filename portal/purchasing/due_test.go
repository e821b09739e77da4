package purchasing

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lib/pq"

	"extranet/portal"
	"extranet/portal/portaltest"
)

// TestDueLines goes from what is asked for to what is promised and what came of it: each line says how much is due by its first day, and how much is left in all.
func TestDueLines(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	by := cord
	due := func(f DueFilter) (said []string) {
		f.Limit = 1
		for {
			var list []DueLine
			var next string
			must(t, c.Do(t.Context(), by, func(tx *portal.Tx) (err error) { list, next, err = DueLines(t.Context(), tx, f); return err }))
			for _, l := range list {
				said = append(said, fmt.Sprintf("%s/%d: %s of %s on %s, %s", l.Order, l.Line, l.Due, l.Left, l.DueOn, l.State))
			}
			if f.Cursor = next; next == "" {
				return said
			}
		}
	}
	c.does(t, twoLines)
	expect(t, "asked for", due(DueFilter{}), []string{"P1/10: 60 of 100 on 2026-03-10, review", "P1/20: 50 of 50 on 2026-03-10, review"})
	must(t, c.give(t, "P1", Answer{Version: 1, Lines: []LineAnswer{{Line: 10, Verdict: Change, Parts: []Part{{"2026-03-12", "30"}}}, {Line: 20, Verdict: Refuse, Reason: "capacity"}}}))
	c.does(t, `UPDATE purchase_orders SET changed_at = $1`, `UPDATE purchase_order_lines SET received = 20, changed_at = $1 WHERE line = 20`)
	expect(t, "while it waits", due(DueFilter{}), []string{"P1/10: 60 of 100 on 2026-03-10, waiting", "P1/20: 30 of 30 on 2026-03-10, waiting"})
	expect(t, "of one product", due(DueFilter{Product: "T2", List: Waiting}), []string{"P1/20: 30 of 30 on 2026-03-10, waiting"})
	must(t, c.rule(t, Ruling{Answer: 1, Line: 10, Accepted: true}, Ruling{Answer: 1, Line: 20, Accepted: true}))
	expect(t, "promised, and refused", due(DueFilter{}), []string{"P1/10: 30 of 30 on 2026-03-12, review"})
	expect(t, "not late yet", due(DueFilter{List: "late"}), []string(nil))
	by.Sites = pq.StringArray{"S301"}
	expect(t, "of a site beyond the caller's", due(DueFilter{}), []string(nil))
	if err := (&DueFilter{List: "lost", Limit: 900, Product: "\x00", Cursor: lineCursor{Order: "P1"}.String()}).Check(); len(portal.Says(err).Fields) != 4 {
		t.Errorf("faults: %v", portal.Says(err).Fields)
	}
}

// TestDueAcross shows that the host's buyers read the lines of every supplier, what is due first first, narrowed as they ask and page by page.
func TestDueAcross(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t) // on a Monday, 2026-03-02
	for _, s := range []string{
		`INSERT INTO purchase_orders (partner_id, number, site, buyer, status, currency, ordered_on, net, changed_at) SELECT s, 'P' || o, 'S300', 'Ilse', 'open', 'EUR', '2026-01-01', 1, now() FROM unnest(ARRAY[4, 5]) s, generate_series(1, 2) o`,
		`INSERT INTO purchase_order_lines (partner_id, order_number, line, product, description, quantity, received, price, net, requested_on, status, changed_at, next_due_on, state)
			SELECT s, 'P' || o, 10 * l, 'T' || l, 'Tyre', 10, 4, 1, 10, d, 'open', now(), d, (ARRAY['review', 'waiting', 'confirmed'])[l] FROM unnest(ARRAY[4, 5]) s, generate_series(1, 2) o, generate_series(1, 3) l, LATERAL (SELECT date '2026-02-20' + o * s + l AS d) x`,
		`INSERT INTO purchase_promises (partner_id, order_number, line, part, promised_on, quantity) SELECT partner_id, order_number, line, 1, next_due_on, 9 FROM purchase_order_lines WHERE state = 'confirmed'`,
	} {
		p.Arrange(t, s)
	}
	all, err := func() (said []string, err error) {
		rows, err := p.Owner.Query(`SELECT s.number || ' ' || order_number || '/' || line || ' ' || next_due_on || ' ' || state || ' ' || l.product FROM purchase_order_lines l JOIN partners s USING (partner_id) ORDER BY next_due_on, partner_id, order_number, line`)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		for rows.Next() {
			var s string
			if err := rows.Scan(&s); err != nil {
				return nil, err
			}
			said = append(said, s)
		}
		return said, rows.Err()
	}()
	must(t, err)
	for name, c := range map[string]struct {
		filter DueAcrossFilter
		holds  func(supplier, day, state, product string) bool
	}{
		"all":         {DueAcrossFilter{}, func(_, _, _, _ string) bool { return true }},
		"late":        {DueAcrossFilter{Days: "late"}, func(_, day, _, _ string) bool { return day < "2026-03-02" }},
		"week":        {DueAcrossFilter{Days: "week"}, func(_, day, _, _ string) bool { return day >= "2026-03-02" && day <= "2026-03-08" }},
		"unconfirmed": {DueAcrossFilter{State: Unconfirmed}, func(_, _, state, _ string) bool { return state == Review || state == Waiting }},
		"waiting": {DueAcrossFilter{State: Waiting, Days: "week"}, func(_, day, state, _ string) bool {
			return state == Waiting && day >= "2026-03-02" && day <= "2026-03-08"
		}},
		"supplier": {DueAcrossFilter{Partner: "S400", Product: "T3"}, func(s, _, _, product string) bool { return s == "S400" && product == "T3" }},
		"nobody":   {DueAcrossFilter{Partner: "X"}, func(_, _, _, _ string) bool { return false }},
	} {
		var want, got []string
		for _, line := range all {
			if w := strings.Fields(line); c.holds(w[0], w[2], w[3], w[4]) {
				want = append(want, line)
			}
		}
		if len(want) == 0 && name != "nobody" || len(want) == len(all) && name != "all" {
			t.Fatalf("%s: %d of %d lines say nothing", name, len(want), len(all))
		}
		take := func(l DeskDueLine) {
			due := map[string]portal.Amount{Review: "6", Waiting: "6", Confirmed: "5"}[l.State] // of 10 that are asked for or 9 that are promised, 4 came
			if l.Due != due || l.Buyer != "Ilse" {
				t.Errorf("%s: %s of order %s is due to %q, want %s", name, l.Due, l.Order, l.Buyer, due)
			}
			got = append(got, fmt.Sprintf("%s %s/%d %s %s %s", l.Partner, l.Order, l.Line, l.DueOn, l.State, l.Product))
		}
		f := c.filter
		f.Limit = 2
		for more := true; more; more = f.Cursor != "" {
			must(t, p.AcrossPartners(t.Context(), buyer, portal.PurchasesRead, func(tx *portal.Tx) error {
				list, next, err := DueAcross(t.Context(), tx, f)
				for _, l := range list {
					take(l)
				}
				f.Cursor = next
				return err
			}))
		}
		expect(t, name, got, want)
		got = nil
		must(t, p.AcrossPartners(t.Context(), buyer, portal.PurchasesRead, func(tx *portal.Tx) error {
			return ExportDueAcross(t.Context(), tx, c.filter, "csv", func(l DeskDueLine) error { take(l); return nil })
		}))
		expect(t, name+" as a file", got, want)
	}
	bad := DueAcrossFilter{Days: "lost", State: "lost", Limit: 900, Partner: "\x00", Product: "\x00", Cursor: lineCursor{Day: "2026-03-02", Order: "P1"}.String()}
	if err := bad.Check(); len(portal.Says(err).Fields) != 6 {
		t.Errorf("faults: %v", portal.Says(err).Fields)
	}
}

// TestLines_plans shows that the lists of lines read little more than they show.
func TestLines_plans(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	for _, s := range []string{
		`INSERT INTO purchase_orders (partner_id, number, site, status, currency, ordered_on, net, changed_at) SELECT 4 + i % 2, 'P' || i, 'S30' || i % 3, 'open', 'EUR', date '2026-01-01', i, now() FROM generate_series(1, 10000) i`,
		`INSERT INTO purchase_order_lines (partner_id, order_number, line, product, description, quantity, received, price, net, status, changed_at, next_due_on, state)
			SELECT 4 + i % 2, 'P' || i, l, 'T' || i % 50, 'Tyre', 10, 0, 1, 10, 'open', now(), CASE WHEN i % 8 < 2 THEN date '2026-02-01' + i % 300 END, CASE WHEN i % 8 < 2 THEN 'waiting' ELSE 'closed' END FROM generate_series(1, 10000) i, generate_series(1, 3) l`,
		`INSERT INTO purchase_answers (partner_id, order_number, answer, version, command_id, at, by_whom, note) SELECT 4 + i % 2, 'P' || i, 1, 1, gen_random_uuid(), now(), 'x', '' FROM generate_series(1, 10000) i`,
		`INSERT INTO purchase_answer_lines (partner_id, order_number, answer, line, content, state) SELECT 4 + i % 2, 'P' || i, 1, l, '{"verdict":"refuse"}', CASE WHEN i % 8 < 2 THEN 'waiting' ELSE 'settled' END FROM generate_series(1, 10000) i, generate_series(1, 3) l`,
		`ANALYZE purchase_orders`, `ANALYZE purchase_order_lines`, `ANALYZE purchase_answers`, `ANALYZE purchase_answer_lines`,
	} {
		p.Arrange(t, s)
	}
	few := func(tx *portal.Tx, name, table string, most int, f func() error) {
		rows, whole := portaltest.Reads(t, tx, table, func() { must(t, f()) })
		if rows > most || whole {
			t.Errorf("%s reads %d rows of %s, want at most %d (all of it: %v)", name, rows, table, most, whole)
		}
	}
	deep := lineCursor{Day: "2026-05-01", Order: "P5", Line: 1}.String()
	for name, f := range map[string]DueFilter{"due": {}, "deep": {Cursor: deep}, "late": {List: "late"}, "waiting": {List: Waiting}, "of a site": {Site: "S301"}} {
		must(t, p.Do(t.Context(), cord, func(tx *portal.Tx) error {
			few(tx, name, "purchase_order_lines", 500, func() error { _, _, err := DueLines(t.Context(), tx, f); return err })
			return nil
		}))
	}
	for name, f := range map[string]DueAcrossFilter{"due across": {}, "due across, deep": {Cursor: lineCursor{Day: "2026-05-01", Partner: 4, Order: "P5", Line: 1}.String()}, "late across": {Days: "late"}, "this week across": {Days: "week", State: Unconfirmed},
		"waiting across": {State: Waiting}, "one supplier's": {Partner: "S300"}, "a product across": {Product: "T7"}} {
		must(t, p.AcrossPartners(t.Context(), buyer, portal.PurchasesRead, func(tx *portal.Tx) error {
			few(tx, name, "purchase_order_lines", 500, func() error { _, _, err := DueAcross(t.Context(), tx, f); return err })
			return nil
		}))
	}
	for name, f := range map[string]AnswerFilter{"answers": {}, "answers, deep": {Cursor: lineCursor{Partner: 4, Order: "P5", Line: 1}.String()}, "of one supplier": {Partner: "S300"}} {
		must(t, p.AcrossPartners(t.Context(), buyer, portal.PurchasesRead, func(tx *portal.Tx) error {
			few(tx, name, "purchase_answer_lines", 400, func() error { _, _, err := WaitingAnswers(t.Context(), tx, f); return err })
			return nil
		}))
	}
}

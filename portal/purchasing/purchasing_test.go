package purchasing

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

var cord = portaltest.As(portaltest.Cord, portal.PurchasingRead, portal.PurchasingAnswer)

// core is what the host's core does, as a merge would leave it.
type core struct{ *portaltest.Portal }

func newCore(t *testing.T) *core {
	return &core{portaltest.New(t)}
}

// does runs SQL as the worker, at $1, then what follows a merge. A minute passes first.
func (c *core) does(t *testing.T, statements ...string) {
	t.Helper()
	c.Pass(2 * time.Minute)
	must(t, c.AsWorker(t.Context(), "test", func(tx *portal.Tx) error {
		for _, s := range statements {
			if _, err := tx.Exec(t.Context(), s, tx.Now); err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
		}
		if err := Revise(t.Context(), tx); err != nil {
			return err
		}
		return Decide(t.Context(), tx)
	}))
}

const twoLines = `WITH o AS (INSERT INTO purchase_orders (partner_id, number, site, status, currency, ordered_on, net, changed_at) VALUES (4, 'P1', 'S300', 'open', 'EUR', '2026-03-01', 500, $1)),
	l AS (INSERT INTO purchase_order_lines (partner_id, order_number, line, product, description, unit, quantity, received, price, net, requested_on, status, changed_at)
		VALUES (4, 'P1', 10, 'T1', 'Tyre', 'PC', 100, 0, 4, 400, '2026-03-10', 'open', $1), (4, 'P1', 20, 'T2', 'Tube', 'PC', 50, 0, 2, 100, '2026-03-10', 'open', $1))
	INSERT INTO schedule_lines (partner_id, order_number, line, schedule, requested_on, quantity, changed_at) VALUES (4, 'P1', 10, 1, '2026-03-10', 60, $1), (4, 'P1', 10, 2, '2026-03-17', 40, $1)`

func (c *core) get(t *testing.T, number string) (d Detail) {
	t.Helper()
	must(t, c.Do(t.Context(), cord, func(tx *portal.Tx) (err error) { d, err = Get(t.Context(), tx, number); return err }))
	return d
}

func (c *core) give(t *testing.T, number string, a Answer) error {
	t.Helper()
	return c.Do(t.Context(), cord, func(tx *portal.Tx) error { _, err := Give(t.Context(), tx, number, a); return err })
}

// line says in one line how a line of the order stands.
func (d Detail) line(n int64) string {
	for _, l := range d.Lines {
		if l.Line == n {
			return fmt.Sprintf("%s: promised %s, refused %s, open %s", l.State, said(l.Promised), l.Refused, l.Open)
		}
	}
	return "gone"
}

func expect[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// TestAnswering follows one order through answers, the host's decisions and its changes.
func TestAnswering(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	c.does(t, twoLines)
	d := c.get(t, "P1")
	expect(t, "new", []any{d.State, d.Version, d.ToAnswer, d.AnswerBy, d.NextDueOn}, []any{Review, 1, 2, portal.Date("2026-03-04"), portal.Date("2026-03-10")})

	// Accepted as asked: it holds at once. A part of the other line, as asked: the rest stays to be answered.
	must(t, c.give(t, "P1", Answer{Version: 1, Lines: []LineAnswer{{Line: 10, Verdict: Accept}, {Line: 20, Verdict: Change, Parts: []Part{{"2026-03-10", "30"}}}}}))
	d = c.get(t, "P1")
	expect(t, "accepted", d.line(10), "confirmed: promised 60 on 2026-03-10, 40 on 2026-03-17, refused 0, open 0")
	expect(t, "in part", d.line(20), "review: promised 30 on 2026-03-10, refused 0, open 20")
	expect(t, "order", []any{d.State, d.ToAnswer}, []any{Review, 1})

	// The rest later: that is the host's to decide, and until then the promise stands.
	must(t, c.give(t, "P1", Answer{Version: 1, Lines: []LineAnswer{{Line: 20, Verdict: Change, Parts: []Part{{"2026-03-10", "30"}, {"2026-03-24", "20"}}}}}))
	d = c.get(t, "P1")
	expect(t, "waiting", d.line(20), "waiting: promised 30 on 2026-03-10, refused 0, open 20")
	expect(t, "waits", d.State, Waiting)
	c.does(t, `INSERT INTO purchase_decisions (partner_id, order_number, answer, line, accepted, decided_at, changed_at) VALUES (4, 'P1', 2, 20, true, $1, $1)`)
	d = c.get(t, "P1")
	expect(t, "decided", d.line(20), "confirmed: promised 30 on 2026-03-10, 20 on 2026-03-24, refused 0, open 0")
	expect(t, "all is confirmed", d.State, Confirmed)

	// The host wants line 10 sooner: a new version, marked; the promise stands until it is answered, and only for what is.
	c.does(t, `UPDATE schedule_lines SET requested_on = requested_on - 3, changed_at = $1 WHERE line = 10`)
	d = c.get(t, "P1")
	expect(t, "new version", []any{d.Version, d.State, d.Lines[0].Changes}, []any{2, Review, []Difference{{10, "asked", "60 on 2026-03-10, 40 on 2026-03-17", "60 on 2026-03-07, 40 on 2026-03-14"}}})
	expect(t, "stands", d.line(10), "review: promised 60 on 2026-03-10, 40 on 2026-03-17, refused 0, open 0")
	expect(t, "untouched", d.line(20), "confirmed: promised 30 on 2026-03-10, 20 on 2026-03-24, refused 0, open 0")
	if err := c.give(t, "P1", Answer{Version: 1, Lines: []LineAnswer{{Line: 10, Verdict: Accept}}}); portal.Says(err).Kind != portal.Conflict {
		t.Errorf("an old version is answered: %v", err)
	}
	must(t, c.give(t, "P1", Answer{Version: 2, Lines: []LineAnswer{{Line: 10, Verdict: Change, Parts: []Part{{"2026-03-07", "25"}}}}}))
	expect(t, "promise kept for the rest", c.get(t, "P1").line(10), "confirmed: promised 25 on 2026-03-07, 35 on 2026-03-10, 40 on 2026-03-17, refused 0, open 0")

	// Refused, and the host does not take that: what stood stands, and new days to answer begin.
	must(t, c.give(t, "P1", Answer{Version: 2, Lines: []LineAnswer{{Line: 20, Verdict: Refuse, Reason: "capacity"}}}))
	c.Pass(3 * 24 * time.Hour)
	c.does(t, `INSERT INTO purchase_decisions (partner_id, order_number, answer, line, accepted, why, decided_at, changed_at) VALUES (4, 'P1', 4, 20, false, 'we need it', $1, $1)`)
	d = c.get(t, "P1")
	expect(t, "not taken", d.line(20), "confirmed: promised 30 on 2026-03-10, 20 on 2026-03-24, refused 0, open 0")
	expect(t, "why", []string{d.Answers[0].Lines[0].State, d.Answers[0].Lines[0].Why}, []string{"refused", "we need it"})

	// A question waits; a change by the host overtakes it.
	must(t, c.give(t, "P1", Answer{Version: 2, Lines: []LineAnswer{{Line: 10, Verdict: Question, Price: "4.50"}}}))
	expect(t, "asked", c.get(t, "P1").line(10), "waiting: promised 25 on 2026-03-07, 35 on 2026-03-10, 40 on 2026-03-17, refused 0, open 0")
	c.does(t, `UPDATE purchase_order_lines SET price = 4.5, quantity = 90, changed_at = $1 WHERE line = 10`)
	d = c.get(t, "P1")
	expect(t, "fewer", d.line(10), "review: promised 25 on 2026-03-07, 35 on 2026-03-10, 40 on 2026-03-17, refused 0, open -10")
	expect(t, "overtaken", d.Answers[0].Lines[0].State, "overtaken")
	expect(t, "versions", len(d.Versions), 3)

	// The core does not take an answer: all of it is to be said again.
	must(t, c.give(t, "P1", Answer{Version: 3, Lines: []LineAnswer{{Line: 10, Verdict: Change, Parts: []Part{{"2026-03-14", "90"}}}, {Line: 20, Verdict: Accept}}}))
	must(t, c.AsWorker(t.Context(), "test", func(tx *portal.Tx) error {
		return Undo(t.Context(), tx, portaltest.Cord, "P1", 6, "the order is locked")
	}))
	d = c.get(t, "P1")
	expect(t, "undone", []any{d.ToAnswer, d.Answers[0].Lines[0].Why, d.Answers[0].Lines[1].State}, []any{2, "the order is locked", "refused"})

	// What came in makes the next day due; what is complete is closed.
	c.does(t, `UPDATE purchase_order_lines SET received = 25, changed_at = $1 WHERE line = 10`)
	expect(t, "due", c.get(t, "P1").Lines[0].NextDueOn, portal.Date("2026-03-10"))
	c.does(t, `UPDATE purchase_order_lines SET received = quantity, status = 'closed', changed_at = $1`, `UPDATE purchase_orders SET status = 'closed', changed_at = $1`)
	d = c.get(t, "P1")
	expect(t, "closed", []any{d.State, d.NextDueOn, d.AnswerBy}, []any{Closed, portal.Date(""), portal.Date("")})
	if err := c.give(t, "P1", Answer{Version: 3, Lines: []LineAnswer{{Line: 10, Verdict: Accept}}}); portal.Says(err).Kind != portal.Conflict {
		t.Errorf("a closed order is answered: %v", err)
	}
	var posted []portal.Posted
	must(t, c.Do(t.Context(), cord, func(tx *portal.Tx) (err error) {
		posted, err = portal.Outgoing(t.Context(), tx, "purchase_orders/P1")
		return err
	}))
	expect(t, "answers on their way to the core", len(posted), 6)
}

// TestRevise_gathers: what the core changes in one go is one version, and what it confirms by itself is adopted.
func TestRevise_gathers(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	c.does(t, twoLines)
	c.Pass(30*time.Second - 2*time.Minute)
	c.does(t, `UPDATE purchase_order_lines SET quantity = 70, changed_at = $1 WHERE line = 20`)
	expect(t, "one version", c.get(t, "P1").Version, 1)
	c.does(t, `UPDATE schedule_lines SET confirmed_on = requested_on + 1, confirmed_quantity = quantity, changed_at = $1`)
	d := c.get(t, "P1")
	expect(t, "confirmed by telephone", d.line(10), "confirmed: promised 60 on 2026-03-11, 40 on 2026-03-18, refused 0, open 0")
	expect(t, "still one version", d.Version, 1)
	c.does(t, `UPDATE schedule_lines SET confirmed_on = confirmed_on + 1, changed_at = $1`)
	expect(t, "confirmed anew", c.get(t, "P1").line(10), "confirmed: promised 60 on 2026-03-12, 40 on 2026-03-19, refused 0, open 0")
}

func TestGive_faults(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	c.does(t, twoLines)
	for name, f := range map[string]struct {
		a    Answer
		want string // the field
	}{
		"no lines":       {Answer{}, "lines"},
		"no such line":   {Answer{Lines: []LineAnswer{{Line: 30, Verdict: Accept}}}, "line-30"},
		"twice":          {Answer{Lines: []LineAnswer{{Line: 10, Verdict: Accept}, {Line: 10, Verdict: Accept}}}, "line-10"},
		"no verdict":     {Answer{Lines: []LineAnswer{{Line: 10, Verdict: "maybe"}}}, "verdict-10"},
		"no reason":      {Answer{Lines: []LineAnswer{{Line: 10, Verdict: Refuse}}}, "reason-10"},
		"odd reason":     {Answer{Lines: []LineAnswer{{Line: 10, Verdict: Refuse, Reason: "mood"}}}, "reason-10"},
		"no parts":       {Answer{Lines: []LineAnswer{{Line: 10, Verdict: Change}}}, "parts-10"},
		"too much":       {Answer{Lines: []LineAnswer{{Line: 10, Verdict: Change, Parts: []Part{{"2026-03-10", "60"}, {"2026-03-12", "40.001"}}}}}, "parts-10"},
		"negative":       {Answer{Lines: []LineAnswer{{Line: 10, Verdict: Change, Parts: []Part{{"2026-03-10", "-1"}}}}}, "parts-10"},
		"no number":      {Answer{Lines: []LineAnswer{{Line: 10, Verdict: Change, Parts: []Part{{"2026-03-10", "many"}}}}}, "parts-10"},
		"past":           {Answer{Lines: []LineAnswer{{Line: 10, Verdict: Change, Parts: []Part{{"2026-03-01", "1"}}}}}, "parts-10"},
		"no day":         {Answer{Lines: []LineAnswer{{Line: 10, Verdict: Change, Parts: []Part{{"2026-02-30", "1"}}}}}, "parts-10"},
		"no price":       {Answer{Lines: []LineAnswer{{Line: 10, Verdict: Question}}}, "price-10"},
		"the same price": {Answer{Lines: []LineAnswer{{Line: 10, Verdict: Question, Price: "4.00"}}}, "price-10"},
		"price beside":   {Answer{Lines: []LineAnswer{{Line: 10, Verdict: Accept, Price: "5"}}}, "price-10"},
		"parts beside":   {Answer{Lines: []LineAnswer{{Line: 10, Verdict: Accept, Parts: []Part{{"2026-03-10", "1"}}}}}, "parts-10"},
	} {
		f.a.Version = 1
		err := c.give(t, "P1", f.a)
		if says := portal.Says(err); says.Kind != portal.Invalid || says.Fields[f.want] == "" || len(says.Fields) != 1 {
			t.Errorf("%s: %v %v, want a fault on %s", name, says.Msg, says.Fields, f.want)
		}
	}
	if err := c.Do(t.Context(), portaltest.As(portaltest.Cord, portal.PurchasingRead), func(tx *portal.Tx) error { _, err := Give(t.Context(), tx, "P1", Answer{}); return err }); portal.Says(err).Kind != portal.Forbidden {
		t.Errorf("one who may only read answers: %v", err)
	}
	for _, by := range []portal.Caller{portaltest.As(portaltest.Dart, portal.PurchasingRead, portal.PurchasingAnswer), {PartnerID: portaltest.Cord, Name: "x", Perms: cord.Perms, Sites: []string{"S301"}}} {
		err := c.Do(t.Context(), by, func(tx *portal.Tx) error { _, err := Give(t.Context(), tx, "P1", Answer{Version: 1}); return err })
		if portal.Says(err).Kind != portal.NotFound {
			t.Errorf("%s answers: %v", by.Name, err)
		}
	}
}

func TestAcceptAll(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	c.does(t, twoLines)
	var list []Outcome
	must(t, c.Do(t.Context(), cord, func(tx *portal.Tx) (err error) {
		list, err = AcceptAll(t.Context(), tx, []string{"P1", "P9", "P1"})
		return err
	}))
	expect(t, "outcomes", list, []Outcome{{"P1", 2, ""}, {"P9", 0, NoOrder}})
	expect(t, "state", c.get(t, "P1").State, Confirmed)
	var again []Outcome
	must(t, c.Do(t.Context(), cord, func(tx *portal.Tx) (err error) { again, err = AcceptAll(t.Context(), tx, []string{"P1"}); return err }))
	expect(t, "again", again[0].Fault, "there is nothing to answer")
}

// TestList_plans shows that every list walks an index of the supplier's, enters it at the cursor, and sorts nothing.
func TestList_plans(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, `INSERT INTO purchase_orders (partner_id, number, site, status, currency, ordered_on, net, changed_at, state, answer_by, next_due_on)
		SELECT 4 + i % 2, 'P' || i, 'S30' || i % 3, 'open', 'EUR', date '2020-01-01' + i % 2000, i, now(), (ARRAY['review', 'waiting', 'confirmed', 'closed'])[1 + i / 2 % 4], date '2026-01-01' + i % 300, date '2026-01-01' + i % 500
		FROM generate_series(1, 30000) i`)
	p.Arrange(t, `ANALYZE purchase_orders`)
	for name, x := range map[string]struct {
		f            Filter
		index, enter string
	}{
		"all":       {Filter{}, "purchase_orders_by_day", ""},
		"deep":      {Filter{Cursor: cursor{Sort: "-ordered_on", Back: false, Value: "2021-01-01", Key: "P9"}.String()}, "purchase_orders_by_day", "ROW(ordered_on, number) <"},
		"net":       {Filter{Sort: "-net"}, "purchase_orders_by_net", ""},
		"number":    {Filter{Sort: "number", Cursor: cursor{Sort: "number", Back: false, Value: "P9", Key: "P9"}.String()}, "purchase_orders_", "number"},
		"due":       {Filter{Sort: "next_due_on"}, "purchase_orders_by_due", ""},
		"review":    {Filter{List: Review}, "purchase_orders_by_answer", "state ="},
		"back":      {Filter{List: Review, Cursor: cursor{Sort: "answer_by", Back: true, Value: "2026-03-01", Key: "P9"}.String()}, "purchase_orders_by_answer", "ROW(answer_by, number) <"},
		"waiting":   {Filter{List: Waiting}, "purchase_orders_by_state", "state ="},
		"confirmed": {Filter{List: Confirmed, Sort: "ordered_on"}, "purchase_orders_by_state", "state ="},
		"late":      {Filter{List: "late"}, "purchase_orders_by_due", "next_due_on <"},
		"closed":    {Filter{List: Closed, Cursor: cursor{Sort: "-ordered_on", Back: false, Value: "2021-01-01", Key: "P9"}.String()}, "purchase_orders_by_state", "ROW(ordered_on, number) <"},
		"prefix":    {Filter{Text: "p123"}, "purchase_orders_by_number_prefix", "number_search ~>=~"},
	} {
		must(t, x.f.Check())
		var plan []string
		must(t, p.Do(t.Context(), cord, func(tx *portal.Tx) error {
			query, args, _ := x.f.query(tx)
			return tx.Select(t.Context(), &plan, `EXPLAIN `+query, args...)
		}))
		text, cond := strings.Join(plan, "\n"), ""
		for _, line := range plan {
			if strings.Contains(line, "Index Cond") {
				cond += line
			}
		}
		if !strings.Contains(text, x.index) || !strings.Contains(cond, x.enter) || strings.Contains(text, "Sort") && x.f.Text == "" {
			t.Errorf("%s: want %s entered by %q:\n%s", name, x.index, x.enter, text)
		}
	}
}

// TestList_pages goes through every list forwards and back and meets each order once, in order.
func TestList_pages(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, `INSERT INTO purchase_orders (partner_id, number, status, currency, ordered_on, net, changed_at, state, answer_by, next_due_on)
		SELECT 4 + i % 2, 'P' || i, 'open', 'EUR', date '2026-01-01' + i % 7, i % 5, now(), 'review', date '2026-01-01' + i % 3, date '2026-01-01' + i % 4 FROM generate_series(1, 60) i`)
	for list, can := range Lists {
		for _, sort := range can {
			var seen []string
			f, pages := Filter{List: list, Sort: sort, Limit: 7}, 0
			page := func() (pg Page) {
				must(t, p.Do(t.Context(), cord, func(tx *portal.Tx) (err error) { pg, err = List(t.Context(), tx, f); return err }))
				return pg
			}
			var last Page
			for {
				last = page()
				for _, o := range last.Items {
					seen = append(seen, o.Number)
				}
				if pages++; last.Next == "" || pages > 20 {
					break
				}
				f.Cursor = last.Next
			}
			want := 0
			if list == "" || list == Review || list == "late" {
				want = 30
			}
			unique := map[string]bool{}
			for _, n := range seen {
				unique[n] = true
			}
			if len(seen) != want || len(unique) != want {
				t.Errorf("%s by %s: %d orders, %d of them different, want %d", list, sort, len(seen), len(unique), want)
			}
			if last.Prev != "" {
				f.Cursor = last.Prev
				back := page()
				expect(t, list+" by "+sort+": the page before", back.Items[len(back.Items)-1].Number, seen[len(seen)-len(last.Items)-1])
			}
		}
	}
	if err := (&Filter{List: "lost", Sort: "-price", Limit: 900, Text: "\x00", Cursor: "x"}).Check(); len(portal.Says(err).Fields) != 5 {
		b, _ := json.Marshal(portal.Says(err).Fields)
		t.Errorf("faults: %s", b)
	}
}

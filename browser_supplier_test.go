package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	cr "github.com/chromedp/chromedp"

	"extranet/sandbox/core"
)

// row reads one row of the sample company's core, waiting until there is one.
func (r *running) row(t *testing.T, dest []any, query string, args ...any) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		err := r.core.QueryRowContext(t.Context(), query, args...).Scan(dest...)
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %v", query, err)
		}
	}
}

// does runs statements in the core, each with the same arguments.
func (r *running) does(t *testing.T, args []any, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := r.core.ExecContext(t.Context(), s, args...); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// answers answers a line of an order's first version, as a machine of the person's does.
func (r *running) answers(t *testing.T, who core.Person, order int, line string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fmt.Sprintf("%s/api/v1/purchase-orders/%d/answers", r.base, order), strings.NewReader(`{"version":1,"lines":[`+line+`]}`))
	must(t, err)
	q.Header = http.Header{"Authorization": {"Bearer " + r.tokens[who.Email]}, "Content-Type": {"application/json"}, "Idempotency-Key": {fmt.Sprintf("story-%d", order)}}
	a, err := http.DefaultClient.Do(q)
	must(t, err)
	defer a.Body.Close()
	if a.StatusCode != http.StatusCreated {
		b, _ := io.ReadAll(a.Body)
		t.Fatalf("answering %d: %s %s", order, a.Status, b)
	}
}

// comes opens the address again and again until the page shows the words: what the core has made is on its way.
func (b *browserTab) comes(address, words string) {
	b.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		b.do(cr.Navigate(address), cr.WaitVisible(cr.CSS(`main h1`)))
		if strings.Contains(b.text("main"), words) {
			return
		}
		if time.Now().After(end) {
			b.give("%s does not come to show %q", address, words)
		}
	}
}

// says holds that the page shows each of the words.
func (b *browserTab) says(words ...string) {
	b.Helper()
	text := b.text("main")
	for _, w := range words {
		if !strings.Contains(text, w) {
			b.Errorf("the page does not show %q:\n%.1500s", w, text)
		}
	}
}

// confirmed finds the lines of a supplier that are promised as they are asked for, of which nothing has come.
const confirmed = `SELECT l.po_no, l.line_no, (l.qty / 2)::int, l.qty::int, to_char(s.requested_on + 7, 'YYYY-MM-DD') FROM erp.po_line l JOIN erp.po_header h USING (po_no) JOIN erp.po_schedule s USING (po_no, line_no)
	WHERE h.vend_no = $1 AND h.status = 10 AND l.status = 10 AND l.qty_in = 0 AND l.qty >= 8 AND s.qty_confirmed = l.qty AND s.requested_on > now()::date - 5 AND l.po_no <> $2
		AND (SELECT count(*) FROM erp.po_schedule x WHERE x.po_no = l.po_no AND x.line_no = l.line_no) = 1 ORDER BY s.requested_on DESC, l.po_no, l.line_no LIMIT 1`

// TestBrowser_supplies follows a supplier: an order is changed by the host and answered in part, with the promise kept for the rest; what is sent of it is received with a
// rejection, invoiced, matched and paid; what the supplier offers elsewhere is decided by a buyer who has seen what becomes of it. Another supplier sees nothing of all that.
func TestBrowser_supplies(t *testing.T) {
	r, b := start(t), browse(t)
	sofia, signe, paula := personOf(t, "Sofia"), personOf(t, "Signe"), personOf(t, "Paula")
	supplier := sofia.Memberships[0].Account
	b.signIn(r.base, sofia)

	// An order that was accepted is wanted a week later.
	var po, line, half, all int
	var day string
	r.row(t, []any{&po, &line, &half, &all, &day}, confirmed, supplier, 0)
	order := fmt.Sprintf("%s/purchasing/%d", r.base, po)
	r.answers(t, sofia, po, fmt.Sprintf(`{"line":%d,"verdict":"accept"}`, line))
	r.does(t, []any{po, line}, `UPDATE erp.po_schedule SET requested_on = requested_on + 7, changed_at = now() AT TIME ZONE 'UTC' WHERE po_no = $1 AND line_no = $2`)
	b.comes(order, "1 line to answer")
	b.says("The host changed this order", "What you promised before stands until you answer", "For review")
	b.both("supplier-changed")
	at := func(field string) string { return fmt.Sprintf(`main [name="%s-%d"]`, field, line) }
	b.fill(at("verdict"), "change")
	b.fill(at("on1"), day)
	b.fill(at("quantity1"), fmt.Sprint(half))
	b.press(`form[action$="/answer"] .form-actions button`)
	b.says("1 line answered", "Confirmed")
	b.both("supplier-promised")
	var promised, waits int
	r.row(t, []any{&promised, &waits}, `SELECT sum(p.qty)::int, 1 - max(a.status) FROM erp.po_answer_part p JOIN erp.po_answer a USING (po_no, answer_no, line_no) WHERE po_no = $1 AND line_no = $2 GROUP BY answer_no ORDER BY answer_no DESC LIMIT 1`, po, line)
	if promised != half || waits != 0 {
		t.Errorf("the core has %d promised, %d waiting, want %d and 0", promised, waits, half)
	}
	if parts, err := cr.Run(b.within, cr.Evaluate[int](`Math.max(...[...document.querySelectorAll('#lines tbody tr')].map((row) => row.children[3].querySelectorAll('li').length))`)); err != nil || parts != 2 {
		t.Errorf("%d parts are promised, want the new one and the rest of the old: %v", parts, err)
	}

	// What is left of the order is announced, received with one rejected, invoiced and paid.
	b.do(cr.Navigate(fmt.Sprintf("%s/new/dispatches?order=%d", r.base, po)), cr.WaitVisible(cr.CSS(`main [name=number]`)))
	for field, value := range map[string]string{"number": "LS-STORY", "ships_on": day, "arrives_on": day, "gs1_prefix": "4012345", "carrier": "Roadlink", "lot-1": "L-7"} {
		b.fill(fmt.Sprintf(`main [name=%q]`, field), value)
	}
	b.press(`form[action="/dispatches"] .form-actions button`)
	b.says("LS-STORY is announced", "L-7", "Labels (PDF)")
	b.both("supplier-shipment")
	var received, sent int
	r.row(t, []any{&received, &sent}, `SELECT line_no, qty::int FROM erp.notice_line WHERE notice_no = 'LS-STORY' ORDER BY pos LIMIT 1`)
	r.does(t, []any{po, received, sent},
		`INSERT INTO erp.goods_receipt (gr_no, kind, po_no, line_no, qty, qty_rejected, reason, notice_no, received_at, changed_at) VALUES (nextval('erp.gr_numbers'), 'GR', $1, $2, $3, 1, 'tread defect', 'LS-STORY', now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC')`,
		`UPDATE erp.po_line SET qty_in = qty_in + $3 - 1, changed_at = now() AT TIME ZONE 'UTC' WHERE po_no = $1 AND line_no = $2`)
	b.comes(r.base+"/dispatches/LS-STORY", "tread defect")
	b.both("supplier-received")
	form := fmt.Sprintf("%s/new/billing?order=%d", r.base, po)
	b.comes(form, "Tax, per cent")
	b.fill(`main [name=number]`, "RE-STORY")
	b.press(`form[action="/billing"] .form-actions button`)
	b.waitFor("Matches")
	b.both("supplier-invoice")
	var invoice int
	r.row(t, []any{&invoice}, `SELECT inv_no FROM erp.vendor_invoice WHERE ext_no = 'RE-STORY'`)
	r.does(t, []any{invoice},
		`INSERT INTO erp.vendor_payment (pay_no, vend_no, paid_on, currency, method, bank_ref, changed_at) SELECT nextval('erp.pay_numbers'), vend_no, now()::date, currency, 'Bank transfer', 'TM-STORY', now() AT TIME ZONE 'UTC' FROM erp.vendor_invoice WHERE inv_no = $1`,
		`INSERT INTO erp.vendor_payment_item (pay_no, inv_no, amount, discount, changed_at) SELECT currval('erp.pay_numbers'), inv_no, net + tax, 0, now() AT TIME ZONE 'UTC' FROM erp.vendor_invoice WHERE inv_no = $1`,
		`UPDATE erp.vendor_invoice SET status = 60, paid = net + tax, changed_at = now() AT TIME ZONE 'UTC' WHERE inv_no = $1`)
	b.comes(fmt.Sprintf("%s/billing/%d", r.base, invoice), "It was paid on")
	b.both("supplier-paid")

	// Of another order a machine of the supplier's offers a later day.
	var other int
	r.row(t, []any{&other, &line, &half, &all, &day}, confirmed, supplier, po)
	r.answers(t, sofia, other, fmt.Sprintf(`{"line":%d,"verdict":"change","parts":[{"on":%q,"quantity":"%d"}]}`, line, day, all))
	b.signOut()

	// Another supplier sees neither the orders nor that there are any.
	b.signIn(r.base, signe)
	for path, shows := range map[string]string{fmt.Sprintf("/purchasing/%d", po): "there is no purchase order with this number", "/dispatches/LS-STORY": "there is no", fmt.Sprintf("/billing/%d", invoice): "there is no",
		fmt.Sprintf("/purchasing?list=all&q=%d", po): "No order matches", "/dispatches": "Shipment notices", "/receipts?show=defects": "Receipts", "/": "Signe"} {
		b.do(cr.Navigate(r.base+path), cr.WaitVisible(cr.CSS(`main h1`)))
		text := b.text("body")
		if !strings.Contains(strings.ToLower(text), strings.ToLower(shows)) {
			t.Errorf("%s does not say %q:\n%.1000s", path, shows, text)
		}
		for _, word := range []string{"Corvex", "STORY", "tread defect", supplier} {
			if strings.Contains(text, word) && !strings.Contains(path, word) {
				t.Errorf("%s shows another supplier %q", path, word)
			}
		}
	}
	b.both("supplier-other")
	b.signOut()

	// A buyer picks the answer, sees what becomes of it, and decides.
	b.signIn(r.base, paula)
	b.do(cr.Navigate(r.base+"/buying/answers"), cr.WaitVisible(cr.CSS(`#decisions tbody tr`)))
	b.says("Corvex", fmt.Sprint(other))
	b.both("buyer-answers")
	b.do(cr.Click(cr.CSS(fmt.Sprintf(`input[name=pick][value^="%s/%d/"]`, supplier, other))))
	b.fill(`main [name=decision]`, "accept")
	b.press(`form[action="/buying/answers"] .form-actions button`)
	b.says("1 answer would be decided", "Nothing is done yet", "Promised afterwards")
	b.both("buyer-preview")
	b.press(`#sure button`)
	b.says("1 answer is decided")
	r.row(t, []any{&waits}, `SELECT status FROM erp.po_answer WHERE po_no = $1 AND line_no = $2 AND status = 1`, other, line)
	b.comes(fmt.Sprintf("%s/buying/orders/%s/%d", r.base, supplier, other), "Accepted")
	b.both("buyer-decided")
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, fault := range b.faults {
		if !strings.Contains(fault, "404") { // what is not there, and what is asked for until the mirror has it
			t.Errorf("the browser complained: %s", fault)
		}
	}
}

package core

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

const (
	firstPurchase     = 4_500_000
	firstGoodsReceipt = 50_000_000
	firstBill         = 51_000_000
	firstPayment      = 15_000_000
)

// States of a purchase order and of a vendor's invoice, as the core numbers them.
const (
	sent           = 10
	received       = 80
	billEntered    = 10
	billBlocked    = 20
	billReleased   = 30
	billPaid       = 60
	purchaseMargin = 58 // per cent of the list price that the company pays
)

const (
	purchaseColumns     = "po_no, vend_no, plant_no, buyer, wh_no, status, currency, terms, ordered_on, note, changed_at"
	wantColumns         = "po_no, line_no, item_no, descr, uom, qty, qty_in, price, status, changed_at"
	scheduleColumns     = "po_no, line_no, sched_no, requested_on, qty, confirmed_on, qty_confirmed, changed_at"
	goodsReceiptColumns = "gr_no, kind, po_no, line_no, qty, qty_rejected, reason, notice_no, received_at, changed_at"
	billColumns         = "inv_no, vend_no, ext_no, po_no, status, why, currency, invoiced_on, due_on, net, tax, paid, changed_at"
	billLineColumns     = "inv_no, pos, po_no, line_no, qty, price, changed_at"
)

var (
	buyers      = []string{"Paula Stern", "Henk Verburg", "Ilse Brandt"}
	payTerms    = []string{"30 days net", "60 days net", "14 days 2 %, 30 days net"}
	rejections  = []string{"damaged in transit", "date code too old", "surface defect", "label missing", "wrong item"}
	billProblem = []string{"the price differs from the purchase order", "more is invoiced than was received"}
)

// books are what the company bought: rows of every table of purchasing, and the last number of each kind.
type books struct {
	orders, lines, schedules, answers, receipts, bills, billLines, payments, paid [][]any

	order, receipt, bill, payment int64
}

// purchasePrice is what the company pays for a piece, in cents.
func purchasePrice(it item) int64 { return it.price * purchaseMargin / 100 }

// buy makes up what the company bought from its vendors until now, from two months before it began to sell. It draws from a source of its own, so that what was sold stays the same.
func (c *company) buy(days int) *books {
	b := &books{order: firstPurchase, receipt: firstGoodsReceipt, bill: firstBill, payment: firstPayment}
	rng := rand.New(rand.NewPCG(20, 27))
	for n, v := range c.vendors {
		var stock []item
		for _, it := range c.items {
			if it.vendor == v.no && it.status != 90 {
				stock = append(stock, it)
			}
		}
		if len(stock) == 0 {
			continue
		}
		every := 6
		if n == 0 {
			every = 3 // the vendor that most is bought from
		}
		var due []payable
		for at := c.now.AddDate(0, 0, -days-60); at.Before(c.now); at = at.AddDate(0, 0, 1+rng.IntN(2*every)) {
			t := workday(day(at)).Add(7*time.Hour + time.Duration(rng.IntN(500))*time.Minute)
			if t.After(c.now) {
				t = c.now.Add(-time.Hour)
			}
			due = append(due, b.purchase(rng, c.now, v, n, stock, t)...)
		}
		// One that was sent this morning waits for its answer, whatever the hour.
		due = append(due, b.purchase(rng, c.now, v, n, stock, c.now.Add(-2*time.Hour))...)
		b.pay(rng, c.now, v, due)
	}
	return b
}

// A payable is a vendor's invoice that will be due.
type payable struct {
	no, gross int64
	due       time.Time
}

// purchase sends one order, and lets happen what happened since.
func (b *books) purchase(rng *rand.Rand, now time.Time, v vendor, n int, stock []item, at time.Time) (due []payable) {
	b.order++
	po, plant := b.order, 1+rng.IntN(1+n%2)
	terms := rng.IntN(len(payTerms))
	var note any
	if rng.IntN(6) == 0 {
		note = notes[rng.IntN(len(notes))]
	}
	type want struct {
		no       int
		it       item
		qty, in  int64
		price    int64
		asked    time.Time
		promised time.Time
		split    bool
	}
	var wants []want
	first := rng.IntN(len(stock))
	for i := range min(1+rng.IntN(6), len(stock)) {
		it := stock[(first+i*7)%len(stock)]
		if i > 0 && it.no == wants[0].it.no {
			break
		}
		qty := int64(1+rng.IntN(12)) * 4 * max(1, it.pack)
		wants = append(wants, want{no: 10 * (i + 1), it: it, qty: qty, price: purchasePrice(it), asked: workday(day(at).AddDate(0, 0, int(it.lead)+rng.IntN(6))), split: rng.IntN(5) == 0})
	}
	changed := at
	answeredAt := at.Add(time.Duration(20+rng.IntN(60)) * time.Hour)
	answered := answeredAt.Before(now)
	open := 0
	var billed [][]any
	var net int64
	for i := range wants {
		w := &wants[i]
		w.promised = w.asked
		if rng.IntN(4) == 0 {
			w.promised = workday(w.asked.AddDate(0, 0, 2+rng.IntN(9)))
		}
		if answered && w.promised.After(w.asked) { // said by mail, before there was a portal
			b.answers = append(b.answers, []any{po, 1, w.no, "change", 1, stamp(answeredAt), stamp(answeredAt)})
		}
		parts := []int64{w.qty}
		if w.split && w.qty >= 8 {
			parts = []int64{w.qty / 2, w.qty - w.qty/2}
		}
		late := 0
		if rng.IntN(6) == 0 {
			late = 1 + rng.IntN(5)
		}
		for s, q := range parts {
			asked, promised := workday(w.asked.AddDate(0, 0, 7*s)), workday(w.promised.AddDate(0, 0, 7*s))
			scheduled := at
			var confirmed, quantity any
			if answered {
				scheduled = answeredAt
				confirmed, quantity = date(promised), q
			}
			b.schedules = append(b.schedules, []any{po, w.no, s + 1, date(asked), q, confirmed, quantity, stamp(scheduled)})
			arrives := promised.AddDate(0, 0, late).Add(8*time.Hour + time.Duration(rng.IntN(400))*time.Minute)
			reject, reason := int64(0), any(nil)
			if rng.IntN(14) == 0 {
				reject, reason = 1+rng.Int64N(max(1, q/8)), any(rejections[rng.IntN(len(rejections))])
			}
			if !answered || arrives.After(now) {
				continue
			}
			b.receipt++
			b.receipts = append(b.receipts, []any{b.receipt, "GR", po, w.no, q, reject, reason, nil, stamp(arrives), stamp(arrives)})
			w.in += q - reject
			changed = latest(changed, arrives)
			billed = append(billed, []any{w.no, q - reject, w.price, arrives})
			net += (q - reject) * w.price
		}
		status := sent
		if w.in == w.qty {
			status = received
		} else if answered {
			open++
		}
		b.lines = append(b.lines, []any{po, w.no, w.it.no, w.it.descr, w.it.uom, w.qty, w.in, hundredths(w.price), status, stamp(latest(at, changed))})
	}
	status := sent
	if answered && open == 0 {
		status = received
	}
	if answered {
		changed = latest(changed, answeredAt)
	}
	b.orders = append(b.orders, []any{po, v.no, plant, buyers[rng.IntN(len(buyers))], warehouseFor(v.town.country), status, "EUR", payTerms[terms], date(at), note, stamp(changed)})
	if len(billed) > 0 {
		due = b.invoice(rng, now, v, po, terms, billed, net)
	}
	return due
}

// invoice is the vendor's, for what was taken in.
func (b *books) invoice(rng *rand.Rand, now time.Time, v vendor, po int64, terms int, billed [][]any, net int64) (due []payable) {
	last := time.Time{}
	for _, l := range billed {
		last = latest(last, l[3].(time.Time))
	}
	on := day(last).AddDate(0, 0, 1+rng.IntN(3))
	if on.Add(9 * time.Hour).After(now) {
		return nil
	}
	b.bill++
	status, why := billReleased, any(nil)
	if now.Sub(on) < 3*24*time.Hour {
		status = billEntered
	} else if rng.IntN(12) == 0 {
		status, why = billBlocked, any(billProblem[rng.IntN(len(billProblem))])
	}
	for i, l := range billed {
		b.billLines = append(b.billLines, []any{b.bill, i + 1, po, l[0], l[1], hundredths(l[2].(int64)), stamp(on)})
	}
	tax := (net*1900 + 5000) / 10000
	dueOn := on.AddDate(0, 0, []int{30, 60, 30}[terms])
	b.bills = append(b.bills, []any{b.bill, v.no, fmt.Sprintf("%s-%d", strings.ToUpper(plain(v.name)[:2]), b.bill-firstBill+1000), po, status, why, "EUR", date(on), date(dueOn), hundredths(net), hundredths(tax), hundredths(0), stamp(on)})
	if status == billReleased {
		due = append(due, payable{b.bill, net + tax, dueOn})
	}
	return due
}

// pay settles on each Thursday what is due by then.
func (b *books) pay(rng *rand.Rand, now time.Time, v vendor, due []payable) {
	runs := map[time.Time]int64{}
	for _, d := range due {
		on := d.due
		for on.Weekday() != time.Thursday {
			on = on.AddDate(0, 0, 1)
		}
		if on.Add(10 * time.Hour).After(now) {
			continue
		}
		if runs[on] == 0 {
			b.payment++
			runs[on] = b.payment
			b.payments = append(b.payments, []any{b.payment, v.no, date(on), "EUR", "Bank transfer", fmt.Sprintf("TM%s%s", on.Format("060102"), digits(rng, 4)), stamp(on.Add(10 * time.Hour))})
		}
		b.paid = append(b.paid, []any{runs[on], d.no, hundredths(d.gross), hundredths(0), stamp(on.Add(10 * time.Hour))})
		for _, row := range b.bills {
			if row[0] == d.no {
				row[4], row[11], row[12] = billPaid, hundredths(d.gross), stamp(on.Add(10*time.Hour))
			}
		}
	}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// tables are those of purchasing, each before those that refer to it.
func (b *books) tables() []table {
	return []table{
		{"po_header", "purchase orders", purchaseColumns, b.orders}, {"po_line", "purchase order lines", wantColumns, b.lines}, {"po_schedule", "schedule lines", scheduleColumns, b.schedules},
		{"po_answer", "vendors' answers", "po_no, answer_no, line_no, verdict, status, decided_at, changed_at", b.answers},
		{"goods_receipt", "receipts", goodsReceiptColumns, b.receipts}, {"vendor_invoice", "vendors' invoices", billColumns, b.bills}, {"vendor_invoice_line", "vendors' invoice lines", billLineColumns, b.billLines},
		{"vendor_payment", "payments", "pay_no, vend_no, paid_on, currency, method, bank_ref, changed_at", b.payments},
		{"vendor_payment_item", "payment items", "pay_no, inv_no, amount, discount, changed_at", b.paid},
	}
}

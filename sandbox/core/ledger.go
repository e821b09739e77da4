package core

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

const (
	firstDocument = 92_000_000
	firstReceipt  = 56_000_000
)

// A document is an invoice, or a credit memo with amounts below zero.
type document struct {
	no, delivery, order, credits              int64
	kind, billTo, shipTo, po, currency, claim string
	note                                      string
	on, due, changed                          time.Time
	net, tax, open                            int64 // cents
	lines                                     []documentLine
	fate                                      *fate // nil = it is paid like most
}

type documentLine struct {
	order                int64
	orderLine            int
	item, descr, uom     string
	qty, price, net, vat int64
}

// A receipt is money of a customer's.
type receipt struct {
	no                        int64
	billTo, method, reference string
	currency                  string
	on, changed               time.Time
	amount, open              int64
}

// A clearing is a part of a receipt or memo that went to a document.
type clearing struct {
	no, receipt, memo, document, amount int64
	on, changed                         time.Time
}

// A ledger is what customers owe, and how they pay. It makes its own luck, so that what happens else stays as it is.
type ledger struct {
	rng       *rand.Rand
	documents []*document
	receipts  []*receipt
	clearings []*clearing
	met       []*fate
}

// A fate is what becomes of one invoice of the big dealer's, so that its account shows all that an account may hold, whatever the luck.
type fate struct {
	from, to int    // days that it has been due, the first invoice of which has it
	paid     int64  // percent of it that is paid
	back     bool   // something of it came back, and the memo is not used yet; neither is money that came meanwhile
	note     string // whoever keeps the books writes it down, and nobody collects it
}

var fates = []*fate{
	{from: 92, to: 140, note: "Reminded twice"},
	{from: 62, to: 88, note: "In dispute: 4 pieces are said not to have arrived"},
	{from: 33, to: 58},
	{from: 13, to: 28},
	{from: 3, to: 12, paid: 60, note: "Paid in part; the rest is announced"},
	{from: -20, to: -8, back: true},
}

// meet returns the fate of an invoice, if it has one.
func (l *ledger) meet(b *document, now time.Time) *fate {
	due := int(day(now).Sub(b.due).Hours() / 24)
	for _, f := range fates {
		if b.billTo == dealerNo(0) && due >= f.from && due <= f.to && !slices.Contains(l.met, f) {
			l.met = append(l.met, f)
			return f
		}
	}
	return nil
}

// payDays are the terms of a customer's class.
func payDays(class string) int {
	if strings.TrimSpace(class) == "FLEET" {
		return 45
	}
	return 30
}

// bill makes the invoice of a delivery, without a number yet.
func bill(d *delivery, class string, at time.Time) *document {
	first := d.parcels[0].order
	b := &document{kind: "RV", delivery: d.no, billTo: d.billTo, shipTo: d.shipTo, currency: first.currency, on: day(at), due: day(at).AddDate(0, 0, payDays(class)), changed: at}
	if len(ordersIn(d.parcels)) == 1 {
		b.order, b.po = first.no, first.po
	}
	for _, p := range d.parcels {
		l := p.order.lines[p.line]
		net := p.qty * l.price
		b.lines = append(b.lines, documentLine{p.order.no, l.no, l.item, l.descr, l.uom, p.qty, l.price, net, (net*p.order.taxBP + 5000) / 10000})
	}
	b.sum()
	return b
}

func (b *document) sum() {
	b.net, b.tax = 0, 0
	for _, l := range b.lines {
		b.net, b.tax = b.net+l.net, b.tax+l.vat
	}
	b.open = b.net + b.tax
}

// invoice enters the invoice of a delivery, and has the customer pay it: most in time, some late, few not at all.
func (c *company) invoice(d *delivery, at time.Time) {
	l := &c.ledger
	b := bill(d, c.branches[d.billTo][0].class, at)
	b.no = firstDocument + int64(len(l.documents)) + 1
	l.documents = append(l.documents, b)
	switch b.fate = l.meet(b, c.now); {
	case b.fate == nil:
	case b.fate.back:
		c.at(workday(b.on.AddDate(0, 0, 7)).Add(10*time.Hour), func(at time.Time) error {
			l.credit(b, "One piece came back", at)
			r := l.receive(0, at, b)
			r.amount, r.open, r.reference = 25_000, 25_000, "on account"
			return nil
		})
		return
	default:
		b.note = b.fate.note
		if b.fate.paid > 0 {
			c.at(b.due.Add(33*time.Hour), func(at time.Time) error { l.receive(b.open*b.fate.paid/100, at, b); return nil })
		}
		return
	}
	if l.rng.IntN(60) == 0 {
		c.at(at.Add(time.Duration(2+l.rng.IntN(5))*24*time.Hour), func(at time.Time) error { l.allow(b, at); return nil })
	}
	late := l.rng.IntN(9) - 6
	switch n := l.rng.IntN(100); {
	case n < 4:
		return // disputed, or forgotten
	case n < 14:
		late += 10 + l.rng.IntN(75)
	}
	c.at(workday(b.due.AddDate(0, 0, late)).Add(9*time.Hour), func(at time.Time) error { l.settle(b, at); return nil })
}

// allow credits a part of an invoice's first line: something was missing, or dear.
func (l *ledger) allow(b *document, at time.Time) {
	if b.open != b.net+b.tax {
		return
	}
	m := l.credit(b, []string{"Short delivery", "Price as agreed"}[l.rng.IntN(2)], at)
	l.clear(0, m, b, -m.open, at)
}

// credit enters a memo of one piece of an invoice's first line.
func (l *ledger) credit(b *document, why string, at time.Time) *document {
	m := &document{no: firstDocument + int64(len(l.documents)) + 1, kind: "CM", billTo: b.billTo, shipTo: b.shipTo, delivery: b.delivery, order: b.order, credits: b.no, po: b.po, currency: b.currency,
		on: day(at), due: day(at), changed: at, note: why}
	x := b.lines[0]
	x.qty = -1
	x.net = -x.price
	x.vat = -(x.vat / b.lines[0].qty)
	m.lines = []documentLine{x}
	m.sum()
	l.documents = append(l.documents, m)
	return m
}

// clear moves amount from a receipt, or a memo, to a document.
func (l *ledger) clear(receipt int64, memo, b *document, amount int64, at time.Time) {
	k := &clearing{no: int64(len(l.clearings)) + 1, receipt: receipt, document: b.no, amount: amount, on: day(at), changed: at}
	b.open, b.changed = b.open-amount, at
	if memo != nil {
		k.memo = memo.no
		memo.open, memo.changed = memo.open+amount, at
	}
	l.clearings = append(l.clearings, k)
}

// settle pays a document, and with it what else is due to be paid by the same customer that day.
func (l *ledger) settle(b *document, at time.Time) {
	if b.open <= 0 {
		return
	}
	paid := []*document{b}
	for _, o := range l.documents {
		if o != b && o.billTo == b.billTo && o.kind == "RV" && o.fate == nil && o.open > 0 && !o.due.After(b.due) && o.due.After(b.due.AddDate(0, 0, -4)) && len(paid) < 6 {
			paid = append(paid, o)
		}
	}
	r := l.receive(0, at, b)
	for _, o := range paid {
		amount := o.open
		if l.rng.IntN(50) == 0 {
			amount = amount * 97 / 100 // a discount that was not agreed
		}
		r.amount += amount
		l.clear(r.no, nil, o, amount, at)
	}
	if l.rng.IntN(80) == 0 { // paid on account
		r.open = 10_000
		r.amount += r.open
	}
}

// receive enters money of a customer's, amount of it for the document b.
func (l *ledger) receive(amount int64, at time.Time, b *document) *receipt {
	r := &receipt{no: firstReceipt + int64(len(l.receipts)) + 1, billTo: b.billTo, currency: b.currency, on: day(at), changed: at, amount: amount, method: []string{"transfer", "transfer", "transfer", "direct debit", "cheque"}[l.rng.IntN(5)]}
	r.reference = fmt.Sprintf("%s %d", r.on.Format("060102"), b.no)
	l.receipts = append(l.receipts, r)
	if amount != 0 {
		l.clear(r.no, nil, b, amount, at)
	}
	return r
}

const (
	documentColumns     = "doc_no, kind, bill_to, ship_to, dlv_no, so_no, cust_po, currency, doc_on, due_on, net, tax, gross, open, ref_doc_no, claim_no, note, changed_at"
	documentLineColumns = "doc_no, line_no, so_no, so_line_no, item_no, descr, uom, qty, price, net, tax"
	receiptColumns      = "rcpt_no, bill_to, paid_on, method, bank_ref, currency, amount, open, changed_at"
	clearingColumns     = "clr_no, rcpt_no, memo_no, doc_no, amount, cleared_on, changed_at"
)

func (b *document) row() []any {
	return []any{b.no, b.kind, b.billTo, b.shipTo, number(b.delivery), number(b.order), text(b.po), b.currency, date(b.on), date(b.due), hundredths(b.net), hundredths(b.tax), hundredths(b.net + b.tax),
		hundredths(b.open), number(b.credits), text(b.claim), text(b.note), stamp(b.changed)}
}

func (b *document) lineRows() (rows [][]any) {
	for i, l := range b.lines {
		rows = append(rows, []any{b.no, i + 1, number(l.order), number(int64(l.orderLine)), text(l.item), l.descr, text(l.uom), l.qty, hundredths(l.price), hundredths(l.net), hundredths(l.vat)})
	}
	return rows
}

// ledgerTables are those of ledger.sql. Limits leave room, but for one small customer who is beyond its own and held.
func (c *company) ledgerTables() []table {
	credit := table{name: "credit", what: "credit limits", columns: "cust_no, credit_limit, pay_days, hold, hold_text, changed_at"}
	owed := map[string]int64{}
	for _, b := range c.ledger.documents {
		owed[b.billTo] += b.open
	}
	for _, o := range c.orders {
		for i := range o.lines {
			owed[o.billTo] += o.lines[i].open() * o.lines[i].price
		}
	}
	for i, u := range c.customers {
		if u.no != u.billTo {
			continue
		}
		step := int64(500_000)
		limit := (owed[u.no]*(120+int64(i%5)*20)/100/step + 1) * step
		held, why := slices.Contains([]string{dealerNo(5)}, u.no), ""
		if held {
			limit, why = max(owed[u.no]*4/5/10_000, 1)*10_000, "Beyond the credit limit; an invoice is long overdue"
		}
		credit.rows = append(credit.rows, []any{u.no, hundredths(limit), payDays(u.class), held, text(why), stamp(c.founded)})
	}
	documents := table{name: "ar_doc", what: "invoices", columns: documentColumns}
	lines := table{name: "ar_line", what: "invoice lines", columns: documentLineColumns}
	for _, b := range c.ledger.documents {
		documents.rows = append(documents.rows, b.row())
		lines.rows = append(lines.rows, b.lineRows()...)
	}
	receipts := table{name: "receipt", what: "payments", columns: receiptColumns}
	for _, r := range c.ledger.receipts {
		receipts.rows = append(receipts.rows, []any{r.no, r.billTo, date(r.on), r.method, text(r.reference), r.currency, hundredths(r.amount), hundredths(r.open), stamp(r.changed)})
	}
	clearings := table{name: "clearing", what: "settlements", columns: clearingColumns}
	for _, k := range c.ledger.clearings {
		clearings.rows = append(clearings.rows, []any{k.no, number(k.receipt), number(k.memo), k.document, hundredths(k.amount), date(k.on), stamp(k.changed)})
	}
	return []table{credit, documents, lines, receipts, clearings}
}

// enter numbers and stores a new document.
func (a actor) enter(b *document) error {
	if err := a.tx.QueryRowContext(a.ctx, `SELECT nextval('erp.ar_numbers')`).Scan(&b.no); err != nil {
		return err
	}
	if err := a.insert("ar_doc", documentColumns, b.row()); err != nil {
		return err
	}
	return a.insert("ar_line", documentLineColumns, b.lineRows()...)
}

// pay is a customer's payment of one of the documents that are due; those with a note are in somebody's hands.
func (a actor) pay() (string, error) {
	no, err := a.one(`SELECT doc_no FROM erp.ar_doc WHERE kind = 'RV' AND open > 0 AND note IS NULL ORDER BY due_on, doc_no`)
	if err != nil || no == 0 {
		return "", err
	}
	var receipt int64
	if err := a.tx.QueryRowContext(a.ctx, `INSERT INTO erp.receipt (`+receiptColumns+`)
		SELECT nextval('erp.rcpt_numbers'), bill_to, $2::date, 'transfer', to_char($2::date, 'YYMMDD ') || doc_no, currency, open, 0, $3 FROM erp.ar_doc WHERE doc_no = $1 RETURNING rcpt_no`,
		no, date(a.now), stamp(a.now)).Scan(&receipt); err != nil {
		return "", err
	}
	if _, err := a.tx.ExecContext(a.ctx, `INSERT INTO erp.clearing (`+clearingColumns+`) SELECT nextval('erp.clr_numbers'), $2, NULL, doc_no, open, $3::date, $4 FROM erp.ar_doc WHERE doc_no = $1`,
		no, receipt, date(a.now), stamp(a.now)); err != nil {
		return "", err
	}
	_, err = a.tx.ExecContext(a.ctx, `UPDATE erp.ar_doc SET open = 0, changed_at = $2 WHERE doc_no = $1`, no, stamp(a.now))
	return fmt.Sprintf("invoice %d is paid", no), err
}

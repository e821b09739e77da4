package core

import (
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// purchase finds a line of a purchase order by the condition, one of the first, or none.
func (a actor) wanted(condition string, args ...any) (po, line int64, err error) {
	key, err := a.one(`SELECT l.po_no::bigint * 1000 + l.line_no FROM erp.po_line l JOIN erp.po_header h USING (po_no) WHERE h.status = 10 AND l.status = 10 AND `+condition+` ORDER BY l.po_no, l.line_no`, args...)
	return key / 1000, key % 1000, err
}

func (a actor) exec(statement string, args ...any) error {
	_, err := a.tx.ExecContext(a.ctx, statement, args...)
	return err
}

// buy sends a new purchase order to a vendor, more often to the first.
func (a actor) buy() (string, error) {
	vendor := vendorNo(0)
	if a.rng.IntN(3) > 0 {
		if err := a.tx.QueryRowContext(a.ctx, `SELECT rtrim(vend_no) FROM erp.vendor v WHERE EXISTS (SELECT FROM erp.item i WHERE i.vend_no = v.vend_no AND status <> 90)
			ORDER BY md5(vend_no || $1::text) LIMIT 1`, a.rng.Int64()).Scan(&vendor); err != nil {
			return "", err
		}
	}
	var po int64
	err := a.tx.QueryRowContext(a.ctx, `INSERT INTO erp.po_header (`+purchaseColumns+`)
		SELECT nextval('erp.po_numbers'), v.vend_no, 1, $2, CASE WHEN v.country IN ('AT', 'IT', 'DE') THEN 'W2' ELSE 'W1' END, 10, 'EUR', $3, $4, NULL, $5 FROM erp.vendor v WHERE vend_no = $1 RETURNING po_no`,
		vendor, buyers[a.rng.IntN(len(buyers))], payTerms[a.rng.IntN(len(payTerms))], date(a.now), stamp(a.now)).Scan(&po)
	if err != nil {
		return "", err
	}
	if err := a.exec(`INSERT INTO erp.po_line (`+wantColumns+`)
		SELECT $1, 10 * row_number() OVER (), item_no, descr, uom, 4 * greatest(coalesce(pack_qty, 1), 1) * (1 + n % 12), 0, round(list_price * $5 / 100, 2), 10, $4
		FROM (SELECT i.*, abs(hashtext(item_no || $2::text)) AS n FROM erp.item i WHERE vend_no = $3 AND status <> 90 ORDER BY md5(item_no || $2::text) LIMIT $6) i`,
		po, a.rng.Int64(), vendor, stamp(a.now), purchaseMargin, 1+a.rng.IntN(5)); err != nil {
		return "", err
	}
	return fmt.Sprintf("purchase order %d is sent", po), a.exec(`INSERT INTO erp.po_schedule (`+scheduleColumns+`)
		SELECT po_no, line_no, 1, $2::date + coalesce(i.lead_days, 7)::int, qty, NULL, NULL, $3 FROM erp.po_line l JOIN erp.item i USING (item_no) WHERE po_no = $1`, po, date(a.now), stamp(a.now))
}

// amend asks for another day or another quantity of a line that nothing has come of yet.
func (a actor) amend() (string, error) {
	po, line, err := a.wanted(`l.qty_in = 0 AND h.ordered_on >= $1 AND (SELECT count(*) FROM erp.po_schedule s WHERE s.po_no = l.po_no AND s.line_no = l.line_no) = 1`, date(a.now.AddDate(0, 0, -20)))
	if err != nil || po == 0 {
		return "", err
	}
	if a.rng.IntN(2) == 0 {
		return fmt.Sprintf("line %d of purchase order %d is wanted on another day", line, po),
			a.exec(`UPDATE erp.po_schedule SET requested_on = greatest(requested_on + $3::int, $4), changed_at = $5 WHERE po_no = $1 AND line_no = $2`,
				po, line, []int{-3, -2, 4, 7}[a.rng.IntN(4)], date(a.now.AddDate(0, 0, 2)), stamp(a.now))
	}
	more := 4 * (1 + a.rng.IntN(4))
	if err := a.exec(`UPDATE erp.po_line SET qty = qty + $3, changed_at = $4 WHERE po_no = $1 AND line_no = $2`, po, line, more, stamp(a.now)); err != nil {
		return "", err
	}
	return fmt.Sprintf("line %d of purchase order %d asks for %d more", line, po, more),
		a.exec(`UPDATE erp.po_schedule SET qty = qty + $3, changed_at = $4 WHERE po_no = $1 AND line_no = $2`, po, line, more, stamp(a.now))
}

// receive takes in what was confirmed for a day that has come; now and then some of it is rejected.
func (a actor) receive() (string, error) {
	if what, err := a.unload(); err != nil || what != "" {
		return what, err
	}
	po, line, err := a.wanted(`l.qty_in < l.qty AND (EXISTS (SELECT FROM erp.po_schedule s WHERE s.po_no = l.po_no AND s.line_no = l.line_no AND s.confirmed_on <= $1)
		OR EXISTS (SELECT FROM erp.po_answer a JOIN erp.po_answer_part p USING (po_no, answer_no, line_no) WHERE a.po_no = l.po_no AND a.line_no = l.line_no AND a.status = 1 AND p.arrives_on <= $1))
		AND NOT EXISTS (SELECT FROM erp.goods_receipt g WHERE g.po_no = l.po_no AND g.line_no = l.line_no AND g.received_at > $2)`, date(a.now.AddDate(0, 0, 1)), stamp(a.now.Add(-time.Hour)))
	if err != nil || po == 0 {
		return "", err
	}
	var left int64
	if err := a.tx.QueryRowContext(a.ctx, `SELECT (qty - qty_in)::bigint FROM erp.po_line WHERE po_no = $1 AND line_no = $2 FOR UPDATE`, po, line).Scan(&left); err != nil {
		return "", err
	}
	rejected, reason := int64(0), any(nil)
	if a.rng.IntN(10) == 0 {
		rejected, reason = 1+a.rng.Int64N(max(1, left/8)), any(rejections[a.rng.IntN(len(rejections))])
	}
	if err := a.exec(`INSERT INTO erp.goods_receipt (`+goodsReceiptColumns+`) VALUES (nextval('erp.gr_numbers'), 'GR', $1, $2, $3, $4, $5, NULL, $6, $6)`, po, line, left, rejected, reason, stamp(a.now)); err != nil {
		return "", err
	}
	return fmt.Sprintf("purchase order %d brings %d in", po, left-rejected), a.book(po, line, left-rejected)
}

// unload takes in a line of a shipment that was announced; now and then some of it is rejected.
func (a actor) unload() (string, error) {
	var vendor, notice string
	var pos, po, line, quantity int64
	err := a.tx.QueryRowContext(a.ctx, `SELECT vend_no, notice_no, pos, po_no, line_no, qty::bigint FROM erp.notice_line WHERE gr_no IS NULL ORDER BY arrives_on, notice_no, pos LIMIT 1 FOR UPDATE`).
		Scan(&vendor, &notice, &pos, &po, &line, &quantity)
	if errors.Is(err, sql.ErrNoRows) || err == nil && quantity == 0 {
		return "", nil
	} else if err != nil {
		return "", err
	}
	rejected, reason := int64(0), any(nil)
	if a.rng.IntN(4) == 0 {
		rejected, reason = 1+a.rng.Int64N(max(1, quantity/8)), any(rejections[a.rng.IntN(len(rejections))])
	}
	var no int64
	if err := a.tx.QueryRowContext(a.ctx, `INSERT INTO erp.goods_receipt (`+goodsReceiptColumns+`) VALUES (nextval('erp.gr_numbers'), 'GR', $1, $2, $3, $4, $5, $6, $7, $7) RETURNING gr_no`, po, line, quantity, rejected, reason, notice, stamp(a.now)).Scan(&no); err != nil {
		return "", err
	}
	if err := a.exec(`UPDATE erp.notice_line SET gr_no = $4 WHERE vend_no = $1 AND notice_no = $2 AND pos = $3`, vendor, notice, pos, no); err != nil {
		return "", err
	}
	return fmt.Sprintf("shipment %s brings %d in", notice, quantity-rejected), a.book(po, line, quantity-rejected)
}

// decide takes what a vendor offered, or insists on what was asked for.
func (a actor) decide() (string, error) {
	key, err := a.one(`SELECT po_no::bigint * 100000000 + answer_no::bigint * 1000 + line_no FROM erp.po_answer WHERE status = 0 ORDER BY po_no, answer_no, line_no`)
	if err != nil || key == 0 {
		return "", err
	}
	po, answer, line := key/100000000, key/1000%100000, key%1000
	if a.rng.IntN(5) == 0 {
		return fmt.Sprintf("line %d of purchase order %d is insisted on", line, po),
			a.exec(`UPDATE erp.po_answer SET status = 2, why = 'We need it as ordered', decided_at = $4, changed_at = $4 WHERE po_no = $1 AND answer_no = $2 AND line_no = $3`, po, answer, line, stamp(a.now))
	}
	var verdict string
	if err := a.tx.QueryRowContext(a.ctx, `UPDATE erp.po_answer SET status = 1, decided_at = $4, changed_at = $4 WHERE po_no = $1 AND answer_no = $2 AND line_no = $3 RETURNING verdict`, po, answer, line, stamp(a.now)).Scan(&verdict); err != nil {
		return "", err
	}
	what := fmt.Sprintf("the answer to line %d of purchase order %d is taken", line, po)
	switch verdict {
	case "question": // another price
		return what, a.exec(`UPDATE erp.po_line l SET price = a.price, changed_at = $4 FROM erp.po_answer a WHERE a.po_no = $1 AND a.answer_no = $2 AND a.line_no = $3 AND l.po_no = $1 AND l.line_no = $3`, po, answer, line, stamp(a.now))
	case "refuse":
		if err := a.exec(`UPDATE erp.po_line SET status = 90, changed_at = $3 WHERE po_no = $1 AND line_no = $2 AND status = 10`, po, line, stamp(a.now)); err != nil {
			return "", err
		}
		return what, a.book(po, line, 0)
	}
	return what, nil
}

// book adds to what a line has brought, and closes what is complete.
func (a actor) book(po, line, quantity int64) error {
	if err := a.exec(`UPDATE erp.po_line SET qty_in = qty_in + $3, status = CASE WHEN status = 10 AND qty_in + $3 >= qty THEN 80 ELSE status END, changed_at = $4 WHERE po_no = $1 AND line_no = $2`, po, line, quantity, stamp(a.now)); err != nil {
		return err
	}
	return a.exec(`UPDATE erp.po_header h SET changed_at = $2, status = CASE WHEN EXISTS (SELECT FROM erp.po_line l WHERE l.po_no = h.po_no AND l.status = 10) THEN h.status ELSE 80 END WHERE po_no = $1`, po, stamp(a.now))
}

// settle releases a vendor's invoice that was entered, or pays one that is due.
func (a actor) settle() (string, error) {
	no, err := a.one(`SELECT inv_no FROM erp.vendor_invoice WHERE status = 10 ORDER BY inv_no`)
	if err != nil {
		return "", err
	}
	if no != 0 && a.rng.IntN(2) == 0 {
		return fmt.Sprintf("invoice %d is released", no), a.exec(`UPDATE erp.vendor_invoice SET status = 30, changed_at = $2 WHERE inv_no = $1`, no, stamp(a.now))
	}
	if no, err = a.one(`SELECT inv_no FROM erp.vendor_invoice WHERE status = 30 AND due_on <= $1 ORDER BY due_on, inv_no`, date(a.now)); err != nil || no == 0 {
		return "", err
	}
	var payment int64
	if err := a.tx.QueryRowContext(a.ctx, `INSERT INTO erp.vendor_payment (pay_no, vend_no, paid_on, currency, method, bank_ref, changed_at)
		SELECT nextval('erp.pay_numbers'), vend_no, $2, currency, 'Bank transfer', 'TM' || inv_no, $3 FROM erp.vendor_invoice WHERE inv_no = $1 RETURNING pay_no`, no, date(a.now), stamp(a.now)).Scan(&payment); err != nil {
		return "", err
	}
	if err := a.exec(`INSERT INTO erp.vendor_payment_item (pay_no, inv_no, amount, discount, changed_at) SELECT $1, inv_no, net + tax, 0, $3 FROM erp.vendor_invoice WHERE inv_no = $2`, payment, no, stamp(a.now)); err != nil {
		return "", err
	}
	return fmt.Sprintf("invoice %d is paid", no), a.exec(`UPDATE erp.vendor_invoice SET status = 60, paid = net + tax, changed_at = $2 WHERE inv_no = $1`, no, stamp(a.now))
}

package core

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/lib/pq"
)

// patience is for how many acts in a row the database may fail before that is reported.
const patience = 30

// Simulate lets the company do business until ctx is done, one act about every pace. now is the clock that stamps the rows. The database may go away
// for a while; when it stays away, its error is returned.
func Simulate(ctx context.Context, db *sql.DB, pace time.Duration, now func() time.Time) error {
	rng := rand.New(rand.NewPCG(uint64(now().UnixNano()), 1))
	for failed := 0; ; {
		pause := pace/2 + time.Duration(rng.Int64N(int64(pace)+1))
		if failed > 0 {
			pause = max(pause, 500*time.Millisecond)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		_, err := Act(ctx, db, rng, now())
		switch {
		case err == nil:
			failed = 0
		case ctx.Err() != nil:
			return nil
		default:
			if failed++; failed == patience {
				return fmt.Errorf("simulating the sample company: %w", err)
			}
		}
	}
}

// An actor does one thing in one transaction.
type actor struct {
	ctx context.Context
	tx  *sql.Tx
	rng *rand.Rand
	now time.Time
}

// acts are what happens, and how often beside the others. Each tells what it did, or nothing when there was nothing to do it to.
var acts = []struct {
	share int
	do    func(actor) (string, error)
}{
	{6, actor.buy}, {4, actor.amend}, {8, actor.receive}, {6, actor.settle}, {6, actor.decide},
	{14, actor.place}, {2, actor.pay}, {17, actor.confirm}, {17, actor.pick}, {17, actor.ship}, {17, actor.deliver},
	{4, actor.postpone}, {3, actor.cancel}, {2, actor.reprice}, {1, actor.hold}, {2, actor.release}, {1, actor.meet}, {2, actor.count},
	{1, actor.replan},
}

// Act does one thing that happens in a company, e.g. a new order, in one transaction stamped now, and tells what.
func Act(ctx context.Context, db *sql.DB, rng *rand.Rand, now time.Time) (what string, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return "", err
	}
	defer tx.Rollback()
	a := actor{ctx, tx, rng, now.UTC().Truncate(time.Microsecond)}
	all := 0
	for _, act := range acts {
		all += act.share
	}
	chosen, n := actor.place, rng.IntN(all)
	for _, act := range acts {
		if n -= act.share; n < 0 {
			chosen = act.do
			break
		}
	}
	if what, err = chosen(a); err == nil && what == "" {
		what, err = a.place()
	}
	if err != nil {
		return "", err
	}
	return what, tx.Commit()
}

// one picks one of the first numbers that the query finds, or 0.
func (a actor) one(query string, args ...any) (int64, error) {
	var found []int64
	rows, err := a.tx.QueryContext(a.ctx, query+" LIMIT 40", args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return 0, err
		}
		found = append(found, n)
	}
	if err := rows.Err(); err != nil || len(found) == 0 {
		return 0, err
	}
	return found[a.rng.IntN(len(found))], nil
}

// order reads and locks one of the first orders in these states, those promised soonest coming first, or none.
func (a actor) order(states ...int64) (*order, error) {
	no, err := a.one(`SELECT so_no FROM erp.so_header WHERE status = ANY ($1) ORDER BY promised_on, so_no`, pq.Array(states))
	if err != nil || no == 0 {
		return nil, err
	}
	return a.read(no)
}

func (a actor) read(no int64) (*order, error) {
	o := &order{no: no}
	var contact, rest sql.NullInt64
	var requested, promised sql.NullTime
	err := a.tx.QueryRowContext(a.ctx, `SELECT rtrim(bill_to), rtrim(ship_to), coalesce(cust_po, ''), contact_no, rtrim(wh_no), status, currency, (tax_rate * 100)::bigint,
		ordered_on, requested_on, promised_on, rest_so_no, coalesce(note, ''),
		(SELECT count(*) FROM erp.delivery d WHERE d.delivered_at IS NULL AND EXISTS (SELECT FROM erp.delivery_line l WHERE l.dlv_no = d.dlv_no AND l.so_no = h.so_no))
		FROM erp.so_header h WHERE so_no = $1 FOR UPDATE`, no).
		Scan(&o.billTo, &o.shipTo, &o.po, &contact, &o.warehouse, &o.status, &o.currency, &o.taxBP, &o.ordered, &requested, &promised, &rest, &o.note, &o.underWay)
	if err != nil {
		return nil, err
	}
	o.contact, o.rest, o.requested, o.promised = contact.Int64, rest.Int64, requested.Time, promised.Time
	rows, err := a.tx.QueryContext(a.ctx, `SELECT l.line_no, rtrim(l.item_no), l.descr, rtrim(l.uom), i.weight_g,
		l.qty_ordered::bigint, l.qty_shipped::bigint, l.qty_back::bigint, l.qty_cancelled::bigint, (l.price * 100)::bigint, l.requested_on, l.promised_on
		FROM erp.so_line l JOIN erp.item i USING (item_no) WHERE l.so_no = $1 ORDER BY l.line_no`, no)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var l line
		if err := rows.Scan(&l.no, &l.item, &l.descr, &l.uom, &l.weight, &l.ordered, &l.shipped, &l.back, &l.cancelled, &l.price, &requested, &promised); err != nil {
			return nil, err
		}
		l.requested, l.promised = requested.Time, promised.Time
		o.lines = append(o.lines, l)
	}
	return o, rows.Err()
}

// write stores what has changed in an order that was read.
func (a actor) write(o *order) error {
	net, tax := o.sums()
	_, err := a.tx.ExecContext(a.ctx, `UPDATE erp.so_header SET status = $2, requested_on = $3, promised_on = $4, net = $5, tax = $6, gross = $7, rest_so_no = $8, changed_at = $9 WHERE so_no = $1`,
		o.no, o.status, date(o.requested), date(o.promised), hundredths(net), hundredths(tax), hundredths(net+tax), number(o.rest), stamp(o.changed))
	for i := 0; i < len(o.lines) && err == nil; i++ {
		if l := &o.lines[i]; l.changed.Equal(a.now) {
			_, err = a.tx.ExecContext(a.ctx, `UPDATE erp.so_line SET qty_shipped = $3, qty_back = $4, qty_cancelled = $5, qty_open = $6, price = $7, net = $8, tax = $9, promised_on = $10, changed_at = $11
				WHERE so_no = $1 AND line_no = $2`,
				o.no, l.no, l.shipped, l.back, l.cancelled, l.open(), hundredths(l.price), hundredths(l.net()), hundredths(l.tax(o.taxBP)), date(l.promised), stamp(l.changed))
		}
	}
	return err
}

func (a actor) insert(table, columns string, rows ...[]any) error {
	for _, row := range rows {
		marks := ""
		for i := range row {
			marks += fmt.Sprintf(", $%d", i+1)
		}
		if _, err := a.tx.ExecContext(a.ctx, "INSERT INTO erp."+table+" ("+columns+") VALUES ("+marks[2:]+")", row...); err != nil {
			return err
		}
	}
	return nil
}

// add numbers and stores a new order.
func (a actor) add(o *order) error {
	if err := a.tx.QueryRowContext(a.ctx, `SELECT nextval('erp.so_numbers')`).Scan(&o.no); err != nil {
		return err
	}
	if err := a.insert("so_header", orderColumns, o.row()); err != nil {
		return err
	}
	for i := range o.lines {
		if err := a.insert("so_line", lineColumns, o.lineRow(i)); err != nil {
			return err
		}
	}
	return nil
}

func (a actor) customer(no string) (*customer, error) {
	u := &customer{}
	var contacts pq.Int64Array
	err := a.tx.QueryRowContext(a.ctx, `SELECT rtrim(cust_no), rtrim(bill_to), name, rtrim(class), currency, country, (tax_rate * 100)::bigint, (discount * 100)::bigint,
		ARRAY(SELECT p.contact_no FROM erp.contact p JOIN erp.customer s USING (cust_no) WHERE s.bill_to = u.cust_no ORDER BY 1)
		FROM erp.customer u WHERE cust_no = $1`, no).
		Scan(&u.no, &u.billTo, &u.name, &u.class, &u.currency, &u.country, &u.taxBP, &u.discountBP, &contacts)
	u.contacts = contacts
	return u, err
}

func (a actor) place() (string, error) {
	var site string
	err := a.tx.QueryRowContext(a.ctx, `SELECT rtrim(cust_no) FROM erp.customer WHERE $1 OR bill_to = $2 ORDER BY cust_no
		OFFSET floor($3::float * (SELECT count(*) FROM erp.customer WHERE $1 OR bill_to = $2)) LIMIT 1`,
		a.rng.IntN(100) >= 20, dealerNo(0), a.rng.Float64()).Scan(&site)
	if err != nil {
		return "", err
	}
	to, err := a.customer(site)
	if err != nil {
		return "", err
	}
	payer, err := a.customer(to.billTo)
	if err != nil {
		return "", err
	}
	o, err := newOrder(a.rng, payer, to, warehouseFor(to.country), a.now, func() (it item, err error) {
		err = a.tx.QueryRowContext(a.ctx, `SELECT rtrim(item_no), descr, rtrim(uom), pack_qty::bigint, rtrim(item_group), weight_g, (list_price * 100)::bigint FROM erp.item WHERE status <> 90
			ORDER BY item_no OFFSET floor($1::float * (SELECT count(*) FROM erp.item WHERE status <> 90)) LIMIT 1`, a.rng.Float64()).
			Scan(&it.no, &it.descr, &it.uom, &it.pack, &it.group, &it.weight, &it.price)
		return it, err
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s orders %d lines", payer.name, len(o.lines)), a.add(o)
}

func (a actor) confirm() (string, error) {
	o, err := a.order(entered)
	if err != nil || o == nil {
		return "", err
	}
	o.confirm(a.rng, a.now)
	return fmt.Sprintf("order %d is promised for %s", o.no, o.promised.Format(time.DateOnly)), a.write(o)
}

func (a actor) pick() (string, error) {
	o, err := a.order(confirmed)
	if err != nil || o == nil {
		return "", err
	}
	o.status, o.changed = picking, a.now
	return fmt.Sprintf("order %d is being picked", o.no), a.write(o)
}

func (a actor) ship() (string, error) {
	o, err := a.order(picking, inPart)
	if err != nil || o == nil {
		return "", err
	}
	return a.send(o, chooseWay(a.rng), false)
}

// Ship has all that is open of an order shipped at once, alone, as the warehouse may do any time.
func Ship(ctx context.Context, db *sql.DB, now time.Time, order int64) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	a := actor{ctx, tx, rand.New(rand.NewPCG(uint64(order), 1)), now.UTC().Truncate(time.Microsecond)}
	o, err := a.read(order)
	if err != nil {
		return err
	}
	if _, err := a.send(o, inFull, true); err != nil {
		return err
	}
	return tx.Commit()
}

// send ships an order, with another to the same site as it happens, and bills it.
func (a actor) send(o *order, way int, alone bool) (string, error) {
	what := fmt.Sprintf("order %d is shipped", o.no)
	parcels, rest := o.ship(a.rng, way, a.now)
	if rest != nil {
		if err := a.add(rest); err != nil {
			return "", err
		}
		o.rest = rest.no
		what += fmt.Sprintf(", order %d continues it", rest.no)
	}
	if !alone && a.rng.IntN(2) == 0 {
		no, err := a.one(`SELECT so_no FROM erp.so_header WHERE status = $1 AND ship_to = $2 AND so_no <> $3 ORDER BY so_no`, picking, o.shipTo, o.no)
		if err != nil {
			return "", err
		}
		if no != 0 {
			other, err := a.read(no)
			if err != nil {
				return "", err
			}
			more, _ := other.ship(a.rng, inFull, a.now)
			if err := a.write(other); err != nil {
				return "", err
			}
			parcels = append(parcels, more...)
			what += fmt.Sprintf(", together with order %d", other.no)
		}
	}
	if err := a.write(o); err != nil {
		return "", err
	}
	to, err := a.customer(o.shipTo)
	if err != nil {
		return "", err
	}
	payer, err := a.customer(o.billTo)
	if err != nil {
		return "", err
	}
	var no int64
	if err := a.tx.QueryRowContext(a.ctx, `SELECT nextval('erp.dlv_numbers')`).Scan(&no); err != nil {
		return "", err
	}
	d := newDelivery(a.rng, no, to, parcels, a.now)
	if err := a.insert("delivery", deliveryColumns, d.row()); err != nil {
		return "", err
	}
	if err := a.insert("delivery_line", parcelColumns, d.parcelRows()...); err != nil {
		return "", err
	}
	if err := a.insert("delivery_package", packageColumns, d.packageRows()...); err != nil {
		return "", err
	}
	return what, a.enter(bill(d, payer.class, a.now))
}

func (a actor) deliver() (string, error) {
	no, err := a.one(`SELECT dlv_no FROM erp.delivery WHERE delivered_at IS NULL ORDER BY shipped_at, dlv_no`)
	if err != nil || no == 0 {
		return "", err
	}
	d := &delivery{no: no}
	d.arrive(a.rng, a.now)
	if _, err := a.tx.ExecContext(a.ctx, `UPDATE erp.delivery SET delivered_at = $2, received_by = $3, changed_at = $4 WHERE dlv_no = $1`, no, stamp(d.delivered), d.receiver, stamp(d.changed)); err != nil {
		return "", err
	}
	var orders pq.Int64Array
	if err := a.tx.QueryRowContext(a.ctx, `SELECT ARRAY(SELECT DISTINCT so_no FROM erp.delivery_line WHERE dlv_no = $1 ORDER BY 1)`, no).Scan(&orders); err != nil {
		return "", err
	}
	for _, n := range orders {
		o, err := a.read(n)
		if err != nil {
			return "", err
		}
		if o.status == shipped {
			o.settle(a.now)
			if err := a.write(o); err != nil {
				return "", err
			}
		}
	}
	return fmt.Sprintf("delivery %d arrives", no), nil
}

func (a actor) postpone() (string, error) {
	o, err := a.order(confirmed)
	if err != nil || o == nil || !o.postpone(a.rng, a.now) {
		return "", err
	}
	return fmt.Sprintf("order %d is put off to %s", o.no, o.promised.Format(time.DateOnly)), a.write(o)
}

func (a actor) cancel() (string, error) {
	o, err := a.order(entered, confirmed, inPart)
	if err != nil || o == nil {
		return "", err
	}
	open := o.openLines()
	if len(open) == 0 {
		return "", nil
	}
	i := open[a.rng.IntN(len(open))]
	o.cancelLine(i, a.now)
	return fmt.Sprintf("line %d of order %d is cancelled", o.lines[i].no, o.no), a.write(o)
}

func (a actor) reprice() (string, error) {
	o, err := a.order(entered, confirmed)
	if err != nil || o == nil {
		return "", err
	}
	l := &o.lines[a.rng.IntN(len(o.lines))]
	l.price = l.price * int64(95+a.rng.IntN(11)) / 100
	l.changed, o.changed = a.now, a.now
	return fmt.Sprintf("line %d of order %d costs %s", l.no, o.no, hundredths(l.price)), a.write(o)
}

func (a actor) hold() (string, error) {
	o, err := a.order(entered)
	if err != nil || o == nil {
		return "", err
	}
	o.status, o.changed = held, a.now
	return fmt.Sprintf("order %d is held", o.no), a.write(o)
}

func (a actor) release() (string, error) {
	o, err := a.order(held)
	if err != nil || o == nil {
		return "", err
	}
	o.confirm(a.rng, a.now)
	return fmt.Sprintf("order %d is released", o.no), a.write(o)
}

// meet is news of a contact: a new telephone number.
func (a actor) meet() (string, error) {
	no, err := a.one(`SELECT contact_no FROM erp.contact ORDER BY md5(contact_no || $1::text)`, a.rng.Int64())
	if err != nil || no == 0 {
		return "", err
	}
	_, err = a.tx.ExecContext(a.ctx, `UPDATE erp.contact SET phone = $2, changed_at = $3 WHERE contact_no = $1`, no, "+31 6 "+digits(a.rng, 8), stamp(a.now))
	return fmt.Sprintf("contact %d has a new number", no), err
}

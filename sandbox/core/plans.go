package core

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

const (
	planRuns    = 8  // weekly ones that a new company has behind it
	planWeeks   = 26 // that each looks ahead
	usedWeeks   = 30 // whose demand is known
	firstRun    = 2600
	firstNotice = 5100
	replanPause = 20 * time.Minute // at least, between plans that are made while one looks
)

const (
	planLineColumns   = "run_no, vend_no, item_no, wh_no, week_on, qty, price"
	noticeColumns     = "notice_no, vend_no, kind, rev, title, descr, reason, issued_on, effective_on, first_ship_on, last_buy_on, last_ship_on, withdrawn, changed_at"
	noticeItemColumns = "notice_no, line_no, item_no, rev_from, rev_to, effective_on, lot_from, serial_from, new_item_no, changed_at"
)

// A planned item is bought for a warehouse from its vendor.
type planned struct {
	vendor, item, warehouse string
	price                   int64 // cents, of one, that the vendor is paid
}

func chance(words ...any) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprint(h, words...)
	return rand.New(rand.NewPCG(h.Sum64(), 5))
}

// monday is the first day of t's week.
func monday(t time.Time) time.Time {
	t = day(t)
	return t.AddDate(0, 0, -(int(t.Weekday())+6)%7)
}

// weight is about what a week needs of the item.
func (p planned) weight() float64 { return 12 + math.Exp(chance(p.item, p.warehouse).Float64()*5.2) }

// need is what the week turns out to need.
func (p planned) need(week time.Time) int64 {
	_, n := week.ISOWeek()
	season := 1 + 0.3*math.Sin(2*math.Pi*(float64(n)/52+float64(len(p.item)%7)/7))
	return int64(p.weight() * season * (0.8 + 0.4*chance(p.item, p.warehouse, week.Unix()).Float64()))
}

// expect is what the plan made at the time expects of the week: the surer, the nearer.
func (p planned) expect(made, week time.Time) int64 {
	r, ahead := chance(p.item, p.warehouse, made.Unix(), week.Unix()), week.Sub(made).Hours()/24/7
	if r.Float64() < 0.6 && ahead < 3 { // what is near is changed with reluctance
		r = chance(p.item, p.warehouse, week.Unix())
	}
	return int64(float64(p.need(week)) * (1.04 + (r.Float64()-0.5)*math.Min(0.9, 0.08+0.035*math.Max(0, ahead))))
}

func (p planned) lines(run int64, made time.Time) (rows [][]any) {
	for w := range planWeeks {
		week := monday(made).AddDate(0, 0, 7*w)
		rows = append(rows, []any{run, p.vendor, p.item, p.warehouse, date(week), p.expect(made, week), hundredths(p.price)})
	}
	return rows
}

// planTables are what the company plans to buy, used, and has of it, and what it changes.
func (c *company) planTables() []table {
	runs := table{name: "plan_run", what: "plan runs", columns: "run_no, made_at"}
	lines := table{name: "plan_line", what: "forecasts", columns: planLineColumns}
	used := table{name: "used", what: "demand history", columns: "vend_no, item_no, wh_no, week_on, qty, arrived, changed_at"}
	stock := table{name: "vend_stock", what: "stock of suppliers' products", columns: "vend_no, item_no, wh_no, on_hand, under_way, changed_at"}
	notices := table{name: "notice", what: "engineering changes", columns: noticeColumns}
	items := table{name: "notice_item", what: "items that change", columns: noticeItemColumns}
	var all []planned
	for i, it := range c.items {
		if it.status != 10 {
			continue
		}
		p := planned{it.vendor, it.no, warehouses[0].no, it.price * 55 / 100}
		if all = append(all, p); i%6 == 0 {
			p.warehouse = warehouses[1].no
			all = append(all, p)
		}
	}
	this := monday(c.now)
	for n := range planRuns {
		made := this.AddDate(0, 0, -7*(planRuns-1-n)).Add(5 * time.Hour)
		if made.After(c.now) {
			made = c.now.Add(-time.Minute)
		}
		runs.rows = append(runs.rows, []any{firstRun + n, stamp(made)})
		for _, p := range all {
			lines.rows = append(lines.rows, p.lines(int64(firstRun+n), made)...)
		}
	}
	for _, p := range all {
		for w := usedWeeks; w > 0; w-- {
			week := this.AddDate(0, 0, -7*w)
			need, r := p.need(week), chance(p.item, week.Unix(), "arrived")
			arrived := need
			if r.IntN(6) == 0 {
				arrived = need * int64(60+r.IntN(40)) / 100
			}
			used.rows = append(used.rows, []any{p.vendor, p.item, p.warehouse, date(week), need, arrived, stamp(c.founded)})
		}
		r := chance(p.item, p.warehouse, "stock")
		stock.rows = append(stock.rows, []any{p.vendor, p.item, p.warehouse, int64(p.weight() * (0.5 + 2*r.Float64())), int64(p.weight() * float64(r.IntN(3)) * 0.7), stamp(c.founded)})
	}
	for i, v := range c.vendors {
		var mine []item
		for _, it := range c.items {
			if it.vendor == v.no && it.status == 10 {
				mine = append(mine, it)
			}
		}
		for n, kind := range []string{"P", "E", "L"} {
			if len(mine) <= 2*n+1 || (i+n)%3 == 2 && i > 0 {
				continue
			}
			no := int64(firstNotice + 3*i + n)
			head, rows := change(no, v.no, kind, c.now.AddDate(0, 0, -9*n-3-i%20), mine[2*n:2*n+2])
			notices.rows, items.rows = append(notices.rows, head), append(items.rows, rows...)
		}
	}
	return []table{runs, lines, used, stock, notices, items}
}

// change makes up a notice: P of a product or process, E of a drawing, L that a product's life ends.
func change(no int64, vendor, kind string, at time.Time, of []item) (head []any, items [][]any) {
	issued := day(at)
	var title, descr, reason string
	var effective, firstShip, lastBuy, lastShip time.Time
	revFrom, revTo := "B", "C"
	switch kind {
	case "P":
		title, reason = "New carbon black in the tread compound", "Second source"
		descr = "The tread compound takes N234 carbon black of a second source. Dimensions and marking stay as they are. Samples of the first three lots are wanted before they ship."
		firstShip, effective = issued.AddDate(0, 0, 95), issued.AddDate(0, 0, 95)
	case "E":
		title, reason = "Sidewall marking moves by 4 mm", "Drawing corrected"
		descr = "The marking of size and load index moves 4 mm towards the bead. Stock of the old revision may be used up."
		effective = issued.AddDate(0, 0, 40)
	default:
		title, reason = "End of life: the range is replaced", "Range renewed"
		descr = "We stop buying these. Tell us what you hold, and what you can still deliver until the last day."
		lastBuy, lastShip, effective, revTo = issued.AddDate(0, 0, 120), issued.AddDate(0, 0, 210), issued.AddDate(0, 0, 210), ""
	}
	head = []any{no, vendor, kind, "1", title + " (" + strings.TrimSpace(of[0].size+" "+of[0].brand) + ")", descr, reason, date(issued), date(effective), date(firstShip), date(lastBuy), date(lastShip), false, stamp(at)}
	for i, it := range of {
		lot := any(nil)
		if kind == "P" {
			lot = fmt.Sprintf("L%d-%03d", effective.Year()%100, 40+i)
		}
		items = append(items, []any{no, i + 1, it.no, revFrom, text(revTo), date(effective), lot, nil, nil, stamp(at)})
	}
	return head, items
}

// replan publishes a new plan for every vendor, unless the last is too young.
func (a actor) replan() (string, error) {
	var run int64
	var young bool
	if err := a.tx.QueryRowContext(a.ctx, `SELECT max(run_no), max(made_at) > $1 FROM erp.plan_run`, stamp(a.now.Add(-replanPause))).Scan(&run, &young); err != nil || young {
		return "", err
	}
	rows, err := a.tx.QueryContext(a.ctx, `SELECT rtrim(vend_no), rtrim(item_no), rtrim(wh_no), (max(price) * 100)::bigint FROM erp.plan_line WHERE run_no = $1 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`, run)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var all []planned
	for rows.Next() {
		var p planned
		if err := rows.Scan(&p.vendor, &p.item, &p.warehouse, &p.price); err != nil {
			return "", err
		}
		all = append(all, p)
	}
	if err := rows.Err(); err != nil {
		return "", err
	}
	run++
	if _, err := a.tx.ExecContext(a.ctx, `INSERT INTO erp.plan_run (run_no, made_at) VALUES ($1, $2)`, run, stamp(a.now)); err != nil {
		return "", err
	}
	in, err := a.tx.PrepareContext(a.ctx, `COPY erp.plan_line (`+planLineColumns+`) FROM STDIN`)
	if err != nil {
		return "", err
	}
	defer in.Close()
	for _, p := range all {
		for _, row := range p.lines(run, a.now) {
			if _, err := in.ExecContext(a.ctx, row...); err != nil {
				return "", err
			}
		}
	}
	if _, err := in.ExecContext(a.ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("plan %d is published", run), nil
}

package supplies

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lib/pq"
	"github.com/shopspring/decimal"

	"extranet/portal"
	"extranet/portal/sheet"
)

// CommandReport carries a report to the core: report and by; stocks and capacities are lists.
const CommandReport = "report_supply"

// MostLines is how many lines a report can have.
const MostLines = 10_000

// A Count is what there is of a product at a site.
type Count struct {
	Product   string        `json:"product" minLength:"1" maxLength:"100" doc:"The host's number; one that it buys from the supplier"`
	Site      string        `json:"site,omitempty" maxLength:"100" doc:"The supplier's site; may be left out by a supplier as a whole"`
	OnHand    portal.Amount `json:"on_hand" doc:"Finished and not promised to others"`
	InProcess portal.Amount `json:"in_process,omitempty" doc:"Being made; 0 where it is left out"`
	CountedOn portal.Date   `json:"counted_on,omitempty" format:"date" doc:"Today where it is left out"`
}

// A Week is how much of a product a site can make in a week.
type Week struct {
	Product  string        `json:"product" minLength:"1" maxLength:"100" doc:"The host's number; one that it buys from the supplier"`
	Site     string        `json:"site,omitempty" maxLength:"100" doc:"The supplier's site; may be left out by a supplier as a whole"`
	WeekOf   portal.Date   `json:"week_of" format:"date" doc:"Any day of the week; it is kept under its Monday"`
	Quantity portal.Amount `json:"quantity" doc:"That can be made in the week"`
}

// A Report is what a supplier says of its supplies at one time. Lines that are not named stay as they were reported before.
type Report struct {
	Stocks     []Count `json:"stocks,omitempty" maxItems:"10000"`
	Capacities []Week  `json:"capacities,omitempty" maxItems:"10000"`

	how              string
	stockAt, weekAt  []int // rows of the file, in the order of the lines
	faults           []sheet.Fault
	products, places map[string]bool
}

// Accounted says what became of every line of a report.
type Accounted struct {
	Report     int64         `json:"report" doc:"The report's number; 0 where nothing was kept"`
	Stocks     int           `json:"stocks" doc:"Counts that were kept"`
	Capacities int           `json:"capacities" doc:"Weeks that were kept"`
	Refused    []sheet.Fault `json:"refused" doc:"Every line that was not kept, with the reason. Rows count from 1, counts before weeks; in a file as the spreadsheet counts"`
}

// Make reports. Every line is accounted for: one that cannot be meant is refused with the reason and spoils no other. What is newer than what was known is kept, and the core learns of it.
func Make(ctx context.Context, tx *portal.Tx, r Report) (a Accounted, err error) {
	r.how = "api"
	return r.keep(ctx, tx)
}

// MakeByForm is Make for what was entered on the page.
func MakeByForm(ctx context.Context, tx *portal.Tx, r Report) (Accounted, error) {
	r.how = "form"
	return r.keep(ctx, tx)
}

// MakeFromTable is Make for a table with the columns product, site, on hand, in process and counted on, or product, site, week and capacity, or all of them.
func MakeFromTable(ctx context.Context, tx *portal.Tx, t sheet.Table) (Accounted, error) {
	if err := tx.Need(portal.StockReport); err != nil {
		return Accounted{}, err
	}
	r, err := readReport(t)
	if err != nil {
		return Accounted{}, err
	}
	return r.keep(ctx, tx)
}

// TableHeader heads the table that is taken away, filled in and sent back.
var TableHeader = []string{"Product", "Description", "Site", "On hand", "In process", "Counted on", "Week", "Capacity"}

func readReport(t sheet.Table) (r Report, err error) {
	r.how = "file"
	product, site, onHand, inProcess, counted := t.Find("product", "item"), t.Find("site"), t.Find("on hand"), t.Find("in process"), t.Find("counted on")
	week, capacity := t.Find("week", "week of"), t.Find("capacity")
	if product < 0 || onHand < 0 && (week < 0 || capacity < 0) {
		return r, &portal.Error{Kind: portal.Invalid, Msg: "this table cannot be read", Fields: map[string]string{"table": "its first row must name the columns product and on hand, or product, week and capacity; take the form away as a file to see it"}}
	}
	for _, row := range t.Rows {
		name, place := row.Cell(product), row.Cell(site)
		amountOf := func(column int) (a portal.Amount, ok bool) {
			if row.Cell(column) == "" {
				return "", true
			}
			n, err := t.Number(row.Cell(column))
			if err != nil {
				r.faults = append(r.faults, sheet.Fault{Row: row.Number, What: name, Why: "column " + sheet.Column(column) + ": " + err.Error()})
				return "", false
			}
			return portal.Amount(n.String()), true
		}
		dayOf := func(column int) (d portal.Date, ok bool) {
			d, err := t.Day(row.Cell(column))
			if err != nil {
				r.faults = append(r.faults, sheet.Fault{Row: row.Number, What: name, Why: "column " + sheet.Column(column) + ": " + err.Error()})
			}
			return d, err == nil
		}
		said := false
		if row.Cell(onHand) != "" || row.Cell(inProcess) != "" {
			said = true
			have, ok1 := amountOf(onHand)
			making, ok2 := amountOf(inProcess)
			day, ok3 := dayOf(counted)
			if ok1 && ok2 && ok3 {
				r.Stocks, r.stockAt = append(r.Stocks, Count{name, place, have, making, day}), append(r.stockAt, row.Number)
			}
		}
		if row.Cell(capacity) != "" {
			said = true
			day, ok1 := dayOf(week)
			can, ok2 := amountOf(capacity)
			if ok1 && ok2 {
				r.Capacities, r.weekAt = append(r.Capacities, Week{name, place, day, can}), append(r.weekAt, row.Number)
			}
		}
		if !said {
			r.faults = append(r.faults, sheet.Fault{Row: row.Number, What: name, Why: "says neither a stock nor a capacity; nothing was changed"})
		}
	}
	return r, nil
}

// know looks up which of the products the host buys from the supplier, and the supplier's sites.
func (r *Report) know(ctx context.Context, tx *portal.Tx) error {
	named := map[string]bool{}
	for _, s := range r.Stocks {
		named[s.Product] = true
	}
	for _, c := range r.Capacities {
		named[c.Product] = true
	}
	var products pq.StringArray
	for p := range named {
		if plain(p, 100) {
			products = append(products, p)
		}
	}
	slices.Sort(products)
	var known, sites []string
	err := tx.Select(ctx, &known, `SELECT p FROM unnest($2::text[]) p WHERE EXISTS (SELECT 1 FROM purchase_order_lines l WHERE l.partner_id = $1 AND l.product = p) OR EXISTS (SELECT 1 FROM forecasts f WHERE f.partner_id = $1 AND f.product = p)`, tx.By.PartnerID, products)
	if err != nil {
		return fmt.Errorf("looking for products: %w", err)
	}
	if err := tx.Select(ctx, &sites, `SELECT site FROM sites WHERE partner_id = $1 AND ($2::text[] IS NULL OR site = ANY($2))`, tx.By.PartnerID, portal.Limit(tx.By.Sites)); err != nil {
		return fmt.Errorf("looking for sites: %w", err)
	}
	r.products, r.places = map[string]bool{}, map[string]bool{}
	for _, p := range known {
		r.products[p] = true
	}
	for _, s := range sites {
		r.places[s] = true
	}
	return nil
}

// where says what is wrong with the line's product and site; "" that nothing is.
func (r *Report) where(by portal.Caller, product, site string) string {
	switch {
	case product == "":
		return "say the product"
	case !r.products[product]:
		return "the host buys no product of this number from you"
	case site == "" && by.Sites != nil:
		return "say which of your sites: you are limited to some"
	case site != "" && !r.places[site]:
		return fmt.Sprintf("you have no site %q", site)
	}
	return ""
}

// amountFault says what is wrong with an amount; "" that nothing is.
func amountFault(name string, a portal.Amount) string {
	if d, err := decimal.NewFromString(string(a)); err != nil || d.IsNegative() || d.Exponent() < -6 || d.Exponent() > 12 || d.GreaterThan(decimal.New(1, 12)) {
		return name + " must be a number from 0 on, such as 40"
	}
	return ""
}

func (r Report) keep(ctx context.Context, tx *portal.Tx) (a Accounted, err error) {
	if err := tx.Need(portal.StockReport); err != nil {
		return a, err
	}
	if n := len(r.Stocks) + len(r.Capacities); n > MostLines || n+len(r.faults) == 0 {
		return a, &portal.Error{Kind: portal.Invalid, Msg: "nothing was reported", Fields: map[string]string{"table": fmt.Sprintf("say from 1 to %d lines", MostLines)}}
	}
	// Whoever reports for the same supplier waits: reports count up, and the newest count stays.
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('supplies ' || $1, 0))`, strconv.FormatInt(tx.By.PartnerID, 10)); err != nil {
		return a, err
	}
	if err := r.know(ctx, tx); err != nil {
		return a, err
	}
	a.Refused = append([]sheet.Fault{}, r.faults...)
	stocks, err := r.stocks(ctx, tx, &a)
	if err != nil {
		return a, err
	}
	weeks := r.weeks(tx, &a)
	slices.SortStableFunc(a.Refused, func(x, y sheet.Fault) int { return x.Row - y.Row })
	if a.Stocks, a.Capacities = len(stocks), len(weeks); a.Stocks+a.Capacities == 0 {
		return a, nil
	}
	if err := tx.Get(ctx, &a.Report, `SELECT coalesce(max(report), 0) + 1 FROM supply_reports WHERE partner_id = $1`, tx.By.PartnerID); err != nil {
		return a, fmt.Errorf("counting reports: %w", err)
	}
	if err := r.write(ctx, tx, a, stocks, weeks); err != nil {
		return a, err
	}
	tx.Changed("supplies", tx.By.PartnerID)
	return a, tx.Audit(ctx, "supplies.report", "supplies/"+strconv.FormatInt(a.Report, 10), map[string]string{"how": r.how, "stocks": strconv.Itoa(a.Stocks), "capacities": strconv.Itoa(a.Capacities), "refused": strconv.Itoa(len(a.Refused))})
}

// stocks are the counts that can be kept; the others are refused.
func (r Report) stocks(ctx context.Context, tx *portal.Tx, a *Accounted) (kept []Count, err error) {
	today := portal.DateOf(tx.Now)
	var known []Stock
	if len(r.Stocks) > 0 {
		if err := tx.Select(ctx, &known, `SELECT `+stockColumns+` FROM supply_stocks x WHERE x.partner_id = $1`, tx.By.PartnerID); err != nil {
			return nil, fmt.Errorf("reading what was reported: %w", err)
		}
	}
	newest := map[[2]string]portal.Date{}
	for _, k := range known {
		newest[[2]string{k.Product, k.Site}] = k.CountedOn
	}
	seen := map[[2]string]bool{}
	for i, s := range r.Stocks {
		s.Product, s.Site = strings.TrimSpace(s.Product), strings.TrimSpace(s.Site)
		if s.CountedOn == "" {
			s.CountedOn = today
		}
		if s.InProcess == "" {
			s.InProcess = "0"
		}
		key := [2]string{s.Product, s.Site}
		why := r.where(tx.By, s.Product, s.Site)
		if why == "" {
			why = amountFault("on hand", s.OnHand)
		}
		if why == "" {
			why = amountFault("in process", s.InProcess)
		}
		if _, err := portal.ParseDate(string(s.CountedOn)); why == "" && err != nil {
			why = "counted on must be a day, like 2026-03-31"
		}
		switch {
		case why != "":
		case s.CountedOn > today:
			why = "counted on must not be after today"
		case seen[key]:
			why = "is said twice for the same site"
		case s.CountedOn < newest[key]:
			why = fmt.Sprintf("a newer count of %s is known", newest[key])
		}
		seen[key] = seen[key] || why == ""
		if why != "" {
			a.Refused = append(a.Refused, sheet.Fault{Row: at(r.stockAt, i, 0), What: s.Product, Why: why})
			continue
		}
		kept = append(kept, s)
	}
	return kept, nil
}

// at is the row of the i-th line: the file's, or the line's own place after those before it.
func at(rows []int, i, before int) int {
	if i < len(rows) {
		return rows[i]
	}
	return before + i + 1
}

// weeks are the capacities that can be kept; the others are refused.
func (r Report) weeks(tx *portal.Tx, a *Accounted) (kept []Week) {
	this := monday(portal.DateOf(tx.Now))
	seen := map[string]bool{}
	for i, c := range r.Capacities {
		c.Product, c.Site = strings.TrimSpace(c.Product), strings.TrimSpace(c.Site)
		why := r.where(tx.By, c.Product, c.Site)
		if why == "" {
			why = amountFault("capacity", c.Quantity)
		}
		if _, err := portal.ParseDate(string(c.WeekOf)); why == "" && (err != nil || c.WeekOf == "") {
			why = "say a day of the week, like 2026-03-31"
		}
		if why == "" {
			c.WeekOf = monday(c.WeekOf)
			key := c.Product + "\x00" + c.Site + "\x00" + string(c.WeekOf)
			switch {
			case c.WeekOf < this:
				why = "that week is over"
			case c.WeekOf > portal.DateOf(tx.Now.AddDate(3, 0, 0)):
				why = "lies more than three years ahead"
			case seen[key]:
				why = "is said twice for the same week and site"
			}
			seen[key] = true
		}
		if why != "" {
			a.Refused = append(a.Refused, sheet.Fault{Row: at(r.weekAt, i, len(r.Stocks)), What: c.Product, Why: why})
			continue
		}
		kept = append(kept, c)
	}
	return kept
}

// write keeps what can be, in few statements, and tells the core.
func (r Report) write(ctx context.Context, tx *portal.Tx, a Accounted, stocks []Count, weeks []Week) error {
	counts, err := json.Marshal(append([]Count{}, stocks...))
	if err != nil {
		return err
	}
	able, err := json.Marshal(append([]Week{}, weeks...))
	if err != nil {
		return err
	}
	command, err := tx.Post(ctx, portal.Command{Name: CommandReport, Document: "supplies", Values: map[string]string{"report": strconv.FormatInt(a.Report, 10), "by": tx.By.Name, "stocks": string(counts), "capacities": string(able)}})
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO supply_reports (partner_id, report, how, stocks, capacities, refused, command_id, at, by_whom) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		tx.By.PartnerID, a.Report, r.how, a.Stocks, a.Capacities, len(a.Refused), command, tx.Now, tx.By.Name); err != nil {
		return fmt.Errorf("keeping a report: %w", err)
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO supply_stocks (partner_id, product, site, on_hand, in_process, counted_on, report, at, by_whom)
		SELECT $1, x.product, coalesce(x.site, ''), x.on_hand, x.in_process, x.counted_on, $3, $4, $5 FROM json_to_recordset($2::json) x (product text, site text, on_hand numeric, in_process numeric, counted_on date)
		ON CONFLICT (partner_id, product, site) DO UPDATE SET on_hand = excluded.on_hand, in_process = excluded.in_process, counted_on = excluded.counted_on, report = excluded.report, at = excluded.at, by_whom = excluded.by_whom`,
		tx.By.PartnerID, string(counts), a.Report, tx.Now, tx.By.Name); err != nil {
		return fmt.Errorf("keeping counts: %w", err)
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO supply_capacities (partner_id, product, site, week_of, quantity, report, at, by_whom)
		SELECT $1, x.product, coalesce(x.site, ''), x.week_of, x.quantity, $3, $4, $5 FROM json_to_recordset($2::json) x (product text, site text, week_of date, quantity numeric)
		ON CONFLICT (partner_id, product, site, week_of) DO UPDATE SET quantity = excluded.quantity, report = excluded.report, at = excluded.at, by_whom = excluded.by_whom`,
		tx.By.PartnerID, string(able), a.Report, tx.Now, tx.By.Name); err != nil {
		return fmt.Errorf("keeping capacities: %w", err)
	}
	return nil
}

// A Known product is one that the host buys from the supplier, with what was reported of it last.
type Known struct {
	Product     string        `db:"product"`
	Description string        `db:"description"`
	Site        string        `db:"site"`
	OnHand      portal.Amount `db:"on_hand"` // "" = never reported
	InProcess   portal.Amount `db:"in_process"`
	CountedOn   portal.Date   `db:"counted_on"`
}

// KnownShown is how many products a form names at most.
const KnownShown = 2000

// Ask are the products that the host buys from the supplier, with what was reported last, for a form that is filled in.
func Ask(ctx context.Context, tx *portal.Tx, most int) (list []Known, err error) {
	if err := tx.Need(portal.StockReport); err != nil {
		return nil, err
	}
	err = tx.Select(ctx, &list, `
		SELECT p.product, p.description, coalesce(s.site, CASE WHEN cardinality($2::text[]) = 1 THEN ($2::text[])[1] ELSE '' END) AS site,
			coalesce(trim_scale(s.on_hand)::text, '') AS on_hand, coalesce(trim_scale(s.in_process)::text, '') AS in_process, coalesce(s.counted_on::text, '') AS counted_on
		FROM (
			SELECT product, max(description) AS description FROM (
				SELECT l.product, l.description FROM purchase_order_lines l JOIN purchase_orders o ON o.partner_id = l.partner_id AND o.number = l.order_number
				WHERE l.partner_id = $1 AND l.product IS NOT NULL AND l.state <> 'closed' AND ($2::text[] IS NULL OR o.site = ANY($2))
				UNION ALL SELECT product, '' FROM supply_stocks WHERE partner_id = $1 AND ($2::text[] IS NULL OR site = ANY($2))) x
			GROUP BY product ORDER BY product LIMIT $3) p
		LEFT JOIN supply_stocks s ON s.partner_id = $1 AND s.product = p.product AND ($2::text[] IS NULL OR s.site = ANY($2))
		ORDER BY p.product, s.site LIMIT $3`, tx.By.PartnerID, portal.Limit(tx.By.Sites), most)
	if err != nil {
		return nil, fmt.Errorf("looking for products to report: %w", err)
	}
	return list, nil
}

// Became records what the core made of a report; why says why it does not take it, "" that it does. It is the worker's.
func Became(ctx context.Context, tx *portal.Tx, partner, report int64, why string) error {
	state := "taken"
	if why != "" {
		state = "refused"
	}
	tx.Changed("supplies", partner)
	if _, err := tx.Exec(ctx, `UPDATE supply_reports SET state = $3, why = $4 WHERE partner_id = $1 AND report = $2`, partner, report, state, why); err != nil {
		return fmt.Errorf("recording what became of a report: %w", err)
	}
	return nil
}

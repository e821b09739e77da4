// Package scorecard reckons how a supplier delivers, answers and keeps its word: the same figures for the supplier and for the host, each from lines that can be looked at.
package scorecard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"extranet/portal"
	"extranet/portal/purchasing"
)

// The figures there are.
const (
	Asked    = "asked"    // on time in full, by the day that was asked for
	Promised = "promised" // on time in full, by the day that was promised
	Answers  = "answers"  // how fast versions of purchase orders are answered
	Rejects  = "rejects"  // what was rejected or sent back, of what was received
	Commits  = "commits"  // how far commitments to forecasts were kept
)

// Figures are the figures in the order in which they are told.
var Figures = []string{Asked, Promised, Answers, Rejects, Commits}

// Definitions say how each is reckoned, to whoever reads it.
var Definitions = map[string]string{
	Asked:    "Of the parts of purchase order lines that were asked for on a day of the period, the share that was in full by that day: everything that the line had asked for up to it was received and taken. Cancelled lines do not count.",
	Promised: "The same by what the supplier promised: of the parts promised for a day of the period, the share for which everything promised up to that day was received and taken.",
	Answers:  "From when the portal saw a version of a purchase order, of the period, to its first answer, in hours on average; and the share that was answered by the day it was due. A version that was not answered and is overdue counts as not in time; one that the host replaced before it was due does not count.",
	Rejects:  "Pieces rejected or sent back, for each million received in the period (PPM).",
	Commits:  "Of what was committed to for buckets of the forecast that began in the period and are over, the share that arrived in its bucket.",
}

// A Score is one figure.
type Score struct {
	Lines int           `json:"lines" doc:"That it is reckoned from"`
	Good  int           `json:"good" doc:"Of them: in full on time, answered in time, nothing rejected, kept in full"`
	Of    portal.Amount `json:"of" doc:"Received, for rejects; committed, for commits; otherwise empty"`
	Got   portal.Amount `json:"got" doc:"Rejected or sent back, for rejects; arrived of what was committed, for commits; hours to the answer on average, for answers; otherwise empty"`
	Value portal.Amount `json:"value" doc:"Per cent, to one place; for rejects parts per million, whole; empty where there is nothing to reckon"`
}

// A Card is a supplier's scorecard.
type Card struct {
	Partner     string      `json:"partner" doc:"The supplier's account number"`
	PartnerName string      `json:"partner_name"`
	From        portal.Date `json:"from" format:"date"`
	To          portal.Date `json:"to" format:"date"`
	Asked       Score       `json:"asked" doc:"On time in full, by the day that was asked for"`
	Promised    Score       `json:"promised" doc:"On time in full, by the day that was promised"`
	Answers     Score       `json:"answers" doc:"Answered by the day that was due"`
	Rejects     Score       `json:"rejects" doc:"Rejected or sent back, PPM"`
	Commits     Score       `json:"commits" doc:"Commitments to forecasts that were kept"`
}

// Of returns the figure by its name.
func (c *Card) Of(figure string) *Score {
	return map[string]*Score{Asked: &c.Asked, Promised: &c.Promised, Answers: &c.Answers, Rejects: &c.Rejects, Commits: &c.Commits}[figure]
}

// A Line is one of those that a figure is reckoned from.
type Line struct {
	Order   string        `json:"order" db:"ord" doc:"The purchase order; empty for commits"`
	Line    int64         `json:"line" db:"line" doc:"Of the purchase order; 0 for answers and commits"`
	Product string        `json:"product" db:"product"`
	Day     portal.Date   `json:"day" db:"day" format:"date" doc:"Asked for, promised, sent to the supplier, received, or begun"`
	Wanted  portal.Amount `json:"wanted" db:"wanted" doc:"Up to the day, for deliveries; received; committed; days for the answer"`
	Got     portal.Amount `json:"got" db:"got" doc:"Taken by the day; taken of what was received; arrived; hours to the answer, empty where there is none"`
	Good    bool          `json:"good" db:"good"`
	What    string        `json:"what" db:"what" doc:"The version, the reason, or the place"`
}

// of is the condition that rows of the alias are of the partner $1; 0 is every partner's.
func of(alias string, partner int64) string {
	if partner != 0 {
		return alias + `.partner_id = $1`
	}
	return `$1::bigint = 0`
}

// lines is the SQL of the lines of a figure: $1 the partner, $2 and $3 the first and the last day, $4 the caller's sites, $5 today.
func lines(figure string, partner int64) string {
	taken := func(of string) string {
		return `coalesce((SELECT sum(CASE WHEN r.kind = 'return' THEN -r.quantity ELSE r.quantity - coalesce(r.rejected, 0) END) FROM receipts r
			WHERE r.partner_id = ` + of + `.partner_id AND r.order_number = ` + of + `.order_number AND r.order_line = ` + of + `.line AND r.day <= ` + of + `.due), 0)`
	}
	delivered := func(parts string) string {
		return `SELECT x.partner_id, x.order_number AS ord, x.line, coalesce(l.product, '') AS product, x.due AS day, trim_scale(x.upto) AS wanted, trim_scale(t.taken) AS got, t.taken >= x.upto AS good, '' AS what
			FROM (` + parts + `) x JOIN purchase_order_lines l ON l.partner_id = x.partner_id AND l.order_number = x.order_number AND l.line = x.line
			JOIN purchase_orders o ON o.partner_id = x.partner_id AND o.number = x.order_number CROSS JOIN LATERAL (SELECT ` + taken("x") + ` AS taken) t
			WHERE l.status <> 'cancelled' AND o.status <> 'cancelled' AND x.upto > 0 AND ($4::text[] IS NULL OR o.site = ANY($4))`
	}
	switch figure {
	case Asked:
		return delivered(`SELECT s.partner_id, s.order_number, s.line, s.requested_on AS due, (SELECT sum(b.quantity) FROM schedule_lines b
				WHERE b.partner_id = s.partner_id AND b.order_number = s.order_number AND b.line = s.line AND (b.requested_on, b.schedule) <= (s.requested_on, s.schedule)) AS upto
			FROM schedule_lines s WHERE ` + of("s", partner) + ` AND s.requested_on BETWEEN $2 AND $3 AND s.requested_on < $5 AND s.quantity > 0
			UNION ALL SELECT w.partner_id, w.order_number, w.line, w.requested_on, w.quantity FROM purchase_order_lines w
			WHERE ` + of("w", partner) + ` AND w.requested_on BETWEEN $2 AND $3 AND w.requested_on < $5
				AND NOT EXISTS (SELECT 1 FROM schedule_lines s WHERE s.partner_id = w.partner_id AND s.order_number = w.order_number AND s.line = w.line)`)
	case Promised:
		return delivered(`SELECT p.partner_id, p.order_number, p.line, p.promised_on AS due, (SELECT sum(b.quantity) FROM purchase_promises b
				WHERE b.partner_id = p.partner_id AND b.order_number = p.order_number AND b.line = p.line AND (b.promised_on, b.part) <= (p.promised_on, p.part)) AS upto
			FROM purchase_promises p WHERE ` + of("p", partner) + ` AND p.promised_on BETWEEN $2 AND $3 AND p.promised_on < $5`)
	case Answers:
		return `SELECT v.partner_id, v.order_number AS ord, 0::bigint AS line, '' AS product, (v.at AT TIME ZONE 'UTC')::date AS day, (v.answer_by - (v.at AT TIME ZONE 'UTC')::date)::numeric AS wanted,
				round(extract(epoch FROM a.at - v.at) / 3600, 1) AS got, coalesce((a.at AT TIME ZONE 'UTC')::date <= v.answer_by, false) AS good, 'version ' || v.version AS what
			FROM purchase_versions v JOIN purchase_orders o ON o.partner_id = v.partner_id AND o.number = v.order_number
			CROSS JOIN LATERAL (SELECT min(a.at) AS at FROM purchase_answers a WHERE a.partner_id = v.partner_id AND a.order_number = v.order_number AND a.version = v.version) a
			WHERE ` + of("v", partner) + ` AND v.at >= $2::date AND v.at < $3::date + 1 AND ($4::text[] IS NULL OR o.site = ANY($4))
				AND (a.at IS NOT NULL OR v.answer_by < $5 AND o.state = 'review' AND o.version = v.version)`
	case Rejects:
		return `SELECT r.partner_id, r.order_number AS ord, coalesce(r.order_line, 0) AS line, coalesce(r.product, '') AS product, r.day, CASE WHEN r.kind = 'return' THEN 0 ELSE trim_scale(r.quantity) END AS wanted,
				trim_scale(CASE WHEN r.kind = 'return' THEN -r.quantity ELSE r.quantity - coalesce(r.rejected, 0) END) AS got, NOT r.defects AS good, CASE WHEN r.kind = 'return' THEN 'sent back: ' ELSE '' END || coalesce(r.reason, '') AS what
			FROM receipts r WHERE ` + of("r", partner) + ` AND r.day BETWEEN $2 AND $3 AND ($4::text[] IS NULL OR r.site = ANY($4)) AND $5::date IS NOT NULL`
	}
	// A bucket is over as soon as the core says what arrived in it. Where an item was forecast by weeks and is by months now, months count, as in the forecasts' ledger.
	return `SELECT h.partner_id, '' AS ord, 0::bigint AS line, h.product, d.day, trim_scale(k.quantity) AS wanted, trim_scale(d.received) AS got, d.received >= k.quantity AS good, h.location AS what
		FROM demand_history h JOIN commits c ON c.partner_id = h.partner_id AND c.product = h.product AND c.location = h.location AND c.latest
		CROSS JOIN LATERAL unnest(h.starts_on, h.received) d (day, received) CROSS JOIN LATERAL unnest(c.starts_on, c.quantity) k (day, quantity)
		WHERE ` + of("h", partner) + ` AND k.day = d.day AND d.received IS NOT NULL AND d.day BETWEEN $2 AND $3 AND $5::date IS NOT NULL
			AND h.kind = coalesce((SELECT f.kind FROM forecasts f WHERE f.partner_id = h.partner_id AND f.product = h.product AND f.location = h.location ORDER BY f.published_at DESC, f.version DESC LIMIT 1), h.kind)
			AND ($4::text[] IS NULL OR EXISTS (SELECT 1 FROM forecasts f WHERE f.partner_id = h.partner_id AND f.product = h.product AND f.location = h.location AND f.site = ANY($4)))`
}

// Check fills in the last 90 days where the period says nothing. Days to come do not count.
func Check(tx *portal.Tx, p *portal.Period) error {
	if bad := p.Complete(portal.DateOf(tx.Now), 90); len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this scorecard cannot be made", Fields: bad}
	}
	return nil
}

func args(p portal.Period, tx *portal.Tx, partner int64) []any {
	return []any{partner, p.From, p.To, portal.Limit(tx.By.Sites), portal.DateOf(tx.Now)}
}

// reckon fills in the figures of the cards, by partner; of every supplier with lines where partner is 0.
func reckon(ctx context.Context, tx *portal.Tx, partner int64, p portal.Period, cards map[int64]*Card) error {
	for _, figure := range Figures {
		var rows []struct {
			PartnerID int64           `db:"partner_id"`
			Lines     int             `db:"lines"`
			Good      int             `db:"good"`
			Wanted    decimal.Decimal `db:"wanted"`
			Got       decimal.Decimal `db:"got"`
			Kept      decimal.Decimal `db:"kept"`
			Known     int             `db:"known"`
		}
		err := tx.Select(ctx, &rows, `SELECT partner_id, count(*) AS lines, count(*) FILTER (WHERE good) AS good, coalesce(sum(wanted), 0) AS wanted, coalesce(sum(got), 0) AS got, coalesce(sum(least(wanted, got)), 0) AS kept, count(got) AS known
			FROM (`+lines(figure, partner)+`) x GROUP BY partner_id`, args(p, tx, partner)...)
		if err != nil {
			return fmt.Errorf("reckoning %s: %w", figure, err)
		}
		for _, r := range rows {
			c := cards[r.PartnerID]
			if c == nil {
				c = &Card{From: p.From, To: p.To}
				cards[r.PartnerID] = c
			}
			s := c.Of(figure)
			s.Lines, s.Good = r.Lines, r.Good
			switch figure {
			case Rejects:
				s.Of, s.Got = amount(r.Wanted), amount(r.Wanted.Sub(r.Got))
				if r.Wanted.IsPositive() {
					s.Value = amount(r.Wanted.Sub(r.Got).Shift(6).DivRound(r.Wanted, 0))
				}
			case Commits:
				s.Of, s.Got = amount(r.Wanted), amount(r.Kept)
				if r.Wanted.IsPositive() {
					s.Value = amount(r.Kept.Shift(2).DivRound(r.Wanted, 1))
				}
			case Answers:
				if r.Known > 0 {
					s.Got = amount(r.Got.DivRound(decimal.NewFromInt(int64(r.Known)), 1))
				}
				fallthrough
			default:
				s.Value = amount(decimal.NewFromInt(int64(100*r.Good)).DivRound(decimal.NewFromInt(int64(r.Lines)), 1))
			}
		}
	}
	return nil
}

func amount(d decimal.Decimal) portal.Amount { return portal.Amount(d.String()) }

// Own is the caller's own scorecard, of the sites that it may see.
func Own(ctx context.Context, tx *portal.Tx, p portal.Period) (c Card, err error) {
	if err := tx.Need(portal.PurchasingRead); err != nil {
		return c, err
	}
	if err := Check(tx, &p); err != nil {
		return c, err
	}
	c = Card{Partner: tx.By.PartnerNumber, PartnerName: tx.By.PartnerName, From: p.From, To: p.To}
	return c, reckon(ctx, tx, tx.By.PartnerID, p, map[int64]*Card{tx.By.PartnerID: &c})
}

// OfSupplier is a supplier's scorecard for the host's staff: the same numbers. A supplier that is not there is NotFound.
func OfSupplier(ctx context.Context, tx *portal.Tx, partner string, p portal.Period) (c Card, err error) {
	s, err := purchasing.SupplierOf(ctx, tx, partner)
	if err != nil {
		return c, err
	}
	if err := Check(tx, &p); err != nil {
		return c, err
	}
	c = Card{Partner: s.Number, PartnerName: s.Name, From: p.From, To: p.To}
	return c, reckon(ctx, tx, s.ID, p, map[int64]*Card{s.ID: &c})
}

// OfAll are the scorecards of all suppliers that have something to reckon, by name.
func OfAll(ctx context.Context, tx *portal.Tx, p portal.Period) (list []Card, err error) {
	if err := tx.Need(portal.PurchasesRead); err != nil {
		return nil, err
	}
	if err := Check(tx, &p); err != nil {
		return nil, err
	}
	cards := map[int64]*Card{}
	if err := reckon(ctx, tx, 0, p, cards); err != nil {
		return nil, err
	}
	var suppliers []struct {
		ID     int64  `db:"partner_id"`
		Number string `db:"number"`
		Name   string `db:"name"`
	}
	if err := tx.Select(ctx, &suppliers, `SELECT partner_id, number, name FROM partners WHERE kind = 'supplier'`); err != nil {
		return nil, fmt.Errorf("looking for suppliers: %w", err)
	}
	list = []Card{}
	for _, s := range suppliers {
		if c := cards[s.ID]; c != nil {
			c.Partner, c.PartnerName = s.Number, s.Name
			list = append(list, *c)
		}
	}
	slices.SortFunc(list, func(a, b Card) int { return strings.Compare(a.PartnerName+a.Partner, b.PartnerName+b.Partner) })
	return list, nil
}

// Shown is how many lines of a figure are shown at most: the newest. A file has all of them.
const Shown = 500

// An Opened figure is one with the lines behind it.
type Opened struct {
	Card
	Figure     string `json:"figure" enum:"asked,promised,answers,rejects,commits"`
	Definition string `json:"definition"`
	Behind     []Line `json:"behind" doc:"The newest 500; those that miss alone, if that is asked for"`
}

func none(figure string) error {
	if !slices.Contains(Figures, figure) {
		return portal.Errorf(portal.NotFound, "there is no such figure; there are %s", strings.Join(Figures, ", "))
	}
	return nil
}

func (o *Opened) open(ctx context.Context, tx *portal.Tx, partner int64, p portal.Period, missed bool) error {
	o.Definition, o.Behind = Definitions[o.Figure], []Line{}
	if err := tx.Select(ctx, &o.Behind, linesQuery(o.Figure, partner, missed)+fmt.Sprintf(` LIMIT %d`, Shown), args(p, tx, partner)...); err != nil {
		return fmt.Errorf("reading the lines of %s: %w", o.Figure, err)
	}
	return nil
}

func linesQuery(figure string, partner int64, missed bool) string {
	where := ``
	if missed {
		where = ` WHERE NOT good`
	}
	return `SELECT ord, line, product, day, wanted, coalesce(got::text, '') AS got, good, what FROM (` + lines(figure, partner) + `) x` + where + ` ORDER BY day DESC, ord DESC, line, product, what`
}

// Open is a figure of the caller's own with the lines behind it. A figure that is none is NotFound.
func Open(ctx context.Context, tx *portal.Tx, figure string, p portal.Period, missed bool) (o Opened, err error) {
	if o.Card, err = Own(ctx, tx, p); err != nil {
		return o, err
	}
	if err := none(figure); err != nil {
		return o, err
	}
	o.Figure = figure
	return o, o.open(ctx, tx, tx.By.PartnerID, portal.Period{From: o.From, To: o.To}, missed)
}

// OpenOf is Open of a supplier's figure, for the host's staff.
func OpenOf(ctx context.Context, tx *portal.Tx, partner, figure string, p portal.Period, missed bool) (o Opened, err error) {
	s, err := purchasing.SupplierOf(ctx, tx, partner)
	if err != nil {
		return o, err
	}
	if o.Card, err = OfSupplier(ctx, tx, partner, p); err != nil {
		return o, err
	}
	if err := none(figure); err != nil {
		return o, err
	}
	o.Figure = figure
	return o, o.open(ctx, tx, s.ID, portal.Period{From: o.From, To: o.To}, missed)
}

// Export gives f every line of a figure of the caller's own, newest first, and audits that they were taken away as the named format.
func Export(ctx context.Context, tx *portal.Tx, figure string, p portal.Period, missed bool, format string, each func(Line) error) error {
	if err := tx.Need(portal.PurchasingRead); err != nil {
		return err
	}
	if err := none(figure); err != nil {
		return err
	}
	if err := Check(tx, &p); err != nil {
		return err
	}
	if err := tx.Audit(ctx, "scorecard.export", "scorecard/"+figure, map[string]string{"format": format, "from": string(p.From), "to": string(p.To)}); err != nil {
		return err
	}
	return tx.Each(ctx, func(r *sqlx.Rows) error {
		var l Line
		if err := r.StructScan(&l); err != nil {
			return err
		}
		return each(l)
	}, linesQuery(figure, tx.By.PartnerID, missed), args(p, tx, tx.By.PartnerID)...)
}

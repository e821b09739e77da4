// Package analytics tells the host who uses the portal and what for: from what partners' own people and machines asked for and did,
// counted as it happens, and from documents. Everything here is for the host's staff with portal.FiguresRead.
package analytics

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"extranet/portal"
)

// Definitions say how each figure is reckoned, to whoever reads it.
var Definitions = map[string]string{
	"use":       "Pages shown and answers of the API (asked), and acts in the log (done), by partners' own people and machines. The host's staff do not count, even while they view as a partner; signing in and refusals are no acts.",
	"segments":  "Of the open partners of a kind or programme: how many have people with access, and how many asked for or did anything in the period.",
	"retention": "A month's cohort is the partners that did something in it: an act in the log by one of their own people or machines. Retained after n months are those of them that did something in the n-th month after it. A month that is not over is not shown.",
	"quiet":     "Partners that did something on three days or more of the 90 before, and nothing in the last 30 days.",
	"volume":    "What was ordered in the last twelve months, cancelled orders left out, by partner, the largest first; each currency for itself.",
	"desks":     "From when a partner submitted, answered or asked until the host's first answer, of what came in during the period. Half were answered within the median, nine of ten within the 90th percentile; what waits is not in either.",
}

// Use is how one area of the portal was used in the period.
type Use struct {
	Area     string `json:"area" db:"area" doc:"catalog, orders, claims, account, forecasts, purchasing, shipments, billing, supplies, scorecard, changes, people, log or company"`
	Partners int    `json:"partners" db:"partners" doc:"That used it"`
	People   int    `json:"people" db:"people" doc:"People and machines that used it"`
	Asked    int    `json:"asked" db:"asked" doc:"Pages and answers"`
	Done     int    `json:"done" db:"done" doc:"Acts in the log"`
}

// A Segment is how far a kind of partner or a programme uses the portal at all.
type Segment struct {
	Kind     string `json:"kind" db:"kind" enum:"kind,programme"`
	Name     string `json:"name" db:"name" doc:"dealer, supplier, or the programme's name"`
	Title    string `json:"title" db:"title"`
	Partners int    `json:"partners" db:"partners" doc:"Open ones"`
	Access   int    `json:"access" db:"access" doc:"Of them, with people who have access"`
	Active   int    `json:"active" db:"active" doc:"Of them, that used the portal in the period"`
}

// A Cohort is the partners that were active in a month, and how many of them were again after some months.
type Cohort struct {
	Month    string `json:"month" db:"month" doc:"The cohort's, like 2026-03"`
	After    int    `json:"after" db:"after" doc:"Months: 1, 3, 6 or 12"`
	Partners int    `json:"partners" db:"partners" doc:"Active in the month"`
	Retained int    `json:"retained" db:"retained" doc:"Of them, active again in the month that many months later"`
}

// A Quiet partner used to be active, and is not any more.
type Quiet struct {
	Partner string      `json:"partner" db:"partner" doc:"Account number"`
	Name    string      `json:"name" db:"name"`
	Kind    string      `json:"kind" db:"kind" enum:"dealer,supplier"`
	LastDay portal.Date `json:"last_day" db:"last_day" format:"date" doc:"On which it did something"`
	Days    int         `json:"days" db:"days" doc:"Days on which it did something, of the 90 before the last 30"`
}

// A Share is a partner's part of what was ordered.
type Share struct {
	Currency   string        `json:"currency" db:"currency"`
	Rank       int           `json:"rank" db:"rank" doc:"1 = the largest of the currency"`
	Partner    string        `json:"partner" db:"partner" doc:"Account number"`
	Name       string        `json:"name" db:"name"`
	Orders     int           `json:"orders" db:"orders"`
	Total      portal.Amount `json:"total" db:"total" doc:"Ordered in twelve months, in the currency"`
	Share      portal.Amount `json:"share" db:"share" doc:"Per cent of the currency's total, to two places"`
	Cumulative portal.Amount `json:"cumulative" db:"cumulative" doc:"Per cent of this partner and all larger ones, to two places"`
}

// A Concentration says how much of a currency's volume comes from how few.
type Concentration struct {
	Currency  string        `json:"currency" db:"currency"`
	Partners  int           `json:"partners" db:"partners" doc:"That ordered"`
	Total     portal.Amount `json:"total" db:"total" doc:"In the currency"`
	TopFifth  portal.Amount `json:"top_fifth" db:"top_fifth" doc:"Per cent of the total that the largest fifth of the partners ordered, to one place"`
	ForEighty int           `json:"for_eighty" db:"for_eighty" doc:"How many of the largest partners it takes for 80 % of the total"`
}

// A Desk is how fast the host answers what comes to one of its desks.
type Desk struct {
	Desk     string        `json:"desk" db:"desk" enum:"claims,purchase_answers,objections,changes,access_requests"`
	Asked    int           `json:"asked" db:"asked" doc:"Came in during the period"`
	Answered int           `json:"answered" db:"answered"`
	Waiting  int           `json:"waiting" db:"waiting" doc:"Of what came in, not answered yet"`
	Median   portal.Amount `json:"median" db:"median" doc:"Hours to the answer, to one place; empty where nothing was answered"`
	P90      portal.Amount `json:"p90" db:"p90" doc:"Hours within which nine of ten were answered; empty where nothing was"`
}

// A Report is all of it.
type Report struct {
	From      portal.Date     `json:"from" format:"date"`
	To        portal.Date     `json:"to" format:"date"`
	Use       []Use           `json:"use" doc:"Of the period, by area; areas that nobody used are left out"`
	Segments  []Segment       `json:"segments" doc:"Of the period: both kinds, then programmes by title"`
	Retention []Cohort        `json:"retention" doc:"Of the thirteen months before this one, the newest first"`
	Quiet     []Quiet         `json:"quiet" doc:"The fifty that were most active before"`
	Volume    []Concentration `json:"volume" doc:"By currency"`
	Largest   []Share         `json:"largest" doc:"The ten largest of each currency"`
	Desks     []Desk          `json:"desks" doc:"Of the period"`
}

// check returns Forbidden without the right, and fills in the last 30 days where the period says nothing.
func check(tx *portal.Tx, p *portal.Period) error {
	if err := tx.Need(portal.FiguresRead); err != nil {
		return err
	}
	if bad := p.Complete(portal.DateOf(tx.Now), 30); len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this period cannot be looked at", Fields: bad}
	}
	return nil
}

// Read makes the report.
func Read(ctx context.Context, tx *portal.Tx, p portal.Period) (r Report, err error) {
	if err := check(tx, &p); err != nil {
		return r, err
	}
	r = Report{From: p.From, To: p.To, Use: []Use{}, Segments: []Segment{}, Retention: []Cohort{}, Quiet: []Quiet{}, Volume: []Concentration{}, Largest: []Share{}, Desks: []Desk{}}
	for _, part := range []struct {
		list any
		sql  string
		args []any
	}{
		{&r.Use, use, []any{p.From, p.To}},
		{&r.Segments, segments, []any{p.From, p.To}},
		{&r.Retention, retention, []any{tx.Now}},
		{&r.Quiet, quiet + ` LIMIT 50`, []any{tx.Now}},
		{&r.Volume, shares + concentration, []any{tx.Now}},
		{&r.Largest, shares + largest + ` WHERE rank <= 10` + byRank, []any{tx.Now}},
		{&r.Desks, desks, []any{p.From, p.To}},
	} {
		if err := tx.Select(ctx, part.list, part.sql, part.args...); err != nil {
			return r, fmt.Errorf("reading analytics: %w", err)
		}
	}
	return r, nil
}

const use = `
	SELECT area, count(DISTINCT partner_id) AS partners, count(DISTINCT (partner_id, subject)) AS people, sum(asked) AS asked, sum(done) AS done
	FROM activity WHERE day BETWEEN $1 AND $2 GROUP BY area ORDER BY partners DESC, area`

const segments = `
	WITH active AS (SELECT DISTINCT partner_id FROM activity WHERE day BETWEEN $1 AND $2),
	open AS (
		SELECT p.partner_id, p.kind, EXISTS (SELECT FROM memberships m WHERE m.partner_id = p.partner_id AND m.ended_at IS NULL) AS access, a.partner_id IS NOT NULL AS active
		FROM partners p LEFT JOIN active a USING (partner_id) WHERE p.kind <> 'host' AND p.closed_at IS NULL
	)
	SELECT 'kind' AS kind, kind AS name, kind AS title, count(*) AS partners, count(*) FILTER (WHERE access) AS access, count(*) FILTER (WHERE active) AS active FROM open GROUP BY open.kind
	UNION ALL
	SELECT 'programme', g.name, g.title, count(o.partner_id), count(*) FILTER (WHERE o.access), count(*) FILTER (WHERE o.active)
	FROM programmes g LEFT JOIN partner_programmes pp ON pp.programme = g.name LEFT JOIN open o USING (partner_id) GROUP BY g.name, g.title
	ORDER BY kind, title`

const retention = `
	WITH months AS (
		SELECT DISTINCT partner_id, date_trunc('month', day)::date AS month FROM activity
		WHERE done > 0 AND day >= date_trunc('month', $1::timestamptz AT TIME ZONE 'UTC') - interval '13 months' AND day < date_trunc('month', $1::timestamptz AT TIME ZONE 'UTC')
	)
	SELECT to_char(a.month, 'YYYY-MM') AS month, n AS after, count(*) AS partners, count(b.partner_id) AS retained
	FROM months a CROSS JOIN (VALUES (1), (3), (6), (12)) v (n) LEFT JOIN months b ON b.partner_id = a.partner_id AND b.month = (a.month + make_interval(months => n))::date
	WHERE a.month + make_interval(months => n) < date_trunc('month', $1::timestamptz AT TIME ZONE 'UTC')
	GROUP BY a.month, n ORDER BY a.month DESC, n`

const quiet = `
	WITH acts AS (
		SELECT partner_id, max(day) AS last_day, count(DISTINCT day) AS days FROM activity
		WHERE done > 0 AND day > ($1::timestamptz AT TIME ZONE 'UTC')::date - 120 GROUP BY partner_id
	)
	SELECT p.number AS partner, p.name, p.kind, a.last_day, a.days FROM acts a JOIN partners p USING (partner_id)
	WHERE a.last_day <= ($1::timestamptz AT TIME ZONE 'UTC')::date - 30 AND a.days >= 3 AND p.closed_at IS NULL
	ORDER BY a.days DESC, a.last_day DESC, p.number`

// shares ranks partners by what they ordered in the last twelve months.
const shares = `
	WITH ordered AS (
		SELECT currency, partner_id, count(*) AS orders, sum(total) AS total FROM orders
		WHERE status <> 'cancelled' AND ordered_on > (($1::timestamptz AT TIME ZONE 'UTC')::date - interval '12 months')
		GROUP BY currency, partner_id HAVING sum(total) > 0
	), ranked AS (
		SELECT currency, partner_id, orders, total, row_number() OVER w AS rank, count(*) OVER c AS partners, sum(total) OVER c AS all_of_it, sum(total) OVER w AS up_to
		FROM ordered WINDOW c AS (PARTITION BY currency), w AS (PARTITION BY currency ORDER BY total DESC, partner_id ROWS UNBOUNDED PRECEDING)
	)`

const concentration = `
	SELECT currency, max(partners) AS partners, max(all_of_it)::text AS total, round(100 * sum(total) FILTER (WHERE rank <= ceil(partners / 5.0)) / max(all_of_it), 1)::text AS top_fifth,
		count(*) FILTER (WHERE up_to - total < 0.8 * all_of_it) AS for_eighty
	FROM ranked GROUP BY currency ORDER BY currency`

const largest = `
	SELECT ranked.currency, rank, p.number AS partner, p.name, orders, total::text AS total, round(100 * total / all_of_it, 2)::text AS share, round(100 * up_to / all_of_it, 2)::text AS cumulative
	FROM ranked JOIN partners p USING (partner_id)`

const byRank = ` ORDER BY ranked.currency, rank`

const desks = `
	WITH came AS (
		SELECT 'claims' AS desk, e.at AS asked, (SELECT min(h.at) FROM claim_events h WHERE h.partner_id = e.partner_id AND h.claim = e.claim AND h.seq > e.seq AND h.side = 'host' AND h.what NOT IN ('took under review', 'split')
			AND (e.line IS NULL OR h.line IS NULL OR h.line = e.line)) AS answered
		FROM claim_events e WHERE e.side = 'dealer' AND e.what IN ('submitted', 'answered', 'appealed')
		UNION ALL
		SELECT 'purchase_answers', a.at, (SELECT min(d.decided_at) FROM purchase_decisions d WHERE d.partner_id = a.partner_id AND d.order_number = a.order_number AND d.answer = a.answer)
		FROM purchase_answers a WHERE EXISTS (SELECT FROM purchase_answer_lines l WHERE l.partner_id = a.partner_id AND l.order_number = a.order_number AND l.answer = a.answer AND l.state <> 'settled')
		UNION ALL
		SELECT 'objections', at, answered_at FROM receipt_objections
		UNION ALL
		SELECT 'changes', min(g.given_at), (SELECT min(h.answered_at) FROM given_answers h WHERE h.partner_id = g.partner_id AND h.number = g.number AND h.verdict <> 'silence') FROM notices_given g GROUP BY g.partner_id, g.number
		UNION ALL
		SELECT 'access_requests', asked_at, decided_at FROM access_requests WHERE state <> 'withdrawn'
	)
	SELECT desk, count(*) AS asked, count(answered) AS answered, count(*) - count(answered) AS waiting,
		coalesce(round((percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM answered - asked)) / 3600)::numeric, 1)::text, '') AS median,
		coalesce(round((percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM answered - asked)) / 3600)::numeric, 1)::text, '') AS p90
	FROM came WHERE asked >= $1::date AND asked < $2::date + 1 GROUP BY desk ORDER BY desk`

// Exports are the figures that can be taken away as a file: all their rows, not the first.
var Exports = map[string][]string{
	"use": {"Area", "Partners", "People", "Asked", "Done"}, "segments": {"Segment", "Partners", "With access", "Active"}, "retention": {"Month", "After months", "Partners", "Retained", "Per cent"},
	"quiet": {"Partner", "Name", "Kind", "Last day", "Days"}, "volume": {"Currency", "Rank", "Partner", "Name", "Orders", "Total", "Share, per cent", "Cumulative, per cent"}, "desks": {"Desk", "Asked", "Answered", "Waiting", "Median, hours", "90th percentile, hours"},
}

// Export calls row with each row of the figure, in the columns of Exports, and audits that it was taken. A figure that there is not is NotFound.
func Export(ctx context.Context, tx *portal.Tx, figure string, p portal.Period, row func(...any) error) error {
	if err := check(tx, &p); err != nil {
		return err
	}
	var err error
	switch figure {
	case "use":
		err = each(ctx, tx, func(u Use) error { return row(u.Area, u.Partners, u.People, u.Asked, u.Done) }, use, p.From, p.To)
	case "segments":
		err = each(ctx, tx, func(s Segment) error { return row(s.Title, s.Partners, s.Access, s.Active) }, segments, p.From, p.To)
	case "retention":
		err = each(ctx, tx, func(c Cohort) error { return row(c.Month, c.After, c.Partners, c.Retained, c.Rate()) }, retention, tx.Now)
	case "quiet":
		err = each(ctx, tx, func(q Quiet) error { return row(q.Partner, q.Name, q.Kind, q.LastDay, q.Days) }, quiet, tx.Now)
	case "volume":
		err = each(ctx, tx, func(s Share) error {
			return row(s.Currency, s.Rank, s.Partner, s.Name, s.Orders, s.Total, s.Share, s.Cumulative)
		}, shares+largest+byRank, tx.Now)
	case "desks":
		err = each(ctx, tx, func(d Desk) error { return row(d.Desk, d.Asked, d.Answered, d.Waiting, d.Median, d.P90) }, desks, p.From, p.To)
	default:
		return portal.Errorf(portal.NotFound, "there is no such figure")
	}
	if err != nil {
		return fmt.Errorf("taking analytics away: %w", err)
	}
	return tx.Audit(ctx, "analytics.export", figure, map[string]string{"from": string(p.From), "to": string(p.To)})
}

// each calls f with each row of the query, as it is read.
func each[T any](ctx context.Context, tx *portal.Tx, f func(T) error, query string, args ...any) error {
	return tx.Each(ctx, func(rows *sqlx.Rows) error {
		var v T
		if err := rows.StructScan(&v); err != nil {
			return err
		}
		return f(v)
	}, query, args...)
}

// Rate is the share that was retained, in per cent to one place.
func (c Cohort) Rate() portal.Amount { return percent(c.Retained, c.Partners) }

// Adoption is the share of the segment's partners that used the portal, in per cent to one place.
func (s Segment) Adoption() portal.Amount { return percent(s.Active, s.Partners) }

func percent(part, of int) portal.Amount {
	if of == 0 {
		return ""
	}
	return portal.Amount(fmt.Sprintf("%.1f", 100*float64(part)/float64(of)))
}

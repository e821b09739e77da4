package purchasing

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"extranet/portal"
)

// Terms are what one version of a purchase order asks for.
type Terms struct {
	Currency string      `json:"currency"`
	ShipTo   string      `json:"ship_to"`
	Terms    string      `json:"terms"`
	Comment  string      `json:"comment"`
	Lines    []LineTerms `json:"lines"`
}

// LineTerms are what a version asks for in one line.
type LineTerms struct {
	Line        int64         `json:"line"`
	Product     string        `json:"product"`
	Description string        `json:"description"`
	Unit        string        `json:"unit"`
	Quantity    portal.Amount `json:"quantity"`
	Price       portal.Amount `json:"price"`
	Cancelled   bool          `json:"cancelled"`
	Asked       []Part        `json:"asked"`
}

// A Difference is what the host made of a field. Line is 0 for what concerns the whole order.
type Difference struct {
	Line   int64  `json:"line" doc:"0 = the whole order"`
	Field  string `json:"field" doc:"currency, ship_to, terms, comment, product, description, unit, quantity, price, cancelled, asked or line (new or gone)"`
	Was    string `json:"was"`
	Became string `json:"became"`
}

// differences are what became of the terms, the whole order first, then line by line.
func differences(was, became Terms) (all []Difference) {
	field := func(line int64, name, a, b string) {
		if a != b {
			all = append(all, Difference{line, name, a, b})
		}
	}
	field(0, "currency", was.Currency, became.Currency)
	field(0, "ship_to", was.ShipTo, became.ShipTo)
	field(0, "terms", was.Terms, became.Terms)
	field(0, "comment", was.Comment, became.Comment)
	before := map[int64]LineTerms{}
	for _, l := range was.Lines {
		before[l.Line] = l
	}
	for _, l := range became.Lines {
		b, known := before[l.Line]
		delete(before, l.Line)
		if !known {
			field(l.Line, "line", "", l.Description)
			continue
		}
		field(l.Line, "product", b.Product, l.Product)
		field(l.Line, "description", b.Description, l.Description)
		field(l.Line, "unit", b.Unit, l.Unit)
		field(l.Line, "quantity", string(b.Quantity), string(l.Quantity))
		field(l.Line, "price", string(b.Price), string(l.Price))
		field(l.Line, "cancelled", yes(b.Cancelled), yes(l.Cancelled))
		field(l.Line, "asked", said(b.Asked), said(l.Asked))
	}
	for _, l := range was.Lines {
		if _, gone := before[l.Line]; gone {
			field(l.Line, "line", l.Description, "")
		}
	}
	return all
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

// said writes parts as "40 on 2026-03-12, 60 on 2026-03-19".
func said(parts []Part) string {
	words := make([]string, len(parts))
	for i, p := range parts {
		words[i] = string(p.Quantity) + " on " + string(p.On)
	}
	return strings.Join(words, ", ")
}

// termsOf is the SQL of Terms as text, of an order o. A line without schedule lines is asked for whole, on its own day.
const termsOf = `(SELECT json_build_object('currency', o.currency, 'ship_to', coalesce(o.ship_to, ''), 'terms', coalesce(o.terms, ''), 'comment', coalesce(o.comment, ''), 'lines', (
	SELECT json_agg(json_build_object('line', l.line, 'product', coalesce(l.product, ''), 'description', l.description, 'unit', coalesce(l.unit, ''),
		'quantity', trim_scale(l.quantity)::text, 'price', trim_scale(l.price)::text, 'cancelled', l.status = 'cancelled', 'asked', ` + askedOf + `) ORDER BY l.line)
	FROM purchase_order_lines l WHERE l.partner_id = o.partner_id AND l.order_number = o.number))::text)`

// askedOf is the SQL of the parts that a line l is asked for in, as JSON.
const askedOf = `coalesce((SELECT json_agg(json_build_object('on', s.requested_on, 'quantity', trim_scale(s.quantity)::text) ORDER BY s.requested_on, s.schedule)
		FROM schedule_lines s WHERE s.partner_id = l.partner_id AND s.order_number = l.order_number AND s.line = l.line),
	CASE WHEN l.requested_on IS NULL THEN '[]' ELSE json_build_array(json_build_object('on', l.requested_on, 'quantity', trim_scale(l.quantity)::text)) END)`

// gather is how long the changes that the core makes one after another are one version, while nobody has answered it.
const gather = time.Minute

// touched are the orders that a merge at $1 wrote something of.
const touched = `(SELECT partner_id, number FROM purchase_orders WHERE changed_at = $1
	UNION SELECT partner_id, order_number FROM purchase_order_lines WHERE changed_at = $1
	UNION SELECT partner_id, order_number FROM schedule_lines WHERE changed_at = $1)`

// Revise follows a merge of orders, lines or schedule lines, in its transaction: what the host made other than it was becomes a new version of the
// order, to be answered by the day that the policy says, while what was promised stands; and each order is in the state
// that follows. It is the worker's.
func Revise(ctx context.Context, tx *portal.Tx) error {
	p, err := PolicyNow(ctx, tx)
	if err != nil {
		return err
	}
	due := portal.DateOf(tx.Now.AddDate(0, 0, p.AnswerDays))
	// What is new begins with version 1, in one statement: a first load brings many.
	_, err = tx.Exec(ctx, `
		WITH first AS (
			INSERT INTO purchase_versions (partner_id, order_number, version, at, answer_by, content)
			SELECT o.partner_id, o.number, 1, $1, $2, `+termsOf+`
			FROM purchase_orders o JOIN `+touched+` t USING (partner_id, number)
			WHERE o.version = 0 AND o.status = 'open' AND EXISTS (SELECT 1 FROM purchase_order_lines l WHERE l.partner_id = o.partner_id AND l.order_number = o.number)
			RETURNING partner_id, order_number)
		UPDATE purchase_orders o SET version = 1 FROM first f WHERE o.partner_id = f.partner_id AND o.number = f.order_number`, tx.Now, due)
	if err != nil {
		return fmt.Errorf("taking first versions: %w", err)
	}
	var revised []struct {
		PartnerID int64     `db:"partner_id"`
		Number    string    `db:"number"`
		Version   int       `db:"version"`
		At        time.Time `db:"at"`
		Was       string    `db:"was"`
		Became    string    `db:"became"`
		Answered  bool      `db:"answered"`
	}
	err = tx.Select(ctx, &revised, `
		SELECT * FROM (
			SELECT o.partner_id, o.number, o.version, v.at, v.content AS was, `+termsOf+` AS became,
				EXISTS (SELECT 1 FROM purchase_answers a WHERE a.partner_id = o.partner_id AND a.order_number = o.number AND a.version = o.version) AS answered
			FROM purchase_orders o JOIN `+touched+` t USING (partner_id, number)
			JOIN purchase_versions v ON v.partner_id = o.partner_id AND v.order_number = o.number AND v.version = o.version
			WHERE o.status = 'open') x WHERE was <> became`, tx.Now)
	if err != nil {
		return fmt.Errorf("looking for new versions: %w", err)
	}
	for _, r := range revised {
		var was, became Terms
		if err := unmarshal(&was, r.Was, &became, r.Became); err != nil {
			return err
		}
		if !r.Answered && tx.Now.Sub(r.At) < gather {
			_, err = tx.Exec(ctx, `UPDATE purchase_versions SET content = $4 WHERE partner_id = $1 AND order_number = $2 AND version = $3`, r.PartnerID, r.Number, r.Version, r.Became)
		} else {
			_, err = tx.Exec(ctx, `INSERT INTO purchase_versions (partner_id, order_number, version, at, answer_by, content) VALUES ($1, $2, $3, $4, $5, $6)`,
				r.PartnerID, r.Number, r.Version+1, tx.Now, due, r.Became)
			if err == nil {
				_, err = tx.Exec(ctx, `UPDATE purchase_orders SET version = $3, reminded_at = NULL WHERE partner_id = $1 AND number = $2`, r.PartnerID, r.Number, r.Version+1)
			}
		}
		if err != nil {
			return fmt.Errorf("taking a version: %w", err)
		}
		var lines []int64
		for _, d := range differences(was, became) {
			if d.Line != 0 && !slices.Contains(lines, d.Line) {
				lines = append(lines, d.Line)
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE purchase_order_lines SET revised = true WHERE partner_id = $1 AND order_number = $2 AND line = ANY($3)`, r.PartnerID, r.Number, numbers(lines)); err != nil {
			return fmt.Errorf("marking what changed: %w", err)
		}
		if _, err := tx.Exec(ctx, `UPDATE purchase_answer_lines SET state = 'overtaken', why = 'the host changed the line' WHERE partner_id = $1 AND order_number = $2 AND line = ANY($3) AND state = 'waiting'`, r.PartnerID, r.Number, numbers(lines)); err != nil {
			return fmt.Errorf("overtaking answers: %w", err)
		}
		tx.Changed("purchasing", r.PartnerID)
	}
	if err := adopt(ctx, tx); err != nil {
		return err
	}
	return restate(ctx, tx, `(o.partner_id, o.number) IN `+touched, tx.Now)
}

// adopt takes over what the core has as confirmed, of lines that were never answered here: by telephone, or before the portal was.
func adopt(ctx context.Context, tx *portal.Tx) error {
	_, err := tx.Exec(ctx, `
		WITH core AS (
			SELECT l.partner_id, l.order_number, l.line, l.quantity, (
				SELECT json_agg(json_build_object('on', day, 'quantity', trim_scale(q)::text) ORDER BY day)::text FROM (
					SELECT coalesce(s.confirmed_on, s.requested_on) AS day, sum(s.confirmed_quantity) AS q FROM schedule_lines s
					WHERE s.partner_id = l.partner_id AND s.order_number = l.order_number AND s.line = l.line AND s.confirmed_quantity > 0 GROUP BY 1) c) AS confirmed, (
				SELECT json_agg(json_build_object('on', p.promised_on, 'quantity', trim_scale(p.quantity)::text) ORDER BY p.promised_on)::text
				FROM purchase_promises p WHERE p.partner_id = l.partner_id AND p.order_number = l.order_number AND p.line = l.line) AS promised
			FROM purchase_order_lines l JOIN `+touched+` t ON t.partner_id = l.partner_id AND t.number = l.order_number
			WHERE NOT l.answered AND l.status = 'open'),
		other AS (SELECT * FROM core WHERE confirmed IS NOT NULL AND confirmed IS DISTINCT FROM promised),
		gone AS (DELETE FROM purchase_promises p USING other c WHERE p.partner_id = c.partner_id AND p.order_number = c.order_number AND p.line = c.line RETURNING p.part),
		come AS (
			INSERT INTO purchase_promises (partner_id, order_number, line, part, promised_on, quantity)
			SELECT c.partner_id, c.order_number, c.line, coalesce((SELECT max(part) FROM gone), 0) + x.n, (x.v->>'on')::date, (x.v->>'quantity')::numeric
			FROM other c, json_array_elements(c.confirmed::json) WITH ORDINALITY x (v, n)
			RETURNING partner_id, order_number, line, quantity)
		UPDATE purchase_order_lines l SET revised = c.quantity <> (SELECT sum(quantity) FROM come m WHERE m.partner_id = l.partner_id AND m.order_number = l.order_number AND m.line = l.line)
		FROM other c WHERE l.partner_id = c.partner_id AND l.order_number = c.order_number AND l.line = c.line`, tx.Now)
	if err != nil {
		return fmt.Errorf("adopting what is confirmed: %w", err)
	}
	return nil
}

// restate brings the state of the lines and orders that which finds into line with what was asked, answered and received.
//
// The orders are locked first: what another transaction wrote of the same order meanwhile is seen, and neither state is one of before it.
func restate(ctx context.Context, tx *portal.Tx, which string, args ...any) error {
	if _, err := tx.Exec(ctx, `SELECT 1 FROM purchase_orders o WHERE `+which+` ORDER BY o.partner_id, o.number FOR UPDATE`, args...); err != nil {
		return fmt.Errorf("locking orders: %w", err)
	}
	_, err := tx.Exec(ctx, `
		UPDATE purchase_order_lines l SET state = n.state, next_due_on = n.due
		FROM (
			SELECT l.partner_id, l.order_number, l.line,
				CASE WHEN o.status <> 'open' OR l.status <> 'open' THEN 'closed'
					WHEN EXISTS (SELECT 1 FROM purchase_answer_lines a WHERE a.partner_id = l.partner_id AND a.order_number = l.order_number AND a.line = l.line AND a.state = 'waiting') THEN 'waiting'
					WHEN l.revised OR l.quantity <> l.refused + coalesce((SELECT sum(p.quantity) FROM purchase_promises p WHERE p.partner_id = l.partner_id AND p.order_number = l.order_number AND p.line = l.line), 0) THEN 'review'
					ELSE 'confirmed' END AS state,
				CASE WHEN o.status = 'open' AND l.status = 'open' THEN (
					SELECT min(day) FROM (SELECT day, sum(quantity) OVER (ORDER BY day, part) AS upto FROM (
						SELECT p.promised_on AS day, p.part, p.quantity FROM purchase_promises p WHERE p.partner_id = l.partner_id AND p.order_number = l.order_number AND p.line = l.line
						UNION ALL SELECT (a.v->>'on')::date, a.n::int, (a.v->>'quantity')::numeric FROM json_array_elements(`+askedOf+`) WITH ORDINALITY a (v, n)
							WHERE l.refused = 0 AND NOT EXISTS (SELECT 1 FROM purchase_promises p WHERE p.partner_id = l.partner_id AND p.order_number = l.order_number AND p.line = l.line)) d) u
					WHERE upto > l.received) END AS due
			FROM purchase_order_lines l JOIN purchase_orders o ON o.partner_id = l.partner_id AND o.number = l.order_number
			WHERE `+which+`) n
		WHERE l.partner_id = n.partner_id AND l.order_number = n.order_number AND l.line = n.line AND (l.state, l.next_due_on) IS DISTINCT FROM (n.state, n.due)`, args...)
	if err != nil {
		return fmt.Errorf("restating lines: %w", err)
	}
	_, err = tx.Exec(ctx, `
		UPDATE purchase_orders o SET state = n.state, lines = n.lines, to_answer = n.to_answer, answer_by = n.answer_by, next_due_on = n.due
		FROM (
			SELECT o.partner_id, o.number, s.lines, s.to_answer, coalesce(s.due, '9999-12-31') AS due,
				CASE WHEN o.status <> 'open' OR s.lines = s.closed AND s.lines > 0 THEN 'closed' WHEN s.to_answer > 0 OR s.lines = 0 THEN 'review' WHEN s.waiting > 0 THEN 'waiting' ELSE 'confirmed' END AS state,
				CASE WHEN o.status = 'open' AND s.to_answer > 0 THEN coalesce((SELECT v.answer_by FROM purchase_versions v WHERE v.partner_id = o.partner_id AND v.order_number = o.number AND v.version = o.version), '9999-12-31')
					ELSE '9999-12-31' END AS answer_by
			FROM purchase_orders o CROSS JOIN LATERAL (
				SELECT count(*)::int AS lines, (count(*) FILTER (WHERE l.state = 'review'))::int AS to_answer, count(*) FILTER (WHERE l.state = 'waiting') AS waiting,
					count(*) FILTER (WHERE l.state = 'closed') AS closed, min(l.next_due_on) AS due
				FROM purchase_order_lines l WHERE l.partner_id = o.partner_id AND l.order_number = o.number) s
			WHERE `+which+`) n
		WHERE o.partner_id = n.partner_id AND o.number = n.number
			AND (o.state, o.lines, o.to_answer, o.answer_by, o.next_due_on) IS DISTINCT FROM (n.state, n.lines, n.to_answer, n.answer_by, n.due)`, args...)
	if err != nil {
		return fmt.Errorf("restating orders: %w", err)
	}
	return nil
}

func unmarshal(pairs ...any) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		if err := json.Unmarshal([]byte(pairs[i+1].(string)), pairs[i]); err != nil {
			return fmt.Errorf("reading what was kept of a purchase order: %w", err)
		}
	}
	return nil
}

// numbers writes line numbers as a Postgres array.
func numbers(lines []int64) string {
	words := make([]string, len(lines))
	for i, l := range lines {
		words[i] = strconv.FormatInt(l, 10)
	}
	return "{" + strings.Join(words, ",") + "}"
}

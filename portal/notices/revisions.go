package notices

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"extranet/portal"
)

// A Content is all that a revision of a notice says.
type Content struct {
	Kind        string      `json:"kind"`
	Title       string      `json:"title"`
	Description string      `json:"description"`
	Reason      string      `json:"reason"`
	EffectiveOn portal.Date `json:"effective_on"`
	FirstShipOn portal.Date `json:"first_ship_on"`
	LastBuyOn   portal.Date `json:"last_buy_on"`
	LastShipOn  portal.Date `json:"last_ship_on"`
	Withdrawn   bool        `json:"withdrawn"`
	Items       []Item      `json:"items"`
}

// A Revision is a notice as it once was.
type Revision struct {
	Revision string       `json:"revision" doc:"As its writer names it"`
	At       time.Time    `json:"at" doc:"When it was given, or the portal first saw it, UTC"`
	By       string       `json:"by" doc:"Who gave it; empty where the core does not say"`
	Changes  []Difference `json:"changes" doc:"From the one before; none for the first"`
}

// A Difference is what one revision says otherwise than the one before.
type Difference struct {
	Line   int64  `json:"line" doc:"Of the item; 0 for the notice itself"`
	Field  string `json:"field"`
	Was    string `json:"was"`
	Became string `json:"became"`
}

// differences are what became of a notice: first itself, then item by item.
func differences(was, became Content) []Difference {
	all := []Difference{}
	compare := func(line int64, field, before, after string) {
		if before != after {
			all = append(all, Difference{line, field, before, after})
		}
	}
	compare(0, "kind", was.Kind, became.Kind)
	compare(0, "title", was.Title, became.Title)
	compare(0, "description", was.Description, became.Description)
	compare(0, "reason", was.Reason, became.Reason)
	compare(0, "effective_on", string(was.EffectiveOn), string(became.EffectiveOn))
	compare(0, "first_ship_on", string(was.FirstShipOn), string(became.FirstShipOn))
	compare(0, "last_buy_on", string(was.LastBuyOn), string(became.LastBuyOn))
	compare(0, "last_ship_on", string(was.LastShipOn), string(became.LastShipOn))
	compare(0, "withdrawn", strconv.FormatBool(was.Withdrawn), strconv.FormatBool(became.Withdrawn))
	before := map[int64]Item{}
	for _, i := range was.Items {
		before[i.Line] = i
	}
	for _, i := range became.Items {
		b := before[i.Line]
		delete(before, i.Line)
		for _, f := range [][3]string{{"product", b.Product, i.Product}, {"revision_from", b.RevisionFrom, i.RevisionFrom}, {"revision_to", b.RevisionTo, i.RevisionTo}, {"effective_on", string(b.EffectiveOn), string(i.EffectiveOn)},
			{"effective_lot", b.EffectiveLot, i.EffectiveLot}, {"effective_serial", b.EffectiveSerial, i.EffectiveSerial}, {"replacement", b.Replacement, i.Replacement}, {"description", b.Description, i.Description}} {
			compare(i.Line, f[0], f[1], f[2])
		}
	}
	for _, i := range was.Items {
		if _, gone := before[i.Line]; gone {
			compare(i.Line, "product", i.Product, "")
		}
	}
	return all
}

// gather is how long a notice that nobody answered may still come in: its items may follow it.
const gather = time.Minute

// contentOf is a notice n with its items, as JSON.
const contentOf = `json_build_object('kind', n.kind, 'title', n.title, 'description', coalesce(n.description, ''), 'reason', coalesce(n.reason, ''), 'effective_on', n.effective_on, 'first_ship_on', n.first_ship_on,
	'last_buy_on', n.last_buy_on, 'last_ship_on', n.last_ship_on, 'withdrawn', n.withdrawn, 'items', coalesce((SELECT json_agg(json_build_object('line', line, 'product', product, 'revision_from', coalesce(revision_from, ''),
		'revision_to', coalesce(revision_to, ''), 'effective_on', effective_on, 'effective_lot', coalesce(effective_lot, ''), 'effective_serial', coalesce(effective_serial, ''),
		'replacement', coalesce(replacement, ''), 'description', coalesce(description, '')) ORDER BY line)
		FROM notice_items i WHERE i.partner_id = n.partner_id AND i.notice = n.notice), '[]'))::text`

// Revise follows a merge of notices or their items, in its transaction: what the host made other than it was is kept as a new revision beside those before it. It is the worker's.
func Revise(ctx context.Context, tx *portal.Tx) error {
	var partners []int64
	err := tx.Select(ctx, &partners, `
		WITH now AS (
			SELECT n.partner_id, n.notice, n.revision, `+contentOf+` AS content FROM notices n),
		fresh AS (
			SELECT now.*, v.number, v.revision AS was, v.at, EXISTS (SELECT 1 FROM notice_answers a WHERE a.partner_id = now.partner_id AND a.notice = now.notice) AS answered
			FROM now LEFT JOIN LATERAL (SELECT number, revision, content, at FROM notice_revisions v WHERE v.partner_id = now.partner_id AND v.notice = now.notice ORDER BY number DESC LIMIT 1) v ON true
			WHERE (v.revision, v.content) IS DISTINCT FROM (now.revision, now.content)),
		kept AS (
			INSERT INTO notice_revisions (partner_id, notice, number, revision, at, content)
			SELECT partner_id, notice, CASE WHEN revision = was AND NOT answered AND at > $2 THEN number ELSE coalesce(number, 0) + 1 END, revision, $1, content FROM fresh
			ON CONFLICT (partner_id, notice, number) DO UPDATE SET content = excluded.content
			RETURNING partner_id)
		SELECT DISTINCT partner_id FROM kept`, tx.Now, tx.Now.Add(-gather))
	if err != nil {
		return fmt.Errorf("keeping revisions of notices: %w", err)
	}
	if len(partners) > 0 {
		tx.Changed("notices", partners...)
	}
	return nil
}

// revisionsOf are those of a notice of the host's, the latest first, at most 50.
func revisionsOf(ctx context.Context, tx *portal.Tx, partner int64, notice string) ([]Revision, error) {
	var rows []struct {
		Revision string    `db:"revision"`
		At       time.Time `db:"at"`
		Content  string    `db:"content"`
	}
	if err := tx.Select(ctx, &rows, `SELECT revision, at, content FROM notice_revisions WHERE partner_id = $1 AND notice = $2 ORDER BY number DESC LIMIT 51`, partner, notice); err != nil {
		return nil, fmt.Errorf("reading revisions: %w", err)
	}
	contents := make([]Content, len(rows))
	for i, r := range rows {
		if err := json.Unmarshal([]byte(r.Content), &contents[i]); err != nil {
			return nil, fmt.Errorf("reading a revision: %w", err)
		}
	}
	list := []Revision{}
	for i, r := range rows[:min(len(rows), 50)] {
		v := Revision{Revision: r.Revision, At: r.At.UTC(), Changes: []Difference{}}
		if i+1 < len(rows) {
			v.Changes = differences(contents[i+1], contents[i])
		}
		list = append(list, v)
	}
	return list, nil
}

package forecasts

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/shopspring/decimal"

	"extranet/portal"
)

// CommitCommand carries commitments to the core: version, by, at, and lines, a JSON list of objects with product, location, starts_on,
// quantity, asked, reason and note.
const CommitCommand = "commit_forecast"

// Reasons are why a supplier commits to less than was asked.
var Reasons = []string{"capacity", "material", "tooling", "quality", "transport", "holiday", "phase_out", "other"}

// A Cell is what a supplier commits to for one bucket of one item.
type Cell struct {
	Product  string        `json:"product" minLength:"1" maxLength:"500"`
	Location string        `json:"location" minLength:"1" maxLength:"500"`
	StartsOn portal.Date   `json:"starts_on" format:"date" maxLength:"10"`
	Quantity portal.Amount `json:"quantity" doc:"Exact decimal, not negative" minLength:"1" maxLength:"40"`
	Reason   string        `json:"reason,omitempty" doc:"Why less than was asked; needed below the tolerance" enum:"capacity,material,tooling,quality,transport,holiday,phase_out,other" required:"false"`
	Note     string        `json:"note,omitempty" maxLength:"500" required:"false"`
	Place    string        `json:"-"` // where it was written, as its writer knows it
}

// A Commitment is cells that answer a version.
type Commitment struct {
	Version string
	Cells   []Cell
	How     string // grid, file, as is, api or rule
	Reason  string // of cells that are short and name none
	Note    string // beside Reason
}

// A Refused cell was not committed, and why.
type Refused struct {
	Place    string        `json:"place" doc:"Where it stands in what was sent: the number of the cell, or row and column"`
	Product  string        `json:"product"`
	Location string        `json:"location"`
	StartsOn portal.Date   `json:"starts_on" format:"date" nullable:"true"`
	Quantity portal.Amount `json:"quantity" doc:"As it was sent"`
	Code     string        `json:"code" doc:"conflict: the forecast is another in the current version" enum:"conflict,no_item,no_bucket,over,quantity,reason,note,twice"`
	Why      string        `json:"why" doc:"What is wrong and how to cure it"`
	Forecast portal.Amount `json:"forecast" doc:"What the current version asks for there; empty where it does not"`
}

// A Report accounts for every cell: Committed + Unchanged + the Refused are all that were sent.
type Report struct {
	Version   string    `json:"version" doc:"The version that was committed to: the current one"`
	Committed int       `json:"committed"`
	Unchanged int       `json:"unchanged" doc:"Said the same of the same forecast before"`
	Refused   []Refused `json:"refused"`
}

// Commit says what the caller's company can deliver. Each cell stands for itself: what can be taken is taken, and the report names every
// other one with its reason. A cell that answers an older version is taken where the current one asks for the same, and is a conflict where it
// does not: nothing is written over. Unknown versions are Invalid; what lies beyond the caller's sites is not there. The core learns of
// it once, and the host's staff see it at once.
func Commit(ctx context.Context, tx *portal.Tx, c Commitment) (r Report, err error) {
	if err := tx.Need(portal.ForecastsCommit); err != nil {
		return r, err
	}
	return commit(ctx, tx, tx.By.PartnerID, c)
}

// CommitAsIs commits to the forecast as it is, for all items of the filter or for those that are not answered yet.
func CommitAsIs(ctx context.Context, tx *portal.Tx, version string, f Filter, unanswered bool) (r Report, err error) {
	if err := tx.Need(portal.ForecastsCommit); err != nil {
		return r, err
	}
	f.all, f.Cursor, f.History = true, "", 0
	g, err := show(ctx, tx, tx.By.PartnerID, f)
	if err != nil {
		return r, err
	}
	return commit(ctx, tx, tx.By.PartnerID, Commitment{Version: version, How: "as is", Cells: asIs(g, func(o Item, i int) bool { return !unanswered || !o.Answered })})
}

// asIs are the cells of the grid that which chooses, with the quantities that are asked for.
func asIs(g Grid, which func(o Item, i int) bool) (cells []Cell) {
	for _, o := range g.Items {
		for i, s := range o.StartsOn {
			if which(o, i) {
				cells = append(cells, Cell{Product: o.Product, Location: o.Location, StartsOn: s, Quantity: o.Forecast[i]})
			}
		}
	}
	return cells
}

// most is how many cells one commitment may hold.
const most = 200_000

// drawnUp is an item as it is asked for, while it is committed to.
type drawnUp struct {
	kind, unit string
	price      decimal.Decimal
	starts     []portal.Date
	quantity   []portal.Amount
	ends       []portal.Date
	old        map[portal.Date]portal.Amount // what the version that is answered asked for, when that is not the current one
	cells      map[portal.Date]Cell          // that are taken
}

func commit(ctx context.Context, tx *portal.Tx, partner int64, c Commitment) (r Report, err error) {
	r.Refused = []Refused{}
	if len(c.Cells) > most {
		return r, &portal.Error{Kind: portal.Invalid, Msg: "this is too much at once", Fields: map[string]string{"cells": fmt.Sprintf("send at most %d; these are %d", most, len(c.Cells))}}
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('commits ' || $1, 0))`, strconv.FormatInt(partner, 10)); err != nil {
		return r, fmt.Errorf("committing: %w", err)
	}
	terms, err := TermsOf(ctx, tx, partner, tx.Now)
	if err != nil {
		return r, err
	}
	versions, err := Versions(ctx, tx, partner, 1)
	if err != nil {
		return r, err
	}
	if len(versions) == 0 {
		return r, portal.Errorf(portal.NotFound, "no forecast has been published yet")
	}
	r.Version = versions[0].Version
	up, err := asked(ctx, tx, partner, r.Version, c)
	if err != nil {
		return r, err
	}
	today := terms.Today(tx.Now)
	var keys [][2]string
	for k := range up {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	before := map[[2]string]answer{}
	if len(keys) > 0 {
		// Postgres orders text by its own rules, so the range is asked for by its keys.
		if before, err = answersFor(ctx, tx, partner, keys); err != nil {
			return r, err
		}
	}
	tolerance := terms.Tolerance.Number()
	for i, cell := range c.Cells {
		k := [2]string{cell.Product, cell.Location}
		if cell.Reason == "" && c.Reason != "" && up[k].falls(cell, tolerance) {
			cell.Reason, cell.Note = c.Reason, cmp.Or(cell.Note, c.Note)
		}
		code, why, forecast := up[k].check(cell, today, tolerance)
		if code != "" {
			r.Refused = append(r.Refused, Refused{cmp.Or(cell.Place, strconv.Itoa(i+1)), cell.Product, cell.Location, cell.StartsOn, cell.Quantity, code, why, forecast})
			continue
		}
		if a := before[k]; a.version == r.Version && a.says(cell, forecast) {
			r.Unchanged++
			up[k].cells[cell.StartsOn] = Cell{} // it was said once
			continue
		}
		r.Committed++
		up[k].cells[cell.StartsOn] = cell
	}
	if r.Committed == 0 {
		return r, nil
	}
	lines, err := write(ctx, tx, partner, r.Version, cmp.Or(c.How, "grid"), keys, up, before, today, tolerance)
	if err != nil {
		return r, err
	}
	if err := tx.AuditFor(ctx, partner, "forecasts.commit", "forecasts/"+r.Version, map[string]string{"how": c.How, "committed": strconv.Itoa(r.Committed),
		"unchanged": strconv.Itoa(r.Unchanged), "refused": strconv.Itoa(len(r.Refused))}); err != nil {
		return r, err
	}
	tx.Changed("forecasts", partner)
	_, err = tx.PostFor(ctx, partner, portal.Command{Name: CommitCommand, Document: "forecasts/" + r.Version, Values: map[string]string{
		"version": r.Version, "lines": string(lines), "by": tx.By.Name, "at": tx.Now.Format("2006-01-02T15:04:05.000000Z")}})
	return r, err
}

// asked reads what the current version asks for of the items that cells speak of, and what the answered one did.
func asked(ctx context.Context, tx *portal.Tx, partner int64, current string, c Commitment) (map[[2]string]*drawnUp, error) {
	up := map[[2]string]*drawnUp{}
	var products, locations pq.StringArray
	for _, cell := range c.Cells {
		k := [2]string{cell.Product, cell.Location}
		if _, known := up[k]; !known {
			up[k] = nil
			products, locations = append(products, cell.Product), append(locations, cell.Location)
		}
	}
	read := func(version string, f func(k [2]string, d drawnUp)) error {
		return tx.Each(ctx, func(row *sqlx.Rows) error {
			var k [2]string
			var d drawnUp
			var price portal.Amount
			var starts, quantity string
			if err := row.Scan(&k[0], &k[1], &d.kind, &d.unit, &price, &starts, &quantity); err != nil {
				return err
			}
			d.price, d.starts, d.quantity = price.Number(), split[portal.Date](starts), split[portal.Amount](quantity)
			f(k, d)
			return nil
		}, `SELECT f.product, f.location, kind, coalesce(unit, ''), price, starts_on::text, quantity::text FROM unnest($3::text[], $4::text[]) w (product, location)
			JOIN forecasts f ON f.partner_id = $1 AND f.version = $2 AND f.product = w.product AND f.location = w.location
			WHERE $5::text[] IS NULL OR site = ANY($5)`, partner, version, products, locations, portal.Limit(tx.By.Sites))
	}
	err := read(current, func(k [2]string, d drawnUp) {
		d.cells, d.ends = map[portal.Date]Cell{}, ends(d.starts, d.kind)
		up[k] = &d
	})
	if err != nil {
		return nil, fmt.Errorf("reading what is asked for: %w", err)
	}
	if c.Version != current {
		var there bool
		if err := tx.Get(ctx, &there, `SELECT EXISTS (SELECT 1 FROM forecasts WHERE partner_id = $1 AND version = $2)`, partner, c.Version); err != nil {
			return nil, fmt.Errorf("looking for a version: %w", err)
		}
		if !there {
			return nil, &portal.Error{Kind: portal.Invalid, Msg: "it must be said which version is answered", Fields: map[string]string{"version": fmt.Sprintf("is none that was published; the current one is %q", current)}}
		}
		for _, d := range up {
			if d != nil {
				d.old = map[portal.Date]portal.Amount{}
			}
		}
		err := read(c.Version, func(k [2]string, d drawnUp) {
			for i, s := range d.starts {
				if up[k] != nil {
					up[k].old[s] = d.quantity[i]
				}
			}
		})
		if err != nil {
			return nil, fmt.Errorf("reading what was asked for: %w", err)
		}
	}
	for k, d := range up {
		if d == nil {
			delete(up, k)
		}
	}
	return up, nil
}

// ask is what is asked for in the bucket that begins on the day.
func (d *drawnUp) ask(start portal.Date) (quantity portal.Amount, end portal.Date) {
	i, found := slices.BinarySearch(d.starts, start)
	if !found {
		return "", ""
	}
	return d.quantity[i], d.ends[i]
}

// falls reports whether the cell is short.
func (d *drawnUp) falls(c Cell, tolerance decimal.Decimal) bool {
	if d == nil {
		return false
	}
	forecast, _ := d.ask(c.StartsOn)
	quantity, err := Quantity(string(c.Quantity))
	return err == nil && forecast != "" && isShort(quantity, forecast.Number(), tolerance)
}

// check says what is wrong with a cell, and what is asked for in its place.
func (d *drawnUp) check(c Cell, today portal.Date, tolerance decimal.Decimal) (code, why string, forecast portal.Amount) {
	if d == nil {
		return "no_item", fmt.Sprintf("there is no forecast of %q at %q; look at the spelling of both", c.Product, c.Location), ""
	}
	forecast, end := d.ask(c.StartsOn)
	quantity, err := Quantity(string(c.Quantity))
	old, before := d.old[c.StartsOn]
	switch {
	case end == "":
		return "no_bucket", "the current version has no bucket that begins on this day", ""
	case end <= today:
		return "over", "this bucket is over", forecast
	case err != nil:
		return "quantity", portal.Says(err).Msg, forecast
	case d.old != nil && (!before || !old.Number().Equal(forecast.Number())):
		return "conflict", fmt.Sprintf("a newer version asks for %s here, not for %s; look at it and commit again", forecast, cmp.Or(old, "nothing")), forecast
	case c.Reason != "" && !slices.Contains(Reasons, c.Reason):
		return "reason", "choose from " + strings.Join(Reasons, ", "), forecast
	case len(c.Note) > 500:
		return "note", "must be at most 500 bytes", forecast
	case c.Reason == "" && isShort(quantity, forecast.Number(), tolerance):
		return "reason", fmt.Sprintf("this is less than the forecast of %s; say why: %s", forecast, strings.Join(Reasons, ", ")), forecast
	}
	if _, twice := d.cells[c.StartsOn]; twice {
		return "twice", "this bucket was sent before; send each once", forecast
	}
	return "", "", forecast
}

// isShort and isOver say whether a commitment is beyond the tolerance, in per cent of the forecast.
func isShort(committed, forecast, tolerance decimal.Decimal) bool {
	return committed.LessThan(forecast) && (tolerance.IsZero() || forecast.Sub(committed).Shift(2).GreaterThan(forecast.Mul(tolerance)))
}

func isOver(committed, forecast, tolerance decimal.Decimal) bool {
	return committed.GreaterThan(forecast) && (tolerance.IsZero() || committed.Sub(forecast).Shift(2).GreaterThan(forecast.Mul(tolerance)))
}

// Quantity reads one as people and spreadsheets write it: 1200, 1200.5; a comma or a blank is not guessed at.
func Quantity(s string) (decimal.Decimal, error) {
	if len(s) > 30 || s == "" || strings.ContainsFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') }) {
		return decimal.Zero, portal.Errorf(portal.Invalid, "%q is not a quantity; write digits, with a point before decimals, like 1200 or 12.5", s)
	}
	d, err := decimal.NewFromString(s)
	if err != nil || d.Exponent() < -9 {
		return decimal.Zero, portal.Errorf(portal.Invalid, "%q is not a quantity; write digits, with a point before decimals, like 1200 or 12.5", s)
	}
	return d, nil
}

// says reports whether the answer said this of this forecast.
func (a answer) says(c Cell, forecast portal.Amount) bool {
	i, found := slices.BinarySearch(a.starts, c.StartsOn)
	return found && a.quantity[i].Number().Equal(c.Quantity.Number()) && a.asked[i].Number().Equal(forecast.Number()) && a.reason[i] == c.Reason && a.note[i] == c.Note
}

// answersFor reads the latest commits of the items.
func answersFor(ctx context.Context, tx *portal.Tx, partner int64, keys [][2]string) (map[[2]string]answer, error) {
	var products, locations pq.StringArray
	for _, k := range keys {
		products, locations = append(products, k[0]), append(locations, k[1])
	}
	return readAnswers(ctx, tx, `SELECT `+answerColumns+` FROM unnest($2::text[], $3::text[]) w (product, location)
		JOIN commits c ON c.partner_id = $1 AND c.latest AND c.product = w.product AND c.location = w.location`, partner, products, locations)
}

// line is what the core is told of a cell.
type line struct {
	Product  string        `json:"product"`
	Location string        `json:"location"`
	StartsOn portal.Date   `json:"starts_on"`
	Quantity portal.Amount `json:"quantity"`
	Asked    portal.Amount `json:"asked"`
	Reason   string        `json:"reason"`
	Note     string        `json:"note"`
}

// write adds a revision to every item of which cells were taken, and returns them as lines for the core.
func write(ctx context.Context, tx *portal.Tx, partner int64, version, how string, keys [][2]string, up map[[2]string]*drawnUp, before map[[2]string]answer, today portal.Date, tolerance decimal.Decimal) ([]byte, error) {
	var products, locations, starts, quantities, askeds, reasons, notes, shorts, overs, values pq.StringArray
	var revisions pq.Int64Array
	var lines []line
	for _, k := range keys {
		d, a := up[k], before[k]
		fresh := 0
		for _, c := range d.cells {
			if c.StartsOn != "" {
				fresh++
			}
		}
		if fresh == 0 {
			continue
		}
		merged := a.with(d, func(l line) { l.Product, l.Location = k[0], k[1]; lines = append(lines, l) })
		short, over := merged.against(d, today, tolerance)
		reason, err := pq.StringArray(merged.reason).Value()
		if err != nil {
			return nil, err
		}
		note, err := pq.StringArray(merged.note).Value()
		if err != nil {
			return nil, err
		}
		products, locations, revisions = append(products, k[0]), append(locations, k[1]), append(revisions, a.revision+1)
		starts, quantities, askeds = append(starts, list(merged.starts)), append(quantities, list(merged.quantity)), append(askeds, list(merged.asked))
		reasons, notes = append(reasons, reason.(string)), append(notes, note.(string))
		shorts, overs, values = append(shorts, short.String()), append(overs, over.String()), append(values, short.Mul(d.price).String())
	}
	if _, err := tx.Exec(ctx, `UPDATE commits c SET latest = false FROM unnest($2::text[], $3::text[]) w (product, location)
		WHERE c.partner_id = $1 AND c.latest AND c.product = w.product AND c.location = w.location`, partner, products, locations); err != nil {
		return nil, fmt.Errorf("committing: %w", err)
	}
	n, err := tx.Exec(ctx, `
		INSERT INTO commits (partner_id, product, location, revision, latest, version, starts_on, quantity, asked, reason, note, short, over, value, how, committed_at, committed_by)
		SELECT $1, product, location, revision, true, $2, starts_on::date[], quantity::numeric[], asked::numeric[], reason::text[], note::text[], short::numeric, over::numeric, value::numeric, $14, $15, $16
		FROM unnest($3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[])
			w (product, location, revision, starts_on, quantity, asked, reason, note, short, over, value)`,
		partner, version, products, locations, revisions, starts, quantities, askeds, reasons, notes, shorts, overs, values, how, tx.Now, tx.By.Name)
	if err != nil {
		return nil, fmt.Errorf("committing: %w", err)
	}
	if n != int64(len(products)) {
		return nil, errors.New("committing: not every item was written")
	}
	return json.Marshal(lines)
}

// list writes one as Postgres reads it.
func list[T ~string](parts []T) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, p := range parts {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(string(p))
	}
	b.WriteByte('}')
	return b.String()
}

// with is the answer with the cells that are taken, which each hears of.
func (a answer) with(d *drawnUp, each func(line)) (m answer) {
	days := slices.Clone(a.starts)
	for s, c := range d.cells {
		if c.StartsOn != "" {
			days = append(days, s)
		}
	}
	slices.Sort(days)
	i := 0
	for _, s := range slices.Compact(days) {
		i = seek(a.starts, i, s)
		quantity, asked, reason, note := portal.Amount(""), portal.Amount(""), "", ""
		if i < len(a.starts) && a.starts[i] == s {
			quantity, asked, reason, note = a.quantity[i], a.asked[i], a.reason[i], a.note[i]
		}
		if c := d.cells[s]; c.StartsOn != "" {
			asked, _ = d.ask(s)
			quantity, reason, note = c.Quantity, c.Reason, c.Note
			each(line{StartsOn: s, Quantity: quantity, Asked: asked, Reason: reason, Note: note})
		}
		m.starts, m.quantity, m.asked, m.reason, m.note = append(m.starts, s), append(m.quantity, quantity), append(m.asked, asked), append(m.reason, reason), append(m.note, note)
	}
	return m
}

// against sums up how far the answer is beyond the tolerance of what is asked for in buckets that are not over.
func (a answer) against(d *drawnUp, today portal.Date, tolerance decimal.Decimal) (short, over decimal.Decimal) {
	i := 0
	for j, s := range d.starts {
		if d.ends[j] <= today {
			continue
		}
		if i = seek(a.starts, i, s); i == len(a.starts) || a.starts[i] != s {
			continue
		}
		committed, forecast := a.quantity[i].Number(), d.quantity[j].Number()
		if isShort(committed, forecast, tolerance) {
			short = short.Add(forecast.Sub(committed))
		} else if isOver(committed, forecast, tolerance) {
			over = over.Add(committed.Sub(forecast))
		}
	}
	return short, over
}

// A Rule says what the portal commits by itself when a version is published: none, what is unchanged, what is within the tolerance of what
// was committed, or all of it.
var Rules = []string{"none", "unchanged", "tolerance", "all"}

// RuleOf is the partner's rule.
func RuleOf(ctx context.Context, tx *portal.Tx, partner int64) (rule string, err error) {
	err = tx.Get(ctx, &rule, `SELECT coalesce((SELECT rule FROM commit_rules WHERE partner_id = $1), 'none')`, partner)
	return rule, err
}

// SetRule chooses the caller's company's rule. An unknown one is Invalid.
func SetRule(ctx context.Context, tx *portal.Tx, rule string) error {
	if err := tx.Need(portal.ForecastsCommit); err != nil {
		return err
	}
	if tx.By.Sites != nil {
		return portal.Errorf(portal.Forbidden, "the rule is for all sites of your company, and you are limited to some; somebody who is not can set it")
	}
	if !slices.Contains(Rules, rule) {
		return &portal.Error{Kind: portal.Invalid, Msg: "there is no such rule", Fields: map[string]string{"rule": "choose from " + strings.Join(Rules, ", ")}}
	}
	if _, err := tx.Exec(ctx, `INSERT INTO commit_rules (partner_id, rule, set_at, set_by) VALUES ($1, $2, $3, $4)
		ON CONFLICT (partner_id) DO UPDATE SET rule = excluded.rule, set_at = excluded.set_at, set_by = excluded.set_by`, tx.By.PartnerID, rule, tx.Now, tx.By.Name); err != nil {
		return fmt.Errorf("setting the rule: %w", err)
	}
	tx.Changed("forecasts", tx.By.PartnerID)
	return tx.Audit(ctx, "forecasts.rule", "forecasts", map[string]string{"rule": rule})
}

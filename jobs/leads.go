package jobs

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"extranet/portal"
)

// A lead says how a changed row of one of the core's tables leads to keys of an entity: what the core notices of itself is rows,
// and what is read anew is keys.
type lead struct {
	table   string
	columns []string // of the table, one for each part of the key; nil = query
	query   string   // returns keys; :column in it stands for a value of the changed row
	args    []string // columns that the query names, in the order of its placeholders

	before, after string // of the query, around where a list of values may stand in place of one; both "" = it is asked for one value at a time
}

// needs are the columns of the table without which the keys cannot be found.
func (l lead) needs() []string {
	if l.columns != nil {
		return l.columns
	}
	return slices.Compact(slices.Sorted(slices.Values(l.args)))
}

// follows reports that the core itself says what changed.
func (f *Feed) follows() bool { return f.Way == Marks || f.Way == Logical }

var rowValue = regexp.MustCompile(`:[A-Za-z_][A-Za-z0-9_]*`)

// leads reads the entity's tables, and when it is reconciled.
func (p *mappingParser) leads(f *Feed, by map[string]entry, e entry) {
	what := "entity " + e.key
	if at, said := by["reconcile"]; said {
		t, err := time.Parse("15:04", p.text(by, "reconcile"))
		if err != nil {
			p.faultf(at.line, "reconcile: %q is not a time of day; write it like 02:00, in the source's time zone", p.text(by, "reconcile"))
		}
		f.Reconcile = time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
		f.reconciles = true
		if _, said := by["full_every"]; !said {
			f.FullEvery = 7 * 24 * time.Hour
		}
	}
	tables, said := by["tables"]
	switch {
	case !f.follows() && said:
		p.faultf(tables.line, "tables is for way: %s or %s", Marks, Logical)
		return
	case !f.follows():
		return
	case !said:
		p.faultf(e.line, "%s goes by %s and does not say which of the core's tables its select reads: write tables: with a line for each, like orders: {%s: COLUMN}", what, f.Way, f.entity.keyColumns()[0])
		return
	}
	for _, t := range p.named(tables, "tables of "+e.key, "a line for each table that the select reads") {
		l := lead{table: t.key}
		if _, direct := t.value.(*ast.MappingNode); direct {
			keys := f.entity.keyColumns()
			columns := p.entries(t.value, "table "+t.key, keys...)
			for _, k := range keys {
				c := p.text(columns, k)
				if c == "" {
					p.faultf(t.line, "table %s says no column for %s, which is part of the key of %s", t.key, k, e.key)
				}
				l.columns = append(l.columns, c)
			}
		} else if text, ok := bareSelect(p.text(map[string]entry{t.key: t}, t.key)); ok {
			l.query, l.args = withPlaceholders(text, f.Source)
			l.before, l.after = widened(text)
			if len(l.args) == 0 {
				p.faultf(t.line, "the select of table %s names no column of the changed row; write it like :order_no", t.key)
			}
		} else {
			p.faultf(t.line, "table %s wants either the columns of the key, like {%s: COLUMN}, or a SELECT that returns keys", t.key, f.entity.keyColumns()[0])
		}
		f.leads = append(f.leads, l)
	}
}

// withPlaceholders writes the source's placeholders for :column.
func withPlaceholders(text string, s *Source) (query string, args []string) {
	if s == nil || s.dialect.placeholder == nil {
		return text, []string{""}
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		n, kind := token(text[i:])
		if v := rowValue.FindString(text[i:]); kind == otherToken && strings.HasPrefix(text[i:], ":") && v != "" && (i == 0 || text[i-1] != ':') && strings.HasPrefix(text[i:], v) {
			args = append(args, v[1:])
			b.WriteString(s.dialect.placeholder(len(args)))
			i += len(v)
			continue
		}
		b.WriteString(text[i : i+n])
		i += n
	}
	return b.String(), args
}

var (
	oneValue = regexp.MustCompile(`(?is)^select\s.*\swhere\s(?:.*\sand\s)?\s*[\w.]+\s*(=\s*:\w+)\s*(?:and\s.*)?$`)
	notPlain = regexp.MustCompile(`(?i)[();|?]|\b(?:or|xor|not|is|between|case|union|except|intersect|minus|limit|offset|fetch|top|rownum|group|having|for|with)\b`)
)

// widened returns what stands before and after the one value of a plain select, where a list of values may stand: what SELECT … WHERE a = x
// returns for each x is what WHERE a IN (x, …) returns. Nothing of any other select.
func widened(text string) (before, after string) {
	var plain strings.Builder // the text, without what is said in quotes and comments
	for i := 0; i < len(text); {
		n, kind := token(text[i:])
		switch {
		case kind == spaceToken:
			plain.WriteString(strings.Repeat(" ", n))
		case strings.ContainsRune("'\"`$", rune(text[i])):
			plain.WriteString(strings.Repeat("q", n))
		default:
			plain.WriteString(text[i : i+n])
		}
		i += n
	}
	at := oneValue.FindStringSubmatchIndex(plain.String())
	if at == nil || notPlain.MatchString(plain.String()) || strings.Count(plain.String(), ":") != 1 {
		return "", ""
	}
	return text[:at[2]], text[at[3]:]
}

// A touch is a row of the core's that changed: what it was or what it is. Two of one row are two touches.
type touch struct {
	table  string
	values map[string]*string // by column; nil = all of the table's rows may have changed
}

// A tracing finds the keys that touches lead to, for one feed.
type tracing struct {
	feed *Feed
	keys map[string][]string // by keyOf
	all  bool                // everything is to be read anew
	why  string
}

// trace finds the keys of the feed that the touches lead to.
func (f *Feed) trace(ctx context.Context, touches []touch) (tracing, error) {
	t := tracing{feed: f, keys: map[string][]string{}}
	asked := map[string]bool{}
	ask := make([][][]string, len(f.leads)) // of each lead, what to ask its query for
	for _, h := range touches {
		for i, l := range f.leads {
			if !sameTable(l.table, h.table) {
				continue
			}
			if h.values == nil {
				t.all, t.why = true, l.table+" was emptied"
				continue
			}
			values, ok := h.need(either(l.columns, l.args))
			if !ok {
				t.all, t.why = true, fmt.Sprintf("a change of %s does not say its %s", l.table, strings.Join(l.needs(), ", "))
				continue
			}
			if values == nil {
				continue // a key that has no value leads nowhere
			}
			if l.columns != nil {
				t.keys[keyOf(values)] = values
				continue
			}
			if once := strconv.Itoa(i) + keyOf(values); !asked[once] {
				asked[once] = true
				ask[i] = append(ask[i], values)
			}
		}
	}
	for i, l := range f.leads {
		atOnce := 1
		if l.before != "" {
			atOnce = keysAtOnce
		}
		for some := range slices.Chunk(ask[i], atOnce) {
			if err := t.ask(ctx, l, some); err != nil {
				return t, err
			}
		}
	}
	return t, nil
}

func either(a, b []string) []string {
	if a != nil {
		return a
	}
	return b
}

// need returns the values of the columns; nil when one is null, not ok when one is not known.
func (h touch) need(columns []string) (values []string, ok bool) {
	values = make([]string, len(columns))
	null := false
	for i, c := range columns {
		v, known := h.values[strings.ToLower(c)]
		switch {
		case !known:
			return nil, false
		case v == nil:
			null = true
		default:
			values[i] = *v
		}
	}
	if null {
		return nil, true
	}
	return values, true
}

// ask finds the keys that rows of a joined table lead to; more than one only where the query may be asked for a list.
func (t *tracing) ask(ctx context.Context, l lead, rowsValues [][]string) error {
	query := l.query
	var args []any
	for _, values := range rowsValues {
		for _, v := range values {
			args = append(args, v)
		}
	}
	if len(rowsValues) > 1 {
		places := make([]string, len(args))
		for i := range places {
			places[i] = t.feed.Source.dialect.placeholder(i + 1)
		}
		query = l.before + "IN (" + strings.Join(places, ", ") + ")" + l.after
	}
	rows, err := t.feed.Source.db.QueryContext(ctx, query, args...)
	if err != nil {
		return t.feed.Source.failed(ctx, t.feed.Entity, fmt.Errorf("looking for what %s leads to: %w", l.table, err))
	}
	defer rows.Close()
	n := len(t.feed.entity.mirror.Key)
	cells, targets := make([]sql.NullString, n), make([]any, n)
	for i := range cells {
		targets[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return portal.Because(portal.Invalid, err, "the select of table %s of %s must return the key: %s", l.table, t.feed.Entity, strings.Join(t.feed.entity.keyColumns(), ", "))
		}
		key := make([]string, n)
		whole := true
		for i, c := range cells {
			key[i] = c.String
			whole = whole && c.Valid
		}
		if whole {
			t.keys[keyOf(key)] = key
		}
	}
	if err := rows.Err(); err != nil {
		return t.feed.Source.failed(ctx, t.feed.Entity, err)
	}
	return nil
}

// sameTable reports that both name one table; one without a schema is in any.
func sameTable(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	return a == b || strings.HasSuffix(b, "."+a) && !strings.Contains(a, ".") || strings.HasSuffix(a, "."+b) && !strings.Contains(b, ".")
}

// normal is a key as the portal keeps it, so that one can be known again; nil when it can be no key.
func (f *Feed) normal(key []string) []string {
	out := make([]string, len(key))
	for i, part := range key {
		at := slices.IndexFunc(f.entity.mirror.Columns, func(c portal.Column) bool { return c.Name == f.entity.mirror.Key[i] })
		switch f.entity.mirror.Columns[at].Type {
		case portal.Int:
			n, err := whole(part)
			if err != nil {
				return nil
			}
			part = n
		case portal.Text:
			if f.Source.trim {
				part = strings.TrimRight(part, " ")
			}
		}
		out[i] = part
	}
	return out
}

// leadTables are the tables that lead to the feeds, with the columns that are needed of each, in order.
func leadTables(feeds []*Feed) (tables []string, needs map[string][]string) {
	needs = map[string][]string{}
	for _, f := range feeds {
		for _, l := range f.leads {
			needs[l.table] = slices.Compact(slices.Sorted(slices.Values(append(needs[l.table], l.needs()...))))
		}
	}
	return slices.Sorted(maps.Keys(needs)), needs
}

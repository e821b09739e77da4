package jobs

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"extranet/portal"
)

// A shape says where in the select's result each of the mirror's columns lies.
type shape struct {
	names     []string    // of the result
	types     []string    // what the source's database calls them
	kinds     []stampKind // how each tells time
	columns   []int       // of the mirror's columns; -1 = the select has none
	partner   int         // -1 = none
	watermark int         // -1 = none
	missing   []string    // what the select must return and does not
	absent    []string    // what it may return and does not
	ignored   []string    // what it returns and nobody asked for
	doubled   []string    // what it returns twice
}

// A column of a result is its name and what the source's database calls its type.
type column struct{ name, kind string }

func columnsOf(types []*sql.ColumnType) []column {
	columns := make([]column, len(types))
	for i, t := range types {
		columns[i] = column{t.Name(), t.DatabaseTypeName()}
	}
	return columns
}

func (f *Feed) shape(columns []column) shape {
	s := shape{partner: -1, watermark: -1}
	for _, c := range columns {
		s.names = append(s.names, strings.ToLower(c.name))
		s.types = append(s.types, strings.ToUpper(c.kind))
		s.kinds = append(s.kinds, f.Source.dialect.stampKind(s.types[len(s.types)-1]))
	}
	used := map[int]bool{}
	find := func(name string) int {
		i := slices.Index(s.names, strings.ToLower(name))
		used[i] = true
		return i
	}
	for _, c := range f.entity.mirror.Columns {
		name := f.entity.column(c.Name)
		i := find(name)
		s.columns = append(s.columns, i)
		switch {
		case i < 0 && f.options[name].byDefault != nil:
		case i < 0 && c.Required:
			s.missing = append(s.missing, name)
		case i < 0:
			s.absent = append(s.absent, name)
		}
	}
	if f.entity.mirror.Owned {
		if s.partner = find(partnerColumn); s.partner < 0 {
			s.missing = append(s.missing, partnerColumn)
		}
	}
	if f.Watermark != "" {
		if s.watermark = find(f.Watermark); s.watermark < 0 {
			s.missing = append(s.missing, f.Watermark)
		}
	}
	for i, n := range s.names {
		switch first := slices.Index(s.names, n); {
		case first < i && used[first]:
			s.doubled = append(s.doubled, n)
		case !used[i]:
			s.ignored = append(s.ignored, n)
		}
	}
	return s
}

// faults says what keeps the select from being used.
func (s shape) faults(f *Feed) (faults []string) {
	for _, n := range s.missing {
		faults = append(faults, fmt.Sprintf("the select of %s returns no column %s", f.Entity, n))
	}
	for _, n := range s.doubled {
		faults = append(faults, fmt.Sprintf("the select of %s returns the column %s twice", f.Entity, n))
	}
	if s.watermark >= 0 && s.kinds[s.watermark] == noStamp {
		faults = append(faults, fmt.Sprintf("the watermark column %s of %s is of type %s and tells no time", f.Watermark, f.Entity, strings.ToLower(s.types[s.watermark])))
	}
	return faults
}

func (s shape) err(f *Feed) error {
	if faults := s.faults(f); len(faults) > 0 {
		return portal.Errorf(portal.Invalid, "%s", strings.Join(faults, "; "))
	}
	return nil
}

// A converter brings one row after the other into the portal's form, in the same memory.
type converter struct {
	feed    *Feed
	shape   shape
	values  []any
	targets []any // pointers to values
	texts   [][]byte
	out     [][]byte
	keys    []int // of the mirror's columns
	options []valueOptions
}

func newConverter(f *Feed, s shape) *converter {
	m := f.entity.mirror
	c := &converter{feed: f, shape: s, values: make([]any, len(s.names)), targets: make([]any, len(s.names)),
		texts: make([][]byte, len(m.Columns)), out: make([][]byte, len(m.Columns))}
	for i := range c.values {
		c.targets[i] = &c.values[i]
	}
	for _, col := range m.Columns {
		c.options = append(c.options, f.options[f.entity.column(col.Name)])
	}
	for _, k := range m.Key {
		c.keys = append(c.keys, slices.IndexFunc(m.Columns, func(col portal.Column) bool { return col.Name == k }))
	}
	return c
}

// row converts what was scanned last. It is good until the next. stamp is its watermark; zero when it has none.
func (c *converter) row() (row portal.Row, stamp time.Time) {
	var refusals []string
	m := c.feed.entity.mirror
	for i, col := range m.Columns {
		c.out[i] = nil
		at := c.shape.columns[i]
		text, there, err := c.value(i, at, col.Type)
		if !there && err == nil {
			if col.Required {
				refusals = append(refusals, c.feed.entity.column(col.Name)+" is empty and must not be")
			}
			continue
		}
		key := slices.Contains(c.keys, i)
		switch {
		case err != nil:
		case col.OneOf != nil && !slices.Contains(col.OneOf, text):
			err = errors.New("is none of " + strings.Join(col.OneOf, ", "))
		case key && text == "":
			err = errors.New("is empty and must not be")
		case len(text) > limit(col.Name, key):
			err = fmt.Errorf("is longer than %d bytes", limit(col.Name, key))
		}
		if err != nil {
			refusals = append(refusals, fmt.Sprintf("%s: %s %v", c.feed.entity.column(col.Name), c.shown(at), err))
			continue
		}
		c.texts[i] = append(c.texts[i][:0], text...)
		c.out[i] = c.texts[i]
		if c.out[i] == nil {
			c.out[i] = []byte{}
		}
	}
	if c.shape.partner >= 0 {
		partner, err := c.text(c.shape.partner, portal.Text)
		switch {
		case err != nil:
			refusals = append(refusals, fmt.Sprintf("%s: %s %v", partnerColumn, c.shown(c.shape.partner), err))
		case partner == "":
			refusals = append(refusals, partnerColumn+" is empty and must not be")
		default:
			row.Partner = []byte(partner)
		}
	}
	if w := c.shape.watermark; w >= 0 {
		stamp = c.pointInTime(w, c.values[w])
	}
	row.Values = c.out
	if len(refusals) > 0 {
		row.Refusal, row.Raw = strings.Join(refusals, "; "), c.raw()
	}
	return row, stamp
}

// key writes the row's key as quarantine does; "" when a part of it is not known.
func (c *converter) key(row portal.Row) string {
	parts := make([]string, len(c.keys))
	for i, k := range c.keys {
		if row.Values[k] == nil {
			return ""
		}
		parts[i] = string(row.Values[k])
	}
	return keyOf(parts)
}

// prose are the columns in which people write as long as they like. Any other may stand in an index,
// whose entries Postgres limits to 2,704 bytes.
var prose = []string{"comment", "description"}

func limit(column string, key bool) int {
	switch {
	case key:
		return 500
	case slices.Contains(prose, column):
		return 100_000
	}
	return 2000
}

// instant is when the stamp in column at was.
func (c *converter) instant(at int, t time.Time) time.Time {
	if c.shape.kinds[at] == zonedStamp {
		return t.UTC()
	}
	return instant(t, c.feed.Source.zoneOf(c.shape.kinds[at]))
}

// text brings the value of column at into the text form of the type. An error continues a sentence that begins with the value.
func (c *converter) text(at int, to portal.Type) (string, error) {
	v := c.told(at)
	switch to {
	case portal.Int:
		return whole(v)
	case portal.Decimal:
		return exact(v)
	case portal.Day:
		return c.day(at, v)
	case portal.Stamp:
		return c.stamp(at, v)
	case portal.Bool:
		return yesOrNo(v)
	}
	s, err := c.plain(at, v)
	if err == nil && (!utf8.ValidString(s) || strings.ContainsRune(s, 0)) {
		return "", errors.New("is not UTF-8 text")
	}
	if c.feed.Source.trim {
		s = strings.TrimRight(s, " ")
	}
	return s, err
}

func (c *converter) plain(at int, v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case bool:
		return strconv.FormatBool(v), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case time.Time:
		if c.shape.kinds[at] == dayStamp {
			return c.day(at, v)
		}
		return c.stamp(at, v)
	}
	return "", fmt.Errorf("is of the type %T, which is not known here", v)
}

func whole(v any) (string, error) {
	wrong := errors.New("is not a whole number of at most 18 digits")
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			return strconv.FormatInt(int64(v), 10), nil
		}
	case string:
		number, fraction, _ := strings.Cut(strings.TrimSpace(v), ".")
		if n, err := strconv.ParseInt(number, 10, 64); err == nil && strings.Trim(fraction, "0") == "" {
			return strconv.FormatInt(n, 10), nil
		}
	}
	return "", wrong
}

func exact(v any) (string, error) {
	wrong := errors.New("is not a decimal number")
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			return strconv.FormatFloat(v, 'f', -1, 64), nil
		}
	case string:
		v = strings.TrimSpace(v)
		if len(v) > 300 {
			return "", wrong
		}
		if isPlainDecimal(v) {
			return v, nil
		}
		if d, err := decimal.NewFromString(v); err == nil && d.Exponent() > -300 && d.Exponent() < 300 {
			return d.String(), nil
		}
	}
	return "", wrong
}

func isPlainDecimal(s string) bool {
	s = strings.TrimPrefix(s, "-")
	digits, points := 0, 0
	for i := range len(s) {
		switch {
		case s[i] >= '0' && s[i] <= '9':
			digits++
		case s[i] == '.':
			points++
		default:
			return false
		}
	}
	return digits > 0 && points <= 1
}

func (c *converter) day(at int, v any) (string, error) {
	switch v := v.(type) {
	case time.Time:
		if c.shape.kinds[at] == zonedStamp {
			v = v.In(c.feed.Source.zone)
		}
		if c.shape.kinds[at] == sessionStamp {
			v = c.instant(at, v).In(c.feed.Source.zone)
		}
		if v.Year() >= 1 && v.Year() <= 9999 {
			return v.Format(time.DateOnly), nil
		}
	case string:
		v = strings.TrimSpace(v)
		if c.shape.kinds[at] == sessionStamp {
			if t := c.stampText(at, v); !t.IsZero() {
				return t.In(c.feed.Source.zone).Format(time.DateOnly), nil
			}
		}
		day, rest := v[:min(10, len(v))], v[min(10, len(v)):]
		if t, err := time.Parse(time.DateOnly, day); err == nil && t.Year() >= 1 && (rest == "" || rest[0] == ' ' || rest[0] == 'T') {
			return day, nil
		}
	}
	return "", errors.New("is not a day of the years 1 to 9999")
}

func (c *converter) stamp(at int, v any) (string, error) {
	t := c.pointInTime(at, v)
	if t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return "", errors.New("is not a point in time of the years 1 to 9999")
	}
	return t.UTC().Format("2006-01-02T15:04:05.999999Z"), nil
}

// pointInTime is when the value of column at was; zero when it tells no time.
func (c *converter) pointInTime(at int, v any) time.Time {
	switch v := v.(type) {
	case time.Time:
		return c.instant(at, v)
	case []byte:
		return c.stampText(at, string(v))
	case string:
		return c.stampText(at, strings.TrimSpace(v))
	}
	return time.Time{}
}

func (c *converter) stampText(at int, s string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z07"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	for _, layout := range []string{"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", time.DateOnly} {
		if layout == time.DateOnly && c.shape.kinds[at] != dayStamp {
			break
		}
		if t, err := time.Parse(layout, s); err == nil {
			return instant(t, c.feed.Source.zoneOf(c.shape.kinds[at]))
		}
	}
	return time.Time{}
}

func yesOrNo(v any) (string, error) {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v), nil
	case int64:
		if v == 0 || v == 1 {
			return strconv.FormatBool(v == 1), nil
		}
	case string:
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "t", "true", "y", "yes", "1":
			return "true", nil
		case "f", "false", "n", "no", "0":
			return "false", nil
		}
	}
	return "", errors.New("is neither yes nor no; allowed: true, false, 1, 0, Y, N")
}

// shown is the value of column at as people are told of it.
func (c *converter) shown(at int) string {
	s := strings.ToValidUTF8(c.source(at), "\uFFFD")
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return strconv.Quote(s)
}

// source is the value of column at as the source wrote it, or near to that.
func (c *converter) source(at int) string {
	switch v := c.values[at].(type) {
	case nil:
		return ""
	case []byte:
		return string(v)
	case time.Time:
		if c.shape.kinds[at] == dayStamp {
			return v.Format(time.DateOnly)
		}
		return v.Format("2006-01-02 15:04:05.999999999Z07:00")
	default:
		return fmt.Sprint(v)
	}
}

// raw is the row as the source gave it, as JSON.
func (c *converter) raw() string {
	all := make(map[string]*string, len(c.values))
	for i, n := range c.shape.names {
		if c.values[i] == nil {
			all[n] = nil
			continue
		}
		s := strings.ReplaceAll(strings.ToValidUTF8(c.source(i), "\uFFFD"), "\x00", "\uFFFD")
		if len(s) > 1000 {
			s = strings.ToValidUTF8(s[:1000], "") + "…"
		}
		all[n] = &s
	}
	b, _ := json.Marshal(all)
	return string(b)
}

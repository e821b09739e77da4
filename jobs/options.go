package jobs

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"extranet/portal"
)

// valueOptions are what the mapping says of one column's values.
type valueOptions struct {
	byDefault *string           // stands for a value that is missing
	translate map[string]string // the core's codes with the portal's values; "*" = any other code
	round     int32             // decimal places
	rounds    bool
}

// value is the value for the mirror's column i in its text form; the select has it in its column at, or not at all when that is negative.
func (c *converter) value(i, at int, to portal.Type) (text string, there bool, err error) {
	o := c.options[i]
	there = at >= 0 && !c.empty(at)
	switch {
	case !there && o.byDefault != nil:
		return *o.byDefault, true, nil
	case !there:
		return "", false, nil
	case o.translate != nil:
		text, err = c.translated(at, o)
	default:
		text, err = c.text(at, to)
	}
	if err == nil && o.rounds {
		var d decimal.Decimal
		if d, err = decimal.NewFromString(text); err == nil {
			text = d.Round(o.round).String()
		}
	}
	return text, true, err
}

// empty reports whether the column at holds nothing, as far as the source goes.
func (c *converter) empty(at int) bool {
	v := c.values[at]
	if v == nil {
		return true
	}
	s := c.feed.Source
	if !s.emptyAsNull && !s.zeroDates {
		return false
	}
	var text string
	switch v := v.(type) {
	case string:
		text = v
	case []byte:
		text = string(v)
	default:
		return false
	}
	return s.emptyAsNull && strings.Trim(text, " ") == "" || s.zeroDates && c.shape.kinds[at] != noStamp && strings.HasPrefix(text, "0000-00-00")
}

// told is the value of column at, as one of the types that values are read from.
func (c *converter) told(at int) any {
	v := c.values[at]
	if plain := c.feed.Source.dialect.plain; plain != nil {
		v = plain(c.shape.types[at], v)
	}
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return v
}

// translated is the portal's value for the core's code in column at.
func (c *converter) translated(at int, o valueOptions) (string, error) {
	code, err := c.text(at, portal.Text)
	if err != nil {
		return "", err
	}
	code = strings.TrimSpace(code)
	if value, ok := o.translate[code]; ok {
		return value, nil
	}
	if value, ok := o.translate[otherCodes]; ok {
		return value, nil
	}
	return "", errors.New("is none of the codes that translate knows: " + strings.Join(slices.SortedFunc(maps.Keys(o.translate), byNumber), ", "))
}

// otherCodes stands for every code that translate does not name.
const otherCodes = "*"

// byNumber orders numbers as such, and after them what is none.
func byNumber(a, b string) int {
	x, notX := strconv.ParseFloat(a, 64)
	y, notY := strconv.ParseFloat(b, 64)
	if notX != nil || notY != nil {
		return cmp.Or(cmp.Compare(asInt(notX != nil), asInt(notY != nil)), cmp.Compare(a, b))
	}
	return cmp.Compare(x, y)
}

func asInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sourceOptions reads what a source says of its values.
func (p *mappingParser) sourceOptions(s *Source, by map[string]entry) {
	s.zone = p.zone(by, "time_zone")
	s.session = p.zone(by, "session_time_zone")
	s.trim = p.choice(by, "trim", "true", "false") != "false"
	s.emptyAsNull = p.choice(by, "empty_as_null", "false", "true") == "true"
	s.zeroDates = p.choice(by, "zero_dates", "null", "refuse") == "null" && s.Driver == "mysql"
	if e, said := by["slot_limit"]; said {
		if s.slotLimit = sizeOf(p.text(by, "slot_limit")); s.slotLimit <= 0 || s.slotLimit < 64<<20 {
			p.faultf(e.line, "slot_limit: %q is not a size of 64MB or more; write it like 500MB, 4GB or 1TB", p.text(by, "slot_limit"))
		}
		if s.Driver != "postgres" {
			p.faultf(e.line, "slot_limit is for driver: postgres")
		}
	}
	for _, key := range []string{"session_time_zone", "zero_dates"} {
		if e, said := by[key]; said && s.Driver != "mysql" {
			p.faultf(e.line, "%s is for driver: mysql", key)
		}
	}
}

// sizeOf reads a size like 500MB; 0 when it is none.
func sizeOf(text string) int64 {
	for _, s := range sizes {
		if digits, ok := strings.CutSuffix(strings.ToUpper(text), s.unit); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 32)
			if err != nil {
				return 0
			}
			return n * s.bytes
		}
	}
	return 0
}

func (p *mappingParser) zone(by map[string]entry, key string) *time.Location {
	name := p.text(by, key)
	if name == "" {
		return time.UTC
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		p.faultf(by[key].line, "%s: %q is not known; write an IANA name like Europe/Paris or UTC", key, name)
		return time.UTC
	}
	return zone
}

// choice is one of the allowed values, the first when the key is absent.
func (p *mappingParser) choice(by map[string]entry, key string, allowed ...string) string {
	// YAML calls null what zero_dates calls so.
	if e, said := by[key]; said && e.value.GetToken().Value == "null" && slices.Contains(allowed, "null") {
		return "null"
	}
	v := p.text(by, key)
	if v == "" || slices.Contains(allowed, v) {
		return cmp.Or(v, allowed[0])
	}
	p.faultf(by[key].line, "%s: %q is not allowed; allowed: %s", key, v, strings.Join(allowed, ", "))
	return allowed[0]
}

// feedOptions reads what an entity says of its columns' values.
func (p *mappingParser) feedOptions(f *Feed, by map[string]entry) {
	f.options = map[string]valueOptions{}
	columns := map[string]portal.Column{}
	for _, c := range f.entity.mirror.Columns {
		columns[f.entity.column(c.Name)] = c
	}
	each := func(key, wants string, take func(e entry, c portal.Column, o *valueOptions)) {
		said, ok := by[key]
		if !ok {
			return
		}
		for _, e := range p.named(said, key, wants) {
			c, ok := columns[e.key]
			if !ok {
				names := slices.Sorted(maps.Keys(columns))
				p.faultf(e.line, "%s: %s has no column %q; %sallowed: %s", key, f.Entity, e.key, meant(e.key, names), strings.Join(names, ", "))
				continue
			}
			o := f.options[e.key]
			take(e, c, &o)
			f.options[e.key] = o
		}
	}
	each("defaults", "columns with the values for where there is none", func(e entry, c portal.Column, o *valueOptions) {
		if slices.Contains(f.entity.mirror.Key, c.Name) {
			p.faultf(e.line, "defaults: %s is part of the key and cannot have one value for all", e.key)
			return
		}
		value := p.text(map[string]entry{e.key: e}, e.key)
		p.fitting(e, "defaults", value, c)
		o.byDefault = &value
	})
	each("translate", "columns, each with the core's codes and the portal's values for them", func(e entry, c portal.Column, o *valueOptions) {
		o.translate = map[string]string{}
		for _, code := range p.named(e, "translate: "+e.key, "the core's codes with the portal's values") {
			value := p.text(map[string]entry{code.key: code}, code.key)
			p.fitting(code, "translate: "+e.key, value, c)
			o.translate[strings.TrimSpace(code.key)] = value
		}
	})
	each("round", "columns with their decimal places", func(e entry, c portal.Column, o *valueOptions) {
		n, err := strconv.Atoi(p.text(map[string]entry{e.key: e}, e.key))
		switch {
		case c.Type != portal.Decimal:
			p.faultf(e.line, "round: %s is a %s; only decimal numbers are rounded", e.key, c.Type)
		case err != nil || n < 0 || n > 9:
			p.faultf(e.line, "round: %s: decimal places are a whole number from 0 to 9", e.key)
		default:
			o.round, o.rounds = int32(n), true
		}
	})
}

// fitting adds a fault when the value that the mapping gives is none for the column.
func (p *mappingParser) fitting(e entry, key, value string, c portal.Column) {
	var err error
	switch c.Type {
	case portal.Int:
		_, err = whole(value)
	case portal.Decimal:
		_, err = exact(value)
	case portal.Bool:
		if value != "true" && value != "false" {
			err = errors.New("is neither yes nor no; allowed: true, false")
		}
	case portal.Day:
		if _, wrong := time.Parse(time.DateOnly, value); wrong != nil {
			err = errors.New("is not a day; write it like 2026-01-31")
		}
	case portal.Stamp:
		if _, wrong := time.Parse(time.RFC3339, value); wrong != nil {
			err = errors.New("is not a point in time; write it like 2026-01-31T12:00:00Z")
		}
	}
	if c.OneOf != nil && !slices.Contains(c.OneOf, value) {
		err = fmt.Errorf("is none of %s", strings.Join(c.OneOf, ", "))
	}
	if err != nil {
		p.faultf(e.line, "%s: %q %v", key, value, err)
	}
}

// valuesText tells what becomes of values; "" when they stay as they are.
func (f *Feed) valuesText() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f.options)) {
		o := f.options[name]
		fmt.Fprintf(&b, "%q", name)
		if o.byDefault != nil {
			fmt.Fprintf(&b, " default %q", *o.byDefault)
		}
		for _, code := range slices.Sorted(maps.Keys(o.translate)) {
			fmt.Fprintf(&b, " %q %q", code, o.translate[code])
		}
		if o.rounds {
			fmt.Fprintf(&b, " round %d", o.round)
		}
	}
	return b.String()
}

// optionsText tells the options that change what rows become, for the mapping's hash; "" when there are none.
func (f *Feed) optionsText() string {
	var b strings.Builder
	b.WriteString(f.valuesText())
	if s := f.Source; s.emptyAsNull || s.session != time.UTC || s.Driver == "mysql" && !s.zeroDates {
		fmt.Fprintf(&b, " source %t %s %t", s.emptyAsNull, s.session, s.zeroDates)
	}
	if f.Where != "" {
		fmt.Fprintf(&b, " where %q", f.Where)
	}
	return b.String()
}

// filtersBy reports whether the column's name occurs in the entity's condition.
func (f *Feed) filtersBy(column string) bool {
	for i := 0; i < len(f.Where); {
		n, _ := token(f.Where[i:])
		if strings.EqualFold(strings.Trim(f.Where[i:i+n], "\"`[]"), column) {
			return true
		}
		i += n
	}
	return false
}

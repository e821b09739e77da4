package jobs

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"extranet/portal"
)

// A Mapping connects the host's core databases to the portal.
type Mapping struct {
	Name     string // of the file
	Sources  []*Source
	Feeds    []*Feed    // in the order of a first load; what is not mapped is not offered
	Commands []*Command // that are delivered; the host takes others over by hand
}

// A Feed says how one entity is read from its source.
type Feed struct {
	Entity     string
	Source     *Source
	Way        string        // Snapshot or Watermark
	Watermark  string        // column of the select that says when a row last changed
	Overlap    time.Duration // how far behind the watermark a pass begins, for transactions that commit late
	Every      time.Duration // between passes; whole seconds
	FullEvery  time.Duration // between passes that read everything, to find what is gone
	StaleAfter time.Duration // data older than this is shown as stale; whole seconds
	Select     string        // without a closing semicolon
	Where      string        // on the select's columns: rows for which it is not true are none of the portal's; "" = all are
	Reconcile  time.Duration // into the day, in the source's zone, when everything is compared with the core
	Hash       string        // changes with whatever changes the rows that are read

	parts map[string]string // of what the hash is made, in a person's words

	entity     entity
	options    map[string]valueOptions   // by the select's names of columns
	leads      []lead                    // of a feed that goes by marks or logical
	reconciles bool                      // at Reconcile
	described  atomic.Pointer[described] // once it is known
}

// Ways of noticing what changed in the core.
const (
	Snapshot  = "snapshot"  // read everything, compare; what is absent is gone
	Watermark = "watermark" // read what has a newer change stamp
	Marks     = "marks"     // read what the core's own triggers have marked
	Logical   = "logical"   // read what a logical slot of a Postgres says has changed
)

// Feed returns the feed of the entity; nil when it is not mapped.
func (m *Mapping) Feed(entity string) *Feed {
	for _, f := range m.Feeds {
		if f.Entity == entity {
			return f
		}
	}
	return nil
}

// Close closes the connections to every source.
func (m *Mapping) Close() error {
	var errs []error
	for _, s := range m.Sources {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

// offers lists the feeds as the portal's database keeps them.
func (m *Mapping) offers() []portal.Mapped {
	offers := make([]portal.Mapped, len(m.Feeds))
	for i, f := range m.Feeds {
		offers[i] = f.offer()
	}
	return offers
}

func (f *Feed) offer() portal.Mapped {
	return portal.Mapped{Feed: portal.Feed{Entity: f.Entity, Source: f.Source.Name, Way: f.Way, EveryS: int(f.Every.Seconds()), StaleAfterS: int(f.StaleAfter.Seconds()), MappingHash: f.Hash}, Mirror: f.entity.mirror, Parts: f.parts}
}

// LoadMapping reads a mapping file; ${NAME} in it is taken from the environment.
func LoadMapping(path string) (*Mapping, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the mapping: %w", err)
	}
	return ParseMapping(path, text, os.LookupEnv)
}

// ParseMapping reads a mapping. It connects to nothing. An error is Invalid and lists every fault on a line
// of its own: file:line: what is wrong; what is allowed.
func ParseMapping(name string, text []byte, env func(string) (string, bool)) (*Mapping, error) {
	p := &mappingParser{name: name, env: env}
	m := p.parse(text)
	if len(p.faults) > 0 {
		slices.SortStableFunc(p.faults, func(a, b fault) int { return cmp.Compare(a.line, b.line) })
		lines := make([]string, len(p.faults))
		for i, f := range p.faults {
			lines[i] = fmt.Sprintf("%s:%d: %s", name, f.line, f.what)
		}
		m.Close()
		return nil, portal.Errorf(portal.Invalid, "%s", strings.Join(lines, "\n"))
	}
	return m, nil
}

type fault struct {
	line int
	what string
}

type mappingParser struct {
	name   string
	env    func(string) (string, bool)
	faults []fault
}

func (p *mappingParser) faultf(line int, format string, a ...any) {
	p.faults = append(p.faults, fault{line, fmt.Sprintf(format, a...)})
}

// entry is one key of a YAML mapping with its value.
type entry struct {
	key   string
	line  int
	value ast.Node
}

func (p *mappingParser) parse(text []byte) *Mapping {
	m := &Mapping{Name: p.name}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		if e, ok := errors.AsType[yaml.Error](err); ok && e.GetToken() != nil {
			p.faultf(e.GetToken().Position.Line, "this is not YAML: %s", e.GetMessage())
		} else {
			p.faultf(1, "this is not YAML: %v", err)
		}
		return m
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		p.faultf(1, "the file is empty; sources and entities are needed")
		return m
	}
	if len(file.Docs) > 1 {
		p.faultf(file.Docs[1].Body.GetToken().Position.Line, "there is a second document; one is allowed")
	}
	top := p.entries(file.Docs[0].Body, "the file", keyNames(fileKeys)...)
	if e, ok := top["sources"]; ok {
		for _, s := range p.named(e, "sources", "a name for each source") {
			if s := p.source(s); s != nil {
				m.Sources = append(m.Sources, s)
			}
		}
	} else {
		p.faultf(1, "sources is missing; it says where the core's databases are")
	}
	e, ok := top["entities"]
	if !ok {
		p.faultf(1, "entities is missing; it says how each entity is read: %s", strings.Join(entityNames(), ", "))
		return m
	}
	for _, f := range p.named(e, "entities", strings.Join(entityNames(), ", ")) {
		p.feed(m, f)
	}
	if c, ok := top["commands"]; ok {
		for _, c := range p.named(c, "commands", strings.Join(commandNames(), ", ")) {
			p.command(m, c)
		}
	}
	slices.SortFunc(m.Feeds, func(a, b *Feed) int {
		return cmp.Compare(slices.Index(entityNames(), a.Entity), slices.Index(entityNames(), b.Entity))
	})
	return m
}

// list returns the entries of a YAML mapping in their order; nil, with a fault, when n is something else.
func (p *mappingParser) list(n ast.Node, line int, what string) (list []entry) {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		p.faultf(line, "%s must hold keys with values", what)
		return nil
	}
	for _, v := range m.Values {
		t := v.Key.GetToken()
		list = append(list, entry{key: t.Value, line: t.Position.Line, value: v.Value})
	}
	return list
}

func (p *mappingParser) named(e entry, what, wants string) []entry {
	if _, empty := e.value.(*ast.NullNode); empty {
		p.faultf(e.line, "%s is empty; it wants %s", what, wants)
		return nil
	}
	return p.list(e.value, e.line, what)
}

// entries returns the entries of a YAML mapping by key. Keys other than allowed are faults.
func (p *mappingParser) entries(n ast.Node, what string, allowed ...string) map[string]entry {
	by := map[string]entry{}
	for _, e := range p.list(n, n.GetToken().Position.Line, what) {
		if !slices.Contains(allowed, e.key) {
			p.faultf(e.line, "%s has no key %q; %sallowed: %s", what, e.key, meant(e.key, allowed), strings.Join(allowed, ", "))
			continue
		}
		by[e.key] = e
	}
	return by
}

func meant(word string, names []string) string {
	if n := nearest(word, names); n != "" {
		return fmt.Sprintf("is it %s? ", n)
	}
	return ""
}

// text returns the entry's scalar value, "" when it is absent or, with a fault, something else.
func (p *mappingParser) text(by map[string]entry, key string) string {
	e, ok := by[key]
	if !ok {
		return ""
	}
	switch n := e.value.(type) {
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.NullNode:
		p.faultf(e.line, "%s has no value", key)
		delete(by, key)
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value
	default:
		p.faultf(e.line, "%s must be a plain text", key)
		delete(by, key)
	}
	return ""
}

var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

// expanded is text with every ${NAME} taken from the environment; ok only without a fault.
func (p *mappingParser) expanded(by map[string]entry, key string) (s string, ok bool) {
	ok = true
	s = variable.ReplaceAllStringFunc(p.text(by, key), func(v string) string {
		name := v[2 : len(v)-1]
		value, set := p.env(name)
		if !set || value == "" {
			p.faultf(by[key].line, "the environment variable %s is not set", name)
			ok = false
		}
		return value
	})
	return s, ok && s != ""
}

func (p *mappingParser) duration(by map[string]entry, key string, least, otherwise time.Duration) time.Duration {
	s := p.text(by, key)
	e, ok := by[key]
	if !ok {
		return otherwise
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		p.faultf(e.line, "%s: %q is not a duration; write it like 30s, 5m or 24h", key, s)
	case d < least:
		p.faultf(e.line, "%s: %s is too short; %s is the least", key, s, least)
	case d%time.Second != 0:
		p.faultf(e.line, "%s: %s is not in whole seconds", key, s)
	default:
		return d
	}
	return otherwise
}

func (p *mappingParser) source(e entry) *Source {
	what := "source " + e.key
	by := p.entries(e.value, what, keyNames(sourceKeys)...)
	s := newSource(e.key, p.text(by, "driver"))
	drivers := driverNames()
	d, known := dialects[s.Driver]
	if _, said := by["driver"]; !said {
		p.faultf(e.line, "%s says no driver; allowed: %s", what, strings.Join(drivers, ", "))
	} else if !known {
		p.faultf(by["driver"].line, "driver: %q is not known; allowed: %s", s.Driver, strings.Join(drivers, ", "))
	}
	p.sourceOptions(s, by)
	url, ok := p.url(by, e, what)
	if !ok || !known {
		return s
	}
	if err := s.open(d, url); err != nil {
		key := "url"
		if _, said := by[key]; !said {
			key = "url_file"
		}
		// The driver's words may repeat the URL, and with it the password.
		p.faultf(by[key].line, "%s cannot be read as the address of a %s database; write it like %s", key, s.Driver, d.example)
		return s
	}
	return s
}

func (p *mappingParser) url(by map[string]entry, e entry, what string) (url string, ok bool) {
	_, direct := by["url"]
	_, file := by["url_file"]
	switch {
	case direct && file:
		p.faultf(by["url_file"].line, "%s has both url and url_file; one is allowed", what)
	case direct:
		return p.expanded(by, "url")
	case file:
		path, ok := p.expanded(by, "url_file")
		if !ok {
			return "", false
		}
		b, err := os.ReadFile(path)
		if err != nil {
			p.faultf(by["url_file"].line, "url_file: %v", err)
			return "", false
		}
		return strings.TrimSpace(string(b)), true
	default:
		p.faultf(e.line, "%s says no url; write url: ${NAME} to take it from the environment, or url_file: PATH", what)
	}
	return "", false
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (p *mappingParser) feed(m *Mapping, e entry) {
	known, ok := entityNamed(e.key)
	if !ok {
		p.faultf(e.line, "there is no entity %q; %sallowed: %s", e.key, meant(e.key, entityNames()), strings.Join(entityNames(), ", "))
		return
	}
	what := "entity " + e.key
	if _, empty := e.value.(*ast.NullNode); empty {
		p.faultf(e.line, "%s is empty; it wants a select", what)
		return
	}
	by := p.entries(e.value, what, keyNames(entityKeys)...)
	f := &Feed{Entity: e.key, entity: known, Way: cmp.Or(p.text(by, "way"), Snapshot), Watermark: p.text(by, "watermark")}
	f.Source = p.itsSource(m, by, e, what)
	watermarked := f.Way == Watermark
	switch {
	case !slices.Contains([]string{Snapshot, Watermark, Marks, Logical}, f.Way):
		p.faultf(by["way"].line, "way: %q is not known; allowed: %s, %s, %s, %s", f.Way, Snapshot, Watermark, Marks, Logical)
	case f.Way == Logical && f.Source != nil && f.Source.Driver != "postgres":
		p.faultf(by["way"].line, "way: only a Postgres has a logical slot; take %s", Marks)
	case watermarked && f.Watermark == "":
		p.faultf(e.line, "%s goes by watermark and names no column of its select: write watermark: COLUMN", what)
	case watermarked && !identifier.MatchString(f.Watermark):
		p.faultf(by["watermark"].line, "watermark: %q is not the name of a column; letters, digits and _ are allowed", f.Watermark)
	case f.Way == Snapshot:
		for _, key := range []string{"watermark", "overlap", "full_every", "reconcile"} {
			if o, said := by[key]; said {
				p.faultf(o.line, "%s is for way: watermark; %s is read whole at each pass", key, e.key)
			}
		}
	}
	f.Overlap = p.duration(by, "overlap", 0, time.Minute)
	f.Every = p.duration(by, "every", time.Second, time.Minute)
	f.FullEvery = p.duration(by, "full_every", time.Minute, 24*time.Hour)
	f.StaleAfter = p.duration(by, "stale_after", f.Every, max(3*f.Every, time.Minute))

	p.leads(f, by, e)
	said, ok := by["select"]
	text := p.text(by, "select")
	if !ok {
		p.faultf(e.line, "%s has no select", what)
	} else if f.Select, ok = bareSelect(text); !ok && text != "" {
		p.faultf(said.line, "select of %s must be one statement that begins with SELECT or WITH", e.key)
	}
	p.feedOptions(f, by)
	f.Where = p.condition(by, "where")
	if f.Source == nil {
		return
	}
	h := sha256.New()
	ways := fmt.Sprintf("%q %q", f.Way, f.Watermark)
	for _, l := range f.leads {
		fmt.Fprintf(h, "%q %q %q", l.table, l.columns, l.query)
		ways += fmt.Sprintf(" %q %q %q", l.table, l.columns, l.query)
	}
	f.parts = map[string]string{}
	for part, says := range map[string]string{"source": fmt.Sprintf("%q %q %q %t %t %s %t", f.Source.Driver, f.Source.Where, f.Source.zone, f.Source.trim, f.Source.emptyAsNull, f.Source.session, f.Source.zeroDates),
		"way": ways, "select": f.Select, "where": f.Where, "values (defaults, translate, round)": f.valuesText()} {
		sum := sha256.Sum256([]byte(says))
		f.parts[part] = hex.EncodeToString(sum[:8])
	}
	fmt.Fprintf(h, "%q %q %q %t %q %q %q", f.Source.Driver, f.Source.Where, f.Source.zone, f.Source.trim, f.Way, f.Watermark, f.Select)
	io.WriteString(h, f.optionsText())
	f.Hash = hex.EncodeToString(h.Sum(nil)[:16])
	m.Feeds = append(m.Feeds, f)
}

// itsSource is the source that an entity or command names, or the only one; nil, with a fault, when there is none.
func (p *mappingParser) itsSource(m *Mapping, by map[string]entry, e entry, what string) *Source {
	names := make([]string, len(m.Sources))
	for i, s := range m.Sources {
		names[i] = s.Name
	}
	name := p.text(by, "source")
	switch i := slices.Index(names, name); {
	case i >= 0:
		return m.Sources[i]
	case name != "":
		p.faultf(by["source"].line, "there is no source %q; allowed: %s", name, strings.Join(names, ", "))
	case len(names) == 1:
		return m.Sources[0]
	case len(names) > 1:
		p.faultf(e.line, "%s says no source; allowed: %s", what, strings.Join(names, ", "))
	}
	return nil
}

// bareSelect cuts the semicolon and the comments that close a statement. It is not ok for anything but one SELECT.
func bareSelect(text string) (bare string, ok bool) {
	first, end, closed := "", 0, false
	for i := 0; i < len(text); {
		n, kind := token(text[i:])
		switch {
		case kind == spaceToken:
		case closed:
			if text[i] != ';' {
				return "", false // a second statement
			}
		case text[i] == ';':
			closed = true
		default:
			if first == "" && text[i] != '(' {
				first = strings.ToUpper(text[i : i+n])
			}
			end = i + n
		}
		i += n
	}
	return strings.TrimSpace(text[:end]), first == "SELECT" || first == "WITH"
}

// condition is a condition of SQL that ends where it ends, so that others can stand beside it.
func (p *mappingParser) condition(by map[string]entry, key string) string {
	text := strings.TrimSpace(p.text(by, key))
	depth, whole := 0, true
	for i := 0; i < len(text); {
		n, kind := token(text[i:])
		switch {
		case strings.HasPrefix(text[i:], "--"), text[i] == ';':
			whole = false
		case kind == otherToken && text[i] == '(':
			depth++
		case kind == otherToken && text[i] == ')':
			depth--
			whole = whole && depth >= 0
		}
		i += n
	}
	if !whole || depth != 0 {
		p.faultf(by[key].line, "%s must be one condition on the select's columns, with as many brackets opened as closed, and neither ; nor --", key)
		return ""
	}
	return text
}

const (
	spaceToken = iota // blanks and comments
	otherToken        // words, quoted text, signs
)

var (
	word   = regexp.MustCompile(`^[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*`)
	dollar = regexp.MustCompile(`^\$([A-Za-z_][A-Za-z0-9_]*)?\$`)
)

// token returns the length and kind of the piece of SQL that s begins with.
func token(s string) (n, kind int) {
	through := func(from int, end string) int {
		if i := strings.Index(s[from:], end); i >= 0 {
			return from + i + len(end)
		}
		return len(s)
	}
	switch {
	case strings.HasPrefix(s, "--"):
		return through(2, "\n"), spaceToken
	case strings.HasPrefix(s, "/*"):
		return through(2, "*/"), spaceToken
	case s[0] == ' ' || s[0] == '\t' || s[0] == '\n' || s[0] == '\r':
		return 1, spaceToken
	case s[0] == '\'' || s[0] == '"' || s[0] == '`':
		return through(1, s[:1]), otherToken
	}
	if tag := dollar.FindString(s); tag != "" {
		return through(len(tag), tag), otherToken
	}
	return max(1, len(word.FindString(s))), otherToken
}

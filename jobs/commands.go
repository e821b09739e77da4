package jobs

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"extranet/portal"
)

// A commandHandler is what the portal does when the core has answered a command.
type commandHandler struct {
	name    string              // as its capability posts it
	values  []string            // the parameters that its capability gives
	lists   map[string][]string // those of values that hold a JSON list of objects, with their members
	returns []string            // what the core may give back, like the number of the order it made

	// done runs in the transaction that records that the core has the command. What the core did not give back is not in returned,
	// which is empty when the host's staff took the command over by hand. nil = nothing to do.
	done func(ctx context.Context, tx *portal.Tx, c portal.Sent, returned map[string]string) error
	// refused runs in the transaction that records that the core does not take the command; why is in words for the partner. nil = nothing to do.
	refused func(ctx context.Context, tx *portal.Tx, c portal.Sent, why string) error
}

// commandHandlers are all commands that capabilities post.
var commandHandlers = slices.Concat(orderCommands, claimCommands, purchasingCommands, billingCommands, supplyCommands, forecastCommands, noticeCommands)

func commandNames() []string {
	names := make([]string, len(commandHandlers))
	for i, h := range commandHandlers {
		names[i] = h.name
	}
	return names
}

func commandNamed(name string) (commandHandler, bool) {
	i := slices.Index(commandNames(), name)
	if i < 0 {
		return commandHandler{}, false
	}
	return commandHandlers[i], true
}

// A Command says how one kind of decision is delivered to its source.
type Command struct {
	Name   string
	Source *Source

	steps    []step
	doneWhen *step    // a select by the key that finds what the core already has; nil = none
	returns  []string // columns of the last statement, or of doneWhen
	byTable  bool     // the keys of what was delivered are kept in deliveredTable; else the statements themselves take a key up once
	noRow    string   // why it is refused when the last statement touches no row; "" = that is no refusal
	refusals map[string]string
	handler  commandHandler
}

// A step is one statement of a command.
type step struct {
	template
	each string // the value that holds a JSON list, for each object of which the statement runs; "" = it runs once
	line int
}

// A template is a statement with named parameters.
type template struct {
	pieces []string // of text around the parameters
	names  []string // one fewer
}

// Parameters that every command has.
const (
	keyParameter      = "idempotency_key" // the command's uuid
	partnerParameter  = "partner"         // the partner's account number
	documentParameter = "document"        // what the command is about, like orders/4711
	timeParameter     = "at"              // when the partner decided, on the clock of the source's zone
)

var everyCommand = []string{keyParameter, partnerParameter, documentParameter, timeParameter}

// parameter is a name after a colon; two colons are a cast.
var parameter = regexp.MustCompile(`^:[A-Za-z_][A-Za-z0-9_]*`)

// parseTemplate finds the parameters of a statement, outside of quotes and comments. It is not ok for more than one statement.
func parseTemplate(text string) (t template, ok bool) {
	at, end, closed := 0, 0, false
	for i := 0; i < len(text); {
		n, kind := token(text[i:])
		name := parameter.FindString(text[i:])
		switch {
		case kind == spaceToken:
		case closed && text[i] != ';':
			return t, false
		case text[i] == ';':
			closed = true
		case strings.HasPrefix(text[i:], "::"):
			n, end = 2, i+2
		case name != "":
			n = len(name)
			t.pieces, t.names = append(t.pieces, text[at:i]), append(t.names, name[1:])
			at, end = i+n, i+n
		default:
			end = i + n
		}
		i += n
	}
	t.pieces = append(t.pieces, text[at:max(at, end)])
	return t, end > 0
}

// bound is the statement with a placeholder for each parameter.
func (t template) bound(placeholder func(int) string) string {
	var b strings.Builder
	for i, piece := range t.pieces {
		if i > 0 {
			b.WriteString(placeholder(i))
		}
		b.WriteString(piece)
	}
	return b.String()
}

// Command returns how commands of the name are delivered; nil when the mapping does not say.
func (m *Mapping) Command(name string) *Command {
	for _, c := range m.Commands {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// carries lists the commands that the mapping delivers, each with its source, as the portal's database keeps them.
func (m *Mapping) carries() map[string]string {
	sources := map[string]string{}
	for _, c := range m.Commands {
		sources[c.Name] = c.Source.Name
	}
	return sources
}

// defaultRefusals say which errors of a core are its last word on a command, by SQLSTATE or its class, and in which words the partner hears of it.
// "" = in the core's own, for it raised the error for that.
var defaultRefusals = map[string]string{
	"P0001": "",
	"45000": "",
	"22":    "The host's system does not accept these values.",
	"23":    "The host's system does not accept these values.",
}

func (p *mappingParser) command(m *Mapping, e entry) {
	handler, ok := commandNamed(e.key)
	if !ok {
		p.faultf(e.line, "there is no command %q; %sallowed: %s", e.key, meant(e.key, commandNames()), strings.Join(commandNames(), ", "))
		return
	}
	what := "command " + e.key
	if _, empty := e.value.(*ast.NullNode); empty {
		p.faultf(e.line, "%s is empty; it wants a statement", what)
		return
	}
	by := p.entries(e.value, what, keyNames(commandKeys)...)
	c := &Command{Name: e.key, Source: p.itsSource(m, by, e, what), handler: handler, refusals: maps.Clone(defaultRefusals)}
	c.steps = p.steps(by, e, what)
	c.noRow = p.text(by, "no_row")
	switch once := cmp.Or(p.text(by, "once"), "table"); once {
	case "table":
		c.byTable = true
		if w, said := by["done_when"]; said {
			p.faultf(w.line, "done_when is for once: statement; else the table %s says what the core already has", deliveredTable)
		}
	case "statement":
		used := slices.ContainsFunc(c.steps, func(s step) bool { return slices.Contains(s.names, keyParameter) })
		if !used && len(c.steps) > 0 {
			p.faultf(by["once"].line, "%s is to be taken up once by its own statement, and none holds :%s: write the key into a unique column", what, keyParameter)
		}
	default:
		p.faultf(by["once"].line, "once: %q is not known; allowed: table, statement", once)
	}
	if w, said := by["done_when"]; said {
		text, ok := bareSelect(p.text(by, "done_when"))
		t, whole := parseTemplate(text)
		switch {
		case !ok || !whole:
			p.faultf(w.line, "done_when of %s must be one statement that begins with SELECT or WITH", e.key)
		case !slices.Contains(t.names, keyParameter):
			p.faultf(w.line, "done_when of %s must look for :%s", e.key, keyParameter)
		}
		c.doneWhen = &step{template: t, line: w.line}
	}
	for _, name := range p.words(by, "returns") {
		if !slices.Contains(handler.returns, name) {
			p.faultf(by["returns"].line, "%s returns no %q; %sallowed: %s", what, name, meant(name, handler.returns), strings.Join(handler.returns, ", "))
		}
		c.returns = append(c.returns, name)
	}
	if r, said := by["refusals"]; said {
		for _, e := range p.named(r, "refusals", "the core's errors with the words for the partner") {
			if !refusalCode.MatchString(e.key) {
				p.faultf(e.line, "refusals: %q is no SQLSTATE, class, error number or name of a constraint", e.key)
			}
			c.refusals[e.key] = ""
			if _, own := e.value.(*ast.NullNode); !own {
				c.refusals[e.key] = p.text(map[string]entry{e.key: e}, e.key)
			}
		}
	}
	for _, s := range c.steps {
		allowed := slices.Concat(handler.values, everyCommand, handler.lists[s.each])
		if _, list := handler.lists[s.each]; s.each != "" && !list {
			lists := slices.Sorted(maps.Keys(handler.lists))
			p.faultf(s.line, "%s has no list %q; %sallowed: %s", what, s.each, meant(s.each, lists), strings.Join(lists, ", "))
			continue
		}
		for _, name := range s.names {
			if !slices.Contains(allowed, name) {
				p.faultf(s.line, "%s has no parameter :%s; %sallowed: :%s", what, name, meant(name, allowed), strings.Join(allowed, ", :"))
			}
		}
	}
	if c.Source != nil {
		m.Commands = append(m.Commands, c)
	}
}

var refusalCode = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

func (p *mappingParser) steps(by map[string]entry, e entry, what string) (steps []step) {
	one, said := by["statement"]
	many, several := by["statements"]
	switch {
	case said && several:
		p.faultf(many.line, "%s has both statement and statements; one is allowed", what)
	case said:
		return p.step(nil, one, p.text(by, "statement"), "", what)
	case several:
		list, ok := many.value.(*ast.SequenceNode)
		if !ok {
			p.faultf(many.line, "statements of %s must be a list", what)
			return nil
		}
		for _, n := range list.Values {
			item := entry{key: "statements", line: n.GetToken().Position.Line, value: n}
			if _, holds := n.(*ast.MappingNode); !holds {
				steps = p.step(steps, item, p.text(map[string]entry{"statements": item}, "statements"), "", what)
				continue
			}
			inner := p.entries(n, "a statement of "+what, "each", "statement")
			if s, ok := inner["statement"]; ok {
				item = s
			}
			steps = p.step(steps, item, p.text(inner, "statement"), p.text(inner, "each"), what)
		}
		return steps
	default:
		p.faultf(e.line, "%s has no statement", what)
	}
	return nil
}

func (p *mappingParser) step(steps []step, e entry, text, each, what string) []step {
	t, ok := parseTemplate(text)
	if !ok {
		p.faultf(e.line, "%s: what is written here must be one SQL statement; several go under statements, as a list", what)
		return steps
	}
	return append(steps, step{template: t, each: each, line: e.line})
}

// words returns a list of plain texts.
func (p *mappingParser) words(by map[string]entry, key string) (list []string) {
	e, ok := by[key]
	if !ok {
		return nil
	}
	s, ok := e.value.(*ast.SequenceNode)
	if !ok {
		p.faultf(e.line, "%s must be a list", key)
		return nil
	}
	for _, n := range s.Values {
		list = append(list, p.text(map[string]entry{key: {key: key, line: e.line, value: n}}, key))
	}
	return list
}

// deliveredTable lies in the core and holds the keys of the commands that it has taken up.
const deliveredTable = "extranet_delivered"

// PrintOutbox writes, for each source that commands are carried to, the DDL of the table in which the core keeps the keys of those that
// it has taken up. The host reviews and runs it.
func (m *Mapping) PrintOutbox(w io.Writer) error {
	for _, s := range m.Sources {
		carried := slices.ContainsFunc(m.Commands, func(c *Command) bool { return c.Source == s && c.byTable })
		if !carried {
			continue
		}
		if _, err := fmt.Fprintf(w, "-- For source %s, at %s.\n"+deliveredDDL[s.Driver]+"\n", s.Name, s.Where, deliveredTable); err != nil {
			return err
		}
	}
	return nil
}

var deliveredDDL = map[string]string{
	"postgres": `-- The keys of the commands that the extranet has delivered. Each is written in the transaction that carries the command out,
-- so that none is carried out twice. Rows older than a month may be deleted.
CREATE TABLE IF NOT EXISTS %[3]s (
  command_id   char(36) PRIMARY KEY,
  name         varchar(80) NOT NULL,
  document     varchar(400) NOT NULL,
  delivered_at timestamp NOT NULL DEFAULT current_timestamp,
  returned     text
);
CREATE INDEX IF NOT EXISTS %[3]s_by_time ON %[3]s (delivered_at);
-- The role that the mapping's source signs in as needs: GRANT SELECT, INSERT, UPDATE ON %[3]s TO …;
-- To take it away again: DROP TABLE %[3]s;
`,
	"sqlserver": `-- The keys of the commands that the extranet has delivered. Each is written in the transaction that carries the command out,
-- so that none is carried out twice. Rows older than a month may be deleted.
CREATE TABLE %[3]s (
  command_id   char(36) NOT NULL PRIMARY KEY,
  name         varchar(80) NOT NULL,
  document     nvarchar(400) NOT NULL,
  delivered_at datetime2 NOT NULL DEFAULT current_timestamp,
  returned     nvarchar(max)
);
-- The login that the mapping's source uses needs: GRANT SELECT, INSERT, UPDATE ON %[3]s TO …;
-- To take it away again: DROP TABLE %[3]s;
`,
	"oracle": `-- The keys of the commands that the extranet has delivered. Each is written in the transaction that carries the command out,
-- so that none is carried out twice. Rows older than a month may be deleted.
CREATE TABLE %[3]s (
  command_id   char(36) PRIMARY KEY,
  name         varchar2(80) NOT NULL,
  document     varchar2(400) NOT NULL,
  delivered_at timestamp DEFAULT current_timestamp NOT NULL,
  returned     clob
);
-- The user that the mapping's source signs in as needs: GRANT SELECT, INSERT, UPDATE ON %[3]s TO …;
-- To take it away again: DROP TABLE %[3]s;
`,
	"mysql": `-- The keys of the commands that the extranet has delivered. Each is written in the transaction that carries the command out,
-- so that none is carried out twice. Rows older than a month may be deleted.
CREATE TABLE IF NOT EXISTS %[3]s (
  command_id   char(36) CHARACTER SET ascii NOT NULL PRIMARY KEY,
  name         varchar(80) NOT NULL,
  document     varchar(400) NOT NULL,
  delivered_at timestamp NOT NULL DEFAULT current_timestamp,
  returned     text,
  KEY %[3]s_by_time (delivered_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;
-- The account that the mapping's source signs in as needs: GRANT SELECT, INSERT, UPDATE ON %[3]s TO …;
-- To take it away again: DROP TABLE %[3]s;
`,
}

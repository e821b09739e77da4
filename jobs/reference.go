package jobs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"extranet/portal"
)

// A mappingKey is a key of the mapping file: what the parser takes, the schema completes and docs/mapping.md explains.
type mappingKey struct {
	name      string
	kind      keyKind
	allowed   []string // the only values; nil = any
	otherwise string   // what holds when the key is absent
	about     string
}

type keyKind int

const (
	textKey keyKind = iota
	durationKey
	yesNoKey
	wordsKey      // a list of plain texts
	byColumnKey   // columns, each with a value
	translateKey  // columns, each with codes and values
	roundKey      // columns, each with decimal places
	tablesKey     // tables with columns or a statement each
	mapKey        // keys of the author's own, each with a text or nothing
	statementsKey // a list of statements
	namesKey      // names, each with keys of its own
)

func keyNames(keys []mappingKey) []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	return names
}

var fileKeys = []mappingKey{
	{"sources", namesKey, nil, "", "The core's databases, by names of your own."},
	{"entities", namesKey, nil, "", "How each entity is read. One that is not named is not offered."},
	{"commands", namesKey, nil, "none", "How partners' decisions are written into the core. One that is not named is taken over by hand."},
}

var sourceKeys = []mappingKey{
	{"driver", textKey, nil, "", "The database's kind; mysql is MariaDB too."},
	{"url", textKey, nil, "", "Its address. ${NAME} is taken from the environment."},
	{"url_file", textKey, nil, "", "A file that holds the address, instead of url."},
	{"time_zone", textKey, nil, "UTC", "The zone whose wall clock stamps without a zone show: an IANA name."},
	{"session_time_zone", textKey, nil, "UTC", "MySQL: the zone of the session, in which TIMESTAMP columns are read. Name that of time_zone where a select mixes TIMESTAMP with DATETIME or takes days from it; the server must then know zones by name."},
	{"trim", yesNoKey, nil, "true", "Cut the spaces that pad char(n)."},
	{"empty_as_null", yesNoKey, nil, "false", "A text that is empty or blank is no value, as Oracle has it always."},
	{"slot_limit", textKey, nil, "4GB", "Postgres, way logical: how much of its log the core may have to keep for the portal, like 500MB or 1TB. Past it the slot is given up, so that the core's disk does not fill, and everything is read anew; the page Sync says so. Let max_slot_wal_keep_size of the core be more."},
	{"zero_dates", textKey, []string{"null", "refuse"}, "null", "MySQL: 0000-00-00 is no value, or a reason to refuse the row. A day that is zero in part is always refused."},
}

var entityKeys = []mappingKey{
	{"source", textKey, nil, "the only one", "Which of the sources."},
	{"way", textKey, []string{Snapshot, Watermark, Marks, Logical}, Snapshot, "How changes are noticed: snapshot reads everything and compares; watermark reads what has a newer stamp; marks reads what triggers in the core marked; logical reads what a Postgres' logical slot tells. extranet mapping marks prints what the last two need."},
	{"watermark", textKey, nil, "", "Way watermark: the select's column that says when a row last changed, the greatest stamp of every table it joins."},
	{"overlap", durationKey, nil, "1m", "Way watermark: how far behind the last stamp a pass begins, for transactions that commit late; once that stamp is an hour and two overlaps old, after it."},
	{"tables", tablesKey, nil, "", "Ways marks and logical: each table that the select reads, with the columns that are the key of the entity, like orders: {number: order_no}, or a SELECT of keys by the changed row's columns, like SELECT order_no FROM orders WHERE clerk = :id."},
	{"every", durationKey, nil, "1m", "Between passes; by marks and logical changes are looked for several times a second, and this is how often the age of the data is told anew."},
	{"reconcile", textKey, nil, "by full_every", "The time of day, in the source's time zone, at which everything is compared with the core and made right, like 02:00."},
	{"full_every", durationKey, nil, "24h", "Between passes that read everything, which find what is gone."},
	{"stale_after", durationKey, nil, "3 × every, 1m at least", "Data older than this is shown as stale."},
	{"select", textKey, nil, "", "One SELECT that returns the portal's columns under their names. Any expression may be one: 'P-' || id AS product."},
	{"where", textKey, nil, "all rows", "A condition on the select's columns, for drafts and soft deletes. A row that leaves it leaves the portal."},
	{"defaults", byColumnKey, nil, "none", "Columns with the value that stands where the core has none."},
	{"translate", translateKey, nil, "none", "Columns with the core's codes and the portal's values for them; \"*\" is any other code. A row with an unknown code is refused."},
	{"round", roundKey, nil, "as they are", "Columns of decimal numbers with the places to round to, half away from zero: for prices kept as floats."},
}

var commandKeys = []mappingKey{
	{"source", textKey, nil, "the only one", "Which of the sources."},
	{"statement", textKey, nil, "", "The statement that writes it; :name is one of the command's values."},
	{"statements", statementsKey, nil, "", "Several, in one transaction of the core's; each: NAME runs one for every line of a list."},
	{"returns", wordsKey, nil, "nothing", "Columns of the last statement that the portal keeps."},
	{"once", textKey, []string{"table", "statement"}, "table", "What keeps a command from being carried out twice: a table of keys in the core, or the statement itself, which then writes :idempotency_key into a unique column."},
	{"done_when", textKey, nil, "", "With once: statement, a SELECT by :idempotency_key that returns a row when the core has the command already."},
	{"no_row", textKey, nil, "", "What the partner is told when the last statement returns no row."},
	{"refusals", mapKey, nil, "", "Errors of the core that are its last word (SQLSTATE, class, error number or constraint), with the words for the partner; none = the core's own."},
}

// Schema is the JSON Schema of a mapping file, for editors.
func Schema() []byte {
	object := func(properties map[string]any, required ...string) map[string]any {
		o := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
		if len(required) > 0 {
			o["required"] = required
		}
		return o
	}
	properties := func(keys []mappingKey, f func(k mappingKey) map[string]any) map[string]any {
		all := map[string]any{}
		for _, k := range keys {
			s := f(k)
			s["description"] = k.about
			if k.otherwise != "" {
				s["description"] = k.about + " Default: " + k.otherwise + "."
			}
			all[k.name] = s
		}
		return all
	}
	plain := func(k mappingKey) map[string]any { return k.schema(nil) }
	source := properties(sourceKeys, plain)
	source["driver"].(map[string]any)["enum"] = driverNames()
	all := map[string]any{}
	for _, e := range entities {
		s := object(properties(entityKeys, func(k mappingKey) map[string]any { return k.schema(&e) }), "select")
		s["description"] = "Columns, * = required: " + e.columnsText()
		s["if"] = map[string]any{"properties": map[string]any{"way": map[string]any{"const": Watermark}}, "required": []string{"way"}}
		s["then"] = map[string]any{"required": []string{"watermark"}}
		all[e.mirror.Entity] = s
	}
	commands := map[string]any{}
	for _, name := range commandNames() {
		commands[name] = object(properties(commandKeys, plain))
	}
	of := map[string]any{
		"sources": map[string]any{"type": "object", "minProperties": 1, "additionalProperties": map[string]any{
			"type": "object", "properties": source, "additionalProperties": false, "required": []string{"driver"},
			"oneOf": []any{map[string]any{"required": []string{"url"}}, map[string]any{"required": []string{"url_file"}}}}},
		"entities": object(all), "commands": object(commands),
	}
	for _, k := range fileKeys {
		of[k.name].(map[string]any)["description"] = k.about
	}
	top := object(of, "sources", "entities")
	top["$schema"], top["title"] = "https://json-schema.org/draft/2020-12/schema", "A mapping of the extranet: how a core database is read"
	b, err := json.MarshalIndent(top, "", "  ")
	if err != nil {
		panic(err) // of literals alone
	}
	return append(b, '\n')
}

// schema is that of the key's value, under an entity when there is one.
func (k mappingKey) schema(e *entity) map[string]any {
	scalar := func() map[string]any { return map[string]any{"type": []string{"string", "number", "boolean"}} }
	columns := func(value func(c portal.Column) map[string]any) map[string]any {
		all := map[string]any{}
		for _, c := range e.mirror.Columns {
			if s := value(c); s != nil {
				all[e.column(c.Name)] = s
			}
		}
		return map[string]any{"type": "object", "properties": all, "additionalProperties": false}
	}
	valueOf := func(c portal.Column) map[string]any {
		if c.OneOf != nil {
			return map[string]any{"enum": c.OneOf}
		}
		return scalar()
	}
	s := map[string]any{"type": "string"}
	switch k.kind {
	case durationKey:
		s["pattern"] = `^([0-9]+(\.[0-9]+)?(ms|h|m|s))+$`
	case yesNoKey:
		s["type"] = "boolean"
	case wordsKey:
		s = map[string]any{"type": []string{"array", "string"}, "items": map[string]any{"type": "string"}}
	case tablesKey:
		s = map[string]any{"type": "object", "minProperties": 1, "additionalProperties": map[string]any{"anyOf": []any{map[string]any{"type": "string"},
			map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}}}}}
	case mapKey:
		s = map[string]any{"type": "object", "additionalProperties": map[string]any{"type": []string{"string", "null"}}}
	case statementsKey:
		s = map[string]any{"type": "array", "items": map[string]any{"anyOf": []any{map[string]any{"type": "string"},
			map[string]any{"type": "object", "properties": map[string]any{"each": map[string]any{"type": "string"}, "statement": map[string]any{"type": "string"}},
				"required": []string{"each", "statement"}, "additionalProperties": false}}}}
	case byColumnKey:
		s = columns(func(c portal.Column) map[string]any {
			if slices.Contains(e.mirror.Key, c.Name) {
				return nil
			}
			return valueOf(c)
		})
	case translateKey:
		s = columns(func(c portal.Column) map[string]any {
			return map[string]any{"type": "object", "minProperties": 1, "additionalProperties": valueOf(c)}
		})
	case roundKey:
		s = columns(func(c portal.Column) map[string]any {
			if c.Type != portal.Decimal {
				return nil
			}
			return map[string]any{"type": "integer", "minimum": 0, "maximum": 9}
		})
	}
	if k.allowed != nil {
		s["enum"] = k.allowed
		if slices.Contains(k.allowed, "null") {
			delete(s, "type") // YAML reads the word as nothing
			s["enum"] = append([]any{nil}, anys(k.allowed)...)
		}
	}
	return s
}

func anys(words []string) []any {
	all := make([]any, len(words))
	for i, w := range words {
		all[i] = w
	}
	return all
}

// columnsText lists what the select of an entity returns.
func (e entity) columnsText() string {
	var names []string
	for _, c := range e.selected() {
		name := c.Name
		if c.Required {
			name += "*"
		}
		if c.OneOf != nil {
			name += " (" + strings.Join(c.OneOf, ", ") + ")"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// Reference writes the tables of docs/mapping.md, by the names under which they stand there.
func Reference() map[string]string {
	table := func(keys []mappingKey) string {
		var b strings.Builder
		b.WriteString("| key | default | what it says |\n|---|---|---|\n")
		for _, k := range keys {
			about := k.about
			if k.allowed != nil {
				about += " Allowed: " + strings.Join(k.allowed, ", ") + "."
			}
			if k.name == "driver" {
				about += " Allowed: " + strings.Join(driverNames(), ", ") + "."
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.name, k.otherwise, strings.ReplaceAll(about, "|", `\|`))
		}
		return b.String()
	}
	var columns strings.Builder
	columns.WriteString("| entity | key | columns (* = required) |\n|---|---|---|\n")
	for _, e := range entities {
		fmt.Fprintf(&columns, "| %s | %s | %s |\n", e.mirror.Entity, strings.Join(e.rowColumns(), ", "), e.columnsText())
	}
	var addresses strings.Builder
	addresses.WriteString("| driver | address |\n|---|---|\n")
	for _, name := range driverNames() {
		fmt.Fprintf(&addresses, "| %s | `%s` |\n", name, dialects[name].example)
	}
	return map[string]string{"file": table(fileKeys), "source": table(sourceKeys), "entity": table(entityKeys), "command": table(commandKeys), "columns": columns.String(), "addresses": addresses.String()}
}

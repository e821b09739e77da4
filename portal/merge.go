package portal

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lib/pq"
)

// A Mirror says how the core's rows of one entity lie in the portal's database.
type Mirror struct {
	Entity  string // as the mapping names it
	Table   string
	Key     []string // the core's key: unique in the whole core, so a row can move between partners
	Columns []Column // key first; without the partner
	Owned   bool     // rows belong to a partner: the select returns its number as "partner"
	Retire  string   // column stamped when a row is gone from the core; "" = the row is deleted
	Nouns   []string // whose generations a change counts up
	Track   []string // columns whose changes are kept in the table changes …
	Noun    string   // … under this noun …
	Doc     string   // … and the number in this column

	// Series are columns that the table keeps as lists: the core has one row for each entry, and the rows of one key are one row here,
	// in the order of the first of these columns. The rows of a key agree in everything else, or none of them is taken.
	Series []string
	// Published rows stay as they were first taken: one that comes back with other values is refused, and one that the core forgets is kept.
	Published bool
}

// SupplierColumn of a mirror holds the partner's number once more, for keys that are unique only within a supplier.
const SupplierColumn = "supplier"

// A Type is what a column holds; the reader of a source brings every value into its text form.
type Type int

const (
	Text    Type = iota
	Int          // whole number
	Decimal      // exact decimal
	Day          // 2006-01-02
	Stamp        // instant, UTC
	Bool
)

func (t Type) String() string {
	return [...]string{"text", "whole number", "decimal number", "day", "point in time", "yes or no"}[t]
}

// A Column is one value of a mirrored row.
type Column struct {
	Name     string
	Type     Type
	Required bool
	OneOf    []string // the only values allowed; nil = any
}

// A Row is what a source gave: Values in the order of the mirror's columns, each nil or text. It is read before the
// next is given. A row that cannot be taken has Refusal set, and at least its key among the Values.
type Row struct {
	Partner []byte // its number
	Values  [][]byte
	Plain   bool   // no value holds a backslash or a control character
	Gone    bool   // the core has it no more; the key alone is among the Values
	Refusal string // why it cannot be taken; "" = it can
	Raw     string // what the source said, as JSON; for refused rows
}

// Merged counts what a merge did. A row that moved to another partner is updated.
type Merged struct {
	Read, Inserted, Updated, Deleted, Quarantined int64
	Loaded                                        bool // the table was empty and has been loaded bare
}

// Changed is how many rows are other than before.
func (m Merged) Changed() int64 { return m.Inserted + m.Updated + m.Deleted }

// A Merging says how a merge is to be done.
type Merging struct {
	Complete bool                              // the rows are all there is: what they lack is gone from the core and goes here
	Loss     func(lost, fresh, of int64) error // is asked before rows go that a complete merge lacks, of so many that stand, while others come; an error undoes everything; nil = nobody is asked
	Step     func(what string, n, of int)      // is told of what follows the reading; nil = nobody asks
	Compared func(Comparison)                  // is told what a complete merge into a table that stands found other; nil = nobody asks
}

// A Comparison says what a table had otherwise than the core. Rows that are refused are left out of it.
type Comparison struct {
	Partners int64       // whose rows were counted and summed up, here and in the core; 1 where rows belong to nobody
	Rows     []Differing // that were other, were lacking or should not have been: at most differingAtOnce
	Total    int64       // of them
}

// A Differing row was not as it is in the core.
type Differing struct {
	Partner int64    // 0 = it belongs to nobody
	Key     []string // as quarantine has it
	Gone    bool     // the core does not have it
}

const differingAtOnce = 100_000

// Merge brings the mirror's table to what rows says, within tx. A row that is equal is not written, nor locked. A refused row stays
// as it was and lies in quarantine with its reason, until a pass takes it. rows runs beside the writing, and
// is made to wait for it. A table that is empty is loaded without its indexes, which are built afterwards. tx is the worker's. ctx may be cancelled; that of tx itself must not be
// while rows are copied, for database/sql would roll back in the middle of the copying.
func Merge(ctx context.Context, tx *Tx, m Mirror, how Merging, rows func(yield func(Row) error) error) (done Merged, err error) {
	in := newIntake(tx, m, how)
	done.Read, err = in.run(ctx, rows)
	if err != nil {
		return done, err
	}
	if how.Complete && in.stage == nil && in.load == nil { // there is nothing, and that is all there is
		in.stage = &stage{tx: tx, m: m, how: how}
		if err := in.stage.open(ctx); err != nil {
			return done, err
		}
	}
	if in.load != nil {
		err = in.load.finish(ctx, in, &done)
	} else if in.stage != nil {
		err = in.stage.merge(ctx, &done)
	}
	if err != nil {
		return done, fmt.Errorf("merging %s: %w", m.Entity, err)
	}
	return done, nil
}

func (m Mirror) names() []string {
	names := make([]string, len(m.Columns))
	for i, c := range m.Columns {
		names[i] = c.Name
	}
	return names
}

// each joins f of every name with sep.
func each(names []string, sep string, f func(string) string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = f(n)
	}
	return strings.Join(out, sep)
}

func prefix(p string) func(string) string { return func(n string) string { return p + n } }

func same(a, b string) func(string) string {
	return func(n string) string { return a + "." + n + " = " + b + "." + n }
}

// keyText writes a key as quarantine does.
func (m Mirror) keyText(alias string) string {
	return `array_to_json(ARRAY[` + each(m.Key, ", ", func(k string) string { return alias + "." + k + "::text" }) + `])::text`
}

// stage is the temporary table that a merge copies its rows into.
type stage struct {
	tx      *Tx
	m       Mirror
	how     Merging
	rows    int64
	refused int64
	leaving int64 // rows that are gone from the core
	found   Comparison
	equal   bool // by the sums of every partner
}

func (s *stage) open(ctx context.Context) error {
	typed := each(s.m.names(), ", ", func(c string) string {
		if slices.Contains(s.m.Series, c) {
			return c + "[1] AS " + c
		}
		return c
	})
	_, err := s.tx.Exec(ctx, `CREATE TEMP TABLE stage ON COMMIT DROP AS SELECT `+typed+`, 0::bigint AS partner_id, ''::text AS partner, ''::text AS refusal, ''::text AS raw, false AS gone FROM `+s.m.Table+` WITH NO DATA`)
	if err != nil {
		return fmt.Errorf("opening the stage for %s: %w", s.m.Entity, err)
	}
	setting := `SET LOCAL random_page_cost = 1.1` // a few rows are looked up one by one, and what else there is costs nothing
	if s.how.Complete {
		setting = `SET LOCAL work_mem = '48MB'`
	}
	_, err = s.tx.Exec(ctx, setting)
	return err
}

func (s *stage) merge(ctx context.Context, done *Merged) error {
	if s.rows > 1000 {
		if _, err := s.tx.Exec(ctx, `ANALYZE stage (refusal, gone, `+strings.Join(s.m.Key, ", ")+`)`); err != nil { // what it is joined and filtered by
			return err
		}
	}
	steps := []struct {
		what string
		f    func(context.Context, *Merged) error
	}{
		{"gathering series", s.gather},
		{"looking for double keys", s.findDoubles},
		{"looking for rewritten rows", s.findRewritten},
		{"filling quarantine", s.quarantine},
		{"summing up", s.sumUp},
		{"comparing", s.compare},
		{"writing", s.write},
	}
	for i, step := range steps {
		if s.how.Step != nil {
			s.how.Step(step.what, i, len(steps))
		}
		if err := step.f(ctx, done); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	if s.how.Compared != nil {
		s.how.Compared(s.found)
	}
	_, err := s.tx.Exec(ctx, `DROP TABLE stage, diff`) // one transaction may merge several entities
	return err
}

// sumUp counts each partner's rows and adds up their checksums, on both sides. Where all are the same, no row is looked at again.
func (s *stage) sumUp(ctx context.Context, _ *Merged) error {
	if s.how.Compared == nil || !s.how.Complete {
		return nil
	}
	whose, stands := "0", "true"
	if s.m.Owned {
		whose = "partner_id"
	}
	if s.m.Retire != "" {
		stands = s.m.Retire + ` IS NULL AND kind <> 'host'`
	}
	if s.refused > 0 {
		stands += ` AND NOT EXISTS (SELECT 1 FROM stage s WHERE s.refusal IS NOT NULL AND ` + each(s.m.Key, " AND ", same("t", "s")) + `)`
	}
	sums := whose + ` AS whose, count(*) AS n, sum(hash_record_extended(ROW(` + strings.Join(s.m.names(), ", ") + `), 0)) AS checksum`
	var n struct{ Partners, Differ int64 }
	err := s.tx.Get(ctx, &n, `
		SELECT count(*) AS partners, count(*) FILTER (WHERE c.n IS DISTINCT FROM t.n OR c.checksum IS DISTINCT FROM t.checksum) AS differ
		FROM (SELECT `+sums+` FROM stage WHERE refusal IS NULL GROUP BY 1) c FULL JOIN (SELECT `+sums+` FROM `+s.m.Table+` t WHERE `+stands+` GROUP BY 1) t USING (whose)`)
	s.found.Partners, s.equal = n.Partners, err == nil && n.Differ == 0 && s.m.Retire == ""
	return err
}

// gather makes one row of the rows of each key, with lists of the series' values. A refusal of one is a refusal of all.
func (s *stage) gather(ctx context.Context, _ *Merged) error {
	if len(s.m.Series) == 0 {
		return nil
	}
	order := s.m.Series[0]
	into, differ := "", "false"
	for _, c := range s.m.names() {
		switch {
		case slices.Contains(s.m.Key, c):
			into += c + ", "
		case slices.Contains(s.m.Series, c):
			into += "array_agg(" + c + " ORDER BY " + order + ") AS " + c + ", "
		default:
			into += "min(" + c + ") AS " + c + ", "
			differ += " OR min(" + c + ") <> max(" + c + ") OR count(" + c + ") NOT IN (0, count(*))"
		}
	}
	for _, statement := range []string{
		`CREATE TEMP TABLE gathered ON COMMIT DROP AS SELECT ` + into + `min(partner_id) AS partner_id, min(partner) AS partner, CASE WHEN count(refusal) > 0 THEN min(refusal)
			WHEN min(partner_id) <> max(partner_id) OR ` + differ + ` THEN 'its rows do not agree in what they share'
			WHEN count(DISTINCT ` + order + `) < count(*) THEN 'it has one ` + order + ` more than once' END AS refusal, min(raw) AS raw, bool_and(gone) AS gone FROM stage GROUP BY ` + strings.Join(s.m.Key, ", "),
		`DROP TABLE stage`, `ALTER TABLE gathered RENAME TO stage`,
		`ANALYZE stage (refusal, gone, ` + strings.Join(s.m.Key, ", ") + `)`,
	} {
		if _, err := s.tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	var refused int64
	err := s.tx.Get(ctx, &refused, `SELECT count(refusal) FROM stage`)
	s.refused += refused
	return err
}

// findRewritten refuses what was published before with other values.
func (s *stage) findRewritten(ctx context.Context, _ *Merged) error {
	if !s.m.Published {
		return nil
	}
	n, err := s.tx.Exec(ctx, `UPDATE stage s SET refusal = 'it was published before with other values, and what is published stays; publish it under a new key' FROM `+s.m.Table+` t
		WHERE s.refusal IS NULL AND NOT s.gone AND `+each(s.m.Key, " AND ", same("t", "s"))+` AND (`+each(s.m.names(), ", ", prefix("t."))+`) IS DISTINCT FROM (`+each(s.m.names(), ", ", prefix("s."))+`)`)
	s.refused += n
	return err
}

func (s *stage) findDoubles(ctx context.Context, _ *Merged) error {
	if s.m.Table == "partners" {
		n, err := s.tx.Exec(ctx, `UPDATE stage s SET refusal = 'the number "' || s.number || '" is the host''s own', partner = s.number FROM partners p WHERE p.number = s.number AND p.kind = 'host'`)
		if err != nil {
			return err
		}
		s.refused += n
	}
	keys := strings.Join(s.m.Key, ", ")
	n, err := s.tx.Exec(ctx, `UPDATE stage s SET refusal = 'the select returns this key ' || d.n || ' times' FROM (SELECT `+keys+`, count(*) AS n FROM stage GROUP BY `+keys+` HAVING count(*) > 1) d WHERE `+
		each(s.m.Key, " AND ", same("s", "d")))
	s.refused += n
	return err
}

func (s *stage) quarantine(ctx context.Context, done *Merged) (err error) {
	if s.refused > 0 {
		done.Quarantined, err = s.tx.Exec(ctx, refuse+`
			SELECT DISTINCT ON (key) $1, key, refusal, raw, $2, $2, 1
			FROM (SELECT `+s.m.keyText("s")+` AS key, refusal, coalesce(raw, (to_jsonb(s) - '{refusal,raw,gone,partner_id}'::text[])::text) AS raw FROM stage s WHERE refusal IS NOT NULL) r
			ORDER BY key `+again, s.m.Entity, s.tx.Now)
		if err != nil {
			return err
		}
	}
	if s.how.Complete {
		return forgiveRest(ctx, s.tx, s.m.Entity)
	}
	var any bool
	if err := s.tx.Get(ctx, &any, `SELECT EXISTS (SELECT 1 FROM quarantine WHERE entity = $1)`, s.m.Entity); err != nil || !any {
		return err
	}
	_, err = s.tx.Exec(ctx, `DELETE FROM quarantine q USING stage s WHERE q.entity = $1 AND s.refusal IS NULL AND q.key = `+s.m.keyText("s"), s.m.Entity)
	return err
}

// What lies in quarantine is written by one statement, from whatever source between the two.
const (
	refuse = `INSERT INTO quarantine AS q (entity, key, reason, row_data, first_seen, last_seen, tries)`
	again  = `ON CONFLICT (entity, key) DO UPDATE SET reason = excluded.reason, row_data = excluded.row_data, last_seen = excluded.last_seen, tries = q.tries + 1`
)

// forgiveRest takes out of quarantine what this pass, which read everything, did not refuse.
func forgiveRest(ctx context.Context, tx *Tx, entity string) error {
	_, err := tx.Exec(ctx, `DELETE FROM quarantine WHERE entity = $1 AND last_seen < $2`, entity, tx.Now)
	return err
}

// compare writes into diff each row that is not as it stands: of one that stood, what it was; of one that leaves, nothing else.
// It reads both sides once, and locks and writes nothing that is equal. What differs lies in the order of the table's indexes, which begin with
// the partner: written in it, rows come to the same pages one after the other.
func (s *stage) compare(ctx context.Context, _ *Merged) error {
	owner, moved, retired, join := "NULL::bigint", "", "", "LEFT"
	switch {
	case s.m.Owned:
		owner, moved = "t.partner_id", "t.partner_id <> s.partner_id OR "
	case s.m.Table == "partners":
		owner = "t.partner_id"
	}
	leaves := `s.gone`
	if s.how.Complete {
		join, leaves = "FULL", `s.gone IS NULL`
	}
	leaving := leaves + ` AND t.` + s.m.Key[0] + ` IS NOT NULL`
	if s.m.Published {
		leaving += ` AND false`
	}
	if s.m.Retire != "" {
		leaving += ` AND t.` + s.m.Retire + ` IS NULL AND t.kind <> 'host'`
		retired = " OR t." + s.m.Retire + " IS NOT NULL"
	}
	cols := s.m.names()
	_, err := s.tx.Exec(ctx, `
		CREATE TEMP TABLE diff ON COMMIT DROP AS
		SELECT t.`+s.m.Key[0]+` IS NOT NULL AS stood, t.ctid AS was_at, `+leaves+` AS leaves, `+owner+` AS was_partner, s.partner_id, `+
		each(s.m.Key, ", ", func(k string) string { return "t." + k + " AS was_" + k })+`, `+
		each(cols, "", func(c string) string { return "s." + c + ", " })+
		each(s.m.Track, "", func(c string) string { return "t." + c + " AS before_" + c + ", " })+`true AS told
		FROM stage s `+join+` JOIN `+s.m.Table+` t ON `+each(s.m.Key, " AND ", same("s", "t"))+`
		WHERE s.refusal IS NULL AND `+map[bool]string{true: "false", false: "true"}[s.equal]+` AND CASE WHEN `+leaves+` THEN `+leaving+`
			ELSE t.`+s.m.Key[0]+` IS NULL OR `+moved+`(`+each(cols, ", ", prefix("t."))+`) IS DISTINCT FROM (`+each(cols, ", ", prefix("s."))+`)`+retired+` END
		ORDER BY s.partner_id, `+each(s.m.Key, ", ", prefix("s.")))
	return err
}

// write brings the table to what diff says.
func (s *stage) write(ctx context.Context, done *Merged) error {
	movedAway, stays := "", ""
	if s.m.Owned {
		movedAway, stays = " OR d.was_partner <> d.partner_id", " AND d.was_partner = d.partner_id"
	}
	var n struct{ Fresh, Moved, Changed, Leaving, Stood int64 }
	err := s.tx.Get(ctx, &n, `
		SELECT count(*) FILTER (WHERE NOT leaves AND NOT stood) AS fresh, count(*) FILTER (WHERE NOT leaves AND stood) AS changed, count(*) FILTER (WHERE leaves) AS leaving,
			count(*) FILTER (WHERE NOT leaves AND stood AND (false`+movedAway+`)) AS moved, 0 AS stood FROM diff d`)
	if err != nil || n.Fresh+n.Changed+n.Leaving == 0 {
		return err
	}
	if s.how.Complete && n.Leaving > 0 && s.how.Loss != nil {
		standing := ""
		if s.m.Retire != "" {
			standing = ` WHERE ` + s.m.Retire + ` IS NULL AND kind <> 'host'`
		}
		if err := s.tx.Get(ctx, &n.Stood, `SELECT count(*) FROM `+s.m.Table+standing); err != nil {
			return err
		}
		if err := s.how.Loss(n.Leaving, n.Fresh, n.Stood); err != nil {
			return err
		}
	}
	if err := s.explain(ctx, n.Fresh+n.Changed+n.Leaving); err != nil {
		return err
	}
	done.Inserted, done.Updated, done.Deleted = n.Fresh, n.Changed, n.Leaving
	if err := s.track(ctx, n.Changed); err != nil {
		return err
	}
	cols := s.m.names()
	was := each(s.m.Key, " AND ", func(k string) string { return "t." + k + " = d.was_" + k })
	if s.m.Owned {
		was = "t.partner_id = d.was_partner AND " + was
	}
	if n.Leaving+n.Moved > 0 {
		statement, args := `DELETE FROM `+s.m.Table+` t USING diff d WHERE d.stood AND (d.leaves`+movedAway+`) AND `+was, []any(nil)
		if s.m.Retire != "" {
			statement, args = `UPDATE `+s.m.Table+` t SET `+s.m.Retire+` = $1, changed_at = $1 FROM diff d WHERE d.leaves AND `+was, []any{s.tx.Now}
		}
		if _, err := s.tx.Exec(ctx, statement, args...); err != nil {
			return err
		}
	}
	if n.Changed > n.Moved {
		set := each(cols, ", ", func(c string) string { return c + " = d." + c })
		if s.m.Retire != "" {
			set += ", " + s.m.Retire + " = NULL"
		}
		update := `UPDATE ` + s.m.Table + ` t SET ` + set + `, changed_at = $1 FROM diff d WHERE d.stood AND NOT d.leaves` + stays + ` AND ` + was
		written, err := s.tx.Exec(ctx, update+` AND t.ctid = d.was_at`, s.tx.Now) // each is where it was just seen, and need not be looked for
		if err == nil && written < n.Changed-n.Moved {
			_, err = s.tx.Exec(ctx, update, s.tx.Now) // somebody else has written one meanwhile
		}
		if err != nil {
			return err
		}
	}
	if n.Fresh+n.Moved > 0 {
		into := strings.Join(cols, ", ")
		if s.m.Owned {
			into = "partner_id, " + into
		}
		if _, err := s.tx.Exec(ctx, `INSERT INTO `+s.m.Table+` (`+into+`, changed_at) SELECT `+into+`, $1 FROM diff d WHERE NOT leaves AND (NOT stood`+movedAway+`) ON CONFLICT DO NOTHING`, s.tx.Now); err != nil {
			return err
		}
	}
	return s.announce(ctx)
}

// explain notes what differs when somebody asks, and of no more than anybody reads.
func (s *stage) explain(ctx context.Context, total int64) error {
	if s.how.Compared == nil {
		return nil
	}
	whose := "0"
	if s.m.Owned {
		whose = "coalesce(partner_id, was_partner)"
	}
	var rows []struct {
		Partner int64
		Key     pq.StringArray
		Gone    bool
	}
	err := s.tx.Select(ctx, &rows, `SELECT `+whose+` AS partner, ARRAY[`+each(s.m.Key, ", ", func(k string) string { return "coalesce(" + k + ", was_" + k + ")::text" })+`] AS key, leaves AS gone FROM diff LIMIT $1`, differingAtOnce)
	for _, r := range rows {
		s.found.Rows = append(s.found.Rows, Differing{r.Partner, r.Key, r.Gone})
	}
	s.found.Total = total
	return err
}

// track keeps what a watched column was and what it became, before the row is written over.
func (s *stage) track(ctx context.Context, changed int64) error {
	if len(s.m.Track) == 0 || changed == 0 {
		return nil
	}
	_, err := s.tx.Exec(ctx, `
		INSERT INTO changes (partner_id, noun, key, at, field, was, became)
		SELECT d.partner_id, $1, d.`+s.m.Doc+`, $2, c.field, c.was, c.became
		FROM diff d, LATERAL (VALUES `+each(s.m.Track, ", ", func(c string) string {
		return "('" + c + "', d.before_" + c + "::text, d." + c + "::text, d.before_" + c + " IS DISTINCT FROM d." + c + ")"
	})+`) AS c (field, was, became, other)
		WHERE d.stood AND NOT d.leaves AND d.was_partner = d.partner_id AND c.other
		ON CONFLICT DO NOTHING`, s.m.Noun, s.tx.Now)
	return err
}

// announce says whose data is another now.
func (s *stage) announce(ctx context.Context) error {
	var partners []int64
	var query string
	switch {
	case s.m.Owned:
		query = `SELECT partner_id FROM diff WHERE partner_id IS NOT NULL UNION SELECT was_partner FROM diff WHERE was_partner IS NOT NULL`
	case s.m.Table == "partners":
		query = `SELECT p.partner_id FROM diff d JOIN partners p ON p.number = coalesce(d.number, d.was_number)`
	default:
		return nil
	}
	if err := s.tx.Select(ctx, &partners, query); err != nil {
		return err
	}
	for _, noun := range s.m.Nouns {
		s.tx.Changed(noun, partners...)
	}
	return nil
}

package portal

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
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

// A Row is what a source gave: Values in the order of the mirror's columns, each nil or text.
// A row that cannot be taken has Refusal set, and at least its key among the Values.
type Row struct {
	Partner string
	Values  []*string
	Refusal string // why it cannot be taken; "" = it can
	Raw     string // what the source said, as JSON; for refused rows
}

// Merged counts what a merge did.
type Merged struct {
	Read, Inserted, Updated, Deleted, Quarantined int64
}

// Changed is how many rows are other than before.
func (m Merged) Changed() int64 { return m.Inserted + m.Updated + m.Deleted }

// Merge brings the mirror's table to what rows says, within tx. With complete,
// rows is all there is: what it lacks is gone from the core and goes here. A row that is equal
// is not written. A refused row stays as it was and lies in quarantine with
// its reason, until a pass takes it. tx is the worker's. ctx may be cancelled; that of tx itself must not be
// while rows are copied, for database/sql would roll back in the middle of the copying.
func Merge(ctx context.Context, tx *Tx, m Mirror, complete bool, rows func(yield func(Row) error) error) (done Merged, err error) {
	s := stage{tx: tx, m: m}
	if complete {
		if err := s.open(ctx); err != nil {
			return done, err
		}
	}
	if err := rows(func(r Row) error { done.Read++; return s.add(ctx, r) }); err != nil {
		if s.opened {
			s.copy.Close() // nothing else can be said on the connection before, not even ROLLBACK
		}
		return done, err
	}
	if !s.opened {
		return done, nil
	}
	if err := s.close(ctx); err != nil {
		return done, err
	}
	steps := []struct {
		what string
		f    func(context.Context) error
	}{
		{"gathering series", s.gather},
		{"looking for partners", s.findPartners},
		{"looking for double keys", s.findDoubles},
		{"looking for rewritten rows", s.findRewritten},
		{"filling quarantine", func(ctx context.Context) (err error) { done.Quarantined, err = s.quarantine(ctx, complete); return err }},
		{"noting changes", s.track},
		{"removing", func(ctx context.Context) (err error) { done.Deleted, err = s.remove(ctx, complete); return err }},
		{"writing", func(ctx context.Context) (err error) { done.Inserted, done.Updated, err = s.write(ctx); return err }},
	}
	for _, step := range steps {
		if err := step.f(ctx); err != nil {
			return done, fmt.Errorf("merging %s: %s: %w", m.Entity, step.what, err)
		}
	}
	return done, nil
}

// stage is the temporary table that a merge copies its rows into.
type stage struct {
	tx     *Tx
	m      Mirror
	opened bool
	copy   *sql.Stmt
}

func (s *stage) columns() []string {
	names := make([]string, len(s.m.Columns))
	for i, c := range s.m.Columns {
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

func (s *stage) keyText(alias string) string {
	return `array_to_json(ARRAY[` + each(s.m.Key, ", ", func(k string) string { return alias + "." + k + "::text" }) + `])::text`
}

func (s *stage) open(ctx context.Context) error {
	if s.opened {
		return nil
	}
	cols := strings.Join(s.columns(), ", ")
	typed := each(s.columns(), ", ", func(c string) string {
		if slices.Contains(s.m.Series, c) {
			return c + "[1] AS " + c
		}
		return c
	})
	if _, err := s.tx.Exec(ctx, `CREATE TEMP TABLE stage ON COMMIT DROP AS SELECT ''::text AS partner, ''::text AS refusal, ''::text AS raw, `+typed+` FROM `+s.m.Table+` WITH NO DATA`); err != nil {
		return fmt.Errorf("opening the stage for %s: %w", s.m.Entity, err)
	}
	stmt, err := s.tx.tx.PrepareContext(ctx, `COPY stage (partner, refusal, raw, `+cols+`) FROM STDIN`)
	if err != nil {
		return fmt.Errorf("copying %s: %w", s.m.Entity, err)
	}
	s.copy, s.opened = stmt, true
	return nil
}

func (s *stage) add(ctx context.Context, r Row) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	args := make([]any, 0, 3+len(r.Values))
	args = append(args, r.Partner, null(r.Refusal), null(r.Raw))
	for _, v := range r.Values {
		if v == nil {
			args = append(args, nil)
		} else {
			args = append(args, *v)
		}
	}
	if _, err := s.copy.ExecContext(ctx, args...); err != nil {
		return fmt.Errorf("copying %s: %w", s.m.Entity, err)
	}
	return nil
}

func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (s *stage) close(ctx context.Context) error {
	_, err := s.copy.ExecContext(ctx)
	if closed := s.copy.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("copying %s: %w", s.m.Entity, err)
	}
	_, err = s.tx.Exec(ctx, `ANALYZE stage (partner, refusal, `+strings.Join(s.m.Key, ", ")+`)`) // what it is joined and filtered by
	return err
}

// gather makes one row of the rows of each key, with lists of the series' values. A refusal of one is a refusal of all.
func (s *stage) gather(ctx context.Context) error {
	if len(s.m.Series) == 0 {
		return nil
	}
	order := s.m.Series[0]
	into, differ := "", "false"
	for _, c := range s.columns() {
		switch {
		case slices.Contains(s.m.Key, c):
			into += ", " + c
		case slices.Contains(s.m.Series, c):
			into += ", array_agg(" + c + " ORDER BY " + order + ") AS " + c
		default:
			into += ", min(" + c + ") AS " + c
			differ += " OR min(" + c + ") <> max(" + c + ") OR count(" + c + ") NOT IN (0, count(*))"
		}
	}
	for _, statement := range []string{
		`CREATE TEMP TABLE gathered ON COMMIT DROP AS SELECT min(partner) AS partner, CASE WHEN count(refusal) > 0 THEN min(refusal)
			WHEN min(partner) <> max(partner) OR ` + differ + ` THEN 'its rows do not agree in what they share'
			WHEN count(DISTINCT ` + order + `) < count(*) THEN 'it has one ` + order + ` more than once' END AS refusal, min(raw) AS raw` + into + ` FROM stage GROUP BY ` + strings.Join(s.m.Key, ", "),
		`DROP TABLE stage`, `ALTER TABLE gathered RENAME TO stage`,
		`ANALYZE stage (partner, refusal, ` + strings.Join(s.m.Key, ", ") + `)`,
	} {
		if _, err := s.tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// findRewritten refuses what was published before with other values.
func (s *stage) findRewritten(ctx context.Context) error {
	if !s.m.Published {
		return nil
	}
	_, err := s.tx.Exec(ctx, `UPDATE stage s SET refusal = 'it was published before with other values, and what is published stays; publish it under a new key' FROM `+s.m.Table+` t
		WHERE s.refusal IS NULL AND `+each(s.m.Key, " AND ", same("t", "s"))+` AND (`+each(s.columns(), ", ", prefix("t."))+`) IS DISTINCT FROM (`+each(s.columns(), ", ", prefix("s."))+`)`)
	return err
}

func (s *stage) findPartners(ctx context.Context) error {
	if s.m.Table == "partners" {
		_, err := s.tx.Exec(ctx, `UPDATE stage s SET refusal = 'the number "' || s.number || '" is the host''s own' FROM partners p WHERE p.number = s.number AND p.kind = 'host'`)
		return err
	}
	if !s.m.Owned {
		return nil
	}
	_, err := s.tx.Exec(ctx, `UPDATE stage s SET refusal = 'there is no partner "' || s.partner || '"' WHERE s.refusal IS NULL AND NOT EXISTS (SELECT 1 FROM partners p WHERE p.number = s.partner)`)
	return err
}

func (s *stage) findDoubles(ctx context.Context) error {
	keys := strings.Join(s.m.Key, ", ")
	_, err := s.tx.Exec(ctx, `UPDATE stage s SET refusal = 'the select returns this key ' || d.n || ' times' FROM (SELECT `+keys+`, count(*) AS n FROM stage GROUP BY `+keys+` HAVING count(*) > 1) d WHERE `+
		each(s.m.Key, " AND ", same("s", "d")))
	return err
}

func (s *stage) quarantine(ctx context.Context, complete bool) (n int64, err error) {
	n, err = s.tx.Exec(ctx, `
		INSERT INTO quarantine AS q (entity, key, reason, row_data, first_seen, last_seen, tries)
		SELECT DISTINCT ON (key) $1, key, refusal, raw, $2, $2, 1
		FROM (SELECT `+s.keyText("s")+` AS key, refusal, coalesce(raw, (to_jsonb(s) - 'refusal' - 'raw')::text) AS raw FROM stage s WHERE refusal IS NOT NULL) r
		ORDER BY key
		ON CONFLICT (entity, key) DO UPDATE SET reason = excluded.reason, row_data = excluded.row_data, last_seen = excluded.last_seen, tries = q.tries + 1`,
		s.m.Entity, s.tx.Now)
	if err != nil {
		return n, err
	}
	if complete {
		_, err = s.tx.Exec(ctx, `DELETE FROM quarantine WHERE entity = $1 AND last_seen < $2`, s.m.Entity, s.tx.Now)
	} else {
		_, err = s.tx.Exec(ctx, `DELETE FROM quarantine q USING stage s WHERE q.entity = $1 AND s.refusal IS NULL AND q.key = `+s.keyText("s"), s.m.Entity)
	}
	return n, err
}

// track keeps what a watched column was and what it became, before the row is written over.
func (s *stage) track(ctx context.Context) error {
	for _, c := range s.m.Track {
		_, err := s.tx.Exec(ctx, `
			INSERT INTO changes (partner_id, noun, key, at, field, was, became)
			SELECT t.partner_id, $1, t.`+s.m.Doc+`, $2, $3, t.`+c+`::text, s.`+c+`::text
			FROM stage s JOIN partners p ON p.number = s.partner JOIN `+s.m.Table+` t ON t.partner_id = p.partner_id AND `+each(s.m.Key, " AND ", same("t", "s"))+`
			WHERE s.refusal IS NULL AND t.`+c+` IS DISTINCT FROM s.`+c+`
			ON CONFLICT DO NOTHING`, s.m.Noun, s.tx.Now, c)
		if err != nil {
			return err
		}
	}
	return nil
}

// remove takes out what moved to another partner and, when the stage is complete, what the core no longer has.
func (s *stage) remove(ctx context.Context, complete bool) (n int64, err error) {
	keys := each(s.m.Key, " AND ", same("t", "s"))
	if s.m.Owned {
		if _, err = s.gone(ctx, `DELETE FROM `+s.m.Table+` t USING stage s JOIN partners p ON p.number = s.partner WHERE s.refusal IS NULL AND `+keys+` AND t.partner_id <> p.partner_id RETURNING t.partner_id`); err != nil {
			return 0, err
		}
	}
	if !complete || s.m.Published {
		return 0, nil
	}
	owner := "0::bigint"
	if s.m.Owned || s.m.Table == "partners" {
		owner = "t.partner_id"
	}
	absent := `NOT EXISTS (SELECT 1 FROM stage s WHERE ` + keys + `)`
	if s.m.Retire != "" {
		return s.gone(ctx, `UPDATE `+s.m.Table+` t SET `+s.m.Retire+` = $1, changed_at = $1 WHERE t.`+s.m.Retire+` IS NULL AND t.kind <> 'host' AND `+absent+` RETURNING `+owner, s.tx.Now)
	}
	return s.gone(ctx, `DELETE FROM `+s.m.Table+` t WHERE `+absent+` RETURNING `+owner)
}

// gone runs a statement that returns the partner of every row it took out.
func (s *stage) gone(ctx context.Context, statement string, args ...any) (n int64, err error) {
	partners := map[int64]bool{}
	err = s.tx.Each(ctx, func(row *sqlx.Rows) error {
		var p int64
		n++
		err := row.Scan(&p)
		partners[p] = true
		return err
	}, statement, args...)
	s.changed(partners)
	return n, err
}

func (s *stage) changed(partners map[int64]bool) {
	if !s.m.Owned && s.m.Table != "partners" {
		return
	}
	for _, noun := range s.m.Nouns {
		for p := range partners {
			s.tx.Changed(noun, p)
		}
	}
}

func (s *stage) write(ctx context.Context) (inserted, updated int64, err error) {
	cols := s.columns()
	into, from, join, conflict := cols, each(cols, ", ", prefix("s.")), "", strings.Join(s.m.Key, ", ")
	owner := "0::bigint"
	if s.m.Owned {
		into, from = append([]string{"partner_id"}, cols...), "p.partner_id, "+from
		join, conflict = " JOIN partners p ON p.number = s.partner", "partner_id, "+conflict
	}
	if s.m.Owned || s.m.Table == "partners" {
		owner = "t.partner_id"
	}
	set, distinct := each(cols, ", ", func(c string) string { return c + " = excluded." + c }),
		"("+each(cols, ", ", prefix("t."))+") IS DISTINCT FROM ("+each(cols, ", ", prefix("excluded."))+")"
	if s.m.Retire != "" {
		set, distinct = set+", "+s.m.Retire+" = NULL", distinct+" OR t."+s.m.Retire+" IS NOT NULL"
	}
	partners := map[int64]bool{}
	err = s.tx.Each(ctx, func(row *sqlx.Rows) error {
		var p, ins, upd int64
		if err := row.Scan(&p, &ins, &upd); err != nil {
			return err
		}
		partners[p], inserted, updated = true, inserted+ins, updated+upd
		return nil
	}, `
		WITH written AS (
			INSERT INTO `+s.m.Table+` AS t (`+strings.Join(into, ", ")+`, changed_at)
			SELECT `+from+`, $1 FROM stage s`+join+` WHERE s.refusal IS NULL
			ON CONFLICT (`+conflict+`) DO UPDATE SET `+set+`, changed_at = excluded.changed_at WHERE `+distinct+`
			RETURNING `+owner+` AS partner_id, t.xmax = 0 AS inserted)
		SELECT partner_id, count(*) FILTER (WHERE inserted), count(*) FILTER (WHERE NOT inserted) FROM written GROUP BY partner_id`, s.tx.Now)
	s.changed(partners)
	return inserted, updated, err
}

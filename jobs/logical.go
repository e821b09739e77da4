package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lib/pq"

	"extranet/portal"
)

// What is in the slot is looked at, merged, committed in the portal, and only then let go: so it comes at least once, and a merge does not mind.
const (
	publicationName = "extranet"
	// slotName is SQL: slots belong to the whole server, and each database of it may be somebody's core.
	slotName = `'extranet_' || regexp_replace(lower(current_database()), '[^a-z0-9_]', '_', 'g')`
	// changesAtOnce bounds what one round looks at; it ends with a commit, so one huge transaction comes whole.
	changesAtOnce = 50_000
	// slotLimit is how much of its log the core may have to keep for us, in bytes, when the mapping says nothing else.
	slotLimit = 4 << 30
)

// slot is this source's.
func (s *Source) slot(ctx context.Context) (slot, error) {
	its := slot{publication: publicationName}
	if err := s.db.QueryRowContext(ctx, `SELECT `+slotName).Scan(&its.name); err != nil {
		return its, s.noSlot(ctx, err)
	}
	return its, nil
}

// slotThere returns how many bytes of the core's log the slot keeps from being recycled. lost says why there is none to look into: it is not
// there, the core gave it up, or it held up more of the core's disk than it may, and is given up here.
func (s *Source) slotThere(ctx context.Context) (kept int64, lost string, err error) {
	its, err := s.slot(ctx)
	if err != nil {
		return 0, "", err
	}
	kept, gaveUp, err := its.behind(ctx, s.db)
	switch {
	case portal.Says(err).Kind == portal.NotFound:
		return 0, "its slot " + its.name + " is not there", nil
	case err != nil:
		return 0, "", s.noSlot(ctx, err)
	case gaveUp:
		lost = "the core gave up its slot " + its.name + ": it was behind by more than max_slot_wal_keep_size"
	case kept > s.slotLimit:
		lost = fmt.Sprintf("its slot %s kept %s of the core's log, more than slot_limit: %s, and was given up", its.name, sizeText(kept), sizeText(s.slotLimit))
	default:
		return kept, "", nil
	}
	if _, err := s.db.ExecContext(ctx, `SELECT pg_drop_replication_slot($1)`, its.name); err != nil {
		return 0, "", s.noSlot(ctx, err)
	}
	return 0, lost, nil
}

var sizes = []struct {
	unit  string
	bytes int64
}{{"TB", 1 << 40}, {"GB", 1 << 30}, {"MB", 1 << 20}}

// sizeText writes bytes as the mapping does.
func sizeText(n int64) string {
	for _, s := range sizes {
		if n >= s.bytes {
			return strconv.FormatFloat(float64(n*10/s.bytes)/10, 'f', -1, 64) + s.unit
		}
	}
	return strconv.FormatInt(n>>10, 10) + "kB"
}

// untold is an error when a changed row of one of the tables would not tell, of what it was, the columns that are needed: then what it was
// part of before could not be found. Postgres tells those of the replica identity, which is the primary key unless somebody said otherwise.
func (s *Source) untold(ctx context.Context, tables []string, needs map[string][]string) error {
	if s.told.Load() {
		return nil
	}
	for _, table := range tables {
		var full bool
		var identity pq.StringArray
		err := s.db.QueryRowContext(ctx, `
			SELECT c.relreplident = 'f', array(SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
				WHERE i.indrelid = c.oid AND CASE c.relreplident WHEN 'i' THEN i.indisreplident WHEN 'd' THEN i.indisprimary END)
			FROM pg_class c WHERE c.oid = to_regclass($1)`, table).Scan(&full, &identity)
		if errors.Is(err, sql.ErrNoRows) || full {
			continue // of one that is not there the select speaks
		}
		if err != nil {
			return s.noSlot(ctx, err)
		}
		var lacks []string
		for _, column := range needs[table] {
			if !slices.ContainsFunc(identity, func(i string) bool { return strings.EqualFold(i, strings.Trim(column, `"`)) }) {
				lacks = append(lacks, column)
			}
		}
		if len(lacks) > 0 {
			return portal.Errorf(portal.Invalid, "a changed row of %s does not tell what its %s was, so that what it belonged to cannot be found; let the core's owner run ALTER TABLE %s REPLICA IDENTITY FULL", table, strings.Join(lacks, ", "), table)
		}
	}
	s.told.Store(true)
	return nil
}

func (s *Source) makeSlot(ctx context.Context) error {
	if _, err := s.db.ExecContext(ctx, `SELECT pg_create_logical_replication_slot(`+slotName+`, 'pgoutput')`); err != nil {
		return s.noSlot(ctx, err)
	}
	return nil
}

func (s *Source) noSlot(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*pq.Error](err); ok && (e.Code == "55006" || e.Code == "42710") {
		return portal.Because(portal.Conflict, err, "another worker is at the slot of source %s", s.Name)
	}
	if k := portal.Says(err).Kind; k == portal.Conflict {
		return err
	}
	if ctx.Err() == nil && (s.dialect.spoke(err) || portal.Says(err).Kind == portal.NotFound) {
		return portal.Because(portal.Invalid, err, "the logical slot of source %s cannot be used", s.Name)
	}
	return s.failed(ctx, "the logical slot", err)
}

// position is how far the core has written for good.
func (s *Source) position(ctx context.Context) (at string, err error) {
	if err = s.db.QueryRowContext(ctx, `SELECT pg_current_wal_flush_lsn()::text`).Scan(&at); err != nil {
		err = s.noSlot(ctx, err)
	}
	return at, err
}

// slotTouches lists what was committed and not let go, by the columns that are needed of each table, and how to let go of exactly that.
func (s *Source) slotTouches(ctx context.Context, needs map[string][]string) (list []touch, more bool, forget func(context.Context) error, err error) {
	its, err := s.slot(ctx)
	if err != nil {
		return nil, false, nil, err
	}
	upTo, err := s.position(ctx)
	if err != nil {
		return nil, false, nil, err
	}
	n := 0
	needed := map[string][]string{}
	met := map[string]bool{}
	last, err := its.peek(ctx, s.db, changesAtOnce, func(c slotChange) error {
		n++
		if c.Truncated {
			list = append(list, touch{table: c.Table})
		}
		columns, known := needed[c.Table]
		if !known {
			for table, of := range needs {
				if sameTable(table, c.Table) {
					columns = append(columns, of...)
				}
			}
			needed[c.Table] = columns
		}
		for _, i := range []image{c.Old, c.New} {
			if !i.There() {
				continue
			}
			values, text := i.known(columns)
			if once := c.Table + "\n" + text; !met[once] {
				met[once] = true
				list = append(list, touch{c.Table, values})
			}
		}
		return nil
	})
	if err != nil {
		return nil, false, nil, s.noSlot(ctx, err)
	}
	if more = n >= changesAtOnce; more {
		upTo = last // there may be more between that and where the core was
	}
	return list, more, func(ctx context.Context) error {
		_, err := s.db.ExecContext(ctx, `SELECT pg_replication_slot_advance(slot_name, $2::pg_lsn) FROM pg_replication_slots WHERE slot_name = $1 AND confirmed_flush_lsn < $2::pg_lsn`, its.name, upTo)
		if err != nil {
			return s.noSlot(ctx, err)
		}
		return nil
	}, nil
}

// known are those of the columns of which the image says what they hold, in small letters; text tells them apart from those of other rows.
func (i image) known(columns []string) (values map[string]*string, text string) {
	values = make(map[string]*string, len(columns))
	var all strings.Builder
	for _, c := range i.columns {
		if !slices.ContainsFunc(columns, func(needed string) bool { return strings.EqualFold(needed, c.name) }) {
			continue
		}
		said, null, known := i.Get(c.name)
		if !known {
			continue
		}
		name := strings.ToLower(c.name)
		if values[name] = &said; null {
			values[name] = nil
			all.WriteString(name + "\n-\n")
		} else {
			all.WriteString(name + "\n" + strconv.Quote(said) + "\n")
		}
	}
	return values, all.String()
}

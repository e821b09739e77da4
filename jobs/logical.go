package jobs

import (
	"context"
	"errors"
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
	changesAtOnce = 20_000
	// slotLimit is how much of its log the core may have to keep for us, in bytes. Past it the slot is given up, and everything is read anew.
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

// slotThere reports that there is a slot in which nothing was lost. One that holds up too much of the core's disk is given up.
func (s *Source) slotThere(ctx context.Context) (bool, error) {
	its, err := s.slot(ctx)
	if err != nil {
		return false, err
	}
	bytes, lost, err := its.behind(ctx, s.db)
	switch {
	case portal.Says(err).Kind == portal.NotFound:
		return false, nil
	case err != nil:
		return false, s.noSlot(ctx, err)
	case !lost && bytes <= slotLimit:
		return true, nil
	}
	if _, err := s.db.ExecContext(ctx, `SELECT pg_drop_replication_slot($1)`, its.name); err != nil {
		return false, s.noSlot(ctx, err)
	}
	return false, nil
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

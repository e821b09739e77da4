package jobs

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/lib/pq"

	"extranet/portal"
)

// A slot is a logical replication slot of a Postgres source, in which the source keeps what its tables went through until the
// portal has it. It is read through SQL functions, with the plugin pgoutput: a peek takes nothing away, and only what
// the portal has committed is let go. So what a pass that was cut off had read comes again.
type slot struct {
	name        string
	publication string
}

// A slotChange is one change of one row, or all rows of a table gone at once. It is good until the next.
type slotChange struct {
	Table     string // with its schema: sales.orders
	Truncated bool   // every row is gone; Old and New are empty
	Old       image  // the row before: its replica identity, or all of it; empty for a new row, and where the identity stayed the same
	New       image  // the row after; empty for a deleted row
}

// An image is what a change says of a row.
type image struct {
	columns []slotColumn
	values  []slotValue
}

type slotColumn struct {
	name string
	key  bool // of the replica identity
}

type slotValue struct {
	kind byte // t text, n NULL, u not said because it did not change
	text string
}

// There reports whether the change has this image of the row at all.
func (i image) There() bool { return len(i.values) > 0 }

// Get returns the column's text; known is false when the image does not say it.
func (i image) Get(column string) (text string, null, known bool) {
	for n, c := range i.columns {
		if c.name == column && n < len(i.values) {
			v := i.values[n]
			return v.text, v.kind == 'n', v.kind == 't' || v.kind == 'n' && (i.full() || c.key)
		}
	}
	return "", false, false
}

// full reports whether the image speaks of more than the replica identity; one of the identity alone leaves the rest NULL.
func (i image) full() bool {
	for n, v := range i.values {
		if v.kind != 'n' && !i.columns[n].key {
			return true
		}
	}
	return false
}

// peek gives f every change that is committed and not let go, in the order of commits, and takes nothing away. It ends with the first
// commit after atMost changes. upto is how far it read, to be given to release; "" when there was nothing.
// A slot that another reads at this moment is a Conflict; one that is not there, or has lost what it should have kept, is NotFound.
func (s slot) peek(ctx context.Context, db *sql.DB, atMost int, f func(slotChange) error) (upto string, err error) {
	rows, err := db.QueryContext(ctx, `SELECT data FROM pg_logical_slot_peek_binary_changes($1, NULL, $2, 'proto_version', '1', 'publication_names', $3)`, s.name, atMost, s.publication)
	if err != nil {
		return "", s.told(err)
	}
	defer rows.Close()
	d := decoder{relations: map[uint32]*relation{}}
	var data sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&data); err != nil {
			return "", err
		}
		change, ok, err := d.decode(data)
		if err != nil {
			return "", fmt.Errorf("reading the slot %s: %w", s.name, err)
		}
		for _, c := range change {
			if err := f(c); err != nil {
				return "", err
			}
		}
		if ok {
			upto = fmt.Sprintf("%X/%X", d.end>>32, uint32(d.end))
		}
	}
	if err := rows.Err(); err != nil {
		return "", s.told(err)
	}
	return upto, nil
}

// release lets go what was read up to upto. The portal must have committed it before.
func (s slot) release(ctx context.Context, db *sql.DB, upto string) error {
	if _, err := db.ExecContext(ctx, `SELECT pg_replication_slot_advance($1, $2::pg_lsn)`, s.name, upto); err != nil {
		return s.told(err)
	}
	return nil
}

// behind returns how many bytes of the source's log the slot keeps from being recycled, and whether the source gave it up: then what
// happened since is not in it, and everything has to be read anew. A slot that is not there is NotFound.
func (s slot) behind(ctx context.Context, db *sql.DB) (bytes int64, lost bool, err error) {
	var status sql.NullString
	err = db.QueryRowContext(ctx, `SELECT coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint, wal_status FROM pg_replication_slots WHERE slot_name = $1 AND database = current_database()`, s.name).Scan(&bytes, &status)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, portal.Errorf(portal.NotFound, "the core has no replication slot %q", s.name)
	}
	return bytes, status.String == "lost", err
}

func (s slot) told(err error) error {
	e, ok := errors.AsType[*pq.Error](err)
	if !ok {
		return err
	}
	switch e.Code {
	case "55006": // object in use
		return portal.Because(portal.Conflict, err, "another reads the replication slot %q", s.name)
	case "42704": // undefined object: the slot or the publication
		return portal.Because(portal.NotFound, err, "the core has no replication slot %q with the publication %q", s.name, s.publication)
	case "55000": // the slot was invalidated
		return portal.Because(portal.NotFound, err, "the replication slot %q has lost what it should have kept", s.name)
	}
	return err
}

// A decoder reads the messages of pgoutput, protocol version 1 (PostgreSQL documentation, "Logical Replication Message Formats").
type decoder struct {
	relations map[uint32]*relation
	end       uint64 // of the last commit, in the source's log
	changes   [2]slotChange
}

type relation struct {
	table   string
	columns []slotColumn
}

// decode reads one message. committed reports that it ends a transaction.
func (d *decoder) decode(message []byte) (changes []slotChange, committed bool, err error) {
	m := &reader{rest: message}
	kind := m.byte()
	switch kind {
	case 'R':
		id := m.uint32()
		schema, table := m.string(), m.string()
		m.byte() // the replica identity's kind
		r := &relation{table: schema + "." + table}
		for range m.uint16() {
			c := slotColumn{key: m.byte()&1 == 1}
			c.name = m.string()
			m.uint32() // type
			m.uint32() // type modifier
			r.columns = append(r.columns, c)
		}
		d.relations[id] = r
	case 'I', 'U', 'D':
		r := d.relations[m.uint32()]
		if r == nil {
			return nil, false, errors.New("a change of a table that was not described")
		}
		c := slotChange{Table: r.table}
		for len(m.rest) > 0 && !m.short {
			which := m.byte()
			i := image{columns: r.columns, values: m.tuple()}
			switch which {
			case 'N':
				c.New = i
			case 'K', 'O':
				c.Old = i
			default:
				return nil, false, fmt.Errorf("an unknown part %q of a change", which)
			}
		}
		changes = append(d.changes[:0], c)
	case 'T':
		n := m.uint32()
		m.byte() // options
		for range n {
			r := d.relations[m.uint32()]
			if r == nil || m.short {
				return nil, false, errors.New("a change of a table that was not described")
			}
			changes = append(changes, slotChange{Table: r.table, Truncated: true})
		}
	case 'C':
		m.byte()   // flags
		m.uint64() // where the commit lies
		d.end = m.uint64()
		committed = true
	}
	if m.short {
		return nil, false, fmt.Errorf("a message %q that ends too early", kind)
	}
	return changes, committed, nil
}

// A reader takes a message apart. short: it ended too early, and what was read since is zero.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.rest, r.short = nil, true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) string() string {
	for i, c := range r.rest {
		if c == 0 {
			return string(r.take(i + 1)[:i])
		}
	}
	r.rest, r.short = nil, true
	return ""
}

func (r *reader) tuple() []slotValue {
	values := make([]slotValue, 0, min(int(r.uint16()), 1600)) // as many columns as a table may have
	for range cap(values) {
		v := slotValue{kind: r.byte()}
		switch v.kind {
		case 'n', 'u':
		case 't':
			n := r.uint32()
			if n > math.MaxInt32 {
				r.short = true
				return nil
			}
			v.text = string(r.take(int(n)))
		default:
			r.rest, r.short = nil, true
			return nil
		}
		values = append(values, v)
	}
	return values
}

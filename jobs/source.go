package jobs

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"extranet/portal"
)

// A Source is one of the host's databases. Nothing is written to it but the commands that the mapping carries.
type Source struct {
	Name   string
	Driver string
	Where  string // host, port and database; never the password

	zone    *time.Location // of stamps that carry none
	session *time.Location // in which the database shows stamps that it keeps as instants; MySQL's TIMESTAMP
	trim    bool           // cut trailing spaces, which char(n) pads with

	emptyAsNull bool // '' is no value
	zeroDates   bool // 0000-00-00 is no value

	told      atomic.Bool // its tables tell enough of what changed; way logical
	slotLimit int64       // bytes of its log that a Postgres may keep for us

	db      *sql.DB
	dialect dialect
	wires   *wires // of a Postgres: rows come as COPY sends them; nil = through db
}

func newSource(name, driver string) *Source {
	return &Source{Name: name, Driver: driver, zone: time.UTC, session: time.UTC, trim: true, slotLimit: slotLimit}
}

func (s *Source) close() (err error) {
	if s.db != nil {
		err = s.db.Close()
	}
	if s.wires != nil {
		s.wires.close()
	}
	return err
}

func (s *Source) open(d dialect, url string) (err error) {
	s.dialect = d
	if s.db, s.Where, err = d.open(s, url); err != nil {
		return err
	}
	if s.Driver == "postgres" {
		if s.wires, err = newWires(url, s.zone); err != nil {
			return err
		}
	}
	s.db.SetMaxIdleConns(4)
	s.db.SetConnMaxIdleTime(5 * time.Minute)
	return nil
}

// A reading is one look at a source: everything in it is as of one point in time.
type reading struct {
	*Source
	conn   *sql.Conn
	tx     *sql.Tx
	asOf   time.Time // the source's clock when the reading began
	behind bool      // there is more that was committed before asOf than this reading is told of
	wire   *wire     // beside tx, once rows are read; what it sees is not older
}

// begin starts a reading. A source that does not answer is Unavailable.
func (s *Source) begin(ctx context.Context) (*reading, error) {
	conn, err := s.reach(ctx)
	if err != nil {
		return nil, s.silent(err)
	}
	r := &reading{Source: s, conn: conn}
	if r.tx, err = conn.BeginTx(ctx, s.dialect.transaction); err != nil {
		conn.Close()
		return nil, s.silent(err)
	}
	if r.asOf, err = r.clock(ctx); err != nil {
		r.end()
		return nil, s.silent(err)
	}
	return r, nil
}

// clock opens the transaction and asks what time it is for the source.
func (r *reading) clock(ctx context.Context) (now time.Time, err error) {
	if r.dialect.opening != "" {
		if _, err := r.tx.ExecContext(ctx, r.dialect.opening); err != nil {
			return now, err
		}
	}
	var said any
	if err := r.tx.QueryRowContext(ctx, r.dialect.clock).Scan(&said); err != nil {
		return now, err
	}
	switch said := said.(type) {
	case time.Time:
		return said.UTC(), nil
	case []byte:
		now, err = time.Parse(time.RFC3339Nano, string(said))
	case string:
		now, err = time.Parse(time.RFC3339Nano, said)
	default:
		err = fmt.Errorf("the clock says %v", said)
	}
	return now.UTC(), err
}

// reach returns a connection that has just answered.
func (s *Source) reach(ctx context.Context) (*sql.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	for {
		conn, err := s.db.Conn(ctx)
		if err != nil {
			return nil, err
		}
		if err = conn.PingContext(ctx); err == nil {
			return conn, nil
		}
		conn.Close()
		if !errors.Is(err, driver.ErrBadConn) || ctx.Err() != nil { // one that died while it lay idle is replaced
			return nil, err
		}
	}
}

func (r *reading) end() {
	if r.wire != nil {
		r.wires.put(r.wire)
	}
	r.tx.Rollback()
	r.conn.Close()
}

func (s *Source) silent(err error) error {
	return portal.Because(portal.Unavailable, err, "the core database does not answer (source %s, %s)", s.Name, s.Where)
}

// failed says in plain words why a statement for the entity failed: in the database's own words when it spoke.
func (s *Source) failed(ctx context.Context, entity string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if s.dialect.spoke(err) {
		return portal.Because(portal.Invalid, err, "the select of %s fails", entity)
	}
	return s.silent(err)
}

// since is the least a stamp of the kind can say at or after t and up to asOf, as the source's database reads it.
// A wall clock that was put back between the two says less afterwards than before.
func (s *Source) since(t, asOf time.Time, kind stampKind) string {
	if kind == zonedStamp {
		return t.UTC().Format("2006-01-02 15:04:05.999999-07:00")
	}
	zone := s.zoneOf(kind)
	least := wall(t.In(zone))
	for at := t.In(zone); ; {
		_, change := at.ZoneBounds()
		if change.IsZero() || change.After(asOf) {
			break
		}
		at = change
		if w := wall(at); w.Before(least) {
			least = w
		}
	}
	if kind == dayStamp {
		return least.Format(time.DateOnly)
	}
	return least.Format("2006-01-02 15:04:05.999999")
}

// zoneOf is the zone of stamps of the kind that carry none.
func (s *Source) zoneOf(kind stampKind) *time.Location {
	if kind == sessionStamp {
		return s.session
	}
	return s.zone
}

// stampAt is the n-th value of a statement as a stamp of the kind.
func (s *Source) stampAt(n int, kind stampKind) string {
	return s.stamped(s.dialect.placeholder(n), kind)
}

// stamped is a value of a statement as a stamp of the kind.
func (s *Source) stamped(value string, kind stampKind) string {
	if s.dialect.stampAt != nil {
		return s.dialect.stampAt(value, kind)
	}
	return value
}

// wall is what the clock on the wall says at t, as if it were UTC.
func wall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// instant is when the wall clock of zone said w; the first time, when it said so twice.
func instant(w time.Time, zone *time.Location) time.Time {
	if zone == time.UTC {
		return wall(w)
	}
	w = wall(w)
	_, before := w.Add(-24 * time.Hour).In(zone).Zone()
	first := w.Add(-time.Duration(before) * time.Second)
	if wall(first.In(zone)).Equal(w) {
		return first.UTC()
	}
	_, after := w.Add(24 * time.Hour).In(zone).Zone()
	second := w.Add(-time.Duration(after) * time.Second)
	if wall(second.In(zone)).Equal(w) {
		return second.UTC()
	}
	return first.UTC() // a time that the clock skipped
}

// dirty is what a pass has to read anew: everything, or what changed since a stamp, and these keys beside it.
type dirty struct {
	everything bool
	since      string     // least stamp to read, as the source's database reads it; "" = none
	kind       stampKind  // of the stamps
	keys       [][]string // each in the order of the mirror's key
	retried    [][]string // keys from quarantine, of which it is not sure how the core spells them
}

// keysAtOnce bounds how many keys one statement asks for; wiredAtOnce where they stand in its text, which a Postgres reads at once.
const (
	keysAtOnce  = 500
	wiredAtOnce = 2000
)

// query is the select, narrowed by where to some of its rows e; "" = all.
func (f *Feed) query(what, where string) string {
	q := f.Source.within(f.Select, "SELECT "+what+" FROM ", " e")
	switch {
	case f.Where != "" && where != "":
		q += " WHERE (" + f.Where + ") AND " + where
	case f.Where+where != "":
		q += " WHERE " + f.Where + where
	}
	return q
}

// within puts a select between the words of another.
func (s *Source) within(query, before, after string) string {
	if s.dialect.within != nil {
		return s.dialect.within(query, before, after)
	}
	return before + "(\n" + query + "\n)" + after
}

// at is the select's column as a statement over its rows e names it.
func (f *Feed) at(column string) string { return "e." + f.name(column) }

// name is the select's column, quoted, as its database spells it: case counts in some.
func (f *Feed) name(column string) string {
	spelled := column
	if d := f.described.Load(); d != nil {
		if s, ok := d.spelled[strings.ToLower(column)]; ok {
			spelled = s
		}
	}
	return f.Source.dialect.quote(spelled)
}

// A described is what a select says of itself without a row.
type described struct {
	spelled map[string]string // its columns, by their names in small letters
	stamp   stampKind         // how its watermark column tells time
	err     error             // why it cannot be used
}

// read yields the dirty rows as they arrive. A row is good until the next.
// newest is the greatest stamp seen; zero when none was. Keys that are gone from the core are returned as they were asked for.
func (f *Feed) read(ctx context.Context, r *reading, d dirty, yield func(portal.Row) error) (newest time.Time, gone [][]string, err error) {
	rows := &rowReader{feed: f, reading: r, yield: yield, asked: map[string]bool{}}
	if d.everything {
		err = rows.run(ctx, nil)
		return rows.newest, nil, err
	}
	for _, k := range d.retried {
		rows.asked[keyOf(k)] = true
	}
	for _, k := range d.keys {
		if n := f.normal(k); n != nil {
			rows.asked[keyOf(n)] = true
		}
	}
	wanted := len(rows.asked) > 0
	if d.since != "" {
		changed := func(arg func(string) string) string {
			return f.at(f.Watermark) + " >= " + r.stamped(arg(d.since), d.kind)
		}
		if err := rows.run(ctx, changed); err != nil {
			return rows.newest, nil, err
		}
		if f.Where != "" && len(f.entity.mirror.Series) == 0 {
			left := *rows
			left.outside = true
			if err := left.run(ctx, changed); err != nil {
				return rows.newest, nil, err
			}
		}
	}
	if !wanted {
		return rows.newest, nil, nil
	}
	if _, err := f.describe(ctx, r); err != nil {
		return rows.newest, nil, err
	}
	// Keys not met yet are asked for as they are, which an index serves, and those from quarantine that are not found then once more as text.
	asIs := func(e string) string { return e }
	if err := rows.runKeys(ctx, slices.Concat(d.keys, d.retried), asIs); err != nil {
		return rows.newest, nil, err
	}
	if err := rows.runKeys(ctx, d.retried, r.dialect.asText); err != nil {
		return rows.newest, nil, err
	}
	for _, k := range slices.Concat(d.keys, d.retried) {
		n := f.normal(k)
		if n != nil && rows.asked[keyOf(n)] {
			delete(rows.asked, keyOf(n))
			gone = append(gone, n)
		}
	}
	return rows.newest, gone, nil
}

// whereKeys is true of the rows with these keys and perhaps of a few more: each part of the key is among those asked for. So an index
// of the core's serves it, and it is pushed down into whatever the select is made of.
func (f *Feed) whereKeys(keys [][]string, as func(string) string) narrowing {
	return func(arg func(string) string) string {
		all := f.entity.keyColumns()
		for j, column := range all {
			met := map[string]bool{}
			var list []string
			for _, key := range keys {
				if !met[key[j]] {
					met[key[j]] = true
					list = append(list, arg(key[j]))
				}
			}
			all[j] = as(f.at(column)) + " IN (" + strings.Join(list, ", ") + ")"
		}
		return strings.Join(all, " AND ")
	}
}

// keyOf writes a key as quarantine does.
func keyOf(parts []string) string {
	b, _ := json.Marshal(parts)
	return string(b)
}

// rowReader brings the rows of a source into the portal's form.
type rowReader struct {
	feed    *Feed
	reading *reading
	yield   func(portal.Row) error
	asked   map[string]bool // keys still to be found
	among   map[string]bool // the keys that rows are asked for by; nil = by something else
	newest  time.Time
	outside bool   // rows are those that the entity's condition leaves out: they are gone
	shape   *shape // of the select, once it is known: within a transaction it stays
}

// A narrowing is a condition on the rows e of a select. arg writes one of its values.
type narrowing func(arg func(value string) string) string

// query asks for the rows that the condition narrows it to; "" = all.
func (r *rowReader) query(condition string) string {
	if r.outside {
		return r.feed.Source.within(r.feed.Select, "SELECT * FROM ", " e") + " WHERE CASE WHEN " + r.feed.Where + " THEN 0 ELSE 1 END = 1 AND " + condition
	}
	return r.feed.query("*", condition)
}

func (r *rowReader) run(ctx context.Context, where narrowing) error {
	if r.reading.wires != nil {
		return r.runWire(ctx, where)
	}
	var args []any
	condition := ""
	if where != nil {
		condition = where(func(v string) string {
			args = append(args, v)
			return r.reading.dialect.placeholder(len(args))
		})
	}
	rows, err := r.reading.tx.QueryContext(ctx, r.query(condition), args...)
	if err != nil {
		return r.reading.failed(ctx, r.feed.Entity, err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return r.reading.failed(ctx, r.feed.Entity, err)
	}
	shape := r.feed.shape(columnsOf(types))
	if err := shape.err(r.feed); err != nil {
		return err
	}
	c := newConverter(r.feed, shape)
	for rows.Next() {
		if err := rows.Scan(c.targets...); err != nil {
			return r.reading.failed(ctx, r.feed.Entity, err)
		}
		row, stamp := c.row()
		if err := r.take(c, row, stamp); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return r.reading.failed(ctx, r.feed.Entity, err)
	}
	return nil
}

// runKeys yields the rows with those of the keys that are still to be found. Neighbours are asked for together: what one statement returns
// beside what it is to return belongs to another, which returns it too.
func (r *rowReader) runKeys(ctx context.Context, keys [][]string, as func(string) string) error {
	defer func() { r.among = nil }()
	atOnce := keysAtOnce
	if r.reading.wires != nil {
		atOnce = wiredAtOnce
	}
	keys = slices.Clone(keys)
	slices.SortFunc(keys, slices.Compare)
	for chunk := range slices.Chunk(keys, atOnce) {
		r.among = make(map[string]bool, len(chunk))
		var some [][]string
		for _, k := range chunk {
			if n := r.feed.normal(k); n != nil && r.asked[keyOf(n)] {
				r.among[keyOf(n)] = true
				some = append(some, k)
			}
		}
		if len(some) == 0 {
			continue
		}
		if err := r.run(ctx, r.feed.whereKeys(some, as)); err != nil {
			return err
		}
	}
	return nil
}

// take hands a row on.
func (r *rowReader) take(c *converter, row portal.Row, stamp time.Time) error {
	if r.outside {
		for i := range row.Values {
			if !slices.Contains(c.keys, i) {
				row.Values[i] = nil
			}
		}
		if c.key(row) == "" {
			return nil
		}
		row.Gone, row.Refusal, row.Raw = true, "", ""
		delete(r.asked, c.key(row))
		return r.yield(row)
	}
	if r.among != nil && !r.among[c.key(row)] {
		return nil
	}
	if stamp.After(r.newest) {
		r.newest = stamp
	}
	if len(r.asked) > 0 {
		delete(r.asked, c.key(row))
	}
	return r.yield(row)
}

// describe learns how the select's columns are spelled and how the watermark column tells time, without reading a row.
func (f *Feed) describe(ctx context.Context, r *reading) (*described, error) {
	if d := f.described.Load(); d != nil && d.err == nil {
		return d, nil
	}
	rows, err := r.tx.QueryContext(ctx, f.query("*", "1 = 0"))
	if err != nil {
		return nil, r.failed(ctx, f.Entity, err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, r.failed(ctx, f.Entity, err)
	}
	d := f.learn(f.shape(columnsOf(types)), columnsOf(types))
	return d, d.err
}

// taken are the columns that the select returns and the portal takes.
func (f *Feed) taken(d *described) (columns []string) {
	for _, c := range f.entity.mirror.Columns {
		if name := f.entity.column(c.Name); d.spelled[name] != "" {
			columns = append(columns, name)
		}
	}
	return columns
}

// learn keeps what a select says of itself.
func (f *Feed) learn(s shape, columns []column) *described {
	d := &described{spelled: map[string]string{}, err: s.err(f)}
	for _, c := range columns {
		d.spelled[strings.ToLower(c.name)] = c.name
	}
	if s.watermark >= 0 {
		d.stamp = s.kinds[s.watermark]
	}
	f.described.Store(d)
	return d
}

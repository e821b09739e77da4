package jobs

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"

	"extranet/portal"
)

// A Source is one of the host's databases. Nothing is written to it but the commands that the mapping carries.
type Source struct {
	Name   string
	Driver string
	Where  string // host, port and database; never the password

	zone    *time.Location // of stamps that carry none
	trim    bool           // cut trailing spaces, which char(n) pads with
	db      *sql.DB
	dialect dialect
}

// A dialect is what differs between the databases that a source can be.
type dialect struct {
	example     string
	open        func(url string, zone *time.Location) (db *sql.DB, where string, err error)
	transaction *sql.TxOptions // sees one state of the database throughout, and writes nothing
	clock       string         // returns the present as a stamp with a zone
	placeholder func(n int) string
	first       func(query string, n int) string // its first n rows
	asText      func(expression string) string
	suits       map[portal.Type][]string // types that need no luck; others are converted value by value
	stampKind   func(databaseType string) stampKind
	spoke       func(err error) bool // the database itself refused, so it is there
	said        func(err error) said // in which words
	estimate    func(ctx context.Context, tx *sql.Tx, query string) (rows int64, err error)
}

// said is what a database said as it refused a statement.
type said struct {
	codes     []string // the constraint that was broken, the SQLSTATE and others, the most particular first
	words     string
	duplicate bool // a unique key is there already
}

// A stampKind is how a column tells time.
type stampKind int32

const (
	noStamp    stampKind = iota
	naiveStamp           // wall clock of the source's zone
	zonedStamp           // an instant
	dayStamp             // a day of the source's zone
)

// dialects by the mapping's word for the driver.
var dialects = map[string]dialect{
	"postgres": {
		example:     "postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=require",
		open:        openPostgres,
		transaction: &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
		clock:       `SELECT now()`,
		placeholder: func(n int) string { return "$" + strconv.Itoa(n) },
		first:       func(query string, n int) string { return query + " LIMIT " + strconv.Itoa(n) },
		asText:      func(e string) string { return "rtrim(CAST(" + e + " AS text))" },
		suits: map[portal.Type][]string{
			portal.Int:     {"INT2", "INT4", "INT8"},
			portal.Decimal: {"INT2", "INT4", "INT8", "NUMERIC"},
			portal.Day:     {"DATE", "TIMESTAMP", "TIMESTAMPTZ"},
			portal.Stamp:   {"TIMESTAMP", "TIMESTAMPTZ"},
			portal.Bool:    {"BOOL"},
		},
		stampKind: func(databaseType string) stampKind {
			switch databaseType {
			case "TIMESTAMP":
				return naiveStamp
			case "TIMESTAMPTZ":
				return zonedStamp
			case "DATE":
				return dayStamp
			}
			return noStamp
		},
		spoke: func(err error) bool {
			e, ok := errors.AsType[*pq.Error](err)
			return ok && e.Code.Class() != "08" && e.Code.Class() != "57"
		},
		said: func(err error) said {
			e, ok := errors.AsType[*pq.Error](err)
			if !ok {
				return said{}
			}
			return said{codes: []string{e.Constraint, string(e.Code), string(e.Code.Class())}, words: e.Message, duplicate: e.Code == "23505"}
		},
		estimate: func(ctx context.Context, tx *sql.Tx, query string) (int64, error) {
			var plan []byte
			if err := tx.QueryRowContext(ctx, `EXPLAIN (FORMAT JSON) `+query).Scan(&plan); err != nil {
				return 0, err
			}
			var nodes []struct {
				Plan struct {
					Rows int64 `json:"Plan Rows"`
				}
			}
			if err := json.Unmarshal(plan, &nodes); err != nil || len(nodes) == 0 {
				return 0, fmt.Errorf("reading the plan: %w", err)
			}
			return nodes[0].Plan.Rows, nil
		},
	},
}

// answerLimit is how long a source may take to take up the conversation.
const answerLimit = 10 * time.Second

func openPostgres(url string, zone *time.Location) (*sql.DB, string, error) {
	cfg, err := pq.NewConfig(url)
	if err != nil {
		return nil, "", err
	}
	if cfg.Runtime == nil {
		cfg.Runtime = map[string]string{}
	}
	cfg.Runtime["timezone"] = zone.String()
	if cfg.ApplicationName == "" {
		cfg.ApplicationName = "extranet"
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = answerLimit
	}
	c, err := pq.NewConnectorConfig(cfg)
	if err != nil {
		return nil, "", err
	}
	c.Dialer(dialer{})
	return sql.OpenDB(c), fmt.Sprintf("%s:%d/%s", cfg.Host, cfg.Port, cfg.Database), nil
}

// dialer notices within half a minute that the other side of a silent connection is gone.
type dialer struct{}

func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialTimeout(network, address, 0)
}

func (dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	return (&net.Dialer{Timeout: timeout, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}).Dial(network, address)
}

func (s *Source) open(d dialect, url string) (err error) {
	s.dialect = d
	if s.db, s.Where, err = d.open(url, s.zone); err != nil {
		return err
	}
	s.db.SetMaxIdleConns(4)
	s.db.SetConnMaxIdleTime(5 * time.Minute)
	return nil
}

// A reading is one look at a source: everything in it is as of one point in time.
type reading struct {
	*Source
	conn *sql.Conn
	tx   *sql.Tx
	asOf time.Time // the source's clock when the reading began
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
	if err := r.tx.QueryRowContext(ctx, s.dialect.clock).Scan(&r.asOf); err != nil {
		r.end()
		return nil, s.silent(err)
	}
	r.asOf = r.asOf.UTC()
	return r, nil
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
	least := wall(t.In(s.zone))
	for at := t.In(s.zone); ; {
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
	keys       [][]string // each in the order of the mirror's key
}

// keysAtOnce bounds how many keys one statement asks for.
const keysAtOnce = 200

// query is the select, narrowed by where to some of its rows e; "" = all.
func (f *Feed) query(what, where string) string {
	q := "SELECT " + what + " FROM (\n" + f.Select + "\n) e"
	if where != "" {
		q += " WHERE " + where
	}
	return q
}

// read yields the dirty rows as they arrive. A row is good until the next.
// newest is the greatest stamp seen; zero when none was. Keys that are gone from the core are returned as they were asked for.
func (f *Feed) read(ctx context.Context, r *reading, d dirty, yield func(portal.Row) error) (newest time.Time, gone [][]string, err error) {
	rows := &rowReader{feed: f, reading: r, yield: yield, asked: map[string]bool{}}
	for _, k := range d.keys {
		rows.asked[keyOf(k)] = true
	}
	if d.everything {
		err = rows.run(ctx, f.query("*", ""))
		return rows.newest, nil, err
	}
	if d.since != "" {
		if err := rows.run(ctx, f.query("*", "e."+f.Watermark+" >= "+r.dialect.placeholder(1)), d.since); err != nil {
			return rows.newest, nil, err
		}
	}
	// Keys not met yet are asked for as they are, which an index serves, and those not found then once more as text.
	for _, as := range []func(string) string{func(e string) string { return e }, r.dialect.asText} {
		missing := slices.DeleteFunc(slices.Clone(d.keys), func(k []string) bool { return !rows.asked[keyOf(k)] })
		for chunk := range slices.Chunk(missing, keysAtOnce) {
			where, args := f.whereKeys(r.dialect, chunk, as)
			if err := rows.run(ctx, f.query("*", where), args...); err != nil {
				return rows.newest, nil, err
			}
		}
	}
	for _, k := range d.keys {
		if rows.asked[keyOf(k)] {
			gone = append(gone, k)
		}
	}
	return rows.newest, gone, nil
}

func (f *Feed) whereKeys(d dialect, keys [][]string, as func(string) string) (where string, args []any) {
	columns := f.entity.keyColumns()
	either := make([]string, len(keys))
	for i, key := range keys {
		all := make([]string, len(key))
		for j, part := range key {
			args = append(args, part)
			all[j] = as("e."+columns[j]) + " = " + d.placeholder(len(args))
		}
		either[i] = "(" + strings.Join(all, " AND ") + ")"
	}
	return "(" + strings.Join(either, " OR ") + ")", args
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
	newest  time.Time
}

func (r *rowReader) run(ctx context.Context, query string, args ...any) error {
	rows, err := r.reading.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return r.reading.failed(ctx, r.feed.Entity, err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return r.reading.failed(ctx, r.feed.Entity, err)
	}
	shape := r.feed.shape(types)
	if err := shape.err(r.feed); err != nil {
		return err
	}
	c := newConverter(r.feed, shape)
	for rows.Next() {
		if err := rows.Scan(c.targets...); err != nil {
			return r.reading.failed(ctx, r.feed.Entity, err)
		}
		row, stamp := c.row()
		if stamp.After(r.newest) {
			r.newest = stamp
		}
		if len(r.asked) > 0 {
			delete(r.asked, c.key(row))
		}
		if err := r.yield(row); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return r.reading.failed(ctx, r.feed.Entity, err)
	}
	return nil
}

// describe learns how the watermark column tells time, without reading a row.
func (f *Feed) describe(ctx context.Context, r *reading) (stampKind, error) {
	if k := stampKind(f.stampKind.Load()); k != noStamp {
		return k, nil
	}
	rows, err := r.tx.QueryContext(ctx, f.query("*", "1 = 0"))
	if err != nil {
		return noStamp, r.failed(ctx, f.Entity, err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return noStamp, r.failed(ctx, f.Entity, err)
	}
	shape := f.shape(types)
	if err := shape.err(f); err != nil {
		return noStamp, err
	}
	f.stampKind.Store(int32(shape.kinds[shape.watermark]))
	return shape.kinds[shape.watermark], nil
}

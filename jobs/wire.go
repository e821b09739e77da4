package jobs

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/lib/pq"
	"github.com/lib/pq/oid"
	"github.com/lib/pq/pqerror"

	"extranet/portal"
)

// wires are connections to a Postgres source over which rows come by COPY … TO STDOUT: each as one message, which is taken apart where it lies.
type wires struct {
	config *pgconn.Config
	idle   chan *pgconn.PgConn
}

// A wire is in a transaction that sees one state of the database, and writes nothing.
type wire struct {
	conn   *pgconn.PgConn
	byKeys bool // it asks for rows by their keys now
}

const idleWires = 4

func newWires(url string, zone *time.Location) (*wires, error) {
	cfg, err := pq.NewConfig(url)
	if err != nil {
		return nil, err
	}
	config, err := pgconn.ParseConfig(withSSLMode(url, string(cfg.SSLMode)))
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["timezone"], config.RuntimeParams["datestyle"], config.RuntimeParams["client_encoding"] = zone.String(), "ISO", "UTF8"
	config.RuntimeParams["extra_float_digits"] = "3"
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "extranet"
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = answerLimit
	}
	config.DialFunc = dialer{}.DialContext
	config.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		return pgproto3.NewFrontend(&ahead{r: r, buf: make([]byte, 64<<10)}, w)
	}
	return &wires{config: config, idle: make(chan *pgconn.PgConn, idleWires)}, nil
}

// withSSLMode writes the mode into the URL, so that both drivers hold the same.
func withSSLMode(url, mode string) string {
	switch {
	case strings.Contains(url, "sslmode=") || mode == "":
		return url
	case !strings.Contains(url, "://"):
		return url + " sslmode=" + mode
	case strings.Contains(url, "?"):
		return url + "&sslmode=" + mode
	}
	return url + "?sslmode=" + mode
}

// ahead reads from the network more than is asked for.
type ahead struct {
	r        io.Reader
	buf      []byte
	from, to int
}

func (a *ahead) Read(p []byte) (int, error) {
	if a.from == a.to {
		if len(p) >= len(a.buf) {
			return a.r.Read(p)
		}
		n, err := a.r.Read(a.buf)
		a.from, a.to = 0, n
		if n == 0 {
			return 0, err
		}
	}
	n := copy(p, a.buf[a.from:a.to])
	a.from += n
	return n, nil
}

// begin returns a wire in a transaction of its own.
func (w *wires) begin(ctx context.Context) (*wire, error) {
	const opening = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`
	for {
		select {
		case conn := <-w.idle:
			if _, err := conn.Exec(ctx, opening).ReadAll(); err == nil {
				return &wire{conn: conn}, nil
			}
			w.put(&wire{conn: conn})
			continue
		default:
		}
		conn, err := pgconn.ConnectConfig(ctx, w.config)
		if err != nil {
			return nil, err
		}
		if _, err := conn.Exec(ctx, opening).ReadAll(); err != nil {
			w.put(&wire{conn: conn})
			return nil, err
		}
		return &wire{conn: conn}, nil
	}
}

// put ends the wire's transaction and keeps the connection for the next, when it is of any use.
func (w *wires) put(used *wire) {
	ctx, cancel := context.WithTimeout(context.Background(), answerLimit)
	defer cancel()
	if !used.conn.IsClosed() {
		if _, err := used.conn.Exec(ctx, `ROLLBACK`).ReadAll(); err == nil {
			select {
			case w.idle <- used.conn:
				return
			default:
			}
		}
		used.conn.Close(ctx) //nolint:errcheck // it is of no use any more
	}
	select {
	case <-used.conn.CleanupDone(): // until then the source may still be at work for us
	case <-ctx.Done():
	}
}

func (w *wires) close() {
	for {
		select {
		case conn := <-w.idle:
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			conn.Close(ctx) //nolint:errcheck // it was idle
			cancel()
		default:
			return
		}
	}
}

// askByKeys has the database walk indexes, for the rest of the transaction: by its own reckoning, which is of disks that turn, it goes through a joined
// table whole, however large, for a few thousand rows.
func (w *wire) askByKeys(ctx context.Context) error {
	if w.byKeys {
		return nil
	}
	w.byKeys = true
	_, err := w.conn.Exec(ctx, `SELECT set_config(name, value, true) FROM (VALUES ('random_page_cost', '1.1'), ('max_parallel_workers_per_gather', '0')) v (name, value) JOIN pg_settings USING (name)`).ReadAll()
	return err
}

// describe says what the query returns, without reading a row.
func (w *wire) describe(ctx context.Context, query string) ([]column, error) {
	about, err := w.conn.Prepare(ctx, "", query, nil)
	if err != nil {
		return nil, err
	}
	columns := make([]column, len(about.Fields))
	for i, f := range about.Fields {
		columns[i] = column{f.Name, oid.TypeName[oid.Oid(f.DataTypeOID)]}
	}
	return columns, nil
}

// inWords is the error of the one driver as the other says it.
func inWords(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return &pq.Error{Severity: e.Severity, Code: pqerror.Code(e.Code), Message: e.Message, Detail: e.Detail, Hint: e.Hint}
	}
	return err
}

// runWire is run for a Postgres.
func (r *rowReader) runWire(ctx context.Context, where narrowing) (err error) {
	if r.reading.wire == nil {
		if r.reading.wire, err = r.reading.wires.begin(ctx); err != nil {
			return r.reading.failed(ctx, r.feed.Entity, inWords(err))
		}
	}
	if r.among != nil {
		if err := r.reading.wire.askByKeys(ctx); err != nil {
			return r.reading.failed(ctx, r.feed.Entity, inWords(err))
		}
	}
	condition := ""
	if where != nil {
		condition = where(pq.QuoteLiteral)
	}
	query := r.query(condition)
	if r.shape == nil {
		columns, err := r.reading.wire.describe(ctx, query)
		if err != nil {
			return r.reading.failed(ctx, r.feed.Entity, inWords(err))
		}
		shape := r.feed.shape(columns)
		if err := shape.err(r.feed); err != nil {
			return err
		}
		r.shape = &shape
	}
	t := newTaker(r, *r.shape)
	if _, err = r.reading.wire.conn.CopyTo(ctx, t, "COPY ("+query+") TO STDOUT"); t.err != nil {
		return t.err
	}
	if err != nil {
		return r.reading.failed(ctx, r.feed.Entity, inWords(err))
	}
	return nil
}

// A taker brings lines of COPY's text form into the portal's. Of most values the form is the same, and it is enough to look at them;
// a row with any other value is converted as those of every source are.
type taker struct {
	reader *rowReader
	slow   *converter
	plain  []func(b []byte) (fine []byte, ok bool) // of the mirror's columns; nil = none is plain
	whose  func(b []byte) (fine []byte, ok bool)   // the partner's number
	limits []int
	keys   []bool
	fields [][]byte
	out    [][]byte
	part   []byte // of a line whose rest is to come
	latest []byte // the greatest stamp seen, as it was written
	err    error  // of the portal's, which ended the reading
}

func newTaker(r *rowReader, s shape) *taker {
	f := r.feed
	m := f.entity.mirror
	t := &taker{reader: r, slow: newConverter(f, s), fields: make([][]byte, 0, len(s.names)), out: make([][]byte, len(m.Columns))}
	for i, c := range m.Columns {
		var plain func([]byte) ([]byte, bool)
		if at := s.columns[i]; at >= 0 {
			plain = plainly(s.types[at], c, f.Source)
		}
		if o := t.slow.options[i]; o.translate != nil || o.rounds {
			plain = nil
		}
		key := slices.Contains(t.slow.keys, i)
		t.plain, t.keys, t.limits = append(t.plain, plain), append(t.keys, key), append(t.limits, limit(c.Name, key))
	}
	if s.partner >= 0 {
		t.whose = plainly(s.types[s.partner], portal.Column{Name: partnerColumn}, f.Source)
	}
	return t
}

// Write takes one line, or the piece of one that a proxy cut.
func (t *taker) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			t.part = append(t.part, p...)
			break
		}
		line := p[:end]
		if len(t.part) > 0 {
			t.part = append(t.part, line...)
			line, t.part = t.part, t.part[:0]
		}
		if t.err = t.line(line); t.err != nil {
			return 0, t.err
		}
		p = p[end+1:]
	}
	return n, nil
}

func (t *taker) line(line []byte) error {
	s := &t.slow.shape
	t.fields = t.fields[:0]
	escaped := bytes.IndexByte(line, '\\') >= 0
	fast := true
	for rest := line; ; {
		end := bytes.IndexByte(rest, '\t')
		field := rest
		if end >= 0 {
			field = rest[:end]
		}
		if escaped && bytes.IndexByte(field, '\\') >= 0 {
			if len(field) == 2 && field[1] == 'N' {
				field = nil
			} else {
				fast = false
			}
		}
		t.fields = append(t.fields, field)
		if end < 0 {
			break
		}
		rest = rest[end+1:]
	}
	if len(t.fields) != len(s.names) {
		return t.reader.reading.failed(context.Background(), t.reader.feed.Entity, fmt.Errorf("a row of %d fields came, and not %d", len(t.fields), len(s.names)))
	}
	if fast {
		if row, stamp, ok := t.fastRow(); ok {
			return t.reader.take(t.slow, row, stamp)
		}
	}
	for i, field := range t.fields {
		t.slow.values[i] = nil
		if field != nil {
			t.slow.values[i] = scanned(s.types[i], unescape(field))
		}
	}
	row, stamp := t.slow.row()
	return t.reader.take(t.slow, row, stamp)
}

// fastRow is the row when every value of it is plain.
func (t *taker) fastRow() (row portal.Row, stamp time.Time, ok bool) {
	s := &t.slow.shape
	for i := range t.out {
		t.out[i] = nil
		at := s.columns[i]
		if at < 0 || t.fields[at] == nil {
			if t.slow.feed.entity.mirror.Columns[i].Required || t.slow.options[i].byDefault != nil {
				return row, stamp, false
			}
			continue
		}
		if t.plain[i] == nil {
			return row, stamp, false
		}
		v, fine := t.plain[i](t.fields[at])
		if !fine || t.slow.feed.Source.emptyAsNull && len(bytes.TrimLeft(v, " ")) == 0 || len(v) > t.limits[i] || t.keys[i] && len(v) == 0 {
			return row, stamp, false
		}
		t.out[i] = v
	}
	if s.partner >= 0 {
		if t.fields[s.partner] == nil || t.whose == nil {
			return row, stamp, false
		}
		v, fine := t.whose(t.fields[s.partner])
		if !fine || len(v) == 0 {
			return row, stamp, false
		}
		row.Partner = v
	}
	if w := s.watermark; w >= 0 && t.fields[w] != nil {
		b, n := t.fields[w], len(t.latest)
		if len(b) == n && (s.kinds[w] != zonedStamp || string(b[n-3:]) == string(t.latest[n-3:])) && bytes.Compare(b, t.latest) <= 0 {
			stamp = t.reader.newest // the same clock said as much or more before
		} else {
			at, isTime := scanned(s.types[w], string(b)).(time.Time)
			if isTime {
				stamp = t.slow.instant(w, at)
				t.latest = append(t.latest[:0], b...)
			}
		}
	}
	row.Values, row.Plain = t.out, true
	return row, stamp, true
}

// unescape reads a field of COPY's text form.
func unescape(f []byte) string {
	if bytes.IndexByte(f, '\\') < 0 {
		return string(f)
	}
	out := make([]byte, 0, len(f))
	for i := 0; i < len(f); i++ {
		c := f[i]
		if c == '\\' && i+1 < len(f) {
			i++
			c = f[i]
			if at := strings.IndexByte("bfnrtv", c); at >= 0 {
				c = "\b\f\n\r\t\v"[at]
			}
		}
		out = append(out, c)
	}
	return string(out)
}

// scanned is the text as lib/pq scans a value of the type, so that a value is one whichever way it comes.
func scanned(kind, text string) any {
	switch kind {
	case "INT2", "INT4", "INT8":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	case "FLOAT4", "FLOAT8":
		if x, err := strconv.ParseFloat(text, 64); err == nil {
			return x
		}
	case "BOOL":
		return text == "t"
	case "DATE", "TIMESTAMP", "TIMESTAMPTZ":
		if t, err := pq.ParseTimestamp(nil, text); err == nil {
			return t
		}
	case "BYTEA":
		if b, err := hex.DecodeString(strings.TrimPrefix(text, `\x`)); err == nil {
			return b
		}
	case "TEXT", "VARCHAR", "BPCHAR", "CHAR":
		return text
	}
	return []byte(text)
}

// plainly returns how to tell that a value of the source's type is good for the column as it is, or cut at its end; nil = it must always be converted.
func plainly(kind string, c portal.Column, s *Source) func([]byte) ([]byte, bool) {
	textual := kind == "TEXT" || kind == "VARCHAR" || kind == "BPCHAR"
	whole := kind == "INT2" || kind == "INT4" || kind == "INT8"
	switch {
	case c.Type == portal.Text && c.OneOf != nil && textual:
		allowed := c.OneOf
		return func(b []byte) ([]byte, bool) {
			if s.trim {
				b = bytes.TrimRight(b, " ")
			}
			for _, a := range allowed {
				if string(b) == a {
					return b, true
				}
			}
			return nil, false
		}
	case c.Type == portal.Text && c.OneOf == nil && textual:
		return func(b []byte) ([]byte, bool) {
			if s.trim {
				for len(b) > 0 && b[len(b)-1] == ' ' {
					b = b[:len(b)-1]
				}
			}
			return b, utf8.Valid(b)
		}
	case c.Type == portal.Text && c.OneOf == nil && (whole || kind == "NUMERIC" || kind == "UUID"),
		c.Type == portal.Int && whole, c.Type == portal.Decimal && whole:
		return func(b []byte) ([]byte, bool) { return b, true }
	case c.Type == portal.Int && kind == "NUMERIC":
		return func(b []byte) ([]byte, bool) { return b, len(b) <= 18 && digits(b) == len(b) }
	case c.Type == portal.Decimal && (kind == "NUMERIC" || textual):
		return func(b []byte) ([]byte, bool) {
			d := bytes.TrimPrefix(b, []byte{'-'})
			n := digits(d)
			if n > 0 && n < len(d) && d[n] == '.' {
				more := digits(d[n+1:])
				n += 1 + more
				if more == 0 {
					return nil, false
				}
			}
			return b, n > 0 && n == len(d) && n < 300
		}
	case c.Type == portal.Day && kind == "DATE":
		return func(b []byte) ([]byte, bool) { return b, len(b) == 10 && ordinary(b) }
	case c.Type == portal.Day && (kind == "TIMESTAMP" || kind == "TIMESTAMPTZ"):
		return func(b []byte) ([]byte, bool) {
			if len(b) < 19 || !ordinary(b) || b[len(b)-1] == 'C' {
				return nil, false
			}
			return b[:10], true
		}
	case c.Type == portal.Stamp && (kind == "TIMESTAMPTZ" || kind == "TIMESTAMP" && s.zone == time.UTC): // the portal's sessions are in UTC
		return func(b []byte) ([]byte, bool) { return b, len(b) >= 19 && ordinary(b) && b[len(b)-1] != 'C' }
	case c.Type == portal.Bool && kind == "BOOL":
		return func(b []byte) ([]byte, bool) { return b, true }
	}
	return nil
}

func digits(b []byte) int {
	for i, c := range b {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(b)
}

// ordinary reports that b begins with a day of the years 1 to 9999.
func ordinary(b []byte) bool {
	return digits(b[:4]) == 4 && b[4] == '-' && b[7] == '-' && string(b[:4]) != "0000"
}

package portal

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"

	"github.com/lib/pq"
)

// openingKey carries the statements that follow BEGIN in the same round trip.
type openingKey struct{}

// connector wraps lib/pq's connections: a transaction opens with its role and
// partner in one round trip, and a statement is prepared once per connection.
type connector struct{ driver.Connector }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{pqConn: inner.(pqConn), prepared: map[string]pqStmt{}}, nil
}

type pqConn interface {
	driver.Conn
	driver.Tx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type pqStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type conn struct {
	pqConn
	prepared map[string]pqStmt
	spoiled  bool // a query was cut off midway; not used again
}

// BeginTx opens a transaction with the statements that ctx carries.
func (c *conn) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	opening, ok := ctx.Value(openingKey{}).(string)
	if !ok {
		return nil, errors.New("portal: a transaction without a caller")
	}
	if _, err := c.pqConn.ExecContext(ctx, "BEGIN; "+opening, nil); err != nil {
		c.spoiled = true
		return nil, err
	}
	return tx{c}, nil
}

type tx struct{ c *conn }

func (t tx) Commit() error {
	err := t.c.pqConn.Commit()
	t.c.spoiled = t.c.spoiled || err != nil
	return err
}

func (t tx) Rollback() error {
	err := t.c.pqConn.Rollback()
	t.c.spoiled = t.c.spoiled || err != nil
	return err
}

// PrepareContext prepares a statement for the caller, who closes it. One that begins with COPY takes whole pieces of COPY's text.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s, err := c.pqConn.PrepareContext(ctx, query)
	if into, ok := s.(copier); ok && err == nil && strings.HasPrefix(query, "COPY ") {
		return copying{into}, nil
	}
	return s, c.after(ctx, query, err)
}

type copier interface {
	driver.Stmt
	CopyData(ctx context.Context, line string) (driver.Result, error)
}

// copying sends what it is executed with as it is: lines in COPY's text form, without the end of the last. Executed with nothing, it ends the copying.
type copying struct{ copier }

func (c copying) ExecContext(_ context.Context, args []driver.NamedValue) (driver.Result, error) {
	if len(args) == 0 {
		return c.copier.Exec(nil)
	}
	lines, ok := args[0].Value.(string)
	if !ok {
		return nil, errors.New("portal: COPY takes text")
	}
	return c.CopyData(context.Background(), lines) // cut off in the middle, it would take the connection with it
}

func (c *conn) IsValid() bool { return !c.spoiled && c.pqConn.IsValid() }

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if len(args) == 0 {
		rows, err := c.pqConn.QueryContext(ctx, query, args)
		return rows, c.after(ctx, query, err)
	}
	s, err := c.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, args)
	return rows, c.after(ctx, query, err)
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if len(args) == 0 {
		r, err := c.pqConn.ExecContext(ctx, query, args)
		return r, c.after(ctx, query, err)
	}
	s, err := c.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := s.ExecContext(ctx, args)
	return r, c.after(ctx, query, err)
}

// preparedAtMost bounds what one connection keeps prepared. SQL is static text,
// so a connection that gets here has met every query there is.
const preparedAtMost = 500

func (c *conn) prepare(ctx context.Context, query string) (pqStmt, error) {
	if s, ok := c.prepared[query]; ok {
		return s, nil
	}
	if len(c.prepared) >= preparedAtMost {
		for q, s := range c.prepared {
			s.Close()
			delete(c.prepared, q)
		}
	}
	s, err := c.pqConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, c.after(ctx, query, err)
	}
	c.prepared[query] = s.(pqStmt)
	return c.prepared[query], nil
}

// after forgets a statement whose plan the schema outgrew, and a connection whose query was cut off.
func (c *conn) after(ctx context.Context, query string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		c.spoiled = true
	}
	if e, ok := errors.AsType[*pq.Error](err); ok && (e.Code == "0A000" || e.Code == "26000") {
		delete(c.prepared, query)
	}
	return err
}

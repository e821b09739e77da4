// Package portal is what every room of the house shares: who asks, in which
// transaction, what may be said, what is remembered, and how old a figure is.
//
// Nothing reads or writes the portal's database except through [DB.Do] and its
// named sisters. Each gives one caller one transaction, at one time, whole or
// not at all, in which Postgres itself shows only what that caller may see.
package portal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/redis/go-redis/v9"
)

// DB is the portal's database, the cache before it, and the news of what changes in it.
type DB struct {
	sql   *sqlx.DB
	cache *cache
	news  *news

	sights *sightings

	// Now is the clock; tests set it.
	Now func() time.Time
}

// Options say where the database is. Only URL is required.
type Options struct {
	URL      string        // of the login role, as lib/pq reads it
	MaxConns int           // open connections at most; 0 = 16
	Redis    *redis.Client // shared cache, which must not wait long nor retry, and end with its context (ContextTimeoutEnabled); nil = none
	CacheMiB int           // memory for answers kept in process; 0 = 48
	Log      *slog.Logger
}

// Open connects to the portal's database and starts to listen for its news.
func Open(ctx context.Context, o Options) (*DB, error) {
	inner, err := pq.NewConnector(o.URL)
	if err != nil {
		return nil, fmt.Errorf("reading the database URL: %w", err)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	pool := sql.OpenDB(connector{inner})
	if o.MaxConns == 0 {
		o.MaxConns = 16
	}
	pool.SetMaxOpenConns(o.MaxConns)
	pool.SetMaxIdleConns(o.MaxConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	if err := pool.PingContext(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connecting to the portal's database: %w", err)
	}
	db := &DB{sql: sqlx.NewDb(pool, "postgres"), Now: time.Now}
	db.cache = newCache(o)
	db.news = newNews(o)
	db.sights = newSightings()
	go db.runSightings()
	return db, nil
}

// Close writes down what is not yet written, stops listening and closes every connection.
func (db *DB) Close() error {
	db.sights.end.Do(func() { close(db.sights.stop) })
	<-db.sights.done
	return errors.Join(db.news.close(), db.sql.Close())
}

// Pool is the connection pool, for its figures. Nothing can be asked through it: see [connector].
func (db *DB) Pool() *sql.DB { return db.sql.DB }

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.sql.PingContext(ctx) }

// A Tx is one piece of work by one caller at one time.
type Tx struct {
	By  Caller
	Now time.Time // when the work began, UTC, to the microsecond

	tx      *sqlx.Tx
	changed map[string]map[int64]bool // noun → partners
	persons map[uuid.UUID]bool
	feeds   map[string]Freshness
	signals []string // for the host
}

// Do runs f in a transaction on behalf of by. Postgres shows it the rows of
// by's partner and no others. An error from f undoes everything. A database
// that cannot be reached is Unavailable.
func (db *DB) Do(ctx context.Context, by Caller, f func(tx *Tx) error) error {
	if by.PartnerID == 0 {
		return Errorf(Unauthenticated, "sign in first")
	}
	return db.do(ctx, by, "SET LOCAL ROLE extranet_partner; SET LOCAL app.partner = '"+strconv.FormatInt(by.PartnerID, 10)+"'", f)
}

// AcrossPartners runs f for host staff who hold need: it may read the rows of every partner.
// Anyone else is Forbidden.
func (db *DB) AcrossPartners(ctx context.Context, by Caller, need Permission, f func(tx *Tx) error) error {
	if !by.Host {
		return Errorf(Forbidden, "only the host's staff may do this")
	}
	if err := by.Need(need); err != nil {
		return err
	}
	return db.do(ctx, by, "SET LOCAL ROLE extranet_host", f)
}

// AtTheDoor runs f before it is known who is asking: sign-in, sessions, tokens, invitations.
// It sees people and memberships, and no partner's documents.
func (db *DB) AtTheDoor(ctx context.Context, f func(tx *Tx) error) error {
	return db.do(ctx, Caller{Name: "door"}, "SET LOCAL ROLE extranet_door", f)
}

// AsWorker runs f as the job named name, which mirrors every partner's documents.
// It may run for as long as it takes.
func (db *DB) AsWorker(ctx context.Context, name string, f func(tx *Tx) error) error {
	return db.do(ctx, Caller{Name: name}, "SET LOCAL ROLE extranet_worker; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0", f)
}

func (db *DB) do(ctx context.Context, by Caller, opening string, f func(tx *Tx) error) (err error) {
	t, err := db.sql.BeginTxx(context.WithValue(ctx, openingKey{}, opening), nil)
	if err != nil {
		return told(err)
	}
	defer t.Rollback()
	tx := &Tx{tx: t, By: by, Now: db.Now().UTC().Truncate(time.Microsecond)}
	if err := f(tx); err != nil {
		return told(err)
	}
	happened, err := tx.announce(ctx)
	if err != nil {
		return told(err)
	}
	if err := t.Commit(); err != nil {
		return told(err)
	}
	db.news.apply(happened)
	return nil
}

// Get scans the one row of the query into dest; sql.ErrNoRows when there is none.
func (tx *Tx) Get(ctx context.Context, dest any, query string, args ...any) error {
	return tx.tx.GetContext(ctx, dest, query, args...)
}

// Select scans the rows of the query into dest, a pointer to a slice.
func (tx *Tx) Select(ctx context.Context, dest any, query string, args ...any) error {
	return tx.tx.SelectContext(ctx, dest, query, args...)
}

// Exec runs a statement and returns how many rows it touched.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	r, err := tx.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// Each calls f with every row of the query as it arrives; memory stays flat.
func (tx *Tx) Each(ctx context.Context, f func(row *sqlx.Rows) error, query string, args ...any) error {
	rows, err := tx.tx.QueryxContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Need returns Forbidden unless the caller holds p.
func (tx *Tx) Need(p Permission) error { return tx.By.Need(p) }

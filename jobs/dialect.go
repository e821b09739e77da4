package jobs

import (
	"context"
	"database/sql"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"extranet/portal"
)

// A dialect is what differs between the databases that a source can be.
type dialect struct {
	example     string // of an address
	open        func(s *Source, url string) (db *sql.DB, where string, err error)
	transaction *sql.TxOptions // sees one state of the database throughout, and writes nothing
	opening     string         // said first in a transaction; "" = nothing
	clock       string         // returns the present as a stamp with a zone, or as text of RFC 3339
	placeholder func(n int) string
	stampAt     func(placeholder string, kind stampKind) string // the text of a stamp as a stamp; nil = the placeholder
	within      func(query, before, after string) string        // puts a select between the words of another; nil = in brackets
	first       func(query string, n int) string                // its first n rows
	asText      func(expression string) string                  // without the spaces that pad it
	quote       func(name string) string                        // a name as it is spelled
	suits       map[portal.Type][]string                        // types that need no luck; others are converted value by value
	stampKind   func(databaseType string) stampKind
	plain       func(databaseType string, v any) any             // a value that only its type explains, in words; nil = none is such
	spoke       func(err error) bool                             // the database itself refused, so it is there
	said        func(err error) said                             // in which words
	marks       func(tables []markedTable) (create, drop string) // triggers that write down what changed; nil = not known
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
	noStamp      stampKind = iota
	naiveStamp             // wall clock of the source's zone
	zonedStamp             // an instant
	dayStamp               // a day of the source's zone
	sessionStamp           // wall clock of the session's zone
)

// dialects by the mapping's word for the driver.
var dialects = map[string]dialect{
	"postgres":  postgresDialect,
	"mysql":     mysqlDialect, // and MariaDB
	"sqlserver": sqlServerDialect,
	"oracle":    oracleDialect,
}

func driverNames() []string { return slices.Sorted(maps.Keys(dialects)) }

// answerLimit is how long a source may take to take up the conversation.
const answerLimit = 10 * time.Second

// dialer notices within half a minute that the other side of a silent connection is gone.
type dialer struct{}

func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialTimeout(network, address, 0)
}

func (d dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.Background(), context.CancelFunc(func() {})
	if timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, timeout)
	}
	defer cancel()
	return d.DialContext(ctx, network, address)
}

func (dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}).DialContext(ctx, network, address)
}

// quoted puts name between the signs; the second of them is doubled within.
func quoted(name, opening, closing string) string {
	return opening + strings.ReplaceAll(name, closing, closing+closing) + closing
}

package jobs_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	gosync "sync"
	"sync/atomic"
	"testing"
	"time"
)

// A turmoil is a core whose orders and lines change all the time, at random, and what they are in the end.
type turmoil struct {
	db       *sql.DB
	mysql    bool
	versions atomic.Int64 // the next version of anything
	customer []string
}

// bind writes ? as the core's database wants it.
func (c *turmoil) bind(query string) string {
	if c.mysql {
		return query
	}
	for n := 1; strings.Contains(query, "?"); n++ {
		query = strings.Replace(query, "?", fmt.Sprintf("$%d", n), 1)
	}
	return query
}

// create makes the core's tables: orders by number, lines by order and line, no foreign keys, stamps that anybody may set.
func (c *turmoil) create(t testing.TB) {
	t.Helper()
	stamp := "timestamptz(6)"
	if c.mysql {
		stamp = "timestamp(6)"
	}
	for _, statement := range []string{
		`CREATE TABLE customers (no varchar(20) PRIMARY KEY)`,
		`CREATE TABLE orders (id int PRIMARY KEY, customer varchar(20) NOT NULL, status int NOT NULL, total decimal(12,2) NOT NULL, version bigint NOT NULL, changed ` + stamp + ` NOT NULL)`,
		`CREATE TABLE order_lines (order_id int NOT NULL, line int NOT NULL, qty int NOT NULL, version bigint NOT NULL, changed ` + stamp + ` NOT NULL, PRIMARY KEY (order_id, line))`,
		`CREATE INDEX orders_changed ON orders (changed)`,
		`CREATE INDEX order_lines_changed ON order_lines (changed)`,
	} {
		_, err := c.db.Exec(statement)
		must(t, err)
	}
	for _, customer := range c.customer {
		_, err := c.db.Exec(c.bind(`INSERT INTO customers VALUES (?)`), customer)
		must(t, err)
	}
}

// A spell says what the writers do.
type spell struct {
	orders  int           // ids from 1
	writers int           // each owns the ids that it divides, so that no two of them wait for each other
	lasts   time.Duration // writing
	late    time.Duration // a transaction commits at most this long after its stamps
	deletes bool
}

// write changes the core at random until the spell is over. What an order's version says only ever grows in the order of commits.
func (c *turmoil) write(t testing.TB, s spell) {
	var all gosync.WaitGroup
	until := time.Now().Add(s.lasts)
	for w := range s.writers {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 7))
			for time.Now().Before(until) {
				if err := c.change(s, w, rng); err != nil {
					t.Errorf("writing into the core: %v", err)
					return
				}
			}
		})
	}
	all.Wait()
}

// change makes one transaction of a few changes.
func (c *turmoil) change(s spell, writer int, rng *rand.Rand) error {
	tx, err := c.db.BeginTx(context.Background(), &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	now := time.Now().UTC()
	if rng.IntN(3) == 0 {
		now = now.Truncate(time.Second) // equal stamps, and some that are older than what was read already
	}
	exec := func(query string, args ...any) {
		if err == nil {
			_, err = tx.Exec(c.bind(query), args...)
		}
	}
	for range 1 + rng.IntN(8) {
		id := 1 + writer + s.writers*rng.IntN(s.orders/s.writers)
		v := c.versions.Add(1)
		customer := c.customer[rng.IntN(len(c.customer))]
		var there bool
		if err := tx.QueryRow(c.bind(`SELECT count(*) > 0 FROM orders WHERE id = ?`), id).Scan(&there); err != nil {
			return err
		}
		switch deed := rng.IntN(10); {
		case !there:
			exec(`INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)`, id, customer, rng.IntN(3), float64(rng.IntN(100000))/100, v, now)
			for line := range 1 + rng.IntN(3) {
				exec(`INSERT INTO order_lines VALUES (?, ?, ?, ?, ?)`, id, line, rng.IntN(100), v, now)
			}
		case deed == 0 && s.deletes:
			exec(`DELETE FROM order_lines WHERE order_id = ?`, id)
			exec(`DELETE FROM orders WHERE id = ?`, id)
		case deed == 1 && s.deletes:
			exec(`DELETE FROM order_lines WHERE order_id = ? AND line > 0`, id)
			exec(`UPDATE orders SET version = ?, changed = ? WHERE id = ?`, v, now, id)
		case deed == 2: // to another partner, and its lines with it
			exec(`UPDATE orders SET customer = ?, version = ?, changed = ? WHERE id = ?`, customer, v, now, id)
		case deed < 5:
			exec(`UPDATE order_lines SET qty = ?, version = ?, changed = ? WHERE order_id = ? AND line = 0`, rng.IntN(100), v, now, id)
		default:
			exec(`UPDATE orders SET status = ?, total = ?, version = ?, changed = ? WHERE id = ?`, rng.IntN(3), float64(rng.IntN(100000))/100, v, now, id)
		}
	}
	if err != nil {
		return err
	}
	if rng.IntN(12) == 0 {
		time.Sleep(time.Duration(rng.Int64N(int64(s.late) + 1)))
	} else {
		time.Sleep(time.Duration(rng.IntN(8)) * time.Millisecond)
	}
	return tx.Commit()
}

// A likeness is the core's orders and their lines, mirrored as two of the portal's entities: so one core is followed in several ways at once.
type likeness struct {
	head, line             string // entities, and tables of the portal
	headKey, orderKey, pos string // their key columns
	state, total, version  string // what of the head holds what of the order
	states                 [3]string
	fixed                  string // what else a head must have
	lineVersion, quantity  string
	lineFixed              string
}

// The likenesses of one core. Each shows a version where a person would see a comment or a number.
var likenesses = []likeness{
	{"orders", "order_lines", "number", "order_number", "line", "status", "total", "comment", [3]string{"open", "picking", "shipped"},
		"'EUR' AS currency, DATE '2026-01-01' AS ordered_on, total AS net, 0 AS tax", "net", "ordered", "'x' AS description, 0 AS shipped, 0 AS backordered, 0 AS cancelled, 1 AS price"},
	{"shipments", "shipment_lines", "shipment", "shipment", "line", "carrier", "service", "tracking", [3]string{"by road", "by rail", "by sea"},
		"DATE '2026-01-01' AS shipped_on", "order_line", "quantity", "l.order_id AS order_number"},
	{"invoices", "invoice_lines", "number", "invoice", "line", "po_number", "total", "comment", [3]string{"one", "two", "three"},
		"'invoice' AS kind, 'EUR' AS currency, DATE '2026-01-01' AS invoiced_on, DATE '2026-02-01' AS due_on, total AS net, 0 AS tax, 0 AS open", "order_line", "quantity", "'x' AS description, 1 AS price, 1 AS net, 0 AS tax"},
	{"supplier_invoices", "supplier_invoice_lines", "invoice", "invoice", "line", "status", "total", "number", [3]string{"received", "approved", "paid"},
		"'EUR' AS currency, DATE '2026-01-01' AS invoiced_on, total AS net, 0 AS tax, 0 AS open", "net", "quantity", "1 AS price"},
}

// text writes an expression as text, in the core's SQL.
func (c *turmoil) text(expression string) string {
	if c.mysql {
		return "CAST(" + expression + " AS char(20))"
	}
	return "CAST(" + expression + " AS varchar(20))"
}

func (l likeness) coded() string {
	return "CASE status WHEN 0 THEN '" + l.states[0] + "' WHEN 1 THEN '" + l.states[1] + "' ELSE '" + l.states[2] + "' END"
}

// mapped is how the mapping says the likeness: both entities, in the way.
func (c *turmoil) mapped(l likeness, way string) string {
	headTables, lineTables := "", ""
	if strings.Contains(way, "marks") || strings.Contains(way, "logical") {
		headTables = "\n    tables:\n      orders: {" + l.headKey + ": id}"
		lineTables = "\n    tables:\n      order_lines: {" + l.orderKey + ": order_id, " + l.pos + ": line}\n      orders: SELECT order_id, line FROM order_lines WHERE order_id = :id"
	}
	return `
  ` + l.head + `:
    every: 1s
` + way + headTables + `
    select: |
      SELECT customer AS partner, id AS ` + l.headKey + `, ` + l.coded() + ` AS ` + l.state + `, ` + c.text("total") + ` AS ` + l.total + `,
        ` + c.text("version") + ` AS ` + l.version + `, ` + l.fixed + `, changed AS changed_at FROM orders
  ` + l.line + `:
    every: 1s
` + way + lineTables + `
    select: |
      SELECT o.customer AS partner, l.order_id AS ` + l.orderKey + `, l.line AS ` + l.pos + `, l.qty AS ` + l.quantity + `, l.version AS ` + l.lineVersion + `,
        ` + l.lineFixed + `, greatest(l.changed, o.changed) AS changed_at FROM order_lines l JOIN orders o ON o.id = l.order_id
`
}

// rows returns what a query says, by key: its first columns; a key that comes twice is counted.
func keyed(ctx context.Context, db *sql.DB, keys int, query string) (by map[string]string, twice int, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, 0, err
	}
	values, targets := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	by = map[string]string{}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, 0, err
		}
		cells := make([]string, len(columns))
		for i, v := range values {
			cells[i] = v.String
		}
		key := strings.Join(cells[:keys], "|")
		if _, there := by[key]; there {
			twice++
		}
		by[key] = strings.Join(cells[keys:], "|")
	}
	return by, twice, rows.Err()
}

// A difference is what the portal has otherwise than the core.
type difference struct{ lost, extra, stale, doubled int }

func (d difference) String() string {
	return fmt.Sprintf("lost %d, extra %d, stale %d, doubled %d", d.lost, d.extra, d.stale, d.doubled)
}

// compare holds the portal's rows of a likeness to the core's, row by row.
func (c *turmoil) compare(ctx context.Context, portal *sql.DB, l likeness) (d difference, err error) {
	const partner = `(SELECT p.number FROM partners p WHERE p.partner_id = t.partner_id)`
	for _, pair := range []struct {
		keys         int
		core, portal string
	}{
		{1, `SELECT id, customer, ` + l.coded() + `, ` + c.text("total") + `, version FROM orders`,
			`SELECT ` + l.headKey + `, ` + partner + `, ` + l.state + `, ` + l.total + `::numeric(12,2), ` + l.version + ` FROM ` + l.head + ` t`},
		{2, `SELECT l.order_id, l.line, o.customer, l.qty, l.version FROM order_lines l JOIN orders o ON o.id = l.order_id`,
			`SELECT ` + l.orderKey + `, ` + l.pos + `, ` + partner + `, ` + l.quantity + `, ` + l.lineVersion + ` FROM ` + l.line + ` t`},
	} {
		want, _, err := keyed(ctx, c.db, pair.keys, pair.core)
		if err != nil {
			return d, err
		}
		got, twice, err := keyed(ctx, portal, pair.keys, pair.portal)
		if err != nil {
			return d, err
		}
		d.doubled += twice
		for key, row := range want {
			switch has, there := got[key]; {
			case !there:
				d.lost++
			case has != row:
				d.stale++
			}
		}
		for key := range got {
			if _, there := want[key]; !there {
				d.extra++
			}
		}
	}
	return d, nil
}

var errLate = errors.New("the portal does not come to say what the core says")

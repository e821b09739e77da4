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
	tx, err := c.db.Begin()
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

// select of the mapping: status is a code, a version stands where the portal shows a comment or an amount.
func (c *turmoil) orders() string {
	text := "varchar(20)"
	if c.mysql {
		text = "char(20)"
	}
	return `SELECT customer AS partner, id AS number, CASE status WHEN 0 THEN 'open' WHEN 1 THEN 'picking' ELSE 'shipped' END AS status, 'EUR' AS currency, DATE '2026-01-01' AS ordered_on,
        total AS net, 0 AS tax, total, CAST(version AS ` + text + `) AS comment, changed AS changed_at FROM orders`
}

func (c *turmoil) lines() string {
	return `SELECT o.customer AS partner, l.order_id AS order_number, l.line, 'x' AS description, l.qty AS ordered, 0 AS shipped, 0 AS backordered, 0 AS cancelled, 1 AS price, l.version AS net,
        greatest(l.changed, o.changed) AS changed_at FROM order_lines l JOIN orders o ON o.id = l.order_id`
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

// compare holds the portal's rows to the core's, row by row.
func (c *turmoil) compare(ctx context.Context, portal *sql.DB) (d difference, err error) {
	const partner = `(SELECT p.number FROM partners p WHERE p.partner_id = t.partner_id)`
	for _, pair := range []struct {
		keys         int
		core, portal string
	}{
		{1, `SELECT id, customer, CASE status WHEN 0 THEN 'open' WHEN 1 THEN 'picking' ELSE 'shipped' END, total, version FROM orders`,
			`SELECT number, ` + partner + `, status, total::numeric(12,2), comment FROM orders t`},
		{2, `SELECT l.order_id, l.line, o.customer, l.qty, l.version FROM order_lines l JOIN orders o ON o.id = l.order_id`,
			`SELECT order_number, line, ` + partner + `, ordered, net FROM order_lines t`},
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

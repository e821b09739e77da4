package jobs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestOut_mariaDB: a MariaDB core takes up commands once, numbers them, and refuses in its own words.
func TestOut_mariaDB(t *testing.T) {
	t.Parallel()
	take := strings.Replace(strings.Replace(outMapping, "driver: postgres", "driver: mysql", 1), "(key, ", "(`key`, ", 1)
	take = strings.NewReplacer("WHERE key =", "WHERE `key` =", "number::text AS", "number AS", "CAST(:n AS integer)", ":n", "':po ' || :note", "concat(':po ', :note)", "CAST(:quantity AS numeric)", ":quantity",
		"sales_are_small:", `"4025":`).Replace(take)
	core := func() (core, error) {
		c := newMariaDB(t, "CREATE TABLE sales (number bigint AUTO_INCREMENT PRIMARY KEY, `key` char(36), customer varchar(20) NOT NULL, po varchar(80), n int NOT NULL, decided datetime(6), note varchar(80), CONSTRAINT sales_are_small CHECK (n < 1000)) CHARACTER SET utf8mb4",
			`CREATE TABLE sales_lines (number bigint NOT NULL, product varchar(20) NOT NULL, quantity decimal(12, 3) NOT NULL)`,
			`CREATE TRIGGER refuse BEFORE INSERT ON sales FOR EACH ROW IF NEW.po = 'BLOCKED' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'Your account is blocked; call 0123'; END IF`)
		var ddl strings.Builder
		err := c.mapping(t, take).PrintOutbox(&ddl)
		var bare strings.Builder
		for line := range strings.Lines(ddl.String()) {
			if !strings.HasPrefix(line, "--") {
				bare.WriteString(line)
			}
		}
		c.exec(t, bare.String())
		return c, err
	}
	t.Run("answers", func(t *testing.T) {
		c, err := core()
		must(t, err)
		p := newPortal(t)
		_, _, log := startWorker(t, p, c.mapping(t, take))
		id := post(t, p, "place_test_order", "orders/1", map[string]string{"n": "1", "po": `\'); DROP TABLE sales; -- `, "note": "é", "lines": `[{"product":"T1","quantity":2.50},{"product":"T2","quantity":"1"}]`})
		post(t, p, "place_test_order", "orders/2", map[string]string{"n": "2", "po": "BLOCKED"})
		post(t, p, "place_test_order", "orders/3", map[string]string{"n": "1000"})
		within(t, 15*time.Second, "all have their end", func() bool {
			return became(t, p, "orders/1")+"; "+became(t, p, "orders/2")+"; "+became(t, p, "orders/3") == "delivered; refused Your account is blocked; call 0123; refused That is too much at once."
		})
		if got := table(t, c.DB, "SELECT `key`, customer, po, n, note, (SELECT group_concat(product, ' ', quantity ORDER BY product) FROM sales_lines l WHERE l.number = s.number) FROM sales s"); fmt.Sprint(got) != "["+id.String()+`|D100|\'); DROP TABLE sales; -- |1|:po é|T1 2.500,T2 1.000]` {
			t.Errorf("the core has %q", got)
		}
		if n := one[string](t, p.Owner, `SELECT became FROM changes WHERE key = 'orders/1'`); n != one[string](t, c.DB, `SELECT number FROM sales`) {
			t.Errorf("the portal knows the number %s", n)
		}
		if strings.Contains(log.String(), "level=ERROR") {
			t.Errorf("the log complains:\n%s", log)
		}
	})
	t.Run("killed", func(t *testing.T) {
		c, err := core()
		must(t, err)
		p := newPortal(t)
		if kills := deliverUnderFire(t, c, p, take); kills < 5 {
			t.Errorf("only %d workers were killed: the test shows nothing", kills)
		}
		if n, keys := one[int](t, c.DB, `SELECT count(*) FROM sales`), one[int](t, c.DB, "SELECT count(DISTINCT `key`) FROM sales"); n != documents*commandsEach || keys != n {
			t.Errorf("%d commands of %d keys in the core, want %d of as many", n, keys, documents*commandsEach)
		}
		for i := range documents {
			want := table(t, p.Owner, `SELECT command_id FROM outbox WHERE document = $1 ORDER BY place`, fmt.Sprintf("orders/%d", i))
			if got := table(t, c.DB, "SELECT `key` FROM sales WHERE n = ? ORDER BY number", i); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("orders/%d reached the core as\n%v, want\n%v", i, got, want)
			}
		}
	})
}

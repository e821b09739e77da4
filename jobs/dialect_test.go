package jobs

import (
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	mssql "github.com/microsoft/go-mssqldb"
	"github.com/sijms/go-ora/v2/network"

	"extranet/portal"
)

// dialectFeed is a feed of orders by the driver, with its select described.
func dialectFeed(t *testing.T, driver, query string) *Feed {
	t.Helper()
	f := &Feed{Entity: "orders", Watermark: "changed_at", Select: query, Source: newSource("core", driver), Where: "draft = 0"}
	f.Source.dialect = dialects[driver]
	f.entity, _ = entityNamed("orders")
	f.described.Store(&described{spelled: map[string]string{"number": "number", "changed_at": "CHANGED_AT"}})
	return f
}

func TestDialects_statements(t *testing.T) {
	t.Parallel()
	const plain, with = "SELECT 1 AS number FROM o", "WITH a AS (SELECT 1 AS x), b AS (SELECT 2 AS y)\nSELECT * FROM a"
	for _, c := range []struct{ driver, query, want string }{
		{"postgres", plain, "SELECT * FROM (\n" + plain + "\n) e WHERE (draft = 0) AND e.\"CHANGED_AT\" >= $1 LIMIT 10"},
		{"mysql", plain, "SELECT * FROM (\n" + plain + "\n) e WHERE (draft = 0) AND e.`CHANGED_AT` >= ? LIMIT 10"},
		{"sqlserver", plain, "SELECT * FROM (\n" + plain + "\n) e WHERE (draft = 0) AND e.[CHANGED_AT] >= CAST(@p1 AS datetime2(7)) ORDER BY (SELECT NULL) OFFSET 0 ROWS FETCH NEXT 10 ROWS ONLY"},
		{"sqlserver", with, "WITH a AS (SELECT 1 AS x), b AS (SELECT 2 AS y)\nSELECT * FROM (\nSELECT * FROM a\n) e WHERE (draft = 0) AND e.[CHANGED_AT] >= CAST(@p1 AS datetime2(7)) ORDER BY (SELECT NULL) OFFSET 0 ROWS FETCH NEXT 10 ROWS ONLY"},
		{"oracle", with, "SELECT * FROM (SELECT * FROM (\n" + with + "\n) e WHERE (draft = 0) AND e.\"CHANGED_AT\" >= to_date(substr(:1, 1, 19), 'YYYY-MM-DD HH24:MI:SS')) WHERE ROWNUM <= 10"},
	} {
		f := dialectFeed(t, c.driver, c.query)
		d := f.Source.dialect
		if got := d.first(f.query("*", f.at("changed_at")+" >= "+f.Source.stamped(d.placeholder(1), naiveStamp)), 10); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.driver, got, c.want)
		}
	}
	for driver, want := range map[string][3]string{
		"postgres":  {"$2", "$2", `"a""b"`},
		"mysql":     {"?", "?", "`a\"b`"},
		"sqlserver": {"CAST(@p2 AS datetimeoffset(7))", "CAST(@p2 AS date)", `[a"b]`},
		"oracle":    {"to_timestamp_tz(:2, 'YYYY-MM-DD HH24:MI:SS.FF6TZH:TZM')", "to_date(:2, 'YYYY-MM-DD')", `"a""b"`},
	} {
		s := newSource("core", driver)
		s.dialect = dialects[driver]
		if got := [3]string{s.stamped(s.dialect.placeholder(2), zonedStamp), s.stamped(s.dialect.placeholder(2), dayStamp), s.dialect.quote(`a"b`)}; got != want {
			t.Errorf("%s: %q, want %q", driver, got, want)
		}
		if s.dialect.asText("e.x") == "e.x" || s.dialect.clock == "" || s.dialect.transaction == nil {
			t.Errorf("%s is not whole", driver)
		}
	}
	if tx := dialects["sqlserver"].transaction; tx.Isolation != sql.LevelSnapshot || tx.ReadOnly {
		t.Errorf("SQL Server's driver takes no read-only transactions, and only a snapshot sees one state: %+v", tx)
	}
	if o := dialects["oracle"]; o.opening != "SET TRANSACTION READ ONLY" || *o.transaction != (sql.TxOptions{}) {
		t.Errorf("Oracle's driver takes no options: %+v", o.transaction)
	}
}

func TestDialects_addresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ driver, url, where string }{
		{"mysql", "mysql://reader:s%40cret@db.example/core?tls=true", "db.example:3306/core"}, {"mysql", "mariadb://reader@db:3307/core", "db:3307/core"}, {"mysql", "reader:secret@tcp(db:3306)/core", "db:3306/core"},
		{"sqlserver", "sqlserver://reader:secret@db:1433?database=core", "db:1433/core"}, {"sqlserver", "sqlserver://reader:secret@db/erp?database=core", `db\erp/core`},
		{"oracle", "oracle://reader:secret@db:1521/SERVICE", "db:1521/SERVICE"},
		{"mysql", "postgres://reader:secret@db/core", ""}, {"sqlserver", "db:1433", ""}, {"oracle", "sqlserver://db", ""},
	} {
		s := newSource("core", c.driver)
		err := s.open(dialects[c.driver], c.url)
		if (err != nil) != (c.where == "") || err == nil && s.Where != c.where {
			t.Errorf("%s: at %q, %v; want %q", c.url, s.Where, err, c.where)
		}
		if strings.Contains(s.Where, "secret") {
			t.Errorf("%s shows the password", s.Where)
		}
		if err == nil {
			s.close()
		}
	}
}

// TestDialects_values brings what each driver gives into the portal's form.
func TestDialects_values(t *testing.T) {
	t.Parallel()
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 7, 1, 0, 30, 0, 250e6, time.UTC)
	for _, c := range []struct {
		driver, kind string
		value        any
		to           portal.Type
		want         string
	}{
		{"mysql", "BIT", []byte{1}, portal.Bool, "true"}, {"mysql", "BIT", []byte{1, 2}, portal.Int, "258"}, {"mysql", "UNSIGNED BIGINT", uint64(1<<64 - 1), portal.Text, "18446744073709551615"},
		{"mysql", "FLOAT", float32(19.99), portal.Decimal, "19.99"}, {"mysql", "DECIMAL", []byte("12345678901234567890.12"), portal.Decimal, "12345678901234567890.12"},
		{"mysql", "DATETIME", []byte("2026-07-01 00:30:00.25"), portal.Stamp, "2026-06-30T22:30:00.25Z"}, {"mysql", "TIMESTAMP", []byte("2026-07-01 00:30:00.25"), portal.Stamp, "2026-07-01T00:30:00.25Z"},
		{"mysql", "TIMESTAMP", []byte("2026-06-30 23:30:00"), portal.Day, "2026-07-01"}, {"mysql", "DATE", []byte("2026-07-01"), portal.Day, "2026-07-01"},
		{"sqlserver", "DATETIME2", at, portal.Stamp, "2026-06-30T22:30:00.25Z"}, {"sqlserver", "DATETIMEOFFSET", at.In(paris), portal.Stamp, "2026-07-01T00:30:00.25Z"}, {"sqlserver", "DATETIME", at, portal.Day, "2026-07-01"},
		{"sqlserver", "MONEY", []byte("19.9900"), portal.Decimal, "19.9900"}, {"sqlserver", "BIT", true, portal.Bool, "true"}, {"sqlserver", "NCHAR", "abc   ", portal.Text, "abc"},
		{"sqlserver", "UNIQUEIDENTIFIER", []byte{0x67, 0x45, 0x23, 0x01, 0xab, 0x89, 0xef, 0xcd, 1, 2, 3, 4, 5, 6, 7, 8}, portal.Text, "01234567-89AB-CDEF-0102-030405060708"}, {"sqlserver", "BINARY", []byte{0, 0xff}, portal.Text, "0x00FF"},
		{"oracle", "NUMBER", "123456789012345678901234567890.12", portal.Decimal, "123456789012345678901234567890.12"}, {"oracle", "NUMBER", "1", portal.Bool, "true"}, {"oracle", "NUMBER", "42", portal.Int, "42"},
		{"oracle", "DATE", at, portal.Stamp, "2026-06-30T22:30:00.25Z"}, {"oracle", "TIMESTAMPTZ_DTY", at.In(paris), portal.Stamp, "2026-07-01T00:30:00.25Z"}, {"oracle", "CHAR", "AB ", portal.Text, "AB"},
	} {
		s := newSource("core", c.driver)
		s.dialect, s.zone = dialects[c.driver], paris
		convert := &converter{feed: &Feed{Source: s}, shape: shape{types: []string{c.kind}, kinds: []stampKind{s.dialect.stampKind(c.kind)}}, values: []any{c.value}}
		if got, err := convert.text(0, c.to); err != nil || got != c.want {
			t.Errorf("%s %s %v: %q, %v; want %q", c.driver, c.kind, c.value, got, err, c.want)
		}
		if _, listed := s.dialect.suits[c.to]; listed && strings.HasPrefix(c.kind, "DATE") && c.to == portal.Day && !strings.Contains(strings.Join(s.dialect.suits[c.to], " "), c.kind) {
			t.Errorf("%s %s is not said to suit", c.driver, c.kind)
		}
	}
}

func TestDialects_errors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		driver    string
		err       error
		spoke     bool
		codes     string
		duplicate bool
	}{
		{"mysql", &mysql.MySQLError{Number: 1062, SQLState: [5]byte{'2', '3', '0', '0', '0'}, Message: "Duplicate entry '1' for key 'orders.orders_once'"}, true, "orders_once 1062 23000 23", true},
		{"mysql", &mysql.MySQLError{Number: 1452, SQLState: [5]byte{'2', '3', '0', '0', '0'}, Message: "Cannot add: a foreign key constraint fails (`core`.`o`, CONSTRAINT `o_customer` FOREIGN KEY …)"}, true, "o_customer 1452 23000 23", false},
		{"mysql", &mysql.MySQLError{Number: 1040, Message: "Too many connections"}, false, " 1040", false},
		{"sqlserver", mssql.Error{Number: 2627, Class: 14, Message: "Violation of UNIQUE KEY constraint 'UQ_once'. Cannot insert duplicate key in object 'dbo.o'."}, true, "UQ_once 2627 23", true},
		{"sqlserver", mssql.Error{Number: 547, Class: 16, Message: `The INSERT statement conflicted with the FOREIGN KEY constraint "FK_customer".`}, true, "FK_customer 547 23", false},
		{"sqlserver", mssql.Error{Number: 50001, Class: 16, Message: "Credit is used up."}, true, " 50001 45000", false},
		{"sqlserver", mssql.Error{Number: 18456, Class: 14, Message: "Login failed"}, false, " 18456", false},
		{"oracle", &network.OracleError{ErrCode: 1, ErrMsg: "ORA-00001: unique constraint (ERP.ORDERS_ONCE) violated"}, true, "ORDERS_ONCE 1 23", true},
		{"oracle", &network.OracleError{ErrCode: 20001, ErrMsg: "ORA-20001: Credit is used up.\nORA-06512: at line 1"}, true, " 20001 45000", false},
		{"oracle", &network.OracleError{ErrCode: 3113, ErrMsg: "ORA-03113: end-of-file on communication channel"}, false, " 3113", false},
	} {
		d, wrapped := dialects[c.driver], fmt.Errorf("writing: %w", c.err)
		said := d.said(wrapped)
		if d.spoke(wrapped) != c.spoke || strings.Join(said.codes, " ") != c.codes || said.duplicate != c.duplicate {
			t.Errorf("%v: spoke %t, %q, duplicate %t", c.err, d.spoke(wrapped), said.codes, said.duplicate)
		}
		if c.driver == "oracle" && strings.Contains(said.words, "ORA-") {
			t.Errorf("the partner would read %q", said.words)
		}
		if d.spoke(errors.New("connection refused")) {
			t.Errorf("%s: nobody spoke", c.driver)
		}
	}
}

// TestDialects_catalog holds what extranet mapping new asks a core's catalog: of the views that each database documents, as many values as are
// read, with no value of the caller's in it; and that what is drafted from it can be parsed.
func TestDialects_catalog(t *testing.T) {
	t.Parallel()
	views := map[string][]string{
		"postgres":  {"pg_attribute", "pg_class", "pg_namespace", "pg_type", "pg_constraint"},
		"mysql":     {"information_schema.columns", "information_schema.key_column_usage", "information_schema.tables"},
		"sqlserver": {"INFORMATION_SCHEMA.COLUMNS", "INFORMATION_SCHEMA.TABLE_CONSTRAINTS", "INFORMATION_SCHEMA.KEY_COLUMN_USAGE", "sys.foreign_key_columns", "sys.tables", "sys.columns", "sys.partitions"},
		"oracle":    {"all_tab_columns", "all_constraints", "all_cons_columns", "all_tables"},
	}
	from := regexp.MustCompile(`(?:FROM|JOIN) ([A-Za-z_.]+)`)
	for driver, c := range catalogs {
		for what, q := range map[string]struct {
			query string
			width int
		}{"columns": {c.columns, 4}, "keys": {c.keys, 3}, "foreign": {c.foreign, 4}, "rows": {c.rows, 3}} {
			list, _, _ := strings.Cut(strings.TrimPrefix(q.query, "SELECT "), " FROM ")
			width, depth := 1, 0
			for _, sign := range list {
				switch sign {
				case '(':
					depth++
				case ')':
					depth--
				case ',':
					if depth == 0 {
						width++
					}
				}
			}
			if width != q.width {
				t.Errorf("%s: %s are read as %d values, and asked for as %d", driver, what, q.width, width)
			}
			for _, view := range from.FindAllStringSubmatch(q.query, -1) {
				if view[1] != "unnest" && !slices.Contains(views[driver], view[1]) {
					t.Errorf("%s: %s are asked of %s, which is none of %v", driver, what, view[1], views[driver])
				}
			}
			if what != "rows" && !strings.Contains(q.query, "ORDER BY") {
				t.Errorf("%s: %s come in no order", driver, what)
			}
		}
		s := newSource("core", driver)
		s.dialect = dialects[driver]
		text := drafted(s, []*coreTable{
			{schema: "Sales", name: "Customer", key: []string{"CustomerID"}, rows: 40, columns: []coreColumn{{name: "CustomerID", kind: "NUMBER"}, {name: "Name", kind: "VARCHAR2"}}},
			{schema: "Sales", name: "Order", key: []string{"OrderID"}, rows: 90_000, columns: []coreColumn{{name: "OrderID", kind: "NUMBER"}, {name: "CustomerID", kind: "NUMBER", refers: "Customer"}, {name: "Order Date", kind: "DATE"}, {name: "ModifiedDate", kind: "TIMESTAMP"}}},
		})
		want := map[string]string{"postgres": `FROM "Sales"."Order"`, "mysql": "FROM `Order`", "sqlserver": "FROM Sales.[Order]", "oracle": `FROM "Order"`}[driver]
		if !strings.Contains(text, want) {
			t.Errorf("%s: no %q in\n%s", driver, want, text)
		}
		url := map[string]string{"postgres": "postgres://u@h/d?sslmode=disable", "mysql": "u@tcp(h)/d", "sqlserver": "sqlserver://u:p@h", "oracle": "oracle://u:p@h:1521/s"}[driver]
		if m, err := ParseMapping("drafted.yaml", []byte(text), func(string) (string, bool) { return url, true }); err != nil {
			t.Errorf("%s: what is drafted cannot be parsed: %v", driver, err)
		} else {
			m.Close()
		}
	}
}

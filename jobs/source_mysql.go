package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"extranet/portal"
)

// mysqlDialect is that of MySQL and MariaDB. What a transaction sees is settled by its first SELECT from a table, which comes after the clock.
//
// Values come as text, in statements with values of their own too (they are written into the statement, escaped): a pass over
// everything and one over what changed see the same.
var mysqlDialect = dialect{
	example:     "mysql://USER:PASSWORD@HOST:3306/DATABASE?tls=true",
	open:        openMySQL,
	transaction: &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
	clock:       `SELECT date_format(utc_timestamp(6), '%Y-%m-%dT%H:%i:%s.%fZ')`,
	marks:       mysqlMarks,
	placeholder: func(int) string { return "?" },
	first:       func(query string, n int) string { return query + " LIMIT " + strconv.Itoa(n) },
	asText:      func(e string) string { return "rtrim(CAST(" + e + " AS char))" },
	quote:       func(name string) string { return quoted(name, "`", "`") },
	suits: map[portal.Type][]string{
		portal.Int:     mysqlIntegers,
		portal.Decimal: append([]string{"DECIMAL"}, mysqlIntegers...),
		portal.Day:     {"DATE", "DATETIME", "TIMESTAMP"},
		portal.Stamp:   {"DATETIME", "TIMESTAMP"},
		portal.Bool:    {"BIT", "TINYINT", "INT", "BIGINT"}, // a condition is an INT
	},
	stampKind: func(databaseType string) stampKind {
		switch databaseType {
		case "DATETIME":
			return naiveStamp
		case "TIMESTAMP":
			return sessionStamp
		case "DATE":
			return dayStamp
		}
		return noStamp
	},
	plain: func(databaseType string, v any) any {
		switch v := v.(type) {
		case float32:
			return strconv.FormatFloat(float64(v), 'f', -1, 32)
		case uint64:
			return strconv.FormatUint(v, 10)
		case []byte:
			if databaseType == "BIT" && len(v) <= 8 {
				n := uint64(0)
				for _, c := range v {
					n = n<<8 | uint64(c)
				}
				return strconv.FormatUint(n, 10)
			}
		}
		return v
	},
	spoke: func(err error) bool {
		e, ok := errors.AsType[*mysql.MySQLError](err)
		return ok && !slices.Contains(mysqlSilent, e.Number)
	},
	said: func(err error) said {
		e, ok := errors.AsType[*mysql.MySQLError](err)
		if !ok {
			return said{}
		}
		s := said{words: e.Message, duplicate: e.Number == 1062 || e.Number == 1586}
		constraint := ""
		if found := mysqlConstraint.FindStringSubmatch(e.Message); found != nil {
			constraint = found[1] + found[2]
		}
		s.codes = append(s.codes, constraint, strconv.Itoa(int(e.Number)))
		if state := string(e.SQLState[:]); e.SQLState[0] != 0 {
			s.codes = append(s.codes, state, state[:2])
		}
		return s
	},
	estimate: estimateMySQL,
}

var mysqlIntegers = []string{"TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT", "UNSIGNED TINYINT", "UNSIGNED SMALLINT", "UNSIGNED MEDIUMINT", "UNSIGNED INT", "UNSIGNED BIGINT", "YEAR"}

// mysqlSilent are errors of a server that goes away, is full, or has ended the connection.
var mysqlSilent = []uint16{1040, 1042, 1043, 1053, 1077, 1079, 1080, 1152, 1154, 1158, 1159, 1160, 1161, 1203, 1927, 3169, 4031}

// A broken unique key is told as 'key' or 'table.key', a foreign key or check as `key`.
var mysqlConstraint = regexp.MustCompile("for key '(?:[^'.]*\\.)?([^']+)'|CONSTRAINT `([^`]+)`")

func openMySQL(s *Source, address string) (*sql.DB, string, error) {
	cfg, err := mysqlConfig(address)
	if err != nil {
		return nil, "", err
	}
	cfg.ParseTime, cfg.InterpolateParams, cfg.Loc = false, true, time.UTC
	if cfg.Params == nil {
		cfg.Params = map[string]string{}
	}
	zone := s.session.String()
	if zone == "UTC" {
		zone = "+00:00" // a server knows names only when its tables of zones have been filled
	}
	cfg.Params["time_zone"] = "'" + zone + "'"
	cfg.Params["net_write_timeout"] = "600" // the portal's database may make it wait
	if cfg.Timeout == 0 {
		cfg.Timeout = answerLimit
	}
	cfg.DialFunc = dialer{}.DialContext
	cfg.Logger = &mysql.NopLogger{} // what went wrong is returned, and told once
	if err := cfg.Apply(mysql.Charset("utf8mb4", "")); err != nil {
		return nil, "", err
	}
	c, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, "", err
	}
	return sql.OpenDB(c), cfg.Addr + "/" + cfg.DBName, nil
}

// mysqlConfig reads a URL, or the address as the driver writes it.
func mysqlConfig(address string) (*mysql.Config, error) {
	scheme, _, isURL := strings.Cut(address, "://")
	if !isURL {
		return mysql.ParseDSN(address)
	}
	u, err := url.Parse(address)
	if err != nil || scheme != "mysql" && scheme != "mariadb" {
		return nil, fmt.Errorf("this is no address of a MySQL or MariaDB: %w", err)
	}
	cfg, err := mysql.ParseDSN("/" + strings.TrimPrefix(u.Path, "/") + "?" + u.RawQuery)
	if err != nil {
		return nil, err
	}
	cfg.Net, cfg.Addr, cfg.User = "tcp", u.Host, u.User.Username()
	if u.Port() == "" {
		cfg.Addr += ":3306"
	}
	cfg.Passwd, _ = u.User.Password()
	return cfg, nil
}

// estimateMySQL multiplies the rows that the plan expects of the tables it joins.
func estimateMySQL(ctx context.Context, tx *sql.Tx, query string) (int64, error) {
	rows, err := tx.QueryContext(ctx, "EXPLAIN "+query)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return 0, err
	}
	values, targets := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	id, expects := slices.Index(columns, "id"), slices.Index(columns, "rows")
	if id < 0 || expects < 0 {
		return 0, nil
	}
	product, first := 1.0, ""
	for n := 0; rows.Next(); n++ {
		if err := rows.Scan(targets...); err != nil {
			return 0, err
		}
		if n == 0 {
			first = values[id].String
		}
		if rows, err := strconv.ParseFloat(values[expects].String, 64); err == nil && values[id].String == first {
			product *= rows
		}
	}
	return int64(min(product, 1e12)), rows.Err()
}

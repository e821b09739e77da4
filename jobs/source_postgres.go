package jobs

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/lib/pq"

	"extranet/portal"
)

var postgresDialect = dialect{
	example:     "postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=require",
	open:        openPostgres,
	transaction: &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
	clock:       `SELECT now()`,
	marks:       postgresMarks,
	placeholder: func(n int) string { return "$" + strconv.Itoa(n) },
	first:       func(query string, n int) string { return query + " LIMIT " + strconv.Itoa(n) },
	asText:      func(e string) string { return "rtrim(CAST(" + e + " AS text))" },
	quote:       func(name string) string { return quoted(name, `"`, `"`) },
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
}

func openPostgres(s *Source, url string) (*sql.DB, string, error) {
	cfg, err := pq.NewConfig(url)
	if err != nil {
		return nil, "", err
	}
	if cfg.Runtime == nil {
		cfg.Runtime = map[string]string{}
	}
	cfg.Runtime["timezone"] = s.zone.String()
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

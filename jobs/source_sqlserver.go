package jobs

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"

	"extranet/portal"
)

// sqlServerDialect needs a database that allows snapshots (ALTER DATABASE … SET ALLOW_SNAPSHOT_ISOLATION ON): there a long
// reading sees one state and blocks nobody.
var sqlServerDialect = dialect{
	example:     "sqlserver://USER:PASSWORD@HOST:1433?database=DATABASE&encrypt=true",
	open:        openSQLServer,
	transaction: &sql.TxOptions{Isolation: sql.LevelSnapshot},
	clock:       `SELECT SYSDATETIMEOFFSET()`,
	placeholder: func(n int) string { return "@p" + strconv.Itoa(n) },
	stampAt: func(placeholder string, kind stampKind) string {
		switch kind {
		case zonedStamp:
			return "CAST(" + placeholder + " AS datetimeoffset(7))"
		case dayStamp:
			return "CAST(" + placeholder + " AS date)"
		}
		return "CAST(" + placeholder + " AS datetime2(7))"
	},
	within: withinSQLServer,
	first: func(query string, n int) string {
		return query + " ORDER BY (SELECT NULL) OFFSET 0 ROWS FETCH NEXT " + strconv.Itoa(n) + " ROWS ONLY"
	},
	asText: func(e string) string { return "RTRIM(CAST(" + e + " AS nvarchar(4000)))" },
	quote:  func(name string) string { return quoted(name, "[", "]") },
	suits: map[portal.Type][]string{
		portal.Int:     {"TINYINT", "SMALLINT", "INT", "BIGINT"},
		portal.Decimal: {"TINYINT", "SMALLINT", "INT", "BIGINT", "DECIMAL", "MONEY", "SMALLMONEY"},
		portal.Day:     {"DATE", "DATETIME", "DATETIME2", "SMALLDATETIME", "DATETIMEOFFSET"},
		portal.Stamp:   {"DATETIME", "DATETIME2", "SMALLDATETIME", "DATETIMEOFFSET"},
		portal.Bool:    {"BIT"},
	},
	stampKind: func(databaseType string) stampKind {
		switch databaseType {
		case "DATETIME", "DATETIME2", "SMALLDATETIME":
			return naiveStamp
		case "DATETIMEOFFSET":
			return zonedStamp
		case "DATE":
			return dayStamp
		}
		return noStamp
	},
	plain: func(databaseType string, v any) any {
		b, ok := v.([]byte)
		if !ok {
			return v
		}
		switch databaseType {
		case "UNIQUEIDENTIFIER": // the first three of its groups lie there with their last byte first
			if len(b) == 16 {
				g := slices.Clone(b)
				slices.Reverse(g[0:4])
				slices.Reverse(g[4:6])
				slices.Reverse(g[6:8])
				return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", g[0:4], g[4:6], g[6:8], g[8:10], g[10:]))
			}
		case "BINARY", "VARBINARY":
			return "0x" + strings.ToUpper(hex.EncodeToString(b))
		}
		return v
	},
	spoke: func(err error) bool {
		e, ok := errors.AsType[mssql.Error](err)
		return ok && e.Class < 20 && !slices.Contains([]int32{4060, 6005, 18401, 18456, 40197, 40501, 40613, 49918}, e.Number)
	},
	said: func(err error) said {
		e, ok := errors.AsType[mssql.Error](err)
		if !ok {
			return said{}
		}
		s := said{words: e.Message, duplicate: e.Number == 2601 || e.Number == 2627}
		constraint := ""
		if found := sqlServerConstraint.FindStringSubmatch(e.Message); found != nil {
			constraint = found[1] + found[2]
		}
		s.codes = []string{constraint, strconv.Itoa(int(e.Number))}
		switch e.Number {
		case 547, 515, 2601, 2627: // a broken constraint, a missing value, a double key
			s.codes = append(s.codes, "23")
		case 220, 241, 242, 245, 248, 2628, 8114, 8115, 8152: // a value that does not fit
			s.codes = append(s.codes, "22")
		}
		if e.Number >= 50000 { // THROW and RAISERROR
			s.codes = append(s.codes, "45000")
		}
		return s
	},
	estimate: func(context.Context, *sql.Tx, string) (int64, error) { return 0, nil }, // plans are for those who may SHOWPLAN
}

// A broken constraint is told in quotes, a double entry of an index as well.
var sqlServerConstraint = regexp.MustCompile(`(?:constraint|CONSTRAINT|unique index) (?:"([^"]+)"|'([^']+)')`)

func openSQLServer(_ *Source, address string) (*sql.DB, string, error) {
	if !strings.HasPrefix(address, "sqlserver://") {
		return nil, "", errors.New("this is no URL of a SQL Server")
	}
	cfg, err := msdsn.Parse(address)
	if err != nil {
		return nil, "", err
	}
	if cfg.AppName == "" || cfg.AppName == "go-mssqldb" {
		cfg.AppName = "extranet"
	}
	if cfg.DialTimeout == 0 {
		cfg.DialTimeout = answerLimit
	}
	c := mssql.NewConnectorConfig(cfg)
	c.Dialer = dialer{}
	where := cfg.Host
	if cfg.Instance != "" {
		where += `\` + cfg.Instance
	}
	if cfg.Port != 0 {
		where += ":" + strconv.FormatUint(cfg.Port, 10)
	}
	return sql.OpenDB(c), where + "/" + cfg.Database, nil
}

// withinSQLServer leaves the WITH of a select in front, where alone SQL Server takes it.
func withinSQLServer(query, before, after string) string {
	depth, with := 0, false
	for i := 0; i < len(query); {
		n, kind := token(query[i:])
		word := strings.ToUpper(query[i : i+n])
		switch {
		case kind == spaceToken:
		case word == "(":
			depth++
		case word == ")":
			depth--
		case depth == 0 && word == "WITH":
			with = true
		case depth == 0 && word == "SELECT":
			if !with {
				return before + "(\n" + query + "\n)" + after
			}
			return query[:i] + before + "(\n" + query[i:] + "\n)" + after
		}
		i += n
	}
	return before + "(\n" + query + "\n)" + after
}

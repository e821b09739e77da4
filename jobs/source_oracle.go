package jobs

import (
	"context"
	"database/sql"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	oracle "github.com/sijms/go-ora/v2"
	"github.com/sijms/go-ora/v2/network"

	"extranet/portal"
)

// oracleDialect: an empty text is NULL there, and names that are not quoted are in capitals. Numbers come as text, exact.
var oracleDialect = dialect{
	example:     "oracle://USER:PASSWORD@HOST:1521/SERVICE?SSL=true",
	open:        openOracle,
	transaction: &sql.TxOptions{},
	opening:     `SET TRANSACTION READ ONLY`, // and sees one state
	clock:       `SELECT to_char(sys_extract_utc(systimestamp), 'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"') FROM dual`,
	placeholder: func(n int) string { return ":" + strconv.Itoa(n) },
	stampAt: func(placeholder string, kind stampKind) string {
		switch kind {
		case zonedStamp:
			return "to_timestamp_tz(" + placeholder + ", 'YYYY-MM-DD HH24:MI:SS.FF6TZH:TZM')"
		case dayStamp:
			return "to_date(" + placeholder + ", 'YYYY-MM-DD')"
		}
		return "to_date(substr(" + placeholder + ", 1, 19), 'YYYY-MM-DD HH24:MI:SS')" // as a DATE, so that an index on one serves; it begins a second early at most
	},
	first: func(query string, n int) string {
		return "SELECT * FROM (" + query + ") WHERE ROWNUM <= " + strconv.Itoa(n)
	},
	asText: func(e string) string { return "rtrim(to_char(" + e + "))" },
	quote:  func(name string) string { return quoted(name, `"`, `"`) },
	suits: map[portal.Type][]string{
		portal.Int:     {"NUMBER"},
		portal.Decimal: {"NUMBER"},
		portal.Day:     {"DATE", "TIMESTAMP", "TIMESTAMPDTY", "TIMESTAMPTZ_DTY", "TIMESTAMPLTZ_DTY", "TIMESTAMPTZ", "TIMESTAMPELTZ"},
		portal.Stamp:   {"DATE", "TIMESTAMP", "TIMESTAMPDTY", "TIMESTAMPTZ_DTY", "TIMESTAMPLTZ_DTY", "TIMESTAMPTZ", "TIMESTAMPELTZ"},
		portal.Bool:    {"NUMBER", "CHAR", "NCHAR"},
	},
	stampKind: func(databaseType string) stampKind {
		switch databaseType {
		case "DATE", "TIMESTAMP", "TIMESTAMPDTY":
			return naiveStamp // a DATE has a time of day
		case "TIMESTAMPTZ", "TIMESTAMPTZ_DTY", "TIMESTAMPLTZ_DTY", "TIMESTAMPELTZ":
			return zonedStamp
		}
		return noStamp
	},
	spoke: func(err error) bool {
		e, ok := errors.AsType[*network.OracleError](err)
		return ok && !slices.Contains(oracleSilent, e.ErrCode)
	},
	said: func(err error) said {
		e, ok := errors.AsType[*network.OracleError](err)
		if !ok {
			return said{}
		}
		s := said{words: oracleWords(e.ErrMsg), duplicate: e.ErrCode == 1}
		constraint := ""
		if found := oracleConstraint.FindStringSubmatch(e.ErrMsg); found != nil {
			constraint = found[1]
		}
		s.codes = []string{constraint, strconv.Itoa(e.ErrCode)}
		switch {
		case slices.Contains([]int{1, 1400, 1407, 2290, 2291, 2292}, e.ErrCode):
			s.codes = append(s.codes, "23")
		case slices.Contains([]int{1401, 1438, 1722, 1830, 1841, 1843, 1858, 1861, 12899}, e.ErrCode):
			s.codes = append(s.codes, "22")
		case e.ErrCode >= 20000 && e.ErrCode <= 20999: // raise_application_error
			s.codes = append(s.codes, "45000")
		}
		return s
	},
	estimate: func(context.Context, *sql.Tx, string) (int64, error) { return 0, nil }, // EXPLAIN PLAN writes, and a reading may not
}

// oracleSilent are errors of a server that goes away, is full, has ended the session, or of its listener.
var oracleSilent = []int{18, 20, 28, 1012, 1017, 1033, 1034, 1089, 1090, 1092, 3113, 3114, 3135, 12514, 12516, 12519, 12520, 12528, 12537, 12541, 28000}

var oracleConstraint = regexp.MustCompile(`\((?:[^().]+\.)?([^().]+)\)`)

// oracleWords are the first line of a message, without its number.
func oracleWords(message string) string {
	line, _, _ := strings.Cut(message, "\n")
	if rest, ok := strings.CutPrefix(line, "ORA-"); ok {
		if _, words, ok := strings.Cut(rest, ": "); ok {
			return words
		}
	}
	return line
}

func openOracle(_ *Source, address string) (*sql.DB, string, error) {
	if !strings.HasPrefix(address, "oracle://") {
		return nil, "", errors.New("this is no URL of an Oracle")
	}
	cfg, err := oracle.ParseConfig(address)
	if err != nil {
		return nil, "", err
	}
	if len(cfg.Servers) == 0 || cfg.Servers[0].Addr == "" {
		return nil, "", errors.New("the URL names no host")
	}
	c := oracle.NewConnector(address).(*oracle.OracleConnector)
	c.Dialer(dialer{})
	where := cfg.Servers[0].Addr + ":" + strconv.Itoa(cfg.Servers[0].Port) + "/" + cfg.ServiceName
	if cfg.ServiceName == "" {
		where += cfg.SID
	}
	return sql.OpenDB(c), where, nil
}

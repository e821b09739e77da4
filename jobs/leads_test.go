package jobs_test

import (
	"testing"

	"extranet/jobs"
)

// TestWidened: a select that finds keys is asked for many values at once only where that returns the same rows.
func TestWidened(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT so_no FROM heads WHERE clerk = :id":                                   "SELECT so_no FROM heads WHERE clerk |",
		"select so_no, line_no\nfrom items i\n where i.so_no=:so_no and qty > 0":      "select so_no, line_no\nfrom items i\n where i.so_no| and qty > 0",
		"SELECT a FROM t JOIN u USING (x) WHERE a = :v":                               "|",
		"SELECT t.a FROM t LEFT JOIN u ON u.x = t.x WHERE u.kind = 'or' AND u.b = :v": "SELECT t.a FROM t LEFT JOIN u ON u.x = t.x WHERE u.kind = 'or' AND u.b |",
		"SELECT t.a FROM t JOIN u ON u.x = t.x AND u.b = :v WHERE t.c = 1":            "|",
		"SELECT a FROM t WHERE b = :v -- (not for all)":                               "SELECT a FROM t WHERE b | -- (not for all)",
		"SELECT a FROM t WHERE b = :v + 1":                                            "|",
		"SELECT a FROM t WHERE b = :v::int":                                           "|",
		"SELECT a FROM t WHERE b <= :v":                                               "|",
		"SELECT a FROM t WHERE NOT b = :v":                                            "|",
		"SELECT a FROM t WHERE c = 1 OR b = :v":                                       "|",
		"SELECT a FROM t WHERE b = :v OR c = 1":                                       "|",
		"SELECT a FROM t WHERE b = :v AND c = :w":                                     "|",
		"SELECT a FROM t WHERE b = :v UNION SELECT a FROM u":                          "|",
		"SELECT a FROM t WHERE b = :v ORDER BY a LIMIT 1":                             "|",
		"SELECT max(a) FROM t WHERE b = :v":                                           "|",
		"SELECT a FROM t WHERE a IN (SELECT a FROM u WHERE b = :v)":                   "|",
		"SELECT a FROM t WHERE 1 + b = :v":                                            "|",
		"WITH u AS (SELECT 1) SELECT a FROM t WHERE b = :v":                           "|",
	} {
		before, after := jobs.Widened(text)
		if got := before + "|" + after; got != want {
			t.Errorf("%s: a list stands in %q, want %q", text, got, want)
		}
	}
}

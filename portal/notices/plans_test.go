package notices

import (
	"strings"
	"testing"

	"extranet/portal"
	"extranet/portal/portaltest"
)

// TestLists_plans shows that every list of notices walks an index in its order and enters it at the cursor.
func TestLists_plans(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, `
		INSERT INTO notices (partner_id, notice, supplier, kind, revision, title, issued_on, effective_on, withdrawn, changed_at)
		SELECT 4 + i % 2, 'N' || i, 'S' || i % 2, 'pcn', '1', 'x', date '2020-01-01' + i % 2000, '2026-06-01', false, now() FROM generate_series(1, 20000) i;
		INSERT INTO notices_given (partner_id, number, revision, kind, title, description, effective_on, items, given_at, given_by)
		SELECT 4 + i % 2, 1 + i / 4, 1 + i / 2 % 2, 'pcn', 'x', 'x', '2026-06-01', '[]', timestamptz '2020-01-01Z' + i * interval '1 hour', 'x' FROM generate_series(0, 19999) i`)
	p.Arrange(t, `ANALYZE notices`)
	p.Arrange(t, `ANALYZE notices_given`)
	own := func(query string, args ...any) (plan []string, err error) {
		err = p.Do(t.Context(), portaltest.As(portaltest.Cord), func(tx *portal.Tx) error { return tx.Select(t.Context(), &plan, `EXPLAIN `+query, args...) })
		return plan, err
	}
	across := func(query string, args ...any) (plan []string, err error) {
		err = p.AcrossPartners(t.Context(), portaltest.As(portaltest.Host, portal.NoticesManage), portal.NoticesManage, func(tx *portal.Tx) error {
			return tx.Select(t.Context(), &plan, `EXPLAIN `+query, args...)
		})
		return plan, err
	}
	for name, c := range map[string]struct {
		ask          func(query string, args ...any) ([]string, error)
		query        string
		args         []any
		index, enter string
	}{
		"own":             {own, listOwn, []any{int64(4), "2023-01-01", "N5", "", ""}, "notices_by_day", "ROW(issued_on, notice) <"},
		"own, open":       {own, listOwn, []any{int64(4), "2023-01-01", "N5", "pcn", "open"}, "notices_by_day", "ROW(issued_on, notice) <"},
		"all":             {across, listAll, []any{"", "2023-01-01", "N5", "", "", int64(4)}, "notices_by_issue", "ROW(issued_on, partner_id, notice) <"},
		"given":           {own, givenOwn, []any{int64(4), int64(900), "", ""}, "notices_given_pkey", "number <"},
		"given, to all":   {across, givenAll, []any{"", int64(900), "", "", "2021-01-01T00:00:00Z", int64(4)}, "notices_given_by_time", "ROW(given_at, partner_id, number) <"},
		"given, objected": {across, givenAll, []any{"", int64(900), "", "objected", "2021-01-01T00:00:00Z", int64(4)}, "notices_given_by_time", "ROW(given_at, partner_id, number) <"},
	} {
		plan, err := c.ask(c.query, c.args...)
		if err != nil {
			t.Fatal(name, err)
		}
		conditions := ""
		for _, line := range plan {
			if strings.Contains(line, "Index Cond") {
				conditions += line
			}
		}
		if text := strings.Join(plan, "\n"); !strings.Contains(text, c.index) || !strings.Contains(conditions, c.enter) {
			t.Errorf("%s: want %s entered by %q:\n%s", name, c.index, c.enter, text)
		}
	}
}

package forecasts

import (
	"strings"
	"testing"

	"extranet/portal"
	"extranet/portal/portaltest"
)

// TestShow_plans shows that a page of the grid and what stands on it are found by indexes of the partner's, and nothing is read whole.
func TestShow_plans(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, `INSERT INTO forecasts (partner_id, version, product, location, supplier, published_at, kind, starts_on, quantity, changed_at)
		SELECT 4 + i % 2, 'V' || v, 'T' || lpad(i::text, 6, '0'), 'W1', 'S' || i % 2, timestamptz '2026-01-01Z' + v * interval '7 days', 'week', '{2026-03-02}', '{1}', now() FROM generate_series(1, 4000) i, generate_series(1, 5) v`)
	p.Arrange(t, `INSERT INTO commits (partner_id, product, location, revision, latest, version, starts_on, quantity, asked, reason, note, short, over, value, how, committed_at, committed_by)
		SELECT partner_id, product, location, r, r = 3, 'V5', starts_on, quantity, quantity, '{""}', '{""}', 0, 0, 0, 'api', now(), 'x' FROM forecasts, generate_series(1, 3) r WHERE version = 'V5'`)
	p.Arrange(t, `ANALYZE forecasts`)
	p.Arrange(t, `ANALYZE commits`)
	versions := names([]Version{{Version: "V5"}, {Version: "V4"}})
	for name, c := range map[string]struct {
		query string
		args  []any
		index string
	}{
		"items":    {itemsOf, []any{int64(4), versions, "T000100", "W1", nil, "", "", 21}, "forecasts_"},
		"prefix":   {itemsOf, []any{int64(4), versions, "", "", nil, "T0001", "", 21}, "forecasts_"},
		"versions": {versionsOf, []any{int64(4), 3}, "forecasts_by_publication"},
		"commits":  {answersBetween, []any{int64(4), "T000100", "W1", "T000120", "W1"}, "commits_latest"},
	} {
		var plan []string
		if err := p.Do(t.Context(), portaltest.As(portaltest.Cord), func(tx *portal.Tx) error { return tx.Select(t.Context(), &plan, `EXPLAIN `+c.query, c.args...) }); err != nil {
			t.Fatal(name, err)
		}
		if text := strings.Join(plan, "\n"); !strings.Contains(text, c.index) || strings.Contains(text, "Seq Scan on forecasts") || strings.Contains(text, "Seq Scan on commits") {
			t.Errorf("%s: want %s:\n%s", name, c.index, text)
		}
	}
}

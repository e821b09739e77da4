package claims

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"extranet/portal"
	"extranet/portal/portaltest"
)

// TestLists_plans shows that every list of claims walks an index in its order, and enters it at the cursor.
func TestLists_plans(t *testing.T) {
	t.Parallel()
	p, ctx := portaltest.New(t), t.Context()
	p.Arrange(t, `
		INSERT INTO claims (partner_id, number, kind, site, currency, reference, contact_email, created_at, created_by, submitted_at, changed_at, state, owner, due_at)
		SELECT 2 + i % 3, 'N' || i, (ARRAY['warranty', 'transit', 'shortage', 'price', 'return'])[1 + i % 5], 'D10' || i % 10, 'EUR', '', '', timestamptz '2026-01-01Z' + i * interval '1 minute', 'x', now(), timestamptz '2026-01-01Z' + i * interval '1 minute',
			s.state, CASE WHEN s.state <> 'closed' THEN CASE WHEN s.state = 'asked' THEN 'dealer' ELSE 'host' END END, CASE WHEN s.state <> 'closed' THEN timestamptz '2026-02-01Z' + i * interval '1 minute' END
		FROM generate_series(1, 30000) i, LATERAL (SELECT CASE WHEN i % 4 > 0 THEN 'closed' ELSE (ARRAY['asked', 'submitted', 'in_review', 'proposed'])[1 + i / 4 % 4] END AS state) s`)
	p.Arrange(t, `ANALYZE claims`)
	at := written(cursor{time.Date(2026, 1, 9, 0, 0, 0, 0, time.UTC), "N9"})
	queued := written(place{"2026-02-09T00:00:00Z", 2, "N9"})
	explain := func(tx *portal.Tx, query string, args []any) (string, string) {
		var plan []string
		must(t, tx.Select(ctx, &plan, `EXPLAIN `+query, args...))
		cond := ""
		for _, line := range plan {
			if strings.Contains(line, "Index Cond") {
				cond += line
			}
		}
		return strings.Join(plan, "\n"), cond
	}
	for name, c := range map[string]struct {
		f            Filter
		index, enter string
	}{
		"all":   {Filter{}, "claims_by_time", "partner_id ="},
		"deep":  {Filter{Cursor: encode(at)}, "claims_by_time", "ROW(created_at, number) <"},
		"open":  {Filter{State: "open"}, "claims_open", "partner_id ="},
		"state": {Filter{State: "asked", Cursor: encode(at)}, "claims_by_state", "ROW(created_at, number) <"},
		"kind":  {Filter{Kind: "price", Cursor: encode(at)}, "claims_by_kind", "ROW(created_at, number) <"},
		"site":  {Filter{Site: "D101", Cursor: encode(at)}, "claims_by_site", "ROW(created_at, number) <"},
	} {
		must(t, c.f.Check())
		must(t, p.Do(ctx, portaltest.As(portaltest.Acme), func(tx *portal.Tx) error {
			query, args := c.f.query(tx)
			if text, cond := explain(tx, query, args); !strings.Contains(text, c.index) || !strings.Contains(cond, c.enter) || strings.Contains(text, "Sort") {
				t.Errorf("%s: want %s entered by %q:\n%s", name, c.index, c.enter, text)
			}
			return nil
		}))
	}
	for name, c := range map[string]struct {
		f     DeskFilter
		index string
	}{
		"our turn":       {DeskFilter{}, "claims_of_owner"},
		"our turn, deep": {DeskFilter{Cursor: encode(queued)}, "claims_of_owner"},
		"a state":        {DeskFilter{State: "asked"}, "claims_of_state"},
		"over":           {DeskFilter{State: "closed"}, "claims_over"},
		"over, deep":     {DeskFilter{State: "closed", Cursor: encode(queued)}, "claims_over"},
	} {
		must(t, p.AcrossPartners(ctx, staff(1, portal.ClaimsDecide), portal.ClaimsDecide, func(tx *portal.Tx) error {
			query, args, err := c.f.query(tx)
			must(t, err)
			if text, _ := explain(tx, query, args); !strings.Contains(text, c.index) {
				t.Errorf("%s: want %s:\n%s", name, c.index, text)
			}
			return nil
		}))
	}
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

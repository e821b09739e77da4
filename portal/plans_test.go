package portal_test

import (
	"strings"
	"testing"

	"extranet/portal"
	"extranet/portal/portaltest"
)

// TestPlans shows that the host's lists of commands, of refused rows and of passes walk an index in its order, enter it at the cursor, and sort nothing.
func TestPlans(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, `
		INSERT INTO outbox (partner_id, command_id, name, document, place, content, posted_at, posted_by, state, next_try_at, ended_at)
		SELECT 2 + i % 2, ('00000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, (ARRAY['place_order', 'cancel_order', 'answer'])[1 + i % 3], 'orders/' || i % 20000, i, '{}', now(), 'Dana',
			CASE WHEN i % 100 < 2 THEN 'waiting' WHEN i % 100 < 4 THEN 'refused' ELSE 'delivered' END, CASE WHEN i % 100 < 2 THEN now() END, CASE WHEN i % 100 >= 2 THEN now() END FROM generate_series(1, 40000) i`)
	p.Arrange(t, `INSERT INTO carried_commands VALUES ('place_order', 'core', true), ('cancel_order', 'core', true)`)
	p.Arrange(t, `INSERT INTO quarantine (entity, key, reason, row_data, first_seen, last_seen, tries) SELECT (ARRAY['orders', 'order_lines'])[1 + i % 2], '["' || i || '"]', 'there is no partner', '{}', now(), now(), 1 FROM generate_series(1, 40000) i`)
	p.Arrange(t, `INSERT INTO passes (entity, way, began_at, ended_at, times, took_ms, rows_read, inserted, updated, deleted, quarantined) SELECT CASE WHEN i % 50 = 0 THEN 'partners' ELSE 'orders' END, 'incremental', now(), now(), 1, 5, 1, 1, 0, 0, 0 FROM generate_series(1, 40000) i`)
	p.Arrange(t, `ANALYZE passes`)
	p.Arrange(t, `ANALYZE outbox`)
	p.Arrange(t, `ANALYZE quarantine`)
	const first, middle = "ffffffff-ffff-ffff-ffff-ffffffffffff", "00000000-0000-7000-8000-000000001000"
	for name, c := range map[string]struct {
		query string
		args  []any
		index string
		enter string
	}{
		"waiting":      {portal.SendingsQuery, []any{"waiting", first, true, 51}, "outbox_by_state", "(state = 'waiting'::text) AND (command_id <"},
		"not carried":  {portal.SendingsQuery, []any{"waiting", first, false, 51}, "outbox_by_state", "(state = 'waiting'::text) AND (command_id <"},
		"delivered":    {portal.SendingsQuery, []any{"delivered", first, nil, 51}, "outbox_by_", "(command_id <"},
		"refused":      {portal.SendingsQuery, []any{"refused", middle, nil, 51}, "outbox_by_state", "(state = 'refused'::text) AND (command_id <"},
		"quarantine":   {portal.RefusedQuery, []any{"orders", "", "", 51}, "quarantine_pkey", "(entity = 'orders'::text) AND (key >"},
		"deep in it":   {portal.RefusedQuery, []any{"orders", `["20000"]`, "", 51}, "quarantine_pkey", "(entity = 'orders'::text) AND (key >"},
		"looked for":   {portal.RefusedQuery, []any{"orders", "", "partner", 51}, "quarantine_pkey", "(entity = 'orders'::text) AND (key >"},
		"history":      {portal.HistoryQuery, []any{"partners", 20}, "passes_by_entity", "(entity = 'partners'::text)"},
		"looked for 7": {portal.RefusedQuery, []any{"orders", "", "7", 51}, "quarantine_pkey", "(entity = 'orders'::text) AND (key >"},
	} {
		var plan []string
		err := p.AcrossPartners(t.Context(), portal.Caller{PartnerID: portaltest.Host, Host: true, Perms: 1 << portal.FeedsManage}, portal.FeedsManage, func(tx *portal.Tx) error {
			return tx.Select(t.Context(), &plan, `EXPLAIN `+c.query, c.args...)
		})
		if err != nil {
			t.Fatal(name, err)
		}
		text := strings.Join(plan, "\n")
		if !strings.Contains(text, c.index) || !strings.Contains(text, c.enter) || strings.Contains(text, "Sort") || strings.Contains(text, "Seq Scan on outbox") {
			t.Errorf("%s: want %s entered by %q:\n%s", name, c.index, c.enter, text)
		}
	}
}

package main

import (
	"maps"

	"extranet/portal"
)

func init() {
	maps.Copy(probes, map[string]probe{
		"GET /api/v1/sync":                     {host: true, need: portal.FeedsRead, says: `"orders"`},
		"GET /api/v1/sync/feeds/:entity":       {host: true, need: portal.FeedsRead, path: "/api/v1/sync/feeds/orders", says: `"passes"`},
		"GET /api/v1/sync/quarantine/:entity":  {host: true, need: portal.FeedsRead, path: "/api/v1/sync/quarantine/orders", says: "no such partner"},
		"POST /api/v1/sync/feeds/:entity/:act": {host: true, need: portal.FeedsManage, path: "/api/v1/sync/feeds/orders/run", form: "{}", says: `"run"`},
		"GET /api/v1/sync/commands":            {host: true, need: portal.FeedsRead, path: "/api/v1/sync/commands?state=not+carried", says: "ACMEONLY"},
		"POST /api/v1/sync/commands/:id/:act":  {host: true, need: portal.FeedsManage, path: "/api/v1/sync/commands/019c0000-0000-7000-8000-000000000001/settle", form: "{}", says: `"settle"`, before: `UPDATE outbox SET asked = NULL`},
	})
	maps.Copy(probes, map[string]probe{
		"GET /sync":                {host: true, need: portal.FeedsRead, says: "Run all now"},
		"GET /sync/feeds/:entity":  {host: true, need: portal.FeedsRead, path: "/sync/feeds/orders", says: "no such partner"},
		"POST /sync/feeds/:entity": {host: true, need: portal.FeedsManage, path: "/sync/feeds/orders", form: "once=00000000-0000-4000-8000-00000000feed&act=run"},
		"GET /sync/outbox":         {host: true, need: portal.FeedsRead, path: "/sync/outbox?state=not+carried", says: "ACMEONLY"},
		"POST /sync/outbox/:id":    {host: true, need: portal.FeedsManage, path: "/sync/outbox/019c0000-0000-7000-8000-000000000001", form: "once=00000000-0000-4000-8000-00000000feef&act=settle", before: `UPDATE outbox SET asked = NULL`},
	})
	seeds = append(seeds, `
	INSERT INTO outbox (partner_id, command_id, name, document, place, content, posted_at, posted_by) VALUES
		(2, '019c0000-0000-7000-8000-000000000001', 'place_order', 'orders/ACMEONLY', 1, '{}', '2026-03-01Z', 'Ada'), (3, '019c0000-0000-7000-8000-000000000002', 'place_order', 'orders/BROCKONLY', 1, '{}', '2026-03-01Z', 'Bob');
	INSERT INTO quarantine (entity, key, reason, row_data, first_seen, last_seen, tries) VALUES ('orders', '["Q-1"]', 'there is no such partner', '{"number": "Q-1"}', '2026-03-01Z', '2026-03-01Z', 3);
	INSERT INTO passes (entity, way, began_at, ended_at, took_ms, rows_read, inserted, updated, deleted, quarantined) VALUES ('orders', 'full', '2026-03-01Z', '2026-03-01Z', 12, 3, 3, 0, 0, 1);`)
}

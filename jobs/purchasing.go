package jobs

import (
	"context"
	"strconv"

	"extranet/portal"
	"extranet/portal/purchasing"
)

var purchasingEntities = []entity{
	{mirror: purchasing.Mirror, after: revise},
	{mirror: purchasing.Lines, with: "purchase_orders", after: revise},
	{mirror: purchasing.Schedules, with: "purchase_order_lines", after: revise},
	{mirror: purchasing.Received, with: "purchase_orders"},
	{mirror: purchasing.Decisions, with: "purchase_orders", after: func(ctx context.Context, tx *portal.Tx, _ portal.Merged) error { return purchasing.Decide(ctx, tx) }},
}

// revise keeps what the host changed as a new version.
func revise(ctx context.Context, tx *portal.Tx, _ portal.Merged) error {
	return purchasing.Revise(ctx, tx)
}

var purchasingCommands = []commandHandler{{
	name: purchasing.CommandAnswer, values: []string{"order", "answer", "version", "note", "by", "lines", "parts"},
	lists: map[string][]string{"lines": {"line", "verdict", "state", "refuse_rest", "reason", "substitute", "price", "note"}, "parts": {"line", "on", "quantity"}},
	refused: func(ctx context.Context, tx *portal.Tx, c portal.Sent, why string) error {
		answer, err := strconv.Atoi(c.Values["answer"])
		if err != nil {
			return err
		}
		return purchasing.Undo(ctx, tx, c.PartnerID, c.Values["order"], answer, why)
	},
}, {
	name: purchasing.CommandDispatch, values: []string{"dispatch", "carrier", "tracking", "ships_on", "arrives_on", "note", "by", "lines", "packages"},
	lists: map[string][]string{"lines": {"order", "line", "quantity", "lot", "serials", "sscc"}, "packages": {"package", "sscc", "weight_kg"}},
	done: func(ctx context.Context, tx *portal.Tx, c portal.Sent, _ map[string]string) error {
		return purchasing.DispatchTaken(ctx, tx, c.PartnerID, c.Values["dispatch"])
	},
	refused: func(ctx context.Context, tx *portal.Tx, c portal.Sent, why string) error {
		return purchasing.DispatchRefused(ctx, tx, c.PartnerID, c.Values["dispatch"], why)
	},
}, {
	name: purchasing.CommandDecide, values: []string{"order", "by", "lines"}, lists: map[string][]string{"lines": {"answer", "line", "accepted", "why"}},
	refused: func(ctx context.Context, tx *portal.Tx, c portal.Sent, why string) error {
		return purchasing.RulingRefused(ctx, tx, c.PartnerID, c.Values["order"], c.Values["lines"], why)
	},
}, {
	name: purchasing.CommandObject, values: []string{"receipt", "order", "line", "words", "by"},
	refused: func(ctx context.Context, tx *portal.Tx, c portal.Sent, why string) error {
		return purchasing.ObjectionRefused(ctx, tx, c.PartnerID, c.Values["receipt"], why)
	},
}, {
	name: purchasing.CommandSettle, values: []string{"receipt", "accepted", "words", "by"},
}}

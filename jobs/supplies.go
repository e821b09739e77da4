package jobs

import (
	"context"
	"strconv"

	"extranet/portal"
	"extranet/portal/supplies"
)

var supplyCommands = []commandHandler{{
	name: supplies.CommandReport, values: []string{"report", "by", "stocks", "capacities"},
	lists: map[string][]string{"stocks": {"product", "site", "on_hand", "in_process", "counted_on"}, "capacities": {"product", "site", "week_of", "quantity"}},
	done: func(ctx context.Context, tx *portal.Tx, c portal.Sent, _ map[string]string) error {
		return reportBecame(ctx, tx, c, "")
	},
	refused: reportBecame,
}}

func reportBecame(ctx context.Context, tx *portal.Tx, c portal.Sent, why string) error {
	report, err := strconv.ParseInt(c.Values["report"], 10, 64)
	if err != nil {
		return err
	}
	return supplies.Became(ctx, tx, c.PartnerID, report, why)
}

package jobs

import (
	"context"

	"extranet/portal"
	"extranet/portal/notices"
)

var noticeEntities = []entity{
	{mirror: notices.Mirror, after: reviseNotices},
	{mirror: notices.Items, with: "notices", after: reviseNotices},
}

// reviseNotices keeps what the host changed as a new revision.
func reviseNotices(ctx context.Context, tx *portal.Tx, _ portal.Merged) error {
	return notices.Revise(ctx, tx)
}

var noticeCommands = []commandHandler{
	{name: notices.AnswerCommand, values: []string{"notice", "revision", "answer", "verdict", "disposition", "cost", "currency", "lead_time_days", "samples", "note", "by"}},
	{
		name: notices.GiveCommand, values: []string{"number", "revision", "kind", "title", "description", "effective_on", "first_ship_on", "last_buy_on", "last_ship_on", "withdrawn", "by", "items"},
		lists: map[string][]string{"items": {"product", "revision_from", "revision_to", "effective_on", "lot", "serial", "replacement"}},
	},
	{name: notices.AnswerGivenCommand, values: []string{"number", "revision", "answer", "verdict", "disposition", "cost", "currency", "lead_time_days", "samples", "note", "by"}},
}

package jobs

import (
	"context"
	"time"

	"extranet/portal"
	"extranet/portal/forecasts"
	"extranet/portal/notices"
	"extranet/portal/partners"
	"extranet/portal/purchasing"
)

var forecastEntities = []entity{
	{mirror: forecasts.Mirror},
	{mirror: forecasts.History, with: "forecasts"},
	{mirror: forecasts.Inventory, with: "forecasts"},
}

var forecastCommands = []commandHandler{
	{name: forecasts.CommitCommand, values: []string{"version", "by", "lines"}, lists: map[string][]string{"lines": {"product", "location", "starts_on", "quantity", "asked", "reason", "note"}}},
}

// clocksEvery is how often it is looked whether something is due.
const clocksEvery = time.Minute

// clocks does what is due by itself: about new versions of forecasts, and about notices that nobody answers. Every worker looks; each thing is done once.
func (w *Worker) clocks(ctx context.Context) {
	for {
		for what, f := range map[string]func(context.Context, *portal.Tx) error{
			"forecasts":       forecasts.Tend,
			"reviews":         partners.TendReviews,
			"purchase orders": purchasing.Remind,
			"notices":         func(ctx context.Context, tx *portal.Tx) error { _, err := notices.Silence(ctx, tx); return err },
		} {
			if err := w.db.AsWorker(ctx, "clock", func(tx *portal.Tx) error { return f(ctx, tx) }); err != nil && ctx.Err() == nil {
				w.log.ErrorContext(ctx, "what is due could not be done", "about", what, "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(clocksEvery):
		}
	}
}

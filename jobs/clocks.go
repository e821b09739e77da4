package jobs

import (
	"context"
	"time"

	"extranet/portal"
	"extranet/portal/catalog"
	"extranet/portal/forecasts"
	"extranet/portal/notices"
	"extranet/portal/partners"
	"extranet/portal/purchasing"
)

// clocks does what is due by itself: about reviews of access, whose date ends live sessions within seconds, about new versions of forecasts,
// about notices and orders that nobody answers, and about prices that begin. Every worker looks; each thing is done once.
func (w *Worker) clocks(ctx context.Context) {
	due := []struct {
		what  string
		every time.Duration
		do    func(context.Context, *portal.Tx) error
		next  time.Time
	}{
		{what: "reviews", every: 2 * time.Second, do: partners.TendReviews},
		{what: "forecasts", every: time.Minute, do: forecasts.Tend},
		{what: "purchase orders", every: time.Minute, do: purchasing.Remind},
		{what: "watches", every: time.Hour, do: func(ctx context.Context, tx *portal.Tx) error { return catalog.TellWatchers(ctx, tx, true) }}, // a price may begin, or end, by its date
		{what: "notices", every: time.Minute, do: func(ctx context.Context, tx *portal.Tx) error { _, err := notices.Silence(ctx, tx); return err }},
	}
	for {
		for i := range due {
			d := &due[i]
			now := time.Now()
			if now.Before(d.next) {
				continue
			}
			d.next = now.Add(d.every)
			if err := w.db.AsWorker(ctx, "clock", func(tx *portal.Tx) error { return d.do(ctx, tx) }); err != nil && ctx.Err() == nil {
				w.log.ErrorContext(ctx, "what is due could not be done", "about", d.what, "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
	}
}

package jobs

import (
	"context"
	gosync "sync"
	"time"

	"github.com/riverqueue/river"

	"extranet/portal"
)

const (
	askedEvery  = 5 * time.Second // when no news says that somebody asked for a pass
	thinEvery   = 10 * time.Minute
	watchEvery  = time.Second // how often a pass under way is told of
	watchAnswer = 3 * time.Second
)

// tend puts the passes that the host's staff ask for into the queue, and keeps the history short.
func (w *Worker) tend(ctx context.Context) {
	news := w.db.SubscribeSignals(0)
	defer news.Close()
	poll, thin := time.NewTicker(askedEvery), time.NewTicker(thinEvery)
	defer poll.Stop()
	defer thin.Stop()
	for {
		if err := w.answer(ctx); err != nil && ctx.Err() == nil {
			w.log.ErrorContext(ctx, "what was asked of the feeds is not known", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-news.C:
			news.Nouns()
		case <-poll.C:
		case <-thin.C:
			err := w.db.AsWorker(ctx, "work", func(tx *portal.Tx) error { return portal.ThinHistory(ctx, tx) })
			if err != nil && ctx.Err() == nil {
				w.log.ErrorContext(ctx, "the history of the feeds cannot be thinned", "err", err)
			}
		}
	}
}

// answer puts a pass into the queue for each feed that is asked for one. Every worker does, and the queue keeps one for each asking.
func (w *Worker) answer(ctx context.Context) error {
	var asked []portal.Asked
	err := w.db.AsWorker(ctx, "work", func(tx *portal.Tx) (err error) {
		asked, err = portal.AskedFeeds(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	for _, a := range asked {
		if w.mapping.Feed(a.Entity) == nil {
			continue
		}
		if _, err := w.client.Insert(ctx, feedArgs{Entity: a.Entity, Asked: a.At.UnixMicro()}, &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true}}); err != nil {
			return err
		}
	}
	return nil
}

// watch tells the portal how far a pass is while it runs for longer than a moment. over ends that, and waits for it.
func watch(ctx context.Context, db *portal.DB, entity string) (progress func(Progress), over func()) {
	began := db.Now().UTC()
	var mu gosync.Mutex
	var now *portal.Running
	ended := make(chan struct{})
	var telling gosync.WaitGroup
	tell := func(f func(ctx context.Context, tx *portal.Tx) error) bool {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), watchAnswer)
		defer cancel()
		return db.AsWorker(ctx, "sync", func(tx *portal.Tx) error { return f(ctx, tx) }) == nil // a pass goes on whether it can be watched or not
	}
	telling.Go(func() {
		beat := time.NewTicker(watchEvery)
		defer beat.Stop()
		told := false
		for {
			select {
			case <-ended:
				if told {
					tell(func(ctx context.Context, tx *portal.Tx) error { return portal.PassIsOver(ctx, tx, entity) })
				}
				return
			case <-beat.C:
			}
			mu.Lock()
			r := now
			mu.Unlock()
			if r != nil {
				told = tell(func(ctx context.Context, tx *portal.Tx) error { return portal.PassGoesOn(ctx, tx, *r) }) || told
			}
		}
	})
	progress = func(p Progress) {
		mu.Lock()
		defer mu.Unlock()
		now = &portal.Running{Entity: entity, Phase: p.Phase, Rows: p.Rows, Expected: p.Of, BeganAt: began}
	}
	over = func() {
		close(ended)
		telling.Wait()
	}
	return progress, over
}

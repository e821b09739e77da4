package jobs

import (
	"context"
	"database/sql"

	"fmt"
	"log/slog"

	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"

	"extranet/migrations"
	"extranet/portal"
)

// A Worker runs every feed on its schedule. Several workers may run at once, in one process or many: one of them
// makes each pass, and when one is gone, however abruptly, the others go on.
type Worker struct {
	db      *portal.DB
	mapping *Mapping
	log     *slog.Logger
	client  *river.Client[*sql.Tx]
	out     *out

	ticking context.CancelFunc
	ticks   sync.WaitGroup
	callOff context.CancelFunc // what is being delivered
	sending sync.WaitGroup

	mu    sync.Mutex
	wrong map[string]string // entity → why its last pass failed
}

const (
	passesAtOnce  = 3                      // of one worker
	fetchInterval = 250 * time.Millisecond // between looks into the queue
	keepJobs      = time.Minute            // that are done; the feeds themselves say how the last pass went
)

// NewWorker prepares a worker. queue is a pool of the login role's connections, for the job queue alone; the worker does not close it.
func NewWorker(db *portal.DB, queue *sql.DB, m *Mapping, log *slog.Logger) (*Worker, error) {
	w := &Worker{db: db, mapping: m, log: log, out: newOut(db, m, log), wrong: map[string]string{}}
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &feedWorker{worker: w}); err != nil {
		return nil, fmt.Errorf("preparing the worker: %w", err)
	}
	client, err := river.NewClient(riverdatabasesql.New(queue), &river.Config{
		CancelledJobRetentionPeriod: keepJobs,
		CompletedJobRetentionPeriod: keepJobs,
		DiscardedJobRetentionPeriod: time.Hour,
		FetchPollInterval:           fetchInterval,
		JobTimeout:                  -1, // a first load takes as long as it takes
		Logger:                      slog.New(onlyWarnings{log.Handler()}),
		MaxAttempts:                 1, // the next tick comes anyway
		PollOnly:                    true,
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: passesAtOnce}},
		Schema:                      migrations.RiverSchema,
		Workers:                     workers,
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the job queue: %w", err)
	}
	w.client = client
	return w, nil
}

// Start offers the mapped entities and begins to mirror them. It returns at once; ctx must live as long as the worker.
func (w *Worker) Start(ctx context.Context) error {
	if err := offer(ctx, w.db, w.mapping); err != nil {
		return err
	}
	if err := w.out.carry(ctx); err != nil {
		return err
	}
	if err := w.client.Start(ctx); err != nil {
		return fmt.Errorf("starting the job queue: %w", err)
	}
	ticking, stop := context.WithCancel(ctx)
	w.ticking = stop
	hard, callOff := context.WithCancel(ctx)
	w.callOff = callOff
	w.sending.Go(func() { w.out.run(ticking, hard) })
	w.ticks.Go(func() { w.tend(ticking) })
	w.ticks.Go(func() { w.clocks(ticking) })
	for _, f := range w.mapping.Feeds {
		w.ticks.Go(func() { w.tick(ticking, f) })
	}
	for _, s := range w.mapping.Sources {
		for _, way := range []string{Marks, Logical} {
			if f := w.mapping.follower(w.db, s, way); len(f.feeds) > 0 {
				w.sending.Go(func() { w.follow(ticking, hard, f) })
			}
		}
	}
	return nil
}

// Stop begins no more passes and waits for those that run. When ctx is done they are called off, which leaves everything as it was.
func (w *Worker) Stop(ctx context.Context) error {
	if w.ticking == nil {
		return nil // it never started
	}
	w.ticking()
	w.ticks.Wait()
	stand := context.AfterFunc(ctx, w.callOff)
	defer func() {
		w.sending.Wait()
		stand()
		w.callOff()
	}()
	err := w.client.Stop(ctx)
	if err == nil || ctx.Err() == nil {
		return err
	}
	hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return w.client.StopAndCancel(hard)
}

// feedArgs ask for one pass of an entity.
type feedArgs struct {
	Entity string `json:"entity"`
	Asked  int64  `json:"asked,omitempty"` // when somebody asked for it, in microseconds; 0 = it is its time
}

// Kind is the job's name in the queue.
func (feedArgs) Kind() string { return "feed" }

// tick puts a pass into the queue at once, and then at every multiple of the feed's interval. All workers do, and the queue keeps one
// job for each interval: so no schedule hangs on the one worker that leads the others, and a job left running by a worker
// that died holds up its own interval alone.
func (w *Worker) tick(ctx context.Context, f *Feed) {
	for {
		now := time.Now()
		_, err := w.client.Insert(ctx, feedArgs{Entity: f.Entity}, &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true, ByPeriod: f.Every}})
		if err != nil && ctx.Err() == nil {
			w.log.ErrorContext(ctx, "a pass cannot be put into the queue", "entity", f.Entity, "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(now.Truncate(f.Every).Add(f.Every))):
		}
	}
}

type feedWorker struct {
	river.WorkerDefaults[feedArgs]
	worker *Worker
}

// Work makes one pass. The feed itself remembers a failure, so the job never fails.
func (f *feedWorker) Work(ctx context.Context, job *river.Job[feedArgs]) error {
	w, entity := f.worker, job.Args.Entity
	feed := w.mapping.Feed(entity)
	if feed == nil {
		return nil // of a worker with another mapping
	}
	stands, err := w.stands(ctx)
	if err != nil {
		return err
	}
	stand := stands[entity]
	if began := stand.PassBegan; !stand.AskedAt.Valid && (job.Args.Asked != 0 || stand.PausedAt.Valid || stand.StoppedAt.Valid || began.Valid && began.Time.After(job.ScheduledAt)) {
		return nil // what was asked for is done, or the feed is paused, or this one waited so long that another was made
	}
	if p := stands["partners"]; feed.entity.mirror.Owned && p.Offered && !p.AsOf.Valid {
		return river.JobSnooze(time.Second) // until it is known whose the rows are
	}
	if feed.follows() && !stand.AskedAt.Valid && !feed.wantsAll(stand, w.db.Now()) {
		return nil // it is followed
	}
	r, err := Pass(ctx, w.db, w.mapping, entity, Options{Full: stand.AskedFull})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	w.note(ctx, r, err)
	if !stand.AskedAt.Valid {
		return nil
	}
	if portal.Says(err).Kind == portal.Conflict { // another pass is running
		if job.Args.Asked != 0 {
			return river.JobSnooze(time.Second)
		}
		return nil
	}
	return w.db.AsWorker(ctx, "work", func(tx *portal.Tx) error { return portal.PassAnswered(ctx, tx, stand) })
}

// stands returns where each feed is.
func (w *Worker) stands(ctx context.Context) (map[string]portal.Feed, error) {
	by := map[string]portal.Feed{}
	err := w.db.AsWorker(ctx, "work", func(tx *portal.Tx) error {
		all, err := portal.Feeds(ctx, tx)
		for _, f := range all {
			by[f.Entity] = f
		}
		return err
	})
	return by, err
}

// note logs a pass that changed something, a failure when it begins, and its end.
func (w *Worker) note(ctx context.Context, r Result, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.wrong[r.Entity]
	if k := portal.Says(err).Kind; err != nil && (k == portal.Conflict || k == portal.NotFound) {
		w.log.DebugContext(ctx, "pass skipped", "entity", r.Entity, "why", err)
		return
	}
	about := []any{"entity", r.Entity, "way", r.Way, "rows", r.Rows, "inserted", r.Inserted, "updated", r.Updated, "deleted", r.Deleted,
		"quarantined", r.Quarantined, "ms", int64(r.Seconds * 1000)}
	switch {
	case err != nil && before == err.Error():
		w.log.DebugContext(ctx, "pass failed again", append(about, "err", err)...)
	case err != nil:
		w.log.ErrorContext(ctx, "pass failed", append(about, "err", err)...)
	case r.Inserted+r.Updated+r.Deleted > 0 || before != "":
		w.log.InfoContext(ctx, "pass", about...)
	default:
		w.log.DebugContext(ctx, "pass", about...)
	}
	delete(w.wrong, r.Entity)
	if err != nil {
		w.wrong[r.Entity] = err.Error()
	}
}

// onlyWarnings keeps the queue's own chatter out of the log.
type onlyWarnings struct{ slog.Handler }

func (h onlyWarnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}

// WithAttrs keeps the filter.
func (h onlyWarnings) WithAttrs(a []slog.Attr) slog.Handler {
	return onlyWarnings{h.Handler.WithAttrs(a)}
}

// WithGroup keeps the filter.
func (h onlyWarnings) WithGroup(name string) slog.Handler {
	return onlyWarnings{h.Handler.WithGroup(name)}
}

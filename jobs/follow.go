package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"extranet/portal"
)

const (
	followEvery  = 200 * time.Millisecond // between looks for marks, or into the slot
	followFailed = 2 * time.Second        // after one that failed
)

// A follower mirrors the entities of one source that say themselves what changed. A round takes the touched rows of all of them at once:
// it reads the keys that these lead to as they are now, merges them in one transaction, and only then lets go of what it was told.
type follower struct {
	db     *portal.DB
	source *Source
	way    string
	feeds  []*Feed
	tables []string
	needs  map[string][]string // columns of each table

	beat time.Time // when all feeds were last found to be as of then
	seen string    // how far the core had written at the last look; of logical
	kept int64     // bytes of the core's log that the slot holds back; of logical
}

func (m *Mapping) follower(db *portal.DB, s *Source, way string) *follower {
	f := &follower{db: db, source: s, way: way, feeds: m.following(s, way)}
	f.tables, f.needs = leadTables(f.feeds)
	return f
}

// quiet looks whether there is anything to do, at next to no cost.
func (w *follower) quiet(ctx context.Context) (bool, error) {
	if w.due() {
		return false, nil
	}
	if w.way == Marks {
		any, err := w.source.anyMarks(ctx, w.tables)
		return !any, err
	}
	at, err := w.source.position(ctx)
	return at == w.seen, err
}

// due reports that it is time to say how fresh the feeds are, touched or not.
func (w *follower) due() bool {
	for _, f := range w.feeds {
		if time.Since(w.beat) >= f.Every {
			return true
		}
	}
	return false
}

// ready makes sure that there is a slot to look into. When it has to be made anew, what was committed meanwhile is in none: first all
// feeds are written down as lost, while no pass of theirs runs, and then it is made.
func (w *follower) ready(ctx context.Context) error {
	if w.way != Logical {
		return nil
	}
	_, needs := leadTables(w.feeds)
	if err := w.source.untold(ctx, w.tables, needs); err != nil {
		return err
	}
	kept, lost, err := w.source.slotThere(ctx)
	w.kept = kept
	if err != nil || lost == "" {
		return err
	}
	err = w.db.AsWorker(ctx, "sync", func(tx *portal.Tx) error {
		for _, f := range w.feeds {
			s, err := portal.LockFeed(ctx, tx, f.Entity)
			if err != nil {
				return err
			}
			if s.Watermark != "" {
				if err := portal.LoseFeed(ctx, tx, f.Entity, lost); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.source.makeSlot(ctx)
}

// round makes one round. more says that there is more to do at once. Feeds that are being read whole, that wait for it, or
// are paused, are left out: a touch of theirs stays, or has them read whole afterwards.
func (w *follower) round(ctx context.Context) (results []Result, more bool, err error) {
	if err := w.ready(ctx); err != nil {
		return nil, false, err
	}
	without := map[string]error{}
	for {
		var failed *Feed
		results, more, failed, err = w.once(ctx, without)
		if failed == nil || ctx.Err() != nil || portal.Says(err).Kind != portal.Invalid {
			break
		}
		without[failed.Entity] = err // what ails one select does not stop the others
	}
	for _, f := range w.feeds {
		if why, ails := without[f.Entity]; ails {
			results = append(results, Result{Entity: f.Entity, Way: "incremental", Error: why.Error()})
		}
	}
	return results, more, err
}

// once makes a round without the feeds that fail; failed is one more of them.
func (w *follower) once(ctx context.Context, without map[string]error) (results []Result, more bool, failed *Feed, err error) {
	var forget func(context.Context) error
	began, due := time.Now(), w.due()
	var seen string
	err = w.db.AsWorker(context.WithoutCancel(ctx), "sync", func(tx *portal.Tx) error {
		stands := map[string]portal.Feed{}
		tables := w.tables
		for _, f := range w.feeds {
			s, err := portal.LockFeed(ctx, tx, f.Entity)
			switch {
			case portal.Says(err).Kind == portal.Conflict: // it is read whole now, and sees some of what is touched
				if w.way == Logical {
					return err
				}
				tables = withoutLeads(tables, f)
				continue
			case err != nil:
				return err
			case s.MappingHash != f.Hash:
				return portal.Errorf(portal.Conflict, "the feed of %s follows another mapping now", f.Entity)
			}
			stands[f.Entity] = s
		}
		if w.way == Logical {
			var err error
			if seen, err = w.source.position(ctx); err != nil {
				return err
			}
		}
		source, err := w.source.begin(ctx)
		if err != nil {
			return err
		}
		defer source.end()
		var touches []touch
		if w.way == Marks {
			touches, more, forget, err = marksOf(ctx, source, tables)
		} else {
			touches, more, forget, err = w.source.slotTouches(ctx, w.needs)
		}
		if err != nil {
			return err
		}
		if broken.forgetFirst && forget != nil {
			if err := forget(ctx); err != nil {
				return err
			}
		}
		source.behind = more
		for _, f := range w.feeds {
			s, held := stands[f.Entity]
			if !held || s.Watermark == "" && len(touches) == 0 {
				continue
			}
			r, err := w.one(ctx, tx, f, s, source, touches, due, without[f.Entity])
			if err != nil {
				failed = f
				return err
			}
			if r != nil {
				results = append(results, *r)
			}
			if w.way == Logical && due {
				if err := portal.SlotKeeps(ctx, tx, f.Entity, w.kept); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, false, failed, err
	}
	if forget != nil && !broken.forgetFirst {
		if err := forget(ctx); err != nil {
			return results, false, nil, err
		}
	}
	w.seen = seen
	if due && !more {
		w.beat = began
	}
	return results, more, nil, nil
}

// one brings one feed up to what was touched; nil when there was nothing to do.
func (w *follower) one(ctx context.Context, tx *portal.Tx, f *Feed, stands portal.Feed, source *reading, touches []touch, due bool, ails error) (*Result, error) {
	touched := false
	for _, t := range touches {
		for _, l := range f.leads {
			touched = touched || sameTable(l.table, t.table)
		}
	}
	waits := stands.Watermark == "" || stands.PausedAt.Valid || stands.StoppedAt.Valid || ails != nil
	switch {
	case waits && touched && stands.Watermark != "":
		if err := portal.LoseFeed(ctx, tx, f.Entity, "it could not follow"); err != nil {
			return nil, err
		}
		if ails != nil {
			return nil, portal.PassFailed(ctx, tx, f.Entity, ails.Error())
		}
		return nil, nil
	case waits || !touched && !due:
		return nil, nil
	}
	began := time.Now()
	p := &pass{feed: f, began: began, result: Result{Entity: f.Entity}}
	found, err := f.trace(ctx, touches)
	if err != nil {
		return nil, err
	}
	if found.all {
		return nil, portal.LoseFeed(ctx, tx, f.Entity, found.why)
	}
	var d dirty
	var quarantined map[string]string
	if !touched || stands.AskedAt.Valid {
		if d.retried, quarantined, err = f.quarantined(ctx, tx, retriedAtOnce); err != nil {
			return nil, err
		}
	}
	for _, k := range found.keys {
		d.keys = append(d.keys, k)
	}
	if err := p.bring(ctx, tx, stands, source, d, quarantined); err != nil {
		return nil, err
	}
	took := time.Since(began)
	p.result.Seconds, p.result.RowsPerS = took.Seconds(), rate(p.result.Rows, took)
	return &p.result, nil
}

// withoutLeads are the tables that do not lead to f.
func withoutLeads(tables []string, f *Feed) (rest []string) {
	for _, t := range tables {
		leads := false
		for _, l := range f.leads {
			leads = leads || l.table == t
		}
		if !leads {
			rest = append(rest, t)
		}
	}
	return rest
}

// catchUp makes rounds until nothing is left that was touched before it began, and says what became of one entity.
func (w *follower) catchUp(ctx context.Context, entity string) (sum Result, err error) {
	sum = Result{Entity: entity, Way: "incremental"}
	w.beat = time.Time{}
	for more := true; more; {
		var results []Result
		results, more, err = w.round(ctx)
		if err != nil {
			return sum, err
		}
		for _, r := range results {
			if r.Entity == entity {
				sum.Rows, sum.Inserted, sum.Updated, sum.Deleted, sum.Quarantined = sum.Rows+r.Rows, sum.Inserted+r.Inserted, sum.Updated+r.Updated, sum.Deleted+r.Deleted, sum.Quarantined+r.Quarantined
				sum.Seconds += r.Seconds
				if r.Error != "" {
					return sum, portal.Errorf(portal.Invalid, "%s", r.Error)
				}
			}
		}
	}
	sum.RowsPerS = rate(sum.Rows, time.Duration(sum.Seconds*float64(time.Second)))
	return sum, nil
}

// follow looks for what was touched several times a second, for as long as the worker works. Every worker does; the feeds' locks
// leave each round to one of them.
func (w *Worker) follow(ctx, hard context.Context, f *follower) {
	pause := followEvery
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = followEvery
		quiet, err := f.quiet(hard)
		if err == nil && quiet {
			continue
		}
		var results []Result
		var more bool
		if err == nil {
			results, more, err = f.round(hard)
		}
		if hard.Err() != nil {
			return
		}
		for _, r := range results {
			var why error
			if r.Error != "" {
				why = errors.New(r.Error)
			}
			w.note(hard, r, why)
		}
		switch k := portal.Says(err).Kind; {
		case err == nil && more:
			pause = 0
		case err != nil && k != portal.Conflict && k != portal.NotFound:
			pause = followFailed
			w.behind(hard, f, err)
		}
	}
}

// behind records that a source cannot be followed: all its feeds are behind.
func (w *Worker) behind(ctx context.Context, f *follower, why error) {
	names := make([]string, len(f.feeds))
	err := w.db.AsWorker(ctx, "sync", func(tx *portal.Tx) error {
		for i, feed := range f.feeds {
			names[i] = feed.Entity
			if err := portal.PassFailed(ctx, tx, feed.Entity, why.Error()); err != nil {
				return err
			}
		}
		return nil
	})
	w.note(ctx, Result{Entity: strings.Join(names, " "), Way: "incremental"}, errors.Join(why, err))
	if err != nil {
		w.log.ErrorContext(ctx, "a failure cannot be recorded", "err", fmt.Errorf("following %s: %w", f.source.Name, err))
	}
}

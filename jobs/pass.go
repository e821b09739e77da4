package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"extranet/portal"
)

// Options of a pass.
type Options struct {
	Full     bool           // read everything, whatever the feed's way
	Progress func(Progress) // is called while a pass runs; nil = nobody asks
	Tell     func(string)   // is told what everybody should know before the passes begin; nil = nobody asks
}

// A Progress says how far a pass is.
type Progress struct {
	Entity string
	Phase  string // Reading, Merging, what is being done after that, or Done
	Step   int    // of Steps, after Merging
	Steps  int
	Rows   int64 // read so far
	Of     int64 // rows to expect; an estimate, 0 = not known
	Took   time.Duration
	Result *Result // of a pass that is done
}

// Phases of a pass.
const (
	Reading = "reading"
	Merging = "merging"
	Done    = "done"
)

// Rate is rows a second so far.
func (p Progress) Rate() float64 { return rate(p.Rows, p.Took) }

// Left is how long reading goes on at this rate; 0 = not known.
func (p Progress) Left() time.Duration {
	if p.Rows == 0 || p.Of <= p.Rows {
		return 0
	}
	return time.Duration(float64(p.Took) / float64(p.Rows) * float64(p.Of-p.Rows))
}

func rate(rows int64, took time.Duration) float64 {
	if took <= 0 {
		return 0
	}
	return float64(rows) / took.Seconds()
}

// A Result says what one pass did.
type Result struct {
	Entity      string  `json:"entity"`
	Way         string  `json:"way"` // full or incremental
	Rows        int64   `json:"rows"`
	Inserted    int64   `json:"inserted"`
	Updated     int64   `json:"updated"`
	Deleted     int64   `json:"deleted"`
	Quarantined int64   `json:"quarantined"` // rows that this pass read and refused
	Seconds     float64 `json:"seconds"`
	RowsPerS    float64 `json:"rows_per_second"`
	Error       string  `json:"error,omitempty"`
}

// retriedAtOnce bounds how many quarantined keys an incremental pass reads again; those not tried for longest come first.
const retriedAtOnce = 1000

// Pass mirrors one entity once: whole or not at all. It reads everything when the feed goes by snapshot, has no watermark yet,
// has not read everything for its full_every, or o.Full asks for it; else what changed and what lies in quarantine.
//
// An entity that is not mapped, or not offered yet, is NotFound. Another pass of it under way, or a feed that follows another mapping,
// is a Conflict; neither is a failure. A source that does not answer is Unavailable, a select that fails is Invalid: then the feed is
// behind, and the data is what it was.
func Pass(ctx context.Context, db *portal.DB, m *Mapping, entity string, o Options) (Result, error) {
	f := m.Feed(entity)
	if f == nil {
		return Result{Entity: entity}, portal.Errorf(portal.NotFound, "the mapping %s has no entity %q", m.Name, entity)
	}
	told, over := watch(ctx, db, entity)
	defer over()
	if tell := o.Progress; tell != nil {
		o.Progress = func(p Progress) { told(p); tell(p) }
	} else {
		o.Progress = told
	}
	p := &pass{feed: f, options: o, began: time.Now(), result: Result{Entity: entity}}
	// The transaction is undone by the pass itself when ctx is cancelled, not behind its back.
	err := m.follower(db, f.Source, f.Way).ready(ctx) // what is committed from now on is in the slot
	if err == nil {
		err = db.AsWorker(context.WithoutCancel(ctx), "sync", func(tx *portal.Tx) error { return p.run(ctx, tx) })
	}
	if errors.Is(err, errFollows) {
		p.result, err = m.follower(db, f.Source, f.Way).catchUp(ctx, entity)
	}
	if loss, stops := errors.AsType[lossError](err); stops {
		err = loss // what somebody is asked, and not where
	}
	took := time.Since(p.began)
	p.result.Seconds, p.result.RowsPerS = took.Seconds(), rate(p.result.Rows, took)
	if err != nil {
		p.result.Error = err.Error()
		if ctx.Err() != nil {
			p.result.Error = "called off"
		}
		p.result.Inserted, p.result.Updated, p.result.Deleted, p.result.Quarantined = 0, 0, 0, 0
		err = p.failed(ctx, db, err)
	}
	p.progress(Done)
	return p.result, err
}

type pass struct {
	feed    *Feed
	options Options
	began   time.Time
	told    time.Time
	of      int64
	stepN   int
	steps   int
	result  Result
}

func (p *pass) run(ctx context.Context, tx *portal.Tx) error {
	f := p.feed
	stands, err := portal.LockFeed(ctx, tx, f.Entity)
	if err != nil {
		return err
	}
	if stands.MappingHash != f.Hash {
		return portal.Errorf(portal.Conflict, "the feed of %s follows another mapping now", f.Entity)
	}
	source, err := f.Source.begin(ctx)
	if err != nil {
		return err
	}
	defer source.end()
	if f.Way == Marks {
		if _, _, _, err := marksOf(ctx, source, []string{""}); err != nil {
			return err
		}
	}
	d, quarantined, err := p.find(ctx, tx, stands, source)
	if err != nil {
		return err
	}
	if f.follows() && !d.everything {
		return errFollows
	}
	return p.bring(ctx, tx, stands, source, d, quarantined)
}

// errFollows ends a pass of an entity that is read by rounds of its source.
var errFollows = errors.New("the source is followed")

// bring reads what is dirty and merges it.
func (p *pass) bring(ctx context.Context, tx *portal.Tx, stands portal.Feed, source *reading, d dirty, quarantined map[string]string) (err error) {
	f := p.feed
	p.result.Way = "incremental"
	how := portal.Merging{Complete: d.everything, Step: p.step}
	var found *portal.Comparison
	var lay map[string]string // in quarantine before
	if d.everything {
		p.result.Way = "full"
		if !stands.AllowLoss {
			how.Loss = func(lost, fresh, of int64) error { return p.loss(stands, lost, fresh, of) }
		}
		if f.Way != Snapshot && stands.Watermark != "" {
			how.Compared = func(c portal.Comparison) { found = &c }
			if _, lay, err = f.quarantined(ctx, tx, math.MaxInt32); err != nil {
				return err
			}
		}
		if p.options.Progress != nil {
			if p.of, err = source.dialect.estimate(ctx, source.tx, f.query("*", "")); err != nil {
				return source.failed(ctx, f.Entity, err)
			}
		}
	}
	var newest time.Time
	var gone [][]string
	merged, err := portal.Merge(ctx, tx, f.entity.mirror, how, func(yield func(portal.Row) error) (err error) {
		newest, gone, err = f.read(ctx, source, d, func(row portal.Row) error {
			p.result.Rows++
			if p.result.Rows%256 == 0 && time.Since(p.told) > 200*time.Millisecond {
				p.progress(Reading)
			}
			return yield(row)
		})
		if err != nil {
			return err
		}
		for _, key := range gone {
			if !broken.noDeletes {
				if err := yield(portal.Row{Gone: true, Values: f.keyValues(key)}); err != nil {
					return err
				}
			}
		}
		p.progress(Merging)
		return nil
	})
	if err != nil {
		return err
	}
	p.result.Inserted, p.result.Updated, p.result.Deleted, p.result.Quarantined = merged.Inserted, merged.Updated, merged.Deleted, merged.Quarantined
	var forgiven []string
	for _, k := range gone {
		if q, lay := quarantined[keyOf(k)]; lay {
			forgiven = append(forgiven, q)
		}
	}
	if len(forgiven) > 0 {
		if err := portal.Forgive(ctx, tx, f.Entity, forgiven); err != nil {
			return fmt.Errorf("clearing quarantine of %s: %w", f.Entity, err)
		}
	}
	if f.entity.after != nil && merged.Changed() > 0 {
		if err := f.entity.after(ctx, tx, merged); err != nil {
			return fmt.Errorf("following the changes of %s: %w", f.Entity, err)
		}
	}
	mark := source.asOf.UTC().Format(time.RFC3339Nano)
	if !f.follows() {
		if mark, err = watermark(stands.Watermark, newest, source.asOf); err != nil {
			return err
		}
	}
	if d.everything {
		about, err := f.describe(ctx, source)
		if err != nil {
			return err
		}
		if err := portal.ReadWhole(ctx, tx, f.Entity, f.taken(about)); err != nil {
			return err
		}
	}
	if found != nil {
		if err := p.reconciled(ctx, tx, stands, source, *found, lay); err != nil {
			return err
		}
	}
	asOf := source.asOf
	if source.behind && stands.AsOf.Valid {
		asOf = stands.AsOf.Time
	}
	return portal.PassDone(ctx, tx, stands, asOf, d.everything, mark, time.Since(p.began), merged)
}

// keyValues are the values of a row of which nothing but the key is known.
func (f *Feed) keyValues(key []string) [][]byte {
	values := make([][]byte, len(f.entity.mirror.Columns))
	for i, k := range f.entity.mirror.Key {
		values[slices.IndexFunc(f.entity.mirror.Columns, func(c portal.Column) bool { return c.Name == k })] = []byte(key[i])
	}
	return values
}

// broken takes a step out of the engine, or changes the order of two, so that tests can be seen to notice.
var broken struct {
	noDeletes   bool // what is gone from the core stays
	forgetFirst bool // marks are forgotten before what they lead to is committed
}

// Of fewer rows than these, any may go without a question being asked.
const (
	lossFloor    = 20 // of those that go
	nothingFloor = 10 // of those that stood, when all go
)

// A lossError stops a feed until somebody has looked.
type lossError struct{ error }

func (e lossError) Unwrap() error { return e.error }

// loss refuses what no core does on an ordinary day. After a change of the mapping rows may come under other keys, and then only
// those are lost in whose place none comes.
func (p *pass) loss(stands portal.Feed, lost, fresh, of int64) error {
	if strings.HasPrefix(stands.Reread, "the mapping changed") {
		lost = max(0, lost-fresh)
	}
	if lost == of && of >= nothingFloor || lost >= lossFloor && lost*5 > of {
		return lossError{portal.Errorf(portal.Invalid, "refuses to delete %s of %s %s, which the source no longer returns; mend the source and try again, or allow this once", thousands(lost), thousands(of), strings.ReplaceAll(p.feed.Entity, "_", " "))}
	}
	return nil
}

// thousands writes a number as people read it.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// find says what is dirty. quarantined holds the keys as quarantine writes them, by keyOf.
func (p *pass) find(ctx context.Context, tx *portal.Tx, stands portal.Feed, source *reading) (d dirty, quarantined map[string]string, err error) {
	f := p.feed
	if p.options.Full || p.feed.wantsAll(stands, tx.Now) {
		return dirty{everything: true}, nil, nil
	}
	if f.follows() {
		return d, nil, nil
	}
	if d.retried, quarantined, err = f.quarantined(ctx, tx, retriedAtOnce); err != nil {
		return d, nil, err
	}
	d.since, d.kind, err = f.changedSince(ctx, source, stands)
	return d, quarantined, err
}

// changedSince is the least stamp of what a watermark's pass reads.
func (f *Feed) changedSince(ctx context.Context, source *reading, stands portal.Feed) (since string, kind stampKind, err error) {
	mark, err := time.Parse(time.RFC3339Nano, stands.Watermark)
	if err != nil {
		return "", noStamp, fmt.Errorf("reading the watermark of %s: %w", f.Entity, err)
	}
	about, err := f.describe(ctx, source)
	if err != nil {
		return "", noStamp, err
	}
	from := mark.Add(-f.Overlap)
	if f.settled(stands, mark, source.asOf, about.stamp) {
		from = mark.Add(time.Microsecond)
	}
	return source.since(from, source.asOf, about.stamp), about.stamp, nil
}

const settlesIn = time.Hour // and twice the overlap

// settled reports that the watermark has stood for so long that nothing can come any more that is stamped like it or before, so that its rows, which
// may be all that there are, need not be read again. A stamp that is a day, whatever the column's type, does not settle: what changes later that day has it too.
func (f *Feed) settled(stands portal.Feed, mark, asOf time.Time, kind stampKind) bool {
	w := wall(mark.In(f.Source.zoneOf(kind)))
	if kind == dayStamp || w.Equal(w.Truncate(24*time.Hour)) {
		return false
	}
	return stands.WatermarkAt.Valid && asOf.Sub(stands.WatermarkAt.Time) > settlesIn+2*f.Overlap
}

// wantsAll reports that the feed has to read everything: it goes by snapshot, or never did, or stopped, or it is time.
func (f *Feed) wantsAll(stands portal.Feed, now time.Time) bool {
	if f.Way == Snapshot || stands.Watermark == "" || !stands.FullAt.Valid || stands.StoppedAt.Valid || now.Sub(stands.FullAt.Time) >= f.FullEvery {
		return true
	}
	if !f.reconciles {
		return false
	}
	at := now.In(f.Source.zone)
	due := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, f.Source.zone).Add(f.Reconcile)
	if due.After(now) {
		due = due.AddDate(0, 0, -1)
	}
	return stands.FullAt.Time.Before(due)
}

// quarantined lists at most so many keys to be tried again; by holds them as quarantine writes them, by keyOf.
func (f *Feed) quarantined(ctx context.Context, tx *portal.Tx, atMost int) (retried [][]string, by map[string]string, err error) {
	keys, err := portal.QuarantinedKeys(ctx, tx, f.Entity, atMost)
	if err != nil {
		return nil, nil, err
	}
	by = map[string]string{}
	for _, key := range keys {
		var parts []*string
		if err := json.Unmarshal([]byte(key), &parts); err != nil {
			return nil, nil, fmt.Errorf("reading the quarantined key %s of %s: %w", key, f.Entity, err)
		}
		if whole := make([]string, len(parts)); known(parts, whole) && len(parts) == len(f.entity.mirror.Key) {
			retried = append(retried, whole)
			by[keyOf(whole)] = key
		}
	}
	return retried, by, nil
}

// known fills whole with the parts of a key; false when one is missing, so that only reading everything finds the row again.
func known(parts []*string, whole []string) bool {
	for i, p := range parts {
		if p == nil {
			return false
		}
		whole[i] = *p
	}
	return true
}

// watermark is how far the feed has been read: the greatest stamp, never back, and never past the source's own clock, so that
// a stamp from the future hides nothing that is written until then. "" when no stamp was ever seen.
func watermark(before string, newest, asOf time.Time) (string, error) {
	if before != "" {
		was, err := time.Parse(time.RFC3339Nano, before)
		if err != nil {
			return "", fmt.Errorf("reading the watermark: %w", err)
		}
		if was.After(newest) {
			newest = was
		}
	}
	if newest.IsZero() {
		return "", nil
	}
	if newest.After(asOf) {
		newest = asOf
	}
	return newest.UTC().Format(time.RFC3339Nano), nil
}

// failed writes down that the pass did not complete, unless it was called off or never its turn.
func (p *pass) failed(ctx context.Context, db *portal.DB, err error) error {
	kind := portal.Says(err).Kind
	if ctx.Err() != nil || kind == portal.Conflict || kind == portal.NotFound {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, stops := errors.AsType[lossError](err)
	noted := db.AsWorker(ctx, "sync", func(tx *portal.Tx) error {
		if stops {
			if err := portal.StopFeed(ctx, tx, p.feed.Entity); err != nil {
				return err
			}
		}
		return portal.PassFailed(ctx, tx, p.feed.Entity, err.Error())
	})
	return errors.Join(err, noted)
}

// step tells of what follows the reading.
func (p *pass) step(what string, n, of int) {
	p.stepN, p.steps = n, of
	p.progress(what)
}

func (p *pass) progress(phase string) {
	if p.options.Progress == nil {
		return
	}
	p.told = time.Now()
	now := Progress{Entity: p.feed.Entity, Phase: phase, Rows: p.result.Rows, Of: p.of, Took: time.Since(p.began), Step: p.stepN, Steps: p.steps}
	if phase == Done {
		now.Result = &p.result
	}
	p.options.Progress(now)
}

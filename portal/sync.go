package portal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// SyncSignal tells workers and the host's pages that somebody acted on a feed, or that a pass went on.
const SyncSignal = "sync"

// AllFeeds stands for every feed that is offered.
const AllFeeds = "all"

// cutOffAfter is how long nothing is heard of a pass before it is taken for one that was cut off.
const cutOffAfter = 15 * time.Second

// A Running pass is under way.
type Running struct {
	Entity   string    `db:"entity"`
	Phase    string    `db:"phase"`     // reading or merging
	Rows     int64     `db:"rows_read"` // so far
	Expected int64     `db:"expected"`  // an estimate; 0 = not known
	BeganAt  time.Time `db:"began_at"`
	HeardAt  time.Time `db:"heard_at"`
}

// RunningPasses lists the passes under way.
func RunningPasses(ctx context.Context, tx *Tx) (list []Running, err error) {
	err = tx.Select(ctx, &list, `SELECT entity, phase, rows_read, expected, began_at, heard_at FROM running_passes WHERE heard_at > $1 ORDER BY entity`, tx.Now.Add(-cutOffAfter))
	if err != nil {
		return nil, fmt.Errorf("listing passes under way: %w", err)
	}
	return list, nil
}

// PassGoesOn says how far a pass is.
func PassGoesOn(ctx context.Context, tx *Tx, r Running) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO running_passes (entity, phase, rows_read, expected, began_at, heard_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (entity) DO UPDATE SET phase = $2, rows_read = $3, expected = $4, began_at = $5, heard_at = $6`,
		r.Entity, r.Phase, r.Rows, r.Expected, r.BeganAt, tx.Now)
	if err != nil {
		return fmt.Errorf("telling of the pass of %s: %w", r.Entity, err)
	}
	tx.Signal(SyncSignal)
	return nil
}

// PassIsOver takes back what PassGoesOn said.
func PassIsOver(ctx context.Context, tx *Tx, entity string) error {
	tx.Signal(SyncSignal)
	_, err := tx.Exec(ctx, `DELETE FROM running_passes WHERE entity = $1`, entity)
	return err
}

// A Made pass stands in a feed's history; one that changed nothing, or failed as the one before, for all those in a row.
type Made struct {
	ID          int64     `json:"-" db:"pass_id"`
	Way         string    `json:"way" db:"way" doc:"full = everything was read, incremental = what changed; empty for one that failed"`
	BeganAt     time.Time `json:"began_at" db:"began_at" doc:"The first of them"`
	EndedAt     time.Time `json:"ended_at" db:"ended_at" doc:"The last of them"`
	Times       int64     `json:"times" db:"times" doc:"How many passes in a row this line stands for"`
	TookMS      int64     `json:"took_ms" db:"took_ms" doc:"Of the last"`
	RowsRead    int64     `json:"rows_read" db:"rows_read" doc:"Of the last"`
	Inserted    int64     `json:"inserted" db:"inserted"`
	Updated     int64     `json:"updated" db:"updated"`
	Deleted     int64     `json:"deleted" db:"deleted"`
	Quarantined int64     `json:"quarantined" db:"quarantined" doc:"Rows that the last read and refused"`
	Error       string    `json:"error" db:"error" doc:"Why it failed; empty = it did not"`
}

const madeColumns = `pass_id, way, began_at, ended_at, times, took_ms, rows_read, inserted, updated, deleted, quarantined, coalesce(error, '') AS error`

const historyQuery = `SELECT ` + madeColumns + ` FROM passes WHERE entity = $1 ORDER BY pass_id DESC LIMIT $2`

// History lists the last passes of an entity, the latest first.
func History(ctx context.Context, tx *Tx, entity string, limit int) (list []Made, err error) {
	if err := tx.Select(ctx, &list, historyQuery, entity, limit); err != nil {
		return nil, fmt.Errorf("listing passes of %s: %w", entity, err)
	}
	return list, nil
}

// note puts a pass that ended now into the feed's history.
func (m Made) note(ctx context.Context, tx *Tx, entity string) error {
	_, err := tx.Exec(ctx, `
		WITH latest AS (SELECT pass_id FROM passes WHERE entity = $1 ORDER BY pass_id DESC LIMIT 1),
		again AS (
			UPDATE passes p SET times = times + 1, ended_at = $4, took_ms = $5, rows_read = $6, quarantined = $10 FROM latest l
			WHERE p.pass_id = l.pass_id AND p.way = $2 AND p.error IS NOT DISTINCT FROM nullif($11, '') AND p.inserted + p.updated + p.deleted = 0 AND $7::bigint + $8::bigint + $9::bigint = 0
				AND (p.quarantined = 0) = ($10::bigint = 0)
			RETURNING 1)
		INSERT INTO passes (entity, way, began_at, ended_at, took_ms, rows_read, inserted, updated, deleted, quarantined, error)
		SELECT $1, $2, $3::timestamptz, $4::timestamptz, $5::bigint, $6::bigint, $7::bigint, $8::bigint, $9::bigint, $10::bigint, nullif($11, '') WHERE NOT EXISTS (SELECT 1 FROM again)`,
		entity, m.Way, m.BeganAt, m.EndedAt, m.TookMS, m.RowsRead, m.Inserted, m.Updated, m.Deleted, m.Quarantined, m.Error)
	if err != nil {
		return fmt.Errorf("noting the pass of %s: %w", entity, err)
	}
	return nil
}

// ThinHistory forgets passes by age: past a day it keeps one in an hour, and those that read everything, deleted or failed; past a month none.
func ThinHistory(ctx context.Context, tx *Tx) error {
	_, err := tx.Exec(ctx, `
		DELETE FROM passes WHERE pass_id IN (
			SELECT pass_id FROM (
				SELECT pass_id, ended_at, way = 'full' OR deleted > 0 OR error IS NOT NULL AS telling, row_number() OVER (PARTITION BY entity, date_trunc('hour', ended_at) ORDER BY pass_id DESC) AS place
				FROM passes WHERE ended_at < $1) old
			WHERE ended_at < $2 OR NOT telling AND place > 1 LIMIT 10000)`, tx.Now.AddDate(0, 0, -1), tx.Now.AddDate(0, -1, 0))
	if err != nil {
		return fmt.Errorf("thinning the history: %w", err)
	}
	return nil
}

// act changes what the feeds are told: those of entity, or all. The host's staff do this.
func act(ctx context.Context, tx *Tx, action, entity string, detail map[string]string, set string, args ...any) error {
	n, err := tx.Exec(ctx, `UPDATE feeds SET `+set+` WHERE offered AND (entity = $1 OR $1 = '`+AllFeeds+`')`, append([]any{entity}, args...)...)
	if err != nil {
		return fmt.Errorf("%s %s: %w", action, entity, err)
	}
	if n == 0 {
		return Errorf(NotFound, "there is no feed %q", entity)
	}
	tx.Signal(SyncSignal)
	return tx.Audit(ctx, action, "feeds/"+entity, detail)
}

// PauseFeed has a feed, or AllFeeds, make no pass of its own accord until it is resumed. One under way ends.
func PauseFeed(ctx context.Context, tx *Tx, entity string) error {
	return act(ctx, tx, "feed.pause", entity, nil, `paused_at = coalesce(paused_at, $2), paused_by = coalesce(paused_by, $3)`, tx.Now, tx.By.Name)
}

// ResumeFeed ends a pause, and asks for a pass at once.
func ResumeFeed(ctx context.Context, tx *Tx, entity string) error {
	return act(ctx, tx, "feed.resume", entity, nil, `paused_at = NULL, paused_by = NULL, asked_at = coalesce(asked_at, $2)`, tx.Now)
}

// AskForPass has a worker make a pass of the feed, or of AllFeeds, at once; full = one that reads everything. A paused feed makes it too.
func AskForPass(ctx context.Context, tx *Tx, entity string, full bool) error {
	return act(ctx, tx, "feed.run", entity, map[string]string{"full": fmt.Sprint(full)}, `asked_at = coalesce(asked_at, $2), asked_full = asked_full OR $3`, tx.Now, full)
}

// RetryRow has a worker try a quarantined row of the entity again at once, before others; key "" = all of them. A row that is not there is NotFound.
func RetryRow(ctx context.Context, tx *Tx, entity, key string) error {
	n, err := tx.Exec(ctx, `UPDATE quarantine SET asked_at = $3 WHERE entity = $1 AND (key = $2 OR $2 = '')`, entity, key, tx.Now)
	if err != nil {
		return fmt.Errorf("asking for quarantined rows of %s: %w", entity, err)
	}
	if n == 0 {
		return Errorf(NotFound, "there is no such row in quarantine")
	}
	detail := map[string]string{}
	if key != "" {
		detail["key"] = key
	}
	return act(ctx, tx, "feed.retry", entity, detail, `asked_at = coalesce(asked_at, $2)`, tx.Now)
}

// What the host's staff may ask of a feed.
const (
	Pause   = "pause"
	Resume  = "resume"
	Run     = "run"
	ReadAll = "read-all"
	Retry   = "retry"

	AllowTheLoss = "allow-loss"
)

// ActOnFeed does what a door calls what on the feed; key is the row that is meant by Retry, "" = all.
func ActOnFeed(ctx context.Context, tx *Tx, entity, what, key string) error {
	if err := tx.Need(FeedsManage); err != nil {
		return err
	}
	switch what {
	case Pause:
		return PauseFeed(ctx, tx, entity)
	case Resume:
		return ResumeFeed(ctx, tx, entity)
	case Run, ReadAll:
		return AskForPass(ctx, tx, entity, what == ReadAll)
	case Retry:
		return RetryRow(ctx, tx, entity, key)
	case AllowTheLoss:
		return AllowLoss(ctx, tx, entity)
	}
	return Errorf(NotFound, "a feed cannot be asked to %q", what)
}

// States of a feed.
const (
	FeedNotOffered = "not offered"
	FeedPaused     = "paused"     // makes no pass of its own accord
	FeedStopped    = "stopped"    // a pass would delete more than it may, and asks a human
	FeedFailing    = "failing"    // passes fail
	FeedLoading    = "loading"    // not complete yet
	FeedLate       = "late"       // older than the host allows
	FeedUpToDate   = "up to date" // as of a moment ago
)

// State says how the feed is.
func (f Feed) State(now time.Time) string {
	fresh := Freshness{AsOf: f.AsOf.Time, StaleAfterS: f.StaleAfterS}
	switch {
	case !f.Offered:
		return FeedNotOffered
	case f.PausedAt.Valid:
		return FeedPaused
	case f.StoppedAt.Valid:
		return FeedStopped
	case f.BehindSince.Valid:
		return FeedFailing
	case !f.AsOf.Valid:
		return FeedLoading
	case fresh.Stale(now):
		return FeedLate
	}
	return FeedUpToDate
}

// Next is when the next pass is due; zero = none is.
func (f Feed) Next(now time.Time) time.Time {
	switch {
	case !f.Offered || f.EveryS <= 0:
		return time.Time{}
	case f.AskedAt.Valid:
		return now.UTC()
	case f.PausedAt.Valid || f.StoppedAt.Valid:
		return time.Time{}
	}
	every := time.Duration(f.EveryS) * time.Second
	return now.UTC().Truncate(every).Add(every)
}

// Rate is how many rows a second the last pass read.
func (f Feed) Rate() int64 {
	if f.PassTookMS == 0 {
		return 0
	}
	return f.RowsRead * 1000 / f.PassTookMS
}

// An Asked feed is to make a pass now.
type Asked struct {
	Entity string    `db:"entity"`
	At     time.Time `db:"asked_at"`
}

// AskedFeeds lists the feeds that a pass is asked of.
func AskedFeeds(ctx context.Context, tx *Tx) (list []Asked, err error) {
	err = tx.Select(ctx, &list, `SELECT entity, asked_at FROM feeds WHERE asked_at IS NOT NULL AND offered ORDER BY entity`)
	if err != nil {
		return nil, fmt.Errorf("listing feeds that are asked: %w", err)
	}
	return list, nil
}

// PassAnswered records that the pass was made that f, as it stood before, was asked for.
func PassAnswered(ctx context.Context, tx *Tx, f Feed) error {
	_, err := tx.Exec(ctx, `UPDATE feeds SET asked_at = NULL, asked_full = false WHERE entity = $1 AND asked_at = $2 AND asked_full = $3`, f.Entity, f.AskedAt.Time, f.AskedFull)
	if err != nil {
		return fmt.Errorf("recording the pass of %s: %w", f.Entity, err)
	}
	tx.Signal(SyncSignal)
	return nil
}

// FeedOf returns the entity's feed; NotFound when the host does not map it.
func FeedOf(ctx context.Context, tx *Tx, entity string) (f Feed, err error) {
	err = tx.Get(ctx, &f, `SELECT `+feedColumns+` FROM feeds f WHERE entity = $1`, entity)
	if errors.Is(err, sql.ErrNoRows) {
		return f, Errorf(NotFound, "there is no feed %q", entity)
	}
	return f, err
}

// refusedAtOnce is how many rows of quarantine one page holds.
const refusedAtOnce = 50

// A RefusedPage is one stretch of quarantine; After is where the next begins, "" = there is no more.
type RefusedPage struct {
	Items []RefusedRow `json:"items"`
	After string       `json:"after" doc:"Send it as after to get the next page; empty = this is the last"`
}

// A RefusedRow lies in quarantine.
type RefusedRow struct {
	Key       string     `json:"key" db:"key" doc:"The core's key of the row, as a JSON array of its parts"`
	Reason    string     `json:"reason" db:"reason" doc:"Why it cannot be taken"`
	Row       string     `json:"row" db:"row_data" doc:"The row as the core gave it"`
	FirstSeen time.Time  `json:"first_seen" db:"first_seen"`
	LastSeen  time.Time  `json:"last_seen" db:"last_seen"`
	Tries     int        `json:"tries" db:"tries"`
	AskedAt   *time.Time `json:"asked_at" db:"asked_at" doc:"When somebody asked to have it tried again; null = nobody since it was last tried"`
}

const refusedQuery = `
	SELECT key, reason, row_data, first_seen, last_seen, tries, CASE WHEN asked_at > last_seen THEN asked_at END AS asked_at FROM quarantine
	WHERE entity = $1 AND key > $2 AND ($3 = '' OR strpos(lower(key), lower($3)) > 0 OR strpos(lower(reason), lower($3)) > 0)
	ORDER BY key LIMIT $4`

// RefusedRows lists what of the entity lies in quarantine, by key; text narrows it to keys and reasons that hold it, in any case.
// after is a key.
func RefusedRows(ctx context.Context, tx *Tx, entity, text, after string) (p RefusedPage, err error) {
	p.Items = []RefusedRow{}
	err = tx.Select(ctx, &p.Items, refusedQuery, entity, after, text, refusedAtOnce+1)
	if err != nil {
		return p, fmt.Errorf("listing quarantine of %s: %w", entity, err)
	}
	if len(p.Items) > refusedAtOnce {
		p.Items = p.Items[:refusedAtOnce]
		p.After = p.Items[refusedAtOnce-1].Key
	}
	return p, nil
}

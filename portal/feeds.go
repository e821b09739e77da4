package portal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lib/pq"
)

// Freshness says how old the mirrored data of one entity is.
type Freshness struct {
	Entity      string    `json:"entity" db:"entity"`
	Offered     bool      `json:"offered" db:"offered"`             // the host maps this entity
	AsOf        time.Time `json:"as_of" db:"as_of"`                 // the core's clock when the last complete pass began to read; zero before the first
	StaleAfterS int       `json:"stale_after_s" db:"stale_after_s"` // seconds; older than this is stale
	BehindSince time.Time `json:"behind_since" db:"behind_since"`   // when passes began to fail; zero while they succeed
}

// Stale reports whether the data is older than the host allows, or was never complete.
func (f Freshness) Stale(now time.Time) bool {
	return f.AsOf.IsZero() || now.Sub(f.AsOf) > time.Duration(f.StaleAfterS)*time.Second
}

// Oldest returns the freshness of a figure made of several entities: that of the oldest one offered.
func Oldest(all ...Freshness) Freshness {
	var oldest Freshness
	for _, f := range all {
		if f.Offered && (!oldest.Offered || f.AsOf.Before(oldest.AsOf)) {
			oldest = f
		}
	}
	return oldest
}

const freshnessColumns = `entity, offered, coalesce(as_of, '0001-01-01Z') AS as_of, stale_after_s, coalesce(behind_since, '0001-01-01Z') AS behind_since`

// Freshness returns how old the entity's data is. It costs no I/O while the news arrives.
func (db *DB) Freshness(ctx context.Context, entity string) (Freshness, error) {
	if f, ok := db.news.freshness(entity); ok {
		return f, nil
	}
	epoch := db.news.epoch.Load()
	all, err := db.AllFreshness(ctx)
	if err != nil {
		return Freshness{}, err
	}
	db.news.setFreshness(epoch, all)
	return all[entity], nil
}

// AllFreshness returns how old every entity's data is, by entity.
func (db *DB) AllFreshness(ctx context.Context) (map[string]Freshness, error) {
	var rows []Freshness
	err := db.AsWorker(ctx, "freshness", func(tx *Tx) error {
		return tx.Select(ctx, &rows, `SELECT `+freshnessColumns+` FROM feeds`)
	})
	all := make(map[string]Freshness, len(rows))
	for _, f := range rows {
		all[f.Entity] = f
	}
	return all, err
}

// FeedChanged announces at commit how fresh the entity is from now on.
func (tx *Tx) FeedChanged(ctx context.Context, entity string) error {
	var f Freshness
	if err := tx.Get(ctx, &f, `SELECT `+freshnessColumns+` FROM feeds WHERE entity = $1`, entity); err != nil {
		return err
	}
	if tx.feeds == nil {
		tx.feeds = map[string]Freshness{}
	}
	tx.feeds[entity] = f
	return nil
}

// A Feed is where the mirroring of one entity stands.
type Feed struct {
	Entity      string       `db:"entity"`
	Source      string       `db:"source"`
	Way         string       `db:"way"`
	EveryS      int          `db:"every_s"`       // seconds between passes
	StaleAfterS int          `db:"stale_after_s"` // seconds
	MappingHash string       `db:"mapping_hash"`
	Offered     bool         `db:"offered"`
	AsOf        sql.NullTime `db:"as_of"`
	FullAt      sql.NullTime `db:"full_at"`      // when the last pass that read everything began
	Watermark   string       `db:"watermark"`    // "" before the first complete pass
	WatermarkAt sql.NullTime `db:"watermark_at"` // the source's clock when it was first read up to the watermark
	BehindSince sql.NullTime `db:"behind_since"`
	Error       string       `db:"error"` // why the last pass failed; "" = it did not
	PassBegan   sql.NullTime `db:"pass_began"`
	PassTookMS  int64        `db:"pass_took_ms"`
	RowsRead    int64        `db:"rows_read"`
	RowsChanged int64        `db:"rows_changed"`
	RowsDeleted int64        `db:"rows_deleted"`
	Quarantined int64        `db:"quarantined"` // rows in quarantine now
	PausedAt    sql.NullTime `db:"paused_at"`   // since when it makes no pass of its own accord
	PausedBy    string       `db:"paused_by"`
	AskedAt     sql.NullTime `db:"asked_at"`   // since when a pass is asked for
	AskedFull   bool         `db:"asked_full"` // one that reads everything
	StoppedAt   sql.NullTime `db:"stopped_at"` // since when it waits for somebody to look: it would have lost too much; Error says what
	AllowLoss   bool         `db:"allow_loss"` // the next pass may lose as much as it does

	Reread     string `db:"reread"`      // why everything is to be read anew: its mapping changed, or it lost its place; "" = it is not
	RereadRows int64  `db:"reread_rows"` // how many rows stood when that was found out

	SlotBytes int64 `db:"slot_bytes"` // of the core's log that its slot keeps from being recycled; way logical

	RowsRepaired     int64        `db:"rows_repaired"`     // that the last comparison with the core found other than they should have been; none, as a rule
	PartnersRepaired int64        `db:"partners_repaired"` // whose they were
	PartnersCompared int64        `db:"partners_compared"` // whose rows were counted and summed up on both sides
	RepairedAt       sql.NullTime `db:"repaired_at"`       // when that was
}

// A Mapped feed is one that a mapping offers.
type Mapped struct {
	Feed
	Mirror Mirror
	Parts  map[string]string // what the mapping says of it, by what a person would call it; each as short as a checksum
}

const feedColumns = `entity, source, way, every_s, stale_after_s, mapping_hash, offered, as_of, full_at, coalesce(watermark, '') AS watermark, watermark_at, behind_since, coalesce(error, '') AS error,
	pass_began, pass_took_ms, rows_read, rows_changed, rows_deleted, (SELECT count(*) FROM quarantine q WHERE q.entity = f.entity) AS quarantined,
	paused_at, coalesce(paused_by, '') AS paused_by, asked_at, asked_full, stopped_at, allow_loss, coalesce(reread, '') AS reread, reread_rows, slot_bytes, rows_repaired, partners_repaired, partners_compared, repaired_at`

// Feeds lists every feed by entity. The caller reads across partners, or is the worker.
func Feeds(ctx context.Context, tx *Tx) (list []Feed, err error) {
	if err := tx.Select(ctx, &list, `SELECT `+feedColumns+` FROM feeds f ORDER BY entity`); err != nil {
		return nil, fmt.Errorf("listing feeds: %w", err)
	}
	return list, nil
}

// LockFeed returns the entity's feed and holds it until the transaction ends: one pass at a time.
// A feed that is not there is NotFound; one that another pass holds is a Conflict.
func LockFeed(ctx context.Context, tx *Tx, entity string) (f Feed, err error) {
	var got bool
	if err := tx.Get(ctx, &got, `SELECT pg_try_advisory_xact_lock(hashtext('feed ' || $1))`, entity); err != nil {
		return f, fmt.Errorf("locking feed %s: %w", entity, err)
	}
	if !got {
		return f, Errorf(Conflict, "another pass of %s is running", entity)
	}
	err = tx.Get(ctx, &f, `SELECT `+feedColumns+` FROM feeds f WHERE entity = $1`, entity)
	if errors.Is(err, sql.ErrNoRows) {
		return f, Errorf(NotFound, "there is no feed %q", entity)
	}
	return f, err
}

// OfferFeeds writes down which entities are mapped and how; the rest is not offered from now on.
// A feed whose mapping became another is read anew from the beginning.
func OfferFeeds(ctx context.Context, tx *Tx, feeds []Mapped) error {
	names := make([]string, len(feeds))
	for i, f := range feeds {
		names[i] = f.Entity
		change, err := ChangeOf(ctx, tx, f)
		if err != nil {
			return err
		}
		parts, err := json.Marshal(f.Parts)
		if err != nil {
			return fmt.Errorf("offering %s: %w", f.Entity, err)
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO feeds AS f (entity, source, way, every_s, stale_after_s, mapping_hash, mapped_by, offered) VALUES ($1, $2, $3, $4, $5, $6, $7, true)
			ON CONFLICT (entity) DO UPDATE SET source = $2, way = $3, every_s = $4, stale_after_s = $5, mapping_hash = $6, mapped_by = $7, offered = true,
				watermark = CASE WHEN f.mapping_hash = $6 THEN f.watermark END,
				reread = CASE WHEN f.mapping_hash = $6 THEN f.reread ELSE nullif($8, '') END, reread_rows = CASE WHEN f.mapping_hash = $6 THEN f.reread_rows ELSE $9 END`,
			f.Entity, f.Source, f.Way, f.EveryS, f.StaleAfterS, f.MappingHash, string(parts), change.String(), change.Rows)
		if err != nil {
			return fmt.Errorf("offering %s: %w", f.Entity, err)
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE feeds SET offered = false WHERE entity <> ALL($1)`, names); err != nil {
		return fmt.Errorf("withdrawing feeds: %w", err)
	}
	all, err := Feeds(ctx, tx)
	for _, f := range all {
		if err := tx.FeedChanged(ctx, f.Entity); err != nil {
			return err
		}
	}
	return err
}

// A Change says how a mapping is another than that by which the rows that stand were read.
type Change struct {
	Rows    int64    // that stand
	Parts   []string // what of the mapping is other; none = it is the same, or nothing was read yet
	Columns []string // that the select returned when it was last read whole; nil = not known
}

// String says what changed: "the mapping changed: its select, its where". It is empty when nothing did.
func (c Change) String() string {
	if len(c.Parts) == 0 {
		return ""
	}
	return "the mapping changed: " + strings.Join(c.Parts, ", ")
}

// ChangeOf compares what the mapping says with what it said when the rows were read. It writes nothing.
func ChangeOf(ctx context.Context, tx *Tx, f Mapped) (c Change, err error) {
	var was struct {
		MappingHash string         `db:"mapping_hash"`
		Parts       []byte         `db:"mapped_by"`
		Columns     pq.StringArray `db:"columns"`
	}
	err = tx.Get(ctx, &was, `SELECT mapping_hash, coalesce(mapped_by, '{}') AS mapped_by, columns FROM feeds WHERE entity = $1 AND as_of IS NOT NULL`, f.Entity)
	if errors.Is(err, sql.ErrNoRows) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("comparing the mapping of %s: %w", f.Entity, err)
	}
	if c.Columns = was.Columns; was.MappingHash == f.MappingHash {
		return c, nil
	}
	before := map[string]string{}
	if err := json.Unmarshal(was.Parts, &before); err != nil {
		return c, fmt.Errorf("comparing the mapping of %s: %w", f.Entity, err)
	}
	for part, says := range f.Parts {
		if before[part] != says && len(before) > 0 {
			c.Parts = append(c.Parts, "its "+part)
		}
	}
	if slices.Sort(c.Parts); len(c.Parts) == 0 {
		c.Parts = []string{"how it is read"}
	}
	stands := ""
	if f.Mirror.Retire != "" {
		stands = ` WHERE ` + f.Mirror.Retire + ` IS NULL AND kind <> 'host'`
	}
	if err := tx.Get(ctx, &c.Rows, `SELECT count(*) FROM `+f.Mirror.Table+stands); err != nil {
		return c, fmt.Errorf("counting %s: %w", f.Entity, err)
	}
	return c, nil
}

// Known counts the keys that rows stand under.
func Known(ctx context.Context, tx *Tx, m Mirror, keys [][]string) (n int64, err error) {
	lists, places := make([]any, len(m.Key)), make([]string, len(m.Key))
	for i := range m.Key {
		list := make(pq.StringArray, len(keys))
		for j, key := range keys {
			list[j] = key[i]
		}
		lists[i], places[i] = list, fmt.Sprintf("$%d::text[]", i+1)
	}
	err = tx.Get(ctx, &n, `SELECT count(*) FROM unnest(`+strings.Join(places, ", ")+`) AS k (`+strings.Join(m.Key, ", ")+`)
		WHERE EXISTS (SELECT 1 FROM `+m.Table+` t WHERE `+each(m.Key, " AND ", func(k string) string { return "t." + k + "::text = k." + k })+`)`, lists...)
	if err != nil {
		return 0, fmt.Errorf("looking for keys of %s: %w", m.Entity, err)
	}
	return n, nil
}

// PassDone records a complete pass of the feed, as LockFeed gave it, in the transaction that merged its rows.
// asOf is the core's clock when the pass began to read; full says that it read everything; watermark "" leaves none.
// If the mapping became another meanwhile, no watermark is left: the next pass reads everything.
func PassDone(ctx context.Context, tx *Tx, f Feed, asOf time.Time, full bool, watermark string, took time.Duration, m Merged) error {
	_, err := tx.Exec(ctx, `
		UPDATE feeds SET as_of = greatest(as_of, $2), watermark = CASE WHEN mapping_hash = $9 THEN nullif($3, '') END,
			watermark_at = CASE WHEN watermark = $3 THEN watermark_at ELSE $2 END, behind_since = NULL, error = NULL,
			full_at = CASE WHEN $10 THEN $4 ELSE full_at END, stopped_at = NULL, allow_loss = allow_loss AND NOT $10,
			reread = CASE WHEN $10 AND mapping_hash = $9 THEN NULL ELSE reread END, pass_began = $4, pass_took_ms = $5, rows_read = $6, rows_changed = $7, rows_deleted = $8
		WHERE entity = $1`,
		f.Entity, asOf, watermark, tx.Now, took.Milliseconds(), m.Read, m.Inserted+m.Updated, m.Deleted, f.MappingHash, full)
	if err != nil {
		return fmt.Errorf("recording the pass of %s: %w", f.Entity, err)
	}
	made := Made{Way: "incremental", BeganAt: tx.Now, EndedAt: tx.Now.Add(took), TookMS: took.Milliseconds(), RowsRead: m.Read, Inserted: m.Inserted, Updated: m.Updated, Deleted: m.Deleted, Quarantined: m.Quarantined}
	if full {
		made.Way = "full"
	}
	if err := made.note(ctx, tx, f.Entity); err != nil {
		return err
	}
	return tx.FeedChanged(ctx, f.Entity)
}

// PassFailed records that a pass did not complete: the feed is behind since the first such one.
func PassFailed(ctx context.Context, tx *Tx, entity, why string) error {
	_, err := tx.Exec(ctx, `UPDATE feeds SET behind_since = coalesce(behind_since, $2), error = $3, pass_began = $2 WHERE entity = $1`, entity, tx.Now, why)
	if err != nil {
		return fmt.Errorf("recording the failed pass of %s: %w", entity, err)
	}
	if err := (Made{BeganAt: tx.Now, EndedAt: tx.Now, Error: why}).note(ctx, tx, entity); err != nil {
		return err
	}
	return tx.FeedChanged(ctx, entity)
}

// Reconciled records that the entity was compared with the whole of the core, and how many rows, of how many partners, were found other
// than they should have been, and made right.
func Reconciled(ctx context.Context, tx *Tx, entity string, compared, rows, partners int64) error {
	_, err := tx.Exec(ctx, `UPDATE feeds SET partners_compared = $2, rows_repaired = $3, partners_repaired = $4, repaired_at = $5 WHERE entity = $1`, entity, compared, rows, partners, tx.Now)
	if err != nil {
		return fmt.Errorf("recording what was repaired of %s: %w", entity, err)
	}
	return nil
}

// ReadWhole records which columns the select of the feed returned as everything was read.
func ReadWhole(ctx context.Context, tx *Tx, entity string, columns []string) error {
	if _, err := tx.Exec(ctx, `UPDATE feeds SET columns = $2 WHERE entity = $1 AND columns IS DISTINCT FROM $2`, entity, columns); err != nil {
		return fmt.Errorf("recording the columns of %s: %w", entity, err)
	}
	return nil
}

// SlotKeeps records how many bytes of the core's log the feed's slot keeps from being recycled.
func SlotKeeps(ctx context.Context, tx *Tx, entity string, bytes int64) error {
	if _, err := tx.Exec(ctx, `UPDATE feeds SET slot_bytes = $2 WHERE entity = $1`, entity, bytes); err != nil {
		return fmt.Errorf("recording the slot of %s: %w", entity, err)
	}
	return nil
}

// StopFeed keeps the feed from making passes of its own accord until somebody asks for one, or allows the loss.
func StopFeed(ctx context.Context, tx *Tx, entity string) error {
	_, err := tx.Exec(ctx, `UPDATE feeds SET stopped_at = coalesce(stopped_at, $2) WHERE entity = $1`, entity, tx.Now)
	if err != nil {
		return fmt.Errorf("stopping the feed of %s: %w", entity, err)
	}
	return nil
}

// AllowLoss lets the feed's next pass delete as much as the core no longer has, once, and asks for that pass.
// A feed that did not stop is a Conflict.
func AllowLoss(ctx context.Context, tx *Tx, entity string) error {
	f, err := FeedOf(ctx, tx, entity)
	if err != nil {
		return err
	}
	if !f.StoppedAt.Valid {
		return Errorf(Conflict, "the feed of %s has not stopped; there is nothing to allow", entity)
	}
	return act(ctx, tx, "feed.allow_loss", entity, map[string]string{"why": f.Error}, `allow_loss = true, asked_at = coalesce(asked_at, $2), asked_full = true`, tx.Now)
}

// LoseFeed records that what was to be followed cannot be: the next pass, which is asked for at once, reads everything.
func LoseFeed(ctx context.Context, tx *Tx, entity, why string) error {
	_, err := tx.Exec(ctx, `UPDATE feeds SET watermark = NULL, reread = $2, reread_rows = 0, asked_at = coalesce(asked_at, $3) WHERE entity = $1`, entity, why, tx.Now)
	if err != nil {
		return fmt.Errorf("recording that %s is to be read anew: %w", entity, err)
	}
	return Made{BeganAt: tx.Now, EndedAt: tx.Now, Error: why + "; everything is read anew"}.note(ctx, tx, entity)
}

// A Refused row lies in quarantine.
type Refused struct {
	Entity    string    `db:"entity"`
	Key       string    `db:"key"` // a JSON array of the key's parts
	Reason    string    `db:"reason"`
	FirstSeen time.Time `db:"first_seen"`
	LastSeen  time.Time `db:"last_seen"`
	Tries     int       `db:"tries"`
}

// Quarantine lists what could not be taken, newest first, at most 200 rows; entity "" = of all.
// The caller reads across partners, or is the worker.
func Quarantine(ctx context.Context, tx *Tx, entity string) (list []Refused, err error) {
	err = tx.Select(ctx, &list, `SELECT entity, key, reason, first_seen, last_seen, tries FROM quarantine WHERE $1 = '' OR entity = $1 ORDER BY last_seen DESC, entity, key LIMIT 200`, entity)
	if err != nil {
		return nil, fmt.Errorf("listing quarantine: %w", err)
	}
	return list, nil
}

// QuarantinedKeys lists keys of the entity that lie in quarantine, those not tried for longest first.
// Each is a JSON array of the key's parts.
func QuarantinedKeys(ctx context.Context, tx *Tx, entity string, limit int) (keys []string, err error) {
	err = tx.Select(ctx, &keys, `SELECT key FROM quarantine WHERE entity = $1 ORDER BY coalesce(asked_at > last_seen, false) DESC, last_seen, key LIMIT $2`, entity, limit)
	if err != nil {
		return nil, fmt.Errorf("listing quarantined keys of %s: %w", entity, err)
	}
	return keys, nil
}

// Forgive takes keys out of quarantine that the core no longer has.
func Forgive(ctx context.Context, tx *Tx, entity string, keys []string) error {
	_, err := tx.Exec(ctx, `DELETE FROM quarantine WHERE entity = $1 AND key = ANY($2)`, entity, keys)
	return err
}

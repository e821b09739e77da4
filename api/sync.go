package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"extranet/portal"
)

func (d door) sync(h huma.API) {
	huma.Register(h, operation("get-sync", http.MethodGet, "/sync", "Sync", "See how the mirror stands",
		"For the host's staff: every feed with its state, and how the outbox stands."), d.getSync)
	huma.Register(h, operation("get-feed", http.MethodGet, "/sync/feeds/{entity}", "Sync", "See one feed",
		"For the host's staff: one feed with its last 100 passes."), d.getFeed)
	huma.Register(h, operation("list-quarantine", http.MethodGet, "/sync/quarantine/{entity}", "Sync", "List rows that could not be taken",
		"For the host's staff: the rows of one entity that lie in quarantine, by key. Follow `after` until it is empty."), d.listQuarantine)
	huma.Register(h, deed("act-on-feed", http.MethodPost, "/sync/feeds/{entity}/{act}", "Sync", "Act on a feed",
		"For the host's staff. pause: it makes no pass of its own accord. resume: it does again, and makes one at once. run: it makes a pass at once. read-all: one that reads everything. "+
			"retry: rows of quarantine are tried again at once. allow-loss: the next pass of a feed that stopped may delete what the core no longer has. The worker takes it up within seconds. The entity `all` stands for every feed, but for retry.", false), d.actOnFeed)
	huma.Register(h, operation("list-commands", http.MethodGet, "/sync/commands", "Sync", "List the outbox",
		"For the host's staff: what partners decided, on its way to the core, the latest first. Follow `after` until it is empty."), d.listCommands)
	huma.Register(h, deed("act-on-command", http.MethodPost, "/sync/commands/{id}/{act}", "Sync", "Act on a command in the outbox",
		"For the host's staff. retry: it is tried at once. give-up: it comes back to the partner as refused, for `why`. settle: you took it over by hand; it counts as delivered.", false), d.actOnCommand)
}

// A feed is how far the mirror of one entity is.
type feed struct {
	Entity      string        `json:"entity"`
	State       string        `json:"state" enum:"not offered,paused,stopped,failing,loading,late,up to date" doc:"stopped = a pass would delete more than the mapping lets it, and asks a human"`
	Source      string        `json:"source"`
	Way         string        `json:"way" doc:"How changes are noticed"`
	EveryS      int           `json:"every_s" doc:"Seconds between passes"`
	AsOf        *time.Time    `json:"as_of" doc:"The core's clock when the last complete pass began to read; null before it"`
	LagS        *int64        `json:"lag_s" doc:"Seconds since then"`
	BehindSince *time.Time    `json:"behind_since" doc:"Since when passes fail; null while they succeed"`
	PausedAt    *time.Time    `json:"paused_at"`
	AskedAt     *time.Time    `json:"asked_at" doc:"When somebody asked for a pass that is not made yet"`
	NextAt      *time.Time    `json:"next_at" doc:"When the next pass is due; null = none is"`
	Error       string        `json:"error" doc:"Why the last pass failed; empty = it did not"`
	RowsRead    int64         `json:"rows_read" doc:"By the last pass"`
	RowsChanged int64         `json:"rows_changed" doc:"By the last pass: new and changed"`
	RowsDeleted int64         `json:"rows_deleted" doc:"By the last pass"`
	Quarantined int64         `json:"quarantined" doc:"Rows in quarantine now"`
	PassMS      int64         `json:"pass_ms" doc:"How long the last pass took"`
	RowsPerS    int64         `json:"rows_per_s" doc:"Read by the last pass"`
	Reread      string        `json:"reread" doc:"Why the next pass reads everything anew: its mapping changed, or it lost its place; empty = it does not"`
	RereadRows  int64         `json:"reread_rows" doc:"Rows that stood when that was found out; 0 = they were not counted"`
	SlotBytes   int64         `json:"slot_bytes" doc:"By logical: bytes of its log that the core keeps for the portal; past slot_limit of the mapping they are given up"`
	Compared    *comparedWith `json:"compared,omitempty" doc:"What the last comparison with the whole of the core found; left out before the first, and for a feed by snapshot, which compares at every pass"`
	Running     *passUnder    `json:"running,omitempty" doc:"The pass under way; left out = none is, or it has only begun"`
	Passes      []portal.Made `json:"passes,omitempty" doc:"The last ones, the latest first"`
}

type comparedWith struct {
	At               time.Time `json:"at"`
	Partners         int64     `json:"partners" doc:"Whose rows were counted and summed up on both sides; 1 where rows belong to nobody"`
	RowsRepaired     int64     `json:"rows_repaired" doc:"Rows that were not as they should have been, and were made right; none, as a rule"`
	PartnersRepaired int64     `json:"partners_repaired" doc:"Whose rows these were"`
}

type passUnder struct {
	Phase    string    `json:"phase" enum:"reading,merging"`
	Rows     int64     `json:"rows" doc:"Read so far"`
	Expected int64     `json:"expected" doc:"An estimate; 0 = not known"`
	BeganAt  time.Time `json:"began_at"`
}

func feedOf(f portal.Feed, running []portal.Running, now time.Time) feed {
	v := feed{Entity: f.Entity, State: f.State(now), Source: f.Source, Way: f.Way, EveryS: f.EveryS, Error: f.Error, RowsRead: f.RowsRead, RowsChanged: f.RowsChanged, RowsDeleted: f.RowsDeleted,
		Quarantined: f.Quarantined, PassMS: f.PassTookMS, RowsPerS: f.Rate(), AsOf: moment(f.AsOf.Time), BehindSince: moment(f.BehindSince.Time), PausedAt: moment(f.PausedAt.Time), AskedAt: moment(f.AskedAt.Time),
		NextAt: moment(f.Next(now)), Reread: f.Reread, RereadRows: f.RereadRows, SlotBytes: f.SlotBytes}
	if f.RepairedAt.Valid {
		v.Compared = &comparedWith{f.RepairedAt.Time, f.PartnersCompared, f.RowsRepaired, f.PartnersRepaired}
	}
	if v.AsOf != nil {
		lag := max(0, int64(now.Sub(*v.AsOf).Seconds()))
		v.LagS = &lag
	}
	for _, r := range running {
		if r.Entity == f.Entity {
			v.Running = &passUnder{Phase: r.Phase, Rows: r.Rows, Expected: r.Expected, BeganAt: r.BeganAt}
		}
	}
	return v
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// across reads for the host's staff.
func across[T any](ctx context.Context, d door, what string, c Conditional, f func(tx *portal.Tx) (T, error)) (*plain[T], error) {
	by := callerOf(ctx)
	var v T
	err := d.db.AcrossPartners(ctx, by, portal.FeedsRead, func(tx *portal.Tx) (err error) {
		v, err = f(tx)
		return err
	})
	if err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	return now(c, v)
}

type syncStands struct {
	Feeds  []feed               `json:"feeds" doc:"Of every entity that was ever mapped"`
	Outbox portal.OutboxFigures `json:"outbox"`
}

func (d door) getSync(ctx context.Context, in *Conditional) (*plain[syncStands], error) {
	return across(ctx, d, "sync", *in, func(tx *portal.Tx) (v syncStands, err error) {
		v.Feeds = []feed{}
		all, err := portal.Feeds(ctx, tx)
		if err != nil {
			return v, err
		}
		running, err := portal.RunningPasses(ctx, tx)
		if err != nil {
			return v, err
		}
		for _, f := range all {
			v.Feeds = append(v.Feeds, feedOf(f, running, tx.Now))
		}
		v.Outbox, err = portal.OutboxStands(ctx, tx)
		return v, err
	})
}

// passesShown is how many passes of a feed are told.
const passesShown = 100

// OfEntity names what is mirrored.
type OfEntity struct {
	Entity string `path:"entity" doc:"What is mirrored, like orders" minLength:"1" maxLength:"60"`
}

type getFeedInput struct {
	Conditional
	OfEntity
}

func (d door) getFeed(ctx context.Context, in *getFeedInput) (*plain[feed], error) {
	return across(ctx, d, "sync feed", in.Conditional, func(tx *portal.Tx) (v feed, err error) {
		f, err := portal.FeedOf(ctx, tx, in.Entity)
		if err != nil {
			return v, err
		}
		running, err := portal.RunningPasses(ctx, tx)
		if err != nil {
			return v, err
		}
		v = feedOf(f, running, tx.Now)
		v.Passes, err = portal.History(ctx, tx, in.Entity, passesShown)
		return v, err
	})
}

type listQuarantineInput struct {
	Conditional
	OfEntity
	Q     string `query:"q" doc:"Only rows whose key or reason holds this, in any case" minLength:"1" maxLength:"100"`
	After string `query:"after" doc:"after of an earlier page" minLength:"1" maxLength:"1000"`
}

func (d door) listQuarantine(ctx context.Context, in *listQuarantineInput) (*plain[portal.RefusedPage], error) {
	return across(ctx, d, "sync quarantine", in.Conditional, func(tx *portal.Tx) (p portal.RefusedPage, err error) {
		if _, err := portal.FeedOf(ctx, tx, in.Entity); err != nil {
			return p, err
		}
		return portal.RefusedRows(ctx, tx, in.Entity, in.Q, in.After)
	})
}

type actOnFeedInput struct {
	Keyed
	OfEntity
	Act  string `path:"act" enum:"pause,resume,run,read-all,retry,allow-loss" maxLength:"20"`
	Body struct {
		Key *string `json:"key" required:"false" doc:"For retry: the key of the one row, as quarantine lists it; left out = all rows" maxLength:"1000"`
	}
}

// acrossToManage opens transactions of the host's staff who may act on feeds.
func (d door) acrossToManage(ctx context.Context) func(portal.Caller, func(*portal.Tx) error) error {
	return func(by portal.Caller, f func(*portal.Tx) error) error {
		return d.db.AcrossPartners(ctx, by, portal.FeedsManage, f)
	}
}

func said(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// taken says that the worker has been told.
type taken struct {
	Act string `json:"act" doc:"What was asked for"`
	On  string `json:"on" doc:"Of what"`
}

func (d door) actOnFeed(ctx context.Context, in *actOnFeedInput) (*done[taken], error) {
	return commandIn(ctx, d, portal.FeedsManage, in.Keyed, "sync feed "+in.Entity+" "+in.Act, in.Body, nil, d.acrossToManage(ctx), func(tx *portal.Tx) (taken, error) {
		return taken{in.Act, in.Entity}, portal.ActOnFeed(ctx, tx, in.Entity, in.Act, said(in.Body.Key))
	})
}

type listCommandsInput struct {
	Conditional
	State string `query:"state" enum:"waiting,not carried,refused,delivered" default:"waiting"`
	After string `query:"after" doc:"after of an earlier page" minLength:"1" maxLength:"100"`
}

func (d door) listCommands(ctx context.Context, in *listCommandsInput) (*plain[portal.SendingsPage], error) {
	return across(ctx, d, "sync commands", in.Conditional, func(tx *portal.Tx) (portal.SendingsPage, error) {
		return portal.Sendings(ctx, tx, in.State, in.After)
	})
}

type actOnCommandInput struct {
	Keyed
	ID   string `path:"id" format:"uuid" maxLength:"36"`
	Act  string `path:"act" enum:"retry,give-up,settle" maxLength:"20"`
	Body struct {
		Why *string `json:"why" required:"false" doc:"For give-up: why; the partner reads it" maxLength:"500"`
	}
}

func (d door) actOnCommand(ctx context.Context, in *actOnCommandInput) (*done[taken], error) {
	return commandIn(ctx, d, portal.FeedsManage, in.Keyed, "sync command "+in.ID+" "+in.Act, in.Body, nil, d.acrossToManage(ctx), func(tx *portal.Tx) (taken, error) {
		id, err := uuid.Parse(in.ID)
		if err != nil {
			return taken{}, portal.Errorf(portal.NotFound, "there is no such command in the outbox")
		}
		return taken{in.Act, in.ID}, portal.ActOnCommand(ctx, tx, id, in.Act, said(in.Body.Why))
	})
}

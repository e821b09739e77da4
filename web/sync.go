package web

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"extranet/portal"
)

// A feedRow is one entity with where its mirroring stands. One that is not mapped is not offered.
type feedRow struct {
	portal.Feed
	Fresh   Freshness
	running *portal.Running // the pass under way; nil = none is, or it has only begun
}

// feeds lists every entity, mapped or not.
func (w *Web) feeds(ctx context.Context, tx *portal.Tx) (rows []feedRow, err error) {
	mapped, err := portal.Feeds(ctx, tx)
	if err != nil {
		return nil, err
	}
	running, err := portal.RunningPasses(ctx, tx)
	if err != nil {
		return nil, err
	}
	known := map[string]portal.Feed{}
	for _, f := range mapped {
		known[f.Entity] = f
	}
	for _, e := range w.entities {
		f, ok := known[e]
		if !ok {
			f = portal.Feed{Entity: e}
		}
		delete(known, e)
		rows = append(rows, rowOf(f, running, tx.Now))
	}
	for _, f := range mapped {
		if _, left := known[f.Entity]; left {
			rows = append(rows, rowOf(f, running, tx.Now))
		}
	}
	return rows, nil
}

func rowOf(f portal.Feed, running []portal.Running, now time.Time) feedRow {
	row := feedRow{Feed: f, Fresh: freshOf(f, now)}
	for i, r := range running {
		if r.Entity == f.Entity {
			row.running = &running[i]
		}
	}
	return row
}

func freshOf(f portal.Feed, now time.Time) Freshness {
	p := portal.Freshness{Entity: f.Entity, Offered: f.Offered, AsOf: f.AsOf.Time, StaleAfterS: f.StaleAfterS, BehindSince: f.BehindSince.Time}
	return Freshness{AsOf: p.AsOf, Offered: p.Offered, Stale: p.Stale(now), BehindSince: p.BehindSince, Now: now}
}

// entityWords says what an entity is: "Order lines".
func entityWords(entity string) Words {
	if name, ok := entityNames[entity]; ok {
		return name
	}
	return Verbatim(upperFirst(strings.ReplaceAll(entity, "_", " ")))
}

var entityNames = map[string]Words{
	"account_status": "Account status", "availability": "Availability", "claim_decisions": "Claim decisions", "contacts": "Contacts",
	"demand_history": "Demand history", "documents": "Documents", "forecasts": "Forecasts", "invoice_lines": "Invoice lines", "invoices": "Invoices",
	"list_prices": "List prices", "notice_items": "Notice items", "notices": "Notices", "order_lines": "Order lines", "orders": "Orders",
	"packages": "Packages", "part_numbers": "Part numbers", "partners": "Partners", "payments": "Payments", "prices": "Prices",
	"product_links": "Product links", "products": "Products", "purchase_decisions": "Purchase decisions", "purchase_order_lines": "Purchase order lines",
	"purchase_orders": "Purchase orders", "receipts": "Receipts", "remittance_lines": "Remittance lines", "schedule_lines": "Schedule lines",
	"segment_prices": "Segment prices", "settlements": "Settlements", "shipment_lines": "Shipment lines", "shipments": "Shipments", "sites": "Sites",
	"staff": "Staff", "supplier_inventory": "Supplier inventory", "supplier_invoice_lines": "Supplier invoice lines",
	"supplier_invoices": "Supplier invoices", "supplier_payments": "Supplier payments",
}

var feedStates = map[string]statusWord{
	portal.FeedNotOffered: {"Not offered", Neutral, IconNotOffered},
	portal.FeedPaused:     {"Paused", Warn, IconPause},
	portal.FeedStopped:    {"Stopped: asks you", Bad, IconHelp},
	portal.FeedFailing:    {"Failing", Bad, IconProblem},
	portal.FeedLoading:    {"Not loaded yet", Info, IconWaiting},
	portal.FeedLate:       {"Late", Warn, IconOverdue},
	portal.FeedUpToDate:   {"Up to date", Good, IconOK},
}

// state says in a word how the feed is.
func (f feedRow) state() statusWord { return feedStates[f.State(f.Fresh.Now)] }

func (f feedRow) stopped() bool { return f.State(f.Fresh.Now) == portal.FeedStopped }

// rereads says why the next pass reads everything, and how much stands.
func (f feedRow) rereads(ctx context.Context) Words {
	says := upperFirst(f.Reread) + "."
	if f.RereadRows > 0 {
		says += " " + T(ctx, "%d rows stand; partners see them until the pass is done.", int(f.RereadRows))
	}
	return Verbatim(says)
}

// repaired says what comparing with the whole of the core found.
func (f feedRow) repaired(ctx context.Context) Words {
	said := T(ctx, "nothing was other than it should be")
	if f.RowsRepaired > 0 {
		said = T(ctx, "%d rows were repaired", int(f.RowsRepaired))
	}
	if f.PartnersCompared > 1 {
		return Said(ctx, "%s, %d partners by count and checksum", said, int(f.PartnersCompared))
	}
	return Verbatim(said)
}

// lag says how old the data is.
func (f feedRow) lag(ctx context.Context) string {
	if f.Fresh.AsOf.IsZero() {
		return ""
	}
	return strings.TrimSuffix(Ago(ctx, f.Fresh.Now, f.Fresh.AsOf), " ago")
}

// next says when the next pass is due.
func (f feedRow) next(ctx context.Context) Words {
	switch at := f.Next(f.Fresh.Now); {
	case at.IsZero():
		return "not planned"
	case f.running != nil:
		return "running"
	case f.AskedAt.Valid:
		return "asked for"
	default:
		if in := at.Sub(f.Fresh.Now); in < time.Hour {
			return Said(ctx, "in %s", (in + time.Second - 1).Truncate(time.Second).String())
		}
		return Verbatim(clockText(ctx, f.Fresh.Now, at))
	}
}

// span writes a number of seconds in its largest whole unit.
func span(seconds int) string {
	switch {
	case seconds >= 3600 && seconds%3600 == 0:
		return itoa(seconds/3600) + nbsp + "h"
	case seconds >= 60 && seconds%60 == 0:
		return itoa(seconds/60) + nbsp + "min"
	}
	return itoa(seconds) + nbsp + "s"
}

// keyWords writes the parts of a key as a person would.
func keyWords(key string) string {
	var parts []string
	if json.Unmarshal([]byte(key), &parts) != nil {
		return key
	}
	return strings.Join(parts, " / ")
}

// tookText writes how long something took.
func tookText(ms int64) string {
	if ms < 1000 {
		return itoa(int(ms)) + nbsp + "ms"
	}
	return (time.Duration(ms) * time.Millisecond).Round(100 * time.Millisecond).String()
}

// progress says how far the pass under way is.
func (f feedRow) progress(ctx context.Context) (done, of decimal.Decimal, words string) {
	r := f.running
	took := max(time.Second, f.Fresh.Now.Sub(r.BeganAt))
	of = decimal.NewFromInt(max(r.Expected, r.Rows, 1))
	switch pace := int(float64(r.Rows) / took.Seconds()); {
	case r.Phase == "merging":
		words = T(ctx, "%d rows read, writing", int(r.Rows))
	case r.Expected > r.Rows:
		words = T(ctx, "%d rows of about %d, %d a second", int(r.Rows), int(r.Expected), pace)
	default:
		words = T(ctx, "%d rows, %d a second", int(r.Rows), pace)
	}
	return decimal.NewFromInt(r.Rows), of, words
}

func feedPath(entity string) string { return "/sync/feeds/" + url.PathEscape(entity) }

// A syncView is what /sync shows.
type syncView struct {
	rows   []feedRow
	outbox portal.OutboxFigures
	manage bool // the caller may act
	now    time.Time
}

func (w *Web) showSync(ctx context.Context, r request) (reply, error) {
	v := syncView{manage: r.by.Perms.Has(portal.FeedsManage)}
	err := w.db.AcrossPartners(ctx, r.by, portal.FeedsRead, func(tx *portal.Tx) (err error) {
		v.now = tx.Now
		if v.rows, err = w.feeds(ctx, tx); err != nil {
			return err
		}
		v.outbox, err = portal.OutboxStands(ctx, tx)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "Sync"
	return reply{page: SyncPage(r.shell, v)}, nil
}

// counts of feeds: those mapped, those up to date, those that need somebody, and rows in quarantine.
func (v syncView) counts() (mapped, good, bad, refused, paused int) {
	for _, f := range v.rows {
		switch f.State(v.now) {
		case portal.FeedNotOffered:
			continue
		case portal.FeedUpToDate:
			good++
		case portal.FeedPaused:
			paused++
		case portal.FeedStopped, portal.FeedFailing, portal.FeedLate:
			bad++
		}
		mapped++
		refused += int(f.Quarantined)
	}
	return mapped, good, bad, refused, paused
}

func (v syncView) oldest(ctx context.Context) Words {
	if v.outbox.OldestWaiting == nil {
		return "none waits"
	}
	return Said(ctx, "the oldest from %s", Ago(ctx, v.now, *v.outbox.OldestWaiting))
}

// A feedView is what the page of one feed shows.
type feedView struct {
	feedRow
	passes  []portal.Made
	refused portal.RefusedPage
	q       string // what quarantine is narrowed to
	first   bool   // this is its first page
	address Address
	manage  bool
}

// passesShown is how many passes the page of a feed lists.
const passesShown = 30

func (w *Web) showFeed(ctx context.Context, r request) (reply, error) {
	entity := r.param("entity")
	v := feedView{manage: r.by.Perms.Has(portal.FeedsManage), first: r.query.Get("after") == "", q: strings.TrimSpace(r.query.Get("q")), address: Address{Path: feedPath(entity), Query: url.Values{}}}
	if v.q != "" {
		v.address.Query.Set("q", v.q)
	}
	err := w.db.AcrossPartners(ctx, r.by, portal.FeedsRead, func(tx *portal.Tx) error {
		f, err := portal.FeedOf(ctx, tx, entity)
		if err != nil {
			return err
		}
		running, err := portal.RunningPasses(ctx, tx)
		if err != nil {
			return err
		}
		v.feedRow = rowOf(f, running, tx.Now)
		if v.passes, err = portal.History(ctx, tx, entity, passesShown); err != nil {
			return err
		}
		v.refused, err = portal.RefusedRows(ctx, tx, entity, v.q, r.query.Get("after"))
		return err
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = entityWords(entity)
	return reply{page: FeedPage(r.shell, v)}, nil
}

func (v feedView) pager() Pager {
	p := Pager{Shown: len(v.refused.Items), Noun: "%d rows"}
	if v.refused.After != "" {
		p.Next = v.address.With("after", v.refused.After)
	}
	if !v.first {
		p.First = v.address.With()
	}
	return p
}

// acting opens the transaction of the host's staff who may act on feeds and the outbox.
func (w *Web) acting(ctx context.Context, r request, f func(tx *portal.Tx) (to string, err error)) (string, error) {
	return w.onceIn(ctx, r, func(g func(tx *portal.Tx) error) error { return w.db.AcrossPartners(ctx, r.by, portal.FeedsManage, g) }, f)
}

// feedDeeds say what was asked for.
var feedDeeds = map[string]Flash{
	portal.Pause:        {Good, "Paused", "No pass begins by itself until it is resumed."},
	portal.Resume:       {Good, "Resumed", "A pass begins at once."},
	portal.Run:          {Good, "A pass is asked for", "It begins within seconds."},
	portal.ReadAll:      {Good, "A pass that reads everything is asked for", "It begins within seconds."},
	portal.AllowTheLoss: {Good, "They will be deleted", "A pass that reads everything begins within seconds."},
	portal.Retry:        {Good, "It is tried again", "A pass begins within seconds; what is taken leaves quarantine."},
}

func (w *Web) actOnFeed(ctx context.Context, r request) (reply, error) {
	entity, what := r.param("entity"), r.form.Get("act")
	to, err := w.acting(ctx, r, func(tx *portal.Tx) (string, error) {
		back := feedPath(entity)
		if entity == portal.AllFeeds || r.form.Get("back") != "" {
			back = "/sync"
		}
		return back, portal.ActOnFeed(ctx, tx, entity, what, r.form.Get("key"))
	})
	if err != nil {
		return reply{}, err
	}
	said := feedDeeds[what]
	return reply{to: to, flash: &said}, nil
}

// An outboxView is what /sync/outbox shows.
type outboxView struct {
	figures portal.OutboxFigures
	page    portal.SendingsPage
	state   string
	first   bool // this is the first page
	manage  bool
	now     time.Time
}

var sendingStates = map[string]statusWord{
	portal.CommandWaiting:    {"Waiting", Info, IconWaiting},
	portal.CommandNotCarried: {"By hand", Warn, IconNotOffered},
	portal.CommandRefused:    {"Refused", Bad, IconRefused},
	portal.CommandDelivered:  {"Delivered", Good, IconOK},
}

func (w *Web) showOutbox(ctx context.Context, r request) (reply, error) {
	v := outboxView{state: r.query.Get("state"), first: r.query.Get("after") == "", manage: r.by.Perms.Has(portal.FeedsManage)}
	if _, known := sendingStates[v.state]; !known {
		v.state = portal.CommandWaiting
	}
	err := w.db.AcrossPartners(ctx, r.by, portal.FeedsRead, func(tx *portal.Tx) (err error) {
		v.now = tx.Now
		if v.figures, err = portal.OutboxStands(ctx, tx); err != nil {
			return err
		}
		v.page, err = portal.Sendings(ctx, tx, v.state, r.query.Get("after"))
		return err
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "Outbox"
	return reply{page: OutboxPage(r.shell, v)}, nil
}

func outboxPath(state string) string {
	return Address{Path: "/sync/outbox", Query: url.Values{"state": {state}}}.With()
}

func (v outboxView) pager() Pager {
	p := Pager{Shown: len(v.page.Items), Noun: "%d commands"}
	if v.page.After != "" {
		p.Next = Address{Path: "/sync/outbox", Query: url.Values{"state": {v.state}}}.With("after", v.page.After)
	}
	if !v.first {
		p.First = outboxPath(v.state)
	}
	return p
}

// what says what is asked of the core: "Place order".
func what(s portal.Sending) string { return upperFirst(strings.ReplaceAll(s.Name, "_", " ")) }

// stands says what a command waits for, or how it ended.
func (v outboxView) stands(ctx context.Context, s portal.Sending) Words {
	switch {
	case s.Asked == portal.AskedToGiveUp:
		return "about to come back to the partner"
	case s.Asked == portal.AskedToSettle:
		return "about to count as delivered"
	case s.Behind:
		return "behind an earlier decision on the same document"
	case s.State == portal.CommandWaiting && s.NextTryAt != nil && s.NextTryAt.After(v.now):
		return Said(ctx, "tried again in %s", s.NextTryAt.Sub(v.now).Round(time.Second).String())
	case s.State == portal.CommandNotCarried:
		return "the mapping does not say how the core takes it"
	}
	return ""
}

var commandDeeds = map[string]Flash{
	portal.Retry:  {Good, "It is tried again", "The worker takes it up within seconds."},
	portal.GiveUp: {Good, "Given up", "The partner reads your reason on the document."},
	portal.Settle: {Good, "Taken over by hand", "It counts as delivered."},
}

func (w *Web) actOnCommand(ctx context.Context, r request) (reply, error) {
	act := r.form.Get("act")
	to, err := w.acting(ctx, r, func(tx *portal.Tx) (string, error) {
		id, err := uuid.Parse(r.param("id"))
		if err != nil {
			return "", portal.Errorf(portal.NotFound, "there is no such command in the outbox")
		}
		back := "/sync/outbox"
		if _, known := sendingStates[r.form.Get("state")]; known {
			back = outboxPath(r.form.Get("state"))
		}
		return back, portal.ActOnCommand(ctx, tx, id, act, r.form.Get("why"))
	})
	if err != nil {
		return reply{}, err
	}
	said := commandDeeds[act]
	return reply{to: to, flash: &said}, nil
}

// events are the news that the page of feeds listens to.
func (v syncView) events() []string {
	all := []string{portal.SyncSignal, "outbox"}
	for _, f := range v.rows {
		all = append(all, "feed:"+f.Entity)
	}
	return all
}

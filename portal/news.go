package portal

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"
)

// News spreads what a committed transaction changed to every process of the
// portal, through Postgres' own LISTEN and NOTIFY: sent by the commit itself,
// so never for what was undone and never forgotten for what was done.
//
// Each process keeps the generations it has asked for. While it hears the news,
// an answer kept in process under the current generation is as good as the
// database's. When it does not, it keeps nothing and asks.

const channel = "extranet"

// happened is one piece of news.
type happened struct {
	Noun     string               `json:"n,omitempty"`
	Partners map[int64]int64      `json:"p,omitempty"` // partner → generation
	All      bool                 `json:"all,omitempty"`
	Persons  map[uuid.UUID]int64  `json:"u,omitempty"` // person → generation of their access
	Feeds    map[string]Freshness `json:"f,omitempty"`
}

// Changed announces at commit that the partners' data of this noun is another from now on.
func (tx *Tx) Changed(noun string, partners ...int64) {
	if tx.changed == nil {
		tx.changed = map[string]map[int64]bool{}
	}
	if tx.changed[noun] == nil {
		tx.changed[noun] = map[int64]bool{}
	}
	for _, p := range partners {
		tx.changed[noun][p] = true
	}
}

// AccessChanged announces at commit that what these people may do, or whether they are signed in, is another from now on.
func (tx *Tx) AccessChanged(persons ...uuid.UUID) {
	if tx.persons == nil {
		tx.persons = map[uuid.UUID]bool{}
	}
	for _, p := range persons {
		tx.persons[p] = true
	}
}

// namedAtMost is how many partners one piece of news names; past it, it says "all".
const namedAtMost = 300

// announce counts the generations up and queues the news with the transaction.
// It runs last, so the rows that order concurrent writers are held for the commit alone.
func (tx *Tx) announce(ctx context.Context) (all []happened, err error) {
	for _, noun := range slices.Sorted(maps.Keys(tx.changed)) {
		partners := slices.Sorted(maps.Keys(tx.changed[noun]))
		if len(partners) == 0 {
			continue
		}
		var rows []struct {
			PartnerID  int64 `db:"partner_id"`
			Generation int64 `db:"generation"`
		}
		err := tx.Select(ctx, &rows, `
			INSERT INTO generations AS g (partner_id, noun, generation)
			SELECT partner_id, $2, 1 FROM unnest($1::bigint[]) AS partner_id ORDER BY partner_id
			ON CONFLICT (partner_id, noun) DO UPDATE SET generation = g.generation + 1
			RETURNING partner_id, generation`, partners, noun)
		if err != nil {
			return nil, fmt.Errorf("counting generations up: %w", err)
		}
		h := happened{Noun: noun, Partners: map[int64]int64{}}
		if len(rows) > namedAtMost {
			h.All = true
		} else {
			for _, r := range rows {
				h.Partners[r.PartnerID] = r.Generation
			}
		}
		all = append(all, h)
	}
	if len(tx.persons) > 0 {
		persons := slices.SortedFunc(maps.Keys(tx.persons), func(a, b uuid.UUID) int { return cmp.Compare(a.String(), b.String()) })
		for chunk := range slices.Chunk(persons, 100) {
			var rows []struct {
				PersonID   uuid.UUID `db:"person_id"`
				Generation int64     `db:"generation"`
			}
			ids := make([]string, len(chunk))
			for i, p := range chunk {
				ids[i] = p.String()
			}
			if err := tx.Select(ctx, &rows, `UPDATE people SET generation = generation + 1 WHERE person_id = ANY($1::uuid[]) RETURNING person_id, generation`, ids); err != nil {
				return nil, fmt.Errorf("counting generations up: %w", err)
			}
			h := happened{Persons: map[uuid.UUID]int64{}}
			for _, r := range rows {
				h.Persons[r.PersonID] = r.Generation
			}
			all = append(all, h)
		}
	}
	if len(tx.feeds) > 0 {
		all = append(all, happened{Feeds: tx.feeds})
	}
	for _, h := range all {
		text, err := json.Marshal(h)
		if err != nil {
			return nil, err
		}
		if _, err := tx.Exec(ctx, `SELECT pg_notify('`+channel+`', $1)`, string(text)); err != nil {
			return nil, fmt.Errorf("announcing: %w", err)
		}
	}
	return all, nil
}

// tag is what a generation belongs to: a partner's noun, or a person's access.
type tag struct {
	noun    string
	partner int64
	person  uuid.UUID
}

type news struct {
	log      *slog.Logger
	listener *pq.Listener
	stop     chan struct{}
	done     chan struct{}

	hears atomic.Bool   // the listener is connected, and answered lately
	epoch atomic.Uint64 // counts up whenever everything known is forgotten

	mu          sync.RWMutex
	generations map[tag]int64
	fresh       map[string]Freshness // nil = not known

	subs map[*Subscription]bool
}

// generationsAtMost bounds what a process remembers; past it, it forgets all and asks again.
const generationsAtMost = 200_000

func newNews(db *DB, o Options) *news {
	n := &news{log: o.Log, stop: make(chan struct{}), done: make(chan struct{}), generations: map[tag]int64{}, subs: map[*Subscription]bool{}}
	n.listener = pq.NewListener(o.URL, 100*time.Millisecond, 5*time.Second, func(e pq.ListenerEventType, err error) {
		switch e {
		case pq.ListenerEventDisconnected, pq.ListenerEventConnectionAttemptFailed:
			n.hears.Store(false)
			n.forget()
		case pq.ListenerEventReconnected:
			n.forget()
			n.hears.Store(true)
		}
	})
	go n.run(db)
	return n
}

func (n *news) run(db *DB) {
	defer close(n.done)
	listening := make(chan error, 1)
	go func() { listening <- n.listener.Listen(channel) }()
	ping := time.NewTicker(2 * time.Second)
	defer ping.Stop()
	for {
		select {
		case <-n.stop:
			return
		case err := <-listening:
			if err == nil || errors.Is(err, pq.ErrChannelAlreadyOpen) {
				n.forget()
				n.hears.Store(true)
			}
		case m := <-n.listener.Notify:
			if m == nil { // the connection was lost and is back: anything may have happened
				n.forget()
				n.hears.Store(true)
				continue
			}
			var h happened
			if err := json.Unmarshal([]byte(m.Extra), &h); err != nil {
				n.log.Error("news cannot be read", "err", err)
				n.forget()
				continue
			}
			n.apply([]happened{h})
		case <-ping.C:
			if err := n.listener.Ping(); err != nil {
				n.hears.Store(false)
				n.forget()
			}
		}
	}
}

func (n *news) close() error {
	close(n.stop)
	err := n.listener.Close()
	<-n.done
	return err
}

// forget drops all that is known, for news may have been missed, and wakes every subscriber.
func (n *news) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.epoch.Add(1)
	clear(n.generations)
	n.fresh = nil
	for s := range n.subs {
		s.wake("")
	}
}

func (n *news) apply(all []happened) {
	if len(all) == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, h := range all {
		for p, g := range h.Partners {
			t := tag{noun: h.Noun, partner: p}
			n.generations[t] = max(g, n.generations[t])
		}
		for p, g := range h.Persons {
			t := tag{noun: "access", person: p}
			n.generations[t] = max(g, n.generations[t])
		}
		if h.All || len(n.generations) > generationsAtMost {
			n.epoch.Add(1)
			clear(n.generations)
		}
		if n.fresh != nil {
			maps.Copy(n.fresh, h.Feeds)
		}
		for s := range n.subs {
			if _, mine := h.Partners[s.partner]; mine || h.All {
				s.wake(h.Noun)
			}
			for _, f := range h.Feeds {
				s.wake("feed:" + f.Entity)
			}
		}
	}
}

func (n *news) freshness(entity string) (f Freshness, known bool) {
	if !n.hears.Load() {
		return f, false
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.fresh[entity], n.fresh != nil
}

func (n *news) setFreshness(epoch uint64, all map[string]Freshness) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.epoch.Load() == epoch && n.fresh == nil {
		n.fresh = all
	}
}

// generation returns the generation of t, from memory while the news arrives, else from the database.
// kept says that it came with the promise to hear of the next.
func (db *DB) generation(ctx context.Context, t tag) (g int64, kept bool, err error) {
	n := db.news
	hears := n.hears.Load()
	if hears {
		n.mu.RLock()
		g, known := n.generations[t]
		n.mu.RUnlock()
		if known {
			return g, true, nil
		}
	}
	epoch := n.epoch.Load()
	err = db.AtTheDoor(ctx, func(tx *Tx) error {
		if t.person != uuid.Nil {
			return tx.Get(ctx, &g, `SELECT coalesce((SELECT generation FROM people WHERE person_id = $1), 0)`, t.person)
		}
		return tx.Get(ctx, &g, `SELECT coalesce((SELECT generation FROM generations WHERE partner_id = $1 AND noun = $2), 0)`, t.partner, t.noun)
	})
	if err != nil || !hears {
		return g, false, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.epoch.Load() != epoch {
		return g, false, nil
	}
	n.generations[t] = max(g, n.generations[t])
	return n.generations[t], true, nil
}

// A Subscription hears which nouns of one partner changed. A slow reader misses
// repetitions, never the last word.
type Subscription struct {
	partner int64
	n       *news
	mu      sync.Mutex
	nouns   map[string]bool
	C       chan struct{} // readable when Nouns has something
}

// Subscribe hears of changes to the partner's data until Close.
func (db *DB) Subscribe(partner int64) *Subscription {
	s := &Subscription{partner: partner, n: db.news, nouns: map[string]bool{}, C: make(chan struct{}, 1)}
	db.news.mu.Lock()
	defer db.news.mu.Unlock()
	db.news.subs[s] = true
	return s
}

// Close ends the subscription.
func (s *Subscription) Close() {
	s.n.mu.Lock()
	defer s.n.mu.Unlock()
	delete(s.n.subs, s)
}

// Nouns returns what changed since it was last asked; "" stands for anything.
func (s *Subscription) Nouns() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	nouns := slices.Sorted(maps.Keys(s.nouns))
	clear(s.nouns)
	return nouns
}

func (s *Subscription) wake(noun string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nouns[noun] = true
	select {
	case s.C <- struct{}{}:
	default:
	}
}

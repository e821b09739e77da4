package portal

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
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
//
// Hearing is proved, not assumed: every pingEvery the database is asked over the
// very connection that carries the news, and an answer counts for hearsFor from
// the moment of asking. So an answer from memory is at most hearsFor out of date, even when the
// network swallows everything without a word or the process itself was stopped for a while.
// With a network that works it is as late as the news: milliseconds.

const (
	pingEvery   = time.Second
	hearsFor    = 3 * time.Second
	silentFor   = 5 * time.Second // then the connection is taken for dead, and another is made
	reconnectIn = 100 * time.Millisecond
)

const channel = "extranet"

// happened is one piece of news.
type happened struct {
	Noun     string               `json:"n,omitempty"`
	Partners map[int64]int64      `json:"p,omitempty"` // partner → generation
	All      bool                 `json:"all,omitempty"`
	Persons  map[uuid.UUID]int64  `json:"u,omitempty"` // person → generation of their access
	Feeds    map[string]Freshness `json:"f,omitempty"`
	Signals  []string             `json:"s,omitempty"` // for the host: its pages and workers
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

// Signal announces at commit something that concerns the host's pages and workers alone.
func (tx *Tx) Signal(what string) {
	if !slices.Contains(tx.signals, what) {
		tx.signals = append(tx.signals, what)
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
	if len(tx.signals) > 0 {
		all = append(all, happened{Signals: tx.signals})
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
	stop     context.Context // over when the news is closed
	close    func() error
	again    chan struct{} // a new connection is to be asked at once

	began time.Time
	heard atomic.Int64  // when the last question was asked that has an answer, nanoseconds since began; 0 = none since the connection was lost
	lost  atomic.Uint64 // connections lost so far
	epoch atomic.Uint64 // counts up whenever something known is forgotten

	mu          sync.RWMutex
	generations map[tag]int64
	fresh       map[string]Freshness // nil = not known

	subs   map[*Subscription]bool
	lately []recent  // what happened since covers, for who subscribes a moment after they looked
	covers time.Time // nothing since then is missing in lately
}

// recent is what happened, and when it was heard of.
type recent struct {
	at time.Time
	happened
}

// latelyFor and latelyAtMost bound what is kept for who subscribes late.
const (
	latelyFor    = 30 * time.Second
	latelyAtMost = 4096
)

// generationsAtMost bounds what a process remembers; past it, it forgets a part and asks again.
const generationsAtMost = 200_000

func newNews(o Options) *news {
	n := &news{log: o.Log, again: make(chan struct{}, 1), began: time.Now(), covers: time.Now(), generations: map[tag]int64{}, subs: map[*Subscription]bool{}}
	stop, cancel := context.WithCancel(context.Background())
	n.stop = stop
	n.listener = pq.NewDialListener(ear{stop}, o.URL, reconnectIn, 5*time.Second, func(e pq.ListenerEventType, _ error) {
		switch e {
		case pq.ListenerEventDisconnected:
			n.lost.Add(1)
			n.heard.Store(0)
			n.forget()
		case pq.ListenerEventReconnected:
			n.forget()
			select {
			case n.again <- struct{}{}:
			default:
			}
		}
	})
	var running sync.WaitGroup
	running.Go(n.run)
	running.Go(n.ask)
	n.close = func() error {
		cancel()    // cuts the connection, on which the listener may be waiting with its lock held
		go func() { // what is still on its way must not hold up the listener's end
			for range n.listener.Notify {
			}
		}()
		err := n.listener.Close()
		running.Wait()
		return err
	}
	return n
}

// run applies the news as it arrives. It waits for nothing else: the answer to a ping comes behind the news on the same connection.
func (n *news) run() {
	for {
		select {
		case <-n.stop.Done():
			return
		case m, open := <-n.listener.Notify:
			if !open {
				return
			}
			if m == nil { // the connection was lost and is back: anything may have happened
				n.forget()
				continue
			}
			var h happened
			if err := json.Unmarshal([]byte(m.Extra), &h); err != nil {
				n.log.Error("news cannot be read", "err", err)
				n.forget()
				continue
			}
			n.apply([]happened{h})
		}
	}
}

// ask proves again and again that the news arrives.
func (n *news) ask() {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	listening := false
	for {
		if !listening {
			if err := n.listener.Listen(channel); err == nil {
				listening = true
			} else if n.stop.Err() == nil {
				n.log.Error("the database refuses its news", "err", err)
			}
		}
		if listening {
			lost, asked := n.lost.Load(), int64(time.Since(n.began))
			if n.listener.Ping() == nil {
				n.mu.Lock()
				if n.lost.Load() == lost {
					n.heard.Store(asked)
				}
				n.mu.Unlock()
			}
		}
		select {
		case <-n.stop.Done():
			return
		case <-n.again:
		case <-ping.C:
		}
	}
}

// hears reports whether the news has been arriving until now.
func (n *news) hears() bool {
	heard := n.heard.Load()
	return heard != 0 && time.Since(n.began)-time.Duration(heard) < hearsFor
}

// An ear makes the listener's connections. One on which nothing comes for silentFor is dead, whatever the
// network says of it; pings see to it that something comes.
type ear struct{ stop context.Context }

func (e ear) Dial(network, address string) (net.Conn, error) {
	return e.DialTimeout(network, address, silentFor)
}

func (e ear) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(e.stop, timeout)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &earConn{c, context.AfterFunc(e.stop, func() { c.Close() })}, nil
}

type earConn struct {
	net.Conn
	release func() bool
}

func (c *earConn) Read(b []byte) (int, error) {
	c.SetReadDeadline(time.Now().Add(silentFor))
	return c.Conn.Read(b)
}

func (c *earConn) Write(b []byte) (int, error) {
	c.SetWriteDeadline(time.Now().Add(silentFor))
	return c.Conn.Write(b)
}

func (c *earConn) Close() error {
	c.release()
	return c.Conn.Close()
}

// forget drops all that is known, for news may have been missed, and wakes every subscriber.
func (n *news) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.epoch.Add(1)
	clear(n.generations)
	n.fresh = nil
	n.lately, n.covers = nil, time.Now()
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
	hears := n.hears()
	for _, h := range all {
		for p, g := range h.Partners {
			t := tag{noun: h.Noun, partner: p}
			n.generations[t] = max(g, n.generations[t])
		}
		for p, g := range h.Persons {
			t := tag{noun: "access", person: p}
			n.generations[t] = max(g, n.generations[t])
		}
		if h.All || !hears { // what is known beside it may have changed too
			n.epoch.Add(1)
			clear(n.generations)
		}
		n.bound()
		if n.fresh != nil {
			maps.Copy(n.fresh, h.Feeds)
		}
		n.lately = append(n.lately, recent{time.Now(), h})
		for s := range n.subs {
			s.hear(h)
		}
	}
	n.trim()
}

// trim forgets what happened too long ago for anybody to have missed it; seldom, for it moves all that is kept.
func (n *news) trim() {
	if len(n.lately) < 2*latelyAtMost && (len(n.lately) == 0 || time.Since(n.lately[0].at) < 2*latelyFor) {
		return
	}
	old := time.Now().Add(-latelyFor)
	drop := max(0, len(n.lately)-latelyAtMost)
	for drop < len(n.lately) && n.lately[drop].at.Before(old) {
		drop++
	}
	n.covers = n.lately[drop-1].at
	n.lately = append([]recent(nil), n.lately[drop:]...)
}

// bound forgets a part of too many generations. What is being read meanwhile is not kept: it may be older than what was forgotten.
func (n *news) bound() {
	if len(n.generations) <= generationsAtMost {
		return
	}
	n.epoch.Add(1)
	for t := range n.generations {
		if delete(n.generations, t); len(n.generations) <= generationsAtMost*7/8 {
			return
		}
	}
}

func (n *news) freshness(entity string) (f Freshness, known bool) {
	if !n.hears() {
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
// kept says that it came with the promise to hear of the next. A partner or person that does not exist is
// NotFound, and leaves nothing in memory: ids can be made up.
func (db *DB) generation(ctx context.Context, t tag) (g int64, kept bool, err error) {
	n := db.news
	hears := n.hears()
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
			return tx.Get(ctx, &g, `SELECT generation FROM people WHERE person_id = $1`, t.person)
		}
		return tx.Get(ctx, &g, `
			SELECT coalesce((SELECT generation FROM generations WHERE partner_id = $1 AND noun = $2), 0)
			FROM partners WHERE partner_id = $1`, t.partner, t.noun)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, Errorf(NotFound, "there is nobody of this id")
	}
	if err != nil || !hears {
		return g, false, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.epoch.Load() != epoch {
		return g, false, nil
	}
	g = max(g, n.generations[t])
	n.generations[t] = g
	n.bound()
	return g, true, nil
}

// A Subscription hears which nouns of one partner changed. A slow reader misses
// repetitions, never the last word.
type Subscription struct {
	partner int64
	signals bool
	n       *news
	mu      sync.Mutex
	nouns   map[string]bool
	C       chan struct{} // readable when Nouns has something
}

// Subscribe hears of changes to the partner's data until Close.
func (db *DB) Subscribe(partner int64) *Subscription {
	return db.subscribe(&Subscription{partner: partner})
}

// SubscribeSignals hears what Subscribe does, and what is signalled to the host; partner 0 = that alone, for a worker.
func (db *DB) SubscribeSignals(partner int64) *Subscription {
	return db.subscribe(&Subscription{partner: partner, signals: true})
}

func (db *DB) subscribe(s *Subscription) *Subscription {
	s.n, s.nouns, s.C = db.news, map[string]bool{}, make(chan struct{}, 1)
	db.news.mu.Lock()
	defer db.news.mu.Unlock()
	db.news.subs[s] = true
	return s
}

// Since has the subscription hear what happened since then, as far as that is remembered; longer ago, it hears that anything may have.
func (s *Subscription) Since(at time.Time) {
	s.n.mu.RLock()
	defer s.n.mu.RUnlock()
	if at.Before(s.n.covers) {
		s.wake("")
		return
	}
	for _, t := range s.n.lately {
		if t.at.After(at) {
			s.hear(t.happened)
		}
	}
}

func (s *Subscription) hear(h happened) {
	if _, mine := h.Partners[s.partner]; mine || h.All {
		s.wake(h.Noun)
	}
	for _, f := range h.Feeds {
		s.wake("feed:" + f.Entity)
	}
	if s.signals {
		for _, what := range h.Signals {
			s.wake(what)
		}
	}
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

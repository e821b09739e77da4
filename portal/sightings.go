package portal

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lib/pq"
)

// Sightings remember who opened which document. A read that costs no I/O stays one: what was seen is kept in the process
// and written every few seconds, a row for each document, person and day.
type sightings struct {
	mu   sync.Mutex
	seen map[sighting]*Sighting
	used map[sighting]int // by area instead of document
	end  sync.Once
	stop chan struct{}
	done chan struct{}
}

type sighting struct {
	partner           int64
	document, subject string
	day               string
}

// A Sighting says that somebody opened a document on a day.
type Sighting struct {
	Document string    `db:"document"`
	Subject  string    `db:"subject"` // as the audit names them
	FirstAt  time.Time `db:"first_at"`
	LastAt   time.Time `db:"last_at"`
	Times    int       `db:"times"`
}

const (
	sightingsEvery  = 3 * time.Second
	sightingsAtMost = 50_000 // kept in the process; when the database is away for long, the rest is not counted
)

func newSightings() *sightings {
	return &sightings{seen: map[sighting]*Sighting{}, used: map[sighting]int{}, stop: make(chan struct{}), done: make(chan struct{})}
}

// Opened remembers that the caller was shown the document, like orders/4711.
func (db *DB) Opened(by Caller, document string) {
	now := db.Now().UTC()
	k := sighting{by.PartnerID, document, by.Actor(), now.Format(time.DateOnly)}
	s := db.sights
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.seen[k]
	switch {
	case was != nil:
		was.LastAt = now
		was.Times++
	case len(s.seen) < sightingsAtMost:
		s.seen[k] = &Sighting{Document: document, Subject: k.subject, FirstAt: now, LastAt: now, Times: 1}
	}
}

func (db *DB) writeSightings(ctx context.Context) error {
	s := db.sights
	s.mu.Lock()
	seen, used := s.seen, s.used
	s.seen, s.used = map[sighting]*Sighting{}, map[sighting]int{}
	s.mu.Unlock()
	for chunk := range slices.Chunk(inOrder(used), 2000) {
		var partners, times pq.Int64Array
		var areas, days, subjects pq.StringArray
		for _, k := range chunk {
			partners, areas, days, subjects, times = append(partners, k.partner), append(areas, k.document), append(days, k.day), append(subjects, k.subject), append(times, int64(used[k]))
		}
		err := db.AtTheDoor(ctx, func(tx *Tx) error {
			_, err := tx.Exec(ctx, `
				INSERT INTO activity AS a (partner_id, area, day, subject, asked) SELECT * FROM unnest($1::bigint[], $2::text[], $3::date[], $4::text[], $5::integer[])
				ON CONFLICT (partner_id, day, area, subject) DO UPDATE SET asked = a.asked + excluded.asked`, partners, areas, days, subjects, times)
			return err
		})
		if err != nil {
			return fmt.Errorf("writing who used what: %w", err)
		}
	}
	for chunk := range slices.Chunk(inOrder(seen), 2000) {
		var partners, times pq.Int64Array
		var documents, days, subjects, firsts, lasts pq.StringArray
		for _, k := range chunk {
			v := seen[k]
			partners, documents, days, subjects = append(partners, k.partner), append(documents, k.document), append(days, k.day), append(subjects, k.subject)
			firsts, lasts, times = append(firsts, v.FirstAt.Format(time.RFC3339Nano)), append(lasts, v.LastAt.Format(time.RFC3339Nano)), append(times, int64(v.Times))
		}
		err := db.AtTheDoor(ctx, func(tx *Tx) error {
			_, err := tx.Exec(ctx, `
				INSERT INTO sightings AS s (partner_id, document, day, subject, first_at, last_at, times)
				SELECT * FROM unnest($1::bigint[], $2::text[], $3::date[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::integer[])
				ON CONFLICT (partner_id, document, day, subject) DO UPDATE SET last_at = greatest(s.last_at, excluded.last_at), times = s.times + excluded.times`,
				partners, documents, days, subjects, firsts, lasts, times)
			return err
		})
		if err != nil {
			return fmt.Errorf("writing who opened what: %w", err)
		}
	}
	return nil
}

// inOrder lists the keys in one order, so that two processes do not wait for each other.
func inOrder[V any](seen map[sighting]V) []sighting {
	return slices.SortedFunc(maps.Keys(seen), func(a, b sighting) int {
		return cmp.Or(cmp.Compare(a.partner, b.partner), strings.Compare(a.document, b.document), strings.Compare(a.day, b.day), strings.Compare(a.subject, b.subject))
	})
}

func (db *DB) runSightings() {
	defer close(db.sights.done)
	for {
		over := false
		select {
		case <-db.sights.stop:
			over = true
		case <-time.After(sightingsEvery):
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		if err := db.writeSightings(ctx); err != nil {
			db.news.log.Warn("who opened what was not written", "err", err)
		}
		cancel()
		if over {
			return
		}
	}
}

// SightingsOf lists who opened the partner's document between the two times, the latest first. It needs AuditRead.
func SightingsOf(ctx context.Context, tx *Tx, partner int64, document string, from, to time.Time) (list []Sighting, err error) {
	if err := mayAudit(tx, partner); err != nil {
		return nil, err
	}
	err = tx.Select(ctx, &list, `
		SELECT document, subject, first_at, last_at, times FROM sightings
		WHERE partner_id = $1 AND document = $2 AND last_at >= $3 AND first_at < $4 ORDER BY last_at DESC, subject LIMIT 1000`, partner, document, from, to)
	if err != nil {
		return nil, fmt.Errorf("reading who opened what: %w", err)
	}
	return list, nil
}

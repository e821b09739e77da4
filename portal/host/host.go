// Package host is what the host tells and shows all its partners: announcements, when the portal is worked on, terms that must be
// accepted, and how the portal looks.
package host

import (
	"context"
	"fmt"
	"sync/atomic"

	"extranet/portal"
)

// noun is what changes when the host says something else; it counts with the host.
const noun = "host"

// TermsNoun is what changes when somebody at a partner accepts terms.
const TermsNoun = "terms"

// A Board is where all of it hangs. What is on it is kept in process, so looking at it for every page costs no I/O.
type Board struct {
	db   *portal.DB
	host atomic.Int64 // whose portal this is; 0 = not known yet
}

// NewBoard returns the board of the portal.
func NewBoard(db *portal.DB) *Board { return &Board{db: db} }

// Hung is everything that hangs there, for whomever it is.
type Hung struct {
	Branding      Branding
	Announcements []Announcement // begun or not, not withdrawn, the latest first
	Terms         []Terms        // the latest in force first
}

// All returns everything that hangs on the board. The value is shared: never change it. A portal without a host has an empty one.
func (b *Board) All(ctx context.Context) (h Hung, err error) {
	return onBoard(ctx, b, "all", func(tx *portal.Tx) (h Hung, err error) {
		if h.Branding, err = readBranding(ctx, tx); err != nil {
			return h, err
		}
		if h.Announcements, err = hung(ctx, tx); err != nil {
			return h, err
		}
		h.Terms, err = published(ctx, tx)
		return h, err
	})
}

func onBoard[T any](ctx context.Context, b *Board, key string, load func(tx *portal.Tx) (T, error)) (v T, err error) {
	id := b.host.Load()
	if id == 0 {
		var found []int64
		err = b.db.AtTheDoor(ctx, func(tx *portal.Tx) error {
			return tx.Select(ctx, &found, `SELECT partner_id FROM partners WHERE kind = 'host' AND closed_at IS NULL ORDER BY partner_id LIMIT 1`)
		})
		if err != nil || len(found) == 0 {
			return v, err
		}
		id = found[0]
		b.host.Store(id)
	}
	return portal.Cached(ctx, b.db, portal.Caller{PartnerID: id}, noun, key, func(ctx context.Context) (v T, err error) {
		err = b.db.AtTheDoor(ctx, func(tx *portal.Tx) (err error) { v, err = load(tx); return err })
		return v, err
	})
}

// needNews returns Forbidden unless the caller is of the host's staff who announce.
func needNews(tx *portal.Tx) error { return mayNews(tx.By) }

func mayNews(c portal.Caller) error {
	if !c.Host {
		return portal.Errorf(portal.Forbidden, "only the host's staff may do this")
	}
	return c.Need(portal.NewsManage)
}

// mayLookAt returns Forbidden unless the caller is of the host's staff who announce or read the audit.
func mayLookAt(tx *portal.Tx) error {
	if tx.By.Host && tx.By.Perms.Has(portal.AuditRead) {
		return nil
	}
	return needNews(tx)
}

// inSegment reports whether the caller is one of those whom something is for: people of a side, or of a programme. "" and none are all.
func inSegment(c portal.Caller, side string, programmes []string) bool {
	if side != "" && side != c.PartnerKind {
		return false
	}
	for _, p := range programmes {
		if c.In(p) {
			return true
		}
	}
	return len(programmes) == 0
}

func tooLong(text string, most int) string {
	if n := len([]rune(text)); n < 3 || n > most {
		return fmt.Sprintf("say it in 3 to %d characters", most)
	}
	return ""
}

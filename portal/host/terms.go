package host

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"extranet/portal"
)

// Terms are one version of what partners' people accept before they use the portal.
type Terms struct {
	Version     int64     `db:"version"`
	Title       string    `db:"title"`
	Words       string    `db:"words"`
	Side        string    `db:"side"` // dealer or supplier: whose people accept them; "" = both
	InForce     time.Time `db:"in_force_at"`
	PublishedBy string    `db:"published_by"`
	PublishedAt time.Time `db:"published_at"`
}

const termsColumns = `version, title, words, coalesce(side, '') AS side, in_force_at, published_by, published_at`

func published(ctx context.Context, tx *portal.Tx) (list []Terms, err error) {
	if err := tx.Select(ctx, &list, `SELECT `+termsColumns+` FROM terms ORDER BY in_force_at DESC, version DESC LIMIT 100`); err != nil {
		return nil, fmt.Errorf("reading terms: %w", err)
	}
	return list, nil
}

// bound reports whether terms are for the caller at all: the host's own staff accept none, and who looks as a partner binds nobody.
func bound(c portal.Caller) bool { return c.PartnerID != 0 && !c.Host && !c.Viewing }

// In returns the terms that are in force for the caller, nil for none, and those that will be next.
func (h Hung) In(c portal.Caller, now time.Time) (inForce, next *Terms) {
	if !bound(c) {
		return nil, nil
	}
	for i, t := range h.Terms {
		if !inSegment(c, t.Side, nil) {
			continue
		}
		if now.Before(t.InForce) {
			next = &h.Terms[i]
			continue
		}
		return &h.Terms[i], next
	}
	return nil, next
}

// Open returns the terms in force that the caller has yet to accept, or nil. A person accepts for themselves, once for each partner they act for;
// a machine may go on when anybody at its partner has accepted.
func (b *Board) Open(ctx context.Context, by portal.Caller) (*Terms, error) {
	h, err := b.All(ctx)
	if err != nil {
		return nil, err
	}
	t, _ := h.In(by, b.db.Now())
	if t == nil {
		return nil, nil
	}
	accepted, err := b.accepted(ctx, by)
	if err != nil || slices.Contains(accepted, t.Version) {
		return nil, err
	}
	return t, nil
}

// Held returns Forbidden, with how to go on, while terms are in force that the caller has yet to accept.
func (b *Board) Held(ctx context.Context, by portal.Caller) error {
	t, err := b.Open(ctx, by)
	if t == nil || err != nil {
		return err
	}
	if by.PersonID == uuid.Nil {
		return portal.Errorf(portal.Forbidden, "the terms %q, version %d, are in force and nobody at %s has accepted them: one of its people does so on the portal's page /terms, and this token works again", t.Title, t.Version, by.PartnerNumber)
	}
	return portal.Errorf(portal.Forbidden, "the terms %q, version %d, are in force: accept them first, on the page /terms or by POST /api/v1/terms/%d/accept", t.Title, t.Version, t.Version)
}

// accepted lists the versions that the caller, or for a machine anybody at its partner, has accepted.
func (b *Board) accepted(ctx context.Context, by portal.Caller) ([]int64, error) {
	read := func(query string, args ...any) func(context.Context) ([]int64, error) {
		return func(ctx context.Context) (list []int64, err error) {
			err = b.db.Do(ctx, by, func(tx *portal.Tx) error { return tx.Select(ctx, &list, query, args...) })
			if err != nil {
				return nil, fmt.Errorf("reading what was accepted: %w", err)
			}
			return list, nil
		}
	}
	if by.PersonID == uuid.Nil {
		return portal.Cached(ctx, b.db, by, TermsNoun, "accepted", read(`SELECT DISTINCT version FROM terms_accepted WHERE partner_id = $1`, by.PartnerID))
	}
	return portal.CachedAccess(ctx, b.db, by.PersonID, "terms:"+strconv.FormatInt(by.PartnerID, 10), read(`SELECT version FROM terms_accepted WHERE partner_id = $1 AND person_id = $2`, by.PartnerID, by.PersonID))
}

// Accept accepts the version for the caller, who must be a person: the one in force, or ahead of time the one that will be next. Any other is NotFound.
// That it was accepted is in the partner's audit.
func (b *Board) Accept(ctx context.Context, tx *portal.Tx, version int64) error {
	h, err := b.All(ctx)
	if err != nil {
		return err
	}
	none := portal.Errorf(portal.NotFound, "there are no such terms for you to accept")
	if !bound(tx.By) {
		return none
	}
	if tx.By.PersonID == uuid.Nil {
		return portal.Errorf(portal.Forbidden, "a token accepts nothing; one of the partner's people does, on the portal's page /terms")
	}
	t, next := h.In(tx.By, tx.Now)
	if t == nil || t.Version != version {
		if t = next; t == nil || t.Version != version {
			return none
		}
	}
	n, err := tx.Exec(ctx, `INSERT INTO terms_accepted (partner_id, version, person_id, name, accepted_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, tx.By.PartnerID, version, tx.By.PersonID, tx.By.Name, tx.Now)
	if err != nil {
		return fmt.Errorf("accepting terms: %w", err)
	}
	if n == 0 {
		return nil
	}
	tx.Changed(TermsNoun, tx.By.PartnerID)
	tx.AccessChanged(tx.By.PersonID)
	return tx.Audit(ctx, "terms.accept", strconv.FormatInt(version, 10), map[string]string{"title": t.Title})
}

// Mine are the terms that are for the caller, with whether they have accepted them.
type Mine struct {
	Terms
	Accepted bool
}

// Mine lists the terms in force for the caller and those that will be next.
func (b *Board) Mine(ctx context.Context, by portal.Caller) (list []Mine, err error) {
	h, err := b.All(ctx)
	if err != nil {
		return nil, err
	}
	now, next := h.In(by, b.db.Now())
	if now == nil && next == nil {
		return nil, nil
	}
	accepted, err := b.accepted(ctx, by)
	for _, t := range []*Terms{now, next} {
		if t != nil {
			list = append(list, Mine{*t, slices.Contains(accepted, t.Version)})
		}
	}
	return list, err
}

// Publish puts a new version up. From its time on, those it is for are let on only once they have accepted it. The host's staff do this; it needs
// NewsManage. What makes no sense is Invalid.
func Publish(ctx context.Context, tx *portal.Tx, t Terms) (Terms, error) {
	if err := needNews(tx); err != nil {
		return t, err
	}
	t.Title, t.Words = strings.TrimSpace(t.Title), strings.TrimSpace(t.Words)
	bad := map[string]string{}
	if fault := tooLong(t.Title, 120); fault != "" {
		bad["title"] = fault
	}
	if fault := tooLong(t.Words, 50_000); fault != "" {
		bad["words"] = fault
	}
	if t.Side != "" && t.Side != "dealer" && t.Side != "supplier" {
		bad["side"] = "choose dealer or supplier"
	}
	if t.InForce.IsZero() {
		t.InForce = tx.Now
	}
	if d := t.InForce.Sub(tx.Now); d < -24*time.Hour || d > 366*24*time.Hour {
		bad["in_force"] = "choose a day from today on, within a year"
	}
	if len(bad) > 0 {
		return t, &portal.Error{Kind: portal.Invalid, Msg: "these terms cannot be published", Fields: bad}
	}
	if t.InForce.Before(tx.Now) {
		t.InForce = tx.Now
	}
	t.PublishedBy, t.PublishedAt = tx.By.Actor(), tx.Now
	err := tx.Get(ctx, &t.Version, `INSERT INTO terms (title, words, side, in_force_at, published_by, published_at) VALUES ($1, $2, nullif($3, ''), $4, $5, $6) RETURNING version`,
		t.Title, t.Words, t.Side, t.InForce, t.PublishedBy, t.PublishedAt)
	if err != nil {
		return t, fmt.Errorf("publishing terms: %w", err)
	}
	tx.Changed(noun, tx.By.PartnerID)
	return t, tx.Audit(ctx, "terms.publish", strconv.FormatInt(t.Version, 10), map[string]string{"title": t.Title, "side": t.Side, "in_force": t.InForce.UTC().Format(time.RFC3339)})
}

// Published lists the versions, for the host's staff who announce or read the audit.
func Published(ctx context.Context, tx *portal.Tx) ([]Terms, error) {
	if err := mayLookAt(tx); err != nil {
		return nil, err
	}
	return published(ctx, tx)
}

// PublishedVersion returns one version, or NotFound.
func PublishedVersion(ctx context.Context, tx *portal.Tx, version int64) (t Terms, err error) {
	if err := mayLookAt(tx); err != nil {
		return t, err
	}
	err = tx.Get(ctx, &t, `SELECT `+termsColumns+` FROM terms WHERE version = $1`, version)
	if errors.Is(err, sql.ErrNoRows) {
		return t, portal.Errorf(portal.NotFound, "there are no such terms")
	} else if err != nil {
		return t, fmt.Errorf("reading terms: %w", err)
	}
	return t, nil
}

// Acceptances lists who has accepted the version and when, the first first.
func Acceptances(ctx context.Context, tx *portal.Tx, version int64, after string) (list []Reader, next string, err error) {
	if err := mayLookAt(tx); err != nil {
		return nil, "", err
	}
	at, person, err := cursorOf(after)
	if err != nil {
		return nil, "", err
	}
	err = tx.Select(ctx, &list, `
		SELECT p.number, p.name AS partner, r.person_id, r.name, r.accepted_at AS at FROM terms_accepted r JOIN partners p ON p.partner_id = r.partner_id
		WHERE r.version = $1 AND (r.accepted_at, r.person_id) > ($2, $3) ORDER BY r.accepted_at, r.person_id LIMIT $4`, version, at, person, readersShown+1)
	if err != nil {
		return nil, "", fmt.Errorf("listing who has accepted: %w", err)
	}
	list, next = paged(list)
	return list, next, nil
}

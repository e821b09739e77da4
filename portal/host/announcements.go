package host

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"extranet/portal"
)

// An Announcement is news of the host's, for all partners or some, or says that the portal is worked on.
type Announcement struct {
	ID          uuid.UUID      `db:"announcement_id"`
	Kind        string         `db:"kind"` // news; maintenance: stands on every page, for those not signed in too if it is for all
	Title       string         `db:"title"`
	Words       string         `db:"words"`
	Side        string         `db:"side"`       // dealer or supplier: whose people it is for; "" = both
	Programmes  pq.StringArray `db:"programmes"` // of partners in any of these; nil = all
	From        time.Time      `db:"from_at"`
	To          time.Time      `db:"to_at"`
	MadeBy      string         `db:"made_by"`
	MadeAt      time.Time      `db:"made_at"`
	WithdrawnAt *time.Time     `db:"withdrawn_at"`
}

// On reports whether it is shown at that moment.
func (a Announcement) On(now time.Time) bool {
	return a.WithdrawnAt == nil && !now.Before(a.From) && now.Before(a.To)
}

// For reports whether it is for the caller; what is for all is for nobody in particular too.
func (a Announcement) For(c portal.Caller) bool { return inSegment(c, a.Side, a.Programmes) }

const announcementColumns = `announcement_id, kind, title, words, coalesce(side, '') AS side, programmes, from_at, to_at, made_by, made_at, withdrawn_at`

// announcementsShown is how many are kept at hand, and listed.
const announcementsShown = 200

func hung(ctx context.Context, tx *portal.Tx) (list []Announcement, err error) {
	err = tx.Select(ctx, &list, `SELECT `+announcementColumns+` FROM announcements WHERE withdrawn_at IS NULL ORDER BY from_at DESC, announcement_id DESC LIMIT $1`, announcementsShown)
	if err != nil {
		return nil, fmt.Errorf("reading announcements: %w", err)
	}
	return list, nil
}

// Maintenance lists what every page says now to the caller, who may be nobody: that the portal is, or will be, worked on.
func (h Hung) Maintenance(c portal.Caller, now time.Time) (list []Announcement) {
	for _, a := range h.Announcements {
		if a.Kind == "maintenance" && a.On(now) && a.For(c) {
			list = append(list, a)
		}
	}
	return list
}

// A Told is an announcement with when the caller read it.
type Told struct {
	Announcement
	ReadAt *time.Time // nil = not yet
}

// Told lists what the host tells the caller now, the latest first, with what they have read. A machine has read nothing.
func (b *Board) Told(ctx context.Context, tx *portal.Tx) ([]Told, error) {
	h, err := b.All(ctx)
	if err != nil {
		return nil, err
	}
	list := []Told{}
	for _, a := range h.Announcements {
		if a.On(tx.Now) && a.For(tx.By) {
			list = append(list, Told{Announcement: a})
		}
	}
	if len(list) == 0 || tx.By.PersonID == uuid.Nil {
		return list, nil
	}
	var read []struct {
		ID uuid.UUID `db:"announcement_id"`
		At time.Time `db:"read_at"`
	}
	var ids []string
	for _, l := range list {
		ids = append(ids, l.ID.String())
	}
	err = tx.Select(ctx, &read, `SELECT announcement_id, read_at FROM announcement_reads WHERE partner_id = $1 AND person_id = $2 AND announcement_id = ANY($3::uuid[])`, tx.By.PartnerID, tx.By.PersonID, pq.StringArray(ids))
	if err != nil {
		return nil, fmt.Errorf("reading what was read: %w", err)
	}
	for _, r := range read {
		if i := slices.IndexFunc(list, func(l Told) bool { return l.ID == r.ID }); i >= 0 {
			list[i].ReadAt = &r.At
		}
	}
	return list, nil
}

// Read notes that the caller has read the announcement; the host sees who has. One that is not shown to them is NotFound. A machine, and who
// looks as the partner, is Forbidden.
func (b *Board) Read(ctx context.Context, tx *portal.Tx, id uuid.UUID) error {
	if tx.By.PersonID == uuid.Nil || tx.By.Viewing {
		return portal.Errorf(portal.Forbidden, "only somebody of the partner's own reads for themselves; sign in as that person")
	}
	list, err := b.Told(ctx, tx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(l Told) bool { return l.ID == id })
	if i < 0 {
		return portal.Errorf(portal.NotFound, "there is no such announcement")
	}
	if list[i].ReadAt != nil {
		return nil
	}
	_, err = tx.Exec(ctx, `INSERT INTO announcement_reads (partner_id, announcement_id, person_id, name, read_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		tx.By.PartnerID, id, tx.By.PersonID, tx.By.Name, tx.Now)
	if err != nil {
		return fmt.Errorf("noting that somebody read: %w", err)
	}
	return tx.Audit(ctx, "announcement.read", id.String(), map[string]string{"title": list[i].Title})
}

// Announce tells it to those it is for, from its time on. The host's staff do this; it needs NewsManage. What makes no sense is Invalid.
func Announce(ctx context.Context, tx *portal.Tx, a Announcement) (Announcement, error) {
	if err := needNews(tx); err != nil {
		return a, err
	}
	a.Title, a.Words = strings.TrimSpace(a.Title), strings.TrimSpace(a.Words)
	bad := map[string]string{}
	if fault := tooLong(a.Title, 120); fault != "" {
		bad["title"] = fault
	}
	if fault := tooLong(a.Words, 4000); fault != "" {
		bad["words"] = fault
	}
	if a.Kind != "news" && a.Kind != "maintenance" {
		bad["kind"] = "choose news or maintenance"
	}
	if a.Side != "" && a.Side != "dealer" && a.Side != "supplier" {
		bad["side"] = "choose dealer or supplier"
	}
	if a.From.IsZero() {
		a.From = tx.Now
	}
	switch {
	case !a.To.After(a.From):
		bad["to"] = "choose a time after it begins"
	case !a.To.After(tx.Now):
		bad["to"] = "choose a time that is to come"
	case a.To.Sub(a.From) > 2*366*24*time.Hour:
		bad["to"] = "choose a time within two years"
	}
	if len(a.Programmes) == 0 {
		a.Programmes = nil
	}
	slices.Sort(a.Programmes)
	a.Programmes = slices.Compact(a.Programmes)
	var none []string
	err := tx.Select(ctx, &none, `SELECT n FROM unnest($1::text[]) AS n WHERE NOT EXISTS (SELECT 1 FROM programmes p WHERE p.name = n)`, a.Programmes)
	if err != nil {
		return a, fmt.Errorf("looking for programmes: %w", err)
	}
	if len(none) > 0 {
		bad["programmes"] = fmt.Sprintf("there is no programme %q", none[0])
	}
	if len(bad) > 0 {
		return a, &portal.Error{Kind: portal.Invalid, Msg: "this cannot be announced", Fields: bad}
	}
	if a.ID, err = uuid.NewV7(); err != nil {
		return a, err
	}
	a.MadeBy, a.MadeAt = tx.By.Actor(), tx.Now
	_, err = tx.Exec(ctx, `INSERT INTO announcements (announcement_id, kind, title, words, side, programmes, from_at, to_at, made_by, made_at) VALUES ($1, $2, $3, $4, nullif($5, ''), $6, $7, $8, $9, $10)`,
		a.ID, a.Kind, a.Title, a.Words, a.Side, portal.Limit(a.Programmes), a.From, a.To, a.MadeBy, a.MadeAt)
	if err != nil {
		return a, fmt.Errorf("announcing: %w", err)
	}
	tx.Changed(noun, tx.By.PartnerID)
	return a, tx.Audit(ctx, "announcement.make", a.ID.String(), map[string]string{"kind": a.Kind, "title": a.Title, "side": a.Side, "programmes": strings.Join(a.Programmes, ", "),
		"from": a.From.UTC().Format(time.RFC3339), "to": a.To.UTC().Format(time.RFC3339)})
}

// Withdraw takes it down; who read it stays known. It needs NewsManage. One that is down already is a Conflict.
func Withdraw(ctx context.Context, tx *portal.Tx, id uuid.UUID) error {
	if err := needNews(tx); err != nil {
		return err
	}
	a, err := Announced(ctx, tx, id)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `UPDATE announcements SET withdrawn_at = $2 WHERE announcement_id = $1 AND withdrawn_at IS NULL`, id, tx.Now)
	if err != nil {
		return fmt.Errorf("withdrawing an announcement: %w", err)
	}
	if n == 0 {
		return portal.Errorf(portal.Conflict, "it is withdrawn already")
	}
	tx.Changed(noun, tx.By.PartnerID)
	return tx.Audit(ctx, "announcement.withdraw", id.String(), map[string]string{"title": a.Title})
}

// A Made is an announcement as the host sees it: with how many have read it.
type Made struct {
	Announcement
	Readers int `db:"readers"` // ReadersCounted = so many or more
}

// ReadersCounted is where counting readers ends.
const ReadersCounted = 10_000

const madeColumns = announcementColumns + `, (SELECT count(*) FROM (SELECT 1 FROM announcement_reads r WHERE r.announcement_id = a.announcement_id LIMIT 10000) r) AS readers`

// AllAnnounced lists the latest, for the host's staff who announce or read the audit: those to come and those that are over too.
func AllAnnounced(ctx context.Context, tx *portal.Tx) (list []Made, err error) {
	if err := mayLookAt(tx); err != nil {
		return nil, err
	}
	if err := tx.Select(ctx, &list, `SELECT `+madeColumns+` FROM announcements a ORDER BY from_at DESC, announcement_id DESC LIMIT $1`, announcementsShown); err != nil {
		return nil, fmt.Errorf("listing announcements: %w", err)
	}
	return list, nil
}

// Announced returns the announcement as the host sees it, or NotFound.
func Announced(ctx context.Context, tx *portal.Tx, id uuid.UUID) (m Made, err error) {
	if err := mayLookAt(tx); err != nil {
		return m, err
	}
	err = tx.Get(ctx, &m, `SELECT `+madeColumns+` FROM announcements a WHERE announcement_id = $1`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return m, portal.Errorf(portal.NotFound, "there is no such announcement")
	} else if err != nil {
		return m, fmt.Errorf("reading an announcement: %w", err)
	}
	return m, nil
}

// A Reader is somebody who read an announcement, or accepted terms.
type Reader struct {
	Number  string    `db:"number"` // of the partner they did it for
	Partner string    `db:"partner"`
	Person  uuid.UUID `db:"person_id"`
	Name    string    `db:"name"`
	At      time.Time `db:"at"`
}

// readersShown is how many a page of readers holds.
const readersShown = 200

// Readers lists who has read the announcement, the first first, those after a moment alone; "" = from the beginning.
func Readers(ctx context.Context, tx *portal.Tx, id uuid.UUID, after string) (list []Reader, next string, err error) {
	if err := mayLookAt(tx); err != nil {
		return nil, "", err
	}
	at, person, err := cursorOf(after)
	if err != nil {
		return nil, "", err
	}
	err = tx.Select(ctx, &list, `
		SELECT p.number, p.name AS partner, r.person_id, r.name, r.read_at AS at FROM announcement_reads r JOIN partners p ON p.partner_id = r.partner_id
		WHERE r.announcement_id = $1 AND (r.read_at, r.person_id) > ($2, $3) ORDER BY r.read_at, r.person_id LIMIT $4`, id, at, person, readersShown+1)
	if err != nil {
		return nil, "", fmt.Errorf("listing who has read: %w", err)
	}
	list, next = paged(list)
	return list, next, nil
}

// paged cuts a list that was read one too far, and says where the rest begins.
func paged(list []Reader) ([]Reader, string) {
	if len(list) <= readersShown {
		return list, ""
	}
	last := list[readersShown-1]
	return list[:readersShown], last.At.UTC().Format(time.RFC3339Nano) + " " + last.Person.String()
}

func cursorOf(text string) (at time.Time, person uuid.UUID, err error) {
	if text == "" {
		return at, person, nil
	}
	when, who, _ := strings.Cut(text, " ")
	at, err = time.Parse(time.RFC3339Nano, when)
	if err == nil {
		person, err = uuid.Parse(who)
	}
	if err != nil {
		return at, person, &portal.Error{Kind: portal.Invalid, Msg: "this page cannot be found", Fields: map[string]string{"cursor": "begin again without it"}}
	}
	return at, person, nil
}

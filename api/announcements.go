package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/host"
)

func (d door) announcements(h huma.API) {
	const tag = "Announcements"
	huma.Register(h, operation("list-announcements", http.MethodGet, "/announcements", tag, "List what the host tells you", "What is shown now, the latest first. kind maintenance: the portal is, or will be, worked on."), d.listAnnouncements)
	huma.Register(h, deed("read-announcement", http.MethodPost, "/announcements/{id}/read", tag, "Say that you have read it", "The host sees who has. A token reads nothing: it is Forbidden.", false), d.readAnnouncement)
	huma.Register(h, operation("list-announced", http.MethodGet, "/announced", tag, "List what was announced", "For the host's staff: all of it, the latest first, with how many have read it."), d.listAnnounced)
	huma.Register(h, deed("announce", http.MethodPost, "/announced", tag, "Announce", "For the host's staff: to all partners' people, or to those of a side or of programmes.", true), d.announce)
	huma.Register(h, operation("list-announcement-readers", http.MethodGet, "/announced/{id}/readers", tag, "List who has read it", "For the host's staff, the first first. Follow `next` until it is empty."), d.listHearers)
	huma.Register(h, deed("withdraw-announcement", http.MethodPost, "/announced/{id}/withdraw", tag, "Withdraw an announcement", "For the host's staff: it is shown no more.", false), d.withdrawAnnouncement)
}

// Announcement is what the host tells.
type Announcement struct {
	ID    uuid.UUID `json:"id"`
	Kind  string    `json:"kind" enum:"news,maintenance"`
	Title string    `json:"title"`
	Words string    `json:"words" doc:"Plain text; empty lines part paragraphs"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
}

func announcementOf(a host.Announcement) Announcement {
	return Announcement{a.ID, a.Kind, a.Title, a.Words, a.From, a.To}
}

type heard struct {
	Announcement
	ReadAt *time.Time `json:"read_at" doc:"When you said that you had read it; null = not yet"`
}

type heardList struct {
	Items []heard `json:"items"`
}

func (d door) heardBy(ctx context.Context, tx *portal.Tx) (heardList, error) {
	list, err := d.board.Told(ctx, tx)
	out := heardList{Items: []heard{}}
	for _, a := range list {
		out.Items = append(out.Items, heard{announcementOf(a.Announcement), a.ReadAt})
	}
	return out, err
}

func (d door) listAnnouncements(ctx context.Context, in *struct{ Conditional }) (*plain[heardList], error) {
	by := callerOf(ctx)
	var out heardList
	err := d.db.Do(ctx, by, func(tx *portal.Tx) (err error) { out, err = d.heardBy(ctx, tx); return err })
	if err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	return now(in.Conditional, out)
}

// theirs does f once for the caller's key, in a transaction of the caller's, whatever their rights.
func theirs[T any](ctx context.Context, d door, key Keyed, what string, f func(tx *portal.Tx) (T, error)) (*done[T], error) {
	return doneIn(ctx, d, key, what, nil, nil, func(by portal.Caller, g func(tx *portal.Tx) error) error { return d.db.Do(ctx, by, g) }, f)
}

func (d door) readAnnouncement(ctx context.Context, in *struct {
	Keyed
	ID
}) (*done[heardList], error) {
	return theirs(ctx, d, in.Keyed, "read announcement "+in.id().String(), func(tx *portal.Tx) (heardList, error) {
		if err := d.board.Read(ctx, tx, in.id()); err != nil {
			return heardList{}, err
		}
		return d.heardBy(ctx, tx)
	})
}

type announced struct {
	Announcement
	Side        string     `json:"side" enum:",dealer,supplier" doc:"Whose people it is for; empty = both"`
	Programmes  []string   `json:"programmes" doc:"Of partners in any of these; empty = all"`
	MadeBy      string     `json:"made_by"`
	MadeAt      time.Time  `json:"made_at"`
	WithdrawnAt *time.Time `json:"withdrawn_at" doc:"null = it stands"`
	Readers     int        `json:"readers" doc:"People who said that they have read it; 10000 = as many or more"`
}

func announcedOf(m host.Made) announced {
	return announced{announcementOf(m.Announcement), m.Side, orEmpty(m.Programmes), m.MadeBy, m.MadeAt, m.WithdrawnAt, m.Readers}
}

type announcedList struct {
	Items []announced `json:"items"`
}

// newsRight is the right by which the caller sees what was announced: announcing, or reading the audit.
func newsRight(ctx context.Context) portal.Permission {
	if by := callerOf(ctx); by.Perms.Has(portal.AuditRead) && !by.Perms.Has(portal.NewsManage) {
		return portal.AuditRead
	}
	return portal.NewsManage
}

func (d door) listAnnounced(ctx context.Context, in *struct{ Conditional }) (*plain[announcedList], error) {
	return forHost(ctx, d, newsRight(ctx), in.Conditional, func(tx *portal.Tx) (announcedList, error) {
		list, err := host.AllAnnounced(ctx, tx)
		out := announcedList{Items: []announced{}}
		for _, m := range list {
			out.Items = append(out.Items, announcedOf(m))
		}
		return out, err
	})
}

type announceInput struct {
	Keyed
	Body struct {
		Kind       string     `json:"kind" enum:"news,maintenance" doc:"maintenance stands on every page while it is shown"`
		Title      string     `json:"title" minLength:"3" maxLength:"120"`
		Words      string     `json:"words" minLength:"3" maxLength:"4000" doc:"Plain text; empty lines part paragraphs"`
		Side       string     `json:"side,omitempty" enum:"dealer,supplier" doc:"Whose people it is for; both when left out"`
		Programmes []string   `json:"programmes,omitempty" maxItems:"50" doc:"Of partners in any of these; all when left out"`
		From       *time.Time `json:"from,omitempty" doc:"Now when left out"`
		To         time.Time  `json:"to"`
	}
}

func (d door) announce(ctx context.Context, in *announceInput) (*done[announced], error) {
	return acrossPartners(ctx, d, portal.NewsManage, in.Keyed, "announce", in.Body, func(announced) string { return "announced" }, func(tx *portal.Tx) (announced, error) {
		b := in.Body
		a := host.Announcement{Kind: b.Kind, Title: b.Title, Words: b.Words, Side: b.Side, Programmes: b.Programmes, To: b.To}
		if b.From != nil {
			a.From = *b.From
		}
		a, err := host.Announce(ctx, tx, a)
		return announcedOf(host.Made{Announcement: a}), err
	})
}

type hearer struct {
	Partner string    `json:"partner" doc:"Account number"`
	Person  uuid.UUID `json:"person"`
	Name    string    `json:"name"`
	At      time.Time `json:"at"`
}

type hearerList struct {
	Items []hearer `json:"items"`
	Next  string   `json:"next" doc:"cursor of the next page; empty on the last"`
}

func hearersOf(list []host.Reader, next string) hearerList {
	out := hearerList{Items: []hearer{}, Next: next}
	for _, r := range list {
		out.Items = append(out.Items, hearer{r.Number, r.Person, r.Name, r.At})
	}
	return out
}

// After is where an earlier page ended.
type After struct {
	Cursor string `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"200"`
}

func (d door) listHearers(ctx context.Context, in *struct {
	Conditional
	ID
	After
}) (*plain[hearerList], error) {
	return forHost(ctx, d, newsRight(ctx), in.Conditional, func(tx *portal.Tx) (hearerList, error) {
		if _, err := host.Announced(ctx, tx, in.id()); err != nil {
			return hearerList{}, err
		}
		list, next, err := host.Readers(ctx, tx, in.id(), in.Cursor)
		return hearersOf(list, next), err
	})
}

func (d door) withdrawAnnouncement(ctx context.Context, in *struct {
	Keyed
	ID
}) (*done[announced], error) {
	return acrossPartners(ctx, d, portal.NewsManage, in.Keyed, "withdraw announcement "+in.id().String(), nil, nil, func(tx *portal.Tx) (announced, error) {
		if err := host.Withdraw(ctx, tx, in.id()); err != nil {
			return announced{}, err
		}
		m, err := host.Announced(ctx, tx, in.id())
		return announcedOf(m), err
	})
}

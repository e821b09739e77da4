package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/partners"
)

// Sessions lists and ends where people are signed in.
type Sessions interface {
	Person(context.Context, portal.Caller) (partners.Person, error)
	SignedIn(ctx context.Context, by portal.Caller, f partners.SessionFilter) ([]partners.LiveSession, error)
	EndSignedIn(ctx context.Context, by portal.Caller, f partners.SessionFilter) (int, error)
}

func (d door) signedIn(h huma.API) {
	const tag = "People"
	huma.Register(h, operation("list-sessions", http.MethodGet, "/sessions", tag, "List where people are signed in", "Of the partner's people; for the host's staff those of the partner, the person or the issuer that is named, and of their own when none is. The latest used first, 500 at most."), d.listSessions)
	huma.Register(h, deed("end-sessions", http.MethodPost, "/sessions/end", tag, "End sessions", "Those of the partner, the person or the issuer that is named. They are refused on their next request.", false), d.endSessions)
	huma.Register(h, operation("list-unused-tokens", http.MethodGet, "/tokens/unused", tag, "List unused API tokens", "For the host's staff: tokens that work and that nobody has used for 90 days, over all partners, the longest unused first."), d.listUnused)
}

// SessionFilter narrows to whose sessions are meant.
type SessionFilter struct {
	Partner string `query:"partner" json:"partner,omitempty" maxLength:"100" doc:"The account number of the partner acted for"`
	Person  string `query:"person" json:"person,omitempty" format:"uuid" maxLength:"36" doc:"Whose"`
	Issuer  string `query:"issuer" json:"issuer,omitempty" maxLength:"300" doc:"By whom they signed in, as its address"`
}

func (f SessionFilter) filter() partners.SessionFilter {
	person, _ := uuid.Parse(f.Person)
	return partners.SessionFilter{Partner: f.Partner, Person: person, Issuer: f.Issuer}
}

type session struct {
	ID        uuid.UUID `json:"id"`
	Person    uuid.UUID `json:"person"`
	Name      string    `json:"name"`
	Partner   string    `json:"partner" doc:"Acted for"`
	Device    string    `json:"device"`
	Issuer    string    `json:"issuer"`
	CreatedAt time.Time `json:"created_at"`
	SeenAt    time.Time `json:"seen_at" doc:"To a few seconds"`
	ExpiresAt time.Time `json:"expires_at" doc:"At the latest"`
}

type sessionList struct {
	Items []session `json:"items"`
}

type listSessionsInput struct {
	Conditional
	SessionFilter
}

func (d door) listSessions(ctx context.Context, in *listSessionsInput) (*plain[sessionList], error) {
	by := callerOf(ctx)
	list, err := d.sessions.SignedIn(ctx, by, in.filter())
	if err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	out := sessionList{Items: []session{}}
	for _, s := range list {
		out.Items = append(out.Items, session{s.ID, s.PersonID, s.Name, s.Number, s.Device, s.Issuer, s.CreatedAt, s.SeenAt, s.ExpiresAt})
	}
	return now(in.Conditional, out)
}

type endSessionsInput struct {
	Keyed
	Body SessionFilter
}

type endedSessions struct {
	Ended int `json:"ended" doc:"How many"`
}

// endSessions ends what is live now, so it is the same however often it is sent.
func (d door) endSessions(ctx context.Context, in *endSessionsInput) (*done[endedSessions], error) {
	by := callerOf(ctx)
	n, err := d.sessions.EndSignedIn(ctx, by, in.Body.filter())
	if err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	return &done[endedSessions]{Status: http.StatusOK, CacheControl: "private, no-store", Body: endedSessions{n}}, nil
}

type unusedToken struct {
	Partner string `json:"partner" doc:"Account number"`
	Token
}

type unusedList struct {
	Items []unusedToken `json:"items"`
}

func (d door) listUnused(ctx context.Context, in *struct{ Conditional }) (*plain[unusedList], error) {
	return forHost(ctx, d, portal.PeopleRead, in.Conditional, func(tx *portal.Tx) (unusedList, error) {
		list, err := partners.UnusedTokens(ctx, tx)
		out := unusedList{Items: []unusedToken{}}
		for _, t := range list {
			out.Items = append(out.Items, unusedToken{t.Number, tokenOf(t.Token, tx.Now)})
		}
		return out, err
	})
}

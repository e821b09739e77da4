package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/host"
)

func (d door) terms(h huma.API) {
	const tag = "Terms"
	huma.Register(h, operation("list-terms", http.MethodGet, "/terms", tag, "List the terms that are for you", "Those in force, which are to be accepted before anything else is answered, and those that will be next, which may be accepted ahead. "+
		"For a token they are accepted when anybody of its partner has."), d.listTerms)
	huma.Register(h, deed("accept-terms", http.MethodPost, "/terms/{version}/accept", tag, "Accept terms", "For the person who asks, at the partner they act for. A token accepts nothing: it is Forbidden.", false), d.acceptTerms)
	huma.Register(h, operation("list-published-terms", http.MethodGet, "/published-terms", tag, "List versions of terms", "For the host's staff, the latest in force first."), d.listPublished)
	huma.Register(h, deed("publish-terms", http.MethodPost, "/published-terms", tag, "Publish terms", "For the host's staff: from its time on those it is for are let on only once they have accepted. Tell them ahead by a later time.", true), d.publishTerms)
	huma.Register(h, operation("list-acceptances", http.MethodGet, "/published-terms/{version}/acceptances", tag, "List who has accepted", "For the host's staff, the first first. Follow `next` until it is empty."), d.listAcceptances)
}

// Terms are one version of what partners' people accept.
type Terms struct {
	Version int64     `json:"version"`
	Title   string    `json:"title"`
	Words   string    `json:"words"`
	InForce time.Time `json:"in_force_at"`
}

func termsOf(t host.Terms) Terms { return Terms{t.Version, t.Title, t.Words, t.InForce} }

type myTerms struct {
	Terms
	Accepted bool `json:"accepted"`
}

type myTermsList struct {
	Items []myTerms `json:"items"`
}

func (d door) mine(ctx context.Context) (myTermsList, error) {
	list, err := d.board.Mine(ctx, callerOf(ctx))
	out := myTermsList{Items: []myTerms{}}
	for _, t := range list {
		out.Items = append(out.Items, myTerms{termsOf(t.Terms), t.Accepted})
	}
	return out, err
}

func (d door) listTerms(ctx context.Context, in *struct{ Conditional }) (*plain[myTermsList], error) {
	out, err := d.mine(ctx)
	if err != nil {
		return nil, refuse(ctx, d, callerOf(ctx), err)
	}
	return now(in.Conditional, out)
}

// Version names one of the terms.
type Version struct {
	Version int64 `path:"version" minimum:"1" maximum:"1000000000"`
}

type acceptedTerms struct {
	Version int64 `json:"version"`
}

func (d door) acceptTerms(ctx context.Context, in *struct {
	Keyed
	Version
}) (*done[acceptedTerms], error) {
	version := in.Version.Version
	return theirs(ctx, d, in.Keyed, "accept terms "+strconv.FormatInt(version, 10), func(tx *portal.Tx) (acceptedTerms, error) {
		return acceptedTerms{version}, d.board.Accept(ctx, tx, version)
	})
}

type publishedTerms struct {
	Terms
	Side        string    `json:"side" enum:",dealer,supplier" doc:"Whose people accept them; empty = both"`
	PublishedBy string    `json:"published_by"`
	PublishedAt time.Time `json:"published_at"`
}

func publishedOf(t host.Terms) publishedTerms {
	return publishedTerms{termsOf(t), t.Side, t.PublishedBy, t.PublishedAt}
}

type publishedList struct {
	Items []publishedTerms `json:"items"`
}

func (d door) listPublished(ctx context.Context, in *struct{ Conditional }) (*plain[publishedList], error) {
	return forHost(ctx, d, newsRight(ctx), in.Conditional, func(tx *portal.Tx) (publishedList, error) {
		list, err := host.Published(ctx, tx)
		out := publishedList{Items: []publishedTerms{}}
		for _, t := range list {
			out.Items = append(out.Items, publishedOf(t))
		}
		return out, err
	})
}

type publishTermsInput struct {
	Keyed
	Body struct {
		Title   string    `json:"title" minLength:"3" maxLength:"120"`
		Words   string    `json:"words" minLength:"3" maxLength:"50000" doc:"Plain text; empty lines part paragraphs"`
		Side    string    `json:"side,omitempty" enum:"dealer,supplier" doc:"Whose people accept them; both when left out"`
		InForce time.Time `json:"in_force_at" doc:"From today on, within a year"`
	}
}

func (d door) publishTerms(ctx context.Context, in *publishTermsInput) (*done[publishedTerms], error) {
	return acrossPartners(ctx, d, portal.NewsManage, in.Keyed, "publish terms", in.Body, func(publishedTerms) string { return "published-terms" }, func(tx *portal.Tx) (publishedTerms, error) {
		t, err := host.Publish(ctx, tx, host.Terms{Title: in.Body.Title, Words: in.Body.Words, Side: in.Body.Side, InForce: in.Body.InForce})
		return publishedOf(t), err
	})
}

func (d door) listAcceptances(ctx context.Context, in *struct {
	Conditional
	Version
	After
}) (*plain[hearerList], error) {
	return forHost(ctx, d, newsRight(ctx), in.Conditional, func(tx *portal.Tx) (hearerList, error) {
		if _, err := host.PublishedVersion(ctx, tx, in.Version.Version); err != nil {
			return hearerList{}, err
		}
		list, next, err := host.Acceptances(ctx, tx, in.Version.Version, in.Cursor)
		return hearersOf(list, next), err
	})
}

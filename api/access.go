package api

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/partners"
)

func (d door) access(h huma.API) {
	huma.Register(h, operation("get-me", http.MethodGet, "/me", "Access", "Who am I",
		"Who the portal takes you for, for which partner, and what you may do."), d.getMe)
	huma.Register(h, operation("list-partners", http.MethodGet, "/partners", "Access", "List the partners I may act for",
		"A token acts for one partner; a person may be a member of several."), d.listPartners)
	huma.Register(h, deed("set-language", http.MethodPut, "/me/language", "Access", "Choose my language", "The language of the pages and of mail to the person who asks, wherever they sign in. A token has none: it is Forbidden.", false), d.setLanguage)
}

// plain is a read that is as it is now: nothing of it comes from the core's feeds.
type plain[T any] struct {
	Status       int    `json:"-"`
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         T
}

func now[T any](c Conditional, v T) (*plain[T], error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	h := fnv.New64a()
	h.Write(b)
	p := &plain[T]{Status: http.StatusOK, CacheControl: "private, no-cache", ETag: `"` + strconv.FormatUint(h.Sum64(), 36) + `"`, Body: v}
	if matches(c.IfNoneMatch, p.ETag) {
		p.Status = http.StatusNotModified
	}
	return p, nil
}

type partner struct {
	Number string `json:"number" doc:"The host's account number for it"`
	Name   string `json:"name"`
	Kind   string `json:"kind" enum:"host,dealer,supplier"`
}

type me struct {
	Name        string   `json:"name" doc:"Of the person or the token"`
	Partner     partner  `json:"partner" doc:"The partner you act for"`
	Roles       []string `json:"roles" doc:"What you are there; empty for a token"`
	Permissions []string `json:"permissions" doc:"What you may do there"`
	Sites       []string `json:"sites" nullable:"true" doc:"The sites you are limited to; null = all"`
	Language    string   `json:"language" enum:",en,de,fr,es" doc:"That the person chose for pages and mail; empty = what the browser asks for, and for a token"`
}

// Language is one that the pages speak.
type Language struct {
	Language string `json:"language" enum:",en,de,fr,es" doc:"Empty = what the browser asks for"`
}

func (d door) setLanguage(ctx context.Context, in *struct {
	Keyed
	Body Language
}) (*done[Language], error) {
	return doneIn(ctx, d, in.Keyed, "set language", in.Body, nil, func(by portal.Caller, g func(tx *portal.Tx) error) error { return d.db.Do(ctx, by, g) }, func(tx *portal.Tx) (Language, error) {
		return in.Body, partners.Speak(ctx, tx, in.Body.Language)
	})
}

func (d door) getMe(ctx context.Context, in *Conditional) (*plain[me], error) {
	by := callerOf(ctx)
	roles := by.Roles
	if roles == nil {
		roles = []string{}
	}
	language := ""
	if by.PersonID != uuid.Nil {
		p, err := d.sessions.Person(ctx, by)
		if err != nil {
			return nil, problemOf(err)
		}
		language = p.Language
	}
	return now(*in, me{Name: by.Name, Partner: partner{Number: by.PartnerNumber, Name: by.PartnerName, Kind: by.PartnerKind}, Roles: roles, Permissions: by.Perms.Names(), Sites: by.Sites, Language: language})
}

type partnerList struct {
	Items []partner `json:"items"`
}

func (d door) listPartners(ctx context.Context, in *Conditional) (*plain[partnerList], error) {
	list, err := d.partners(ctx, callerOf(ctx))
	if err != nil {
		return nil, problemOf(err)
	}
	out := partnerList{Items: []partner{}}
	for _, p := range list {
		out.Items = append(out.Items, partner{p.PartnerNumber, p.PartnerName, p.PartnerKind})
	}
	return now(*in, out)
}

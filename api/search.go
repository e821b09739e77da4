package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/search"
)

func (d door) search(h huma.API) {
	huma.Register(h, operation("search", http.MethodGet, "/search", "Access", "Search everything",
		"Documents whose number, or your own number for it, begins with the text; products by number, size or words of the name; for the host's staff, partners. Six of each kind at most; the lists of the kind have the rest."), d.find)
}

type hitList struct {
	Items []portal.Hit `json:"items"`
}

func (d door) find(ctx context.Context, in *struct {
	Conditional
	Q string `query:"q" required:"true" minLength:"1" maxLength:"100" doc:"A number, the beginning of one, or words of a name"`
}) (*plain[hitList], error) {
	by := callerOf(ctx)
	hits, err := search.For(ctx, d.db, by, in.Q)
	if err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	return now(in.Conditional, hitList{hits})
}

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

func (d door) requests(h huma.API) {
	const tag = "People"
	huma.Register(h, operation("list-access-requests", http.MethodGet, "/access-requests", tag, "List requests for access", "What the partner's people ask for beyond what they have: what is open first."), d.listRequests)
	huma.Register(h, deed("request-access", http.MethodPost, "/access-requests", tag, "Ask for access on a member's behalf", "For roles and sites beside those that they have. The partner's administrators are told.", true), d.requestAccess)
	huma.Register(h, deed("grant-access-request", http.MethodPost, "/access-requests/{id}/grant", tag, "Grant a request for access", "You cannot grant above your own rights. The host's staff may grant what the partner refused.", false), d.decideRequest(partners.GrantRequest, "grant"))
	huma.Register(h, deed("refuse-access-request", http.MethodPost, "/access-requests/{id}/refuse", tag, "Refuse a request for access", "In words that the member reads. When the host's staff refuse what the partner granted, it is taken away again.", false), d.decideRequest(partners.RefuseRequest, "refuse"))
}

// AccessRequest is what somebody asks for.
type AccessRequest struct {
	ID        uuid.UUID  `json:"id"`
	Person    uuid.UUID  `json:"person"`
	Name      string     `json:"name"`
	Roles     []string   `json:"roles" doc:"Beside those held"`
	Sites     []string   `json:"sites" nullable:"true" doc:"Beside those held; null = all"`
	Why       string     `json:"why"`
	AskedBy   string     `json:"asked_by"`
	AskedAt   time.Time  `json:"asked_at"`
	State     string     `json:"state" enum:"open,granted,refused,withdrawn"`
	DecidedBy string     `json:"decided_by" doc:"empty while it is open"`
	DecidedAt *time.Time `json:"decided_at"`
	Words     string     `json:"words" doc:"Of whoever decided"`
	ByHost    bool       `json:"by_host" doc:"The host's staff decided; nobody else decides anew"`
}

func requestOf(r partners.Request) AccessRequest {
	return AccessRequest{r.ID, r.PersonID, r.Name, orEmpty(r.Roles), r.Sites, r.Why, r.AskedBy, r.AskedAt, r.State, r.DecidedBy, r.DecidedAt, r.Words, r.ByHost}
}

type requestList struct {
	Items []AccessRequest `json:"items"`
}

func (d door) listRequests(ctx context.Context, in *whoseInput) (*plain[requestList], error) {
	return look(ctx, d, portal.PeopleManage, in.Whose, in.Conditional, func(tx *portal.Tx, p partners.Partner) (requestList, error) {
		list, err := partners.Requests(ctx, tx, p.ID)
		out := requestList{Items: []AccessRequest{}}
		for _, r := range list {
			out.Items = append(out.Items, requestOf(r))
		}
		return out, err
	})
}

type requestAccessInput struct {
	Keyed
	Whose
	Body struct {
		Person string   `json:"person" format:"uuid" minLength:"36" maxLength:"36" doc:"For whom"`
		Roles  []string `json:"roles,omitempty" maxItems:"20" doc:"Beside those held"`
		Sites  []string `json:"sites,omitempty" maxItems:"1000" doc:"Beside those held"`
		All    bool     `json:"all_sites,omitempty" doc:"true: for all sites"`
		Why    string   `json:"why" minLength:"5" maxLength:"500"`
	}
}

func (d door) requestAccess(ctx context.Context, in *requestAccessInput) (*done[AccessRequest], error) {
	return atPartner(ctx, d, portal.PeopleInvite, in.Keyed, in.Whose, "request access", in.Body, func(AccessRequest) string { return "access-requests" }, func(tx *portal.Tx, p partners.Partner) (AccessRequest, error) {
		sites := orEmpty(in.Body.Sites)
		if in.Body.All {
			sites = nil
		}
		person, _ := uuid.Parse(in.Body.Person)
		r, err := partners.RequestAccess(ctx, tx, p, person, in.Body.Roles, sites, in.Body.Why)
		return requestOf(r), err
	})
}

type decideRequestInput struct {
	Keyed
	Whose
	ID
	Body struct {
		Words string `json:"words,omitempty" maxLength:"500" doc:"What the member reads; needed to refuse"`
	}
}

func (d door) decideRequest(f func(context.Context, *portal.Tx, partners.Partner, uuid.UUID, string) (partners.Request, error), what string) func(context.Context, *decideRequestInput) (*done[AccessRequest], error) {
	return func(ctx context.Context, in *decideRequestInput) (*done[AccessRequest], error) {
		return atPartner(ctx, d, portal.PeopleManage, in.Keyed, in.Whose, what+" access request "+in.id().String(), in.Body, nil, func(tx *portal.Tx, p partners.Partner) (AccessRequest, error) {
			r, err := f(ctx, tx, p, in.id(), in.Body.Words)
			return requestOf(r), err
		})
	}
}

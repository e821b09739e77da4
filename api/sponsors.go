package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/partners"
)

func (d door) sponsors(h huma.API) {
	huma.Register(h, operation("list-sponsors", http.MethodGet, "/sponsors", "Access", "See who looks after you", "The people at the host who look after the partner, with how to reach them."), d.listSponsors)
	huma.Register(h, deed("set-sponsors", http.MethodPost, "/directory/{number}/sponsors", "Directory", "Say who looks after a partner", "For the host's staff: these and nobody else. The partner's people are shown them.", false), d.setSponsors)
}

// Sponsor is somebody at the host who looks after a partner.
type Sponsor struct {
	Part  string `json:"part" enum:"sponsor,sales,buying" doc:"sponsor: owns the relationship; sales, buying: the contact for what the partner buys or sells"`
	Name  string `json:"name" minLength:"1" maxLength:"100"`
	Title string `json:"title,omitempty" maxLength:"100" doc:"What they do"`
	Email string `json:"email,omitempty" maxLength:"254"`
	Phone string `json:"phone,omitempty" maxLength:"100"`
}

type sponsorList struct {
	Items []Sponsor `json:"items"`
}

func sponsorsOf(list []partners.Sponsor) sponsorList {
	out := sponsorList{Items: []Sponsor{}}
	for _, s := range list {
		out.Items = append(out.Items, Sponsor{s.Part, s.Name, s.Title, s.Email, s.Phone})
	}
	return out
}

func (d door) listSponsors(ctx context.Context, in *struct{ Conditional }) (*plain[sponsorList], error) {
	return look(ctx, d, portal.CompanyRead, Whose{}, in.Conditional, func(tx *portal.Tx, p partners.Partner) (sponsorList, error) {
		list, err := partners.SponsorsOf(ctx, tx, p.ID)
		return sponsorsOf(list), err
	})
}

type setSponsorsInput struct {
	Keyed
	Number
	Body struct {
		Items []Sponsor `json:"items" maxItems:"3"`
	}
}

func (d door) setSponsors(ctx context.Context, in *setSponsorsInput) (*done[sponsorList], error) {
	return acrossPartners(ctx, d, portal.PartnersManage, in.Keyed, "set sponsors "+in.Number.Number, in.Body, nil, func(tx *portal.Tx) (sponsorList, error) {
		var list []partners.Sponsor
		for _, s := range in.Body.Items {
			list = append(list, partners.Sponsor{Part: s.Part, Name: s.Name, Title: s.Title, Email: s.Email, Phone: s.Phone})
		}
		if err := partners.SetSponsors(ctx, tx, in.Number.Number, list); err != nil {
			return sponsorList{}, err
		}
		p, err := partners.ByNumber(ctx, tx, in.Number.Number)
		if err != nil {
			return sponsorList{}, err
		}
		list, err = partners.SponsorsOf(ctx, tx, p.ID)
		return sponsorsOf(list), err
	})
}

package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/files"
	"extranet/portal/host"
)

func (d door) branding(h huma.API) {
	const tag = "Announcements"
	huma.Register(h, operation("get-branding", http.MethodGet, "/branding", tag, "See how the portal looks", "Its name, its colour, and whom you can reach. The logo is at /brand/logo."), d.getBranding)
	huma.Register(h, deed("set-branding", http.MethodPost, "/branding", tag, "Say how the portal looks", "For the host's staff. A colour in which text cannot be read (WCAG 2.2, AA) is refused, and a near one that does is named.", false), d.setBranding)
	upload := deed("set-logo", http.MethodPost, "/branding/files", tag, "Set the logo", "For the host's staff. The picture is the body, PNG or JPEG; it is kept without what else was in the file.", false)
	upload.MaxBodyBytes, upload.Errors = files.MaxBytes+1, append(upload.Errors, http.StatusRequestTimeout)
	huma.Register(h, upload, d.setLogo)
}

// BrandingBody is how the portal looks.
type BrandingBody struct {
	Name    string `json:"name,omitempty" maxLength:"100" doc:"Of the portal's host; empty = as the portal is set up"`
	Colour  string `json:"colour,omitempty" maxLength:"7" doc:"Of buttons and links, like #0b62c4; empty = the portal's own"`
	Contact string `json:"contact,omitempty" maxLength:"100" doc:"Who helps"`
	Email   string `json:"email,omitempty" maxLength:"100"`
	Phone   string `json:"phone,omitempty" maxLength:"100"`
}

type branding struct {
	BrandingBody
	Logo      string     `json:"logo" doc:"Where the logo is, without a host; empty = none"`
	ChangedAt *time.Time `json:"changed_at" doc:"null = never set"`
}

func (d door) brandingNow(ctx context.Context) (branding, error) {
	all, err := d.board.All(ctx)
	return brandingOf(all.Branding), err
}

func brandingOf(b host.Branding) branding {
	out := branding{BrandingBody: BrandingBody{b.Name, b.Colour, b.Contact, b.Email, b.Phone}}
	if b.LogoSum != "" {
		out.Logo = "/brand/logo?" + b.LogoSum
	}
	if !b.ChangedAt.IsZero() {
		out.ChangedAt = &b.ChangedAt
	}
	return out
}

func (d door) getBranding(ctx context.Context, in *struct{ Conditional }) (*plain[branding], error) {
	out, err := d.brandingNow(ctx)
	if err != nil {
		return nil, refuse(ctx, d, callerOf(ctx), err)
	}
	return now(in.Conditional, out)
}

type setBrandingInput struct {
	Keyed
	Body BrandingBody
}

func (d door) setBranding(ctx context.Context, in *setBrandingInput) (*done[branding], error) {
	return acrossPartners(ctx, d, portal.NewsManage, in.Keyed, "set branding", in.Body, nil, func(tx *portal.Tx) (branding, error) {
		b := in.Body
		return brandingSet(ctx, tx, host.SetBranding(ctx, tx, host.Branding{Name: b.Name, Colour: b.Colour, Contact: b.Contact, Email: b.Email, Phone: b.Phone}))
	})
}

func brandingSet(ctx context.Context, tx *portal.Tx, err error) (branding, error) {
	if err != nil {
		return branding{}, err
	}
	b, err := host.BrandingNow(ctx, tx)
	return brandingOf(b), err
}

type setLogoInput struct {
	Keyed
	Name    string `query:"name" required:"true" doc:"What it is called" minLength:"1" maxLength:"200"`
	RawBody []byte `contentType:"application/octet-stream"`
}

func (d door) setLogo(ctx context.Context, in *setLogoInput) (*done[branding], error) {
	by := callerOf(ctx)
	if err := host.MaySetLogo(by); err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	checked, err := files.Check(in.Name, in.RawBody)
	if err != nil {
		return nil, problemOf(err)
	}
	return acrossPartners(ctx, d, portal.NewsManage, in.Keyed, "set logo", []string{in.Name, checked.Sum()}, nil, func(tx *portal.Tx) (branding, error) {
		return brandingSet(ctx, tx, host.SetLogo(ctx, tx, &checked))
	})
}

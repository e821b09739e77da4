package web

import (
	"cmp"
	"context"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"extranet/portal"
	"extranet/portal/files"
	"extranet/portal/host"
)

// A brandingForm is how the portal looks, as it was typed.
type brandingForm struct {
	host.Branding
	fault *portal.Error
}

func (w *Web) showBranding(ctx context.Context, r request) (reply, error) {
	var f brandingForm
	err := w.db.AcrossPartners(ctx, r.by, portal.NewsManage, func(tx *portal.Tx) (err error) {
		f.Branding, err = host.BrandingNow(ctx, tx)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	return w.brandingForm(ctx, r, f)
}

func (w *Web) brandingForm(ctx context.Context, r request, f brandingForm) (reply, error) {
	r.shell.Title, r.shell.Error = "Branding", faulty(ctx, f.fault)
	a := reply{page: BrandingPage(r.shell, f)}
	if f.fault != nil {
		a.status = statuses[f.fault.Kind]
	}
	return a, nil
}

func (w *Web) setBranding(ctx context.Context, r request) (reply, error) {
	f := brandingForm{Branding: host.Branding{Name: r.form.Get("name"), Colour: r.form.Get("colour"), Contact: r.form.Get("contact"), Email: r.form.Get("email"), Phone: r.form.Get("phone")}}
	to, err := w.onceIn(ctx, r, w.acrossFor(ctx, r, portal.NewsManage), func(tx *portal.Tx) (string, error) {
		if r.form.Get("logo") == "none" {
			return "/branding", host.SetLogo(ctx, tx, nil)
		}
		return "/branding", host.SetBranding(ctx, tx, f.Branding)
	})
	if err != nil && mendable(err, &f.fault) {
		return w.brandingForm(ctx, r, f)
	}
	return reply{to: to, flash: &Flash{Good, "Set (done)", "Everybody sees it from their next page on."}}, err
}

func (w *Web) setLogo(ctx context.Context, r request) (reply, error) {
	if err := host.MaySetLogo(r.by); err != nil {
		return reply{}, err
	}
	var logo *files.Checked
	fault, err := takeFiles(r, func(f files.Checked) error { logo = &f; return nil })
	if err == nil && fault == nil {
		_, err = w.onceIn(ctx, r, w.acrossFor(ctx, r, portal.NewsManage), func(tx *portal.Tx) (string, error) { return "/branding", host.SetLogo(ctx, tx, logo) })
	}
	if err != nil && !mendable(err, &fault) {
		return reply{}, err
	}
	if fault != nil {
		h, err := w.board.All(ctx)
		if err != nil {
			return reply{}, err
		}
		return w.brandingForm(ctx, r, brandingForm{Branding: h.Branding, fault: fault})
	}
	return reply{to: "/branding", flash: &Flash{Good, "Set (done)", "The logo stands beside the name from everybody's next page on."}}, nil
}

// host is the name of whose portal this is, as the host's staff set it.
func (w *Web) host(ctx context.Context) string {
	h, err := w.board.All(ctx)
	if err != nil {
		return w.hostName
	}
	return cmp.Or(h.Branding.Name, w.hostName)
}

// showBrandSheet and showLogo answer anybody: their addresses change with what is there, so browsers keep it.
func (w *Web) showBrandSheet(c *gin.Context) {
	sheet, err := w.brandSheet(c.Request.Context())
	if err != nil {
		w.Fail(c, err)
		return
	}
	c.Header("Cache-Control", keptForLong)
	c.Data(http.StatusOK, "text/css; charset=utf-8", []byte(sheet))
}

func (w *Web) showLogo(c *gin.Context) {
	l, err := w.board.Logo(c.Request.Context())
	if err == nil && l.Type == "" {
		err = portal.Errorf(portal.NotFound, "there is no logo")
	}
	if err != nil {
		w.Fail(c, err)
		return
	}
	c.Header("Cache-Control", keptForLong)
	c.Header("Content-Length", strconv.Itoa(len(l.Content)))
	c.Data(http.StatusOK, l.Type, l.Content)
}

// brandVersion is part of the addresses of what the host's looks are made of.
func brandVersion(b host.Branding) string {
	return strconv.FormatInt(b.ChangedAt.UnixMicro(), 36)
}

package web

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"extranet/portal"
	"extranet/portal/partners"
)

// A signedInView lists where people are signed in.
type signedInView struct {
	filter partners.SessionFilter
	person string
	list   []partners.LiveSession
	by     portal.Caller
	fault  *portal.Error
}

// title names what is narrowed to.
func (v signedInView) narrowed() bool { return v.filter != partners.SessionFilter{} || !v.by.Host }

func sessionFilter(q url.Values) partners.SessionFilter {
	return partners.SessionFilter{Partner: strings.TrimSpace(q.Get("partner")), Person: idOf(q.Get("person")), Issuer: strings.TrimSpace(q.Get("issuer"))}
}

func (w *Web) listSignedIn(ctx context.Context, r request) (reply, error) {
	v := signedInView{filter: sessionFilter(r.query), person: r.query.Get("person"), by: r.by}
	var err error
	if v.list, err = w.auth.SignedIn(ctx, r.by, v.filter); err != nil {
		if says := portal.Says(err); says.Kind != portal.NotFound || !errors.As(err, &v.fault) {
			return reply{}, err
		}
	}
	r.shell.Title = "Signed in"
	a := reply{page: SignedInPage(r.shell, v)}
	if v.fault != nil {
		a.status = statuses[v.fault.Kind]
	}
	return a, nil
}

func (w *Web) endSignedIn(ctx context.Context, r request) (reply, error) {
	f := sessionFilter(r.form)
	n, err := w.auth.EndSignedIn(ctx, r.by, f)
	person := ""
	if f.Person.String() == r.form.Get("person") {
		person = f.Person.String()
	}
	to := Address{Path: "/sessions"}.With("partner", f.Partner, "person", person, "issuer", f.Issuer)
	return reply{to: to, flash: &Flash{Good, Said(ctx, "%d sessions ended", n), "They must sign in again. What they may do stays."}}, err
}

func (w *Web) listUnusedTokens(ctx context.Context, r request) (reply, error) {
	var list []partners.UnusedToken
	err := w.db.AcrossPartners(ctx, r.by, portal.PeopleRead, func(tx *portal.Tx) (err error) {
		list, err = partners.UnusedTokens(ctx, tx)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "Unused API tokens"
	return reply{page: UnusedTokensPage(r.shell, list)}, nil
}

// faultText is what is wrong, in words; "" = nothing.
func faultText(ctx context.Context, fault *portal.Error) string {
	if fault == nil {
		return ""
	}
	return T(ctx, sayError(ctx, fault))
}

package web

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/partners"
)

// An accessView is what the caller may do here, and what they asked for beyond.
type accessView struct {
	partners.Explanation
	requests []partners.Request
	form     rightsForm
	why      string
	sites    sites
	currency string
	open     bool // a request is not decided yet
}

func (w *Web) showAccess(ctx context.Context, r request) (reply, error) {
	return w.accessPage(ctx, r, rightsForm{}, "")
}

func (w *Web) accessPage(ctx context.Context, r request, f rightsForm, why string) (reply, error) {
	v := accessView{form: f, why: why}
	if r.by.PersonID == uuid.Nil {
		return reply{}, portal.Errorf(portal.Forbidden, "only a person has access of their own")
	}
	err := w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) {
		if v.Explanation, err = partners.ExplainOwn(ctx, tx); err != nil {
			return err
		}
		if v.requests, err = partners.OwnRequests(ctx, tx); err != nil {
			return err
		}
		p, err := partners.ByNumber(ctx, tx, r.by.PartnerNumber)
		if err != nil {
			return err
		}
		v.currency = p.Currency
		if v.form.choices, err = partners.Askable(ctx, tx, p); err != nil {
			return err
		}
		v.sites, err = sitesAt(ctx, tx, p.ID)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	v.open = slices.ContainsFunc(v.requests, func(q partners.Request) bool { return q.State == partners.RequestOpen })
	r.shell.Title, r.shell.Error = "My access", v.form.shown(ctx)
	a := reply{page: AccessPage(r.shell, v)}
	if v.form.fault != nil {
		a.status = statuses[v.form.fault.Kind]
	}
	return a, nil
}

func (w *Web) askAccess(ctx context.Context, r request) (reply, error) {
	f, why := chosen(r.form), r.form.Get("why")
	f.Sites = strings.FieldsFunc(r.form.Get("sites"), func(c rune) bool { return c == ',' || c == ';' || unicode.IsSpace(c) })
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		p, err := partners.ByNumber(ctx, tx, r.by.PartnerNumber)
		if err != nil {
			return "", err
		}
		want := f.Sites
		if r.form.Get("scope") == "all" {
			want = nil
		} else if want == nil {
			want = []string{}
		}
		_, err = partners.RequestAccess(ctx, tx, p, r.by.PersonID, f.Roles, want, why)
		return "/access", err
	})
	if err != nil && f.mended(err) {
		return w.accessPage(ctx, r, f, why)
	}
	return reply{to: to, flash: &Flash{Good, "Asked", "Your administrators have been told. You read here, and by mail, what they decide."}}, err
}

func (w *Web) withdrawRequest(ctx context.Context, r request) (reply, error) {
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		p, err := partners.ByNumber(ctx, tx, r.by.PartnerNumber)
		if err != nil {
			return "", err
		}
		_, err = partners.WithdrawRequest(ctx, tx, p, idOf(r.param("id")))
		return "/access", err
	})
	return reply{to: to, flash: &Flash{Good, "Withdrawn", ""}}, err
}

// A requestsView lists what is asked for at a partner.
type requestsView struct {
	whose
	list  []partners.Request
	sites sites
	by    portal.Caller
	fault *portal.Error
	id    uuid.UUID // of the request that fault speaks of
	words string
}

// decides reports whether the caller may decide the request now.
func (v requestsView) decides(q partners.Request) bool {
	return q.PersonID != v.by.PersonID && (q.State == partners.RequestOpen || v.by.Host && v.foreign && q.State != partners.RequestWithdrawn)
}

func (w *Web) listRequests(ctx context.Context, r request) (reply, error) {
	return w.requestsPage(ctx, r, requestsView{})
}

func (w *Web) requestsPage(ctx context.Context, r request, v requestsView) (reply, error) {
	v.by = r.by
	err := w.at(ctx, r, portal.PeopleManage, func(tx *portal.Tx, o whose) (err error) {
		v.whose = o
		if v.list, err = partners.Requests(ctx, tx, o.ID); err != nil {
			return err
		}
		if v.sites, err = sitesAt(ctx, tx, o.ID); err != nil {
			return err
		}
		return partners.Looked(ctx, tx, o.ID, "requests for access")
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title, r.shell.Error = "Requests for access", faulty(ctx, v.fault)
	a := reply{page: RequestsPage(r.shell, v)}
	if v.fault != nil {
		a.status = statuses[v.fault.Kind]
	}
	return a, nil
}

// decideRequest grants or refuses what was asked for.
func (w *Web) decideRequest(ctx context.Context, r request) (reply, error) {
	id := idOf(r.param("id"))
	decide, said := partners.GrantRequest, Flash{Good, "Granted", "They have it from their next click on, and are told."}
	if r.form.Get("do") == "refuse" {
		decide, said = partners.RefuseRequest, Flash{Good, "Refused", "They are told, in your words."}
	}
	to, err := w.onceAt(ctx, r, portal.PeopleManage, func(tx *portal.Tx, o whose) (string, error) {
		_, err := decide(ctx, tx, o.Partner, id, r.form.Get("words-"+id.String()))
		return o.path("/people/requests"), err
	})
	v := requestsView{id: id, words: r.form.Get("words-" + id.String())}
	if err != nil && r.by.Perms.Has(portal.PeopleManage) && mendable(err, &v.fault) {
		return w.requestsPage(ctx, r, v)
	}
	return reply{to: to, flash: &said}, err
}

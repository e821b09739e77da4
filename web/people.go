package web

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/partners"
)

// whose is the partner that a page is about: the caller's own, or for the host's staff any.
type whose struct {
	partners.Partner
	foreign bool // not the caller's own
}

// path is p for the same partner.
func (o whose) path(p string) string {
	if !o.foreign {
		return p
	}
	separator := "?"
	if strings.Contains(p, "?") {
		separator = "&"
	}
	return p + separator + url.Values{"partner": {o.Number}}.Encode()
}

// trail leads from the directory to the partner, where it is not the caller's own.
func (o whose) trail(more ...Link) (links []Link) {
	if o.foreign {
		links = append(links, Link{Label: Verbatim(o.Name), Href: partnerPath(o.Number)})
	}
	return append(links, more...)
}

// at reads in a transaction about the partner that the address names.
func (w *Web) at(ctx context.Context, r request, need portal.Permission, f func(tx *portal.Tx, o whose) error) error {
	return partners.At(ctx, w.db, r.by, r.query.Get("partner"), need, func(tx *portal.Tx, p partners.Partner) error {
		return f(tx, whose{p, p.ID != r.by.PartnerID})
	})
}

// onceAt does f once for the form, about the partner that the address names.
func (w *Web) onceAt(ctx context.Context, r request, need portal.Permission, f func(tx *portal.Tx, o whose) (to string, err error)) (to string, err error) {
	var o whose
	do := func(g func(tx *portal.Tx) error) error {
		return w.at(ctx, r, need, func(tx *portal.Tx, found whose) error { o = found; return g(tx) })
	}
	return w.onceIn(ctx, r, do, func(tx *portal.Tx) (string, error) { return f(tx, o) })
}

// A peopleView is the page of those who may act for a partner.
type peopleView struct {
	whose
	text        string
	page        partners.MemberPage
	cursor      string
	invitations []partners.Invitation
	tokens      []partners.Token
	sites       sites
	by          portal.Caller
	now         time.Time
}

func (v peopleView) may(p portal.Permission) bool { return v.by.Perms.Has(p) }

func (w *Web) listPeople(ctx context.Context, r request) (reply, error) {
	v := peopleView{text: strings.TrimSpace(r.query.Get("q")), cursor: r.query.Get("cursor"), by: r.by, now: w.db.Now()}
	err := w.at(ctx, r, portal.PeopleRead, func(tx *portal.Tx, o whose) (err error) {
		v.whose = o
		if v.page, err = partners.Members(ctx, tx, o.ID, partners.MemberFilter{Text: v.text, Cursor: v.cursor}); err != nil {
			return err
		}
		if v.invitations, err = partners.InvitationsOf(ctx, tx, o.ID); err != nil {
			return err
		}
		v.invitations = slices.DeleteFunc(v.invitations, func(i partners.Invitation) bool { return i.RevokedAt != nil })
		if v.tokens, err = partners.TokensAt(ctx, tx, o.ID); err != nil {
			return err
		}
		if v.sites, err = sitesAt(ctx, tx, o.ID); err != nil {
			return err
		}
		return partners.Looked(ctx, tx, o.ID, "people")
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "People"
	return reply{page: PeoplePage(r.shell, v)}, nil
}

func sitesAt(ctx context.Context, tx *portal.Tx, partner int64) (sites, error) {
	list, err := partners.SitesAt(ctx, tx, partner)
	all := make(sites, len(list))
	for _, s := range list {
		all[s.Site] = s
	}
	return all, err
}

// names says which sites those are.
func (s sites) names(numbers []string) string {
	if numbers == nil {
		return "All sites"
	}
	said := make([]string, len(numbers))
	for i, n := range numbers {
		said[i] = s.label(n)
	}
	return strings.Join(said, ", ")
}

// A rightsForm is what is granted with an invitation or a change, as it was typed.
type rightsForm struct {
	Email   string
	Roles   []string
	All     bool // all sites
	Sites   []string
	Limit   string
	Days    string
	choices []partners.RoleChoice
	sites   []partners.Site
	only    bool // the caller is limited to sites: there is no "all"
	kind    string
	money   string // the currency of a limit
	fault   *portal.Error
}

func (f rightsForm) change() partners.Change {
	c := partners.Change{Roles: f.Roles, OrderLimit: portal.Amount(strings.TrimSpace(f.Limit))}
	if !f.All {
		c.Sites = f.Sites
		if c.Sites == nil {
			c.Sites = []string{}
		}
	}
	return c
}

// chosen reads the form as it was posted.
func chosen(form url.Values) rightsForm {
	return rightsForm{Email: strings.TrimSpace(form.Get("email")), Roles: form["roles"], All: form.Get("scope") != "some", Sites: form["sites"], Limit: form.Get("order_limit"), Days: form.Get("days")}
}

// offer fills in what can be chosen from.
func (f *rightsForm) offer(ctx context.Context, tx *portal.Tx, o whose) (err error) {
	f.kind, f.money, f.only = o.Kind, o.Currency, !o.foreign && tx.By.Sites != nil
	if f.only {
		f.All = false
	}
	if f.choices, err = partners.RoleChoices(ctx, tx, o.ID); err != nil {
		return err
	}
	f.sites, err = partners.SitesAt(ctx, tx, o.ID)
	return err
}

// mended reports whether err is for the person at the form to cure, and keeps it to be shown there.
func (f *rightsForm) mended(err error) bool {
	says := portal.Says(err)
	if says.Kind != portal.Invalid && says.Kind != portal.Forbidden && says.Kind != portal.Conflict {
		return false
	}
	return errors.As(err, &f.fault)
}

func (f rightsForm) shown(ctx context.Context) *ShownError {
	if f.fault == nil {
		return nil
	}
	e := &ShownError{Status: statuses[f.fault.Kind], Msg: sayError(ctx, f.fault), Fields: map[string]string{}}
	for name, what := range f.fault.Fields {
		e.Fields[name] = upperFirst(strings.ReplaceAll(name, "_", " ")) + ": " + what
	}
	return e
}

// days reads how long something lasts.
func days(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 366 {
		return 0, &portal.Error{Kind: portal.Invalid, Msg: "that is not a number of days", Fields: map[string]string{"days": "write a whole number from 1"}}
	}
	return time.Duration(n) * 24 * time.Hour, nil
}

func (w *Web) showInvite(ctx context.Context, r request) (reply, error) {
	return w.inviteForm(ctx, r, rightsForm{All: true, Days: "7"})
}

func (w *Web) inviteForm(ctx context.Context, r request, f rightsForm) (reply, error) {
	var o whose
	err := w.at(ctx, r, portal.PeopleInvite, func(tx *portal.Tx, found whose) error { o = found; return f.offer(ctx, tx, o) })
	if err != nil {
		return reply{}, err
	}
	r.shell.Title, r.shell.Error = "Invite somebody", f.shown(ctx)
	a := reply{page: InvitePage(r.shell, o, f)}
	if f.fault != nil {
		a.status = statuses[f.fault.Kind]
	}
	return a, nil
}

func (w *Web) invite(ctx context.Context, r request) (reply, error) {
	f := chosen(r.form)
	to, err := w.onceAt(ctx, r, portal.PeopleInvite, func(tx *portal.Tx, o whose) (string, error) {
		lasts, err := days(f.Days)
		if err != nil {
			return "", err
		}
		c := f.change()
		_, err = partners.Ask(ctx, tx, o.Partner, partners.New{Email: f.Email, Roles: c.Roles, Sites: c.Sites, OrderLimit: c.OrderLimit, ExpiresIn: lasts})
		return o.path("/people"), err
	})
	if err != nil && r.by.Perms.Has(portal.PeopleInvite) && f.mended(err) {
		return w.inviteForm(ctx, r, f)
	}
	return reply{to: to, flash: &Flash{Good, "Invited", Said(ctx, "A link is on its way to %s. It works once, for that address alone.", f.Email)}}, err
}

func (w *Web) resendInvitation(ctx context.Context, r request) (reply, error) {
	id := idOf(r.param("id"))
	var i partners.Invitation
	to, err := w.onceAt(ctx, r, portal.PeopleInvite, func(tx *portal.Tx, o whose) (_ string, err error) {
		i, err = partners.AskAgain(ctx, tx, o.Partner, id, 0)
		return o.path("/people"), err
	})
	return reply{to: to, flash: &Flash{Good, "Sent again", Said(ctx, "A new link is on its way to %s. The old one is worthless.", i.Email)}}, err
}

func (w *Web) revokeInvitation(ctx context.Context, r request) (reply, error) {
	to, err := w.onceAt(ctx, r, portal.PeopleInvite, func(tx *portal.Tx, o whose) (string, error) {
		return o.path("/people"), partners.WithdrawInvitation(ctx, tx, o.ID, idOf(r.param("id")))
	})
	return reply{to: to, flash: &Flash{Good, "Withdrawn", "The link of that invitation is worthless now."}}, err
}

// idOf is the id that the text names; what is none is nobody's.
func idOf(text string) uuid.UUID { id, _ := uuid.Parse(text); return id }

// A memberView is the page of one person at a partner.
type memberView struct {
	whose
	partners.Membership
	form     rightsForm
	history  []partners.Grant
	sessions []partners.Session
	sites    sites
	by       portal.Caller
	tried    *partners.Weighing
	to       string // the partner that they were to be moved to
}

func (v memberView) may() bool {
	return v.by.Perms.Has(portal.PeopleManage) && v.by.PersonID != v.PersonID
}

func (w *Web) showMember(ctx context.Context, r request) (reply, error) {
	return w.memberForm(ctx, r, nil, nil)
}

// memberForm shows the member; with what was typed where it could not be taken.
func (w *Web) memberForm(ctx context.Context, r request, typed *rightsForm, tried *partners.Weighing) (reply, error) {
	v := memberView{by: r.by, tried: tried, to: r.form.Get("account_number")}
	err := w.at(ctx, r, portal.PeopleRead, func(tx *portal.Tx, o whose) (err error) {
		v.whose = o
		if v.Membership, err = partners.MemberOf(ctx, tx, o.ID, idOf(r.param("person"))); err != nil {
			return err
		}
		if v.history, err = partners.HistoryOf(ctx, tx, o.ID, v.PersonID); err != nil {
			return err
		}
		if v.sites, err = sitesAt(ctx, tx, o.ID); err != nil {
			return err
		}
		v.form = rightsForm{Roles: v.Roles, All: v.Sites == nil, Sites: v.Sites, Limit: string(v.OrderLimit)}
		switch {
		case typed != nil && r.form.Has("account_number"):
			v.form.fault = typed.fault
		case typed != nil:
			v.form = *typed
		}
		if err := v.form.offer(ctx, tx, o); err != nil {
			return err
		}
		return partners.Looked(ctx, tx, o.ID, "people")
	})
	if err != nil {
		return reply{}, err
	}
	if v.may() {
		if v.sessions, err = w.auth.SessionsOf(ctx, r.by, v.whose.ID, v.PersonID); err != nil {
			return reply{}, err
		}
	}
	r.shell.Title, r.shell.Error = Verbatim(v.Membership.Name), v.form.shown(ctx)
	a := reply{page: MemberPage(r.shell, v)}
	if v.form.fault != nil {
		a.status = statuses[v.form.fault.Kind]
	}
	return a, nil
}

func memberPath(id uuid.UUID) string { return "/people/" + id.String() }

func (w *Web) changeMember(ctx context.Context, r request) (reply, error) {
	f, id := chosen(r.form), idOf(r.param("person"))
	if r.form.Get("do") == "try" {
		var at int64
		tried, err := partners.Weighed(func(ctx context.Context, tx *portal.Tx) (partners.Weighing, error) {
			return partners.OfMember(at, id, func(ctx context.Context, tx *portal.Tx) error {
				return partners.ChangeMember(ctx, tx, at, id, f.change())
			})(ctx, tx)
		}).Try(ctx, func(g func(tx *portal.Tx) error) error {
			return w.at(ctx, r, portal.PeopleManage, func(tx *portal.Tx, o whose) error { at = o.ID; return g(tx) })
		})
		if err != nil && r.by.Perms.Has(portal.PeopleManage) && f.mended(err) {
			return w.memberForm(ctx, r, &f, nil)
		} else if err != nil {
			return reply{}, err
		}
		return w.memberForm(ctx, r, &f, &tried)
	}
	to, err := w.onceAt(ctx, r, portal.PeopleManage, func(tx *portal.Tx, o whose) (string, error) {
		return o.path(memberPath(id)), partners.ChangeMember(ctx, tx, o.ID, id, f.change())
	})
	if err != nil && r.by.Perms.Has(portal.PeopleManage) && f.mended(err) {
		return w.memberForm(ctx, r, &f, nil)
	}
	return reply{to: to, flash: &Flash{Good, "Changed", "It holds from the person's next click on."}}, err
}

// toMember does f to the member and goes on to the page that to names.
func (w *Web) toMember(f func(context.Context, *portal.Tx, int64, uuid.UUID) error, to string, said Flash) handler {
	return func(ctx context.Context, r request) (reply, error) {
		id := idOf(r.param("person"))
		to, err := w.onceAt(ctx, r, portal.PeopleManage, func(tx *portal.Tx, o whose) (string, error) {
			return o.path(strings.ReplaceAll(to, "PERSON", id.String())), f(ctx, tx, o.ID, id)
		})
		return reply{to: to, flash: &said}, err
	}
}

// moveMember lets the member in to another partner, in the roles they have here, and ends their access here.
func (w *Web) moveMember(ctx context.Context, r request) (reply, error) {
	id, number := idOf(r.param("person")), strings.TrimSpace(r.form.Get("account_number"))
	to, err := w.onceAt(ctx, r, portal.PeopleManage, func(tx *portal.Tx, o whose) (string, error) {
		if !tx.By.Host {
			return "", portal.Errorf(portal.Forbidden, "only the host's staff may do this")
		}
		m, err := partners.MemberOf(ctx, tx, o.ID, id)
		if err != nil {
			return "", err
		}
		other, err := partners.ByNumber(ctx, tx, number)
		if portal.Says(err).Kind == portal.NotFound {
			return "", &portal.Error{Kind: portal.Invalid, Msg: "they were not moved", Fields: map[string]string{"account_number": "no partner has this account number"}}
		} else if err != nil {
			return "", err
		}
		return whose{other, true}.path(memberPath(id)), partners.MoveMember(ctx, tx, o.ID, id, other.ID, partners.Change{Roles: m.Roles})
	})
	var f rightsForm
	if err != nil && r.by.Host && r.by.Perms.Has(portal.PeopleManage) && f.mended(err) {
		return w.memberForm(ctx, r, &f, nil)
	}
	return reply{to: to, flash: &Flash{Good, "Moved", "They are let in here from their next click on."}}, err
}

// endSessions ends the member's sessions, once it is known that the caller may.
func (w *Web) endSessions(ctx context.Context, r request) (reply, error) {
	id, to := idOf(r.param("person")), ""
	err := w.at(ctx, r, portal.PeopleManage, func(tx *portal.Tx, o whose) error {
		to = o.path(memberPath(id))
		return partners.Manageable(ctx, tx, o.ID, id)
	})
	if err != nil {
		return reply{}, err
	}
	n, err := w.auth.EndSessionsOf(ctx, r.by, id)
	return reply{to: to, flash: &Flash{Good, Said(ctx, "%d sessions were ended", n), "Whoever used them must sign in again."}}, err
}

// A tokensView is the page of a partner's API tokens.
type tokensView struct {
	whose
	tokens []partners.Token
	sites  sites
	by     portal.Caller
	now    time.Time
}

func (v tokensView) unused() (n int) {
	for _, t := range v.tokens {
		if t.Unused(v.now) {
			n++
		}
	}
	return n
}

func (w *Web) listTokens(ctx context.Context, r request) (reply, error) {
	v := tokensView{by: r.by, now: w.db.Now()}
	err := w.at(ctx, r, portal.PeopleRead, func(tx *portal.Tx, o whose) (err error) {
		v.whose = o
		if v.tokens, err = partners.TokensAt(ctx, tx, o.ID); err != nil {
			return err
		}
		if v.sites, err = sitesAt(ctx, tx, o.ID); err != nil {
			return err
		}
		return partners.Looked(ctx, tx, o.ID, "people")
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "API tokens"
	return reply{page: TokensPage(r.shell, v)}, nil
}

// A tokenForm is what a new token shall be, as it was typed.
type tokenForm struct {
	Name        string
	Permissions []string
	rightsForm
	grantable []string // permissions
}

func (w *Web) showNewToken(ctx context.Context, r request) (reply, error) {
	return w.newTokenForm(ctx, r, tokenForm{rightsForm: rightsForm{All: true, Days: "90"}})
}

func (w *Web) newTokenForm(ctx context.Context, r request, f tokenForm) (reply, error) {
	var o whose
	err := w.at(ctx, r, portal.TokensManage, func(tx *portal.Tx, found whose) error {
		o = found
		perms := r.by.Perms
		if o.foreign {
			perms = 0
		}
		if err := f.offer(ctx, tx, o); err != nil {
			return err
		}
		if o.foreign {
			for _, c := range f.choices {
				perms |= c.Perms
			}
		}
		f.grantable = perms.Names()
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title, r.shell.Error = "New API token", f.shown(ctx)
	a := reply{page: NewTokenPage(r.shell, o, f)}
	if f.fault != nil {
		a.status = statuses[f.fault.Kind]
	}
	return a, nil
}

// shownOnce answers with the page that shows a secret, or where it was shown before, with the list.
func (w *Web) shownOnce(r request, to, secret string, t partners.Token) reply {
	if secret == "" {
		return reply{to: to, flash: &Flash{Warn, "This was done already", "The token was shown once and is kept nowhere. If it was lost, revoke it and make another."}}
	}
	r.shell.Title = "Your new API token"
	return reply{page: TokenMadePage(r.shell, to, secret, t)}
}

func (w *Web) makeToken(ctx context.Context, r request) (reply, error) {
	f := tokenForm{Name: r.form.Get("name"), Permissions: r.form["permissions"], rightsForm: chosen(r.form)}
	var secret string
	var t partners.Token
	to, err := w.onceAt(ctx, r, portal.TokensManage, func(tx *portal.Tx, o whose) (_ string, err error) {
		lasts, err := days(f.Days)
		if err != nil {
			return "", err
		}
		secret, t, err = partners.MakeToken(ctx, tx, o.ID, partners.NewToken{Name: f.Name, Permissions: f.Permissions, Sites: f.change().Sites, ExpiresIn: lasts})
		return o.path("/tokens"), err
	})
	if err != nil {
		if r.by.Perms.Has(portal.TokensManage) && f.mended(err) {
			return w.newTokenForm(ctx, r, f)
		}
		return reply{}, err
	}
	return w.shownOnce(r, to, secret, t), nil
}

func (w *Web) rotateToken(ctx context.Context, r request) (reply, error) {
	var secret string
	var t partners.Token
	to, err := w.onceAt(ctx, r, portal.TokensManage, func(tx *portal.Tx, o whose) (_ string, err error) {
		secret, t, err = partners.RotateToken(ctx, tx, o.ID, idOf(r.param("id")), 24*time.Hour)
		return o.path("/tokens"), err
	})
	if err != nil {
		return reply{}, err
	}
	return w.shownOnce(r, to, secret, t), nil
}

func (w *Web) revokeToken(ctx context.Context, r request) (reply, error) {
	to, err := w.onceAt(ctx, r, portal.TokensManage, func(tx *portal.Tx, o whose) (string, error) {
		return o.path("/tokens"), partners.EndToken(ctx, tx, o.ID, idOf(r.param("id")))
	})
	return reply{to: to, flash: &Flash{Good, "Revoked", "The token is refused from now on."}}, err
}

// hidden is what a question posts beside its answer.
func hidden(more map[string]string) map[string]string {
	all := map[string]string{"once": uuid.NewString()}
	maps.Copy(all, more)
	return all
}

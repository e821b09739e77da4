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

func (d door) people(h huma.API) {
	const tag = "People"
	huma.Register(h, operation("list-people", http.MethodGet, "/people", tag, "List who has access",
		"Who may act for the partner, by name, a hundred a page. Follow `next` until it is empty."), d.listPeople)
	huma.Register(h, operation("get-member", http.MethodGet, "/people/{person}", tag, "Look at a member", "What one person may do for the partner, and where that comes from."), d.getMember)
	huma.Register(h, deed("change-member", http.MethodPost, "/people/{person}/change", tag, "Change what a member may do",
		"Gives the member exactly these roles, sites and limit, from their next request on. You cannot give more than you have, nor change somebody who has more.", false), d.changeMember)
	huma.Register(h, deed("suspend-member", http.MethodPost, "/people/{person}/suspend", tag, "Suspend a member", "The member stays one, and is let in nowhere at this partner until resumed: effective on their next request.", false),
		d.toMember(partners.SuspendMember, "suspend"))
	huma.Register(h, deed("resume-member", http.MethodPost, "/people/{person}/resume", tag, "Let a suspended member in again", "What the host suspended only the host resumes.", false),
		d.toMember(partners.ResumeMember, "resume"))
	huma.Register(h, deed("end-member", http.MethodPost, "/people/{person}/end", tag, "End a member's access", "Their sessions and tokens here stop on the next request.", false), d.endMember)
	huma.Register(h, deed("move-member", http.MethodPost, "/people/{person}/move", tag, "Move a member to another partner", "For the host's staff: ends the access here and grants it there, both or neither.", false), d.moveMember)
	huma.Register(h, operation("list-invitations", http.MethodGet, "/invitations", tag, "List invitations", "Those that were not accepted, newest first."), d.listInvitations)
	huma.Register(h, deed("invite", http.MethodPost, "/invitations", tag, "Invite somebody", "Mails them a link that is good once, for the invited address alone. The link itself is never shown here.", true), d.invite)
	huma.Register(h, deed("resend-invitation", http.MethodPost, "/invitations/{id}/resend", tag, "Mail an invitation again", "With a new link; the old one is worthless.", false), d.resendInvitation)
	huma.Register(h, deed("revoke-invitation", http.MethodPost, "/invitations/{id}/revoke", tag, "Withdraw an invitation", "Its link is worthless from now on.", false), d.revokeInvitation)
	huma.Register(h, operation("list-tokens", http.MethodGet, "/tokens", tag, "List API tokens", "Those that work, newest first, with when each was last used."), d.listTokens)
	huma.Register(h, deed("make-token", http.MethodPost, "/tokens", tag, "Make an API token", "The token is in this answer and nowhere else: the same request sent again brings the answer without it.", true), d.makeToken)
	huma.Register(h, deed("rotate-token", http.MethodPost, "/tokens/{id}/rotate", tag, "Replace an API token", "Makes a new token with the same name and rights; the old one goes on for the overlap. A machine may do this to its own token.", true), d.rotateToken)
	huma.Register(h, deed("revoke-token", http.MethodPost, "/tokens/{id}/revoke", tag, "Revoke an API token", "It is refused from the next request on.", false), d.revokeToken)
}

// Whose says about which partner something is asked.
type Whose struct {
	Partner string `query:"partner" doc:"For the host's staff: the account number of the partner meant; your own when left out" minLength:"1" maxLength:"100"`
}

// atPartner runs f for the partner that w names, once for the key.
func atPartner[T any](ctx context.Context, d door, need portal.Permission, key Keyed, w Whose, what string, body any, location func(T) string, f func(tx *portal.Tx, p partners.Partner) (T, error)) (*done[T], error) {
	var p partners.Partner
	do := func(by portal.Caller, g func(tx *portal.Tx) error) error {
		return partners.At(ctx, d.db, by, w.Partner, need, func(tx *portal.Tx, found partners.Partner) error { p = found; return g(tx) })
	}
	return commandIn(ctx, d, need, key, what+" at "+w.Partner, body, location, do, func(tx *portal.Tx) (T, error) { return f(tx, p) })
}

// look reads something of the partner that w names; that the host's staff looked is in the partner's audit.
func look[T any](ctx context.Context, d door, need portal.Permission, w Whose, c Conditional, f func(tx *portal.Tx, p partners.Partner) (T, error)) (*plain[T], error) {
	var v T
	by := callerOf(ctx)
	err := partners.At(ctx, d.db, by, w.Partner, need, func(tx *portal.Tx, p partners.Partner) (err error) {
		if v, err = f(tx, p); err != nil {
			return err
		}
		return partners.Looked(ctx, tx, p.ID, need.String())
	})
	if err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	return now(c, v)
}

type member struct {
	Person     uuid.UUID `json:"person" doc:"The person's id"`
	Name       string    `json:"name"`
	Email      string    `json:"email"`
	Roles      []string  `json:"roles"`
	Sites      []string  `json:"sites" nullable:"true" doc:"The sites the person is limited to; null = all"`
	OrderLimit string    `json:"order_limit" doc:"The most an order may come to without approval, in the partner's currency; empty = no limit"`
	State      string    `json:"state" enum:"active,suspended"`
	Origin     string    `json:"origin" enum:"invitation,contact,operator,groups,directory" doc:"invitation: asked in by people; contact: the core says they may log on; operator: entered; groups: of the partner's issuer; directory: over SCIM"`
	GrantedBy  string    `json:"granted_by" doc:"Who gave the present rights"`
	GrantedAt  time.Time `json:"granted_at"`
}

func memberOf(m partners.Membership) member {
	state := "active"
	if m.SuspendedAt != nil {
		state = "suspended"
	}
	return member{Person: m.PersonID, Name: m.Name, Email: m.Email, Roles: orEmpty(m.Roles), Sites: m.Sites, OrderLimit: string(m.OrderLimit), State: state, Origin: m.Origin, GrantedBy: m.GrantedBy, GrantedAt: m.GrantedAt}
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

type memberList struct {
	Items []member `json:"items"`
	Next  string   `json:"next" doc:"Cursor of the next page; empty = this is the last"`
}

type listPeopleInput struct {
	Conditional
	Whose
	Q      string `query:"q" doc:"Part of the name or the mail address" minLength:"1" maxLength:"100"`
	Cursor string `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"1000"`
}

func (d door) listPeople(ctx context.Context, in *listPeopleInput) (*plain[memberList], error) {
	return look(ctx, d, portal.PeopleRead, in.Whose, in.Conditional, func(tx *portal.Tx, p partners.Partner) (memberList, error) {
		page, err := partners.Members(ctx, tx, p.ID, partners.MemberFilter{Text: in.Q, Cursor: in.Cursor})
		out := memberList{Items: []member{}, Next: page.Next}
		for _, m := range page.Items {
			out.Items = append(out.Items, memberOf(m))
		}
		return out, err
	})
}

// Person is whom a request is about.
type Person struct {
	Person string `path:"person" format:"uuid" doc:"The person's id" minLength:"36" maxLength:"36"`
}

func (p Person) id() uuid.UUID { id, _ := uuid.Parse(p.Person); return id }

type getMemberInput struct {
	Conditional
	Whose
	Person
}

func (d door) getMember(ctx context.Context, in *getMemberInput) (*plain[member], error) {
	return look(ctx, d, portal.PeopleRead, in.Whose, in.Conditional, func(tx *portal.Tx, p partners.Partner) (member, error) {
		m, err := partners.MemberOf(ctx, tx, p.ID, in.id())
		return memberOf(m), err
	})
}

// Rights are what somebody is given at a partner.
type Rights struct {
	Roles      []string `json:"roles" minItems:"1" maxItems:"20" doc:"What they will be there, like buyer"`
	Sites      []string `json:"sites,omitempty" minItems:"1" maxItems:"1000" doc:"The sites they are limited to; all when left out"`
	OrderLimit string   `json:"order_limit,omitempty" maxLength:"20" pattern:"^([0-9]+([.][0-9]{1,4})?)?$" doc:"The most an order may come to without approval, in the partner's currency; no limit when left out"`
}

func (r Rights) change() partners.Change {
	return partners.Change{Roles: r.Roles, Sites: r.Sites, OrderLimit: portal.Amount(r.OrderLimit)}
}

type changeMemberInput struct {
	Keyed
	Whose
	Person
	Body Rights
}

func (d door) changeMember(ctx context.Context, in *changeMemberInput) (*done[member], error) {
	return atPartner(ctx, d, portal.PeopleManage, in.Keyed, in.Whose, "change member "+in.id().String(), in.Body, nil, func(tx *portal.Tx, p partners.Partner) (member, error) {
		if err := partners.ChangeMember(ctx, tx, p.ID, in.id(), in.Body.change()); err != nil {
			return member{}, err
		}
		m, err := partners.MemberOf(ctx, tx, p.ID, in.id())
		return memberOf(m), err
	})
}

type toMemberInput struct {
	Keyed
	Whose
	Person
}

func (d door) toMember(f func(context.Context, *portal.Tx, int64, uuid.UUID) error, what string) func(context.Context, *toMemberInput) (*done[member], error) {
	return func(ctx context.Context, in *toMemberInput) (*done[member], error) {
		return atPartner(ctx, d, portal.PeopleManage, in.Keyed, in.Whose, what+" member "+in.id().String(), nil, nil, func(tx *portal.Tx, p partners.Partner) (member, error) {
			if err := f(ctx, tx, p.ID, in.id()); err != nil {
				return member{}, err
			}
			m, err := partners.MemberOf(ctx, tx, p.ID, in.id())
			return memberOf(m), err
		})
	}
}

type ended struct {
	Person uuid.UUID `json:"person" doc:"Whose access ended"`
}

func (d door) endMember(ctx context.Context, in *toMemberInput) (*done[ended], error) {
	return atPartner(ctx, d, portal.PeopleManage, in.Keyed, in.Whose, "end member "+in.id().String(), nil, nil, func(tx *portal.Tx, p partners.Partner) (ended, error) {
		return ended{in.id()}, partners.EndMember(ctx, tx, p.ID, in.id())
	})
}

type moveMemberInput struct {
	Keyed
	Whose
	Person
	Body struct {
		To string `json:"to" minLength:"1" maxLength:"100" doc:"The account number of the partner they move to"`
		Rights
	}
}

func (d door) moveMember(ctx context.Context, in *moveMemberInput) (*done[ended], error) {
	return atPartner(ctx, d, portal.PeopleManage, in.Keyed, in.Whose, "move member "+in.id().String(), in.Body, nil, func(tx *portal.Tx, p partners.Partner) (ended, error) {
		if !tx.By.Host {
			return ended{}, portal.Errorf(portal.Forbidden, "only the host's staff may do this")
		}
		if _, err := partners.MemberOf(ctx, tx, p.ID, in.id()); err != nil {
			return ended{}, err
		}
		to, err := partners.ByNumber(ctx, tx, in.Body.To)
		if err != nil {
			return ended{}, err
		}
		return ended{in.id()}, partners.MoveMember(ctx, tx, p.ID, in.id(), to.ID, in.Body.change())
	})
}

type invitation struct {
	ID         uuid.UUID `json:"id"`
	Email      string    `json:"email"`
	Roles      []string  `json:"roles"`
	Sites      []string  `json:"sites" nullable:"true" doc:"null = all"`
	OrderLimit string    `json:"order_limit" doc:"empty = no limit"`
	InvitedBy  string    `json:"invited_by"`
	InvitedAt  time.Time `json:"invited_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	Sent       int       `json:"sent" doc:"How often it was mailed"`
	State      string    `json:"state" enum:"open,expired,revoked"`
}

func invitationOf(i partners.Invitation, now time.Time) invitation {
	state := "open"
	switch {
	case i.RevokedAt != nil:
		state = "revoked"
	case !now.Before(i.ExpiresAt):
		state = "expired"
	}
	return invitation{ID: i.ID, Email: i.Email, Roles: orEmpty(i.Roles), Sites: i.Sites, OrderLimit: string(i.OrderLimit), InvitedBy: i.InvitedBy, InvitedAt: i.InvitedAt, ExpiresAt: i.ExpiresAt, Sent: i.Sent, State: state}
}

type invitationList struct {
	Items []invitation `json:"items"`
}

type whoseInput struct {
	Conditional
	Whose
}

func (d door) listInvitations(ctx context.Context, in *whoseInput) (*plain[invitationList], error) {
	return look(ctx, d, portal.PeopleRead, in.Whose, in.Conditional, func(tx *portal.Tx, p partners.Partner) (invitationList, error) {
		list, err := partners.InvitationsOf(ctx, tx, p.ID)
		out := invitationList{Items: []invitation{}}
		for _, i := range list {
			out.Items = append(out.Items, invitationOf(i, tx.Now))
		}
		return out, err
	})
}

type inviteInput struct {
	Keyed
	Whose
	Body struct {
		Email string `json:"email" format:"email" maxLength:"254" doc:"Their issuer must have verified this address"`
		Rights
		ExpiresInDays int `json:"expires_in_days,omitempty" minimum:"1" maximum:"90" doc:"How long the link is good; a week when left out"`
	}
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

func (d door) invite(ctx context.Context, in *inviteInput) (*done[invitation], error) {
	return atPartner(ctx, d, portal.PeopleInvite, in.Keyed, in.Whose, "invite", in.Body, func(invitation) string { return "invitations" }, func(tx *portal.Tx, p partners.Partner) (invitation, error) {
		c := in.Body.change()
		i, err := partners.Ask(ctx, tx, p, partners.New{Email: in.Body.Email, Roles: c.Roles, Sites: c.Sites, OrderLimit: c.OrderLimit, ExpiresIn: days(in.Body.ExpiresInDays)})
		i.Sent = 1
		return invitationOf(i, tx.Now), err
	})
}

// ID names what a request is about.
type ID struct {
	ID string `path:"id" format:"uuid" doc:"As the list has it" minLength:"36" maxLength:"36"`
}

func (i ID) id() uuid.UUID { id, _ := uuid.Parse(i.ID); return id }

type resendInput struct {
	Keyed
	Whose
	ID
	Body struct {
		ExpiresInDays int `json:"expires_in_days,omitempty" minimum:"1" maximum:"90" doc:"How long the new link is good; a week when left out"`
	}
}

func (d door) resendInvitation(ctx context.Context, in *resendInput) (*done[invitation], error) {
	return atPartner(ctx, d, portal.PeopleInvite, in.Keyed, in.Whose, "resend "+in.id().String(), in.Body, nil, func(tx *portal.Tx, p partners.Partner) (invitation, error) {
		i, err := partners.AskAgain(ctx, tx, p, in.id(), days(in.Body.ExpiresInDays))
		i.Sent++
		return invitationOf(i, tx.Now), err
	})
}

type toIDInput struct {
	Keyed
	Whose
	ID
}

type gone struct {
	ID uuid.UUID `json:"id" doc:"What is worthless from now on"`
}

func (d door) revokeInvitation(ctx context.Context, in *toIDInput) (*done[gone], error) {
	return atPartner(ctx, d, portal.PeopleInvite, in.Keyed, in.Whose, "revoke invitation "+in.id().String(), nil, nil, func(tx *portal.Tx, p partners.Partner) (gone, error) {
		return gone{in.id()}, partners.WithdrawInvitation(ctx, tx, p.ID, in.id())
	})
}

// Token is an API token as lists show it.
type Token struct {
	ID          uuid.UUID  `json:"id"`
	Name        string     `json:"name"`
	Permissions []string   `json:"permissions"`
	Sites       []string   `json:"sites" nullable:"true" doc:"null = all"`
	CreatedBy   string     `json:"created_by"`
	CreatedAt   time.Time  `json:"created_at"`
	ExpiresAt   time.Time  `json:"expires_at"`
	LastUsedAt  *time.Time `json:"last_used_at" doc:"null = never"`
	Unused      bool       `json:"unused" doc:"Nobody has used it for 90 days: revoke it"`
}

func tokenOf(t partners.Token, now time.Time) Token {
	return Token{ID: t.ID, Name: t.Name, Permissions: orEmpty(t.Permissions), Sites: t.Sites, CreatedBy: t.CreatedBy, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, LastUsedAt: t.LastUsedAt, Unused: t.Unused(now)}
}

type tokenList struct {
	Items []Token `json:"items"`
}

func (d door) listTokens(ctx context.Context, in *whoseInput) (*plain[tokenList], error) {
	return look(ctx, d, portal.PeopleRead, in.Whose, in.Conditional, func(tx *portal.Tx, p partners.Partner) (tokenList, error) {
		list, err := partners.TokensAt(ctx, tx, p.ID)
		out := tokenList{Items: []Token{}}
		for _, t := range list {
			out.Items = append(out.Items, tokenOf(t, tx.Now))
		}
		return out, err
	})
}

// madeToken is a token with its secret, which no answer holds twice.
type madeToken struct {
	Token
	Secret string `json:"secret" doc:"The bearer token: shown this once. Empty when the request was sent before"`
}

type makeTokenInput struct {
	Keyed
	Whose
	Body struct {
		Name          string   `json:"name" minLength:"1" maxLength:"100" doc:"What it is for, as the audit names it"`
		Permissions   []string `json:"permissions" minItems:"1" maxItems:"64" doc:"What it may do, like orders:read; no more than you may"`
		Sites         []string `json:"sites,omitempty" minItems:"1" maxItems:"1000" doc:"The sites it is limited to; all when left out"`
		ExpiresInDays int      `json:"expires_in_days" minimum:"1" maximum:"366" doc:"How long it is good"`
	}
}

func (d door) makeToken(ctx context.Context, in *makeTokenInput) (*done[madeToken], error) {
	secret := ""
	a, err := atPartner(ctx, d, portal.TokensManage, in.Keyed, in.Whose, "make token", in.Body, func(madeToken) string { return "tokens" }, func(tx *portal.Tx, p partners.Partner) (m madeToken, err error) {
		var t partners.Token
		secret, t, err = partners.MakeToken(ctx, tx, p.ID, partners.NewToken{Name: in.Body.Name, Permissions: in.Body.Permissions, Sites: in.Body.Sites, ExpiresIn: days(in.Body.ExpiresInDays)})
		return madeToken{Token: tokenOf(t, tx.Now)}, err
	})
	if err == nil {
		a.Body.Secret = secret // beside what is kept for the key
	}
	return a, err
}

type rotateTokenInput struct {
	Keyed
	Whose
	ID
	Body struct {
		OverlapHours int `json:"overlap_hours" minimum:"0" maximum:"168" doc:"How long the old token goes on; 0 = it is worthless at once"`
	}
}

func (d door) rotateToken(ctx context.Context, in *rotateTokenInput) (*done[madeToken], error) {
	secret := ""
	a, err := atPartner(ctx, d, portal.TokensManage, in.Keyed, in.Whose, "rotate token "+in.id().String(), in.Body, func(madeToken) string { return "tokens" }, func(tx *portal.Tx, p partners.Partner) (m madeToken, err error) {
		var t partners.Token
		secret, t, err = partners.RotateToken(ctx, tx, p.ID, in.id(), time.Duration(in.Body.OverlapHours)*time.Hour)
		return madeToken{Token: tokenOf(t, tx.Now)}, err
	})
	if err == nil {
		a.Body.Secret = secret
	}
	return a, err
}

func (d door) revokeToken(ctx context.Context, in *toIDInput) (*done[gone], error) {
	return atPartner(ctx, d, portal.TokensManage, in.Keyed, in.Whose, "revoke token "+in.id().String(), nil, nil, func(tx *portal.Tx, p partners.Partner) (gone, error) {
		return gone{in.id()}, partners.EndToken(ctx, tx, p.ID, in.id())
	})
}

package partners

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"extranet/portal"
)

// A Source is where somebody has a right from, or what keeps it from them.
type Source struct {
	Role  string    // by whose name it is granted
	Since time.Time // when they were first given the role, as far as is remembered without a gap
	By    string    // who gave it, as the audit names them
	How   string    // in words: by whom it came
}

// A Right is one thing that somebody may do at a partner, or could but for something.
type Right struct {
	Permission string
	Words      string
	Held       bool
	Sources    []Source
	Kept       string // why it is not held although a role gives it; "" = it is held
}

// An Explanation says what somebody may do at a partner, and why.
type Explanation struct {
	Member     Membership
	Rights     []Right
	Programmes []string // of the partner
	Modules    []string // that those open
	Categories []string // of products; nil = all
	Kinds      []string // of documents; nil = all
	Limit      portal.Amount
	Sites      string // in words: which, and why these
	Contact    string // of the core, by which they came in; "" = not so
	Tokens     []Token
}

// Explain tells what the person may do at the partner, each right with where it comes from. It needs PeopleRead; whoever is no member, or beyond the
// caller's sites, is NotFound.
func Explain(ctx context.Context, tx *portal.Tx, partner int64, person uuid.UUID) (e Explanation, err error) {
	if e.Member, err = MemberOf(ctx, tx, partner, person); err != nil {
		return e, err
	}
	return explain(ctx, tx, e)
}

// ExplainOwn is Explain of what the caller themselves may do at their partner.
func ExplainOwn(ctx context.Context, tx *portal.Tx) (e Explanation, err error) {
	if e.Member, err = memberOf(ctx, tx, tx.By.PartnerID, tx.By.PersonID, ""); err != nil {
		return e, err
	}
	return explain(ctx, tx, e)
}

func explain(ctx context.Context, tx *portal.Tx, e Explanation) (Explanation, error) {
	partner, person := e.Member.PartnerID, e.Member.PersonID
	list, err := standings(ctx, tx, scope{Members: []memberKey{{partner, person}}})
	if err != nil {
		return e, err
	}
	if len(list) != 1 {
		return e, portal.Errorf(portal.NotFound, "there is no such member")
	}
	s := list[0]
	e.Programmes, e.Modules, e.Categories, e.Kinds, e.Limit = s.Programmes, s.Modules, s.Categories, s.Kinds, s.limit
	history, err := historyOf(ctx, tx, partner, person)
	if err != nil {
		return e, err
	}
	if e.Member.Origin == FromContact {
		if e.Contact, err = contactOf(ctx, tx, partner, e.Member.Email); err != nil {
			return e, err
		}
	}
	switch {
	case e.Member.Sites == nil && e.Contact != "":
		e.Sites = fmt.Sprintf("All sites: the core's contact %s is the company's as a whole or its head office's", e.Contact)
	case e.Member.Sites == nil:
		e.Sites = "All sites, and those to come: they were let in without a limit"
	case e.Contact != "":
		e.Sites = fmt.Sprintf("%s: the sites of the core's contact %s", strings.Join(e.Member.Sites, ", "), e.Contact)
	default:
		e.Sites = fmt.Sprintf("%s: limited to these by %s", strings.Join(e.Member.Sites, ", "), nameOf(e.Member.GrantedBy))
	}
	roles, err := rolesNamed(ctx, tx, e.Member.Roles, s.KindOf)
	if err != nil {
		return e, err
	}
	for p := range portal.AllPermissions() {
		r := Right{Permission: p.String(), Words: p.Words(), Held: s.perms.Has(p)}
		for _, role := range roles {
			if role.Perms.Has(p) {
				r.Sources = append(r.Sources, sourceOf(role.Name, e.Member, history, e.Contact))
			}
		}
		if len(r.Sources) == 0 {
			continue
		}
		switch {
		case r.Held:
		case s.Suspended:
			r.Kept = fmt.Sprintf("suspended by %s", nameOf(deref(e.Member.SuspendedBy)))
		case s.KindOf == "dealer" && portal.OfSuppliers.Has(p):
			r.Kept = "there is nothing of that for dealers"
		default:
			r.Kept = fmt.Sprintf("none of the partner's programmes opens it: %s", strings.Join(e.Programmes, ", "))
		}
		e.Rights = append(e.Rights, r)
	}
	err = tx.Select(ctx, &e.Tokens, `SELECT `+tokenColumns+` FROM tokens WHERE partner_id = $1 AND person_id = $2 AND revoked_at IS NULL AND expires_at > $3 ORDER BY created_at DESC LIMIT 100`, partner, person, tx.Now)
	if err != nil {
		return e, fmt.Errorf("reading the person's tokens: %w", err)
	}
	return e, nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// nameOf leaves out the id behind a name of the audit.
func nameOf(actor string) string {
	name, _, _ := strings.Cut(actor, " <")
	return name
}

// contactOf names the core's contact by which somebody with the mail address is let in.
func contactOf(ctx context.Context, tx *portal.Tx, partner int64, email string) (named string, err error) {
	err = tx.Get(ctx, &named, `SELECT contact || ' (' || name || coalesce(', ' || role, '') || coalesce(', site ' || site, '') || ')' FROM contacts WHERE partner_id = $1 AND lower(email) = lower($2) AND may_log_on ORDER BY contact LIMIT 1`, partner, email)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	} else if err != nil {
		return "", fmt.Errorf("reading a contact: %w", err)
	}
	return named, nil
}

// rolesNamed are the roles, as they can be held at a partner of the kind.
func rolesNamed(ctx context.Context, tx *portal.Tx, names []string, kind string) (list []portal.Role, err error) {
	for _, r := range portal.Roles {
		if r.Host == (kind == "host") && slices.Contains(names, r.Name) {
			list = append(list, r)
		}
	}
	defined, err := definedRoles(ctx, tx, kind)
	if err != nil {
		return nil, err
	}
	for _, d := range defined {
		if slices.Contains(names, d.Name) {
			list = append(list, portal.Role{Name: d.Name, Host: kind == "host", Perms: known(d.Permissions)})
		}
	}
	return list, nil
}

// sourceOf finds in the history, the latest first, when the role was given that is held since.
func sourceOf(role string, m Membership, history []Grant, contact string) Source {
	s := Source{Role: role, Since: m.GrantedAt, By: m.GrantedBy}
	why := ""
	for _, g := range history {
		if g.State == "ended" || !slices.Contains(g.Roles, role) {
			break
		}
		s.Since, s.By, why = g.At, g.ChangedBy, g.Why
	}
	switch {
	case m.Origin == FromContact && contact != "" && (why == FromContact || why == ""):
		s.How = fmt.Sprintf("the core lets its contact %s log on", contact)
	case why == FromInvitation:
		s.How = fmt.Sprintf("by an invitation of %s", nameOf(s.By))
	case why == FromOperator:
		s.How = "entered by the portal's operator"
	default:
		s.How = fmt.Sprintf("given by %s", nameOf(s.By))
	}
	return s
}

// siteOf returns the site of a document, "" = the company as a whole; NotFound when it is not there.
func siteOf(ctx context.Context, tx *portal.Tx, partner int64, query, number string) (string, error) {
	var site []string
	if err := tx.Select(ctx, &site, query, partner, number); err != nil {
		return "", fmt.Errorf("finding a document: %w", err)
	}
	if len(site) == 0 {
		return "", portal.Errorf(portal.NotFound, "there is no such document")
	}
	return site[0], nil
}

// A Reader is somebody, or a token, that can see a document now.
type Reader struct {
	Subject uuid.UUID
	Kind    string // person, token or staff
	Name    string
	Email   string
	Roles   []string // that allow it
	Sites   []string // nil = all
	Reason  string   // in words
}

// Readers are who can see a document now, and who of the partner cannot although they have access.
type Readers struct {
	Document string
	Site     string
	Readers  []Reader
	Others   int // members who have access and cannot see it
}

// WhoSees tells who can see the partner's document now, and why: the partner's people and tokens, and the host's staff. document is like
// claims/C-1. It needs PeopleRead. Callers limited to some sites are Forbidden: the answer speaks of all. One that is not there is NotFound.
func WhoSees(ctx context.Context, tx *portal.Tx, partner int64, document string) (r Readers, err error) {
	if err := reach(tx, partner, portal.PeopleRead); err != nil {
		return r, err
	}
	if tx.By.Sites != nil && partner == tx.By.PartnerID {
		return r, portal.Errorf(portal.Forbidden, "the answer speaks of all sites, and your access is limited to some")
	}
	kind, number, _ := strings.Cut(document, "/")
	d, ok := documents[kind]
	if !ok {
		return r, &portal.Error{Kind: portal.Invalid, Msg: "that is no document whose readers can be told", Fields: map[string]string{"document": "write it like orders/4711 or claims/C-1"}}
	}
	r.Document = document
	if r.Site, err = siteOf(ctx, tx, partner, d.site, number); err != nil {
		return r, err
	}
	people, err := standings(ctx, tx, scope{Partners: []int64{partner}})
	if err != nil {
		return r, err
	}
	tokens, err := tokensStanding(ctx, tx, []int64{partner})
	if err != nil {
		return r, err
	}
	where := "it is of the company as a whole"
	if r.Site != "" {
		where = "it is of the site " + r.Site
	}
	kinds := map[string]portal.Permissions{}
	for _, s := range slices.Concat(people, tokens) {
		if !s.perms.Has(d.need) || s.Sites != nil && (r.Site == "" || !slices.Contains(s.Sites, r.Site)) {
			if !s.Token {
				r.Others++
			}
			continue
		}
		one := Reader{Subject: s.Subject, Kind: "person", Name: s.Name, Email: s.Email, Sites: s.Sites}
		if s.Token {
			one.Kind = "token"
			one.Reason = fmt.Sprintf("the token may %s", d.need.Words())
		} else {
			for _, role := range s.Roles {
				if _, ok := kinds[role]; !ok {
					if kinds[role], err = allowedBy(ctx, tx, partner, s.KindOf, []string{role}); err != nil {
						return r, err
					}
				}
				if kinds[role].Has(d.need) {
					one.Roles = append(one.Roles, role)
				}
			}
			one.Reason = fmt.Sprintf("the role %s lets them %s", strings.Join(one.Roles, ", "), d.need.Words())
		}
		if s.Sites == nil {
			one.Reason = fmt.Sprintf("%s, at all sites", one.Reason)
		} else {
			one.Reason = fmt.Sprintf("%s; %s, one of theirs", one.Reason, where)
		}
		r.Readers = append(r.Readers, one)
	}
	if !tx.By.Host {
		return r, nil
	}
	var staff []struct {
		PersonID uuid.UUID      `db:"person_id"`
		Name     string         `db:"name"`
		Email    string         `db:"email"`
		Roles    pq.StringArray `db:"roles"`
		rights
	}
	err = tx.Select(ctx, &staff, `
		SELECT m.person_id, m.name, m.email, m.roles, `+rightsColumns+`
		FROM memberships m JOIN partners p ON p.partner_id = m.partner_id
		WHERE p.kind = 'host' AND p.closed_at IS NULL AND m.ended_at IS NULL AND m.suspended_at IS NULL ORDER BY m.name, m.person_id LIMIT 1000`)
	if err != nil {
		return r, fmt.Errorf("reading the host's staff: %w", err)
	}
	for _, s := range staff {
		perms, reason := s.allow(s.Roles, "host"), ""
		switch {
		case perms.Has(d.desk) && d.desk != portal.ViewAs:
			reason = "of the host's staff, who " + d.desk.Words()
		case perms.Has(portal.ViewAs):
			reason = "of the host's staff, who may view as the partner for a reason that the partner reads"
		default:
			continue
		}
		r.Readers = append(r.Readers, Reader{Subject: s.PersonID, Kind: "staff", Name: s.Name, Email: s.Email, Roles: s.Roles, Reason: reason})
	}
	return r, nil
}

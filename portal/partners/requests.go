package partners

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"extranet/portal"
)

// States of a request for access.
const (
	RequestOpen      = "open"
	RequestGranted   = "granted"
	RequestRefused   = "refused"
	RequestWithdrawn = "withdrawn"
)

// A Request asks for access beyond what a member has, with the reason.
type Request struct {
	ID        uuid.UUID      `db:"request_id"`
	PersonID  uuid.UUID      `db:"person_id"`
	Name      string         `db:"name"`
	Email     string         `db:"email"`
	Roles     pq.StringArray `db:"roles"` // asked for beside those held
	Sites     pq.StringArray `db:"sites"` // asked for beside those held; nil = all
	Why       string         `db:"why"`
	AskedBy   string         `db:"asked_by"` // as the audit names them
	AskedAt   time.Time      `db:"asked_at"`
	State     string         `db:"state"`
	DecidedBy string         `db:"decided_by"`
	DecidedAt *time.Time     `db:"decided_at"`
	Words     string         `db:"words"` // of whoever decided
	ByHost    bool           `db:"by_host"`
	Added     pq.StringArray `db:"added_roles"` // by the grant
	Before    pq.StringArray `db:"sites_before"`
}

const requestColumns = `q.request_id, q.person_id, m.name, m.email, q.roles, q.sites, q.why, q.asked_by, q.asked_at, q.state, coalesce(q.decided_by, '') AS decided_by, q.decided_at, coalesce(q.words, '') AS words, q.by_host, q.added_roles, q.sites_before`

func checkWords(field, text string, least int) (string, error) {
	text = strings.TrimSpace(text)
	if n := len([]rune(text)); n < least || n > 500 || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' }) {
		return text, &portal.Error{Kind: portal.Invalid, Msg: "words are needed", Fields: map[string]string{field: fmt.Sprintf("say it in %d to 500 characters", least)}}
	}
	return text, nil
}

// RequestAccess asks for roles, and for sites, beside what the person has at the partner, and mails those who can grant it. A member asks for
// themselves; for somebody else it needs PeopleInvite. What cannot be held there, what they have already, and a reason that says nothing are
// Invalid; while one is open a second is a Conflict; whoever is no member is NotFound.
func RequestAccess(ctx context.Context, tx *portal.Tx, p Partner, person uuid.UUID, roles, sites []string, why string) (r Request, err error) {
	if person != tx.By.PersonID || person == uuid.Nil {
		if err := reach(tx, p.ID, portal.PeopleInvite); err != nil {
			return r, err
		}
	}
	m, err := memberOf(ctx, tx, p.ID, person, "")
	if err != nil {
		return r, err
	}
	if why, err = checkWords("why", why, 5); err != nil {
		return r, err
	}
	roles = slices.DeleteFunc(append([]string{}, sorted(roles)...), func(role string) bool { return slices.Contains(m.Roles, role) })
	if len(roles) > 0 {
		if err := checkRoles(ctx, tx, roles, p.Kind); err != nil {
			return r, err
		}
	}
	more := sites == nil && m.Sites != nil || len(without(sites, m.Sites)) > 0 && m.Sites != nil
	if len(roles) == 0 && !more {
		return r, &portal.Error{Kind: portal.Invalid, Msg: "that is there already", Fields: map[string]string{"roles": "choose a role or a site beyond what there is"}}
	}
	if sites != nil {
		var unknown []string
		if err := tx.Select(ctx, &unknown, `SELECT w FROM unnest($2::text[]) w WHERE NOT EXISTS (SELECT 1 FROM sites WHERE partner_id = $1 AND site = w)`, p.ID, pq.StringArray(sites)); err != nil {
			return r, fmt.Errorf("checking sites: %w", err)
		}
		if len(unknown) > 0 {
			return r, &portal.Error{Kind: portal.Invalid, Msg: fmt.Sprintf("there is no site %q", unknown[0]), Fields: map[string]string{"sites": "choose from the partner's own sites"}}
		}
	}
	id, err := uuid.NewV7()
	if err != nil {
		return r, err
	}
	r = Request{ID: id, PersonID: person, Name: m.Name, Email: m.Email, Roles: roles, Sites: sorted(sites), Why: why, AskedBy: tx.By.Actor(), AskedAt: tx.Now, State: RequestOpen}
	_, err = tx.Exec(ctx, `INSERT INTO access_requests (partner_id, request_id, person_id, roles, sites, why, asked_by, asked_at, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'open')`,
		p.ID, id, person, r.Roles, portal.Limit(r.Sites), why, r.AskedBy, tx.Now)
	if portal.Broke(err, "access_requests_open_once") {
		return r, portal.Errorf(portal.Conflict, "there is a request of %s that is not decided yet", m.Name)
	} else if err != nil {
		return r, fmt.Errorf("asking for access: %w", err)
	}
	tx.Changed(peopleNoun, p.ID)
	if err := tx.AuditFor(ctx, p.ID, "access.request", id.String(), map[string]string{"name": m.Name, "roles": strings.Join(roles, " "), "sites": strings.Join(sites, " "), "why": why}); err != nil {
		return r, err
	}
	return r, tellDeciders(ctx, tx, p, r)
}

// asked says in words what a request asks for.
func (r Request) asked() portal.Saying {
	roles, sites := portal.Say("the roles %s", strings.Join(r.Roles, ", ")), portal.Say("all sites")
	if r.Sites != nil {
		sites = portal.Say("the sites %s", strings.Join(r.Sites, ", "))
	}
	switch {
	case len(r.Roles) == 0:
		return sites
	case r.Sites != nil && len(r.Sites) == 0:
		return roles
	}
	return portal.Say("%s and %s", roles, sites)
}

// tellDeciders mails the partner's people who can grant what is asked for; where there are none, nobody: the host's staff find it on the partner's page.
func tellDeciders(ctx context.Context, tx *portal.Tx, p Partner, r Request) error {
	list, err := standings(ctx, tx, scope{Partners: []int64{p.ID}})
	if err != nil {
		return err
	}
	told := 0
	for _, s := range list {
		if s.Subject == r.PersonID || !s.perms.Has(portal.PeopleManage) || told == 20 {
			continue
		}
		told++
		err := tx.MailFor(ctx, p.ID, portal.Mail{To: s.Email, Subject: portal.Say("%s asks for more access at %s", r.Name, p.Name), Path: "/people/requests",
			Text: []portal.Saying{portal.Say("%s (%s) asks for %s at %s, because:", r.Name, r.Email, r.asked(), p.Name), portal.Quote(r.Why), portal.Say("Open the address below to grant or refuse it.")}})
		if err != nil {
			return err
		}
	}
	return nil
}

// Requests lists what is asked for at the partner: what is open first, then the latest decided, at most 200. It needs PeopleManage. A caller
// limited to some sites sees those of the members whom they see.
func Requests(ctx context.Context, tx *portal.Tx, partner int64) (list []Request, err error) {
	if err := reach(tx, partner, portal.PeopleManage); err != nil {
		return nil, err
	}
	err = tx.Select(ctx, &list, `
		SELECT `+requestColumns+`
		FROM access_requests q JOIN memberships m ON m.partner_id = q.partner_id AND m.person_id = q.person_id
		WHERE q.partner_id = $1 AND ($2::text[] IS NULL OR m.sites IS NULL OR m.sites && $2)
		ORDER BY q.state <> 'open', q.asked_at DESC, q.request_id DESC LIMIT 200`, partner, limitAt(tx, partner))
	if err != nil {
		return nil, fmt.Errorf("listing requests for access: %w", err)
	}
	return list, nil
}

// OwnRequests lists what the caller asked for at their partner, the latest first, at most 50.
func OwnRequests(ctx context.Context, tx *portal.Tx) (list []Request, err error) {
	err = tx.Select(ctx, &list, `
		SELECT `+requestColumns+`
		FROM access_requests q JOIN memberships m ON m.partner_id = q.partner_id AND m.person_id = q.person_id
		WHERE q.partner_id = $1 AND q.person_id = $2 ORDER BY q.asked_at DESC, q.request_id DESC LIMIT 50`, tx.By.PartnerID, tx.By.PersonID)
	if err != nil {
		return nil, fmt.Errorf("listing own requests for access: %w", err)
	}
	return list, nil
}

// requestAt returns the request and holds it.
func requestAt(ctx context.Context, tx *portal.Tx, partner int64, id uuid.UUID) (r Request, err error) {
	err = tx.Get(ctx, &r, `
		SELECT `+requestColumns+`
		FROM access_requests q JOIN memberships m ON m.partner_id = q.partner_id AND m.person_id = q.person_id
		WHERE q.partner_id = $1 AND q.request_id = $2 AND ($3::text[] IS NULL OR m.sites IS NULL OR m.sites && $3) FOR UPDATE OF q`, partner, id, limitAt(tx, partner))
	if errors.Is(err, sql.ErrNoRows) {
		return r, portal.Errorf(portal.NotFound, "there is no such request")
	} else if err != nil {
		return r, fmt.Errorf("reading a request for access: %w", err)
	}
	return r, nil
}

// decidable returns the request when the caller may decide it: what is open, and for the host's staff what was decided otherwise.
func decidable(ctx context.Context, tx *portal.Tx, p Partner, id uuid.UUID, state string) (r Request, err error) {
	if err := reach(tx, p.ID, portal.PeopleManage); err != nil {
		return r, err
	}
	if r, err = requestAt(ctx, tx, p.ID, id); err != nil {
		return r, err
	}
	overrules := tx.By.Host && p.ID != tx.By.PartnerID
	switch {
	case r.PersonID == tx.By.PersonID:
		return r, portal.Errorf(portal.Forbidden, "your own request is for another administrator to decide, or for the host")
	case r.State == RequestOpen:
	case r.State == state || r.State == RequestWithdrawn:
		return r, portal.Errorf(portal.Conflict, "this request is %s already", r.State)
	case !overrules && r.ByHost:
		return r, portal.Errorf(portal.Conflict, "the host decided this request; only the host can decide it anew")
	case !overrules:
		return r, portal.Errorf(portal.Conflict, "this request is %s already", r.State)
	}
	return r, nil
}

// GrantRequest gives the member what was asked for beside what they have, and tells them. It needs PeopleManage, and takes what the caller could give:
// nobody grants above their own rights, nor what they asked for themselves: Forbidden. What was decided already is a Conflict; but the host's
// staff may grant what the partner's administrators refused. One that is not there is NotFound.
func GrantRequest(ctx context.Context, tx *portal.Tx, p Partner, id uuid.UUID, words string) (r Request, err error) {
	if words != "" {
		if words, err = checkWords("words", words, 1); err != nil {
			return r, err
		}
	}
	if r, err = decidable(ctx, tx, p, id, RequestGranted); err != nil {
		return r, err
	}
	m, err := managed(ctx, tx, p.ID, r.PersonID)
	if err != nil {
		return r, err
	}
	c := Change{Roles: sorted(append(slices.Clone(m.Roles), r.Roles...)), OrderLimit: m.OrderLimit}
	if m.Sites != nil && r.Sites != nil {
		c.Sites = sorted(append(slices.Clone(m.Sites), r.Sites...))
	}
	if err := ChangeMember(ctx, tx, p.ID, r.PersonID, c); err != nil {
		return r, err
	}
	r.Added, r.Before = without(c.Roles, m.Roles), m.Sites
	return decideRequest(ctx, tx, p, r, RequestGranted, words)
}

// RefuseRequest refuses what was asked for, in words that the member reads. It needs PeopleManage. The host's staff may refuse what was granted: what it
// gave is taken away again. Otherwise as [GrantRequest].
func RefuseRequest(ctx context.Context, tx *portal.Tx, p Partner, id uuid.UUID, words string) (r Request, err error) {
	if words, err = checkWords("words", words, 5); err != nil {
		return r, err
	}
	if r, err = decidable(ctx, tx, p, id, RequestRefused); err != nil {
		return r, err
	}
	if r.State == RequestGranted {
		m, err := managed(ctx, tx, p.ID, r.PersonID)
		if err != nil {
			return r, err
		}
		c := Change{Roles: without(m.Roles, r.Added), Sites: r.Before, OrderLimit: m.OrderLimit}
		if len(c.Roles) == 0 {
			return r, portal.Errorf(portal.Conflict, "nothing would be left to %s; end their access instead", m.Name)
		}
		if err := ChangeMember(ctx, tx, p.ID, r.PersonID, c); err != nil {
			return r, err
		}
	}
	return decideRequest(ctx, tx, p, r, RequestRefused, words)
}

// outcome says what became of a request.
var outcome = map[string]portal.Saying{RequestGranted: portal.Say("granted"), RequestRefused: portal.Say("refused")}

func decideRequest(ctx context.Context, tx *portal.Tx, p Partner, r Request, state, words string) (Request, error) {
	before := r.State
	r.State, r.Words, r.DecidedBy, r.DecidedAt, r.ByHost = state, words, tx.By.Actor(), &tx.Now, tx.By.Host && p.ID != tx.By.PartnerID
	_, err := tx.Exec(ctx, `UPDATE access_requests SET state = $3, words = nullif($4, ''), decided_by = $5, decided_at = $6, by_host = $7, added_roles = $8, sites_before = $9 WHERE partner_id = $1 AND request_id = $2`,
		p.ID, r.ID, r.State, r.Words, r.DecidedBy, tx.Now, r.ByHost, portal.Limit(r.Added), portal.Limit(r.Before))
	if err != nil {
		return r, fmt.Errorf("deciding a request for access: %w", err)
	}
	tx.Changed(peopleNoun, p.ID)
	if err := tx.AuditFor(ctx, p.ID, "access."+map[string]string{RequestGranted: "grant", RequestRefused: "refuse", RequestWithdrawn: "withdraw"}[state], r.ID.String(),
		map[string]string{"name": r.Name, "roles": strings.Join(r.Roles, " "), "sites": strings.Join(r.Sites, " "), "words": words, "before": before}); err != nil {
		return r, err
	}
	if state == RequestWithdrawn {
		return r, nil
	}
	text := []portal.Saying{portal.Say("%s (%s) has %s your request for %s at %s.", tx.By.Name, tx.By.PartnerName, outcome[state], r.asked(), p.Name)}
	if words != "" {
		text = append(text, portal.Quote(words))
	}
	return r, tx.MailFor(ctx, p.ID, portal.Mail{To: r.Email, Subject: portal.Say("Your request for access at %s is %s", p.Name, outcome[state]), Text: text, Path: "/access"})
}

// WithdrawRequest takes back a request of the caller's own that is open; any other is NotFound.
func WithdrawRequest(ctx context.Context, tx *portal.Tx, p Partner, id uuid.UUID) (r Request, err error) {
	if r, err = requestAt(ctx, tx, p.ID, id); err != nil {
		return r, err
	}
	if r.PersonID != tx.By.PersonID && r.AskedBy != tx.By.Actor() {
		return r, portal.Errorf(portal.NotFound, "there is no such request")
	}
	if r.State != RequestOpen {
		return r, portal.Errorf(portal.Conflict, "this request is %s already", r.State)
	}
	return decideRequest(ctx, tx, p, r, RequestWithdrawn, "")
}

// Askable are the roles that the caller could ask for at their partner.
func Askable(ctx context.Context, tx *portal.Tx, p Partner) (choices []RoleChoice, err error) {
	m, err := memberOf(ctx, tx, p.ID, tx.By.PersonID, "")
	if err != nil {
		return nil, err
	}
	all, err := choicesOf(ctx, tx, p.Kind)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if slices.Contains(m.Roles, c.Name) {
			continue
		}
		if c.Perms, err = allowedBy(ctx, tx, p.ID, p.Kind, []string{c.Name}); err != nil {
			return nil, err
		}
		if c.Perms != 0 {
			choices = append(choices, c)
		}
	}
	return choices, nil
}

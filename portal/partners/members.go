package partners

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"extranet/portal"
)

// At runs f for the partner with the account number: the caller's own as anything of theirs is done, and any other for the host's
// staff who hold need. To everybody else another partner does not exist: NotFound. "" is the caller's own.
func At(ctx context.Context, db *portal.DB, by portal.Caller, number string, need portal.Permission, f func(tx *portal.Tx, p Partner) error) error {
	if number == "" || number == by.PartnerNumber {
		return db.Do(ctx, by, func(tx *portal.Tx) error {
			if err := tx.Need(need); err != nil {
				return err
			}
			p, err := ByNumber(ctx, tx, by.PartnerNumber)
			if err != nil {
				return err
			}
			return f(tx, p)
		})
	}
	if err := by.Need(need); err != nil {
		return err
	}
	if !by.Host {
		return portal.Errorf(portal.NotFound, "there is no partner %q", number)
	}
	return db.AcrossPartners(ctx, by, need, func(tx *portal.Tx) error {
		p, err := ByNumber(ctx, tx, number)
		if err != nil {
			return err
		}
		return f(tx, p)
	})
}

// A MemberFilter says which members are listed.
type MemberFilter struct {
	Text   string // part of the name or the mail address
	Cursor string // Next of the page before
}

// A MemberPage is a part of the members, by name.
type MemberPage struct {
	Items []Membership
	Next  string // "" = this is the last
}

const membersAPage = 100

// People lists who may act for the caller's partner, by name, at most 1,000. It needs PeopleRead. A caller limited to some
// sites sees those whose access touches them.
func People(ctx context.Context, tx *portal.Tx) (list []Membership, err error) {
	if err := tx.Need(portal.PeopleRead); err != nil {
		return nil, err
	}
	err = tx.Select(ctx, &list, `
		SELECT `+membershipColumns+`
		FROM memberships m JOIN partners p ON p.partner_id = m.partner_id
		WHERE m.partner_id = $1 AND m.ended_at IS NULL AND ($2::text[] IS NULL OR m.sites IS NULL OR m.sites && $2)
		ORDER BY m.name, m.person_id
		LIMIT 1000`, tx.By.PartnerID, portal.Limit(tx.By.Sites))
	if err != nil {
		return nil, fmt.Errorf("listing people: %w", err)
	}
	return list, nil
}

// Members lists who may act for the partner, a page at a time: the caller's own, or any for the host's staff. It needs PeopleRead.
func Members(ctx context.Context, tx *portal.Tx, partner int64, f MemberFilter) (page MemberPage, err error) {
	if err := reach(tx, partner, portal.PeopleRead); err != nil {
		return page, err
	}
	var after struct {
		Name string
		ID   uuid.UUID
	}
	if f.Cursor != "" {
		b, err := base64.RawURLEncoding.DecodeString(f.Cursor)
		if err != nil || json.Unmarshal(b, &after) != nil {
			return page, &portal.Error{Kind: portal.Invalid, Msg: "this page cannot be found", Fields: map[string]string{"cursor": "begin again without it"}}
		}
	}
	err = tx.Select(ctx, &page.Items, `
		SELECT `+membershipColumns+`
		FROM memberships m JOIN partners p ON p.partner_id = m.partner_id
		WHERE m.partner_id = $1 AND m.ended_at IS NULL AND ($2::text[] IS NULL OR m.sites IS NULL OR m.sites && $2)
			AND ($3 = '' OR position(lower($3) IN lower(m.name || ' ' || m.email)) > 0)
			AND ($4 = '' OR (m.name, m.person_id) > ($4, $5::uuid))
		ORDER BY m.name, m.person_id
		LIMIT $6`, partner, limitAt(tx, partner), strings.TrimSpace(f.Text), after.Name, after.ID, membersAPage+1)
	if err != nil {
		return page, fmt.Errorf("listing members: %w", err)
	}
	if len(page.Items) > membersAPage {
		page.Items = page.Items[:membersAPage]
		last := page.Items[membersAPage-1]
		b, _ := json.Marshal(struct {
			Name string
			ID   uuid.UUID
		}{last.Name, last.PersonID})
		page.Next = base64.RawURLEncoding.EncodeToString(b)
	}
	return page, nil
}

// MemberOf returns what the person is at the partner; whoever is no member, or beyond the caller's sites, is NotFound. It needs PeopleRead.
func MemberOf(ctx context.Context, tx *portal.Tx, partner int64, person uuid.UUID) (m Membership, err error) {
	if err := reach(tx, partner, portal.PeopleRead); err != nil {
		return m, err
	}
	return memberOf(ctx, tx, partner, person, "")
}

func memberOf(ctx context.Context, tx *portal.Tx, partner int64, person uuid.UUID, lock string) (m Membership, err error) {
	query := `
		SELECT ` + membershipColumns + `
		FROM memberships m JOIN partners p ON p.partner_id = m.partner_id
		WHERE m.partner_id = $1 AND m.person_id = $2 AND m.ended_at IS NULL AND ($3::text[] IS NULL OR m.sites IS NULL OR m.sites && $3)`
	if lock != "" {
		query += ` FOR UPDATE OF m`
	}
	err = tx.Get(ctx, &m, query, partner, person, limitAt(tx, partner))
	if errors.Is(err, sql.ErrNoRows) {
		return m, portal.Errorf(portal.NotFound, "there is no such member")
	} else if err != nil {
		return m, fmt.Errorf("reading a membership: %w", err)
	}
	return m, nil
}

// managed returns the member whose access the caller is about to change. Nobody changes their own, and an administrator
// nobody's who may do more than they themselves, or acts at sites that are not theirs: that is Forbidden.
func managed(ctx context.Context, tx *portal.Tx, partner int64, person uuid.UUID) (m Membership, err error) {
	if err := reach(tx, partner, portal.PeopleManage); err != nil {
		return m, err
	}
	if m, err = memberOf(ctx, tx, partner, person, "lock"); err != nil {
		return m, err
	}
	if person == tx.By.PersonID {
		return m, portal.Errorf(portal.Forbidden, "your own access is for another administrator to change, or for the host")
	}
	if tx.By.Host && m.PartnerKind != "host" {
		return m, nil
	}
	perms, err := allowedBy(ctx, tx, partner, m.PartnerKind, m.Roles)
	if err != nil {
		return m, err
	}
	if above := perms &^ tx.By.Perms; above != 0 {
		return m, portal.Errorf(portal.Forbidden, "%s may do more than you: %s; ask the host to change this", m.Name, strings.Join(above.Names(), ", "))
	}
	if tx.By.Sites != nil && (m.Sites == nil || slices.ContainsFunc(m.Sites, func(s string) bool { return !tx.By.MaySeeSite(s) })) {
		return m, portal.Errorf(portal.Forbidden, "%s acts for sites that are not yours; ask the host to change this", m.Name)
	}
	return m, nil
}

// Manageable returns nil when the caller may change the member's access, and else why not.
func Manageable(ctx context.Context, tx *portal.Tx, partner int64, person uuid.UUID) error {
	_, err := managed(ctx, tx, partner, person)
	return err
}

// A Change of what a member is.
type Change struct {
	Roles      []string
	Sites      []string      // nil = all
	OrderLimit portal.Amount // "" = none
}

// ChangeMember gives the member exactly these roles, sites and limit, from their next request on. It needs PeopleManage. What cannot
// be held there is Invalid; what the caller cannot give, or somebody whom they cannot manage, is Forbidden; whoever is no member is NotFound.
func ChangeMember(ctx context.Context, tx *portal.Tx, partner int64, person uuid.UUID, c Change) error {
	m, err := managed(ctx, tx, partner, person)
	if err != nil {
		return err
	}
	if err := mayGrant(ctx, tx, partner, m.PartnerKind, c.Roles, c.Sites, c.OrderLimit); err != nil {
		return err
	}
	roles := sorted(c.Roles)
	_, err = tx.Exec(ctx, `UPDATE memberships SET roles = $3, sites = $4, order_limit = $5, granted_by = $6, granted_at = $7 WHERE partner_id = $1 AND person_id = $2`,
		partner, person, pq.StringArray(roles), portal.Limit(sorted(c.Sites)), c.OrderLimit, tx.By.Actor(), tx.Now)
	if err != nil {
		return fmt.Errorf("changing a membership: %w", err)
	}
	accessChanged(tx, partner, person)
	if err := remember(ctx, tx, partner, person, "changed"); err != nil {
		return err
	}
	return tx.AuditFor(ctx, partner, "membership.change", person.String(), map[string]string{
		"name": m.Name, "roles": strings.Join(roles, " "), "roles_before": strings.Join(m.Roles, " "), "sites": strings.Join(c.Sites, " "), "sites_before": strings.Join(m.Sites, " "),
		"order_limit": string(c.OrderLimit), "order_limit_before": string(m.OrderLimit)})
}

// SuspendMember lets the member in nowhere at the partner until they are resumed; they stay a member. Their sessions and tokens there
// stop on the next request. It needs PeopleManage; one who is suspended already is a Conflict.
func SuspendMember(ctx context.Context, tx *portal.Tx, partner int64, person uuid.UUID) error {
	return suspend(ctx, tx, partner, person, true)
}

// ResumeMember lets a suspended member in again. It needs PeopleManage; one who is not suspended is a Conflict.
func ResumeMember(ctx context.Context, tx *portal.Tx, partner int64, person uuid.UUID) error {
	return suspend(ctx, tx, partner, person, false)
}

func suspend(ctx context.Context, tx *portal.Tx, partner int64, person uuid.UUID, yes bool) error {
	m, err := managed(ctx, tx, partner, person)
	if err != nil {
		return err
	}
	if yes == (m.SuspendedAt != nil) {
		return portal.Errorf(portal.Conflict, "somebody was faster: look again at how %s stands", m.Name)
	}
	action, at, who := "membership.resume", any(nil), any(nil)
	if yes {
		action, at, who = "membership.suspend", tx.Now, tx.By.Actor()
	} else if tx.By.PartnerID == partner && m.SuspendedBy != nil && strings.HasPrefix(*m.SuspendedBy, hostMark) {
		return portal.Errorf(portal.Forbidden, "the host suspended %s; only the host can let them in again", m.Name)
	}
	if yes && tx.By.Host && m.PartnerKind != "host" {
		who = hostMark + tx.By.Actor()
	}
	if _, err := tx.Exec(ctx, `UPDATE memberships SET suspended_at = $3, suspended_by = $4 WHERE partner_id = $1 AND person_id = $2`, partner, person, at, who); err != nil {
		return fmt.Errorf("suspending a membership: %w", err)
	}
	accessChanged(tx, partner, person)
	if err := remember(ctx, tx, partner, person, action); err != nil {
		return err
	}
	return tx.AuditFor(ctx, partner, action, person.String(), map[string]string{"name": m.Name})
}

// hostMark begins who suspended a member, when it was the host: the partner's own administrators cannot undo it.
const hostMark = "the host: "

// EndMembership takes the person's access to the caller's partner away, and revokes the tokens they made
// for it. They are refused on their next request. It needs PeopleManage; somebody who is no member is NotFound, and one whom the
// caller cannot manage is Forbidden.
func EndMembership(ctx context.Context, tx *portal.Tx, person uuid.UUID) error {
	return EndMember(ctx, tx, tx.By.PartnerID, person)
}

// EndMembershipFor is EndMembership by the host's staff, at any partner.
func EndMembershipFor(ctx context.Context, tx *portal.Tx, partner int64, person uuid.UUID) error {
	if err := needHost(tx); err != nil {
		return err
	}
	return EndMember(ctx, tx, partner, person)
}

// EndMember is EndMembership at the caller's own partner, or at any for the host's staff.
func EndMember(ctx context.Context, tx *portal.Tx, partner int64, person uuid.UUID) error {
	m, err := managed(ctx, tx, partner, person)
	if err != nil {
		return err
	}
	return end(ctx, tx, partner, person, tx.By.Actor(), map[string]string{"name": m.Name})
}

// end ends a membership and what hangs on it.
func end(ctx context.Context, tx *portal.Tx, partner int64, person uuid.UUID, who string, detail map[string]string) error {
	n, err := tx.Exec(ctx, `UPDATE memberships SET ended_at = $3, ended_by = $4 WHERE partner_id = $1 AND person_id = $2 AND ended_at IS NULL`, partner, person, tx.Now, who)
	if err != nil {
		return fmt.Errorf("ending a membership: %w", err)
	}
	if n == 0 {
		return portal.Errorf(portal.NotFound, "there is no such member")
	}
	var tokens []uuid.UUID
	err = tx.Select(ctx, &tokens, `UPDATE tokens SET revoked_at = $3 WHERE partner_id = $1 AND person_id = $2 AND revoked_at IS NULL RETURNING token_id`, partner, person, tx.Now)
	if err != nil {
		return fmt.Errorf("revoking the member's tokens: %w", err)
	}
	for _, t := range tokens {
		if err := rememberToken(ctx, tx, partner, t, "its maker's access ended"); err != nil {
			return err
		}
	}
	if err := remember(ctx, tx, partner, person, "ended"); err != nil {
		return err
	}
	if err := goneFromReviews(ctx, tx, partner, person, who); err != nil {
		return err
	}
	accessChanged(tx, partner, person)
	return tx.AuditFor(ctx, partner, "membership.end", person.String(), detail)
}

// MoveMember ends the person's access to one partner and lets them in to another, with roles and sites of that one: both or neither. The host's
// staff do this; it needs PeopleManage. Whoever is no member is NotFound; what cannot be held at the other partner is Invalid; the same partner is a Conflict.
func MoveMember(ctx context.Context, tx *portal.Tx, from int64, person uuid.UUID, to int64, c Change) error {
	if !tx.By.Host {
		return portal.Errorf(portal.Forbidden, "only the host's staff may do this")
	}
	m, err := managed(ctx, tx, from, person)
	if err != nil {
		return err
	}
	if from == to {
		return portal.Errorf(portal.Conflict, "%s is there already; change what they may do instead", m.Name)
	}
	kind, err := kindOf(ctx, tx, to)
	if err != nil {
		return err
	}
	if kind == "host" {
		return portal.Errorf(portal.Forbidden, "nobody becomes the host's staff by moving; invite them")
	}
	if err := mayGrant(ctx, tx, to, kind, c.Roles, c.Sites, c.OrderLimit); err != nil {
		return err
	}
	if err := end(ctx, tx, from, person, tx.By.Actor(), map[string]string{"name": m.Name, "moved_to": fmt.Sprint(to)}); err != nil {
		return err
	}
	return grant(ctx, tx, to, Person{ID: person, Name: m.Name, Email: m.Email}, sorted(c.Roles), c.Sites, c.OrderLimit, FromInvitation, tx.By.Actor())
}

// Ask invites somebody to the partner and mails them the link. It needs PeopleInvite; see [Invite] for what is refused.
func Ask(ctx context.Context, tx *portal.Tx, p Partner, n New) (i Invitation, err error) {
	if err := reach(tx, p.ID, portal.PeopleInvite); err != nil {
		return i, err
	}
	secret, i, err := invite(ctx, tx, p.ID, p.Kind, n)
	if err != nil {
		return i, err
	}
	return i, mailInvitation(ctx, tx, p, i, secret)
}

// AskAgain mails an invitation that was not accepted once more, with a new link that is good for a week or as long as said; the old
// link is worthless. It needs PeopleInvite. One that is not there, accepted or revoked is NotFound; one that gives more than the caller could now is Forbidden.
func AskAgain(ctx context.Context, tx *portal.Tx, p Partner, id uuid.UUID, expiresIn time.Duration) (i Invitation, err error) {
	if err := reach(tx, p.ID, portal.PeopleInvite); err != nil {
		return i, err
	}
	err = tx.Get(ctx, &i, `
		SELECT `+invitationColumns+` FROM invitations
		WHERE partner_id = $1 AND invitation_id = $2 AND accepted_at IS NULL AND revoked_at IS NULL AND ($3::text[] IS NULL OR sites <@ $3)`, p.ID, id, limitAt(tx, p.ID))
	if errors.Is(err, sql.ErrNoRows) {
		return i, portal.Errorf(portal.NotFound, "there is no such invitation")
	} else if err != nil {
		return i, fmt.Errorf("reading an invitation: %w", err)
	}
	if err := mayGrant(ctx, tx, p.ID, p.Kind, i.Roles, i.Sites, i.OrderLimit); err != nil {
		return i, err
	}
	if err := invitable(ctx, tx, p.ID, i.Email); err != nil {
		return i, err
	}
	if expiresIn, err = lasts(expiresIn); err != nil {
		return i, err
	}
	secret := newSecret()
	i.ExpiresAt = tx.Now.Add(expiresIn)
	if _, err := tx.Exec(ctx, `UPDATE invitations SET secret_hash = $3, expires_at = $4 WHERE partner_id = $1 AND invitation_id = $2`, p.ID, id, HashOf(secret), i.ExpiresAt); err != nil {
		return i, fmt.Errorf("renewing an invitation: %w", err)
	}
	if err := tx.AuditFor(ctx, p.ID, "invitation.resend", id.String(), map[string]string{"email": i.Email}); err != nil {
		return i, err
	}
	return i, mailInvitation(ctx, tx, p, i, secret)
}

func mailInvitation(ctx context.Context, tx *portal.Tx, p Partner, i Invitation, secret string) error {
	if _, err := tx.Exec(ctx, `UPDATE invitations SET sent = sent + 1 WHERE partner_id = $1 AND invitation_id = $2`, p.ID, i.ID); err != nil {
		return fmt.Errorf("counting what was mailed: %w", err)
	}
	return tx.MailFor(ctx, p.ID, portal.Mail{To: i.Email, Subject: portal.Say("You are invited to act for %s", p.Name),
		Text: []portal.Saying{portal.Say("%s (%s) invites you to the partner portal, to act for %s as %s.", tx.By.Name, tx.By.PartnerName, p.Name, strings.Join(i.Roles, ", ")),
			portal.Say("Open the address below and sign in with this mail address, %s. It works once, for you alone, until %s.", i.Email, i.ExpiresAt),
			portal.Say("If you did not expect this, leave it: nothing happens unless you sign in.")},
		Path: "/invitation/" + secret})
}

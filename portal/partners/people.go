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

// A Person is somebody who signs in. They are known by issuer and subject, never by the mail address alone.
type Person struct {
	ID    uuid.UUID `db:"person_id"`
	Name  string    `db:"name"`
	Email string    `db:"email"` // as an issuer that may vouch for it verified it
	// Language is what they chose for the pages and for mail to them; "" = none.
	Language string `db:"language"`
}

// Languages are those that people may choose.
var Languages = []string{"en", "de", "fr", "es"}

// Speak keeps the language that the caller chose for themselves, wherever they sign in and in mail to them; "" gives the choice back
// to their browser. Another than Languages is Invalid; a token reads no pages: Forbidden.
func Speak(ctx context.Context, tx *portal.Tx, language string) error {
	if tx.By.PersonID == uuid.Nil {
		return portal.Errorf(portal.Forbidden, "a token has no language; a person chooses theirs")
	}
	if language != "" && !slices.Contains(Languages, language) {
		return &portal.Error{Kind: portal.Invalid, Msg: "this language is not spoken here", Fields: map[string]string{"language": "choose en, de, fr or es, or nothing for what the browser asks"}}
	}
	n, err := tx.Exec(ctx, `UPDATE people SET language = $2 WHERE person_id = $1 AND language <> $2`, tx.By.PersonID, language)
	if err != nil {
		return fmt.Errorf("keeping a person's language: %w", err)
	}
	if n == 0 {
		return nil
	}
	tx.AccessChanged(tx.By.PersonID)
	return tx.Audit(ctx, "person.language", tx.By.PersonID.String(), map[string]string{"language": language})
}

// Where a membership comes from.
const (
	FromInvitation = "invitation" // the partner's or the host's people asked the person in
	FromContact    = "contact"    // the core says that the contact may log on
	FromOperator   = "operator"   // the portal's operator entered it
	FromGroups     = "groups"     // the partner's issuer says that the person is in a group
	FromDirectory  = "directory"  // the partner's own directory says so (SCIM)
)

// endedByCore marks the memberships that come back when the core says so.
const endedByCore = "core"

// DefaultRoles is what a person let in as a contact is at a partner of that kind; nothing at any other.
func DefaultRoles(kind string) []string {
	switch kind {
	case "dealer":
		return []string{"buyer"}
	case "supplier":
		return []string{"planner"}
	}
	return nil
}

// A Membership is what a person is at a partner.
type Membership struct {
	PartnerID     int64          `db:"partner_id"`
	PartnerNumber string         `db:"partner_number"`
	PartnerName   string         `db:"partner_name"`
	PartnerKind   string         `db:"partner_kind"` // host, dealer or supplier
	PersonID      uuid.UUID      `db:"person_id"`
	Name          string         `db:"name"` // the person's, as of their last sign-in
	Email         string         `db:"email"`
	Roles         pq.StringArray `db:"roles"`
	Sites         pq.StringArray `db:"sites"`       // nil = all
	Origin        string         `db:"origin"`      // FromInvitation, FromContact or FromOperator
	GrantedBy     string         `db:"granted_by"`  // as the audit names them
	GrantedAt     time.Time      `db:"granted_at"`  // UTC
	OrderLimit    portal.Amount  `db:"order_limit"` // "" = none
	SuspendedAt   *time.Time     `db:"suspended_at"`
	SuspendedBy   *string        `db:"suspended_by"`
}

const membershipColumns = `m.partner_id, p.number AS partner_number, p.name AS partner_name, p.kind AS partner_kind, m.person_id, m.name, m.email, m.roles, m.sites,
	m.origin, m.granted_by, m.granted_at, m.order_limit, m.suspended_at, m.suspended_by`

// MembershipsOf lists the partners that the person may act for, by name. tx is at the door.
func MembershipsOf(ctx context.Context, tx *portal.Tx, person uuid.UUID) (list []Membership, err error) {
	err = tx.Select(ctx, &list, `
		SELECT `+membershipColumns+`
		FROM memberships m JOIN partners p ON p.partner_id = m.partner_id
		WHERE m.person_id = $1 AND m.ended_at IS NULL AND m.suspended_at IS NULL AND p.closed_at IS NULL
		ORDER BY p.name, p.number`, person)
	if err != nil {
		return nil, fmt.Errorf("listing memberships: %w", err)
	}
	return list, nil
}

// PersonByID returns the person, or NotFound. tx is at the door or the host's.
func PersonByID(ctx context.Context, tx *portal.Tx, id uuid.UUID) (p Person, err error) {
	err = tx.Get(ctx, &p, `SELECT person_id, name, email, language FROM people WHERE person_id = $1`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return p, portal.Errorf(portal.NotFound, "there is no such person")
	} else if err != nil {
		return p, fmt.Errorf("reading a person: %w", err)
	}
	return p, nil
}

// accessChanged announces what the person may do at the partner, and with it what their tokens may.
func accessChanged(tx *portal.Tx, partner int64, person uuid.UUID) {
	tx.AccessChanged(person)
	tx.Changed(accessNoun, partner)
}

// An Enrolment is a person entered by the operator, with how they sign in and what they are at one partner.
type Enrolment struct {
	Issuer, Subject string
	Name, Email     string
	PartnerID       int64
	Roles           []string
	Sites           []string // nil = all
}

// Enrol lets a person in whose issuer and subject are known beforehand: they sign in with no invitation.
// Done again it sets roles and sites anew. A mail address that is another person's is a Conflict,
// a role that the partner's kind does not have, or a site that is not its, is Invalid, an unknown partner is NotFound. tx is at the door.
func Enrol(ctx context.Context, tx *portal.Tx, e Enrolment) (id uuid.UUID, err error) {
	kind, err := kindOf(ctx, tx, e.PartnerID)
	if err != nil {
		return id, err
	}
	if err := checkRoles(ctx, tx, e.Roles, kind); err != nil {
		return id, err
	}
	if e.Email, err = mailAddress(e.Email); err != nil {
		return id, err
	}
	if err := checkSites(ctx, tx, e.PartnerID, e.Sites); err != nil {
		return id, err
	}
	if e.Issuer == "" || e.Subject == "" {
		return id, portal.Errorf(portal.Invalid, "a person signs in with an issuer and a subject")
	}
	if err := lockIdentity(ctx, tx, e.Issuer, e.Subject, e.Email); err != nil {
		return id, err
	}
	err = tx.Get(ctx, &id, `SELECT person_id FROM identities WHERE issuer = $1 AND subject = $2`, e.Issuer, e.Subject)
	if errors.Is(err, sql.ErrNoRows) {
		id, err = createPerson(ctx, tx, e.Issuer, e.Subject, e.Name, e.Email)
		if portal.Broke(err, "people_once_per_email") {
			return id, portal.Errorf(portal.Conflict, "the mail address is another person's")
		}
	}
	if err != nil {
		return id, fmt.Errorf("enrolling: %w", err)
	}
	return id, grant(ctx, tx, e.PartnerID, Person{ID: id, Name: e.Name, Email: e.Email}, e.Roles, e.Sites, "", FromOperator, tx.By.Actor())
}

// grant makes the person a member with exactly these roles, sites and limit.
func grant(ctx context.Context, tx *portal.Tx, partner int64, p Person, roles, sites []string, limit portal.Amount, origin, by string) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO memberships AS m (partner_id, person_id, name, email, roles, sites, order_limit, origin, granted_by, granted_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (partner_id, person_id) DO UPDATE SET name = $3, email = $4, roles = $5, sites = $6, order_limit = $7, origin = $8, granted_by = $9, granted_at = $10,
			ended_at = NULL, ended_by = NULL, suspended_at = NULL, suspended_by = NULL`,
		partner, p.ID, p.Name, p.Email, pq.StringArray(roles), portal.Limit(sorted(sites)), limit, origin, by, tx.Now)
	if err != nil {
		return fmt.Errorf("granting a membership: %w", err)
	}
	if err := remember(ctx, tx, partner, p.ID, origin); err != nil {
		return err
	}
	accessChanged(tx, partner, p.ID)
	return tx.AuditFor(ctx, partner, "membership.grant", p.ID.String(), map[string]string{"roles": strings.Join(roles, " "), "sites": strings.Join(sites, " "), "origin": origin})
}

// FollowContacts brings memberships in line with the core, after its contacts or partners changed. A
// membership that came from a contact ends when none of the partner's contacts with that person's mail
// address may log on any more, and is limited to the sites that these say. At a closed partner every membership ends, and every
// token is revoked. A membership that ended so comes back when its cause is gone; a token does not.
// Members and tokens of partners that changed in this transaction are announced: what is remembered of them names the partner.
// tx is the worker's.
func FollowContacts(ctx context.Context, tx *portal.Tx) error {
	if _, err := tx.Exec(ctx, followContacts); err != nil {
		return fmt.Errorf("waiting for sign-ins: %w", err)
	}
	if err := follow(ctx, tx, uuid.NullUUID{}); err != nil {
		return err
	}
	return announceChanged(ctx, tx)
}

// follow is FollowContacts for one person, or for all.
func follow(ctx context.Context, tx *portal.Tx, person uuid.NullUUID) error {
	var moved []struct {
		PartnerID int64          `db:"partner_id"`
		PersonID  uuid.UUID      `db:"person_id"`
		Ended     bool           `db:"ended"`
		Sites     pq.StringArray `db:"sites"`
	}
	err := tx.Select(ctx, &moved, `
		UPDATE memberships m
		SET ended_at = CASE WHEN NOT s.stays THEN $1::timestamptz END, ended_by = CASE WHEN NOT s.stays THEN $2 END, sites = s.sites
		FROM (
			SELECT w.partner_id, w.person_id, p.closed_at IS NULL AND (w.origin <> 'contact' OR a.yes IS NOT NULL) AS stays,
				CASE WHEN a.yes THEN a.sites ELSE w.sites END AS sites
			FROM memberships w JOIN partners p ON p.partner_id = w.partner_id
				LEFT JOIN LATERAL (SELECT true AS yes, a.sites FROM `+contactAccess+`) a ON w.origin = 'contact'
			WHERE (w.ended_at IS NULL OR w.ended_by = $2) AND ($3::uuid IS NULL OR w.person_id = $3)) s
		WHERE m.partner_id = s.partner_id AND m.person_id = s.person_id AND (m.ended_at IS NULL OR m.ended_by = $2)
			AND ((m.ended_at IS NULL) <> s.stays OR s.stays AND m.sites IS DISTINCT FROM s.sites)
		RETURNING m.partner_id, m.person_id, m.ended_at IS NOT NULL AS ended, m.sites`, tx.Now, endedByCore, person)
	if err != nil {
		return fmt.Errorf("following the contacts: %w", err)
	}
	for _, m := range moved {
		action, detail := "membership.grant", map[string]string{"by": "the core", "sites": strings.Join(m.Sites, " ")}
		if m.Ended {
			action, detail = "membership.end", map[string]string{"by": "the core"}
		}
		accessChanged(tx, m.PartnerID, m.PersonID)
		if err := remember(ctx, tx, m.PartnerID, m.PersonID, "the core"); err != nil {
			return err
		}
		if err := tx.AuditFor(ctx, m.PartnerID, action, m.PersonID.String(), detail); err != nil {
			return err
		}
	}
	var revoked []struct {
		PartnerID int64     `db:"partner_id"`
		TokenID   uuid.UUID `db:"token_id"`
	}
	err = tx.Select(ctx, &revoked, `
		UPDATE tokens t SET revoked_at = $1
		FROM partners p
		WHERE p.partner_id = t.partner_id AND t.revoked_at IS NULL AND ($2::uuid IS NULL OR t.person_id = $2)
			AND (p.closed_at IS NOT NULL OR t.person_id IS NOT NULL AND NOT EXISTS (
				SELECT 1 FROM memberships m WHERE m.partner_id = t.partner_id AND m.person_id = t.person_id AND m.ended_at IS NULL))
		RETURNING t.partner_id, t.token_id`, tx.Now, person)
	if err != nil {
		return fmt.Errorf("revoking tokens: %w", err)
	}
	for _, r := range revoked {
		tx.Changed(accessNoun, r.PartnerID)
		if err := rememberToken(ctx, tx, r.PartnerID, r.TokenID, "the core"); err != nil {
			return err
		}
		if err := tx.AuditFor(ctx, r.PartnerID, "token.revoke", r.TokenID.String(), map[string]string{"by": "the core"}); err != nil {
			return err
		}
	}
	return nil
}

// announceChanged announces the members and the tokens of partners whose row changed in this transaction.
func announceChanged(ctx context.Context, tx *portal.Tx) error {
	var members []uuid.UUID
	err := tx.Select(ctx, &members, `
		SELECT m.person_id FROM memberships m JOIN partners p ON p.partner_id = m.partner_id
		WHERE m.ended_at IS NULL AND p.changed_at = $1`, tx.Now)
	if err != nil {
		return fmt.Errorf("finding the members of changed partners: %w", err)
	}
	tx.AccessChanged(members...)
	var machines []int64
	err = tx.Select(ctx, &machines, `
		SELECT DISTINCT t.partner_id FROM tokens t JOIN partners p ON p.partner_id = t.partner_id
		WHERE t.revoked_at IS NULL AND p.changed_at = $1`, tx.Now)
	if err != nil {
		return fmt.Errorf("finding the tokens of changed partners: %w", err)
	}
	tx.Changed(accessNoun, machines...)
	return nil
}

// Operator is the caller as whom the portal's operator acts from the command line, under the given name in the audit.
// It holds every permission. A portal without a partner of kind host is a Conflict.
func Operator(ctx context.Context, db *portal.DB, name string) (c portal.Caller, err error) {
	err = db.AtTheDoor(ctx, func(tx *portal.Tx) error {
		var host Partner
		err := tx.Get(ctx, &host, `SELECT `+partnerColumns+` FROM partners WHERE kind = 'host' AND closed_at IS NULL ORDER BY partner_id LIMIT 1`)
		if errors.Is(err, sql.ErrNoRows) {
			return portal.Errorf(portal.Conflict, "the portal has no host yet")
		} else if err != nil {
			return fmt.Errorf("finding the host: %w", err)
		}
		c = portal.Caller{PartnerID: host.ID, PartnerNumber: host.Number, PartnerName: host.Name, PartnerKind: host.Kind, Host: true, Name: name}
		for _, r := range portal.Roles {
			c.Perms |= r.Perms
		}
		return nil
	})
	return c, err
}

// needHost returns Forbidden unless the caller is the host's and may invite people.
func needHost(tx *portal.Tx) error {
	if !tx.By.Host {
		return portal.Errorf(portal.Forbidden, "only the host's staff may do this")
	}
	return tx.Need(portal.PeopleInvite)
}

// kindOf returns the open partner's kind, or NotFound.
func kindOf(ctx context.Context, tx *portal.Tx, partner int64) (kind string, err error) {
	err = tx.Get(ctx, &kind, `SELECT kind FROM partners WHERE partner_id = $1 AND closed_at IS NULL`, partner)
	if errors.Is(err, sql.ErrNoRows) {
		return "", portal.Errorf(portal.NotFound, "there is no such partner")
	} else if err != nil {
		return "", fmt.Errorf("reading a partner: %w", err)
	}
	return kind, nil
}

// checkSites returns Invalid for a site that is not the partner's, and Forbidden for one that the caller may not see.
// A caller limited to sites cannot let anyone in to all of them.
func checkSites(ctx context.Context, tx *portal.Tx, partner int64, sites []string) error {
	if tx.By.Sites != nil && partner == tx.By.PartnerID {
		if sites == nil {
			return portal.Errorf(portal.Forbidden, "your access is limited to some sites; name those it shall be for")
		}
		for _, s := range sites {
			if !tx.By.MaySeeSite(s) {
				return portal.Errorf(portal.Forbidden, "your access does not include the site %q", s)
			}
		}
	}
	if sites == nil {
		return nil
	}
	if len(sites) == 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "a site is needed", Fields: map[string]string{"sites": "name at least one site, or leave it out for all"}}
	}
	var unknown []string
	err := tx.Select(ctx, &unknown, `
		SELECT wanted FROM unnest($2::text[]) AS wanted
		WHERE NOT EXISTS (SELECT 1 FROM sites WHERE partner_id = $1 AND site = wanted)`, partner, pq.StringArray(sites))
	if err != nil {
		return fmt.Errorf("checking sites: %w", err)
	}
	if len(unknown) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: fmt.Sprintf("there is no site %q", unknown[0]), Fields: map[string]string{"sites": "choose from the partner's own sites"}}
	}
	return nil
}

func sorted(sites []string) []string {
	sites = slices.Clone(sites)
	slices.Sort(sites)
	return slices.Compact(sites)
}

// mailAddress returns the address without space around it, or Invalid. Addresses are ASCII (RFC 5321, 2.3.11):
// letters that look alike cannot be told apart by those who are asked to trust them.
func mailAddress(s string) (string, error) {
	s = strings.TrimSpace(s)
	local, domain, ok := strings.Cut(s, "@")
	good := ok && local != "" && domain != "" && len(s) <= 254 && !strings.Contains(domain, "@")
	for _, c := range []byte(s) {
		good = good && c > ' ' && c < 0x7f && c != '<' && c != '>' && c != ',' && c != '"'
	}
	if !good {
		return "", &portal.Error{Kind: portal.Invalid, Msg: "that is not a mail address", Fields: map[string]string{"email": "write it like dana@company.example"}}
	}
	return s, nil
}

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

// A Proof is what an issuer said about who signs in, after every check of the answer itself.
type Proof struct {
	Issuer, Subject string // who it is
	SID             string // the issuer's own session, "" = not said
	IDToken         string // as received; handed back at logout
	Name, Email     string
	ACR             string   // how it says that they signed in; "" = not said
	AMR             []string // by what means
	Groups          []string // that it says they are in
	Language        string   // that the browser had chosen before they signed in; "" = none
	Doubt           string   // why the mail address is not believed, as a sentence; "" = the issuer verified it and may vouch for its domain
}

// NoAccess is Forbidden: the person is who they say, and no partner has let them in.
var NoAccess = portal.Errorf(portal.Forbidden, "you have no access yet; ask your contact at the host, or your company's administrator, to invite this mail address")

// Admit finds or creates the person of the proof, refreshes their name, and brings their memberships up to date:
// those of the invitation, given by the hash of its secret, and of contacts the core lets log on. partner is
// where they start: the invitation's, else where they were last, else the first by name. Nobody to let in is
// Forbidden; an invitation that cannot be used is a Conflict. tx is at the door.
func Admit(ctx context.Context, tx *portal.Tx, proof Proof, invitation []byte) (p Person, partner int64, err error) {
	if err := lockIdentity(ctx, tx, proof.Issuer, proof.Subject, proof.Email); err != nil {
		return p, 0, err
	}
	if _, err := tx.Exec(ctx, readContacts); err != nil {
		return p, 0, fmt.Errorf("waiting for the contacts: %w", err)
	}
	err = tx.Get(ctx, &p, `
		SELECT p.person_id, p.name, p.email, p.language FROM identities i JOIN people p ON p.person_id = i.person_id
		WHERE i.issuer = $1 AND i.subject = $2`, proof.Issuer, proof.Subject)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		p, err = meet(ctx, tx, proof, invitation)
	case err == nil:
		p, err = refresh(ctx, tx, p, proof)
	default:
		err = fmt.Errorf("finding who signs in: %w", err)
	}
	if err != nil {
		return p, 0, err
	}
	tx.By = portal.Caller{PersonID: p.ID, Name: p.Name}
	if p.Language == "" && slices.Contains(Languages, proof.Language) {
		p.Language = proof.Language
		if _, err := tx.Exec(ctx, `UPDATE people SET language = $2 WHERE person_id = $1`, p.ID, p.Language); err != nil {
			return p, 0, fmt.Errorf("keeping a person's language: %w", err)
		}
		tx.AccessChanged(p.ID)
	}
	if invitation != nil {
		if proof.Doubt != "" {
			return p, 0, portal.Errorf(portal.Forbidden, "the invitation cannot be accepted: %s", proof.Doubt)
		}
		if partner, err = accept(ctx, tx, invitation, p, proof); err != nil {
			return p, 0, err
		}
	}
	if proof.Doubt == "" && strings.EqualFold(p.Email, proof.Email) {
		if err := joinAsContact(ctx, tx, p); err != nil {
			return p, 0, err
		}
	}
	if err := follow(ctx, tx, uuid.NullUUID{UUID: p.ID, Valid: true}); err != nil {
		return p, 0, err
	}
	if proof.Doubt == "" && strings.EqualFold(p.Email, proof.Email) {
		if err := joinFromDirectory(ctx, tx, p, proof); err != nil {
			return p, 0, err
		}
		if err := followGroups(ctx, tx, p, proof); err != nil {
			return p, 0, err
		}
	}
	if partner != 0 {
		return p, partner, nil
	}
	partner, err = entrance(ctx, tx, p.ID, proof.signedIn(p))
	return p, partner, err
}

// signedIn is how the person signed in; a mail address that is doubted is none.
func (p Proof) signedIn(who Person) SignedIn {
	s := SignedIn{Issuer: p.Issuer, Email: who.Email, ACR: p.ACR, AMR: p.AMR}
	if p.Doubt != "" {
		s.Email = ""
	}
	return s
}

// meet creates the person whom nobody has seen before, if there is a reason to let them in.
func meet(ctx context.Context, tx *portal.Tx, proof Proof, invitation []byte) (p Person, err error) {
	if proof.Doubt != "" {
		return p, portal.Errorf(portal.Forbidden, "you cannot be let in: %s", proof.Doubt)
	}
	var taken, known bool
	if err := tx.Get(ctx, &taken, `SELECT EXISTS (SELECT 1 FROM people WHERE lower(email) = lower($1))`, proof.Email); err != nil {
		return p, fmt.Errorf("looking for the mail address: %w", err)
	}
	if taken {
		return p, portal.Errorf(portal.Forbidden, "this mail address already signs in with another account; use that one, or ask your contact at the host")
	}
	err = tx.Get(ctx, &known, `
		SELECT EXISTS (SELECT 1 FROM contacts c JOIN partners p ON p.partner_id = c.partner_id
			WHERE lower(c.email) = lower($1) AND c.may_log_on AND p.closed_at IS NULL AND p.kind <> 'host')
			OR EXISTS (SELECT 1 FROM scim_users WHERE lower(email) = lower($1) AND active)
			OR EXISTS (SELECT 1 FROM entry_rules WHERE issuer = $2 AND groups_decide AND split_part(lower($1), '@', 2) = ANY(domains))`, proof.Email, proof.Issuer)
	if err != nil {
		return p, fmt.Errorf("looking for a reason to let somebody in: %w", err)
	}
	if !known && invitation == nil {
		return p, NoAccess
	}
	p = Person{Name: proof.Name, Email: proof.Email}
	if p.ID, err = createPerson(ctx, tx, proof.Issuer, proof.Subject, p.Name, p.Email); err != nil {
		return p, fmt.Errorf("creating a person: %w", err)
	}
	return p, nil
}

func createPerson(ctx context.Context, tx *portal.Tx, issuer, subject, name, email string) (id uuid.UUID, err error) {
	id = uuid.New()
	if _, err := tx.Exec(ctx, `INSERT INTO people (person_id, name, email, seen_at, created_at) VALUES ($1, $2, $3, $4, $4)`, id, name, email, tx.Now); err != nil {
		return id, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO identities (issuer, subject, person_id, linked_at) VALUES ($1, $2, $3, $4)`, issuer, subject, id, tx.Now)
	return id, err
}

// refresh takes over a changed name, and a changed mail address that is believed and nobody else's.
func refresh(ctx context.Context, tx *portal.Tx, p Person, proof Proof) (Person, error) {
	was := p
	p.Name = proof.Name
	if proof.Doubt == "" && proof.Email != p.Email {
		var taken bool
		if err := tx.Get(ctx, &taken, `SELECT EXISTS (SELECT 1 FROM people WHERE lower(email) = lower($1) AND person_id <> $2)`, proof.Email, p.ID); err != nil {
			return p, fmt.Errorf("looking for the mail address: %w", err)
		}
		if !taken {
			p.Email = proof.Email
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE people SET name = $2, email = $3, seen_at = $4 WHERE person_id = $1`, p.ID, p.Name, p.Email, tx.Now); err != nil {
		return p, fmt.Errorf("refreshing a person: %w", err)
	}
	if p == was {
		return p, nil
	}
	if _, err := tx.Exec(ctx, `UPDATE memberships SET name = $2, email = $3 WHERE person_id = $1`, p.ID, p.Name, p.Email); err != nil {
		return p, fmt.Errorf("refreshing a person's memberships: %w", err)
	}
	tx.AccessChanged(p.ID)
	return p, nil
}

// joinAsContact makes the person a member of every open partner of which a contact with their mail address may log on.
// A membership that was ended by people stays ended, and one there is stays as it is.
func joinAsContact(ctx context.Context, tx *portal.Tx, p Person) error {
	var at []struct {
		PartnerID int64          `db:"partner_id"`
		Kind      string         `db:"kind"`
		Sites     pq.StringArray `db:"sites"`
	}
	err := tx.Select(ctx, &at, `
		SELECT p.partner_id, p.kind, a.sites
		FROM (SELECT $1::text AS email) w CROSS JOIN partners p CROSS JOIN `+contactAccess+`
		WHERE p.partner_id IN (SELECT partner_id FROM contacts WHERE lower(email) = lower($1) AND may_log_on) AND p.closed_at IS NULL
			AND NOT EXISTS (SELECT 1 FROM memberships m WHERE m.partner_id = p.partner_id AND m.person_id = $2)
		ORDER BY p.partner_id`, p.Email, p.ID)
	if err != nil {
		return fmt.Errorf("looking among the contacts: %w", err)
	}
	for _, a := range at {
		if roles := DefaultRoles(a.Kind); roles != nil {
			if err := grant(ctx, tx, a.PartnerID, p, roles, a.Sites, "", FromContact, "the core"); err != nil {
				return err
			}
		}
	}
	return nil
}

// contactAccess says what the core's contacts of the partner p with the mail address w.email let a person in for:
// no row when none of them may log on; sites NULL, all of them, when one of them is the company's as a whole or its
// head office's, the site of the partner's own number; and else the sites that they name.
const contactAccess = `LATERAL (
	SELECT CASE WHEN bool_or(coalesce(c.site, '') IN ('', p.number)) THEN NULL ELSE array_agg(DISTINCT c.site COLLATE "C" ORDER BY c.site COLLATE "C") END AS sites
	FROM contacts c
	WHERE c.partner_id = p.partner_id AND lower(c.email) = lower(w.email) AND c.may_log_on
	HAVING count(*) > 0) a`

// Sign-ins read the contacts together, and none while the core's contacts are followed: whoever is let in by what
// the contacts said is there to be found when they say otherwise.
const (
	readContacts   = `SELECT pg_advisory_xact_lock_shared(hashtextextended('contacts', 0))`
	followContacts = `SELECT pg_advisory_xact_lock(hashtextextended('contacts', 0))`
)

// lockIdentity puts sign-ins of one identity, and of one mail address, one after the other until the transaction ends.
func lockIdentity(ctx context.Context, tx *portal.Tx, issuer, subject, email string) error {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('identity ' || $1 || ' ' || $2, 0))`, issuer, subject); err != nil {
		return fmt.Errorf("waiting for one's turn: %w", err)
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('mail ' || lower($1), 0))`, email); err != nil {
		return fmt.Errorf("waiting for one's turn: %w", err)
	}
	return nil
}

// A Login is a sign-in under way, known by the hash of its state and bound to the browser that began it.
type Login struct {
	StateHash   []byte    `db:"state_hash"`
	BrowserHash []byte    `db:"browser_hash"`
	Issuer      string    `db:"issuer"` // its name
	Nonce       string    `db:"nonce"`
	Verifier    string    `db:"verifier"`   // PKCE (RFC 7636)
	ReturnTo    string    `db:"return_to"`  // local path
	Invitation  []byte    `db:"invitation"` // hash of its secret; nil = none
	ExpiresAt   time.Time `db:"expires_at"` // UTC
}

// BeginLogin keeps the login until it is taken or expires. tx is at the door.
func BeginLogin(ctx context.Context, tx *portal.Tx, l Login) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO logins (state_hash, browser_hash, issuer, nonce, verifier, return_to, invitation, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		l.StateHash, l.BrowserHash, l.Issuer, l.Nonce, l.Verifier, l.ReturnTo, l.Invitation, l.ExpiresAt)
	if err != nil {
		return fmt.Errorf("keeping a login: %w", err)
	}
	return nil
}

// TakeLogin returns the login that this browser began, once. One that is unknown, another browser's, used or expired is Malformed. tx is at the door.
func TakeLogin(ctx context.Context, tx *portal.Tx, stateHash, browserHash []byte) (l Login, err error) {
	err = tx.Get(ctx, &l, `
		DELETE FROM logins WHERE state_hash = $1 AND browser_hash = $2 AND expires_at > $3
		RETURNING state_hash, browser_hash, issuer, nonce, verifier, return_to, invitation, expires_at`, stateHash, browserHash, tx.Now)
	if errors.Is(err, sql.ErrNoRows) {
		return l, portal.Errorf(portal.Malformed, "this sign-in is not under way any more: it was used, took longer than ten minutes, or was begun in another browser; start again")
	} else if err != nil {
		return l, fmt.Errorf("taking a login: %w", err)
	}
	return l, nil
}

// Sweep forgets logins and logout tokens that expired, and sessions that ended 90 days ago. tx is at the door.
func Sweep(ctx context.Context, tx *portal.Tx) error {
	if _, err := tx.Exec(ctx, `DELETE FROM logins WHERE expires_at < $1`, tx.Now); err != nil {
		return fmt.Errorf("sweeping logins: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM logout_tokens WHERE expires_at < $1`, tx.Now); err != nil {
		return fmt.Errorf("sweeping logout tokens: %w", err)
	}
	// An ID token serves the logout alone, and holds a name.
	if _, err := tx.Exec(ctx, `UPDATE sessions SET id_token = '' WHERE id_token <> '' AND (ended_at IS NOT NULL OR expires_at < $1)`, tx.Now); err != nil {
		return fmt.Errorf("sweeping ID tokens: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM sessions WHERE expires_at < $1`, tx.Now.AddDate(0, 0, -90)); err != nil {
		return fmt.Errorf("sweeping sessions: %w", err)
	}
	return nil
}

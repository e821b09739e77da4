package partners

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"extranet/portal"
)

// An invitation lasts a week unless it says otherwise, and never longer than three months.
const (
	invitationLasts  = 7 * 24 * time.Hour
	invitationAtMost = 90 * 24 * time.Hour
)

// New says who is invited, and to what.
type New struct {
	Email      string
	Roles      []string
	Sites      []string      // nil = all
	OrderLimit portal.Amount // "" = none
	ExpiresIn  time.Duration // 0 = a week; 90 days at most
}

// An Invitation lets whoever opens it with the invited mail address become a member, once.
type Invitation struct {
	ID         uuid.UUID      `db:"invitation_id"`
	PartnerID  int64          `db:"partner_id"`
	Email      string         `db:"email"`
	Roles      pq.StringArray `db:"roles"`
	Sites      pq.StringArray `db:"sites"`       // nil = all
	OrderLimit portal.Amount  `db:"order_limit"` // "" = none
	Sent       int            `db:"sent"`        // how often it was mailed
	InvitedBy  string         `db:"invited_by"`  // as the audit names them
	InvitedAt  time.Time      `db:"invited_at"`  // UTC
	ExpiresAt  time.Time      `db:"expires_at"`  // UTC
	AcceptedAt *time.Time     `db:"accepted_at"`
	RevokedAt  *time.Time     `db:"revoked_at"`
}

const invitationColumns = `invitation_id, partner_id, email, roles, sites, order_limit, sent, invited_by, invited_at, expires_at, accepted_at, revoked_at`

// Invite asks somebody in to the caller's partner. secret makes the link /invitation/SECRET; it is
// returned this once and kept nowhere. It needs PeopleInvite. Roles that allow more than the caller may, and
// sites outside the caller's, are Forbidden; roles, sites or a mail address that do not exist are Invalid.
func Invite(ctx context.Context, tx *portal.Tx, n New) (secret string, i Invitation, err error) {
	if err := tx.Need(portal.PeopleInvite); err != nil {
		return "", i, err
	}
	kind, err := kindOf(ctx, tx, tx.By.PartnerID)
	if err != nil {
		return "", i, err
	}
	return invite(ctx, tx, tx.By.PartnerID, kind, n)
}

// InviteFor is Invite by the host's staff, to any partner. The host grants its partners' people any role of
// theirs, and its own people no more than the caller may. An unknown or closed partner is NotFound.
func InviteFor(ctx context.Context, tx *portal.Tx, partner int64, n New) (secret string, i Invitation, err error) {
	if err := needHost(tx); err != nil {
		return "", i, err
	}
	kind, err := kindOf(ctx, tx, partner)
	if err != nil {
		return "", i, err
	}
	return invite(ctx, tx, partner, kind, n)
}

func invite(ctx context.Context, tx *portal.Tx, partner int64, kind string, n New) (secret string, i Invitation, err error) {
	if n.Email, err = mailAddress(n.Email); err != nil {
		return "", i, err
	}
	if err := mayGrant(ctx, tx, partner, kind, n.Roles, n.Sites, n.OrderLimit); err != nil {
		return "", i, err
	}
	if err := invitable(ctx, tx, partner, n.Email); err != nil {
		return "", i, err
	}
	if n.ExpiresIn, err = lasts(n.ExpiresIn); err != nil {
		return "", i, err
	}
	secret = newSecret()
	i = Invitation{ID: uuid.New(), PartnerID: partner, Email: n.Email, Roles: n.Roles, Sites: sorted(n.Sites), OrderLimit: n.OrderLimit, InvitedBy: tx.By.Actor(), InvitedAt: tx.Now, ExpiresAt: tx.Now.Add(n.ExpiresIn)}
	_, err = tx.Exec(ctx, `
		INSERT INTO invitations (partner_id, invitation_id, email, roles, sites, order_limit, secret_hash, invited_by, invited_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		i.PartnerID, i.ID, i.Email, i.Roles, portal.Limit(i.Sites), i.OrderLimit, HashOf(secret), i.InvitedBy, i.InvitedAt, i.ExpiresAt)
	if err != nil {
		return "", i, fmt.Errorf("inviting: %w", err)
	}
	return secret, i, tx.AuditFor(ctx, partner, "invitation.create", i.ID.String(), map[string]string{"email": i.Email, "roles": strings.Join(n.Roles, " "), "sites": strings.Join(n.Sites, " ")})
}

// lasts returns how long an invitation is good, a week unless said otherwise.
func lasts(d time.Duration) (time.Duration, error) {
	if d < 0 || d > invitationAtMost {
		return 0, &portal.Error{Kind: portal.Invalid, Msg: "an invitation lasts 90 days at most", Fields: map[string]string{"expires_in": "choose up to 90 days"}}
	}
	return cmp.Or(d, invitationLasts), nil
}

// RevokeInvitation makes the invitation of the caller's partner worthless. It needs PeopleInvite. One that is not
// there, or was accepted or revoked already, is NotFound.
func RevokeInvitation(ctx context.Context, tx *portal.Tx, id uuid.UUID) error {
	if err := tx.Need(portal.PeopleInvite); err != nil {
		return err
	}
	return revokeInvitation(ctx, tx, tx.By.PartnerID, id)
}

// RevokeInvitationFor is RevokeInvitation by the host's staff, at any partner.
func RevokeInvitationFor(ctx context.Context, tx *portal.Tx, partner int64, id uuid.UUID) error {
	if err := needHost(tx); err != nil {
		return err
	}
	return revokeInvitation(ctx, tx, partner, id)
}

// WithdrawInvitation is RevokeInvitation at the caller's own partner, or at any for the host's staff.
func WithdrawInvitation(ctx context.Context, tx *portal.Tx, partner int64, id uuid.UUID) error {
	if err := reach(tx, partner, portal.PeopleInvite); err != nil {
		return err
	}
	return revokeInvitation(ctx, tx, partner, id)
}

func revokeInvitation(ctx context.Context, tx *portal.Tx, partner int64, id uuid.UUID) error {
	n, err := tx.Exec(ctx, `
		UPDATE invitations SET revoked_at = $3
		WHERE partner_id = $1 AND invitation_id = $2 AND accepted_at IS NULL AND revoked_at IS NULL AND ($4::text[] IS NULL OR sites <@ $4)`, partner, id, tx.Now, limitAt(tx, partner))
	if err != nil {
		return fmt.Errorf("revoking an invitation: %w", err)
	}
	if n == 0 {
		return portal.Errorf(portal.NotFound, "there is no such invitation")
	}
	return tx.AuditFor(ctx, partner, "invitation.revoke", id.String(), nil)
}

// Invitations lists those of the caller's partner that were not accepted, newest first, at most 500; a caller limited to
// some sites sees those to them. It needs PeopleRead.
func Invitations(ctx context.Context, tx *portal.Tx) (list []Invitation, err error) {
	return InvitationsOf(ctx, tx, tx.By.PartnerID)
}

// InvitationsOf is Invitations of any partner, for the host's staff.
func InvitationsOf(ctx context.Context, tx *portal.Tx, partner int64) (list []Invitation, err error) {
	if err := reach(tx, partner, portal.PeopleRead); err != nil {
		return nil, err
	}
	err = tx.Select(ctx, &list, `
		SELECT `+invitationColumns+` FROM invitations
		WHERE partner_id = $1 AND accepted_at IS NULL AND ($2::text[] IS NULL OR sites <@ $2)
		ORDER BY invited_at DESC, invitation_id LIMIT 500`, partner, limitAt(tx, partner))
	if err != nil {
		return nil, fmt.Errorf("listing invitations: %w", err)
	}
	return list, nil
}

// OpenInvitation returns nil when the invitation with this secret can be accepted by somebody. One that
// does not exist is NotFound; an expired, revoked or used one is a Conflict. tx is at the door.
func OpenInvitation(ctx context.Context, tx *portal.Tx, secretHash []byte) error {
	i, err := invitationBy(ctx, tx, secretHash)
	if err != nil {
		return err
	}
	return i.usable(tx.Now)
}

type sealed struct {
	Invitation
	AcceptedBy uuid.NullUUID `db:"accepted_by"`
	Partner    string        `db:"partner"`
	Closed     bool          `db:"closed"`
}

func invitationBy(ctx context.Context, tx *portal.Tx, secretHash []byte) (i sealed, err error) {
	err = tx.Get(ctx, &i, `
		SELECT i.invitation_id, i.partner_id, i.email, i.roles, i.sites, i.order_limit, i.invited_by, i.invited_at, i.expires_at, i.accepted_at, i.revoked_at, i.accepted_by, p.name AS partner,
			p.closed_at IS NOT NULL AS closed
		FROM invitations i JOIN partners p ON p.partner_id = i.partner_id
		WHERE i.secret_hash = $1`, secretHash)
	if errors.Is(err, sql.ErrNoRows) {
		return i, portal.Errorf(portal.NotFound, "there is no such invitation; open the link of the mail as a whole, or ask for a new one")
	} else if err != nil {
		return i, fmt.Errorf("reading an invitation: %w", err)
	}
	return i, nil
}

func (i sealed) usable(now time.Time) error {
	switch {
	case i.RevokedAt != nil || i.Closed:
		return portal.Errorf(portal.Conflict, "this invitation was withdrawn; ask for a new one")
	case i.AcceptedAt != nil:
		return portal.Errorf(portal.Conflict, "this invitation was used; sign in without it, or ask for a new one")
	case !now.Before(i.ExpiresAt):
		return portal.Errorf(portal.Conflict, "this invitation has expired; ask for a new one")
	}
	return nil
}

// accept makes the person what the invitation says, in place of what they were there. email is verified. One
// they accepted before counts as it did then.
func accept(ctx context.Context, tx *portal.Tx, secretHash []byte, p Person, proof Proof) (partner int64, err error) {
	i, err := invitationBy(ctx, tx, secretHash)
	if err != nil {
		return 0, err
	}
	if i.AcceptedBy.Valid && i.AcceptedBy.UUID == p.ID {
		return 0, nil
	}
	if err := i.usable(tx.Now); err != nil {
		return 0, err
	}
	if !strings.EqualFold(i.Email, proof.Email) {
		return 0, portal.Errorf(portal.Forbidden, "this invitation was sent to another mail address than the one you signed in with; sign in with the invited one, or without the invitation")
	}
	e, err := entryOf(ctx, tx, i.PartnerID)
	if err != nil {
		return 0, err
	}
	if err := e.refused(i.Partner, SignedIn{Issuer: proof.Issuer, Email: proof.Email, ACR: proof.ACR, AMR: proof.AMR}); err != nil {
		return 0, err
	}
	n, err := tx.Exec(ctx, `UPDATE invitations SET accepted_at = $3, accepted_by = $4 WHERE partner_id = $1 AND invitation_id = $2 AND accepted_at IS NULL AND revoked_at IS NULL`,
		i.PartnerID, i.ID, tx.Now, p.ID)
	if err != nil {
		return 0, fmt.Errorf("accepting an invitation: %w", err)
	}
	if n == 0 {
		return 0, portal.Errorf(portal.Conflict, "this invitation was used or withdrawn just now; ask for a new one")
	}
	if err := grant(ctx, tx, i.PartnerID, p, i.Roles, i.Sites, i.OrderLimit, FromInvitation, i.InvitedBy); err != nil {
		return 0, err
	}
	return i.PartnerID, tx.AuditFor(ctx, i.PartnerID, "invitation.accept", i.ID.String(), nil)
}

// newSecret returns 256 random bits as 43 characters of base64url.
func newSecret() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// isSecret reports whether text could be one of newSecret.
func isSecret(text string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(b) == 32 && len(text) == 43
}

// HashOf is what is kept of a secret: SHA-256. Secrets are random and long, so it needs no salt.
func HashOf(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}

package partners

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"extranet/portal"
)

// TokenPrefix begins every token, so that one that leaked is recognised as what it is.
const TokenPrefix = "ext_"

const tokenAtMost = 366 * 24 * time.Hour

// NewToken says what a machine is let in for.
type NewToken struct {
	Name        string
	Permissions []string
	Sites       []string      // nil = all
	ExpiresIn   time.Duration // required, a year at most
}

// A Token lets a machine act for one partner.
type Token struct {
	ID          uuid.UUID      `db:"token_id"`
	PartnerID   int64          `db:"partner_id"`
	Name        string         `db:"name"`
	Permissions pq.StringArray `db:"permissions"`
	Sites       pq.StringArray `db:"sites"`      // nil = all
	CreatedBy   string         `db:"created_by"` // as the audit names them
	CreatedAt   time.Time      `db:"created_at"` // UTC
	ExpiresAt   time.Time      `db:"expires_at"` // UTC
	LastUsedAt  *time.Time     `db:"last_used_at"`
	RevokedAt   *time.Time     `db:"revoked_at"`
}

const tokenColumns = `token_id, partner_id, name, permissions, sites, created_by, created_at, expires_at, last_used_at, revoked_at`

// CreateToken lets a machine act for the caller's partner. secret is the bearer token, returned this once and
// kept nowhere. It needs TokensManage. Permissions and sites beyond the caller's
// are Forbidden; unknown ones, and an expiry that is missing or beyond a year, are Invalid; a name that a live token has is a Conflict.
// A person's token ends with their membership, and never allows more than they may themselves.
func CreateToken(ctx context.Context, tx *portal.Tx, n NewToken) (secret string, t Token, err error) {
	if err := tx.Need(portal.TokensManage); err != nil {
		return "", t, err
	}
	perms, err := portal.ParsePermissions(n.Permissions)
	if err != nil {
		return "", t, err
	}
	if above := perms &^ tx.By.Perms; above != 0 {
		return "", t, portal.Errorf(portal.Forbidden, "you cannot grant what you may not do yourself: %s", strings.Join(above.Names(), ", "))
	}
	return createToken(ctx, tx, tx.By.PartnerID, uuid.NullUUID{UUID: tx.By.PersonID, Valid: tx.By.PersonID != uuid.Nil}, n)
}

// CreateTokenFor is CreateToken by the host's staff, for any partner, with permissions that its people can have.
// Such a token belongs to no person. For the host itself it allows no more than the caller may.
func CreateTokenFor(ctx context.Context, tx *portal.Tx, partner int64, n NewToken) (secret string, t Token, err error) {
	if err := needHost(tx); err != nil {
		return "", t, err
	}
	kind, err := kindOf(ctx, tx, partner)
	if err != nil {
		return "", t, err
	}
	perms, err := portal.ParsePermissions(n.Permissions)
	if err != nil {
		return "", t, err
	}
	can := tx.By.Perms
	if kind != "host" {
		can = 0
		for _, r := range portal.Roles {
			if !r.Host {
				can |= r.Perms
			}
		}
	}
	if above := perms &^ can; above != 0 {
		return "", t, portal.Errorf(portal.Forbidden, "this cannot be granted there: %s", strings.Join(above.Names(), ", "))
	}
	return createToken(ctx, tx, partner, uuid.NullUUID{}, n)
}

func createToken(ctx context.Context, tx *portal.Tx, partner int64, person uuid.NullUUID, n NewToken) (secret string, t Token, err error) {
	fields := map[string]string{}
	n.Name = strings.TrimSpace(n.Name)
	if n.Name == "" || len(n.Name) > 100 || strings.ContainsFunc(n.Name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		fields["name"] = "say in up to 100 characters what the token is for"
	}
	if len(n.Permissions) == 0 {
		fields["permissions"] = "name at least one"
	}
	if n.ExpiresIn <= 0 || n.ExpiresIn > tokenAtMost {
		fields["expires_in"] = "choose up to one year"
	}
	if len(fields) > 0 {
		return "", t, &portal.Error{Kind: portal.Invalid, Msg: "the token is not complete", Fields: fields}
	}
	if err := checkSites(ctx, tx, partner, n.Sites); err != nil {
		return "", t, err
	}
	perms, err := portal.ParsePermissions(n.Permissions)
	if err != nil {
		return "", t, err
	}
	t = Token{ID: uuid.New(), PartnerID: partner, Name: n.Name, Permissions: perms.Names(), Sites: sorted(n.Sites), CreatedBy: tx.By.Actor(), CreatedAt: tx.Now, ExpiresAt: tx.Now.Add(n.ExpiresIn)}
	secret = tokenText(partner, t.ID)
	hash := sha256.Sum256([]byte(secret))
	_, err = tx.Exec(ctx, `
		INSERT INTO tokens (partner_id, token_id, name, secret_hash, permissions, sites, person_id, created_by, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		t.PartnerID, t.ID, t.Name, hash[:], t.Permissions, portal.Limit(t.Sites), person, t.CreatedBy, t.CreatedAt, t.ExpiresAt)
	if portal.Broke(err, "tokens_once_per_name") {
		return "", t, &portal.Error{Kind: portal.Conflict, Msg: "there is a token of this name", Fields: map[string]string{"name": "choose another, or revoke the old one first"}}
	} else if err != nil {
		return "", t, fmt.Errorf("creating a token: %w", err)
	}
	if err := rememberToken(ctx, tx, partner, t.ID, "made"); err != nil {
		return "", t, err
	}
	return secret, t, tx.AuditFor(ctx, partner, "token.create", t.ID.String(), map[string]string{"name": t.Name, "permissions": strings.Join(t.Permissions, " "), "sites": strings.Join(t.Sites, " ")})
}

// RevokeToken makes a token of the caller's partner worthless from the next request on. It needs TokensManage.
// One that is not there, or is revoked already, is NotFound.
func RevokeToken(ctx context.Context, tx *portal.Tx, id uuid.UUID) error {
	if err := tx.Need(portal.TokensManage); err != nil {
		return err
	}
	return revokeToken(ctx, tx, tx.By.PartnerID, id)
}

// RevokeTokenFor is RevokeToken by the host's staff, at any partner.
func RevokeTokenFor(ctx context.Context, tx *portal.Tx, partner int64, id uuid.UUID) error {
	if err := needHost(tx); err != nil {
		return err
	}
	return revokeToken(ctx, tx, partner, id)
}

func revokeToken(ctx context.Context, tx *portal.Tx, partner int64, id uuid.UUID) error {
	n, err := tx.Exec(ctx, `UPDATE tokens SET revoked_at = $3 WHERE partner_id = $1 AND token_id = $2 AND revoked_at IS NULL`, partner, id, tx.Now)
	if err != nil {
		return fmt.Errorf("revoking a token: %w", err)
	}
	if n == 0 {
		return portal.Errorf(portal.NotFound, "there is no such token")
	}
	tx.Changed(accessNoun, partner)
	if err := rememberToken(ctx, tx, partner, id, "revoked"); err != nil {
		return err
	}
	return tx.AuditFor(ctx, partner, "token.revoke", id.String(), nil)
}

// unusedAfter is how long a token may lie unused before it is reported.
const unusedAfter = 90 * 24 * time.Hour

// Unused reports whether nobody has used the token for 90 days.
func (t Token) Unused(now time.Time) bool {
	used := t.CreatedAt
	if t.LastUsedAt != nil {
		used = *t.LastUsedAt
	}
	return now.Sub(used) > unusedAfter
}

// TokensOf lists the tokens of the caller's partner that are not revoked, newest first, at most 500. It needs PeopleRead.
func TokensOf(ctx context.Context, tx *portal.Tx) (list []Token, err error) {
	return TokensAt(ctx, tx, tx.By.PartnerID)
}

// TokensAt is TokensOf at any partner, for the host's staff. A caller limited to some sites sees the tokens for those.
func TokensAt(ctx context.Context, tx *portal.Tx, partner int64) (list []Token, err error) {
	if err := reach(tx, partner, portal.PeopleRead); err != nil {
		return nil, err
	}
	err = tx.Select(ctx, &list, `
		SELECT `+tokenColumns+` FROM tokens WHERE partner_id = $1 AND revoked_at IS NULL AND expires_at > $3 AND ($2::text[] IS NULL OR sites <@ $2)
		ORDER BY created_at DESC, token_id LIMIT 500`, partner, limitAt(tx, partner), tx.Now)
	if err != nil {
		return nil, fmt.Errorf("listing tokens: %w", err)
	}
	return list, nil
}

// MakeToken makes a token for the caller's partner, or for any by the host's staff: see [CreateToken] and [CreateTokenFor]. It needs TokensManage.
func MakeToken(ctx context.Context, tx *portal.Tx, partner int64, n NewToken) (secret string, t Token, err error) {
	if err := reach(tx, partner, portal.TokensManage); err != nil {
		return "", t, err
	}
	if partner == tx.By.PartnerID {
		return CreateToken(ctx, tx, n)
	}
	return CreateTokenFor(ctx, tx, partner, n)
}

// handled returns the live token whose end the caller decides on, with the person it belongs to. It needs TokensManage.
func handled(ctx context.Context, tx *portal.Tx, partner int64, id uuid.UUID) (t Token, person uuid.NullUUID, err error) {
	if err := reach(tx, partner, portal.TokensManage); err != nil {
		return t, person, err
	}
	var r struct {
		Token
		Person uuid.NullUUID `db:"person_id"`
	}
	err = tx.Get(ctx, &r, `
		SELECT `+tokenColumns+`, person_id FROM tokens
		WHERE partner_id = $1 AND token_id = $2 AND revoked_at IS NULL AND expires_at > $4 AND ($3::text[] IS NULL OR sites <@ $3) FOR UPDATE`, partner, id, limitAt(tx, partner), tx.Now)
	if errors.Is(err, sql.ErrNoRows) {
		return t, person, portal.Errorf(portal.NotFound, "there is no such token")
	} else if err != nil {
		return t, person, fmt.Errorf("reading a token: %w", err)
	}
	return r.Token, r.Person, nil
}

// EndToken makes a token of the caller's partner, or of any for the host's staff, worthless from the next request on. It needs TokensManage.
// One that is not there is NotFound.
func EndToken(ctx context.Context, tx *portal.Tx, partner int64, id uuid.UUID) error {
	if _, _, err := handled(ctx, tx, partner, id); err != nil {
		return err
	}
	return revokeToken(ctx, tx, partner, id)
}

// overlapAtMost is how long an old token may go on beside the one that takes its place.
const overlapAtMost = 7 * 24 * time.Hour

// RotateToken makes a token that takes the place of another, with the same name, rights, sites and length of life, and lets the old one go on for
// the overlap, so that a machine can be told the new one without a gap. It needs TokensManage; a token that allows more than the caller may is
// Forbidden, one that is not there NotFound, an overlap beyond a week Invalid.
func RotateToken(ctx context.Context, tx *portal.Tx, partner int64, id uuid.UUID, overlap time.Duration) (secret string, t Token, err error) {
	old, person, err := handled(ctx, tx, partner, id)
	if err != nil {
		return "", t, err
	}
	if overlap < 0 || overlap > overlapAtMost {
		return "", t, &portal.Error{Kind: portal.Invalid, Msg: "the old token goes on for a week at most", Fields: map[string]string{"overlap": "choose up to seven days"}}
	}
	if partner == tx.By.PartnerID {
		if above := known(old.Permissions) &^ tx.By.Perms; above != 0 {
			return "", t, portal.Errorf(portal.Forbidden, "this token allows more than you may yourself: %s", strings.Join(above.Names(), ", "))
		}
	}
	ends := tx.Now.Add(overlap)
	if ends.After(old.ExpiresAt) {
		ends = old.ExpiresAt
	}
	if _, err := tx.Exec(ctx, `UPDATE tokens SET expires_at = $3, name = left(name, 60) || ' (replaced ' || left($2::text, 8) || ')' WHERE partner_id = $1 AND token_id = $2`, partner, id, ends); err != nil {
		return "", t, fmt.Errorf("ending a token: %w", err)
	}
	tx.Changed(accessNoun, partner)
	if err := rememberToken(ctx, tx, partner, id, "replaced"); err != nil {
		return "", t, err
	}
	if err := tx.AuditFor(ctx, partner, "token.rotate", id.String(), map[string]string{"name": old.Name, "until": ends.Format(time.RFC3339)}); err != nil {
		return "", t, err
	}
	return createToken(ctx, tx, partner, person, NewToken{Name: old.Name, Permissions: old.Permissions, Sites: old.Sites, ExpiresIn: min(old.ExpiresAt.Sub(old.CreatedAt), tokenAtMost)})
}

// A token is ext_ID_SECRET. ID names the partner and the token, so that what is remembered of it is
// forgotten with the partner's access; SECRET has 256 bits.
var tokenText32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

const tokenLen = len(TokenPrefix) + 39 + 1 + 64

func tokenText(partner int64, id uuid.UUID) string {
	name := append(binary.BigEndian.AppendUint64(nil, uint64(partner)), id[:]...)
	random := make([]byte, 32)
	rand.Read(random)
	return TokenPrefix + tokenText32.EncodeToString(name) + "_" + hex.EncodeToString(random)
}

func parseToken(text string) (partner int64, id uuid.UUID, ok bool) {
	if len(text) != tokenLen || text[:4] != TokenPrefix || text[43] != '_' {
		return 0, id, false
	}
	var name [25]byte
	n, err := tokenText32.Decode(name[:], []byte(text[4:43]))
	if err != nil || n != 24 {
		return 0, id, false
	}
	partner = int64(binary.BigEndian.Uint64(name[:8]))
	copy(id[:], name[8:])
	// What tokenText cannot have written is not worth a question to the database.
	ok = partner > 0 && isRandom(id) && tokenText32.EncodeToString(name[:24]) == text[4:43] && strings.Trim(text[44:], "0123456789abcdef") == ""
	return partner, id, ok
}

// Tokens resolves bearer tokens, and keeps when each was last used, to a minute.
type Tokens struct {
	db   *portal.DB
	mu   sync.Mutex
	used map[uuid.UUID]time.Time // what is written
}

// NewTokens resolves tokens of the portal's partners.
func NewTokens(db *portal.DB) *Tokens { return &Tokens{db: db, used: map[uuid.UUID]time.Time{}} }

var noToken = portal.Errorf(portal.Unauthenticated, "the bearer token is not valid: it is unknown, has expired or was revoked")

// Resolve returns the caller whom the token stands for. A token that is unknown, expired or revoked, or whose partner is
// closed, is Unauthenticated. A token that was resolved before costs no I/O.
func (s *Tokens) Resolve(ctx context.Context, text string) (portal.Caller, error) {
	partner, id, ok := parseToken(text)
	if !ok {
		return portal.Caller{}, noToken
	}
	hash := sha256.Sum256([]byte(text))
	a, err := portal.Cached(ctx, s.db, portal.Caller{PartnerID: partner}, accessNoun, "token:"+meaning+":"+hex.EncodeToString(hash[:]), func(ctx context.Context) (*access, error) {
		return s.load(ctx, partner, id, hash[:])
	})
	if portal.Says(err).Kind == portal.NotFound {
		err = noToken // a partner that there is not
	}
	if err != nil {
		return portal.Caller{}, err
	}
	now := s.db.Now()
	if !now.Before(a.Expires) {
		return portal.Caller{}, noToken
	}
	s.note(partner, id, now)
	return a.Caller, nil
}

func (s *Tokens) load(ctx context.Context, partner int64, id uuid.UUID, hash []byte) (a *access, err error) {
	err = s.db.AtTheDoor(ctx, func(tx *portal.Tx) error {
		var r struct {
			Token
			Number  string         `db:"number"`
			Partner string         `db:"partner_name"`
			Kind    string         `db:"kind"`
			Own     bool           `db:"own"` // a person's, who is a member
			Roles   pq.StringArray `db:"roles"`
			Limit   pq.StringArray `db:"member_sites"`
			Limited portal.Amount  `db:"order_limit"`
			rights
		}
		err := tx.Get(ctx, &r, `
			SELECT t.token_id, t.partner_id, t.name, t.permissions, t.sites, t.expires_at, p.number, p.name AS partner_name, p.kind,
				t.person_id IS NOT NULL AS own, coalesce(m.roles, '{}') AS roles, m.sites AS member_sites, m.order_limit, `+rightsColumns+`
			FROM tokens t
				JOIN partners p ON p.partner_id = t.partner_id
				LEFT JOIN memberships m ON m.partner_id = t.partner_id AND m.person_id = t.person_id AND m.ended_at IS NULL AND m.suspended_at IS NULL
			WHERE t.partner_id = $1 AND t.token_id = $2 AND t.secret_hash = $3 AND t.revoked_at IS NULL AND p.closed_at IS NULL
				AND (t.person_id IS NULL OR m.person_id IS NOT NULL)`, partner, id, hash)
		if errors.Is(err, sql.ErrNoRows) {
			return noToken
		} else if err != nil {
			return fmt.Errorf("reading a token: %w", err)
		}
		// A permission that is no more allows nothing; the others stay.
		var perms portal.Permissions
		for _, name := range r.Permissions {
			if p, err := portal.ParsePermissions([]string{name}); err == nil {
				perms |= p
			}
		}
		host := r.Kind == "host"
		if r.Own {
			perms &= r.allow(r.Roles, r.Kind)
			switch {
			case r.Limit != nil && r.Sites == nil:
				r.Sites = r.Limit
			case r.Limit != nil:
				r.Sites = slices.DeleteFunc(r.Sites, func(s string) bool { return !slices.Contains(r.Limit, s) })
			}
		}
		perms = r.within(perms, r.Kind)
		a = &access{Expires: r.ExpiresAt, Caller: portal.Caller{
			PartnerID: r.PartnerID, PartnerNumber: r.Number, PartnerName: r.Partner, PartnerKind: r.Kind, Host: host,
			Name: "token " + r.Name, Perms: perms, Sites: r.Sites, Programmes: r.Programmes, Categories: r.Categories, DocumentKinds: r.Kinds, OrderLimit: r.rights.limit(r.Roles, r.Limited),
		}}
		return nil
	})
	return a, err
}

// note writes the last use down when the one written is a minute old, without making the request wait.
func (s *Tokens) note(partner int64, id uuid.UUID, now time.Time) {
	s.mu.Lock()
	due := now.Sub(s.used[id]) >= time.Minute
	if due {
		if len(s.used) > 10_000 {
			clear(s.used)
		}
		s.used[id] = now
	}
	s.mu.Unlock()
	if !due {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		// A miss costs a stamp that is a minute late.
		_ = s.db.AtTheDoor(ctx, func(tx *portal.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE tokens SET last_used_at = $3 WHERE partner_id = $1 AND token_id = $2`, partner, id, now)
			return err
		})
	}()
}

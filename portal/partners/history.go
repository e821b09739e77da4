package partners

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"extranet/portal"
)

// A Grant is what somebody, or a token, could do at a partner from a time on.
type Grant struct {
	At          time.Time      `db:"at"`
	SubjectID   uuid.UUID      `db:"subject_id"`
	Kind        string         `db:"kind"` // person or token
	Name        string         `db:"name"`
	Email       string         `db:"email"`
	State       string         `db:"state"` // active, suspended or ended
	Roles       pq.StringArray `db:"roles"`
	Sites       pq.StringArray `db:"sites"` // nil = all
	Permissions pq.StringArray `db:"permissions"`
	ExpiresAt   *time.Time     `db:"expires_at"` // of a token
	ChangedBy   string         `db:"changed_by"`
	Why         string         `db:"why"`
}

const grantColumns = `at, subject_id, kind, name, email, state, roles, sites, permissions, expires_at, changed_by, why`

// HistoryOf lists what the person could do at the partner, the latest first, at most 200. It needs PeopleRead; whoever is beyond
// the caller's sites has no history to them.
func HistoryOf(ctx context.Context, tx *portal.Tx, partner int64, person uuid.UUID) (list []Grant, err error) {
	if err := reach(tx, partner, portal.PeopleRead); err != nil {
		return nil, err
	}
	return historyOf(ctx, tx, partner, person)
}

func historyOf(ctx context.Context, tx *portal.Tx, partner int64, person uuid.UUID) (list []Grant, err error) {
	err = tx.Select(ctx, &list, `
		SELECT `+grantColumns+` FROM grants
		WHERE partner_id = $1 AND subject_id = $2 AND ($3::text[] IS NULL OR sites IS NULL OR sites && $3)
		ORDER BY at DESC, grant_id DESC LIMIT 200`, partner, person, limitAt(tx, partner))
	if err != nil {
		return nil, fmt.Errorf("reading the history of grants: %w", err)
	}
	return list, nil
}

// Documents whose readers can be asked for: what it takes to see one, and where it says which site it is of.
var documents = map[string]struct {
	need portal.Permission
	desk portal.Permission // of the host's staff, who see it beside the partner
	site string
}{
	"orders":     {portal.OrdersRead, portal.ViewAs, `SELECT coalesce(site, '') FROM orders WHERE partner_id = $1 AND number = $2`},
	"claims":     {portal.ClaimsRead, portal.ClaimsDecide, `SELECT site FROM claims WHERE partner_id = $1 AND number = $2 AND submitted_at IS NOT NULL`},
	"invoices":   {portal.AccountRead, portal.ViewAs, `SELECT coalesce(site, '') FROM invoices WHERE partner_id = $1 AND number = $2`},
	"purchasing": {portal.PurchasingRead, portal.ViewAs, `SELECT coalesce(site, '') FROM purchase_orders WHERE partner_id = $1 AND number = $2`},
}

// An Access is the answer to who could see a document at a moment, and who opened it that day.
type Access struct {
	Document string
	At       time.Time
	Site     string // "" = of the company as a whole
	Could    []Grant
	Opened   []portal.Sighting
}

// CouldSee tells who could see the partner's document at that time, by what was granted then, and who opened it on that day (UTC). document is like
// orders/4711. It needs AuditRead; a document that is not there is NotFound, a kind that cannot be asked for Invalid.
func CouldSee(ctx context.Context, tx *portal.Tx, partner int64, document string, at time.Time) (a Access, err error) {
	kind, number, _ := strings.Cut(document, "/")
	d, ok := documents[kind]
	if !ok {
		return a, &portal.Error{Kind: portal.Invalid, Msg: "that is no document whose readers are kept", Fields: map[string]string{"document": "write it like orders/4711"}}
	}
	day := at.UTC().Truncate(24 * time.Hour)
	a = Access{Document: document, At: at}
	if a.Opened, err = portal.SightingsOf(ctx, tx, partner, document, day, day.Add(24*time.Hour)); err != nil {
		return a, err
	}
	if a.Site, err = siteOf(ctx, tx, partner, d.site, number); err != nil {
		return a, err
	}
	err = tx.Select(ctx, &a.Could, `
		SELECT `+grantColumns+` FROM (
			SELECT DISTINCT ON (subject_id) * FROM grants WHERE partner_id = $1 AND at <= $2 ORDER BY subject_id, at DESC, grant_id DESC) g
		WHERE state = 'active' AND $3 = ANY(permissions) AND (expires_at IS NULL OR expires_at > $2) AND (sites IS NULL OR $4 = ANY(sites))
		ORDER BY kind, name, subject_id LIMIT 1000`, partner, at, d.need.String(), a.Site)
	if err != nil {
		return a, fmt.Errorf("asking the history of grants: %w", err)
	}
	return a, nil
}

// A membersID is who a member is, and nothing else of them.
type membersID struct {
	ID uuid.UUID `db:"person_id"`
}

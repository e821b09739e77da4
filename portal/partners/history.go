package partners

import (
	"context"
	"fmt"
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
	err = tx.Select(ctx, &list, `
		SELECT `+grantColumns+` FROM grants
		WHERE partner_id = $1 AND subject_id = $2 AND ($3::text[] IS NULL OR sites IS NULL OR sites && $3)
		ORDER BY at DESC, grant_id DESC LIMIT 200`, partner, person, limitAt(tx, partner))
	if err != nil {
		return nil, fmt.Errorf("reading the history of grants: %w", err)
	}
	return list, nil
}

package partners

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"extranet/portal"
)

// An Ended is a session that was just ended, with what the issuer needs to end its own.
type Ended struct {
	ID        uuid.UUID `db:"session_id"`
	PersonID  uuid.UUID `db:"person_id"`
	PartnerID int64     `db:"partner_id"`
	Issuer    string    `db:"issuer"`
	IDToken   string    `db:"id_token"`
}

const endedColumns = `session_id, person_id, partner_id, issuer, id_token`

// Logout ends the caller's own session. One that is over already is Unauthenticated.
func (s *Sessions) Logout(ctx context.Context, by portal.Caller) (e Ended, err error) {
	if by.SessionID == uuid.Nil {
		return e, noSession
	}
	all, err := s.endAs(ctx, by, "logout", `
		UPDATE sessions SET ended_at = $3, ended_by = 'logout' WHERE session_id = $1 AND person_id = $2 AND ended_at IS NULL RETURNING `+endedColumns, by.SessionID, by.PersonID)
	if err != nil {
		return e, err
	}
	if len(all) == 0 {
		return e, sessionEnded
	}
	return all[0], nil
}

// EndOne ends one of the caller's own sessions; any other is NotFound.
func (s *Sessions) EndOne(ctx context.Context, by portal.Caller, id uuid.UUID) error {
	if by.PersonID == uuid.Nil {
		return noSession
	}
	all, err := s.endAs(ctx, by, "session.end", `
		UPDATE sessions SET ended_at = $3, ended_by = 'the person' WHERE session_id = $1 AND person_id = $2 AND ended_at IS NULL RETURNING `+endedColumns, id, by.PersonID)
	if err == nil && len(all) == 0 {
		err = portal.Errorf(portal.NotFound, "there is no such session")
	}
	return err
}

// EndOthers ends all of the caller's sessions but the one that asks, and returns how many those were.
func (s *Sessions) EndOthers(ctx context.Context, by portal.Caller) (int, error) {
	if by.PersonID == uuid.Nil {
		return 0, noSession
	}
	all, err := s.endAs(ctx, by, "session.end", `
		UPDATE sessions SET ended_at = $3, ended_by = 'the person' WHERE session_id <> $1 AND person_id = $2 AND ended_at IS NULL RETURNING `+endedColumns, by.SessionID, by.PersonID)
	return len(all), err
}

// EndOf ends a member's sessions: those in which they act for the caller's partner, or all of them when the host's staff
// ask. It needs PeopleInvite. Somebody who was never a member is NotFound.
func (s *Sessions) EndOf(ctx context.Context, by portal.Caller, person uuid.UUID) (int, error) {
	if err := by.Need(portal.PeopleInvite); err != nil {
		return 0, err
	}
	partner := by.PartnerID
	if by.Host {
		partner = 0
	}
	var member bool
	err := s.db.AtTheDoor(ctx, func(tx *portal.Tx) error {
		return tx.Get(ctx, &member, `SELECT EXISTS (SELECT 1 FROM memberships WHERE person_id = $1 AND ($2::bigint = 0 OR partner_id = $2))`, person, partner)
	})
	if err != nil {
		return 0, fmt.Errorf("looking for a member: %w", err)
	}
	if !member {
		return 0, portal.Errorf(portal.NotFound, "there is no such member")
	}
	all, err := s.endAs(ctx, by, "session.end", `
		UPDATE sessions SET ended_at = $3, ended_by = 'an administrator' WHERE person_id = $1 AND ($2::bigint = 0 OR partner_id = $2) AND ended_at IS NULL RETURNING `+endedColumns, person, partner)
	return len(all), err
}

// endAs ends sessions on behalf of by. query has two arguments of its own; $3 is the time.
func (s *Sessions) endAs(ctx context.Context, by portal.Caller, action, query string, args ...any) (all []Ended, err error) {
	err = s.db.AtTheDoor(ctx, func(tx *portal.Tx) error {
		tx.By = by
		if err := tx.Select(ctx, &all, query, append(args, tx.Now)...); err != nil {
			return fmt.Errorf("ending sessions: %w", err)
		}
		return noteEnds(ctx, tx, action, all)
	})
	return all, err
}

func noteEnds(ctx context.Context, tx *portal.Tx, action string, all []Ended) error {
	slices.SortFunc(all, func(a, b Ended) int { return cmp.Compare(a.PartnerID, b.PartnerID) })
	for _, e := range all {
		tx.AccessChanged(e.PersonID)
		if err := tx.AuditFor(ctx, e.PartnerID, action, e.ID.String(), nil); err != nil {
			return err
		}
	}
	return nil
}

// A LogoutToken is what an issuer said about a session of its own that is over, after every check of the token itself.
type LogoutToken struct {
	Issuer, Subject, SID string // Subject or SID may be ""
	ID                   string // jti
	Expires              time.Time
}

// EndByIssuer ends the sessions that the token means: of its sid, of its subject, or of both where it has both
// (OpenID Connect Back-Channel Logout 1.0, 2.7). A token that was carried out before is Malformed.
func (s *Sessions) EndByIssuer(ctx context.Context, t LogoutToken) (n int, err error) {
	err = s.db.AtTheDoor(ctx, func(tx *portal.Tx) error {
		tx.By = portal.Caller{Name: "issuer " + t.Issuer}
		fresh, err := tx.Exec(ctx, `INSERT INTO logout_tokens (issuer, jti, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, t.Issuer, t.ID, t.Expires)
		if err != nil {
			return fmt.Errorf("keeping a logout token: %w", err)
		}
		if fresh == 0 {
			return portal.Errorf(portal.Malformed, "the logout token was used before")
		}
		var all []Ended
		if t.SID != "" {
			err = tx.Select(ctx, &all, `
				UPDATE sessions SET ended_at = $4, ended_by = 'the issuer' WHERE issuer = $1 AND sid = $2 AND ($3 = '' OR subject = $3) AND ended_at IS NULL RETURNING `+endedColumns,
				t.Issuer, t.SID, t.Subject, tx.Now)
		} else {
			err = tx.Select(ctx, &all, `
				UPDATE sessions SET ended_at = $3, ended_by = 'the issuer' WHERE issuer = $1 AND subject = $2 AND ended_at IS NULL RETURNING `+endedColumns,
				t.Issuer, t.Subject, tx.Now)
		}
		if err != nil {
			return fmt.Errorf("ending sessions: %w", err)
		}
		n = len(all)
		return noteEnds(ctx, tx, "session.end", all)
	})
	return n, err
}

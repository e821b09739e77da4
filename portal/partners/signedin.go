package partners

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"extranet/portal"
)

// A SessionFilter says which sessions are meant; what is empty is not asked for.
type SessionFilter struct {
	Partner string    // account number of the partner acted for
	Person  uuid.UUID // whose
	Issuer  string    // by whom they signed in, as its address
}

// A LiveSession is a session as administrators see it.
type LiveSession struct {
	Session
	Name   string `db:"name"`
	Email  string `db:"email"`
	Number string `db:"number"` // of the partner acted for
	Issuer string `db:"issuer"`
}

const sessionsAtMost = 500

// narrow returns the partner that the caller is held to, 0 = any, and the sites whose people they see. It needs PeopleManage.
func (f SessionFilter) narrow(ctx context.Context, tx *portal.Tx, by portal.Caller) (partner int64, sites any, err error) {
	if err := by.Need(portal.PeopleManage); err != nil {
		return 0, nil, err
	}
	if !by.Host {
		if f.Partner != "" && f.Partner != by.PartnerNumber {
			return 0, nil, portal.Errorf(portal.NotFound, "there is no partner %q", f.Partner)
		}
		return by.PartnerID, portal.Limit(by.Sites), nil
	}
	if f == (SessionFilter{}) {
		return by.PartnerID, portal.Limit(nil), nil
	}
	if f.Partner == "" {
		return 0, portal.Limit(nil), nil
	}
	p, err := ByNumber(ctx, tx, f.Partner)
	return p.ID, portal.Limit(nil), err
}

const signedInWhere = `
	s.ended_at IS NULL AND s.expires_at > $1 AND s.seen_at > $2 AND ($3::bigint = 0 OR s.partner_id = $3) AND ($4::uuid = '00000000-0000-0000-0000-000000000000' OR s.person_id = $4) AND ($5 = '' OR s.issuer = $5)
	AND ($6::text[] IS NULL OR EXISTS (SELECT 1 FROM memberships m WHERE m.partner_id = s.partner_id AND m.person_id = s.person_id AND (m.sites IS NULL OR m.sites && $6)))`

// At lists live sessions, the latest used first, at most 500: of the caller's partner, and for the host's staff of the partner, the person or the issuer that they name. It needs PeopleManage.
func (s *Sessions) At(ctx context.Context, by portal.Caller, f SessionFilter) (list []LiveSession, err error) {
	err = s.db.AtTheDoor(ctx, func(tx *portal.Tx) error {
		partner, sites, err := f.narrow(ctx, tx, by)
		if err != nil {
			return err
		}
		return tx.Select(ctx, &list, `
			SELECT s.session_id, s.person_id, s.partner_id, p.name AS partner_name, p.number, s.device, s.created_at, s.seen_at, s.expires_at, s.issuer, n.name, n.email, s.session_id = $7 AS current
			FROM sessions s JOIN partners p ON p.partner_id = s.partner_id JOIN people n ON n.person_id = s.person_id
			WHERE `+signedInWhere+`
			ORDER BY s.seen_at DESC, s.session_id LIMIT `+fmt.Sprint(sessionsAtMost), tx.Now, tx.Now.Add(-s.limit.Idle), partner, f.Person, f.Issuer, sites, by.SessionID)
	})
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	return list, nil
}

// EndAt ends the sessions that At would list, but the one that asks, and returns how many those were. It needs PeopleManage. The host's staff
// say whose: a partner, a person or an issuer; nothing of these is Invalid. Those who are signed in there are refused on their next request.
func (s *Sessions) EndAt(ctx context.Context, by portal.Caller, f SessionFilter) (n int, err error) {
	if err := by.Need(portal.PeopleManage); err != nil {
		return 0, err
	}
	if by.Host && f == (SessionFilter{}) {
		return 0, &portal.Error{Kind: portal.Invalid, Msg: "whose sessions shall end is not said", Fields: map[string]string{"partner": "name a partner, a person or an issuer"}}
	}
	err = s.db.AtTheDoor(ctx, func(tx *portal.Tx) error {
		partner, sites, err := f.narrow(ctx, tx, by)
		if err != nil {
			return err
		}
		tx.By = by
		var all []Ended
		err = tx.Select(ctx, &all, `
			UPDATE sessions s SET ended_at = $1, ended_by = 'an administrator' WHERE `+signedInWhere+` AND s.session_id <> $7 RETURNING `+endedColumns,
			tx.Now, tx.Now.Add(-s.limit.Idle), partner, f.Person, f.Issuer, sites, by.SessionID)
		if err != nil {
			return fmt.Errorf("ending sessions: %w", err)
		}
		n = len(all)
		return noteEnds(ctx, tx, "session.end", all)
	})
	return n, err
}

// An UnusedToken is one that nobody has used for 90 days.
type UnusedToken struct {
	Token
	Number  string `db:"number"` // of the partner
	Partner string `db:"partner_name"`
}

// UnusedTokens lists the tokens that work and that nobody has used for 90 days, the longest unused first, at most 500: over all partners, for the host's staff who hold PeopleRead.
func UnusedTokens(ctx context.Context, tx *portal.Tx) (list []UnusedToken, err error) {
	if !tx.By.Host {
		return nil, portal.Errorf(portal.Forbidden, "only the host's staff may do this")
	}
	if err := tx.Need(portal.PeopleRead); err != nil {
		return nil, err
	}
	err = tx.Select(ctx, &list, `
		SELECT t.token_id, t.partner_id, t.name, t.permissions, t.sites, t.created_by, t.created_at, t.expires_at, t.last_used_at, t.revoked_at, p.number, p.name AS partner_name
		FROM tokens t JOIN partners p ON p.partner_id = t.partner_id
		WHERE t.revoked_at IS NULL AND t.expires_at > $1 AND coalesce(t.last_used_at, t.created_at) < $2
		ORDER BY coalesce(t.last_used_at, t.created_at), t.token_id LIMIT 500`, tx.Now, tx.Now.Add(-unusedAfter))
	if err != nil {
		return nil, fmt.Errorf("listing unused tokens: %w", err)
	}
	return list, nil
}

package partners

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"extranet/portal"
)

// Sessions resolves who is signed in, and keeps when each was last there.
//
// A session ends after Idle without a request and after Absolute in any case (NIST SP 800-63B, 4.2.3). Both are
// checked at each request against what the process remembers. When a session was last used is kept in the
// process, and written by one statement for all of them every few seconds, at once for one that had been
// quiet; before a session is refused as idle the database is asked whether another process saw it since.
type Sessions struct {
	db    *portal.DB
	limit Limits
	every time.Duration // between writes
	log   *slog.Logger

	mu   sync.RWMutex
	uses map[[32]byte]*use

	wake, stop chan struct{}
	done       chan struct{}
}

// Limits say how long a session lasts.
type Limits struct {
	Idle     time.Duration // without a request; 0 = 30 minutes
	Absolute time.Duration // in any case; 0 = 12 hours
}

// A use says when a session was last used and what of that is written, in microseconds since 1970.
type use struct{ last, written atomic.Int64 }

// NewSessions keeps sessions until Close.
func NewSessions(db *portal.DB, l Limits, log *slog.Logger) *Sessions {
	l.Idle, l.Absolute = cmp.Or(l.Idle, 30*time.Minute), cmp.Or(l.Absolute, 12*time.Hour)
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Sessions{
		db: db, limit: l, log: log, every: min(5*time.Second, max(l.Idle/6, 50*time.Millisecond)), uses: map[[32]byte]*use{},
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	go s.run()
	return s
}

// Limits are what the sessions are held to.
func (s *Sessions) Limits() Limits { return s.limit }

// Close writes down what is not yet written.
func (s *Sessions) Close() {
	close(s.stop)
	<-s.done
}

// A Session is one place where a person is signed in.
type Session struct {
	ID          uuid.UUID `db:"session_id"`
	PersonID    uuid.UUID `db:"person_id"`
	PartnerID   int64     `db:"partner_id"` // acted for
	PartnerName string    `db:"partner_name"`
	Device      string    `db:"device"`     // "Firefox on Windows"
	CreatedAt   time.Time `db:"created_at"` // UTC
	SeenAt      time.Time `db:"seen_at"`    // UTC, to a few seconds
	ExpiresAt   time.Time `db:"expires_at"` // UTC, at the latest
	Current     bool      `db:"current"`    // the one that asks
}

// access is what a session allows, as long as nothing changes.
type access struct {
	Caller  portal.Caller
	Seen    time.Time // when it was read
	Expires time.Time
	Until   time.Time // when looking as a partner ends; zero = does not look so
}

// accessNoun is under what the access of a partner's tokens is remembered.
const accessNoun = "access"

// meaning changes with what roles and permissions mean: access remembered by another version of the portal is not used.
var meaning = func() string {
	h := fnv.New64a()
	fmt.Fprint(h, (^portal.Permissions(0)).Names(), portal.Roles, portal.Modules)
	return strconv.FormatUint(h.Sum64(), 36)
}()

// Every refusal of a session is Unauthenticated.
var (
	noSession    = portal.Errorf(portal.Unauthenticated, "sign in first")
	sessionEnded = portal.Errorf(portal.Unauthenticated, "this session was ended; sign in again")
	errNoMember  = errors.New("the person is no member any more")
)

func (s *Sessions) sessionExpired() error {
	return portal.Errorf(portal.Unauthenticated, "your session ended: it lasts %s without use and %s in all; sign in again", inWords(s.limit.Idle), inWords(s.limit.Absolute))
}

func inWords(d time.Duration) string {
	text := d.String() // 12h0m0s
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Resolve returns the caller whom the cookie stands for, and counts the request as use of the session.
// A cookie that is no session's, or one that is over, is Unauthenticated. A session that was resolved before costs no I/O.
func (s *Sessions) Resolve(ctx context.Context, cookie string) (portal.Caller, error) {
	return s.resolve(ctx, cookie, true)
}

// Peek is Resolve for what a page asks by itself: it does not keep the session alive.
func (s *Sessions) Peek(ctx context.Context, cookie string) (portal.Caller, error) {
	return s.resolve(ctx, cookie, false)
}

// A cookie is PERSON.SECRET: the person's id lets their access be remembered and forgotten as one.
func parseCookie(cookie string) (person uuid.UUID, hash [32]byte, ok bool) {
	if len(cookie) != 36+1+43 || cookie[36] != '.' {
		return person, hash, false
	}
	person, err := uuid.Parse(cookie[:36])
	if err != nil || !isRandom(person) || person.String() != cookie[:36] || !isSecret(cookie[37:]) {
		return person, hash, false
	}
	return person, sha256.Sum256([]byte(cookie[37:])), true
}

// isRandom reports whether the id is of the kind that the portal makes. No other is worth a question to the database.
func isRandom(id uuid.UUID) bool { return id.Version() == 4 && id.Variant() == uuid.RFC4122 }

func (s *Sessions) resolve(ctx context.Context, cookie string, counts bool) (portal.Caller, error) {
	person, hash, ok := parseCookie(cookie)
	if !ok {
		return portal.Caller{}, noSession
	}
	a, err := portal.CachedAccess(ctx, s.db, person, "session:"+meaning+":"+hex.EncodeToString(hash[:]), func(ctx context.Context) (*access, error) {
		return s.load(ctx, person, hash[:])
	})
	if portal.Says(err).Kind == portal.NotFound {
		err = noSession // a person whom there is not
	}
	if err != nil {
		return portal.Caller{}, err
	}
	now := s.db.Now()
	if !now.Before(a.Expires) {
		return portal.Caller{}, s.expire(ctx, person, hash[:], "absolute limit")
	}
	if !a.Until.IsZero() && !now.Before(a.Until) { // they looked long enough, and are the host's again
		if err := s.EndView(ctx, a.Caller); err != nil {
			return portal.Caller{}, err
		}
		if a, err = s.load(ctx, person, hash[:]); err != nil {
			return portal.Caller{}, err
		}
	}
	u := s.use(hash, a.Seen)
	if now.UnixMicro()-u.last.Load() >= s.limit.Idle.Microseconds() {
		seen, err := s.seenAt(ctx, hash[:])
		if err != nil {
			return portal.Caller{}, err
		}
		u.saw(seen.UnixMicro())
		if now.UnixMicro()-u.last.Load() >= s.limit.Idle.Microseconds() {
			return portal.Caller{}, s.expire(ctx, person, hash[:], "idle limit")
		}
	}
	if counts {
		u.saw(now.UnixMicro())
		if u.last.Load()-u.written.Load() > 2*s.every.Microseconds() {
			select {
			case s.wake <- struct{}{}:
			default:
			}
		}
	}
	return a.Caller, nil
}

// saw moves the last use forward, never back.
func (u *use) saw(at int64) {
	for {
		was := u.last.Load()
		if was >= at || u.last.CompareAndSwap(was, at) {
			return
		}
	}
}

func (s *Sessions) use(hash [32]byte, seen time.Time) *use {
	s.mu.RLock()
	u := s.uses[hash]
	s.mu.RUnlock()
	if u != nil {
		return u
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if u = s.uses[hash]; u == nil {
		u = new(use)
		u.last.Store(seen.UnixMicro())
		u.written.Store(seen.UnixMicro())
		s.uses[hash] = u
	}
	return u
}

type accessRow struct {
	SessionID uuid.NullUUID  `db:"session_id"`
	PartnerID int64          `db:"partner_id"`
	Number    string         `db:"number"`
	Partner   string         `db:"partner_name"`
	Kind      string         `db:"kind"`
	Name      string         `db:"name"`
	Roles     pq.StringArray `db:"roles"`
	Sites     pq.StringArray `db:"sites"`
	SeenAt    time.Time      `db:"seen_at"`
	ExpiresAt time.Time      `db:"expires_at"`
	EndedBy   *string        `db:"ended_by"`
	Member    bool           `db:"member"`
	Limit     portal.Amount  `db:"order_limit"`
	Viewing   sql.NullInt64  `db:"viewing"`
	ViewUntil sql.NullTime   `db:"viewing_until"`
	ViewActs  bool           `db:"viewing_acts"`
	SignedIn
	Entry
	rights
}

func (s *Sessions) load(ctx context.Context, person uuid.UUID, hash []byte) (a *access, err error) {
	err = s.db.AtTheDoor(ctx, func(tx *portal.Tx) error {
		var r accessRow
		err := tx.Get(ctx, &r, `
			SELECT s.session_id, s.partner_id, p.number, p.name AS partner_name, p.kind, n.name, coalesce(m.roles, '{}') AS roles, m.sites, m.order_limit, s.seen_at, s.expires_at, s.ended_by,
				m.person_id IS NOT NULL AND p.closed_at IS NULL AS member, s.viewing, s.viewing_until, s.viewing_acts,
				s.issuer AS signed_issuer, n.email AS signed_email, s.acr AS signed_acr, s.amr AS signed_amr, `+coalescedEntry+`, `+rightsColumns+`
			FROM sessions s
				JOIN people n ON n.person_id = s.person_id
				JOIN partners p ON p.partner_id = s.partner_id
				LEFT JOIN memberships m ON m.partner_id = s.partner_id AND m.person_id = s.person_id AND m.ended_at IS NULL AND m.suspended_at IS NULL
				LEFT JOIN entry_rules e ON e.partner_id = s.partner_id
			WHERE s.session_hash = $1 AND s.person_id = $2`, hash, person)
		if errors.Is(err, sql.ErrNoRows) {
			return noSession
		} else if err != nil {
			return fmt.Errorf("reading a session: %w", err)
		}
		switch {
		case r.EndedBy != nil && (*r.EndedBy == "idle limit" || *r.EndedBy == "absolute limit"):
			return s.sessionExpired()
		case r.EndedBy != nil:
			return sessionEnded
		case !r.Member:
			return errNoMember
		}
		if why := r.refuses(r.Partner, r.SignedIn); why != "" {
			return portal.Errorf(portal.Unauthenticated, "%s", why)
		}
		host := r.Kind == "host"
		a = &access{Seen: r.SeenAt, Expires: r.ExpiresAt, Caller: portal.Caller{
			PartnerID: r.PartnerID, PartnerNumber: r.Number, PartnerName: r.Partner, PartnerKind: r.Kind, Host: host,
			PersonID: person, Name: r.Name, Roles: r.Roles, Perms: r.allow(r.Roles, r.Kind), Sites: r.Sites, Programmes: r.Programmes, Categories: r.Categories, DocumentKinds: r.Kinds, OrderLimit: r.rights.limit(r.Roles, r.Limit), SessionID: r.SessionID.UUID,
		}}
		if r.Viewing.Valid && host && tx.Now.Before(r.ViewUntil.Time) && a.Caller.Perms.Has(portal.ViewAs) {
			return view(ctx, tx, a, r.Viewing.Int64, r.ViewUntil.Time, r.ViewActs)
		}
		return nil
	})
	if errors.Is(err, errNoMember) {
		// A membership that comes back does not bring back who was signed in before.
		if err := s.end(ctx, person, hash, "end of membership"); err != nil {
			return nil, err
		}
		return nil, sessionEnded
	}
	return a, err
}

func (s *Sessions) seenAt(ctx context.Context, hash []byte) (seen time.Time, err error) {
	err = s.db.AtTheDoor(ctx, func(tx *portal.Tx) error {
		err := tx.Get(ctx, &seen, `SELECT seen_at FROM sessions WHERE session_hash = $1 AND ended_at IS NULL`, hash)
		if errors.Is(err, sql.ErrNoRows) {
			return sessionEnded
		}
		return err
	})
	return seen, err
}

// expire ends the session and returns why it is refused.
func (s *Sessions) expire(ctx context.Context, person uuid.UUID, hash []byte, why string) error {
	if err := s.end(ctx, person, hash, why); err != nil {
		return err
	}
	return s.sessionExpired()
}

func (s *Sessions) end(ctx context.Context, person uuid.UUID, hash []byte, why string) error {
	return s.db.AtTheDoor(ctx, func(tx *portal.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE sessions SET ended_at = $2, ended_by = $3 WHERE session_hash = $1 AND ended_at IS NULL`, hash, tx.Now, why)
		if err != nil {
			return fmt.Errorf("ending a session: %w", err)
		}
		if n > 0 {
			tx.AccessChanged(person)
		}
		return nil
	})
}

func (s *Sessions) run() {
	defer close(s.done)
	tick, sweep := time.NewTicker(s.every), time.NewTicker(10*time.Minute)
	defer tick.Stop()
	defer sweep.Stop()
	for {
		select {
		case <-s.stop:
			s.write()
			return
		case <-tick.C:
			s.write()
		case <-s.wake:
			s.write()
		case <-sweep.C:
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			if err := s.db.AtTheDoor(ctx, func(tx *portal.Tx) error { return Sweep(ctx, tx) }); err != nil {
				s.log.Warn("sweeping the door failed", "err", err)
			}
			cancel()
		}
	}
}

// write writes when sessions were last used, and forgets those that are over.
func (s *Sessions) write() {
	type stamp struct {
		hash [32]byte
		u    *use
		at   int64
	}
	var stamps []stamp
	var over [][32]byte
	idle := s.db.Now().Add(-s.limit.Idle).UnixMicro()
	s.mu.RLock()
	for h, u := range s.uses {
		if at := u.last.Load(); at > u.written.Load() {
			stamps = append(stamps, stamp{h, u, at})
		} else if at < idle {
			over = append(over, h)
		}
	}
	s.mu.RUnlock()
	if len(over) > 0 {
		s.mu.Lock()
		for _, h := range over {
			if u := s.uses[h]; u != nil && u.last.Load() < idle {
				delete(s.uses, h)
			}
		}
		s.mu.Unlock()
	}
	// In one order, so that two processes do not wait for each other.
	slices.SortFunc(stamps, func(a, b stamp) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	for chunk := range slices.Chunk(stamps, 1000) {
		hashes, times := make(pq.ByteaArray, len(chunk)), make(pq.Int64Array, len(chunk))
		for i, c := range chunk {
			hashes[i], times[i] = c.hash[:], c.at
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		err := s.db.AtTheDoor(ctx, func(tx *portal.Tx) error {
			_, err := tx.Exec(ctx, `
				UPDATE sessions s SET seen_at = greatest(s.seen_at, timestamptz 'epoch' + u.at * interval '1 microsecond')
				FROM unnest($1::bytea[], $2::bigint[]) AS u (hash, at)
				WHERE s.session_hash = u.hash AND s.ended_at IS NULL`, hashes, times)
			return err
		})
		cancel()
		if err != nil {
			s.log.Warn("writing when sessions were last used failed; it is tried again", "err", err)
			return
		}
		for _, c := range chunk {
			c.u.written.Store(c.at)
		}
	}
}

// Start begins a session in which the person acts for the partner. cookie is its secret, returned this once. The
// session in whose place it comes, given by its cookie, ends. tx is at the door.
func (s *Sessions) Start(ctx context.Context, tx *portal.Tx, proof Proof, p Person, partner int64, device, before string) (cookie string, id uuid.UUID, err error) {
	secret := newSecret()
	id = uuid.New()
	_, err = tx.Exec(ctx, `
		INSERT INTO sessions (session_hash, session_id, person_id, partner_id, issuer, subject, sid, id_token, device, created_at, seen_at, expires_at, acr, amr)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12, $13)`,
		HashOf(secret), id, p.ID, partner, proof.Issuer, proof.Subject, proof.SID, proof.IDToken, device, tx.Now, tx.Now.Add(s.limit.Absolute), proof.ACR, pq.StringArray(append([]string{}, proof.AMR...)))
	if err != nil {
		return "", id, fmt.Errorf("starting a session: %w", err)
	}
	tx.By = portal.Caller{PartnerID: partner, PersonID: p.ID, Name: p.Name, SessionID: id}
	if err := tx.AuditFor(ctx, partner, "login", id.String(), map[string]string{"issuer": proof.Issuer, "device": device}); err != nil {
		return "", id, err
	}
	if was, hash, ok := parseCookie(before); ok {
		n, err := tx.Exec(ctx, `UPDATE sessions SET ended_at = $2, ended_by = 'new login' WHERE session_hash = $1 AND ended_at IS NULL`, hash[:], tx.Now)
		if err != nil {
			return "", id, fmt.Errorf("ending the session before: %w", err)
		}
		if n > 0 {
			tx.AccessChanged(was)
		}
	}
	return p.ID.String() + "." + secret, id, nil
}

// List returns the person's live sessions, the latest used first.
func (s *Sessions) List(ctx context.Context, by portal.Caller) (list []Session, err error) {
	if by.PersonID == uuid.Nil {
		return nil, noSession
	}
	err = s.db.AtTheDoor(ctx, func(tx *portal.Tx) error {
		return tx.Select(ctx, &list, `
			SELECT s.session_id, s.person_id, s.partner_id, p.name AS partner_name, s.device, s.created_at, s.seen_at, s.expires_at, s.session_id = $2 AS current
			FROM sessions s JOIN partners p ON p.partner_id = s.partner_id
			WHERE s.person_id = $1 AND s.ended_at IS NULL AND s.expires_at > $3 AND s.seen_at > $4
			ORDER BY s.seen_at DESC, s.session_id`, by.PersonID, by.SessionID, tx.Now, tx.Now.Add(-s.limit.Idle))
	})
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	return list, nil
}

// ListOf returns the live sessions in which a member acts for the partner, the latest used first: to that partner's administrators, and to the
// host's staff. It needs PeopleManage.
func (s *Sessions) ListOf(ctx context.Context, by portal.Caller, partner int64, person uuid.UUID) (list []Session, err error) {
	if err := by.Need(portal.PeopleManage); err != nil {
		return nil, err
	}
	if partner != by.PartnerID && !by.Host {
		return nil, portal.Errorf(portal.Forbidden, "only the host's staff may do this")
	}
	err = s.db.AtTheDoor(ctx, func(tx *portal.Tx) error {
		return tx.Select(ctx, &list, `
			SELECT s.session_id, s.person_id, s.partner_id, p.name AS partner_name, s.device, s.created_at, s.seen_at, s.expires_at, false AS current
			FROM sessions s JOIN partners p ON p.partner_id = s.partner_id
			WHERE s.person_id = $1 AND s.partner_id = $2 AND s.ended_at IS NULL AND s.expires_at > $3 AND s.seen_at > $4
			ORDER BY s.seen_at DESC, s.session_id`, person, partner, tx.Now, tx.Now.Add(-s.limit.Idle))
	})
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	return list, nil
}

// SwitchPartner lets the caller's session act for another partner of which the person is a member; any other is NotFound.
func (s *Sessions) SwitchPartner(ctx context.Context, by portal.Caller, partner int64) error {
	if by.SessionID == uuid.Nil {
		return noSession
	}
	return s.db.AtTheDoor(ctx, func(tx *portal.Tx) error {
		tx.By = by
		if err := mayEnter(ctx, tx, by, partner); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `
			UPDATE sessions s SET partner_id = $3, viewing = NULL, viewing_until = NULL, viewing_acts = false
			WHERE s.session_id = $1 AND s.person_id = $2 AND s.ended_at IS NULL AND EXISTS (
				SELECT 1 FROM memberships m JOIN partners p ON p.partner_id = m.partner_id
				WHERE m.partner_id = $3 AND m.person_id = $2 AND m.ended_at IS NULL AND m.suspended_at IS NULL AND p.closed_at IS NULL)`, by.SessionID, by.PersonID, partner)
		if err != nil {
			return fmt.Errorf("switching partner: %w", err)
		}
		if n == 0 {
			return portal.Errorf(portal.NotFound, "there is no such partner among yours")
		}
		tx.AccessChanged(by.PersonID)
		return tx.AuditFor(ctx, partner, "partner.switch", by.SessionID.String(), map[string]string{"from": by.PartnerNumber})
	})
}

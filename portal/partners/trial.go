package partners

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"extranet/portal"
)

// A scope says whose rights something touches: all members of the partners, those who hold the role, those at partners of the programme,
// or the members named.
type scope struct {
	Partners  []int64
	Role      string
	Programme string
	Members   []memberKey
}

type memberKey struct {
	PartnerID int64
	PersonID  uuid.UUID
}

// A standing is what somebody, or a token, may do at a partner.
type standing struct {
	PartnerID int64          `db:"partner_id"`
	Number    string         `db:"number"`
	Partner   string         `db:"partner_name"`
	KindOf    string         `db:"kind"` // of the partner
	Token     bool           `db:"token"`
	Subject   uuid.UUID      `db:"subject"`
	Name      string         `db:"name"`
	Email     string         `db:"email"`
	Suspended bool           `db:"suspended"`
	Roles     pq.StringArray `db:"roles"`
	Sites     pq.StringArray `db:"sites"`
	Own       portal.Amount  `db:"order_limit"`
	Allowed   pq.StringArray `db:"allowed"` // of a token, beside what its maker may
	Makers    bool           `db:"makers"`  // a token of a person's
	rights

	perms portal.Permissions
	limit portal.Amount
}

// weighedAtMost is how many people and tokens are compared at once; of more, the first.
const weighedAtMost = 20_000

// standings returns how the members of the scope stand, by partner and name. It reads the tokens of partners as well, where partners are named.
func standings(ctx context.Context, tx *portal.Tx, s scope) (list []standing, err error) {
	partnerIDs, persons := make(pq.Int64Array, 0, len(s.Members)), make(pq.StringArray, 0, len(s.Members))
	for _, m := range s.Members {
		partnerIDs, persons = append(partnerIDs, m.PartnerID), append(persons, m.PersonID.String())
	}
	where := `false`
	switch {
	case s.Role != "":
		where = `m.roles @> ARRAY[$1::text]`
	case s.Programme != "":
		where = `m.partner_id IN (SELECT partner_id FROM partner_programmes WHERE programme = $1)`
	case s.Partners != nil:
		where = `m.partner_id = ANY($2)`
	case s.Members != nil:
		where = `(m.partner_id, m.person_id) IN (SELECT * FROM unnest($3::bigint[], $4::uuid[]))`
	}
	err = tx.Select(ctx, &list, `
		SELECT m.* FROM (SELECT $1::text, $2::bigint[], $3::bigint[], $4::uuid[]) given (a, b, c, d), LATERAL (
			SELECT m.partner_id, p.number, p.name AS partner_name, p.kind, false AS token, m.person_id AS subject, m.name, m.email, m.suspended_at IS NOT NULL AS suspended,
				m.roles, m.sites, m.order_limit, '{}'::text[] AS allowed, false AS makers, `+rightsColumns+`
			FROM memberships m JOIN partners p ON p.partner_id = m.partner_id
			WHERE m.ended_at IS NULL AND p.closed_at IS NULL AND `+where+`
			ORDER BY p.name, m.partner_id, m.name, m.person_id
			LIMIT `+fmt.Sprint(weighedAtMost)+`) m`, s.Role+s.Programme, pq.Int64Array(s.Partners), partnerIDs, persons)
	if err != nil {
		return nil, fmt.Errorf("reading who may do what: %w", err)
	}
	for i := range list {
		m := &list[i]
		if !m.Suspended {
			m.perms, m.limit = m.allow(m.Roles, m.KindOf), m.rights.limit(m.Roles, m.Own)
		}
	}
	return list, nil
}

// tokensStanding is standings of the tokens that work at the partners.
func tokensStanding(ctx context.Context, tx *portal.Tx, at []int64) (list []standing, err error) {
	err = tx.Select(ctx, &list, `
		SELECT t.partner_id, p.number, p.name AS partner_name, p.kind, true AS token, t.token_id AS subject, t.name, '' AS email, false AS suspended,
			coalesce(m.roles, '{}') AS roles, t.sites, m.order_limit, t.permissions AS allowed, t.person_id IS NOT NULL AS makers, `+rightsColumns+`
		FROM tokens t JOIN partners p ON p.partner_id = t.partner_id
			LEFT JOIN memberships m ON m.partner_id = t.partner_id AND m.person_id = t.person_id AND m.ended_at IS NULL AND m.suspended_at IS NULL
		WHERE t.partner_id = ANY($1) AND t.revoked_at IS NULL AND t.expires_at > $2 AND p.closed_at IS NULL AND (t.person_id IS NULL OR m.person_id IS NOT NULL)
		ORDER BY p.name, t.partner_id, t.name, t.token_id
		LIMIT $3`, pq.Int64Array(at), tx.Now, weighedAtMost)
	if err != nil {
		return nil, fmt.Errorf("reading what tokens may do: %w", err)
	}
	for i := range list {
		t := &list[i]
		t.perms = known(t.Allowed)
		if t.Makers {
			t.perms &= t.allow(t.Roles, t.KindOf)
		}
		t.perms = t.within(t.perms, t.KindOf)
	}
	return list, nil
}

// A Difference is what somebody, or a token, gains and loses at a partner.
type Difference struct {
	Number  string // of the partner
	Partner string
	Token   bool
	Subject uuid.UUID
	Name    string
	Email   string // "" for a token
	Gains   []string
	Losses  []string
}

// A Weighing is what a change does, or would do.
type Weighing struct {
	Partners int          // that have people or tokens whom it touches
	Weighed  int          // people and tokens that were compared
	Same     int          // of those, who may do after it what they could before
	Cut      bool         // there are more than were compared
	Items    []Difference // by partner and name, at most 500
}

const differencesAtMost = 500

// Gaining and Losing say of how many it says so.
func (w Weighing) Gaining() (n int) {
	for _, d := range w.Items {
		if len(d.Gains) > 0 {
			n++
		}
	}
	return n
}

// Losing is how many lose something.
func (w Weighing) Losing() (n int) {
	for _, d := range w.Items {
		if len(d.Losses) > 0 {
			n++
		}
	}
	return n
}

// weigh makes the change and returns what it did for those of the scope.
func weigh(ctx context.Context, tx *portal.Tx, s scope, change func() error) (w Weighing, err error) {
	before, err := standings(ctx, tx, s)
	if err != nil {
		return w, err
	}
	w.Cut = len(before) == weighedAtMost
	at := map[int64]bool{}
	for _, p := range s.Partners {
		at[p] = true
	}
	keys := scope{Members: []memberKey{}}
	for _, m := range before {
		at[m.PartnerID] = true
		keys.Members = append(keys.Members, memberKey{m.PartnerID, m.Subject})
	}
	partnerIDs := make([]int64, 0, len(at))
	for p := range at {
		partnerIDs = append(partnerIDs, p)
	}
	slices.Sort(partnerIDs)
	tokens, err := tokensStanding(ctx, tx, partnerIDs)
	if err != nil {
		return w, err
	}
	before = append(before, tokens...)
	if err := change(); err != nil {
		return w, err
	}
	if s.Partners != nil {
		keys = scope{Partners: s.Partners}
	}
	after, err := standings(ctx, tx, keys)
	if err != nil {
		return w, err
	}
	if tokens, err = tokensStanding(ctx, tx, partnerIDs); err != nil {
		return w, err
	}
	after = append(after, tokens...)
	w.compare(before, after)
	return w, nil
}

func (w *Weighing) compare(before, after []standing) {
	type pair struct{ was, is *standing }
	type key struct {
		partner int64
		subject uuid.UUID
	}
	pairs, touched := map[key]pair{}, map[int64]bool{}
	for i := range before {
		pairs[key{before[i].PartnerID, before[i].Subject}] = pair{was: &before[i]}
	}
	for i := range after {
		k := key{after[i].PartnerID, after[i].Subject}
		p := pairs[k]
		p.is = &after[i]
		pairs[k] = p
	}
	var all []Difference
	for _, p := range pairs {
		w.Weighed++
		one := p.is
		if one == nil {
			one = p.was
		}
		d := Difference{Number: one.Number, Partner: one.Partner, Token: one.Token, Subject: one.Subject, Name: one.Name, Email: one.Email}
		d.Gains, d.Losses = gainsAndLosses(p.was, p.is)
		if len(d.Gains)+len(d.Losses) == 0 {
			w.Same++
			continue
		}
		touched[one.PartnerID] = true
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b Difference) int {
		return cmp.Or(strings.Compare(a.Partner, b.Partner), strings.Compare(a.Number, b.Number), strings.Compare(a.Name, b.Name), strings.Compare(a.Subject.String(), b.Subject.String()))
	})
	w.Partners = len(touched)
	if len(all) > differencesAtMost {
		all, w.Cut = all[:differencesAtMost], true
	}
	w.Items = all
}

// gainsAndLosses says in words what is different; nil is nobody, who may do nothing.
func gainsAndLosses(was, is *standing) (gains, losses []string) {
	nobody := standing{Sites: pq.StringArray{}, rights: rights{Categories: pq.StringArray{}, Kinds: pq.StringArray{}}}
	if was == nil || was.perms == 0 && was.Suspended {
		was = &nobody
	}
	if is == nil || is.perms == 0 && is.Suspended {
		is = &nobody
	}
	for p := range portal.AllPermissions() {
		switch {
		case is.perms.Has(p) && !was.perms.Has(p):
			gains = append(gains, p.Words())
		case was.perms.Has(p) && !is.perms.Has(p):
			losses = append(losses, p.Words())
		}
	}
	if was.perms == 0 || is.perms == 0 { // the rest speaks of what they may do
		return gains, losses
	}
	more := func(what, all string, was, is []string) {
		switch {
		case was == nil && is != nil:
			losses = append(losses, what+" other than "+orNothing(is))
		case was != nil && is == nil:
			gains = append(gains, all)
		default:
			if only := without(is, was); len(only) > 0 {
				gains = append(gains, what+" "+strings.Join(only, ", "))
			}
			if only := without(was, is); len(only) > 0 {
				losses = append(losses, what+" "+strings.Join(only, ", "))
			}
		}
	}
	more("sites", "all sites", was.Sites, is.Sites)
	if is.perms.Has(portal.CatalogRead) && was.perms.Has(portal.CatalogRead) {
		more("products of", "products of all categories", was.Categories, is.Categories)
		more("documents of the kind", "documents of all kinds", was.Kinds, is.Kinds)
	}
	if is.perms.Has(portal.OrdersPlace) && was.perms.Has(portal.OrdersPlace) && is.limit != was.limit {
		switch {
		case is.limit == "":
			gains = append(gains, "orders of any amount")
		case was.limit == "" || is.limit.Number().LessThan(was.limit.Number()):
			losses = append(losses, "orders above "+string(is.limit)+" without approval")
		default:
			gains = append(gains, "orders up to "+string(is.limit))
		}
	}
	return gains, losses
}

func orNothing(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

func without(list, other []string) (rest []string) {
	for _, s := range list {
		if !slices.Contains(other, s) {
			rest = append(rest, s)
		}
	}
	return rest
}

// errTried undoes what was only tried.
var errTried = errors.New("this was tried, and is undone")

// A Weighed change is one of which it can be said beforehand who gains and loses what by it.
type Weighed func(ctx context.Context, tx *portal.Tx) (Weighing, error)

// Try makes the change in a transaction that do opens, and undoes it: what it says is exactly what would be.
func (c Weighed) Try(ctx context.Context, do func(func(tx *portal.Tx) error) error) (w Weighing, err error) {
	err = do(func(tx *portal.Tx) (err error) {
		if w, err = c(ctx, tx); err != nil {
			return err
		}
		return errTried
	})
	if errors.Is(err, errTried) {
		err = nil
	}
	return w, err
}

// OfRole is DefineRole, ChangeRole or EndRole of the role.
func OfRole(name string, change func(ctx context.Context, tx *portal.Tx) error) Weighed {
	return weighed(func(context.Context, *portal.Tx) (scope, error) { return scope{Role: name}, nil }, change)
}

// OfProgramme is a change of a programme.
func OfProgramme(name string, change func(ctx context.Context, tx *portal.Tx) error) Weighed {
	return weighed(func(context.Context, *portal.Tx) (scope, error) { return scope{Programme: name}, nil }, change)
}

// OfPartners is a change about partners, by their numbers.
func OfPartners(numbers []string, change func(ctx context.Context, tx *portal.Tx) error) Weighed {
	return weighed(func(ctx context.Context, tx *portal.Tx) (scope, error) {
		if err := needPartners(tx); err != nil {
			return scope{}, err
		}
		ids, err := idsOf(ctx, tx, slices.Clone(numbers))
		return scope{Partners: ids}, err
	}, change)
}

// OfMember is a change of one member.
func OfMember(partner int64, person uuid.UUID, change func(ctx context.Context, tx *portal.Tx) error) Weighed {
	return weighed(func(ctx context.Context, tx *portal.Tx) (scope, error) {
		_, err := MemberOf(ctx, tx, partner, person)
		return scope{Members: []memberKey{{partner, person}}}, err
	}, change)
}

func weighed(of func(context.Context, *portal.Tx) (scope, error), change func(context.Context, *portal.Tx) error) Weighed {
	return func(ctx context.Context, tx *portal.Tx) (w Weighing, err error) {
		s, err := of(ctx, tx)
		if err != nil {
			return w, err
		}
		return weigh(ctx, tx, s, func() error { return change(ctx, tx) })
	}
}

// announceRights announces and remembers what everybody of the scope may do now, however many that are.
func announceRights(ctx context.Context, tx *portal.Tx, s scope, why string) error {
	where, args := `m.partner_id = ANY($1)`, []any{pq.Int64Array(s.Partners)}
	switch {
	case s.Role != "":
		where, args = `m.roles @> ARRAY[$1]`, []any{s.Role}
	case s.Programme != "":
		where, args = `m.partner_id IN (SELECT partner_id FROM partner_programmes WHERE programme = $1)`, []any{s.Programme}
	case s.Members != nil:
		partnerIDs, persons := pq.Int64Array{}, pq.StringArray{}
		for _, m := range s.Members {
			partnerIDs, persons = append(partnerIDs, m.PartnerID), append(persons, m.PersonID.String())
		}
		where, args = `(m.partner_id, m.person_id) IN (SELECT * FROM unnest($1::bigint[], $2::uuid[]))`, []any{partnerIDs, persons}
	}
	var members []struct {
		PartnerID int64          `db:"partner_id"`
		PersonID  uuid.UUID      `db:"person_id"`
		Kind      string         `db:"kind"`
		Roles     pq.StringArray `db:"roles"`
		rights
	}
	err := tx.Select(ctx, &members, `
		SELECT m.partner_id, m.person_id, p.kind, m.roles, `+rightsColumns+`
		FROM memberships m JOIN partners p ON p.partner_id = m.partner_id
		WHERE m.ended_at IS NULL AND `+where, args...)
	if err != nil {
		return fmt.Errorf("listing members: %w", err)
	}
	for chunk := range slices.Chunk(members, 5000) {
		partnerIDs, persons, ids, perms := make(pq.Int64Array, len(chunk)), make(pq.StringArray, len(chunk)), make(pq.StringArray, len(chunk)), make(pq.StringArray, len(chunk))
		for i, m := range chunk {
			id, err := uuid.NewV7()
			if err != nil {
				return err
			}
			partnerIDs[i], persons[i], ids[i], perms[i] = m.PartnerID, m.PersonID.String(), id.String(), strings.Join(m.allow(m.Roles, m.Kind).Names(), " ")
			tx.AccessChanged(m.PersonID)
			tx.Changed(accessNoun, m.PartnerID)
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO grants (partner_id, grant_id, at, subject_id, kind, name, email, state, roles, sites, permissions, changed_by, why)
			SELECT m.partner_id, n.id, $5, m.person_id, 'person', m.name, m.email, CASE WHEN m.suspended_at IS NOT NULL THEN 'suspended' ELSE 'active' END, m.roles, m.sites, string_to_array(n.perms, ' '), $6, $7
			FROM unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::text[]) n (partner_id, person_id, id, perms) JOIN memberships m ON m.partner_id = n.partner_id AND m.person_id = n.person_id`,
			partnerIDs, persons, ids, perms, tx.Now, tx.By.Actor(), why)
		if err != nil {
			return fmt.Errorf("remembering grants: %w", err)
		}
	}
	switch { // where there are tokens and nobody who acts
	case s.Partners != nil:
		tx.Changed(accessNoun, s.Partners...)
	case s.Programme != "":
		var at []int64
		if err := tx.Select(ctx, &at, `SELECT DISTINCT t.partner_id FROM tokens t JOIN partner_programmes g ON g.partner_id = t.partner_id AND g.programme = $1 WHERE t.revoked_at IS NULL`, s.Programme); err != nil {
			return fmt.Errorf("finding tokens: %w", err)
		}
		tx.Changed(accessNoun, at...)
	}
	return nil
}

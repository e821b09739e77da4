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

// A ScimUser is somebody of whom the partner's own directory tells. They become a member when they sign in with the mail address,
// with the roles that their groups make them, and stop being one when the directory says so.
type ScimUser struct {
	ID         uuid.UUID     `db:"user_id"`
	UserName   string        `db:"user_name"`
	ExternalID string        `db:"external_id"` // as the directory knows them; "" = not said
	Email      string        `db:"email"`
	Given      string        `db:"given_name"`
	Family     string        `db:"family_name"`
	Display    string        `db:"display_name"`
	Active     bool          `db:"active"`
	Person     uuid.NullUUID `db:"person_id"`
	CreatedAt  time.Time     `db:"created_at"`
	ChangedAt  time.Time     `db:"changed_at"`

	Groups []ScimRef `db:"-"`
}

// A ScimGroup is a group of the partner's own directory.
type ScimGroup struct {
	ID         uuid.UUID `db:"group_id"`
	Name       string    `db:"name"`
	ExternalID string    `db:"external_id"`
	CreatedAt  time.Time `db:"created_at"`
	ChangedAt  time.Time `db:"changed_at"`

	Members []ScimRef `db:"-"`
}

// A ScimRef is a member as the group has it, or a group as the member has it.
type ScimRef struct {
	Of      uuid.UUID `db:"of"`
	ID      uuid.UUID `db:"id"`
	Display string    `db:"display"`
}

// A directory tells of so many at most.
const (
	scimUsersAtMost  = 20_000
	scimGroupsAtMost = 1_000
)

const (
	scimUserColumns  = `user_id, user_name, external_id, email, given_name, family_name, display_name, active, person_id, created_at, changed_at`
	scimGroupColumns = `group_id, name, external_id, created_at, changed_at`
)

// endedByDirectory marks the memberships that come back when the directory says so.
const endedByDirectory = "the directory"

// ScimUsers lists those of whom the directory of the caller's partner told, the first first; with a user name or a mail address, the one who has it. It needs PeopleProvision.
func ScimUsers(ctx context.Context, tx *portal.Tx, userName string) (list []ScimUser, err error) {
	if err := tx.Need(portal.PeopleProvision); err != nil {
		return nil, err
	}
	err = tx.Select(ctx, &list, `SELECT `+scimUserColumns+` FROM scim_users WHERE partner_id = $1 AND ($2 = '' OR lower(user_name) = lower($2)) ORDER BY created_at, user_id`, tx.By.PartnerID, userName)
	if err != nil {
		return nil, fmt.Errorf("listing a directory's users: %w", err)
	}
	var refs []ScimRef
	err = tx.Select(ctx, &refs, `
		SELECT m.user_id AS of, g.group_id AS id, g.name AS display
		FROM scim_members m JOIN scim_groups g ON g.partner_id = m.partner_id AND g.group_id = m.group_id
		WHERE m.partner_id = $1 ORDER BY g.name`, tx.By.PartnerID)
	if err != nil {
		return nil, fmt.Errorf("listing a directory's groups: %w", err)
	}
	at := map[uuid.UUID]int{}
	for i, u := range list {
		at[u.ID] = i
	}
	for _, r := range refs {
		if i, ok := at[r.Of]; ok {
			list[i].Groups = append(list[i].Groups, r)
		}
	}
	return list, nil
}

// ScimUserByID returns one of them, or NotFound. It needs PeopleProvision.
func ScimUserByID(ctx context.Context, tx *portal.Tx, id uuid.UUID) (u ScimUser, err error) {
	if err := tx.Need(portal.PeopleProvision); err != nil {
		return u, err
	}
	err = tx.Get(ctx, &u, `SELECT `+scimUserColumns+` FROM scim_users WHERE partner_id = $1 AND user_id = $2 FOR UPDATE`, tx.By.PartnerID, id)
	if errors.Is(err, sql.ErrNoRows) {
		return u, portal.Errorf(portal.NotFound, "there is no such user")
	} else if err != nil {
		return u, fmt.Errorf("reading a directory's user: %w", err)
	}
	err = tx.Select(ctx, &u.Groups, `
		SELECT m.user_id AS of, g.group_id AS id, g.name AS display
		FROM scim_members m JOIN scim_groups g ON g.partner_id = m.partner_id AND g.group_id = m.group_id
		WHERE m.partner_id = $1 AND m.user_id = $2 ORDER BY g.name`, tx.By.PartnerID, id)
	if err != nil {
		return u, fmt.Errorf("reading the groups of a directory's user: %w", err)
	}
	return u, nil
}

// SaveScimUser keeps what the directory says of somebody, new where u has no id, and makes them that at the partner from their next
// request on. It needs PeopleProvision. A user name or mail address that another has is a Conflict; a mail address of a domain that
// the host has not entered as the partner's is Invalid, and so is whatever is missing.
func SaveScimUser(ctx context.Context, tx *portal.Tx, u *ScimUser) error {
	if err := tx.Need(portal.PeopleProvision); err != nil {
		return err
	}
	e, err := entryOf(ctx, tx, tx.By.PartnerID)
	if err != nil {
		return err
	}
	if err := u.check(e); err != nil {
		return err
	}
	action := "scim.user.change"
	if u.ID == uuid.Nil {
		action = "scim.user.create"
		u.ID, u.CreatedAt = uuid.New(), tx.Now
		var n int
		if err := tx.Get(ctx, &n, `SELECT count(*) FROM scim_users WHERE partner_id = $1`, tx.By.PartnerID); err != nil {
			return fmt.Errorf("counting a directory's users: %w", err)
		}
		if n >= scimUsersAtMost {
			return portal.Errorf(portal.Conflict, "a directory tells of %d users at most", scimUsersAtMost)
		}
	}
	u.ChangedAt = tx.Now
	_, err = tx.Exec(ctx, `
		INSERT INTO scim_users (partner_id, user_id, user_name, external_id, email, given_name, family_name, display_name, active, created_at, changed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (partner_id, user_id) DO UPDATE SET user_name = $3, external_id = $4, email = $5, given_name = $6, family_name = $7, display_name = $8, active = $9, changed_at = $11`,
		tx.By.PartnerID, u.ID, u.UserName, u.ExternalID, u.Email, u.Given, u.Family, u.Display, u.Active, u.CreatedAt, u.ChangedAt)
	switch {
	case portal.Broke(err, "scim_users_once_per_name"):
		return portal.Errorf(portal.Conflict, "there is a user %q already", u.UserName)
	case portal.Broke(err, "scim_users_once_per_email"):
		return portal.Errorf(portal.Conflict, "there is a user with the mail address %q already", u.Email)
	case err != nil:
		return fmt.Errorf("keeping a directory's user: %w", err)
	}
	if err := tx.Audit(ctx, action, u.ID.String(), map[string]string{"user_name": u.UserName, "email": u.Email, "active": fmt.Sprint(u.Active)}); err != nil {
		return err
	}
	return settle(ctx, tx, e, u.ID)
}

// check tidies u, and returns Invalid for what cannot be meant.
func (u *ScimUser) check(e Entry) (err error) {
	if u.UserName = strings.TrimSpace(u.UserName); u.UserName == "" {
		return &portal.Error{Kind: portal.Invalid, Msg: "userName is needed", Fields: map[string]string{"userName": "name the user as they sign in"}}
	}
	if u.Email == "" && strings.Contains(u.UserName, "@") {
		u.Email = u.UserName
	}
	if u.Email, err = mailAddress(u.Email); err != nil {
		return &portal.Error{Kind: portal.Invalid, Msg: "a mail address is needed: people are known by it when they first sign in", Fields: map[string]string{"emails": "send one, like dana@company.example"}}
	}
	for name, s := range map[string]string{"userName": u.UserName, "externalId": u.ExternalID, "name.givenName": u.Given, "name.familyName": u.Family, "displayName": u.Display} {
		if len(s) > 300 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return &portal.Error{Kind: portal.Invalid, Msg: name + " is too long, or holds what it must not", Fields: map[string]string{name: "at most 300 characters of one line"}}
		}
	}
	if !e.vouched(u.Email) {
		return &portal.Error{Kind: portal.Invalid, Msg: fmt.Sprintf("the host has not entered the domain of %s as one of yours; ask them to", u.Email), Fields: map[string]string{"emails": "use an address of your own domains"}}
	}
	return nil
}

// DeleteScimUser forgets somebody whom the directory no longer has; their access to the partner ends. It needs PeopleProvision.
func DeleteScimUser(ctx context.Context, tx *portal.Tx, id uuid.UUID) error {
	u, err := ScimUserByID(ctx, tx, id)
	if err != nil {
		return err
	}
	u.Active = false
	if err := leave(ctx, tx, u); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM scim_users WHERE partner_id = $1 AND user_id = $2`, tx.By.PartnerID, id); err != nil {
		return fmt.Errorf("forgetting a directory's user: %w", err)
	}
	return tx.Audit(ctx, "scim.user.delete", id.String(), map[string]string{"user_name": u.UserName})
}

// ScimGroups lists the groups of the partner's directory, the first first. It needs PeopleProvision.
func ScimGroups(ctx context.Context, tx *portal.Tx) (list []ScimGroup, err error) {
	if err := tx.Need(portal.PeopleProvision); err != nil {
		return nil, err
	}
	if err := tx.Select(ctx, &list, `SELECT `+scimGroupColumns+` FROM scim_groups WHERE partner_id = $1 ORDER BY created_at, group_id`, tx.By.PartnerID); err != nil {
		return nil, fmt.Errorf("listing a directory's groups: %w", err)
	}
	var refs []ScimRef
	err = tx.Select(ctx, &refs, `
		SELECT m.group_id AS of, u.user_id AS id, u.display_name AS display
		FROM scim_members m JOIN scim_users u ON u.partner_id = m.partner_id AND u.user_id = m.user_id
		WHERE m.partner_id = $1 ORDER BY u.created_at, u.user_id`, tx.By.PartnerID)
	if err != nil {
		return nil, fmt.Errorf("listing the members of a directory's groups: %w", err)
	}
	at := map[uuid.UUID]int{}
	for i, g := range list {
		at[g.ID] = i
	}
	for _, r := range refs {
		if i, ok := at[r.Of]; ok {
			list[i].Members = append(list[i].Members, r)
		}
	}
	return list, nil
}

// ScimGroupByID returns one of them, or NotFound. It needs PeopleProvision.
func ScimGroupByID(ctx context.Context, tx *portal.Tx, id uuid.UUID) (g ScimGroup, err error) {
	if err := tx.Need(portal.PeopleProvision); err != nil {
		return g, err
	}
	err = tx.Get(ctx, &g, `SELECT `+scimGroupColumns+` FROM scim_groups WHERE partner_id = $1 AND group_id = $2 FOR UPDATE`, tx.By.PartnerID, id)
	if errors.Is(err, sql.ErrNoRows) {
		return g, portal.Errorf(portal.NotFound, "there is no such group")
	} else if err != nil {
		return g, fmt.Errorf("reading a directory's group: %w", err)
	}
	err = tx.Select(ctx, &g.Members, `
		SELECT m.group_id AS of, u.user_id AS id, u.display_name AS display
		FROM scim_members m JOIN scim_users u ON u.partner_id = m.partner_id AND u.user_id = m.user_id
		WHERE m.partner_id = $1 AND m.group_id = $2 ORDER BY u.created_at, u.user_id`, tx.By.PartnerID, id)
	if err != nil {
		return g, fmt.Errorf("reading the members of a directory's group: %w", err)
	}
	return g, nil
}

// SaveScimGroup keeps a group with exactly these members, new where g has no id; whoever is in or out of it has the rights that leaves,
// from their next request on. It needs PeopleProvision. A name that another group has is a Conflict; a member who is not the directory's is Invalid.
func SaveScimGroup(ctx context.Context, tx *portal.Tx, g *ScimGroup) error {
	if err := tx.Need(portal.PeopleProvision); err != nil {
		return err
	}
	if g.Name = strings.TrimSpace(g.Name); g.Name == "" || len(g.Name) > 200 || len(g.ExternalID) > 300 {
		return &portal.Error{Kind: portal.Invalid, Msg: "displayName is needed, of at most 200 characters", Fields: map[string]string{"displayName": "name the group"}}
	}
	var touched []uuid.UUID
	action := "scim.group.change"
	if g.ID == uuid.Nil {
		action = "scim.group.create"
		g.ID, g.CreatedAt = uuid.New(), tx.Now
		var n int
		if err := tx.Get(ctx, &n, `SELECT count(*) FROM scim_groups WHERE partner_id = $1`, tx.By.PartnerID); err != nil {
			return fmt.Errorf("counting a directory's groups: %w", err)
		}
		if n >= scimGroupsAtMost {
			return portal.Errorf(portal.Conflict, "a directory tells of %d groups at most", scimGroupsAtMost)
		}
	} else if err := tx.Select(ctx, &touched, `SELECT user_id FROM scim_members WHERE partner_id = $1 AND group_id = $2`, tx.By.PartnerID, g.ID); err != nil {
		return fmt.Errorf("reading the members of a directory's group: %w", err)
	}
	g.ChangedAt = tx.Now
	_, err := tx.Exec(ctx, `
		INSERT INTO scim_groups (partner_id, group_id, name, external_id, created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (partner_id, group_id) DO UPDATE SET name = $3, external_id = $4, changed_at = $6`, tx.By.PartnerID, g.ID, g.Name, g.ExternalID, g.CreatedAt, g.ChangedAt)
	if portal.Broke(err, "scim_groups_once_per_name") {
		return portal.Errorf(portal.Conflict, "there is a group %q already", g.Name)
	} else if err != nil {
		return fmt.Errorf("keeping a directory's group: %w", err)
	}
	ids := make([]string, len(g.Members))
	for i, m := range g.Members {
		ids[i] = m.ID.String()
		touched = append(touched, m.ID)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM scim_members WHERE partner_id = $1 AND group_id = $2 AND user_id <> ALL($3::uuid[])`, tx.By.PartnerID, g.ID, pq.StringArray(ids)); err != nil {
		return fmt.Errorf("taking members out of a directory's group: %w", err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO scim_members (partner_id, group_id, user_id) SELECT DISTINCT $1::bigint, $2::uuid, w FROM unnest($3::uuid[]) w ON CONFLICT DO NOTHING`, tx.By.PartnerID, g.ID, pq.StringArray(ids))
	if e, ok := errors.AsType[*pq.Error](err); ok && e.Code == "23503" {
		return &portal.Error{Kind: portal.Invalid, Msg: "a member of the group is no user here", Fields: map[string]string{"members": "create the user first"}}
	} else if err != nil {
		return fmt.Errorf("putting members into a directory's group: %w", err)
	}
	if err := tx.Audit(ctx, action, g.ID.String(), map[string]string{"name": g.Name, "members": fmt.Sprint(len(g.Members))}); err != nil {
		return err
	}
	return settleAll(ctx, tx, touched)
}

// DeleteScimGroup forgets a group; its members have what their other groups make them. It needs PeopleProvision.
func DeleteScimGroup(ctx context.Context, tx *portal.Tx, id uuid.UUID) error {
	g, err := ScimGroupByID(ctx, tx, id)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM scim_groups WHERE partner_id = $1 AND group_id = $2`, tx.By.PartnerID, id); err != nil {
		return fmt.Errorf("forgetting a directory's group: %w", err)
	}
	if err := tx.Audit(ctx, "scim.group.delete", id.String(), map[string]string{"name": g.Name}); err != nil {
		return err
	}
	var touched []uuid.UUID
	for _, m := range g.Members {
		touched = append(touched, m.ID)
	}
	return settleAll(ctx, tx, touched)
}

func settleAll(ctx context.Context, tx *portal.Tx, users []uuid.UUID) error {
	e, err := entryOf(ctx, tx, tx.By.PartnerID)
	if err != nil {
		return err
	}
	slices.SortFunc(users, func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) })
	for _, id := range slices.Compact(users) {
		if err := settle(ctx, tx, e, id); err != nil {
			return err
		}
	}
	return nil
}

// rolesOfUser are what the directory's groups make the user, never more than the host lets the partner grant. A group of which
// nothing is decided makes its members the role of its own name.
func rolesOfUser(ctx context.Context, tx *portal.Tx, e Entry, partner int64, kind string, user uuid.UUID) ([]string, error) {
	var names []string
	err := tx.Select(ctx, &names, `
		SELECT g.name FROM scim_members m JOIN scim_groups g ON g.partner_id = m.partner_id AND g.group_id = m.group_id
		WHERE m.partner_id = $1 AND m.user_id = $2`, partner, user)
	if err != nil {
		return nil, fmt.Errorf("reading the groups of a directory's user: %w", err)
	}
	for _, n := range names {
		if !slices.ContainsFunc(e.Groups, func(g Group) bool { return g.Name == n }) {
			e.Groups = append(slices.Clip(e.Groups), Group{Name: n, Roles: []string{n}})
		}
	}
	return e.rolesOf(ctx, tx, partner, kind, names)
}

// settle makes the user what the directory says, if they signed in once or are a member already: whoever is not active is let in no
// more, whatever they came by. What others gave a member stays as long as the directory says nothing of their groups, or
// the host gave more than the partner may. tx is the partner's own.
func settle(ctx context.Context, tx *portal.Tx, e Entry, user uuid.UUID) error {
	u, err := ScimUserByID(ctx, tx, user)
	if err != nil {
		return err
	}
	if !u.Active {
		return leave(ctx, tx, u)
	}
	m, found, err := memberFor(ctx, tx, u)
	if err != nil || !found {
		return err
	}
	roles, err := rolesOfUser(ctx, tx, e, tx.By.PartnerID, tx.By.PartnerKind, u.ID)
	if err != nil {
		return err
	}
	can, err := grantable(ctx, tx, tx.By.PartnerID, tx.By.PartnerKind)
	if err != nil {
		return err
	}
	beyond := slices.ContainsFunc(m.Roles, func(r string) bool { return !slices.Contains(can, r) })
	switch {
	case len(roles) == 0 && m.Live && m.Origin == FromDirectory:
		return leave(ctx, tx, u)
	case len(roles) == 0 || m.Live && beyond || !m.Live && m.EndedBy != endedByDirectory || m.Live && slices.Equal(sorted(m.Roles), roles):
		return nil
	}
	_, err = tx.Exec(ctx, `UPDATE memberships SET roles = $3, origin = $4, granted_by = $5, granted_at = $6, ended_at = NULL, ended_by = NULL WHERE partner_id = $1 AND person_id = $2`,
		tx.By.PartnerID, m.Person, pq.StringArray(roles), FromDirectory, tx.By.Actor(), tx.Now)
	if err != nil {
		return fmt.Errorf("following a directory: %w", err)
	}
	accessChanged(tx, tx.By.PartnerID, m.Person)
	if err := remember(ctx, tx, tx.By.PartnerID, m.Person, FromDirectory); err != nil {
		return err
	}
	return tx.Audit(ctx, "membership.change", m.Person.String(), map[string]string{"name": u.Display, "by": endedByDirectory, "roles": strings.Join(roles, " "), "roles_before": strings.Join(m.Roles, " ")})
}

// leave ends the access of a user whom the directory no longer lets in.
func leave(ctx context.Context, tx *portal.Tx, u ScimUser) error {
	m, found, err := memberFor(ctx, tx, u)
	if err != nil || !found || !m.Live {
		return err
	}
	return end(ctx, tx, tx.By.PartnerID, m.Person, endedByDirectory, map[string]string{"name": u.Display, "by": endedByDirectory})
}

type directoryMember struct {
	Person  uuid.UUID      `db:"person_id"`
	Roles   pq.StringArray `db:"roles"`
	Origin  string         `db:"origin"`
	Live    bool           `db:"live"`
	EndedBy string         `db:"ended_by"`
}

// memberFor finds whom of the partner's members, present or former, the directory means.
func memberFor(ctx context.Context, tx *portal.Tx, u ScimUser) (m directoryMember, found bool, err error) {
	err = tx.Get(ctx, &m, `
		SELECT person_id, roles, origin, ended_at IS NULL AS live, coalesce(ended_by, '') AS ended_by FROM memberships
		WHERE partner_id = $1 AND (person_id = $2 OR $2 IS NULL AND lower(email) = lower($3)) FOR UPDATE`, tx.By.PartnerID, u.Person, u.Email)
	if errors.Is(err, sql.ErrNoRows) {
		return m, false, nil
	} else if err != nil {
		return m, false, fmt.Errorf("finding whom a directory means: %w", err)
	}
	return m, true, nil
}

// joinFromDirectory makes the person a member of every partner whose directory tells of their mail address, with what its groups make
// them. What people ended stays ended, and one who is a member stays as they are. tx is at the door.
func joinFromDirectory(ctx context.Context, tx *portal.Tx, p Person, proof Proof) error {
	var at []struct {
		PartnerID int64     `db:"partner_id"`
		Kind      string    `db:"kind"`
		User      uuid.UUID `db:"user_id"`
		Joins     bool      `db:"joins"`
	}
	err := tx.Select(ctx, &at, `
		SELECT u.partner_id, p.kind, u.user_id, m.person_id IS NULL OR m.ended_at IS NOT NULL AND m.ended_by = $3 AS joins
		FROM scim_users u JOIN partners p ON p.partner_id = u.partner_id LEFT JOIN memberships m ON m.partner_id = u.partner_id AND m.person_id = $2
		WHERE lower(u.email) = lower($1) AND u.active AND (u.person_id IS NULL OR u.person_id = $2) AND p.closed_at IS NULL AND p.kind <> 'host'
		ORDER BY u.partner_id`, p.Email, p.ID, endedByDirectory)
	if err != nil {
		return fmt.Errorf("looking in the partners' directories: %w", err)
	}
	for _, a := range at {
		e, err := entryOf(ctx, tx, a.PartnerID)
		if err != nil {
			return err
		}
		if !e.vouched(p.Email) || e.Issuer != "" && e.Issuer != proof.Issuer {
			continue
		}
		if _, err := tx.Exec(ctx, `UPDATE scim_users SET person_id = $3 WHERE partner_id = $1 AND user_id = $2 AND person_id IS NULL`, a.PartnerID, a.User, p.ID); err != nil {
			return fmt.Errorf("meeting somebody of a directory: %w", err)
		}
		roles, err := rolesOfUser(ctx, tx, e, a.PartnerID, a.Kind, a.User)
		if err != nil {
			return err
		}
		if a.Joins && len(roles) > 0 {
			if err := grant(ctx, tx, a.PartnerID, p, roles, nil, "", FromDirectory, endedByDirectory); err != nil {
				return err
			}
		}
	}
	return nil
}

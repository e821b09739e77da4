package partners

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"extranet/portal"
)

// A DefinedRole is a role of the host's own making.
type DefinedRole struct {
	Name        string         `db:"name"`
	Side        string         `db:"side"` // host, dealer, supplier, or partner for both of these
	Title       string         `db:"title"`
	Permissions pq.StringArray `db:"permissions"`
	OrderLimit  portal.Amount  `db:"order_limit"` // the most an order may come to unapproved for whoever places orders by it alone; "" = none
	NamedSites  bool           `db:"named_sites"` // it is held for sites that are named, never for all
	Held        int            `db:"held"`        // by how many people; 1,000 = a thousand or more
}

const definedColumns = `name, side, title, permissions, order_limit, named_sites`

// definedRoles lists those that can be held at a partner of the kind.
func definedRoles(ctx context.Context, tx *portal.Tx, kind string) (list []DefinedRole, err error) {
	err = tx.Select(ctx, &list, `SELECT `+definedColumns+` FROM roles WHERE side = $1 OR side = 'partner' AND $1 <> 'host' ORDER BY name`, kind)
	if err != nil {
		return nil, fmt.Errorf("reading roles: %w", err)
	}
	return list, nil
}

// DefinedRoles lists the roles that the host defined, by name, for the host's staff who may see partners.
func DefinedRoles(ctx context.Context, tx *portal.Tx) (list []DefinedRole, err error) {
	if err := needPartners(tx); err != nil {
		return nil, err
	}
	err = tx.Select(ctx, &list, `
		SELECT `+definedColumns+`, (SELECT count(*) FROM (SELECT 1 FROM memberships m WHERE m.ended_at IS NULL AND m.roles @> ARRAY[r.name] LIMIT 1000) m) AS held
		FROM roles r ORDER BY name LIMIT 200`)
	if err != nil {
		return nil, fmt.Errorf("listing roles: %w", err)
	}
	return list, nil
}

// RoleOf returns the role that the host defined under the name, or NotFound.
func RoleOf(ctx context.Context, tx *portal.Tx, name string) (DefinedRole, error) {
	list, err := DefinedRoles(ctx, tx)
	if err != nil {
		return DefinedRole{}, err
	}
	if i := slices.IndexFunc(list, func(r DefinedRole) bool { return r.Name == name }); i >= 0 {
		return list[i], nil
	}
	return DefinedRole{}, portal.Errorf(portal.NotFound, "there is no role %q of the host's own", name)
}

// Holdable are the permissions that a role of the side may have.
func Holdable(side string) (perms portal.Permissions) {
	for _, r := range portal.Roles {
		if r.Host == (side == "host") {
			perms |= r.Perms
		}
	}
	if side == "dealer" {
		perms &^= portal.OfSuppliers
	}
	return perms
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9-]{1,39}$`)

func checkName(name, title string, bad map[string]string) {
	if !nameForm.MatchString(name) {
		bad["name"] = "write 2 to 40 small letters, digits and hyphens, a letter first"
	}
	if n := len([]rune(title)); n < 2 || n > 100 || strings.ContainsFunc(title, func(r rune) bool { return !unicode.IsPrint(r) }) {
		bad["title"] = "say in 2 to 100 characters what it is"
	}
}

// needRoles returns Forbidden unless the caller is of the host's staff who define roles and programmes.
func needRoles(tx *portal.Tx) error {
	if !tx.By.Host {
		return portal.Errorf(portal.Forbidden, "only the host's staff may do this")
	}
	return tx.Need(portal.RolesManage)
}

func (r *DefinedRole) check(tx *portal.Tx) error {
	r.Title = strings.TrimSpace(r.Title)
	bad := map[string]string{}
	checkName(r.Name, r.Title, bad)
	if slices.ContainsFunc(portal.Roles, func(b portal.Role) bool { return b.Name == r.Name }) {
		bad["name"] = "the portal brings a role of this name; choose another"
	}
	if !slices.Contains([]string{"host", "dealer", "supplier", "partner"}, r.Side) {
		bad["side"] = "choose host, dealer, supplier or partner"
	}
	perms, err := portal.ParsePermissions(r.Permissions)
	if err != nil {
		return err
	}
	r.Permissions = perms.Names()
	if above := perms &^ Holdable(r.Side); above != 0 {
		bad["permissions"] = "nobody on that side can hold " + strings.Join(above.Names(), ", ")
	} else if perms == 0 {
		bad["permissions"] = "choose at least one"
	}
	if r.OrderLimit != "" && !isLimit(r.OrderLimit) {
		bad["order_limit"] = "write an amount like 5000 or 2500.50, or leave it out for none"
	} else if r.OrderLimit != "" && !perms.Has(portal.OrdersPlace) {
		bad["order_limit"] = "whoever cannot place orders needs no limit; allow " + portal.OrdersPlace.String() + " or leave it out"
	}
	if r.Side == "host" && r.NamedSites {
		bad["named_sites"] = "the host's staff have no sites"
	}
	if len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this role cannot be", Fields: bad}
	}
	if r.Side == "host" {
		if above := perms &^ tx.By.Perms; above != 0 {
			return portal.Errorf(portal.Forbidden, "you cannot grant what you may not do yourself: %s", strings.Join(above.Names(), ", "))
		}
	}
	return nil
}

// DefineRole makes a role of the host's own. The host's staff do this; it needs RolesManage. What makes no sense is Invalid, a name that there
// is already a Conflict, a host's role that allows more than the caller may Forbidden.
func DefineRole(ctx context.Context, tx *portal.Tx, r DefinedRole) error {
	if err := needRoles(tx); err != nil {
		return err
	}
	if err := r.check(tx); err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `INSERT INTO roles (name, side, title, permissions, order_limit, named_sites, changed_by, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (name) DO NOTHING`,
		r.Name, r.Side, r.Title, r.Permissions, r.OrderLimit, r.NamedSites, tx.By.Actor(), tx.Now)
	if err != nil {
		return fmt.Errorf("defining a role: %w", err)
	}
	if n == 0 {
		return &portal.Error{Kind: portal.Conflict, Msg: fmt.Sprintf("there is a role %q", r.Name), Fields: map[string]string{"name": "choose another, or change that one"}}
	}
	return tx.Audit(ctx, "role.define", r.Name, r.detail())
}

func (r DefinedRole) detail() map[string]string {
	sites := "any"
	if r.NamedSites {
		sites = "named"
	}
	return map[string]string{"title": r.Title, "side": r.Side, "permissions": strings.Join(r.Permissions, " "), "order_limit": string(r.OrderLimit), "sites": sites}
}

// ChangeRole changes what a role of the host's own is; its side stays. Who holds it has what it says from their next request on. It needs
// RolesManage. A role that is to be held for named sites alone, and is held for all by somebody, is a Conflict.
func ChangeRole(ctx context.Context, tx *portal.Tx, r DefinedRole) error {
	if err := needRoles(tx); err != nil {
		return err
	}
	before, err := RoleOf(ctx, tx, r.Name)
	if err != nil {
		return err
	}
	r.Side = before.Side
	if err := r.check(tx); err != nil {
		return err
	}
	if r.NamedSites && !before.NamedSites {
		var all []string
		err := tx.Select(ctx, &all, `SELECT m.name || ' at ' || p.name FROM memberships m JOIN partners p USING (partner_id) WHERE m.ended_at IS NULL AND m.roles @> ARRAY[$1] AND m.sites IS NULL ORDER BY 1 LIMIT 6`, r.Name)
		if err != nil {
			return fmt.Errorf("looking for who holds it for all sites: %w", err)
		}
		if len(all) > 5 {
			all[5] = "more"
		}
		if len(all) > 0 {
			return &portal.Error{Kind: portal.Conflict, Msg: "it is held for all sites by " + strings.Join(all, ", "), Fields: map[string]string{"named_sites": "limit them to sites first"}}
		}
	}
	_, err = tx.Exec(ctx, `UPDATE roles SET title = $2, permissions = $3, order_limit = $4, named_sites = $5, changed_by = $6, changed_at = $7 WHERE name = $1`,
		r.Name, r.Title, r.Permissions, r.OrderLimit, r.NamedSites, tx.By.Actor(), tx.Now)
	if err != nil {
		return fmt.Errorf("changing a role: %w", err)
	}
	if err := announceRights(ctx, tx, scope{Role: r.Name}, "the role "+r.Name); err != nil {
		return err
	}
	detail := r.detail()
	detail["permissions_before"], detail["order_limit_before"] = strings.Join(before.Permissions, " "), string(before.OrderLimit)
	return tx.Audit(ctx, "role.change", r.Name, detail)
}

// EndRole takes a role of the host's own from everybody who holds it, out of invitations and of what may be granted, and forgets it.
// It needs RolesManage. Whoever has no other role stays a member who may do nothing.
func EndRole(ctx context.Context, tx *portal.Tx, name string) error {
	if err := needRoles(tx); err != nil {
		return err
	}
	r, err := RoleOf(ctx, tx, name)
	if err != nil {
		return err
	}
	var held []struct {
		PartnerID int64     `db:"partner_id"`
		PersonID  uuid.UUID `db:"person_id"`
	}
	err = tx.Select(ctx, &held, `UPDATE memberships SET roles = array_remove(roles, $1), granted_by = $2, granted_at = $3 WHERE ended_at IS NULL AND roles @> ARRAY[$1] RETURNING partner_id, person_id`, name, tx.By.Actor(), tx.Now)
	if err != nil {
		return fmt.Errorf("taking a role from those who hold it: %w", err)
	}
	if _, err := tx.Exec(ctx, `UPDATE invitations SET roles = array_remove(roles, $1), revoked_at = CASE WHEN roles = ARRAY[$1] THEN $2::timestamptz ELSE revoked_at END WHERE $1 = ANY(roles) AND accepted_at IS NULL AND revoked_at IS NULL`, name, tx.Now); err != nil {
		return fmt.Errorf("taking a role out of invitations: %w", err)
	}
	if _, err := tx.Exec(ctx, `UPDATE partner_settings SET delegable = array_remove(delegable, $1) WHERE $1 = ANY(delegable)`, name); err != nil {
		return fmt.Errorf("taking a role out of what may be granted: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM roles WHERE name = $1`, name); err != nil {
		return fmt.Errorf("ending a role: %w", err)
	}
	s := scope{}
	for _, h := range held {
		s.Members = append(s.Members, memberKey{h.PartnerID, h.PersonID})
	}
	if len(held) > 0 {
		if err := announceRights(ctx, tx, s, "the role "+name+" ended"); err != nil {
			return err
		}
	}
	return tx.Audit(ctx, "role.end", name, r.detail())
}

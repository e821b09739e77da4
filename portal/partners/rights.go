package partners

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/lib/pq"
	"github.com/shopspring/decimal"

	"extranet/portal"
)

// rights are what decides, beside the roles that the portal brings, what a member m of the partner p may do.
type rights struct {
	More       pq.StringArray `db:"more"`       // permissions of roles that the host defined
	Programmes pq.StringArray `db:"programmes"` // of the partner, sorted
	Modules    pq.StringArray `db:"modules"`    // that those open
	Categories pq.StringArray `db:"categories"` // of products that those open; nil = all
	Kinds      pq.StringArray `db:"kinds"`      // of documents that those open; nil = all
	Most       portal.Amount  `db:"most"`       // an order may come to by roles that the host defined; "" = no limit
}

const rightsColumns = `
	(SELECT array_agg(DISTINCT x) FROM roles r CROSS JOIN unnest(r.permissions) x
		WHERE r.name = ANY(m.roles) AND (r.side = p.kind OR r.side = 'partner' AND p.kind <> 'host')) AS more,
	(SELECT array_agg(g.programme ORDER BY g.programme COLLATE "C") FROM partner_programmes g WHERE g.partner_id = p.partner_id) AS programmes,
	(SELECT array_agg(DISTINCT x) FROM partner_programmes g JOIN programmes d ON d.name = g.programme CROSS JOIN unnest(d.modules) x WHERE g.partner_id = p.partner_id) AS modules,
	(SELECT CASE WHEN bool_and(d.categories IS NOT NULL) THEN coalesce(array_agg(DISTINCT x.x ORDER BY x.x) FILTER (WHERE x.x IS NOT NULL), '{}') END
		FROM partner_programmes g JOIN programmes d ON d.name = g.programme LEFT JOIN LATERAL unnest(d.categories) x (x) ON true WHERE g.partner_id = p.partner_id) AS categories,
	(SELECT CASE WHEN bool_and(d.document_kinds IS NOT NULL) THEN coalesce(array_agg(DISTINCT x.x ORDER BY x.x) FILTER (WHERE x.x IS NOT NULL), '{}') END
		FROM partner_programmes g JOIN programmes d ON d.name = g.programme LEFT JOIN LATERAL unnest(d.document_kinds) x (x) ON true WHERE g.partner_id = p.partner_id) AS kinds,
	(SELECT CASE WHEN bool_and(r.order_limit IS NOT NULL) THEN max(r.order_limit) END FROM roles r
		WHERE r.name = ANY(m.roles) AND 'orders:place' = ANY(r.permissions) AND (r.side = p.kind OR r.side = 'partner' AND p.kind <> 'host')) AS most`

// allow returns what the roles allow at a partner of the kind.
func (r rights) allow(roles []string, kind string) portal.Permissions {
	return r.within(portal.PermissionsOf(roles, kind == "host")|known(r.More), kind)
}

// limit is the most an order may come to unapproved for whoever holds the roles, with a limit of their own beside those of the roles; "" = none.
func (r rights) limit(roles []string, own portal.Amount) portal.Amount {
	switch {
	case r.Most == "" || portal.PermissionsOf(roles, false).Has(portal.OrdersPlace): // a role that the portal brings has none
		return own
	case own == "" || r.Most.Number().LessThan(own.Number()):
		return r.Most
	}
	return own
}

// within takes away what there is for suppliers alone, and what the partner's programmes do not open. A partner of no programme has everything.
func (r rights) within(perms portal.Permissions, kind string) portal.Permissions {
	if kind == "dealer" {
		perms &^= portal.OfSuppliers
	}
	if kind == "host" || len(r.Programmes) == 0 {
		return perms
	}
	return perms.Within(r.Modules)
}

// known are the permissions that there still are.
func known(names []string) (perms portal.Permissions) {
	for _, name := range names {
		if p, err := portal.ParsePermissions([]string{name}); err == nil {
			perms |= p
		}
	}
	return perms
}

// allowedBy returns what the roles allow at the partner.
func allowedBy(ctx context.Context, tx *portal.Tx, partner int64, kind string, roles []string) (portal.Permissions, error) {
	var r rights
	err := tx.Get(ctx, &r, `SELECT `+rightsColumns+` FROM partners p CROSS JOIN (SELECT $2::text[] AS roles) m WHERE p.partner_id = $1`, partner, pq.StringArray(roles))
	if err != nil {
		return 0, fmt.Errorf("reading what roles allow: %w", err)
	}
	return r.allow(roles, kind), nil
}

// A RoleChoice is a role that can be held at a partner, with what it allows there.
type RoleChoice struct {
	Name    string
	Title   string
	Perms   portal.Permissions
	Defined bool   // by the host, not brought by the portal
	Barred  string // why the caller cannot grant it; "" = can
}

var roleTitles = map[string]string{
	"viewer": "Viewer: sees, and changes nothing", "buyer": "Buyer: orders and sees prices", "approver": "Approver: approves colleagues' orders", "claims": "Claims: files and answers claims",
	"finance": "Finance: balance, invoices and payments", "planner": "Planner: commits to forecasts", "seller": "Seller: answers purchase orders, ships and bills",
	"partner-admin": "Administrator: manages colleagues' access", "claims-desk": "Claims desk", "claims-lead": "Claims lead", "planning-desk": "Planning desk", "buying-desk": "Buying desk",
	"partner-manager": "Partner manager", "auditor": "Auditor", "administrator": "Administrator",
}

// RoleTitle says what a role is that the portal brings.
func RoleTitle(name string) string { return roleTitles[name] }

// RoleChoices lists the roles that can be held at the partner, and says of each why the caller cannot grant it where they cannot.
func RoleChoices(ctx context.Context, tx *portal.Tx, partner int64) (list []RoleChoice, err error) {
	if err := reach(tx, partner, portal.PeopleRead); err != nil {
		return nil, err
	}
	kind, err := kindOf(ctx, tx, partner)
	if err != nil {
		return nil, err
	}
	if list, err = choicesOf(ctx, tx, kind); err != nil {
		return nil, err
	}
	delegable, err := delegableOf(ctx, tx, partner)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].Perms, err = allowedBy(ctx, tx, partner, kind, []string{list[i].Name}); err != nil {
			return nil, err
		}
		list[i].Barred = barred(tx, partner, kind, delegable, list[i].Name, list[i].Perms)
	}
	return list, nil
}

// PartnerRoles lists the roles that partners' people can hold, for the host's staff.
func PartnerRoles(ctx context.Context, tx *portal.Tx) (list []RoleChoice, err error) {
	if !tx.By.Host {
		return nil, portal.Errorf(portal.Forbidden, "only the host's staff may do this")
	}
	for _, kind := range []string{"dealer", "supplier"} {
		of, err := choicesOf(ctx, tx, kind)
		if err != nil {
			return nil, err
		}
		for _, c := range of {
			if !slices.ContainsFunc(list, func(o RoleChoice) bool { return o.Name == c.Name }) {
				list = append(list, c)
			}
		}
	}
	return list, nil
}

// choicesOf lists the roles that can be held at a partner of the kind.
func choicesOf(ctx context.Context, tx *portal.Tx, kind string) (list []RoleChoice, err error) {
	for _, r := range portal.Roles {
		if r.Host == (kind == "host") {
			list = append(list, RoleChoice{Name: r.Name, Title: roleTitles[r.Name]})
		}
	}
	defined, err := definedRoles(ctx, tx, kind)
	if err != nil {
		return nil, err
	}
	for _, r := range defined {
		list = append(list, RoleChoice{Name: r.Name, Title: r.Title, Defined: true})
	}
	return list, nil
}

// barred says why the caller cannot grant the role at the partner; "" = they can. The host's staff grant partners any
// role of theirs; everybody else grants nothing beyond what they may do themselves, and what the host lets them.
func barred(tx *portal.Tx, partner int64, kind string, delegable []string, role string, perms portal.Permissions) string {
	if tx.By.Host && kind != "host" {
		return ""
	}
	if above := perms &^ tx.By.Perms; above != 0 {
		return fmt.Sprintf("you cannot grant what you may not do yourself: %s", strings.Join(above.Names(), ", "))
	}
	if delegable != nil && !slices.Contains(delegable, role) {
		return "the host does not let you grant this role"
	}
	return ""
}

func delegableOf(ctx context.Context, tx *portal.Tx, partner int64) ([]string, error) {
	var rows []struct {
		Delegable pq.StringArray `db:"delegable"`
	}
	if err := tx.Select(ctx, &rows, `SELECT delegable FROM partner_settings WHERE partner_id = $1`, partner); err != nil {
		return nil, fmt.Errorf("reading what may be granted: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return rows[0].Delegable, nil
}

// checkRoles returns Invalid for a role that cannot be held at a partner of the kind, naming those that can.
func checkRoles(ctx context.Context, tx *portal.Tx, roles []string, kind string) error {
	var can []string
	for _, r := range portal.Roles {
		if r.Host == (kind == "host") {
			can = append(can, r.Name)
		}
	}
	defined, err := definedRoles(ctx, tx, kind)
	if err != nil {
		return err
	}
	for _, r := range defined {
		can = append(can, r.Name)
	}
	field := map[string]string{"roles": "choose from " + strings.Join(can, ", ")}
	if len(roles) == 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "a role is needed", Fields: field}
	}
	for _, r := range roles {
		if !slices.Contains(can, r) {
			return &portal.Error{Kind: portal.Invalid, Msg: fmt.Sprintf("there is no role %q here", r), Fields: field}
		}
	}
	return nil
}

// mayGrant returns Invalid for what cannot be held at the partner, and Forbidden for what the caller cannot give:
// roles above their own or beyond what the host lets them, sites beyond their own, and a limit above theirs.
func mayGrant(ctx context.Context, tx *portal.Tx, partner int64, kind string, roles, sites []string, limit portal.Amount) error {
	if err := checkRoles(ctx, tx, roles, kind); err != nil {
		return err
	}
	delegable, err := delegableOf(ctx, tx, partner)
	if err != nil {
		return err
	}
	for _, role := range roles {
		perms, err := allowedBy(ctx, tx, partner, kind, []string{role})
		if err != nil {
			return err
		}
		if why := barred(tx, partner, kind, delegable, role, perms); why != "" {
			return portal.Errorf(portal.Forbidden, "%s", why)
		}
	}
	if sites == nil {
		var named []string
		if err := tx.Select(ctx, &named, `SELECT name FROM roles WHERE name = ANY($1) AND named_sites ORDER BY name`, pq.StringArray(roles)); err != nil {
			return fmt.Errorf("reading what roles are held for: %w", err)
		}
		if len(named) > 0 {
			return &portal.Error{Kind: portal.Invalid, Msg: fmt.Sprintf("the role %q is for named sites", named[0]), Fields: map[string]string{"sites": "name the sites it shall be for"}}
		}
	}
	if err := checkLimit(tx, kind, limit); err != nil {
		return err
	}
	return checkSites(ctx, tx, partner, sites)
}

func checkLimit(tx *portal.Tx, kind string, limit portal.Amount) error {
	if limit != "" && !isLimit(limit) {
		return &portal.Error{Kind: portal.Invalid, Msg: "that is not a limit", Fields: map[string]string{"order_limit": "write an amount like 5000 or 2500.50, or leave it out for none"}}
	}
	if tx.By.Host && kind != "host" || tx.By.OrderLimit == "" {
		return nil
	}
	if limit == "" || limit.Number().GreaterThan(tx.By.OrderLimit.Number()) {
		return portal.Errorf(portal.Forbidden, "your own orders need approval above %s; you cannot give a colleague more", tx.By.OrderLimit)
	}
	return nil
}

func isLimit(limit portal.Amount) bool {
	n, err := decimal.NewFromString(string(limit))
	return err == nil && !n.IsNegative() && n.Exponent() >= -4 && n.LessThanOrEqual(decimal.New(1, 12))
}

// reach returns Forbidden unless the caller may do need at the partner: their own, or any for the host's staff.
func reach(tx *portal.Tx, partner int64, need portal.Permission) error {
	if partner != tx.By.PartnerID && !tx.By.Host {
		return portal.Errorf(portal.Forbidden, "only the host's staff may do this")
	}
	return tx.Need(need)
}

// limitAt are the sites of the partner that the caller is limited to.
func limitAt(tx *portal.Tx, partner int64) any {
	if partner != tx.By.PartnerID {
		return portal.Limit(nil)
	}
	return portal.Limit(tx.By.Sites)
}

// remember adds what the person is at the partner now to the history of grants, in the transaction that made it so.
func remember(ctx context.Context, tx *portal.Tx, partner int64, person uuid.UUID, why string) error {
	var m struct {
		Name  string         `db:"name"`
		Email string         `db:"email"`
		Kind  string         `db:"kind"`
		State string         `db:"state"`
		Roles pq.StringArray `db:"roles"`
		Sites pq.StringArray `db:"sites"`
		rights
	}
	err := tx.Get(ctx, &m, `
		SELECT m.name, m.email, p.kind, m.roles, m.sites, CASE WHEN m.ended_at IS NOT NULL THEN 'ended' WHEN m.suspended_at IS NOT NULL THEN 'suspended' ELSE 'active' END AS state, `+rightsColumns+`
		FROM memberships m JOIN partners p ON p.partner_id = m.partner_id
		WHERE m.partner_id = $1 AND m.person_id = $2`, partner, person)
	if err != nil {
		return fmt.Errorf("reading a grant: %w", err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO grants (partner_id, grant_id, at, subject_id, kind, name, email, state, roles, sites, permissions, changed_by, why)
		VALUES ($1, $2, $3, $4, 'person', $5, $6, $7, $8, $9, $10, $11, $12)`,
		partner, id, tx.Now, person, m.Name, m.Email, m.State, m.Roles, portal.Limit(m.Sites), pq.StringArray(m.allow(m.Roles, m.Kind).Names()), tx.By.Actor(), why)
	if err != nil {
		return fmt.Errorf("remembering a grant: %w", err)
	}
	return nil
}

// rememberToken is remember for a token.
func rememberToken(ctx context.Context, tx *portal.Tx, partner int64, token uuid.UUID, why string) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO grants (partner_id, grant_id, at, subject_id, kind, name, email, state, roles, sites, permissions, expires_at, changed_by, why)
		SELECT partner_id, $3, $4, token_id, 'token', name, '', CASE WHEN revoked_at IS NULL THEN 'active' ELSE 'ended' END, '{}', sites, permissions, expires_at, $5, $6
		FROM tokens WHERE partner_id = $1 AND token_id = $2`, partner, token, id, tx.Now, tx.By.Actor(), why)
	if err != nil {
		return fmt.Errorf("remembering a token: %w", err)
	}
	return nil
}

package partners

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"extranet/portal"
)

// An Entry says how people must sign in to act for a partner. What is empty is not asked for.
type Entry struct {
	Domains      pq.StringArray `db:"domains"` // mail domains, in lower case
	Issuer       string         `db:"issuer"`  // the address of the one issuer that counts
	ACR          pq.StringArray `db:"acr"`     // with AMR: what shows a second factor; one of all these will do
	AMR          pq.StringArray `db:"amr"`
	GroupsDecide bool           `db:"groups_decide"` // who signs in is what Groups make of the groups the issuer names
	ChangedBy    string         `db:"changed_by"`
	ChangedAt    time.Time      `db:"changed_at"` // UTC; zero = never decided

	Groups []Group `db:"-"`
}

// A Group of the partner's issuer makes its members something at the partner.
type Group struct {
	Name  string         `db:"name"` // as the issuer has it
	Roles pq.StringArray `db:"roles"`
}

const entryColumns = `domains, issuer, acr, amr, groups_decide, changed_by, changed_at`

// coalesced is an Entry of nothing where there is no row.
const coalescedEntry = `coalesce(e.domains, '{}') AS domains, coalesce(e.issuer, '') AS issuer, coalesce(e.acr, '{}') AS acr, coalesce(e.amr, '{}') AS amr`

// A SignedIn is what is known of how somebody signed in.
type SignedIn struct {
	Issuer string         `db:"signed_issuer"`
	Email  string         `db:"signed_email"`
	ACR    string         `db:"signed_acr"`
	AMR    pq.StringArray `db:"signed_amr"`
}

// refuses says why somebody who signed in so may not act for the partner, and what to do; "" = they may.
func (e Entry) refuses(partner string, s SignedIn) string {
	switch {
	case len(e.Domains) > 0 && !e.vouched(s.Email):
		return fmt.Sprintf("%s is entered with a mail address of %s; sign in with yours, or ask your contact at the host", partner, strings.Join(e.Domains, " or "))
	case e.Issuer != "" && s.Issuer != e.Issuer:
		return fmt.Sprintf("%s is entered by signing in at %s; sign out, and choose that sign-in", partner, e.Issuer)
	case len(e.ACR)+len(e.AMR) > 0 && !slices.Contains(e.ACR, s.ACR) && !slices.ContainsFunc(s.AMR, func(m string) bool { return slices.Contains(e.AMR, m) }):
		return fmt.Sprintf("%s asks for a second factor; sign out, and sign in again with one", partner)
	}
	return ""
}

// vouched reports whether the mail address is of one of the domains.
func (e Entry) vouched(email string) bool {
	_, domain, _ := strings.Cut(strings.ToLower(email), "@")
	return slices.Contains(e.Domains, domain)
}

// refused is refuses as a Forbidden error; nil = they may.
func (e Entry) refused(partner string, s SignedIn) error {
	if why := e.refuses(partner, s); why != "" {
		return portal.Errorf(portal.Forbidden, "%s", why)
	}
	return nil
}

// entryOf returns what is decided for the partner; a zero Entry when nothing is.
func entryOf(ctx context.Context, tx *portal.Tx, partner int64) (e Entry, err error) {
	err = tx.Get(ctx, &e, `SELECT `+entryColumns+` FROM entry_rules WHERE partner_id = $1`, partner)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return e, fmt.Errorf("reading how a partner is entered: %w", err)
	}
	if err := tx.Select(ctx, &e.Groups, `SELECT name, roles FROM entry_groups WHERE partner_id = $1 ORDER BY name`, partner); err != nil {
		return e, fmt.Errorf("reading the groups of a partner: %w", err)
	}
	return e, nil
}

// EntryOf returns how people must sign in to act for the partner, to host staff who hold PartnersManage.
func EntryOf(ctx context.Context, tx *portal.Tx, number string) (p Partner, e Entry, err error) {
	if p, err = decided(ctx, tx, number); err != nil {
		return p, e, err
	}
	e, err = entryOf(ctx, tx, p.ID)
	return p, e, err
}

// decided returns the partner about which the host's staff are to decide. It needs PartnersManage.
func decided(ctx context.Context, tx *portal.Tx, number string) (p Partner, err error) {
	if !tx.By.Host {
		return p, portal.Errorf(portal.Forbidden, "only the host's staff may do this")
	}
	if err := tx.Need(portal.PartnersManage); err != nil {
		return p, err
	}
	if p, err = ByNumber(ctx, tx, number); err == nil && p.Kind == "host" {
		err = portal.Errorf(portal.NotFound, "there is no partner %q", number)
	}
	return p, err
}

// EntryRoles lists the roles that groups can make somebody at the partner: those that the host lets it grant.
func EntryRoles(ctx context.Context, tx *portal.Tx, number string) ([]string, error) {
	p, err := decided(ctx, tx, number)
	if err != nil {
		return nil, err
	}
	return grantable(ctx, tx, p.ID, p.Kind)
}

// grantable lists the roles that the host lets the partner grant by itself.
func grantable(ctx context.Context, tx *portal.Tx, partner int64, kind string) (list []string, err error) {
	for _, r := range portal.Roles {
		if r.Host == (kind == "host") {
			list = append(list, r.Name)
		}
	}
	defined, err := definedRoles(ctx, tx, kind)
	if err != nil {
		return nil, err
	}
	for _, r := range defined {
		list = append(list, r.Name)
	}
	delegable, err := delegableOf(ctx, tx, partner)
	if err != nil {
		return nil, err
	}
	if delegable != nil {
		list = slices.DeleteFunc(list, func(r string) bool { return !slices.Contains(delegable, r) })
	}
	return list, nil
}

// DecideEntry sets how people must sign in to act for the partner, from their next request on: whoever is signed in otherwise
// is told how to. The host's staff do this; it needs PartnersManage. What cannot be meant is Invalid, field by field.
func DecideEntry(ctx context.Context, tx *portal.Tx, number string, e Entry) error {
	p, err := decided(ctx, tx, number)
	if err != nil {
		return err
	}
	if err := e.check(ctx, tx, p); err != nil {
		return err
	}
	was, err := entryOf(ctx, tx, p.ID)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO entry_rules (partner_id, domains, issuer, acr, amr, groups_decide, changed_by, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (partner_id) DO UPDATE SET domains = $2, issuer = $3, acr = $4, amr = $5, groups_decide = $6, changed_by = $7, changed_at = $8`,
		p.ID, e.Domains, e.Issuer, e.ACR, e.AMR, e.GroupsDecide, tx.By.Actor(), tx.Now)
	if err != nil {
		return fmt.Errorf("deciding how a partner is entered: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM entry_groups WHERE partner_id = $1`, p.ID); err != nil {
		return fmt.Errorf("forgetting a partner's groups: %w", err)
	}
	for _, g := range e.Groups {
		if _, err := tx.Exec(ctx, `INSERT INTO entry_groups (partner_id, name, roles) VALUES ($1, $2, $3)`, p.ID, g.Name, g.Roles); err != nil {
			return fmt.Errorf("keeping a partner's groups: %w", err)
		}
	}
	var members []membersID
	if err := tx.Select(ctx, &members, `SELECT person_id FROM memberships WHERE partner_id = $1 AND ended_at IS NULL ORDER BY person_id`, p.ID); err != nil {
		return fmt.Errorf("listing members: %w", err)
	}
	for _, m := range members {
		tx.AccessChanged(m.ID)
	}
	return tx.AuditFor(ctx, p.ID, "partner.entry", p.Number, map[string]string{"domains": strings.Join(e.Domains, " "), "domains_before": strings.Join(was.Domains, " "), "issuer": e.Issuer, "issuer_before": was.Issuer,
		"acr": strings.Join(e.ACR, " "), "amr": strings.Join(e.AMR, " "), "groups": fmt.Sprint(len(e.Groups)), "groups_decide": fmt.Sprint(e.GroupsDecide)})
}

// check tidies e, and returns Invalid for what cannot be meant.
func (e *Entry) check(ctx context.Context, tx *portal.Tx, p Partner) error {
	wrong := map[string]string{}
	for i, d := range e.Domains {
		d = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(d), "@"))
		if e.Domains[i] = d; len(d) > 253 || !strings.Contains(d, ".") || strings.Trim(d, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" || strings.Contains(d, "..") || strings.Trim(d, ".-") != d {
			wrong["domains"] = fmt.Sprintf("%q is no mail domain; write it like company.example", d)
		}
	}
	e.Domains = append(pq.StringArray{}, sorted(e.Domains)...)
	e.Issuer = strings.TrimSpace(e.Issuer)
	if u, err := url.Parse(e.Issuer); e.Issuer != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(e.Issuer) > 500) {
		wrong["issuer"] = "write it as the issuer names itself, like https://login.company.example"
	}
	e.ACR, e.AMR = append(pq.StringArray{}, sorted(e.ACR)...), append(pq.StringArray{}, sorted(e.AMR)...)
	for name, list := range map[string][]string{"acr": e.ACR, "amr": e.AMR} {
		if len(list) > 20 || slices.ContainsFunc(list, func(s string) bool { return s == "" || len(s) > 200 || strings.ContainsAny(s, " \t\r\n") }) {
			wrong[name] = "list what the issuer says, separated by spaces, like mfa or otp"
		}
	}
	if e.GroupsDecide && (e.Issuer == "" || len(e.Domains) == 0) {
		wrong["groups_decide"] = "groups decide only where it is said whose issuer names them, and for which mail domains"
	}
	can, err := grantable(ctx, tx, p.ID, p.Kind)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for i, g := range e.Groups {
		g.Name, g.Roles = strings.TrimSpace(g.Name), sorted(g.Roles)
		e.Groups[i] = g
		switch {
		case g.Name == "" || len(g.Name) > 200 || seen[g.Name]:
			wrong["groups"] = "name each group once, in at most 200 characters"
		case len(g.Roles) == 0:
			wrong["groups"] = fmt.Sprintf("say what the group %q makes its members", g.Name)
		}
		for _, r := range g.Roles {
			if !slices.Contains(can, r) {
				wrong["groups"] = fmt.Sprintf("%q cannot be granted there; choose from %s", r, strings.Join(can, ", "))
			}
		}
		seen[g.Name] = true
	}
	if len(e.Domains) > 50 || len(e.Groups) > 200 {
		wrong["domains"] = "50 domains and 200 groups at most"
	}
	if len(wrong) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this cannot be meant; each field says how to cure it", Fields: wrong}
	}
	return nil
}

// invitable returns Invalid for a mail address that could not enter the partner once invited.
func invitable(ctx context.Context, tx *portal.Tx, partner int64, email string) error {
	e, err := entryOf(ctx, tx, partner)
	if err != nil {
		return err
	}
	if len(e.Domains) > 0 && !e.vouched(email) {
		return &portal.Error{Kind: portal.Invalid, Msg: "people of this partner have mail addresses of " + strings.Join(e.Domains, " or "),
			Fields: map[string]string{"email": "use an address of " + strings.Join(e.Domains, " or ") + "; the host can let in other domains"}}
	}
	return nil
}

// rolesOf returns what the groups make somebody at the partner, never more than the host lets the partner grant.
func (e Entry) rolesOf(ctx context.Context, tx *portal.Tx, partner int64, kind string, groups []string) (roles []string, err error) {
	for _, g := range e.Groups {
		if slices.Contains(groups, g.Name) {
			roles = append(roles, g.Roles...)
		}
	}
	if roles == nil {
		return nil, nil
	}
	can, err := grantable(ctx, tx, partner, kind)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(sorted(roles), func(r string) bool { return !slices.Contains(can, r) }), nil
}

// followGroups makes the person what the groups that their issuer names make them, at each partner where these decide: joiners
// become members, movers change, and leavers' access ends. Only a membership that came so is changed or ended. tx is at the door.
func followGroups(ctx context.Context, tx *portal.Tx, p Person, proof Proof) error {
	_, domain, _ := strings.Cut(strings.ToLower(p.Email), "@")
	var at []struct {
		PartnerID int64          `db:"partner_id"`
		Kind      string         `db:"kind"`
		Member    bool           `db:"member"`
		Ours      bool           `db:"ours"`
		Roles     pq.StringArray `db:"roles"`
	}
	err := tx.Select(ctx, &at, `
		SELECT p.partner_id, p.kind, m.person_id IS NOT NULL AND m.ended_at IS NULL AS member, coalesce(m.origin = 'groups', true) AS ours, coalesce(m.roles, '{}') AS roles
		FROM entry_rules e JOIN partners p ON p.partner_id = e.partner_id LEFT JOIN memberships m ON m.partner_id = e.partner_id AND m.person_id = $3
		WHERE e.issuer = $1 AND e.groups_decide AND $2 = ANY(e.domains) AND p.closed_at IS NULL AND p.kind <> 'host'
		ORDER BY p.partner_id`, proof.Issuer, domain, p.ID)
	if err != nil {
		return fmt.Errorf("finding where groups decide: %w", err)
	}
	for _, a := range at {
		if !a.Ours {
			continue
		}
		e, err := entryOf(ctx, tx, a.PartnerID)
		if err != nil {
			return err
		}
		roles, err := e.rolesOf(ctx, tx, a.PartnerID, a.Kind, proof.Groups)
		if err != nil {
			return err
		}
		switch {
		case len(roles) == 0 && a.Member:
			err = end(ctx, tx, a.PartnerID, p.ID, "the issuer's groups", map[string]string{"name": p.Name, "by": "the issuer's groups"})
		case len(roles) > 0 && (!a.Member || !slices.Equal(sorted(a.Roles), roles)):
			err = grant(ctx, tx, a.PartnerID, p, roles, nil, "", FromGroups, "the issuer's groups")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Leave ends what the groups that the issuer names no longer give whoever could not be let in. tx is at the door.
func Leave(ctx context.Context, tx *portal.Tx, proof Proof) error {
	var p Person
	err := tx.Get(ctx, &p, `SELECT p.person_id, p.name, p.email FROM identities i JOIN people p ON p.person_id = i.person_id WHERE i.issuer = $1 AND i.subject = $2`, proof.Issuer, proof.Subject)
	if errors.Is(err, sql.ErrNoRows) || err == nil && (proof.Doubt != "" || !strings.EqualFold(p.Email, proof.Email)) {
		return nil
	} else if err != nil {
		return fmt.Errorf("finding who leaves: %w", err)
	}
	tx.By = portal.Caller{PersonID: p.ID, Name: p.Name}
	return followGroups(ctx, tx, p, proof)
}

// entrance returns where the person starts: where they were last, else the first by name, among the partners that let in somebody who
// signed in so. Where none does it is Forbidden, and says what the first would have. tx is at the door.
func entrance(ctx context.Context, tx *portal.Tx, person uuid.UUID, s SignedIn) (partner int64, err error) {
	var at []struct {
		PartnerID int64  `db:"partner_id"`
		Name      string `db:"name"`
		Entry
	}
	err = tx.Select(ctx, &at, `
		SELECT m.partner_id, p.name, `+coalescedEntry+`
		FROM memberships m JOIN partners p ON p.partner_id = m.partner_id LEFT JOIN entry_rules e ON e.partner_id = m.partner_id
			LEFT JOIN (SELECT partner_id, max(seen_at) AS seen_at FROM sessions WHERE person_id = $1 GROUP BY partner_id) s ON s.partner_id = m.partner_id
		WHERE m.person_id = $1 AND m.ended_at IS NULL AND m.suspended_at IS NULL AND p.closed_at IS NULL
		ORDER BY s.seen_at DESC NULLS LAST, p.name, p.number`, person)
	if err != nil {
		return 0, fmt.Errorf("finding where to start: %w", err)
	}
	err = NoAccess
	for i, a := range at {
		why := a.refused(a.Name, s)
		if why == nil {
			return a.PartnerID, nil
		}
		if i == 0 {
			err = why
		}
	}
	return 0, err
}

// mayEnter returns Forbidden where the partner lets in only those who signed in otherwise than the caller's session did. A partner
// of which the person is no member, and a session that is over, are left to whoever asks.
func mayEnter(ctx context.Context, tx *portal.Tx, by portal.Caller, partner int64) error {
	var at []struct {
		Name string `db:"name"`
		SignedIn
		Entry
	}
	err := tx.Select(ctx, &at, `
		SELECT p.name, s.issuer AS signed_issuer, n.email AS signed_email, s.acr AS signed_acr, s.amr AS signed_amr, `+coalescedEntry+`
		FROM sessions s JOIN people n ON n.person_id = s.person_id
			JOIN memberships m ON m.partner_id = $3 AND m.person_id = s.person_id AND m.ended_at IS NULL AND m.suspended_at IS NULL
			JOIN partners p ON p.partner_id = m.partner_id LEFT JOIN entry_rules e ON e.partner_id = m.partner_id
		WHERE s.session_id = $1 AND s.person_id = $2 AND s.ended_at IS NULL`, by.SessionID, by.PersonID, partner)
	if err != nil {
		return fmt.Errorf("reading how a partner is entered: %w", err)
	}
	for _, a := range at {
		if err := a.refused(a.Name, a.SignedIn); err != nil {
			return err
		}
	}
	return nil
}

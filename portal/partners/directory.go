package partners

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/lib/pq"

	"extranet/portal"
)

// A DirectoryFilter says which partners are looked for. What is empty is not asked for.
type DirectoryFilter struct {
	Text      string // beginnings of words of the number, the name or the city
	Kind      string // dealer or supplier
	Category  string
	Programme string
	State     string // open or closed; "" = open
	Cursor    string // Next of the page before
}

// Listed is a partner as the directory shows it.
type Listed struct {
	Number     string         `db:"number"`
	Kind       string         `db:"kind"`
	Name       string         `db:"name"`
	Category   string         `db:"category"`
	City       string         `db:"city"`
	Country    string         `db:"country"`
	Programmes pq.StringArray `db:"programmes"`
	Sites      int            `db:"sites"`  // 1,000 = a thousand or more
	People     int            `db:"people"` // who have access; 1,000 = a thousand or more
	ClosedAt   *time.Time     `db:"closed_at"`

	ID int64 `db:"partner_id"`
}

// DirectoryPage is a part of the directory, by name.
type DirectoryPage struct {
	Items []Listed
	Next  string // "" = this is the last
}

const partnersAPage = 50

// Directory lists partners by name, for host staff who hold PartnersRead.
func Directory(ctx context.Context, tx *portal.Tx, f DirectoryFilter) (page DirectoryPage, err error) {
	if err := needPartners(tx); err != nil {
		return page, err
	}
	var after struct {
		Name string
		ID   int64
	}
	if f.Cursor != "" {
		b, err := base64.RawURLEncoding.DecodeString(f.Cursor)
		if err != nil || json.Unmarshal(b, &after) != nil {
			return page, &portal.Error{Kind: portal.Invalid, Msg: "this page cannot be found", Fields: map[string]string{"cursor": "begin again without it"}}
		}
	}
	// Only what is asked for is part of the query, and each number of it stays in use: so every filter enters its own index.
	where := map[bool]string{true: ` AND closed_at IS NOT NULL`, false: ` AND closed_at IS NULL`}[f.State == "closed"]
	where += map[bool]string{true: ` AND $3 = ''`, false: ` AND kind = $3`}[f.Kind == ""]
	where += map[bool]string{true: ` AND $4 = ''`, false: ` AND category = $4`}[f.Category == ""]
	text, from := prefixes(f.Text), `partners p`
	if text == "" {
		where += ` AND $6 = ''`
	} else { // not on a walk by name: those whose names begin alike lie together, and may be the last
		from = `(SELECT * FROM partners WHERE words @@ to_tsquery('simple', $6) OFFSET 0) p`
	}
	var few pq.Int64Array // who is in a programme that not many are in
	switch {
	case f.Programme == "":
		where += ` AND $5 = '' AND $8::bigint[] IS NULL`
	default:
		if few, err = inProgramme(ctx, tx, f.Programme); err != nil {
			return page, err
		}
		if few == nil {
			where += ` AND EXISTS (SELECT FROM partner_programmes g WHERE g.partner_id = p.partner_id AND g.programme = $5) AND $8::bigint[] IS NULL`
		} else {
			where += ` AND p.partner_id = ANY($8) AND $5 <> ''`
		}
	}
	err = tx.Select(ctx, &page.Items, `
		WITH found AS (
			SELECT p.partner_id, number, kind, name, coalesce(category, '') AS category, coalesce(city, '') AS city, coalesce(country, '') AS country, closed_at
			FROM `+from+`
			WHERE kind <> 'host' AND (name, p.partner_id) > ($1, $2)`+where+`
			ORDER BY name, p.partner_id
			LIMIT $7)
		SELECT f.*, coalesce((SELECT array_agg(programme ORDER BY programme) FROM partner_programmes g WHERE g.partner_id = f.partner_id), '{}') AS programmes,
			(SELECT count(*) FROM (SELECT 1 FROM sites s WHERE s.partner_id = f.partner_id LIMIT 1000) s) AS sites,
			(SELECT count(*) FROM (SELECT 1 FROM memberships m WHERE m.partner_id = f.partner_id AND m.ended_at IS NULL LIMIT 1000) m) AS people
		FROM found f
		ORDER BY name, partner_id`, after.Name, after.ID, f.Kind, f.Category, f.Programme, text, partnersAPage+1, few)
	if err != nil {
		return page, fmt.Errorf("reading the directory: %w", err)
	}
	if len(page.Items) > partnersAPage {
		page.Items = page.Items[:partnersAPage]
		last := page.Items[partnersAPage-1]
		b, _ := json.Marshal(struct {
			Name string
			ID   int64
		}{last.Name, last.ID})
		page.Next = base64.RawURLEncoding.EncodeToString(b)
	}
	return page, nil
}

// manyAtLeast is from how many partners on those of a programme are found by walking all by name: one in every few dozen is of it then.
const manyAtLeast = 2000

// inProgramme lists the partners of a programme; nil when there are many.
func inProgramme(ctx context.Context, tx *portal.Tx, programme string) (few pq.Int64Array, err error) {
	var ids []int64
	if err := tx.Select(ctx, &ids, `SELECT partner_id FROM partner_programmes WHERE programme = $1 LIMIT $2`, programme, manyAtLeast); err != nil {
		return nil, fmt.Errorf("reading who is in a programme: %w", err)
	}
	if len(ids) == manyAtLeast {
		return nil, nil
	}
	return append(pq.Int64Array{}, ids...), nil
}

func needPartners(tx *portal.Tx) error {
	if !tx.By.Host {
		return portal.Errorf(portal.Forbidden, "only the host's staff may do this")
	}
	return tx.Need(portal.PartnersRead)
}

// prefixes makes a query of the beginnings of words; letters and digits are all that is left of the text.
func prefixes(text string) string {
	parts := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, p := range parts {
		parts[i] = p + ":*"
	}
	return strings.Join(parts, " & ")
}

// Categories lists what the core calls its kinds of partners, at most 100.
func Categories(ctx context.Context, tx *portal.Tx) (list []string, err error) {
	if err := needPartners(tx); err != nil {
		return nil, err
	}
	if err := tx.Select(ctx, &list, `SELECT DISTINCT category FROM partners WHERE category IS NOT NULL ORDER BY category LIMIT 100`); err != nil {
		return nil, fmt.Errorf("reading categories: %w", err)
	}
	return list, nil
}

// An Overview is a partner as the host's staff see it.
type Overview struct {
	Listed
	Street, PostalCode, Region, Phone, Currency string
	Delegable                                   []string // roles that its administrators may grant; nil = all of theirs
	Places                                      []Site
	Choices                                     []RoleChoice
	Acts                                        []portal.Act // the latest, for those who may read the audit
}

// OverviewOf returns the partner with the number, closed or not, for host staff who hold PartnersRead. That they looked is in
// the partner's own audit.
func OverviewOf(ctx context.Context, tx *portal.Tx, number string) (o Overview, err error) {
	if err := needPartners(tx); err != nil {
		return o, err
	}
	var r struct {
		Listed
		Street     string         `db:"street"`
		PostalCode string         `db:"postal_code"`
		Region     string         `db:"region"`
		Phone      string         `db:"phone"`
		Currency   string         `db:"currency"`
		Delegable  pq.StringArray `db:"delegable"`
	}
	err = tx.Get(ctx, &r, `
		SELECT p.partner_id, number, kind, name, coalesce(category, '') AS category, coalesce(street, '') AS street, coalesce(city, '') AS city, coalesce(postal_code, '') AS postal_code,
			coalesce(region, '') AS region, coalesce(country, '') AS country, coalesce(phone, '') AS phone, coalesce(currency, '') AS currency, closed_at, d.delegable,
			coalesce((SELECT array_agg(programme ORDER BY programme) FROM partner_programmes g WHERE g.partner_id = p.partner_id), '{}') AS programmes,
			(SELECT count(*) FROM (SELECT 1 FROM memberships m WHERE m.partner_id = p.partner_id AND m.ended_at IS NULL LIMIT 1000) m) AS people
		FROM partners p LEFT JOIN partner_settings d ON d.partner_id = p.partner_id
		WHERE number = $1 AND kind <> 'host'`, number)
	if errors.Is(err, sql.ErrNoRows) {
		return o, portal.Errorf(portal.NotFound, "there is no partner %q", number)
	} else if err != nil {
		return o, fmt.Errorf("reading a partner: %w", err)
	}
	o = Overview{Listed: r.Listed, Street: r.Street, PostalCode: r.PostalCode, Region: r.Region, Phone: r.Phone, Currency: r.Currency, Delegable: r.Delegable}
	if o.Places, err = SitesAt(ctx, tx, o.ID); err != nil {
		return o, err
	}
	o.Sites = len(o.Places)
	if tx.By.Perms.Has(portal.AuditRead) {
		page, err := portal.Audits(ctx, tx, o.ID, portal.AuditFilter{Limit: 10})
		if err != nil {
			return o, err
		}
		o.Acts = page.Items
	}
	if o.ClosedAt == nil && tx.By.Perms.Has(portal.PeopleRead) {
		if o.Choices, err = RoleChoices(ctx, tx, o.ID); err != nil {
			return o, err
		}
	}
	return o, Looked(ctx, tx, o.ID, "partner")
}

// Looked writes into a partner's audit that the host's staff looked at something of it. One's own affairs are not looked at.
func Looked(ctx context.Context, tx *portal.Tx, partner int64, what string) error {
	if partner == tx.By.PartnerID {
		return nil
	}
	return tx.AuditFor(ctx, partner, "host.look", what, nil)
}

// Decide sets which programmes the partner belongs to and which roles its administrators may grant; nil roles = all of theirs. Who has
// access then has what that leaves, from their next request on. The host's staff do this; it needs PartnersManage. What there is not is Invalid.
func Decide(ctx context.Context, tx *portal.Tx, number string, programmes, delegable []string) error {
	if err := needPartners(tx); err != nil {
		return err
	}
	if err := tx.Need(portal.PartnersManage); err != nil {
		return err
	}
	p, err := ByNumber(ctx, tx, number)
	if err != nil {
		return err
	}
	if p.Kind == "host" {
		return portal.Errorf(portal.NotFound, "there is no partner %q", number)
	}
	var unknown []string
	if err := tx.Select(ctx, &unknown, `SELECT w FROM unnest($1::text[]) w WHERE NOT EXISTS (SELECT 1 FROM programmes WHERE name = w)`, pq.StringArray(programmes)); err != nil {
		return fmt.Errorf("checking programmes: %w", err)
	}
	if len(unknown) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: fmt.Sprintf("there is no programme %q", unknown[0]), Fields: map[string]string{"programmes": "choose from those that there are"}}
	}
	if len(delegable) > 0 {
		if err := checkRoles(ctx, tx, delegable, p.Kind); err != nil {
			return err
		}
	}
	var before pq.StringArray
	if err := tx.Get(ctx, &before, `SELECT coalesce(array_agg(programme ORDER BY programme), '{}') FROM partner_programmes WHERE partner_id = $1`, p.ID); err != nil {
		return fmt.Errorf("reading programmes: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM partner_programmes WHERE partner_id = $1 AND programme <> ALL($2)`, p.ID, pq.StringArray(programmes)); err != nil {
		return fmt.Errorf("leaving programmes: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO partner_programmes (partner_id, programme, since) SELECT $1, w, $3 FROM unnest($2::text[]) w ON CONFLICT DO NOTHING`, p.ID, pq.StringArray(programmes), tx.Now); err != nil {
		return fmt.Errorf("joining programmes: %w", err)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO partner_settings (partner_id, delegable, changed_by, changed_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (partner_id) DO UPDATE SET delegable = $2, changed_by = $3, changed_at = $4`, p.ID, portal.Limit(delegable), tx.By.Actor(), tx.Now)
	if err != nil {
		return fmt.Errorf("deciding on a partner: %w", err)
	}
	if !slices.Equal(sorted(before), sorted(programmes)) {
		if err := announceRights(ctx, tx, scope{Partners: []int64{p.ID}}, "programmes"); err != nil {
			return err
		}
	}
	return tx.AuditFor(ctx, p.ID, "partner.decide", p.Number, map[string]string{"programmes": strings.Join(programmes, " "), "programmes_before": strings.Join(before, " "), "delegable": strings.Join(delegable, " ")})
}

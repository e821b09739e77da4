// Package partners holds who the partners are: companies with their sites and
// contacts as the core knows them, and the people who may act for them.
package partners

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"extranet/portal"
)

// Mirror, Sites and Contacts say how the core's partners lie in the portal's database.
// A partner that leaves the core is closed, not deleted: its audit outlives it.
var (
	Mirror = portal.Mirror{
		Entity: "partners", Table: "partners", Key: []string{"number"}, Retire: "closed_at", Nouns: []string{"company"},
		Columns: []portal.Column{
			{Name: "number", Required: true}, {Name: "kind", Required: true, OneOf: []string{"dealer", "supplier"}}, {Name: "name", Required: true},
			{Name: "category"}, {Name: "currency"}, {Name: "street"}, {Name: "city"}, {Name: "postal_code"}, {Name: "region"}, {Name: "country"}, {Name: "phone"},
		},
	}
	Sites = portal.Mirror{
		Entity: "sites", Table: "sites", Key: []string{"site"}, Owned: true, Nouns: []string{"company", "orders"},
		Columns: []portal.Column{
			{Name: "site", Required: true}, {Name: "name", Required: true}, {Name: "street"}, {Name: "street2"},
			{Name: "postal_code"}, {Name: "city"}, {Name: "region"}, {Name: "country"}, {Name: "phone"},
		},
	}
	Contacts = portal.Mirror{
		Entity: "contacts", Table: "contacts", Key: []string{"contact"}, Owned: true, Nouns: []string{"company"},
		Columns: []portal.Column{
			{Name: "contact", Required: true}, {Name: "site"}, {Name: "name", Required: true}, {Name: "email"}, {Name: "phone"},
			{Name: "role"}, {Name: "may_log_on", Type: portal.Bool, Required: true},
		},
	}
)

// A Partner is a company that deals with the host.
type Partner struct {
	ID         int64  `db:"partner_id"`
	Number     string `db:"number"` // the host's account number
	Kind       string `db:"kind"`   // host, dealer or supplier
	Name       string `db:"name"`
	Category   string `db:"category"`
	Currency   string `db:"currency"` // ISO 4217; "" = not said
	Street     string `db:"street"`
	City       string `db:"city"`
	PostalCode string `db:"postal_code"`
	Region     string `db:"region"`
	Country    string `db:"country"`
	Phone      string `db:"phone"`
}

// A Site is a place of a partner's that goods go to or come from.
type Site struct {
	Site       string `db:"site"` // the host's number for it
	Name       string `db:"name"`
	Street     string `db:"street"`
	Street2    string `db:"street2"`
	PostalCode string `db:"postal_code"`
	City       string `db:"city"`
	Region     string `db:"region"`
	Country    string `db:"country"`
	Phone      string `db:"phone"`
}

// A Contact is somebody at the partner whom the host knows.
type Contact struct {
	Contact  string `db:"contact"`
	Site     string `db:"site"` // "" = the company as a whole
	Name     string `db:"name"`
	Email    string `db:"email"`
	Phone    string `db:"phone"`
	Role     string `db:"role"`
	MayLogOn bool   `db:"may_log_on"`
}

// A Company is a partner as it sees itself through the host's eyes.
type Company struct {
	Partner  Partner
	Sites    []Site
	Contacts []Contact
	Staff    []StaffMember // at the host
	Sponsors []Sponsor     // who look after it at the host
}

const partnerColumns = `partner_id, number, kind, name, coalesce(category, '') AS category, coalesce(currency, '') AS currency, coalesce(street, '') AS street,
	coalesce(city, '') AS city, coalesce(postal_code, '') AS postal_code, coalesce(region, '') AS region, coalesce(country, '') AS country, coalesce(phone, '') AS phone`

// Own returns the caller's company with its sites and contacts; a caller limited to some sites sees those.
func Own(ctx context.Context, tx *portal.Tx) (c Company, err error) {
	if err := tx.Need(portal.CompanyRead); err != nil {
		return c, err
	}
	err = tx.Get(ctx, &c.Partner, `SELECT `+partnerColumns+` FROM partners WHERE partner_id = $1`, tx.By.PartnerID)
	if errors.Is(err, sql.ErrNoRows) {
		return c, portal.Errorf(portal.NotFound, "there is no such partner")
	} else if err != nil {
		return c, fmt.Errorf("reading the company: %w", err)
	}
	if c.Sites, err = SitesOf(ctx, tx); err != nil {
		return c, err
	}
	if c.Sponsors, err = SponsorsOf(ctx, tx, tx.By.PartnerID); err != nil {
		return c, err
	}
	err = tx.Select(ctx, &c.Contacts, `
		SELECT contact, coalesce(site, '') AS site, name, coalesce(email, '') AS email, coalesce(phone, '') AS phone, coalesce(role, '') AS role, may_log_on
		FROM contacts
		WHERE partner_id = $1 AND ($2::text[] IS NULL OR site = ANY($2))
		ORDER BY name, contact
		LIMIT 1000`, tx.By.PartnerID, portal.Limit(tx.By.Sites))
	if err != nil {
		return c, fmt.Errorf("listing contacts: %w", err)
	}
	c.Staff, err = StaffFor(ctx, tx)
	return c, err
}

// SitesOf lists the sites that the caller may see, by name, at most 1,000.
func SitesOf(ctx context.Context, tx *portal.Tx) (list []Site, err error) {
	return SitesAt(ctx, tx, tx.By.PartnerID)
}

// SitesAt is SitesOf at any partner, for the host's staff.
func SitesAt(ctx context.Context, tx *portal.Tx, partner int64) (list []Site, err error) {
	err = tx.Select(ctx, &list, `
		SELECT site, name, coalesce(street, '') AS street, coalesce(street2, '') AS street2, coalesce(postal_code, '') AS postal_code,
			coalesce(city, '') AS city, coalesce(region, '') AS region, coalesce(country, '') AS country, coalesce(phone, '') AS phone
		FROM sites
		WHERE partner_id = $1 AND ($2::text[] IS NULL OR site = ANY($2))
		ORDER BY name, site
		LIMIT 1000`, partner, limitAt(tx, partner))
	if err != nil {
		return nil, fmt.Errorf("listing sites: %w", err)
	}
	return list, nil
}

// HostNumber is the account number of the host itself, whose staff are its members.
const HostNumber = "HOST"

// NameHost makes the host a partner under this name, or gives it the name. tx is the worker's.
func NameHost(ctx context.Context, tx *portal.Tx, name string) error {
	n, err := tx.Exec(ctx, `
		INSERT INTO partners AS p (number, kind, name, changed_at) VALUES ($1, 'host', $2, $3)
		ON CONFLICT (number) DO UPDATE SET name = $2, changed_at = $3 WHERE p.kind = 'host' AND p.name <> $2`, HostNumber, name, tx.Now)
	if err != nil {
		return fmt.Errorf("naming the host: %w", err)
	}
	if n > 0 {
		return announceChanged(ctx, tx)
	}
	return nil
}

// ByNumber returns the partner with the host's account number, or NotFound. tx is at the door or the host's.
func ByNumber(ctx context.Context, tx *portal.Tx, number string) (p Partner, err error) {
	err = tx.Get(ctx, &p, `SELECT `+partnerColumns+` FROM partners WHERE number = $1 AND closed_at IS NULL`, number)
	if errors.Is(err, sql.ErrNoRows) {
		return p, portal.Errorf(portal.NotFound, "there is no partner %q", number)
	} else if err != nil {
		return p, fmt.Errorf("reading a partner: %w", err)
	}
	return p, nil
}

// A LogOn is a contact whose verified mail address lets them in.
type LogOn struct {
	Number string `db:"number"` // of the partner
	Kind   string `db:"kind"`   // of the partner
	Name   string `db:"name"`
	Email  string `db:"email"`
}

// MayLogOn lists contacts that may log on: of each kind of partner the first few, by mail address. tx is at the door.
func MayLogOn(ctx context.Context, tx *portal.Tx, few int) (list []LogOn, err error) {
	err = tx.Select(ctx, &list, `
		SELECT number, kind, name, email FROM (
			SELECT p.number, p.kind, c.name, c.email, row_number() OVER (PARTITION BY p.kind ORDER BY c.email, p.number) AS n
			FROM contacts c JOIN partners p USING (partner_id)
			WHERE c.may_log_on AND c.email IS NOT NULL AND p.closed_at IS NULL) c
		WHERE n <= $1
		ORDER BY kind, email`, few)
	if err != nil {
		return nil, fmt.Errorf("listing who may log on: %w", err)
	}
	return list, nil
}

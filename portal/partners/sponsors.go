package partners

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"extranet/portal"
)

// Parts are what somebody at the host can be to a partner, in the order in which they are shown.
var Parts = []string{"sponsor", "sales", "buying"}

// A Sponsor is somebody at the host who looks after a partner, with how to reach them.
type Sponsor struct {
	Part  string `db:"part"` // sponsor: owns the relationship; sales and buying: the contact for what the partner buys or sells
	Name  string `db:"name"`
	Title string `db:"title"` // what they do; "" = not said
	Email string `db:"email"` // "" = by phone
	Phone string `db:"phone"` // "" = by mail
}

// SponsorsOf lists who looks after the partner, in the order of [Parts]: the caller's own partner, which takes CompanyRead, or any for the host's staff, who need PartnersRead.
func SponsorsOf(ctx context.Context, tx *portal.Tx, partner int64) (list []Sponsor, err error) {
	if partner == tx.By.PartnerID {
		err = tx.Need(portal.CompanyRead)
	} else {
		err = needPartners(tx)
	}
	if err != nil {
		return nil, err
	}
	err = tx.Select(ctx, &list, `SELECT part, name, title, email, phone FROM sponsors WHERE partner_id = $1 ORDER BY array_position('{sponsor,sales,buying}'::text[], part)`, partner)
	if err != nil {
		return nil, fmt.Errorf("reading who looks after a partner: %w", err)
	}
	return list, nil
}

// SetSponsors says who looks after the partner: these and nobody else; the partner's people are shown them. The host's staff do this; it needs PartnersManage. Somebody
// without a name, or whom nobody could reach, is Invalid.
func SetSponsors(ctx context.Context, tx *portal.Tx, number string, list []Sponsor) error {
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
	bad, detail := map[string]string{}, map[string]string{}
	for i := range list {
		s := &list[i]
		if !slices.Contains(Parts, s.Part) || detail[s.Part] != "" {
			bad["part"] = "name one each of " + strings.Join(Parts, ", ")
		}
		for field, text := range map[string]*string{"name": &s.Name, "title": &s.Title, "phone": &s.Phone} {
			*text = strings.TrimSpace(*text)
			if len([]rune(*text)) > 100 || strings.ContainsFunc(*text, func(r rune) bool { return !unicode.IsPrint(r) }) {
				bad[s.Part+"_"+field] = "write at most 100 characters"
			}
		}
		if s.Name == "" {
			bad[s.Part+"_name"] = "say who it is"
		}
		if s.Email = strings.TrimSpace(s.Email); s.Email != "" {
			if s.Email, err = mailAddress(s.Email); err != nil {
				bad[s.Part+"_email"] = "write it like dana@company.example"
			}
		} else if s.Phone == "" {
			bad[s.Part+"_email"] = "say how to reach them: by mail, by phone, or both"
		}
		detail[s.Part] = join(", ", s.Name, s.Title, s.Email, s.Phone)
	}
	if len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "the partner could not reach them", Fields: bad}
	}
	if _, err := tx.Exec(ctx, `DELETE FROM sponsors WHERE partner_id = $1`, p.ID); err != nil {
		return fmt.Errorf("setting who looks after a partner: %w", err)
	}
	for _, s := range list {
		_, err := tx.Exec(ctx, `INSERT INTO sponsors (partner_id, part, name, title, email, phone, changed_by, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, p.ID, s.Part, s.Name, s.Title, s.Email, s.Phone, tx.By.Actor(), tx.Now)
		if err != nil {
			return fmt.Errorf("setting who looks after a partner: %w", err)
		}
	}
	tx.Changed("company", p.ID)
	return tx.AuditFor(ctx, p.ID, "partner.sponsors", p.Number, detail)
}

func join(separator string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), separator)
}

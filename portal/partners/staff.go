package partners

import (
	"context"
	"fmt"

	"extranet/portal"
)

// Staff says how those who are there for a partner at the host lie in the portal's database: one row for each person and duty.
var Staff = portal.Mirror{
	Entity: "staff", Table: "staff", Key: []string{"staff", "duty", portal.SupplierColumn}, Owned: true, Nouns: []string{"company"},
	Columns: []portal.Column{
		{Name: "staff", Required: true}, {Name: "duty", Required: true}, {Name: portal.SupplierColumn, Required: true}, {Name: "name", Required: true},
		{Name: "title"}, {Name: "email"}, {Name: "phone"},
	},
}

// A StaffMember works at the host and is there for the partner.
type StaffMember struct {
	Staff string `db:"staff" json:"number" doc:"The host's number for the person"`
	Duty  string `db:"duty" json:"duty" doc:"What for, in the host's words, like sales or buying"`
	Name  string `db:"name" json:"name"`
	Title string `db:"title" json:"title" doc:"Empty = not said"`
	Email string `db:"email" json:"email" doc:"Empty = not said"`
	Phone string `db:"phone" json:"phone" doc:"Empty = not said"`
}

// StaffFor lists who at the host is there for the caller's company. It needs CompanyRead.
func StaffFor(ctx context.Context, tx *portal.Tx) (list []StaffMember, err error) {
	if err := tx.Need(portal.CompanyRead); err != nil {
		return nil, err
	}
	list = []StaffMember{}
	err = tx.Select(ctx, &list, `
		SELECT staff, duty, name, coalesce(title, '') AS title, coalesce(email, '') AS email, coalesce(phone, '') AS phone
		FROM staff WHERE partner_id = $1 ORDER BY duty, name, staff LIMIT 100`, tx.By.PartnerID)
	if err != nil {
		return nil, fmt.Errorf("listing who is there for the partner: %w", err)
	}
	return list, nil
}

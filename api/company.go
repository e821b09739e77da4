package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/partners"
)

func (d door) company(h huma.API) {
	huma.Register(h, operation("list-staff", http.MethodGet, "/company/staff", "Company", "See who is there for you at the host",
		"The host's people who look after the partner, by what they are there for."), d.listStaff)
}

type staffList struct {
	Items []partners.StaffMember `json:"items"`
}

func (d door) listStaff(ctx context.Context, in *Conditional) (*answer[staffList], error) {
	return read[staffList](ctx, d, "company", "staff", *in, []string{partners.Staff.Entity}, encodedAs(func(tx *portal.Tx) (staffList, error) {
		list, err := partners.StaffFor(ctx, tx)
		return staffList{list}, err
	}))
}

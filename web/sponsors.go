package web

import (
	"context"
	"net/url"
	"strings"

	"extranet/portal"
	"extranet/portal/partners"
)

// partWords say what somebody at the host is to a partner.
var partWords = map[string]Words{"sponsor": "Looks after you", "sales": "Sales contact", "buying": "Buying contact"}

// typedSponsors reads who looks after a partner; a part with nothing in it is nobody's.
func typedSponsors(form url.Values) (list []partners.Sponsor) {
	for _, part := range partners.Parts {
		at := func(field string) string { return strings.TrimSpace(form.Get(part + "_" + field)) }
		s := partners.Sponsor{Part: part, Name: at("name"), Title: at("title"), Email: at("email"), Phone: at("phone")}
		if s.Name+s.Title+s.Email+s.Phone != "" {
			list = append(list, s)
		}
	}
	return list
}

func sponsorOf(list []partners.Sponsor, part string) partners.Sponsor {
	for _, s := range list {
		if s.Part == part {
			return s
		}
	}
	return partners.Sponsor{Part: part}
}

func (w *Web) setSponsors(ctx context.Context, r request) (reply, error) {
	number, typed := r.param("number"), typedSponsors(r.form)
	to, err := w.onceIn(ctx, r, w.acrossFor(ctx, r, portal.PartnersManage), func(tx *portal.Tx) (string, error) {
		return partnerPath(number), partners.SetSponsors(ctx, tx, number, typed)
	})
	var fault *portal.Error
	if err != nil && mendable(err, &fault) {
		return w.partnerPage(ctx, r, typed, fault)
	}
	return reply{to: to, flash: &Flash{Good, "Set (done)", "The partner's people see them on the page Company."}}, err
}

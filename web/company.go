package web

import (
	"context"
	"strings"

	"extranet/portal"
	"extranet/portal/partners"
)

func (w *Web) showCompany(ctx context.Context, r request) (reply, error) {
	own, err := read(ctx, w, r.by, "company", "own", func(ctx context.Context, tx *portal.Tx) (partners.Company, error) { return partners.Own(ctx, tx) })
	if err != nil {
		return reply{}, err
	}
	f, err := w.fresh(ctx, partners.Mirror.Entity, partners.Sites.Entity, partners.Contacts.Entity)
	if err != nil {
		return reply{}, err
	}
	staff, err := w.fresh(ctx, partners.Staff.Entity)
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "Company"
	return reply{page: CompanyPage(r.shell, own, f, staff)}, nil
}

// sites knows the partner's sites by their number.
type sites map[string]partners.Site

func (w *Web) sites(ctx context.Context, by portal.Caller) (sites, []partners.Site, error) {
	list, err := read(ctx, w, by, "company", "sites", partners.SitesOf)
	if err != nil {
		return nil, nil, err
	}
	all := make(sites, len(list))
	for _, s := range list {
		all[s.Site] = s
	}
	return all, list, nil
}

// name is what people call the site; its number where nothing else is known.
func (s sites) name(number string) string {
	if site, ok := s[number]; ok && site.Name != "" {
		return site.Name
	}
	return number
}

// short is the site's name within a list of the partner's own: that of a branch without the company's name, which all of them have.
func (s sites) short(number string) string {
	name := s.name(number)
	for _, site := range s {
		if branch, ok := strings.CutPrefix(name, site.Name+", "); ok && site.Name != "" {
			return branch
		}
	}
	return name
}

func (s sites) label(number string) string {
	if name := s.name(number); name != number {
		return name + " (" + number + ")"
	}
	return number
}

// address is the site's address, a line each.
func address(s partners.Site) []string {
	return addressLines(s.Street, s.Street2, join(" ", s.PostalCode, s.City), s.Region, s.Country)
}

func addressLines(parts ...string) (lines []string) {
	for _, p := range parts {
		if p != "" {
			lines = append(lines, p)
		}
	}
	return lines
}

func join(separator string, parts ...string) (joined string) {
	for _, p := range parts {
		switch {
		case p == "":
		case joined == "":
			joined = p
		default:
			joined += separator + p
		}
	}
	return joined
}

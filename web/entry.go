package web

import (
	"context"
	"slices"
	"strings"

	"extranet/portal"
	"extranet/portal/partners"
)

// An entryView is the page on which the host says how a partner's people must sign in.
type entryView struct {
	partner partners.Partner
	was     partners.Entry
	roles   []string // that groups can make somebody
	fault   *portal.Error
	// As written in the form.
	domains, issuer, acr, amr, groups string
	decide                            bool
}

func (w *Web) showEntry(ctx context.Context, r request) (reply, error) {
	v, err := w.entryView(ctx, r)
	if err != nil {
		return reply{}, err
	}
	e := v.was
	v.domains, v.issuer, v.acr, v.amr, v.decide = strings.Join(e.Domains, "\n"), e.Issuer, strings.Join(e.ACR, " "), strings.Join(e.AMR, " "), e.GroupsDecide
	var lines []string
	for _, g := range e.Groups {
		lines = append(lines, g.Name+" = "+strings.Join(g.Roles, ", "))
	}
	v.groups = strings.Join(lines, "\n")
	return reply{page: EntryPage(r.shell, v)}, nil
}

func (w *Web) entryView(ctx context.Context, r request) (v entryView, err error) {
	err = w.db.AcrossPartners(ctx, r.by, portal.PartnersManage, func(tx *portal.Tx) (err error) {
		if v.partner, v.was, err = partners.EntryOf(ctx, tx, r.param("number")); err != nil {
			return err
		}
		v.roles, err = partners.EntryRoles(ctx, tx, r.param("number"))
		return err
	})
	r.shell.Title = Said(ctx, "Signing in for %s", v.partner.Name)
	return v, err
}

func (w *Web) decideEntry(ctx context.Context, r request) (reply, error) {
	number := r.param("number")
	do := func(g func(tx *portal.Tx) error) error {
		return w.db.AcrossPartners(ctx, r.by, portal.PartnersManage, g)
	}
	to, err := w.onceIn(ctx, r, do, func(tx *portal.Tx) (string, error) {
		e := partners.Entry{Domains: strings.Fields(r.form.Get("domains")), Issuer: r.form.Get("issuer"), ACR: strings.Fields(r.form.Get("acr")), AMR: strings.Fields(r.form.Get("amr")), GroupsDecide: r.form.Get("groups_decide") != ""}
		groups, err := readGroups(r.form.Get("groups"))
		if err != nil {
			return "", err
		}
		e.Groups = groups
		return entryPath(number), partners.DecideEntry(ctx, tx, number, e)
	})
	if fault := portal.Says(err); fault.Kind == portal.Invalid { // nothing that was typed is lost
		v, again := w.entryView(ctx, r)
		if again != nil {
			return reply{}, again
		}
		v.fault = fault
		r.shell.Error = &ShownError{Status: statuses[portal.Invalid], Msg: sayError(ctx, fault), Fields: fault.Fields}
		v.domains, v.issuer, v.acr, v.amr, v.groups, v.decide = r.form.Get("domains"), r.form.Get("issuer"), r.form.Get("acr"), r.form.Get("amr"), r.form.Get("groups"), r.form.Get("groups_decide") != ""
		return reply{status: statuses[portal.Invalid], page: EntryPage(r.shell, v)}, nil
	}
	return reply{to: to, flash: &Flash{Good, "Decided", "Whoever is signed in otherwise signs in again on their next click."}}, err
}

// readGroups reads lines like Buyers = buyer, approver.
func readGroups(text string) (list []partners.Group, err error) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		i := strings.LastIndex(line, "=")
		if i < 0 {
			return nil, &portal.Error{Kind: portal.Invalid, Msg: "a group is not told from its roles", Fields: map[string]string{"groups": "write each line like Dealer buyers = buyer, approver"}}
		}
		roles := strings.FieldsFunc(line[i+1:], func(r rune) bool { return r == ',' || r == ' ' })
		list = append(list, partners.Group{Name: strings.TrimSpace(line[:i]), Roles: slices.Compact(roles)})
	}
	return list, nil
}

func entryPath(number string) string { return partnerPath(number) + "/entry" }

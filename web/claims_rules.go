package web

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"extranet/portal"
	"extranet/portal/claims"
)

func rulesPath(kind string, version int) string {
	return fmt.Sprintf("/desk/rules/%s/version/%d", url.PathEscape(kind), version)
}

func (w *Web) listRules(ctx context.Context, r request) (reply, error) {
	var list []claims.Version
	err := w.db.AcrossPartners(ctx, r.by, portal.ClaimsDecide, func(tx *portal.Tx) (err error) { list, err = claims.Versions(ctx, tx); return err })
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "Rules of claims"
	return reply{page: RulesPage(r.shell, list, r.by.Perms.Has(portal.ClaimsApprove))}, nil
}

func (w *Web) policy(ctx context.Context, r request, version string) (p claims.Policy, err error) {
	n, _ := strconv.Atoi(version) // what is no number is no version
	err = w.db.AcrossPartners(ctx, r.by, portal.ClaimsDecide, func(tx *portal.Tx) (err error) { p, err = claims.ReadPolicy(ctx, tx, r.param("kind"), n); return err })
	return p, err
}

func (w *Web) showRules(ctx context.Context, r request) (reply, error) {
	p, err := w.policy(ctx, r, r.param("version"))
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = Said(ctx, "Rules: %s", p.Name)
	return reply{page: PolicyPage(r.shell, p, r.by.Perms.Has(portal.ClaimsApprove))}, nil
}

// A rulesView is what the page that sets rules shows, as it was filled in.
type rulesView struct {
	kind  string
	form  url.Values
	today portal.Date
	fault *portal.Error
}

// newRules begins with the version that is followed.
func (w *Web) newRules(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.ClaimsApprove); err != nil {
		return reply{}, err
	}
	p, err := w.policy(ctx, r, r.query.Get("after"))
	if err != nil {
		return reply{}, err
	}
	form := ruleForm(p.Rules)
	form.Set("name", p.Name)
	form.Set("valid_from", string(portal.DateOf(w.db.Now())))
	return w.rulesForm(r, rulesView{kind: p.Kind, form: form})
}

func (w *Web) rulesForm(r request, v rulesView) (reply, error) {
	v.today = portal.DateOf(w.db.Now())
	r.shell.Title = "New rules"
	a := reply{page: NewRulesPage(r.shell, v)}
	if v.fault != nil {
		a.status = statuses[v.fault.Kind]
	}
	return a, nil
}

func (w *Web) setRules(ctx context.Context, r request) (reply, error) {
	kind := r.param("kind")
	across := func(f func(tx *portal.Tx) error) error {
		return w.db.AcrossPartners(ctx, r.by, portal.ClaimsApprove, f)
	}
	to, err := w.onceIn(ctx, r, across, func(tx *portal.Tx) (string, error) {
		rules, err := rulesIn(ctx, r.form)
		if err != nil {
			return "", err
		}
		p, err := claims.MakePolicy(ctx, tx, kind, claims.Draw{Name: r.form.Get("name"), ValidFrom: portal.Date(r.form.Get("valid_from")), ValidTo: portal.Date(r.form.Get("valid_to")), Rules: rules})
		return rulesPath(p.Kind, p.Version), err
	})
	var fault *portal.Error
	if errors.As(err, &fault) && fault.Kind == portal.Invalid {
		return w.rulesForm(r, rulesView{kind: kind, form: r.form, fault: fault})
	} else if err != nil {
		return reply{}, err
	}
	return reply{to: to, flash: &Flash{Tone: Good, Title: "The new rules are set", Text: "They hold for what is submitted from their first day on."}}, nil
}

// ruleForm writes rules as a form has them.
func ruleForm(r claims.Rules) url.Values {
	form := url.Values{"require": r.Require}
	for field, n := range map[string]int{"photos": r.Photos, "max_age_months": r.MaxAgeMonths, "free_months": r.FreeMonths} {
		if n != 0 {
			form.Set(field, strconv.Itoa(n))
		}
	}
	for field, n := range map[string]portal.Amount{"free_worn": r.FreeWorn, "legal_tread": r.LegalTread, "warranted_usage": r.WarrantedUsage, "share": r.Share, "labour_rate": r.LabourRate, "labour_most": r.LabourMost,
		"goodwill_most": r.GoodwillMost, "second_above": r.SecondAbove} {
		form.Set(field, string(n))
	}
	if r.Within != nil {
		form.Set("within_field", r.Within.Field)
		form.Set("within_days", strconv.Itoa(r.Within.Days))
	}
	if r.ProRata {
		form.Set("pro_rata", "on")
	}
	form.Set("pays", r.Pays)
	form.Set("desk_mail", r.DeskMail)
	for field, codes := range map[string][]claims.Code{"causes": r.Causes, "conditions": r.Conditions} {
		var lines []string
		for _, c := range codes {
			lines = append(lines, strings.TrimRight(strings.Join([]string{c.Code, c.Says, string(codeMark(c)), c.Cure}, " | "), " |"))
		}
		form.Set(field, strings.Join(lines, "\n"))
	}
	var texts []string
	for _, t := range r.Texts {
		texts = append(texts, t.Title+" | "+strings.Join(strings.Fields(t.Words), " "))
	}
	form.Set("texts", strings.Join(texts, "\n"))
	return form
}

func codeMark(c claims.Code) Words {
	switch {
	case c.Excluded:
		return "excluded"
	case c.Usage:
		return "usage"
	}
	return ""
}

// rulesIn reads the rules of a form; what is no number is Invalid.
func rulesIn(ctx context.Context, form url.Values) (r claims.Rules, err error) {
	bad := map[string]string{}
	said := func(field string) string { return strings.TrimSpace(form.Get(field)) }
	whole := func(field string) int {
		if said(field) == "" {
			return 0
		}
		n, err := strconv.Atoi(said(field))
		if err != nil {
			bad[field] = T(ctx, "%v: must be a whole number", Words(claims.RuleNames[field]))
		}
		return n
	}
	amount := func(field string) portal.Amount { return quantityTyped(form.Get(field)) }
	r = claims.Rules{Require: form["require"], Photos: whole("photos"), MaxAgeMonths: whole("max_age_months"), FreeMonths: whole("free_months"), FreeWorn: amount("free_worn"), ProRata: said("pro_rata") != "",
		LegalTread: amount("legal_tread"), WarrantedUsage: amount("warranted_usage"), Pays: said("pays"), Share: amount("share"), LabourRate: amount("labour_rate"), LabourMost: amount("labour_most"),
		GoodwillMost: amount("goodwill_most"), SecondAbove: amount("second_above"), DeskMail: said("desk_mail")}
	if r.Require == nil {
		r.Require = []string{}
	}
	if said("within_field") != "" {
		r.Within = &claims.Within{Field: said("within_field"), Days: whole("within_days")}
	}
	lines := func(field string, each func(cells []string)) {
		for _, line := range strings.Split(form.Get(field), "\n") {
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			cells := strings.SplitN(line, "|", 4)
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			for len(cells) < 4 {
				cells = append(cells, "")
			}
			each(cells)
		}
	}
	for field, codes := range map[string]*[]claims.Code{"causes": &r.Causes, "conditions": &r.Conditions} {
		lines(field, func(cells []string) {
			if !slices.Contains([]string{"", "excluded", "usage"}, cells[2]) {
				bad[field] = T(ctx, "%v: write excluded, usage or nothing after the second bar of %s", Words(claims.RuleNames[field]), cells[0])
			}
			*codes = append(*codes, claims.Code{Code: cells[0], Says: cells[1], Excluded: cells[2] == "excluded", Usage: cells[2] == "usage", Cure: cells[3]})
		})
	}
	lines("texts", func(cells []string) { r.Texts = append(r.Texts, claims.Text{Title: cells[0], Words: cells[1]}) })
	if len(bad) > 0 {
		return r, &portal.Error{Kind: portal.Invalid, Msg: "these rules cannot be set", Fields: bad}
	}
	return r, nil
}

// field is a field of the form, as it was filled in.
func (v rulesView) field(name string, hint Words) Field {
	return Field{Name: name, Label: Words(claims.RuleNames[name]), Value: v.form.Get(name), Error: Words(v.fault.On(name)), Hint: hint, Autocomplete: "off", More: map[string]any{"maxlength": "200"}}
}

func (v rulesView) number(name string, hint Words) Field {
	f := v.field(name, hint)
	f.InputMode, f.Narrow = "decimal", true
	return f
}

// asks reports whether claims of the kind say all these fields.
func (v rulesView) asks(fields ...string) bool {
	return !slices.ContainsFunc(fields, func(f string) bool { return !slices.Contains(claims.Fields[v.kind], f) })
}

func (v rulesView) withinOptions() []Option {
	options := []Option{{Value: "", Label: "No limit"}}
	for _, f := range []string{"failed_on", "delivered_on", "invoiced_on", "purchased_on"} {
		options = append(options, Option{Value: f, Label: claimFieldName(f)})
	}
	return options
}

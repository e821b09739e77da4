package web

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"extranet/portal"
	"extranet/portal/partners"
)

// acrossFor opens transactions of the host's staff who hold need.
func (w *Web) acrossFor(ctx context.Context, r request, need portal.Permission) func(g func(tx *portal.Tx) error) error {
	return func(g func(tx *portal.Tx) error) error { return w.db.AcrossPartners(ctx, r.by, need, g) }
}

// mendable keeps in fault what is for the person at the form to cure.
func mendable(err error, fault **portal.Error) bool {
	switch portal.Says(err).Kind {
	case portal.Invalid, portal.Conflict:
		return errors.As(err, fault)
	}
	return false
}

// faulty tells what is wrong with a form, field by field.
func faulty(ctx context.Context, fault *portal.Error) *ShownError {
	return rightsForm{fault: fault}.shown(ctx)
}

// A rolesView lists roles and programmes.
type rolesView struct {
	defined    []partners.DefinedRole
	programmes []partners.Programme
	may        bool
}

func (w *Web) listRoles(ctx context.Context, r request) (reply, error) {
	v := rolesView{may: r.by.Perms.Has(portal.RolesManage)}
	err := w.db.AcrossPartners(ctx, r.by, portal.PartnersRead, func(tx *portal.Tx) (err error) {
		if v.defined, err = partners.DefinedRoles(ctx, tx); err != nil {
			return err
		}
		v.programmes, err = partners.Programmes(ctx, tx)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "Roles and programmes"
	return reply{page: RolesPage(r.shell, v)}, nil
}

// sideWords say whose people can hold a role.
var sideWords = map[string]Words{"host": "Our own staff", "dealer": "Dealers", "supplier": "Suppliers", "partner": "Dealers and suppliers"}

// roleNames are roles as people call them, in one line.
func roleNames(ctx context.Context, names []string) string {
	var said []string
	for _, name := range names {
		title := partners.RoleTitle(name)
		if title == "" { // one of the host's own
			said = append(said, name)
			continue
		}
		called, _, _ := strings.Cut(T(ctx, Words(title)), ":")
		said = append(said, strings.TrimSpace(called))
	}
	return strings.Join(said, ", ")
}

func mayWords(ctx context.Context, names []string) string {
	var said []string
	for _, n := range names {
		if p, err := portal.ParsePermissions([]string{n}); err == nil {
			for one := range portal.AllPermissions() {
				if p.Has(one) {
					said = append(said, T(ctx, Words(one.Words())))
				}
			}
		}
	}
	return upperFirst(strings.Join(said, ", "))
}

// A roleForm is a role as it was typed.
type roleForm struct {
	partners.DefinedRole
	old   bool // it is there already
	fault *portal.Error
	tried *partners.Weighing
	what  string // what was tried
}

func (f roleForm) action() string {
	if f.old {
		return rolePath(f.Name)
	}
	return "/roles"
}

func rolePath(name string) string { return "/roles/" + url.PathEscape(name) }

func typedRole(form url.Values) partners.DefinedRole {
	return partners.DefinedRole{Name: strings.TrimSpace(form.Get("name")), Side: form.Get("side"), Title: form.Get("title"), Permissions: form["permissions"],
		OrderLimit: portal.Amount(strings.TrimSpace(form.Get("order_limit"))), NamedSites: form.Get("named_sites") == "on"}
}

func (w *Web) showRoleForm(ctx context.Context, r request, f roleForm) reply {
	r.shell.Title, r.shell.Error = "New role", faulty(ctx, f.fault)
	if f.old {
		r.shell.Title = Verbatim(f.Title)
	}
	a := reply{page: RolePage(r.shell, f, r.by)}
	if f.fault != nil {
		a.status = statuses[f.fault.Kind]
	}
	return a
}

func (w *Web) newRole(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.RolesManage); err != nil {
		return reply{}, err
	}
	return w.showRoleForm(ctx, r, roleForm{DefinedRole: partners.DefinedRole{Side: "partner"}}), nil
}

func (w *Web) showRole(ctx context.Context, r request) (reply, error) {
	f := roleForm{old: true}
	err := w.db.AcrossPartners(ctx, r.by, portal.RolesManage, func(tx *portal.Tx) (err error) {
		f.DefinedRole, err = partners.RoleOf(ctx, tx, r.param("name"))
		return err
	})
	if err != nil {
		return reply{}, err
	}
	return w.showRoleForm(ctx, r, f), nil
}

func (w *Web) defineRole(ctx context.Context, r request) (reply, error) {
	f := roleForm{DefinedRole: typedRole(r.form)}
	to, err := w.onceIn(ctx, r, w.acrossFor(ctx, r, portal.RolesManage), func(tx *portal.Tx) (string, error) {
		return "/roles", partners.DefineRole(ctx, tx, f.DefinedRole)
	})
	if err != nil && mendable(err, &f.fault) {
		return w.showRoleForm(ctx, r, f), nil
	}
	return reply{to: to, flash: &Flash{Good, "The role is there", "It can be granted from now on."}}, err
}

// changeRole changes the role, or tries the change, or its end.
func (w *Web) changeRole(ctx context.Context, r request) (reply, error) {
	name := r.param("name")
	before := roleForm{old: true}
	if err := w.db.AcrossPartners(ctx, r.by, portal.RolesManage, func(tx *portal.Tx) (err error) {
		before.DefinedRole, err = partners.RoleOf(ctx, tx, name)
		return err
	}); err != nil {
		return reply{}, err
	}
	f := roleForm{DefinedRole: typedRole(r.form), old: true}
	f.Name, f.Side, f.Held = before.Name, before.Side, before.Held
	change := partners.OfRole(name, func(ctx context.Context, tx *portal.Tx) error { return partners.ChangeRole(ctx, tx, f.DefinedRole) })
	switch r.form.Get("do") {
	case "try":
		f.what = "this change"
	case "try-end":
		f, change = before, partners.OfRole(name, func(ctx context.Context, tx *portal.Tx) error { return partners.EndRole(ctx, tx, name) })
		f.what = "ending the role"
	default:
		to, err := w.onceIn(ctx, r, w.acrossFor(ctx, r, portal.RolesManage), func(tx *portal.Tx) (string, error) {
			return "/roles", partners.ChangeRole(ctx, tx, f.DefinedRole)
		})
		if err != nil && mendable(err, &f.fault) {
			return w.showRoleForm(ctx, r, f), nil
		}
		return reply{to: to, flash: &Flash{Good, "Changed", "Who holds the role has what it says from their next click on."}}, err
	}
	tried, err := change.Try(ctx, w.acrossFor(ctx, r, portal.RolesManage))
	if err != nil && !mendable(err, &f.fault) {
		return reply{}, err
	}
	if f.fault == nil {
		f.tried = &tried
	}
	return w.showRoleForm(ctx, r, f), nil
}

func (w *Web) endRole(ctx context.Context, r request) (reply, error) {
	to, err := w.onceIn(ctx, r, w.acrossFor(ctx, r, portal.RolesManage), func(tx *portal.Tx) (string, error) {
		return "/roles", partners.EndRole(ctx, tx, r.param("name"))
	})
	return reply{to: to, flash: &Flash{Good, "The role is ended", "Nobody holds it any more."}}, err
}

// A programmeForm is a programme as it was typed.
type programmeForm struct {
	partners.Programme
	assortment partners.Assortment
	old        bool
	fault      *portal.Error
	tried      *partners.Weighing
}

func (f programmeForm) action() string {
	if f.old {
		return programmePath(f.Name)
	}
	return "/programmes"
}

func programmePath(name string) string { return "/programmes/" + url.PathEscape(name) }

func typedProgramme(form url.Values) partners.Programme {
	p := partners.Programme{Name: strings.TrimSpace(form.Get("name")), Title: form.Get("title"), Modules: form["modules"]}
	some := func(scope, field string) []string {
		if form.Get(scope) != "some" {
			return nil
		}
		return append([]string{}, form[field]...)
	}
	p.Categories, p.DocumentKinds = some("which_categories", "categories"), some("which_kinds", "document_kinds")
	return p
}

func (w *Web) showProgrammeForm(ctx context.Context, r request, f programmeForm) (reply, error) {
	err := w.db.AcrossPartners(ctx, r.by, portal.RolesManage, func(tx *portal.Tx) (err error) {
		f.assortment, err = partners.AssortmentOf(ctx, tx)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title, r.shell.Error = "New programme", faulty(ctx, f.fault)
	if f.old {
		r.shell.Title = Verbatim(f.Title)
	}
	a := reply{page: ProgrammePage(r.shell, f)}
	if f.fault != nil {
		a.status = statuses[f.fault.Kind]
	}
	return a, nil
}

func (w *Web) newProgramme(ctx context.Context, r request) (reply, error) {
	f := programmeForm{}
	for _, m := range portal.Modules {
		f.Modules = append(f.Modules, m.Name)
	}
	return w.showProgrammeForm(ctx, r, f)
}

func (w *Web) programme(ctx context.Context, r request) (f programmeForm, err error) {
	f.old = true
	err = w.db.AcrossPartners(ctx, r.by, portal.RolesManage, func(tx *portal.Tx) (err error) {
		f.Programme, err = partners.ProgrammeOf(ctx, tx, r.param("name"))
		return err
	})
	return f, err
}

func (w *Web) showProgramme(ctx context.Context, r request) (reply, error) {
	f, err := w.programme(ctx, r)
	if err != nil {
		return reply{}, err
	}
	return w.showProgrammeForm(ctx, r, f)
}

func (w *Web) defineProgramme(ctx context.Context, r request) (reply, error) {
	f := programmeForm{Programme: typedProgramme(r.form)}
	to, err := w.onceIn(ctx, r, w.acrossFor(ctx, r, portal.RolesManage), func(tx *portal.Tx) (string, error) {
		return "/roles", partners.DefineProgramme(ctx, tx, f.Programme)
	})
	if err != nil && mendable(err, &f.fault) {
		return w.showProgrammeForm(ctx, r, f)
	}
	return reply{to: to, flash: &Flash{Good, "The programme is there", "Partners can join it from now on: one on its page, many in the list of partners."}}, err
}

func (w *Web) changeProgramme(ctx context.Context, r request) (reply, error) {
	f, err := w.programme(ctx, r)
	if err != nil {
		return reply{}, err
	}
	was := f.Programme
	f.Programme = typedProgramme(r.form)
	f.Name, f.Partners = was.Name, was.Partners
	change := func(ctx context.Context, tx *portal.Tx) error { return partners.ChangeProgramme(ctx, tx, f.Programme) }
	if r.form.Get("do") == "try" {
		tried, err := partners.OfProgramme(f.Name, change).Try(ctx, w.acrossFor(ctx, r, portal.RolesManage))
		if err != nil && !mendable(err, &f.fault) {
			return reply{}, err
		}
		if f.fault == nil {
			f.tried = &tried
		}
		return w.showProgrammeForm(ctx, r, f)
	}
	to, err := w.onceIn(ctx, r, w.acrossFor(ctx, r, portal.RolesManage), func(tx *portal.Tx) (string, error) { return "/roles", change(ctx, tx) })
	if err != nil && mendable(err, &f.fault) {
		return w.showProgrammeForm(ctx, r, f)
	}
	return reply{to: to, flash: &Flash{Good, "Changed", "The people of its partners have what it opens from their next click on."}}, err
}

func (w *Web) endProgramme(ctx context.Context, r request) (reply, error) {
	f, err := w.programme(ctx, r)
	if err != nil {
		return reply{}, err
	}
	to, err := w.onceIn(ctx, r, w.acrossFor(ctx, r, portal.RolesManage), func(tx *portal.Tx) (string, error) {
		return "/roles", partners.EndProgramme(ctx, tx, r.param("name"))
	})
	if err != nil && mendable(err, &f.fault) {
		return w.showProgrammeForm(ctx, r, f)
	}
	return reply{to: to, flash: &Flash{Good, "The programme is ended", ""}}, err
}

// A batchView is what is about to be decided about many partners.
type batchView struct {
	partners.Batch
	programmes []partners.Programme
	weighing   partners.Weighing
	fault      *portal.Error
	back       string // the list they were chosen in
}

func (v batchView) title(names []string) string {
	var said []string
	for _, n := range names {
		for _, p := range v.programmes {
			if p.Name == n {
				said = append(said, p.Title)
			}
		}
	}
	return strings.Join(said, ", ")
}

// decideMany tries what is chosen for many partners and shows who gains and loses what, and does it when that was seen.
func (w *Web) decideMany(ctx context.Context, r request) (reply, error) {
	v := batchView{back: "/partners"}
	if back := r.form.Get("back"); strings.HasPrefix(back, "/partners?") || back == "/partners" {
		v.back = back
	}
	v.Numbers = r.form["numbers"]
	for _, one := range r.form["join"] {
		if one != "" {
			v.Join = append(v.Join, one)
		}
	}
	for _, one := range r.form["leave"] {
		if one != "" {
			v.Leave = append(v.Leave, one)
		}
	}
	if r.form.Get("do") == "decide" {
		to, err := w.onceIn(ctx, r, w.acrossFor(ctx, r, portal.PartnersManage), func(tx *portal.Tx) (string, error) {
			return v.back, partners.DecideMany(ctx, tx, v.Batch)
		})
		if err == nil || !mendable(err, &v.fault) {
			return reply{to: to, flash: &Flash{Good, "Decided", Said(ctx, "The people of %d partners have what that leaves, from their next click on.", len(v.Numbers))}}, err
		}
	}
	err := w.db.AcrossPartners(ctx, r.by, portal.PartnersManage, func(tx *portal.Tx) (err error) {
		v.programmes, err = partners.Programmes(ctx, tx)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	if v.fault == nil {
		v.weighing, err = partners.OfPartners(v.Numbers, func(ctx context.Context, tx *portal.Tx) error { return partners.DecideMany(ctx, tx, v.Batch) }).Try(ctx, w.acrossFor(ctx, r, portal.PartnersManage))
		if err != nil && !mendable(err, &v.fault) {
			return reply{}, err
		}
	}
	r.shell.Title, r.shell.Error = "Before you decide", faulty(ctx, v.fault)
	a := reply{page: BatchPage(r.shell, v)}
	if v.fault != nil {
		a.status = statuses[v.fault.Kind]
	}
	return a, nil
}

// An explainView answers what somebody can see, and why.
type explainView struct {
	whose
	partners.Explanation
}

func (w *Web) explainMember(ctx context.Context, r request) (reply, error) {
	var v explainView
	err := w.at(ctx, r, portal.PeopleRead, func(tx *portal.Tx, o whose) (err error) {
		v.whose = o
		if v.Explanation, err = partners.Explain(ctx, tx, o.ID, idOf(r.param("person"))); err != nil {
			return err
		}
		return partners.Looked(ctx, tx, o.ID, "people")
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = Said(ctx, "What %s can see", v.Member.Name)
	return reply{page: ExplainPage(r.shell, v)}, nil
}

// A readersView answers who can see a document, and why.
type readersView struct {
	whose
	document string
	fault    *portal.Error
	readers  *partners.Readers
	sites    sites
	log      bool // the caller may ask the log who could see it on a day
}

// readersPath is where it is said who can see the document; partner is "" for the caller's own.
func readersPath(document, partner string) string {
	return Address{Path: "/who"}.With("document", document, "partner", partner)
}

func (w *Web) showReaders(ctx context.Context, r request) (reply, error) {
	v := readersView{document: strings.TrimSpace(r.query.Get("document")), log: r.by.Perms.Has(portal.AuditRead)}
	err := w.at(ctx, r, portal.PeopleRead, func(tx *portal.Tx, o whose) (err error) {
		v.whose = o
		if v.sites, err = sitesAt(ctx, tx, o.ID); err != nil || v.document == "" {
			return err
		}
		found, err := partners.WhoSees(ctx, tx, o.ID, v.document)
		if says := portal.Says(err); err != nil && (says.Kind == portal.NotFound || says.Kind == portal.Invalid) {
			v.fault = &portal.Error{Kind: says.Kind, Msg: says.Msg, Fields: map[string]string{"document": orWord(says.On("document"), says.Msg)}}
			return nil
		} else if err != nil {
			return err
		}
		v.readers = &found
		return partners.Looked(ctx, tx, o.ID, "readers of "+v.document)
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "Who can see it"
	a := reply{page: ReadersPage(r.shell, v)}
	if v.fault != nil {
		a.status = statuses[v.fault.Kind]
	}
	return a, nil
}

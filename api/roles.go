package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/partners"
)

func (d door) roles(h huma.API) {
	const tag = "Directory"
	const tried = " With `try=true` nothing is changed: the answer says who would gain and lose what."
	huma.Register(h, operation("list-roles", http.MethodGet, "/roles", tag, "List roles", "For the host's staff: the roles that are there from the start, and those of the host's own."), d.listRoles)
	huma.Register(h, deed("define-role", http.MethodPost, "/roles", tag, "Define a role", "For the host's staff.", true), d.defineRole)
	huma.Register(h, deed("change-role", http.MethodPost, "/roles/{name}/change", tag, "Change a role of the host's own", "Who holds it has what it says from their next request on."+tried, false), d.changeRole)
	huma.Register(h, deed("end-role", http.MethodPost, "/roles/{name}/end", tag, "End a role of the host's own", "It is taken from everybody who holds it."+tried, false), d.endRole)
	huma.Register(h, operation("list-programmes", http.MethodGet, "/programmes", tag, "List programmes", "For the host's staff: the segments that partners belong to, and what each opens."), d.listProgrammes)
	huma.Register(h, deed("define-programme", http.MethodPost, "/programmes", tag, "Define a programme", "For the host's staff.", true), d.defineProgramme)
	huma.Register(h, deed("change-programme", http.MethodPost, "/programmes/{name}/change", tag, "Change what a programme opens", "The people of its partners have that from their next request on."+tried, false), d.changeProgramme)
	huma.Register(h, deed("end-programme", http.MethodPost, "/programmes/{name}/end", tag, "End a programme", "One that partners belong to is not ended: 409.", false), d.endProgramme)
	huma.Register(h, deed("decide-many", http.MethodPost, "/directory/decide", tag, "Have many partners join or leave programmes", "For the host's staff, up to 500 partners at once, all or none."+tried, false), d.decideMany)
	huma.Register(h, deed("try-member", http.MethodPost, "/people/{person}/try", "People", "See what a change would do", "What the member would gain and lose by these roles, sites and limit. Nothing is changed.", false), d.tryMember)
	huma.Register(h, operation("explain-member", http.MethodGet, "/people/{person}/explain", "People", "See what a member may do, and why", "Every right, with the role that gives it, by whom and since when, and what a programme keeps from them."), d.explainMember)
	huma.Register(h, operation("list-readers", http.MethodGet, "/readers", "People", "See who can see a document, and why", "Everybody of the partner who can see the document now; for the host's staff their colleagues too."), d.listReaders)
}

type role struct {
	Name        string   `json:"name"`
	Title       string   `json:"title"`
	Side        string   `json:"side" enum:"host,dealer,supplier,partner" doc:"Whose people can hold it; partner = dealers and suppliers"`
	Permissions []string `json:"permissions"`
	OrderLimit  string   `json:"order_limit" doc:"The most an order may come to unapproved for whoever places orders by it alone; empty = no limit"`
	NamedSites  bool     `json:"named_sites" doc:"It is held for named sites only"`
	Defined     bool     `json:"defined" doc:"By the host; false = it is there from the start"`
	Held        int      `json:"held" doc:"By how many people, of a role of the host's own; 1000 = a thousand or more"`
}

func roleOf(r partners.DefinedRole) role {
	return role{r.Name, r.Title, r.Side, orEmpty(r.Permissions), string(r.OrderLimit), r.NamedSites, true, r.Held}
}

type roleList struct {
	Items []role `json:"items"`
}

func (d door) listRoles(ctx context.Context, in *struct{ Conditional }) (*plain[roleList], error) {
	return forHost(ctx, d, portal.PartnersRead, in.Conditional, func(tx *portal.Tx) (roleList, error) {
		out := roleList{Items: []role{}}
		for _, r := range portal.Roles {
			side := "partner"
			if r.Host {
				side = "host"
			}
			out.Items = append(out.Items, role{Name: r.Name, Title: partners.RoleTitle(r.Name), Side: side, Permissions: r.Perms.Names()})
		}
		list, err := partners.DefinedRoles(ctx, tx)
		for _, r := range list {
			out.Items = append(out.Items, roleOf(r))
		}
		return out, err
	})
}

// RoleBody is what a role is.
type RoleBody struct {
	Title       string   `json:"title" minLength:"2" maxLength:"100"`
	Permissions []string `json:"permissions" minItems:"1" maxItems:"60" doc:"What whoever holds it may do, within what the partner's programmes open"`
	OrderLimit  string   `json:"order_limit,omitempty" maxLength:"20" pattern:"^([0-9]+([.][0-9]{1,4})?)?$" doc:"The most an order may come to unapproved for whoever places orders by it alone; no limit when left out"`
	NamedSites  bool     `json:"named_sites,omitempty" doc:"Nobody can be given it for all sites of a partner"`
}

func (b RoleBody) role(name, side string) partners.DefinedRole {
	return partners.DefinedRole{Name: name, Side: side, Title: b.Title, Permissions: b.Permissions, OrderLimit: portal.Amount(b.OrderLimit), NamedSites: b.NamedSites}
}

// acrossPartners does f once for the caller's key in a transaction of the host's staff, who hold need.
func acrossPartners[T any](ctx context.Context, d door, need portal.Permission, key Keyed, what string, body any, location func(T) string, f func(tx *portal.Tx) (T, error)) (*done[T], error) {
	return commandIn(ctx, d, need, key, what, body, location, func(by portal.Caller, g func(tx *portal.Tx) error) error {
		return d.db.AcrossPartners(ctx, by, need, g)
	}, f)
}

type defineRoleInput struct {
	Keyed
	Body struct {
		Name string `json:"name" minLength:"2" maxLength:"40" pattern:"^[a-z][a-z0-9-]{1,39}$"`
		Side string `json:"side" enum:"host,dealer,supplier,partner" doc:"Whose people can hold it; partner = dealers and suppliers"`
		RoleBody
	}
}

func (d door) defineRole(ctx context.Context, in *defineRoleInput) (*done[role], error) {
	return acrossPartners(ctx, d, portal.RolesManage, in.Keyed, "define role", in.Body, func(role) string { return "roles" }, func(tx *portal.Tx) (role, error) {
		if err := partners.DefineRole(ctx, tx, in.Body.role(in.Body.Name, in.Body.Side)); err != nil {
			return role{}, err
		}
		r, err := partners.RoleOf(ctx, tx, in.Body.Name)
		return roleOf(r), err
	})
}

// Named names a role or a programme.
type Named struct {
	Name string `path:"name" minLength:"1" maxLength:"60"`
}

// Tried asks what would be.
type Tried struct {
	Try bool `query:"try" doc:"true: nothing is changed, and the answer says what would be"`
}

type difference struct {
	Partner     string    `json:"partner" doc:"The partner's account number"`
	PartnerName string    `json:"partner_name"`
	Kind        string    `json:"kind" enum:"person,token"`
	Subject     uuid.UUID `json:"subject" doc:"The person's or the token's id"`
	Name        string    `json:"name"`
	Gains       []string  `json:"gains" doc:"In words"`
	Losses      []string  `json:"losses" doc:"In words"`
}

type weighing struct {
	Tried    bool         `json:"tried" doc:"true: nothing was changed"`
	Compared int          `json:"compared" doc:"People and tokens"`
	Same     int          `json:"same" doc:"Of those, how many may do what they could before"`
	Partners int          `json:"partners" doc:"At how many partners somebody gains or loses something"`
	Cut      bool         `json:"cut" doc:"There are more than are listed"`
	Items    []difference `json:"items"`
}

func weighingOf(w partners.Weighing, tried bool) weighing {
	out := weighing{Tried: tried, Compared: w.Weighed, Same: w.Same, Partners: w.Partners, Cut: w.Cut, Items: []difference{}}
	for _, i := range w.Items {
		kind := "person"
		if i.Token {
			kind = "token"
		}
		out.Items = append(out.Items, difference{i.Number, i.Partner, kind, i.Subject, i.Name, orEmpty(i.Gains), orEmpty(i.Losses)})
	}
	return out
}

// weigh makes the change once for the key, or tries it, in the transaction that do opens.
func weigh(ctx context.Context, d door, need portal.Permission, key Keyed, what string, body any, try bool, do func(by portal.Caller, g func(tx *portal.Tx) error) error, c partners.Weighed) (*done[weighing], error) {
	if !try {
		return commandIn(ctx, d, need, key, what, body, nil, do, func(tx *portal.Tx) (weighing, error) {
			w, err := c(ctx, tx)
			return weighingOf(w, false), err
		})
	}
	by := callerOf(ctx)
	if by.ReadOnly {
		return nil, refuse(ctx, d, by, portal.Viewing)
	}
	w, err := c.Try(ctx, func(g func(tx *portal.Tx) error) error { return do(by, g) })
	if err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	return &done[weighing]{Status: http.StatusOK, CacheControl: "private, no-store", Body: weighingOf(w, true)}, nil
}

func (d door) acrossFor(ctx context.Context, need portal.Permission) func(by portal.Caller, g func(tx *portal.Tx) error) error {
	return func(by portal.Caller, g func(tx *portal.Tx) error) error {
		return d.db.AcrossPartners(ctx, by, need, g)
	}
}

type changeRoleInput struct {
	Keyed
	Named
	Tried
	Body RoleBody
}

func (d door) changeRole(ctx context.Context, in *changeRoleInput) (*done[weighing], error) {
	return weigh(ctx, d, portal.RolesManage, in.Keyed, "change role "+in.Name, in.Body, in.Try, d.acrossFor(ctx, portal.RolesManage), partners.OfRole(in.Name, func(ctx context.Context, tx *portal.Tx) error {
		return partners.ChangeRole(ctx, tx, in.Body.role(in.Name, ""))
	}))
}

type endRoleInput struct {
	Keyed
	Named
	Tried
}

func (d door) endRole(ctx context.Context, in *endRoleInput) (*done[weighing], error) {
	return weigh(ctx, d, portal.RolesManage, in.Keyed, "end role "+in.Name, nil, in.Try, d.acrossFor(ctx, portal.RolesManage), partners.OfRole(in.Name, func(ctx context.Context, tx *portal.Tx) error {
		return partners.EndRole(ctx, tx, in.Name)
	}))
}

type programme struct {
	Name string `json:"name"`
	ProgrammeBody
	Partners int `json:"partners" doc:"That belong to it; 1000 = a thousand or more"`
}

// ProgrammeBody is what a programme opens.
type ProgrammeBody struct {
	Title         string   `json:"title" minLength:"2" maxLength:"100"`
	Modules       []string `json:"modules" maxItems:"30" doc:"Parts of the portal; a partner of several programmes has what any of them opens"`
	Categories    []string `json:"categories,omitempty" maxItems:"500" doc:"Of products; all when left out"`
	DocumentKinds []string `json:"document_kinds,omitempty" maxItems:"100" doc:"Of documents of products; all when left out"`
}

func programmeOf(p partners.Programme) programme {
	return programme{p.Name, ProgrammeBody{p.Title, orEmpty(p.Modules), p.Categories, p.DocumentKinds}, p.Partners}
}

func (b ProgrammeBody) programme(name string) partners.Programme {
	return partners.Programme{Name: name, Title: b.Title, Modules: b.Modules, Categories: b.Categories, DocumentKinds: b.DocumentKinds}
}

type programmeList struct {
	Items []programme `json:"items"`
}

func (d door) listProgrammes(ctx context.Context, in *struct{ Conditional }) (*plain[programmeList], error) {
	return forHost(ctx, d, portal.PartnersRead, in.Conditional, func(tx *portal.Tx) (programmeList, error) {
		list, err := partners.Programmes(ctx, tx)
		out := programmeList{Items: []programme{}}
		for _, p := range list {
			out.Items = append(out.Items, programmeOf(p))
		}
		return out, err
	})
}

type defineProgrammeInput struct {
	Keyed
	Body struct {
		Name string `json:"name" minLength:"2" maxLength:"40" pattern:"^[a-z][a-z0-9-]{1,39}$"`
		ProgrammeBody
	}
}

func (d door) defineProgramme(ctx context.Context, in *defineProgrammeInput) (*done[programme], error) {
	return acrossPartners(ctx, d, portal.RolesManage, in.Keyed, "define programme", in.Body, func(programme) string { return "programmes" }, func(tx *portal.Tx) (programme, error) {
		if err := partners.DefineProgramme(ctx, tx, in.Body.programme(in.Body.Name)); err != nil {
			return programme{}, err
		}
		p, err := partners.ProgrammeOf(ctx, tx, in.Body.Name)
		return programmeOf(p), err
	})
}

type changeProgrammeInput struct {
	Keyed
	Named
	Tried
	Body ProgrammeBody
}

func (d door) changeProgramme(ctx context.Context, in *changeProgrammeInput) (*done[weighing], error) {
	return weigh(ctx, d, portal.RolesManage, in.Keyed, "change programme "+in.Name, in.Body, in.Try, d.acrossFor(ctx, portal.RolesManage), partners.OfProgramme(in.Name, func(ctx context.Context, tx *portal.Tx) error {
		return partners.ChangeProgramme(ctx, tx, in.Body.programme(in.Name))
	}))
}

type endedName struct {
	Name string `json:"name" doc:"What is ended"`
}

type endProgrammeInput struct {
	Keyed
	Named
}

func (d door) endProgramme(ctx context.Context, in *endProgrammeInput) (*done[endedName], error) {
	return acrossPartners(ctx, d, portal.RolesManage, in.Keyed, "end programme "+in.Name, nil, nil, func(tx *portal.Tx) (endedName, error) {
		return endedName{in.Name}, partners.EndProgramme(ctx, tx, in.Name)
	})
}

type decideManyInput struct {
	Keyed
	Tried
	Body struct {
		Partners []string `json:"partners" minItems:"1" maxItems:"500" doc:"Account numbers"`
		Join     []string `json:"join,omitempty" maxItems:"50" doc:"Programmes that all of them join"`
		Leave    []string `json:"leave,omitempty" maxItems:"50" doc:"Programmes that all of them leave"`
	}
}

func (d door) decideMany(ctx context.Context, in *decideManyInput) (*done[weighing], error) {
	return weigh(ctx, d, portal.PartnersManage, in.Keyed, "decide many", in.Body, in.Try, d.acrossFor(ctx, portal.PartnersManage), partners.OfPartners(in.Body.Partners, func(ctx context.Context, tx *portal.Tx) error {
		return partners.DecideMany(ctx, tx, partners.Batch{Numbers: in.Body.Partners, Join: in.Body.Join, Leave: in.Body.Leave})
	}))
}

func (d door) tryMember(ctx context.Context, in *changeMemberInput) (*done[weighing], error) {
	var at int64
	do := func(by portal.Caller, g func(tx *portal.Tx) error) error {
		return partners.At(ctx, d.db, by, in.Partner, portal.PeopleManage, func(tx *portal.Tx, p partners.Partner) error { at = p.ID; return g(tx) })
	}
	return weigh(ctx, d, portal.PeopleManage, in.Keyed, "", nil, true, do, func(ctx context.Context, tx *portal.Tx) (partners.Weighing, error) {
		return partners.OfMember(at, in.id(), func(ctx context.Context, tx *portal.Tx) error {
			return partners.ChangeMember(ctx, tx, at, in.id(), in.Body.change())
		})(ctx, tx)
	})
}

type source struct {
	Role  string    `json:"role"`
	How   string    `json:"how" doc:"How it came, in words"`
	By    string    `json:"by" doc:"Who gave it"`
	Since time.Time `json:"since" doc:"Since when it has been held without a gap"`
}

type right struct {
	Permission string   `json:"permission"`
	Words      string   `json:"words" doc:"Finishes the sentence: they may …"`
	Held       bool     `json:"held"`
	Kept       string   `json:"kept" doc:"Why it is not held although a role gives it"`
	Sources    []source `json:"sources"`
}

type explanation struct {
	Person     uuid.UUID `json:"person"`
	Name       string    `json:"name"`
	Sites      []string  `json:"sites" nullable:"true" doc:"null = all"`
	WhySites   string    `json:"why_sites"`
	OrderLimit string    `json:"order_limit" doc:"empty = no limit"`
	Programmes []string  `json:"programmes" doc:"Of the partner; empty = nothing is limited by a programme"`
	Modules    []string  `json:"modules" doc:"That the programmes open"`
	Categories []string  `json:"categories" nullable:"true" doc:"Of products; null = all"`
	Kinds      []string  `json:"document_kinds" nullable:"true" doc:"Of documents of products; null = all"`
	Contact    string    `json:"contact" doc:"The core's contact by which they came in; empty = not so"`
	Rights     []right   `json:"rights"`
}

func (d door) explainMember(ctx context.Context, in *getMemberInput) (*plain[explanation], error) {
	return look(ctx, d, portal.PeopleRead, in.Whose, in.Conditional, func(tx *portal.Tx, p partners.Partner) (explanation, error) {
		e, err := partners.Explain(ctx, tx, p.ID, in.id())
		out := explanation{Person: e.Member.PersonID, Name: e.Member.Name, Sites: e.Member.Sites, WhySites: e.Sites, OrderLimit: string(e.Limit), Programmes: orEmpty(e.Programmes), Modules: orEmpty(e.Modules),
			Categories: e.Categories, Kinds: e.Kinds, Contact: e.Contact, Rights: []right{}}
		for _, r := range e.Rights {
			one := right{Permission: r.Permission, Words: r.Words, Held: r.Held, Kept: r.Kept, Sources: []source{}}
			for _, s := range r.Sources {
				one.Sources = append(one.Sources, source{s.Role, s.How, s.By, s.Since})
			}
			out.Rights = append(out.Rights, one)
		}
		return out, err
	})
}

type reader struct {
	Subject uuid.UUID `json:"subject" doc:"The person's or the token's id"`
	Kind    string    `json:"kind" enum:"person,token,staff" doc:"staff: of the host's"`
	Name    string    `json:"name"`
	Roles   []string  `json:"roles" doc:"That allow it"`
	Sites   []string  `json:"sites" nullable:"true" doc:"They are limited to; null = all"`
	Reason  string    `json:"reason"`
}

type readers struct {
	Document string   `json:"document"`
	Site     string   `json:"site" doc:"empty = of the company as a whole"`
	Others   int      `json:"others" doc:"Members who have access and cannot see it"`
	Items    []reader `json:"items"`
}

type listReadersInput struct {
	Conditional
	Whose
	Document string `query:"document" required:"true" doc:"Like orders/4711, claims/C-1, invoices/900 or purchasing/P-1" minLength:"3" maxLength:"200"`
}

func (d door) listReaders(ctx context.Context, in *listReadersInput) (*plain[readers], error) {
	return look(ctx, d, portal.PeopleRead, in.Whose, in.Conditional, func(tx *portal.Tx, p partners.Partner) (readers, error) {
		found, err := partners.WhoSees(ctx, tx, p.ID, in.Document)
		out := readers{Document: found.Document, Site: found.Site, Others: found.Others, Items: []reader{}}
		for _, r := range found.Readers {
			out.Items = append(out.Items, reader{r.Subject, r.Kind, r.Name, orEmpty(r.Roles), r.Sites, r.Reason})
		}
		return out, err
	})
}

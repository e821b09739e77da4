package portal

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// A Permission is one thing a caller may do.
type Permission uint8

const (
	OrdersRead       Permission = iota // see orders, their lines and shipments
	OrdersExport                       // take lists of orders away as files
	OrdersPlace                        // order, change and cancel
	OrdersApprove                      // approve colleagues' orders above their limit
	CatalogRead                        // see products, stock and documents
	PricesRead                         // see own prices
	AccountRead                        // see balance, credit, open items, invoices and payments
	AccountExport                      // take statements and invoices away as files
	ClaimsRead                         // see claims
	ClaimsFile                         // file, answer, appeal and withdraw claims
	ForecastsRead                      // supplier: see forecasts and their ledger
	ForecastsCommit                    // supplier: commit to forecasts
	PurchasingRead                     // supplier: see purchase orders, receipts and the scorecard
	PurchasingAnswer                   // supplier: answer purchase orders
	DispatchSend                       // supplier: announce shipments
	BillingRead                        // supplier: see own invoices and their payment
	BillingSend                        // supplier: send invoices
	StockReport                        // supplier: report inventory and capacity
	NoticesRead                        // see engineering changes
	NoticesAnswer                      // answer engineering changes, and give notice of own ones
	CompanyRead                        // see the own company's sites and contacts as the core has them
	PeopleRead                         // see who has access for the own partner
	PeopleInvite                       // invite people to the own partner
	PeopleManage                       // change and end people's access to the own partner
	PeopleProvision                    // tell of the own people and groups from a directory (SCIM)
	TokensManage                       // make, rotate and revoke API tokens of the own partner
	AuditRead                          // read the audit of the own partner
	FeedsRead                          // host: see how far the mirror of the core is, and what it refused
	FeedsManage                        // host: pause, resume and retry feeds, and allow losses
	PartnersRead                       // host: see every partner
	PartnersManage                     // host: say what each partner may see, and who its people are
	RolesManage                        // host: define roles and programmes
	ViewAs                             // host: look at the portal as a partner sees it
	ActFor                             // host: act on behalf of a partner while viewing as it
	ClaimsDecide                       // host: ask about, decide and split claims
	ClaimsApprove                      // host: approve decisions above the desk's limit
	PlansManage                        // host: see every supplier's commitments and gaps
	NoticesManage                      // host: give notice of engineering changes and take answers
	ReviewsManage                      // host: hold campaigns that review access
	NewsManage                         // host: announce, set terms that must be accepted, and how the portal looks
	FiguresRead                        // host: see who uses what
	PurchasesRead                      // host: see every supplier's purchase orders, shipments, invoices, stock and scorecard
	PurchasesManage                    // host: decide about suppliers' answers and objections, and set what is asked of suppliers
	permissions                        // how many there are
)

var permissionNames = [permissions]string{
	"orders:read", "orders:export", "orders:place", "orders:approve", "catalog:read", "prices:read", "account:read", "account:export", "claims:read", "claims:file",
	"forecasts:read", "forecasts:commit", "purchasing:read", "purchasing:answer", "dispatch:send", "billing:read", "billing:send", "stock:report", "notices:read", "notices:answer",
	"company:read", "people:read", "people:invite", "people:manage", "people:provision", "tokens:manage", "audit:read", "feeds:read", "feeds:manage", "partners:read", "partners:manage", "roles:manage",
	"view:as", "act:for", "claims:decide", "claims:approve", "plans:manage", "notices:manage", "reviews:manage", "news:manage", "figures:read", "purchases:read", "purchases:manage",
}

func (p Permission) String() string { return permissionNames[p] }

// permissionWords finish the sentence "they may …".
var permissionWords = [permissions]string{
	"see orders and shipments", "take orders away as a file", "place orders", "approve colleagues' orders", "see products, stock and documents", "see own prices", "see balance, invoices and payments", "take statements and invoices away",
	"see claims", "file and answer claims", "see forecasts", "commit to forecasts", "see purchase orders", "answer purchase orders", "announce shipments", "see own invoices to the host", "send invoices", "report stock and capacity",
	"see engineering changes", "answer engineering changes", "see the company, its sites and contacts", "see who has access", "invite people", "change and end people's access", "keep people by the company's own directory", "make and revoke API tokens", "read the log",
	"see how far the mirror of the core is", "steer the mirror of the core", "see every partner", "decide what partners may see", "define roles and programmes", "view as a partner", "act for a partner", "decide claims", "approve decisions on claims",
	"see every supplier's plans", "give notice of engineering changes", "hold reviews of access", "announce, set terms and how the portal looks", "see who uses what", "see every supplier's purchase orders, shipments and invoices",
	"decide about suppliers' answers and objections",
}

// Words says what the permission allows, to finish the sentence "they may …".
func (p Permission) Words() string { return permissionWords[p] }

// AllPermissions goes over all there are, in the order of the constants.
func AllPermissions() iter.Seq[Permission] {
	return func(yield func(Permission) bool) {
		for p := range permissions {
			if !yield(p) {
				return
			}
		}
	}
}

// Permissions is a set of them.
type Permissions uint64

// Has reports whether p is in the set.
func (s Permissions) Has(p Permission) bool { return s&(1<<p) != 0 }

// Names lists the set in the order of the constants.
func (s Permissions) Names() []string {
	names := []string{}
	for p := range permissions {
		if s.Has(p) {
			names = append(names, p.String())
		}
	}
	return names
}

// Allow returns the set of ps.
func Allow(ps ...Permission) (s Permissions) {
	for _, p := range ps {
		s |= 1 << p
	}
	return s
}

// ParsePermissions returns the set named by names, or an Invalid error that lists what there is.
func ParsePermissions(names []string) (s Permissions, err error) {
	for _, n := range names {
		i := slices.Index(permissionNames[:], n)
		if i < 0 {
			return 0, &Error{Kind: Invalid, Msg: fmt.Sprintf("there is no permission %q", n),
				Fields: map[string]string{"permissions": "choose from " + strings.Join(permissionNames[:], ", ")}}
		}
		s |= 1 << i
	}
	return s, nil
}

// A Role is a named set of permissions, held at a partner of a kind.
type Role struct {
	Name  string
	Host  bool // held by the host's staff; otherwise by partners' people
	Perms Permissions
}

// Roles lists what a member can be. A person's permissions are those of all their roles.
var Roles = []Role{
	{Name: "viewer", Perms: Allow(OrdersRead, CatalogRead, ClaimsRead, ForecastsRead, PurchasingRead, NoticesRead, CompanyRead)},
	{Name: "buyer", Perms: Allow(OrdersRead, OrdersExport, OrdersPlace, CatalogRead, PricesRead, ClaimsRead, NoticesRead, CompanyRead)},
	{Name: "approver", Perms: Allow(OrdersRead, OrdersExport, OrdersApprove, CatalogRead, PricesRead, CompanyRead)},
	{Name: "claims", Perms: Allow(OrdersRead, CatalogRead, ClaimsRead, ClaimsFile, CompanyRead)},
	{Name: "finance", Perms: Allow(OrdersRead, OrdersExport, AccountRead, AccountExport, BillingRead, BillingSend, PurchasingRead, CompanyRead)},
	{Name: "planner", Perms: Allow(ForecastsRead, ForecastsCommit, PurchasingRead, StockReport, NoticesRead, CompanyRead)},
	{Name: "seller", Perms: Allow(PurchasingRead, PurchasingAnswer, DispatchSend, BillingRead, BillingSend, ForecastsRead, StockReport, NoticesRead, NoticesAnswer, CompanyRead)},
	{Name: "partner-admin", Perms: Allow(CompanyRead, PeopleRead, PeopleInvite, PeopleManage, PeopleProvision, TokensManage, AuditRead)},
	{Name: "claims-desk", Host: true, Perms: Allow(PartnersRead, ClaimsDecide)},
	{Name: "claims-lead", Host: true, Perms: Allow(PartnersRead, ClaimsDecide, ClaimsApprove)},
	{Name: "planning-desk", Host: true, Perms: Allow(PartnersRead, PlansManage, NoticesManage, PurchasesRead)},
	{Name: "buying-desk", Host: true, Perms: Allow(PartnersRead, PurchasesRead, PurchasesManage)},
	{Name: "partner-manager", Host: true, Perms: Allow(PartnersRead, PartnersManage, PeopleRead, PeopleInvite, PeopleManage, FeedsRead, ViewAs, ReviewsManage, NewsManage, FiguresRead)},
	{Name: "auditor", Host: true, Perms: Allow(PartnersRead, PeopleRead, AuditRead, FeedsRead, FiguresRead)},
	{Name: "administrator", Host: true, Perms: Allow(PartnersRead, PartnersManage, RolesManage, PeopleRead, PeopleInvite, PeopleManage, TokensManage, AuditRead, FeedsRead, FeedsManage, ViewAs, ActFor,
		ClaimsDecide, ClaimsApprove, PlansManage, NoticesManage, ReviewsManage, NewsManage, FiguresRead, PurchasesRead, PurchasesManage)},
}

// PermissionsOf returns what the named roles allow at the host, or at a partner.
// A role of the other side, or one that is no more, allows nothing.
func PermissionsOf(roles []string, host bool) (s Permissions) {
	for _, r := range Roles {
		if r.Host == host && slices.Contains(roles, r.Name) {
			s |= r.Perms
		}
	}
	return s
}

// CheckRoles returns an Invalid error for a role that cannot be held there, naming those that can.
func CheckRoles(roles []string, host bool) error {
	var can []string
	for _, r := range Roles {
		if r.Host == host {
			can = append(can, r.Name)
		}
	}
	for _, n := range roles {
		if !slices.Contains(can, n) {
			return &Error{Kind: Invalid, Msg: fmt.Sprintf("there is no role %q here", n), Fields: map[string]string{"roles": "choose from " + strings.Join(can, ", ")}}
		}
	}
	if len(roles) == 0 {
		return &Error{Kind: Invalid, Msg: "a role is needed", Fields: map[string]string{"roles": "choose from " + strings.Join(can, ", ")}}
	}
	return nil
}

// OfSuppliers are the permissions that mean something at a supplier alone.
var OfSuppliers = Allow(ForecastsRead, ForecastsCommit, PurchasingRead, PurchasingAnswer, DispatchSend, BillingRead, BillingSend, StockReport)

// A Module is a part of the portal that a partner's programmes may open.
type Module struct {
	Name  string
	Title string
	Perms Permissions
}

// Modules lists them. What is in no module, like the company and its people, every partner has.
var Modules = []Module{
	{"catalogue", "Products, stock and documents", Allow(CatalogRead)},
	{"prices", "Own prices", Allow(PricesRead)},
	{"orders", "Orders and shipments", Allow(OrdersRead, OrdersExport)},
	{"ordering", "Placing and approving orders", Allow(OrdersPlace, OrdersApprove)},
	{"account", "Balance, invoices and payments", Allow(AccountRead, AccountExport)},
	{"claims", "Claims", Allow(ClaimsRead, ClaimsFile)},
	{"forecasts", "Forecasts and commitments", Allow(ForecastsRead, ForecastsCommit)},
	{"purchasing", "Purchase orders and dispatch", Allow(PurchasingRead, PurchasingAnswer, DispatchSend)},
	{"billing", "Own invoices to the host", Allow(BillingRead, BillingSend)},
	{"stock", "Inventory and capacity reports", Allow(StockReport)},
	{"notices", "Engineering changes", Allow(NoticesRead, NoticesAnswer)},
}

// Within returns what of s the modules leave: all that is in no module, and what is in one of those named.
func (s Permissions) Within(modules []string) Permissions {
	for _, m := range Modules {
		if !slices.Contains(modules, m.Name) {
			s &^= m.Perms
		}
	}
	return s
}

package portal

import (
	"fmt"
	"slices"
	"strings"
)

// A Permission is one thing a caller may do.
type Permission uint8

const (
	OrdersRead   Permission = iota // see orders, their lines and shipments
	OrdersExport                   // take lists of orders away as files
	CompanyRead                    // see the own company's sites and contacts as the core has them
	PeopleRead                     // see who has access for the own partner
	PeopleInvite                   // invite people to the own partner
	AuditRead                      // read the audit of the own partner
	FeedsRead                      // host: see how far the mirror of the core is, and what it refused
	PartnersRead                   // host: see every partner
	permissions                    // how many there are
)

var permissionNames = [permissions]string{
	"orders:read", "orders:export", "company:read", "people:read", "people:invite", "audit:read", "feeds:read", "partners:read",
}

func (p Permission) String() string { return permissionNames[p] }

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
	{Name: "viewer", Perms: Allow(OrdersRead, CompanyRead)},
	{Name: "buyer", Perms: Allow(OrdersRead, OrdersExport, CompanyRead)},
	{Name: "claims", Perms: Allow(OrdersRead, CompanyRead)},
	{Name: "finance", Perms: Allow(OrdersRead, OrdersExport, CompanyRead)},
	{Name: "planner", Perms: Allow(CompanyRead)},
	{Name: "partner-admin", Perms: Allow(CompanyRead, PeopleRead, PeopleInvite, AuditRead)},
	{Name: "claims-desk", Host: true, Perms: Allow(PartnersRead)},
	{Name: "partner-manager", Host: true, Perms: Allow(PartnersRead, PeopleRead, PeopleInvite, FeedsRead)},
	{Name: "auditor", Host: true, Perms: Allow(PartnersRead, PeopleRead, AuditRead, FeedsRead)},
	{Name: "administrator", Host: true, Perms: Allow(PartnersRead, PeopleRead, PeopleInvite, AuditRead, FeedsRead)},
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

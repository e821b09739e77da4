package portal

import (
	"hash/fnv"
	"slices"
	"strconv"

	"github.com/google/uuid"
)

// A Caller is who asks: a person or a machine, acting for exactly one partner.
type Caller struct {
	PartnerID     int64  // the tenant acted for; 0 = nobody
	PartnerNumber string // the host's account number for it
	PartnerName   string
	PartnerKind   string    // host, dealer or supplier
	Host          bool      // acts for the host
	PersonID      uuid.UUID // zero for a machine
	Name          string    // of the person or token, as the audit names it
	Roles         []string  // what the person is at this partner
	Perms         Permissions
	Sites         []string  // sites the caller is limited to, sorted; nil = all
	Programmes    []string  // of the partner, sorted
	Categories    []string  // of products that the catalogue shows them, sorted; nil = all
	DocumentKinds []string  // of products' documents that they are shown, sorted; nil = all
	OrderLimit    Amount    // the most an order of the caller's may come to unapproved, in the partner's currency; "" = no limit
	SessionID     uuid.UUID // zero for a machine
	Viewing       bool      // one of the host's staff, who sees what the partner sees
	ReadOnly      bool      // … and changes nothing
}

// Need returns Forbidden unless the caller holds p, and Unauthenticated for nobody.
func (c Caller) Need(p Permission) error {
	switch {
	case c.PartnerID == 0:
		return Errorf(Unauthenticated, "sign in first")
	case !c.Perms.Has(p):
		return Errorf(Forbidden, "you need the right %q for this; your administrator can grant it", p)
	}
	return nil
}

// Actor names the caller in the audit: what it is called now, and what it always is.
func (c Caller) Actor() string {
	if c.PersonID == uuid.Nil {
		return c.Name
	}
	return c.Name + " <" + c.PersonID.String() + ">"
}

// Scope says in a few characters what part of the partner's data the caller may see.
// Two callers of one partner with the same scope see the same.
func (c Caller) Scope() string {
	scope := strconv.FormatUint(uint64(c.Perms), 36)
	if c.Sites != nil {
		scope += "." + hashOf(c.Sites)
	}
	if len(c.Programmes) > 0 {
		scope += "+" + hashOf(c.Programmes)
	}
	if c.Categories != nil {
		scope += "c" + hashOf(c.Categories)
	}
	if c.DocumentKinds != nil {
		scope += "d" + hashOf(c.DocumentKinds)
	}
	return scope
}

func hashOf(words []string) string {
	h := fnv.New64a()
	for _, w := range words {
		h.Write([]byte(w))
		h.Write([]byte{0})
	}
	return strconv.FormatUint(h.Sum64(), 36)
}

// In reports whether the caller's partner belongs to the programme: what only some partners are shown asks it.
func (c Caller) In(programme string) bool { return slices.Contains(c.Programmes, programme) }

// MaySeeSite reports whether the caller's limits include the site; a document of no site is for those without limits.
func (c Caller) MaySeeSite(site string) bool {
	return c.Sites == nil || site != "" && slices.Contains(c.Sites, site)
}

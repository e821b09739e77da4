package core

// A Person may sign in to the demo. The dealers' and suppliers' people are also contacts in the core, who may log on.
type Person struct {
	ID, Name, Email, Password string // ID never changes
	Memberships               []Membership
}

// A Membership says for which account a person acts, and as what.
type Membership struct {
	Account string   // the partner's number in the core, or HostAccount
	Kind    string   // dealer, supplier or host
	Roles   []string // as portal.Roles names them, of the partner's side or the host's
	Sites   []string // site numbers the person is limited to; none means all
}

// HostAccount is the account of the company's own people. The core has no row for it.
const HostAccount = "HOST"

// The demo's password, the same for everybody.
const password = "welcome"

// People are those who may sign in to the demo.
func People() []Person {
	big, neighbour, maker := dealerNo(0), dealerNo(1), vendorNo(0)
	return []Person{
		{"dana", "Dana Veldhorst", "dana@veldhorst.example", password, []Membership{{big, "dealer", []string{"buyer", "claims", "finance", "partner-admin"}, nil}}},
		{"femi", "Femi Adeyemi", "femi@veldhorst.example", password, []Membership{{big, "dealer", []string{"viewer"}, []string{branchNo(big, 2)}}}},
		{"bo", "Bo Ahlersdorf", "bo@ahlersdorf.example", password, []Membership{{neighbour, "dealer", []string{"buyer"}, nil}, {big, "dealer", []string{"viewer"}, nil}}},
		{"sofia", "Sofia Marques", "sofia@corvex.example", password, []Membership{{maker, "supplier", []string{"planner", "seller", "finance"}, nil}}},
		{"signe", "Signe Aalund", "signe@nordhav.example", password, []Membership{{vendorNo(1), "supplier", []string{"planner", "seller", "finance"}, nil}}},
		{"maren", "Maren Holt", "maren@tarnmoor.example", password, []Membership{{HostAccount, "host", []string{"partner-manager"}, nil}}},
		{"claus", "Claus Reiter", "claus@tarnmoor.example", password, []Membership{{HostAccount, "host", []string{"claims-desk"}, nil}}},
		{"paula", "Paula Stern", "paula@tarnmoor.example", password, []Membership{{HostAccount, "host", []string{"planning-desk", "buying-desk"}, nil}}},
		{"ada", "Ada Lindgren", "ada@tarnmoor.example", password, []Membership{{HostAccount, "host", []string{"administrator"}, nil}}},
	}
}

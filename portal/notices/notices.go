// Package notices carries engineering changes between the host and its partners: what changes on which product from when, what of
// a partner's business it touches, and what each side answered.
package notices

import "extranet/portal"

// Kinds of notices: a change of product or process, a change of a drawing or specification, the end of a product's life.
var Kinds = []string{"pcn", "ecn", "eol"}

// Mirror and Items say how the host's notices lie in the portal's database.
var (
	Mirror = portal.Mirror{
		Entity: "notices", Table: "notices", Key: []string{"notice", portal.SupplierColumn}, Owned: true, Nouns: []string{"notices"},
		Track: []string{"revision", "effective_on", "first_ship_on", "last_buy_on", "last_ship_on", "withdrawn"}, Noun: "notices", Doc: "notice",
		Columns: []portal.Column{
			{Name: "notice", Required: true}, {Name: portal.SupplierColumn, Required: true}, {Name: "kind", Required: true, OneOf: Kinds}, {Name: "revision", Required: true},
			{Name: "title", Required: true}, {Name: "description"}, {Name: "reason"}, {Name: "issued_on", Type: portal.Day, Required: true},
			{Name: "effective_on", Type: portal.Day}, {Name: "first_ship_on", Type: portal.Day}, {Name: "last_buy_on", Type: portal.Day}, {Name: "last_ship_on", Type: portal.Day},
			{Name: "withdrawn", Type: portal.Bool, Required: true},
		},
	}
	Items = portal.Mirror{
		Entity: "notice_items", Table: "notice_items", Key: []string{"notice", "line", portal.SupplierColumn}, Owned: true, Nouns: []string{"notices"},
		Columns: []portal.Column{
			{Name: "notice", Required: true}, {Name: "line", Type: portal.Int, Required: true}, {Name: portal.SupplierColumn, Required: true}, {Name: "product", Required: true},
			{Name: "revision_from"}, {Name: "revision_to"}, {Name: "effective_on", Type: portal.Day}, {Name: "effective_lot"}, {Name: "effective_serial"},
			{Name: "replacement"}, {Name: "description"},
		},
	}
)

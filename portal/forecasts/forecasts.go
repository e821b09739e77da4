// Package forecasts lets a supplier see what the host expects to need of it, say what it can deliver, and hold both sides to it.
package forecasts

import "extranet/portal"

// Kinds are how long a bucket lasts.
var Kinds = []string{"day", "week", "month"}

// Mirror, History and Inventory say how the core's plans for suppliers lie in the portal's database.
var (
	Mirror = portal.Mirror{
		Entity: "forecasts", Table: "forecasts", Key: []string{"version", "product", "location", portal.SupplierColumn}, Owned: true, Nouns: []string{"forecasts"},
		Series: []string{"starts_on", "quantity"}, Published: true,
		Columns: []portal.Column{
			{Name: "version", Required: true}, {Name: "product", Required: true}, {Name: "location", Required: true}, {Name: portal.SupplierColumn, Required: true},
			{Name: "published_at", Type: portal.Stamp, Required: true}, {Name: "plan_run"}, {Name: "site"}, {Name: "kind", Required: true, OneOf: Kinds},
			{Name: "unit"}, {Name: "price", Type: portal.Decimal}, {Name: "currency"},
			{Name: "starts_on", Type: portal.Day, Required: true}, {Name: "quantity", Type: portal.Decimal, Required: true},
		},
	}
	History = portal.Mirror{
		Entity: "demand_history", Table: "demand_history", Key: []string{"product", "location", "kind", portal.SupplierColumn}, Owned: true, Nouns: []string{"forecasts"},
		Series: []string{"starts_on", "quantity", "received"},
		Columns: []portal.Column{
			{Name: "product", Required: true}, {Name: "location", Required: true}, {Name: "kind", Required: true, OneOf: Kinds}, {Name: portal.SupplierColumn, Required: true},
			{Name: "starts_on", Type: portal.Day, Required: true}, {Name: "quantity", Type: portal.Decimal, Required: true}, {Name: "received", Type: portal.Decimal},
		},
	}
	Inventory = portal.Mirror{
		Entity: "supplier_inventory", Table: "supplier_inventory", Key: []string{"product", "location", portal.SupplierColumn}, Owned: true, Nouns: []string{"forecasts"},
		Columns: []portal.Column{
			{Name: "product", Required: true}, {Name: "location", Required: true}, {Name: portal.SupplierColumn, Required: true},
			{Name: "on_hand", Type: portal.Decimal, Required: true}, {Name: "in_transit", Type: portal.Decimal, Required: true},
		},
	}
)

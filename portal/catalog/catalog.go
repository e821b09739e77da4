// Package catalog holds what the host sells. Its products are the same for every partner.
package catalog

import "extranet/portal"

// Mirror says how the core's products lie in the portal's database.
var Mirror = portal.Mirror{
	Entity: "products", Table: "products", Key: []string{"product"},
	Columns: []portal.Column{
		{Name: "product", Required: true}, {Name: "name", Required: true}, {Name: "barcode"}, {Name: "brand"}, {Name: "size"}, {Name: "unit"},
		{Name: "pack_size", Type: portal.Decimal}, {Name: "pack_unit"}, {Name: "category"}, {Name: "lifecycle"},
		{Name: "lead_time_days", Type: portal.Int}, {Name: "weight_kg", Type: portal.Decimal},
	},
}

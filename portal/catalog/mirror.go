package catalog

import "extranet/portal"

// Mirror says how the core's products lie in the portal's database; the others are what belongs to them.
var (
	Mirror = portal.Mirror{
		Entity: "products", Table: "products", Key: []string{"product"},
		Columns: []portal.Column{
			{Name: "product", Required: true}, {Name: "name", Required: true}, {Name: "barcode"}, {Name: "brand"}, {Name: "size"}, {Name: "unit"},
			{Name: "pack_size", Type: portal.Decimal}, {Name: "pack_unit"}, {Name: "min_quantity", Type: portal.Decimal}, {Name: "category"}, {Name: "lifecycle"},
			{Name: "lead_time_days", Type: portal.Int}, {Name: "weight_kg", Type: portal.Decimal},
		},
	}
	ListPrices = portal.Mirror{
		Entity: "list_prices", Table: "list_prices", Key: []string{"entry"},
		Columns: priceColumns("list"),
	}
	SegmentPrices = portal.Mirror{
		Entity: "segment_prices", Table: "segment_prices", Key: []string{"entry"},
		Columns: append(priceColumns("segment"), portal.Column{Name: "segment", Required: true}),
	}
	Prices = portal.Mirror{
		Entity: "prices", Table: "prices", Key: []string{"entry"}, Owned: true, Nouns: []string{"prices"},
		Columns: priceColumns("contract"),
	}
	Stock = portal.Mirror{
		Entity: "availability", Table: "availability", Key: []string{"product", "warehouse"},
		Columns: []portal.Column{
			{Name: "product", Required: true}, {Name: "warehouse", Required: true}, {Name: "name"}, {Name: "available", Type: portal.Decimal, Required: true},
			{Name: "on_hand", Type: portal.Decimal}, {Name: "next_on", Type: portal.Day}, {Name: "next_quantity", Type: portal.Decimal},
		},
	}
	Documents = portal.Mirror{
		Entity: "documents", Table: "documents", Key: []string{"document"},
		Columns: []portal.Column{
			{Name: "document", Required: true}, {Name: "product", Required: true}, {Name: "kind", Required: true}, {Name: "title", Required: true}, {Name: "version"}, {Name: "language"},
			{Name: "issued_on", Type: portal.Day}, {Name: "file", Required: true}, {Name: "segment"},
		},
	}
	Links = portal.Mirror{
		Entity: "product_links", Table: "product_links", Key: []string{"product", "other", "kind"},
		Columns: []portal.Column{{Name: "product", Required: true}, {Name: "other", Required: true}, {Name: "kind", Required: true, OneOf: LinkKinds}, {Name: "note"}},
	}
	PartNumbers = portal.Mirror{
		Entity: "part_numbers", Table: "part_numbers", Key: []string{"entry"}, Owned: true, Nouns: []string{"part_numbers"},
		Columns: []portal.Column{{Name: "entry", Required: true}, {Name: "part_number", Required: true}, {Name: "product", Required: true}},
	}
)

// LinkKinds say how another product can stand in: as it is, with the same function, or as a better one.
var LinkKinds = []string{"drop_in", "functional", "upgrade"}

func priceColumns(kind string) []portal.Column {
	return []portal.Column{
		{Name: "entry", Required: true}, {Name: "product", Required: true}, {Name: "kind", Required: true, OneOf: []string{kind, "promotion"}}, {Name: "currency", Required: true},
		{Name: "from_quantity", Type: portal.Decimal, Required: true}, {Name: "unit_price", Type: portal.Decimal, Required: true},
		{Name: "valid_from", Type: portal.Day}, {Name: "valid_to", Type: portal.Day}, {Name: "name"},
	}
}

package purchasing

import "extranet/portal"

// The states that the core has a purchase order and its lines in.
var Statuses = []string{"open", "closed", "cancelled"}

// Mirror, Lines, Schedules, Received and Decisions say how the core's purchase orders, receipts and decisions lie in the portal's database.
var (
	Mirror = portal.Mirror{
		Entity: "purchase_orders", Table: "purchase_orders", Key: []string{"number"}, Owned: true, Nouns: []string{"purchasing"},
		Track: []string{"status"}, Noun: "purchasing", Doc: "number",
		Columns: []portal.Column{
			{Name: "number", Required: true}, {Name: "site"}, {Name: "status", Required: true, OneOf: Statuses}, {Name: "currency", Required: true},
			{Name: "ordered_on", Type: portal.Day, Required: true}, {Name: "buyer"}, {Name: "ship_to"}, {Name: "terms"},
			{Name: "net", Type: portal.Decimal, Required: true}, {Name: "comment"},
		},
	}
	Lines = portal.Mirror{
		Entity: "purchase_order_lines", Table: "purchase_order_lines", Key: []string{"order_number", "line"}, Owned: true, Nouns: []string{"purchasing"},
		Columns: []portal.Column{
			{Name: "order_number", Required: true}, {Name: "line", Type: portal.Int, Required: true}, {Name: "product"}, {Name: "supplier_product"},
			{Name: "description", Required: true}, {Name: "unit"}, {Name: "quantity", Type: portal.Decimal, Required: true},
			{Name: "received", Type: portal.Decimal, Required: true}, {Name: "price", Type: portal.Decimal, Required: true},
			{Name: "net", Type: portal.Decimal, Required: true}, {Name: "requested_on", Type: portal.Day}, {Name: "status", Required: true, OneOf: Statuses},
		},
	}
	Schedules = portal.Mirror{
		Entity: "schedule_lines", Table: "schedule_lines", Key: []string{"order_number", "line", "schedule"}, Owned: true, Nouns: []string{"purchasing"},
		Columns: []portal.Column{
			{Name: "order_number", Required: true}, {Name: "line", Type: portal.Int, Required: true}, {Name: "schedule", Type: portal.Int, Required: true},
			{Name: "requested_on", Type: portal.Day, Required: true}, {Name: "quantity", Type: portal.Decimal, Required: true},
			{Name: "confirmed_on", Type: portal.Day}, {Name: "confirmed_quantity", Type: portal.Decimal},
		},
	}
	Received = portal.Mirror{
		Entity: "receipts", Table: "receipts", Key: []string{"receipt"}, Owned: true, Nouns: []string{"purchasing"},
		Columns: []portal.Column{
			{Name: "receipt", Required: true}, {Name: "kind", OneOf: []string{"receipt", "return"}}, {Name: "site"}, {Name: "order_number", Required: true},
			{Name: "order_line", Type: portal.Int}, {Name: "product"}, {Name: "received_at", Type: portal.Stamp, Required: true},
			{Name: "quantity", Type: portal.Decimal, Required: true}, {Name: "rejected", Type: portal.Decimal}, {Name: "reason"}, {Name: "dispatch"},
		},
	}
	Decisions = portal.Mirror{
		Entity: "purchase_decisions", Table: "purchase_decisions", Key: []string{"order_number", "answer", "line"}, Owned: true, Nouns: []string{"purchasing"},
		Columns: []portal.Column{
			{Name: "order_number", Required: true}, {Name: "answer", Type: portal.Int, Required: true}, {Name: "line", Type: portal.Int, Required: true},
			{Name: "accepted", Type: portal.Bool, Required: true}, {Name: "why"}, {Name: "decided_at", Type: portal.Stamp, Required: true},
		},
	}
)

package jobs

import "extranet/portal/purchasing"

var purchasingEntities = []entity{
	{mirror: purchasing.Mirror},
	{mirror: purchasing.Lines, with: "purchase_orders"},
	{mirror: purchasing.Schedules, with: "purchase_order_lines"},
	{mirror: purchasing.Received, with: "purchase_orders"},
}

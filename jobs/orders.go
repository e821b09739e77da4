package jobs

import "extranet/portal/orders"

var orderEntities = []entity{
	{mirror: orders.Mirror},
	{mirror: orders.Lines, with: "orders"},
}

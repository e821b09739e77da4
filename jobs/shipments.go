package jobs

import "extranet/portal/shipments"

var shipmentEntities = []entity{
	{mirror: shipments.Mirror, with: "shipment_lines"}, // a shipment is found by the orders its lines are of
	{mirror: shipments.Lines, with: "shipments"},
	{mirror: shipments.Packages, with: "shipments"},
}

package jobs

import (
	"context"

	"extranet/portal"
	"extranet/portal/orders"
)

var orderEntities = []entity{
	{mirror: orders.Mirror},
	{mirror: orders.Lines, with: "orders"},
}

var orderCommands = []commandHandler{
	{
		name: orders.PlaceOrder, values: []string{"site", "currency", "placed_by", "net", "lines", "po_number", "comment", "requested_on"},
		lists:   map[string][]string{"lines": {"line", "product", "quantity", "price", "requested_on"}},
		returns: []string{"order_number"},
		done: func(ctx context.Context, tx *portal.Tx, c portal.Sent, returned map[string]string) error {
			return orders.Acknowledged(ctx, tx, c.PartnerID, c.Document, returned["order_number"])
		},
		refused: func(ctx context.Context, tx *portal.Tx, c portal.Sent, why string) error {
			return orders.Refused(ctx, tx, c.PartnerID, c.Document, why)
		},
	},
	{name: orders.CancelOrder, values: []string{"order_number"}, done: orderChanged, refused: orderNotChanged},
	{name: orders.ChangeOrder, values: []string{"order_number", "line", "quantity", "requested_on"}, done: orderChanged, refused: orderNotChanged},
}

func orderChanged(_ context.Context, tx *portal.Tx, c portal.Sent, _ map[string]string) error {
	tx.Changed("orders", c.PartnerID)
	return nil
}

func orderNotChanged(_ context.Context, tx *portal.Tx, c portal.Sent, _ string) error {
	tx.Changed("orders", c.PartnerID)
	return nil
}

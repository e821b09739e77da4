package orders

import (
	"context"

	"extranet/portal"
)

// Tasks counts colleagues' orders that wait for the caller's approval, and the caller's own that came back.
func Tasks(ctx context.Context, tx *portal.Tx) (list []portal.Task, err error) {
	sites, me := portal.Limit(tx.By.Sites), ownerOf(tx.By)
	if tx.By.Perms.Has(portal.OrdersApprove) {
		t, err := tx.Task(ctx, "orders_to_approve", `SELECT NULL::date FROM placed_orders WHERE partner_id = $1 AND state = 'awaiting' AND owner <> $3 AND ($2::text[] IS NULL OR site = ANY($2))`, tx.By.PartnerID, sites, me)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	if tx.By.Perms.Has(portal.OrdersPlace) {
		t, err := tx.Task(ctx, "orders_returned", `SELECT NULL::date FROM placed_orders WHERE partner_id = $1 AND state = 'returned' AND owner = $3 AND ($2::text[] IS NULL OR site = ANY($2))`, tx.By.PartnerID, sites, me)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

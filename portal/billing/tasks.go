package billing

import (
	"context"

	"extranet/portal"
)

// Tasks counts invoices that the host does not pay until a difference is cleared.
func Tasks(ctx context.Context, tx *portal.Tx) (list []portal.Task, err error) {
	if !tx.By.Perms.Has(portal.BillingSend) {
		return nil, nil
	}
	t, err := tx.Task(ctx, "bills_to_clear", `
		SELECT NULL::date FROM supplier_invoices WHERE partner_id = $1 AND status = 'blocked' AND ($2::text[] IS NULL OR site = ANY($2))`, tx.By.PartnerID, portal.Limit(tx.By.Sites))
	return []portal.Task{t}, err
}

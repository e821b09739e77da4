package invoices

import (
	"context"

	"extranet/portal"
)

// Tasks counts invoices that should have been paid.
func Tasks(ctx context.Context, tx *portal.Tx) (list []portal.Task, err error) {
	if !tx.By.Perms.Has(portal.AccountRead) {
		return nil, nil
	}
	t, err := tx.Task(ctx, "invoices_to_pay", `
		SELECT due_on FROM invoices WHERE partner_id = $1 AND is_open AND due_on < $2 AND kind = 'invoice' AND ($3::text[] IS NULL OR site = ANY($3)) ORDER BY due_on`,
		tx.By.PartnerID, portal.DateOf(tx.Now), portal.Limit(tx.By.Sites))
	return []portal.Task{t}, err
}

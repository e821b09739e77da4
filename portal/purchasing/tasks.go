package purchasing

import (
	"context"

	"extranet/portal"
)

// Tasks counts purchase orders that wait for the supplier's answer.
func Tasks(ctx context.Context, tx *portal.Tx) (list []portal.Task, err error) {
	if !tx.By.Perms.Has(portal.PurchasingAnswer) {
		return nil, nil
	}
	t, err := tx.Task(ctx, "purchase_orders_to_answer", `
		SELECT answer_by FROM purchase_orders WHERE partner_id = $1 AND state = 'review' AND ($2::text[] IS NULL OR site = ANY($2)) ORDER BY answer_by`, tx.By.PartnerID, portal.Limit(tx.By.Sites))
	return []portal.Task{t}, err
}

// AnswersTask counts purchase orders with answers that the host's buyers are to decide about.
func AnswersTask(ctx context.Context, tx *portal.Tx) (portal.Task, error) {
	if err := tx.Need(portal.PurchasesManage); err != nil {
		return portal.Task{}, err
	}
	return tx.Task(ctx, "answers_to_decide", `SELECT NULL::date FROM purchase_orders WHERE state = 'waiting'`)
}

// ObjectionsTask counts receipts that a supplier objects to and the host's buyers have not answered.
func ObjectionsTask(ctx context.Context, tx *portal.Tx) (portal.Task, error) {
	if err := tx.Need(portal.PurchasesManage); err != nil {
		return portal.Task{}, err
	}
	return tx.Task(ctx, "objections_to_answer", `SELECT NULL::date FROM receipt_objections WHERE state = 'waiting'`)
}

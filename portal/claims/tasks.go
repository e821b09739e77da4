package claims

import (
	"context"

	"extranet/portal"
)

// Tasks counts claims whose turn it is the dealer's: asked about, or not submitted yet.
func Tasks(ctx context.Context, tx *portal.Tx) (list []portal.Task, err error) {
	if !tx.By.Perms.Has(portal.ClaimsFile) {
		return nil, nil
	}
	t, err := tx.Task(ctx, "claims_to_answer", `
		SELECT (due_at AT TIME ZONE 'UTC')::date FROM claims WHERE partner_id = $1 AND owner = 'dealer' AND ($2::text[] IS NULL OR site = ANY($2)) ORDER BY due_at`, tx.By.PartnerID, portal.Limit(tx.By.Sites))
	return []portal.Task{t}, err
}

// DeskTask counts claims of all partners that wait for the host.
func DeskTask(ctx context.Context, tx *portal.Tx) (portal.Task, error) {
	if err := tx.Need(portal.ClaimsDecide); err != nil {
		return portal.Task{}, err
	}
	return tx.Task(ctx, "claims_to_decide", `SELECT (due_at AT TIME ZONE 'UTC')::date FROM claims WHERE owner = 'host' ORDER BY due_at`)
}

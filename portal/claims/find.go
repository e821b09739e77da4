package claims

import (
	"context"
	"strings"

	"extranet/portal"
)

// Find returns the claim with the number. Whoever may not see them finds none.
func Find(ctx context.Context, tx *portal.Tx, text string) (hits []portal.Hit, err error) {
	if !tx.By.Perms.Has(portal.ClaimsRead) {
		return nil, nil
	}
	err = tx.Select(ctx, &hits, `SELECT 'claims' AS kind, number, reference AS title, (created_at AT TIME ZONE 'UTC')::date AS "on" FROM claims WHERE partner_id = $1 AND number = $2 AND ($3::text[] IS NULL OR site = ANY($3))`,
		tx.By.PartnerID, strings.ToUpper(text), portal.Limit(tx.By.Sites))
	return hits, err
}

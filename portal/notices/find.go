package notices

import (
	"context"
	"strings"

	"extranet/portal"
)

// Find returns the notice with the number. Whoever may not see them finds none.
func Find(ctx context.Context, tx *portal.Tx, text string) (hits []portal.Hit, err error) {
	if !tx.By.Perms.Has(portal.NoticesRead) {
		return nil, nil
	}
	err = tx.Select(ctx, &hits, `SELECT 'notices' AS kind, notice AS number, title, issued_on AS "on" FROM notices WHERE partner_id = $1 AND notice IN ($2, $3)`, tx.By.PartnerID, text, strings.ToUpper(text))
	return hits, err
}

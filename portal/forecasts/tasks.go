package forecasts

import (
	"context"

	"extranet/portal"
)

// Tasks counts items of the current version of the forecast of which nothing was committed yet.
func Tasks(ctx context.Context, tx *portal.Tx) (list []portal.Task, err error) {
	if !tx.By.Perms.Has(portal.ForecastsCommit) {
		return nil, nil
	}
	t, err := tx.Task(ctx, "forecasts_to_commit", `
		SELECT (SELECT due_on FROM forecast_rounds WHERE partner_id = $1 AND version = v.version)
		FROM (SELECT version FROM forecasts WHERE partner_id = $1 ORDER BY published_at DESC, version DESC LIMIT 1) v
		JOIN forecasts f ON f.partner_id = $1 AND f.version = v.version
		WHERE ($2::text[] IS NULL OR f.site = ANY($2))
		AND NOT EXISTS (SELECT 1 FROM commits c WHERE c.partner_id = $1 AND c.latest AND c.product = f.product AND c.location = f.location AND c.version = v.version)`,
		tx.By.PartnerID, portal.Limit(tx.By.Sites))
	return []portal.Task{t}, err
}

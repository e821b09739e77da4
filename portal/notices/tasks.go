package notices

import (
	"context"

	"extranet/portal"
)

// Tasks counts notices whose receipt is not acknowledged yet.
func Tasks(ctx context.Context, tx *portal.Tx) (list []portal.Task, err error) {
	if !tx.By.Perms.Has(portal.NoticesAnswer) {
		return nil, nil
	}
	t, err := tx.Task(ctx, "notices_to_acknowledge", `
		SELECT n.issued_on + coalesce((SELECT acknowledge_days FROM notice_policies WHERE partner_id = $1), 30)
		FROM notices n WHERE n.partner_id = $1 AND NOT n.withdrawn
		AND NOT EXISTS (SELECT 1 FROM notice_answers a WHERE a.partner_id = $1 AND a.notice = n.notice AND a.revision = n.revision AND a.verdict <> 'silence')
		ORDER BY n.issued_on`, tx.By.PartnerID)
	return []portal.Task{t}, err
}

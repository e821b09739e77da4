package partners

import (
	"context"

	"extranet/portal"
)

// peopleNoun is under what changes of requests for access and of reviews are announced.
const peopleNoun = "people"

// Tasks counts what colleagues ask for, and whose access is to be answered for, by whoever manages the partner's people.
func Tasks(ctx context.Context, tx *portal.Tx) (list []portal.Task, err error) {
	if !tx.By.Perms.Has(portal.PeopleManage) {
		return nil, nil
	}
	sites := portal.Limit(tx.By.Sites)
	t, err := tx.Task(ctx, "access_to_decide", `
		SELECT NULL::date FROM access_requests q JOIN memberships m ON m.partner_id = q.partner_id AND m.person_id = q.person_id
		WHERE q.partner_id = $1 AND q.state = 'open' AND q.person_id <> $3 AND ($2::text[] IS NULL OR m.sites IS NULL OR m.sites && $2)`, tx.By.PartnerID, sites, tx.By.PersonID)
	if err != nil {
		return nil, err
	}
	list = append(list, t)
	t, err = tx.Task(ctx, "access_to_review", `
		SELECT r.due_at::date FROM review_items i JOIN reviews r ON r.partner_id = i.partner_id AND r.campaign_id = i.campaign_id
		WHERE i.partner_id = $1 AND i.verdict IS NULL AND r.closed_at IS NULL AND r.reviewers = 'partner' AND i.person_id <> $3 AND ($2::text[] IS NULL OR i.sites IS NULL OR i.sites && $2)`, tx.By.PartnerID, sites, tx.By.PersonID)
	if err != nil {
		return nil, err
	}
	return append(list, t), nil
}

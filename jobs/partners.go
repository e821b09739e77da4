package jobs

import (
	"context"

	"extranet/portal"
	"extranet/portal/partners"
)

var partnerEntities = []entity{
	{mirror: partners.Mirror, after: followContacts},
	{mirror: partners.Sites},
	{mirror: partners.Contacts, after: followContacts},
	{mirror: partners.Staff},
}

// followContacts lets in and out whom the core's contacts say may log on.
func followContacts(ctx context.Context, tx *portal.Tx, _ portal.Merged) error {
	return partners.FollowContacts(ctx, tx)
}

package jobs

import (
	"context"

	"extranet/portal"
	"extranet/portal/claims"
)

var claimEntities = []entity{
	{mirror: claims.Decisions, after: followClaims},
}

// followClaims brings claims in step with decisions and credit memos that the core has made.
func followClaims(ctx context.Context, tx *portal.Tx, _ portal.Merged) error {
	return claims.Follow(ctx, tx)
}

var claimCommands = []commandHandler{
	{name: claims.FileCommand, values: []string{"claim", "kind", "site", "currency", "reference", "lines"}, lists: map[string][]string{"lines": {"line", "product", "serial", "quantity", "claimed", "words", "facts"}}},
	{name: claims.DecideCommand, values: []string{"claim", "line", "outcome", "code", "amount", "currency", "site", "words", "invoice", "product", "description"}},
}

package jobs

import (
	"context"

	"extranet/portal"
	"extranet/portal/catalog"
)

var productEntities = []entity{
	{mirror: catalog.Mirror, after: recount},
	{mirror: catalog.ListPrices, after: tellWatchers},
	{mirror: catalog.SegmentPrices, after: tellWatchers},
	{mirror: catalog.Prices, after: tellWatchers},
	{mirror: catalog.Stock, after: tellWatchers},
	{mirror: catalog.Documents},
	{mirror: catalog.Links},
	{mirror: catalog.PartNumbers},
}

func recount(ctx context.Context, tx *portal.Tx, merged portal.Merged) error {
	if err := catalog.Recount(ctx, tx); err != nil {
		return err
	}
	return tellWatchers(ctx, tx, merged)
}

func tellWatchers(ctx context.Context, tx *portal.Tx, _ portal.Merged) error {
	return catalog.TellWatchers(ctx, tx)
}

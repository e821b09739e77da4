package jobs

import (
	"context"

	"extranet/portal"
	"extranet/portal/catalog"
)

var productEntities = []entity{
	{mirror: catalog.Mirror, after: recount},
	{mirror: catalog.ListPrices, after: tellOfPrices},
	{mirror: catalog.SegmentPrices, after: tellOfPrices},
	{mirror: catalog.Prices, after: tellOfPrices},
	{mirror: catalog.Stock, after: tellOfStock},
	{mirror: catalog.Documents},
	{mirror: catalog.Links},
	{mirror: catalog.PartNumbers},
}

func recount(ctx context.Context, tx *portal.Tx, _ portal.Merged) error {
	if err := catalog.Recount(ctx, tx); err != nil {
		return err
	}
	return catalog.TellWatchers(ctx, tx, false)
}

func tellOfStock(ctx context.Context, tx *portal.Tx, _ portal.Merged) error {
	return catalog.TellWatchers(ctx, tx, false)
}

func tellOfPrices(ctx context.Context, tx *portal.Tx, _ portal.Merged) error {
	return catalog.TellWatchers(ctx, tx, true)
}

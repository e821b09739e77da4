package jobs

import (
	"context"

	"extranet/portal"
	"extranet/portal/catalog"
)

var productEntities = []entity{
	{mirror: catalog.Mirror, after: countFacets},
	{mirror: catalog.ListPrices},
	{mirror: catalog.SegmentPrices},
	{mirror: catalog.Prices},
	{mirror: catalog.Stock},
	{mirror: catalog.Documents},
	{mirror: catalog.Links},
	{mirror: catalog.PartNumbers},
}

func countFacets(ctx context.Context, tx *portal.Tx, _ portal.Merged) error {
	return catalog.CountFacets(ctx, tx)
}

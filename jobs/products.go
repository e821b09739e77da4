package jobs

import "extranet/portal/catalog"

var productEntities = []entity{
	{mirror: catalog.Mirror},
}

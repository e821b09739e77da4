package jobs

import "extranet/portal/forecasts"

var forecastEntities = []entity{
	{mirror: forecasts.Mirror},
	{mirror: forecasts.History, with: "forecasts"},
	{mirror: forecasts.Inventory, with: "forecasts"},
}

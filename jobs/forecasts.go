package jobs

import "extranet/portal/forecasts"

var forecastEntities = []entity{
	{mirror: forecasts.Mirror},
	{mirror: forecasts.History, with: "forecasts"},
	{mirror: forecasts.Inventory, with: "forecasts"},
}

var forecastCommands = []commandHandler{
	{name: forecasts.CommitCommand, values: []string{"version", "by", "lines"}, lists: map[string][]string{"lines": {"product", "location", "starts_on", "quantity", "asked", "reason", "note"}}},
}

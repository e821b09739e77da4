package core

import "maps"

func init() {
	maps.Copy(columns, map[string]string{
		"forecasts":          "partner*+ version*+ product*+ location*+ published_at* plan_run site kind* unit price currency starts_on*+ quantity*",
		"demand_history":     "partner*+ product*+ location*+ kind*+ starts_on*+ quantity* received",
		"supplier_inventory": "partner*+ product*+ location*+ on_hand* in_transit*",
		"notices":            "partner*+ notice*+ kind* revision* title* description reason issued_on* effective_on first_ship_on last_buy_on last_ship_on withdrawn*",
		"notice_items":       "partner*+ notice*+ line*+ product* revision_from revision_to effective_on effective_lot effective_serial replacement description",
	})
}

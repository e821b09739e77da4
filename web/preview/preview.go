package preview

import (
	"time"

	"github.com/shopspring/decimal"

	"extranet/web"
)

type order struct {
	Number, PO, Site, State string
	Ordered, Promised       time.Time
	Tone                    web.Tone
	Icon                    web.Icon
	Total                   decimal.Decimal
}

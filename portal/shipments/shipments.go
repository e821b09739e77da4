// Package shipments holds what is on its way to partners: shipments, what is in
// them, and the packages they travel in. A shipment may carry lines of several orders.
package shipments

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"extranet/portal"
	"extranet/portal/orders"
)

// Mirror, Lines and Packages say how the core's shipments lie in the portal's database.
var (
	Mirror = portal.Mirror{
		Entity: "shipments", Table: "shipments", Key: []string{"shipment"}, Owned: true, Nouns: []string{"orders"},
		Columns: []portal.Column{
			{Name: "shipment", Required: true}, {Name: "site"}, {Name: "carrier"}, {Name: "service"}, {Name: "tracking"},
			{Name: "shipped_on", Type: portal.Day, Required: true}, {Name: "delivered_at", Type: portal.Stamp}, {Name: "received_by"},
		},
	}
	Lines = portal.Mirror{
		Entity: "shipment_lines", Table: "shipment_lines", Key: []string{"shipment", "line"}, Owned: true, Nouns: []string{"orders"},
		Columns: []portal.Column{
			{Name: "shipment", Required: true}, {Name: "line", Type: portal.Int, Required: true}, {Name: "order_number", Required: true},
			{Name: "order_line", Type: portal.Int}, {Name: "product"}, {Name: "quantity", Type: portal.Decimal, Required: true},
		},
	}
	Packages = portal.Mirror{
		Entity: "packages", Table: "packages", Key: []string{"shipment", "package"}, Owned: true, Nouns: []string{"orders"},
		Columns: []portal.Column{
			{Name: "shipment", Required: true}, {Name: "package", Required: true}, {Name: "carrier"}, {Name: "tracking"},
			{Name: "weight_kg", Type: portal.Decimal}, {Name: "sscc"},
		},
	}
)

// A Shipment is what left the host for one of the partner's sites, as far as it concerns one order.
type Shipment struct {
	Shipment    string      `json:"number" doc:"The host's number for the shipment"`
	Site        string      `json:"site" doc:"The site it goes to"`
	Carrier     string      `json:"carrier"`
	Service     string      `json:"service" doc:"The carrier's service"`
	Tracking    string      `json:"tracking" doc:"The carrier's number for the whole shipment"`
	ShippedOn   portal.Date `json:"shipped_on" doc:"Day it left the host" format:"date"`
	DeliveredAt *time.Time  `json:"delivered_at" doc:"When it arrived, UTC; null until then"`
	ReceivedBy  string      `json:"received_by" doc:"Who signed for it"`
	Lines       []Line      `json:"lines" doc:"What is in it of this order"`
	Packages    []Package   `json:"packages"`
}

// A Line is what a shipment holds of one order line.
type Line struct {
	Line      int64         `json:"line"`
	OrderLine *int64        `json:"order_line" doc:"The order's line; null where the core does not say"`
	Product   string        `json:"product"`
	Quantity  portal.Amount `json:"quantity" doc:"Exact decimal, in the order line's unit"`
}

// A Package is one piece that travels.
type Package struct {
	Package  string         `json:"number"`
	Carrier  string         `json:"carrier"`
	Tracking string         `json:"tracking" doc:"The carrier's number for this package"`
	WeightKg *portal.Amount `json:"weight_kg" nullable:"true" doc:"Kilograms; null where the core does not say"`
	SSCC     string         `json:"sscc" doc:"Serial shipping container code, GS1 General Specifications 3.3.1"`
}

// A Followed order is one with its shipments.
type Followed struct {
	orders.Detail
	Shipments []Shipment `json:"shipments" doc:"Oldest first"`
}

const ofOrder = `,
	(SELECT coalesce(json_agg(s ORDER BY s.shipped_on, s.number), '[]') FROM (
		SELECT s.shipment AS number, coalesce(s.site, '') AS site, coalesce(s.carrier, '') AS carrier, coalesce(s.service, '') AS service,
			coalesce(s.tracking, '') AS tracking, s.shipped_on, s.delivered_at, coalesce(s.received_by, '') AS received_by,
			(SELECT coalesce(json_agg(l ORDER BY l.line), '[]') FROM (
				SELECT line, order_line, coalesce(product, '') AS product, quantity::text AS quantity
				FROM shipment_lines WHERE partner_id = $1 AND shipment = s.shipment AND order_number = $2) l) AS lines,
			(SELECT coalesce(json_agg(p), '[]') FROM (
				SELECT package AS number, coalesce(carrier, '') AS carrier, coalesce(tracking, '') AS tracking, weight_kg::text AS weight_kg, coalesce(sscc, '') AS sscc
				FROM packages WHERE partner_id = $1 AND shipment = s.shipment ORDER BY package) p) AS packages
		FROM shipments s
		WHERE s.partner_id = $1 AND s.shipment IN (SELECT shipment FROM shipment_lines WHERE partner_id = $1 AND order_number = $2)) s) AS shipments`

// FollowJSON returns a Followed order as JSON. An order that is not there, is another partner's, or goes to a
// site beyond the caller's limits is NotFound.
func FollowJSON(ctx context.Context, tx *portal.Tx, number string) ([]byte, error) {
	return orders.GetJSON(ctx, tx, number, ofOrder)
}

// Follow returns one order with its lines, changes and shipments; see [FollowJSON].
func Follow(ctx context.Context, tx *portal.Tx, number string) (f Followed, err error) {
	doc, err := FollowJSON(ctx, tx, number)
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(doc, &f)
}

// An Event is one thing that happened to an order. At is midnight UTC where only the day is known.
type Event struct {
	At          time.Time
	DayOnly     bool   // the time of day is not known
	What        string // ordered, changed, shipped or delivered
	Field       string // what changed
	Was, Became string
	Ref         string // the shipment it speaks of
}

// Timeline is what happened to the order, in the order it happened. Of one day, what has only a day comes first.
func (f Followed) Timeline() []Event {
	all := []Event{{At: f.OrderedOn.Time(), DayOnly: true, What: "ordered"}}
	for _, c := range f.Changes {
		all = append(all, Event{At: c.At, What: "changed", Field: c.Field, Was: c.Was, Became: c.Became})
	}
	for _, s := range f.Shipments {
		all = append(all, Event{At: s.ShippedOn.Time(), DayOnly: true, What: "shipped", Ref: s.Shipment})
		if s.DeliveredAt != nil {
			all = append(all, Event{At: *s.DeliveredAt, What: "delivered", Ref: s.Shipment})
		}
	}
	slices.SortStableFunc(all, func(a, b Event) int { return a.At.Compare(b.At) })
	return all
}

// Package shipments holds what is on its way to partners: shipments, what is in
// them, and the packages they travel in. A shipment may carry lines of several orders.
package shipments

import (
	"context"
	"fmt"
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
	Shipment    string      `db:"shipment" json:"number" doc:"The host's number for the shipment"`
	Site        string      `db:"site" json:"site" doc:"The site it goes to"`
	Carrier     string      `db:"carrier" json:"carrier"`
	Service     string      `db:"service" json:"service" doc:"The carrier's service"`
	Tracking    string      `db:"tracking" json:"tracking" doc:"The carrier's number for the whole shipment"`
	ShippedOn   portal.Date `db:"shipped_on" json:"shipped_on" doc:"Day it left the host" format:"date"`
	DeliveredAt *time.Time  `db:"delivered_at" json:"delivered_at" doc:"When it arrived, UTC; null until then"`
	ReceivedBy  string      `db:"received_by" json:"received_by" doc:"Who signed for it"`
	Lines       []Line      `db:"-" json:"lines" doc:"What is in it of this order"`
	Packages    []Package   `db:"-" json:"packages"`
}

// A Line is what a shipment holds of one order line.
type Line struct {
	Shipment  string        `db:"shipment" json:"-"`
	Line      int64         `db:"line" json:"line"`
	OrderLine *int64        `db:"order_line" json:"order_line" doc:"The order's line; null where the core does not say"`
	Product   string        `db:"product" json:"product"`
	Quantity  portal.Amount `db:"quantity" json:"quantity" doc:"Exact decimal, in the order line's unit"`
}

// A Package is one piece that travels.
type Package struct {
	Shipment string         `db:"shipment" json:"-"`
	Package  string         `db:"package" json:"number"`
	Carrier  string         `db:"carrier" json:"carrier"`
	Tracking string         `db:"tracking" json:"tracking" doc:"The carrier's number for this package"`
	WeightKg *portal.Amount `db:"weight_kg" json:"weight_kg" nullable:"true" doc:"Kilograms; null where the core does not say"`
	SSCC     string         `db:"sscc" json:"sscc" doc:"Serial shipping container code, GS1 General Specifications 3.3.1"`
}

// A Followed order is one with its shipments, and what happened to it in the order it happened.
type Followed struct {
	orders.Detail
	Shipments []Shipment `json:"shipments" doc:"Oldest first"`
	Timeline  []Event    `json:"timeline" doc:"Oldest first"`
}

// An Event is one thing that happened to an order. At is midnight UTC where only the day is known.
type Event struct {
	At      time.Time `json:"at"`
	DayOnly bool      `json:"day_only" doc:"The time of day is not known"`
	What    string    `json:"what" enum:"ordered,changed,shipped,delivered"`
	Field   string    `json:"field,omitempty" doc:"What changed"`
	Was     string    `json:"was,omitempty"`
	Became  string    `json:"became,omitempty"`
	Ref     string    `json:"ref,omitempty" doc:"The shipment or order it speaks of"`
}

// Follow returns one order with its lines, shipments and timeline. An order that is not there, is
// another partner's, or goes to a site beyond the caller's limits is NotFound.
func Follow(ctx context.Context, tx *portal.Tx, number string) (f Followed, err error) {
	if f.Detail, err = orders.Get(ctx, tx, number); err != nil {
		return f, err
	}
	if f.Shipments, err = ofOrder(ctx, tx, number); err != nil {
		return f, err
	}
	f.Timeline = []Event{{At: f.OrderedOn.Time(), DayOnly: true, What: "ordered"}}
	for _, c := range f.Changes {
		f.Timeline = append(f.Timeline, Event{At: c.At, What: "changed", Field: c.Field, Was: c.Was, Became: c.Became})
	}
	for _, s := range f.Shipments {
		f.Timeline = append(f.Timeline, Event{At: s.ShippedOn.Time(), DayOnly: true, What: "shipped", Ref: s.Shipment})
		if s.DeliveredAt != nil {
			f.Timeline = append(f.Timeline, Event{At: *s.DeliveredAt, What: "delivered", Ref: s.Shipment})
		}
	}
	// Of one day, what has only a day comes first.
	slices.SortStableFunc(f.Timeline, func(a, b Event) int { return a.At.Compare(b.At) })
	return f, nil
}

// ofOrder lists the shipments that carry lines of the order, oldest first. The caller is
// one who may see the order: its sites are not checked again.
func ofOrder(ctx context.Context, tx *portal.Tx, order string) ([]Shipment, error) {
	list := []Shipment{}
	err := tx.Select(ctx, &list, `
		SELECT s.shipment, coalesce(s.site, '') AS site, coalesce(s.carrier, '') AS carrier, coalesce(s.service, '') AS service,
			coalesce(s.tracking, '') AS tracking, s.shipped_on::text AS shipped_on, s.delivered_at, coalesce(s.received_by, '') AS received_by
		FROM shipments s
		WHERE s.partner_id = $1 AND s.shipment IN (SELECT l.shipment FROM shipment_lines l WHERE l.partner_id = $1 AND l.order_number = $2)
		ORDER BY s.shipped_on, s.shipment
		LIMIT 500`, tx.By.PartnerID, order)
	if err != nil {
		return nil, fmt.Errorf("listing shipments of order: %w", err)
	}
	if len(list) == 0 {
		return list, nil
	}
	at, numbers := map[string]*Shipment{}, make([]string, len(list))
	for i := range list {
		list[i].Lines, list[i].Packages = []Line{}, []Package{}
		at[list[i].Shipment], numbers[i] = &list[i], list[i].Shipment
	}
	var lines []Line
	err = tx.Select(ctx, &lines, `
		SELECT shipment, line, order_line, coalesce(product, '') AS product, quantity
		FROM shipment_lines
		WHERE partner_id = $1 AND order_number = $2 AND shipment = ANY($3)
		ORDER BY shipment, line`, tx.By.PartnerID, order, numbers)
	if err != nil {
		return nil, fmt.Errorf("listing shipment lines: %w", err)
	}
	for _, l := range lines {
		at[l.Shipment].Lines = append(at[l.Shipment].Lines, l)
	}
	var packages []Package
	err = tx.Select(ctx, &packages, `
		SELECT shipment, package, coalesce(carrier, '') AS carrier, coalesce(tracking, '') AS tracking, weight_kg, coalesce(sscc, '') AS sscc
		FROM packages
		WHERE partner_id = $1 AND shipment = ANY($2)
		ORDER BY shipment, package`, tx.By.PartnerID, numbers)
	if err != nil {
		return nil, fmt.Errorf("listing packages: %w", err)
	}
	for _, p := range packages {
		at[p.Shipment].Packages = append(at[p.Shipment].Packages, p)
	}
	return list, nil
}

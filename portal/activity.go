package portal

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// areas are the parts of the portal whose use is counted, by the first word of a route and of an act.
var areas = map[string]string{
	"catalog": "catalog", "lookup": "catalog", "watched": "catalog", "documents": "catalog",
	"orders": "orders", "cart": "orders", "approvals": "orders", "placed": "orders", "templates": "orders", "ordering": "orders",
	"claims":  "claims",
	"finance": "account", "account": "account", "invoices": "account", "payments": "account",
	"forecasts":  "forecasts",
	"purchasing": "purchasing", "purchase-orders": "purchasing", "purchase-order-acceptances": "purchasing",
	"dispatches": "shipments", "dispatch": "shipments", "receipts": "shipments",
	"billing": "billing", "supplier-invoices": "billing", "supplier-payments": "billing",
	"supplies": "supplies", "scorecard": "scorecard",
	"notices": "changes", "given-notices": "changes",
	"people": "people", "tokens": "people", "invitation": "people", "membership": "people", "token": "people", "access": "people", "access-requests": "people",
	"audit": "log", "company": "company",
}

// Areas are the names of all areas, in the order in which they are told.
var Areas = []string{"catalog", "orders", "claims", "account", "forecasts", "purchasing", "shipments", "billing", "supplies", "scorecard", "changes", "people", "log", "company"}

// areaOf is the area of a route below its door's prefix, like /orders/:number, or of an act, like orders.place; "" is one that is not counted.
func areaOf(what string) string {
	first := strings.TrimPrefix(what, "/")
	if end := strings.IndexAny(first, "/."); end >= 0 {
		first = first[:end]
	}
	return areas[first]
}

// own reports whether the caller is one of the partner's own people or machines.
func (c Caller) own() bool { return c.PartnerID != 0 && !c.Host && !c.Viewing }

// Used remembers that the caller was answered at the route, given below its door's prefix. It is written a few seconds later.
func (db *DB) Used(by Caller, route string) {
	area := areaOf(route)
	if area == "" || !by.own() {
		return
	}
	k := sighting{by.PartnerID, area, by.Actor(), db.Now().UTC().Format(time.DateOnly)}
	s := db.sights
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.used[k]; known || len(s.used) < sightingsAtMost {
		s.used[k]++
	}
}

// did counts an act of the partner's own.
func (tx *Tx) did(ctx context.Context, partner int64, action string) error {
	area := areaOf(action)
	if area == "" || !tx.By.own() || tx.By.PartnerID != partner {
		return nil
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO activity AS a (partner_id, day, area, subject, done) VALUES ($1, ($2::timestamptz AT TIME ZONE 'UTC')::date, $3, $4, 1)
		ON CONFLICT (partner_id, day, area, subject) DO UPDATE SET done = a.done + 1`, partner, tx.Now, area, tx.By.Actor())
	if err != nil {
		return fmt.Errorf("counting an act: %w", err)
	}
	return nil
}

package catalog

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"extranet/portal"
)

// A watch with what is known now.
type watch struct {
	PartnerID int64         `db:"partner_id"`
	PersonID  uuid.UUID     `db:"person_id"`
	Email     string        `db:"email"`
	InStock   bool          `db:"in_stock"`
	IsInStock bool          `db:"is_in_stock"`
	WasPrice  portal.Amount `db:"was_price"`
	WasLife   string        `db:"was_life"`
	Becomes   string        `db:"becomes"`
	Terms
	Item
}

// TellWatchers mails those who watch a product when it came into stock or was sold out, when its price became another, or its state of life.
// Where prices cannot have moved, it asks for them only of what is told of anyway. Amounts are not mailed. tx is the worker's.
func TellWatchers(ctx context.Context, tx *portal.Tx, prices bool) error {
	var all []watch
	err := tx.Select(ctx, &all, `
		SELECT * FROM (
		SELECT w.partner_id, w.person_id, m.email, coalesce(w.in_stock, false) AS in_stock, w.unit_price AS was_price, coalesce(w.lifecycle, '') AS was_life, coalesce(p.lifecycle, '') AS becomes,
			p.product, p.name, p.pack_size, p.min_quantity, coalesce(t.currency, '') AS currency, coalesce(t.category, '') AS segment,
			coalesce((SELECT sum(available) > 0 FROM availability a WHERE a.product = w.product), false) AS is_in_stock
		FROM watches w
		JOIN products p USING (product)
		JOIN partners t ON t.partner_id = w.partner_id AND t.closed_at IS NULL
		JOIN memberships m ON m.partner_id = w.partner_id AND m.person_id = w.person_id AND m.ended_at IS NULL
		) w
		WHERE $1 OR is_in_stock <> in_stock OR becomes <> was_life
		ORDER BY partner_id, person_id, product`, prices)
	if err != nil || len(all) == 0 {
		return err
	}
	watched := map[int64]map[string]bool{} // by partner
	for _, w := range all {
		if watched[w.PartnerID] == nil {
			watched[w.PartnerID] = map[string]bool{}
		}
		watched[w.PartnerID][w.Product] = true
	}
	offers := map[int64]map[string][]Offer{}
	type person struct {
		partner int64
		id      uuid.UUID
	}
	said, address := map[person][]portal.Saying{}, map[person]string{}
	var order []person
	for _, w := range all {
		if offers[w.PartnerID] == nil {
			if offers[w.PartnerID], _, err = offersOf(ctx, tx, w.PartnerID, w.Terms, slices.Collect(maps.Keys(watched[w.PartnerID]))); err != nil {
				return err
			}
		}
		var price portal.Amount
		if o, ok := PriceOf(offers[w.PartnerID][w.Product], w.Least(), w.Currency, portal.DateOf(tx.Now)); ok {
			price = o.UnitPrice
		}
		var what []portal.Saying
		switch {
		case w.IsInStock && !w.InStock:
			what = append(what, portal.Say("is in stock again"))
		case !w.IsInStock && w.InStock:
			what = append(what, portal.Say("is sold out"))
		}
		if !price.Number().Equal(w.WasPrice.Number()) {
			what = append(what, portal.Say("has another price"))
		}
		if w.Becomes != w.WasLife {
			what = append(what, portal.Say("is now %s", portal.Say(strings.ReplaceAll(w.Becomes, "_", " "))))
		}
		if len(what) == 0 {
			continue
		}
		n, err := tx.Exec(ctx, `UPDATE watches SET in_stock = $4, unit_price = $5, lifecycle = $6 WHERE partner_id = $1 AND person_id = $2 AND product = $3
			AND coalesce(in_stock, false) = $7 AND unit_price IS NOT DISTINCT FROM $8 AND coalesce(lifecycle, '') = $9`, w.PartnerID, w.PersonID, w.Product, w.IsInStock, price, w.Becomes, w.InStock, w.WasPrice, w.WasLife)
		if err != nil {
			return fmt.Errorf("noting what is watched: %w", err)
		} else if n == 0 {
			continue // another feed's pass is telling of it
		}
		p := person{w.PartnerID, w.PersonID}
		if said[p] == nil {
			order = append(order, p)
		}
		address[p] = w.Email
		said[p] = append(said[p], portal.Say("%s (%s) %s.", w.Item.Name, w.Product, portal.Listed(what...)))
	}
	for _, p := range order {
		m := portal.Mail{To: address[p], Subject: portal.Say("%d products you watch have changed", len(said[p])), Text: []portal.Saying{portal.Lines(said[p]...)}, Path: "/watched"}
		if err := tx.MailFor(ctx, p.partner, m); err != nil {
			return err
		}
	}
	return nil
}

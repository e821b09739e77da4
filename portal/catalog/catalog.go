// Package catalog lets a dealer find what the host sells, and learn what it costs, where it lies and when it comes. Products, stock and list
// prices are the same for everybody; what is agreed with a partner, or holds for its segment, is that partner's.
package catalog

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"

	"extranet/portal"
)

// An Item is a product as a list shows it.
type Item struct {
	Product    string        `json:"product" db:"product" doc:"The host's number"`
	Name       string        `json:"name" db:"name"`
	PartNumber string        `json:"part_number" db:"-" doc:"The partner's own number for it; empty where there is none"`
	Barcode    string        `json:"barcode" db:"barcode"`
	Brand      string        `json:"brand" db:"brand"`
	Size       string        `json:"size" db:"size"`
	Category   string        `json:"category" db:"category"`
	Lifecycle  string        `json:"lifecycle" db:"lifecycle" doc:"As the host says it, such as active, phase_out or discontinued"`
	Unit       string        `json:"unit" db:"unit" doc:"Of every quantity"`
	PackSize   portal.Amount `json:"pack_size" db:"pack_size" doc:"Sold in multiples of this; empty where it does not matter"`
	PackUnit   string        `json:"pack_unit" db:"pack_unit"`
	Minimum    portal.Amount `json:"min_quantity" db:"min_quantity" doc:"The least that is sold at a time; empty where there is none"`
	LeadDays   *int          `json:"lead_time_days" db:"lead_time_days" doc:"Days until the host has more; null where it is not known"`
	Available  portal.Amount `json:"available" db:"-" doc:"What may still be sold, in all warehouses; empty where the host does not say"`
	NextOn     portal.Date   `json:"next_on" db:"-" doc:"Day of the next receipt of any warehouse" format:"date" nullable:"true"`
	Price      *Offer        `json:"price,omitempty" db:"-" doc:"What the least quantity costs this partner; left out where it is to be asked for, or may not be seen"`
}

// Least is the least quantity of it that is sold.
func (i Item) Least() decimal.Decimal {
	least := decimal.NewFromInt(1)
	for _, a := range []portal.Amount{i.PackSize, i.Minimum} {
		if n := a.Number(); n.GreaterThan(least) {
			least = n
		}
	}
	return least
}

const itemColumns = `p.product, p.name, coalesce(p.barcode, '') AS barcode, coalesce(p.brand, '') AS brand, coalesce(p.size, '') AS size, coalesce(p.category, '') AS category,
	coalesce(p.lifecycle, '') AS lifecycle, coalesce(p.unit, '') AS unit, p.pack_size, coalesce(p.pack_unit, '') AS pack_unit, p.min_quantity, p.lead_time_days`

// may returns Forbidden for who may not see the catalogue: it is the dealers', and the host's own.
func may(tx *portal.Tx) error {
	if tx.By.PartnerKind == "supplier" {
		return portal.Errorf(portal.Forbidden, "the catalogue is for the host's dealers")
	}
	return tx.Need(portal.CatalogRead)
}

// complete fills in what is not the product's own: stock, the partner's number and its price.
func complete(ctx context.Context, tx *portal.Tx, items []*Item) error {
	if len(items) == 0 {
		return nil
	}
	products, by := make([]string, 0, len(items)), map[string][]*Item{}
	for _, i := range items {
		if by[i.Product] == nil {
			products = append(products, i.Product)
		}
		by[i.Product] = append(by[i.Product], i)
	}
	var stock []struct {
		Product   string        `db:"product"`
		Available portal.Amount `db:"available"`
		NextOn    portal.Date   `db:"next_on"`
	}
	if err := tx.Select(ctx, &stock, `SELECT product, sum(available) AS available, min(next_on) AS next_on FROM availability WHERE product = ANY($1) GROUP BY product`, products); err != nil {
		return fmt.Errorf("reading stock: %w", err)
	}
	for _, s := range stock {
		for _, i := range by[s.Product] {
			i.Available, i.NextOn = s.Available, s.NextOn
		}
	}
	var numbers []struct {
		Product    string `db:"product"`
		PartNumber string `db:"part_number"`
	}
	if err := tx.Select(ctx, &numbers, `SELECT product, min(part_number) AS part_number FROM part_numbers WHERE partner_id = $1 AND product = ANY($2) GROUP BY product`, tx.By.PartnerID, products); err != nil {
		return fmt.Errorf("reading own numbers: %w", err)
	}
	for _, n := range numbers {
		for _, i := range by[n.Product] {
			i.PartNumber = n.PartNumber
		}
	}
	if !tx.By.Perms.Has(portal.PricesRead) {
		return nil
	}
	offers, terms, err := Offers(ctx, tx, products)
	if err != nil {
		return err
	}
	for _, i := range items {
		if o, ok := PriceOf(offers[i.Product], i.Least(), terms.Currency, portal.DateOf(tx.Now)); ok {
			i.Price = &o
		}
	}
	return nil
}

func pointers(items []Item) []*Item {
	out := make([]*Item, len(items))
	for i := range items {
		out[i] = &items[i]
	}
	return out
}

// assortment are the categories of products that the programmes of the caller's partner open; NULL = all. What is in no other is not there.
func assortment(tx *portal.Tx) any { return portal.Limit(tx.By.Categories) }

// itemsOf returns the products with these numbers, by number.
func itemsOf(ctx context.Context, tx *portal.Tx, products []string) (map[string]*Item, error) {
	var list []Item
	if err := tx.Select(ctx, &list, `SELECT `+itemColumns+` FROM products p WHERE p.product = ANY($1) AND ($2::text[] IS NULL OR p.category = ANY($2))`, products, assortment(tx)); err != nil {
		return nil, fmt.Errorf("reading products: %w", err)
	}
	by := make(map[string]*Item, len(list))
	for i := range list {
		by[list[i].Product] = &list[i]
	}
	return by, complete(ctx, tx, pointers(list))
}

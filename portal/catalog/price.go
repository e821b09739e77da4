package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"extranet/portal"
)

// An Offer is one price at which a product may be bought.
type Offer struct {
	Product      string        `json:"-" db:"product"`
	Kind         string        `json:"kind" db:"kind" enum:"contract,segment,promotion,list"`
	Name         string        `json:"name" db:"name" doc:"What the host calls it; may be empty"`
	Currency     string        `json:"currency" db:"currency" doc:"ISO 4217"`
	FromQuantity portal.Amount `json:"from_quantity" db:"from_quantity" doc:"It holds from this quantity on"`
	UnitPrice    portal.Amount `json:"unit_price" db:"unit_price" doc:"Exact decimal, without tax"`
	ValidFrom    portal.Date   `json:"valid_from" db:"valid_from" format:"date" nullable:"true"`
	ValidTo      portal.Date   `json:"valid_to" db:"valid_to" doc:"The last day" format:"date" nullable:"true"`
}

// kinds in the order in which they are preferred, whatever they cost: what was agreed with the partner, then what holds for its segment, then a
// promotion, then the list.
var kinds = []string{"contract", "segment", "promotion", "list"}

func (o Offer) holds(quantity decimal.Decimal, currency string, day portal.Date) bool {
	return o.Currency == currency && (o.ValidFrom == "" || o.ValidFrom <= day) && (o.ValidTo == "" || day <= o.ValidTo) && o.FromQuantity.Number().LessThanOrEqual(quantity)
}

// PriceOf chooses what a quantity costs apiece on a day: of the offers that hold, the most preferred kind; within it the greatest quantity
// reached, then the one that began last, then the lowest. ok is false where none holds: the price is to be asked for.
func PriceOf(offers []Offer, quantity decimal.Decimal, currency string, day portal.Date) (best Offer, ok bool) {
	for _, o := range offers {
		if o.holds(quantity, currency, day) && (!ok || o.before(best)) {
			best, ok = o, true
		}
	}
	return best, ok
}

// before reports whether o is preferred to p; both hold.
func (o Offer) before(p Offer) bool {
	if a, b := slices.Index(kinds, o.Kind), slices.Index(kinds, p.Kind); a != b {
		return a < b
	}
	if c := o.FromQuantity.Number().Cmp(p.FromQuantity.Number()); c != 0 {
		return c > 0
	}
	if o.ValidFrom != p.ValidFrom {
		return o.ValidFrom > p.ValidFrom
	}
	return o.UnitPrice.Number().LessThan(p.UnitPrice.Number())
}

// Ladder returns what each quantity costs apiece on the day, from the least one up: a step for each quantity at which the price becomes another.
func Ladder(offers []Offer, currency string, day portal.Date) (steps []Offer) {
	var from []decimal.Decimal
	for _, o := range offers {
		from = append(from, o.FromQuantity.Number())
	}
	slices.SortFunc(from, decimal.Decimal.Cmp)
	for _, q := range from {
		o, ok := PriceOf(offers, q, currency, day)
		if n := len(steps); ok && (n == 0 || steps[n-1].UnitPrice.Number().Cmp(o.UnitPrice.Number()) != 0) {
			o.FromQuantity = portal.Amount(q.String())
			steps = append(steps, o)
		}
	}
	return steps
}

// Terms are by what a partner buys.
type Terms struct {
	Currency string `db:"currency"`
	Segment  string `db:"segment"` // the partner's category
}

// TermsOf returns the caller's terms, and lets the transaction see what holds for its segment.
func TermsOf(ctx context.Context, tx *portal.Tx) (t Terms, err error) {
	err = tx.Get(ctx, &t, `SELECT coalesce(currency, '') AS currency, set_config('app.segment', coalesce(category, ''), true) AS segment FROM partners WHERE partner_id = $1`, tx.By.PartnerID)
	if err != nil {
		return t, fmt.Errorf("reading the partner's terms: %w", err)
	}
	return t, nil
}

const offerColumns = `product, kind, coalesce(name, '') AS name, currency, from_quantity, unit_price, valid_from, valid_to`

// Offers returns every offer of the products that the caller's partner may take today, by product.
func Offers(ctx context.Context, tx *portal.Tx, products []string) (by map[string][]Offer, t Terms, err error) {
	if err := tx.Need(portal.PricesRead); err != nil {
		return nil, t, err
	}
	if t, err = TermsOf(ctx, tx); err != nil {
		return nil, t, err
	}
	return offersOf(ctx, tx, tx.By.PartnerID, t, products)
}

func offersOf(ctx context.Context, tx *portal.Tx, partner int64, t Terms, products []string) (map[string][]Offer, Terms, error) {
	var list []Offer
	err := tx.Select(ctx, &list, `
		SELECT `+offerColumns+` FROM list_prices WHERE product = ANY($1) AND currency = $2 AND (valid_to IS NULL OR valid_to >= $3) UNION ALL
		SELECT `+offerColumns+` FROM segment_prices WHERE segment = $4 AND product = ANY($1) AND currency = $2 AND (valid_to IS NULL OR valid_to >= $3) UNION ALL
		SELECT `+offerColumns+` FROM prices WHERE partner_id = $5 AND product = ANY($1) AND currency = $2 AND (valid_to IS NULL OR valid_to >= $3)`,
		products, t.Currency, portal.DateOf(tx.Now), t.Segment, partner)
	if err != nil {
		return nil, t, fmt.Errorf("reading prices: %w", err)
	}
	by := make(map[string][]Offer, len(products))
	for _, o := range list {
		by[o.Product] = append(by[o.Product], o)
	}
	return by, t, nil
}

package notices

import (
	"context"
	"fmt"
	"slices"

	"github.com/lib/pq"

	"extranet/portal"
	"extranet/portal/forecasts"
	"extranet/portal/supplies"
)

// A Touch is something of the partner's business that a notice touches: an open line of a purchase order, a firm or trade-off bucket of the
// forecast, or stock: the host's, or what the supplier reported to have.
type Touch struct {
	What     string        `json:"what" enum:"order,firm,trade_off,on_hand,in_transit,at_supplier,in_process"`
	Product  string        `json:"product"`
	Document string        `json:"document" doc:"Order and line, version of the forecast, or empty"`
	Place    string        `json:"place" doc:"The location; of what is at the supplier, its site"`
	DueOn    portal.Date   `json:"due_on" format:"date" nullable:"true"`
	Quantity portal.Amount `json:"quantity"`
	Value    portal.Amount `json:"value" doc:"In money; stock at the price of the forecast, or of the latest order; empty where there is none"`
	Currency string        `json:"currency"`
}

// A Sum is how much of one thing is touched, in one currency; "" is what has no price.
type Sum struct {
	What     string        `json:"what" enum:"order,firm,trade_off,on_hand,in_transit,at_supplier,in_process"`
	Quantity portal.Amount `json:"quantity"`
	Value    portal.Amount `json:"value"`
	Currency string        `json:"currency"`
}

// touched finds what of the partner's business the items touch, each thing once: of several lines on one product the first that takes effect counts.
func touched(ctx context.Context, tx *portal.Tx, partner int64, items []Item) (list []Touch, err error) {
	list = []Touch{}
	from := map[string]portal.Date{}
	for _, i := range items {
		if d, known := from[i.Product]; !known || i.EffectiveOn < d {
			from[i.Product] = i.EffectiveOn
		}
	}
	if len(from) == 0 {
		return list, nil
	}
	var products pq.StringArray
	for p := range from {
		products = append(products, p)
	}
	slices.Sort(products)
	limit := portal.Limit(tx.By.Sites)
	var lines []struct {
		Order    string        `db:"order_number"`
		Line     int64         `db:"line"`
		Product  string        `db:"product"`
		Place    string        `db:"place"`
		DueOn    portal.Date   `db:"due_on"`
		Open     portal.Amount `db:"open"`
		Value    portal.Amount `db:"value"`
		Currency string        `db:"currency"`
	}
	if err := tx.Select(ctx, &lines, `SELECT l.order_number, l.line, l.product, coalesce(o.ship_to, '') AS place, coalesce(l.next_due_on, l.requested_on) AS due_on,
		l.quantity - l.received AS open, (l.quantity - l.received) * l.price AS value, o.currency
		FROM purchase_order_lines l JOIN purchase_orders o ON o.partner_id = l.partner_id AND o.number = l.order_number
		WHERE l.partner_id = $1 AND l.product = ANY($2) AND l.status = 'open' AND o.status = 'open' AND l.quantity > l.received AND ($3::text[] IS NULL OR o.site = ANY($3))
		ORDER BY l.product, due_on, l.order_number, l.line`, partner, products, limit); err != nil {
		return nil, fmt.Errorf("finding purchase orders: %w", err)
	}
	for _, l := range lines {
		if l.DueOn == "" || l.DueOn >= from[l.Product] {
			list = append(list, Touch{"order", l.Product, fmt.Sprintf("%s/%d", l.Order, l.Line), l.Place, l.DueOn, l.Open, l.Value, l.Currency})
		}
	}
	err = forecasts.Wanted(ctx, tx, partner, products, func(w forecasts.Want) {
		if w.Until > from[w.Product] { // the bucket's last day or a later one
			t := Touch{string(w.Zone), w.Product, w.Version, w.Location, w.StartsOn, w.Quantity, "", ""}
			if w.Price != "" {
				t.Value, t.Currency = times(w.Quantity, w.Price), w.Currency
			}
			list = append(list, t)
		}
	})
	if err != nil {
		return list, err
	}
	stock, err := stockOf(ctx, tx, partner, products)
	return append(list, stock...), err
}

func times(a, b portal.Amount) portal.Amount {
	return portal.Amount(a.Number().Mul(b.Number()).String())
}

// A worth is what one of a product is paid.
type worth struct {
	Product  string        `db:"product"`
	Price    portal.Amount `db:"price"`
	Currency string        `db:"currency"`
}

// worths are what one of each of the products is paid: in the current forecast, else in the latest order, as far as the caller's sites go.
func worths(ctx context.Context, tx *portal.Tx, partner int64, products pq.StringArray) (map[string]worth, error) {
	var list []worth
	if err := tx.Select(ctx, &list, `SELECT x.product, coalesce(f.price, l.price) AS price, coalesce(CASE WHEN f.price IS NOT NULL THEN f.currency ELSE l.currency END, '') AS currency
		FROM unnest($2::text[]) x (product)
		LEFT JOIN LATERAL (SELECT price, currency FROM forecasts WHERE partner_id = $1 AND product = x.product AND price IS NOT NULL AND currency IS NOT NULL AND ($3::text[] IS NULL OR site = ANY($3))
			ORDER BY published_at DESC LIMIT 1) f ON true
		LEFT JOIN LATERAL (SELECT p.price, o.currency FROM purchase_order_lines p JOIN purchase_orders o ON o.partner_id = p.partner_id AND o.number = p.order_number
			WHERE p.partner_id = $1 AND p.product = x.product AND ($3::text[] IS NULL OR o.site = ANY($3)) ORDER BY o.ordered_on DESC, o.number DESC LIMIT 1) l ON f.price IS NULL`, partner, products, portal.Limit(tx.By.Sites)); err != nil {
		return nil, fmt.Errorf("pricing stock: %w", err)
	}
	all := map[string]worth{}
	for _, w := range list {
		all[w.Product] = w
	}
	return all, nil
}

// stockOf is what the host has of the products, what is on its way there, and what the supplier reported to have and to be making. The host's is of no
// site of the supplier's: those limited to sites see the supplier's alone.
func stockOf(ctx context.Context, tx *portal.Tx, partner int64, products pq.StringArray) (list []Touch, err error) {
	paid, err := worths(ctx, tx, partner, products)
	if err != nil {
		return nil, err
	}
	add := func(what, product, place string, quantity portal.Amount) {
		if quantity.Number().IsZero() {
			return
		}
		t := Touch{what, product, "", place, "", quantity, "", ""}
		if w := paid[product]; w.Price != "" && w.Currency != "" {
			t.Value, t.Currency = times(quantity, w.Price), w.Currency
		}
		list = append(list, t)
	}
	if tx.By.Sites == nil {
		var stock []struct {
			Product   string        `db:"product"`
			Location  string        `db:"location"`
			OnHand    portal.Amount `db:"on_hand"`
			InTransit portal.Amount `db:"in_transit"`
		}
		if err := tx.Select(ctx, &stock, `SELECT product, location, on_hand, in_transit FROM supplier_inventory WHERE partner_id = $1 AND product = ANY($2) ORDER BY product, location`, partner, products); err != nil {
			return nil, fmt.Errorf("finding stock: %w", err)
		}
		for _, s := range stock {
			add("on_hand", s.Product, s.Location, s.OnHand)
			add("in_transit", s.Product, s.Location, s.InTransit)
		}
	}
	reported, err := supplies.OnHand(ctx, tx, partner, products)
	if err != nil {
		return nil, err
	}
	for _, s := range reported {
		add("at_supplier", s.Product, s.Site, s.OnHand)
		add("in_process", s.Product, s.Site, s.InProcess)
	}
	return list, nil
}

// sums adds up what is touched, by what it is and by currency.
func sums(list []Touch) []Sum {
	all := []Sum{}
	for _, t := range list {
		i := slices.IndexFunc(all, func(s Sum) bool { return s.What == t.What && s.Currency == t.Currency })
		if i < 0 {
			all = append(all, Sum{t.What, "0", "0", t.Currency})
			i = len(all) - 1
		}
		all[i].Quantity = portal.Amount(all[i].Quantity.Number().Add(t.Quantity.Number()).String())
		all[i].Value = portal.Amount(all[i].Value.Number().Add(t.Value.Number()).String())
	}
	return all
}

package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"extranet/portal"
)

// AskedAtMost is how many numbers are looked up at once.
const AskedAtMost = 1000

// An Asked number, with how many are wanted.
type Asked struct {
	Number   string        `json:"number" doc:"The host's number, the partner's own, or a barcode" minLength:"1" maxLength:"100"`
	Quantity portal.Amount `json:"quantity,omitempty" doc:"For the price of that many; the least quantity if left out" pattern:"^[0-9]{1,9}([.][0-9]{1,3})?$" maxLength:"13"`
}

// An Answer to one Asked number: what it is, or why it is none.
type Answer struct {
	Asked
	State string   `json:"state" enum:"found,several,none" doc:"several: it is the number of more than one product; say which"`
	By    string   `json:"by" enum:"number,part_number,barcode," doc:"By what it was found"`
	Item  *Item    `json:"product,omitempty" doc:"Left out unless found"`
	Price *Offer   `json:"price,omitempty" doc:"What the quantity asked for costs apiece; left out where it is to be asked for, or may not be seen"`
	Could []string `json:"could_be" doc:"The products it could be, where there are several"`
}

// Look up to 1,000 numbers up at once. There is an answer for each, in their order.
func Lookup(ctx context.Context, tx *portal.Tx, asked []Asked) ([]Answer, error) {
	if err := may(tx); err != nil {
		return nil, err
	}
	if len(asked) > AskedAtMost {
		return nil, &portal.Error{Kind: portal.Invalid, Msg: "this is too much at once", Fields: map[string]string{"numbers": fmt.Sprintf("must be at most %d", AskedAtMost)}}
	}
	return lookUp(ctx, tx, asked)
}

// Resolve is Lookup of as many as an upload may hold.
func Resolve(ctx context.Context, tx *portal.Tx, asked []Asked) ([]Answer, error) {
	if err := may(tx); err != nil {
		return nil, err
	}
	return lookUp(ctx, tx, asked)
}

func lookUp(ctx context.Context, tx *portal.Tx, asked []Asked) ([]Answer, error) {
	keys, bare := make([]string, len(asked)), make([]string, len(asked))
	for i, a := range asked {
		keys[i], bare[i] = compact(a.Number), strings.ReplaceAll(strings.TrimSpace(a.Number), " ", "")
	}
	var found []struct {
		Key     string `db:"key"`
		By      string `db:"by"`
		Product string `db:"product"`
	}
	// Each way has its own index, and is asked in order: the host's number, the partner's own, the barcode.
	err := tx.Select(ctx, &found, `
		SELECT number_search AS key, 'number' AS by, product FROM products WHERE number_search = ANY($2) UNION ALL
		SELECT number_search, 'part_number', product FROM part_numbers WHERE partner_id = $1 AND number_search = ANY($2) UNION ALL
		SELECT barcode, 'barcode', product FROM products WHERE barcode = ANY($3)`, tx.By.PartnerID, without(keys), without(bare))
	if err != nil {
		return nil, fmt.Errorf("looking numbers up: %w", err)
	}
	ways := map[string]map[string][]string{"number": {}, "part_number": {}, "barcode": {}}
	var products []string
	for _, f := range found {
		if ways[f.By][f.Key] = append(ways[f.By][f.Key], f.Product); !slices.Contains(ways[f.By][f.Key][:len(ways[f.By][f.Key])-1], f.Product) {
			products = append(products, f.Product)
		}
	}
	items, err := itemsOf(ctx, tx, products)
	if err != nil {
		return nil, err
	}
	var offers map[string][]Offer
	var terms Terms
	if tx.By.Perms.Has(portal.PricesRead) {
		if offers, terms, err = Offers(ctx, tx, products); err != nil {
			return nil, err
		}
	}
	answers := make([]Answer, len(asked))
	for i, a := range asked {
		answers[i] = Answer{Asked: a, State: "none", Could: []string{}}
		for _, way := range []struct{ by, key string }{{"number", keys[i]}, {"part_number", keys[i]}, {"barcode", bare[i]}} {
			of := slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(ways[way.by][way.key]))), func(p string) bool { return items[p] == nil })
			if len(of) > 1 && slices.Contains(of, strings.TrimSpace(a.Number)) { // written as one of them is
				of = []string{strings.TrimSpace(a.Number)}
			}
			if len(of) > 1 {
				answers[i].State, answers[i].By, answers[i].Could = "several", way.by, of
				break
			}
			if len(of) == 1 {
				answers[i].State, answers[i].By, answers[i].Item = "found", way.by, items[of[0]]
				quantity := answers[i].Item.Least()
				if q := a.Quantity.Number(); q.IsPositive() {
					quantity = q
				}
				answers[i].Price = priceAt(offers[of[0]], quantity, terms.Currency, portal.DateOf(tx.Now))
				break
			}
		}
	}
	return answers, nil
}

func priceAt(offers []Offer, quantity decimal.Decimal, currency string, day portal.Date) *Offer {
	if o, ok := PriceOf(offers, quantity, currency, day); ok {
		return &o
	}
	return nil
}

// without leaves out what is empty, and the second of two.
func without(keys []string) []string {
	out := make([]string, 0, len(keys))
	for _, k := range slices.Compact(slices.Sorted(slices.Values(keys))) {
		if k != "" && readable(k) {
			out = append(out, k)
		}
	}
	return out
}

// Products returns the items of these products, by number, for who may see the catalogue.
func Products(ctx context.Context, tx *portal.Tx, products []string) (map[string]*Item, error) {
	if err := may(tx); err != nil {
		return nil, err
	}
	return itemsOf(ctx, tx, products)
}

package orders

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"extranet/portal"
	"extranet/portal/catalog"
	"extranet/portal/partners"
)

// A Wanted line is one product that is to be ordered.
type Wanted struct {
	Line        int64         `json:"line" db:"line"`
	Product     string        `json:"product" db:"product" doc:"The host's number"`
	Quantity    portal.Amount `json:"quantity" db:"quantity"`
	Site        string        `json:"site" db:"site" doc:"Where it goes"`
	RequestedOn portal.Date   `json:"requested_on" db:"requested_on" doc:"Day it is wanted; null where any will do" format:"date" nullable:"true"`
}

// A CartLine is a wanted line with what it costs and whether it can be had, as of now.
type CartLine struct {
	Wanted
	Item    *catalog.Item  `json:"-"`
	Name    string         `json:"description"`
	Unit    string         `json:"unit"`
	Price   *catalog.Offer `json:"price,omitempty" doc:"Left out where it is to be asked for"`
	Net     portal.Amount  `json:"net" doc:"Exact decimal, without tax"`
	Short   portal.Amount  `json:"short" doc:"What of it is not in stock today and follows; empty where all is"`
	Problem string         `json:"problem" doc:"Why it cannot be ordered as it is, and how to cure it; empty where it can"`
}

// A Cart is what would be ordered, as of now.
type Cart struct {
	Lines    []CartLine    `json:"lines"`
	Currency string        `json:"currency"`
	Net      portal.Amount `json:"net" doc:"Of all lines, exact, without tax"`
	Checks   Checks        `json:"checks" doc:"What ordering it meets"`
	Seen     string        `json:"seen" doc:"Tells this state from another: sent with the order, what moved since is asked about"`
}

// Problems counts the lines that cannot be ordered as they are.
func (c Cart) Problems() (n int) {
	for _, l := range c.Lines {
		if l.Problem != "" {
			n++
		}
	}
	return n
}

// linesAtMost is how many lines a cart holds.
const linesAtMost = 5000

// ownerOf names whose cart it is: the person's, or the machine's.
func ownerOf(by portal.Caller) string {
	if by.PersonID != uuid.Nil {
		return by.PersonID.String()
	}
	return "machine " + by.Name
}

// mayOrder returns Forbidden for who may not order, or not see what it costs.
func mayOrder(tx *portal.Tx) error {
	if err := tx.Need(portal.OrdersPlace); err != nil {
		return err
	}
	return tx.Need(portal.PricesRead)
}

// sitesOf are the numbers of the sites that the caller may order for.
func sitesOf(ctx context.Context, tx *portal.Tx) ([]string, error) {
	list, err := partners.SitesOf(ctx, tx)
	if err != nil {
		return nil, err
	}
	var numbers []string
	for _, s := range list {
		if tx.By.MaySeeSite(s.Site) {
			numbers = append(numbers, s.Site)
		}
	}
	if len(list) == 0 && tx.By.Sites == nil { // a host that knows no sites ships to the partner
		return []string{tx.By.PartnerNumber}, nil
	}
	if len(numbers) == 0 {
		return nil, portal.Errorf(portal.Invalid, "there is no site that you may order for; your administrator can grant you one")
	}
	return numbers, nil
}

// usual is the site that lines go to which name none: the partner's own, or the first.
func usual(tx *portal.Tx, sites []string) string {
	if slices.Contains(sites, tx.By.PartnerNumber) {
		return tx.By.PartnerNumber
	}
	return sites[0]
}

// ShowCart returns the caller's cart with prices and stock as of now, and what ordering it meets.
func ShowCart(ctx context.Context, tx *portal.Tx) (c Cart, err error) {
	if c, err = cartOf(ctx, tx); err != nil {
		return c, err
	}
	c.Checks, err = check(ctx, tx, c)
	return c, err
}

func cartOf(ctx context.Context, tx *portal.Tx) (c Cart, err error) {
	if err := mayOrder(tx); err != nil {
		return c, err
	}
	var lines []Wanted
	err = tx.Select(ctx, &lines, `SELECT line, product, quantity, site, requested_on FROM cart_lines WHERE partner_id = $1 AND owner = $2 ORDER BY line`, tx.By.PartnerID, ownerOf(tx.By))
	if err != nil {
		return c, fmt.Errorf("reading the cart: %w", err)
	}
	return quote(ctx, tx, lines)
}

// quote says what the lines cost and whether they can be had.
func quote(ctx context.Context, tx *portal.Tx, wanted []Wanted) (c Cart, err error) {
	c.Lines = []CartLine{}
	products := make([]string, 0, len(wanted))
	total := map[string]decimal.Decimal{} // of a product over all lines: breaks and stock are by that
	for _, w := range wanted {
		products = append(products, w.Product)
		total[w.Product] = total[w.Product].Add(w.Quantity.Number())
	}
	products = slices.Compact(slices.Sorted(slices.Values(products)))
	items, err := catalog.Products(ctx, tx, products)
	if err != nil {
		return c, err
	}
	offers, terms, err := catalog.Offers(ctx, tx, products)
	if err != nil {
		return c, err
	}
	var sites []string
	if len(wanted) > 0 {
		if sites, err = sitesOf(ctx, tx); err != nil {
			return c, err
		}
	}
	c.Currency = terms.Currency
	left, sum, today := map[string]decimal.Decimal{}, decimal.Zero, portal.DateOf(tx.Now)
	for _, i := range items {
		left[i.Product] = i.Available.Number()
	}
	var seen strings.Builder
	for _, w := range wanted {
		l := CartLine{Wanted: w, Item: items[w.Product], Name: w.Product}
		n := w.Quantity.Number()
		if l.Item != nil {
			l.Name, l.Unit = l.Item.Name, l.Item.Unit
			if o, ok := catalog.PriceOf(offers[w.Product], total[w.Product], terms.Currency, today); ok {
				l.Price, l.Net = &o, portal.Amount(o.UnitPrice.Number().Mul(n).Round(2).StringFixed(2))
				sum = sum.Add(l.Net.Number())
			}
			if l.Item.Available != "" && left[w.Product].LessThan(n) {
				l.Short = portal.Amount(n.Sub(decimal.Max(left[w.Product], decimal.Zero)).String())
			}
			left[w.Product] = left[w.Product].Sub(n)
		}
		l.Problem = problem(l, sites, today)
		price := ""
		if l.Price != nil {
			price = string(l.Price.UnitPrice)
		}
		fmt.Fprintf(&seen, "%d/%s/%s/%s;", w.Line, w.Quantity.Number(), price, l.Short)
		c.Lines = append(c.Lines, l)
	}
	c.Net, c.Seen = portal.Amount(sum.StringFixed(2)), seen.String()
	return c, nil
}

// problem says why a line cannot be ordered as it is.
func problem(l CartLine, sites []string, today portal.Date) string {
	n := l.Quantity.Number()
	switch {
	case l.Item == nil:
		return "the host no longer sells this product; remove the line"
	case l.Item.Lifecycle == "discontinued" && l.Item.Available != "" && l.Short != "":
		return "this product is discontinued and no longer in stock in this quantity; order less, or an alternate"
	case !fits(n, l.Item.PackSize):
		return fmt.Sprintf("is sold in packs of %v: order %v", l.Item.PackSize.Number(), upTo(n, *l.Item))
	case n.LessThan(l.Item.Minimum.Number()):
		return fmt.Sprintf("at least %v are sold: order %v", l.Item.Minimum.Number(), upTo(n, *l.Item))
	case l.Price == nil:
		return "its price is on request; ask your contact at the host, and remove the line"
	case !slices.Contains(sites, l.Site):
		return fmt.Sprintf("there is no site %q that you may order for; choose another", l.Site)
	case l.RequestedOn != "" && l.RequestedOn < today:
		return "the day it is wanted is over; choose another"
	}
	return ""
}

func fits(n decimal.Decimal, pack portal.Amount) bool {
	p := pack.Number()
	return !p.IsPositive() || n.Mod(p).IsZero()
}

// upTo is the least quantity not below n in which the item is sold.
func upTo(n decimal.Decimal, i catalog.Item) decimal.Decimal {
	n = decimal.Max(n, i.Minimum.Number())
	if p := i.PackSize.Number(); p.IsPositive() {
		n = n.Div(p).Ceil().Mul(p)
	}
	return n
}

// A New line for the cart, as it was asked for.
type New struct {
	Number      string        `json:"number" doc:"The host's number, the partner's own, or a barcode" minLength:"1" maxLength:"100"`
	Quantity    portal.Amount `json:"quantity" pattern:"^[0-9]{1,9}([.][0-9]{1,3})?$" maxLength:"13"`
	Site        string        `json:"site,omitempty" doc:"Where it goes; the partner's usual site if left out" maxLength:"100"`
	RequestedOn portal.Date   `json:"requested_on,omitempty" doc:"Day it is wanted" format:"date" maxLength:"10"`
}

// Taken says what became of a New line.
type Taken struct {
	Row     int           `json:"row" doc:"Of the file or list, from 1"`
	Asked   New           `json:"asked"`
	State   string        `json:"state" enum:"taken,corrected,refused"`
	Column  string        `json:"column" doc:"What of it is wrong or was corrected: number, quantity, site or requested_on"`
	Reason  string        `json:"reason" doc:"Why, and how to cure it"`
	Product string        `json:"product" doc:"What it was taken for"`
	Became  portal.Amount `json:"quantity" doc:"The quantity that was taken"`
	Typed   *Typed        `json:"typed,omitempty" doc:"Of a list: what stood there and could not be read"`
}

// Typed is what a list says that cannot be read as a quantity or a day.
type Typed struct {
	Quantity    string `json:"quantity"`
	RequestedOn string `json:"requested_on"`
}

const quantityAtMost = 999_999_999

// AddToCart takes the lines into the caller's cart. Each is taken, corrected to what is sold, or refused with the reason; a product that is
// there for the same site and day already is added up.
func AddToCart(ctx context.Context, tx *portal.Tx, lines []New) ([]Taken, error) {
	if err := mayOrder(tx); err != nil {
		return nil, err
	}
	taken, wanted, err := take(ctx, tx, lines)
	if err != nil {
		return nil, err
	}
	return taken, putIn(ctx, tx, wanted)
}

// take finds what each line means.
func take(ctx context.Context, tx *portal.Tx, lines []New) (taken []Taken, wanted []Wanted, err error) {
	if len(lines) > linesAtMost {
		return nil, nil, portal.Errorf(portal.Invalid, "at most %d lines at once; send them in parts", linesAtMost)
	}
	sites, err := sitesOf(ctx, tx)
	if err != nil {
		return nil, nil, err
	}
	asked := make([]catalog.Asked, len(lines))
	for i, l := range lines {
		asked[i] = catalog.Asked{Number: l.Number}
	}
	answers, err := catalog.Resolve(ctx, tx, asked)
	if err != nil {
		return nil, nil, err
	}
	today := portal.DateOf(tx.Now)
	taken = make([]Taken, 0, len(lines))
	for i, l := range lines {
		t := Taken{Row: i + 1, Asked: l, State: "taken"}
		refuse := func(column, format string, a ...any) {
			if t.State != "refused" {
				t.State, t.Column, t.Reason = "refused", column, fmt.Sprintf(format, a...)
			}
		}
		w := Wanted{Site: l.Site, RequestedOn: l.RequestedOn}
		if w.Site == "" {
			w.Site = usual(tx, sites)
		}
		n, err := decimal.NewFromString(string(l.Quantity))
		switch item := answers[i].Item; {
		case strings.TrimSpace(l.Number) == "":
			refuse("number", "is missing")
		case answers[i].State == "none":
			refuse("number", "there is no product with the number %q", l.Number)
		case answers[i].State == "several":
			refuse("number", "is the number of several products; write one of %s", strings.Join(answers[i].Could, ", "))
		case l.Quantity == "":
			refuse("quantity", "is missing")
		case err != nil || !n.IsPositive() || n.GreaterThan(decimal.NewFromInt(quantityAtMost)) || !n.Equal(n.Round(3)):
			refuse("quantity", "%q is no quantity; write a number above 0 with at most 3 digits after the point", l.Quantity)
		case !slices.Contains(sites, w.Site):
			refuse("site", "there is no site %q that you may order for; choose from %s", l.Site, strings.Join(sites[:min(len(sites), 10)], ", "))
		case l.RequestedOn != "" && l.RequestedOn < today:
			refuse("requested_on", "%s is over; write a day to come", l.RequestedOn)
		default:
			if item.Lifecycle == "discontinued" && item.Available != "" && item.Available.Number().LessThan(n) {
				refuse("number", "%s is discontinued, and only %v are left", item.Product, item.Available.Number())
				break
			}
			w.Product = item.Product
			if up := upTo(n, *item); !up.Equal(n) {
				t.State, t.Column, t.Reason = "corrected", "quantity", fmt.Sprintf("%v became %v: it is sold in packs of %v", n, up, decimal.Max(item.PackSize.Number(), decimal.NewFromInt(1)))
				if item.Minimum.Number().Equal(up) {
					t.Reason = fmt.Sprintf("%v became %v: that is the least", n, up)
				}
				n = up
			}
			w.Quantity = portal.Amount(n.String())
			t.Product, t.Became = w.Product, w.Quantity
			wanted = append(wanted, w)
		}
		taken = append(taken, t)
	}
	return taken, wanted, nil
}

// lockCart lets one at a time change the caller's cart.
func lockCart(ctx context.Context, tx *portal.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('cart ' || $1 || ' ' || $2, 0))`, fmt.Sprint(tx.By.PartnerID), ownerOf(tx.By))
	return err
}

func putIn(ctx context.Context, tx *portal.Tx, wanted []Wanted) error {
	if len(wanted) == 0 {
		return nil
	}
	if err := lockCart(ctx, tx); err != nil {
		return fmt.Errorf("opening the cart: %w", err)
	}
	var there []Wanted
	if err := tx.Select(ctx, &there, `SELECT line, product, quantity, site, requested_on FROM cart_lines WHERE partner_id = $1 AND owner = $2 ORDER BY line`, tx.By.PartnerID, ownerOf(tx.By)); err != nil {
		return fmt.Errorf("reading the cart: %w", err)
	}
	type place struct {
		product, site string
		day           portal.Date
	}
	at, last := map[place]int{}, int64(0)
	for i, w := range there {
		at[place{w.Product, w.Site, w.RequestedOn}], last = i, w.Line
	}
	for _, w := range wanted {
		p := place{w.Product, w.Site, w.RequestedOn}
		if i, ok := at[p]; ok {
			there[i].Quantity = portal.Amount(there[i].Quantity.Number().Add(w.Quantity.Number()).String())
			continue
		}
		last++
		w.Line = last
		at[p] = len(there)
		there = append(there, w)
	}
	if len(there) > linesAtMost {
		return portal.Errorf(portal.Conflict, "a cart holds %d lines at most; place it, or remove some", linesAtMost)
	}
	text, err := json.Marshal(there)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO cart_lines AS c (partner_id, owner, line, product, quantity, site, requested_on, added_at)
		SELECT $1, $2, w.line, w.product, w.quantity, w.site, w.requested_on, $4 FROM json_to_recordset($3::json) w (line bigint, product text, quantity numeric, site text, requested_on date)
		ON CONFLICT (partner_id, owner, line) DO UPDATE SET quantity = excluded.quantity`, tx.By.PartnerID, ownerOf(tx.By), string(text), tx.Now)
	if err != nil {
		return fmt.Errorf("filling the cart: %w", err)
	}
	return nil
}

// ChangeLines sets the quantity, site and day of lines of the caller's cart; quantity "0" removes one. A line that is not there is NotFound, and
// nothing is changed where one cannot be.
func ChangeLines(ctx context.Context, tx *portal.Tx, lines ...Wanted) error {
	if err := mayOrder(tx); err != nil {
		return err
	}
	sites, err := sitesOf(ctx, tx)
	if err != nil {
		return err
	}
	bad := map[string]string{}
	for _, w := range lines {
		n, err := decimal.NewFromString(string(w.Quantity))
		if err != nil || n.IsNegative() || n.GreaterThan(decimal.NewFromInt(quantityAtMost)) || !n.Equal(n.Round(3)) {
			bad[fmt.Sprintf("quantity-%d", w.Line)] = fmt.Sprintf("Line %d: %q is no quantity", w.Line, w.Quantity)
		}
		if _, err := portal.ParseDate(string(w.RequestedOn)); err != nil {
			bad[fmt.Sprintf("requested_on-%d", w.Line)] = fmt.Sprintf("Line %d: %s", w.Line, portal.Says(err).Msg)
		}
		if !slices.Contains(sites, w.Site) {
			return portal.Errorf(portal.NotFound, "there is no such site")
		}
	}
	if len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this line cannot be changed", Fields: bad}
	}
	if err := lockCart(ctx, tx); err != nil {
		return fmt.Errorf("opening the cart: %w", err)
	}
	text, err := json.Marshal(lines)
	if err != nil {
		return err
	}
	var there int
	err = tx.Get(ctx, &there, `
		WITH wanted AS (SELECT * FROM json_to_recordset($3::json) w (line bigint, quantity numeric, site text, requested_on date)),
		changed AS (UPDATE cart_lines c SET quantity = w.quantity, site = w.site, requested_on = w.requested_on FROM wanted w WHERE c.partner_id = $1 AND c.owner = $2 AND c.line = w.line AND w.quantity > 0 RETURNING 1),
		removed AS (DELETE FROM cart_lines c USING wanted w WHERE c.partner_id = $1 AND c.owner = $2 AND c.line = w.line AND w.quantity = 0 RETURNING 1)
		SELECT (SELECT count(*) FROM changed) + (SELECT count(*) FROM removed)`, tx.By.PartnerID, ownerOf(tx.By), string(text))
	if err != nil {
		return fmt.Errorf("changing the cart: %w", err)
	}
	if there != len(lines) {
		return portal.Errorf(portal.NotFound, "there is no such line in your cart")
	}
	return nil
}

// EmptyCart takes everything out of the caller's cart, and what stands beside it.
func EmptyCart(ctx context.Context, tx *portal.Tx) error {
	if err := mayOrder(tx); err != nil {
		return err
	}
	for _, query := range []string{`DELETE FROM cart_lines WHERE partner_id = $1 AND owner = $2`, `DELETE FROM carts WHERE partner_id = $1 AND owner = $2`} {
		if _, err := tx.Exec(ctx, query, tx.By.PartnerID, ownerOf(tx.By)); err != nil {
			return fmt.Errorf("emptying the cart: %w", err)
		}
	}
	return nil
}

// Reorder puts the lines of an order into the caller's cart, or those of the given numbers alone. An order that the caller may not see is NotFound.
func Reorder(ctx context.Context, tx *portal.Tx, number string, lines []int64) ([]Taken, error) {
	d, err := Get(ctx, tx, number)
	if err != nil {
		return nil, err
	}
	var again []New
	for _, l := range d.Lines {
		if len(lines) > 0 && !slices.Contains(lines, l.Line) || l.Product == "" {
			continue
		}
		again = append(again, New{Number: l.Product, Quantity: portal.Amount(l.Ordered.Number().String()), Site: d.Site})
	}
	if len(again) == 0 {
		return nil, portal.Errorf(portal.Invalid, "there is no product in these lines that could be ordered again")
	}
	return AddToCart(ctx, tx, again)
}

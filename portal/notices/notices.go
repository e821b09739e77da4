// Package notices carries engineering changes between the host and its partners: what changes on which product from when, what of
// a partner's business it touches, and what each side answered.
package notices

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lib/pq"

	"extranet/portal"
	"extranet/portal/forecasts"
)

// Kinds of notices: a change of product or process, a change of a drawing or specification, the end of a product's life.
var Kinds = []string{"pcn", "ecn", "eol"}

// Mirror and Items say how the host's notices lie in the portal's database.
var (
	Mirror = portal.Mirror{
		Entity: "notices", Table: "notices", Key: []string{"notice", portal.SupplierColumn}, Owned: true, Nouns: []string{"notices"},
		Track: []string{"revision", "effective_on", "first_ship_on", "last_buy_on", "last_ship_on", "withdrawn"}, Noun: "notices", Doc: "notice",
		Columns: []portal.Column{
			{Name: "notice", Required: true}, {Name: portal.SupplierColumn, Required: true}, {Name: "kind", Required: true, OneOf: Kinds}, {Name: "revision", Required: true},
			{Name: "title", Required: true}, {Name: "description"}, {Name: "reason"}, {Name: "issued_on", Type: portal.Day, Required: true},
			{Name: "effective_on", Type: portal.Day}, {Name: "first_ship_on", Type: portal.Day}, {Name: "last_buy_on", Type: portal.Day}, {Name: "last_ship_on", Type: portal.Day},
			{Name: "withdrawn", Type: portal.Bool, Required: true},
		},
	}
	Items = portal.Mirror{
		Entity: "notice_items", Table: "notice_items", Key: []string{"notice", "line", portal.SupplierColumn}, Owned: true, Nouns: []string{"notices"},
		Columns: []portal.Column{
			{Name: "notice", Required: true}, {Name: "line", Type: portal.Int, Required: true}, {Name: portal.SupplierColumn, Required: true}, {Name: "product", Required: true},
			{Name: "revision_from"}, {Name: "revision_to"}, {Name: "effective_on", Type: portal.Day}, {Name: "effective_lot"}, {Name: "effective_serial"},
			{Name: "replacement"}, {Name: "description"},
		},
	}
)

var notThere = portal.Errorf(portal.NotFound, "there is no notice with this number")

// A Head is a notice as a list shows it.
type Head struct {
	Notice        string      `db:"notice" json:"notice"`
	Kind          string      `db:"kind" json:"kind" enum:"pcn,ecn,eol"`
	Revision      string      `db:"revision" json:"revision"`
	Title         string      `db:"title" json:"title"`
	IssuedOn      portal.Date `db:"issued_on" json:"issued_on" format:"date"`
	EffectiveOn   portal.Date `db:"effective_on" json:"effective_on" format:"date" nullable:"true"`
	FirstShipOn   portal.Date `db:"first_ship_on" json:"first_ship_on" format:"date" nullable:"true" doc:"When the first changed shipment leaves"`
	LastBuyOn     portal.Date `db:"last_buy_on" json:"last_buy_on" format:"date" nullable:"true"`
	LastShipOn    portal.Date `db:"last_ship_on" json:"last_ship_on" format:"date" nullable:"true"`
	Withdrawn     bool        `db:"withdrawn" json:"withdrawn"`
	AcknowledgeBy portal.Date `db:"acknowledge_by" json:"acknowledge_by" format:"date" doc:"Until the end of this day receipt is to be acknowledged"`
	ShipsFrom     portal.Date `db:"ships_from" json:"ships_from" format:"date" doc:"The first day on which a changed shipment is early enough announced"`
	Verdict       string      `db:"verdict" json:"verdict" doc:"Of the last answer; empty where there is none, silence where it was due"`
	Partner       string      `db:"number" json:"partner" doc:"The partner's account number"`
	PartnerName   string      `db:"name" json:"partner_name"`
}

// TooSoon reports whether the change ships before the time that was agreed.
func (h Head) TooSoon() bool { return h.FirstShipOn != "" && h.FirstShipOn < h.ShipsFrom }

const headColumns = `n.notice, n.kind, n.revision, n.title, n.issued_on, n.effective_on, n.first_ship_on, n.last_buy_on, n.last_ship_on, n.withdrawn,
	n.issued_on + coalesce(p.acknowledge_days, 30) AS acknowledge_by, n.issued_on + coalesce(p.notice_days, 90) AS ships_from, coalesce(a.verdict, '') AS verdict, r.number, r.name`

const headTables = ` FROM notices n JOIN partners r ON r.partner_id = n.partner_id LEFT JOIN notice_policies p ON p.partner_id = n.partner_id
	LEFT JOIN LATERAL (SELECT verdict FROM notice_answers a WHERE a.partner_id = n.partner_id AND a.notice = n.notice ORDER BY answer DESC LIMIT 1) a ON true `

// A Page is one stretch of a list; Next is the cursor of the one after it, "" = there is none.
type Page struct {
	Items []Head `json:"items"`
	Next  string `json:"next" doc:"Cursor of the next page; empty = this is the last"`
}

const onPage = 50

func (p *Page) cut() {
	if len(p.Items) > onPage {
		p.Items = p.Items[:onPage]
		last := p.Items[onPage-1]
		p.Next = string(last.IssuedOn) + "~" + last.Notice
	}
}

func cursor(s string) (day portal.Date, notice string, err error) {
	if s == "" {
		return "9999-12-31", "", nil
	}
	d, notice, ok := strings.Cut(s, "~")
	if day, err = portal.ParseDate(d); err != nil || !ok || day == "" || strings.ContainsRune(notice, 0) {
		return "", "", &portal.Error{Kind: portal.Invalid, Msg: "this list cannot be made", Fields: map[string]string{"cursor": "is not one that this list gave; begin again without it"}}
	}
	return day, notice, nil
}

// List returns the notices to the caller's company, the latest first.
func List(ctx context.Context, tx *portal.Tx, after string) (p Page, err error) {
	if err := tx.Need(portal.NoticesRead); err != nil {
		return p, err
	}
	day, notice, err := cursor(after)
	if err != nil {
		return p, err
	}
	p.Items = []Head{}
	err = tx.Select(ctx, &p.Items, `SELECT `+headColumns+headTables+`WHERE n.partner_id = $1 AND (n.issued_on, n.notice) < ($2::date, $3::text) ORDER BY n.issued_on DESC, n.notice DESC LIMIT 51`, tx.By.PartnerID, day, notice)
	if err != nil {
		return p, fmt.Errorf("listing notices: %w", err)
	}
	p.cut()
	return p, nil
}

// ListAll returns the notices to all partners, the latest first, at most 500; it is for the host's staff.
func ListAll(ctx context.Context, tx *portal.Tx) (list []Head, err error) {
	if err := tx.Need(portal.NoticesManage); err != nil {
		return nil, err
	}
	list = []Head{}
	if err = tx.Select(ctx, &list, `SELECT `+headColumns+headTables+`ORDER BY n.issued_on DESC, n.notice DESC, r.number LIMIT 500`); err != nil {
		return nil, fmt.Errorf("listing notices: %w", err)
	}
	return list, nil
}

// An Item is a product that a notice is about.
type Item struct {
	Line            int64       `db:"line" json:"line"`
	Product         string      `db:"product" json:"product"`
	Name            string      `db:"name" json:"name"`
	RevisionFrom    string      `db:"revision_from" json:"revision_from"`
	RevisionTo      string      `db:"revision_to" json:"revision_to"`
	EffectiveOn     portal.Date `db:"effective_on" json:"effective_on" format:"date" nullable:"true" doc:"From this day; of the notice where the item has none"`
	EffectiveLot    string      `db:"effective_lot" json:"effective_lot" doc:"From this lot"`
	EffectiveSerial string      `db:"effective_serial" json:"effective_serial" doc:"From this serial number"`
	Replacement     string      `db:"replacement" json:"replacement"`
	Description     string      `db:"description" json:"description"`
}

// A Touch is something of the partner's business that a notice touches: an open line of a purchase order, a firm or trade-off bucket of the
// forecast, or stock.
type Touch struct {
	What     string        `json:"what" enum:"order,firm,trade_off,on_hand,in_transit"`
	Product  string        `json:"product"`
	Document string        `json:"document" doc:"Order and line, version of the forecast, or empty"`
	Place    string        `json:"place" doc:"The location"`
	DueOn    portal.Date   `json:"due_on" format:"date" nullable:"true"`
	Quantity portal.Amount `json:"quantity"`
	Value    portal.Amount `json:"value" doc:"In money; empty where there is no price"`
	Currency string        `json:"currency"`
}

// A Sum is how much of one thing is touched, in one currency; "" is what has no price.
type Sum struct {
	What     string        `json:"what" enum:"order,firm,trade_off,on_hand,in_transit"`
	Quantity portal.Amount `json:"quantity"`
	Value    portal.Amount `json:"value"`
	Currency string        `json:"currency"`
}

// A Change is what the portal saw become another about a notice.
type Change struct {
	At     time.Time `db:"at" json:"at"`
	Field  string    `db:"field" json:"field"`
	Was    string    `db:"was" json:"was"`
	Became string    `db:"became" json:"became"`
}

// A Detail is a notice with all that belongs to it. Touched lists what is due on or after the day on which an item takes effect, and all stock.
type Detail struct {
	Head
	Description string   `db:"description" json:"description"`
	Reason      string   `db:"reason" json:"reason"`
	Items       []Item   `db:"-" json:"items"`
	Touched     []Touch  `db:"-" json:"touched"`
	Sums        []Sum    `db:"-" json:"sums"`
	Answers     []Answer `db:"-" json:"answers" doc:"Every one, the latest first"`
	Changes     []Change `db:"-" json:"changes" doc:"Of the notice, the latest first"`
	Policy      Policy   `db:"-" json:"policy"`
}

// Get returns a notice to the caller's company, and what of its business it touches. One that is not there is NotFound.
func Get(ctx context.Context, tx *portal.Tx, notice string) (d Detail, err error) {
	if err := tx.Need(portal.NoticesRead); err != nil {
		return d, err
	}
	return get(ctx, tx, tx.By.PartnerID, notice)
}

// GetOf is Get of any partner's, by its account number, for the host's staff.
func GetOf(ctx context.Context, tx *portal.Tx, number, notice string) (d Detail, err error) {
	if err := tx.Need(portal.NoticesManage); err != nil {
		return d, err
	}
	var partner int64
	err = tx.Get(ctx, &partner, `SELECT coalesce((SELECT partner_id FROM partners WHERE number = $1), 0)`, number)
	if err != nil {
		return d, fmt.Errorf("looking for a partner: %w", err)
	}
	return get(ctx, tx, partner, notice)
}

func get(ctx context.Context, tx *portal.Tx, partner int64, notice string) (d Detail, err error) {
	err = tx.Get(ctx, &d, `SELECT `+headColumns+`, coalesce(n.description, '') AS description, coalesce(n.reason, '') AS reason`+headTables+`WHERE n.partner_id = $1 AND n.notice = $2`, partner, notice)
	if errors.Is(err, sql.ErrNoRows) {
		return d, notThere
	}
	if err != nil {
		return d, fmt.Errorf("reading a notice: %w", err)
	}
	d.Items, d.Touched, d.Sums, d.Answers, d.Changes = []Item{}, []Touch{}, []Sum{}, []Answer{}, []Change{}
	if d.Policy, err = policyOf(ctx, tx, partner); err != nil {
		return d, err
	}
	if err = tx.Select(ctx, &d.Items, `SELECT i.line, i.product, coalesce(p.name, i.product) AS name, coalesce(revision_from, '') AS revision_from, coalesce(revision_to, '') AS revision_to,
		coalesce(effective_on, $3::date) AS effective_on, coalesce(effective_lot, '') AS effective_lot, coalesce(effective_serial, '') AS effective_serial,
		coalesce(replacement, '') AS replacement, coalesce(i.description, '') AS description
		FROM notice_items i LEFT JOIN products p USING (product) WHERE i.partner_id = $1 AND notice = $2 ORDER BY line`, partner, notice, d.EffectiveOn); err != nil {
		return d, fmt.Errorf("reading the items of a notice: %w", err)
	}
	if err = tx.Select(ctx, &d.Answers, `SELECT `+answerColumns+` FROM notice_answers WHERE partner_id = $1 AND notice = $2 ORDER BY answer DESC LIMIT 200`, partner, notice); err != nil {
		return d, fmt.Errorf("reading answers: %w", err)
	}
	if err = tx.Select(ctx, &d.Changes, `SELECT at, field, coalesce(was, '') AS was, coalesce(became, '') AS became FROM changes WHERE partner_id = $1 AND noun = 'notices' AND key = $2 ORDER BY at DESC, field LIMIT 200`, partner, notice); err != nil {
		return d, fmt.Errorf("reading changes: %w", err)
	}
	if d.Touched, err = touched(ctx, tx, partner, d.Items); err != nil {
		return d, err
	}
	d.Sums = sums(d.Touched)
	return d, nil
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
				t.Value, t.Currency = portal.Amount(w.Quantity.Number().Mul(w.Price.Number()).String()), w.Currency
			}
			list = append(list, t)
		}
	})
	if err != nil || tx.By.Sites != nil { // stock is of no site
		return list, err
	}
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
		if !s.OnHand.Number().IsZero() {
			list = append(list, Touch{"on_hand", s.Product, "", s.Location, "", s.OnHand, "", ""})
		}
		if !s.InTransit.Number().IsZero() {
			list = append(list, Touch{"in_transit", s.Product, "", s.Location, "", s.InTransit, "", ""})
		}
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

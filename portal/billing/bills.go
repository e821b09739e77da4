package billing

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"extranet/portal"
)

// CommandInvoice carries an invoice to the core: number, currency, invoiced_on, net, tax, total, note and by; lines is a list.
const CommandInvoice = "send_invoice"

// A NewInvoice is what the supplier invoices. Its sums are reckoned here; a total that is given must be the same.
type NewInvoice struct {
	Number     string        `json:"number" minLength:"1" maxLength:"30" doc:"The supplier's own number; once only"`
	InvoicedOn portal.Date   `json:"invoiced_on" format:"date"`
	Currency   string        `json:"currency" minLength:"3" maxLength:"3" doc:"ISO 4217; that of the purchase orders"`
	Lines      []NewLine     `json:"lines" minItems:"1" maxItems:"500"`
	Total      portal.Amount `json:"total,omitempty" doc:"With tax; refused when it is other than the lines add up to"`
	Note       string        `json:"note,omitempty" maxLength:"500"`
}

// A NewLine invoices a quantity of one line of a purchase order.
type NewLine struct {
	Order    string        `json:"order" maxLength:"100" doc:"The host's number of the purchase order"`
	Line     int64         `json:"line" doc:"Of the purchase order"`
	Quantity portal.Amount `json:"quantity"`
	Price    portal.Amount `json:"price" doc:"Per unit, without tax"`
	TaxRate  portal.Amount `json:"tax_rate" doc:"Per cent, such as 19"`
}

// A Sent invoice is one that was sent through the portal.
type Sent struct {
	Number     string        `json:"number"`
	Invoice    string        `json:"invoice" doc:"The host's number, once its system has it; empty until then"`
	Currency   string        `json:"currency"`
	InvoicedOn portal.Date   `json:"invoiced_on" format:"date"`
	Net        portal.Amount `json:"net"`
	Tax        portal.Amount `json:"tax"`
	Total      portal.Amount `json:"total"`
	Note       string        `json:"note"`
	State      string        `json:"state" enum:"sent,taken,refused" doc:"taken: the host's system has it"`
	Why        string        `json:"why" doc:"Why the host's system does not take it"`
	At         time.Time     `json:"at"`
	By         string        `json:"by"`
	Lines      []SentLine    `json:"lines"`
}

// A SentLine is a line of a sent invoice, matched with order and receipts.
type SentLine struct {
	Line        int           `json:"position"`
	Order       string        `json:"order"`
	OrderLine   int64         `json:"line" doc:"Of the purchase order"`
	Product     string        `json:"product"`
	Description string        `json:"description"`
	Unit        string        `json:"unit"`
	Quantity    portal.Amount `json:"quantity"`
	Price       portal.Amount `json:"price"`
	Net         portal.Amount `json:"net"`
	TaxRate     portal.Amount `json:"tax_rate" doc:"Per cent"`
	Match       Matching      `json:"match"`
}

// A billable is a line of an order with what it is matched with.
type billable struct {
	Order       string `db:"order_number"`
	Line        int64  `db:"line"`
	Site        string `db:"site"`
	Currency    string `db:"currency"`
	Product     string `db:"product"`
	Description string `db:"description"`
	Unit        string `db:"unit"`
	Facts
}

// billables are the lines of the orders that the caller may see, with what was invoiced of each on other invoices than the one of this key: here, and by those
// that the host has from elsewhere.
func billables(ctx context.Context, tx *portal.Tx, orders []string, but string) (list []billable, err error) {
	err = tx.Select(ctx, &list, `
		SELECT l.order_number, l.line, coalesce(o.site, '') AS site, o.currency, coalesce(l.product, '') AS product, l.description, coalesce(l.unit, '') AS unit,
			l.quantity AS ordered, l.price AS order_price, l.received,
			coalesce((SELECT sum(x.quantity) FROM bill_lines x JOIN bills b ON b.partner_id = x.partner_id AND b.number_key = x.number_key
				WHERE x.partner_id = l.partner_id AND x.order_number = l.order_number AND x.order_line = l.line AND b.state <> 'refused' AND x.number_key <> $3), 0)
			+ coalesce((SELECT sum(x.quantity) FROM supplier_invoice_lines x JOIN supplier_invoices i ON i.partner_id = x.partner_id AND i.invoice = x.invoice
				WHERE x.partner_id = l.partner_id AND x.order_number = l.order_number AND x.order_line = l.line AND i.status <> 'refused' AND i.number_search <> $3
					AND NOT EXISTS (SELECT 1 FROM bills b WHERE b.partner_id = i.partner_id AND b.number_key = i.number_search)), 0) AS before
		FROM purchase_order_lines l JOIN purchase_orders o ON o.partner_id = l.partner_id AND o.number = l.order_number
		WHERE l.partner_id = $1 AND o.partner_id = $1 AND l.order_number = ANY($2) AND ($4::text[] IS NULL OR o.site = ANY($4))
		ORDER BY l.order_number, l.line`, tx.By.PartnerID, orders, but, portal.Limit(tx.By.Sites))
	if err != nil {
		return nil, fmt.Errorf("looking up what can be invoiced: %w", err)
	}
	return list, nil
}

var noOrder = portal.Errorf(portal.NotFound, "there is no purchase order with this number")

// Billable are the lines of an order of which something is received and not invoiced, each with that quantity at the order's price. An order that is not there is NotFound.
func Billable(ctx context.Context, tx *portal.Tx, order string) (lines []SentLine, currency string, err error) {
	if err := tx.Need(portal.BillingSend); err != nil {
		return nil, "", err
	}
	if !plain(order, 100) {
		return nil, "", noOrder
	}
	all, err := billables(ctx, tx, []string{order}, "")
	if err != nil {
		return nil, "", err
	}
	if len(all) == 0 {
		return nil, "", noOrder
	}
	for _, b := range all {
		if room := b.Received.Sub(b.Before); room.IsPositive() {
			lines = append(lines, SentLine{Order: b.Order, OrderLine: b.Line, Product: b.Product, Description: b.Description, Unit: b.Unit, Quantity: text(room), Price: text(b.Price), Match: Match(b.Facts, room, b.Price)})
		}
	}
	return lines, all[0].Currency, nil
}

// sums reckon the invoice: net of each line to the cent, tax of each rate to the cent.
func (n NewInvoice) sums() (nets []decimal.Decimal, net, tax decimal.Decimal) {
	byRate := map[string]decimal.Decimal{}
	for _, l := range n.Lines {
		line := l.Quantity.Number().Mul(l.Price.Number()).Round(2)
		nets, net = append(nets, line), net.Add(line)
		rate := l.TaxRate.Number().String()
		byRate[rate] = byRate[rate].Add(line)
	}
	for rate, sum := range byRate {
		tax = tax.Add(sum.Mul(decimal.RequireFromString(rate)).Shift(-2).Round(2))
	}
	return nets, net, tax
}

// number reads an amount that is not negative and has at most so many places.
func number(a portal.Amount, places int32) (decimal.Decimal, bool) {
	d, err := decimal.NewFromString(string(a))
	return d, err == nil && !d.IsNegative() && d.Exponent() >= -places && d.Exponent() < 12 && d.LessThan(decimal.New(1, 12))
}

func (n NewInvoice) check(all []billable, today portal.Date) map[string]string {
	bad := map[string]string{}
	if n.Number == "" || !plain(n.Number, 30) {
		bad["number"] = "say your own number of this invoice, at most 30 characters"
	}
	if _, err := portal.ParseDate(string(n.InvoicedOn)); err != nil || n.InvoicedOn == "" {
		bad["invoiced_on"] = "say the day, like 2026-03-31"
	} else if n.InvoicedOn > today {
		bad["invoiced_on"] = "must not be after today"
	}
	if !plain(strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(n.Note), 500) {
		bad["note"] = "must be at most 500 readable characters"
	}
	if len(n.Lines) == 0 {
		bad["lines"] = "say what is invoiced: at least one line"
	}
	seen := map[string]bool{}
	for i, l := range n.Lines {
		field := func(name string) string { return fmt.Sprintf("%s-%d", name, i+1) }
		at := slices.IndexFunc(all, func(b billable) bool { return b.Order == l.Order && b.Line == l.Line })
		key := fmt.Sprint(l.Order, " ", l.Line)
		switch {
		case at < 0:
			bad[field("line")] = fmt.Sprintf("there is no line %d in a purchase order %s", l.Line, l.Order)
			continue
		case seen[key]:
			bad[field("line")] = fmt.Sprintf("line %d of %s is invoiced twice here; add the quantities up", l.Line, l.Order)
		case all[at].Currency != n.Currency:
			bad["currency"] = fmt.Sprintf("is %s in purchase order %s; an invoice has the currency of its orders", all[at].Currency, l.Order)
		}
		seen[key] = true
		if q, ok := number(l.Quantity, 3); !ok || q.IsZero() {
			bad[field("quantity")] = "must be a number above 0, such as 40"
		}
		if _, ok := number(l.Price, 6); !ok {
			bad[field("price")] = "must be a price, such as 12.50"
		}
		if r, ok := number(l.TaxRate, 2); !ok || r.GreaterThan(decimal.NewFromInt(100)) {
			bad[field("tax_rate")] = "must be per cent from 0 to 100, such as 19"
		}
	}
	return bad
}

// Send sends an invoice to the host. A number that was used, here or in what the host has, is Invalid; so are sums that do not add up. That more is invoiced than order and
// receipts bear out is no fault: the match says so, line by line.
func Send(ctx context.Context, tx *portal.Tx, n NewInvoice) (s Sent, err error) {
	if err := tx.Need(portal.BillingSend); err != nil {
		return s, err
	}
	n.Number, n.Currency = strings.TrimSpace(n.Number), strings.ToUpper(n.Currency)
	var orders []string
	for _, l := range n.Lines {
		if plain(l.Order, 100) && !slices.Contains(orders, l.Order) {
			orders = append(orders, l.Order)
		}
	}
	all, err := billables(ctx, tx, orders, strings.ToUpper(n.Number))
	if err != nil {
		return s, err
	}
	if len(n.Lines) > 0 && len(all) == 0 {
		return s, noOrder
	}
	refuse := func(bad map[string]string) error {
		return &portal.Error{Kind: portal.Invalid, Msg: "this invoice cannot be sent; nothing of it was kept", Fields: bad}
	}
	if bad := n.check(all, portal.DateOf(tx.Now)); len(bad) > 0 {
		return s, refuse(bad)
	}
	nets, net, tax := n.sums()
	if total, ok := number(n.Total, 2); n.Total != "" && (!ok || !total.Equal(net.Add(tax))) {
		return s, refuse(map[string]string{"total": fmt.Sprintf("the lines add up to %s without tax and %s with it", net.StringFixed(2), net.Add(tax).StringFixed(2))})
	}
	used := refuse(map[string]string{"number": fmt.Sprintf("%s was invoiced already; each invoice has its own number", n.Number)})
	var known bool
	if err := tx.Get(ctx, &known, `SELECT EXISTS (SELECT 1 FROM supplier_invoices WHERE partner_id = $1 AND number_search = upper($2)) OR EXISTS (SELECT 1 FROM bills WHERE partner_id = $1 AND number_key = upper($2))`, tx.By.PartnerID, n.Number); err != nil {
		return s, fmt.Errorf("looking for the number: %w", err)
	}
	if known {
		return s, used
	}
	s = Sent{Number: n.Number, Currency: n.Currency, InvoicedOn: n.InvoicedOn, Net: text(net), Tax: text(tax), Total: text(net.Add(tax)), Note: n.Note, State: "sent", At: tx.Now, By: tx.By.Name}
	for i, l := range n.Lines {
		b := all[slices.IndexFunc(all, func(b billable) bool { return b.Order == l.Order && b.Line == l.Line })]
		s.Lines = append(s.Lines, SentLine{Line: i + 1, Order: l.Order, OrderLine: l.Line, Product: b.Product, Description: b.Description, Unit: b.Unit, Quantity: text(l.Quantity.Number()), Price: text(l.Price.Number()),
			Net: text(nets[i]), TaxRate: text(l.TaxRate.Number()), Match: Match(b.Facts, l.Quantity.Number(), l.Price.Number())})
	}
	err = s.keep(ctx, tx, all[0].Site)
	if portal.Broke(err, "bills_once_per_number") {
		return s, used
	}
	return s, err
}

func (s Sent) keep(ctx context.Context, tx *portal.Tx, site string) error {
	carried := []map[string]string{}
	for _, l := range s.Lines {
		carried = append(carried, map[string]string{"position": strconv.Itoa(l.Line), "order": l.Order, "line": strconv.FormatInt(l.OrderLine, 10), "quantity": string(l.Quantity), "price": string(l.Price), "net": string(l.Net), "tax_rate": string(l.TaxRate)})
	}
	lines, err := json.Marshal(carried)
	if err != nil {
		return err
	}
	command, err := tx.Post(ctx, portal.Command{Name: CommandInvoice, Document: "bills/" + s.Number, Values: map[string]string{"number": s.Number, "currency": s.Currency, "invoiced_on": string(s.InvoicedOn),
		"net": string(s.Net), "tax": string(s.Tax), "total": string(s.Total), "note": s.Note, "by": s.By, "order": s.Lines[0].Order, "lines": string(lines)}})
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO bills (partner_id, number_key, number, site, currency, invoiced_on, net, tax, total, note, command_id, at, by_whom) VALUES ($1, upper($2), $2, nullif($3, ''), $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		tx.By.PartnerID, s.Number, site, s.Currency, s.InvoicedOn, s.Net, s.Tax, s.Total, s.Note, command, tx.Now, s.By)
	if err != nil {
		return fmt.Errorf("keeping an invoice: %w", err)
	}
	for _, l := range s.Lines {
		_, err := tx.Exec(ctx, `INSERT INTO bill_lines (partner_id, number_key, line, order_number, order_line, product, description, unit, quantity, price, net, tax_rate) VALUES ($1, upper($2), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
			tx.By.PartnerID, s.Number, l.Line, l.Order, l.OrderLine, l.Product, l.Description, l.Unit, l.Quantity, l.Price, l.Net, l.TaxRate)
		if err != nil {
			return fmt.Errorf("keeping an invoice's line: %w", err)
		}
	}
	tx.Changed("billing", tx.By.PartnerID)
	return tx.Audit(ctx, "billing.send", "bills/"+s.Number, map[string]string{"total": string(s.Total), "currency": s.Currency, "lines": strconv.Itoa(len(s.Lines))})
}

const sentDocument = `b.number, coalesce((SELECT min(i.invoice) FROM supplier_invoices i WHERE i.partner_id = b.partner_id AND i.number_search = b.number_key), '') AS invoice, b.currency, b.invoiced_on,
	b.net::text AS net, b.tax::text AS tax, b.total::text AS total, b.note, b.state, coalesce(b.why, '') AS why, b.at, b.by_whom AS by`

// Underway lists what was sent through the portal and the host's system does not show yet, the newest first, at most 200.
func Underway(ctx context.Context, tx *portal.Tx) (list []Sent, err error) {
	if err := tx.Need(portal.BillingRead); err != nil {
		return nil, err
	}
	var docs []string
	if err := tx.Select(ctx, &docs, `SELECT row_to_json(x)::text FROM (SELECT `+sentDocument+`, '[]'::json AS lines FROM bills b
		WHERE b.partner_id = $1 AND ($2::text[] IS NULL OR b.site = ANY($2)) AND NOT EXISTS (SELECT 1 FROM supplier_invoices i WHERE i.partner_id = b.partner_id AND i.number_search = b.number_key)
		ORDER BY b.at DESC LIMIT 200) x`, tx.By.PartnerID, portal.Limit(tx.By.Sites)); err != nil {
		return nil, fmt.Errorf("listing sent invoices: %w", err)
	}
	list = make([]Sent, len(docs))
	for i, doc := range docs {
		if err := json.Unmarshal([]byte(doc), &list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// GetSent returns one invoice that was sent through the portal, by the supplier's own number, matched as order and receipts stand now. One that is not there is NotFound.
func GetSent(ctx context.Context, tx *portal.Tx, own string) (s Sent, err error) {
	if err := tx.Need(portal.BillingRead); err != nil {
		return s, err
	}
	if !plain(own, 100) {
		return s, none
	}
	key := strings.ToUpper(own)
	var doc string
	err = tx.Get(ctx, &doc, `SELECT row_to_json(x)::text FROM (SELECT `+sentDocument+`, (SELECT coalesce(json_agg(json_build_object('position', l.line, 'order', l.order_number, 'line', l.order_line, 'product', l.product, 'description', l.description,
			'unit', l.unit, 'quantity', trim_scale(l.quantity)::text, 'price', l.price::text, 'net', l.net::text, 'tax_rate', trim_scale(l.tax_rate)::text) ORDER BY l.line), '[]')
			FROM bill_lines l WHERE l.partner_id = b.partner_id AND l.number_key = b.number_key) AS lines
		FROM bills b WHERE b.partner_id = $1 AND b.number_key = $2 AND ($3::text[] IS NULL OR b.site = ANY($3))) x`, tx.By.PartnerID, key, portal.Limit(tx.By.Sites))
	if errors.Is(err, sql.ErrNoRows) {
		return s, none
	} else if err != nil {
		return s, fmt.Errorf("reading a sent invoice: %w", err)
	}
	if err := json.Unmarshal([]byte(doc), &s); err != nil {
		return s, err
	}
	var orders []string
	for _, l := range s.Lines {
		if !slices.Contains(orders, l.Order) {
			orders = append(orders, l.Order)
		}
	}
	all, err := billables(ctx, tx, orders, key)
	if err != nil {
		return s, err
	}
	for i := range s.Lines {
		l := &s.Lines[i]
		f := Facts{}
		if at := slices.IndexFunc(all, func(b billable) bool { return b.Order == l.Order && b.Line == l.OrderLine }); at >= 0 {
			f = all[at].Facts
		}
		l.Match = Match(f, l.Quantity.Number(), l.Price.Number())
	}
	return s, nil
}

// Became records what the core made of an invoice; why says why it does not take it, "" that it does. It is the worker's.
func Became(ctx context.Context, tx *portal.Tx, partner int64, own, why string) error {
	state := "taken"
	if why != "" {
		state = "refused"
	}
	tx.Changed("billing", partner)
	if _, err := tx.Exec(ctx, `UPDATE bills SET state = $3, why = $4 WHERE partner_id = $1 AND number_key = upper($2)`, partner, own, state, why); err != nil {
		return fmt.Errorf("recording what became of an invoice: %w", err)
	}
	return nil
}

// Package billing lets a supplier send invoices and follow each through to its payment.
package billing

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"

	"extranet/portal"
)

// An Invoice is one of the supplier's that the host has.
type Invoice struct {
	Invoice    string        `json:"invoice" doc:"The host's number"`
	Number     string        `json:"number" doc:"The supplier's own number"`
	Order      string        `json:"order" doc:"The purchase order it is for"`
	Status     string        `json:"status" enum:"received,blocked,approved,paid,refused"`
	Why        string        `json:"why" doc:"Why it is blocked or refused"`
	Currency   string        `json:"currency" doc:"ISO 4217, of every amount"`
	InvoicedOn portal.Date   `json:"invoiced_on" format:"date"`
	DueOn      portal.Date   `json:"due_on" format:"date" nullable:"true"`
	Net        portal.Amount `json:"net" doc:"Exact decimal, without tax"`
	Tax        portal.Amount `json:"tax"`
	Total      portal.Amount `json:"total"`
	Open       portal.Amount `json:"open" doc:"What is not paid yet"`
}

const document = `i.invoice, i.number, coalesce(i.order_number, '') AS "order", i.status, coalesce(i.why, '') AS why, i.currency, i.invoiced_on, i.due_on,
	i.net::text AS net, i.tax::text AS tax, i.total::text AS total, i.open::text AS open`

// A Line is one line of an invoice, matched with order and receipts where it names a line of a purchase order.
type Line struct {
	Line     int64         `json:"line"`
	Order    string        `json:"order"`
	Ordered  int64         `json:"order_line" doc:"0 where it names none"`
	Product  string        `json:"product"`
	Quantity portal.Amount `json:"quantity"`
	Price    portal.Amount `json:"price" doc:"Per unit, without tax"`
	Net      portal.Amount `json:"net"`
	Match    []Matching    `json:"match" doc:"One; none where the line names no line of a purchase order"`
}

// A Payment is what the host paid at one time.
type Payment struct {
	Payment   string        `json:"payment" db:"payment" doc:"The host's number"`
	PaidOn    portal.Date   `json:"paid_on" db:"paid_on" format:"date"`
	Currency  string        `json:"currency" db:"currency"`
	Amount    portal.Amount `json:"amount" db:"amount"`
	Method    string        `json:"method" db:"method"`
	Reference string        `json:"reference" db:"reference" doc:"As on the bank statement"`
}

// A Remittance is what of a payment went to an invoice: amount + discount settles so much of it.
type Remittance struct {
	Payment  string        `json:"payment" db:"payment"`
	PaidOn   portal.Date   `json:"paid_on" db:"paid_on" format:"date"`
	Invoice  string        `json:"invoice" db:"invoice" doc:"The host's number"`
	Number   string        `json:"number" db:"number" doc:"The supplier's own number; empty where the host has the invoice no more"`
	Amount   portal.Amount `json:"amount" db:"amount"`
	Discount portal.Amount `json:"discount" db:"discount"`
}

// A Detail is an invoice with its lines and what was paid for it.
type Detail struct {
	Invoice
	Lines       []Line       `json:"lines"`
	Remittances []Remittance `json:"remittances"`
}

// Filter narrows List; the zero Filter lists everything, newest first.
type Filter struct {
	Status  string // one of Statuses; "" = any
	Text    string // the beginning of the supplier's own number, in any case
	Partner string // for the host's staff: a supplier's account number
	Limit   int    // 1 to 200; 0 = 50
	Cursor  string
}

// A Page is one stretch of a list; Next is a cursor, "" = this is the last.
type Page struct {
	Items []Invoice
	Next  string
}

type cursor struct {
	Day     portal.Date `json:"d"`
	Partner int64       `json:"p,omitempty"` // across suppliers
	Key     string      `json:"k"`
}

func (c cursor) String() string {
	b, _ := json.Marshal(c) // text and numbers: it cannot fail
	return base64.RawURLEncoding.EncodeToString(b)
}

// Check returns an Invalid error naming every field that cannot be meant, and fills in the defaults.
func (f *Filter) Check() error {
	bad := map[string]string{}
	if f.Status != "" && !slices.Contains(Statuses, f.Status) {
		bad["status"] = "choose from " + strings.Join(Statuses, ", ")
	}
	if f.Limit == 0 {
		f.Limit = 50
	}
	if f.Limit < 1 || f.Limit > 200 {
		bad["limit"] = "must be from 1 to 200"
	}
	for field, s := range map[string]string{"q": f.Text, "partner": f.Partner} {
		if !plain(s, 100) {
			bad[field] = "must be at most 100 readable characters"
		}
	}
	if _, err := f.cursor(); err != nil {
		bad["cursor"] = "is not one that this list gave; begin again without it"
	}
	if len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this list cannot be made", Fields: bad}
	}
	return nil
}

func (f *Filter) cursor() (c cursor, err error) {
	if f.Cursor == "" {
		return c, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(f.Cursor)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, err
	}
	if c.Day == "" || c.Key == "" || !plain(c.Key, 200) {
		return c, errors.New("another list's cursor")
	}
	_, err = portal.ParseDate(string(c.Day))
	return c, err
}

func plain(s string, most int) bool {
	return utf8.RuneCountInString(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError })
}

// Key tells one filter from every other.
func (f Filter) Key() string {
	b, _ := json.Marshal(f) // strings and numbers: it cannot fail
	return string(b)
}

func (f *Filter) query(tx *portal.Tx) (string, []any) {
	where, args := `i.partner_id = $1`, []any{tx.By.PartnerID}
	and := func(condition string, arg any) {
		args = append(args, arg)
		where += fmt.Sprintf(condition, len(args))
	}
	if tx.By.Sites != nil {
		and(` AND i.site = ANY($%d)`, tx.By.Sites)
	}
	if f.Status != "" {
		and(` AND i.status = $%d`, f.Status)
	}
	if t := strings.ToUpper(strings.TrimSpace(f.Text)); t != "" {
		and(` AND i.number_search ~>=~ $%[1]d AND i.number_search ~<~ ($%[1]d || chr(1114111))`, t)
	}
	if c, _ := f.cursor(); c.Day != "" {
		args = append(args, c.Day, c.Key)
		where += fmt.Sprintf(` AND (i.invoiced_on, i.invoice) < ($%d::date, $%d)`, len(args)-1, len(args))
	}
	limit := ``
	if f.Limit > 0 {
		args = append(args, f.Limit+1)
		limit = fmt.Sprintf(` LIMIT $%d`, len(args))
	}
	return fmt.Sprintf(`SELECT row_to_json(d)::text FROM (SELECT i.* FROM supplier_invoices i WHERE %s ORDER BY i.invoiced_on DESC, i.invoice DESC%s) i CROSS JOIN LATERAL (SELECT %s) d`, where, limit, document), args
}

// List returns the supplier's invoices that the host has and the caller's sites let it see. A filter that makes no sense is Invalid.
func List(ctx context.Context, tx *portal.Tx, f Filter) (p Page, err error) {
	if err := tx.Need(portal.BillingRead); err != nil {
		return p, err
	}
	if err := f.Check(); err != nil {
		return p, err
	}
	query, args := f.query(tx)
	var docs []string
	if err := tx.Select(ctx, &docs, query, args...); err != nil {
		return p, fmt.Errorf("listing supplier invoices: %w", err)
	}
	p.Items = make([]Invoice, 0, len(docs))
	for _, doc := range docs {
		var i Invoice
		if err := json.Unmarshal([]byte(doc), &i); err != nil {
			return p, err
		}
		p.Items = append(p.Items, i)
	}
	if len(p.Items) > f.Limit {
		p.Items = p.Items[:f.Limit]
		last := p.Items[f.Limit-1]
		p.Next = cursor{Day: last.InvoicedOn, Key: last.Invoice}.String()
	}
	return p, nil
}

// Export gives f every invoice of the filter, newest first, and audits that they were taken away as the named format. Limit and Cursor do not count.
func Export(ctx context.Context, tx *portal.Tx, f Filter, format string, each func(Invoice) error) error {
	if err := tx.Need(portal.BillingRead); err != nil {
		return err
	}
	f.Cursor, f.Limit = "", 0
	if err := f.Check(); err != nil {
		return err
	}
	f.Limit = 0
	if err := tx.Audit(ctx, "billing.export", "billing", map[string]string{"format": format, "status": f.Status, "text": f.Text}); err != nil {
		return err
	}
	query, args := f.query(tx)
	err := tx.Each(ctx, func(r *sqlx.Rows) error {
		var doc []byte
		var i Invoice
		if err := r.Scan(&doc); err != nil {
			return err
		}
		if err := json.Unmarshal(doc, &i); err != nil {
			return err
		}
		return each(i)
	}, query, args...)
	if err != nil {
		return fmt.Errorf("exporting supplier invoices: %w", err)
	}
	return nil
}

// NoInvoice is said of an invoice that is not there.
const NoInvoice = "there is no invoice with this number"

var none = portal.Errorf(portal.NotFound, NoInvoice)

// Get returns one invoice by the host's number. One that is not there, is another partner's, or is of a site beyond the caller's limits is NotFound.
func Get(ctx context.Context, tx *portal.Tx, invoice string) (d Detail, err error) {
	if err := tx.Need(portal.BillingRead); err != nil {
		return d, err
	}
	return get(ctx, tx, tx.By.PartnerID, invoice)
}

func get(ctx context.Context, tx *portal.Tx, partner int64, invoice string) (d Detail, err error) {
	if !plain(invoice, 100) {
		return d, none
	}
	var doc string
	err = tx.Get(ctx, &doc, `SELECT row_to_json(d)::text FROM supplier_invoices i CROSS JOIN LATERAL (SELECT `+document+`) d WHERE i.partner_id = $1 AND i.invoice = $2 AND ($3::text[] IS NULL OR i.site = ANY($3))`,
		partner, invoice, portal.Limit(tx.By.Sites))
	if errors.Is(err, sql.ErrNoRows) {
		return d, none
	} else if err != nil {
		return d, fmt.Errorf("reading supplier invoice: %w", err)
	}
	if err := json.Unmarshal([]byte(doc), &d.Invoice); err != nil {
		return d, err
	}
	var lines []struct {
		Line     int64         `db:"line"`
		Order    string        `db:"order_number"`
		Ordered  int64         `db:"order_line"`
		Product  string        `db:"product"`
		Quantity portal.Amount `db:"quantity"`
		Price    portal.Amount `db:"price"`
		Net      portal.Amount `db:"net"`
		Known    bool          `db:"known"`
		Facts
	}
	err = tx.Select(ctx, &lines, `
		SELECT b.line, coalesce(b.order_number, '') AS order_number, coalesce(b.order_line, 0) AS order_line, coalesce(b.product, '') AS product, trim_scale(b.quantity) AS quantity, b.price, b.net,
			l.line IS NOT NULL AS known, coalesce(l.quantity, 0) AS ordered, coalesce(l.price, 0) AS order_price, coalesce(l.received, 0) AS received, coalesce((
				SELECT sum(x.quantity) FROM supplier_invoice_lines x JOIN supplier_invoices o ON o.partner_id = x.partner_id AND o.invoice = x.invoice
				WHERE x.partner_id = b.partner_id AND x.order_number = b.order_number AND x.order_line = b.order_line AND o.status <> 'refused' AND (o.invoiced_on, o.invoice) < ($3::date, b.invoice)), 0) AS before
		FROM supplier_invoice_lines b
		LEFT JOIN purchase_order_lines l ON l.partner_id = b.partner_id AND l.order_number = b.order_number AND l.line = b.order_line
		WHERE b.partner_id = $1 AND b.invoice = $2 ORDER BY b.line`, partner, invoice, d.InvoicedOn)
	if err != nil {
		return d, fmt.Errorf("reading supplier invoice lines: %w", err)
	}
	d.Lines = []Line{}
	for _, l := range lines {
		line := Line{Line: l.Line, Order: l.Order, Ordered: l.Ordered, Product: l.Product, Quantity: l.Quantity, Price: l.Price, Net: l.Net, Match: []Matching{}}
		if l.Known {
			line.Match = append(line.Match, Match(l.Facts, l.Quantity.Number(), l.Price.Number()))
		}
		d.Lines = append(d.Lines, line)
	}
	d.Remittances = []Remittance{}
	if err := tx.Select(ctx, &d.Remittances, `SELECT `+remittanceColumns+` WHERE r.partner_id = $1 AND r.invoice = $2 ORDER BY p.paid_on, r.payment`, partner, invoice); err != nil {
		return d, fmt.Errorf("reading remittances: %w", err)
	}
	return d, nil
}

const remittanceColumns = `r.payment, p.paid_on, r.invoice, coalesce(i.number, '') AS number, r.amount, coalesce(r.discount, 0) AS discount
	FROM remittance_lines r JOIN supplier_payments p ON p.partner_id = r.partner_id AND p.payment = r.payment LEFT JOIN supplier_invoices i ON i.partner_id = r.partner_id AND i.invoice = r.invoice`

// A PaymentPage is one stretch of the payments; Next is a cursor, "" = this is the last.
type PaymentPage struct {
	Items []Payment
	Next  string
}

const paymentColumns = `payment, paid_on, currency, amount, coalesce(method, '') AS method, coalesce(reference, '') AS reference`

const paymentsOf = `SELECT ` + paymentColumns + ` FROM supplier_payments WHERE partner_id = $1 AND (paid_on, payment) < ($2::date, $3) ORDER BY paid_on DESC, payment DESC LIMIT $4`

// ListPayments lists what the host paid, the newest first, 1 to 200 at a time (0 = 50), from where an earlier page's Next says. A payment is of the whole supplier: those limited to sites are Forbidden.
func ListPayments(ctx context.Context, tx *portal.Tx, from string, limit int) (p PaymentPage, err error) {
	if err := whole(tx); err != nil {
		return p, err
	}
	f := Filter{Cursor: from, Limit: limit}
	if err := f.Check(); err != nil {
		return p, err
	}
	c, _ := f.cursor()
	if c.Day == "" {
		c.Day = "infinity"
	}
	p.Items = []Payment{}
	if err := tx.Select(ctx, &p.Items, paymentsOf, tx.By.PartnerID, c.Day, c.Key, f.Limit+1); err != nil {
		return p, fmt.Errorf("listing payments: %w", err)
	}
	if len(p.Items) > f.Limit {
		p.Items = p.Items[:f.Limit]
		last := p.Items[f.Limit-1]
		p.Next = cursor{Day: last.PaidOn, Key: last.Payment}.String()
	}
	return p, nil
}

func whole(tx *portal.Tx) error {
	if err := tx.Need(portal.BillingRead); err != nil {
		return err
	}
	if tx.By.Sites != nil {
		return portal.Errorf(portal.Forbidden, "payments are of your whole company, and you are limited to some of its sites; your administrator can change that")
	}
	return nil
}

// A PaymentDetail is a payment with the invoices that it settled.
type PaymentDetail struct {
	Payment
	Remittances []Remittance `json:"remittances"`
}

// GetPayment returns one payment with its remittance detail. One that is not there, or another partner's, is NotFound.
func GetPayment(ctx context.Context, tx *portal.Tx, payment string) (d PaymentDetail, err error) {
	if err := whole(tx); err != nil {
		return d, err
	}
	gone := portal.Errorf(portal.NotFound, "there is no payment with this number")
	if !plain(payment, 100) {
		return d, gone
	}
	err = tx.Get(ctx, &d.Payment, `SELECT `+paymentColumns+` FROM supplier_payments WHERE partner_id = $1 AND payment = $2`, tx.By.PartnerID, payment)
	if errors.Is(err, sql.ErrNoRows) {
		return d, gone
	} else if err != nil {
		return d, fmt.Errorf("reading payment: %w", err)
	}
	d.Remittances = []Remittance{}
	if err := tx.Select(ctx, &d.Remittances, `SELECT `+remittanceColumns+` WHERE r.partner_id = $1 AND r.payment = $2 ORDER BY i.number, r.invoice`, tx.By.PartnerID, payment); err != nil {
		return d, fmt.Errorf("reading remittances: %w", err)
	}
	return d, nil
}

package invoices

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"extranet/portal"
	"extranet/portal/accounts"
)

// A Document is what the host billed at one time, or as a credit memo credited: then its amounts are negative.
type Document struct {
	Number      string        `db:"number" json:"number" doc:"The host's number"`
	Kind        string        `db:"kind" json:"kind" enum:"invoice,credit_memo"`
	State       string        `db:"state" json:"state" enum:"open,overdue,settled"`
	Site        string        `db:"site" json:"site" doc:"The site that was delivered to"`
	OrderNumber string        `db:"order_number" json:"order" doc:"The only order in it; empty where there are several, or none"`
	Shipment    string        `db:"shipment" json:"shipment"`
	PONumber    string        `db:"po_number" json:"po_number" doc:"The partner's own number for it"`
	Currency    string        `db:"currency" json:"currency" doc:"ISO 4217, of every amount"`
	InvoicedOn  portal.Date   `db:"invoiced_on" json:"invoiced_on" format:"date"`
	DueOn       portal.Date   `db:"due_on" json:"due_on" format:"date"`
	Net         portal.Amount `db:"net" json:"net" doc:"Exact decimal, without tax"`
	Tax         portal.Amount `db:"tax" json:"tax"`
	Total       portal.Amount `db:"total" json:"total" doc:"net + tax; negative for a credit memo"`
	Open        portal.Amount `db:"open" json:"open" doc:"Not settled yet"`
	Credits     string        `db:"credits" json:"credits" doc:"The invoice that a credit memo is about"`
	Claim       string        `db:"claim" json:"claim" doc:"The claim that a credit memo answers"`
	Comment     string        `db:"comment" json:"comment" doc:"What the host noted, a dispute say"`
}

// columns of a document; $2 is today.
const columns = `number, kind, CASE WHEN NOT is_open THEN 'settled' WHEN due_on < $2 AND open > 0 THEN 'overdue' ELSE 'open' END AS state, coalesce(site, '') AS site,
	coalesce(order_number, '') AS order_number, coalesce(shipment, '') AS shipment, coalesce(po_number, '') AS po_number, currency, invoiced_on, due_on, net, tax, total, open,
	coalesce(credits, '') AS credits, coalesce(claim, '') AS claim, coalesce(comment, '') AS comment`

// What a list can be narrowed to and ordered by.
var (
	States = []string{"open", "overdue", "settled"}
	Kinds  = []string{Invoice, CreditMemo}
	Sorts  = []string{"-invoiced_on", "invoiced_on", "due_on", "-due_on"}
)

// Filter narrows and orders List and Export; the zero Filter lists everything, newest first.
type Filter struct {
	State    string      // one of States; open holds the overdue too; "" = any
	Kind     string      // one of Kinds; "" = both
	Site     string      // a site's number
	From, To portal.Date // invoiced on these days or between
	Text     string      // the beginning of an invoice's or PO number, in any case
	Sort     string      // one of Sorts; "" = "-invoiced_on"
	Limit    int         // 1 to 200; 0 = 50
	Cursor   string      // from Page.Next or Page.Prev
}

// A Page is one stretch of a list. Next and Prev are cursors; "" = there is no more that way.
type Page struct {
	Items []Document `json:"items"`
	Next  string     `json:"next" doc:"Cursor of the next page; empty = this is the last"`
	Prev  string     `json:"prev" doc:"Cursor of the page before; empty = this is the first"`
}

type cursor struct {
	Sort   string      `json:"s"`
	Back   bool        `json:"b,omitempty"`
	Day    portal.Date `json:"d"`
	Number string      `json:"n"`
}

func (c cursor) String() string {
	b, _ := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(b)
}

func (f *Filter) cursor() (*cursor, error) {
	if f.Cursor == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(f.Cursor)
	if err != nil {
		return nil, err
	}
	var c cursor
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, err
	}
	if c.Sort != f.Sort || c.Day == "" || strings.ContainsRune(c.Number, 0) {
		return nil, errors.New("another list's cursor")
	}
	_, err = portal.ParseDate(string(c.Day))
	return &c, err
}

// Check returns an Invalid error naming every field that cannot be meant, and fills in the defaults.
func (f *Filter) Check() error {
	bad := map[string]string{}
	choose := func(field, value string, from []string) {
		if value != "" && !slices.Contains(from, value) {
			bad[field] = fmt.Sprintf("%q is not one; choose from %s", value, strings.Join(from, ", "))
		}
	}
	choose("state", f.State, States)
	choose("kind", f.Kind, Kinds)
	for field, d := range map[string]portal.Date{"invoiced_from": f.From, "invoiced_to": f.To} {
		if _, err := portal.ParseDate(string(d)); err != nil {
			bad[field] = portal.Says(err).Msg
		}
	}
	if len(bad) == 0 && f.From != "" && f.To != "" && f.To < f.From {
		bad["invoiced_to"] = "must not be before invoiced_from"
	}
	if f.Sort == "" {
		f.Sort = Sorts[0]
	}
	choose("sort", f.Sort, Sorts)
	if f.Limit == 0 {
		f.Limit = 50
	}
	if f.Limit < 1 || f.Limit > 200 {
		bad["limit"] = "must be from 1 to 200"
	}
	for field, s := range map[string]string{"q": f.Text, "site": f.Site} {
		if len(s) > 100 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0xFFFD }) {
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

// Key tells one filter from every other.
func (f Filter) Key() string {
	b, _ := json.Marshal(f) // strings and numbers: it cannot fail
	return string(b)
}

// where returns the conditions that every list shares, of static text, and their arguments.
func (f *Filter) where(tx *portal.Tx) (string, []any) {
	where, args := `partner_id = $1`, []any{tx.By.PartnerID, portal.DateOf(tx.Now)}
	and := func(condition string, arg any) {
		args = append(args, arg)
		where += fmt.Sprintf(condition, len(args))
	}
	if tx.By.Sites != nil {
		and(` AND site = ANY($%d)`, tx.By.Sites)
	}
	switch f.State {
	case "open":
		where += ` AND is_open`
	case "settled":
		where += ` AND NOT is_open`
	case "overdue":
		where += ` AND is_open AND due_on < $2 AND kind = 'invoice'`
	}
	if f.Kind != "" {
		and(` AND kind = $%d`, f.Kind)
	}
	if f.Site != "" {
		and(` AND site = $%d`, f.Site)
	}
	if f.From != "" {
		and(` AND invoiced_on >= $%d`, f.From)
	}
	if f.To != "" {
		and(` AND invoiced_on <= $%d`, f.To)
	}
	if text := strings.ToUpper(strings.TrimSpace(f.Text)); text != "" {
		// A range of the pattern-ops index, for LIKE may not use it under row security.
		and(` AND (number_search ~>=~ $%[1]d AND number_search ~<~ ($%[1]d || chr(1114111)) OR po_search ~>=~ $%[1]d AND po_search ~<~ ($%[1]d || chr(1114111)))`, text)
	}
	return where, args
}

// query returns the SQL of one page and one row more. back says that it comes in reverse.
func (f *Filter) query(tx *portal.Tx) (query string, args []any, back bool) {
	where, args := f.where(tx)
	c, _ := f.cursor()
	by, down := strings.CutPrefix(f.Sort, "-")
	back = c != nil && c.Back
	direction, beyond := "", ">"
	if down != back {
		direction, beyond = " DESC", "<"
	}
	if c != nil {
		args = append(args, c.Day, c.Number)
		where += fmt.Sprintf(` AND (%s, number) %s ($%d::date, $%d)`, by, beyond, len(args)-1, len(args))
	}
	args = append(args, f.Limit+1)
	return fmt.Sprintf(`SELECT `+columns+` FROM invoices WHERE %s ORDER BY %[2]s%[3]s, number%[3]s LIMIT $%[4]d`, where, by, direction, len(args)), args, back
}

// List returns the partner's documents that the caller's sites let it see. A filter that makes no sense is Invalid.
func List(ctx context.Context, tx *portal.Tx, f Filter) (p Page, err error) {
	if err := tx.Need(portal.AccountRead); err != nil {
		return p, err
	}
	if err := f.Check(); err != nil {
		return p, err
	}
	query, args, back := f.query(tx)
	p.Items = make([]Document, 0, f.Limit+1)
	if err := tx.Select(ctx, &p.Items, query, args...); err != nil {
		return p, fmt.Errorf("listing invoices: %w", err)
	}
	more := len(p.Items) > f.Limit
	if more {
		p.Items = p.Items[:f.Limit]
	}
	if back {
		slices.Reverse(p.Items)
	}
	day := func(d Document) portal.Date {
		if strings.TrimPrefix(f.Sort, "-") == "due_on" {
			return d.DueOn
		}
		return d.InvoicedOn
	}
	if n := len(p.Items); n > 0 {
		first, last := p.Items[0], p.Items[n-1]
		if more || back {
			p.Next = cursor{f.Sort, false, day(last), last.Number}.String()
		}
		if f.Cursor != "" && (more || !back) {
			p.Prev = cursor{f.Sort, true, day(first), first.Number}.String()
		}
	}
	return p, nil
}

// A Line is one position of a document.
type Line struct {
	Line        int64         `db:"line" json:"line"`
	OrderNumber string        `db:"order_number" json:"order"`
	OrderLine   *int64        `db:"order_line" json:"order_line" nullable:"true" doc:"null where the core does not say"`
	Product     string        `db:"product" json:"product"`
	Description string        `db:"description" json:"description"`
	Unit        string        `db:"unit" json:"unit"`
	Quantity    portal.Amount `db:"quantity" json:"quantity" doc:"Exact decimal; negative on a credit memo"`
	Price       portal.Amount `db:"price" json:"price" doc:"Per unit, without tax"`
	Net         portal.Amount `db:"net" json:"net"`
	Tax         portal.Amount `db:"tax" json:"tax"`
}

// A Detail is a document with its lines and what settled it.
type Detail struct {
	Document
	Lines   []Line                `db:"-" json:"lines"`
	Settled []accounts.Settlement `db:"-" json:"settled" doc:"What settled it; for a credit memo, what it settled. With open, they add up to the total"`
	Memos   []string              `db:"-" json:"credit_memos" doc:"Numbers of the credit memos about it"`
}

// Get returns one document. One that is not there, is another partner's, or went to a site beyond the caller's limits is NotFound.
func Get(ctx context.Context, tx *portal.Tx, number string) (d Detail, err error) {
	if err := tx.Need(portal.AccountRead); err != nil {
		return d, err
	}
	none := portal.Errorf(portal.NotFound, "there is no invoice with this number")
	if !portal.Readable(number) {
		return d, none
	}
	err = tx.Get(ctx, &d, `SELECT `+columns+` FROM invoices WHERE partner_id = $1 AND number = $3 AND ($4::text[] IS NULL OR site = ANY($4))`,
		tx.By.PartnerID, portal.DateOf(tx.Now), number, portal.Limit(tx.By.Sites))
	if errors.Is(err, sql.ErrNoRows) {
		return d, none
	} else if err != nil {
		return d, fmt.Errorf("reading invoice: %w", err)
	}
	d.Lines, d.Memos = []Line{}, []string{}
	err = tx.Select(ctx, &d.Lines, `
		SELECT line, coalesce(order_number, '') AS order_number, order_line, coalesce(product, '') AS product, description, coalesce(unit, '') AS unit, quantity, price, net, tax
		FROM invoice_lines WHERE partner_id = $1 AND invoice = $2 ORDER BY line`, tx.By.PartnerID, number)
	if err != nil {
		return d, fmt.Errorf("reading invoice lines: %w", err)
	}
	if err := tx.Select(ctx, &d.Memos, `SELECT number FROM invoices WHERE partner_id = $1 AND kind = 'credit_memo' AND credits = $2 AND ($3::text[] IS NULL OR site = ANY($3)) ORDER BY number`,
		tx.By.PartnerID, number, portal.Limit(tx.By.Sites)); err != nil {
		return d, fmt.Errorf("looking for credit memos: %w", err)
	}
	d.Settled, err = accounts.SettledBy(ctx, tx, number)
	return d, err
}

// Take is Get for a file that is taken away: it is audited.
func Take(ctx context.Context, tx *portal.Tx, number, format string) (d Detail, err error) {
	if err := tx.Need(portal.AccountExport); err != nil {
		return d, err
	}
	if d, err = Get(ctx, tx, number); err != nil {
		return d, err
	}
	return d, tx.Audit(ctx, "invoices.take", "invoices/"+number, map[string]string{"format": format})
}

// Export gives each every document of the filter, in its sort, and audits that they were taken away. Limit and Cursor do not count.
func Export(ctx context.Context, tx *portal.Tx, f Filter, format string, each func(Document) error) error {
	if err := tx.Need(portal.AccountRead); err != nil {
		return err
	}
	if err := tx.Need(portal.AccountExport); err != nil {
		return err
	}
	f.Cursor, f.Limit = "", 0
	if err := f.Check(); err != nil {
		return err
	}
	if err := tx.Audit(ctx, "invoices.export", "invoices", map[string]string{"format": format, "state": f.State, "kind": f.Kind, "site": f.Site, "from": string(f.From), "to": string(f.To), "text": f.Text}); err != nil {
		return err
	}
	where, args := f.where(tx)
	by, down := strings.CutPrefix(f.Sort, "-")
	direction := ""
	if down {
		direction = " DESC"
	}
	err := tx.Each(ctx, func(row *sqlx.Rows) error {
		var d Document
		if err := row.StructScan(&d); err != nil {
			return err
		}
		return each(d)
	}, fmt.Sprintf(`SELECT `+columns+` FROM invoices WHERE %s ORDER BY %[2]s%[3]s, number%[3]s`, where, by, direction), args...)
	if err != nil {
		return fmt.Errorf("exporting invoices: %w", err)
	}
	return nil
}

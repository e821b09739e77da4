// Package orders lets a partner follow what it ordered from the host.
package orders

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"

	"extranet/portal"
)

// The states an order can be in, and those in which something is still to come.
var (
	Statuses  = []string{"open", "held", "picking", "part_shipped", "shipped", "delivered", "cancelled"}
	Unshipped = []string{"open", "held", "picking", "part_shipped"}
)

// Mirror and Lines say how the core's orders lie in the portal's database.
var (
	Mirror = portal.Mirror{
		Entity: "orders", Table: "orders", Key: []string{"number"}, Owned: true, Nouns: []string{"orders"},
		Track: []string{"status", "promised_on", "total"}, Noun: "orders", Doc: "number",
		Columns: []portal.Column{
			{Name: "number", Required: true}, {Name: "site"}, {Name: "po_number"}, {Name: "contact"}, {Name: "status", Required: true, OneOf: Statuses},
			{Name: "currency", Required: true}, {Name: "ordered_on", Type: portal.Day, Required: true}, {Name: "requested_on", Type: portal.Day},
			{Name: "promised_on", Type: portal.Day}, {Name: "net", Type: portal.Decimal, Required: true}, {Name: "tax", Type: portal.Decimal, Required: true},
			{Name: "total", Type: portal.Decimal, Required: true}, {Name: "continued_by"}, {Name: "comment"},
		},
	}
	Lines = portal.Mirror{
		Entity: "order_lines", Table: "order_lines", Key: []string{"order_number", "line"}, Owned: true, Nouns: []string{"orders"},
		Columns: []portal.Column{
			{Name: "order_number", Required: true}, {Name: "line", Type: portal.Int, Required: true}, {Name: "product"}, {Name: "description", Required: true}, {Name: "unit"},
			{Name: "ordered", Type: portal.Decimal, Required: true}, {Name: "shipped", Type: portal.Decimal, Required: true},
			{Name: "backordered", Type: portal.Decimal, Required: true}, {Name: "cancelled", Type: portal.Decimal, Required: true},
			{Name: "price", Type: portal.Decimal, Required: true}, {Name: "net", Type: portal.Decimal, Required: true},
			{Name: "requested_on", Type: portal.Day}, {Name: "promised_on", Type: portal.Day},
		},
	}
)

// An Order is what a partner ordered at one time for one site.
type Order struct {
	Number      string        `json:"number" doc:"The host's number"`
	PONumber    string        `json:"po_number" doc:"The partner's own number for it"`
	Site        string        `json:"site" doc:"The site it goes to"`
	Contact     string        `json:"contact" doc:"Who ordered"`
	Status      string        `json:"status" enum:"open,held,picking,part_shipped,shipped,delivered,cancelled"`
	Currency    string        `json:"currency" doc:"ISO 4217, of every amount"`
	OrderedOn   portal.Date   `json:"ordered_on" format:"date"`
	RequestedOn portal.Date   `json:"requested_on" doc:"Day the partner asked for; null where it did not" format:"date" nullable:"true"`
	PromisedOn  portal.Date   `json:"promised_on" doc:"Day the host promised; null until it did" format:"date" nullable:"true"`
	Net         portal.Amount `json:"net" doc:"Exact decimal, without tax"`
	Tax         portal.Amount `json:"tax"`
	Total       portal.Amount `json:"total" doc:"net + tax"`
	ContinuedBy string        `json:"continued_by" doc:"The back-order that took the rest; empty where none did"`
	ChangedAt   time.Time     `json:"changed_at" doc:"When the portal last saw it change, UTC"`
}

// document is an order as JSON with the members of Order. Postgres encodes it, once: for a machine it goes
// out as it is. Amounts are text, to keep their places.
const document = `o.number, coalesce(o.po_number, '') AS po_number, coalesce(o.site, '') AS site, coalesce(o.contact, '') AS contact, o.status, o.currency,
	o.ordered_on, o.requested_on, o.promised_on, o.net::text AS net, o.tax::text AS tax, o.total::text AS total,
	coalesce(o.continued_by, '') AS continued_by, o.changed_at`

// Filter narrows and orders List and Export; the zero Filter lists everything, newest first.
type Filter struct {
	Statuses []string    // any of these
	Site     string      // a site's number
	From, To portal.Date // ordered on these days or between
	Text     string      // the beginning of an order or PO number, in any case
	Sort     string      // one of Sorts; "" = "-ordered_on"
	Limit    int         // 1 to 200; 0 = 50
	Cursor   string      // from Page.Next or Page.Prev
}

// Sorts are the orders a list can have; a minus puts the greatest first.
// Orders without a promise come after all promised days.
var Sorts = []string{"-ordered_on", "ordered_on", "-promised_on", "promised_on", "-total", "total", "-number", "number"}

// sorts maps a sort to the column that orders it; a cursor remembers the column's value as text.
var sorts = map[string]struct{ column, cast string }{
	"ordered_on":  {"o.ordered_on", "::date"},
	"promised_on": {"o.promise_sort", "::date"},
	"total":       {"o.total_sort", "::float8"},
	"number":      {"o.number", "::text"},
}

// A Page is one stretch of a list. Next and Prev are cursors; "" = there is no more that way.
type Page struct {
	Items []Order
	Next  string
	Prev  string
}

type cursor struct {
	Sort   string `json:"s"`
	Back   bool   `json:"b,omitempty"`
	Value  string `json:"v"`
	Number string `json:"n"`
}

func (c cursor) String() string {
	b, _ := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Check returns an Invalid error naming every field that cannot be meant, and fills in the defaults.
func (f *Filter) Check() error {
	bad := map[string]string{}
	for _, s := range f.Statuses {
		if !slices.Contains(Statuses, s) {
			bad["status"] = fmt.Sprintf("%q is not a status; choose from %s", s, strings.Join(Statuses, ", "))
		}
	}
	for field, d := range map[string]portal.Date{"ordered_from": f.From, "ordered_to": f.To} {
		if _, err := portal.ParseDate(string(d)); err != nil {
			bad[field] = portal.Says(err).Msg
		}
	}
	if len(bad) == 0 && f.From != "" && f.To != "" && f.To < f.From {
		bad["ordered_to"] = "must not be before ordered_from"
	}
	if f.Sort == "" {
		f.Sort = Sorts[0]
	}
	if !slices.Contains(Sorts, f.Sort) {
		bad["sort"] = "choose from " + strings.Join(Sorts, ", ")
	}
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
	if c.Sort != f.Sort || strings.ContainsRune(c.Value+c.Number, 0) {
		return nil, errors.New("another list's cursor")
	}
	switch strings.TrimPrefix(c.Sort, "-") {
	case "ordered_on", "promised_on":
		_, err = portal.ParseDate(c.Value)
	case "total":
		_, err = strconv.ParseFloat(c.Value, 64)
	}
	return &c, err
}

// where returns the conditions that every list shares, of static text, and their arguments.
func (f *Filter) where(tx *portal.Tx) (string, []any) {
	where, args := `o.partner_id = $1`, []any{tx.By.PartnerID}
	and := func(condition string, arg any) {
		args = append(args, arg)
		where += fmt.Sprintf(condition, len(args))
	}
	if tx.By.Sites != nil {
		and(` AND o.site = ANY($%d)`, tx.By.Sites)
	}
	switch len(f.Statuses) {
	case 0:
	case 1:
		and(` AND o.status = $%d`, f.Statuses[0])
	default:
		and(` AND o.status = ANY($%d)`, f.Statuses)
	}
	if f.Site != "" {
		and(` AND o.site = $%d`, f.Site)
	}
	if f.From != "" {
		and(` AND o.ordered_on >= $%d`, f.From)
	}
	if f.To != "" {
		and(` AND o.ordered_on <= $%d`, f.To)
	}
	if text := strings.ToUpper(strings.TrimSpace(f.Text)); text != "" {
		// A range of the pattern-ops index, for LIKE may not use it under row security.
		and(` AND (o.number_search ~>=~ $%[1]d AND o.number_search ~<~ ($%[1]d || chr(1114111)) OR o.po_search ~>=~ $%[1]d AND o.po_search ~<~ ($%[1]d || chr(1114111)))`, text)
	}
	return where, args
}

// query returns the SQL of one page and one row more. back says that it comes in reverse.
func (f *Filter) query(tx *portal.Tx) (query string, args []any, back bool) {
	where, args := f.where(tx)
	c, _ := f.cursor()
	name, down := strings.CutPrefix(f.Sort, "-")
	by := sorts[name]
	back = c != nil && c.Back
	direction, beyond := "", ">"
	if down != back {
		direction, beyond = " DESC", "<"
	}
	if c != nil {
		args = append(args, c.Value, c.Number)
		where += fmt.Sprintf(` AND (%s, o.number) %s ($%d%s, $%d)`, by.column, beyond, len(args)-1, by.cast, len(args))
	}
	args = append(args, f.Limit+1)
	// The page is cut before it is encoded, and comes in the order it was cut in.
	return fmt.Sprintf(`SELECT row_to_json(d)::text, o.number, o.sorted
		FROM (SELECT o.*, %s::text AS sorted FROM orders o WHERE %s ORDER BY %[1]s%[3]s, o.number%[3]s LIMIT $%[4]d) o CROSS JOIN LATERAL (SELECT %[5]s) d`,
		by.column, where, direction, len(args), document), args, back
}

// List returns the partner's orders that the caller's sites let it see. A filter that makes no sense is Invalid.
func List(ctx context.Context, tx *portal.Tx, f Filter) (p Page, err error) {
	raw, err := ListJSON(ctx, tx, f)
	if err != nil {
		return p, err
	}
	p.Next, p.Prev = raw.Next, raw.Prev
	return p, json.Unmarshal(raw.Items, &p.Items)
}

// A PageJSON is a Page whose Items are a JSON array.
type PageJSON struct {
	Items      []byte
	Next, Prev string
}

// ListJSON is List for machines.
func ListJSON(ctx context.Context, tx *portal.Tx, f Filter) (p PageJSON, err error) {
	if err := tx.Need(portal.OrdersRead); err != nil {
		return p, err
	}
	if err := f.Check(); err != nil {
		return p, err
	}
	query, args, back := f.query(tx)
	type row struct{ doc, number, sorted string }
	rows := make([]row, 0, f.Limit+1)
	size := 2
	err = tx.Each(ctx, func(r *sqlx.Rows) error {
		var o row
		err := r.Scan(&o.doc, &o.number, &o.sorted)
		rows, size = append(rows, o), size+len(o.doc)+1
		return err
	}, query, args...)
	if err != nil {
		return p, fmt.Errorf("listing orders: %w", err)
	}
	more := len(rows) > f.Limit
	if more {
		rows = rows[:f.Limit]
	}
	if back {
		slices.Reverse(rows)
	}
	if n := len(rows); n > 0 {
		if more || back {
			p.Next = cursor{f.Sort, false, rows[n-1].sorted, rows[n-1].number}.String()
		}
		if f.Cursor != "" && (more || !back) {
			p.Prev = cursor{f.Sort, true, rows[0].sorted, rows[0].number}.String()
		}
	}
	p.Items = append(make([]byte, 0, size), '[')
	for i, o := range rows {
		if i > 0 {
			p.Items = append(p.Items, ',')
		}
		p.Items = append(p.Items, o.doc...)
	}
	p.Items = append(p.Items, ']')
	return p, nil
}

// Export gives f every order of the filter, in its sort, one at a time, and audits that they were taken away as the named format.
// Limit and Cursor do not count.
func Export(ctx context.Context, tx *portal.Tx, f Filter, format string, each func(Order) error) error {
	if err := tx.Need(portal.OrdersRead); err != nil {
		return err
	}
	if err := tx.Need(portal.OrdersExport); err != nil {
		return err
	}
	f.Cursor, f.Limit = "", 0
	if err := f.Check(); err != nil {
		return err
	}
	if err := tx.Audit(ctx, "orders.export", "orders", map[string]string{"format": format, "status": strings.Join(f.Statuses, ","), "site": f.Site,
		"from": string(f.From), "to": string(f.To), "text": f.Text}); err != nil {
		return err
	}
	where, args := f.where(tx)
	name, down := strings.CutPrefix(f.Sort, "-")
	direction := ""
	if down {
		direction = " DESC"
	}
	err := eachOrder(ctx, tx, each, fmt.Sprintf(`SELECT row_to_json(d)::text FROM (SELECT %s FROM orders o WHERE %s ORDER BY %s%s, o.number%s) d`, document, where, sorts[name].column, direction, direction), args...)
	if err != nil {
		return fmt.Errorf("exporting orders: %w", err)
	}
	return nil
}

// eachOrder gives f the orders that the query returns as documents.
func eachOrder(ctx context.Context, tx *portal.Tx, f func(Order) error, query string, args ...any) error {
	return tx.Each(ctx, func(row *sqlx.Rows) error {
		var doc []byte
		var o Order
		if err := row.Scan(&doc); err != nil {
			return err
		}
		if err := json.Unmarshal(doc, &o); err != nil {
			return err
		}
		return f(o)
	}, query, args...)
}

// A Line is one product of an order. Ordered = Shipped + Backordered + Cancelled + Open, always;
// a negative Open is what was shipped beyond the order.
type Line struct {
	Line        int64         `json:"line"`
	Product     string        `json:"product"`
	Description string        `json:"description"`
	Unit        string        `json:"unit" doc:"Of every quantity of the line"`
	Ordered     portal.Amount `json:"ordered" doc:"Exact decimal; ordered = shipped + backordered + cancelled + open"`
	Shipped     portal.Amount `json:"shipped"`
	Backordered portal.Amount `json:"backordered" doc:"Moved to the order that continues this one"`
	Cancelled   portal.Amount `json:"cancelled"`
	Open        portal.Amount `json:"open" doc:"Still to come; negative where more was shipped than ordered"`
	Price       portal.Amount `json:"price" doc:"Per unit, without tax, in the order's currency"`
	Net         portal.Amount `json:"net"`
	RequestedOn portal.Date   `json:"requested_on" format:"date" nullable:"true"`
	PromisedOn  portal.Date   `json:"promised_on" format:"date" nullable:"true"`
}

// A Change is what the portal saw become another about an order.
type Change struct {
	Number string    `db:"key" json:"order"`
	At     time.Time `db:"at" json:"at"`
	Field  string    `db:"field" json:"field" doc:"status, promised_on or total"`
	Was    string    `db:"was" json:"was"`
	Became string    `db:"became" json:"became"`
}

// A Detail is an order with all that belongs to it.
type Detail struct {
	Order
	Comment   string   `json:"comment"`
	Continues string   `json:"continues" doc:"The order whose rest this back-order took; empty where it is none"`
	Lines     []Line   `json:"lines"`
	Changes   []Change `json:"changes" doc:"Newest first, at most 200"`
}

// GetJSON returns a Detail as JSON, with the members that more adds: static SQL of columns, in which $1 is the partner and
// $2 the number. An order that is not there, is another partner's, or goes to a site beyond the caller's limits is NotFound.
func GetJSON(ctx context.Context, tx *portal.Tx, number, more string) (doc []byte, err error) {
	if err := tx.Need(portal.OrdersRead); err != nil {
		return nil, err
	}
	none := portal.Errorf(portal.NotFound, "there is no order with this number")
	if !utf8.ValidString(number) || strings.ContainsRune(number, 0) {
		return nil, none
	}
	err = tx.Get(ctx, &doc, `
		SELECT row_to_json(d)::text FROM (
			SELECT `+document+`, coalesce(o.comment, '') AS comment,
				coalesce((SELECT min(e.number) FROM orders e WHERE e.partner_id = $1 AND e.continued_by = $2), '') AS continues,
				(SELECT coalesce(json_agg(l), '[]') FROM (
					SELECT line, coalesce(product, '') AS product, description, coalesce(unit, '') AS unit, ordered::text AS ordered, shipped::text AS shipped,
						backordered::text AS backordered, cancelled::text AS cancelled, rest::text AS open, price::text AS price, net::text AS net, requested_on, promised_on
					FROM order_lines WHERE partner_id = $1 AND order_number = $2 ORDER BY line) l) AS lines,
				(SELECT coalesce(json_agg(c), '[]') FROM (
					SELECT key AS "order", at, field, coalesce(was, '') AS was, coalesce(became, '') AS became
					FROM changes WHERE partner_id = $1 AND noun = 'orders' AND key = $2 ORDER BY at DESC, field LIMIT 200) c) AS changes`+more+`
			FROM orders o
			WHERE o.partner_id = $1 AND o.number = $2 AND ($3::text[] IS NULL OR o.site = ANY($3))) d`,
		tx.By.PartnerID, number, portal.Limit(tx.By.Sites))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, none
	} else if err != nil {
		return nil, fmt.Errorf("reading order: %w", err)
	}
	return doc, nil
}

// Get returns one order with its lines and changes; see [GetJSON].
func Get(ctx context.Context, tx *portal.Tx, number string) (d Detail, err error) {
	doc, err := GetJSON(ctx, tx, number, "")
	if err != nil {
		return d, err
	}
	return d, json.Unmarshal(doc, &d)
}

// An Overview says what is open and what changed, for the caller's sites.
type Overview struct {
	Open    []Standing // by status, in the order of Unshipped
	Recent  []Recent   // what changed lately, newest first, at most 12
	Newest  []Order    // the latest orders, at most 5
	Overdue []Order    // promised for a day that is over, earliest first, at most 5
}

// A Standing counts the orders of one status. Counting ends at 1,000: More says that there are more.
type Standing struct {
	Status  string `db:"status"`
	Orders  int    `db:"orders"`
	Overdue int    `db:"overdue"` // of them, promised for a day that is over
	More    bool   `db:"-"`
}

// Recent is a change with the order it happened to.
type Recent struct {
	Change
	PONumber string `db:"po_number"`
	Site     string `db:"site"`
	Currency string `db:"currency"`
}

const countedAtMost = 1000

// Look returns the caller's overview.
func Look(ctx context.Context, tx *portal.Tx) (v Overview, err error) {
	if err := tx.Need(portal.OrdersRead); err != nil {
		return v, err
	}
	today, sites := portal.DateOf(tx.Now), portal.Limit(tx.By.Sites)
	for _, status := range Unshipped {
		s := Standing{Status: status}
		err := tx.Get(ctx, &s, `
			SELECT $2 AS status, count(*) AS orders, count(*) FILTER (WHERE promised_on < $3) AS overdue
			FROM (SELECT promised_on FROM orders WHERE partner_id = $1 AND status = $2 AND ($4::text[] IS NULL OR site = ANY($4)) LIMIT $5) o`,
			tx.By.PartnerID, status, today, sites, countedAtMost)
		if err != nil {
			return v, fmt.Errorf("counting orders: %w", err)
		}
		s.More = s.Orders == countedAtMost
		v.Open = append(v.Open, s)
	}
	err = tx.Select(ctx, &v.Recent, `
		SELECT c.key, c.at, c.field, coalesce(c.was, '') AS was, coalesce(c.became, '') AS became,
			coalesce(o.po_number, '') AS po_number, coalesce(o.site, '') AS site, o.currency
		FROM (SELECT key, at, field, was, became FROM changes WHERE partner_id = $1 AND noun = 'orders' ORDER BY at DESC LIMIT 200) c
		JOIN orders o ON o.partner_id = $1 AND o.number = c.key
		WHERE $2::text[] IS NULL OR o.site = ANY($2)
		ORDER BY c.at DESC, c.key, c.field
		LIMIT 12`, tx.By.PartnerID, sites)
	if err != nil {
		return v, fmt.Errorf("listing what changed: %w", err)
	}
	newest, err := List(ctx, tx, Filter{Limit: 5})
	if err != nil {
		return v, err
	}
	v.Newest = newest.Items
	err = eachOrder(ctx, tx, func(o Order) error { v.Overdue = append(v.Overdue, o); return nil }, `
		SELECT row_to_json(d)::text FROM (SELECT `+document+` FROM orders o
			WHERE o.partner_id = $1 AND o.status = ANY($2) AND o.promised_on < $3 AND ($4::text[] IS NULL OR o.site = ANY($4))
			ORDER BY o.promised_on, o.number
			LIMIT 5) d`, tx.By.PartnerID, Unshipped, today, sites)
	if err != nil {
		return v, fmt.Errorf("listing overdue orders: %w", err)
	}
	return v, nil
}

package purchasing

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"extranet/portal"
)

// A DueLine is a line of an order of which something is to arrive.
type DueLine struct {
	Order           string        `json:"order" doc:"The host's number"`
	Line            int64         `json:"line"`
	Site            string        `json:"site" doc:"The supplier's site that it is ordered from"`
	ShipTo          string        `json:"ship_to" doc:"The host's place that it goes to"`
	Product         string        `json:"product" doc:"The host's number"`
	SupplierProduct string        `json:"supplier_product" doc:"The supplier's own number"`
	Description     string        `json:"description"`
	Unit            string        `json:"unit" doc:"Of every quantity of the line"`
	Buyer           string        `json:"buyer" doc:"Whom the host names"`
	State           string        `json:"state" enum:"review,waiting,confirmed"`
	DueOn           portal.Date   `json:"due_on" format:"date" doc:"The first day on which something is to arrive that has not: as promised, or where nothing is, as asked for"`
	Due             portal.Amount `json:"due" doc:"How much is to have arrived by that day and has not"`
	Left            portal.Amount `json:"left" doc:"How much is to arrive in all"`
	Quantity        portal.Amount `json:"quantity"`
	Received        portal.Amount `json:"received"`
	Promised        []Part        `json:"promised" doc:"What stands; empty where nothing is promised yet"`
	Asked           []Part        `json:"asked"`
}

// reckon says how much is due, and left in all: of what is promised, or asked for where nothing is.
func (l *DueLine) reckon() {
	parts := l.Promised
	if len(parts) == 0 {
		parts = l.Asked
	}
	due, all := l.Received.Number().Neg(), l.Received.Number().Neg()
	for _, p := range parts {
		if p.On <= l.DueOn {
			due = due.Add(p.Quantity.Number())
		}
		all = all.Add(p.Quantity.Number())
	}
	l.Due, l.Left = amount(decimal.Max(due, decimal.Zero)), amount(decimal.Max(all, decimal.Zero))
}

// DueLists are what DueLines can be narrowed to.
var DueLists = []string{Review, Waiting, Confirmed, "late"}

// DueFilter narrows DueLines; the zero filter lists everything that is to arrive, what is due first first.
type DueFilter struct {
	List    string // one of DueLists; "" = any
	Site    string // a site's number
	Product string // the host's number, as it is written
	Limit   int    // 1 to 200; 0 = 50
	Cursor  string // from an earlier page
}

// Key tells one filter from every other.
func (f DueFilter) Key() string {
	b, _ := json.Marshal(f) // strings and numbers: it cannot fail
	return string(b)
}

// Check returns an Invalid error naming every field that cannot be meant, and fills in the defaults.
func (f *DueFilter) Check() error {
	bad := map[string]string{}
	if f.List != "" && !slices.Contains(DueLists, f.List) {
		bad["list"] = "choose from review, waiting, confirmed, late"
	}
	checkList(bad, &f.Limit, "", map[string]string{"site": f.Site, "product": f.Product})
	if _, err := readLineCursor(f.Cursor, true); err != nil {
		bad["cursor"] = "is not one that this list gave; begin again without it"
	}
	return unmade(bad)
}

// A lineCursor is a place in a list of lines.
type lineCursor struct {
	Day     portal.Date `json:"d,omitempty"` // by the day something is due
	Partner int64       `json:"p,omitempty"` // across suppliers
	Order   string      `json:"o"`
	Line    int64       `json:"l"`
}

func (c lineCursor) String() string {
	b, _ := json.Marshal(c) // strings and numbers: it cannot fail
	return base64.RawURLEncoding.EncodeToString(b)
}

// readLineCursor reads a cursor of a list that goes by days, or not.
func readLineCursor(text string, days bool) (c lineCursor, err error) {
	if text == "" {
		return c, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, err
	}
	if c.Order == "" || !plain(c.Order, 100) || days == (c.Day == "") {
		return c, errors.New("another list's cursor")
	}
	_, err = portal.ParseDate(string(c.Day))
	return c, err
}

// dueDocument is the SQL of a DueLine of the line l of the order o.
const dueDocument = `l.order_number AS order, l.line, coalesce(o.site, '') AS site, coalesce(o.ship_to, '') AS ship_to, coalesce(o.buyer, '') AS buyer, coalesce(l.product, '') AS product,
	coalesce(l.supplier_product, '') AS supplier_product, l.description, coalesce(l.unit, '') AS unit, l.state, l.next_due_on AS due_on, trim_scale(l.quantity)::text AS quantity,
	trim_scale(l.received)::text AS received, ` + askedOf + ` AS asked,
	(SELECT coalesce(json_agg(json_build_object('on', promised_on, 'quantity', trim_scale(quantity)::text) ORDER BY promised_on, part), '[]')
		FROM purchase_promises p WHERE p.partner_id = l.partner_id AND p.order_number = l.order_number AND p.line = l.line) AS promised`

func readDue(doc []byte) (l DueLine, err error) {
	err = json.Unmarshal(doc, &l)
	l.reckon()
	return l, err
}

// query returns the SQL of one page and one row more; of everything where Limit is 0.
func (f *DueFilter) query(tx *portal.Tx) (string, []any) {
	where, args := `l.partner_id = $1 AND l.next_due_on IS NOT NULL`, []any{tx.By.PartnerID}
	and := func(condition string, arg any) {
		args = append(args, arg)
		where += fmt.Sprintf(condition, len(args))
	}
	switch f.List {
	case "":
	case "late":
		and(` AND l.next_due_on < $%d`, portal.DateOf(tx.Now))
	default:
		and(` AND l.state = $%d`, f.List)
	}
	if f.Product != "" {
		and(` AND l.product = $%d`, f.Product)
	}
	site := `SELECT 1 FROM purchase_orders o WHERE o.partner_id = l.partner_id AND o.number = l.order_number AND o.site = `
	if tx.By.Sites != nil {
		and(` AND EXISTS (`+site+`ANY($%d))`, tx.By.Sites)
	}
	if f.Site != "" {
		and(` AND EXISTS (`+site+`$%d)`, f.Site)
	}
	if c, _ := readLineCursor(f.Cursor, true); c.Order != "" {
		args = append(args, c.Day, c.Order, c.Line)
		where += fmt.Sprintf(` AND (l.next_due_on, l.order_number, l.line) > ($%d::date, $%d, $%d)`, len(args)-2, len(args)-1, len(args))
	}
	limit := ``
	if f.Limit > 0 {
		args = append(args, f.Limit+1)
		limit = fmt.Sprintf(` LIMIT $%d`, len(args))
	}
	return `SELECT row_to_json(d)::text FROM (SELECT * FROM purchase_order_lines l WHERE ` + where + ` ORDER BY l.next_due_on, l.order_number, l.line` + limit + `) l
		JOIN purchase_orders o ON o.partner_id = l.partner_id AND o.number = l.order_number
		CROSS JOIN LATERAL (SELECT ` + dueDocument + `) d
		WHERE o.partner_id = $1 ORDER BY l.next_due_on, l.order_number, l.line`, args
}

func (f *DueFilter) each(ctx context.Context, tx *portal.Tx, g func(DueLine) error) error {
	query, args := f.query(tx)
	return tx.Each(ctx, func(r *sqlx.Rows) error {
		var doc []byte
		if err := r.Scan(&doc); err != nil {
			return err
		}
		l, err := readDue(doc)
		if err != nil {
			return err
		}
		return g(l)
	}, query, args...)
}

// DueLines lists the lines of all orders of which something is to arrive, what is due first first. A filter that makes no sense is Invalid.
func DueLines(ctx context.Context, tx *portal.Tx, f DueFilter) (list []DueLine, next string, err error) {
	if err := tx.Need(portal.PurchasingRead); err != nil {
		return nil, "", err
	}
	if err := f.Check(); err != nil {
		return nil, "", err
	}
	list = []DueLine{}
	err = f.each(ctx, tx, func(l DueLine) error {
		if n := len(list); n == f.Limit {
			next = lineCursor{Day: list[n-1].DueOn, Order: list[n-1].Order, Line: list[n-1].Line}.String()
			return nil
		}
		list = append(list, l)
		return nil
	})
	if err != nil {
		return nil, "", fmt.Errorf("listing what is due: %w", err)
	}
	return list, next, nil
}

// ExportDue gives g every line of the filter, and audits that they were taken away as the named format. Limit and Cursor do not count.
func ExportDue(ctx context.Context, tx *portal.Tx, f DueFilter, format string, g func(DueLine) error) error {
	if err := tx.Need(portal.PurchasingRead); err != nil {
		return err
	}
	f.Limit, f.Cursor = 0, ""
	if err := f.Check(); err != nil {
		return err
	}
	f.Limit = 0
	if err := tx.Audit(ctx, "purchasing.export", "purchasing", map[string]string{"format": format, "what": "due", "list": f.List, "site": f.Site, "product": f.Product}); err != nil {
		return err
	}
	if err := f.each(ctx, tx, g); err != nil {
		return fmt.Errorf("exporting what is due: %w", err)
	}
	return nil
}

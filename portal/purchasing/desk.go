package purchasing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"extranet/portal"
	"extranet/portal/partners"
)

// The functions of this file run in a transaction of [portal.DB.AcrossPartners]: the host's buyers see what is ordered from every supplier.

// CommandDecide carries what a buyer decided about an answer to the core: order and by; lines is a list.
const CommandDecide = "decide_purchase_answer"

// A DeskOrder is an order with the supplier that it was sent to.
type DeskOrder struct {
	Partner     string `json:"partner" doc:"The supplier's account number"`
	PartnerName string `json:"partner_name"`
	Order
}

// A DeskPage is one stretch of a list across suppliers; Next is a cursor, "" = this is the last.
type DeskPage struct {
	Items []DeskOrder
	Next  string
}

// supplierOf returns the supplier with the account number, or NotFound.
func supplierOf(ctx context.Context, tx *portal.Tx, number string) (p partners.Partner, err error) {
	gone := portal.Errorf(portal.NotFound, "there is no supplier with this number")
	if !plain(number, 100) {
		return p, gone
	}
	p, err = partners.ByNumber(ctx, tx, number)
	if err != nil && portal.Says(err).Kind == portal.NotFound || err == nil && p.Kind != "supplier" {
		return p, gone
	}
	return p, err
}

// SupplierOf returns the supplier with the account number to the host's buyers, or NotFound.
func SupplierOf(ctx context.Context, tx *portal.Tx, number string) (p partners.Partner, err error) {
	if err := tx.Need(portal.PurchasesRead); err != nil {
		return p, err
	}
	return supplierOf(ctx, tx, number)
}

// Narrowed is the id of the supplier that a list across suppliers is narrowed to: 0 where it is not, -1, which nobody has, where there is no such supplier.
func Narrowed(ctx context.Context, tx *portal.Tx, partner string) (int64, error) {
	if partner == "" {
		return 0, nil
	}
	s, err := supplierOf(ctx, tx, partner)
	if err != nil && portal.Says(err).Kind == portal.NotFound {
		return -1, nil
	}
	return s.ID, err
}

// acrossQuery returns the SQL of one page across suppliers and one row more, of the one supplier if its id is not 0.
func (f *Filter) acrossQuery(tx *portal.Tx, supplier int64) (string, []any) {
	where, args := `true`, []any{}
	and := func(condition string, arg any) {
		args = append(args, arg)
		where += fmt.Sprintf(condition, len(args))
	}
	if supplier != 0 {
		and(` AND o.partner_id = $%d`, supplier)
	}
	switch f.List {
	case "":
	case "late":
		and(` AND o.next_due_on < $%d`, portal.DateOf(tx.Now))
	default:
		and(` AND o.state = $%d`, f.List)
	}
	if text := strings.ToUpper(strings.TrimSpace(f.Text)); text != "" {
		and(` AND o.number_search ~>=~ $%[1]d AND o.number_search ~<~ ($%[1]d || chr(1114111))`, text)
	}
	name, down := strings.CutPrefix(f.Sort, "-")
	by := sorts[name]
	direction, beyond := "", ">"
	if down {
		direction, beyond = " DESC", "<"
	}
	if c, _ := readCursor(f.Cursor, f.Sort); c != nil {
		args = append(args, c.Value, c.Partner, c.Key)
		where += fmt.Sprintf(` AND (%s, o.partner_id, o.number) %s ($%d%s, $%d, $%d)`, by.column, beyond, len(args)-2, by.cast, len(args)-1, len(args))
	}
	limit := ``
	if f.Limit > 0 {
		args = append(args, f.Limit+1)
		limit = fmt.Sprintf(` LIMIT $%d`, len(args))
	}
	return fmt.Sprintf(`SELECT row_to_json(d)::text, o.partner_id, p.number, p.name, o.number, o.sorted
		FROM (SELECT o.*, %[1]s::text AS sorted FROM purchase_orders o WHERE %[2]s ORDER BY %[1]s%[3]s, o.partner_id%[3]s, o.number%[3]s%[4]s) o
		JOIN partners p USING (partner_id) CROSS JOIN LATERAL (SELECT %[5]s) d ORDER BY %[1]s%[3]s, o.partner_id%[3]s, o.number%[3]s`, by.column, where, direction, limit, document), args
}

// Across lists what is ordered from all suppliers, or from the one that f names, in the list's own sort. What waits is answers to be decided about.
// A filter that makes no sense is Invalid; a supplier that is not there has no orders.
func Across(ctx context.Context, tx *portal.Tx, f Filter) (p DeskPage, err error) {
	if err := tx.Need(portal.PurchasesRead); err != nil {
		return p, err
	}
	f.Sort = ""
	if err := f.Check(); err != nil {
		return p, err
	}
	p.Items = []DeskOrder{}
	var last cursor
	err = f.acrossEach(ctx, tx, func(c cursor, o DeskOrder) error {
		if len(p.Items) == f.Limit {
			p.Next = last.String()
			return nil
		}
		p.Items, last = append(p.Items, o), c
		return nil
	})
	if err != nil {
		return p, fmt.Errorf("listing suppliers' purchase orders: %w", err)
	}
	return p, nil
}

func (f *Filter) acrossEach(ctx context.Context, tx *portal.Tx, g func(c cursor, o DeskOrder) error) error {
	supplier, err := Narrowed(ctx, tx, f.Partner)
	if err != nil {
		return err
	}
	query, args := f.acrossQuery(tx, supplier)
	return tx.Each(ctx, func(r *sqlx.Rows) error {
		var doc []byte
		var o DeskOrder
		c := cursor{Sort: f.Sort}
		if err := r.Scan(&doc, &c.Partner, &o.Partner, &o.PartnerName, &c.Key, &c.Value); err != nil {
			return err
		}
		if err := json.Unmarshal(doc, &o.Order); err != nil {
			return err
		}
		return g(c, o)
	}, query, args...)
}

// ExportAcross gives f every order of the filter, in the list's own sort, and audits that they were taken away as the named format. Limit and Cursor do not count.
func ExportAcross(ctx context.Context, tx *portal.Tx, f Filter, format string, each func(DeskOrder) error) error {
	if err := tx.Need(portal.PurchasesRead); err != nil {
		return err
	}
	f.Sort, f.Cursor, f.Limit = "", "", 0
	if err := f.Check(); err != nil {
		return err
	}
	f.Limit = 0
	if err := tx.Audit(ctx, "purchasing.export", "purchasing", map[string]string{"format": format, "list": f.List, "partner": f.Partner, "text": f.Text}); err != nil {
		return err
	}
	if err := f.acrossEach(ctx, tx, func(_ cursor, o DeskOrder) error { return each(o) }); err != nil {
		return fmt.Errorf("exporting suppliers' purchase orders: %w", err)
	}
	return nil
}

// A Case is an order as the host's buyers see it: as the supplier does.
type Case struct {
	Partner     string `json:"partner" doc:"The supplier's account number"`
	PartnerName string `json:"partner_name"`
	Detail
}

// Open returns a supplier's order. One that is not there is NotFound.
func Open(ctx context.Context, tx *portal.Tx, partner, number string) (c Case, err error) {
	if err := tx.Need(portal.PurchasesRead); err != nil {
		return c, err
	}
	s, err := supplierOf(ctx, tx, partner)
	if err != nil {
		return c, err
	}
	c.Partner, c.PartnerName = s.Number, s.Name
	c.Detail, err = get(ctx, tx, s.ID, number)
	return c, err
}

// RulingRefused follows a decision that the core did not take: each of its lines is to be answered anew. It is the worker's.
func RulingRefused(ctx context.Context, tx *portal.Tx, partner int64, number, lines, why string) error {
	var carried []carriedRuling
	if err := json.Unmarshal([]byte(lines), &carried); err != nil {
		return fmt.Errorf("reading a decision: %w", err)
	}
	for _, r := range carried {
		if _, err := tx.Exec(ctx, `UPDATE purchase_order_lines SET revised = true WHERE partner_id = $1 AND order_number = $2 AND line = $3`, partner, number, r.Line); err != nil {
			return fmt.Errorf("undoing a decision: %w", err)
		}
		d := decision{PartnerID: partner, Number: number, Answer: r.Answer, Line: r.Line, Why: why, At: tx.Now, Content: "{}"}
		if err := d.take(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// A DeskOverview counts what the host's buyers have to do. Counting ends at 1,000.
type DeskOverview struct {
	Waiting  int `db:"waiting"`  // orders with answers to decide about
	Overdue  int `db:"overdue"`  // orders that suppliers should have answered
	Late     int `db:"late"`     // orders of which something should have arrived
	Objected int `db:"objected"` // receipts that a supplier objects to
}

// LookAcross returns the buyers' overview.
func LookAcross(ctx context.Context, tx *portal.Tx) (v DeskOverview, err error) {
	if err := tx.Need(portal.PurchasesRead); err != nil {
		return v, err
	}
	err = tx.Get(ctx, &v, `
		SELECT (SELECT count(*) FROM (SELECT 1 FROM purchase_orders WHERE state = 'waiting' LIMIT 1000) x) AS waiting,
			(SELECT count(*) FROM (SELECT 1 FROM purchase_orders WHERE state = 'review' AND answer_by < $1 LIMIT 1000) x) AS overdue,
			(SELECT count(*) FROM (SELECT 1 FROM purchase_orders WHERE next_due_on < $1 LIMIT 1000) x) AS late,
			(SELECT count(*) FROM (SELECT 1 FROM receipt_objections WHERE state = 'waiting' LIMIT 1000) x) AS objected`, portal.DateOf(tx.Now))
	if err != nil {
		return v, fmt.Errorf("counting for the buyers: %w", err)
	}
	return v, nil
}

// tell writes to those of a supplier who answer for its site.
func tell(ctx context.Context, tx *portal.Tx, partner int64, site string, m portal.Mail) error {
	people, err := answering(ctx, tx, partner)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range people {
		if p.Sites == nil || slices.Contains(p.Sites, site) {
			m.To = p.Email
			errs = append(errs, tx.MailFor(ctx, partner, m))
		}
	}
	return errors.Join(errs...)
}

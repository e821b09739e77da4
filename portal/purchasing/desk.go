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

// A Ruling is what a buyer decides about the answer to a line.
type Ruling struct {
	Answer   int    `json:"answer" minimum:"1" doc:"The answer's number within the order"`
	Line     int64  `json:"line"`
	Accepted bool   `json:"accepted" doc:"true: what the supplier offers stands from now on. false: it is asked again, and what it promised before stands"`
	Why      string `json:"why,omitempty" maxLength:"500" doc:"Words to the supplier; needed where it is not accepted"`
}

type carriedRuling struct {
	Answer   int    `json:"answer"`
	Line     int64  `json:"line"`
	Accepted bool   `json:"accepted"`
	Why      string `json:"why"`
}

// Rule decides about answers that wait, all of them or none. The supplier sees it at once and is written to where something is not accepted; the core learns of it.
// A refusal without words is Invalid; an answer that no longer waits is a Conflict.
func Rule(ctx context.Context, tx *portal.Tx, partner, number string, rulings []Ruling) (c Case, err error) {
	if err := tx.Need(portal.PurchasesManage); err != nil {
		return c, err
	}
	s, err := supplierOf(ctx, tx, partner)
	if err != nil {
		return c, err
	}
	// The lock puts the decision and the supplier's next answer behind one another.
	if n, err := tx.Exec(ctx, `SELECT 1 FROM purchase_orders WHERE partner_id = $1 AND number = $2 FOR UPDATE`, s.ID, number); err != nil {
		return c, fmt.Errorf("locking the purchase order: %w", err)
	} else if n == 0 || !plain(number, 100) {
		return c, none
	}
	d, err := get(ctx, tx, s.ID, number)
	if err != nil {
		return c, err
	}
	bad := map[string]string{}
	if len(rulings) == 0 || len(rulings) > 500 {
		bad["decisions"] = "decide about at least one line"
	}
	var carried []carriedRuling
	insisted := 0
	for i, r := range rulings {
		r.Why = strings.TrimSpace(r.Why)
		rulings[i] = r
		if !plain(words(r.Why), 500) {
			bad[fmt.Sprintf("why-%d", r.Line)] = "must be at most 500 readable characters"
		}
		if !r.Accepted && r.Why == "" {
			bad[fmt.Sprintf("why-%d", r.Line)] = "say why, in words that the supplier reads"
		}
		if !r.Accepted {
			insisted++
		}
		carried = append(carried, carriedRuling(r))
	}
	if len(bad) > 0 {
		return c, &portal.Error{Kind: portal.Invalid, Msg: "nothing was decided", Fields: bad}
	}
	for _, r := range rulings {
		var content string
		for _, g := range d.Answers {
			i := slices.IndexFunc(g.Lines, func(l GivenLine) bool { return l.Line == r.Line && l.State == "waiting" })
			if g.Answer == r.Answer && i >= 0 {
				b, err := json.Marshal(g.Lines[i].LineAnswer)
				if err != nil {
					return c, err
				}
				content = string(b)
			}
		}
		if content == "" {
			return c, portal.Errorf(portal.Conflict, "the answer to line %d does not wait any more; look again", r.Line)
		}
		if err := (decision{PartnerID: s.ID, Number: number, Answer: r.Answer, Line: r.Line, Content: content, Accepted: r.Accepted, Why: r.Why, At: tx.Now}).take(ctx, tx); err != nil {
			return c, err
		}
	}
	lines, err := json.Marshal(carried)
	if err != nil {
		return c, err
	}
	if _, err := tx.PostFor(ctx, s.ID, portal.Command{Name: CommandDecide, Document: "purchase_orders/" + number, Values: map[string]string{"order": number, "by": tx.By.Name, "lines": string(lines)}}); err != nil {
		return c, err
	}
	if insisted > 0 {
		if err := tell(ctx, tx, s.ID, d.Site, portal.Mail{Subject: "Purchase order " + number + ": the host insists on what it asked for", Path: "/purchasing/" + number,
			Text: fmt.Sprintf("%d of your answers to purchase order %s were not accepted. What you promised before stands. Please answer the lines again.", insisted, number)}); err != nil {
			return c, err
		}
	}
	if err := tx.AuditFor(ctx, s.ID, "purchasing.decide", "purchase_orders/"+number, map[string]string{"lines": string(lines)}); err != nil {
		return c, err
	}
	return Open(ctx, tx, partner, number)
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

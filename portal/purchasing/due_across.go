package purchasing

import (
	"context"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"extranet/portal"
)

// A DeskDueLine is a line of which something is to arrive, with the supplier that it is ordered from.
type DeskDueLine struct {
	Partner     string `json:"partner" doc:"The supplier's account number"`
	PartnerName string `json:"partner_name"`
	DueLine
}

// Unconfirmed is what has not been promised as it is asked for: with the supplier, or to be decided about.
const Unconfirmed = "unconfirmed"

// DueDays and DueStates are what DueAcross can be narrowed to.
var (
	DueDays   = []string{"late", "week"}
	DueStates = []string{Unconfirmed, Review, Waiting, Confirmed}
)

// DueAcrossFilter narrows DueAcross; the zero filter lists everything that is to arrive, what is due first first.
type DueAcrossFilter struct {
	Days    string // late: before today; week: from this week's Monday to its Sunday; "" = any
	State   string // one of DueStates; "" = any
	Partner string // a supplier's account number
	Product string // the host's number, as it is written
	Limit   int    // 1 to 200; 0 = 50
	Cursor  string // from an earlier page
}

// Check returns an Invalid error naming every field that cannot be meant, and fills in the defaults.
func (f *DueAcrossFilter) Check() error {
	bad := map[string]string{}
	if f.Days != "" && !slices.Contains(DueDays, f.Days) {
		bad["days"] = "choose from late, week"
	}
	if f.State != "" && !slices.Contains(DueStates, f.State) {
		bad["state"] = "choose from unconfirmed, review, waiting, confirmed"
	}
	checkList(bad, &f.Limit, "", map[string]string{"partner": f.Partner, "product": f.Product})
	if c, err := readLineCursor(f.Cursor, true); err != nil || f.Cursor != "" && c.Partner == 0 {
		bad["cursor"] = "is not one that this list gave; begin again without it"
	}
	return unmade(bad)
}

// query returns the SQL of one page and one row more, of everything where Limit is 0; of the one supplier if its id is not 0.
func (f *DueAcrossFilter) query(tx *portal.Tx, supplier int64) (string, []any) {
	where, args := `l.next_due_on IS NOT NULL`, []any{}
	and := func(condition string, values ...any) {
		at := make([]any, len(values))
		for i := range values {
			at[i] = len(args) + 1 + i
		}
		args, where = append(args, values...), where+fmt.Sprintf(condition, at...)
	}
	today := portal.DateOf(tx.Now)
	switch f.Days {
	case "late":
		and(` AND l.next_due_on < $%d`, today)
	case "week":
		sinceMonday := (int(today.Time().Weekday()) + 6) % 7
		and(` AND l.next_due_on BETWEEN $%d AND $%d`, portal.DateOf(today.Time().AddDate(0, 0, -sinceMonday)), portal.DateOf(today.Time().AddDate(0, 0, 6-sinceMonday)))
	}
	switch f.State {
	case "":
	case Unconfirmed:
		where += ` AND l.state IN ('review', 'waiting')`
	default:
		and(` AND l.state = $%d`, f.State)
	}
	if supplier != 0 {
		and(` AND l.partner_id = $%d`, supplier)
	}
	if f.Product != "" {
		and(` AND l.product = $%d`, f.Product)
	}
	if c, _ := readLineCursor(f.Cursor, true); c.Order != "" {
		and(` AND (l.next_due_on, l.partner_id, l.order_number, l.line) > ($%d::date, $%d, $%d, $%d)`, c.Day, c.Partner, c.Order, c.Line)
	}
	limit := ``
	if f.Limit > 0 {
		limit = fmt.Sprintf(` LIMIT %d`, f.Limit+1) // in the text: as an argument it would have each call planned anew
	}
	const by = ` ORDER BY l.next_due_on, l.partner_id, l.order_number, l.line`
	return `SELECT row_to_json(d)::text, l.partner_id, s.number, s.name FROM (SELECT * FROM purchase_order_lines l WHERE ` + where + by + limit + `) l
		JOIN purchase_orders o ON o.partner_id = l.partner_id AND o.number = l.order_number JOIN partners s ON s.partner_id = l.partner_id
		CROSS JOIN LATERAL (SELECT ` + dueDocument + `) d` + by, args
}

func (f *DueAcrossFilter) each(ctx context.Context, tx *portal.Tx, g func(c lineCursor, l DeskDueLine) error) error {
	supplier, err := Narrowed(ctx, tx, f.Partner)
	if err != nil {
		return err
	}
	query, args := f.query(tx, supplier)
	return tx.Each(ctx, func(r *sqlx.Rows) (err error) {
		var doc []byte
		var l DeskDueLine
		var c lineCursor
		if err := r.Scan(&doc, &c.Partner, &l.Partner, &l.PartnerName); err != nil {
			return err
		}
		if l.DueLine, err = readDue(doc); err != nil {
			return err
		}
		c.Day, c.Order, c.Line = l.DueOn, l.Order, l.Line
		return g(c, l)
	}, query, args...)
}

// DueAcross lists the lines of all suppliers' orders of which something is to arrive, what is due first first. A filter that makes no sense is Invalid; a supplier
// that is not there has none.
func DueAcross(ctx context.Context, tx *portal.Tx, f DueAcrossFilter) (list []DeskDueLine, next string, err error) {
	if err := tx.Need(portal.PurchasesRead); err != nil {
		return nil, "", err
	}
	if err := f.Check(); err != nil {
		return nil, "", err
	}
	list = []DeskDueLine{}
	var last lineCursor
	err = f.each(ctx, tx, func(c lineCursor, l DeskDueLine) error {
		if len(list) == f.Limit {
			next = last.String()
			return nil
		}
		list, last = append(list, l), c
		return nil
	})
	if err != nil {
		return nil, "", fmt.Errorf("listing what is due of all suppliers: %w", err)
	}
	return list, next, nil
}

// ExportDueAcross gives g every line of the filter, and audits that they were taken away as the named format. Limit and Cursor do not count.
func ExportDueAcross(ctx context.Context, tx *portal.Tx, f DueAcrossFilter, format string, g func(DeskDueLine) error) error {
	if err := tx.Need(portal.PurchasesRead); err != nil {
		return err
	}
	f.Limit, f.Cursor = 0, ""
	if err := f.Check(); err != nil {
		return err
	}
	f.Limit = 0
	if err := tx.Audit(ctx, "purchasing.export", "purchasing", map[string]string{"format": format, "what": "due", "days": f.Days, "state": f.State, "partner": f.Partner, "product": f.Product}); err != nil {
		return err
	}
	if err := f.each(ctx, tx, func(_ lineCursor, l DeskDueLine) error { return g(l) }); err != nil {
		return fmt.Errorf("exporting what is due of all suppliers: %w", err)
	}
	return nil
}

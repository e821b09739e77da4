package purchasing

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"extranet/portal"
	"extranet/portal/sheet"
)

// AnswerHeader heads the table of what is to be answered: what is asked for, and what is filled in.
var AnswerHeader = []string{"Order", "Version", "Line", "Product", "Your product", "Description", "Unit", "Price", "Asked on", "Asked quantity",
	"Answer", "Day", "Promised quantity", "Rest", "Reason", "Substitute", "Asked price", "Note"}

// ToAnswerShown is how many lines the table holds at most: those whose answer is due first.
const ToAnswerShown = 5000

// ToAnswer gives row each line that is to be answered, a row for each part that is asked for, and audits that they were taken away as the named format.
func ToAnswer(ctx context.Context, tx *portal.Tx, format string, row func(...any) error) error {
	if err := tx.Need(portal.PurchasingAnswer); err != nil {
		return err
	}
	if err := tx.Audit(ctx, "purchasing.export", "purchasing", map[string]string{"format": format, "list": "to answer"}); err != nil {
		return err
	}
	var lines []struct {
		Order       string        `db:"order_number"`
		Version     int           `db:"version"`
		Line        int64         `db:"line"`
		Product     string        `db:"product"`
		Own         string        `db:"supplier_product"`
		Description string        `db:"description"`
		Unit        string        `db:"unit"`
		Price       portal.Amount `db:"price"`
		Asked       string        `db:"asked"`
	}
	err := tx.Select(ctx, &lines, `SELECT l.order_number, o.version, l.line, coalesce(l.product, '') AS product, coalesce(l.supplier_product, '') AS supplier_product, l.description, coalesce(l.unit, '') AS unit, l.price, (`+askedOf+`)::text AS asked
		FROM purchase_orders o JOIN purchase_order_lines l ON l.partner_id = o.partner_id AND l.order_number = o.number
		WHERE o.partner_id = $1 AND o.state = 'review' AND l.state = 'review' AND ($2::text[] IS NULL OR o.site = ANY($2)) ORDER BY o.answer_by, o.number, l.line LIMIT $3`, tx.By.PartnerID, portal.Limit(tx.By.Sites), ToAnswerShown)
	if err != nil {
		return fmt.Errorf("looking for what is to be answered: %w", err)
	}
	for _, l := range lines {
		var asked []Part
		if err := unmarshal(&asked, l.Asked); err != nil {
			return err
		}
		if len(asked) == 0 {
			asked = []Part{{}}
		}
		for _, p := range asked {
			if err := row(l.Order, strconv.Itoa(l.Version), strconv.FormatInt(l.Line, 10), l.Product, l.Own, l.Description, l.Unit, l.Price, p.On, p.Quantity, nil, nil, nil, nil, nil, nil, nil, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// AnswersTaken says what became of every row of a table of answers.
type AnswersTaken struct {
	Orders  int           `json:"orders" doc:"Of which something was answered"`
	Lines   int           `json:"lines" doc:"That were answered"`
	Waiting int           `json:"waiting" doc:"Of them, what waits for the host's decision"`
	Left    int           `json:"left" doc:"Rows without an answer"`
	Refused []sheet.Fault `json:"refused" doc:"Rows that were not taken, each with the reason"`
}

// TableLimits bound a table of answers, or of invoices.
var TableLimits = sheet.Limits{Rows: 20_000}

// saidOfLine is what the rows of a line say.
type saidOfLine struct {
	order   string
	version string
	answer  LineAnswer
	rows    []int
	faults  []sheet.Fault
}

func (s *saidOfLine) fault(row int, why string) {
	s.faults = append(s.faults, sheet.Fault{Row: row, What: fmt.Sprintf("%s line %d", s.order, s.answer.Line), Why: why})
}

// readAnswers gathers the rows of each line, in the order of the table.
func readAnswers(t sheet.Table) (all []*saidOfLine, a AnswersTaken, err error) {
	order, line := t.Find("order", "purchase order"), t.Find("line")
	answer, day, quantity := t.Find("answer"), t.Find("day", "promised on"), t.Find("promised quantity")
	version, rest, reason, substitute, price, note := t.Find("version"), t.Find("rest"), t.Find("reason"), t.Find("substitute"), t.Find("asked price"), t.Find("note")
	a.Refused = []sheet.Fault{}
	if order < 0 || line < 0 || answer < 0 && day < 0 {
		return nil, a, &portal.Error{Kind: portal.Invalid, Msg: "this table cannot be read", Fields: map[string]string{"table": "its first row must name the columns order, line and answer, or order, line, day and promised quantity; take the open lines away as a file to see the form"}}
	}
	by := map[string]*saidOfLine{}
	for _, r := range t.Rows {
		verdict := strings.ToLower(r.Cell(answer))
		if verdict == "" && r.Cell(day) == "" && r.Cell(quantity) == "" && r.Cell(price) == "" && r.Cell(substitute) == "" {
			a.Left++
			continue
		}
		n, err := strconv.ParseInt(r.Cell(line), 10, 64)
		if err != nil || r.Cell(order) == "" {
			a.Refused = append(a.Refused, sheet.Fault{Row: r.Number, What: join(r.Cell(order), r.Cell(line)), Why: "say the order, and the line by its number"})
			continue
		}
		key := r.Cell(order) + "\x00" + strconv.FormatInt(n, 10)
		s := by[key]
		if s == nil {
			s = &saidOfLine{order: r.Cell(order), version: r.Cell(version), answer: LineAnswer{Line: n}}
			by[key] = s
			all = append(all, s)
		}
		s.rows = append(s.rows, r.Number)
		s.read(t, r, verdict, cells{day, quantity, rest, reason, substitute, price, note})
	}
	return all, a, nil
}

type cells struct{ day, quantity, rest, reason, substitute, price, note int }

func (s *saidOfLine) read(t sheet.Table, r sheet.Row, verdict string, c cells) {
	switch {
	case verdict == "" && r.Cell(c.price) != "" && r.Cell(c.day) == "":
		verdict = Question
	case verdict == "":
		verdict = Change
	}
	if s.answer.Verdict != "" && s.answer.Verdict != verdict {
		s.fault(r.Number, fmt.Sprintf("says %s, and a row above says %s to the same line", verdict, s.answer.Verdict))
		return
	}
	s.answer.Verdict = verdict
	if verdict == Change && (r.Cell(c.day) != "" || r.Cell(c.quantity) != "") {
		on, err := t.Day(r.Cell(c.day))
		if err != nil {
			s.fault(r.Number, err.Error())
		}
		q, err := t.Number(r.Cell(c.quantity))
		if err != nil {
			s.fault(r.Number, "promised quantity: "+err.Error())
		}
		s.answer.Parts = append(s.answer.Parts, Part{on, amount(q)})
	}
	if verdict == Question {
		p, err := t.Number(r.Cell(c.price))
		if err != nil {
			s.fault(r.Number, "asked price: "+err.Error())
		}
		s.answer.Price = amount(p)
	}
	for column, to := range map[int]*string{c.reason: &s.answer.Reason, c.substitute: &s.answer.Substitute, c.note: &s.answer.Note} {
		if v := r.Cell(column); v != "" {
			*to = v
		}
	}
	s.answer.Reason = strings.ReplaceAll(strings.ToLower(s.answer.Reason), " ", "_")
	if v := strings.ToLower(r.Cell(c.rest)); v == "refuse" || v == "refused" {
		s.answer.RefuseRest = true
	}
}

func join(a, b string) string { return strings.TrimSpace(a + " " + b) }

// AnswerTable answers by a table, as it was taken away and filled in. Every row is accounted for: a line that cannot be taken is refused with the reason on each of its rows, and
// spoils no other. Rows of one line are its parts.
func AnswerTable(ctx context.Context, tx *portal.Tx, t sheet.Table) (a AnswersTaken, err error) {
	if err := tx.Need(portal.PurchasingAnswer); err != nil {
		return a, err
	}
	all, a, err := readAnswers(t)
	if err != nil {
		return a, err
	}
	var numbers []string
	for _, s := range all {
		if !slices.Contains(numbers, s.order) {
			numbers = append(numbers, s.order)
		}
	}
	if len(numbers) > 500 {
		return a, &portal.Error{Kind: portal.Invalid, Msg: "nothing was answered", Fields: map[string]string{"table": "answers more than 500 orders; send it in parts"}}
	}
	slices.Sort(numbers) // whoever answers the same orders goes through them in the same order
	for _, number := range numbers {
		if err := a.order(ctx, tx, number, all); err != nil {
			return a, err
		}
	}
	for _, s := range all {
		if len(s.faults) == 0 {
			continue
		}
		for _, row := range s.rows {
			if !slices.ContainsFunc(s.faults, func(f sheet.Fault) bool { return f.Row == row }) {
				s.fault(row, "its line was not taken, for the fault of another row")
			}
		}
		a.Refused = append(a.Refused, s.faults...)
	}
	slices.SortStableFunc(a.Refused, func(x, y sheet.Fault) int { return x.Row - y.Row })
	return a, nil
}

// order gives the answers to the order that can be given.
func (a *AnswersTaken) order(ctx context.Context, tx *portal.Tx, number string, all []*saidOfLine) error {
	d, err := Get(ctx, tx, number)
	if err != nil && portal.Says(err).Kind != portal.NotFound {
		return err
	}
	gone := err != nil
	give := Answer{Version: d.Version}
	for _, s := range all {
		if s.order != number || len(s.faults) > 0 {
			continue
		}
		why := ""
		l := lineNamed(d.Lines, s.answer.Line)
		switch {
		case gone:
			why = NoOrder
		case d.State == Closed:
			why = "this order is closed; there is nothing to answer"
		case s.version != "" && s.version != strconv.Itoa(d.Version):
			why = fmt.Sprintf("the host has changed this order: it is at version %d now, and you answer version %s", d.Version, s.version)
		case l == nil:
			why = fmt.Sprintf("the order has no line %d", s.answer.Line)
		default:
			bad := s.answer.check(*l, portal.DateOf(tx.Now))
			var words []string
			for _, field := range slices.Sorted(maps.Keys(bad)) {
				name, _, _ := strings.Cut(field, "-")
				words = append(words, strings.ReplaceAll(name, "_", " ")+": "+bad[field])
			}
			why = strings.Join(words, "; ")
		}
		if why != "" {
			for _, row := range s.rows {
				s.fault(row, why)
			}
			continue
		}
		give.Lines = append(give.Lines, s.answer)
	}
	if len(give.Lines) == 0 {
		return nil
	}
	g, err := Give(ctx, tx, number, give)
	if err != nil {
		return err
	}
	a.Orders++
	a.Lines += len(g.Lines)
	for _, l := range g.Lines {
		if l.State == "waiting" {
			a.Waiting++
		}
	}
	return nil
}

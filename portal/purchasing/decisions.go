package purchasing

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"extranet/portal"
)

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

// fault says what is wrong with the words of a ruling; nil that nothing is.
func (r Ruling) fault() error {
	switch {
	case !plain(words(r.Why), 500):
		return portal.Errorf(portal.Invalid, "must be at most 500 readable characters")
	case !r.Accepted && r.Why == "":
		return portal.Errorf(portal.Invalid, "say why, in words that the supplier reads")
	}
	return nil
}

// waits is the answer that the ruling is about; nil where none of it waits any more.
func (d Detail) waits(r Ruling) *LineAnswer {
	for _, g := range d.Answers {
		i := slices.IndexFunc(g.Lines, func(l GivenLine) bool { return l.Line == r.Line && l.State == "waiting" })
		if g.Answer == r.Answer && i >= 0 {
			return &g.Lines[i].LineAnswer
		}
	}
	return nil
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
	d, err := held(ctx, tx, s.ID, number)
	if err != nil {
		return c, err
	}
	bad := map[string]string{}
	if len(rulings) == 0 || len(rulings) > 500 {
		bad["decisions"] = "decide about at least one line"
	}
	for i := range rulings {
		rulings[i].Why = strings.TrimSpace(rulings[i].Why)
		if err := rulings[i].fault(); err != nil {
			bad[fmt.Sprintf("why-%d", rulings[i].Line)] = portal.Says(err).Msg
		}
	}
	if len(bad) > 0 {
		return c, &portal.Error{Kind: portal.Invalid, Msg: "nothing was decided", Fields: bad}
	}
	for i, r := range rulings {
		if d.waits(r) == nil || slices.ContainsFunc(rulings[:i], func(x Ruling) bool { return x.Line == r.Line }) {
			return c, portal.Errorf(portal.Conflict, "the answer to line %d does not wait any more; look again", r.Line)
		}
	}
	if err := decideOn(ctx, tx, s.ID, d, rulings); err != nil {
		return c, err
	}
	if err := tellInsisted(ctx, tx, s.ID, insistedOn(d, rulings)); err != nil {
		return c, err
	}
	return Open(ctx, tx, partner, number)
}

// held locks an order and reads it: the decision and the supplier's next answer stand behind one another.
func held(ctx context.Context, tx *portal.Tx, supplier int64, number string) (d Detail, err error) {
	if !plain(number, 100) {
		return d, none
	}
	if n, err := tx.Exec(ctx, `SELECT 1 FROM purchase_orders WHERE partner_id = $1 AND number = $2 FOR UPDATE`, supplier, number); err != nil {
		return d, fmt.Errorf("locking the purchase order: %w", err)
	} else if n == 0 {
		return d, none
	}
	return get(ctx, tx, supplier, number)
}

// decideOn decides about answers that wait, and lets the core know.
func decideOn(ctx context.Context, tx *portal.Tx, supplier int64, d Detail, rulings []Ruling) error {
	var carried []carriedRuling
	for _, r := range rulings {
		content, err := json.Marshal(d.waits(r))
		if err != nil {
			return err
		}
		if err := (decision{PartnerID: supplier, Number: d.Number, Answer: r.Answer, Line: r.Line, Content: string(content), Accepted: r.Accepted, Why: r.Why, At: tx.Now}).take(ctx, tx); err != nil {
			return err
		}
		carried = append(carried, carriedRuling(r))
	}
	lines, err := json.Marshal(carried)
	if err != nil {
		return err
	}
	if _, err := tx.PostFor(ctx, supplier, portal.Command{Name: CommandDecide, Document: "purchase_orders/" + d.Number, Values: map[string]string{"order": d.Number, "by": tx.By.Name, "lines": string(lines)}}); err != nil {
		return err
	}
	return tx.AuditFor(ctx, supplier, "purchasing.decide", "purchase_orders/"+d.Number, map[string]string{"lines": string(lines)})
}

// insisted is how many answers to an order were not accepted.
type insisted struct {
	number, site string
	lines        int
}

func insistedOn(d Detail, rulings []Ruling) []insisted {
	x := insisted{number: d.Number, site: d.Site}
	for _, r := range rulings {
		if !r.Accepted {
			x.lines++
		}
	}
	if x.lines == 0 {
		return nil
	}
	return []insisted{x}
}

// tellInsisted writes to those who answer for a supplier, one mail for all of a person's orders.
func tellInsisted(ctx context.Context, tx *portal.Tx, supplier int64, orders []insisted) error {
	if len(orders) == 0 {
		return nil
	}
	people, err := answering(ctx, tx, supplier)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range people {
		var own []insisted
		for _, o := range orders {
			if p.Sites == nil || slices.Contains(p.Sites, o.site) {
				own = append(own, o)
			}
		}
		var m portal.Mail
		switch len(own) {
		case 0:
			continue
		case 1:
			m = portal.Mail{Subject: portal.Say("Purchase order %s: the host insists on what it asked for", own[0].number), Path: "/purchasing/" + own[0].number,
				Text: []portal.Saying{portal.Say("%d of your answers to purchase order %s were not accepted. What you promised before stands. Please answer the lines again.", own[0].lines, own[0].number)}}
		default:
			var named []portal.Saying
			for i, o := range own {
				if i == namedInMail {
					named = append(named, portal.Say("and %d more", len(own)-i))
					break
				}
				named = append(named, portal.Say("%s: %d", o.number, o.lines))
			}
			m = portal.Mail{Subject: portal.Say("Purchase orders of which the host insists on what it asked for: %d", len(own)), Path: "/purchasing?list=review",
				Text: []portal.Saying{portal.Say("Answers to these purchase orders were not accepted, so many of each. What you promised before stands. Please answer the lines again."), portal.Lines(named...)}}
		}
		m.To = p.Email
		errs = append(errs, tx.MailFor(ctx, supplier, m))
	}
	return errors.Join(errs...)
}

// A WaitingAnswer is what a supplier answered to a line that the host's buyers are to decide about.
type WaitingAnswer struct {
	Partner     string        `json:"partner" doc:"The supplier's account number"`
	PartnerName string        `json:"partner_name"`
	Order       string        `json:"order"`
	Answer      int           `json:"answer" doc:"The answer's number within the order"`
	Line        int64         `json:"line"`
	Product     string        `json:"product"`
	Description string        `json:"description"`
	Unit        string        `json:"unit"`
	Quantity    portal.Amount `json:"quantity" doc:"Of the line"`
	Price       portal.Amount `json:"price" doc:"Per unit, without tax"`
	Currency    string        `json:"currency"`
	Asked       []Part        `json:"asked" doc:"When how much is asked for"`
	Promised    []Part        `json:"promised" doc:"What stands until it is decided"`
	Said        LineAnswer    `json:"said" doc:"What the supplier offers"`
	At          time.Time     `json:"at"`
	By          string        `json:"by"`
}

// AnswerFilter narrows WaitingAnswers.
type AnswerFilter struct {
	Partner string // a supplier's account number
	Verdict string // change, refuse or question
	Limit   int    // 1 to 200; 0 = 50
	Cursor  string
}

// Check returns an Invalid error naming every field that cannot be meant, and fills in the defaults.
func (f *AnswerFilter) Check() error {
	bad := map[string]string{}
	if f.Verdict != "" && (f.Verdict == Accept || !slices.Contains(Verdicts, f.Verdict)) {
		bad["verdict"] = "choose from change, refuse, question"
	}
	checkList(bad, &f.Limit, "", map[string]string{"partner": f.Partner})
	if _, err := readLineCursor(f.Cursor, false); err != nil {
		bad["cursor"] = "is not one that this list gave; begin again without it"
	}
	return unmade(bad)
}

// query returns the SQL of one page and one row more, of the one supplier if its id is not 0.
func (f *AnswerFilter) query(supplier int64) (string, []any) {
	where, args := `a.state = 'waiting'`, []any{}
	and := func(condition string, arg any) {
		args = append(args, arg)
		where += fmt.Sprintf(condition, len(args))
	}
	if supplier != 0 {
		and(` AND a.partner_id = $%d`, supplier)
	}
	if f.Verdict != "" {
		and(` AND a.content::json->>'verdict' = $%d`, f.Verdict)
	}
	if c, _ := readLineCursor(f.Cursor, false); c.Order != "" {
		args = append(args, c.Partner, c.Order, c.Line)
		where += fmt.Sprintf(` AND (a.partner_id, a.order_number, a.line) > ($%d, $%d, $%d)`, len(args)-2, len(args)-1, len(args))
	}
	// LIMIT 1 keeps the answer's key from being joined by the partner alone, which would read all that the supplier ever answered for each line.
	// The number of rows stands in the text: as an argument it would have each call planned anew, which takes longer than reading.
	return fmt.Sprintf(`SELECT row_to_json(d)::text, a.partner_id, a.order_number, a.line, l.line IS NOT NULL AND o.number IS NOT NULL
		FROM (SELECT a.* FROM purchase_answer_lines a WHERE %s ORDER BY a.partner_id, a.order_number, a.line LIMIT %d) a
		LEFT JOIN purchase_order_lines l ON l.partner_id = a.partner_id AND l.order_number = a.order_number AND l.line = a.line
		CROSS JOIN LATERAL (SELECT g.at, g.by_whom FROM purchase_answers g WHERE g.partner_id = a.partner_id AND g.order_number = a.order_number AND g.answer = a.answer LIMIT 1) g
		LEFT JOIN purchase_orders o ON o.partner_id = a.partner_id AND o.number = a.order_number
		JOIN partners p ON p.partner_id = a.partner_id
		CROSS JOIN LATERAL (SELECT p.number AS partner, p.name AS partner_name, a.order_number AS order, a.answer, a.line, coalesce(l.product, '') AS product, l.description, coalesce(l.unit, '') AS unit,
			trim_scale(l.quantity)::text AS quantity, l.price::text AS price, o.currency, %s AS asked,
			(SELECT coalesce(json_agg(json_build_object('on', promised_on, 'quantity', trim_scale(quantity)::text) ORDER BY promised_on, part), '[]')
				FROM purchase_promises p WHERE p.partner_id = l.partner_id AND p.order_number = l.order_number AND p.line = l.line) AS promised,
			a.content::json AS said, g.at, g.by_whom AS by) d
		ORDER BY a.partner_id, a.order_number, a.line`, where, f.Limit+1, askedOf), args
}

// WaitingAnswers lists the answers that the host's buyers are to decide about, line by line, by supplier and order. A filter that makes no sense is Invalid; a
// supplier that is not there has none.
func WaitingAnswers(ctx context.Context, tx *portal.Tx, f AnswerFilter) (list []WaitingAnswer, next string, err error) {
	if err := tx.Need(portal.PurchasesRead); err != nil {
		return nil, "", err
	}
	if err := f.Check(); err != nil {
		return nil, "", err
	}
	supplier, err := Narrowed(ctx, tx, f.Partner)
	if err != nil {
		return nil, "", err
	}
	query, args := f.query(supplier)
	list = []WaitingAnswer{}
	var last lineCursor
	seen := 0
	err = tx.Each(ctx, func(r *sqlx.Rows) error {
		var doc []byte
		var c lineCursor
		var w WaitingAnswer
		var there bool // the core may have taken it away
		if err := r.Scan(&doc, &c.Partner, &c.Order, &c.Line, &there); err != nil {
			return err
		}
		if seen++; seen > f.Limit {
			next = last.String()
			return nil
		}
		if last = c; !there {
			return nil
		}
		err := json.Unmarshal(doc, &w)
		list = append(list, w)
		return err
	}, query, args...)
	if err != nil {
		return nil, "", fmt.Errorf("listing answers that wait: %w", err)
	}
	return list, next, nil
}

// A Decision is a ruling about one answer among those of many orders.
type Decision struct {
	Partner string `json:"partner" minLength:"1" maxLength:"100" doc:"The supplier's account number"`
	Order   string `json:"order" minLength:"1" maxLength:"100" doc:"The host's number of the order"`
	Ruling
}

// A Decided says what becomes of a line by a decision, or why nothing does.
type Decided struct {
	Decision
	PartnerName string        `json:"partner_name"`
	Description string        `json:"description"`
	Unit        string        `json:"unit"`
	Asked       []Part        `json:"asked" doc:"When how much is asked for"`
	Before      []Part        `json:"before" doc:"What stood as promised"`
	After       []Part        `json:"after" doc:"What stands as promised by the decision"`
	Refused     portal.Amount `json:"refused" doc:"What the supplier does not deliver, by the decision"`
	Open        portal.Amount `json:"open" doc:"What stays to be answered"`
	Fault       string        `json:"fault" doc:"Why nothing is decided about it; empty where something is"`
}

// MostDecisions is how many answers can be decided about at once.
const MostDecisions = 500

// DecideAll decides about answers to orders of any suppliers, and accounts for every one: what cannot be decided is said and spoils no other. With only set
// to look, it says what would become of each and changes nothing. Each supplier is written to once where something is not accepted; the core learns of each order.
// Nothing to decide, or more than 500 at once, is Invalid.
func DecideAll(ctx context.Context, tx *portal.Tx, decisions []Decision, look bool) ([]Decided, error) {
	if err := tx.Need(portal.PurchasesManage); err != nil {
		return nil, err
	}
	if len(decisions) == 0 || len(decisions) > MostDecisions {
		return nil, &portal.Error{Kind: portal.Invalid, Msg: "nothing was decided", Fields: map[string]string{"decisions": fmt.Sprintf("choose from 1 to %d answers", MostDecisions)}}
	}
	list := make([]Decided, len(decisions))
	var order []int
	for i, d := range decisions {
		d.Why = strings.TrimSpace(d.Why)
		list[i] = Decided{Decision: d, Asked: []Part{}, Before: []Part{}, After: []Part{}, Refused: "0", Open: "0"}
		order = append(order, i)
	}
	// Buyers who decide about the same orders go through them in the same order.
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(strings.Compare(list[a].Partner, list[b].Partner), strings.Compare(list[a].Order, list[b].Order))
	})
	told := map[int64][]insisted{}
	for len(order) > 0 {
		first := list[order[0]]
		n := 1
		for n < len(order) && list[order[n]].Partner == first.Partner && list[order[n]].Order == first.Order {
			n++
		}
		if err := decideOrder(ctx, tx, list, order[:n], look, told); err != nil {
			return nil, err
		}
		order = order[n:]
	}
	for _, supplier := range slices.Sorted(maps.Keys(told)) {
		if err := tellInsisted(ctx, tx, supplier, told[supplier]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// decideOrder decides about those of the list that are of one order.
func decideOrder(ctx context.Context, tx *portal.Tx, list []Decided, which []int, look bool, told map[int64][]insisted) error {
	var d Detail
	s, err := supplierOf(ctx, tx, list[which[0]].Partner)
	if err == nil && look {
		d, err = get(ctx, tx, s.ID, list[which[0]].Order)
	} else if err == nil {
		d, err = held(ctx, tx, s.ID, list[which[0]].Order)
	}
	if err != nil && portal.Says(err).Kind != portal.NotFound {
		return err
	}
	gone := err // nothing of it can be decided
	var rulings []Ruling
	for _, i := range which {
		x := &list[i]
		x.PartnerName = s.Name
		l := lineNamed(d.Lines, x.Line)
		if l != nil {
			x.Description, x.Unit, x.Asked, x.Before, x.After, x.Refused, x.Open = l.Description, l.Unit, l.Asked, l.Promised, l.Promised, l.Refused, l.Open
		}
		said, fault := d.waits(x.Ruling), gone
		switch {
		case fault != nil:
		case x.fault() != nil:
			fault = x.fault()
		case l == nil || said == nil:
			fault = portal.Errorf(portal.Conflict, "this answer does not wait any more; look again")
		case slices.ContainsFunc(rulings, func(r Ruling) bool { return r.Line == x.Line }):
			fault = portal.Errorf(portal.Conflict, "is decided about already, further up")
		default:
			rulings = append(rulings, x.Ruling)
			if x.Accepted && said.Verdict != Question {
				after := Standing{Promised: l.Promised, Refused: l.Refused.Number()}.after(*said, l.Quantity.Number(), l.Asked)
				x.After, x.Refused, x.Open = after.Promised, amount(after.Refused), amount(after.Open(l.Quantity.Number()))
				if x.After == nil {
					x.After = []Part{}
				}
			}
		}
		if fault != nil {
			x.Fault = portal.Says(fault).Msg
		}
	}
	if look || len(rulings) == 0 {
		return nil
	}
	told[s.ID] = append(told[s.ID], insistedOn(d, rulings)...)
	return decideOn(ctx, tx, s.ID, d, rulings)
}

package purchasing

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

// What a supplier can say to a line.
const (
	Accept   = "accept"   // as asked for
	Change   = "change"   // other days, another quantity, in parts, or with a substitute
	Refuse   = "refuse"   // nothing of it
	Question = "question" // another price, before anything is promised
)

// Verdicts and Reasons are those there are.
var (
	Verdicts = []string{Accept, Change, Refuse, Question}
	Reasons  = []string{"capacity", "material", "discontinued", "lead_time", "minimum_quantity", "price", "other"}
)

// CommandAnswer carries an answer to the core: order, answer, version, note and by; lines, with what is said to each and whether that holds at once
// (state settled) or waits for a decision; and parts, with when how much of a line arrives.
const CommandAnswer = "answer_purchase_order"

// What the core is told of a line, and of a part of one.
type (
	carriedLine struct {
		Line       int64  `json:"line"`
		Verdict    string `json:"verdict"`
		State      string `json:"state"`
		RefuseRest bool   `json:"refuse_rest"`
		Reason     string `json:"reason,omitempty"`
		Substitute string `json:"substitute,omitempty"`
		Price      string `json:"price,omitempty"`
		Note       string `json:"note,omitempty"`
	}
	carriedPart struct {
		Line     int64         `json:"line"`
		On       portal.Date   `json:"on"`
		Quantity portal.Amount `json:"quantity"`
	}
)

// A LineAnswer is what the supplier says to one line.
type LineAnswer struct {
	Line       int64         `json:"line"`
	Verdict    string        `json:"verdict" enum:"accept,change,refuse,question" doc:"accept: as asked; change: in other parts, or less; refuse: nothing of it; question: another price, before anything is promised"`
	Parts      []Part        `json:"parts,omitempty" maxItems:"50" doc:"For change: when how much arrives. What they leave over keeps its promise, or stays to be answered"`
	RefuseRest bool          `json:"refuse_rest,omitempty" doc:"For change: what the parts leave over will not be delivered"`
	Reason     string        `json:"reason,omitempty" enum:"capacity,material,discontinued,lead_time,minimum_quantity,price,other" doc:"Needed for refuse and refuse_rest"`
	Substitute string        `json:"substitute,omitempty" maxLength:"100" doc:"For change: the product that is delivered instead"`
	Price      portal.Amount `json:"price,omitempty" doc:"For question: the price that the supplier asks, per unit"`
	Note       string        `json:"note,omitempty" maxLength:"500"`
}

// An Answer is what the supplier says to lines of one version of an order.
type Answer struct {
	Version int          `json:"version" minimum:"1" doc:"The version that is answered: the newest"`
	Lines   []LineAnswer `json:"lines" minItems:"1" maxItems:"500"`
	Note    string       `json:"note,omitempty" maxLength:"1000"`
}

// Given is an answer that was given, and what became of it.
type Given struct {
	Answer  int         `json:"answer" doc:"Counts up within the order"`
	Version int         `json:"version"`
	At      time.Time   `json:"at"`
	By      string      `json:"by"`
	Note    string      `json:"note"`
	Lines   []GivenLine `json:"lines"`
}

// A GivenLine is what was said to a line, and what became of that.
type GivenLine struct {
	LineAnswer
	State     string     `json:"state" enum:"settled,waiting,accepted,refused,overtaken" doc:"settled needs no decision; overtaken by a later answer or version"`
	Why       string     `json:"why" doc:"Why the host refused it"`
	DecidedAt *time.Time `json:"decided_at" nullable:"true"`
}

// check says what is wrong with the answer to the line, by field.
func (a LineAnswer) check(l Line, today portal.Date) map[string]string {
	bad := map[string]string{}
	fault := func(field, what string) { bad[fmt.Sprintf("%s-%d", field, a.Line)] = what }
	if !slices.Contains(Verdicts, a.Verdict) {
		fault("verdict", "choose from "+strings.Join(Verdicts, ", "))
		return bad
	}
	if l.State == Closed {
		fault("verdict", "this line is closed; there is nothing to answer")
		return bad
	}
	if a.Reason != "" && !slices.Contains(Reasons, a.Reason) {
		fault("reason", "choose from "+strings.Join(Reasons, ", "))
	}
	if (a.Verdict == Refuse || a.Verdict == Change && a.RefuseRest) && a.Reason == "" {
		fault("reason", "say why: choose from "+strings.Join(Reasons, ", "))
	}
	if !plain(words(a.Note), 500) {
		fault("note", "must be at most 500 readable characters")
	}
	if a.Verdict != Change {
		for field, there := range map[string]bool{"parts": len(a.Parts) > 0, "substitute": a.Substitute != "", "refuse_rest": a.RefuseRest} {
			if there {
				fault(field, "goes with change alone")
			}
		}
	}
	if a.Verdict != Question && a.Price != "" {
		fault("price", "goes with question alone; the price of the order stands until the host changes it")
	}
	switch a.Verdict {
	case Question:
		if p, err := decimal.NewFromString(string(a.Price)); err != nil || !p.IsPositive() || p.Exponent() < -6 || p.GreaterThan(decimal.New(1, 12)) {
			fault("price", "say which price you ask, such as 12.50")
		} else if p.Equal(l.Price.Number()) {
			fault("price", "is the order's price; accept the line")
		}
	case Change:
		a.checkParts(l, today, fault)
	}
	return bad
}

func (a LineAnswer) checkParts(l Line, today portal.Date, fault func(field, what string)) {
	if len(a.Parts) == 0 && !(a.Substitute != "" && len(l.Asked) > 0) {
		fault("parts", "say when how much arrives, or refuse the line")
		return
	}
	if !plain(a.Substitute, 100) {
		fault("substitute", "must be at most 100 readable characters")
	}
	sum := decimal.Zero
	for _, p := range a.Parts {
		q, err := decimal.NewFromString(string(p.Quantity))
		if err != nil || !q.IsPositive() || q.Exponent() < -6 || q.GreaterThan(decimal.New(1, 12)) {
			fault("parts", "each quantity must be a number above 0, such as 40")
			return
		}
		if _, err := portal.ParseDate(string(p.On)); err != nil || p.On == "" {
			fault("parts", "each part needs its day, like 2026-03-31")
			return
		}
		if p.On < today {
			fault("parts", fmt.Sprintf("%s is over; promise a day from today on", p.On))
			return
		}
		sum = sum.Add(q)
	}
	if sum.GreaterThan(l.Quantity.Number()) {
		fault("parts", fmt.Sprintf("are %s in all, and the line asks for %s; ask the host to raise the order if you want to deliver more", sum, l.Quantity))
	}
}

// Give answers lines of an order's newest version. What asks nothing else of the host than what it ordered holds at once; the rest waits
// for its decision, and until then what was promised stands. The core learns of it, and the audit. A line that cannot be meant
// is Invalid, by field; a version that is not the newest, or an order that is closed, is a Conflict.
func Give(ctx context.Context, tx *portal.Tx, number string, a Answer) (g Given, err error) {
	if err := tx.Need(portal.PurchasingAnswer); err != nil {
		return g, err
	}
	if !plain(number, 100) {
		return g, none
	}
	var o struct {
		Version int    `db:"version"`
		State   string `db:"state"`
	}
	// The lock puts those who answer the same order behind one another.
	err = tx.Get(ctx, &o, `SELECT version, state FROM purchase_orders WHERE partner_id = $1 AND number = $2 AND ($3::text[] IS NULL OR site = ANY($3)) FOR UPDATE`, tx.By.PartnerID, number, portal.Limit(tx.By.Sites))
	if errors.Is(err, sql.ErrNoRows) {
		return g, none
	} else if err != nil {
		return g, fmt.Errorf("locking the purchase order: %w", err)
	}
	if o.State == Closed {
		return g, portal.Errorf(portal.Conflict, "this order is closed; there is nothing to answer")
	}
	if a.Version != o.Version {
		return g, &portal.Error{Kind: portal.Conflict, Msg: fmt.Sprintf("the host has changed this order: it is at version %d now, and you answer version %d. Look at what changed, then answer again", o.Version, a.Version)}
	}
	lines, err := linesOf(ctx, tx, tx.By.PartnerID, number)
	if err != nil {
		return g, err
	}
	if err := a.check(lines, portal.DateOf(tx.Now)); err != nil {
		return g, err
	}
	g = Given{Version: a.Version, At: tx.Now, By: tx.By.Name, Note: a.Note}
	if err := tx.Get(ctx, &g.Answer, `SELECT coalesce(max(answer), 0) + 1 FROM purchase_answers WHERE partner_id = $1 AND order_number = $2`, tx.By.PartnerID, number); err != nil {
		return g, fmt.Errorf("counting answers: %w", err)
	}
	said, parts := []carriedLine{}, []carriedPart{}
	for _, la := range a.Lines {
		l := lineNamed(lines, la.Line)
		state, offered := "waiting", la.Parts
		if la.conforms(l.Asked) {
			state = "settled"
		}
		if la.Verdict == Accept {
			offered = l.Asked
		}
		g.Lines = append(g.Lines, GivenLine{LineAnswer: la, State: state})
		said = append(said, carriedLine{la.Line, la.Verdict, state, la.RefuseRest, la.Reason, la.Substitute, string(la.Price), la.Note})
		for _, p := range inOrder(offered) {
			parts = append(parts, carriedPart{la.Line, p.On, p.Quantity})
		}
	}
	content, err := json.Marshal(said)
	if err != nil {
		return g, err
	}
	split, err := json.Marshal(parts)
	if err != nil {
		return g, err
	}
	command, err := tx.Post(ctx, portal.Command{Name: CommandAnswer, Document: "purchase_orders/" + number, Values: map[string]string{
		"order": number, "answer": strconv.Itoa(g.Answer), "version": strconv.Itoa(a.Version), "note": a.Note, "by": tx.By.Name, "lines": string(content), "parts": string(split)}})
	if err != nil {
		return g, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO purchase_answers (partner_id, order_number, answer, version, command_id, at, by_whom, note) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		tx.By.PartnerID, number, g.Answer, a.Version, command, tx.Now, tx.By.Name, a.Note)
	if err != nil {
		return g, fmt.Errorf("keeping the answer: %w", err)
	}
	for _, l := range g.Lines {
		if err := keepLine(ctx, tx, number, g.Answer, l, *lineNamed(lines, l.Line)); err != nil {
			return g, err
		}
	}
	if err := restate(ctx, tx, `o.partner_id = $1 AND o.number = $2`, tx.By.PartnerID, number); err != nil {
		return g, err
	}
	tx.Changed("purchasing", tx.By.PartnerID)
	return g, tx.Audit(ctx, "purchasing.answer", "purchase_orders/"+number, map[string]string{"answer": strconv.Itoa(g.Answer), "version": strconv.Itoa(a.Version), "lines": string(content)})
}

func (a Answer) check(lines []Line, today portal.Date) error {
	bad := map[string]string{}
	if len(a.Lines) == 0 {
		bad["lines"] = "say something to at least one line"
	}
	if !plain(words(a.Note), 1000) {
		bad["note"] = "must be at most 1,000 readable characters"
	}
	seen := map[int64]bool{}
	for _, la := range a.Lines {
		l := lineNamed(lines, la.Line)
		switch {
		case l == nil:
			bad[fmt.Sprintf("line-%d", la.Line)] = fmt.Sprintf("the order has no line %d", la.Line)
		case seen[la.Line]:
			bad[fmt.Sprintf("line-%d", la.Line)] = fmt.Sprintf("line %d is answered twice; several parts of one line belong in its parts", la.Line)
		default:
			for field, what := range la.check(*l, today) {
				bad[field] = what
			}
		}
		seen[la.Line] = true
	}
	if len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this answer cannot be taken; nothing of it was kept", Fields: bad}
	}
	return nil
}

func lineNamed(lines []Line, line int64) *Line {
	i := slices.IndexFunc(lines, func(l Line) bool { return l.Line == line })
	if i < 0 {
		return nil
	}
	return &lines[i]
}

// keepLine keeps what is said to a line in place of what waits, and lets what holds at once stand.
func keepLine(ctx context.Context, tx *portal.Tx, number string, answer int, said GivenLine, l Line) error {
	partner := tx.By.PartnerID
	if _, err := tx.Exec(ctx, `UPDATE purchase_answer_lines SET state = 'overtaken' WHERE partner_id = $1 AND order_number = $2 AND line = $3 AND state = 'waiting'`, partner, number, l.Line); err != nil {
		return fmt.Errorf("overtaking an answer: %w", err)
	}
	content, err := json.Marshal(said.LineAnswer)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO purchase_answer_lines (partner_id, order_number, answer, line, content, state) VALUES ($1, $2, $3, $4, $5, $6)`, partner, number, answer, l.Line, string(content), said.State); err != nil {
		return fmt.Errorf("keeping what is said to a line: %w", err)
	}
	if said.State != "settled" {
		_, err := tx.Exec(ctx, `UPDATE purchase_order_lines SET answered = true WHERE partner_id = $1 AND order_number = $2 AND line = $3`, partner, number, l.Line)
		return err
	}
	return stand(ctx, tx, partner, number, l, said.LineAnswer)
}

// stand lets the answer take the place of what stood.
func stand(ctx context.Context, tx *portal.Tx, partner int64, number string, l Line, a LineAnswer) error {
	s := Standing{Promised: l.Promised, Refused: l.Refused.Number()}.after(a, l.Quantity.Number(), l.Asked)
	if _, err := tx.Exec(ctx, `DELETE FROM purchase_promises WHERE partner_id = $1 AND order_number = $2 AND line = $3`, partner, number, l.Line); err != nil {
		return fmt.Errorf("replacing promises: %w", err)
	}
	for i, p := range s.Promised {
		if _, err := tx.Exec(ctx, `INSERT INTO purchase_promises (partner_id, order_number, line, part, promised_on, quantity) VALUES ($1, $2, $3, $4, $5, $6)`, partner, number, l.Line, i+1, p.On, p.Quantity); err != nil {
			return fmt.Errorf("promising: %w", err)
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE purchase_order_lines SET answered = true, revised = false, refused = $4 WHERE partner_id = $1 AND order_number = $2 AND line = $3`, partner, number, l.Line, s.Refused.String()); err != nil {
		return fmt.Errorf("noting the answer: %w", err)
	}
	return nil
}

// An Outcome says what became of one of many orders.
type Outcome struct {
	Number string `json:"number"`
	Lines  int    `json:"lines" doc:"How many lines were accepted"`
	Fault  string `json:"fault" doc:"Why nothing was; empty where something was"`
}

// AcceptAll accepts, as they are asked for, all lines that are to be answered in each of the orders, and accounts for every one: what cannot be accepted
// is said and spoils no other. More than 200 orders at once are Invalid; none that is there is NotFound.
func AcceptAll(ctx context.Context, tx *portal.Tx, numbers []string) (list []Outcome, err error) {
	if err := tx.Need(portal.PurchasingAnswer); err != nil {
		return nil, err
	}
	if len(numbers) == 0 || len(numbers) > 200 {
		return nil, &portal.Error{Kind: portal.Invalid, Msg: "nothing was accepted", Fields: map[string]string{"orders": "choose from 1 to 200 orders"}}
	}
	numbers = slices.Compact(slices.Sorted(slices.Values(numbers)))
	for _, number := range numbers {
		o := Outcome{Number: number}
		d, err := Get(ctx, tx, number)
		switch {
		case err != nil && portal.Says(err).Kind == portal.NotFound:
			o.Fault = NoOrder
		case err != nil:
			return nil, err
		default:
			a := Answer{Version: d.Version}
			for _, l := range d.Lines {
				if l.State == Review && len(l.Asked) > 0 {
					a.Lines = append(a.Lines, LineAnswer{Line: l.Line, Verdict: Accept})
				}
			}
			if len(a.Lines) == 0 {
				o.Fault = "there is nothing to answer"
				break
			}
			if _, err := Give(ctx, tx, number, a); err != nil {
				return nil, err
			}
			o.Lines = len(a.Lines)
		}
		list = append(list, o)
	}
	if !slices.ContainsFunc(list, func(o Outcome) bool { return o.Fault != NoOrder }) {
		return nil, none
	}
	return list, nil
}

// A decision is what the host made of an answer to a line.
type decision struct {
	PartnerID int64     `db:"partner_id"`
	Number    string    `db:"order_number"`
	Answer    int       `db:"answer"`
	Line      int64     `db:"line"`
	Content   string    `db:"content"`
	Accepted  bool      `db:"accepted"`
	Why       string    `db:"why"`
	At        time.Time `db:"decided_at"`
}

// Decide follows a merge of decisions, in its transaction: what the host accepted stands, what it refused is to be answered anew, and what
// stood before still does. It is the worker's.
func Decide(ctx context.Context, tx *portal.Tx) error {
	var all []decision
	err := tx.Select(ctx, &all, `
		SELECT d.partner_id, d.order_number, d.answer, d.line, a.content, d.accepted, coalesce(d.why, '') AS why, d.decided_at
		FROM purchase_decisions d JOIN purchase_answer_lines a ON a.partner_id = d.partner_id AND a.order_number = d.order_number AND a.answer = d.answer AND a.line = d.line
		WHERE d.changed_at = $1 AND a.state = 'waiting' ORDER BY d.partner_id, d.order_number, d.answer, d.line`, tx.Now)
	if err != nil {
		return fmt.Errorf("looking for decisions: %w", err)
	}
	for _, d := range all {
		if err := d.take(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

func (d decision) take(ctx context.Context, tx *portal.Tx) error {
	state := "refused"
	if d.Accepted {
		state = "accepted"
	}
	_, err := tx.Exec(ctx, `UPDATE purchase_answer_lines SET state = $5, why = $6, decided_at = $7 WHERE partner_id = $1 AND order_number = $2 AND answer = $3 AND line = $4`, d.PartnerID, d.Number, d.Answer, d.Line, state, d.Why, d.At)
	if err != nil {
		return fmt.Errorf("noting a decision: %w", err)
	}
	var a LineAnswer
	if err := unmarshal(&a, d.Content); err != nil {
		return err
	}
	if d.Accepted && a.Verdict != Question {
		lines, err := linesOf(ctx, tx, d.PartnerID, d.Number)
		if err != nil {
			return err
		}
		if l := lineNamed(lines, d.Line); l != nil {
			if err := stand(ctx, tx, d.PartnerID, d.Number, *l, a); err != nil {
				return err
			}
		}
	}
	if !d.Accepted {
		if err := d.again(ctx, tx); err != nil {
			return err
		}
	}
	tx.Changed("purchasing", d.PartnerID)
	return restate(ctx, tx, `o.partner_id = $1 AND o.number = $2`, d.PartnerID, d.Number)
}

// again gives the supplier the days of the policy anew.
func (d decision) again(ctx context.Context, tx *portal.Tx) error {
	p, err := PolicyNow(ctx, tx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE purchase_versions v SET answer_by = greatest(v.answer_by, $3) FROM purchase_orders o
		WHERE v.partner_id = $1 AND v.order_number = $2 AND o.partner_id = $1 AND o.number = $2 AND v.version = o.version`, d.PartnerID, d.Number, portal.DateOf(tx.Now.AddDate(0, 0, p.AnswerDays)))
	if err != nil {
		return fmt.Errorf("giving days anew: %w", err)
	}
	_, err = tx.Exec(ctx, `UPDATE purchase_orders SET reminded_at = NULL WHERE partner_id = $1 AND number = $2`, d.PartnerID, d.Number)
	return err
}

// Undo follows a command that the core did not take: every line of the answer is to be answered anew. It is the worker's.
func Undo(ctx context.Context, tx *portal.Tx, partner int64, number string, answer int, why string) error {
	var lines []struct {
		Line  int64  `db:"line"`
		State string `db:"state"`
	}
	if err := tx.Select(ctx, &lines, `SELECT line, state FROM purchase_answer_lines WHERE partner_id = $1 AND order_number = $2 AND answer = $3 AND state IN ('waiting', 'settled')`, partner, number, answer); err != nil {
		return fmt.Errorf("reading what the core refused: %w", err)
	}
	for _, l := range lines {
		d := decision{PartnerID: partner, Number: number, Answer: answer, Line: l.Line, Why: why, At: tx.Now, Content: "{}"}
		if l.State == "settled" {
			if _, err := tx.Exec(ctx, `UPDATE purchase_order_lines SET revised = true WHERE partner_id = $1 AND order_number = $2 AND line = $3`, partner, number, l.Line); err != nil {
				return fmt.Errorf("undoing an answer: %w", err)
			}
		}
		if err := d.take(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

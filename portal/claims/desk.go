package claims

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"extranet/portal"
	"extranet/portal/files"
)

// The desk's functions run in a transaction of [portal.DB.AcrossPartners]: the host's staff see every partner's claims, never drafts.

// A Queued claim waits at the desk.
type Queued struct {
	Claim
	Partner     string        `db:"partner" json:"partner" doc:"The host's account number"`
	PartnerName string        `db:"partner_name" json:"partner_name"`
	Lines       int           `db:"lines" json:"lines"`
	Claimed     portal.Amount `db:"claimed" json:"claimed" doc:"What the rules gave for its lines"`
	Late        bool          `db:"late" json:"late"`
}

// DeskFilter narrows Queue.
type DeskFilter struct {
	State   string // one of States but draft; "" = all whose turn it is the host's
	Kind    string
	Partner string // an account number
	Late    bool   // due before now
	Cursor  string // from Waiting.Next
}

// Waiting is one stretch of what waits.
type Waiting struct {
	Items []Queued `json:"items"`
	Next  string   `json:"next" doc:"Cursor of the next page; empty = this is the last"`
}

// A place in the queue. Claims that are over have no time, and come last.
type place struct {
	Due     string `json:"d"` // as Postgres writes it
	Partner int64  `json:"p"`
	Number  string `json:"n"`
}

const queueShows = 200

// query is the SQL of the queue, of static text.
func (f DeskFilter) query(tx *portal.Tx) (string, []any, error) {
	where, args := `c.submitted_at IS NOT NULL`, []any{tx.Now}
	and := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(args)), 1)
		}
		where += ` AND ` + condition
	}
	order := `c.due_at, c.partner_id, c.number`
	switch f.State {
	case "":
		and(`c.owner = 'host'`)
	case "closed": // the latest first, for nothing of it is due
		and(`c.state = 'closed'`)
		order = `c.changed_at DESC, c.partner_id, c.number`
	default:
		and(`c.owner IS NOT NULL AND c.state = ?`, f.State)
	}
	if f.Kind != "" {
		and(`c.kind = ?`, f.Kind)
	}
	if f.Partner != "" {
		and(`c.partner_id = (SELECT o.partner_id FROM partners o WHERE o.number = ?)`, f.Partner)
	}
	if f.Late {
		and(`c.due_at < $1`)
	}
	if f.Cursor != "" {
		at, err := placeOf(f.Cursor)
		if err != nil {
			return "", nil, &portal.Error{Kind: portal.Invalid, Msg: "this list cannot be made", Fields: map[string]string{"cursor": "is not one that this list gave; begin again without it"}}
		}
		if f.State == "closed" {
			and(`(c.changed_at < ?::timestamptz OR c.changed_at = ?::timestamptz AND (c.partner_id, c.number) > (?, ?))`, at.Due, at.Due, at.Partner, at.Number)
		} else {
			and(`(c.due_at, c.partner_id, c.number) > (?::timestamptz, ?, ?)`, at.Due, at.Partner, at.Number)
		}
	}
	args = append(args, queueShows+1)
	return fmt.Sprintf(`
		WITH c AS (SELECT * FROM claims c WHERE %s ORDER BY %s LIMIT $%d)
		SELECT `+columns+`, p.number AS partner, p.name AS partner_name, coalesce(c.due_at < $1, false) AS late,
			(SELECT count(*) FROM claim_lines l WHERE l.partner_id = c.partner_id AND l.claim = c.number) AS lines,
			(SELECT coalesce(sum((l.result::json ->> 'amount')::numeric), 0) FROM claim_lines l WHERE l.partner_id = c.partner_id AND l.claim = c.number AND l.result IS NOT NULL) AS claimed
		FROM c JOIN partners p ON p.partner_id = c.partner_id ORDER BY %s`, where, order, len(args), order), args, nil
}

// Queue lists what waits, what is due first first. It needs the right to decide claims.
func Queue(ctx context.Context, tx *portal.Tx, f DeskFilter) (w Waiting, err error) {
	if err := tx.Need(portal.ClaimsDecide); err != nil {
		return w, err
	}
	if f.State != "" && (f.State == "draft" || !slices.Contains(States, f.State)) || f.Kind != "" && !slices.Contains(Kinds, f.Kind) || !portal.Readable(f.Partner) {
		return w, &portal.Error{Kind: portal.Invalid, Msg: "this list cannot be made", Fields: map[string]string{"state": "choose a state, kind and account that there are"}}
	}
	query, args, err := f.query(tx)
	if err != nil {
		return w, err
	}
	w.Items = []Queued{}
	err = tx.Select(ctx, &w.Items, query, args...)
	if err != nil {
		return w, fmt.Errorf("listing the desk's claims: %w", err)
	}
	if len(w.Items) > queueShows {
		w.Items = w.Items[:queueShows]
		last := w.Items[queueShows-1]
		at := place{last.DueAt.Time.UTC().Format(time.RFC3339Nano), last.PartnerID, last.Number}
		if f.State == "closed" {
			at.Due = last.ChangedAt.UTC().Format(time.RFC3339Nano)
		}
		w.Next = base64.RawURLEncoding.EncodeToString([]byte(written(at)))
	}
	for i := range w.Items {
		w.Items[i].tidy()
	}
	return w, nil
}

func placeOf(cursor string) (p place, err error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if _, bad := time.Parse(time.RFC3339Nano, p.Due); err == nil && (bad != nil || !portal.Readable(p.Number)) {
		err = errors.New("not a place in the queue")
	}
	return p, err
}

// A Case is a claim as the desk sees it.
type Case struct {
	Detail
	Partner     string `json:"partner"`
	PartnerName string `json:"partner_name"`
}

// Open returns a partner's claim to the desk. One that is not there, or is still a draft, is NotFound.
func Open(ctx context.Context, tx *portal.Tx, partner, number string) (c Case, err error) {
	if err := tx.Need(portal.ClaimsDecide); err != nil {
		return c, err
	}
	c, _, err = deskCase(ctx, tx, partner, number, 0)
	return c, err
}

func deskCase(ctx context.Context, tx *portal.Tx, partner, number string, line int64) (c Case, l *Line, err error) {
	none := portal.Errorf(portal.NotFound, "there is no claim with this number")
	if !portal.Readable(partner) {
		return c, nil, none
	}
	var p struct {
		ID   int64  `db:"partner_id"`
		Name string `db:"name"`
	}
	if err := tx.Get(ctx, &p, `SELECT partner_id, name FROM partners WHERE number = $1`, partner); errors.Is(err, sql.ErrNoRows) {
		return c, nil, none
	} else if err != nil {
		return c, nil, fmt.Errorf("looking for a partner: %w", err)
	}
	c.Partner, c.PartnerName = partner, p.Name
	if c.Detail, l, err = hold(ctx, tx, p.ID, number, line); err != nil {
		return c, nil, err
	}
	if !c.SubmittedAt.Valid {
		return c, nil, none
	}
	return c, l, nil
}

// A Verdict is what the desk finds about a line. What is left out stays as the partner said it.
type Verdict struct {
	Condition string        `json:"condition,omitempty" doc:"What the inspection found: a code of the rules"`
	Tread     portal.Amount `json:"tread,omitempty" doc:"Remaining tread as inspected, mm"`
	Received  portal.Amount `json:"received,omitempty" doc:"What arrived, as found"`
	Quantity  portal.Amount `json:"quantity,omitempty" doc:"As found"`
	Goodwill  *Goodwill     `json:"goodwill,omitempty"`
	Words     string        `json:"words" doc:"For the partner; needed where it is not approved in full"`
}

// reviewable are the states from which the desk decides.
var reviewable = []string{"submitted", "in_review", "appealed"}

// Preview returns what the rules give for a verdict, and changes nothing.
func Preview(ctx context.Context, tx *portal.Tx, partner, number string, line int64, v Verdict) (Result, error) {
	if err := tx.Need(portal.ClaimsDecide); err != nil {
		return Result{}, err
	}
	c, l, err := deskCase(ctx, tx, partner, number, line)
	if err != nil {
		return Result{}, err
	}
	_, _, r, err := c.judge(ctx, tx, *l, v)
	return r, err
}

// Try shows a line with what a verdict would give.
func (c *Case) Try(line int64, r Result) {
	for i := range c.Lines {
		if c.Lines[i].Line == line {
			c.Lines[i].Result = &r
		}
	}
}

// judge gives the rules of the day it was submitted what was said and found.
func (c Case) judge(ctx context.Context, tx *portal.Tx, l Line, v Verdict) (Policy, Inputs, Result, error) {
	p, err := PolicyOf(ctx, tx, c.Kind, l.Version)
	if err != nil {
		return p, Inputs{}, Result{}, err
	}
	in := c.inputs(l, tx)
	bad := map[string]string{}
	for field, n := range map[string]portal.Amount{"tread": v.Tread, "received": v.Received, "quantity": v.Quantity} {
		if n != "" {
			if d, err := decimal.NewFromString(string(n)); err != nil || len(n) > 20 || d.Exponent() < -6 {
				bad[field] = "must be a number, like 12.5"
			} else {
				switch field {
				case "tread":
					in.Found.Tread = portal.Amount(d.String())
				case "received":
					in.Found.Received = portal.Amount(d.String())
				default:
					in.Found.Quantity = portal.Amount(d.String())
				}
			}
		}
	}
	if in.Facts.Most != "" && in.Found.Quantity.Number().GreaterThan(in.Facts.Most.Number()) {
		bad["quantity"] = fmt.Sprintf("the line holds %v", in.Facts.Most)
	}
	in.Found.Condition = v.Condition
	if g := v.Goodwill; g != nil && (g.Share != "" || g.Code != "") {
		if _, err := decimal.NewFromString(string(g.Share)); err != nil || len(g.Share) > 10 {
			bad["goodwill"] = "must be a share like 0.5"
		}
		if len(g.Code) > 60 {
			bad["goodwill_code"] = "must be at most 60 characters"
		}
		in.Goodwill = g
	}
	if len(bad) > 0 {
		return p, in, Result{}, &portal.Error{Kind: portal.Invalid, Msg: "this cannot be decided", Fields: bad}
	}
	return p, in, Decide(p, in), nil
}

// DecideLine decides a line by the rules it was submitted under, on what the partner said and the desk found. Above the rules' limit it
// becomes a proposal that another person approves. An appeal is decided by another person than before: else it is Forbidden.
func DecideLine(ctx context.Context, tx *portal.Tx, partner, number string, line int64, v Verdict) error {
	if err := tx.Need(portal.ClaimsDecide); err != nil {
		return err
	}
	c, l, err := deskCase(ctx, tx, partner, number, line)
	if err != nil {
		return err
	}
	if !slices.Contains(reviewable, l.State) {
		return cannot(l, "decided")
	}
	if l.State == "appealed" && l.Decider == actor(tx) {
		return portal.Errorf(portal.Forbidden, "an appeal is decided by another person than the decision was")
	}
	_, in, r, err := c.judge(ctx, tx, *l, v)
	if err != nil {
		return err
	}
	fields := map[string]string{}
	if r.Outcome == "incomplete" || in.Goodwill != nil {
		for _, s := range r.Failed() {
			if r.Outcome == "incomplete" || s.Rule == "goodwill" {
				fields[s.Field] = s.Says + "; " + s.Cure
			}
		}
	}
	if len(fields) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this cannot be decided", Fields: fields}
	}
	words, err := said(v.Words, r.Outcome != "approved")
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE claim_lines SET inputs = $4, result = $5, amount = $6, words = $7, decided_at = $8, decided_by = $9, decider = $10, approved_by = NULL WHERE partner_id = $1 AND claim = $2 AND line = $3`,
		c.PartnerID, number, line, written(in), written(r), r.Amount, words, tx.Now, tx.By.Name, actor(tx)); err != nil {
		return fmt.Errorf("deciding: %w", err)
	}
	if r.Second {
		return after(ctx, tx, c.PartnerID, number, line, Host, "proposed", words, "proposed", Host, approveFor, "A second person approves the decision, or sends it back")
	}
	return c.decided(ctx, tx, line, r, words, "decided %s")
}

// decided makes a decision take effect: the partner hears of it, and the core.
func (c Case) decided(ctx context.Context, tx *portal.Tx, line int64, r Result, words, what string) error {
	owner, within, action := Host, creditFor, "Credit it in the account"
	if r.Outcome == "refused" {
		owner, within, action = "", 0, ""
	}
	why := words
	if f := r.Failed(); r.Outcome == "refused" && len(f) > 0 {
		why = strings.TrimSpace(fmt.Sprintf("%s. %s", f[0].Says, words))
	}
	if err := after(ctx, tx, c.PartnerID, c.Number, line, Host, fmt.Sprintf(what, StateWords[r.Outcome]), why, r.Outcome, owner, within, action); err != nil {
		return err
	}
	_, err := tx.PostFor(ctx, c.PartnerID, portal.Command{Name: DecideCommand, Document: Document(c.Number), Values: map[string]string{
		"claim": c.Number, "line": fmt.Sprint(line), "outcome": r.Outcome, "code": r.Code, "amount": string(r.Amount), "currency": c.Currency, "site": c.Site, "words": words,
		"invoice": c.lineFacts(line).Invoice, "product": c.lineFacts(line).Product, "description": c.lineFacts(line).Description}})
	if err != nil {
		return err
	}
	return c.tell(ctx, tx, decided(r.Outcome))
}

func (c Case) lineFacts(line int64) Facts {
	for _, l := range c.Lines {
		if l.Line == line {
			return l.Facts
		}
	}
	return Facts{}
}

// tell mails the partner's contact that something happened, with where to read it and nothing more.
func (c Case) tell(ctx context.Context, tx *portal.Tx, what portal.Saying) error {
	return hear(ctx, tx, c.PartnerID, c.Number, c.ContactEmail, what)
}

func decided(outcome string) portal.Saying {
	return portal.Say("was decided: %s", portal.Say(StateWords[outcome]))
}

func hear(ctx context.Context, tx *portal.Tx, partner int64, number, address string, what portal.Saying) error {
	if address == "" {
		return nil
	}
	return tx.MailFor(ctx, partner, portal.Mail{To: address, Subject: portal.Say("Claim %s %s", number, what), Text: []portal.Saying{portal.Say("Your claim %s %s.", number, what), portal.Say("Sign in to the portal to read it.")}, Path: "/claims/" + number})
}

// actor is who a person is, whatever they are called.
func actor(tx *portal.Tx) string { return tx.By.PersonID.String() + " " + tx.By.Name }

// Ask asks the partner about a line: it is the partner's turn then.
func Ask(ctx context.Context, tx *portal.Tx, partner, number string, line int64, words string) error {
	if err := tx.Need(portal.ClaimsDecide); err != nil {
		return err
	}
	c, l, err := deskCase(ctx, tx, partner, number, line)
	if err != nil {
		return err
	}
	if !slices.Contains(reviewable, l.State) {
		return cannot(l, "asked about")
	}
	if words, err = said(words, true); err != nil {
		return err
	}
	if err := after(ctx, tx, c.PartnerID, number, line, Host, "asked", words, "asked", Dealer, answerFor, "Answer the question; correct the line or add files where it helps"); err != nil {
		return err
	}
	return c.tell(ctx, tx, portal.Say("needs an answer"))
}

// Review takes a submitted line under review, so that others see that somebody is at it.
func Review(ctx context.Context, tx *portal.Tx, partner, number string, line int64) error {
	if err := tx.Need(portal.ClaimsDecide); err != nil {
		return err
	}
	c, l, err := deskCase(ctx, tx, partner, number, line)
	if err != nil {
		return err
	}
	if l.State != "submitted" {
		return cannot(l, "taken under review")
	}
	if err := after(ctx, tx, c.PartnerID, number, line, Host, "took under review", "", "in_review", Host, reviewFor, "Decide, or ask"); err != nil {
		return err
	}
	return c.tell(ctx, tx, portal.Say("is under review"))
}

// Approve lets a proposed decision take effect. It needs its own right, and another person than the one who proposed: else it is Forbidden.
func Approve(ctx context.Context, tx *portal.Tx, partner, number string, line int64) error {
	if err := tx.Need(portal.ClaimsApprove); err != nil {
		return err
	}
	c, l, err := deskCase(ctx, tx, partner, number, line)
	if err != nil {
		return err
	}
	switch {
	case l.State != "proposed":
		return cannot(l, "approved")
	case l.Decider == actor(tx):
		return portal.Errorf(portal.Forbidden, "a second person approves; you proposed it yourself")
	}
	if _, err := tx.Exec(ctx, `UPDATE claim_lines SET approved_by = $4 WHERE partner_id = $1 AND claim = $2 AND line = $3`, c.PartnerID, number, line, tx.By.Name); err != nil {
		return fmt.Errorf("approving: %w", err)
	}
	return c.decided(ctx, tx, line, *l.Result, l.Words, "confirmed: %s")
}

// SendBack returns a proposed decision to the desk, with words.
func SendBack(ctx context.Context, tx *portal.Tx, partner, number string, line int64, words string) error {
	if err := tx.Need(portal.ClaimsApprove); err != nil {
		return err
	}
	c, l, err := deskCase(ctx, tx, partner, number, line)
	if err != nil {
		return err
	}
	if l.State != "proposed" {
		return cannot(l, "sent back")
	}
	if words, err = said(words, true); err != nil {
		return err
	}
	return after(ctx, tx, c.PartnerID, number, line, Host, "sent back", words, "in_review", Host, reviewFor, "Decide anew, or ask")
}

// Split makes two lines of one, so that a part of the quantity can be decided otherwise. It returns the new line, which holds quantity.
func Split(ctx context.Context, tx *portal.Tx, partner, number string, line int64, quantity portal.Amount) (added int64, err error) {
	if err := tx.Need(portal.ClaimsDecide); err != nil {
		return 0, err
	}
	c, l, err := deskCase(ctx, tx, partner, number, line)
	if err != nil {
		return 0, err
	}
	if !slices.Contains(reviewable, l.State) {
		return 0, cannot(l, "split")
	}
	q, err := decimal.NewFromString(string(quantity))
	all := l.Facts.Quantity.Number()
	if err != nil || len(quantity) > 20 || q.Exponent() < -6 || !q.IsPositive() || !q.LessThan(all) {
		return 0, &portal.Error{Kind: portal.Invalid, Msg: "this line cannot be split so", Fields: map[string]string{"quantity": fmt.Sprintf("must be above 0 and below %v", all)}}
	}
	for _, o := range c.Lines {
		added = max(added, o.Line)
	}
	added++
	keep, off := l.Facts, l.Facts
	keep.Quantity, off.Quantity = portal.Amount(all.Sub(q).String()), portal.Amount(q.String())
	if r := l.Facts.Received; r != "" { // what arrived is counted to the first part
		first := decimal.Min(r.Number(), keep.Quantity.Number())
		keep.Received, off.Received = portal.Amount(first.String()), portal.Amount(r.Number().Sub(first).String())
	}
	p, err := PolicyOf(ctx, tx, c.Kind, l.Version)
	if err != nil {
		return 0, err
	}
	for n, f := range map[int64]Facts{line: keep, added: off} {
		in := c.inputs(Line{Facts: f}, tx)
		r := Decide(p, in)
		_, err = tx.Exec(ctx, `
			INSERT INTO claim_lines (partner_id, claim, line, state, owner, due_at, next_action, facts, version, inputs, result, preflight)
			SELECT partner_id, claim, $4, state, owner, due_at, next_action, $5, version, $6, $7, $7 FROM claim_lines WHERE partner_id = $1 AND claim = $2 AND line = $3
			ON CONFLICT (partner_id, claim, line) DO UPDATE SET facts = $5, inputs = $6, result = $7, preflight = $7`, c.PartnerID, number, line, n, written(f), written(in), written(r))
		if err != nil {
			return 0, fmt.Errorf("splitting: %w", err)
		}
	}
	if err := note(ctx, tx, c.PartnerID, number, line, Host, "split", fmt.Sprintf("%v of %v went to line %d", q, all, added)); err != nil {
		return 0, err
	}
	return added, touch(ctx, tx, c.PartnerID, number)
}

// DeskFile gives a file of a partner's claim away; that partner's audit says so.
func DeskFile(ctx context.Context, tx *portal.Tx, s files.Store, partner, number, id string) (files.File, io.ReadCloser, error) {
	c, err := Open(ctx, tx, partner, number)
	if err != nil {
		return files.File{}, nil, err
	}
	return files.Take(ctx, tx, s, c.PartnerID, Document(number), id)
}

// Follow brings claims in step with what the core did: its own decisions, and the credit memos it made. tx is the worker's.
func Follow(ctx context.Context, tx *portal.Tx) error {
	var credited []struct {
		PartnerID int64  `db:"partner_id"`
		Claim     string `db:"claim"`
		Line      int64  `db:"line"`
		Memo      string `db:"memo"`
		Contact   string `db:"contact_email"`
	}
	err := tx.Select(ctx, &credited, `
		SELECT l.partner_id, l.claim, l.line, i.number AS memo, c.contact_email FROM claim_lines l
		JOIN claims c ON c.partner_id = l.partner_id AND c.number = l.claim
		JOIN invoices i ON i.partner_id = l.partner_id AND i.kind = 'credit_memo' AND i.claim IN (l.claim || '/' || l.line, l.claim)
		WHERE l.state IN ('approved', 'in_part')`)
	if err != nil {
		return fmt.Errorf("looking for credited claims: %w", err)
	}
	for _, k := range credited {
		if _, err := tx.Exec(ctx, `UPDATE claim_lines SET credit_memo = $4 WHERE partner_id = $1 AND claim = $2 AND line = $3`, k.PartnerID, k.Claim, k.Line, k.Memo); err != nil {
			return fmt.Errorf("crediting: %w", err)
		}
		if err := after(ctx, tx, k.PartnerID, k.Claim, k.Line, Host, "credited", "Credit memo "+k.Memo, "credited", "", 0, ""); err != nil {
			return err
		}
		if err := hear(ctx, tx, k.PartnerID, k.Claim, k.Contact, portal.Say("was credited in your account")); err != nil {
			return err
		}
	}
	var made []struct {
		PartnerID int64         `db:"partner_id"`
		Claim     string        `db:"claim"`
		Line      int64         `db:"line"`
		Outcome   string        `db:"outcome"`
		Amount    portal.Amount `db:"amount"`
		Words     string        `db:"words"`
		DecidedOn time.Time     `db:"decided_on"`
		Contact   string        `db:"contact_email"`
	}
	err = tx.Select(ctx, &made, `
		SELECT d.partner_id, d.claim, d.line, d.outcome, d.amount, coalesce(d.words, d.code, '') AS words, d.decided_on, c.contact_email FROM claim_decisions d
		JOIN claim_lines l ON l.partner_id = d.partner_id AND l.claim = d.claim AND l.line = d.line
		JOIN claims c ON c.partner_id = d.partner_id AND c.number = d.claim
		WHERE l.state IN ('submitted', 'in_review', 'asked', 'proposed') AND d.currency = c.currency`)
	if err != nil {
		return fmt.Errorf("looking for the core's decisions: %w", err)
	}
	for _, k := range made {
		// What the core decides it does by its own rules: there is nothing here to decide it again by.
		if _, err := tx.Exec(ctx, `UPDATE claim_lines SET amount = $4, words = $5, decided_at = $6, decided_by = 'core system', decider = 'core', inputs = NULL, result = NULL WHERE partner_id = $1 AND claim = $2 AND line = $3`,
			k.PartnerID, k.Claim, k.Line, k.Amount, k.Words, k.DecidedOn); err != nil {
			return fmt.Errorf("taking the core's decision: %w", err)
		}
		owner, within, action := Host, creditFor, "Credit it in the account"
		if k.Outcome == "refused" {
			owner, within, action = "", 0, ""
		}
		if err := after(ctx, tx, k.PartnerID, k.Claim, k.Line, Host, fmt.Sprintf("core decided %s", StateWords[k.Outcome]), k.Words, k.Outcome, owner, within, action); err != nil {
			return err
		}
		if err := hear(ctx, tx, k.PartnerID, k.Claim, k.Contact, decided(k.Outcome)); err != nil {
			return err
		}
	}
	return nil
}

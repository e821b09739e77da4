package claims

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"extranet/portal"
	"extranet/portal/files"
)

// New is what a claim begins with.
type New struct {
	Kind         string
	Site         string // the site that complains; taken from what Ref finds
	Reference    string // the partner's own number
	ContactEmail string // who hears of changes
	Ref
}

// mostOpenDrafts is how many drafts a partner can have.
const mostOpenDrafts = 200

// Draft begins a claim of one line, found in the core by its Ref or described by hand, and returns its number. What the Ref names and
// is not there, is another partner's, or beyond the caller's sites is NotFound.
func Draft(ctx context.Context, tx *portal.Tx, n New) (number string, err error) {
	if err := tx.Need(portal.ClaimsFile); err != nil {
		return "", err
	}
	bad := map[string]string{}
	if !slices.Contains(Kinds, n.Kind) {
		bad["kind"] = "choose from " + strings.Join(Kinds, ", ")
	}
	for field, s := range map[string]string{"reference": n.Reference, "contact_email": n.ContactEmail, "site": n.Site} {
		if utf8.RuneCountInString(s) > 200 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0xFFFD }) {
			bad[field] = "must be at most 200 readable characters on one line"
		}
	}
	if len(bad) > 0 {
		return "", &portal.Error{Kind: portal.Invalid, Msg: "this claim cannot be begun", Fields: bad}
	}
	facts, site, currency, err := lookUp(ctx, tx, n.Ref)
	if err != nil {
		return "", err
	}
	if site == "" {
		site = n.Site
	}
	if err := tx.Get(ctx, &site, `SELECT site FROM sites WHERE partner_id = $1 AND site = $2 AND ($3::text[] IS NULL OR site = ANY($3))`, tx.By.PartnerID, site, portal.Limit(tx.By.Sites)); errors.Is(err, sql.ErrNoRows) {
		return "", &portal.Error{Kind: portal.Invalid, Msg: "this claim cannot be begun", Fields: map[string]string{"site": "choose one of your sites"}}
	} else if err != nil {
		return "", fmt.Errorf("looking for a site: %w", err)
	}
	if currency == "" {
		if err := tx.Get(ctx, &currency, `SELECT coalesce(currency, 'EUR') FROM partners WHERE partner_id = $1`, tx.By.PartnerID); err != nil {
			return "", fmt.Errorf("looking for a currency: %w", err)
		}
	}
	var drafts int
	if err := tx.Get(ctx, &drafts, `SELECT count(*) FROM (SELECT 1 FROM claims WHERE partner_id = $1 AND state = 'draft' LIMIT $2) x`, tx.By.PartnerID, mostOpenDrafts); err != nil {
		return "", fmt.Errorf("counting drafts: %w", err)
	}
	if drafts >= mostOpenDrafts {
		return "", portal.Errorf(portal.Conflict, "there are %d drafts already; submit or withdraw some first", drafts)
	}
	if _, err := InForce(ctx, tx, n.Kind, portal.DateOf(tx.Now)); err != nil {
		return "", err
	}
	number = newNumber(tx.Now)
	_, err = tx.Exec(ctx, `
		INSERT INTO claims (partner_id, number, kind, site, currency, reference, contact_email, created_at, created_by, changed_at, state, owner, due_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $8, 'draft', 'dealer', $10)`,
		tx.By.PartnerID, number, n.Kind, site, currency, strings.TrimSpace(n.Reference), strings.TrimSpace(n.ContactEmail), tx.Now, tx.By.Name, tx.Now.Add(draftFor))
	if err != nil {
		return "", fmt.Errorf("beginning a claim: %w", err)
	}
	if err := insertLine(ctx, tx, number, 1, facts); err != nil {
		return "", err
	}
	if err := note(ctx, tx, tx.By.PartnerID, number, 0, Dealer, "began", ""); err != nil {
		return "", err
	}
	tx.Changed(Noun, tx.By.PartnerID)
	return number, nil
}

// completeIt is what a draft waits for.
const completeIt = "Complete and submit it, or withdraw it"

func insertLine(ctx context.Context, tx *portal.Tx, number string, line int64, f Facts) error {
	_, err := tx.Exec(ctx, `INSERT INTO claim_lines (partner_id, claim, line, state, owner, due_at, next_action, facts) VALUES ($1, $2, $3, 'draft', 'dealer', $4, $6, $5)`,
		tx.By.PartnerID, number, line, tx.Now.Add(draftFor), written(f), completeIt)
	if err != nil {
		return fmt.Errorf("adding a claim line: %w", err)
	}
	return nil
}

// lookUp returns what the core knows of the goods.
func lookUp(ctx context.Context, tx *portal.Tx, r Ref) (f Facts, site, currency string, err error) {
	for _, s := range []string{r.OrderNumber, r.Shipment, r.Invoice} {
		if !portal.Readable(s) {
			return f, "", "", portal.Errorf(portal.NotFound, "there is no such line")
		}
	}
	var row struct {
		Product     string        `db:"product"`
		Description string        `db:"description"`
		Unit        string        `db:"unit"`
		Quantity    portal.Amount `db:"quantity"`
		Price       portal.Amount `db:"price"`
		Site        string        `db:"site"`
		Currency    string        `db:"currency"`
		Shipment    string        `db:"shipment"`
		OrderNumber string        `db:"order_number"`
		OrderLine   int64         `db:"order_line"`
		InvoicedOn  portal.Date   `db:"invoiced_on"`
		DeliveredOn portal.Date   `db:"delivered_on"`
	}
	sites := portal.Limit(tx.By.Sites)
	switch {
	case r.InvoiceLine != 0:
		err = tx.Get(ctx, &row, `
			SELECT coalesce(l.product, '') AS product, l.description, coalesce(l.unit, '') AS unit, abs(l.quantity) AS quantity, l.price, coalesce(i.site, '') AS site, i.currency, coalesce(i.shipment, '') AS shipment,
				coalesce(l.order_number, '') AS order_number, coalesce(l.order_line, 0) AS order_line, i.invoiced_on,
				(SELECT s.delivered_at::date FROM shipments s WHERE s.partner_id = $1 AND s.shipment = i.shipment) AS delivered_on
			FROM invoice_lines l JOIN invoices i ON i.partner_id = $1 AND i.number = l.invoice
			WHERE l.partner_id = $1 AND l.invoice = $2 AND l.line = $3 AND ($4::text[] IS NULL OR i.site = ANY($4))`, tx.By.PartnerID, r.Invoice, r.InvoiceLine, sites)
		row.OrderLine = max(row.OrderLine, 0)
	case r.OrderLine != 0:
		err = tx.Get(ctx, &row, `
			SELECT coalesce(l.product, '') AS product, l.description, coalesce(l.unit, '') AS unit, CASE WHEN l.shipped > 0 THEN l.shipped ELSE l.ordered END AS quantity, l.price, coalesce(o.site, '') AS site, o.currency,
				coalesce(h.shipment, '') AS shipment, l.order_number, l.line AS order_line, h.delivered_at::date AS delivered_on
			FROM order_lines l JOIN orders o ON o.partner_id = $1 AND o.number = l.order_number
			LEFT JOIN LATERAL (SELECT s.shipment, s.delivered_at FROM shipment_lines x JOIN shipments s ON s.partner_id = $1 AND s.shipment = x.shipment
				WHERE x.partner_id = $1 AND x.order_number = l.order_number AND x.order_line = l.line AND ($5 = '' OR x.shipment = $5) ORDER BY s.shipped_on DESC LIMIT 1) h ON true
			WHERE l.partner_id = $1 AND l.order_number = $2 AND l.line = $3 AND ($4::text[] IS NULL OR o.site = ANY($4))`, tx.By.PartnerID, r.OrderNumber, r.OrderLine, sites, r.Shipment)
	default:
		return Facts{Ref: r}, "", "", nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		return f, "", "", portal.Errorf(portal.NotFound, "there is no such line")
	} else if err != nil {
		return f, "", "", fmt.Errorf("looking for what a claim is about: %w", err)
	}
	r.OrderNumber, r.OrderLine, r.Shipment = row.OrderNumber, row.OrderLine, row.Shipment
	row.Quantity = portal.Amount(row.Quantity.Number().String()) // 16, where the core writes 16.000
	return Facts{Product: row.Product, Description: row.Description, Unit: row.Unit, Quantity: row.Quantity, Most: row.Quantity, Price: row.Price, DeliveredOn: row.DeliveredOn, InvoicedOn: row.InvoicedOn, Ref: r}, row.Site, row.Currency, nil
}

// mine locks the caller's claim and returns it with the line; 0 asks for no line.
func mine(ctx context.Context, tx *portal.Tx, number string, line int64) (d Detail, l *Line, err error) {
	if err := tx.Need(portal.ClaimsFile); err != nil {
		return d, nil, err
	}
	return hold(ctx, tx, tx.By.PartnerID, number, line)
}

// hold locks a claim against whoever acts on it at the same time.
func hold(ctx context.Context, tx *portal.Tx, partner int64, number string, line int64) (d Detail, l *Line, err error) {
	if portal.Readable(number) {
		if _, err := tx.Exec(ctx, `SELECT 1 FROM claims WHERE partner_id = $1 AND number = $2 FOR UPDATE`, partner, number); err != nil {
			return d, nil, fmt.Errorf("holding a claim: %w", err)
		}
	}
	if d, err = read(ctx, tx, partner, number); err != nil || line == 0 {
		return d, nil, err
	}
	for i := range d.Lines {
		if d.Lines[i].Line == line {
			return d, &d.Lines[i], nil
		}
	}
	return d, nil, portal.Errorf(portal.NotFound, "the claim has no such line")
}

func cannot(l *Line, what string) error {
	return portal.Errorf(portal.Conflict, "line %d is %s and cannot be %s; load the page again", l.Line, StateWords[l.State], what)
}

// StateWords are what people call the states.
var StateWords = map[string]string{"draft": "a draft", "submitted": "submitted", "in_review": "in review", "asked": "waiting for your answer", "proposed": "waiting for a second person", "appealed": "appealed",
	"approved": "approved", "in_part": "approved in part", "refused": "refused", "credited": "credited", "withdrawn": "withdrawn", "closed": "closed"}

// AddLine adds a further line of the same site and currency to a draft.
func AddLine(ctx context.Context, tx *portal.Tx, number string, r Ref) (line int64, err error) {
	d, _, err := mine(ctx, tx, number, 0)
	if err != nil {
		return 0, err
	}
	if d.State != "draft" || d.SubmittedAt.Valid {
		return 0, portal.Errorf(portal.Conflict, "this claim was submitted; begin another for what else is wrong")
	}
	facts, site, currency, err := lookUp(ctx, tx, r)
	if err != nil {
		return 0, err
	}
	if site != "" && site != d.Site || currency != "" && currency != d.Currency {
		return 0, portal.Errorf(portal.Conflict, "a claim is of one site and one currency; begin another for this line")
	}
	for _, l := range d.Lines {
		line = max(line, l.Line)
	}
	if line++; line > 50 {
		return 0, portal.Errorf(portal.Conflict, "a claim holds 50 lines at most; begin another")
	}
	if err := insertLine(ctx, tx, number, line, facts); err != nil {
		return 0, err
	}
	return line, touch(ctx, tx, tx.By.PartnerID, number)
}

// Save keeps what the partner says about a line of a draft, or of one that was asked about; it need not be complete. What cannot be
// meant is Invalid, field by field, and nothing is kept.
func Save(ctx context.Context, tx *portal.Tx, number string, line int64, f Facts) error {
	d, l, err := mine(ctx, tx, number, line)
	if err != nil {
		return err
	}
	if !l.Editable() {
		return cannot(l, "changed")
	}
	if bad := f.settle(l.Facts); len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this cannot be kept", Fields: bad}
	}
	if err := f.dated(ctx, tx); err != nil {
		return err
	}
	text := written(f)
	if text == l.FactsText {
		return nil
	}
	if _, err := tx.Exec(ctx, `UPDATE claim_lines SET facts = $4 WHERE partner_id = $1 AND claim = $2 AND line = $3`, tx.By.PartnerID, number, line, text); err != nil {
		return fmt.Errorf("keeping a claim line: %w", err)
	}
	if l.State == "asked" {
		if err := note(ctx, tx, tx.By.PartnerID, number, line, Dealer, "changed facts", ""); err != nil {
			return err
		}
	}
	return touch(ctx, tx, tx.By.PartnerID, d.Number)
}

// dated takes the day of an invoice that was named by hand from the core, where it is one of the caller's.
func (f *Facts) dated(ctx context.Context, tx *portal.Tx) error {
	if f.found() || f.Invoice == "" {
		return nil
	}
	f.InvoicedOn = ""
	err := tx.Get(ctx, &f.InvoicedOn, `SELECT invoiced_on FROM invoices WHERE partner_id = $1 AND number = $2 AND ($3::text[] IS NULL OR site = ANY($3))`, tx.By.PartnerID, f.Invoice, portal.Limit(tx.By.Sites))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("looking for an invoice: %w", err)
	}
	return nil
}

// tellDesk mails the host's desk that it is its turn, where the rules name an address.
func (d Detail) tellDesk(ctx context.Context, tx *portal.Tx, what portal.Saying) error {
	if d.Policy.Rules.DeskMail == "" {
		return nil
	}
	return tx.Mail(ctx, portal.Mail{To: d.Policy.Rules.DeskMail, Subject: portal.Say("Claim %s was %s", d.Number, what), Text: []portal.Saying{portal.Say("%s (%s): claim %s was %s.", tx.By.PartnerName, tx.By.PartnerNumber, d.Number, what), portal.Say("Sign in to the portal to read it.")},
		Path: "/desk/claims/" + url.PathEscape(tx.By.PartnerNumber) + "/" + url.PathEscape(d.Number)})
}

// Submit hands every draft line to the host's desk, with what the rules say to it, and tells the core. A line that is not complete is
// Invalid: fields are named line.field.
func Submit(ctx context.Context, tx *portal.Tx, number string) error {
	d, _, err := mine(ctx, tx, number, 0)
	if err != nil {
		return err
	}
	bad, some := map[string]string{}, false
	for _, l := range d.Lines {
		if l.State != "draft" {
			continue
		}
		some = true
		if l.Result.Outcome == "incomplete" {
			for _, s := range l.Result.Failed() {
				bad[fmt.Sprintf("%d.%s", l.Line, s.Field)] = fmt.Sprintf("line %d: %s", l.Line, s.Says)
			}
		}
	}
	switch {
	case !some:
		return portal.Errorf(portal.Conflict, "there is nothing to submit in this claim")
	case len(bad) > 0:
		return &portal.Error{Kind: portal.Invalid, Msg: "this claim is not complete", Fields: bad}
	}
	if _, err := tx.Exec(ctx, `UPDATE claims SET submitted_at = coalesce(submitted_at, $3) WHERE partner_id = $1 AND number = $2`, tx.By.PartnerID, number, tx.Now); err != nil {
		return fmt.Errorf("submitting a claim: %w", err)
	}
	type sent struct {
		Line     int64  `json:"line"`
		Product  string `json:"product"`
		Serial   string `json:"serial"`
		Quantity string `json:"quantity"`
		Claimed  string `json:"claimed"`
		Words    string `json:"words"`
		Facts    string `json:"facts"`
	}
	var lines []sent
	for _, l := range d.Lines {
		if l.State != "draft" {
			continue
		}
		in := written(l.Inputs)
		if _, err := tx.Exec(ctx, `UPDATE claim_lines SET version = $4, inputs = $5, result = $6, preflight = $6 WHERE partner_id = $1 AND claim = $2 AND line = $3`,
			tx.By.PartnerID, number, l.Line, l.Version, in, written(l.Result)); err != nil {
			return fmt.Errorf("submitting a claim line: %w", err)
		}
		if err := move(ctx, tx, tx.By.PartnerID, number, l.Line, "submitted", Host, reviewFor, "Review it: decide, or ask"); err != nil {
			return err
		}
		lines = append(lines, sent{l.Line, l.Facts.Product, l.Facts.Serial, string(l.Facts.Quantity), string(l.Result.Claimed), l.Facts.Words, l.FactsText})
	}
	if err := note(ctx, tx, tx.By.PartnerID, number, 0, Dealer, "submitted", ""); err != nil {
		return err
	}
	_, err = tx.Post(ctx, portal.Command{Name: FileCommand, Document: Document(number), Values: map[string]string{
		"claim": number, "kind": d.Kind, "site": d.Site, "currency": d.Currency, "reference": d.Reference, "lines": written(lines)}})
	if err != nil {
		return err
	}
	if err := d.tellDesk(ctx, tx, portal.Say("submitted")); err != nil {
		return err
	}
	return touch(ctx, tx, tx.By.PartnerID, number)
}

// Answer gives a line that was asked about back to the desk, with words.
func Answer(ctx context.Context, tx *portal.Tx, number string, line int64, words string) error {
	d, l, err := mine(ctx, tx, number, line)
	if err != nil {
		return err
	}
	if l.State != "asked" {
		return cannot(l, "answered")
	}
	if words, err = said(words, true); err != nil {
		return err
	}
	if l.Result.Outcome == "incomplete" {
		bad := map[string]string{}
		for _, s := range l.Result.Failed() {
			bad[s.Field] = s.Says + "; " + s.Cure
		}
		return &portal.Error{Kind: portal.Invalid, Msg: "this line is not complete", Fields: bad}
	}
	if _, err := tx.Exec(ctx, `UPDATE claim_lines SET version = $4, inputs = $5, result = $6 WHERE partner_id = $1 AND claim = $2 AND line = $3`, tx.By.PartnerID, number, line, l.Version, written(l.Inputs), written(l.Result)); err != nil {
		return fmt.Errorf("answering: %w", err)
	}
	if err := d.tellDesk(ctx, tx, portal.Say("answered")); err != nil {
		return err
	}
	return after(ctx, tx, tx.By.PartnerID, number, line, Dealer, "answered", words, "in_review", Host, reviewFor, "Review the answer: decide, or ask")
}

// Appeal asks the desk to decide a line again, which another person does: one that was refused or approved in part, within 30 days.
func Appeal(ctx context.Context, tx *portal.Tx, number string, line int64, words string) error {
	d, l, err := mine(ctx, tx, number, line)
	if err != nil {
		return err
	}
	if l.State != "refused" && l.State != "in_part" {
		return cannot(l, "appealed")
	}
	if l.AppealTill != nil && tx.Now.After(*l.AppealTill) {
		return portal.Errorf(portal.Conflict, "the time to appeal ended on %s; ask your contact at the host", l.AppealTill.Format("2 Jan 2006"))
	}
	if words, err = said(words, true); err != nil {
		return err
	}
	if err := d.tellDesk(ctx, tx, portal.Say("appealed")); err != nil {
		return err
	}
	return after(ctx, tx, tx.By.PartnerID, number, line, Dealer, "appealed", words, "appealed", Host, reviewFor, "Decide the appeal; another person than before")
}

// Withdraw ends a line for good, with words that may be left out for a draft. What was credited cannot be withdrawn.
func Withdraw(ctx context.Context, tx *portal.Tx, number string, line int64, words string) error {
	d, l, err := mine(ctx, tx, number, line)
	if err != nil {
		return err
	}
	if l.Over() || l.State == "approved" || l.State == "in_part" || l.State == "proposed" {
		return cannot(l, "withdrawn")
	}
	if words, err = said(words, false); err != nil {
		return err
	}
	if d.SubmittedAt.Valid {
		if err := d.tellDesk(ctx, tx, portal.Say("withdrawn")); err != nil {
			return err
		}
	}
	return after(ctx, tx, tx.By.PartnerID, number, line, Dealer, "withdrew", words, "withdrawn", "", 0, "")
}

// after moves a line, notes why, and brings the claim in step.
func after(ctx context.Context, tx *portal.Tx, partner int64, number string, line int64, side, what, words, state, owner string, within time.Duration, action string) error {
	if err := move(ctx, tx, partner, number, line, state, owner, within, action); err != nil {
		return err
	}
	if err := note(ctx, tx, partner, number, line, side, what, words); err != nil {
		return err
	}
	return touch(ctx, tx, partner, number)
}

// said is text that somebody typed.
func said(words string, needed bool) (string, error) {
	words = strings.TrimSpace(plain(words))
	switch {
	case words == "" && needed:
		return "", &portal.Error{Kind: portal.Invalid, Msg: "words are needed here", Fields: map[string]string{"words": "say it in a sentence"}}
	case utf8.RuneCountInString(words) > 4000 || !legible(words):
		return "", &portal.Error{Kind: portal.Invalid, Msg: "this cannot be kept", Fields: map[string]string{"words": "must be at most 4,000 readable characters"}}
	}
	return words, nil
}

// AddFile adds a checked file to a claim that is a draft or was asked about.
func AddFile(ctx context.Context, tx *portal.Tx, s files.Store, number string, f files.Checked) (file files.File, err error) {
	d, _, err := mine(ctx, tx, number, 0)
	if err != nil {
		return file, err
	}
	if !slices.ContainsFunc(d.Lines, func(l Line) bool {
		return l.Editable() || l.State == "appealed" || l.State == "submitted" || l.State == "in_review"
	}) {
		return file, portal.Errorf(portal.Conflict, "this claim is decided; appeal first, then add files")
	}
	if file, err = files.Add(ctx, tx, s, Document(number), f); err != nil {
		return file, err
	}
	if d.SubmittedAt.Valid {
		if err := note(ctx, tx, tx.By.PartnerID, number, 0, Dealer, "added file", file.Name); err != nil {
			return file, err
		}
	}
	return file, touch(ctx, tx, tx.By.PartnerID, number)
}

// TakeFile gives a file of the caller's claim away.
func TakeFile(ctx context.Context, tx *portal.Tx, s files.Store, number, id string) (files.File, io.ReadCloser, error) {
	if _, err := Get(ctx, tx, number); err != nil {
		return files.File{}, nil, err
	}
	return files.Take(ctx, tx, s, tx.By.PartnerID, Document(number), id)
}

package notices

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

	"github.com/lib/pq"

	"extranet/portal"
	"extranet/portal/files"
)

// GiveCommand carries a partner's own notice to the core: number, revision, kind, title, description, effective_on, first_ship_on, last_buy_on, last_ship_on,
// withdrawn, items, by, at. AnswerGivenCommand carries what the host answered to it: number, and the rest as in AnswerCommand.
const (
	GiveCommand        = "give_notice"
	AnswerGivenCommand = "answer_given_notice"
)

// A GivenItem is a product that a partner's own notice is about.
type GivenItem struct {
	Product      string      `json:"product" doc:"The host's number" minLength:"1" maxLength:"500"`
	RevisionFrom string      `json:"revision_from,omitempty" maxLength:"60" required:"false"`
	RevisionTo   string      `json:"revision_to,omitempty" maxLength:"60" required:"false"`
	EffectiveOn  portal.Date `json:"effective_on,omitempty" format:"date" doc:"From this day; of the notice where the item has none" maxLength:"10" required:"false"`
	Lot          string      `json:"lot,omitempty" doc:"The first changed lot" maxLength:"60" required:"false"`
	Serial       string      `json:"serial,omitempty" doc:"The first changed serial number" maxLength:"60" required:"false"`
	Replacement  string      `json:"replacement,omitempty" maxLength:"500" required:"false"`
}

// A Given notice is what a partner tells the host of a change to its own products, as its latest revision says.
type Given struct {
	Number        int64       `db:"number" json:"number"`
	Revision      int64       `db:"revision" json:"revision"`
	Kind          string      `db:"kind" json:"kind" enum:"pcn,ecn,eol"`
	Title         string      `db:"title" json:"title" minLength:"1" maxLength:"160"`
	Description   string      `db:"description" json:"description" maxLength:"4000"`
	EffectiveOn   portal.Date `db:"effective_on" json:"effective_on" format:"date"`
	FirstShipOn   portal.Date `db:"first_ship_on" json:"first_ship_on" format:"date" nullable:"true" doc:"When the first changed shipment leaves"`
	LastBuyOn     portal.Date `db:"last_buy_on" json:"last_buy_on" format:"date" nullable:"true"`
	LastShipOn    portal.Date `db:"last_ship_on" json:"last_ship_on" format:"date" nullable:"true"`
	Withdrawn     bool        `db:"withdrawn" json:"withdrawn"`
	Items         []Item      `db:"-" json:"items"`
	GivenAt       time.Time   `db:"given_at" json:"given_at"`
	GivenBy       string      `db:"given_by" json:"given_by"`
	AcknowledgeBy portal.Date `db:"acknowledge_by" json:"acknowledge_by" format:"date" doc:"Until the end of this day the host is to acknowledge receipt of this revision"`
	ShipsFrom     portal.Date `db:"ships_from" json:"ships_from" format:"date" doc:"The first day on which a changed shipment is early enough announced"`
	TooSoon       bool        `db:"-" json:"too_soon" doc:"It ships, or takes effect, before the time that was agreed"`
	Verdict       string      `db:"verdict" json:"verdict" doc:"Of the host's last answer to this revision; empty where there is none, silence where it was due"`
	Partner       string      `db:"partner" json:"partner" doc:"The partner's account number"`
	PartnerName   string      `db:"name" json:"partner_name"`
	PartnerID     int64       `db:"partner_id" json:"-"`
}

// givenRow is one as the database keeps it.
type givenRow struct {
	Given
	JSON string `db:"items"`
}

// read fills in what the database keeps as text, and what follows from the rest.
func (r givenRow) read() (Given, error) {
	var items []GivenItem
	if err := json.Unmarshal([]byte(r.JSON), &items); err != nil {
		return r.Given, fmt.Errorf("reading a notice: %w", err)
	}
	g := r.Given
	g.GivenAt, g.Items = g.GivenAt.UTC(), []Item{}
	for n, i := range items {
		it := Item{Line: int64(n + 1), Product: i.Product, Name: i.Product, RevisionFrom: i.RevisionFrom, RevisionTo: i.RevisionTo, EffectiveOn: i.EffectiveOn, EffectiveLot: i.Lot, EffectiveSerial: i.Serial, Replacement: i.Replacement}
		if it.EffectiveOn == "" {
			it.EffectiveOn = g.EffectiveOn
		}
		g.Items = append(g.Items, it)
	}
	ships := g.FirstShipOn
	if ships == "" {
		ships = g.EffectiveOn
	}
	g.TooSoon = ships < g.ShipsFrom
	return g, nil
}

const givenColumns = `g.number, g.revision, g.kind, g.title, g.description, g.effective_on, g.first_ship_on, g.last_buy_on, g.last_ship_on, g.withdrawn, g.items, g.given_at, g.given_by,
	(g.given_at AT TIME ZONE 'UTC')::date + coalesce(p.acknowledge_days, 30) AS acknowledge_by, (g.given_at AT TIME ZONE 'UTC')::date + coalesce(p.notice_days, 90) AS ships_from,
	coalesce(a.verdict, '') AS verdict, r.number AS partner, r.name, g.partner_id`

const givenTables = ` FROM notices_given g JOIN partners r ON r.partner_id = g.partner_id LEFT JOIN notice_policies p ON p.partner_id = g.partner_id
	LEFT JOIN LATERAL (SELECT verdict FROM given_answers a WHERE a.partner_id = g.partner_id AND a.number = g.number AND a.revision = g.revision::text ORDER BY answer DESC LIMIT 1) a ON true `

// latest leaves out every revision that has one after it.
const latest = `NOT EXISTS (SELECT 1 FROM notices_given l WHERE l.partner_id = g.partner_id AND l.number = g.number AND l.revision > g.revision)`

// Notice is a partner's own notice as it is sent. Number is of one that is given anew; 0 is a new one.
type Notice struct {
	Number      int64       `json:"number,omitempty" doc:"Of the notice that this is a new revision of; 0 for a new one" minimum:"0" required:"false"`
	Kind        string      `json:"kind" enum:"pcn,ecn,eol"`
	Title       string      `json:"title" minLength:"1" maxLength:"160"`
	Description string      `json:"description,omitempty" maxLength:"4000" required:"false"`
	EffectiveOn portal.Date `json:"effective_on" format:"date" maxLength:"10"`
	FirstShipOn portal.Date `json:"first_ship_on,omitempty" format:"date" doc:"When the first changed shipment leaves" maxLength:"10" required:"false"`
	LastBuyOn   portal.Date `json:"last_buy_on,omitempty" format:"date" maxLength:"10" required:"false"`
	LastShipOn  portal.Date `json:"last_ship_on,omitempty" format:"date" maxLength:"10" required:"false"`
	Withdrawn   bool        `json:"withdrawn,omitempty" doc:"It no longer holds; there is nothing left to answer" required:"false"`
	Items       []GivenItem `json:"items" minItems:"1" maxItems:"500"`
}

func (n Notice) check() error {
	bad := map[string]string{}
	if !slices.Contains(Kinds, n.Kind) {
		bad["kind"] = "choose from " + strings.Join(Kinds, ", ")
	}
	if t := strings.TrimSpace(n.Title); t == "" || len(t) > 160 {
		bad["title"] = "say in up to 160 bytes what changes"
	}
	if len(n.Description) > 4000 {
		bad["description"] = "must be at most 4,000 bytes"
	}
	for field, d := range map[string]portal.Date{"effective_on": n.EffectiveOn, "first_ship_on": n.FirstShipOn, "last_buy_on": n.LastBuyOn, "last_ship_on": n.LastShipOn} {
		if _, err := portal.ParseDate(string(d)); err != nil {
			bad[field] = portal.Says(err).Msg
		}
	}
	if n.EffectiveOn == "" {
		bad["effective_on"] = "say from which day it holds, like 2026-09-01"
	}
	if n.Kind == "eol" && (n.LastBuyOn == "" || n.LastShipOn == "" || n.LastShipOn < n.LastBuyOn) && bad["last_buy_on"] == "" {
		bad["last_buy_on"] = "the end of a life has a last day to buy, and a last day to ship that is not before it"
	}
	if len(n.Items) == 0 || len(n.Items) > 500 {
		bad["items"] = "name 1 to 500 products"
	}
	named := map[string]int{}
	for i, it := range n.Items {
		_, day := portal.ParseDate(string(it.EffectiveOn))
		k := it.Product + "\x00" + it.Lot + "\x00" + it.Serial
		switch first, twice := named[k]; {
		case it.Product == "" || len(it.Product) > 500 || len(it.RevisionFrom)+len(it.RevisionTo)+len(it.Lot)+len(it.Serial)+len(it.Replacement) > 1000:
			bad["items"] = fmt.Sprintf("item %d has no product, or is too long", i+1)
		case day != nil:
			bad["items"] = fmt.Sprintf("item %d: %s", i+1, portal.Says(day).Msg)
		case twice:
			bad["items"] = fmt.Sprintf("item %d is the same as item %d; name each product, lot and serial once", i+1, first)
		}
		named[k] = i + 1
	}
	if len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this notice cannot be given", Fields: bad}
	}
	return nil
}

// Give tells the host of a change, or gives a notice anew as its next revision; those before it are kept, and the clocks begin again.
// The core learns of it once. A number that is not there is NotFound, one that was withdrawn a Conflict.
func Give(ctx context.Context, tx *portal.Tx, n Notice) (g Given, err error) {
	if err := tx.Need(portal.NoticesAnswer); err != nil {
		return g, err
	}
	var at struct {
		Number    int64 `db:"number"`
		Revision  int64 `db:"revision"`
		Withdrawn bool  `db:"withdrawn"`
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('notices given ' || $1, 0))`, strconv.FormatInt(tx.By.PartnerID, 10)); err != nil {
		return g, fmt.Errorf("giving notice: %w", err)
	}
	if n.Number == 0 {
		err = tx.Get(ctx, &at, `SELECT coalesce(max(number), 0) + 1 AS number, 1 AS revision, false AS withdrawn FROM notices_given WHERE partner_id = $1`, tx.By.PartnerID)
	} else {
		err = tx.Get(ctx, &at, `SELECT number, revision + 1 AS revision, withdrawn FROM notices_given WHERE partner_id = $1 AND number = $2 ORDER BY revision DESC LIMIT 1`, tx.By.PartnerID, n.Number)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return g, notThere
	}
	if err != nil {
		return g, fmt.Errorf("giving notice: %w", err)
	}
	if err := n.check(); err != nil {
		return g, err
	}
	if at.Withdrawn {
		return g, portal.Errorf(portal.Conflict, "you have withdrawn this notice; give a new one")
	}
	items, err := json.Marshal(n.Items)
	if err != nil {
		return g, err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO notices_given (partner_id, number, revision, kind, title, description, effective_on, first_ship_on, last_buy_on, last_ship_on, withdrawn, items, given_at, given_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`, tx.By.PartnerID, at.Number, at.Revision, n.Kind, strings.TrimSpace(n.Title), n.Description, n.EffectiveOn, n.FirstShipOn, n.LastBuyOn, n.LastShipOn,
		n.Withdrawn, string(items), tx.Now, tx.By.Name); err != nil {
		return g, fmt.Errorf("giving notice: %w", err)
	}
	tx.Changed("notices", tx.By.PartnerID)
	number, revision := strconv.FormatInt(at.Number, 10), strconv.FormatInt(at.Revision, 10)
	detail := map[string]string{"revision": revision, "kind": n.Kind}
	if n.Withdrawn {
		detail["withdrawn"] = "true"
	}
	if err := tx.Audit(ctx, "notices.give", "notices/given/"+number, detail); err != nil {
		return g, err
	}
	values := map[string]string{"number": number, "revision": revision, "kind": n.Kind, "title": strings.TrimSpace(n.Title), "description": n.Description, "effective_on": string(n.EffectiveOn),
		"withdrawn": strconv.FormatBool(n.Withdrawn), "items": string(items), "by": tx.By.Name, "at": tx.Now.Format("2006-01-02T15:04:05.000000Z")}
	for name, d := range map[string]portal.Date{"first_ship_on": n.FirstShipOn, "last_buy_on": n.LastBuyOn, "last_ship_on": n.LastShipOn} {
		if d != "" {
			values[name] = string(d)
		}
	}
	if _, err := tx.Post(ctx, portal.Command{Name: GiveCommand, Document: givenDocument(at.Number), Values: values}); err != nil {
		return g, err
	}
	rows, err := givenRows(ctx, tx, tx.By.PartnerID, at.Number)
	if err != nil {
		return g, err
	}
	return rows[0].read()
}

// givenRows are the revisions of a given notice, the latest first; none is NotFound.
func givenRows(ctx context.Context, tx *portal.Tx, partner, number int64) (rows []givenRow, err error) {
	if err := tx.Select(ctx, &rows, `SELECT `+givenColumns+givenTables+`WHERE g.partner_id = $1 AND g.number = $2 ORDER BY g.revision DESC LIMIT 51`, partner, number); err != nil {
		return nil, fmt.Errorf("reading a notice given: %w", err)
	}
	if len(rows) == 0 {
		return nil, notThere
	}
	return rows, nil
}

// A GivenPage is one stretch of a list; Next is the cursor of the one after it, "" = there is none.
type GivenPage struct {
	Items []Given `json:"items"`
	Next  string  `json:"next" doc:"Cursor of the next page; empty = this is the last"`
}

const (
	givenNarrowed = ` AND ($3 = '' OR g.kind = $3) AND ($4 = '' OR $4 = 'open' AND NOT g.withdrawn AND coalesce(a.verdict, '') IN ('', 'silence') OR a.verdict = $4)`
	givenOwn      = `SELECT ` + givenColumns + givenTables + `WHERE g.partner_id = $1 AND g.number < $2 AND ` + latest + givenNarrowed + ` ORDER BY g.number DESC LIMIT 51`
	givenAll      = `SELECT ` + givenColumns + givenTables + `WHERE ($1 = '' OR r.number = $1) AND (g.given_at, g.partner_id, g.number) < ($5::timestamptz, $6::bigint, $2) AND ` + latest + givenNarrowed + ` ORDER BY g.given_at DESC, g.partner_id DESC, g.number DESC LIMIT 51`
)

// GivenBy lists what the caller's company gave notice of, each as its latest revision says, the latest number first.
func GivenBy(ctx context.Context, tx *portal.Tx, f Filter) (p GivenPage, err error) {
	if err := tx.Need(portal.NoticesRead); err != nil {
		return p, err
	}
	if err := f.Check(); err != nil {
		return p, err
	}
	_, _, before, _ := f.after()
	number, err := strconv.ParseInt(before, 10, 64)
	if err != nil {
		number = 1 << 62
	}
	return givenPage(ctx, tx, func(g Given) string { return fmt.Sprintf("%s~%d~%d", portal.DateOf(g.GivenAt), g.PartnerID, g.Number) }, givenOwn,
		tx.By.PartnerID, number, f.Kind, f.State)
}

// Received lists what partners gave notice of, each as its latest revision says, the latest first; it is for the host's staff.
func Received(ctx context.Context, tx *portal.Tx, f Filter) (p GivenPage, err error) {
	if err := tx.Need(portal.NoticesManage); err != nil {
		return p, err
	}
	if err := f.Check(); err != nil {
		return p, err
	}
	at, partner, before, _ := f.after()
	number, err := strconv.ParseInt(before, 10, 64)
	if err != nil {
		number = 1 << 62
	}
	return givenPage(ctx, tx, func(g Given) string {
		return fmt.Sprintf("%s~%d~%d", g.GivenAt.Format(time.RFC3339Nano), g.PartnerID, g.Number)
	}, givenAll,
		f.Partner, number, f.Kind, f.State, at, partner)
}

func givenPage(ctx context.Context, tx *portal.Tx, cursor func(Given) string, query string, args ...any) (p GivenPage, err error) {
	var rows []givenRow
	if err := tx.Select(ctx, &rows, query, args...); err != nil {
		return p, fmt.Errorf("listing notices given: %w", err)
	}
	p.Items = []Given{}
	for _, r := range rows[:min(len(rows), onPage)] {
		g, err := r.read()
		if err != nil {
			return p, err
		}
		p.Items = append(p.Items, g)
	}
	if len(rows) > onPage {
		p.Next = cursor(p.Items[onPage-1])
	}
	return p, nil
}

// A GivenDetail is a partner's own notice with all that belongs to it. Touched lists what is due on or after the day on which an item takes effect, and all stock.
type GivenDetail struct {
	Given
	Touched   []Touch      `json:"touched"`
	Sums      []Sum        `json:"sums"`
	Answers   []Answer     `json:"answers" doc:"The host's, every one, the latest first"`
	Revisions []Revision   `json:"revisions" doc:"The latest first, at most 50"`
	Files     []files.File `json:"files" doc:"Attachments of either side, oldest first"`
	Policy    Policy       `json:"policy"`
}

// GetGiven returns a notice of the caller's own company's. One that is not there is NotFound.
func GetGiven(ctx context.Context, tx *portal.Tx, number string) (d GivenDetail, err error) {
	if err := tx.Need(portal.NoticesRead); err != nil {
		return d, err
	}
	return getGiven(ctx, tx, tx.By.PartnerID, number)
}

// GetReceived is GetGiven of any partner's, by its account number, for the host's staff.
func GetReceived(ctx context.Context, tx *portal.Tx, partner, number string) (d GivenDetail, err error) {
	if err := tx.Need(portal.NoticesManage); err != nil {
		return d, err
	}
	id, err := numbered(ctx, tx, partner)
	if err != nil {
		return d, err
	}
	return getGiven(ctx, tx, id, number)
}

func getGiven(ctx context.Context, tx *portal.Tx, partner int64, number string) (d GivenDetail, err error) {
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return d, notThere
	}
	rows, err := givenRows(ctx, tx, partner, n)
	if err != nil {
		return d, err
	}
	var before Content
	d.Revisions = []Revision{}
	for i := len(rows) - 1; i >= 0; i-- {
		if d.Given, err = rows[i].read(); err != nil {
			return d, err
		}
		now := Content{d.Kind, d.Title, d.Description, "", d.EffectiveOn, d.FirstShipOn, d.LastBuyOn, d.LastShipOn, d.Withdrawn, d.Items}
		v := Revision{strconv.FormatInt(d.Revision, 10), d.GivenAt, d.GivenBy, []Difference{}}
		if i < len(rows)-1 {
			v.Changes = differences(before, now)
		}
		if i < 50 {
			d.Revisions = append(d.Revisions, v)
		}
		before = now
	}
	slices.Reverse(d.Revisions)
	if err := named(ctx, tx, d.Items); err != nil {
		return d, err
	}
	if d.Policy, err = policyOf(ctx, tx, partner); err != nil {
		return d, err
	}
	d.Answers = []Answer{}
	if err = tx.Select(ctx, &d.Answers, `SELECT `+answerColumns+` FROM given_answers WHERE partner_id = $1 AND number = $2 ORDER BY answer DESC LIMIT 200`, partner, n); err != nil {
		return d, fmt.Errorf("reading answers: %w", err)
	}
	if d.Files, err = files.Of(ctx, tx, partner, givenDocument(n)); err != nil {
		return d, err
	}
	if d.Touched, err = touched(ctx, tx, partner, d.Items); err != nil {
		return d, err
	}
	d.Sums = sums(d.Touched)
	return d, nil
}

// named gives the items the names of their products, where the host knows them.
func named(ctx context.Context, tx *portal.Tx, items []Item) error {
	var products pq.StringArray
	for _, i := range items {
		products = append(products, i.Product)
	}
	var known []struct {
		Product string `db:"product"`
		Name    string `db:"name"`
	}
	if err := tx.Select(ctx, &known, `SELECT product, name FROM products WHERE product = ANY($1)`, products); err != nil {
		return fmt.Errorf("naming products: %w", err)
	}
	for _, k := range known {
		for i := range items {
			if items[i].Product == k.Product {
				items[i].Name = k.Name
			}
		}
	}
	return nil
}

// ReplyToGiven answers a partner's own notice for the host; each answer stands beside those before it. The partner sees it at once, and the core
// learns of it once. A notice that is not there is NotFound, one that was withdrawn a Conflict, an answer that cannot be meant Invalid.
func ReplyToGiven(ctx context.Context, tx *portal.Tx, partner, number string, s Said) (a Answer, err error) {
	if err := tx.Need(portal.NoticesManage); err != nil {
		return a, err
	}
	id, err := numbered(ctx, tx, partner)
	if err != nil {
		return a, err
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return a, notThere
	}
	rows, err := givenRows(ctx, tx, id, n)
	if err != nil {
		return a, err
	}
	if err := s.check(); err != nil {
		return a, err
	}
	if rows[0].Withdrawn {
		return a, portal.Errorf(portal.Conflict, "the partner has withdrawn this notice; there is nothing to answer")
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('given notice ' || $1 || ' ' || $2, 0))`, strconv.FormatInt(id, 10), number); err != nil {
		return a, fmt.Errorf("answering a notice: %w", err)
	}
	err = tx.Get(ctx, &a, `INSERT INTO given_answers (partner_id, number, answer, revision, verdict, disposition, cost, currency, lead_time_days, samples, note, answered_at, answered_by)
		SELECT $1, $2, coalesce((SELECT max(answer) FROM given_answers WHERE partner_id = $1 AND number = $2), 0) + 1, $3, $4, $5, $6, $7, $8::integer, $9, $10, $11, $12 RETURNING `+answerColumns,
		id, n, strconv.FormatInt(rows[0].Revision, 10), s.Verdict, null(s.Disposition), s.Cost, null(s.Currency), null(s.LeadTimeDays), s.Samples, null(strings.TrimSpace(s.Note)), tx.Now, tx.By.Name)
	if err != nil {
		return a, fmt.Errorf("answering a notice: %w", err)
	}
	a.AnsweredAt = a.AnsweredAt.UTC()
	tx.Changed("notices", id)
	if err := tx.AuditFor(ctx, id, "notices.reply", "notices/given/"+number, map[string]string{"verdict": s.Verdict, "revision": a.Revision, "answer": strconv.FormatInt(a.Answer, 10)}); err != nil {
		return a, err
	}
	values := s.values(a, tx)
	values["number"] = strconv.FormatInt(n, 10)
	_, err = tx.PostFor(ctx, id, portal.Command{Name: AnswerGivenCommand, Document: givenDocument(n), Values: values})
	return a, err
}

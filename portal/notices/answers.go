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

	"github.com/shopspring/decimal"

	"extranet/portal"
)

// AnswerCommand carries an answer to the core: notice, revision, answer, verdict, disposition, cost, currency, lead_time_days, samples, note, by, at.
// GiveCommand carries a partner's own notice: number, revision, kind, title, description, effective_on, last_buy_on, last_ship_on, items, by, at.
const (
	AnswerCommand = "answer_notice"
	GiveCommand   = "give_notice"
)

// What a partner can answer, and what it does with stock of the old revision.
var (
	Verdicts     = []string{"acknowledged", "accepted", "objected"}
	Dispositions = []string{"use_up", "rework", "return", "scrap", "none"}
)

// A Policy is how long each side may take, in days.
type Policy struct {
	AcknowledgeDays int `db:"acknowledge_days" json:"acknowledge_days" doc:"From issue until receipt is acknowledged" minimum:"0" maximum:"366"`
	NoticeDays      int `db:"notice_days" json:"notice_days" doc:"From issue until the first changed shipment" minimum:"0" maximum:"731"`
}

// usual is what J-STD-046 asks for.
var usual = Policy{30, 90}

// An Answer is what a partner said to a notice, or that it said nothing.
type Answer struct {
	Answer       int64         `db:"answer" json:"answer" doc:"Counts up"`
	Revision     string        `db:"revision" json:"revision" doc:"Of the notice, that it answers"`
	Verdict      string        `db:"verdict" json:"verdict" doc:"silence: nobody answered until it was due" enum:"acknowledged,accepted,objected,silence"`
	Disposition  string        `db:"disposition" json:"disposition" doc:"What becomes of stock of the old revision"`
	Cost         portal.Amount `db:"cost" json:"cost" doc:"What the change costs the partner; empty where it does not say"`
	Currency     string        `db:"currency" json:"currency"`
	LeadTimeDays *int          `db:"lead_time_days" json:"lead_time_days" nullable:"true" doc:"By how many days deliveries take longer"`
	Samples      portal.Amount `db:"samples" json:"samples" doc:"How many samples are asked for"`
	Note         string        `db:"note" json:"note"`
	AnsweredAt   time.Time     `db:"answered_at" json:"answered_at"`
	AnsweredBy   string        `db:"answered_by" json:"answered_by"`
}

const answerColumns = `answer, revision, verdict, coalesce(disposition, '') AS disposition, cost, coalesce(currency, '') AS currency, lead_time_days, samples, coalesce(note, '') AS note, answered_at, answered_by`

// Said is an answer as it is sent.
type Said struct {
	Verdict      string        `json:"verdict" enum:"acknowledged,accepted,objected"`
	Disposition  string        `json:"disposition,omitempty" doc:"What becomes of stock of the old revision" enum:"use_up,rework,return,scrap,none" required:"false"`
	Cost         portal.Amount `json:"cost,omitempty" doc:"What the change costs, an exact decimal" maxLength:"40" required:"false"`
	Currency     string        `json:"currency,omitempty" doc:"ISO 4217, of cost" maxLength:"3" required:"false"`
	LeadTimeDays string        `json:"lead_time_days,omitempty" doc:"By how many whole days deliveries take longer; below 0 where they are faster" maxLength:"6" required:"false"`
	Samples      portal.Amount `json:"samples,omitempty" doc:"How many samples are asked for" maxLength:"20" required:"false"`
	Note         string        `json:"note,omitempty" doc:"Needed with an objection: to what, and what would do" maxLength:"2000" required:"false"`
}

// check names every field that cannot be meant.
func (s Said) check() error {
	bad := map[string]string{}
	if !slices.Contains(Verdicts, s.Verdict) {
		bad["verdict"] = "choose from " + strings.Join(Verdicts, ", ")
	}
	if s.Disposition != "" && !slices.Contains(Dispositions, s.Disposition) {
		bad["disposition"] = "choose from " + strings.Join(Dispositions, ", ")
	}
	for field, a := range map[string]portal.Amount{"cost": s.Cost, "samples": s.Samples} {
		if a == "" {
			continue
		}
		if d, err := decimal.NewFromString(string(a)); err != nil || d.IsNegative() || d.Exponent() < -4 || len(a) > 20 {
			bad[field] = "must be a number that is not negative, like 1250.50"
		}
	}
	if (s.Cost != "") != (s.Currency != "") || s.Currency != "" && (len(s.Currency) != 3 || strings.ToUpper(s.Currency) != s.Currency) {
		bad["currency"] = "a cost has one currency, of three capitals like EUR"
	}
	if s.LeadTimeDays != "" {
		if n, err := strconv.Atoi(s.LeadTimeDays); err != nil || n < -999 || n > 999 {
			bad["lead_time_days"] = "must be whole days from -999 to 999"
		}
	}
	switch {
	case s.Verdict == "objected" && strings.TrimSpace(s.Note) == "":
		bad["note"] = "say what you object to, and what would do instead"
	case len(s.Note) > 2000:
		bad["note"] = "must be at most 2,000 bytes"
	}
	if len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this answer cannot be taken", Fields: bad}
	}
	return nil
}

// Reply answers a notice of the caller's own; each answer stands beside those before it, and the core learns of it once. A notice that is not
// there is NotFound, one that the host withdrew a Conflict, an answer that cannot be meant Invalid.
func Reply(ctx context.Context, tx *portal.Tx, notice string, s Said) (a Answer, err error) {
	if err := tx.Need(portal.NoticesAnswer); err != nil {
		return a, err
	}
	var n struct {
		Revision  string `db:"revision"`
		Withdrawn bool   `db:"withdrawn"`
	}
	err = tx.Get(ctx, &n, `SELECT revision, withdrawn FROM notices WHERE partner_id = $1 AND notice = $2`, tx.By.PartnerID, notice)
	if errors.Is(err, sql.ErrNoRows) {
		return a, notThere
	}
	if err != nil {
		return a, fmt.Errorf("looking up a notice: %w", err)
	}
	if err := s.check(); err != nil {
		return a, err
	}
	if n.Withdrawn {
		return a, portal.Errorf(portal.Conflict, "the host has withdrawn this notice; there is nothing to answer")
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('notice ' || $1 || ' ' || $2, 0))`, strconv.FormatInt(tx.By.PartnerID, 10), notice); err != nil {
		return a, fmt.Errorf("answering a notice: %w", err)
	}
	null := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	err = tx.Get(ctx, &a, `INSERT INTO notice_answers (partner_id, notice, answer, revision, verdict, disposition, cost, currency, lead_time_days, samples, note, answered_at, answered_by)
		SELECT $1, $2, coalesce((SELECT max(answer) FROM notice_answers WHERE partner_id = $1 AND notice = $2), 0) + 1, $3, $4, $5, $6, $7, $8::integer, $9, $10, $11, $12 RETURNING `+answerColumns,
		tx.By.PartnerID, notice, n.Revision, s.Verdict, null(s.Disposition), s.Cost, null(s.Currency), null(s.LeadTimeDays), s.Samples, null(strings.TrimSpace(s.Note)), tx.Now, tx.By.Name)
	if err != nil {
		return a, fmt.Errorf("answering a notice: %w", err)
	}
	a.AnsweredAt = a.AnsweredAt.UTC()
	tx.Changed("notices", tx.By.PartnerID)
	if err := tx.Audit(ctx, "notices.answer", "notices/"+notice, map[string]string{"verdict": s.Verdict, "revision": n.Revision, "answer": strconv.FormatInt(a.Answer, 10)}); err != nil {
		return a, err
	}
	values := map[string]string{"notice": notice, "revision": n.Revision, "answer": strconv.FormatInt(a.Answer, 10), "verdict": s.Verdict, "by": tx.By.Name, "at": tx.Now.Format("2006-01-02T15:04:05.000000Z")}
	for name, v := range map[string]string{"disposition": s.Disposition, "cost": string(s.Cost), "currency": s.Currency, "lead_time_days": s.LeadTimeDays, "samples": string(s.Samples), "note": strings.TrimSpace(s.Note)} {
		if v != "" {
			values[name] = v
		}
	}
	_, err = tx.Post(ctx, portal.Command{Name: AnswerCommand, Document: "notices/" + notice, Values: values})
	return a, err
}

// A GivenItem is a product that a partner's own notice is about.
type GivenItem struct {
	Product      string `json:"product" minLength:"1" maxLength:"500"`
	RevisionFrom string `json:"revision_from,omitempty" maxLength:"60" required:"false"`
	RevisionTo   string `json:"revision_to,omitempty" maxLength:"60" required:"false"`
	Lot          string `json:"lot,omitempty" doc:"The first changed lot" maxLength:"60" required:"false"`
	Serial       string `json:"serial,omitempty" doc:"The first changed serial number" maxLength:"60" required:"false"`
	Replacement  string `json:"replacement,omitempty" maxLength:"500" required:"false"`
}

// A Given notice is what a partner tells the host of a change to its own products.
type Given struct {
	Number      int64       `db:"number" json:"number"`
	Revision    int64       `db:"revision" json:"revision"`
	Kind        string      `db:"kind" json:"kind" enum:"pcn,ecn,eol"`
	Title       string      `db:"title" json:"title" minLength:"1" maxLength:"160"`
	Description string      `db:"description" json:"description" maxLength:"4000"`
	EffectiveOn portal.Date `db:"effective_on" json:"effective_on" format:"date"`
	LastBuyOn   portal.Date `db:"last_buy_on" json:"last_buy_on" format:"date" nullable:"true"`
	LastShipOn  portal.Date `db:"last_ship_on" json:"last_ship_on" format:"date" nullable:"true"`
	Items       []GivenItem `db:"-" json:"items"`
	GivenAt     time.Time   `db:"given_at" json:"given_at"`
	GivenBy     string      `db:"given_by" json:"given_by"`
	TooSoon     bool        `db:"-" json:"too_soon" doc:"It takes effect before the time that was agreed"`
}

// Notice is a partner's own notice as it is sent. Number is of one that is given anew; 0 is a new one.
type Notice struct {
	Number      int64       `json:"number,omitempty" doc:"Of the notice that this is a new revision of; 0 for a new one" minimum:"0" required:"false"`
	Kind        string      `json:"kind" enum:"pcn,ecn,eol"`
	Title       string      `json:"title" minLength:"1" maxLength:"160"`
	Description string      `json:"description,omitempty" maxLength:"4000" required:"false"`
	EffectiveOn portal.Date `json:"effective_on" format:"date" maxLength:"10"`
	LastBuyOn   portal.Date `json:"last_buy_on,omitempty" format:"date" maxLength:"10" required:"false"`
	LastShipOn  portal.Date `json:"last_ship_on,omitempty" format:"date" maxLength:"10" required:"false"`
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
	for field, d := range map[string]portal.Date{"effective_on": n.EffectiveOn, "last_buy_on": n.LastBuyOn, "last_ship_on": n.LastShipOn} {
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
	for i, it := range n.Items {
		if it.Product == "" || len(it.Product) > 500 || len(it.RevisionFrom)+len(it.RevisionTo)+len(it.Lot)+len(it.Serial)+len(it.Replacement) > 1000 {
			bad["items"] = fmt.Sprintf("item %d has no product, or is too long", i+1)
		}
	}
	if len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this notice cannot be given", Fields: bad}
	}
	return nil
}

// Give tells the host of a change, or gives a notice anew as its next revision; those before it are kept. A number that is not there is NotFound.
func Give(ctx context.Context, tx *portal.Tx, n Notice) (g Given, err error) {
	if err := tx.Need(portal.NoticesAnswer); err != nil {
		return g, err
	}
	if err := n.check(); err != nil {
		return g, err
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('notices given ' || $1, 0))`, strconv.FormatInt(tx.By.PartnerID, 10)); err != nil {
		return g, fmt.Errorf("giving notice: %w", err)
	}
	items, err := json.Marshal(n.Items)
	if err != nil {
		return g, err
	}
	var at struct {
		Number   int64 `db:"number"`
		Revision int64 `db:"revision"`
	}
	if n.Number == 0 {
		err = tx.Get(ctx, &at, `SELECT coalesce(max(number), 0) + 1 AS number, 1 AS revision FROM notices_given WHERE partner_id = $1`, tx.By.PartnerID)
	} else {
		err = tx.Get(ctx, &at, `SELECT number, max(revision) + 1 AS revision FROM notices_given WHERE partner_id = $1 AND number = $2 GROUP BY number`, tx.By.PartnerID, n.Number)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return g, notThere
	}
	if err != nil {
		return g, fmt.Errorf("giving notice: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO notices_given (partner_id, number, revision, kind, title, description, effective_on, last_buy_on, last_ship_on, items, given_at, given_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`, tx.By.PartnerID, at.Number, at.Revision, n.Kind, strings.TrimSpace(n.Title), n.Description, n.EffectiveOn, n.LastBuyOn, n.LastShipOn, string(items), tx.Now, tx.By.Name); err != nil {
		return g, fmt.Errorf("giving notice: %w", err)
	}
	tx.Changed("notices", tx.By.PartnerID)
	number, revision := strconv.FormatInt(at.Number, 10), strconv.FormatInt(at.Revision, 10)
	if err := tx.Audit(ctx, "notices.give", "notices/given/"+number, map[string]string{"revision": revision, "kind": n.Kind}); err != nil {
		return g, err
	}
	values := map[string]string{"number": number, "revision": revision, "kind": n.Kind, "title": strings.TrimSpace(n.Title), "description": n.Description, "effective_on": string(n.EffectiveOn),
		"items": string(items), "by": tx.By.Name, "at": tx.Now.Format("2006-01-02T15:04:05.000000Z")}
	for name, d := range map[string]portal.Date{"last_buy_on": n.LastBuyOn, "last_ship_on": n.LastShipOn} {
		if d != "" {
			values[name] = string(d)
		}
	}
	if _, err := tx.Post(ctx, portal.Command{Name: GiveCommand, Document: "notices/given/" + number, Values: values}); err != nil {
		return g, err
	}
	policy, err := policyOf(ctx, tx, tx.By.PartnerID)
	return Given{at.Number, at.Revision, n.Kind, strings.TrimSpace(n.Title), n.Description, n.EffectiveOn, n.LastBuyOn, n.LastShipOn, n.Items, tx.Now, tx.By.Name,
		n.EffectiveOn < plus(portal.DateOf(tx.Now), policy.NoticeDays)}, err
}

// GivenBy lists what the caller's company gave notice of, every revision, the latest first, at most 200.
func GivenBy(ctx context.Context, tx *portal.Tx) ([]Given, error) {
	if err := tx.Need(portal.NoticesRead); err != nil {
		return nil, err
	}
	var rows []struct {
		Given
		JSON string `db:"items"`
	}
	if err := tx.Select(ctx, &rows, `SELECT number, revision, kind, title, description, effective_on, last_buy_on, last_ship_on, items, given_at, given_by
		FROM notices_given WHERE partner_id = $1 ORDER BY number DESC, revision DESC LIMIT 200`, tx.By.PartnerID); err != nil {
		return nil, fmt.Errorf("listing notices given: %w", err)
	}
	policy, err := policyOf(ctx, tx, tx.By.PartnerID)
	if err != nil {
		return nil, err
	}
	list := []Given{}
	for _, r := range rows {
		r.GivenAt = r.GivenAt.UTC()
		r.TooSoon = r.EffectiveOn < plus(portal.DateOf(r.GivenAt), policy.NoticeDays)
		if err := json.Unmarshal([]byte(r.JSON), &r.Given.Items); err != nil {
			return nil, fmt.Errorf("reading a notice: %w", err)
		}
		list = append(list, r.Given)
	}
	return list, nil
}

func policyOf(ctx context.Context, tx *portal.Tx, partner int64) (p Policy, err error) {
	err = tx.Get(ctx, &p, `SELECT acknowledge_days, notice_days FROM notice_policies WHERE partner_id = $1`, partner)
	if errors.Is(err, sql.ErrNoRows) {
		return usual, nil
	}
	return p, err
}

// SetPolicy agrees the clocks with a partner, by its account number; it is for the host's staff. A partner that is not there is NotFound.
func SetPolicy(ctx context.Context, tx *portal.Tx, number string, p Policy) error {
	if err := tx.Need(portal.NoticesManage); err != nil {
		return err
	}
	bad := map[string]string{}
	if p.AcknowledgeDays < 0 || p.AcknowledgeDays > 366 {
		bad["acknowledge_days"] = "must be a number of days from 0 to 366"
	}
	if p.NoticeDays < 0 || p.NoticeDays > 731 {
		bad["notice_days"] = "must be a number of days from 0 to 731"
	}
	if len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "these clocks cannot hold", Fields: bad}
	}
	var partner int64
	err := tx.Get(ctx, &partner, `SELECT partner_id FROM partners WHERE number = $1 AND kind <> 'host'`, number)
	if errors.Is(err, sql.ErrNoRows) {
		return portal.Errorf(portal.NotFound, "there is no partner with this number")
	}
	if err != nil {
		return fmt.Errorf("looking for a partner: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO notice_policies (partner_id, acknowledge_days, notice_days, set_at, set_by) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (partner_id) DO UPDATE SET acknowledge_days = excluded.acknowledge_days, notice_days = excluded.notice_days, set_at = excluded.set_at, set_by = excluded.set_by`,
		partner, p.AcknowledgeDays, p.NoticeDays, tx.Now, tx.By.Name); err != nil {
		return fmt.Errorf("setting clocks: %w", err)
	}
	tx.Changed("notices", partner)
	return tx.AuditFor(ctx, partner, "notices.policy", "notices", map[string]string{"acknowledge_days": strconv.Itoa(p.AcknowledgeDays), "notice_days": strconv.Itoa(p.NoticeDays)})
}

// Silence writes down, for every partner, which notices nobody answered until it was due; it is the worker's. It returns how many.
func Silence(ctx context.Context, tx *portal.Tx) (n int, err error) {
	var silent []struct {
		Partner int64  `db:"partner_id"`
		Notice  string `db:"notice"`
	}
	err = tx.Select(ctx, &silent, `
		INSERT INTO notice_answers (partner_id, notice, answer, revision, verdict, answered_at, answered_by)
		SELECT n.partner_id, n.notice, 1, n.revision, 'silence', $1, 'nobody' FROM notices n LEFT JOIN notice_policies p USING (partner_id)
		WHERE NOT n.withdrawn AND n.issued_on + coalesce(p.acknowledge_days, $2) < $3::date
			AND NOT EXISTS (SELECT 1 FROM notice_answers a WHERE a.partner_id = n.partner_id AND a.notice = n.notice)
		ON CONFLICT (partner_id, notice, answer) DO NOTHING RETURNING partner_id, notice`, tx.Now, usual.AcknowledgeDays, portal.DateOf(tx.Now))
	if err != nil {
		return 0, fmt.Errorf("noting silence: %w", err)
	}
	for _, s := range silent {
		tx.Changed("notices", s.Partner)
		if err := tx.AuditFor(ctx, s.Partner, "notices.silence", "notices/"+s.Notice, nil); err != nil {
			return 0, err
		}
	}
	return len(silent), nil
}

func plus(d portal.Date, days int) portal.Date { return portal.DateOf(d.Time().AddDate(0, 0, days)) }

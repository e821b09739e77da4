package notices

import (
	"context"
	"database/sql"
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
const AnswerCommand = "answer_notice"

// What either side can answer, and what it does with stock of the old revision.
var (
	Verdicts     = []string{"acknowledged", "accepted", "objected"}
	Dispositions = []string{"use_up", "rework", "return", "scrap", "none"}
)

// An Answer is what one side said to the other's notice, or that it said nothing.
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
	if !portal.Readable(notice) {
		return a, notThere
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
	values := s.values(a, tx)
	values["notice"] = notice
	_, err = tx.Post(ctx, portal.Command{Name: AnswerCommand, Document: "notices/" + notice, Values: values})
	return a, err
}

// null is s, or nothing.
func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// values are what the core is told of the answer.
func (s Said) values(a Answer, tx *portal.Tx) map[string]string {
	values := map[string]string{"revision": a.Revision, "answer": strconv.FormatInt(a.Answer, 10), "verdict": s.Verdict, "by": tx.By.Name, "at": tx.Now.Format("2006-01-02T15:04:05.000000Z")}
	for name, v := range map[string]string{"disposition": s.Disposition, "cost": string(s.Cost), "currency": s.Currency, "lead_time_days": s.LeadTimeDays, "samples": string(s.Samples), "note": strings.TrimSpace(s.Note)} {
		if v != "" {
			values[name] = v
		}
	}
	return values
}

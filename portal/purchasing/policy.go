package purchasing

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/shopspring/decimal"

	"extranet/portal"
)

// A Policy is what the host asks of every supplier alike.
type Policy struct {
	AnswerDays int           `json:"answer_days" db:"answer_days" minimum:"0" maximum:"60" doc:"Days for answering a version of a purchase order"`
	RemindDays int           `json:"remind_days" db:"remind_days" minimum:"0" maximum:"30" doc:"How many days before an answer is due it is asked for once more, by mail"`
	ClaimDays  int           `json:"claim_days" db:"claim_days" minimum:"0" maximum:"365" doc:"Days for objecting to what was rejected"`
	OverWarn   portal.Amount `json:"over_warn" db:"over_warn" doc:"Per cent above what is open that is shipped with a warning …"`
	OverStop   portal.Amount `json:"over_stop" db:"over_stop" doc:"… and above which a shipment is refused"`
	EarlyWarn  int           `json:"early_warn" db:"early_warn" minimum:"0" maximum:"3650" doc:"Days before a line is due that it is shipped with a warning …"`
	EarlyStop  int           `json:"early_stop" db:"early_stop" minimum:"0" maximum:"3650" doc:"… and before which a shipment is refused"`
}

// PolicyNow returns the policy in force.
func PolicyNow(ctx context.Context, tx *portal.Tx) (p Policy, err error) {
	if err := tx.Get(ctx, &p, `SELECT answer_days, remind_days, claim_days, trim_scale(over_warn) AS over_warn, trim_scale(over_stop) AS over_stop, early_warn, early_stop FROM purchasing_policy`); err != nil {
		return p, fmt.Errorf("reading the purchasing policy: %w", err)
	}
	return p, nil
}

// PolicyOf returns the policy to a supplier's people.
func PolicyOf(ctx context.Context, tx *portal.Tx) (Policy, error) {
	if err := tx.Need(portal.PurchasingRead); err != nil {
		return Policy{}, err
	}
	return PolicyNow(ctx, tx)
}

// PolicyAcross returns the policy to the host's staff.
func PolicyAcross(ctx context.Context, tx *portal.Tx) (Policy, error) {
	if err := tx.Need(portal.PurchasesRead); err != nil {
		return Policy{}, err
	}
	return PolicyNow(ctx, tx)
}

func (p Policy) check() map[string]string {
	bad := map[string]string{}
	for field, v := range map[string]struct{ value, most int }{"answer_days": {p.AnswerDays, 60}, "remind_days": {p.RemindDays, 30}, "claim_days": {p.ClaimDays, 365}, "early_warn": {p.EarlyWarn, 3650}, "early_stop": {p.EarlyStop, 3650}} {
		if v.value < 0 || v.value > v.most {
			bad[field] = fmt.Sprintf("must be a number of days from 0 to %d", v.most)
		}
	}
	for field, v := range map[string]portal.Amount{"over_warn": p.OverWarn, "over_stop": p.OverStop} {
		if d, err := decimal.NewFromString(string(v)); err != nil || d.IsNegative() || d.Exponent() < -2 || d.Exponent() > 3 || d.GreaterThan(decimal.NewFromInt(1000)) {
			bad[field] = "must be per cent from 0 to 1,000, such as 5"
		}
	}
	if len(bad) == 0 && p.OverStop.Number().LessThan(p.OverWarn.Number()) {
		bad["over_stop"] = "must not be less than what is warned of"
	}
	if len(bad) == 0 && p.EarlyStop < p.EarlyWarn {
		bad["early_stop"] = "must not be less than what is warned of"
	}
	return bad
}

// SetPolicy sets what is asked of every supplier from now on. Days that were given already stay as they are. What cannot be meant is Invalid.
func SetPolicy(ctx context.Context, tx *portal.Tx, p Policy) (Policy, error) {
	if err := tx.Need(portal.PurchasesManage); err != nil {
		return p, err
	}
	if bad := p.check(); len(bad) > 0 {
		return p, &portal.Error{Kind: portal.Invalid, Msg: "these rules cannot be set", Fields: bad}
	}
	p.OverWarn, p.OverStop = amount(p.OverWarn.Number()), amount(p.OverStop.Number())
	if _, err := tx.Exec(ctx, `UPDATE purchasing_policy SET answer_days = $1, remind_days = $2, claim_days = $3, over_warn = $4, over_stop = $5, early_warn = $6, early_stop = $7, changed_at = $8, changed_by = $9`,
		p.AnswerDays, p.RemindDays, p.ClaimDays, p.OverWarn, p.OverStop, p.EarlyWarn, p.EarlyStop, tx.Now, tx.By.Name); err != nil {
		return p, fmt.Errorf("setting the purchasing policy: %w", err)
	}
	content, err := json.Marshal(p)
	if err != nil {
		return p, err
	}
	var suppliers []int64
	if err := tx.Select(ctx, &suppliers, `SELECT partner_id FROM partners WHERE kind = 'supplier' AND closed_at IS NULL`); err != nil {
		return p, fmt.Errorf("looking for suppliers: %w", err)
	}
	tx.Changed("purchasing", suppliers...)
	return p, tx.Audit(ctx, "purchasing.policy", "purchasing/policy", map[string]string{"policy": string(content)})
}

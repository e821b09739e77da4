package purchasing

import (
	"context"
	"fmt"

	"extranet/portal"
)

// A Policy is what the host asks of every supplier alike.
type Policy struct {
	AnswerDays int           `json:"answer_days" db:"answer_days"` // for answering a version of a purchase order
	ClaimDays  int           `json:"claim_days" db:"claim_days"`   // for objecting to what was rejected
	OverWarn   portal.Amount `json:"over_warn" db:"over_warn"`     // per cent above what is open that is shipped with a warning …
	OverStop   portal.Amount `json:"over_stop" db:"over_stop"`     // … and above which it is refused
	EarlyWarn  int           `json:"early_warn" db:"early_warn"`   // days before the day asked for, shipped with a warning …
	EarlyStop  int           `json:"early_stop" db:"early_stop"`   // … and before which it is refused
}

// PolicyNow returns the policy in force.
func PolicyNow(ctx context.Context, tx *portal.Tx) (p Policy, err error) {
	if err := tx.Get(ctx, &p, `SELECT answer_days, claim_days, over_warn, over_stop, early_warn, early_stop FROM purchasing_policy`); err != nil {
		return p, fmt.Errorf("reading the purchasing policy: %w", err)
	}
	return p, nil
}

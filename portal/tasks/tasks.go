// Package tasks says what waits for the caller, over all capabilities.
package tasks

import (
	"context"

	"extranet/portal"
	"extranet/portal/accounts"
	"extranet/portal/billing"
	"extranet/portal/claims"
	"extranet/portal/forecasts"
	"extranet/portal/invoices"
	"extranet/portal/notices"
	"extranet/portal/orders"
	"extranet/portal/partners"
	"extranet/portal/purchasing"
)

// A source counts what waits of one capability; what the caller may not act on is not counted.
type source struct {
	noun  string // what changes the counts
	count func(context.Context, *portal.Tx) ([]portal.Task, error)
}

var ofPartners = []source{
	{"orders", orders.Tasks},
	{claims.Noun, claims.Tasks},
	{accounts.Noun, invoices.Tasks},
	{"forecasts", forecasts.Tasks},
	{"purchasing", purchasing.Tasks},
	{"billing", billing.Tasks},
	{"notices", notices.Tasks},
	{"people", partners.Tasks},
}

// ofHost are counted across partners, for whoever holds the permission.
var ofHost = []struct {
	need  portal.Permission
	count func(context.Context, *portal.Tx) (portal.Task, error)
}{
	{portal.ClaimsDecide, claims.DeskTask},
	{portal.PurchasesManage, purchasing.AnswersTask},
	{portal.PurchasesManage, purchasing.ObjectionsTask},
}

// For lists what waits for the caller, in a fixed order, without kinds of which nothing waits.
func For(ctx context.Context, db *portal.DB, by portal.Caller) ([]portal.Task, error) {
	all := []portal.Task{}
	if by.Host {
		for _, s := range ofHost {
			if !by.Perms.Has(s.need) {
				continue
			}
			err := db.AcrossPartners(ctx, by, s.need, func(tx *portal.Tx) error {
				t, err := s.count(ctx, tx)
				all = append(all, t)
				return err
			})
			if err != nil {
				return nil, err
			}
		}
		return waiting(all), nil
	}
	// What is overdue is another every day, and what somebody is given back is theirs alone.
	key := "tasks " + string(portal.DateOf(db.Now())) + " " + by.PersonID.String()
	for _, s := range ofPartners {
		list, err := portal.Cached(ctx, db, by, s.noun, key, func(ctx context.Context) (list []portal.Task, err error) {
			err = db.Do(ctx, by, func(tx *portal.Tx) (err error) {
				list, err = s.count(ctx, tx)
				return err
			})
			return list, err
		})
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return waiting(all), nil
}

func waiting(all []portal.Task) []portal.Task {
	some := all[:0]
	for _, t := range all {
		if t.Count > 0 {
			some = append(some, t)
		}
	}
	return some
}

package accounts

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"extranet/portal"
)

// An Account is what a partner owes and may still buy in one currency. It speaks of the whole partner, whatever a caller's sites.
type Account struct {
	Currency   string        `db:"currency" json:"currency" doc:"ISO 4217, of every amount"`
	Limit      portal.Amount `db:"credit_limit" json:"credit_limit" doc:"Exact decimal; empty where the host has set no limit"`
	Terms      string        `db:"terms" json:"terms" doc:"When invoices are due"`
	OnHold     bool          `db:"on_hold" json:"on_hold" doc:"The host ships nothing on credit at present"`
	HoldReason string        `db:"hold_reason" json:"hold_reason" doc:"Why it holds; empty where the core does not say"`
	Balance    portal.Amount `db:"balance" json:"balance" doc:"What the core has as owed"`
	OpenItems  portal.Amount `db:"open_items" json:"open_items" doc:"Open invoices less credit memos and payments not used yet"`
	OpenOrders portal.Amount `db:"open_orders" json:"open_orders" doc:"What is ordered and not shipped, with tax"`
	Exposure   portal.Amount `db:"-" json:"exposure" doc:"open_items + open_orders"`
	Available  portal.Amount `db:"-" json:"available" doc:"credit_limit - exposure, negative when it is exceeded; empty without a limit"`
}

// Differs is by how much the core's balance is other than the open items; zero as a rule.
func (a Account) Differs() decimal.Decimal { return a.Balance.Number().Sub(a.OpenItems.Number()) }

// standing adds each kind up by itself: whatever is open is read once, and the lines of open orders through their key.
const standing = `
	WITH parts AS (
		SELECT currency, sum(open) AS open_items, 0 AS open_orders FROM invoices WHERE partner_id = $1 AND is_open GROUP BY currency
		UNION ALL
		SELECT currency, -sum(open), 0 FROM payments WHERE partner_id = $1 AND is_open GROUP BY currency
		UNION ALL
		SELECT o.currency, 0, sum(round(coalesce(l.value, 0) * CASE WHEN o.net = 0 THEN 1 ELSE o.total / o.net END, 2))
		FROM orders o
		CROSS JOIN LATERAL (SELECT sum(l.rest * l.price) AS value FROM order_lines l WHERE l.partner_id = $1 AND l.order_number = o.number AND l.rest > 0) l
		WHERE o.partner_id = $1 AND o.status = ANY('{open,held,picking,part_shipped}') GROUP BY o.currency
		UNION ALL
		SELECT currency, 0, 0 FROM account_status WHERE partner_id = $1
	)
	SELECT p.currency, s.credit_limit, coalesce(s.terms, '') AS terms, coalesce(s.on_hold, false) AS on_hold, coalesce(s.hold_reason, '') AS hold_reason, s.balance, p.open_items, p.open_orders
	FROM (SELECT currency, sum(open_items) AS open_items, sum(open_orders) AS open_orders FROM parts GROUP BY currency) p
	LEFT JOIN (
		SELECT currency, sum(credit_limit) AS credit_limit, max(terms) AS terms, bool_or(on_hold) AS on_hold, max(hold_reason) FILTER (WHERE on_hold) AS hold_reason, sum(balance) AS balance
		FROM account_status WHERE partner_id = $1 GROUP BY currency
	) s USING (currency)
	ORDER BY p.currency`

// Standing returns an account for each currency in which the partner has a limit, open items or open orders. It is for the
// checks of an order as well, so it asks for no right; who is not to see amounts is not shown them.
func Standing(ctx context.Context, tx *portal.Tx) (all []Account, err error) {
	err = tx.Select(ctx, &all, standing, tx.By.PartnerID)
	if err != nil {
		return nil, fmt.Errorf("reading the account: %w", err)
	}
	for i := range all {
		a := &all[i]
		exposure := a.OpenItems.Number().Add(a.OpenOrders.Number())
		a.Exposure = portal.Amount(exposure.String())
		if a.Limit != "" {
			a.Available = portal.Amount(a.Limit.Number().Sub(exposure).String())
		}
		if a.Balance == "" {
			a.Balance = a.OpenItems
		}
	}
	return all, nil
}

// An Aging is what is open in one currency, by how long it has been due. Its parts add up to Total, to the cent.
type Aging struct {
	Currency string        `db:"currency" json:"currency"`
	NotDue   portal.Amount `db:"not_due" json:"not_due"`
	To30     portal.Amount `db:"to30" json:"overdue_1_30" doc:"Due for 1 to 30 days"`
	To60     portal.Amount `db:"to60" json:"overdue_31_60"`
	To90     portal.Amount `db:"to90" json:"overdue_61_90"`
	Over90   portal.Amount `db:"over90" json:"overdue_over_90"`
	Credits  portal.Amount `db:"credits" json:"credits" doc:"Credit memos and payments that nothing was settled with yet; negative"`
	Total    portal.Amount `db:"total" json:"total" doc:"The sum of the others: what is open in all"`
}

// Overdue is what is past its day.
func (a Aging) Overdue() decimal.Decimal {
	return decimal.Sum(a.To30.Number(), a.To60.Number(), a.To90.Number(), a.Over90.Number())
}

// Ages returns what is open at the caller's sites, a row for each currency. Payments that name no site are the whole partner's:
// a caller limited to sites does not see them.
func Ages(ctx context.Context, tx *portal.Tx) (ages []Aging, err error) {
	if err := tx.Need(portal.AccountRead); err != nil {
		return nil, err
	}
	err = tx.Select(ctx, &ages, `
		SELECT currency, coalesce(sum(open) FILTER (WHERE open > 0 AND days <= 0), 0) AS not_due, coalesce(sum(open) FILTER (WHERE open > 0 AND days BETWEEN 1 AND 30), 0) AS to30,
			coalesce(sum(open) FILTER (WHERE open > 0 AND days BETWEEN 31 AND 60), 0) AS to60, coalesce(sum(open) FILTER (WHERE open > 0 AND days BETWEEN 61 AND 90), 0) AS to90,
			coalesce(sum(open) FILTER (WHERE open > 0 AND days > 90), 0) AS over90, coalesce(sum(open) FILTER (WHERE open < 0), 0) AS credits, sum(open) AS total
		FROM (
			SELECT currency, open, $2::date - due_on AS days FROM invoices WHERE partner_id = $1 AND is_open AND ($3::text[] IS NULL OR site = ANY($3))
			UNION ALL
			SELECT currency, -open, 0 FROM payments WHERE partner_id = $1 AND is_open AND ($3::text[] IS NULL OR site = ANY($3))
		) i
		GROUP BY currency ORDER BY currency`, tx.By.PartnerID, portal.DateOf(tx.Now), portal.Limit(tx.By.Sites))
	if err != nil {
		return nil, fmt.Errorf("reckoning ages: %w", err)
	}
	return ages, nil
}

// An Overview is the account as one looks at it first.
type Overview struct {
	Accounts []Account `json:"accounts" doc:"One for each currency, never added up. Empty for a caller limited to sites: credit is the whole partner's"`
	Aging    []Aging   `json:"aging" doc:"One for each currency, of the caller's sites"`
}

// Look returns the caller's overview.
func Look(ctx context.Context, tx *portal.Tx) (v Overview, err error) {
	if v.Aging, err = Ages(ctx, tx); err != nil {
		return v, err
	}
	v.Accounts = []Account{}
	if tx.By.Sites == nil {
		if v.Accounts, err = Standing(ctx, tx); err != nil {
			return v, err
		}
	}
	if v.Accounts == nil {
		v.Accounts = []Account{}
	}
	if v.Aging == nil {
		v.Aging = []Aging{}
	}
	return v, nil
}

// Currencies lists those of the overview, the one with most open first.
func (v Overview) Currencies() (codes []string) {
	open := map[string]decimal.Decimal{}
	for _, a := range v.Accounts {
		open[a.Currency] = a.OpenItems.Number()
	}
	for _, a := range v.Aging {
		open[a.Currency] = a.Total.Number()
	}
	for code := range open {
		codes = append(codes, code)
	}
	slices.SortFunc(codes, func(a, b string) int { return cmp.Or(open[b].Cmp(open[a]), cmp.Compare(a, b)) })
	return codes
}

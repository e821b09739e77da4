package orders

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"extranet/portal"
	"extranet/portal/accounts"
)

// Checks say what an order of the cart would meet, as of now: placing it holds the same.
type Checks struct {
	Ready         bool          `json:"ready" doc:"Nothing stands in the way of ordering it as it is"`
	Problems      int           `json:"problems" doc:"Lines that cannot be ordered as they are"`
	Short         int           `json:"short" doc:"Lines of which a part is not in stock today and follows"`
	OnHold        bool          `json:"on_hold" doc:"The host ships nothing on credit at present"`
	HoldReason    string        `json:"hold_reason" doc:"Why; empty where the core does not say, and for who may not see the account"`
	Available     portal.Amount `json:"available" doc:"What may still be bought, after what is on its way to the host; empty without a limit, and for who may not see the account"`
	OverCredit    bool          `json:"over_credit" doc:"It is more than may still be bought"`
	OrderLimit    portal.Amount `json:"order_limit" doc:"Up to how much you order without a colleague's approval, net; empty = no limit"`
	NeedsApproval bool          `json:"needs_approval" doc:"It is above that, and waits for a colleague when it is placed"`
	PONeeded      bool          `json:"po_needed" doc:"Your company wants its own number on each order"`
	POOnce        bool          `json:"po_once" doc:"… and none twice"`
}

// check says what an order of the cart would meet.
func check(ctx context.Context, tx *portal.Tx, c Cart) (k Checks, err error) {
	k.Problems = c.Problems()
	for _, l := range c.Lines {
		if l.Short != "" {
			k.Short++
		}
	}
	credit, err := creditIn(ctx, tx, c.Currency)
	if err != nil {
		return k, err
	}
	k.OnHold, k.OverCredit = credit.hold, credit.over(c.Net).IsPositive()
	if tx.By.Perms.Has(portal.AccountRead) {
		k.HoldReason = credit.why
		if credit.limited {
			k.Available = portal.Amount(credit.left.StringFixed(2))
		}
	}
	k.OrderLimit, k.NeedsApproval = tx.By.OrderLimit, needsApproval(tx.By, c.Net)
	rules, err := RulesOf(ctx, tx)
	if err != nil {
		return k, err
	}
	k.PONeeded, k.POOnce = rules.PONeeded, rules.POOnce
	k.Ready = len(c.Lines) > 0 && k.Problems == 0 && !k.OnHold && !k.OverCredit
	return k, nil
}

// needsApproval reports whether an order of that much waits for a colleague. Who manages people gives the limit with the access.
func needsApproval(by portal.Caller, net portal.Amount) bool {
	return by.OrderLimit != "" && net.Number().GreaterThan(by.OrderLimit.Number())
}

// A credit is what the host's account allows in one currency.
type credit struct {
	hold    bool
	why     string
	limited bool
	left    decimal.Decimal // what may still be bought, where it is limited
}

// over is by how much an order exceeds it.
func (c credit) over(net portal.Amount) decimal.Decimal {
	if !c.limited {
		return decimal.Zero
	}
	return net.Number().Sub(c.left)
}

// creditIn returns what may be bought in the currency. What was placed and is not among the mirrored orders yet counts too.
func creditIn(ctx context.Context, tx *portal.Tx, currency string) (c credit, err error) {
	all, err := accounts.Standing(ctx, tx)
	if err != nil {
		return c, err
	}
	for _, a := range all {
		if a.Currency != currency {
			continue
		}
		c.hold, c.why = a.OnHold, a.HoldReason
		if a.Limit == "" {
			continue
		}
		var pending portal.Amount
		err := tx.Get(ctx, &pending, `SELECT coalesce(sum(net), 0) FROM placed_orders p WHERE partner_id = $1 AND currency = $2 AND state IN ('sent', 'acknowledged') AND placed_at > $3
			AND (SELECT o.number FROM orders o WHERE o.partner_id = $1 AND o.number = p.number) IS NULL`, tx.By.PartnerID, currency, tx.Now.Add(-30*24*time.Hour))
		if err != nil {
			return c, fmt.Errorf("adding up what is on its way: %w", err)
		}
		c.limited, c.left = true, a.Available.Number().Sub(pending.Number())
	}
	return c, nil
}

// checkCredit refuses what the host would not ship: the account is on hold, or the order exceeds what may still be bought. Reasons and amounts are
// told to who may see the account.
func checkCredit(ctx context.Context, tx *portal.Tx, currency string, net portal.Amount) error {
	c, err := creditIn(ctx, tx, currency)
	if err != nil {
		return err
	}
	tells := tx.By.Perms.Has(portal.AccountRead)
	switch over := c.over(net); {
	case c.hold && c.why != "" && tells:
		return portal.Errorf(portal.Conflict, "your account is on hold (%s); ask your contact at the host to release it, your cart is kept", c.why)
	case c.hold:
		return portal.Errorf(portal.Conflict, "your account is on hold; ask your contact at the host to release it, your cart is kept")
	case over.IsPositive() && tells:
		return portal.Errorf(portal.Conflict, "this exceeds what your company may still buy by %s; order less, or pay open invoices first, your cart is kept", portal.Money{Amount: portal.Amount(over.StringFixed(2)), Currency: currency})
	case over.IsPositive():
		return portal.Errorf(portal.Conflict, "this exceeds what your company may still buy; order less, or pay open invoices first, your cart is kept")
	}
	return nil
}

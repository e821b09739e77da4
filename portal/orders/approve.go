package orders

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"extranet/portal"
)

// Rules are what a partner wishes of its own orders.
type Rules struct {
	POOnce   bool `json:"po_once" db:"po_once" doc:"No PO number twice"`
	PONeeded bool `json:"po_needed" db:"po_needed" doc:"A PO number on each order"`
}

// RulesOf returns the partner's rules.
func RulesOf(ctx context.Context, tx *portal.Tx) (r Rules, err error) {
	err = tx.Get(ctx, &r, `SELECT coalesce(bool_or(po_once), false) AS po_once, coalesce(bool_or(po_needed), false) AS po_needed FROM ordering_rules WHERE partner_id = $1`, tx.By.PartnerID)
	if err != nil {
		return r, fmt.Errorf("reading ordering rules: %w", err)
	}
	return r, nil
}

// SetRules sets the partner's rules, for who manages its people.
func SetRules(ctx context.Context, tx *portal.Tx, r Rules) error {
	if err := tx.Need(portal.PeopleManage); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO ordering_rules (partner_id, po_once, po_needed) VALUES ($1, $2, $3) ON CONFLICT (partner_id) DO UPDATE SET po_once = $2, po_needed = $3`, tx.By.PartnerID, r.POOnce, r.PONeeded)
	if err != nil {
		return fmt.Errorf("setting ordering rules: %w", err)
	}
	return tx.Audit(ctx, "orders.rules", "orders", map[string]string{"po_once": fmt.Sprint(r.POOnce), "po_needed": fmt.Sprint(r.PONeeded)})
}

// Approve sends an order on its way that awaits approval. Nobody approves an own one, nor one above the own limit: Forbidden. One that does not
// await it any more is a Conflict.
func Approve(ctx context.Context, tx *portal.Tx, id string) (Placed, error) {
	return decide(ctx, tx, id, "sent", "")
}

// Return gives an order back to who placed it, with the words that say why.
func Return(ctx context.Context, tx *portal.Tx, id, words string) (Placed, error) {
	words = strings.TrimSpace(words)
	if words == "" || utf8.RuneCountInString(words) > 500 {
		return Placed{}, &portal.Error{Kind: portal.Invalid, Msg: "say why you return it", Fields: map[string]string{"words": "Why: 1 to 500 characters"}}
	}
	return decide(ctx, tx, id, "returned", words)
}

func decide(ctx context.Context, tx *portal.Tx, id, state, words string) (o Placed, err error) {
	if err := tx.Need(portal.OrdersApprove); err != nil {
		return o, err
	}
	if o, err = GetPlaced(ctx, tx, id); err != nil {
		return o, err
	}
	if o.Owner == ownerOf(tx.By) {
		return o, portal.Errorf(portal.Conflict, "you placed this order yourself; a colleague has to decide on it")
	}
	if state == "sent" && needsApproval(tx.By, o.Net) {
		return o, portal.Errorf(portal.Conflict, "this order is above your own limit; a colleague with a higher one has to approve it")
	}
	n, err := tx.Exec(ctx, `UPDATE placed_orders SET state = $3, decided_by = $4, decided_at = $5, words = nullif($6, '') WHERE partner_id = $1 AND placed_id = $2 AND state = 'awaiting'`,
		tx.By.PartnerID, o.ID, state, tx.By.Name, tx.Now, words)
	if err != nil {
		return o, fmt.Errorf("deciding on an order: %w", err)
	}
	if n == 0 {
		return o, portal.Errorf(portal.Conflict, "this order does not await approval any more")
	}
	o.State, o.DecidedBy, o.DecidedAt, o.Words = state, tx.By.Name, &tx.Now, words
	if state == "sent" {
		if err := checkCredit(ctx, tx, o.Currency, "0"); err != nil {
			return o, err
		}
		if err := send(ctx, tx, o); err != nil {
			return o, err
		}
	}
	if err := tx.Audit(ctx, "orders."+map[string]string{"sent": "approve", "returned": "return"}[state], "placed/"+o.ID.String(), map[string]string{"words": words}); err != nil {
		return o, err
	}
	tx.Changed("orders", tx.By.PartnerID)
	return o, tell(ctx, tx, o)
}

// tell mails who placed the order what was decided.
func tell(ctx context.Context, tx *portal.Tx, o Placed) error {
	var to []string
	if err := tx.Select(ctx, &to, `SELECT email FROM placed_orders WHERE partner_id = $1 AND placed_id = $2 AND email IS NOT NULL`, tx.By.PartnerID, o.ID); err != nil || len(to) == 0 {
		return err
	}
	m := portal.Mail{To: to[0], Subject: portal.Say("Your order was approved"), Text: []portal.Saying{portal.Say("%s approved your order. It is on its way to the host.", o.DecidedBy)}, Path: "/placed/" + o.ID.String()}
	if o.State == "returned" {
		m.Subject, m.Text = portal.Say("Your order was returned"), []portal.Saying{portal.Say("%s returned your order: %s", o.DecidedBy, o.Words)}
	}
	return tx.Mail(ctx, m)
}

// Withdraw takes an order back that awaits approval or was returned. Its placer does this.
func Withdraw(ctx context.Context, tx *portal.Tx, id string) error {
	if err := mayOrder(tx); err != nil {
		return err
	}
	o, err := GetPlaced(ctx, tx, id)
	if err != nil {
		return err
	}
	if o.Owner != ownerOf(tx.By) {
		return portal.Errorf(portal.Conflict, "%s placed this order, and may withdraw it", o.PlacedBy)
	}
	n, err := tx.Exec(ctx, `UPDATE placed_orders SET state = 'withdrawn' WHERE partner_id = $1 AND placed_id = $2 AND state IN ('awaiting', 'returned')`, tx.By.PartnerID, o.ID)
	if err != nil {
		return fmt.Errorf("withdrawing an order: %w", err)
	}
	if n == 0 {
		return portal.Errorf(portal.Conflict, "this order is on its way to the host; cancel it there once it has its number")
	}
	tx.Changed("orders", tx.By.PartnerID)
	return tx.Audit(ctx, "orders.withdraw", "placed/"+o.ID.String(), nil)
}

// PutBack puts the lines of an order that was returned, refused or withdrawn into the caller's cart again.
func PutBack(ctx context.Context, tx *portal.Tx, id string) ([]Taken, error) {
	o, err := GetPlaced(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	var again []New
	for _, l := range o.Lines {
		again = append(again, New{Number: l.Product, Quantity: l.Quantity, Site: o.Site})
	}
	return AddToCart(ctx, tx, again)
}

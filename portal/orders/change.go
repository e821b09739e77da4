package orders

import (
	"context"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"extranet/portal"
	"extranet/portal/catalog"
)

// Changeable are the states in which the host still takes changes.
var Changeable = []string{"open", "held"}

// Cancel asks the host to cancel an order. It is answered when the core has it; until then the order stands as it is. One that is being picked
// or further is a Conflict, and so is one that is asked to be cancelled already.
func Cancel(ctx context.Context, tx *portal.Tx, number string) error {
	d, err := changeable(ctx, tx, number)
	if err != nil {
		return err
	}
	if err := tx.Audit(ctx, "orders.cancel", "orders/"+d.Number, nil); err != nil {
		return err
	}
	return post(ctx, tx, CancelOrder, d.Number, map[string]string{"order_number": d.Number})
}

// ChangeOrderLine asks the host for less of a line, or for another day. A quantity that the product is not sold in, or of which more is shipped, is
// Invalid, and so is a change of nothing.
func ChangeOrderLine(ctx context.Context, tx *portal.Tx, number string, line int64, quantity portal.Amount, requestedOn portal.Date) error {
	d, err := changeable(ctx, tx, number)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(d.Lines, func(l Line) bool { return l.Line == line })
	if i < 0 {
		return portal.Errorf(portal.NotFound, "this order has no such line")
	}
	l := d.Lines[i]
	cannot := func(field, format string, a ...any) error {
		return &portal.Error{Kind: portal.Invalid, Msg: "this line cannot be changed so", Fields: map[string]string{field: fmt.Sprintf(format, a...)}}
	}
	n, bad := decimal.NewFromString(string(quantity))
	if bad != nil || !n.IsPositive() || n.GreaterThan(l.Ordered.Number()) || !n.Equal(n.Round(3)) {
		return cannot("quantity", "Quantity: above 0 and up to the %v that are ordered; order more with a new order", l.Ordered.Number())
	}
	if gone := l.Shipped.Number().Add(l.Cancelled.Number()); n.LessThan(gone) {
		return cannot("quantity", "Quantity: %v of it are shipped or cancelled already", gone)
	}
	if requestedOn == l.RequestedOn {
		requestedOn = "" // as it is, even where that day is over
	}
	if _, err := portal.ParseDate(string(requestedOn)); err != nil || requestedOn != "" && requestedOn < portal.DateOf(tx.Now) {
		return cannot("requested_on", "Wanted on: a day to come")
	}
	if requestedOn == "" && n.Equal(l.Ordered.Number()) {
		return cannot("quantity", "Quantity: nothing is other than it was; write less, or another day")
	}
	if l.Product != "" && tx.By.Perms.Has(portal.CatalogRead) {
		items, err := catalog.Products(ctx, tx, []string{l.Product})
		if err != nil {
			return err
		}
		if item := items[l.Product]; item != nil && !n.Equal(l.Ordered.Number()) && !upTo(n, *item).Equal(n) {
			return cannot("quantity", "Quantity: it is sold so that %v would be the next; write that, or less", upTo(n, *item))
		}
	}
	values := map[string]string{"order_number": d.Number, "line": fmt.Sprint(line), "quantity": n.String()}
	if requestedOn != "" {
		values["requested_on"] = string(requestedOn)
	}
	if err := tx.Audit(ctx, "orders.change", "orders/"+d.Number, values); err != nil {
		return err
	}
	return post(ctx, tx, ChangeOrder, d.Number, values)
}

func post(ctx context.Context, tx *portal.Tx, name, number string, values map[string]string) error {
	if _, err := tx.Post(ctx, portal.Command{Name: name, Document: "orders/" + number, Values: values}); err != nil {
		return err
	}
	tx.Changed("orders", tx.By.PartnerID)
	return nil
}

// changeable returns an order of the caller's that the host still takes changes of.
func changeable(ctx context.Context, tx *portal.Tx, number string) (d Detail, err error) {
	if err := tx.Need(portal.OrdersPlace); err != nil {
		return d, err
	}
	if d, err = Get(ctx, tx, number); err != nil {
		return d, err
	}
	if !slices.Contains(Changeable, d.Status) {
		return d, portal.Errorf(portal.Conflict, "order %s is too far for a change: it is being picked, shipped or done; ask your contact at the host", d.Number)
	}
	sent, err := portal.Outgoing(ctx, tx, "orders/"+d.Number)
	if err != nil {
		return d, err
	}
	for _, c := range sent {
		if c.State == portal.CommandWaiting || c.State == portal.CommandNotCarried {
			return d, portal.Errorf(portal.Conflict, "a change of order %s is on its way to the host; wait for its answer", d.Number)
		}
	}
	return d, nil
}

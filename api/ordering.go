package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/orders"
)

func (d door) ordering(h huma.API) {
	huma.Register(h, deed("place-order", http.MethodPost, "/orders", "Orders", "Place an order",
		"Orders the lines, all or none: an order for each site among them. What is sold in packs is not rounded here; the answer names what is wrong with which line. It is on its way to the host when this answers, and acknowledged with the host's number within seconds: follow `/placed/{id}`.", true), d.placeOrder)
	huma.Register(h, operation("list-placed", http.MethodGet, "/placed", "Orders", "List orders placed here", "The latest 200 orders that were placed through the portal, by any door."), d.listPlaced)
	huma.Register(h, operation("get-placed", http.MethodGet, "/placed/{id}", "Orders", "Follow an order placed here", "One order as it was placed, and what became of it. Once it has a number, it is found under `/orders` too."), d.getPlaced)
	huma.Register(h, deed("approve-order", http.MethodPost, "/placed/{id}/approve", "Orders", "Approve a colleague's order", "Sends an order on its way that is above its placer's limit. Nobody approves an own one.", false), d.approveOrder)
	huma.Register(h, deed("return-order", http.MethodPost, "/placed/{id}/return", "Orders", "Return a colleague's order", "Gives it back with words.", false), d.returnOrder)
	huma.Register(h, deed("withdraw-order", http.MethodPost, "/placed/{id}/withdraw", "Orders", "Withdraw an own order", "Takes back what awaits approval or was returned; its placer does this.", false), d.withdrawOrder)
	huma.Register(h, deed("cancel-order", http.MethodPost, "/orders/{number}/cancel", "Orders", "Cancel an order", "Asks the host to cancel an order that is open or held. The order stands until the host's answer arrives with its next change.", false), d.cancelOrder)
	huma.Register(h, deed("change-order-line", http.MethodPost, "/orders/{number}/lines/{line}", "Orders", "Change a line", "Asks the host for less of a line, or another day, while the order is open or held.", false), d.changeOrderLine)
	huma.Register(h, operation("get-ordering-rules", http.MethodGet, "/ordering", "Orders", "See the ordering rules", "What the partner wishes of its own orders, for who manages its people. Up to how much a member orders without approval is part of their access: `order_limit` under `/people`."), d.getOrdering)
	huma.Register(h, deed("set-ordering-rules", http.MethodPost, "/ordering", "Orders", "Set the ordering rules", "What the partner wishes of its own orders.", false), d.setOrdering)
}

type placeOrderInput struct {
	Keyed
	Body struct {
		PONumber      string        `json:"po_number,omitempty" doc:"The partner's own number" maxLength:"30"`
		Comment       string        `json:"comment,omitempty" maxLength:"200"`
		Lines         []orders.New  `json:"lines" minItems:"1" maxItems:"5000"`
		ExpectedTotal portal.Amount `json:"expected_total,omitempty" doc:"The net total you reckon with; another one is answered 409" pattern:"^[0-9]{1,12}([.][0-9]{1,4})?$" maxLength:"20"`
		AcceptChanges bool          `json:"accept_changes,omitempty" doc:"Order at today's prices, whatever expected_total says"`
		InStock       bool          `json:"in_stock,omitempty" doc:"All of it has to be in stock today; what is not is named, with 409"`
	}
}

type placedAnswer struct {
	Placed []orders.Placed `json:"placed" doc:"One for each site"`
}

func (d door) placeOrder(ctx context.Context, in *placeOrderInput) (*done[placedAnswer], error) {
	return command(ctx, d, portal.OrdersPlace, in.Keyed, "orders place", in.Body, placedAt, func(tx *portal.Tx) (a placedAnswer, err error) {
		p := orders.Placing{PONumber: in.Body.PONumber, Comment: in.Body.Comment, Expected: in.Body.ExpectedTotal, InStock: in.Body.InStock}
		if in.Body.AcceptChanges {
			p.Expected = ""
		}
		a.Placed, err = orders.PlaceLines(ctx, tx, in.Body.Lines, p)
		return a, err
	})
}

func placedAt(a placedAnswer) string { return "placed/" + a.Placed[0].ID.String() }

type placedList struct {
	Items []orders.Placed `json:"items"`
}

func (d door) listPlaced(ctx context.Context, in *struct{ Conditional }) (*answer[placedList], error) {
	return fetch(ctx, d, "placed", in.Conditional, []string{"orders"}, func(tx *portal.Tx) (l placedList, err error) {
		l.Items, err = orders.ListPlaced(ctx, tx, orders.PlacedStates...)
		for i := range l.Items {
			l.Items[i].Lines = []orders.PlacedLine{}
		}
		return l, err
	})
}

type placedInput struct {
	Conditional
	ID string `path:"id" doc:"The order's id, as it was answered when it was placed" maxLength:"36"`
}

func (d door) getPlaced(ctx context.Context, in *placedInput) (*answer[orders.Placed], error) {
	return fetch(ctx, d, "placed/"+in.ID, in.Conditional, []string{"orders"}, func(tx *portal.Tx) (orders.Placed, error) { return orders.GetPlaced(ctx, tx, in.ID) })
}

type approveInput struct {
	Keyed
	ID string `path:"id" doc:"The order's id" maxLength:"36"`
}

func (d door) approveOrder(ctx context.Context, in *approveInput) (*done[orders.Placed], error) {
	return command(ctx, d, portal.OrdersApprove, in.Keyed, "placed approve "+in.ID, nil, nil, func(tx *portal.Tx) (orders.Placed, error) { return orders.Approve(ctx, tx, in.ID) })
}

type returnInput struct {
	Keyed
	ID   string `path:"id" doc:"The order's id" maxLength:"36"`
	Body struct {
		Words string `json:"words" doc:"Why; its placer reads it" minLength:"1" maxLength:"500"`
	}
}

func (d door) returnOrder(ctx context.Context, in *returnInput) (*done[orders.Placed], error) {
	return command(ctx, d, portal.OrdersApprove, in.Keyed, "placed return "+in.ID, in.Body, nil, func(tx *portal.Tx) (orders.Placed, error) { return orders.Return(ctx, tx, in.ID, in.Body.Words) })
}

type cancelInput struct {
	Keyed
	Number string `path:"number" doc:"The host's number of the order" maxLength:"100"`
}

type askedFor struct {
	Order string `json:"order"`
	Asked string `json:"asked" enum:"cancel_order,change_order" doc:"What the host was asked for"`
}

func (d door) cancelOrder(ctx context.Context, in *cancelInput) (*done[askedFor], error) {
	return command(ctx, d, portal.OrdersPlace, in.Keyed, "orders cancel "+in.Number, nil, nil, func(tx *portal.Tx) (askedFor, error) {
		return askedFor{in.Number, orders.CancelOrder}, orders.Cancel(ctx, tx, in.Number)
	})
}

type changeLineInput struct {
	Keyed
	Number string `path:"number" doc:"The host's number of the order" maxLength:"100"`
	Line   int64  `path:"line" minimum:"1" maximum:"1000000"`
	Body   struct {
		Quantity    portal.Amount `json:"quantity" doc:"Not more than is ordered" pattern:"^[0-9]{1,9}([.][0-9]{1,3})?$" maxLength:"13"`
		RequestedOn portal.Date   `json:"requested_on,omitempty" doc:"Day it is wanted" format:"date" maxLength:"10"`
	}
}

func (d door) changeOrderLine(ctx context.Context, in *changeLineInput) (*done[askedFor], error) {
	return command(ctx, d, portal.OrdersPlace, in.Keyed, "orders change "+in.Number, []any{in.Line, in.Body}, nil, func(tx *portal.Tx) (askedFor, error) {
		return askedFor{in.Number, orders.ChangeOrder}, orders.ChangeOrderLine(ctx, tx, in.Number, in.Line, in.Body.Quantity, in.Body.RequestedOn)
	})
}

func (d door) withdrawOrder(ctx context.Context, in *approveInput) (*done[orders.Placed], error) {
	return command(ctx, d, portal.OrdersPlace, in.Keyed, "placed withdraw "+in.ID, nil, nil, func(tx *portal.Tx) (orders.Placed, error) {
		if err := orders.Withdraw(ctx, tx, in.ID); err != nil {
			return orders.Placed{}, err
		}
		return orders.GetPlaced(ctx, tx, in.ID)
	})
}

func (d door) getOrdering(ctx context.Context, in *struct{ Conditional }) (*plain[orders.Rules], error) {
	return own(ctx, d, in.Conditional, "ordering", func(tx *portal.Tx) (r orders.Rules, err error) {
		if err := tx.Need(portal.PeopleManage); err != nil {
			return r, err
		}
		return orders.RulesOf(ctx, tx)
	})
}

type setOrderingInput struct {
	Keyed
	Body orders.Rules
}

func (d door) setOrdering(ctx context.Context, in *setOrderingInput) (*done[orders.Rules], error) {
	return command(ctx, d, portal.PeopleManage, in.Keyed, "ordering set", in.Body, nil, func(tx *portal.Tx) (orders.Rules, error) {
		return in.Body, orders.SetRules(ctx, tx, in.Body)
	})
}

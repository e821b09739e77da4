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
	huma.Register(h, deed("cancel-order", http.MethodPost, "/orders/{number}/cancel", "Orders", "Cancel an order", "Asks the host to cancel an order that is open or held. The order stands until the host's answer arrives with its next change.", false), d.cancelOrder)
	huma.Register(h, deed("change-order-line", http.MethodPost, "/orders/{number}/lines/{line}", "Orders", "Change a line", "Asks the host for less of a line, or another day, while the order is open or held.", false), d.changeOrderLine)
}

type placeOrderInput struct {
	Keyed
	Body struct {
		PONumber      string        `json:"po_number,omitempty" doc:"The partner's own number" maxLength:"30"`
		Comment       string        `json:"comment,omitempty" maxLength:"200"`
		Lines         []orders.New  `json:"lines" minItems:"1" maxItems:"5000"`
		ExpectedTotal portal.Amount `json:"expected_total,omitempty" doc:"The net total you reckon with; another one is answered 409" pattern:"^[0-9]{1,12}([.][0-9]{1,4})?$" maxLength:"20"`
		AcceptChanges bool          `json:"accept_changes,omitempty" doc:"Order at today's prices, whatever expected_total says"`
	}
}

type placedAnswer struct {
	Placed []orders.Placed `json:"placed" doc:"One for each site"`
}

func (d door) placeOrder(ctx context.Context, in *placeOrderInput) (*done[placedAnswer], error) {
	return command(ctx, d, portal.OrdersPlace, in.Keyed, "orders place", in.Body, func(a placedAnswer) string { return "placed/" + a.Placed[0].ID.String() }, func(tx *portal.Tx) (a placedAnswer, err error) {
		a.Placed, err = orders.PlaceLines(ctx, tx, in.Body.Lines, orders.Placing{PONumber: in.Body.PONumber, Comment: in.Body.Comment}, in.Body.ExpectedTotal, in.Body.AcceptChanges)
		return a, err
	})
}

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

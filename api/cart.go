package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/orders"
	"extranet/portal/sheet"
)

func (d door) cart(h huma.API) {
	h.OpenAPI().Tags = append(h.OpenAPI().Tags, &huma.Tag{Name: "Cart", Description: "What is about to be ordered: the caller's own cart, lists taken into it, and templates that the partner's buyers share."})
	huma.Register(h, operation("get-cart", http.MethodGet, "/cart", "Cart", "See the cart", "The caller's own cart with prices and stock as of now, and what is wrong with which line. It is kept until it is ordered."), d.getCart)
	huma.Register(h, deed("add-to-cart", http.MethodPost, "/cart/lines", "Cart", "Put lines into the cart", "Each line is taken, corrected to what is sold, or refused with the reason; there is an answer for each, in their order.", false), d.addToCart)
	huma.Register(h, deed("change-cart-line", http.MethodPost, "/cart/lines/{line}", "Cart", "Change a line of the cart", "Sets its quantity, site and day. A quantity of 0 removes it.", false), d.changeCartLine)
	huma.Register(h, deed("empty-cart", http.MethodPost, "/cart/empty", "Cart", "Empty the cart", "Takes everything out of it.", false), d.emptyCart)
	huma.Register(h, deed("place-cart", http.MethodPost, "/cart/place", "Cart", "Order what is in the cart",
		"Orders all of it, an order for each site, and empties the cart. Say `seen` or `expected_total`, and it is 409 where prices or stock moved since.", true), d.placeCart)
	upload := deed("take-list", http.MethodPost, "/cart/lists", "Cart", "Take a list into the cart",
		"A CSV or XLSX file is the body: columns headed number, quantity and, if it has them, site and requested on. Every row is taken, corrected, or refused with its row, column and reason.", true)
	upload.MaxBodyBytes = listBytes + 1
	upload.Errors = append(upload.Errors, http.StatusRequestTimeout)
	huma.Register(h, upload, d.takeList)
	huma.Register(h, operation("get-list", http.MethodGet, "/cart/lists/{id}", "Cart", "See what became of a list", "Every row of it. Lists are kept for two days."), d.getList)
	huma.Register(h, operation("list-templates", http.MethodGet, "/templates", "Cart", "List order templates", "Lists that the partner's buyers order again and again, by name."), d.listTemplates)
	huma.Register(h, deed("keep-template", http.MethodPost, "/templates", "Cart", "Keep the cart as a template", "Under a name that is not taken.", true), d.keepTemplate)
	huma.Register(h, deed("use-template", http.MethodPost, "/templates/{id}/use", "Cart", "Put a template into the cart", "Each line is taken, corrected or refused as products are today.", false), d.useTemplate)
	huma.Register(h, deed("delete-template", http.MethodPost, "/templates/{id}/delete", "Cart", "Delete a template", "For all of the partner's buyers.", false), d.deleteTemplate)
	huma.Register(h, deed("reorder", http.MethodPost, "/orders/{number}/reorder", "Cart", "Put an order into the cart again", "All its lines, or those of the numbers alone.", false), d.reorder)
	huma.Register(h, deed("put-back", http.MethodPost, "/placed/{id}/again", "Cart", "Put an order placed here into the cart again", "One that was returned, refused or withdrawn, say.", false), d.putBack)
}

// listBytes is how large a list may be.
const listBytes = 4 << 20

func (d door) getCart(ctx context.Context, in *struct{ Conditional }) (*answer[orders.Cart], error) {
	return fetch(ctx, d, "cart", in.Conditional, listEntities, func(tx *portal.Tx) (orders.Cart, error) { return orders.ShowCart(ctx, tx) })
}

type filled struct {
	Taken []orders.Taken `json:"taken" doc:"One for each line, in their order"`
}

// fill does f, which puts lines into the cart.
func fill(ctx context.Context, d door, key Keyed, what string, body any, f func(tx *portal.Tx) ([]orders.Taken, error)) (*done[filled], error) {
	return command(ctx, d, portal.OrdersPlace, key, what, body, nil, func(tx *portal.Tx) (a filled, err error) { a.Taken, err = f(tx); return a, err })
}

type addToCartInput struct {
	Keyed
	Body struct {
		Lines []orders.New `json:"lines" minItems:"1" maxItems:"5000"`
	}
}

func (d door) addToCart(ctx context.Context, in *addToCartInput) (*done[filled], error) {
	return fill(ctx, d, in.Keyed, "cart add", in.Body, func(tx *portal.Tx) ([]orders.Taken, error) { return orders.AddToCart(ctx, tx, in.Body.Lines) })
}

// inCart does something to the caller's cart and answers with it.
func inCart(ctx context.Context, d door, key Keyed, what string, body any, f func(tx *portal.Tx) error) (*done[orders.Cart], error) {
	return command(ctx, d, portal.OrdersPlace, key, what, body, nil, func(tx *portal.Tx) (orders.Cart, error) {
		if err := f(tx); err != nil {
			return orders.Cart{}, err
		}
		return orders.ShowCart(ctx, tx)
	})
}

type changeCartLineInput struct {
	Keyed
	Line int64 `path:"line" minimum:"1" maximum:"1000000"`
	Body struct {
		Quantity    portal.Amount `json:"quantity" doc:"0 removes the line" pattern:"^[0-9]{1,9}([.][0-9]{1,3})?$" maxLength:"13"`
		Site        string        `json:"site" doc:"Where it goes" minLength:"1" maxLength:"100"`
		RequestedOn portal.Date   `json:"requested_on,omitempty" doc:"Day it is wanted" format:"date" maxLength:"10"`
	}
}

func (d door) changeCartLine(ctx context.Context, in *changeCartLineInput) (*done[orders.Cart], error) {
	return inCart(ctx, d, in.Keyed, fmt.Sprintf("cart change %d", in.Line), in.Body, func(tx *portal.Tx) error {
		return orders.ChangeLines(ctx, tx, orders.Wanted{Line: in.Line, Quantity: in.Body.Quantity, Site: in.Body.Site, RequestedOn: in.Body.RequestedOn})
	})
}

func (d door) emptyCart(ctx context.Context, in *struct{ Keyed }) (*done[orders.Cart], error) {
	return inCart(ctx, d, in.Keyed, "cart empty", nil, func(tx *portal.Tx) error { return orders.EmptyCart(ctx, tx) })
}

type placeCartInput struct {
	Keyed
	Body struct {
		PONumber      string        `json:"po_number,omitempty" doc:"The partner's own number" maxLength:"30"`
		Comment       string        `json:"comment,omitempty" maxLength:"200"`
		ExpectedTotal portal.Amount `json:"expected_total,omitempty" doc:"The net total you reckon with; another one is answered 409. Left out, today's prices are taken as they are" pattern:"^[0-9]{1,12}([.][0-9]{1,4})?$" maxLength:"20"`
		Seen          string        `json:"seen,omitempty" doc:"As the cart said it when you looked: where a quantity, price or what is in stock has moved since, it is 409 with what moved of which line" maxLength:"500000"`
		InStock       bool          `json:"in_stock,omitempty" doc:"All of it has to be in stock today; what is not is named, with 409"`
	}
}

func (d door) placeCart(ctx context.Context, in *placeCartInput) (*done[placedAnswer], error) {
	return command(ctx, d, portal.OrdersPlace, in.Keyed, "cart place", in.Body, placedAt, func(tx *portal.Tx) (a placedAnswer, err error) {
		a.Placed, err = orders.PlaceCart(ctx, tx, orders.Placing{PONumber: in.Body.PONumber, Comment: in.Body.Comment, Expected: in.Body.ExpectedTotal, Seen: in.Body.Seen, InStock: in.Body.InStock})
		return a, err
	})
}

type takeListInput struct {
	Keyed
	RawBody []byte `contentType:"application/octet-stream"`
}

func (d door) takeList(ctx context.Context, in *takeListInput) (*done[orders.Upload], error) {
	by := callerOf(ctx)
	if err := by.Need(portal.OrdersPlace); err != nil { // before anything of it is read
		return nil, refuse(ctx, d, by, err)
	}
	table, err := sheet.Text(string(in.RawBody), orders.ListLimits)
	if err != nil {
		return nil, problemOf(err)
	}
	return command(ctx, d, portal.OrdersPlace, in.Keyed, "cart list", in.RawBody, func(u orders.Upload) string { return "cart/lists/" + u.ID.String() }, func(tx *portal.Tx) (orders.Upload, error) {
		return orders.TakeList(ctx, tx, table)
	})
}

type listInput struct {
	Conditional
	ID string `path:"id" doc:"The list's id, as it was answered when it was taken" maxLength:"36"`
}

func (d door) getList(ctx context.Context, in *listInput) (*plain[orders.Upload], error) {
	return own(ctx, d, in.Conditional, "cart/lists/"+in.ID, func(tx *portal.Tx) (orders.Upload, error) { return orders.GetUpload(ctx, tx, in.ID) })
}

type templateList struct {
	Items []orders.Template `json:"items"`
}

func (d door) listTemplates(ctx context.Context, in *struct{ Conditional }) (*plain[templateList], error) {
	return own(ctx, d, in.Conditional, "templates", func(tx *portal.Tx) (l templateList, err error) {
		l.Items, err = orders.Templates(ctx, tx)
		return l, err
	})
}

type keepTemplateInput struct {
	Keyed
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"60"`
	}
}

func (d door) keepTemplate(ctx context.Context, in *keepTemplateInput) (*done[orders.Template], error) {
	return command(ctx, d, portal.OrdersPlace, in.Keyed, "templates keep", in.Body, func(orders.Template) string { return "templates" }, func(tx *portal.Tx) (orders.Template, error) {
		return orders.KeepTemplate(ctx, tx, in.Body.Name)
	})
}

type templateInput struct {
	Keyed
	ID string `path:"id" doc:"The template's id" maxLength:"36"`
}

func (d door) useTemplate(ctx context.Context, in *templateInput) (*done[filled], error) {
	return fill(ctx, d, in.Keyed, "templates use "+in.ID, nil, func(tx *portal.Tx) ([]orders.Taken, error) { return orders.UseTemplate(ctx, tx, in.ID) })
}

func (d door) deleteTemplate(ctx context.Context, in *templateInput) (*done[templateList], error) {
	return command(ctx, d, portal.OrdersPlace, in.Keyed, "templates delete "+in.ID, nil, nil, func(tx *portal.Tx) (l templateList, err error) {
		if err := orders.DropTemplate(ctx, tx, in.ID); err != nil {
			return l, err
		}
		l.Items, err = orders.Templates(ctx, tx)
		return l, err
	})
}

type reorderInput struct {
	Keyed
	Number string `path:"number" doc:"The host's number of the order" maxLength:"100"`
	Body   struct {
		Lines []int64 `json:"lines,omitempty" doc:"Numbers of lines; left out, all of them" maxItems:"5000"`
	}
}

func (d door) reorder(ctx context.Context, in *reorderInput) (*done[filled], error) {
	return fill(ctx, d, in.Keyed, "orders reorder "+in.Number, in.Body, func(tx *portal.Tx) ([]orders.Taken, error) { return orders.Reorder(ctx, tx, in.Number, in.Body.Lines) })
}

type putBackInput struct {
	Keyed
	ID string `path:"id" doc:"The order's id" maxLength:"36"`
}

func (d door) putBack(ctx context.Context, in *putBackInput) (*done[filled], error) {
	return fill(ctx, d, in.Keyed, "placed again "+in.ID, nil, func(tx *portal.Tx) ([]orders.Taken, error) { return orders.PutBack(ctx, tx, in.ID) })
}

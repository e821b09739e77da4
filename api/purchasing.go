package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/purchasing"
)

func (d door) purchasing(h huma.API) {
	huma.Register(h, operation("list-purchase-orders", http.MethodGet, "/purchase-orders", "Purchasing", "List purchase orders",
		"What the host orders from the supplier. `review` is what is to be answered, soonest first; `late` is what should have arrived. Follow `next` until it is empty."), d.listPurchases)
	huma.Register(h, operation("list-due-lines", http.MethodGet, "/purchase-order-lines", "Purchasing", "List what is due",
		"The lines of all orders of which something is to arrive, what is due first first, with how much of each. Follow `next` until it is empty."), d.listDueLines)
	huma.Register(h, operation("get-purchase-order", http.MethodGet, "/purchase-orders/{number}", "Purchasing", "Read a purchase order",
		"One order with its lines, versions, answers and receipts. In every line, quantity = promised + refused + open."), d.getPurchase)
	huma.Register(h, deed("answer-purchase-order", http.MethodPost, "/purchase-orders/{number}/answers", "Purchasing", "Answer a purchase order",
		"Line by line: accept as asked, promise other days or less or in parts, refuse, or ask another price. What asks nothing else of the host than what it ordered holds at once; the rest waits for its decision, and until then what was promised stands. "+
			"409 when `version` is not the newest.", true), d.answerPurchase)
	huma.Register(h, deed("accept-purchase-orders", http.MethodPost, "/purchase-order-acceptances", "Purchasing", "Accept purchase orders as asked",
		"Accepts all lines that are to be answered in each of the orders, and accounts for every order.", false), d.acceptPurchases)
}

type listPurchasesInput struct {
	Conditional
	List   string `query:"list" doc:"What stands on which list; all where it is left out" enum:"review,waiting,confirmed,late,closed"`
	Site   string `query:"site" doc:"The number of a site" minLength:"1" maxLength:"100"`
	Q      string `query:"q" doc:"The beginning of an order's number, in any case" minLength:"1" maxLength:"100"`
	Sort   string `query:"sort" doc:"A minus puts the greatest first. Each list has its own: all of them for all; answer_by and ordered_on for review; next_due_on for late; ordered_on for the others" enum:"-ordered_on,ordered_on,answer_by,next_due_on,-next_due_on,-net,net,number,-number"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string `query:"cursor" doc:"next or prev of an earlier page" minLength:"1" maxLength:"1000"`
}

type purchaseList struct {
	Items []purchasing.Order `json:"items"`
	Next  string             `json:"next" doc:"Cursor of the next page; empty = this is the last"`
	Prev  string             `json:"prev" doc:"Cursor of the page before; empty = this is the first"`
}

func (d door) listPurchases(ctx context.Context, in *listPurchasesInput) (*answer[purchaseList], error) {
	f := purchasing.Filter{List: in.List, Site: in.Site, Text: in.Q, Sort: in.Sort, Limit: in.Limit, Cursor: in.Cursor}
	key := "list" + f.Key() + string(portal.DateOf(d.db.Now())) // what is late depends on the day
	return read[purchaseList](ctx, d, "purchasing", key, in.Conditional, []string{"purchase_orders", "purchase_order_lines"}, func(tx *portal.Tx) ([]byte, error) {
		p, err := purchasing.List(ctx, tx, f)
		if err != nil {
			return nil, err
		}
		return json.Marshal(purchaseList{p.Items, p.Next, p.Prev})
	})
}

type listDueInput struct {
	Conditional
	List    string `query:"list" doc:"What stands on which list; all where it is left out" enum:"review,waiting,confirmed,late"`
	Site    string `query:"site" doc:"The number of a site" minLength:"1" maxLength:"100"`
	Product string `query:"product" doc:"The host's number of a product, as it is written" minLength:"1" maxLength:"100"`
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor  string `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"1000"`
}

type dueLines struct {
	Items []purchasing.DueLine `json:"items"`
	Next  string               `json:"next" doc:"Cursor of the next page; empty = this is the last"`
}

func (d door) listDueLines(ctx context.Context, in *listDueInput) (*answer[dueLines], error) {
	f := purchasing.DueFilter{List: in.List, Site: in.Site, Product: in.Product, Limit: in.Limit, Cursor: in.Cursor}
	key := "due" + f.Key() + string(portal.DateOf(d.db.Now())) // what is late depends on the day
	return read[dueLines](ctx, d, "purchasing", key, in.Conditional, []string{"purchase_orders", "purchase_order_lines", "schedule_lines", "receipts"}, func(tx *portal.Tx) ([]byte, error) {
		items, next, err := purchasing.DueLines(ctx, tx, f)
		if err != nil {
			return nil, err
		}
		return json.Marshal(dueLines{items, next})
	})
}

type getPurchaseInput struct {
	Conditional
	Number string `path:"number" doc:"The host's number of the order" maxLength:"100"`
}

func (d door) getPurchase(ctx context.Context, in *getPurchaseInput) (*answer[purchasing.Detail], error) {
	entities := []string{"purchase_orders", "purchase_order_lines", "schedule_lines", "receipts"}
	return read[purchasing.Detail](ctx, d, "purchasing", "order"+strconv.Quote(in.Number), in.Conditional, entities, func(tx *portal.Tx) ([]byte, error) {
		o, err := purchasing.Get(ctx, tx, in.Number)
		if err != nil {
			return nil, err
		}
		return json.Marshal(o)
	})
}

type answerPurchaseInput struct {
	Keyed
	Number string `path:"number" doc:"The host's number of the order" maxLength:"100"`
	Body   purchasing.Answer
}

func (d door) answerPurchase(ctx context.Context, in *answerPurchaseInput) (*done[purchasing.Given], error) {
	location := func(purchasing.Given) string { return "purchase-orders/" + url.PathEscape(in.Number) }
	return command(ctx, d, portal.PurchasingAnswer, in.Keyed, "answer purchase order "+strconv.Quote(in.Number), in.Body, location, func(tx *portal.Tx) (purchasing.Given, error) {
		return purchasing.Give(ctx, tx, in.Number, in.Body)
	})
}

type acceptPurchasesInput struct {
	Keyed
	Body struct {
		Orders []string `json:"orders" minItems:"1" maxItems:"200" doc:"The host's numbers"`
	}
}

type acceptedPurchases struct {
	Orders []purchasing.Outcome `json:"orders" doc:"One for each order that was named"`
}

func (d door) acceptPurchases(ctx context.Context, in *acceptPurchasesInput) (*done[acceptedPurchases], error) {
	return command(ctx, d, portal.PurchasingAnswer, in.Keyed, "accept purchase orders", in.Body, nil, func(tx *portal.Tx) (acceptedPurchases, error) {
		list, err := purchasing.AcceptAll(ctx, tx, in.Body.Orders)
		return acceptedPurchases{list}, err
	})
}

package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/orders"
	"extranet/portal/shipments"
)

func (d door) orders(h huma.API) {
	huma.Register(h, operation("list-orders", http.MethodGet, "/orders", "Orders", "List orders",
		"The partner's orders, newest first unless sorted otherwise. Follow `next` until it is empty; a cursor belongs to its sort."), d.listOrders)
	huma.Register(h, operation("get-order", http.MethodGet, "/orders/{number}", "Orders", "Follow an order",
		"One order with its lines, changes, shipments and packages. In every line, ordered = shipped + backordered + cancelled + open."), d.getOrder)
}

type listOrdersInput struct {
	Conditional
	Status      []string `query:"status,explode" doc:"Any of these; may be repeated" enum:"open,held,picking,part_shipped,shipped,delivered,cancelled" maxItems:"7"`
	Site        string   `query:"site" doc:"The number of a site" minLength:"1" maxLength:"100"`
	OrderedFrom string   `query:"ordered_from" doc:"Ordered on this day or later" format:"date" maxLength:"10"`
	OrderedTo   string   `query:"ordered_to" doc:"Ordered on this day or earlier" format:"date" maxLength:"10"`
	Q           string   `query:"q" doc:"The beginning of an order number or of the partner's own number, in any case" minLength:"1" maxLength:"100"`
	Sort        string   `query:"sort" doc:"A minus puts the greatest first; orders without a promise count as promised last" enum:"-ordered_on,ordered_on,-promised_on,promised_on,-total,total,-number,number" default:"-ordered_on"`
	Limit       int      `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor      string   `query:"cursor" doc:"next or prev of an earlier page" minLength:"1" maxLength:"1000"`
}

type orderList struct {
	Items []orders.Order `json:"items"`
	Next  string         `json:"next" doc:"Cursor of the next page; empty = this is the last"`
	Prev  string         `json:"prev" doc:"Cursor of the page before; empty = this is the first"`
}

func (d door) listOrders(ctx context.Context, in *listOrdersInput) (*answer[orderList], error) {
	f := orders.Filter{Statuses: in.Status, Site: in.Site, From: portal.Date(in.OrderedFrom), To: portal.Date(in.OrderedTo), Text: in.Q, Sort: in.Sort, Limit: in.Limit, Cursor: in.Cursor}
	return read[orderList](ctx, d, "orders", "list"+f.Key(), in.Conditional, []string{"orders"}, func(tx *portal.Tx) ([]byte, error) {
		p, err := orders.ListJSON(ctx, tx, f)
		return slices.Concat([]byte(`{"items":`), p.Items, []byte(`,"next":"`+p.Next+`","prev":"`+p.Prev+`"}`)), err // cursors are base64url
	})
}

type getOrderInput struct {
	Conditional
	Number string `path:"number" doc:"The host's number of the order" maxLength:"100"`
}

func (d door) getOrder(ctx context.Context, in *getOrderInput) (*answer[shipments.Followed], error) {
	entities := []string{"orders", "order_lines", "shipments", "shipment_lines", "packages"}
	a, err := read[shipments.Followed](ctx, d, "orders", strconv.Quote(in.Number), in.Conditional, entities, func(tx *portal.Tx) ([]byte, error) {
		return shipments.FollowJSON(ctx, tx, in.Number)
	})
	if err == nil {
		d.db.Opened(callerOf(ctx), "orders/"+in.Number)
	}
	return a, err
}

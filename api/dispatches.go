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

func (d door) dispatches(h huma.API) {
	huma.Register(h, operation("list-dispatches", http.MethodGet, "/dispatches", "Purchasing", "List shipment notices",
		"What the supplier announced to have sent, what leaves last first. Follow `next` until it is empty."), d.listDispatches)
	huma.Register(h, operation("get-dispatch", http.MethodGet, "/dispatches/{number}", "Purchasing", "Read a shipment notice",
		"One notice with its packages, what is in them, and what the host received of it."), d.getDispatch)
	huma.Register(h, deed("send-dispatch", http.MethodPost, "/dispatches", "Purchasing", "Announce a shipment",
		"From lines of purchase orders. Each package is given its SSCC. More than is wanted, or too early, is refused or sent with a warning, as the host's tolerance says.", true), d.sendDispatch)
	huma.Register(h, operation("list-receipts", http.MethodGet, "/receipts", "Purchasing", "List receipts",
		"What the host received and sent back, newest first, with what it rejected, why, until when the supplier may object, and what became of that. Follow `next` until it is empty."), d.listReceipts)
}

type listDispatchesInput struct {
	Conditional
	State  string `query:"state" enum:"sent,taken,refused"`
	Q      string `query:"q" doc:"The beginning of a notice's number, as it is written" minLength:"1" maxLength:"100"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"1000"`
}

type dispatchList struct {
	Items []purchasing.Dispatch `json:"items"`
	Next  string                `json:"next" doc:"Cursor of the next page; empty = this is the last"`
}

func (d door) listDispatches(ctx context.Context, in *listDispatchesInput) (*answer[dispatchList], error) {
	f := purchasing.DispatchFilter{State: in.State, Text: in.Q, Limit: in.Limit, Cursor: in.Cursor}
	return read[dispatchList](ctx, d, "purchasing", "dispatches"+f.Key(), in.Conditional, []string{"purchase_orders", "receipts"}, encodedAs(func(tx *portal.Tx) (l dispatchList, err error) {
		l.Items, l.Next, err = purchasing.Dispatches(ctx, tx, f)
		return l, err
	}))
}

type getDispatchInput struct {
	Conditional
	Number string `path:"number" doc:"The supplier's number of the shipment" maxLength:"100"`
}

func (d door) getDispatch(ctx context.Context, in *getDispatchInput) (*answer[purchasing.Dispatch], error) {
	return read[purchasing.Dispatch](ctx, d, "purchasing", "dispatch"+strconv.Quote(in.Number), in.Conditional, []string{"purchase_orders", "receipts"}, func(tx *portal.Tx) ([]byte, error) {
		v, err := purchasing.GetDispatch(ctx, tx, in.Number)
		if err != nil {
			return nil, err
		}
		return json.Marshal(v)
	})
}

type sendDispatchInput struct {
	Keyed
	Body purchasing.NewDispatch
}

func (d door) sendDispatch(ctx context.Context, in *sendDispatchInput) (*done[purchasing.Dispatch], error) {
	location := func(v purchasing.Dispatch) string { return "dispatches/" + url.PathEscape(v.Number) }
	return command(ctx, d, portal.DispatchSend, in.Keyed, "send dispatch", in.Body, location, func(tx *portal.Tx) (purchasing.Dispatch, error) {
		return purchasing.Announce(ctx, tx, in.Body)
	})
}

type listReceiptsInput struct {
	Conditional
	Defects bool   `query:"defects" doc:"true: only that of which something was rejected or sent back"`
	Q       string `query:"q" doc:"The beginning of a purchase order's number, as it is written" minLength:"1" maxLength:"100"`
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor  string `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"1000"`
}

type receiptList struct {
	Items []purchasing.Receipt `json:"items"`
	Next  string               `json:"next" doc:"Cursor of the next page; empty = this is the last"`
}

func (d door) listReceipts(ctx context.Context, in *listReceiptsInput) (*answer[receiptList], error) {
	f := purchasing.ReceiptFilter{Text: in.Q, Limit: in.Limit, Cursor: in.Cursor}
	if in.Defects {
		f.Show = "defects"
	}
	return read[receiptList](ctx, d, "purchasing", "receipts"+f.Key(), in.Conditional, []string{"receipts"}, encodedAs(func(tx *portal.Tx) (l receiptList, err error) {
		l.Items, l.Next, err = purchasing.Receipts(ctx, tx, f)
		return l, err
	}))
}

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
		"What the supplier announced to have sent, the newest 200."), d.listDispatches)
	huma.Register(h, operation("get-dispatch", http.MethodGet, "/dispatches/{number}", "Purchasing", "Read a shipment notice",
		"One notice with its packages, what is in them, and what the host received of it."), d.getDispatch)
	huma.Register(h, deed("send-dispatch", http.MethodPost, "/dispatches", "Purchasing", "Announce a shipment",
		"From lines of purchase orders. Each package is given its SSCC. More than is wanted, or too early, is refused or sent with a warning, as the host's tolerance says.", true), d.sendDispatch)
	huma.Register(h, operation("list-receipts", http.MethodGet, "/receipts", "Purchasing", "List receipts",
		"What the host received and sent back, the newest 200, with what it rejected, why, and until when the supplier may object."), d.listReceipts)
}

type dispatchList struct {
	Items []purchasing.Dispatch `json:"items"`
}

func (d door) listDispatches(ctx context.Context, in *Conditional) (*answer[dispatchList], error) {
	return read[dispatchList](ctx, d, "purchasing", "dispatches", *in, []string{"purchase_orders", "receipts"}, func(tx *portal.Tx) ([]byte, error) {
		list, err := purchasing.Dispatches(ctx, tx)
		if err != nil {
			return nil, err
		}
		return json.Marshal(dispatchList{list})
	})
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
	Defects bool `query:"defects" doc:"true: only that of which something was rejected or sent back"`
}

type receiptList struct {
	Items []purchasing.Receipt `json:"items"`
}

func (d door) listReceipts(ctx context.Context, in *listReceiptsInput) (*answer[receiptList], error) {
	return read[receiptList](ctx, d, "purchasing", "receipts"+strconv.FormatBool(in.Defects), in.Conditional, []string{"receipts"}, func(tx *portal.Tx) ([]byte, error) {
		list, err := purchasing.Receipts(ctx, tx, in.Defects)
		if err != nil {
			return nil, err
		}
		return json.Marshal(receiptList{list})
	})
}

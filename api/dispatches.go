package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/files"
	"extranet/portal/purchasing"
)

func (d door) dispatches(h huma.API) {
	huma.Register(h, operation("list-dispatches", http.MethodGet, "/dispatches", "Purchasing", "List shipment notices",
		"What the supplier announced to have sent, what leaves last first. Follow `next` until it is empty."), d.listDispatches)
	huma.Register(h, operation("get-dispatch", http.MethodGet, "/dispatches/{number}", "Purchasing", "Read a shipment notice",
		"One notice with its packages, what is in them, and what the host received of it."), d.getDispatch)
	huma.Register(h, deed("send-dispatch", http.MethodPost, "/dispatches", "Purchasing", "Announce a shipment",
		"From lines of purchase orders. Each package is given its SSCC. More than is wanted, or too early, is refused or sent with a warning, as the host's tolerance says.", true), d.sendDispatch)
	paper := deed("add-dispatch-file", http.MethodPost, "/dispatches/{number}/files", "Purchasing", "Add a file to a shipment notice", "The content is the body: "+files.Taken+". Both sides see it.", false)
	paper.MaxBodyBytes, paper.Errors = files.MaxBytes+1, append(paper.Errors, http.StatusRequestTimeout)
	huma.Register(h, paper, d.addPaper)
	huma.Register(h, fileOperation("get-dispatch-file", "/dispatches/{number}/files/{id}", "Purchasing"), d.getPaper)
	huma.Register(h, fileOperation("get-suppliers-dispatch-file", "/buying/dispatches/{partner}/{number}/files/{id}", desk), d.getPaperOf)
	huma.Register(h, paperOperation("get-dispatch-labels", "/dispatches/{number}/labels", "Purchasing", "Take the labels of a shipment", "One label for each package, with its SSCC as a GS1-128 barcode, as the page gives it.", "pdf"), d.getLabels)
	huma.Register(h, operation("list-receipts", http.MethodGet, "/receipts", "Purchasing", "List receipts",
		"What the host received and sent back, newest first, with what it rejected, why, until when the supplier may object, and what became of that. Follow `next` until it is empty."), d.listReceipts)
}

type addPaperInput struct {
	Keyed
	FileBody
	Number string `path:"number" doc:"The supplier's number of the shipment" maxLength:"100"`
}

func (d door) addPaper(ctx context.Context, in *addPaperInput) (*done[files.File], error) {
	by := callerOf(ctx)
	if err := by.Need(portal.DispatchSend); err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	checked, err := files.Check(in.Name, in.RawBody)
	if err != nil {
		// Whose notice it is comes before what the file is.
		if none := d.db.Do(ctx, by, func(tx *portal.Tx) error { _, err := purchasing.GetDispatch(ctx, tx, in.Number); return err }); none != nil {
			return nil, refuse(ctx, d, by, none)
		}
		return nil, problemOf(err)
	}
	return command(ctx, d, portal.DispatchSend, in.Keyed, "add file to dispatch "+strconv.Quote(in.Number), []string{in.Name, checked.Sum()}, nil, func(tx *portal.Tx) (files.File, error) {
		return purchasing.Attach(ctx, tx, d.files, in.Number, checked)
	})
}

type getLabelsInput struct {
	Number string `path:"number" doc:"The supplier's number of the shipment" maxLength:"100"`
}

func (d door) getLabels(ctx context.Context, in *getLabelsInput) (*huma.StreamResponse, error) {
	f, err := d.papers.Labels(ctx, callerOf(ctx), in.Number)
	return d.givePaper(ctx, f, err)
}

type getPaperInput struct {
	Number string `path:"number" doc:"The supplier's number of the shipment" maxLength:"100"`
	ID     string `path:"id" maxLength:"60"`
}

func (d door) getPaper(ctx context.Context, in *getPaperInput) (*fileAnswer, error) {
	by := callerOf(ctx)
	return d.giveFile(ctx, "dispatches/"+in.Number+"/files", func(give func(tx *portal.Tx, f files.File, content io.ReadCloser, err error) error) error {
		return d.db.Do(ctx, by, func(tx *portal.Tx) error {
			f, content, err := purchasing.Paper(ctx, tx, d.files, in.Number, in.ID)
			return give(tx, f, content, err)
		})
	})
}

type getPaperOfInput struct {
	Partner string `path:"partner" doc:"The supplier's account number" maxLength:"100"`
	Number  string `path:"number" doc:"The supplier's number of the shipment" maxLength:"100"`
	ID      string `path:"id" maxLength:"60"`
}

func (d door) getPaperOf(ctx context.Context, in *getPaperOfInput) (*fileAnswer, error) {
	by := callerOf(ctx)
	return d.giveFile(ctx, "buying/dispatches/"+in.Number+"/files", func(give func(tx *portal.Tx, f files.File, content io.ReadCloser, err error) error) error {
		return d.db.AcrossPartners(ctx, by, portal.PurchasesRead, func(tx *portal.Tx) error {
			f, content, err := purchasing.PaperOf(ctx, tx, d.files, in.Partner, in.Number, in.ID)
			return give(tx, f, content, err)
		})
	})
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

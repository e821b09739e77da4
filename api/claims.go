package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/claims"
	"extranet/portal/files"
)

func (d door) claims(h huma.API) {
	huma.Register(h, operation("list-claims", http.MethodGet, "/claims", "Claims", "List claims", "The partner's claims, newest first. Follow `next` until it is empty."), d.listClaims)
	huma.Register(h, operation("get-claim", http.MethodGet, "/claims/{number}", "Claims", "Follow a claim",
		"One claim with its lines, files, what happened, and the rules in force. A line that is not decided shows what the rules would give: `result` is computed by the code that decides."), d.getClaim)
	huma.Register(h, deed("begin-claim", http.MethodPost, "/claims", "Claims", "Begin a claim",
		"A draft of one line, found in the core by the line of an order or invoice, or described by hand.", true), d.beginClaim)
	huma.Register(h, deed("add-claim-line", http.MethodPost, "/claims/{number}/lines", "Claims", "Add a line to a draft", "Of the same site and currency.", false), d.addClaimLine)
	huma.Register(h, deed("save-claim-line", http.MethodPost, "/claims/{number}/lines/{line}", "Claims", "Say what is wrong with a line",
		"Of a draft, or of a line that was asked about. It need not be complete: `result` of the answer says what is missing.", false), d.saveClaimLine)
	huma.Register(h, deed("submit-claim", http.MethodPost, "/claims/{number}/submit", "Claims", "Submit a claim", "Hands every draft line to the host's desk. Incomplete lines are 422, by line and field.", false), d.submitClaim)
	huma.Register(h, deed("answer-claim", http.MethodPost, "/claims/{number}/lines/{line}/answer", "Claims", "Answer a question", "Gives the line back to the desk.", false),
		d.lineDeed("answer", claims.Answer))
	huma.Register(h, deed("appeal-claim", http.MethodPost, "/claims/{number}/lines/{line}/appeal", "Claims", "Appeal a decision", "Within 30 days, against a refusal or an approval in part. Another person decides it.", false),
		d.lineDeed("appeal", claims.Appeal))
	huma.Register(h, deed("withdraw-claim", http.MethodPost, "/claims/{number}/lines/{line}/withdraw", "Claims", "Withdraw a line", "For good.", false),
		d.lineDeed("withdraw", claims.Withdraw))
	upload := deed("add-claim-file", http.MethodPost, "/claims/{number}/files", "Claims", "Add a file to a claim", "The content is the body: "+files.Taken+". Pictures are kept without what the camera wrote beside them.", false)
	upload.MaxBodyBytes, upload.Errors = files.MaxBytes+1, append(upload.Errors, http.StatusRequestTimeout)
	huma.Register(h, upload, d.addClaimFile)
	huma.Register(h, fileOperation("get-claim-file", "/claims/{number}/files/{id}", "Claims"), d.getClaimFile)

	huma.Register(h, operation("list-desk-claims", http.MethodGet, "/desk/claims", "Claims desk", "List what waits at the desk", "For the host's staff: what is due first first. Follow `next` until it is empty."), d.listDesk)
	huma.Register(h, operation("get-desk-claim", http.MethodGet, "/desk/claims/{partner}/{number}", "Claims desk", "Read a partner's claim", "For the host's staff. Drafts are not shown."), d.getDesk)
	for _, a := range []struct{ id, path, summary, says string }{
		{"preview", "preview", "Try a verdict", "What the rules would give for it; nothing is decided."},
		{"decide", "decide", "Decide a line", "By the rules it was submitted under, on what the partner said and the desk found. Above the rules' limit it becomes a proposal that a second person approves."},
		{"ask", "ask", "Ask about a line", "It is the partner's turn then."}, {"review", "review", "Take a line under review", "Others see that somebody is at it."},
		{"approve", "approve", "Approve a proposed decision", "By another person than the one who proposed."}, {"return", "return", "Send a proposed decision back", "With words."},
		{"split", "split", "Split a line", "So that a part of its quantity can be decided otherwise."},
	} {
		huma.Register(h, deed("desk-"+a.id, http.MethodPost, "/desk/claims/{partner}/{number}/lines/{line}/"+a.path, "Claims desk", a.summary, a.says, false), d.deskDeed(a.id))
	}
	huma.Register(h, deed("desk-decide-several", http.MethodPost, "/desk/claims", "Claims desk", "Decide several claims", "As the rules give, each by itself: one that cannot be is named with the reason, and stops no other.", false), d.decideSeveral)
	d.claimRules(h)
	huma.Register(h, fileOperation("get-desk-claim-file", "/desk/claims/{partner}/{number}/files/{id}", "Claims desk"), d.getDeskFile)
}

type listClaimsInput struct {
	Conditional
	State  string `query:"state" doc:"open = any that waits for somebody" enum:"open,draft,asked,submitted,in_review,proposed,appealed,approved,in_part,closed"`
	Kind   string `query:"kind" enum:"warranty,transit,shortage,price,return"`
	Site   string `query:"site" doc:"The number of a site" minLength:"1" maxLength:"100"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"1000"`
}

func (d door) listClaims(ctx context.Context, in *listClaimsInput) (*plain[claims.Page], error) {
	f := claims.Filter{State: in.State, Kind: in.Kind, Site: in.Site, Limit: in.Limit, Cursor: in.Cursor}
	return own(ctx, d, in.Conditional, "claims", func(tx *portal.Tx) (claims.Page, error) { return claims.List(ctx, tx, f) })
}

// own answers with what is the portal's own and not the core's: it is as it is now.
func own[T any](ctx context.Context, d door, c Conditional, what string, load func(tx *portal.Tx) (T, error)) (*plain[T], error) {
	by := callerOf(ctx)
	var v T
	if err := d.db.Do(ctx, by, func(tx *portal.Tx) (err error) { v, err = load(tx); return err }); err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	return now(c, v)
}

type claimInput struct {
	Conditional
	Number string `path:"number" maxLength:"100"`
}

func (d door) getClaim(ctx context.Context, in *claimInput) (*plain[claims.Detail], error) {
	return own(ctx, d, in.Conditional, "claims/"+in.Number, func(tx *portal.Tx) (claims.Detail, error) { return claims.Get(ctx, tx, in.Number) })
}

type newClaim struct {
	Kind         string `json:"kind" enum:"warranty,transit,shortage,price,return"`
	Site         string `json:"site,omitempty" doc:"The site that complains, where the line does not say it" maxLength:"100"`
	Reference    string `json:"reference,omitempty" doc:"Your own number" maxLength:"100"`
	ContactEmail string `json:"contact_email,omitempty" doc:"Who hears of changes" maxLength:"200"`
	LineRef
}

// LineRef names a line in the core.
type LineRef struct {
	Order       string `json:"order,omitempty" doc:"With order_line: the order's number" maxLength:"100"`
	OrderLine   int64  `json:"order_line,omitempty" minimum:"0"`
	Shipment    string `json:"shipment,omitempty" doc:"The shipment it came with" maxLength:"100"`
	Invoice     string `json:"invoice,omitempty" doc:"With invoice_line: the invoice's number" maxLength:"100"`
	InvoiceLine int64  `json:"invoice_line,omitempty" minimum:"0"`
}

func (r LineRef) ref() claims.Ref {
	return claims.Ref{OrderNumber: r.Order, OrderLine: r.OrderLine, Shipment: r.Shipment, Invoice: r.Invoice, InvoiceLine: r.InvoiceLine}
}

type beginClaimInput struct {
	Keyed
	Body newClaim
}

func (d door) beginClaim(ctx context.Context, in *beginClaimInput) (*done[claims.Detail], error) {
	return command(ctx, d, portal.ClaimsFile, in.Keyed, "begin claim", in.Body, func(c claims.Detail) string { return "claims/" + c.Number }, func(tx *portal.Tx) (c claims.Detail, err error) {
		b := in.Body
		number, err := claims.Draft(ctx, tx, claims.New{Kind: b.Kind, Site: b.Site, Reference: b.Reference, ContactEmail: b.ContactEmail, Ref: b.ref()})
		if err != nil {
			return c, err
		}
		return claims.Get(ctx, tx, number)
	})
}

// changed does something to the caller's claim and answers with it.
func changed(ctx context.Context, d door, key Keyed, number, what string, body any, f func(tx *portal.Tx) error) (*done[claims.Detail], error) {
	return command(ctx, d, portal.ClaimsFile, key, "claims/"+number+"/"+what, body, nil, func(tx *portal.Tx) (c claims.Detail, err error) {
		if err := f(tx); err != nil {
			return c, err
		}
		return claims.Get(ctx, tx, number)
	})
}

type addClaimLineInput struct {
	Keyed
	Number string `path:"number" maxLength:"100"`
	Body   LineRef
}

func (d door) addClaimLine(ctx context.Context, in *addClaimLineInput) (*done[claims.Detail], error) {
	return changed(ctx, d, in.Keyed, in.Number, "lines", in.Body, func(tx *portal.Tx) error {
		_, err := claims.AddLine(ctx, tx, in.Number, in.Body.ref())
		return err
	})
}

// claimFacts are those that a partner says; what is left out is empty then.
type claimFacts struct {
	Product     string `json:"product,omitempty" doc:"Article number" maxLength:"100"`
	Description string `json:"description,omitempty" maxLength:"300"`
	Serial      string `json:"serial,omitempty" doc:"Serial number, or DOT of a tyre" maxLength:"60"`
	Quantity    string `json:"quantity,omitempty" doc:"Exact decimal" maxLength:"20"`
	PurchasedOn string `json:"purchased_on,omitempty" doc:"By the end customer: 2026-03-31" maxLength:"10"`
	FailedOn    string `json:"failed_on,omitempty" maxLength:"10"`
	DeliveredOn string `json:"delivered_on,omitempty" maxLength:"10"`
	UsageIn     string `json:"usage_in,omitempty" doc:"Odometer or hours when mounted" maxLength:"20"`
	UsageOut    string `json:"usage_out,omitempty" doc:"Odometer or hours at the failure" maxLength:"20"`
	UsageUnit   string `json:"usage_unit,omitempty" doc:"km, mi or h" maxLength:"10"`
	NewTread    string `json:"new_tread,omitempty" doc:"mm" maxLength:"20"`
	Tread       string `json:"tread,omitempty" doc:"Remaining, mm" maxLength:"20"`
	Condition   string `json:"condition,omitempty" doc:"A code of the rules" maxLength:"40"`
	Cause       string `json:"cause,omitempty" doc:"A code of the rules" maxLength:"40"`
	CausalPart  string `json:"causal_part,omitempty" maxLength:"100"`
	LabourCode  string `json:"labour_code,omitempty" maxLength:"40"`
	LabourHours string `json:"labour_hours,omitempty" maxLength:"20"`
	Replacement string `json:"replacement,omitempty" maxLength:"100"`
	Received    string `json:"received,omitempty" doc:"What arrived of the quantity" maxLength:"20"`
	Price       string `json:"price,omitempty" doc:"For a unit; not taken where the core says it" maxLength:"20"`
	AgreedPrice string `json:"agreed_price,omitempty" maxLength:"20"`
	Shipment    string `json:"shipment,omitempty" maxLength:"100"`
	Invoice     string `json:"invoice,omitempty" maxLength:"100"`
	Words       string `json:"words,omitempty" doc:"What happened" maxLength:"4000"`
}

func (f claimFacts) facts() (out claims.Facts) {
	for field, text := range map[string]string{"product": f.Product, "description": f.Description, "serial": f.Serial, "quantity": f.Quantity, "purchased_on": f.PurchasedOn, "failed_on": f.FailedOn,
		"delivered_on": f.DeliveredOn, "usage_in": f.UsageIn, "usage_out": f.UsageOut, "usage_unit": f.UsageUnit, "new_tread": f.NewTread, "tread": f.Tread, "condition": f.Condition, "cause": f.Cause,
		"causal_part": f.CausalPart, "labour_code": f.LabourCode, "labour_hours": f.LabourHours, "replacement": f.Replacement, "received": f.Received, "price": f.Price, "agreed_price": f.AgreedPrice,
		"shipment": f.Shipment, "invoice": f.Invoice, "words": f.Words} {
		out.Set(field, text)
	}
	return out
}

type saveClaimLineInput struct {
	Keyed
	Number string `path:"number" maxLength:"100"`
	Line   int64  `path:"line" minimum:"1" maximum:"1000"`
	Body   claimFacts
}

func (d door) saveClaimLine(ctx context.Context, in *saveClaimLineInput) (*done[claims.Detail], error) {
	return changed(ctx, d, in.Keyed, in.Number, fmt.Sprintf("lines/%d", in.Line), in.Body, func(tx *portal.Tx) error { return claims.Save(ctx, tx, in.Number, in.Line, in.Body.facts()) })
}

type submitClaimInput struct {
	Keyed
	Number string `path:"number" maxLength:"100"`
}

func (d door) submitClaim(ctx context.Context, in *submitClaimInput) (*done[claims.Detail], error) {
	return changed(ctx, d, in.Keyed, in.Number, "submit", nil, func(tx *portal.Tx) error { return claims.Submit(ctx, tx, in.Number) })
}

type lineWords struct {
	Words string `json:"words,omitempty" maxLength:"4000"`
}

type lineDeedInput struct {
	Keyed
	Number string `path:"number" maxLength:"100"`
	Line   int64  `path:"line" minimum:"1" maximum:"1000"`
	Body   lineWords
}

func (d door) lineDeed(what string, f func(ctx context.Context, tx *portal.Tx, number string, line int64, words string) error) func(context.Context, *lineDeedInput) (*done[claims.Detail], error) {
	return func(ctx context.Context, in *lineDeedInput) (*done[claims.Detail], error) {
		return changed(ctx, d, in.Keyed, in.Number, fmt.Sprintf("lines/%d/%s", in.Line, what), in.Body, func(tx *portal.Tx) error { return f(ctx, tx, in.Number, in.Line, in.Body.Words) })
	}
}

type addClaimFileInput struct {
	Keyed
	Number  string `path:"number" maxLength:"100"`
	Name    string `query:"name" required:"true" doc:"What it is called" minLength:"1" maxLength:"200"`
	RawBody []byte `contentType:"application/octet-stream"`
}

func (d door) addClaimFile(ctx context.Context, in *addClaimFileInput) (*done[claims.Detail], error) {
	by := callerOf(ctx)
	if err := by.Need(portal.ClaimsFile); err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	checked, err := files.Check(in.Name, in.RawBody)
	if err != nil {
		// Whose claim it is comes before what the file is.
		if _, none := own(ctx, d, Conditional{}, "claims/"+in.Number, func(tx *portal.Tx) (claims.Detail, error) { return claims.Get(ctx, tx, in.Number) }); none != nil {
			return nil, none
		}
		return nil, problemOf(err)
	}
	return changed(ctx, d, in.Keyed, in.Number, "files", []string{in.Name, checked.Sum()}, func(tx *portal.Tx) error {
		_, err := claims.AddFile(ctx, tx, d.files, in.Number, checked)
		return err
	})
}

// fileOperation describes a route that gives a file away.
func fileOperation(id, path, tag string) huma.Operation {
	op := operation(id, http.MethodGet, path, tag, "Take a file", "As an attachment, never to be shown in place. It is audited.")
	delete(op.Responses, "304")
	op.Responses["200"] = &huma.Response{Description: "The file", Content: map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}}
	return op
}

type fileAnswer struct {
	ContentType        string `header:"Content-Type"`
	ContentDisposition string `header:"Content-Disposition"`
	ContentPolicy      string `header:"Content-Security-Policy"`
	CacheControl       string `header:"Cache-Control"`
	Body               []byte
}

type getClaimFileInput struct {
	Number string `path:"number" maxLength:"100"`
	ID     string `path:"id" maxLength:"60"`
}

func (d door) getClaimFile(ctx context.Context, in *getClaimFileInput) (*fileAnswer, error) {
	by := callerOf(ctx)
	return d.giveFile(ctx, "claims/"+in.Number+"/files", func(give func(tx *portal.Tx, f files.File, content io.ReadCloser, err error) error) error {
		return d.db.Do(ctx, by, func(tx *portal.Tx) error {
			f, content, err := claims.TakeFile(ctx, tx, d.files, in.Number, in.ID)
			return give(tx, f, content, err)
		})
	})
}

func (d door) giveFile(ctx context.Context, what string, in func(give func(tx *portal.Tx, f files.File, content io.ReadCloser, err error) error) error) (*fileAnswer, error) {
	a := &fileAnswer{ContentPolicy: "sandbox; default-src 'none'", CacheControl: "private, no-store"}
	err := in(func(_ *portal.Tx, f files.File, content io.ReadCloser, err error) error {
		if err != nil {
			return err
		}
		defer content.Close()
		a.ContentType, a.ContentDisposition = "application/octet-stream", files.Disposition(f.Name)
		a.Body, err = io.ReadAll(io.LimitReader(content, files.MaxBytes))
		return err
	})
	if err != nil {
		return nil, refuse(ctx, d, callerOf(ctx), err)
	}
	return a, nil
}

type listDeskInput struct {
	Conditional
	State   string `query:"state" doc:"Of this state; otherwise all whose turn it is the host's" enum:"asked,submitted,in_review,proposed,appealed,approved,in_part,closed"`
	Kind    string `query:"kind" enum:"warranty,transit,shortage,price,return"`
	Partner string `query:"partner" doc:"An account number" minLength:"1" maxLength:"100"`
	Late    bool   `query:"late" doc:"Past its time alone"`
	Cursor  string `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"1000"`
}

func (d door) listDesk(ctx context.Context, in *listDeskInput) (*plain[claims.Waiting], error) {
	by := callerOf(ctx)
	var list claims.Waiting
	err := d.db.AcrossPartners(ctx, by, portal.ClaimsDecide, func(tx *portal.Tx) (err error) {
		list, err = claims.Queue(ctx, tx, claims.DeskFilter{State: in.State, Kind: in.Kind, Partner: in.Partner, Late: in.Late, Cursor: in.Cursor})
		return err
	})
	if err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	return now(in.Conditional, list)
}

type deskInput struct {
	Conditional
	Partner string `path:"partner" doc:"Its account number" maxLength:"100"`
	Number  string `path:"number" maxLength:"100"`
}

func (d door) getDesk(ctx context.Context, in *deskInput) (*plain[claims.Case], error) {
	by := callerOf(ctx)
	var c claims.Case
	err := d.db.AcrossPartners(ctx, by, portal.ClaimsDecide, func(tx *portal.Tx) (err error) { c, err = claims.Open(ctx, tx, in.Partner, in.Number); return err })
	if err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	return now(in.Conditional, c)
}

// deskBody is what the desk says; which members count depends on what it does.
type deskBody struct {
	Words         string `json:"words,omitempty" doc:"For the partner" maxLength:"4000"`
	Condition     string `json:"condition,omitempty" doc:"decide: what the inspection found, a code of the rules" maxLength:"40"`
	Tread         string `json:"tread,omitempty" doc:"decide: as inspected, mm" maxLength:"20"`
	Received      string `json:"received,omitempty" doc:"decide: what arrived, as found" maxLength:"20"`
	Quantity      string `json:"quantity,omitempty" doc:"decide: as found; split: what goes to the new line" maxLength:"20"`
	GoodwillShare string `json:"goodwill_share,omitempty" doc:"decide: of the claimed amount, from 0 to 1" maxLength:"10"`
	GoodwillCode  string `json:"goodwill_code,omitempty" doc:"decide: the authorisation of goodwill" maxLength:"60"`
}

func (b deskBody) verdict() claims.Verdict {
	v := claims.Verdict{Condition: b.Condition, Tread: portal.Amount(b.Tread), Received: portal.Amount(b.Received), Quantity: portal.Amount(b.Quantity), Words: b.Words}
	if b.GoodwillShare != "" || b.GoodwillCode != "" {
		v.Goodwill = &claims.Goodwill{Share: portal.Amount(b.GoodwillShare), Code: b.GoodwillCode}
	}
	return v
}

type deskDeedInput struct {
	Keyed
	Partner string `path:"partner" doc:"Its account number" maxLength:"100"`
	Number  string `path:"number" maxLength:"100"`
	Line    int64  `path:"line" minimum:"1" maximum:"1000"`
	Body    deskBody
}

func (d door) deskDeed(what string) func(context.Context, *deskDeedInput) (*done[claims.Case], error) {
	need := portal.ClaimsDecide
	if what == "approve" || what == "return" {
		need = portal.ClaimsApprove
	}
	return func(ctx context.Context, in *deskDeedInput) (*done[claims.Case], error) {
		by := callerOf(ctx)
		path := strings.Join([]string{"desk/claims", in.Partner, in.Number, strconv.FormatInt(in.Line, 10), what}, "/")
		across := func(_ portal.Caller, f func(tx *portal.Tx) error) error { return d.db.AcrossPartners(ctx, by, need, f) }
		return commandIn(ctx, d, need, in.Keyed, path, in.Body, nil, across, func(tx *portal.Tx) (c claims.Case, err error) {
			switch what {
			case "preview":
				var r claims.Result
				if r, err = claims.Preview(ctx, tx, in.Partner, in.Number, in.Line, in.Body.verdict()); err == nil {
					if c, err = claims.Open(ctx, tx, in.Partner, in.Number); err == nil {
						c.Try(in.Line, r)
					}
				}
				return c, err
			case "decide":
				err = claims.DecideLine(ctx, tx, in.Partner, in.Number, in.Line, in.Body.verdict())
			case "ask":
				err = claims.Ask(ctx, tx, in.Partner, in.Number, in.Line, in.Body.Words)
			case "review":
				err = claims.Review(ctx, tx, in.Partner, in.Number, in.Line)
			case "approve":
				err = claims.Approve(ctx, tx, in.Partner, in.Number, in.Line)
			case "return":
				err = claims.SendBack(ctx, tx, in.Partner, in.Number, in.Line, in.Body.Words)
			case "split":
				_, err = claims.Split(ctx, tx, in.Partner, in.Number, in.Line, portal.Amount(in.Body.Quantity))
			}
			if err != nil {
				return c, err
			}
			return claims.Open(ctx, tx, in.Partner, in.Number)
		})
	}
}

type getDeskFileInput struct {
	Partner string `path:"partner" doc:"Its account number" maxLength:"100"`
	Number  string `path:"number" maxLength:"100"`
	ID      string `path:"id" maxLength:"60"`
}

func (d door) getDeskFile(ctx context.Context, in *getDeskFileInput) (*fileAnswer, error) {
	by := callerOf(ctx)
	return d.giveFile(ctx, "desk/claims/"+in.Number+"/files", func(give func(tx *portal.Tx, f files.File, content io.ReadCloser, err error) error) error {
		return d.db.AcrossPartners(ctx, by, portal.ClaimsDecide, func(tx *portal.Tx) error {
			f, content, err := claims.DeskFile(ctx, tx, d.files, in.Partner, in.Number, in.ID)
			return give(tx, f, content, err)
		})
	})
}

package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/billing"
	"extranet/portal/purchasing"
)

const desk = "Buying desk"

// buying is what the host's buyers do, across suppliers.
func (d door) buying(h huma.API) {
	huma.Register(h, operation("list-suppliers-orders", http.MethodGet, "/buying/orders", desk, "List suppliers' purchase orders",
		"Of all suppliers, each list in its own sort: `review` is what suppliers are to answer, soonest due first; `waiting` has answers to decide about; `late` is what should have arrived."), d.listOrdersAcross)
	huma.Register(h, operation("get-suppliers-order", http.MethodGet, "/buying/orders/{partner}/{number}", desk, "Read a supplier's purchase order", "As the supplier sees it."), d.getOrderAcross)
	huma.Register(h, deed("decide-suppliers-answer", http.MethodPost, "/buying/orders/{partner}/{number}/decisions", desk, "Decide about answers",
		"What is accepted stands from now on. What is not is asked again, with words; what the supplier promised before stands. All of them or none; 409 where an answer does not wait any more.", false), d.decideAnswers)
	huma.Register(h, operation("list-waiting-answers", http.MethodGet, "/buying/answers", desk, "List answers to decide about", "What suppliers answered other than they were asked, line by line, by supplier and order."), d.listWaitingAnswers)
	huma.Register(h, deed("decide-suppliers-answers", http.MethodPost, "/buying/decisions", desk, "Decide about many answers",
		"About answers to orders of any suppliers. Every one is accounted for: one that cannot be decided about has its `fault`, and spoils no other. With `preview`, what would become of each is said, and nothing is changed.", false), d.decideManyAnswers)
	huma.Register(h, operation("list-suppliers-order-lines", http.MethodGet, "/buying/order-lines", desk, "List what is due of all suppliers",
		"The lines of all suppliers' orders of which something is to arrive, what is due first first, with how much of each. Follow `next` until it is empty."), d.listDueAcross)
	huma.Register(h, operation("list-suppliers-dispatches", http.MethodGet, "/buying/dispatches", desk, "List suppliers' shipment notices", "Of all suppliers, what leaves last first."), d.listDispatchesAcross)
	huma.Register(h, operation("get-suppliers-dispatch", http.MethodGet, "/buying/dispatches/{partner}/{number}", desk, "Read a supplier's shipment notice", "One notice with its packages, what is in them, and what was received of it."), d.getDispatchAcross)
	huma.Register(h, operation("list-suppliers-receipts", http.MethodGet, "/buying/receipts", desk, "List receipts of all suppliers", "Newest first. `objected` is what waits for an answer to a supplier's objection."), d.listReceiptsAcross)
	huma.Register(h, deed("settle-objection", http.MethodPost, "/buying/receipts/{partner}/{receipt}/settlement", desk, "Answer an objection",
		"The rejection is taken back or stands, with words that the supplier reads. 409 where no objection waits.", false), d.settleObjection)
	huma.Register(h, operation("list-suppliers-invoices", http.MethodGet, "/buying/invoices", desk, "List suppliers' invoices", "Of all suppliers, newest first."), d.listInvoicesAcross)
	huma.Register(h, operation("get-suppliers-invoice", http.MethodGet, "/buying/invoices/{partner}/{invoice}", desk, "Read a supplier's invoice", "Each line matched with its order and receipts, and what was paid for it."), d.getInvoiceAcross)
	huma.Register(h, operation("get-buying-policy", http.MethodGet, "/buying/policy", desk, "Read what is asked of suppliers", "Days for answers and objections, and tolerances for shipments."), d.getBuyingPolicy)
	huma.Register(h, deed("set-buying-policy", http.MethodPost, "/buying/policy", desk, "Set what is asked of suppliers", "From now on; days that were given already stay as they are.", false), d.setBuyingPolicy)
	huma.Register(h, operation("get-purchasing-policy", http.MethodGet, "/purchasing-policy", "Purchasing", "Read what the host asks", "Days for answers and objections, and tolerances for shipments."), d.getPurchasingPolicy)
	huma.Register(h, deed("object-to-receipt", http.MethodPost, "/receipts/{receipt}/objection", "Purchasing", "Object to a rejection",
		"In words, once, and by the day that the receipt says. The host answers. 409 where nothing was rejected, the days are over, or it was objected to already.", false), d.objectToReceipt)
}

type deskOrders struct {
	Items []purchasing.DeskOrder `json:"items"`
	Next  string                 `json:"next" doc:"Cursor of the next page; empty = this is the last"`
}

type listOrdersAcrossInput struct {
	List    string `query:"list" doc:"What stands on which list; all where it is left out" enum:"review,waiting,confirmed,late,closed"`
	Partner string `query:"partner" doc:"A supplier's account number" minLength:"1" maxLength:"100"`
	Q       string `query:"q" doc:"The beginning of an order's number, in any case" minLength:"1" maxLength:"100"`
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor  string `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"1000"`
}

func (d door) listOrdersAcross(ctx context.Context, in *listOrdersAcrossInput) (*told[deskOrders], error) {
	return ofAll(ctx, d, portal.PurchasesRead, func(tx *portal.Tx) (l deskOrders, err error) {
		p, err := purchasing.Across(ctx, tx, purchasing.Filter{List: in.List, Partner: in.Partner, Text: in.Q, Limit: in.Limit, Cursor: in.Cursor})
		return deskOrders{p.Items, p.Next}, err
	})
}

type deskOrderInput struct {
	Partner string `path:"partner" doc:"The supplier's account number" maxLength:"100"`
	Number  string `path:"number" doc:"The host's number of the order" maxLength:"100"`
}

func (d door) getOrderAcross(ctx context.Context, in *deskOrderInput) (*told[purchasing.Case], error) {
	return ofAll(ctx, d, portal.PurchasesRead, func(tx *portal.Tx) (purchasing.Case, error) { return purchasing.Open(ctx, tx, in.Partner, in.Number) })
}

// byBuyer does f once for the caller's key, across partners.
func byBuyer[T any](ctx context.Context, d door, key Keyed, what []string, body any, f func(tx *portal.Tx) (T, error)) (*done[T], error) {
	by := callerOf(ctx)
	return commandIn(ctx, d, portal.PurchasesManage, key, strings.Join(what, "/"), body, nil, func(_ portal.Caller, g func(tx *portal.Tx) error) error {
		return d.db.AcrossPartners(ctx, by, portal.PurchasesManage, g)
	}, f)
}

type decideAnswersInput struct {
	Keyed
	Partner string `path:"partner" doc:"The supplier's account number" maxLength:"100"`
	Number  string `path:"number" doc:"The host's number of the order" maxLength:"100"`
	Body    struct {
		Decisions []purchasing.Ruling `json:"decisions" minItems:"1" maxItems:"500"`
	}
}

func (d door) decideAnswers(ctx context.Context, in *decideAnswersInput) (*done[purchasing.Case], error) {
	return byBuyer(ctx, d, in.Keyed, []string{"decide answers", in.Partner, strconv.Quote(in.Number)}, in.Body, func(tx *portal.Tx) (purchasing.Case, error) {
		return purchasing.Rule(ctx, tx, in.Partner, in.Number, in.Body.Decisions)
	})
}

type waitingAnswers struct {
	Items []purchasing.WaitingAnswer `json:"items"`
	Next  string                     `json:"next" doc:"Cursor of the next page; empty = this is the last"`
}

type listWaitingAnswersInput struct {
	Verdict string `query:"verdict" doc:"What the supplier says: other parts, nothing, or another price" enum:"change,refuse,question"`
	Partner string `query:"partner" doc:"A supplier's account number" minLength:"1" maxLength:"100"`
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor  string `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"1000"`
}

func (d door) listWaitingAnswers(ctx context.Context, in *listWaitingAnswersInput) (*told[waitingAnswers], error) {
	return ofAll(ctx, d, portal.PurchasesRead, func(tx *portal.Tx) (l waitingAnswers, err error) {
		l.Items, l.Next, err = purchasing.WaitingAnswers(ctx, tx, purchasing.AnswerFilter{Partner: in.Partner, Verdict: in.Verdict, Limit: in.Limit, Cursor: in.Cursor})
		return l, err
	})
}

type decideManyAnswersInput struct {
	Keyed
	Body struct {
		Decisions []purchasing.Decision `json:"decisions" minItems:"1" maxItems:"500"`
		Preview   bool                  `json:"preview,omitempty" doc:"true: say what would become of each, and change nothing"`
	}
}

type decidedAnswers struct {
	Decided int                  `json:"decided" doc:"How many are decided, or would be"`
	Items   []purchasing.Decided `json:"items" doc:"Every one, in the order in which they were sent"`
}

func (d door) decideManyAnswers(ctx context.Context, in *decideManyAnswersInput) (*done[decidedAnswers], error) {
	return byBuyer(ctx, d, in.Keyed, []string{"decide many answers"}, in.Body, func(tx *portal.Tx) (l decidedAnswers, err error) {
		l.Items, err = purchasing.DecideAll(ctx, tx, in.Body.Decisions, in.Body.Preview)
		for _, x := range l.Items {
			if x.Fault == "" {
				l.Decided++
			}
		}
		return l, err
	})
}

type deskDueLines struct {
	Items []purchasing.DeskDueLine `json:"items"`
	Next  string                   `json:"next" doc:"Cursor of the next page; empty = this is the last"`
}

type listDueAcrossInput struct {
	Days    string `query:"days" doc:"late: due before today; week: from this week's Monday to its Sunday; any day where it is left out" enum:"late,week"`
	State   string `query:"state" doc:"unconfirmed: with the supplier, or with an answer to decide about" enum:"unconfirmed,review,waiting,confirmed"`
	Partner string `query:"partner" doc:"A supplier's account number" minLength:"1" maxLength:"100"`
	Product string `query:"product" doc:"The host's number of a product, as it is written" minLength:"1" maxLength:"100"`
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor  string `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"1000"`
}

func (d door) listDueAcross(ctx context.Context, in *listDueAcrossInput) (*told[deskDueLines], error) {
	return ofAll(ctx, d, portal.PurchasesRead, func(tx *portal.Tx) (l deskDueLines, err error) {
		l.Items, l.Next, err = purchasing.DueAcross(ctx, tx, purchasing.DueAcrossFilter{Days: in.Days, State: in.State, Partner: in.Partner, Product: in.Product, Limit: in.Limit, Cursor: in.Cursor})
		return l, err
	})
}

type deskDispatches struct {
	Items []purchasing.DeskDispatch `json:"items"`
	Next  string                    `json:"next" doc:"Cursor of the next page; empty = this is the last"`
}

type listDispatchesAcrossInput struct {
	State   string `query:"state" enum:"sent,taken,refused"`
	Partner string `query:"partner" doc:"A supplier's account number" minLength:"1" maxLength:"100"`
	Q       string `query:"q" doc:"The beginning of a notice's number, as it is written" minLength:"1" maxLength:"100"`
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor  string `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"1000"`
}

func (d door) listDispatchesAcross(ctx context.Context, in *listDispatchesAcrossInput) (*told[deskDispatches], error) {
	return ofAll(ctx, d, portal.PurchasesRead, func(tx *portal.Tx) (l deskDispatches, err error) {
		l.Items, l.Next, err = purchasing.DispatchesAcross(ctx, tx, purchasing.DispatchFilter{State: in.State, Partner: in.Partner, Text: in.Q, Limit: in.Limit, Cursor: in.Cursor})
		return l, err
	})
}

type deskDispatchInput struct {
	Partner string `path:"partner" doc:"The supplier's account number" maxLength:"100"`
	Number  string `path:"number" doc:"The supplier's number of the shipment" maxLength:"100"`
}

func (d door) getDispatchAcross(ctx context.Context, in *deskDispatchInput) (*told[purchasing.DeskDispatch], error) {
	return ofAll(ctx, d, portal.PurchasesRead, func(tx *portal.Tx) (purchasing.DeskDispatch, error) {
		return purchasing.OpenDispatch(ctx, tx, in.Partner, in.Number)
	})
}

type deskReceipts struct {
	Items []purchasing.DeskReceipt `json:"items"`
	Next  string                   `json:"next" doc:"Cursor of the next page; empty = this is the last"`
}

type listReceiptsAcrossInput struct {
	Show    string `query:"show" doc:"defects: rejected or sent back; objected: an objection waits for its answer" enum:"defects,objected"`
	Partner string `query:"partner" doc:"A supplier's account number" minLength:"1" maxLength:"100"`
	Q       string `query:"q" doc:"The beginning of a purchase order's number, as it is written" minLength:"1" maxLength:"100"`
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor  string `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"1000"`
}

func (d door) listReceiptsAcross(ctx context.Context, in *listReceiptsAcrossInput) (*told[deskReceipts], error) {
	return ofAll(ctx, d, portal.PurchasesRead, func(tx *portal.Tx) (l deskReceipts, err error) {
		l.Items, l.Next, err = purchasing.ReceiptsAcross(ctx, tx, purchasing.ReceiptFilter{Show: in.Show, Partner: in.Partner, Text: in.Q, Limit: in.Limit, Cursor: in.Cursor})
		return l, err
	})
}

type settleObjectionInput struct {
	Keyed
	Partner string `path:"partner" doc:"The supplier's account number" maxLength:"100"`
	Receipt string `path:"receipt" doc:"The host's number of the receipt" maxLength:"100"`
	Body    struct {
		Accepted bool   `json:"accepted" doc:"true: the rejection is taken back; false: it stands"`
		Words    string `json:"words" minLength:"1" maxLength:"2000" doc:"That the supplier reads"`
	}
}

func (d door) settleObjection(ctx context.Context, in *settleObjectionInput) (*done[purchasing.DeskReceipt], error) {
	return byBuyer(ctx, d, in.Keyed, []string{"settle objection", in.Partner, strconv.Quote(in.Receipt)}, in.Body, func(tx *portal.Tx) (purchasing.DeskReceipt, error) {
		return purchasing.Settle(ctx, tx, in.Partner, in.Receipt, in.Body.Accepted, in.Body.Words)
	})
}

type deskInvoices struct {
	Items []billing.DeskInvoice `json:"items"`
	Next  string                `json:"next" doc:"Cursor of the next page; empty = this is the last"`
}

type listInvoicesAcrossInput struct {
	Status  string `query:"status" enum:"received,blocked,approved,paid,refused"`
	Partner string `query:"partner" doc:"A supplier's account number" minLength:"1" maxLength:"100"`
	Q       string `query:"q" doc:"The beginning of the supplier's own number, in any case" minLength:"1" maxLength:"100"`
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor  string `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"1000"`
}

func (d door) listInvoicesAcross(ctx context.Context, in *listInvoicesAcrossInput) (*told[deskInvoices], error) {
	return ofAll(ctx, d, portal.PurchasesRead, func(tx *portal.Tx) (l deskInvoices, err error) {
		p, err := billing.Across(ctx, tx, billing.Filter{Status: in.Status, Partner: in.Partner, Text: in.Q, Limit: in.Limit, Cursor: in.Cursor})
		return deskInvoices{p.Items, p.Next}, err
	})
}

type deskInvoiceInput struct {
	Partner string `path:"partner" doc:"The supplier's account number" maxLength:"100"`
	Invoice string `path:"invoice" doc:"The host's number" maxLength:"100"`
}

func (d door) getInvoiceAcross(ctx context.Context, in *deskInvoiceInput) (*told[billing.Case], error) {
	return ofAll(ctx, d, portal.PurchasesRead, func(tx *portal.Tx) (billing.Case, error) { return billing.Open(ctx, tx, in.Partner, in.Invoice) })
}

func (d door) getBuyingPolicy(ctx context.Context, _ *struct{}) (*told[purchasing.Policy], error) {
	return ofAll(ctx, d, portal.PurchasesRead, func(tx *portal.Tx) (purchasing.Policy, error) { return purchasing.PolicyAcross(ctx, tx) })
}

type setBuyingPolicyInput struct {
	Keyed
	Body purchasing.Policy
}

func (d door) setBuyingPolicy(ctx context.Context, in *setBuyingPolicyInput) (*done[purchasing.Policy], error) {
	return byBuyer(ctx, d, in.Keyed, []string{"set buying policy"}, in.Body, func(tx *portal.Tx) (purchasing.Policy, error) { return purchasing.SetPolicy(ctx, tx, in.Body) })
}

func (d door) getPurchasingPolicy(ctx context.Context, in *Conditional) (*plain[purchasing.Policy], error) {
	return current(ctx, d, *in, "purchasing policy", func(tx *portal.Tx) (purchasing.Policy, error) { return purchasing.PolicyOf(ctx, tx) })
}

type objectInput struct {
	Keyed
	Receipt string `path:"receipt" doc:"The host's number of the receipt" maxLength:"100"`
	Body    struct {
		Words string `json:"words" minLength:"1" maxLength:"2000"`
	}
}

func (d door) objectToReceipt(ctx context.Context, in *objectInput) (*done[purchasing.Receipt], error) {
	return command(ctx, d, portal.PurchasingAnswer, in.Keyed, "object to receipt "+strconv.Quote(in.Receipt), in.Body, nil, func(tx *portal.Tx) (purchasing.Receipt, error) {
		return purchasing.Object(ctx, tx, in.Receipt, in.Body.Words)
	})
}

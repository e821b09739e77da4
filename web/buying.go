package web

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"extranet/portal"
	"extranet/portal/billing"
	"extranet/portal/purchasing"
)

// What the host's buyers see of every supplier lies under /buying.

var deskStates = map[string]statusWord{
	purchasing.Review:    {"With the supplier", Info, IconClock},
	purchasing.Waiting:   {"To decide", Warn, IconEdit},
	purchasing.Confirmed: {"Confirmed", Good, IconOK},
	purchasing.Closed:    {"Closed", Neutral, IconLock},
	"late":               {"Late", Bad, IconOverdue},
}

var deskAnswerStates = map[string]statusWord{
	"settled":   {"As asked", Good, IconOK},
	"waiting":   {"To decide", Warn, IconEdit},
	"accepted":  {"Accepted", Good, IconOK},
	"refused":   {"Not accepted", Bad, IconRefused},
	"overtaken": {"Overtaken", Neutral, IconCancelled},
}

var deskNoticeStates = map[string]statusWord{
	"sent":    {"On its way to the core", Info, IconSend},
	"taken":   {"In the core", Good, IconOK},
	"refused": {"Not taken by the core", Bad, IconRefused},
}

var deskBillStates = map[string]statusWord{
	"received": {"Being checked", Info, IconClock},
	"blocked":  {"Blocked", Bad, IconWarning},
	"approved": {"Approved for payment", Good, IconTick},
	"paid":     {"Paid", Good, IconOK},
	"refused":  {"Refused", Bad, IconRefused},
}

// buyingTabs are the pages of the buying desk.
func buyingTabs(current string) (links []Link) {
	for _, l := range []Link{{Label: "Orders", Href: "/buying"}, {Label: "Answers", Href: "/buying/answers"}, {Label: "Due", Href: "/buying/due"}, {Label: "Shipments", Href: "/buying/dispatches"}, {Label: "Receipts", Href: "/buying/receipts"}, {Label: "Invoices", Href: "/buying/invoices"},
		{Label: "Stock and capacity", Href: "/buying/supplies"}, {Label: "Scorecards", Href: "/buying/scorecards"}, {Label: "Rules", Href: "/buying/policy"}} {
		l.Current = l.Href == current
		links = append(links, l)
	}
	return links
}

func buyingPath(what, partner, number string) string {
	return "/buying/" + what + "/" + url.PathEscape(partner) + "/" + url.PathEscape(number)
}

// deskQuery are the wishes of a list of the buying desk.
func deskQuery(q url.Values, path, choice string) (kept url.Values, a Address) {
	kept = url.Values{}
	for _, name := range []string{choice, "partner", "q"} {
		if v := strings.TrimSpace(q.Get(name)); v != "" {
			kept.Set(name, v)
		}
	}
	return kept, Address{Path: path, Query: kept}
}

func deskBar(ctx context.Context, a Address) Filter {
	f := Filter{Address: a, Clear: a.With("q", "", "partner", "")}
	if v := a.Query.Get("partner"); v != "" {
		f.Active = append(f.Active, Link{Label: Said(ctx, "Supplier %s", v), Href: a.With("partner", "")})
	}
	if v := a.Query.Get("q"); v != "" {
		f.Active = append(f.Active, Link{Label: Said(ctx, "Number begins with %s", v), Href: a.With("q", "")})
	}
	return f
}

func deskPager(a Address, shown int, cursor, next string, noun Words) Pager {
	p := Pager{Shown: shown, Noun: noun}
	if cursor != "" {
		p.First = a.With()
	}
	if next != "" {
		p.Next = a.With("cursor", next)
	}
	return p
}

// A deskPage is a list of the buying desk, of whichever kind.
type deskPage struct {
	address    Address
	cursor     string
	next       string
	fresh      Freshness
	today      portal.Date
	may        bool // decide
	fault      *portal.Error
	orders     []purchasing.DeskOrder
	dispatches []purchasing.DeskDispatch
	receipts   []purchasing.DeskReceipt
	invoices   []billing.DeskInvoice
	counts     purchasing.DeskOverview
	typed      url.Values // an answer that could not be taken
	at         string     // of which receipt
}

// deskReply is the page of the list; of one that cannot be made, with what is wrong with it.
func deskReply(r request, v deskPage, err error, page func(Shell, deskPage) reply) (reply, error) {
	var fault *portal.Error
	if errors.As(err, &fault) && fault.Kind == portal.Invalid {
		v.fault = fault
		r.shell.Error = &ShownError{Status: statuses[portal.Invalid], Msg: "This list cannot be made", Fields: fault.Fields}
		a := page(r.shell, v)
		a.status = statuses[portal.Invalid]
		return a, nil
	}
	return page(r.shell, v), err
}

// buyingFilter reads what a list of orders is narrowed by; the first list is what is to be decided.
func buyingFilter(q url.Values) (f purchasing.Filter, kept url.Values) {
	kept, _ = deskQuery(q, "", "list")
	f = purchasing.Filter{List: kept.Get("list"), Partner: kept.Get("partner"), Text: kept.Get("q"), Cursor: q.Get("cursor")}
	if f.List == "" {
		f.List = purchasing.Waiting
	} else if f.List == "all" {
		f.List = ""
	}
	return f, kept
}

func (w *Web) listBuying(ctx context.Context, r request) (reply, error) {
	f, kept := buyingFilter(r.query)
	v := deskPage{address: Address{Path: "/buying", Query: kept}, cursor: f.Cursor, today: portal.DateOf(w.db.Now())}
	r.shell.Title = "Buying desk"
	err := w.db.AcrossPartners(ctx, r.by, portal.PurchasesRead, func(tx *portal.Tx) (err error) {
		if v.counts, err = purchasing.LookAcross(ctx, tx); err != nil {
			return err
		}
		p, err := purchasing.Across(ctx, tx, f)
		v.orders, v.next = p.Items, p.Next
		return err
	})
	if v.fresh, _ = w.fresh(ctx, purchasing.Mirror.Entity, purchasing.Lines.Entity); err != nil && portal.Says(err).Kind != portal.Invalid {
		return reply{}, err
	}
	return deskReply(r, v, err, func(s Shell, v deskPage) reply { return reply{page: BuyingPage(s, v)} })
}

// buyingLists are the lists in the order of the work.
func (v deskPage) buyingLists(ctx context.Context) (links []Link) {
	current := v.address.Query.Get("list")
	if current == "" {
		current = purchasing.Waiting
	}
	for _, l := range []struct {
		list  string
		label Words
		count int
	}{{purchasing.Waiting, "To decide", v.counts.Waiting}, {purchasing.Review, "With suppliers", 0}, {"late", "Late", v.counts.Late}, {purchasing.Confirmed, "Confirmed", 0}, {purchasing.Closed, "Closed", 0}, {"all", "All", 0}} {
		label := l.label
		if l.count >= 1000 {
			label = Verbatim(T(ctx, l.label) + " (" + Count(ctx, 1000) + "+)")
		} else if l.count > 0 {
			label = Verbatim(T(ctx, l.label) + " (" + Count(ctx, l.count) + ")")
		}
		links = append(links, Link{Label: label, Href: Address{Path: "/buying", Query: url.Values{"list": {l.list}}}.With(), Current: l.list == current})
	}
	return links
}

// buyingOrder is what the page of a supplier's order shows to a buyer.
type buyingOrder struct {
	purchase
	Partner     string
	PartnerName string
	decide      bool
	typed       url.Values
	fault       *portal.Error
}

// A waitingLine is an answer to a line that waits for a decision.
type waitingLine struct {
	answer int
	line   purchasing.Line
	said   purchasing.GivenLine
}

func (v buyingOrder) waiting() (list []waitingLine) {
	for _, g := range v.Answers {
		for _, l := range g.Lines {
			i := slices.IndexFunc(v.Lines, func(x purchasing.Line) bool { return x.Line == l.Line })
			if l.State == "waiting" && i >= 0 {
				list = append(list, waitingLine{g.Answer, v.Lines[i], l})
			}
		}
	}
	slices.SortFunc(list, func(a, b waitingLine) int { return int(a.line.Line - b.line.Line) })
	return list
}

func (w *Web) buyingOrder(ctx context.Context, r request, v buyingOrder) (reply, error) {
	err := w.db.AcrossPartners(ctx, r.by, portal.PurchasesRead, func(tx *portal.Tx) error {
		c, err := purchasing.Open(ctx, tx, r.param("partner"), r.param("number"))
		v.Partner, v.PartnerName, v.Detail = c.Partner, c.PartnerName, c.Detail
		return err
	})
	if err != nil {
		return reply{}, err
	}
	v.today, v.host, v.decide = portal.DateOf(w.db.Now()), true, r.by.Perms.Has(portal.PurchasesManage)
	if v.fresh, err = w.fresh(ctx, purchasing.Mirror.Entity, purchasing.Lines.Entity, purchasing.Schedules.Entity, purchasing.Received.Entity); err != nil {
		return reply{}, err
	}
	r.shell.Title = Said(ctx, "Purchase order %s", v.Number)
	a := reply{}
	if v.fault != nil {
		r.shell.Error = &ShownError{Status: statuses[v.fault.Kind], Msg: sayError(ctx, v.fault), Fields: v.fault.Fields}
		a.status = statuses[v.fault.Kind]
	}
	a.page = BuyingOrderPage(r.shell, v)
	return a, nil
}

func (w *Web) showBuyingOrder(ctx context.Context, r request) (reply, error) {
	return w.buyingOrder(ctx, r, buyingOrder{})
}

// acrossOnce is once for the host's staff, across partners.
func (w *Web) acrossOnce(ctx context.Context, r request, need portal.Permission, f func(tx *portal.Tx) (to string, err error)) (string, error) {
	return w.onceIn(ctx, r, func(g func(tx *portal.Tx) error) error { return w.db.AcrossPartners(ctx, r.by, need, g) }, f)
}

// decideBuying decides about the answers for which something was chosen.
func (w *Web) decideBuying(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.PurchasesManage); err != nil {
		return reply{}, err
	}
	var rulings []purchasing.Ruling
	for name := range r.form {
		line, ok := strings.CutPrefix(name, "decision-")
		n, err := strconv.ParseInt(line, 10, 64)
		what := r.form.Get(name)
		if !ok || err != nil || what != "accept" && what != "refuse" {
			continue
		}
		answer, _ := strconv.Atoi(r.form.Get("answer-" + line))
		rulings = append(rulings, purchasing.Ruling{Answer: answer, Line: n, Accepted: what == "accept", Why: r.form.Get("why-" + line)})
	}
	slices.SortFunc(rulings, func(a, b purchasing.Ruling) int { return int(a.Line - b.Line) })
	partner, number := r.param("partner"), r.param("number")
	to, err := w.acrossOnce(ctx, r, portal.PurchasesManage, func(tx *portal.Tx) (string, error) {
		_, err := purchasing.Rule(ctx, tx, partner, number, rulings)
		return buyingPath("orders", partner, number), err
	})
	if says := portal.Says(err); err != nil && (says.Kind == portal.Invalid || says.Kind == portal.Conflict) {
		return w.buyingOrder(ctx, r, buyingOrder{typed: r.form, fault: says})
	} else if err != nil {
		return reply{}, err
	}
	return reply{to: to, flash: &Flash{Tone: Good, Title: Said(ctx, "%d answers are decided", len(rulings)), Text: "The supplier sees it now."}}, nil
}

func (w *Web) listBuyingDispatches(ctx context.Context, r request) (reply, error) {
	kept, address := deskQuery(r.query, "/buying/dispatches", "state")
	v := deskPage{address: address, cursor: r.query.Get("cursor"), today: portal.DateOf(w.db.Now())}
	r.shell.Title = "Suppliers' shipments"
	err := w.db.AcrossPartners(ctx, r.by, portal.PurchasesRead, func(tx *portal.Tx) (err error) {
		v.dispatches, v.next, err = purchasing.DispatchesAcross(ctx, tx, purchasing.DispatchFilter{State: kept.Get("state"), Partner: kept.Get("partner"), Text: kept.Get("q"), Cursor: v.cursor})
		return err
	})
	if err != nil && portal.Says(err).Kind != portal.Invalid {
		return reply{}, err
	}
	return deskReply(r, v, err, func(s Shell, v deskPage) reply { return reply{page: BuyingDispatchesPage(s, v)} })
}

func (w *Web) showBuyingDispatch(ctx context.Context, r request) (reply, error) {
	var d purchasing.DeskDispatch
	err := w.db.AcrossPartners(ctx, r.by, portal.PurchasesRead, func(tx *portal.Tx) (err error) {
		d, err = purchasing.OpenDispatch(ctx, tx, r.param("partner"), r.param("number"))
		return err
	})
	if err != nil {
		return reply{}, err
	}
	f, err := w.fresh(ctx, purchasing.Received.Entity)
	r.shell.Title = Said(ctx, "Shipment notice %s", d.Number)
	return reply{page: BuyingDispatchPage(r.shell, d, f)}, err
}

func (w *Web) listBuyingReceipts(ctx context.Context, r request) (reply, error) {
	return w.buyingReceipts(ctx, r, deskPage{}, r.query)
}

func (w *Web) buyingReceipts(ctx context.Context, r request, v deskPage, q url.Values) (reply, error) {
	kept, address := deskQuery(q, "/buying/receipts", "show")
	v.address, v.cursor, v.today, v.may = address, q.Get("cursor"), portal.DateOf(w.db.Now()), r.by.Perms.Has(portal.PurchasesManage)
	r.shell.Title = "Receipts of all suppliers"
	err := w.db.AcrossPartners(ctx, r.by, portal.PurchasesRead, func(tx *portal.Tx) (err error) {
		if v.counts, err = purchasing.LookAcross(ctx, tx); err != nil {
			return err
		}
		v.receipts, v.next, err = purchasing.ReceiptsAcross(ctx, tx, purchasing.ReceiptFilter{Show: kept.Get("show"), Partner: kept.Get("partner"), Text: kept.Get("q"), Cursor: v.cursor})
		return err
	})
	if v.fresh, _ = w.fresh(ctx, purchasing.Received.Entity); err != nil && portal.Says(err).Kind != portal.Invalid {
		return reply{}, err
	}
	return deskReply(r, v, err, func(s Shell, v deskPage) reply {
		a := reply{page: BuyingReceiptsPage(s, v)}
		if v.typed != nil {
			a.status = statuses[portal.Invalid]
		}
		return a
	})
}

func (v deskPage) receiptLists(ctx context.Context) []Link {
	show, waiting := v.address.Query.Get("show"), Words("Objections to answer")
	if v.counts.Objected > 0 {
		waiting = Verbatim(T(ctx, waiting) + " (" + Count(ctx, v.counts.Objected) + ")")
	}
	return []Link{{Label: "All", Href: "/buying/receipts", Current: show == ""}, {Label: "Rejected and returned", Href: "/buying/receipts?show=defects", Current: show == "defects"}, {Label: waiting, Href: "/buying/receipts?show=objected", Current: show == "objected"}}
}

// exportAcross is a list of the buying desk as a file, narrowed as the list is.
func (w *Web) exportAcross(ctx context.Context, r request, f sheetFile, kept url.Values, entities []string, fill func(tx *portal.Tx, row func(...any) error) error) (reply, error) {
	f.fresh = Freshness{AsOf: w.db.Now(), Offered: true}
	if len(entities) > 0 {
		var err error
		if f.fresh, err = w.fresh(ctx, entities...); err != nil {
			return reply{}, err
		}
	}
	f.header = append([]Words{"Supplier", "Name"}, f.header...)
	f.about = append(f.about, fact{"Supplier", kept.Get("partner")}, fact{"Number begins with", kept.Get("q")})
	return w.sheetAcross(ctx, r, portal.PurchasesRead, f, fill)
}

func (w *Web) exportBuying(kind string) handler {
	header := []Words{"Order", "Site", "State", "Version", "Ordered", "Buyer", "Ship to", "Terms", "Lines", "To answer", "Answer by", "Next due", "Net", "Currency"}
	return func(ctx context.Context, r request) (reply, error) {
		f, kept := buyingFilter(r.query)
		about := []fact{{"List", T(ctx, deskStates[f.List].text)}}
		return w.exportAcross(ctx, r, sheetFile{name: "suppliers-orders", title: "Suppliers' purchase orders", kind: kind, header: header, about: about}, kept, []string{purchasing.Mirror.Entity, purchasing.Lines.Entity}, func(tx *portal.Tx, row func(...any) error) error {
			return purchasing.ExportAcross(ctx, tx, f, kind, func(o purchasing.DeskOrder) error {
				return row(o.Partner, o.PartnerName, o.Number, o.Site, T(ctx, deskStates[o.State].text), strconv.Itoa(o.Version), o.OrderedOn, o.Buyer, o.ShipTo, o.Terms, strconv.Itoa(o.LineCount), strconv.Itoa(o.ToAnswer), o.AnswerBy, o.NextDueOn, o.Net, o.Currency)
			})
		})
	}
}

func (w *Web) exportBuyingDispatches(kind string) handler {
	header := []Words{"Shipment", "Leaves", "Arrives", "Carrier", "Tracking", "Packages", "Lines", "State"}
	return func(ctx context.Context, r request) (reply, error) {
		kept, _ := deskQuery(r.query, "", "state")
		f := purchasing.DispatchFilter{State: kept.Get("state"), Partner: kept.Get("partner"), Text: kept.Get("q")}
		about := []fact{{"State", T(ctx, deskNoticeStates[f.State].text)}}
		return w.exportAcross(ctx, r, sheetFile{name: "suppliers-shipments", title: "Suppliers' shipments", kind: kind, header: header, about: about}, kept, nil, func(tx *portal.Tx, row func(...any) error) error {
			return purchasing.ExportDispatchesAcross(ctx, tx, f, kind, func(d purchasing.DeskDispatch) error {
				return row(d.Partner, d.PartnerName, d.Number, d.ShipsOn, d.ArrivesOn, d.Carrier, d.Tracking, strconv.Itoa(len(d.Packages)), strconv.Itoa(len(d.Lines)), T(ctx, deskNoticeStates[d.State].text))
			})
		})
	}
}

func (w *Web) exportBuyingReceipts(kind string) handler {
	return func(ctx context.Context, r request) (reply, error) {
		kept, _ := deskQuery(r.query, "", "show")
		f := purchasing.ReceiptFilter{Show: kept.Get("show"), Partner: kept.Get("partner"), Text: kept.Get("q")}
		about := []fact{{"List", f.Show}}
		return w.exportAcross(ctx, r, sheetFile{name: "suppliers-receipts", title: "Receipts of all suppliers", kind: kind, header: receiptHeader, about: about}, kept, []string{purchasing.Received.Entity}, func(tx *portal.Tx, row func(...any) error) error {
			return purchasing.ExportReceiptsAcross(ctx, tx, f, kind, func(x purchasing.DeskReceipt) error {
				return row(append([]any{x.Partner, x.PartnerName}, receiptCells(ctx, x.Receipt)...)...)
			})
		})
	}
}

func (w *Web) exportBuyingInvoices(kind string) handler {
	header := append([]Words{"Supplier's number"}, billHeader[1:]...)
	return func(ctx context.Context, r request) (reply, error) {
		kept, _ := deskQuery(r.query, "", "status")
		f := billing.Filter{Status: kept.Get("status"), Partner: kept.Get("partner"), Text: kept.Get("q")}
		about := []fact{{"State", T(ctx, deskBillStates[f.Status].text)}}
		return w.exportAcross(ctx, r, sheetFile{name: "suppliers-invoices", title: "Suppliers' invoices", kind: kind, header: header, about: about}, kept, []string{billing.Mirror.Entity}, func(tx *portal.Tx, row func(...any) error) error {
			return billing.ExportAcross(ctx, tx, f, kind, func(i billing.DeskInvoice) error {
				return row(append([]any{i.Partner, i.PartnerName}, billCells(i.Invoice, deskBillStates[i.Status])...)...)
			})
		})
	}
}

// settleReceipt answers an objection.
func (w *Web) settleReceipt(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.PurchasesManage); err != nil {
		return reply{}, err
	}
	partner, receipt, accepted := r.param("partner"), r.param("receipt"), r.form.Get("decision") == "accept"
	to, err := w.acrossOnce(ctx, r, portal.PurchasesManage, func(tx *portal.Tx) (string, error) {
		if d := r.form.Get("decision"); d != "accept" && d != "uphold" {
			if _, err := purchasing.SupplierOf(ctx, tx, partner); err != nil {
				return "", err
			}
			return "", &portal.Error{Kind: portal.Invalid, Msg: "nothing was answered", Fields: map[string]string{"decision": "choose whether the rejection stands"}}
		}
		_, err := purchasing.Settle(ctx, tx, partner, receipt, accepted, r.form.Get("words"))
		return "/buying/receipts?show=objected", err
	})
	if says := portal.Says(err); err != nil && (says.Kind == portal.Invalid || says.Kind == portal.Conflict) {
		r.shell.Error = &ShownError{Status: statuses[says.Kind], Msg: sayError(ctx, says), Fields: says.Fields}
		return w.buyingReceipts(ctx, r, deskPage{typed: r.form, at: partner + " " + receipt}, url.Values{"show": {"objected"}})
	} else if err != nil {
		return reply{}, err
	}
	return reply{to: to, flash: &Flash{Tone: Good, Title: Said(ctx, "The objection to receipt %s is answered", receipt), Text: "The supplier is told by mail."}}, nil
}

func (w *Web) listBuyingInvoices(ctx context.Context, r request) (reply, error) {
	kept, address := deskQuery(r.query, "/buying/invoices", "status")
	v := deskPage{address: address, cursor: r.query.Get("cursor"), today: portal.DateOf(w.db.Now())}
	r.shell.Title = "Suppliers' invoices"
	err := w.db.AcrossPartners(ctx, r.by, portal.PurchasesRead, func(tx *portal.Tx) error {
		p, err := billing.Across(ctx, tx, billing.Filter{Status: kept.Get("status"), Partner: kept.Get("partner"), Text: kept.Get("q"), Cursor: v.cursor})
		v.invoices, v.next = p.Items, p.Next
		return err
	})
	if v.fresh, _ = w.fresh(ctx, billing.Mirror.Entity); err != nil && portal.Says(err).Kind != portal.Invalid {
		return reply{}, err
	}
	return deskReply(r, v, err, func(s Shell, v deskPage) reply { return reply{page: BuyingInvoicesPage(s, v)} })
}

func (w *Web) showBuyingInvoice(ctx context.Context, r request) (reply, error) {
	var c billing.Case
	err := w.db.AcrossPartners(ctx, r.by, portal.PurchasesRead, func(tx *portal.Tx) (err error) {
		c, err = billing.Open(ctx, tx, r.param("partner"), r.param("invoice"))
		return err
	})
	if err != nil {
		return reply{}, err
	}
	f, err := w.fresh(ctx, billing.Mirror.Entity, billing.Lines.Entity)
	r.shell.Title = Said(ctx, "Invoice %s", c.Number)
	return reply{page: BuyingInvoicePage(r.shell, c, f)}, err
}

// A policyView is the form of what is asked of suppliers.
type policyView struct {
	purchasing.Policy
	may   bool
	form  url.Values
	fault *portal.Error
}

func (v policyView) value(name, begin string) string {
	if v.form.Has(name) {
		return v.form.Get(name)
	}
	return begin
}

func (w *Web) policyPage(ctx context.Context, r request, v policyView) (reply, error) {
	err := w.db.AcrossPartners(ctx, r.by, portal.PurchasesRead, func(tx *portal.Tx) (err error) { v.Policy, err = purchasing.PolicyAcross(ctx, tx); return err })
	v.may = r.by.Perms.Has(portal.PurchasesManage)
	r.shell.Title = "What is asked of suppliers"
	a := reply{}
	if v.fault != nil {
		r.shell.Error = &ShownError{Status: statuses[portal.Invalid], Msg: sayError(ctx, v.fault), Fields: v.fault.Fields}
		a.status = statuses[portal.Invalid]
	}
	a.page = BuyingPolicyPage(r.shell, v)
	return a, err
}

func (w *Web) showPolicy(ctx context.Context, r request) (reply, error) {
	return w.policyPage(ctx, r, policyView{})
}

func (w *Web) setPolicy(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.PurchasesManage); err != nil {
		return reply{}, err
	}
	at := func(name string) string { return strings.TrimSpace(r.form.Get(name)) }
	days := func(name string) int {
		n, err := strconv.Atoi(at(name))
		if err != nil {
			return -1 // no number of days: the rules refuse it by its field
		}
		return n
	}
	p := purchasing.Policy{AnswerDays: days("answer_days"), RemindDays: days("remind_days"), ClaimDays: days("claim_days"), OverWarn: portal.Amount(at("over_warn")), OverStop: portal.Amount(at("over_stop")), EarlyWarn: days("early_warn"), EarlyStop: days("early_stop")}
	to, err := w.acrossOnce(ctx, r, portal.PurchasesManage, func(tx *portal.Tx) (string, error) {
		_, err := purchasing.SetPolicy(ctx, tx, p)
		return "/buying/policy", err
	})
	if says := portal.Says(err); err != nil && says.Kind == portal.Invalid {
		return w.policyPage(ctx, r, policyView{form: r.form, fault: says})
	}
	return reply{to: to, flash: &Flash{Tone: Good, Title: "The rules are set", Text: "They hold for every supplier from now on."}}, err
}

// objectReceipt objects to what was rejected.
func (w *Web) objectReceipt(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.PurchasingAnswer); err != nil {
		return reply{}, err
	}
	receipt := r.param("receipt")
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		_, err := purchasing.Object(ctx, tx, receipt, r.form.Get("words"))
		return "/receipts?show=defects", err
	})
	if says := portal.Says(err); err != nil && (says.Kind == portal.Invalid || says.Kind == portal.Conflict) {
		r.shell.Error = &ShownError{Status: statuses[says.Kind], Msg: sayError(ctx, says), Fields: says.Fields}
		return w.receiptsPage(ctx, r, receiptList{typed: r.form.Get("words"), at: receipt, fault: says}, url.Values{"show": {"defects"}})
	} else if err != nil {
		return reply{}, err
	}
	return reply{to: to, flash: &Flash{Tone: Good, Title: "Your objection is with the host", Text: "Its answer appears here, and you are told by mail."}}, nil
}

package web

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"extranet/portal"
	"extranet/portal/partners"
	"extranet/portal/purchasing"
)

var purchaseStates = map[string]statusWord{
	purchasing.Review:    {"For review", Warn, IconEdit},
	purchasing.Waiting:   {"Waiting for the host", Info, IconClock},
	purchasing.Confirmed: {"Confirmed", Good, IconOK},
	purchasing.Closed:    {"Closed", Neutral, IconLock},
	"late":               {"Late", Bad, IconOverdue},
}

func purchaseState(state string) statusWord {
	if w, ok := purchaseStates[state]; ok {
		return w
	}
	return statusWord{Verbatim(state), Neutral, IconInfo}
}

// purchaseTabs are the lists in the order of the work.
var purchaseTabs = []string{purchasing.Review, purchasing.Waiting, purchasing.Confirmed, "late", purchasing.Closed, ""}

var answerStates = map[string]statusWord{
	"settled":   {"As asked", Good, IconOK},
	"waiting":   {"Waiting for the host", Info, IconClock},
	"accepted":  {"Accepted by the host", Good, IconOK},
	"refused":   {"Refused by the host", Bad, IconRefused},
	"overtaken": {"Overtaken", Neutral, IconCancelled},
}

var answerReasons = map[string]Words{
	"capacity": "No capacity", "material": "Material is missing", "discontinued": "No longer made", "lead_time": "Lead time is longer",
	"minimum_quantity": "Below the minimum quantity", "price": "Price", "other": "Other",
}

// purchaseList is what the page of the list shows.
type purchaseList struct {
	filter  purchasing.Filter
	address Address
	page    purchasing.Page
	sites   sites
	places  []partners.Site
	fresh   Freshness
	today   portal.Date
	may     bool // answer
	fault   *portal.Error
}

func purchaseFilter(q url.Values) (purchasing.Filter, Address) {
	kept := url.Values{}
	for _, name := range []string{"list", "site", "q", "sort"} {
		if v := strings.TrimSpace(q.Get(name)); v != "" {
			kept.Set(name, v)
		}
	}
	f := purchasing.Filter{List: kept.Get("list"), Site: kept.Get("site"), Text: kept.Get("q"), Sort: kept.Get("sort"), Cursor: q.Get("cursor")}
	if f.List == "all" {
		f.List = ""
	}
	return f, Address{Path: "/purchasing", Query: kept}
}

func (w *Web) listPurchases(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.PurchasingRead); err != nil {
		return reply{}, err
	}
	v := purchaseList{today: portal.DateOf(w.db.Now()), may: r.by.Perms.Has(portal.PurchasingAnswer)}
	v.filter, v.address = purchaseFilter(r.query)
	var err error
	if v.sites, v.places, err = w.sites(ctx, r.by); err != nil {
		return reply{}, err
	}
	if v.fresh, err = w.fresh(ctx, purchasing.Mirror.Entity, purchasing.Lines.Entity); err != nil {
		return reply{}, err
	}
	r.shell.Title = "Purchase orders"
	if err := v.filter.Check(); err != nil {
		if !errors.As(err, &v.fault) {
			return reply{}, err
		}
		r.shell.Error = &ShownError{Status: statuses[portal.Invalid], Msg: "This list cannot be made", Fields: v.fault.Fields}
		return reply{status: statuses[portal.Invalid], page: PurchasesPage(r.shell, v)}, nil
	}
	key := "list" + v.filter.Key() + string(v.today)
	v.page, err = read(ctx, w, r.by, "purchasing", key, func(ctx context.Context, tx *portal.Tx) (purchasing.Page, error) {
		return purchasing.List(ctx, tx, v.filter)
	})
	return reply{page: PurchasesPage(r.shell, v)}, err
}

func (v purchaseList) tabs() (links []Link) {
	for _, list := range purchaseTabs {
		label, value := Words("All"), "all"
		if list != "" {
			label, value = purchaseState(list).text, list
		}
		links = append(links, Link{Label: label, Href: Address{Path: "/purchasing", Query: url.Values{"list": {value}}}.With(), Current: v.filter.List == list})
	}
	return links
}

func (v purchaseList) active(ctx context.Context) (links []Link) {
	if v.filter.Site != "" {
		links = append(links, Link{Label: Said(ctx, "Site: %s", v.sites.label(v.filter.Site)), Href: v.address.With("site", "")})
	}
	if v.filter.Text != "" {
		links = append(links, Link{Label: Said(ctx, "Number begins with %s", v.filter.Text), Href: v.address.With("q", "")})
	}
	return links
}

func (v purchaseList) bar(ctx context.Context) Filter {
	return Filter{Address: v.address, Clear: v.address.With("q", "", "site", ""), Active: v.active(ctx)}
}

func (v purchaseList) pager() Pager {
	p := Pager{Shown: len(v.page.Items), Noun: "%d purchase orders"}
	if v.filter.Cursor != "" {
		p.First = v.address.With()
	}
	if v.page.Prev != "" {
		p.Previous = v.address.With("cursor", v.page.Prev)
	}
	if v.page.Next != "" {
		p.Next = v.address.With("cursor", v.page.Next)
	}
	return p
}

func (v purchaseList) siteOptions() []Option {
	options := []Option{{Value: "", Label: "Any site"}}
	for _, s := range v.places {
		options = append(options, Option{Value: s.Site, Label: Verbatim(v.sites.label(s.Site))})
	}
	return options
}

func (v purchaseList) grid() Grid {
	g := Grid{ID: "purchases", Caption: "Purchase orders", Address: v.address, Sort: v.filter.Sort}
	can := purchasing.Lists[v.filter.List]
	for _, c := range purchaseColumns {
		if c.Key == "site" && len(v.places) < 2 {
			continue // it says nothing that the page does not
		}
		c.Sorts = c.Key != "" && (slices.Contains(can, c.Key) || slices.Contains(can, "-"+c.Key))
		g.Columns = append(g.Columns, c)
	}
	return g
}

func (v purchaseList) file(kind string) string {
	return Address{Path: "/exports/purchasing." + kind, Query: v.address.Query}.With()
}

func purchasePath(number string) string { return "/purchasing/" + url.PathEscape(number) }

var purchaseHeader = []Words{"Order", "Site", "State", "Version", "Ordered", "Buyer", "Ship to", "Terms", "Lines", "To answer", "Answer by", "Next due", "Net", "Currency"}

func (w *Web) exportPurchases(kind string) handler {
	return func(ctx context.Context, r request) (reply, error) {
		if err := r.by.Need(portal.PurchasingRead); err != nil {
			return reply{}, err
		}
		filter, _ := purchaseFilter(r.query)
		if err := filter.Check(); err != nil {
			return reply{}, err
		}
		f, err := w.fresh(ctx, purchasing.Mirror.Entity, purchasing.Lines.Entity)
		if err != nil {
			return reply{}, err
		}
		list := ""
		if filter.List != "" {
			list = T(ctx, purchaseState(filter.List).text)
		}
		about := []fact{{"List", list}, {"Site", filter.Site}, {"Number begins with", filter.Text}, {"Sorted by", filter.Sort}}
		return w.sheet(ctx, r, sheetFile{name: "purchase-orders", title: "Purchase orders", kind: kind, header: purchaseHeader, fresh: f, about: about}, func(tx *portal.Tx, row func(...any) error) error {
			return purchasing.Export(ctx, tx, filter, kind, func(o purchasing.Order) error {
				return row(o.Number, o.Site, T(ctx, purchaseState(o.State).text), strconv.Itoa(o.Version), o.OrderedOn, o.Buyer, o.ShipTo, o.Terms, strconv.Itoa(o.LineCount), strconv.Itoa(o.ToAnswer), o.AnswerBy, o.NextDueOn, o.Net, o.Currency)
			})
		})
	}
}

// purchase is what the page of one order shows.
type purchase struct {
	purchasing.Detail
	sites sites
	fresh Freshness
	today portal.Date
	may   bool       // answer
	send  bool       // announce shipments
	bill  bool       // send invoices
	form  url.Values // what was posted and could not be taken
	fault *portal.Error
	host  bool // a buyer of the host's looks
}

// word is that of the state, for whoever looks.
func (v purchase) word(state string) statusWord {
	if v.host {
		return deskStates[state]
	}
	return purchaseState(state)
}

// answerWord is that of what became of an answer, for whoever looks.
func (v purchase) answerWord(state string) statusWord {
	if v.host {
		return deskAnswerStates[state]
	}
	return answerStates[state]
}

func (w *Web) purchase(ctx context.Context, r request) (v purchase, err error) {
	number := r.param("number")
	v.Detail, err = read(ctx, w, r.by, "purchasing", "order"+strconv.Quote(number), func(ctx context.Context, tx *portal.Tx) (purchasing.Detail, error) {
		return purchasing.Get(ctx, tx, number)
	})
	if err != nil {
		return v, err
	}
	v.today, v.may = portal.DateOf(w.db.Now()), r.by.Perms.Has(portal.PurchasingAnswer)
	v.bill = r.by.Perms.Has(portal.BillingSend)
	v.send = r.by.Perms.Has(portal.DispatchSend) && v.State != purchasing.Closed
	if v.sites, _, err = w.sites(ctx, r.by); err != nil {
		return v, err
	}
	v.fresh, err = w.fresh(ctx, purchasing.Mirror.Entity, purchasing.Lines.Entity, purchasing.Schedules.Entity, purchasing.Received.Entity)
	return v, err
}

func (w *Web) showPurchase(ctx context.Context, r request) (reply, error) {
	v, err := w.purchase(ctx, r)
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = Said(ctx, "Purchase order %s", v.Number)
	return reply{page: PurchasePage(r.shell, v)}, nil
}

// formParts is how many parts of a line the form has room for.
const formParts = 4

// lineAnswers reads what the form says to each line; a line without a verdict is not answered.
func lineAnswers(form url.Values) (lines []purchasing.LineAnswer) {
	for name := range form {
		n, ok := strings.CutPrefix(name, "verdict-")
		line, err := strconv.ParseInt(n, 10, 64)
		if !ok || err != nil || form.Get(name) == "" {
			continue
		}
		at := func(field string) string { return strings.TrimSpace(form.Get(field + "-" + n)) }
		a := purchasing.LineAnswer{Line: line, Verdict: form.Get(name), Note: at("note")}
		switch a.Verdict {
		case purchasing.Change:
			a.Substitute, a.RefuseRest = at("substitute"), at("rest") == "refuse"
			for i := range formParts {
				on, quantity := at(fmt.Sprintf("on%d", i+1)), at(fmt.Sprintf("quantity%d", i+1))
				if on != "" || quantity != "" {
					a.Parts = append(a.Parts, purchasing.Part{On: portal.Date(on), Quantity: portal.Amount(quantity)})
				}
			}
			if a.RefuseRest {
				a.Reason = at("reason")
			}
		case purchasing.Refuse:
			a.Reason = at("reason")
		case purchasing.Question:
			a.Price = portal.Amount(at("price"))
		}
		lines = append(lines, a)
	}
	slices.SortFunc(lines, func(a, b purchasing.LineAnswer) int { return int(a.Line - b.Line) })
	return lines
}

func (w *Web) answerPurchase(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.PurchasingAnswer); err != nil {
		return reply{}, err
	}
	number := r.param("number")
	version, _ := strconv.Atoi(r.form.Get("version"))
	a := purchasing.Answer{Version: version, Lines: lineAnswers(r.form), Note: strings.TrimSpace(r.form.Get("note"))}
	var waiting int
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		g, err := purchasing.Give(ctx, tx, number, a)
		for _, l := range g.Lines {
			if l.State == "waiting" {
				waiting++
			}
		}
		return purchasePath(number), err
	})
	if says := portal.Says(err); err != nil && (says.Kind == portal.Invalid || says.Kind == portal.Conflict) {
		v, readErr := w.purchase(ctx, r)
		if readErr != nil {
			return reply{}, readErr
		}
		v.form, v.fault = r.form, says
		r.shell.Title = Said(ctx, "Purchase order %s", v.Number)
		r.shell.Error = &ShownError{Status: statuses[says.Kind], Msg: sayError(ctx, says), Fields: v.faults()}
		return reply{status: statuses[says.Kind], page: PurchasePage(r.shell, v)}, nil
	} else if err != nil {
		return reply{}, err
	}
	f := Flash{Tone: Good, Title: Said(ctx, "%d lines answered", len(a.Lines)), Text: "The host has your answer as soon as its system takes it."}
	if waiting > 0 {
		f.Text = Said(ctx, "%d of them differ from what was asked: until the host decides, what you promised before stands.", waiting)
	}
	return reply{to: to, flash: &f}, nil
}

// faults says of each field what is wrong with it, with its line.
func (v purchase) faults() map[string]string {
	said := map[string]string{}
	for field, what := range v.fault.Fields {
		name, line, ok := strings.Cut(field, "-")
		if ok {
			what = "Line " + line + ", " + strings.ReplaceAll(name, "_", " ") + ": " + what
		}
		said[field] = upperFirst(what)
	}
	return said
}

// posted is what was entered in the field of the line; otherwise what the field begins with.
func (v purchase) posted(field string, line int64, begin string) string {
	if v.form == nil {
		return begin
	}
	return v.form.Get(field + "-" + strconv.FormatInt(line, 10))
}

func (v purchase) lineFault(field string, line int64) string {
	return v.fault.On(field + "-" + strconv.FormatInt(line, 10))
}

// answerable reports whether the line can be answered.
func (v purchase) answerable(l purchasing.Line) bool {
	return v.may && v.State != purchasing.Closed && l.State != purchasing.Closed
}

func (v purchase) anyAnswerable() bool {
	return slices.ContainsFunc(v.Lines, v.answerable)
}

// open reports whether the line's form is open at once: it came back with faults, or waits for an answer and the order is short.
func (v purchase) openForm(l purchasing.Line) bool {
	return v.posted("verdict", l.Line, "") != ""
}

// acceptPurchases accepts, as asked, the orders that were ticked.
func (w *Web) acceptPurchases(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.PurchasingAnswer); err != nil {
		return reply{}, err
	}
	numbers := r.form["order"]
	back := "/purchasing?list=review"
	if r.form.Get("back") == "order" && len(numbers) == 1 {
		back = purchasePath(numbers[0])
	}
	if len(numbers) == 0 {
		return reply{to: back, flash: &Flash{Tone: Warn, Title: "Nothing was accepted", Text: "Tick the orders that you accept as they are asked for."}}, nil
	}
	var list []purchasing.Outcome
	to, err := w.once(ctx, r, func(tx *portal.Tx) (to string, err error) {
		list, err = purchasing.AcceptAll(ctx, tx, numbers)
		return back, err
	})
	if err != nil {
		return reply{}, err
	}
	taken, lines := 0, 0
	var left []string
	for _, o := range list {
		if o.Fault == "" {
			taken, lines = taken+1, lines+o.Lines
		} else if len(left) < 10 {
			left = append(left, o.Number+": "+o.Fault)
		}
	}
	f := Flash{Tone: Good, Title: Said(ctx, "%s accepted as asked, %s", T(ctx, "%d orders", taken), T(ctx, "%d lines", lines)), Text: Verbatim(strings.Join(left, "; "))}
	if len(left) > 0 {
		f.Tone = Warn
	}
	return reply{to: to, flash: &f}, nil
}

// partsText says parts as "40 on 12 Mar 2026", a line each.
func partLines(ctx context.Context, parts []purchasing.Part, unit string) (lines []string) {
	for _, p := range parts {
		lines = append(lines, T(ctx, "%s on %s", Quantity(ctx, p.Quantity.Number(), unit), dayOr(ctx, p.On, T(ctx, "an unknown day"))))
	}
	return lines
}

// sayDifference says what the host changed, in words.
func sayDifference(ctx context.Context, d purchasing.Difference) Words {
	name, known := map[string]Words{"ship_to": "ship to", "asked": "asked for", "cancelled": "cancelled", "product": "product", "description": "description", "unit": "unit", "quantity": "quantity", "price": "price",
		"currency": "currency", "terms": "terms", "comment": "comment"}[d.Field]
	if !known {
		name = Verbatim(d.Field)
	}
	if d.Field == "asked" {
		d.Was, d.Became = sayParts(ctx, d.Was), sayParts(ctx, d.Became)
	}
	switch {
	case d.Field == "line" && d.Was == "":
		return Said(ctx, "new line: %s", d.Became)
	case d.Field == "line":
		return Said(ctx, "line taken away: %s", d.Was)
	case d.Field == "cancelled":
		return map[bool]Words{true: "cancelled", false: "no longer cancelled"}[d.Became != ""]
	case d.Was == "":
		return Said(ctx, "%s: %s", name, d.Became)
	case d.Became == "":
		return Said(ctx, "%s: %s → none", name, d.Was)
	}
	return Said(ctx, "%s: %s → %s", name, d.Was, d.Became)
}

// sayParts is the text of parts, as a version has it, as the person reads quantities and days.
func sayParts(ctx context.Context, text string) string {
	var words []string
	for part := range strings.SplitSeq(text, ", ") {
		if quantity, day, ok := strings.Cut(part, " on "); ok {
			part = T(ctx, "%s on %s", Quantity(ctx, portal.Amount(quantity).Number(), ""), dayOr(ctx, portal.Date(day), day))
		}
		words = append(words, part)
	}
	return strings.Join(words, ", ")
}

// sayAnswer says what was answered to a line, in words.
func sayAnswer(ctx context.Context, a purchasing.LineAnswer) Words {
	var words []string
	switch a.Verdict {
	case purchasing.Accept:
		words = append(words, T(ctx, "accepted as asked"))
	case purchasing.Change:
		for _, p := range a.Parts {
			words = append(words, T(ctx, "%s on %s", Quantity(ctx, p.Quantity.Number(), ""), dayOr(ctx, p.On, T(ctx, "an unknown day"))))
		}
		if a.Substitute != "" {
			words = append(words, T(ctx, "substitute %s", a.Substitute))
		}
		if a.RefuseRest {
			words = append(words, T(ctx, "nothing of the rest"))
		}
	case purchasing.Refuse:
		words = append(words, T(ctx, "refused"))
	case purchasing.Question:
		words = append(words, T(ctx, "asks the price %s", a.Price))
	}
	said := strings.Join(words, ", ")
	if a.Reason != "" {
		said += ": " + T(ctx, answerReasons[a.Reason])
	}
	if a.Note != "" {
		said += ", “" + a.Note + "”"
	}
	return Verbatim(said)
}

// moments are what happened to the order, the latest first.
func (v purchase) moments(ctx context.Context) (all []Event) {
	for _, x := range v.Versions {
		e := Event{At: x.At, Title: Said(ctx, "Version %d by the host", x.Version), Icon: IconChanges, Tone: Info}
		if x.Version == 1 {
			e.Title = "Version 1: the order as it came"
			e.Icon, e.Tone = IconPurchases, Neutral
		}
		if len(x.Changes) > 0 {
			e.Detail = differenceList(x.Changes)
		}
		all = append(all, e)
	}
	for _, g := range v.Answers {
		all = append(all, Event{At: g.At, Title: Said(ctx, "Answer %d to version %d", g.Answer, g.Version), By: g.By, Icon: IconSend, Tone: Info, Detail: givenList(v, g)})
	}
	for _, rc := range v.Receipts {
		e := Event{At: rc.ReceivedAt, Icon: IconReceipts, Tone: Good}
		switch {
		case rc.Kind == "return":
			e.Title, e.Tone = Said(ctx, "Line %d: %s sent back, %s", rc.OrderLine, Quantity(ctx, rc.Quantity.Number(), ""), rc.Reason), Bad
		case rc.Rejected.Number().IsPositive():
			e.Title, e.Tone = Said(ctx, "Line %d: %s received, %s of it rejected: %s", rc.OrderLine, Quantity(ctx, rc.Quantity.Number(), ""), Quantity(ctx, rc.Rejected.Number(), ""), rc.Reason), Warn
		default:
			e.Title = Said(ctx, "Line %d: %s received", rc.OrderLine, Quantity(ctx, rc.Quantity.Number(), ""))
		}
		all = append(all, e)
	}
	slices.SortStableFunc(all, func(a, b Event) int { return b.At.Compare(a.At) })
	return all
}

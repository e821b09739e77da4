package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"extranet/portal"
	"extranet/portal/files"
	"extranet/portal/paper"
	"extranet/portal/purchasing"
)

var dispatchStates = map[string]statusWord{
	"sent":    {"On its way to the host", Info, IconSend},
	"taken":   {"The host has it", Good, IconOK},
	"refused": {"Not taken by the host", Bad, IconRefused},
}

func dispatchPath(number string) string { return "/dispatches/" + url.PathEscape(number) }

type dispatchList struct {
	items   []purchasing.Dispatch
	filter  purchasing.DispatchFilter
	address Address
	next    string
	fault   *portal.Error
}

func (v dispatchList) bar(ctx context.Context) Filter {
	f := Filter{Address: v.address, Clear: "/dispatches"}
	if v.filter.State != "" {
		f.Active = append(f.Active, Link{Label: Said(ctx, "State: %s", dispatchStates[v.filter.State].text), Href: v.address.With("state", "")})
	}
	if v.filter.Text != "" {
		f.Active = append(f.Active, Link{Label: Said(ctx, "Number begins with %s", v.filter.Text), Href: v.address.With("q", "")})
	}
	return f
}

func (v dispatchList) stateOptions() []Option {
	options := []Option{{Value: "", Label: "Any state"}}
	for _, s := range purchasing.DispatchStates {
		options = append(options, Option{Value: s, Label: dispatchStates[s].text})
	}
	return options
}

func dispatchFilter(q url.Values) (purchasing.DispatchFilter, Address) {
	kept, a := deskQuery(url.Values{"state": q["state"], "q": q["q"]}, "/dispatches", "state")
	return purchasing.DispatchFilter{State: kept.Get("state"), Text: kept.Get("q"), Cursor: q.Get("cursor")}, a
}

func (w *Web) listDispatches(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.PurchasingRead); err != nil {
		return reply{}, err
	}
	var v dispatchList
	v.filter, v.address = dispatchFilter(r.query)
	r.shell.Title = "Shipment notices"
	if err := v.filter.Check(); errors.As(err, &v.fault) {
		r.shell.Error = &ShownError{Status: statuses[portal.Invalid], Msg: "This list cannot be made", Fields: v.fault.Fields}
		return reply{status: statuses[portal.Invalid], page: DispatchesPage(r.shell, v)}, nil
	}
	got, err := read(ctx, w, r.by, "purchasing", "dispatches"+v.filter.Key(), func(ctx context.Context, tx *portal.Tx) (p pageOf[purchasing.Dispatch], err error) {
		p.Items, p.Next, err = purchasing.Dispatches(ctx, tx, v.filter)
		return p, err
	})
	v.items, v.next = got.Items, got.Next
	return reply{page: DispatchesPage(r.shell, v)}, err
}

// A pageOf is one stretch of a list, and the cursor of the next.
type pageOf[T any] struct {
	Items []T
	Next  string
}

var dispatchHeader = []Words{"Shipment", "Site", "State", "Leaves", "Arrives", "Carrier", "Tracking", "Package", "SSCC", "Order", "Line", "Product", "Quantity", "Unit", "Lot", "Serial numbers"}

// exportDispatches has a row for each line of each notice.
func (w *Web) exportDispatches(kind string) handler {
	return func(ctx context.Context, r request) (reply, error) {
		if err := r.by.Need(portal.PurchasingRead); err != nil {
			return reply{}, err
		}
		filter, _ := dispatchFilter(r.query)
		if err := filter.Check(); err != nil {
			return reply{}, err
		}
		about := []fact{{"State", filter.State}, {"Number begins with", filter.Text}}
		return w.sheet(ctx, r, sheetFile{name: "shipments", title: "Shipment notices", kind: kind, header: dispatchHeader, fresh: Freshness{AsOf: w.db.Now(), Offered: true}, about: about}, func(tx *portal.Tx, row func(...any) error) error {
			return purchasing.ExportDispatches(ctx, tx, filter, kind, func(d purchasing.Dispatch) error {
				for _, l := range d.Lines {
					sscc := ""
					for _, k := range d.Packages {
						if k.Package == l.Package {
							sscc = k.SSCC
						}
					}
					if err := row(d.Number, d.Site, T(ctx, dispatchStates[d.State].text), d.ShipsOn, d.ArrivesOn, d.Carrier, d.Tracking, strconv.Itoa(l.Package), sscc, l.Order, strconv.FormatInt(l.Line, 10), l.Product, l.Quantity, l.Unit, l.Lot, strings.Join(l.Serials, " ")); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
}

type dispatchView struct {
	purchasing.Dispatch
	fresh Freshness
	today portal.Date
	order func(number string) string // the address of a purchase order
	path  string                     // of the notice, before its files
	may   bool                       // add files
}

func (w *Web) showDispatch(ctx context.Context, r request) (reply, error) {
	return w.dispatchPage(ctx, r, nil)
}

func (w *Web) dispatchPage(ctx context.Context, r request, fault *portal.Error) (reply, error) {
	number := r.param("number")
	v := dispatchView{order: purchasePath, today: portal.DateOf(w.db.Now()), path: dispatchPath(number), may: r.by.Perms.Has(portal.DispatchSend) && w.files != nil}
	var err error
	v.Dispatch, err = read(ctx, w, r.by, "purchasing", "dispatch"+strconv.Quote(number), func(ctx context.Context, tx *portal.Tx) (purchasing.Dispatch, error) {
		return purchasing.GetDispatch(ctx, tx, number)
	})
	if err != nil {
		return reply{}, err
	}
	if v.fresh, err = w.fresh(ctx, purchasing.Received.Entity); err != nil {
		return reply{}, err
	}
	r.shell.Title = Said(ctx, "Shipment notice %s", v.Number)
	a := reply{}
	if fault != nil {
		r.shell.Error = &ShownError{Status: statuses[portal.Invalid], Msg: sayError(ctx, fault), Fields: fault.Fields}
		a.status = statuses[portal.Invalid]
	}
	a.page = DispatchPage(r.shell, v)
	return a, nil
}

// addPapers adds files to a notice. Each that is not taken is named with the reason; the others are kept.
func (w *Web) addPapers(ctx context.Context, r request) (reply, error) {
	number := r.param("number")
	if err := r.by.Need(portal.DispatchSend); err != nil {
		return reply{}, err
	}
	if err := w.db.Do(ctx, r.by, func(tx *portal.Tx) error { _, err := purchasing.GetDispatch(ctx, tx, number); return err }); err != nil {
		return reply{}, err
	}
	fault, err := takeFiles(r, func(f files.Checked) error {
		return w.db.Do(ctx, r.by, func(tx *portal.Tx) error { _, err := purchasing.Attach(ctx, tx, w.files, number, f); return err })
	})
	if err != nil {
		return reply{}, err
	}
	if fault != nil {
		return w.dispatchPage(ctx, r, fault)
	}
	return reply{to: dispatchPath(number), flash: &Flash{Tone: Good, Title: "Added"}}, nil
}

func (w *Web) takePaper(ctx context.Context, r request) (a reply, err error) {
	err = w.db.Do(ctx, r.by, func(tx *portal.Tx) error {
		f, content, err := purchasing.Paper(ctx, tx, w.files, r.param("number"), r.param("id"))
		if err != nil {
			return err
		}
		defer content.Close()
		a.file, err = given(f, content)
		return err
	})
	return a, err
}

func (w *Web) takePaperOf(ctx context.Context, r request) (a reply, err error) {
	err = w.db.AcrossPartners(ctx, r.by, portal.PurchasesRead, func(tx *portal.Tx) error {
		f, content, err := purchasing.PaperOf(ctx, tx, w.files, r.param("partner"), r.param("number"), r.param("id"))
		if err != nil {
			return err
		}
		defer content.Close()
		a.file, err = given(f, content)
		return err
	})
	return a, err
}

// dispatchForm is the form of a notice of one order's lines.
type dispatchForm struct {
	order string
	lines []purchasing.DispatchLine // with what is left to send of each
	form  url.Values
	today portal.Date
	fault *portal.Error
}

func (v dispatchForm) value(name, begin string) string {
	if v.form.Has(name) {
		return v.form.Get(name)
	}
	return begin
}

// fault of the order's line, by whichever name it has: lines of a form stand in their order.
func (v dispatchForm) lineFault(name string, i int) string {
	for _, field := range []string{fmt.Sprintf("%s-%d", name, i+1)} {
		if what := v.fault.On(field); what != "" {
			return what
		}
	}
	if name == "quantity" {
		l := v.lines[i]
		return v.fault.On(fmt.Sprintf("order-%s-%d", l.Order, l.Line))
	}
	return ""
}

func (w *Web) dispatchForm(ctx context.Context, r request, order string) (v dispatchForm, prefix string, err error) {
	v = dispatchForm{order: order, today: portal.DateOf(w.db.Now()), form: url.Values{}}
	err = w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) {
		if v.lines, err = purchasing.Shippable(ctx, tx, order); err != nil {
			return err
		}
		prefix, err = purchasing.Prefix(ctx, tx)
		return err
	})
	return v, prefix, err
}

func (w *Web) newDispatch(ctx context.Context, r request) (reply, error) {
	v, prefix, err := w.dispatchForm(ctx, r, r.query.Get("order"))
	if err != nil {
		return reply{}, err
	}
	v.form.Set("gs1_prefix", prefix)
	r.shell.Title = "Announce a shipment"
	return reply{page: DispatchFormPage(r.shell, v)}, nil
}

// sentLines reads the lines of the form, each beside its order's line; places says where each stands in the form.
func sentLines(form url.Values, order string) (lines []purchasing.DispatchLine, places []int) {
	for i := 1; i <= 500 && form.Has(fmt.Sprintf("line-%d", i)); i++ {
		at := func(name string) string { return strings.TrimSpace(form.Get(fmt.Sprintf("%s-%d", name, i))) }
		if q := at("quantity"); q == "" || q == "0" {
			continue
		}
		line, _ := strconv.ParseInt(at("line"), 10, 64)
		pack, _ := strconv.Atoi(at("package"))
		l := purchasing.DispatchLine{Order: order, Line: line, Package: pack, Quantity: portal.Amount(at("quantity")), Lot: at("lot")}
		for s := range strings.FieldsFuncSeq(at("serials"), func(r rune) bool { return r == ',' || r == ';' || r == ' ' || r == '\n' || r == '\r' || r == '\t' }) {
			l.Serials = append(l.Serials, s)
		}
		lines, places = append(lines, l), append(places, i)
	}
	return lines, places
}

func (w *Web) sendDispatch(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.DispatchSend); err != nil {
		return reply{}, err
	}
	order := r.form.Get("order")
	at := func(name string) string { return strings.TrimSpace(r.form.Get(name)) }
	n := purchasing.NewDispatch{Number: at("number"), Carrier: at("carrier"), Tracking: at("tracking"), ShipsOn: portal.Date(at("ships_on")), ArrivesOn: portal.Date(at("arrives_on")), Prefix: at("gs1_prefix"), Note: at("note")}
	var places []int
	n.Lines, places = sentLines(r.form, order)
	for i := 1; i <= 200; i++ {
		if i > 1 && !usesPackage(n.Lines, i) {
			break
		}
		n.Packages = append(n.Packages, purchasing.NewPackage{WeightKg: portal.Amount(at(fmt.Sprintf("weight-%d", i)))})
	}
	var made purchasing.Dispatch
	to, err := w.once(ctx, r, func(tx *portal.Tx) (to string, err error) {
		made, err = purchasing.Announce(ctx, tx, n)
		return dispatchPath(n.Number), err
	})
	if says := portal.Says(err); err != nil && says.Kind == portal.Invalid {
		v, _, readErr := w.dispatchForm(ctx, r, order)
		if readErr != nil {
			return reply{}, readErr
		}
		v.form, v.fault = r.form, inForm(says, places)
		r.shell.Title = "Announce a shipment"
		r.shell.Error = &ShownError{Status: statuses[portal.Invalid], Msg: sayError(ctx, says), Fields: v.fault.Fields}
		return reply{status: statuses[portal.Invalid], page: DispatchFormPage(r.shell, v)}, nil
	} else if err != nil {
		return reply{}, err
	}
	f := Flash{Tone: Good, Title: Said(ctx, "Shipment %s is announced", n.Number), Text: "Print the labels and put one on each package."}
	if len(made.Warnings) > 0 {
		f.Tone, f.Text = Warn, "Something of it is other than was asked; see below. Print the labels and put one on each package."
	}
	return reply{to: to, flash: &f}, nil
}

func usesPackage(lines []purchasing.DispatchLine, n int) bool {
	for _, l := range lines {
		if l.Package >= n {
			return true
		}
	}
	return false
}

// inForm names the fields of lines by their place in the form.
func inForm(e *portal.Error, places []int) *portal.Error {
	out := &portal.Error{Kind: e.Kind, Msg: e.Msg, Fields: map[string]string{}}
	for field, what := range e.Fields {
		name, n, ok := strings.Cut(field, "-")
		if i, err := strconv.Atoi(n); ok && err == nil && i >= 1 && i <= len(places) && name != "weight" {
			field = fmt.Sprintf("%s-%d", name, places[i-1])
		}
		out.Fields[field] = what
	}
	return out
}

func (w *Web) labels(ctx context.Context, r request) (reply, error) {
	f, err := w.labelFile(ctx, r.by, r.param("number"))
	return reply{file: f}, err
}

// Labels makes the same file for the machines' door.
func (w *Web) Labels(ctx context.Context, by portal.Caller, number string) (paper.File, error) {
	f, err := w.labelFile(w.inTheirs(ctx, by), by, number)
	return f.paper(err)
}

// labelFile is a page for each package: where it goes, what is in it, and its number as GS1-128.
func (w *Web) labelFile(ctx context.Context, by portal.Caller, number string) (*file, error) {
	var d purchasing.Dispatch
	err := w.db.Do(ctx, by, func(tx *portal.Tx) (err error) {
		if d, err = purchasing.GetDispatch(ctx, tx, number); err != nil {
			return err
		}
		return tx.Audit(ctx, "dispatch.labels", "dispatches/"+d.Number, nil)
	})
	if err != nil {
		return nil, err
	}
	doc := paper.Label(paper.Head{Title: T(ctx, "Labels of shipment %s", d.Number), Language: localeOf(ctx).Code, From: by.PartnerName, At: d.At}, 105, 148)
	for i, k := range d.Packages {
		if i > 0 {
			doc.Page()
		}
		doc.Large(w.host(ctx))
		doc.Facts(spell(ctx, []fact{{"From (sender)", by.PartnerName}, {"Shipment", d.Number}, {"Package", T(ctx, "%d of %d", k.Package, len(d.Packages))},
			{"Carrier", join(" ", d.Carrier, d.Tracking)}, {"Arrives", dayOr(ctx, d.ArrivesOn, "")}, {"Weight", kilograms(ctx, k.WeightKg)}})...)
		doc.Gap(2)
		shown := 0
		for _, l := range d.Lines {
			if l.Package != k.Package {
				continue
			}
			if shown++; shown > 4 { // leaves room for the barcode where each takes two rows
				doc.Text("…")
				break
			}
			lot := ""
			if l.Lot != "" {
				lot = T(ctx, "lot %s", l.Lot)
			}
			doc.Text(join(" · ", T(ctx, "%s line %d", l.Order, int(l.Line)), join(" ", l.Product, l.Description), join(" ", Quantity(ctx, l.Quantity.Number(), l.Unit), lot)))
		}
		doc.Gap(3)
		if err := doc.Barcode("00"+k.SSCC, true, 32); err != nil { // GS1 asks for 31.75 mm on a logistic label
			return nil, err
		}
	}
	return newFile("labels-"+plain(d.Number)+".pdf", "application/pdf", func(out io.Writer) error { return doc.Write(out) })
}

func kilograms(ctx context.Context, a portal.Amount) string {
	if a == "" {
		return ""
	}
	return Quantity(ctx, a.Number(), "kg")
}

var objectionStates = map[string]statusWord{
	"waiting":   {"Objected, not answered yet", Info, IconClock},
	"accepted":  {"Rejection taken back", Good, IconOK},
	"upheld":    {"Rejection stands", Bad, IconRefused},
	"not_taken": {"Objection not taken", Bad, IconRefused},
}

// receiptList is what the page of receipts shows.
type receiptList struct {
	items   []purchasing.Receipt
	filter  purchasing.ReceiptFilter
	address Address
	next    string
	fresh   Freshness
	today   portal.Date
	may     bool   // object
	typed   string // an objection that could not be taken
	at      string // to which receipt
	fault   *portal.Error
}

func receiptFilter(q url.Values) (purchasing.ReceiptFilter, Address) {
	kept, a := deskQuery(url.Values{"show": q["show"], "q": q["q"]}, "/receipts", "show")
	return purchasing.ReceiptFilter{Show: kept.Get("show"), Text: kept.Get("q"), Cursor: q.Get("cursor")}, a
}

func (w *Web) listReceipts(ctx context.Context, r request) (reply, error) {
	return w.receiptsPage(ctx, r, receiptList{}, r.query)
}

func (w *Web) receiptsPage(ctx context.Context, r request, v receiptList, q url.Values) (reply, error) {
	if err := r.by.Need(portal.PurchasingRead); err != nil {
		return reply{}, err
	}
	v.today, v.may = portal.DateOf(w.db.Now()), r.by.Perms.Has(portal.PurchasingAnswer)
	v.filter, v.address = receiptFilter(q)
	r.shell.Title = "Receipts"
	a := reply{}
	if v.fault != nil {
		a.status = statuses[v.fault.Kind]
	} else if err := v.filter.Check(); errors.As(err, &v.fault) {
		r.shell.Error = &ShownError{Status: statuses[portal.Invalid], Msg: "This list cannot be made", Fields: v.fault.Fields}
		return reply{status: statuses[portal.Invalid], page: ReceiptsPage(r.shell, v)}, nil
	}
	got, err := read(ctx, w, r.by, "purchasing", "receipts"+v.filter.Key(), func(ctx context.Context, tx *portal.Tx) (p pageOf[purchasing.Receipt], err error) {
		p.Items, p.Next, err = purchasing.Receipts(ctx, tx, v.filter)
		return p, err
	})
	if err != nil {
		return reply{}, err
	}
	v.items, v.next = got.Items, got.Next
	v.fresh, err = w.fresh(ctx, purchasing.Received.Entity)
	a.page = ReceiptsPage(r.shell, v)
	return a, err
}

func (v receiptList) tabs() []Link {
	return []Link{{Label: "All receipts", Href: "/receipts", Current: v.filter.Show == ""}, {Label: "Rejected and returned", Href: "/receipts?show=defects", Current: v.filter.Show == "defects"}, {Label: "Objections not answered", Href: "/receipts?show=objected", Current: v.filter.Show == "objected"}}
}

var receiptHeader = []Words{"Receipt", "Kind", "Received", "Order", "Line", "Product", "Quantity", "Rejected", "Reason", "Shipment", "Object by", "Objection", "Objected", "Answered"}

func receiptCells(ctx context.Context, x purchasing.Receipt) []any {
	return []any{x.Receipt, x.Kind, TimeText(ctx, x.ReceivedAt), x.OrderNumber, strconv.FormatInt(x.OrderLine, 10), x.Product, x.Quantity, x.Rejected, x.Reason, x.Dispatch, x.AnswerBy, objectionStates[x.Objection].text, x.Objected, x.Answered}
}

func (w *Web) exportReceipts(kind string) handler {
	return func(ctx context.Context, r request) (reply, error) {
		if err := r.by.Need(portal.PurchasingRead); err != nil {
			return reply{}, err
		}
		filter, _ := receiptFilter(r.query)
		if err := filter.Check(); err != nil {
			return reply{}, err
		}
		f, err := w.fresh(ctx, purchasing.Received.Entity)
		if err != nil {
			return reply{}, err
		}
		about := []fact{{"List", filter.Show}, {"Order begins with", filter.Text}}
		return w.sheet(ctx, r, sheetFile{name: "receipts", title: "Receipts", kind: kind, header: receiptHeader, fresh: f, about: about}, func(tx *portal.Tx, row func(...any) error) error {
			return purchasing.ExportReceipts(ctx, tx, filter, kind, func(x purchasing.Receipt) error {
				return row(receiptCells(ctx, x)...)
			})
		})
	}
}

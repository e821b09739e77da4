package web

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"extranet/portal"
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
	items []purchasing.Dispatch
	fresh Freshness
}

func (w *Web) listDispatches(ctx context.Context, r request) (reply, error) {
	var v dispatchList
	var err error
	v.items, err = read(ctx, w, r.by, "purchasing", "dispatches", func(ctx context.Context, tx *portal.Tx) ([]purchasing.Dispatch, error) {
		return purchasing.Dispatches(ctx, tx)
	})
	if err != nil {
		return reply{}, err
	}
	if v.fresh, err = w.fresh(ctx, purchasing.Received.Entity); err != nil {
		return reply{}, err
	}
	r.shell.Title = "Shipment notices"
	return reply{page: DispatchesPage(r.shell, v)}, nil
}

type dispatchView struct {
	purchasing.Dispatch
	fresh Freshness
}

func (w *Web) showDispatch(ctx context.Context, r request) (reply, error) {
	var v dispatchView
	var err error
	number := r.param("number")
	v.Dispatch, err = read(ctx, w, r.by, "purchasing", "dispatch"+strconv.Quote(number), func(ctx context.Context, tx *portal.Tx) (purchasing.Dispatch, error) {
		return purchasing.GetDispatch(ctx, tx, number)
	})
	if err != nil {
		return reply{}, err
	}
	if v.fresh, err = w.fresh(ctx, purchasing.Received.Entity); err != nil {
		return reply{}, err
	}
	r.shell.Title = "Shipment notice " + v.Number
	return reply{page: DispatchPage(r.shell, v)}, nil
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
		r.shell.Error = &ShownError{Status: statuses[portal.Invalid], Msg: upperFirst(says.Msg), Fields: v.fault.Fields}
		return reply{status: statuses[portal.Invalid], page: DispatchFormPage(r.shell, v)}, nil
	} else if err != nil {
		return reply{}, err
	}
	f := Flash{Tone: Good, Title: "Shipment " + n.Number + " is announced", Text: "Print the labels and put one on each package."}
	if len(made.Warnings) > 0 {
		f.Tone, f.Text = Warn, strings.Join(made.Warnings, "; ")
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

// labels is a page for each package: where it goes, what is in it, and its number as GS1-128.
func (w *Web) labels(ctx context.Context, r request) (reply, error) {
	var d purchasing.Dispatch
	err := w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) {
		if d, err = purchasing.GetDispatch(ctx, tx, r.param("number")); err != nil {
			return err
		}
		return tx.Audit(ctx, "dispatch.labels", "dispatches/"+d.Number, nil)
	})
	if err != nil {
		return reply{}, err
	}
	doc := paper.Label(paper.Head{Title: "Labels of shipment " + d.Number, From: r.by.PartnerName, At: d.At}, 105, 148)
	for i, k := range d.Packages {
		if i > 0 {
			doc.Page()
		}
		doc.Large(w.hostName)
		doc.Facts([2]string{"From", r.by.PartnerName}, [2]string{"Shipment", d.Number}, [2]string{"Package", fmt.Sprintf("%d of %d", k.Package, len(d.Packages))},
			[2]string{"Carrier", join(" ", d.Carrier, d.Tracking)}, [2]string{"Arrives", string(d.ArrivesOn)}, [2]string{"Weight", kilograms(k.WeightKg)})
		doc.Gap(2)
		shown := 0
		for _, l := range d.Lines {
			if l.Package != k.Package {
				continue
			}
			if shown++; shown > 6 {
				doc.Text("…")
				break
			}
			doc.Text(fmt.Sprintf("%s line %d · %s · %s", l.Order, l.Line, join(" ", l.Product, l.Description), join(" lot ", Quantity(l.Quantity.Number(), l.Unit), l.Lot)))
		}
		doc.Gap(3)
		if err := doc.Barcode("00"+k.SSCC, true, 26); err != nil {
			return reply{}, err
		}
		doc.Text("(00) " + k.SSCC)
	}
	f, err := newFile("labels-"+plain(d.Number)+".pdf", "application/pdf", func(out io.Writer) error { return doc.Write(out) })
	return reply{file: f}, err
}

func kilograms(a portal.Amount) string {
	if a == "" {
		return ""
	}
	return Quantity(a.Number(), "kg")
}

// receiptList is what the page of receipts shows.
type receiptList struct {
	items   []purchasing.Receipt
	defects bool
	fresh   Freshness
	today   portal.Date
}

func (w *Web) listReceipts(ctx context.Context, r request) (reply, error) {
	v := receiptList{defects: r.query.Get("show") == "defects", today: portal.DateOf(w.db.Now())}
	var err error
	v.items, err = read(ctx, w, r.by, "purchasing", "receipts"+strconv.FormatBool(v.defects), func(ctx context.Context, tx *portal.Tx) ([]purchasing.Receipt, error) {
		return purchasing.Receipts(ctx, tx, v.defects)
	})
	if err != nil {
		return reply{}, err
	}
	if v.fresh, err = w.fresh(ctx, purchasing.Received.Entity); err != nil {
		return reply{}, err
	}
	r.shell.Title = "Receipts"
	return reply{page: ReceiptsPage(r.shell, v)}, nil
}

func (v receiptList) tabs() []Link {
	return []Link{{Label: "All receipts", Href: "/receipts", Current: !v.defects}, {Label: "Rejected and returned", Href: "/receipts?show=defects", Current: v.defects}}
}

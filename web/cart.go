package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"extranet/portal"
	"extranet/portal/catalog"
	"extranet/portal/orders"
	"extranet/portal/partners"
	"extranet/portal/sheet"
)

// A cartView is what the page of the cart shows.
type cartView struct {
	orders.Cart
	places []partners.Site
	sites  sites
	fresh  Freshness // of stock and prices
	notes  orders.Notes
	typed  url.Values // what came back with a fault
	fault  *portal.Error
	shown  []orders.CartLine // a page of them
	pager  Pager
	at     string // where this page of the cart is
	flawed bool   // it is of the lines with a problem alone
}

// turnTo shows the page of the cart that the query names: lines from a number on, of those with a problem alone if it says so.
func (v *cartView) turnTo(q url.Values, rows int) {
	v.flawed = q.Get("only") == "problems" && v.Problems() > 0
	all := v.Lines
	if v.flawed {
		all = slices.DeleteFunc(slices.Clone(all), func(l orders.CartLine) bool { return l.Problem == "" })
	}
	from, _ := strconv.ParseInt(q.Get("from"), 10, 64)
	first, _ := slices.BinarySearchFunc(all, from, func(l orders.CartLine, from int64) int { return cmp.Compare(l.Line, from) })
	if first == len(all) && first > 0 { // those that stood here are gone
		first = (len(all) - 1) / rows * rows
	}
	last := min(first+rows, len(all))
	v.shown, v.pager = all[first:last], Pager{Shown: last - first, Noun: "%d lines", Posts: "turn"}
	at := func(i int) string {
		a := Address{Path: "/cart"}
		if v.flawed {
			a.Query = url.Values{"only": {"problems"}}
		}
		if i > 0 {
			return a.With("from", strconv.FormatInt(all[i].Line, 10))
		}
		return a.With()
	}
	v.at = at(first)
	if first > 0 {
		v.pager.First, v.pager.Previous = at(0), at(max(0, first-rows))
	}
	if last < len(all) {
		v.pager.Next = at(last)
	}
}

func (w *Web) cartView(ctx context.Context, by portal.Caller) (v cartView, err error) {
	err = w.db.Do(ctx, by, func(tx *portal.Tx) (err error) {
		if v.Cart, err = orders.ShowCart(ctx, tx); err != nil {
			return err
		}
		v.notes, err = orders.NotesOf(ctx, tx)
		return err
	})
	if err != nil {
		return v, err
	}
	if v.sites, v.places, err = w.sites(ctx, by); err != nil {
		return v, err
	}
	v.fresh, err = w.fresh(ctx, catalog.Stock.Entity, catalog.ListPrices.Entity, catalog.SegmentPrices.Entity, catalog.Prices.Entity)
	return v, err
}

func (w *Web) showCart(ctx context.Context, r request) (reply, error) { return w.cart(ctx, r, nil) }

// cart shows the cart, with what is wrong with what was asked for.
func (w *Web) cart(ctx context.Context, r request, fault *portal.Error) (reply, error) {
	v, err := w.cartView(ctx, r.by)
	if err != nil {
		return reply{}, err
	}
	v.typed, v.fault = r.form, fault
	place := r.query
	if r.form.Has("at") {
		place = query(r.form.Get("at"))
	}
	v.turnTo(place, r.rows)
	r.shell.Title = "Cart"
	status := 0
	if fault != nil {
		status = statuses[fault.Kind]
		r.shell.Error = &ShownError{Status: status, Msg: sayError(ctx, fault), Fields: fault.Fields}
	}
	return reply{status: status, page: CartPage(r.shell, v)}, nil
}

// inCart does f once and goes where it says; what is wrong with it is shown in the cart, with what was typed.
func (w *Web) inCart(ctx context.Context, r request, f func(tx *portal.Tx) (to string, said *Flash, err error)) (reply, error) {
	var said *Flash
	to, err := w.once(ctx, r, func(tx *portal.Tx) (to string, err error) { to, said, err = f(tx); return to, err })
	if e, ok := errors.AsType[*portal.Error](err); ok && (e.Kind == portal.Invalid || e.Kind == portal.Conflict) {
		return w.cart(ctx, r, e)
	} else if err != nil {
		return reply{}, err
	}
	return reply{to: to, flash: said}, nil
}

// value is what stands in a field of the page: what was typed where that came back with a fault, and otherwise what is kept.
func (v cartView) value(name, kept string) string {
	if v.typed.Has(name) {
		return v.typed.Get(name)
	}
	return kept
}

// query is that of an address that a form of the portal's posted.
func query(at string) url.Values {
	a, err := url.Parse(at)
	if err != nil {
		return nil
	}
	return a.Query()
}

// backToCart is the page of the cart that the form came from, or that its button turns to.
func backToCart(form url.Values) string {
	q := query(cmp.Or(form.Get("turn"), form.Get("at")))
	return Address{Path: "/cart"}.With("only", q.Get("only"), "from", q.Get("from"))
}

// asShown is what the page had in the fields of a line: a line whose fields still say so was not touched, and is left as it is by now.
func asShown(quantity portal.Amount, site string, day portal.Date) string {
	return strings.Join([]string{quantity.Number().String(), string(day), site}, "/")
}

// takeTyped takes over what was typed anywhere on the page of the cart, whichever button was pressed: lines, what stands beside them, and the
// quick order. It reports whether what would be ordered is other than the page said.
func takeTyped(ctx context.Context, tx *portal.Tx, form url.Values) (moved bool, said *Flash, err error) {
	var lines []orders.Wanted
	for name := range form {
		line, ok := strings.CutPrefix(name, "quantity-")
		n, err := strconv.ParseInt(line, 10, 64)
		if !ok || err != nil {
			continue
		}
		l := orders.Wanted{Line: n, Quantity: quantityTyped(form.Get(name)), Site: form.Get("site-" + line), RequestedOn: portal.Date(form.Get("requested_on-" + line))}
		if form.Get("remove") == line {
			l.Quantity = "0"
		} else if _, err := decimal.NewFromString(string(l.Quantity)); err == nil && form.Get("shown-"+line) == asShown(l.Quantity, l.Site, l.RequestedOn) {
			continue
		}
		lines = append(lines, l)
	}
	if len(lines) > 0 {
		moved = true
		if err := orders.ChangeLines(ctx, tx, lines...); err != nil {
			if e := portal.Says(err); e.Kind == portal.NotFound {
				return false, nil, &portal.Error{Kind: portal.Conflict, Msg: e.Msg, Saying: e.Saying}
			}
			return false, nil, err
		}
	}
	if form.Has("at") {
		if err := orders.KeepNotes(ctx, tx, orders.Notes{PONumber: form.Get("po_number"), Comment: form.Get("comment"), Template: form.Get("name")}); err != nil {
			return false, nil, err
		}
	}
	number, quantity := strings.TrimSpace(form.Get("number")), quantityTyped(form.Get("quantity"))
	if number == "" && quantity == "" && form.Has("at") {
		return moved, nil, nil
	}
	if !form.Has("number") {
		return moved, nil, nil
	}
	taken, err := orders.AddToCart(ctx, tx, []orders.New{{Number: number, Quantity: quantity}})
	if err != nil {
		return false, nil, err
	}
	switch t := taken[0]; t.State {
	case "refused":
		return false, nil, &portal.Error{Kind: portal.Invalid, Msg: "this was not added", Fields: map[string]string{t.Column: string(Verbatim(T(ctx, listColumns[t.Column]) + ": " + T(ctx, Words(t.Reason))))}}
	case "corrected":
		return true, &Flash{Tone: Warn, Title: Said(ctx, "%s is in your cart", t.Product), Text: Verbatim(upperFirst(T(ctx, Words(t.Reason))) + ".")}, nil
	default:
		return true, &Flash{Tone: Good, Title: Said(ctx, "%s is in your cart", t.Product)}, nil
	}
}

// addToCart is the quick order: a number and a quantity.
func (w *Web) addToCart(ctx context.Context, r request) (reply, error) {
	return w.inCart(ctx, r, func(tx *portal.Tx) (string, *Flash, error) {
		moved, said, err := takeTyped(ctx, tx, r.form)
		return backToCart(r.form), upToDate(moved, said), err
	})
}

// upToDate is said where nothing else is, and something changed.
func upToDate(moved bool, said *Flash) *Flash {
	if said == nil && moved {
		return &Flash{Tone: Good, Title: "Your cart is up to date"}
	}
	return said
}

// quantityTyped takes a decimal comma too.
func quantityTyped(s string) portal.Amount {
	s = strings.TrimSpace(s)
	if strings.Count(s, ",") == 1 && !strings.Contains(s, ".") {
		s = strings.Replace(s, ",", ".", 1)
	}
	return portal.Amount(s)
}

// changeCart sets the lines of the cart as the form has them and goes to the page of it that the button names; a quantity of 0, or the line's own
// button, removes one.
func (w *Web) changeCart(ctx context.Context, r request) (reply, error) {
	return w.inCart(ctx, r, func(tx *portal.Tx) (string, *Flash, error) {
		if r.form.Get("empty") != "" {
			return "/cart", upToDate(true, nil), orders.EmptyCart(ctx, tx)
		}
		moved, said, err := takeTyped(ctx, tx, r.form)
		return backToCart(r.form), upToDate(moved || !r.form.Has("turn"), said), err
	})
}

// placeCart orders what is in the cart. What was typed on its page and is not in it yet is taken first, and then asked about: it costs something else.
func (w *Web) placeCart(ctx context.Context, r request) (reply, error) {
	return w.inCart(ctx, r, func(tx *portal.Tx) (string, *Flash, error) {
		if moved, said, err := takeTyped(ctx, tx, r.form); err != nil {
			return "", nil, err
		} else if moved {
			text := Words("It has what you typed, and nothing is ordered yet. Look at the total, and order again.")
			if said != nil && said.Text != "" {
				text = Verbatim(T(ctx, said.Title) + ": " + T(ctx, said.Text) + " " + T(ctx, text))
			}
			return backToCart(r.form), &Flash{Tone: Warn, Title: "Your cart has changed", Text: text}, nil
		}
		placed, err := orders.PlaceCart(ctx, tx, orders.Placing{PONumber: r.form.Get("po_number"), Comment: r.form.Get("comment"), Seen: r.form.Get("seen")})
		if err != nil {
			return "", nil, err
		}
		said := &Flash{Tone: Good, Title: "Your order is on its way to the host", Text: "Its number appears here as soon as the host has given it one."}
		if len(placed) > 1 {
			said.Title = Said(ctx, "%d orders are on their way to the host, one for each site", len(placed))
		}
		if placed[0].State == "awaiting" {
			said = &Flash{Tone: Info, Title: "Your order waits for a colleague", Text: "It is above your limit. You get mail when it is decided on."}
		}
		if len(placed) > 1 {
			return "/orders", said, nil
		}
		return placedPath(placed[0]), said, nil
	})
}

func placedPath(o orders.Placed) string { return "/placed/" + o.ID.String() }

func (v cartView) siteOptions() (options []Option) {
	for _, s := range v.places {
		options = append(options, Option{Value: s.Site, Label: Verbatim(join(", ", v.sites.short(s.Site), s.Site))})
	}
	return options
}

func lineName(field string, l orders.CartLine) string { return fmt.Sprintf("%s-%d", field, l.Line) }

func (w *Web) showUpload(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.OrdersPlace); err != nil {
		return reply{}, err
	}
	r.shell.Title = "Order from a list"
	return reply{page: UploadPage(r.shell, r.form.Get("lines"), nil)}, nil
}

// takeUpload takes a pasted or sent list into the cart.
func (w *Web) takeUpload(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.OrdersPlace); err != nil {
		return reply{}, err
	}
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		var table sheet.Table
		var err error
		if f := r.form.Get("file"); f != "" {
			table, err = sheet.Text(f, orders.ListLimits)
		} else {
			table, err = sheet.Text(r.form.Get("lines"), orders.ListLimits)
		}
		if err != nil {
			return "", err
		}
		u, err := orders.TakeList(ctx, tx, inEnglish(table, orders.RefusedHeader))
		return "/cart/uploads/" + u.ID.String(), err
	})
	if e, ok := errors.AsType[*portal.Error](err); ok && e.Kind == portal.Invalid {
		r.shell.Title = "Order from a list"
		r.shell.Error = &ShownError{Status: statuses[e.Kind], Msg: sayError(ctx, e), Fields: e.Fields}
		return reply{status: statuses[e.Kind], page: UploadPage(r.shell, r.form.Get("lines"), e)}, nil
	} else if err != nil {
		return reply{}, err
	}
	return reply{to: to}, nil
}

func (w *Web) showUploaded(ctx context.Context, r request) (reply, error) {
	u, err := w.uploaded(ctx, r)
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "What became of your list"
	return reply{page: UploadedPage(r.shell, u)}, nil
}

func (w *Web) uploaded(ctx context.Context, r request) (u orders.Upload, err error) {
	err = w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) { u, err = orders.GetUpload(ctx, tx, r.param("id")); return err })
	return u, err
}

// takeRefused gives away the refused rows as a file that can be mended and sent again.
func (w *Web) takeRefused(kind string) handler {
	return func(ctx context.Context, r request) (reply, error) {
		u, err := w.uploaded(ctx, r)
		if err != nil {
			return reply{}, err
		}
		f := sheetFile{name: "refused", title: "Refused", kind: kind, header: asWords(orders.RefusedHeader)}
		return w.sheet(ctx, r, f, func(tx *portal.Tx, row func(...any) error) error { return u.EachRefused(ctx, tx, kind, row) })
	}
}

// fillCart does f, which puts lines into the cart, and says what became of them.
func (w *Web) fillCart(f func(ctx context.Context, tx *portal.Tx, r request) ([]orders.Taken, error)) handler {
	return func(ctx context.Context, r request) (reply, error) {
		to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
			taken, err := f(ctx, tx, r)
			if err != nil {
				return "", err
			}
			if !slices.ContainsFunc(taken, func(t orders.Taken) bool { return t.State != "taken" }) {
				return "/cart", nil
			}
			id, err := orders.KeepUpload(ctx, tx, taken)
			return "/cart/uploads/" + id.String(), err
		})
		return reply{to: to}, err
	}
}

func (w *Web) reorder(ctx context.Context, tx *portal.Tx, r request) ([]orders.Taken, error) {
	var lines []int64
	if r.form.Get("picked") != "" && len(r.form["line"]) == 0 {
		return nil, portal.Errorf(portal.Invalid, "pick the lines first that you want again; nothing was put into your cart")
	}
	for _, l := range r.form["line"] {
		if n, err := strconv.ParseInt(l, 10, 64); err == nil {
			lines = append(lines, n)
		}
	}
	return orders.Reorder(ctx, tx, r.param("number"), lines)
}

func (w *Web) cancelOrder(ctx context.Context, r request) (reply, error) {
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		return orderPath(r.param("number")), orders.Cancel(ctx, tx, r.param("number"))
	})
	if e, ok := errors.AsType[*portal.Error](err); ok && e.Kind == portal.Conflict {
		return w.orderPage(ctx, r, followed{fault: e})
	}
	return reply{to: to, flash: &Flash{Tone: Info, Title: "The host is asked to cancel this order", Text: "It stands as it is until the host has answered; the answer appears here."}}, err
}

// changeOrder asks the host for another quantity or day of a line.
func (w *Web) changeOrder(ctx context.Context, r request) (reply, error) {
	number, line := r.param("number"), lineParam(r)
	typed := func(field string) string {
		return strings.TrimSpace(r.form.Get(fmt.Sprintf("%s-%d", field, line)))
	}
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		return orderPath(number), orders.ChangeOrderLine(ctx, tx, number, line, quantityTyped(typed("quantity")), portal.Date(typed("requested_on")))
	})
	if e, ok := errors.AsType[*portal.Error](err); ok && (e.Kind == portal.Invalid || e.Kind == portal.Conflict) {
		return w.orderPage(ctx, r, followed{changing: line, form: r.form, fault: e})
	} else if err != nil {
		return reply{}, err
	}
	return reply{to: to, flash: &Flash{Tone: Info, Title: "The host is asked for the change", Text: "The order stands as it is until the host has answered; the answer appears here."}}, nil
}

// A placedView is what the page of an order that was placed here shows.
type placedView struct {
	orders.Placed
	sites   sites
	sent    []portal.Posted
	own     bool // the caller placed it
	approve bool
	order   bool
}

var placedStates = map[string]statusWord{
	"awaiting":     {"Waits for a colleague", Warn, IconClock},
	"returned":     {"Returned", Warn, IconBack},
	"sent":         {"Sent, waiting for the host's number", Info, IconSend},
	"acknowledged": {"Taken by the host", Good, IconOK},
	"refused":      {"Not taken by the host", Bad, IconProblem},
	"withdrawn":    {"Withdrawn", Neutral, IconCancelled},
}

func (w *Web) showPlaced(ctx context.Context, r request) (reply, error) {
	v := placedView{approve: r.by.Perms.Has(portal.OrdersApprove), order: r.by.Perms.Has(portal.OrdersPlace)}
	err := w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) {
		if v.Placed, err = orders.GetPlaced(ctx, tx, r.param("id")); err != nil {
			return err
		}
		v.sent, err = portal.Outgoing(ctx, tx, "placed/"+v.ID.String())
		return err
	})
	if err != nil {
		return reply{}, err
	}
	v.own = v.Owner == r.by.PersonID.String()
	if v.sites, _, err = w.sites(ctx, r.by); err != nil {
		return reply{}, err
	}
	r.shell.Title = v.title(ctx)
	return reply{page: PlacedPage(r.shell, v)}, nil
}

func (v placedView) title(ctx context.Context) Words {
	switch {
	case v.Number != "":
		return Said(ctx, "Order %s", v.Number)
	case v.PONumber != "":
		return Said(ctx, "Order %s", v.PONumber)
	}
	return Said(ctx, "Order of %s", DayText(ctx, v.PlacedAt))
}

func (w *Web) decidePlaced(ctx context.Context, r request) (reply, error) {
	var said Flash
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		path := "/placed/" + url.PathEscape(r.param("id"))
		switch r.param("what") {
		case "approve":
			said = Flash{Tone: Good, Title: "Approved: the order is on its way to the host"}
			_, err := orders.Approve(ctx, tx, r.param("id"))
			return path, err
		case "return":
			said = Flash{Tone: Info, Title: "Returned to who placed it"}
			_, err := orders.Return(ctx, tx, r.param("id"), r.form.Get("words"))
			return path, err
		case "withdraw":
			said = Flash{Tone: Info, Title: "Withdrawn: nothing is ordered"}
			return path, orders.Withdraw(ctx, tx, r.param("id"))
		case "again":
			_, err := orders.PutBack(ctx, tx, r.param("id"))
			return "/cart", err
		}
		return "", portal.Errorf(portal.NotFound, "there is no page at this address")
	})
	if said.Title == "" {
		return reply{to: to}, err
	}
	return reply{to: to, flash: &said}, err
}

func (w *Web) showApprovals(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.OrdersApprove); err != nil {
		return reply{}, err
	}
	var list []orders.Placed
	if err := w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) { list, err = orders.ListPlaced(ctx, tx, "awaiting"); return err }); err != nil {
		return reply{}, err
	}
	places, _, err := w.sites(ctx, r.by)
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "Approvals"
	return reply{page: ApprovalsPage(r.shell, list, places)}, nil
}

func (w *Web) showTemplates(ctx context.Context, r request) (reply, error) {
	var list []orders.Template
	if err := w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) { list, err = orders.Templates(ctx, tx); return err }); err != nil {
		return reply{}, err
	}
	r.shell.Title = "Order templates"
	return reply{page: TemplatesPage(r.shell, list)}, nil
}

func (w *Web) keepTemplate(ctx context.Context, r request) (reply, error) {
	return w.inCart(ctx, r, func(tx *portal.Tx) (string, *Flash, error) {
		rest := maps.Clone(r.form)
		rest.Del("name") // kept, it need not be typed any more
		if _, _, err := takeTyped(ctx, tx, rest); err != nil {
			return "", nil, err
		}
		_, err := orders.KeepTemplate(ctx, tx, r.form.Get("name"))
		return "/templates", &Flash{Tone: Good, Title: "Kept: your colleagues find it too"}, err
	})
}

func (w *Web) dropTemplate(ctx context.Context, r request) (reply, error) {
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) { return "/templates", orders.DropTemplate(ctx, tx, r.param("id")) })
	return reply{to: to}, err
}

func (w *Web) showOrdering(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.PeopleManage); err != nil {
		return reply{}, err
	}
	var rules orders.Rules
	if err := w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) { rules, err = orders.RulesOf(ctx, tx); return err }); err != nil {
		return reply{}, err
	}
	r.shell.Title = "Ordering rules"
	return reply{page: OrderingPage(r.shell, rules)}, nil
}

func (w *Web) setOrdering(ctx context.Context, r request) (reply, error) {
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		return "/ordering", orders.SetRules(ctx, tx, orders.Rules{POOnce: r.form.Get("po_unique") != "", PONeeded: r.form.Get("po_needed") != ""})
	})
	return reply{to: to, flash: &Flash{Tone: Good, Title: "Set (done)"}}, err
}

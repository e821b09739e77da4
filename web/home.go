package web

import (
	"context"
	"net/url"

	"extranet/portal"
	"extranet/portal/host"
	"extranet/portal/orders"
	"extranet/portal/purchasing"
	"extranet/portal/tasks"
)

// A start is what the home page shows; what the caller may not see is left out.
type start struct {
	by     portal.Caller
	orders bool          // the caller may see orders
	tasks  []portal.Task // what waits for the caller
	news   []host.Told   // what the host tells, that they have yet to read
	look   orders.Overview
	buys   *purchasing.Overview // nil = the caller may not see purchase orders
	bought Freshness            // of them
	fresh  Freshness
	sites  sites
	feeds  []feedRow
	today  portal.Date
}

func (w *Web) home(ctx context.Context, r request) (_ reply, err error) {
	v := start{by: r.by, orders: r.by.Perms.Has(portal.OrdersRead) && r.by.PartnerKind != "supplier" && !r.by.Host, today: portal.DateOf(w.db.Now())}
	if v.orders {
		// What is overdue is another every day.
		v.look, err = read(ctx, w, r.by, "orders", "look"+string(v.today), func(ctx context.Context, tx *portal.Tx) (orders.Overview, error) { return orders.Look(ctx, tx) })
		if err != nil {
			return reply{}, err
		}
		if v.fresh, err = w.fresh(ctx, orders.Mirror.Entity, orders.Lines.Entity); err != nil {
			return reply{}, err
		}
		if v.sites, _, err = w.sites(ctx, r.by); err != nil {
			return reply{}, err
		}
	}
	if v.by.PartnerKind == "supplier" && r.by.Perms.Has(portal.PurchasingRead) {
		if v.bought, err = w.fresh(ctx, purchasing.Mirror.Entity); err != nil {
			return reply{}, err
		}
		look, err := read(ctx, w, r.by, "purchasing", "look"+string(v.today), purchasing.Look)
		if err != nil {
			return reply{}, err
		}
		v.buys = &look
	}
	if v.tasks, err = tasks.For(ctx, w.db, r.by); err != nil {
		return reply{}, err
	}
	if !r.by.Host && !r.by.Viewing {
		told, err := w.toldTo(ctx, r.by)
		if err != nil {
			return reply{}, err
		}
		v.news = unread(told)
	}
	if r.by.Host && r.by.Perms.Has(portal.FeedsRead) {
		err = w.db.AcrossPartners(ctx, r.by, portal.FeedsRead, func(tx *portal.Tx) (err error) {
			v.feeds, err = w.feeds(ctx, tx)
			return err
		})
		if err != nil {
			return reply{}, err
		}
	}
	r.shell.Title = "Home"
	return reply{page: HomePage(r.shell, v)}, nil
}

// none reports whether there is no order at all.
func (v start) none() bool { return len(v.look.Newest) == 0 }

func (v start) count(ctx context.Context, s orders.Standing) string {
	if s.More {
		return Count(ctx, s.Orders) + "+"
	}
	return Count(ctx, s.Orders)
}

func statusPath(status string) string {
	return Address{Path: "/orders", Query: url.Values{"status": {status}}}.With()
}

// failing counts the feeds whose passes fail, and late those that are older than the host allows.
func (v start) failing() (failing, late, refused int) {
	for _, f := range v.feeds {
		switch {
		case !f.Offered:
		case !f.Fresh.BehindSince.IsZero():
			failing++
		case f.Fresh.Stale:
			late++
		}
		refused += int(f.Quarantined)
	}
	return failing, late, refused
}

// taskWords say what each kind of task is, and where it is done.
var taskWords = map[string]struct {
	name Words
	href string
}{
	"orders_to_approve":         {"Orders to approve", "/approvals"},
	"orders_returned":           {"Orders returned to you", "/orders"},
	"claims_to_answer":          {"Claims to go on with", "/claims?state=open"},
	"claims_to_decide":          {"Claims to decide", "/desk/claims"},
	"answers_to_decide":         {"Suppliers' answers to decide", "/buying"},
	"objections_to_answer":      {"Suppliers' objections to answer", "/buying/receipts?show=objected"},
	"invoices_to_pay":           {"Invoices to pay", "/finance/invoices?state=overdue&sort=due_on"},
	"purchase_orders_to_answer": {"Purchase orders to answer", purchasesPath("review")},
	"forecasts_to_commit":       {"Forecasts to commit to", "/forecasts"},
	"bills_to_clear":            {"Invoices with a difference", "/billing?status=blocked"},
	"access_to_decide":          {"Requests for access to decide", "/people/requests"},
	"access_to_review":          {"People whose access is reviewed", "/people/reviews"},
	"notices_to_acknowledge":    {"Changes to acknowledge", "/notices"},
}

func purchasesPath(state string) string {
	return Address{Path: "/purchasing", Query: url.Values{"list": {state}}}.With()
}

func taskCount(ctx context.Context, t portal.Task) string {
	if t.Count >= portal.TasksCounted {
		return Count(ctx, t.Count) + "+"
	}
	return Count(ctx, t.Count)
}

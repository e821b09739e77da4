package web

import (
	"context"
	"net/url"

	"extranet/portal"
	"extranet/portal/orders"
)

// A start is what the home page shows; what the caller may not see is left out.
type start struct {
	by     portal.Caller
	orders bool // the caller may see orders
	look   orders.Overview
	fresh  Freshness
	sites  sites
	feeds  []feedRow
	today  portal.Date
}

func (w *Web) home(ctx context.Context, r request) (_ reply, err error) {
	v := start{by: r.by, orders: r.by.Perms.Has(portal.OrdersRead), today: portal.DateOf(w.db.Now())}
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

func (v start) count(s orders.Standing) string {
	if s.More {
		return Count(s.Orders) + "+"
	}
	return Count(s.Orders)
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

package web

import (
	"context"
	"time"

	"extranet/portal"
	"extranet/portal/accounts"
	"extranet/portal/catalog"
	"extranet/portal/invoices"
	"extranet/portal/orders"
	"extranet/portal/partners"
	"extranet/portal/shipments"
)

// entities are all that the core can be mirrored of, in the order a person would look for them.
var entities = []string{partners.Mirror.Entity, partners.Sites.Entity, partners.Contacts.Entity, catalog.Mirror.Entity, orders.Mirror.Entity, orders.Lines.Entity,
	shipments.Mirror.Entity, shipments.Lines.Entity, shipments.Packages.Entity,
	invoices.Mirror.Entity, invoices.Lines.Entity, accounts.Status.Entity, accounts.Payments.Entity, accounts.Settlements.Entity}

// A feedRow is one entity with where its mirroring stands. One that is not mapped is not offered.
type feedRow struct {
	portal.Feed
	Fresh Freshness
}

// feeds lists every entity, mapped or not, and what lies in quarantine.
func (w *Web) feeds(ctx context.Context, by portal.Caller) (rows []feedRow, refused []portal.Refused, err error) {
	var mapped []portal.Feed
	err = w.db.AcrossPartners(ctx, by, portal.FeedsRead, func(tx *portal.Tx) (err error) {
		if mapped, err = portal.Feeds(ctx, tx); err != nil {
			return err
		}
		refused, err = portal.Quarantine(ctx, tx, "")
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	now, known := w.db.Now(), map[string]portal.Feed{}
	for _, f := range mapped {
		known[f.Entity] = f
	}
	for _, e := range entities {
		f, ok := known[e]
		if !ok {
			f = portal.Feed{Entity: e}
		}
		delete(known, e)
		rows = append(rows, feedRow{f, freshOf(f, now)})
	}
	for _, f := range mapped {
		if _, left := known[f.Entity]; left {
			rows = append(rows, feedRow{f, freshOf(f, now)})
		}
	}
	return rows, refused, nil
}

func freshOf(f portal.Feed, now time.Time) Freshness {
	p := portal.Freshness{Entity: f.Entity, Offered: f.Offered, AsOf: f.AsOf.Time, StaleAfterS: f.StaleAfterS, BehindSince: f.BehindSince.Time}
	return Freshness{AsOf: p.AsOf, Offered: p.Offered, Stale: p.Stale(now), BehindSince: p.BehindSince, Now: now}
}

func (w *Web) showFeeds(ctx context.Context, r request) (reply, error) {
	rows, refused, err := w.feeds(ctx, r.by)
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "Feeds"
	return reply{page: FeedsPage(r.shell, rows, refused)}, nil
}

// state says in a word how the feed is.
func (f feedRow) state() statusWord {
	switch {
	case !f.Offered:
		return statusWord{"Not offered", Neutral, IconNotOffered}
	case !f.Fresh.BehindSince.IsZero():
		return statusWord{"Failing", Bad, IconProblem}
	case f.Fresh.AsOf.IsZero():
		return statusWord{"Not loaded yet", Info, IconWaiting}
	case f.Fresh.Stale:
		return statusWord{"Late", Warn, IconOverdue}
	}
	return statusWord{"In step", Good, IconOK}
}

// span writes a number of seconds in its largest whole unit.
func span(seconds int) string {
	switch {
	case seconds >= 3600 && seconds%3600 == 0:
		return itoa(seconds/3600) + nbsp + "h"
	case seconds >= 60 && seconds%60 == 0:
		return itoa(seconds/60) + nbsp + "min"
	}
	return itoa(seconds) + nbsp + "s"
}

// took writes how long a pass took.
func (f feedRow) took() string {
	if ms := f.PassTookMS; ms < 1000 {
		return itoa(int(ms)) + nbsp + "ms"
	}
	return (time.Duration(f.PassTookMS) * time.Millisecond).Round(100 * time.Millisecond).String()
}

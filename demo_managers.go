//go:build sandbox

package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"extranet/portal"
	"extranet/portal/host"
	"extranet/portal/partners"
	"extranet/sandbox/core"
)

// manage gives the host's staff what the demo begins with, unless they have some: programmes and a role of the host's own, who looks after whom, terms that everybody
// has accepted, news, a review under way and a request that waits. people are by id, at each partner they act for, the first first.
func manage(ctx context.Context, db *portal.DB, people map[string][]portal.Caller) error {
	maren, ada, dana, femi, bo := people["maren"][0], people["ada"][0], people["dana"][0], people["femi"][0], people["bo"][0]
	dealer, neighbour, maker := dana.PartnerNumber, bo.PartnerNumber, people["sofia"][0].PartnerNumber
	begun := false
	err := db.AcrossPartners(ctx, ada, portal.PartnersRead, func(tx *portal.Tx) error {
		list, err := partners.Programmes(ctx, tx)
		begun = len(list) > 0
		return err
	})
	if err != nil || begun {
		return err
	}
	now := db.Now().UTC()
	board := host.NewBoard(db)
	var terms host.Terms
	err = db.AcrossPartners(ctx, ada, portal.RolesManage, func(tx *portal.Tx) error {
		for _, p := range []partners.Programme{
			{Name: "full-service", Title: "Full service", Modules: []string{"catalogue", "prices", "orders", "ordering", "account", "claims"}},
			{Name: "stock-and-order", Title: "Stock and order", Modules: []string{"catalogue", "prices", "orders", "ordering"}},
			{Name: "planned-supply", Title: "Planned supply", Modules: []string{"forecasts", "purchasing", "billing", "stock", "notices"}},
		} {
			if err := partners.DefineProgramme(ctx, tx, p); err != nil {
				return err
			}
		}
		return partners.DefineRole(ctx, tx, partners.DefinedRole{Name: "counter", Side: "dealer", Title: "Counter staff", Permissions: []string{"catalog:read", "prices:read", "orders:read", "orders:place"}, OrderLimit: "2500", NamedSites: true})
	})
	if err != nil {
		return fmt.Errorf("programmes and roles: %w", err)
	}
	err = db.AcrossPartners(ctx, maren, portal.PartnersManage, func(tx *portal.Tx) (err error) {
		for number, programme := range map[string]string{dealer: "full-service", neighbour: "full-service", maker: "planned-supply"} {
			if err := partners.Decide(ctx, tx, number, []string{programme}, nil); err != nil {
				return err
			}
		}
		owner := partners.Sponsor{Part: "sponsor", Name: maren.Name, Title: "Partner management", Email: "maren@tarnmoor.example", Phone: "+44 1632 960101"}
		sales := partners.Sponsor{Part: "sales", Name: "Ines Calloway", Title: "Sales, north", Email: "ines.calloway@tarnmoor.example", Phone: "+44 1632 960114"}
		buying := partners.Sponsor{Part: "buying", Name: "Paula Stern", Title: "Supply planning", Email: "paula@tarnmoor.example"}
		for number, who := range map[string][]partners.Sponsor{dealer: {owner, sales}, neighbour: {owner, sales}, maker: {owner, buying}} {
			if err := partners.SetSponsors(ctx, tx, number, who); err != nil {
				return err
			}
		}
		terms, err = host.Publish(ctx, tx, host.Terms{Title: "Terms of use", Words: "The portal is for people whom their company lets in, each under their own name.\n\nPrices, stock and forecasts are for your company alone: do not pass them on.\n\nOrders placed here bind as those placed by any other way do."})
		if err != nil {
			return err
		}
		for _, a := range []host.Announcement{
			{Kind: "news", Side: "dealer", Title: "Winter range is in the catalogue", Words: "All winter sizes are in stock at the central warehouse.\n\nOrders placed by noon leave the same day.", To: now.AddDate(0, 2, 0)},
			{Kind: "news", Side: "supplier", Programmes: []string{"planned-supply"}, Title: "Commitments are due on Thursdays", Words: "From next month on, please commit to each week's forecast by Thursday noon.", To: now.AddDate(0, 2, 0)},
		} {
			if _, err := host.Announce(ctx, tx, a); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("partners and news: %w", err)
	}
	for _, at := range people {
		for _, by := range at {
			if by.Host {
				continue
			}
			if err := db.Do(ctx, by, func(tx *portal.Tx) error { return board.Accept(ctx, tx, terms.Version) }); err != nil {
				return fmt.Errorf("%s accepts the terms: %w", by.Name, err)
			}
		}
	}
	err = db.AcrossPartners(ctx, maren, portal.ReviewsManage, func(tx *portal.Tx) error {
		c, err := partners.StartCampaign(ctx, tx, partners.Campaign{Title: "Yearly review of dealers' people", Words: "Please keep whoever still works with the portal.", Reviewers: "partner", Kind: "dealer",
			Numbers: []string{dealer, neighbour}, RemindDays: []int64{14, 3}, DueAt: now.AddDate(0, 3, 0).Truncate(24 * time.Hour)})
		if err != nil {
			return err
		}
		return partners.Answer(ctx, tx, dana.PartnerID, c.ID, []partners.Verdict{{Person: bo.PersonID, What: "keep", Words: "Covers for the branch during holidays."}})
	})
	if err != nil {
		return fmt.Errorf("a review: %w", err)
	}
	err = db.Do(ctx, femi, func(tx *portal.Tx) error {
		_, err := partners.RequestAccess(ctx, tx, partners.Partner{ID: femi.PartnerID, Number: femi.PartnerNumber, Name: femi.PartnerName, Kind: femi.PartnerKind}, femi.PersonID, []string{"buyer"}, femi.Sites, "I order for the branch while Dana is away.")
		return err
	})
	if err != nil {
		return fmt.Errorf("a request for access: %w", err)
	}
	return nil
}

// leaveUnused makes a token a hundred days ago that nobody has used since, unless it is there.
func leaveUnused(ctx context.Context, db *portal.DB, by portal.Caller) error {
	clock := db.Now
	defer func() { db.Now = clock }()
	db.Now = func() time.Time { return clock().AddDate(0, 0, -100) }
	err := db.AtTheDoor(ctx, func(tx *portal.Tx) error {
		tx.By = by
		p, err := partners.ByNumber(ctx, tx, core.People()[0].Memberships[0].Account)
		if err != nil {
			return err
		}
		_, _, err = partners.CreateTokenFor(ctx, tx, p.ID, partners.NewToken{Name: "Old workshop terminal", Permissions: []string{"catalog:read", "orders:read"}, ExpiresIn: 365 * 24 * time.Hour})
		return err
	})
	if portal.Says(err).Kind == portal.Conflict {
		return nil
	}
	return err
}

// recall fills in who used the portal in the months before the demo began: more of those who do stay than leave, and each at their own pace.
func recall(ctx context.Context, owner *sql.DB) error {
	_, err := owner.ExecContext(ctx, `
		WITH dealers AS (
			SELECT partner_id, ('x' || substr(md5(number), 1, 7))::bit(28)::int AS h FROM partners WHERE kind <> 'host' AND closed_at IS NULL AND NOT EXISTS (SELECT FROM activity)
		), active AS (
			SELECT d.partner_id, d.h, day::date AS day, areas.area FROM dealers d
				CROSS JOIN generate_series(current_date - 395, current_date - 1, interval '1 day') day
				CROSS JOIN (VALUES ('catalog', 2), ('orders', 3), ('claims', 11), ('account', 7)) areas (area, rarely)
			WHERE day >= current_date - 395 + d.h % 300 AND (d.h % 7 > 0 OR day < current_date - 40)
				AND extract(dow FROM day) BETWEEN 1 AND 5 AND (d.h + extract(doy FROM day)::int * 31) % (areas.rarely * (3 + d.h % 5)) = 0
		)
		INSERT INTO activity (partner_id, area, day, subject, asked, done) SELECT partner_id, area, day, 'Portal user ' || h % 3, 2 + h % 9, CASE WHEN area IN ('orders', 'claims') THEN 1 + h % 2 ELSE 0 END FROM active`)
	if err != nil {
		return fmt.Errorf("who used the portal before: %w", err)
	}
	return nil
}

//go:build sandbox

package main

import (
	"context"
	"fmt"

	"extranet/portal"
	"extranet/portal/claims"
)

// A complaint is a claim that the demo begins with, about a line that was delivered lately: what the dealer says, and what the desk does with it.
type complaint struct {
	kind   string
	facts  map[string]string
	submit bool
	desk   func(ctx context.Context, tx *portal.Tx, partner, number string) error
}

var complaints = []complaint{
	{kind: "shortage", facts: map[string]string{"received": "0", "condition": "missing", "words": "Only the empty packing was on the pallet."}, submit: true},
	{kind: "return", facts: map[string]string{"condition": "unopened", "words": "Ordered twice by mistake."}, submit: true, desk: func(ctx context.Context, tx *portal.Tx, partner, number string) error {
		return claims.Ask(ctx, tx, partner, number, 1, "Are the labels unbroken? Please send a photo of them.")
	}},
	{kind: "shortage", facts: map[string]string{"received": "0", "condition": "wrong", "words": "Another article was in the box."}, submit: true, desk: func(ctx context.Context, tx *portal.Tx, partner, number string) error {
		return claims.DecideLine(ctx, tx, partner, number, 1, claims.Verdict{Words: "Agreed, with our apologies."})
	}},
	{kind: "return", facts: map[string]string{"condition": "used", "words": "The customer changed his mind."}, submit: true, desk: func(ctx context.Context, tx *portal.Tx, partner, number string) error {
		return claims.DecideLine(ctx, tx, partner, number, 1, claims.Verdict{Words: "It was mounted, so it cannot be sold again."})
	}},
	{kind: "warranty", facts: map[string]string{"condition": "sound", "words": "Vibration above 90 km/h; balanced twice."}},
}

// complain gives a dealer the claims that the demo begins with, unless it has some.
func complain(ctx context.Context, db *portal.DB, dealer, desk portal.Caller) error {
	var lines []struct {
		Order string `db:"order_number"`
		Line  int64  `db:"order_line"`
	}
	err := db.Do(ctx, dealer, func(tx *portal.Tx) error {
		p, err := claims.List(ctx, tx, claims.Filter{Limit: 1})
		if err != nil || len(p.Items) > 0 {
			return err
		}
		return tx.Select(ctx, &lines, `
			SELECT x.order_number, min(x.order_line) AS order_line FROM shipments s JOIN shipment_lines x ON x.partner_id = $1 AND x.shipment = s.shipment
			WHERE s.partner_id = $1 AND s.delivered_at > $2::timestamptz - interval '9 days' AND x.order_line IS NOT NULL GROUP BY x.order_number ORDER BY x.order_number DESC LIMIT $3`, dealer.PartnerID, tx.Now, len(complaints))
	})
	if err != nil {
		return err
	}
	for i, l := range lines {
		c, number := complaints[i], ""
		err := db.Do(ctx, dealer, func(tx *portal.Tx) (err error) {
			number, err = claims.Draft(ctx, tx, claims.New{Kind: c.kind, Reference: fmt.Sprintf("R-%d", 1041+i), Ref: claims.Ref{OrderNumber: l.Order, OrderLine: l.Line}})
			if err != nil {
				return err
			}
			d, err := claims.Get(ctx, tx, number)
			if err != nil {
				return err
			}
			facts := d.Lines[0].Facts
			for field, said := range c.facts {
				facts.Set(field, said)
			}
			if err := claims.Save(ctx, tx, number, 1, facts); err != nil || !c.submit {
				return err
			}
			return claims.Submit(ctx, tx, number)
		})
		if err == nil && c.desk != nil {
			err = db.AcrossPartners(ctx, desk, portal.ClaimsDecide, func(tx *portal.Tx) error { return c.desk(ctx, tx, dealer.PartnerNumber, number) })
		}
		if err != nil {
			return fmt.Errorf("a claim about order %s: %w", l.Order, err)
		}
	}
	return nil
}

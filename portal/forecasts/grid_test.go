package forecasts_test

import (
	"fmt"
	"testing"

	"extranet/portal"
	"extranet/portal/forecasts"
	"extranet/portal/portaltest"
)

// TestShow_stock: beside what is asked for stands what the host has and what the supplier reported to have, added up over the sites that the caller sees, with the
// oldest of the counts; nothing is said where nothing was reported, and nothing of another supplier's.
func TestShow_stock(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, plan)
	p.Arrange(t, `INSERT INTO supplier_inventory (partner_id, product, location, supplier, on_hand, in_transit, changed_at) VALUES (4, 'T2', 'W1', 'S300', 11, 3, now());
		INSERT INTO supply_stocks (partner_id, product, site, on_hand, in_process, counted_on, report, at, by_whom) VALUES
			(4, 'T0', 'S300-T1', 99, 99, '2026-02-20', 1, now(), 'x'), (4, 'T1', '', 40, 2.5, '2026-02-27', 1, now(), 'x'), (4, 'T1', 'S300-T1', 60, 0, '2026-02-20', 1, now(), 'x'), (5, 'T1', 'S300-T1', 77, 77, '2026-02-20', 1, now(), 'x'), (5, 'T2', 'S300-T1', 77, 77, '2026-02-20', 1, now(), 'x')`)
	say := func(by portal.Caller) (s string) {
		t.Helper()
		var g forecasts.Grid
		if err := do(t, p, by, func(tx *portal.Tx) (err error) {
			g, err = forecasts.Show(t.Context(), tx, forecasts.Filter{})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for _, o := range g.Items {
			s += fmt.Sprintf("%s %s+%s, %s+%s of %s; ", o.Product, o.OnHand, o.InTransit, o.AtSupplier, o.InProcess, o.CountedOn)
		}
		return s
	}
	reader := portaltest.As(portaltest.Cord, portal.ForecastsRead)
	if got, want := say(reader), "T1 +, 100+2.5 of 2026-02-20; T2 11+3, + of ; "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	reader.Sites = []string{"S300-T1"}
	if got, want := say(reader), "T1 +, 60+0 of 2026-02-20; "; got != want {
		t.Errorf("of a site: %s, want %s", got, want)
	}
}

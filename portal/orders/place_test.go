package orders_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/orders"
	"extranet/portal/portaltest"
	"extranet/portal/sheet"
)

const shop = `
	INSERT INTO products (product, name, unit, pack_size, min_quantity, lifecycle, changed_at) VALUES ('T1', 'Touren', 'PC', 1, NULL, 'active', now()), ('B7', 'Bulb', 'PC', 10, 20, 'active', now()), ('X9', 'Gone', 'PC', 1, NULL, 'discontinued', now()), ('R1', 'On request', 'PC', 1, NULL, 'active', now());
	INSERT INTO list_prices (entry, product, kind, currency, from_quantity, unit_price, changed_at) VALUES ('1', 'T1', 'list', 'EUR', 1, 70, now()), ('2', 'T1', 'list', 'EUR', 8, 65.5, now()), ('3', 'B7', 'list', 'EUR', 1, 3.5, now()), ('4', 'X9', 'list', 'EUR', 1, 9, now());
	INSERT INTO availability (product, warehouse, available, changed_at) VALUES ('T1', 'W1', 10, now()), ('B7', 'W1', 1000, now()), ('X9', 'W1', 2, now());
	INSERT INTO people (person_id, name, email, created_at) VALUES ('00000000-0000-4000-8000-00000000000a', 'Dana', 'dana@acme.example', now()), ('00000000-0000-4000-8000-00000000000b', 'Boris', 'boris@acme.example', now());
	INSERT INTO memberships (partner_id, person_id, name, email, roles, origin, granted_by, granted_at) SELECT 2, person_id, name, email, '{buyer}', 'operator', 'test', now() FROM people;`

// person is Dana or Boris of Acme, who may order and approve.
func person(letter string) portal.Caller {
	by := portaltest.As(portaltest.Acme, portal.OrdersRead, portal.OrdersPlace, portal.OrdersApprove, portal.CatalogRead, portal.PricesRead, portal.PeopleManage)
	by.PersonID, by.Name, by.PartnerKind, by.PartnerNumber = uuid.MustParse("00000000-0000-4000-8000-00000000000"+letter), letter, "dealer", "D100"
	return by
}

func do(t testing.TB, p *portaltest.Portal, by portal.Caller, f func(tx *portal.Tx) error) error {
	t.Helper()
	return p.Do(t.Context(), by, f)
}

// TestAddToCart holds that every line is taken, corrected or refused, each with its place and reason.
func TestAddToCart(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, shop)
	var got []string
	must(t, do(t, p, person("a"), func(tx *portal.Tx) error {
		taken, err := orders.AddToCart(t.Context(), tx, []orders.New{
			{Number: "t1", Quantity: "4"}, {Number: "B7", Quantity: "5"}, {Number: "B7", Quantity: "31"}, {Number: "none", Quantity: "1"}, {Number: "T1", Quantity: "0"}, {Number: "T1", Quantity: "x"},
			{Number: "T1", Quantity: "1", Site: "D200"}, {Number: "T1", Quantity: "1", Site: "D101", RequestedOn: "2026-03-09"}, {Number: "T1", Quantity: "1", RequestedOn: "2026-03-01"}, {Number: "X9", Quantity: "3"}, {Number: "", Quantity: "1"}, {Number: "T1", Quantity: "2"}})
		for _, l := range taken {
			got = append(got, fmt.Sprintf("%d %s %s %s", l.Row, l.State, l.Column, l.Became))
		}
		return err
	}))
	want := "1 taken  4;2 corrected quantity 20;3 corrected quantity 40;4 refused number ;5 refused quantity ;6 refused quantity ;7 refused site ;8 taken  1;9 refused requested_on ;10 refused number ;11 refused number ;12 taken  2"
	if s := strings.Join(got, ";"); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	must(t, do(t, p, person("a"), func(tx *portal.Tx) error {
		c, err := orders.ShowCart(t.Context(), tx)
		var lines []string
		for _, l := range c.Lines {
			lines = append(lines, fmt.Sprintf("%s %s %s %s", l.Product, l.Quantity, l.Site, l.Net))
		}
		if s := strings.Join(lines, ";"); s != "T1 6 D100 420.00;B7 60 D100 210.00;T1 1 D101 70.00" || c.Net != "700.00" {
			t.Errorf("the cart holds %s, net %s", s, c.Net)
		}
		return err
	}))
	// It is nobody else's: not a colleague's, not another partner's.
	for _, by := range []portal.Caller{person("b"), func() portal.Caller {
		b := person("a")
		b.PartnerID, b.PartnerNumber = portaltest.Brock, "D200"
		return b
	}()} {
		must(t, do(t, p, by, func(tx *portal.Tx) error {
			c, err := orders.ShowCart(t.Context(), tx)
			if len(c.Lines) != 0 {
				t.Errorf("%s sees another's cart", by.Name)
			}
			return err
		}))
	}
}

// TestPlaceCart_once shows that a cart is ordered once, however often and however much at a time it is tried.
func TestPlaceCart_once(t *testing.T) {
	t.Parallel()
	p := portaltest.NewWith(t, portal.Options{MaxConns: 24})
	p.Arrange(t, shop)
	by := person("a")
	must(t, do(t, p, by, func(tx *portal.Tx) error {
		_, err := orders.AddToCart(t.Context(), tx, []orders.New{{Number: "T1", Quantity: "8"}, {Number: "B7", Quantity: "20", Site: "D101"}})
		return err
	}))
	var all sync.WaitGroup
	outcomes := make(chan error, 20)
	for range 20 {
		all.Go(func() {
			outcomes <- do(t, p, by, func(tx *portal.Tx) error {
				_, err := orders.PlaceCart(t.Context(), tx, orders.Placing{PONumber: "PO-1"})
				return err
			})
		})
	}
	all.Wait()
	close(outcomes)
	ok := 0
	for err := range outcomes {
		if err == nil {
			ok++
		} else if portal.Says(err).Kind != portal.Conflict {
			t.Errorf("a later try: %v, want a Conflict", err)
		}
	}
	var placed, lines, posted int
	must(t, errors.Join(p.Owner.QueryRow(`SELECT count(*) FROM placed_orders`).Scan(&placed), p.Owner.QueryRow(`SELECT count(*) FROM placed_lines`).Scan(&lines), p.Owner.QueryRow(`SELECT count(*) FROM outbox WHERE name = 'place_order'`).Scan(&posted)))
	if ok != 1 || placed != 2 || lines != 2 || posted != 2 {
		t.Errorf("%d tries went through, %d orders with %d lines were placed, %d posted; want 1, an order for each of two sites, 2 lines, 2 posted", ok, placed, lines, posted)
	}
}

// TestPlaceCart_checks holds what is checked before an order leaves.
func TestPlaceCart_checks(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, shop)
	by := person("a")
	var seen string
	var checks orders.Checks
	show := func() {
		must(t, do(t, p, by, func(tx *portal.Tx) error {
			c, err := orders.ShowCart(t.Context(), tx)
			seen, checks = c.Seen, c.Checks
			return err
		}))
	}
	warns := func(what string, want orders.Checks) {
		t.Helper()
		if show(); checks != want {
			t.Errorf("%s: the cart says %+v, want %+v", what, checks, want)
		}
	}
	fill := func(lines ...orders.New) {
		must(t, do(t, p, by, func(tx *portal.Tx) error {
			if err := orders.EmptyCart(t.Context(), tx); err != nil {
				return err
			}
			_, err := orders.AddToCart(t.Context(), tx, lines)
			return err
		}))
		show()
	}
	place := func(pl orders.Placing) (placed []orders.Placed, err error) {
		pl.Seen = seen
		err = do(t, p, by, func(tx *portal.Tx) (err error) { placed, err = orders.PlaceCart(t.Context(), tx, pl); return err })
		return placed, err
	}
	refused := func(what string, err error, kind portal.Kind, words string) {
		t.Helper()
		says := portal.Says(err)
		if says.Kind != kind || !strings.Contains(says.Msg+fmt.Sprint(says.Fields), words) {
			t.Errorf("%s: %v %v, want kind %d with %q", what, err, says.Fields, kind, words)
		}
	}
	fill(orders.New{Number: "T1", Quantity: "8"})
	p.Arrange(t, `UPDATE list_prices SET unit_price = 66 WHERE entry = '2'`)
	_, err := place(orders.Placing{})
	refused("the price moved", err, portal.Conflict, "the price was 65.50 and is 66.00")
	show()
	p.Arrange(t, `UPDATE availability SET available = 3 WHERE product = 'T1'`)
	_, err = place(orders.Placing{})
	refused("the stock moved", err, portal.Conflict, "5 of 8 are not in stock any more")
	warns("a part follows", orders.Checks{Ready: true, Short: 1})
	_, err = place(orders.Placing{InStock: true})
	refused("all has to be in stock", err, portal.Conflict, "5 of 8 are not in stock today")
	p.Arrange(t, `INSERT INTO account_status (partner_id, account, currency, credit_limit, on_hold, hold_reason, balance, changed_at) VALUES (2, 'A', 'EUR', 500, true, 'late', 0, now())`)
	warns("on hold", orders.Checks{Short: 1, OnHold: true, OverCredit: true})
	_, err = place(orders.Placing{})
	refused("on hold", err, portal.Conflict, "on hold; ask")
	p.Arrange(t, `UPDATE account_status SET on_hold = false`)
	warns("above the credit", orders.Checks{Short: 1, OverCredit: true})
	_, err = place(orders.Placing{})
	refused("above the credit", err, portal.Conflict, "exceeds what your company may still buy")
	p.Arrange(t, `UPDATE account_status SET credit_limit = 600`)
	must(t, do(t, p, by, func(tx *portal.Tx) error {
		return orders.SetRules(t.Context(), tx, orders.Rules{POOnce: true, PONeeded: true})
	}))
	warns("no PO", orders.Checks{Ready: true, Short: 1, PONeeded: true, POOnce: true})
	_, err = place(orders.Placing{})
	refused("no PO", err, portal.Invalid, "wants one on each order")
	placed, err := place(orders.Placing{PONumber: "po-7"})
	must(t, err)
	if len(placed) != 1 || placed[0].State != "sent" || placed[0].Net != "528.00" {
		t.Errorf("placed %+v", placed)
	}
	fill(orders.New{Number: "T1", Quantity: "1"})
	_, err = place(orders.Placing{PONumber: "PO-7"})
	refused("the PO is taken", err, portal.Invalid, "is on another order")
	_, err = place(orders.Placing{PONumber: "PO-8"})
	must(t, err)
	fill(orders.New{Number: "T1", Quantity: "1"})
	_, err = place(orders.Placing{PONumber: "PO-9"})
	refused("what is on its way counts", err, portal.Conflict, "exceeds")
	fill(orders.New{Number: "R1", Quantity: "1"})
	warns("on request", orders.Checks{Problems: 1, PONeeded: true, POOnce: true})
	_, err = place(orders.Placing{PONumber: "PO-9"})
	refused("on request", err, portal.Invalid, "its price is on request")
}

// TestApprove holds that an order above the limit waits for a colleague, and what becomes of it.
func TestApprove(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, shop)
	dana, boris := person("a"), person("b")
	dana.OrderLimit = "100"
	order := func(n string) (o orders.Placed) {
		must(t, do(t, p, dana, func(tx *portal.Tx) error {
			if _, err := orders.AddToCart(t.Context(), tx, []orders.New{{Number: "T1", Quantity: portal.Amount(n)}}); err != nil {
				return err
			}
			placed, err := orders.PlaceCart(t.Context(), tx, orders.Placing{})
			o = placed[0]
			return err
		}))
		return o
	}
	if o := order("1"); o.State != "sent" {
		t.Errorf("within the limit: %s", o.State)
	}
	o := order("2")
	if o.State != "awaiting" {
		t.Fatalf("above the limit: %s", o.State)
	}
	approve := func(by portal.Caller) error {
		return do(t, p, by, func(tx *portal.Tx) error { _, err := orders.Approve(t.Context(), tx, o.ID.String()); return err })
	}
	if err := approve(dana); portal.Says(err).Kind != portal.Conflict {
		t.Errorf("approving one's own: %v", err)
	}
	foreign := person("b")
	foreign.PartnerID = portaltest.Brock
	if err := approve(foreign); portal.Says(err).Kind != portal.NotFound {
		t.Errorf("approving another partner's: %v", err)
	}
	must(t, approve(boris))
	if err := approve(boris); portal.Says(err).Kind != portal.Conflict {
		t.Errorf("approving twice: %v", err)
	}
	var posted int
	must(t, p.Owner.QueryRow(`SELECT count(*) FROM outbox WHERE name = 'place_order'`).Scan(&posted))
	if posted != 2 {
		t.Errorf("%d orders are on their way, want 2", posted)
	}
	o = order("3")
	must(t, do(t, p, boris, func(tx *portal.Tx) error {
		_, err := orders.Return(t.Context(), tx, o.ID.String(), "Too many")
		return err
	}))
	must(t, p.AsWorker(t.Context(), "test", func(tx *portal.Tx) error {
		return orders.Acknowledged(t.Context(), tx, portaltest.Acme, "placed/"+order("1").ID.String(), "4711")
	}))
	must(t, do(t, p, dana, func(tx *portal.Tx) error {
		got, err := orders.GetPlaced(t.Context(), tx, o.ID.String())
		if got.State != "returned" || got.Words != "Too many" {
			t.Errorf("returned: %+v", got)
		}
		return err
	}))
	var mails int
	must(t, p.Owner.QueryRow(`SELECT count(*) FROM mails WHERE recipient = 'dana@acme.example'`).Scan(&mails))
	if mails != 2 {
		t.Errorf("%d mails, want one for each decision", mails)
	}
}

// TestTakeList holds that each row of a list is accounted for, and that the file of the refused says what was written, can be mended and sent again.
func TestTakeList(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, shop)
	list := "Article;Qty;Ship to;Wanted on\nT1;4;;\nB7;12 boxes;;\nT1;1,234;;2026-03-31\nT1;2;;soon\nnothing;a few;;\nB7;20;D101;31.3.2026\n"
	var u orders.Upload
	must(t, do(t, p, person("a"), func(tx *portal.Tx) error {
		table, err := sheet.Text(list, orders.ListLimits)
		must(t, err)
		u, err = orders.TakeList(t.Context(), tx, table)
		return err
	}))
	var got []string
	for _, r := range u.Rows {
		got = append(got, fmt.Sprintf("%d %s %s", r.Row, r.State, r.Column))
	}
	if s := strings.Join(got, ";"); s != "2 taken ;3 refused quantity;4 refused quantity;5 refused requested_on;6 refused number;7 taken " || u.Taken != 2 || u.Refused != 4 || u.Corrected != 0 {
		t.Errorf("got %s, %d taken, %d refused", s, u.Taken, u.Refused)
	}
	var file bytes.Buffer
	must(t, do(t, p, person("a"), func(tx *portal.Tx) error {
		kept, err := orders.GetUpload(t.Context(), tx, u.ID.String())
		must(t, err)
		w, err := sheet.NewWriter(&file, "csv", "Refused", orders.RefusedHeader)
		must(t, err)
		must(t, kept.EachRefused(t.Context(), tx, "csv", w.Row))
		return w.Close()
	}))
	for _, line := range []string{"B7,12 boxes,,,3,quantity,", `T1,"1,234",,2026-03-31,4,quantity,`, "T1,2,,soon,5,requested_on,", "nothing,a few,,,6,number,"} {
		if !strings.Contains(file.String(), "\n"+line) {
			t.Errorf("the file of the refused misses %q:\n%s", line, file.String())
		}
	}
	mended := strings.NewReplacer("12 boxes", "120", `,"1,234",,`, ",12,,", "soon", "2026-04-01", "nothing,a few", "T1,3").Replace(file.String())
	must(t, do(t, p, person("b"), func(tx *portal.Tx) error {
		table, err := sheet.Text(mended, orders.ListLimits)
		must(t, err)
		again, err := orders.TakeList(t.Context(), tx, table)
		if again.Taken != 4 || again.Refused != 0 {
			t.Errorf("mended, %d are taken and %d refused: %+v", again.Taken, again.Refused, again.Rows)
		}
		return err
	}))
}

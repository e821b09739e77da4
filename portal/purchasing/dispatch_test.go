package purchasing

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"extranet/portal"
	"extranet/portal/portaltest"
)

func TestSSCC(t *testing.T) {
	// GS1 General Specifications give 10614141192837465 → check digit 7; and this one is worked by hand.
	if c := checkDigit("10614141192837465"); c != '7' {
		t.Errorf("check digit %c", c)
	}
	if s, ok := sscc("4012345", 67); !ok || s != "040123450000000672" {
		t.Errorf("%s %t", s, ok)
	}
	if _, ok := sscc("401234567890", 10000); ok {
		t.Error("a serial that has no room is given out")
	}
	rapid.Check(t, func(t *rapid.T) {
		prefix := rapid.StringMatching(`[0-9]{7,12}`).Draw(t, "prefix")
		s, ok := sscc(prefix, rapid.Int64Range(0, 9999).Draw(t, "serial"))
		if !ok || len(s) != 18 || checkDigit(s[:17]) != s[17] || s[1:1+len(prefix)] != prefix {
			t.Fatalf("%s", s)
		}
		// One wrong digit is noticed.
		i, d := rapid.IntRange(0, 16).Draw(t, "place"), byte(rapid.IntRange(1, 9).Draw(t, "by"))
		wrong := []byte(s)
		wrong[i] = '0' + (wrong[i]-'0'+d)%10
		if checkDigit(string(wrong[:17])) == s[17] {
			t.Fatalf("%s passes for %s", wrong, s)
		}
	})
}

var sender = portaltest.As(portaltest.Cord, portal.PurchasingRead, portal.PurchasingAnswer, portal.DispatchSend)

func (c *core) announce(t *testing.T, n NewDispatch) (d Dispatch, err error) {
	t.Helper()
	err = c.Do(t.Context(), sender, func(tx *portal.Tx) (err error) { d, err = Announce(t.Context(), tx, n); return err })
	return d, err
}

func TestAnnounce(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	c.does(t, twoLines)
	n := NewDispatch{Number: "LS-1", Carrier: "Roadlink", Tracking: "RN1", ShipsOn: "2026-03-08", ArrivesOn: "2026-03-09", Prefix: "4012345", Packages: []NewPackage{{"12.5"}, {}},
		Lines: []DispatchLine{{Order: "P1", Line: 10, Package: 1, Quantity: "50", Lot: "L7"}, {Order: "P1", Line: 10, Package: 2, Quantity: "10"}, {Order: "P1", Line: 20, Package: 2, Quantity: "2", Serials: []string{"s1", "s2"}}}}
	d, err := c.announce(t, n)
	must(t, err)
	expect(t, "numbers", []string{d.Packages[0].SSCC, d.Packages[1].SSCC}, []string{"040123450000000016", "040123450000000023"})
	must(t, c.Do(t.Context(), sender, func(tx *portal.Tx) (err error) { d, err = GetDispatch(t.Context(), tx, "LS-1"); return err }))
	expect(t, "kept", fmt.Sprint(d.State, d.Lines[2].Serials, d.Packages[0].WeightKg, d.Lines[0].Description), "sent[s1 s2]12.5Tyre")

	// The same number is refused in words; nothing of it is kept, and the next has the next numbers.
	n.Packages, n.Lines = n.Packages[:1], []DispatchLine{{Order: "P1", Line: 20, Package: 1, Quantity: "48"}}
	if _, err := c.announce(t, n); portal.Says(err).On("number") == "" {
		t.Errorf("announced twice: %v", err)
	}
	n.Number = "LS-2"
	if d, err = c.announce(t, n); err != nil || d.Packages[0].SSCC != "040123450000000030" || len(d.Warnings) != 0 {
		t.Errorf("%+v %v", d, err)
	}

	// Nothing of line 20 is left: 2 more is 4 % over, which is sent with a warning; 3 more is beyond what the host takes.
	n.Number, n.Lines[0].Quantity = "LS-3", "2"
	if d, err = c.announce(t, n); err != nil || len(d.Warnings) != 1 {
		t.Errorf("within tolerance: %v %v", d.Warnings, err)
	}
	n.Number, n.Lines[0].Quantity = "LS-4", "3"
	if _, err = c.announce(t, n); portal.Says(err).On("order-P1-20") == "" {
		t.Errorf("over tolerance: %v", err)
	}
	// What was received is no longer on its way, and what the core refused never was.
	c.does(t, `INSERT INTO receipts (partner_id, receipt, order_number, order_line, received_at, quantity, dispatch, changed_at) VALUES (4, 'G1', 'P1', 20, $1, 48, 'LS-2', $1)`, `UPDATE purchase_order_lines SET received = 40, changed_at = $1 WHERE line = 20`)
	must(t, c.AsWorker(t.Context(), "test", func(tx *portal.Tx) error { return DispatchRefused(t.Context(), tx, portaltest.Cord, "LS-3", "no") }))
	var left []DispatchLine
	must(t, c.Do(t.Context(), sender, func(tx *portal.Tx) (err error) { left, err = Shippable(t.Context(), tx, "P1"); return err }))
	expect(t, "left", []portal.Amount{left[0].Quantity, left[1].Quantity}, []portal.Amount{"40", "8"})
	// Too early is refused, a little early is told.
	n.Number, n.Lines[0].Quantity, n.ShipsOn, n.ArrivesOn = "LS-5", "1", "2026-03-02", "2026-03-05"
	if d, err = c.announce(t, n); err != nil || len(d.Warnings) != 1 {
		t.Errorf("early: %v %v", d.Warnings, err)
	}
	c.Arrange(t, `UPDATE purchasing_policy SET early_warn = 1, early_stop = 2`)
	n.Number = "LS-6"
	if _, err = c.announce(t, n); portal.Says(err).On("order-P1-20") == "" {
		t.Errorf("too early: %v", err)
	}
}

func TestAnnounce_faults(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	c.does(t, twoLines)
	good := func() NewDispatch {
		return NewDispatch{Number: "LS-1", ShipsOn: "2026-03-09", ArrivesOn: "2026-03-10", Prefix: "4012345", Packages: []NewPackage{{}}, Lines: []DispatchLine{{Order: "P1", Line: 10, Package: 1, Quantity: "2"}}}
	}
	for field, spoil := range map[string]func(*NewDispatch){
		"number":     func(n *NewDispatch) { n.Number = "  " },
		"ships_on":   func(n *NewDispatch) { n.ShipsOn = "" },
		"arrives_on": func(n *NewDispatch) { n.ArrivesOn = "2026-03-08" },
		"gs1_prefix": func(n *NewDispatch) { n.Prefix = "12345x7" },
		"packages":   func(n *NewDispatch) { n.Packages, n.Lines[0].Package = make([]NewPackage, 201), 1 },
		"weight-1":   func(n *NewDispatch) { n.Packages[0].WeightKg = "-1" },
		"lines":      func(n *NewDispatch) { n.Lines = nil },
		"line-2": func(n *NewDispatch) {
			n.Lines = append(n.Lines, DispatchLine{Order: "P1", Line: 99, Package: 1, Quantity: "1"})
		},
		"quantity-1": func(n *NewDispatch) { n.Lines[0].Quantity = "0" },
		"package-1": func(n *NewDispatch) {
			n.Lines = append([]DispatchLine{{Order: "P1", Line: 10, Package: 2, Quantity: "1"}}, n.Lines...)
		},
		"serials-1":    func(n *NewDispatch) { n.Lines[0].Serials = []string{"a", "a"} },
		"lot-1":        func(n *NewDispatch) { n.Lines[0].Lot = "a\nb" },
		"package-of-2": func(n *NewDispatch) { n.Packages = append(n.Packages, NewPackage{}) },
	} {
		n := good()
		spoil(&n)
		_, err := c.announce(t, n)
		if says := portal.Says(err); says.Kind != portal.Invalid || says.On(field) == "" || len(says.Fields) != 1 && field != "quantity-1" {
			t.Errorf("%s: %v %v", field, says.Msg, says.Fields)
		}
	}
	for _, by := range []portal.Caller{portaltest.As(portaltest.Dart, portal.PurchasingRead, portal.DispatchSend), {PartnerID: portaltest.Cord, Name: "x", Perms: sender.Perms, Sites: []string{"S301"}}} {
		if err := c.Do(t.Context(), by, func(tx *portal.Tx) error { _, err := Announce(t.Context(), tx, good()); return err }); portal.Says(err).Kind != portal.NotFound {
			t.Errorf("%s announces: %v", by.Name, err)
		}
	}
	if _, err := c.announce(t, good()); err != nil {
		t.Error(err)
	}
	var all []portal.Posted
	must(t, c.Do(t.Context(), sender, func(tx *portal.Tx) (err error) {
		all, err = portal.Outgoing(t.Context(), tx, "dispatches/LS-1")
		return err
	}))
	if len(all) != 1 || !slices.ContainsFunc(all, func(p portal.Posted) bool { return p.Name == CommandDispatch }) {
		t.Errorf("on its way: %+v", all)
	}
}

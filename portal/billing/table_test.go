package billing

import (
	"fmt"
	"strings"
	"testing"

	"extranet/portal"
	"extranet/portal/portaltest"
	"extranet/portal/sheet"
)

// TestSendTable holds that every row is sent, left or refused with its reason, that a number is used once, and that a fault spoils its own invoice alone.
func TestSendTable(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, oneOrder)
	table, err := sheet.Text(strings.Join([]string{
		"Number;Invoiced on;Currency;Order;Line;Quantity;Price;Tax rate;Total",
		"RE-1;1.3.2026;EUR;P1;10;30;4,5;19;",
		"RE-1;;;P1;20;5;2;7;171,35",
		"re-2;2026-03-01;EUR;P1;10;5;4.5;19;",
		"old-1;2026-03-01;EUR;P1;10;5;4.5;19;",
		"RE-3;2026-03-01;EUR;P1;10;5;4.5;19;",
		"RE-3;2026-03-01;EUR;P1;99;5;4.5;19;",
		";;;P1;20;1;2;7;",
		"RE-4;2026-03-01;USD;P1;10;x;4.5;19;",
	}, "\n"), sheet.Limits{})
	must(t, err)
	send := func() (a Accounted) {
		must(t, p.Do(t.Context(), cord, func(tx *portal.Tx) (err error) { a, err = SendTable(t.Context(), tx, table); return err }))
		return a
	}
	a := send()
	var refused []string
	for _, f := range a.Refused {
		refused = append(refused, fmt.Sprintf("%d %s", f.Row, f.Why))
	}
	want := "5 number: old-1 was invoiced already; each invoice has its own number\n6 its invoice was not sent, for the fault of another row\n7 line: there is no line 99 in a purchase order P1\n9 column F: \"x\" is not a number"
	if strings.Join(refused, "\n") != want || a.Invoices != 2 || a.Lines != 3 || a.Left != 1 {
		t.Errorf("%+v\n%s", a, strings.Join(refused, "\n"))
	}
	if a = send(); a.Invoices != 0 || len(a.Refused) != 7 {
		t.Errorf("sent twice: %+v", a)
	}
}

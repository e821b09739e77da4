package purchasing

import (
	"fmt"
	"strings"
	"testing"

	"extranet/portal"
	"extranet/portal/sheet"
)

// TestAnswerTable holds that what is taken away comes back: every row is answered, left or refused with its reason, and a line that cannot be taken spoils no other.
func TestAnswerTable(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	c.does(t, twoLines, `INSERT INTO purchase_orders (partner_id, number, site, status, currency, ordered_on, net, changed_at) VALUES (4, 'P2', 'S300', 'open', 'EUR', '2026-03-01', 500, $1)`,
		`INSERT INTO purchase_order_lines (partner_id, order_number, line, product, description, unit, quantity, received, price, net, requested_on, status, changed_at)
		VALUES (4, 'P2', 10, 'T1', 'Tyre', 'PC', 100, 0, 4, 400, '2026-03-10', 'open', $1), (4, 'P2', 20, 'T1', 'Tyre', 'PC', 10, 0, 4, 40, '2026-03-10', 'open', $1), (4, 'P2', 30, 'T1', 'Tyre', 'PC', 10, 0, 4, 40, '2026-03-10', 'open', $1)`)
	var rows []string
	must(t, c.Do(t.Context(), cord, func(tx *portal.Tx) error {
		return ToAnswer(t.Context(), tx, "csv", func(cells ...any) error {
			rows = append(rows, fmt.Sprint(cells[0], " ", cells[2], " ", cells[8], " ", cells[9]))
			return nil
		})
	}))
	expect(t, "to answer", strings.Join(rows, "; "), "P1 10 2026-03-10 60; P1 10 2026-03-17 40; P1 20 2026-03-10 50; P2 10 2026-03-10 100; P2 20 2026-03-10 10; P2 30 2026-03-10 10")
	table, err := sheet.Text(strings.Join([]string{
		"Order;Version;Line;Answer;Day;Promised quantity;Rest;Reason;Asked price;Note",
		"P1;1;10;accept;;;;;;",
		"P1;1;10;;;;;;;",
		"P1;1;20;;10.3.2026;20;;;;",
		"P1;1;20;;2026-03-17;31;;;;",
		"P2;1;10;refuse;;;;No idea;;",
		"P2;1;20;;17.3.2026;4;refuse;capacity;;ends",
		"P2;9;30;accept;;;;;;",
		"P9;1;10;accept;;;;;;",
		"P2;1;x;accept;;;;;;",
		"P2;1;30;;;;;;4,5;",
	}, "\n"), sheet.Limits{})
	must(t, err)
	var a AnswersTaken
	must(t, c.Do(t.Context(), cord, func(tx *portal.Tx) (err error) { a, err = AnswerTable(t.Context(), tx, table); return err }))
	var refused []string
	for _, f := range a.Refused {
		refused = append(refused, fmt.Sprintf("%d %s", f.Row, f.Why))
	}
	expect(t, "refused", strings.Join(refused, "\n"), strings.Join([]string{
		"4 parts: are 51 in all, and the line asks for 50; ask the host to raise the order if you want to deliver more",
		"5 parts: are 51 in all, and the line asks for 50; ask the host to raise the order if you want to deliver more",
		"6 reason: choose from " + strings.Join(Reasons, ", "),
		"8 its line was not taken, for the fault of another row",
		"9 there is no purchase order with this number",
		"10 say the order, and the line by its number",
		"11 says question, and a row above says accept to the same line",
	}, "\n"))
	expect(t, "taken", fmt.Sprint(a.Orders, a.Lines, a.Waiting, a.Left), "2 2 1 1")
	expect(t, "accepted", c.get(t, "P1").line(10), "confirmed: promised 60 on 2026-03-10, 40 on 2026-03-17, refused 0, open 0")
	expect(t, "in part", c.get(t, "P2").line(20), "waiting: promised , refused 0, open 10")
}

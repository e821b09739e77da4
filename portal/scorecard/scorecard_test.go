package scorecard

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"extranet/portal"
	"extranet/portal/portaltest"
)

func TestMain(m *testing.M) { os.Exit(portaltest.Main(m)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Cord delivers: P1/10 asked for in two parts, the first in full on its day, the second short of one that was rejected; P1/20 without schedule lines, a day late; P2 is
// cancelled. Dart's twins, under the same numbers, are all late.
const delivered = `
	INSERT INTO purchase_orders (partner_id, number, site, status, currency, ordered_on, net, state, version, to_answer, changed_at) VALUES (4, 'P1', 'S300', 'open', 'EUR', '2026-01-02', 1, 'review', 2, 1, now()), (4, 'P2', 'S300', 'cancelled', 'EUR', '2026-01-02', 1, 'closed', 1, 0, now()), (5, 'P1', 'S400', 'open', 'EUR', '2026-01-02', 1, 'closed', 1, 0, now());
	INSERT INTO purchase_order_lines (partner_id, order_number, line, product, description, quantity, received, price, net, requested_on, status, changed_at)
	VALUES (4, 'P1', 10, 'T1', 'Tyre', 100, 99, 1, 1, '2026-01-20', 'open', now()), (4, 'P1', 20, 'T2', 'Tube', 50, 50, 1, 1, '2026-01-20', 'open', now()), (4, 'P2', 10, 'T1', 'Tyre', 7, 0, 1, 1, '2026-01-20', 'open', now()), (5, 'P1', 10, 'T1', 'Tyre', 100, 0, 1, 1, '2026-01-20', 'open', now());
	INSERT INTO schedule_lines (partner_id, order_number, line, schedule, requested_on, quantity, changed_at) VALUES (4, 'P1', 10, 1, '2026-01-20', 60, now()), (4, 'P1', 10, 2, '2026-02-03', 40, now()), (4, 'P1', 10, 3, '2026-03-09', 5, now());
	INSERT INTO purchase_promises (partner_id, order_number, line, part, promised_on, quantity) VALUES (4, 'P1', 20, 1, '2026-01-21', 50), (4, 'P1', 10, 1, '2026-02-04', 99);
	INSERT INTO receipts (partner_id, receipt, kind, site, order_number, order_line, product, received_at, quantity, rejected, reason, changed_at) VALUES
		(4, 'R1', 'receipt', 'S300', 'P1', 10, 'T1', '2026-01-20 10:00Z', 60, 0, NULL, now()), (4, 'R2', 'receipt', 'S300', 'P1', 10, 'T1', '2026-02-03 10:00Z', 40, 1, 'tread defect', now()),
		(4, 'R3', 'receipt', 'S300', 'P1', 20, 'T2', '2026-01-21 10:00Z', 50, 0, NULL, now()), (4, 'R4', 'return', 'S300', 'P1', 20, 'T2', '2026-02-10 10:00Z', 2, NULL, 'wrong item', now()), (5, 'R5', 'receipt', 'S400', 'P1', 10, 'T1', '2026-01-25 10:00Z', 100, 100, 'all', now());
	INSERT INTO purchase_versions (partner_id, order_number, version, at, answer_by, content) VALUES (4, 'P1', 1, '2026-01-05 08:00Z', '2026-01-07', '{}'), (4, 'P1', 2, '2026-02-02 08:00Z', '2026-02-04', '{}');
	INSERT INTO purchase_answers (partner_id, order_number, answer, version, command_id, at, by_whom, note) VALUES (4, 'P1', 1, 1, gen_random_uuid(), '2026-01-06 20:00Z', 'x', ''), (4, 'P1', 2, 1, gen_random_uuid(), '2026-01-09 08:00Z', 'x', '');
	INSERT INTO demand_history (partner_id, product, location, kind, supplier, starts_on, quantity, received, changed_at) VALUES (4, 'T1', 'W1', 'week', 'S300', '{2026-01-05,2026-01-12,2026-01-19}', '{100,100,100}', '{90,120,NULL}', now());
	INSERT INTO commits (partner_id, product, location, revision, latest, version, starts_on, quantity, asked, reason, note, short, over, value, how, committed_at, committed_by)
	VALUES (4, 'T1', 'W1', 1, true, 'V1', '{2026-01-05,2026-01-12,2026-01-19}', '{100,100,100}', '{100,100,100}', '{"","",""}', '{"","",""}', 0, 0, 0, 'grid', now(), 'x');`

// TestCard holds each figure to lines that were worked by hand, the same for both sides, and each to the lines behind it.
func TestCard(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, delivered)
	cord, buyer := portaltest.As(portaltest.Cord, portal.PurchasingRead), portaltest.As(portaltest.Host, portal.PurchasesRead)
	period := portal.Period{From: "2026-01-01", To: "2026-03-31"}
	var own, same Card
	must(t, p.Do(t.Context(), cord, func(tx *portal.Tx) (err error) { own, err = Own(t.Context(), tx, period); return err }))
	say := func(c Card) (s string) {
		for _, f := range Figures {
			x := c.Of(f)
			s += fmt.Sprintf("%s %d/%d %s %s/%s; ", f, x.Good, x.Lines, x.Value, x.Got, x.Of)
		}
		return s
	}
	// Version 1 was answered after 36 hours, in time; version 2 is overdue. 3 of 150 rejected or sent back; 190 of 200 committed arrived.
	if want := "asked 1/3 33.3 /; promised 2/2 100 /; answers 1/2 50 36/; rejects 2/4 20000 3/150; commits 1/2 95 190/200; "; say(own) != want {
		t.Errorf("\n%s, want\n%s", say(own), want)
	}
	must(t, p.AcrossPartners(t.Context(), buyer, portal.PurchasesRead, func(tx *portal.Tx) (err error) {
		if same, err = OfSupplier(t.Context(), tx, "S300", period); err != nil {
			return err
		}
		all, err := OfAll(t.Context(), tx, period)
		if len(all) != 2 || say(all[0]) != say(own) || !strings.HasPrefix(say(all[1]), "asked 0/1 0 /; promised 0/0  /; answers 0/0  /; rejects 0/1 1000000 100/100;") {
			t.Errorf("all: %+v", all)
		}
		return err
	}))
	if say(same) != say(own) {
		t.Errorf("the host sees %s, the supplier %s", say(same), say(own))
	}
	for _, figure := range Figures {
		for _, missed := range []bool{false, true} {
			var o Opened
			must(t, p.Do(t.Context(), cord, func(tx *portal.Tx) (err error) { o, err = Open(t.Context(), tx, figure, period, missed); return err }))
			want := own.Of(figure).Lines
			if missed {
				want -= own.Of(figure).Good
			}
			if len(o.Behind) != want {
				t.Errorf("%s, missed %t: %d lines, want %d: %+v", figure, missed, len(o.Behind), want, o.Behind)
			}
		}
	}
	// A plant sees its own; a period that cannot be meant is refused by its field; a figure that is none is not there.
	plant := cord
	plant.Sites = []string{"S399"}
	must(t, p.Do(t.Context(), plant, func(tx *portal.Tx) (err error) { own, err = Own(t.Context(), tx, period); return err }))
	if own.Asked.Lines+own.Answers.Lines+own.Rejects.Lines+own.Commits.Lines != 0 {
		t.Errorf("one of a plant sees %s", say(own))
	}
	must(t, p.Do(t.Context(), cord, func(tx *portal.Tx) error {
		if _, err := Own(t.Context(), tx, portal.Period{From: "2026-02-01", To: "2026-01-01"}); portal.Says(err).On("from") == "" {
			t.Errorf("a period backwards: %v", err)
		}
		if _, err := Open(t.Context(), tx, "x", period, false); portal.Says(err).Kind != portal.NotFound {
			t.Errorf("no figure: %v", err)
		}
		return nil
	}))
}

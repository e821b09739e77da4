package tasks_test

import (
	"fmt"
	"os"
	"testing"

	"extranet/portal"
	"extranet/portal/portaltest"
	"extranet/portal/tasks"
)

func TestMain(m *testing.M) { os.Exit(portaltest.Main(m)) }

// TestFor: each caller is told of what waits for them at their company and their sites, as far as they may act on it, and of nothing else.
func TestFor(t *testing.T) {
	t.Parallel()
	for fence, p := range map[string]*portaltest.Portal{"row security": portaltest.New(t), "the predicates alone": portaltest.NewWithoutRowSecurity(t)} {
		p.Arrange(t, `
			INSERT INTO placed_orders (partner_id, placed_id, state, site, currency, net, owner, placed_by, placed_at)
				SELECT p, gen_random_uuid(), s, site, 'EUR', 1, o, 'x', now() FROM (VALUES (2, 'awaiting', 'D100', 'else'), (2, 'awaiting', 'D101', 'else'), (2, 'sent', 'D100', 'else'), (3, 'awaiting', 'D200', 'else')) v (p, s, site, o);
			INSERT INTO claims (partner_id, number, kind, site, currency, reference, contact_email, created_at, created_by, changed_at, state, owner, due_at)
				SELECT p, n, 'return', s, 'EUR', '', '', now(), 'x', now(), st, o, d FROM (VALUES (2, 'C1', 'D100', 'asked', 'dealer', timestamptz '2026-03-01 23:00Z'), (2, 'C2', 'D101', 'asked', 'dealer', '2026-03-05Z'), (2, 'C3', 'D100', 'submitted', 'host', '2026-03-02Z'),
					(3, 'C4', 'D200', 'submitted', 'host', '2026-03-01Z')) v (p, n, s, st, o, d);
			INSERT INTO invoices (partner_id, number, kind, site, currency, invoiced_on, due_on, net, tax, total, open, changed_at)
				SELECT p, n, k, 'D100', 'EUR', '2026-01-01', d::date, 1, 0, 1, o, now() FROM (VALUES (2, 'I1', 'invoice', '2026-03-01', 1), (2, 'I2', 'invoice', '2026-03-02', 1), (2, 'I3', 'invoice', '2026-02-01', 0), (2, 'I4', 'credit_memo', '2026-02-01', -1), (3, 'I5', 'invoice', '2026-02-01', 1)) v (p, n, k, d, o);
			INSERT INTO notices (partner_id, notice, supplier, kind, revision, title, issued_on, withdrawn, changed_at)
				SELECT p, n, 'S', 'pcn', '2', 'x', d::date, w, now() FROM (VALUES (4, 'N1', '2026-01-01', false), (4, 'N2', '2026-02-20', false), (4, 'N3', '2026-02-20', true), (4, 'N4', '2026-02-20', false), (4, 'N5', '2026-02-21', false)) v (p, n, d, w);
			INSERT INTO notice_answers (partner_id, notice, answer, revision, verdict, answered_at, answered_by) VALUES (4, 'N4', 1, '2', 'acknowledged', now(), 'x'), (4, 'N5', 1, '1', 'acknowledged', now(), 'x'), (4, 'N1', 1, '2', 'silence', now(), 'x');
			INSERT INTO forecasts (partner_id, version, product, location, supplier, published_at, kind, starts_on, quantity, changed_at)
				SELECT 4, v, i, 'W1', 'S', d::date, 'week', '{2026-03-02}', '{1}', now() FROM (VALUES ('V1', 'A', '2026-02-01'), ('V2', 'A', '2026-03-01'), ('V2', 'B', '2026-03-01')) v (v, i, d);
			INSERT INTO forecast_rounds (partner_id, version, published_at, due_on) VALUES (4, 'V2', '2026-03-01', '2026-03-04');
			INSERT INTO commits (partner_id, product, location, revision, latest, version, starts_on, quantity, asked, reason, note, short, over, value, how, committed_at, committed_by) VALUES (4, 'B', 'W1', 1, true, 'V2', '{2026-03-02}', '{1}', '{1}', '{""}', '{""}', 0, 0, 0, 'grid', now(), 'x');`)
		for who, c := range map[string]struct {
			by   portal.Caller
			want string
		}{
			"a dealer":            {portaltest.As(portaltest.Acme, portal.OrdersApprove, portal.ClaimsFile, portal.AccountRead), "[{orders_to_approve 2 0 } {claims_to_answer 2 1 2026-03-01} {invoices_to_pay 1 1 2026-03-01}]"},
			"one site's":          {limited(portaltest.As(portaltest.Acme, portal.OrdersApprove, portal.ClaimsFile), "D101"), "[{orders_to_approve 1 0 } {claims_to_answer 1 0 2026-03-05}]"},
			"without rights":      {portaltest.As(portaltest.Acme), "[]"},
			"another dealer":      {portaltest.As(portaltest.Brock, portal.OrdersApprove, portal.ClaimsFile, portal.AccountRead), "[{orders_to_approve 1 0 } {invoices_to_pay 1 1 2026-02-01}]"},
			"a supplier":          {portaltest.As(portaltest.Cord, portal.NoticesAnswer, portal.ForecastsCommit), "[{forecasts_to_commit 1 0 2026-03-04} {notices_to_acknowledge 3 1 2026-01-31}]"},
			"the host's desk":     {portaltest.As(portaltest.Host, portal.ClaimsDecide), "[{claims_to_decide 2 1 2026-03-01}]"},
			"the host's, no desk": {portaltest.As(portaltest.Host), "[]"},
		} {
			list, err := tasks.For(t.Context(), p.DB, c.by)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(list); got != c.want {
				t.Errorf("%s, %s: %s, want %s", fence, who, got, c.want)
			}
		}
	}
}

func limited(by portal.Caller, sites ...string) portal.Caller {
	by.Sites = sites
	return by
}

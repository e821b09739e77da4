package analytics

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

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

func report(t *testing.T, p *portaltest.Portal, over portal.Period) (r Report) {
	t.Helper()
	must(t, p.AcrossPartners(t.Context(), portaltest.As(portaltest.Host, portal.FiguresRead), portal.FiguresRead, func(tx *portal.Tx) (err error) {
		r, err = Read(t.Context(), tx, over)
		return err
	}))
	return r
}

// Of 25 partners that did something in January, 22 did in February: 88 %. The same comes out when it is counted from the acts themselves.
// One that only looked is in no cohort, and what the host's staff did is nobody's.
func TestRead_retention(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, `INSERT INTO partners (partner_id, number, kind, name, currency, changed_at) SELECT 200 + i, 'R' || i, 'dealer', 'Retained ' || i, 'EUR', now() FROM generate_series(1, 26) i`)
	january, february := time.Date(2026, 1, 20, 9, 0, 0, 0, time.UTC), time.Date(2026, 2, 3, 23, 59, 0, 0, time.UTC)
	act := func(by portal.Caller, on int64, action string, at time.Time) {
		t.Helper()
		p.Pass(at.Sub(p.Now()))
		f := func(tx *portal.Tx) error { return tx.AuditFor(t.Context(), on, action, "orders/1", nil) }
		if by.Host {
			must(t, p.AcrossPartners(t.Context(), by, portal.FiguresRead, f))
		} else {
			must(t, p.Do(t.Context(), by, f))
		}
	}
	for i := range int64(25) {
		act(portaltest.As(201+i), 201+i, "orders.place", january)
	}
	for i := range int64(22) {
		act(portaltest.As(201+i), 201+i, "claims.submit", february)
	}
	act(portaltest.As(portaltest.Host, portal.FiguresRead), 225, "orders.place", february) // by the host's staff
	viewing := portaltest.As(224)
	viewing.Viewing = true
	act(viewing, 224, "orders.export", february)
	act(portaltest.As(223), 223, "denied", february)
	p.Used(portaltest.As(226), "/orders/:number")
	p.Pass(portaltest.Now.Sub(p.Now()))

	r := report(t, p, portal.Period{})
	at := slices.IndexFunc(r.Retention, func(c Cohort) bool { return c.Month == "2026-01" })
	if at < 0 || r.Retention[at] != (Cohort{"2026-01", 1, 25, 22}) || r.Retention[at].Rate() != "88.0" {
		t.Fatalf("%+v", r.Retention)
	}
	if len(r.Retention) != 1 { // February's first month after it is not over, nor is anything three months old
		t.Errorf("%+v", r.Retention)
	}
	var partners, again int
	must(t, p.Owner.QueryRow(`
		WITH acts AS (SELECT partner_id, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM') AS month FROM audit WHERE action IN ('orders.place', 'claims.submit') AND actor LIKE 'caller of 2__')
		SELECT count(DISTINCT partner_id) FILTER (WHERE month = '2026-01'), count(DISTINCT partner_id) FILTER (WHERE month = '2026-02') FROM acts`).Scan(&partners, &again))
	if partners != 25 || again != 22 {
		t.Errorf("from the acts: %d of %d", again, partners)
	}
}

// What is asked for at the doors and what is done is counted by area, and whole partners that leave off are told.
func TestRead_useAndQuiet(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	acme, brock := portaltest.As(portaltest.Acme), portaltest.As(portaltest.Brock)
	second := acme
	second.PersonID, second.Name = uuid.New(), "Second"
	for i, by := range []portal.Caller{acme, acme, second, brock} {
		p.Used(by, []string{"/orders", "/cart/lines", "/orders/:number", "/catalog/:number"}[i])
	}
	p.Used(portaltest.As(portaltest.Host), "/orders")
	p.Used(acme, "/theme")
	for day := range 3 {
		p.Pass(time.Duration(-40-day) * 24 * time.Hour)
		must(t, p.Do(t.Context(), brock, func(tx *portal.Tx) error { return tx.Audit(t.Context(), "orders.place", "orders/1", nil) }))
		p.Pass(time.Duration(40+day) * 24 * time.Hour)
	}
	p.Arrange(t, `INSERT INTO programmes VALUES ('gold', 'Gold', '{}', 'x', now()); INSERT INTO partner_programmes VALUES (2, 'gold', now()), (3, 'gold', now());
		INSERT INTO people (person_id, name, email, created_at) SELECT gen_random_uuid(), 'x', 'x@x.example', now()`)
	p.Arrange(t, `INSERT INTO memberships (partner_id, person_id, name, email, roles, origin, granted_by, granted_at) SELECT 2, person_id, 'x', 'x@x.example', '{buyer}', 'operator', 'x', now() FROM people`)
	p.DB.Close() // what was asked for is written
	db, err := portal.Open(t.Context(), portal.Options{URL: p.URL})
	must(t, err)
	t.Cleanup(func() { db.Close() })
	db.Now = func() time.Time { return portaltest.Now }
	p.DB = db

	r := report(t, p, portal.Period{})
	if want := []Use{{"catalog", 1, 1, 1, 0}, {"orders", 1, 2, 3, 0}}; !slices.Equal(r.Use, want) {
		t.Errorf("%+v", r.Use)
	}
	if want := []Segment{{"kind", "dealer", "dealer", 2, 1, 2}, {"kind", "supplier", "supplier", 2, 0, 0}, {"programme", "gold", "Gold", 2, 1, 2}}; !slices.Equal(r.Segments, want) {
		t.Errorf("%+v", r.Segments)
	}
	if want := []Quiet{{"D200", "Brock Wheels", "dealer", "2026-01-21", 3}}; !slices.Equal(r.Quiet, want) {
		t.Errorf("%+v", r.Quiet)
	}
}

// Ten partners order 800, and forty others 5 each: the largest fifth has 80 % of it, and it takes ten for it.
func TestRead_volume(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, `
		INSERT INTO partners (partner_id, number, kind, name, currency, changed_at) SELECT 200 + i, 'V' || lpad(i::text, 2, '0'), 'dealer', 'V ' || i, 'EUR', now() FROM generate_series(1, 50) i;
		INSERT INTO orders (partner_id, number, site, status, currency, ordered_on, net, tax, total, changed_at) SELECT 200 + i, 'O' || i, 'S', 'open', 'EUR', '2026-02-01', 1, 0, CASE WHEN i <= 10 THEN 80 ELSE 5 END, now() FROM generate_series(1, 50) i;
		INSERT INTO orders (partner_id, number, site, status, currency, ordered_on, net, tax, total, changed_at) VALUES (201, 'old', 'S', 'open', 'EUR', '2025-03-01', 1, 0, 999, now()), (202, 'not', 'S', 'cancelled', 'EUR', '2026-02-01', 1, 0, 999, now()), (203, 'usd', 'S', 'open', 'USD', '2026-02-01', 1, 0, 7, now())`)
	r := report(t, p, portal.Period{})
	if want := []Concentration{{"EUR", 50, "1000", "80.0", 10}, {"USD", 1, "7", "100.0", 1}}; !slices.Equal(r.Volume, want) {
		t.Errorf("%+v", r.Volume)
	}
	if len(r.Largest) != 11 || r.Largest[9] != (Share{"EUR", 10, "V10", "V 10", 1, "80", "8.00", "80.00"}) {
		t.Errorf("%+v", r.Largest)
	}
}

// A claim that was submitted on Monday and answered the next day took 24 hours; what the desk only took up was not answered.
func TestRead_desks(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, `
		INSERT INTO claims (partner_id, number, kind, site, currency, reference, contact_email, created_at, created_by, changed_at, state, owner, due_at) SELECT 2, 'C' || i, 'return', 'D100', 'EUR', '', '', now(), 'x', now(), 'submitted', 'host', now() FROM generate_series(1, 3) i;
		INSERT INTO claim_events (partner_id, claim, seq, at, side, by_name, what, words) VALUES
			(2, 'C1', 1, '2026-02-23 08:00Z', 'dealer', 'x', 'submitted', ''), (2, 'C1', 2, '2026-02-23 09:00Z', 'host', 'x', 'took under review', ''), (2, 'C1', 3, '2026-02-24 08:00Z', 'host', 'x', 'asked', ''),
			(2, 'C2', 1, '2026-02-23 08:00Z', 'dealer', 'x', 'submitted', ''), (2, 'C2', 2, '2026-02-23 12:00Z', 'host', 'x', 'decided approved', ''),
			(2, 'C3', 1, '2026-02-25 08:00Z', 'dealer', 'x', 'submitted', '');
		INSERT INTO receipts (partner_id, receipt, kind, site, order_number, order_line, product, received_at, quantity, changed_at) VALUES (4, 'R1', 'receipt', 'S', 'P', 1, 'T1', now(), 1, now());
		INSERT INTO receipt_objections (partner_id, receipt, words, state, command_id, at, by_whom, answered_at) VALUES (4, 'R1', 'x', 'upheld', gen_random_uuid(), '2026-02-28 23:30Z', 'x', '2026-03-01 01:00Z')`)
	r := report(t, p, portal.Period{From: "2026-02-01", To: "2026-02-28"})
	if want := []Desk{{"claims", 3, 2, 1, "14.0", "22.0"}, {"objections", 1, 1, 0, "1.5", "1.5"}}; !slices.Equal(r.Desks, want) {
		t.Errorf("%+v", r.Desks)
	}
	if r := report(t, p, portal.Period{From: "2026-03-01", To: "2026-03-02"}); len(r.Desks) != 0 {
		t.Errorf("%+v", r.Desks)
	}
}

func TestRead_refuses(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	host := portaltest.As(portaltest.Host, portal.FiguresRead)
	for what, over := range map[string]portal.Period{"from": {From: "2026-03-02", To: "2026-03-01"}, "to": {To: "1.1.26"}} {
		err := p.AcrossPartners(t.Context(), host, portal.FiguresRead, func(tx *portal.Tx) error { _, err := Read(t.Context(), tx, over); return err })
		if e := portal.Says(err); e.Kind != portal.Invalid || e.On(what) == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	err := p.AcrossPartners(t.Context(), portaltest.As(portaltest.Host, portal.PartnersRead), portal.PartnersRead, func(tx *portal.Tx) error { _, err := Read(t.Context(), tx, portal.Period{}); return err })
	if portal.Says(err).Kind != portal.Forbidden {
		t.Error(err)
	}
	rows := 0
	err = p.AcrossPartners(t.Context(), host, portal.FiguresRead, func(tx *portal.Tx) error {
		return Export(t.Context(), tx, "x", portal.Period{}, func(...any) error { rows++; return nil })
	})
	if portal.Says(err).Kind != portal.NotFound || rows != 0 {
		t.Error(fmt.Sprint(err, rows))
	}
}

package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"extranet/portal"
	"extranet/portal/portaltest"
)

// TestSyncStatus: the operator sees and does from the command line what the page shows, and Prometheus hears of it.
func TestSyncStatus(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	newSuite(t, p)
	must(t, syncActs{Pause: "orders"}.run(t.Context(), p.URL, false))
	if err := (syncActs{Pause: "gadgets"}).run(t.Context(), p.URL, false); portal.Says(err).Kind != portal.NotFound {
		t.Errorf("pausing what is not there: %v", err)
	}
	var s syncStatus
	must(t, p.AcrossPartners(t.Context(), portaltest.As(portaltest.Host, portal.FeedsRead), portal.FeedsRead, func(tx *portal.Tx) (err error) {
		s, err = statusOf(t.Context(), tx)
		return err
	}))
	var b strings.Builder
	must(t, s.print(&b))
	for _, want := range []string{"orders", "paused", "up to date", "outbox: 0 waiting, 0 failing, 2 to take over by hand"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	w := httptest.NewRecorder()
	opsHandler(p.DB, prometheus.NewRegistry()).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{`extranet_feed_state{entity="orders",state="paused"} 1`, `extranet_feed_quarantined_rows{entity="orders"} 1`, `extranet_feed_age_seconds{entity="orders"} 30`,
		`extranet_feed_pass_rows{entity="orders",kind="read"} 0`, `extranet_outbox_commands{state="not_carried"} 2`, `extranet_outbox_oldest_seconds 0`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in the figures", want)
		}
	}
	if strings.Contains(w.Body.String(), "ACMEONLY") {
		t.Error("the figures name what is a partner's")
	}
}

// TestAllowLoss: a feed that stopped is told to go on at each of three doors, by those who may, and only while it has stopped.
func TestAllowLoss(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	s := newSuite(t, p)
	const refuses = "refuses to delete 11,847 of 11,847 orders, which the source no longer returns"
	doors := []struct {
		name    string
		say     func(who string) (done bool, says string)
		refused string // by a feed that has not stopped
	}{
		{"API", func(who string) (bool, string) {
			a := s.ask(s.visitors[who], "POST", "/api/v1/sync/feeds/orders/allow-loss", "{}")
			return a.code == http.StatusOK, a.body
		}, "there is nothing to allow"},
		{"page", func(who string) (bool, string) {
			a := s.ask(s.visitors[who], "POST", "/sync/feeds/orders", "act=allow-loss")
			return a.code == http.StatusSeeOther && !a.turnedAway(), a.body
		}, "there is nothing to allow"},
		{"command line", func(who string) (bool, string) {
			if who != "host" {
				return false, "" // whoever has the database's password is the operator
			}
			err := (syncActs{AllowLoss: "orders"}).run(t.Context(), p.URL, false)
			return err == nil, portal.Says(err).Msg
		}, "there is nothing to allow"},
	}
	for _, door := range doors {
		if done, says := door.say("host"); done || !strings.Contains(says, door.refused) {
			t.Errorf("%s: a feed that has not stopped: %t %s", door.name, done, says)
		}
		p.Arrange(t, `UPDATE feeds SET stopped_at = now(), behind_since = now(), error = '`+refuses+`' WHERE entity = 'orders'`)
		if page := s.ask(s.visitors["host"], "GET", "/sync", ""); !strings.Contains(page.body, refuses) || !strings.Contains(page.body, "Yes, delete them") {
			t.Errorf("the page does not ask")
		}
		for _, lesser := range []string{"acme", "cord"} {
			if done, says := door.say(lesser); done {
				t.Errorf("%s: %s may allow it: %s", door.name, lesser, says)
			}
		}
		stands := func() (f portal.Feed) {
			must(t, p.AsWorker(t.Context(), "test", func(tx *portal.Tx) (err error) {
				f, err = portal.FeedOf(t.Context(), tx, "orders")
				return err
			}))
			return f
		}
		if f := stands(); f.AllowLoss {
			t.Fatalf("%s: allowed by nobody who may", door.name)
		}
		if done, says := door.say("host"); !done {
			t.Errorf("%s: %s", door.name, says)
		}
		if f := stands(); !f.AllowLoss || !f.AskedAt.Valid || !f.AskedFull {
			t.Errorf("%s: %+v, want the loss allowed, and a pass that reads everything", door.name, f)
		}
		var why string
		must(t, p.Owner.QueryRow(`SELECT detail::json ->> 'why' FROM audit WHERE action = 'feed.allow_loss' ORDER BY seq DESC LIMIT 1`).Scan(&why))
		if why != refuses {
			t.Errorf("%s: the log says %q", door.name, why)
		}
		p.Arrange(t, `UPDATE feeds SET stopped_at = NULL, behind_since = NULL, error = NULL, allow_loss = false, asked_at = NULL, asked_full = false`)
	}
}

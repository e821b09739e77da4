package main

import (
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

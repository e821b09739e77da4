package web_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"extranet/portal"
	"extranet/portal/portaltest"
	"extranet/web/pagetest"
)

// look opens a browser on the pages; who looks is what the returned value holds.
func look(t *testing.T, d *door) (*pagetest.Tab, *atomic.Value) {
	t.Helper()
	var who atomic.Value
	who.Store("acme")
	return pagetest.Open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if as := who.Load().(string); as != "" {
			r.AddCookie(&http.Cookie{Name: "as", Value: as})
		}
		d.engine.ServeHTTP(w, r)
	})), &who
}

// In a browser, under the policy: no message on the console, no other origin, nothing that
// scrolls sideways at 320 px, and no fault that axe finds, in light and in dark.
func TestPagesInABrowser(t *testing.T) {
	d := open(t)
	b, who := look(t, d)
	for _, p := range []struct{ name, as, path string }{
		{"home", "acme", ""}, {"home-supplier", "cord", ""}, {"home-host", "staff", ""}, {"orders", "acme", "orders"}, {"orders-filtered", "acme", "orders?status=open&status=held&site=D100"},
		{"orders-none", "acme", "orders?q=zzz"}, {"orders-refused", "acme", "orders?ordered_from=1.1.26&cursor=x"}, {"order", "acme", "orders/A%2F1"}, {"order-new", "acme", "orders/A%2F2"},
		{"company", "acme", "company"}, {"sync", "desk", "sync"}, {"feed", "desk", "sync/feeds/orders"}, {"outbox", "desk", "sync/outbox"}, {"outbox-by-hand", "desk", "sync/outbox?state=not+carried"}, {"account", "acme", "account"}, {"search", "acme", "search"}, {"docs", "", "api/docs"}, {"docs-signed-in", "acme", "api/docs"},
	} {
		who.Store(p.as)
		for _, look := range pagetest.Looks {
			b.Visit(t, p.path, look)
			b.Said = slices.DeleteFunc(b.Said, func(s string) bool { return strings.Contains(s, "status of 422") })
			b.Sound(t, fmt.Sprint(p.name, " ", look), "html", look.Width)
		}
	}
}

// A page in sight follows what changes, keeps where the keyboard is, and leaves when its session ends.
func TestLivePage(t *testing.T) {
	d := open(t)
	b, _ := look(t, d)
	until := func(what, script string) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); !pagetest.Evaluate[bool](t, b, script); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal(what, " did not come to be: ", b.Said)
			}
		}
	}
	b.Visit(t, "orders", pagetest.Look{Scheme: "light", Width: 1280})
	until("the stream", `performance.getEntriesByName(location.origin + "/events").length >= 0 && document.readyState === "complete"`)
	pagetest.Evaluate[bool](t, b, `window.stays = true; document.getElementById("order-A%2F2").focus(); true`)
	time.Sleep(300 * time.Millisecond)
	d.Arrange(t, `UPDATE orders SET status = 'held' WHERE number = 'A/2'`)
	if err := d.AsWorker(t.Context(), "test", func(tx *portal.Tx) error { tx.Changed("orders", portaltest.Acme); return nil }); err != nil {
		t.Fatal(err)
	}
	until("the new status", `document.getElementById("order-A%2F2").closest("tr").textContent.includes("On hold")`)
	if !pagetest.Evaluate[bool](t, b, `window.stays === true && document.activeElement.id === "order-A%2F2"`) {
		t.Error("the page was loaded anew, or the keyboard's place is lost")
	}
	// What is chosen replaces the list, and the address says it and nothing else.
	pagetest.Evaluate[bool](t, b, `document.querySelector("[name=status][value=held]").click(); true`)
	until("the filtered list", `location.search === "?status=held" && !document.getElementById("order-A%2F1") && !!document.getElementById("order-A%2F2")`)
	if got := pagetest.Evaluate[string](t, b, `document.getElementById("export-CSV").getAttribute("href")`); got != "/exports/orders.csv?status=held" {
		t.Error(got)
	}
	d.revoke("acme")
	if err := d.AsWorker(t.Context(), "test", func(tx *portal.Tx) error { tx.Changed("orders", portaltest.Acme); return nil }); err != nil {
		t.Fatal(err)
	}
	until("the sign-in page", `location.pathname === "/login" && new URLSearchParams(location.search).get("next") === "/orders?status=held"`)
}

package main

import (
	"strings"
	"testing"

	cr "github.com/chromedp/chromedp"

	"extranet/sandbox/core"
)

// TestBrowser_sync follows an administrator over the page Sync: a row that cannot be taken lies in quarantine and is tried again once it is
// mended, a feed is paused and goes on, and what it did stands in its history; at a desk and on a phone.
func TestBrowser_sync(t *testing.T) {
	r, b := start(t), browse(t)
	for _, p := range core.People() {
		if strings.HasPrefix(p.Name, "Ada") {
			b.signIn(r.base, p)
		}
	}
	press := func(act string) {
		t.Helper()
		b.do(cr.Evaluate[cr.Void](`document.querySelector('main input[name=act][value=` + act + `]').form.requestSubmit()`))
	}
	b.do(cr.Navigate(r.base+"/sync"), cr.WaitVisible(cr.CSS(`#feeds`)))
	b.waitFor("Up to date")
	b.shot("sync")

	b.do(cr.Navigate(r.base+"/sync/feeds/purchase_orders"), cr.WaitVisible(cr.CSS(`#passes`)))
	order := ""
	must(t, r.core.QueryRowContext(t.Context(), `UPDATE erp.po_header SET status = 77, changed_at = now() AT TIME ZONE 'UTC' WHERE po_no = (SELECT min(po_no) FROM erp.po_header WHERE status = 10) RETURNING po_no`).Scan(&order))
	b.waitFor(order)
	if says := b.text("main"); !strings.Contains(says, "status") {
		t.Errorf("the page does not say why:\n%s", says)
	}
	press("pause")
	b.waitFor("Paused")
	b.waitFor("by Ada")
	_, err := r.core.ExecContext(t.Context(), `UPDATE erp.po_header SET status = 10 WHERE po_no = $1`, order)
	must(t, err)
	b.shot("sync-quarantine")
	press("retry")
	b.waitFor("Nothing is in quarantine")
	press("resume")
	b.waitFor("Up to date")
	b.waitFor("Read what changed")
	b.shot("sync-feed")
	for _, page := range []string{"/sync", "/sync/feeds/purchase_orders", "/sync/outbox"} {
		for _, width := range []int64{390, 320} {
			b.do(cr.EmulateViewport(width, 844, cr.EmulateMobile), cr.Navigate(r.base+page), cr.WaitVisible(cr.CSS(`main h1`)))
			if wide, err := cr.Run(b.within, cr.Evaluate[bool](`document.documentElement.scrollWidth > innerWidth`)); err != nil || wide {
				t.Errorf("%s scrolls sideways at %d px: %v %v", page, width, wide, err)
			}
		}
		b.shot("phone" + strings.ReplaceAll(page, "/", "-"))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.faults) > 0 {
		t.Errorf("the browser complained:\n%s", strings.Join(b.faults, "\n"))
	}
}

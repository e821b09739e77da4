package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	cr "github.com/chromedp/chromedp"

	"extranet/sandbox/core"
)

var screenshots = flag.String("screenshots", "", "folder to keep the browser's screenshots in")

// A browserTab is one tab of headless Chromium, and what it complained of.
type browserTab struct {
	*testing.T
	ctx, within context.Context

	mu     sync.Mutex
	faults []string
}

// browse starts headless Chromium, or skips: with CI=true a missing one fails.
func browse(t *testing.T) *browserTab {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("there is no Chromium on this machine")
		}
		t.Skip("SKIPPED: there is no Chromium on this machine")
	}
	options := append(cr.DefaultExecAllocatorOptions[:], cr.ExecPath(path), cr.NoSandbox, cr.DisableGPU,
		cr.Flag("disable-quic", true), cr.Flag("disable-background-networking", true), cr.Flag("disable-component-update", true), cr.Flag("disable-sync", true))
	allocator, cancel := cr.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	b := &browserTab{T: t}
	b.ctx, cancel = cr.NewContext(allocator)
	t.Cleanup(cancel)
	must(t, cr.Do(b.ctx, cr.EmulateViewport(1280, 900)))
	b.within, cancel = context.WithTimeout(b.ctx, 8*time.Minute)
	t.Cleanup(cancel)
	messages := cr.Console(b.ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.Type == "error" || m.Type == "warning" || m.Type == cr.ConsoleException {
				b.mu.Lock()
				b.faults = append(b.faults, string(m.Type)+": "+m.Text)
				b.mu.Unlock()
			}
		}
	}()
	return b
}

// patience is for what comes at once on a machine that has nothing else to do.
const patience = time.Minute

func (b *browserTab) do(steps ...cr.Action[cr.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.within, patience)
	defer cancel()
	if err := cr.Do(ctx, steps...); err != nil {
		b.give("%v", err)
	}
}

// give gives up, showing what the tab shows.
func (b *browserTab) give(format string, a ...any) {
	b.Helper()
	where, _ := cr.Run(b.ctx, cr.Location())
	text, _ := cr.Run(b.ctx, cr.Text(cr.CSS("body")))
	b.shot("failed")
	b.Logf("at %s:\n%.2000s", where, text)
	b.Fatalf(format, a...)
}

// text is what the page shows there. A live page may put the node anew at any time: it is asked for by its name each time.
func (b *browserTab) text(css cr.CSS) string {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.within, patience)
	defer cancel()
	for {
		s, err := cr.Run(ctx, cr.Evaluate[*string](fmt.Sprintf(`document.querySelector(%q)?.innerText ?? null`, string(css))))
		if err == nil && s != nil {
			return *s
		}
		if ctx.Err() != nil {
			b.give("reading %s: %v", css, err)
			return ""
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// waitFor waits until the page shows the words, without reloading it.
func (b *browserTab) waitFor(words string) {
	b.Helper()
	b.waitLong(words, patience)
}

// waitLong is waitFor for what comes by several passes of the core's mirror.
func (b *browserTab) waitLong(words string, most time.Duration) {
	b.Helper()
	for end := time.Now().Add(most); !strings.Contains(b.text("main"), words); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			b.give("the page does not come to show %q", words)
		}
	}
}

// shot keeps what the tab shows.
func (b *browserTab) shot(name string) {
	b.Helper()
	if *screenshots == "" {
		return
	}
	png, err := cr.Run(b.ctx, cr.CaptureScreenshot())
	if err != nil {
		b.Logf("no screenshot %s: %v", name, err)
		return
	}
	must(b, os.MkdirAll(*screenshots, 0o755))
	must(b, os.WriteFile(filepath.Join(*screenshots, name+".png"), png, 0o644))
}

const signInLink = cr.CSS(`main a[href^="/login/"]`)

func (b *browserTab) signIn(base string, p core.Person) {
	b.Helper()
	b.enter(base+"/", p)
}

// enter signs in at the issuer, from the page at the address.
func (b *browserTab) enter(address string, p core.Person) {
	b.Helper()
	b.do(cr.Navigate(address), cr.Click(signInLink), cr.WaitVisible(cr.CSS(`input[name=password]`)),
		cr.SendKeys(cr.CSS(`input[name=login]`), p.Email), cr.SendKeys(cr.CSS(`input[name=password]`), p.Password+"\n"), cr.WaitReady(cr.CSS(`form[action="/logout"]`)))
}

func (b *browserTab) signOut() {
	b.Helper()
	b.do(cr.Evaluate[cr.Void](`document.querySelector('form[action="/logout"]').requestSubmit()`), cr.WaitVisible(cr.CSS(`main a[href^="/login"]`)))
}

// TestBrowser signs in as each kind of person, reads an order as a dealer at a desk and on a phone, sees it move, and signs out.
func TestBrowser(t *testing.T) {
	r, b := start(t), browse(t)
	people := map[string]core.Person{}
	for _, p := range core.People() {
		people[strings.Fields(p.Name)[0]] = p
	}
	b.signIn(r.base, people["Dana"])
	b.shot("home")
	if body := b.text("main"); !strings.Contains(strings.ToLower(body), "as of") {
		t.Errorf("the home page does not say how old it is:\n%s", body)
	}
	b.do(cr.Click(cr.CSS(`nav a[href="/orders"]`)), cr.WaitVisible(cr.CSS(`#results tbody tr`)))
	b.shot("orders")
	link := cr.CSS(`#results tbody a[href^="/orders/"]`)
	number := strings.TrimSpace(b.text(link))
	b.do(cr.Click(link), cr.WaitVisible(cr.CSS(`main h1`)))
	b.shot("order")
	if h := b.text("main h1"); !strings.Contains(h, number) {
		t.Errorf("the order's page is headed %q, want order %s", h, number)
	}
	// What happens in the core shows without a reload.
	result, err := r.core.ExecContext(t.Context(), `UPDATE erp.so_header SET cust_po = 'MOVED-1', changed_at = now() AT TIME ZONE 'UTC' WHERE so_no::text = $1`, number)
	must(t, err)
	if n, _ := result.RowsAffected(); n != 1 {
		t.Fatalf("the core has %d orders %q, want 1", n, number)
	}
	b.waitFor("MOVED-1")
	b.do(cr.EmulateViewport(390, 844, cr.EmulateMobile))
	b.shot("order-phone")
	b.do(cr.Navigate(r.base+"/orders"), cr.WaitVisible(cr.CSS(`#results`)))
	b.shot("orders-phone")
	for _, width := range []int64{390, 320} {
		b.do(cr.EmulateViewport(width, 844, cr.EmulateMobile))
		if wide, err := cr.Run(b.within, cr.Evaluate[bool](`document.documentElement.scrollWidth > innerWidth`)); err != nil || wide {
			t.Errorf("the list scrolls sideways at %d px: %v %v", width, wide, err)
		}
	}
	b.do(cr.EmulateViewport(1280, 900))
	b.signOut()
	b.shot("signed-out")
	b.do(cr.Navigate(r.base+"/orders/"+number), cr.WaitVisible(signInLink))
	for _, name := range []string{"Sofia", "Maren", "Ada"} {
		b.signIn(r.base, people[name])
		b.shot(strings.ToLower(name))
		if body, err := cr.Run(b.within, cr.TextContent(cr.CSS("body"))); err != nil || !strings.Contains(body, people[name].Name) {
			t.Errorf("%s is not greeted by name: %v", name, err)
		}
		b.signOut()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.faults) > 0 {
		t.Errorf("the browser complained:\n%s", strings.Join(b.faults, "\n"))
	}
}

// TestBrowser_switchesPartner lets somebody with two memberships act for one, then the other, with the rights of each.
func TestBrowser_switchesPartner(t *testing.T) {
	r, b := start(t), browse(t)
	for _, p := range core.People() {
		if len(p.Memberships) < 2 {
			continue
		}
		b.signIn(r.base, p)
		exports := cr.CSS(`a[href^="/exports/orders.csv"]`)
		b.do(cr.Navigate(r.base+"/orders"), cr.WaitVisible(cr.CSS(`#results`)))
		if n, err := cr.Run(b.within, cr.Evaluate[int](`document.querySelectorAll('a[href^="/exports/orders.csv"]').length`)); err != nil || n == 0 {
			t.Errorf("a buyer sees no export: %v", err)
		}
		first := b.text(`#results`)
		b.do(cr.Evaluate[cr.Void](`(() => { const s = document.querySelector('form[action="/partner"] select'); s.selectedIndex = 1 - s.selectedIndex; s.form.requestSubmit() })()`),
			cr.WaitNotPresent(exports), cr.WaitVisible(cr.CSS(`#main h1`)), cr.Navigate(r.base+"/orders"), cr.WaitVisible(cr.CSS(`#results`)), cr.WaitNotPresent(exports))
		b.shot("switched")
		if b.text(`#results`) == first {
			t.Errorf("the same orders are shown for both partners")
		}
		return
	}
	t.Fatal("nobody has two memberships")
}

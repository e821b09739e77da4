package pagetest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdp "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"extranet/web/assets"
)

// axeScript is where npm put axe, from the folder of the package under test.
func axeScript() string {
	web, err := os.Getwd()
	for err == nil && filepath.Base(web) != "web" && web != filepath.Dir(web) {
		web = filepath.Dir(web)
	}
	return filepath.Join(web, "node_modules", "axe-core", "axe.min.js")
}

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// A Tab is a browser that looks at the pages under the policy and keeps what it complains of.
type Tab struct {
	context.Context
	URL  string   // of the server
	Said []string // what the browser complained of since the last visit
	axe  string
}

// Open starts a browser and a server for it. Without a browser, the bundle or axe the test
// is skipped, and fails where CI=true.
func Open(t *testing.T, pages http.Handler) *Tab {
	t.Helper()
	if testing.Short() {
		t.Skip("takes a browser")
	}
	lacks := t.Skip
	if os.Getenv("CI") == "true" {
		lacks = t.Fatal
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		lacks("no chromium here")
	}
	if err := assets.Missing(); err != nil {
		lacks(err)
	}
	axe, err := os.ReadFile(axeScript())
	if err != nil {
		lacks("axe is not installed")
	}
	b := &Tab{axe: string(axe)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		pages.ServeHTTP(w, r)
	}))
	b.URL = server.URL
	ctx, closeBrowser := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-background-networking", true), chromedp.UserDataDir(t.TempDir()))...)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(func() { closeTab(); closeBrowser(); server.CloseClientConnections(); server.Close() })
	b.Context = ctx
	err = chromedp.Listen(ctx, func(ev any) {
		switch e := ev.(type) {
		case *cdp.EventConsoleAPICalled:
			b.Said = append(b.Said, fmt.Sprint("console: ", e.Type))
		case *log.EventEntryAdded:
			b.Said = append(b.Said, "log: "+e.Entry.Text)
		case *cdp.EventExceptionThrown:
			b.Said = append(b.Said, "exception: "+e.ExceptionDetails.Text)
		case *network.EventRequestWillBeSent:
			if u := e.Request.URL; !strings.HasPrefix(u, b.URL) && !strings.HasPrefix(u, "data:") {
				b.Said = append(b.Said, "another origin: "+u)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Do does the steps.
func (b *Tab) Do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(b, steps...); err != nil {
		t.Fatal(err)
	}
}

// A Look is how a page is looked at: the scheme, light or dark, and the width in pixels.
type Look struct {
	Scheme string
	Width  int64
}

func (l Look) String() string { return fmt.Sprint(l.Scheme, " ", l.Width) }

// Looks has each width and each scheme once or more: what overflows depends on the width alone, what has contrast on the scheme.
var Looks = []Look{{"light", 1280}, {"dark", 390}, {"light", 320}}

// Visit opens the page.
func (b *Tab) Visit(t *testing.T, page string, as Look) {
	t.Helper()
	b.Said = nil
	b.Do(t,
		chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: as.Scheme}}})
			return err
		}),
		chromedp.EmulateViewport(as.Width, 800),
		chromedp.Navigate(b.URL+"/"+page),
	)
}

// Evaluate is what the script comes to in the page.
func Evaluate[T any](t *testing.T, b *Tab, script string, opts ...chromedp.EvaluateOption) T {
	t.Helper()
	v, err := chromedp.Run(b, chromedp.Evaluate[T](script, opts...))
	if err != nil {
		t.Fatal(script[:min(len(script), 80)], err)
	}
	return v
}

// Sound reports what is wrong with the page as it stands, for axe with what is within the
// selector, and keeps a picture of it when PREVIEW_DIR is set.
func (b *Tab) Sound(t *testing.T, look, within string, width int64) {
	t.Helper()
	if wide := Evaluate[int64](t, b, `document.documentElement.scrollWidth`); wide > width {
		t.Errorf("%s: is %d wide", look, wide)
	}
	if dir := os.Getenv("PREVIEW_DIR"); dir != "" {
		shoot := chromedp.FullScreenshot(100)
		if strings.Contains(look, "open") {
			shoot = chromedp.CaptureScreenshot()
		}
		picture, err := chromedp.Run(b, shoot)
		if err != nil {
			t.Fatal(look, err)
		}
		if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(look, " ", "_")+".png"), picture, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range b.Said {
		t.Errorf("%s: %s", look, s)
	}
	for _, f := range Evaluate[[]string](t, b, b.axe+`;axe.run(`+strconv.Quote(within)+`, {runOnly: ["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"]}).then(r => r.violations.map(v => v.id + ": " + v.help + " " + v.nodes.slice(0,4).map(n => n.html.slice(0,160) + " " + (n.any[0]?.message ?? "")).join(" | ")))`, chromedp.EvalAwaitPromise) {
		t.Errorf("%s: axe %s", look, f)
	}
}

package preview

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/shopspring/decimal"
	"golang.org/x/net/html"

	"extranet/web"
	"extranet/web/assets"
)

var now = time.Date(2026, 11, 21, 14, 32, 8, 0, time.UTC)

func shell(title, path string) web.Shell {
	s := web.Shell{
		Title: title, HostName: "Kestrel Tyres North America", Version: "1.4.0", Theme: web.ThemeAuto, Path: path,
		Person: "Ingrid Åkerblom-Lindqvist", Mail: "ingrid.akerblom-lindqvist@nordtyre.example",
		Partner:  web.PartnerChoice{ID: "7", Name: "Nordtyre Däckcenter Aktiebolag", Number: "100234"},
		Partners: []web.PartnerChoice{{ID: "7", Name: "Nordtyre Däckcenter Aktiebolag", Number: "100234"}, {ID: "8", Name: "Nordtyre Finland Oy", Number: "100871"}},
		Nav: []web.NavItem{
			{Label: "Overview", Href: "/", Icon: web.IconHome},
			{Group: "Buying", Label: "Orders", Href: "/orders", Icon: web.IconOrders},
			{Group: "Buying", Label: "Shipments", Href: "/shipments", Icon: web.IconShipments},
			{Group: "Buying", Label: "Products and stock", Href: "/products", Icon: web.IconProducts},
			{Group: "Buying", Label: "Claims", Href: "/claims", Icon: web.IconClaims},
			{Group: "Money", Label: "Invoices", Href: "/invoices", Icon: web.IconInvoices},
			{Group: "Money", Label: "Account status", Href: "/accounts", Icon: web.IconAccount},
			{Group: "Supplying", Label: "Forecasts", Href: "/forecasts", Icon: web.IconForecasts},
			{Group: "Supplying", Label: "Purchase orders", Href: "/purchasing", Icon: web.IconPurchases},
			{Group: "Supplying", Label: "Engineering changes", Href: "/changes", Icon: web.IconChanges},
			{Group: "Together", Label: "Messages", Href: "/messages", Icon: web.IconMessages},
			{Group: "Together", Label: "People and access", Href: "/people", Icon: web.IconPeople},
		},
	}
	for i := range s.Nav {
		s.Nav[i].Current = s.Nav[i].Href == path
	}
	return s
}

func exampleOrders() (rows []order) {
	states := []struct {
		state string
		tone  web.Tone
		icon  web.Icon
	}{
		{"Partly shipped", web.Info, web.IconShipments}, {"Confirmed", web.Info, web.IconTick}, {"Late", web.Warn, web.IconOverdue},
		{"Shipped", web.Good, web.IconOK}, {"Sent", web.Neutral, web.IconSend}, {"Refused", web.Bad, web.IconRefused},
	}
	for i := range 14 {
		s := states[i%len(states)]
		o := order{
			Number: fmt.Sprint(4500012345 - i*7), PO: fmt.Sprintf("PO-2026-%05d", 871-i*3), Site: []string{"Stockholm", "Göteborg Hisingen", "Umeå"}[i%3],
			State: s.state, Tone: s.tone, Icon: s.icon, Ordered: now.AddDate(0, 0, -i*2), Total: decimal.New(int64(1843250/(i+1)), -2),
		}
		if i%4 != 3 {
			o.Promised = now.AddDate(0, 0, 9-i)
		}
		rows = append(rows, o)
	}
	return rows
}

func pages() map[string]templ.Component {
	fresh := web.Freshness{Offered: true, AsOf: now.Add(-3 * time.Second), Now: now}
	stale := web.Freshness{Offered: true, AsOf: now.Add(-42 * time.Minute), BehindSince: now.Add(-42 * time.Minute), Stale: true, Now: now}
	viewing := shell("Orders", "/orders")
	viewing.Banner = web.ViewAs("Nordtyre AB", "/view-as/stop")
	faulty := shell("File a claim", "/claims")
	faulty.Error = &web.ShownError{Status: 422, Msg: "The claim cannot be taken yet", Ref: "01JD8X2M", Fields: map[string]string{
		"serial": "Give the whole DOT number: its last four digits are week and year.", "failed": "The day of the failure is missing.", "kept": "Say that the part is kept."}}
	done := shell("My account", "/account")
	done.Flash = &web.Flash{Tone: web.Good, Title: "The session on Chrome on Android has ended"}
	alone := shell("Orders", "/orders")
	alone.Partners, alone.Person = nil, "Bo"

	all := map[string]templ.Component{
		"orders":        OrderList(shell("Orders", "/orders"), fresh, exampleOrders()),
		"orders-stale":  OrderList(viewing, stale, exampleOrders()[:3]),
		"orders-none":   OrderList(alone, fresh, nil),
		"order":         Detail(shell("Order 4500012345", "/orders"), fresh, now),
		"components":    Components(faulty, now),
		"account":       web.SessionsPage(done, []web.SessionRow{{ID: "a", Device: "Firefox on Windows", Network: "Stockholm, 192.0.2.0/24", Started: now.Add(-3 * time.Hour), LastSeen: now, Ends: now.Add(9 * time.Hour), Current: true}, {ID: "b", Device: "Chrome on Android", Phone: true, Started: now.Add(-30 * time.Hour), LastSeen: now.Add(-20 * time.Hour), Ends: now.Add(time.Hour)}}),
		"sign-in":       web.SignInPage(web.Shell{HostName: "Kestrel Tyres North America"}, web.SignIn{Issuers: []web.Issuer{{Name: "Nordtyre", Href: "/login/nordtyre"}}}),
		"sign-in-many":  web.SignInPage(web.Shell{HostName: "Kestrel Tyres North America"}, web.SignIn{AskMail: true, Mail: "x", Fault: "That is not a mail address.", Issuers: []web.Issuer{{Name: "Host staff", Href: "/login/staff"}, {Name: "Nordtyre", Down: true}}, Message: web.IssuerUnreachable, Next: "/orders"}),
		"signed-out":    web.SignedOutPage(web.Shell{HostName: "Kestrel Tyres North America"}, web.Issuer{Name: "Nordtyre", Href: "https://login.nordtyre.example/logout"}),
		"error-door":    web.ErrorPage(web.Shell{HostName: "Kestrel Tyres North America"}, web.ShownError{Status: 403, Msg: "Sign in first."}),
		"error-unknown": web.ErrorPage(shell("", ""), web.ShownError{Status: 418}),
	}
	for _, m := range []web.SignInMessage{web.SessionEnded, web.SessionRevoked, web.NoAccessYet, web.SignInCancelled, web.SignInFailed} {
		all["sign-in-"+string(m)] = web.SignInPage(web.Shell{HostName: "Kestrel Tyres North America"}, web.SignIn{Message: m, Issuers: []web.Issuer{{Name: "Nordtyre", Href: "/login/nordtyre"}}})
	}
	for _, status := range []int{400, 403, 404, 405, 409, 413, 422, 429, 500, 503} {
		all[fmt.Sprint("error-", status)] = web.ErrorPage(shell("", "/orders"), web.ShownError{Status: status, Msg: "order 4711 is not there", Ref: "01JD8X2M", Fields: map[string]string{"serial": "is too short"}})
	}
	return all
}

func rendered(t *testing.T) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for name, page := range pages() {
		var b bytes.Buffer
		if err := page.Render(t.Context(), &b); err != nil {
			t.Fatal(name, err)
		}
		out[name] = b.Bytes()
	}
	return out
}

// The pages keep the content security policy, name what they show and work without a script.
func TestPagesAreSound(t *testing.T) {
	sprite := string(assets.Content("icons.svg"))
	for name, page := range rendered(t) {
		root, err := html.Parse(bytes.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		ids, labelled, refs := map[string]int{}, map[string]bool{}, map[string]string{}
		var controls []*html.Node
		headings := 0
		fault := func(format string, a ...any) { t.Errorf(name+": "+format, a...) }
		for n := range root.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			for _, a := range n.Attr {
				switch {
				case a.Key == "style" || strings.HasPrefix(a.Key, "on") || strings.HasPrefix(a.Key, "hx-on"):
					fault("<%s %s=%q>", n.Data, a.Key, a.Val)
				case a.Key == "id":
					ids[a.Val]++
				case a.Key == "for" || a.Key == "popovertarget" || a.Key == "form":
					refs[a.Val] = a.Key
				case a.Key == "aria-labelledby" || a.Key == "aria-describedby":
					for _, id := range strings.Fields(a.Val) {
						refs[id] = a.Key
					}
				case a.Key == "hx-trigger" && strings.Contains(a.Val, "["), a.Key == "hx-vals" && strings.HasPrefix(a.Val, "js:"):
					fault("%s=%q needs eval", a.Key, a.Val)
				}
			}
			switch n.Data {
			case "style":
				fault("a <style> element")
			case "script":
				if attr(n, "src") == "" || n.FirstChild != nil {
					fault("an inline script")
				}
			case "label":
				labelled[attr(n, "for")] = true
			case "input", "select", "textarea":
				if attr(n, "type") != "hidden" {
					controls = append(controls, n)
				}
			case "button":
				if attr(n, "type") == "" {
					fault("a button without a type")
				}
			case "h1":
				headings++
			case "use":
				_, icon, _ := strings.Cut(attr(n, "href"), "#")
				if sprite != "" && !strings.Contains(sprite, `id="`+icon+`"`) {
					fault("no icon %q in the bundle", icon)
				}
			case "form":
				if m := attr(n, "method"); m != "get" && m != "post" || attr(n, "action") == "" {
					fault("a form that needs a script: method %q, action %q", m, attr(n, "action"))
				}
			case "td", "th":
				if attr(n, "role") == "" {
					fault("a cell without a role")
				}
			}
		}
		for _, n := range controls {
			if !labelled[attr(n, "id")] && !inside(n, "label") {
				fault("<%s name=%q> without a label", n.Data, attr(n, "name"))
			}
		}
		for id, n := range ids {
			if n > 1 {
				fault("%d elements with the id %q", n, id)
			}
		}
		for id, from := range refs {
			if id != "" && ids[id] == 0 {
				fault("%s names %q, which is not there", from, id)
			}
		}
		if headings != 1 {
			fault("%d headings of the first level", headings)
		}
		if bytes.Contains(page, []byte("blocked by templ")) || bytes.Contains(page, []byte("about:invalid")) {
			fault("an address was refused")
		}
	}
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func inside(n *html.Node, element string) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Data == element {
			return true
		}
	}
	return false
}

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// A tab is a browser that looks at the pages under the policy and keeps what it complains of.
type tab struct {
	context.Context
	server *httptest.Server
	said   []string
	axe    string
}

func open(t *testing.T) *tab {
	t.Helper()
	if testing.Short() {
		t.Skip("takes a browser")
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium here")
	}
	if err := assets.Missing(); err != nil {
		t.Skip(err)
	}
	b := &tab{}
	if axe, err := os.ReadFile("../node_modules/axe-core/axe.min.js"); err == nil {
		b.axe = string(axe)
	} else {
		t.Log("axe is not installed: accessibility is not checked")
	}
	all := rendered(t)
	b.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, assets.Prefix) {
			assets.Handler().ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(all[strings.TrimPrefix(r.URL.Path, "/")])
	}))
	ctx, closeBrowser := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-background-networking", true), chromedp.UserDataDir(t.TempDir()))...)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(func() { closeTab(); closeBrowser(); b.server.Close() })
	b.Context = ctx
	err = chromedp.Listen(ctx, func(ev any) {
		switch e := ev.(type) {
		case *runtime.EventConsoleAPICalled:
			b.said = append(b.said, fmt.Sprint("console: ", e.Type))
		case *log.EventEntryAdded:
			b.said = append(b.said, "log: "+e.Entry.Text)
		case *runtime.EventExceptionThrown:
			b.said = append(b.said, "exception: "+e.ExceptionDetails.Text)
		case *network.EventRequestWillBeSent:
			if u := e.Request.URL; !strings.HasPrefix(u, b.server.URL) && !strings.HasPrefix(u, "data:") {
				b.said = append(b.said, "another origin: "+u)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *tab) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(b, steps...); err != nil {
		t.Fatal(err)
	}
}

func (b *tab) visit(t *testing.T, page, scheme string, width int64) {
	t.Helper()
	b.said = nil
	b.do(t,
		chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
			return err
		}),
		chromedp.EmulateViewport(width, 800),
		chromedp.Navigate(b.server.URL+"/"+page),
	)
}

func evaluate[T any](t *testing.T, b *tab, script string, opts ...chromedp.EvaluateOption) T {
	t.Helper()
	v, err := chromedp.Run(b, chromedp.Evaluate[T](script, opts...))
	if err != nil {
		t.Fatal(script[:min(len(script), 80)], err)
	}
	return v
}

// sound reports what is wrong with the page as it stands, for axe with what is within the
// selector, and keeps a picture of it when
// PREVIEW_DIR is set.
func (b *tab) sound(t *testing.T, look, within string, width int64) {
	t.Helper()
	if wide := evaluate[int64](t, b, `document.documentElement.scrollWidth`); wide > width {
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
	for _, s := range b.said {
		t.Errorf("%s: %s", look, s)
	}
	if b.axe == "" {
		return
	}
	for _, f := range evaluate[[]string](t, b, b.axe+`;axe.run(`+strconv.Quote(within)+`, {runOnly: ["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"]}).then(r => r.violations.map(v => v.id + ": " + v.help + " " + v.nodes.slice(0,4).map(n => n.html.slice(0,160) + " " + (n.any[0]?.message ?? "")).join(" | ")))`, chromedp.EvalAwaitPromise) {
		t.Errorf("%s: axe %s", look, f)
	}
}

// In a browser, under the policy: no message on the console, no other origin, nothing that
// scrolls sideways at 320 px, and no fault that axe finds, in light and in dark.
func TestPagesInABrowser(t *testing.T) {
	b := open(t)
	for _, name := range slices.Sorted(maps.Keys(pages())) {
		for _, scheme := range []string{"light", "dark"} {
			widths := []int64{1280, 390, 320}
			if strings.HasPrefix(name, "error-") || strings.HasPrefix(name, "sign-in-") {
				widths = []int64{320} // alike but for their words
			}
			for _, width := range widths {
				b.visit(t, name, scheme, width)
				b.sound(t, fmt.Sprint(name, " ", scheme, " ", width), "html", width)
			}
		}
	}
}

// What opens from a button opens by the keyboard, is sound while open, and closes by Escape.
func TestWhatOpens(t *testing.T) {
	b := open(t)
	for _, c := range []struct {
		page, button, opens string
		widths              []int64
	}{
		{"orders", ".bar-menu", "#nav", []int64{390, 320}},
		{"orders", ".bar-person", "#person", []int64{1280, 390, 320}},
		{"orders", ".acting", "#partners", []int64{1280, 390, 320}},
		{"orders", ".filter-open", "#filter-sheet", []int64{390, 320}},
		{"orders", ".pull > summary", ".pull > form", []int64{1280, 390, 320}},
		{"orders", ".sort-choice > summary", ".sort-choice > ul", []int64{390, 320}},
		{"orders", ".filter-more > summary", ".filter-more > div", []int64{1280}},
		{"order", "[popovertarget=cancel-order]", "#cancel-order", []int64{1280, 390, 320}},
		{"orders-stale", ".why > summary", ".why > p", []int64{1280, 320}},
	} {
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range c.widths {
				look := strings.Trim(strings.NewReplacer(".", "", "#", "", ">", "", " ", "", "[", "", "]", "").Replace(c.page+"-"+c.opens), " ") + fmt.Sprint(" ", scheme, " ", width, " open")
				visible := fmt.Sprintf(`document.querySelector(%q).checkVisibility()`, c.opens)
				b.visit(t, c.page, scheme, width)
				if evaluate[bool](t, b, visible) {
					t.Errorf("%s: is open from the start", look)
				}
				b.do(t, chromedp.Focus(chromedp.CSS(c.button)), chromedp.KeyEvent(" "))
				if !evaluate[bool](t, b, visible) {
					t.Errorf("%s: did not open", look)
				}
				b.sound(t, look, c.opens, width)
				if strings.HasPrefix(c.button, ".filter-more") || strings.HasPrefix(c.button, ".why") {
					continue // part of the page, not above it
				}
				b.do(t, chromedp.KeyEvent("\u001b"))
				if evaluate[bool](t, b, visible) {
					t.Errorf("%s: did not close", look)
				}
			}
		}
	}
}

// With a script, a filter replaces the list and nothing else, and the age counts on.
func TestInPlace(t *testing.T) {
	b := open(t)
	b.visit(t, "orders", "light", 1280)
	age := evaluate[string](t, b, `document.querySelector(".age").textContent`)
	evaluate[bool](t, b, `window.stays = true; document.querySelector(".chips").remove(); document.querySelector("#state").value = "shipped"; document.querySelector("#state").dispatchEvent(new Event("change", {bubbles: true}))`)
	deadline := time.Now().Add(10 * time.Second)
	for !evaluate[bool](t, b, `!!document.querySelector(".chips") && location.search.includes("state=shipped") && location.search.includes("sort=-ordered")`) {
		if time.Now().After(deadline) {
			t.Fatal("the list was not replaced: ", evaluate[string](t, b, `location.href`), b.said)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !evaluate[bool](t, b, `window.stays === true`) {
		t.Error("the whole page was loaded again")
	}
	for evaluate[string](t, b, `document.querySelector(".age").textContent`) == age {
		if time.Now().After(deadline) {
			t.Fatal("the age stands still")
		}
		time.Sleep(50 * time.Millisecond)
	}
	for _, s := range b.said {
		t.Error(s)
	}
}

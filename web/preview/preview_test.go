package preview

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/chromedp/chromedp"
	"github.com/shopspring/decimal"

	"extranet/web"
	"extranet/web/assets"
	"extranet/web/pagetest"
)

var now = time.Date(2026, 11, 21, 14, 32, 8, 0, time.UTC)

func shell(title web.Words, path string) web.Shell {
	s := web.Shell{
		Title: title, Search: true, HostName: "Kestrel Tyres North America", Version: "1.4.0", Theme: web.ThemeAuto, Path: path,
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
	viewing.Banner = web.ViewAs("Nordtyre AB", "/view-as/stop", true)
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
		"account":       web.SessionsPage(done, []web.SessionRow{{ID: "a", Device: "Firefox on Windows", ActingFor: "Nordtyre Finland Oy", Started: now.Add(-3 * time.Hour), LastSeen: now, Ends: now.Add(9 * time.Hour), Current: true}, {ID: "b", Device: "Chrome on Android", Phone: true, Started: now.Add(-30 * time.Hour), LastSeen: now.Add(-20 * time.Hour), Ends: now.Add(time.Hour)}}, "de"),
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

// Every page keeps the content security policy, names what it shows and works without a script.
func TestPagesAreSound(t *testing.T) {
	for name, page := range rendered(t) {
		for _, fault := range pagetest.Faults(page) {
			t.Error(name + ": " + fault)
		}
	}
}

func open(t *testing.T) *pagetest.Tab {
	t.Helper()
	all := rendered(t)
	return pagetest.Open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, assets.Prefix) {
			assets.Handler().ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(all[strings.TrimPrefix(r.URL.Path, "/")])
	}))
}

// In a browser, under the policy: no message on the console, no other origin, nothing that
// scrolls sideways at 320 px, and no fault that axe finds, in light and in dark.
func TestPagesInABrowser(t *testing.T) {
	b := open(t)
	for _, name := range slices.Sorted(maps.Keys(pages())) {
		looks := pagetest.Looks
		if strings.HasPrefix(name, "error-") || strings.HasPrefix(name, "sign-in-") {
			looks = []pagetest.Look{{Scheme: "light", Width: 320}, {Scheme: "dark", Width: 320}} // alike but for their words
		}
		for _, look := range looks {
			b.Visit(t, name, look)
			b.Sound(t, fmt.Sprint(name, " ", look), "html", look.Width)
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
		for _, as := range pagetest.Looks {
			if slices.Contains(c.widths, as.Width) {
				look := strings.Trim(strings.NewReplacer(".", "", "#", "", ">", "", " ", "", "[", "", "]", "").Replace(c.page+"-"+c.opens), " ") + fmt.Sprint(" ", as, " open")
				visible := fmt.Sprintf(`document.querySelector(%q).checkVisibility()`, c.opens)
				b.Visit(t, c.page, as)
				if pagetest.Evaluate[bool](t, b, visible) {
					t.Errorf("%s: is open from the start", look)
				}
				b.Do(t, chromedp.Focus(chromedp.CSS(c.button)), chromedp.KeyEvent(" "))
				if !pagetest.Evaluate[bool](t, b, visible) {
					t.Errorf("%s: did not open", look)
				}
				b.Sound(t, look, c.opens, as.Width)
				if strings.HasPrefix(c.button, ".filter-more") || strings.HasPrefix(c.button, ".why") {
					continue // part of the page, not above it
				}
				b.Do(t, chromedp.KeyEvent("\u001b"))
				if pagetest.Evaluate[bool](t, b, visible) {
					t.Errorf("%s: did not close", look)
				}
			}
		}
	}
}

// With a script, a filter replaces the list and nothing else, and the age counts on.
func TestInPlace(t *testing.T) {
	b := open(t)
	b.Visit(t, "orders", pagetest.Look{Scheme: "light", Width: 1280})
	age := pagetest.Evaluate[string](t, b, `document.querySelector(".age").textContent`)
	pagetest.Evaluate[bool](t, b, `window.stays = true; document.querySelector(".chips").remove(); document.querySelector("#state").value = "shipped"; document.querySelector("#state").dispatchEvent(new Event("change", {bubbles: true}))`)
	deadline := time.Now().Add(10 * time.Second)
	for !pagetest.Evaluate[bool](t, b, `!!document.querySelector(".chips") && location.search.includes("state=shipped") && location.search.includes("sort=-ordered")`) {
		if time.Now().After(deadline) {
			t.Fatal("the list was not replaced: ", pagetest.Evaluate[string](t, b, `location.href`), b.Said)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !pagetest.Evaluate[bool](t, b, `window.stays === true`) {
		t.Error("the whole page was loaded again")
	}
	for pagetest.Evaluate[string](t, b, `document.querySelector(".age").textContent`) == age {
		if time.Now().After(deadline) {
			t.Fatal("the age stands still")
		}
		time.Sleep(50 * time.Millisecond)
	}
	for _, s := range b.Said {
		t.Error(s)
	}
}

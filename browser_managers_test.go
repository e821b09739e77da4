package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	cr "github.com/chromedp/chromedp"

	"extranet/portal/portaltest"
	"extranet/sandbox/core"
	"extranet/sandbox/issuer"
)

// mailed waits for the mail to the address, and returns the way into the portal that it tells.
func (r *running) mailed(b *browserTab, to string) string {
	b.Helper()
	link := regexp.MustCompile(regexp.QuoteMeta(r.base) + `(/invitation/\S+)`)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		letters, _ := filepath.Glob(filepath.Join(r.config.MailFolder, "*.eml"))
		for _, l := range letters {
			text, err := os.ReadFile(l)
			must(b, err)
			if found := link.FindStringSubmatch(strings.NewReplacer("=\r\n", "", "=\n", "").Replace(string(text))); found != nil && strings.Contains(string(text), to) {
				return found[1]
			}
		}
	}
	b.give("no mail with an invitation comes to %s", to)
	return ""
}

// told asks the machines' door with the person's token.
func (r *running) told(t *testing.T, person core.Person, path string, into any) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.base+"/api/v1"+path, nil)
	must(t, err)
	q.Header.Set("Authorization", "Bearer "+r.tokens[person.Email])
	a, err := http.DefaultClient.Do(q)
	must(t, err)
	defer a.Body.Close()
	if a.StatusCode != http.StatusOK {
		t.Fatalf("GET %s answers %d", path, a.StatusCode)
	}
	must(t, json.NewDecoder(a.Body).Decode(into))
}

// mark sets a box or picks one of several.
func (b *browserTab) mark(box string) {
	b.Helper()
	b.do(cr.WaitReady(cr.CSS(box)), cr.Evaluate[cr.Void](fmt.Sprintf(`document.querySelector(%q).click()`, box)))
}

// invites sends an invitation from the page at the address, with the roles, for all sites or one.
func (b *browserTab) invites(page, to, site string, roles ...string) {
	b.Helper()
	const form = `main form[action^="/people/invite"] `
	b.do(cr.Navigate(page))
	b.fill(form+`input[name=email]`, to)
	for _, role := range roles {
		b.mark(form + `input[name=roles][value="` + role + `"]`)
	}
	b.mark(form + `input[name=scope][value=` + map[bool]string{true: "all", false: "some"}[site == ""] + `]`)
	if site != "" {
		b.mark(form + `input[name=sites][value="` + site + `"]`)
	}
	b.both("invite-" + roles[0])
	b.press(form + `button[type=submit]`)
	b.waitFor(to)
}

// TestBrowser_managers follows access from its beginning to its end: the host invites somebody, who accepts at the issuer and sees their first order; they invite
// a colleague for one branch, who sees that branch alone; a review that nobody answers throws the colleague out of the page they have open; and the
// partner reads in its own log that the host's staff looked, and what they were refused.
func TestBrowser_managers(t *testing.T) {
	r, b, c := start(t), browse(t), browse(t)
	maren, dana := personOf(t, "Maren"), personOf(t, "Dana")
	// Both have an account at the issuer, and nobody has let them in.
	kim, lou := core.Person{ID: "kim", Name: "Kim Sato", Email: "kim@veldhorst.example", Password: "welcome"}, core.Person{ID: "lou", Name: "Lou Berger", Email: "lou@veldhorst.example", Password: "welcome"}
	for _, p := range []core.Person{kim, lou} {
		must(t, r.issuer.Join(t.Context(), issuer.Person{ID: p.ID, Email: p.Email, Name: p.Name, Password: p.Password}))
	}
	dealer, branch := dana.Memberships[0].Account, personOf(t, "Femi").Memberships[0].Sites[0]

	// Invited, accepted at the issuer, the first order seen.
	b.signIn(r.base, maren)
	b.invites(r.base+"/people/invite?partner="+dealer, kim.Email, "", "buyer", "partner-admin")
	c.enter(r.base+r.mailed(b, kim.Email), kim)
	first := cr.CSS(`#results tbody a[href^="/orders/"]`)
	c.do(cr.Navigate(r.base+"/orders"), cr.WaitVisible(first))
	number := strings.TrimSpace(c.text(first))
	c.do(cr.Click(first), cr.WaitVisible(cr.CSS(`main h1`)))
	if h := c.text("main h1"); !strings.Contains(h, number) {
		t.Errorf("the first order is headed %q, want order %s", h, number)
	}
	c.both("first-order")

	// A colleague for one branch, who sees what goes there and nothing else.
	c.invites(r.base+"/people/invite", lou.Email, branch, "viewer")
	c.signOut()
	c.enter(r.base+r.mailed(c, lou.Email), lou)
	var all struct {
		Items []struct{ Number, Site string }
	}
	r.told(t, dana, "/orders?limit=200", &all)
	sites := map[string]string{}
	elsewhere := ""
	for _, o := range all.Items {
		if sites[o.Number] = o.Site; o.Site != branch {
			elsewhere = o.Number
		}
	}
	c.do(cr.Navigate(r.base+"/orders"), cr.WaitVisible(first))
	c.both("one-branch")
	numbers, err := cr.Run(c.within, cr.Evaluate[[]string](`[...document.querySelectorAll('#results tbody a[href^="/orders/"]')].map(a => a.innerText.trim())`))
	must(t, err)
	for _, n := range numbers {
		if sites[n] != branch && sites[n] != "" {
			t.Errorf("somebody of the branch %s sees the order %s of %s", branch, n, sites[n])
		}
	}
	if len(numbers) == 0 || !slices.ContainsFunc(numbers, func(n string) bool { return sites[n] == branch }) || elsewhere == "" {
		t.Errorf("%d orders are shown, one elsewhere is %q: nothing is shown by this", len(numbers), elsewhere)
	}
	c.quiet()
	c.do(cr.Navigate(r.base+"/orders/"+elsewhere), cr.WaitVisible(cr.CSS(`main h1`)))
	if says := c.text("main"); !strings.Contains(says, "no order") {
		t.Errorf("an order of another branch is answered with\n%s", says)
	}

	// A review that is not answered: out within seconds of its date, the page that is open too.
	b.do(cr.Navigate(r.base + "/reviews/new"))
	b.fill(`main input[name=title]`, "Spring review")
	b.fill(`main input[name=due]`, time.Now().UTC().AddDate(0, 0, 7).Format(time.DateOnly))
	b.fill(`main input[name=numbers]`, dealer)
	b.both("review-new")
	b.press(`main form[action="/reviews"] button[type=submit]`)
	b.waitFor("Partner by partner")
	b.both("review")
	b.do(cr.Click(cr.CSS(`main a[href^="/people/reviews/"]`)), cr.WaitVisible(cr.CSS(`#items`)),
		cr.Evaluate[cr.Void](`document.querySelectorAll("#items tbody tr").forEach(row => { if (!row.innerText.includes("`+lou.Email+`")) row.querySelector("input[value=keep]").click() })`))
	b.both("review-answer")
	b.press(`main form[action^="/people/reviews/"] button[type=submit]`)
	b.waitFor("Answered")
	c.do(cr.Navigate(r.base+"/orders"), cr.WaitVisible(first))
	at, err := url.Parse(r.config.DatabaseURL)
	must(t, err)
	owner, err := sql.Open("postgres", portaltest.Server(t).URL("postgres", strings.TrimPrefix(at.Path, "/")))
	must(t, err)
	defer owner.Close()
	_, err = owner.Exec(`UPDATE campaigns SET due_at = now(); UPDATE reviews SET due_at = now()`)
	must(t, err)
	due := time.Now()
	c.do(cr.WaitVisible(signInLink)) // nobody touched the page
	if took := time.Since(due); took > 30*time.Second {
		t.Errorf("thrown out %s after the date, want a few seconds", took)
	}
	c.both("thrown-out")
	b.do(cr.Navigate(r.base + "/people?partner=" + dealer))
	b.waitFor(kim.Email)
	if strings.Contains(b.text("main"), lou.Email) {
		t.Errorf("whom nobody answered for is still listed")
	}
	b.quiet()

	// The host's staff look as the partner, change nothing, and the partner reads both.
	b.do(cr.Navigate(r.base + "/partners/" + dealer))
	b.fill(`main input[name=reason]`, "A call about order "+number)
	b.press(`main form[action$="/view"] button[type=submit]`)
	b.do(cr.Navigate(r.base+"/orders/"+number), cr.WaitVisible(cr.CSS(`main h1`)))
	if says := b.text("body"); !strings.Contains(says, "You are viewing the portal as") {
		t.Errorf("nothing says whose portal is looked at:\n%.300s", says)
	}
	b.both("view-as")
	b.do(cr.Evaluate[cr.Void](`(() => { const f = document.createElement("form"); f.method = "post"; f.action = "/orders/`+number+`/cancel"; document.body.append(f); f.submit() })()`), cr.WaitNotPresent(cr.CSS(`#lines`)))
	b.waitFor("nothing can be changed")
	b.both("view-as-refused")
	b.signOut()
	b.signIn(r.base, dana)
	b.do(cr.Navigate(r.base+"/audit"), cr.WaitVisible(cr.CSS(`#audit`)))
	log := b.text("#audit")
	for _, words := range []string{"view.begin", "A call about order " + number, "denied", maren.Name + " of " + core.Name, "/orders/:number/cancel"} {
		if !strings.Contains(log, words) {
			t.Errorf("the partner's log does not say %q:\n%s", words, log)
		}
	}
	b.both("log")
}

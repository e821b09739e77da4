package auth_test

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"extranet/auth"
	"extranet/portal"
	"extranet/portal/portaltest"
	"extranet/sandbox/issuer"
)

// TestRealIssuer goes through a whole issuer: in with a password, and out again by RP-initiated and back-channel logout.
func TestRealIssuer(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.DB.Now = time.Now
	p.Arrange(t, `INSERT INTO contacts (partner_id, contact, name, email, may_log_on, changed_at) VALUES (2, 'c1', 'Dana', 'dana@acme.example', true, now())`)
	engine := gin.New()
	ts := httptest.NewUnstartedServer(engine)
	base := "https://" + ts.Listener.Addr().String()
	// The issuer posts its logout tokens to where the portal listens without TLS.
	plain := httptest.NewServer(engine)
	t.Cleanup(plain.Close)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	iss, err := issuer.Start(ctx, issuer.Options{Name: "Acme ID", People: []issuer.Person{{ID: "p-1", Email: "dana@acme.example", Name: "Dana Ruiz", Password: "granite"}},
		Clients: []issuer.Client{{ID: "portal", Secret: clientSecret, RedirectURIs: []string{base + "/auth/callback"},
			PostLogoutRedirectURIs: []string{base + "/login?signed-out"}, BackchannelLogoutURI: plain.URL + "/auth/backchannel/main"}}})
	must(t, err)
	t.Cleanup(func() { iss.Stop() })
	a, err := auth.New(auth.Options{DB: p.DB, BaseURL: base, Issuers: []auth.Issuer{{Name: "main", URL: iss.URL(), ClientID: "portal", ClientSecret: clientSecret}}})
	must(t, err)
	t.Cleanup(a.Close)
	fail := func(c *gin.Context, err error) { c.String(statuses[portal.Says(err).Kind], "error: %v", err) }
	a.Routes(engine, auth.Pages{
		SignIn:    func(c *gin.Context, status int, p auth.SignIn) { c.String(status, "sign in: %s", p.Text) },
		SignedOut: func(c *gin.Context) { c.String(200, "signed out") },
		Error:     fail,
	})
	engine.GET("/", func(c *gin.Context) {
		by, err := a.Caller(c)
		if err != nil {
			fail(c, err)
			return
		}
		c.String(200, "%s at %s", by.Name, by.PartnerNumber)
	})
	ts.StartTLS()
	t.Cleanup(ts.Close)

	b := func() browser {
		jar, _ := cookiejar.New(nil)
		return browser{&http.Client{Jar: jar, Transport: ts.Client().Transport, Timeout: 20 * time.Second}, &door{t: t, http: ts}}
	}
	in := func(b browser) {
		t.Helper()
		r, err := b.Get(base + "/login/main")
		must(t, err)
		r.Body.Close()
		if p := b.post(r.Request.URL.String(), url.Values{"login": {"dana@acme.example"}, "password": {"granite"}}); p.body != "Dana Ruiz at D100" {
			t.Fatalf("signing in ends at %d %s", p.status, p.body)
		}
	}
	one := b()
	in(one)
	kept := one.cookie("__Host-session")
	out := one.post("/logout", nil)
	for strings.Contains(out.body, "<form") { // the issuer asks once more
		t.Fatalf("the issuer asks: %s", out.body)
	}
	if out.body != "signed out" {
		t.Errorf("signing out ends at %d %s", out.status, out.body)
	}
	if p := one.get("/", "Cookie", "__Host-session="+kept); p.status != 401 {
		t.Errorf("the old session answers %d", p.status)
	}
	// The issuer's session ends, and with it ours, without the browser.
	in(one)
	one.says("in again", "Dana Ruiz at D100")
	var hint string
	must(t, p.Owner.QueryRow(`SELECT id_token FROM sessions WHERE ended_at IS NULL`).Scan(&hint))
	r, err := one.Get(strings.TrimSuffix(iss.URL(), "/") + "/logout?" + url.Values{"id_token_hint": {hint}, "client_id": {"portal"}, "post_logout_redirect_uri": {base + "/login?signed-out"}}.Encode())
	must(t, err)
	r.Body.Close()
	for deadline := time.Now().Add(2 * time.Second); one.get("/").status != 401; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("two seconds after the issuer's logout (%s answers %d) the session lives", r.Request.URL.Path, r.StatusCode)
		}
	}
	var why string
	must(t, p.Owner.QueryRow(`SELECT ended_by FROM sessions ORDER BY created_at DESC LIMIT 1`).Scan(&why))
	if why != "the issuer" {
		t.Errorf("ended by %q", why)
	}
}

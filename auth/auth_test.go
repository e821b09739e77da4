package auth_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"extranet/auth"
	"extranet/portal"
	"extranet/portal/partners"
	"extranet/portal/portaltest"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	os.Exit(portaltest.Main(m))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A door is a portal's door under test: an issuer, a portal at which Dana of Acme is a contact who may log on, and a clock.
type door struct {
	t     testing.TB
	p     *portaltest.Portal
	a     *auth.Auth
	iss   *fakeIssuer
	http  *httptest.Server
	clock atomic.Int64 // seconds past portaltest.Now
	log   *safeLog
}

type safeLog struct{ lines atomic.Pointer[string] }

func (l *safeLog) Write(b []byte) (int, error) {
	for {
		was := l.lines.Load()
		now := string(b)
		if was != nil {
			now = *was + now
		}
		if l.lines.CompareAndSwap(was, &now) {
			return len(b), nil
		}
	}
}

func (l *safeLog) String() string {
	if s := l.lines.Load(); s != nil {
		return *s
	}
	return ""
}

var statuses = map[portal.Kind]int{portal.Internal: 500, portal.Malformed: 400, portal.Unauthenticated: 401, portal.Forbidden: 403, portal.NotFound: 404,
	portal.Conflict: 409, portal.Invalid: 422, portal.TooMany: 429, portal.Unavailable: 503}

func newDoor(t testing.TB, change ...func(*auth.Options)) *door {
	t.Helper()
	d := &door{t: t, p: portaltest.New(t), log: &safeLog{}}
	now := func() time.Time { return portaltest.Now.Add(time.Duration(d.clock.Load()) * time.Second) }
	d.p.DB.Now = now
	d.iss = newFakeIssuer(t, now)
	d.contact("c1", portaltest.Acme, "Dana@Acme.example")
	engine := gin.New()
	d.http = httptest.NewUnstartedServer(engine)
	o := auth.Options{
		DB: d.p.DB, BaseURL: "https://" + d.http.Listener.Addr().String(), Log: slog.New(slog.NewJSONHandler(d.log, nil)),
		Issuers: []auth.Issuer{{Name: "main", Label: "Acme ID", URL: d.iss.URL, ClientID: "portal", ClientSecret: clientSecret}},
	}
	for _, f := range change {
		f(&o)
	}
	a, err := auth.New(o)
	must(t, err)
	d.a = a
	t.Cleanup(a.Close)
	fail := func(c *gin.Context, err error) {
		says := portal.Says(err)
		c.String(statuses[says.Kind], "error: %s", says.Msg)
	}
	a.Routes(engine, auth.Pages{
		SignIn: func(c *gin.Context, status int, p auth.SignIn) {
			c.String(status, "message=%s fault=%s text=%s next=%s doors=%v", p.Message, p.Fault, p.Text, p.Next, p.Doors)
		},
		SignedOut: func(c *gin.Context) { c.String(200, "signed out") },
		Error:     fail,
	})
	whoami := func(c *gin.Context) {
		by, err := a.Caller(c)
		if err != nil {
			fail(c, err)
			return
		}
		c.String(200, "%s|%s|%s|%v", by.Name, by.PartnerNumber, strings.Join(by.Roles, ","), by.Perms.Names())
	}
	engine.GET("/", whoami)
	engine.GET("/orders", whoami)
	engine.POST("/change", whoami)
	engine.GET("/peek", func(c *gin.Context) {
		if _, err := a.Peek(c); err != nil {
			fail(c, err)
			return
		}
		c.String(200, "still in")
	})
	d.http.StartTLS()
	t.Cleanup(d.http.Close)
	return d
}

func (d *door) contact(id string, partner int64, mail string) {
	d.p.Arrange(d.t, `INSERT INTO contacts (partner_id, contact, name, email, may_log_on, changed_at) VALUES ($1, $2, $2, $3, true, now())`, partner, id, mail)
}

func (d *door) pass(by time.Duration) { d.clock.Add(int64(by / time.Second)) }

func (d *door) count(query string, args ...any) (n int) {
	d.t.Helper()
	must(d.t, d.p.Owner.QueryRow(query, args...).Scan(&n))
	return n
}

func (d *door) live() int { return d.count(`SELECT count(*) FROM sessions WHERE ended_at IS NULL`) }

// A browser keeps cookies and follows nothing by itself.
type browser struct {
	*http.Client
	d *door
}

func (d *door) browser() browser {
	jar, _ := cookiejar.New(nil)
	return browser{&http.Client{Jar: jar, Transport: d.http.Client().Transport, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, d}
}

type page struct {
	status   int
	body     string
	location string
	header   http.Header
}

func (b browser) do(method, address string, form url.Values, headers ...string) page {
	b.d.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.d.http.URL + address
	}
	r, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	must(b.d.t, err)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a, err := b.Do(r)
	must(b.d.t, err)
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	must(b.d.t, err)
	return page{a.StatusCode, string(body), a.Header.Get("Location"), a.Header}
}

func (b browser) get(address string, headers ...string) page {
	b.d.t.Helper()
	return b.do("GET", address, nil, headers...)
}

func (b browser) post(address string, form url.Values, headers ...string) page {
	b.d.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	return b.do("POST", address, form, headers...)
}

// toCallback goes through the issuer and returns the address to which it sends the browser back.
func (b browser) toCallback(mail string, query ...string) string {
	b.d.t.Helper()
	start := b.get("/login/main?" + url.Values{"mail": {mail}}.Encode() + strings.Join(query, ""))
	if start.status != http.StatusSeeOther {
		b.d.t.Fatalf("starting a sign-in answers %d %s", start.status, start.body)
	}
	return b.get(start.location).location
}

func (b browser) login(mail string, query ...string) page {
	b.d.t.Helper()
	return b.get(b.toCallback(mail, query...))
}

// in signs in, and fails the test when that does not work.
func (b browser) in(mail string) browser {
	b.d.t.Helper()
	if p := b.login(mail); p.status != http.StatusSeeOther {
		b.d.t.Fatalf("signing in answers %d %s", p.status, p.body)
	}
	return b
}

func (b browser) cookie(name string) string {
	u, _ := url.Parse(b.d.http.URL)
	for _, c := range b.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func (b browser) says(what, want string) {
	b.d.t.Helper()
	if p := b.get("/"); !strings.HasPrefix(p.body, want) {
		b.d.t.Errorf("%s: %d %q, want %q", what, p.status, p.body, want)
	}
}

func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	dana := d.browser()
	dana.says("before", "error: sign in first")
	back := dana.login("dana@acme.example", "&next=/orders?q=1%262")
	if back.status != 303 || back.location != "/orders?q=1&2" {
		t.Fatalf("the callback answers %d to %q: %s", back.status, back.location, back.body)
	}
	for _, line := range back.header["Set-Cookie"] {
		for _, want := range []string{"__Host-", "Path=/", "HttpOnly", "Secure", "SameSite=Lax"} {
			if !strings.Contains(line, want) {
				t.Errorf("cookie %q lacks %s", line, want)
			}
		}
	}
	if back.header.Get("Cache-Control") != "no-store" {
		t.Error("the callback may be cached")
	}
	dana.says("signed in", "Dana Ruiz|D100|buyer|[orders:read orders:export orders:place catalog:read prices:read claims:read notices:read company:read]")
	if d.count(`SELECT count(*) FROM audit WHERE partner_id = 2 AND action = 'login' AND actor LIKE 'Dana Ruiz <%'`) != 1 {
		t.Error("the login is not in the partner's audit")
	}
	if p := dana.get("/login?next=/orders"); p.status != 303 || p.location != "/orders" {
		t.Errorf("the sign-in page for somebody signed in answers %d %q", p.status, p.location)
	}
	token := dana.cookie("__Host-session")
	hash := sha256.Sum256([]byte(token[37:]))
	if len(token[37:]) < 22 || d.count(`SELECT count(*) FROM sessions WHERE encode(session_hash, 'hex') = $1`, hex.EncodeToString(hash[:])) != 1 {
		t.Error("what is kept of the session is not the hash of a long secret")
	}
	out := dana.post("/logout", nil)
	u, _ := url.Parse(out.location)
	q := u.Query()
	if out.status != 303 || !strings.HasPrefix(out.location, d.iss.URL+"/end?") || q.Get("id_token_hint") == "" || q.Get("client_id") != "portal" ||
		q.Get("post_logout_redirect_uri") != d.http.URL+"/login?signed-out" || q.Get("state") == "" {
		t.Errorf("signing out answers %d to %s", out.status, out.location)
	}
	dana.says("signed out", "error: sign in first")
	if p := dana.get("/", "Cookie", "__Host-session="+token); p.status != 401 {
		t.Errorf("the old cookie answers %d %s", p.status, p.body)
	}
	if p := dana.get("/login?signed-out"); p.body != "signed out" {
		t.Errorf("the page after it says %q", p.body)
	}
	if d.count(`SELECT count(*) FROM audit WHERE partner_id = 2 AND action = 'logout'`) != 1 {
		t.Error("the logout is not in the partner's audit")
	}
	if log := d.log.String(); strings.Contains(log, "dana") || strings.Contains(log, "Dana") || strings.Contains(log, "D100") {
		t.Errorf("the log names people: %s", log)
	}
	// An issuer without a logout of its own.
	d2 := newDoor(t)
	d2.iss.set(script{discovery: func(m map[string]any) { delete(m, "end_session_endpoint") }})
	if p := d2.browser().in("dana@acme.example").post("/logout", nil); p.location != "/login?signed-out" {
		t.Errorf("signing out without end_session_endpoint leads to %q", p.location)
	}
}

func TestSession_newAtLogin(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	dana := d.browser().in("dana@acme.example")
	first := dana.cookie("__Host-session")
	dana.says("first", "Dana")
	dana.in("dana@acme.example")
	if second := dana.cookie("__Host-session"); second == first {
		t.Error("the session's secret is the same after another login")
	}
	if p := d.browser().get("/", "Cookie", "__Host-session="+first); p.status != 401 {
		t.Errorf("the session before the login answers %d", p.status)
	}
	// A secret that somebody else planted does not become a session.
	planted := "__Host-session=" + uuid.NewString() + "." + strings.Repeat("A", 43)
	if p := d.browser().get("/", "Cookie", planted); p.status != 401 {
		t.Errorf("a planted session answers %d", p.status)
	}
	// The secret belongs to one person.
	for name, cookie := range map[string]string{
		"another person": uuid.NewString() + dana.cookie("__Host-session")[36:], "no person": dana.cookie("__Host-session")[37:], "empty": "", "cut": dana.cookie("__Host-session")[:60],
	} {
		if p := d.browser().get("/", "Cookie", "__Host-session="+cookie); p.status != 401 {
			t.Errorf("%s: %d", name, p.status)
		}
	}
	if p := d.browser().get("/", "Cookie", "__Host-session=a; __Host-session=b"); p.status != 400 {
		t.Errorf("two session cookies answer %d", p.status)
	}
}

func TestSession_limits(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	dana := d.browser().in("dana@acme.example")
	dana.says("at once", "Dana")
	for range 3 {
		d.pass(30*time.Minute - time.Second)
		dana.says("just before the idle limit", "Dana")
	}
	d.pass(29 * time.Minute)
	if p := dana.get("/peek"); p.status != 200 {
		t.Errorf("a look within the limit answers %d", p.status)
	}
	d.pass(time.Minute)
	if p := dana.get("/"); p.status != 401 || !strings.Contains(p.body, "30m without use and 12h in all") {
		t.Errorf("at the idle limit, after a look that does not count: %d %s", p.status, p.body)
	}
	if d.live() != 0 {
		t.Error("an idle session is not ended")
	}
	dana.in("dana@acme.example")
	for range 24*2 - 1 {
		d.pass(15 * time.Minute)
		dana.says("working on", "Dana")
	}
	d.pass(15*time.Minute - 2*time.Second)
	dana.says("two seconds before the absolute limit", "Dana")
	d.pass(2 * time.Second)
	if p := dana.get("/"); p.status != 401 {
		t.Errorf("at the absolute limit: %d %s", p.status, p.body)
	}
	if p := dana.get("/"); p.status != 401 || !strings.Contains(p.body, "in all") {
		t.Errorf("after it: %d %s", p.status, p.body)
	}
}

func TestSessions_endOnes(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	desk, phone, third := d.browser().in("dana@acme.example"), d.browser().in("dana@acme.example"), d.browser().in("dana@acme.example")
	other := d.browser()
	d.contact("b1", portaltest.Brock, "bo@brock.example")
	other.in("bo@brock.example")
	list := func(b browser) []partners.Session {
		s, err := d.a.Sessions(t.Context(), d.caller(b))
		must(t, err)
		return s
	}
	for _, b := range []browser{desk, phone, third} {
		if n := len(list(b)); n != 3 {
			t.Fatalf("%d sessions, want 3", n)
		}
		b.says("before", "Dana")
	}
	var phoneID uuid.UUID
	for _, s := range list(phone) {
		if s.Current {
			phoneID = s.ID
		}
	}
	if p := other.post("/account/sessions/"+phoneID.String()+"/end", nil); p.status != 404 {
		t.Errorf("ending somebody else's session answers %d", p.status)
	}
	if p := desk.post("/account/sessions/"+uuid.NewString()+"/end", nil); p.status != 404 {
		t.Errorf("ending no session answers %d", p.status)
	}
	phone.says("another could not end it", "Dana")
	if p := desk.post("/account/sessions/"+phoneID.String()+"/end", nil); p.status != 303 || p.location != "/account" {
		t.Errorf("ending one's own answers %d %q", p.status, p.location)
	}
	phone.says("ended", "error: this session was ended")
	third.says("not ended", "Dana")
	if p := desk.post("/account/sessions/end-others", nil); p.status != 303 {
		t.Errorf("ending the others answers %d", p.status)
	}
	third.says("ended with the others", "error: this session was ended")
	desk.says("this one stays", "Dana")
	other.says("another person's stays", "Bo")
	// A partner's administrator ends a member's; another partner's cannot.
	person := d.caller(desk).PersonID
	if _, err := d.a.EndSessionsOf(t.Context(), portaltest.As(portaltest.Brock, portal.PeopleInvite), person); portal.Says(err).Kind != portal.NotFound {
		t.Errorf("another partner's administrator: %v", err)
	}
	if _, err := d.a.EndSessionsOf(t.Context(), portaltest.As(portaltest.Acme), person); portal.Says(err).Kind != portal.Forbidden {
		t.Errorf("a colleague without the right: %v", err)
	}
	desk.says("still", "Dana")
	if n, err := d.a.EndSessionsOf(t.Context(), portaltest.As(portaltest.Acme, portal.PeopleInvite), person); n != 1 || err != nil {
		t.Errorf("the administrator: %d, %v", n, err)
	}
	desk.says("ended by the administrator", "error: this session was ended")
	if n, err := d.a.EndSessionsOf(t.Context(), portaltest.As(portaltest.Host, portal.PeopleInvite), d.caller(other).PersonID); n != 1 || err != nil {
		t.Errorf("the host: %d, %v", n, err)
	}
	other.says("ended by the host", "error: this session was ended")
}

// caller resolves the browser's cookie as a route does.
func (d *door) caller(b browser) portal.Caller {
	d.t.Helper()
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequest("GET", "/", nil)
	c.Request.Header.Set("Cookie", "__Host-session="+b.cookie("__Host-session"))
	by, err := d.a.Caller(c)
	must(d.t, err)
	return by
}

func TestPartnerSwitch(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	d.contact("c2", portaltest.Cord, "dana@acme.example")
	dana := d.browser().in("dana@acme.example")
	dana.says("first by name", "Dana Ruiz|D100|buyer")
	d.contact("b1", portaltest.Brock, "bo@brock.example")
	d.browser().in("bo@brock.example")
	for _, id := range []string{"3", "1", "99", "x", "-4", "4; DROP", ""} {
		if p := dana.post("/partner", url.Values{"partner": {id}}); p.status != 404 {
			t.Errorf("switching to %q answers %d", id, p.status)
		}
	}
	dana.says("unmoved", "Dana Ruiz|D100")
	if p := dana.post("/partner", url.Values{"partner": {"4"}, "back": {"//evil.example"}}); p.status != 303 || p.location != "/" {
		t.Errorf("switching answers %d %q", p.status, p.location)
	}
	dana.says("moved", "Dana Ruiz|S300|planner")
	if d.count(`SELECT count(*) FROM audit WHERE partner_id = 4 AND action = 'partner.switch'`) != 1 {
		t.Error("the switch is not in the audit of the partner switched to")
	}
	list, err := d.a.Partners(t.Context(), d.caller(dana))
	must(t, err)
	if len(list) != 2 || list[0].PartnerNumber != "D100" || list[1].PartnerNumber != "S300" {
		t.Errorf("partners: %+v", list)
	}
	dana.in("dana@acme.example")
	dana.says("starts where they were last", "Dana Ruiz|S300")
}

func TestCrossSite(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	dana := d.browser().in("dana@acme.example")
	for _, headers := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "null"}} {
		for _, path := range []string{"/logout", "/partner", "/account/sessions/end-others", "/account/sessions/" + uuid.NewString() + "/end", "/login", "/change"} {
			if p := dana.post(path, url.Values{"issuer": {"main"}}, headers...); p.status != 403 {
				t.Errorf("POST %s with %v answers %d", path, headers, p.status)
			}
		}
	}
	dana.says("unharmed", "Dana")
	if p := dana.post("/change", nil, "Origin", d.http.URL, "Sec-Fetch-Site", "same-origin"); p.status != 200 {
		t.Errorf("from the portal's own page: %d", p.status)
	}
	if p := dana.post("/login", url.Values{"issuer": {"main"}}, "Origin", d.http.URL); p.status != 303 || !strings.HasPrefix(p.location, d.iss.URL) {
		t.Errorf("a sign-in from the portal's own page: %d", p.status)
	}
}

func TestBearer(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	anyone := d.browser()
	admin := portaltest.As(portaltest.Acme, portal.PeopleInvite, portal.TokensManage, portal.OrdersRead)
	var token string
	var made partners.Token
	must(t, d.p.Do(t.Context(), admin, func(tx *portal.Tx) (err error) {
		token, made, err = partners.CreateToken(t.Context(), tx, partners.NewToken{Name: "ERP", Permissions: []string{"orders:read"}, ExpiresIn: time.Hour})
		return err
	}))
	if p := anyone.get("/", "Authorization", "Bearer "+token); p.body != "token ERP|D100||[orders:read]" {
		t.Errorf("the token says %d %q", p.status, p.body)
	}
	if p := anyone.post("/change", nil, "Authorization", "Bearer "+token, "Origin", "https://erp.example"); p.status != 200 {
		t.Errorf("a token needs no origin: %d", p.status)
	}
	dana := d.browser().in("dana@acme.example")
	if p := dana.get("/", "Authorization", "Bearer "+token); p.status != 400 {
		t.Errorf("cookie and token at once answer %d", p.status)
	}
	for name, h := range map[string]string{"basic": "Basic eDp5", "empty": "Bearer ", "not ours": "Bearer abc", "cut": "Bearer " + token[:80], "changed": "Bearer " + token[:len(token)-1] + "z",
		"another partner's": "Bearer " + token[:15] + "d" + token[16:]} {
		if p := anyone.get("/", "Authorization", h); p.status != 401 {
			t.Errorf("%s: %d", name, p.status)
		}
	}
	must(t, d.p.Do(t.Context(), admin, func(tx *portal.Tx) error { return partners.RevokeToken(t.Context(), tx, made.ID) }))
	if p := anyone.get("/", "Authorization", "Bearer "+token); p.status != 401 {
		t.Errorf("a revoked token answers %d", p.status)
	}
	if d.count(`SELECT count(*) FROM audit WHERE partner_id = 2 AND action IN ('token.create', 'token.revoke')`) != 2 {
		t.Error("the token's rows are not in the audit")
	}
}

func TestOpenRedirects(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for next, want := range map[string]string{
		"/orders": "/orders", "/orders?status=open&q=a%2Fb": "/orders?status=open&q=a%2Fb", "": "/", "/": "/",
		"//evil.example": "/", "///evil.example": "/", "https://evil.example": "/", "http:evil.example": "/", "/\\evil.example": "/", "\\\\evil.example": "/", "/%5cevil.example": "/",
		"/%2fevil.example": "/", "/%2f%2fevil.example": "/", "/..//evil.example": "/", "/.//evil.example": "/", "/./%2fevil.example": "/", "/a/../x": "/", "javascript:alert(1)": "/",
		"/\tevil": "/", "/ evil": "/", "/\r\nSet-Cookie:x": "/", "/%0d%0aSet-Cookie:x": "/", "evil.example": "/", "@evil.example": "/", "/login?next=/x": "/", "/logout": "/",
		"/\u202eevil": "/", "?x": "/", "#x": "/", "/" + strings.Repeat("a", 3000): "/",
	} {
		b := d.browser()
		start := b.get("/login/main?" + url.Values{"mail": {"dana@acme.example"}, "next": {next}}.Encode())
		if start.status != 303 || !strings.HasPrefix(start.location, d.iss.URL+"/authorize?") {
			t.Errorf("%q: starting answers %d", next, start.status)
			continue
		}
		back := b.get(b.get(start.location).location)
		if back.location != want {
			t.Errorf("next=%q leads to %q, want %q", next, back.location, want)
		}
		if back.header.Get("X") != "" || len(back.header["Set-Cookie"]) != 1 {
			t.Errorf("next=%q sets %v", next, back.header["Set-Cookie"])
		}
	}
	// The address of the portal is configured, not asked from the request.
	b := d.browser()
	r, _ := http.NewRequest("GET", d.http.URL+"/login/main", nil)
	r.Host = "evil.example"
	r.Header.Set("X-Forwarded-Host", "evil.example")
	a, err := b.Do(r)
	must(t, err)
	a.Body.Close()
	if u, _ := url.Parse(a.Header.Get("Location")); u.Query().Get("redirect_uri") != d.http.URL+"/auth/callback" {
		t.Errorf("redirect_uri is %s", u.Query().Get("redirect_uri"))
	}
}

func TestStartsAreLimited(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	b := d.browser()
	for i := range 1000 {
		p := b.get("/invitation/none")
		if p.status == 429 {
			if i < 200 || p.header.Get("Retry-After") == "" {
				t.Errorf("limited after %d, Retry-After %q", i, p.header.Get("Retry-After"))
			}
			return
		}
	}
	t.Error("1,000 sign-ins were started from one address")
}

func TestOptions(t *testing.T) {
	t.Parallel()
	_, err := auth.New(auth.Options{BaseURL: "portal.example/x", Issuers: []auth.Issuer{
		{Name: "A B", URL: "https://a.example", ClientID: "x"}, {Name: "b", URL: "b", ClientID: "x"}, {Name: "c", URL: "https://c.example", Domains: []string{"x.example"}},
		{Name: "d", URL: "https://d.example", ClientID: "x", Domains: []string{"@X.example"}}, {Name: "d", URL: "https://e.example", ClientID: "x"},
	}})
	if err == nil {
		t.Fatal("no fault found")
	}
	for _, want := range []string{"base URL", "database", `"A B"`, "issuer b: the URL", "issuer c: a client id", `by the issuers c and d`, `"d" is named twice`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not among the faults: %v", want, err)
		}
	}
}

func BenchmarkCaller(b *testing.B) {
	d := newDoor(b)
	dana := d.browser().in("dana@acme.example")
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequest("GET", "/", nil)
	c.Request.Header.Set("Cookie", "theme=dark; __Host-session="+dana.cookie("__Host-session"))
	time.Sleep(300 * time.Millisecond) // the news arrives
	for b.Loop() {
		if _, err := d.a.Caller(c); err != nil {
			b.Fatal(err)
		}
	}
}

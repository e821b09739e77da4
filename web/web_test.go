package web_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/xuri/excelize/v2"

	"extranet/portal"
	"extranet/portal/partners"
	"extranet/portal/portaltest"
	"extranet/web"
	"extranet/web/assets"
	"extranet/web/pagetest"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	os.Exit(portaltest.Main(m))
}

// people are who may ask, by the cookie "as".
type people struct {
	mu      sync.Mutex
	callers map[string]portal.Caller
	known   []partners.Membership
}

func (p *people) Caller(c *gin.Context) (portal.Caller, error) {
	name, _ := c.Cookie("as")
	p.mu.Lock()
	defer p.mu.Unlock()
	by, ok := p.callers[name]
	if !ok {
		return by, portal.Errorf(portal.Unauthenticated, "sign in first")
	}
	return by, nil
}
func (p *people) Peek(c *gin.Context) (portal.Caller, error) { return p.Caller(c) }
func (p *people) Person(_ context.Context, by portal.Caller) (partners.Person, error) {
	return partners.Person{ID: by.PersonID, Name: by.Name, Email: "dana@acme.example"}, nil
}
func (p *people) Partners(context.Context, portal.Caller) ([]partners.Membership, error) {
	return p.known, nil
}
func (p *people) Sessions(_ context.Context, by portal.Caller) ([]partners.Session, error) {
	return []partners.Session{{ID: uuid.New(), PartnerName: by.PartnerName, Device: "Firefox on Windows", CreatedAt: portaltest.Now, SeenAt: portaltest.Now, ExpiresAt: portaltest.Now.Add(time.Hour), Current: true},
		{ID: uuid.New(), PartnerName: "Brock Wheels", Device: "Chrome on Android", CreatedAt: portaltest.Now, SeenAt: portaltest.Now, ExpiresAt: portaltest.Now.Add(time.Hour)}}, nil
}

func (p *people) SessionsOf(context.Context, portal.Caller, int64, uuid.UUID) ([]partners.Session, error) {
	return nil, nil
}
func (p *people) EndSessionsOf(context.Context, portal.Caller, uuid.UUID) (int, error) {
	return 0, nil
}
func (p *people) SignedIn(context.Context, portal.Caller, partners.SessionFilter) ([]partners.LiveSession, error) {
	return nil, nil
}
func (p *people) EndSignedIn(context.Context, portal.Caller, partners.SessionFilter) (int, error) {
	return 0, nil
}
func (p *people) ViewAs(context.Context, portal.Caller, string, string, bool) error { return nil }
func (p *people) StopViewing(context.Context, portal.Caller) error                  { return nil }
func (p *people) revoke(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.callers, name)
}

const sample = `
INSERT INTO orders (partner_id, number, site, po_number, status, currency, ordered_on, requested_on, promised_on, net, tax, total, changed_at)
	SELECT 2, '47' || lpad(i::text, 3, '0'), CASE WHEN i % 2 = 0 THEN 'D100' ELSE 'D101' END, 'PO-' || i, (ARRAY['open','held','picking','part_shipped','shipped','delivered','cancelled'])[1 + i % 7], 'EUR',
		date '2026-01-01' + i, date '2026-01-08' + i, CASE WHEN i % 3 > 0 THEN date '2026-01-10' + i END, 100 * i, 19 * i, 119 * i, '2026-03-01Z' FROM generate_series(1, 60) i;
INSERT INTO orders (partner_id, number, site, po_number, contact, status, currency, ordered_on, requested_on, promised_on, net, tax, total, continued_by, comment, changed_at) VALUES
	(2, 'A/1', 'D100', '=HYPERLINK("http://x")', 'Dana', 'part_shipped', 'EUR', '2026-03-01', '2026-03-05', '2026-03-19', 2500.5, 475.1, 2975.6, 'A/2', 'Ring the bell', '2026-03-01Z'),
	(2, 'A/2', 'D100', 'x;@SUM(1)', NULL, 'open', 'EUR', '2026-03-02', NULL, NULL, 10, 1.9, 11.9, NULL, NULL, '2026-03-01Z'),
	(3, 'B-1', 'D200', 'Z', NULL, 'open', 'EUR', '2026-03-02', NULL, NULL, 10, 1.9, 11.9, NULL, NULL, '2026-03-01Z');
INSERT INTO order_lines (partner_id, order_number, line, product, description, unit, ordered, shipped, backordered, cancelled, price, net, requested_on, promised_on, changed_at) VALUES
	(2, 'A/1', 1, '10-1', 'All-season tyre 205/55 R16', 'pcs', 120, 96, 9, 3, 20.5, 2460, '2026-03-05', '2026-03-19', '2026-03-01Z'),
	(2, 'A/1', 2, '10-2', 'Valve', 'pcs', 4, 6, 0, 0, 10.125, 40.5, NULL, NULL, '2026-03-01Z');
INSERT INTO shipments (partner_id, shipment, site, carrier, service, tracking, shipped_on, delivered_at, received_by, changed_at) VALUES
	(2, 'S 1', 'D100', 'Schenker', 'Express', 'TR-77', '2026-03-01', '2026-03-02T07:30:00Z', 'Mr Lock', '2026-03-01Z');
INSERT INTO shipment_lines (partner_id, shipment, line, order_number, order_line, product, quantity, changed_at) VALUES (2, 'S 1', 1, 'A/1', 1, '10-1', 96, '2026-03-01Z'), (2, 'S 1', 2, 'A/1', 2, '10-2', 6, '2026-03-01Z');
INSERT INTO packages (partner_id, shipment, package, carrier, tracking, weight_kg, sscc, changed_at) VALUES (2, 'S 1', 'P1', 'Schenker', 'PK-99', 12.5, '003404351603457896', '2026-03-01Z');
INSERT INTO changes (partner_id, noun, key, at, field, was, became) VALUES
	(2, 'orders', 'A/1', '2026-03-01T10:00Z', 'promised_on', '2026-03-12', '2026-03-19'), (2, 'orders', 'A/1', '2026-03-01T11:00Z', 'status', 'open', 'part_shipped'), (2, 'orders', 'A/2', '2026-03-01T12:00Z', 'total', '11.90', '1234.50');
INSERT INTO contacts (partner_id, contact, site, name, email, may_log_on, changed_at) VALUES (2, 'C1', 'D100', 'Dana Dealer', 'dana@acme.example', true, '2026-03-01Z');
INSERT INTO feeds (entity, source, way, every_s, stale_after_s, offered, as_of, rows_read) SELECT e, 'core', 'snapshot', 5, 60, true, '2026-03-02T08:59:30Z', 1234
	FROM unnest(ARRAY['partners','sites','contacts','orders','order_lines','shipments','shipment_lines','packages']) e;
INSERT INTO quarantine (entity, key, reason, row_data, first_seen, last_seen, tries) VALUES ('orders', '["X9"]', 'there is no partner "D999"', '{}', '2026-03-01Z', '2026-03-02Z', 7);
INSERT INTO outbox (partner_id, command_id, name, document, place, content, posted_at, posted_by, state, tries, next_try_at, fault, ended_at, why) VALUES
	(2, '019c0000-0000-7000-8000-000000000001', 'place_order', 'orders/N1', 1, '{}', '2026-03-02T08:00Z', 'Dana', 'waiting', 3, '2026-03-02T09:01Z', 'the core does not answer', NULL, NULL),
	(2, '019c0000-0000-7000-8000-000000000002', 'cancel_order', 'orders/A/2', 1, '{}', '2026-03-02T08:30Z', 'Dana', 'waiting', 0, NULL, NULL, NULL, NULL),
	(2, '019c0000-0000-7000-8000-000000000003', 'place_order', 'orders/N2', 1, '{}', '2026-03-02T08:40Z', 'Dana', 'refused', 1, NULL, 'pq: credit', '2026-03-02T08:40Z', 'Your credit is used up.');
INSERT INTO carried_commands VALUES ('place_order', 'core', true);
INSERT INTO running_passes VALUES ('orders', 'reading', 4000, 9000, '2026-03-02T08:59:58Z', '2026-03-02T09:00Z');
INSERT INTO passes (entity, way, began_at, ended_at, times, took_ms, rows_read, inserted, updated, deleted, quarantined, error) VALUES ('orders', 'full', '2026-03-01Z', '2026-03-01Z', 1, 1200, 1234, 1233, 0, 0, 1, NULL), ('orders', '', '2026-03-02Z', '2026-03-02Z', 4, 0, 0, 0, 0, 0, 0, 'the core did not answer');
`

const document = `{"openapi":"3.1.0","info":{"title":"extranet","version":"1","description":"Days are ` + "`2006-01-02`" + `."},"servers":[{"url":"/api/v1"}],"tags":[{"name":"Orders","description":"What was ordered."}],
"paths":{"/orders/{number}":{"get":{"operationId":"get-order","summary":"Follow an order","description":"One order.","tags":["Orders"],
"parameters":[{"name":"number","in":"path","required":true,"description":"The host's number","schema":{"type":"string","maxLength":100}},{"name":"sort","in":"query","schema":{"type":"string","enum":["a","b"],"default":"a"}}],
"responses":{"200":{"description":"OK","headers":{"ETag":{"schema":{"type":"string"}}},"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Order"}}}},"404":{"description":"Not Found"}}}}},
"components":{"schemas":{"Order":{"description":"An order","required":["lines"],"properties":{"lines":{"type":"array","items":{"$ref":"#/components/schemas/Line"}},"day":{"type":["string","null"],"format":"date","description":"A day"}}},"Line":{"properties":{"line":{"type":"integer","format":"int64"}}}}}}`

// A door is the pages on a portal of the test's own.
type door struct {
	*portaltest.Portal
	*people
	engine *gin.Engine
}

func open(t testing.TB) *door {
	t.Helper()
	p := portaltest.New(t)
	p.Arrange(t, sample)
	as := func(partner int64, name, number, kind string, perms ...portal.Permission) portal.Caller {
		c := portaltest.As(partner, perms...)
		c.PersonID, c.Name, c.PartnerName, c.PartnerNumber, c.PartnerKind, c.Roles = uuid.New(), "Dana "+name, name, number, kind, []string{"tester"}
		return c
	}
	d := &door{Portal: p, people: &people{
		callers: map[string]portal.Caller{
			"acme":  as(portaltest.Acme, "Acme Tyres", "D100", "dealer", portal.OrdersRead, portal.OrdersExport, portal.CompanyRead),
			"clerk": as(portaltest.Acme, "Acme Tyres", "D100", "dealer", portal.CompanyRead),
			"look":  as(portaltest.Acme, "Acme Tyres", "D100", "dealer", portal.OrdersRead),
			"brock": as(portaltest.Brock, "Brock Wheels", "D200", "dealer", portal.OrdersRead, portal.OrdersExport, portal.CompanyRead),
			"cord":  as(portaltest.Cord, "Cord & Bead", "S300", "supplier", portal.CompanyRead),
			"staff": as(portaltest.Host, "Hosting Tyres", "HOST", "host", portal.FeedsRead),
			"desk":  as(portaltest.Host, "Hosting Tyres", "HOST", "host", portal.FeedsRead, portal.FeedsManage),
			"north": as(portaltest.Acme, "Acme Tyres", "D100", "dealer", portal.OrdersRead, portal.CompanyRead),
		},
		known: []partners.Membership{{PartnerID: 2, PartnerNumber: "D100", PartnerName: "Acme Tyres"}, {PartnerID: 3, PartnerNumber: "D200", PartnerName: "Brock Wheels"}},
	}}
	north := d.callers["north"]
	north.Sites = []string{"D101"}
	d.callers["north"] = north
	e := gin.New()
	e.UseRawPath, e.UnescapePathValues, e.HandleMethodNotAllowed, e.RedirectTrailingSlash = true, true, true, false
	w := web.New(web.Options{DB: p.DB, Auth: d.people, Entities: []string{"partners", "products", "orders", "order_lines"}, HostName: "Hosting Tyres", Version: "test", BaseURL: "http://portal.test"})
	e.Use(func(c *gin.Context) { c.Set("request", "REQ1") })
	w.Routes(e, func() []byte { return []byte(document) })
	e.NoRoute(w.NotFound)
	e.NoMethod(w.MethodNotAllowed)
	e.GET("/login", func(c *gin.Context) {
		w.ShowSignIn(c, 200, web.SignIn{Issuers: []web.Issuer{{Name: "Acme", Href: "/login/acme"}}})
	})
	e.GET("/broken", func(c *gin.Context) { w.Fail(c, errors.New("pq: secret words")) })
	d.engine = e
	return d
}

func (d *door) ask(as, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	if as != "" {
		r.AddCookie(&http.Cookie{Name: "as", Value: as})
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	d.engine.ServeHTTP(w, r)
	return w
}

// text is what a person reads of the page, spaces made one.
func text(page []byte) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(pagetest.Text(page), "\u00a0", " ")), " ")
}

func TestPages(t *testing.T) {
	t.Parallel()
	d := open(t)
	for _, c := range []struct {
		as, path string
		code     int
		says     []string
		not      []string
	}{
		{"acme", "/", 200, []string{"what is open, and what changed.", "as of 08:59:30 UTC", "Order A/1 (your PO =HYPERLINK", "): promised 12 Mar 2026 → 19 Mar 2026", "status Open → Partly shipped", "total 11.90 EUR → 1,234.50 EUR", "overdue", "A/2"}, []string{"B-1", "Sync"}},
		{"cord", "/", 200, []string{"Welcome, Dana Cord & Bead.", "Account number S300", "What you may not see here, your partner administrator can grant."}, []string{"What changed"}},
		{"clerk", "/", 200, []string{"Your roles here do not include orders."}, []string{"A/1"}},
		{"staff", "/", 200, []string{"Sync at a glance", "Refused rows 1"}, []string{"A/1"}},
		{"acme", "/orders", 200, []string{"A/2", "Acme Head Office D100", "50 orders on this page", "as of 08:59:30 UTC", "Export this list as CSV"}, []string{"B-1"}},
		{"look", "/orders", 200, []string{"A/2"}, []string{"Export this list"}},
		{"north", "/orders", 200, []string{"Acme North"}, []string{"A/2", "Acme Head Office"}},
		{"acme", "/orders?status=held&status=picking&site=D100&sort=-total", 200, []string{"Status: On hold", "Status: Being picked", "Site: Acme Head Office (D100)", "Clear all"}, []string{"A/2"}},
		{"acme", "/orders?q=po-6", 200, []string{"47060", "47006"}, []string{"47007"}},
		{"acme", "/orders?q=nothing", 200, []string{"No order matches", "Clear the filter"}, nil},
		{"cord", "/company", 200, []string{"Cord & Bead", "No sites"}, nil},
		{"acme", "/company", 200, []string{"Acme North", "Dana Dealer", "Lyon"}, []string{"Brock Yard"}},
		{"acme", "/orders/A%2F1", 200, []string{"Order A/1", "Partly shipped", "2,500.50 EUR net + 475.10 EUR tax", "later than requested", "continued by order A/2", "Ring the bell", "Acme Head Office (D100)", "Lyon",
			"120 ordered = 96 shipped + 9 back-ordered + 3 cancelled + 12 open", "2 pcs more than ordered", "10.125 EUR", "Shipment S 1", "Schenker, Express", "TR-77", "PK-99", "003404351603457896", "12.5 kg", "received by Mr Lock",
			"Promised 12 Mar 2026 → 19 Mar 2026", "Shipment S 1 arrived", "1 Mar 2026"}, []string{"1 Mar 2026, 00:00"}},
		{"acme", "/orders/A%2F2", 200, []string{"This back-order continues order A/1", "Nothing is on its way yet", "No lines", "Not yet"}, nil},
		{"staff", "/sync", 200, []string{"Order lines", "Up to date", "snapshot every 5 s", "1,234", "Products Not offered", "See the outbox"}, []string{"Run all now"}},
		{"staff", "/sync/feeds/orders", 200, []string{"snapshot every 5 s", `there is no partner "D999"`, "X9", "Tries", "Read everything", "Failed", "the core did not answer", "4,000 rows of about 9,000, 2,000 a second"}, []string{"Try all again", "Read everything now"}},
		{"staff", "/sync/feeds/orders?q=zzz", 200, []string{"No refused row matches"}, []string{"X9"}},
		{"staff", "/sync/feeds/nothing", 404, nil, nil},
		{"staff", "/sync/outbox", 200, []string{"Place order orders/N1", "Waiting tried again in 1m0s", "the core does not answer"}, []string{"Try now", "Cancel order"}},
		{"staff", "/sync/outbox?state=not+carried", 200, []string{"Cancel order orders/A/2", "the mapping does not say how the core takes it"}, []string{"Place order"}},
		{"desk", "/sync/outbox?state=refused", 200, []string{"Your credit is used up.", "pq: credit", "Try now"}, []string{"Give up"}},
		{"desk", "/sync/outbox?state=delivered", 200, []string{"Nothing was delivered yet"}, nil},
		{"acme", "/account", 200, []string{"dana@acme.example", "Firefox on Windows", "Chrome on Android for Brock Wheels"}, nil},
		{"acme", "/search", 200, []string{"Number of a document"}, nil},
		{"clerk", "/search?q=A", 200, []string{"There is nothing here that you may search"}, nil},
		{"", "/api/docs", 200, []string{"Days are 2006-01-02 .", "GET /api/v1/orders/{number}", "string, at most 100 characters", "One of a , b", "list of Line", "string (date) or null", `curl -H "Authorization: Bearer $TOKEN" http://portal.test/api/v1/orders/NUMBER`}, nil},
		{"acme", "/api/docs", 200, []string{"Acting for", "Follow an order"}, nil},
		{"acme", "/nowhere", 404, []string{"there is no page at this address", "Reference: REQ1"}, nil},
		{"", "/nowhere", 404, []string{"there is no page at this address"}, nil},
		{"acme", "/broken", 500, []string{"Something went wrong on our side", "REQ1"}, []string{"pq:", "secret"}},
		{"acme", "/orders?q=%zz", 400, []string{"this address cannot be read"}, nil},
		{"clerk", "/orders", 403, []string{"You may not do this", `"orders:read"`}, []string{"A/1"}},
		{"clerk", "/orders/A%2F1", 403, []string{`"orders:read"`}, []string{"A/1"}},
		{"look", "/exports/orders.csv", 403, []string{`"orders:export"`}, []string{"A/1"}},
		{"look", "/exports/orders.xlsx", 403, []string{`"orders:export"`}, nil},
		{"acme", "/sync", 403, []string{"only the host's staff may do this"}, nil},
		{"look", "/company", 403, []string{`"company:read"`}, []string{"Lyon"}},
		{"acme", "/orders?ordered_from=1.1.26", 422, []string{`Ordered from: "1.1.26" is not a day`}, nil},
		{"acme", "/orders?ordered_from=2026-02-02&ordered_to=2026-01-01", 422, []string{"Ordered to: must not be before"}, nil},
		{"acme", "/orders?status=lost", 422, []string{`Status: "lost" is not a status`}, nil},
		{"acme", "/orders?sort=colour", 422, []string{"Sort: choose from", "Begin again"}, nil},
		{"acme", "/orders?cursor=x", 422, []string{"Page: is not one that this list gave"}, nil},
		{"acme", "/orders?q=%FF", 422, []string{"Text: must be at most 100 readable characters"}, nil},
		{"acme", "/exports/orders.csv?status=lost", 422, []string{"is not a status"}, nil},
	} {
		w := d.ask(c.as, "GET", c.path)
		read := text(w.Body.Bytes())
		if w.Code != c.code {
			t.Errorf("%s %s: %d, want %d: %s", c.as, c.path, w.Code, c.code, read)
			continue
		}
		for _, s := range c.says {
			if !strings.Contains(read, s) {
				t.Errorf("%s %s does not say %q:\n%s", c.as, c.path, s, read)
			}
		}
		for _, s := range c.not {
			if strings.Contains(read, s) {
				t.Errorf("%s %s says %q", c.as, c.path, s)
			}
		}
		for _, fault := range pagetest.Faults(w.Body.Bytes()) {
			t.Errorf("%s %s: %s", c.as, c.path, fault)
		}
		if h := w.Header(); h.Get("Cache-Control") != "private, no-store" || h.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s %s: %v", c.as, c.path, h)
		}
	}
	var denied int
	if err := d.Owner.QueryRow(`SELECT count(*) FROM audit WHERE action = 'denied' AND target LIKE 'web /%'`).Scan(&denied); err != nil || denied != 6 {
		t.Error("denials audited:", denied, err)
	}
}

// Another partner's order is answered exactly as one that never was.
func TestForeignOrder(t *testing.T) {
	t.Parallel()
	d := open(t)
	body := func(as, number string) string {
		w := d.ask(as, "GET", "/orders/"+number)
		if w.Code != 404 {
			t.Fatal(as, number, w.Code)
		}
		return strings.ReplaceAll(w.Body.String(), number, "N")
	}
	never := body("acme", "NEVER")
	for as, numbers := range map[string][]string{"acme": {"B-1", "%00", "%FF%FE", strings.Repeat("9", 300)}} {
		for _, number := range numbers {
			if body(as, number) != never {
				t.Error(as, number, "is told apart from an order that never was")
			}
		}
	}
	if body("north", "A%2F1") != body("north", "NEVER") {
		t.Error("an order of another site is told apart")
	}
}

func TestStranger(t *testing.T) {
	t.Parallel()
	d := open(t)
	for path, to := range map[string]string{"/": "/login", "/orders?status=open": "/login?next=%2Forders%3Fstatus%3Dopen", "/orders/A%2F1": "/login?next=%2Forders%2FA%252F1", "/sync": "/login?next=%2Fsync",
		"/exports/orders.csv": "/login?next=%2Fexports%2Forders.csv", "/account": "/login?next=%2Faccount", "/company": "/login?next=%2Fcompany", "/search?q=1": "/login?next=%2Fsearch%3Fq%3D1"} {
		if w := d.ask("", "GET", path); w.Code != 303 || w.Header().Get("Location") != to {
			t.Error(path, w.Code, w.Header().Get("Location"))
		}
		if w := d.ask("", "GET", path, "HX-Request", "true"); w.Code != 401 || w.Header().Get("HX-Refresh") != "true" {
			t.Error(path, w.Code, w.Header())
		}
	}
	if w := d.ask("", "GET", "/orders", "Cookie", "__Host-session=x"); w.Header().Get("Location") != "/login?message=ended&next=%2Forders" {
		t.Error(w.Header().Get("Location"))
	}
	if w := d.ask("", "GET", "/events"); w.Code != 401 {
		t.Error("/events", w.Code)
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	d := open(t)
	for q, to := range map[string]string{"A/1": "/orders/A%2F1", " a/1 ": "/orders/A%2F1", "po-33": "/orders/47033", "zzz": "", "PO-3": "", "B-1": "", "\xff": ""} {
		want := map[bool]int{true: 303, false: 200}[to != ""]
		if q == "\xff" {
			want = 422
		}
		if w := d.ask("acme", "GET", "/search?q="+url.QueryEscape(q)); w.Code != want || w.Header().Get("Location") != to {
			t.Errorf("%q: %d %s, want %d %s", q, w.Code, w.Header().Get("Location"), want, to)
		}
	}
}

func TestTurningPages(t *testing.T) {
	t.Parallel()
	d := open(t)
	next := pagetest.Href(d.ask("acme", "GET", "/orders?sort=number").Body.Bytes(), "page-next")
	w := d.ask("acme", "GET", next)
	if w.Code != 200 || !strings.Contains(text(w.Body.Bytes()), "12 orders on this page") {
		t.Fatal(next, w.Code, text(w.Body.Bytes()))
	}
	back := pagetest.Href(w.Body.Bytes(), "page-previous")
	if w := d.ask("acme", "GET", back); w.Code != 200 || !strings.Contains(text(w.Body.Bytes()), "50 orders on this page") {
		t.Error(back, w.Code)
	}
	if first := pagetest.Href(w.Body.Bytes(), "page-first"); first != "/orders?sort=number" {
		t.Error(first)
	}
	if w := d.ask("acme", "GET", "/orders", "User-Agent", "Mozilla/5.0 (Linux; Android 14) Mobile"); !strings.Contains(text(w.Body.Bytes()), "20 orders on this page") {
		t.Error("a phone gets a page of another length")
	}
}

// TestRoutes_filesShadowNothing: a file of a list has an address that nothing of the core's can be named by.
func TestRoutes_filesShadowNothing(t *testing.T) {
	t.Parallel()
	e := gin.New()
	web.New(web.Options{}).Routes(e, func() []byte { return []byte("{}") })
	named := map[string]bool{} // where a number stands last
	for _, r := range e.Routes() {
		if dir, last := path.Split(r.Path); strings.HasPrefix(last, ":") {
			named[r.Method+dir] = true
		}
	}
	for _, r := range e.Routes() {
		if dir, last := path.Split(r.Path); strings.Contains(last, ".") && named[r.Method+dir] {
			t.Errorf("%s would hide what is named %q", r.Path, last)
		}
	}
}

func TestTheme(t *testing.T) {
	t.Parallel()
	d := open(t)
	post := func(form string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/theme", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		d.engine.ServeHTTP(w, r)
		return w
	}
	for form, to := range map[string]string{"theme=dark&back=/orders?q=1": "/orders?q=1", "theme=dark&back=//evil.example": "/", "theme=dark&back=https://evil.example": "/", "theme=dark&back=/%5Cevil.example": "/", "theme=dark": "/", "theme=dark&back=/%09/evil.example": "/"} {
		w := post(form, "Sec-Fetch-Site", "same-origin")
		if w.Code != 303 || w.Header().Get("Location") != to || !strings.HasPrefix(w.Header().Get("Set-Cookie"), "theme=dark; Path=/;") {
			t.Errorf("%s: %d %v", form, w.Code, w.Header())
		}
	}
	if w := post("theme=dark", "Sec-Fetch-Site", "cross-site"); w.Code != 403 || w.Header().Get("Set-Cookie") != "" {
		t.Error("from another site:", w.Code)
	}
	if w := d.ask("acme", "GET", "/", "Cookie", "as=acme; theme=dark"); !strings.Contains(w.Body.String(), `data-bs-theme="dark"`) {
		t.Error("the page is not dark")
	}
	if w := d.ask("acme", "POST", "/orders", "Sec-Fetch-Site", "same-origin"); w.Code != 405 || w.Header().Get("Allow") != "GET" {
		t.Error(w.Code, w.Header())
	}
}

func TestCompressed(t *testing.T) {
	t.Parallel()
	d := open(t)
	plain, zipped := d.ask("acme", "GET", "/orders"), d.ask("acme", "GET", "/orders", "Accept-Encoding", "br, gzip")
	z, err := gzip.NewReader(zipped.Body)
	if err != nil || zipped.Header().Get("Content-Encoding") != "gzip" || zipped.Header().Get("Vary") != "Accept-Encoding, Accept-Language, Cookie" {
		t.Fatal(err, zipped.Header())
	}
	made := regexp.MustCompile(`data-since="\d+"`) // the moment is another
	if body, err := io.ReadAll(z); err != nil || !bytes.Equal(made.ReplaceAll(body, nil), made.ReplaceAll(plain.Body.Bytes(), nil)) {
		t.Error("the compressed page is another:", err)
	}
	if w := d.ask("", "GET", assets.Path("app.css")); assets.Missing() == nil && (w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Control"), "immutable")) {
		t.Error(w.Code, w.Header())
	}
	if w := d.ask("", "HEAD", assets.Path("app.css")); assets.Missing() == nil && w.Code != 200 {
		t.Error(w.Code)
	}
}

// What the host does not offer, has not passed on, or passes on no longer, is said.
func TestFreshness(t *testing.T) {
	t.Parallel()
	d := open(t)
	says := func(path, want string) {
		t.Helper()
		w := d.ask("acme", "GET", path)
		if read := text(w.Body.Bytes()); w.Code != 200 || !strings.Contains(read, want) {
			t.Errorf("%s: %d does not say %q: %s", path, w.Code, want, read)
		}
		for _, fault := range pagetest.Faults(w.Body.Bytes()) {
			t.Errorf("%s: %s", path, fault)
		}
	}
	change := func(sql string) {
		t.Helper()
		d.Arrange(t, sql)
		if err := d.AsWorker(t.Context(), "test", func(tx *portal.Tx) error {
			for _, e := range []string{"orders", "order_lines", "shipments", "shipment_lines", "packages"} {
				if err := tx.FeedChanged(t.Context(), e); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	change(`UPDATE feeds SET behind_since = '2026-03-02T08:55:00Z', error = 'the core does not answer' WHERE entity = 'orders'`)
	says("/orders", "Behind since 08:55:00 UTC as of 08:59:30 UTC")
	says("/", "Behind since 08:55:00 UTC")
	if w := d.ask("staff", "GET", "/sync"); !strings.Contains(text(w.Body.Bytes()), "Orders: the last pass failed the core does not answer") {
		t.Error(text(w.Body.Bytes()))
	}
	change(`UPDATE feeds SET stopped_at = '2026-03-02T08:56:00Z', error = 'this pass would delete 900 of 1,234 rows' WHERE entity = 'orders'`)
	if said := text(d.ask("desk", "GET", "/sync").Body.Bytes()); !strings.Contains(said, "Orders: stopped, and asks you this pass would delete 900 of 1,234 rows") || !strings.Contains(said, "Yes, delete them") {
		t.Error(said)
	}
	change(`UPDATE feeds SET stopped_at = NULL`)
	change(`UPDATE feeds SET behind_since = NULL, as_of = '2026-03-01T10:00:00Z' WHERE entity = 'packages'`)
	says("/orders/A%2F1", "Shipments Behind since 1 Mar, 10:00:00 UTC")
	change(`UPDATE feeds SET offered = false WHERE entity IN ('shipments', 'shipment_lines', 'packages')`)
	says("/orders/A%2F1", "The host does not offer shipments here")
	change(`UPDATE feeds SET offered = false WHERE entity = 'order_lines'`)
	says("/orders/A%2F1", "The host does not offer the lines of orders here")
	change(`UPDATE feeds SET as_of = NULL, behind_since = NULL WHERE entity = 'orders'; DELETE FROM orders`)
	if err := d.AsWorker(t.Context(), "test", func(tx *portal.Tx) error { tx.Changed("orders", portaltest.Acme); return nil }); err != nil {
		t.Fatal(err)
	}
	says("/orders", "Orders are not loaded yet")
	says("/", "Orders are not loaded yet")
	change(`UPDATE feeds SET as_of = '2026-03-02T08:59:30Z' WHERE entity = 'orders'`)
	says("/orders", "No orders yet")
	change(`UPDATE feeds SET offered = false WHERE entity = 'orders'`)
	says("/orders", "The host does not offer orders here")
	says("/", "The host does not offer orders here")
}

func TestExports(t *testing.T) {
	t.Parallel()
	d := open(t)
	w := d.ask("acme", "GET", "/exports/orders.csv?status=part_shipped&status=open&sort=-number&cursor=ignored")
	if w.Code != 422 {
		t.Error("a bad cursor:", w.Code)
	}
	w = d.ask("acme", "GET", "/exports/orders.csv?status=part_shipped&status=open&sort=-number")
	if w.Code != 200 || w.Header().Get("Content-Disposition") != `attachment; filename="orders-D100-20260302-0900.csv"` || w.Header().Get("Content-Type") != "text/csv; charset=utf-8" || w.Header().Get("Content-Length") != fmt.Sprint(w.Body.Len()) {
		t.Fatal(w.Code, w.Header())
	}
	body, ok := strings.CutPrefix(w.Body.String(), "\uFEFF")
	rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if !ok || err != nil || !strings.Contains(body, "\r\n") {
		t.Fatal(ok, err)
	}
	if want := []string{"A/1", `'=HYPERLINK("http://x")`, "D100", "Acme Head Office", "Dana", "Partly shipped", "2026-03-01", "2026-03-05", "2026-03-19", "2500.5", "475.1", "2975.6", "EUR", "A/2"}; !slices.Equal(rows[2], want) {
		t.Errorf("%q", rows[2])
	}
	if rows[1][1] != "x;'@SUM(1)" || rows[1][7] != "" {
		t.Errorf("%q", rows[1])
	}
	listed := strings.Count(d.ask("acme", "GET", "/orders?status=part_shipped&status=open").Body.String(), `id="order-`)
	if len(rows)-1 != listed {
		t.Errorf("%d rows exported, %d listed", len(rows)-1, listed)
	}

	w = d.ask("acme", "GET", "/exports/orders.xlsx?status=part_shipped&status=open&sort=-number")
	if w.Code != 200 {
		t.Fatal(w.Code, text(w.Body.Bytes()))
	}
	book, err := excelize.OpenReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	sheet, err := book.GetRows("Orders", excelize.Options{RawCellValue: true})
	if err != nil || len(sheet) != len(rows) {
		t.Fatal(err, len(sheet))
	}
	for i, row := range sheet {
		if row[0] != rows[i][0] || row[1] != rows[i][1] || i > 0 && strings.TrimSuffix(row[11], ".0") != strings.TrimSuffix(rows[i][11], ".0") {
			t.Errorf("row %d: %q, in CSV %q", i, row, rows[i])
		}
	}
	for cell, kind := range map[string]excelize.CellType{"B3": excelize.CellTypeInlineString, "L3": excelize.CellTypeUnset, "G3": excelize.CellTypeUnset} {
		if got, err := book.GetCellType("Orders", cell); err != nil || got != kind {
			t.Errorf("%s: %v %v", cell, got, err)
		}
		if formula, _ := book.GetCellFormula("Orders", cell); formula != "" {
			t.Errorf("%s is live: %s", cell, formula)
		}
	}
	if day, _ := book.GetCellValue("Orders", "G3"); day != "2026-03-01" {
		t.Error(day)
	}
	if total, _ := book.GetCellValue("Orders", "L3"); total != "2,975.60" {
		t.Error(total)
	}
	about, err := book.GetRows("About this list")
	if err != nil || !slices.EqualFunc(about[:4], [][]string{{"List", "Orders of Acme Tyres (D100)"}, {"As of", "2 Mar 2026, 08:59 UTC"}, {"Behind", "no"}, {"Status", "Open, Partly shipped"}}, slices.Equal) {
		t.Error(about, err)
	}
	var audited int
	if err := d.Owner.QueryRow(`SELECT count(*) FROM audit WHERE action = 'orders.export' AND partner_id = 2`).Scan(&audited); err != nil || audited != 2 {
		t.Error("exports audited:", audited, err)
	}
}

// A stream tells what changed, to those whom it concerns, until they are no longer who they were.
func TestEvents(t *testing.T) {
	t.Parallel()
	d := open(t)
	closing := make(chan struct{})
	server := httptest.NewUnstartedServer(d.engine)
	server.Config.ReadTimeout, server.Config.WriteTimeout = time.Second, time.Second
	inner := server.Config.Handler
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), web.ClosingKey{}, (<-chan struct{})(closing))))
	})
	server.Start()
	defer server.Close()
	listen := func(as string) (*http.Response, <-chan string) {
		t.Helper()
		r, _ := http.NewRequest("GET", server.URL+"/events", nil)
		r.AddCookie(&http.Cookie{Name: "as", Value: as})
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { answer.Body.Close() })
		events := make(chan string, 100)
		go func() {
			defer close(events)
			for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
				if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok && name != "any" {
					events <- name
				}
			}
		}()
		return answer, events
	}
	hears := func(events <-chan string, want string) {
		t.Helper()
		select {
		case got := <-events:
			if got != want {
				t.Errorf("heard %q, want %q", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("heard nothing, want %q", want)
		}
	}
	changed := func(partner int64) {
		t.Helper()
		if err := d.AsWorker(t.Context(), "test", func(tx *portal.Tx) error { tx.Changed("orders", partner); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	answer, acme := listen("acme")
	if h := answer.Header; answer.StatusCode != 200 || h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "private, no-store" {
		t.Fatal(answer.StatusCode, h)
	}
	_, brock := listen("brock")
	changed(portaltest.Acme)
	hears(acme, "orders")
	for range 5 { // told of once a second at most, and the last is not lost
		changed(portaltest.Acme)
	}
	hears(acme, "orders")
	time.Sleep(1200 * time.Millisecond) // past the server's own limits on reading and writing
	if n := len(acme); n > 1 {
		t.Errorf("told %d times more", n)
	}
	for len(acme) > 0 {
		<-acme
	}
	changed(portaltest.Brock)
	hears(brock, "orders")
	d.revoke("acme")
	changed(portaltest.Acme)
	hears(acme, "ended")
	hears(acme, "") // closed
	for range 7 {
		listen("brock")
	}
	if answer, _ := listen("brock"); answer.StatusCode != 429 || answer.Header.Get("Retry-After") == "" {
		t.Error("one stream too many:", answer.StatusCode)
	}
	close(closing)
	hears(brock, "")
}

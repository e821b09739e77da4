package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"extranet/api"
	"extranet/portal"
	"extranet/portal/portaltest"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	os.Exit(portaltest.Main(m))
}

// door opens the API on a portal where the header As names the caller.
func door(t testing.TB, p *portaltest.Portal, rateLimit float64) *gin.Engine {
	t.Helper()
	p.Arrange(t, `
		INSERT INTO orders (partner_id, number, site, po_number, status, currency, ordered_on, net, tax, total, changed_at)
		SELECT 2, 'A/' || i, 'D100', 'PO' || i, 'open', 'EUR', date '2026-01-01' + i, 10.10, 1.9, 12, '2026-03-01Z' FROM generate_series(1, 60) i;
		INSERT INTO order_lines (partner_id, order_number, line, description, ordered, shipped, backordered, cancelled, price, net, changed_at) VALUES (2, 'A/1', 1, 'Tyre', 4, 1, 1, 1, 2.5, 10, now());
		INSERT INTO feeds (entity, source, way, every_s, stale_after_s, offered, as_of) VALUES ('orders', 'core', 'snapshot', 5, 60, true, '2026-03-02T08:59:30Z')`)
	callers := map[string]portal.Caller{
		"acme":  portaltest.As(portaltest.Acme, portal.OrdersRead),
		"brock": portaltest.As(portaltest.Brock, portal.OrdersRead),
		"clerk": portaltest.As(portaltest.Acme, portal.CompanyRead),
	}
	e := gin.New()
	e.UseRawPath, e.UnescapePathValues, e.HandleMethodNotAllowed = true, true, true
	e.NoRoute(api.NotFound)
	e.NoMethod(api.MethodNotAllowed)
	api.Routes(e, api.Options{DB: p.DB, RateLimit: rateLimit, Version: "test", Caller: func(c *gin.Context) (portal.Caller, error) { return callers[c.GetHeader("As")], nil }})
	return e
}

func ask(e http.Handler, as, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("As", as)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

func TestOrders(t *testing.T) {
	t.Parallel()
	e := door(t, portaltest.New(t), 0)
	for _, c := range []struct {
		as, path string
		code     int
		says     string
	}{
		{"acme", "/api/v1/orders?limit=2", 200, `{"items":[{"number":"A/60","po_number":"PO60","site":"D100","contact":"","status":"open","currency":"EUR","ordered_on":"2026-03-02","requested_on":null,"promised_on":null,"net":"10.10","tax":"1.9","total":"12",`},
		{"acme", "/api/v1/orders?limit=2", 200, `"freshness":{"as_of":"2026-03-02T08:59:30Z","stale":false,"behind_since":null}`},
		{"acme", "/api/v1/orders/A%2F1", 200, `"ordered":"4","shipped":"1","backordered":"1","cancelled":"1","open":"1"`},
		{"brock", "/api/v1/orders", 200, `{"items":[],`},
		{"brock", "/api/v1/orders/A%2F1", 404, `there is no order with this number`},
		{"acme", "/api/v1/orders/Z", 404, `there is no order with this number`},
		{"clerk", "/api/v1/orders", 403, `you need the right \"orders:read\"`},
		{"", "/api/v1/orders", 401, `Authorization: Bearer`},
		{"acme", "/api/v1/orders?limit=0", 422, `"limit":`},
		{"acme", "/api/v1/orders?limit=x", 422, `"limit":`},
		{"acme", "/api/v1/orders?cursor=x", 422, `"cursor":"is not one that this list gave`},
		{"acme", "/api/v1/orders?status=lost", 422, `"status`},
		{"acme", "/api/v1/orders?ordered_from=1.1.26", 422, `"ordered_from":`},
		{"acme", "/api/v1/orders?statsu=open", 422, `"statsu":`},
		{"acme", "/api/v1/nothing", 404, `there is nothing at this path`},
	} {
		w := ask(e, c.as, "GET", c.path)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s GET %s = %d %s\nwant %d with %s", c.as, c.path, w.Code, w.Body, c.code, c.says)
		}
		want := "application/json"
		if c.code >= 400 {
			want = "application/problem+json"
		}
		if got := w.Header().Get("Content-Type"); got != want {
			t.Errorf("GET %s answers %s, want %s", c.path, got, want)
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("GET %s is not JSON: %s", c.path, w.Body)
		}
	}
	// RFC 6750 section 3: a token that was sent and is worth nothing is told from none.
	for sent, want := range map[string]string{"": `Bearer realm="extranet"`, "Bearer x": `Bearer realm="extranet", error="invalid_token"`} {
		header := []string{}
		if sent != "" {
			header = []string{"Authorization", sent}
		}
		if got := ask(e, "", "GET", "/api/v1/orders", header...).Header().Get("WWW-Authenticate"); got != want {
			t.Errorf("with %q the challenge is %s, want %s", sent, got, want)
		}
	}
	if w := ask(e, "acme", "DELETE", "/api/v1/orders"); w.Code != 405 || w.Header().Get("Allow") != "GET, POST" {
		t.Errorf("DELETE = %d, Allow %q; want 405, GET, POST", w.Code, w.Header().Get("Allow"))
	}
}

// TestOrders_denialIsAudited: a missing right leaves a row with the partner.
func TestOrders_denialIsAudited(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	ask(door(t, p, 0), "clerk", "GET", "/api/v1/orders")
	var n int
	if err := p.Owner.QueryRow(`SELECT count(*) FROM audit WHERE partner_id = 2 AND action = 'denied'`).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d denials audited, %v; want 1", n, err)
	}
}

func TestOrders_conditional(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	e := door(t, p, 0)
	first := ask(e, "acme", "GET", "/api/v1/orders")
	etag := first.Header().Get("ETag")
	again := ask(e, "acme", "GET", "/api/v1/orders", "If-None-Match", `"other", `+etag)
	if etag == "" || again.Code != 304 || again.Body.Len() != 0 || again.Header().Get("As-Of") != "2026-03-02T08:59:30Z" {
		t.Errorf("again = %d %q as of %q; want 304 without a body, as of the feed", again.Code, again.Body, again.Header().Get("As-Of"))
	}
	p.Arrange(t, `UPDATE orders SET total = 13 WHERE number = 'A/60'`)
	if err := p.AsWorker(t.Context(), "test", func(tx *portal.Tx) error { tx.Changed("orders", portaltest.Acme); return nil }); err != nil {
		t.Fatal(err)
	}
	if w := ask(e, "acme", "GET", "/api/v1/orders", "If-None-Match", etag); w.Code != 200 || !strings.Contains(w.Body.String(), `"total":"13"`) {
		t.Errorf("after a change = %d, want 200 with it", w.Code)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	e := door(t, portaltest.New(t), 5)
	refused := 0
	for range 20 {
		w := ask(e, "acme", "GET", "/api/v1/me", "X-Forwarded-For", fmt.Sprint("10.0.0.", refused))
		if w.Code == 429 {
			refused++
			if w.Header().Get("Retry-After") == "" || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/problem+json") {
				t.Errorf("429 without Retry-After or as %s", w.Header().Get("Content-Type"))
			}
		}
	}
	if refused < 8 {
		t.Errorf("%d of 20 refused at 5 a second with a burst of 10, want at least 8", refused)
	}
	if w := ask(e, "brock", "GET", "/api/v1/me"); w.Code != 200 {
		t.Errorf("another caller = %d, want 200", w.Code)
	}
}

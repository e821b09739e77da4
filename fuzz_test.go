package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"extranet/portal/portaltest"
)

// TestAPI_answersAsItIsDescribed asks what the OpenAPI document allows and what it does not, at random, and holds every
// answer to the document: no status and no member that it does not name, no 5xx, nothing of our insides, no bad input taken.
func TestAPI_answersAsItIsDescribed(t *testing.T) {
	t.Parallel()
	s := newSuite(t, portaltest.New(t))
	raw := s.ask(visitor{}, http.MethodGet, "/api/v1/openapi.json", "")
	document, err := openapi3.NewLoader().LoadFromData([]byte(raw.body))
	must(t, err)
	document.Servers = openapi3.Servers{{URL: "http://localhost:8080/api/v1"}}
	router, err := gorillamux.NewRouter(document)
	must(t, err)
	rng := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...string) string { return of[rng.IntN(len(of))] }
	hostile := []string{"", " ", "'", "\"", "%", "%00", "\x00", "../..", "${x}", "<b>", "1e309", "-1", "0", "201", "99999999999999999999", "null", "2026-02-30", "9999-12-31", "0000-00-00", "ü", "\xff", strings.Repeat("a", 3000), "A-1", "B-1",
		"eyJzIjoiLW9yZGVyZWRfb24iLCJ2IjoiMjAyNi0wMi0wMSIsIm4iOiJBLTEifQ", "eyJzIjoidG90YWwiLCJ2IjoiTmFOIiwibiI6IkEtMSJ9"}
	sane := map[string][]string{"status": {"open", "shipped"}, "site": {"D100", "D101"}, "ordered_from": {"2026-01-01"}, "ordered_to": {"2026-12-31"}, "q": {"a", "acme"}, "sort": {"-ordered_on", "total", "number", "-promised_on"}, "limit": {"1", "50", "200"}, "cursor": {"eyJzIjoiLW9yZGVyZWRfb24iLCJ2IjoiMjAyNi0wMi0wMSIsIm4iOiJBLTEifQ"}}
	names := []string{"status", "site", "ordered_from", "ordered_to", "q", "sort", "limit", "cursor"}
	statuses := map[int]int{}
	for range 4000 {
		path := "/api/v1" + pick("/orders", "/orders", "/orders", "/orders/A-1", "/orders/"+url.PathEscape(pick(hostile...)), "/me", "/partners")
		q := url.Values{}
		if strings.HasSuffix(path, "/orders") {
			for range rng.IntN(4) {
				name := pick(names...)
				if rng.IntN(3) == 0 {
					q.Add(name, pick(hostile...))
				} else {
					q.Add(name, pick(sane[name]...))
				}
			}
		}
		if rng.IntN(20) == 0 {
			q.Add(pick("partner_id", "$", "x"), "1")
		}
		r := httptest.NewRequest(pick("GET", "GET", "GET", "GET", "GET", "POST", "DELETE", "HEAD"), "http://localhost:8080"+path+"?"+q.Encode(), nil)
		if rng.IntN(10) > 0 {
			r.Header.Set("Authorization", "Bearer "+s.visitors[pick("acme", "acme", "brock", "planner", "north")].token)
		} else if rng.IntN(2) == 0 {
			r.Header.Set("Authorization", pick("Bearer", "Basic x", "Bearer ext_", "bearer "+strings.Repeat("x", 500)))
		}
		if rng.IntN(5) == 0 {
			r.Header.Set("If-None-Match", pick(`*`, `"x"`, `W/"x"`, `x,,"`))
		}
		w := httptest.NewRecorder()
		s.engine.ServeHTTP(w, r)
		statuses[w.Code]++
		what := fmt.Sprintf("%s %s", r.Method, r.URL)
		if w.Code >= 500 {
			t.Fatalf("%s answers %d %s", what, w.Code, w.Body)
		}
		for _, inside := range []string{"pq:", "goroutine", "SELECT", ".go:", "BROCKONLY"} {
			if strings.Contains(w.Body.String(), inside) && !strings.Contains(r.Header.Get("Authorization"), s.visitors["brock"].token) {
				t.Errorf("%s shows %q: %.300s", what, inside, w.Body)
			}
		}
		if w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json" && r.Method != "HEAD" {
			t.Errorf("%s answers %d as %q", what, w.Code, w.Header().Get("Content-Type"))
		}
		if w.Code == http.StatusMethodNotAllowed && w.Header().Get("Allow") == "" {
			t.Errorf("%s answers 405 without Allow", what)
		}
		route, params, err := router.FindRoute(r)
		if err != nil || w.Code == http.StatusMethodNotAllowed {
			if w.Code != 404 && w.Code != 405 && w.Code != 401 {
				t.Errorf("%s is not described (%v) and answers %d", what, err, w.Code)
			}
			continue
		}
		in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
		if err := openapi3filter.ValidateRequest(t.Context(), in); err != nil && w.Code < 300 {
			t.Errorf("%s is not what is described and answers %d: %v", what, w.Code, err)
		}
		if err := openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: w.Code, Header: w.Header(), Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())), Options: in.Options}); err != nil {
			t.Errorf("%s answers %d otherwise than described: %v\n%.400s", what, w.Code, err, w.Body)
		}
		if t.Failed() {
			break
		}
	}
	for _, code := range []int{200, 304, 401, 403, 404, 405, 422} {
		if statuses[code] == 0 {
			t.Errorf("no answer was a %d: %v", code, statuses)
		}
	}
}

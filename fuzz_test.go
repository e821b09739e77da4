package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/google/uuid"

	"extranet/portal/portaltest"
)

// hostile are values that nobody should send.
var hostile = []string{"", " ", "'", "\"", "%", "%00", "\x00", "../..", "${x}", "<b>", "=1+1", "1e309", "-1", "0", "201", "99999999999999999999", "null", "2026-02-30", "9999-12-31", "0000-00-00", "ü", "\xff", strings.Repeat("a", 3000),
	"A-1", "B-1", "00000000-0000-4000-8000-000000000000", "eyJzIjoiLW9yZGVyZWRfb24iLCJ2IjoiMjAyNi0wMi0wMSIsIm4iOiJBLTEifQ", "eyJzIjoidG90YWwiLCJ2IjoiTmFOIiwibiI6IkEtMSJ9"}

// A fuzzer makes requests out of the OpenAPI document: what it allows, and what it does not.
type fuzzer struct {
	*rand.Rand
	document *openapi3.T
	paths    map[string][]string // "METHOD /path/{of}/document" → addresses that mean something
}

func (f *fuzzer) pick(of ...string) string { return of[f.IntN(len(of))] }

// value is a value of the schema; one time in wrong, something else.
func (f *fuzzer) value(ref *openapi3.SchemaRef, wrong, depth int) any {
	if ref == nil || ref.Value == nil || depth > 6 {
		return nil
	}
	s := ref.Value
	if f.IntN(wrong) == 0 {
		return []any{nil, true, -1, 1e300, "", f.pick(hostile...), []any{}, map[string]any{"x": 1}}[f.IntN(8)]
	}
	if len(s.Enum) > 0 {
		return s.Enum[f.IntN(len(s.Enum))]
	}
	if s.Default != nil && f.IntN(2) == 0 {
		return s.Default
	}
	switch {
	case s.Type.Includes("object"):
		o := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			if slices.Contains(s.Required, name) && f.IntN(wrong*2) > 0 || f.IntN(2) == 0 {
				o[name] = f.value(s.Properties[name], wrong, depth+1)
			}
		}
		if f.IntN(wrong*2) == 0 {
			o[f.pick("partner_id", "role", "status", "price", "x")] = 1
		}
		return o
	case s.Type.Includes("array"):
		list := []any{}
		for range f.IntN(3) + int(min(s.MinItems, 3)) {
			list = append(list, f.value(s.Items, wrong, depth+1))
		}
		return list
	case s.Type.Includes("integer"), s.Type.Includes("number"):
		least, most := 0.0, 100.0
		if s.Min != nil {
			least = *s.Min
		}
		if s.Max != nil {
			most = min(*s.Max, least+1000)
		}
		return int64(least + f.Float64()*max(0, most-least))
	case s.Type.Includes("boolean"):
		return f.IntN(2) == 0
	}
	switch s.Format {
	case "date":
		return f.pick("2026-01-01", "2026-02-15", "2026-12-31")
	case "date-time":
		return f.pick("2026-01-01T00:00:00Z", "2026-02-15T12:00:00Z")
	case "uuid":
		return uuid.NewString()
	case "email":
		return f.pick("a@x.example", "new@y.example")
	}
	return f.pick("1", "2.50", "T1", "D100", "A-1", "N-1", "P-1", "some words", "2026-03-01", "EUR")
}

func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, _ := json.Marshal(v)
	return string(b)
}

// request makes one of the operation.
func (f *fuzzer) request(method, path string, op *openapi3.Operation) *http.Request {
	wrong := 12
	if f.IntN(3) == 0 {
		wrong = 3
	}
	address := path
	if known := f.paths[method+" "+path]; len(known) > 0 && f.IntN(4) > 0 {
		address = f.pick(known...)
	}
	q := url.Values{}
	if p, query, ok := strings.Cut(address, "?"); ok {
		address = p
		q, _ = url.ParseQuery(query)
	}
	header := http.Header{}
	for _, p := range op.Parameters {
		v := p.Value
		switch v.In {
		case "path":
			address = strings.ReplaceAll(address, "{"+v.Name+"}", url.PathEscape(f.pick(text(f.value(v.Schema, wrong, 0)), f.pick(hostile...))))
		case "query":
			if v.Required || f.IntN(3) == 0 {
				value := f.value(v.Schema, wrong, 0)
				if list, ok := value.([]any); ok {
					for _, one := range list {
						q.Add(v.Name, text(one))
					}
				} else {
					q.Add(v.Name, text(value))
				}
			}
		case "header":
			if v.Name == "Idempotency-Key" && f.IntN(wrong*2) > 0 {
				header.Set(v.Name, uuid.NewString())
			} else if f.IntN(4) == 0 {
				header.Set(v.Name, f.pick(`*`, `"x"`, `W/"x"`, `x,,"`, "short"))
			}
		}
	}
	if f.IntN(20) == 0 {
		q.Add(f.pick("partner_id", "$", "x"), "1")
	}
	var body io.Reader
	if op.RequestBody != nil {
		if media := op.RequestBody.Value.Content["application/json"]; media != nil {
			b, _ := json.Marshal(f.value(media.Schema, wrong, 0))
			if f.IntN(30) == 0 {
				b = []byte(f.pick(`{`, `[]`, `null`, `{"a":1}{"b":2}`, `"x"`, "\x00", `{"a":`+strings.Repeat(`[`, 5000)))
			}
			body = bytes.NewReader(b)
			header.Set("Content-Type", f.pick("application/json", "application/json", "application/json", "application/json", "application/json", "application/json", "application/json", "text/plain", "application/xml"))
		}
	}
	target := "http://localhost:8080/api/v1" + address
	if len(q) > 0 {
		target += "?" + q.Encode()
	}
	if f.IntN(25) == 0 {
		method = f.pick("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
	}
	r := httptest.NewRequest(method, target, body)
	maps.Copy(r.Header, header)
	return r
}

// TestAPI_answersAsItIsDescribed asks every route of the OpenAPI document what it allows and what it does not, at random, and
// holds every answer to the document: no status and no member that it does not name, no 5xx, nothing of our insides, no bad
// input taken, nothing of another partner's.
func TestAPI_answersAsItIsDescribed(t *testing.T) {
	t.Parallel()
	s := newSuite(t, portaltest.New(t))
	raw := s.ask(visitor{}, http.MethodGet, "/api/v1/openapi.json", "")
	document, err := openapi3.NewLoader().LoadFromData([]byte(raw.body))
	must(t, err)
	document.Servers = openapi3.Servers{{URL: "http://localhost:8080/api/v1"}}
	router, err := gorillamux.NewRouter(document)
	must(t, err)

	f := &fuzzer{Rand: rand.New(rand.NewPCG(1, 2)), document: document, paths: map[string][]string{}}
	type operation struct {
		method, path string
		op           *openapi3.Operation
	}
	var operations []operation
	for _, path := range document.Paths.InMatchingOrder() {
		for method, op := range document.Paths.Value(path).Operations() {
			operations = append(operations, operation{method, path, op})
		}
	}
	slices.SortFunc(operations, func(a, b operation) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	for route, p := range probes { // what the isolation suite asks for is there
		method, path, _ := strings.Cut(route, " ")
		path, ours := strings.CutPrefix(path, "/api/v1")
		if !ours {
			continue
		}
		segments := strings.Split(path, "/")
		for i, segment := range segments {
			if name, ok := strings.CutPrefix(segment, ":"); ok {
				segments[i] = "{" + name + "}"
			}
		}
		for _, address := range []string{p.path, p.foreign, p.missing} {
			if address, ok := strings.CutPrefix(address, "/api/v1"); ok && !strings.Contains(address, "OWN") && !strings.Contains(address, "OTHER") {
				f.paths[method+" "+strings.Join(segments, "/")] = append(f.paths[method+" "+strings.Join(segments, "/")], address)
			}
		}
	}
	for _, known := range f.paths {
		slices.Sort(known)
	}
	who := []string{"acme", "acme", "acme", "brock", "planner", "north", "cord", "cord", "dart", "host", "host"}
	statuses := map[int]int{}
	for n := range 50 * len(operations) {
		o := operations[n%len(operations)]
		r := f.request(o.method, o.path, o.op)
		asker := f.pick(who...)
		if f.IntN(10) > 0 {
			r.Header.Set("Authorization", "Bearer "+s.visitors[asker].token)
		} else if asker = ""; f.IntN(2) == 0 {
			r.Header.Set("Authorization", f.pick("Bearer", "Basic x", "Bearer ext_", "bearer "+strings.Repeat("x", 500)))
		}
		var sent []byte
		if r.Body != nil {
			sent, _ = io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(sent))
		}
		w := httptest.NewRecorder()
		s.engine.ServeHTTP(w, r)
		statuses[w.Code]++
		what := fmt.Sprintf("%s %s as %s with %.300q", r.Method, r.URL, asker, sent)
		if w.Code >= 500 {
			t.Fatalf("%s answers %d %s", what, w.Code, w.Body)
		}
		mustNotShow := []string{"pq:", "goroutine", "SELECT ", ".go:"}
		for name, words := range map[string][]string{"acme": {"BROCKONLY", "CORDONLY", "DARTONLY"}, "north": {"BROCKONLY", "CORDONLY", "DARTONLY"}, "brock": {"ACMEONLY", "CORDONLY", "DARTONLY"},
			"cord": {"ACMEONLY", "BROCKONLY", "DARTONLY"}, "dart": {"ACMEONLY", "BROCKONLY", "CORDONLY"}, "": {"ACMEONLY", "BROCKONLY", "CORDONLY", "DARTONLY"}} {
			if name == asker {
				mustNotShow = append(mustNotShow, words...)
			}
		}
		for _, inside := range mustNotShow {
			if strings.Contains(w.Body.String(), inside) {
				t.Errorf("%s shows %q: %.300s", what, inside, w.Body)
			}
		}
		if w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json" && r.Method != "HEAD" {
			t.Errorf("%s answers %d as %q", what, w.Code, w.Header().Get("Content-Type"))
		}
		if w.Code == http.StatusMethodNotAllowed && w.Header().Get("Allow") == "" {
			t.Errorf("%s answers 405 without Allow", what)
		}
		r.Body = io.NopCloser(bytes.NewReader(withoutNulls(sent)))
		f.hold(t, router, r, w, what)
		if t.Failed() {
			break
		}
	}
	for _, code := range []int{200, 401, 403, 404, 405, 422} {
		if statuses[code] == 0 {
			t.Errorf("no answer was a %d: %v", code, statuses)
		}
	}
	t.Log(statuses)
}

// withoutNulls leaves out the members that are null: they say as much as those that are not there.
func withoutNulls(body []byte) []byte {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return body
	}
	var clean func(any)
	clean = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			maps.DeleteFunc(v, func(_ string, member any) bool { return member == nil })
			for _, member := range v {
				clean(member)
			}
		case []any:
			for _, item := range v {
				clean(item)
			}
		}
	}
	clean(v)
	b, _ := json.Marshal(v)
	return b
}

// hold compares a request and its answer with the document.
func (f *fuzzer) hold(t *testing.T, router routers.Router, r *http.Request, w *httptest.ResponseRecorder, what string) {
	t.Helper()
	route, params, err := router.FindRoute(r)
	if errors.Is(err, routers.ErrMethodNotAllowed) && w.Code >= 400 && w.Code < 500 {
		return // a document may be called like a route's last word: it is asked for, and refused as any other
	}
	if err != nil || w.Code == http.StatusMethodNotAllowed {
		if w.Code != 404 && w.Code != 405 && w.Code != 401 {
			t.Errorf("%s is not described (%v) and answers %d", what, err, w.Code)
		}
		return
	}
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	if w.Code < 300 {
		if err := openapi3filter.ValidateRequest(t.Context(), in); err != nil {
			t.Errorf("%s is not what is described and answers %d: %v", what, w.Code, err)
		}
	}
	if err := openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: w.Code, Header: w.Header(), Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())), Options: in.Options}); err != nil {
		t.Errorf("%s answers %d otherwise than described: %v\n%.400s", what, w.Code, err, w.Body)
	}
}

package assets

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

func get(t *testing.T, method, path, accept string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Accept-Encoding", accept)
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestServesTheBundle(t *testing.T) {
	if err := Missing(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("SKIPPED: ", err)
	}
	for name, kind := range map[string]string{
		"app.js": "text/javascript; charset=utf-8", "app.css": "text/css; charset=utf-8",
		"icons.svg": "image/svg+xml", "favicon.svg": "image/svg+xml",
	} {
		plain := get(t, "GET", Path(name), "")
		body, _ := io.ReadAll(plain.Body)
		if plain.StatusCode != 200 || len(body) == 0 || !bytes.Equal(body, Content(name)) {
			t.Errorf("%s: status %d, %d bytes", name, plain.StatusCode, len(body))
		}
		for header, want := range map[string]string{
			"Content-Type": kind, "X-Content-Type-Options": "nosniff", "Cache-Control": "public, max-age=31536000, immutable", "Content-Encoding": "",
		} {
			if got := plain.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		packed := get(t, "GET", Path(name), "br, gzip;q=0.8")
		if packed.Header.Get("Content-Encoding") != "gzip" {
			continue // too small to gain
		}
		z, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatal(err)
		}
		if unpacked, _ := io.ReadAll(z); !bytes.Equal(unpacked, body) {
			t.Errorf("%s: the compressed form differs", name)
		}
		if head := get(t, "HEAD", Path(name), "gzip"); head.Header.Get("Content-Length") != packed.Header.Get("Content-Length") {
			t.Errorf("%s: HEAD and GET disagree on the length", name)
		}
	}
}

func TestServesNothingElse(t *testing.T) {
	for _, path := range []string{"/assets/", "/assets/manifest.json", "/assets/.gitkeep", "/assets/app.js.gz", "/assets/../assets.go", "/assets/app-0000000000.js"} {
		if r := get(t, "GET", path, "gzip"); r.StatusCode != 404 || strings.Contains(r.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %s", path, r.StatusCode, r.Header.Get("Cache-Control"))
		}
	}
	if r := get(t, "POST", Path("app.js"), ""); r.StatusCode != 405 {
		t.Errorf("POST: %d", r.StatusCode)
	}
}

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "br, gzip;q=0.5": true, "gzip;q=0": false, "gzip; q=0.0, *": false, "*": true, "*;q=0": false, "identity": false, "GZIP": true,
	} {
		if got := AcceptsGzip(header); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}

// Package assets is what the pages bring to the browser: one script, one style sheet,
// the icons and the favicon. All of it comes from the portal's own origin.
package assets

import (
	"embed"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed all:dist
var dist embed.FS

// Prefix is where Handler belongs.
const Prefix = "/assets/"

type file struct {
	body, gzipped []byte
	kind          string
}

var (
	paths = map[string]string{} // app.js: /assets/app-1a2b3c4d5e.js
	files = map[string]file{}   // /assets/app-1a2b3c4d5e.js
)

func init() {
	manifest, err := dist.ReadFile("dist/manifest.json")
	if err != nil {
		return // Missing says so
	}
	var names map[string]string
	if err := json.Unmarshal(manifest, &names); err != nil {
		panic("assets: manifest.json: " + err.Error())
	}
	for name, hashed := range names {
		body, err := dist.ReadFile("dist/" + hashed)
		if err != nil {
			panic("assets: " + err.Error())
		}
		gzipped, err := dist.ReadFile("dist/" + hashed + ".gz")
		if err != nil {
			gzipped = nil // not worth compressing
		}
		paths[name] = Prefix + hashed
		files[Prefix+hashed] = file{body, gzipped, kind(hashed)}
	}
}

func kind(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

// Missing says that the bundle is not in this binary, and how to get it there.
func Missing() error {
	for _, name := range []string{"app.js", "app.css", "icons.svg", "favicon.svg"} {
		if paths[name] == "" {
			return errors.New("the pages have no styles, script or icons: run `make assets`, then build again")
		}
	}
	return nil
}

// Path is the address of a file by the name it has in the sources: "app.js", "app.css",
// "icons.svg", "favicon.svg". The address changes whenever the content does.
func Path(name string) string {
	if p, ok := paths[name]; ok {
		return p
	}
	return Prefix + name
}

// Content is the file as the browser gets it, or nil.
func Content(name string) []byte { return files[paths[name]].body }

// Handler serves the files. A browser may keep each of them for good.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		f, ok := files[r.URL.Path]
		if !ok {
			h.Set("Cache-Control", "no-store")
			http.NotFound(w, r)
			return
		}
		body := f.body
		if f.gzipped != nil {
			h.Set("Vary", "Accept-Encoding")
			if AcceptsGzip(r.Header.Get("Accept-Encoding")) {
				h.Set("Content-Encoding", "gzip")
				body = f.gzipped
			}
		}
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("Content-Type", f.kind)
		h.Set("Content-Length", strconv.Itoa(len(body)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(body)
		}
	})
}

// AcceptsGzip reads an Accept-Encoding header.
func AcceptsGzip(header string) bool {
	accepts := false
	for part := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(part, ";")
		coding = strings.ToLower(strings.TrimSpace(coding))
		if coding != "gzip" && coding != "*" {
			continue
		}
		weight := 1.0
		if q, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q="); ok {
			weight, _ = strconv.ParseFloat(q, 64)
		}
		if coding == "gzip" {
			return weight > 0
		}
		accepts = weight > 0
	}
	return accepts
}

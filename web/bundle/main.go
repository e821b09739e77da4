// Command bundle makes what the pages bring to the browser: web/assets/dist, from
// web/assets, the npm packages that web/package.json names and the icons that
// web/icons.go names. The styles keep only the rules that the pages use.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	web := flag.String("web", "web", "the folder of the pages")
	flag.Parse()
	if err := bundle(*web); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

func bundle(web string) error {
	if _, err := os.Stat(filepath.Join(web, "node_modules", "@tabler", "core")); err != nil {
		return fmt.Errorf("the npm packages are not there: run `npm ci --ignore-scripts` in %s", web)
	}
	files := map[string][]byte{}
	var err error
	if files["app.js"], err = script(web); err != nil {
		return err
	}
	if files["app.css"], err = styles(web); err != nil {
		return err
	}
	if files["icons.svg"], err = sprite(web); err != nil {
		return err
	}
	if files["favicon.svg"], err = os.ReadFile(filepath.Join(web, "assets", "favicon.svg")); err != nil {
		return err
	}
	return write(filepath.Join(web, "assets", "dist"), files)
}

// engines are the oldest browsers the pages' styles and script are written for: those
// that know light-dark(), popover and relative colours.
var engines = []api.Engine{
	{Name: api.EngineChrome, Version: "125"}, {Name: api.EngineFirefox, Version: "128"}, {Name: api.EngineSafari, Version: "18"},
}

func script(web string) ([]byte, error) {
	r := api.Build(api.BuildOptions{
		EntryPoints: []string{filepath.Join(web, "assets", "app.js")}, Bundle: true, Engines: engines, Format: api.FormatIIFE,
		MinifyWhitespace: true, MinifyIdentifiers: true, MinifySyntax: true, LegalComments: api.LegalCommentsEndOfFile,
	})
	return only(r)
}

func styles(web string) ([]byte, error) {
	whole, err := only(api.Build(api.BuildOptions{
		EntryPoints: []string{filepath.Join(web, "assets", "app.css")}, Bundle: true, Engines: engines,
		MinifyWhitespace: true, LegalComments: api.LegalCommentsNone,
	}))
	if err != nil {
		return nil, err
	}
	words, err := wordsOf(web)
	if err != nil {
		return nil, err
	}
	used, err := prune(string(whole), words)
	if err != nil {
		return nil, err
	}
	r := api.Transform(used, api.TransformOptions{Loader: api.LoaderCSS, Engines: engines, MinifyWhitespace: true, MinifySyntax: true})
	if err := said(r.Errors); err != nil {
		return nil, err
	}
	return append([]byte("/*! Tabler, MIT licence, The Tabler Authors */\n"), r.Code...), nil
}

func only(r api.BuildResult) ([]byte, error) {
	if err := said(r.Errors); err != nil {
		return nil, err
	}
	if len(r.OutputFiles) != 1 {
		return nil, fmt.Errorf("one file expected, %d made", len(r.OutputFiles))
	}
	return r.OutputFiles[0].Contents, nil
}

func said(errs []api.Message) error {
	var all []error
	for _, m := range api.FormatMessages(errs, api.FormatMessagesOptions{Kind: api.ErrorMessage}) {
		all = append(all, errors.New(m))
	}
	return errors.Join(all...)
}

// sprite draws each icon that web/icons.go names once, to be shown by <use>.
func sprite(web string) ([]byte, error) {
	names, err := icons(filepath.Join(web, "icons.go"))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg">`)
	for _, name := range names {
		file, paint := filepath.Join("outline", name+".svg"), ""
		if plain, ok := strings.CutPrefix(name, "filled/"); ok {
			file, paint = filepath.Join("filled", plain+".svg"), ` fill="currentColor" stroke="none"`
		}
		drawing, err := os.ReadFile(filepath.Join(web, "node_modules", "@tabler", "icons", "icons", file))
		if err != nil {
			return nil, fmt.Errorf("icons.go names %q, which Tabler does not draw: %w", name, err)
		}
		_, inner, _ := strings.Cut(string(drawing), ">")
		inner, _, _ = strings.Cut(inner, "</svg>")
		inner = strings.ReplaceAll(inner, `<path stroke="none" d="M0 0h24v24H0z" fill="none" />`, "")
		fmt.Fprintf(&b, `<symbol id="%s" viewBox="0 0 24 24"%s>`, strings.ReplaceAll(name, "/", "-"), paint)
		for line := range strings.Lines(inner) {
			b.WriteString(strings.ReplaceAll(strings.TrimSpace(line), " />", "/>"))
		}
		b.WriteString(`</symbol>`)
	}
	b.WriteString(`</svg>`)
	return b.Bytes(), nil
}

// icons reads the constants of type Icon.
func icons(file string) ([]string, error) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if t, ok := spec.Type.(*ast.Ident); !ok || t.Name != "Icon" {
			return false
		}
		for _, v := range spec.Values {
			if lit, ok := v.(*ast.BasicLit); ok {
				if name, err := strconv.Unquote(lit.Value); err == nil {
					seen[name] = true
				}
			}
		}
		return false
	})
	var names []string
	for name := range seen {
		names = append(names, name)
	}
	sort.Strings(names)
	return names, nil
}

// write replaces what dist holds. The name of a file carries the hash of its content.
func write(dist string, files map[string][]byte) error {
	old, err := filepath.Glob(filepath.Join(dist, "*"))
	if err != nil {
		return err
	}
	for _, f := range old {
		if filepath.Base(f) != ".gitkeep" {
			if err := os.Remove(f); err != nil {
				return err
			}
		}
	}
	if err := os.MkdirAll(dist, 0o755); err != nil {
		return err
	}
	manifest := map[string]string{}
	for name, body := range files {
		sum := sha256.Sum256(body)
		ext := filepath.Ext(name)
		hashed := strings.TrimSuffix(name, ext) + "-" + hex.EncodeToString(sum[:5]) + ext
		manifest[name] = hashed
		if err := os.WriteFile(filepath.Join(dist, hashed), body, 0o644); err != nil {
			return err
		}
		var z bytes.Buffer
		w, _ := gzip.NewWriterLevel(&z, gzip.BestCompression)
		if _, err := w.Write(body); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		fmt.Printf("%-26s %7d bytes %7d compressed\n", hashed, len(body), z.Len())
		if z.Len() < len(body) {
			if err := os.WriteFile(filepath.Join(dist, hashed+".gz"), z.Bytes(), 0o644); err != nil {
				return err
			}
		}
	}
	b, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dist, "manifest.json"), append(b, '\n'), 0o644)
}

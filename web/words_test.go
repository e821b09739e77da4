package web

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"extranet/web/words"
)

var missing = flag.String("missing", "", "write what lacks a translation to this folder: one file for each language")

// nowhere stands for every package that web uses: what is looked at here is declared in web itself.
type nowhere map[string]*types.Package

func (n nowhere) Import(path string) (*types.Package, error) {
	if n[path] == nil {
		n[path] = types.NewPackage(path, filepath.Base(path))
		n[path].MarkComplete()
	}
	return n[path], nil
}

// source is the package as it is written.
type source struct {
	set   *token.FileSet
	files []*ast.File
	info  *types.Info
}

func readSource(t *testing.T) (s source) {
	t.Helper()
	s.set = token.NewFileSet()
	names, err := filepath.Glob("*.go")
	if err != nil || len(names) == 0 {
		t.Fatal(err, "no sources")
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(s.set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		s.files = append(s.files, f)
	}
	s.info = &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	config := types.Config{Importer: nowhere{}, Error: func(error) {}} // what other packages declare is unknown
	_, _ = config.Check("extranet/web", s.set, s.files, s.info)
	return s
}

// keys are the texts that the pages say, with the first place of each.
func (s source) keys() map[string]string {
	keys := map[string]string{}
	for _, f := range s.files {
		// What is under a name of another room's the types do not reach: the values of such a map are taken as it is written.
		ast.Inspect(f, func(n ast.Node) bool {
			table, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			of, ok := table.Type.(*ast.MapType)
			if !ok || !slices.Contains([]string{"Words", "statusWord", "advice"}, nameOf(of.Value)) {
				return true
			}
			each(table, func(e ast.Expr) {
				if key, ok := literal(e); ok && spoken(key) && keys[key] == "" {
					keys[key] = s.place(e.Pos(), key)
				}
			})
			return true
		})
		ast.Inspect(f, func(n ast.Node) bool {
			e, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			tv := s.info.Types[e]
			named, ok := tv.Type.(*types.Named)
			if !ok || named.Obj().Name() != "Words" || tv.Value == nil || tv.Value.Kind() != constant.String {
				return true
			}
			if key := constant.StringVal(tv.Value); spoken(key) && keys[key] == "" {
				keys[key] = s.place(e.Pos(), key)
			}
			return false
		})
	}
	return keys
}

// below are the texts of the rooms below that pages say: what went wrong. What the pages themselves find wrong is said in the same way.
func below(t *testing.T, keys map[string]string) {
	t.Helper()
	gather(t, "../portal", keys)
	gather(t, ".", keys)
}

func gather(t *testing.T, room string, keys map[string]string) {
	t.Helper()
	set := token.NewFileSet()
	err := filepath.WalkDir(room, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && room == "." && path != "." {
			return filepath.SkipDir
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "portaltest") {
			return err
		}
		f, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		take := func(e ast.Expr) {
			if call, ok := e.(*ast.CallExpr); ok && calledName(call) == "Sprintf" {
				e = call.Args[0]
			}
			if text, ok := literal(e); ok && spoken(text) && keys[text] == "" {
				keys[text] = fmt.Sprintf("%s:%d", strings.TrimPrefix(path, "../"), set.Position(e.Pos()).Line)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				if len(n.Values) == 1 && slices.Contains(saidBelow, n.Names[0].Name) {
					if table, ok := n.Values[0].(*ast.CompositeLit); ok {
						each(table, take)
					} else {
						take(n.Values[0])
					}
				}
			case *ast.CallExpr:
				name := calledName(n)
				if id, ok := n.Fun.(*ast.Ident); ok {
					name = id.Name
				}
				if places := map[string][]int{"after": {6, len(n.Args) - 1}, "note": {6}, "decided": {len(n.Args) - 1}, "step": {2, 4}, "fail": {1, 3}, "refuse": {1, 3}, "impossible": {1}, "limit": {2}}[name]; strings.Contains(path, "/claims/") {
					for _, at := range places {
						if at < len(n.Args) {
							take(n.Args[at])
						}
					}
				}
				if at := map[string]int{"refuse": 1, "cannot": 1}[name]; at > 0 && strings.Contains(path, "/orders/") && at < len(n.Args) {
					take(n.Args[at])
				}
				if at := map[string]int{"Say": 1, "Errorf": 2, "Because": 3}[name]; at > 0 && len(n.Args) >= at {
					take(n.Args[at-1])
				}
			case *ast.KeyValueExpr:
				if id, ok := n.Key.(*ast.Ident); ok && slices.Contains([]string{"Msg", "Says", "Cure", "Why", "Problem", "Reason"}, id.Name) {
					take(n.Value)
				} else if ok && id.Name == "Fields" {
					if fields, ok := n.Value.(*ast.CompositeLit); ok {
						for _, e := range fields.Elts {
							if kv, ok := e.(*ast.KeyValueExpr); ok {
								take(kv.Value)
							}
						}
					}
				}
			case *ast.FuncDecl:
				if n.Name.Name == "problem" { // of a line of the cart
					ast.Inspect(n, func(n ast.Node) bool {
						if r, ok := n.(*ast.ReturnStmt); ok {
							take(r.Results[0])
						}
						return true
					})
				}
			case *ast.AssignStmt:
				for i, to := range n.Lhs {
					if id, ok := to.(*ast.Ident); ok && id.Name == "what" && strings.HasSuffix(path, "/orders/place.go") && i < len(n.Rhs) {
						take(n.Rhs[i])
					}
					if reason, ok := to.(*ast.SelectorExpr); ok && reason.Sel.Name == "Reason" && strings.Contains(path, "/orders/") && len(n.Rhs) == len(n.Lhs) {
						take(n.Rhs[i])
					}
					if id, ok := to.(*ast.Ident); ok && (id.Name == "action" || id.Name == "says") && strings.Contains(path, "/claims/") && i < len(n.Rhs) {
						take(n.Rhs[i])
					}
				}
				if to, ok := n.Lhs[0].(*ast.SelectorExpr); ok && strings.HasSuffix(path, "/explain.go") && slices.Contains([]string{"Kept", "Reason", "Sites", "How"}, to.Sel.Name) {
					take(n.Rhs[0])
				}
				if field, ok := n.Lhs[0].(*ast.IndexExpr); ok && len(n.Rhs) == 1 {
					if id, ok := field.X.(*ast.Ident); ok && (id.Name == "bad" || id.Name == "moved") {
						take(n.Rhs[0])
					}
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// saidBelow are the tables of the rooms below whose texts pages show, by their names there.
var saidBelow = []string{"permissionWords", "Modules", "Definitions", "RuleNames", "StateWords", "Exports", "TableHeader", "AnswerHeader", "RefusedHeader", "FieldNames", "roleTitles", "completeIt", "Taken"}

// each takes every text of a table that has more to it than a name by which programs know it: of what has keys, the values.
func each(table *ast.CompositeLit, take func(ast.Expr)) {
	if table == nil {
		return
	}
	for _, e := range table.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			e = kv.Value
		}
		switch inner, _ := e.(*ast.CompositeLit); {
		case inner == nil:
			take(e)
		case len(inner.Elts) > 2 && isCall(inner.Elts[2]): // a module: its name, its title, its permissions
			take(inner.Elts[1])
		default:
			each(inner, take)
		}
	}
}

// nameOf is the name of a type, or of what it is a row of.
func nameOf(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.Ident:
		return t.Name
	case *ast.ArrayType:
		return nameOf(t.Elt)
	}
	return ""
}

func isCall(e ast.Expr) bool {
	_, ok := e.(*ast.CallExpr)
	return ok
}

// place is where a text stands: in the page, not in what is generated of it.
func (s source) place(pos token.Pos, key string) string {
	at := s.set.Position(pos)
	page, generated := strings.CutSuffix(at.Filename, "_templ.go")
	if !generated {
		return fmt.Sprintf("web/%s:%d", at.Filename, at.Line)
	}
	b, _ := os.ReadFile(page + ".templ")
	before, _, _ := strings.Cut(string(b), strconv.Quote(key))
	return fmt.Sprintf("web/%s.templ:%d", page, 1+strings.Count(before, "\n"))
}

var letter = regexp.MustCompile(`\p{L}`)

// spoken reports whether a text has words to say.
func spoken(text string) bool {
	return letter.MatchString(regexp.MustCompile(`%(\[\d+\])?[a-z]`).ReplaceAllString(text, ""))
}

// verbsOf are the verbs of a text in no order: a language may turn the order round.
func verbsOf(text string) []string { return slices.Sorted(slices.Values(words.Verbs(text))) }

// TestWords holds the catalog to the pages: each text is said in each language with the same values in it, and nothing is
// translated that no page says. go test ./web -run TestWords -missing DIR writes what lacks.
func TestWords(t *testing.T) {
	keys := readSource(t).keys()
	below(t, keys)
	if len(keys) < 100 {
		t.Fatalf("only %d texts found", len(keys))
	}
	for _, code := range words.Codes {
		texts := words.Texts(code)
		lacks := map[string]any{}
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			text, ok := texts[key]
			if !ok && code != "en" {
				lacks[key] = map[string]string{"at": keys[key], "text": ""}
			}
			for _, said := range []string{text.One, text.Other} {
				if said != "" && !slices.Equal(verbsOf(said), verbsOf(key)) {
					t.Errorf("%s.json: %q has other verbs than its key %q (%s)", code, said, key, keys[key])
				}
			}
			if ok && text.Other == "" {
				t.Errorf("%s.json: %q says nothing", code, key)
			}
			if text.One != "" && words.Texts("en")[key].One == "" {
				t.Errorf("%s.json: %q has a singular, and en.json none", code, key)
			}
		}
		for key := range texts {
			if keys[key] == "" {
				t.Errorf("%s.json: no page says %q", code, key)
			}
		}
		if len(lacks) > 0 && *missing == "" {
			t.Errorf("%s.json lacks %d of %d texts, like %q", code, len(lacks), len(keys), slices.Sorted(maps.Keys(lacks))[0])
		}
		if *missing != "" && code != "en" {
			b, err := json.MarshalIndent(lacks, "", " ")
			if err == nil {
				err = os.WriteFile(filepath.Join(*missing, code+".missing.json"), b, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestEverythingIsSaid finds text in a page that does not go through T.
func TestEverythingIsSaid(t *testing.T) {
	s := readSource(t)
	for _, f := range s.files {
		name := s.set.Position(f.Pos()).Filename
		page, generated := strings.CutSuffix(name, "_templ.go")
		if !generated {
			continue
		}
		var written strings.Builder
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			switch calledName(call) {
			case "WriteString":
				if text, ok := literal(call.Args[len(call.Args)-1]); ok {
					written.WriteString(text)
				}
			case "JoinStringErrs":
				before := written.String()
				if strings.HasSuffix(before, `="`) && !readOut(before) {
					return false
				}
				for _, part := range glued(call.Args[0]) {
					if text, ok := literal(part); ok && letter.MatchString(text) {
						t.Errorf("%s.templ: %q is not said by T", page, text)
					}
				}
			}
			return true
		})
		tokens, quoted := html.NewTokenizer(strings.NewReader(written.String())), 0
		for tokens.Next() != html.ErrorToken {
			token := tokens.Token()
			switch {
			case token.Data == "code" || token.Data == "kbd":
				quoted += map[html.TokenType]int{html.StartTagToken: 1, html.EndTagToken: -1}[token.Type]
			case token.Type == html.TextToken && letter.MatchString(token.Data) && quoted == 0:
				t.Errorf("%s.templ: %q is not said by T", page, strings.TrimSpace(token.Data))
			}
			for _, a := range token.Attr {
				if slices.Contains(textAttributes, a.Key) && letter.MatchString(a.Val) {
					t.Errorf("%s.templ: %s=%q is not said by T", page, a.Key, a.Val)
				}
			}
		}
	}
}

// textAttributes are those that are read out or shown.
var textAttributes = []string{"aria-label", "aria-description", "placeholder", "title", "alt"}

// readOut reports whether what was written ends within an attribute of text.
func readOut(written string) bool {
	return slices.ContainsFunc(textAttributes, func(name string) bool { return strings.HasSuffix(written, " "+name+`="`) })
}

func calledName(call *ast.CallExpr) string {
	if of, ok := call.Fun.(*ast.SelectorExpr); ok {
		return of.Sel.Name
	}
	return ""
}

func literal(e ast.Expr) (string, bool) {
	b, ok := e.(*ast.BasicLit)
	if !ok || b.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(b.Value)
	return text, err == nil
}

// glued are the parts of a + b + c.
func glued(e ast.Expr) []ast.Expr {
	if b, ok := e.(*ast.BinaryExpr); ok && b.Op == token.ADD {
		return append(glued(b.X), glued(b.Y)...)
	}
	return []ast.Expr{e}
}

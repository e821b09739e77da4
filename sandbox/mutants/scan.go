package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Mutant is one check that can be off.
type Mutant struct {
	Number int
	Kind   string // predicate, join, sites (in SQL); permission, host, limit, read-only, audit (in Go)
	Where  string // file:line
	Text   string
	Nth    int // of those alike in the file
}

// key is what a mutant is, whatever its number and line.
func (m Mutant) key() string {
	file, _, _ := strings.Cut(m.Where, ":")
	return file + " " + m.Kind + " " + strconv.Itoa(m.Nth) + " " + m.Text
}

func (m Mutant) String() string {
	return fmt.Sprintf("#%d %s %s: %s", m.Number, m.Kind, m.Where, m.Text)
}

type scanner struct {
	root    string
	mutants []Mutant
	sources map[string][]byte // by path: what the overlay puts in its place
	edits   []edit            // of the file being read
}

// An edit puts text into a source at an offset.
type edit struct {
	at   int
	text string
}

// scanned are the packages whose checks are taken out.
var scanned = []string{"./portal/...", "./auth", "./api", "./web"}

func scanAll(root string) (*scanner, error) {
	s := &scanner{root: root, sources: map[string][]byte{}}
	cmd := exec.Command("go", append([]string{"list", "-export", "-deps", "-gcflags=extranet/web=-l", "-gcflags=extranet/api=-l", "-json=ImportPath,Dir,GoFiles,Export"}, scanned...)...)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("listing packages: %w", err)
	}
	type pkg struct {
		ImportPath, Dir, Export string
		GoFiles                 []string
	}
	exports := map[string]string{}
	var ours []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		exports[p.ImportPath] = p.Export
		rel := strings.TrimPrefix(p.ImportPath, "extranet/")
		if rel != p.ImportPath && rel != "portal/portaltest" && (strings.HasPrefix(rel, "portal") || slices.Contains([]string{"auth", "api", "web"}, rel)) {
			ours = append(ours, p)
		}
	}
	slices.SortFunc(ours, func(a, b pkg) int { return strings.Compare(a.ImportPath, b.ImportPath) })
	for _, p := range ours {
		fset := token.NewFileSet()
		imp := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
			if exports[path] == "" {
				return nil, fmt.Errorf("no export data of %s", path)
			}
			return os.Open(exports[path])
		})
		var files []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			files = append(files, f)
		}
		info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}}
		conf := types.Config{Importer: imp}
		if _, err := conf.Check(p.ImportPath, fset, files, info); err != nil {
			return nil, fmt.Errorf("reading %s: %w", p.ImportPath, err)
		}
		for i, f := range files {
			path := filepath.Join(p.Dir, p.GoFiles[i])
			if strings.HasSuffix(path, "_templ.go") { // what a page shows; what it may do is checked behind it
				continue
			}
			source, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			s.edits = nil
			s.file(fset, f, info, p.ImportPath, path, source)
			changed := apply(source, s.edits)
			if changed, err = hooks(strings.TrimPrefix(path, root+"/"), changed); err != nil {
				return nil, err
			}
			if !bytes.Equal(changed, source) {
				s.sources[path] = changed
			}
		}
	}
	alike := map[string]int{}
	for i := range s.mutants {
		m := &s.mutants[i]
		alike[m.key()]++
		m.Nth = alike[(Mutant{Kind: m.Kind, Where: m.Where, Text: m.Text}).key()]
	}
	s.sources[filepath.Join(root, "portal", "mutants.go")] = []byte(runtime)
	return s, nil
}

func apply(source []byte, edits []edit) []byte {
	slices.SortStableFunc(edits, func(a, b edit) int { return a.at - b.at })
	var out []byte
	from := 0
	for _, e := range edits {
		out = append(out, source[from:e.at]...)
		out = append(out, e.text...)
		from = e.at
	}
	return append(out, source[from:]...)
}

// hooks let the portal's own code ask which mutant is on, where texts and sets pass through.
func hooks(name string, source []byte) ([]byte, error) {
	var fault error
	put := func(old, new string, times int) {
		if n := bytes.Count(source, []byte(old)); n != times {
			fault = fmt.Errorf("%s holds %q %d times, not %d: sandbox/mutants knows it otherwise", name, old, n, times)
		}
		source = bytes.ReplaceAll(source, []byte(old), []byte(new))
	}
	switch name {
	case "portal/conn.go":
		put("(driver.Rows, error) {\n", "(driver.Rows, error) {\n\tquery = MutantSQL(query)\n", 1)
		put("(driver.Result, error) {\n\tif len(args) == 0 {\n\t\tr, err", "(driver.Result, error) {\n\tquery = MutantSQL(query)\n\tif len(args) == 0 {\n\t\tr, err", 1)
		put("PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {\n", "PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {\n\tquery = MutantSQL(query)\n", 1)
	case "portal/permission.go":
		put("{ return s&(1<<p) != 0 }", "{ return p == mutantPermission || s&(1<<p) != 0 }", 1)
		put("func (p Permission) String() string { return permissionNames[p] }", "func (p Permission) String() string {\n\tif p == mutantPermission {\n\t\treturn \"nothing\"\n\t}\n\treturn permissionNames[p]\n}", 1)
	case "portal/cache.go":
		put("kept, err := db.generation(ctx, t)\n", "kept, err := db.generation(ctx, t)\n\tkey = mutantKey(key)\n", 1)
		put("g, kept, err := db.generation(ctx, t)\n", "if mutantReading() {\n\t\treturn load(ctx)\n\t}\n\tg, kept, err := db.generation(ctx, t)\n", 1)
	}
	return source, fault
}

func (s *scanner) add(kind, where, text string) int {
	n := len(s.mutants) + 1
	s.mutants = append(s.mutants, Mutant{Number: n, Kind: kind, Where: where, Text: strings.Join(strings.Fields(text), " ")})
	return n
}

var (
	predicate = regexp.MustCompile(`(?:\b\w+\.)?\bpartner_id = (?:(\$\d+)(::bigint)?|(\w+\.partner_id)\b)`)
	siteLimit = regexp.MustCompile(`\(?\$(\d+)::text\[\] IS NULL OR (?:[\w.()', ]+? = ANY\s?\(\$\d+(?:::text\[\])?\)|[\w.]+ <@ \$\d+(?:::text\[\])?|[\w.]+ && \$\d+(?:::text\[\])?)`)
	assigned  = regexp.MustCompile(`(?i)\bSET\s+(\w+ = [^=]*, )?$`)
)

func (s *scanner) file(fset *token.FileSet, f *ast.File, info *types.Info, pkg, path string, source []byte) {
	own := pkg == "extranet/portal"
	imported := own
	for _, i := range f.Imports {
		imported = imported || i.Path.Value == `"extranet/portal"` && i.Name == nil
	}
	prefix := "portal."
	if own {
		prefix = ""
	}
	offset := func(p token.Pos) int { return fset.Position(p).Offset }
	where := func(p token.Pos) string {
		at := fset.Position(p)
		return strings.TrimPrefix(at.Filename, s.root+"/") + ":" + strconv.Itoa(at.Line)
	}
	text := func(n ast.Node) string { return string(source[offset(n.Pos()):offset(n.End())]) }
	wrap := func(n ast.Expr, kind, what, with string) {
		number := s.add(kind, where(n.Pos()), what)
		s.edits = append(s.edits, edit{offset(n.Pos()), prefix + with + "(" + strconv.Itoa(number) + ", "}, edit{offset(n.End()), ")"})
	}
	named := func(e ast.Expr, name string) bool {
		t := info.Types[e].Type
		if p, ok := t.(*types.Pointer); ok {
			t = p.Elem()
		}
		n, ok := t.(*types.Named)
		return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "extranet/portal" && n.Obj().Name() == name
	}
	written := map[ast.Expr]bool{} // what is assigned to, not read
	conditions := map[ast.Expr]bool{}
	condition := func(e ast.Expr) {
		ast.Inspect(e, func(n ast.Node) bool {
			if x, ok := n.(ast.Expr); ok {
				conditions[x] = true
			}
			return true
		})
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, l := range n.Lhs {
				written[l] = true
			}
		case *ast.IfStmt:
			condition(n.Cond)
		case *ast.CaseClause:
			for _, e := range n.List {
				condition(e)
			}
		case *ast.ReturnStmt:
			for _, e := range n.Results {
				condition(e)
			}
		}
		return true
	})
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if n.Kind == token.STRING && strings.HasPrefix(pkg, "extranet/portal") && (strings.Contains(n.Value, "partner_id") || strings.Contains(n.Value, "::text[]")) {
				s.sql(n.Value, offset(n.Pos()), fset.Position(n.Pos()).Line, strings.TrimPrefix(path, s.root+"/"))
			}
		case *ast.CallExpr:
			if !imported {
				return true
			}
			callee := ""
			switch c := n.Fun.(type) {
			case *ast.SelectorExpr:
				callee = c.Sel.Name
			case *ast.Ident:
				callee = c.Name
			}
			sig, ok := info.Types[n.Fun].Type.(*types.Signature)
			if !ok || callee == "Allow" || callee == "Permission" {
				return true
			}
			if x, ok := n.Fun.(*ast.SelectorExpr); ok && (strings.HasPrefix(callee, "Audit") && (named(x.X, "Tx") || named(x.X, "DB"))) && !strings.HasSuffix(path, "/portal/audit.go") {
				number := s.add("audit", where(n.Pos()), text(n.Fun)+"(… "+shortened(text(n))+")")
				s.edits = append(s.edits, edit{offset(n.Pos()), prefix + "MutantAct(" + strconv.Itoa(number) + ", func() error { return "}, edit{offset(n.End()), " })"})
				return true
			}
			if callee == "MaySeeSite" {
				wrap(n, "limit", text(n), "MutantTrue")
				return true
			}
			for i, a := range n.Args {
				if i < sig.Params().Len() && isPermission(sig.Params().At(i).Type()) {
					wrap(a, "permission", text(n.Fun)+"(… "+text(a)+" …)", "MutantNeed")
				}
			}
		case *ast.SelectorExpr:
			if written[n] || !imported || !named(n.X, "Caller") {
				return true
			}
			switch {
			case n.Sel.Name == "Sites":
				wrap(n, "limit", line(source, offset(n.Pos())), "MutantSites")
			case n.Sel.Name == "Host" && conditions[n]:
				wrap(n, "host", line(source, offset(n.Pos())), "MutantTrue")
			case n.Sel.Name == "ReadOnly" && conditions[n]:
				wrap(n, "read-only", line(source, offset(n.Pos())), "MutantFalse")
			}
		}
		return true
	})
}

// shortened is what a call writes into the audit, as far as a line has room for it.
func shortened(call string) string {
	if from, to := strings.IndexByte(call, '"'), strings.LastIndexByte(call, ')'); from >= 0 && to > from {
		call = call[from:to]
	}
	return call[:min(len(call), 80)]
}

func isPermission(t types.Type) bool {
	n, ok := t.(*types.Named)
	return ok && n.Obj().Name() == "Permission" && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "extranet/portal"
}

func line(source []byte, at int) string {
	from := bytes.LastIndexByte(source[:at], '\n') + 1
	to := bytes.IndexByte(source[at:], '\n') + at
	return string(source[from:to])
}

// sql numbers the predicates of a literal.
func (s *scanner) sql(literal string, at, first int, file string) {
	mark := func(from, to int, kind string) {
		number := s.add(kind, file+":"+strconv.Itoa(first+strings.Count(literal[:from], "\n")), strings.TrimSpace(line([]byte(literal+"\n"), from)))
		s.mutants[number-1].Text = "`" + literal[from:to] + "` in " + s.mutants[number-1].Text
		mark := "/*m" + strconv.Itoa(number) + "*/"
		s.edits = append(s.edits, edit{at + from, mark}, edit{at + to, mark})
	}
	for _, m := range predicate.FindAllStringSubmatchIndex(literal, -1) {
		if assigned.MatchString(literal[:m[0]]) {
			continue
		}
		kind := "predicate"
		if m[2] < 0 {
			kind = "join"
		}
		mark(m[0], m[1], kind)
	}
	for _, m := range siteLimit.FindAllStringIndex(literal, -1) {
		from := m[0]
		if literal[from] == '(' {
			from++
		}
		mark(from, m[1], "sites")
	}
}

// runtime is what the overlay adds to the portal: which check is off, and which were passed by.
const runtime = `package portal

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

const mutantPermission Permission = 255

var (
	mutant   atomic.Int64
	readAll  atomic.Bool
	alike    atomic.Int64 // a permission, from 1, that is demanded nowhere
	passed   sync.Map
	demanded sync.Map // by mutant: the permission
	passedTo *os.File
	marked   = regexp.MustCompile("/\\*m(\\d+)\\*/")
)

func init() {
	n, _ := strconv.ParseInt(os.Getenv("MUTANT"), 10, 64)
	mutant.Store(n)
	if name := os.Getenv("MUTANTS_REACHED"); name != "" {
		passedTo, _ = os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	}
}

// SetMutant takes the check out, and puts the one before back.
func SetMutant(n int) { mutant.Store(int64(n)); alike.Store(0) }

// SetMutantAlike takes out every check of the permission that n checks.
func SetMutantAlike(n int) {
	if p, ok := demanded.Load(n); ok {
		mutant.Store(int64(n))
		alike.Store(int64(p.(Permission)) + 1)
	}
}

// MutantHasAlike reports that n was passed by and checks a permission.
func MutantHasAlike(n int) bool { _, ok := demanded.Load(n); return ok }

// MutantsPassed returns what f passes by, with nothing remembered between one question and the next.
func MutantsPassed(f func()) map[int]bool {
	passed.Clear()
	readAll.Store(true)
	f()
	readAll.Store(false)
	set := map[int]bool{}
	passed.Range(func(k, _ any) bool { set[k.(int)] = true; return true })
	return set
}

func mutantReading() bool { return readAll.Load() }

// mutantKey keeps what was read under one mutant from the next.
func mutantKey(key string) string { return strconv.FormatInt(mutant.Load(), 10) + ":" + strconv.FormatInt(alike.Load(), 10) + ":" + key }

func mutantIs(n int) bool {
	if readAll.Load() || passedTo != nil {
		if _, known := passed.LoadOrStore(n, true); !known && passedTo != nil {
			passedTo.WriteString(strconv.Itoa(n) + "\n")
		}
	}
	return mutant.Load() == int64(n)
}

// MutantSQL puts true in the place of the predicate that is off; its parameter stays in use.
func MutantSQL(query string) string {
	if !strings.Contains(query, "/*m") {
		return query
	}
	for _, m := range marked.FindAllStringSubmatch(query, -1) {
		n, _ := strconv.Atoi(m[1])
		if !mutantIs(n) {
			continue
		}
		for {
			before, rest, found := strings.Cut(query, m[0])
			inner, after, closed := strings.Cut(rest, m[0])
			if !found || !closed {
				break
			}
			stays := "true"
			if strings.Contains(inner, "partner_id = $") {
				_, param, _ := strings.Cut(inner, "= ")
				stays = "(" + strings.TrimSuffix(param, "::bigint") + "::bigint IS NOT NULL OR true)"
			} else if i := strings.IndexByte(inner, '$'); i >= 0 {
				param := inner[i : i+strings.IndexByte(inner[i:], ':')]
				stays = "(" + param + "::text[] IS NULL OR true)"
			}
			query = before + stays + after
		}
		return query
	}
	return query
}

// MutantNeed is a permission that everybody has, if the check is off.
func MutantNeed(n int, p Permission) Permission {
	demanded.LoadOrStore(n, p)
	if mutantIs(n) || alike.Load() == int64(p)+1 {
		return mutantPermission
	}
	return p
}

// MutantSites are no limit, if the check is off.
func MutantSites(n int, sites []string) []string {
	if mutantIs(n) {
		return nil
	}
	return sites
}

// MutantAct writes into the audit, unless that is off.
func MutantAct(n int, act func() error) error {
	if mutantIs(n) {
		return nil
	}
	return act()
}

// MutantTrue is true, if the check is off.
func MutantTrue(n int, b bool) bool { return mutantIs(n) || b }

// MutantFalse is false, if the check is off.
func MutantFalse(n int, b bool) bool { return !mutantIs(n) && b }
`

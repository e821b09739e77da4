package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// wordsOf is every word that may be a class or a data attribute of a page: what stands in
// quotes in the page sources and in the script. A class must therefore stand there whole,
// never put together from parts.
func wordsOf(web string) (map[string]bool, error) {
	words := map[string]bool{}
	err := filepath.WalkDir(web, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch d.Name() {
			case "node_modules", "dist", "bundle":
				return filepath.SkipDir
			}
			return nil
		}
		name := d.Name()
		switch {
		case strings.HasSuffix(name, "_test.go"), strings.HasSuffix(name, "_templ.go"):
			return nil
		case strings.HasSuffix(name, ".templ"), strings.HasSuffix(name, ".go"), strings.HasSuffix(name, ".js"):
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			addWords(words, string(b))
		}
		return nil
	})
	return words, err
}

var (
	quoted   = regexp.MustCompile("\"[^\"\n]*\"|`[^`\n]*`|'[^'\n]*'")
	word     = regexp.MustCompile(`[A-Za-z0-9_-]+`)
	dataName = regexp.MustCompile(`data-[a-z-]+`)
)

func addWords(words map[string]bool, source string) {
	for line := range strings.Lines(source) {
		for _, q := range quoted.FindAllString(line, -1) {
			for _, w := range word.FindAllString(q, -1) {
				words[w] = true
			}
		}
		for _, w := range dataName.FindAllString(line, -1) {
			words[w] = true
		}
	}
}

// A rule is a block with what stands before it, or a statement that ends in a semicolon.
type rule struct {
	head     string
	body     string // declarations, when there are no inner rules
	inner    []rule
	isBlock  bool
	isNested bool // inner rules, as in @media
}

// prune drops the rules whose selectors name a class or data attribute that is not in words,
// then the animations and custom properties that nothing left refers to.
func prune(css string, words map[string]bool) (string, error) {
	rules, rest, err := parse(css)
	if err != nil {
		return "", err
	}
	if strings.TrimSpace(rest) != "" {
		return "", errors.New("styles: a closing brace too many")
	}
	rules = keep(rules, words)
	for {
		text := render(rules)
		used := map[string]bool{}
		for _, m := range reference.FindAllStringSubmatch(text, -1) {
			used[m[1]] = true
		}
		for _, m := range animation.FindAllStringSubmatch(text, -1) {
			for _, w := range word.FindAllString(m[1], -1) {
				used[w] = true
			}
		}
		rules = dropUnused(rules, used)
		if next := render(rules); next == text {
			return next, nil
		}
	}
}

var (
	reference = regexp.MustCompile(`var\(\s*(--[A-Za-z0-9_-]+)`)
	animation = regexp.MustCompile(`animation(?:-name)?:([^;}]*)`)
)

// parse reads rules up to the closing brace of the block it stands in, or the end.
func parse(css string) (rules []rule, rest string, err error) {
	for {
		css = strings.TrimLeft(css, " \n\t\r")
		if css == "" || css[0] == '}' {
			return rules, css, nil
		}
		end := stop(css, "{};")
		if end == len(css) || css[end] == '}' {
			return nil, "", errors.New("styles: a rule without a block: " + css[:min(end, 60)])
		}
		head := strings.TrimSpace(css[:end])
		if css[end] == ';' {
			rules = append(rules, rule{head: head})
			css = css[end+1:]
			continue
		}
		r := rule{head: head, isBlock: true, isNested: nests(head)}
		css = css[end+1:]
		if r.isNested {
			if r.inner, css, err = parse(css); err != nil {
				return nil, "", err
			}
		} else {
			n := closing(css)
			r.body, css = css[:n], css[n:]
		}
		if css == "" || css[0] != '}' {
			return nil, "", errors.New("styles: a block that does not end: " + head)
		}
		css = css[1:]
		rules = append(rules, r)
	}
}

func nests(head string) bool {
	for _, at := range []string{"@media", "@supports", "@layer", "@container", "@scope", "@starting-style"} {
		if strings.HasPrefix(head, at) {
			return true
		}
	}
	return false
}

// stop finds the first of any in css that is not inside a string, a comment or brackets.
func stop(css, any string) int {
	depth := 0
	for i := 0; i < len(css); i++ {
		switch c := css[i]; {
		case c == '\\':
			i++
		case c == '"' || c == '\'':
			for i++; i < len(css) && css[i] != c; i++ {
				if css[i] == '\\' {
					i++
				}
			}
		case c == '/' && strings.HasPrefix(css[i:], "/*"):
			n := strings.Index(css[i+2:], "*/")
			if n < 0 {
				return len(css)
			}
			i += n + 3
		case depth == 0 && strings.IndexByte(any, c) >= 0:
			return i
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth--
		}
	}
	return len(css)
}

// closing finds the brace that ends the block css stands in.
func closing(css string) int {
	for i, depth := 0, 0; ; {
		n := stop(css[i:], "{}")
		if i += n; i >= len(css) {
			return len(css)
		}
		if css[i] == '{' {
			depth++
		} else if depth--; depth < 0 {
			return i
		}
		i++
	}
}

func split(s, sep string) (parts []string) {
	for {
		n := stop(s, sep)
		if p := strings.TrimSpace(s[:n]); p != "" {
			parts = append(parts, p)
		}
		if n == len(s) {
			return parts
		}
		s = s[n+1:]
	}
}

func keep(rules []rule, words map[string]bool) (kept []rule) {
	for _, r := range rules {
		switch {
		case r.isNested:
			if r.inner = keep(r.inner, words); len(r.inner) == 0 && !strings.HasPrefix(r.head, "@layer") {
				continue
			}
		case r.isBlock && !strings.HasPrefix(r.head, "@"):
			var selectors []string
			for _, s := range split(r.head, ",") {
				if canMatch(s, words) {
					selectors = append(selectors, s)
				}
			}
			if len(selectors) == 0 {
				continue
			}
			r.head = strings.Join(selectors, ",")
		}
		kept = append(kept, r)
	}
	return kept
}

var (
	class     = regexp.MustCompile(`\.(-?[A-Za-z_](?:[A-Za-z0-9_-]|\\.)*)`)
	attribute = regexp.MustCompile(`\[(data-[a-z-]+)`)
	exact     = regexp.MustCompile(`\[data-[a-z-]+="?([A-Za-z0-9_-]+)"?\]`)
	any       = regexp.MustCompile(`:(?:is|where|not|has|matches)\(`)
)

// canMatch reports whether a page can hold what the selector names. What stands inside
// :is(), :where(), :not() and :has() is no condition by itself, so it is not asked.
func canMatch(selector string, words map[string]bool) bool {
	for {
		at := any.FindStringIndex(selector)
		if at == nil {
			break
		}
		n := stop(selector[at[1]:], ")")
		selector = selector[:at[0]] + selector[min(at[1]+n+1, len(selector)):]
	}
	for _, m := range exact.FindAllStringSubmatch(selector, -1) {
		if !words[m[1]] {
			return false
		}
	}
	for _, m := range attribute.FindAllStringSubmatch(selector, -1) {
		if !words[m[1]] {
			return false
		}
	}
	for _, m := range class.FindAllStringSubmatch(strings.Join(outside(selector), ""), -1) {
		if !words[strings.ReplaceAll(m[1], `\`, "")] {
			return false
		}
	}
	return true
}

// outside is the selector without its attribute conditions.
func outside(selector string) (parts []string) {
	for {
		before, after, found := strings.Cut(selector, "[")
		parts = append(parts, before)
		if !found {
			return parts
		}
		_, selector, _ = strings.Cut(after, "]")
	}
}

func dropUnused(rules []rule, used map[string]bool) (kept []rule) {
	for _, r := range rules {
		if name, ok := strings.CutPrefix(r.head, "@keyframes "); ok && !used[strings.TrimSpace(name)] {
			continue
		}
		if name, ok := strings.CutPrefix(r.head, "@property "); ok && !used[strings.TrimSpace(name)] {
			continue
		}
		if r.isNested {
			if r.inner = dropUnused(r.inner, used); len(r.inner) == 0 && !strings.HasPrefix(r.head, "@layer") {
				continue
			}
		} else if r.isBlock && !strings.HasPrefix(r.head, "@") {
			var left []string
			for _, d := range split(r.body, ";") {
				name, _, _ := strings.Cut(d, ":")
				if strings.HasPrefix(name, "--") && !used[strings.TrimSpace(name)] {
					continue
				}
				left = append(left, d)
			}
			if len(left) == 0 {
				continue
			}
			r.body = strings.Join(left, ";")
		}
		kept = append(kept, r)
	}
	return kept
}

func render(rules []rule) string {
	var b strings.Builder
	for _, r := range rules {
		b.WriteString(r.head)
		switch {
		case r.isNested:
			b.WriteString("{" + render(r.inner) + "}")
		case r.isBlock:
			b.WriteString("{" + r.body + "}")
		default:
			b.WriteString(";")
		}
	}
	return b.String()
}

// Package pagetest says what is wrong with a page as the server sent it, without a browser.
package pagetest

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"extranet/web/assets"
)

// Faults lists where the page breaks the content security policy, does not name what it shows, or needs a script.
func Faults(page []byte) (faults []string) {
	sprite := string(assets.Content("icons.svg"))
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return []string{err.Error()}
	}
	ids, labelled, refs := map[string]int{}, map[string]bool{}, map[string]string{}
	var controls []*html.Node
	headings := 0
	fault := func(format string, a ...any) { faults = append(faults, fmt.Sprintf(format, a...)) }
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "style" || strings.HasPrefix(a.Key, "on") || strings.HasPrefix(a.Key, "hx-on"):
				fault("<%s %s=%q>", n.Data, a.Key, a.Val)
			case a.Key == "id":
				ids[a.Val]++
			case a.Key == "for" || a.Key == "popovertarget" || a.Key == "form":
				refs[a.Val] = a.Key
			case a.Key == "href" && len(a.Val) > 1 && a.Val[0] == '#':
				refs[a.Val[1:]] = "a link"
			case a.Key == "aria-labelledby" || a.Key == "aria-describedby":
				for _, id := range strings.Fields(a.Val) {
					refs[id] = a.Key
				}
			case a.Key == "hx-trigger" && strings.Contains(a.Val, "["), a.Key == "hx-vals" && strings.HasPrefix(a.Val, "js:"):
				fault("%s=%q needs eval", a.Key, a.Val)
			}
		}
		switch n.Data {
		case "style":
			fault("a <style> element")
		case "script":
			if attr(n, "src") == "" || n.FirstChild != nil {
				fault("an inline script")
			}
		case "label":
			labelled[attr(n, "for")] = true
		case "input", "select", "textarea":
			if attr(n, "type") != "hidden" {
				controls = append(controls, n)
			}
		case "button":
			if attr(n, "type") == "" {
				fault("a button without a type")
			}
		case "h1":
			headings++
		case "use":
			_, icon, _ := strings.Cut(attr(n, "href"), "#")
			if sprite != "" && !strings.Contains(sprite, `id="`+icon+`"`) {
				fault("no icon %q in the bundle", icon)
			}
		case "form":
			if m := attr(n, "method"); m != "get" && m != "post" || attr(n, "action") == "" {
				fault("a form that needs a script: method %q, action %q", m, attr(n, "action"))
			}
		case "td", "th":
			if attr(n, "role") == "" {
				fault("a cell without a role")
			}
		}
	}
	for _, n := range controls {
		if !labelled[attr(n, "id")] && !inside(n, "label") {
			fault("<%s name=%q> without a label", n.Data, attr(n, "name"))
		}
	}
	for id, n := range ids {
		if n > 1 {
			fault("%d elements with the id %q", n, id)
		}
	}
	for id, from := range refs {
		if id != "" && ids[id] == 0 {
			fault("%s names %q, which is not there", from, id)
		}
	}
	if headings != 1 {
		fault("%d headings of the first level", headings)
	}
	if bytes.Contains(page, []byte("blocked by templ")) || bytes.Contains(page, []byte("about:invalid")) {
		fault("an address was refused")
	}
	return faults
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func inside(n *html.Node, element string) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Data == element {
			return true
		}
	}
	return false
}

// Text is what a person reads of the page.
func Text(page []byte) string {
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode && !inside(n, "head") {
			b.WriteString(n.Data)
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// Href is where the link with the id leads, or "".
func Href(page []byte, id string) string {
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return ""
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && attr(n, "id") == id {
			return attr(n, "href")
		}
	}
	return ""
}

// Press is what a browser without a script asks for when the element with the id is pressed, after typed was written into fields: what a
// link leads to, or what the button's form posts to where.
func Press(page []byte, id string, typed map[string]string) (method, to string, form url.Values) {
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return "", "", nil
	}
	var pressed, of *html.Node
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && attr(n, "id") == id {
			pressed = n
		}
	}
	for of = pressed; of != nil && of.Data != "form"; of = of.Parent {
	}
	if pressed == nil || pressed.Data == "a" || of == nil {
		return http.MethodGet, Href(page, id), nil
	}
	form = url.Values{}
	for n := range of.Descendants() {
		name := attr(n, "name")
		value, written := typed[name]
		switch {
		case name == "" || n.Data == "button" && n != pressed:
		case n.Data == "select" && !written:
			for o := range n.Descendants() {
				if o.Data == "option" && (form.Get(name) == "" || slices.ContainsFunc(o.Attr, func(a html.Attribute) bool { return a.Key == "selected" })) {
					form.Set(name, attr(o, "value"))
				}
			}
		case n.Data == "input" && !written, n.Data == "button":
			form.Add(name, attr(n, "value"))
		case written && (n.Data == "input" || n.Data == "select"):
			form.Add(name, value)
		}
	}
	return strings.ToUpper(attr(of, "method")), cmp.Or(attr(pressed, "formaction"), attr(of, "action")), form
}

// Package web is the door for people: pages that the server renders, that work without
// JavaScript and better with it. A page is a Layout around what one capability shows.
package web

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"extranet/portal/host"
	"extranet/web/assets"
)

// A Shell is what every page has around its own content.
type Shell struct {
	Title    Words  // of this page: "Orders"
	HostName string // of the company whose portal this is
	Version  string
	Theme    Theme
	Path     string // of this page, with its query: where a switch of theme or partner comes back to

	Person   string // the signed-in person's name; empty on pages before signing in
	Mail     string
	Partner  PartnerChoice   // the partner acted for
	Partners []PartnerChoice // those the person may act for; the switch shows when there are two or more
	AnyOther string          // where to look for further partners, for those who reach too many to list

	Nav         []NavItem // what the person may open, in order
	Search      bool      // there is something that the person may search
	SearchHint  Words     // what they may search for
	Query       string    // the search the box shows
	Flash       *Flash
	Error       *ShownError
	Brand       host.Branding       // how the host has the portal look
	Maintenance []host.Announcement // what every page says: the portal is, or will be, worked on
	Banner      templ.Component     // stands above everything else, as when viewing as a partner
}

// FullTitle is what the browser shows: "Orders · Host name".
func (s Shell) FullTitle(ctx context.Context) string {
	if s.Title == "" {
		return s.HostName
	}
	return T(ctx, s.Title) + " · " + s.HostName
}

func (s Shell) initials() string {
	var letters []rune
	for _, word := range strings.Fields(s.Person) {
		letters = append(letters, []rune(strings.ToUpper(word))[0])
	}
	switch n := len(letters); {
	case n > 2:
		letters = []rune{letters[0], letters[n-1]}
	case n == 0:
		letters = []rune{'?'}
	}
	return string(letters)
}

// groups are the navigation's items under their headings, in the order given.
func (s Shell) groups() (groups [][]NavItem) {
	for _, item := range s.Nav {
		if n := len(groups); n == 0 || groups[n-1][0].Group != item.Group {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], item)
	}
	return groups
}

// A NavItem is one entry of the main navigation. Items of one Group follow each other.
type NavItem struct {
	Group   Words // heading; may be empty
	Label   Words
	Href    string
	Icon    Icon
	Current bool
}

// A PartnerChoice is a partner that the person may act for.
type PartnerChoice struct {
	ID     string
	Name   string
	Number string // as the host's core system knows it
}

// Label is what tells two partners of the same name apart.
func (p PartnerChoice) Label() string {
	if p.Number == "" {
		return p.Name
	}
	return p.Name + " (" + p.Number + ")"
}

// A Theme is the person's choice of colours.
type Theme string

const (
	ThemeAuto  Theme = "auto" // as the device is set
	ThemeLight Theme = "light"
	ThemeDark  Theme = "dark"
)

// ParseTheme reads a cookie or form value; anything unknown is ThemeAuto.
func ParseTheme(s string) Theme {
	switch t := Theme(s); t {
	case ThemeLight, ThemeDark:
		return t
	}
	return ThemeAuto
}

func (t Theme) String() string { return string(ParseTheme(string(t))) }

// A Flash says what the last action did.
type Flash struct {
	Tone  Tone
	Title Words
	Text  Words // may be empty
}

// A ShownError is what a person is told about something that could not be done.
type ShownError struct {
	Status int
	Msg    Words
	Fields map[string]string // form field: what is wrong with it
	Ref    string            // names the request to those who help

	advice advice // for who was refused; else as the status has it
}

// On is what is wrong with the field, or "". A nil error finds no fault.
func (e *ShownError) On(field string) string {
	if e == nil {
		return ""
	}
	return e.Fields[field]
}

func (e *ShownError) fields() []string { return slices.Sorted(maps.Keys(e.Fields)) }

// An Address is where a list is shown: its path, and what it is filtered and sorted by.
type Address struct {
	Path  string
	Query url.Values
}

// With is the address with the given names set, "" taking one away. The list starts anew:
// what paging has set ("cursor") goes.
func (a Address) With(namesAndValues ...string) string {
	q := maps.Clone(a.Query)
	if q == nil {
		q = url.Values{}
	}
	q.Del("cursor")
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		if name, value := namesAndValues[i], namesAndValues[i+1]; value == "" {
			q.Del(name)
		} else {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return a.Path
	}
	return a.Path + "?" + q.Encode()
}

// htmxConfig keeps htmx to what the content security policy allows and to this origin, and
// keeps partners' pages out of the browser's storage. A form that comes back with faults is shown.
const htmxConfig = `{"allowEval":false,"allowScriptTags":false,"includeIndicatorStyles":false,"selfRequestsOnly":true,` +
	`"historyCacheSize":0,"refreshOnHistoryMiss":true,"scrollBehavior":"auto",` +
	`"responseHandling":[{"code":"204","swap":false},{"code":"[23]..","swap":true},{"code":"422","swap":true},{"code":"[45]..","swap":false,"error":true}]}`

// inPlace makes a link replace only the list it stands in.
func inPlace(href string) templ.Attributes {
	return templ.Attributes{"hx-get": href, "hx-target": "#results", "hx-select": "#results", "hx-swap": "outerHTML", "hx-push-url": "true"}
}

func iconPath(i Icon) string {
	return assets.Path("icons.svg") + "#" + strings.ReplaceAll(string(i), "/", "-")
}

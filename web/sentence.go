package web

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/a-h/templ"
)

// A Way is where a link within a [Sentence] leads.
type Way struct {
	Href     string
	ID       string
	Class    string
	Download bool
}

// placeOf is the rune that stands in a sentence for its value i until it is written. It is of those that no language has.
func placeOf(i int) rune { return 0xE000 + rune(i) }

// Sentence says a text as [T] does that has more than words in it, so that each language puts all of it where it belongs: a value that is a
// component, like [Moment], stands as that where its %s is, and what is in [brackets] leads where the next Way among the values says.
// Values are never read as anything but text.
func Sentence(text Words, values ...any) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		var ways []Way
		var said []any
		pieces := map[rune]templ.Component{}
		for _, v := range values {
			switch v := v.(type) {
			case Way:
				ways = append(ways, v)
			case templ.Component:
				pieces[placeOf(len(said))] = v
				said = append(said, string(placeOf(len(said))))
			case string:
				pieces[placeOf(len(said))] = plainText(v)
				said = append(said, string(placeOf(len(said))))
			case Words:
				pieces[placeOf(len(said))] = plainText(T(ctx, v))
				said = append(said, string(placeOf(len(said))))
			default: // numbers and days, which decide about their sentence
				said = append(said, v)
			}
		}
		inside := false
		for rest := T(ctx, text, said...); rest != ""; {
			at := strings.IndexFunc(rest, func(r rune) bool { return r == '[' || r == ']' || pieces[r] != nil })
			if at < 0 {
				return plainText(rest).Render(ctx, w)
			}
			if err := plainText(rest[:at]).Render(ctx, w); err != nil {
				return err
			}
			r := []rune(rest[at:])[0]
			rest = rest[at+len(string(r)):]
			part := pieces[r]
			switch {
			case part != nil:
			case r == '[' && len(ways) > 0:
				part, ways, inside = opening(ways[0]), slices.Delete(ways, 0, 1), true
			case r == ']' && inside:
				part, inside = templ.Raw("</a>"), false
			default:
				part = plainText(string(r))
			}
			if err := part.Render(ctx, w); err != nil {
				return err
			}
		}
		return nil
	})
}

// plainText is text and nothing else, whatever stands in it.
func plainText(s string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, templ.EscapeString(s))
		return err
	})
}

// opening begins a link.
func opening(way Way) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		tag := `<a href="` + templ.EscapeString(string(templ.URL(way.Href))) + `"`
		if way.ID != "" {
			tag += ` id="` + templ.EscapeString(way.ID) + `"`
		}
		if way.Class != "" {
			tag += ` class="` + templ.EscapeString(way.Class) + `"`
		}
		if way.Download {
			tag += " download"
		}
		_, err := io.WriteString(w, tag+">")
		return err
	})
}

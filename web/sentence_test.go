package web

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"extranet/web/words"
)

// A sentence keeps its markup to itself: what a value holds is text, and each language puts the pieces where it wants them.
func TestSentence(t *testing.T) {
	german := In(context.Background(), words.For("de", "", ""))
	for _, c := range []struct {
		ctx    context.Context
		text   Words
		values []any
		want   string
	}{
		{german, "The host has it as [%s]: its state and payment are told there.", []any{Way{Href: "/billing/4711"}, "4711"},
			`Beim Hersteller wird sie als <a href="/billing/4711">4711</a> geführt: Status und Zahlung werden dort angezeigt.`},
		{context.Background(), "The host has it as [%s]: its state and payment are told there.", []any{Way{Href: "javascript:alert(1)"}, `<b>[x]</b>` + string(placeOf(0))},
			`The host has it as <a href="about:invalid#TemplFailedSanitizationURL">&lt;b&gt;[x]&lt;/b&gt;` + string(placeOf(0)) + `</a>: its state and payment are told there.`},
		{german, "by %s, %s", []any{"]<i>", code("a&b")}, `von ]&lt;i&gt;, <code>a&amp;b</code>`},
		{german, "Take the form away as [XLSX] or [CSV], fill it in and send it back. Every line is accounted for.", []any{Way{Href: "/a", ID: "x", Class: "num"}, Way{Href: "/b", Download: true}},
			`Laden Sie das Formular als <a href="/a" id="x" class="num">XLSX</a> oder <a href="/b" download>CSV</a> herunter, füllen Sie es aus und senden Sie es zurück. Zu jeder Zeile wird gesagt, was aus ihr wurde.`},
	} {
		var b strings.Builder
		if err := Sentence(c.text, c.values...).Render(c.ctx, &b); err != nil {
			t.Fatal(err)
		}
		if b.String() != c.want {
			t.Errorf("%s\n%s, want\n%s", c.text, b.String(), c.want)
		}
	}
	// Every language leads to as many places as the English does.
	bracket := regexp.MustCompile(`(%)?\[[^\[\]]+\]`)
	links := func(text string) (n int) {
		for _, found := range bracket.FindAllStringSubmatch(text, -1) {
			if found[1] == "" {
				n++
			}
		}
		return n
	}
	for _, code := range words.Codes {
		for key, text := range words.Texts(code) {
			if links(key) != links(text.Other) {
				t.Errorf("%s.json: %q leads to %d places, its key %q to %d", code, text.Other, links(text.Other), key, links(key))
			}
		}
	}
}

// What stands where a sentence has %v is a word of the portal's own, and is heard; a name is not.
func TestHeard(t *testing.T) {
	german := words.For("de", "", "")
	for said, want := range map[string]string{
		"Cause is missing":                                     "Ursache fehlt",
		"Photos at least: from 0 to 20":                        german.Text("Photos at least") + ": von 0 bis 20",
		"submitted 2 days after delivery date; 30 are allowed": "2 Tage nach " + german.Heard("delivery date") + " eingereicht; erlaubt sind 30",
		"given by Open":                                        "vergeben von Open",
	} {
		if got := german.Heard(said); got != want {
			t.Errorf("%q is heard as %q, want %q", said, got, want)
		}
	}
	if got := upperFirst("état"); got != "État" {
		t.Errorf("upperFirst says %q", got)
	}
}

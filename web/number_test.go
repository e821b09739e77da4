package web

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"extranet/portal"
	"extranet/portal/partners"
	"extranet/web/words"
)

// TestTypedNumbers: whatever number stands in a field of somebody who writes a decimal comma comes back as it was; so does one that
// they write with thousands apart, in every way their language has; and what could be two numbers is none.
func TestTypedNumbers(t *testing.T) {
	german := In(t.Context(), words.For("de", "", ""))
	rapid.Check(t, func(t *rapid.T) {
		n := decimal.New(rapid.Int64Range(-1e12, 1e12).Draw(t, "digits"), -rapid.Int32Range(0, 6).Draw(t, "places"))
		read := func(typed string) string {
			form := url.Values{commaFields: {"price"}, "price": {typed}, "note": {typed}}
			takeNumbers(form)
			if form.Get("note") != typed || form.Has(commaFields) {
				t.Fatalf("%v", form)
			}
			return form.Get("price")
		}
		if got := read(typedNumber(german, n.String())); got != n.String() {
			t.Fatalf("%s comes back as %s", n, got)
		}
		for _, accept := range []string{"de", "fr", "es", "de-AT", "es-ES"} {
			l := words.For("", accept, "")
			for _, group := range []string{l.Group, "\u202f", "."} {
				typed := strings.ReplaceAll(grouped(In(german, l), n, 0), l.Group, group)
				got := read(typed)
				if twoNumbers.MatchString(typed) {
					if got != typed+doubt || doubtful(german, got) == "" {
						t.Fatalf("%s is read as %s", typed, got)
					}
				} else if d, err := decimal.NewFromString(got); err != nil || !d.Equal(n) {
					t.Fatalf("%s: %s is read as %s", l.Tag, typed, got)
				}
			}
		}
	})
	for typed, want := range map[string]string{"1.234": "1.234?", "0.125": "0.125", "12.50": "12.50", "1234.567": "1234.567", "1,234": "1.234", "1.234.567": "1234567", "1’234,5": "1234.5", "1,234.50": "1,234.50", " 2 000 ": "2000", "abc": "abc", "": ""} {
		if got := readComma(typed); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
	if got := typedNumber(t.Context(), "1.5"); got != "1.5" {
		t.Errorf("in English %q", got)
	}
}

// TestSpeaker: mail is said in the language that somebody chose, with its days, counts and states, and what people wrote stays.
func TestSpeaker(t *testing.T) {
	if !strings.EqualFold(strings.Join(words.Codes, " "), strings.Join(partners.Languages, " ")) {
		t.Errorf("people choose from %v, the pages speak %v", partners.Languages, words.Codes)
	}
	say := Speaker("fr")
	for language, want := range map[string]string{
		"de": "2 Produkte, die Sie beobachten, haben sich geändert; ist am 2. März 2026 fällig; abgelehnt; “refused”",
		"":   "2 produits que vous suivez ont changé; est attendue le 2 mars 2026; refusée; “refused”",
		"en": "2 products you watch have changed; is due on 2 Mar 2026; refused; “refused”",
	} {
		if got := say(language, mailed(t)); got != want {
			t.Errorf("%s: %s\nwant %s", language, got, want)
		}
	}
}

// mailed is a saying as a mail keeps it until it is sent.
func mailed(t *testing.T) (s portal.Saying) {
	b, err := json.Marshal(portal.Say("%s; %s; %s; “%s”", portal.Say("%d products you watch have changed", 2), portal.Say("is due on %s", portal.Date("2026-03-02")), portal.Say("refused"), portal.Quote("refused")))
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

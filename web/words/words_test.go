package words

import (
	"testing"
	"time"
)

func TestFor(t *testing.T) {
	for _, c := range []struct{ choice, accept, fallback, want string }{
		{"", "", "", "en"}, {"", "de-DE,de;q=0.9,en;q=0.8", "", "de"}, {"", "fr-CA", "", "fr-CA"}, {"", "pl", "es", "es"}, {"", "br", "", "en"},
		{"es", "de-AT,de", "fr", "es"}, {"de", "en-US, de-CH;q=0.5", "", "de-CH"}, {"xx", "fr", "", "fr"}, {"", "%%%", "de", "de"}, {"", "es-AR", "", "es-AR"},
	} {
		if got := For(c.choice, c.accept, c.fallback); got.Tag.String() != c.want {
			t.Errorf("%q, %q, %q: %s, want %s", c.choice, c.accept, c.fallback, got.Tag, c.want)
		}
	}
}

func TestLocales(t *testing.T) {
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct{ code, day, number string }{
		{"en", "2 Mar 2026", "1,234"}, {"de", "2. März 2026", "1.234"}, {"fr", "2 mars 2026", "1\u00a0234"}, {"es", "2 mar 2026", "1.234"}, {"de-CH", "2. März 2026", "1’234"},
	} {
		l := For("", c.code, "")
		if got := l.Day(day); got != c.day {
			t.Errorf("%s: %q, want %q", c.code, got, c.day)
		}
		if got := l.Textf("%d", 1234); got != c.number {
			t.Errorf("%s: %q, want %q", c.code, got, c.number)
		}
	}
	for n, want := range map[int]string{0: "0 orders", 1: "1 order", 2: "2 orders", 1200: "1,200 orders"} {
		if got := English().Textf("%d orders", n); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestVerbs(t *testing.T) {
	for text, want := range map[string]string{"": "", "100 %": "", "%s of %d": "%s%d", "%[2]d of %[1]s": "%s%d", "%5.1f %% %q": "%f%q"} {
		got := ""
		for _, v := range Verbs(text) {
			got += v
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func BenchmarkText(b *testing.B) {
	l := For("", "de", "")
	b.ReportAllocs()
	for b.Loop() {
		_ = l.Text("Orders")
	}
}

// TestHeard finds the values again in what was said in English, and leaves alone what no text says.
func TestHeard(t *testing.T) {
	l := For("de", "", "")
	for said, want := range map[string]string{
		`"x y" is not a status; choose from open, closed`:  `"x y" ist kein Status; wählen Sie aus open, closed`,
		"Line 3, Tyre 205/55: line 1,200: nothing":         "Position 3, Tyre 205/55: Position 1.200: nothing",
		"Line 3, Tyre: the price was 1265.50 and is 66.00": "Position 3, Tyre: der Preis war 1.265,50 und ist 66,00",
		"refused": "abgelehnt", "Tyre 205/55": "Tyre 205/55", "": "",
	} {
		if got := l.Heard(said); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
	for said, want := range map[string]string{"refused": "refused", "Line 3, Tyre 4100254: the price was 1265.50 and is 66.00": "Line 3, Tyre 4100254: the price was 1,265.50 and is 66.00", "order 4100254": "order 4100254"} {
		if got := English().Heard(said); got != want {
			t.Errorf("%q in English: %q, want %q", said, got, want)
		}
	}
}

// Package words holds what the pages say in every language the portal speaks. The English text is its own key;
// de.json, fr.json and es.json give the others, and en.json the English plurals.
package words

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
	"golang.org/x/text/number"
)

//go:embed *.json
var files embed.FS

// Codes are the languages that the portal speaks, English first: the one that is spoken when no other fits.
var Codes = []string{"en", "de", "fr", "es"}

// Names are what the languages call themselves.
var Names = map[string]string{"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español"}

// A Text is what one language says for a key: one sentence, or one for each plural form of the number that decides.
type Text struct {
	One   string `json:"one"`
	Other string `json:"other"` // the only one when One is empty
	By    int    `json:"by"`    // which argument decides; 0 = the first that is written by %d
}

// UnmarshalJSON reads a plain string or {"one": …, "other": …}.
func (t *Text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &t.Other)
	}
	type plain Text
	return json.Unmarshal(b, (*plain)(t))
}

// A Locale is a language as the people of one region write it.
type Locale struct {
	Code    string // of the language, one of Codes
	Tag     language.Tag
	Decimal string // between the whole and its fraction
	Group   string // between thousands

	texts   map[string]string
	printer *message.Printer
	days    dayWords
}

// regions are the locales that numbers are written in: the languages, and those regions that write them otherwise.
var regions = []string{"en", "de", "fr", "es", "en-ZA", "en-CH", "de-AT", "de-CH", "de-LI", "fr-CH", "fr-CA", "es-ES", "es-MX", "es-US", "es-AR", "es-CL", "es-CO", "es-419"}

var (
	all     = map[string]map[string]Text{} // language: key: text
	locales []*Locale                      // as regions
	matcher language.Matcher
)

func init() {
	builder := catalog.NewBuilder(catalog.Fallback(language.English))
	plain := map[string]map[string]string{}
	for _, code := range Codes {
		b, err := files.ReadFile(code + ".json")
		if err != nil {
			panic("words: " + err.Error())
		}
		texts := map[string]Text{}
		if err := json.Unmarshal(b, &texts); err != nil {
			panic("words: " + code + ".json: " + err.Error())
		}
		all[code], plain[code] = texts, map[string]string{}
		tag := language.MustParse(code)
		for key, t := range texts {
			plain[code][key] = t.Other
			message := catalog.Message(catalog.String(t.Other))
			if t.One != "" {
				message = plural.Selectf(t.decides(key), "%d", plural.One, t.One, plural.Other, t.Other)
			}
			if err := builder.Set(tag, key, message); err != nil {
				panic(fmt.Sprintf("words: %s.json: %q: %v", code, key, err))
			}
		}
	}
	var tags []language.Tag
	for _, region := range regions {
		tag := language.MustParse(region)
		base, _ := tag.Base()
		l := &Locale{Code: base.String(), Tag: tag, texts: plain[base.String()], days: dayNames[base.String()], printer: message.NewPrinter(tag, message.Catalog(builder))}
		// What stands around the digits of 1,234.5 is what the locale writes there.
		written := strings.FieldsFunc(l.printer.Sprint(number.Decimal(1234.5)), func(r rune) bool { return r >= '0' && r <= '9' })
		l.Group, l.Decimal = written[0], written[1]
		locales, tags = append(locales, l), append(tags, tag)
	}
	matcher = language.NewMatcher(tags)
}

// decides is the argument that decides the plural form of key.
func (t Text) decides(key string) int {
	if t.By > 0 {
		return t.By
	}
	for i, verb := range Verbs(key) {
		if strings.HasSuffix(verb, "d") {
			return i + 1
		}
	}
	return 1
}

// English is the locale of those of whom nothing is known.
func English() *Locale { return locales[0] }

// Known reports whether the portal speaks the language.
func Known(code string) bool { return slices.Contains(Codes, code) }

// For is the locale of somebody who chose a language ("" = none), whose browser says accept (as Accept-Language), at a host
// that speaks fallback. A choice decides the language, and the browser how the region writes numbers.
func For(choice, accept, fallback string) *Locale {
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		wanted = nil
	}
	if Known(choice) {
		of := language.MustParse(choice)
		for _, tag := range wanted {
			if base, _ := tag.Base(); base.String() == choice {
				of = tag
				break
			}
		}
		_, i, _ := matcher.Match(of)
		return locales[i]
	}
	if len(wanted) > 0 {
		if _, i, confidence := matcher.Match(wanted...); confidence >= language.Low && spoken(wanted, locales[i].Code) {
			return locales[i]
		}
	}
	if i := slices.Index(Codes, fallback); i > 0 {
		return locales[i]
	}
	return English()
}

// spoken reports whether one of the tags is of the language: the matcher also answers for relatives of a language, and
// somebody who asks for Breton is better served by the host's own.
func spoken(wanted []language.Tag, code string) bool {
	return slices.ContainsFunc(wanted, func(t language.Tag) bool {
		base, _ := t.Base()
		return base.String() == code
	})
}

// Text is what the language says for key; the key itself when it knows none. It allocates nothing.
func (l *Locale) Text(key string) string {
	if text, ok := l.texts[key]; ok {
		return text
	}
	return key
}

// Heard is Text for what was said in English already with its values in it, as what lies in the database was: the values are found
// again by the text that has them. What is in lower case among them, as a state, is heard too, and what stands where the text has %v:
// a word of the portal's own, as the name of a field, or a number, which is written as the region does. Names are not.
func (l *Locale) Heard(english string) string {
	if text, ok := l.texts[english]; ok {
		return text
	}
	if english == "" || l.Code == "en" && !thousands.MatchString(english) { // in English nothing else is written otherwise
		return english
	}
	for _, p := range sentences() {
		if values := p.find(english); values != nil {
			for i, v := range values {
				word, ok := v.(string)
				if ok && p.verbs[i] == "%v" && plainNumber.MatchString(word) {
					values[i] = l.written(word)
				} else if ok && word != "" && (p.verbs[i] == "%v" || unicode.IsLower([]rune(word)[0])) {
					values[i] = l.Heard(word)
				}
			}
			return l.Textf(p.key, values...)
		}
	}
	if first, size := utf8.DecodeRuneInString(english); unicode.IsUpper(first) { // a word of the portal's own at the head of a sentence
		if text, ok := l.texts[string(unicode.ToLower(first))+english[size:]]; ok {
			first, size := utf8.DecodeRuneInString(text)
			return string(unicode.ToUpper(first)) + text[size:]
		}
	} else if text, ok := l.texts[string(unicode.ToUpper(first))+english[size:]]; ok && strings.Contains(english, " ") { // the name of a field within a sentence
		if first, size := utf8.DecodeRuneInString(text); l.Code != "de" {
			return string(unicode.ToLower(first)) + text[size:]
		}
		return text
	}
	return english
}

// thousands is a number that has more than its digits to it.
var thousands = regexp.MustCompile(`\d{4}`)

// plainNumber is a number as a sentence in English has it.
var plainNumber = regexp.MustCompile(`^-?\d+(\.\d+)?$`)

// written is a number as the region writes it, with the places that it has.
func (l *Locale) written(n string) string {
	whole, fraction, broken := strings.Cut(strings.TrimPrefix(n, "-"), ".")
	var b strings.Builder
	if n[0] == '-' {
		b.WriteByte('-')
	}
	for i, r := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(l.Group)
		}
		b.WriteRune(r)
	}
	if broken {
		b.WriteString(l.Decimal + fraction)
	}
	return b.String()
}

// A sentence is a text with values, to be found again in what was said.
type sentence struct {
	key     string
	before  string // what it begins with
	letters int    // of its own
	verbs   []string
	all     *regexp.Regexp
}

// sentences are those of the catalog, that which says most first.
var sentences = sync.OnceValue(func() (list []sentence) {
	for key := range all["de"] {
		verbs := Verbs(key)
		if len(verbs) == 0 || strings.Contains(key, "%[") {
			continue
		}
		s, expr, at := sentence{key: key, verbs: verbs}, "", 0
		for i, found := range verb.FindAllStringIndex(key, -1) {
			text, place := key[at:found[0]], key[found[0]:found[1]]
			if i == 0 {
				s.before = text
			}
			at = found[1]
			switch place[len(place)-1] {
			case '%':
				expr += regexp.QuoteMeta(text) + "%"
				continue
			case 'd':
				expr += regexp.QuoteMeta(text) + `(-?[\d,]+)`
			case 'q':
				expr += regexp.QuoteMeta(text) + `("(?:[^"\\]|\\.)*")`
			default:
				expr += regexp.QuoteMeta(text) + `(.*?)`
			}
			s.letters += letters(text)
		}
		s.letters += letters(key[at:])
		if s.letters >= 4 {
			s.all = regexp.MustCompile(`(?s)^` + expr + regexp.QuoteMeta(key[at:]) + `$`)
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b sentence) int { return cmp.Or(b.letters-a.letters, strings.Compare(a.key, b.key)) })
	return list
})

func letters(s string) (n int) {
	for _, r := range s {
		if unicode.IsLetter(r) {
			n++
		}
	}
	return n
}

// find returns the values of the sentence in what was said, nil where that is another.
func (s sentence) find(said string) (values []any) {
	if !strings.HasPrefix(said, s.before) {
		return nil
	}
	found := s.all.FindStringSubmatch(said)
	if found == nil {
		return nil
	}
	for i, text := range found[1:] {
		switch s.verbs[i] {
		case "%d":
			n, err := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
			if err != nil {
				return nil
			}
			values = append(values, n)
		case "%q":
			text, err := strconv.Unquote(text)
			if err != nil {
				return nil
			}
			values = append(values, text)
		case "%s", "%v":
			values = append(values, text)
		default: // a fraction in a form of its own
			return nil
		}
	}
	return values
}

// Textf is what the language says for key, with its plural form and with numbers as the region writes them.
func (l *Locale) Textf(key string, a ...any) string { return l.printer.Sprintf(key, a...) }

// verb is one place in a key where a value stands.
var verb = regexp.MustCompile(`%(?:\[(\d+)\])?[-+# 0]*\d*(?:\.\d+)?([a-zA-Z%])`)

// Verbs are the verbs of a text in the order of its arguments, "" for an argument that is not written.
func Verbs(text string) (verbs []string) {
	next := 0
	for _, found := range verb.FindAllStringSubmatch(text, -1) {
		if found[2] == "%" {
			continue
		}
		if found[1] != "" {
			fmt.Sscan(found[1], &next)
			next--
		}
		for len(verbs) <= next {
			verbs = append(verbs, "")
		}
		verbs[next] = "%" + found[2]
		next++
	}
	return verbs
}

// Texts are what the language says, by key.
func Texts(code string) map[string]Text { return all[code] }

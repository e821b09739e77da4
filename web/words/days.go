package words

import (
	"strconv"
	"time"
)

// dayWords are how a language writes days and times, after the Unicode CLDR's medium formats; a day that is no ordinal has
// no dot in them where the month is a word, but in German.
type dayWords struct {
	months [12]string // short
	dot    string     // after the day of the month
}

var dayNames = map[string]dayWords{
	"en": {months: [12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}},
	"de": {months: [12]string{"Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."}, dot: "."},
	"fr": {months: [12]string{"janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."}},
	"es": {months: [12]string{"ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"}},
}

// Day writes a day without room for confusion between month and day: "2 Jan 2026", "2. März 2026".
func (l *Locale) Day(t time.Time) string {
	return l.DayOfYear(t) + " " + strconv.Itoa(t.Year())
}

// DayOfYear writes a day of a year that is known.
func (l *Locale) DayOfYear(t time.Time) string {
	return strconv.Itoa(t.Day()) + l.days.dot + " " + l.days.months[t.Month()-1]
}

// Month writes the short name of t's month.
func (l *Locale) Month(t time.Time) string { return l.days.months[t.Month()-1] }

package web

import (
	"context"
	"net/url"
	"regexp"
	"strings"
)

// commaFields names, in a form, the fields whose numbers the person writes with a decimal comma; a name that ends in * is how
// several begin.
const commaFields = "decimal-comma"

// writesComma reports whether the person's region writes a comma before the fraction.
func writesComma(ctx context.Context) bool { return localeOf(ctx).Decimal == "," }

// typedNumber is a number as it stands in a field of the person's: what the portal has, with their comma. What was typed and
// is no number stays as it is.
func typedNumber(ctx context.Context, value string) string {
	if writesComma(ctx) && pointNumber.MatchString(value) {
		return strings.Replace(value, ".", ",", 1)
	}
	return strings.TrimSuffix(value, doubt)
}

// doubtful is what is wrong with a field of numbers that holds one that can be read in two ways; "" = nothing.
func doubtful(ctx context.Context, value string) Words {
	typed, ok := strings.CutSuffix(value, doubt)
	if !ok {
		return ""
	}
	return Said(ctx, "%q could be two numbers; write %s or %s", typed, strings.ReplaceAll(typed, ".", ""), strings.Replace(typed, ".", ",", 1))
}

// doubt stands after what could be two numbers, so that nothing takes it for one.
const doubt = "?"

var (
	pointNumber = regexp.MustCompile(`^-?\d+\.\d+$`)
	twoNumbers  = regexp.MustCompile(`^[+-]?[1-9]\d{0,2}\.\d{3}$`)
	byPoints    = regexp.MustCompile(`^[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?$`)
	bySpaces    = regexp.MustCompile(`^[+-]?[1-9]\d{0,2}([ \x{a0}\x{202f}'’]\d{3})+(,\d+)?$`)
	byComma     = regexp.MustCompile(`^[+-]?\d*,\d+$`)
)

// readComma reads a number as people of a decimal comma write it, and returns it as every door takes it: 1.234,50 and
// 1 234,50 are 1234.50. A point alone before three digits, as in 1.234, could end the thousands or the whole: it comes back with a
// mark that makes it none. All else, 12.50 too, is as it was typed.
func readComma(typed string) string {
	s := strings.ReplaceAll(strings.TrimSpace(typed), "−", "-")
	switch {
	case twoNumbers.MatchString(s):
		return s + doubt
	case byPoints.MatchString(s), bySpaces.MatchString(s), byComma.MatchString(s):
		s = strings.Map(func(r rune) rune {
			if strings.ContainsRune(". \u00a0\u202f'’", r) {
				return -1
			}
			return r
		}, s)
		return strings.Replace(s, ",", ".", 1)
	}
	return typed
}

// takeNumbers brings the numbers of a posted form into the form that is taken: those of the fields that it says are written with a comma.
func takeNumbers(form url.Values) {
	names := form[commaFields]
	delete(form, commaFields)
	for _, name := range names {
		if begin, several := strings.CutSuffix(name, "*"); several {
			for field, values := range form {
				if strings.HasPrefix(field, begin) {
					readAll(values)
				}
			}
			continue
		}
		readAll(form[name])
	}
}

func readAll(values []string) {
	for i, v := range values {
		if len(v) <= 40 {
			values[i] = readComma(v)
		}
	}
}

package web

import (
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"golang.org/x/text/currency"
)

const nbsp = "\u00a0"

// Amount writes money exactly: at least the digits its currency has, more if the amount
// has more, thousands apart: "1,234,567.80 EUR". An unknown currency is written as it is.
func Amount(d decimal.Decimal, code string) string {
	digits := int32(2)
	if unit, err := currency.ParseISO(code); err == nil {
		scale, _ := currency.Standard.Rounding(unit)
		digits = int32(scale)
	}
	return strings.TrimSuffix(grouped(d, digits)+nbsp+code, nbsp)
}

// Quantity writes a quantity exactly, with its unit: "12,000 pcs", "0.125 t".
func Quantity(d decimal.Decimal, unit string) string {
	return strings.TrimSuffix(grouped(d, 0)+nbsp+unit, nbsp)
}

// Count writes a whole number with its thousands apart.
func Count(n int) string { return grouped(decimal.NewFromInt(int64(n)), 0) }

func grouped(d decimal.Decimal, digits int32) string {
	s := d.String()
	if -d.Exponent() < digits {
		s = d.StringFixed(digits)
	}
	sign := ""
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		sign, s = "-", rest
	}
	whole, fraction, _ := strings.Cut(s, ".")
	fraction = strings.TrimRight(fraction, "0")
	for int32(len(fraction)) < digits {
		fraction += "0"
	}
	var b strings.Builder
	b.WriteString(sign)
	for i, r := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(r)
	}
	if fraction != "" {
		b.WriteString("." + fraction)
	}
	return b.String()
}

// DayText writes a day without room for confusion between month and day.
func DayText(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.Format("2 Jan 2006")
}

// TimeText writes a moment in UTC.
func TimeText(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2 Jan 2006, 15:04 UTC")
}

// Ago writes how long ago t is, in the largest unit that says enough.
func Ago(now, t time.Time) string {
	d := now.Sub(t)
	switch {
	case d < time.Second:
		return "just now"
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + nbsp + "s ago"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + nbsp + "min ago"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + nbsp + "h ago"
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + nbsp + "days ago"
}

// clockText writes the time of day in UTC, with the day when it is not today's.
func clockText(now, t time.Time) string {
	now, t = now.UTC(), t.UTC()
	switch {
	case now.Year() == t.Year() && now.YearDay() == t.YearDay():
		return t.Format("15:04:05 UTC")
	case now.Year() == t.Year():
		return t.Format("2 Jan, 15:04:05 UTC")
	}
	return t.Format("2 Jan 2006, 15:04:05 UTC")
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

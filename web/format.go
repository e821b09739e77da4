package web

import (
	"context"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"golang.org/x/text/currency"
)

const nbsp = "\u00a0"

// Amount writes money exactly: at least the digits its currency has, more if the amount
// has more, thousands apart: "1,234,567.80 EUR". An unknown currency is written as it is.
func Amount(ctx context.Context, d decimal.Decimal, code string) string {
	return strings.TrimSuffix(grouped(ctx, d, currencyDigits(code))+nbsp+code, nbsp)
}

// currencyDigits is how many digits behind the point a currency is paid in.
func currencyDigits(code string) int32 {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return 2
	}
	scale, _ := currency.Standard.Rounding(unit)
	return int32(scale)
}

// Quantity writes a quantity exactly, with its unit: "12,000 pcs", "0.125 t".
func Quantity(ctx context.Context, d decimal.Decimal, unit string) string {
	return strings.TrimSuffix(grouped(ctx, d, 0)+nbsp+unit, nbsp)
}

// Count writes a whole number with its thousands apart.
func Count(ctx context.Context, n int) string { return grouped(ctx, decimal.NewFromInt(int64(n)), 0) }

// grouped writes d exactly, as the person's region writes numbers.
func grouped(ctx context.Context, d decimal.Decimal, digits int32) string {
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
	l := localeOf(ctx)
	var b strings.Builder
	b.WriteString(sign)
	for i, r := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(l.Group)
		}
		b.WriteRune(r)
	}
	if fraction != "" {
		b.WriteString(l.Decimal + fraction)
	}
	return b.String()
}

// DayText writes a day without room for confusion between month and day.
func DayText(ctx context.Context, t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return localeOf(ctx).Day(t)
}

// TimeText writes a moment in UTC.
func TimeText(ctx context.Context, t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	t = t.UTC()
	return localeOf(ctx).Day(t) + ", " + t.Format("15:04 UTC")
}

// Ago writes how long ago t is, in the largest unit that says enough.
func Ago(ctx context.Context, now, t time.Time) string {
	d := now.Sub(t)
	switch {
	case d < time.Second:
		return T(ctx, "just now")
	case d < time.Minute:
		return T(ctx, "%d\u00a0s ago", int(d/time.Second))
	case d < time.Hour:
		return T(ctx, "%d\u00a0min ago", int(d/time.Minute))
	case d < 48*time.Hour:
		return T(ctx, "%d\u00a0h ago", int(d/time.Hour))
	}
	return T(ctx, "%d\u00a0days ago", int(d/(24*time.Hour)))
}

// clockText writes the time of day in UTC, with the day when it is not today's.
func clockText(ctx context.Context, now, t time.Time) string {
	now, t = now.UTC(), t.UTC()
	clock := t.Format("15:04:05 UTC")
	switch {
	case now.Year() == t.Year() && now.YearDay() == t.YearDay():
		return clock
	case now.Year() == t.Year():
		return localeOf(ctx).DayOfYear(t) + ", " + clock
	}
	return localeOf(ctx).Day(t) + ", " + clock
}

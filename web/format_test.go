package web

import (
	"net/url"
	"testing"
	"time"

	"github.com/shopspring/decimal"
)

func TestAmount(t *testing.T) {
	for _, c := range []struct{ amount, currency, want string }{
		{"0", "EUR", "0.00 EUR"}, {"5", "EUR", "5.00 EUR"}, {"1234567.8", "EUR", "1,234,567.80 EUR"}, {"-1234.5", "USD", "-1,234.50 USD"},
		{"153.604", "EUR", "153.604 EUR"}, {"153.6000", "EUR", "153.60 EUR"}, {"1500", "JPY", "1,500 JPY"}, {"1.5", "KWD", "1.500 KWD"},
		{"123", "XXQ", "123.00 XXQ"}, {"999999999999999999999.01", "EUR", "999,999,999,999,999,999,999.01 EUR"}, {"-100", "JPY", "-100 JPY"}, {"12", "", "12.00"},
	} {
		if got := Amount(t.Context(), decimal.RequireFromString(c.amount), c.currency); got != spaced(c.want) {
			t.Errorf("%s %s: %q, want %q", c.amount, c.currency, got, c.want)
		}
	}
}

func TestQuantity(t *testing.T) {
	for _, c := range []struct{ amount, unit, want string }{
		{"12000", "pcs", "12,000 pcs"}, {"0.125", "t", "0.125 t"}, {"1.2E+4", "pcs", "12,000 pcs"}, {"3.10", "", "3.1"}, {"-0.5", "m", "-0.5 m"}, {"100", "m", "100 m"},
	} {
		if got := Quantity(t.Context(), decimal.RequireFromString(c.amount), c.unit); got != spaced(c.want) {
			t.Errorf("%s: %q, want %q", c.amount, got, c.want)
		}
	}
}

func spaced(s string) string {
	b := []rune(s)
	for i, r := range b {
		if r == ' ' {
			b[i] = '\u00a0'
		}
	}
	return string(b)
}

func TestAgo(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 10, 0, 0, time.UTC)
	for back, want := range map[time.Duration]string{
		-time.Minute: "just now", 0: "just now", 59 * time.Second: "59 s ago", 90 * time.Second: "1 min ago", 26 * time.Hour: "26 h ago", 72 * time.Hour: "3 days ago",
	} {
		if got := Ago(t.Context(), now, now.Add(-back)); got != want && got != replaceSpace(want) {
			t.Errorf("%s: %q", back, got)
		}
	}
	for back, want := range map[time.Duration]string{
		time.Minute: "00:09:00 UTC", time.Hour: "31 Dec 2025, 23:10:00 UTC",
	} {
		if got := clockText(t.Context(), now, now.Add(-back).In(time.FixedZone("", 3600))); got != want {
			t.Errorf("%s: %q", back, got)
		}
	}
}

func replaceSpace(s string) string { // the first one only
	for i, r := range s {
		if r == ' ' {
			return s[:i] + "\u00a0" + s[i+1:]
		}
	}
	return s
}

func TestAddress(t *testing.T) {
	a := Address{Path: "/orders", Query: url.Values{"state": {"open"}, "cursor": {"45"}, "sort": {"number"}}}
	for _, c := range []struct {
		set  []string
		want string
	}{
		{nil, "/orders?sort=number&state=open"}, {[]string{"sort", "-number"}, "/orders?sort=-number&state=open"},
		{[]string{"state", "", "sort", ""}, "/orders"}, {[]string{"cursor", "46"}, "/orders?cursor=46&sort=number&state=open"},
	} {
		if got := a.With(c.set...); got != c.want {
			t.Errorf("%v: %s, want %s", c.set, got, c.want)
		}
	}
	if a.Query.Get("cursor") != "45" {
		t.Error("With changed its address")
	}
	if got := (Address{Path: "/orders"}).With("sort", "number"); got != "/orders?sort=number" {
		t.Error(got)
	}
}

func TestBars(t *testing.T) {
	of := func(amounts ...int64) (parts []Part) {
		for _, a := range amounts {
			parts = append(parts, Part{Amount: decimal.NewFromInt(a)})
		}
		return parts
	}
	if got := bars(of(0, -4, 0)); len(got) != 0 {
		t.Error(got)
	}
	got := bars(of(1, 0, 2))
	if len(got) != 2 || got[0].X != "0" || got[0].Width != "33.333" || got[1].X != "33.333" || got[1].Width != "66.667" {
		t.Error(got)
	}
}

func TestParseTheme(t *testing.T) {
	for in, want := range map[string]Theme{"light": ThemeLight, "dark": ThemeDark, "auto": ThemeAuto, "": ThemeAuto, `"><script>`: ThemeAuto} {
		if got := ParseTheme(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

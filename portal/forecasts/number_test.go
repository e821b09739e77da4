package forecasts

import (
	"testing"

	"pgregory.net/rapid"

	"extranet/portal"
)

// TestNumber holds the short way of reckoning to the long one.
func TestNumber(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		amounts := rapid.OneOf(rapid.StringMatching(`-?[0-9]{1,7}(\.[0-9]{1,4})?`), rapid.StringMatching(`-?[0-9]{1,24}(\.[0-9]{1,9})?`), rapid.SampledFrom([]string{"0", "0.05", "-0.5", "10.50", "1.0005", "999999999999999", "0.00000000000001"}))
		a, b := portal.Amount(amounts.Draw(t, "a")), portal.Amount(amounts.Draw(t, "b"))
		x, y := numberOf(a), numberOf(b)
		for what, pair := range map[string][2]string{
			"itself":     {string(x.write(nil)), a.Number().String()},
			"sum":        {string(x.plus(y).write(nil)), a.Number().Add(b.Number()).String()},
			"difference": {string(x.minus(y).write(nil)), a.Number().Sub(b.Number()).String()},
		} {
			if pair[0] != pair[1] {
				t.Fatalf("%s of %s and %s is %s, want %s", what, a, b, pair[0], pair[1])
			}
		}
		if x.isZero() != a.Number().IsZero() {
			t.Fatalf("%s is zero: %v", a, x.isZero())
		}
		if !y.isZero() {
			if got, want := string(x.share(y).write(nil)), a.Number().Shift(2).DivRound(b.Number(), 1).String(); got != want {
				t.Fatalf("%s in per cent of %s is %s, want %s", a, b, got, want)
			}
		}
		sum := numberOf(a)
		for range 20 {
			sum = sum.plus(sum)
		}
		if got, want := string(sum.write(nil)), a.Number().Shift(0).Mul(portal.Amount("1048576").Number()).String(); got != want {
			t.Fatalf("%s a million times is %s, want %s", a, got, want)
		}
	})
}

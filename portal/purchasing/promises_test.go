package purchasing

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"extranet/portal"
)

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

// parts draws some that make up at most the quantity.
func parts(t *rapid.T, most int64, name string) (list []Part) {
	for i := range rapid.IntRange(0, 4).Draw(t, name+" parts") {
		if most == 0 {
			return list
		}
		q := rapid.Int64Range(1, most).Draw(t, fmt.Sprint(name, i))
		most -= q
		list = append(list, Part{portal.Date(fmt.Sprintf("2026-03-%02d", rapid.IntRange(1, 28).Draw(t, "day"))), portal.Amount(decimal.New(q, -1).String())})
	}
	return list
}

// TestStanding_addsUp: whatever is answered in whatever order, and whatever the host makes of the quantity in between,
// quantity = promised + refused + open after an answer, and nothing is negative.
func TestStanding_addsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s Standing
		for range rapid.IntRange(1, 6).Draw(t, "answers") {
			tenths := rapid.Int64Range(1, 1000).Draw(t, "quantity")
			quantity := decimal.New(tenths, -1)
			asked := []Part{{"2026-03-10", portal.Amount(quantity.String())}}
			a := LineAnswer{Verdict: rapid.SampledFrom(Verdicts).Draw(t, "verdict")}
			if a.Verdict == Change {
				a.Parts, a.RefuseRest = parts(t, tenths, "offered"), rapid.Bool().Draw(t, "rest")
			}
			before := s
			s = s.after(a, quantity, asked)
			if a.Verdict == Question {
				if d := cmp.Diff(before, s); d != "" {
					t.Fatalf("a question changes what stands: %s", d)
				}
				continue
			}
			promised, open := total(s.Promised), s.Open(quantity)
			if !promised.Add(s.Refused).Add(open).Equal(quantity) || open.IsNegative() || s.Refused.IsNegative() {
				t.Fatalf("%s asked: %v promised + %s refused + %s open, after %+v on %+v", quantity, s.Promised, s.Refused, open, a, before)
			}
			// What the answer does not speak of keeps its promise, as far as there is room for it.
			if a.Verdict == Change && !a.RefuseRest {
				room := quantity.Sub(total(a.Parts))
				if kept := promised.Sub(total(a.Parts)); !kept.Equal(decimal.Min(room, total(before.Promised))) {
					t.Fatalf("%s kept of %v with room for %s", kept, before.Promised, room)
				}
			}
			for i, p := range s.Promised {
				if !p.Quantity.Number().IsPositive() || i > 0 && s.Promised[i-1].On >= p.On {
					t.Fatalf("promises are not in order: %v", s.Promised)
				}
			}
		}
	})
}

func TestStanding_keepsTheRest(t *testing.T) {
	s := Standing{Promised: []Part{{"2026-03-05", "60"}, {"2026-03-12", "40"}}}
	got := s.after(LineAnswer{Verdict: Change, Parts: []Part{{"2026-03-03", "50"}}}, dec("100"), []Part{{"2026-03-03", "100"}})
	if d := cmp.Diff([]Part{{"2026-03-03", "50"}, {"2026-03-05", "10"}, {"2026-03-12", "40"}}, got.Promised); d != "" {
		t.Error(d)
	}
	got = s.after(LineAnswer{Verdict: Change, Parts: []Part{{"2026-03-03", "50"}}, RefuseRest: true}, dec("100"), nil)
	if d := cmp.Diff([]Part{{"2026-03-03", "50"}}, got.Promised); d != "" || !got.Refused.Equal(dec("50")) {
		t.Error(d, got.Refused)
	}
}

func TestConforms(t *testing.T) {
	asked := []Part{{"2026-03-05", "60"}, {"2026-03-12", "40"}}
	for _, c := range []struct {
		a    LineAnswer
		want bool
	}{
		{LineAnswer{Verdict: Accept}, true},
		{LineAnswer{Verdict: Change, Parts: []Part{{"2026-03-05", "20"}}}, true}, // a part, as asked
		{LineAnswer{Verdict: Change, Parts: []Part{{"2026-03-05", "70"}}}, false},
		{LineAnswer{Verdict: Change, Parts: []Part{{"2026-03-05", "40"}, {"2026-03-05", "30"}}}, false},
		{LineAnswer{Verdict: Change, Parts: []Part{{"2026-03-06", "20"}}}, false},
		{LineAnswer{Verdict: Change, Parts: []Part{{"2026-03-05", "20"}}, RefuseRest: true}, false},
		{LineAnswer{Verdict: Change, Parts: asked, Substitute: "T9"}, false},
		{LineAnswer{Verdict: Refuse, Reason: "capacity"}, false},
		{LineAnswer{Verdict: Question, Price: "3"}, false},
	} {
		if got := c.a.conforms(asked); got != c.want {
			t.Errorf("%+v: %t", c.a, got)
		}
	}
}

func TestDifferences(t *testing.T) {
	was := Terms{Terms: "30 days", Lines: []LineTerms{{Line: 10, Quantity: "100", Price: "2", Asked: []Part{{"2026-03-05", "100"}}}, {Line: 20, Description: "Tube", Quantity: "5"}}}
	became := Terms{Terms: "60 days", Lines: []LineTerms{{Line: 10, Quantity: "120", Price: "2", Asked: []Part{{"2026-03-05", "60"}, {"2026-03-12", "60"}}}, {Line: 30, Description: "Valve"}}}
	want := []Difference{{0, "terms", "30 days", "60 days"}, {10, "quantity", "100", "120"}, {10, "asked", "100 on 2026-03-05", "60 on 2026-03-05, 60 on 2026-03-12"},
		{30, "line", "", "Valve"}, {20, "line", "Tube", ""}}
	if d := cmp.Diff(want, differences(was, became)); d != "" {
		t.Error(d)
	}
	if all := differences(was, was); len(all) != 0 {
		t.Error(all)
	}
}

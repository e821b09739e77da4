package purchasing

import (
	"cmp"
	"slices"

	"github.com/shopspring/decimal"

	"extranet/portal"
)

// A Part is how much of a line on which day: asked for, offered or promised.
type Part struct {
	On       portal.Date   `json:"on" format:"date" doc:"The day it is to arrive"`
	Quantity portal.Amount `json:"quantity" doc:"Exact decimal, in the line's unit"`
}

// total adds the parts up.
func total(parts []Part) (sum decimal.Decimal) {
	for _, p := range parts {
		sum = sum.Add(p.Quantity.Number())
	}
	return sum
}

// inOrder sorts parts by day, those of one day made one, and without those of nothing.
func inOrder(parts []Part) (out []Part) {
	parts = slices.Clone(parts)
	slices.SortStableFunc(parts, func(a, b Part) int { return cmp.Compare(a.On, b.On) })
	for _, p := range parts {
		switch n := len(out); {
		case p.Quantity.Number().IsZero():
		case n > 0 && out[n-1].On == p.On:
			out[n-1].Quantity = amount(out[n-1].Quantity.Number().Add(p.Quantity.Number()))
		default:
			out = append(out, Part{p.On, amount(p.Quantity.Number())})
		}
	}
	return out
}

func amount(d decimal.Decimal) portal.Amount { return portal.Amount(d.String()) }

// A Standing is what a supplier has promised of a line, and what it will not deliver.
type Standing struct {
	Promised []Part
	Refused  decimal.Decimal
}

// Open is what of the quantity is neither promised nor refused; negative where more is promised than is asked for now.
func (s Standing) Open(quantity decimal.Decimal) decimal.Decimal {
	return quantity.Sub(total(s.Promised)).Sub(s.Refused)
}

// after is what stands once the answer holds, for a line that asks for the quantity in these parts. What the answer does not speak
// of keeps its promise: the answer's parts take the place of the earliest that were promised. Afterwards
// quantity = promised + refused + open, with nothing negative.
func (s Standing) after(a LineAnswer, quantity decimal.Decimal, asked []Part) Standing {
	switch a.Verdict {
	case Accept:
		return Standing{Promised: inOrder(asked)}
	case Refuse:
		return Standing{Refused: quantity}
	case Change:
		rest := quantity.Sub(total(a.Parts))
		if a.RefuseRest {
			return Standing{Promised: inOrder(a.Parts), Refused: rest}
		}
		kept := latest(s.Promised, rest)
		return Standing{Promised: inOrder(append(kept, a.Parts...)), Refused: decimal.Min(s.Refused, rest.Sub(total(kept)))}
	}
	return s
}

// latest are the last of the parts that make up at most the quantity.
func latest(parts []Part, quantity decimal.Decimal) (kept []Part) {
	for _, p := range slices.Backward(inOrder(parts)) {
		take := decimal.Min(p.Quantity.Number(), quantity)
		if take.IsPositive() {
			kept = append(kept, Part{p.On, amount(take)})
			quantity = quantity.Sub(take)
		}
	}
	slices.Reverse(kept)
	return kept
}

// conforms reports whether the answer offers nothing that was not asked for: it holds without the host's decision.
func (a LineAnswer) conforms(asked []Part) bool {
	if a.Verdict == Accept {
		return true
	}
	if a.Verdict != Change || a.RefuseRest || a.Substitute != "" {
		return false
	}
	want := map[portal.Date]decimal.Decimal{}
	for _, p := range asked {
		want[p.On] = want[p.On].Add(p.Quantity.Number())
	}
	for _, p := range inOrder(a.Parts) {
		if p.Quantity.Number().GreaterThan(want[p.On]) {
			return false
		}
	}
	return true
}

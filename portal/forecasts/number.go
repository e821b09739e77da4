package forecasts

import (
	"math"
	"strconv"

	"github.com/shopspring/decimal"

	"extranet/portal"
)

// A number is an exact decimal: n with so many places, or far where that is too narrow. A grid has hundreds of thousands; almost all are short.
type number struct {
	n      int64
	places int
	far    *decimal.Decimal
}

// mostDigits is how many digits of an amount n holds; sums and differences of such never overflow.
const mostDigits = 15

func numberOf(a portal.Amount) number {
	var n int64
	s, negative, point := string(a), false, -1
	if s != "" && s[0] == '-' {
		negative, s = true, s[1:]
	}
	if len(s) > mostDigits+1 {
		return farNumber(a.Number())
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			n = n*10 + int64(c-'0')
		case c == '.' && point < 0:
			point = i
		default:
			return farNumber(a.Number())
		}
	}
	x := number{n: n}
	if negative {
		x.n = -n
	}
	if point >= 0 {
		x.places = len(s) - point - 1
	}
	return x
}

func farNumber(d decimal.Decimal) number { return number{far: &d} }

func (x number) decimal() decimal.Decimal {
	if x.far != nil {
		return *x.far
	}
	return decimal.New(x.n, int32(-x.places))
}

var tens = func() (t [mostDigits + 1]int64) {
	t[0] = 1
	for i := 1; i < len(t); i++ {
		t[i] = 10 * t[i-1]
	}
	return t
}()

// level brings both to the same places, where both stay within an int64.
func level(x, y number) (a, b int64, places int, ok bool) {
	if x.far != nil || y.far != nil {
		return 0, 0, 0, false
	}
	a, b, places = x.n, y.n, max(x.places, y.places)
	const most = math.MaxInt64 / 4
	if up := tens[places-x.places]; a > most/up || a < -most/up {
		return 0, 0, 0, false
	} else {
		a *= up
	}
	if up := tens[places-y.places]; b > most/up || b < -most/up {
		return 0, 0, 0, false
	} else {
		b *= up
	}
	return a, b, places, true
}

func (x number) plus(y number) number {
	if a, b, places, ok := level(x, y); ok {
		return number{n: a + b, places: places}
	}
	return farNumber(x.decimal().Add(y.decimal()))
}

func (x number) minus(y number) number {
	if a, b, places, ok := level(x, y); ok {
		return number{n: a - b, places: places}
	}
	return farNumber(x.decimal().Sub(y.decimal()))
}

func (x number) isZero() bool {
	if x.far != nil {
		return x.far.IsZero()
	}
	return x.n == 0
}

// share is x in per cent of whole, which is not 0, to one place.
func (x number) share(whole number) number {
	a, b, _, ok := level(x, whole)
	if !ok || a > math.MaxInt64/2000 || a < math.MinInt64/2000 {
		return farNumber(x.decimal().Shift(2).DivRound(whole.decimal(), 1))
	}
	a *= 1000
	q, r := a/b, a%b
	if 2*max(r, -r) >= max(b, -b) { // half goes away from 0
		if (a < 0) == (b < 0) {
			q++
		} else {
			q--
		}
	}
	return number{n: q, places: 1}
}

// write adds the number to text, without noughts at its end.
func (x number) write(text []byte) []byte {
	if x.far != nil {
		return append(text, x.far.String()...)
	}
	n, places := x.n, x.places
	for places > 0 && n%10 == 0 {
		n, places = n/10, places-1
	}
	if n < 0 {
		text, n = append(text, '-'), -n
	}
	if places == 0 {
		return strconv.AppendInt(text, n, 10)
	}
	text = append(strconv.AppendInt(text, n/tens[places], 10), '.')
	part := n % tens[places]
	for up := tens[places] / 10; up > part && up > 1; up /= 10 {
		text = append(text, '0')
	}
	return strconv.AppendInt(text, part, 10)
}

// A tally writes the amounts of an item one after the other into one piece of memory.
type tally struct {
	text []byte
	put  []struct {
		to   *portal.Amount
		till int
	}
}

func (t *tally) add(to *portal.Amount, x number) {
	t.text = x.write(t.text)
	t.put = append(t.put, struct {
		to   *portal.Amount
		till int
	}{to, len(t.text)})
}

// done gives every amount its text.
func (t *tally) done() {
	s, from := portal.Amount(t.text), 0
	for _, p := range t.put {
		*p.to, from = s[from:p.till], p.till
	}
	t.text, t.put = t.text[:0], t.put[:0]
}

package billing

import (
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

// TestMatch_addsUp: what is payable and what differs are the line, whatever was ordered, received and invoiced before; nothing is paid that was not
// received, nothing twice, and nothing above the order's price.
func TestMatch_addsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string, least int64) decimal.Decimal {
			return decimal.New(rapid.Int64Range(least, 5000).Draw(t, name), -2)
		}
		f := Facts{Ordered: draw("ordered", 1), Price: draw("order price", 0), Received: draw("received", 0), Before: draw("before", 0)}
		quantity, price := draw("quantity", 1), draw("price", 0)
		m := Match(f, quantity, price)
		sum := m.Payable.Number()
		for _, d := range m.Differences {
			if !d.Amount.Number().IsPositive() || !d.Quantity.Number().IsPositive() {
				t.Fatalf("a difference of nothing: %+v", m)
			}
			sum = sum.Add(d.Amount.Number())
		}
		if !sum.Equal(quantity.Mul(price)) {
			t.Fatalf("%s × %s = %s, matched as %+v", quantity, price, quantity.Mul(price), m)
		}
		if room := decimal.Max(f.Received.Sub(f.Before), decimal.Zero); m.Payable.Number().GreaterThan(room.Mul(f.Price)) {
			t.Fatalf("payable beyond receipts or the order's price: %+v of %+v", m, f)
		}
		if clean := len(m.Differences) == 0; clean != m.Payable.Number().Equal(quantity.Mul(price)) {
			t.Fatalf("differences do not tell: %+v", m)
		}
	})
}

func TestMatch_reasons(t *testing.T) {
	n := decimal.NewFromInt
	f := Facts{Ordered: n(100), Price: n(4), Received: n(60), Before: n(20)}
	for _, c := range []struct {
		quantity, price, payable int64
		reasons                  []string
	}{
		{40, 4, 160, nil}, {40, 3, 120, nil}, {50, 4, 160, []string{NotReceived}}, {90, 4, 160, []string{NotReceived, BeyondOrder}}, {40, 5, 160, []string{PriceAbove}},
	} {
		m := Match(f, n(c.quantity), n(c.price))
		ok := m.Payable.Number().Equal(n(c.payable)) && len(m.Differences) == len(c.reasons)
		for i := range c.reasons {
			ok = ok && m.Differences[i].Reason == c.reasons[i]
		}
		if !ok {
			t.Errorf("%d at %d: %+v", c.quantity, c.price, m)
		}
	}
}

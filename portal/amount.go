package portal

import (
	"database/sql/driver"
	"fmt"

	"github.com/shopspring/decimal"
)

// An Amount is an exact decimal as the database wrote it, with its places: "10.50". It is carried as
// text, for most are only shown; reckon with [Amount.Number]. "" is none.
type Amount string

// Number is a to reckon with; zero for none.
func (a Amount) Number() decimal.Decimal {
	n, _ := decimal.NewFromString(string(a))
	return n
}

// Money is an amount with its currency, as a sentence names it: pages and mail write it as the person's region does.
type Money struct {
	Amount   Amount
	Currency string
}

func (m Money) String() string { return string(m.Amount) + " " + m.Currency }

// Scan reads a numeric column.
func (a *Amount) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*a = ""
	case []byte:
		*a = Amount(v)
	case string:
		*a = Amount(v)
	default:
		return fmt.Errorf("portal: cannot scan %T into an Amount", v)
	}
	return nil
}

// Value writes a numeric column.
func (a Amount) Value() (driver.Value, error) {
	if a == "" {
		return nil, nil
	}
	return string(a), nil
}

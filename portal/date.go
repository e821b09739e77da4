package portal

import (
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/lib/pq"
)

// A Date is a day without a time or a zone, written 2006-01-02. The zero Date is no day: null.
type Date struct{ time.Time }

// ParseDate reads 2006-01-02; "" is no day.
func ParseDate(s string) (Date, error) {
	if s == "" {
		return Date{}, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, Errorf(Invalid, "%q is not a day; write it like 2026-03-31", s)
	}
	return Date{t}, nil
}

func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return d.Format(time.DateOnly)
}

// Scan reads a date column.
func (d *Date) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		d.Time = time.Time{}
	case time.Time:
		d.Time = v
	default:
		return fmt.Errorf("portal: cannot scan %T into a Date", v)
	}
	return nil
}

// Value writes a date column.
func (d Date) Value() (driver.Value, error) {
	if d.IsZero() {
		return nil, nil
	}
	return d.Format(time.DateOnly), nil
}

// MarshalJSON writes "2006-01-02" or null.
func (d Date) MarshalJSON() ([]byte, error) {
	if d.IsZero() {
		return []byte("null"), nil
	}
	return d.AppendFormat(nil, `"2006-01-02"`), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (d *Date) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		d.Time = time.Time{}
		return nil
	}
	t, err := time.Parse(`"2006-01-02"`, string(b))
	d.Time = t
	return err
}

// Limit is the caller's site limit as a query's argument: NULL when there is none.
func Limit(sites []string) any {
	if sites == nil {
		return nil
	}
	return pq.StringArray(sites)
}

package portal

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lib/pq"
)

// A Date is a day without a time or a zone, written 2006-01-02; "" is no day, null in JSON and SQL.
type Date string

// ParseDate reads 2006-01-02; "" is no day. Anything else is Invalid.
func ParseDate(s string) (Date, error) {
	if s == "" {
		return "", nil
	}
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return "", Errorf(Invalid, "%q is not a day; write it like 2026-03-31", s)
	}
	return Date(s), nil
}

// DateOf returns the day of t in UTC.
func DateOf(t time.Time) Date { return Date(t.UTC().Format(time.DateOnly)) }

// Time returns midnight UTC of the day, or the zero time.
func (d Date) Time() time.Time {
	t, _ := time.Parse(time.DateOnly, string(d))
	return t
}

// Scan reads a date column, as a day or as its text.
func (d *Date) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*d = ""
	case string:
		*d = Date(v)
	case []byte:
		*d = Date(v)
	case time.Time:
		*d = Date(v.Format(time.DateOnly))
	default:
		return fmt.Errorf("portal: cannot scan %T into a Date", v)
	}
	return nil
}

// Value writes a date column.
func (d Date) Value() (driver.Value, error) {
	if d == "" {
		return nil, nil
	}
	return string(d), nil
}

// MarshalJSON writes "2006-01-02" or null.
func (d Date) MarshalJSON() ([]byte, error) {
	if d == "" {
		return []byte("null"), nil
	}
	if len(d) == len(time.DateOnly) && !strings.ContainsFunc(string(d), func(r rune) bool { return r != '-' && (r < '0' || r > '9') }) {
		return []byte(`"` + string(d) + `"`), nil
	}
	return json.Marshal(string(d))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (d *Date) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil || s == nil {
		*d = ""
		return err
	}
	var err error
	*d, err = ParseDate(*s)
	return err
}

// Limit is the caller's site limit as a query's argument: NULL when there is none.
func Limit(sites []string) any {
	if sites == nil {
		return nil
	}
	return pq.StringArray(sites)
}

// Readable reports whether s can be the number of something: text, at most 200 bytes of it, without a zero byte.
func Readable(s string) bool {
	return len(s) <= 200 && utf8.ValidString(s) && !strings.ContainsRune(s, 0)
}

// A Period is whole days, both of them in it.
type Period struct {
	From, To Date
}

// Complete fills in the last days days up to today where nothing is said, and returns what cannot be meant, by field.
func (p *Period) Complete(today Date, days int) (bad map[string]string) {
	bad = map[string]string{}
	for field, d := range map[string]Date{"from": p.From, "to": p.To} {
		if _, err := ParseDate(string(d)); err != nil {
			bad[field] = "must be a day, like 2026-03-31"
		}
	}
	if len(bad) == 0 {
		if p.To == "" {
			p.To = today
		}
		if p.From == "" {
			p.From = DateOf(p.To.Time().AddDate(0, 0, 1-days))
		}
		if p.From > p.To {
			bad["from"] = "must not be after the last day"
		} else if p.To.Time().Sub(p.From.Time()).Hours() > 24*366*3 {
			bad["from"] = "must lie within three years of the last day"
		}
	}
	return bad
}

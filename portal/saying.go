package portal

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// A Saying is a sentence before it is said: its English with verbs as fmt has them, %v for a number that is no count, and the values. Pages and mail say
// it in the person's language; everything else says English.
type Saying struct {
	Format string
	Values []any // in what is kept: string, int, Amount, Money, Date, time.Time or further Sayings
}

// Say is a sentence of the portal's own with values in it.
func Say(format string, values ...any) Saying { return Saying{format, values} }

// Quote is what somebody wrote: no language says it otherwise.
func Quote(text string) Saying { return Say("%s", text) }

// Lines are sayings below each other.
func Lines(list ...Saying) Saying {
	all := make([]any, len(list))
	for i, s := range list {
		all[i] = s
	}
	return Saying{strings.TrimSuffix(strings.Repeat("%s\n", len(list)), "\n"), all}
}

// Listed are sayings with commas between them.
func Listed(list ...Saying) Saying {
	s := Lines(list...)
	s.Format = strings.ReplaceAll(s.Format, "\n", ", ")
	return s
}

// String says it in English.
func (s Saying) String() string {
	if len(s.Values) == 0 {
		return s.Format
	}
	values := make([]any, len(s.Values))
	for i, v := range s.Values {
		if at, ok := v.(time.Time); ok {
			v = at.UTC().Format("2 January 2006, 15:04 UTC")
		}
		values[i] = v
	}
	return fmt.Sprintf(s.Format, values...)
}

// A kept value is one of a Saying's in JSON, by its kind.
type kept struct {
	Text   *string    `json:"text,omitempty"`
	Count  *int       `json:"count,omitempty"`
	Amount *Amount    `json:"amount,omitempty"`
	Money  *Money     `json:"money,omitempty"`
	Day    *Date      `json:"day,omitempty"`
	At     *time.Time `json:"at,omitempty"`
	Said   *Saying    `json:"said,omitempty"`
}

type keptSaying struct {
	Format string `json:"format"`
	Values []kept `json:"values,omitempty"`
}

// MarshalJSON keeps a saying with the kinds of its values.
func (s Saying) MarshalJSON() ([]byte, error) {
	k := keptSaying{Format: s.Format}
	for _, v := range s.Values {
		switch v := v.(type) {
		case string:
			k.Values = append(k.Values, kept{Text: &v})
		case int:
			k.Values = append(k.Values, kept{Count: &v})
		case Amount:
			k.Values = append(k.Values, kept{Amount: &v})
		case Money:
			k.Values = append(k.Values, kept{Money: &v})
		case Date:
			k.Values = append(k.Values, kept{Day: &v})
		case time.Time:
			k.Values = append(k.Values, kept{At: &v})
		case Saying:
			k.Values = append(k.Values, kept{Said: &v})
		default:
			text := fmt.Sprint(v)
			k.Values = append(k.Values, kept{Text: &text})
		}
	}
	return json.Marshal(k)
}

// UnmarshalJSON reads what MarshalJSON keeps.
func (s *Saying) UnmarshalJSON(b []byte) error {
	var k keptSaying
	if err := json.Unmarshal(b, &k); err != nil {
		return err
	}
	*s = Saying{Format: k.Format}
	for _, v := range k.Values {
		switch {
		case v.Text != nil:
			s.Values = append(s.Values, *v.Text)
		case v.Count != nil:
			s.Values = append(s.Values, *v.Count)
		case v.Amount != nil:
			s.Values = append(s.Values, *v.Amount)
		case v.Money != nil:
			s.Values = append(s.Values, *v.Money)
		case v.Day != nil:
			s.Values = append(s.Values, *v.Day)
		case v.At != nil:
			s.Values = append(s.Values, *v.At)
		case v.Said != nil:
			s.Values = append(s.Values, *v.Said)
		default:
			s.Values = append(s.Values, "")
		}
	}
	return nil
}

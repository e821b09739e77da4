package web

import (
	"cmp"
	"context"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/shopspring/decimal"
)

// A Tone says how good or bad something is. It is never said by colour alone.
type Tone string

const (
	Neutral Tone = "tone-neutral"
	Info    Tone = "tone-info"
	Good    Tone = "tone-good"
	Warn    Tone = "tone-warn"
	Bad     Tone = "tone-bad"
)

func (t Tone) icon() Icon {
	switch t {
	case Good:
		return IconOK
	case Warn:
		return IconWarning
	case Bad:
		return IconProblem
	}
	return IconInfo
}

// A Link is a place to go, by its words.
type Link struct {
	Label   Words
	Href    string
	Icon    Icon
	Current bool
}

// A Heading opens a page.
type Heading struct {
	Title Words
	Lead  Words  // one sentence on what the page is for
	Trail []Link // from the list down to here, the present page left out
	AsOf  *Freshness
	Badge templ.Component // the state of what is shown
}

// Freshness is how old a figure is. The zero value is a feed that the host does not offer.
type Freshness struct {
	AsOf        time.Time // the core system's state that is shown
	Stale       bool      // past the feed's limit
	BehindSince time.Time // when the feed began to fail; zero while it does not
	Offered     bool      // whether the host offers this at all
	Now         time.Time // left zero: the present
}

func (f Freshness) now() time.Time {
	if f.Now.IsZero() {
		return time.Now()
	}
	return f.Now
}

func (f Freshness) behindSince() time.Time {
	if f.BehindSince.IsZero() {
		return f.AsOf
	}
	return f.BehindSince
}

func (f Freshness) ageSeconds() string { return itoa(max(0, int(f.now().Sub(f.AsOf)/time.Second))) }

// A Grid is a table of data. On a phone its rows become cards, or, if it is Wide, it
// scrolls sideways within its own frame.
type Grid struct {
	ID      string
	Caption Words // what the table lists, for those who do not see it
	Columns []Column
	Address Address // for the sort links
	Sort    string  // the column sorted by; "-" in front: largest first
	Wide    bool
}

// A Column of a Grid. Key names it in the address when it can be sorted by.
type Column struct {
	Key     string
	Label   Words
	Numeric bool
	Sorts   bool
	Quiet   bool // its label is read out but not shown, as over buttons
}

func (g Grid) ariaSort(c Column) string {
	switch g.Sort {
	case c.Key:
		return "ascending"
	case "-" + c.Key:
		return "descending"
	}
	return "none"
}

func (g Grid) sortHref(c Column) string {
	if g.Sort == c.Key {
		return g.Address.With("sort", "-"+c.Key)
	}
	return g.Address.With("sort", c.Key)
}

func (g Grid) sortIcon(c Column) Icon {
	switch g.Sort {
	case c.Key:
		return IconAscending
	case "-" + c.Key:
		return IconDescending
	}
	return IconSort
}

func (g Grid) frameClass() string {
	if g.Wide {
		return "sheet sheet-wide"
	}
	return "sheet sheet-cards"
}

// A Filter is the form above a list. It asks by GET, so that its address can be kept and sent.
type Filter struct {
	Address Address
	Clear   string // the list without any filter
	Active  []Link // what is filtered by; each link takes its filter away

	More     templ.Component // fields that are needed less often; may be nil
	MoreOpen bool            // when one of them is in use
}

// SavedViews are views of a list: the person's own and those everyone has.
type SavedViews struct {
	Views    []Link
	SavePath string // where the present filter is posted, as "name" and "query"; empty: cannot be saved
	Query    string // the present filter and sort
	Exports  []Link // the list as a file
}

// A Pager moves through a list by key: there is no number of pages, and none is counted.
// An empty address is a way that is closed.
type Pager struct {
	First    string
	Previous string
	Next     string
	Shown    int    // on this page
	Noun     Words  // "%d orders"
	Posts    string // under this name each way is posted by the form that the list stands in: what was typed there is not left behind; "" = ways are links
}

// Empty is shown where there is nothing to show: why, and what to do.
type Empty struct {
	Icon  Icon
	Title Words
	Text  Words
}

// A Field of a form. Its id is its name.
type Field struct {
	Name         string
	Label        Words
	Value        string
	Hint         Words
	Error        Words
	Type         string // text when empty
	Autocomplete string
	InputMode    string
	Required     bool
	Disabled     bool
	Narrow       bool             // in a filter bar or beside others
	QuietLabel   bool             // the label is read out but not shown
	More         templ.Attributes // min, max, step, maxlength, pattern, placeholder …
}

func (f Field) describedBy() string {
	var ids []string
	if f.Error != "" {
		ids = append(ids, f.Name+"-error")
	}
	if f.Hint != "" {
		ids = append(ids, f.Name+"-hint")
	}
	return strings.Join(ids, " ")
}

func (f Field) attributes() templ.Attributes {
	a := templ.Attributes{}
	for k, v := range f.More {
		a[k] = v
	}
	if d := f.describedBy(); d != "" {
		a["aria-describedby"] = d
	}
	if f.Error != "" {
		a["aria-invalid"] = "true"
	}
	if f.Autocomplete != "" {
		a["autocomplete"] = f.Autocomplete
	}
	if f.InputMode != "" {
		a["inputmode"] = f.InputMode
	}
	a["required"] = f.Required
	a["disabled"] = f.Disabled
	return a
}

// theirs is the field as the person reads and writes: with its number, and what stands in it while it is empty.
func (f Field) theirs(ctx context.Context) Field {
	if said, ok := f.More["placeholder"].(Words); ok {
		f.More = maps.Clone(f.More)
		f.More["placeholder"] = T(ctx, said)
	}
	if f.InputMode == "decimal" {
		if wrong := doubtful(ctx, f.Value); wrong != "" {
			f.Error = wrong
		}
		f.Value = typedNumber(ctx, f.Value)
	}
	return f
}

func (f Field) inputType() string { return cmp.Or(f.Type, "text") }

// An Option of a Select or of Radios.
type Option struct {
	Value    string
	Label    Words
	Hint     Words // Radios only
	Disabled bool
}

// A Part of a quantity: shipped, backordered, cancelled …
type Part struct {
	Label  Words
	Amount decimal.Decimal
	Tone   Tone
	Text   string // how the amount is written; "" = as a quantity
}

func (p Part) text(ctx context.Context, unit string) string {
	return cmp.Or(p.Text, Quantity(ctx, p.Amount, unit))
}

type bar struct {
	X, Width string
	Tone     Tone
}

// bars lays the parts out over a width of 100.
func bars(parts []Part) (laid []bar) {
	total := decimal.Zero
	for _, p := range parts {
		if p.Amount.IsPositive() {
			total = total.Add(p.Amount)
		}
	}
	at := decimal.Zero
	for _, p := range parts {
		if !p.Amount.IsPositive() {
			continue
		}
		width := p.Amount.Shift(2).DivRound(total, 3)
		laid = append(laid, bar{at.String(), width.String(), p.Tone})
		at = at.Add(width)
	}
	return laid
}

func partsText(ctx context.Context, parts []Part, unit string) string {
	var said []string
	for _, p := range parts {
		said = append(said, T(ctx, p.Label)+" "+p.text(ctx, unit))
	}
	return strings.Join(said, ", ")
}

// An Event of a Timeline.
type Event struct {
	At      time.Time
	DayOnly bool // the time of day is not known
	Title   Words
	Words   templ.Component // instead of Title
	By      string          // who did it: a person, a company, a system
	Icon    Icon
	Tone    Tone
	Detail  templ.Component // may be nil
}

// A Question asks before something is done that cannot be undone, or not easily.
type Question struct {
	ID      string // unique on the page
	Button  Words  // "Withdraw"
	Icon    Icon
	Ask     Words  // "Withdraw claim C-1042?"
	Effect  Words  // what will happen, and who sees it
	Yes     Words  // "Yes, withdraw it"
	Action  string // where it is posted
	Tone    Tone   // Bad for what destroys
	Hidden  map[string]string
	Compact bool // as in a table row
}

func (q Question) buttonClass() string {
	class := "btn"
	if q.Compact {
		class += " btn-sm"
	}
	if q.Tone == Bad {
		class += " btn-warns"
	}
	return class
}

func (q Question) yesClass() string {
	if q.Tone == Bad {
		return "btn btn-danger"
	}
	return "btn btn-primary"
}

func flashRole(t Tone) string {
	if t == Bad {
		return "alert"
	}
	return "status"
}

func alertClass(t Tone) string { return "notice " + string(cmp.Or(t, Neutral)) }

func badgeClass(t Tone) string { return "badge " + string(cmp.Or(t, Neutral)) }

func toneClass(class string, t Tone) string { return class + " " + string(cmp.Or(t, Neutral)) }

func cellClass(c Column) string {
	if c.Numeric {
		return "num"
	}
	return ""
}

func itoa(n int) string { return strconv.Itoa(n) }

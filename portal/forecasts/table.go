package forecasts

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"extranet/portal"
	"extranet/portal/sheet"
)

// Rows of a table for each item. Only those that say what is committed are read back.
const (
	ForecastRow  = "Forecast"
	PreviousRow  = "Previous"
	CommittedRow = "Committed"
)

// TableHeader heads the columns before the buckets of a table that is taken away and sent back.
var TableHeader = []string{"Product", "Name", "Location", "Unit", "Version", "Row", "Reason", "Note"}

// A Written table is what one that was sent says: cells to commit to, and the rest accounted for.
type Written struct {
	Version string
	Cells   []Cell
	Empty   int       // cells without a quantity: nothing is committed there
	Other   int       // rows that say what was asked for
	Refused []Refused // cells that cannot be read
}

// ReadTable reads commitments out of a table, in either of two forms: a row for each item, with a column for each bucket headed by its first
// day, as the grid is taken away; or a row for each bucket, with the columns product, location, bucket and quantity. reason and note may follow in both.
// version is what is answered where the table does not say. A table that is neither is Invalid.
func ReadTable(t sheet.Table, version string) (w Written, err error) {
	w.Refused = []Refused{}
	product, location, row := t.Find("product", "item"), t.Find("location"), t.Find("row", "measure")
	reason, note, versions := t.Find("reason"), t.Find("note"), t.Find("version")
	bucket, quantity := t.Find("bucket", "starts on", "starts_on"), t.Find("quantity", "committed")
	if product < 0 || location < 0 {
		return w, &portal.Error{Kind: portal.Invalid, Msg: "this table cannot be read", Fields: map[string]string{"table": "its first row must name the columns product and location; take the forecast away as a file to see the form"}}
	}
	days := map[int]portal.Date{}
	if bucket < 0 || quantity < 0 {
		bucket = -1
		for i, head := range t.Header.Cells {
			if slices.Contains([]int{product, location, row, reason, note, versions}, i) || head == "" {
				continue
			}
			if d, err := t.Day(head); err == nil && d != "" {
				days[i] = d
			}
		}
		if len(days) == 0 {
			return w, &portal.Error{Kind: portal.Invalid, Msg: "this table cannot be read", Fields: map[string]string{"table": "it has neither columns that are headed by days like 2026-03-02, nor the columns bucket and quantity"}}
		}
	}
	at := func(r sheet.Row, column int) string {
		if column < 0 {
			return ""
		}
		return r.Cell(column)
	}
	take := func(r sheet.Row, column int, day string, text string) {
		c := Cell{Product: at(r, product), Location: at(r, location), Reason: code(at(r, reason)), Note: at(r, note), Place: fmt.Sprintf("%s%d", sheet.Column(column), r.Number)}
		starts, err := t.Day(day)
		if err != nil || starts == "" {
			w.Refused = append(w.Refused, Refused{Place: c.Place, Product: c.Product, Location: c.Location, Quantity: portal.Amount(text), Code: "no_bucket", Why: fmt.Sprintf("%q is not a day; write it like 2026-03-02", day)})
			return
		}
		c.StartsOn = starts
		number, err := t.Number(text)
		if err != nil {
			w.Refused = append(w.Refused, Refused{Place: c.Place, Product: c.Product, Location: c.Location, StartsOn: starts, Quantity: portal.Amount(text), Code: "quantity", Why: portal.Says(err).Msg})
			return
		}
		c.Quantity = amount(number)
		w.Cells = append(w.Cells, c)
	}
	for _, r := range t.Rows {
		if what := at(r, row); row >= 0 && !strings.EqualFold(what, CommittedRow) {
			w.Other++
			continue
		}
		if v := at(r, versions); v != "" {
			if w.Version != "" && w.Version != v {
				return w, &portal.Error{Kind: portal.Invalid, Msg: "this table answers several versions", Fields: map[string]string{"table": fmt.Sprintf("row %d answers %q, those before it %q; send one version at a time", r.Number, v, w.Version)}}
			}
			w.Version = v
		}
		if bucket >= 0 {
			if text := at(r, quantity); text == "" {
				w.Empty++
			} else {
				take(r, quantity, at(r, bucket), text)
			}
			continue
		}
		for i := range t.Header.Cells {
			day, known := days[i]
			if !known {
				continue
			}
			if text := at(r, i); text == "" {
				w.Empty++
			} else {
				take(r, i, string(day), text)
			}
		}
	}
	w.Version = cmp.Or(w.Version, version)
	return w, nil
}

// code is a reason as it is written, which may be in words.
func code(s string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(s)), " ", "_")
}

// WriteTable gives each row of the grid's items: what is asked for, what was, and what is committed, which may be changed and sent back.
func WriteTable(g Grid, header func([]string) error, row func(...any) error) error {
	days := map[portal.Date]bool{}
	for _, o := range g.Items {
		for _, s := range o.StartsOn {
			days[s] = true
		}
	}
	var starts []portal.Date
	for s := range days {
		starts = append(starts, s)
	}
	slices.Sort(starts)
	head := slices.Clone(TableHeader)
	for _, s := range starts {
		head = append(head, string(s))
	}
	if err := header(head); err != nil {
		return err
	}
	for _, o := range g.Items {
		for _, what := range []struct {
			name  string
			cells []portal.Amount
		}{{ForecastRow, o.Forecast}, {PreviousRow, o.Previous}, {CommittedRow, o.Committed}} {
			cells := []any{o.Product, o.Name, o.Location, o.Unit, g.Current().Version, what.name, "", ""}
			i := 0
			for _, s := range starts {
				i = seek(o.StartsOn, i, s)
				if i < len(o.StartsOn) && o.StartsOn[i] == s {
					cells = append(cells, what.cells[i])
				} else {
					cells = append(cells, nil)
				}
			}
			if err := row(cells...); err != nil {
				return err
			}
		}
	}
	return nil
}

// Account is the report on the cells, with those that could not be read.
func (w Written) Account(r Report) Report {
	r.Refused = append(slices.Clone(w.Refused), r.Refused...)
	return r
}

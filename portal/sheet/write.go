package sheet

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"extranet/portal"
)

// Kinds of files a table can be taken away as, each with its media type.
var Kinds = map[string]string{"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}

// A Writer writes one table. Cells are string, portal.Date, portal.Amount, int or nil; text never becomes a formula. Close ends the file.
type Writer interface {
	Row(cells ...any) error
	About(title string, facts [][2]string) error // a second sheet that says what the first one is; CSV has no room for it
	Close() error
}

// NewWriter begins a file of the kind, "csv" or "xlsx", with the header. title names the sheet.
func NewWriter(out io.Writer, kind, title string, header []string) (Writer, error) {
	if kind == "xlsx" {
		return newXLSX(out, title, header)
	}
	// Excel takes a CSV file for UTF-8 only when it begins with a byte order mark.
	if _, err := io.WriteString(out, "\uFEFF"); err != nil {
		return nil, err
	}
	w := &csvWriter{lines: csv.NewWriter(out)}
	w.lines.UseCRLF = true // RFC 4180
	return w, w.lines.Write(header)
}

type csvWriter struct {
	lines *csv.Writer
	line  []string
}

func (w *csvWriter) Row(cells ...any) error {
	w.line = w.line[:0]
	for _, cell := range cells {
		text := ""
		switch v := cell.(type) {
		case portal.Date:
			text = string(v)
		case portal.Amount:
			text = string(v)
		case int:
			text = strconv.Itoa(v)
		case string:
			text = Inert(v)
		}
		w.line = append(w.line, text)
	}
	return w.lines.Write(w.line)
}

func (w *csvWriter) About(string, [][2]string) error { return nil }

func (w *csvWriter) Close() error {
	w.lines.Flush()
	return w.lines.Error()
}

// rowsAtMost is how many rows a sheet of XLSX holds, its header not counted.
const rowsAtMost = 1_048_575

type xlsxWriter struct {
	out         io.Writer
	book        *excelize.File
	sheet       *excelize.StreamWriter
	day, amount int // styles
	rows        int
	line        []any
	flushed     bool
}

func newXLSX(out io.Writer, title string, header []string) (*xlsxWriter, error) {
	w := &xlsxWriter{out: out, book: excelize.NewFile()}
	if err := w.begin(title, header); err != nil {
		w.book.Close()
		return nil, err
	}
	return w, nil
}

func (w *xlsxWriter) begin(title string, header []string) (err error) {
	dayFormat, amountFormat := "yyyy-mm-dd", "#,##0.00##"
	if w.day, err = w.book.NewStyle(&excelize.Style{CustomNumFmt: &dayFormat}); err != nil {
		return err
	}
	if w.amount, err = w.book.NewStyle(&excelize.Style{CustomNumFmt: &amountFormat}); err != nil {
		return err
	}
	if err := w.book.SetSheetName("Sheet1", title); err != nil {
		return err
	}
	if w.sheet, err = w.book.NewStreamWriter(title); err != nil {
		return err
	}
	if err := w.sheet.SetColWidth(1, len(header), 16); err != nil {
		return err
	}
	if err := w.sheet.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	names := make([]any, len(header))
	for i, name := range header {
		names[i] = name
	}
	return w.sheet.SetRow("A1", names)
}

// Row keeps numbers numbers and days days.
func (w *xlsxWriter) Row(cells ...any) error {
	if w.rows++; w.rows > rowsAtMost {
		return portal.Errorf(portal.Invalid, "an XLSX sheet holds 1,048,575 rows at most; narrow the filter, or take the list as CSV")
	}
	w.line = w.line[:0]
	for _, cell := range cells {
		var shown any
		switch v := cell.(type) {
		case portal.Date:
			if t := v.Time(); !t.IsZero() {
				shown = excelize.Cell{StyleID: w.day, Value: t}
			}
		case portal.Amount:
			if v != "" {
				shown = excelize.Cell{StyleID: w.amount, Value: v.Number().InexactFloat64()}
			}
		case int:
			shown = v
		case string:
			if v != "" {
				shown = Inert(v)
			}
		}
		w.line = append(w.line, shown)
	}
	return w.sheet.SetRow("A"+strconv.Itoa(w.rows+1), w.line)
}

func (w *xlsxWriter) About(title string, facts [][2]string) error {
	if err := w.flush(); err != nil {
		return err
	}
	if _, err := w.book.NewSheet(title); err != nil {
		return err
	}
	for i, fact := range facts {
		if err := w.book.SetSheetRow(title, "A"+strconv.Itoa(i+1), &[]any{fact[0], Inert(fact[1])}); err != nil {
			return err
		}
	}
	return w.book.SetColWidth(title, "A", "B", 32)
}

func (w *xlsxWriter) flush() error {
	if w.flushed {
		return nil
	}
	w.flushed = true
	return w.sheet.Flush()
}

func (w *xlsxWriter) Close() error {
	defer w.book.Close()
	if err := w.flush(); err != nil {
		return err
	}
	return w.book.Write(w.out)
}

// Inert keeps a spreadsheet from taking text for a formula: an apostrophe goes before what would begin one. That is so
// at the beginning, and after what another country's spreadsheet takes for the end of a cell.
func Inert(text string) string {
	if !strings.ContainsAny(text, formulaStarts) {
		return text
	}
	var b strings.Builder
	before := rune(';')
	for _, r := range text {
		if strings.ContainsRune(cellEnds, before) && strings.ContainsRune(formulaStarts, r) {
			b.WriteByte('\'')
		}
		b.WriteRune(r)
		before = r
	}
	return b.String()
}

const (
	formulaStarts = "=+-@\t\r\n＝＋－＠"
	cellEnds      = ";,|\t\r\n\""
)

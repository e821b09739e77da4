// Package sheet reads the tables that partners send as CSV or XLSX, and writes those they take away. Every cell keeps its place, so that
// whatever is wrong with one can be told by row and column.
package sheet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"extranet/portal"
)

// Limits bound what is read. What is beyond them is Invalid, and costs no more than what is within.
type Limits struct {
	Bytes   int64 // of the file; 0 = 4 MiB
	Rows    int   // that are not empty, the header not counted; 0 = 10,000
	Columns int   // 0 = 60
	Cell    int   // bytes of one cell; 0 = 4,000
}

func (l Limits) filled() Limits {
	if l.Bytes == 0 {
		l.Bytes = 4 << 20
	}
	if l.Rows == 0 {
		l.Rows = 10_000
	}
	if l.Columns == 0 {
		l.Columns = 60
	}
	if l.Cell == 0 {
		l.Cell = 4_000
	}
	return l
}

// unzipped is how large an XLSX file may be inside.
const unzipped = 48 << 20

// A Table is what a file holds: its first row that is not empty as the header, and the others that are not empty.
type Table struct {
	Header Row
	Rows   []Row
	exact  bool // numbers are as the machine wrote them: a point, and nothing between thousands
}

// A Row of a table. Number is the spreadsheet's own, from 1; cells have no blanks around them.
type Row struct {
	Number int
	Cells  []string
}

// Cell returns the row's cell of the column, counted from 0; "" where it has none.
func (r Row) Cell(column int) string {
	if column < 0 || column >= len(r.Cells) {
		return ""
	}
	return r.Cells[column]
}

// Column names a column, counted from 0, as spreadsheets do: A, B, … AA.
func Column(column int) string {
	name, err := excelize.ColumnNumberToName(column + 1)
	if err != nil {
		return fmt.Sprint(column + 1)
	}
	return name
}

// Find returns the column that is headed by one of the names, however it is written; -1 for none.
func (t Table) Find(names ...string) int {
	return slices.IndexFunc(t.Header.Cells, func(cell string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return Bare(cell) == Bare(name) })
	})
}

// Bare is a heading without case and signs.
func Bare(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" _-.:*#/()", r) {
			return -1
		}
		return r
	}, strings.ToLower(s))
}

// Headed makes the table's header a row like the others, and names the columns in its place: for lists that come without one.
func (t Table) Headed(names ...string) Table {
	rows := make([]Row, 0, len(t.Rows)+1)
	if len(t.Header.Cells) > 0 {
		rows = append(rows, t.Header)
	}
	return Table{Header: Row{Cells: names}, Rows: append(rows, t.Rows...), exact: t.exact}
}

func refuse(format string, a ...any) error {
	return portal.Errorf(portal.Invalid, format, a...)
}

// Read reads a file that is CSV or XLSX, by what it holds and not by its name. CSV may be separated by commas, semicolons or tabs, and be
// UTF-8, UTF-16 or Windows' own; of XLSX the first sheet is read. What cannot be read is Invalid, with the place where that is known.
func Read(r io.Reader, l Limits) (t Table, err error) {
	l = l.filled()
	content, err := io.ReadAll(io.LimitReader(r, l.Bytes+1))
	if err != nil {
		return t, portal.Because(portal.Malformed, err, "the file did not arrive whole; send it again")
	}
	switch {
	case int64(len(content)) > l.Bytes:
		return t, refuse("the file is larger than %d KiB; send it in parts", l.Bytes>>10)
	case bytes.HasPrefix(content, []byte("PK\x03\x04")):
		return readXLSX(content, l)
	case bytes.HasPrefix(content, []byte("\xd0\xcf\x11\xe0")):
		return t, refuse("this is an Excel file of the old kind, or one with a password; save it as .xlsx without a password, or as CSV")
	}
	return readCSV(content, l)
}

// Text reads a table that was typed or pasted.
func Text(text string, l Limits) (Table, error) {
	return Read(strings.NewReader(text), l)
}

// a reader takes rows until a limit is reached.
type reader struct {
	l Limits
	t Table
}

func (r *reader) take(number int, cells []string) error {
	for i := range cells {
		cells[i] = strings.TrimFunc(cells[i], func(c rune) bool {
			return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0xA0 || c == 0x202F || c == 0xFEFF
		})
		if len(cells[i]) > r.l.Cell {
			return refuse("row %d, column %s: a cell holds %d characters at most", number, Column(i), r.l.Cell)
		}
		if strings.ContainsFunc(cells[i], func(c rune) bool { return c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0xFFFD }) {
			return refuse("row %d, column %s: this is not text", number, Column(i))
		}
	}
	for len(cells) > 0 && cells[len(cells)-1] == "" {
		cells = cells[:len(cells)-1]
	}
	switch {
	case len(cells) == 0:
	case len(cells) > r.l.Columns:
		return refuse("row %d has %d columns; %d are the most", number, len(cells), r.l.Columns)
	case r.t.Header.Cells == nil:
		r.t.Header = Row{number, cells}
	case len(r.t.Rows) == r.l.Rows:
		return refuse("there are more than %d rows; send them in parts", r.l.Rows)
	default:
		r.t.Rows = append(r.t.Rows, Row{number, cells})
	}
	return nil
}

func (r *reader) done() (Table, error) {
	if r.t.Header.Cells == nil {
		return Table{}, refuse("there is nothing in it")
	}
	return r.t, nil
}

// readXLSX reads the first sheet.
func readXLSX(content []byte, l Limits) (Table, error) {
	book, err := excelize.OpenReader(bytes.NewReader(content), excelize.Options{UnzipSizeLimit: unzipped, UnzipXMLSizeLimit: unzipped / 4})
	if err != nil {
		return Table{}, portal.Because(portal.Invalid, err, "this XLSX file cannot be read; open it in your spreadsheet program and save it again, or as CSV")
	}
	defer book.Close()
	names := book.GetSheetList()
	if len(names) == 0 {
		return Table{}, refuse("there is no sheet in it")
	}
	rows, err := book.Rows(names[0])
	if err != nil {
		return Table{}, portal.Because(portal.Invalid, err, "the sheet %.40q cannot be read", names[0])
	}
	defer rows.Close()
	r := reader{l: l, t: Table{exact: true}}
	for number := 1; rows.Next(); number++ {
		cells, err := rows.Columns(excelize.Options{RawCellValue: true})
		if err != nil {
			return Table{}, portal.Because(portal.Invalid, err, "row %d cannot be read", number)
		}
		if err := r.take(number, cells); err != nil {
			return Table{}, err
		}
	}
	if err := rows.Error(); err != nil {
		return Table{}, portal.Because(portal.Invalid, err, "this XLSX file is damaged")
	}
	return r.done()
}

func readCSV(content []byte, l Limits) (Table, error) {
	text, err := decode(content)
	if err != nil {
		return Table{}, err
	}
	comma := byte(0)
	if first, rest, ok := strings.Cut(text, "\n"); ok && strings.HasPrefix(first, "sep=") && len(strings.TrimSpace(first)) == len("sep=;") {
		comma, text = first[4], rest
	}
	if comma == 0 {
		comma = separator(text)
	}
	r := reader{l: l}
	for number := 1; text != ""; number++ {
		var cells []string
		if cells, text, err = record(text, comma, l.Columns); err != nil {
			return Table{}, refuse("row %d: %s", number, err)
		}
		if err := r.take(number, cells); err != nil {
			return Table{}, err
		}
	}
	return r.done()
}

// decode brings the bytes of a text file into UTF-8.
func decode(content []byte) (string, error) {
	if rest, ok := bytes.CutPrefix(content, []byte("\xEF\xBB\xBF")); ok {
		content = rest
	}
	for bom, little := range map[string]bool{"\xFF\xFE": true, "\xFE\xFF": false} {
		rest, ok := bytes.CutPrefix(content, []byte(bom))
		if !ok {
			continue
		}
		units := make([]uint16, len(rest)/2)
		for i := range units {
			a, b := uint16(rest[2*i]), uint16(rest[2*i+1])
			if little {
				a, b = b, a
			}
			units[i] = a<<8 | b
		}
		return string(utf16.Decode(units)), nil
	}
	if bytes.IndexByte(content, 0) >= 0 {
		return "", refuse("this is neither CSV nor XLSX")
	}
	if utf8.Valid(content) {
		return string(content), nil
	}
	var b strings.Builder // what Windows writes
	for _, c := range content {
		if c >= 0x80 && c < 0xA0 {
			b.WriteRune(windows1252[c-0x80])
		} else {
			b.WriteRune(rune(c))
		}
	}
	return b.String(), nil
}

var windows1252 = []rune("€\uFFFD‚ƒ„…†‡ˆ‰Š‹Œ\uFFFDŽ\uFFFD\uFFFD‘’“”•–—˜™š›œ\uFFFDžŸ")

// separator is what stands between cells: of tab, semicolon and comma the first that the first line holds outside of quotes.
func separator(text string) byte {
	var seen [256]bool
	quoted := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '"' {
			quoted = !quoted
		} else if !quoted && (c == '\n' || c == '\r') {
			if seen['\t'] || seen[';'] || seen[','] {
				break
			}
		} else if !quoted {
			seen[c] = true
		}
	}
	for _, c := range []byte("\t;,") {
		if seen[c] {
			return c
		}
	}
	return ','
}

// record cuts one row off the text. A cell in quotes may hold separators and line ends, and quotes twice.
func record(text string, comma byte, columns int) (cells []string, rest string, err error) {
	for {
		var cell string
		if len(cells) > columns+1000 {
			return nil, "", errors.New("there are too many columns")
		}
		if strings.HasPrefix(text, `"`) {
			var b strings.Builder
			text = text[1:]
			for {
				i := strings.IndexByte(text, '"')
				if i < 0 {
					return nil, "", fmt.Errorf("column %s: a quote is opened and never closed", Column(len(cells)))
				}
				b.WriteString(text[:i])
				text = text[i+1:]
				if !strings.HasPrefix(text, `"`) {
					break
				}
				b.WriteByte('"')
				text = text[1:]
			}
			cell = b.String()
			if text != "" && text[0] != comma && text[0] != '\n' && text[0] != '\r' {
				return nil, "", fmt.Errorf("column %s: something follows the closing quote", Column(len(cells)))
			}
		} else {
			i := strings.IndexAny(text, string(comma)+"\r\n")
			if i < 0 {
				i = len(text)
			}
			cell, text = text[:i], text[i:]
		}
		cells = append(cells, cell)
		if text != "" && text[0] == comma {
			text = text[1:]
			continue
		}
		text = strings.TrimPrefix(text, "\r")
		return cells, strings.TrimPrefix(text, "\n"), nil
	}
}

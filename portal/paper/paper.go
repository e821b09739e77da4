// Package paper makes PDF documents: letters with tables that run over pages, and labels. It knows nothing of what they say.
package paper

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
)

// A Doc is a document being written, from top to bottom.
type Doc struct {
	pdf   *fpdf.Fpdf
	width float64 // of the text, in mm
}

const (
	margin = 18.0 // mm
	line   = 4.6  // mm, of text of the ordinary size
	small  = 7.5
	normal = 9.0
	large  = 15.0
)

// A Head is what every page says.
type Head struct {
	Title    string    // what it is: "Invoice 92000017"
	Language string    // that it is in, "" = English
	From     string    // who issues it
	Footer   string    // said at the bottom of every page, beside the page's number
	At       time.Time // when it was made; the same content made at the same time is the same file
}

// A File is a document or a table that was made to be taken away. Whoever takes it closes its content.
type File struct {
	Name, Kind string
	Content    io.ReadCloser
}

// A4 opens a document of A4 pages, upright.
func A4(h Head) *Doc {
	d := open(h, fpdf.SizeType{Wd: 210, Ht: 297}, margin)
	d.pdf.SetFooterFunc(func() {
		d.pdf.SetY(-13)
		d.font("", small)
		d.pdf.SetTextColor(90, 98, 110)
		d.pdf.CellFormat(d.width*0.8, line, clean(h.Footer), "", 0, "L", false, 0, "")
		d.pdf.CellFormat(d.width*0.2, line, fmt.Sprintf("%d / {pages}", d.pdf.PageNo()), "", 0, "R", false, 0, "")
		d.pdf.SetTextColor(0, 0, 0)
	})
	d.pdf.AliasNbPages("{pages}")
	d.pdf.AddPage()
	d.font("", small)
	d.pdf.SetTextColor(90, 98, 110)
	d.pdf.CellFormat(d.width, line, clean(h.From), "", 1, "L", false, 0, "")
	d.pdf.SetTextColor(0, 0, 0)
	d.font("B", large)
	d.pdf.MultiCell(d.width, 7, clean(h.Title), "", "L", false)
	d.Gap(2)
	return d
}

// Label opens a document of pages of this size in mm, with a narrow margin and nothing on them.
func Label(h Head, width, height float64) *Doc {
	d := open(h, fpdf.SizeType{Wd: width, Ht: height}, 4)
	d.pdf.AddPage()
	return d
}

func open(h Head, size fpdf.SizeType, around float64) *Doc {
	pdf := fpdf.NewCustom(&fpdf.InitType{UnitStr: "mm", Size: size})
	pdf.AddUTF8FontFromBytes("go", "", goregular.TTF)
	pdf.AddUTF8FontFromBytes("go", "B", gobold.TTF)
	pdf.SetMargins(around, around, around)
	pdf.SetAutoPageBreak(true, around)
	pdf.SetCompression(true)
	pdf.SetCatalogSort(true)
	pdf.SetCreationDate(h.At.UTC())
	pdf.SetModificationDate(h.At.UTC())
	pdf.SetTitle(clean(h.Title), true)
	pdf.SetAuthor(clean(h.From), true)
	pdf.SetLang(cmp.Or(h.Language, "en"))
	d := &Doc{pdf: pdf, width: size.Wd - 2*around}
	d.font("", normal)
	return d
}

func (d *Doc) font(style string, size float64) { d.pdf.SetFont("go", style, size) }

// Page begins another page.
func (d *Doc) Page() { d.pdf.AddPage() }

// Gap leaves mm free.
func (d *Doc) Gap(mm float64) { d.pdf.Ln(mm) }

// Heading opens a part.
func (d *Doc) Heading(text string) {
	d.Gap(2)
	d.font("B", normal+1.5)
	d.pdf.MultiCell(d.width, line+1, clean(text), "", "L", false)
	d.Gap(1)
}

// Text is a paragraph; its line breaks are kept.
func (d *Doc) Text(text string) {
	d.font("", normal)
	d.pdf.MultiCell(d.width, line, clean(text), "", "L", false)
}

// Large is a line that is read from afar, as on a label.
func (d *Doc) Large(text string) {
	d.font("B", large)
	d.pdf.MultiCell(d.width, 7, clean(text), "", "L", false)
}

// Facts are names with their values, one a line; those without a value are left out.
func (d *Doc) Facts(facts ...[2]string) {
	for _, f := range facts {
		if f[1] == "" {
			continue
		}
		d.font("", normal)
		d.pdf.SetTextColor(90, 98, 110)
		d.pdf.CellFormat(min(42, d.width*0.35), line, clean(f[0]), "", 0, "L", false, 0, "")
		d.pdf.SetTextColor(0, 0, 0)
		d.pdf.MultiCell(0, line, clean(f[1]), "", "L", false)
	}
}

// A Column of a table. Widths are shares of the page.
type Column struct {
	Title string
	Width float64
	Right bool // as amounts are
}

// Table writes rows under columns; the head stands again on each page. rows gives its cells to add, one row at a time, and may
// stop with an error. A cell that is too long takes several lines.
func (d *Doc) Table(columns []Column, rows func(add func(cells ...string)) error) error {
	total := 0.0
	for _, c := range columns {
		total += c.Width
	}
	widths := make([]float64, len(columns))
	for i, c := range columns {
		widths[i] = d.width * c.Width / total
	}
	head := func() {
		d.font("B", small+0.5)
		d.pdf.SetFillColor(238, 241, 245)
		for i, c := range columns {
			d.pdf.CellFormat(widths[i], line+1.4, clean(c.Title), "", 0, align(c), true, 0, "")
		}
		d.pdf.Ln(line + 1.8)
		d.font("", small+0.5)
	}
	_, height := d.pdf.GetPageSize()
	head()
	err := rows(func(cells ...string) {
		lines, most := make([][]string, len(columns)), 1
		for i := range columns {
			if i < len(cells) {
				lines[i] = d.pdf.SplitText(clean(cells[i]), widths[i])
			}
			most = max(most, len(lines[i]))
		}
		most = min(most, 12) // no single row fills a page
		if d.pdf.GetY()+float64(most)*line > height-margin {
			d.pdf.AddPage()
			head()
		}
		x, y := d.pdf.GetX(), d.pdf.GetY()
		for i, c := range columns {
			for n, text := range lines[i][:min(most, len(lines[i]))] {
				d.pdf.SetXY(x, y+float64(n)*line)
				d.pdf.CellFormat(widths[i], line, text, "", 0, align(c), false, 0, "")
			}
			x += widths[i]
		}
		bottom := y + float64(most)*line + 0.5
		left, _, _, _ := d.pdf.GetMargins()
		d.pdf.SetDrawColor(214, 219, 226)
		d.pdf.Line(left, bottom, left+d.width, bottom)
		d.pdf.SetXY(left, bottom+0.5)
	})
	d.font("", normal)
	return err
}

func align(c Column) string {
	if c.Right {
		return "R"
	}
	return "L"
}

// Barcode draws data as Code 128, as high as said in mm and as wide as the page, with its text below; data is printable ASCII.
// With gs1 it is a GS1-128, whose data begins with an application identifier of two digits, which the text has in parentheses: "00" and 18 digits for a logistic unit.
func (d *Doc) Barcode(data string, gs1 bool, height float64) error {
	modules, err := code128(data, gs1)
	if err != nil {
		return err
	}
	const quiet = 10
	x, y := d.pdf.GetX(), d.pdf.GetY()
	module := d.width / float64(len(modules)+2*quiet)
	d.pdf.SetFillColor(0, 0, 0)
	for i := 0; i < len(modules); {
		n := 1
		for i+n < len(modules) && modules[i+n] == modules[i] {
			n++
		}
		if modules[i] {
			d.pdf.Rect(x+float64(quiet+i)*module, y, float64(n)*module, height, "F")
		}
		i += n
	}
	d.pdf.SetXY(x, y+height+1)
	d.font("", normal)
	if gs1 && len(data) > 2 {
		data = "(" + data[:2] + ") " + data[2:]
	}
	d.pdf.CellFormat(d.width, line, data, "", 1, "C", false, 0, "")
	return nil
}

// Write gives the document away and ends it.
func (d *Doc) Write(out io.Writer) error {
	var b bytes.Buffer
	if err := d.pdf.Output(&b); err != nil {
		return fmt.Errorf("writing a PDF: %w", err)
	}
	_, err := out.Write(b.Bytes())
	return err
}

// clean takes out what the fonts or the format cannot carry.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\u00a0':
			return ' '
		case r > 0xFFFF || r == 0xFFFD:
			return '?'
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, s)
}

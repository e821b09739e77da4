package web

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/xuri/excelize/v2"

	"extranet/portal"
	"extranet/portal/orders"
)

// A file is made whole on disk before the first byte leaves: what fails while it is made is an error page, never a
// file that looks complete, and a slow reader holds no connection of the database. Memory stays flat.
type file struct {
	name, kind string
	spool      *os.File // without a name: it goes when it is closed
}

// newFile returns the file that fill writes.
func newFile(name, kind string, fill func(io.Writer) error) (*file, error) {
	spool, err := os.CreateTemp("", "extranet-export-*")
	if err != nil {
		return nil, fmt.Errorf("making room for a file: %w", err)
	}
	if err := os.Remove(spool.Name()); err != nil {
		spool.Close()
		return nil, fmt.Errorf("making room for a file: %w", err)
	}
	if err := fill(spool); err != nil {
		spool.Close()
		return nil, err
	}
	return &file{name, kind, spool}, nil
}

// stalled is how long a reader may take for the next piece of a file.
const stalled = 60 * time.Second

// send gives the file away. Its length is said first, so that a part of it is never taken for all.
func (f *file) send(c *gin.Context) {
	defer f.spool.Close()
	size, err := f.spool.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = f.spool.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = c.Error(err)
		c.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	h := c.Writer.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Content-Disposition", `attachment; filename="`+f.name+`"`)
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	h.Set("Cache-Control", "private, no-store")
	c.Status(http.StatusOK)
	control := http.NewResponseController(c.Writer)
	_ = control.SetReadDeadline(time.Time{}) // a server's limit on reading would end the answer
	piece := make([]byte, 128<<10)
	for {
		n, err := f.spool.Read(piece)
		if n > 0 {
			_ = control.SetWriteDeadline(time.Now().Add(stalled)) // where it cannot be set, the server's own holds
			if _, err := c.Writer.Write(piece[:n]); err != nil {
				_ = c.Error(err)
				return
			}
		}
		if err == io.EOF {
			return
		} else if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// orderHeader names the columns of an exported list; orderCells are an order's, as text, day or amount.
var orderHeader = []string{"Order", "Your PO", "Site", "Site name", "Contact", "Status", "Ordered", "Requested", "Promised", "Net", "Tax", "Total", "Currency", "Continued by"}

func orderCells(o orders.Order, s sites) []any {
	return []any{o.Number, o.PONumber, o.Site, s[o.Site].Name, o.Contact, orderStatus(o.Status).text, o.OrderedOn, o.RequestedOn, o.PromisedOn, o.Net, o.Tax, o.Total, o.Currency, o.ContinuedBy}
}

func (w *Web) exportCSV(ctx context.Context, r request) (reply, error) {
	return w.export(ctx, r, "csv", "text/csv; charset=utf-8", func(out io.Writer, _ Freshness, _ orders.Filter, rows func(func([]any) error) error) error {
		// Excel takes a CSV file for UTF-8 only when it begins with a byte order mark.
		if _, err := io.WriteString(out, "\uFEFF"); err != nil {
			return err
		}
		lines := csv.NewWriter(out)
		lines.UseCRLF = true // RFC 4180
		if err := lines.Write(orderHeader); err != nil {
			return err
		}
		line := make([]string, len(orderHeader))
		err := rows(func(cells []any) error {
			for i, cell := range cells {
				switch v := cell.(type) {
				case portal.Date:
					line[i] = string(v)
				case portal.Amount:
					line[i] = string(v)
				case string:
					line[i] = inert(v)
				}
			}
			return lines.Write(line)
		})
		lines.Flush()
		if err != nil {
			return err
		}
		return lines.Error()
	})
}

// rowsAtMost is how many rows a sheet of XLSX holds, its header not counted.
const rowsAtMost = 1_048_575

func (w *Web) exportXLSX(ctx context.Context, r request) (reply, error) {
	return w.export(ctx, r, "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", func(out io.Writer, f Freshness, filter orders.Filter, rows func(func([]any) error) error) error {
		book := excelize.NewFile()
		defer book.Close()
		day, amount, err := sheetStyles(book)
		if err != nil {
			return err
		}
		if err := book.SetSheetName("Sheet1", "Orders"); err != nil {
			return err
		}
		sheet, err := book.NewStreamWriter("Orders")
		if err != nil {
			return err
		}
		if err := sheet.SetColWidth(1, len(orderHeader), 16); err != nil {
			return err
		}
		if err := sheet.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
			return err
		}
		line := make([]any, len(orderHeader))
		for i, name := range orderHeader {
			line[i] = name
		}
		if err := sheet.SetRow("A1", line); err != nil {
			return err
		}
		n := 0
		err = rows(func(cells []any) error {
			if n++; n > rowsAtMost {
				return portal.Errorf(portal.Invalid, "an XLSX sheet holds %s rows at most; narrow the filter, or take the list as CSV", Count(rowsAtMost))
			}
			for i, cell := range cells {
				line[i] = sheetCell(cell, day, amount)
			}
			return sheet.SetRow("A"+strconv.Itoa(n+1), line)
		})
		if err != nil {
			return err
		}
		if err := sheet.Flush(); err != nil {
			return err
		}
		if err := w.about(book, r, f, filter, n); err != nil {
			return err
		}
		return book.Write(out)
	})
}

func sheetStyles(book *excelize.File) (day, amount int, err error) {
	dayFormat, amountFormat := "yyyy-mm-dd", "#,##0.00##"
	if day, err = book.NewStyle(&excelize.Style{CustomNumFmt: &dayFormat}); err != nil {
		return 0, 0, err
	}
	amount, err = book.NewStyle(&excelize.Style{CustomNumFmt: &amountFormat})
	return day, amount, err
}

// sheetCell keeps numbers numbers and days days.
func sheetCell(cell any, day, amount int) any {
	switch v := cell.(type) {
	case portal.Date:
		if t := v.Time(); !t.IsZero() {
			return excelize.Cell{StyleID: day, Value: t}
		}
	case portal.Amount:
		if v != "" {
			return excelize.Cell{StyleID: amount, Value: v.Number().InexactFloat64()}
		}
	case string:
		if v != "" {
			return inert(v)
		}
	}
	return nil
}

// about adds a sheet that says what the list is.
func (w *Web) about(book *excelize.File, r request, f Freshness, filter orders.Filter, rows int) error {
	const name = "About"
	if _, err := book.NewSheet(name); err != nil {
		return err
	}
	var statuses []string
	for _, s := range filter.Statuses {
		statuses = append(statuses, orderStatus(s).text)
	}
	behind := "no"
	if !f.BehindSince.IsZero() {
		behind = "since " + TimeText(f.BehindSince)
	} else if f.Stale {
		behind = "yes"
	}
	for i, fact := range [][2]string{
		{"List", "Orders of " + r.by.PartnerName + " (" + r.by.PartnerNumber + ")"}, {"As of", TimeText(f.AsOf)}, {"Behind", behind},
		{"Status", strings.Join(statuses, ", ")}, {"Site", filter.Site}, {"Ordered from", string(filter.From)}, {"Ordered to", string(filter.To)}, {"Number begins with", filter.Text}, {"Sorted by", filter.Sort},
		{"Orders", strconv.Itoa(rows)}, {"Exported by", r.by.Name}, {"Exported at", TimeText(w.db.Now())}, {"From", w.hostName + " partner portal"},
	} {
		if fact[1] == "" {
			fact[1] = "any"
		}
		if err := book.SetSheetRow(name, "A"+strconv.Itoa(i+1), &[]any{fact[0], inert(fact[1])}); err != nil {
			return err
		}
	}
	return book.SetColWidth(name, "A", "B", 32)
}

// export makes a file of the list's filter. fill writes it, taking the rows as they arrive.
func (w *Web) export(ctx context.Context, r request, format, kind string, fill func(out io.Writer, f Freshness, filter orders.Filter, rows func(func([]any) error) error) error) (reply, error) {
	leave, err := w.exports.take(r.by, "exports under way")
	if err != nil {
		return reply{}, err
	}
	defer leave()
	filter, _ := orderFilter(r.query)
	if err := filter.Check(); err != nil {
		return reply{}, err
	}
	// Asked before the rows are read: they may be newer than it says, never older.
	f, err := w.fresh(ctx, orders.Mirror.Entity)
	if err != nil {
		return reply{}, err
	}
	places, _, err := w.sites(ctx, r.by)
	if err != nil {
		return reply{}, err
	}
	name := "orders-" + plain(r.by.PartnerNumber) + w.db.Now().UTC().Format("-20060102-1504") + "." + format
	made, err := newFile(name, kind, func(out io.Writer) error {
		return w.db.Do(ctx, r.by, func(tx *portal.Tx) error {
			return fill(out, f, filter, func(each func([]any) error) error {
				return orders.Export(ctx, tx, filter, format, func(o orders.Order) error { return each(orderCells(o, places)) })
			})
		})
	})
	return reply{file: made}, err
}

// plain keeps what every system takes in a file's name.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '-'
	}, s)
}

// inert keeps a spreadsheet from taking text for a formula: an apostrophe goes before what would begin one. That is so
// at the beginning, and after what another country's spreadsheet takes for the end of a cell.
func inert(text string) string {
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

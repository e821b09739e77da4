package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"extranet/portal"
	"extranet/portal/files"
	"extranet/portal/orders"
	"extranet/portal/paper"
	"extranet/portal/sheet"
)

// A file is made whole on disk before the first byte leaves: what fails while it is made is an error page, never a
// file that looks complete, and a slow reader holds no connection of the database. Memory stays flat.
type file struct {
	name, kind string
	spool      *os.File // without a name: it goes when it is closed
	added      bool     // by a partner: it is nothing that a browser should ever show
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
	return &file{name: name, kind: kind, spool: spool}, nil
}

// paper hands the file over to who gives it away otherwise than as a page's answer.
func (f *file) paper(err error) (paper.File, error) {
	if err != nil {
		return paper.File{}, err
	}
	if _, err := f.spool.Seek(0, io.SeekStart); err != nil {
		f.spool.Close()
		return paper.File{}, fmt.Errorf("reading what was made: %w", err)
	}
	return paper.File{Name: f.name, Kind: f.kind, Content: f.spool}, nil
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
	if f.added {
		h.Set("Content-Disposition", files.Disposition(f.name))
		h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	}
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
	return []any{o.Number, o.PONumber, o.Site, s[o.Site].Name, o.Contact, string(orderStatus(o.Status).text), o.OrderedOn, o.RequestedOn, o.PromisedOn, o.Net, o.Tax, o.Total, o.Currency, o.ContinuedBy}
}

func (w *Web) exportCSV(ctx context.Context, r request) (reply, error) {
	return w.exportOrders(ctx, r, "csv")
}

func (w *Web) exportXLSX(ctx context.Context, r request) (reply, error) {
	return w.exportOrders(ctx, r, "xlsx")
}

func (w *Web) exportOrders(ctx context.Context, r request, kind string) (reply, error) {
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
	var statuses []string
	for _, s := range filter.Statuses {
		statuses = append(statuses, string(orderStatus(s).text))
	}
	about := [][2]string{{"Status", strings.Join(statuses, ", ")}, {"Site", filter.Site}, {"Ordered from", string(filter.From)}, {"Ordered to", string(filter.To)}, {"Number begins with", filter.Text}, {"Sorted by", filter.Sort}}
	return w.sheet(ctx, r, sheetFile{name: "orders", title: "Orders", kind: kind, header: orderHeader, fresh: f, about: about}, func(tx *portal.Tx, row func(...any) error) error {
		return orders.Export(ctx, tx, filter, kind, func(o orders.Order) error { return row(orderCells(o, places)...) })
	})
}

// A sheetFile is a table that is taken away.
type sheetFile struct {
	name   string // of the file, before whose it is and when
	title  string // of the sheet
	kind   string // csv or xlsx
	header []string
	fresh  Freshness
	about  [][2]string // what it was narrowed by; an empty value says "any"
}

// sheet makes the file of what fill gives row, in one transaction of the caller's. fill audits that it was taken away.
func (w *Web) sheet(ctx context.Context, r request, f sheetFile, fill func(tx *portal.Tx, row func(...any) error) error) (reply, error) {
	return w.sheetIn(ctx, r, f, func(g func(tx *portal.Tx) error) error { return w.db.Do(ctx, r.by, g) }, fill)
}

// sheetAcross is sheet for the host's staff, across partners.
func (w *Web) sheetAcross(ctx context.Context, r request, need portal.Permission, f sheetFile, fill func(tx *portal.Tx, row func(...any) error) error) (reply, error) {
	if err := r.by.Need(need); err != nil {
		return reply{}, err
	}
	return w.sheetIn(ctx, r, f, func(g func(tx *portal.Tx) error) error { return w.db.AcrossPartners(ctx, r.by, need, g) }, fill)
}

func (w *Web) sheetIn(ctx context.Context, r request, f sheetFile, do func(g func(tx *portal.Tx) error) error, fill func(tx *portal.Tx, row func(...any) error) error) (reply, error) {
	leave, err := w.exports.take(r.by, "exports under way")
	if err != nil {
		return reply{}, err
	}
	defer leave()
	name := f.name + "-" + plain(r.by.PartnerNumber) + w.db.Now().UTC().Format("-20060102-1504") + "." + f.kind
	made, err := newFile(name, sheet.Kinds[f.kind], func(out io.Writer) error {
		book, err := sheet.NewWriter(out, f.kind, f.title, f.header)
		if err != nil {
			return err
		}
		rows := 0
		err = do(func(tx *portal.Tx) error {
			return fill(tx, func(cells ...any) error { rows++; return book.Row(cells...) })
		})
		if err == nil {
			err = book.About(w.aboutSheet(ctx, r, f, rows))
		}
		return errors.Join(err, book.Close())
	})
	return reply{file: made}, err
}

// aboutSheet says what the list is.
func (w *Web) aboutSheet(ctx context.Context, r request, f sheetFile, rows int) [][2]string {
	behind := "no"
	if !f.fresh.BehindSince.IsZero() {
		behind = "since " + TimeText(ctx, f.fresh.BehindSince)
	} else if f.fresh.Stale {
		behind = "yes"
	}
	facts := [][2]string{{"List", f.title + " of " + r.by.PartnerName + " (" + r.by.PartnerNumber + ")"}, {"As of", TimeText(ctx, f.fresh.AsOf)}, {"Behind", behind}}
	for _, fact := range f.about {
		facts = append(facts, [2]string{fact[0], cmp.Or(fact[1], "any")})
	}
	return append(facts, [2]string{"Rows", strconv.Itoa(rows)}, [2]string{"Exported by", r.by.Name}, [2]string{"Exported at", TimeText(ctx, w.db.Now())}, [2]string{"From", w.hostName + " partner portal"})
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

package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"extranet/portal"
	"extranet/portal/files"
	"extranet/portal/orders"
	"extranet/portal/paper"
	"extranet/portal/sheet"
	"extranet/web/words"
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
var orderHeader = []Words{"Order (of the host)", "Your PO", "Site", "Site name", "Contact", "Status", "Ordered", "Requested", "Promised", "Net", "Tax", "Total", "Currency", "Continued by"}

func orderCells(ctx context.Context, o orders.Order, s sites) []any {
	return []any{o.Number, o.PONumber, o.Site, s[o.Site].Name, o.Contact, T(ctx, orderStatus(o.Status).text), o.OrderedOn, o.RequestedOn, o.PromisedOn, o.Net, o.Tax, o.Total, o.Currency, o.ContinuedBy}
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
		statuses = append(statuses, T(ctx, orderStatus(s).text))
	}
	about := []fact{{"Status", strings.Join(statuses, ", ")}, {"Site", filter.Site}, {"Ordered from", string(filter.From)}, {"Ordered to", string(filter.To)}, {"Number begins with", filter.Text}, {"Sorted by", filter.Sort}}
	return w.sheet(ctx, r, sheetFile{name: "orders", title: "Orders", kind: kind, header: orderHeader, fresh: f, about: about}, func(tx *portal.Tx, row func(...any) error) error {
		return orders.Export(ctx, tx, filter, kind, func(o orders.Order) error { return row(orderCells(ctx, o, places)...) })
	})
}

// A fact is a name with its value, in what is taken away.
type fact struct {
	name  Words
	value string
}

// spell says the names in the person's language.
func spell(ctx context.Context, facts []fact) [][2]string {
	said := make([][2]string, len(facts))
	for i, f := range facts {
		said[i] = [2]string{T(ctx, f.name), f.value}
	}
	return said
}

// sayAll says each in the person's language: the headings of a table.
func sayAll(ctx context.Context, all []Words) []string {
	said := make([]string, len(all))
	for i, w := range all {
		said[i] = T(ctx, w)
	}
	return said
}

// asWords are the headings of a table that the rooms below name.
func asWords(header []string) []Words {
	all := make([]Words, len(header))
	for i, h := range header {
		all[i] = Words(h)
	}
	return all
}

// inEnglish is a table that came back with its headings as the rooms below know them, whichever of the portal's languages it was
// taken away in.
func inEnglish(t sheet.Table, header []string) sheet.Table {
	said := map[string]string{}
	for _, code := range words.Codes {
		for _, h := range header {
			if text := words.Texts(code)[h].Other; text != "" {
				said[sheet.Bare(text)] = h
			}
		}
	}
	cells := slices.Clone(t.Header.Cells)
	for i, cell := range cells {
		if h, ok := said[sheet.Bare(cell)]; ok {
			cells[i] = h
		}
	}
	t.Header.Cells = cells
	return t
}

// sheetName is a title as a sheet can be called.
func sheetName(title string) string {
	title = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`[]:*?/\'`, r) {
			return ' '
		}
		return r
	}, title)
	if letters := []rune(title); len(letters) > 31 {
		return string(letters[:31])
	}
	return title
}

// aboutName is what the sheet beside a list is called.
func aboutName(ctx context.Context) string { return sheetName(T(ctx, "About this list")) }

// A sheetFile is a table that is taken away.
type sheetFile struct {
	name   string // of the file, before whose it is and when
	title  Words  // of the sheet
	kind   string // csv or xlsx
	header []Words
	fresh  Freshness
	about  []fact // what it was narrowed by; an empty value says "any"
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
	leave, err := w.exports.take(r.by)
	if err != nil {
		return reply{}, err
	}
	defer leave()
	name := f.name + "-" + plain(r.by.PartnerNumber) + w.db.Now().UTC().Format("-20060102-1504") + "." + f.kind
	made, err := newFile(name, sheet.Kinds[f.kind], func(out io.Writer) error {
		book, err := sheet.NewWriter(out, f.kind, sheetName(T(ctx, f.title)), sayAll(ctx, f.header))
		if err != nil {
			return err
		}
		rows := 0
		err = do(func(tx *portal.Tx) error {
			return fill(tx, func(cells ...any) error { rows++; return book.Row(cells...) })
		})
		if err == nil {
			err = book.About(aboutName(ctx), w.aboutSheet(ctx, r, f, rows))
		}
		return errors.Join(err, book.Close())
	})
	return reply{file: made}, err
}

// aboutSheet says what the list is.
func (w *Web) aboutSheet(ctx context.Context, r request, f sheetFile, rows int) [][2]string {
	behind := T(ctx, "no")
	if !f.fresh.BehindSince.IsZero() {
		behind = T(ctx, "since %s", f.fresh.BehindSince)
	} else if f.fresh.Stale {
		behind = T(ctx, "yes")
	}
	facts := []fact{{"List", T(ctx, "%s of %s (%s)", f.title, r.by.PartnerName, r.by.PartnerNumber)}, {"As of", TimeText(ctx, f.fresh.AsOf)}, {"Behind", behind}}
	for _, about := range f.about {
		facts = append(facts, fact{about.name, cmp.Or(about.value, T(ctx, "any"))})
	}
	return spell(ctx, append(facts, fact{"Rows", Count(ctx, rows)}, fact{"Exported by", r.by.Name}, fact{"Exported at", TimeText(ctx, w.db.Now())}, fact{"From", T(ctx, "%s partner portal", w.host(ctx))}))
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

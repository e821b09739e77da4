package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"net/http"
	"strconv"
	"sync"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"extranet/web/assets"
)

var (
	buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}
	zippers = sync.Pool{New: func() any { z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed); return z }}
)

// worthZipping is the size in bytes from which compression pays.
const worthZipping = 1400

type formKey struct{}

// answersForm says whether the page answers a form that was sent, and so cannot be asked for again.
func answersForm(ctx context.Context) bool { return ctx.Value(formKey{}) != nil }

// write renders the page whole before the first byte leaves: a page that fails halfway is an error, not half a page.
// Pages hold no secrets that compression could give away.
func (w *Web) write(c *gin.Context, status int, page templ.Component) {
	body := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(body)
	body.Reset()
	ctx := c.Request.Context()
	if c.Request.Method == http.MethodPost && c.GetHeader("HX-Request") == "" {
		ctx = context.WithValue(ctx, formKey{}, true)
	}
	if err := page.Render(ctx, body); err != nil {
		_ = c.Error(err)
		c.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	h := c.Writer.Header()
	h["Content-Type"] = []string{"text/html; charset=utf-8"}
	h["Cache-Control"] = []string{"private, no-store"}
	h["Vary"] = []string{"Accept-Encoding, Accept-Language, Cookie"}
	h["Content-Language"] = []string{localeOf(c.Request.Context()).Code}
	if body.Len() < worthZipping || !assets.AcceptsGzip(c.GetHeader("Accept-Encoding")) {
		h["Content-Length"] = []string{strconv.Itoa(body.Len())}
		c.Status(status)
		_, _ = c.Writer.Write(body.Bytes())
		return
	}
	zipped, z := buffers.Get().(*bytes.Buffer), zippers.Get().(*gzip.Writer)
	defer buffers.Put(zipped)
	defer zippers.Put(z)
	zipped.Reset()
	z.Reset(zipped)
	_, _ = z.Write(body.Bytes()) // into memory: it cannot fail
	_ = z.Close()
	h["Content-Encoding"] = []string{"gzip"}
	h["Content-Length"] = []string{strconv.Itoa(zipped.Len())}
	c.Status(status)
	_, _ = c.Writer.Write(zipped.Bytes())
}

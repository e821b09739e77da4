package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"extranet/portal"
)

// postedForm reads what a form posted; nil for what posts nothing. Values of the address are not among it.
func postedForm(c *gin.Context) (url.Values, error) {
	if c.Request.Method != http.MethodPost {
		return nil, nil
	}
	parse := c.Request.ParseForm
	if strings.HasPrefix(c.GetHeader("Content-Type"), "multipart/form-data") {
		if !strings.HasSuffix(c.FullPath(), "/files") {
			return postedParts(c)
		}
		parse = func() error { return c.Request.ParseMultipartForm(2 << 20) } // what is larger goes to the temporary folder, and with the request
	}
	if err := parse(); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return nil, portal.Because(portal.Malformed, err, "this is more than a form can hold; send it in parts")
		}
		return nil, portal.Because(portal.Malformed, err, "this form cannot be read")
	}
	return c.Request.PostForm, nil
}

// postedParts reads a form that may hold files: a file is its content, under its field's name.
func postedParts(c *gin.Context) (url.Values, error) {
	parts, err := c.Request.MultipartReader()
	if err != nil {
		return nil, portal.Because(portal.Malformed, err, "this form cannot be read")
	}
	form := url.Values{}
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return form, nil
		}
		var content []byte
		if err == nil {
			content, err = io.ReadAll(part)
		}
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return nil, portal.Because(portal.Malformed, err, "this file is larger than can be taken; send it in parts")
		}
		if err != nil {
			return nil, portal.Because(portal.Malformed, err, "this form cannot be read")
		}
		form.Add(part.FormName(), string(content))
	}
}

// once does f in one transaction of the caller's, at most once for the form that was posted, however often its button is
// pressed: see [OnceField]. It returns where f said to go on.
func (w *Web) once(ctx context.Context, r request, f func(tx *portal.Tx) (to string, err error)) (to string, err error) {
	return w.onceIn(ctx, r, func(g func(tx *portal.Tx) error) error { return w.db.Do(ctx, r.by, g) }, f)
}

// onceIn is once in the transaction that do opens.
func (w *Web) onceIn(ctx context.Context, r request, do func(g func(tx *portal.Tx) error) error, f func(tx *portal.Tx) (to string, err error)) (to string, err error) {
	key := r.form.Get("once")
	if key == "" {
		return "", portal.Errorf(portal.Malformed, "this form is not one of the portal's; load the page again and use its buttons")
	}
	err = do(func(tx *portal.Tx) error {
		answer, _, err := tx.Once(ctx, "web "+key, []byte(r.shell.Path+" "+r.form.Encode()), func() ([]byte, error) {
			to, err := f(tx)
			return []byte(to), err
		})
		to = string(answer)
		return err
	})
	if err != nil && portal.Says(err).Kind == portal.Forbidden && r.denied != nil {
		*r.denied = err
	}
	return to, err
}

const flashCookie = "__Host-flash"

// keepFlash keeps f in the browser until its next page.
func (w *Web) keepFlash(c *gin.Context, f Flash) {
	b, err := json.Marshal(f)
	if err != nil || len(b) > 2000 {
		return
	}
	http.SetCookie(c.Writer, &http.Cookie{Name: flashCookie, Value: base64.RawURLEncoding.EncodeToString(b), Path: "/", MaxAge: 60, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: true})
}

// takeFlash returns what the browser keeps to be said, and has it forget that. What a page asks by itself takes none.
func (w *Web) takeFlash(c *gin.Context) *Flash {
	cookie, err := c.Request.Cookie(flashCookie)
	if err != nil || c.Request.Method != http.MethodGet || c.GetHeader("Live") != "" {
		return nil
	}
	http.SetCookie(c.Writer, &http.Cookie{Name: flashCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: true})
	b, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return nil
	}
	var f Flash
	if json.Unmarshal(b, &f) != nil || f.Title == "" {
		return nil
	}
	return &f
}

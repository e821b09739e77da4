package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"extranet/web/words"
)

// Words are a text of the portal's own, in English as the sources have it: T says them in the person's language. What is
// not to be looked up, as a name or a sentence that is made already, is made into Words by [Verbatim] or [Said].
type Words string

// verbatim marks Words that are not to be looked up. It stands in no text.
const verbatim = "\x00"

// Verbatim is data, which every language shows as it is: the name of a company is never translated.
func Verbatim(s string) Words {
	if s == "" {
		return ""
	}
	return Words(verbatim + s)
}

// Said is the text in the person's language with the values in it, see [T], where Words are asked for.
func Said(ctx context.Context, text Words, values ...any) Words {
	return Verbatim(T(ctx, text, values...))
}

// T says the text in the person's language. It holds a verb for each value, as fmt has them: %d counts, and decides between
// one and many; %s is a string or further Words. A text that the language lacks is said in English.
func T(ctx context.Context, text Words, values ...any) string {
	if strings.HasPrefix(string(text), verbatim) {
		return string(text[len(verbatim):])
	}
	l := localeOf(ctx)
	if len(values) == 0 {
		return l.Text(string(text))
	}
	for i, v := range values {
		switch v := v.(type) {
		case Words:
			values[i] = T(ctx, v)
		case fmt.Stringer, error, bool: // as it prints itself
			values[i] = fmt.Sprint(v)
		}
	}
	return l.Textf(string(text), values...)
}

type localeKey struct{}

// localeOf is how the person reads; English for nobody.
func localeOf(ctx context.Context) *words.Locale {
	if l, ok := ctx.Value(localeKey{}).(*words.Locale); ok {
		return l
	}
	return words.English()
}

// In returns a context in which the pages speak as l does.
func In(ctx context.Context, l *words.Locale) context.Context {
	return context.WithValue(ctx, localeKey{}, l)
}

const languageCookie = "language"

// speak settles the language of the request: the one the person chose in this browser, then what the browser asks for, then
// the host's own.
func (w *Web) speak(c *gin.Context) {
	ctx := c.Request.Context()
	if _, settled := ctx.Value(localeKey{}).(*words.Locale); settled {
		return
	}
	choice := ""
	if cookie, err := c.Request.Cookie(languageCookie); err == nil {
		choice = cookie.Value
	}
	c.Request = c.Request.WithContext(In(ctx, words.For(choice, c.GetHeader("Accept-Language"), w.language)))
}

// chooseLanguage keeps the choice of a language in a cookie and goes back to the page it was made on.
func (w *Web) chooseLanguage(c *gin.Context) {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, 8<<10)
	code := c.PostForm("language")
	cookie := &http.Cookie{Name: languageCookie, Value: code, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(w.base, "https:")}
	if !words.Known(code) {
		cookie.Value, cookie.MaxAge = "", -1
	}
	http.SetCookie(c.Writer, cookie)
	c.Redirect(http.StatusSeeOther, localPath(c.PostForm("back")))
}

package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"extranet/portal"
	"extranet/portal/partners"
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
// one and many; %s is a string, further Words, or a day, a time or a number, which are written as the region does. A text that the
// language lacks is said in English.
func T(ctx context.Context, text Words, values ...any) string {
	if strings.HasPrefix(string(text), verbatim) {
		return string(text[len(verbatim):])
	}
	l := localeOf(ctx)
	if len(values) == 0 {
		return l.Heard(string(text))
	}
	for i, v := range values {
		switch v := v.(type) {
		case Words:
			values[i] = T(ctx, v)
		case portal.Saying:
			values[i] = say(ctx, v)
		case portal.Date:
			values[i] = dayOr(ctx, v, "")
		case portal.Amount:
			if values[i] = ""; v != "" {
				values[i] = grouped(ctx, v.Number(), 0)
			}
		case portal.Money:
			values[i] = Amount(ctx, v.Amount.Number(), v.Currency)
		case decimal.Decimal:
			values[i] = grouped(ctx, v, 0)
		case time.Time:
			values[i] = TimeText(ctx, v)
		case fmt.Stringer, error, bool: // as it prints itself
			values[i] = fmt.Sprint(v)
		}
	}
	return l.Textf(string(text), values...)
}

// say says a sentence of the rooms below in the person's language.
func say(ctx context.Context, s portal.Saying) string {
	return T(ctx, Words(s.Format), slices.Clone(s.Values)...)
}

// Speaker returns what says sentences in the language that somebody chose, or in the host's own where they chose none: for mail.
func Speaker(host string) func(language string, s portal.Saying) string {
	return func(language string, s portal.Saying) string {
		return say(In(context.Background(), words.For(cmp.Or(language, host), "", host)), s)
	}
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

// languageCookie keeps what was chosen in a browser where nobody is signed in; signing in takes it over for whoever has not chosen.
const languageCookie = "language"

// inTheirs is ctx with the language that the caller chose, or the host's: for what is made where no page is.
func (w *Web) inTheirs(ctx context.Context, by portal.Caller) context.Context {
	return In(ctx, words.For(w.chosen(ctx, by), "", w.language))
}

// chosen is the language that the person who asks chose, "" = none.
func (w *Web) chosen(ctx context.Context, by portal.Caller) string {
	if by.PersonID == uuid.Nil {
		return ""
	}
	p, err := w.auth.Person(ctx, by)
	if err != nil {
		return ""
	}
	return p.Language
}

// speak settles the language of the request: the one the person chose, or before they signed in this browser; then what the
// browser asks for, then the host's own.
func (w *Web) speak(c *gin.Context, by portal.Caller) {
	ctx := c.Request.Context()
	if _, settled := ctx.Value(localeKey{}).(*words.Locale); settled {
		return
	}
	choice := w.chosen(ctx, by)
	if by.PartnerID == 0 {
		if cookie, err := c.Request.Cookie(languageCookie); err == nil {
			choice = cookie.Value
		}
	}
	c.Request = c.Request.WithContext(In(ctx, words.For(choice, c.GetHeader("Accept-Language"), w.language)))
}

// chooseLanguage keeps the choice of a language with the person who is signed in, and in a cookie for the browser where nobody
// is, and goes back to the page it was made on.
func (w *Web) chooseLanguage(c *gin.Context) {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, 8<<10)
	code := c.PostForm("language")
	if !words.Known(code) {
		code = ""
	}
	by := w.caller(c)
	switch {
	case by.ReadOnly:
		w.Fail(c, portal.Viewing)
		return
	case by.PersonID != uuid.Nil:
		ctx := c.Request.Context()
		if err := w.db.Do(ctx, by, func(tx *portal.Tx) error { return partners.Speak(ctx, tx, code) }); err != nil {
			w.Fail(c, err)
			return
		}
	}
	cookie := &http.Cookie{Name: languageCookie, Value: code, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(w.base, "https:")}
	if code == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(c.Writer, cookie)
	c.Redirect(http.StatusSeeOther, localPath(c.PostForm("back")))
}

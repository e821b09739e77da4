package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"extranet/web/words"
)

func (w *Web) showAccount(ctx context.Context, r request) (reply, error) {
	list, err := w.auth.Sessions(ctx, r.by)
	if err != nil {
		return reply{}, err
	}
	rows := make([]SessionRow, len(list))
	for i, s := range list {
		rows[i] = SessionRow{ID: s.ID.String(), Device: s.Device, Phone: strings.Contains(s.Device, "Android") || strings.Contains(s.Device, "iPhone"),
			ActingFor: s.PartnerName, Started: s.CreatedAt, LastSeen: s.SeenAt, Ends: s.ExpiresAt, Current: s.Current}
	}
	p, err := w.auth.Person(ctx, r.by)
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "My account"
	return reply{page: SessionsPage(r.shell, rows, p.Language)}, nil
}

// languageOptions are the languages to choose from, each named in itself.
func languageOptions() []Option {
	options := []Option{{Value: "", Label: "As my browser asks"}}
	for _, code := range words.Codes {
		options = append(options, Option{Value: code, Label: Verbatim(words.Names[code])})
	}
	return options
}

const themeCookie = "theme"

// chooseTheme keeps the choice of colours in a cookie and goes back to the page it was made on.
func (w *Web) chooseTheme(c *gin.Context) {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, 8<<10)
	theme := ParseTheme(c.PostForm("theme"))
	cookie := &http.Cookie{Name: themeCookie, Value: theme.String(), Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(w.base, "https:")}
	if theme == ThemeAuto {
		cookie.Value, cookie.MaxAge = "", -1
	}
	http.SetCookie(c.Writer, cookie)
	c.Redirect(http.StatusSeeOther, localPath(c.PostForm("back")))
}

// localPath is p if it stays on this portal, and the start page otherwise.
func localPath(p string) string {
	u, err := url.Parse(p)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") ||
		strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }) {
		return "/"
	}
	return p
}

package auth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/gin-gonic/gin"
	"golang.org/x/oauth2"

	"extranet/portal"
	"extranet/portal/partners"
)

const (
	loginLasts      = 10 * time.Minute
	invitationLasts = time.Hour // between opening the link and signing in
	formAtMost      = 64 << 10
	queryAtMost     = 8 << 10
)

// messages are why somebody may be sent to the sign-in page by address, and what it says then.
var messages = map[string]string{
	"ended":   "Your session has ended. Sign in again to go on where you were.",
	"revoked": "This session was ended. Sign in again.",
	"invited": "Sign in with the invited mail address to accept the invitation.",
}

func (a *Auth) showLogin(c *gin.Context) {
	q, err := query(c.Request)
	if err != nil {
		a.refuse(c, nil, "/", err)
		return
	}
	next, mail, message := localPath(q.Get("next")), strings.TrimSpace(q.Get("mail")), q.Get("message")
	if q.Has("signed-out") {
		a.pages.SignedOut(c)
		return
	}
	if messages[message] == "" {
		message = ""
	}
	if message == "" && mail == "" {
		if _, err := a.Peek(c); err == nil {
			seeOther(c, next)
			return
		}
	}
	p := SignIn{Next: next, Message: message, Text: messages[message], AskMail: len(a.issuers) > 1, Doors: a.doors(a.issuers, next, "")}
	status := http.StatusOK
	switch {
	case mail != "" && !plainMail(mail):
		p.Mail, p.Fault, status = clean(mail, 254), "write it like dana@company.example", http.StatusUnprocessableEntity
	case mail != "":
		p.Mail, p.Doors = mail, a.doors(a.vouching(mail), next, mail)
	}
	a.pages.SignIn(c, status, p)
}

func (a *Auth) doors(of []*issuer, next, mail string) (doors []Door) {
	for _, i := range of {
		q := url.Values{}
		if next != "/" {
			q.Set("next", next)
		}
		if mail != "" {
			q.Set("mail", mail)
		}
		href := "/login/" + i.Name
		if len(q) > 0 {
			href += "?" + q.Encode()
		}
		doors = append(doors, Door{Name: i.Label, Href: href, Down: i.isDown()})
	}
	return doors
}

// vouching lists the issuers whose word counts for the mail address.
func (a *Auth) vouching(mail string) (list []*issuer) {
	for _, i := range a.issuers {
		if i.vouches(mail) {
			list = append(list, i)
		}
	}
	return list
}

func (a *Auth) issuerNamed(name string) *issuer {
	for _, i := range a.issuers {
		if i.Name == name {
			return i
		}
	}
	return nil
}

// startLogin sends the browser to the issuer, with a login kept for when it comes back (RFC 9700, 2.1).
func (a *Auth) startLogin(c *gin.Context) {
	if !a.admits(c) {
		return
	}
	name, next, mail := c.Param("issuer"), c.Query("next"), c.Query("mail")
	if c.Request.Method == http.MethodPost {
		form, err := form(c)
		if err != nil {
			a.refuse(c, nil, "/", err)
			return
		}
		name, next, mail = form.Get("issuer"), form.Get("next"), form.Get("mail")
	}
	next, mail = localPath(next), strings.TrimSpace(mail)
	if mail != "" && !plainMail(mail) {
		mail = ""
	}
	i := a.issuerNamed(name)
	if i == nil && name == "" {
		able := a.issuers
		if mail != "" {
			able = a.vouching(mail)
		}
		if len(able) == 1 {
			i = able[0]
		}
	}
	switch {
	case i == nil && name != "":
		a.refuse(c, nil, next, portal.Errorf(portal.NotFound, "there is no such sign-in; choose one of these"))
		return
	case i == nil:
		a.pages.SignIn(c, http.StatusUnprocessableEntity, SignIn{Next: next, AskMail: true, Mail: mail, Doors: a.doors(a.issuers, next, ""), Fault: "choose your company's sign-in"})
		return
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), signInTimeout)
	defer cancel()
	p, err := i.discover(ctx)
	if err != nil {
		a.refuse(c, i, next, err)
		return
	}
	browser, err := oneCookie(c.Request, loginCookie)
	if err != nil || len(browser) != secretLen {
		browser = secret()
	}
	invitation, _ := oneCookie(c.Request, invitationCookie)
	state, nonce, verifier := secret(), secret(), oauth2.GenerateVerifier()
	err = a.db.AtTheDoor(ctx, func(tx *portal.Tx) error {
		l := partners.Login{StateHash: partners.HashOf(state), BrowserHash: partners.HashOf(browser), Issuer: i.Name, Nonce: nonce, Verifier: verifier, ReturnTo: next, ExpiresAt: tx.Now.Add(loginLasts)}
		if invitation != "" {
			l.Invitation = partners.HashOf(invitation)
		}
		return partners.BeginLogin(ctx, tx, l)
	})
	if err != nil {
		a.refuse(c, i, next, err)
		return
	}
	// One cookie serves every tab: each sign-in has a state of its own.
	setCookie(c, loginCookie, browser, loginLasts)
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier), oidc.Nonce(nonce)}
	if mail != "" {
		options = append(options, oauth2.SetAuthURLParam("login_hint", mail))
	}
	seeOther(c, p.oauth.AuthCodeURL(state, options...))
}

// admits holds one address to a modest number of sign-ins.
func (a *Auth) admits(c *gin.Context) bool {
	wait := a.starts.take(c.ClientIP())
	if wait == 0 {
		return true
	}
	c.Header("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	a.pages.Error(c, portal.Errorf(portal.TooMany, "too many sign-ins were started from your network; wait a moment"))
	return false
}

// callback takes the issuer's answer (OpenID Connect Core 1.0, 3.1.2.5; RFC 9207, 2.4).
func (a *Auth) callback(c *gin.Context) {
	q, err := query(c.Request)
	if err != nil {
		a.refuse(c, nil, "/", err)
		return
	}
	browser, err := oneCookie(c.Request, loginCookie)
	switch {
	case err != nil:
	case q.Get("state") == "" || len(q.Get("state")) > 512 || len(q.Get("code")) > 4096:
		err = portal.Errorf(portal.Malformed, "this answer is not complete; start the sign-in again")
	case browser == "":
		err = portal.Errorf(portal.Malformed, "your browser did not keep the sign-in cookie: open the portal at %s, allow its cookies, and start again; over http browsers keep it for localhost only", a.base)
	}
	if err != nil {
		a.refuse(c, nil, "/", err)
		return
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), signInTimeout)
	defer cancel()
	var login partners.Login
	err = a.db.AtTheDoor(ctx, func(tx *portal.Tx) (err error) {
		login, err = partners.TakeLogin(ctx, tx, partners.HashOf(q.Get("state")), partners.HashOf(browser))
		return err
	})
	if err != nil {
		a.refuse(c, nil, "/", err)
		return
	}
	i := a.issuerNamed(login.Issuer)
	if i == nil {
		a.refuse(c, nil, login.ReturnTo, portal.Errorf(portal.Malformed, "this sign-in is no longer offered; choose another"))
		return
	}
	if len(a.issuers) > 1 && c.Param("issuer") != i.Name {
		a.refuse(c, i, login.ReturnTo, i.refused("authorization answer: came to the address of %q", clean(c.Param("issuer"), 64)))
		return
	}
	proof, err := a.answer(ctx, i, login, q)
	if err != nil {
		a.refuse(c, i, login.ReturnTo, err)
		return
	}
	before, _ := oneCookie(c.Request, sessionCookie)
	proof.Language, _ = oneCookie(c.Request, languageCookie)
	var cookie string
	err = a.db.AtTheDoor(ctx, func(tx *portal.Tx) error {
		p, partner, err := partners.Admit(ctx, tx, proof, login.Invitation)
		if err != nil {
			return err
		}
		cookie, _, err = a.sessions.Start(ctx, tx, proof, p, partner, device(c.Request.UserAgent()), before)
		return err
	})
	if err != nil && portal.Says(err).Kind == portal.Forbidden {
		// What the issuer takes away is gone, though there is nothing left to sign in to.
		err = errors.Join(err, a.db.AtTheDoor(ctx, func(tx *portal.Tx) error { return partners.Leave(ctx, tx, proof) }))
	}
	if login.Invitation != nil && (err == nil || portal.Says(err).Kind != portal.Unavailable) {
		setCookie(c, invitationCookie, "", 0)
	}
	if err != nil {
		a.refuse(c, i, login.ReturnTo, err)
		return
	}
	setCookie(c, sessionCookie, cookie, a.sessions.Limits().Absolute)
	seeOther(c, login.ReturnTo)
}

// answer returns what the issuer's answer proves.
func (a *Auth) answer(ctx context.Context, i *issuer, login partners.Login, q url.Values) (proof partners.Proof, err error) {
	p, err := i.discover(ctx)
	if err != nil {
		return proof, err
	}
	if q.Has("iss") && q.Get("iss") != i.URL || !q.Has("iss") && p.saysIss {
		return proof, i.refused("authorization answer: iss")
	}
	switch failed := q.Get("error"); {
	case failed == "access_denied":
		return proof, cancelled
	case failed == "temporarily_unavailable" || failed == "server_error":
		return proof, i.unreachable(errors.New("authorization answer: " + failed))
	case q.Has("error"):
		return proof, i.refused("authorization answer: error %q", clean(failed, 64))
	case q.Get("code") == "":
		return proof, i.refused("authorization answer: no code")
	}
	return i.redeem(ctx, p, q.Get("code"), login.Verifier, login.Nonce)
}

var cancelled = portal.Errorf(portal.Forbidden, "signing in was cancelled; nothing has changed, and you can start again")

// openInvitation remembers the link's secret in this browser until its owner has signed in.
func (a *Auth) openInvitation(c *gin.Context) {
	if !a.admits(c) {
		return
	}
	invitation := c.Param("secret")
	if len(invitation) > 2*secretLen {
		invitation = ""
	}
	err := a.db.AtTheDoor(c.Request.Context(), func(tx *portal.Tx) error {
		return partners.OpenInvitation(c.Request.Context(), tx, partners.HashOf(invitation))
	})
	if err != nil {
		a.refuse(c, nil, "/", err)
		return
	}
	setCookie(c, invitationCookie, invitation, invitationLasts)
	seeOther(c, "/login?message=invited")
}

// refuse shows the sign-in page with what went wrong, or the error page for what is ours to mend. i may be nil.
func (a *Auth) refuse(c *gin.Context, i *issuer, next string, err error) {
	says := portal.Says(err)
	attributes := []any{"kind", status(says.Kind), "err", clean(err.Error(), 300)}
	if i != nil {
		attributes = append(attributes, "issuer", i.Name)
	}
	if says.Kind == portal.Internal {
		if c.Request.Context().Err() == nil {
			a.log.ErrorContext(c.Request.Context(), "sign-in failed", attributes...)
		}
		a.pages.Error(c, err)
		return
	}
	a.log.InfoContext(c.Request.Context(), "sign-in refused", attributes...)
	message := "failed"
	switch {
	case errors.Is(err, partners.NoAccess):
		message = "no-access"
	case errors.Is(err, cancelled):
		message = "cancelled"
	case errors.Is(err, errUnreachable):
		message = "unreachable"
	}
	if says.Kind == portal.Unavailable {
		c.Header("Retry-After", "10")
	}
	a.pages.SignIn(c, status(says.Kind), SignIn{Next: next, AskMail: len(a.issuers) > 1, Doors: a.doors(a.issuers, next, ""), Message: message, Text: says.Msg})
}

func status(k portal.Kind) int {
	switch k {
	case portal.Malformed:
		return http.StatusBadRequest
	case portal.Unauthenticated:
		return http.StatusUnauthorized
	case portal.Forbidden:
		return http.StatusForbidden
	case portal.NotFound:
		return http.StatusNotFound
	case portal.Conflict:
		return http.StatusConflict
	case portal.Invalid:
		return http.StatusUnprocessableEntity
	case portal.TooMany:
		return http.StatusTooManyRequests
	case portal.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// query reads the address strictly: a parameter given twice has two meanings, so it has none (RFC 6749, 3.1).
func query(r *http.Request) (url.Values, error) {
	if len(r.URL.RawQuery) > queryAtMost {
		return nil, portal.Errorf(portal.Malformed, "the address is too long")
	}
	return once(url.ParseQuery(r.URL.RawQuery))
}

// form reads a posted form as strictly.
func form(c *gin.Context) (url.Values, error) {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, formAtMost)
	if err := c.Request.ParseForm(); err != nil {
		return nil, portal.Because(portal.Malformed, err, "the form cannot be read; load the page again and send it once more")
	}
	return once(c.Request.PostForm, nil)
}

func once(q url.Values, err error) (url.Values, error) {
	if err != nil {
		return nil, portal.Because(portal.Malformed, err, "the address cannot be read")
	}
	for _, values := range q {
		if len(values) > 1 {
			return nil, portal.Errorf(portal.Malformed, "a parameter was given twice; start again")
		}
		if strings.ContainsFunc(values[0], func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return nil, portal.Errorf(portal.Malformed, "a parameter holds what it must not; start again")
		}
	}
	return q, nil
}

// localPath returns the path when it leads to a page of the portal itself, and else "/".
func localPath(path string) string {
	u, err := url.Parse(path)
	switch {
	case err != nil || len(path) > 2000 || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "":
		return "/"
	case !strings.HasPrefix(path, "/") || strings.Contains(u.Path, "//") || strings.Contains(path, "\\") || strings.Contains(u.Path, "\\"):
		return "/"
	case strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r > '~' }) || strings.ContainsFunc(u.Path, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "/"
	}
	// Pages of the door itself are no place to come back to.
	for _, own := range []string{"/login", "/logout", "/auth", "/invitation"} {
		if u.Path == own || strings.HasPrefix(u.Path, own+"/") {
			return "/"
		}
	}
	// A dot segment could make two slashes of one.
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return "/"
		}
	}
	return path
}

// seeOther sends the browser on by GET. The address is written as it is.
func seeOther(c *gin.Context, address string) {
	c.Header("Location", address)
	c.Status(http.StatusSeeOther)
	c.Writer.WriteHeaderNow()
}

const secretLen = 43

// secret returns 256 random bits as 43 characters of base64url.
func secret() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

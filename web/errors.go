package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"extranet/portal"
)

// An advice is what an error page says besides what happened: what to do about it.
type advice struct {
	icon  Icon
	title Words
	text  Words
}

var advices = map[int]advice{
	http.StatusBadRequest: {IconProblem, "That could not be read",
		"The address or the form was not complete. Go back, load the page again and try once more."},
	http.StatusForbidden: {IconForbidden, "You may not do this",
		"Your role does not include it for this partner. Your partner administrator can grant it, or switch to the partner you meant to act for."},
	http.StatusNotFound: {IconMissing, "There is nothing here",
		"It does not exist, or it is not among what you may see. Check the number, search for it, or check which partner you are acting for."},
	http.StatusMethodNotAllowed: {IconProblem, "That cannot be done here",
		"Open the page from the navigation and use its buttons."},
	http.StatusConflict: {IconRefresh, "It has changed meanwhile",
		"Someone else, or the core system, was faster. Load it again to see how it stands now, then decide anew. Nothing of yours was stored."},
	http.StatusRequestEntityTooLarge: {IconUpload, "That is too large",
		"Split the file or make it smaller, then send it again."},
	http.StatusUnprocessableEntity: {IconProblem, "Some of it cannot be taken",
		"What is wrong is named below. Go back, mend it and send it again. Nothing was stored."},
	http.StatusTooManyRequests: {IconWaiting, "Too many requests",
		"You, or a program with your access, asked more often than agreed. Wait a moment, then load the page again."},
	http.StatusInternalServerError: {IconProblem, "Something went wrong on our side",
		"It is logged and not your doing. Try again in a minute. If it stays, send the reference below to your contact at the host."},
	http.StatusServiceUnavailable: {IconOffline, "Not available just now",
		"The portal is being restarted or is too busy. Load the page again in a minute: what you had sent before is safe."},
}

// Who may not do something is told who can help: that is not the same for everybody.
var (
	viewersAdvice = advice{IconForbidden, "You may not do this",
		"You are looking at the portal as the partner does: what its people may not see is not shown to you either, and nothing can be changed. Stop viewing to go on as yourself."}
	staffAdvice = advice{IconForbidden, "You may not do this",
		"Your role does not include it. An administrator of your own company can grant it."}
)

// told is what the page says to do about it.
func (e ShownError) told() advice {
	if e.advice.title == "" {
		return adviceFor(e.Status)
	}
	return e.advice
}

// adviceTo is the advice for who asks.
func adviceTo(by portal.Caller, status int) advice {
	switch {
	case status == http.StatusForbidden && by.Viewing:
		return viewersAdvice
	case status == http.StatusForbidden && by.Host:
		return staffAdvice
	}
	return adviceFor(status)
}

func adviceFor(status int) advice {
	if a, ok := advices[status]; ok {
		return a
	}
	if status >= 500 {
		return advices[http.StatusInternalServerError]
	}
	return advices[http.StatusBadRequest]
}

// statuses says how each kind is answered.
var statuses = map[portal.Kind]int{
	portal.Internal:        http.StatusInternalServerError,
	portal.Malformed:       http.StatusBadRequest,
	portal.Unauthenticated: http.StatusUnauthorized,
	portal.Forbidden:       http.StatusForbidden,
	portal.NotFound:        http.StatusNotFound,
	portal.Conflict:        http.StatusConflict,
	portal.Invalid:         http.StatusUnprocessableEntity,
	portal.TooMany:         http.StatusTooManyRequests,
	portal.Unavailable:     http.StatusServiceUnavailable,
}

// closedByClient is logged for a request whose answer nobody waits for.
const closedByClient = 499

// Fail answers with the page that err is. Nobody is sent to sign in, and back here after it.
func (w *Web) Fail(c *gin.Context, err error) {
	if errors.Is(err, context.Canceled) && c.Request.Context().Err() != nil {
		c.AbortWithStatus(closedByClient)
		return
	}
	_ = c.Error(err) // for the request's log line
	says := portal.Says(err)
	h := c.Writer.Header()
	switch says.Kind {
	case portal.Unauthenticated:
		w.askToSignIn(c)
		return
	case portal.Unavailable:
		h.Set("Retry-After", "2")
	case portal.TooMany:
		if h.Get("Retry-After") == "" {
			h.Set("Retry-After", "2")
		}
	}
	w.speak(c, w.caller(c))
	w.failed(c, statuses[says.Kind], Verbatim(sayPlain(c.Request.Context(), says)), says.Fields)
}

// sayError is what went wrong in the person's language, as a sentence begins.
func sayError(ctx context.Context, e *portal.Error) Words {
	return Verbatim(upperFirst(sayPlain(ctx, e)))
}

func sayPlain(ctx context.Context, e *portal.Error) string {
	if e.Saying.Format == "" {
		return T(ctx, Words(e.Msg))
	}
	return say(ctx, e.Saying)
}

// NotFound answers for paths that are not there; MethodNotAllowed for methods.
func (w *Web) NotFound(c *gin.Context) {
	w.failed(c, http.StatusNotFound, "there is no page at this address", nil)
}

// MethodNotAllowed answers for a path that is there, under another method; gin has set Allow.
func (w *Web) MethodNotAllowed(c *gin.Context) {
	w.failed(c, http.StatusMethodNotAllowed, "", nil)
}

func (w *Web) failed(c *gin.Context, status int, msg Words, fields map[string]string) {
	w.write(c, status, ErrorPage(w.shell(c, w.caller(c)), ShownError{Status: status, Msg: msg, Fields: fields, Ref: c.GetString("request"), advice: adviceTo(w.caller(c), status)}))
	c.Abort()
}

// sessionCookie is the name under which auth keeps the session; one that is refused is over.
const sessionCookie = "__Host-session"

func (w *Web) askToSignIn(c *gin.Context) {
	if c.GetHeader("HX-Request") != "" {
		c.Header("HX-Refresh", "true")
		c.AbortWithStatus(http.StatusUnauthorized)
		return
	}
	q := url.Values{}
	if c.Request.Method == http.MethodGet && c.Request.URL.RequestURI() != "/" {
		q.Set("next", c.Request.URL.RequestURI())
	}
	if _, err := c.Request.Cookie(sessionCookie); err == nil {
		q.Set("message", "ended")
	}
	to := "/login"
	if len(q) > 0 {
		to += "?" + q.Encode()
	}
	c.Redirect(http.StatusSeeOther, to)
	c.Abort()
}

package auth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/partners"
)

// logout ends the session here, whatever becomes of the rest, and then asks the issuer to end its own
// (OpenID Connect RP-Initiated Logout 1.0, 2).
func (a *Auth) logout(c *gin.Context) {
	by, err := a.Peek(c)
	var ended partners.Ended
	if err == nil {
		ended, err = a.sessions.Logout(c.Request.Context(), by)
	}
	if err != nil && portal.Says(err).Kind != portal.Unauthenticated {
		a.pages.Error(c, err)
		return
	}
	setCookie(c, sessionCookie, "", 0)
	seeOther(c, a.afterLogout(c.Request.Context(), ended))
}

// hintAtMost keeps the address that takes the ID token back to the issuer within what servers read.
const hintAtMost = 6000

func (a *Auth) afterLogout(ctx context.Context, ended partners.Ended) string {
	const here = "/login?signed-out"
	for _, i := range a.issuers {
		if i.URL != ended.Issuer {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		p, err := i.discover(ctx)
		if err != nil || p.endSession == "" {
			return here
		}
		u, err := url.Parse(p.endSession)
		if err != nil {
			return here
		}
		q := u.Query()
		if ended.IDToken != "" && len(ended.IDToken) <= hintAtMost {
			q.Set("id_token_hint", ended.IDToken)
		}
		q.Set("client_id", i.ClientID)
		q.Set("post_logout_redirect_uri", a.base+here)
		q.Set("state", secret())
		u.RawQuery = q.Encode()
		return u.String()
	}
	return here
}

// backchannel ends the sessions that the issuer says are over (OpenID Connect Back-Channel Logout 1.0, 2.5 to 2.8).
func (a *Auth) backchannel(c *gin.Context) {
	i := a.issuerNamed(c.Param("issuer"))
	if i == nil {
		c.JSON(http.StatusNotFound, gin.H{"error": "invalid_request", "error_description": "there is no such issuer"})
		return
	}
	n, err := a.endByIssuer(c, i)
	if err != nil {
		says := portal.Says(err)
		a.log.WarnContext(c.Request.Context(), "back-channel logout refused", "issuer", i.Name, "err", clean(err.Error(), 300))
		switch says.Kind {
		case portal.Internal:
			c.JSON(http.StatusInternalServerError, gin.H{"error": "server_error"})
		case portal.Unavailable:
			c.Header("Retry-After", "10")
			c.JSON(http.StatusServiceUnavailable, gin.H{"error": "temporarily_unavailable"})
		default:
			c.JSON(http.StatusBadRequest, gin.H{"error": "invalid_request", "error_description": "the logout token was not accepted"})
		}
		return
	}
	a.log.InfoContext(c.Request.Context(), "back-channel logout", "issuer", i.Name, "sessions", n)
	c.Status(http.StatusOK)
}

func (a *Auth) endByIssuer(c *gin.Context, i *issuer) (int, error) {
	if c.ContentType() != "application/x-www-form-urlencoded" {
		return 0, portal.Errorf(portal.Malformed, "send a form")
	}
	f, err := form(c)
	if err != nil {
		return 0, err
	}
	if f.Get("logout_token") == "" {
		return 0, portal.Errorf(portal.Malformed, "a logout_token is needed")
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), signInTimeout)
	defer cancel()
	p, err := i.discover(ctx)
	if err != nil {
		return 0, err
	}
	t, err := i.logoutToken(ctx, p, f.Get("logout_token"))
	if err != nil {
		return 0, err
	}
	return a.sessions.EndByIssuer(ctx, t)
}

// switchPartner lets the session act for another of the person's partners.
func (a *Auth) switchPartner(c *gin.Context) {
	a.act(c, func(by portal.Caller, f url.Values) (string, error) {
		partner, err := strconv.ParseInt(f.Get("partner"), 10, 64)
		if err != nil {
			return "", portal.Errorf(portal.NotFound, "there is no such partner among yours")
		}
		return localPath(f.Get("back")), a.sessions.SwitchPartner(c.Request.Context(), by, partner)
	})
}

const accountPage = "/account"

func (a *Auth) endOne(c *gin.Context) {
	a.act(c, func(by portal.Caller, _ url.Values) (string, error) {
		id, err := uuid.Parse(c.Param("id"))
		if err != nil {
			return "", portal.Errorf(portal.NotFound, "there is no such session")
		}
		return accountPage, a.sessions.EndOne(c.Request.Context(), by, id)
	})
}

func (a *Auth) endOthers(c *gin.Context) {
	a.act(c, func(by portal.Caller, _ url.Values) (string, error) {
		_, err := a.sessions.EndOthers(c.Request.Context(), by)
		return accountPage, err
	})
}

// act does what a signed-in person's form asks, and shows the page it leads to. A machine has no session to act on: Forbidden.
func (a *Auth) act(c *gin.Context, do func(by portal.Caller, f url.Values) (string, error)) {
	by, err := a.Caller(c)
	if err == nil && by.SessionID == uuid.Nil {
		err = portal.Errorf(portal.Forbidden, "a token has no session")
	}
	var f url.Values
	if err == nil {
		f, err = form(c)
	}
	var to string
	if err == nil {
		to, err = do(by, f)
	}
	if err != nil {
		if _, shown := errors.AsType[*portal.Error](err); !shown && c.Request.Context().Err() == nil {
			a.log.ErrorContext(c.Request.Context(), "an act on a session failed", "err", err)
		}
		a.pages.Error(c, err)
		return
	}
	seeOther(c, to)
}

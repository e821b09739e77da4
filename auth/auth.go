// Package auth says who is asking. People sign in at their company's issuer (OpenID Connect) and are known by a
// session cookie; machines carry a bearer token of one partner. Both become a [portal.Caller].
package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/partners"
)

// Options say where people sign in. DB, BaseURL and at least one issuer are required.
type Options struct {
	DB       *portal.DB
	Issuers  []Issuer
	BaseURL  string        // of the portal as browsers know it, without a path: https://portal.example
	Idle     time.Duration // without a request a session ends; 0 = 30 minutes
	Absolute time.Duration // in any case it ends; 0 = 12 hours
	Log      *slog.Logger
	HTTP     http.RoundTripper // to the issuers; nil = http.DefaultTransport
}

// An Issuer is an OpenID provider at which people sign in. It must know the redirect address BaseURL/auth/callback, or
// BaseURL/auth/callback/NAME where there are several: with one address for all, an issuer could have another's answer brought
// to it (RFC 9700, 4.4). It may know the post-logout address BaseURL/login?signed-out and the back-channel logout address BaseURL/auth/backchannel/NAME.
type Issuer struct {
	Name         string // in addresses and logs: lower-case letters, digits and hyphens
	Label        string // what people call it; "" = Name
	URL          string // its identifier, exactly as its tokens have it
	ClientID     string
	ClientSecret string   // "" = a public client
	Domains      []string // mail domains it vouches for; none = all that no other issuer names
}

// Auth is the door. It serves any number of requests at once.
type Auth struct {
	db       *portal.DB
	base     string
	secure   *http.CrossOriginProtection
	issuers  []*issuer
	sessions *partners.Sessions
	tokens   *partners.Tokens
	starts   *limiter
	log      *slog.Logger
	pages    Pages
}

const (
	sessionCookie    = "__Host-session"
	loginCookie      = "__Host-login"
	invitationCookie = "__Host-invitation"
	languageCookie   = "language" // what somebody chose before they signed in: the pages keep it
)

// New checks the options, naming every fault. It asks no issuer anything: one that is down stops nobody who is already in.
func New(o Options) (*Auth, error) {
	var faults []error
	fault := func(format string, a ...any) { faults = append(faults, fmt.Errorf(format, a...)) }
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Scheme != "https" && base.Scheme != "http" || base.Host == "" || strings.Trim(base.Path, "/") != "" || base.RawQuery != "" || base.User != nil {
		fault("the base URL %q must be like https://portal.example", o.BaseURL)
		base = &url.URL{}
	}
	if o.DB == nil {
		fault("auth needs a database")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if len(o.Issuers) == 0 {
		fault("at least one issuer is needed for people to sign in")
	}
	a := &Auth{db: o.DB, base: base.Scheme + "://" + base.Host, log: o.Log, secure: http.NewCrossOriginProtection(), starts: newLimiter(20, 400)}
	claimed := map[string]string{}
	for _, i := range o.Issuers {
		u, err := url.Parse(i.URL)
		switch {
		case i.Name == "" || strings.Trim(i.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
			fault("the issuer name %q must be of lower-case letters, digits and hyphens", i.Name)
		case slices.ContainsFunc(a.issuers, func(b *issuer) bool { return b.Name == i.Name || b.URL == i.URL }):
			fault("the issuer %q is named twice", i.Name)
		case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
			fault("issuer %s: the URL %q must be like https://login.company.example", i.Name, i.URL)
		case i.ClientID == "":
			fault("issuer %s: a client id is needed", i.Name)
		}
		if i.Label == "" {
			i.Label = i.Name
		}
		i.Domains = slices.Clone(i.Domains)
		for n, d := range i.Domains {
			i.Domains[n] = strings.ToLower(strings.TrimPrefix(d, "@"))
			if by, ok := claimed[i.Domains[n]]; ok {
				fault("the mail domain %q is named by the issuers %s and %s", d, by, i.Name)
			}
			claimed[i.Domains[n]] = i.Name
		}
		callback := a.base + "/auth/callback"
		if len(o.Issuers) > 1 {
			callback += "/" + i.Name
		}
		a.issuers = append(a.issuers, newIssuer(i, callback, o.HTTP, func() time.Time { return o.DB.Now() }))
	}
	for _, i := range a.issuers {
		i.claimed = claimed
	}
	if err := a.secure.AddTrustedOrigin(a.base); err != nil && base.Host != "" {
		fault("the base URL %q cannot be trusted: %w", o.BaseURL, err)
	}
	if o.Idle < 0 || o.Absolute < 0 {
		fault("the limits of a session cannot be negative")
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	a.sessions = partners.NewSessions(o.DB, partners.Limits{Idle: o.Idle, Absolute: o.Absolute}, o.Log)
	a.tokens = partners.NewTokens(o.DB)
	return a, nil
}

// Close writes down when sessions were last used. No request may come after it.
func (a *Auth) Close() { a.sessions.Close() }

// Pages are what the people's door shows on behalf of auth. Headers and cookies are set already.
type Pages struct {
	SignIn    func(c *gin.Context, status int, p SignIn)
	SignedOut func(c *gin.Context)
	Error     func(c *gin.Context, err error) // a portal.Error or an Internal one
}

// A SignIn is what the sign-in page shows.
type SignIn struct {
	Doors   []Door
	AskMail bool   // several issuers: GET /login?mail= chooses by the mail address
	Mail    string // as asked for
	Next    string // local path where the person wanted to go
	Message string // "", or why they stand here: ended, revoked, invited, unreachable, no-access, cancelled, failed
	Text    string // Message in a sentence of its own; may be ""
	Fault   string // what is wrong with Mail
}

// A Door is an issuer to choose. Href is to be a plain link: GET starts the sign-in.
type Door struct {
	Name string
	Href string
	Down bool // did not answer when last asked
}

// Routes registers:
//
//	GET  /login                       the sign-in page; ?next=PATH &mail= &message=
//	GET  /login/:issuer               starts signing in there; ?next=PATH &mail=
//	POST /login                       the same as a form: issuer or mail, next
//	GET  /auth/callback               the issuer's answer; with several issuers /auth/callback/:issuer
//	POST /auth/backchannel/:issuer    the issuer's own logout (OpenID Connect Back-Channel Logout 1.0)
//	GET  /invitation/:secret          the link of an invitation
//	POST /logout                      ends the session, then the issuer's own
//	POST /partner                     partner=ID, back=PATH: acts for another of one's partners
//	POST /account/sessions/:id/end    ends one of one's sessions
//	POST /account/sessions/end-others ends all but this one
//
// Every POST but the back-channel needs to come from the portal's own pages.
func (a *Auth) Routes(r gin.IRouter, pages Pages) {
	a.pages = pages
	r.GET("/login", a.headers, a.showLogin)
	r.GET("/login/:issuer", a.headers, a.startLogin)
	r.POST("/login", a.headers, a.SameOrigin, a.startLogin)
	if len(a.issuers) > 1 {
		r.GET("/auth/callback/:issuer", a.headers, a.callback)
	} else {
		r.GET("/auth/callback", a.headers, a.callback)
	}
	r.GET("/invitation/:secret", a.headers, a.openInvitation)
	r.POST("/auth/backchannel/:issuer", a.headers, a.backchannel)
	r.POST("/logout", a.headers, a.SameOrigin, a.logout)
	r.POST("/partner", a.headers, a.SameOrigin, a.switchPartner)
	r.POST("/account/sessions/end-others", a.headers, a.SameOrigin, a.endOthers)
	r.POST("/account/sessions/:id/end", a.headers, a.SameOrigin, a.endOne)
}

// headers keeps answers that hold secrets out of caches and out of the next page's Referer.
func (a *Auth) headers(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	c.Header("Referrer-Policy", "no-referrer")
}

// SameOrigin refuses a request that changes something and comes from another site's page, as Forbidden, through
// Pages.Error. It goes before every route of pages.
func (a *Auth) SameOrigin(c *gin.Context) {
	if err := a.sameOrigin(c.Request); err != nil {
		a.pages.Error(c, err)
		c.Abort()
	}
}

func (a *Auth) sameOrigin(r *http.Request) error {
	if err := a.secure.Check(r); err != nil {
		return portal.Because(portal.Forbidden, err, "this came from another site's page; open the portal's own page and do it there")
	}
	return nil
}

// Caller returns who is asking, for both doors: the session of the cookie, or the token of Authorization: Bearer ext_….
// Nobody, and what is over, expired or revoked, is Unauthenticated; both at once, or several of one, is Malformed. A request that
// changes something by cookie and comes from another site's page is Forbidden. It counts as use of the session. A
// caller who is known costs no I/O.
func (a *Auth) Caller(c *gin.Context) (portal.Caller, error) {
	return a.caller(c.Request, a.sessions.Resolve)
}

// Peek is Caller for what a page asks by itself, such as live updates: it does not keep the session alive.
// A stream that stays open asks it again from time to time.
func (a *Auth) Peek(c *gin.Context) (portal.Caller, error) {
	return a.caller(c.Request, a.sessions.Peek)
}

func (a *Auth) caller(r *http.Request, resolve func(context.Context, string) (portal.Caller, error)) (portal.Caller, error) {
	cookie, err := oneCookie(r, sessionCookie)
	if err != nil {
		return portal.Caller{}, err
	}
	switch tokens := r.Header["Authorization"]; {
	case len(tokens) > 1:
		return portal.Caller{}, portal.Errorf(portal.Malformed, "send one Authorization header")
	case len(tokens) == 1 && cookie != "":
		return portal.Caller{}, portal.Errorf(portal.Malformed, "send either a session cookie or a bearer token, not both")
	case len(tokens) == 1:
		scheme, token, _ := strings.Cut(tokens[0], " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return portal.Caller{}, portal.Errorf(portal.Unauthenticated, "send a bearer token: Authorization: Bearer %s…", partners.TokenPrefix)
		}
		return a.tokens.Resolve(r.Context(), token)
	case cookie == "":
		return portal.Caller{}, signInFirst
	}
	if err := a.sameOrigin(r); err != nil {
		return portal.Caller{}, err
	}
	return resolve(r.Context(), cookie)
}

var signInFirst = portal.Errorf(portal.Unauthenticated, "sign in first")

// oneCookie returns the cookie's value, or "". Two of one name are Malformed: it cannot be told whose is whose.
func oneCookie(r *http.Request, name string) (string, error) {
	// Most requests have one line of cookies; nothing else of it is of interest.
	value, found := "", false
	for _, line := range r.Header["Cookie"] {
		for line != "" {
			var part string
			part, line, _ = strings.Cut(line, ";")
			n, v, _ := strings.Cut(strings.TrimSpace(part), "=")
			if n != name {
				continue
			}
			if found {
				return "", portal.Errorf(portal.Malformed, "the cookie %s was sent twice", name)
			}
			value, found = v, true
		}
	}
	return value, nil
}

// setCookie sets a cookie of the portal's own host: always Secure, for browsers take it over http from localhost too.
func setCookie(c *gin.Context, name, value string, age time.Duration) {
	seconds := int(age.Seconds())
	if value == "" {
		seconds = -1
	}
	http.SetCookie(c.Writer, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: seconds, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// FormTargets are the origins to which a form of the portal may lead: signing in and out redirects to the issuers. A
// Content-Security-Policy's form-action names them beside 'self'.
func (a *Auth) FormTargets() []string {
	var all []string
	for _, i := range a.issuers {
		all = append(all, i.origins()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Partners lists those the caller may act for, by name. For a machine that is the one of its token.
func (a *Auth) Partners(ctx context.Context, by portal.Caller) ([]partners.Membership, error) {
	if by.PersonID == uuid.Nil {
		return []partners.Membership{{PartnerID: by.PartnerID, PartnerNumber: by.PartnerNumber, PartnerName: by.PartnerName, PartnerKind: by.PartnerKind, Name: by.Name}}, nil
	}
	return portal.CachedAccess(ctx, a.db, by.PersonID, "memberships", func(ctx context.Context) (list []partners.Membership, err error) {
		err = a.db.AtTheDoor(ctx, func(tx *portal.Tx) (err error) {
			list, err = partners.MembershipsOf(ctx, tx, by.PersonID)
			return err
		})
		return list, err
	})
}

// Person returns the caller's own name and mail address; a machine is NotFound.
func (a *Auth) Person(ctx context.Context, by portal.Caller) (partners.Person, error) {
	if by.PersonID == uuid.Nil {
		return partners.Person{}, portal.Errorf(portal.NotFound, "a token is no person")
	}
	return portal.CachedAccess(ctx, a.db, by.PersonID, "person", func(ctx context.Context) (p partners.Person, err error) {
		err = a.db.AtTheDoor(ctx, func(tx *portal.Tx) (err error) {
			p, err = partners.PersonByID(ctx, tx, by.PersonID)
			return err
		})
		return p, err
	})
}

// Sessions lists where the caller is signed in, the latest used first. A machine is Unauthenticated.
func (a *Auth) Sessions(ctx context.Context, by portal.Caller) ([]partners.Session, error) {
	return a.sessions.List(ctx, by)
}

// SessionsOf lists where a member is signed in for the partner: see [partners.Sessions.ListOf].
func (a *Auth) SessionsOf(ctx context.Context, by portal.Caller, partner int64, person uuid.UUID) ([]partners.Session, error) {
	return a.sessions.ListOf(ctx, by, partner, person)
}

// ViewAs lets the caller's session look as a partner: see [partners.Sessions.BeginView].
func (a *Auth) ViewAs(ctx context.Context, by portal.Caller, number, reason string, acts bool) error {
	return a.sessions.BeginView(ctx, by, number, reason, acts)
}

// StopViewing ends it.
func (a *Auth) StopViewing(ctx context.Context, by portal.Caller) error {
	return a.sessions.EndView(ctx, by)
}

// SignedIn lists where people are signed in, as administrators see it: see [partners.Sessions.At].
func (a *Auth) SignedIn(ctx context.Context, by portal.Caller, f partners.SessionFilter) ([]partners.LiveSession, error) {
	return a.sessions.At(ctx, by, f)
}

// EndSignedIn ends those sessions: see [partners.Sessions.EndAt].
func (a *Auth) EndSignedIn(ctx context.Context, by portal.Caller, f partners.SessionFilter) (int, error) {
	return a.sessions.EndAt(ctx, by, f)
}

// EndSessionsOf ends a member's sessions, as the partner's administrator or the host's staff: see [partners.Sessions.EndOf].
func (a *Auth) EndSessionsOf(ctx context.Context, by portal.Caller, person uuid.UUID) (int, error) {
	return a.sessions.EndOf(ctx, by, person)
}

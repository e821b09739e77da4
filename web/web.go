package web

import (
	"cmp"
	"context"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/catalog"
	"extranet/portal/files"
	"extranet/portal/host"
	"extranet/portal/partners"
	"extranet/portal/search"
)

// Auth says who is asking. Its errors are portal errors; nobody is Unauthenticated.
type Auth interface {
	Caller(*gin.Context) (portal.Caller, error)
	Peek(*gin.Context) (portal.Caller, error) // as Caller, for what a page asks by itself: it does not keep the session alive
	Person(context.Context, portal.Caller) (partners.Person, error)
	Partners(context.Context, portal.Caller) ([]partners.Membership, error) // those the person may act for
	Sessions(context.Context, portal.Caller) ([]partners.Session, error)
	SessionsOf(ctx context.Context, by portal.Caller, partner int64, person uuid.UUID) ([]partners.Session, error) // a member's, as an administrator sees them
	EndSessionsOf(ctx context.Context, by portal.Caller, person uuid.UUID) (int, error)
	SignedIn(ctx context.Context, by portal.Caller, f partners.SessionFilter) ([]partners.LiveSession, error) // where people are signed in, as administrators see them
	EndSignedIn(ctx context.Context, by portal.Caller, f partners.SessionFilter) (int, error)
	ViewAs(ctx context.Context, by portal.Caller, number, reason string, acts bool) error // the host's staff look as a partner
	StopViewing(ctx context.Context, by portal.Caller) error
}

// Options hand the door what it needs of other rooms.
type Options struct {
	DB       *portal.DB
	Auth     Auth
	HostName string // of the company whose portal this is
	Version  string
	Entities []string        // all that a core can be mirrored of, those first that others refer to
	Library  catalog.Library // the host's documents
	BaseURL  string          // of the portal as browsers know it, without a path
	Language string          // spoken with those who ask for none that the portal speaks; empty: English

	Files      files.Store // where added files are kept; nil = none are taken
	Remittance string      // how partners pay, as the host words it; several lines
}

// Web is the people's door. It serves any number of requests at once.
type Web struct {
	db         *portal.DB
	auth       Auth
	hostName   string
	version    string
	base       string
	language   string // spoken with those who ask for none that the portal speaks
	entities   []string
	origin     *http.CrossOriginProtection
	remittance string
	files      files.Store
	streams    seats // live pages, by person
	exports    seats // files being made, by person
	docs       func() apiDocument
	library    catalog.Library
	board      *host.Board
}

// New returns the door; Routes opens it.
func New(o Options) *Web {
	w := &Web{db: o.DB, auth: o.Auth, hostName: cmp.Or(o.HostName, "Extranet"), remittance: strings.TrimSpace(o.Remittance), version: o.Version, language: o.Language, entities: o.Entities, library: o.Library, board: host.NewBoard(o.DB), files: o.Files, base: strings.TrimSuffix(o.BaseURL, "/"),
		origin:  http.NewCrossOriginProtection(),
		streams: seats{most: 8, full: portal.Errorf(portal.TooMany, "you have 8 live pages open already; close one")},
		exports: seats{most: 2, full: portal.Errorf(portal.TooMany, "you have 2 exports under way already; wait until one ends")}}
	// A proxy may hide the host that browsers know. A base URL that is none trusts nobody more.
	_ = w.origin.AddTrustedOrigin(w.base)
	return w
}

// ClosingKey is where a request's context may hold a <-chan struct{} that is closed when the
// server is about to stop: streams end then.
type ClosingKey struct{}

// sameOrigin refuses what would change something and comes from another site's page.
func (w *Web) sameOrigin(c *gin.Context) {
	if err := w.origin.Check(c.Request); err != nil {
		w.Fail(c, portal.Because(portal.Forbidden, err, "this came from another site's page; open the portal's own page and do it there"))
	}
}

// A request is what a page is asked for, by a caller who is known.
type request struct {
	by    portal.Caller
	shell Shell
	query url.Values
	form  url.Values      // what was posted; nil for a GET
	files *multipart.Form // the files that were posted with it; nil for none
	param func(string) string
	rows  int    // of a list on one page
	back  string // the page that the request came from, as the browser says; "/" where it does not

	denied *error // what was refused to a form that is shown again
}

// rowsFor is how many rows a list shows on one page: each is a card on a phone, and fifty of them are a long way to its end.
func rowsFor(userAgent string) int {
	if strings.Contains(userAgent, "Mobi") {
		return 20
	}
	return 50
}

// cameFrom is the path of the page that the request came from, or "/".
func cameFrom(r *http.Request) string {
	u, err := url.Parse(r.Referer())
	if err != nil || u.Path == "" {
		return "/"
	}
	return localPath(u.RequestURI())
}

// A reply is a page, a place to go instead, or a file.
type reply struct {
	status int // 0 = 200
	page   templ.Component
	to     string
	flash  *Flash // said on the next page
	file   *file
}

type handler = func(context.Context, request) (reply, error)

// page answers a caller who is signed in, and sends everybody else to sign in.
func (w *Web) page(h handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		who := w.auth.Caller
		if c.GetHeader("Live") != "" { // the page asks by itself
			who = w.auth.Peek
		}
		by, err := who(c)
		if err == nil {
			err = someone(by)
		}
		if err == nil {
			if err = w.held(c.Request.Context(), by, c.FullPath()); err != nil && portal.Says(err).Kind == portal.Forbidden {
				if c.Request.Method == http.MethodGet && c.GetHeader("Live") == "" { // the terms alone, then what was asked for
					c.Redirect(http.StatusSeeOther, "/terms?"+url.Values{"next": {c.Request.URL.RequestURI()}}.Encode())
					return
				}
				w.noteDenied(c, by, err)
				if c.Request.Method == http.MethodPost && c.GetHeader("HX-Request") == "" { // what a page sends by itself stays in it
					w.answer(c, by, w.hold)
					return
				}
			}
		}
		if err != nil {
			w.Fail(c, err)
			return
		}
		w.answer(c, by, h)
	}
}

// public answers anybody.
func (w *Web) public(h handler) gin.HandlerFunc {
	return func(c *gin.Context) { w.answer(c, w.caller(c), h) }
}

func (w *Web) answer(c *gin.Context, by portal.Caller, h handler) {
	w.speak(c, by)
	ctx := c.Request.Context()
	if by.PartnerID != 0 {
		c.Set("partner", by.PartnerID)
	}
	query, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		w.Fail(c, portal.Because(portal.Malformed, err, "this address cannot be read"))
		return
	}
	form, err := postedForm(c)
	if err != nil {
		w.Fail(c, err)
		return
	}
	takeNumbers(form)
	if by.ReadOnly && c.Request.Method == http.MethodPost && c.FullPath() != stopViewing {
		w.noteDenied(c, by, portal.Viewing)
		w.Fail(c, portal.Viewing)
		return
	}
	var denied error
	r, err := h(ctx, request{by: by, denied: &denied, shell: w.shell(c, by), query: query, form: form, files: c.Request.MultipartForm, param: c.Param, rows: rowsFor(c.Request.UserAgent()), back: cameFrom(c.Request)})
	if err == nil && c.GetHeader("Live") == "" {
		w.db.Used(by, c.FullPath())
	}
	if r.flash != nil {
		w.keepFlash(c, *r.flash)
	}
	switch {
	case err != nil:
		if portal.Says(err).Kind == portal.Forbidden {
			w.noteDenied(c, by, err)
		}
		w.Fail(c, err)
	case r.to != "":
		c.Redirect(cmp.Or(r.status, http.StatusSeeOther), r.to)
	case r.file != nil:
		r.file.send(c)
	default:
		if denied != nil {
			w.noteDenied(c, by, denied)
		}
		w.write(c, cmp.Or(r.status, http.StatusOK), r.page)
	}
}

// caller is who asks, or nobody.
func (w *Web) caller(c *gin.Context) portal.Caller {
	by, err := w.auth.Peek(c)
	if err != nil {
		return portal.Caller{}
	}
	return by
}

func someone(by portal.Caller) error {
	if by.PartnerID == 0 {
		return portal.Errorf(portal.Unauthenticated, "sign in first")
	}
	return nil
}

// noteDenied audits that a right was missing.
func (w *Web) noteDenied(c *gin.Context, by portal.Caller, err error) {
	ctx := c.Request.Context()
	if err := someone(by); err != nil {
		return
	}
	if auditErr := w.db.AuditDenial(ctx, by, "web "+c.FullPath(), err); auditErr != nil {
		_ = c.Error(auditErr) // for the request's log line
	}
}

// shell is what surrounds the page for the caller, who may be nobody. What cannot be found out is left out.
func (w *Web) shell(c *gin.Context, by portal.Caller) Shell {
	w.speak(c, by)
	ctx := c.Request.Context()
	s := Shell{HostName: w.hostName, Version: w.version, Path: c.Request.URL.RequestURI()}
	if cookie, err := c.Request.Cookie(themeCookie); err == nil {
		s.Theme = ParseTheme(cookie.Value)
	}
	if h, err := w.board.All(ctx); err == nil {
		s.Brand, s.HostName, s.Maintenance = h.Branding, cmp.Or(h.Branding.Name, s.HostName), h.Maintenance(by, w.db.Now())
	}
	if by.PartnerID == 0 {
		return s
	}
	s.Flash = w.takeFlash(c)
	s.Person, s.Search, s.SearchHint = by.Name, search.May(by), searchHint(by)
	s.Partner = PartnerChoice{ID: strconv.FormatInt(by.PartnerID, 10), Name: by.PartnerName, Number: by.PartnerNumber}
	if by.PersonID != uuid.Nil {
		if p, err := w.auth.Person(ctx, by); err == nil {
			s.Mail = p.Email
		}
		if all, err := w.auth.Partners(ctx, by); err == nil {
			for _, m := range all {
				s.Partners = append(s.Partners, PartnerChoice{ID: strconv.FormatInt(m.PartnerID, 10), Name: m.PartnerName, Number: m.PartnerNumber})
			}
		}
	}
	if by.Viewing {
		s.Banner = ViewAs(by.PartnerName, stopViewing, by.ReadOnly)
	}
	at := func(group Words, href string, icon Icon, label Words, shown bool) {
		if shown {
			path := section(c.Request.URL.Path)
			s.Nav = append(s.Nav, NavItem{Group: group, Label: label, Href: href, Icon: icon, Current: path == href || href != "/" && strings.HasPrefix(path, href+"/")})
		}
	}
	dealer, supplier := by.PartnerKind == "dealer", by.PartnerKind == "supplier"
	may := by.Perms.Has
	at("", "/", IconHome, "Home", true)
	at("", "/announcements", IconFeedback, "Announcements", !by.Host)
	at("Buying", "/catalog", IconProducts, "Catalog", may(portal.CatalogRead) && !supplier)
	at("Buying", "/cart", IconPurchases, "Cart", may(portal.OrdersPlace) && may(portal.CatalogRead) && !supplier)
	at("Buying", "/orders", IconOrders, "Orders", may(portal.OrdersRead) && !supplier)
	at("Buying", "/approvals", IconChecklist, "Approvals", may(portal.OrdersApprove) && !supplier)
	at("Buying", "/claims", IconClaims, "Claims", may(portal.ClaimsRead) && dealer)
	at("Buying", "/finance", IconAccount, "Account", may(portal.AccountRead) && !supplier)
	at("Supplying", "/forecasts", IconForecasts, "Forecasts", may(portal.ForecastsRead) && supplier)
	at("Supplying", "/purchasing", IconPurchases, "Purchase orders", may(portal.PurchasingRead) && supplier)
	at("Supplying", "/dispatches", IconShipments, "Shipment notices", may(portal.PurchasingRead) && supplier)
	at("Supplying", "/receipts", IconReceipts, "Receipts", may(portal.PurchasingRead) && supplier)
	at("Supplying", "/billing", IconInvoices, "Invoices", may(portal.BillingRead) && supplier)
	at("Supplying", "/supplies", IconProducts, "Stock and capacity", may(portal.PurchasingRead) && supplier)
	at("Supplying", "/scorecard", IconChecklist, "Scorecard", may(portal.PurchasingRead) && supplier)
	at("Supplying", "/notices", IconChanges, "Changes", may(portal.NoticesRead) && supplier)
	at("Partners", "/desk/claims", IconClaims, "Claims desk", by.Host && may(portal.ClaimsDecide))
	at("Partners", "/buying", IconPurchases, "Buying desk", by.Host && may(portal.PurchasesRead))
	at("Partners", "/plans", IconForecasts, "Plans", by.Host && may(portal.PlansManage))
	at("Partners", "/partner-notices", IconChanges, "Changes", by.Host && may(portal.NoticesManage))
	at("Partners", "/partners", IconPartners, "Partners", by.Host && may(portal.PartnersRead))
	at("Partners", "/announced", IconFeedback, "Announcements", by.Host && (may(portal.NewsManage) || may(portal.AuditRead)))
	at("Partners", "/reviews", IconChecklist, "Reviews", by.Host && (may(portal.ReviewsManage) || may(portal.AuditRead)))
	at("Partners", "/sessions", IconPeople, "Signed in", by.Host && may(portal.PeopleManage))
	at("Partners", "/roles", IconKey, "Roles", by.Host && may(portal.PartnersRead))
	at("Partners", "/analytics", IconFigures, "Analytics", by.Host && may(portal.FiguresRead))
	at("Partners", "/sync", IconRefresh, "Sync", by.Host && may(portal.FeedsRead))
	at("Own company", "/company", IconCompany, "Company", may(portal.CompanyRead))
	at("Own company", "/access", IconLock, "My access", by.PersonID != uuid.Nil && !by.Viewing)
	at("Own company", "/people", IconPeople, "People", may(portal.PeopleRead))
	at("Own company", "/ordering", IconSettings, "Ordering rules", may(portal.PeopleManage) && dealer)
	at("Own company", "/audit", IconAudit, "Log", may(portal.AuditRead) && by.Sites == nil)
	return s
}

// section is where a page belongs whose address begins elsewhere, so that it hides no document of the section's: /new/claims is of the claims.
func section(path string) string {
	for _, before := range []string{"/new/", "/tables/"} {
		if rest, ok := strings.CutPrefix(path, before); ok {
			return "/" + rest
		}
	}
	if path == "/remittances" || strings.HasPrefix(path, "/remittances/") {
		return "/billing"
	}
	return path
}

// ShowSignIn answers with the sign-in page.
func (w *Web) ShowSignIn(c *gin.Context, status int, p SignIn) {
	w.write(c, status, SignInPage(w.shell(c, portal.Caller{}), p))
}

// ShowSignedOut answers with the page that follows signing out.
func (w *Web) ShowSignedOut(c *gin.Context) {
	w.write(c, http.StatusOK, SignedOutPage(w.shell(c, portal.Caller{}), Issuer{}))
}

// read returns what load reads in the caller's transaction, from the cache where it is known. The value is shared: never change it.
func read[T any](ctx context.Context, w *Web, by portal.Caller, noun, key string, load func(context.Context, *portal.Tx) (T, error)) (T, error) {
	return portal.Cached(ctx, w.db, by, noun, "web:"+key, func(ctx context.Context) (v T, err error) {
		err = w.db.Do(ctx, by, func(tx *portal.Tx) (err error) {
			v, err = load(ctx, tx)
			return err
		})
		return v, err
	})
}

// fresh says how old what is shown is, made of these entities: as old as the oldest, behind since the first that is.
func (w *Web) fresh(ctx context.Context, entities ...string) (f Freshness, err error) {
	all := make([]portal.Freshness, len(entities))
	for i, e := range entities {
		if all[i], err = w.db.Freshness(ctx, e); err != nil {
			return f, err
		}
	}
	now := w.db.Now()
	oldest := portal.Oldest(all...)
	f = Freshness{AsOf: oldest.AsOf, Offered: oldest.Offered, Now: now}
	for _, a := range all {
		if !a.Offered {
			continue
		}
		f.Stale = f.Stale || a.Stale(now)
		if since := a.BehindSince; !since.IsZero() && (f.BehindSince.IsZero() || since.Before(f.BehindSince)) {
			f.BehindSince = since
		}
	}
	return f, nil
}

// seats limits how many of something a person has at once, in this process.
type seats struct {
	most  int
	full  error // said to whoever has as many
	mu    sync.Mutex
	taken map[string]int
}

// take returns the function that gives the seat back.
func (s *seats) take(by portal.Caller) (leave func(), err error) {
	who := by.PersonID.String() + " " + by.Name
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[who] >= s.most {
		return nil, s.full
	}
	if s.taken == nil {
		s.taken = map[string]int{}
	}
	s.taken[who]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.taken[who]--; s.taken[who] == 0 {
			delete(s.taken, who)
		}
	}, nil
}

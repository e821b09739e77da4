// Package api is the machines' door: JSON under /api/v1, described by its own
// OpenAPI 3.1 document. It decodes, asks the portal on the caller's behalf, and encodes.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"io"
	"math"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/accounts"
	"extranet/portal/catalog"
	"extranet/portal/files"
	"extranet/portal/host"
	"extranet/portal/paper"
	"extranet/portal/partners"
)

// Prefix is where the API lives.
const Prefix = "/api/v1"

// Options hand the door what it needs of other rooms.
type Options struct {
	DB        *portal.DB
	Caller    func(*gin.Context) (portal.Caller, error)                           // who is asking; an error is answered as it says
	Partners  func(context.Context, portal.Caller) ([]partners.Membership, error) // those the caller may act for
	Library   catalog.Library                                                     // the host's documents
	RateLimit float64                                                             // requests per second for each caller; 0 = no limit
	Version   string
	Sessions  Sessions
	Files     files.Store // where added files are kept; nil = none are taken
	BaseURL   string      // of the portal: the one origin whose pages may read answers
	Papers    Papers
}

// Papers makes files as the pages give them away.
type Papers interface {
	Invoice(ctx context.Context, by portal.Caller, number string) (paper.File, error)
	Statement(ctx context.Context, by portal.Caller, p accounts.Period, format string) (paper.File, error)
	Evidence(ctx context.Context, by portal.Caller, campaign uuid.UUID, format string) (paper.File, error)
	Labels(ctx context.Context, by portal.Caller, number string) (paper.File, error)
}

// door is one open API.
type door struct {
	db       *portal.DB
	caller   func(*gin.Context) (portal.Caller, error)
	partners func(context.Context, portal.Caller) ([]partners.Membership, error)
	library  catalog.Library
	limits   *limits
	sessions Sessions
	origin   []string
	files    files.Store
	papers   Papers
	board    *host.Board
}

// Routes opens the door on e and returns what makes the OpenAPI document it is described by, as JSON, when it is asked for first.
func Routes(e *gin.Engine, o Options) func() []byte {
	d := door{db: o.DB, caller: o.Caller, partners: o.Partners, library: o.Library, files: o.Files, papers: o.Papers, board: host.NewBoard(o.DB), sessions: o.Sessions, limits: newLimits(o.RateLimit), origin: []string{o.BaseURL}}
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "extranet", Version: o.Version, Contact: &huma.Contact{Name: "Your partner manager at the host"},
				Description: "What partners do on the portal's pages, for their machines. Amounts and quantities are exact decimals in strings; days are `2006-01-02`; times are UTC. " +
					"Every answer that comes from the host's core database says in `freshness` how old it is. What belongs to another partner does not exist: 404."},
			Servers: []*huma.Server{{URL: Prefix}},
			Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName), SecuritySchemes: map[string]*huma.SecurityScheme{
				"token": {Type: "http", Scheme: "bearer", Description: "An API token of one partner, made with `extranet token`."},
			}},
			Security: []map[string][]string{{"token": {}}},
			Tags: []*huma.Tag{
				{Name: "Billing", Description: "Suppliers: own invoices, and what the host paid."}, {Name: "Supplies", Description: "Suppliers: stock and capacity that they report."}, {Name: "Scorecard", Description: "Suppliers: how they deliver, answer and keep their word."}, {Name: "Buying desk", Description: "The host's staff: what is bought from every supplier."}, {Name: "Purchasing", Description: "Suppliers: what the host orders, and the answers to it."},
				{Name: "Orders", Description: "What the partner ordered, and where it is."},
				{Name: "Account", Description: "What the partner owes, and may still buy."},
				{Name: "Claims", Description: "What is wrong with what the partner bought, and what comes of it."},
				{Name: "Claims desk", Description: "For the host's staff: every partner's claims."},
				{Name: "Access", Description: "Who is asking, and for whom."},
				{Name: "People", Description: "Who may act for the partner, and by which tokens."},
				{Name: "Audit", Description: "What happened, who did it, and who could see what."},
				{Name: "Directory", Description: "For the host's staff: every partner."},
				{Name: "Reviews", Description: "Who has access is asked again, person by person."},
				{Name: "Announcements", Description: "What the host tells its partners, and how the portal looks."},
				{Name: "Terms", Description: "What partners' people accept before they use the portal."},
				{Name: "Sync", Description: "For the host's staff: how far the mirror of the core is, what it refused, and what is on its way back."},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": {Marshal: marshal, Unmarshal: json.Unmarshal}, "json": {Marshal: marshal, Unmarshal: json.Unmarshal}},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	}
	g := e.Group(Prefix, d.identify)
	h := humagin.NewWithGroup(e, g, config)
	d.purchasing(h)
	d.supplies(h)
	d.buying(h)
	d.tables(h)
	d.scorecard(h)
	d.dispatches(h)
	d.billing(h)
	d.orders(h)
	d.catalog(h)
	d.ordering(h)
	d.cart(h)
	d.account(h)
	d.company(h)
	d.forecasts(h)
	d.plans(h)
	d.notices(h)
	d.partnerNotices(h)
	d.claims(h)
	d.access(h)
	d.tasks(h)
	d.search(h)
	d.people(h)
	d.sync(h)
	d.audit(h)
	d.directory(h)
	d.analytics(h)
	d.entry(h)
	d.scim(e)
	d.roles(h)
	d.requests(h)
	d.reviews(h)
	d.sponsors(h)
	d.signedIn(h)
	d.announcements(h)
	d.terms(h)
	d.branding(h)

	describe(h.OpenAPI())
	document := sync.OnceValue(func() []byte {
		b, err := json.MarshalIndent(h.OpenAPI(), "", "  ")
		if err != nil {
			panic(err) // a mistake in the route table
		}
		return b
	})
	e.GET(Prefix+"/openapi.json", func(c *gin.Context) {
		c.Header("Cache-Control", "public, max-age=300")
		c.Data(http.StatusOK, "application/vnd.oai.openapi+json;version=3.1", document())
	})
	return document
}

// schemaName names a schema after its noun and its type: orders.Line is OrdersLine.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	name := t.Name()
	if name == "" {
		return hint
	}
	if inner, ok := strings.CutPrefix(name, "body["); ok { // an answer is named after what it answers with
		name = strings.TrimSuffix(inner[strings.LastIndex(inner, ".")+1:], "]") + "Answer"
	}
	if noun := path.Base(t.PkgPath()); strings.HasPrefix(t.PkgPath(), "extranet/portal/") {
		name = strings.ToUpper(noun[:1]) + noun[1:] + name
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// marshal writes an answer that is encoded already as it is, and anything else as JSON.
func marshal(w io.Writer, v any) error {
	if e, ok := v.(encoded); ok {
		b := e.bytes()
		if h, ok := w.(http.ResponseWriter); ok {
			h.Header()["Content-Length"] = []string{strconv.Itoa(len(b))}
		}
		_, err := w.Write(b)
		return err
	}
	return json.NewEncoder(w).Encode(v)
}

type encoded interface{ bytes() []byte }

type (
	callerKey  struct{}
	addressKey struct{} // the request's method and path, for the audit
)

// identify puts the caller into the request, or answers for one who is nobody or asks too often.
func (d door) identify(c *gin.Context) {
	c.Writer.Header()["Access-Control-Allow-Origin"] = d.origin
	if strings.Contains(c.Request.URL.EscapedPath(), "//") { // a name that is left out names nothing
		NotFound(c)
		return
	}
	by, err := d.caller(c)
	if err == nil && by.PartnerID == 0 {
		err = portal.Errorf(portal.Unauthenticated, "send an API token: Authorization: Bearer ext_…")
	}
	if err == nil {
		err = noEmpties(c.Request.URL)
	}
	if err == nil {
		err = d.limits.take(c.Writer.Header(), by)
	}
	if err == nil && !strings.HasPrefix(c.FullPath(), Prefix+"/terms") {
		if err = d.board.Held(c.Request.Context(), by); err != nil && portal.Says(err).Kind == portal.Forbidden {
			err = errors.Join(err, d.db.AuditDenial(c.Request.Context(), by, c.Request.Method+" "+c.Request.URL.Path, err))
		}
	}
	if err != nil {
		Fail(c, err)
		return
	}
	c.Set("partner", by.PartnerID) // for the request's log line
	ctx := context.WithValue(c.Request.Context(), callerKey{}, by)
	c.Request = c.Request.WithContext(context.WithValue(ctx, addressKey{}, c.Request.Method+" "+c.Request.URL.Path))
	c.Next()
	if c.Writer.Status() < http.StatusBadRequest {
		d.db.Used(by, strings.TrimPrefix(c.FullPath(), Prefix))
	}
}

// noEmpties refuses parameters that are there and say nothing: whoever sends one meant something else.
func noEmpties(u *url.URL) error {
	if u.RawQuery == "" {
		return nil
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return portal.Because(portal.Malformed, err, "the query of this address cannot be read")
	}
	empty := map[string]string{}
	for name, values := range query {
		if slices.Contains(values, "") {
			empty[name] = "is empty; leave it out or give it a value"
		}
	}
	if len(empty) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this request cannot be meant; each field says how to cure it", Fields: empty}
	}
	return nil
}

func callerOf(ctx context.Context) portal.Caller {
	by, _ := ctx.Value(callerKey{}).(portal.Caller)
	return by
}

// operation describes a route; every one can answer with these problems.
func operation(id, method, path, tag, summary, description string) huma.Operation {
	op := huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{tag}, Summary: summary, Description: description,
		Errors: []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable}}
	if method == http.MethodGet {
		op.Responses = map[string]*huma.Response{"304": {Description: "What you have is still what there is."}}
	}
	return op
}

// freshness says how old the data of an answer is.
type freshness struct {
	AsOf        *time.Time `json:"as_of" doc:"The core's clock when the portal last read all of this, UTC; null before it first did"`
	Stale       bool       `json:"stale" doc:"Older than the host allows: take it with care"`
	BehindSince *time.Time `json:"behind_since" doc:"Since when the portal has not been able to read the core; null while it is"`
}

// fresh tells of the oldest of the entities.
func (d door) fresh(ctx context.Context, entities ...string) (f freshness, err error) {
	all := make([]portal.Freshness, len(entities))
	for i, e := range entities {
		if all[i], err = d.db.Freshness(ctx, e); err != nil {
			return f, err
		}
	}
	oldest := portal.Oldest(all...)
	f.Stale = oldest.Stale(d.db.Now())
	if !oldest.AsOf.IsZero() {
		f.AsOf = &oldest.AsOf
	}
	for i := range all {
		if since := all[i].BehindSince; !since.IsZero() && (f.BehindSince == nil || since.Before(*f.BehindSince)) {
			f.BehindSince = &since
		}
	}
	return f, nil
}

// Conditional is what a read may be asked with.
type Conditional struct {
	IfNoneMatch string `header:"If-None-Match" doc:"An ETag of an earlier answer; 304 if it is still what there is" maxLength:"200"`
}

// An answer is a read of T with how fresh it is. The ETag speaks of T and of
// staleness, not of the passing of time: a 304 leaves freshness to the As-Of header.
type answer[T any] struct {
	Status       int    `json:"-"`
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	AsOf         string `header:"As-Of" doc:"freshness.as_of, on a 304 too"`
	Body         body[T]
}

// body is T encoded, with freshness to be set in as its last member.
type body[T any] struct {
	kept  []byte
	fresh []byte
}

// Schema describes body as T with freshness.
func (body[T]) Schema(r huma.Registry) *huma.Schema {
	s := huma.SchemaFromType(r, reflect.TypeFor[T]())
	if s.Ref != "" {
		s = r.SchemaFromRef(s.Ref)
	}
	if _, ok := s.Properties["freshness"]; !ok {
		s.Properties["freshness"] = r.Schema(reflect.TypeFor[freshness](), true, "")
		s.Required = append(s.Required, "freshness")
	}
	return s
}

func (b body[T]) bytes() []byte {
	out := make([]byte, 0, len(b.kept)+len(b.fresh)+16)
	out = append(out, b.kept[:len(b.kept)-1]...)
	out = append(out, `,"freshness":`...)
	out = append(out, b.fresh...)
	return append(out, '}', '\n')
}

// kept is an answer's part that stays the same until its data changes: its hash, a line break, its JSON.
type kept struct{ hash, body []byte }

func (k kept) Size() int { return len(k.hash) + len(k.body) }

func (k kept) MarshalBinary() ([]byte, error) {
	return append(append(bytes.Clone(k.hash), '\n'), k.body...), nil
}

func (k *kept) UnmarshalBinary(b []byte) error {
	var ok bool
	if k.hash, k.body, ok = bytes.Cut(bytes.Clone(b), []byte{'\n'}); !ok {
		return errors.New("not an answer")
	}
	return nil
}

// read answers a T from the cache, or through load, which returns its JSON, in the caller's transaction. key tells one read of the noun from another.
func read[T any](ctx context.Context, d door, noun, key string, c Conditional, entities []string, load func(tx *portal.Tx) ([]byte, error)) (*answer[T], error) {
	by := callerOf(ctx)
	k, err := portal.Cached(ctx, d.db, by, noun, "api:"+key, func(ctx context.Context) (k kept, err error) {
		if err := d.db.Do(ctx, by, func(tx *portal.Tx) (err error) { k.body, err = load(tx); return err }); err != nil {
			return k, err
		}
		h := fnv.New64a()
		h.Write(k.body)
		k.hash = strconv.AppendUint(nil, h.Sum64(), 36)
		return k, nil
	})
	if err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	return answered[T](ctx, d, k, c, entities)
}

// answered is the answer that k is, with how fresh it is.
func answered[T any](ctx context.Context, d door, k kept, c Conditional, entities []string) (*answer[T], error) {
	f, err := d.fresh(ctx, entities...)
	if err != nil {
		return nil, problemOf(err)
	}
	a := &answer[T]{Status: http.StatusOK, CacheControl: "private, no-cache", ETag: `W/"` + string(k.hash)}
	if f.Stale {
		a.ETag += "-stale"
	}
	a.ETag += `"`
	if f.AsOf != nil {
		a.AsOf = f.AsOf.UTC().Format(time.RFC3339Nano)
	}
	if matches(c.IfNoneMatch, a.ETag) {
		a.Status = http.StatusNotModified
		return a, nil
	}
	a.Body.kept = k.body
	a.Body.fresh, err = json.Marshal(f)
	return a, err
}

// matches compares weakly, RFC 9110 section 13.1.2.
func matches(ifNoneMatch, etag string) bool {
	for tag := range strings.SplitSeq(ifNoneMatch, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(etag, "W/") {
			return ifNoneMatch != ""
		}
	}
	return false
}

// refuse turns err into a problem; a right that was missing is audited.
func refuse(ctx context.Context, d door, by portal.Caller, err error) error {
	if portal.Says(err).Kind == portal.Forbidden && by.PartnerID != 0 {
		address, _ := ctx.Value(addressKey{}).(string)
		err = errors.Join(err, d.db.AuditDenial(ctx, by, address, err))
	}
	return problemOf(err)
}

// A problem is an RFC 9457 problem document.
type problem struct {
	Type   string            `json:"type" doc:"about:blank: the status says it all"`
	Title  string            `json:"title" doc:"The status in words"`
	Status int               `json:"status"`
	Detail string            `json:"detail" doc:"What is wrong and what to do"`
	Fields map[string]string `json:"fields,omitempty" doc:"For 422: each field that cannot be meant, and how to cure it"`
	cause  error
}

func (p *problem) Error() string {
	if p.cause != nil {
		return p.cause.Error()
	}
	return p.Detail
}
func (p *problem) Unwrap() error             { return p.cause }
func (p *problem) GetStatus() int            { return p.Status }
func (p *problem) ContentType(string) string { return "application/problem+json" }
func (p *problem) GetHeaders() http.Header {
	if p.Status == http.StatusServiceUnavailable {
		return http.Header{"Retry-After": {"2"}}
	}
	return nil
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

func problemOf(err error) *problem {
	e := portal.Says(err)
	code := statuses[e.Kind]
	return &problem{Type: "about:blank", Title: http.StatusText(code), Status: code, Detail: e.Msg, Fields: e.Fields, cause: err}
}

// huma's own refusals take the same form, fields by their plain names; a list is never null.
func init() {
	huma.DefaultArrayNullable = false
	huma.NewError = func(code int, msg string, errs ...error) huma.StatusError {
		p := &problem{Type: "about:blank", Title: http.StatusText(code), Status: code, Detail: msg}
		for _, err := range errs {
			if own, ok := err.(*problem); ok {
				return own
			}
			detail, ok := err.(huma.ErrorDetailer)
			if !ok {
				p.cause = err
				continue
			}
			_, name, found := strings.Cut(detail.ErrorDetail().Location, ".")
			if !found {
				name = detail.ErrorDetail().Location
			}
			if p.Fields == nil {
				p.Fields = map[string]string{}
			}
			p.Fields[name] = detail.ErrorDetail().Message
		}
		if msg == "validation failed" {
			p.Detail = "this request cannot be meant; each field says how to cure it"
		}
		if code >= http.StatusInternalServerError {
			p.Detail = "something went wrong on our side"
		}
		return p
	}
}

// Fail answers with the problem that err is.
func Fail(c *gin.Context, err error) {
	_ = c.Error(err) // for the request's log line
	p := problemOf(err)
	switch p.Status {
	case http.StatusUnauthorized:
		challenge := `Bearer realm="extranet"` // RFC 6750 section 3
		if c.GetHeader("Authorization") != "" {
			challenge += `, error="invalid_token"`
		}
		c.Header("WWW-Authenticate", challenge)
	case http.StatusServiceUnavailable:
		c.Header("Retry-After", "2")
	}
	c.Header("Content-Type", "application/problem+json")
	c.Header("Cache-Control", "no-store")
	c.AbortWithStatusJSON(p.Status, p)
}

// NotFound answers for paths that are not there; MethodNotAllowed for methods.
func NotFound(c *gin.Context) {
	Fail(c, portal.Errorf(portal.NotFound, "there is nothing at this path; %s/openapi.json lists what there is", Prefix))
}

// MethodNotAllowed answers for a path that is there, under another method; gin has set Allow.
func MethodNotAllowed(c *gin.Context) {
	c.Header("Content-Type", "application/problem+json")
	c.AbortWithStatusJSON(http.StatusMethodNotAllowed, &problem{Type: "about:blank", Title: http.StatusText(http.StatusMethodNotAllowed), Status: http.StatusMethodNotAllowed,
		Detail: "this path takes " + c.Writer.Header().Get("Allow")})
}

// ceilSeconds rounds up: who waits this long gets through.
func ceilSeconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"extranet/auth"
	"extranet/portal"
	"extranet/portal/files"
	"extranet/portal/partners"
	"extranet/portal/portaltest"
	"extranet/sandbox/httptext"
)

// A probe says how a route is asked, and by whom it may be. Every route has one; a route without fails the suite.
type probe struct {
	public bool              // answers anybody, and holds nothing of a partner's
	door   bool              // sign-in's own: decides by itself who may pass; auth's tests hold it to that
	as     string            // the visitor whose things it is about: acme or cord; "" = acme
	path   string            // as that one asks it about its own things; "" = the route itself
	form   string            // what is posted: a form, or JSON at the machines' door
	before string            // SQL that brings about what is asked for
	says   string            // what Acme's own answer holds
	need   portal.Permission // the right it takes …
	any    bool              // … unless any member may
	host   bool              // for the host's staff alone
	person bool              // for people alone: asked by their sessions at the machines' door too
	// What is asked about another partner's thing, about one beyond the caller's sites, and about one that never was: all answered
	// alike. Each is a path, or with a form that names the thing, the form.
	foreign, beyond, missing string
}

var probes = map[string]probe{
	"GET /api/v1/openapi.json":          {public: true},
	"GET /api/v1/me":                    {any: true, says: "D100"},
	"GET /api/v1/partners":              {any: true, says: "D100"},
	"GET /api/v1/tasks":                 {any: true},
	"GET /api/v1/search":                {any: true, path: "/api/v1/search?q=A-1", says: "A-1", foreign: "/api/v1/search?q=B-1", missing: "/api/v1/search?q=X-1"},
	"GET /api/v1/orders":                {need: portal.OrdersRead, says: "ACMEONLY"},
	"GET /api/v1/orders/:number":        {need: portal.OrdersRead, path: "/api/v1/orders/A-1", says: "ACMEONLY", foreign: "/api/v1/orders/B-1", beyond: "/api/v1/orders/A-1", missing: "/api/v1/orders/X-1"},
	"GET /":                             {any: true, says: "A-1"},
	"GET /search":                       {any: true, path: "/search?q=A-1", foreign: "/search?q=B-1", missing: "/search?q=X-1"},
	"GET /orders":                       {need: portal.OrdersRead, says: "ACMEONLY"},
	"GET /orders/:number":               {need: portal.OrdersRead, path: "/orders/A-1", says: "ACMEONLY", foreign: "/orders/B-1", beyond: "/orders/A-1", missing: "/orders/X-1"},
	"GET /exports/orders.csv":           {need: portal.OrdersExport, says: "ACMEONLY"},
	"GET /exports/orders.xlsx":          {need: portal.OrdersExport},
	"GET /company":                      {need: portal.CompanyRead, says: "Acme"},
	"GET /account":                      {any: true},
	"GET /events":                       {any: true},
	"POST /theme":                       {public: true, form: "theme=dark&back=/"},
	"POST /language":                    {public: true, form: "language=de&back=/"},
	"PUT /api/v1/me/language":           {any: true, person: true, form: `{"language":"de"}`, says: "de"},
	"GET /api/docs":                     {public: true},
	"GET /assets/*file":                 {public: true, path: "/assets/none"},
	"HEAD /assets/*file":                {public: true, path: "/assets/none"},
	"GET /login":                        {door: true},
	"GET /login/:issuer":                {door: true},
	"POST /login":                       {door: true},
	"GET /auth/callback":                {door: true},
	"GET /invitation/:secret":           {door: true},
	"POST /auth/backchannel/:issuer":    {door: true},
	"POST /logout":                      {door: true},
	"POST /partner":                     {any: true, form: "partner=2&back=/", foreign: "partner=3", missing: "partner=9999"},
	"POST /account/sessions/:id/end":    {any: true, path: "/account/sessions/OWN/end", foreign: "/account/sessions/OTHER/end", missing: "/account/sessions/00000000-0000-4000-8000-000000000000/end"},
	"POST /account/sessions/end-others": {any: true},
}

// seeds are what each noun brings to the suite beside seed; its file adds its probes and its seed.
var seeds []string

// seed gives Acme and Brock twins of everything, each marked with words that may be seen by nobody else.
const seed = `
	INSERT INTO orders (partner_id, number, site, po_number, contact, status, currency, ordered_on, promised_on, net, tax, total, comment, changed_at)
	SELECT p.id, p.l || '-' || i, s.site, p.word || '-' || i, p.word, 'open', 'EUR', '2026-02-01', '2026-02-02', 10, 2, 12, p.word, '2026-03-01Z'
	FROM (VALUES (2, 'A', 'ACMEONLY'), (3, 'B', 'BROCKONLY')) p (id, l, word), generate_series(1, 3) i,
		LATERAL (SELECT CASE p.id WHEN 2 THEN 'D100' ELSE 'D200' END AS site) s;
	INSERT INTO orders (partner_id, number, site, status, currency, ordered_on, net, tax, total, changed_at) VALUES (2, 'N-1', 'D101', 'open', 'EUR', '2026-02-01', 1, 0, 1, now());
	INSERT INTO order_lines (partner_id, order_number, line, product, description, ordered, shipped, backordered, cancelled, price, net, changed_at)
	SELECT partner_id, number, 1, 'T1', coalesce(comment, 'x'), 4, 1, 1, 1, 3, 12, now() FROM orders;
	-- Under the other's number as well: a query that joins without the partner shows it.
	INSERT INTO order_lines (partner_id, order_number, line, description, ordered, shipped, backordered, cancelled, price, net, changed_at)
	VALUES (3, 'A-1', 2, 'BROCKONLY', 1, 0, 0, 0, 1, 1, now()), (2, 'B-1', 2, 'ACMEONLY', 1, 0, 0, 0, 1, 1, now());
	INSERT INTO orders (partner_id, number, site, status, currency, ordered_on, net, tax, total, continued_by, changed_at) VALUES (3, 'BROCKONLY-C', 'D200', 'open', 'EUR', '2026-02-01', 1, 0, 1, 'A-1', now());
	INSERT INTO shipments (partner_id, shipment, site, carrier, shipped_on, changed_at) VALUES (2, 'S1', 'D100', 'ACMEONLY', '2026-02-02', now()), (3, 'S1', 'D200', 'BROCKONLY', '2026-02-02', now());
	INSERT INTO shipment_lines (partner_id, shipment, line, order_number, product, quantity, changed_at)
	VALUES (2, 'S1', 1, 'A-1', 'ACMEONLY', 1, now()), (3, 'S1', 1, 'B-1', 'BROCKONLY', 1, now()), (3, 'S1', 2, 'A-1', 'BROCKONLY', 1, now());
	INSERT INTO packages (partner_id, shipment, package, tracking, changed_at) VALUES (2, 'S1', 'P1', 'ACMEONLY', now()), (3, 'S1', 'P2', 'BROCKONLY', now());
	INSERT INTO contacts (partner_id, contact, site, name, may_log_on, changed_at) VALUES (2, 'c1', 'D100', 'ACMEONLY', false, now()), (3, 'c2', 'D200', 'BROCKONLY', false, now());
	UPDATE sites SET street = CASE partner_id WHEN 2 THEN 'ACMEONLY' ELSE 'BROCKONLY' END;
	INSERT INTO changes (partner_id, noun, key, at, field, was, became) VALUES (2, 'orders', 'A-1', '2026-03-01Z', 'status', 'ACMEONLY', 'open'), (3, 'orders', 'B-1', '2026-03-01Z', 'status', 'BROCKONLY', 'open'), (3, 'orders', 'A-1', '2026-03-01Z', 'status', 'BROCKONLY', 'open');
	INSERT INTO feeds (entity, source, way, every_s, stale_after_s, offered, as_of) SELECT e, 'core', 'snapshot', 5, 60, true, '2026-03-02T08:59:30Z'
	FROM unnest(ARRAY['partners', 'sites', 'contacts', 'products', 'orders', 'order_lines', 'shipments', 'shipment_lines', 'packages']) e;`

// A visitor is somebody at either door.
type visitor struct {
	name, cookie, token, session string
	partner                      int64
}

// suite is the whole portal with its visitors.
type suite struct {
	t        testing.TB
	p        *portaltest.Portal
	engine   http.Handler
	routes   []string
	sessions *partners.Sessions
	visitors map[string]visitor
	seen     map[string]int // acts in the audit, by verb
}

func newSuite(t testing.TB, p *portaltest.Portal) *suite {
	t.Helper()
	p.Arrange(t, seed)
	for _, more := range seeds {
		p.Arrange(t, more)
	}
	s := openSuite(t, p, slog.New(slog.DiscardHandler))
	dealer, supplier := []string{"buyer", "approver", "claims", "finance", "partner-admin"}, []string{"planner", "seller", "finance", "partner-admin"}
	s.enrol("acme", portaltest.Acme, nil, dealer...)
	s.enrol("north", portaltest.Acme, []string{"D101"}, dealer...)
	s.enrol("planner", portaltest.Acme, nil, "planner")
	s.enrol("bare", portaltest.Acme, nil, "partner-admin")
	s.enrol("brock", portaltest.Brock, nil, dealer...)
	s.enrol("cord", portaltest.Cord, nil, supplier...)
	s.enrol("dart", portaltest.Dart, nil, supplier...)
	s.enrol("host", portaltest.Host, nil, "administrator")
	s.enrol("ended", portaltest.Acme, nil, "buyer")
	s.enrol("revoked", portaltest.Acme, nil, "buyer")
	return s
}

// openSuite opens the house on a database that is arranged already; it has no visitors yet.
func openSuite(t testing.TB, p *portaltest.Portal, log *slog.Logger) *suite {
	t.Helper()
	c := serveConfig{BaseURL: "http://localhost:8080", HostName: "Hosting Tyres", Documents: filepath.Join("testdata", "documents"), issuers: []auth.Issuer{{Name: "host", Label: "Host", URL: "http://127.0.0.1:1", ClientID: "x"}}}
	c.FilesDir = t.TempDir()
	for _, seeded := range []struct{ id, content string }{{"00000000-0000-4000-8000-000000000002", "ACMEONLY"}, {"00000000-0000-4000-8000-000000000003", "BROCKONLY"},
		{"00000000-0000-4000-8000-000000000004", "CORDONLY"}, {"00000000-0000-4000-8000-000000000005", "DARTONLY"}, {"00000000-0000-4000-8000-000000000034", "CORDONLY"}, {"00000000-0000-4000-8000-000000000035", "DARTONLY"}, {"00000000-0000-4000-8000-000000000014", "CORDONLY"}, {"00000000-0000-4000-8000-000000000015", "DARTONLY"}} {
		must(t, files.Folder(c.FilesDir).Put(t.Context(), seeded.id, []byte(seeded.content)))
	}
	h, err := newHouse(c, p.DB, log, prometheus.NewRegistry())
	must(t, err)
	t.Cleanup(h.close)
	s := &suite{t: t, p: p, engine: h.engine, sessions: partners.NewSessions(p.DB, partners.Limits{}, nil), visitors: map[string]visitor{}, seen: map[string]int{}}
	t.Cleanup(s.sessions.Close)
	for _, r := range h.engine.Routes() {
		s.routes = append(s.routes, r.Method+" "+r.Path)
	}
	return s
}

// enrol lets a person in and gives them a session and a token of the same rights.
func (s *suite) enrol(name string, partner int64, sites []string, roles ...string) {
	s.t.Helper()
	ctx := s.t.Context()
	by, err := partners.Operator(ctx, s.p.DB, "test")
	must(s.t, err)
	must(s.t, s.p.AtTheDoor(ctx, func(tx *portal.Tx) error {
		tx.By = by
		id, err := partners.Enrol(ctx, tx, partners.Enrolment{Issuer: "http://127.0.0.1:1", Subject: name, Name: name, Email: name + "@x.example", PartnerID: partner, Roles: roles, Sites: sites})
		if err != nil {
			return err
		}
		v := visitor{name: name, partner: partner}
		perms := portal.PermissionsOf(roles, partner == portaltest.Host)
		if v.token, _, err = partners.CreateTokenFor(ctx, tx, partner, partners.NewToken{Name: name, Permissions: perms.Names(), Sites: sites, ExpiresIn: time.Hour}); err != nil {
			return err
		}
		cookie, session, err := s.sessions.Start(ctx, tx, partners.Proof{Issuer: "http://127.0.0.1:1", Subject: name}, partners.Person{ID: id, Name: name}, partner, "test", "")
		v.cookie, v.session = cookie, session.String()
		s.visitors[name] = v
		return err
	}))
}

// An answer is what came back, without what differs from one request to the next.
type answer struct {
	code int
	to   string
	body string
}

// ask asks as the visitor: by token at the machines' door, by session at the people's.
func (s *suite) ask(as visitor, method, path, form string) answer {
	s.t.Helper()
	machines := strings.HasPrefix(path, "/api/v1") || strings.HasPrefix(path, "/scim/")
	if method == http.MethodPost && !machines && !strings.Contains(form, "once=") && !strings.HasPrefix(form, "--x") {
		form += "&once=" + uuid.NewString()
	}
	form = strings.Replace(form, "\r\nONCE\r\n", "\r\n"+uuid.NewString()+"\r\n", 1)
	r := httptest.NewRequest(method, path, strings.NewReader(form))
	r.Host = "localhost:8080"
	if form != "" || method != http.MethodGet {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if strings.HasPrefix(form, "--x") {
			r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		}
		r.Header.Set("Origin", "http://localhost:8080")
	}
	if machines && method != http.MethodGet {
		r.Header.Set("Content-Type", "application/json")
		if strings.Contains(path, "/files") || strings.HasSuffix(path, "/lists") {
			r.Header.Set("Content-Type", "application/octet-stream")
		}
		r.Header.Set("Idempotency-Key", uuid.NewString())
	}
	switch {
	case machines && as.token != "":
		r.Header.Set("Authorization", "Bearer "+as.token)
	case as.cookie != "":
		r.AddCookie(&http.Cookie{Name: "__Host-session", Value: as.cookie})
	}
	ctx, cancel := contextWithEnd(s.t, path)
	defer cancel()
	before := s.heads()
	w := httptest.NewRecorder()
	s.engine.ServeHTTP(w, r.WithContext(ctx))
	s.acted(as, method, path, form, w.Code, w.Header(), before)
	return answer{w.Code, w.Header().Get("Location"), w.Body.String()}
}

// turnedAway reports whether the answer is one for nobody: sign in, or send a token.
func (a answer) turnedAway() bool {
	return a.code == http.StatusUnauthorized || a.code == http.StatusSeeOther && strings.HasPrefix(a.to, "/login")
}

var changing = regexp.MustCompile(`[A-Z0-9]{26}|/(orders|account/sessions|people|invitations|tokens|Users|Groups)/[^"]*|q=[^"]*|value="[^"]*"|next=[^"]*|\d\d:\d\d:\d\d`)

// sameAs compares two answers but for the ids asked for and the request's own number.
func (a answer) sameAs(b answer) bool {
	strip := func(s string) string {
		s = changing.ReplaceAllString(s, "~")
		for _, id := range []string{"A-1", "B-1", "X-1"} {
			s = strings.ReplaceAll(s, id, "~")
		}
		return s
	}
	return a.code == b.code && strip(a.to) == strip(b.to) && strip(a.body) == strip(b.body)
}

// TestIsolation asks every route as everybody who must not get through, with row-level security in force and with it
// taken away: so that neither fence can be missing unseen.
func TestIsolation(t *testing.T) {
	for name, open := range map[string]func(testing.TB) *portaltest.Portal{"fenced": portaltest.New, "row security bypassed": portaltest.NewWithoutRowSecurity} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newSuite(t, open(t)).run()
		})
	}
}

func (s *suite) run() {
	t := s.t
	for route := range probes {
		if !slices.Contains(s.routes, route) {
			t.Errorf("there is a probe for %s, and no such route", route)
		}
	}
	s.hides()
	s.dismiss()
	slices.Sort(s.routes)
	for _, route := range s.routes {
		s.probe(route)
	}
	for route, verbs := range acts {
		if p := probes[route]; p.door || len(verbs) != 1 || !strings.HasSuffix(verbs[0], "?") || route == "POST /view-as/stop" {
			continue
		}
		if s.seen[strings.TrimSuffix(verbs[0], "?")] == 0 {
			t.Errorf("%s never left %s in the audit", route, verbs[0])
		}
	}
}

// ownNames are parts of addresses whose values the portal makes itself: a page beside them hides nothing.
var ownNames = []string{":id", ":person", ":version", ":kind", ":figure", ":entity", ":what", ":issuer", ":line"}

// hides holds that no page lies where a document may: a dealer's claim, a supplier's invoice or a role may be called whatever they like.
func (s *suite) hides() {
	for _, fixed := range s.routes {
		method, path, _ := strings.Cut(fixed, " ")
		parts := strings.Split(path, "/")
		for _, open := range s.routes {
			m, p, _ := strings.Cut(open, " ")
			names := strings.Split(p, "/")
			if m != method || len(names) != len(parts) {
				continue
			}
			same, hidden := true, ""
			for i, name := range names {
				switch part := parts[i]; {
				case strings.HasPrefix(name, ":") && !strings.HasPrefix(part, ":") && !slices.Contains(ownNames, name):
					hidden = name
				case name != part && !strings.HasPrefix(name, ":") && !strings.HasPrefix(part, ":"):
					same = false
				}
			}
			if same && hidden != "" {
				s.t.Errorf("%s hides the %s %q of %s: give it an address of its own, like /new/claims or /exports/orders.csv", fixed, hidden[1:], path[strings.LastIndex(path, "/")+1:], open)
			}
		}
	}
}

// probe asks the route as everybody.
func (s *suite) probe(route string) {
	p, ok := probes[route]
	if !ok {
		s.t.Errorf("%s has no probe: say in isolation_test.go who may ask it", route)
		return
	}
	method, path, _ := strings.Cut(route, " ")
	if p.path != "" {
		path = p.path
	}
	s.try(route, method, path, p)
}

// dismiss ends the access of those who were members a moment ago.
func (s *suite) dismiss() {
	t := s.t
	// A token made by the operator is nobody's, so it outlives a membership and is revoked by itself.
	ended := s.visitors["ended"]
	ended.token = ""
	s.visitors["ended"] = ended
	s.p.Arrange(t, `UPDATE tokens SET revoked_at = now() WHERE name = 'revoked'`)
	must(t, s.p.AtTheDoor(t.Context(), func(tx *portal.Tx) error {
		by, err := partners.Operator(t.Context(), s.p.DB, "test")
		if err != nil {
			return err
		}
		tx.By = by
		for _, name := range []string{"ended", "revoked"} {
			var id struct {
				ID string `db:"person_id"`
			}
			if err := tx.Get(t.Context(), &id, `SELECT person_id FROM people WHERE name = $1`, name); err != nil {
				return err
			}
			person, err := parseUUID(id.ID)
			if err != nil {
				return err
			}
			if err := partners.EndMembershipFor(t.Context(), tx, portaltest.Acme, person); err != nil {
				return err
			}
		}
		return nil
	}))
}

// sides are the partners that a probe is about: whose things they are, what marks them, and whose must not be seen.
var sides = map[string]struct {
	partner            int64
	word, rival, other string
}{
	"acme": {portaltest.Acme, "ACMEONLY", "brock", "BROCKONLY"},
	"cord": {portaltest.Cord, "CORDONLY", "dart", "DARTONLY"},
}

func (s *suite) try(route, method, path string, p probe) {
	t := s.t
	if p.person {
		people := *s
		people.visitors = map[string]visitor{}
		for name, v := range s.visitors {
			people.visitors[name] = visitor{name: v.name, partner: v.partner, cookie: v.cookie, session: v.session}
		}
		s = &people
	}
	owner := cmp.Or(p.as, "acme")
	side := sides[owner]
	if p.before != "" {
		s.p.Arrange(t, p.before)
	}
	own := func(path string) string {
		return strings.NewReplacer("OWN", s.visitors[owner].session, "OTHER", s.visitors[side.rival].session).Replace(path)
	}
	strangers := map[string]visitor{
		"nobody":          {},
		"a stranger":      {cookie: "0198c6a0-0000-7000-8000-000000000000." + strings.Repeat("A", 43), token: partners.TokenPrefix + "aaaaaaaaaaaaaaaaaaaaaaaaaa_" + strings.Repeat("a", 43)},
		"a former member": s.visitors["ended"],
	}
	if strings.HasPrefix(path, "/api/v1") {
		strangers["a revoked token"] = s.visitors["revoked"]
	}
	for who, v := range strangers {
		a := s.ask(v, method, own(path), p.form)
		if !p.public && !p.door && !a.turnedAway() {
			t.Errorf("%s lets %s in: %d %.200s", route, who, a.code, a.body)
		}
		s.unseen(route, who, path, a, "ACMEONLY", "BROCKONLY", "CORDONLY", "DARTONLY", "Acme", "Brock")
	}
	if p.public || p.door {
		return
	}
	// A lesser role, before the owner brings anything about.
	if !p.any {
		a := s.ask(s.without(side.partner, p), method, own(path), p.form)
		if a.code != http.StatusForbidden {
			t.Errorf("%s answers somebody without %q %d, want 403", route, p.need, a.code)
		}
		s.unseen(route, "a lesser role", path, a, "ACMEONLY", "BROCKONLY", "CORDONLY", "DARTONLY")
	}
	// The rival asks for the owner's thing by its address, where it has one: it is not there, and nothing happens to it.
	if p.missing != "" && strings.HasPrefix(p.missing, "/") && !p.host {
		a, none := s.ask(s.visitors[side.rival], method, own(path), p.form), s.ask(s.visitors[side.rival], method, own(p.missing), p.form)
		if !a.sameAs(none) {
			t.Errorf("%s tells %s what is %s's from what is not there:\n%d %s %.300s\n%d %s %.300s", route, side.rival, owner, a.code, a.to, a.body, none.code, none.to, none.body)
		}
	}
	// The owner gets through, so that the refusals mean something.
	if route != "POST /account/sessions/:id/end" { // it would end what the rest is asked with
		who := s.visitors[owner]
		if p.host {
			who = s.visitors["host"]
		}
		a := s.ask(who, method, own(path), p.form)
		if a.code >= 400 || a.turnedAway() || !strings.Contains(a.body, p.says) {
			t.Errorf("%s refuses the one it is for: %d, want %q in %.300s", route, a.code, p.says, a.body)
		}
		if !p.host {
			s.unseen(route, owner, path, a, side.other)
		}
	}
	// Others get their own, or nothing.
	mustNotSee := map[string][]string{"brock": {"ACMEONLY", "CORDONLY", "DARTONLY"}, "dart": {"ACMEONLY", "BROCKONLY", "CORDONLY"}, "north": {"A-1", "BROCKONLY", "CORDONLY", "DARTONLY"}}
	if !p.host {
		mustNotSee["host"] = []string{"ACMEONLY", "BROCKONLY", "CORDONLY", "DARTONLY"}
	}
	for name, words := range mustNotSee {
		s.unseen(route, name, path, s.ask(s.visitors[name], method, own(path), p.form), words...)
	}
	if p.host {
		if a := s.ask(s.visitors[owner], method, path, p.form); a.code != http.StatusForbidden {
			t.Errorf("%s answers a partner %d, want 403", route, a.code)
		}
	}
	// What is another's is what never was.
	if p.missing == "" {
		return
	}
	asker := s.visitors[owner]
	if p.host {
		asker = s.visitors["host"]
	}
	askFor := func(what string, as visitor) answer {
		if strings.HasPrefix(what, "/") {
			return s.ask(as, method, own(what), p.form)
		}
		return s.ask(as, method, own(path), what)
	}
	missing := askFor(p.missing, asker)
	if method != http.MethodGet && missing.code != http.StatusNotFound {
		t.Errorf("%s answers %d for what never was: %.300s", route, missing.code, missing.body)
	}
	if p.foreign != "" {
		foreign := askFor(p.foreign, asker)
		if !foreign.sameAs(missing) {
			t.Errorf("%s tells another's from none:\n%d %s %s\n%d %s %s", route, foreign.code, foreign.to, foreign.body, missing.code, missing.to, missing.body)
		}
		s.unseen(route, owner+" asking for another's", p.foreign, foreign, side.other)
	}
	if p.beyond != "" {
		if a := askFor(p.beyond, s.visitors["north"]); !a.sameAs(askFor(p.missing, s.visitors["north"])) || a.code != http.StatusNotFound {
			t.Errorf("%s tells what is beyond one's sites from none: %d %.200s", route, a.code, a.body)
		}
	}
}

// without returns somebody of the partner, or for the host's routes of the host, whose role lacks what the probe needs.
func (s *suite) without(partner int64, p probe) visitor {
	if p.host {
		partner = portaltest.Host
	}
	for _, r := range portal.Roles {
		if r.Host == p.host && !r.Perms.Has(p.need) {
			name := fmt.Sprintf("%s-of-%d", r.Name, partner)
			s.enrolOnce(name, partner, r.Name)
			return s.visitors[name]
		}
	}
	// Every role of partners' people may do it; the host's staff may not.
	s.enrolOnce("claims-desk", portaltest.Host, "claims-desk")
	return s.visitors["claims-desk"]
}

func (s *suite) enrolOnce(name string, partner int64, roles ...string) {
	if _, ok := s.visitors[name]; !ok {
		s.enrol(name, partner, nil, roles...)
	}
}

// unseen finds words that somebody else's answer must not hold, unless it only repeats what was asked for.
func (s *suite) unseen(route, who, asked string, a answer, words ...string) {
	s.t.Helper()
	for _, w := range words {
		if strings.Contains(a.body+a.to, w) && !strings.Contains(asked, w) {
			s.t.Errorf("%s shows %s to %s: %s", route, w, who, around(a.body+a.to, w))
		}
	}
}

func around(body, word string) string {
	i := strings.Index(body, word)
	return fmt.Sprintf("…%s…", body[max(0, i-80):min(len(body), i+80)])
}

// TestConversations runs the stories of testdata through both doors.
func TestConversations(t *testing.T) {
	t.Parallel()
	httptext.Run(t, "testdata/*.txt", func(t *testing.T) http.Handler { return newSuite(t, portaltest.New(t)).told() })
}

// told answers stories: whoever asks is named in the header As.
func (s *suite) told() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := s.visitors[r.Header.Get("As")]
		r.Header.Del("As")
		r.Host = "localhost:8080"
		if strings.HasPrefix(r.URL.Path, "/api/v1") || strings.HasPrefix(r.URL.Path, "/scim/") {
			if v.token != "" {
				r.Header.Set("Authorization", "Bearer "+v.token)
			}
		} else if v.cookie != "" {
			r.AddCookie(&http.Cookie{Name: "__Host-session", Value: v.cookie})
		}
		asked := new(strings.Builder)
		r.Body = io.NopCloser(io.TeeReader(r.Body, asked))
		before, said := s.heads(), &status{ResponseWriter: w}
		s.engine.ServeHTTP(said, r)
		s.acted(v, r.Method, r.URL.RequestURI(), asked.String(), said.code, w.Header(), before)
	})
}

// TestIsolation_rowSecurityAlone asks every table for everything, with no predicate at all, as one partner:
// Postgres alone keeps the others' rows back.
func TestIsolation_rowSecurityAlone(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	newSuite(t, p)
	var tables []string
	rows, err := p.Owner.Query(`SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'partner_id' WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' ORDER BY 1`)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var table string
		must(t, rows.Scan(&table))
		tables = append(tables, table)
	}
	seen := 0
	for _, table := range tables {
		for _, partner := range []int64{portaltest.Acme, portaltest.Brock} {
			var own, others int
			err := p.Do(t.Context(), portaltest.As(partner), func(tx *portal.Tx) error {
				return errors.Join(tx.Get(t.Context(), &others, `SELECT count(*) FROM `+table+` WHERE partner_id <> $1`, partner), tx.Get(t.Context(), &own, `SELECT count(*) FROM `+table))
			})
			if err != nil && !strings.Contains(err.Error(), "permission denied") {
				t.Errorf("%s: %v", table, err)
			}
			if others > 0 {
				t.Errorf("%s shows partner %d %d rows of others", table, partner, others)
			}
			seen += own
		}
	}
	if seen < 20 {
		t.Errorf("only %d rows were seen in %v: the test shows nothing", seen, tables)
	}
}

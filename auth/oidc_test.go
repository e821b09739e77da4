package auth_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"extranet/auth"
	"extranet/portal"
	"extranet/portal/partners"
	"extranet/portal/portaltest"
)

// refused checks that nobody got in, and that the answer says so in words.
func (b browser) refused(what string, p page, want ...int) {
	b.d.t.Helper()
	ok := p.status >= 400 && p.status != 500 && p.status <= 503
	for _, w := range want {
		ok = ok && p.status == w
	}
	if !ok || len(p.body) < 30 {
		b.d.t.Errorf("%s: answers %d %s, want %v", what, p.status, p.body, want)
	}
	for _, line := range p.header["Set-Cookie"] {
		if strings.HasPrefix(line, "__Host-session=") {
			b.d.t.Errorf("%s: sets a session cookie", what)
		}
	}
	if n := b.d.live(); n != 0 {
		b.d.t.Fatalf("%s: LET IN", what)
	}
}

func TestIDToken_refused(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	d.iss.accounts["nobody@far.example"] = account{"sub-other", "Other", true}
	public, _ := x509.MarshalPKIXPublicKey(&rsaKeys()[0].PublicKey)
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	own, _ := rsa.GenerateKey(rand.Reader, 2048)
	byKey := func(k *rsa.PrivateKey) func(string, map[string]any) string {
		return func(in string, _ map[string]any) string { return rs256(k, in) }
	}
	groups := make([]string, 20_000)
	for i := range groups {
		groups[i] = fmt.Sprint("group-", i)
	}
	now := portaltest.Now.Unix()
	for name, s := range map[string]script{
		"nonce of another":           {token: with("nonce", "other")},
		"no nonce":                   {token: without("nonce")},
		"empty nonce":                {token: with("nonce", "")},
		"nonce twice in a list":      {token: func(_, c map[string]any) { c["nonce"] = []any{c["nonce"]} }},
		"alg none":                   {token: headed("alg", "none"), sign: func(string, map[string]any) string { return "" }},
		"alg None":                   {token: headed("alg", "None"), sign: func(string, map[string]any) string { return "" }},
		"HS256 by the client secret": {token: headed("alg", "HS256"), sign: func(in string, _ map[string]any) string { return hs256([]byte(clientSecret), in) }},
		"HS256 by the public key":    {token: headed("alg", "HS256"), sign: func(in string, _ map[string]any) string { return hs256(publicPEM, in) }},
		"RS384":                      {token: headed("alg", "RS384"), sign: func(in string, _ map[string]any) string { return rs384(rsaKeys()[0], in) }},
		"ES256 header over RSA":      {token: headed("alg", "ES256")},
		"another key, same kid":      {sign: byKey(own)},
		"unknown kid":                {token: headed("kid", "two"), sign: byKey(own)},
		"no kid, another key":        {token: func(h, _ map[string]any) { delete(h, "kid") }, sign: byKey(own)},
		"key in the header":          {token: headed("jwk", map[string]any{"kty": "RSA", "n": b64(own.N.Bytes()), "e": "AQAB"}), sign: byKey(own)},
		"unknown critical header":    {token: func(h, _ map[string]any) { h["crit"], h["x"] = []string{"x"}, 1 }},
		"no signature":               {sign: func(string, map[string]any) string { return "" }},
		"typ of a logout token":      {token: headed("typ", "logout+jwt")},
		"typ of an access token":     {token: headed("typ", "at+jwt")},
		"typ no text":                {token: headed("typ", 5)},
		"iss of another":             {token: with("iss", "https://evil.example")},
		"iss with a slash":           {token: func(_, c map[string]any) { c["iss"] = fmt.Sprint(c["iss"], "/") }},
		"no iss":                     {token: without("iss")},
		"aud of another":             {token: with("aud", "other")},
		"no aud":                     {token: without("aud")},
		"empty aud":                  {token: with("aud", []string{})},
		"two aud, no azp":            {token: with("aud", []string{"portal", "other"})},
		"two aud, foreign azp":       {token: func(_, c map[string]any) { c["aud"], c["azp"] = []string{"portal", "other"}, "other" }},
		"foreign azp":                {token: with("azp", "other")},
		"azp no text":                {token: with("azp", []string{"portal"})},
		"expired":                    {token: with("exp", now-1)},
		"no exp":                     {token: without("exp")},
		"exp no number":              {token: with("exp", "tomorrow")},
		"no iat":                     {token: without("iat")},
		"iat null":                   {token: with("iat", nil)},
		"iat a day ahead":            {token: with("iat", now+86400)},
		"iat 90 s ahead":             {token: with("iat", now+90)},
		"iat an hour ago":            {token: with("iat", now-3600)},
		"nbf ahead":                  {token: with("nbf", now+3600)},
		"no sub":                     {token: without("sub")},
		"empty sub":                  {token: with("sub", "")},
		"sub null":                   {token: with("sub", nil)},
		"sub a number":               {token: with("sub", 7)},
		"sub of 256":                 {token: with("sub", strings.Repeat("s", 256))},
		"sub not ASCII":              {token: with("sub", "süb")},
		"sub with a line break":      {token: with("sub", "sub-dana\r\nx")},
		"sub with NUL":               {token: with("sub", "sub\x00dana")},
		"sub in other letters only":  {token: func(_, c map[string]any) { c["SUB"] = c["sub"]; delete(c, "sub") }},
		"name with a line break":     {token: with("name", "Dana\r\nSet-Cookie: x=y")},
		"mail with a line break":     {token: with("email", "dana@acme.example\r\nBcc: x@evil.example")},
		"sid with a line break":      {token: with("sid", "a\nb")},
		"name of 600":                {token: with("name", strings.Repeat("n", 600))},
		"mail of 300":                {token: with("email", strings.Repeat("m", 300)+"@acme.example")},
		"mail a list":                {token: with("email", []string{"dana@acme.example"})},
		"20,000 groups":              {token: with("groups", groups)},
		"at_hash of another":         {token: with("at_hash", b64(make([]byte, 16)))},
		"payload no JSON":            {sign: nil, raw: func(s string) string { p := strings.Split(s, "."); return p[0] + "." + b64([]byte("{")) + "." + p[2] }},
		"payload changed": {raw: func(s string) string {
			p := strings.Split(s, ".")
			return p[0] + "." + p[1][:len(p[1])-4] + "AAAA." + p[2]
		}},
		"two dots too many": {raw: func(s string) string { return s + ".x.y" }},
		"no JWT":            {raw: func(string) string { return "abc" }},
		"no id_token":       {raw: func(string) string { return "" }},
		"token endpoint says 400": {endpoint: func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(400)
			io.WriteString(w, `{"error":"invalid_grant"}`)
			return true
		}},
		"token endpoint says 500":     {endpoint: func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(500); return true }},
		"token endpoint says HTML":    {endpoint: func(w http.ResponseWriter, _ *http.Request) bool { io.WriteString(w, "<html>"); return true }},
		"token endpoint sends 64 MiB": {endpoint: endless},
		"token endpoint sends away": {endpoint: func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "http://127.0.0.1:1/token", http.StatusTemporaryRedirect)
			return true
		}},
		"key endpoint says 500":     {keys: func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(500); return true }, token: headed("kid", "new")},
		"key endpoint sends 64 MiB": {keys: endless, token: headed("kid", "new")},
	} {
		d.iss.set(s)
		b := d.browser()
		began := time.Now()
		b.refused(name, b.login("dana@acme.example"))
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: took %s", name, took)
		}
		if b.get("/").status != 401 {
			t.Errorf("%s: is in", name)
		}
	}
	if n := d.count(`SELECT count(*) FROM people`); n != 0 {
		t.Errorf("%d people came of it", n)
	}
	d.iss.set(script{})
	d.browser().in("dana@acme.example").says("a good one", "Dana")
	for _, line := range strings.Split(strings.TrimSpace(d.log.String()), "\n") {
		if !strings.HasPrefix(line, `{"time":`) || len(line) > 1200 {
			t.Errorf("forged or long log line: %.300s", line)
		}
	}
}

func endless(w http.ResponseWriter, _ *http.Request) bool {
	io.WriteString(w, `{"keys":[],"x":"`)
	block := []byte(strings.Repeat("x", 1<<16))
	for range 1024 {
		if _, err := w.Write(block); err != nil {
			break
		}
	}
	return true
}

func TestIDToken_accepted(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for name, s := range map[string]script{
		"as it is":             {},
		"aud a list":           {token: with("aud", []string{"portal"})},
		"two aud, azp ours":    {token: func(_, c map[string]any) { c["aud"], c["azp"] = []string{"other", "portal"}, "portal" }},
		"no typ":               {token: func(h, _ map[string]any) { delete(h, "typ") }},
		"verified as text":     {token: with("email_verified", "true")},
		"iat 30 s ahead":       {token: with("iat", portaltest.Now.Unix()+30)},
		"iss with the answer":  {answer: func(q url.Values) { q.Set("iss", d.iss.URL) }},
		"more with the answer": {answer: func(q url.Values) { q.Set("session_state", "x"); q.Set("scope", "openid email") }},
		"claims from userinfo": {token: func(_, c map[string]any) { delete(c, "email"); delete(c, "email_verified"); delete(c, "name") },
			userinfo: map[string]any{"sub": "sub-dana", "email": "dana@acme.example", "email_verified": true, "name": "Dana Info"}},
	} {
		d.iss.set(s)
		d.browser().in("dana@acme.example").says(name, "Dana")
	}
	d.iss.set(script{token: without("email"), userinfo: map[string]any{"sub": "sub-other", "email": "dana@acme.example"}})
	if p := d.browser().login("dana@acme.example"); p.status != 400 {
		t.Errorf("userinfo of somebody else answers %d", p.status)
	}
	d.iss.set(script{token: with("name", "  Dana \u202e\u200b R  ")})
	d.browser().in("dana@acme.example").says("a name is cleaned, and refreshed", "Dana R|")
}

func TestAuthorizationAnswer_refused(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	edit := func(f func(q url.Values)) func(string) string {
		return func(address string) string {
			u, _ := url.Parse(address)
			q := u.Query()
			f(q)
			u.RawQuery = q.Encode()
			return u.String()
		}
	}
	for name, c := range map[string]struct {
		change func(string) string
		want   int
	}{
		"iss of another":       {edit(func(q url.Values) { q.Set("iss", "https://evil.example") }), 400},
		"empty iss":            {edit(func(q url.Values) { q.Set("iss", "") }), 400},
		"iss twice":            {edit(func(q url.Values) { q["iss"] = []string{d.iss.URL, d.iss.URL} }), 400},
		"state of another":     {edit(func(q url.Values) { q.Set("state", strings.Repeat("x", 43)) }), 400},
		"no state":             {edit(func(q url.Values) { q.Del("state") }), 400},
		"state twice":          {edit(func(q url.Values) { q.Add("state", q.Get("state")) }), 400},
		"long state":           {edit(func(q url.Values) { q.Set("state", strings.Repeat("x", 5000)) }), 400},
		"no code":              {edit(func(q url.Values) { q.Del("code") }), 400},
		"code twice":           {edit(func(q url.Values) { q.Add("code", q.Get("code")) }), 400},
		"code of another":      {edit(func(q url.Values) { q.Set("code", "other") }), 400},
		"code with line break": {edit(func(q url.Values) { q.Set("code", "a\r\nb") }), 400},
		"long code":            {edit(func(q url.Values) { q.Set("code", strings.Repeat("x", 5000)) }), 400},
		"cancelled":            {edit(func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") }), 403},
		"error and code":       {edit(func(q url.Values) { q.Set("error", "login_required") }), 400},
		"error with line":      {edit(func(q url.Values) { q.Set("error", "a\nb") }), 400},
		"issuer's trouble":     {edit(func(q url.Values) { q.Del("code"); q.Set("error", "server_error") }), 503},
		"bad escapes":          {func(s string) string { return s + "&x=%zz" }, 400},
		"semicolons":           {func(s string) string { return s + "&a;b" }, 400},
		"nothing":              {func(s string) string { u, _, _ := strings.Cut(s, "?"); return u }, 400},
		"very long":            {func(s string) string { return s + "&x=" + strings.Repeat("x", 10_000) }, 400},
	} {
		b := d.browser()
		b.refused(name, b.get(c.change(b.toCallback("dana@acme.example"))), c.want)
	}
	// The answer of one browser is worth nothing in another, in one without cookies, twice, or late.
	victim, attacker := d.browser(), d.browser()
	attacker.toCallback("nobody@far.example")
	back := victim.toCallback("dana@acme.example")
	attacker.refused("in another browser", attacker.get(back), 400)
	bare := d.browser()
	p := bare.get(back)
	bare.refused("without the cookie", p, 400)
	if !strings.Contains(p.body, "did not keep the sign-in cookie") {
		t.Errorf("without the cookie it says %s", p.body)
	}
	late := d.browser()
	lateBack := late.toCallback("dana@acme.example")
	d.pass(10*time.Minute + time.Second)
	late.refused("late", late.get(lateBack), 400)
	d.pass(-10*time.Minute - time.Second)
	if p := victim.get(back); p.status != 303 {
		t.Fatalf("the victim itself: %d %s", p.status, p.body)
	}
	if p := victim.get(back); p.status != 400 || d.live() != 1 {
		t.Errorf("a second time: %d", p.status)
	}
	// An issuer that announces iss must send it (RFC 9207, 2.4).
	d2 := newDoor(t)
	d2.iss.set(script{discovery: func(m map[string]any) { m["authorization_response_iss_parameter_supported"] = true }})
	b := d2.browser()
	b.refused("announced iss is missing", b.login("dana@acme.example"), 400)
	// One issuer's answer to a sign-in at another is refused (mix-up).
	d3 := newDoor(t)
	d3.iss.set(script{answer: func(q url.Values) { q.Set("iss", d2.iss.URL) }})
	b = d3.browser()
	b.refused("mix-up", b.login("dana@acme.example"), 400)
	if d3.iss.tokens.Load() != 0 {
		t.Error("the code went out all the same")
	}
}

func TestBackchannelLogout(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	dana := d.browser().in("dana@acme.example")
	anyone := d.browser()
	send := func(token string) page {
		return anyone.post("/auth/backchannel/main", url.Values{"logout_token": {token}})
	}
	own, _ := rsa.GenerateKey(rand.Reader, 2048)
	now := portaltest.Now.Unix()
	const event = "http://schemas.openid.net/event/backchannel-logout"
	for name, c := range map[string]struct {
		change func(h, c map[string]any)
		sign   func(string, map[string]any) string
	}{
		"nonce":          {with("nonce", "x"), nil},
		"nonce null":     {with("nonce", nil), nil},
		"no events":      {without("events"), nil},
		"other event":    {with("events", map[string]any{"http://schemas.openid.net/event/other": map[string]any{}}), nil},
		"event null":     {with("events", map[string]any{event: nil}), nil},
		"event text":     {with("events", map[string]any{event: "x"}), nil},
		"events a list":  {with("events", []string{event}), nil},
		"no jti":         {without("jti"), nil},
		"empty jti":      {with("jti", ""), nil},
		"no iat":         {without("iat"), nil},
		"iat ahead":      {with("iat", now+3600), nil},
		"iat old":        {with("iat", now-3600), nil},
		"no exp":         {without("exp"), nil},
		"expired":        {with("exp", now-1), nil},
		"no iss":         {without("iss"), nil},
		"iss of another": {with("iss", "https://evil.example"), nil},
		"no aud":         {without("aud"), nil},
		"aud of another": {with("aud", "other"), nil},
		"no sub, no sid": {without("sub"), nil},
		"empty sub":      {with("sub", ""), nil},
		"sub a number":   {with("sub", 5), nil},
		"sub line break": {with("sub", "sub-dana\n"), nil},
		"alg none":       {headed("alg", "none"), func(string, map[string]any) string { return "" }},
		"HS256":          {headed("alg", "HS256"), func(in string, _ map[string]any) string { return hs256([]byte(clientSecret), in) }},
		"own key":        {nil, func(in string, _ map[string]any) string { return rs256(own, in) }},
		"typ of a token": {headed("typ", "at+jwt"), nil},
		"an ID token":    {func(h, c map[string]any) { h["typ"] = "JWT"; delete(c, "events"); c["nonce"] = "n" }, nil},
		"too long":       {with("x", strings.Repeat("x", 20_000)), nil},
	} {
		p := send(d.iss.logoutToken(c.change, c.sign))
		if p.status != 400 || !strings.Contains(p.body, `"error":"invalid_request"`) || p.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: answers %d %s", name, p.status, p.body)
		}
		dana.says(name, "Dana")
	}
	good := d.iss.logoutToken(nil, nil)
	for name, p := range map[string]page{
		"no token":       anyone.post("/auth/backchannel/main", nil),
		"no JWT":         send("x"),
		"two tokens":     anyone.post("/auth/backchannel/main", url.Values{"logout_token": {good, good}}),
		"in the address": anyone.post("/auth/backchannel/main?logout_token="+good, nil),
		"as JSON":        anyone.post("/auth/backchannel/main", url.Values{"logout_token": {good}}, "Content-Type", "application/json"),
		"too big":        send(strings.Repeat("x", 200_000)),
	} {
		if p.status != 400 {
			t.Errorf("%s: answers %d %s", name, p.status, p.body)
		}
	}
	if p := anyone.post("/auth/backchannel/other", url.Values{"logout_token": {good}}); p.status != 404 {
		t.Errorf("no such issuer: %d", p.status)
	}
	dana.says("after all of them", "Dana")
	// Good ones: of the subject, of the session, of both.
	other := d.browser()
	d.contact("b1", portaltest.Brock, "bo@brock.example")
	other.in("bo@brock.example")
	if p := send(d.iss.logoutToken(with("sid", "sid-of-another"), nil)); p.status != 200 {
		t.Errorf("sub with another sid answers %d", p.status)
	}
	dana.says("another sid", "Dana")
	if p := send(d.iss.logoutToken(func(_, c map[string]any) { c["sub"], c["sid"] = "sub-bo", "sid-sub-dana" }, nil)); p.status != 200 {
		t.Errorf("sid with another sub answers %d", p.status)
	}
	dana.says("another sub", "Dana")
	for name, change := range map[string]func(h, c map[string]any){
		"sub": nil, "sid": func(_, c map[string]any) { delete(c, "sub"); c["sid"] = "sid-sub-dana" }, "both": with("sid", "sid-sub-dana"), "typ JWT": headed("typ", "JWT"),
	} {
		second := d.browser().in("dana@acme.example")
		dana.in("dana@acme.example")
		token := d.iss.logoutToken(change, nil)
		p := send(token)
		if p.status != 200 || p.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: answers %d %s", name, p.status, p.body)
		}
		dana.says(name, "error: this session was ended")
		second.says(name, "error: this session was ended")
		other.says(name, "Bo")
		dana.in("dana@acme.example")
		if p := send(token); p.status != 400 {
			t.Errorf("%s, sent again: %d", name, p.status)
		}
		dana.says(name+", sent again", "Dana")
	}
	if d.count(`SELECT count(*) FROM audit WHERE partner_id = 2 AND action = 'session.end' AND actor LIKE 'issuer %'`) < 8 {
		t.Error("the issuer's acts are not in the audit")
	}
}

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	d.browser().in("dana@acme.example")
	d.iss.rotate(1, "two")
	d.browser().in("dana@acme.example")
	// The keys cannot be had just when they change; once they can, it works.
	d.iss.rotate(2, "three")
	d.iss.set(script{keys: func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(502); return true }})
	if p := d.browser().login("dana@acme.example"); p.status != 503 || !strings.Contains(p.body, "message=unreachable") {
		t.Errorf("without keys: %d %s", p.status, p.body)
	}
	d.iss.set(script{})
	d.browser().in("dana@acme.example")
	// A new key under the old name.
	d.iss.rotate(0, "three")
	d.browser().in("dana@acme.example")
}

func TestIssuerDown(t *testing.T) {
	t.Parallel()
	var silent bool
	var mu sync.Mutex
	d := newDoor(t, func(o *auth.Options) {
		o.HTTP = roundTrip(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			s := silent
			mu.Unlock()
			if s { // takes the request and never answers
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return http.DefaultTransport.RoundTrip(r)
		})
	})
	d.iss.down.Store(true)
	b := d.browser()
	p := b.get("/login/main")
	b.refused("down at start", p, 503)
	if !strings.Contains(p.body, "message=unreachable") {
		t.Errorf("says %s", p.body)
	}
	if p := b.get("/login"); p.status != 200 || !strings.Contains(p.body, "true") {
		t.Errorf("the page says %s", p.body)
	}
	d.iss.down.Store(false)
	dana := d.browser().in("dana@acme.example")
	back := b.toCallback("dana@acme.example")
	d.iss.down.Store(true)
	dana.says("who is in stays in", "Dana")
	if p := b.get(back); p.status != 503 {
		t.Errorf("down between: %d %s", p.status, p.body)
	}
	if p := dana.post("/logout", nil); p.status != 303 {
		t.Errorf("signing out answers %d", p.status)
	}
	dana.says("signed out", "error")
	// Silence is waited for, and not for long.
	d.iss.down.Store(false)
	back = b.toCallback("dana@acme.example")
	mu.Lock()
	silent = true
	mu.Unlock()
	began := time.Now()
	if p := b.get(back); p.status != 503 || time.Since(began) > 10*time.Second {
		t.Errorf("silent: %d after %s", p.status, time.Since(began))
	}
	fresh := newDoor(t, func(o *auth.Options) {
		o.HTTP = roundTrip(func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() })
	})
	began = time.Now()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if p := fresh.browser().get("/login/main"); p.status != 503 {
				t.Errorf("silent at start: %d", p.status)
			}
		})
	}
	all.Wait()
	if took := time.Since(began); took > 9*time.Second {
		t.Errorf("eight at once waited %s", took)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestParallelLogins: 60 sign-ins of 4 people at once, the first ever of each among them.
func TestParallelLogins(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	who := map[string]string{"dana@acme.example": "Dana Ruiz|D100", "bo@brock.example": "Bo Brock|D200", "cy@cord.example": "Cy Cord|S300"}
	d.contact("b1", portaltest.Brock, "bo@brock.example")
	d.contact("s1", portaltest.Cord, "cy@cord.example")
	host, err := partners.Operator(t.Context(), d.p.DB, "operator")
	must(t, err)
	secret := ""
	must(t, d.p.AcrossPartners(t.Context(), host, portal.PeopleInvite, func(tx *portal.Tx) (err error) {
		secret, _, err = partners.InviteFor(t.Context(), tx, portaltest.Host, partners.New{Email: "HAL@host.example", Roles: []string{"administrator"}})
		return err
	}))
	hal := d.browser()
	hal.get("/invitation/" + secret)
	hal.in("hal@host.example")
	who["hal@host.example"] = "Hal Host|HOST"
	var all sync.WaitGroup
	for range 15 {
		for mail, want := range who {
			all.Go(func() {
				b := d.browser()
				if p := b.login(mail); p.status != 303 {
					t.Errorf("%s: %d %s", mail, p.status, p.body)
					return
				}
				for range 3 {
					b.says(mail, want)
				}
			})
		}
	}
	all.Wait()
	if n := d.count(`SELECT count(*) FROM people`); n != 4 {
		t.Errorf("%d people, want 4", n)
	}
	if n := d.count(`SELECT count(*) FROM memberships`); n != 4 {
		t.Errorf("%d memberships, want 4", n)
	}
	for partner := range int64(4) {
		must(t, d.p.Do(t.Context(), portaltest.As(partner+1), func(tx *portal.Tx) error {
			_, err := portal.VerifyAudit(t.Context(), tx, partner+1)
			return err
		}))
	}
	// Several tabs of one browser.
	b := d.browser()
	one, two := b.toCallback("dana@acme.example"), b.toCallback("dana@acme.example")
	if p := b.get(two); p.status != 303 {
		t.Errorf("the second tab: %d %s", p.status, p.body)
	}
	if p := b.get(one); p.status != 303 {
		t.Errorf("the first tab: %d %s", p.status, p.body)
	}
}

func TestWhoIsLetIn(t *testing.T) {
	t.Parallel()
	d := newDoor(t, func(o *auth.Options) {
		o.Issuers[0].Domains = []string{"acme.example", "Far.example"}
		o.Issuers = append(o.Issuers, auth.Issuer{Name: "rest", URL: o.Issuers[0].URL + "/rest", ClientID: "portal", Domains: []string{"brock.example"}})
	})
	invite := func(partner int64, mail string, roles ...string) string {
		t.Helper()
		var secret string
		must(t, d.p.Do(t.Context(), portaltest.As(partner, portal.PeopleInvite, portal.OrdersRead, portal.CompanyRead, portal.OrdersExport, portal.CatalogRead, portal.ClaimsRead, portal.NoticesRead, portal.OrdersPlace, portal.PricesRead), func(tx *portal.Tx) (err error) {
			secret, _, err = partners.Invite(t.Context(), tx, partners.New{Email: mail, Roles: roles})
			return err
		}))
		return secret
	}
	deny := func(what string, p page, status int, text string) {
		t.Helper()
		if p.status != status || !strings.Contains(p.body, text) {
			t.Errorf("%s: %d %s, want %d %s", what, p.status, p.body, status, text)
		}
	}
	none := d.browser().login("nobody@far.example")
	deny("no contact, no invitation", none, 403, "message=no-access")
	d.contact("c2", portaltest.Acme, "eve@acme.example")
	deny("unverified mail", d.browser().login("eve@acme.example"), 403, "has not verified your mail address")
	d.contact("b1", portaltest.Brock, "bo@brock.example")
	deny("a domain this issuer may not vouch for", d.browser().login("bo@brock.example"), 403, "signs in elsewhere")
	d.contact("h1", portaltest.Host, "nobody@far.example")
	deny("a contact of the host", d.browser().login("nobody@far.example"), 403, "message=no-access")
	if n := d.count(`SELECT count(*) FROM people`); n != 0 {
		t.Fatalf("%d people came of it", n)
	}
	d.p.Arrange(t, `UPDATE partners SET closed_at = now() WHERE partner_id = 2`)
	deny("a closed partner", d.browser().login("dana@acme.example"), 403, "message=no-access")
	d.p.Arrange(t, `UPDATE partners SET closed_at = NULL`)
	d.p.Arrange(t, `UPDATE contacts SET may_log_on = false WHERE contact = 'c1'`)
	deny("a contact who may not log on", d.browser().login("dana@acme.example"), 403, "message=no-access")
	d.p.Arrange(t, `UPDATE contacts SET may_log_on = true WHERE contact = 'c1'`)
	dana := d.browser().in("dana@acme.example")
	dana.says("a contact", "Dana Ruiz|D100|buyer")

	// Identity is issuer and subject. The same mail address with another subject is somebody else.
	d.iss.set(script{token: with("sub", "sub-imposter")})
	deny("a taken mail address", d.browser().login("dana@acme.example"), 403, "already signs in with another account")
	b := d.browser()
	b.get("/invitation/" + invite(portaltest.Brock, "dana@acme.example", "viewer"))
	deny("a taken mail address, invited", b.login("dana@acme.example"), 403, "already signs in with another account")
	d.iss.set(script{token: with("email", "DANA@ACME.EXAMPLE")})
	d.browser().in("dana@acme.example").says("in other letters, the same person", "Dana Ruiz|D100")
	d.iss.set(script{token: func(_, c map[string]any) { c["email"], c["sub"] = "dana@acme.example\u212a", "sub-x" }})
	deny("look-alike letters", d.browser().login("dana@acme.example"), 403, "cannot be compared")
	// Somebody known stays let in when their mail address is in doubt; new reasons to let them in do not count.
	d.contact("s1", portaltest.Cord, "dana@acme.example")
	d.iss.set(script{token: with("email_verified", false)})
	doubtful := d.browser().in("dana@acme.example")
	if n, _ := d.a.Partners(t.Context(), d.caller(doubtful)); len(n) != 1 {
		t.Errorf("an unverified mail address brought %d memberships", len(n))
	}
	d.iss.set(script{})
	dana.in("dana@acme.example")
	if n, _ := d.a.Partners(t.Context(), d.caller(dana)); len(n) != 2 {
		t.Errorf("a new contact brought %d memberships, want 2", len(n))
	}

	// Invitations.
	secret := invite(portaltest.Brock, "Nobody@far.example", "viewer")
	b = d.browser()
	if p := b.get("/invitation/" + secret); p.status != 303 || p.location != "/login?message=invited" {
		t.Errorf("opening the link answers %d %q", p.status, p.location)
	}
	if p := b.get("/login?message=invited"); !strings.Contains(p.body, "message=invited") {
		t.Errorf("the page says %s", p.body)
	}
	wrong := d.browser()
	wrong.get("/invitation/" + secret)
	deny("invited, and somebody else", wrong.login("dana@acme.example"), 403, "another mail address")
	wrong.in("dana@acme.example").says("and without the invitation", "Dana")
	b.in("nobody@far.example").says("invited", "No Body|D200|viewer")
	if b.cookie("__Host-invitation") != "" {
		t.Error("the invitation stays in the browser")
	}
	deny("used", d.browser().get("/invitation/"+secret), 409, "was used")
	deny("unknown", d.browser().get("/invitation/x"), 404, "no such invitation")
	deny("very long", d.browser().get("/invitation/"+strings.Repeat("x", 500)), 404, "no such invitation")
	secret = invite(portaltest.Brock, "nobody@far.example", "buyer")
	held := d.browser()
	held.get("/invitation/" + secret)
	d.pass(8 * 24 * time.Hour)
	deny("expired", d.browser().get("/invitation/"+secret), 409, "has expired")
	deny("expired while signing in", held.login("nobody@far.example"), 409, "has expired")
	d.pass(-8 * 24 * time.Hour)
	d.p.Arrange(t, `UPDATE invitations SET revoked_at = now() WHERE accepted_at IS NULL`)
	deny("withdrawn", d.browser().get("/invitation/"+secret), 409, "was withdrawn")
	if n := d.count(`SELECT count(*) FROM audit WHERE partner_id = 3 AND action IN ('invitation.create', 'invitation.accept', 'membership.grant')`); n != 5 {
		t.Errorf("%d rows of invitations in the audit, want 5", n)
	}

	// The core takes its leave back: at once, and gives it again.
	follow := func() {
		t.Helper()
		must(t, d.p.AsWorker(context.Background(), "contacts", func(tx *portal.Tx) error { return partners.FollowContacts(context.Background(), tx) }))
	}
	dana = d.browser().in("dana@acme.example")
	if p := dana.post("/partner", url.Values{"partner": {"2"}}); p.status != 303 {
		t.Fatal(p)
	}
	dana.says("before", "Dana Ruiz|D100")
	d.p.Arrange(t, `UPDATE contacts SET may_log_on = false WHERE contact = 'c1'`)
	follow()
	dana.says("may not log on any more", "error: this session was ended")
	dana.in("dana@acme.example").says("the other partner remains", "Dana Ruiz|S300")
	d.p.Arrange(t, `UPDATE contacts SET may_log_on = true WHERE contact = 'c1'`)
	follow()
	if p := dana.post("/partner", url.Values{"partner": {"2"}}); p.status != 303 {
		t.Errorf("a contact who may log on again cannot switch back: %d", p.status)
	}
	b.says("invited, before its partner closes", "No Body|D200")
	d.p.Arrange(t, `UPDATE partners SET closed_at = now() WHERE partner_id = 3`)
	follow()
	b.says("its partner is closed", "error: this session was ended")
	deny("and its people stay out", d.browser().login("nobody@far.example"), 403, "message=no-access")
}

func TestSeveralIssuers(t *testing.T) {
	t.Parallel()
	d := newDoor(t, func(o *auth.Options) {
		o.Issuers[0].Domains = []string{"acme.example"}
		o.Issuers = append(o.Issuers, auth.Issuer{Name: "rest", Label: "Everybody else", URL: o.Issuers[0].URL + "/rest", ClientID: "portal"})
	})
	b := d.browser()
	for address, want := range map[string]string{
		"/login":                          "doors=[{Acme ID /login/main false} {Everybody else /login/rest false}]",
		"/login?mail=x@ACME.example":      "doors=[{Acme ID /login/main?mail=x%40ACME.example false}]",
		"/login?mail=x@y.example&next=/o": "doors=[{Everybody else /login/rest?mail=x%40y.example&next=%2Fo false}]",
		"/login?mail=x":                   "fault=write it like",
		"/login?next=//evil.example":      "next=/ ",
		"/login?message=<script>":         "message= ",
		"/login?next=a&next=b":            "given twice",
	} {
		if p := b.get(address); !strings.Contains(p.body, want) {
			t.Errorf("%s shows %s, want %s", address, p.body, want)
		}
	}
	if p := b.post("/login", url.Values{"mail": {"x@acme.example"}}); p.status != 303 || !strings.Contains(p.location, "login_hint=x%40acme.example") {
		t.Errorf("a mail address sends to %d %q", p.status, p.location)
	}
	if p := b.post("/login", url.Values{}); p.status != 422 {
		t.Errorf("nothing chosen answers %d", p.status)
	}
	if p := b.get("/login/other"); p.status != 404 {
		t.Errorf("no such issuer answers %d", p.status)
	}
	if got := fmt.Sprint(d.a.FormTargets()); got != "["+d.iss.URL+"]" {
		t.Errorf("form targets: %s", got)
	}
}

// TestMixUp: an issuer that sends the browser on to another one is not brought the other's answer.
func TestMixUp(t *testing.T) {
	t.Parallel()
	bad := newFakeIssuer(t, func() time.Time { return portaltest.Now })
	d := newDoor(t, func(o *auth.Options) {
		o.Issuers = append(o.Issuers, auth.Issuer{Name: "bad", URL: bad.URL, ClientID: "portal", ClientSecret: clientSecret})
	})
	b := d.browser()
	start := b.get("/login/bad?mail=dana@acme.example")
	u, err := url.Parse(start.location)
	must(t, err)
	for _, to := range []string{"main", "bad"} {
		q := u.Query()
		if to == "main" { // where the honest issuer knows the portal; it sends answers nowhere else
			q.Set("redirect_uri", d.http.URL+"/auth/callback/main")
		}
		answer := b.get(d.iss.URL + "/authorize?" + q.Encode()).location
		before := bad.tokens.Load()
		if to == "main" {
			b.refused("an answer for another issuer's sign-in", b.get(answer), 400)
			if got := bad.tokens.Load(); got != before {
				t.Error("the code of the one issuer was brought to the other")
			}
		}
	}
	if got := u.Query().Get("redirect_uri"); got != d.http.URL+"/auth/callback/bad" {
		t.Errorf("the issuer is told to answer to %s", got)
	}
	if p := b.get("/auth/callback?code=x&state=y"); p.status != 404 {
		t.Errorf("an address for every issuer answers %d", p.status)
	}
	for _, name := range []string{"main", "bad"} {
		who := d.browser()
		start := who.get("/login/" + name + "?mail=bo@brock.example")
		d.contact("bo-"+name, portaltest.Brock, "bo@brock.example")
		p := who.get(who.get(start.location).location)
		if name == "main" && p.status != 303 || name == "bad" && p.status != 403 { // the address is the first one's person's by then
			t.Errorf("signing in at %s answers %d %s", name, p.status, p.body)
		}
	}
}

// TestBackchannel_wrongTokens: whoever sends tokens of made-up keys makes the portal ask the issuer for its keys now and then, and no
// good token waits for that.
func TestBackchannel_wrongTokens(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	send := func(change func(h, c map[string]any)) page {
		return d.browser().post("/auth/backchannel/main", url.Values{"logout_token": {d.iss.logoutToken(change, nil)}})
	}
	d.browser().in("dana@acme.example")
	var asked atomic.Int64
	d.iss.set(script{keys: func(http.ResponseWriter, *http.Request) bool { asked.Add(1); return false }})
	began := time.Now()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 4 {
				if p := send(headed("kid", rand.Text())); p.status != 400 {
					t.Errorf("a wrong token answers %d %s", p.status, p.body)
				}
			}
		})
	}
	time.Sleep(500 * time.Millisecond)
	sent := time.Now()
	if p := send(nil); p.status != 200 || time.Since(sent) > time.Second || d.live() != 0 {
		t.Errorf("a good token among them answers %d after %s, and %d sessions live", p.status, time.Since(sent), d.live())
	}
	all.Wait()
	if n := asked.Load(); n > int64(time.Since(began)/time.Second)+2 {
		t.Errorf("the issuer was asked for its keys %d times in %s", n, time.Since(began))
	}
}

func TestEnrol(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	enrol := func(e partners.Enrolment) (id uuid.UUID, err error) {
		err = d.p.AtTheDoor(t.Context(), func(tx *portal.Tx) error {
			tx.By.Name = "operator"
			id, err = partners.Enrol(t.Context(), tx, e)
			return err
		})
		return id, err
	}
	hal := partners.Enrolment{Issuer: d.iss.URL, Subject: "sub-hal", Name: "Hal", Email: "hal@host.example", PartnerID: portaltest.Host, Roles: []string{"administrator"}}
	first, err := enrol(hal)
	must(t, err)
	if again, err := enrol(hal); err != nil || again != first {
		t.Errorf("again: %v %v", again, err)
	}
	b := d.browser().in("hal@host.example")
	b.says("enrolled", "Hal Host|HOST|administrator")
	for name, c := range map[string]struct {
		change func(*partners.Enrolment)
		want   portal.Kind
	}{
		"another's mail":  {func(e *partners.Enrolment) { e.Subject = "x" }, portal.Conflict},
		"a dealer's role": {func(e *partners.Enrolment) { e.Roles = []string{"buyer"} }, portal.Invalid},
		"no partner":      {func(e *partners.Enrolment) { e.PartnerID = 99 }, portal.NotFound},
		"no subject":      {func(e *partners.Enrolment) { e.Subject = "" }, portal.Invalid},
		"no mail":         {func(e *partners.Enrolment) { e.Email = "x" }, portal.Invalid},
		"no such site": {func(e *partners.Enrolment) {
			e.PartnerID, e.Roles, e.Sites = portaltest.Acme, []string{"buyer"}, []string{"D200"}
		}, portal.Invalid},
		"a site of theirs": {func(e *partners.Enrolment) {
			e.PartnerID, e.Roles, e.Sites = portaltest.Acme, []string{"buyer"}, []string{"D101"}
		}, -1},
	} {
		e := hal
		c.change(&e)
		if _, err := enrol(e); c.want == -1 && err != nil || c.want != -1 && portal.Says(err).Kind != c.want {
			t.Errorf("%s: %v, want kind %d", name, err, c.want)
		}
	}
}

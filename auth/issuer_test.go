package auth_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// An account is somebody the issuer under test knows.
type account struct {
	sub, name string
	verified  bool
}

// A script makes the issuer under test say what no good issuer says.
type script struct {
	discovery func(map[string]any)
	answer    func(url.Values)                                  // of the authorization endpoint
	token     func(header, claims map[string]any)               // before it is signed
	sign      func(input string, header map[string]any) string  // instead of its key; returns the signature
	raw       func(idToken string) string                       // after it is signed
	endpoint  func(w http.ResponseWriter, r *http.Request) bool // instead of the token endpoint; false = go on
	keys      func(w http.ResponseWriter, r *http.Request) bool // instead of the key endpoint
	userinfo  map[string]any
}

// fakeIssuer is an OpenID provider that lets everybody in whom login_hint names.
type fakeIssuer struct {
	*httptest.Server
	t        testing.TB
	now      func() time.Time
	accounts map[string]account // by mail address
	down     atomic.Bool

	mu     sync.Mutex
	key    *rsa.PrivateKey
	kid    string
	codes  map[string]url.Values
	script script
	tokens atomic.Int64 // requests of the token endpoint
}

const clientSecret = "s3cret"

var rsaKeys = sync.OnceValue(func() (keys [3]*rsa.PrivateKey) {
	for i := range keys {
		keys[i], _ = rsa.GenerateKey(rand.Reader, 2048)
	}
	return keys
})

func newFakeIssuer(t testing.TB, now func() time.Time) *fakeIssuer {
	f := &fakeIssuer{t: t, now: now, key: rsaKeys()[0], kid: "one", codes: map[string]url.Values{}, accounts: map[string]account{
		"dana@acme.example":  {"sub-dana", "Dana Ruiz", true},
		"bo@brock.example":   {"sub-bo", "Bo Brock", true},
		"cy@cord.example":    {"sub-cy", "Cy Cord", true},
		"hal@host.example":   {"sub-hal", "Hal Host", true},
		"eve@acme.example":   {"sub-eve", "Eve", false},
		"nobody@far.example": {"sub-nobody", "No Body", true},
	}}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fakeIssuer) set(s script) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.script = s
}

func (f *fakeIssuer) rotate(n int, kid string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.key, f.kid = rsaKeys()[n], kid
}

func (f *fakeIssuer) serve(w http.ResponseWriter, r *http.Request) {
	if f.down.Load() {
		http.Error(w, "down", http.StatusBadGateway)
		return
	}
	f.mu.Lock()
	s := f.script
	f.mu.Unlock()
	say := func(v any) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(v)
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		d := map[string]any{"issuer": f.URL, "authorization_endpoint": f.URL + "/authorize", "token_endpoint": f.URL + "/token", "jwks_uri": f.URL + "/keys",
			"end_session_endpoint": f.URL + "/end", "userinfo_endpoint": f.URL + "/userinfo", "id_token_signing_alg_values_supported": []string{"RS256", "RS384", "HS256", "none"}}
		if s.discovery != nil {
			s.discovery(d)
		}
		say(d)
	case "/keys":
		if s.keys != nil && s.keys(w, r) {
			return
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		say(map[string]any{"keys": []any{map[string]any{"kty": "RSA", "kid": f.kid, "use": "sig",
			"n": b64(f.key.N.Bytes()), "e": b64(big.NewInt(int64(f.key.E)).Bytes())}}})
	case "/authorize":
		q := r.URL.Query()
		code := rand.Text()
		f.mu.Lock()
		f.codes[code] = q
		f.mu.Unlock()
		answer := url.Values{"code": {code}, "state": {q.Get("state")}}
		if s.answer != nil {
			s.answer(answer)
		}
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+answer.Encode(), http.StatusFound)
	case "/token":
		f.tokens.Add(1)
		if s.endpoint != nil && s.endpoint(w, r) {
			return
		}
		f.mu.Lock()
		q, ok := f.codes[r.FormValue("code")]
		delete(f.codes, r.FormValue("code"))
		f.mu.Unlock()
		id, secret, basic := r.BasicAuth()
		challenge := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		if !ok || !basic || id != q.Get("client_id") || secret != clientSecret || q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") != b64(challenge[:]) || r.FormValue("redirect_uri") != q.Get("redirect_uri") {
			w.WriteHeader(http.StatusBadRequest)
			say(map[string]any{"error": "invalid_grant"})
			return
		}
		mail := q.Get("login_hint")
		who := f.accounts[mail]
		header := map[string]any{"alg": "RS256", "kid": f.kid, "typ": "JWT"}
		claims := map[string]any{"iss": f.URL, "sub": who.sub, "aud": "portal", "iat": f.now().Unix(), "exp": f.now().Add(time.Hour).Unix(), "nonce": q.Get("nonce"),
			"email": mail, "email_verified": who.verified, "name": who.name, "sid": "sid-" + who.sub}
		if s.token != nil {
			s.token(header, claims)
		}
		raw := f.sign(header, claims, s.sign)
		if s.raw != nil {
			raw = s.raw(raw)
		}
		answer := map[string]any{"access_token": "at-" + mail, "token_type": "Bearer", "expires_in": 60, "id_token": raw}
		if raw == "" {
			delete(answer, "id_token")
		}
		say(answer)
	case "/userinfo":
		say(s.userinfo)
	default:
		http.NotFound(w, r)
	}
}

func (f *fakeIssuer) sign(header, claims map[string]any, sign func(string, map[string]any) string) string {
	h, _ := json.Marshal(header)
	c, _ := json.Marshal(claims)
	input := b64(h) + "." + b64(c)
	if sign != nil {
		return input + "." + sign(input, header)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return input + "." + rs256(f.key, input)
}

func rs256(key *rsa.PrivateKey, input string) string {
	sum := sha256.Sum256([]byte(input))
	sig, _ := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	return b64(sig)
}

func rs384(key *rsa.PrivateKey, input string) string {
	sum := sha512.Sum384([]byte(input))
	sig, _ := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA384, sum[:])
	return b64(sig)
}

func hs256(key []byte, input string) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(input))
	return b64(m.Sum(nil))
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// logoutToken is a good one of Dana's, changed.
func (f *fakeIssuer) logoutToken(change func(header, claims map[string]any), sign func(string, map[string]any) string) string {
	header := map[string]any{"alg": "RS256", "kid": f.kid, "typ": "logout+jwt"}
	claims := map[string]any{"iss": f.URL, "sub": "sub-dana", "aud": "portal", "iat": f.now().Unix(), "exp": f.now().Add(2 * time.Minute).Unix(), "jti": rand.Text(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}
	if change != nil {
		change(header, claims)
	}
	return f.sign(header, claims, sign)
}

func without(name string) func(_, c map[string]any) {
	return func(_, c map[string]any) { delete(c, name) }
}

func with(name string, v any) func(_, c map[string]any) {
	return func(_, c map[string]any) { c[name] = v }
}

func headed(name string, v any) func(h, _ map[string]any) {
	return func(h, _ map[string]any) { h[name] = v }
}

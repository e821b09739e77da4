package auth

import (
	"bytes"
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"extranet/portal"
	"extranet/portal/partners"
)

// What is taken from an issuer, and how long it is waited for.
const (
	answerTimeout  = 5 * time.Second  // one answer
	signInTimeout  = 9 * time.Second  // all answers that a sign-in needs
	answerAtMost   = 1 << 20          // bytes of one answer
	tokenAtMost    = 16 << 10         // bytes of a signed token
	discoveryLasts = 15 * time.Minute // then it is read again
	keysEvery      = time.Second      // its keys are asked for at most so often: anybody can send tokens of unknown keys
	skew           = time.Minute      // by which an issuer's clock may be ahead
	tokenAge       = 10 * time.Minute // at which a token that should be new is too old
)

// algorithms may sign a token: public keys alone (RFC 8725, 3.1 and 3.2).
var algorithms = []string{oidc.RS256, oidc.ES256, oidc.PS256, oidc.EdDSA}

type issuer struct {
	Issuer
	claimed  map[string]string // mail domain → the issuer that vouches for it
	callback string
	client   *http.Client
	now      func() time.Time

	asking singleflight.Group
	mu     sync.Mutex
	known  *provider
	down   bool // when last asked
}

// A provider is what an issuer's discovery document says (OpenID Connect Discovery 1.0).
type provider struct {
	oidc       *oidc.Provider
	oauth      oauth2.Config
	verifier   *oidc.IDTokenVerifier
	endSession string
	saysIss    bool // sends iss with every authorization answer (RFC 9207)
	at         time.Time
}

func newIssuer(i Issuer, callback string, transport http.RoundTripper, now func() time.Time) *issuer {
	if transport == nil {
		transport = http.DefaultTransport
	}
	client := &http.Client{
		Timeout:   answerTimeout,
		Transport: limited{transport},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			// A code and a client secret go nowhere but where discovery said.
			if len(via) > 3 || via[0].Method != http.MethodGet || r.URL.Host != via[0].URL.Host || r.URL.Scheme != via[0].URL.Scheme {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
	return &issuer{Issuer: i, callback: callback, client: client, now: now}
}

// limited cuts off answers that are too long.
type limited struct{ http.RoundTripper }

func (t limited) RoundTrip(r *http.Request) (*http.Response, error) {
	a, err := t.RoundTripper.RoundTrip(r)
	if err == nil {
		a.Body = &limitedBody{ReadCloser: a.Body, left: answerAtMost}
	}
	return a, err
}

type limitedBody struct {
	io.ReadCloser
	left int
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("the answer is too long")
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// spaced waits between requests, so that no crowd of callers becomes one of questions.
type spaced struct {
	http.RoundTripper
	mu   sync.Mutex
	next time.Time
}

func (t *spaced) RoundTrip(r *http.Request) (*http.Response, error) {
	t.mu.Lock()
	now := time.Now()
	wait := t.next.Sub(now)
	t.next = now.Add(max(wait, 0) + keysEvery)
	t.mu.Unlock()
	if wait > 0 {
		select {
		case <-r.Context().Done():
			return nil, r.Context().Err()
		case <-time.After(wait):
		}
	}
	return t.RoundTripper.RoundTrip(r)
}

var errUnreachable = errors.New("the issuer does not answer")

// unreachable is Unavailable: the issuer's answer did not come, or made no sense.
func (i *issuer) unreachable(err error) error {
	return portal.Because(portal.Unavailable, fmt.Errorf("%w: %w", errUnreachable, err), "%s does not answer at present; the portal itself works, so try again in a few minutes", i.Label)
}

// discover returns what the issuer says of itself. It is asked when that is not known or old; while an old answer is at hand, its silence does no harm.
func (i *issuer) discover(ctx context.Context) (*provider, error) {
	i.mu.Lock()
	known := i.known
	i.mu.Unlock()
	if known != nil && time.Since(known.at) < discoveryLasts {
		return known, nil
	}
	ask := i.asking.DoChan("", func() (any, error) {
		p, err := i.ask(context.WithoutCancel(ctx))
		i.mu.Lock()
		defer i.mu.Unlock()
		i.down = err != nil
		if err == nil {
			i.known = p
		}
		return p, err
	})
	if known != nil {
		return known, nil
	}
	select {
	case <-ctx.Done():
		return nil, i.unreachable(ctx.Err())
	case a := <-ask:
		if a.Err != nil {
			return nil, i.unreachable(a.Err)
		}
		return a.Val.(*provider), nil
	}
}

func (i *issuer) ask(ctx context.Context) (*provider, error) {
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, i.client), i.URL)
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	var said struct {
		Auth       string   `json:"authorization_endpoint"`
		Token      string   `json:"token_endpoint"`
		Keys       string   `json:"jwks_uri"`
		EndSession string   `json:"end_session_endpoint"`
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
		Methods    []string `json:"token_endpoint_auth_methods_supported"`
		SaysIss    bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := p.Claims(&said); err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	secure := strings.HasPrefix(i.URL, "https://")
	for name, endpoint := range map[string]string{"authorization_endpoint": said.Auth, "token_endpoint": said.Token, "jwks_uri": said.Keys, "end_session_endpoint": said.EndSession} {
		if endpoint == "" && name == "end_session_endpoint" {
			continue
		}
		if u, err := url.Parse(endpoint); err != nil || u.Host == "" || u.Scheme != "https" && (secure || u.Scheme != "http") {
			return nil, fmt.Errorf("discovery: %s is not an address to trust", name)
		}
	}
	if len(said.Algorithms) == 0 {
		said.Algorithms = []string{oidc.RS256}
	}
	accepted := slices.DeleteFunc(slices.Clone(algorithms), func(a string) bool { return !slices.Contains(said.Algorithms, a) })
	if len(accepted) == 0 {
		return nil, fmt.Errorf("discovery: none of the signatures %v is accepted", said.Algorithms)
	}
	endpoint := p.Endpoint()
	// The default is client_secret_basic (OpenID Connect Discovery 1.0, 3). Left to oauth2, the code would be sent twice to find out.
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if i.ClientSecret == "" || len(said.Methods) > 0 && !slices.Contains(said.Methods, "client_secret_basic") && slices.Contains(said.Methods, "client_secret_post") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	asksKeys := *i.client
	asksKeys.Transport = &spaced{RoundTripper: i.client.Transport}
	keys := oidc.NewRemoteKeySet(oidc.ClientContext(ctx, &asksKeys), said.Keys)
	return &provider{
		oidc: p, endSession: said.EndSession, saysIss: said.SaysIss, at: time.Now(),
		oauth:    oauth2.Config{ClientID: i.ClientID, ClientSecret: i.ClientSecret, Endpoint: endpoint, RedirectURL: i.callback, Scopes: []string{oidc.ScopeOpenID, "email", "profile"}},
		verifier: oidc.NewVerifier(i.URL, keys, &oidc.Config{ClientID: i.ClientID, SupportedSigningAlgs: accepted, Now: i.now}),
	}, nil
}

func (i *issuer) isDown() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.down && i.known == nil
}

func (i *issuer) origins() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	addresses := []string{i.URL}
	if i.known != nil {
		addresses = append(addresses, i.known.oauth.Endpoint.AuthURL, i.known.endSession)
	}
	var all []string
	for _, a := range addresses {
		if u, err := url.Parse(a); err == nil && u.Host != "" {
			all = append(all, u.Scheme+"://"+u.Host)
		}
	}
	return all
}

// vouches reports whether the issuer's word counts for the address.
func (i *issuer) vouches(email string) bool {
	_, domain, _ := strings.Cut(strings.ToLower(email), "@")
	if by, ok := i.claimed[domain]; ok || len(i.Domains) > 0 {
		return by == i.Name
	}
	return true
}

// refused is what a person is told of an answer that cannot be accepted. Why it cannot is in the log.
func (i *issuer) refused(format string, a ...any) error {
	return portal.Because(portal.Malformed, fmt.Errorf(format, a...), "the answer of %s could not be accepted; start again, and if it stays, tell your IT department", i.Label)
}

// redeem exchanges the code for an ID token, and checks all that the token says (OpenID Connect Core 1.0, 3.1.3.7).
func (i *issuer) redeem(ctx context.Context, p *provider, code, verifier, nonce string) (proof partners.Proof, err error) {
	ctx = oidc.ClientContext(ctx, i.client)
	token, err := p.oauth.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok && e.Response != nil && e.Response.StatusCode < 500 && e.Response.StatusCode != http.StatusTooManyRequests {
			return proof, i.refused("token endpoint: status %d, error %q", e.Response.StatusCode, clean(e.ErrorCode, 64))
		} else if ok {
			return proof, i.unreachable(fmt.Errorf("token endpoint: status %d", e.Response.StatusCode))
		}
		if _, ok := errors.AsType[*url.Error](err); ok || ctx.Err() != nil {
			return proof, i.unreachable(err)
		}
		return proof, i.refused("token endpoint: %w", err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return proof, i.refused("no id_token")
	}
	if err := header(raw, "JWT"); err != nil {
		return proof, i.refused("id_token: %w", err)
	}
	id, err := p.verifier.Verify(ctx, raw)
	if err != nil {
		return proof, i.notVerified("id_token", err)
	}
	claims, err := claimsOf(id.Claims)
	if err != nil {
		return proof, i.refused("id_token: %w", err)
	}
	now := i.now()
	switch azp, present, err := claims.text("azp", 255); {
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1:
		return proof, i.refused("id_token: nonce")
	case err != nil:
		return proof, i.refused("id_token: %w", err)
	case present && azp != i.ClientID, !present && len(id.Audience) > 1:
		return proof, i.refused("id_token: aud and azp")
	}
	if err := timely(id.IssuedAt, now); err != nil {
		return proof, i.refused("id_token: %w", err)
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return proof, i.refused("id_token: %w", err)
		}
	}
	proof = partners.Proof{Issuer: i.URL, IDToken: raw}
	if proof.Subject, err = claims.subject(); err != nil || proof.Subject == "" || proof.Subject != id.Subject {
		return proof, i.refused("id_token: sub: %w", cmp.Or(err, errors.New("missing")))
	}
	if proof.SID, _, err = claims.text("sid", 255); err != nil {
		return proof, i.refused("id_token: %w", err)
	}
	if proof.ACR, _, err = claims.text("acr", 255); err != nil {
		return proof, i.refused("id_token: %w", err)
	}
	if proof.AMR, err = claims.texts("amr", 20); err != nil {
		return proof, i.refused("id_token: %w", err)
	}
	if proof.Groups, err = claims.texts("groups", 1000); err != nil {
		return proof, i.refused("id_token: %w", err)
	}
	if _, present := claims["email"]; !present && p.oidc.UserInfoEndpoint() != "" {
		// An issuer may keep what the scopes ask for to its userinfo endpoint (OpenID Connect Core 1.0, 5.4).
		more, err := i.userInfo(ctx, p, token, proof.Subject)
		if err != nil {
			return proof, err
		}
		for _, name := range []string{"email", "email_verified", "name", "preferred_username"} {
			if v, ok := more[name]; ok {
				if _, have := claims[name]; !have {
					claims[name] = v
				}
			}
		}
	}
	return proof, i.describe(claims, &proof)
}

// describe takes the name and the mail address from the claims, and says what is to be doubted of the address.
func (i *issuer) describe(claims claims, proof *partners.Proof) (err error) {
	if proof.Email, _, err = claims.text("email", 254); err != nil {
		return i.refused("id_token: %w", err)
	}
	if proof.Name, _, err = claims.text("name", 500); err != nil {
		return i.refused("id_token: %w", err)
	}
	other, _, err := claims.text("preferred_username", 500)
	if err != nil {
		return i.refused("id_token: %w", err)
	}
	proof.Name = clean(cmp.Or(strings.TrimSpace(proof.Name), other, proof.Email, "somebody"), 200)
	switch {
	case proof.Email == "":
		proof.Doubt = i.Label + " did not say what your mail address is"
	case !plainMail(proof.Email):
		proof.Doubt = "your mail address is written with letters that cannot be compared safely"
	case !claims.yes("email_verified"):
		proof.Doubt = i.Label + " has not verified your mail address"
	case !i.vouches(proof.Email):
		proof.Doubt = "your mail address is of a company that signs in elsewhere; choose that company's sign-in"
	}
	if proof.Doubt != "" && !plainMail(proof.Email) {
		proof.Email = ""
	}
	return nil
}

// userInfo returns the claims of the userinfo endpoint, which must be of the same subject (OpenID Connect Core 1.0, 5.3.2).
func (i *issuer) userInfo(ctx context.Context, p *provider, token *oauth2.Token, subject string) (claims, error) {
	info, err := p.oidc.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		if _, ok := errors.AsType[*url.Error](err); ok || ctx.Err() != nil {
			return nil, i.unreachable(err)
		}
		return nil, i.refused("userinfo: %w", err)
	}
	if info.Subject != subject {
		return nil, i.refused("userinfo: another sub")
	}
	said, err := claimsOf(info.Claims)
	if err != nil {
		return nil, i.refused("userinfo: %w", err)
	}
	return said, nil
}

// notVerified tells keys that could not be had from a token that is wrong.
func (i *issuer) notVerified(what string, err error) error {
	if strings.Contains(err.Error(), "fetching keys") {
		return i.unreachable(fmt.Errorf("%s: the issuer's keys: %w", what, err))
	}
	return i.refused("%s: %w", what, err)
}

// logoutToken checks a logout token (OpenID Connect Back-Channel Logout 1.0, 2.4 and 2.6).
func (i *issuer) logoutToken(ctx context.Context, p *provider, raw string) (t partners.LogoutToken, err error) {
	if err := header(raw, "JWT", "logout+jwt"); err != nil {
		return t, i.refused("logout token: %w", err)
	}
	said, err := p.verifier.VerifyLogout(oidc.ClientContext(ctx, i.client), raw)
	if err != nil {
		return t, i.notVerified("logout token", err)
	}
	c, err := claimsOf(said.Claims)
	if err != nil {
		return t, i.refused("logout token: %w", err)
	}
	if err := timely(said.IssuedAt, i.now()); err != nil {
		return t, i.refused("logout token: %w", err)
	}
	if _, present := c["nonce"]; present {
		return t, i.refused("logout token: nonce")
	}
	var events, event map[string]json.RawMessage
	if json.Unmarshal(c["events"], &events) != nil || json.Unmarshal(events["http://schemas.openid.net/event/backchannel-logout"], &event) != nil || event == nil {
		return t, i.refused("logout token: events")
	}
	t = partners.LogoutToken{Issuer: i.URL, Expires: said.Expiry.Add(skew)}
	if t.Subject, err = c.subject(); err != nil {
		return t, i.refused("logout token: %w", err)
	}
	if t.SID, _, err = c.text("sid", 255); err != nil {
		return t, i.refused("logout token: %w", err)
	}
	if t.ID, _, err = c.text("jti", 255); err != nil || t.ID == "" {
		return t, i.refused("logout token: jti")
	}
	if t.Subject == "" && t.SID == "" {
		return t, i.refused("logout token: neither sub nor sid")
	}
	return t, nil
}

// header checks what go-oidc does not: how long the token is, and that it is of a type (RFC 8725, 3.11) that is meant to be here.
func header(raw string, types ...string) error {
	if len(raw) > tokenAtMost {
		return fmt.Errorf("%d bytes are too long", len(raw))
	}
	first, _, _ := strings.Cut(raw, ".")
	text, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		return errors.New("the header cannot be read")
	}
	var h struct {
		Type *string `json:"typ"`
	}
	if err := json.Unmarshal(text, &h); err != nil {
		return errors.New("the header cannot be read")
	}
	if h.Type == nil {
		return nil
	}
	is := strings.TrimPrefix(strings.ToLower(*h.Type), "application/")
	if !slices.ContainsFunc(types, func(t string) bool { return strings.EqualFold(t, is) }) {
		return errors.New("typ")
	}
	return nil
}

// timely checks that iat is not ahead and not old; where it is missing, it is very old.
func timely(issued, now time.Time) error {
	if issued.After(now.Add(skew)) || issued.Before(now.Add(-tokenAge)) {
		return errors.New("iat")
	}
	return nil
}

// claims are those of a verified token, each as it was written. Names are compared exactly.
type claims map[string]json.RawMessage

func claimsOf(read func(any) error) (c claims, err error) {
	if err := read(&c); err != nil {
		return nil, errors.New("the claims cannot be read")
	}
	return c, nil
}

// text returns a claim that must be a string of at most so many bytes, and without control characters.
func (c claims) text(name string, atMost int) (s string, present bool, err error) {
	raw, present := c[name]
	if !present || bytes.Equal(raw, []byte("null")) {
		return "", false, nil
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", true, fmt.Errorf("%s is no text", name)
	}
	if len(s) > atMost || !utf8.ValidString(s) || strings.ContainsFunc(s, isControl) {
		return "", true, fmt.Errorf("%s holds what it must not", name)
	}
	return s, true, nil
}

// isControl reports a control character of ASCII, with which a log or a header could be forged. Those above are what
// mistaken encodings leave in names.
func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// texts returns a claim that must be a list of so many strings at most, each as text would have it; one that is missing is none.
func (c claims) texts(name string, atMost int) (list []string, err error) {
	raw, present := c[name]
	if !present || bytes.Equal(raw, []byte("null")) {
		return nil, nil
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("%s is no list of texts", name)
	}
	if len(list) > atMost || slices.ContainsFunc(list, func(s string) bool { return len(s) > 255 || !utf8.ValidString(s) || strings.ContainsFunc(s, isControl) }) {
		return nil, fmt.Errorf("%s holds what it must not", name)
	}
	return list, nil
}

// subject returns sub: at most 255 ASCII characters (OpenID Connect Core 1.0, 2).
func (c claims) subject() (string, error) {
	s, _, err := c.text("sub", 255)
	if err == nil && strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) {
		err = errors.New("sub holds what it must not")
	}
	return s, err
}

// yes reads a boolean, which some issuers write as text.
func (c claims) yes(name string) bool {
	return string(c[name]) == "true" || string(c[name]) == `"true"`
}

// clean takes out what cannot be seen, and shortens.
func clean(s string, atMost int) string {
	s = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) || unicode.IsControl(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)), " ")
	if r := []rune(s); len(r) > atMost {
		s = string(r[:atMost])
	}
	return s
}

// plainMail reports whether the address is one of plain ASCII, so that no two letters look alike.
func plainMail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && domain != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) && !strings.Contains(domain, "@")
}

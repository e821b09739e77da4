package issuer

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	callback  = "http://portal.example/auth/callback"
	afterward = "http://portal.example/"
)

// browser keeps cookies and stops at the portal's door.
func browser(t *testing.T) *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host == "portal.example" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
}

func get(t *testing.T, c *http.Client, address string) (*http.Response, string) {
	t.Helper()
	return read(t)(c.Get(address))
}

func read(t *testing.T) func(*http.Response, error) (*http.Response, string) {
	return func(r *http.Response, err error) (*http.Response, string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r, string(b)
	}
}

func TestSignInAndOut(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	told := make(chan string, 1)
	portal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { told <- r.FormValue("logout_token") }))
	defer portal.Close()

	i, err := Start(ctx, Options{
		Name:   "Quarry & Sons",
		People: []Person{{ID: "p-1", Email: "Ida@quarry.example", Name: "Ida Quarry", Password: "granite"}},
		Clients: []Client{{
			ID: "portal", Secret: "secret", RedirectURIs: []string{callback},
			PostLogoutRedirectURIs: []string{afterward}, BackchannelLogoutURI: portal.URL,
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer i.Stop()

	provider, err := oidc.NewProvider(ctx, i.URL())
	if err != nil {
		t.Fatal(err)
	}
	var found struct {
		EndSession  string   `json:"end_session_endpoint"`
		Backchannel bool     `json:"backchannel_logout_supported"`
		Algorithms  []string `json:"id_token_signing_alg_values_supported"`
		PKCE        []string `json:"code_challenge_methods_supported"`
	}
	if err := provider.Claims(&found); err != nil {
		t.Fatal(err)
	}
	if found.EndSession == "" || !found.Backchannel || strings.Join(found.Algorithms, " ") != "RS256" || strings.Join(found.PKCE, " ") != "S256" {
		t.Errorf("discovery says %+v", found)
	}

	conf := oauth2.Config{ClientID: "portal", ClientSecret: "secret", RedirectURL: callback, Endpoint: provider.Endpoint(), Scopes: []string{"openid", "email", "profile"}}
	verifier := oauth2.GenerateVerifier()
	signIn := conf.AuthCodeURL("state-1", oauth2.S256ChallengeOption(verifier), oidc.Nonce("nonce-1"))
	ida := browser(t)

	page, text := get(t, ida, signIn)
	if page.StatusCode != http.StatusOK || !strings.Contains(text, "Quarry &amp; Sons") {
		t.Fatalf("the form answers %d without the name: %s", page.StatusCode, text)
	}
	if logo, svg := get(t, ida, i.URL()+"/theme/name.svg"); logo.StatusCode != http.StatusOK || !strings.Contains(svg, "Quarry &amp; Sons") {
		t.Errorf("the name is drawn as %s", svg)
	}
	form := page.Request.URL.String()
	if r, text := read(t)(ida.PostForm(form, url.Values{"login": {"ida@quarry.example"}, "password": {"marble"}})); !strings.Contains(text, "login-error") {
		t.Fatalf("a wrong password answers %d: %s", r.StatusCode, text)
	}
	r, text := read(t)(ida.PostForm(form, url.Values{"login": {"ida@quarry.example"}, "password": {"granite"}}))
	back, err := r.Location()
	if err != nil || !strings.HasPrefix(back.String(), callback) || back.Query().Get("state") != "state-1" {
		t.Fatalf("signing in answers %d to %v: %s", r.StatusCode, back, text)
	}

	if _, err := conf.Exchange(ctx, back.Query().Get("code"), oauth2.VerifierOption(oauth2.GenerateVerifier())); err == nil {
		t.Error("a code is taken with another's verifier")
	}
	again, _ := get(t, ida, signIn) // the session answers for the password
	back, err = again.Location()
	if err != nil {
		t.Fatalf("a second sign-in in the same session answers %d", again.StatusCode)
	}
	token, err := conf.Exchange(ctx, back.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: "portal"}).Verify(ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Email    string
		Verified bool `json:"email_verified"`
		Name     string
		SID      string
	}
	if err := id.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if id.Nonce != "nonce-1" || id.Subject != Subject("p-1") || claims.Email != "Ida@quarry.example" || !claims.Verified || claims.Name != "Ida Quarry" || claims.SID == "" {
		t.Errorf("the token says %+v %+v", id, claims)
	}
	if info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token)); err != nil || info.Subject != id.Subject {
		t.Errorf("userinfo: %+v %v", info, err)
	}

	out := found.EndSession + "?" + url.Values{"id_token_hint": {raw}, "post_logout_redirect_uri": {afterward}, "state": {"state-2"}}.Encode()
	r, text = get(t, ida, out)
	if to, err := r.Location(); err != nil || to.String() != afterward+"?state=state-2" {
		t.Fatalf("signing out answers %d to %v: %s", r.StatusCode, to, text)
	}
	select {
	case raw := <-told:
		out, err := provider.Verifier(&oidc.Config{ClientID: "portal"}).Verify(ctx, raw)
		if err != nil {
			t.Fatal(err)
		}
		var ended struct {
			SID    string
			Events map[string]any
		}
		if err := out.Claims(&ended); err != nil {
			t.Fatal(err)
		}
		if _, ok := ended.Events["http://schemas.openid.net/event/backchannel-logout"]; !ok || ended.SID != claims.SID || out.Subject != id.Subject {
			t.Errorf("the portal is told %+v %+v", out, ended)
		}
	case <-ctx.Done():
		t.Error("the portal is not told that the session ended")
	}
	if page, _ := get(t, ida, signIn); page.StatusCode != http.StatusOK {
		t.Errorf("after signing out, signing in answers %d instead of the form", page.StatusCode)
	}
	if err := i.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := http.Get(i.URL() + "/.well-known/openid-configuration"); err == nil {
		t.Error("it still answers")
	}
}

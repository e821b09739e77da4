// Package issuer runs a private OpenID Connect issuer: Dex inside this process, its people and clients in memory.
package issuer

import (
	"context"
	"encoding/base64"
	"fmt"
	"html"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	gosundheit "github.com/AppsFlyer/go-sundheit"
	"github.com/dexidp/dex/server"
	"github.com/dexidp/dex/server/authflow"
	"github.com/dexidp/dex/server/connectors"
	"github.com/dexidp/dex/server/session"
	"github.com/dexidp/dex/server/signer"
	"github.com/dexidp/dex/server/tokens"
	"github.com/dexidp/dex/storage"
	"github.com/dexidp/dex/storage/memory"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/crypto/bcrypt"
)

// Options say who may sign in, and to what.
type Options struct {
	Listen  string // host:port; port 0 is a free one, a host for all interfaces is known as localhost, empty is 127.0.0.1:0
	Name    string // shown on its pages
	Clients []Client
	People  []Person
	Logger  *slog.Logger // nothing is logged without
}

// A Client is an application people sign in to. Its addresses are compared as they are, character by character.
type Client struct {
	ID, Secret, Name       string
	RedirectURIs           []string
	PostLogoutRedirectURIs []string
	BackchannelLogoutURI   string // where a logout token is posted when the person's session here ends; empty for none
}

// A Person signs in with e-mail and password. ID never changes and is at the root of the sub claim: see Subject.
type Person struct {
	ID, Email, Name, Password string
}

// An Issuer is a running OpenID Connect issuer.
type Issuer struct {
	url     string
	storage storage.Storage
	http    *http.Server
	cancel  context.CancelFunc
	stop    sync.Once
	stopErr error
}

const (
	path           = "/dex"  // keeps its cookies from the other programs on the same host
	localConnector = "local" // the password form
	sessionLimit   = 12 * time.Hour
	idTokenLimit   = time.Hour
)

// Start starts an issuer: authorization code flow with PKCE (S256), RS256, discovery, RP-initiated and back-channel logout.
// Its people, sessions and keys are gone when it stops. ctx limits the start alone.
func Start(ctx context.Context, o Options) (*Issuer, error) {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("starting issuer: %w", err)
	}
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("starting issuer: %w", err)
	}
	if a, err := netip.ParseAddr(host); host == "" || err == nil && a.IsUnspecified() {
		host = "localhost"
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())

	i := &Issuer{url: "http://" + net.JoinHostPort(host, port) + path, storage: withPeople(memory.New(o.Logger), o.People)}
	handler, err := i.configure(ctx, o)
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("starting issuer: %w", err)
	}
	i.http = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(o.Logger.Handler(), slog.LevelWarn)}
	go i.http.Serve(l)
	return i, nil
}

func (i *Issuer) configure(ctx context.Context, o Options) (http.Handler, error) {
	connector := storage.Connector{ID: localConnector, Type: connectors.LocalConnector, Name: "e-mail and password"}
	if err := i.storage.CreateConnector(ctx, connector); err != nil {
		return nil, err
	}
	for _, c := range o.Clients {
		if err := i.AddClient(ctx, c); err != nil {
			return nil, err
		}
	}
	keys := signer.LocalConfig{KeysRotationPeriod: "24h", Algorithm: jose.RS256}
	sign, err := keys.Open(ctx, i.storage, idTokenLimit, time.Now, o.Logger)
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	i.cancel = cancel
	dex, err := server.NewServer(running, server.Config{
		Issuer:             i.url,
		Storage:            i.storage,
		Signer:             sign,
		Logger:             o.Logger,
		SkipApprovalScreen: true,
		PKCE:               authflow.PKCEConfig{CodeChallengeMethodsSupported: []string{"S256"}},
		IDTokensValidFor:   idTokenLimit,
		RefreshTokenPolicy: tokens.NewRefreshStrategy(true, sessionLimit, 0, 10*time.Second, nil),
		SessionConfig:      &session.Config{CookieName: "dex_session", AbsoluteLifetime: sessionLimit, ValidIfNotUsedFor: sessionLimit},
		HealthChecker:      gosundheit.New(),
		Web:                server.WebConfig{Issuer: o.Name, LogoURL: "theme/name.svg"},
	})
	if err != nil {
		cancel()
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", dex)
	mux.HandleFunc("GET "+path+"/theme/name.svg", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/svg+xml")
		fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="400" height="26"><text x="0" y="19" font-family="sans-serif" font-size="18" font-weight="600" fill="#1a1a1a">%s</text></svg>`,
			html.EscapeString(o.Name))
	})
	return mux, nil
}

// URL is the issuer's identifier, http://host:port/dex: discovery lies below it.
func (i *Issuer) URL() string { return i.url }

// AddClient makes one more application known.
func (i *Issuer) AddClient(ctx context.Context, c Client) error {
	return i.storage.CreateClient(ctx, storage.Client{
		ID: c.ID, Secret: c.Secret, Name: c.Name, RedirectURIs: c.RedirectURIs,
		PostLogoutRedirectURIs: c.PostLogoutRedirectURIs, BackchannelLogoutURI: c.BackchannelLogoutURI,
	})
}

// Stop lets requests under way finish for a moment. Calling it again changes nothing.
func (i *Issuer) Stop() error {
	i.stop.Do(func() {
		i.cancel()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if i.stopErr = i.http.Shutdown(ctx); i.stopErr != nil {
			i.stopErr = i.http.Close()
		}
	})
	return i.stopErr
}

// Subject is the sub claim of the person with that ID: the ID and the way of signing in, as Dex packs them.
func Subject(id string) string {
	packed := append([]byte{0x0a, byte(len(id))}, id...)
	packed = append(append(packed, 0x12, byte(len(localConnector))), localConnector...)
	return base64.RawURLEncoding.EncodeToString(packed)
}

// people answers for the passwords. Dex takes no hash that is quick to make, so a person's is made when they first sign in.
type people struct {
	storage.Storage
	byEmail map[string]func() (storage.Password, error)
}

func withPeople(s storage.Storage, list []Person) storage.Storage {
	p := people{s, map[string]func() (storage.Password, error){}}
	for _, one := range list {
		p.byEmail[strings.ToLower(one.Email)] = sync.OnceValues(one.account)
	}
	return p
}

func (p Person) account() (storage.Password, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(p.Password), bcrypt.DefaultCost)
	verified := true
	return storage.Password{Email: p.Email, Hash: hash, Username: p.Name, Name: p.Name, PreferredUsername: p.Email, EmailVerified: &verified, UserID: p.ID}, err
}

// Join gives somebody an account from now on.
func (i *Issuer) Join(ctx context.Context, p Person) error {
	account, err := p.account()
	if err != nil {
		return err
	}
	return i.storage.CreatePassword(ctx, account)
}

func (p people) GetPassword(ctx context.Context, email string) (storage.Password, error) {
	if find, ok := p.byEmail[strings.ToLower(email)]; ok {
		return find()
	}
	return p.Storage.GetPassword(ctx, email)
}

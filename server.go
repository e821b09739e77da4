package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"extranet/api"
	"extranet/auth"
	"extranet/jobs"
	"extranet/portal"
	"extranet/portal/catalog"
	"extranet/web"
	"extranet/web/assets"
)

type serveCommand struct {
	serveConfig
	Work bool `env:"EXTRANET_WORK" help:"Run the jobs in this process too."`
}

func (c serveCommand) Run(ctx context.Context) error {
	if err := c.check(c.Work); err != nil {
		return err
	}
	return serve(ctx, c.serveConfig, c.Work, os.Stdout, func() {})
}

type workCommand struct {
	databaseConfig
	mappingConfig
	mailConfig
	BaseURL      string   `name:"base-url" env:"EXTRANET_BASE_URL" default:"http://127.0.0.1:8080" help:"Where people reach the portal; mail names its pages by it."`
	HostName     string   `env:"EXTRANET_HOST_NAME" default:"Extranet" help:"The host's name as mail shows it."`
	OpsListen    string   `env:"EXTRANET_OPS_LISTEN" default:"127.0.0.1:9090" help:"Address for /healthz, /readyz and /metrics; keep it from the public."`
	DrainTimeout duration `env:"EXTRANET_DRAIN_TIMEOUT" default:"20s" help:"How long passes under way may take to finish at the end."`
	LogLevel     string   `env:"EXTRANET_LOG_LEVEL" default:"info" help:"debug, info, warn or error."`
}

func (c workCommand) Run(ctx context.Context) error {
	var f faults
	c.databaseConfig.check(&f)
	c.mappingConfig.check(&f)
	c.mailConfig.check(&f)
	c.BaseURL = checkBaseURL(&f, c.BaseURL)
	if _, _, err := net.SplitHostPort(c.OpsListen); err != nil {
		f.add("ops-listen", "%q is not HOST:PORT", c.OpsListen)
	}
	if c.DrainTimeout.fault != "" {
		f.add("drain-timeout", "%s", c.DrainTimeout.fault)
	}
	checkLevel(&f, c.LogLevel)
	if err := f.err(); err != nil {
		return err
	}
	log := newLog(c.LogLevel, os.Stdout)
	db, err := portal.Open(ctx, portal.Options{URL: c.DatabaseURL, Log: log})
	if err != nil {
		return err
	}
	defer db.Close()
	ops := &http.Server{Addr: c.OpsListen, Handler: opsHandler(db, prometheus.NewRegistry()), ReadHeaderTimeout: 5 * time.Second}
	return together(ctx,
		func(ctx context.Context) error {
			return work(ctx, c.DatabaseURL, c.Mapping, c.DrainTimeout.Duration, db, c.mailOptions(c.HostName, c.BaseURL), log)
		},
		func(ctx context.Context) error { return listen(ctx, ops, c.DrainTimeout.Duration) },
	)
}

func (c mailConfig) mailOptions(hostName, baseURL string) jobs.MailOptions {
	return jobs.MailOptions{SMTP: c.SMTPURL, From: c.MailFrom, FromName: hostName, Folder: c.MailFolder, BaseURL: baseURL, Say: web.Speaker(c.Language)}
}

// work runs the jobs until ctx ends, then lets the passes under way finish.
func work(ctx context.Context, databaseURL, mappingFile string, drain time.Duration, db *portal.DB, mail jobs.MailOptions, log *slog.Logger) error {
	mapping, err := jobs.LoadMapping(mappingFile)
	if err != nil {
		return err
	}
	defer mapping.Close()
	queue, err := sql.Open("postgres", databaseURL)
	if err != nil {
		return err
	}
	defer queue.Close()
	worker, err := jobs.NewWorker(db, queue, mapping, log)
	if err != nil {
		return err
	}
	postman, err := jobs.NewPostman(db, mail, log)
	if err != nil {
		return err
	}
	if err := worker.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if err := postman.Run(ctx); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	return worker.Stop(within)
}

// serve answers until ctx ends, then finishes what is under way. Log lines go to logTo; ready hears when it answers.
func serve(ctx context.Context, c serveConfig, withJobs bool, logTo io.Writer, ready func()) error {
	log := newLog(c.LogLevel, logTo)
	if err := assets.Missing(); err != nil {
		return err
	}
	var shared *redis.Client
	if c.redis != nil {
		shared = newRedis(c.redis)
		defer shared.Close()
	}
	db, err := portal.Open(ctx, portal.Options{URL: c.DatabaseURL, MaxConns: int(c.MaxConnections.value), Redis: shared, CacheMiB: int(c.CacheMiB.value), Log: log})
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.AllFreshness(ctx); err != nil { // a schema that is not there is told now, not to the first who asks
		return err
	}
	registry := prometheus.NewRegistry()
	house, err := newHouse(c, db, log, registry)
	if err != nil {
		return err
	}
	defer house.close()
	public := &http.Server{Addr: c.Listen, Handler: house.engine, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 60 * time.Second, WriteTimeout: 5 * time.Minute,
		IdleTimeout: 90 * time.Second, MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	ops := &http.Server{Addr: c.OpsListen, Handler: opsHandler(db, registry), ReadHeaderTimeout: 5 * time.Second}
	all := []func(context.Context) error{
		func(ctx context.Context) error { return listen(ctx, ops, c.DrainTimeout.Duration) },
		func(ctx context.Context) error {
			go func() {
				if waitFor(ctx, c.Listen) == nil {
					log.Info("serving", "listen", c.Listen, "ops", c.OpsListen, "base_url", c.BaseURL, "jobs", withJobs)
					ready()
				}
			}()
			return listen(ctx, public, c.DrainTimeout.Duration)
		},
	}
	if withJobs {
		all = append(all, func(ctx context.Context) error {
			return work(ctx, c.DatabaseURL, c.Mapping, c.DrainTimeout.Duration, db, c.mailOptions(c.HostName, c.BaseURL), log)
		})
	}
	return together(ctx, all...)
}

// newRedis gives up early: an answer that Redis does not have at once comes from the database.
func newRedis(o *redis.Options) *redis.Client {
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = 300*time.Millisecond, 150*time.Millisecond, 150*time.Millisecond, 100*time.Millisecond
	o.MaxRetries, o.ContextTimeoutEnabled = -1, true
	return redis.NewClient(o)
}

// A house is the doors joined into one handler.
type house struct {
	engine *gin.Engine
	auth   *auth.Auth
}

// close writes down what the doors remember. No request may come after it.
func (h house) close() { h.auth.Close() }

func newHouse(c serveConfig, db *portal.DB, log *slog.Logger, registry prometheus.Registerer) (house, error) {
	a, err := auth.New(auth.Options{DB: db, Issuers: c.issuers, BaseURL: c.BaseURL, Idle: c.SessionIdle.Duration, Absolute: c.SessionAbsolute.Duration, Log: log})
	if err != nil {
		return house{}, err
	}
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	// An order's number may hold a slash.
	e.UseRawPath, e.UnescapePathValues, e.HandleMethodNotAllowed, e.RedirectTrailingSlash = true, true, true, false
	if err := e.SetTrustedProxies(c.TrustedProxies); err != nil {
		return house{}, fmt.Errorf("trusted proxies: %w", err)
	}
	library, err := catalog.OpenLibrary(c.Documents)
	if err != nil {
		return house{}, err
	}
	pages := web.New(web.Options{DB: db, Entities: jobs.EntityNames(), Library: library, Auth: a, HostName: c.HostName, Version: version, BaseURL: c.BaseURL, Remittance: c.Remittance, Files: c.store(), Language: c.Language})
	e.Use(observe(log, registry), guard(c.BaseURL, a.FormTargets), recovered(pages))
	document := api.Routes(e, api.Options{DB: db, Library: library, Caller: a.Caller, Partners: a.Partners, Sessions: a, RateLimit: c.RateLimit.value, Version: version, BaseURL: c.BaseURL, Files: c.store(), Papers: pages})
	a.Routes(e, auth.Pages{SignedOut: pages.ShowSignedOut, Error: pages.Fail, SignIn: func(c *gin.Context, status int, p auth.SignIn) {
		shown := web.SignIn{AskMail: p.AskMail, Mail: p.Mail, Next: p.Next, Message: web.SignInMessage(p.Message), Text: p.Text, Fault: p.Fault}
		for _, d := range p.Doors {
			shown.Issuers = append(shown.Issuers, web.Issuer(d))
		}
		pages.ShowSignIn(c, status, shown)
	}})
	pages.Routes(e, document)
	ofAPI := func(c *gin.Context) bool {
		return strings.HasPrefix(c.Request.URL.Path, "/api/") || strings.HasPrefix(c.Request.URL.Path, api.ScimPrefix+"/")
	}
	e.NoRoute(func(c *gin.Context) {
		if ofAPI(c) {
			api.NotFound(c)
		} else {
			pages.NotFound(c)
		}
	})
	e.NoMethod(func(c *gin.Context) {
		if ofAPI(c) {
			api.MethodNotAllowed(c)
		} else {
			pages.MethodNotAllowed(c)
		}
	})
	return house{e, a}, nil
}

// guard sets the headers that every answer carries and bounds what may be sent.
func guard(baseURL string, issuers func() []string) gin.HandlerFunc {
	const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
	secure := strings.HasPrefix(baseURL, "https:")
	return func(c *gin.Context) {
		h := c.Writer.Header()
		if strings.HasPrefix(c.Request.URL.Path, api.Prefix) || strings.HasPrefix(c.Request.URL.Path, api.ScimPrefix) {
			h["Content-Security-Policy"] = []string{policy}
		} else { // a form may be answered by sending the browser on to an issuer, to sign in or out
			h["Content-Security-Policy"] = []string{strings.Join(append([]string{policy}, issuers()...), " ")}
		}
		h["X-Content-Type-Options"] = []string{"nosniff"}
		h["X-Frame-Options"] = []string{"DENY"}
		h["Referrer-Policy"] = []string{"same-origin"}
		h["Cross-Origin-Opener-Policy"] = []string{"same-origin"}
		h["Cross-Origin-Resource-Policy"] = []string{"same-origin"}
		h["Permissions-Policy"] = []string{"camera=(), geolocation=(), microphone=()"}
		h["Cache-Control"] = []string{"no-store"} // unless a handler knows better
		if secure {
			h["Strict-Transport-Security"] = []string{"max-age=31536000; includeSubDomains"}
		}
		if len(c.Request.TransferEncoding) > 0 {
			h["Connection"] = []string{"close"} // RFC 9112 section 6.1: nothing may hide behind a chunked body
		}
		most, large := largeBodies[c.FullPath()]
		switch {
		case uploads(c.Request):
			most = 32 << 20
			// A phone takes longer for a photo than a form may take.
			_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Now().Add(5 * time.Minute))
		case !large:
			most = 1 << 20
		}
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, most)
	}
}

// largeBodies are the routes that take more than a form holds, and how many bytes.
var largeBodies = map[string]int64{"/forecasts/paste": 8 << 20, api.Prefix + "/forecasts/commitments": 8 << 20}

// uploads reports whether files are sent: such routes end in /files.
func uploads(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/files")
}

// recovered answers a request whose handler broke.
func recovered(pages *web.Web) gin.HandlerFunc {
	return func(c *gin.Context) {
		defer func() {
			broke := recover()
			if broke == nil {
				return
			}
			if broke == http.ErrAbortHandler {
				panic(broke)
			}
			err := fmt.Errorf("panic: %v", broke)
			if c.Writer.Written() {
				_ = c.Error(err)
				c.Abort()
			} else if strings.HasPrefix(c.Request.URL.Path, "/api/") {
				api.Fail(c, err)
			} else {
				pages.Fail(c, err)
			}
		}()
		c.Next()
	}
}

// listen serves until ctx ends, then lets requests under way finish.
func listen(ctx context.Context, s *http.Server, drain time.Duration) error {
	l, err := net.Listen("tcp", s.Addr)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", s.Addr, err)
	}
	// Streams of live news end when the house closes; everything else is let finish.
	base, closing := context.WithCancel(context.WithoutCancel(ctx))
	s.BaseContext = func(net.Listener) context.Context { return context.WithValue(base, web.ClosingKey{}, ctx.Done()) }
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	select {
	case err := <-served:
		closing()
		return err
	case <-ctx.Done():
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	err = s.Shutdown(within)
	closing()
	if errors.Is(err, context.DeadlineExceeded) {
		return s.Close()
	}
	return err
}

// waitFor waits until something listens on address.
func waitFor(ctx context.Context, address string) error {
	for {
		if c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address); err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// together runs all until the first fails or ctx ends, and waits for the rest.
func together(ctx context.Context, all ...func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(all))
	for _, f := range all {
		go func() { ended <- f(ctx) }()
	}
	var errs []error
	for range all {
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, http.ErrServerClosed) {
			errs = append(errs, err)
		}
		cancel()
	}
	return errors.Join(errs...)
}

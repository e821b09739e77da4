package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/redis/go-redis/v9"

	"extranet/auth"
	"extranet/portal/files"
)

// A duration or number that cannot be read is kept with its fault, so that all faults are reported at once.
type (
	duration struct {
		time.Duration
		fault string
	}
	number struct {
		value float64
		fault string
	}
)

func (d *duration) UnmarshalText(b []byte) (err error) {
	if d.Duration, err = time.ParseDuration(string(b)); err != nil || d.Duration <= 0 {
		d.fault = fmt.Sprintf("%q is not a length of time; write it like 30m or 12h", b)
	}
	return nil
}

func (n *number) UnmarshalText(b []byte) (err error) {
	if n.value, err = strconv.ParseFloat(string(b), 64); err != nil || n.value < 0 {
		n.fault = fmt.Sprintf("%q is not a number from 0 up", b)
	}
	return nil
}

// databaseConfig says where the portal's own database is.
type databaseConfig struct {
	DatabaseURL     string `name:"database-url" env:"EXTRANET_DATABASE_URL" placeholder:"URL" help:"The portal's database, as the login role: postgres://ROLE:PASSWORD@HOST/DATABASE?sslmode=…"`
	DatabaseURLFile string `name:"database-url-file" env:"EXTRANET_DATABASE_URL_FILE" placeholder:"FILE" help:"File that holds --database-url."`
}

// mappingConfig says how the core database is read.
type mappingConfig struct {
	Mapping string `env:"EXTRANET_MAPPING" placeholder:"FILE" help:"The mapping of the core database, YAML."`
}

// mailConfig says how mail leaves the house.
type mailConfig struct {
	SMTPURL     string `name:"smtp-url" env:"EXTRANET_SMTP_URL" placeholder:"URL" help:"Server that mail is given to: smtp://USER:PASSWORD@HOST:587 (STARTTLS), smtps://HOST, or smtp://HOST:25?tls=none beside it. None: mail is kept as files."`
	SMTPURLFile string `name:"smtp-url-file" env:"EXTRANET_SMTP_URL_FILE" placeholder:"FILE" help:"File that holds --smtp-url."`
	MailFrom    string `env:"EXTRANET_MAIL_FROM" default:"portal@localhost" help:"Mail address of the sender."`
	MailFolder  string `env:"EXTRANET_MAIL_FOLDER" placeholder:"DIR" help:"Where mail is kept as .eml files when there is no server; default extranet-mail among the temporary files."`
	Language    string `env:"EXTRANET_LANGUAGE" enum:"en,de,fr,es" default:"en" help:"Spoken with those whose browser asks for no language that the pages speak, and in mail to those who chose none: en, de, fr or es."`
}

func (c *mailConfig) check(f *faults) {
	f.secret("smtp-url", &c.SMTPURL, c.SMTPURLFile)
	if u, err := url.Parse(c.SMTPURL); c.SMTPURL != "" && (err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps") {
		f.add("smtp-url", "must look like smtp://USER:PASSWORD@HOST:587 or smtps://USER:PASSWORD@HOST")
	}
	if _, err := mail.ParseAddress(c.MailFrom); err != nil {
		f.add("mail-from", "%q is not a mail address; write it like portal@company.example", c.MailFrom)
	}
	c.MailFolder = cmp.Or(c.MailFolder, filepath.Join(os.TempDir(), "extranet-mail"))
}

// serveConfig is all that serve can be told.
type serveConfig struct {
	databaseConfig
	mappingConfig
	mailConfig
	Listen           string   `env:"EXTRANET_LISTEN" default:"127.0.0.1:8080" help:"Address for pages and API."`
	OpsListen        string   `env:"EXTRANET_OPS_LISTEN" default:"127.0.0.1:9090" help:"Address for /healthz, /readyz and /metrics; keep it from the public."`
	BaseURL          string   `name:"base-url" env:"EXTRANET_BASE_URL" placeholder:"URL" help:"Where people reach the portal, e.g. https://portal.example.com; default http://LISTEN."`
	HostName         string   `env:"EXTRANET_HOST_NAME" default:"Extranet" help:"The host's name as pages show it."`
	Remittance       string   `env:"EXTRANET_REMITTANCE" placeholder:"TEXT" help:"How dealers pay, as their account and invoices say it: bank, account, what to name. Several lines."`
	Documents        string   `env:"EXTRANET_DOCUMENTS" placeholder:"DIR" help:"The host's folder of documents of products, which the core names files in; only read."`
	FilesDir         string   `env:"EXTRANET_FILES_DIR" placeholder:"FOLDER" help:"Where files that partners add are kept, shared by all processes; without it none are taken."`
	RedisURL         string   `name:"redis-url" env:"EXTRANET_REDIS_URL" placeholder:"URL" help:"Shared cache, redis://…; none is fine."`
	RedisURLFile     string   `name:"redis-url-file" env:"EXTRANET_REDIS_URL_FILE" placeholder:"FILE" help:"File that holds --redis-url."`
	Issuers          string   `env:"EXTRANET_ISSUERS" placeholder:"FILE" help:"OIDC issuers, YAML: a list of name, label, url, client_id, client_secret or client_secret_file, domains."`
	IssuerURL        string   `name:"issuer-url" env:"EXTRANET_ISSUER_URL" placeholder:"URL" help:"The one OIDC issuer, when there is one."`
	ClientID         string   `name:"client-id" env:"EXTRANET_CLIENT_ID" help:"The portal's client at --issuer-url."`
	ClientSecret     string   `env:"EXTRANET_CLIENT_SECRET" placeholder:"SECRET" help:"Its secret."`
	ClientSecretFile string   `env:"EXTRANET_CLIENT_SECRET_FILE" placeholder:"FILE" help:"File that holds --client-secret."`
	SessionIdle      duration `env:"EXTRANET_SESSION_IDLE" default:"30m" help:"A session ends when unused for so long."`
	SessionAbsolute  duration `env:"EXTRANET_SESSION_ABSOLUTE" default:"12h" help:"A session ends after so long."`
	RateLimit        number   `env:"EXTRANET_RATE_LIMIT" default:"200" help:"API requests a second for each caller in each process, twice as many in a burst; 0 = no limit."`
	MaxConnections   number   `env:"EXTRANET_MAX_CONNECTIONS" default:"16" help:"Connections to the portal's database."`
	CacheMiB         number   `name:"cache-mib" env:"EXTRANET_CACHE_MIB" default:"48" help:"Memory for answers kept in process, MiB."`
	TrustedProxies   []string `env:"EXTRANET_TRUSTED_PROXIES" placeholder:"CIDR" help:"Proxies whose X-Forwarded-For is believed; none by default."`
	DrainTimeout     duration `env:"EXTRANET_DRAIN_TIMEOUT" default:"20s" help:"How long requests and passes under way may take to finish at the end."`
	LogLevel         string   `env:"EXTRANET_LOG_LEVEL" default:"info" help:"debug, info, warn or error."`

	issuers []auth.Issuer
	redis   *redis.Options
}

// store keeps the files that partners add; nil where none are taken.
func (c serveConfig) store() files.Store {
	if c.FilesDir == "" {
		return nil
	}
	return files.Folder(c.FilesDir)
}

// faults collects what is wrong with a configuration.
type faults []error

func (f *faults) add(name, format string, a ...any) {
	*f = append(*f, fmt.Errorf("--%s (EXTRANET_%s): %s", name, strings.ToUpper(strings.ReplaceAll(name, "-", "_")), fmt.Sprintf(format, a...)))
}

func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	slices.SortFunc(f, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return fmt.Errorf("the configuration cannot be used:\n%w", errors.Join(f...))
}

// secret puts the file's content into value.
func (f *faults) secret(name string, value *string, file string) {
	if file == "" {
		return
	}
	if *value != "" {
		f.add(name+"-file", "is given beside --%s; give one of them", name)
		return
	}
	b, err := os.ReadFile(file)
	if err != nil {
		f.add(name+"-file", "%v", err)
	}
	*value = strings.TrimSpace(string(b))
}

func (c *databaseConfig) check(f *faults) {
	f.secret("database-url", &c.DatabaseURL, c.DatabaseURLFile)
	if c.DatabaseURL == "" && c.DatabaseURLFile == "" {
		f.add("database-url", "is needed: postgres://ROLE:PASSWORD@HOST/DATABASE?sslmode=…")
	} else if u, err := url.Parse(c.DatabaseURL); c.DatabaseURL != "" && (err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.User.Username() == "") {
		f.add("database-url", "must look like postgres://ROLE:PASSWORD@HOST/DATABASE?sslmode=…")
	} else if c.DatabaseURL != "" && u.Query().Get("sslmode") == "" {
		f.add("database-url", "must say sslmode: verify-full across a network, disable on a socket or loopback")
	}
}

func (c *mappingConfig) check(f *faults) {
	if c.Mapping == "" {
		f.add("mapping", "is needed: the YAML file that maps the core database")
	} else if _, err := os.Stat(c.Mapping); err != nil {
		f.add("mapping", "%v", err)
	}
}

// check reports every fault at once and fills in what follows from the rest.
func (c *serveConfig) check(work bool) error {
	var f faults
	c.databaseConfig.check(&f)
	if work {
		c.mappingConfig.check(&f)
		c.mailConfig.check(&f)
	}
	for name, address := range map[string]string{"listen": c.Listen, "ops-listen": c.OpsListen} {
		if _, _, err := net.SplitHostPort(address); err != nil {
			f.add(name, "%q is not HOST:PORT", address)
		}
	}
	c.BaseURL = checkBaseURL(&f, cmp.Or(c.BaseURL, "http://"+c.Listen))
	f.secret("redis-url", &c.RedisURL, c.RedisURLFile)
	if c.RedisURL != "" {
		var err error
		if c.redis, err = redis.ParseURL(c.RedisURL); err != nil {
			f.add("redis-url", "must look like redis://[:PASSWORD@]HOST:PORT/0")
		}
	}
	f.secret("client-secret", &c.ClientSecret, c.ClientSecretFile)
	c.readIssuers(&f)
	for name, d := range map[string]duration{"session-idle": c.SessionIdle, "session-absolute": c.SessionAbsolute, "drain-timeout": c.DrainTimeout} {
		if d.fault != "" {
			f.add(name, "%s", d.fault)
		}
	}
	for name, n := range map[string]number{"rate-limit": c.RateLimit, "max-connections": c.MaxConnections, "cache-mib": c.CacheMiB} {
		if n.fault != "" {
			f.add(name, "%s", n.fault)
		}
	}
	checkLevel(&f, c.LogLevel)
	for _, p := range c.TrustedProxies {
		if _, err := netip.ParsePrefix(p); err != nil {
			if _, err := netip.ParseAddr(p); err != nil {
				f.add("trusted-proxies", "%q is neither an address nor a CIDR like 10.0.0.0/8", p)
			}
		}
	}
	return f.err()
}

// checkBaseURL returns where people reach the portal, without a slash at its end.
func checkBaseURL(f *faults, base string) string {
	base = strings.TrimSuffix(base, "/")
	if u, err := url.Parse(base); err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Scheme != "https" && u.Scheme != "http" {
		f.add("base-url", "%q must be https://HOST, without a path", base)
	} else if u.Scheme == "http" && u.Hostname() != "localhost" && !isLoopback(u.Hostname()) {
		f.add("base-url", "%q must be https: browsers keep no sign-in over plain http, except on localhost", base)
	}
	return base
}

func checkLevel(f *faults, level string) {
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, level) {
		f.add("log-level", "%q is none; choose debug, info, warn or error", level)
	}
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

func (c *serveConfig) readIssuers(f *faults) {
	if c.Issuers == "" {
		if c.IssuerURL == "" || c.ClientID == "" {
			f.add("issuer-url", "is needed with --client-id, or several in the file of --issuers")
			return
		}
		c.issuers = []auth.Issuer{{Name: "host", Label: c.HostName, URL: c.IssuerURL, ClientID: c.ClientID, ClientSecret: c.ClientSecret}}
		return
	}
	text, err := os.ReadFile(c.Issuers)
	if err != nil {
		f.add("issuers", "%v", err)
		return
	}
	var list []struct {
		Name             string   `yaml:"name"`
		Label            string   `yaml:"label"`
		URL              string   `yaml:"url"`
		ClientID         string   `yaml:"client_id"`
		ClientSecret     string   `yaml:"client_secret"`
		ClientSecretFile string   `yaml:"client_secret_file"`
		Domains          []string `yaml:"domains"`
	}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&list); err != nil {
		f.add("issuers", "%s: %v", c.Issuers, err)
		return
	}
	seen := map[string]bool{}
	for i, is := range list {
		if is.Name == "" || is.URL == "" || is.ClientID == "" || seen[is.Name] {
			f.add("issuers", "%s: entry %d needs a name of its own, a url and a client_id", c.Issuers, i+1)
		}
		seen[is.Name] = true
		f.secret("issuers", &is.ClientSecret, is.ClientSecretFile)
		c.issuers = append(c.issuers, auth.Issuer{Name: is.Name, Label: cmp.Or(is.Label, is.Name), URL: is.URL, ClientID: is.ClientID, ClientSecret: is.ClientSecret, Domains: is.Domains})
	}
	if len(list) == 0 {
		f.add("issuers", "%s lists none", c.Issuers)
	}
}

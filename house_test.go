package main

import (
	"context"
	"database/sql"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"extranet/jobs"
	"extranet/portal"
	"extranet/portal/partners"
	"extranet/portal/portaltest"
	"extranet/sandbox/core"
	"extranet/sandbox/issuer"
	"extranet/sandbox/redis"
)

func TestMain(m *testing.M) { os.Exit(portaltest.Main(m)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A running portal is all of it, as it is served, on the sample company.
type running struct {
	base   string
	config serveConfig
	core   *sql.DB
	issuer *issuer.Issuer
	redis  *redis.Server
	tokens map[string]string // by mail address
	stop   func()            // ends serving, as SIGTERM does, and waits
}

// coreName is the core's database, in each house: under another name it would be another core, and all of it read anew.
const coreName = "core"

// The company is the sample company's core and a portal that mirrors it, made once and copied for each house.
var company sample

type sample struct{ sync.Once }

// make runs migrate and sync as the operator would.
func (*sample) make(t *testing.T) {
	t.Helper()
	s := portaltest.Server(t)
	admin, err := sql.Open("postgres", s.URL("postgres", "postgres"))
	must(t, err)
	defer admin.Close()
	do := func(statement string) {
		t.Helper()
		_, err := admin.Exec(statement)
		must(t, err)
	}
	do(`CREATE DATABASE ` + coreName)
	do(`CREATE DATABASE company_portal`)
	origin, err := sql.Open("postgres", s.URL("postgres", coreName))
	must(t, err)
	must(t, core.Create(t.Context(), origin, core.Small, time.Now().UTC(), nil))
	must(t, origin.Close())
	_, err = migrate(t.Context(), s.URL("postgres", "company_portal"), s.URL("portal", "company_portal"), core.Name)
	must(t, err)
	m, err := jobs.LoadMapping(companyMapping(t))
	must(t, err)
	db, err := portal.Open(t.Context(), portal.Options{URL: s.URL("portal", "company_portal")})
	must(t, err)
	_, err = jobs.Sync(t.Context(), db, m, jobs.Options{})
	must(t, err)
	must(t, db.Close())
	m.Close()
	do(`ALTER DATABASE ` + coreName + ` RENAME TO company_core`)
}

// companyMapping writes the sample company's mapping.
func companyMapping(t *testing.T) string {
	t.Helper()
	mapping := filepath.Join(t.TempDir(), "mapping.yaml")
	must(t, os.WriteFile(mapping, []byte(core.Mapping), 0o644))
	t.Setenv("EXTRANET_CORE_URL", portaltest.Server(t).URL("postgres", coreName))
	return mapping
}

// start runs serve --work as the operator would, with the sample company's people let in.
func start(t *testing.T) *running {
	t.Helper()
	r := &running{tokens: map[string]string{}}
	s := portaltest.Server(t)
	company.Do(func() { company.make(t) })
	portalName := portaltest.Database(t, "TEMPLATE company_portal STRATEGY FILE_COPY")
	admin := r.admin(t)
	do := func(statement string) {
		t.Helper()
		_, err := admin.Exec(statement)
		must(t, err)
	}
	do(`CREATE DATABASE ` + coreName + ` TEMPLATE company_core STRATEGY FILE_COPY`)
	t.Cleanup(func() { do(`DROP DATABASE ` + coreName + ` WITH (FORCE)`) })
	var err error
	r.core, err = sql.Open("postgres", s.URL("postgres", coreName))
	must(t, err)
	t.Cleanup(func() { r.core.Close() })
	mapping := companyMapping(t)
	db, err := portal.Open(t.Context(), portal.Options{URL: s.URL("portal", portalName)})
	must(t, err)
	defer db.Close()

	listen := freeAddress(t)
	r.base = "http://" + listen
	var people []issuer.Person
	for _, p := range core.People() {
		people = append(people, issuer.Person{ID: p.ID, Email: p.Email, Name: p.Name, Password: p.Password})
	}
	r.issuer, err = issuer.Start(t.Context(), issuer.Options{Name: core.Name, People: people, Clients: []issuer.Client{{ID: "extranet", Secret: "secret", Name: "extranet",
		RedirectURIs: []string{r.base + "/auth/callback"}, PostLogoutRedirectURIs: []string{r.base + "/login?signed-out"}, BackchannelLogoutURI: r.base + "/auth/backchannel/host"}}})
	must(t, err)
	t.Cleanup(func() { r.issuer.Stop() })
	r.redis, err = redis.Start(t.Context())
	must(t, err)
	t.Cleanup(r.redis.Stop)
	by, err := operator(t.Context(), db)
	must(t, err)
	must(t, db.AtTheDoor(t.Context(), func(tx *portal.Tx) error {
		tx.By = by
		for _, p := range core.People() {
			for i, m := range p.Memberships {
				partner, err := partners.ByNumber(t.Context(), tx, m.Account)
				if err != nil {
					return err
				}
				if _, err := partners.Enrol(t.Context(), tx, partners.Enrolment{Issuer: r.issuer.URL(), Subject: issuer.Subject(p.ID), Name: p.Name, Email: p.Email, PartnerID: partner.ID, Roles: m.Roles, Sites: m.Sites}); err != nil {
					return err
				}
				if i == 0 {
					perms := portal.PermissionsOf(m.Roles, m.Kind == "host")
					if r.tokens[p.Email], _, err = partners.CreateTokenFor(t.Context(), tx, partner.ID, partners.NewToken{Name: p.Email, Permissions: perms.Names(), Sites: m.Sites, ExpiresIn: time.Hour}); err != nil {
						return err
					}
				}
			}
		}
		return nil
	}))
	r.config = serveConfig{Listen: listen, OpsListen: freeAddress(t), BaseURL: r.base, HostName: core.Name, RedisURL: "redis://" + r.redis.Addr(), IssuerURL: r.issuer.URL(), ClientID: "extranet", ClientSecret: "secret",
		SessionIdle: duration{Duration: 30 * time.Minute}, SessionAbsolute: duration{Duration: 12 * time.Hour}, DrainTimeout: duration{Duration: 5 * time.Second}, MaxConnections: number{value: 8}, LogLevel: "info"}
	r.config.MailFrom, r.config.MailFolder = "portal@localhost", filepath.Join(t.TempDir(), "mail")
	r.config.DatabaseURL, r.config.Mapping = s.URL("portal", portalName), mapping
	r.config.FilesDir, r.config.Documents, r.config.Remittance = t.TempDir(), t.TempDir(), core.Remittance
	must(t, core.LayDown(t.Context(), r.core, r.config.Documents))
	must(t, r.config.check(true))
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended, ready := make(chan error, 1), make(chan struct{})
	go func() { ended <- serve(ctx, r.config, true, log, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatalf("serve: %v", err)
	case <-time.After(30 * time.Second):
		t.Fatal("serve does not answer")
	}
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve ended with: %v", err)
		}
		if t.Failed() {
			b, _ := os.ReadFile(log.Name())
			t.Logf("log:\n%s", b)
		}
		log.Close()
	}
	t.Cleanup(r.stop)
	return r
}

// admin reaches the Postgres under test as its superuser.
func (r *running) admin(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", portaltest.Server(t).URL("postgres", "postgres"))
	must(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

func parseUUID(s string) (uuid.UUID, error) { return uuid.Parse(s) }

// contextWithEnd bounds a request; a stream is read for a moment.
func contextWithEnd(t testing.TB, path string) (context.Context, context.CancelFunc) {
	if path == "/events" {
		return context.WithTimeout(t.Context(), 300*time.Millisecond)
	}
	return context.WithTimeout(t.Context(), 30*time.Second)
}

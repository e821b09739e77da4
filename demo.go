//go:build sandbox

package main

import (
	"bufio"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"extranet/jobs"
	"extranet/portal"
	"extranet/portal/partners"
	"extranet/sandbox/core"
	"extranet/sandbox/issuer"
	"extranet/sandbox/postgres"
	"extranet/sandbox/redis"
)

type demoCommand struct {
	Listen string   `env:"EXTRANET_LISTEN" default:"127.0.0.1:8080" help:"Address for pages and API; another free port when the default one is taken."`
	Data   string   `default:".data/demo" placeholder:"DIR" help:"Where the databases are kept between starts."`
	JSON   bool     `name:"json" help:"Print one line of JSON when ready, for tools."`
	Core   string   `placeholder:"URL" help:"A core database of your own, instead of the sample company."`
	Map    string   `name:"mapping" placeholder:"FILE" help:"The mapping of --core."`
	Pace   duration `default:"3s" help:"Time between two things that happen at the sample company."`
	Still  bool     `help:"Let nothing happen at the sample company."`
	Limit  number   `name:"rate-limit" env:"EXTRANET_RATE_LIMIT" default:"200" help:"API requests a second for each caller; 0 = no limit."`
}

// A demoPerson may sign in.
type demoPerson struct {
	Name     string           `json:"name"`
	Email    string           `json:"email"`
	Password string           `json:"password"`
	Partners []demoMembership `json:"partners"`
	Token    string           `json:"token"` // an API token for the first of the partners

	id string
}

type demoMembership struct {
	Number string   `json:"number"`
	Name   string   `json:"name"`
	Kind   string   `json:"kind"`
	Roles  []string `json:"roles"`
	Sites  []string `json:"sites"` // null = all
}

type demoReady struct {
	BaseURL  string       `json:"base_url"`
	Issuer   string       `json:"issuer"`
	Ops      string       `json:"ops"`
	Database string       `json:"database_url"` // the portal's, as its owner
	Core     string       `json:"core_url"`
	Redis    string       `json:"redis"`
	People   []demoPerson `json:"people"`
}

// demo is everything that runs in one process, and where it keeps what outlives it.
type demo struct {
	demoCommand
	began    time.Time
	ports    struct{ listen, issuer, ops string } // host:port
	baseURL  string
	open     bool
	pg       *postgres.Server
	ownerURL string
	loginURL string
	coreURL  string
	hostName string
}

func (c demoCommand) Run(ctx context.Context) (err error) {
	if c.Pace.fault != "" {
		return fmt.Errorf("--pace: %s", c.Pace.fault)
	}
	if c.Limit.fault != "" {
		return fmt.Errorf("--rate-limit: %s", c.Limit.fault)
	}
	if (c.Core == "") != (c.Map == "") {
		return errors.New("--core and --mapping go together")
	}
	d := demo{demoCommand: c, began: time.Now(), hostName: core.Name}
	if c.Core != "" {
		d.hostName = "Your company"
	}
	defer func() {
		if ctx.Err() != nil && !d.open { // what breaks because of Ctrl-C is no fault
			err = ctx.Err()
		}
	}()
	if err := os.MkdirAll(d.Data, 0o755); err != nil {
		return err
	}
	if d.Data, err = filepath.Abs(d.Data); err != nil {
		return err
	}
	if err := d.choosePorts(); err != nil {
		return err
	}
	d.say("Postgres, a private one")
	d.pg, err = postgres.Start(ctx, postgres.Options{Dir: filepath.Join(d.Data, "postgres")})
	if errors.Is(err, postgres.ErrRunning) {
		return fmt.Errorf("%w, or give this demo a folder of its own: --data DIR", err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.pg.Stop()) }()
	cache, err := redis.Start(ctx)
	if err != nil {
		return err
	}
	defer cache.Stop()
	if cache.Real() {
		d.say("Redis, a private one")
	} else {
		d.say("a stand-in for Redis: there is no redis-server on this machine")
	}
	if err := d.prepare(ctx); err != nil {
		return err
	}
	people, err := d.people(ctx)
	if err != nil {
		return err
	}
	d.say("OIDC issuer")
	base := d.baseURL
	idp, err := issuer.Start(ctx, issuer.Options{Listen: d.ports.issuer, Name: d.hostName, People: atIssuer(people), Clients: []issuer.Client{{
		ID: "extranet", Secret: "demo", Name: "extranet", RedirectURIs: []string{base + "/auth/callback"}, PostLogoutRedirectURIs: []string{base + "/login?signed-out"},
		BackchannelLogoutURI: base + "/auth/backchannel/host"}}})
	if err != nil {
		return err
	}
	defer idp.Stop()
	if err := d.letIn(ctx, idp, people); err != nil {
		return err
	}
	config := serveConfig{Listen: d.ports.listen, OpsListen: d.ports.ops, BaseURL: base, HostName: d.hostName, RedisURL: "redis://" + cache.Addr(),
		IssuerURL: idp.URL(), ClientID: "extranet", ClientSecret: "demo", SessionIdle: duration{Duration: 30 * time.Minute}, SessionAbsolute: duration{Duration: 12 * time.Hour},
		RateLimit: c.Limit, MaxConnections: number{value: 16}, CacheMiB: number{value: 48}, DrainTimeout: duration{Duration: 3 * time.Second}, LogLevel: "info"}
	config.DatabaseURL, config.Mapping = d.loginURL, d.mapping()
	config.MailFrom, config.MailFolder = "portal@tarnmoor.example", d.mailFolder()
	config.FilesDir = filepath.Join(d.Data, "files")
	if d.hostName == core.Name {
		config.Remittance, config.Documents = core.Remittance, d.documents()
	}
	if err := config.check(true); err != nil {
		return err
	}
	log, err := os.OpenFile(d.logFile(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	d.open = true
	all := []func(context.Context) error{func(ctx context.Context) error {
		return serve(ctx, config, true, log, func() {
			context.AfterFunc(ctx, func() { d.say("stopping") })
			d.ready(demoReady{BaseURL: base, Issuer: idp.URL(), Ops: "http://" + reachable(d.ports.ops), Database: d.ownerURL, Core: d.coreURL, Redis: cache.Addr(), People: people})
		})
	}, func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return nil
		case <-d.pg.Done():
			return fmt.Errorf("postgres has ended; its log is %s", filepath.Join(d.pg.Dir(), "postgres.log"))
		}
	}}
	if c.Core == "" && !c.Still {
		all = append(all, d.simulate)
	}
	return together(ctx, all...)
}

// say tells on the terminal what is being done.
func (d *demo) say(format string, a ...any) {
	fmt.Fprintf(os.Stderr, "%6.1fs  %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, a...))
}

// logFile is where the running portal's log lines go, so that the terminal stays readable.
func (d *demo) logFile() string { return filepath.Join(d.Data, "extranet.log") }

// mailFolder is where the mail is that the portal sends.
func (d *demo) mailFolder() string { return filepath.Join(d.Data, "mail") }

func (d *demo) mapping() string { return cmp.Or(d.Map, filepath.Join(d.Data, "mapping.yaml")) }

// choosePorts takes the address asked for, and free ports after it for the issuer and the figures.
func (d *demo) choosePorts() error {
	host, port, err := net.SplitHostPort(d.Listen)
	if err != nil {
		return fmt.Errorf("--listen: %q is not HOST:PORT", d.Listen)
	}
	if name, _, _ := net.SplitHostPort(reachable(d.Listen)); name != "localhost" && !isLoopback(name) {
		return fmt.Errorf("--listen: browsers keep no sign-in over plain http, except on their own machine: take 127.0.0.1, localhost, or 0.0.0.0 behind a container's port")
	}
	d.ports.listen, err = free(d.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		if port != "8080" {
			return fmt.Errorf("--listen: another program listens on %s", d.Listen)
		}
		d.ports.listen, err = free(net.JoinHostPort(host, "0"))
	}
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	_, port, _ = net.SplitHostPort(d.ports.listen)
	n, _ := strconv.Atoi(port)
	d.baseURL = "http://" + reachable(d.ports.listen)
	if d.ports.issuer, err = beside(host, n+1); err != nil {
		return err
	}
	d.ports.ops, err = beside(host, n+2)
	return err
}

// beside returns the host with that port, or with any free one.
func beside(host string, port int) (string, error) {
	if address, err := free(net.JoinHostPort(host, strconv.Itoa(port))); err == nil {
		return address, nil
	}
	return free(net.JoinHostPort(host, "0"))
}

// free returns the address with its port when nothing listens there.
func free(address string) (string, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "", err
	}
	defer l.Close()
	host, _, _ := net.SplitHostPort(address)
	return net.JoinHostPort(host, strconv.Itoa(l.Addr().(*net.TCPAddr).Port)), nil
}

// reachable is how a browser on this machine names an address to listen on.
func reachable(address string) string {
	host, port, _ := net.SplitHostPort(address)
	if a, err := netip.ParseAddr(host); host == "" || err == nil && a.IsUnspecified() {
		return net.JoinHostPort("localhost", port)
	}
	return address
}

// prepare makes the databases and mirrors the core once, where that is not done yet.
func (d *demo) prepare(ctx context.Context) error {
	admin, err := sql.Open("postgres", d.pg.URL("postgres", "postgres"))
	if err != nil {
		return err
	}
	defer admin.Close()
	for _, name := range []string{"portal", "core"} {
		var there bool
		if err := admin.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)`, name).Scan(&there); err != nil {
			return err
		}
		if !there {
			if _, err := admin.ExecContext(ctx, `CREATE DATABASE `+name); err != nil {
				return err
			}
		}
	}
	d.ownerURL, d.loginURL = d.pg.URL("postgres", "portal"), d.pg.URL("extranet", "portal")
	d.coreURL = cmp.Or(d.Core, d.pg.URL("postgres", "core"))
	if err := os.Setenv("EXTRANET_CORE_URL", d.coreURL); err != nil {
		return err
	}
	if d.Core == "" {
		if err := d.found(ctx); err != nil {
			return err
		}
	}
	d.say("portal's database")
	if _, err := migrate(ctx, d.ownerURL, d.loginURL, d.hostName); err != nil {
		return err
	}
	mapping, err := jobs.LoadMapping(d.mapping())
	if err != nil {
		return err
	}
	defer mapping.Close()
	db, err := portal.Open(ctx, portal.Options{URL: d.loginURL})
	if err != nil {
		return err
	}
	defer db.Close()
	fresh, err := db.AllFreshness(ctx)
	if err != nil {
		return err
	}
	mirrored := len(fresh) > 0
	for _, f := range fresh {
		mirrored = mirrored && (!f.Offered || !f.AsOf.IsZero())
	}
	if mirrored {
		return nil // the worker catches up
	}
	d.say("mirroring the core")
	_, err = jobs.Sync(ctx, db, mapping, jobs.Options{Progress: jobs.Bar(os.Stderr, isTerminal(os.Stderr))})
	return err
}

// found makes the sample company.
func (d *demo) found(ctx context.Context) error {
	if err := os.WriteFile(d.mapping(), []byte(core.Mapping), 0o644); err != nil {
		return err
	}
	db, err := sql.Open("postgres", d.coreURL)
	if err != nil {
		return err
	}
	defer db.Close()
	there, err := core.Exists(ctx, db)
	if err != nil {
		return err
	}
	if !there {
		d.say("%s, its core database", core.Name)
		if err := core.Create(ctx, db, core.Demo, time.Now().UTC(), nil); err != nil {
			return err
		}
	}
	return core.LayDown(ctx, db, d.documents())
}

// documents is the sample company's folder of documents.
func (d *demo) documents() string { return filepath.Join(d.Data, "documents") }

func (d *demo) simulate(ctx context.Context) error {
	db, err := sql.Open("postgres", d.coreURL)
	if err != nil {
		return err
	}
	defer db.Close()
	return core.Simulate(ctx, db, d.Pace.Duration, func() time.Time { return time.Now().UTC() })
}

// people lists who may sign in: the sample company's, or those whom one's own core lets in.
func (d *demo) people(ctx context.Context) (list []demoPerson, err error) {
	for _, p := range core.People() {
		person := demoPerson{Name: p.Name, Email: p.Email, Password: p.Password, id: p.ID}
		for _, m := range p.Memberships {
			if d.Core == "" || m.Account == partners.HostNumber {
				person.Partners = append(person.Partners, demoMembership{Number: m.Account, Roles: m.Roles, Sites: m.Sites})
			}
		}
		if len(person.Partners) > 0 {
			list = append(list, person)
		}
	}
	if d.Core == "" {
		return list, nil
	}
	db, err := portal.Open(ctx, portal.Options{URL: d.loginURL})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var contacts []partners.LogOn
	if err := db.AtTheDoor(ctx, func(tx *portal.Tx) (err error) { contacts, err = partners.MayLogOn(ctx, tx, 4); return err }); err != nil {
		return nil, err
	}
	for _, c := range contacts {
		list = append(list, demoPerson{Name: c.Name, Email: c.Email, Password: "welcome", id: c.Email,
			Partners: []demoMembership{{Number: c.Number, Roles: partners.DefaultRoles(c.Kind)}}})
	}
	return list, nil
}

func atIssuer(people []demoPerson) (list []issuer.Person) {
	for _, p := range people {
		name := strings.Map(func(r rune) rune { // a core may hold what a sign-in refuses
			if unicode.IsControl(r) {
				return -1
			}
			return r
		}, p.Name)
		list = append(list, issuer.Person{ID: p.id, Email: p.Email, Name: name, Password: p.Password})
	}
	return list
}

// letIn makes the people members and gives each an API token, kept with the data.
func (d *demo) letIn(ctx context.Context, idp *issuer.Issuer, people []demoPerson) error {
	file := filepath.Join(d.pg.Dir(), "tokens.json")
	tokens := map[string]string{}
	if b, err := os.ReadFile(file); err == nil {
		_ = json.Unmarshal(b, &tokens) // one that cannot be read is made anew
	}
	db, err := portal.Open(ctx, portal.Options{URL: d.loginURL})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := d.follow(ctx, idp.URL()); err != nil {
		return err
	}
	by, err := operator(ctx, db)
	if err != nil {
		return err
	}
	if d.Core == "" {
		if err := leaveUnused(ctx, db, by); err != nil {
			return fmt.Errorf("an unused token: %w", err)
		}
	}
	callers := map[string][]portal.Caller{}
	err = db.AtTheDoor(ctx, func(tx *portal.Tx) error {
		tx.By = by
		for i := range people {
			p := &people[i]
			for j := range p.Partners {
				m := &p.Partners[j]
				partner, err := partners.ByNumber(ctx, tx, m.Number)
				if err != nil {
					return err
				}
				m.Name, m.Kind = partner.Name, partner.Kind
				id, err := partners.Enrol(ctx, tx, partners.Enrolment{Issuer: idp.URL(), Subject: issuer.Subject(p.id), Name: p.Name, Email: p.Email,
					PartnerID: partner.ID, Roles: m.Roles, Sites: m.Sites})
				if err != nil {
					return fmt.Errorf("letting %s in: %w", p.Email, err)
				}
				host := partner.Kind == "host"
				callers[p.id] = append(callers[p.id], portal.Caller{PartnerID: partner.ID, PartnerNumber: m.Number, PartnerName: partner.Name, PartnerKind: partner.Kind, Host: host, PersonID: id, Name: p.Name, Perms: portal.PermissionsOf(m.Roles, host), Sites: m.Sites})
				if j == 0 && tokens[p.Email] == "" {
					perms := portal.PermissionsOf(m.Roles, partner.Kind == "host")
					if tokens[p.Email], _, err = partners.CreateTokenFor(ctx, tx, partner.ID, partners.NewToken{Name: "demo " + p.Email + " " + d.began.UTC().Format("2006-01-02 15:04:05"),
						Permissions: perms.Names(), Sites: m.Sites, ExpiresIn: 365 * 24 * time.Hour}); err != nil {
						return fmt.Errorf("a token for %s: %w", p.Email, err)
					}
				}
			}
			p.Token = tokens[p.Email]
		}
		return nil
	})
	if err != nil {
		return err
	}
	if d.Core == "" {
		if err := complain(ctx, db, callers["dana"][0], callers["claus"][0]); err != nil {
			return err
		}
		if err := stockUp(ctx, db, callers["sofia"][0]); err != nil {
			return err
		}
		if err := manage(ctx, db, callers); err != nil {
			return err
		}
	}
	b, err := json.Marshal(tokens)
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o600)
}

// follow makes the people of earlier starts those of the issuer at url: its address, which is part of who somebody is, follows --listen.
func (d *demo) follow(ctx context.Context, url string) error {
	owner, err := sql.Open("postgres", d.ownerURL)
	if err != nil {
		return err
	}
	defer owner.Close()
	for _, table := range []string{"identities", "sessions"} {
		if _, err := owner.ExecContext(ctx, `UPDATE `+table+` SET issuer = $1 WHERE issuer <> $1`, url); err != nil {
			return fmt.Errorf("moving people to the issuer's address: %w", err)
		}
	}
	if d.Core == "" {
		return recall(ctx, owner)
	}
	return nil
}

// ready tells where everything is.
func (d *demo) ready(r demoReady) {
	if d.JSON {
		_ = json.NewEncoder(os.Stdout).Encode(r)
		return
	}
	d.say("ready")
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprintf(out, "\n  %s  is open:  %s\n\n", d.hostName, r.BaseURL)
	slices.SortStableFunc(r.People, func(a, b demoPerson) int { return cmp.Compare(a.Partners[0].Kind, b.Partners[0].Kind) })
	for _, p := range r.People {
		var at []string
		for _, m := range p.Partners {
			where := strings.Join(m.Roles, ", ") + " at " + m.Name
			if m.Sites != nil {
				where += ", site " + strings.Join(m.Sites, ", ")
			}
			at = append(at, where)
		}
		fmt.Fprintf(out, "  %-28s %-10s %s\n", p.Email, p.Password, strings.Join(at, "; "))
	}
	fmt.Fprintf(out, "\n  API      %s/api/docs\n           curl -H 'Authorization: Bearer %s' %s/api/v1/orders?limit=1\n", r.BaseURL, r.People[0].Token, r.BaseURL)
	fmt.Fprintf(out, "  figures  %s/metrics\n  log      %s\n  mail     %s\n  data     %s\n\n  Ctrl-C ends it all.\n\n", r.Ops, d.logFile(), d.mailFolder(), d.pg.Dir())
}

package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/user"
	"strings"
	"time"

	_ "github.com/lib/pq"

	"extranet/jobs"
	"extranet/migrations"
	"extranet/portal"
	"extranet/portal/partners"
)

type migrateCommand struct {
	databaseConfig
	OwnerURL     string `name:"owner-url" env:"EXTRANET_OWNER_URL" placeholder:"URL" help:"The portal's database, as the role that owns the schema and may create roles."`
	OwnerURLFile string `name:"owner-url-file" env:"EXTRANET_OWNER_URL_FILE" placeholder:"FILE" help:"File that holds --owner-url."`
	HostName     string `env:"EXTRANET_HOST_NAME" default:"Extranet" help:"The host's name."`
}

func (c migrateCommand) Run(ctx context.Context) error {
	var f faults
	c.databaseConfig.check(&f)
	f.secret("owner-url", &c.OwnerURL, c.OwnerURLFile)
	if c.OwnerURL == "" && c.OwnerURLFile == "" {
		f.add("owner-url", "is needed: postgres://OWNER:PASSWORD@HOST/DATABASE?sslmode=…")
	}
	if err := f.err(); err != nil {
		return err
	}
	applied, err := migrate(ctx, c.OwnerURL, c.DatabaseURL, c.HostName)
	for _, a := range applied {
		fmt.Println("applied", a)
	}
	if err == nil && len(applied) == 0 {
		fmt.Println("nothing to do")
	}
	return err
}

// migrate brings the schema up, lets the login role in, and names the host.
func migrate(ctx context.Context, ownerURL, loginURL, hostName string) (applied []string, err error) {
	owner, err := sql.Open("postgres", ownerURL)
	if err != nil {
		return nil, err
	}
	defer owner.Close()
	if applied, err = migrations.Up(ctx, owner, loginURL); err != nil {
		return applied, err
	}
	db, err := portal.Open(ctx, portal.Options{URL: loginURL})
	if err != nil {
		return applied, err
	}
	defer db.Close()
	return applied, db.AsWorker(ctx, "migrate", func(tx *portal.Tx) error { return partners.NameHost(ctx, tx, hostName) })
}

type syncCommand struct {
	databaseConfig
	mappingConfig
	syncActs
	Full bool `help:"Read everything, whatever each feed's way."`
	JSON bool `name:"json" help:"Print the results as JSON, for machines."`
}

func (c syncCommand) Run(ctx context.Context) error {
	var f faults
	c.databaseConfig.check(&f)
	if c.Status || len(c.asked()) > 0 {
		if err := f.err(); err != nil {
			return err
		}
		return c.run(ctx, c.DatabaseURL, c.JSON)
	}
	c.mappingConfig.check(&f)
	if err := f.err(); err != nil {
		return err
	}
	mapping, err := jobs.LoadMapping(c.Mapping)
	if err != nil {
		return err
	}
	defer mapping.Close()
	db, err := portal.Open(ctx, portal.Options{URL: c.DatabaseURL})
	if err != nil {
		return err
	}
	defer db.Close()
	results, err := jobs.Sync(ctx, db, mapping, jobs.Options{Full: c.Full, Progress: jobs.Bar(os.Stderr, isTerminal(os.Stderr)), Tell: func(says string) { fmt.Fprintln(os.Stderr, says) }})
	if c.JSON {
		return errors.Join(err, json.NewEncoder(os.Stdout).Encode(results))
	}
	if len(results) == 0 {
		return err
	}
	if printed := jobs.PrintResults(os.Stdout, results); printed != nil {
		return errors.Join(err, printed)
	}
	failed := 0
	for _, r := range results {
		if r.Error != "" {
			failed++
		}
	}
	if failed > 0 && ctx.Err() == nil { // the table has just said why
		return fmt.Errorf("%d of %d passes failed", failed, len(results))
	}
	return err
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

type checkCommand struct {
	mappingConfig
	databaseConfig
	JSON bool `name:"json" help:"Print the report as JSON, for machines."`
}

func (c checkCommand) Run(ctx context.Context) error {
	var f faults
	c.mappingConfig.check(&f)
	if c.DatabaseURL != "" || c.DatabaseURLFile != "" { // it is compared with what was mirrored by another mapping
		c.databaseConfig.check(&f)
	}
	if err := f.err(); err != nil {
		return err
	}
	mapping, err := jobs.LoadMapping(c.Mapping)
	if err != nil {
		return err
	}
	defer mapping.Close()
	report, err := jobs.Check(ctx, mapping)
	if err != nil {
		return err
	}
	if c.DatabaseURL != "" {
		db, err := portal.Open(ctx, portal.Options{URL: c.DatabaseURL})
		if err != nil {
			return err
		}
		defer db.Close()
		if err := report.Against(ctx, db, mapping); err != nil {
			return err
		}
	}
	if c.JSON {
		err = json.NewEncoder(os.Stdout).Encode(report)
	} else {
		err = report.Print(os.Stdout)
	}
	if err == nil && !report.OK() {
		err = errors.New("this mapping cannot run as it is; mend what the report names")
	}
	return err
}

type mappingCommand struct {
	New    mappingNewCommand    `cmd:"" help:"Write a mapping to begin with, from the core's own catalog, to stdout."`
	Schema mappingSchemaCommand `cmd:"" help:"Print the JSON Schema of a mapping, for editors to complete by."`
	Marks  mappingMarksCommand  `cmd:"" help:"Print the triggers and tables, or the publication, that a core needs to say itself what changed, for the host to review and run."`
	Outbox mappingOutboxCommand `cmd:"" help:"Print the table that a core needs to take up commands once, for the host to review and run."`
}

type mappingMarksCommand struct {
	mappingConfig
}

func (c mappingMarksCommand) Run() error {
	var f faults
	c.mappingConfig.check(&f)
	if err := f.err(); err != nil {
		return err
	}
	mapping, err := jobs.LoadMapping(c.Mapping)
	if err != nil {
		return err
	}
	defer mapping.Close()
	return mapping.PrintMarks(os.Stdout)
}

type mappingOutboxCommand struct {
	mappingConfig
}

func (c mappingOutboxCommand) Run(ctx context.Context) error {
	var f faults
	c.mappingConfig.check(&f)
	if err := f.err(); err != nil {
		return err
	}
	mapping, err := jobs.LoadMapping(c.Mapping)
	if err != nil {
		return err
	}
	defer mapping.Close()
	return mapping.PrintOutbox(os.Stdout)
}

type mappingNewCommand struct {
	SourceURL     string `name:"source-url" env:"EXTRANET_CORE_URL" placeholder:"URL" help:"The core database; it is only read."`
	SourceURLFile string `name:"source-url-file" placeholder:"FILE" help:"File that holds --source-url."`
	Driver        string `placeholder:"DRIVER" help:"postgres, mysql (MariaDB too), sqlserver or oracle; as the URL says when left out."`
}

func (c mappingNewCommand) Run(ctx context.Context) error {
	var f faults
	f.secret("source-url", &c.SourceURL, c.SourceURLFile)
	if c.SourceURL == "" && c.SourceURLFile == "" {
		f.add("source-url", "is needed: the address of the core database")
	}
	if err := f.err(); err != nil {
		return err
	}
	if c.Driver == "" {
		c.Driver, _, _ = strings.Cut(c.SourceURL, ":")
		c.Driver = strings.NewReplacer("postgresql", "postgres", "mariadb", "mysql").Replace(c.Driver)
	}
	return jobs.NewMapping(ctx, os.Stdout, c.Driver, c.SourceURL)
}

type mappingSchemaCommand struct{}

func (mappingSchemaCommand) Run() error {
	_, err := os.Stdout.Write(jobs.Schema())
	return err
}

// operator acts from the command line, as the host, under the name of the account that runs it.
func operator(ctx context.Context, db *portal.DB) (portal.Caller, error) {
	name := "operator"
	if u, err := user.Current(); err == nil {
		name += " " + u.Username
	}
	return partners.Operator(ctx, db, name)
}

// forPartner runs f as the operator, for the partner with the number.
func forPartner(ctx context.Context, databaseURL, number string, f func(tx *portal.Tx, p partners.Partner) error) error {
	db, err := portal.Open(ctx, portal.Options{URL: databaseURL})
	if err != nil {
		return err
	}
	defer db.Close()
	by, err := operator(ctx, db)
	if err != nil {
		return err
	}
	return db.AcrossPartners(ctx, by, portal.PeopleInvite, func(tx *portal.Tx) error {
		p, err := partners.ByNumber(ctx, tx, number)
		if err != nil {
			return err
		}
		return f(tx, p)
	})
}

type inviteCommand struct {
	databaseConfig
	BaseURL string   `name:"base-url" env:"EXTRANET_BASE_URL" required:"" placeholder:"URL" help:"Where people reach the portal."`
	Partner string   `required:"" placeholder:"NUMBER" help:"The partner's account number; HOST for the host's own staff."`
	Email   string   `required:"" help:"Who is invited; their issuer must have verified this address."`
	Roles   []string `required:"" placeholder:"ROLE" help:"What they will be there, e.g. buyer."`
	Sites   []string `placeholder:"SITE" help:"The sites they are limited to; all when left out."`
	Expires duration `default:"168h" help:"How long the link is good."`
}

func (c inviteCommand) Run(ctx context.Context) error {
	var f faults
	c.databaseConfig.check(&f)
	if u, err := url.Parse(c.BaseURL); err != nil || u.Host == "" {
		f.add("base-url", "%q is not a URL", c.BaseURL)
	}
	if c.Expires.fault != "" {
		f = append(f, fmt.Errorf("--expires: %s", c.Expires.fault))
	}
	if err := f.err(); err != nil {
		return err
	}
	return forPartner(ctx, c.DatabaseURL, c.Partner, func(tx *portal.Tx, p partners.Partner) error {
		secret, i, err := partners.InviteFor(ctx, tx, p.ID, partners.New{Email: c.Email, Roles: c.Roles, Sites: c.Sites, ExpiresIn: c.Expires.Duration})
		if err != nil {
			return err
		}
		fmt.Printf("%s/invitation/%s\n", strings.TrimSuffix(c.BaseURL, "/"), secret)
		fmt.Fprintf(os.Stderr, "for %s at %s, good once, until %s\n", i.Email, p.Name, i.ExpiresAt.UTC().Format(time.RFC3339))
		return nil
	})
}

type tokenCommand struct {
	databaseConfig
	Partner     string   `required:"" placeholder:"NUMBER" help:"The partner's account number."`
	Name        string   `required:"" help:"What it is for, as the audit names it."`
	Permissions []string `required:"" placeholder:"PERMISSION" help:"What it may do, e.g. orders:read."`
	Sites       []string `placeholder:"SITE" help:"The sites it is limited to; all when left out."`
	Expires     duration `default:"2160h" help:"How long it is good; a year at most."`
}

func (c tokenCommand) Run(ctx context.Context) error {
	var f faults
	c.databaseConfig.check(&f)
	if c.Expires.fault != "" {
		f = append(f, fmt.Errorf("--expires: %s", c.Expires.fault))
	}
	if err := f.err(); err != nil {
		return err
	}
	return forPartner(ctx, c.DatabaseURL, c.Partner, func(tx *portal.Tx, p partners.Partner) error {
		secret, t, err := partners.CreateTokenFor(ctx, tx, p.ID, partners.NewToken{Name: c.Name, Permissions: c.Permissions, Sites: c.Sites, ExpiresIn: c.Expires.Duration})
		if err != nil {
			return err
		}
		fmt.Println(secret)
		fmt.Fprintf(os.Stderr, "%s acts for %s until %s; it is not shown again\n", t.Name, p.Name, t.ExpiresAt.UTC().Format(time.RFC3339))
		return nil
	})
}

type auditCommand struct {
	Verify verifyCommand `cmd:"" help:"Walk every partner's chain, or one's, and name the first row that was altered or is missing."`
}

type verifyCommand struct {
	databaseConfig
	Partner string `placeholder:"NUMBER" help:"The partner's account number; all when left out."`
}

func (c verifyCommand) Run(ctx context.Context) error {
	var f faults
	c.databaseConfig.check(&f)
	if err := f.err(); err != nil {
		return err
	}
	db, err := portal.Open(ctx, portal.Options{URL: c.DatabaseURL})
	if err != nil {
		return err
	}
	defer db.Close()
	chains, rows, broken, err := verifyChains(ctx, db, c.Partner)
	if err != nil {
		return err
	}
	for _, b := range broken {
		fmt.Println(b)
	}
	fmt.Printf("%d chains, %d rows\n", chains, rows)
	if len(broken) > 0 {
		return fmt.Errorf("%d of them are not whole", len(broken))
	}
	return nil
}

// verifyChains walks the audit chains of every partner, or of the one with the number, and says which are broken, and where.
func verifyChains(ctx context.Context, db *portal.DB, number string) (chains int, rows int64, broken []string, err error) {
	by, err := operator(ctx, db)
	if err != nil {
		return 0, 0, nil, err
	}
	var numbers []portal.Chain
	err = db.AcrossPartners(ctx, by, portal.AuditRead, func(tx *portal.Tx) (err error) { numbers, err = portal.Chains(ctx, tx); return err })
	if err != nil {
		return 0, 0, nil, err
	}
	for _, c := range numbers {
		if number != "" && c.Number != number {
			continue
		}
		chains++
		err := db.AcrossPartners(ctx, by, portal.AuditRead, func(tx *portal.Tx) error {
			n, err := portal.VerifyAudit(ctx, tx, c.PartnerID)
			rows += n
			return err
		})
		if portal.Says(err).Kind == portal.Conflict {
			broken = append(broken, c.Number+": "+portal.Says(err).Msg)
		} else if err != nil {
			return chains, rows, broken, err
		}
	}
	if chains == 0 && number != "" {
		return 0, 0, nil, portal.Errorf(portal.NotFound, "there is no partner %q with a chain", number)
	}
	return chains, rows, broken, nil
}

type readyCommand struct {
	OpsListen string `env:"EXTRANET_OPS_LISTEN" default:"127.0.0.1:9090" help:"The ops address of the running portal."`
}

func (c readyCommand) Run(ctx context.Context) error {
	host, port, err := net.SplitHostPort(c.OpsListen)
	if err != nil {
		return fmt.Errorf("--ops-listen: %q is not HOST:PORT", c.OpsListen)
	}
	if a, err := netip.ParseAddr(host); host == "" || err == nil && a.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", answer.Status)
	}
	return nil
}

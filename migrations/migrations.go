// Package migrations holds the schema: one numbered SQL file per change.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"net/url"
	"strings"

	"github.com/lib/pq"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed *.sql
var files embed.FS

// Roles are what the login role acts as; see 0001_house.sql.
var Roles = []string{"extranet_partner", "extranet_host", "extranet_door", "extranet_worker"}

// RiverSchema keeps the job queue's own tables apart.
const RiverSchema = "river"

// Up brings the database to the newest schema and lets the login role in.
// owner is the role that owns the schema. loginURL names the role that serve
// and work connect as: it is created when it is not there, with the URL's password, and inherits
// nothing. Several Ups at once wait for each other. applied lists the new files.
func Up(ctx context.Context, owner *sql.DB, loginURL string) (applied []string, err error) {
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, owner, files, goose.WithSessionLocker(locker))
	if err != nil {
		return nil, fmt.Errorf("reading migrations: %w", err)
	}
	done, err := p.Up(ctx)
	for _, r := range done {
		applied = append(applied, strings.TrimSuffix(r.Source.Path, ".sql"))
	}
	if err != nil {
		return applied, fmt.Errorf("migrating: %w", err)
	}
	if err := letIn(ctx, owner, loginURL); err != nil {
		return applied, err
	}
	return applied, nil
}

func letIn(ctx context.Context, owner *sql.DB, loginURL string) error {
	u, err := url.Parse(loginURL)
	if err != nil || u.User.Username() == "" {
		return fmt.Errorf("the database URL names no role to log in as: write postgres://ROLE:PASSWORD@HOST/DATABASE")
	}
	role := pq.QuoteIdentifier(u.User.Username())
	password := ""
	if p, ok := u.User.Password(); ok {
		password = " PASSWORD " + pq.QuoteLiteral(p)
	}
	conn, err := owner.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var exists, same, above bool
	if err := conn.QueryRowContext(ctx, `SELECT count(*) > 0, $1 = current_user, coalesce(bool_or(rolsuper OR rolbypassrls), false) FROM pg_roles WHERE rolname = $1`,
		u.User.Username()).Scan(&exists, &same, &above); err != nil {
		return err
	}
	if same || above {
		return fmt.Errorf("the login role %s must be neither the schema's owner nor a role that row-level security does not hold (SUPERUSER, BYPASSRLS): name another in the database URL", role)
	}
	verb := "ALTER"
	if !exists {
		verb = "CREATE"
	}
	statements := []string{
		verb + ` ROLE ` + role + ` LOGIN NOINHERIT` + password,
		`GRANT ` + strings.Join(Roles, ", ") + ` TO ` + role,
		`ALTER ROLE ` + role + ` SET lock_timeout = '4s'`,
		`ALTER ROLE ` + role + ` SET statement_timeout = '30s'`,
		`ALTER ROLE ` + role + ` SET idle_in_transaction_session_timeout = '30s'`,
		`ALTER ROLE ` + role + ` SET timezone = 'UTC'`,
		`ALTER ROLE ` + role + ` SET jit = off`, // compiling a statement takes longer than any of ours runs
		`CREATE SCHEMA IF NOT EXISTS ` + RiverSchema,
		`GRANT USAGE ON SCHEMA ` + RiverSchema + ` TO ` + role,
	}
	run := func(statements []string) error {
		for _, s := range statements {
			if _, err := conn.ExecContext(ctx, s); err != nil {
				if pe, ok := err.(*pq.Error); ok && (pe.Code == "42710" || pe.Code == "23505") {
					continue // another Up was faster
				}
				return fmt.Errorf("letting %s in: %w", role, err)
			}
		}
		return nil
	}
	if err := run(statements); err != nil {
		return err
	}
	m, err := rivermigrate.New(riverdatabasesql.New(owner), &rivermigrate.Config{Schema: RiverSchema})
	if err != nil {
		return fmt.Errorf("reading the job queue's migrations: %w", err)
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrating the job queue: %w", err)
	}
	return run([]string{
		`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ` + RiverSchema + ` TO ` + role,
		`GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA ` + RiverSchema + ` TO ` + role,
		`GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ` + RiverSchema + ` TO ` + role,
	})
}
